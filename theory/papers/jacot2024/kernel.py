"""Section 5.2, Proposition 5.3: conditioning from a bounded tangent kernel (statements 16 and 17)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Inequality, Point
from theory.ops import (
    Expression,
    frobenius_norm,
    identity,
    kron,
    matrix,
    operator_norm,
    variable,
)
from theory.papers.jacot2024.minimisers import square_layers
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    below,
    inverse,
    lower,
    maximum,
    product,
    residual,
    source,
    total,
)
from theory.statement import theorem


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
    def plain(self) -> Point:
        """Identities that fit exactly."""
        return {name: (0 if name == "Q" else 1) * identity(self.K) for name in self.variables}

    def close(self, found: tuple[str, ...]) -> tuple[Point, ...]:
        """Identities, and of four layers for two classes those that descent found."""
        if (2, len(found)) != (self.K, self.L2):
            return (self.plain,)
        triangles = [[Fraction(x) for x in layer.split()] for layer in found]
        layers = {f"W_{i}": matrix([[a, Fraction(0)], [b, d]]) for i, (a, b, d) in enumerate(triangles, start=1)}
        return self.plain, {**self.plain, **layers}

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

    def inverse(self, count: int) -> Expression:
        """The inverse of that product."""
        return product([inverse(W) for W in self.layers[:count]][::-1])

    def features(self, count: int) -> Expression:
        """Z_{L−count}."""
        return self.inverse(count) @ (identity(self.K) + self.R)

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
        counts = range(self.L2, self.L2 - M, -1)
        return [(operator_norm(self.product(i)) * operator_norm(self.inverse(i))) ** 2 for i in counts]


# K and L2, and M as a third
KERNEL: dict[str, Any] = {
    "hypotheses": {"L2 ≥ 1": lambda size: size[1] >= 1},
    "size": st.sampled_from(((2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (3, 2))),
    "witness": {"size": (2, 4)},
}
TENTH = {"a tenth": {"times": Fraction(1, 10)}}

CORE = (".18 -.57 -.82", "-.19 .12 -.99", ".77 -.07 -.99", ".95 -.07 .18")
SOME = (".97 .01 .99", ".73 .43 .78", "1 .03 .92", ".87 -.25 .86")
"""Four layers by their lower triangles, at which a long descent found the sides of ``ntk_core`` closest, and those of
``ntk_conditioning``."""


@theorem(
    "jacot2024-ntk-core",
    source=source("proof of Proposition 5.3"),
    expected=NUMERICAL,
    wrong=TENTH | {"0.38 of it": {"times": Fraction(38, 100)}},
    **KERNEL,
)
def ntk_core(size: tuple[int, int], times: Fraction = Fraction(1)) -> Inequality:
    """‖Θ‖_op ≥ ((s_K(Y) − ε1)²/(K² r²)) Σ_ℓ κ(W_{L:ℓ})² over the linear layers, whose part of Θ is at most Θ."""
    net = Kernel(*size)
    left = net.room * total(net.conditions(net.L2))
    return Inequality(left, times * net.K**2 * net.r**2 * net.norm, net.variables, near=net.close(CORE))


@theorem(
    "jacot2024-ntk-conditioning",
    source=source("Proposition 5.3", "P", R="the hypothesis ‖Θ‖_op ≤ C L2"),
    expected=NUMERICAL,
    wrong=TENTH | {"0.28 of it": {"times": Fraction(28, 100)}},
    size=st.sampled_from(((2, 1, 1), (2, 2, 1), (2, 2, 2), (2, 3, 2), (2, 4, 4), (3, 2, 1), (3, 2, 2))),
    hypotheses={"1 ≤ M ≤ L2": lambda size: 1 <= size[2] <= size[1]},
    witness={"size": (2, 4, 4)},
)
def ntk_conditioning(size: tuple[int, int, int], times: Fraction = Fraction(1)) -> Inequality:
    """For every M ≤ L2 some ℓ among the first M linear layers has κ(W_{L:ℓ}) ≤ √(C L2) K r/(√M (s_K(Y) − ε1)).

    C = ‖Θ‖_op/L2, the least one that the hypothesis allows.
    """
    *shape, M = size
    net = Kernel(*shape)
    smallest = 1 / maximum(*(1 / square for square in net.conditions(M)))
    return Inequality(
        M * net.room * smallest, times * net.K**2 * net.r**2 * net.norm, net.variables, near=net.close(SOME)
    )


@theorem(
    "jacot2024-ntk-floor",
    source=source("Proposition 5.3, the converse"),
    expected=NUMERICAL,
    wrong=TENTH | {"0.24 of it": {"times": Fraction(24, 100)}},
    **KERNEL | {"witness": {"size": (2, 2)}},
)
def ntk_floor(size: tuple[int, int], times: Fraction = Fraction(1)) -> Inequality:
    """‖Θ‖_op ≥ (s_K(Y) − ε1)² L2/(K² r²) for every network with ‖Z_L − Y‖_F ≤ ε1 and ‖W_ℓ‖_op ≤ r.

    The K² is not needed (jacot2024-ntk-floor-sharp), so that no ratio is above 1/K².
    """
    net = Kernel(*size)
    return Inequality(net.room * net.L2, times * net.K**2 * net.r**2 * net.norm, net.variables, near=(net.plain,))


@theorem(
    "jacot2024-ntk-floor-sharp",
    source=source("Proposition 5.3, the converse, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "a tenth less": {"times": Fraction(9, 10)}},
    **KERNEL | {"witness": {"size": (2, 2)}},
)
def ntk_floor_sharp(size: tuple[int, int], times: Fraction = Fraction(1)) -> Inequality:
    """‖Θ‖_op ≥ L2 s_1(Z_L)²/r², without the K²: at least L2 (s_K(Y) − ε1)²/r². Attained at identities.

    For the first singular pair u, v of Z_L every layer has s_1(Z_L) = uᵀ Z_L v ≤ ‖W_{L:ℓ+1}ᵀ u‖ r ‖Z_{ℓ−1} v‖, and
    ‖Θ‖_op is at least the sum of squares of these products, Θ's form at u vᵀ.
    """
    net = Kernel(*size)
    left = net.L2 * operator_norm(identity(net.K) + net.R) ** 2
    return Inequality(left, times * net.r**2 * net.norm, net.variables, (net.plain,))
