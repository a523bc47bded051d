"""A training run: its loss beside the losses that are predicted, and metrics of collapse, along the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.pictures.metrics import LEAST, TITLES
from verify.pictures.style import GREY, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = {"optimum": "-", "collapse": "--", "srg": ":", "zero": "-."}


@picture
def training_course(looks: Sequence[Mapping[str, Any]], lines: Mapping[str, float], source: str = "") -> Figure:
    """The loss with lines at those to compare with, and metrics, both on log axes.

    Args:
        looks: checkpoints of ``verify.empirical.networks.looks``.
        lines: losses by name: those of the optimum, collapse, the SRG solution and zero.

    Raises:
        ValueError: without a checkpoint.
    """
    if not looks:
        raise ValueError("training_course needs at least one checkpoint")
    steps = [look["step"] + 1 for look in looks]
    figure = sheet(3.2, source=source)
    ((left, right),) = panels(figure, 1, 2)
    left.plot(steps, [look["loss"] for look in looks], **series(0).style, label="loss")
    for name, value in lines.items():
        left.axhline(value, color=GREY, linestyle=LINES[name], linewidth=1, label=name)
    for index, (name, values) in enumerate(_metrics(looks).items()):
        drawn = np.maximum(np.array(values, dtype=float), LEAST)
        right.plot(steps, drawn, **series(index).style, label=TITLES.get(name, name))
    for axes, label in ((left, "loss"), (right, "metric, without unit")):
        axes.set(xscale="log", yscale="log", xlabel="steps + 1", ylabel=label)
    left.legend()
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _metrics(looks: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The metrics of linear heads, or of the last layer of ReLU heads."""
    if "layers" in looks[0]:
        first = ("dang2023_nc1", "dang2023_nc2_features", "gram_distance")
        return {name: [look["layers"][0][name] for look in looks] for name in first} | {
            name: [look[name] for look in looks] for name in ("dang2023_nc2_weights", "dang2023_nc3")
        }
    last = max(int(name.rpartition("_")[2]) for name in looks[0] if name.startswith("dnc3_W_"))
    named = {"sukenik2023_dnc1": "dnc1_relu_H", "sukenik2023_dnc2": "dnc2_relu_H", "sukenik2023_dnc3": "dnc3_W"}
    return {title: [look[f"{name}_{last}"] for look in looks] for title, name in named.items()}
