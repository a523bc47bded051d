"""ReLU layers at non-negative collapse (statement 13): beyond v1."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Spectrum, clause, equal
from theory.closed_form.curvature import Eigenvalue
from theory.collapse import Collapse
from theory.ops import Expression, diagonal, identity, kron, one_hot, relu, sum_squares
from theory.papers.dang2023.letters import OFF
from theory.papers.garrod2024.setting import ASSUMED, POINT, PROVED, WITNESS, at_layer, listed, points, source
from theory.statement import DRAWN, theorem

FRAMES: dict[str, Callable[..., bool]] = ASSUMED | {
    "frames at least 0": lambda turn, **_: not turn,
    DRAWN + "frames spread over a spare coordinate only if there is one, and small": lambda K, L, spare, spread, **_: (
        not spread or (spare >= 1 and (K + spare) * L <= 16)
    ),
}
NONNEGATIVE: dict[str, Any] = {"turn": st.just(False), "spread": st.booleans()}


@theorem(
    "garrod2024-relu-nonnegative-dnc",
    source=source("Theorems 7 and 8: the loss", "R", "v3", "that no ReLU acts, and the errors at kinks"),
    expected=PROVED,
    hypotheses=FRAMES,
    **points() | NONNEGATIVE,
    witness=POINT | {"turn": False, "spread": True},
    configurations=(POINT | {"K": 2, "n": 1, "L": 2, "spare": 0, "turn": False, "spread": False},),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "a frame with negative entries": {"negative": True},
        "class means that enter the layer": {"after": 0},
    },
)
def relu_nonnegative(factor: Fraction = Fraction(1), negative: bool = False, after: int = 1, **point: Any) -> Identity:
    """With U_l ≥ 0 no ReLU acts, and the loss of a ReLU model is the linear minimum ½(1−γ)² + ½(L+1)γ(1−γ).

    Back-propagated errors A_{l+1}ᵀ (Z − Y) are multiples of the ReLUs' inputs, γ (γ−1)/‖μ^{(l+1)}‖² times: they vanish
    at the kinks, whatever a second derivative is there. Where a ReLU is smoothed to σ_ε the errors are of the size of
    σ_ε(0): with softplus the products with σ_ε″(0) stay, so that limits depend on the smoothing.
    """
    at = Collapse(**point | ({"turn": True, "spread": False} if negative else {}))
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

    Frames are at least 0, so that no two classes reach one hidden coordinate: all inputs but its own are 0 for a class.
    """

    def layer(number: int) -> Expression:
        parts = []
        for c in range(at.K):
            above = identity(at.K)
            for upper in range(at.L, number, -1):
                own = at.coordinates(upper, c)
                above = above @ at.factors[upper] @ diagonal([Fraction(1) if j in own else slope for j in range(at.d)])
            mean = at.means(number)[range(at.d), (c,)]
            parts.append(kron(above.T @ above, mean @ mean.T) / at.K)
        return reduce(add, parts)

    return layer


RELU: dict[str, Any] = {
    "hypotheses": FRAMES,
    **at_layer() | NONNEGATIVE,
    "witness": WITNESS | {"turn": False, "spread": True},
    "configurations": (WITNESS | {"n": 1, "spare": 0, "turn": False, "spread": False, "layer": 3},),
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
        "configurations": (WITNESS | {"turn": False, "spread": True, "layer": 1, "slope": Fraction(0)},),
    },
    wrong={"slope^{L−l}": {"power": 1}, "K² outliers": {"power": 0}},
)
def relu_hessian_at_zero(layer: int, slope: Fraction, power: int = 2, **point: Any) -> Spectrum:
    """All inputs of ReLUs off the own class are exactly 0 there: K(K−1) of the K² eigenvalues carry σ'(0)^{2(L−l)}.

    With σ'(0) = 0, which automatic differentiation takes, K eigenvalues are left below the last layer, not K². That is
    the Gauss–Newton matrix. Smoothed ReLUs may add to it in the limit: with softplus of a width ε → 0 two layers have
    (1 + log 2)/4 in place of σ'(0)² = 1/4, as errors of the size σ_ε(0) = ε log 2 meet σ_ε″(0) = 1/(4ε).
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
