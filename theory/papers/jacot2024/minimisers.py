"""Section 5.1: conditioning from small norms, and at global minimisers (statements 14 and 15)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

from hypothesis import strategies as st

from theory.claims import Inequality, Point
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    frobenius_norm,
    identity,
    one_hot,
    ones,
    operator_norm,
    schatten,
    sqrt,
    sum_squares,
    variable,
)
from theory.papers.jacot2024.networks import (
    Leaky,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    determinant,
    least,
    positive,
    product,
    source,
    spread,
    total,
)
from theory.statement import theorem

# ------------------------------------------------------------------------------------------------- norms of the layers

LAYERS: dict[str, Any] = {
    "hypotheses": {"K, L2 ≥ 1": lambda K, L2, **_: K >= 1 and L2 >= 1},
    "K": st.integers(1, 3),
    "L2": st.integers(1, 4),
    "witness": {"K": 2, "L2": 3},
}


def square_layers(K: int, L2: int) -> dict[str, Expression]:
    """W_{L1+1}, …, W_L of size K × K."""
    return {f"W_{layer}": variable(f"W_{layer}", (K, K)) for layer in range(1, L2 + 1)}


@theorem(
    "jacot2024-linear-norm",
    source=source("proof of Proposition 5.1, by Theorem 1 of Dai et al. 2021", "P"),
    expected=NUMERICAL,
    wrong={"twice as much": {"times": 2}, "2/(L2 + 1)": {"more": 1}},
    **LAYERS,
)
def linear_norm(K: int, L2: int, times: int = 1, more: int = 0) -> Inequality:
    """‖θ_lin‖² ≥ L2 Σ_i s_i^{2/L2}, s_i singular values of W_{L:L1+1}. Attained at balanced layers."""
    W = square_layers(K, L2)
    left = times * L2 * schatten(product(list(W.values())[::-1]), Fraction(2, L2 + more))
    balanced = diagonal([2, *[1] * (K - 1)])
    return Inequality(left, total([sum_squares(w) for w in W.values()]), W, (dict.fromkeys(W, balanced),))


@theorem(
    "jacot2024-linear-volume",
    source=source("proof of Proposition 5.1", "P"),
    expected=NUMERICAL,
    wrong={"twice as much": {"times": 2}, "2 (L2 − 1) K": {"fewer": 1}},
    **LAYERS,
)
def linear_volume(K: int, L2: int, times: int = 1, fewer: int = 0) -> Inequality:
    """‖θ_lin‖² ≥ L2 K + 2 log ∏ s_i: (∏ s_i)² ≤ e^{‖θ_lin‖² − L2 K}. Attained where all layers are orthogonal."""
    W = square_layers(K, L2)
    left = times * product([determinant(w) ** 2 for w in W.values()])
    right = exp(total([sum_squares(w) for w in W.values()]) - L2 * K - fewer)
    return Inequality(left, right, W, (dict.fromkeys(W, identity(K)),))


# --------------------------------------------------------------------------------------------------------- Prop. 5.1

EXTREMAL = {
    1: ("1.225", ".707"),
    4: ("1.115", ".87"),
    8: ("1.074", ".92"),
    16: ("1.046", ".952"),
}
"""Of some L2 the (a, b) for which linear layers diag(a, b) come closest to (13), for σ(x) = x, K = 2 and L1 = 1.

With S = diag(a, b)^{L2}, Z_{L1} = S⁻¹ and ‖X‖_op² = ‖S⁻¹‖_F²/K, the best one, the logarithm of left/right is
L2 log(ab) − log(1 + (b/a)^{2 L2}) − L2 (a² + b² − 2)/2, which tends to 0 as L2 → ∞.
"""


@dataclass(frozen=True)
class Fitted:
    """A network of widths K, with weights near those that fit the labels: X = I + E, W_1 = Y/γ^{L1} + U_1.

    Where σ is no line W_1 = Y + U_1; other layers are I + U_i and I + V_i. The bounds say nothing for ‖Z_L − Y‖_F ≥
    s_K(Y): what is drawn at any scale up to some tenths has sides that are neither zero nor infinite. ``equal`` linear
    layers are all diag(1 + t): balanced ones are, up to rotations of the spaces between them, and of both ends, where
    none is examined.
    """

    K: int
    n: int
    L1: int
    L2: int
    sigma: Leaky
    equal: bool = False

    @property
    def variables(self) -> dict[str, Expression]:
        """The linear layers' V_1 … V_{L2} or t, the non-linear ones' U_1 … U_{L1}, and E."""
        K, N = self.K, self.K * self.n
        linear = {"t": (K, 1)} if self.equal else {f"V_{i}": (K, K) for i in range(1, self.L2 + 1)}
        others = {f"U_{i}": (K, N if i == 1 else K) for i in range(1, self.L1 + 1)}
        return {name: variable(name, shape) for name, shape in {**linear, **others, "E": (N, N)}.items()}

    @property
    def Y(self) -> Expression:
        """The labels."""
        return one_hot((self.n,) * self.K)

    @property
    def linear(self) -> list[Expression]:
        """W_L, …, W_{L1+1}."""
        if self.equal:
            return [identity(self.K) + diagonal([self.variables["t"][k, 0] for k in range(self.K)])] * self.L2
        return [identity(self.K) + self.variables[f"V_{i}"] for i in range(self.L2, 0, -1)]

    @property
    def others(self) -> list[Expression]:
        """W_1, …, W_{L1}."""
        scale = 1 if self.sigma.steep else self.sigma.gamma**-self.L1
        first = scale * self.Y + self.variables["U_1"]
        return [first, *(identity(self.K) + self.variables[f"U_{i}"] for i in range(2, self.L1 + 1))]

    @property
    def X(self) -> Expression:
        """The data."""
        return identity(self.K * self.n) + self.variables["E"]

    @property
    def whole(self) -> Expression:
        """W_{L:L1+1}."""
        return product(self.linear)

    @property
    def R(self) -> Expression:
        """Z_L − Y."""
        Z = self.X
        for W in self.others:
            Z = self.sigma(W @ Z)
        return self.whole @ Z - self.Y

    @property
    def norm(self) -> Expression:
        """‖θ‖²."""
        return total([sum_squares(W) for W in (*self.linear, *self.others)])

    @property
    def extremal(self) -> tuple[Point, ...]:
        """Where (13) is closest to an equality, for σ(x) = x, one such layer, and two classes of one sample."""
        if (self.K, self.n, self.L1, self.sigma) != (2, 1, 1, Leaky(Fraction(1), 0)) or self.L2 not in EXTREMAL:
            return ()
        entries = [Fraction(x) for x in EXTREMAL[self.L2]]
        inverses = [x**-self.L2 for x in entries]
        size = Fraction(isqrt(int(10**6 * (inverses[0] ** 2 + inverses[1] ** 2) / 2)), 1000)
        layer = diagonal([x - 1 for x in entries])
        linear = {"t": layer @ ones(2, 1)} if self.equal else {f"V_{i}": layer for i in range(1, self.L2 + 1)}
        return ({**linear, "U_1": diagonal([x / size - 1 for x in inverses]), "E": (size - 1) * identity(2)},)

    def conditioned(self, epsilon1: Expression, budget: Expression, times: Fraction) -> Inequality:
        """κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{(budget − LK)/2}, multiplied out.

        Where layers are equal κ(W_L) ≤ (…)^{1/L2} in its place.
        """
        p, W = (Fraction(1, self.L2), self.linear[0]) if self.equal else (Fraction(1), self.whole)
        room = positive(spread(self.K, self.n) - epsilon1)
        scale = (constant(self.K) ** Fraction(self.L1, 2) * operator_norm(self.X)) ** (self.K * p)
        right = times * scale * exp(p * (budget - (self.L1 + self.L2) * self.K) / 2) * least(W)
        left = operator_norm(W) * room ** (self.K * p)
        return Inequality(left, right, self.variables, near=self.extremal)


Sizes = tuple[int, int, int, int]
"""K, n, L1 and L2."""

SLOPES: tuple[tuple[Fraction, int], ...] = ((Fraction(1), 0), (Fraction(3, 4), 0), (Fraction(1, 4), 8))
"""γ and steepness of activations: x, 3x/4, and a smooth leaky ReLU."""

FITTED: dict[str, Any] = {
    "hypotheses": {
        "L1, L2 ≥ 1": lambda size, **_: min(size[2:]) >= 1,
        "0 < γ ≤ 1": lambda slope, **_: 0 < slope[0] <= 1,
    },
    "size": st.sampled_from(
        ((2, 1, 1, 8), (2, 1, 1, 1), (2, 1, 1, 4), (2, 1, 2, 2), (2, 2, 1, 3), (2, 2, 2, 1), (3, 1, 1, 2), (3, 1, 2, 1))
    ),
    "slope": st.sampled_from(SLOPES),
    "witness": {"size": (2, 1, 1, 8), "slope": SLOPES[0]},
}
DECAYS: dict[str, Any] = {
    **FITTED,
    "hypotheses": {**FITTED["hypotheses"], "λ > 0": lambda decay, **_: decay > 0},
    "decay": st.sampled_from([Fraction(1, 50), Fraction(1, 1000)]),
    "witness": {**FITTED["witness"], "decay": Fraction(1, 10**6)},
}


@theorem(
    "jacot2024-norm-conditioning",
    source=source("Proposition 5.1, equation (13)"),
    expected=NUMERICAL,
    wrong={"four fifths of it": {"times": Fraction(4, 5)}, "a tenth": {"times": Fraction(1, 10)}},
    **FITTED,
)
def norm_conditioning(size: Sizes, slope: tuple[Fraction, int], times: Fraction = Fraction(1)) -> Inequality:
    """κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{c/2} where ‖Z_L − Y‖_F ≤ ε1 and ‖θ‖² = LK + c.

    Over all weights of widths K, and X of N × N. Approached for many linear layers and a large κ, where σ(x) = x.
    """
    net = Fitted(*size, Leaky(*slope))
    return net.conditioned(frobenius_norm(net.R), net.norm, times)


@theorem(
    "jacot2024-global-minimisers",
    source=source("Theorem 5.2, equation (14), by hand"),
    expected=NUMERICAL,
    wrong={"four fifths of it": {"times": Fraction(4, 5)}, "a tenth": {"times": Fraction(1, 10)}},
    **DECAYS,
)
def global_minimisers(
    size: Sizes, slope: tuple[Fraction, int], decay: Fraction, times: Fraction = Fraction(1)
) -> Inequality:
    """κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{(c − KL1)/2} where C_λ ≤ λ (KL2 + c)/2 = ε1²/2.

    Where the non-linear part can realise Z_{L1} = Y with ‖θ_nonlin‖² = c, identities above it have that loss, so that
    all global minimisers are among these points. Here c is the least one that a point allows. Without the −KL1 the
    bound is weaker.
    """
    net = Fitted(*size, Leaky(*slope))
    double = sum_squares(net.R) + decay * net.norm
    return net.conditioned(sqrt(double), double / decay, times)


@theorem(
    "jacot2024-last-layer-minimisers",
    source=source("Theorem 5.2, equation (15), by hand"),
    expected=NUMERICAL,
    wrong={"a tenth less": {"times": Fraction(9, 10)}, "half of it": {"times": Fraction(1, 2)}},
    **{**DECAYS, "size": st.sampled_from(((2, 1, 1, 16), (2, 1, 1, 1), (2, 1, 2, 4), (2, 2, 1, 6), (3, 1, 1, 8)))}
    | {"witness": {**DECAYS["witness"], "size": (2, 1, 1, 16)}},
)
def last_layer_minimisers(
    size: Sizes, slope: tuple[Fraction, int], decay: Fraction, times: Fraction = Fraction(1)
) -> Inequality:
    """κ(W_L) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^{K/L2} e^{(c − KL1)/(2 L2)} at global minimisers.

    (14) to the power 1/L2, for κ(W_L)^{L2} = κ(W_{L:L1+1}): layers are balanced (jacot2024-critical-balance). Here all
    linear ones are one diagonal matrix.
    """
    net = Fitted(*size, Leaky(*slope), equal=True)
    double = sum_squares(net.R) + decay * net.norm
    return net.conditioned(sqrt(double), double / decay, times)
