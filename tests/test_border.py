"""The kept table of where collapse is beaten: each entry has certificates that the checker accepts."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from verify import checker

FOLDER = Path(__file__).parent.parent / "docs" / "border"
CELLS = sorted(FOLDER.glob("*.json"))


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
