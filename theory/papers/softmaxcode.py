"""Jiang et al. 2024, Generalized Neural Collapse for a Large Number of Classes: softmax codes.

Letters: unit vectors w_1 … w_K ∈ R^d; ρ(W) = min_k dist(w_k, conv{w_j : j ≠ k}), the one-vs-rest distance; a softmax
code maximises it. For a frame h_k is the unit vector from the nearest point p_k of the others' hull to w_k, and the
HardMax value max_k max_{j≠k} ⟨w_j − w_k, h_k⟩ is −ρ(W). The abstract was read; closed forms and bounds are
reconstructed.

Not stated here: softmaxcode-hardmax, that minimisers of cross-entropy at temperature τ accumulate at those of HardMax
as τ → 0, which is a limit; that no frame does better than the regular K-gon for d = 2, nor than 1 for d + 1 < K ≤ 2d,
for which the order of the points and a Radon partition would have to be formulas; rattlers, of which no frame is given.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import factorial, prod
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Inequality, at_most, clause, equal
from theory.ops import Expression, constant, diagonal, helmert, identity, ones, sqrt, sum_squares, variable
from theory.papers.dang2023.letters import OFF
from theory.statement import Expected, Source, theorem


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Jiang et al. 2024, Generalized Neural Collapse for a Large Number of Classes",
        "arXiv 2310.05351",
        locator,
        provenance,
    )


COSINES: dict[int, Expression] = {
    3: constant(Fraction(-1, 2)),
    4: constant(0),
    5: (sqrt(5) - 1) / 4,
    6: constant(Fraction(1, 2)),
    8: sqrt(Fraction(1, 2)),
    12: sqrt(3) / 2,
}
"""cos(2π/K)."""

SINES: dict[int, Expression] = {
    3: sqrt(3) / 2,
    4: constant(1),
    5: sqrt((5 + sqrt(5)) / 8),
    6: sqrt(3) / 2,
    8: sqrt(Fraction(1, 2)),
    12: constant(Fraction(1, 2)),
}
"""sin(2π/K)."""


def polygon(K: int) -> Expression:
    """The regular K-gon: 2 × K, column k at the angle 2πk/K."""
    e = identity(2)
    turn = COSINES[K] * e + SINES[K] * (e[range(2), (1,)] @ e[(0,), range(2)] - e[range(2), (0,)] @ e[(1,), range(2)])
    column, columns = e[range(2), (0,)], []
    for k in range(K):
        columns.append(column @ identity(K)[(k,), range(K)])
        column = turn @ column
    return reduce(lambda a, b: a + b, columns)


def simplex(K: int) -> Expression:
    """The simplex ETF of unit vectors: (K − 1) × K."""
    return sqrt(Fraction(K, K - 1)) * helmert(K).T


def orthoplex(d: int, K: int) -> Expression:
    """e_1, −e_1, e_2, … : d × K with d + 1 < K ≤ 2d, pairs first."""
    pairs = K - d
    places = [*[i // 2 for i in range(2 * pairs)], *range(pairs, d)]
    signs = [*[1 - 2 * (i % 2) for i in range(2 * pairs)], *[1] * (d - pairs)]
    rows = identity(d)
    columns = [
        s * rows[range(d), (i,)] @ identity(K)[(k,), range(K)]
        for k, (i, s) in enumerate(zip(places, signs, strict=True))
    ]
    return reduce(lambda a, b: a + b, columns)


def code(d: int, K: int) -> tuple[Expression, Expression, Expression]:
    """A frame W (d × K), its published distance ρ, and the weights (K × K) of the nearest points p_k = Σ_j W a_jk."""
    if d + 1 >= K:
        return simplex(K), constant(Fraction(K, K - 1)), (ones(K, K) - identity(K)) / (K - 1)
    if d == 2:
        cycle = identity(K)[range(K), [(k + 1) % K for k in range(K)]]
        return polygon(K), 1 - COSINES[K], (cycle + cycle.T) / 2
    return orthoplex(d, K), constant(1), opposite(d, K)


def opposite(d: int, K: int) -> Expression:
    """For each vector of an orthoplex a pair of opposite ones among the others, with weights ½: their mean is zero."""
    columns = []
    for k in range(K):
        pair = next(p for p in range(K - d) if k // 2 != p or k >= 2 * (K - d))
        column = identity(K)[range(K), (2 * pair,)] + identity(K)[range(K), (2 * pair + 1,)]
        columns.append(column @ identity(K)[(k,), range(K)] / 2)
    return reduce(lambda a, b: a + b, columns)


KNOWN = [
    *((2, K) for K in COSINES),
    *((K - 1, K) for K in (2, 3, 4, 5)),
    *((3, K) for K in (5, 6)),
    *((4, K) for K in (6, 7, 8)),
]
SIZES = {
    "d = 2, or K ≤ d + 1, or d + 1 < K ≤ 2d": lambda size, **_: (
        (size[0] == 2 and size[1] in COSINES) or size[1] == size[0] + 1 or size[0] + 1 < size[1] <= 2 * size[0]
    )
}


@theorem(
    "softmaxcode-rho",
    source=source("closed forms of the largest one-vs-rest distance: attained"),
    hypotheses=SIZES,
    size=st.sampled_from(KNOWN),
    witness={"size": (2, 5)},
    configurations=({"size": (3, 5)}, {"size": (3, 4)}, {"size": (2, 4)}),
    wrong={"off by 1e-6": {"factor": OFF}, "sin in place of cos": {"sine": True}},
)
def rho(size: tuple[int, int], factor: Fraction = Fraction(1), sine: bool = False) -> Identity:
    """ρ = 1 − cos(2π/K) for d = 2, K/(K − 1) for K ≤ d + 1 and 1 for d + 1 < K ≤ 2d: attained by known frames.

    By the regular K-gon, the simplex ETF, and subsets of ±e_i: p_k lies in the hull of the others at the distance ρ of
    w_k, and ⟨w_k − w_j, h_k⟩ ≥ ρ for all j ≠ k with the unit vector h_k = (w_k − p_k)/ρ, so that none is nearer.
    """
    d, K = size
    W, distance, weights = code(d, K)
    distance = factor * (1 - SINES[K] if sine and d == 2 else distance)
    steps = W - W @ weights
    return Identity(
        (
            clause("unit vectors", *diagonal_of(W.T @ W, constant(1))),
            clause("in the hull", equal(ones(1, K) @ weights, ones(1, K)), *diagonal_of(weights, constant(0))),
            clause("reached", *diagonal_of(steps.T @ steps, distance**2)),
            Clause("none is nearer", tuple(margins(W, steps / distance, distance))),
        )
    )


def diagonal_of(matrix: Expression, value: Expression) -> list[Any]:
    """All diagonal entries have a value."""
    return [equal(matrix[k, k], value) for k in range(matrix.shape[0])]


def margins(W: Expression, H: Expression, distance: Expression) -> list[Any]:
    """⟨w_k − w_j, h_k⟩ ≥ ρ for all j ≠ k."""
    G, K = W.T @ H, W.shape[1]
    return [at_most(distance, G[k, k] - G[j, k]) for k in range(K) for j in range(K) if j != k]


@theorem(
    "softmaxcode-rho-simplex",
    source=source("closed forms of the largest one-vs-rest distance: K ≤ d + 1, the bound"),
    expected=Expected("holds", "numerical", "an inequality for all frames: drawn points and descent only"),
    hypotheses={"K ≥ 2": lambda d, K: K >= 2 and d >= 1},
    d=st.integers(1, 3),
    K=st.integers(2, 4),
    witness={"d": 3, "K": 4},
    wrong={"off by 1e-6": {"factor": OFF}, "1 in place of K/(K − 1)": {"known": True}},
)
def rho_simplex(d: int, K: int, factor: Fraction = Fraction(1), known: bool = False) -> Inequality:
    """No frame of K unit vectors has a larger one-vs-rest distance than K/(K − 1), in any dimension.

    min_k dist² ≤ 1/K Σ_k ‖w_k − mean of the others‖² ≤ (K/(K−1))², with equality for vectors of zero sum. Unit vectors
    are columns over their norms.
    """
    X = variable("X", (d, K))
    G = X.T @ X
    W = X @ diagonal([G[k, k] ** Fraction(-1, 2) for k in range(K)])
    others = (ones(K, K) - identity(K)) / (K - 1)
    bound = constant(1) if known else constant(Fraction(K, K - 1) ** 2)
    tight = {"X": helmert(K).T} if d == K - 1 and not known else None
    return Inequality(factor * sum_squares(W - W @ others) / K, bound, {"X": X}, () if tight is None else (tight,))


@theorem(
    "softmaxcode-bounds",
    source=source("bounds by the Gamma function"),
    hypotheses={
        "d odd with d + 1 < K ≤ 2d, or d = 2": lambda size: (
            (size[0] % 2 == 1 and size[0] + 1 < size[1] <= 2 * size[0]) or (size[0] == 2 and size[1] in COSINES)
        )
    },
    size=st.sampled_from(
        [*((d, K) for d in (3, 5, 7) for K in range(d + 2, 2 * d + 1)), *((2, K) for K in COSINES if K > 3)]
    ),
    witness={"size": (3, 5)},
    configurations=({"size": (2, 12)},),
    wrong={"the bounds exchanged": {"exchanged": True}, "lower bound without 1/2": {"half": Fraction(8)}},
)
def bounds(size: tuple[int, int], exchanged: bool = False, half: Fraction = Fraction(1, 2)) -> Identity:
    """½ [√π/K Γ((d+1)/2)/Γ(d/2+1)]^{2/(d−1)} ≤ ρ ≤ 2 [2√π/K Γ((d+1)/2)/Γ(d/2)]^{1/(d−1)}, where ρ is known.

    For odd d = 2m + 1 the quotients are rational: m! 2^{m+1}/(2m+1)!! and m! 2^{m+1}/(2m−1)!!, and ρ = 1; for d = 2
    they are ½ [π/(2K)]² and 2π/K, with π between 333/106 and 355/113.
    """
    d, K = size
    if d == 2:
        low, high = half * Fraction(355, 226 * K) ** 2, 2 * Fraction(333, 106 * K)
        relations = [at_most(low, 1 - COSINES[K]), at_most(1 - COSINES[K], high)]
        if exchanged:
            relations = [at_most(high, 1 - COSINES[K])]
    else:
        m = d // 2
        top = factorial(m) * 2 ** (m + 1)
        inner, outer = (Fraction(top, K * prod(range(1, 2 * m + s, 2))) for s in (2, 0))
        below = half * constant(inner) ** Fraction(1, m)
        above = 2 * constant(outer) ** Fraction(1, 2 * m)
        relations = [at_most(above, 1)] if exchanged else [at_most(below, 1), at_most(1, above)]
    return Identity((Clause("bounds", tuple(relations)),))


@theorem(
    "softmaxcode-gnc",
    source=source("GNC1 and GNC3"),
    hypotheses=SIZES | {"a Tammes code": lambda size: size[0] == 2 or size[1] == size[0] + 1 or size[1] == 2 * size[0]},
    size=st.sampled_from([size for size in KNOWN if size[0] == 2 or size[1] in (size[0] + 1, 2 * size[0])]),
    witness={"size": (2, 5)},
    configurations=({"size": (3, 6)}, {"size": (3, 4)}),
    wrong={"h_k = −w_k": {"sign": -1}, "the value −ρ off by 1e-6": {"factor": OFF}},
)
def gnc(size: tuple[int, int], sign: int = 1, factor: Fraction = Fraction(1)) -> Identity:
    """GNC1: h_k is the direction from the nearest point of the others' hull to w_k. GNC3: h_k = w_k for Tammes codes.

    For the regular K-gon, the simplex ETF and the orthoplex: the HardMax value is −ρ, reached at some j for every k.
    """
    W, distance, weights = code(*size)
    K = W.shape[1]
    H = (W - W @ weights) / distance
    G = W.T @ H
    contacts = [equal(G[j, k] - G[k, k], -factor * distance) for k in range(K) for j in touching(size, k)]
    return Identity(
        (
            clause("GNC3", equal(H, sign * W)),
            Clause("HardMax", (*margins(W, H, distance), *contacts)),
        )
    )


def touching(size: tuple[int, int], k: int) -> list[int]:
    """The classes whose margin against class k is ρ."""
    d, K = size
    if d + 1 >= K:
        return [j for j in range(K) if j != k]
    if d == 2 and 2 * d != K:
        return [(k + 1) % K, (k - 1) % K]
    return [(k + 1) % K, (k - 1) % K] if d == 2 else [j for j in range(K) if j // 2 != k // 2]
