"""What is claimed: models, formulas, statements and closed forms. Pure mathematics: no files, no solver, no clock.

Names are imported when they are first used, so that a calculator need not wait for a proof's libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.claims import (
        Convergence,
        CriticalPoints,
        Experiment,
        GlobalMinimum,
        Identity,
        Inequality,
        Minimisation,
        NotGlobalMinimum,
        Spectrum,
        at_most,
        clause,
        equal,
        less,
    )
    from theory.closed_form.optimum import Optimum, optimum
    from theory.frames import deep_neural_collapse
    from theory.model import UnconstrainedFeatures
    from theory.spaces import nonnegative, psd, symmetric
    from theory.statement import Expected, Source, Statement, conjecture, find, statements, theorem

_HOME = {
    "Convergence": "claims",
    "CriticalPoints": "claims",
    "Expected": "statement",
    "Experiment": "claims",
    "GlobalMinimum": "claims",
    "Identity": "claims",
    "Inequality": "claims",
    "Minimisation": "claims",
    "NotGlobalMinimum": "claims",
    "Optimum": "closed_form.optimum",
    "Source": "statement",
    "Spectrum": "claims",
    "Statement": "statement",
    "UnconstrainedFeatures": "model",
    "at_most": "claims",
    "clause": "claims",
    "conjecture": "statement",
    "deep_neural_collapse": "frames",
    "equal": "claims",
    "find": "statement",
    "less": "claims",
    "nonnegative": "spaces",
    "optimum": "closed_form.optimum",
    "psd": "spaces",
    "statements": "statement",
    "symmetric": "spaces",
    "theorem": "statement",
}

__all__ = [
    "Convergence",
    "CriticalPoints",
    "Expected",
    "Experiment",
    "GlobalMinimum",
    "Identity",
    "Inequality",
    "Minimisation",
    "NotGlobalMinimum",
    "Optimum",
    "Source",
    "Spectrum",
    "Statement",
    "UnconstrainedFeatures",
    "at_most",
    "clause",
    "conjecture",
    "deep_neural_collapse",
    "equal",
    "find",
    "less",
    "nonnegative",
    "optimum",
    "psd",
    "statements",
    "symmetric",
    "theorem",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
