"""A layer's Hessian along gradient descent: checkpoints beside what is predicted at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from math import isfinite
from typing import Any

from theory.arithmetic.intervals import Interval
from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from verify.curvature.alignment import Alignment, alignment
from verify.curvature.operators import Curvature
from verify.curvature.points import Place, along_descent
from verify.curvature.predictions import prediction

COLUMNS = {
    "loss": "loss",
    "largest_outlier": "largest",
    "smallest_outlier": "smallest",
    "outlier_ratio": "ratio",
    "next_eigenvalue": "next",
    "f_mean": "f mean",
    "f_least": "least",
    "own_least": "own least",
    "own_most": "most",
    "other_most": "other most",
    "dnc1": "DNC1",
}
"""What a table shows of a checkpoint's numbers, and its heads."""


@dataclass(frozen=True)
class Limit:
    """What is predicted at the end: the K² equal eigenvalues, with f = 1, and the gradient's K equal shares 1/K."""

    outlier: Interval
    loss: Interval
    share: Fraction

    def to_json(self) -> dict[str, str]:
        """Plain data under the names of the measured numbers."""
        outlier = self.outlier.decimal(30)
        return {
            "loss": self.loss.decimal(30),
            **dict.fromkeys(("largest_outlier", "smallest_outlier"), outlier),
            **dict.fromkeys(("outlier_ratio", "f_mean", "f_least", "f_most"), "1"),
            **{name: str(self.share) for name in ("own_mean", "own_least", "own_most")},
            **dict.fromkeys(("next_eigenvalue", "other_mean", "other_least", "other_most", "dnc1"), "0"),
        }


@dataclass(frozen=True)
class Checkpoint:
    """A layer after some steps, and the objective there."""

    step: int
    loss: float
    alignment: Alignment

    def numbers(self) -> dict[str, float]:
        """Named numbers, those of ``Alignment`` among them."""
        return {"step": self.step, "loss": self.loss, **self.alignment.numbers()}

    def to_json(self) -> dict[str, Any]:
        """Plain data; numbers that are not finite are null."""
        numbers = {name: x if isfinite(x) else None for name, x in self.numbers().items()}
        return {**numbers, "outliers": self.alignment.eigenvalues[:-1].tolist()}


@dataclass(frozen=True)
class Course:
    """One layer along a descent, and the limit, or why none is predicted."""

    layer: int
    checkpoints: tuple[Checkpoint, ...]
    limit: Limit | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain data; predicted numbers are strings."""
        return {
            "layer": self.layer,
            "checkpoints": [checkpoint.to_json() for checkpoint in self.checkpoints],
            "limit": self.limit.to_json() if self.limit else None,
            "why_not_predicted": self.why or None,
        }

    def lines(self) -> Iterator[str]:
        """A table for people."""
        many = len(self.checkpoints[0].alignment.eigenvalues) - 1
        yield f"\nlayer {self.layer}, data term, its {many} largest eigenvalues and the next along gradient descent"
        rows = [checkpoint.numbers() for checkpoint in self.checkpoints]
        cells = [[str(row["step"]), *(f"{row[name]:.4g}" for name in COLUMNS)] for row in rows]
        if self.limit:
            predicted = self.limit.to_json()
            cells.append(["limit", *(f"{float(Fraction(predicted[name])):.4g}" for name in COLUMNS)])
        columns = zip(["step", *COLUMNS.values()], *cells, strict=True)
        for row in zip(*(_aligned(column) for column in columns), strict=True):
            yield "  ".join(row)
        if self.why:
            yield self.why


def courses(
    model: UnconstrainedFeatures,
    known: Place,
    layers: Sequence[int],
    steps: Sequence[int],
    rate: Fraction,
    seed: int = 0,
    scale: Fraction = Fraction(1),
    device: str = "cpu",
) -> list[Course]:
    """Some layers at some increasing numbers of steps of gradient descent from Gaussian entries of variance 1/d.

    Args:
        known: the optimum, ``known_point(model)``, for what is predicted.
        scale: what eigenvalues and losses are multiplied by, for other conventions than 1/(2N).

    Raises:
        ValueError: when descent diverges.

    >>> from verify.curvature.points import known_point
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20")
    >>> (course,) = courses(model, known_point(model), [1], geometric(300), Fraction(1, 5))
    >>> [(one.step, round(float(one.alignment.f.min()), 2)) for one in course.checkpoints[::2]]
    [(0, 0.71), (30, 0.97), (300, 1.0)]
    """
    measured: dict[int, list[Checkpoint]] = {layer: [] for layer in layers}
    factor = float(scale)
    for step, place in zip(steps, along_descent(model, steps, rate, seed, device), strict=True):
        curvature = Curvature(model, place.factors)
        for layer, found in measured.items():
            here = alignment(curvature, layer)
            scaled = replace(here, eigenvalues=factor * here.eigenvalues)
            found.append(Checkpoint(step, factor * (place.objective or 0.0), scaled))
    return [Course(layer, tuple(found), *limit(model, known, layer, scale)) for layer, found in measured.items()]


def limit(
    model: UnconstrainedFeatures, known: Place, layer: int, scale: Fraction = Fraction(1)
) -> tuple[Limit | None, str]:
    """What garrod2024-layer-hessian and garrod2024-gradient-alignment say of the optimum, or why they say nothing."""
    if not model.is_linear:
        return None, "No limit is predicted with ReLU layers, where descents end elsewhere too."
    predicted, why = prediction(model, known, layer, regularised=False)
    if why or known.gain is None:
        return None, why or "Limits of f and of the gradient's shares are predicted for squared error."
    outlier = next(e.value for e in predicted if e.part == "outliers")
    value = outlier if isinstance(outlier, Interval) else Interval.exact(outlier)
    return Limit(value * scale, optimum(model).objective * scale, Fraction(1, model.K)), ""


def geometric(steps: int) -> tuple[int, ...]:
    """0, 10, 30, 100, 300, … below ``steps``, and that.

    >>> geometric(1000)
    (0, 10, 30, 100, 300, 1000)
    """
    found = [0]
    for power in count(1):
        found += [step for step in (10**power, 3 * 10**power) if step < steps]
        if 3 * 10**power >= steps:
            return (*found, steps)
    raise AssertionError


def _aligned(column: Sequence[str]) -> list[str]:
    width = max(map(len, column))
    return [cell.rjust(width) for cell in column]
