"""What a run of Deep RFM keeps, layer by layer, so that one that was stopped goes on where it was.

The features that enter the next layer are an ``.npz`` file in the folder of results, named by run and layer; what was
measured so far, and the digest of that file, are a sealed row of the store. The file is written before the row, the
older one is removed after it: whenever the process dies, the last finished layer is there.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from verify.empirical.data import Task
from verify.empirical.rfm.layers import Layer, Settings, State, start
from verify.errors import BadInput
from verify.store import Store, result_key


@dataclass
class Run:
    """What is known of a run: the layers so far, the accuracies of the last predictor once all are done, the state."""

    layers: list[Layer] = field(default_factory=list)
    output: dict[str, float] | None = None
    state: State | None = None


class Keeper:
    """Keeps one run, of a task with some settings, in a store."""

    def __init__(self, store: Store, task: Task, settings: Settings) -> None:
        self.store, self.task = store, task
        self.key = result_key({"run": "deep rfm", "settings": settings.to_json(), "data": _digest_of(task)})
        self.folder = store.folder / "rfm"

    def load(self, device: str, fresh: bool = False) -> Run:
        """What is kept of the run; nothing where a file is missing or altered, or a fresh start is asked for."""
        row = None if fresh else self.store.get(self.key)
        if row is None:
            return Run(state=start(self.task, device))
        run = Run([Layer.from_json(layer) for layer in row["layers"]], row["output"])
        if run.output is None:
            run.state = self._state(len(run.layers), row["features"], device)
        return run if run.output or run.state else Run(state=start(self.task, device))

    def save(self, run: Run) -> None:
        """Keep the layers and the state; of a run that is done the state is not needed.

        Raises:
            BadInput: when the folder cannot be written.
        """
        digest = self._write(run.state) if run.output is None and run.state else ""
        row = {"layers": [layer.to_json() for layer in run.layers], "output": run.output, "features": digest}
        self.store.put(self.key, "deep rfm", row)
        for old in self.folder.glob(f"{self.key}-*.npz"):
            if old != self._path(len(run.layers)) or run.output:
                old.unlink(missing_ok=True)

    def _path(self, layer: int) -> Path:
        return self.folder / f"{self.key}-{layer}.npz"

    def _write(self, state: State) -> str:
        path = self._path(state.layer)
        new = path.with_suffix(".new")
        try:
            self.folder.mkdir(exist_ok=True)
            with new.open("wb") as file:
                np.savez(file, train=state.train.cpu().numpy(), test=state.test.cpu().numpy())
            os.replace(new, path)
        except OSError as error:
            raise BadInput(
                f"{path} cannot be written ({error.strerror}); name another folder in COLLAPSE_HOME"
            ) from None
        return _digest_of_file(path)

    def _state(self, layer: int, digest: str, device: str) -> State | None:
        path = self._path(layer)
        if not path.is_file() or _digest_of_file(path) != digest:
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return State(layer, *(torch.as_tensor(arrays[name], device=device) for name in ("train", "test")))


def _digest_of(task: Task) -> str:
    found = hashlib.sha256()
    for array in (task.train, task.labels, task.test, task.test_labels):
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """A finished run as plain data."""
    return {"layers": [layer.to_json() for layer in run.layers], "output": run.output, "settings": settings}
