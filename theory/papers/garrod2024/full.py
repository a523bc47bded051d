"""The Hessian in all factors, and ReLU layers (statements 11 and 13): beyond v1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Spectrum, clause, equal
from theory.closed_form.curvature import Eigenvalue, Eigenvalues, full_spectrum
from theory.collapse import Collapse
from theory.ops import Expression, diagonal, identity, kron, one_hot, relu, sum_squares
from theory.papers.dang2023.letters import OFF
from theory.papers.garrod2024.setting import (
    HYPOTHESES,
    POINT,
    PROVED,
    WITNESS,
    at_layer,
    listed,
    points,
    source,
)
from theory.statement import theorem

EQUAL = POINT | {"L": 2, "unequal": 0, "turn": False}


def symmetric_swapped(*setting: Any, **given: Any) -> Eigenvalues:
    """The two kinds of outliers with each other's multiplicity."""
    first, second, *others = full_spectrum(*setting, **given)
    return (
        replace(first, multiplicity=second.multiplicity),
        replace(second, multiplicity=first.multiplicity),
        *others,
    )


def without(part: str) -> Callable[..., Eigenvalues]:
    """A prediction that forgets a part and has its eigenvalues among the last one's."""

    def predicted(*setting: Any, **given: Any) -> Eigenvalues:
        *others, last = full_spectrum(*setting, **given)
        lost = sum(e.multiplicity for e in others if e.part == part)
        return (*(e for e in others if e.part != part), replace(last, multiplicity=last.multiplicity + lost))

    return predicted


def shallower(K: int, n: int, L: int, d: int, gamma: Any, **given: Any) -> Eigenvalues:
    """The outliers of one layer less."""
    return (*full_spectrum(K, n, L - 1, d, gamma, **given)[:2], *full_spectrum(K, n, L, d, gamma, **given)[2:])


@theorem(
    "garrod2024-full-hessian",
    source=source("the Hessian in all factors (compare Theorem 6)", "X", "v3"),
    expected=PROVED,
    hypotheses=HYPOTHESES
    | {
        "equal decays": lambda unequal, **_: not unequal,
        "matrices of at most 1400 rows": lambda K, n, L, spare, **_: (
            (L - 1) * (K + spare) ** 2 + (K + spare) * K * (n + 1) <= 1400
        ),
    },
    **points() | {"unequal": st.just(0), "turn": st.just(False)},
    regularised=st.booleans(),
    witness=EQUAL | {"regularised": True},
    configurations=(
        EQUAL | {"n": 1, "L": 3, "spare": 2, "regularised": False},
        EQUAL | {"K": 2, "n": 1, "spare": 0, "turn": True, "regularised": True},
        EQUAL | {"L": 1, "regularised": True},
    ),
    wrong={
        "symmetric and antisymmetric swapped": {"predicted": symmetric_swapped},
        "no features within classes": {"predicted": without("features within classes")},
        "no rotations": {"predicted": without("rotations")},
        "the data part": {"other": True},
        "L for L + 1": {"predicted": shallower},
    },
)
def full_hessian(
    regularised: bool, predicted: Callable[..., Eigenvalues] = full_spectrum, other: bool = False, **point: Any
) -> Spectrum:
    """Over λ: K² outliers 2 + (L+1)(γ/(1−γ) − 1) and (L+1)/(1−γ), features within classes 1/(1−γ), others 2, 0 or 1.

    Without the decays all are less by 1.
    """
    at = Collapse(**point)
    ridges = (int(regularised),) * (at.L + 1)
    rows = at.curvature.full((0,) * (at.L + 1)) / at.decay
    ridge = identity(rows.shape[0]) * ridges[0]
    expected = predicted(at.K, at.n, at.L, at.d, at.gamma, regularised=regularised != other)
    return Spectrum(rows + ridge, listed(expected))


# -------------------------------------------------------------------------------------------------------- ReLU layers


@theorem(
    "garrod2024-relu-nonnegative-dnc",
    source=source("Theorems 7 and 8: the loss", "R", "v3"),
    expected=PROVED,
    hypotheses=HYPOTHESES | {"frames of coordinates": lambda turn, **_: not turn},
    **points() | {"turn": st.just(False)},
    witness=POINT | {"turn": False},
    configurations=(POINT | {"K": 2, "n": 1, "L": 2, "spare": 0, "turn": False},),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "a frame with negative entries": {"negative": True},
        "class means that enter the layer": {"after": 0},
    },
)
def relu_nonnegative(factor: Fraction = Fraction(1), negative: bool = False, after: int = 1, **point: Any) -> Identity:
    """With U_l ≥ 0 no ReLU acts, and the loss of a ReLU model is the linear minimum ½(1−γ)² + ½(L+1)γ(1−γ).

    Back-propagated errors A_{l+1}ᵀ (Z − Y) are multiples of the ReLUs' inputs, γ (γ−1)/‖μ^{(l+1)}‖² times: they vanish
    at the kinks, so that no second derivative of a ReLU there, smoothed or not, enters the Hessian.
    """
    at = Collapse(**point | {"turn": negative})
    features, active, inputs = at.factors[0], [], {}
    for layer in range(1, at.L):
        inputs[layer] = at.factors[layer] @ features
        features = relu(inputs[layer])
        active.append(equal(features, inputs[layer]))
    residual = at.factors[-1] @ features - one_hot(at.sizes)
    error = at.gamma * (at.gamma - 1) * at.K
    kinks = [
        equal(at.curvature.above(layer).T @ residual, error / sum_squares(at.means(layer + after)) * Z)
        for layer, Z in inputs.items()
    ]
    fit = sum_squares(residual) / (2 * at.K * at.n)
    penalty = reduce(add, [at.decay_of(i) / 2 * sum_squares(V) for i, V in enumerate(at.factors)])
    value = (1 - at.gamma) ** 2 / 2 + Fraction(at.L + 1, 2) * at.gamma * (1 - at.gamma)
    acts = [Clause("no ReLU acts", tuple(active)), Clause("errors at kinks", tuple(kinks))] if active else []
    return Identity((*acts, clause("loss", equal(fit + penalty, factor * value))))


def relu_curvature(at: Collapse, slope: Fraction) -> Callable[[int], Expression]:
    """The Gauss–Newton matrix of a layer where a ReLU has the derivative 1 at its positive inputs, ``slope`` at 0.

    Frames are coordinates, so that the class c reaches the hidden coordinate c alone, and all other inputs are 0.
    """

    def layer(number: int) -> Expression:
        parts = []
        for c in range(at.K):
            passing = diagonal([Fraction(1) if j == c else slope for j in range(at.d)])
            above = identity(at.K)
            for upper in range(at.L, number, -1):
                above = above @ at.factors[upper] @ passing
            mean = at.means(number)[range(at.d), (c,)]
            parts.append(kron(above.T @ above, mean @ mean.T) / at.K)
        return reduce(add, parts)

    return layer


RELU: dict[str, Any] = {
    "hypotheses": HYPOTHESES | {"frames of coordinates": lambda turn, **_: not turn},
    **at_layer(),
    "turn": st.just(False),
    "witness": WITNESS | {"turn": False},
    "configurations": (WITNESS | {"n": 1, "spare": 0, "turn": False, "layer": 3},),
}


@theorem(
    "garrod2024-relu-hessian",
    source=source("Theorems 7 and 8: the same structure, wherever the derivative at 0 is 1", "R", "v3"),
    expected=PROVED,
    **RELU,
    wrong={"K outliers": {"outliers": 1}},
)
def relu_hessian(layer: int, outliers: int = 2, **point: Any) -> Spectrum:
    """A layer's Hessian at non-negative collapse has K² equal eigenvalues, as in a linear model, if σ'(0) = 1.

    This is a collapse solution of the ReLU model, often not its optimum (``sukenik2024-srg-beats-dnc``). The
    Gauss–Newton matrix is the Hessian there, as back-propagated errors vanish where a ReLU's input is 0
    (``garrod2024-relu-nonnegative-dnc``).
    """
    at = Collapse(**point)
    K, size = at.K, at.size(layer)
    rows = relu_curvature(at, Fraction(1))(layer) / at.decay_of(layer)
    pairs = [(at.gamma / (1 - at.gamma), K**outliers), (Fraction(0), size - K**outliers)]
    return Spectrum(rows, [(value, times) for value, times in pairs if times])


@theorem(
    "garrod2024-relu-hessian-at-zero",
    source=source("Theorems 7 and 8: what they leave open, the derivative at 0", "X", "v3"),
    expected=PROVED,
    **RELU
    | {
        "slope": st.sampled_from((Fraction(0), Fraction(1, 2), Fraction(1, 10))),
        "witness": RELU["witness"] | {"slope": Fraction(1, 2)},
        "configurations": (WITNESS | {"turn": False, "layer": 1, "slope": Fraction(0)},),
    },
    wrong={"slope^{L−l}": {"power": 1}, "K² outliers": {"power": 0}},
)
def relu_hessian_at_zero(layer: int, slope: Fraction, power: int = 2, **point: Any) -> Spectrum:
    """All inputs of ReLUs off the own class are exactly 0 there: K(K−1) of the K² eigenvalues carry σ'(0)^{2(L−l)}.

    With σ'(0) = 0, which automatic differentiation takes, K eigenvalues are left below the last layer, not K².
    """
    at = Collapse(**point)
    K, outlier = at.K, at.gamma / (1 - at.gamma)
    parts = (
        Eigenvalue("c = c'", outlier, K),
        Eigenvalue("c ≠ c'", outlier * slope ** (power * (at.L - layer)), K * (K - 1)),
        Eigenvalue("bulk", Fraction(0), at.size(layer) - K * K),
    )
    rows = relu_curvature(at, slope)(layer) / at.decay_of(layer)
    return Spectrum(rows, listed([e for e in parts if e.multiplicity]))
