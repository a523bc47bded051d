"""Runs under load: kills at random moments, a full disk, stores that are broken, read-only or somebody else's."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import fakes
import load
import pytest

import theory.statement
from verify import runner, store
from verify.cli import main
from verify.errors import BadInput
from verify.runner import run, stored
from verify.store import Store
from verify.work import Registry

REGISTRY = fakes.registry()
SQUARE, OTHER = (fakes.statements()[name] for name in ("fake-square", "fake-other"))


def finished(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors of Python with these arguments, in this folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=Path(__file__).parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc")
def test_fifty_kills(tmp_path: Path) -> None:
    log, alone = str(tmp_path / "log"), str(tmp_path / "alone")
    status, output, errors = finished("load.py", "kills", "50", FAKE_LOG=log, FAKE_SECONDS="0.02")
    assert status == 0, errors
    first, *verdicts = output.splitlines()
    killed, items = (int(word) for word in first.split() if word.isdigit())
    assert killed >= 50
    assert items
    whole = finished("load.py", "run", FAKE_LOG=alone, FAKE_SECONDS="0", COLLAPSE_HOME=str(tmp_path / "new"))
    assert verdicts == whole[1].splitlines()
    assert set(load.examined(Path(log))) == set(load.examined(Path(alone)))


def test_a_run_beside_one_that_is_killed(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    status, output, errors = finished("load.py", "pair", FAKE_LOG=log, FAKE_SECONDS="0.01")
    assert status == 0, errors
    verdicts = [
        f"many: holds on {load.INSTANCES} instances (certified), status 0",
        "few: refuted on 1 instance (certified), status 1",
    ]
    assert sorted(output.splitlines()) == sorted(3 * verdicts)


def test_runs_that_make_the_same_store_at_once() -> None:
    status, output, errors = finished("load.py", "openings")
    assert (status, output) == (0, "12 stores\n"), errors


# ------------------------------------------------------------------------------------------------- no room, no right


def test_a_full_disk_keeps_what_is_finished(
    fake_command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    limit = "import fakes, resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); "
    command = "fakes.command('verify', 'fake-square', '--engine=sealing', '--engine=certified', '--jobs=1')"
    status, output, errors = finished("-c", limit + command, FAKE_LOG=str(log))
    assert (status, output) == (2, "")
    assert errors.startswith(f"collapse: the store {store.home()}/results.sqlite cannot be written (")
    assert errors.endswith("); make room for it; what is finished is kept, or name another folder in COLLAPSE_HOME\n")
    before = load.kept()
    assert 0 < len(before) < 8
    status, anew = examined_by(partial(fake_command, "--engine", "certified"), monkeypatch, log)
    assert (status, anew) == (0, 8 - len(before))
    assert len(load.kept()) == 8


@pytest.mark.usefixtures("in_process")
def test_no_room_for_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Store() as kept:
        with monkeypatch.context() as patched:
            patched.setattr(store, "_write", full)
            with pytest.raises(BadInput, match=r"No space left on device\); make room"):
                run([SQUARE], engines=["sealing"], store=kept, registry=REGISTRY)
        assert stored(SQUARE, kept, REGISTRY).instances == ()
        (found,) = run([SQUARE], engines=["sealing"], store=kept, registry=REGISTRY)
        assert found.status == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "arguments", [("optimum", "--sizes", "2,1", "--decay", "1/20"), ("list", "--json", "/dev/full")]
)
def test_no_room_for_the_answer(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "verify.cli", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "collapse: the output cannot be written (No space left on device)\n")


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work without a pool, which takes its time to start and has no part in what the store does."""

    def here(work: Callable[[Any], Any], tasks: Iterable[Any], **_: object) -> Iterator[tuple[Any, Any]]:
        return ((task, work(task)) for task in tasks if task is not None)

    monkeypatch.setattr(runner, "completed", here)


@pytest.fixture
def fake_command(monkeypatch: pytest.MonkeyPatch, in_process: None) -> Callable[..., int]:
    made = partial(Registry, fakes.statements, tuple(fakes.ALL), fakes.load, fakes.drawn, fakes.check, fakes.refute)
    monkeypatch.setattr(runner, "Registry", made)
    monkeypatch.setattr(theory.statement, "statements", fakes.statements)
    return lambda *arguments: main(["verify", "fake-square", "--engine", "sealing", "--jobs", "1", *arguments])


def test_a_store_that_is_read_only(
    fake_command: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store() as kept:
        kept.put("key", "fake-square", {})
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, **_: connect(f"file:{file}?mode=ro", uri=True))
    assert fake_command() == 2
    errors = capsys.readouterr().err
    assert "results.sqlite cannot be used (attempt to write a readonly database); repair it or move it away" in errors
    assert len(errors.splitlines()) == 1


def test_a_file_where_the_store_should_be(fake_command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    store.home().write_text("mine")
    assert fake_command() == 2
    assert "cannot be used (Not a directory); repair it or move it away" in capsys.readouterr().err
    assert store.home().read_text() == "mine"


# ----------------------------------------------------------------------------------------- broken, or somebody else's


def alter(*commands: str) -> None:
    with closing(sqlite3.connect(store.home() / "results.sqlite")) as connection, connection:
        for command in commands:
            connection.execute(command)


def examined_by(command: Callable[[], int], monkeypatch: pytest.MonkeyPatch, log: Path) -> tuple[int, int]:
    """The exit status, and how many instances an engine examined anew."""
    log.unlink(missing_ok=True)
    monkeypatch.setenv("FAKE_LOG", str(log))
    return command(), len(load.examined(log))


@pytest.mark.parametrize("length", [0, 99, 4096, 8192])
def test_a_truncated_store(
    length: int,
    fake_command: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fake_command() == 0
    file = store.home() / "results.sqlite"
    file.write_bytes(file.read_bytes()[:length])
    capsys.readouterr()
    status, anew = examined_by(fake_command, monkeypatch, tmp_path / "log")
    if length:
        assert (status, anew) == (2, 0)
        assert "results.sqlite cannot be used (" in capsys.readouterr().err
        assert file.stat().st_size == length
    else:  # what a new file is
        assert (status, anew) == (0, 4)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER thief AFTER INSERT ON results BEGIN DELETE FROM results; END",
        "CREATE VIEW mine AS SELECT * FROM results",
        "CREATE TABLE mine (x)",
        "DROP INDEX by_statement",
        "ALTER TABLE results RENAME COLUMN body TO text",
        "PRAGMA user_version = 2",
    ],
)
def test_a_store_of_another_shape_is_refused(
    change: str, fake_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with Store():
        pass
    alter(change)
    assert fake_command() == 2
    assert "is not a store of this version; name another folder in COLLAPSE_HOME" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE results SET body = replace(body, '\"holds\"', '\"refuted\"')",
        "UPDATE results SET body = replace(body, '\"holds\"', '\"undecided\"'), seal = upper(seal)",
        "UPDATE results SET body = '[]'",
        "UPDATE results SET body = '{\"certificates\":[]}'",
        "UPDATE results SET body = 'é', seal = 'é'",
        "UPDATE results SET body = 3, seal = NULL",
        "DELETE FROM results",
    ],
)
def test_changed_rows_change_no_verdict(
    change: str, fake_command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fake_command() == 0
    alter(change)
    with Store() as kept:
        assert stored(SQUARE, kept, REGISTRY).instances == ()
    assert examined_by(fake_command, monkeypatch, tmp_path / "log") == (0, 4)


@pytest.mark.usefixtures("in_process")
def test_evidence_does_not_move_to_another_statement_or_source(monkeypatch: pytest.MonkeyPatch) -> None:
    with Store() as kept:
        run([SQUARE], engines=["sealing"], store=kept, registry=REGISTRY)
        alter("UPDATE results SET statement = 'fake-other'")
        assert stored(OTHER, kept, REGISTRY).instances == ()
        alter("UPDATE results SET statement = 'fake-square'")
        assert len(stored(SQUARE, kept, REGISTRY).instances) == 4
        monkeypatch.setattr(store, "state", lambda: "newer")
        alter("UPDATE results SET state = 'newer'")
        assert stored(SQUARE, kept, REGISTRY).instances == ()


def lies() -> None:
    """Fill the store, under the keys of this very run, with what a false engine found."""
    with Store() as kept:
        (found,) = run([SQUARE], engines=["sealing"], store=kept, registry=replace(REGISTRY, load=load.lying))
        assert found.verdict.conclusion == "refuted"


def test_a_store_from_somebody_else(
    fake_command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as theirs:
        theirs.setenv("XDG_STATE_HOME", str(tmp_path / "theirs"))
        lies()
    with Store() as kept:
        assert stored(SQUARE, kept, REGISTRY).instances == ()
    assert examined_by(fake_command, monkeypatch, tmp_path / "log") == (0, 4)


@pytest.mark.parametrize("seal", [b"", b"0" * 63, b"\xff" * 64])
def test_a_broken_seal_is_made_anew(
    seal: bytes, fake_command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state" / "collapse" / "seal"
    file.parent.mkdir(parents=True)
    file.write_bytes(seal)
    with monkeypatch.context() as theirs:  # who guesses what is left of it can forge
        theirs.setattr(store, "_secret", lambda: (seal, ""))
        lies()
    assert examined_by(fake_command, monkeypatch, tmp_path / "log") == (0, 4)
    assert len(file.read_bytes()) == 64
    assert file.stat().st_mode & 0o077 == 0
    assert len(list(file.parent.iterdir())) == 1
