"""Work on a real Dask cluster: a scheduler and two workers, started here, some of which are killed."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from math import inf
from pathlib import Path
from types import SimpleNamespace

import fakes
import pytest
import tasks

from verify import cluster, pool, runner
from verify.cli import main
from verify.cluster import workers
from verify.errors import BadInput
from verify.pool import Lost, completed, worked_off
from verify.store import state

HERE = Path(__file__).parent
pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own


def started(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of a cluster on this machine, which gives up a task at the second death of its worker."""
    line = [sys.executable, "-m", f"distributed.cli.{name}", "--no-dashboard", *arguments]
    path = os.pathsep.join([str(HERE.parent), str(HERE)])
    quick = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1", "PYTHONPATH": path}
    return subprocess.Popen(line, env={**os.environ, **quick}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The file of a scheduler with two workers; their nannies start a killed one anew."""
    file = str(tmp_path_factory.mktemp("cluster") / "scheduler.json")
    processes = [
        started("dask_scheduler", "--port", "0", "--scheduler-file", file),
        started("dask_worker", "--nthreads", "1", "--nworkers", "2", "--scheduler-file", file),
    ]
    try:
        for _ in range(400):
            if Path(file).exists() and Path(file).stat().st_size:
                break
            time.sleep(0.05)
        yield file
    finally:
        for process in reversed(processes):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def logged(log: Path) -> list[tuple[int, int]]:
    """Task and process of each line."""
    return [(int(task), int(pid)) for task, pid in map(str.split, log.read_text().splitlines())] if log.exists() else []


def test_a_killed_worker_loses_nothing_and_nothing_comes_twice(scheduler: str, tmp_path: Path) -> None:
    log, count = tmp_path / "log", 24
    killed: list[int] = []

    def kill() -> None:
        while len(logged(log)) < 6:
            time.sleep(0.02)
        killed.append(logged(log)[-1][1])
        os.kill(killed[0], signal.SIGKILL)

    taken: list[int] = []

    def counted() -> Iterator[tuple[str, int]]:
        for task in range(count):
            taken.append(task)
            yield str(log), task

    with workers(scheduler=scheduler) as spread:
        threading.Thread(target=kill, daemon=True).start()
        results = spread(fakes.noted, counted())
        found = [next(results)]
        assert len(taken) <= 8, "tasks are taken when they are needed"
        found += results
    assert killed
    assert sorted(task for (_, task), _ in found) == list(range(count))
    assert all(result == task * task for (_, task), result in found)
    begun = Counter(task for task, _ in logged(log))
    assert sum(begun.values()) <= count + 4, "what was under way, and results that were still there, run again"
    assert len({pid for _, pid in logged(log)}) >= 2


def test_only_the_task_that_kills_its_workers_is_lost(scheduler: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    with workers(scheduler=scheduler) as spread:
        found = dict(spread(fakes.noted, [(log, task) for task in (1, -1, 2, -2, 3)]))
    assert found[log, -1] == cluster.GIVEN_UP
    assert found[log, -2] == Lost("ValueError: not a task")
    assert [found[log, task] for task in (1, 2, 3)] == [1, 4, 9]


def test_a_sweep_and_statements_on_a_cluster(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[model]\nclasses = {from = 2, to = 7}\ndecay = "1/50"\n[optimum]\n')
    assert main(["sweep", str(file), "--scheduler", scheduler]) == 0
    there = capsys.readouterr().out
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path / "another"))
    monkeypatch.setattr(cluster, "workers", fakes.in_this_process)
    assert main(["sweep", str(file)]) == 0
    assert capsys.readouterr().out == there
    assert len(list(csv.DictReader(io.StringIO(there)))) == 6
    with workers(scheduler=scheduler) as spread:
        (found,) = runner.run(
            [fakes.statements()["fake-square"]], engines=["certified"], registry=fakes.registry(), spread=spread
        )
    assert str(found.verdict) == "holds on 4 instances (certified)"


def test_an_item_is_stopped_after_its_time_where_no_signal_comes(scheduler: str) -> None:
    with workers(scheduler=scheduler) as spread:
        ((_, result),) = spread(fakes.too_long, [0.3])
    assert result == "stopped after 0.3 seconds"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense:port", "this is not an address such as tcp://HOST:PORT"),
        ("nonsense", "this is not an address such as tcp://HOST:PORT"),
        ("", "this is not an address such as tcp://HOST:PORT"),
        ("http://127.0.0.1:1", "this is not an address such as tcp://HOST:PORT"),
        ("none.json", "there is no such file"),
    ],
)
def test_a_wrong_address_is_one_sentence(address: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "dang2023-scalar", "--scheduler", address]) == 2
    assert capsys.readouterr().err == f"collapse: --scheduler {address}: {sentence}\n"


def test_nobody_and_a_listener_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "CONNECTING", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for port in (1, listener.getsockname()[1]):
            address, start = f"tcp://127.0.0.1:{port}", time.monotonic()
            assert main(["verify", "dang2023-scalar", "--scheduler", address]) == 2
            said, sentence = capsys.readouterr().err.splitlines()
            assert said == f"collapse: connecting to the scheduler at {address}"
            assert sentence == f"collapse: --scheduler {address}: no scheduler answers there within 0.5 seconds"
            assert time.monotonic() - start < 5


def test_an_item_without_an_answer_ends_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker of a cluster runs, here in a process of the pool."""
    monkeypatch.setattr(pool, "TRIES", 1)
    hanging = partial(cluster._on_worker, tasks.squared, state(), 0.3)
    ((_, found),) = completed(hanging, [(str(tmp_path / "log"), -2)], jobs=1)
    assert found == Lost("its worker process died, 1 times (out of memory?)")


def test_a_cluster_or_processes_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "dang2023-scalar", "--jobs", "1", "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_other_versions_and_several_threads_are_refused(scheduler: str) -> None:
    with cluster._connected(scheduler, print) as client:
        client.wait_for_workers(2, 30)  # one that another test ended may be on its way back
        with pytest.raises(BadInput, match="has another version of this project"):
            cluster._require_usable(client, scheduler, "another")
        run = cluster._Run(client, scheduler, print, partial(cluster._on_worker, abs, "another", inf))
        with pytest.raises(BadInput, match="it has another version of this project"):
            list(worked_off(run, [-1], cluster.TRIES, cluster.GIVEN_UP))  # on one that came later
    threaded = SimpleNamespace(nthreads=lambda: {"tcp://there": 4})
    with pytest.raises(BadInput, match="the worker tcp://there has 4 threads; start it with --nthreads 1"):
        cluster._require_usable(threaded, scheduler, "")


def test_the_file_of_a_scheduler_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECTING", 0.5)
    gone, none = "no scheduler answers there", "this file does not hold an address"
    texts = {json.dumps({"address": "tcp://127.0.0.1:1"}): gone, "{}": none, "[]": none, "not JSON": none}
    for i, (text, sentence) in enumerate(texts.items()):
        file = tmp_path / f"{i}.json"
        file.write_text(text)
        with pytest.raises(BadInput, match=sentence), workers(scheduler=str(file)):
            pass
