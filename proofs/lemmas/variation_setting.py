"""What the letters of the proofs about derivatives along a line mean: factors W_m + t X_m, any W_m, X_m and labels Y.

With Q_m = W_M ⋯ W_m and R_m = W_m ⋯ H the products with W_m + t X_m are P_m = Q_m + t Q̇_m + t²/2 Q̈_m + t³ E_m, where
Q̇_m, Q̈_m and E_m are given by recursion from the top down, E_m as a polynomial in t.
"""

from __future__ import annotations

from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import LAYER as m
from proofs.kernel.setting import Indexed, Setting
from proofs.kernel.words import Matrix, Trace, identity, letter, only, squares, zero
from proofs.lemmas.collapse_setting import X
from proofs.lemmas.setting import ALL, ALPHABET, DEPTHS, SPACES, H, K, N, R, W, Y, d, eye, norm, samples
from proofs.lemmas.softmax_setting import always

t, value = sp.symbols("t f", real=True)
"""The step along the line, and the data term there."""
UPTO = (sp.Integer(0), M + 1)
"""Layers, and one beyond the last."""
G = letter("G", K, samples)
"""The gradient of the fit by the outputs, at t = 0."""

SUMS = {name: zero(K, samples) for name in ("D", "C")}
PRODUCTS = {"P": identity(K), "Q": identity(K), **{name: zero(K, K) for name in ("Q̇", "Q̈", "E")}}


def _letter(name: str, index: Any) -> Matrix:
    return letter(name, K, samples if name in SUMS else W(index).columns, sp.sympify(index))


def _indexed(name: str) -> Indexed:
    return Indexed(lambda index: _letter(name, index), *UPTO)


def from_above(name: str, index: Any) -> Matrix:
    """One of P, Q, Q̇, Q̈, E, D, C at a layer; at M + 1 the identity or zero."""
    return {**PRODUCTS, **SUMS}[name] if sp.expand(index - M - 1) == 0 else _letter(name, index)


def P(index: Any) -> Matrix:
    """(W_M + t X_M) ⋯ (W_m + t X_m); the identity for m = M + 1."""
    return from_above("P", index)


def Q(index: Any) -> Matrix:
    """W_M ⋯ W_m; the identity for m = M + 1."""
    return from_above("Q", index)


def first(index: Any) -> Matrix:
    """Q̇_m, the derivative of P_m at t = 0."""
    return from_above("Q̇", index)


def second(index: Any) -> Matrix:
    """Q̈_m, the second derivative of P_m at t = 0."""
    return from_above("Q̈", index)


def rest(index: Any) -> Matrix:
    """E_m, a polynomial in t: what is left of P_m, over t³."""
    return from_above("E", index)


def D(index: Any) -> Matrix:
    """The sum of Q_{l+1} X_l R_{l−1} over l ≥ m."""
    return from_above("D", index)


def C(index: Any) -> Matrix:
    """The sum of 2 Q̇_{l+1} X_l R_{l−1} over l ≥ m."""
    return from_above("C", index)


def any_line(rng: Random) -> Instance:
    """Any factors and directions of any shapes, and a step."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    depth, total, step = rng.choice(DEPTHS), rng.randint(1, 4), fmpq(rng.randint(-6, 6), 5)
    widths = [rng.randint(1, 3) for _ in range(depth + 2)]
    widths[0], classes = total, widths[-1]

    def any_matrix(rows: int, width: int) -> Any:
        return arb_mat(rows, width, [fmpq(rng.randint(-3, 3), 3) for _ in range(rows * width)])

    factors, along = ([any_matrix(widths[i + 1], widths[i]) for i in range(depth + 1)] for _ in range(2))
    target, lowers, top = any_matrix(classes, total), {-1: eye(total)}, depth + 1
    for i, V in enumerate(factors):
        lowers[i] = V * lowers[i - 1]
    nothing = arb_mat(classes, classes), arb_mat(classes, total)
    found: dict[str, dict[int, Any]] = {name: {top: eye(classes)} for name in ("P", "Q")}
    found |= {name: {top: nothing[name in SUMS]} for name in ("Q̇", "Q̈", "E", "D", "C")}
    p, q, dot, ddot, left, firsts, seconds = found.values()
    for i in range(depth, -1, -1):
        V, A = factors[i], along[i]
        moved = V + A * step
        p[i], q[i], dot[i] = p[i + 1] * moved, q[i + 1] * V, dot[i + 1] * V + q[i + 1] * A
        ddot[i] = ddot[i + 1] * V + dot[i + 1] * A * 2
        left[i] = left[i + 1] * moved + ddot[i + 1] * A * fmpq(1, 2)
        firsts[i] = firsts[i + 1] + q[i + 1] * A * lowers[i - 1]
        seconds[i] = seconds[i + 1] + dot[i + 1] * A * lowers[i - 1] * 2
    gradient = (q[0] - target) * fmpq(1, total)
    letters: dict[str, Any] = {
        **{name: values.__getitem__ for name, values in found.items()},
        "W": factors.__getitem__, "X": along.__getitem__, "R": lowers.__getitem__,
        "H": always(factors[0]), "Y": always(target), "G": always(gradient),
    }  # fmt: skip
    scalars = {M: depth, m: rng.randint(0, depth), N: total, t: arb(step), value: norm(p[0] - target) / (2 * total)}

    def space(name: sp.Expr) -> int:
        return {K: classes, samples: total}[name] if name in (K, samples) else widths[instance.integer(name.args[0])]

    instance = Instance(scalars, {}, letters, space)
    return instance


LINE = Setting(
    "any factors along any line",
    any_line,
    letters={
        "W": ALPHABET["W"],
        "R": ALPHABET["R"],
        "X": Indexed(X, *ALL),
        **{name: _indexed(name) for name in (*PRODUCTS, *SUMS)},
        **{only(x).name: x for x in (H, Y, G)},
    },
    spaces=frozenset([K, samples]),
    widths={d: UPTO},
    base_cases={
        ("W", sp.Integer(0)): H,
        ("R", sp.Integer(-1)): identity(samples),
        **{(name, M + 1): end for name, end in (PRODUCTS | SUMS).items()},
    },
    rewrites=SPACES,
    meanings={
        "products": (Q(m) - Q(m + 1) @ W(m), ALL),
        "inputs": (R(m) - W(m) @ R(m - 1), ALL),
        "products along the line": (P(m) - P(m + 1) @ (W(m) + t * X(m)), ALL),
        "first derivatives": (first(m) - first(m + 1) @ W(m) - Q(m + 1) @ X(m), ALL),
        "second derivatives": (second(m) - second(m + 1) @ W(m) - 2 * (first(m + 1) @ X(m)), ALL),
        "rests": (rest(m) - rest(m + 1) @ (W(m) + t * X(m)) - sp.Rational(1, 2) * (second(m + 1) @ X(m)), ALL),
        "first sum": (D(m) - D(m + 1) - Q(m + 1) @ X(m) @ R(m - 1), ALL),
        "second sum": (C(m) - C(m + 1) - 2 * (first(m + 1) @ X(m) @ R(m - 1)), ALL),
        "gradient of the fit": (N * G - Q(0) + Y, None),
        "data term": (Trace({}, value) - 1 / (2 * N) * squares(P(0) - Y), None),
    },
    free=frozenset([t]),
    reading=r"""The factors $W_m$, with $W_0 = H$, and the directions $X_m$ are any matrices whose products exist, $M$
is the number of weight matrices, which the statement calls $L$; $Q_m = W_M \cdots W_m$ and $R_m = W_m \cdots W_1 H$;
$Y$ are any labels of $N$ samples, $G = (Q_0 - Y)/N$. $P_m$ is the product of $W_M + t X_M, \ldots, W_m + t X_m$, and
$f$ the data term there. $P_{M+1} = Q_{M+1} = I$; $\dot{Q}_m$, $\ddot{Q}_m$, $E_m$, $D_m$ and $C_m$ are what their
recursions say, from $0$ at $M + 1$ down; $E_m$ is a polynomial in $t$.""",
)
"""Nothing is known of factors, directions and labels."""
