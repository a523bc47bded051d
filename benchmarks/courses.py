"""How a layer's Hessian moves along gradient descent from several starts, as in ``docs/spectra.md``.

The settings are those of Garrod & Keating 2024, Section 5, as far as they are known. Names of cases as arguments run
only these; those that end in ``-long`` have the 150,000 steps of a published rerun and run only by their names.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from fractions import Fraction

from theory.model import UnconstrainedFeatures
from verify.curvature.course import Checkpoint, courses, geometric
from verify.curvature.points import known_point

SHOWN = ("loss", "outlier_ratio", "smallest_outlier", "next_eigenvalue", "f_mean", "own_mean", "other_most", "dnc1")
"""Numbers of a checkpoint in the table; the head is the same."""


@dataclass(frozen=True)
class Case:
    """Three classes of n samples, five layers of width d, all decays 1/100."""

    n: int
    d: int
    activation: str
    layer: int
    rate: Fraction
    steps: int
    starts: int

    def model(self) -> UnconstrainedFeatures:
        """The model that is trained."""
        sizes, widths = (self.n,) * 3, (self.d,)
        return UnconstrainedFeatures(
            class_sizes=sizes, depth=5, widths=widths, decays="1/100", activation=self.activation
        )


CASES = {
    "linear": Case(40, 60, "linear", 3, Fraction(1, 5), 3000, 10),
    "relu": Case(5, 20, "relu", 4, Fraction(1, 10), 3000, 8),
    "relu-wide": Case(5, 65, "relu", 4, Fraction(1, 10), 3000, 8),
    "relu-published": Case(40, 65, "relu", 4, Fraction(1, 10), 10_000, 3),
    "relu-published-long": Case(40, 65, "relu", 4, Fraction(1, 10), 150_000, 3),
    "relu-long": Case(5, 20, "relu", 4, Fraction(1, 10), 150_000, 3),
    "relu-wide-long": Case(5, 65, "relu", 4, Fraction(1, 10), 150_000, 3),
}


def table(case: Case) -> None:
    """Print least and most over the starts, step by step."""
    model, steps = case.model(), geometric(case.steps)
    known = known_point(model)
    runs = [courses(model, known, [case.layer], steps, case.rate, seed)[0] for seed in range(case.starts)]
    print("| step | " + " | ".join(SHOWN) + " |\n|" + "---|" * (1 + len(SHOWN)))
    for checkpoints in zip(*(run.checkpoints for run in runs), strict=True):
        print(f"| {checkpoints[0].step} | " + " | ".join(span(checkpoints, name) for name in SHOWN) + " |")
    if runs[0].limit:
        limit = runs[0].limit.to_json()
        print("| limit | " + " | ".join(f"{float(Fraction(limit[name])):.5g}" for name in SHOWN) + " |")


def span(checkpoints: tuple[Checkpoint, ...], name: str) -> str:
    """From the least to the most that a number was."""
    values = [checkpoint.numbers()[name] for checkpoint in checkpoints]
    least, most = (f"{value:.3g}" for value in (min(values), max(values)))
    return least if least == most else f"{least} to {most}"


def main(names: list[str]) -> None:
    """Print the tables."""
    for name in names or [name for name in CASES if not name.endswith("-long")]:
        started = time.perf_counter()
        print(f"\n{name}: {CASES[name]}\n")
        table(CASES[name])
        print(f"\n{time.perf_counter() - started:.0f} seconds", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
