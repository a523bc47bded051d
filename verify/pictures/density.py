"""Spectral densities: how many measured eigenvalues lie where, and the predicted ones as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.pictures.style import GREY, PALE, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verify.curvature.spectrum import Predicted, Spectrum

BINS = 60
FLOOR = 1e-10
"""Eigenvalues below this share of the largest are rounding, and have no place on a log axis."""


@picture
def spectral_density(found: Sequence[Spectrum], source: str = "") -> Figure:
    """One panel a matrix, on one scale; eigenvalues that are zero or negative are counted in its title.

    Raises:
        ValueError: without a spectrum.

    >>> from verify.curvature.spectrum import Spectrum
    >>> one = Spectrum("layer 1", "data term", "collapse", 2, (), "", np.array([1.0, 0.0]), 0.0)
    >>> len(spectral_density([one]).axes)
    1
    """
    if not found:
        raise ValueError("spectral_density needs at least one spectrum")
    figure = sheet(0.6 + 2.2 * len(found), source=source)
    column = panels(figure, len(found), 1, sharex=True)[:, 0]
    for axes, one in zip(column, found, strict=True):
        _panel(axes, one)
    column[-1].set_xlabel("eigenvalue")
    return figure


def _panel(axes: Any, one: Spectrum) -> None:
    largest = float(np.abs(one.measured).max(initial=0.0))
    shown = one.measured[one.measured > FLOOR * largest]
    title = f"{one.name}, {one.term}, at {one.place}: {len(one.measured)} of {one.size} eigenvalues measured"
    hidden = len(one.measured) - len(shown)
    axes.set_title(title + (f",\n{hidden} of them at most 0 up to rounding" if hidden else ""))
    if not len(shown):
        return
    lines: dict[float, list[Predicted]] = {}
    for p in one.predicted:
        if float(p.value) > FLOOR * largest:
            lines.setdefault(float(p.value), []).append(p)
    ends = [*lines, shown.min(), shown.max()]
    bins = np.geomspace(min(ends) / 1.5, max(ends) * 1.5, BINS)
    axes.hist(shown, bins=bins, color=PALE, edgecolor=GREY, linewidth=0.5)
    for index, (value, parts) in enumerate(lines.items()):
        label = ",\n".join(p.part for p in parts) + f", {sum(p.multiplicity for p in parts)}×"
        look = series(index)
        axes.axvline(value, linestyle=look.line, linewidth=1.2, color=look.color, label=label)
    axes.set(xscale="log", yscale="log", ylabel="how many")
    axes.yaxis.set_minor_formatter("")
    axes.set_ylim(bottom=0.5)
    if lines:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), title="predicted")
