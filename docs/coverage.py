"""The table of what was verified, in the README between its markers, from the JSON of runs: ``make coverage``.

``collapse verify --json FILE`` writes what is read here; of several files the last that has a statement counts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from theory.statement import statements

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- verified: made by docs/coverage.py -->", "<!-- end -->"
KINDS = ("proved", "certified", "numerical", "refuted", "undecided")


def kind(found: Mapping[str, Any]) -> str:
    """The column that a verdict counts in: its assurance where it holds, else its conclusion."""
    return str(found["assurance"] if found["conclusion"] == "holds" else found["conclusion"])


def table(found: Iterable[Mapping[str, Any]]) -> str:
    """One row a paper: how many statements, and how many verdicts of each kind."""
    verdicts = {one["id"]: kind(one) for one in found}
    papers: dict[str, Counter[str]] = {}
    for id, statement in statements().items():
        papers.setdefault(statement.source.paper if statement.source else "", Counter())[verdicts[id]] += 1
    total = sum(papers.values(), Counter[str]())
    rows = [row(paper, counts) for paper, counts in papers.items()]
    return "\n".join([row_of("paper", "statements", *KINDS), "|---|" + "---:|" * 6, *rows, row("all", total)])


def row(paper: str, counts: Counter[str]) -> str:
    """The counts of one paper; a dash for none."""
    return row_of(paper, str(counts.total()), *(str(counts[name] or "–") for name in KINDS))


def row_of(*cells: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Replace what stands between the markers."""
    found = [one for path in sys.argv[1:] for one in json.loads(Path(path).read_text(encoding="utf-8"))["statements"]]
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
