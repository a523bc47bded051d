"""Every test has a store and a seal of its own, and numerical libraries one thread a process."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from verify.processors import ONE_THREAD

os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # before any of them is imported

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # of what a shell starts in the background; children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print which engine refuted which wrong version (see test_wrong_versions.py)."""
    reports = [r for status in ("passed", "failed") for r in terminalreporter.getreports(status)]
    rows = sorted(value for r in reports for name, value in r.user_properties if name == "wrong version")
    if not rows:
        return
    engines = list(rows[0][2])
    terminalreporter.section("wrong versions: who refuted what")
    width = max(len(f"{id}: {wrong}") for id, wrong, _, _ in rows)
    terminalreporter.write_line("".ljust(width) + "  " + "  ".join(engine.ljust(9) for engine in engines))
    for id, wrong, outcomes, reason in rows:
        cells = "  ".join(outcomes[engine].ljust(9) for engine in engines)
        terminalreporter.write_line(f"{id}: {wrong}".ljust(width) + f"  {cells}  {reason}".rstrip())
