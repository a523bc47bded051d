"""Section 2, low-rank bias: collapse is beaten, and low rank wins with depth (statements 5 to 10, 12 of the sheet)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from math import prod

from hypothesis import strategies as st

from theory.claims import Identity, Inequality, NotGlobalMinimum, clause, equal, less
from theory.closed_form.deep_softmax import (
    beats_zero,
    below_collapse,
    collapse_decays,
    collapse_fit,
    fit_of,
    model,
    near_critical,
)
from theory.frames import simplex_etf
from theory.ops import (
    Expression,
    compare,
    constant,
    diagonal,
    exp,
    identity,
    log,
    matrix,
    ones,
    operator_norm,
    sqrt,
    trace,
    variable,
)
from theory.papers.garrod2025.setting import (
    REAL,
    block,
    inverted,
    pairs,
    pairs_decays,
    pairs_fit,
    source,
    total,
)
from theory.statement import Expected, theorem

SCALES = tuple(map(Fraction, ("3", "4", "6", "9", "12")))
"""Scales α of collapse: decays from about 0.1 down to 1e-5."""

Size = tuple[int, int]
"""K and L."""

Rows = tuple[tuple[int, ...], ...]

IN_RANGE = {
    "K ≥ 4 and L ≥ 3, or K ≥ 6 and L = 2": lambda size, **_: (
        (size[0] >= 4 and size[1] >= 3) or (size[0] >= 6 and size[1] == 2)
    ),
    "collapse is not worse than zero": lambda size, alpha, **_: beats_zero(size[0], size[1], alpha),
}


def beaten(size: Size, n: int, alpha: Fraction, count: int | None = None) -> NotGlobalMinimum:
    """Some weights lie strictly below every collapsed point, at the decay where collapse has scale α."""
    found = near_critical(*size, n, alpha)
    return NotGlobalMinimum(found, below_collapse(found, alpha, count))


NO_DECAYS = {"the decays left out": {"count": 0}}


@theorem(
    "garrod2025-dnc-not-global",
    source=source("Theorem 1", "P"),
    expected=Expected("holds", "proved"),
    hypotheses=IN_RANGE,
    size=st.sampled_from(((4, 3), (5, 3), (6, 2), (7, 2), (4, 4), (4, 6), (6, 3))),
    n=st.sampled_from((1, 2)),
    alpha=st.sampled_from(SCALES),
    witness={"size": (4, 3), "n": 1, "alpha": Fraction(6)},
    configurations=tuple({"size": size, "n": 1, "alpha": Fraction(9)} for size in ((5, 3), (6, 2), (7, 2))),
    wrong=NO_DECAYS,
)
def dnc_not_global(size: Size, n: int, alpha: Fraction, count: int | None = None) -> NotGlobalMinimum:
    """Collapse is not a global minimum for K ≥ 4 and L ≥ 3, nor for K ≥ 6 and L = 2, at any decay.

    Where collapse is worse than zero at every scale it is no minimum either; here it is better, at scale α.
    """
    return beaten(size, n, alpha, count)


OUTSIDE = (
    *((3, 2, "7/5"), (3, 3, "2"), (3, 3, "11/5"), (3, 4, "13/5"), (3, 6, "3")),
    *((4, 2, "2"), (4, 2, "49/10"), (5, 2, "3"), (5, 2, "19/2")),
)
"""K, L and α."""


@theorem(
    "garrod2025-dnc-not-global-outside",
    source=source("Theorem 1, outside its range; own", "P"),
    hypotheses={
        "K = 3, or K = 4, 5 and L = 2": lambda case, **_: case[0] == 3 or (case[0] in (4, 5) and case[1] == 2),
        "collapse is not worse than zero": lambda case, **_: beats_zero(case[0], case[1], Fraction(case[2])),
    },
    case=st.sampled_from(OUTSIDE),
    n=st.sampled_from((1, 2)),
    witness={"case": (3, 2, "7/5"), "n": 1},
    wrong=NO_DECAYS,
)
def dnc_not_global_outside(case: tuple[int, int, str], n: int, count: int | None = None) -> NotGlobalMinimum:
    """Collapse is beaten outside the theorem's range too, at large decays: K = 3 from L = 2 on, and K = 4, 5 at L = 2.

    Decays λ, all equal, n = 1, downwards from where collapse ties with zero. K = 3, by outputs of rank one that give
    up a class: .1858 to .1735 for L = 2, .1518 to .1320 for L = 3, .1313 to .1087 for L = 4. By pairs, L = 2: .148 to
    .0118 for K = 4, .125 to .00013 for K = 5. Below these, and for K = 2 at any decay, nothing lower was found.
    """
    K, L, alpha = case
    return beaten((K, L), n, Fraction(alpha), count)


# ------------------------------------------------------------------------------------------------- fit and regulariser


def likelihood(rows: Sequence[Sequence[int]], k: int, r: Fraction) -> Fraction:
    """e^loss of class k at outputs log(r) times integers: Σ_j e^{z_jk − z_kk}."""
    return sum((r ** (row[k] - rows[k][k]) for row in rows), Fraction(0))


def pair_rows(K: int) -> Rows:
    """X̄ as integers."""
    partner = [k ^ 1 if (k ^ 1) < K else k for k in range(K)]
    return tuple(tuple((j == k) - (j != k and j == partner[k]) for k in range(K)) for j in range(K))


def simplex_rows(K: int) -> Rows:
    """K S as integers."""
    return tuple(tuple(K * (j == k) - 1 for k in range(K)) for j in range(K))


@theorem(
    "garrod2025-fit-reg",
    source=source("Theorem 1, fit and regulariser"),
    expected=Expected("holds", "proved"),
    hypotheses={"K ≥ 4": lambda K, **_: K >= 4, "α > 0": lambda r, **_: r > 1},
    K=st.integers(4, 9),
    L=st.integers(1, 6),
    n=st.sampled_from((1, 3)),
    r=st.sampled_from([Fraction(x) for x in ("11/10", "2", "9", "400")]),
    witness={"K": 5, "L": 2, "n": 1, "r": Fraction(9)},
    configurations=({"K": 6, "L": 2, "n": 1, "r": Fraction(9)}, {"K": 4, "L": 3, "n": 1, "r": Fraction(2)}),
    wrong={"2 − 1/(m+1)": {"more": 1}, "partners not apart by 2β": {"apart": 1}, "margin α/K": {"spread": 1}},
)
def fit_reg(K: int, L: int, n: int, r: Fraction, more: int = 0, apart: int = 2, spread: int = 0) -> Identity:
    """At one scale α = log r pairs always have the better fit, and the better regulariser iff 2^{2/(L+1)} < 2 − 1/m.

    First K by L: none for L = 1, 6 for L = 2, 4 for L ≥ 3.
    """
    alpha, m, X, S = log(r), K // 2, pairs(K), simplex_etf(K)
    rows, odd = pair_rows(K), K % 2
    paired = 1 + (K - 2) / r + r ** (-apart)
    cheaper = compare(constant(2) ** Fraction(2, L + 1), 2 - Fraction(1, m + more)) < 0
    costs = [pairs_decays(K, L, n, 1, alpha), collapse_decays(K, L, n, 1, alpha)]
    last = [equal(constant(likelihood(rows, K - 1, r)), 1 + (K - 1) / r)] if odd else []
    end = identity(K)[range(K), (K - 1,)]
    spectrum = equal(X @ X, 2 * X - end @ end.T if odd else 2 * X)
    scaled = K * K if spread else K
    first = {1: 0, 2: 6}.get(L, 4)
    return Identity(
        (
            clause("fit of collapse", equal(constant(likelihood(simplex_rows(K), 0, r)), 1 + (K - 1) / r**scaled)),
            clause("fit of pairs", equal(constant(likelihood(rows, 0, r)), paired), *last),
            clause("better fit", less(pairs_fit(K, alpha), collapse_fit(K, alpha))),
            clause("singular values", equal(S @ S, S), equal(trace(S), K - 1), spectrum, equal(trace(X), 2 * m + odd)),
            clause("regulariser", less(costs[0], costs[1]) if cheaper else less(costs[1], costs[0])),
            clause("first K", equal(constant(int(cheaper)), int(bool(first) and first <= K))),
        )
    )


# ------------------------------------------------------------------------------------- diagonally superior matrices


RING = ((5, 0), (0, 5), (-5, 0), (0, -5), (3, 4), (-3, 4), (-3, -4), (3, -4))
"""Integer points on a circle: their Gram matrix is diagonally superior, of rank 2."""


def ring_rows(K: int) -> Rows:
    """Gram matrix of K points on a circle."""
    return tuple(tuple(x * u + y * v for u, v in RING[:K]) for x, y in RING[:K])


def margins(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """m_kk − m_jk for all j ≠ k, a list for each class k."""
    K = len(rows)
    return [[rows[k][k] - rows[j][k] for j in range(K) if j != k] for k in range(K)]


def least_margin(rows: Sequence[Sequence[int]]) -> int:
    """Positive exactly for diagonally superior matrices."""
    return min(map(min, margins(rows)))


TIED = ((1, 1, 0), (1, 1, 0), (0, 0, 1))
MATRICES = (
    pair_rows(4),
    pair_rows(5),
    simplex_rows(3),
    ring_rows(5),
    TIED,
    ((1, 0, 0), (0, 0, 0), (-1, 0, 0)),
    ((0, 1), (1, 0)),
)


@theorem(
    "garrod2025-diag-superior",
    source=source("Definition 3", "P"),
    expected=Expected("holds", "numerical", REAL),
    rows=st.sampled_from(MATRICES),
    unit=st.sampled_from((1, 2, 3)),
    witness={"rows": TIED, "unit": 1},
    configurations=({"rows": pair_rows(4), "unit": 1},),
    wrong={"margin one more": {"extra": 1}, "K times as much": {"divisor": 1}},
)
def diag_superior(rows: Rows, unit: int, extra: int = 0, divisor: int | None = None) -> Inequality:
    """A matrix is diagonally superior exactly if its fit tends to zero as it is scaled up; a tie is enough to fail.

    With least margin m > 0: g(γM) ≤ log(1 + (K−1) e^{−mγ}) for γ ≥ 0. Else g(γM) ≥ (log 2)/K for all γ. Here γ = x².
    """
    K, gamma, m = len(rows), variable("x") ** 2, unit * least_margin(rows)
    g = fit_of(gamma * (unit * block(rows)), (1,) * K)
    x = {"x": variable("x")}
    if m > 0:
        return Inequality(g, log(1 + (K - 1) * exp(-(m + extra) * gamma)), x)
    return Inequality(log(2) / (divisor or K), g, x)


Case = tuple[str, str, int, int]

CASES: tuple[Case, ...] = (
    ("simplex", "pairs", 4, 3),
    ("simplex", "pairs", 5, 3),
    ("simplex", "pairs", 6, 2),
    ("simplex", "ring", 5, 7),
    ("simplex", "ring", 6, 6),
    ("pairs", "ring", 6, 10),
    ("pairs", "ring", 8, 6),
)
"""X, M of lower rank, the number of classes, and a depth from which on M wins for all class sizes below."""

ROWS = {"simplex": simplex_rows, "pairs": pair_rows, "ring": ring_rows}


def spectrum(kind: str, K: int, first: int) -> list[Expression]:
    """Singular values of the outputs (K × N) of such a matrix, zeros left out: ``first`` samples of class 1, else one.

    Those of K S are K and once K √((1 − 1/K)(n_1 + K − 1) − (K − 2)); of pairs 2 and once √(2(n_1 + 1)), and 1 for the
    last class of an odd number; of Gram matrices VᵀV of points V in the plane those of (V Vᵀ)(V D Vᵀ), rooted.
    """
    if kind == "simplex":
        other = Fraction(K - 1, K) * (first + K - 1) - (K - 2)
        return [*[constant(K)] * (K - 2), K * sqrt(other)]
    if kind == "pairs":
        return [sqrt(2 * (first + 1)), *[constant(2)] * (K // 2 - 1), *[constant(1)] * (K % 2)]
    counts = (first, *[1] * (K - 1))
    plain, weighted = (
        [[sum(n * v[i] * v[j] for n, v in zip(ns, RING, strict=False)) for j in (0, 1)] for i in (0, 1)]
        for ns in ((1,) * K, counts)
    )
    middle = Fraction(sum(plain[i][j] * weighted[j][i] for i in (0, 1) for j in (0, 1)), 2)
    det = prod(a[0][0] * a[1][1] - a[0][1] * a[1][0] for a in (plain, weighted))
    return [sqrt(middle + sign * sqrt(middle**2 - det)) for sign in (1, -1)]


DECAYS = [Fraction(1, 10), Fraction(1, 100), Fraction(1, 10**4)]


def depth_claim(case: Case, deeper: int, decay: Fraction, first: int, n: int, swap: bool) -> Inequality:
    """𝓛_L(γ α M) ≤ 𝓛_L(α X) for all α = a² ≥ 0, with γ the smallest for which every margin of γM is one of X or more.

    Class 1 has n times ``first`` samples, each other class n.
    """
    better, lower, K, depth = case
    X, M = ROWS[better](K), ROWS[lower](K)
    gamma = max(Fraction(x, m) for x, m in zip(chain(*margins(X)), chain(*margins(M)), strict=True))
    L, a, sizes = depth + deeper, variable("a"), (n * first, *[n] * (K - 1))

    def loss(kind: str, scale: Fraction) -> Expression:
        values = [scale * sqrt(n) * a**2 * s for s in spectrum(kind, K, first)]
        norm = total([s ** Fraction(2, L + 1) for s in values])
        return fit_of(scale * a**2 * block(ROWS[kind](K)), sizes) + decay * Fraction(L + 1, 2) * norm

    low, high = loss(lower, gamma), loss(better, Fraction(1))
    return Inequality(*((high, low) if swap else (low, high)), {"a": a})


TURNED = {"high rank wins": {"swap": True}}
DEPTH = {
    "X, M of ranks p > q, M diagonally superior": lambda case, **_: least_margin(ROWS[case[1]](case[2])) > 0,
    "L > L_0(X, M)": lambda deeper, **_: deeper >= 0,
}


@theorem(
    "garrod2025-depth-comparison",
    source=source("Theorem 2"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses=DEPTH,
    case=st.sampled_from(CASES),
    deeper=st.integers(0, 3),
    decay=st.sampled_from(DECAYS),
    n=st.sampled_from((1, 3)),
    witness={"case": CASES[3], "deeper": 0, "decay": Fraction(1, 100), "n": 1},
    wrong=TURNED,
)
def depth_comparison(case: Case, deeper: int, decay: Fraction, n: int, swap: bool = False) -> Inequality:
    """From some depth on, which no decay changes, a diagonally superior M of lower rank lies below αX at every scale α.

    min over β of 𝓛_L(βM) ≤ min over α of 𝓛_L(αX), with equality only at zero.
    """
    return depth_claim(case, deeper, decay, 1, n, swap)


@theorem(
    "garrod2025-imbalanced",
    source=source("Theorem A1; X the SEL matrix"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses=DEPTH | {"unequal classes": lambda largest, **_: largest > 1},
    case=st.sampled_from(CASES),
    deeper=st.integers(0, 2),
    decay=st.sampled_from(DECAYS),
    largest=st.sampled_from((2, 4, 9)),
    witness={"case": CASES[0], "deeper": 0, "decay": Fraction(1, 100), "largest": 4},
    wrong=TURNED,
)
def imbalanced(case: Case, deeper: int, decay: Fraction, largest: int, swap: bool = False) -> Inequality:
    """The comparison by depth with classes of different sizes: the first class has several times the samples of others.

    X = K S is the SEL matrix, to which the outputs of one layer tend as the decay does to zero.
    """
    return depth_claim(case, deeper, decay, largest, 1, swap)


@theorem(
    "garrod2025-qk",
    source=source("section 2, minimal rank", "P"),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    K=st.integers(2, 9),
    turn=st.sampled_from([Fraction(x) for x in ("0", "1/3", "-2/7")]),
    witness={"K": 5, "turn": Fraction(1, 3)},
    wrong={"rank 1": {"rank": 1}, "points not on a circle": {"stretch": 2}},
)
def qk(K: int, turn: Fraction, rank: int = 2, stretch: int = 1) -> Identity:
    """Different unit vectors in the plane have a diagonally superior Gram matrix of rank 2; for K = 2 rank 1 is enough.

    Rational points ((1−t²), 2t)/(1+t²) of the circle, t = turn, turn + 1, …; every 3 × 3 minor vanishes.
    """
    steps = [turn + i for i in range(K)]
    points = [((1 - t * t) / (1 + t * t), stretch * 2 * t / (1 + t * t)) for t in steps]
    gram = matrix([[x * u + y * v for u, v in points] for x, y in points])
    first, rest = gram[range(rank), range(rank)], gram[range(rank), range(K)]
    inverse = matrix(inverted([[x * u + y * v for u, v in points[:rank]] for x, y in points[:rank]]))
    one = matrix([[Fraction(1)], [Fraction(-1)]])
    two = one @ one.T
    return Identity(
        (
            clause(
                "diagonally superior",
                less(gram - identity(K), ones(K, K)),
                equal(ones(1, K) @ diagonal([gram[k, k] for k in range(K)]), ones(1, K)),
            ),
            clause("rank", equal(rest.T @ inverse @ rest, gram), equal(inverse @ first, identity(rank))),
            clause("K = 2", less(two[0, 1], two[0, 0]), less(two[1, 0], two[1, 1])),
        )
    )


@theorem(
    "garrod2025-qk-rank-one",
    source=source("section 2, minimal rank; own", "P"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses={"K ≥ 3": lambda K, **_: K >= 3},
    K=st.integers(3, 7),
    n=st.sampled_from((1, 2)),
    witness={"K": 3, "n": 1},
    wrong={"log 2, not (log 2)/K": {"divisor": 1}},
)
def qk_rank_one(K: int, n: int, divisor: int | None = None) -> Inequality:
    """With three classes or more no matrix of rank 1 is diagonally superior: g(uvᵀ) ≥ (log 2)/K for all u and v."""
    u, v = variable("u", (K, 1)), variable("v", (K, 1))
    return Inequality(log(2) / (divisor or K), fit_of(u @ v.T, (n,) * K), {"u": u, "v": v})


@theorem(
    "garrod2025-depth-limit-strong",
    source=source("Theorems 3 (i) and A2, the bound of the proof at given L"),
    expected=Expected("holds", "numerical", REAL),
    sizes=st.sampled_from(((1, 1), (2, 2), (3, 1), (1, 1, 1), (2, 2, 2), (3, 1, 1))),
    L=st.integers(1, 4),
    decay=st.sampled_from([Fraction(1, 2), Fraction(1, 10)]),
    witness={"sizes": (3, 1, 1), "L": 2, "decay": Fraction(1, 10)},
    wrong={"a hundred times as much": {"times": 100}},
)
def depth_limit_strong(sizes: tuple[int, ...], L: int, decay: Fraction, times: int = 1) -> Inequality:
    """The objective is at least λ/2 (L+1) ‖Z‖_op^{2/(L+1)}, and zero has log K, for class sizes of any kind.

    So every singular value of Z at a global minimum is at most (2 log K/((L+1)λ))^{(L+1)/2}: if L λ_L → ∞ it tends to
    zero faster than exponentially in L.
    """
    found = model(len(sizes), L, 1, decay).with_(class_sizes=sizes)
    largest = operator_norm(found.outputs(found.features))
    cost = times * decay * Fraction(L + 1, 2) * largest ** Fraction(2, L + 1)
    return Inequality(cost, found.objective, found.variables)
