"""From a point near the minimum of a model with one layer to a certificate of kind ``dual``: bounds on both sides.

The loss ℓ of the model is convex, so that for any matrix Q (K × K, a column for each class)

    min ≥ −Σ n_k/N ℓ*(−N q_k) − ‖Q n‖²/(2 λ_b)  if ⟨Q D, W H⟩ ≤ λ_W/2 ‖W‖² + λ_H/2 tr(H D Hᵀ) for all W and H,

D = diag(n), with equality at Q = −∇ℓ/N of a minimiser. Free features ask for Q D Qᵀ ⪯ λ_W λ_H I; features ≥ 0
for a copositive λ_W λ_H D − D QᵀQ D, which is shown by its entries being at least 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from theory.closed_form import softmax
from theory.losses import CONVEX
from theory.model import UnconstrainedFeatures
from verify import checker
from verify.certificate import dual

Array = np.ndarray
Rows = list[list[Fraction]]

SHRINKS = (0, 2**-52, 2**-50, 2**-48, 2**-46, 2**-44, 2**-42, 2**-40, 2**-36, 2**-32, 2**-26, 2**-20)
"""Relative shrinking of a dual matrix until it is feasible: rounding in double precision puts it outside by 1e-16 to
1e-14, and each factor costs that much of the bound."""

STARTS = {"free": 2, "nonnegative": 40}
"""Random starts: a convex problem needs one, and non-negative features have local minima."""

ITERATIONS = 2000

FEW, FIRST_OF_MANY = 20, 5
"""With more classes the smallest factors are left out: they are below the rounding of many sums."""


class Infeasible(Exception):
    """No feasible dual matrix was found near a point."""


def covers(model: UnconstrainedFeatures) -> bool:
    """Whether the dual speaks of a model: one layer, a convex loss, and widths that leave the rank free."""
    return model.M == 1 and model.loss in CONVEX and model.widths[0] >= model.K - 1


def bounds(
    model: UnconstrainedFeatures, start: tuple[Array, Array, Array] | None = None, seed: int = 0
) -> dict[str, Any]:
    """The certificate that descent on class means ends with.

    It starts from a given point W, H, b, else from the closed form's where one is proved, else from random ones.

    Raises:
        Infeasible: when the gradient where it ends cannot be made a feasible dual matrix.

    >>> model = UnconstrainedFeatures(class_sizes=(3, 1), decays="1/50", loss="ce")
    >>> found = bounds(model)
    >>> Fraction(found["upper"]) - Fraction(found["lower"]) < Fraction(1, 10**12)
    True
    """
    import torch

    from verify.methods.kernels import LayeredModel
    from verify.methods.minimise import minimise

    kernel, start = LayeredModel(model, collapsed=True), start or _known(model)
    if start is None:
        generator = torch.Generator().manual_seed(seed)
        points = kernel.gaussian_starts(torch.full((STARTS[model.sign],), 0.5, dtype=torch.float64), generator)
    else:
        W, H, b = (torch.from_numpy(part)[None] for part in start)
        points = kernel.point({"W_1": W, "M": H, **({"b": b[:, :, None]} if model.has_bias else {})})
    ends = minimise(kernel, points, ITERATIONS)
    best = int(ends.values.argmin())
    factors = {name: part[0].numpy() for name, part in kernel.factors(ends.points[best : best + 1]).items()}
    bias = factors["b"][:, 0] if model.has_bias else np.zeros(model.K)
    return bounds_at(model, factors["W_1"], factors["M"], bias)


def _known(model: UnconstrainedFeatures) -> tuple[Array, Array, Array] | None:
    """The minimiser in closed form, in floats, or None where none is proved."""
    from theory.arithmetic.floats import to_float

    if softmax.has_orthogonal(model):
        factors = softmax.orthogonal_factors(model)
    elif softmax.has_simplex(model):
        factors = softmax.simplex_factors(model)
    else:
        return None
    W, H = (to_float(factor).numpy() for factor in factors)
    return W, H, np.zeros(model.K)


def bounds_at(model: UnconstrainedFeatures, W: Array, H: Array, b: Array) -> dict[str, Any]:
    """The certificate that a point gives: its objective above, and below what its gradient as a dual matrix shows.

    Args:
        W: weights (K × r); H: class means (r × K); b: bias (K), zero where the model has none.

    Raises:
        Infeasible: when the gradient cannot be made a feasible dual matrix.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), decays=1, loss="ce")
    >>> zero = np.zeros((2, 1))
    >>> round(float(Fraction(bounds_at(model, zero, zero.T, np.zeros(2))["upper"])), 6)
    0.693147
    """
    primal = {"W": _exact(W), "H": _exact(H), "b": _exact(b[:, None])}
    Q = _gradient(model, W @ H + b[:, None])
    found = [_feasible(model, Q, np.full(model.K, _scale(model, Q)), primal)]
    if model.sign == "nonnegative":
        found.append(_feasible(model, Q, _scale_of_classes(model, Q), primal))
    certificates = [certificate for certificate in found if certificate is not None]
    if not certificates:
        raise Infeasible("the gradient could not be made a feasible dual matrix")
    return max(certificates, key=lambda certificate: Fraction(certificate["lower"]))


def _feasible(model: UnconstrainedFeatures, Q: Rows, scale: Array, primal: dict[str, Rows]) -> dict[str, Any] | None:
    """The certificate of Q scaled down until it is feasible."""
    for shrink in SHRINKS[FIRST_OF_MANY:] if model.K > FEW else SHRINKS:
        try:
            return dual(model, _scaled(Q, scale * (1 - shrink)), primal)
        except checker.Rejected:
            continue
    return None


def _gradient(model: UnconstrainedFeatures, Z: Array) -> Rows:
    """−∇ℓ/N at outputs Z (K × K), exact where it must be: columns of sum 0 for a softmax, Q n = 0 for a free bias."""
    K, N, alpha = model.K, model.N, float(model.alpha)
    if model.loss == "mse":
        Q = _exact((np.eye(K) - Z) / N)
    else:
        shifted = np.exp(Z - Z.max(axis=0))
        Q = _exact(((1 - alpha) * np.eye(K) + alpha / K - shifted / shifted.sum(axis=0)) / N)
        for k in range(K):
            Q[k][k] = -sum((Q[j][k] for j in range(K) if j != k), Fraction(0))
    if model.has_bias and not model.bias_decay:
        means = [sum((n * q for n, q in zip(model.class_sizes, row, strict=True)), Fraction(0)) / N for row in Q]
        Q = [[q - mean for q in row] for row, mean in zip(Q, means, strict=True)]
    return Q


def _scale(model: UnconstrainedFeatures, Q: Rows) -> float:
    """The largest factor at most 1 that makes ‖Q D^{1/2}‖ ≤ √(λ_W λ_H)."""
    norm = float(np.linalg.norm(_floats(Q) * np.sqrt(model.class_sizes), 2))
    return min(1.0, float(model.Lambda) ** 0.5 / norm) if norm else 1.0


def _scale_of_classes(model: UnconstrainedFeatures, Q: Rows) -> Array:
    """The largest factor at most 1 of each column that makes √n_k ‖q_k‖ ≤ √(λ_W λ_H)."""
    norms = np.linalg.norm(_floats(Q), axis=0) * np.sqrt(model.class_sizes)
    return np.minimum(1.0, float(model.Lambda) ** 0.5 / np.maximum(norms, 1e-300))


def _scaled(Q: Rows, scales: Array) -> Rows:
    """Each column times a factor of few bits."""
    factors = [Fraction(int(x * 2**56), 2**56) for x in scales]
    return [[factor * q for factor, q in zip(factors, row, strict=True)] for row in Q]


def _floats(Q: Rows) -> Array:
    return np.array([[float(q) for q in row] for row in Q])


def _exact(matrix: Array) -> Rows:
    """The exact rational values of floating entries."""
    return [[Fraction(float(x)) for x in row] for row in matrix]
