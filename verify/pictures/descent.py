"""Objective of descent runs, step by step, against the certified enclosure of the minimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.arithmetic.intervals import Interval
from verify.pictures.style import BLACK, GREY, ORANGE, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

HEADROOM = 0.25
"""Room above and below the levels, relative to their range."""
NARROW = 1e-3
"""Bounds that are closer than this share of the minimum are one line."""
ROUNDING = 1e-16
"""Gaps below this share of the minimum are rounding, and are drawn there."""


@picture
def descent_runs(
    steps: Sequence[int],
    objectives: Array,
    enclosure: Interval,
    source: str = "",
    levels: Mapping[str, float] = MappingProxyType({}),
) -> Figure:
    """Objectives (runs × len(steps)) against an enclosure of the minimum; on the right the gaps to its lower end.

    Args:
        steps: the numbers of steps at which the objectives were measured.
        enclosure: two-sided bounds on the minimum.
        levels: objectives of other points by name. With them the right panel shows where runs end among these.

    Raises:
        ValueError: where the objectives are not one a run and step.

    >>> figure = descent_runs([0, 10], np.array([[2.0, 1.5]]), Interval.exact(1))
    >>> figure.axes[1].lines[0].get_ydata().tolist()
    [1.0, 0.5]
    """
    values = np.asarray(objectives, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(steps):
        raise ValueError(f"objectives must have a column for each of {len(steps)} steps, got the shape {values.shape}")
    figure = sheet(3.2, source=source)
    left, right = panels(figure, 1, 2)[0]
    every = max(1, len(steps) // 8)
    for run, row in enumerate(values):
        left.plot(steps, row, label=f"run {run + 1}", markevery=every, **series(run).style)
        right.plot(steps, row if levels else gaps(row, enclosure), markevery=every, **series(run).style)
    _enclosed(left, enclosure)
    left.set(xlabel="steps of gradient descent", ylabel="objective", title="objective")
    right.set_xlabel("steps of gradient descent")
    if levels:
        _near(right, values[:, -1], levels)
        if _is_apart(enclosure):
            _band(right, enclosure)
    else:
        right.set(ylabel="objective − lower bound", yscale="log", title="gap to the certified lower bound")
    shown = {
        label: handle for axes in (right, left) for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(shown.values(), shown, loc="outside right upper")
    return figure


def _enclosed(axes: Any, enclosure: Interval) -> None:
    """A line for the minimum, or a band that it is in where the bounds are seen to be apart."""
    high, width = float(enclosure.high), float(enclosure.width)
    if _is_apart(enclosure):
        label = f"the minimum is in\nthis certified band,\n{width:.0e} wide"
        _band(axes, enclosure, label)
    else:
        label = "minimum, exact" if enclosure.is_exact else f"minimum, certified\nwithin {width:.0e}"
        axes.axhline(high, color=BLACK, linewidth=0.8, label=label)


def _band(axes: Any, enclosure: Interval, label: str | None = None) -> None:
    axes.axhspan(float(enclosure.low), float(enclosure.high), color=ORANGE, alpha=0.4, linewidth=0, label=label)


def _is_apart(enclosure: Interval) -> bool:
    """Whether the bounds are seen to be apart."""
    return float(enclosure.width) > NARROW * abs(float(enclosure.high))


def _near(axes: Any, ends: Array, levels: Mapping[str, float]) -> None:
    """Show the levels, and as much around them as where runs end."""
    for index, (name, level) in enumerate(levels.items()):
        axes.axhline(level, color=GREY, linewidth=1, linestyle=("-", "--", ":", "-.")[index % 4], label=name)
    low, high = min(*ends, *levels.values()), max(levels.values())
    room = HEADROOM * (high - low)
    axes.set_ylim(low - room, high + room)
    axes.set(ylabel="objective", title="the same, where runs end")


def gaps(values: Array, enclosure: Interval) -> Array:
    """What objectives are above the lower end; ``ROUNDING`` times the minimum where that is less.

    >>> gaps(np.array([1.5, 1.0]), Interval.exact(1)).tolist()
    [0.5, 1e-16]
    """
    low = float(enclosure.low)
    return np.maximum(values - low, ROUNDING * max(abs(low), np.finfo(float).tiny))
