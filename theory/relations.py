"""Relations between formulas, and the clauses that claims are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from theory.ops import Expression, FormulaError, ShapeError, constant, to_json, walk

Point = Mapping[str, Expression]
"""Values for all variables of a problem, as exact constants."""

SIGNS = ("=", "≤", "<")


@dataclass(frozen=True)
class Relation:
    """``left = right``, ``left ≤ right`` or ``left < right``, entrywise."""

    left: Expression
    sign: str
    right: Expression

    def __post_init__(self) -> None:
        if self.sign not in SIGNS:
            raise FormulaError(f"a relation is one of {', '.join(SIGNS)}, got {self.sign!r}")
        if self.left.shape != self.right.shape:
            raise ShapeError(f"the sides of a relation have shapes {self.left.shape} and {self.right.shape}")


def equal(left: Any, right: Any) -> Relation:
    """The relation left = right."""
    return Relation(constant(left), "=", constant(right))


def at_most(left: Any, right: Any) -> Relation:
    """The relation left ≤ right."""
    return Relation(constant(left), "≤", constant(right))


def less(left: Any, right: Any) -> Relation:
    """The relation left < right."""
    return Relation(constant(left), "<", constant(right))


@dataclass(frozen=True)
class Clause:
    """A named part of a claim: relations between the variables that hold together."""

    name: str
    relations: tuple[Relation, ...]

    def __post_init__(self) -> None:
        if not self.relations:
            raise FormulaError(f"the clause {self.name} says nothing: it has no relation")


def clause(name: str, *relations: Relation) -> Clause:
    """A clause made of relations."""
    return Clause(name, relations)


def called(function: Callable[..., Any], variables: Mapping[str, Any], what: str = "a formula") -> Any:
    """Call a function once with symbols: by name if all its parameters are declared names, by position if none is.

    Raises:
        FormulaError: for parameters of which only some are the variables' names, or that are more or fewer.
    """
    names = list(signature(function).parameters)
    if all(name in variables for name in names):
        return function(**{name: variables[name] for name in names})
    if len(names) != len(variables) or any(name in variables for name in names):
        unknown = next(name for name in names if name not in variables)
        raise FormulaError(f"{what} takes {unknown}, which is not a variable: there are {', '.join(variables)}")
    return function(*variables.values())


def record(function: Callable[..., Any], variables: Mapping[str, Expression]) -> Expression:
    """The formula that a function makes of symbols; see ``called``.

    >>> from theory.ops import variable
    >>> X = variable("X", (2, 2))
    >>> record(lambda X: X @ X, {"X": X}).shape
    (2, 2)
    """
    return constant(called(function, variables))


def undeclared(formula: Expression, variables: Mapping[str, Expression]) -> list[str]:
    """Variables of a formula that are not among those declared, or are there with another shape."""
    used = (node for node in walk(formula) if node.op == "variable")
    return sorted(str(node.data) for node in used if variables.get(str(node.data)) is not node)


def check_scope(clauses: tuple[Clause, ...], variables: Mapping[str, Expression]) -> None:
    """Require different names, and formulas over the variables alone."""
    names = [c.name for c in clauses]
    if len(set(names)) != len(names):
        raise FormulaError(f"two clauses have the same name: {sorted(names)}")
    for c in clauses:
        for relation in c.relations:
            unknown = undeclared(relation.left, variables) + undeclared(relation.right, variables)
            if unknown:
                raise FormulaError(f"clause {c.name} uses {unknown[0]}, which is not a variable of the problem")


def check_point(point: Point, variables: Mapping[str, Expression]) -> None:
    """Require a constant of its shape for each of the variables."""
    if set(point) != set(variables):
        raise FormulaError(f"a point must give {sorted(variables)}, got {sorted(point)}")
    for name, value in point.items():
        if value.shape != variables[name].shape:
            raise ShapeError(f"{name} has shape {variables[name].shape}, the point gives {value.shape}")
        if value.variables:
            raise FormulaError(f"the point's {name} is not a constant")


def clauses_json(clauses: tuple[Clause, ...]) -> list[Any]:
    """Clauses as plain data: [name, relations]."""
    return [[c.name, [[r.sign, to_json(r.left, r.right)] for r in c.relations]] for c in clauses]


def point_json(point: Point) -> dict[str, Any]:
    """A point as plain data."""
    return {name: to_json(value) for name, value in point.items()}
