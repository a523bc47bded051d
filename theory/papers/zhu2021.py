"""Zhu et al. 2021, A Geometric Analysis of Neural Collapse with Unconstrained Features: cross-entropy, balanced.

Letters: K classes of n samples, N = n K; W ∈ R^{K×d}, H ∈ R^{d×N}, bias b with the decay λ_b ≥ 0; S = I − 11ᵀ/K;
c = √(n λ_W λ_H). The objective is the average cross-entropy plus λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖².

Of the theorem on the landscape only the direction of negative curvature is stated, at critical points that are known.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, Identity, Inequality, Point, clause, equal
from theory.closed_form.softmax import simplex_point, simplex_value, strength
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    compare,
    constant,
    diagonal,
    exp,
    identity,
    log,
    ones,
    repeat_columns,
    sqrt,
    substitute,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.dang2023.letters import OFF
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


def escape(model: Model, at: Point, vector: Expression, quartic: Fraction, factor: Fraction) -> Inequality:
    """f(W + t β u aᵀ, H + t/β a vᵀ) ≤ f(W, H) − (‖G‖ − √(λ_W λ_H)) t² + quartic · t⁴ for all t.

    At a critical point with a in the null space of W, u = v (by class) a unit vector on which G is √n/N, which is its
    norm there; β = (λ_H/λ_W)^{1/4}. The spare direction a is the last feature.
    """
    d, n, t = model.widths[0], model.class_sizes[0], variable("t")
    beta = constant(model.feature_decay / model.weight_decays[0]) ** Fraction(1, 4)
    a = identity(d)[range(d), (d - 1,)]
    moved = {
        "W_1": at["W_1"] + (t * beta) * (vector @ a.T),
        "H": at["H"] + (t / (beta * sqrt(n))) * (a @ repeat_columns(vector.T, model.class_sizes)),
    }
    slack = factor * (sqrt(n) / model.N - sqrt(model.Lambda)) * t**2
    start = substitute(model.objective, at)
    return Inequality(substitute(model.objective, moved), start - slack + quartic * t**4, {"t": t})


def pairs(model: Model) -> Point:
    """A critical point of four classes: two pairs of equal class means, Z = 2x ggᵀ, g = (1, 1, −1, −1)/2."""
    K, n, d = model.K, model.class_sizes[0], model.widths[0]
    x = log(2 / (K * strength(model)) - 1)
    g = diagonal([1, 1, -1, -1]) @ ones(4, 1) / 2
    u, first = sqrt(n * model.feature_decay / model.weight_decays[0]), identity(d)[range(d), (0,)]
    means = sqrt(2 * x / u) * (first @ g.T)
    return {"W_1": sqrt(2 * x * u) * (g @ first.T), "H": repeat_columns(means, model.class_sizes)}


@theorem(
    "zhu2021-landscape",
    source=source("theorem on the landscape, at two kinds of critical points"),
    expected=Expected(
        "holds", "numerical", "a bound along a curve: drawn points; other critical points are not enumerated"
    ),
    hypotheses=SETTING
    | {
        "d > K, no bias, c < 1/K": lambda model, paired: (
            model.widths[0] > model.K and not model.has_bias and compare(strength(model), Fraction(1, model.K)) < 0
        ),
        "pairs: K = 4": lambda model, paired: model.K == 4 or not paired,
    },
    model=one_layer(
        sizes=balanced_sizes(st.sampled_from((3, 4)), st.integers(1, 2)), ratios=BELOW[1:4], spare=(1,), loss="ce"
    ),
    paired=st.booleans(),
    witness={"model": Model(class_sizes=(1,) * 4, decays="1/10", widths=(5,), loss="ce"), "paired": True},
    wrong={"twice the curvature": {"factor": Fraction(2)}, "quartic term 0": {"quartic": Fraction(0)}},
)
def landscape(
    model: Model, paired: bool, factor: Fraction = Fraction(1), quartic: Fraction = Fraction(1, 4)
) -> Inequality:
    """A critical point that is no global minimum has, with d > K, the negative curvature −2(‖G‖ − √(λ_W λ_H)).

    Along that direction the objective is at most f − (‖G‖ − √(λ_W λ_H)) t² + t⁴/(4N): at zero, and (K = 4)
    where two pairs of classes have collapsed onto each other.
    """
    zero = {name: zeros(*v.shape) for name, v in model.variables.items()}
    vector = sqrt(Fraction(1, 2)) * (diagonal([1, -1], model.K, model.K) @ ones(model.K, 1))
    return escape(model, pairs(model) if paired else zero, vector, quartic / model.N, factor)
