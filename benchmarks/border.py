"""Where deep neural collapse stops being optimal: tables over classes and depth, with certificates.

``make border`` searches each cell for a stated time and writes ``docs/border.md`` and the certificates beside it. With
squared error and ReLU layers a cell is beaten at all decays (an exact fit), or at some fractions of the largest decay
at which collapse is not zero, or not beaten within the effort; with cross-entropy and linear layers it is beaten over a
range of decays. What is there already is not searched again, unless ``--fresh``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from theory import GlobalMinimum, NotGlobalMinimum, UnconstrainedFeatures, deep_neural_collapse
from theory.closed_form.deep_softmax import beats_zero, below_collapse, near_critical
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


def unbeaten(classes: int) -> str:
    """A cell in which nothing was found; for two classes a theorem says that there is nothing."""
    return "optimal" if classes == 2 else "–"


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
        return f"at {', '.join(self.beaten)}" if self.beaten else unbeaten(self.classes)


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


CE_CLASSES, CE_DEPTHS = range(2, 9), range(2, 7)
STEP = Fraction(1, 1000)
"""To which the scale α of collapse is found at which it stops being beaten."""

LARGEST_SCALE = Fraction(15)
"""Of those that are tried: decays from about 1e-6 on."""


@dataclass(frozen=True)
class Range:
    """Scales of collapse at which it is beaten with cross-entropy: the first, one between, the last; and one beyond."""

    classes: int
    depth: int
    beaten: tuple[str, ...]
    unbeaten: str
    decays: tuple[str, ...]

    @property
    def text(self) -> str:
        """The cell of the table."""
        if not self.beaten:
            return unbeaten(self.classes)
        high, low = (inwards(Fraction(self.decays[i]), i == -1) for i in (0, -1))
        return f"{low} to {high}" if self.unbeaten else f"every decay tried, {low} to {high}"


def inwards(decay: Fraction, up: bool) -> str:
    """A decay in four digits, inside the range of which it is an end."""
    rounding = Context(prec=4, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return f"{float(rounding.divide(Decimal(decay.numerator), Decimal(decay.denominator))):.4g}"


def first_scale(classes: int, depth: int) -> Fraction:
    """The least multiple of STEP at which collapse is clearly better than zero."""
    return next(k * STEP for k in range(1, 10_000) if beats_zero(classes, depth, k * STEP))


def search_range(classes: int, depth: int, seconds: float) -> tuple[Range, list[Any]]:
    """From where collapse ties with zero towards smaller decays: larger and larger steps, then bisection."""
    known: dict[tuple[int, int], Any] = {}
    found: dict[Fraction, Any] = {}

    def beaten(alpha: Fraction) -> bool:
        problem = near_critical(classes, depth, 1, alpha)
        claim = NotGlobalMinimum(problem, below_collapse(problem, alpha))
        rival = RivalSearch(claim, known).run(Instance(claim), seed=0, seconds=seconds)
        if rival is not None:
            found[alpha] = rival.certificates[0]
        return rival is not None

    low = first_scale(classes, depth)
    high = last_beaten(beaten, low) if beaten(low) else low
    scales = sorted(found)
    kept = [alpha for i, alpha in enumerate(scales) if i in (0, len(scales) // 2, len(scales) - 1)]
    decays = tuple(found[alpha]["claim"]["model"]["feature_decay"] for alpha in kept)
    return Range(classes, depth, tuple(map(str, kept)), str(high), decays), [found[alpha] for alpha in kept]


def last_beaten(beaten: Callable[[Fraction], bool], low: Fraction) -> Fraction | str:
    """A scale at which collapse is not beaten, STEP above one at which it is; empty where every one is."""
    step = 40 * STEP
    while beaten(min(low + step, LARGEST_SCALE)):
        low, step = min(low + step, LARGEST_SCALE), 2 * step
        if low == LARGEST_SCALE:
            return ""
    high = min(low + step, LARGEST_SCALE)
    while high - low > STEP:
        middle = low + (high - low) / 2 // STEP * STEP
        low, high = (middle, high) if beaten(middle) else (low, middle)
    return high


def ranges(seconds: float, fresh: bool) -> Iterator[Range]:
    """All cells for cross-entropy, from the store or searched now; each is kept when it is done."""
    for depth in CE_DEPTHS:
        for classes in CE_CLASSES:
            path = FOLDER / f"ce-K{classes}-L{depth}.json"
            data = None if fresh or not path.exists() else json.loads(path.read_text(encoding="utf-8"))
            if data is None:
                cell, certificates = search_range(classes, depth, seconds)
                text = json.dumps({"cell": vars(cell), "certificates": certificates}, ensure_ascii=False)
                path.write_text(text + "\n", encoding="utf-8")
                print(f"cross-entropy, K = {classes}, L = {depth}: {cell.text}", flush=True)
                yield cell
                continue
            for certificate in data["certificates"]:
                checker.check(certificate)
            yield Range(**{name: tuple(x) if isinstance(x, list) else x for name, x in data["cell"].items()})


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


def page(relu: list[Cell], softmax: list[Range], seconds: float) -> str:
    """The tables in Markdown."""
    return PAGE.format(seconds=seconds, relu=table(relu), softmax=table(softmax), step=STEP)


def table(found: list[Cell] | list[Range]) -> str:
    """Classes by depth."""
    by_place = {(cell.classes, cell.depth): cell.text for cell in found}
    classes, depths = (sorted({place[i] for place in by_place}) for i in (0, 1))
    head = "| K | " + " | ".join(f"L = {depth}" for depth in depths) + " |"
    rows = [f"| {K} | " + " | ".join(by_place[K, L] for L in depths) + " |" for K in classes]
    return "\n".join([head, "|---|" + "---|" * len(depths), *rows])


PAGE = """# Where deep neural collapse stops being optimal

Each entry has its certificates in `docs/border/`; `make border` makes the tables. L is the number of weight matrices, –
means not beaten within {seconds:g} seconds a decay, which proves nothing; *optimal* is said by a theorem.

## ReLU layers, squared error

Balanced classes, hidden layers of 2K neurons. For two classes collapse is optimal (`sukenik2023-global`).

- *All decays*: weights that fit the labels exactly and have a smaller product of squared norms, by the factor in
  brackets, so that they are below collapse wherever that is not zero.
- *At*: beaten at these fractions of the decay at which collapse ties with zero.

{relu}

## Linear layers, cross-entropy

One sample a class, widths K, all decays λ equal. Decays at which weights lie strictly below every collapsed point: the
larger one is next to where collapse ties with zero, and beyond the smaller one, a step {step} of the scale α of
collapse further, nothing lower was found. With n samples a class λ n^(1/(L+1)) takes the place of λ. For K ≥ 6, and for
K ≥ 4 from L = 3 on, collapse is beaten at every decay (`garrod2025-dnc-not-global`, proved); for two classes it is
optimal (`dang2023-ce-two-classes`).

{softmax}
"""


def main() -> None:
    """Search what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    found = list(cells(options.seconds, options.fresh))
    softmax = list(ranges(options.seconds, options.fresh))
    FOLDER.with_suffix(".md").write_text(page(found, softmax, options.seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
