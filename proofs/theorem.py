"""Theorems: accepted proofs, what follows from them in words, and what they entail about the claim of an instance.

``proofs/<id>.py`` (hyphens as underscores) has a function ``theorem()`` for the statement with that id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from proofs.kernel.axioms import AXIOMS
from proofs.kernel.proof import Proof, Step

Entails = Callable[..., Mapping[str, str]]
"""For a claim: clause by clause the empty text where the theorem entails it, else why it does not."""


@dataclass(frozen=True)
class Theorem:
    """A statement's proof: its sections, what follows, the classical facts that it cites, and what it entails."""

    id: str
    sections: tuple[tuple[str, Proof], ...]
    conclusion: str
    cites: tuple[str, ...]
    entails: Entails

    @property
    def axioms(self) -> dict[str, str]:
        """The classical facts that the proof rests on, with their text."""
        names = dict.fromkeys([*(name for _, proof in self.sections for name in proof.axioms), *self.cites])
        return {name: AXIOMS[name] for name in names}

    @property
    def gaps(self) -> list[Step]:
        """Steps that no rule accepts so far; what a theorem with a gap entails is not proved."""
        return [step for _, proof in self.sections for step in proof.gaps]


@cache
def find(id: str) -> Theorem | None:
    """The theorem for a statement, or None where it has no script.

    Raises:
        Rejected: when the kernel does not accept a step of the script.
    """
    name = f"proofs.{id.replace('-', '_')}"
    if not id.replace("-", "_").isidentifier() or find_spec(name) is None:
        return None
    script = getattr(import_module(name), "theorem", None)
    return None if script is None else script()
