"""A run with weight decay on all weights: what it measures beside the bounds of Jacot et al. 2024, along the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.pictures.style import panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HYPOTHESES = {"loss": "loss", "epsilon1": "ε1", "epsilon2": "ε2"}
BOUNDED: dict[str, dict[str, str]] = {
    "NC1": {"nc1": "NC1", "nc1_bound": "(18)", "nc1_bound_sharp": "(18), sharper"},
    "condition number": {"kappa": "κ(W_L)", "kappa_bound": "(19)", "nc2": "κ(Z̄)", "nc2_bound": "(20)"},
    "NC3": {"nc3": "NC3", "nc3_bound": "(21)"},
}
"""What is measured, and the bounds on it, by panel; names of ``verify.empirical.networks.wide.look``."""


@picture
def bounds_course(looks: Sequence[Mapping[str, Any]], source: str = "") -> Figure:
    """Loss and hypotheses, NC1, condition numbers and NC3; a bound that says nothing, dashed, is left out.

    Args:
        looks: checkpoints of ``verify.empirical.networks.wide``.

    Raises:
        ValueError: without a checkpoint.
    """
    if not looks:
        raise ValueError("bounds_course needs at least one checkpoint")
    steps = [look["step"] + 1 for look in looks]
    figure = sheet(6.0, source=source)
    for axes, (label, names) in zip(panels(figure, 2, 2).flat, {"": HYPOTHESES, **BOUNDED}.items(), strict=True):
        for index, (name, shown) in enumerate(names.items()):
            values = np.array([look[name] for look in looks], dtype=float)  # None becomes nan, which is not drawn
            style = {**series(index).style, "linestyle": "--" if "bound" in name else "-"}
            axes.plot(steps, values, **style, label=shown)
        axes.set(xscale="log", yscale="linear" if label == "NC3" else "log", xlabel="steps + 1", ylabel=label)
        axes.legend()
    axes.set_ylim(-1.05, 1.05)
    return figure
