"""Samples of given class sizes, sorted by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verify.empirical.data import Array, Samples
from verify.errors import BadInput


def subset(samples: Samples, sizes: Sequence[int], seed: int) -> tuple[Array, NDArray[np.int64]]:
    """Draw n_k samples of class k for k = 0 … K−1, and standardise each pixel by them; constant pixels become 0.

    Returns:
        Images (d × N) sorted by class, and their labels (N).

    Raises:
        BadInput: for more classes, or more samples of one, than there are.

    >>> from verify.empirical.data import digits
    >>> images, labels = subset(digits(), (5, 3), seed=0)
    >>> images.shape, labels.tolist()
    ((64, 8), [0, 0, 0, 0, 0, 1, 1, 1])
    """
    there = np.bincount(samples.labels)
    if not 2 <= len(sizes) <= len(there):
        raise BadInput(f"--sizes needs from 2 to {len(there)} classes, which the data have, got {len(sizes)}")
    for k, (wanted, present) in enumerate(zip(sizes, there, strict=False)):
        if wanted > present:
            raise BadInput(f"--sizes asks for {wanted} samples of class {k}, of which the data have {present}")
    draw = np.random.default_rng(seed).permutation
    chosen = np.concatenate([draw(np.flatnonzero(samples.labels == k))[:n] for k, n in enumerate(sizes)])
    X = samples.images[:, chosen].astype(float)
    mean, deviation = X.mean(axis=1, keepdims=True), X.std(axis=1, keepdims=True)
    images = np.divide(X - mean, deviation, out=np.zeros_like(X), where=deviation > 0)
    return images, samples.labels[chosen]
