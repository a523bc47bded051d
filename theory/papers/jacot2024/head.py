"""Section 3, Theorem 3.1 and B.1: interpolation and balance of the last two layers (statements 1 to 5)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from theory.claims import Inequality, Point
from theory.ops import (
    Expression,
    class_means,
    constant,
    diagonal,
    frobenius_norm,
    identity,
    matrix,
    ones,
    operator_norm,
    repeat_columns,
    sqrt,
    sum_squares,
    variable,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    SIZES,
    Head,
    Size,
    condition,
    head_fields,
    inverse,
    least,
    least_square,
    lower,
    maximum,
    mean_of,
    positive,
    power,
    product,
    source,
    spread,
)
from theory.statement import theorem

HALF = {"half of it": {"times": Fraction(1, 2)}}


def bound(
    head: Head, left: Expression, right: Expression, tight: tuple[Point, ...] = (), near: tuple[Point, ...] = ()
) -> Inequality:
    """An inequality over what is free in a head; variables that neither side has are left out."""
    used = left.variables | right.variables
    kept, close = (tuple({n: v for n, v in point.items() if n in used} for point in some) for some in (tight, near))
    return Inequality(left, right, {n: v for n, v in head.variables.items() if n in used}, kept, near=close)


def within(head: Head) -> Expression:
    """tr Σ_W of Z_{L−1}."""
    Z, sizes = head.features, (head.n,) * head.K
    return sum_squares(Z - repeat_columns(class_means(Z, sizes), sizes)) / head.N


def between(head: Head) -> Expression:
    """tr Σ_B of Z_{L−1}."""
    means, K = class_means(head.features, (head.n,) * head.K), head.K
    return sum_squares(means @ (identity(K) - Fraction(1, K) * ones(K, K))) / K


def gap(head: Head, times: Fraction | int = 2) -> Expression:
    """√((K−1)/K) − 2ε1/√N, which hypothesis 4 keeps from being negative."""
    return sqrt(Fraction(head.K - 1, head.K)) - times * head.epsilon1 / sqrt(head.N)


# ----------------------------------------------------------------------------------------------------- steps 1 and 2


@theorem(
    "jacot2024-last-layer-floor",
    source=source("proof of Theorem B.1, equation (22)", "P"),
    expected=NUMERICAL,
    wrong=HALF | {"s_K(Y) itself": {"whole": 0}},
    **head_fields(),
)
def last_layer_floor(size: Size, times: Fraction = Fraction(1), whole: int = 1) -> Inequality:
    """s_K(W_L) ≥ (s_K(Y) − ε1)/‖Z_{L−1}‖_op, by Weyl's inequality.

    The same with W_{L:L1+1} and Z_{L1} in place of W_L and Z_{L−1}. Attained with four samples a class.
    """
    head = Head(*size)
    left = spread(head.K, head.n) - whole * head.epsilon1
    return bound(head, left, times * head.floor * operator_norm(head.features), head.attained)


@theorem(
    "jacot2024-off-row-space",
    source=source("proof of Theorem B.1, step 2", "P"),
    expected=NUMERICAL,
    wrong=HALF | {"√ε2": {"exponent": Fraction(1, 2)}},
    **head_fields(least_spare=1),
)
def off_row_space(size: Size, times: Fraction = Fraction(1), exponent: Fraction = Fraction(1)) -> Inequality:
    """‖(I − P) W_{L−1}‖_F² ≤ (n_{L−1} − K) ε2 for P = W_L⁺ W_L; the paper has n_{L−1} ε2.

    (I − P) W_{L−1} are the spare rows, B. Attained where all of their singular values are √ε2.
    """
    head = Head(*size)
    rows = 2 * identity(head.h)[range(head.K, head.h), :]
    point = {**head.point([2] * head.K), "B": rows}
    return bound(head, sum_squares(head.variables["B"]), times * head.spare * head.epsilon2**exponent, (point,))


@theorem(
    "jacot2024-key-projection",
    source=source("proof of Theorem B.1, equation (23)"),
    expected=NUMERICAL,
    wrong=HALF | {"s_K(Y) for s_K(Y) − ε1": {"plain": True}},
    **head_fields(),
)
def key_projection(size: Size, times: Fraction = Fraction(1), plain: bool = False) -> Inequality:
    """‖Z_{L−1} − W_L⁺ Y‖_F ≤ Ψ = r (ε1/(s_K(Y) − ε1) + √(n_{L−1} ε2)). Attained at ε2 = 0, four samples a class."""
    head = Head(*size)
    left = frobenius_norm(head.features - head.pseudoinverse @ head.Y)
    return bound(head, left, head.psi(times, plain), head.attained)


@theorem(
    "jacot2024-key-projection-sharp",
    source=source("equation (23), sharper; own", "X"),
    expected=NUMERICAL,
    wrong=HALF | {"s_K(Y) for s_K(Y) − ε1": {"plain": 0}},
    **head_fields(),
)
def key_projection_sharp(size: Size, times: Fraction = Fraction(1), plain: int = 1) -> Inequality:
    """‖Z_{L−1} − W_L⁺ Y‖_F² ≤ r² ((ε1/(s_K(Y) − ε1))² + (n_{L−1} − K) ε2): the two errors are orthogonal."""
    head = Head(*size)
    first = sum_squares(head.R) / (spread(head.K, head.n) - plain * head.epsilon1) ** 2
    right = times * head.r**2 * (first + head.spare * head.epsilon2)
    return bound(head, sum_squares(head.features - head.pseudoinverse @ head.Y), right, head.attained)


# -------------------------------------------------------------------------------------------------------- step 3: NC1


@theorem(
    "jacot2024-within-classes",
    source=source("proof of Theorem B.1, step 3", "P"),
    expected=NUMERICAL,
    wrong={
        "Ψ to the sixth power": {"exponent": 6},
        "without √(n ε2)": {"balance": 0},
        "a hundredth less": {"times": Fraction(99, 100)},
    },
    **head_fields(least_samples=2, balanced=True),
)
def within_classes(
    size: Size, balanced: bool, exponent: int = 2, balance: int = 1, times: Fraction = Fraction(1)
) -> Inequality:
    """tr Σ_W(Z_{L−1}) ≤ Ψ²/N, since W_L⁺ Y is the same for all samples of a class. Approached as (18) is."""
    head = Head(*size, balanced)
    right = times * head.psi(balance=balance) ** exponent / head.N
    return bound(head, within(head), right, (head.point([1] * head.K),), (head.spread_out,))


@theorem(
    "jacot2024-between-classes",
    source=source("proof of Theorem B.1, step 3", "P"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "K for K − 1": {"more": 1}},
    **head_fields(),
)
def between_classes(size: Size, times: Fraction = Fraction(1), more: int = 0) -> Inequality:
    """tr Σ_B(Z_{L−1}) ≥ (√((K−1)/K) − 2ε1/√N)²/r². Attained at ε1 = 0, where W_L is √r times an isometry, r ≥ 1."""
    head = Head(*size)
    return _between(head, 2, times, more)


@theorem(
    "jacot2024-between-classes-sharp",
    source=source("proof of Theorem B.1, step 3, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "K for K − 1": {"more": 1}},
    **head_fields(),
)
def between_classes_sharp(size: Size, times: Fraction = Fraction(1), more: int = 0) -> Inequality:
    """tr Σ_B(Z_{L−1}) ≥ (√((K−1)/K) − ε1/√N)²/‖W_L‖²: centring is a projection, so that ε1 counts once."""
    return _between(Head(*size), 1, times, more)


def _between(head: Head, count: int, times: Fraction, more: int) -> Inequality:
    own = Head(head.K, head.n, 0)
    norm = operator_norm(own.last) if count == 1 else own.r
    left = (sqrt(Fraction(own.K - 1 + more, own.K)) - count * own.epsilon1 / sqrt(own.N)) ** 2
    root = max(1, own.n)
    return bound(own, left, times * norm**2 * between(own), (own.point([root] * own.K),))


@theorem(
    "jacot2024-nc1-bound",
    source=source("Theorem B.1, equation (18); Theorem 3.1, equation (2); Theorem 5.2 at ε2 = 0"),
    expected=NUMERICAL,
    wrong={"Ψ to the sixth power": {"exponent": 6}, "a hundredth less": {"times": Fraction(99, 100)}},
    **head_fields(least_samples=2, balanced=True),
)
def nc1_bound(size: Size, balanced: bool, exponent: int = 2, times: Fraction = Fraction(1)) -> Inequality:
    """NC1(Z_{L−1}) ≤ (r²/N) Ψ²/(√((K−1)/K) − 2ε1/√N)²; only W_L and W_{L−1} need to be balanced.

    Approached for small ε1 at ε2 = 0, where W_L is √r times an isometry, r = √n.
    """
    head = Head(*size, balanced)
    left, right = head.N * within(head) * gap(head) ** 2, times * head.r**2 * head.psi() ** exponent * between(head)
    return bound(head, left, right, (head.point([1] * head.K),), (head.spread_out,))


@theorem(
    "jacot2024-nc1-bound-sharp",
    source=source("equation (18), sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"without the (n − K) ε2": {"balance": 0}, "a hundredth less": {"times": Fraction(99, 100)}},
    **head_fields(least_samples=2, balanced=True),
)
def nc1_bound_sharp(size: Size, balanced: bool, balance: int = 1, times: Fraction = Fraction(1)) -> Inequality:
    """NC1 ≤ (‖W_L‖²/N) r² ((ε1/(s_K(Y) − ε1))² + (n_{L−1} − K) ε2)/(√((K−1)/K) − ε1/√N)²."""
    head = Head(*size, balanced)
    errors = sum_squares(head.R) / (spread(head.K, head.n) - head.epsilon1) ** 2 + balance * head.spare * head.epsilon2
    right = times * operator_norm(head.last) ** 2 * head.r**2 * errors * between(head)
    return bound(
        head, head.N * within(head) * gap(head, 1) ** 2, right, (head.point([1] * head.K),), (head.spread_out,)
    )


# ------------------------------------------------------------------------------------------- conditioning of the layer


def linear_layers(K: int, L2: int) -> dict[str, Expression]:
    """W_L = diag(s) up to rotations, and the layers below it as what they differ from it by: E_1 … E_{L2−1}."""
    return {"s": variable("s", (K, 1))} | {f"E_{layer}": variable(f"E_{layer}", (K, K)) for layer in range(1, L2)}


def layers_of(variables: dict[str, Expression]) -> list[Expression]:
    """W_L, W_{L−1}, …, W_{L1+1}."""
    s, *others = variables.values()
    last = diagonal([s[k, 0] for k in range(s.shape[0])])
    return [last, *(last + E for E in others)]


LINEAR: dict[str, Any] = {
    "hypotheses": {"K ≥ 2 and L2 ≥ 1": lambda K, L2, **_: K >= 2 and L2 >= 1},
    "K": st.integers(2, 3),
    "L2": st.integers(1, 4),
    "witness": {"K": 2, "L2": 2},
}


def deviation(layers: list[Expression]) -> Expression:
    """(W_L W_Lᵀ)^{L2} − W_{L:L1+1} W_{L:L1+1}ᵀ."""
    last, whole = layers[0], product(layers)
    return power(last @ last.T, len(layers)) - whole @ whole.T


@theorem(
    "jacot2024-last-layer-conditioning",
    source=source("Theorem B.1, equation (19)", "P"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "c_3 to the power 1/(2 L2)": {"halved": 2}},
    **LINEAR,
)
def last_layer_conditioning(K: int, L2: int, times: Fraction = Fraction(1), halved: int = 1) -> Inequality:
    """κ(W_L) ≤ c_3^{1/L2} (1 + ε)^{1/L2} + c_3^{1/L2 − 1} ε, with ε = δ/(s_K² − δ) and any c_3 ≥ κ(W_{L:L1+1}).

    δ = ‖(W_L W_Lᵀ)^{L2} − W_{L:L1+1} W_{L:L1+1}ᵀ‖_op and s_K = s_K(W_{L:L1+1}); multiplied by the positive part g of
    s_K² − δ: κ(W_L) g ≤ (c_3 s_K²)^{1/L2} g^{1 − 1/L2} + c_3^{1/L2 − 1} δ. c_3 = κ(W_{L:L1+1}) (1 + y²): the right side
    may fall in c_3 where ε is large. Attained where all layers are equal and y = 0.
    """
    layers, y = layers_of(linear_layers(K, L2)), variable("y")
    variables = linear_layers(K, L2) | {"y": y}
    whole, delta = product(layers), operator_norm(deviation(layers))
    square, c, p = least_square(whole), condition(whole) * (1 + y**2), Fraction(1, L2)
    room = positive(square - delta)
    main = c ** (p / halved) * (square**p * room ** (1 - p) if L2 > 1 else square)
    left = condition(layers[0]) * room
    point = equal_layers(K, L2) | {"y": constant(0)}
    return Inequality(left, times * (main + c ** (p - 1) * delta), variables, (point,))


def equal_layers(K: int, L2: int) -> dict[str, Expression]:
    """All layers diag(2, 1, …, 1)."""
    s = diagonal([2, *[1] * (K - 1)]) @ ones(K, 1)
    return {"s": s} | {f"E_{layer}": 0 * ones(K, K) for layer in range(1, L2)}


@theorem(
    "jacot2024-last-layer-conditioning-sharp",
    source=source("equation (19), sharper", "X"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "L2 for 2 L2": {"halved": 2}},
    **LINEAR,
)
def last_layer_conditioning_sharp(K: int, L2: int, times: Fraction = Fraction(1), halved: int = 1) -> Inequality:
    """κ(W_L) ≤ (c_3² (1 + ε) + ε)^{1/(2 L2)}: s_1(W_L)^{2 L2} (s_K² − δ) ≤ (s_1² + δ) s_K(W_L)^{2 L2}.

    s_1, s_K are those of W_{L:L1+1}. Attained where all layers are equal.
    """
    variables = linear_layers(K, L2)
    layers = layers_of(variables)
    whole, delta, exponent = product(layers), operator_norm(deviation(layers)), Fraction(L2, halved)
    left = operator_norm(layers[0]) ** (2 * exponent) * positive(least_square(whole) - delta)
    right = times * (operator_norm(whole) ** 2 + delta) * least_square(layers[0]) ** exponent
    return Inequality(left, right, variables, (equal_layers(K, L2),))


@theorem(
    "jacot2024-lemma-c2",
    source=source("Lemma C.2", "P"),
    expected=NUMERICAL,
    **LINEAR | {"L2": st.integers(2, 4), "hypotheses": {"L2 ≥ 2": lambda L2, **_: L2 >= 2}},
    wrong={"half of it": {"times": Fraction(1, 2)}, "r to the power L2 − 1": {"exponent": 1}},
)
def lemma_c2(K: int, L2: int, times: Fraction = Fraction(1), exponent: int = 2) -> Inequality:
    """‖(W_L W_Lᵀ)^{L2} − W_{L:L1+1} W_{L:L1+1}ᵀ‖_op ≤ (L2(L2−1)/2) ε2 r^{2(L2−1)} for ε2-balanced linear layers.

    For L2 = 1 both sides are zero; the paper's ½ L2² ε2 r^{2(L2−1)} is weaker. Attained for two layers.
    """
    variables = linear_layers(K, L2)
    layers = layers_of(variables)
    epsilon2 = maximum(*(operator_norm(W.T @ W - V @ V.T) for W, V in pairwise(layers)))
    r = maximum(*map(operator_norm, layers))
    right = times * Fraction(L2 * (L2 - 1), 2) * epsilon2 * r ** (exponent * (L2 - 1))
    point = equal_layers(K, L2) | ({"E_1": diagonal([-1, *[0] * (K - 1)])} if L2 == 2 else {})
    return Inequality(operator_norm(deviation(layers)), right, variables, (point,))


# ---------------------------------------------------------------------------------------------- step 4: NC2 and NC3


@theorem(
    "jacot2024-nc2-bound",
    source=source("Theorem B.1, equation (20); Theorem 3.1, equation (4); Theorem 5.2 at ε2 = 0"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "the root of κ(W_L)": {"halved": 2}},
    **head_fields(balanced=True, printed=False) | {"size": st.sampled_from(SIZES[:4])},
)
def nc2_bound(size: Size, balanced: bool, printed: bool, times: Fraction = Fraction(1), halved: int = 1) -> Inequality:
    """κ(Z̄_{L−1}) ≤ (κ(W_L) + q)/(1 − q) with q = √(K/N) r Ψ; ``printed`` has r Ψ, which is weaker.

    Multiplied by the positive part of 1 − q. Attained at ε1 = ε2 = 0.
    """
    head = Head(*size, balanced)
    q = (1 if printed else sqrt(Fraction(1, head.n))) * head.r * head.psi()
    means = class_means(head.features, (head.n,) * head.K)
    kappa = head.kappa ** Fraction(1, halved)
    left = operator_norm(means) * positive(1 - q)
    return bound(head, left, times * (kappa + q) * least(means), (head.point([2, *[1] * (head.K - 1)]),))


@theorem(
    "jacot2024-nc3-bound",
    source=source("Theorem B.1, equation (21); Theorem 3.1, equation (5); Theorem 5.2 at ε2 = 0"),
    expected=NUMERICAL,
    wrong={"twice as much": {"times": Fraction(2)}, "a tenth more": {"times": Fraction(11, 10)}},
    **head_fields(balanced=True),
)
def nc3_bound(size: Size, balanced: bool, times: Fraction = Fraction(1)) -> Inequality:
    """NC3(Z_{L−1}, W_L) ≥ [(√N − ε1)² + N/κ² − (rΨ + √N (κ − 1/κ))²]/(2Nκ(1 + ε1)), κ = κ(W_L).

    For any ε1 ≥ ‖Z_L − Y‖_F that hypothesis 4 allows: where the right side is negative a larger one may make it larger.
    Attained at collapse with κ = 1. The factor κ(1 + ε1) bounds the part of a feature in the row space of W_L alone;
    what lies outside it makes cosines smaller, but Ψ pays for that.
    """
    head = Head(*size, balanced, loose=True)
    return bound(head, times * nc3_right(head), cosines(head), (head.point([1] * head.K),))


def nc3_right(head: Head) -> Expression:
    """The right side of (21)."""
    kappa, N, root = head.kappa, head.N, sqrt(head.N)
    off = head.r * head.psi() + root * (kappa - 1 / kappa)
    return ((root - head.epsilon1) ** 2 + N / kappa**2 - off**2) / (2 * N * kappa * (1 + head.epsilon1))


def cosines(head: Head) -> Expression:
    """NC3: the mean cosine between a feature and its class's row of W_L."""
    Z, W, outputs = head.features, head.last, head.Y + head.R
    found = []
    for i in range(head.N):
        k = i // head.n
        sizes = frobenius_norm(Z[:, (i,)]) * frobenius_norm(W[(k,), :])
        found.append(outputs[k, i] / sizes)
    return mean_of(found)


@theorem(
    "jacot2024-nc3-exact-fit",
    source=source("equation (21) at ε1 = ε2 = 0", "X"),
    expected=NUMERICAL,
    wrong={"half of κ²": {"times": Fraction(1, 2)}, "twice as much": {"doubled": 2}},
    K=st.integers(2, 3),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    scale=st.sampled_from([Fraction(x) for x in ("1/2", "1", "3")]),
    witness={"K": 3, "scale": Fraction(1)},
)
def nc3_exact_fit(K: int, scale: Fraction, times: Fraction = Fraction(1), doubled: int = 1) -> Inequality:
    """Where the fit is exact and balanced, NC3 ≥ (3 − κ²)/(2κ), κ = κ(W_L). Attained at κ = 1.

    W_L = T, a lower triangle up to rotations, and Z_{L−1} = T⁻¹ Y: cosines of columns of T⁻¹ with rows of T.
    """
    T = lower(variable("T", (K, K)))
    kappa = condition(T)
    left = doubled * (3 - times * kappa**2) / (2 * kappa)
    point = {"T": constant(scale) * identity(K)}
    return Inequality(left, row_cosines(T), {"T": variable("T", (K, K))}, (point,))


def row_cosines(T: Expression) -> Expression:
    """The mean cosine between the rows of a square matrix and the columns of its inverse."""
    V, K = inverse(T), T.shape[0]
    return mean_of([1 / (frobenius_norm(T[(k,), :]) * frobenius_norm(V[:, (k,)])) for k in range(K)])


@theorem(
    "jacot2024-nc3-exact-fit-sharp",
    source=source("equation (21) at ε1 = ε2 = 0, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"κ for its square": {"exponent": 1}, "a tenth more": {"times": Fraction(11, 10)}},
    K=st.integers(2, 3),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    scale=st.sampled_from([Fraction(x) for x in ("1/2", "1", "3")]),
    witness={"K": 2, "scale": Fraction(1)},
)
def nc3_exact_fit_sharp(K: int, scale: Fraction, times: Fraction = Fraction(1), exponent: int = 2) -> Inequality:
    """Where the fit is exact and balanced, NC3 ≥ 2κ/(κ² + 1), by Kantorovich's inequality: positive for every κ.

    Attained for two classes at every κ, here at κ = 7, where (21) says −23/7 for 7/25.
    """
    T = lower(variable("T", (K, K)))
    kappa = condition(T)
    point = scale * (matrix([[5, 0], [Fraction(24, 5), Fraction(7, 5)]]) if K == 2 else identity(K))
    return Inequality(
        times * 2 * kappa / (kappa**exponent + 1), row_cosines(T), {"T": variable("T", (K, K))}, ({"T": point},)
    )
