"""The picture on the front page, from closed forms: ``make picture`` writes ``docs/minority-collapse.svg``."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from theory import Optimum, UnconstrainedFeatures, optimum
from verify.pictures.style import cited, series

SIZES = (200, 100, 50, 50, 20)
DEPTHS = (1, 3)
DECAYS = [Fraction(i, 6000) for i in range(1, 241)]
SHOWN = ("1/200", "1/60", "1/40")
"""Decays whose outputs are shown as matrices."""
JUMP = 0.5
"""A curve that ends above it jumps, and is not drawn down to zero."""


def at(depth: int, decay: str | Fraction) -> Optimum:
    """The optimum of a deep linear network without a bias, one decay for all factors."""
    return optimum(UnconstrainedFeatures(class_sizes=SIZES, depth=depth, decays=decay))


def gains(found: Optimum) -> np.ndarray[Any, Any]:
    """Each class's confidence, entry k of W_M ⋯ W_1 h̄_k; zero where the class has collapsed to nothing. Shape (K,)."""
    groups = found.gains()
    values = {k: float(value.low) for group, value in zip(groups.groups, groups.diagonal, strict=True) for k in group}
    return np.array([values[k] for k in range(len(SIZES))])


def curves(axes: Any, depth: int) -> None:
    """Each class's confidence against the decay."""
    values = np.array([gains(at(depth, decay)) for decay in DECAYS])
    for index, (size, column) in enumerate(dict(zip(SIZES, values.T, strict=True)).items()):
        drawn, end = column.copy(), int(np.argmin(column > 0))
        if column[end - 1] > JUMP:
            drawn[end] = np.nan
        count = SIZES.count(size)
        name = f"{count} classes of {size}" if count > 1 else f"a class of {size}"
        style = series(index).style | {"marker": ""}
        axes.plot([float(decay) for decay in DECAYS], drawn, label=name, **style)
    for decay in SHOWN:
        axes.axvline(float(Fraction(decay)), color="0.6", linewidth=0.8, linestyle=":")
    axes.set(
        ylim=(-0.03, 1.03),
        xticks=(0, 0.01, 0.02, 0.03, 0.04),
        xlabel="decay λ of all factors",
        ylabel="confidence z of a class",
    )
    axes.set_title(f"{depth} layer{'s' if depth > 1 else ''}", fontsize=10)


def matrix(axes: Any, depth: int, decay: str) -> Any:
    """The outputs W_M ⋯ W_1 H̄, one column a class."""
    image = axes.imshow(np.diag(gains(at(depth, decay))), vmin=0, vmax=1, cmap="Blues")
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel("class", fontsize=8)
    axes.set_title(f"outputs at λ = {decay}", fontsize=8)
    return image


def figure() -> Figure:
    """Minority collapse: with one layer classes fade out one by one, with more they jump to zero."""
    made = Figure(figsize=(9, 5), layout="constrained")
    made.supxlabel(f"Squared error, no bias. {cited('dang2023-deep-imbalanced')}.", x=0.01, ha="left", fontsize=8)
    FigureCanvasSVG(made)
    left, right = made.subfigures(1, 2)
    for part, depth in zip((left, right), DEPTHS, strict=True):
        names = [["curve"] * 3, [f"matrix {i}" for i in range(3)]]
        grid = part.subplot_mosaic(names, height_ratios=[2, 1])
        curves(grid["curve"], depth)
        images = [matrix(grid[f"matrix {i}"], depth, decay) for i, decay in enumerate(SHOWN)]
        part.colorbar(images[-1], ax=[grid[f"matrix {i}"] for i in range(3)], ticks=[0, 1])
    left.axes[0].legend(fontsize=8, loc="upper right")
    return made


def main() -> None:
    """Write the picture; the same text each time."""
    matplotlib.rcParams["svg.hashsalt"] = "collapse"
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("minority-collapse.svg"))
    figure().savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
