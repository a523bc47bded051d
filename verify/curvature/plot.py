"""Spectral densities as a picture: how many measured eigenvalues lie where, and the predicted ones as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.curvature.spectrum import Predicted, Spectrum
from verify.errors import BadInput

BINS = 60
FLOOR = 1e-10
"""Eigenvalues below this share of the largest are rounding, and have no place on a log axis."""


def draw(found: Sequence[Spectrum], path: str) -> None:
    """Write one panel a matrix; eigenvalues that are zero or negative are counted in its title.

    Raises:
        BadInput: where matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadInput("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(7, 2.4 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, one in zip(np.ravel(figure.subplots(len(found), 1, squeeze=False)), found, strict=True):
        _panel(axes, one)
    try:
        figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)
    except OSError as error:
        raise BadInput(f"--plot {path} cannot be written: {error.strerror}") from None


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
