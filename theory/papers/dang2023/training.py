"""Section 6, direct optimisation of all factors by gradient descent with momentum (statement 20)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Experiment, GlobalMinimum, at_most, clause
from theory.model import UnconstrainedFeatures as Model
from theory.ops import variable
from theory.papers.dang2023.letters import LETTERS, Letters, SmallestRoot, ValueOff
from theory.papers.dang2023.reductions import value
from theory.papers.dang2023.setting import BALANCED_4, EXPERIMENT, source
from theory.statement import Expected, theorem

TOLERANCE, SMALL = Fraction(2, 10**7), Fraction(1, 10**5)
"""Relative distance of the objective from the minimum, and largest metric, at the end of a run."""

DATA: dict[str, tuple[dict[str, Any], tuple[int, ...], str]] = {
    "imbalanced": (EXPERIMENT, (8, 4, 2, 2), "none"),
    "balanced": (BALANCED_4, (4, 4, 4, 4), "none"),
    "balanced with a bias": (BALANCED_4, (4, 4, 4, 4), "last-layer"),
}
"""The paper's settings, class sizes of the quick version, and the bias."""


@theorem(
    "dang2023-direct-gd",
    source=source("section 6, direct optimisation", "Q"),
    expected=Expected("holds", "numerical", "what a program measures is numerical"),
    hypotheses={"M = 1, 3 or 6": lambda depth, data: depth in (1, 3, 6) and data in DATA},
    depth=st.sampled_from((1, 3, 6)),
    data=st.sampled_from(tuple(DATA)),
    witness={"depth": 3, "data": "imbalanced"},
    wrong={
        "value off by 1e-6": {"letters": ValueOff()},
        "smallest root": {"letters": SmallestRoot()},
        "metrics of 1e-20": {"small": Fraction(1, 10**20)},
    },
)
def direct_gd(depth: int, data: str, letters: Letters = LETTERS, small: Fraction = SMALL) -> Experiment:
    """Gradient descent with momentum on all factors ends at the minimum, with NC1, NC2 and NC3.

    Every run ends within 2e-7 of the minimum, relative to it, and not below; NC1, NC2_W, NC2_H and NC3, as the
    official code has them, are at most 1e-5. The official settings (n = (200, 100, 50, 50) or 4×100, d = 64, λ = 5e-4,
    rate 1/10, momentum 9/10, entries of deviation 1/10 at the start, 30,000 steps, one run) are those of ``--full``;
    the quick version has n = (8, 4, 2, 2) or 4×4, d = 16, λ = 1/125, deviation 1/4 and 1,000 steps.
    """
    fields, sizes, bias = DATA[data]
    full = Model(depth=depth, bias=bias, **fields)
    quick = full.with_(class_sizes=sizes, widths=(16,), decays="1/125")
    longer = _ends_at_minimum(full, 1, 30_000, Fraction(1, 10), letters, small)
    return _ends_at_minimum(quick, 1, 1000, Fraction(1, 4), letters, small, longer)


def _ends_at_minimum(
    model: Model,
    runs: int,
    steps: int,
    deviation: Fraction,
    letters: Letters,
    small: Fraction,
    full: Experiment | None = None,
) -> Experiment:
    minimum, lowest, highest = value.build(model, letters), variable("lowest"), variable("highest")
    assert isinstance(minimum, GlobalMinimum)
    least = minimum.value
    clauses = (
        clause("value", at_most(highest, (1 + TOLERANCE) * least), at_most((1 - TOLERANCE) * least, lowest)),
        *(clause(name, at_most(variable(name), small)) for name in ("NC1", "NC2_W", "NC2_H", "NC3")),
    )
    rates = {"rate": Fraction(1, 10), "momentum": Fraction(9, 10), "deviation": deviation}
    return Experiment("deep linear training", {"model": model, "runs": runs, "steps": steps, **rates}, clauses, full)
