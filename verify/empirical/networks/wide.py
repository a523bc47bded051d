"""A wide network with weight decay along its training: hypotheses and bounds of Jacot et al. 2024, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite, sqrt
from typing import Any

import numpy as np
import torch

from theory.model import UnconstrainedFeatures, run_lengths
from verify.empirical.networks.extractors import Extractor
from verify.empirical.networks.interpolation import Interpolation, WeightDecay, interpolation, kernel_floor, norm_bound
from verify.empirical.networks.looks import singular_values
from verify.empirical.networks.training import State

HEADS = (
    "step",
    "loss",
    "ε1",
    "ε2",
    "r",
    "κ(W_L)",
    "(19)",
    "NC1",
    "(18)",
    "sharper",
    "κ(Z)",
    "(20)",
    "NC3",
    "(21)",
    "‖Θ‖",
    "at least",
)
SAYS: dict[str, tuple[str, Callable[[Mapping[str, Any]], bool]]] = {
    "hypothesis 4": ("holds", lambda look: look["applies"]),
    "the bound (18) on NC1": ("is below 1", lambda look: look["nc1_bound"] is not None and look["nc1_bound"] < 1),
    "the sharper one": ("is below 1", lambda look: look["nc1_bound_sharp"] is not None and look["nc1_bound_sharp"] < 1),
    "the bound (19) on κ(W_L)": ("is finite", lambda look: look["kappa_bound"] is not None),
    "the bound (20) on κ(Z)": ("is finite", lambda look: look["nc2_bound"] is not None),
    "the bound (21) on NC3": ("is above −1", lambda look: look["nc3_bound"] is not None and look["nc3_bound"] > -1),
    "the bound (13) on κ(W_{L:L1+1})": ("is finite", lambda look: look["norm_bound"] is not None),
    "the bound (14) on it": ("is finite", lambda look: look["minimiser_bound"] is not None),
    "the bound below ‖Θ‖": ("is positive", lambda look: look["kernel_floor"] > 0),
}
"""What makes a bound better than none: within-class variation below that between classes, any κ, any cosine."""


def title(extractor: Extractor, model: UnconstrainedFeatures) -> str:
    """The network and what it is trained on.

    >>> from verify.empirical.networks.extractors import Mlp
    >>> model = UnconstrainedFeatures(class_sizes=(5, 5), depth=2, widths=4, decays="1/9")
    >>> title(Mlp(64, (8,), "gelu"), model)
    'n = 2×5, widths 64-8-4-4-2, L1 = 1 (gelu), L2 = 3, ½ ‖Z − Y‖² + λ/2 ‖θ‖² with λ = 1/9'
    """
    widths = "-".join(map(str, (extractor.widths(), *model.widths, model.K)))
    layers = f"L1 = {extractor.depth} ({extractor.activation}), L2 = {model.M + 1}"
    trained = f"½ ‖Z − Y‖² + λ/2 ‖θ‖² with λ = {model.feature_decay}"
    return f"n = {run_lengths(model.class_sizes)}, widths {widths}, {layers}, {trained}"


def look(loss: WeightDecay, state: State) -> dict[str, Any]:
    """All numbers of a checkpoint as plain data; what is infinite or undefined is None."""
    Z, weights = loss.linear_part(state.parameters)
    found = interpolation(Z, weights, np.repeat(np.arange(loss.model.K), loss.model.class_sizes))
    kernel = {"kernel": loss.kernel_norm(state.parameters), "kernel_floor": kernel_floor(found, weights)}
    value = loss.value_and_gradient(state.parameters)[0]
    norms = _norm_bounds(loss, state, found, value)
    layers = {"linear_layers": [singular_values(W) for W in weights]}
    passed = {"step": state.step, "seconds": round(state.seconds, 2), "loss": value}
    return {**passed, **found.numbers(), **kernel, **norms, **layers}


def _norm_bounds(loss: WeightDecay, state: State, found: Interpolation, value: float) -> dict[str, float | None]:
    """The right sides of (13) and (14), by the norms of all parameters and of the data; None for residual networks."""
    L1 = loss.network.nonlinear
    if L1 is None:
        return {"norm_bound": None, "minimiser_bound": None}
    spectral = float(torch.linalg.matrix_norm(loss.images, 2))
    squares, decay = float(state.parameters @ state.parameters), float(loss.model.feature_decay)
    bounds = {
        "norm_bound": norm_bound(found, L1, spectral, squares, found.epsilon1),
        "minimiser_bound": norm_bound(found, L1, spectral, 2 * value / decay, sqrt(2 * value)),
    }
    return {name: x if isfinite(x) else None for name, x in bounds.items()}


def row(look: Mapping[str, Any]) -> tuple[str, ...]:
    """One checkpoint under ``HEADS``."""
    names = ("epsilon1", "epsilon2", "r", "kappa", "kappa_bound", "nc1", "nc1_bound", "nc1_bound_sharp", "nc2")
    numbers = (look[name] for name in (*names, "nc2_bound", "nc3", "nc3_bound", "kernel", "kernel_floor"))
    return (str(look["step"]), f"{look['loss']:.5f}", *("–" if x is None else f"{x:.3g}" for x in numbers))


def summary(looks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """At which checkpoints the hypotheses hold, and the bounds are better than none.

    >>> names = ("kappa_bound", "nc2_bound", "nc3_bound", "norm_bound", "minimiser_bound")
    >>> at = {"nc1_bound": 2.0, "nc1_bound_sharp": 0.5, "kernel_floor": 0.0, **dict.fromkeys(names)}
    >>> list(summary([{"step": 0, "applies": False, **at}, {"step": 9, "applies": True, **at}]))[:2]
    ['hypothesis 4 holds from step 9 on', 'the bound (18) on NC1 is below 1 at no checkpoint']
    """
    for name, (what, says) in SAYS.items():
        yield f"{name} {what} {_when([one['step'] for one in looks if says(one)], [one['step'] for one in looks])}"


def _when(some: list[int], all_: list[int]) -> str:
    """At which steps: none, all from one on, or a list."""
    if not some:
        return "at no checkpoint"
    return f"from step {some[0]} on" if all_[-len(some) :] == some else f"at steps {', '.join(map(str, some))}"
