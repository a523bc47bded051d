"""Drawn instances of statements, the same for all tests of a statement: drawing them takes longer than most tests."""

from __future__ import annotations

from functools import cache
from typing import Any

from theory.statement import statements

DRAWN = 40
"""Instances drawn to find some on which a wrong version differs from the right one."""


@cache
def drawn(id: str) -> list[dict[str, Any]]:
    """The witness, drawn parameters, and the statement's own configurations."""
    statement = statements()[id]
    return [dict(statement.witness), *statement.draw(DRAWN), *map(dict, statement.configurations)]
