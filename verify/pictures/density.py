"""Spectral densities: how many measured eigenvalues lie where, and the predicted ones as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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

    Args:
        source: what stands below: the setting, and what the predictions are from.

    Raises:
        ValueError: without a spectrum.

    >>> from verify.curvature.spectrum import Spectrum
    >>> one = Spectrum("layer 1", "data term", "collapse", 2, (), "", np.array([1.0, 0.0]), 0.0)
    >>> len(spectral_density([one]).axes)
    1
    """
    if not found:
        raise ValueError("spectral_density needs at least one spectrum")
    figure = sheet(0.6 + 2.2 * len(found) + 0.15 * source.count("\n"), source=source)
    column = panels(figure, len(found), 1, sharex=True)[:, 0]
    bins = _bins(found)
    for axes, one in zip(column, found, strict=True):
        _panel(axes, one, bins)
    if len(bins):
        column[-1].set_xlabel("eigenvalue")
    return figure


def _positive(one: Spectrum) -> tuple[NDArray[np.float64], dict[float, list[Predicted]]]:
    """The measured eigenvalues that a log axis has a place for, and the predicted ones by value."""
    least = _rounding(one)
    lines: dict[float, list[Predicted]] = {}
    for p in one.predicted:
        if float(p.value) > least:
            lines.setdefault(float(p.value), []).append(p)
    return one.measured[one.measured > least], lines


def _rounding(one: Spectrum) -> float:
    return FLOOR * float(np.abs(one.measured).max(initial=one.unit))


def _bins(found: Sequence[Spectrum]) -> NDArray[np.float64]:
    """Edges of the bars, the same in all panels so that none is narrower than a line; none if nothing is positive."""
    ends = [float(value) for one in found for values in _positive(one) for value in values]
    return np.geomspace(min(ends) / 1.5, max(ends) * 1.5, BINS) if ends else np.array([])


def _panel(axes: Any, one: Spectrum, bins: NDArray[np.float64]) -> None:
    shown, lines = _positive(one)
    title = f"{one.name}, {one.term}, at {one.place}: {len(one.measured)} of {one.size} eigenvalues measured"
    hidden = len(one.measured) - len(shown)
    axes.set_title(title + (f",\n{hidden} of them at most 0 up to rounding" if shown.size and hidden else ""))
    if not len(shown):
        said = "are negative or 0" if (one.measured < -_rounding(one)).any() else "are 0"
        axes.text(0.5, 0.5, f"all measured eigenvalues {said}", ha="center", va="center", transform=axes.transAxes)
        axes.set_yticks([])
    if len(shown):
        axes.hist(shown, bins=bins, color=PALE, edgecolor=GREY, linewidth=0.5)
    for index, (value, parts) in enumerate(lines.items()):
        label = ",\n".join(p.part for p in parts) + f", {sum(p.multiplicity for p in parts)}×"
        look = series(index)
        axes.axvline(value, linestyle=look.line, linewidth=1.2, color=look.color, label=label)
    if len(bins):
        axes.set_xscale("log")
    else:
        axes.set_xticks([])
    if len(shown):
        axes.set(yscale="log", ylabel="how many")
        axes.set_ylim(bottom=0.5)
        top = axes.get_ylim()[1]
        counts = [count for power in range(7) for count in (10**power, 3 * 10**power) if count <= top]
        axes.set_yticks(counts, [f"{count:,}" for count in counts])
        axes.set_yticks([], minor=True)
    if lines:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), title="predicted")
