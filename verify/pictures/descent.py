"""Objective of descent runs, step by step, against the certified enclosure of the minimum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theory.arithmetic.intervals import Interval
from verify.pictures.style import BLACK, ORANGE, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

ROUNDING = 1e-16
"""Gaps below this share of the minimum are rounding, and are drawn there."""


@picture
def descent_runs(steps: Sequence[int], objectives: Array, enclosure: Interval, source: str = "") -> Figure:
    """Objectives (runs × len(steps)) against an enclosure of the minimum, and the gaps to its lower end.

    Args:
        steps: the numbers of steps at which the objectives were measured.
        enclosure: two-sided bounds on the minimum.

    Raises:
        ValueError: where the objectives are not one a run and step.

    >>> figure = descent_runs([0, 10], np.array([[2.0, 1.5]]), Interval.exact(1))
    >>> figure.axes[1].lines[0].get_ydata().tolist()
    [1.0, 0.5]
    """
    values = np.asarray(objectives, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(steps):
        raise ValueError(f"objectives must have a column for each of {len(steps)} steps, got the shape {values.shape}")
    low, high = float(enclosure.low), float(enclosure.high)
    figure = sheet(3.0, source=source)
    left, right = panels(figure, 1, 2)[0]
    for run, row in enumerate(values):
        look = series(run)
        every = max(1, len(steps) // 8)
        left.plot(steps, row, label=f"run {run + 1}", markevery=every, **look.style)
        right.plot(steps, gaps(row, enclosure), markevery=every, **look.style)
    left.axhspan(low, high, color=ORANGE, alpha=0.4, linewidth=0)
    within = "minimum, exact" if enclosure.is_exact else f"minimum, certified\nwithin {float(enclosure.width):.0e}"
    left.axhline(high, color=BLACK, linewidth=0.8, label=within)
    left.set(xlabel="steps of gradient descent", ylabel="objective", title="objective")
    right.set(xlabel="steps of gradient descent", ylabel="objective − lower bound", yscale="log")
    right.set_title("gap to the certified lower bound")
    left.legend()
    return figure


def gaps(values: Array, enclosure: Interval) -> Array:
    """What objectives are above the lower end; ``ROUNDING`` times the minimum where that is less.

    >>> gaps(np.array([1.5, 1.0]), Interval.exact(1)).tolist()
    [0.5, 1e-16]
    """
    low = float(enclosure.low)
    return np.maximum(values - low, ROUNDING * max(abs(low), np.finfo(float).tiny))
