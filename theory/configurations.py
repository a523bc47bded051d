"""The coherent configuration of the complete graph K_r: matrices between its vertices and edges, for every r at once.

Its points are the subsets of {1, …, r} with a = 0, 1 or 2 elements: the empty set, the vertices V, the edges E. A
matrix that does not change when the vertices are permuted has one coefficient for each size i of the intersection of
row and column: on V × V those of J − I and I, on V × E those of J − T and T (T the vertex-edge incidence matrix), on
E × E those of disjoint edges, of A (edges that share one vertex: the triangular graph T(r)) and of I. Such matrices are
closed under sums, products, transposes and everything that acts entry by entry, so that a ReLU acts on coefficients.

The structure constants count. For rows of size a, columns of size c that meet in k elements, the middles of size b
that meet them in i and j elements have m elements from both, i − m and j − m from one alone, and the rest from outside:

    Σ_m C(k, m) C(a − k, i − m) C(c − k, j − m) C(r − a − c + k, b − i − j + m).

That is a polynomial in r, and right for every r ≥ a + c − k, so for every r ≥ 4; then no coefficient's matrix is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import combinations
from math import comb
from typing import Any

from theory.ops import Expression, ShapeError, identity

POINT, VERTICES, EDGES = 0, 1, 2
"""How many vertices the rows or columns of a matrix have; POINT for a single row or column."""

FEWEST = 4
"""Number of vertices from which on no class is empty: with fewer there are no disjoint edges."""


def choose(n: Any, k: int) -> Any:
    """C(n, k) as a polynomial in n, for a number or a symbol.

    >>> choose(5, 2), choose(5, 0)
    (Fraction(10, 1), Fraction(1, 1))
    """
    result: Any = Fraction(1)
    for q in range(k):
        result = result * (n - q) * Fraction(1, q + 1)
    return result


def structure_constant(rows: tuple[int, int], columns: tuple[int, int], middle: int, meet: int, r: Any) -> Any:
    """The number of middles that meet a row and a column as given, where these meet in ``meet`` elements.

    ``rows`` and ``columns`` are each a size and the number of elements that the middle has of it.

    >>> structure_constant((EDGES, 1), (EDGES, 1), EDGES, 0, 7)  # neighbours that two disjoint edges have in common
    Fraction(4, 1)
    """
    (a, i), (c, j) = rows, columns
    total: Any = Fraction(0)
    for m in range(min(i, j, meet) + 1):
        outside = middle - i - j + m
        if outside >= 0:
            inside = comb(meet, m) * comb(a - meet, i - m) * comb(c - meet, j - m)
            total = total + inside * choose(r - a - c + meet, outside)
    return total


def class_size(rows: int, columns: int, meet: int, r: Any) -> Any:
    """How many entries of a matrix belong to a coefficient.

    >>> class_size(VERTICES, EDGES, 1, 5)  # twice the number of edges
    Fraction(20, 1)
    """
    return choose(r, rows) * comb(rows, meet) * choose(r - rows, columns - meet)


@dataclass(frozen=True)
class Element:
    """A matrix of the configuration: its sizes, a coefficient for each size of an intersection, and r.

    Coefficients are numbers or symbolic expressions; ``r`` a number or a symbol that stands for every r ≥ 4.

    >>> T = incidence_element(7)
    >>> (T.T @ T).coefficients  # disjoint edges, edges that share a vertex, equal ones: Tᵀ T = A + 2 I
    (Fraction(0, 1), Fraction(1, 1), Fraction(2, 1))
    """

    rows: int
    columns: int
    coefficients: tuple[Any, ...]
    r: Any

    def __post_init__(self) -> None:
        if not {self.rows, self.columns} <= {POINT, VERTICES, EDGES}:
            raise ShapeError(f"rows and columns are points, vertices or edges, got {self.rows} × {self.columns}")
        if len(self.coefficients) != min(self.rows, self.columns) + 1:
            raise ShapeError(f"{self.rows} × {self.columns} has {min(self.rows, self.columns) + 1} coefficients")

    def _like(self, coefficients: Iterator[Any]) -> Element:
        return Element(self.rows, self.columns, tuple(coefficients), self.r)

    def _pairs(self, other: Element) -> Iterator[tuple[Any, Any]]:
        if (self.rows, self.columns) != (other.rows, other.columns):
            raise ShapeError(f"{self.rows} × {self.columns} against {other.rows} × {other.columns}")
        return zip(self.coefficients, other.coefficients, strict=True)

    def __add__(self, other: Element) -> Element:
        return self._like(x + y for x, y in self._pairs(other))

    def __sub__(self, other: Element) -> Element:
        return self._like(x - y for x, y in self._pairs(other))

    def __rmul__(self, factor: Any) -> Element:
        return self._like(factor * x for x in self.coefficients)

    def entrywise(self, other: Element) -> Element:
        """The entrywise (Schur) product."""
        return self._like(x * y for x, y in self._pairs(other))

    def __matmul__(self, other: Element) -> Element:
        if self.columns != other.rows:
            raise ShapeError(f"{self.rows} × {self.columns} times {other.rows} × {other.columns}")
        coefficients = (self._entry(other, meet) for meet in range(min(self.rows, other.columns) + 1))
        return Element(self.rows, other.columns, tuple(coefficients), self.r)

    def _entry(self, other: Element, meet: int) -> Any:
        """One coefficient of a product: the row of one matrix against the column of the other."""
        total: Any = Fraction(0)
        for i, x in enumerate(self.coefficients):
            for j, y in enumerate(other.coefficients):
                total = total + x * y * structure_constant(
                    (self.rows, i), (other.columns, j), self.columns, meet, self.r
                )
        return total

    @property
    def T(self) -> Element:
        """The transpose."""
        return Element(self.columns, self.rows, self.coefficients, self.r)

    def relu(self, sign: Callable[[Any], int]) -> Element:
        """max(x, 0) entry by entry; ``sign`` gives −1, 0 or 1 for a coefficient, or raises where it cannot tell."""
        return self._like(x if sign(x) > 0 else Fraction(0) for x in self.coefficients)

    @property
    def trace(self) -> Any:
        """tr X of a square matrix."""
        if self.rows != self.columns:
            raise ShapeError("the trace needs a square matrix")
        return self.coefficients[-1] * choose(self.r, self.rows)

    @property
    def sum_squares(self) -> Any:
        """‖X‖_F²."""
        sizes = (class_size(self.rows, self.columns, i, self.r) for i in range(len(self.coefficients)))
        return reduce(lambda x, y: x + y, (x * x * n for x, n in zip(self.coefficients, sizes, strict=True)))

    def dense(self, r: int) -> list[list[Any]]:
        """The whole matrix for a number of vertices: its coefficients in place, rows and columns in order."""
        rows, columns = (list(combinations(range(r), size)) for size in (self.rows, self.columns))
        return [[self.coefficients[len({*x} & {*y})] for y in columns] for x in rows]


def identity_element(size: int, r: Any) -> Element:
    """I on points of one size."""
    return Element(size, size, (*[Fraction(0)] * size, Fraction(1)), r)


def ones_element(rows: int, columns: int, r: Any) -> Element:
    """J, all entries 1."""
    return Element(rows, columns, (Fraction(1),) * (min(rows, columns) + 1), r)


def incidence_element(r: Any) -> Element:
    """T: which vertices an edge joins."""
    return Element(VERTICES, EDGES, (Fraction(0), Fraction(1)), r)


def adjacency_element(r: Any) -> Element:
    """A: which edges share exactly one vertex."""
    return Element(EDGES, EDGES, (Fraction(0), Fraction(1), Fraction(0)), r)


# ---------------------------------------------------------------------------------- the same matrices for one number r


def edges(r: int) -> list[tuple[int, int]]:
    """The edges of the complete graph on r vertices, in order."""
    return list(combinations(range(r), 2))


def incidence(r: int) -> Expression:
    """T, r × K: which vertices an edge joins."""
    first, second = (tuple(e[i] for e in edges(r)) for i in (0, 1))
    return identity(r)[range(r), first] + identity(r)[range(r), second]


def adjacency(r: int) -> Expression:
    """A, K × K: which edges share exactly one vertex, from lists of neighbours."""
    known = edges(r)
    neighbours = [[i for i, f in enumerate(known) if len({*e} & {*f}) == 1] for e in known]
    every = range(len(known))
    return reduce(
        lambda a, b: a + b, (identity(len(known))[every, tuple(slot)] for slot in zip(*neighbours, strict=True))
    )
