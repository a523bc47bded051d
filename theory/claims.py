"""The kinds of claim. A claim is one assertion about one instance, made of named clauses; it is data, not code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from theory.constants import Convergence, Identity, Spectrum
from theory.experiment import Experiment
from theory.inequality import Inequality
from theory.model import Problem, UnconstrainedFeatures
from theory.ops import Expression, FormulaError, ShapeError, constant, to_json
from theory.relations import (
    Clause,
    Point,
    Relation,
    at_most,
    check_point,
    check_scope,
    clause,
    clauses_json,
    equal,
    less,
    point_json,
    record,
    undeclared,
)

__all__ = [
    "Claim",
    "Clause",
    "Constants",
    "Convergence",
    "CriticalPoints",
    "Experiment",
    "GlobalMinimum",
    "Identity",
    "Inequality",
    "Minimisation",
    "NotGlobalMinimum",
    "Point",
    "Relation",
    "Spectrum",
    "at_most",
    "clause",
    "digest",
    "equal",
    "less",
    "record",
]

RESERVED = ("value", "attained", "uniqueness")
"""Clauses that every ``GlobalMinimum`` has by itself."""


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
        object.__setattr__(self, "value", constant(self.value))
        if self.value.shape or self.value.variables:
            raise FormulaError("the value of a minimum must be a constant scalar")
        check_scope(self.clauses, self.problem.variables)
        taken = [c.name for c in self.clauses if c.name in RESERVED]
        if taken:
            raise FormulaError(f"every minimum has a clause {taken[0]} of its own; choose another name")
        for point in self.minimisers:
            check_point(point, self.problem.variables)

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
            "minimisers": [point_json(point) for point in self.minimisers],
            "clauses": clauses_json(self.clauses),
            "unique": self.unique,
        }


@dataclass(frozen=True)
class CriticalPoints:
    """Every critical point of ``problem`` satisfies ``clauses``.

    Where a ``curvature`` is given, the least eigenvalue of the Hessian there is at most that formula: a clause of its
    own, ``curvature``. Where the formula is negative the point is a strict saddle.

    Raises:
        FormulaError, ShapeError: for a curvature that is no scalar, or uses what is no variable of the problem.

    >>> from theory.ops import variable
    >>> x = variable("x")
    >>> CriticalPoints(Minimisation(x**4 - x**2, {"x": x}), (), 12 * x**2 - 2).clause_names
    ('curvature',)
    """

    problem: Problem
    clauses: tuple[Clause, ...]
    curvature: Expression | None = None

    kind = "critical points"

    def __post_init__(self) -> None:
        check_scope(self.clauses, self.problem.variables)
        if self.curvature is None:
            return
        bound = constant(self.curvature)
        object.__setattr__(self, "curvature", bound)
        if bound.shape:
            raise ShapeError(f"a curvature must be a scalar, got the shape {bound.shape}")
        if unknown := undeclared(bound, self.problem.variables):
            raise FormulaError(f"the curvature uses {unknown[0]}, which is not a variable of the problem")
        if "curvature" in self.clause_names[:-1]:
            raise FormulaError("this claim has a clause curvature of its own; choose another name")

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return (*(c.name for c in self.clauses), *(() if self.curvature is None else ("curvature",)))

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        bound = {} if self.curvature is None else {"curvature": to_json(self.curvature)}
        clauses = clauses_json(self.clauses)
        return {"kind": self.kind, "problem": _problem_json(self.problem), "clauses": clauses, **bound}


@dataclass(frozen=True)
class NotGlobalMinimum:
    """Some point of the problem lies strictly below ``value``; that is its only clause, ``beaten``."""

    problem: Problem
    value: Expression

    kind = "beaten value"
    clause_names = ("beaten",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", constant(self.value))
        if self.value.shape or self.value.variables:
            raise FormulaError("the value that is beaten must be a constant scalar")

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {"kind": self.kind, "problem": _problem_json(self.problem), "value": to_json(self.value)}


Constants = Identity | Spectrum | Convergence
"""Claims in which nothing varies."""

Claim = GlobalMinimum | NotGlobalMinimum | CriticalPoints | Inequality | Constants | Experiment


@dataclass(frozen=True)
class Minimisation:
    """Minimise a formula over named variables; scalars named in ``nonnegative`` range over x ≥ 0."""

    objective: Expression
    variables: dict[str, Expression] = field(hash=False)
    nonnegative: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.objective.shape:
            raise ShapeError(f"an objective must be a scalar, got the shape {self.objective.shape}")
        unknown = undeclared(self.objective, self.variables)
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


def digest(claim: Claim) -> str:
    """A name for the claim by its content (SHA-256 of its canonical JSON)."""
    text = json.dumps(claim.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _problem_json(problem: Problem) -> dict[str, Any]:
    if isinstance(problem, UnconstrainedFeatures):
        return {"model": problem.to_json()}
    if isinstance(problem, Minimisation):
        return {"minimisation": problem.to_json()}
    raise TypeError(f"unknown problem {type(problem).__name__}")
