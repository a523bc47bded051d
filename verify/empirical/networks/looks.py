"""What is measured of a network at a checkpoint, beside what is predicted for exactly its class sizes and decays.

A head of linear layers is held against the closed form of the optimum (``verify.measure``); one of ReLU layers against
the values of collapse and, for K = r(r−1)/2 classes and three layers or more, of the SRG solution (Súkeník et al.
2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.arithmetic.floats import to_float
from theory.closed_form.optimum import Optimum, optimum
from theory.frames import deep_neural_collapse
from theory.metrics import class_means
from theory.model import UnconstrainedFeatures
from verify.empirical.deep_relu import layer_metrics
from verify.empirical.networks.training import State, Vector
from verify.empirical.training import Trained
from verify.measure import Checkpoint, measure
from verify.pictures.grams import grams

LEAST_LAYERS = 3
"""Of the SRG solution."""


@dataclass(frozen=True)
class Head:
    """The model of a head, and the labels of the samples, sorted by class."""

    model: UnconstrainedFeatures

    @property
    def labels(self) -> NDArray[np.int64]:
        """Of the columns of H."""
        return np.repeat(np.arange(self.model.K), self.model.class_sizes)

    @cached_property
    def best(self) -> Optimum | None:
        """The optimum with linear layers."""
        return optimum(self.model) if self.model.is_linear else None

    @cached_property
    def lines(self) -> dict[str, float]:
        """Losses to compare with: ``optimum``, or ``collapse`` and ``srg``, where they are known; and ``zero``."""
        if self.best is not None:
            return {"optimum": float(self.best.objective), "zero": float(self.best.zero_objective)}
        wide = min(self.model.widths) >= self.model.K
        collapse = float(to_float(deep_neural_collapse(self.model))) if wide else None
        known = {"collapse": collapse, "srg": self._srg(), "zero": 0.5}
        return {name: loss for name, loss in known.items() if loss is not None}

    def _srg(self) -> float | None:
        """The loss of the SRG solution, where K = r(r−1)/2 with r ≥ 4 and it is below that of zero."""
        from theory.papers.sukenik2023 import load
        from theory.papers.sukenik2024 import norm_of_incidence, srg_value

        K, L = self.model.K, self.model.M
        r = (1 + isqrt(1 + 8 * K)) // 2
        if r < 4 or r * (r - 1) != 2 * K or L < LEAST_LAYERS or not self.model.balanced or min(self.model.widths) < K:
            return None
        C = (float(to_float(norm_of_incidence(r))) ** 2 * r ** (L - 2) * K**2 / 4) ** (1 / (L + 1))
        limit = ((L - 1) / L) ** ((L - 1) / (L + 1)) / L
        below = C * float(load(self.model)) ** (1 / (L + 1)) < limit
        return float(to_float(srg_value(r, self.model))) if below else None

    @cached_property
    def predicted(self) -> dict[str, list[float]]:
        """With linear layers, by class: ``gains`` (P H̄)_kk, ``weights`` ‖w_k‖², rows of P, and ``features`` ‖h̄_k‖²."""
        if self.best is None:
            return {}
        found = {"gains": self.best.gains(), "weights": self.best.weights_gram(), "features": self.best.features_gram()}
        return {name: [float(x) for x in gram.by_class()] for name, gram in found.items()}

    def look(self, state: State, factors: Mapping[str, Vector], loss: float) -> dict[str, Any]:
        """All numbers of a checkpoint as plain data; what is undefined is None."""
        weights = [factors[f"W_{m}"] for m in range(1, self.model.M + 1)]
        means = class_means(factors["H"], self.labels, self.model.K)
        found = self._linear(factors, weights, means) if self.model.is_linear else self._relu(factors)
        values = {f"singular_values_W_{m}": singular_values(W) for m, W in enumerate(weights, start=1)}
        return {
            "step": state.step,
            "seconds": round(state.seconds, 2),
            "loss": loss,
            **found,
            "singular_values_H_1": singular_values(means),
            **values,
        }

    def _linear(self, factors: Mapping[str, Vector], weights: list[Vector], means: Vector) -> dict[str, Any]:
        found = measure(Checkpoint(factors["H"], tuple(weights), self.labels, None, {}), self.model).to_json()
        names = ("difference", "relative_difference", "layers", "dang2023_nc2_weights", "dang2023_nc3", "distances")
        matrices = {name: gram.tolist() for name, gram in grams(weights, means).items()}
        return {name: found[name] for name in (*names, "spectrum_distances")} | {"grams": matrices}

    def _relu(self, factors: Mapping[str, Vector]) -> dict[str, Any]:
        trained = Trained(self.model, np.zeros(1), {name: value[None] for name, value in factors.items()})
        found: dict[str, Any] = {name: float(x) if isfinite(x) else None for name, x in layer_metrics(trained, 0)}
        for layer, hidden in enumerate(trained.layers()[1:], start=2):
            for name, features in (("H", hidden[0]), ("relu_H", trained.activated(hidden[0]))):
                means = class_means(features, self.labels, self.model.K)
                found[f"singular_values_{name}_{layer}"] = singular_values(means)
        return found


def singular_values(matrix: Vector) -> list[float]:
    """Largest first.

    >>> singular_values(np.diag([1.0, 2.0]))
    [2.0, 1.0]
    """
    values: list[float] = np.linalg.svd(matrix, compute_uv=False).tolist()
    return values
