"""What the letters of the proofs about curvature at collapse with cross-entropy mean, and random points in balls.

Balanced classes, any widths and decays; the outputs are α S Y, S = I − 11ᵀ/K. Their softmax for class k is
p_k = κ e_k + (1−κ)/K 1 with κ = (1 − e^{−α})/(1 + (K−1) e^{−α}), so that the gradient of the average loss by the
outputs is −(1−κ)/N S Y, and its Hessian in the outputs of a sample of class k is ρ_k/N, ρ_k = diag(p_k) − p_k p_kᵀ. A
point is critical where every factor satisfies λ(m) W_m = (1−κ)/N Q_{m+1}ᵀ S Y R_{m−1}ᵀ.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import LAYER as m
from proofs.kernel.setting import Setting, no_objective
from proofs.kernel.words import identity, letter, only
from proofs.lemmas.collapse_setting import COLLAPSE, FACTORS, E, e, n
from proofs.lemmas.setting import (
    ALL,
    DEPTHS,
    K,
    N,
    Q,
    R,
    W,
    Y,
    beta,
    columns,
    eye,
    lam,
    one_dimension,
    orthogonal,
    samples,
    sending_last_to,
)
from proofs.lemmas.softmax_setting import always

alpha, kappa = sp.symbols("alpha kappa", positive=True)
"""The scale of the outputs, and κ < 1; the first letters of a layer need not know how they are related."""
S, D = letter("S", K, symmetric=True), letter("D", K, symmetric=True)
u, p = letter("u", K, one_dimension), letter("p", K, one_dimension)
count, delta, tau = sp.Symbol("K", positive=True), sp.Symbol("delta", real=True), sp.Symbol("tau", real=True)


def centring(classes: int) -> Any:
    """S."""
    from flint import arb, arb_mat

    return eye(classes) - arb_mat(classes, classes, [arb(1) / classes] * classes**2)


def softmax_point(rng: Random) -> Instance:
    """Collapse of a random model at random α and κ, along random frames, with λ_H such that it is critical."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    depth, classes, each = rng.choice(DEPTHS), rng.randint(2, 4), rng.randint(1, 3)
    total = classes * each
    widths = [total, *(classes - 1 + rng.randint(0, 2) for _ in range(depth)), classes]
    scale, soft = fmpq(rng.randint(1, 30), 10), fmpq(rng.randint(1, 19), 20)
    energy, above = scale * (1 - soft) / classes, [fmpq(rng.randint(1, 9), rng.randint(2, 12)) for _ in range(depth)]
    decays = [energy ** (depth + 1) / (scale**2 * each * prod(above, start=fmpq(1))), *above]
    labels = arb_mat(classes, total, [int(i // each == k) for k in range(classes) for i in range(total)])
    top = columns(sending_last_to([arb(1)] * classes), classes - 1) * orthogonal(rng, classes - 1)
    frames = [labels.transpose() * top * (1 / arb(each).sqrt())]
    frames += [*(columns(orthogonal(rng, width), classes - 1) for width in widths[1:-1]), top]
    roots = [arb(energy / decay).sqrt() for decay in decays]
    factors = [frames[i + 1] * frames[i].transpose() * root for i, root in enumerate(roots)]
    products, lowers, upto = {depth + 1: eye(classes)}, {-1: eye(total)}, {depth + 1: fmpq(1)}
    for i in range(depth, -1, -1):
        products[i], upto[i] = products[i + 1] * factors[i], upto[i + 1] * decays[i]
    for i in range(depth + 1):
        lowers[i] = factors[i] * lowers[i - 1]
    loose, ones = [fmpq(rng.randint(-6, 6), 3) for _ in range(classes**2)], arb_mat(classes, 1, [1] * classes)
    scalars = {
        M: depth, m: rng.randint(0, depth), N: total, n: each, alpha: arb(scale), kappa: arb(soft), beta: arb(energy)
    }  # fmt: skip
    letters: dict[str, Any] = {
        "W": lambda i: factors[i], "H": lambda _: factors[0], "Q": lambda i: products[i], "R": lambda i: lowers[i],
        "E": always(arb_mat(classes, classes, loose)), "e": always(ones), "Y": always(labels),
        "S": always(centring(classes)),
    }  # fmt: skip
    dimensions = {K: classes, samples: total, one_dimension: 1}

    def space(name: sp.Expr) -> int:
        return dimensions[name] if name in dimensions else widths[found.integer(name.args[0])]

    constants = {"lambda": lambda i: arb(decays[i]), "Lambda": lambda i: arb(upto[i])}
    found = Instance(scalars, constants, letters, space)
    return found


SOFTMAX_COLLAPSE = replace(
    COLLAPSE,
    name="a critical point with the outputs α S Y and cross-entropy",
    draw=softmax_point,
    objective=no_objective,
    letters={
        **{name: COLLAPSE.letters[name] for name in ("W", "Q", "R", "H", "Y", "E", "e")},
        "S": S,
    },
    meanings={
        **{name: COLLAPSE.meanings[name] for name in ("product", "product of decays", "inputs", "balanced classes")},
        "outputs": (R(M) - alpha * (S @ Y), None),
        "centring": (S - identity(K) + n / N * (e @ e.T), None),
        "number of classes": COLLAPSE.meanings["number of classes"],
        "critical": (lam(m) * W(m) - (1 - kappa) / N * (Q(m + 1).T @ S @ Y @ R(m - 1).T), ALL),
    },
    reading=FACTORS
    + r"""the outputs are $R_M = \alpha S Y$ with $S = I - e e^\top n / N$, $e$ the column of ones; the gradient of the
average loss by them is $-(1 - \kappa) S Y / N$. $E$ is any matrix on class space.""",
)


def column(rng: Random) -> Instance:
    """A class among K, a random κ, and random E and diagonal D on class space."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    classes = rng.randint(2, 5)
    own, soft = rng.randrange(classes), fmpq(rng.randint(1, 19), 20)
    entries = [fmpq(rng.randint(-6, 6), 3) for _ in range(classes)]
    unit = arb_mat(classes, 1, [int(i == own) for i in range(classes)])
    ones = arb_mat(classes, 1, [1] * classes)
    values = {
        "u": unit, "e": ones, "S": centring(classes), "p": unit * arb(soft) + ones * (arb(1 - soft) / classes),
        "E": arb_mat(classes, classes, [fmpq(rng.randint(-6, 6), 3) for _ in range(classes**2)]),
        "D": arb_mat(classes, classes, [entries[i] if i == j else 0 for i in range(classes) for j in range(classes)]),
    }  # fmt: skip
    scalars = {kappa: arb(soft), count: classes, delta: arb(entries[own]), tau: arb(sum(entries, fmpq(0)))}
    spaces = {K: classes, one_dimension: 1}
    return Instance(scalars, {}, {name: always(x) for name, x in values.items()}, spaces.__getitem__)


COLUMN = Setting(
    "the outputs of one class",
    column,
    letters={only(x).name: x for x in (u, p, e, S, D, E)},
    spaces=frozenset([K, one_dimension]),
    meanings={
        "class": (u.T @ u - identity(one_dimension), None),
        "among the classes": (e.T @ u - identity(one_dimension), None),
        "centring": (S - identity(K) + 1 / count * (e @ e.T), None),
        "softmax": (p - kappa * u - (1 - kappa) / count * e, None),
        "diagonal entry": (D @ u - delta * u, None),
        "sum of the diagonal": (e.T @ D @ e - tau * identity(one_dimension), None),
    },
    reading=r"""$u$ is a column of the identity, that of a class, $e$ the column of ones, $S = I - e e^\top / K$, $p$
the softmax of the class, $E$ any matrix on class space, $D$ a diagonal one with the entry $\delta$ at the class and the
sum $\tau$ of all.""",
)
