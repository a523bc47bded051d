"""How collapsed given weights and features are; each published metric carries its paper's name.

Letters: features H (d × N) with labels, class means H̄ (d × K), P = W_M ⋯ W_1 (K × d). Published metrics divide both
sides by their norms, so they can't see a wrong scale; ``relative_distance`` can. A metric of matrices that are zero is
``nan``: the published definition divides by zero there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def class_means(features: Array, labels: NDArray[np.int64], classes: int) -> Array:
    """Class means H̄ (d × K) of features (d × N) with labels 0 … K−1 (N).

    >>> class_means(np.array([[1.0, 3.0, 5.0]]), np.array([0, 0, 1]), 2)
    array([[2., 5.]])
    """
    counts = np.bincount(labels, minlength=classes)
    return features @ np.eye(classes)[labels] / counts


def dang2023_nc1(features: NDArray[Any], labels: NDArray[np.int64], classes: int, cutoff: float | None = None) -> float:
    """NC1 = tr(Σ_W Σ_B†)/K of Dang et al. 2023 (official code): variation within classes against that between them.

    Σ_W is averaged over the N samples, Σ_B over the K class means around the mean of all samples. Σ_B is never formed:
    its pseudo-inverse comes from the singular values of the centred means.

    Args:
        cutoff: singular values of the centred means below ``cutoff`` times the largest of them, and of the entries of
            H̄, count as zero. Default: max(d, N)·ε of the features' dtype, what rounding leaves of a zero singular
            value (the centred means have rank K−1 for balanced classes), so pass float32 features as float32.

    Returns:
        0 at collapse; ``nan`` when all class means coincide.

    >>> H = np.array([[1.0, 3.0, -1.0, -3.0]])
    >>> round(dang2023_nc1(H, np.array([0, 0, 1, 1]), 2), 12)
    0.125
    """
    samples = features.astype(float)
    means = class_means(samples, labels, classes)
    between = _spread(means, samples.mean(axis=1, keepdims=True), _cutoff(features) if cutoff is None else cutoff)
    if between is None:
        return float("nan")
    left, singular = between
    within = (left.T @ (samples - means[:, labels])) / singular[:, None]
    return float((within**2).sum() / samples.shape[1])


def dang2023_nc2_weights(product: Array, target: Array) -> float:
    """NC2 of the weights of Dang et al. 2023: ‖PPᵀ/‖PPᵀ‖_F − T/‖T‖_F‖_F, blind to scale.

    ``target`` T is I (balanced), I − 11ᵀ/K (balanced with a bias) or the predicted diagonal (K × K).

    >>> round(dang2023_nc2_weights(3 * np.eye(2), np.eye(2)), 12)
    0.0
    """
    return _shape_distance(product @ product.T, target)


def dang2023_nc2_features(means: Array, target: Array) -> float:
    """NC2 of the features of Dang et al. 2023: the same for H̄ᵀH̄ (centre H̄ yourself where there is a bias)."""
    return _shape_distance(means.T @ means, target)


def dang2023_nc3(product: Array, means: Array, target: Array) -> float:
    """NC3 of Dang et al. 2023: ‖PH̄/‖PH̄‖_F − T/‖T‖_F‖_F, blind to scale."""
    return _shape_distance(product @ means, target)


def dang2023_nc3_alignment(product: Array, means: Array, factors: Array) -> float:
    """NC3 as alignment of Dang et al. 2023: ‖P/‖P‖_F − D H̄ᵀ/‖D H̄ᵀ‖_F‖_F for D = diag(``factors``) (K).

    The factor of class k is c s_k^(2M) + Nλ_H; for balanced classes any constant does.
    """
    return _shape_distance(product, factors[:, None] * means.T)


def sukenik2023_dnc1(features: Array, labels: NDArray[np.int64], classes: int) -> float:
    """DNC1 of one layer in Súkeník et al. 2023, as the ratio tr Σ_W / tr Σ_B; ``nan`` when all class means coincide.

    Σ_W is averaged over the samples, Σ_B over the class means around their mean. The paper's formula is reconstructed.

    >>> sukenik2023_dnc1(np.array([[2.0, 4.0, -2.0, -4.0]]), np.array([0, 0, 1, 1]), 2)
    0.1111111111111111
    """
    within, between = scatter(features, labels, classes)
    return within / between if between else float("nan")


def scatter(features: Array, labels: NDArray[np.int64], classes: int) -> tuple[float, float]:
    """tr Σ_W, averaged over the samples (columns), and tr Σ_B, over the class means around their mean.

    >>> scatter(np.array([[2.0, 4.0, -2.0, -4.0]]), np.array([0, 0, 1, 1]), 2)
    (1.0, 9.0)
    """
    means = class_means(features, labels, classes)
    within = ((features - means[:, labels]) ** 2).sum() / features.shape[1]
    between = ((means - means.mean(axis=1, keepdims=True)) ** 2).sum() / classes
    return float(within), float(between)


def sukenik2023_dnc2(means: Array) -> float:
    """DNC2 of one layer in Súkeník et al. 2023: ‖MᵀM/‖MᵀM‖_F − I/√K‖_F, 0 for an orthogonal frame of class means.

    The paper's formula is reconstructed.

    >>> round(sukenik2023_dnc2(np.array([[3.0, 0.0], [0.0, 3.0], [0.0, 0.0]])), 12)
    0.0
    """
    return _shape_distance(means.T @ means, np.eye(means.shape[1]))


def sukenik2023_dnc3(weights: Array, means: Array) -> float:
    """DNC3 of one layer in Súkeník et al. 2023: mean sine of the angles between rows of W_l and the nearest class mean.

    Rows are weighted by their norms, so that zero rows don't count; ``means`` are those of σ(H_l), up to sign nearest.
    The paper's formula is reconstructed. ``nan`` without weights or means.

    >>> sukenik2023_dnc3(np.array([[2.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]), np.eye(2))
    0.0
    """
    lengths, sizes = np.linalg.norm(weights, axis=1), np.linalg.norm(means, axis=0)
    if not lengths.any() or not sizes.any():
        return float("nan")
    directions = means[:, sizes > 0] / sizes[sizes > 0]
    nearest = np.abs(weights @ directions).max(axis=1)
    sines = np.sqrt(np.maximum(lengths**2 - nearest**2, 0))
    return float(sines.sum() / lengths.sum())


def garrod2024_dnc1(features: Array, labels: NDArray[np.int64], classes: int) -> float:
    """DNC1 of one layer in Garrod & Keating 2024: ‖Σ_W Σ_B†‖_F²; ``nan`` when all class means coincide.

    Σ_W is averaged over the samples, Σ_B over the class means around their mean; Σ_B† has the default cutoff above.

    >>> round(81 * garrod2024_dnc1(np.array([[2.0, 4.0, -2.0, -4.0]]), np.array([0, 0, 1, 1]), 2), 12)
    1.0
    """
    means = class_means(features, labels, classes)
    between = _spread(means, means.mean(axis=1, keepdims=True), _cutoff(features))
    if between is None:
        return float("nan")
    left, singular = between
    within = features - means[:, labels]
    inward = within.T @ left / singular
    product = within @ inward / singular * (classes / features.shape[1])
    return float((product**2).sum())


def beaglehole2024_nc1(features: Array, labels: NDArray[np.int64], classes: int) -> float:
    """NC1 of Beaglehole et al. 2024: tr Σ_W / tr Σ_B, 0 at collapse; ``nan`` when all class means coincide.

    Σ_W is averaged over the N samples, Σ_B over the K class means around their mean, whatever the class sizes.

    >>> round(9 * beaglehole2024_nc1(np.array([[2.0, 4.0, -2.0, -4.0]]), np.array([0, 0, 1, 1]), 2), 12)
    1.0
    """
    return sukenik2023_dnc1(features, labels, classes)


def beaglehole2024_nc2(means: Array) -> float:
    """NC2 of Beaglehole et al. 2024: ‖μ̄ᵀμ̄ − Σ_ETF‖_F, 0 for a simplex ETF; ``nan`` when a mean is that of all.

    μ̄ are the class means minus their mean, each over its norm; Σ_ETF = (1 + 1/(K−1)) I − 11ᵀ/(K−1).

    >>> round(beaglehole2024_nc2(np.array([[3.0, 0.0], [0.0, 3.0], [0.0, 0.0]])), 12)
    0.0
    """
    K = means.shape[1]
    centred = means - means.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=0)
    if K < 2 or not lengths.all():
        return float("nan")
    directions = centred / lengths
    return float(np.linalg.norm(directions.T @ directions - (K * np.eye(K) - 1) / (K - 1)))


def jacot2024_nc1(features: Array, labels: NDArray[np.int64], classes: int) -> float:
    """NC1 of Jacot et al. 2024: tr Σ_W / tr Σ_B, as in ``sukenik2023_dnc1``; ``nan`` when all class means coincide."""
    return sukenik2023_dnc1(features, labels, classes)


def jacot2024_nc2(means: Array) -> float:
    """NC2 of Jacot et al. 2024: κ(Z̄), the condition number of class means as they are, 1 for an orthogonal frame.

    >>> jacot2024_nc2(np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    3.0
    """
    values = np.linalg.svd(means, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] else float("inf")


def jacot2024_nc3(features: Array, labels: NDArray[np.int64], weights: Array) -> float:
    """NC3 of Jacot et al. 2024: the mean cosine between a feature and its class's row of W (K × d), 1 when aligned.

    >>> jacot2024_nc3(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 3.0]]))
    1.0
    """
    rows = weights[labels].T
    lengths = np.linalg.norm(rows, axis=0) * np.linalg.norm(features, axis=0)
    return float(np.mean((rows * features).sum(axis=0) / lengths)) if lengths.all() else float("nan")


def numerical_rank(matrix: Array, cutoff: float) -> int:
    """The number of singular values above ``cutoff`` times the largest.

    >>> numerical_rank(np.diag([2.0, 1.0, 0.01]), 0.1)
    2
    """
    values = np.linalg.svd(matrix, compute_uv=False)
    return int((values > cutoff * values[0]).sum())


def relative_distance(matrix: NDArray[Any], target: NDArray[Any]) -> float:
    """‖A − T‖_F / max(‖A‖_F, ‖T‖_F), which sees scale: 0 where they are equal, 1 where one is zero, at most 2.

    >>> relative_distance(2 * np.eye(3), np.eye(3))
    0.5
    """
    largest = max(np.linalg.norm(matrix), np.linalg.norm(target))
    return float(np.linalg.norm(matrix - target) / largest) if largest else 0.0


def relative_spectrum_distance(matrix: Array, target: Array) -> float:
    """``relative_distance`` of the sorted singular values: blind to rotations, as between equally good minimisers."""
    values, wanted = (np.linalg.svd(a, compute_uv=False) for a in (matrix, target))
    return relative_distance(values, wanted)


def _cutoff(features: NDArray[Any]) -> float:
    """max(d, N)·ε of the features' dtype."""
    epsilon = np.finfo(features.dtype).eps if np.issubdtype(features.dtype, np.floating) else np.finfo(float).eps
    return float(epsilon) * max(features.shape)


def _spread(means: Array, centre: Array, cutoff: float) -> tuple[Array, Array] | None:
    """Left singular vectors and singular values of the centred class means that count as non-zero, if any do."""
    left, singular, _ = np.linalg.svd(means - centre, full_matrices=False)
    # Rounding is relative to the features themselves, which may share a large mean.
    kept = singular > cutoff * max(singular[0], float(np.abs(means).max()))
    return (left[:, kept], singular[kept]) if kept.any() else None


def _shape_distance(matrix: Array, target: Array) -> float:
    norms = np.linalg.norm(matrix), np.linalg.norm(target)
    return float(np.linalg.norm(matrix / norms[0] - target / norms[1])) if all(norms) else float("nan")
