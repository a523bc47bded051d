"""Training of deep linear models, as in the direct optimisation of Dang et al. 2023: GD with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import reduce

import numpy as np

from theory.closed_form.optimum import optimum
from theory.metrics import class_means, dang2023_nc1, dang2023_nc2_features, dang2023_nc2_weights, dang2023_nc3
from theory.model import UnconstrainedFeatures
from verify.empirical import program
from verify.empirical.training import Trained, train


@program("deep linear training")
def deep_linear_training(
    *,
    seed: int,
    model: UnconstrainedFeatures,
    runs: int,
    steps: int,
    rate: Fraction,
    momentum: Fraction,
    deviation: Fraction,
) -> Mapping[str, float]:
    """Train all factors, over all N columns, from some starts.

    Returns:
        ``lowest`` and ``highest`` objective of the runs, and the largest ``NC1``, ``NC2_W``, ``NC2_H`` and ``NC3`` at
        their ends: those of the official code, against the optimum's matrices, with features centred where there is a
        bias.
    """
    trained = train(
        model, seed=seed, runs=runs, steps=steps, rate=rate, momentum=momentum, deviation=deviation
    )  # fmt: skip
    metrics = [end_metrics(trained, run) for run in range(runs)]
    worst = {name: float(np.max([found[name] for found in metrics])) for name in metrics[0]}
    return {"lowest": float(trained.objective.min()), "highest": float(trained.objective.max()), **worst}


def end_metrics(trained: Trained, run: int) -> dict[str, float]:
    """NC1, NC2 and NC3 of one run."""
    model, best = trained.model, optimum(trained.model)
    features, labels = trained.factors["H"][run], trained.labels
    means = class_means(features, labels, model.K)
    if model.has_bias:
        means = means - features.mean(axis=1, keepdims=True)
    product = reduce(lambda product, W: W @ product, (weights[run] for weights in trained.weights))
    targets = (getattr(best, name)(dense=True).array() for name in ("weights_gram", "features_gram", "logits"))
    weights_gram, features_gram, logits = targets
    if model.has_bias:
        logits = logits - np.array([float(b) for b in best.bias or ()])[:, None]
    return {
        "NC1": dang2023_nc1(features, labels, model.K),
        "NC2_W": dang2023_nc2_weights(product, weights_gram),
        "NC2_H": dang2023_nc2_features(means, features_gram),
        "NC3": dang2023_nc3(product, means, logits),
    }
