"""What the runner does with good, slow, broken and dying engines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import fakes
import pytest

import verify
from theory.claims import Inequality
from theory.ops import trace
from theory.statement import StatementError
from verify import runner, work
from verify.engines import Settings
from verify.errors import BadInput
from verify.results import Examination, Examined, Outcome, exit_status
from verify.store import Store
from verify.verdict import Conflict, Evidence, holds

REGISTRY = fakes.registry()
STATEMENTS = fakes.statements()


def examine(statement: str, *engines: str) -> Examination:
    return runner.examine(STATEMENTS[statement], engines, registry=REGISTRY)


def run(*engines: str, statement: str = "fake-square", jobs: int = 2, store: Store | None = None) -> Examination:
    return runner.run([STATEMENTS[statement]], engines=engines, jobs=jobs, store=store, registry=REGISTRY)[0]


def test_examine_in_process() -> None:
    found = examine("fake-square", "certified", "numerical", "unable")
    assert found.require("holds", "certified").instances == 1 + fakes.FEW
    assert list(found.clauses) == ["inequality"]
    assert [s.engine for s in found.engines] == ["certified", "numerical"]
    assert found.engines[1].detail == "all clauses on 2 of 4 instances"
    assert [s.what for s in found.skipped] == ["unable × fake-square (4 instances)"]
    assert (found.as_expected, found.status) == (True, 0)
    with pytest.raises(TypeError, match="not true or false"):
        bool(found)


def test_examine_is_public() -> None:
    assert verify.examine is runner.examine
    with pytest.raises(AttributeError):
        _ = verify.nonsense


def test_examine_a_claim_without_a_statement() -> None:
    claim = Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(2, 2))
    found = runner.examine(claim, ["certified"], registry=REGISTRY)
    assert found.require("holds", "certified").instances == 1
    assert not found.as_expected


def test_a_count_limits_the_drawn_instances() -> None:
    found = runner.examine(STATEMENTS["fake-square"], ["certified"], count=0, registry=REGISTRY)
    assert found.verdict.instances == 1


def test_bad_names_are_refused() -> None:
    with pytest.raises(BadInput, match="no engine is called 'oracle'; there are certified"):
        examine("fake-square", "oracle")
    with pytest.raises(StatementError, match="no wrong version"):
        runner.examine(STATEMENTS["fake-square"], ["certified"], wrong="nonsense", registry=REGISTRY)
    with pytest.raises(BadInput, match="device must be one of auto, cpu, cuda"):
        Settings(device="tpu")


@pytest.mark.parametrize(
    ("engines", "conclusion", "status"),
    [
        (("certified",), "holds", 0),
        (("numerical",), "holds", 1),
        (("certified", "hesitant"), "holds", 0),
        (("hesitant",), "undecided", 1),
        (("against",), "refuted", 1),
        (("against", "raising"), "refuted", 1),
        (("unable",), "undecided", 3),
        (("raising",), "undecided", 3),
        (("certified", "raising"), "holds", 3),
        (("numerical", "raising"), "undecided", 3),
        ((), "undecided", 3),
    ],
)
def test_conclusions_and_exit_status(engines: tuple[str, ...], conclusion: str, status: int) -> None:
    found = examine("fake-square", *engines)
    assert (found.verdict.conclusion, found.status) == (conclusion, status)


def test_the_worst_statement_decides_the_exit_status() -> None:
    good, bad, unexamined = (examine("fake-square", e) for e in ("certified", "against", "raising"))
    assert exit_status([]) == exit_status([good]) == 0
    assert exit_status([good, unexamined]) == 3
    assert exit_status([unexamined, bad, good]) == 1


def result(*evidence: Evidence, clauses: tuple[str, ...]) -> Examined:
    return Examined({}, clauses, tuple(Outcome(e.engine, e) for e in evidence))


def test_an_instance_counts_when_all_its_clauses_were_examined() -> None:
    value, shape = Evidence("a", (holds("value", "proved"),)), Evidence("b", (holds("shape", "numerical"),))
    both = ("value", "shape")
    found = Examination(
        (result(value, shape, clauses=both), result(value, clauses=both), result(value, clauses=("value",)))
    )
    assert found.require("holds", "numerical").instances == 2
    assert {name: verdict.instances for name, verdict in found.clauses.items()} == {"value": 3, "shape": 1}
    scattered = Examination((result(value, clauses=both), result(shape, clauses=both)))
    assert scattered.verdict.conclusion == "undecided"
    assert Examination((result(value, clauses=both),)).verdict.detail == "shape: nothing was examined"


def test_a_conflict_is_reported_and_is_never_a_pass() -> None:
    found = examine("fake-square", "certified", "against")
    assert (found.verdict.conclusion, found.status, found.as_expected) == ("undecided", 1, False)
    assert "certified and refuted" in found.conflict
    assert any(skip.what == "conflict in fake-square" for skip in found.skipped)
    with pytest.raises(Conflict):
        found.require("undecided", "none")


def test_an_exception_is_a_finding_with_its_first_line() -> None:
    found = examine("fake-square", "raising")
    assert found.clauses["inequality"].detail == "RuntimeError: no convergence"
    assert [(s.why, s.failed) for s in found.skipped] == [("RuntimeError: no convergence", True)]


def test_a_run_in_workers_agrees_with_one_in_process() -> None:
    here, there = examine("fake-model", "certified", "numerical"), run("certified", "numerical", statement="fake-model")
    assert here.verdict == there.verdict
    assert here.clauses == there.clauses
    (instance,) = there.instances
    assert instance.configuration
    assert instance.model == fakes.MODEL
    numbers = instance.outcomes[1].evidence.numbers  # type: ignore[union-attr]
    assert numbers == {"claimed": "0.5", "best": 0.5 + 1e-12, "gap": "inf", "exact": "1/3"}


def test_failures_in_workers_do_not_stop_the_run() -> None:
    found = run("certified", "raising", "leaving")
    assert found.verdict.conclusion == "holds"
    assert {s.why for s in found.skipped} == {"RuntimeError: no convergence", "SystemExit: 5"}
    broken = run("certified", statement="fake-broken")
    assert (broken.status, broken.verdict.conclusion) == (3, "undecided")
    assert "no claim at this size" in broken.verdict.detail


def test_only_the_item_that_kills_its_worker_is_lost() -> None:
    found = run("deadly")
    assert found.status == 3
    lost = [o for i in found.instances for o in i.outcomes if o.failed]
    assert len(lost) == sum(i.parameters["size"] == 2 for i in found.instances) > 0
    assert all(o.failed == "its worker process died, 3 times (out of memory?)" for o in lost)
    assert all(o.evidence for i in found.instances for o in i.outcomes if i.parameters["size"] != 2)


def test_a_worker_that_dies_once_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    assert run("frail").status == 0


def test_an_item_without_an_answer_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "hard_limit", lambda seconds: seconds / 120)
    monkeypatch.setenv("FAKE_SECONDS", "60")
    found = run("slow", statement="fake-model")
    assert (found.status, found.verdict.conclusion) == (3, "undecided")
    assert [s.why for s in found.skipped] == ["no answer within 1 seconds, so its worker was ended"]


def test_what_is_stored_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    with Store() as store:
        first = run("certified", "sealing", "unable", "raising", store=store)
        lines = len(log.read_text().splitlines())
        second = run("certified", "sealing", "unable", "raising", store=store)
        again = log.read_text().splitlines()[lines:]
        assert {line.split()[0] for line in again} == {"raising"}  # a failure is tried again
        assert (first.clauses, first.skipped) == (second.clauses, second.skipped)
        statement = STATEMENTS["fake-square"]
        runner.run([statement], engines=["certified"], store=store, fresh=True, registry=REGISTRY)
        assert len(log.read_text().splitlines()) == lines + len(again) + 1 + fakes.FEW
        kept = runner.stored(statement, store, REGISTRY)
        assert kept.verdict == first.verdict
        assert {s.engine for s in kept.engines} == {"certified", "sealing"}


def test_other_settings_are_another_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    chosen = [STATEMENTS["fake-model"]]
    with Store() as store:
        for settings in (Settings(), Settings(seed=1), Settings(device="cpu"), Settings(effort="full"), Settings()):
            runner.run(chosen, settings, ["certified"], store=store, registry=REGISTRY)
    assert len(log.read_text().splitlines()) == 4


def test_the_same_instances_are_drawn_whichever_engines_are_chosen() -> None:
    few, all_ = examine("fake-square", "numerical"), examine("fake-square", "certified")
    assert [i.parameters for i in few.instances] == [i.parameters for i in all_.instances]


def test_progress_counts_every_item() -> None:
    events: list[runner.Progress] = []
    chosen = [STATEMENTS["fake-square"], STATEMENTS["fake-other"], STATEMENTS["fake-square"]]
    runner.run(chosen, engines=["certified", "numerical"], progress=events.append, registry=REGISTRY)
    assert [e.done for e in events] == list(range(1, 13))
    assert {e.total for e in events} == {12}
    assert sorted(e.statement for e in events if e.finished) == ["fake-other", "fake-square"]


def test_parameters_survive_as_text() -> None:
    parameters = {"model": fakes.MODEL, "x": Fraction(-2, 3), "sizes": (3, (1, "a")), "flag": True, "none": None}
    assert work.decode(work.encode(parameters)) == parameters
    with pytest.raises(TypeError, match="a parameter must be"):
        work.encode({"x": 0.5})


def test_an_engine_is_stopped_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SECONDS", {"quick": 1})
    monkeypatch.setenv("FAKE_SECONDS", "20")
    item = work.Item("fake-square", "slow", work.encode(STATEMENTS["fake-square"].witness), Settings())
    outcome = work.work(REGISTRY, work.Task(item))
    assert outcome is not None
    assert outcome.failed == "stopped after 1 seconds"


def fake_run(**environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "import fakes; fakes.main()"]
    where, settings = Path(__file__).parent, {**os.environ, **environment}
    return subprocess.Popen(command, cwd=where, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_lines(log: Path, count: int) -> None:
    for _ in range(600):
        if log.exists() and len(log.read_text().splitlines()) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("the run does not get on")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


def test_a_killed_run_loses_only_what_was_under_way(tmp_path: Path) -> None:
    log, log_of_a_whole_run = tmp_path / "log", tmp_path / "whole"
    killed = fake_run(FAKE_LOG=str(log))
    wait_for_lines(log, 7)
    killed.kill()
    killed.communicate()
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    deadline = time.monotonic() + 10
    while not all(map(gone, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(gone, workers)), "a killed run leaves workers behind"
    resumed = fake_run(FAKE_LOG=str(log), FAKE_SECONDS="0")
    output, errors = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, errors
    whole = fake_run(FAKE_LOG=str(log_of_a_whole_run), FAKE_SECONDS="0", COLLAPSE_HOME=str(tmp_path / "new"))
    assert output == whole.communicate(timeout=60)[0]
    twice = len(log.read_text().splitlines()) - len(log_of_a_whole_run.read_text().splitlines())
    assert twice <= 4, "of two workers, each has one item under way and one waiting"


def test_an_interrupted_run_ends_at_once_and_quietly(tmp_path: Path) -> None:
    log = tmp_path / "log"
    running = fake_run(FAKE_LOG=str(log), FAKE_SECONDS="30")
    wait_for_lines(log, 1)
    running.send_signal(signal.SIGINT)
    start = time.monotonic()
    running.communicate(timeout=20)
    assert time.monotonic() - start < 10
