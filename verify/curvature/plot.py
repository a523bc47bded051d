"""Pictures: how many measured eigenvalues lie where, or how they move along a descent, with predicted ones as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.curvature.course import Course
from verify.curvature.spectrum import Predicted, Spectrum
from verify.errors import BadInput

BINS = 60
BELOW = 5
"""How far the axis of outliers goes on below the least: what follows them falls to rounding."""
FLOOR = 1e-10
"""Eigenvalues below this share of the largest are rounding, and have no place on a log axis."""


def draw(found: Sequence[Spectrum], path: str) -> None:
    """Write one panel a matrix; eigenvalues that are zero or negative are counted in its title.

    Raises:
        BadInput: where matplotlib is missing, or the file cannot be written.
    """
    figure = _figure(2.4 * len(found))
    for axes, one in zip(np.ravel(figure.subplots(len(found), 1, squeeze=False)), found, strict=True):
        _panel(axes, one)
    _write(figure, path)


def draw_courses(found: Sequence[Course], path: str) -> None:
    """Write two panels a layer: eigenvalues over steps, and below them f and the gradient's shares.

    Raises:
        BadInput: where matplotlib is missing, or the file cannot be written.
    """
    figure = _figure(5.0 * len(found))
    for (above, below), one in zip(figure.subplots(2 * len(found), 1).reshape(-1, 2), found, strict=True):
        _eigenvalues(above, one)
        _alignments(below, one)
        for axes in (above, below):
            axes.set_xscale("symlog", linthresh=one.checkpoints[1].step)
            axes.set_xlim(0, one.checkpoints[-1].step)
            axes.set_xlabel("steps of gradient descent")
            axes.legend(fontsize=7)
    _write(figure, path)


def _figure(height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInput("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(7, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _write(figure: Any, path: str) -> None:
    try:
        figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)
    except OSError as error:
        raise BadInput(f"--plot {path} cannot be written: {error.strerror}") from None


def _eigenvalues(axes: Any, one: Course) -> None:
    steps, outliers = _series(one, "step"), np.array([at.alignment.eigenvalues[:-1].tolist() for at in one.checkpoints])
    axes.set_title(f"layer {one.layer}, data term", fontsize=8)
    axes.plot(steps, outliers, color="C0", marker=".", linewidth=0.6)
    axes.lines[0].set_label("the K² largest eigenvalues")
    following = _series(one, "next_eigenvalue")
    shown = following > FLOOR * outliers.max(initial=0.0)
    axes.plot(steps[shown], following[shown], color="0.6", marker=".", linewidth=1, label="the next")
    if one.limit:
        value = float(one.limit.outlier)
        axes.axhline(value, linestyle="--", linewidth=1, color="C1", label=f"predicted, {value:.6g}")
    axes.set(yscale="log", ylabel="eigenvalue")
    if (outliers > 0).any():
        axes.set_ylim(bottom=outliers[outliers > 0].min() / BELOW)


def _alignments(axes: Any, one: Course) -> None:
    steps = _series(one, "step")
    for color, (name, label) in enumerate({"f": "f", "own": "f̃, c = c'", "other": "f̃, c ≠ c'"}.items()):
        least, mean, most = (_series(one, f"{name}_{part}") for part in ("least", "mean", "most"))
        axes.plot(steps, mean, color=f"C{color}", marker=".", linewidth=1, label=label)
        axes.fill_between(steps, least, most, color=f"C{color}", alpha=0.2, linewidth=0)
    if one.limit:
        for color, value in enumerate((1.0, float(one.limit.share), 0.0)):
            axes.axhline(value, linestyle="--", linewidth=1, color=f"C{color}")
    axes.set(ylim=(-0.05, 1.05), ylabel="mean, least to most")


def _series(one: Course, name: str) -> NDArray[np.float64]:
    return np.array([checkpoint.numbers()[name] for checkpoint in one.checkpoints])


def _panel(axes: Any, one: Spectrum) -> None:
    largest = float(np.abs(one.measured).max(initial=0.0))
    shown = one.measured[one.measured > FLOOR * largest]
    title = f"{one.name}, {one.term}, at {one.place}: {len(one.measured)} of {one.size} eigenvalues measured"
    hidden = len(one.measured) - len(shown)
    axes.set_title(title + (f", {hidden} of them at most 0 up to rounding" if hidden else ""), fontsize=8)
    if not len(shown):
        return
    lines: dict[float, list[Predicted]] = {}
    for p in one.predicted:
        if float(p.value) > FLOOR * largest:
            lines.setdefault(float(p.value), []).append(p)
    ends = [*lines, shown.min(), shown.max()]
    axes.hist(shown, bins=np.geomspace(min(ends) / 1.5, max(ends) * 1.5, BINS), color="0.6")
    for color, (value, parts) in enumerate(lines.items()):
        label = f"{', '.join(p.part for p in parts)}, {sum(p.multiplicity for p in parts)}×"
        axes.axvline(value, linestyle="--", linewidth=1, color=f"C{color}", label=label)
    axes.set(xscale="log", yscale="log", xlabel="eigenvalue", ylabel="how many")
    axes.set_ylim(bottom=0.5)
    if lines:
        axes.legend(fontsize=7)
