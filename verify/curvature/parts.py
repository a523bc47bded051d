"""Papyan's parts of a layer's Gauss–Newton matrix, as operators (Garrod & Keating 2024, arXiv 2404.06106, Theorem 4.2).

Every sample i and every output c' have a vector v_{ic'} in the space of W_l, a gradient, and a weight w_{ic'}; the
matrix is Σ w v vᵀ. With squared error v_{ic'} = J_iᵀ e_{c'} ⊗ h_i and w = 1/N, J_i the derivative of the outputs by
W_l h_i; with cross-entropy v_{ic'} = J_iᵀ (p_i − e_{c'}) ⊗ h_i, the gradient if the label were c', and w = p_{i,c'}/N.
Means v_{cc'} are over a class, means v_c over its outputs c', with cross-entropy over c' ≠ c; all are weighted, and
weights of means are sums. Then, with v² = v vᵀ,

    within Σ w_{ic'} (v_{ic'} − v_{cc'})²,      cross Σ w_{cc'} (v_{cc'} − v_c)²,
    class Σ w_c v_c²,                           own Σ w_{cc} v_{cc}²,

where the sum across is over c' ≠ c with cross-entropy, and own is there with cross-entropy alone. For equal classes
these are the paper's; classes of different sizes weigh as much as they have samples.
"""

from __future__ import annotations

import torch

from theory.model import UnconstrainedFeatures
from verify.curvature.operators import Curvature, Kronecker, Operator, Tensor

LOSSES = {"mse": ("within", "cross", "class"), "ce": ("within", "cross", "class", "own")}
"""The names of the parts with each loss that has them."""


def memory(model: UnconstrainedFeatures, layer: int) -> float:
    """About how many bytes ``parts`` holds: vectors of all pairs of a class and an output, and of all samples."""
    rows, columns = model.weight_shapes[layer - 1]
    if model.is_linear:
        if model.loss == "mse":
            return 8.0 * (rows**2 + columns**2)
        rows, columns = (min(size, model.K) for size in (rows, columns))
        columns = max(columns, min(model.widths[layer - 1], model.N))
    return 8.0 * (4 * model.K**2 * rows * columns + 2 * model.K * max(model.K, *model.widths) * model.N)


def parts(curvature: Curvature, layer: int) -> dict[str, Kronecker | Operator]:
    """The parts by name, whose sum is the data term's Hessian in W_l, but for rows and columns where all of it is 0.

    For linear layers and squared error each is one Kronecker product; else, for linear layers, they act on the range of
    the whole, which ``Curvature.compressed`` has as well.

    Raises:
        ValueError: for losses that have none.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), decays=1)
    >>> at = Curvature(model, {"W_1": torch.eye(2).double(), "H": torch.eye(2).double()})
    >>> {name: int(torch.linalg.matrix_rank(part.dense())) for name, part in parts(at, 1).items()}
    {'within': 0, 'cross': 2, 'class': 2}
    """
    model = curvature.model
    if model.loss not in LOSSES:
        raise ValueError(f"the parts of a Hessian are known for mse and ce, got {model.loss}")
    if model.is_linear and model.loss == "mse":
        return _products(curvature, layer)
    whole, vectors, inputs = _gradients(curvature, layer)
    means, weights = _class_means(curvature, vectors, inputs)
    own = torch.eye(model.K, dtype=torch.bool, device=curvature.device)
    groups = {"class": torch.ones_like(own)} if model.loss == "mse" else {"class": ~own, "own": own}
    found: dict[str, Operator] = {}
    across = torch.zeros_like(means)
    for name, members in groups.items():
        center, total = _mean(means, weights * members)
        across += members[..., None] * (means - center[:, None])
        found[name] = _squares(center, total)
    cross = _squares(across.flatten(0, 1), weights.flatten())
    each = _squares(means.flatten(0, 1), weights.flatten())
    within = Operator(whole.size, lambda V: whole(V) - each(V), curvature.device)
    return {"within": within, "cross": cross, **found}


def _products(curvature: Curvature, layer: int) -> dict[str, Kronecker | Operator]:
    """With a_{c'} the rows of A = A^{(l+1)}: AᵀA ⊗ (second moments of features), split on both sides."""
    A, h, model = curvature.above(layer + 1), curvature.inputs[layer - 1], curvature.model
    means, mean = curvature.means(layer), A.mean(0, keepdim=True)
    within, centred = h - means @ curvature.labels, A - mean
    between = means * curvature.labels.sum(1) @ means.T / model.N
    return {
        "within": Kronecker(A.T @ A, within @ within.T / model.N),
        "cross": Kronecker(centred.T @ centred, between),
        "class": Kronecker(model.K * mean.T @ mean, between),
    }


def _gradients(curvature: Curvature, layer: int) -> tuple[Operator, Tensor, Tensor]:
    """The whole Hessian, J_iᵀ (p_i − e_{c'}) or J_iᵀ e_{c'} (K, rows, N), and h (columns, N).

    For linear layers all in bases of the ranges.
    """
    K, N = curvature.labels.shape
    units = torch.eye(K, dtype=torch.float64, device=curvature.device)[:, :, None]
    at_outputs = units.expand(K, K, N) if curvature.model.loss == "mse" else probabilities(curvature) - units
    if not curvature.model.is_linear:
        return curvature.layer(layer), curvature.back(layer, at_outputs), curvature.inputs[layer - 1]
    _, A, _, h = curvature.ranges(layer)
    return curvature.compressed(layer)[0], A @ at_outputs, h


def probabilities(curvature: Curvature) -> Tensor:
    """The softmax p_i of the outputs (K, N), from the errors p_i − y_i."""
    return (curvature.errors[-1] * curvature.model.N + curvature.labels).clamp(min=0.0)


def _class_means(curvature: Curvature, vectors: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """v_{cc'} (K, K, size) by class and output, and w_{cc'} (K, K)."""
    N, K = curvature.model.N, curvature.model.K
    even = torch.ones(K, N, dtype=torch.float64, device=curvature.device)
    weights = (even if curvature.model.loss == "mse" else probabilities(curvature)) / N
    means, totals = [], []
    for members in curvature.labels.bool():
        w, h = weights[:, members], inputs[:, members]
        share = w / w.sum(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        means.append(((vectors[:, :, members] * share[:, None]) @ h.T).flatten(1))
        totals.append(w.sum(1))
    return torch.stack(means), torch.stack(totals)


def _mean(vectors: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The weighted means over the second index (K, size), and the sums of weights (K)."""
    total = weights.sum(1)
    share = weights / total.clamp(min=torch.finfo(torch.float64).tiny)[:, None]
    return torch.einsum("ck,cks->cs", share, vectors), total


def _squares(vectors: Tensor, weights: Tensor) -> Operator:
    """Σ w v vᵀ of vectors (m, size) with weights (m)."""
    return Operator(vectors.shape[1], lambda V: (V @ vectors.T * weights) @ vectors, vectors.device)
