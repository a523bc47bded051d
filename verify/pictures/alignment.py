"""A layer's Hessian along a descent: its outliers over steps, and how they and the gradient align with class means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verify.pictures.density import FLOOR
from verify.pictures.style import BLACK, GREY, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verify.curvature.course import Course

BELOW = 5
"""How far the axis of outliers goes on below the least: what follows them falls to rounding."""
SHARES = {"f": "f: eigenvectors", "own": "f̃, c = c': the gradient", "other": "f̃, c ≠ c'"}
"""Numbers of checkpoints with their labels: mean as a line, least to most as a band."""


@picture
def alignments(found: Sequence[Course], source: str = "") -> Figure:
    """Two panels a layer: eigenvalues over steps, and below them f and the gradient's shares, with predicted limits.

    Raises:
        ValueError: without a layer.
    """
    if not found:
        raise ValueError("alignments needs at least one layer")
    figure = sheet(0.6 + 4.6 * len(found) + 0.15 * source.count("\n"), source=source)
    for (above, below), one in zip(panels(figure, 2 * len(found), 1).reshape(-1, 2), found, strict=True):
        _eigenvalues(above, one)
        _shares(below, one)
        for axes in (above, below):
            axes.set_xscale("symlog", linthresh=one.checkpoints[1].step)
            axes.set(xlim=(0, one.checkpoints[-1].step), xlabel="steps of gradient descent")
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _eigenvalues(axes: Any, one: Course) -> None:
    steps, outliers = (
        _numbers(one, "step"),
        np.array([at.alignment.eigenvalues[:-1].tolist() for at in one.checkpoints]),
    )
    axes.set_title(f"layer {one.layer}, data term")
    axes.plot(steps, outliers, **series(0).style)
    axes.lines[0].set_label("the outliers")
    following = _numbers(one, "next_eigenvalue")
    shown = following > FLOOR * outliers.max(initial=0.0)
    axes.plot(steps[shown], following[shown], **{**series(1).style, "color": GREY}, label="the next")
    if one.limit:
        value = float(one.limit.outlier)
        axes.axhline(value, linestyle="--", linewidth=1, color=BLACK, label=f"predicted, {value:.6g}")
    axes.set(yscale="log", ylabel="eigenvalue")
    if (outliers > 0).any():
        axes.set_ylim(bottom=outliers[outliers > 0].min() / BELOW)


def _shares(axes: Any, one: Course) -> None:
    steps = _numbers(one, "step")
    limits = (1.0, float(one.limit.share), 0.0) if one.limit else ()
    for index, (name, label) in enumerate(SHARES.items()):
        least, mean, most = (_numbers(one, f"{name}_{part}") for part in ("least", "mean", "most"))
        look = series(index)
        axes.plot(steps, mean, **look.style, label=label)
        axes.fill_between(steps, least, most, color=look.color, alpha=0.2, linewidth=0)
        if limits:
            axes.axhline(limits[index], linestyle="--", linewidth=1, color=look.color)
    axes.set(ylim=(-0.05, 1.05), ylabel="share, without unit")


def _numbers(one: Course, name: str) -> NDArray[np.float64]:
    return np.array([checkpoint.numbers()[name] for checkpoint in one.checkpoints])
