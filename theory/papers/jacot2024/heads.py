"""The last two layers of a network, at near-interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

from theory.claims import Point
from theory.ops import (
    Expression,
    constant,
    diagonal,
    frobenius_norm,
    identity,
    matrix,
    one_hot,
    operator_norm,
    sqrt,
    variable,
    zeros,
)
from theory.papers.jacot2024.setting import (
    inverse,
    last_class,
    least,
    lower,
    margin,
    maximum,
    residual,
    saturated,
    spread,
    stacked,
)


@dataclass(frozen=True)
class Head:
    """The last two layers at near-interpolation, h = n_{L−1} = n_{L−2} = K + spare.

    W_L = [T 0], W_{L−1} = [C 0; B] with lower triangles T and C of size K × K, and Z_{L−2} = [C⁻¹T⁻¹(Y + R); F] with
    ‖R‖_F within hypothesis 4. Up to rotations of the hidden spaces these are all for n_{L−2} ≤ n_{L−1}, zeros being
    added; for larger n_{L−2} W_{L−1} has more columns, of zeros, and Z_{L−2} more rows, which only make r larger. A
    ``balanced`` one has ε2 = 0: C = Tᵀ and B = 0. In a ``loose`` one ε1 is any number from ‖R‖_F up to hypothesis 4.
    """

    K: int
    n: int
    spare: int
    balanced: bool = False
    loose: bool = False

    @property
    def N(self) -> int:
        """Samples."""
        return self.K * self.n

    @property
    def h(self) -> int:
        """n_{L−1}."""
        return self.K + self.spare

    @property
    def variables(self) -> dict[str, Expression]:
        """What is free: T, C and Q, B and F where there are spare neurons, and y, which sets ε1."""
        shapes: dict[str, tuple[int, ...]] = {"T": (self.K, self.K), "C": (self.K, self.K), "Q": (self.K, self.N)}
        shapes |= {"B": (self.spare, self.h), "F": (self.spare, self.N)} if self.spare else {}
        shapes |= {"y": ()} if self.loose else {}
        kept = (name for name in shapes if not (self.balanced and name in "BC"))
        return {name: variable(name, shapes[name]) for name in kept}

    @property
    def Y(self) -> Expression:
        """The labels."""
        return one_hot((self.n,) * self.K)

    @property
    def R(self) -> Expression:
        """Z_L − Y."""
        return residual(self.variables["Q"], margin(self.K, self.n))

    @property
    def T(self) -> Expression:
        """The part of W_L that is not zero."""
        return lower(self.variables["T"])

    @property
    def C(self) -> Expression:
        """The part of W_{L−1} that T sees."""
        return self.T.T if self.balanced else lower(self.variables["C"])

    @property
    def B(self) -> Expression | None:
        """The part of W_{L−1} below it, where there are spare neurons."""
        return zeros(self.spare, self.h) if self.balanced and self.spare else self.variables.get("B")

    @property
    def last(self) -> Expression:
        """W_L."""
        return self.T @ identity(self.h)[range(self.K), :]

    @property
    def inner(self) -> Expression:
        """W_{L−1}."""
        return stacked(self.C @ identity(self.h)[range(self.K), :], self.B)

    @property
    def pseudoinverse(self) -> Expression:
        """W_L⁺."""
        return stacked(inverse(self.T), zeros(self.spare, self.K) if self.spare else None)

    @property
    def lower(self) -> Expression:
        """Z_{L−2}."""
        fitted = inverse(self.C) @ inverse(self.T) @ (self.Y + self.R)
        return stacked(fitted, self.variables["F"] if self.spare else None)

    @property
    def features(self) -> Expression:
        """Z_{L−1}."""
        fitted = inverse(self.T) @ (self.Y + self.R)
        return stacked(fitted, None if self.B is None else self.B @ self.lower)

    @property
    def epsilon1(self) -> Expression:
        """‖Z_L − Y‖_F, or more."""
        least = frobenius_norm(self.R)
        return least + (margin(self.K, self.n) - least) * saturated(self.variables["y"]) if self.loose else least

    @property
    def epsilon2(self) -> Expression:
        """‖W_LᵀW_L − W_{L−1}W_{L−1}ᵀ‖_op."""
        if self.balanced:
            return constant(0)
        return operator_norm(self.last.T @ self.last - self.inner @ self.inner.T)

    @property
    def r(self) -> Expression:
        """The largest of ‖Z_{L−2}‖, ‖Z_{L−1}‖, ‖W_L‖, ‖W_{L−1}‖."""
        return maximum(*map(operator_norm, (self.lower, self.features, self.last, self.inner)))

    def psi(self, times: Fraction | int = 1, plain: bool = False, balance: int = 1) -> Expression:
        """Ψ = r (ε1/(s_K(Y) − ε1) + √(n_{L−1} ε2)); ``plain`` has s_K(Y) for s_K(Y) − ε1."""
        s = spread(self.K, self.n)
        fit = self.epsilon1 / (s if plain else s - self.epsilon1)
        return times * self.r * (fit + sqrt(self.h * self.epsilon2) if balance and not self.balanced else fit)

    def point(self, T: Sequence[Fraction | int], Q: Expression | None = None) -> Point:
        """T = C = diag(T), nothing in the spare neurons, and a residual."""
        made = {"T": diagonal(T), "C": diagonal(T), "Q": zeros(self.K, self.N) if Q is None else Q}
        return {name: made.get(name, zeros(*v.shape) if v.shape else constant(0)) for name, v in self.variables.items()}

    @property
    def spread_out(self) -> Point:
        """Samples of a class differ a little, and W_L is about √r times an isometry, r = √n: NC1 is largest."""
        root = Fraction(isqrt(isqrt(10**28 * self.n)), 10**7)
        apart = {(i, i * self.n + j): (-1) ** j for i in range(self.K) for j in range(2)}
        signs = [[apart.get((i, j), 0) for j in range(self.N)] for i in range(self.K)]
        return self.point([root] * self.K, Fraction(1, 10**9) * matrix(signs))

    @property
    def attained(self) -> tuple[Point, ...]:
        """Where the key inequality is an equality, for four samples a class: R shortens Y in one direction.

        T = diag(a, …, a, 1) with a and s_K(Y)/a at most r = s_K(Y) − ε1, and W_{L−1} balanced.
        """
        if self.n != 4:
            return ()
        T = [Fraction(3, 2)] * (self.K - 1) + [1]
        return (self.point(T, last_class(self.K, self.n, Fraction(-1, 16))),)

    @property
    def floor(self) -> Expression:
        """s_K(W_L)."""
        return least(self.T)

    @property
    def kappa(self) -> Expression:
        """κ(W_L)."""
        return operator_norm(self.last) / self.floor


Size = tuple[int, int, int]
"""K, samples a class, spare neurons."""

SIZES: tuple[Size, ...] = ((2, 4, 1), (2, 4, 0), (2, 1, 1), (2, 2, 2), (3, 1, 0), (3, 2, 1), (2, 3, 0), (2, 1, 3))


def head_fields(least_spare: int = 0, least_samples: int = 1, **either: bool) -> dict[str, Any]:
    """Strategies and hypotheses of statements about a head; ``either`` names what may be or not, and at the witness."""
    from hypothesis import strategies as st

    sizes = [size for size in SIZES if size[1] >= least_samples and size[2] >= least_spare]
    return {
        "hypotheses": {
            "K ≥ 2": lambda size, **_: size[0] >= 2,
            f"n ≥ {least_samples} and n_{{L−1}} ≥ K + {least_spare}": lambda size, **_: (
                size[1] >= least_samples and size[2] >= least_spare
            ),
        },
        "size": st.sampled_from(sizes),
        **{name: st.booleans() for name in either},
        "witness": {"size": SIZES[0], **either},
    }
