"""Limits, each as a bound at given parameters: depth, step imbalance, flatness (statements 11 to 13 and 20).

Competitors of rank 2 are X = γ VᵀV with V the regular K-gon. Its Gram matrix has margins of at least m(K) and, D the
class sizes, ‖VᵀV D^{1/2}‖_F² = K N/2. With γ = √2/(√n_min m) every margin of ‖Z D^{1/2}‖_F X is one of Z at least; and
Σ μ_i^{2/(L+1)} ≤ 2 (K N/(2 n_min m²))^{1/(L+1)} for the two singular values μ_i of X D^{1/2}, as the power is concave.
With two classes the outputs have rank 1 anyway, as their columns have zero sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import count
from math import log as logarithm

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Inequality, at_most, clause, equal, less
from theory.closed_form.deep_softmax import critical_decay, fit_of
from theory.collapse import collapse_factors
from theory.frames import simplex_etf
from theory.ops import (
    Expression,
    constant,
    diagonal,
    frobenius_norm,
    identity,
    log,
    ones,
    sqrt,
    trace,
    variable,
)
from theory.papers.garrod2025.setting import (
    OFF,
    REAL,
    collapse_softmax,
    pairs_factors,
    pairs_softmax,
    product,
    source,
    total,
)
from theory.papers.seli import spectral
from theory.papers.softmaxcode import polygon
from theory.statement import Expected, theorem

MARGINS = {
    3: Fraction(3, 2),
    4: Fraction(1),
    5: Fraction(2, 3),
    6: Fraction(1, 2),
    8: Fraction(2, 7),
    12: Fraction(1, 8),
}
"""m(K), a rational number of at most 1 − cos(2π/K)."""

SIZES = ((1, 1, 1), (3, 1, 1), (1, 1, 1, 1), (4, 4, 1, 1), (2, 1, 1, 1, 1), (1,) * 6, (9, 1, 1, 1, 1, 1))


def gram(K: int) -> Expression:
    """VᵀV of the regular K-gon."""
    V = polygon(K)
    return V.T @ V


def pair_of_values(sizes: tuple[int, ...]) -> Fraction:
    """K N/(2 n_min m²), the mean of the squares of the two singular values of X D^{1/2}."""
    K = len(sizes)
    return Fraction(K * sum(sizes), 2 * min(sizes)) / MARGINS[K] ** 2


def of_rank_two(sizes: tuple[int, ...]) -> list[Clause]:
    """The margins and the norm of VᵀV."""
    K, G, D = len(sizes), gram(len(sizes)), diagonal(sizes)
    apart = [at_most(G[j, k], 1 - MARGINS[K]) for j in range(K) for k in range(K) if j != k]
    return [
        Clause("margins", (*apart, *(equal(G[k, k], 1) for k in range(K)))),
        clause("norm", equal(trace(G @ D @ G), Fraction(K * sum(sizes), 2))),
    ]


# ---------------------------------------------------------------------------------------------------------------- depth


@theorem(
    "garrod2025-depth-limit-weak",
    source=source("Theorems 3 (ii) and A2, the comparison of their proofs"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses={"K ≥ 3": lambda sizes, **_: len(sizes) in MARGINS},
    sizes=st.sampled_from(SIZES),
    scale=st.sampled_from((1, 4)),
    witness={"sizes": (3, 1, 1), "scale": 4},
    configurations=({"sizes": (1, 1, 1), "scale": 1},),
    wrong={"the other way": {"swap": True}, "three eighths of γ": {"share": Fraction(3, 8)}},
)
def depth_limit_weak(
    sizes: tuple[int, ...], scale: int, swap: bool = False, share: Fraction = Fraction(1)
) -> Inequality:
    """At one scale X of rank 2 fits no worse than any Z: g(α X) ≤ g(α Z/‖Z D^{1/2}‖_F).

    For no margin of Z exceeds √2 times the norm of its column. γ/2 would do for three balanced classes, and no less. So
    the singular values ŝ of Z*/‖Z*‖ at a global minimum have Σ ŝ_i^{2/(L+1)} ≤ Σ μ_i^{2/(L+1)}, at every depth and
    decay; garrod2025-depth-limit-weak-rate counts them.
    """
    K = len(sizes)
    Z, gamma = variable("Z", (K, K)), share * sqrt(Fraction(2, min(sizes))) / MARGINS[K]
    norm = frobenius_norm(Z @ diagonal([sqrt(n) for n in sizes]))
    sides = (fit_of(scale * gamma * gram(K), sizes), fit_of(scale / norm * Z, sizes))
    return Inequality(*(sides[::-1] if swap else sides), {"Z": Z})


def trial(sizes: tuple[int, ...], L: int) -> Expression:
    """A bound on the loss of β VᵀV, β = 2 log(L)/m, at λ = 1/(L+1)²: log(1 + (K−1)/L²) + (L² K N/m²)^{1/(L+1)}/(L+1).

    Its margins are 2 log L at least; the regulariser has β² K N/4 in the power, and log L ≤ L.
    """
    K = len(sizes)
    square = Fraction(L**2 * K * sum(sizes)) / MARGINS[K] ** 2
    return log(1 + Fraction(K - 1, L**2)) + constant(square) ** Fraction(1, L + 1) / (L + 1)


def first_depth(sizes: tuple[int, ...]) -> int:
    """A depth from which on both bounds below hold, found by floats."""
    K, N = len(sizes), sum(sizes)

    def enough(L: int) -> bool:
        square = L**2 * K * N / float(MARGINS[K]) ** 2
        loss = logarithm(1 + (K - 1) / L**2) + square ** (1 / (L + 1)) / (L + 1)
        return pair_of_values(sizes) < Fraction(9, 8) ** (L + 1) and loss < logarithm(2) / N

    return next(L for L in count(2) if enough(L))


@theorem(
    "garrod2025-depth-limit-weak-rate",
    source=source("Theorems 3 (ii) and A2, with a depth"),
    hypotheses={"K ≥ 3": lambda sizes, **_: len(sizes) in MARGINS, "L ≥ L_0": lambda deeper, **_: deeper >= 0},
    sizes=st.sampled_from(SIZES),
    deeper=st.sampled_from((0, 1, 10, 100)),
    witness={"sizes": (3, 1, 1), "deeper": 0},
    configurations=({"sizes": (1, 1, 1), "deeper": 0},),
    wrong={"(2/3)^{(L+1)/2}": {"share": Fraction(2, 3)}, "from L = 2 on": {"depth": 2}},
)
def depth_limit_weak_rate(
    sizes: tuple[int, ...], deeper: int, share: Fraction = Fraction(3, 4), depth: int | None = None
) -> Identity:
    """From some depth on 2 (K N/(2 n_min m²))^{1/(L+1)} < 3 · 3/4, and rank 2 has a loss below (log 2)/N.

    With garrod2025-depth-limit-weak, which is numerical, the left side is at least Σ ŝ_i^{2/(L+1)} over the singular
    values of Z*/‖Z*‖: all but q_K = 2 are at most (3/4)^{(L+1)/2}, at every decay, as three above it would sum to more.
    The loss is that at λ = 1/(L+1)²: the minimum is below it, so that Z* is diagonally superior.
    """
    L = depth or first_depth(sizes) + deeper
    bound = 2 * constant(pair_of_values(sizes)) ** Fraction(1, L + 1)
    return Identity(
        (
            *of_rank_two(sizes),
            clause("at most two", less(bound, 3 * share)),
            clause("diagonally superior", less(trial(sizes, L), log(2) / sum(sizes))),
        )
    )


# ------------------------------------------------------------------------------------------------------- step imbalance


def step(case: tuple[int, int, int]) -> tuple[int, ...]:
    """Class sizes: K_A of R samples, K_B of one."""
    majority, minority, R = case
    return (R,) * majority + (1,) * minority


def first_step_depth(sizes: tuple[int, ...]) -> int:
    """The first depth at which collapse is beaten, by floats."""
    K, N = len(sizes), sum(sizes)
    ratio = float(pair_of_values(sizes)) * 4 * N * (K - 1) / K
    return next(L for L in count(1) if ratio < ((K - 1) / 2) ** (L + 1) * (1 - 1e-9))


@theorem(
    "garrod2025-imbalanced-step",
    source=source("Theorem A3, with a depth"),
    hypotheses={
        "K ≥ 4, (R, ρ)-STEP": lambda case, **_: (
            case[0] + case[1] in MARGINS and case[0] + case[1] >= 4 and case[2] >= 1
        ),
        "L ≥ L_0": lambda deeper, **_: deeper >= 0,
    },
    case=st.sampled_from(((2, 2, 10), (1, 3, 5), (3, 1, 2), (2, 3, 4), (3, 3, 100), (4, 4, 3))),
    deeper=st.integers(0, 3),
    witness={"case": (2, 2, 10), "deeper": 0},
    wrong={"two values in place of K − 1": {"rank": 2}, "at depth 1": {"depth": 1}, "a layer less": {"fewer": 1}},
)
def imbalanced_step(
    case: tuple[int, int, int], deeper: int, rank: int | None = None, depth: int | None = None, fewer: int = 0
) -> Identity:
    """From some depth on (K − 1) (K/(4 N (K − 1)))^{1/(L+1)} > 2 (K N/(2 n_min m²))^{1/(L+1)}; the spectrum of Ẑ = S Y.

    The squares of its singular values are R, 1 and (K_B R + K_A)/K, so 1 at least, of the sum N (K − 1)/K. Where a
    direction is within half the least of that of Ẑ, Σ ŝ_i^{2/(L+1)} is at least the left side. With
    garrod2025-depth-limit-weak, which is numerical, it is at most the right side at a global minimum that is not zero;
    with seli-lam-limit, which is numerical too, Z*_λ is that near for λ < λ_0 if collapse is global. L_0 does not
    depend on λ.
    """
    sizes = step(case)
    K, N, L = len(sizes), sum(sizes), depth or first_step_depth(sizes) + deeper - fewer
    S, D = simplex_etf(K), diagonal(sizes)
    least = Fraction(K, 4 * N * (K - 1))
    allowed = 2 * constant(pair_of_values(sizes)) ** Fraction(1, L + 1)
    return Identity(
        (
            *of_rank_two(sizes),
            clause("singular values", equal(S @ D @ S, spectral(sizes, Fraction(1)))),
            clause("their sum", equal(trace(S @ D @ S), Fraction(N * (K - 1), K))),
            clause("beaten", less(allowed, (rank or K - 1) * constant(least) ** Fraction(1, L + 1))),
        )
    )


# ------------------------------------------------------------------------------------------------------------- flatness


def curvatures(point: Mapping[str, Expression], P: Expression, K: int, L: int) -> Expression:
    """The trace of the Gauss–Newton part of the Hessian: Σ over factors and samples of tr(Aᵀ ρ_y A) ‖h_y‖²/(K n).

    A is the product of the factors above, h_y the input of the factor, e_y for the features; P the softmax by class.
    """
    factors = [point["H"], *(point[f"W_{layer}"] for layer in range(1, L + 1))]
    samples = point["H"].shape[1]
    rho = [diagonal([P[j, c] for j in range(K)]) for c in range(K)]
    rho = [r - r @ ones(K, K) @ r for r in rho]
    terms = []
    for layer in range(L + 1):
        A = product([identity(K), *factors[:layer:-1]])
        inputs = product([*factors[:layer][::-1], identity(samples)])
        squares = inputs.T @ inputs
        terms += [trace(A.T @ rho[y * K // samples] @ A) * squares[y, y] for y in range(samples)]
    return total(terms) / samples


def ratio(K: int, L: int, n: int) -> Fraction:
    """C = 2 (K−1)(L (K−1) + K n)/(K² (L + 1 + 2n))."""
    return Fraction(2 * (K - 1) * (L * (K - 1) + K * n), K * K * (L + 1 + 2 * n))


FLAT = {"K even, K ≥ 4, L ≥ 2": lambda K, L, **_: K >= 4 and K % 2 == 0 and L >= 2}


@theorem(
    "garrod2025-flatness",
    source=source("Theorem 6, trace norm"),
    hypotheses=FLAT,
    K=st.just(4),
    L=st.integers(2, 3),
    n=st.sampled_from((1, 2)),
    r=st.sampled_from([Fraction(x) for x in (19, 10**9 + 7)]),
    witness={"K": 4, "L": 2, "n": 2, "r": Fraction(19)},
    configurations=({"K": 6, "L": 2, "n": 1, "r": Fraction(19)},),
    wrong={"one layer more": {"more": 1}, "faster than e^{−α}": {"power": 2}, "off by 1e-6": {"factor": OFF}},
)
def flatness(
    K: int, L: int, n: int, r: Fraction, more: int = 0, power: int = 1, factor: Fraction = Fraction(1)
) -> Identity:
    """The traces of the Hessians at collapse and at pairs, over λα and λβ, tend to constants as e^α = e^β = r grows.

    To them λ times the number of parameters is to be added, which is O(1/α); the first-order part has no trace. The
    limits are 2 (K−1)(L (K−1)/K + n) and K (L + 1 + 2n), both reached at the rate 1/r. At one λ → 0 also α/β → 1, so
    that F_DNC/F_LR tends to C = 2 (K−1)(L (K−1) + K n)/(K² (L + 1 + 2n)): what is not positive semidefinite is O(λ).
    """
    alpha, depth, near = log(r), L + more, Fraction(10 * K**2 * (L + n)) / r**power
    collapse = curvatures(collapse_factors(K, L, n, alpha, K), collapse_softmax(K, r), K, L)
    paired = curvatures(pairs_factors(K, L, n, alpha), pairs_softmax(K, r), K, L)
    limits = 2 * (K - 1) * (depth * Fraction(K - 1, K) + n), Fraction(K * (depth + 1 + 2 * n))
    shares = 1 - Fraction(K, 2) / (r + K - 1), pairs_share(K, depth, n, r)
    decays = critical_decay(K, L, n, alpha), pairs_decay(K, L, n, r)
    gaps = [limit * (share - 1) for limit, share in zip(limits, shares, strict=True)]
    return Identity(
        (
            clause("collapse", equal(collapse, factor * decays[0] * alpha * limits[0] * shares[0])),
            clause("pairs", equal(paired, factor * decays[1] * alpha * limits[1] * shares[1])),
            clause("rate", *(at_most(side, near) for gap in gaps for side in (gap, -gap))),
            clause("C", equal(ratio(K, depth, n), limits[0] / limits[1])),
        )
    )


def pairs_decay(K: int, L: int, n: int, r: Fraction) -> Expression:
    """λ of equation (27) at β = log r."""
    power, root = (2 * log(r)) ** Fraction(L - 1, L + 1), constant(n) ** Fraction(1, L + 1)
    return power * (2 / r + K - 2) / (K * (r + 1 / r + K - 2) * root)


def pairs_share(K: int, L: int, n: int, r: Fraction) -> Fraction:
    """The trace at pairs over λβ, divided by its limit: by tr ρ and tr X̄ρ/2 for the shares r, 1/r and 1 of T."""
    x, T = 1 / r, r + 1 / r + K - 2
    plain, within = 1 - (r * r + x * x + K - 2) / T**2, (1 - ((r - x) / T) ** 2) / 2
    return 2 * T / (2 * x + K - 2) * (plain / 2 + within * (Fraction(L - 1, 2) + n)) / (L + 1 + 2 * n)


@theorem(
    "garrod2025-flatness-constant",
    source=source("Theorem 6, remark of its proof", "P"),
    expected=Expected(
        "refuted",
        "certified",
        "corner cases, for the trace norm alone: C = 1 where L (K² − 4K + 2) = K (K + 2n), such as K = 4 and "
        "L = 8 + 4n. Elsewhere C is not 1, and grows with the depth to 2 (1 − 1/K)². The other norms are left open",
    ),
    hypotheses=FLAT,
    K=st.sampled_from((4, 6)),
    L=st.sampled_from((2, 3, 6, 12, 16)),
    n=st.sampled_from((1, 2, 4)),
    witness={"K": 4, "L": 12, "n": 1},
    wrong={"C = 1": {"equals": True}},
)
def flatness_constant(K: int, L: int, n: int, equals: bool = False) -> Identity:
    """The ratio C of the trace norms of the Hessians at collapse and at pairs, as λ → 0, is not 1.

    The remark is about three norms; the spectral and the Frobenius norm are not examined.
    """
    C = constant(ratio(K, L, n))
    return Identity((clause("C", equal(C, 1) if equals else less(0, (C - 1) ** 2)),))
