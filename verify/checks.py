"""Checks of conjectures that can be interrupted: what was attacked, and the best witness, are kept in the store."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from theory.statement import Statement
from verify.refute import Checked, Memory, Progress, check
from verify.store import Store, result_key
from verify.trace import lines, shown_point

NONE_REFUTED, SOME_REFUTED, NOT_EXAMINED = 0, 1, 3
"""Exit statuses of ``collapse check``."""


@dataclass(frozen=True)
class Reported:
    """A checked conjecture with its lines for a reader and the files of its certificates."""

    checked: Checked
    lines: tuple[str, ...]
    certificates: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The row of this conjecture in what ``collapse check --json`` writes."""
        checked, witness = self.checked, self.checked.witness
        found: Mapping[str, Any] | None = None
        if witness is not None:
            found = {
                "parameters": {name: str(value) for name, value in witness.parameters.items()},
                "clause": witness.found.clause,
                "detail": witness.found.detail,
                "start": witness.found.start,
                "points": [shown_point(witness, c) for c in witness.found.certificates if "point" in c],
            }
        return {
            "name": checked.name,
            "conclusion": checked.conclusion,
            "assurance": checked.assurance,
            "scope": "instances",
            "instances": checked.instances,
            "drawn": checked.drawn,
            "largest": checked.largest,
            "reason": checked.reason,
            "seconds": checked.seconds,
            "seed": checked.seed,
            "witness": found,
            "certificate": self.certificates[0] if self.certificates else None,
            "certificates": list(self.certificates),
        }


def resumed(
    conjecture: Statement,
    place: str,
    store: Store,
    budget: float,
    seed: int = 0,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda event: None,
    device: str = "auto",
) -> Reported:
    """Check a conjecture of a file, going on where an earlier check of the same file and seed stopped."""
    path = Path(place.partition("::")[0])
    text = sha256(path.read_bytes()).hexdigest()
    key = result_key({"check": conjecture.id, "file": text, "seed": seed})
    body = None if fresh else store.get(key)
    memory = Memory() if body is None else _remembered(body)

    def keep(memory: Memory) -> None:
        """The row is rewritten; certificates are files beside it."""
        certificates: Sequence[Mapping[str, Any]] = ()
        witness: Any = None
        if memory.witness is not None:
            instance, found = memory.witness
            certificates = found["certificates"]
            witness = [instance, {**found, "certificates": []}]
        row = {"attacked": memory.attacked, "witness": witness, "runs": memory.runs}
        store.put(key, f"check {conjecture.id}", row, certificates)

    checked = check(conjecture, budget, seed, progress, memory, keep, device)
    command = f"collapse check {shlex.quote(f'{path}::{conjecture.id}')} --budget {budget:g} --seed {seed}"
    files = tuple(str(store.path(c)) for c in checked.witness.found.certificates) if checked.witness else ()
    shown = (*lines(checked, command), *(f"  certificate: {file}" for file in files))
    return Reported(checked, shown, files)


def _remembered(body: Mapping[str, Any]) -> Memory:
    attacked = {name: float(effort) for name, effort in body["attacked"].items()}
    memory = Memory(attacked, runs=int(body["runs"]))
    if body["witness"] is not None:
        instance, found = body["witness"]
        memory.witness = (instance, {**found, "certificates": body["certificates"]})
    return memory


def exit_status(results: Iterable[Reported]) -> int:
    """1 when any conjecture is refuted, else 3 when any could not be examined, else 0."""
    checked = [found.checked for found in results]
    if any(one.conclusion == "refuted" for one in checked):
        return SOME_REFUTED
    return NONE_REFUTED if all(one.examined for one in checked) else NOT_EXAMINED
