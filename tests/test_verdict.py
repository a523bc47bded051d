"""Merging of findings: the axes stay apart, nothing undecided passes, a contradiction is never smoothed over."""

from __future__ import annotations

from itertools import product

import pytest

from verify.verdict import (
    ASSURANCES,
    Conflict,
    Evidence,
    Finding,
    Verdict,
    clause_verdict,
    holds,
    refuted,
    statement_verdict,
    undecided,
)


def evidence(*findings: Finding) -> Evidence:
    return Evidence("some", findings)


CERTIFIED = evidence(holds("value", "certified"))
NUMERICAL = evidence(holds("value", "numerical"))
PROVED = evidence(holds("value", "proved"))
AGAINST = evidence(refuted("value", "at 0"))
OPEN = evidence(undecided("value", "timed out"))


@pytest.mark.parametrize(
    ("examined", "conclusion", "assurance", "instances"),
    [
        ([], "undecided", "none", 0),
        ([[]], "undecided", "none", 1),
        ([[CERTIFIED]], "holds", "certified", 1),
        ([[CERTIFIED], [NUMERICAL]], "holds", "numerical", 2),
        ([[CERTIFIED, NUMERICAL], [PROVED]], "holds", "certified", 2),
        ([[OPEN]], "undecided", "none", 1),
        ([[OPEN, NUMERICAL]], "holds", "numerical", 1),
        ([[PROVED], [OPEN]], "undecided", "none", 2),
        ([[PROVED], []], "undecided", "none", 2),
        ([[OPEN], [AGAINST]], "refuted", "certified", 1),
        ([[PROVED], [AGAINST]], "refuted", "certified", 1),
        ([[NUMERICAL, AGAINST]], "refuted", "certified", 1),
        ([[evidence(holds("other", "proved"))]], "undecided", "none", 1),
    ],
)
def test_a_clause_merges(examined: list[list[Evidence]], conclusion: str, assurance: str, instances: int) -> None:
    verdict = clause_verdict("value", examined)
    assert (verdict.conclusion, verdict.assurance, verdict.instances) == (conclusion, assurance, instances)


@pytest.mark.parametrize("checked", [CERTIFIED, PROVED])
def test_checked_results_that_contradict_each_other_conflict(checked: Evidence) -> None:
    for pair in ([checked, AGAINST], [AGAINST, checked], [evidence(*checked.findings, *AGAINST.findings)]):
        with pytest.raises(Conflict, match="value"):
            clause_verdict("value", [pair])


def test_assurance_is_the_weakest_instance_of_the_strongest_engine() -> None:
    positive = ASSURANCES[1:]
    for table in product(product(positive, repeat=2), repeat=2):
        examined = [[evidence(holds("value", a)) for a in row] for row in table]
        expected = min(max(ASSURANCES.index(a) for a in row) for row in table)
        assert clause_verdict("value", examined).assurance == ASSURANCES[expected]


def test_one_undecided_instance_is_never_outvoted() -> None:
    assert clause_verdict("value", [[PROVED]] * 50 + [[OPEN]] + [[PROVED]] * 50).conclusion == "undecided"


@pytest.mark.parametrize(
    ("clauses", "conclusion", "detail"),
    [
        ({}, "undecided", "no clause"),
        ({"a": Verdict("holds", "proved", 3), "b": Verdict("holds", "numerical", 3)}, "holds", ""),
        (
            {"a": Verdict("holds", "proved", 3), "b": Verdict("undecided", "none", 3, detail="why")},
            "undecided",
            "b: why",
        ),
        ({"a": Verdict("undecided", "none", 3), "b": Verdict("refuted", "certified", 1)}, "refuted", "b"),
    ],
)
def test_a_statement_is_as_strong_as_its_weakest_clause(
    clauses: dict[str, Verdict], conclusion: str, detail: str
) -> None:
    verdict = statement_verdict(clauses)
    assert verdict.conclusion == conclusion
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("conclusion", "assurance"),
    [("refuted", "numerical"), ("refuted", "none"), ("undecided", "proved"), ("holds", "none"), ("true", "proved")],
)
def test_a_finding_that_says_more_than_its_evidence_is_impossible(conclusion: str, assurance: str) -> None:
    with pytest.raises(ValueError, match=r"undecided|unknown|exact"):
        Finding("value", conclusion, assurance)


def test_a_verdict_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="not true or false"):
        bool(Verdict("holds", "proved", 1))


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("holds", "certified", 40), "holds on 40 instances (certified)"),
        (Verdict("holds", "numerical", 3000), "no counterexample in 3,000 instances (numerical)"),
        (Verdict("undecided", "none", 0, detail="timed out"), "undecided: timed out"),
    ],
)
def test_a_verdict_in_words(verdict: Verdict, words: str) -> None:
    assert str(verdict) == words


def test_require_raises_with_what_was_found() -> None:
    verdict = Verdict("holds", "certified", 2)
    assert verdict.require("holds", "numerical") is verdict
    with pytest.raises(AssertionError, match=r"required holds \(proved\), found holds on 2 instances \(certified\)"):
        verdict.require("holds", "proved")
    with pytest.raises(AssertionError, match="required refuted"):
        verdict.require("refuted", "none")


def test_evidence_survives_json() -> None:
    before = Evidence("x", (holds("value", "proved", "why"),), 1.5, {"best": 1.0}, ("dang2023-value",), ({"a": 1},))
    assert Evidence.from_json(before.to_json()) == before
