"""Claims about numbers that a program measures; nothing about them is ever more than numerical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from theory.ops import FormulaError, variable
from theory.parameters import encoded
from theory.relations import Clause, check_scope, clauses_json


@dataclass(frozen=True)
class Experiment:
    """A program of ``verify.empirical``, run with these parameters, measures numbers that meet the clauses.

    The clauses are relations ≤ and < between scalar formulas over the measured numbers, as variables of their names. An
    experiment is examined in floating point: a clause holds (numerical), or is undecided with what was measured.

    Args:
        run: the name of the program.
        parameters: what it is called with besides a seed: models, rationals, integers, text, or tuples of these.
        full: what is examined instead where effort is ``full``: a paper's own sizes and lengths, as a rule. It has the
            same clauses by name.

    Raises:
        FormulaError: for clauses that compare by =, about no number, or about matrices; for other clauses in full.
        TypeError: for a parameter of another type.

    >>> from theory import UnconstrainedFeatures, at_most, clause
    >>> from theory.ops import variable
    >>> collapse = clause("NC1", at_most(variable("dang2023_nc1"), 1))
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/100")
    >>> Experiment("gradient descent", {"model": model, "steps": 100}, (collapse,)).clause_names
    ('NC1',)
    """

    run: str
    parameters: Mapping[str, Any] = field(hash=False)
    clauses: tuple[Clause, ...]
    full: Experiment | None = None

    kind = "experiment"

    def __post_init__(self) -> None:
        if not self.clauses:
            raise FormulaError("an experiment needs a clause")
        relations = [relation for c in self.clauses for relation in c.relations]
        check_scope(self.clauses, {v: variable(v) for v in self.measured})
        for relation in relations:
            if relation.sign == "=":
                raise FormulaError("a measured number never equals another: compare by at_most or less")
            if not relation.left.variables | relation.right.variables:
                raise FormulaError("a clause of an experiment mentions no measured number")
        if self.full is not None and self.full.clause_names != self.clause_names:
            raise FormulaError("the full experiment needs the clauses of the quick one")
        encoded(tuple(self.parameters.values()))

    @property
    def measured(self) -> tuple[str, ...]:
        """The numbers that the clauses speak of."""
        sides = [side for c in self.clauses for r in c.relations for side in (r.left, r.right)]
        return tuple(sorted(frozenset().union(*(side.variables for side in sides))))

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return tuple(c.name for c in self.clauses)

    def at(self, effort: str) -> Experiment:
        """What is examined at an effort, ``quick`` or ``full``."""
        return self.full if effort == "full" and self.full is not None else self

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        parameters = {name: encoded(value) for name, value in self.parameters.items()}
        plain = {"kind": self.kind, "run": self.run, "parameters": parameters, "clauses": clauses_json(self.clauses)}
        return plain if self.full is None else {**plain, "full": self.full.to_json()}
