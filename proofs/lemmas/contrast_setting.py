"""What the letters of the proofs about contrastive losses mean, and random points in balls.

A loss is contrastive if at outputs z of a sample of class y it is at least φ(t), t = Σ_{j≠y} (z_j − z_y), with equality
exactly where the wrong outputs are equal; and if t ↦ φ(t) + c |t| has one minimum t* = −(K − 1) s ≤ 0. In ``SAMPLE`` it
is cross-entropy for one sample: z = w e + (a − w) y + … with a = z_y and w the mean of the wrong outputs. In
``CONTRASTIVE`` it is any such loss: F is its average at Z = W H, τ the average of |t_i|, and D = diag(σ_i) with σ_i = 1
where t_i ≤ 0, else −1.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import Bound, Setting
from proofs.kernel.words import Matrix, Trace, identity, letter, only, power, squares, trace
from proofs.lemmas import softmax_setting as base
from proofs.lemmas.setting import columns, diagonal, eye, orthogonal, sending_last_to
from proofs.lemmas.softmax_setting import SHARED, H, K, S, W, Y, b, c, classes, e, n, one, r, s, samples, value

# ----------------------------------------------------------------------------------------------------------- one sample

own, wrong, t, loss = sp.symbols("a w t ell", real=True)
"""z_y, the mean of the other outputs, t, and ℓ = log(1 + (K−1) e^{t/(K−1)})."""
log_sum, near = sp.Symbol("Phi", real=True), sp.Symbol("p", positive=True)
"""log Σ_j e^{z_j}, and the softmax of the others where they are all w."""
z, y = letter("z", classes, one), letter("y", classes, one)
level: Matrix = wrong * e + (own - wrong) * y
"""The outputs with the mean in place of each of the others."""


def sample(rng: Random) -> Instance:
    """Random outputs; as often, with equal wrong ones."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    count, right = rng.randint(2, 5), 0
    outputs = [arb(fmpq(rng.randint(-9, 9), 4)) for _ in range(count)]
    if rng.randint(0, 1):
        outputs[1:] = [outputs[1]] * (count - 1)
    total = sum(outputs, arb(0))
    difference = total - count * outputs[right]
    mean = (total - outputs[right]) / (count - 1)
    likelihood = 1 + (count - 1) * (difference / (count - 1)).exp()
    scalars = {
        K: count, own: outputs[right], wrong: mean, t: difference, loss: likelihood.log(),
        log_sum: sum((x.exp() for x in outputs), arb(0)).log(), near: 1 / (count - 1 + (outputs[right] - mean).exp()),
    }  # fmt: skip
    letters = {
        "z": arb_mat(count, 1, outputs), "y": arb_mat(count, 1, [int(i == right) for i in range(count)]),
        "e": arb_mat(count, 1, [1] * count), "S": eye(count) - arb_mat(count, count, [arb(1) / count] * count**2),
    }  # fmt: skip
    spaces = {classes: count, one: 1}
    return Instance(scalars, {}, {name: base.always(x) for name, x in letters.items()}, spaces.__getitem__)


SAMPLE = Setting(
    "outputs of one sample",
    sample,
    letters={only(x).name: x for x in (z, y, e, S)},
    spaces=frozenset([classes, one]),
    meanings={
        "own output": (trace(y.T @ z) - Trace({}, own), None),
        "label": (y.T @ y - identity(one), None),
        "label among all": (e.T @ y - identity(one), None),
        "number of classes": (e.T @ e - K * identity(one), None),
        "one dimension": (trace(identity(one)) - Trace({}, sp.Integer(1)), None),
        "contrast": (trace(e.T @ z) - Trace({}, t + K * own), None),
        "wrong outputs": ((K - 1) * (wrong - own) - t, None),
    },
    bounds={
        "above the tangent": Bound(
            "tangent",
            Trace({}, log_sum - own - loss) - trace((near * e + (1 - K * near) * y).T @ (z - level)),
            (S @ (z - level),),
        )
    },
    reading=r"""$z$ are the outputs of a sample whose label is $y$, $a$ its own output, $w$ the mean of the others, $t =
\sum_j (z_j - a)$, $\ell = \log(1 + (K-1) e^{t/(K-1)})$, $\Phi = \log \sum_j e^{z_j}$, and $p$ the softmax of the others
where all of them are $w$.""",
)
"""The outputs of a sample, against those with all wrong ones equal to w: their log-sum-exp is a + ℓ."""

# --------------------------------------------------------------------------------------------------------- all samples

fit, spread, least = sp.symbols("F tau v", real=True)
"""The average loss; the average of |t_i|; min φ(t) + c |t|."""
D = letter("D", samples, symmetric=True)
"""Signs."""
A = S @ Y @ D


def contrastive_point(rng: Random) -> Instance:
    """A random point of a random model with cross-entropy, label smoothing or the focal loss, or a minimiser."""
    from flint import arb, arb_mat, ctx

    ctx.prec = BITS
    scalars = base.model(rng) | {base.bias_decay: arb(0)}
    focus = rng.randint(0, 2) if not scalars[base.alpha] else 0
    if focus:
        scalars |= _focal(scalars, focus)
    count, size = scalars[K], scalars[n]
    scalars |= {base.g: scalars[c], r: arb(0)}
    total, wide = count * size, rng.randint(count - 1, count + 1)
    letters = {
        "Y": arb_mat(count, total, [int(i // size == k) for k in range(count) for i in range(total)]),
        "e": arb_mat(count, 1, [1] * count), "1": arb_mat(total, 1, [1] * total),
        "S": eye(count) - arb_mat(count, count, [arb(1) / count] * count**2),
        "b": arb_mat(count, 1, [0] * count),
    }  # fmt: skip
    if rng.randint(0, 1):
        frames = {
            "U": columns(sending_last_to([arb(1)] * count), count - 1), "V": columns(orthogonal(rng, wide), count - 1)
        }  # fmt: skip
        letters |= base.simplex_factors(rng, scalars, letters | frames, shifted=False)
    else:
        letters |= {name: base.anything(rng, *x) for name, x in {"W": (count, wide), "H": (wide, total)}.items()}
    spaces = {classes: count, base.width: wide, samples: total, one: 1}
    numbers = _averages(scalars, letters, focus)
    letters["D"] = diagonal(numbers.pop("signs"))
    return Instance(scalars | numbers, {}, {k: base.always(x) for k, x in letters.items()}, spaces.__getitem__)


def _focal(scalars: Mapping[Any, Any], gamma: int) -> dict[Any, Any]:
    """Decays for which s = 3 is the best scale of the focal loss: c (K−1) = (1 − ξ)^γ ((1 − ξ) − γ ξ log ξ)."""
    from flint import arb

    count, scale = scalars[K], arb(3)
    xi = 1 / (1 + (count - 1) * (-scale).exp())
    strength = (1 - xi) ** gamma * ((1 - xi) - gamma * xi * xi.log()) / (count - 1)
    return {
        c: strength,
        s: scale,
        base.feature_decay: strength * strength / (scalars[n] * arb(scalars[base.weight_decay])),
    }


def _averages(scalars: Mapping[Any, Any], letters: Mapping[str, Any], focus: int) -> dict[Any, Any]:
    """The average loss, spread, the least bound, the objective, and the signs."""
    from flint import arb

    outputs, count, size = letters["W"] * letters["H"], scalars[K], scalars[n]
    total, smoothing = count * size, arb(scalars[base.alpha])

    def of(difference: Any, likelihood: Any) -> Any:
        x = likelihood.log()
        return x * (1 - 1 / likelihood) ** focus if focus else x - smoothing / count * difference

    losses, sizes, signs = [], [], []
    for i in range(total):
        column = [outputs[k, i] for k in range(count)]
        right = column[i // size]
        difference = sum(column, arb(0)) - count * right
        losses.append(of(difference, sum(((x - right).exp() for x in column), arb(0))))
        signs.append(-1 if difference > 0 else 1)
        sizes.append(abs(difference))
    best = (count - 1) * scalars[s]
    decays = sum(
        (arb(scalars[k]) * base.norm(letters[x]) for x, k in (("W", base.weight_decay), ("H", base.feature_decay))),
        arb(0),
    )
    average = sum(losses, arb(0)) / total
    return {
        fit: average, spread: sum(sizes, arb(0)) / total, value: average + decays / 2, "signs": signs,
        least: of(-best, 1 + (count - 1) * (-scalars[s]).exp()) + scalars[c] * best,
    }  # fmt: skip


FLAT = S @ (W @ H - s * (S @ Y))

CONTRASTIVE = Setting(
    "any point of the model with a contrastive loss, one layer and no bias",
    contrastive_point,
    letters={only(x).name: x for x in (W, H, Y, b, e, base.ones, S, D)},
    spaces=frozenset([classes, base.width, samples, one]),
    total=Trace({}, value - fit) - base.weight_decay / 2 * squares(W) - base.feature_decay / 2 * squares(H),
    meanings={
        **{name: body for name, body in SHARED.items() if name != "wrong class"},
        "no slack": (r, None),
        "no bias": (b, None),
        "signs": (power(D, sp.Integer(2)) - identity(samples), None),
        "spread": (Trace({}, n * spread) - trace(A.T @ W @ H), None),
    },
    bounds={"contrastive": Bound("average", Trace({}, fit + c * spread - least), (FLAT, D - identity(samples)))},
    reading=r"""Balanced classes of n samples with labels $Y$; $\mathbf{1}$ and $e$ are columns of nK and K ones; $f$
is the objective at any $W$ and $H$, $F$ the average of the loss. At a sample with outputs $z$ of class y, $t =
\sum_j (z_j - z_y)$; $\tau$ is the average of $|t|$ over the samples, $D$ has an entry 1 for $t \le 0$ and −1 for $t
> 0$; $v$ is the least $\varphi(t) + c |t|$, at $t = -(K-1) s$, $c = \sqrt{n \lambda_W \lambda_H}$; here $g = c$ and
$r, b = 0$.""",
)
"""F ≥ average of φ(t_i), and φ(t) + c |t| ≥ v; equality where wrong outputs are equal and all t_i are t* ≤ 0."""
