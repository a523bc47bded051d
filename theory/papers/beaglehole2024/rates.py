"""Section 5.1: rates of contraction at collapse, by linearisation of the recursion of Gram matrices.

At the fixed point b YᵀY, A* = b YᵀY + λ_map I, a change δ of A changes κ⁻¹ P YᵀY P by D(δ) + O(δ²),

    D(δ) = κ⁻¹ λ̂ (R δ R YᵀY P + P YᵀY R δ R) = c (R δ Π + Π δ R),   Π = YᵀY/n, R = (A* + λ̂I)⁻¹,

with eigenvalues 0 on changes within the complement of the range of YᵀY, ρ_1 = λ̂ m/((m + λ_map)(λ_map + λ̂)) between
it and the range, and ρ_2 = 2λ̂ m/((m + λ_map)(m + λ_map + λ̂)) within the range; m = b n. The variation within classes
is of second order in the middle part, so that NC1 falls by ρ_1² a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import Identity, Relation, Spectrum, at_most, clause, equal, less
from theory.ops import Expression, constant, identity, kron, matrix, ones, trace
from theory.papers.beaglehole2024.gram import RIDGES, SEEDS, allowed, steps
from theory.papers.beaglehole2024.setting import (
    Recursion,
    Rows,
    exact_kappa,
    integers,
    kept,
    labels,
    plus,
    scaled,
    source,
)
from theory.statement import theorem

F = Fraction
PREDICTORS = st.sampled_from([F(x) for x in ("1/1000", "1/20", "1/2", "3")])
SCALES = st.sampled_from([F(x) for x in ("1", "3/2", "1/4")])
SEVERAL = st.sampled_from(((2, 2), (3, 2), (2, 3)))


def rates(n: int, predictor: Fraction, map: Fraction, scale: Fraction) -> tuple[Fraction, Fraction]:
    """ρ_1 across the range of YᵀY and its complement, ρ_2 within the range.

    >>> rates(2, F(1), F(1), F(1))
    (Fraction(1, 3), Fraction(1, 3))
    """
    m = scale * n
    common = predictor * m / (m + map)
    return common / (map + predictor), 2 * common / (m + map + predictor)


def at_collapse(case: tuple[int, int], predictor: Fraction, map: Fraction, scale: Fraction) -> tuple[Expression, ...]:
    """R, Π and the number c = λ̂ m/(s (m + λ_map + λ̂)), as formulas."""
    K, n = case
    N, m, G = K * n, scale * n, labels(K, n).T @ labels(K, n)
    projection = G / n
    R = 1 / (map + predictor) * (identity(N) - projection) + 1 / (m + map + predictor) * projection
    return R, projection, constant(predictor * m / (kept(n, predictor, map, scale) * (m + map + predictor)))


def moved_by(N: int, map: Fraction, seed: int) -> Rows:
    """A drawn symmetric δ of norm λ_map/2 at most, so that A* + tδ is positive definite for |t| ≤ 1."""
    half = integers(N, N, seed, most=1)
    return [[map / (4 * N) * (half[i][j] + half[j][i]) for j in range(N)] for i in range(N)]


def shifted(A: Rows, change: Rows, t: Fraction) -> Rows:
    """A + tδ."""
    return [[a + t * d for a, d in zip(*rows, strict=True)] for rows in zip(A, change, strict=True)]


@theorem(
    "beaglehole2024-gram-rates",
    source=source("Theorem 5.3, rates", "X"),
    hypotheses={
        "λ̂, λ_map, b > 0": lambda map, predictor, scale, **_: min(map, predictor, scale) > 0,
        "ρ_1 ≠ ρ_2": lambda case, map, predictor, scale: scale * case[1] != map + predictor,
    },
    case=SEVERAL,
    map=RIDGES,
    predictor=PREDICTORS,
    scale=SCALES,
    witness={"case": (2, 2), "map": F(1), "predictor": F(1, 2), "scale": F(1)},
    wrong={"ρ_2 halved": {"half": True}, "multiplicities exchanged": {"swap": True}, "n for m + λ_map": {"bare": True}},
)
def gram_rates(
    case: tuple[int, int],
    map: Fraction,
    predictor: Fraction,
    scale: Fraction,
    half: bool = False,
    swap: bool = False,
    bare: bool = False,
) -> Spectrum:
    """The linearisation at collapse has the eigenvalues ρ_1, ρ_2, 0 on N × N matrices, 2K(N−K), K², (N−K)² times."""
    K, n = case
    N = K * n
    R, projection, c = at_collapse(case, predictor, map, scale)
    across, inside = rates(n, predictor, map, scale)
    across = across * (scale * n + map) / (scale * n) if bare else across
    counts = [2 * K * (N - K), K**2, (N - K) ** 2]
    counts = [counts[1], counts[0], counts[2]] if swap else counts
    return Spectrum(
        c * (kron(R, projection) + kron(projection, R)),
        list(zip((across, inside / 2 if half else inside, F(0)), counts, strict=True)),
    )


@theorem(
    "beaglehole2024-gram-linearisation",
    source=source("Theorem 5.3, its linearisation", "X"),
    hypotheses={"λ̂, λ_map, b > 0": lambda map, predictor, scale, **_: min(map, predictor, scale) > 0},
    case=SEVERAL,
    map=RIDGES,
    predictor=PREDICTORS,
    scale=SCALES,
    seed=SEEDS,
    t=st.sampled_from((F(1, 10), F(1, 1000))),
    witness={"case": (2, 2), "map": F(1), "predictor": F(1, 2), "scale": F(1), "seed": 0, "t": F(1, 10)},
    wrong={
        "δ on one side": {"sides": 1},
        "the remainder left out": {"remainder": False},
        "ρ_1 is the printed 1 − ε": {"printed": True},
    },
)
def gram_linearisation(
    case: tuple[int, int],
    map: Fraction,
    predictor: Fraction,
    scale: Fraction,
    seed: int,
    t: Fraction,
    sides: int = 2,
    remainder: bool = True,
    printed: bool = False,
) -> Identity:
    """A step from A* + tδ gives b YᵀY + t D(δ) + t² (a remainder, given in full), D is ρ_1, ρ_2 or 0 on three parts.

    With E = tλ̂ R_t δ R*, R_t the resolvent at A* + tδ, and E_1 = tλ̂ R* δ R*, the remainder is κ⁻¹ ((E − E_1) YᵀY P* +
    P* YᵀY (E − E_1) + E YᵀY E) with E − E_1 = −t²λ̂ R_t δ R* δ R*. The rates are below those of the theorem, 1 − ε =
    2λ̂ (1 + λ_map⁻¹) n/λ_map with C = 1, and ρ_1 < λ̂/(λ_map + λ̂): the ratio λ̂/λ_map governs the rate, as the paper reads
    its theorem, but n does not.
    """
    K, n = case
    N = K * n
    recursion = Recursion(K, n, predictor, map, exact_kappa(n, predictor, map, scale))
    collapsed = plus(scaled(recursion.gram, scale), map)
    change = moved_by(N, map, seed)
    moved = shifted(collapsed, change, t)
    R, projection, c = at_collapse(case, predictor, map, scale)
    one, G, Rt, delta = identity(N), n * projection, matrix(recursion.resolvent(moved)), matrix(change)
    P, kappa = one - predictor * R, recursion.kappa

    def derivative(d: Expression) -> Expression:
        return c * (R @ d @ projection + (projection @ d @ R if sides == 2 else 0 * one))

    E, first = t * predictor * (Rt @ delta @ R), t * predictor * (R @ delta @ R)
    rest = 1 / kappa * ((E - first) @ G @ P + P @ G @ (E - first) + E @ G @ E)
    across, inside = rates(n, predictor, map, scale)
    published = predictor / allowed(n, map, F(0))
    complement = one - projection
    return Identity(
        (
            clause("resolvents", equal(R @ matrix(plus(collapsed, predictor)), one)),
            clause("moved", equal(Rt @ (matrix(moved) + predictor * one), one), equal(Rt, R - t * (Rt @ delta @ R))),
            clause(
                "linearisation",
                equal(
                    matrix(recursion.step(moved)),
                    scale * G + t * derivative(delta) + (rest if remainder else 0 * rest),
                ),
            ),
            clause("within the complement", equal(derivative(complement @ delta @ complement), 0 * delta)),
            clause(
                "across", eigenvector(derivative, complement @ delta @ projection, published if printed else across)
            ),
            clause("within the range", eigenvector(derivative, projection @ delta @ projection, inside)),
            clause("rates", less(across, predictor / (map + predictor)), at_most(across, published)),
        )
    )


@theorem(
    "beaglehole2024-gram-nc1",
    source=source("Theorem 5.3, the rate of NC1", "X"),
    hypotheses={"λ̂, λ_map > 0": lambda map, predictor, **_: min(map, predictor) > 0},
    case=SEVERAL,
    map=RIDGES,
    predictor=PREDICTORS,
    seed=SEEDS,
    witness={"case": (2, 2), "map": F(1), "predictor": F(1, 2), "seed": 0},
    wrong={"by ρ_1": {"power": 1}, "by ρ_1³": {"power": 3}},
)
def gram_nc1(case: tuple[int, int], map: Fraction, predictor: Fraction, seed: int, power: int = 2) -> Identity:
    """NC1 of X̃ᵀX̃ falls by ρ_1² from layer to layer: two steps from A* + tδ with t = 10⁻⁹, up to 10⁻⁶ of it.

    tr Σ_W = tr((I − Π) B)/N of a Gram matrix B = X̃ᵀX̃, and tr Σ_B comes from Y B Yᵀ/n², the Gram matrix of class means.
    """
    K, n = case
    recursion = Recursion(K, n, predictor, map, exact_kappa(n, predictor, map))
    start = shifted(plus(recursion.gram, map), moved_by(K * n, map, seed), F(1, 10**9))
    (first, second), found = steps(recursion, start, 2)
    Y = labels(K, n)

    def parts(B: Expression) -> tuple[Expression, Expression]:
        means = Y @ B @ Y.T / n**2
        return trace(B - Y.T @ Y @ B / n) / (K * n), (trace(means) - (ones(1, K) @ means @ ones(K, 1))[0, 0] / K) / K

    (w1, b1), (w2, b2) = parts(first), parts(second)
    factor = rates(n, predictor, map, F(1))[0] ** power
    gap, near = w2 * b1 - factor * w1 * b2, F(1, 10**6) * factor * w1 * b2
    return Identity((found, clause("NC1", at_most(gap, near), at_most(-gap, near))))


def eigenvector(D: Callable[[Expression], Expression], half: Expression, value: Fraction) -> Relation:
    """The symmetric part of a matrix is an eigenvector of D."""
    both = half + half.T
    return equal(D(both), value * both)
