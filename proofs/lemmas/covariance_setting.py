"""What the letters of the law of total covariance mean: vectors v_1, …, v_M with positive weights, and their mean u.

The sums of w_l, w_l v_l, w_l v_l v_lᵀ and w_l (v_l − u)(v_l − u)ᵀ over l ≥ m are s_m, V_m, S_m and T_m.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import LAYER as m
from proofs.kernel.setting import Indexed, Setting
from proofs.kernel.words import Matrix, letter, only, zero
from proofs.lemmas.setting import DEPTHS, one_dimension
from proofs.lemmas.softmax_setting import always

w, s = sp.Function("w", positive=True), sp.Function("s", nonnegative=True)
"""Weights, and their sums."""
space = sp.Symbol("d")
u = letter("u", space, one_dimension)
"""The mean."""
VECTORS, UPTO = (sp.Integer(1), M), (sp.Integer(1), M + 1)

ENDS = {"V": zero(space, one_dimension), "S": zero(space, space), "T": zero(space, space)}


def v(index: Any) -> Matrix:
    """A vector."""
    return letter("v", space, one_dimension, sp.sympify(index))


def total(name: str, index: Any) -> Matrix:
    """V, S or T; zero at M + 1."""
    end = ENDS[name]
    return end if sp.expand(index - M - 1) == 0 else letter(name, end.rows, end.columns, sp.sympify(index))


def square(vector: Matrix) -> Matrix:
    """v vᵀ."""
    return vector @ vector.T


def _total(name: str) -> Indexed:
    return Indexed(lambda index: letter(name, ENDS[name].rows, ENDS[name].columns, index), *UPTO)


def weighted_vectors(rng: Random) -> Instance:
    """Any vectors with positive weights."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    count, size = rng.choice(DEPTHS), rng.randint(1, 4)
    vectors = [arb_mat(size, 1, [fmpq(rng.randint(-6, 6), 5) for _ in range(size)]) for _ in range(count)]
    weights = [fmpq(rng.randint(1, 9), rng.randint(1, 9)) for _ in range(count)]

    def sums(terms: list[Any], none: Any) -> list[Any]:
        """Over l ≥ m at the place m, for m = 1 … M + 1."""
        return [None, *[*accumulate(reversed(terms), initial=none)][::-1]]

    pairs = list(zip(weights, vectors, strict=True))
    added = sums([x * weight for weight, x in pairs], arb_mat(size, 1))
    mean = added[1] * (1 / sum(weights, fmpq(0)))
    nothing = arb_mat(size, size)
    seconds = sums([x * x.transpose() * weight for weight, x in pairs], nothing)
    about = sums([(x - mean) * (x - mean).transpose() * weight for weight, x in pairs], nothing)
    letters: dict[str, Any] = {
        "v": lambda i: vectors[i - 1], "u": always(mean),
        "V": added.__getitem__, "S": seconds.__getitem__, "T": about.__getitem__,
    }  # fmt: skip
    weight_sums = sums(weights, fmpq(0))
    constants = {"w": lambda i: arb(weights[i - 1]), "s": lambda i: arb(weight_sums[i])}
    return Instance(
        {M: count, m: rng.randint(1, count)}, constants, letters, {space: size, one_dimension: 1}.__getitem__
    )


WEIGHTED = Setting(
    "vectors with weights",
    weighted_vectors,
    letters={
        "v": Indexed(v, *VECTORS),
        only(u).name: u,
        **{name: _total(name) for name in ENDS},
    },
    constants={w: VECTORS, s: UPTO},
    spaces=frozenset([space, one_dimension]),
    base_cases={(name, M + 1): end for name, end in ENDS.items()},
    rewrites={s(M + 1): sp.Integer(0)},
    meanings={
        "sum of weights": (s(m) - s(m + 1) - w(m), VECTORS),
        "sum of vectors": (total("V", m) - total("V", m + 1) - w(m) * v(m), VECTORS),
        "sum of squares": (total("S", m) - total("S", m + 1) - w(m) * square(v(m)), VECTORS),
        "sum about the mean": (total("T", m) - total("T", m + 1) - w(m) * square(v(m) - u), VECTORS),
        "mean": (s(1) * u - total("V", 1), None),
    },
    reading=r"""$v_1, \ldots, v_M$ are any vectors with positive weights $w_m$; $s_m$, $V_m$, $S_m$ and $T_m$ are the
sums of $w_l$, $w_l v_l$, $w_l v_l v_l^\top$ and $w_l (v_l - u)(v_l - u)^\top$ over $l \ge m$, with $u$ the mean of
all.""",
)
"""Any vectors with positive weights."""
