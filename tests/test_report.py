"""The report says what was found, in words and as JSON, and leaves nothing out."""

from __future__ import annotations

import json
from pathlib import Path

import fakes
import pytest
from rich.console import Console, RenderableType

from theory.statement import StatementError, find, omitted, statements
from verify import report, runner
from verify.results import WITHOUT_CERTIFICATE, Examination, Examined, Outcome
from verify.verdict import Evidence, holds

REGISTRY = fakes.registry()

STATEMENT_KEYS = {
    *("id", "source", "provenance", "expected", "conclusion", "assurance", "scope", "instances", "as_expected"),
    *("seconds", "clauses", "engines", "refuter", "certificates"),
}


def examine(statement: str, *engines: str) -> Examination:
    return runner.examine(fakes.statements()[statement], engines, registry=REGISTRY)


def printed(part: RenderableType) -> str:
    screen = Console(width=200, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    screen.print(part)
    text = screen.export_text()
    screen.file.close()
    return text


def test_no_line_about_a_statement_is_longer_than_its_text() -> None:
    lines = printed(report.description(statements()["dang2023-ce-deep-linear"])).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= len("wrong version  ") + report.TEXT_WIDTH
    assert any(line.startswith("expected") for line in lines)


def test_json_has_the_fields_of_the_design() -> None:
    results = [examine("fake-square", "sealing", "unable"), examine("fake-square", "certified", "against")]
    data = report.verify_json(results, lambda certificate: Path("certificates") / str(certificate["kind"]))
    json.dumps(data, allow_nan=False)
    assert set(data) == {"statements", "skipped", "omitted"}
    first, second = data["statements"]
    assert set(first) == set(second) == STATEMENT_KEYS
    assert first["expected"] == {"conclusion": "holds", "at_least": "certified"}
    assert first["clauses"] == [{"name": "inequality", "conclusion": "holds", "assurance": "certified"}]
    assert [set(engine) for engine in first["engines"]] == [{"engine", "conclusion", "assurance", "seconds", "detail"}]
    assert first["certificates"] == ["certificates/fake"]
    assert (first["scope"], first["instances"], first["provenance"]) == ("instances", 1 + fakes.FEW, "P")
    assert second["as_expected"] is False
    assert [set(skip) for skip in data["skipped"]] == [{"what", "why"}] * 3
    assert data["skipped"][0] == {"what": "unable × fake-square (4 instances)", "why": "not my kind of claim"}
    assert data["skipped"][1]["what"] == "conflict in fake-square"
    assert data["skipped"][2]["what"].startswith("certificate × fake-square")
    assert data["skipped"][2]["why"] == WITHOUT_CERTIFICATE["inequality"]


@pytest.mark.parametrize(
    ("statement", "engine", "words"),
    [
        ("fake-square", "certified", "holds on 4 instances (certified)"),
        ("fake-square", "against", "refuted on 1 instance (certified)"),
        ("fake-false", "against", "refuted as reconstructed; the printed text was not seen (certified)"),
        ("fake-partly", "against", "refuted, with a part reconstructed: the shift (certified)"),
        ("fake-partly", "certified", "holds on 4 instances (certified)"),
        ("fake-square", "hesitant", "undecided: inequality: a candidate at X = 1"),
    ],
)
def test_verdicts_in_words(statement: str, engine: str, words: str) -> None:
    assert report.in_words(examine(statement, engine)) == words


def test_one_line_a_statement() -> None:
    text = printed(report.statements_table([examine("fake-square", "certified"), examine("fake-square", "against")]))
    heading, first, second = [line for line in text.splitlines() if line.strip()]
    assert "verdict" in heading
    assert first.startswith("✓  fake-square")
    assert second.startswith("✗  fake-square")


def test_the_papers_own_configurations_stand_side_by_side() -> None:
    table = report.configurations_table([examine("fake-model", "numerical", "certified")])
    text = printed(table)
    assert table.row_count == 1
    for part in (
        "2, 1",
        "1/100",
        "yes",
        "0.500000000000",
        "0.500000000001",
        "+1.0e−12",
        "holds (certified)",
        "fake-model",
    ):
        assert part in text
    assert report.configurations_table([examine("fake-square", "numerical")]).row_count == 0


def test_a_value_that_is_no_number_is_printed_as_it_is() -> None:
    assert report._side_by_side("0.5", 0.25) == ("0.500000000000", "0.250000000000", "−2.5e−1")
    assert report._side_by_side("unknown", 1.0) == ("unknown", "1.0", "")
    assert report._side_by_side("0." + "3" * 40, "0." + "3" * 39 + "4")[2] == "+1.0e−40"


def test_details_name_clauses_engines_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_report([examine("fake-square", "certified", "raising", "unable")], report.console())
    text = capsys.readouterr().out
    for part in ("clause  inequality  holds on 4 instances (certified)", "RuntimeError: no convergence", "not my kind"):
        assert part in text
    assert "1 of 1 statements as expected" in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_what_went_well_is_brief_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (False, True):
        report.print_report([examine("fake-square", "certified")], report.console(), verbose)
        assert ("engine" in capsys.readouterr().out) is verbose


def test_what_no_statement_says_is_listed_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    omitted = {"fake-cube": "nobody wrote down what the cube is"}
    report.print_report([examine("fake-square", "certified")], report.console(), omitted=omitted)
    row = next(line for line in capsys.readouterr().out.splitlines() if "fake-cube" in line)
    assert row.split(maxsplit=1) == ["fake-cube", omitted["fake-cube"]]
    assert report.verify_json([], omitted=omitted)["omitted"] == omitted
    assert report.list_json([], omitted)["omitted"] == omitted


def test_what_is_omitted_is_not_stated() -> None:
    left_out = omitted()
    assert left_out
    assert not set(left_out) & set(statements())
    for id, reason in left_out.items():
        assert omitted(id) == {id: reason}
        with pytest.raises(StatementError, match=f"{id} is not stated: "):
            find(id)


def test_what_is_refuted_has_its_certificate_and_the_command_that_checks_it() -> None:
    focal = runner.examine(statements()["losses-focal-scale"], ("symbolic",))
    table = report.refuted_table([focal, examine("fake-square", "certified")], lambda c: Path("kept") / c["kind"])
    text = " ".join(printed(table).split())
    for part in ("losses-focal-scale", "s = 2.520149", "fails: the sides are", "collapse recheck kept/failed relation"):
        assert part in text
    (kept,) = {c["claim"]["clause"] for c in focal.certificates if c["kind"] == "failed relation"}
    assert f"certificate {kept}: " in text
    assert ", at gamma = 3, width = 1/20000 again" in text
    assert table.row_count == 3


def test_a_refutation_without_a_certificate_says_so() -> None:
    table = report.refuted_table([examine("fake-false", "against")], None)
    assert "none was written" in printed(table)
    assert table.row_count == 2


def test_the_largest_ratio_of_an_inequality_is_reported_with_its_instance() -> None:
    def instance(size: int, ratio: float) -> Examined:
        evidence = Evidence("descent", (holds("inequality", "numerical"),), 1.0, {"largest ratio": ratio})
        return Examined({"size": size}, ("inequality",), (Outcome("descent", evidence),))

    (summary,) = Examination((instance(1, 0.5), instance(2, 0.75), instance(3, 0.25))).engines
    assert "largest ratio of the sides 0.75, at size = 2" in summary.detail
