"""Where a search for something better than deep neural collapse starts: groups of points, each with a name.

Random factors through a bottleneck lead to low-rank solutions of deep linear models. Those of ReLU models keep all
classes in few directions, in the cone of which some classes are sums of others, and take them apart with the last ReLU,
which may need more neurons than there are classes. So random factors compete with narrow bottlenecks, with codes (each
class a set of directions, each hidden layer the same), and with what was found for neighbouring sizes and depths.
Nothing here knows a solution for the case at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import e, log

import torch

from theory.model import UnconstrainedFeatures
from verify.methods.kernels import LayeredModel

Tensor = torch.Tensor
Factors = Sequence[Tensor]
"""X, W_1 … W_M of one point, in units where factors have order one, without the directions that are not used."""

GAIN = 0.95
"""Norm of a factor of a structured start over √K: collapse has about 1."""

GAUSSIAN_GAINS = (1.4, 1.0, 2.0, 1.4)
"""Sizes of random factors: large ones keep their modes, small ones lose them."""

NOISE = 0.1
"""Of every second start at collapse; without it a ReLU's unused inputs stay at exactly 0."""

CUTOFF = 0.05
"""Singular values below this fraction of the largest are left out when a layer is fitted: they would blow it up."""


@dataclass(frozen=True)
class Start:
    """Some starting points (B, n) of one kind."""

    name: str
    points: Tensor


def may_hide(model: UnconstrainedFeatures) -> bool:
    """Whether a model may have minima of low rank that plain descent misses: deep, and no sum of scalar problems."""
    return model.M > 1 and not model.has_modes


def collapse(kernel: LayeredModel, count: int, generator: torch.Generator) -> Start:
    """Collapse on coordinate frames, gains about 1: exactly, with noise, and without some of the classes."""
    model, points = kernel.model, []
    for i in range(count):
        gain = 1.0 - 0.05 * (i % 4)
        kept = torch.ones(model.K, dtype=torch.float64)
        if i % 4 == 3:
            kept[int(torch.randint(model.K, (1,), generator=generator))] = 0.0
        frame = torch.eye(model.K, dtype=torch.float64) * kept
        point = _point(kernel, [gain * frame] * (model.M + 1))
        points.append(point + NOISE * (i % 2) * torch.randn(point.shape, generator=generator, dtype=torch.float64))
    return Start("collapse", torch.cat(points))


def starts(
    kernel: LayeredModel, count: int, generator: torch.Generator, known: Mapping[tuple[int, int], Factors]
) -> Iterator[Start]:
    """Groups of about ``count`` starting points; ``known`` has factors found before, by classes and depth."""
    model = kernel.model
    yield Start("random factors", torch.cat([_gaussian(kernel, model.widths, i, generator) for i in range(count)]))
    if model.K > 2 and model.M > 1:
        narrow = [_gaussian(kernel, _narrowed(model, generator), i, generator) for i in range(count)]
        yield Start("random factors through a bottleneck", torch.cat(narrow))
    if model.K > 2 and model.M > 2 and not model.is_linear:
        yield Start(
            "a code of fewer directions than classes", torch.cat([_code(kernel, generator) for _ in range(count)])
        )
    for name, factors in _neighbours(model, known):
        yield Start(name, torch.cat([_near(kernel, factors, 0.02 * i, generator) for i in range(4)]))


def _gaussian(kernel: LayeredModel, widths: Sequence[int], index: int, generator: torch.Generator) -> Tensor:
    """Random factors that use only the first directions of each layer."""
    model, gain = kernel.model, GAUSSIAN_GAINS[index % len(GAUSSIAN_GAINS)]
    sizes = [kernel.layout.shapes["X"][1], *widths, model.K]
    factors = [
        torch.randn(rows, columns, generator=generator, dtype=torch.float64) * gain / max(rows, columns) ** 0.5
        for columns, rows in pairwise(sizes)
    ]
    return _point(kernel, factors)


def _narrowed(model: UnconstrainedFeatures, generator: torch.Generator) -> list[int]:
    """Widths of which all up to some layer are cut to a number below K (at least 2)."""
    most = min(model.K - 1, *model.widths)
    width = int(torch.randint(min(2, most), most + 1, (1,), generator=generator))
    last = int(torch.randint(1, max(2, model.M), (1,), generator=generator))
    return [min(d, width) if m < last else d for m, d in enumerate(model.widths)]


def _code(kernel: LayeredModel, generator: torch.Generator) -> Tensor:
    """Hidden means that are sets of r directions, kept through the layers, and fitted from a last hidden layer."""
    model, K = kernel.model, kernel.model.K
    most = min(K - 1, *model.widths[1:-1])
    r = int(torch.randint(min(2, most), most + 1, (1,), generator=generator))
    sets = _subsets(r, K, generator)
    A = torch.zeros(r, K, dtype=torch.float64)
    for k, chosen in enumerate(sets):
        A[:, k] = (
            torch.tensor([float(chosen >> i & 1) for i in range(r)], dtype=torch.float64) / chosen.bit_count() ** 0.5
        )
    U, S, V = torch.linalg.svd(A, full_matrices=False)
    root = S.sqrt()
    factors = [root[:, None] * V, U * root, *[torch.eye(r, dtype=torch.float64)] * (model.M - 3)]
    signs = torch.randn(model.widths[-1], r, generator=generator, dtype=torch.float64)
    pattern = torch.where(A.T > 0, 1.0, -1.0)[: model.widths[-1]]
    signs[: len(pattern)] = pattern + 0.3 * signs[: len(pattern)]
    last = (signs @ A).clamp(min=0.0)
    factors += [signs, torch.linalg.pinv(last, rtol=CUTOFF)]
    return _point(kernel, [_scaled(factor, K) for factor in factors])


def _subsets(r: int, count: int, generator: torch.Generator) -> list[int]:
    """Different non-empty sets of r directions as bit masks, small ones preferred; with repeats where there are few."""
    order = torch.randperm(2**r - 1, generator=generator).tolist() if r < 12 else list(range(2 * count))
    masks = sorted(
        (i + 1 for i in order), key=lambda mask: mask.bit_count() + 2 * float(torch.rand(1, generator=generator))
    )
    return [masks[i % len(masks)] for i in range(count)]


def _neighbours(
    model: UnconstrainedFeatures, known: Mapping[tuple[int, int], Factors]
) -> Iterator[tuple[str, list[Tensor]]]:
    """Solutions of one layer less with a layer inserted, and of one class more with one removed."""
    K, M = model.K, model.M
    if (K, M - 1) in known and M > 3:
        X, first, *others = known[K, M - 1]
        between = torch.eye(first.shape[0], dtype=torch.float64)
        yield f"a solution of {M - 1} layers with one inserted", [X, first, between * _scale_of(others[0]), *others]
    if (K + 1, M) in known:
        X, *weights = known[K + 1, M]
        yield f"a solution of {K + 1} classes with one removed", [X[:, :K], *weights[:-1], weights[-1][:K]]


def _scale_of(factor: Tensor) -> float:
    return float(factor.norm()) / factor.shape[1] ** 0.5


def _near(kernel: LayeredModel, factors: Factors, noise: float, generator: torch.Generator) -> Tensor:
    point = _point(kernel, factors) / natural_size(kernel)
    return point * (1 + noise * torch.randn(point.shape, generator=generator, dtype=torch.float64))


def natural_size(kernel: LayeredModel) -> float:
    """The size of factors at an optimum: 1 for squared error, else logits grow as the logarithm of the decay falls."""
    if kernel.model.loss == "mse":
        return 1.0
    return log(max(e, 1 / kernel.kappa)) ** (1 / (kernel.model.M + 1))


def _scaled(factor: Tensor, classes: int) -> Tensor:
    return factor * (GAIN * classes**0.5 / float(factor.norm().clamp(min=1e-12)))


def _point(kernel: LayeredModel, factors: Factors) -> Tensor:
    """The flat point (1, n) of factors X, W_1 … W_M of their natural size, zero-padded (or cut) to the model's widths.

    X may have a column a class, the mean times √n_k, in a search over all columns too: there each sample gets the mean.
    """
    X, *weights = factors
    sizes = torch.tensor(kernel.model.class_sizes)
    if not kernel.collapsed and X.shape[1] == kernel.model.K:
        X = torch.repeat_interleave(X / sizes.sqrt(), sizes, dim=1)
    padded, size = [], natural_size(kernel)
    for factor, shape in zip((*weights, X), kernel.layout.shapes.values(), strict=False):
        whole = torch.zeros(1, *shape, dtype=torch.float64)
        rows, columns = (min(a, b) for a, b in zip(factor.shape, shape, strict=True))
        whole[0, :rows, :columns] = size * factor[:rows, :columns]
        padded.append(whole)
    bias = [torch.zeros(1, kernel.model.K, 1, dtype=torch.float64)] if kernel.model.has_bias else []
    return kernel.layout.join([*padded, *bias])
