"""Jiang et al. 2024, Generalized Neural Collapse for a Large Number of Classes: softmax codes.

Letters: unit vectors w_1 … w_K ∈ R^d; ρ(W) = min_k dist(w_k, conv{w_j : j ≠ k}), the one-vs-rest distance; a softmax
code maximises it. For a frame h_k is the unit vector from the nearest point p_k of the others' hull to w_k, and the
HardMax value max_k max_{j≠k} ⟨w_j − w_k, h_k⟩ is −ρ(W). The abstract was read; closed forms and bounds are
reconstructed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import factorial, prod
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Inequality, at_most, clause, equal
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    helmert,
    identity,
    log,
    log_sum_exp,
    ones,
    relu,
    sqrt,
    sum_squares,
    trace,
    variable,
)
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
    return one_distance(W, factor * (1 - SINES[K] if sine and d == 2 else distance), weights)


def one_distance(W: Expression, distance: Expression, weights: Expression) -> Identity:
    """Each w_k has one and the same distance from the hull of the others, by a nearest point p_k with these weights."""
    K, steps = W.shape[1], W - W @ weights
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
    W = unit_columns(X)
    others = (ones(K, K) - identity(K)) / (K - 1)
    bound = constant(1) if known else constant(Fraction(K, K - 1) ** 2)
    tight = {"X": helmert(K).T} if d == K - 1 and not known else None
    return Inequality(factor * sum_squares(W - W @ others) / K, bound, {"X": X}, () if tight is None else (tight,))


def unit_columns(X: Expression) -> Expression:
    """The columns over their norms."""
    G = X.T @ X
    return X @ diagonal([G[k, k] ** Fraction(-1, 2) for k in range(X.shape[1])])


def hardmax(W: Expression, H: Expression) -> Expression:
    """max_{j≠k} ⟨w_j − w_k, h_k⟩."""
    G, K = W.T @ H, W.shape[1]
    return reduce(larger, [G[j, k] - G[k, k] for k in range(K) for j in range(K) if j != k])


def larger(x: Expression, y: Expression) -> Expression:
    """max(x, y) = x + max(y − x, 0)."""
    return x + relu(diagonal([y - x]))[0, 0]


@theorem(
    "softmaxcode-rho-largest",
    source=source("closed forms of the largest one-vs-rest distance: the bound"),
    expected=Expected("holds", "numerical", "an inequality for all frames: drawn points and descent only"),
    hypotheses=SIZES,
    size=st.sampled_from(((1, 2), (2, 3), (2, 4), (3, 4), (3, 5))),
    witness={"size": (3, 5)},
    wrong={"off by 1e-6": {"factor": 1 / OFF}, "cos for 1 − cos": {"without": 1}, "ρ = K/(K − 1)": {"simplex": True}},
)
def rho_largest(
    size: tuple[int, int], factor: Fraction = Fraction(1), without: int = 0, simplex: bool = False
) -> Inequality:
    """No frame has a larger distance than the closed forms: HardMax is at least −ρ at all unit vectors w_k and h_k.

    K ≥ d + 2, ρ = 1: some x lies in the hulls of two disjoint parts (Radon). If x = Σ a_p w_p over one of them,
    Σ a_p ‖w_p − x‖² = 1 − ‖x‖², so that some w_p is at most 1 from x, a point of the others' hull.
    d = 2, with gaps g_k: if none exceeds π, w_k is 2 sin(g_k/2) sin(g_{k+1}/2) from the chord behind it; the product of
    these is at most (2 sin²(π/K))^K, as log sin is concave. Else all lie within a half circle: the middle one of three
    has at most 1, and of K ≥ 4 two neighbouring gaps have a sum of at most 2π/(K − 2), so 1 − cos(π/(K − 2)) at most.
    """
    d, K = size
    W, distance, weights = code(d, K)
    X, Y = variable("X", (d, K)), variable("Y", (d, K))
    bound = constant(Fraction(K, K - 1)) if simplex else factor * distance - without
    tight = {"X": W, "Y": (W - W @ weights) / distance}
    return Inequality(-bound, hardmax(unit_columns(X), unit_columns(Y)), {"X": X, "Y": Y}, (tight,))


# ------------------------------------------------------------------------------------------------ small temperatures


def cross_entropy(W: Expression, H: Expression, temperature: Fraction) -> Expression:
    """The average of CE(W h_k/τ, e_k) over one sample of each class."""
    G, K = W.T @ H / temperature, W.shape[1]
    return ((log_sum_exp(G) @ ones(K, 1))[0, 0] - trace(G)) / K


@theorem(
    "softmaxcode-hardmax",
    source=source("the limit τ → 0, at each τ"),
    expected=Expected("holds", "numerical", "an inequality for all frames: drawn points and descent only"),
    hypotheses={"K ≥ 2, τ > 0": lambda d, K, temperature, **_: K >= 2 and d >= 1 and temperature > 0},
    d=st.just(2),
    K=st.integers(2, 3),
    temperature=st.sampled_from((Fraction(1), Fraction(1, 2))),
    above=st.booleans(),
    witness={"d": 2, "K": 3, "temperature": Fraction(1, 2), "above": True},
    configurations=({"d": 2, "K": 3, "temperature": Fraction(1, 2), "above": False},),
    wrong={"without K − 1": {"others": 1}, "without 1/K": {"samples": 1}},
)
def hardmax_limit(
    d: int, K: int, temperature: Fraction, above: bool, others: int | None = None, samples: int | None = None
) -> Inequality:
    """CE(τ) follows HardMax m at all unit vectors: 1/K log(1 + e^{m/τ}) ≤ CE(τ) ≤ log(1 + (K − 1) e^{m/τ}).

    Both bounds are drawn. A sample's loss is log(1 + Σ_j e^{m_j/τ}), with one term at least and K − 1 at most that
    count. So minimisers of CE(τ) accumulate at those of HardMax as τ → 0; how fast is in softmaxcode-hardmax-rate.
    """
    X, Y = variable("X", (d, K)), variable("Y", (d, K))
    W, H = unit_columns(X), unit_columns(Y)
    loss, term = cross_entropy(W, H, temperature), exp(hardmax(W, H) / temperature)
    low, high = log(1 + term) / (samples or K), log(1 + (others or K - 1) * term)
    return Inequality(*((loss, high) if above else (low, loss)), {"X": X, "Y": Y})


@theorem(
    "softmaxcode-hardmax-rate",
    source=source("the limit τ → 0, its rate; own"),
    hypotheses={"K ≥ 2, τ > 0": lambda K, odds: K >= 2 and odds > 1},
    K=st.integers(2, 12),
    odds=st.sampled_from([Fraction(x) for x in (Fraction(3, 2), 7, 100, 10**6, 10**40)]),
    witness={"K": 5, "odds": Fraction(100)},
    wrong={"without log K": {"samples": 1}, "K in place of K − 1": {"others": 0}, "a smaller power": {"power": 0}},
)
def hardmax_rate(
    K: int, odds: Fraction, samples: int | None = None, others: int = 1, power: int | None = None
) -> Identity:
    """(1 + (K − 1) x)^K − 1 ≤ K (K − 1) x (1 + (K − 1) x)^{K−1} for x = e^{−ρ/τ}, the step to a rate in τ.

    With softmaxcode-hardmax, which is numerical, a minimiser of CE(τ) has a loss of at most log(1 + (K − 1) x), the
    bound at a softmax code, and so a HardMax m with e^{m/τ} at most the left side: m exceeds −ρ, its least value, by
    τ log(K (K − 1)) + τ (K − 1) log(1 + (K − 1) x) at most. Here 1/x is rational, the odds.
    """
    x, wrong = 1 / odds, K - others
    largest = (1 + wrong * x) ** K - 1
    rate = (samples or K) * (K - 1) * x * (1 + (K - 1) * x) ** (K - 1 if power is None else power)
    return Identity((clause("rate", at_most(largest, rate)),))


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
    hypotheses={
        "regular polygon, simplex ETF or orthoplex: d = 2, K = d + 1 or K = 2d": lambda size: (
            (size[0] == 2 and size[1] in COSINES) or size[1] == size[0] + 1 or size[1] == 2 * size[0] > 2
        )
    },
    size=st.sampled_from([size for size in KNOWN if size[0] == 2 or size[1] in (size[0] + 1, 2 * size[0])]),
    witness={"size": (2, 5)},
    configurations=({"size": (3, 6)}, {"size": (3, 4)}),
    wrong={"h_k = −w_k": {"sign": -1}, "the value −ρ off by 1e-6": {"factor": OFF}},
)
def gnc(size: tuple[int, int], sign: int = 1, factor: Fraction = Fraction(1)) -> Identity:
    """GNC1 and GNC3 at the regular K-gon, the simplex ETF and the orthoplex: h_k, from the others' hull to w_k, is w_k.

    These are Tammes codes. The HardMax value is −ρ there, reached at some j for every k. That GNC1 holds at every
    minimiser, and GNC3 for Tammes codes alone, is not stated.
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


@theorem(
    "softmaxcode-rattlers",
    source=source("rattlers, vectors that can move without changing ρ"),
    hypotheses={
        "d + 1 < K < 2d": lambda size, t: size[0] + 1 < size[1] < 2 * size[0],
        "0 ≤ t ≤ 1": lambda size, t: 0 <= t <= 1,
    },
    size=st.sampled_from(((3, 5), (4, 6), (4, 7), (5, 7), (5, 9))),
    t=st.sampled_from([Fraction(x) for x in ("0", "1/4", "1/2", "2/3", "1")]),
    witness={"size": (3, 5), "t": Fraction(1, 2)},
    wrong={"towards e_d": {"sign": 1}, "towards e_2": {"other": 1}},
)
def rattlers(size: tuple[int, int], t: Fraction, sign: int = -1, other: int | None = None) -> Identity:
    """Subsets of ±e_i that lack some −e_d are no isolated codes: e_1 moves to −e_d along an arc, and ρ = 1 all the way.

    At cos φ e_1 − sin φ e_d, with t = tan(φ/2). No vector's distance changes, and h_k = w_k. Nor has a frame of ρ = 1
    and K ≥ d + 2 any vector with a distance above ρ: then x = 0 in softmaxcode-rho-largest, so that the hull of any
    K − 1 vectors contains 0.
    """
    d, K = size
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    e, place = identity(d), identity(K)
    start = orthoplex(d, K)
    first = start[range(d), (0,)]
    moved = cosine * first + sign * sine * e[range(d), (d - 1 if other is None else other,)]
    W = start + (moved - first) @ place[(0,), range(K)]
    triple = (place[range(K), (0,)] + cosine * place[range(K), (1,)] + sine * place[range(K), (K - 1,)]) / (
        1 + cosine + sine
    )
    pair = (place[range(K), (2,)] + place[range(K), (3,)]) / 2
    weights = [(triple if k in (2, 3) else pair) @ place[(k,), range(K)] for k in range(K)]
    return one_distance(W, constant(1), reduce(lambda a, b: a + b, weights))
