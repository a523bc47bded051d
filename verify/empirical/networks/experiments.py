"""Trained networks as a program for experiments, as in the practical parts of the papers on free features."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from theory.model import UnconstrainedFeatures
from verify.empirical import program
from verify.empirical.data import digits
from verify.empirical.networks.extractors import Mlp
from verify.empirical.networks.looks import Head
from verify.empirical.networks.network import Network
from verify.empirical.networks.subset import subset
from verify.empirical.networks.training import Loss, Schedule, course


@program("network training")
def network_training(
    *,
    seed: int,
    model: UnconstrainedFeatures,
    hidden: tuple[int, ...],
    runs: int,
    steps: int,
    adam: int,
    rate: Fraction,
) -> Mapping[str, float]:
    """Train an extractor with hidden layers of GELUs, and the model's head on it, on digits of the model's class sizes.

    Args:
        runs: how many, each with samples and a start of its own.
        steps: in all, of which ``adam`` are Adam's, of length ``rate``, and the rest those of L-BFGS.

    Returns:
        ``lowest`` and ``highest`` loss at the end, and of the run with the lowest: with linear layers ``NC1``,
        ``NC2_W``, ``NC2_H`` and ``NC3`` of the official code of Dang et al. 2023; ``weights_k``, ``features_k`` and
        ``logits_k``, the diagonals of PPᵀ, H̄ᵀH̄ and PH̄ for classes k = 1 … K, and ``weights_off``, …, the largest
        absolute entry beside each. With ReLUs the metrics of ``deep_relu.layer_metrics``.
    """
    schedule = Schedule(steps, adam, float(rate))
    looks = [_end(model, hidden, schedule, seed * runs + run) for run in range(runs)]
    losses = [look["loss"] for look in looks]
    best = looks[int(np.argmin(losses))]
    metrics = _frame(best) if model.is_linear else {name: x for name, x in best.items() if name.startswith(METRICS)}
    numbers = {name: float("nan") if x is None else x for name, x in metrics.items()}
    return {"lowest": min(losses), "highest": max(losses), **numbers}


METRICS = ("dnc", "rank")
"""First letters of the metrics of layers."""


@lru_cache(maxsize=32)
def _end(model: UnconstrainedFeatures, hidden: tuple[int, ...], schedule: Schedule, seed: int) -> dict[str, Any]:
    """What is seen at the end of one run; wrong versions of a statement ask for the same runs again."""
    images, _ = subset(digits(), model.class_sizes, seed)
    loss = Loss(Network(Mlp(len(images), hidden, "gelu"), model, seed), images, model)
    *_, last = course(loss, schedule)
    return Head(model).look(last, loss.factors(last.parameters), loss.value_and_gradient(last.parameters)[0])


def _frame(look: dict[str, Any]) -> dict[str, Any]:
    """Metrics and Gram matrices of a linear head."""
    first = look["layers"][0]
    found = {"NC1": first["dang2023_nc1"], "NC2_H": first["dang2023_nc2_features"]}
    found |= {"NC2_W": look["dang2023_nc2_weights"], "NC3": look["dang2023_nc3"]}
    for name, gram in ((name, np.array(rows)) for name, rows in look["grams"].items()):
        found |= {f"{name}_{k}": float(x) for k, x in enumerate(np.diag(gram), start=1)}
        found[f"{name}_off"] = float(np.abs(gram - np.diag(np.diag(gram))).max())
    return found
