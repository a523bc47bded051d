"""Training of deep models with ReLU layers, as in the experiments of Súkeník et al. 2023 and 2024.

The metrics of a layer are those of ``theory.metrics``; loss and geometry at the end are what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from theory.arithmetic.floats import to_float
from theory.frames import deep_neural_collapse
from theory.metrics import class_means, numerical_rank, sukenik2023_dnc1, sukenik2023_dnc2, sukenik2023_dnc3
from theory.model import UnconstrainedFeatures
from verify.empirical import program
from verify.empirical.training import Array, Trained, train

NEAR = 1e-2
"""Relative distance at which a run counts as having reached the collapsed value."""

VISIBLE = 0.05
"""Singular values below this share of the largest count as zero: they decay as e^{−λ·rate·steps}, and never vanish."""

ORTHOGONAL = 0.1
"""DNC2 up to which class means count as orthogonal."""


@program("deep relu training")
def deep_relu_training(
    *, seed: int, model: UnconstrainedFeatures, runs: int, steps: int, rate: Fraction, deviation: Fraction | None = None
) -> Mapping[str, float]:
    """Train all factors, over all N columns, from some starts.

    Returns:
        Over the runs: ``lowest``, ``median`` and ``highest`` objective; ``reached`` and ``below``, the shares of runs
        within 1% of the best collapsed objective, and below it. Of the run with the lowest objective: ``dnc1_H_l`` and
        ``dnc1_relu_H_l`` for l ≥ 1, ``dnc2_H_l``, ``dnc2_relu_H_l`` and ``dnc3_W_l`` by layer, and ``rank_H_l`` and
        ``rank_relu_H_l``, the numerical ranks of the class means before the ReLU and after it (H_1 has none).
    """
    trained = train(model, seed=seed, runs=runs, steps=steps, rate=rate, deviation=deviation)
    found, collapse = trained.objective, float(to_float(deep_neural_collapse(model)))
    return {
        "lowest": float(found.min()),
        "median": float(np.median(found)),
        "highest": float(found.max()),
        "reached": float((np.abs(found / collapse - 1) <= NEAR).mean()),
        "below": float((found < collapse).mean()),
        **dict(layer_metrics(trained, int(found.argmin()))),
    }


def layer_metrics(trained: Trained, run: int) -> Iterator[tuple[str, float]]:
    """The metrics of one run, layer by layer, by name."""
    K, labels = trained.model.K, trained.labels
    for layer, (hidden, weights) in enumerate(zip(trained.layers(), trained.weights, strict=True), start=1):
        for name, features in (("H", hidden[run]), ("relu_H", trained.activated(hidden[run]))):
            yield f"dnc1_{name}_{layer}", sukenik2023_dnc1(features, labels, K)
            yield f"dnc2_{name}_{layer}", sukenik2023_dnc2(class_means(features, labels, K))
        means = class_means(hidden[run], labels, K)
        seen = class_means(trained.activated(hidden[run]) if layer > 1 else hidden[run], labels, K)
        yield f"dnc3_W_{layer}", sukenik2023_dnc3(weights[run], seen)
        yield f"rank_H_{layer}", numerical_rank(means, VISIBLE)
        yield f"rank_relu_H_{layer}", numerical_rank(seen, VISIBLE)


@program("rank and collapse")
def rank_and_collapse(
    *,
    seed: int,
    model: UnconstrainedFeatures,
    decays: tuple[Fraction, ...],
    widths: tuple[int, ...],
    runs: int,
    steps: int,
    rate: Fraction,
) -> Mapping[str, float]:
    """Train class means at several decays, and, with the model's own decays, at several widths.

    Returns:
        ``rank_1``, … by decay: the numerical rank of the class means of H_l, l ≥ 2, on average over layers and runs;
        ``full_rank_1``, … and ``orthogonal_1``, … by width: the shares of runs in which all of these have full rank,
        and in which those of every σ(H_l), l ≥ 2, are orthogonal. Runs that end at zero are left out.
    """
    settings: dict[str, Any] = {"seed": seed, "runs": runs, "steps": steps, "rate": rate, "collapsed": True}
    found = {}
    for i, decay in enumerate(decays, start=1):
        trained = train(model.with_(decays=decay), **settings)
        found[f"rank_{i}"] = _mean(np.mean(_ranks(trained, run)) for run in _alive(trained))
    for i, width in enumerate(widths, start=1):
        trained = train(model.with_(widths=(width,)), **settings)
        alive = _alive(trained)
        found[f"full_rank_{i}"] = _mean(min(_ranks(trained, run)) == model.K for run in alive)
        found[f"orthogonal_{i}"] = _mean(_is_orthogonal(trained, run) for run in alive)
    return found


def _alive(trained: Trained) -> list[int]:
    """Runs that have not ended at zero, where the objective is 1/2."""
    return [run for run, objective in enumerate(trained.objective) if objective < (1 - NEAR) / 2]


def _mean(values: Iterable[Any]) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed) if listed else float("nan")


def _hidden(trained: Trained, run: int) -> list[Array]:
    return [hidden[run] for hidden in trained.layers()[1:]]


def _ranks(trained: Trained, run: int) -> list[int]:
    return [numerical_rank(hidden, VISIBLE) for hidden in _hidden(trained, run)]


def _is_orthogonal(trained: Trained, run: int) -> bool:
    return all(sukenik2023_dnc2(trained.activated(hidden)) <= ORTHOGONAL for hidden in _hidden(trained, run))
