"""What a long run keeps on its way, so that one that was stopped goes on where it was.

Arrays are an ``.npz`` file in the folder of results, named by run and place; what was measured so far, and the digest
of that file, are a sealed row of the store. The file is written before the row and the older one removed after it:
whenever the process dies, the last finished place is there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.errors import BadInput
from verify.store import Store, result_key

Arrays = Mapping[str, Any]
"""Arrays and numbers by name."""


class Archive:
    """Keeps one run in a store.

    Args:
        kind: of the run, which names its folder.
        parts: the settings and data by which the run is known, as plain data.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Store(Path(folder)) as store:
    ...     archive = Archive(store, "counts", {"to": 9})
    ...     archive.save(3, {"seen": [1, 2, 3]}, {"x": np.ones(2)})
    ...     archive.load()
    ({'seen': [1, 2, 3]}, {'x': array([1., 1.])})
    """

    def __init__(self, store: Store, kind: str, parts: Mapping[str, Any]) -> None:
        self.store, self.kind, self.key = store, kind, result_key({"run": kind, **parts})
        self.folder = store.folder / kind

    def load(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """Measurements and arrays of the last place; None where there are none, or the file is missing or altered."""
        row = self.store.get(self.key)
        if row is None or not row["digest"]:
            return None if row is None else (row["measured"], {})
        path = self._path(row["place"])
        try:
            if _digest(path) != row["digest"]:
                return None
            with np.load(path, allow_pickle=False) as arrays:
                return row["measured"], dict(arrays)
        except FileNotFoundError:  # another run of the same settings may be further on
            return None

    def save(self, place: int, measured: Mapping[str, Any], arrays: Arrays | None) -> None:
        """Keep measurements and arrays; a run that is done needs none.

        Raises:
            BadInput: when the folder cannot be written.
        """
        path = self._path(place)
        digest = "" if arrays is None else self._write(path, arrays)
        self.store.put(self.key, self.kind, {"measured": dict(measured), "place": place, "digest": digest})
        for old in self.folder.glob(f"{self.key}-*.npz"):
            if arrays is None or old != path:
                old.unlink(missing_ok=True)

    def _path(self, place: int) -> Path:
        return self.folder / f"{self.key}-{place}.npz"

    def _write(self, path: Path, arrays: Arrays) -> str:
        new = path.with_suffix(f".{os.getpid()}.new")
        try:
            self.folder.mkdir(exist_ok=True)
            with new.open("wb") as file:
                np.savez(file, **arrays)
            digest = _digest(new)
            os.replace(new, path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise BadInput(
                f"{path} cannot be written ({error.strerror}); name another folder in COLLAPSE_HOME"
            ) from None
        return digest


def digest_of(*arrays: NDArray[Any]) -> str:
    """A digest of arrays, their types and shapes.

    >>> digest_of(np.zeros(2)) == digest_of(np.zeros((2, 1)))
    False
    """
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
