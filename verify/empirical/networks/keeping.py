"""What a run keeps at each checkpoint, so that one that was stopped goes on where it was.

Parameters and Adam's means are an ``.npz`` file in the folder of results, named by run and step; the looks so far, and
the digest of that file, are a sealed row of the store. The file is written before the row and the older one removed
after it: whenever the process dies, the last finished checkpoint is there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from verify.empirical.networks.training import State, Vector
from verify.errors import BadInput
from verify.store import Store, result_key


@dataclass
class Run:
    """The looks so far, and the state after the last of them (None before the first)."""

    looks: list[dict[str, Any]] = field(default_factory=list)
    state: State | None = None


class Keeper:
    """Keeps one run, known by its settings and its data, in a store."""

    def __init__(self, store: Store, settings: Mapping[str, Any], images: Vector) -> None:
        data = hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
        self.store, self.key = store, result_key({"run": "network", "settings": dict(settings), "data": data})
        self.folder = store.folder / "networks"

    def load(self) -> Run:
        """What is kept of the run; an empty one where the file is missing or altered."""
        row = self.store.get(self.key)
        if row is None:
            return Run()
        path = self._path(row["looks"][-1]["step"])
        if not path.is_file() or _digest(path) != row["digest"]:
            return Run()
        with np.load(path, allow_pickle=False) as arrays:
            x, mean, square = (arrays[name] for name in ("parameters", "mean", "square"))
            return Run(row["looks"], State(int(arrays["step"]), x, mean, square, float(arrays["seconds"])))

    def save(self, run: Run) -> None:
        """Keep looks and state.

        Raises:
            BadInput: when the folder cannot be written.
        """
        assert run.state is not None
        path = self._path(run.state.step)
        new = path.with_suffix(".new")
        try:
            self.folder.mkdir(exist_ok=True)
            with new.open("wb") as file:
                np.savez(file, **vars(run.state))
            os.replace(new, path)
        except OSError as error:
            raise BadInput(f"{path} cannot be written ({error.strerror}); name another COLLAPSE_HOME") from None
        self.store.put(self.key, "network", {"looks": run.looks, "digest": _digest(path)})
        for old in self.folder.glob(f"{self.key}-*.npz"):
            if old != path:
                old.unlink(missing_ok=True)

    def _path(self, step: int) -> Path:
        return self.folder / f"{self.key}-{step}.npz"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
