"""Runs that are killed at random moments: what subprocesses of ``test_load.py`` do, forked so that starts are quick."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import fakes
from hypothesis import strategies as st

from theory.statement import Statement
from verify import pool, runner, store
from verify.work import Registry, decode

INSTANCES, FEW = 100, 5
LONGEST = 0.12
"""Seconds after which a run, or its worker, is killed at the latest."""

JOBS = 2
Item = tuple[str, str]
"""An engine and the parameters that it examined, as the log has them."""


def statements() -> dict[str, Statement]:
    """One true statement with many instances, and a false one."""
    instances = tuple({"size": 1 + i % 3, "shift": Fraction(i)} for i in range(INSTANCES))
    drawn = {"size": st.integers(1, 3), "shift": st.just(Fraction(0))}
    counts = {"many": INSTANCES, "few": FEW}
    return {
        name: Statement(name, fakes.square, drawn, source=fakes.SOURCE, configurations=instances[:count])
        for name, count in counts.items()
    }


def none_drawn(name: str, effort: str) -> int:
    """Only configurations are examined."""
    return 0


def run() -> list[str]:
    """Examine everything with a slow engine, one that writes certificates, and one that refutes; the verdicts."""
    registry = Registry(statements, tuple(fakes.ALL), fakes.load, none_drawn, fakes.check, fakes.refute)
    many, few = statements().values()
    with store.Store() as kept:
        found = runner.run([many], engines=["slow", "sealing"], jobs=JOBS, store=kept, registry=registry)
        found += runner.run([few], engines=["against"], jobs=JOBS, store=kept, registry=registry)
    return [f"{one.statement.id}: {one.verdict}, status {one.status}" for one in found if one.statement]


def forked(log: Path) -> int:
    """A run in a process of its own; its workers are forked too."""
    if child := os.fork():
        return child
    os.environ["FAKE_LOG"] = str(log)
    fork = multiprocessing.get_context("fork")
    pool.multiprocessing = SimpleNamespace(  # type: ignore[assignment]
        get_context=lambda method: fork,
        parent_process=multiprocessing.parent_process,
    )
    status = 1
    try:
        os.write(1, "".join(f"{line}\n" for line in run()).encode())  # in one piece: other runs print, too
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def examined(log: Path) -> list[Item]:
    """What engines really examined, in order."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [(name, what) for name, _, what in (line.split(" ", 2) for line in lines)]


def kept() -> set[Item]:
    """What the store holds, read without the project's own code."""
    file = store.home() / "results.sqlite"
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return set()
        rows = connection.execute(
            "SELECT json_extract(body, '$.item.engine'), json_extract(body, '$.item.parameters') FROM results"
        ).fetchall()
    return {(engine, str(decode(text))) for engine, text in rows}


def workers(parent: int) -> list[int]:
    """The processes that a run has started."""
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kills(count: int, seed: int) -> None:
    """Kill runs, and some of their workers first, until there were so many kills; then let one finish."""
    rng, log, killed = random.Random(seed), Path(os.environ["FAKE_LOG"]), 0
    while killed < count:
        before, old = kept(), len(examined(log))
        parent = forked(log)
        children = set[int]()
        for victim in ("worker", "run") if rng.random() < 1 / 2 else ("run",):
            time.sleep(rng.uniform(0, LONGEST))
            children.update(found := workers(parent))
            pid = parent if victim == "run" or not found else rng.choice(found)
            os.kill(pid, signal.SIGKILL)
            killed += 1
            if pid == parent:
                break
        os.waitpid(parent, 0)
        deadline = time.monotonic() + 5
        while not all(map(gone, children)) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert all(map(gone, children)), "a killed run leaves workers behind"
        again = before & set(examined(log)[old:])
        assert not again, f"a finished item was examined again: {again}"
        assert before <= kept(), "a finished item was lost"
    print(f"{killed} kills, {len(kept())} items finished", flush=True)
    assert os.waitstatus_to_exitcode(os.waitpid(forked(log), 0)[1]) == 0


def pair() -> None:
    """Two runs on one store until the first is killed; the second's verdicts, then those of another pair of runs."""
    log = Path(os.environ["FAKE_LOG"])
    killed, other = forked(log), forked(log)
    time.sleep(LONGEST)
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0
    before, old = kept(), len(examined(log))
    pids = [forked(log), forked(log)]
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0]
    assert (examined(log)[old:], kept()) == ([], before)


def openings(rounds: int, runs: int) -> None:
    """Several processes make the same new store at the same time, and each keeps a row."""
    root, started = store.home(), time.monotonic()
    for number in range(rounds):
        os.environ["COLLAPSE_HOME"], os.environ["XDG_STATE_HOME"] = f"{root}/{number}/store", f"{root}/{number}/state"
        if number % 2:  # a crash has cut the seal: of those who make it anew at once one stays
            (seal := root / str(number) / "state" / "collapse" / "seal").parent.mkdir(parents=True)
            seal.write_text("0")
        go, pids = time.monotonic() + 0.01, []
        for run in range(runs):
            if not (pid := os.fork()):
                while time.monotonic() < go:
                    pass
                with store.Store() as kept:
                    kept.put(f"{run}", "many", {})
                os._exit(0)
            pids.append(pid)
        assert not any(os.waitpid(pid, 0)[1] for pid in pids)
        with store.Store() as kept:
            assert len(kept.of_statement("many")) == runs
    print(f"{rounds} stores", flush=True)
    assert time.monotonic() - started < store.BUSY_SECONDS, "somebody waited in vain"


def lying(name: str) -> fakes.Fake:
    """An engine that refutes what is true."""
    return fakes.Fake(name, fakes.ALL["against"].found)


if __name__ == "__main__":
    store.state = lambda: "fixed"  # others may edit the source while this runs
    match sys.argv[1:]:
        case ["kills", count]:
            kills(int(count), seed=0)
        case ["pair"]:
            pair()
        case ["openings"]:
            openings(rounds=12, runs=6)
        case _:
            print(*run(), sep="\n", flush=True)
