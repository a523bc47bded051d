"""Claims about constants: nothing is minimised, and nothing varies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable
from theory.ops import Expression, FormulaError, ShapeError, constant, to_json
from theory.relations import Clause, at_most, check_scope, clause, clauses_json, less, record


@dataclass(frozen=True)
class Identity:
    """Named clauses of relations between constants: nothing is minimised, and nothing varies.

    >>> from theory.ops import sqrt
    >>> from theory.relations import clause, equal
    >>> Identity((clause("radicals", equal(sqrt(8), 2 * sqrt(2))),)).clause_names
    ('radicals',)
    """

    clauses: tuple[Clause, ...]

    kind = "identity"

    def __post_init__(self) -> None:
        if not self.clauses:
            raise FormulaError("an identity needs a clause")
        check_scope(self.clauses, {})

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return tuple(c.name for c in self.clauses)

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {"kind": self.kind, "clauses": clauses_json(self.clauses)}


@dataclass(frozen=True)
class Spectrum:
    """A symmetric constant matrix has exactly these eigenvalues, each exactly so many times.

    Singular values are claimed through a Gram matrix: those of X are the square roots of the eigenvalues of X Xᵀ.
    Clauses that engines report: ``eigenvalues``, that each value is an eigenvalue and each eigenvalue is among them;
    and ``multiplicities``.

    Args:
        matrix: a formula without variables, or a function that makes it; n × n.
        eigenvalues: pairs of a constant scalar and its multiplicity; the multiplicities add up to n.

    Raises:
        FormulaError, ShapeError: for a matrix that is not square, constant and symmetric, values that are no constants,
            and multiplicities that are not positive or do not add up.

    >>> from theory.ops import identity, ones
    >>> Spectrum(identity(3) - Fraction(1, 3) * ones(3, 3), [(1, 2), (0, 1)]).clause_names
    ('eigenvalues', 'multiplicities')
    """

    matrix: Expression
    eigenvalues: Sequence[tuple[Any, int]]

    kind = "spectrum"
    clause_names = ("eigenvalues", "multiplicities")

    def __post_init__(self) -> None:
        matrix = record(self.matrix, {}) if callable(self.matrix) else constant(self.matrix)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "eigenvalues", tuple((constant(value), times) for value, times in self.eigenvalues))
        _check_constants(matrix, *(value for value, _ in self.eigenvalues))
        if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
            raise ShapeError(f"a spectrum is that of a square matrix, got the shape {matrix.shape}")
        for value, times in self.eigenvalues:
            if value.shape:
                raise ShapeError(f"an eigenvalue is a scalar, got the shape {value.shape}")
            if isinstance(times, bool) or not isinstance(times, int) or times < 1:
                raise FormulaError(f"a multiplicity is a positive integer, got {times!r}")
        if (total := sum(times for _, times in self.eigenvalues)) != matrix.shape[0]:
            raise FormulaError(
                f"the multiplicities add up to {total}, but the matrix has {matrix.shape[0]} eigenvalues"
            )
        _check_symmetric(matrix)

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        values = [[to_json(value), times] for value, times in self.eigenvalues]
        return {"kind": self.kind, "matrix": to_json(self.matrix), "eigenvalues": values}


@dataclass(frozen=True)
class Convergence:
    """The terms of a sequence approach a limit, along parameters that are given.

    About the terms that are given everything is decided exactly: ``approaching``, that each is strictly closer to the
    limit than the one before; and ``within``, where a ``rate`` is given, that |term − limit| ≤ rate for each of them.
    That the terms reach the limit in the end, the clause ``limit``, does not follow from any number of them.

    Args:
        sequence: a function of the parameter, or the terms themselves; constant scalars.
        limit: a constant scalar.
        along: at least three exact parameters, all positive, that increase or decrease.
        rate: a function of the parameter, or the bounds themselves.

    Raises:
        FormulaError, ShapeError: for parameters of another kind, and for terms that are no constant scalars.

    >>> Convergence(lambda K: Fraction(K - 1, K), 1, (2, 4, 8), rate=lambda K: Fraction(1, K)).clause_names
    ('approaching', 'within', 'limit')
    """

    sequence: Callable[[Any], Any] | Sequence[Any]
    limit: Any
    along: Sequence[int | Fraction]
    rate: Callable[[Any], Any] | Sequence[Any] = ()

    kind = "convergence"

    def __post_init__(self) -> None:
        along = tuple(self.along)
        if any(isinstance(t, bool) or not isinstance(t, int | Fraction) or t <= 0 for t in along):
            raise FormulaError(f"along takes exact positive parameters, got {along}")
        steps = {t < u for t, u in pairwise(along)}
        if len(along) < 3 or len(steps) > 1 or len(set(along)) < len(along):
            raise FormulaError(f"along takes at least three parameters that increase or decrease, got {along}")
        object.__setattr__(self, "along", along)
        object.__setattr__(self, "limit", constant(self.limit))
        if self.limit.shape:
            raise ShapeError(f"a limit is a scalar, got the shape {self.limit.shape}")
        object.__setattr__(self, "sequence", _terms(self.sequence, along, "term"))
        object.__setattr__(self, "rate", _terms(self.rate, along, "bound") if self.rate != () else ())
        _check_constants(self.limit, *self.terms, *self.bounds)

    @property
    def terms(self) -> tuple[Expression, ...]:
        """The terms at the parameters."""
        return tuple(self.sequence)  # type: ignore[arg-type]

    @property
    def bounds(self) -> tuple[Expression, ...]:
        """The bounds on the distance of each term; none where no rate is claimed."""
        return tuple(self.rate)  # type: ignore[arg-type]

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """What is claimed of the terms, as relations of constants."""
        gaps = [term - self.limit for term in self.terms]
        closer = [less(after * after, before * before) for before, after in pairwise(gaps)]
        near = [at_most(side, b) for gap, b in zip(gaps, self.bounds, strict=False) for side in (gap, -gap)]
        return (clause("approaching", *closer), *((clause("within", *near),) if near else ()))

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return (*(c.name for c in self.clauses), "limit")

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {
            "kind": self.kind,
            "along": [str(t) for t in self.along],
            "terms": [to_json(term) for term in self.terms],
            "limit": to_json(self.limit),
            "bounds": [to_json(bound) for bound in self.bounds],
        }


def _terms(given: Callable[[Any], Any] | Sequence[Any], along: Sequence[Any], what: str) -> tuple[Expression, ...]:
    values: Iterable[Any] = map(given, along) if callable(given) else given
    found = tuple(constant(value) for value in values)
    if len(found) != len(along):
        raise FormulaError(f"there are {len(along)} parameters, but {len(found)} {what}s")
    if any(value.shape for value in found):
        raise ShapeError(f"each {what} is a scalar")
    return found


def _check_constants(*formulas: Expression) -> None:
    for formula in formulas:
        if formula.variables:
            raise FormulaError(f"nothing varies in a claim about constants, but {min(formula.variables)} does")


def _check_symmetric(matrix: Expression) -> None:
    if _symmetric_as_written(matrix):
        return
    try:
        field = AlgebraicNumbers([matrix])
        rows = field.evaluate(matrix)
        for i, row in enumerate(rows):
            for j, x in enumerate(row[:i]):
                if not (x is rows[j][i] or field.is_zero(x - rows[j][i])):
                    raise FormulaError(f"the matrix is not symmetric: its entries ({i}, {j}) and ({j}, {i}) differ")
    except Undecidable as reason:
        raise FormulaError(f"the matrix is not seen to be symmetric: {reason}") from None


def _symmetric_as_written(X: Expression) -> bool:
    """Whether a formula shows that its value is symmetric, as X Xᵀ and X S Xᵀ do: no entry need be computed."""
    if len(X.shape) != 2 or X.shape[0] != X.shape[1]:
        return False
    if X.op in ("identity", "ones", "zeros", "diagonal") or X is X.T:
        return True
    if X.op in ("add", "kron"):
        return all(map(_symmetric_as_written, X.args))
    if X.op in ("scale", "transpose"):
        return _symmetric_as_written(X.args[-1])
    if X.op == "matmul":
        left, right = X.args
        return right is left.T or (
            left.op == "matmul" and right is left.args[0].T and _symmetric_as_written(left.args[1])
        )
    if X.op == "blocks":
        n = X.data
        grid = [X.args[i : i + n] for i in range(0, len(X.args), n)]  # type: ignore[call-overload]
        pairs = all(grid[i][j] is grid[j][i].T for i in range(len(grid)) for j in range(i))
        return len(grid) == n and pairs and all(_symmetric_as_written(row[i]) for i, row in enumerate(grid))
    return False
