"""Collapse: the Hessian of one layer, its parts, gradient and weights: Theorems 4.1 to 4.4 (statements 5 to 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import add, mul
from typing import Any

from hypothesis import strategies as st

from theory.claims import Identity, Spectrum, clause, equal
from theory.closed_form.curvature import Eigenvalues, layer_part, layer_spectrum
from theory.collapse import Collapse
from theory.curvature import flattened, split
from theory.ops import constant, identity, kron, ones, sum_squares, zeros
from theory.papers.dang2023.letters import OFF
from theory.papers.garrod2024.setting import EDGES, FEW, HYPOTHESES, PROVED, WITNESS, at_layer, listed, source
from theory.statement import DRAWN, theorem


@theorem(
    "garrod2024-layer-hessian",
    source=source("Theorem 4.1: rank and eigenvalues", derived="their value"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    witness=WITNESS,
    configurations=EDGES,
    wrong={
        "K(K−1) outliers": {"predicted": lambda K, size, gamma: shifted(layer_spectrum(K, size, gamma), -K)},
        "γ/(1−γ) missing": {"predicted": lambda K, size, gamma: scaled(layer_spectrum(K, size, gamma), 1 / gamma - 1)},
        "regularised": {"predicted": lambda K, size, gamma: layer_spectrum(K, size, gamma, regularised=True)},
        "the decay of another layer": {"neighbour": 1},
    },
)  # fmt: skip
def layer_hessian(
    layer: int, predicted: Callable[..., Eigenvalues] = layer_spectrum, neighbour: int = 0, **point: Any
) -> Spectrum:
    """The Hessian of a layer has K² equal eigenvalues, λ_l γ/(1−γ), and no others but 0."""
    at = Collapse(**point)
    K, gamma = at.K, at.gamma
    unit = at.decay_of(layer - neighbour) / at.decay_of(layer)
    return Spectrum(at.curvature.layer(layer) / at.decay_of(layer), listed(predicted(K, at.size(layer), gamma), unit))


def shifted(eigenvalues: Eigenvalues, times: int) -> Eigenvalues:
    """The first eigenvalue so many times more often, the last one less."""
    first, *others = eigenvalues
    moved = [replace(first, multiplicity=first.multiplicity + times)]
    if not others:
        return (*moved, replace(first, value=first.value + 1, multiplicity=-times))
    return (*moved, *others[:-1], replace(others[-1], multiplicity=others[-1].multiplicity - times))


def scaled(eigenvalues: Eigenvalues, factor: Fraction) -> Eigenvalues:
    """The first eigenvalue times a factor."""
    first, *others = eigenvalues
    return (replace(first, value=first.value * factor), *others)


@theorem(
    "garrod2024-layer-eigenvectors",
    source=source("Theorem 4.1: eigenvectors", derived="the value of the eigenvalues"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    witness=WITNESS,
    configurations=EDGES,
    wrong={"μ^{(l)} ⊗ μ^{(l+1)}": {"swap": True}, "value off by 1e-6": {"factor": OFF}},
)
def layer_eigenvectors(layer: int, swap: bool = False, factor: Fraction = Fraction(1), **point: Any) -> Identity:
    """Its eigenvectors are μ_c^{(l+1)} ⊗ μ_{c'}^{(l)}, with e_c for the outputs above the last layer; γ/(1−γ) λ_l."""
    at = Collapse(**point)
    K, L, gamma = at.K, at.L, at.gamma
    above = identity(K) if layer == L else at.means(layer + 1)
    below = at.means(layer)
    vectors = kron(below, above) if swap else kron(above, below)
    value = factor * gamma / (1 - gamma) * at.decay_of(layer)
    return Identity((clause("eigenvectors", equal(at.curvature.layer(layer) @ vectors, value * vectors)),))


@theorem(
    "garrod2024-layer-hessian-ridge",
    source=source("Theorem 4.1 with the decay's own term", "X"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    witness=WITNESS,
    configurations=EDGES,
    wrong={
        "without the decay": {"regularised": False},
        "γ/(1−γ) for 1/(1−γ)": {"predicted": lambda *a, **k: scaled(layer_spectrum(*a, **k), a[2])},
    },
)
def layer_hessian_ridge(
    layer: int, regularised: bool = True, predicted: Callable[..., Eigenvalues] = layer_spectrum, **point: Any
) -> Spectrum:
    """With the decay the outliers are λ_l/(1−γ), the others λ_l."""
    at = Collapse(**point)
    K, gamma = at.K, at.gamma
    whole = at.curvature.layer(layer) / at.decay_of(layer) + identity(at.size(layer))
    return Spectrum(whole, listed(predicted(K, at.size(layer), gamma, regularised=regularised)))


OF_PARTS = HYPOTHESES | {
    DRAWN + "turned frames, and so dense parts, only if small": lambda K, n, spare, turn, **_: (
        not turn or (K + spare <= 6 and (K + spare) ** 2 * n <= 72)
    ),
}
PARTS = ("class", "cross", "within")


def cross_and_class_swapped(part: str, *setting: Any) -> Eigenvalues:
    """The eigenvalues of the other part."""
    return layer_part({"cross": "class", "class": "cross"}.get(part, part), *setting)


def all_across(part: str, *setting: Any) -> Eigenvalues:
    """K² eigenvalues of the part across classes."""
    return shifted(layer_part(part, *setting), setting[0] if part == "cross" else 0)


@theorem(
    "garrod2024-gn-ranks",
    source=source("Theorem 4.2: ranks and eigenvalues", derived="the value of the eigenvalues"),
    expected=PROVED,
    hypotheses=OF_PARTS,
    **at_layer() | {"K": FEW},
    part=st.sampled_from(PARTS),
    witness=WITNESS | {"part": "cross"},
    configurations=tuple(WITNESS | {"part": part} for part in ("within", "class")),
    wrong={
        "cross and class swapped": {"predicted": cross_and_class_swapped},
        "K² of the part across": {"predicted": all_across},
    },
)
def gn_ranks(
    layer: int, part: str, predicted: Callable[..., Eigenvalues] = layer_part, **point: Any
) -> Spectrum:  # fmt: skip
    """At collapse G_within = 0, G_cross has rank K(K−1), G_class rank K; all non-zero eigenvalues are λ_l γ/(1−γ)."""
    at = Collapse(**point)
    whole = split(at.curvature, layer, at.K, at.n)[part] / at.decay_of(layer)
    return Spectrum(whole, listed(predicted(part, at.K, at.size(layer), at.gamma)))


@theorem(
    "garrod2024-gn-orthogonal",
    source=source("Theorem 4.2: orthogonal images", derived="their bases"),
    expected=PROVED,
    hypotheses=OF_PARTS,
    **at_layer() | {"K": FEW},
    witness=WITNESS,
    wrong={"class and whole": {"other": "whole"}, "sums over the second slot": {"swap": True}},
)
def gn_orthogonal(layer: int, other: str = "cross", swap: bool = False, **point: Any) -> Identity:
    """G_cross G_class = 0: sums of μ_{c'}^{(l+1)} ⊗ μ_c^{(l)} over c' for G_class, differences for G_cross."""
    at = Collapse(**point)
    K, n, gamma = at.K, at.n, at.gamma
    parts = split(at.curvature, layer, K, n)
    above, below, value = at.means(layer + 1), at.means(layer), gamma / (1 - gamma) * at.decay_of(layer)
    sums = kron(above, below @ ones(K, 1)) if swap else kron(above @ ones(K, 1), below)
    centred = kron(above @ (identity(K) - ones(K, K) / K), below)
    left = parts["cross"] if other == "cross" else reduce(add, parts.values())
    zero = zeros(*left.shape)
    return Identity(
        (
            clause("orthogonal", equal(left @ parts["class"], zero)),
            clause("class", equal(parts["class"] @ sums, value * sums)),
            clause("cross", equal(parts["cross"] @ centred, value * centred)),
        )
    )


@theorem(
    "garrod2024-gradient-alignment",
    source=source("Theorem 4.3", derived="β"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    witness=WITNESS,
    configurations=EDGES,
    wrong={"β with the other sign": {"sign": -1}, "K² coefficients": {"pairs": 2}, "β without 1/K": {"mean": 0}},
)
def gradient_alignment(layer: int, sign: int = 1, pairs: int = 1, mean: int = 1, **point: Any) -> Identity:
    """The data gradient of a layer is β/K Σ_c μ_c^{(l+1)} ⊗ μ_c^{(l)} = −λ_l W_l: K of the K² vectors, equally.

    β = −K λ_l/‖μ^{(l)}‖² = (γ−1) ∏_{j>l} σ_j/‖μ^{(l+1)}‖; squared normalised coefficients are 1/K for c = c', else 0.
    """
    at = Collapse(**point)
    K, L, gamma = at.K, at.L, at.gamma
    above, below = at.means(layer + 1), at.means(layer)
    gradient, pair = flattened([at.curvature.slope(layer)]), kron(above, below)
    lengths = (at.length(layer + 1), at.length(layer))
    beta = -sign * K * at.decay_of(layer) / lengths[1] ** 2
    chain = reduce(mul, [at.singular_value(j) for j in range(layer + 1, L + 1)], constant(1))
    diagonal_pairs = reduce(add, [pair[range(pair.shape[0]), (c * K + c,)] for c in range(K)])
    coefficients = pair.T @ gradient
    squares = [coefficients[i, 0] ** 2 / ((lengths[0] * lengths[1]) ** 2 * sum_squares(gradient)) for i in range(K * K)]
    share = Fraction(1, K**pairs)
    return Identity(
        (
            clause("expansion", equal(gradient, (beta / K if mean else beta) * diagonal_pairs)),
            clause("stationary", equal(gradient, -at.decay_of(layer) * flattened([at.factors[layer]]))),
            clause("β", equal(beta, (gamma - 1) * chain / lengths[0])),
            clause("coefficients", *(equal(x, share if i % (K + 1) == 0 else 0) for i, x in enumerate(squares))),
        )
    )


@theorem(
    "garrod2024-weights",
    source=source("Theorem 4.4: rank and eigenvalues"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    witness=WITNESS,
    configurations=EDGES,
    wrong={"without n": {"samples": 0}, "rank K − 1": {"rank": -1}},
)
def weights(layer: int, samples: int = 1, rank: int = 0, **point: Any) -> Spectrum:
    """W_lᵀ W_l has rank K, with the eigenvalue (λ_H/λ_l) n ‖μ^{(1)}‖².

    Both sides are multiplied with λ_l, so that matrices are rational.
    """
    at = Collapse(**point)
    K, n = at.K, at.n
    W, norm = at.factors[layer], sum_squares(at.means(1)) / K
    pairs = [(at.decay_of(0) * n**samples * norm, K + rank), (constant(0), at.d - K - rank)]
    return Spectrum(at.decay_of(layer) * W.T @ W, [(x, times) for x, times in pairs if times > 0])


@theorem(
    "garrod2024-weights-vectors",
    source=source(
        "Theorem 4.4: eigenvectors and recursion", derived="the second form of the value, and the singular vectors"
    ),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    witness=WITNESS,
    configurations=EDGES,
    wrong={"σ² without K": {"classes": 0}, "balance without decays": {"balanced": False}},
)
def weights_vectors(layer: int, classes: int = 1, balanced: bool = True, **point: Any) -> Identity:
    """Its eigenvectors are the class means that enter the layer; the value is γ(1−γ)/(K λ_l); layers are balanced.

    W_l = σ_l Σ_c of normalised μ_c^{(l+1)} and μ_c^{(l)}; λ_l W_lᵀ W_l = λ_{l−1} W_{l−1} W_{l−1}ᵀ.
    """
    at = Collapse(**point)
    K, gamma = at.K, at.gamma
    W, below, M, above = at.factors[layer], at.factors[layer - 1], at.means(layer), at.means(layer + 1)
    value = gamma * (1 - gamma) / (K**classes * at.decay_of(layer))
    ends = at.length(layer + 1) * at.length(layer)
    decays_here = (at.decay_of(layer), at.decay_of(layer - 1)) if balanced else (constant(1), constant(1))
    return Identity(
        (
            clause("eigenvectors", equal(W.T @ W @ M, value * M)),
            clause("singular vectors", equal(W, at.singular_value(layer) / ends * above @ M.T)),
            clause("recursion", equal(decays_here[0] * W.T @ W, decays_here[1] * below @ below.T)),
        )
    )


MATRICES = ("features", "between classes", "errors", "gradients", "centred gradients")


@theorem(
    "garrod2024-other-matrices",
    source=source("other matrices at the optimum", "X"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **at_layer(),
    which=st.sampled_from(MATRICES),
    witness=WITNESS | {"which": "features"},
    configurations=tuple(WITNESS | {"which": which} for which in MATRICES[1:]),
    wrong={"rank off by one": {"more": -1}, "centred for uncentred": {"centred": True}},
)
def other_matrices(layer: int, which: str, more: int = 0, centred: bool = False, **point: Any) -> Spectrum:
    """Second moments have rank K, centred ones K − 1, each with one eigenvalue.

    Features ‖μ^{(l)}‖²/K; errors (γ−1) a_c^{(l+1)}, their squared norm over K; gradients, the errors' products with
    μ_c^{(l)}, λ_l γ (1−γ). Both sides are multiplied with decays, so that matrices are rational.
    """
    at = Collapse(**point)
    K, gamma = at.K, at.gamma
    M, errors = at.means(layer), (gamma - 1) * at.curvature.above(layer).T
    gradients = kron(errors, M)[range(errors.shape[0] * M.shape[0]), [c * K + c for c in range(K)]]
    features, decays = sum_squares(M) / K**2, [at.decay_of(i) for i in range(at.L + 1)]
    before, after = reduce(mul, decays[:layer]), reduce(mul, decays[layer + 1 :], constant(1))
    data, value, unit = {
        "features": (M, features, before),
        "between classes": (M, features, before),
        "errors": (errors, sum_squares(errors) / K**2, after),
        "gradients": (gradients, at.decay_of(layer) * gamma * (1 - gamma), 1 / at.decay_of(layer)),
        "centred gradients": (gradients, at.decay_of(layer) * gamma * (1 - gamma), 1 / at.decay_of(layer)),
    }[which]
    center = which in ("between classes", "centred gradients")
    rank = K - ((not center) if centred else center) + more
    used = data @ (identity(K) - ones(K, K) / K) if center else data
    pairs = [(value * unit, rank), (constant(0), data.shape[0] - rank)]
    return Spectrum(unit / K * (used @ used.T), [(x, times) for x, times in pairs if times > 0])
