"""Cross-entropy: the Hessian of one layer at collapse, and its parts (statement 12): beyond v1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

from hypothesis import strategies as st

from theory.claims import Identity, Spectrum, clause, equal
from theory.closed_form.curvature import Eigenvalues, softmax_layer_part, softmax_layer_spectrum
from theory.collapse import SoftmaxCollapse
from theory.curvature import flattened, softmax_split
from theory.ops import kron, log, sum_squares
from theory.papers.garrod2024.setting import FEW, PATTERNS, PROVED, listed, source
from theory.papers.garrod2025.landscape import ODDS
from theory.statement import DRAWN, theorem

SOFTMAX: dict[str, Any] = {
    "hypotheses": {
        "K ≥ 2, n ≥ 1": lambda K, n, **_: K >= 2 and n >= 1,
        "L ≥ 1, a layer of 1 … L": lambda L, layer, **_: 1 <= layer <= L,
        "α > 0": lambda r, **_: r > 1,
        DRAWN + "logarithms in matrices only if small": lambda K, n, L, spare, turn, **_: (
            K * K * n <= 144 and (not turn or (K + spare) * L <= 40)
        ),
        "d ≥ K − 1": lambda spare, **_: spare >= -1,
        DRAWN + "d = K − 1 for at most four classes": lambda K, spare, **_: spare >= 0 or K <= 4,
    },
    "K": FEW,
    "n": st.sampled_from((1, 1, 2, 3, 5)),
    "L": st.sampled_from((1, 2, 3, 4, 8)),
    "spare": st.sampled_from((-1, 0, 0, 1)),
    "r": st.sampled_from(ODDS),
    "unequal": PATTERNS,
    "turn": st.booleans(),
    "layer": st.integers(1, 8),
}
SOFTMAX_POINT: dict[str, Any] = {
    "K": 4, "n": 2, "L": 3, "spare": 1, "r": Fraction(19), "unequal": 1, "turn": True, "layer": 2
}  # fmt: skip


def equal_outliers(K: int, size: int, alpha: Any, softness: Any) -> Eigenvalues:
    """All K outliers with the largest value."""
    bulk, _, top, *rest = softmax_layer_spectrum(K, size, alpha, softness)
    return (bulk, replace(top, multiplicity=K), *rest)


def more_often(found: Eigenvalues, times: int) -> Eigenvalues:
    """The first eigenvalue so many times more, at the cost of the bulk, where that has as many to spare."""
    first, *others = found
    if not others or others[-1].part != "bulk" or others[-1].multiplicity <= times:
        return found
    more, less = (replace(e, multiplicity=e.multiplicity + k) for e, k in ((first, times), (others[-1], -times)))
    return (more, *others[:-1], less)


def all_pairs(K: int, *setting: Any) -> Eigenvalues:
    """K² eigenvalues off 0, as with squared error."""
    return more_often(softmax_layer_spectrum(K, *setting), 2 * K - 1)


@theorem(
    "garrod2024-ce-layer-spectrum",
    source=source("cross-entropy with adjustments", "X", "v3"),
    expected=PROVED,
    **SOFTMAX | {"hypotheses": SOFTMAX["hypotheses"] | {"K ≥ 3": lambda K, **_: K >= 3}},
    witness=SOFTMAX_POINT,
    configurations=tuple(SOFTMAX_POINT | {"K": 3, "spare": 0, "n": 1, "layer": layer} for layer in (1, 3)),
    wrong={
        "K equal outliers": {"predicted": equal_outliers},
        "K² eigenvalues": {"predicted": all_pairs},
        "κ without K − 1": {"soft": lambda at: (at.r - 1) / (at.r + 1)},
        "regularised": {"ridge": 1},
        "the decay of another layer": {"neighbour": 1},
    },
)
def ce_layer_spectrum(**given: Any) -> Spectrum:
    """With cross-entropy a layer's Hessian has K outliers, in two values, a mini-bulk, and 0.

    Over λ_l α they are 1/K (K² − 3K + 1 times), 1/K + κ(K−2)/K (K − 1 times) and 1/K + κ(K−1)/K. Two classes are in
    ``garrod2024-ce-two-classes``.
    """
    return softmax_spectrum(**given)


def softmax_spectrum(
    layer: int,
    predicted: Callable[..., Eigenvalues] = softmax_layer_spectrum,
    soft: Callable[[SoftmaxCollapse], Fraction] = lambda at: at.softness,
    ridge: int = 0,
    neighbour: int = 0,
    **point: Any,
) -> Spectrum:
    """The Hessian of a layer over λ_l α at collapse, and the predicted eigenvalues plus ``ridge``."""
    at = SoftmaxCollapse(**point)
    rows = at.curvature.layer(layer) / (at.decay_of(layer) * log(at.r))
    unit = at.ratios[layer - neighbour] / at.ratios[layer]
    expected = listed(predicted(at.K, rows.shape[0], Fraction(1), soft(at)), unit)
    return Spectrum(rows, [(value + ridge, times) for value, times in expected])


def twice(K: int, *setting: Any) -> Eigenvalues:
    """The outlier of two classes twice, K − 1 of the larger ones and one more."""
    return more_often(softmax_layer_spectrum(K, *setting), 1)


TWO: dict[str, Any] = SOFTMAX_POINT | {"K": 2}


@theorem(
    "garrod2024-ce-two-classes",
    source=source("cross-entropy with adjustments: two classes", "X", "v3"),
    expected=PROVED,
    **SOFTMAX | {"hypotheses": SOFTMAX["hypotheses"] | {"K = 2": lambda K, **_: K == 2}, "K": st.just(2)},
    witness=TWO,
    configurations=(TWO | {"spare": 0, "n": 1, "L": 1, "layer": 1}, TWO | {"layer": 3}),
    wrong={
        "twice": {"predicted": twice},
        "without κ": {"soft": lambda at: Fraction(0)},
        "κ of three classes": {"soft": lambda at: (at.r - 1) / (at.r + 2)},
        "regularised": {"ridge": 1},
    },
)
def ce_two_classes(**given: Any) -> Spectrum:
    """With two classes (K−1)² = 1 eigenvalue of a layer's Hessian is left, λ_l α (1 + κ)/2; all others are 0."""
    return softmax_spectrum(**given)


@theorem(
    "garrod2024-ce-gradient",
    source=source("cross-entropy with adjustments: the gradient and the top eigenvector", "X", "v3"),
    expected=PROVED,
    **SOFTMAX,
    witness=SOFTMAX_POINT,
    configurations=(SOFTMAX_POINT | {"K": 2, "spare": 0, "layer": 3},),
    wrong={
        "value of the other outliers": {"less": 1},
        "half the gradient": {"half": 2},
        "K for K − 1": {"dimensions": 0},
    },
)
def ce_gradient(layer: int, less: int = 0, half: int = 1, dimensions: int = 1, **point: Any) -> Identity:
    """The data gradient of a layer is −λ_l W_l, an eigenvector of its Hessian for α λ_l (1 + κ(K−1))/K.

    That is the largest value, which ``garrod2024-ce-layer-spectrum`` and ``-ce-two-classes`` have once. W_l is (K−1)/(K
    ‖μ^{(l)}‖²) times the sum over classes of μ_c^{(l+1)} ⊗ μ_c^{(l)}, with the outputs for l = L.
    """
    at = SoftmaxCollapse(**point)
    gradient, K = flattened([at.curvature.slope(layer)]), at.K
    weights, decay = flattened([at.factors[layer]]), at.decay_of(layer)
    below, above = at.means(layer), at.means(layer + 1)
    rows = range(above.shape[0]), range(below.shape[0])
    pairs = [kron(above[rows[0], (c,)], below[rows[1], (c,)]) for c in range(K)]
    value = log(at.r) * decay * (1 + at.softness * (K - 1 - less)) / K
    return Identity(
        (
            clause("gradient", equal(half * gradient, -decay * weights)),
            clause("eigenvector", equal(at.curvature.layer(layer) @ weights, value * weights)),
            clause("expansion", equal(weights, (K - dimensions) / sum_squares(below) * reduce(add, pairs))),
        )
    )


# ------------------------------------------------------------------------------------------------- parts of the Hessian

SOFTMAX_PARTS = ("class", "cross", "own", "within")


def class_and_own_swapped(part: str, *setting: Any) -> Eigenvalues:
    """The eigenvalues of the other part."""
    return softmax_layer_part({"own": "class", "class": "own"}.get(part, part), *setting)


def equal_across(part: str, K: int, *setting: Any) -> Eigenvalues:
    """All eigenvalues of the part across classes equal, as with squared error."""
    found = softmax_layer_part(part, K, *setting)
    if part != "cross" or K == 2:
        return found
    bulk, others, rest = found
    return (replace(bulk, multiplicity=bulk.multiplicity + others.multiplicity), rest)


def ranks_of_squared_error(part: str, K: int, *setting: Any) -> Eigenvalues:
    """K (K − 1) eigenvalues of the part across classes."""
    found = softmax_layer_part(part, K, *setting)
    return more_often(found, K) if part == "cross" and K > 2 else found


@theorem(
    "garrod2024-ce-parts",
    source=source("cross-entropy with adjustments: ranks and eigenvalues of the parts", "X", "v3"),
    expected=PROVED,
    **SOFTMAX,
    part=st.sampled_from(SOFTMAX_PARTS),
    witness=SOFTMAX_POINT | {"part": "cross"},
    configurations=(
        *(SOFTMAX_POINT | {"part": part} for part in ("class", "own", "within")),
        *(TWO | {"part": part, "layer": 3} for part in ("class", "own", "cross")),
    ),
    wrong={
        "class and own swapped": {"predicted": class_and_own_swapped},
        "equal eigenvalues across": {"predicted": equal_across},
        "K(K−1) across": {"predicted": ranks_of_squared_error},
        "κ without K − 1": {"soft": lambda at: (at.r - 1) / (at.r + 1)},
    },
)
def ce_parts(
    layer: int,
    part: str,
    predicted: Callable[..., Eigenvalues] = softmax_layer_part,
    soft: Callable[[SoftmaxCollapse], Fraction] = lambda at: at.softness,
    **point: Any,
) -> Spectrum:
    """At collapse G_within = 0, G_cross has rank K(K−2), G_class and G_own are p and 1−p of their sum, of rank K.

    For K ≥ 3, over λ_l α: 1/K (K² − 3K + 1 times) and 1/(K(K−1)) (K − 1 times) across; p² (K−2)/(K−1) (K − 1 times) and
    p² once for class, with p (1−p) in place of p² for own; p = (1 + (K−1)κ)/K is the probability of the own class. So
    the K outliers of ``garrod2024-ce-layer-spectrum`` are those of class and own, K − 1 of which lie in the range of
    G_cross. With two classes p² and p (1−p) are all there is.
    """
    at = SoftmaxCollapse(**point)
    rows = softmax_split(at.curvature, layer, at.K, at.n, at.softmax)[part] / (at.decay_of(layer) * log(at.r))
    return Spectrum(rows, listed(predicted(part, at.K, rows.shape[0], Fraction(1), soft(at))))
