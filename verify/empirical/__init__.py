"""Programs that measure: each takes a seed and plain parameters, and returns named numbers.

An ``Experiment`` names its program; what stands in a claim is looked up here, never run as code. A file of one's own
registers a program with ``@program("name")``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

Program = Callable[..., Mapping[str, float]]

MODULES = (
    "gradient_descent",
    "deep_linear",
    "deep_relu",
    "curvature",
    "rfm.program",
    "networks.experiments",
    "networks.ansatz",
    "networks.pyramid",
)
"""Modules of this folder that register programs."""

_programs: dict[str, Program] = {}


def program(name: str) -> Callable[[Program], Program]:
    """Register the decorated function ``run(*, seed, …)`` under a name.

    Raises:
        ValueError: when another function has the name.
    """

    def register(run: Program) -> Program:
        known = _programs.get(name)
        if known is not None and _place(known) != _place(run):  # importing a module again is no conflict
            raise ValueError(f"two programs are called {name!r}")
        _programs[name] = run
        return run

    return register


def programs() -> dict[str, Program]:
    """All programs by name."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
    return dict(_programs)


def _place(run: Any) -> tuple[str, str]:
    return run.__module__, run.__qualname__
