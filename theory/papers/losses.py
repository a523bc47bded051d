"""Zhou et al. 2022, Are All Losses Created Equal: cross-entropy, label smoothing and the focal loss, balanced.

Letters: outputs z of a sample of class k, t = Σ_{j≠k} (z_j − z_k); φ the least loss at a given t; α of label smoothing
(targets (1 − α) e_k + α/K 1), γ of the focal loss; c = √(n λ_W λ_H), S = I − 11ᵀ/K, ξ the softmax at the label.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from theory.claims import CriticalPoints, GlobalMinimum, Identity, Inequality, at_most, clause, equal, less
from theory.closed_form.softmax import simplex_point, simplex_value, strength
from theory.frames import simplex_etf
from theory.losses import average
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
    relu,
    sqrt,
    trace,
    variable,
)
from theory.papers.dang2023.letters import OFF
from theory.papers.ufm import LANDSCAPE_EXPECTED, LANDSCAPE_WRONG, landscape_models, model_landscape
from theory.papers.zhu2021 import bias_clauses, collapse, duality, frame
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source("Zhou et al. 2022, Are All Losses Created Equal", "arXiv 2210.02192", locator, provenance)


OMITTED = {
    "losses-fl-local": "the landscape of the focal loss where ξ is large enough for it to be convex: the text at hand "
    "says neither how large nor in which neighbourhood",
    "losses-fl-nc": "that every global minimiser with the focal loss is NC: losses-reduction gives the value only, and "
    "no engine derives the minimisers of a loss that is not convex",
    "losses-contrastive-only-if": "that only equal wrong outputs reach φ(t): losses-contrastive is an inequality with "
    "its points of equality, and says nothing of others",
}
"""Statements of the paper that are not made here, with the reason."""

ALPHAS = (Fraction(0), Fraction(1, 20), Fraction(1, 10), Fraction(1, 2))
GAMMAS = (Fraction(0), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(3))
PARAMETERS = {"label-smoothing": "alpha", "focal": "gamma"}
"""What a loss is known by; zero is cross-entropy."""

SHAPES: tuple[dict[str, Any], ...] = (
    {"loss": "ce"},
    *({"loss": "label-smoothing", "alpha": alpha} for alpha in ALPHAS),
    *({"loss": "focal", "gamma": gamma} for gamma in GAMMAS),
)


def phi(model: Model, t: Any, wrong: int | None = None, smoothing: int = 1) -> Expression:
    """φ(t): log(1 + (K−1) e^{t/(K−1)}) − α/K t, or −(1 − ξ)^γ log ξ with ξ = 1/(1 + (K−1) e^{t/(K−1)})."""
    count = model.K - 1 if wrong is None else wrong
    loss = log(1 + count * exp(t / count))
    if model.loss == "focal":
        return (1 - exp(-loss)) ** model.gamma * loss
    return loss - smoothing * model.alpha / model.K * t


def contrast(z: Expression, k: int, i: int) -> Expression:
    """t = Σ_{j≠k} (z_j − z_k) of column i, a sample of class k."""
    K = z.shape[0]
    return (ones(1, K) @ z)[0, i] - K * z[k, i]


@theorem(
    "losses-contrastive",
    source=source("contrastive property"),
    expected=Expected("holds", "proved"),
    hypotheses={"K ≥ 2, not squared error": lambda classes, loss, parameter: classes >= 2 and loss in PARAMETERS},
    classes=st.integers(2, 3),
    loss=st.sampled_from(("label-smoothing", "focal")),
    parameter=st.sampled_from((Fraction(0), Fraction(1, 10), Fraction(1, 2))),
    witness={"classes": 4, "loss": "label-smoothing", "parameter": Fraction(1, 10)},
    configurations=({"classes": 3, "loss": "focal", "parameter": Fraction(2)},),
    wrong={
        "K in place of K − 1": {"extra": 1},
        "α/K t forgotten": {"smoothing": 0},
        "off by 1e-6": {"factor": OFF},
    },
)
def contrastive(
    classes: int,
    loss: str,
    parameter: Fraction,
    extra: int = 0,
    smoothing: int = 1,
    factor: Fraction = Fraction(1),
) -> Inequality:
    """Each of these losses is at least φ(Σ_{j≠k} (z_j − z_k)), with equality where the wrong outputs are equal."""
    model = Model(class_sizes=(1,) * classes, decays=1, loss=loss).with_(**{PARAMETERS[loss]: parameter})
    z, label = variable("z", (classes, 1)), identity(classes)[range(classes), (0,)]
    sample = model.N * average(model, z, label, (1,))
    left = factor * phi(model, contrast(z, 0, 0), classes - 1 + extra, smoothing)
    return Inequality(left, sample, {"z": z}, ({"z": log(3) * label},))


@theorem(
    "losses-reduction",
    source=source("global optimality, reduction to a scalar problem"),
    expected=Expected("holds", "proved"),
    hypotheses={
        "balanced, d ≥ K − 1": lambda model: model.balanced and model.widths[0] >= model.K - 1,
        "one layer, a contrastive loss, no bias": lambda model: (
            model.M == 1 and model.loss != "mse" and model.sign == "free" and not model.has_bias
        ),
    },
    model=st.sampled_from(SHAPES).flatmap(
        lambda shape: one_layer(
            sizes=balanced_sizes(st.integers(2, 3), st.integers(1, 2)), ratios=BELOW[2:] + ABOVE[:2], **shape
        )
    ),
    witness={"model": Model(class_sizes=(2, 2), decays="1/10", loss="focal", gamma=Fraction(2))},
    wrong={"c without n": {"n": 4}, "off by 1e-6": {"factor": OFF}},
)
def reduction(model: Model, n: int = 1, factor: Fraction = Fraction(1)) -> Inequality:
    """The objective is at least the average over samples of φ(t_i) + c |t_i|, so its minimum is min_t φ(t) + c |t|.

    With equality at every simplex ETF W H̄ = s S, s ≥ 0, with balanced factors. The loss need not be convex. With a bias
    the bound by samples fails, since the bias costs nothing; that of the average over all samples does not contain it.
    """
    outputs = model.product @ model.features
    labels = [k for k, size in enumerate(model.class_sizes) for _ in range(size)]
    terms = [contrast(outputs, k, i) for i, k in enumerate(labels)]
    least = reduce(lambda a, b: a + b, (phi(model, t) for t in terms))
    T = diagonal(terms)
    bound = (least + sqrt(n) * strength(model) * trace(relu(T) + relu(-T))) / model.N
    tight = simplex_point(model, log(3))
    return Inequality(factor * bound, model.objective, model.variables, (tight,))


# ------------------------------------------------------------------------------------------------------------- scale


def scale(model: Model, smoothing: int, critical: Fraction) -> Expression:
    """s = log(1/(c + α/K) − (K − 1)) for c below ``critical``, else 0."""
    c = strength(model)
    if compare(c, critical) >= 0:
        return constant(0)
    return log(1 / (c + smoothing * model.alpha / model.K) - (model.K - 1))


SMOOTHED = st.sampled_from(ALPHAS).flatmap(
    lambda alpha: one_layer(
        sizes=balanced_sizes(st.integers(2, 3), st.sampled_from((1, 2, 3))),
        ratios=BELOW + AT + ABOVE[:2],
        factor=lambda K: (1 - alpha) ** 2,
        spare=(-1, 0, 1),
        loss="label-smoothing",
        alpha=alpha,
        bias=st.sampled_from(("none", "last-layer")),
        bias_decay=st.sampled_from((Fraction(0), Fraction(1, 10))),
    )
)
WITNESS = Model(
    class_sizes=(2, 2, 2),
    weight_decays=(Fraction(1, 30),),
    feature_decay=Fraction(1, 40),
    loss="label-smoothing",
    alpha=Fraction(1, 10),
)


@theorem(
    "losses-scale",
    source=source("global optimality, scale"),
    expected=Expected("holds", "proved"),
    hypotheses={
        "balanced, K ≥ 2, d ≥ K − 1": lambda model: model.balanced and model.widths[0] >= model.K - 1 >= 1,
        "one layer, cross-entropy or label smoothing": lambda model: (
            model.M == 1 and model.loss in ("ce", "label-smoothing") and model.sign == "free"
        ),
    },
    model=SMOOTHED,
    witness={"model": WITNESS},
    configurations=(
        {
            "model": WITNESS.with_(
                class_sizes=(1, 1, 1), weight_decays=(Fraction(3, 10),), feature_decay=Fraction(3, 10)
            )
        },
        {"model": WITNESS.with_(loss="ce", alpha=0)},
    ),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "the scale of cross-entropy": {"smoothing": 0},
        "trivial for c ≥ (1 − α)/(K + 1)": {"critical": lambda K, alpha: (1 - alpha) / (K + 1)},
        "NC3 without n": {"n": 1},
    },
)
def smoothed_scale(
    model: Model,
    factor: Fraction = Fraction(1),
    smoothing: int = 1,
    critical: Callable[[int, Fraction], Fraction] = lambda K, alpha: (1 - alpha) / K,
    n: int | None = None,
) -> GlobalMinimum:
    """Label smoothing collapses to a simplex ETF W H̄ = s S with s = log(1/(c + α/K) − (K − 1)) for c < (1 − α)/K.

    The value is φ(t) + c |t| at t = −(K − 1) s; all of it is zero for c ≥ (1 − α)/K. α = 0 is cross-entropy.
    """
    K, s = model.K, scale(model, smoothing, critical(model.K, model.alpha))
    clauses = (
        collapse(model),
        frame(model, simplex_etf(K)),
        duality(model, n),
        clause("logits", equal(model.product @ model.mean_features, s * simplex_etf(K))),
        *bias_clauses(model),
    )
    value = phi(model, -(K - 1) * s) + strength(model) * (K - 1) * s
    return GlobalMinimum(model, factor * value, (simplex_point(model, s),), clauses, unique=True)


# --------------------------------------------------------------------------------------------------------- landscape

STEEP = WITNESS.with_(weight_decays=(Fraction(2, 5),), feature_decay=Fraction(1, 25), widths=(4,))
"""λ_W is ten times λ_H, and c is about 0.6 of the largest with collapse."""


@theorem(
    "losses-ls-landscape",
    source=source("theorem on the landscape, label smoothing"),
    expected=LANDSCAPE_EXPECTED,
    hypotheses={
        "balanced, d ≥ K ≥ 2": lambda model: model.balanced and model.widths[0] >= model.K >= 2,
        "one layer, label smoothing": lambda model: (
            model.M == 1 and model.loss == "label-smoothing" and model.sign == "free"
        ),
    },
    model=landscape_models(
        {"loss": "label-smoothing", "alpha": Fraction(1, 10)},
        {"loss": "label-smoothing", "alpha": Fraction(1, 2), "bias": "last-layer"},
    ),
    witness={"model": STEEP},
    configurations=({"model": STEEP.with_(bias="last-layer", widths=(3,))},),
    wrong=LANDSCAPE_WRONG,
)
def smoothed_landscape(model: Model, **changes: Any) -> CriticalPoints:
    """With label smoothing every critical point is a global minimiser or a strict saddle, ‖G‖ > √(λ_W λ_H).

    G is the smoothed labels minus the softmax, over N; the least eigenvalue of the Hessian is at most that of
    [[λ_W, −‖G‖], [−‖G‖, λ_H]]. The paper asks for d > K; d = K is enough.
    """
    return model_landscape(model, simplex_value(model), simplex_point(model), **changes)


# ------------------------------------------------------------------------------------------------------- focal loss

PRINTED = {1: Fraction("3.8237"), 2: Fraction("3.0091"), 3: Fraction("2.5202")}
"""s for γ = 1, 2, 3 at K = 5, n = 10, λ_W = λ_H = 1/1000, to four digits."""

CORRECTED = {**PRINTED, 3: Fraction("2.5201")}
"""The same with the last digit for γ = 3 put right: s = 2.520149."""

HALF_A_DIGIT = Fraction(1, 20000)


def slope(s: Expression, classes: int, c: Expression, gamma: int, order: int) -> Expression:
    """d/ds of φ(−(K−1)s) + c (K−1) s: (1 − ξ)^γ (γ ξ log ξ − (1 − ξ)) + c (K−1); wrongly, with γ + ``order``."""
    xi = 1 / (1 + (classes - 1) * exp(-s))
    return (1 - xi) ** (gamma + order) * (gamma * xi * log(xi) - (1 - xi)) + c * (classes - 1)


def changes_sign(s: Fraction, gamma: int, width: Fraction, order: int) -> Identity:
    """The derivative of φ(−(K − 1) s) + c (K − 1) s changes its sign from − to + within a distance."""
    c = sqrt(10) / 1000
    ends = [slope(constant(s + side * width), 5, c, gamma, order) for side in (-1, 1)]
    return Identity((clause("falls before", less(ends[0], 0)), clause("rises behind", less(0, ends[1]))))


@theorem(
    "losses-focal-scale",
    source=source("scale of the focal loss, numbers"),
    expected=Expected(
        "refuted",
        "certified",
        "a constant: the last digit for γ = 3, s = 2.520149, at the one K = 5, n = 10 and λ = 1/1000 of the text",
    ),
    hypotheses={"γ = 3": lambda gamma, width: gamma == 3 and 0 < width <= HALF_A_DIGIT},
    gamma=st.just(3),
    width=st.sampled_from([HALF_A_DIGIT / k for k in range(1, 8)]),
    witness={"gamma": 3, "width": HALF_A_DIGIT},
    wrong={"off by 2e-3": {"shift": Fraction(1, 500)}},
)
def focal_scale(gamma: int, width: Fraction, shift: Fraction = Fraction(0)) -> Identity:
    """The focal loss has the scale s = 2.5202 for γ = 3 (K = 5, n = 10, λ = 1/1000): false in its last digit."""
    return changes_sign(PRINTED[gamma] + shift, gamma, width, 0)


@theorem(
    "losses-focal-scale-corrected",
    source=source("scale of the focal loss, numbers"),
    hypotheses={"γ = 1, 2, 3": lambda gamma, width: gamma in CORRECTED and HALF_A_DIGIT <= width <= Fraction(1, 1000)},
    gamma=st.sampled_from(tuple(CORRECTED)),
    width=st.sampled_from((HALF_A_DIGIT, 2 * HALF_A_DIGIT, Fraction(1, 1000))),
    witness={"gamma": 2, "width": HALF_A_DIGIT},
    configurations=({"gamma": 3, "width": HALF_A_DIGIT},),
    wrong={"off by 2e-3": {"shift": Fraction(1, 500)}, "exponent γ − 1": {"order": -1}},
)
def focal_scale_corrected(gamma: int, width: Fraction, shift: Fraction = Fraction(0), order: int = 0) -> Identity:
    """The focal loss has its own scale: s = 3.8237, 3.0091, 2.5201 for γ = 1, 2, 3 (K = 5, n = 10, λ = 1/1000).

    s minimises φ(−(K − 1) s) + c (K − 1) s, whose derivative changes its sign from − to + within half a unit of the
    last digit. All directions are those of cross-entropy; only the scale differs.
    """
    return changes_sign(CORRECTED[gamma] + shift, gamma, width, order)


# -------------------------------------------------------------------------------------- uniqueness of the least scale


def focal(classes: int, gamma: Fraction) -> Model:
    """One sample of each class with the focal loss."""
    return Model(class_sizes=(1,) * classes, decays=1, loss="focal", gamma=gamma)


def along(model: Model, s: Fraction) -> Expression:
    """φ(−(K − 1) s)."""
    return phi(model, constant(-(model.K - 1) * s))


MOST_CLASSES = {Fraction(1, 2): 56, Fraction(1): 23, Fraction(2): 17, Fraction(3): 17}
"""The largest K with (2γ + 1)(K − 1) ≥ γ (K − 1 − γ) log K, where φ is convex at t = 0; for γ = 0 there is none."""


@theorem(
    "losses-focal-unique",
    source=source("contrastive property, uniqueness"),
    expected=Expected(
        "refuted",
        "certified",
        "for the focal loss from K = 24 on with γ = 1, from K = 18 on with γ = 2 and 3; for fewer classes it holds "
        "(losses-focal-unique-few)",
    ),
    hypotheses={
        "γ = 1, 2, 3": lambda classes, gamma, s: gamma in GAMMAS[2:],
        "K ≥ 24, or 18 for γ = 2, 3": lambda classes, gamma, s: classes > MOST_CLASSES[gamma],
        "0 < s ≤ 1/20": lambda classes, gamma, s: 0 < s <= Fraction(1, 20),
    },
    classes=st.sampled_from((24, 30, 100)),
    gamma=st.sampled_from(GAMMAS[2:]),
    s=st.sampled_from((Fraction(1, 20), Fraction(1, 100))),
    witness={"classes": 18, "gamma": Fraction(3), "s": Fraction(1, 20)},
    configurations=(
        {"classes": 18, "gamma": Fraction(2), "s": Fraction(1, 20)},
        {"classes": 24, "gamma": Fraction(1), "s": Fraction(1, 20)},
    ),
    wrong={"tangent by 1e-6 flatter": {"factor": 1 / OFF}},
)
def focal_unique(classes: int, gamma: Fraction, s: Fraction, factor: Fraction = Fraction(1)) -> Identity:
    """For every c > 0 the minimiser of φ(t) + c |t| is unique. False for the focal loss with many classes.

    If it were, φ would be above its tangent at zero for t < 0. For let c* be the largest slope (φ(0) − φ(t))/|t|: it is
    reached at some t < 0 if any exceeds φ'(0), as φ ≥ 0, and then 0 and t both minimise φ(t) + c* |t|.
    """
    model = focal(classes, gamma)
    steepness = slope(constant(0), classes, constant(0), int(gamma), 0)
    return Identity(
        (clause("above the tangent", at_most(along(model, Fraction(0)) + factor * s * steepness, along(model, s))),)
    )


@theorem(
    "losses-focal-unique-few",
    source=source("contrastive property, uniqueness; corrected"),
    hypotheses={
        "γ = 0, or K at most 56, 23, 17, 17 for γ = ½, 1, 2, 3": lambda classes, gamma, **_: (
            classes <= MOST_CLASSES.get(gamma, classes)
        ),
        "0 ≤ s < s'": lambda s, step, **_: s >= 0 and step > 0,
    },
    classes=st.integers(2, 17),
    gamma=st.sampled_from(GAMMAS),
    s=st.sampled_from([Fraction(x) for x in ("0", "1/10", "1", "4")]),
    step=st.sampled_from((Fraction(1, 50), Fraction(1), Fraction(5))),
    witness={"classes": 17, "gamma": Fraction(3), "s": Fraction(0), "step": Fraction(1, 50)},
    configurations=(
        {"classes": 23, "gamma": Fraction(1), "s": Fraction(0), "step": Fraction(1, 100)},
        {"classes": 17, "gamma": Fraction(2), "s": Fraction(0), "step": Fraction(1, 50)},
    ),
    wrong={"one class more": {"more": 1}, "concave": {"swap": True}},
)
def focal_unique_few(
    classes: int, gamma: Fraction, s: Fraction, step: Fraction, more: int = 0, swap: bool = False
) -> Identity:
    """φ is strictly convex for t < 0, so that φ(t) + c |t| has one minimiser, if φ is at t = 0: K ≤ 23, 17, 17.

    For γ = 1, 2, 3: that is (2γ + 1)(K − 1) ≥ γ (K − 1 − γ) log K. The second derivative in s is ξ (1 − ξ)^γ q, with
    q = (2γ + 1)(1 − ξ) − γ (1 − (1 + γ) ξ) log(1/ξ). From ξ = 1/(1 + γ) on q > 0; below, log(1/ξ) falls and the
    quotient of the other factors rises with ξ, so that q > 0 for all ξ > 1/K if q ≥ 0 at 1/K. Cross-entropy is γ = 0,
    and label smoothing adds a linear term. φ itself is checked at midpoints.
    """
    model = focal(classes + more, gamma)
    twice, ends = 2 * along(model, s + step / 2), along(model, s) + along(model, s + step)
    K = model.K
    return Identity(
        (
            clause("convex at zero", at_most(gamma * (K - 1 - gamma) * log(K), (2 * gamma + 1) * (K - 1))),
            clause("convex", less(*((ends, twice) if swap else (twice, ends)))),
        )
    )
