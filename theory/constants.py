"""Claims about constants: nothing is minimised, and nothing varies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.ops import FormulaError
from theory.relations import Clause, check_scope, clauses_json


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
