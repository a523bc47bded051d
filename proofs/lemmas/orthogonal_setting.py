"""What the letters of the proofs about features ≥ 0 mean, and random points in balls.

Cross-entropy, one layer, no bias, n_k samples of class k, N = Σ n_k, K = k + 1 classes. With ρ_k = N √(λ_W λ_H/(K k
n_k)) let p_k = min(ρ_k, 1/K) and M_k = log(1/p_k − k) ≥ 0, which is zero where ρ_k > p_k. At the outputs M_k S e_k of
a sample of class k, S = I − 11ᵀ/K, its loss is log(1 + k e^{−M_k}) with the gradient −K p_k S e_k. All of D =
diag(n_k), P = diag(p_k), M, Λ = diag(log(1 + k e^{−M_k})) and R = diag √(λ_H/n_k − K k p_k²/(N² λ_W)) are diagonal; C
is the diagonal of the Gram matrix of the classes' sums of features, and X = K P C/(N λ_W) − M D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.setting import Bound, Setting
from proofs.kernel.words import Trace, identity, letter, only, power, squares, trace
from proofs.lemmas.setting import diagonal, eye, norm
from proofs.lemmas.softmax_setting import always

classes, width, samples, one = sp.symbols("classes d samples 𝟙")
k, N, weight_decay, feature_decay = sp.symbols("k N lambda_W lambda_H", positive=True)
K = k + 1
fit, value, least = sp.symbols("F f v", real=True)

W, H, Y = letter("W", classes, width), letter("H", width, samples), letter("Y", classes, samples)
e = letter("e", classes, one)
V = letter("V", width, classes)
S, D, P, M, R, C, X, T = (letter(name, classes, symmetric=True) for name in ("S", "D", "P", "M", "R", "C", "X", "T"))
inverse, losses = letter("D⁻¹", classes, symmetric=True), letter("Λ", classes, symmetric=True)

BASE = S @ M @ Y
"""The outputs at which the tangent is taken."""
PULL = K / (N * weight_decay)
TWO = sp.Integer(2)

SHARED: dict[str, tuple[Any, Any]] = {
    "class sizes": (Y @ Y.T - D, None),
    "inverse": (D @ inverse - identity(classes), None),
    "centring": (S - identity(classes) + 1 / K * (e @ e.T), None),
    "ones": (e.T @ e - K * identity(one), None),
    "slack": (power(R, TWO) - feature_decay * inverse + K * k / (N**2 * weight_decay) * power(P, TWO), None),
    "value": (Trace({}, N * least) - trace(D @ losses) - k * trace(D @ P @ M), None),
    "diagonal": (trace(e @ e.T @ M @ D @ P) - trace(M @ D @ P), None),
}

ABOVE_THE_TANGENT = Bound(
    "tangent",
    Trace({}, fit) - 1 / N * trace(D @ losses) + K / N * trace((S @ P @ Y).T @ (W @ H - BASE)),
    (S @ (W @ H - BASE),),
)
APART = Bound(
    "nonnegative",
    K / (2 * N**2 * weight_decay) * trace(H @ Y.T @ P @ (e @ e.T - identity(classes)) @ P @ Y @ H.T),
    (Y @ H.T @ H @ Y.T - C,),
)
"""Inner products of the sums of features ≥ 0 of different classes, with positive weights."""


def orthogonal_point(rng: Random, attained: bool | None = None) -> Instance:
    """A random point with features ≥ 0 of a random model, or (by default as often) a minimiser."""
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    sizes = [rng.randint(1, 4) for _ in range(rng.randint(2, 4))]
    count, total = len(sizes), sum(sizes)
    wide = count + rng.randint(0, 1)
    decays = [fmpq(rng.randint(1, 9), rng.randint(20, 90)) for _ in range(2)]
    ratios = [total * arb(decays[0] * decays[1] / (count * (count - 1) * n)).sqrt() for n in sizes]
    shares = [x if x < arb(1) / count else arb(1) / count for x in ratios]
    margins = [(1 / x - (count - 1)).log() if x < arb(1) / count else arb(0) for x in ratios]
    most = arb(count - 1) / (count * arb(total) ** 2 * decays[0])
    roots = [
        arb(0) if x < arb(1) / count else (arb(decays[1]) / n - most).sqrt() for x, n in zip(ratios, sizes, strict=True)
    ]
    labels = [j for j, n in enumerate(sizes) for _ in range(n)]
    lengths = [(total * decays[0] * x / (count * p * n)).sqrt() for x, p, n in zip(margins, shares, sizes, strict=True)]
    letters: dict[str, Any] = {
        "Y": arb_mat(count, total, [int(j == labels[i]) for j in range(count) for i in range(total)]),
        "e": arb_mat(count, 1, [1] * count), "D": diagonal(sizes), "D⁻¹": diagonal([arb(1) / n for n in sizes]),
        "S": eye(count) - arb_mat(count, count, [arb(1) / count] * count**2), "P": diagonal(shares),
        "M": diagonal(margins), "R": diagonal(roots), "T": diagonal(lengths),
        "Λ": diagonal([(1 + (count - 1) * (-x).exp()).log() for x in margins]),
        "V": arb_mat(wide, count, [int(i == j) for i in range(wide) for j in range(count)]),
    }  # fmt: skip
    if attained or (attained is None and rng.randint(0, 1)):
        back = letters["S"] * letters["P"] * letters["D"] * letters["T"] * letters["V"].transpose()
        letters |= {"H": letters["V"] * letters["T"] * letters["Y"], "W": back * (arb(count) / (total * decays[0]))}
    else:
        entries = [fmpq(rng.randint(0, 6), 3) for _ in range(wide * total)]
        letters |= {
            "H": arb_mat(wide, total, entries),
            "W": arb_mat(count, wide, [fmpq(rng.randint(-6, 6), 3) for _ in range(count * wide)]),
        }
    scalars = {k: count - 1, N: total, weight_decay: decays[0], feature_decay: decays[1]}
    letters |= _sums(letters, scalars)
    spaces = {classes: count, width: wide, samples: total, one: 1}
    numbers = _numbers(letters, scalars, labels)
    return Instance(scalars | numbers, {}, {name: always(x) for name, x in letters.items()}, spaces.__getitem__)


def _sums(letters: Mapping[str, Any], scalars: Mapping[Any, Any]) -> dict[str, Any]:
    """C and X."""
    sums = letters["H"] * letters["Y"].transpose()
    gram, count = sums.transpose() * sums, scalars[k] + 1
    found = diagonal([gram[i, i] for i in range(count)])
    factor = count / (scalars[N] * _ball(scalars[weight_decay]))
    return {"C": found, "X": letters["P"] * found * factor - letters["M"] * letters["D"]}


def _numbers(letters: Mapping[str, Any], scalars: Mapping[Any, Any], labels: list[int]) -> dict[Any, Any]:
    """The average loss, the objective and the claimed minimum."""
    from flint import arb

    outputs, count, total = letters["W"] * letters["H"], scalars[k] + 1, len(labels)
    losses_ = [
        sum((outputs[j, i].exp() for j in range(count)), arb(0)).log() - outputs[right, i]
        for i, right in enumerate(labels)
    ]
    average = sum(losses_, arb(0)) / total
    decay = sum((_ball(scalars[x]) * norm(letters[y]) for x, y in ((weight_decay, "W"), (feature_decay, "H"))), arb(0))
    shares = letters["D"] * (letters["Λ"] + letters["P"] * letters["M"] * (count - 1))
    return {fit: average, value: average + decay / 2, least: sum((shares[j, j] for j in range(count)), arb(0)) / total}


def _ball(value: Any) -> Any:
    from flint import arb

    return arb(value)


ORTHOGONAL = Setting(
    "any point of the model with features ≥ 0",
    orthogonal_point,
    letters={only(x).name: x for x in (W, H, Y, e, S, D, P, M, R, C, X, inverse, losses)},
    spaces=frozenset([classes, width, samples, one]),
    total=Trace({}, value - fit) - weight_decay / 2 * squares(W) - feature_decay / 2 * squares(H),
    meanings={
        **SHARED,
        "excess": (X - PULL * (P @ C) + M @ D, None),
        "diagonal excess": (trace(e @ e.T @ X @ X) - trace(X @ X), None),
    },
    bounds={"above the tangent": ABOVE_THE_TANGENT, "apart": APART},
    reading=r"""$n_k$ samples of class k with labels $Y$, $N$ in all, $K = k + 1$ classes, $e$ the column of K ones;
$f$ is the objective at any $W$ and $H \ge 0$, $F$ the average of the loss, $v$ the claimed minimum. $D$, $P$, $M$,
$\Lambda$, $R$, $C$ and $X$ are diagonal: class sizes, $p_k$, $M_k$, $\log(1 + k e^{-M_k})$, slacks, the squared
lengths of the sums of features, and $K P C/(N \lambda_W) - M D$.""",
)

WEIGHED = P @ D @ power(T, TWO) @ D @ P

VERTICES = replace(
    ORTHOGONAL,
    name="features along coordinates",
    draw=lambda rng: orthogonal_point(rng, attained=True),
    letters={**{x: y for x, y in ORTHOGONAL.letters.items() if x not in ("C", "X")}, "V": V, "T": T},
    meanings={
        **SHARED,
        "coordinates": (V.T @ V - identity(classes), None),
        "features": (H - V @ T @ Y, None),
        "weights": (W - PULL * (S @ P @ D @ T @ V.T), None),
        "lengths": (K * (P @ D @ power(T, TWO)) - N * weight_decay * M, None),
        "active": (R @ D @ T, None),
        "diagonal lengths": (trace(e @ e.T @ WEIGHED) - trace(WEIGHED), None),
    },
    bounds={"above the tangent": ABOVE_THE_TANGENT},
)
"""H = V T Y with V ≥ 0 and Vᵀ V = I, for widths d ≥ K; T = diag √(N λ_W M_k/(K p_k n_k))."""
