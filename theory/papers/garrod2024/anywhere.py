"""What holds at every point: formulas of Hessians, and the sum of their parts (statements 4 and 7)."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

from hypothesis import strategies as st

from theory.claims import Identity, clause, equal
from theory.curvature import cross_entropy, flattened, softmax_split, split, squared
from theory.draws import integer_factors, probabilities
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, kron, ones, zeros
from theory.papers.garrod2024.setting import FEW, PROVED, source
from theory.statement import theorem
from theory.variation import derivative

SEEDS = st.integers(0, 10**6)
SAMPLES = st.sampled_from((1, 1, 2, 2, 3, 5))


def shapes(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Widths d_1, …, d_L, up to eight, different or equal ones."""
    equal = st.builds(lambda width, L: (width,) * L, st.integers(1, most), st.integers(3, 8))
    return st.lists(st.integers(1, most), min_size=1, max_size=8).map(tuple) | equal


def reordered(factors: tuple[Expression, ...], backwards: bool) -> tuple[Expression, ...]:
    """The same, with hidden layers in the other order where they are square."""
    features, *hidden, last = factors
    turn = backwards and all(W.shape[0] == W.shape[1] for W in hidden)
    return (features, *hidden[::-1], last) if turn else factors


ANYWHERE: dict[str, Any] = {
    "K": st.sampled_from((2, 2, 3, 3, 4, 5, 6, 12)),
    "n": SAMPLES,
    "widths": shapes(4),
    "seed": SEEDS,
}


@theorem(
    "garrod2024-layer-hessian-kron",
    source=source("Appendix A"),
    expected=PROVED,
    **ANYWHERE,
    witness={"K": 3, "n": 2, "widths": (3, 3, 3), "seed": 4},
    configurations=({"K": 2, "n": 1, "widths": (2,), "seed": 1}, {"K": 3, "n": 1, "widths": (2, 4, 3, 1), "seed": 2}),
    wrong={
        "the factors of ⊗ swapped": {"swap": True},
        "1/n for 1/(Kn)": {"averaged": False},
        "hidden layers in the other order": {"backwards": True},
    },
)
def layer_hessian_kron(
    K: int,
    n: int,
    widths: tuple[int, ...],
    seed: int,
    swap: bool = False,
    averaged: bool = True,
    backwards: bool = False,
) -> Identity:
    """At every point a layer's Hessian is A^{(l+1)ᵀ} A^{(l+1)} ⊗ Av h hᵀ: along V the data term's second derivative.

    The data term is the model's own, at factors of small integers and along directions of small integers. It has degree
    2 in one layer, so that f(W_l + V) + f(W_l − V) − 2 f(W_l) is its second derivative.
    """
    model = Model(class_sizes=(n,) * K, depth=len(widths), widths=widths, decays=1)
    factors, directions = (integer_factors(K, n, widths, seed + shift) for shift in (0, 1))
    at, clauses = squared(reordered(factors, backwards), model.class_sizes), []
    for layer in range(1, model.M + 1):
        A, h = at.above(layer), at.below(layer)
        gauss, inputs = A.T @ A, h @ h.T / (K * n if averaged else n)
        hessian, v = kron(inputs, gauss) if swap else kron(gauss, inputs), flattened([directions[layer]])
        along = [V if i == layer else zeros(*V.shape) for i, V in enumerate(directions)]
        clauses.append(
            clause(f"layer {layer}", equal(derivative(model, factors, along, 2, 2), (v.T @ hessian @ v)[0, 0]))
        )
    return Identity(tuple(clauses))


@theorem(
    "garrod2024-second-variation",
    source=source("the block formulas of the full Hessian, which are not in the paper", "X"),
    expected=PROVED,
    **ANYWHERE | {"widths": shapes(3)},
    witness={"K": 2, "n": 2, "widths": (3, 3, 3), "seed": 4},
    configurations=(
        {"K": 3, "n": 1, "widths": (2,), "seed": 1},
        {"K": 2, "n": 2, "widths": (2,) * 5, "seed": 2},
        {"K": 2, "n": 1, "widths": (1, 3, 2, 3), "seed": 3},
    ),
    wrong={
        "Gauss–Newton part alone": {"mixed": 0},
        "mixed part with the other sign": {"mixed": -1},
        "hidden layers in the other order": {"backwards": True},
    },
)
def second_variation(
    K: int, n: int, widths: tuple[int, ...], seed: int, mixed: int = 1, backwards: bool = False
) -> Identity:
    """At every point, gradient and Hessian in all factors are those of the block formulas.

    Both are compared along a line in all factors at once: f′ and f″ of the model's own data term with these formulas.
    """
    model = Model(class_sizes=(n,) * K, depth=len(widths), widths=widths, decays=1)
    factors, along = (integer_factors(K, n, widths, seed + shift) for shift in (0, 1))
    at, L, v = squared(reordered(factors, backwards), model.class_sizes), model.M, flattened(along)
    degree = 2 * (L + 1)
    slope = flattened([at.slope(layer) for layer in range(L + 1)])
    form = (v.T @ at.full((0,) * (L + 1)) @ v)[0, 0]
    if mixed != 1:
        pairs = [(i, j) for i in range(L + 1) for j in range(i)]
        forms = [(flattened([along[i]]).T @ at.mixed(i, j) @ flattened([along[j]]))[0, 0] for i, j in pairs]
        form = form - (1 - mixed) * 2 * reduce(add, forms)
    return Identity(
        (
            clause("gradient", equal(derivative(model, factors, along, 1, degree), (v.T @ slope)[0, 0])),
            clause("Hessian", equal(derivative(model, factors, along, 2, degree), form)),
        )
    )


LAYER: dict[str, Any] = {
    "layer": st.integers(1, 8),
    "seed": SEEDS,
    "hypotheses": {"a layer of 1 … L": lambda widths, layer, **_: layer <= len(widths)},
}


@theorem(
    "garrod2024-gn-split",
    source=source("Theorem 4.2: the three parts", derived="that they add up to the Hessian"),
    expected=PROVED,
    **LAYER,
    K=FEW,
    n=st.sampled_from((1, 2, 3, 5)),
    widths=shapes(4),
    witness={"K": 3, "n": 2, "widths": (2, 2), "layer": 1, "seed": 3},
    wrong={"without the part within classes": {"left_out": "within"}, "class part with 1/K": {"weight": 1}},
)
def gn_split(
    K: int, n: int, widths: tuple[int, ...], layer: int, seed: int, left_out: str = "", weight: int = 0
) -> Identity:  # fmt: skip
    """At every point the Hessian of a layer is G_within + G_cross + G_class."""
    at = squared(integer_factors(K, n, widths, seed), (n,) * K)
    parts = split(at, layer, K, n)
    if weight:
        parts["class"] = parts["class"] / K
    kept = reduce(add, [part for name, part in parts.items() if name != left_out])
    return Identity((clause("sum", equal(at.layer(layer), kept)),))


@theorem(
    "garrod2024-ce-split",
    source=source("cross-entropy with adjustments: the sum of the parts", "X", "v3"),
    expected=PROVED,
    **LAYER | {"hypotheses": LAYER["hypotheses"] | {"K ≥ 2": lambda K, **_: K >= 2}},
    K=st.sampled_from((2, 2, 3, 3, 4, 5)),
    n=st.sampled_from((1, 2, 3)),
    widths=shapes(4),
    witness={"K": 3, "n": 2, "widths": (2, 2), "layer": 1, "seed": 3},
    wrong={
        "without the part within classes": {"left_out": "within"},
        "without the part of labels": {"left_out": "own"},
        "the weights of squared error": {"even": True},
    },
)
def ce_split(
    K: int, n: int, widths: tuple[int, ...], layer: int, seed: int, left_out: str = "", even: bool = False
) -> Identity:  # fmt: skip
    """Σ_i Aᵀ(diag(p_i) − p_i p_iᵀ)A ⊗ h_i h_iᵀ/(Kn) is G_within + G_cross + G_class + G_own, for any probabilities p_i.

    With the softmax of the outputs it is the Hessian of a layer. Weights are p_{ic,c'}/(Kn), the gradient of a sample
    if its label were c' is v_{icc'} = Aᵀ(p_i − e_{c'}) ⊗ h_i, and G_own is that of c' = c.
    """
    P, factors = probabilities(K, K * n, seed), integer_factors(K, n, widths, seed)
    at = cross_entropy(factors, (n,) * K, P)
    parts = softmax_split(at, layer, K, n, ones(K, K * n) / K if even else P)
    return Identity((clause("sum", equal(at.layer(layer), reduce(add, [parts[x] for x in parts if x != left_out]))),))
