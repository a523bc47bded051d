"""What the letters of the proofs about cross-entropy with one layer mean, and random points in balls.

Balanced classes, n samples each, N = nK: Z = W H + b 1ᵀ, labels Y, targets T = (1 − α) Y + α/K e 1ᵀ with e the column
of K ones. c = √(n λ_W λ_H), g = min(c, (1 − α)/K), r = c − g, p = g + α/K ≤ 1/K, s = log(1/p − (K − 1)) ≥ 0, which is
zero where r > 0, and ℓ = −log p. At the outputs s (e_y − e/K) the softmax is 1 − (K−1) p at the class y and p at the
others, and log Σ_j e^{z_j} = ℓ − s/K.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import Bound, Setting
from proofs.kernel.words import Trace, identity, letter, only, squares, trace
from proofs.lemmas.setting import columns, eye, norm, orthogonal, sending_last_to

classes, width, samples, one, modes = sp.symbols("classes d samples 𝟙 modes")
n, K, weight_decay, feature_decay, p, g, c = sp.symbols("n K lambda_W lambda_H p g c", positive=True)
bias_decay, alpha, r, s = sp.symbols("lambda_b alpha r s", nonnegative=True)
level, value, partition = sp.symbols("ell f Phi", real=True)
"""ℓ = −log p; the objective f; Φ, the average of log Σ_j e^{z_j} over the samples."""

W, H, Y = letter("W", classes, width), letter("H", width, samples), letter("Y", classes, samples)
b, e, ones = letter("b", classes, one), letter("e", classes, one), letter("1", samples, one)
S = letter("S", classes, symmetric=True)
U, V = letter("U", classes, modes), letter("V", width, modes)
Z = W @ H + b @ ones.T
targets = (1 - alpha) * Y + alpha / K * (e @ ones.T)
softmax = (1 - K * p) * Y + p * (e @ ones.T)
"""The softmax of s S Y, column by column."""

HALF = sp.Rational(1, 2)
minimum = level - s + alpha / K * (K - 1) * s + c * (K - 1) * s
"""φ(−(K − 1) s) + c (K − 1) s, φ(t) = log(1 + (K − 1) e^{t/(K − 1)}) − α t/K."""

SHARED: dict[str, tuple[Any, Any]] = {
    "labels": (Y @ Y.T - n * identity(classes), None),
    "one class each": (Y.T @ e - ones, None),
    "centring": (S - identity(classes) + 1 / K * (e @ e.T), None),
    "ones": (e.T @ e - K * identity(one), None),
    "number of classes": (trace(identity(classes)) - Trace({}, K), None),
    "one dimension": (trace(identity(one)) - Trace({}, sp.Integer(1)), None),
    "strength": (c**2 - n * weight_decay * feature_decay, None),
    "slack": (c - g - r, None),
    "scale": (s * r, None),
    "wrong class": (p - g - alpha / K, None),
}

ABOVE_THE_TANGENT = Bound(
    "tangent",
    Trace({}, partition - level + s / K) - 1 / (n * K) * trace(softmax.T @ (Z - s * (S @ Y))),
    (S @ (Z - s * (S @ Y)),),
)
"""Log-sum-exp above its tangent at s S Y, averaged: equality where every column of Z − s S Y is a multiple of e."""


def softmax_point(rng: Random, attained: bool | None = None) -> Instance:
    """A random point of a random model: any factors, or (``attained``, by default as often) those of the simplex."""
    from flint import arb, arb_mat, ctx

    ctx.prec = BITS
    scalars = model(rng)
    count, size = scalars[K], scalars[n]
    total, wide = count * size, rng.randint(count - 1, count + 1)
    labels = arb_mat(count, total, [int(i // size == k) for k in range(count) for i in range(total)])
    frame = columns(sending_last_to([arb(1)] * count), count - 1)
    inner = columns(orthogonal(rng, wide), count - 1)
    letters = {
        "Y": labels, "U": frame, "V": inner, "e": _flat(count, 1, arb(1)), "1": _flat(total, 1, arb(1)),
        "S": eye(count) - _flat(count, count, arb(1) / count),
    }  # fmt: skip
    if attained or (attained is None and rng.randint(0, 1)):
        letters |= simplex_factors(rng, scalars, letters, shifted=not attained)
    else:
        shapes = {"W": (count, wide), "H": (wide, total), "b": (count, 1)}
        letters |= {name: anything(rng, *shape) for name, shape in shapes.items()}
    spaces = {classes: count, width: wide, samples: total, one: 1, modes: count - 1}
    return Instance(
        scalars | _losses(scalars, letters), {}, {name: always(x) for name, x in letters.items()}, spaces.__getitem__
    )


def model(rng: Random) -> dict[Any, Any]:
    """Random sizes and decays, on both sides of the threshold, and the numbers of their minimisers."""
    from flint import arb, fmpq

    count, size = rng.randint(2, 4), rng.randint(1, 3)
    weights, features = (fmpq(rng.randint(1, 9), rng.randint(6, 60)) for _ in range(2))
    smoothing, decay_of_bias = fmpq(rng.randint(0, 3), 10), fmpq(rng.randint(0, 2), 7)
    strength, most = arb(size * weights * features).sqrt(), arb((1 - smoothing) / count)
    on = bool(strength < most)
    wrong = strength + smoothing / count if on else arb(1) / count
    return {
        n: size, K: count, weight_decay: weights, feature_decay: features, bias_decay: decay_of_bias, alpha: smoothing,
        c: strength, g: strength if on else most, r: arb(0) if on else strength - most, p: wrong,
        s: (1 / wrong - (count - 1)).log() if on else arb(0), level: -wrong.log(),
    }  # fmt: skip


def simplex_factors(
    rng: Random, scalars: Mapping[Any, Any], letters: Mapping[str, Any], shifted: bool
) -> dict[str, Any]:
    """Factors of a minimiser, and a bias that costs nothing."""
    from flint import arb, fmpq

    frame, inner = letters["U"], letters["V"]
    ratio = scalars[c] / arb(scalars[weight_decay])
    shift = fmpq(rng.randint(-5, 5), 3) if shifted and not scalars[bias_decay] else 0
    return {
        "W": frame * inner.transpose() * (scalars[s] * ratio).sqrt(),
        "H": inner * frame.transpose() * letters["Y"] * (scalars[s] / ratio).sqrt(),
        "b": _flat(scalars[K], 1, arb(shift)),
    }


def _losses(scalars: Mapping[Any, Any], letters: Mapping[str, Any]) -> dict[Any, Any]:
    """The average of log Σ_j e^{z_j}, and the objective."""
    from flint import arb

    outputs = letters["W"] * letters["H"] + letters["b"] * letters["1"].transpose()
    count, total, smoothing = scalars[K], outputs.ncols(), arb(scalars[alpha])
    entries = [[outputs[k, i] for k in range(count)] for i in range(total)]
    average = sum((sum((x.exp() for x in z), arb(0)).log() for z in entries), arb(0)) / total
    fitted = [(1 - smoothing) * z[i // scalars[n]] + smoothing / count * sum(z, arb(0)) for i, z in enumerate(entries)]
    decays = {"W": weight_decay, "H": feature_decay, "b": bias_decay}
    decay = sum((arb(scalars[symbol]) * norm(letters[name]) for name, symbol in decays.items()), arb(0))
    return {partition: average, value: average - sum(fitted, arb(0)) / total + decay / 2}


def always(value: Any) -> Callable[[int | None], Any]:
    return lambda _: value


def _flat(rows: int, count: int, entry: Any) -> Any:
    from flint import arb_mat

    return arb_mat(rows, count, [entry] * (rows * count))


def anything(rng: Random, rows: int, count: int) -> Any:
    from flint import arb_mat, fmpq

    return arb_mat(rows, count, [fmpq(rng.randint(-6, 6), 3) for _ in range(rows * count)])


READING = r"""Balanced classes of n samples with labels $Y$; $\mathbf{1}$ and $e$ are columns of nK and K ones; $f$ is
the objective at any $W$, $H$ and $b$ (zero without a bias), $\Phi$ the average of $\log \sum_j e^{z_j}$ over the
samples. $c = \sqrt{n \lambda_W \lambda_H}$, $g$ is the smaller of $c$ and $(1 - \alpha)/K$, $r = c - g$, $p = g +
\alpha/K$, $s = \log(1/p - (K - 1))$ and $\ell = -\log p$."""
"""How to read the pages."""

SOFTMAX = Setting(
    "any point of the model with cross-entropy and one layer",
    softmax_point,
    letters={only(x).name: x for x in (W, H, Y, b, e, ones, S)},
    spaces=frozenset([classes, width, samples, one]),
    total=Trace({}, value - partition)
    + 1 / (n * K) * trace(targets.T @ Z)
    - weight_decay / 2 * squares(W)
    - feature_decay / 2 * squares(H)
    - bias_decay / 2 * squares(b),
    meanings=SHARED,
    bounds={"above the tangent": ABOVE_THE_TANGENT},
    reading=READING,
)
"""Any W, H and b; without a bias b = 0."""

SIMPLEX = replace(
    SOFTMAX,
    name="factors along a simplex",
    draw=lambda rng: softmax_point(rng, attained=True),
    letters={**SOFTMAX.letters, "U": U, "V": V},
    spaces=SOFTMAX.spaces | {modes},
    meanings={
        **SHARED,
        "simplex": (U @ U.T - S, None),
        "orthonormal directions": (V.T @ V - identity(modes), None),
        "weights": (W - sp.sqrt(c) * sp.sqrt(s) / sp.sqrt(weight_decay) * (U @ V.T), None),
        "features": (H - sp.sqrt(s) * sp.sqrt(weight_decay) / sp.sqrt(c) * (V @ U.T @ Y), None),
        "no bias": (b, None),
    },
)
"""Factors along orthonormal V, which exist for widths d ≥ K − 1."""
