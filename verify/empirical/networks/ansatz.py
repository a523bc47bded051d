"""Where a trained network loses its variation within classes, and whether its weights follow the gradients.

Beaglehole et al. 2024 (arXiv 2402.13728), section 6. A layer φ(W x) with W = U S Vᵀ is S Vᵀ first and φ(U ·) then: NC1
at its input, behind S Vᵀ and behind φ(U ·) splits what the layer does to it between the right singular structure and
the non-linearity. The neural feature ansatz (3.1) says that WᵀW is proportional to a power of the average gradient
outer product (AGOP) of the outputs in the layer's input, (1/N) Σ_i J_iᵀ J_i; in the experiments to its square root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from theory.metrics import beaglehole2024_nc1
from verify.empirical import program
from verify.empirical.data import digits, split
from verify.empirical.networks.training import Tensor, Vector


@dataclass(frozen=True)
class Split:
    """One layer: NC1 of its input, behind S Vᵀ and behind φ(U ·), and the correlation of WᵀW with AGOP^{1/2}."""

    before: float
    linear: float
    after: float
    correlation: float


def splits(weights: Sequence[Tensor], X: Vector, labels: NDArray[np.int64]) -> list[Split]:
    """All layers with ReLUs of a network W_L σ(⋯ σ(W_1 x)) without biases, on images (d × N) with labels.

    >>> W, X = torch.eye(2, dtype=torch.float64), np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0]])
    >>> found = splits([W, W], X, np.array([0, 0, 1, 1]))[0]
    >>> found.before == found.linear == found.after, round(found.correlation, 12)
    (True, 1.0)
    """
    K = int(labels.max()) + 1
    hidden = _hidden(weights, torch.as_tensor(X))
    found = []
    for W, x, y, M in zip(weights[:-1], hidden[:-1], hidden[1:], _agops(weights, hidden), strict=True):
        _, S, Vh = torch.linalg.svd(W.detach(), full_matrices=False)
        before, linear, after = (
            beaglehole2024_nc1(z.detach().numpy(), labels, K) for z in (x, S[:, None] * (Vh @ x), y)
        )
        found.append(Split(before, linear, after, correlation((W.T @ W).detach().numpy(), square_root(M.numpy()))))
    return found


def correlation(A: Vector, B: Vector) -> float:
    """Pearson's correlation of the entries of two matrices."""
    return float(np.corrcoef(A.ravel(), B.ravel())[0, 1])


def square_root(M: Vector) -> Vector:
    """M^{1/2} of a positive semidefinite matrix.

    >>> square_root(np.diag([4.0, 0.0])).tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    values, vectors = np.linalg.eigh(M)
    root: Vector = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    return root


def _hidden(weights: Sequence[Tensor], X: Tensor) -> list[Tensor]:
    """Inputs of all layers."""
    inputs = [X]
    for W in weights[:-1]:
        inputs.append(torch.relu(W @ inputs[-1]))
    return inputs


def _agops(weights: Sequence[Tensor], hidden: Sequence[Tensor]) -> list[Tensor]:
    """(1/N) Σ_i J_iᵀ J_i in the input of each layer with a ReLU: rows of J go back through the layers."""
    N = hidden[0].shape[1]
    with torch.no_grad():
        found = [torch.zeros(len(x), len(x), dtype=x.dtype) for x in hidden[:-1]]
        for row in weights[-1]:
            back = row[:, None].expand(-1, N)
            for layer in reversed(range(len(found))):
                back = weights[layer].T @ (back * (hidden[layer + 1] > 0))
                found[layer] += back @ back.T / N
    return found


@program("feature ansatz")
@lru_cache(maxsize=4)
def feature_ansatz(
    *,
    seed: int,
    samples: int,
    width: int,
    layers: int,
    epochs: int,
    gains: tuple[Fraction, ...],
    rate: Fraction = Fraction(1, 10),
    momentum: Fraction = Fraction(9, 10),
    batch: int = 128,
) -> Mapping[str, float]:
    """Train MLPs with ReLU layers without biases on digits by SGD: squared error, labels ±1, Xavier-uniform starts.

    It keeps what it found last: statements and their wrong versions ask for the same networks.

    Args:
        layers: those with a ReLU; a linear one follows.
        gains: of the starts, one network each; the smaller, the smaller the first weights.

    Returns:
        For each gain, with ``_1``, ``_2``, … for the first, second, …: ``accuracy`` on the training samples;
        ``nc1_first`` and ``nc1_last``, NC1 of the images and of the last features; ``linear_share``, the part of the
        fall of log NC1 from these to those that S Vᵀ makes, summed over layers; ``correlation``, the mean over layers
        of that of WᵀW with AGOP^{1/2}, ``correlation_least``, and ``correlation_start``, the mean before training.
    """
    task = split(digits(), samples, seed)
    sizes, steps = (len(task.train), *[width] * layers, task.classes), (float(rate), float(momentum))
    found: dict[str, float] = {}
    for index, gain in enumerate(gains, start=1):
        start, end = (descend(task.train, task.labels, sizes, float(gain), n, steps, batch, seed) for n in (0, epochs))
        untrained = np.mean([one.correlation for one in splits(start, task.train, task.labels)])
        numbers = {**_numbers(end, task.train, task.labels), "correlation_start": float(untrained)}
        found |= {f"{name}_{index}": value for name, value in numbers.items()}
    return found


def _numbers(weights: Sequence[Tensor], X: Vector, labels: NDArray[np.int64]) -> dict[str, float]:
    looks = splits(weights, X, labels)
    outputs = weights[-1] @ _hidden(weights, torch.as_tensor(X))[-1]
    fall = np.log(looks[0].before / looks[-1].after)
    return {
        "accuracy": float((outputs.argmax(dim=0).numpy() == labels).mean()),
        "nc1_first": looks[0].before,
        "nc1_last": looks[-1].after,
        "linear_share": float(sum(np.log(one.before / one.linear) for one in looks) / fall),
        "correlation": float(np.mean([one.correlation for one in looks])),
        "correlation_least": min(one.correlation for one in looks),
    }


def descend(
    X: Vector,
    labels: NDArray[np.int64],
    sizes: Sequence[int],
    gain: float,
    epochs: int,
    steps: tuple[float, float],
    batch: int,
    seed: int,
) -> list[Tensor]:
    """Weights after some epochs of SGD with momentum on the mean squared error over entries."""
    generator = torch.Generator().manual_seed(seed)
    weights = [
        (gain * (6 / (a + b)) ** 0.5 * (2 * torch.rand(b, a, dtype=torch.float64, generator=generator) - 1))
        for a, b in pairwise(sizes)
    ]
    images, targets = torch.as_tensor(X), torch.as_tensor(2 * np.eye(sizes[-1])[:, labels] - 1)
    for W in weights:
        W.requires_grad_()
    optimiser = torch.optim.SGD(weights, lr=steps[0], momentum=steps[1])
    for _ in range(epochs):
        for part in torch.randperm(len(labels), generator=generator).split(batch):
            optimiser.zero_grad()
            outputs = weights[-1] @ _hidden(weights, images[:, part])[-1]
            torch.mean((outputs - targets[:, part]) ** 2).backward()
            optimiser.step()
    return [W.detach() for W in weights]
