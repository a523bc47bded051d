"""Singular values by layer, of several solutions beside each other: where one gives up rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from verify.pictures.style import WIDTH, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

A_ROW = 4
"""Most panels in a row."""


@picture
def singular_values(
    solutions: Mapping[str, Sequence[Array]], layers: Sequence[str] = (), source: str = "", unit: str = "singular value"
) -> Figure:
    """Singular values, largest first, of a matrix a layer for each solution; one panel a layer, on one scale.

    A solution of fewer rows than another has zeros in place of the values that it lacks.

    Args:
        solutions: by name, one matrix a layer; all have as many.
        layers: names of the layers; default their numbers.

    Raises:
        ValueError: where solutions have different numbers of layers.

    >>> figure = singular_values({"both": [np.eye(2)], "one": [np.diag([2.0, 0.0])]})
    >>> [line.get_ydata().tolist() for line in figure.axes[0].lines]
    [[1.0, 1.0], [2.0, 0.0]]
    >>> figure = singular_values({"all": [np.eye(2)], "narrow": [np.ones((1, 2))]})
    >>> figure.axes[0].lines[1].get_ydata().round(3).tolist()
    [1.414, 0.0]
    """
    numbers = {len(matrices) for matrices in solutions.values()}
    if len(numbers) != 1 or (layers and len(layers) not in numbers):
        raise ValueError(f"all solutions need one matrix for each layer, got {sorted(numbers)} for {list(layers)}")
    count = numbers.pop()
    titles = layers or [f"layer {layer}" for layer in range(1, count + 1)]
    rows = -(-count // A_ROW)
    columns = -(-count // rows)
    figure = sheet(0.7 + 2.0 * rows, WIDTH * max(columns, 3) / A_ROW, source)
    axes = panels(figure, rows, columns, sharey=True)
    for place in axes.flat[count:]:
        place.set_axis_off()
    for layer, (place, title) in enumerate(zip(axes.flat, titles, strict=False)):
        found = {name: np.linalg.svd(matrices[layer], compute_uv=False) for name, matrices in solutions.items()}
        most = max(map(len, found.values()))
        for index, (name, values) in enumerate(found.items()):
            place.plot(
                range(1, most + 1),
                np.pad(values, (0, most - len(values))),
                **series(index).style,
                label=name,
                clip_on=False,
            )
        place.set_title(title)
        place.set_xlabel("index")
        place.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylim(bottom=0)
    for place in axes[:, 0]:
        place.set_ylabel(unit)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(solutions), 4))
    return figure
