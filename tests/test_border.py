"""The kept tables of where collapse is beaten: each entry has certificates that the checker accepts."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from theory.closed_form.deep_softmax import below_collapse, near_critical
from theory.ops import to_json
from theory.statement import statements
from verify import checker

FOLDER = Path(__file__).parent.parent / "docs" / "border"
CELLS = sorted(FOLDER.glob("K*.json"))
RANGES = sorted(FOLDER.glob("ce-*.json"))


def test_the_table_has_all_cells() -> None:
    assert len(CELLS) == 9 * 5
    table = FOLDER.with_suffix(".md").read_text(encoding="utf-8")
    assert table.count("all decays (") == sum("exact fit" in path.read_text(encoding="utf-8") for path in CELLS)


@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
def test_an_entry_rests_on_its_certificates(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    cell, certificates = data["cell"], data["certificates"]
    assert len(certificates) == (1 if cell["ratio"] else len(cell["beaten"]))
    for certificate in certificates:
        claim = checker.check(certificate)
        problem = certificate.get("model") or certificate["claim"]["model"]
        assert (len(problem["class_sizes"]), problem["depth"]) == (cell["classes"], cell["depth"])
        if cell["ratio"]:
            assert certificate["kind"] == "exact fit"
            assert cell["ratio"] in claim
            assert Fraction(cell["ratio"]) < 1


def test_two_classes_are_never_beaten() -> None:
    cells = [json.loads(path.read_text(encoding="utf-8"))["cell"] for path in CELLS if path.stem.startswith("K2-")]
    assert not [cell for cell in cells if cell["beaten"]]
    rows = re.findall(r"^\| 2 \|.*$", FOLDER.with_suffix(".md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ["| 2 |" + " optimal |" * 5] * 2


def test_the_ranges_have_all_cells_and_a_row_each() -> None:
    assert len(RANGES) == 7 * 5
    table = FOLDER.with_suffix(".md").read_text(encoding="utf-8").split("## Linear layers")[1]
    unlimited = [data for path in RANGES if (data := read(path)["cell"])["beaten"] and not data["unbeaten"]]
    assert table.count("every decay tried") == len(unlimited)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", RANGES, ids=lambda path: path.stem)
def test_a_range_rests_on_certificates_at_its_ends(path: Path) -> None:
    """Each is of the model at a scale of collapse, with a value that no collapsed point of it undercuts."""
    data = read(path)
    cell, certificates = data["cell"], data["certificates"]
    assert len(certificates) == len(cell["beaten"]) == len(cell["decays"])
    for scale, decay, certificate in zip(cell["beaten"], cell["decays"], certificates, strict=True):
        assert checker.check(certificate)
        found = near_critical(cell["classes"], cell["depth"], 1, Fraction(scale))
        assert certificate["claim"]["model"] == found.to_json()
        assert certificate["claim"]["value"] == to_json(below_collapse(found, Fraction(scale)))
        assert str(found.feature_decay) == decay
    assert cell["beaten"] == sorted(cell["beaten"], key=Fraction)


def test_two_classes_have_no_range_and_three_have_one_from_two_layers_on() -> None:
    beaten = {(d["classes"], d["depth"]): d["beaten"] for path in RANGES for d in [read(path)["cell"]]}
    assert {place for place, scales in beaten.items() if not scales} == {(2, L) for L in range(2, 7)}


def test_the_statement_names_the_ranges_of_the_table() -> None:
    reason = statements()["dang2023-ce-deep-linear"].expected.reason
    for K, M in ((3, 2), (4, 2), (5, 2), (3, 3), (3, 4)):
        low, high = re.findall(rf"(\.\d+) to (\.\d+) \(K = {K}, M = {M}\)", reason)[0]
        decays = [float(Fraction(x)) for x in read(FOLDER / f"ce-K{K}-L{M}.json")["cell"]["decays"]]
        assert decays[-1] <= float(low) < 1.001 * decays[-1]
        assert 0.999 * decays[0] < float(high) <= decays[0]
