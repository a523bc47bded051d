"""How claims are checked: engines, certificates, the store of results and the command.

>>> from verify import examine
>>> from theory.statement import find
>>> examine(find("dang2023-value")[0], engines=[], count=0).verdict.conclusion
'undecided'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.empirical import program as program
    from verify.engines import Settings as Settings
    from verify.refute import Checked as Checked
    from verify.refute import check as check
    from verify.results import Examination as Examination
    from verify.runner import examine as examine
    from verify.runner import run as run
    from verify.store import Store as Store
    from verify.verdict import Evidence as Evidence
    from verify.verdict import Verdict as Verdict

_HOMES = {
    "Checked": "verify.refute",
    "check": "verify.refute",
    "Evidence": "verify.verdict",
    "Examination": "verify.results",
    "Settings": "verify.engines",
    "Store": "verify.store",
    "Verdict": "verify.verdict",
    "examine": "verify.runner",
    "program": "verify.empirical",
    "run": "verify.runner",
}

__all__ = ["Checked", "Evidence", "Examination", "Settings", "Store", "Verdict", "check", "examine", "program", "run"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command answers at once because nothing else is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
