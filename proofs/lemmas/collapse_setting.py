"""What the letters of the proofs about curvature at collapse mean, and random points of collapse in balls.

A critical point of the deep linear model with squared error whose outputs are γ Y, for balanced classes: n samples of
each of N/n classes, any widths and decays. Letters and layers are those of ``proofs.lemmas.setting``; E is any matrix
on class space, X_m any matrix of the shape of W_m, e the ones of class space, J = (n/N) e eᵀ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import LAYER as m
from proofs.kernel.setting import Indexed, Setting
from proofs.kernel.words import Matrix, Trace, identity, letter, only
from proofs.lemmas.setting import (
    ALL,
    ALPHABET,
    CRITICAL_POINT,
    DEPTHS,
    WEIGHTS,
    K,
    Lam,
    N,
    Q,
    R,
    T,
    W,
    Y,
    beta,
    columns,
    eye,
    lam,
    later,
    one_dimension,
    orthogonal,
    samples,
    t,
)
from proofs.lemmas.softmax_setting import always

n, gamma = sp.symbols("n gamma", positive=True)
"""Samples of a class, and the gain."""
c, C, tau = sp.Function("c", real=True), sp.Function("C", real=True), sp.Symbol("tau", real=True)
"""Coefficients of directions, and C(m) = λ(m) c(m) + ⋯ + λ(M) c(M)."""
D = letter("D", K, samples)
E, J, e = letter("E", K, K), letter("J", K, symmetric=True), letter("e", K, one_dimension)


def X(index: Any) -> Matrix:
    """Any matrix of the shape of W_m."""
    return letter("X", W(index).rows, W(index).columns, sp.sympify(index))


def F(index: Any) -> Matrix:
    """Any matrix out of W_m, K columns wide, that the factors above map to 0."""
    return letter("F", W(index).rows, K, sp.sympify(index))


def O(index: Any) -> Matrix:  # noqa: E743
    """Any matrix of the shape of W_m between the complements of what collapse uses."""
    return letter("O", W(index).rows, W(index).columns, sp.sympify(index))


def any_frame(rng: Random, width: int, top: Any) -> Any:
    """Orthonormal columns, as many as ``top`` has."""
    return columns(orthogonal(rng, width), top.ncols())


def collapsed_point(rng: Random, frame: Callable[[Random, int, Any], Any] = any_frame) -> Instance:
    """Collapse of a random model at a random gain, with λ_H such that it is critical.

    ``frame`` draws U_l of a hidden space, for a width and the U_L of outputs; class means are along U_l U_Lᵀ.
    """
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    depth, classes, each = rng.choice(DEPTHS), rng.randint(2, 3), rng.randint(1, 3)
    total = classes * each
    widths = [total, *(classes + rng.randint(0, 2) for _ in range(depth)), classes]
    gain, above = fmpq(rng.randint(1, 19), 20), [fmpq(rng.randint(1, 9), rng.randint(2, 12)) for _ in range(depth)]
    whole = gain ** (depth - 1) * (1 - gain) ** (depth + 1) / (fmpq(classes) ** (depth + 1) * each)
    decays = [whole / prod(above, start=fmpq(1)), *above]
    energy = gain * (1 - gain) / classes
    labels = arb_mat(classes, total, [int(i // each == k) for k in range(classes) for i in range(total)])
    top = orthogonal(rng, classes)
    frames = [labels.transpose() * top * (1 / arb(each).sqrt())]
    frames += [*(frame(rng, width, top) for width in widths[1:-1]), top]
    roots = [arb(energy / decay).sqrt() for decay in decays]
    factors = [frames[i + 1] * frames[i].transpose() * root for i, root in enumerate(roots)]
    products, lowers, upto = {depth + 1: eye(classes)}, {-1: eye(total)}, {depth + 1: fmpq(1)}
    for i in range(depth, -1, -1):
        products[i], upto[i] = products[i + 1] * factors[i], upto[i + 1] * decays[i]
    for i in range(depth + 1):
        lowers[i] = factors[i] * lowers[i - 1]

    def any_matrix(rows: int, width: int) -> Any:
        return arb_mat(rows, width, [fmpq(rng.randint(-6, 6), 3) for _ in range(rows * width)])

    free = [any_matrix(widths[i + 1], widths[i]) for i in range(depth + 1)]
    beside = [eye(width) - U * U.transpose() for width, U in zip(widths, frames, strict=True)]
    left = [beside[i + 1] * any_matrix(widths[i + 1], classes) for i in range(depth)]
    rest = [beside[i + 1] * any_matrix(widths[i + 1], widths[i]) * beside[i] for i in range(depth + 1)]
    within = any_matrix(classes, total) * beside[0]
    steps = [fmpq(rng.randint(-6, 6), 5) for _ in decays]
    sums = [sum((x * y for x, y in zip(decays[i:], steps[i:], strict=True)), fmpq(0)) for i in range(depth + 2)]
    loose, ones = any_matrix(classes, classes), arb_mat(classes, 1, [1] * classes)
    scalars = {
        M: depth,
        m: rng.randint(0, depth),
        N: total,
        n: each,
        gamma: arb(gain),
        beta: arb(energy),
        tau: fmpq(rng.randint(-9, 9), 4),
    }
    letters: dict[str, Any] = {
        "W": lambda i: factors[i], "H": lambda _: factors[0], "Q": lambda i: products[i], "R": lambda i: lowers[i],
        "X": lambda i: free[i], "E": lambda _: loose, "e": lambda _: ones, "Y": lambda _: labels, "T": lambda _: labels,
        "J": lambda _: ones * ones.transpose() * (arb(1) / classes), "F": lambda i: left[i], "O": lambda i: rest[i],
        "D": lambda _: within,
    }  # fmt: skip
    dimensions = {K: classes, samples: total, one_dimension: 1}

    def space(name: sp.Expr) -> int:
        return dimensions[name] if name in dimensions else widths[found.integer(name.args[0])]

    constants = {
        "lambda": lambda i: arb(decays[i]), "Lambda": lambda i: arb(upto[i]),
        "c": lambda i: arb(steps[i]), "C": lambda i: arb(sums[i]),
    }  # fmt: skip
    found = Instance(scalars, constants, letters, space)
    return found


FACTORS = r"""The factors $W_m$ with $W_0 = H$, their products $Q_m = W_M \cdots W_m$ and $R_m = W_m \cdots W_1 H$,
decays $\lambda_m$ with $\Lambda_m = \lambda_m \cdots \lambda_M$, where $M$ is the number of weight matrices, which the
statement calls $L$, and $\lambda_0 = \lambda_H$; $n$ samples of each class with labels $Y$, $N$ in all;
"""
"""How a page begins."""

COLLAPSE = replace(
    CRITICAL_POINT,
    name="a critical point with the outputs γ Y",
    draw=collapsed_point,
    letters={
        **{name: ALPHABET[name] for name in ("W", "Q", "R", "H", "T", "Y")},
        "X": Indexed(X, *ALL),
        **{only(x).name: x for x in (E, J, e)},
    },
    spaces=frozenset([K, samples, one_dimension]),
    total=Trace({}),
    sums={},
    meanings={
        "product": (Q(m) - Q(m + 1) @ W(m), WEIGHTS),
        "product of decays": (Lam(m) - lam(m) * Lam(m + 1), ALL),
        "inputs": (R(m) - W(m) @ R(m - 1), ALL),
        "outputs": (R(M) - gamma * Y, None),
        "target": (T - Y, None),
        "balanced classes": (Y @ Y.T - n * identity(K), None),
        "mean over classes": (J - n / N * (e @ e.T), None),
        "number of classes": (e.T @ e - N / n * identity(one_dimension), None),
    },
    eigenvalues={},
    spectra={},
    inverses={},
    definable=frozenset([beta]),
    free=frozenset(),
    reading=FACTORS
    + r"""the target is $T = Y$, the outputs are $R_M = \gamma Y$, with the gain $\gamma$.
$E$ is any matrix on class space and $X_m$ any of the
shape of $W_m$: the Hessian of the data term in $W_m$ maps $X_m$ to $Q_{m+1}^\top Q_{m+1} X_m R_{m-1} R_{m-1}^\top / N$.
$e$ is the column of ones, $J = e e^\top n / N$ the mean over classes.""",
)


DIRECTIONS = replace(
    COLLAPSE,
    name="directions from a critical point with the outputs γ Y",
    letters={
        **{name: x for name, x in COLLAPSE.letters.items() if name not in ("X", "J", "e")},
        "F": Indexed(F, sp.Integer(0), M - 1),
        "O": Indexed(O, *ALL),
        "D": D,
    },
    constants={**COLLAPSE.constants, c: ALL, C: (sp.Integer(0), M + 1)},
    rewrites={**COLLAPSE.rewrites, C(M + 1): sp.Integer(0)},
    spaces=frozenset([K, samples]),
    meanings={
        **{
            name: COLLAPSE.meanings[name]
            for name in ("product", "product of decays", "inputs", "outputs", "target", "balanced classes")
        },
        "sum of coefficients": (C(m) - lam(m) * c(m) - C(m + 1), ALL),
        "out of the range": (Q(m + 1) @ F(m), (sp.Integer(0), M - 1)),
        "within classes": (D @ Y.T, None),
        "beside the range": (Q(m + 1) @ O(m), ALL),
        "beside the inputs": (O(m) @ Q(m).T, WEIGHTS),
        "beside the labels": (O(0) @ Y.T, None),
    },
    free=frozenset([tau]),
    reading=FACTORS
    + r"""the target is $T = Y$, the outputs are $R_M = \gamma Y$, with the gain $\gamma$.
$E$ is any matrix on class space; $c_m$ are any
numbers, $C_m = \lambda_m c_m + \cdots + \lambda_M c_M$; $F_m$, $D$ and $O_m$ are any matrices with $Q_{m+1} F_m = 0$,
with $D Y^\top = 0$, and with $Q_{m+1} O_m = 0$, $O_m Q_m^\top = 0$ for $m \ge 1$, $O_0 Y^\top = 0$.""",
)
"""Directions in all factors, by parts: on class space, between range and complement, within classes, and the rest."""

upper, lower = sp.symbols("upper lower")
front, back, middle = letter("A", K, upper), letter("B", lower, samples), letter("X", upper, lower)


Hessian = letter("G", upper, lower)
"""The Hessian of the data term, applied to X."""
parts = {part: letter(f"G_{part}", upper, lower) for part in ("within", "cross", "class")}
"""Its parts, applied to X."""


def any_point(rng: Random) -> Instance:
    """Any matrices above and below a layer."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    classes, each, rows, width = rng.randint(1, 3), rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 4)
    total = classes * each

    def any_matrix(height: int, count: int) -> Any:
        return arb_mat(height, count, [fmpq(rng.randint(-6, 6), 3) for _ in range(height * count)])

    A, B, X = any_matrix(classes, rows), any_matrix(width, total), any_matrix(rows, width)
    Y = arb_mat(classes, total, [int(i // each == k) for k in range(classes) for i in range(total)])
    mean = arb_mat(classes, classes, [arb(1) / classes] * classes**2)
    front, means = A.transpose() * (arb(1) / total), B * Y.transpose() * Y * B.transpose() * (arb(1) / each)
    values = {
        "A": A, "B": B, "X": X, "Y": Y, "J": mean, "G": front * A * X * B * B.transpose(),
        "G_within": front * A * X * (B * B.transpose() - means), "G_class": front * mean * A * X * means,
        "G_cross": front * (A - mean * A) * X * means,
    }  # fmt: skip
    spaces = {K: classes, samples: total, upper: rows, lower: width}
    letters = {name: always(x) for name, x in values.items()}
    return Instance({N: total, n: each}, {}, letters, spaces.__getitem__)


_front, _means = 1 / N * front.T, 1 / n * (back @ Y.T @ Y @ back.T)
ANY_POINT = Setting(
    "any factors above and below a layer",
    any_point,
    letters={only(x).name: x for x in (front, back, middle, Y, J, Hessian, *parts.values())},
    spaces=frozenset([K, samples, upper, lower]),
    meanings={
        "Hessian": (Hessian - _front @ front @ middle @ back @ back.T, None),
        "part within classes": (parts["within"] - _front @ front @ middle @ (back @ back.T - _means), None),
        "part across classes": (parts["cross"] - _front @ (identity(K) - J) @ front @ middle @ _means, None),
        "part of class means": (parts["class"] - _front @ J @ front @ middle @ _means, None),
    },
    reading=r"""$A$ and $B$ are the products of the factors above and below a layer, any matrices, $X$ is any matrix of
the shape of the layer; $Y$ are the labels of $N$ samples, $n$ of each class, and $J$ is the mean over classes. $G$ is
the Hessian of the data term in the layer, applied to $X$, the others are its parts, applied to $X$.""",
)
"""Nothing is known of the factors."""


def two_gains(rng: Random) -> Instance:
    """A number of layers and two gains t < t′."""
    from flint import arb, ctx, fmpq

    ctx.prec = BITS
    low, high = sorted(rng.sample(range(1, 60), 2))
    return Instance({M: rng.choice(DEPTHS), t: arb(fmpq(low, 60)), later: arb(fmpq(high, 60))})


GAINS = Setting(
    "gains of collapse",
    two_gains,
    free=frozenset([t, later]),
    reading="$t < t'$ are any gains, $M$ is the number of weight matrices.",
)
