"""Predicted eigenvalues of a model's Hessian beside measured ones, matrix by matrix.

Predicted values hold at collapse, for balanced classes, linear layers and no bias (``theory.closed_form.curvature``):
squared error one layer at a time, or all factors where decays and widths are equal; cross-entropy one layer at a time.
With ReLU layers they hold for one layer at a time, with the derivative 0 at the kink.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import nan
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from theory.arithmetic.intervals import Interval
from theory.closed_form.curvature import Eigenvalue, full_spectrum, layer_spectrum, softmax_layer_spectrum
from theory.model import UnconstrainedFeatures
from verify.curvature.compression import largest_in_all_factors
from verify.curvature.eigensolver import largest
from verify.curvature.operators import Curvature, Kronecker, thinned
from verify.curvature.points import Place, softness

Array = NDArray[np.float64]

AGREES = 1e-9
"""Distance from its prediction, relative to the largest measured eigenvalue, up to which one counts as equal: the point
is known to 1e-15 and eigenvalues are of order condition × that."""


@dataclass(frozen=True)
class Predicted:
    """An eigenvalue, exact or enclosed, with its multiplicity."""

    part: str
    value: Interval
    multiplicity: int


@dataclass(frozen=True)
class Cluster:
    """What was measured where a prediction says ``multiplicity`` times ``value``: ``found`` eigenvalues so far down."""

    predicted: Predicted
    found: int
    least: float
    most: float
    difference: float


@dataclass(frozen=True)
class Spectrum:
    """Measured eigenvalues (m) of a matrix, largest first, and the predicted ones, or why there are none.

    ``residual`` is the largest ‖Hv − λv‖ of the measured ones.
    """

    name: str
    term: str
    place: str
    size: int
    predicted: tuple[Predicted, ...]
    why: str
    measured: Array
    residual: float

    def clusters(self) -> Iterator[Cluster]:
        """The measured values, each beside the prediction at its place in the order."""
        start = 0
        for p in sorted(self.predicted, key=lambda p: p.value.middle, reverse=True):
            values = self.measured[start : start + p.multiplicity]
            start += p.multiplicity
            if len(values):
                least, most = float(values[-1]), float(values[0])
                far = max(abs(least - float(p.value)), abs(most - float(p.value)))
                yield Cluster(p, len(values), least, most, far)
            else:
                yield Cluster(p, 0, nan, nan, nan)

    @property
    def difference(self) -> float | None:
        """The largest distance of a measured value from its prediction; None without predictions."""
        return max((c.difference for c in self.clusters() if c.found), default=None)

    @property
    def agrees(self) -> bool | None:
        """Whether all measured values are as predicted, up to rounding; None without predictions."""
        difference = self.difference
        return None if difference is None else difference <= AGREES * float(np.abs(self.measured).max())

    def to_json(self) -> dict[str, Any]:
        """Plain data; predicted values are strings."""
        return {
            "name": self.name,
            "term": self.term,
            "place": self.place,
            "size": self.size,
            "predicted": [
                {"part": p.part, "eigenvalue": p.value.decimal(30), "multiplicity": p.multiplicity}
                for p in self.predicted
            ],
            "why_not_predicted": self.why or None,
            "measured": self.measured.tolist(),
            "largest_residual": self.residual,
            "difference": self.difference,
            "agrees": self.agrees,
        }


def spectra(
    model: UnconstrainedFeatures,
    place: Place,
    layers: Sequence[int],
    full: bool = False,
    regularised: bool = False,
    top: int = 100,
    scale: Fraction = Fraction(1),
) -> list[Spectrum]:
    """The ``top`` largest eigenvalues of the Hessian in each of some layers, or in all factors with ``full``.

    Args:
        place: where, such as ``known_point(model)``.
        regularised: with the decays; else the Hessian of the data term.
        scale: what all eigenvalues are multiplied by, for other conventions than 1/(2N).

    >>> from verify.curvature.points import known_point
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20")
    >>> (found,) = spectra(model, known_point(model), [1])
    >>> found.agrees, [(p.part, p.multiplicity) for p in found.predicted]
    (True, [('outliers', 4)])
    """
    curvature = Curvature(model, place.factors) if full else Curvature(*thinned(model, place.factors))
    term = "regularised" if regularised else "data term"
    found = []
    for layer in (None,) if full else tuple(layers):
        predicted, why = prediction(model, place, layer, regularised)
        if layer is None:
            pairs = largest_in_all_factors(curvature, top, regularised)
            measured, residual, size = pairs.values.cpu().numpy(), float(pairs.residuals.max()), curvature.layout.size
        else:
            measured, residual = layer_eigenvalues(curvature, layer, top)
            measured = measured + float(model.weight_decays[layer - 1]) * regularised
            size = curvature.weights[layer - 1].numel()
        name = "all factors" if layer is None else f"layer {layer}"
        scaled = tuple(Predicted(e.part, as_interval(e.value) * scale, e.multiplicity) for e in predicted)
        found.append(
            Spectrum(name, term, place.name, size, scaled, why, measured * float(scale), residual * float(scale))
        )
    return found


def layer_eigenvalues(curvature: Curvature, layer: int, count: int) -> tuple[Array, float]:
    """The largest eigenvalues of the data term's Hessian in W_l, and the largest residual.

    Linear layers: squared error has all of them from the two Kronecker factors, other losses from the range.
    """
    if not curvature.model.is_linear:
        pairs = largest(curvature.layer(layer), count)
        return pairs.values.cpu().numpy(), float(pairs.residuals.max())
    if curvature.model.loss == "mse":
        return kronecker_eigenvalues(curvature.kronecker(layer), count)
    operator, size = curvature.compressed(layer)[0], curvature.weights[layer - 1].numel()
    if not operator.size:
        return np.zeros(min(count, size)), 0.0
    pairs = largest(operator, count)
    values = np.concatenate([pairs.values.cpu().numpy(), np.zeros(min(count, size - operator.size))])
    return -np.sort(-values)[:count], float(pairs.residuals.max())


def kronecker_eigenvalues(product: Kronecker, count: int) -> tuple[Array, float]:
    """The largest eigenvalues of L ⊗ R, all products of theirs, and a bound on the residuals of their vectors u ⊗ v.

    ‖(L ⊗ R)(u ⊗ v) − λμ u ⊗ v‖ ≤ ‖Lu − λu‖ ‖Rv‖ + |λ| ‖Rv − μv‖.

    >>> values, residual = kronecker_eigenvalues(Kronecker(torch.eye(2).double(), torch.diag(torch.tensor([3.0, 5.0]))
    ...     .double()), 3)
    >>> values.round(12).tolist(), residual < 1e-12
    ([5.0, 5.0, 3.0], True)
    """
    (left, off_left), (right, off_right) = (_factor(matrix) for matrix in (product.left, product.right))
    values, order = (left[:, None] * right).reshape(-1).sort(descending=True)
    bounds = off_left[:, None] * (right.abs() + off_right) + left.abs()[:, None] * off_right
    return values[:count].cpu().numpy(), float(bounds.reshape(-1)[order[:count]].max())


def _factor(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues, and the residuals of their computed vectors."""
    values, vectors = torch.linalg.eigh(matrix)
    return values, (matrix @ vectors - vectors * values).norm(dim=0)


# ------------------------------------------------------------------------------------------------------------ predicted


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


def origin(model: UnconstrainedFeatures, full: bool, regularised: bool) -> tuple[str, ...]:
    """The statements that say what ``prediction`` gives for a model.

    >>> origin(UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20"), full=False, regularised=True)
    ('garrod2024-layer-hessian', 'garrod2024-layer-hessian-ridge')
    """
    if full:
        return ("garrod2024-full-hessian",)
    if not model.is_linear:
        return ("garrod2024-relu-hessian-at-zero",)
    if model.loss == "ce":
        return ("garrod2024-ce-layer-spectrum",)
    return ("garrod2024-layer-hessian", *(("garrod2024-layer-hessian-ridge",) if regularised else ()))


def as_interval(value: Any) -> Interval:
    """A number, exact or enclosed, as an enclosure."""
    return value if isinstance(value, Interval) else Interval.exact(value)
