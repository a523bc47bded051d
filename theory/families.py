"""Formulas for every number of vertices r and every depth L, between the vertices and edges of the complete graph K_r.

A family is written as formulas are (``theory.ops``), with r and L as symbols; ``at`` records the formula of one size by
the same operations in the same order. What depends on L is a chain: a formula repeated a number of times.

>>> str(incidence_family @ incidence_family.T), (incidence_family @ incidence_family.T).at(Sizes(5)).shape
('T Tᵀ', (5, 5))
>>> X = hole(VERTICES, EDGES)
>>> chain(incidence_family, relu(eye(VERTICES) @ X), depth - 2).at(Sizes(4, depth=5)).shape
(4, 6)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb, prod
from typing import Any

from theory import ops
from theory.configurations import EDGES, POINT, VERTICES, adjacency, incidence
from theory.notation import PLAIN, text
from theory.ops import Expression, FormulaError, ShapeError

__all__ = ["EDGES", "POINT", "VERTICES", "Family", "Sizes"]

Space = tuple[int, int] | None
"""The sizes of rows and columns; None for a scalar."""


@dataclass(frozen=True)
class Sizes:
    """One choice of what a family leaves open: r, L, and numbers for its indexed constants, from index 0 on."""

    r: int
    depth: int = 3
    constants: Mapping[str, tuple[Fraction, ...]] = field(default_factory=dict, hash=False)

    def shape(self, space: tuple[int, int]) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return comb(self.r, space[0]), comb(self.r, space[1])


@dataclass(frozen=True)
class Family:
    """One node of a formula for every r and L: an operation, its arguments, static data and its space."""

    op: str
    args: tuple[Family, ...] = ()
    data: Hashable = None
    space: Space = None

    def __add__(self, other: Any) -> Family:
        right = family(other)
        if self.space != right.space:
            raise ShapeError(f"cannot add {self.space} and {right.space}")
        return Family("add", (self, right), None, self.space)

    def __neg__(self) -> Family:
        return family(-1) * self

    def __sub__(self, other: Any) -> Family:
        return self + (-family(other))

    def __mul__(self, other: Any) -> Family:
        right = family(other)
        if self.space and right.space:
            raise ShapeError("use @ for a matrix product")
        return Family("scale", (self, right), None, self.space or right.space)

    def __truediv__(self, other: Any) -> Family:
        return self * family(other) ** -1

    def __pow__(self, exponent: Any) -> Family:
        power = family(exponent)
        if self.space or power.space:
            raise ShapeError("powers are for scalars")
        return Family("power", (self, power))

    def __matmul__(self, other: Family) -> Family:
        if not self.space or not other.space or self.space[1] != other.space[0]:
            raise ShapeError(f"cannot multiply {self.space} by {other.space}")
        return Family("matmul", (self, other), None, (self.space[0], other.space[1]))

    def __radd__(self, other: Any) -> Family:
        return family(other) + self

    def __rsub__(self, other: Any) -> Family:
        return family(other) - self

    def __rmul__(self, other: Any) -> Family:
        return family(other) * self

    def __rtruediv__(self, other: Any) -> Family:
        return family(other) / self

    @property
    def T(self) -> Family:
        """The transpose."""
        rows, columns = _matrix(self)
        return Family("transpose", (self,), None, (columns, rows))

    def at(self, sizes: Sizes) -> Expression:
        """The formula for one size, recorded by the operations of ``theory.ops``."""
        return _record(self, sizes, None, None)

    def nodes(self) -> Iterator[Family]:
        """This node and all below it."""
        yield self
        for arg in self.args:
            yield from arg.nodes()

    def __str__(self) -> str:
        return text(self, PLAIN)


def family(value: Any) -> Family:
    """An exact number as a family; a family passes unchanged."""
    if isinstance(value, Family):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        raise FormulaError(f"a formula takes exact numbers (int or Fraction), got the {type(value).__name__} {value!r}")
    return Family("number", (), Fraction(value))


def _matrix(X: Family) -> tuple[int, int]:
    if X.space is None:
        raise ShapeError("expected a matrix, got a scalar")
    return X.space


vertices = Family("r")
"""r, the number of vertices."""

depth = Family("L")
"""L, the number of weight matrices."""

step = Family("n")
"""How often the formula of a chain has been applied."""

classes = Family("K")
"""K = r(r−1)/2, the number of edges."""

incidence_family = Family("incidence", (), None, (VERTICES, EDGES))
"""T, which vertices an edge joins."""

adjacency_family = Family("adjacency", (), None, (EDGES, EDGES))
"""A, which edges share exactly one vertex."""

labels = Family("labels", (), None, (EDGES, EDGES))
"""Y with one sample a class, which is I."""


def eye(size: int) -> Family:
    """The identity matrix on points of one size."""
    return Family("identity", (), None, (size, size))


def ones(rows: int, columns: int) -> Family:
    """The matrix of ones."""
    return Family("ones", (), None, (rows, columns))


def zeros(rows: int, columns: int) -> Family:
    """The zero matrix."""
    return Family("zeros", (), None, (rows, columns))


def hole(rows: int | None = None, columns: int | None = None) -> Family:
    """Where the formula of a chain has its argument: a matrix, or a scalar."""
    return Family("hole", (), None, None if rows is None or columns is None else (rows, columns))


def indexed(name: str, index: Any) -> Family:
    """A positive constant of each layer, such as λ_m."""
    return Family("indexed", (family(index),), name)


def product(name: str, last: Any) -> Family:
    """The product of an indexed constant over the layers 0 … last."""
    return Family("product", (family(last),), name)


def chain(start: Family, formula: Family, count: Family) -> Family:
    """``formula`` applied ``count`` times, first to ``start``; it has its argument in a hole."""
    if start.space != formula.space or not any(node == hole(*(start.space or ())) for node in formula.nodes()):
        raise ShapeError("the formula of a chain takes what it gives, and has a hole for it")
    return Family("chain", (start, formula, count), None, start.space)


def relu(X: Family) -> Family:
    """Entrywise max(x, 0)."""
    return Family("relu", (X,), None, _matrix(X))


def named(name: str, formula: Family) -> Family:
    """A formula that is written by a name; it is the formula in every other way."""
    return Family("named", (formula,), name, formula.space)


def trace(X: Family) -> Family:
    """tr X."""
    return Family("trace", (X,))


def sum_squares(X: Family) -> Family:
    """‖X‖_F²."""
    return Family("sum_squares", (X,))


def nuclear_norm(X: Family) -> Family:
    """‖X‖_*, the sum of singular values."""
    return Family("nuclear_norm", (X,))


def sqrt(value: Any) -> Family:
    """The square root of a positive scalar."""
    return family(value) ** Fraction(1, 2)


def put(formula: Family, value: Family, into: Family) -> Family:
    """A formula with ``value`` in place of every ``into``, which has the same space; what is changed loses its name."""
    if value.space != into.space:
        raise ShapeError(f"cannot put {value.space} in place of {into.space}")
    if formula == into:
        return value
    if formula.op == "named":
        inside = put(formula.args[0], value, into)
        return formula if inside == formula.args[0] else inside
    return Family(formula.op, tuple(put(arg, value, into) for arg in formula.args), formula.data, formula.space)


# --------------------------------------------------------------------------------------------------------- one size


def _record(node: Family, sizes: Sizes, n: int | None, argument: Expression | None) -> Expression:
    """The formula of one size, after ``n`` steps of the chain that it is in, at that chain's argument."""
    if node.op == "chain":
        start, formula, count = node.args
        value = _record(start, sizes, n, argument)
        for k in range(_natural(_rational(_record(count, sizes, n, argument)))):
            value = _record(formula, sizes, k, value)
        return value
    if node.op == "hole" and argument is not None:
        return argument
    if node.op == "named":
        return _record(node.args[0], sizes, n, argument)
    args = [_record(arg, sizes, n, argument) for arg in node.args]
    if node.space is not None and node.op in _MATRICES:
        return _MATRICES[node.op](sizes, *sizes.shape(node.space))
    if node.op in _SCALARS:
        return ops.constant(_SCALARS[node.op](node.data, sizes, n, [_rational(arg) for arg in args]))
    return _OPERATIONS[node.op](*args)


def _rational(value: Expression) -> Fraction:
    if not isinstance(value.data, Fraction) or value.op != "rational":
        raise FormulaError("an exponent, an index or a number of steps is not a rational number")
    return value.data


def _natural(number: Fraction) -> int:
    if number.denominator > 1 or number < 0:
        raise FormulaError(f"an index or a number of steps is a natural number, got {number}")
    return int(number)


_SCALARS: Mapping[str, Any] = {
    "number": lambda data, sizes, n, args: data,
    "r": lambda data, sizes, n, args: sizes.r,
    "K": lambda data, sizes, n, args: comb(sizes.r, 2),
    "L": lambda data, sizes, n, args: sizes.depth,
    "n": lambda data, sizes, n, args: n,
    "indexed": lambda data, sizes, n, args: sizes.constants[data][_natural(args[0])],
    "product": lambda data, sizes, n, args: prod(sizes.constants[data][k] for k in range(_natural(args[0] + 1))),
}

_MATRICES: Mapping[str, Any] = {
    "identity": lambda sizes, rows, columns: ops.identity(rows),
    "ones": lambda sizes, rows, columns: ops.ones(rows, columns),
    "zeros": lambda sizes, rows, columns: ops.zeros(rows, columns),
    "labels": lambda sizes, rows, columns: ops.one_hot((1,) * rows),
    "incidence": lambda sizes, rows, columns: incidence(sizes.r),
    "adjacency": lambda sizes, rows, columns: adjacency(sizes.r),
}

_OPERATIONS: Mapping[str, Any] = {
    "add": lambda left, right: left + right,
    "scale": lambda left, right: left * right,
    "power": lambda base, exponent: base ** _rational(exponent),
    "matmul": lambda left, right: left @ right,
    "transpose": lambda X: X.T,
    "relu": ops.relu,
    "trace": ops.trace,
    "sum_squares": ops.sum_squares,
    "nuclear_norm": ops.nuclear_norm,
}
