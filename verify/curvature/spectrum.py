"""Predicted eigenvalues of a model's Hessian beside measured ones, matrix by matrix."""

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
from theory.closed_form.curvature import Eigenvalue
from theory.model import UnconstrainedFeatures
from verify.curvature.compression import largest_in_all_factors
from verify.curvature.eigensolver import largest
from verify.curvature.operators import Curvature, Kronecker, Operator, thinned
from verify.curvature.parts import parts
from verify.curvature.points import Place
from verify.curvature.predictions import as_interval, prediction, prediction_of_part

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

    ``residual`` is the largest ‖Hv − λv‖ of the measured ones, ``unit`` the largest eigenvalue of the whole of which
    this is a part.
    """

    name: str
    term: str
    place: str
    size: int
    predicted: tuple[Predicted, ...]
    why: str
    measured: Array
    residual: float
    unit: float = 0.0

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
        largest = max(self.unit, float(np.abs(self.measured).max(initial=0.0)))
        return None if difference is None else difference <= AGREES * largest

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
    term = "regularised" if regularised else "data term"
    if full:
        curvature = Curvature(model, place.factors)
        pairs = largest_in_all_factors(curvature, top, regularised)
        found = pairs.values.cpu().numpy(), float(pairs.residuals.max())
        predicted, why = prediction(model, place, None, regularised)
        return [_scaled("all factors", term, place.name, curvature.layout.size, predicted, why, *found, scale)]
    curvature, several = Curvature(*thinned(model, place.factors)), []
    for layer in layers:
        measured, residual = layer_eigenvalues(curvature, layer, top)
        measured = measured + float(model.weight_decays[layer - 1]) * regularised
        size = curvature.weights[layer - 1].numel()
        predicted, why = prediction(model, place, layer, regularised)
        several.append(_scaled(f"layer {layer}", term, place.name, size, predicted, why, measured, residual, scale))
    return several


def spectra_of_parts(
    model: UnconstrainedFeatures,
    place: Place,
    layers: Sequence[int],
    top: int = 100,
    scale: Fraction = Fraction(1),
) -> list[Spectrum]:
    """The same of the parts of each layer's Hessian (``verify.curvature.parts``).

    Raises:
        ValueError: for losses that have none.

    >>> from verify.curvature.points import known_point
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20")
    >>> [(one.name, one.agrees, len(one.predicted)) for one in spectra_of_parts(model, known_point(model), [1])]
    [('layer 1, within', True, 1), ('layer 1, cross', True, 2), ('layer 1, class', True, 2)]
    """
    curvature, several = Curvature(*thinned(model, place.factors)), []
    for layer in layers:
        size, unit = curvature.weights[layer - 1].numel(), float(layer_eigenvalues(curvature, layer, 1)[0].max())
        for name, part in parts(curvature, layer).items():
            measured, residual = eigenvalues(part, size, top)
            predicted, why = prediction_of_part(model, place, layer, name)
            title = f"layer {layer}, {name}"
            several.append(
                _scaled(title, "data term", place.name, size, predicted, why, measured, residual, scale, unit)
            )
    return several


def _scaled(
    name: str,
    term: str,
    place: str,
    size: int,
    predicted: Sequence[Eigenvalue],
    why: str,
    measured: Array,
    residual: float,
    scale: Fraction,
    unit: float = 0.0,
) -> Spectrum:
    """A spectrum in another convention."""
    known = tuple(Predicted(e.part, as_interval(e.value) * scale, e.multiplicity) for e in predicted)
    factor = float(scale)
    return Spectrum(name, term, place, size, known, why, measured * factor, residual * factor, unit * factor)


def layer_eigenvalues(curvature: Curvature, layer: int, count: int) -> tuple[Array, float]:
    """The largest eigenvalues of the data term's Hessian in W_l, and the largest residual.

    Linear layers: squared error has all of them from the two Kronecker factors, other losses from the range.
    """
    if not curvature.model.is_linear:
        pairs = largest(curvature.layer(layer), count)
        return pairs.values.cpu().numpy(), float(pairs.residuals.max())
    matrix = curvature.kronecker(layer) if curvature.model.loss == "mse" else curvature.compressed(layer)[0]
    return eigenvalues(matrix, curvature.weights[layer - 1].numel(), count)


def eigenvalues(matrix: Kronecker | Operator, size: int, count: int) -> tuple[Array, float]:
    """The largest eigenvalues, and the largest residual, of a matrix on ``size`` unknowns, 0 where it is not given.

    >>> eigenvalues(Operator(1, lambda V: 3 * V), 4, 2)[0].tolist()
    [3.0, 0.0]
    """
    if isinstance(matrix, Kronecker):
        return kronecker_eigenvalues(matrix, count)
    if not matrix.size:
        return np.zeros(min(count, size)), 0.0
    pairs = largest(matrix, count)
    values = np.concatenate([pairs.values.cpu().numpy(), np.zeros(min(count, size - matrix.size))])
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
