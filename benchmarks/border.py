"""Where deep neural collapse stops being optimal in the ReLU model: a table over classes and depth, with certificates.

``make border`` searches each cell for a stated time and writes ``docs/border.md`` and the certificates beside it. A
cell is beaten at all decays (an exact fit), or at some fractions of the largest decay at which collapse is not zero, or
not beaten within the effort. What is there already is not searched again, unless ``--fresh``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from theory import GlobalMinimum, UnconstrainedFeatures, deep_neural_collapse
from theory.statement import Instance
from verify import checker
from verify.attacks import RivalSearch

FOLDER = Path(__file__).parent.parent / "docs" / "border"
CLASSES, DEPTHS = range(2, 11), range(2, 7)
FRACTIONS = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10), Fraction(99, 100))
"""Of the decay at which collapse ties with zero."""

WIDENING = 2
"""Hidden layers have so many neurons a class: some low-rank solutions need more neurons than classes."""

SECONDS = 4.0
"""Search for one cell and decay, on one thread."""


@dataclass(frozen=True)
class Cell:
    """What was found for one number of classes and one depth; ``beaten`` at these fractions, or at all decays."""

    classes: int
    depth: int
    ratio: str
    beaten: tuple[str, ...]
    tried: tuple[str, ...]

    @property
    def text(self) -> str:
        """The cell of the table."""
        if self.ratio:
            return f"all decays ({self.ratio})"
        return f"at {', '.join(self.beaten)}" if self.beaten else "–"


def threshold(classes: int, depth: int) -> float:
    """λ at which collapse ties with zero, with one sample a class: K λ = (1/L) ((L−1)/L)^((L−1)/(L+1))."""
    L = depth
    return ((L - 1) / L) ** ((L - 1) / (L + 1)) / L / classes


def model(classes: int, depth: int, fraction: Fraction) -> UnconstrainedFeatures:
    """The model with a decay of four digits at a fraction of the threshold."""
    decay = Fraction(int(threshold(classes, depth) * float(fraction) * 10_000), 10_000)
    return UnconstrainedFeatures(
        class_sizes=(1,) * classes,
        depth=depth,
        decays=decay,
        activation="relu",
        widths=WIDENING * classes,
    )


def search(classes: int, depth: int, seconds: float, known: dict[tuple[int, int], Any]) -> tuple[Cell, list[Any]]:
    """Search one cell: an exact fit ends it, else every fraction is tried."""
    beaten, tried, certificates = [], [], []
    for fraction in FRACTIONS:
        problem = model(classes, depth, fraction)
        claim = GlobalMinimum(problem, deep_neural_collapse(problem))
        found = RivalSearch(claim, known).run(Instance(claim), seed=0, seconds=seconds)
        tried.append(str(fraction))
        if found is None:
            continue
        beaten.append(str(fraction))
        certificates.append(found.certificates[-1])
        if found.certificates[-1]["kind"] == "exact fit":
            ratio = checker.check(found.certificates[-1]).rsplit(" is ", 1)[1].split()[0]
            return Cell(classes, depth, ratio, tuple(beaten), tuple(tried)), certificates[-1:]
    return Cell(classes, depth, "", tuple(beaten), tuple(tried)), certificates


def cells(seconds: float, fresh: bool) -> Iterator[Cell]:
    """All cells, from the store or searched now; each is kept when it is done."""
    known: dict[tuple[int, int], Any] = {}
    for depth in DEPTHS:
        for classes in CLASSES:
            path = FOLDER / f"K{classes}-L{depth}.json"
            if path.exists() and not fresh:
                data = json.loads(path.read_text(encoding="utf-8"))
                for certificate in data["certificates"]:
                    checker.check(certificate)
                yield Cell(
                    **{**data["cell"], "beaten": tuple(data["cell"]["beaten"]), "tried": tuple(data["cell"]["tried"])}
                )
                continue
            cell, certificates = search(classes, depth, seconds, known)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"cell": vars(cell), "certificates": certificates}, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
            print(f"K = {classes}, L = {depth}: {cell.text}", flush=True)
            yield cell


def page(found: list[Cell], seconds: float) -> str:
    """The table in Markdown."""
    by_place = {(cell.classes, cell.depth): cell for cell in found}
    head = "| K | " + " | ".join(f"L = {depth}" for depth in DEPTHS) + " |"
    rule = "|---|" + "---|" * len(DEPTHS)
    rows = [f"| {K} | " + " | ".join(by_place[K, L].text for L in DEPTHS) + " |" for K in CLASSES]
    return PAGE.format(seconds=seconds, table="\n".join([head, rule, *rows]))


PAGE = """# Where deep neural collapse stops being optimal

ReLU model, squared error, balanced classes, hidden layers of 2K neurons, L weight matrices.

- *All decays*: weights that fit the labels exactly and have a smaller product of squared norms, by the factor in
  brackets, so that they are below collapse wherever that is not zero.
- *At*: beaten at these fractions of the decay at which collapse ties with zero.
- –: not beaten within {seconds:g} seconds a decay, which proves nothing (for two classes it is a theorem).

Each entry has its certificates in `docs/border/`; `make border` makes the table.

{table}
"""


def main() -> None:
    """Search what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    found = list(cells(options.seconds, options.fresh))
    FOLDER.with_suffix(".md").write_text(page(found, options.seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
