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

    >>> require_writable("/dev/null/a.csv", "--csv")
    Traceback (most recent call last):
    verify.errors.BadInput: --csv /dev/null/a.csv: cannot be written (Not a directory)
    """
    if path in (None, "-"):
        return
    with _sentence(str(path), option):
        place = Path(str(path)).resolve()
        if place.is_file() or place.is_dir():
            with place.open("a"):
                pass
        if _is_ordinary(place):
            with _beside(place).open("x"):
                pass
            _beside(place).unlink()


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
        place = Path(path).resolve()
        if not _is_ordinary(place):
            with place.open("w", encoding="utf-8", newline="") as file:
                yield file
            return
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
    return place.is_file() or not place.exists()


def _beside(place: Path) -> Path:
    return place.with_name(f".collapse.{os.getpid()}.tmp")


@contextmanager
def _sentence(path: str, option: str, advice: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"{option} {path}: cannot be written ({error.strerror}){advice}") from error
