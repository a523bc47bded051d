"""Tirer & Bruna 2022, Extended Unconstrained Features Model for Exploring Deep Neural Collapse: squared error.

The paper divides the decays: 1/(2Kn) ‖W H − Y‖² + λ_W/(2K) ‖W‖² + λ_H/(2Kn) ‖H‖², so that λ_W is K times the decay of
the model here and λ_H is Kn times. Letters: c = √(λ_W λ_H), ρ = (1 − c) √(λ_W/λ_H); with M factors (M − 1 weight
matrices and the features) c_M = (∏ λ)^{1/M}, z the output at the label.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from math import comb, prod

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, Point, Relation, at_most, clause, equal
from theory.frames import aligned_factors, coordinate_frame, multiple_of_projection, simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    class_means,
    compare,
    constant,
    identity,
    ones,
    relu,
    repeat_columns,
    smallest_positive_root,
    sqrt,
    trace,
    zeros,
)
from theory.papers.dang2023.frames import general_orthogonal_frame, simplex_frame
from theory.papers.dang2023.letters import LETTERS, OFF
from theory.papers.zhu2021 import collapse
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, decay_product, models, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Tirer & Bruna 2022, Extended Unconstrained Features Model for Exploring Deep Neural Collapse",
        "arXiv 2202.08087",
        locator,
        provenance,
    )


def decays(model: Model) -> tuple[Fraction, ...]:
    """The paper's λ_W … and λ_H."""
    return (*(model.K * decay for decay in model.weight_decays), model.N * model.feature_decay)


SIZES = balanced_sizes(st.integers(2, 3), st.sampled_from((1, 2, 3)))
RATIOS = BELOW + AT + ABOVE[:2]
PLAIN = {
    "balanced, K ≥ 2": lambda model, **_: model.balanced and model.K >= 2,
    "squared error, one layer, free features": lambda model, **_: model.has_modes and model.M == 1,
}
WRONG = {
    "value off by 1e-6": {"factor": OFF},
    "c = √(λ_W λ_H) of the undivided decays": {"undivided": True},
    "ρ with λ_H/λ_W": {"inverted": True},
}


def scale(model: Model, undivided: bool) -> tuple[Expression, Expression]:
    """c and (1 − c)_+."""
    first, second = (model.weight_decays[0], model.feature_decay) if undivided else decays(model)
    c = sqrt(first * second)
    return c, 1 - c if compare(c, 1) < 0 else constant(0)


def geometry(model: Model, S: Expression, rest: Expression, inverted: bool) -> tuple[Clause, ...]:
    """H̄ᵀH̄ = ρ S, w_k = √(λ_H/λ_W) h_k."""
    first, second = decays(model)
    ratio, H = sqrt(second / first if inverted else first / second), model.mean_features
    return (
        collapse(model),
        clause("features", equal(H.T @ H, rest * ratio * S)),
        clause("alignment", equal(model.weights[0], H.T / ratio)),
        clause("outputs", equal(model.weights[0] @ H, rest * S)),
    )


@theorem(
    "tirer2022-thm3-1",
    source=source("Theorem 3.1", "Q"),
    hypotheses=PLAIN | {"d ≥ K, no bias": lambda model: model.widths[0] >= model.K and not model.has_bias},
    model=one_layer(sizes=SIZES, ratios=RATIOS, loss="mse"),
    witness={"model": Model(class_sizes=(2, 2, 2), weight_decays=(Fraction(1, 30),), feature_decay=Fraction(1, 40))},
    configurations=tuple(
        {"model": Model(class_sizes=(1, 1, 1), weight_decays=(Fraction(1, 27),), feature_decay=decay)}
        for decay in (Fraction(299, 100), Fraction(3), Fraction(301, 100))
    ),
    wrong=WRONG | {"simplex ETF": {"simplex": True}},
)
def theorem_3_1(
    model: Model,
    factor: Fraction = Fraction(1),
    undivided: bool = False,
    inverted: bool = False,
    simplex: bool = False,
) -> GlobalMinimum:
    """Without a bias H̄ᵀH̄ = ρ I and w_k = √(λ_H/λ_W) h_k for c ≤ 1, ρ = (1 − c) √(λ_W/λ_H); zero for c > 1.

    The centred class means are a simplex ETF: (H̄ − h_G 1ᵀ)ᵀ(H̄ − h_G 1ᵀ) = ρ (I − 11ᵀ/K).
    """
    c, rest = scale(model, undivided)
    S = simplex_etf(model.K)
    centred = model.mean_features @ S
    first, second = decays(model)
    frame = geometry(model, S if simplex else identity(model.K), rest, inverted)
    etf = clause("centred", equal(centred.T @ centred, rest * sqrt(first / second) * S))
    value = (1 - rest) ** 2 / 2 + c * rest
    points = general_orthogonal_frame(model, LETTERS).minimisers
    return GlobalMinimum(model, factor * value, points, (*frame, etf), unique=True)


@theorem(
    "tirer2022-thm3-2",
    source=source("Theorem 3.2"),
    hypotheses=PLAIN
    | {"d ≥ K − 1, a bias without decay": lambda model: model.widths[0] >= model.K - 1 and model.has_bias},
    model=one_layer(sizes=SIZES, ratios=RATIOS, spare=(-1, 0, 1), loss="mse", bias="last-layer"),
    witness={
        "model": Model(
            class_sizes=(2, 2, 2),
            weight_decays=(Fraction(1, 30),),
            feature_decay=Fraction(1, 40),
            widths=(2,),
            bias="last-layer",
        )
    },
    configurations=(
        {
            "model": Model(
                class_sizes=(1, 1, 1), weight_decays=(Fraction(1, 27),), feature_decay=Fraction(3), bias="last-layer"
            )
        },
    ),
    wrong=WRONG | {"bias 1/N": {"samples": True}, "orthogonal frame": {"simplex": False}},
)
def theorem_3_2(
    model: Model,
    factor: Fraction = Fraction(1),
    undivided: bool = False,
    inverted: bool = False,
    samples: bool = False,
    simplex: bool = True,
) -> GlobalMinimum:
    """With a free bias: b = 1/K, W and H̄ are a simplex ETF, W H̄ = (1 − c)(I − 11ᵀ/K), with the same threshold."""
    K, (c, rest) = model.K, scale(model, undivided)
    frame = geometry(model, simplex_etf(K) if simplex else identity(K), rest, inverted)
    bias = clause("bias", equal(model.bias_vector, ones(K, 1) / (2 * K if samples else K)))
    value = Fraction(K - 1, K) * ((1 - rest) ** 2 / 2 + c * rest)
    points = simplex_frame(model, LETTERS).minimisers
    return GlobalMinimum(model, factor * value, points, (*frame, bias), unique=True)


# ------------------------------------------------------------------------------------------------ several layers


def critical(factors: int) -> Fraction:
    """c*_M to the power M: ((M−2)/(M−1))^{M−2} / (M−1)^M."""
    return Fraction(max(factors - 2, 1) ** (factors - 2), (factors - 1) ** (2 * factors - 2))


def output(factors: int, product: Fraction) -> Expression:
    """z = 1 − w with the smallest root w of w^M (1 − w)^{M−2} = ∏ λ, which is (1 − z) = c_M z^{(2−M)/M}.

    For even M its square root, w^{M/2} (1 − w)^{(M−2)/2} = √∏λ.
    """
    even = factors % 2 == 0
    low, high = (factors // 2, factors // 2 - 1) if even else (factors, factors - 2)
    coefficients = [constant(0)] * low + [constant((-1) ** k * comb(high, k)) for k in range(high + 1)]
    coefficients[0] = -sqrt(product) if even else constant(-product)
    return 1 - smallest_positive_root(coefficients)


def extended(ratios: tuple[Fraction, ...], depth: st.SearchStrategy[int]) -> st.SearchStrategy[Model]:
    """Balanced models without a bias, widths of at least K, at a ratio to the threshold."""
    return models(sizes=SIZES, depth=depth, ratios=ratios)


def deep(n: int, classes: int, depth: int, ratio: Fraction) -> Model:
    """A model with unequal decays at a ratio to the threshold."""
    weights = tuple(Fraction(i + 2, 10) for i in range(depth))
    feature = decay_product((n,) * classes, depth, n, ratio) / prod(weights)
    return Model(class_sizes=(n,) * classes, depth=depth, weight_decays=weights, feature_decay=feature)


@theorem(
    "tirer2022-thm4-1",
    source=source("Theorem 4.1, any number of layers"),
    hypotheses={
        "balanced, K ≥ 2": lambda model: model.balanced and model.K >= 2,
        "squared error, linear layers, no bias": lambda model: model.has_modes and not model.has_bias,
        "widths ≥ K": lambda model: min(model.widths) >= model.K,
    },
    model=extended(RATIOS, st.sampled_from((1, 2, 2, 3))),
    witness={"model": deep(2, 3, 2, Fraction(1, 3))},
    configurations=tuple(
        {"model": deep(1, 3, depth, ratio)}
        for depth, ratio in ((1, Fraction(1)), (2, Fraction(1)), (2, Fraction(101, 100)), (3, Fraction(1)))
    ),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "threshold without (M − 2)/(M − 1)": {"critical": lambda M: Fraction(1, (M - 1) ** M)},
        "c_M with M − 1 factors": {"skipped": 1},
        "outputs off by 1e-6": {"off": 1 / OFF},
        "no tie at the threshold": {"ties": False},
    },
)
def theorem_4_1(
    model: Model,
    factor: Fraction = Fraction(1),
    critical: Callable[[int], Fraction] = critical,
    skipped: int = 0,
    off: Fraction = Fraction(1),
    ties: bool = True,
) -> GlobalMinimum:
    """Linear layers: W_L ⋯ W_1 H̄ = z I, each layer's class means are orthogonal and aligned with the weights above.

    z is the root of 1 − z = c_M z^{(2−M)/M} in ((M−2)/(M−1), 1); the value is ½(1−z)² + M/2 c_M z^{2/M}, and
    c_M z^{2/M} = z (1 − z). Zero for c_M > c*_M = ((M−2)/(M−1))^{(M−2)/M}/(M−1), a tie at c*_M where M ≥ 3. “Aligned”:
    the product of the weights above a layer is a multiple of the transposed class means there.
    """
    M, product = model.M + 1, prod(decays(model)[skipped:], start=Fraction(1))
    active = product < critical(M) or (product == critical(M) and M > 2)
    tie = ties and product == critical(M) and M > 2
    z = output(M, product) if active else constant(0)
    value = (1 - z) ** 2 / 2 + Fraction(M, 2) * z * (1 - z)
    Z = model.product @ model.mean_features
    reached = [*multiple_of_projection(Z, off * z)] if tie else [equal(Z, off * z * identity(model.K))]
    clauses = (collapse(model), Clause("outputs", tuple(reached)), *layers(model, tie))
    at_threshold = product == critical(M) and M > 2
    ranks = range(model.K + 1) if at_threshold else (model.K * (z is not constant(0)),)
    points = tuple(frame_point(model, z, rank) for rank in ranks)
    return GlobalMinimum(model, factor * value, points, clauses, unique=not tie)


def frame_point(model: Model, z: Expression, rank: int) -> Point:
    """Factors that share z (1 − z)/K equally: λ ‖·‖² is the same for all of them, along ``rank`` coordinates.

    For odd M its root is √∏λ (1 − z)^{(1−M)/2} z^{(3−M)/2}, by the equation for z.
    """
    M, n, frame = model.M + 1, model.class_sizes[0], coordinate_frame(model.K, rank)
    if not rank:
        share = constant(0)
    elif M % 2:
        share = sqrt(prod(decays(model))) / ((1 - z) ** ((M - 1) // 2) * z ** ((M - 3) // 2))
    else:
        share = sqrt(z * (1 - z))
    weight, length = (share * sqrt(Fraction(1, model.K) / x) for x in (model.weight_decays[0], n * model.feature_decay))
    return aligned_factors(model, frame, [weight] * rank, [length] * rank)


def layers(model: Model, tie: bool) -> tuple[Clause, Clause]:
    """Orthogonal class means in all layers, and weights above them along the same directions."""
    K, means, above = model.K, model.mean_features, model.product
    frames: list[Relation] = []
    aligned: list[Relation] = []
    for m in range(model.M):
        G, P = means.T @ means, above @ above.T
        if tie:
            frames.append(equal(G @ P, P @ G))
        else:
            frames.append(equal(K * G, trace(G) * identity(K)))
        aligned.append(equal(trace(G) * above, trace(above @ means) * means.T))
        means = model.weights[m] @ means
        above = reduce(lambda upper, lower: upper @ lower, reversed(model.weights[m + 1 :]), identity(K))
    return Clause("orthogonal", tuple(frames)), Clause("alignment", tuple(aligned))


# ------------------------------------------------------------------------------------------------------------- ReLU


RELU = {
    "balanced": lambda model: model.balanced,
    "two layers with a ReLU, no bias": lambda model: (
        model.M == 2 and model.activation == "relu" and not model.has_bias and model.loss == "mse"
    ),
    "widths ≥ K": lambda model: min(model.widths) >= model.K,
}


def relu_models(
    classes: tuple[int, ...], ratios: tuple[Fraction, ...], n: tuple[int, ...] = (1, 2)
) -> st.SearchStrategy[Model]:
    """Two layers with a ReLU between them."""
    sizes = balanced_sizes(st.sampled_from(classes), st.sampled_from(n))
    return models(sizes=sizes, depth=st.just(2), ratios=ratios).map(lambda m: m.with_(activation="relu"))


@theorem(
    "tirer2022-thm4-2",
    source=source("Theorem 4.2"),
    expected=Expected("holds", "numerical", "no engine derives the minimum of a model with ReLU layers"),
    hypotheses=RELU | {"K = 2, below the threshold": lambda model: model.K == 2 and below(model)},
    model=relu_models((2,), BELOW[1:4]),
    witness={"model": deep(2, 2, 2, Fraction(1, 3)).with_(activation="relu")},
    configurations=({"model": deep(1, 2, 2, Fraction(999, 1000)).with_(activation="relu")},),
    wrong={"value off by 1e-6": {"factor": OFF}, "simplex ETF": {"simplex": True}},
)
def theorem_4_2(model: Model, factor: Fraction = Fraction(1), simplex: bool = False) -> GlobalMinimum:
    """With a ReLU the minimum is that of linear layers, and σ(W_1 H) collapses to a non-negative orthogonal frame.

    The theorem assumes ‖σ(Z)‖_* ≤ ‖Z‖_* for Z = W_1 H at the minimiser: a theorem for two classes, of which the
    statement therefore speaks (sukenik2023-nuclear-lemma). For three, nothing below collapse was found.
    """
    return collapsed(model, factor, simplex)


def below(model: Model) -> bool:
    """Whether c_M is below c*_M."""
    return prod(decays(model)) < critical(model.M + 1)


def collapsed(model: Model, factor: Fraction, simplex: bool) -> GlobalMinimum:
    """Collapse as the minimum of a ReLU model below the threshold."""
    K, hidden = model.K, relu(model.weights[0] @ model.features)
    means = class_means(hidden, model.class_sizes)
    G, S = means.T @ means, simplex_etf(K) if simplex else identity(K)
    clauses = (
        clause("NC1 hidden", equal(hidden, repeat_columns(means, model.class_sizes))),
        clause("hidden", equal(trace(S) * G, trace(G) * S), at_most(zeros(*means.shape), means)),
    )
    linear = general_orthogonal_frame(model.with_(activation="linear"), LETTERS)
    return GlobalMinimum(model, factor * linear.value, linear.minimisers, clauses)


@theorem(
    "tirer2022-thm4-2-unassumed",
    source=source("Theorem 4.2 without its assumption"),
    expected=Expected(
        "refuted",
        "certified",
        "without the assumption, which the printed text has. The idea itself fails: near the threshold solutions of "
        "low rank lie below collapse, for K = 5 at .9967 of the largest λ for which collapse is not zero "
        "(docs/border.md), for K = 4 between about .9964 and 1 of it",
    ),
    hypotheses=RELU | {"K ≥ 4, below the threshold": lambda model: model.K >= 4 and below(model)},
    model=relu_models((5,), (Fraction(99, 100),), (1,)).map(lambda m: m.with_(widths=10)),
    witness={"model": deep(1, 5, 2, Fraction(99, 100)).with_(activation="relu", widths=10)},
    wrong={"half of it": {"factor": Fraction(1, 2)}},
)
def theorem_4_2_unassumed(model: Model, factor: Fraction = Fraction(1)) -> GlobalMinimum:
    """Theorem 4.2 for all K and decays below the threshold, without the assumption on the nuclear norm: false.

    Four classes are the fewest for which a lower point was found, at widths 4 and (all decays equal, n = 1) between
    about 0.9964 and 1 of the largest λ for which collapse is not zero; from five on at widths 2K.
    """
    claim = collapsed(model, factor, False)
    return GlobalMinimum(model, claim.value, claim.minimisers)
