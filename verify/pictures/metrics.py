"""Metrics of neural collapse by layer or by epoch, on a log axis; what is exactly 0 is drawn at the bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from verify.measure import Measurement
from verify.pictures.style import GREY, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verify.empirical.rfm.layers import Layer

LEAST = 1e-17
"""What is below is drawn here: of matrices of order one it is rounding."""

VISIBLE = 1e-13
"""Below it a reader wants to know where rounding begins."""

TITLES = {
    "beaglehole2024_nc1": "NC1 (Beaglehole et al. 2024)",
    "beaglehole2024_nc2": "NC2 (Beaglehole et al. 2024)",
    "dang2023_nc1": "NC1 (Dang et al. 2023)",
    "dang2023_nc2_features": "NC2 of features, shape (Dang et al. 2023)",
    "dang2023_nc2_weights": "NC2 of weights, shape (Dang et al. 2023)",
    "dang2023_nc3": "NC3, shape (Dang et al. 2023)",
    "gram_distance": "relative distance of Gram matrices",
    "gram_spectrum_distance": "the same of their spectra",
    "sukenik2023_dnc1": "DNC1 (Súkeník et al. 2023)",
    "sukenik2023_dnc2": "DNC2 (Súkeník et al. 2023)",
    "sukenik2023_dnc3": "DNC3 (Súkeník et al. 2023)",
}
"""Names of ``theory.metrics`` with the paper whose definition each is."""


@picture
def nc_metrics(
    where: Sequence[float],
    values: Mapping[str, Sequence[float]],
    axis: str = "layer",
    source: str = "",
    quantity: str = "metric, without unit",
) -> Figure:
    """Metrics, by name, at layers or epochs; ``nan`` is left out.

    Args:
        where: layers or epochs.
        values: one number a layer or epoch for each metric, which are not negative.
        axis: what ``where`` holds.
        source: what stands below.
        quantity: what the numbers are.

    Raises:
        ValueError: for a metric with more or fewer numbers, or a negative one.

    >>> figure = nc_metrics([0, 1], {"dang2023_nc1": [1.0, 0.0]})
    >>> figure.axes[0].lines[0].get_ydata().tolist(), figure.axes[0].lines[0].get_label()
    ([1.0, 1e-17], 'NC1 (Dang et al. 2023)')
    """
    for name, numbers in values.items():
        if len(numbers) != len(where) or any(number < 0 for number in numbers):
            raise ValueError(f"{name} needs {len(where)} numbers of at least 0, got {list(numbers)}")
    figure = sheet(3.4, source=source)
    ((axes,),) = panels(figure, 1, 1)
    for index, (name, numbers) in enumerate(values.items()):
        drawn, every = np.maximum(np.asarray(numbers, dtype=float), LEAST), max(1, len(where) // 12)
        axes.plot(list(where), drawn, **series(index).style, label=TITLES.get(name, name), markevery=every)
    if any(number < VISIBLE for numbers in values.values() for number in numbers):
        place = (0.01, float(np.finfo(float).eps))
        axes.axhline(place[1], color=GREY, linewidth=0.6)
        axes.annotate("below: rounding", place, xycoords=("axes fraction", "data"), va="bottom", color=GREY)
    axes.set(yscale="log", xlabel=axis, ylabel=quantity)
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def measured_metrics(found: Measurement) -> Figure:
    """The metrics of a checkpoint by layer; layer 0 are the features."""
    names = [name for name in found.layers[0] if name != "layer"]
    values = {name: [layer[name] for layer in found.layers] for name in names}
    return nc_metrics([layer["layer"] for layer in found.layers], values, source=f"{found.best.model}.")


def layer_metrics(layers: Sequence[Layer], source: str = "") -> Figure:
    """NC1 and NC2 of Beaglehole et al. 2024 along the layers of Deep RFM: of X, of M^{1/2} X and of Φ(M^{1/2} X)."""
    names = {"x": "$X$", "mx": "$M^{1/2}X$", "phi": "$\\Phi(M^{1/2}X)$"}
    values = {f"NC1 of {name}": [layer.nc1[place] for layer in layers] for place, name in names.items()}
    values |= {f"NC2 of {name}": [layer.nc2[place] for layer in layers] for place, name in names.items()}
    return nc_metrics(
        [layer.layer for layer in layers], values, source=f"{source} Definitions: Beaglehole et al. 2024."
    )
