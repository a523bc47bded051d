"""Which pictures a run has: one of its end, and one along its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.model import UnconstrainedFeatures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Looks = Sequence[Mapping[str, Any]]


def at_end(model: UnconstrainedFeatures, looks: Looks, source: str) -> Figure:
    """Gram matrices beside the predicted ones; behind ReLUs the singular values of class means."""
    from verify.pictures import gram_matrices, singular_values

    last = looks[-1]
    if model.is_linear:
        return gram_matrices(model, {name: np.array(rows) for name, rows in last["grams"].items()})
    layers = range(2, model.M + 1)
    found = {
        name: [np.diag(last[f"singular_values_{kind}_{layer}"]) for layer in layers]
        for name, kind in (("before the ReLU", "H"), ("behind it", "relu_H"))
    }
    names = [f"class means of $H_{layer}$" for layer in layers]
    return singular_values(found, names, _after(last, source))


def balance(looks: Looks, source: str) -> Figure:
    """Singular values of the linear layers at the first and the last checkpoint: those of balanced layers are equal."""
    from verify.pictures import singular_values

    first, last = looks[0], looks[-1]
    found = {f"step {look['step']:,}": [np.diag(row) for row in look["linear_layers"]] for look in (first, last)}
    names = [f"linear layer {layer}" for layer in range(1, len(last["linear_layers"]) + 1)]
    return singular_values(found, names, _after(last, source))


def _after(look: Mapping[str, Any], source: str) -> str:
    return f"{source}, after {look['step']} steps."
