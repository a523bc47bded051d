"""Re-checking certificates from their JSON alone, before they are believed or reported.

``verify.checker`` does it, in this process for the store, and in an interpreter of its own for ``collapse recheck``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from verify import checker
from verify.errors import BadInput

TOGETHER = 100
"""Files that one interpreter checks."""


def recheck(certificate: Any) -> str:
    """Accept a certificate and return what it shows.

    Raises:
        checker.Rejected: saying why.
    """
    return checker.check(checker.load(json.dumps(certificate)))


def files(paths: Sequence[str]) -> list[Path]:
    """The named files, and the certificates (``*.json``) in named folders.

    Raises:
        BadInput: when something does not exist, or a folder holds no certificate.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside or not path.exists():
            raise BadInput(f"{path} {'holds no certificate' if path.is_dir() else 'does not exist'}")
        found += inside
    return found


@dataclass(frozen=True)
class Rechecked:
    """What the checker said about one file."""

    path: str
    accepted: bool
    text: str


def in_separate_interpreter(paths: Sequence[Path]) -> Iterator[Rechecked]:
    """Run the checker on files in an interpreter without this project, and without site packages."""
    script = Path(checker.__file__)
    for start in range(0, len(paths), TOGETHER):
        some = [str(path) for path in paths[start : start + TOGETHER]]
        command = [sys.executable, "-I", "-S", str(script), *some]
        found = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
        lines = found.stdout.splitlines()
        for path, line in zip_longest(some, lines, fillvalue=""):
            said = line.removeprefix(f"{path}: ")
            accepted = said.startswith("accepted: ")
            yield Rechecked(path, accepted, said.split(": ", 1)[-1] or "the checker ended without a word")
