"""The kinds of claim. A claim is one assertion about one instance, made of named clauses; it is data, not code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from theory.model import Problem, UnconstrainedFeatures
from theory.ops import Expression, FormulaError, ShapeError, constant, to_json, variable, walk

Point = Mapping[str, Expression]
"""Values for all variables of a problem, as exact constants."""


SIGNS = ("=", "≤", "<")

RESERVED = ("value", "attained", "uniqueness")
"""Clauses that every ``GlobalMinimum`` has by itself."""


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


def equal(left: Expression, right: Any) -> Relation:
    """The relation left = right."""
    return Relation(left, "=", constant(right))


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


@dataclass(frozen=True)
class GlobalMinimum:
    """The minimum is ``value``; each of ``minimisers`` attains it; every minimiser satisfies ``clauses``.

    ``unique`` says whether the invariants of a minimiser (the minimiser itself for a scalar problem; the products
    W_M ⋯ W_1 H̄ and their Gram matrices for a model) are the same for all minimisers; ``None`` makes no such claim.
    Clauses that engines report: ``value``, ``attained`` (where minimisers are given), those named, ``uniqueness``.
    """

    problem: Problem
    value: Expression
    minimisers: tuple[Point, ...] = ()
    clauses: tuple[Clause, ...] = ()
    unique: bool | None = None

    kind = "global minimum"

    def __post_init__(self) -> None:
        if self.value.shape or self.value.variables:
            raise FormulaError("the value of a minimum must be a constant scalar")
        _check_scope(self.clauses, self.problem.variables)
        taken = [c.name for c in self.clauses if c.name in RESERVED]
        if taken:
            raise FormulaError(f"every minimum has a clause {taken[0]} of its own; choose another name")
        for point in self.minimisers:
            _check_point(point, self.problem.variables)

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        attained = ("attained",) if self.minimisers else ()
        uniqueness = ("uniqueness",) if self.unique is not None else ()
        return ("value", *attained, *(c.name for c in self.clauses), *uniqueness)

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {
            "kind": self.kind,
            "problem": _problem_json(self.problem),
            "value": to_json(self.value),
            "minimisers": [_point_json(point) for point in self.minimisers],
            "clauses": _clauses_json(self.clauses),
            "unique": self.unique,
        }


@dataclass(frozen=True)
class CriticalPoints:
    """Every critical point of ``problem`` satisfies ``clauses``."""

    problem: Problem
    clauses: tuple[Clause, ...]

    kind = "critical points"

    def __post_init__(self) -> None:
        _check_scope(self.clauses, self.problem.variables)

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return tuple(c.name for c in self.clauses)

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {"kind": self.kind, "problem": _problem_json(self.problem), "clauses": _clauses_json(self.clauses)}


@dataclass(frozen=True, init=False)
class Inequality:
    """``left ≤ right`` for all values of the variables, with equality at ``tight`` where that is given.

    The sides are formulas over ``variables``; or functions, recorded once over variables of the shapes that are named.

    Raises:
        FormulaError, ShapeError: for sides that are no scalars, or that use or ignore a variable wrongly.

    >>> from theory.ops import trace
    >>> Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(2, 2)).variables["X"].shape
    (2, 2)
    """

    left: Expression
    right: Expression
    variables: Mapping[str, Expression]
    tight: tuple[Point, ...] = ()

    def __init__(
        self,
        left: Expression | Callable[..., Any],
        right: Expression | Callable[..., Any],
        variables: Mapping[str, Expression] | None = None,
        tight: tuple[Point, ...] = (),
        **shapes: tuple[int, ...],
    ) -> None:
        if (variables is None) == (not shapes):
            raise FormulaError("an inequality takes either its variables, or a shape for each by name")
        known = {name: variable(name, shape) for name, shape in shapes.items()} if variables is None else variables
        fields = {"left": _side(left, known), "right": _side(right, known), "variables": known, "tight": tight}
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        self._check()

    kind = "inequality"

    def _check(self) -> None:
        if self.left.shape or self.right.shape:
            raise ShapeError("an inequality compares scalars")
        _check_scope((Clause("inequality", (Relation(self.left, "≤", self.right),)),), self.variables)
        unused = sorted(set(self.variables) - self.left.variables - self.right.variables)
        if unused:
            raise FormulaError(f"the formula ignores the variable {unused[0]}")
        for point in self.tight:
            _check_point(point, self.variables)

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return ("inequality", *(("tight",) if self.tight else ()))

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {
            "kind": self.kind,
            "variables": {name: list(v.shape) for name, v in self.variables.items()},
            "sides": to_json(self.left, self.right),
            "tight": [_point_json(point) for point in self.tight],
        }


@dataclass(frozen=True)
class Identity:
    """Named clauses of relations between constants: nothing is minimised, and nothing varies.

    >>> from theory.ops import sqrt
    >>> Identity((clause("radicals", equal(sqrt(8), 2 * sqrt(2))),)).clause_names
    ('radicals',)
    """

    clauses: tuple[Clause, ...]

    kind = "identity"

    def __post_init__(self) -> None:
        if not self.clauses:
            raise FormulaError("an identity needs a clause")
        _check_scope(self.clauses, {})

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return tuple(c.name for c in self.clauses)

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {"kind": self.kind, "clauses": _clauses_json(self.clauses)}


@dataclass(frozen=True)
class NotGlobalMinimum:
    """Some point of the problem lies strictly below ``value``; that is its only clause, ``beaten``."""

    problem: Problem
    value: Expression

    kind = "beaten value"
    clause_names = ("beaten",)

    def __post_init__(self) -> None:
        if self.value.shape or self.value.variables:
            raise FormulaError("the value that is beaten must be a constant scalar")

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {"kind": self.kind, "problem": _problem_json(self.problem), "value": to_json(self.value)}


Claim = GlobalMinimum | NotGlobalMinimum | CriticalPoints | Inequality | Identity


@dataclass(frozen=True)
class Minimisation:
    """Minimise a formula over named variables; scalars named in ``nonnegative`` range over x ≥ 0."""

    objective: Expression
    variables: dict[str, Expression] = field(hash=False)
    nonnegative: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.objective.shape:
            raise ShapeError(f"an objective must be a scalar, got the shape {self.objective.shape}")
        unknown = _undeclared(self.objective, self.variables)
        if unknown:
            raise FormulaError(f"the objective uses {unknown[0]}, which is not a variable of the problem")
        unused = sorted(set(self.variables) - self.objective.variables)
        if unused:
            raise FormulaError(f"the objective ignores the variable {unused[0]}")
        for name in sorted(self.nonnegative):
            if name not in self.variables or self.variables[name].shape:
                raise FormulaError(f"{name} is not a scalar variable of the problem, so it cannot be nonnegative")

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        shapes = {name: list(v.shape) for name, v in self.variables.items()}
        return {"objective": to_json(self.objective), "variables": shapes, "nonnegative": sorted(self.nonnegative)}


def record(function: Callable[..., Any], variables: Mapping[str, Expression]) -> Expression:
    """Call a formula once with symbols: by name if all its parameters are declared names, else by position.

    >>> X = variable("X", (2, 2))
    >>> record(lambda X: X @ X, {"X": X}).shape
    (2, 2)
    """
    names = list(signature(function).parameters)
    if all(name in variables for name in names):
        return constant(function(**{name: variables[name] for name in names}))
    return constant(function(*variables.values()))


def _side(side: Expression | Callable[..., Any], variables: Mapping[str, Expression]) -> Expression:
    return side if isinstance(side, Expression) else record(side, variables)


def digest(claim: Claim) -> str:
    """A name for the claim by its content (SHA-256 of its canonical JSON)."""
    text = json.dumps(claim.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _undeclared(formula: Expression, variables: Mapping[str, Expression]) -> list[str]:
    """Variables of a formula that are not among those declared, or are there with another shape."""
    used = (node for node in walk(formula) if node.op == "variable")
    return sorted(str(node.data) for node in used if variables.get(str(node.data)) is not node)


def _check_scope(clauses: tuple[Clause, ...], variables: Mapping[str, Expression]) -> None:
    names = [c.name for c in clauses]
    if len(set(names)) != len(names):
        raise FormulaError(f"two clauses have the same name: {sorted(names)}")
    for c in clauses:
        for relation in c.relations:
            unknown = _undeclared(relation.left, variables) + _undeclared(relation.right, variables)
            if unknown:
                raise FormulaError(f"clause {c.name} uses {unknown[0]}, which is not a variable of the problem")


def _check_point(point: Point, variables: Mapping[str, Expression]) -> None:
    if set(point) != set(variables):
        raise FormulaError(f"a point must give {sorted(variables)}, got {sorted(point)}")
    for name, value in point.items():
        if value.shape != variables[name].shape:
            raise ShapeError(f"{name} has shape {variables[name].shape}, the point gives {value.shape}")
        if value.variables:
            raise FormulaError(f"the point's {name} is not a constant")


def _problem_json(problem: Problem) -> dict[str, Any]:
    if isinstance(problem, UnconstrainedFeatures):
        return {"model": problem.to_json()}
    if isinstance(problem, Minimisation):
        return {"minimisation": problem.to_json()}
    raise TypeError(f"unknown problem {type(problem).__name__}")


def _clauses_json(clauses: tuple[Clause, ...]) -> list[Any]:
    return [[c.name, [[r.sign, to_json(r.left, r.right)] for r in c.relations]] for c in clauses]


def _point_json(point: Point) -> dict[str, Any]:
    return {name: to_json(value) for name, value in point.items()}
