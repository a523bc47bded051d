"""Every statement says what it claims, where it stands, when it applies, and what would be wrong."""

from __future__ import annotations

from pkgutil import iter_modules

import pytest

from theory.claims import digest
from theory.statement import PAPERS, PROVENANCE, Statement, statements
from verify.engines import drawn
from verify.verdict import ASSURANCES, CONCLUSIONS
from verify.work import decode, encode

DRAWN, QUICK = 10, drawn("symbolic", "quick")
ENOUGH = 5
STATEMENTS = statements()


@pytest.fixture(params=STATEMENTS.values(), ids=STATEMENTS)
def statement(request: pytest.FixtureRequest) -> Statement:
    found: Statement = request.param
    return found


def test_the_registry_is_not_empty() -> None:
    assert STATEMENTS


def test_the_id_names_its_paper(statement: Statement) -> None:
    paper = ".".join(statement.build.__module__.split(".")[:3])
    assert paper in PAPERS
    assert statement.id.startswith(f"{paper.split('.')[-1]}-")
    assert set(statement.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_the_text_is_there(statement: Statement) -> None:
    assert len(statement.title) > 20
    assert statement.title.endswith((".", ":"))


def test_the_source_has_a_place(statement: Statement) -> None:
    source = statement.source
    assert source is not None
    assert source.paper
    assert source.version
    assert source.locator
    assert {source.provenance, *dict(source.parts)} <= set(PROVENANCE)
    assert source.provenance not in dict(source.parts)


def test_the_expected_verdict_is_a_verdict(statement: Statement) -> None:
    expected = statement.expected
    assert expected.conclusion in CONCLUSIONS
    assert expected.at_least in ASSURANCES
    assert (expected.conclusion == "undecided") == (expected.at_least == "none")
    if expected.conclusion != "holds" or expected.at_least == "numerical":
        assert expected.reason, "an unusual expectation needs a reason"
    assert not expected.reason.startswith("refuted"), "the verdict says so, and whether the printed text was seen"


def test_the_witness_meets_the_hypotheses(statement: Statement) -> None:
    assert statement.witness
    assert statement.unmet(statement.witness) == []
    for configuration in statement.configurations:
        assert statement.unmet(configuration) == []


def test_parameters_can_cross_processes(statement: Statement) -> None:
    for parameters in (statement.witness, *statement.configurations, *statement.draw(3)):
        assert decode(encode(parameters)) == dict(parameters)


def test_enough_instances_can_be_drawn_and_again_from_the_seed(statement: Statement) -> None:
    drawn = statement.draw(DRAWN)
    assert len(drawn) >= (1 if statement.claim(statement.witness).kind == "experiment" else ENOUGH)
    assert [encode(p) for p in drawn] == [encode(p) for p in statement.draw(DRAWN)]
    assert all(statement.unmet(p) == [] for p in drawn)
    assert all(statement.claim(p).clause_names for p in drawn)


def test_a_claim_is_made_the_same_way_twice(statement: Statement) -> None:
    assert digest(statement.claim(statement.witness)) == digest(statement.claim(decode(encode(statement.witness))))


def test_there_is_a_wrong_version_and_each_claims_something_else(statement: Statement) -> None:
    assert statement.wrong
    instances = statement.instances(QUICK)
    right = {i: digest(statement.claim(p)) for i, p in enumerate(instances)}
    for name in statement.wrong:
        assert any(digest(statement.claim(p, wrong=name)) != right[i] for i, p in enumerate(instances)), name


def test_every_module_of_statements_is_in_the_registry() -> None:
    import theory.papers

    assert {f"theory.papers.{module.name}" for module in iter_modules(theory.papers.__path__)} == set(PAPERS)
