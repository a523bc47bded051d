"""The losses of the model, each an average over samples of a function of the outputs z ∈ R^K at a sample of class k.

==================  ====================================================  ==========================================
loss                of one sample                                         in z
==================  ====================================================  ==========================================
``mse``             ½ ‖z − e_k‖²                                          convex
``ce``              log Σ_j e^{z_j} − z_k                                 convex
``label-smoothing`` log Σ_j e^{z_j} − ⟨t, z⟩, t = (1 − α) e_k + α/K 1     convex, 0 ≤ α < 1
``focal``           −(1 − p)^γ log p, p the softmax of z at k             not convex for γ > 0, γ = 0 is ``ce``
==================  ====================================================  ==========================================

Cross-entropy and its relatives are at least φ(Σ_{j≠k} (z_j − z_k)), with equality where the wrong outputs are equal
(Zhou et al. 2022, arXiv 2210.02192): ``contrast`` is φ. So the balanced problem with one layer and collapsed features
is the scalar problem min over t ≤ 0 of φ(t) + √(n λ_W λ_H) |t|.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    identity,
    log,
    log_sum_exp,
    ones,
    softmax,
    sum_squares,
    trace,
)

if TYPE_CHECKING:
    from theory.model import UnconstrainedFeatures

LOSSES = ("mse", "ce", "label-smoothing", "focal")

CONVEX = ("mse", "ce", "label-smoothing")
"""Losses that are convex in the outputs."""


def average(model: UnconstrainedFeatures, outputs: Expression, labels: Expression, counts: Sequence[int]) -> Expression:
    """The model's loss averaged over N samples: column i of ``outputs`` (K × C) stands for counts[i] equal samples.

    ``labels`` (K × C) is one-hot; the counts have the sum N.

    >>> from theory.model import UnconstrainedFeatures
    >>> from theory.ops import identity, variable
    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), decays=1, loss="ce")
    >>> average(model, variable("Z", (2, 2)), identity(2), (2, 1)).shape
    ()
    """
    K, N, columns = model.K, model.N, len(counts)
    weights = diagonal(counts)
    if model.loss == "mse":
        errors = outputs - labels
        return (sum_squares(errors) if set(counts) == {1} else trace(errors @ weights @ errors.T)) / (2 * N)
    if model.loss == "focal":
        right = [log_sum_exp(outputs)[0, i] - trace_of_column(labels, outputs, i) for i in range(columns)]
        terms = [n * (1 - exp(-loss)) ** model.gamma * loss for n, loss in zip(counts, right, strict=True)]
        return reduce(lambda a, b: a + b, terms) / N
    targets = (1 - model.alpha) * labels + model.alpha / K * ones(K, columns) if model.alpha else labels
    partition = (log_sum_exp(outputs) @ weights @ ones(columns, 1))[0, 0]
    return (partition - trace(targets @ weights @ outputs.T)) / N


def trace_of_column(labels: Expression, outputs: Expression, i: int) -> Expression:
    """The output at the label of column i."""
    K = labels.shape[0]
    return (labels[range(K), [i]].T @ outputs[range(K), [i]])[0, 0]


def residual(model: UnconstrainedFeatures, outputs: Expression, labels: Expression | None = None) -> Expression:
    """The negative gradient of each column's loss in its outputs: labels minus outputs, or minus their softmax (K × C).

    Column i of ``outputs`` (K × C) is for the label in column i of ``labels``; without these C = K, a column a class.

    Raises:
        ValueError: for the focal loss.

    >>> from theory.model import UnconstrainedFeatures
    >>> from theory.ops import variable
    >>> residual(UnconstrainedFeatures(class_sizes=(1, 1), decays=1), variable("Z", (2, 2))).shape
    (2, 2)
    """
    if model.loss == "focal":
        raise ValueError("the gradient is written for convex losses only")
    aims = identity(model.K) if labels is None else labels
    if model.loss == "mse":
        return aims - outputs
    smoothed = (1 - model.alpha) * aims + model.alpha / model.K * ones(*aims.shape)
    return smoothed - softmax(outputs)


def contrast(model: UnconstrainedFeatures, t: Any) -> Expression:
    """φ(t), the least loss of a sample whose outputs have Σ_{j≠k} (z_j − z_k) = t.

    Raises:
        ValueError: for squared error, which has no such bound.

    >>> from theory.model import UnconstrainedFeatures
    >>> contrast(UnconstrainedFeatures(class_sizes=(1, 1), decays=1, loss="ce"), 0) is log(2)
    True
    """
    if model.loss == "mse":
        raise ValueError("squared error has no bound in terms of a contrast")
    t, wrong = constant(t), model.K - 1
    loss = log(1 + wrong * exp(t / wrong))
    if model.loss == "focal":
        return (1 - exp(-loss)) ** model.gamma * loss
    return loss - model.alpha / model.K * t
