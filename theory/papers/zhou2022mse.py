"""Zhou et al. 2022, On the Optimization Landscape of Neural Collapse under MSE Loss: balanced, regularised bias.

Letters: g = K √(n λ_W λ_H); w = λ_b/(1 + λ_b), 0 for a free bias and 1 without one; z_0 = (1 − g)_+ and
z_1 = (1 − g/w)_+ the outputs' coefficients on S = I − 11ᵀ/K and J/K = 11ᵀ/K. The objective is 1/(2N) ‖W H + b 1ᵀ − Y‖²
plus λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖².
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, CriticalPoints, GlobalMinimum, Point, clause, equal
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, compare, constant, diagonal, helmert, identity, ones, repeat_columns, sqrt
from theory.papers.dang2023.letters import OFF
from theory.papers.ufm import LANDSCAPE_EXPECTED, LANDSCAPE_WRONG, landscape_models, model_landscape
from theory.papers.zhu2021 import collapse, duality
from theory.statement import Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Zhou et al. 2022, On the Optimization Landscape of Neural Collapse under MSE Loss",
        "arXiv 2203.01238",
        locator,
        provenance,
    )


def weight(model: Model) -> Fraction:
    """w = λ_b/(1 + λ_b), and 1 without a bias."""
    return model.bias_decay / (1 + model.bias_decay) if model.has_bias else Fraction(1)


def outputs(model: Model, w: Fraction) -> tuple[Expression, Expression]:
    """z_0 and z_1."""
    g = model.K * sqrt(model.class_sizes[0] * model.Lambda)
    z_0 = 1 - g if compare(g, 1) < 0 else constant(0)
    z_1 = 1 - g / w if w and compare(g, w) < 0 else constant(0)
    return z_0, z_1


def value(model: Model, w: Fraction) -> Expression:
    """1/K [(K−1)((1−z_0)²/2 + g z_0) + w (1−z_1)²/2 + g z_1]."""
    g, (z_0, z_1) = model.K * sqrt(model.class_sizes[0] * model.Lambda), outputs(model, w)
    share = (model.K - 1) * ((1 - z_0) ** 2 / 2 + g * z_0) + w * (1 - z_1) ** 2 / 2 + g * z_1
    return share / model.K


def bias(model: Model, z_1: Expression) -> Expression:
    """b = (1 − z_1)/(K (1 + λ_b)) · 1."""
    return (1 - z_1) / (model.K * (1 + model.bias_decay)) * ones(model.K, 1)


def point(model: Model, w: Fraction) -> Point:
    """Factors along the vectors of zero sum, and along 1/√K where z_1 > 0; a width of K − 1 has room for the first."""
    z_0, z_1 = outputs(model, w)
    K, d, u = model.K, model.widths[0], sqrt(model.class_sizes[0] * model.feature_decay / model.weight_decays[0])
    parts = [(helmert(K), [z_0] * (K - 1), 0)]
    if d >= K:
        parts.append((ones(K, 1) / sqrt(K), [z_1], K - 1))
    W, H = 0 * ones(K, d), 0 * ones(d, K)
    for frame, roots, start in parts:
        places = identity(d)[range(d), range(start, start + len(roots))]
        W = W + frame @ diagonal([sqrt(z * u) for z in roots]) @ places.T
        H = H + places @ diagonal([sqrt(z / u) for z in roots]) @ frame.T
    factors = {"W_1": W, "H": repeat_columns(H, model.class_sizes)}
    return factors | ({"b": bias(model, z_1)} if model.has_bias else {})


SETTING = {
    "balanced, K ≥ 2": lambda model: model.balanced and model.K >= 2,
    "squared error, one layer": lambda model: model.loss == "mse" and model.M == 1 and model.sign == "free",
    "d ≥ K, or K − 1 for an ETF": lambda model: (
        model.widths[0] >= model.K - (outputs(model, weight(model))[1].data == 0)
    ),
}
SIZES = balanced_sizes(st.integers(2, 3), st.sampled_from((1, 2, 3)))
BIAS_DECAYS = st.sampled_from((Fraction(0), Fraction(1, 9), Fraction(1), Fraction(9)))
MODELS = st.one_of(
    one_layer(sizes=SIZES, ratios=BELOW + AT + ABOVE[:2], loss="mse", bias="last-layer", bias_decay=BIAS_DECAYS),
    one_layer(sizes=SIZES, ratios=BELOW + AT + ABOVE[:2], loss="mse"),
    one_layer(  # g = w exactly, and on both sides of it
        sizes=SIZES,
        ratios=(Fraction(1, 4), Fraction(1, 4) * Fraction(99, 100), Fraction(1, 4) * Fraction(101, 100)),
        loss="mse",
        bias="last-layer",
        bias_decay=Fraction(1),
    ),
)
WITNESS = Model(
    class_sizes=(2, 2, 2),
    weight_decays=(Fraction(1, 30),),
    feature_decay=Fraction(1, 40),
    bias="last-layer",
    bias_decay=Fraction(1),
    widths=(4,),
)
STEEP = Model(
    class_sizes=(2, 2, 2),
    weight_decays=(Fraction(1, 3),),
    feature_decay=Fraction(1, 54),
    bias="last-layer",
    bias_decay=Fraction(1),
    widths=(4,),
)
"""λ_W is 18 λ_H, g = 1/3 and w = 1/2."""


@theorem(
    "zhou2022mse-phases",
    source=source("global minimisers by the decay of the bias"),
    hypotheses=SETTING,
    model=MODELS,
    witness={"model": WITNESS},
    configurations=(
        {"model": WITNESS.with_(weight_decays=(Fraction(1, 12),), feature_decay=Fraction(1, 6))},  # g = w = 1/2
        {"model": WITNESS.with_(weight_decays=(Fraction(1, 6),), feature_decay=Fraction(1, 3))},  # g = 1
        {"model": WITNESS.with_(bias_decay=Fraction(1, 9), widths=(2,))},
        {"model": WITNESS.with_(bias="none", bias_decay=0)},
    ),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "w = λ_b": {"weight": lambda model: min(Fraction(1), model.bias_decay) if model.has_bias else Fraction(1)},
        "a simplex ETF in every phase": {"always": True},
        "b = 1/K": {"bias": lambda model, z: ones(model.K, 1) / model.K},
        "NC3 without n": {"n": 1},
    },
)
def phases(
    model: Model,
    factor: Fraction = Fraction(1),
    weight: Callable[[Model], Fraction] = weight,
    always: bool = False,
    bias: Callable[[Model, Expression], Expression] = bias,
    n: int | None = None,
) -> GlobalMinimum:
    """W Wᵀ and H̄ᵀH̄ are proportional to z_0 S + z_1 J/K: zero for g ≥ 1, a simplex ETF for w ≤ g < 1, neither below w.

    W H̄ = z_0 S + z_1 J/K with z_0 = (1 − g)_+, z_1 = (1 − g/w)_+; b = (1 − z_1)/(K (1 + λ_b)) 1. An orthogonal frame
    without a bias, a simplex ETF whenever the bias is free.
    """
    w = weight(model)
    z_0, z_1 = outputs(model, w)
    W, H, K = model.weights[0], model.mean_features, model.K
    u = sqrt(model.class_sizes[0] * model.feature_decay / model.weight_decays[0])
    Z = z_0 * simplex_etf(K) + (0 if always else z_1) * ones(K, K) / K
    clauses: tuple[Clause, ...] = (
        collapse(model),
        clause("NC2", equal(W @ W.T, u * Z), equal(u * (H.T @ H), Z)),
        duality(model, n),
        clause("logits", equal(W @ H, Z)),
    )
    if model.has_bias:
        clauses = (*clauses, clause("bias", equal(model.bias_vector, bias(model, z_1))))
    return GlobalMinimum(model, factor * value(model, w), (point(model, w),), clauses, unique=True)


@theorem(
    "zhou2022mse-landscape",
    source=source("theorem on the landscape"),
    expected=LANDSCAPE_EXPECTED,
    hypotheses=SETTING | {"d ≥ K": lambda model: model.widths[0] >= model.K},
    model=landscape_models({}, {"bias": "last-layer", "bias_decay": Fraction(9)}),
    witness={"model": STEEP},
    configurations=(
        {"model": STEEP.with_(bias="none", bias_decay=0)},
        {"model": STEEP.with_(bias_decay=0, widths=(3,))},
    ),
    wrong=LANDSCAPE_WRONG | {"d = K − 1": {"narrow": True}},
)
def landscape(model: Model, narrow: bool = False, **changes: Any) -> CriticalPoints:
    """Every critical point is a global minimiser or a strict saddle: ‖G‖ > √(λ_W λ_H), with G = (Y − W H − b 1ᵀ)/N.

    The least eigenvalue of the Hessian is at most that of [[λ_W, −‖G‖], [−‖G‖, λ_H]]. The paper asks for d > K;
    d = K is enough, d = K − 1 is not without a bias.
    """
    w, at = weight(model), model.with_(widths=(model.K - 1,)) if narrow else model
    return model_landscape(at, value(model, w), point(at, w), **changes)
