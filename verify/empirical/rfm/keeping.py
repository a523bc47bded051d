"""What a run of Deep RFM keeps at each layer: the features that enter the next one, and what was measured so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from verify.empirical.data import Task
from verify.empirical.keeping import Archive, digest_of
from verify.empirical.rfm.layers import Layer, Settings, State, start
from verify.store import Store


@dataclass
class Run:
    """What is known of a run: the layers so far, the accuracies of the last predictor once all are done, the state."""

    layers: list[Layer] = field(default_factory=list)
    output: dict[str, float] | None = None
    state: State | None = None


class Keeper:
    """Keeps one run, of a task with some settings, in a store."""

    def __init__(self, store: Store, task: Task, settings: Settings) -> None:
        self.task = task
        data = digest_of(task.train, task.labels, task.test, task.test_labels)
        self.archive = Archive(store, "rfm", {"settings": settings.to_json(), "data": data})

    def load(self, device: str, fresh: bool = False) -> Run:
        """What is kept of the run; nothing where a file is missing or altered, or a fresh start is asked for."""
        kept = None if fresh else self.archive.load()
        if kept is None:
            return Run(state=start(self.task, device))
        measured, arrays = kept
        run = Run([Layer.from_json(layer) for layer in measured["layers"]], measured["output"])
        if run.output is None:
            train, test = (torch.as_tensor(arrays[name], device=device) for name in ("train", "test"))
            run.state = State(len(run.layers), train, test)
        return run

    def save(self, run: Run) -> None:
        """Keep the layers and the state; of a run that is done the state is not needed.

        Raises:
            BadInput: when the folder cannot be written.
        """
        measured = {"layers": [layer.to_json() for layer in run.layers], "output": run.output}
        state = run.state if run.output is None else None
        arrays = None if state is None else {"train": state.train.cpu().numpy(), "test": state.test.cpu().numpy()}
        self.archive.save(len(run.layers), measured, arrays)


def plain(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """A finished run as plain data."""
    return {"layers": [layer.to_json() for layer in run.layers], "output": run.output, "settings": settings}
