"""Smaller problems with the same minimum. Each reduction that an engine uses is named in its evidence.

samples → class means
    Replacing the features of a class by their mean lowers neither fit nor regulariser's bound: both are convex in H, so
    the objective at H is at least ``class_mean_objective`` at H's class means, with equality at collapsed features.
    With ReLU layers the mean may be worse, but the best sample of a class is not: the same minimum, at other means.
matrices → modes
    By the Schatten form of the layered regulariser (dang2023-schatten) and von Neumann's trace inequality the problem
    splits over the singular directions of the centred labels, of which at most R are active.
"""

from __future__ import annotations

from theory.losses import average
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, diagonal, identity, ones, trace, variable

MEANS = "M"
"""Name of the variable that stands for the class means H̄ in ``class_mean_objective``."""


def class_mean_variables(model: UnconstrainedFeatures) -> dict[str, Expression]:
    """The model's variables with H (d_1 × N) replaced by the class means M (d_1 × K).

    >>> sorted(class_mean_variables(UnconstrainedFeatures(class_sizes=(9, 1), decays=1)))
    ['M', 'W_1']
    """
    others = {name: v for name, v in model.variables.items() if name != "H"}
    return others | {MEANS: variable(MEANS, (model.widths[0], model.K))}


def class_mean_objective(model: UnconstrainedFeatures) -> Expression:
    """The objective at collapsed features H = M Y, with coefficients in Q and at a cost free of N.

    1/(2N) tr(E D Eᵀ) + Σ_m λ_m/2 ‖W_m‖² + λ_H/2 tr(M D Mᵀ) with D = diag(n) and E = W_M ⋯ W_1 M + b 1ᵀ − I, or with
    another loss, or with ReLUs between the weights.
    """
    means, sizes = class_mean_variables(model)[MEANS], diagonal(model.class_sizes)
    outputs = model.outputs(means)
    if model.has_bias:
        outputs = outputs + model.bias_vector @ ones(1, model.K)
    fit = average(model, outputs, identity(model.K), model.class_sizes)
    return model.regularised(fit, trace(means @ sizes @ means.T))


def mode_weights(model: UnconstrainedFeatures) -> list[int]:
    """Squared singular values of the centred labels, largest first: n_k, or (balanced, with bias) n, K − 1 times.

    Raises:
        ValueError: for another model than the deep linear one with squared error, and for imbalanced classes with a
            bias, where they are not rational.

    >>> mode_weights(UnconstrainedFeatures(class_sizes=(1, 5), decays=1))
    [5, 1]
    """
    if not model.has_modes:
        raise ValueError("only linear layers with squared error, free features and a free bias split into modes")
    if model.has_bias and not model.balanced:
        raise ValueError("imbalanced classes with a bias have modes that are not rational")
    return sorted(model.class_sizes, reverse=True)[: model.K - 1 if model.has_bias else model.K]
