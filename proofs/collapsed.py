"""What the theorem about curvature at collapse says at one point, and whether a claim is some of it.

The parameters of a claim propose a point and a layer. That the point is critical, with the outputs γ Y, is decided
exactly. Then the matrices of the theorem are built from its factors: a claim must be made of these very formulas, with
numbers that are exactly those of the theorem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from operator import matmul
from typing import Any

from proofs.entailment import NotEntailed
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable
from theory.claims import Identity, Relation, Spectrum, equal
from theory.collapse import Collapse
from theory.curvature import Curvature, squared
from theory.ops import Expression, class_means, compare, constant, identity, kron, one_hot

SIZES = ("K", "n", "L", "spare", "layer")
SWITCHES = ("unequal", "turn")


@dataclass(frozen=True)
class Known:
    """A symmetric matrix with one positive eigenvalue so many times, all others 0."""

    matrix: Expression
    value: Expression
    rank: int


@dataclass(frozen=True)
class Point:
    """A critical point of the deep linear model with squared error whose outputs are γ Y.

    Args:
        factors: H, W_1, …, W_L.
        decays: λ_H, λ_1, …, λ_L.
        gamma: γ.
        K: classes.
        n: samples of each.

    Raises:
        NotEntailed: where it is not critical, or has other outputs, or that is not decided.
    """

    factors: tuple[Expression, ...]
    decays: tuple[Expression, ...]
    gamma: Fraction
    K: int
    n: int

    def __post_init__(self) -> None:
        if not 0 < self.gamma < 1 or any(compare(decay, 0) <= 0 for decay in self.decays):
            raise NotEntailed("the theorem is about 0 < γ < 1 and positive decays")
        at, pairs = self.curvature, zip(self.factors, self.decays, strict=True)
        gradients = [at.slope(layer) + decay * V for layer, (V, decay) in enumerate(pairs)]
        residual = at.gradient - (self.gamma - 1) / (self.K * self.n) * one_hot(self.sizes)
        if not all(map(vanishes, (residual, *gradients))):
            raise NotEntailed("the proposed point is not critical, or its outputs are not γ Y")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each class."""
        return (self.n,) * self.K

    @property
    def L(self) -> int:
        """Weight matrices."""
        return len(self.factors) - 1

    @cached_property
    def curvature(self) -> Curvature:
        """The derivatives of the data term."""
        return squared(self.factors, self.sizes)

    def outlier(self, layer: int) -> Expression:
        """λ_l γ/(1−γ)."""
        return self.decays[layer] * (self.gamma / (1 - self.gamma))

    def means(self, layer: int) -> Expression:
        """M_l, the class means that enter a layer (d × K)."""
        return reduce(matmul, [*reversed(self.factors[1:layer]), class_means(self.factors[0], self.sizes)])

    def spectra(self, layer: int) -> Iterator[Known]:
        """The matrices of a layer whose eigenvalues the theorem knows."""
        yield Known(self.curvature.layer(layer), self.outlier(layer), self.K**2)

    def relations(self, layer: int) -> Iterator[Relation]:
        """The relations of a layer, with eigenvectors as columns: M_{l+1} E M_lᵀ, and E M_lᵀ above the last layer."""
        hessian, above = self.curvature.layer(layer), self.means(layer + 1) if layer < self.L else identity(self.K)
        vectors = kron(above, self.means(layer))
        yield equal(hessian @ vectors, self.outlier(layer) * vectors)


def proposed(parameters: Mapping[str, Any]) -> tuple[Point, int]:
    """The point that the parameters of a claim propose, and the layer.

    Raises:
        NotEntailed: where they propose none, or one that the theorem is not about.
    """
    K, n, L, spare, layer = sizes = [parameters.get(name) for name in SIZES]
    unequal, turn = switches = [parameters.get(name) for name in SWITCHES]
    gamma = parameters.get("gamma")
    whole = all(type(x) is int and x >= 0 for x in sizes) and all(type(x) is bool for x in switches)
    if not whole or type(gamma) is not Fraction or not 0 < gamma < 1 or K < 2 or n < 1 or not 1 <= layer <= L:  # type: ignore[operator]
        raise NotEntailed("no point of collapse and no layer are proposed")
    at = Collapse(K, n, L, spare, gamma, unequal, turn)  # type: ignore[arg-type]
    decays = tuple(at.decay_of(i) for i in range(at.L + 1))
    return Point(at.factors, decays, gamma, at.K, at.n), layer  # type: ignore[return-value]


def answers(claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
    """For each clause the empty text where the theorem entails it, else why it does not.

    Raises:
        NotEntailed: for another kind of claim, or without a point that the theorem is about.
    """
    if type(claim) is Spectrum:
        return _spectrum(claim, *proposed(parameters))
    if type(claim) is not Identity:
        raise NotEntailed("the theorem is about spectra and relations of constants")
    point, layer = proposed(parameters)
    known, other = list(point.relations(layer)), "a relation is not one of the theorem's"
    return {c.name: "" if all(any(_says(r, k) for k in known) for r in c.relations) else other for c in claim.clauses}


def _spectrum(claim: Spectrum, point: Point, layer: int) -> dict[str, str]:
    """The eigenvalues of s S + r I for a matrix S of the theorem: s · value + r so often, r else."""
    for known in point.spectra(layer):
        scale, shift = _multiple(claim.matrix, known.matrix)
        if scale is None or not same(claim.matrix, scale * known.matrix + shift * identity(known.matrix.shape[0])):
            continue
        counts = [(scale * known.value + shift, known.rank), (shift, claim.matrix.shape[0] - known.rank)]
        return _compared(claim, [(value, times) for value, times in counts if times])
    raise NotEntailed("the matrix is none of the theorem's")


def _multiple(matrix: Expression, known: Expression) -> tuple[Expression | None, Expression]:
    """The only s ≠ 0 and r with which the first could be s times the second and r I, or None for s."""
    found, parts = summed(matrix), summed(known)
    first = next(iter(parts))
    one = identity(matrix.shape[0])
    scale = found[first] / parts[first] if first in found and first is not one else None
    return scale, found.get(one, constant(0))


def _compared(claim: Spectrum, expected: list[tuple[Expression, int]]) -> dict[str, str]:
    """Whether the claimed eigenvalues are the expected ones, which differ, and so often."""
    claimed = [
        [times for value, times in claim.eigenvalues if same(value, wanted)] for wanted, _ in expected
    ]  # fmt: skip
    values = all(claimed) and sum(map(len, claimed)) == len(claim.eigenvalues)
    often = values and all(sum(c) == times for c, (_, times) in zip(claimed, expected, strict=True))
    return {
        "eigenvalues": "" if values else "a value is no eigenvalue, or one is missing",
        "multiplicities": "" if often else "an eigenvalue has another multiplicity",
    }


def _says(relation: Relation, known: Relation) -> bool:
    return relation.sign == known.sign and same(relation.left, known.left) and same(relation.right, known.right)


# ------------------------------------------------------------------------------------------------- comparing formulas


def same(left: Expression, right: Expression) -> bool:
    """Whether two formulas are the same sum of multiples of the same matrices, or the same number, exactly."""
    if left is right or left.shape != right.shape:
        return left is right
    a, b, none = summed(left), summed(right), constant(0)
    return all(vanishes(a.get(part, none) - b.get(part, none)) for part in {**a, **b})


def summed(formula: Expression) -> dict[Expression, Expression]:
    """The matrices that are neither sums nor multiples in a formula, each with its factor; a number is one of 1."""
    total: dict[Expression, Expression] = {}
    for part, factor in _parts(formula):
        total[part] = total[part] + factor if part in total else factor
    return total


def _parts(formula: Expression) -> list[tuple[Expression, Expression]]:
    if not formula.shape:
        return [(constant(1), formula)]
    if formula.op == "add":
        return [part for arg in formula.args for part in _parts(arg)]
    if formula.op == "scale":
        return [(part, formula.args[0] * factor) for part, factor in _parts(formula.args[1])]
    return [(formula, constant(1))]


def vanishes(formula: Expression) -> bool:
    """Whether a constant formula is exactly zero, in every entry; False where that is not decided."""
    field = AlgebraicNumbers([formula])
    try:
        value = field.evaluate(formula)
        entries = [x for row in value for x in row] if formula.shape else [value]
        return all(field.is_zero(field.number(Fraction(0)) + x) for x in entries)
    except Undecidable:
        return False
