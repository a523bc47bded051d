"""Section 3, Theorem 3.1 and B.1: conditioning of the last layer, Lemma C.2, NC2 and NC3 (statements 3 to 5, 7)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from theory.claims import Inequality
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
    sqrt,
    variable,
)
from theory.papers.jacot2024.heads import (
    SIZES,
    Head,
    Size,
    head_fields,
)
from theory.papers.jacot2024.nc1 import bound
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    condition,
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
)
from theory.statement import theorem

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
    source=source("Theorem B.1, equation (19)", "P", R="ε"),
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
    source=source("Lemma C.2", "P", R="the sum L2(L2−1)/2"),
    expected=NUMERICAL,
    **LINEAR | {"L2": st.integers(2, 4), "hypotheses": {"L2 ≥ 2": lambda L2, **_: L2 >= 2}},
    wrong={"a hundredth less": {"times": Fraction(99, 100)}, "r to the power L2 − 1": {"exponent": 1}},
)
def lemma_c2(K: int, L2: int, times: Fraction = Fraction(1), exponent: int = 2) -> Inequality:
    """‖(W_L W_Lᵀ)^{L2} − W_{L:L1+1} W_{L:L1+1}ᵀ‖_op ≤ (L2(L2−1)/2) ε2 r^{2(L2−1)} for ε2-balanced linear layers.

    For L2 = 1 both sides are zero; the paper's ½ L2² ε2 r^{2(L2−1)} is weaker. Attained for two layers,
    approached for more whose singular values fall evenly, by little.
    """
    variables = linear_layers(K, L2)
    layers = layers_of(variables)
    epsilon2 = maximum(*(operator_norm(W.T @ W - V @ V.T) for W, V in pairwise(layers)))
    r = maximum(*map(operator_norm, layers))
    right = times * Fraction(L2 * (L2 - 1), 2) * epsilon2 * r ** (exponent * (L2 - 1))
    point = equal_layers(K, L2) | ({"E_1": diagonal([-1, *[0] * (K - 1)])} if L2 == 2 else {})
    return Inequality(operator_norm(deviation(layers)), right, variables, (point,), near=(falling_layers(K, L2),))


def falling_layers(K: int, L2: int) -> dict[str, Expression]:
    """W_{L−i} = 10⁴ (1 − iε) I, ε = 10⁻⁷: the imbalance is the same between all neighbours, at first order."""
    step = Fraction(1, 1000)
    return {"s": 10**4 * ones(K, 1)} | {f"E_{i}": -i * step * identity(K) for i in range(1, L2)}


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
    return bound(
        head, left, times * (kappa + q) * least(means), (head.point([2, *[1] * (head.K - 1)]),), (head.spread_out,)
    )


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
