"""Zhu et al. 2021, A Geometric Analysis of Neural Collapse with Unconstrained Features: cross-entropy, balanced.

Letters: K classes of n samples, N = n K; W ∈ R^{K×d}, H ∈ R^{d×N}, bias b with the decay λ_b ≥ 0; S = I − 11ᵀ/K;
c = √(n λ_W λ_H). The objective is the average cross-entropy plus λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖².

The theorem on the landscape is one about critical points; its argument for any convex loss is in ``ufm``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, CriticalPoints, GlobalMinimum, Identity, clause, equal
from theory.closed_form.softmax import simplex_point, simplex_value, strength
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    compare,
    constant,
    exp,
    identity,
    log,
    ones,
    repeat_columns,
    sqrt,
    substitute,
    sum_squares,
    zeros,
)
from theory.papers.dang2023.letters import OFF
from theory.papers.softmaxcode import polygon
from theory.papers.ufm import LANDSCAPE_EXPECTED, LANDSCAPE_WRONG, landscape_models, model_landscape
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Zhu et al. 2021, A Geometric Analysis of Neural Collapse with Unconstrained Features",
        "arXiv 2105.02375",
        locator,
        provenance,
    )


RATIOS = BELOW + AT + ABOVE[:2]
SIZES = balanced_sizes(st.integers(2, 3), st.sampled_from((1, 2, 3)))
MODELS = one_layer(
    sizes=SIZES,
    ratios=RATIOS,
    spare=(-1, 0, 1),
    loss="ce",
    bias=st.sampled_from(("none", "last-layer")),
    bias_decay=st.sampled_from((Fraction(0), Fraction(1, 10), Fraction(3))),
)
SETTING = {
    "balanced, K ≥ 2": lambda model, **_: model.balanced and model.K >= 2,
    "cross-entropy, one layer": lambda model, **_: model.loss == "ce" and model.M == 1 and model.sign == "free",
    "d ≥ K − 1": lambda model, **_: model.widths[0] >= model.K - 1,
}
WITNESS = Model(
    class_sizes=(2, 2, 2),
    weight_decays=(Fraction(1, 30),),
    feature_decay=Fraction(1, 10),
    widths=(2,),
    loss="ce",
    bias="last-layer",
)
STEEP = Model(
    class_sizes=(2, 2, 2), weight_decays=(Fraction(2, 5),), feature_decay=Fraction(1, 25), widths=(4,), loss="ce"
)
"""A tenth of λ_W is λ_H, and c is a little more than half of 1/K."""


def collapse(model: Model) -> Clause:
    """NC1: the features of a class are equal."""
    return clause("NC1", equal(model.features, repeat_columns(model.mean_features, model.class_sizes)))


def duality(model: Model, n: int | None = None) -> Clause:
    """NC3: h_k = √(λ_W/(n λ_H)) w_k."""
    ratio = model.weight_decays[0] / (model.feature_decay * (model.class_sizes[0] if n is None else n))
    return clause("NC3", equal(model.mean_features, sqrt(ratio) * model.weights[0].T))


def frame(model: Model, S: Expression) -> Clause:
    """NC2: W Wᵀ = ‖W‖²/(K − 1) · S."""
    W = model.weights[0]
    return clause("NC2", equal((model.K - 1) * (W @ W.T), sum_squares(W) * S))


def bias_clauses(model: Model, vanishes: bool | None = None) -> tuple[Clause, ...]:
    """b = b* 1, with b* = 0 if λ_b > 0; a free constant shift of the outputs changes nothing."""
    if not model.has_bias:
        return ()
    b, mean = model.bias_vector, ones(model.K, model.K) / model.K
    zero = bool(model.bias_decay) if vanishes is None else vanishes
    return (clause("bias", equal(b, zeros(model.K, 1) if zero else mean @ b)),)


@theorem(
    "zhu2021-ce-etf",
    source=source("theorem on global optimality"),
    expected=Expected("holds", "proved"),
    hypotheses=SETTING,
    model=MODELS,
    witness={"model": WITNESS},
    configurations=({"model": WITNESS.with_(class_sizes=(1, 1, 1, 1), widths=(4,), decays="1/40", bias_decay=1)},),
    wrong={
        "orthogonal frame": {"simplex": False},
        "NC3 without n": {"n": 1},
        "value off by 1e-6": {"factor": OFF},
        "outputs by rank K": {"vanishing": True},
    },
)
def ce_etf(
    model: Model,
    simplex: bool = True,
    n: int | None = None,
    factor: Fraction = Fraction(1),
    vanishing: bool = False,
) -> GlobalMinimum:
    """Every global minimiser is a simplex ETF: NC1, W Wᵀ ∝ I − 11ᵀ/K, h_{k,i} = √(λ_W/(n λ_H)) w_k, b = b* 1.

    b* = 0 if λ_b > 0. For c ≥ 1/K all of it is zero. d ≥ K − 1.
    """
    S = simplex_etf(model.K) if simplex else identity(model.K) * Fraction(model.K - 1, model.K)
    clauses = (collapse(model), frame(model, S), duality(model, n), *bias_clauses(model))
    if vanishing:
        clauses = (*clauses, clause("weights", equal(model.weights[0], zeros(*model.weights[0].shape))))
    return GlobalMinimum(model, factor * simplex_value(model), (simplex_point(model),), clauses, unique=True)


# ------------------------------------------------------------------------------------------------------------- scale


def scale(model: Model, shift: int, n: int, critical: Fraction) -> Expression:
    """s = log(1/c − (K − 1)) for c below ``critical`` and zero from there, with c = √(n λ_W λ_H)."""
    c = sqrt(n * model.Lambda)
    return log(1 / c - (model.K - 1) + shift) if compare(c, critical) < 0 else constant(0)


@theorem(
    "zhu2021-ce-scale",
    source=source("scale, closed form"),
    hypotheses=SETTING,
    model=MODELS,
    witness={"model": WITNESS},
    configurations=tuple(
        {"model": WITNESS.with_(weight_decays=(Fraction(1, 18),), feature_decay=decay)}
        for decay in ("99/100", "1", "101/100")
    ),
    wrong={
        "K in place of K − 1": {"shift": -1},
        "c without n": {"n": 1},
        "value off by 1e-6": {"factor": OFF},
        "K − 1 forgotten in the norms": {"rank": 1},
    },
)
def ce_scale(
    model: Model, shift: int = 0, n: int | None = None, factor: Fraction = Fraction(1), rank: int | None = None
) -> Identity:
    """Z = s S with s = log(1/c − (K − 1)) for c < 1/K, and s = 0, the value log K, for c ≥ 1/K.

    Softmax: c off the label and 1 − (K − 1) c at it. ‖W‖² = (K − 1) s √(n λ_H/λ_W), ‖H̄‖² = (K − 1) s √(λ_W/(n λ_H)).
    The value is log(1 + (K − 1) e^{−s}) + c (K − 1) s, which zhu2021-ce-etf says is the minimum.
    """
    K, size, r = model.K, model.class_sizes[0], model.K - 1 if rank is None else rank
    s, c = scale(model, shift, size if n is None else n, Fraction(1, K)), strength(model)
    at = simplex_point(model, s)
    W, H = (substitute(X, at) for X in (model.weights[0], model.mean_features))
    u = sqrt(size * model.feature_decay / model.weight_decays[0])
    wrong_share = exp(-s) / (1 + (K - 1) * exp(-s))
    active = compare(c, Fraction(1, K)) < 0
    return Identity(
        (
            clause("logits", equal(W @ H, s * simplex_etf(K))),
            clause("softmax", equal(wrong_share, c if active else Fraction(1, K))),
            clause("norms", equal(sum_squares(W), r * s * u), equal(sum_squares(H), r * s / u)),
            clause("value", equal(value_at(model, s), factor * simplex_value(model))),
        )
    )


def value_at(model: Model, s: Expression) -> Expression:
    """log(1 + (K − 1) e^{−s}) + c (K − 1) s."""
    return log(1 + (model.K - 1) * exp(-s)) + strength(model) * (model.K - 1) * s


# --------------------------------------------------------------------------------------------------------- landscape


@theorem(
    "zhu2021-landscape",
    source=source("theorem on the landscape"),
    expected=LANDSCAPE_EXPECTED,
    hypotheses=SETTING | {"d ≥ K": lambda model: model.widths[0] >= model.K},
    model=landscape_models({"loss": "ce"}, {"loss": "ce", "bias": "last-layer", "bias_decay": Fraction(1, 10)}),
    witness={"model": STEEP},
    configurations=(
        {"model": STEEP.with_(class_sizes=(1,) * 4, widths=(5,))},
        {"model": STEEP.with_(bias="last-layer", widths=(3,))},
    ),
    wrong=LANDSCAPE_WRONG,
)
def landscape(model: Model, **changes: Any) -> CriticalPoints:
    """Every critical point is a global minimiser or a strict saddle: ‖G‖ > √(λ_W λ_H), with G = (Y − softmax)/N.

    The least eigenvalue of the Hessian is at most that of [[λ_W, −‖G‖], [−‖G‖, λ_H]]. The paper asks for d > K;
    d = K is enough, since a critical point of rank K has G Gᵀ = λ_W λ_H I.
    """
    return model_landscape(model, simplex_value(model), simplex_point(model), **changes)


@theorem(
    "zhu2021-landscape-narrow",
    source=source("theorem on the landscape, without its width"),
    expected=Expected(
        "refuted",
        "certified",
        "the theorem, which asks for d > K, does not claim it: for five classes and d = 2, at a square with one class "
        "at zero, a critical point above a pentagon, no eigenvalue of the Hessian is at most (m − f)/100",
    ),
    hypotheses={
        "K = 5, d = 2, n = 1": lambda decay, scale: Fraction(1, 11) <= decay <= Fraction(1, 9),
        "a pentagon below the square": lambda decay, scale: Fraction(19, 20) <= scale <= Fraction(11, 10),
    },
    decay=st.sampled_from([Fraction(2, k) for k in (18, 19, 20)]),
    scale=st.sampled_from((Fraction(1), Fraction(11, 10))),
    witness={"decay": Fraction(1, 10), "scale": Fraction(1)},
    wrong={"ten times the curvature": {"factor": 10}},
)
def landscape_narrow(decay: Fraction, scale: Fraction, factor: int = 1) -> CriticalPoints:
    """Five classes, d = 2: critical points above a regular pentagon have an eigenvalue of at most (m − f)/100. False.

    f is the objective there, m that at the pentagon. With W = Hᵀ on a square and one class at zero the Hessian has no
    eigenvalue that low where λ is near 1/10. Whether it is a local minimum is not shown; the theorem has d > K.
    """
    model = Model(class_sizes=(1,) * 5, decays=decay, widths=(2,), loss="ce")
    corners = scale * polygon(5)
    least = substitute(model.objective, {"W_1": corners.T, "H": corners})
    return CriticalPoints(model, (), Fraction(factor, 100) * (least - model.objective))
