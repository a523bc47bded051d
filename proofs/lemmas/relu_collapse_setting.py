"""What the letters of the proofs about collapse with ReLUs mean, and random points of it in balls.

A critical point of the linear model with the outputs γ Y, as in ``proofs.lemmas.collapse_setting``. For a class with
the column u of the identity, P_m are the derivatives of the ReLUs that enter W_m, m = 2 … M: P_m maps that class's mean
there to itself and all others to s times themselves. G_m = W_M P_M ⋯ W_m P_m.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel.instances import Instance
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import LAYER as m
from proofs.kernel.setting import Indexed
from proofs.kernel.words import Matrix, Trace, identity, letter, only, squares
from proofs.lemmas.collapse_setting import COLLAPSE, FACTORS, collapsed_point
from proofs.lemmas.setting import (
    SETTING_BASES,
    WEIGHTS,
    K,
    N,
    R,
    T,
    W,
    Y,
    diagonal,
    eye,
    lam,
    norm,
    one_dimension,
    regulariser,
    value,
)
from proofs.lemmas.softmax_collapse_setting import u
from proofs.lemmas.softmax_setting import always

HIDDEN = (sp.Integer(2), M)
"""The layers that ReLUs enter."""
slope, power = sp.Symbol("s", real=True), sp.Function("s", real=True)
"""s, the derivative of a ReLU at 0, and s(m) = s^{M−m}."""


def P(index: Any) -> Matrix:
    """P_m, the derivatives of the ReLUs that enter W_m, for the class of u."""
    return letter("P", W(index).columns, index=sp.sympify(index), symmetric=True)


def G(index: Any) -> Matrix:
    """G_m = W_M P_M ⋯ W_m P_m; the identity for m = M + 1."""
    return RELU_BASES.get(("G", sp.sympify(index)), _G(index))


def _G(index: Any) -> Matrix:
    return letter("G", K, W(index).columns, sp.sympify(index))


RELU_BASES: Mapping[tuple[str, Any], Matrix] = MappingProxyType({**SETTING_BASES, ("G", M + 1): identity(K)})
"""What indexed letters are at the end of their range."""


def apart(factor: Any) -> Matrix:
    """On class space: the class of u as it is, all others times a number."""
    return u @ u.T + factor * (identity(K) - u @ u.T)


def nonnegative_frame(rng: Random, width: int, top: Any) -> Any:
    """U with U topᵀ ≥ 0: orthonormal columns along disjoint sets of coordinates, as ``top`` turns them."""
    from flint import arb, arb_mat

    classes = top.nrows()
    owners = [*range(classes), *(rng.randint(0, classes) for _ in range(width - classes))]
    rng.shuffle(owners)
    sizes = [rng.randint(1, 6) for _ in owners]
    lengths = [arb(sum(x * x for x, k in zip(sizes, owners, strict=True) if k == c)).sqrt() for c in range(classes)]
    rows = zip(sizes, owners, strict=True)
    return arb_mat(width, classes, [x / lengths[c] if k == c else 0 for x, k in rows for c in range(classes)]) * top


def relu_point(rng: Random) -> Instance:
    """Collapse along frames ≥ 0, a class, and a derivative of the ReLU at 0."""
    from flint import arb, arb_mat, fmpq

    found = collapsed_point(rng, nonnegative_frame)
    depth, classes = found.scalars[M], found.spaces(K)
    own, at_zero = rng.randrange(classes), fmpq(rng.randint(-2, 5), 4)
    factors, lowers = found.letters["W"], found.letters["R"]
    labels = found.letters["Y"](None)
    passing: dict[Any, Any] = {}
    products: dict[Any, Any] = {depth + 1: eye(classes)}
    for i in range(depth, 1, -1):
        means = lowers(i - 1) * labels.transpose()
        passing[i] = diagonal([arb(1) if means[j, own] > 0 else arb(at_zero) for j in range(means.nrows())])
        products[i] = products[i + 1] * factors(i) * passing[i]
    total = found.scalars[N]
    residual = lowers(depth) - labels
    penalties = sum((found.constants["lambda"](i) * norm(factors(i)) for i in range(depth + 1)), arb(0))
    return replace(
        found,
        scalars={
            **found.scalars,
            slope: arb(at_zero),
            regulariser: penalties,
            value: norm(residual) / (2 * total) + penalties / 2,
        },
        constants={**found.constants, "s": lambda i: arb(at_zero ** (depth - i))},
        letters={
            **found.letters,
            "u": always(arb_mat(classes, 1, [int(i == own) for i in range(classes)])),
            "P": lambda i: passing[i],
            "G": lambda i: products[i],
        },
    )


RELU_COLLAPSE = replace(
    COLLAPSE,
    name="a critical point with the outputs γ Y, seen through ReLUs",
    draw=relu_point,
    letters={
        **{name: COLLAPSE.letters[name] for name in ("W", "Q", "R", "H", "T", "Y", "X", "E")},
        "P": Indexed(P, *HIDDEN),
        "G": Indexed(_G, sp.Integer(2), M + 1),
        only(u).name: u,
    },
    constants={**COLLAPSE.constants, power: WEIGHTS},
    base_cases=RELU_BASES,
    rewrites={**COLLAPSE.rewrites, power(M): sp.Integer(1)},
    total=Trace({}, value) - 1 / (2 * N) * squares(R(M) - T) - sp.Rational(1, 2) * Trace({}, regulariser),
    sums={regulariser: lam(m) * squares(W(m))},
    meanings={
        **{
            name: COLLAPSE.meanings[name]
            for name in ("product", "product of decays", "inputs", "outputs", "target", "balanced classes")
        },
        "number of samples": (squares(Y) - Trace({}, N), None),
        "powers": (power(m - 1) - slope * power(m), HIDDEN),
        "class": (u.T @ u - identity(one_dimension), None),
        "derivatives of ReLUs": (P(m) @ R(m - 1) @ Y.T - R(m - 1) @ Y.T @ apart(slope), HIDDEN),
        "product with derivatives": (G(m) - G(m + 1) @ W(m) @ P(m), HIDDEN),
    },
    reading=FACTORS
    + r"""the target is $T = Y$, the outputs are $R_M = \gamma Y$, with the gain $\gamma$; $f$ is the loss, and $\rho$
the sum of all $\lambda_m \lVert W_m \rVert^2$. $E$ is any matrix on class space and $X_m$ any of the shape of $W_m$.
$u$ is a column of the identity, that of a class, and $P_m$ are the derivatives of the ReLUs that enter $W_m$, at the
inputs of this class: the mean of the class there is mapped to itself, all others to $s$ times themselves; $s_m =
s^{M-m}$, $G_m = W_M P_M \cdots W_m P_m$.""",
)
"""Nothing is known of P_m but what it does to class means."""
