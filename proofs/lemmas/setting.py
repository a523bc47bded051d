"""What the letters of the proofs about the deep linear model mean, and random critical points in balls.

The target T (K × N) is any matrix of the form T̄ Y, Y the labels: T̄ = I without bias, T̄ = I − n1ᵀ/N with one.
Layers are counted from the features up, W_0 = H; Q_m = W_M ⋯ W_m and R_m = W_m ⋯ W_1 H; λ(0) = λ_H; Λ(m) = λ(m) ⋯
λ(M).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from math import prod
from random import Random
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel.instances import BITS, Instance
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import LAYER as m
from proofs.kernel.setting import Indexed, Setting, no_objective
from proofs.kernel.words import Letter, Matrix, Trace, identity, letter, only, squares

N = sp.Symbol("N", positive=True)
"""The number of samples, wherever labels occur; any positive number where they do not."""
beta, mu = sp.symbols("beta mu", nonnegative=True)
z, t, later = sp.symbols("z t t'", nonnegative=True)
delta, theta, x, s = sp.symbols("delta theta x s", nonnegative=True)
value, regulariser = sp.symbols("f rho", nonnegative=True)
"""Both are zero where every factor is, and the target."""
lam, Lam, d = sp.Function("lambda", positive=True), sp.Function("Lambda", positive=True), sp.Function("d")
K, samples, modes = sp.symbols("K samples modes")

Lambda = Lam(0)
r = N * lam(0)
"""N λ_H."""


def W(index: Any) -> Matrix:
    """W_m, and the features H for m = 0."""
    return SETTING_BASES.get(("W", sp.sympify(index)), _W(index))


def _W(index: Any) -> Matrix:
    return letter("W", _space(index + 1), _space(index), sp.sympify(index))


def Q(index: Any) -> Matrix:
    """Q_m = W_M ⋯ W_m; the identity for m = M + 1."""
    found = SETTING_BASES.get(("Q", sp.sympify(index)))
    return letter("Q", K, _space(index), sp.sympify(index)) if found is None else found


def R(index: Any) -> Matrix:
    """R_m = W_m ⋯ W_1 H; the identity for m = −1."""
    found = SETTING_BASES.get(("R", sp.sympify(index)))
    return letter("R", _space(index + 1), samples, sp.sympify(index)) if found is None else found


def _space(index: Any) -> Any:
    """The width d_m; K beyond the last layer, the samples below the features."""
    found = d(sp.sympify(index))
    return SPACES.get(found, found)


SPACES = MappingProxyType({d(M + 1): K, d(0): samples})
H = letter("H", d(1), samples)
_BASES: dict[tuple[str, Any], Matrix] = {
    ("W", sp.Integer(0)): H,
    ("Q", M + 1): identity(K),
    ("R", sp.Integer(-1)): identity(samples),
}
SETTING_BASES: Mapping[tuple[str, Any], Matrix] = MappingProxyType(_BASES)
"""What indexed letters are at the end of their range."""
P = letter("Q", K, d(1), sp.Integer(1))
B = letter("B", K, symmetric=True)
S = letter("S", K, symmetric=True)
T = letter("T", K, samples)
means_target = letter("T̄", K, K)
Y = letter("Y", K, samples)
sizes_inverse = letter("D⁻¹", K, symmetric=True)
J = letter("J", K, symmetric=True)
root = letter("Δ", modes, symmetric=True)
target_root = letter("Θ", modes, symmetric=True)
root_inverse = letter("Δ⁻¹", modes, symmetric=True)


def V(index: Any) -> Matrix:
    """Orthonormal directions in the space of width d_m; in class space for m = M + 1."""
    return letter("V", _space(index), modes, sp.sympify(index))


# ----------------------------------------------------------------------------------------------- random critical points


DEPTHS = (1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8)
"""Depths of random critical points, small ones more often."""


def critical_point(rng: Random, centred: bool = False) -> Instance:
    """A critical point of a random model with a random target: any roots z of its modes, not only the best ones.

    With ``centred`` the target satisfies T 1 = 0.
    """
    from flint import arb, arb_mat, ctx, fmpq

    ctx.prec = BITS
    depth, classes = rng.choice(DEPTHS), rng.randint(2, 3)
    counts = [rng.randint(1, 3) for _ in range(classes)]
    total = sum(counts)
    widths = [total, *(rng.randint(1, 4) for _ in range(depth)), classes]
    decays = [fmpq(rng.randint(1, 9), rng.randint(2, 12)) for _ in range(depth + 1)]
    Lambda_value = arb(prod(decays, start=fmpq(1)))
    on = rng.randint(0, min([*widths, classes - centred]))
    zs = [fmpq(rng.randint(1, 19), 20) if j < on else None for j in range(classes)]
    mus = [
        (arb(total) ** (depth + 1) * Lambda_value / (arb(x) ** (depth - 1) * (1 - arb(x)) ** (depth + 1))).root(depth)
        if x is not None
        else arb(fmpq(rng.randint(0, 6), rng.randint(1, 4)))
        for x in zs
    ]
    mus = [*mus[:-1], arb(0)] if centred else mus
    betas = [mu_j * arb(x) * (1 - arb(x)) / total if x is not None else arb(0) for mu_j, x in zip(mus, zs, strict=True)]
    U, right = (
        orthogonal(rng, classes),
        sending_last_to([arb(n).sqrt() for n in counts]) if centred else orthogonal(rng, classes),
    )
    scale = arb_mat(
        classes,
        classes,
        [arb(fmpq(1, n)).sqrt() if i == j else 0 for i, n in enumerate(counts) for j in range(classes)],
    )
    labels = arb_mat(
        classes, total, [int(sum(counts[:k]) <= i < sum(counts[: k + 1])) for k in range(classes) for i in range(total)]
    )
    target_means = U * diagonal([x.sqrt() for x in mus]) * right.transpose() * scale
    target = target_means * labels
    frames = [None, *(columns(orthogonal(rng, w), on) for w in widths[1:-1]), columns(U, on)]
    lowest = (labels.transpose() * scale * right) if on else None
    frames[0] = columns(lowest, on) if lowest is not None else arb_mat(total, 0)
    roots = [x.sqrt() for x in betas[:on]]
    factors = [
        frames[i + 1] * diagonal([x / arb(decays[i]).sqrt() for x in roots]) * frames[i].transpose()
        for i in range(depth + 1)
    ]
    outputs = reduce(lambda lower, upper: upper * lower, factors)
    products = {depth + 1: eye(classes)}
    for i in range(depth, -1, -1):
        products[i] = products[i + 1] * factors[i]
    lowers = {-1: eye(total)}
    for i in range(depth + 1):
        lowers[i] = factors[i] * lowers[i - 1]
    upto = {depth + 1: arb(1)}
    for i in range(depth, -1, -1):
        upto[i] = upto[i + 1] * arb(decays[i])
    gram = products[1] * products[1].transpose()
    Bv = factors[depth] * factors[depth].transpose() * arb(decays[depth])
    regularisers = sum((arb(c) * norm(X) for c, X in zip(decays, factors, strict=True)), arb(0))
    layer = rng.randint(0, depth)
    j = rng.randrange(classes)
    Jv = (gram + eye(classes) * (arb(total) * arb(decays[0]))).solve(eye(classes))
    low, high = sorted(rng.sample(range(1, 60), 2))
    scalars = {
        M: depth, m: layer, N: total, beta: betas[j], mu: mus[j],
        z: arb(zs[j]) if zs[j] is not None else arb(0),
        x: (arb(zs[j]) / (1 - arb(zs[j]))).root(depth) if zs[j] is not None else arb(0),
        s: (betas[j] / arb(decays[1])).sqrt(),
        delta: betas[j].sqrt(), theta: mus[j].sqrt(), t: arb(fmpq(low, 60)), later: arb(fmpq(high, 60)),
        regulariser: regularisers,
        value: norm(outputs - target) / (2 * total) + regularisers / 2,
    }  # fmt: skip
    letters: dict[str, Any] = {
        "W": lambda i: factors[i], "H": lambda _: factors[0], "Q": lambda i: products[i], "R": lambda i: lowers[i],
        "V": lambda i: frames[i], "B": lambda _: Bv, "S": lambda _: target * target.transpose(), "T": lambda _: target,
        "T̄": lambda _: target_means, "Y": lambda _: labels, "J": lambda _: Jv,
        "D⁻¹": lambda _: diagonal([arb(fmpq(1, n)) for n in counts]),
        "Θ": lambda _: diagonal([x.sqrt() for x in mus[:on]]),
        "Δ": lambda _: diagonal(roots), "Δ⁻¹": lambda _: diagonal([1 / x for x in roots]),
    }  # fmt: skip
    dimensions = {K: classes, samples: total, modes: on}

    def space(name: sp.Expr) -> int:
        return dimensions[name] if name in dimensions else widths[found.integer(name.args[0])]

    constants = {"lambda": lambda i: arb(decays[i]), "Lambda": lambda i: upto[i]}
    found = Instance(scalars, constants, letters, space)
    return found


def orthogonal(rng: Random, size: int) -> Any:
    """A random orthogonal matrix with rational entries: a product of reflections, I − 2vvᵀ/vᵀv."""
    from flint import arb_mat, fmpq, fmpq_mat

    result = fmpq_mat(size, size, [fmpq(int(i == j)) for i in range(size) for j in range(size)])
    for _ in range(2):
        v = [fmpq(rng.randint(-3, 3)) for _ in range(size)]
        if any(v):
            length = sum((x * x for x in v), fmpq(0))
            flip = [fmpq(int(i == j)) - 2 * v[i] * v[j] / length for i in range(size) for j in range(size)]
            result = result * fmpq_mat(size, size, flip)
    return arb_mat(result)


def sending_last_to(vector: Sequence[Any]) -> Any:
    """An orthogonal matrix whose last column is a multiple of a vector of positive numbers: a reflection."""
    from flint import arb, arb_mat

    size = len(vector)
    length = sum((x * x for x in vector), arb(0)).sqrt()
    v = [x / length + (1 if i == size - 1 else 0) for i, x in enumerate(vector)]
    squared = sum((x * x for x in v), arb(0))
    return arb_mat(size, size, [arb(int(i == j)) - 2 * v[i] * v[j] / squared for i in range(size) for j in range(size)])


def columns(matrix: Any, count: int) -> Any:
    """The first columns of a matrix."""
    from flint import arb_mat

    return arb_mat(matrix.nrows(), count, [matrix[i, j] for i in range(matrix.nrows()) for j in range(count)])


def diagonal(entries: Sequence[Any]) -> Any:
    """A diagonal matrix."""
    from flint import arb_mat

    size = len(entries)
    return arb_mat(size, size, [entries[i] if i == j else 0 for i in range(size) for j in range(size)])


def eye(size: int) -> Any:
    """The identity."""
    return diagonal([1] * size)


def norm(matrix: Any) -> Any:
    """‖X‖²."""
    from flint import arb

    return sum((matrix[i, j] * matrix[i, j] for i in range(matrix.nrows()) for j in range(matrix.ncols())), arb(0))


def objective(product: Matrix, factor: Matrix) -> Trace:
    """‖product − T‖²/(2N) + λ/2 ‖factor‖²: the terms of the objective that hold one factor W_m, H or b.

    Raises:
        Rejected: when the product is not W_M ⋯ W_1 H, written with Q, W, R and H in their order without a gap.
    """
    if len(product.terms) != 1:
        raise Rejected("the outputs are not written as the whole product W_M ⋯ W_1 H")
    ((word, c),) = product.terms.items()
    found = only(factor)
    spans = [_span(x) for x in word]
    ends = [(M, spans[0][0]), (spans[-1][1], sp.Integer(0)), *((x[1] - 1, y[0]) for x, y in pairwise(spans))]
    if c != 1 or any(sp.expand(a - b) != 0 for a, b in ends):
        raise Rejected("the outputs are not written as the whole product W_M ⋯ W_1 H")
    if found not in word or found.name not in ("W", "H"):
        raise Rejected(f"{found.name} is not a factor of the product")
    return 1 / (2 * N) * squares(product - T) + lam(_span(found)[0]) / 2 * squares(factor)


def _span(found: Letter) -> tuple[Any, Any]:
    """The layers that a letter multiplies together, from the top down; not those of its transpose or a power."""
    if found.turned or found.power != 1:
        raise Rejected("the outputs are not written as the whole product W_M ⋯ W_1 H")
    spans = {
        "Q": (M, found.index),
        "W": (found.index, found.index),
        "R": (found.index, sp.Integer(0)),
        "H": (sp.Integer(0),) * 2,
    }
    if found.name not in spans:
        raise Rejected(f"{found.name} is not a product of layers")
    return spans[found.name]


ALL, WEIGHTS = (sp.Integer(0), M), (sp.Integer(1), M)
"""Ranges of m: features and weights, and weights alone."""

SHARED: dict[str, tuple[Any, Any]] = {
    "product": (Q(m) - Q(m + 1) @ W(m), WEIGHTS),
    "product of decays": (Lam(m) - lam(m) * Lam(m + 1), ALL),
    "squared target": (S - T @ T.T, None),
}


ALPHABET: dict[str, Matrix | Indexed] = {
    "W": Indexed(_W, sp.Integer(0), M),
    "Q": Indexed(lambda i: letter("Q", K, _space(i), i), sp.Integer(1), M + 1),
    "R": Indexed(lambda i: letter("R", _space(i + 1), samples, i), sp.Integer(-1), M),
    "V": Indexed(lambda i: letter("V", _space(i), modes, i), sp.Integer(0), M + 1),
    **{only(x).name: x for x in (H, B, S, T, means_target, Y, sizes_inverse, J, root, target_root, root_inverse)},
}
"""The letters of the deep linear model, with the layers for which they exist."""

CRITICAL_POINT = Setting(
    "a critical point of the deep linear model",
    critical_point,
    letters=ALPHABET,
    constants={lam: ALL, Lam: (sp.Integer(0), M + 1)},
    spaces=frozenset([K, samples, modes]),
    widths={d: (sp.Integer(0), M + 1)},
    base_cases=SETTING_BASES,
    rewrites={Lam(M + 1): sp.Integer(1), **SPACES},
    objective=objective,
    total=Trace({}, value) - 1 / (2 * N) * squares(P @ H - T) - sp.Rational(1, 2) * Trace({}, regulariser),
    sums={regulariser: lam(m) * squares(W(m))},
    meanings={
        **SHARED,
        "last layer": (B - lam(M) * (W(M) @ W(M).T), None),
        "outputs": (P @ H - W(M) @ R(M - 1), None),
        "directions": (V(m) - sp.sqrt(lam(m)) * (W(m).T @ V(m + 1) @ root_inverse), WEIGHTS),
        "target by class": (T - means_target @ Y, None),
        "class sizes": (Y @ Y.T @ sizes_inverse - identity(K), None),
    },
    eigenvalues={only(B): beta, only(S): mu},
    spectra={only(B): (V(M + 1), root, root_inverse)},
    inverses={only(J): (P, r)},
    definable=frozenset([z, x, s]),
    free=frozenset([t, later]),
)
"""Any critical point. β and μ are the eigenvalues of B and S at any common eigenvector, at least 0 as both are positive
semidefinite; V_{M+1}, Δ and J are given by rules; T̄, Y and the decays are arbitrary."""

CONSTRUCTION = replace(
    CRITICAL_POINT,
    name="factors along chosen modes",
    objective=no_objective,
    meanings={
        **SHARED,
        "orthonormal directions": (V(m).T @ V(m) - identity(modes), (sp.Integer(0), M + 1)),
        "factors": (W(m) - lam(m) ** -sp.Rational(1, 2) * (V(m + 1) @ root @ V(m).T), ALL),
        "singular vectors of the target": (T.T @ V(M + 1) - V(0) @ target_root, None),
    },
    hypotheses={"z is a root": theta ** (2 * M) * z ** (M - 1) * (1 - z) ** (M + 1) - N ** (M + 1) * Lambda},
    eigenvalues={only(root): delta, only(target_root): theta},
    spectra={},
    inverses={},
    definable=frozenset([delta]),
)
"""Factors along orthonormal V_m, which exist for as many modes as every width has room for. δ and θ are the entries of
the diagonal Δ and Θ for any chosen mode, z any root of its equation; δ is for the proof to choose."""

# ----------------------------------------------------------------------------------------------- with a last-layer bias

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


def biased_objective(product: Matrix, factor: Matrix) -> Trace:
    """‖P H + b 1ᵀ − Y‖²/(2N), and λ_H/2 ‖H‖² for the features; the bias is not regularised.

    Raises:
        Rejected: for outputs other than P H, or another factor.
    """
    if (product.rows, product.columns) != (K, samples) or not (product - P @ H).is_zero or factor not in (H, b):
        raise Rejected("the outputs must be written as P H, and the factor be H or b")
    fit = 1 / (2 * N) * squares(product + b @ ones.T - Y)
    return fit + lam(0) / 2 * squares(H) if factor == H else fit


BIASED = Setting(
    "a critical point with a last-layer bias",
    biased_critical_point,
    letters={"Q": ALPHABET["Q"], **{only(x).name: x for x in (H, Y, b, ones)}},
    constants={lam: ALL},
    spaces=frozenset([K, samples, one_dimension]),
    widths={d: (sp.Integer(0), M + 1)},
    base_cases=SETTING_BASES,
    rewrites=SPACES,
    objective=biased_objective,
    meanings={"number of samples": (ones.T @ ones - N * identity(one_dimension), None)},
)
"""Any critical point of the model with a bias, for any labels Y."""

# --------------------------------------------------------------------------------------------------- the scalar problem

slope_of_g = sp.Symbol("beta", positive=True)
"""β of the scalar problem."""
g = 1 / (1 + x**M) + slope_of_g * x


def stationary_point(rng: Random) -> Instance:
    """A random x ≥ 0 with the β that makes it stationary, or x = 0 with any β."""
    from flint import arb, ctx, fmpq

    ctx.prec = BITS
    depth = rng.choice(DEPTHS)
    value_of_x = arb(fmpq(rng.randint(0, 2) and rng.randint(1, 30), 10))
    power = value_of_x**depth
    slope = depth * value_of_x ** (depth - 1) / (1 + power) ** 2 if value_of_x > 0 else arb(fmpq(rng.randint(1, 9), 4))
    low, high = sorted(rng.sample(range(1, 60), 2))
    scalars = {M: depth, x: value_of_x, z: power / (1 + power), slope_of_g: slope}
    return Instance({**scalars, t: arb(fmpq(low, 60)), later: arb(fmpq(high, 60))})


STATIONARY = Setting(
    "a minimum of g over x ≥ 0",
    stationary_point,
    stationary={x: g},
    definable=frozenset([z]),
    free=frozenset([t, later]),
)
"""A minimum x ≥ 0 of g(x) = 1/(1 + x^M) + β x."""

# ------------------------------------------------------------------------------------------ fits of a scale, with ReLUs

y, load = sp.symbols("y c", positive=True)
"""The scale y of outputs p I, p = y^{M+1}, and c = C Λ̄."""


def root_of_the_scale(rng: Random) -> Instance:
    """A random scale 0 < y < 1 with the load of which it is a root."""
    from flint import arb, ctx, fmpq

    ctx.prec = BITS
    depth, scale = rng.choice(DEPTHS), arb(fmpq(rng.randint(1, 59), 60))
    low, high = sorted(rng.sample(range(1, 60), 2))
    scalars = {M: depth, y: scale, load: (1 - scale ** (depth + 1)) * scale ** (depth - 1)}
    return Instance({**scalars, t: arb(fmpq(low, 60)), later: arb(fmpq(high, 60))})


SCALED = Setting(
    "a scale at which the loss of a fit is stationary",
    root_of_the_scale,
    hypotheses={"root": (1 - y ** (M + 1)) * y ** (M - 1) - load},
    free=frozenset([t, later]),
)
"""A root y of (1 − y^{M+1}) y^{M−1} = c: there (1 − p)²/2 + (M+1)/2 c y² is stationary in y."""

fit = (1 - x ** (M + 1)) ** 2 / 2 + (M + 1) / 2 * load * x**2
"""The loss of a fit at the scale x ≥ 0."""


def stationary_scale(rng: Random) -> Instance:
    """A random scale 0 < x < 1 with the load that makes it stationary, or x = 0 with any load."""
    from flint import arb, ctx, fmpq

    ctx.prec = BITS
    depth = rng.choice(DEPTHS)
    scale = arb(fmpq(rng.randint(0, 2) and rng.randint(1, 59), 60))
    outputs = scale ** (depth + 1)
    stationary = (1 - outputs) * scale ** (depth - 1) if scale > 0 else arb(fmpq(rng.randint(1, 9), 4))
    low, high = sorted(rng.sample(range(1, 60), 2))
    scalars = {M: depth, x: scale, z: outputs, load: stationary}
    return Instance({**scalars, t: arb(fmpq(low, 60)), later: arb(fmpq(high, 60))})


SCALE = Setting(
    "a minimum of the loss over the scale x ≥ 0",
    stationary_scale,
    stationary={x: fit},
    definable=frozenset([z]),
    free=frozenset([t, later]),
)
"""A minimum x ≥ 0 of (1 − x^{M+1})²/2 + (M+1)/2 c x²."""
