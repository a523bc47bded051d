"""Eigenvalues of a model's Hessian as closed forms give them, and why there are none where there are none.

They hold at collapse, for balanced classes, linear layers and no bias (``theory.closed_form.curvature``): squared error
one layer at a time, or all factors where decays and widths are equal; cross-entropy one layer at a time. With ReLU
layers they hold for one layer at a time, with the derivative 0 at the kink.
"""

from __future__ import annotations

from typing import Any

from theory.arithmetic.intervals import Interval
from theory.closed_form.curvature import (
    Eigenvalue,
    full_spectrum,
    layer_part,
    layer_spectrum,
    softmax_layer_part,
    softmax_layer_spectrum,
)
from theory.model import UnconstrainedFeatures
from verify.curvature.points import Place, softness


def prediction(
    model: UnconstrainedFeatures, place: Place, layer: int | None, regularised: bool
) -> tuple[list[Eigenvalue], str]:
    """Eigenvalues as formulas give them for one layer, or for all factors, or none and a sentence that says why."""
    why = _why_not(model, place, layer)
    if why:
        return [], why
    K, n, L, d = model.K, model.class_sizes[0], model.M, model.widths[0]
    if layer is None:
        found, decay = full_spectrum(K, n, L, d, place.gain, regularised), model.feature_decay
    else:
        rows, columns = model.weight_shapes[layer - 1]
        decay, size = model.weight_decays[layer - 1], rows * columns
        if place.gain is not None:
            kept = K * K if model.is_linear or layer == L else K
            found = layer_spectrum(K, size, place.gain, regularised, kept)
        else:
            assert place.scale is not None
            plain = softmax_layer_spectrum(K, size, place.scale, softness(K, place.scale))
            found = [Eigenvalue(e.part, e.value + int(regularised), e.multiplicity) for e in plain]
    return [Eigenvalue(e.part, e.value * decay, e.multiplicity) for e in found], ""


def prediction_of_part(
    model: UnconstrainedFeatures, place: Place, layer: int, part: str
) -> tuple[list[Eigenvalue], str]:
    """The same for a part of a layer's Hessian."""
    why = "Nothing is predicted for parts with ReLU layers." if not model.is_linear else _why_not(model, place, layer)
    if why:
        return [], why
    rows, columns = model.weight_shapes[layer - 1]
    if place.gain is not None:
        found = layer_part(part, model.K, rows * columns, place.gain)
    else:
        assert place.scale is not None
        found = softmax_layer_part(part, model.K, rows * columns, place.scale, softness(model.K, place.scale))
    decay = model.weight_decays[layer - 1]
    return [Eigenvalue(e.part, e.value * decay, e.multiplicity) for e in found], ""


def _why_not(model: UnconstrainedFeatures, place: Place, layer: int | None) -> str:
    """Why nothing is predicted, or nothing where something is."""
    if not model.is_linear and layer is None:
        return "Nothing is predicted for all factors with ReLU layers."
    if not model.balanced:
        return "Nothing is predicted for classes of different sizes."
    if place.gain is None and place.scale is None:
        return f"Nothing is predicted at {place.name}: eigenvalues are known at collapse, without a bias."
    if place.gain is not None and min(model.widths) < model.K:
        return "Nothing is predicted for widths below the number of classes."
    if layer is None and place.scale is not None:
        return "Nothing is predicted for all factors with cross-entropy."
    if layer is None and len({*model.weight_decays, model.feature_decay}) + len(set(model.widths)) > 2:
        return "The Hessian in all factors is predicted for equal decays and equal widths only."
    return ""


def origin(model: UnconstrainedFeatures, full: bool, parts: bool, regularised: bool) -> tuple[str, ...]:
    """The statements that say what ``prediction`` gives for a model.

    >>> origin(UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20"), full=False, parts=False, regularised=True)
    ('garrod2024-layer-hessian', 'garrod2024-layer-hessian-ridge')
    """
    if full:
        return ("garrod2024-full-hessian",)
    if not model.is_linear:
        return ("garrod2024-relu-hessian-at-zero",)
    if model.loss == "ce":
        whole = "garrod2024-ce-layer-spectrum" if model.K > 2 else "garrod2024-ce-two-classes"
        return ("garrod2024-ce-parts" if parts else whole,)
    if parts:
        return ("garrod2024-gn-ranks",)
    return ("garrod2024-layer-hessian", *(("garrod2024-layer-hessian-ridge",) if regularised else ()))


def as_interval(value: Any) -> Interval:
    """A number, exact or enclosed, as an enclosure."""
    return value if isinstance(value, Interval) else Interval.exact(value)
