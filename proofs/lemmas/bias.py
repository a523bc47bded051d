"""An unregularised last-layer bias is b = Y 1/N at every critical point, and the features sum to zero.

So the outputs without the bias face the target T = Y − b 1ᵀ, which is fixed: everything else is as without a bias.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

import sympy as sp

from proofs.kernel.instances import Instance
from proofs.kernel.proof import Proof, Setting
from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Matrix, Trace, identity, letter, squares
from proofs.lemmas.setting import H, K, N, P, Y, critical_point, lam, samples

one_dimension = sp.Symbol("𝟙")
b = letter("b", K, one_dimension)
ones = letter("1", samples, one_dimension)


def biased_critical_point(rng: Random) -> Instance:
    """A critical point with target T, T 1 = 0, is one with labels T + b 1ᵀ and the bias b, whatever b is."""
    from flint import arb_mat, fmpq

    found = critical_point(rng, centred=True)
    total, classes = found.spaces(samples), found.spaces(K)
    bias = arb_mat(classes, 1, [fmpq(rng.randint(-5, 5), 3) for _ in range(classes)])
    row = arb_mat(total, 1, [1] * total)
    labels = found.letters["T"](None) + bias * row.transpose()
    letters = {**found.letters, "b": lambda _: bias, "1": lambda _: row, "Y": lambda _: labels}
    return replace(found, letters=letters, spaces=lambda space: 1 if space == one_dimension else found.spaces(space))


def objective(product: Matrix, factor: Matrix) -> Trace:
    """‖P H + b 1ᵀ − Y‖²/(2N), and λ_H/2 ‖H‖² for the features; the bias is not regularised.

    Raises:
        Rejected: for outputs other than P H, or another factor.
    """
    if not (product - P @ H).is_zero or factor not in (H, b):
        raise Rejected("the outputs must be written as P H, and the factor be H or b")
    fit = 1 / (2 * N) * squares(product + b @ ones.T - Y)
    return fit + lam(0) / 2 * squares(H) if factor == H else fit


BIASED = Setting(
    "a critical point with a last-layer bias",
    biased_critical_point,
    objective=objective,
    meanings={"number of samples": (ones.T @ ones - N * identity(one_dimension), None)},
)


@cache
def bias_proof() -> Proof:
    """N b = Y 1 and H 1 = 0 at every critical point."""
    proof = Proof("bias", BIASED)
    by_bias = proof.gradient("gradient by the bias", P @ H, b)
    by_features = proof.gradient("gradient by the features", P @ H, H)
    count = proof.meaning("number of samples")
    summed = proof.algebra("features summed", lam(0) * (H @ ones), by_features @ ones - P.T @ by_bias)
    centred = proof.divided("features centred", summed, lam(0), H @ ones)
    proof.algebra("bias", N * b - Y @ ones, N * by_bias - P @ centred - b @ count)
    proof.require_all_used([centred, proof.steps[-1].fact])
    return proof
