"""The pool of processes: what finished stays, the dead and the silent are replaced, answers do not wait for tasks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import tasks

from verify import pool, processors
from verify.pool import Lost, completed
from verify.processors import ONE_THREAD

Task = tuple[str, int]


def begun(log: Path) -> Counter[int]:
    """How often each task was begun."""
    return Counter(map(int, log.read_text().split()))


def test_a_death_costs_nothing_but_the_task_that_its_worker_had(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = list(completed(tasks.squared, [(str(log), n) for n in (1, -1, *range(2, 30))], jobs=2))
    assert sorted(n for (_, n), _ in found) == [-1, *range(1, 30)]
    lost = Lost("its worker process died, 3 times (out of memory?)")
    assert all(result == (lost if n == -1 else n * n) for (_, n), result in found)
    assert begun(log) == {**dict.fromkeys(range(1, 30), 1), -1: 3}
    assert found[-1][0][1] == -1, "its last try is alone"


def test_a_worker_that_hangs_in_native_code_is_replaced(tmp_path: Path) -> None:
    log, start = tmp_path / "log", time.monotonic()
    found = {
        n: result for (_, n), result in completed(tasks.squared, [(str(log), n) for n in (-2, 1, 2)], 1, limit=2.5)
    }
    assert found == {-2: Lost("no answer within 2.5 seconds, so its worker was ended"), 1: 1, 2: 4}
    assert begun(log) == {-2: 1, 1: 1, 2: 1}
    assert time.monotonic() - start < 30


def test_a_worker_that_hangs_ends_itself_when_its_parent_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "ORPHANED", -99.7)  # long before the parent would do it
    monkeypatch.setattr(pool, "TRIES", 1)
    ((_, found),) = completed(tasks.squared, [(str(tmp_path / "log"), -2)], jobs=1, limit=100)
    assert found == Lost("its worker process died, 1 times (out of memory?)")


def test_answers_do_not_wait_until_tasks_are_found(tmp_path: Path) -> None:
    """While no task is found, but the search goes on, the answers come; and tasks are not taken ahead of need."""
    log, answered, taken = str(tmp_path / "log"), [], []

    def slowly() -> Iterator[Task | None]:
        yield log, 1
        deadline = time.monotonic() + 30
        while not answered and time.monotonic() < deadline:
            time.sleep(0.01)
            yield None
        assert answered, "the answer waited for another task"
        for n in range(2, 12):
            taken.append(n)
            yield log, n

    for (_, n), result in completed(tasks.squared, slowly(), jobs=1):
        assert result == n * n
        answered.append(n)
        assert len(taken) <= len(answered) + 1
    assert sorted(answered) == list(range(1, 12))


def test_what_is_raised_and_what_cannot_be_sent() -> None:
    found = dict(completed(tasks.broken, ["raise", "exit", "lambda"], jobs=1))
    assert found["raise"] == Lost("ValueError: no")
    assert found["exit"] == Lost("SystemExit: 5")
    assert isinstance(found["lambda"], Lost)


def test_workers_end_when_nobody_wants_their_answers(tmp_path: Path) -> None:
    results = completed(tasks.process, [0.0, 600.0, 600.0], jobs=2)
    (_, pid), start = next(results), time.monotonic()
    results.close()
    assert time.monotonic() - start < 5
    assert isinstance(pid, int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_quota_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups, member = tmp_path / "groups", tmp_path / "member"
    monkeypatch.setattr(processors, "GROUPS", groups)
    monkeypatch.setattr(processors, "MEMBERSHIP", member)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)

    def jobs(membership: str, **files: str) -> int:
        for path, text in files.items():
            file = groups / path.replace("__", "/").replace("_of_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        member.write_text(membership)
        return processors.default_jobs()

    assert jobs("") == 6
    assert jobs("0::/\n", cpu_of_max="max 100000\n") == 6
    assert jobs("0::/\n", cpu_of_max="250000 100000\n") == 2
    assert jobs("0::/\n", cpu_of_max="50000 100000\n") == 1
    assert jobs("0::/\n", cpu_of_max="9900000 100000\n") == 6
    assert jobs("0::/a/b\n", cpu_of_max="max 100000\n", a__cpu_of_max="300000 100000\n") == 3, "of a group above"
    assert jobs("0::/a/b\n", a__b__cpu_of_max="100000 50000") == 2
    one = {"cpu__cpu_of_cfs_quota_us": "400000\n", "cpu__cpu_of_cfs_period_us": "100000\n"}
    assert jobs("5:cpuset:/\n2:cpu,cpuacct:/docker/x\n", **one) == 4
    assert jobs("2:cpu,cpuacct:/docker/x\n", cpu__cpu_of_cfs_quota_us="-1\n") == 6
    assert jobs("nonsense", cpu_of_max="nonsense") == 6


THREADS = """
import sys
from threadpoolctl import threadpool_info
from verify.cli import main

assert main(sys.argv[1:]) == 0
import numpy, scipy.linalg, torch
assert {library["num_threads"] for library in threadpool_info()} == {1}, threadpool_info()
assert torch.get_num_threads() == 1
"""


def test_a_command_computes_with_one_thread_whatever_the_environment_says(tmp_path: Path) -> None:
    """Two threads on busy cores made the steps of L-BFGS ten times slower."""
    free = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    command = ["train", "--sizes", "3,3", "--decay", "1/9", "--widths", "4,3", "--steps", "3", "--adam", "1"]
    subprocess.run(
        [sys.executable, "-c", THREADS, *command], check=True, env=free, cwd=tmp_path, stdout=subprocess.DEVNULL
    )
