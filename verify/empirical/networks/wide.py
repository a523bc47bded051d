"""A wide network with weight decay along its training: hypotheses and bounds of Jacot et al. 2024, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from theory.metrics import scatter
from theory.model import UnconstrainedFeatures, run_lengths
from verify.calculator import table
from verify.empirical.networks.bounds import Below, Start, WideNetwork
from verify.empirical.networks.extractors import Extractor, SmoothLeaky
from verify.empirical.networks.interpolation import forward, interpolation
from verify.empirical.networks.looks import singular_values
from verify.empirical.networks.training import State, Vector
from verify.empirical.networks.weight_decay import WeightDecay

FLOOR = "Proposition 5.3, its core"

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
    at = trained(loss, state)
    bounds = at.bounds()
    passed = {"step": state.step, "seconds": round(state.seconds, 2), "loss": at.value}
    kernel = {"kernel": at.kernel, "kernel_floor": bounds[FLOOR].right, "assumption_4_3": _assumption(at)}
    layers = {"linear_layers": [singular_values(W) for W in at.linear]}
    return {**passed, **at.found.numbers(), **kernel, **layers, "bounds": {n: b.numbers() for n, b in bounds.items()}}


def trained(loss: WeightDecay, state: State) -> WideNetwork:
    """The network at a checkpoint, as the bounds need it."""
    Z, linear = loss.linear_part(state.parameters)
    K, labels = loss.model.K, np.repeat(np.arange(loss.model.K), loss.model.class_sizes)
    features, found = forward(Z, linear), interpolation(Z, linear, labels)
    value, gradient = loss.value_and_gradient(state.parameters)
    return WideNetwork(
        *(found, features, linear, scatter(features[-2], labels, K)),
        kernel=loss.kernel_norm(state.parameters),
        value=value,
        decay=float(loss.model.feature_decay),
        below=_below(loss, state, gradient),
    )


def _below(loss: WeightDecay, state: State, gradient: Vector) -> Below | None:
    """The layers with an activation, where they are matrices."""
    L1 = loss.network.nonlinear
    if not L1:
        return None
    at, begun = state.parameters, loss.begun
    start = Start(loss.matrices(begun), loss.first_features(begun), loss.misfit(begun))
    activation = loss.network.extractor[1]
    return Below(
        X=loss.images.cpu().numpy(),
        weights=loss.matrices(at)[:L1],
        first=loss.first_features(at),
        gradients=loss.matrices(gradient - float(loss.model.feature_decay) * at),
        curvature=loss.curvature(at),
        slopes=(activation.gamma, activation.beta) if isinstance(activation, SmoothLeaky) else None,
        start=start,
        moved=float(np.linalg.norm(at - begun)),
    )


def _assumption(at: WideNetwork) -> list[float] | None:
    """Both sides of Assumption 4.3 at the start, for an activation of Assumption 4.2."""
    below = at.below
    return list(below.start.assumption(below.slopes[0])) if below is not None and below.slopes is not None else None


def row(look: Mapping[str, Any]) -> tuple[str, ...]:
    """One checkpoint under ``HEADS``."""
    names = ("epsilon1", "epsilon2", "r", "kappa", "kappa_bound", "nc1", "nc1_bound", "nc1_bound_sharp", "nc2")
    numbers = (look[name] for name in (*names, "nc2_bound", "nc3", "nc3_bound", "kernel", "kernel_floor"))
    return (str(look["step"]), f"{look['loss']:.5f}", *map(_number, numbers))


def summary(looks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """At which checkpoints hypotheses hold and bounds are better than none, and whether all are respected."""
    last, steps = looks[-1], [one["step"] for one in looks]
    assumption = last["assumption_4_3"]
    if assumption is not None:
        left, right = assumption
        sign = "holds" if left >= right else "fails"
        yield f"Assumption 4.3 {sign} at the start: {left:.3g}, where {right:.3g} is asked for"
    rows = []
    for name, bound in last["bounds"].items():
        better = when([one["step"] for one in looks if one["bounds"][name]["says"]], steps)
        rows.append((name, bound["on"], better, *(_number(bound[side]) for side in ("value", "right"))))
    yield from table(("bound", "on", "hypotheses and better than known", "at the end", "right side"), rows)
    broken = {(n, one["step"]) for one in looks for n, bound in one["bounds"].items() if not bound["respected"]}
    yield "all bounds are respected" if not broken else "exceeded: " + ", ".join(f"{n} at {s}" for n, s in broken)


def when(some: Sequence[int], checked: Sequence[int]) -> str:
    """At which steps, of those looked at.

    >>> when([], [0, 9]), when([9], [0, 9]), when([0, 9], [0, 5, 9]), when([5, 7, 9], [0, 5, 6, 7, 9])
    ('never', 'from step 9 on', 'at 2 of 3 checkpoints from step 0 on', 'at 3 of 4 checkpoints from step 5 on')
    """
    if not some:
        return "never"
    later = [step for step in checked if step >= some[0]]
    share = "" if len(some) == len(later) else f"at {len(some)} of {len(later)} checkpoints "
    return f"{share}from step {some[0]} on"


def _number(x: float | None) -> str:
    return "–" if x is None else f"{x:.4g}"
