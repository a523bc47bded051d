"""Section 5: conditioning from small norms, at global minimisers and from a bounded tangent kernel (14 to 17)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Inequality
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    frobenius_norm,
    identity,
    kron,
    one_hot,
    operator_norm,
    schatten,
    sqrt,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    below,
    condition,
    determinant,
    inverse,
    least,
    lower,
    maximum,
    positive,
    product,
    residual,
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


@dataclass(frozen=True)
class Fitted:
    """A network for which ‖Z_L − Y‖_F is within s_K(Y): σ(x) = x, X = (1 + x)² I, widths K; W_1 is solved for.

    Rotations of hidden spaces make the other layers lower triangles. These are I + V_i and I + U_i, so that what is
    drawn at any scale up to one has sides that are neither zero nor infinite.
    """

    K: int
    n: int
    L1: int
    L2: int

    @property
    def variables(self) -> dict[str, Expression]:
        """The linear layers' V_1 … V_{L2}, the non-linear ones' but the first U_2 … U_{L1}, a residual, and x."""
        linear = {f"V_{i}": variable(f"V_{i}", (self.K, self.K)) for i in range(1, self.L2 + 1)}
        others = {f"U_{i}": variable(f"U_{i}", (self.K, self.K)) for i in range(2, self.L1 + 1)}
        return {**linear, **others, "Q": variable("Q", (self.K, self.K * self.n)), "x": variable("x")}

    @property
    def linear(self) -> list[Expression]:
        """W_L, …, W_{L1+1}."""
        return [lower(identity(self.K) + self.variables[f"V_{i}"]) for i in range(self.L2, 0, -1)]

    @property
    def others(self) -> list[Expression]:
        """W_{L1}, …, W_2."""
        return [lower(identity(self.K) + self.variables[f"U_{i}"]) for i in range(self.L1, 1, -1)]

    @property
    def R(self) -> Expression:
        """Z_L − Y."""
        return residual(self.variables["Q"], below(self.n))

    @property
    def spectral(self) -> Expression:
        """‖X‖_op = (1 + x)²."""
        return (1 + self.variables["x"]) ** 2

    @property
    def first(self) -> Expression:
        """W_1."""
        inverses = [inverse(W) for W in [*self.linear, *self.others]][::-1]
        return product([*inverses, one_hot((self.n,) * self.K) + self.R]) / self.spectral

    @property
    def norm(self) -> Expression:
        """‖θ‖²."""
        return total([sum_squares(W) for W in (*self.linear, *self.others, self.first)])

    @property
    def whole(self) -> Expression:
        """W_{L:L1+1}."""
        return product(self.linear)

    @property
    def epsilon1(self) -> Expression:
        """‖Z_L − Y‖_F."""
        return frobenius_norm(self.R)

    def conditioned(self, epsilon1: Expression, budget: Expression, times: Fraction) -> Inequality:
        """κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{(budget − LK)/2}, multiplied out."""
        room = positive(spread(self.K, self.n) - epsilon1)
        scale = (constant(self.K) ** Fraction(self.L1, 2) * self.spectral) ** self.K
        right = times * scale * exp((budget - (self.L1 + self.L2) * self.K) / 2) * least(self.whole)
        return Inequality(operator_norm(self.whole) * room**self.K, right, self.variables)


# K, n, L1 and L2
FITTED: dict[str, Any] = {
    "hypotheses": {"L1, L2 ≥ 1": lambda size: min(size[2:]) >= 1},
    "size": st.sampled_from(
        ((2, 1, 1, 1), (2, 1, 1, 2), (2, 1, 1, 4), (2, 1, 2, 2), (2, 2, 1, 3), (2, 2, 2, 1), (3, 1, 1, 2), (3, 1, 2, 1))
    ),
    "witness": {"size": (2, 1, 1, 2)},
}


@theorem(
    "jacot2024-norm-conditioning",
    source=source("Proposition 5.1, equation (13)"),
    expected=NUMERICAL,
    wrong={"a thousandth": {"times": Fraction(1, 1000)}, "a hundredth": {"times": Fraction(1, 100)}},
    **FITTED,
)
def norm_conditioning(size: tuple[int, int, int, int], times: Fraction = Fraction(1)) -> Inequality:
    """κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{c/2} where ‖Z_L − Y‖_F ≤ ε1 and ‖θ‖² = LK + c."""
    net = Fitted(*size)
    return net.conditioned(net.epsilon1, net.norm, times)


@theorem(
    "jacot2024-global-minimisers",
    source=source("Theorem 5.2, equation (14), by hand"),
    expected=NUMERICAL,
    wrong={"a thousandth": {"times": Fraction(1, 1000)}, "a hundredth": {"times": Fraction(1, 100)}},
    **FITTED,
)
def global_minimisers(size: tuple[int, int, int, int], times: Fraction = Fraction(1)) -> Inequality:
    """κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{(c − KL1)/2} where C_λ ≤ λ (KL2 + c)/2 = ε1²/2.

    Where the non-linear part can realise Z_{L1} = Y with ‖θ_nonlin‖² = c, identities above it have that loss, so that
    all global minimisers are among these points. Here λ = 1/50 and c is the least one that a point allows. Then (15),
    κ(W_L) = κ(W_{L:L1+1})^{1/L2}, follows from jacot2024-critical-balance. Without the −KL1 the bound is weaker.
    """
    net, decay = Fitted(*size), Fraction(1, 50)
    double = sum_squares(net.R) + decay * net.norm
    return net.conditioned(sqrt(double), double / decay, times)


# -------------------------------------------------------------------------------------------------------- Prop. 5.3


@dataclass(frozen=True)
class Kernel:
    """The linear layers of a fitted network: Z_{L1} is solved for, and Θ is their part of the tangent kernel.

    One sample a class: Θ depends on the outputs O through O Oᵀ alone. Layers are lower triangles, up to rotations.
    """

    K: int
    L2: int

    @property
    def variables(self) -> dict[str, Expression]:
        """W_{L1+1}, …, W_L and a residual."""
        return {**square_layers(self.K, self.L2), "Q": variable("Q", (self.K, self.K))}

    @property
    def R(self) -> Expression:
        """Z_L − Y."""
        return residual(self.variables["Q"], below(1))

    @property
    def room(self) -> Expression:
        """(s_K(Y) − ε1)²."""
        return (1 - frobenius_norm(self.R)) ** 2

    @property
    def layers(self) -> list[Expression]:
        """W_L, …, W_{L1+1}."""
        return [lower(self.variables[f"W_{i}"]) for i in range(self.L2, 0, -1)]

    @property
    def r(self) -> Expression:
        """The largest ‖W_ℓ‖_op."""
        return maximum(*map(operator_norm, self.layers))

    def product(self, count: int) -> Expression:
        """W_{L:L−count+1}, the product of the last layers."""
        return product(self.layers[:count]) if count else identity(self.K)

    def features(self, count: int) -> Expression:
        """Z_{L−count}."""
        inverses = [inverse(W) for W in self.layers[:count]][::-1]
        return product([*inverses, identity(self.K) + self.R])

    @property
    def norm(self) -> Expression:
        """‖Θ‖_op, Θ = Σ_ℓ W_{L:ℓ+1} W_{L:ℓ+1}ᵀ ⊗ Z_{ℓ−1}ᵀ Z_{ℓ−1}."""
        parts = []
        for above in range(self.L2):
            W, Z = self.product(above), self.features(above + 1)
            parts.append(kron(W @ W.T, Z.T @ Z))
        return operator_norm(total(parts))

    def conditions(self, M: int) -> list[Expression]:
        """κ(W_{L:ℓ})² for ℓ = L1 + 1, …, L1 + M."""
        return [condition(self.product(self.L2 - i)) ** 2 for i in range(M)]


# K and L2, and M as a third
KERNEL: dict[str, Any] = {
    "hypotheses": {"L2 ≥ 1": lambda size: size[1] >= 1},
    "size": st.sampled_from(((2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (3, 2))),
    "witness": {"size": (2, 2)},
}
WEAK = {"a hundredth": {"times": Fraction(1, 100)}, "a thousandth": {"times": Fraction(1, 1000)}}


@theorem(
    "jacot2024-ntk-core",
    source=source("proof of Proposition 5.3"),
    expected=NUMERICAL,
    wrong=WEAK,
    **KERNEL,
)
def ntk_core(size: tuple[int, int], times: Fraction = Fraction(1)) -> Inequality:
    """‖Θ‖_op ≥ ((s_K(Y) − ε1)²/(K² r²)) Σ_ℓ κ(W_{L:ℓ})² over the linear layers, whose part of Θ is at most Θ."""
    net = Kernel(*size)
    left = net.room * total(net.conditions(net.L2))
    return Inequality(left, times * net.K**2 * net.r**2 * net.norm, net.variables)


@theorem(
    "jacot2024-ntk-conditioning",
    source=source("Proposition 5.3", "P"),
    expected=NUMERICAL,
    wrong=WEAK,
    size=st.sampled_from(((2, 1, 1), (2, 2, 1), (2, 2, 2), (2, 3, 2), (2, 4, 4), (3, 2, 1), (3, 2, 2))),
    hypotheses={"1 ≤ M ≤ L2": lambda size: 1 <= size[2] <= size[1]},
    witness={"size": (2, 2, 2)},
)
def ntk_conditioning(size: tuple[int, int, int], times: Fraction = Fraction(1)) -> Inequality:
    """For every M ≤ L2 some ℓ among the first M linear layers has κ(W_{L:ℓ}) ≤ √(C L2) K r/(√M (s_K(Y) − ε1)).

    C = ‖Θ‖_op/L2, the least one that the hypothesis allows.
    """
    *shape, M = size
    net = Kernel(*shape)
    smallest = 1 / maximum(*(1 / square for square in net.conditions(M)))
    return Inequality(M * net.room * smallest, times * net.K**2 * net.r**2 * net.norm, net.variables)


@theorem(
    "jacot2024-ntk-floor",
    source=source("Proposition 5.3, the converse"),
    expected=NUMERICAL,
    wrong=WEAK,
    **KERNEL,
)
def ntk_floor(size: tuple[int, int], times: Fraction = Fraction(1)) -> Inequality:
    """‖Θ‖_op ≥ (s_K(Y) − ε1)² L2/(K² r²) for every network with ‖Z_L − Y‖_F ≤ ε1 and ‖W_ℓ‖_op ≤ r."""
    net = Kernel(*size)
    return Inequality(net.room * net.L2, times * net.K**2 * net.r**2 * net.norm, net.variables)


@theorem(
    "jacot2024-ntk-floor-sharp",
    source=source("Proposition 5.3, the converse, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "a tenth less": {"times": Fraction(9, 10)}},
    **KERNEL,
)
def ntk_floor_sharp(size: tuple[int, int], times: Fraction = Fraction(1)) -> Inequality:
    """‖Θ‖_op ≥ L2 s_1(Z_L)²/r², without the K²: at least L2 (s_K(Y) − ε1)²/r². Attained at identities.

    For the first singular pair u, v of Z_L every layer has s_1(Z_L) = uᵀ Z_L v ≤ ‖W_{L:ℓ+1}ᵀ u‖ r ‖Z_{ℓ−1} v‖, and
    ‖Θ‖_op is at least the sum of squares of these products, Θ's form at u vᵀ.
    """
    net = Kernel(*size)
    left = net.L2 * operator_norm(identity(net.K) + net.R) ** 2
    layers = dict.fromkeys(square_layers(net.K, net.L2), identity(net.K))
    return Inequality(left, times * net.r**2 * net.norm, net.variables, ({**layers, "Q": zeros(net.K, net.K)},))
