"""What the letters of the proofs about outputs by pairs mean, and random instances in balls.

K = 2m + o classes, o = 0 or 1. Collapse has outputs α S ⊗ 1ᵀ, S = I − 11ᵀ/K; pairs have α X ⊗ 1ᵀ with X = D Dᵀ + u uᵀ:
the columns of D are e_1 − e_2, e_3 − e_4, …, and u is the last unit vector if o = 1, absent if o = 0. With x = e^{−α}
the loss of a sample is log(1 + (K−1) x) for collapse, and for the last class of pairs; it is log(1 + (K−2) x + x²) for
the others.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Trace, identity, letter, only, trace
from proofs.lemmas.setting import DEPTHS

m, x, q, y, decay = sp.symbols("m x q y lambda", positive=True)
"""⌊K/2⌋; e^{−α}; 2^{2/(M+1)}; (α√n)^{2/(M+1)}; Λ^{1/(M+1)}, the decay if all are equal."""
odd, ratio = sp.symbols("o a", nonnegative=True)
"""Whether K is odd; for the proof to choose."""
simplex_loss, pair_loss = sp.symbols("ell_S ell_X", real=True)
K = 2 * m + odd
HALF = sp.Rational(1, 2)

alone, paired = 1 + (K - 1) * x, 1 + (K - 2) * x + x**2
collapse = simplex_loss + decay / 2 * (M + 1) * (K - 1) * y
"""The loss of collapse: K − 1 singular values α√n."""
pairs = 2 * m / K * pair_loss + odd / K * simplex_loss + decay / 2 * (M + 1) * (m * q + odd) * y
"""The loss of pairs: m singular values 2α√n, and α√n if K is odd."""


def scaled(rng: Random) -> Instance:
    """A random scale, depth and number of classes."""
    from flint import arb, ctx, fmpq

    ctx.prec = BITS
    depth, half, last = rng.choice(DEPTHS), rng.choice((1, 2, 1, 2, 3, 4, 5, 6)), rng.randint(0, 1)
    near, count = arb(fmpq(rng.randint(1, 60), 50)), 2 * half + last
    return Instance({
        M: depth, m: half, odd: last, x: near, q: arb(4).root(depth + 1), y: arb(fmpq(rng.randint(1, 40), 9)),
        decay: arb(fmpq(rng.randint(1, 9), 30)), ratio: arb(fmpq(2 * half - 1, half)),
        simplex_loss: (1 + (count - 1) * near).log(), pair_loss: (1 + (count - 2) * near + near * near).log(),
    })  # fmt: skip


READING = r"""$K = 2m + o$ classes of n samples, o = 0 or 1, labels $Y$; $\alpha$ is a scale, $x = e^{-\alpha}$, $q =
2^{2/(M+1)}$, $y = (\alpha \sqrt{n})^{2/(M+1)}$, $\lambda$ the $(M+1)$-th root of the product of all decays; $\ell_S =
\log(1 + (K-1) x)$ and $\ell_X = \log(1 + (K-2) x + x^2)$. The columns of $D$ are $e_1 - e_2$, $e_3 - e_4$, …, and $u$
is the last unit vector for odd K, absent for even K."""
"""How to read the pages."""

SCALES = Setting(
    "collapse and pairs at one scale",
    scaled,
    logarithms={simplex_loss: alone, pair_loss: paired},
    meanings={"root of 4": (q ** (M + 1) - 4, None)},
    definable=frozenset([ratio]),
    reading=READING,
)

classes, couples, last, samples = sp.symbols("classes pairs last samples")
n = sp.Symbol("n", positive=True)
D, u, Y = letter("D", classes, couples), letter("u", classes, last), letter("Y", classes, samples)
X = D @ D.T + u @ u.T


def differences(rng: Random) -> Instance:
    """The differences of pairs of unit vectors, and labels."""
    from flint import arb_mat, fmpq

    half, single, size = rng.randint(1, 3), rng.randint(0, 1), rng.randint(1, 3)
    count = 2 * half + single
    entries = [(i == 2 * j) - (i == 2 * j + 1) for i in range(count) for j in range(half)]
    labels = [int(i // size == k) for k in range(count) for i in range(count * size)]
    letters: dict[str, Any] = {
        "D": arb_mat(count, half, entries),
        "u": arb_mat(count, single, [int(i == count - 1) for i in range(count)] if single else []),
        "Y": arb_mat(count, count * size, labels),
    }
    spaces = {classes: count, couples: half, last: single, samples: count * size}
    scalars = {m: fmpq(half), odd: fmpq(single), n: fmpq(size)}
    return Instance(scalars, {}, {name: _always(found) for name, found in letters.items()}, spaces.__getitem__)


def _always(value: Any) -> Callable[[int | None], Any]:
    return lambda _: value


PAIRS = Setting(
    "outputs by pairs",
    differences,
    letters={only(letter_).name: letter_ for letter_ in (D, u, Y)},
    spaces=frozenset([classes, couples, last, samples]),
    meanings={
        "differences": (D.T @ D - 2 * identity(couples), None),
        "apart": (D.T @ u, None),
        "last class": (u.T @ u - identity(last), None),
        "labels": (Y @ Y.T - n * identity(classes), None),
        "number of pairs": (trace(identity(couples)) - Trace({}, m), None),
        "odd": (trace(identity(last)) - Trace({}, odd), None),
    },
    reading=READING,
)
