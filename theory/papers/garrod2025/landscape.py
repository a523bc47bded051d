"""Section 3, landscape: criticality, the Hessian at collapse, pairs, dimensions (statements 14 to 19).

Here e^α = r is rational, n = 1 where it changes nothing, and all hidden spaces are turned so that every factor of
collapse is s S. Divided by λ, the Hessian depends on K, L and α only: s^{2L}/(λ K) = α (e^α + K − 1)/K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from hypothesis import strategies as st

from theory.claims import Identity, Inequality, clause, equal, less
from theory.closed_form.deep_softmax import critical_decay
from theory.collapse import collapse_factors, turned
from theory.frames import simplex_etf
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    identity,
    log,
    matrix,
    ones,
    rank,
    repeat_columns,
    sum_squares,
    trace,
    variable,
    zeros,
)
from theory.papers.garrod2025.setting import (
    OFF,
    REAL,
    collapse_softmax,
    pairs,
    pairs_factors,
    pairs_softmax,
    product,
    source,
    total,
)
from theory.statement import Expected, theorem

ODDS = [Fraction(x) for x in (2, 5, 19, 997)]
"""r = e^α; primes, whose logarithms are independent in the normal form."""

DEEP = {"L ≥ 2": lambda L, **_: L >= 2}


def stationary(point: Mapping[str, Expression], G: Expression, decay: Expression, L: int) -> list:
    """∂/∂factor = 0 for all factors, with G the gradient of the fit by the outputs."""
    factors = [point["H"], *(point[f"W_{layer}"] for layer in range(1, L + 1))]
    relations = []
    for layer, V in enumerate(factors):
        above, below = factors[layer + 1 :], factors[:layer]
        slope = product(above[::-1]).T @ G if above else G
        relations.append(equal(slope @ product(below[::-1]).T if below else slope, -decay * V))
    return relations


def shares(rows: Sequence[Sequence[Fraction]], r: Fraction) -> list[Expression]:
    """The first column of the softmax of log(r) times rationals."""
    powers = [constant(r) ** row[0] for row in rows]
    return [p / total(powers) for p in powers]


@theorem(
    "garrod2025-dnc-critical",
    source=source("Theorem 4 (i), equations (14) and (19)"),
    hypotheses={"α > 0": lambda r, **_: r > 1},
    K=st.integers(2, 4),
    L=st.integers(1, 4),
    n=st.sampled_from((1, 2)),
    spare=st.integers(0, 1),
    r=st.sampled_from(ODDS),
    witness={"K": 3, "L": 2, "n": 2, "spare": 1, "r": Fraction(19)},
    configurations=({"K": 3, "L": 1, "n": 1, "spare": 0, "r": Fraction(5)},),
    wrong={"λ off by 1e-6": {"factor": OFF}, "n^{1/L}": {"samples": 1}, "K for K − 1 + e^α": {"wrong_odds": 1}},
)
def dnc_critical(
    K: int,
    L: int,
    n: int,
    spare: int,
    r: Fraction,
    factor: Fraction = Fraction(1),
    samples: int = 0,
    wrong_odds: int = 0,
) -> Identity:
    """Collapse is critical at scale α exactly for λ n^{1/(L+1)} = α^{(L−1)/(L+1)}/(K − 1 + e^α).

    The softmax P of its outputs has Y − P = K/(e^α + K − 1) S ⊗ 1ᵀ. L = 1 is the classical case.
    """
    S, alpha, d = simplex_etf(K), log(r), K + spare
    root = constant(n) ** Fraction(1, L + (not samples))
    decay = factor * alpha ** Fraction(L - 1, L + 1) / ((r + K - 1 + wrong_odds) * root)
    point = turned(collapse_factors(K, L, n, alpha, d), K, L, d)
    P = collapse_softmax(K, r)
    rows = [[Fraction(int(j == k)) - Fraction(1, K) for k in range(K)] for j in range(K)]
    found = shares(rows, r)
    G = repeat_columns(P - identity(K), (n,) * K) / (K * n)
    return Identity(
        (
            clause("softmax", *(equal(p, P[j, 0]) for j, p in enumerate(found))),
            clause("error", equal(identity(K) - P, Fraction(K) / (r + K - 1) * S)),
            clause("stationary", *stationary(point, G, decay, L)),
        )
    )


@theorem(
    "garrod2025-dnc-roots",
    source=source("Theorem 4 (i), roots of equation (19)"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses=DEEP,
    K=st.integers(2, 10),
    L=st.integers(2, 6),
    witness={"K": 4, "L": 2},
    wrong={"convex": {"swap": True}},
)
def dnc_roots(K: int, L: int, swap: bool = False) -> Inequality:
    """f(α) = α^{(L−1)/(L+1)}/(K − 1 + e^α) is log-concave: f(α) f(β) ≤ f((α+β)/2)², so (19) has two roots, one or none.

    Here α = a² + 1/1000 and β = b² + 1/1000.
    """
    a, b = variable("a"), variable("b")
    alpha, beta = (x**2 + Fraction(1, 1000) for x in (a, b))

    def f(x: Expression) -> Expression:
        return x ** Fraction(L - 1, L + 1) / (K - 1 + exp(x))

    sides = (f(alpha) * f(beta), f((alpha + beta) / 2) ** 2)
    return Inequality(*(sides[::-1] if swap else sides), {"a": a, "b": b})


@theorem(
    "garrod2025-lemma2",
    source=source("Lemma 2 and the split of ρ_c"),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    K=st.integers(2, 8),
    r=st.sampled_from(ODDS),
    witness={"K": 4, "r": Fraction(19)},
    wrong={"without S": {"rest": 0}, "s_c s_cᵀ once": {"times": 1}},
)
def lemma2(K: int, r: Fraction, rest: int = 1, times: int | None = None) -> Identity:
    """S ρ'_c S = ρ'_c = K s_c s_cᵀ + S for ρ'_c = Σ_{j≠c} (e_c − e_j)(e_c − e_j)ᵀ.

    With q = 1/(e^α + K − 1): ρ_c = diag(p_c) − p_c p_cᵀ = q² (e^α ρ'_c + ρ''_c), ρ''_c the sum over pairs without c.
    """
    S, clauses = simplex_etf(K), []
    for c in range(min(K, 3)):
        s_c = S[range(K), (c,)]
        first = total([difference(K, c, j) for j in range(K) if j != c])
        others = [difference(K, i, j) for i, j in combinations(range(K), 2) if c not in (i, j)]
        second = total(others) if others else zeros(K, K)
        q = 1 / (r + K - 1)
        p = [q * (r if j == c else 1) for j in range(K)]
        rho = diagonal(p) - diagonal(p) @ ones(K, K) @ diagonal(p)
        form = (times or K) * (s_c @ s_c.T) + rest * S
        clauses += [
            clause(f"ρ'_{c + 1}", equal(S @ first @ S, first), equal(first, form)),
            clause(f"ρ_{c + 1}", equal(rho, q**2 * (r * first + second))),
        ]
    return Identity(tuple(clauses))


def difference(K: int, i: int, j: int) -> Expression:
    """(e_i − e_j)(e_i − e_j)ᵀ."""
    e = identity(K)
    d = e[range(K), (i,)] - e[range(K), (j,)]
    return d @ d.T


# ------------------------------------------------------------------------------------------- the Hessian at collapse


Blocks = Sequence[Expression]
"""Directions X_0 (of the features), X_1 … X_L, K × K each."""


def curvature(K: int, V: Expression, r: Expression | Fraction) -> Expression:
    """Σ_c v_cᵀ ρ_c v_c for the columns v_c of V: the variance of each under the softmax of its class, summed."""
    q = 1 / (r + constant(K - 1))
    own = q * (r - constant(1))  # p_c = q 1 + own e_c
    squares = own * trace(total_of_squares(V, K)) + q * sum_squares(V)
    means = q * (ones(1, K) @ V) + own * diagonal_row(V, K)
    return squares - sum_squares(means)


def diagonal_row(V: Expression, K: int) -> Expression:
    """The diagonal of V as a row."""
    return ones(1, K) @ diagonal([V[c, c] for c in range(K)])


def total_of_squares(V: Expression, K: int) -> Expression:
    """The diagonal matrix of V_cc²."""
    return diagonal([V[c, c] ** 2 for c in range(K)])


def hessian_parts(
    K: int, alpha: Expression, r: Expression | Fraction, X: Blocks, printed: bool = False
) -> tuple[Expression, Expression]:
    """The two parts of Q(X)/λ at collapse, whose difference it is.

    Σ ‖X_l‖² + α (e^α + K − 1)/K Σ_c v_cᵀ S ρ_c S v_c and 2 Σ_{r<l} tr(S X_l S_{lr} X_r), with v_c = Σ_{l≥1} X_l s_c +
    X_0 e_c, S_{lr} = I for neighbours and S else. ``printed``: s_c for e_c, and S for neighbours too.
    """
    S, above = simplex_etf(K), total(X[1:])
    mixed = [
        trace(S @ (X[layer] @ X[m] if layer == m + 1 and not printed else X[layer] @ S @ X[m]))
        for layer in range(len(X))
        for m in range(layer)
    ]
    V = S @ (above @ S + (X[0] @ S if printed else X[0]))
    sharp = alpha * (r + constant(K - 1)) / K
    return total([sum_squares(x) for x in X]) + sharp * curvature(K, V, r), 2 * total(mixed)


def hessian_form(K: int, alpha: Expression, r: Expression | Fraction, X: Blocks, printed: bool = False) -> Expression:
    """Q(X)/λ."""
    above, below = hessian_parts(K, alpha, r, X, printed)
    return above - below


def integer_blocks(K: int, L: int, seed: int, centred: bool) -> list[Expression]:
    """Directions of small integers, S X_l S where ``centred``."""
    found = []
    for layer in range(L + 1):
        rows = [[(7 * i + 3 * j + 5 * layer + seed * (i + 2 * j + 1)) % 7 - 3 for j in range(K)] for i in range(K)]
        X = matrix(rows)
        found.append(simplex_etf(K) @ X @ simplex_etf(K) if centred else X)
    return found


def second_derivative(K: int, L: int, alpha: Expression, r: Fraction, X: Blocks) -> Expression:
    """d²/dt² of the objective at collapse along X, over λ, from the factors and the derivatives of the loss."""
    S, decay = simplex_etf(K), critical_decay(K, L, 1, alpha)
    factors = [alpha ** Fraction(1, L + 1) * S] * (L + 1)
    once = total([product([X[m] if m == layer else factors[m] for m in range(L, -1, -1)]) for layer in range(L + 1)])
    twice = total(
        [
            product([X[m] if m in pair else factors[m] for m in range(L, -1, -1)])
            for pair in combinations(range(L + 1), 2)
        ]
    )
    error = Fraction(K) / (r + K - 1) * S  # Y − P
    fit = (curvature(K, once, r) - 2 * trace(error @ twice)) / K
    return total([sum_squares(x) for x in X]) + fit / decay


HESSIAN = {
    "K": st.integers(2, 4),
    "L": st.integers(1, 3),
    "r": st.sampled_from(ODDS[1:]),
    "seed": st.integers(0, 6),
}


@theorem(
    "garrod2025-hessian-form",
    source=source("proof of Theorem 4, Q(X)"),
    expected=Expected(
        "refuted",
        "certified",
        "Q forgets the kernel 1 of the factors, through which neighbouring layers and the features act; right for "
        "X_l 1 = X_lᵀ 1 = 0 (garrod2025-hessian-form-corrected). Smallest: K = 2 and L = 1, at every decay tried "
        "(e^α = 5, 19, 997)",
    ),
    **HESSIAN,
    witness={"K": 2, "L": 1, "r": Fraction(5), "seed": 1},
    wrong={"without the curvature of the fit": {"sharp": 0}},
)
def hessian_form_printed(K: int, L: int, r: Fraction, seed: int, sharp: int = 1) -> Identity:
    """The Hessian at collapse, along X_l in the top blocks of all factors, is Q(X), with X s_c for every block."""
    return second_order(K, L, r, integer_blocks(K, L, seed, centred=False), True, sharp)


@theorem(
    "garrod2025-hessian-form-corrected",
    source=source("proof of Theorem 4, Q(X); corrected"),
    **HESSIAN,
    centred=st.booleans(),
    witness={"K": 3, "L": 2, "r": Fraction(5), "seed": 1, "centred": False},
    wrong={"without the curvature of the fit": {"sharp": 0}},
)
def hessian_form_corrected(K: int, L: int, r: Fraction, seed: int, centred: bool, sharp: int = 1) -> Identity:
    """The same with X_0 e_c for the features, and tr(S X_{l+1} X_l) for neighbours.

    As reconstructed it is right along directions X_l = S X_l S.
    """
    return second_order(K, L, r, integer_blocks(K, L, seed, centred), centred, sharp)


def second_order(K: int, L: int, r: Fraction, X: Blocks, printed: bool, sharp: int) -> Identity:
    """d²/dt² of the objective along X against Q(X)."""
    alpha = log(r)
    form = hessian_form(K, alpha if sharp else constant(0), r, X, printed)
    return Identity((clause("second derivative", equal(second_derivative(K, L, alpha, r, X), form)),))


def block_variables(K: int, L: int) -> list[Expression]:
    """X_0 … X_L."""
    return [variable(f"X_{layer}", (K, K)) for layer in range(L + 1)]


def in_plane(K: int) -> Expression:
    """A symmetric matrix of zero diagonal and zero row sums: (e_1 − e_2)(e_3 − e_4)ᵀ and its transpose. K ≥ 4."""
    e = identity(K)
    x, y = (e[range(K), (i,)] - e[range(K), (i + 1,)] for i in (0, 2))
    return x @ y.T + y @ x.T


def psd_claim(K: int, L: int, alpha: Fraction, tight: Sequence[Blocks]) -> Inequality:
    """Q(X) ≥ 0 for all X; widths d = K, so that Q is the whole Hessian."""
    X = block_variables(K, L)
    right, left = hessian_parts(K, constant(alpha), exp(constant(alpha)), X)
    variables = {str(x.data): x for x in X}
    return Inequality(left, right, variables, tuple(dict(zip(variables, p, strict=True)) for p in tight))


def meets_condition(K: int, alpha: Fraction) -> bool:
    """The printed αe^α ≥ K (e^α + K − 1), shown by α ≥ K + K (K − 1)/2^α, as e > 2."""
    return alpha >= K + Fraction(K * (K - 1), 2 ** int(alpha))


@theorem(
    "garrod2025-dnc-psd",
    source=source("Theorem 4 (ii)"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses=DEEP | {"αe^α ≥ K(e^α + K − 1)": lambda K, alpha, **_: meets_condition(K, alpha)},
    K=st.integers(2, 4),
    L=st.integers(2, 3),
    alpha=st.sampled_from([Fraction(x) for x in ("4", "5", "6", "12")]),
    witness={"K": 4, "L": 2, "alpha": Fraction(5)},
    wrong={"at a tenth of the scale": {"share": Fraction(1, 10)}},
)
def dnc_psd(K: int, L: int, alpha: Fraction, share: Fraction = Fraction(1)) -> Inequality:
    """Under the printed condition αe^α ≥ K (e^α + K − 1) the Hessian at collapse has no negative eigenvalue."""
    return psd_claim(K, L, share * alpha, ())


@theorem(
    "garrod2025-dnc-psd-sharp",
    source=source("Theorem 4 (ii), its condition made sharp; own"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses=DEEP | {"K ≥ 4": lambda K, **_: K >= 4, "α ≥ K (L−1)/(L+1)": lambda times, **_: times >= 1},
    K=st.just(4),
    L=st.integers(2, 3),
    times=st.sampled_from([Fraction(x) for x in ("1", "101/100", "3/2", "4")]),
    witness={"K": 4, "L": 2, "times": Fraction(1)},
    wrong={"a twentieth lower": {"share": Fraction(19, 20)}},
)
def dnc_psd_sharp(K: int, L: int, times: Fraction, share: Fraction = Fraction(1)) -> Inequality:
    """For K ≥ 4 the Hessian at collapse has no negative eigenvalue exactly for α ≥ K (L−1)/(L+1).

    The printed αe^α ≥ K (e^α + K − 1) asks for α > K. Equality along equal X_l, symmetric with zero diagonal and rows
    of zero sum; the eigenvalues are in garrod2025-dnc-curvature.
    """
    Y = in_plane(K)
    alpha = times * K * Fraction(L - 1, L + 1)
    tight = ([Y] * (L + 1),) if times == 1 else ()
    return psd_claim(K, L, share * alpha, tight if share == 1 else ())


@theorem(
    "garrod2025-dnc-curvature",
    source=source("Theorem 4 (ii), eigenvalues; own"),
    hypotheses=DEEP | {"K ≥ 4": lambda K, **_: K >= 4},
    K=st.integers(4, 7),
    L=st.integers(2, 5),
    r=st.sampled_from([Fraction(x) for x in ("2", "4", "8", "20", "60", "1000")]),
    witness={"K": 4, "L": 3, "r": Fraction(8)},
    configurations=({"K": 4, "L": 3, "r": Fraction(7)}, {"K": 4, "L": 2, "r": Fraction(5)}),
    wrong={"α ≥ K": {"bound": 1}, "α/(K−1)": {"fewer": 1}},
)
def dnc_curvature(K: int, L: int, r: Fraction, bound: int = 0, fewer: int = 0) -> Identity:
    """Along equal X_l = Y the Hessian at collapse is (L+1)² λ (c − (L−1)/(L+1)) ‖Y‖², c by the symmetry type of Y.

    Y symmetric, with rows of zero sum: c = α/K for zero diagonals (K ≥ 4), c = α (1 + (K−1) e^α)/(K (e^α + K − 1)) for
    S diag(a) S, Σ a = 0, and c = α e^α/(e^α + K − 1) for S, the largest; the first decides. Antisymmetric Y: never
    negative. So the Hessian has a negative eigenvalue for α < K (L−1)/(L+1).
    """
    alpha, S = log(r), simplex_etf(K)
    kinds = {
        "zero diagonal": (in_plane(K), alpha / (K - fewer)),
        "S diag(a) S": (S @ diagonal([1, -1, *[0] * (K - 2)]) @ S, alpha * (1 + (K - 1) * r) / (K * (r + K - 1))),
        "S": (S, alpha * r / (r + K - 1)),
    }
    shift, size = Fraction(L - 1, L + 1), (L + 1) ** 2
    clauses = [
        clause(name, equal(hessian_form(K, alpha, r, [Y] * (L + 1)), size * (c - shift) * sum_squares(Y)))
        for name, (Y, c) in kinds.items()
    ]
    threshold = constant(K * (Fraction(1) if bound else shift))
    at_zero = hessian_form(K, alpha, r, [in_plane(K)] * (L + 1))
    negative = exceeds(threshold, alpha)
    sign = less(at_zero, 0) if negative else less(0, at_zero)
    values = [c for _, c in kinds.values()]
    return Identity(
        (*clauses, clause("order", less(values[0], values[1]), less(values[1], values[2])), clause("sign", sign))
    )


def exceeds(threshold: Expression, alpha: Expression) -> bool:
    """Whether a rational threshold is above α = log r, by floats: the two are never equal."""
    from math import log as logarithm

    return float(threshold.data) > logarithm(float(alpha.args[0].data))  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------------------- pairs


@theorem(
    "garrod2025-lr-critical",
    source=source("equation (27)"),
    hypotheses=DEEP | {"K even, K ≥ 4": lambda K, **_: K >= 4 and K % 2 == 0},
    K=st.sampled_from((4, 6)),
    L=st.integers(2, 4),
    n=st.sampled_from((1, 2)),
    r=st.sampled_from(ODDS),
    witness={"K": 4, "L": 2, "n": 2, "r": Fraction(19)},
    wrong={"λ off by 1e-6": {"factor": OFF}, "β for 2β": {"double": 1}, "n forgotten": {"samples": 1}},
)
def lr_critical(
    K: int, L: int, n: int, r: Fraction, factor: Fraction = Fraction(1), double: int = 2, samples: int | None = None
) -> Identity:
    """Pairs are critical for λ n^{1/(L+1)} = (2β)^{(L−1)/(L+1)} (2e^{−β} + K − 2)/(K (e^β + e^{−β} + K − 2)).

    Their singular values 2β√n are shared out evenly among the factors.
    """
    X, beta, partition = pairs(K), log(r), r + 1 / r + K - 2
    root = constant(samples or n) ** Fraction(1, L + 1)
    power = (double * beta) ** Fraction(L - 1, L + 1)
    decay = factor * power * (2 / r + K - 2) / (K * partition * root)
    point = turned(pairs_factors(K, L, n, beta), K, L, K)
    softmax = pairs_softmax(K, r)
    G = repeat_columns(softmax - identity(K), (n,) * K) / (K * n)
    rows = [[Fraction(int(j == 0) - int(j == 1))] for j in range(K)]
    return Identity(
        (
            clause("softmax", *(equal(p, softmax[j, 0]) for j, p in enumerate(shares(rows, r)))),
            clause("stationary", *stationary(point, G, decay, L)),
            clause(
                "outputs",
                equal(
                    product([point[f"W_{layer}"] for layer in range(L, 0, -1)] + [point["H"]]),
                    repeat_columns(beta * X, (n,) * K),
                ),
            ),
        )
    )


# ---------------------------------------------------------------------------------------------------------- dimensions


def tangents(rank: int, d: int, L: int) -> list[list[int]]:
    """Tangent vectors of the critical parameters with given outputs, by the frames U_{L−1} … U_0 one at a time.

    Equal singular values 1, n = 1: W_L = U_L U_{L−1}ᵀ, W_l = U_l U_{l−1}ᵀ, H = U_0 V_0ᵀ with U_L and V_0 fixed by the
    outputs; each U_l, d × rank, is any frame. At coordinate frames, directions are E_ij below, and skew ones inside.
    """
    moves = [[(i, j, 1)] for i in range(rank, d) for j in range(rank)]
    moves += [[(i, j, 1), (j, i, -1)] for i, j in combinations(range(rank), 2)]
    found = []
    for layer in range(L):
        for move in moves:
            factors = [[0] * (d * rank if m in (0, L) else d * d) for m in range(L + 1)]
            for i, j, x in move:
                width = rank if layer == 0 else d
                factors[layer][i * width + j] = x  # δU_l on the left of factor l
                factors[layer + 1][j * d + i] = x  # and on the right of factor l + 1
            found.append([x for factor in factors for x in factor])
    return found


def dimension(rows: int, d: int, L: int) -> Expression:
    """How many of the tangent vectors at outputs of a rank are independent."""
    return rank(matrix(tangents(rows, d, L)))


def printed_dimension(rank: int, d: int, L: int) -> int:
    """The count for equal singular values: a Grassmannian for each of U_{L−1}, …, U_0."""
    return L * rank * (d - rank)


def frames_dimension(rank: int, d: int, L: int) -> int:
    """A Stiefel manifold for each."""
    return L * (rank * d - rank * (rank + 1) // 2)


DIMENSIONS = {
    "K": st.integers(4, 5),
    "L": st.integers(1, 3),
    "spare": st.integers(0, 2),
    "rank": st.integers(2, 3),
}
LOWER = {"2 ≤ r < K − 1": lambda K, rank, **_: 2 <= rank < K - 1, "d ≥ K": lambda spare, **_: spare >= 0}


@theorem(
    "garrod2025-dimension-ratio",
    source=source("Theorem 5, equation (6)", "P"),
    expected=Expected(
        "refuted",
        "certified",
        "equal singular values do not lower the dimension: W_L = s U_L U_{L−1}ᵀ with U_L fixed tells all frames "
        "U_{L−1} apart. The count (a Grassmannian) and R(K) < 1 fail, from K = 4, r = 2 and L = 1 on; no decay enters; "
        "the limit and monotony hold (garrod2025-dimension-ratio-corrected)",
    ),
    hypotheses=LOWER,
    **DIMENSIONS,
    witness={"K": 4, "L": 1, "spare": 0, "rank": 2},
    wrong={"one frame fewer": {"frames": -1}},
)
def dimension_ratio(K: int, L: int, spare: int, rank: int, frames: int = 0) -> Identity:
    """The critical parameters with the outputs of collapse have dimension L (K−1)(d−K+1), less than at rank r if d = K.

    For outputs of r equal singular values: L r (d − r). R(d) = D_DNC/D_{Z*} starts below 1, for d < K − 1 + r.
    """
    d = K + spare
    counts = {r: printed_dimension(r, d, L + frames) for r in (K - 1, rank)}
    clauses = [clause(f"dimension at rank {r}", equal(n, dimension(r, d, L))) for r, n in counts.items()]
    smaller = less(dimension(K - 1, K, L), dimension(rank, K, L))
    return Identity((*clauses, clause("R(K) < 1", smaller)))


@theorem(
    "garrod2025-dimension-ratio-corrected",
    source=source("Theorem 5, corrected", "P"),
    hypotheses=LOWER,
    **DIMENSIONS,
    witness={"K": 5, "L": 2, "spare": 1, "rank": 3},
    wrong={"Grassmannians": {"printed": True}, "one frame fewer": {"frames": -1}},
)
def dimension_ratio_corrected(
    K: int, L: int, spare: int, rank: int, printed: bool = False, frames: int = 0
) -> Identity:
    """The critical parameters with given outputs of rank r have dimension L (r d − r(r+1)/2), equal s_i or not.

    So R(d) = D_DNC/D_{Z*} is above 1 from d = K on, increases, and tends to (K−1)/r: collapse wins by number at every
    width.
    """
    d, count = K + spare, printed_dimension if printed else frames_dimension
    clauses = [
        clause(f"dimension at rank {r}", equal(count(r, d, L + frames), dimension(r, d, L))) for r in (K - 1, rank)
    ]
    ratios = [Fraction(count(K - 1, x, 1), count(rank, x, 1)) for x in (K, d, d + 1, 10**6)]
    limit = Fraction(K - 1, rank)
    order = [less(1, ratios[0]), less(ratios[1], ratios[2]), less(ratios[3], limit)]
    return Identity((*clauses, clause("R(d)", *order, less(limit - ratios[3], Fraction(1, 10**4)))))
