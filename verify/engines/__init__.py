"""The engines: independent ways to examine a claim, one module each.

A module ``verify/engines/<name>.py`` has a function ``examine(instance, settings)`` that returns evidence, and raises
``verify.verdict.Unable`` for a claim that it cannot examine. It may say on how many drawn instances of a statement it
runs, as a literal ``INSTANCES = {"quick": 20, "full": 200}``; a statement's witness and configurations come on top.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from verify.errors import BadInput

if TYPE_CHECKING:
    from theory.statement import Instance
    from verify.verdict import Evidence

ENGINES = ("symbolic", "precision", "convex", "descent", "sampling")
REFUTER = "refuter"
"""What attacks a statement as a whole, smallest instances first (``verify.refute``), beside the engines."""

DEVICES = ("auto", "cpu", "cuda")
EFFORTS = ("quick", "full")

DRAWN = {"quick": 20, "full": 200}
"""Drawn instances of a statement that an engine examines unless it says otherwise."""


@dataclass(frozen=True)
class Settings:
    """How engines run: on which device, from which seed, how hard.

    Raises:
        BadInput: for an unknown device or effort.

    >>> Settings(effort="full").device
    'auto'
    """

    device: str = "auto"
    seed: int = 0
    effort: str = "quick"

    def __post_init__(self) -> None:
        for name, value, known in (("device", self.device, DEVICES), ("effort", self.effort, EFFORTS)):
            if value not in known:
                raise BadInput(f"{name} must be one of {', '.join(known)}, got {value!r}")


class Engine(Protocol):
    """One independent way to examine a claim."""

    def examine(self, instance: Instance, settings: Settings) -> Evidence:
        """Return what was found; raise ``Unable`` for a claim that this engine cannot examine."""
        ...


def load(name: str) -> Engine:
    """Import an engine by its name; its libraries are imported only now.

    Raises:
        BadInput: when there is no such engine.
    """
    if name not in ENGINES:
        raise BadInput(f"no engine is called {name!r}; there are {', '.join(ENGINES)}")
    return cast(Engine, import_module(f"{__name__}.{name}"))


@cache
def drawn(name: str, effort: str) -> int:
    """On how many drawn instances of a statement an engine runs.

    Read from the module's text: importing torch and CVXPY to plan a run would take seconds.

    >>> drawn("symbolic", "quick") > 0
    True
    """
    path = Path(__file__).with_name(f"{name}.py")
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "INSTANCES" for t in node.targets):
            return int(ast.literal_eval(node.value)[effort])
    return DRAWN[effort]
