"""Section 5.1: collapse of Gram matrices under the recursion, as printed and corrected."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from theory.claims import Clause, Identity, at_most, clause, equal, less
from theory.ops import Expression, constant, frobenius_norm, identity, matrix, sum_squares
from theory.papers.beaglehole2024.setting import (
    Recursion,
    Rows,
    exact_kappa,
    integers,
    inverse,
    kept,
    labels,
    plus,
    printed_kappa,
    source,
    times,
    transposed,
)
from theory.statement import Expected, theorem

F = Fraction
SIZES = st.sampled_from(((2, 1), (2, 2), (3, 1), (3, 2), (2, 3)))
RIDGES = st.sampled_from([F(x) for x in ("1/1000", "1/10", "1/3", "1", "5")])
SEEDS = st.integers(0, 50)


def drawn_samples(case: tuple[int, int], spare: int, seed: int) -> Rows:
    """X = (I; 0) + drawn integers/7, of full column rank N, with N + spare rows."""
    N = case[0] * case[1]
    return [[F(i == j) + x / 7 for j, x in enumerate(row)] for i, row in enumerate(integers(N + spare, N, seed))]


def of_full_rank(case: tuple[int, int], spare: int, seed: int, **_: object) -> bool:
    """Whether elimination meets no zero: XᵀX is positive definite then."""
    X = drawn_samples(case, spare, seed)
    try:
        inverse(times(transposed(X), X))
    except ZeroDivisionError:
        return False
    return True


@theorem(
    "beaglehole2024-linear-collapse",
    source=source("section 5.1, linear case"),
    hypotheses={"K ≥ 2, d ≥ N": lambda case, spare, **_: case[0] >= 2 and spare >= 0, "XᵀX ≻ 0": of_full_rank},
    case=SIZES,
    spare=st.integers(0, 2),
    seed=SEEDS,
    witness={"case": (2, 2), "spare": 1, "seed": 0},
    wrong={"with a ridge": {"ridge": F(1, 10)}, "M without the outer product": {"product": False}},
)
def linear_collapse(
    case: tuple[int, int], spare: int, seed: int, ridge: Fraction = Fraction(0), product: bool = True
) -> Identity:
    """With λ̂ = 0 the predictor is linear and interpolates, f(x) = βᵀx, so that Mx = βy: collapse in one layer."""
    Y, X = labels(*case), matrix(rows := drawn_samples(case, spare, seed))
    beta = X @ matrix(inverse(plus(times(transposed(rows), rows), ridge))) @ Y.T
    M = beta @ beta.T
    return Identity(
        (
            clause("interpolation", equal(beta.T @ X, Y)),
            clause("M x = β y", equal((M if product else identity(len(rows))) @ X, beta @ Y)),
            clause("collapse", equal(X.T @ M @ X, Y.T @ Y)),
        )
    )


@theorem(
    "beaglehole2024-agop-gram",
    source=source("section 5.1, the predictor's AGOP", "R"),
    hypotheses={"λ̂ ≥ 0": lambda ridge, **_: ridge >= 0, "XᵀX ≻ 0": of_full_rank},
    case=SIZES,
    spare=st.integers(0, 2),
    seed=SEEDS,
    ridge=st.sampled_from([F(x) for x in ("0", "1/10", "1", "7/3")]),
    witness={"case": (2, 2), "spare": 1, "seed": 0, "ridge": F(1, 10)},
    wrong={"A (A + λ̂I)⁻¹ once": {"sides": 1}, "2λ̂": {"factor": 2}},
)
def agop_gram(
    case: tuple[int, int], spare: int, seed: int, ridge: Fraction, sides: int = 2, factor: int = 1
) -> Identity:
    """XᵀMX = A (A + λ̂I)⁻¹ YᵀY (A + λ̂I)⁻¹ A for A = XᵀX and M = X αᵀα Xᵀ, α = Y (A + λ̂I)⁻¹."""
    Y, X = labels(*case), matrix(rows := drawn_samples(case, spare, seed))
    gram = times(transposed(rows), rows)
    R, S = matrix(inverse(plus(gram, ridge))), matrix(inverse(plus(gram, factor * ridge)))
    A, alpha = X.T @ X, Y @ R
    right = S @ A if sides == 2 else identity(A.shape[0])
    return Identity(
        (
            clause("(A + λ̂I)⁻¹", equal(R @ (A + ridge * identity(A.shape[0])), identity(A.shape[0]))),
            clause("XᵀMX", equal(X.T @ (X @ alpha.T @ alpha @ X.T) @ X, A @ S @ Y.T @ Y @ right)),
        )
    )


@theorem(
    "beaglehole2024-lemma-c2",
    source=source("Lemma C.2"),
    hypotheses={"λ_map > 0": lambda ridge, **_: ridge > 0},
    K=st.integers(1, 5),
    n=st.integers(1, 5),
    ridge=RIDGES,
    witness={"K": 3, "n": 2, "ridge": F(1, 10)},
    configurations=({"K": 10, "n": 6, "ridge": F(1, 10)},),
    wrong={"n left out": {"factor": 0}, "2n": {"factor": 2}, "plus": {"sign": 1}},
)
def lemma_c2(K: int, n: int, ridge: Fraction, factor: int = 1, sign: int = -1) -> Identity:
    """A* = YᵀY + λ_map I has the inverse λ_map⁻¹ I − λ_map⁻¹ (λ_map + n)⁻¹ YᵀY."""
    N, G = K * n, labels(K, n).T @ labels(K, n)
    inverted = 1 / ridge * identity(N) + sign / (ridge * (ridge + factor * n)) * G
    return Identity((clause("inverse", equal((G + ridge * identity(N)) @ inverted, identity(N))),))


# ---------------------------------------------------------------------------------------------------------- theorem 5.3


def steps(recursion: Recursion, A: Rows, layers: int) -> tuple[list[Expression], Clause]:
    """X̃_{l+1}ᵀX̃_{l+1} for l = 1, …, and the clause that they are those of the recursion."""
    found = recursion.run(A, layers)
    one = identity(len(A))
    inverses = [
        equal(matrix(recursion.resolvent(before)) @ (matrix(before) + recursion.predictor * one), one)
        for before, _ in found
    ]
    values = [equal(matrix(after), recursion.as_formula(before)) for before, after in found]
    chained = [equal(matrix(later), matrix(after) + recursion.map * one) for (_, after), (later, _) in pairwise(found)]
    return [matrix(after) for _, after in found], Clause("recursion", (*inverses, *values, *chained))


def allowed(n: int, map: Fraction, epsilon: Fraction, C: Fraction = Fraction(1)) -> Fraction:
    """C λ_map (1 − ε)/(2 (1 + λ_map⁻¹) n), the largest λ̂ of Theorem 5.3."""
    return C * map * (1 - epsilon) / (2 * (1 + 1 / map) * n)


@theorem(
    "beaglehole2024-gram-contraction",
    source=source("Theorem 5.3", R="the predictor's AGOP"),
    expected=Expected(
        "refuted",
        "certified",
        "false with the printed κ, whatever the constants C and that of O(·) are: from X_1ᵀX_1 = λ_map I, which meets "
        "all assumptions, the distance to YᵀY grows from layer 2 to 3 at first order in λ̂, by "
        "beaglehole2024-gram-floor, where O(λ̂² λ_map⁻²) allows the second. The scale is what is wrong: the iterates "
        "tend to b YᵀY with b > 1. With κ = ((n + λ_map)/(n + λ_map + λ̂))² it holds without the error term, and for "
        "larger λ̂ (beaglehole2024-gram-contraction-exact)",
    ),
    hypotheses={
        "λ_map > 0, 0 < ε < 1": lambda map, epsilon, **_: map > 0 and 0 < epsilon < 1,
        "λ̂ ≤ C λ_map (1 − ε)/(2 (1 + λ_map⁻¹) n)": lambda share, **_: 0 < share <= 1,
    },
    case=SIZES,
    map=RIDGES,
    epsilon=st.sampled_from([F(x) for x in ("1/100", "1/2", "9/10")]),
    bound=st.sampled_from((F(1), F(10**3), F(10**6))),
    share=st.sampled_from((F(1, 10**12), F(1, 10**15))),
    witness={"case": (2, 2), "map": F(1), "epsilon": F(1, 2), "bound": F(10**3), "share": F(1, 10**6)},
    wrong={"without the error term": {"error": False}},
)
def gram_contraction(
    case: tuple[int, int], map: Fraction, epsilon: Fraction, bound: Fraction, share: Fraction, error: bool = True
) -> Identity:
    """‖X̃_{l+1}ᵀX̃_{l+1} − YᵀY‖ ≤ (1−ε) ‖X̃_lᵀX̃_l − YᵀY‖ + O(λ̂² λ_map⁻²) for l ≥ 2, with the printed κ. False.

    κ = 1 − 2λ̂(1 + λ_map⁻¹). The printed range has ε = 1, too; it allows λ̂ = 0 only, where X̃ᵀX̃ is YᵀY from layer 2 on
    and the claim is 0 ≤ 0. Here l = 2 and X_1ᵀX_1 = λ_map I; ``bound`` is the constant of O(·), ``share`` that part
    of the largest λ̂ (with C = 1) which is taken. Frobenius norms; both matrices are multiples of YᵀY, so that any norm
    says the same.
    """
    K, n = case
    predictor = share * allowed(n, map, epsilon)
    recursion = Recursion(K, n, predictor, map, printed_kappa(predictor, map))
    start = plus([[F(0)] * (K * n)] * (K * n), map)
    (second, third), found = steps(recursion, start, 2)
    G = labels(K, n).T @ labels(K, n)
    slack = bound * (predictor / map) ** 2 if error else F(0)
    return Identity(
        (
            found,
            clause(
                "contraction", at_most(frobenius_norm(third - G), (1 - epsilon) * frobenius_norm(second - G) + slack)
            ),
        )
    )


@theorem(
    "beaglehole2024-gram-floor",
    source=source("Theorem 5.3, why no constants help", "X"),
    hypotheses={"κ > 0, λ̂ > 0": lambda map, predictor, **_: predictor > 0 and printed_kappa(predictor, map) > 0},
    case=SIZES,
    map=RIDGES,
    predictor=st.sampled_from([F(x) for x in ("1/10000", "1/2500", "1/100", "1/25", "1/5")]),
    witness={"case": (2, 2), "map": F(1), "predictor": F(1, 100)},
    wrong={
        "the distance shrinks": {"shrinks": True},
        "three times the growth": {"factor": 3},
        "κ exact": {"exact": True},
    },
)
def gram_floor(
    case: tuple[int, int],
    map: Fraction,
    predictor: Fraction,
    shrinks: bool = False,
    factor: int = 1,
    exact: bool = False,
) -> Identity:
    """With the printed κ, from X_1ᵀX_1 = λ_map I: X̃_lᵀX̃_l = b_l YᵀY, 1 < b_2 < b_3, and b grows at first order in λ̂.

    n (b_3 − b_2) ≥ 2 λ̂ n² λ_map/((λ_map + λ̂)² (n + λ_map + λ̂)). For b = ((m + λ_map)/(m + λ_map + λ̂))²/κ with m = 0 at
    the first layer and n b_2 at the second, which is increasing in m, and 1 at least as (1 + λ̂/λ_map)⁻² > κ.
    """
    K, n = case
    kappa = exact_kappa(n, predictor, map) if exact else printed_kappa(predictor, map)
    recursion = Recursion(K, n, predictor, map, kappa)
    (second, third), found = steps(recursion, plus([[F(0)] * (K * n)] * (K * n), map), 2)
    G = labels(K, n).T @ labels(K, n)
    b2, b3 = second[0, 0], third[0, 0]
    growth = 2 * predictor * n**2 * map / ((map + predictor) ** 2 * (n + map + predictor))
    return Identity(
        (
            found,
            clause("multiples of YᵀY", equal(second, b2 * G), equal(third, b3 * G)),
            clause("away from 1", less(1, b2), less(b3, b2) if shrinks else less(b2, b3)),
            clause("growth", at_most(factor * growth, n * (b3 - b2))),
        )
    )


def rate(n: int, predictor: Fraction, map: Fraction, scale: Fraction) -> Fraction:
    """q = λ̂ m (1 + 1/s)/((m + λ_map)(λ_map + λ̂)) with m = b n."""
    m = scale * n
    return predictor * m * (1 + 1 / kept(n, predictor, map, scale)) / ((m + map) * (map + predictor))


@theorem(
    "beaglehole2024-gram-contraction-exact",
    source=source("Theorem 5.3, corrected", "X"),
    hypotheses={"λ_map > 0, λ̂ ≥ 0, b > 0": lambda map, predictor, scale, **_: map > 0 and predictor >= 0 < scale},
    case=st.sampled_from(((2, 1), (2, 2), (3, 1), (4, 1))),
    map=RIDGES,
    predictor=st.sampled_from([F(x) for x in ("0", "1/1000", "1/20", "1/2", "3")]),
    scale=st.sampled_from([F(x) for x in ("1", "1", "3/2", "1/4")]),
    seed=SEEDS,
    witness={"case": (2, 2), "map": F(1), "predictor": F(1, 2), "scale": F(1), "seed": 0},
    configurations=({"case": (2, 3), "map": F(1), "predictor": F(1, 20), "scale": F(3, 2), "seed": 1},),
    wrong={
        "a quarter of q": {"share": F(1, 4)},
        "κ as printed, to YᵀY": {"printed": True},
        "to twice the scale": {"target": 2},
    },
)
def gram_contraction_exact(
    case: tuple[int, int],
    map: Fraction,
    predictor: Fraction,
    scale: Fraction,
    seed: int,
    share: Fraction = Fraction(1),
    printed: bool = False,
    target: int = 1,
) -> Identity:
    """‖X̃_{l+1}ᵀX̃_{l+1} − b YᵀY‖ ≤ q ‖X̃_lᵀX̃_l − b YᵀY‖ for l ≥ 2 and κ = s²/b, from every X_1ᵀX_1 ≻ 0; nothing is added.

    With m = b n and s = (m + λ_map)/(m + λ_map + λ̂), q = λ̂ m (1 + 1/s)/((m + λ_map)(λ_map + λ̂)), at most
    2λ̂/(λ_map + λ̂) for λ̂ ≤ 2λ_map and below 1 for λ̂ < λ_map, whatever n. For P YᵀY P − P* YᵀY P* =
    (P − P*) YᵀY P + P* YᵀY (P − P*), and (P − P*) YᵀY = λ̂ R (A − A*) R* YᵀY with ‖R‖ ≤ 1/(λ_map + λ̂), ‖P‖ ≤ 1 and
    ‖P*‖ = s on the range of YᵀY. So it holds in every unitarily invariant norm (here Frobenius, three layers from a
    drawn start), and with the printed κ towards b YᵀY for the b with b κ = s²: Gram matrices collapse there too, at
    another scale.
    """
    K, n = case
    kappa = printed_kappa(predictor, map) if printed else exact_kappa(n, predictor, map, scale)
    recursion = Recursion(K, n, predictor, map, kappa)
    X = integers(K * n, K * n, seed, most=1)
    grams, found = steps(recursion, plus(times(transposed(X), X), map / 10), 3)
    G = target * scale * labels(K, n).T @ labels(K, n)
    q = share * rate(n, predictor, map, scale)
    distances = [sum_squares(gram - G) for gram in grams]
    bound = [at_most(constant(q / share), 2 * predictor / (map + predictor))] if predictor <= 2 * map else []
    return Identity(
        (
            found,
            clause("contraction", *(at_most(b, q**2 * a) for a, b in pairwise(distances))),
            *([clause("q", *bound)] if bound else []),
        )
    )
