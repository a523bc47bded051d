"""Files that are written whole or not at all: what stood there stays until all of the new text is on the disk."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from verify.errors import BadInput


def require_writable(path: str | None, option: str) -> None:
    """Find out before the work, not after it, that a file cannot be written; nothing is left of it.

    Raises:
        BadInput: naming the option and the file.

    >>> require_writable("/none/a.csv", "--csv")
    Traceback (most recent call last):
    verify.errors.BadInput: --csv /none/a.csv: cannot be written (No such file or directory)
    """
    if path in (None, "-"):
        return
    with _sentence(str(path), option):
        place = Path(str(path))
        if not place.is_fifo() and (place.exists() or not _is_ordinary(place)):  # a pipe may wait for its reader
            with place.open("a"):
                pass
        if _is_ordinary(place):
            new = _beside(place.resolve())
            with new.open("w"):
                pass
            new.unlink()


@contextmanager
def written(path: str, option: str, advice: str = "") -> Iterator[TextIO]:
    """A text file that takes its place when the block ends well; standard output for ``-``.

    A device or a pipe is written as it is.

    Raises:
        BadInput: naming the option and the file; ``advice`` says what to do.
    """
    if path == "-":
        yield sys.stdout
        return
    with _sentence(path, option, advice):
        if not _is_ordinary(Path(path)):
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                yield file
            return
        place = Path(path).resolve()  # a link stays one
        new = _beside(place)
        try:
            with new.open("w", encoding="utf-8", newline="") as file:
                yield file
            if place.exists():
                shutil.copymode(place, new)
            os.replace(new, place)
        finally:
            new.unlink(missing_ok=True)


def _is_ordinary(place: Path) -> bool:
    """Whether a new file may take its place: not that of a pipe, a device, or whatever /dev/stdout is."""
    return (place.is_file() or not place.exists()) and place.parent.resolve().parts[1:2] not in (("dev",), ("proc",))


def _beside(place: Path) -> Path:
    return place.with_name(f".collapse.{os.getpid()}.tmp")


@contextmanager
def _sentence(path: str, option: str, advice: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"{option} {path}: cannot be written ({error.strerror}){advice}") from error
