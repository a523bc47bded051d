"""Section 4, Theorem B.2: the choice of λ and ε1, and the second phase, in which layers are balanced (11 to 13).

Theorem 4.4 as printed forbids any run, so small is its step size (see ``OMITTED``): it is examined step by step.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import strategies as st

from theory.claims import CriticalPoints, Identity, Inequality, Minimisation, Point, at_most, clause, equal
from theory.ops import (
    Expression,
    constant,
    diagonal,
    matrix,
    one_hot,
    ones,
    operator_norm,
    sqrt,
    sum_squares,
    variable,
)
from theory.papers.jacot2024.networks import (
    HALVES,
    Leaky,
    gradients,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    determinant,
    power,
    product,
    source,
    spread,
    total,
)
from theory.papers.jacot2024.training import share
from theory.statement import Expected, theorem

# --------------------------------------------------------------------------------------------------------- Theorem B.2


@theorem(
    "jacot2024-decay-budget",
    source=source("Theorem B.2, the choice of λ", "Q", P="m_λ", R="λ ≤ α"),
    expected=NUMERICAL,
    wrong={"9 for 18": {"budget": 9}, "17 for 18": {"budget": 17}},
    size=st.sampled_from([Fraction(x) for x in ("1/4", "1/2", "1", "2", "8")]),
    hypotheses={"ε1 > 0": lambda size: size > 0},
    witness={"size": Fraction(1)},
)
def decay_budget(size: Fraction, budget: int = 18) -> Inequality:
    """2 λ m_λ ≤ ε1² for λ ≤ ε1²/(18 (‖θ_0‖ + λ_F/2)²), λ ≤ α and r_0 ≤ λ_F/2. Attained where all three are equalities.

    So the first phase ends with ½‖Z_L − Y‖² ≤ C_λ ≤ ε1², which is (30): ‖Z_L − Y‖_F ≤ √2 ε1.
    """
    t, f, p, v, w = (variable(x) for x in ("t", "f", "p", "v", "w"))
    start = t**2 + f**2 / 2
    decay = size**2 / (budget * start**2) * share(p) ** 2
    ratio = 2 / sqrt(1 + w**2)
    m = (1 + ratio) ** 2 * (t**2 + f**2 / 2 * share(v) ** 2) ** 2
    point = {"t": constant(1), "f": constant(2), "p": constant(1), "v": constant(1), "w": constant(0)}
    variables = {"t": t, "f": f, "p": p, "v": v, "w": w}
    return Inequality(2 * decay * m, constant(size**2), variables, (point,))


@theorem(
    "jacot2024-gd-range",
    source=source("Theorem 4.4 and B.2, what (28) asks of the printed range of ε1; own", "X"),
    expected=Expected(
        "refuted",
        "certified",
        "the range is that of Theorem 3.1 for ‖Z_L − Y‖ ≤ ε1, but descent leaves √2 ε1 (30): at its upper end the "
        "denominator of (28) is below zero, and from K = 4 on s_K(Y) − √2 ε1 is, too. A constant is at fault: with √2 "
        "less it holds (jacot2024-gd-range-narrow)",
    ),
    K=st.integers(2, 10),
    n=st.integers(1, 6),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    witness={"K": 4, "n": 2},
    wrong={"twice the range": {"times": 2}, "three times the range": {"times": 3}},
)
def gd_range(K: int, n: int, times: int = 1) -> Identity:
    """ε1 = ½√((K−1)N/K), the largest one allowed, keeps the denominators of (28) from being negative.

    √((K−1)/K) − 2√2 ε1/√N ≥ 0 and s_K(Y) − √2 ε1 ≥ 0: hypothesis 4 of Theorem 3.1 at √2 ε1, which (28) applies.
    """
    return _range(K, n, times * sqrt(Fraction((K - 1) * n, 4)))


@theorem(
    "jacot2024-gd-range-narrow",
    source=source("Theorem 4.4 and B.2, the range of ε1, corrected; own", "X"),
    K=st.integers(2, 10),
    n=st.integers(1, 6),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    witness={"K": 4, "n": 2},
    wrong={"√2 more, as printed": {"times": Fraction(2)}, "a thousandth more": {"times": Fraction(1_001, 1000)}},
)
def gd_range_narrow(K: int, n: int, times: Fraction = Fraction(1)) -> Identity:
    """ε1 = min(s_K(Y)/√2, √((K−1)N/(8K))) does, and no larger one: one of them is zero there."""
    widest = Fraction((K - 1) * n, 8)
    return _range(K, n, sqrt(times * min(Fraction(n, 2), widest)))


def _range(K: int, n: int, epsilon1: Expression) -> Identity:
    gap = 2 * sqrt(2) * epsilon1 / sqrt(K * n)
    return Identity(
        (
            clause("denominator", at_most(gap, sqrt(Fraction(K - 1, K)))),
            clause("s_K(Y)", at_most(sqrt(2) * epsilon1, spread(K, n))),
        )
    )


IMBALANCE: dict[str, Any] = {
    "hypotheses": {"0 < γ ≤ 1 and L ≥ 3": lambda gamma, L, **_: 0 < gamma <= 1 and L >= 3},
    "gamma": st.sampled_from((*HALVES, Fraction(1))),
    "steep": st.sampled_from((0, 4)),
    "L": st.integers(3, 4),
    "N": st.integers(1, 2),
    "root": st.sampled_from([Fraction(1, 3), Fraction(1)]),
    "witness": {"gamma": Fraction(1), "steep": 0, "L": 3, "N": 1, "root": Fraction(1)},
}


@theorem(
    "jacot2024-gradient-imbalance",
    source=source("Theorem B.2, the second phase: the term of η; by hand"),
    expected=NUMERICAL,
    wrong={"the power L − 2": {"less": 2}, "1/28 of it": {"times": Fraction(1, 28)}},
    **IMBALANCE,
)
def gradient_imbalance(
    gamma: Fraction, steep: int, L: int, N: int, root: Fraction, less: int = 0, times: Fraction = Fraction(1)
) -> Inequality:
    """‖G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ‖_op ≤ λ (2C_λ/λ)^L ‖X‖_op² for G_ℓ = ∇_{W_ℓ} C_0 on linear layers.

    With C_λ ≤ ε1² and the recursion of the imbalance, η ≤ (ε2/2)(λ/(2ε1²))^L/‖X‖_op² adds at most ε2/2 to it. It
    holds L^L times smaller (jacot2024-gradient-imbalance-sharp); λ = ``root``².
    """
    left, right, variables, point = _imbalance(Leaky(gamma, steep), L, N, root, L - less)
    return Inequality(left, times * right, variables, near=(point,))


@theorem(
    "jacot2024-gradient-imbalance-sharp",
    source=source("Theorem B.2, the second phase, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"a hundredth less": {"times": Fraction(99, 100)}, "half of it": {"times": Fraction(1, 2)}},
    **IMBALANCE,
)
def gradient_imbalance_sharp(
    gamma: Fraction, steep: int, L: int, N: int, root: Fraction, times: Fraction = Fraction(1)
) -> Inequality:
    """‖G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ‖_op ≤ λ (2C_λ/(Lλ))^L ‖X‖_op², by the mean of ‖R‖², λ‖W_j‖² for j ≠ ℓ.

    ‖G_ℓ‖² ≤ ‖R‖_F² ∏_{j≠ℓ} ‖W_j‖_F² ‖X‖_op² with R = Z_L − Y, and 2C_λ is the sum of all. Attained for σ(x) = x.
    """
    left, right, variables, point = _imbalance(Leaky(gamma, steep), L, N, root, L)
    tight = (point,) if (gamma, steep, N) == (1, 0, 1) else ()
    return Inequality(left, times * Fraction(1, L**L) * right, variables, tight)


def _imbalance(
    sigma: Leaky, L: int, N: int, root: Fraction, exponent: int
) -> tuple[Expression, Expression, dict[str, Expression], Point]:
    """Both sides, the variables, and where all of ‖R‖², λ‖W_j‖² for j < L are equal, and W_L = 0, if σ(x) = x."""
    W, X = [variable(f"W_{layer}", (2, 2)) for layer in range(1, L + 1)], variable("X", (2, N))
    found, R = gradients(W, X, one_hot((1, 1))[:, :N], sigma, 1)
    double = sum_squares(R) + root**2 * total([sum_squares(w) for w in W])
    left = operator_norm(found[L - 1].T @ found[L - 1] - found[L - 2] @ found[L - 2].T)
    right = root**2 * (double / root**2) ** exponent * operator_norm(X) ** 2
    sizes = [1 / root] * (L - 1) + [0]
    point = {str(w.data): diagonal([size], 2, 2) for w, size in zip(W, sizes, strict=True)}
    return left, right, {str(v.data): v for v in (*W, X)}, {**point, "X": diagonal([1], 2, N)}


# --------------------------------------------------------------------------------------------------------- the balance


def rational_matrix(rows: int, columns: int, random: Random) -> Expression:
    """A matrix of small fractions."""
    return matrix([[Fraction(random.randint(-12, 12), 6) for _ in range(columns)] for _ in range(rows)])


@theorem(
    "jacot2024-balance-recursion",
    source=source("proof of Theorem B.2, the imbalance after a step"),
    hypotheses={"η, λ ≥ 0": lambda rate, decay, **_: rate >= 0 and decay >= 0},
    seed=st.integers(0, 10_000),
    widths=st.sampled_from(((2, 2, 2, 2), (3, 2, 4, 2), (2, 3, 3, 3), (4, 3, 2, 2), (1, 2, 1, 1))),
    N=st.integers(1, 4),
    rate=st.sampled_from([Fraction(x) for x in ("1/1000", "1/10", "1", "3")]),
    decay=st.sampled_from([Fraction(x) for x in ("0", "1/100", "1/3", "2")]),
    witness={"seed": 1, "widths": (3, 2, 4, 2), "N": 3, "rate": Fraction(1, 10), "decay": Fraction(1, 3)},
    wrong={
        "1 − 2ηλ for (1 − ηλ)²": {"whole": 0},
        "the second term subtracted": {"sign": -1},
    },
)
def balance_recursion(
    seed: int, widths: tuple[int, ...], N: int, rate: Fraction, decay: Fraction, whole: int = 1, sign: int = 1
) -> Identity:
    """D_ℓ' = (1 − ηλ)² D_ℓ + η² (G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ) for D_ℓ = W_{ℓ+1}ᵀW_{ℓ+1} − W_ℓW_ℓᵀ after one step.

    All adjacent linear layers, any η and λ; what enters the first of them, Z_{L1}, and the labels are drawn.
    """
    random = Random(seed)
    shapes = list(zip(widths[1:], widths, strict=False))
    W = [rational_matrix(*shape, random) for shape in shapes]
    Z, Y = rational_matrix(widths[0], N, random), rational_matrix(widths[-1], N, random)
    G, _ = gradients(W, Z, Y, Leaky(Fraction(1), 0), 0)
    V = [(1 - rate * decay) * w - rate * g for w, g in zip(W, G, strict=True)]
    factor = (1 - rate * decay) ** 2 - (0 if whole else (rate * decay) ** 2)
    clauses = []
    for i in range(len(W) - 1):
        D, after = (M[i + 1].T @ M[i + 1] - M[i] @ M[i].T for M in (W, V))
        second = sign * rate**2 * (G[i + 1].T @ G[i + 1] - G[i] @ G[i].T)
        clauses.append(clause(f"layers {i + 1} and {i + 2}", equal(after, factor * D + second)))
    return Identity(tuple(clauses))


@theorem(
    "jacot2024-critical-balance",
    source=source("proof of Theorem 5.2, critical points", "P", R="κ(W_L)^{L2} = κ(W_{L:L1+1}), (15)"),
    expected=Expected("holds", "numerical", "descent finds critical points; all of them is for a proof"),
    hypotheses={"λ > 0": lambda decay, **_: decay > 0},
    seed=st.integers(0, 2),
    L2=st.integers(2, 3),
    decay=st.sampled_from([Fraction(1, 10), Fraction(1, 3)]),
    witness={"seed": 1, "L2": 2, "decay": Fraction(1, 10)},
    wrong={
        "up to a tenth": {"shift": Fraction(1, 10)},
        "up to a hundredth": {"shift": Fraction(1, 100)},
        "λ⁻¹ for −λ⁻¹": {"sign": 1},
        "κ(W_L) to the power L2 − 1": {"fewer": 1},
    },
)
def critical_balance(
    seed: int, L2: int, decay: Fraction, shift: Fraction = Fraction(0), sign: int = -1, fewer: int = 0
) -> CriticalPoints:
    """At critical points of C_λ linear layers are balanced, and (W_L W_Lᵀ)^{L2} = W_{L:L1+1} W_{L:L1+1}ᵀ.

    So κ(W_L)^{L2} = κ(W_{L:L1+1}), (15), by ‖W_L‖_op and |det W_L|. There W_ℓ = −λ⁻¹ W_{L:ℓ+1}ᵀ (Z_L − Y) Z_{L1}ᵀ
    W_{ℓ−1:L1+1}ᵀ. Over the linear layers, for any features Z_{L1} that enter them: the non-linear ones only have to be
    critical, too.
    """
    Z = rational_matrix(2, 2, Random(seed))
    W = [variable(f"W_{layer}", (2, 2)) for layer in range(1, L2 + 1)]
    whole = product(W[::-1])
    fit = sum_squares(whole @ Z - one_hot((1, 1))) / 2
    problem = Minimisation(fit + decay / 2 * total([sum_squares(w) for w in W]), {str(w.data): w for w in W})
    off = shift * ones(2, 2)
    G, _ = gradients(W, Z, one_hot((1, 1)), Leaky(Fraction(1), 0), 0)
    pairs = [equal(W[i + 1].T @ W[i + 1], W[i] @ W[i].T + off) for i in range(L2 - 1)]
    last = equal(power(W[-1] @ W[-1].T, L2), whole @ whole.T + off)
    norms = equal(operator_norm(W[-1]) ** (L2 - fewer), operator_norm(whole))
    volumes = equal(determinant(W[-1]) ** (2 * (L2 - fewer)), determinant(whole) ** 2)
    return CriticalPoints(
        problem,
        (
            clause("weights", *(equal(w, sign / decay * g + off) for w, g in zip(W, G, strict=True))),
            clause("balanced layers", *pairs),
            clause("last layer", last),
            clause("κ(W_L)", norms, volumes),
        ),
    )
