"""Section 5.2: kernel ridge regression over the kernel, relaxed and not.

(6): inf over A (K × N) and M ⪰ 0 of ‖Y − A k_M‖² + μ tr(k_M AᵀA) with k_M(x, z) = φ(‖x − z‖_M), φ > 0 strictly
decreasing and φ(0) = 1; (7): the same over all k ⪰ 0 with entries ≥ 0 and unit diagonal, in place of k_M.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, Identity, Minimisation, at_most, clause, equal, less
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    matrix,
    ones,
    repeat_columns,
    sum_squares,
    trace,
    variable,
)
from theory.papers.beaglehole2024.gram import drawn_samples, of_full_rank
from theory.papers.beaglehole2024.setting import integers, inverse, labels, plus, source, times, transposed
from theory.papers.dang2023.letters import OFF
from theory.statement import Expected, theorem

F = Fraction
RIDGES = st.sampled_from([F(x) for x in ("1/100", "1/4", "1", "10")])
SMALL = st.sampled_from(((2, 1), (2, 2), (3, 1)))
SIZES = st.sampled_from(((2, 1), (2, 2), (3, 1), (3, 2), (2, 3)))
BALANCED = {"K ≥ 2, n ≥ 1, μ > 0": lambda case, mu, **_: case[0] >= 2 and case[1] >= 1 and mu > 0}


def objective(A: Expression, k: Expression, Y: Expression, mu: Fraction) -> Expression:
    """‖Y − A k‖² + μ tr(k AᵀA)."""
    return sum_squares(Y - A @ k) + mu * trace(A @ k @ A.T)


def optimal_value(K: int, n: int, mu: Fraction) -> Fraction:
    """K n μ/(n + μ)."""
    return K * n * mu / (n + mu)


@theorem(
    "beaglehole2024-relaxed-kernel",
    source=source("Theorem 5.4", X="the optimal value"),
    expected=Expected(
        "holds",
        "numerical",
        "no engine derives a minimum over kernels: the argument is beaglehole2024-relaxed-argument",
    ),
    hypotheses=BALANCED,
    case=SMALL,
    mu=RIDGES,
    witness={"case": (2, 2), "mu": F(1, 4)},
    wrong={"value off by 1e-6": {"factor": OFF}, "k = I": {"collapsed": False}},
)
def relaxed_kernel(
    case: tuple[int, int], mu: Fraction, factor: Fraction = Fraction(1), collapsed: bool = True
) -> GlobalMinimum:
    """The unique optimum of (7) is k = I_K ⊗ 11ᵀ = YᵀY, of value K n μ/(n + μ).

    k = VᵀV with columns of V over their norms, which are fixed at 1 by squares that vanish at the minimum. The
    condition that entries of k be ≥ 0 is left out: the optimum meets it, and is the unique one without it, too. A is
    not unique for n ≥ 2, as k is singular; A k is.
    """
    (K, n), N = case, case[0] * case[1]
    Y, A, V = labels(K, n), variable("A", (K, N)), variable("V", (N, N))
    gram = V.T @ V
    lengths = diagonal([gram[i, i] ** F(-1, 2) for i in range(N)])
    k = lengths @ gram @ lengths
    fixed = sum(((gram[i, i] - 1) ** 2 for i in range(N)), start=0 * gram[0, 0])
    best = Y.T @ Y if collapsed else identity(N)
    point = {"A": 1 / (n + mu) * Y, "V": repeat_columns(identity(N)[range(N), range(K)], (n,) * K)}
    problem = Minimisation(objective(A, k, Y, mu) + fixed, {"A": A, "V": V})
    return GlobalMinimum(problem, constant(factor * optimal_value(K, n, mu)), (point,), (clause("k", equal(k, best)),))


def unit_columns(rows: int, columns: int, seed: int) -> Expression:
    """Columns of norm 1, rational: 2v/(1 + ‖v‖²) above (‖v‖² − 1)/(1 + ‖v‖²), for drawn integers v."""
    found = []
    for v in transposed(integers(rows - 1, columns, seed)):
        square = sum((x * x for x in v), F(0))
        found.append([*(2 * x / (1 + square) for x in v), (square - 1) / (1 + square)])
    return matrix(transposed(found))


@theorem(
    "beaglehole2024-relaxed-argument",
    source=source("Theorem 5.4, a proof by squares", "X"),
    hypotheses=BALANCED,
    case=SIZES,
    mu=RIDGES,
    seed=st.integers(0, 50),
    witness={"case": (2, 2), "mu": F(1, 4), "seed": 0},
    wrong={"B = Y/n": {"ridge": 0}, "without the pairs": {"pairs": 0}, "half the pairs": {"pairs": F(1, 2)}},
)
def relaxed_argument(
    case: tuple[int, int], mu: Fraction, seed: int, ridge: int = 1, pairs: int | Fraction = 1
) -> Identity:
    """The objective is K n μ/(n + μ) + ‖Y − A k − μB‖² + μ ‖(A − B) Xᵀ‖² + μ/(n + μ)² Σ ‖x_i − x_j‖².

    For all A, and k = XᵀX with unit columns; B = Y/(n + μ), the sum is over pairs of samples of one class. So no value
    is below, and where it is attained the columns of a class are one, A k = B k and Y k = (n + μ) (Y − μB) = n Y: for
    k = Yᵀ C Y this says C = I. Nothing asks for entries of k that are ≥ 0.
    """
    (K, n), N = case, case[0] * case[1]
    Y, A, X = labels(K, n), matrix(integers(K, N, seed + 1)), unit_columns(N + 1, N, seed)
    k, B = X.T @ X, 1 / (n + ridge * mu) * Y
    within = [(i, j) for j in range(N) for i in range(j) if i // n == j // n]
    total = sum((2 - 2 * k[i, j] for i, j in within), start=0 * k[0, 0])
    squares = sum_squares(Y - A @ k - mu * B) + mu * sum_squares((A - B) @ X.T)
    return Identity(
        (
            clause("unit columns", *(equal(k[i, i], 1) for i in range(N))),
            clause(
                "squares",
                equal(
                    objective(A, k, Y, mu),
                    optimal_value(K, n, mu) + squares + pairs * mu / (n + mu) ** 2 * total,
                ),
            ),
        )
    )


@theorem(
    "beaglehole2024-relaxed-value",
    source=source("Theorem 5.4, elimination of A", "X"),
    hypotheses={**BALANCED, "k ≻ 0": lambda case, seed, **_: of_full_rank(case, 0, seed)},
    case=SIZES,
    mu=RIDGES,
    seed=st.integers(0, 50),
    witness={"case": (2, 2), "mu": F(1, 4), "seed": 0},
    wrong={"2μ": {"factor": 2}, "value K n/(n + μ)": {"numerator": False}},
)
def relaxed_value(case: tuple[int, int], mu: Fraction, seed: int, factor: int = 1, numerator: bool = True) -> Identity:
    """A = Y (k + μI)⁻¹ is stationary, where (7) is μ tr(Y (k + μI)⁻¹ Yᵀ); at k = YᵀY this is K n μ/(n + μ)."""
    K, n = case
    X, Y = drawn_samples(case, 0, seed), labels(K, n)
    gram = times(transposed(X), X)
    k, R, G = matrix(gram), matrix(inverse(plus(gram, factor * mu))), Y.T @ Y
    A, one = Y @ R, identity(K * n)
    S = 1 / mu * (one - 1 / (n + mu) * G)
    value = optimal_value(K, n, mu) if numerator else F(K * n) / (n + mu)
    return Identity(
        (
            clause("stationary", equal((A @ k - Y) @ k + mu * (A @ k), 0 * Y)),
            clause("eliminated", equal(objective(A, k, Y, mu), mu * trace(Y @ R @ Y.T))),
            clause("value", equal((G + mu * one) @ S, one), equal(mu * trace(Y @ S @ Y.T), value)),
        )
    )


# ----------------------------------------------------------------------------------------------------- proposition B.1


ACROSS = st.sampled_from([F(x) for x in ("1/1000", "1/20", "1/3", "9/10")])


def block_kernel(case: tuple[int, int], t: Fraction) -> Expression:
    """YᵀY + t (11ᵀ − YᵀY)."""
    N, G = case[0] * case[1], labels(*case).T @ labels(*case)
    return (1 - t) * G + t * ones(N, N)


def metric(case: tuple[int, int], spare: int, seed: int, factor: int = 1) -> Clause:
    """XᵀMX = YᵀY for M = X (XᵀX)⁻¹ YᵀY (XᵀX)⁻¹ Xᵀ: with cM distances are 0 within classes and √(2c) across them."""
    rows, G = drawn_samples(case, spare, seed), labels(*case).T @ labels(*case)
    X = matrix(rows)
    left = X @ matrix(inverse(times(transposed(rows), rows)))
    return clause("XᵀMX = YᵀY", equal(X.T @ (left @ G @ left.T) @ X, factor * G))


@theorem(
    "beaglehole2024-kernel-equivalence",
    source=source("Proposition B.1"),
    expected=Expected(
        "refuted",
        "certified",
        "no M attains the infimum of (6): φ is positive by hypothesis, so that every k_M has entries > 0 across "
        "classes, and k = YᵀY, which alone attains it (beaglehole2024-relaxed-argument), has none. The infima are "
        "equal, and are approached as M grows without bound (beaglehole2024-kernel-infimum)",
    ),
    hypotheses={"K ≥ 2, φ > 0": lambda case, t, **_: case[0] >= 2 and 0 < t < 1, "XᵀX ≻ 0": of_full_rank},
    case=SIZES,
    spare=st.integers(0, 1),
    seed=st.integers(0, 50),
    t=ACROSS,
    witness={"case": (2, 1), "spare": 0, "seed": 0, "t": F(1, 20)},
    wrong={"k_M = 11ᵀ": {"constant_kernel": True}},
)
def kernel_equivalence(
    case: tuple[int, int], spare: int, seed: int, t: Fraction, constant_kernel: bool = False
) -> Identity:
    """(6) and (7) have the same solution: k_M = YᵀY for some M. False: the infima are the same, (6) has no solution.

    Here M = c X (XᵀX)⁻¹ YᵀY (XᵀX)⁻¹ Xᵀ, the natural choice, with c by φ(√(2c)) = t: no t but those in (0, 1) occurs.
    """
    N = case[0] * case[1]
    target = ones(N, N) if constant_kernel else labels(*case).T @ labels(*case)
    return Identity((metric(case, spare, seed), clause("solution", equal(block_kernel(case, t), target))))


@theorem(
    "beaglehole2024-kernel-infimum",
    source=source("Proposition B.1, corrected", "X"),
    hypotheses={
        "K ≥ 2, μ > 0, 0 < t < 1": lambda case, mu, t, **_: case[0] >= 2 and mu > 0 and 0 < t < 1,
        "XᵀX ≻ 0": of_full_rank,
    },
    case=SIZES,
    spare=st.integers(0, 1),
    seed=st.integers(0, 50),
    mu=RIDGES,
    t=ACROSS,
    witness={"case": (2, 2), "spare": 1, "seed": 0, "mu": F(1, 4), "t": F(1, 20)},
    wrong={"attained": {"attained": True}, "first order in t": {"power": 1}, "XᵀMX = 2YᵀY": {"double": 2}},
)
def kernel_infimum(
    case: tuple[int, int],
    spare: int,
    seed: int,
    mu: Fraction,
    t: Fraction,
    attained: bool = False,
    power: int = 2,
    double: int = 1,
) -> Identity:
    """At cM, φ(√(2c)) = t, the value of (6) exceeds that of (7) by μ K(K−1) n³ t²/(a (a − nt)(a + n(K−1)t)), a = n + μ.

    This is positive and at most K(K−1) n³ t²/a²: the infimum of (6) is K n μ/(n + μ), as c → ∞ and t → 0.
    """
    (K, n), a, Y = case, case[1] + mu, labels(*case)
    k, N = block_kernel(case, t), case[0] * case[1]
    A = 1 / (a - n * t) * (Y - n * t / (a + n * (K - 1) * t) * ones(K, N))
    above = mu * K * (K - 1) * n**3 * t**power / (a * (a - n * t) * (a + n * (K - 1) * t))
    return Identity(
        (
            metric(case, spare, seed, double),
            clause("best A", equal(A @ (k + mu * identity(N)), Y)),
            clause("excess", equal(objective(A, k, Y, mu), optimal_value(K, n, mu) + (0 if attained else above))),
            clause("to 0", less(0, above), at_most(above, K * (K - 1) * n**3 * t**power / a**2)),
        )
    )
