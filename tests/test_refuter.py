"""The refuter as ``collapse verify`` uses it: on statements as a whole, beside the engines that examine instances."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import fakes
import pytest

from theory.claims import GlobalMinimum
from theory.statement import statements
from verify import refute, report, runner
from verify.checker import check
from verify.engines import REFUTER, Settings
from verify.refute import Reach, examined
from verify.results import Outcome
from verify.store import Store
from verify.verdict import Evidence, refuted
from verify.work import decode, encode

CPU = Settings(device="cpu")

WRONG = {
    "critical points": ("dang2023-balancedness", "decays exchanged"),
    "a linear model": ("dang2023-value", ""),
    "a ReLU model": ("sukenik2023-global", "value off by 1e-6"),
    "a formula": ("sukenik2023-scalar", "value off by 1e-6"),
    "an inequality": ("sukenik2023-nuclear-lemma", "operator norm"),
    "an identity": ("sukenik2024-srg-constant", "r^{L−3}"),
    "a value that is beaten": ("sukenik2024-small-k", "C = 1 in place of C = K"),
}
"""A wrong version of a statement for each kind of claim and of problem; any, where none is named."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough on a busy machine: a refutation ends the attack anyway."""
    monkeypatch.setitem(refute.REACH, "quick", Reach(30.0, 60, 8))


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_version_of_each_kind_is_refuted_with_certificates_that_are_accepted(kind: str) -> None:
    id, wrong = WRONG[kind]
    statement = statements()[id]
    outcome = examined(statement, CPU, wrong or next(iter(statement.wrong)))
    assert outcome.evidence is not None, outcome
    assert [f.conclusion for f in outcome.evidence.findings] == ["refuted"]
    assert all(check(certificate) for certificate in outcome.evidence.certificates)
    assert not any("origin" in c for c in outcome.evidence.certificates), "a wrong version is not the statement"
    assert statement.unmet(decode(outcome.evidence.numbers["instance"])) == []


def test_of_a_survivor_there_is_no_finding_only_what_was_attacked() -> None:
    statement = statements()["sukenik2024-srg-three-layers"]
    found = runner.examine(statement, [REFUTER], CPU, count=0)
    assert found.refuter is not None
    assert found.refuter.evidence is not None
    assert found.refuter.evidence.findings == ()
    assert found.verdict.conclusion == "undecided"
    (summary,) = found.engines
    assert (summary.engine, summary.verdict.conclusion) == (REFUTER, "undecided")
    assert "no counterexample was found" in summary.detail
    data = report.verify_json([found])["statements"][0]["refuter"]
    assert data["refuted"] is False
    assert 20 < data["attacked"] == data["drawn"] <= 60
    assert data["largest"].startswith("r = ")
    assert data["by"] == ["precision", "symbolic"]


def test_a_published_claim_that_is_false_gets_its_witness() -> None:
    statement = statements()["sukenik2023-nuclear-more-columns"]
    found = runner.examine(statement, [REFUTER], CPU, count=0)
    found.require("refuted", "certified")
    assert found.as_expected
    (certificate,) = found.certificates
    assert certificate["origin"]["statement"] == statement.id
    assert report.verify_json([found])["statements"][0]["refuter"]["refuted"] is True
    assert len(found.instances) == 1, "it was found at the witness, which was planned anyway"


def test_a_kind_of_claim_that_nothing_attacks_is_named_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refute, "ATTACKED", (GlobalMinimum,))
    found = runner.examine(FALSE, ["certified", REFUTER], CPU, registry=replace(REGISTRY, refute=examined))
    reasons = {skip.what: skip.why for skip in found.skipped}
    assert (
        "no attack is known on claims of the kind inequality" in reasons["refuter × fake-false (the whole statement)"]
    )
    assert (found.status, found.engines[-1].engine) == (0, "certified")


def test_constants_are_exhausted_long_before_the_budget_is() -> None:
    assert refute.check(statements()["sukenik2024-srg-three-layers"], budget=600).seconds < 300


def ending_after_one(answer: Any) -> Callable[..., Any]:
    """Gives the answer once; the next call finds the time spent, however busy the machine is."""
    left = [answer]

    def function(*_: Any) -> Any:
        if left:
            return left.pop()
        raise refute.Timeout

    return function


def test_a_violation_that_only_floats_see_leaves_the_statement_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.engines import load

    monkeypatch.setattr(load("sampling"), "violation", lambda *_: None)
    monkeypatch.setattr(load("descent"), "violation", lambda *_: None)
    monkeypatch.setattr(load("precision"), "_inequality", ending_after_one(([], ())))
    monkeypatch.setitem(refute.REACH, "quick", Reach(300.0, 1, 8))
    found = runner.examine(statements()["sukenik2023-nuclear-more-columns"], [REFUTER], CPU, count=0)
    assert found.clauses["inequality"].detail.startswith("candidate")
    assert found.status != 0


# -------------------------------------------------------------------------------------------- runner, store, reports

FALSE, REGISTRY = fakes.statements()["fake-false"], fakes.registry()


def test_what_it_finds_elsewhere_is_an_instance_of_its_own() -> None:
    found = runner.examine(FALSE, ["certified", REFUTER], registry=REGISTRY)
    assert found.verdict.conclusion == "refuted"
    assert found.instances[-1].parameters == decode(fakes.ELSEWHERE)
    assert len(found.instances) == 2 + fakes.FEW
    assert [s.verdict.conclusion for s in found.engines] == ["holds", "refuted"]
    assert found.engines[0].detail.startswith("all clauses on 4 of 4 instances")
    assert found.certificates == [{"kind": "fake", "at": fakes.ELSEWHERE}]
    assert found.seconds >= 0.5


def test_what_it_finds_where_an_engine_certified_is_a_conflict() -> None:
    found = runner.examine(FALSE, ["certified"], registry=REGISTRY)
    numbers = {"instance": encode(found.instances[0].parameters)}
    outcome = Outcome(REFUTER, Evidence(REFUTER, (refuted("inequality", "there"),), numbers=numbers))
    assert "certified and refuted" in runner._with_refuter(found.instances, FALSE, outcome).conflict


def test_it_is_one_item_of_a_run_and_stored_and_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    events: list[runner.Progress] = []
    with Store() as store:
        first, second = (
            runner.run([FALSE], None, ["certified", REFUTER], 1, store, False, events.append, REGISTRY)[0]
            for _ in range(2)
        )
        assert [line.split()[0] for line in log.read_text().splitlines()].count(REFUTER) == 1
        assert events[0].total == 1 + fakes.FEW + 1
        assert first.engines == second.engines
        assert runner.stored(FALSE, store, REGISTRY).verdict.conclusion == "refuted"
        assert runner.stored(FALSE, store, replace(REGISTRY, check=fakes.strict)).refuter is None
        strict = runner.run([FALSE], None, [REFUTER], 1, store, registry=replace(REGISTRY, check=fakes.strict))[0]
        assert strict.refuter == first.refuter, "what is stored and not accepted is computed again"
        assert [line.split()[0] for line in log.read_text().splitlines()].count(REFUTER) == 2


def test_what_goes_wrong_in_it_is_not_examined() -> None:
    failing = replace(REGISTRY, refute=lambda *_: Outcome(REFUTER, failed="the checker rejects a certificate: no"))
    found = runner.examine(FALSE, ["certified", REFUTER], registry=failing)
    assert found.status == 3
    assert ("refuter × fake-false (the whole statement)", True) in [(s.what, s.failed) for s in found.skipped]


def test_a_certificate_that_the_checker_rejects_is_an_error_of_this_software(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refute, "rejection", ending_after_one("a digit"))
    monkeypatch.setitem(refute.REACH, "quick", Reach(300.0, 1, 8))
    outcome = examined(statements()["sukenik2023-nuclear-more-columns"], CPU)
    assert outcome.failed == "the checker rejects a certificate: a digit"


def test_the_budget_is_of_work_not_of_waiting() -> None:
    assert Reach(1.0, of_processor=True).now is time.process_time
    assert Reach(1.0).now is time.monotonic


def test_a_timer_that_was_set_before_goes_on() -> None:
    signal.setitimer(signal.ITIMER_REAL, 600.0)
    try:
        refute.check(statements()["sukenik2023-nuclear-lemma"], budget=0.2)
        assert 500.0 < signal.getitimer(signal.ITIMER_REAL)[0] < 600.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_it_runs_outside_the_main_thread_too() -> None:
    found: list[Outcome] = []
    statement = statements()["sukenik2024-srg-three-layers"]
    thread = Thread(target=lambda: found.append(examined(statement, CPU, "SRG wins at L = 3")))
    thread.start()
    thread.join()
    assert found[0].evidence is not None
    assert found[0].evidence.numbers["instance"] == '{"r":4}'
