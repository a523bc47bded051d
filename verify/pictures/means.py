"""Class means, and samples around them, in their three leading directions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theory.model import UnconstrainedFeatures
from verify.pictures.grams import classes, predicted, shortened
from verify.pictures.style import GREY, NOTE, PALE, named, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

EDGES = 6
"""Most classes whose means are joined pairwise, which shows the polytope."""
SEEN = 0.95
"""Share of a mean's length from which on it is said to be seen in full."""
MOST = 12
"""Most classes that the legend names."""


@picture
def class_means(
    means: Array,
    names: Sequence[str],
    samples: Array | None = None,
    labels: NDArray[np.int64] | None = None,
    title: str = "",
    source: str = "",
) -> Figure:
    """Class means (d × K) as arrows from 0, in the three leading left singular directions of the matrix.

    Args:
        names: K names, such as class sizes.
        samples, labels: features (d × N) with labels 0 … K−1, drawn as dots in the same directions.

    Raises:
        ValueError: for means that are no matrix with a column for each name.

    >>> class_means(np.eye(3), ["a", "b", "c"]).axes[0].get_xlabel()
    'direction 1 (33%)'
    """
    means = np.asarray(means, dtype=float)
    if means.ndim != 2 or means.shape[1] != len(names):
        raise ValueError(f"means must have a column for each of {len(names)} names, got the shape {means.shape}")
    directions, shares = leading(means)
    figure = sheet(4.2, 6.2, f"{source}\nIn brackets: shares of the squared singular values.".lstrip())
    axes = figure.add_subplot(projection="3d")
    ends = directions.T @ means
    if len(names) <= EDGES:
        for j, k in combinations(range(len(names)), 2):
            axes.plot(*ends[:, [j, k]], color=PALE, linewidth=1, zorder=1)
    for k, (name, end) in enumerate(zip(names, ends.T, strict=True)):
        look = series(k)
        axes.plot(*zip((0, 0, 0), end, strict=True), color=look.color, linestyle=look.line, linewidth=1.6)
        label = f"{name}{_hidden(means[:, k], end)}"
        axes.plot(*end[:, None], look.marker, color=look.color, markersize=8, label=label, linestyle="none")
    if samples is not None and labels is not None:
        dots = directions.T @ np.asarray(samples, dtype=float)
        for k in range(len(names)):
            axes.plot(*dots[:, labels == k], ".", color=series(k).color, markersize=3, alpha=0.5, label=None)
    axes.plot([0], [0], [0], "+", color=GREY)
    for axis, share, number in zip("xyz", shares, (1, 2, 3), strict=True):
        getattr(axes, f"set_{axis}label")(f"direction {number} ({share:.0%})")
        getattr(axes, f"{axis}axis").get_major_locator().set_params(nbins=5)
    axes.set_title(title)
    axes.set_aspect("equal")
    axes.set_box_aspect(None, zoom=0.86)
    axes.tick_params(labelsize=NOTE)
    handles, _ = axes.get_legend_handles_labels()
    figure.legend(handles=named(handles, MOST), loc="outside right center", title="class")
    return figure


def predicted_means(model: UnconstrainedFeatures) -> Figure:
    """The class means at the optimum, up to rotation: a square root of the predicted H̄ᵀH̄.

    Raises:
        ValueError: where no closed form is proved.

    >>> len(predicted_means(UnconstrainedFeatures(class_sizes=(20, 10, 1), decays="1/20")).axes)
    1
    """
    matrices, theorem = predicted(model)
    values, vectors = np.linalg.eigh(matrices["features"])
    means = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    number = [str(k) for k in range(1, model.K + 1)]
    names = number if model.balanced else [f"{k} (n = {n})" for k, n in zip(number, classes(model), strict=True)]
    source = f"{shortened(model)}.\nPredicted: {theorem}."
    return class_means(means, names, title="class means at the optimum", source=source)


def _hidden(mean: Array, end: Array) -> str:
    """What to say of a class whose mean is not in the three directions."""
    length = float(np.linalg.norm(mean))
    share = float(np.linalg.norm(end)) / length if length else 1.0
    return "" if share > SEEN else f", {share:.0%} of its length"


def leading(means: Array) -> tuple[Array, Array]:
    """The three leading left singular vectors (d × 3), and their shares of the squared singular values (3).

    The largest entry of each vector is positive; directions that are not there are zero.

    >>> leading(np.diag([3.0, 0.0]))[1].tolist()
    [1.0, 0.0, 0.0]
    """
    left, values, _ = np.linalg.svd(means, full_matrices=False)
    left, values = left[:, :3], values[:3]
    left = left * np.where(left[np.abs(left).argmax(axis=0), range(left.shape[1])] < 0, -1, 1)
    missing = 3 - left.shape[1]
    total = float((np.asarray(means) ** 2).sum()) or 1.0
    return np.pad(left, ((0, 0), (0, missing))), np.pad(values**2 / total, (0, missing))
