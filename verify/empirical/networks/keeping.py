"""What a run of training keeps at each checkpoint: parameters and Adam's means, and the looks so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verify.empirical.keeping import Archive, digest_of
from verify.empirical.networks.training import State, Vector
from verify.store import Store


@dataclass
class Run:
    """The looks so far, and the state after the last of them (None before the first)."""

    looks: list[dict[str, Any]] = field(default_factory=list)
    state: State | None = None


class Keeper:
    """Keeps one run, known by its settings and its data, in a store."""

    def __init__(self, store: Store, settings: Mapping[str, Any], images: Vector) -> None:
        self.archive = Archive(store, "networks", {"settings": dict(settings), "data": digest_of(images)})

    def load(self) -> Run:
        """What is kept of the run; an empty one where the file is missing or altered."""
        kept = self.archive.load()
        if kept is None:
            return Run()
        measured, arrays = kept
        x, mean, square = (arrays[name] for name in ("parameters", "mean", "square"))
        return Run(measured["looks"], State(int(arrays["step"]), x, mean, square, float(arrays["seconds"])))

    def save(self, run: Run) -> None:
        """Keep looks and state.

        Raises:
            BadInput: when the folder cannot be written.
        """
        assert run.state is not None
        self.archive.save(run.state.step, {"looks": run.looks}, vars(run.state))
