"""Cross-entropy with one layer: the theorem entails what is true of the simplex, and no more; wrong proofs fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from proofs.entailment import NotEntailed
from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Trace, identity, squares, trace
from proofs.lemmas import softmax as lemma
from proofs.lemmas.softmax_setting import (
    SIMPLEX,
    SOFTMAX,
    H,
    K,
    S,
    W,
    Y,
    Z,
    b,
    bias_decay,
    c,
    classes,
    feature_decay,
    g,
    minimum,
    n,
    p,
    r,
    s,
    value,
    weight_decay,
)  # fmt: skip
from proofs.theorem import Section, Theorem
from theory.claims import Clause, GlobalMinimum, Identity, NotGlobalMinimum, at_most, clause, equal, less
from theory.closed_form.softmax import simplex_point, simplex_scale, simplex_value, strength
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    log,
    one_hot,
    ones,
    relu,
    repeat_columns,
    sqrt,
    sum_squares,
    zeros,
)
from theory.ops import (
    identity as eye,
)
from theory.ops import trace as tr

UNSEEN = (K - 2) * (K - 3) * (K - 4)
"""Zero at every number of classes that random instances have."""

SY = S @ Y

PLAIN = Model(class_sizes=(2, 2, 2), decays="1/50", loss="ce")
ZERO_MODEL = Model(class_sizes=(2, 2, 2), decays="1/2", loss="ce")
THRESHOLD = Model(class_sizes=(1, 1), decays="1/2", loss="ce")
SMOOTHED = Model(
    class_sizes=(3, 3, 3), weight_decays=(Fraction(1, 50),), feature_decay=Fraction(1, 70), loss="label-smoothing",
    alpha=Fraction(1, 10), bias="last-layer", widths=(2,),
)  # fmt: skip
DECAYED = replace(SMOOTHED, decays=None, bias_decay=Fraction(1, 9), widths=(5,))
MODELS = (PLAIN, ZERO_MODEL, THRESHOLD, SMOOTHED, DECAYED)


def theorem() -> Theorem:
    return lemma.softmax_theorem("softmax")


# ------------------------------------------------------------ what it entails


def centring(model: Model) -> Expression:
    return eye(model.K) - Fraction(1, model.K) * ones(model.K, model.K)


def gain(model: Model) -> Expression:
    """u with W Wᵀ = s u S."""
    return sqrt(model.class_sizes[0] * model.feature_decay / model.weight_decays[0])


def geometry(model: Model) -> tuple[Clause, ...]:
    """What Zhu et al. say of every minimiser, and more of it."""
    W, means, K, d = model.weights[0], model.mean_features, model.K, model.widths[0]
    scale, u, S, n = simplex_scale(model), gain(model), centring(model), model.class_sizes[0]
    norms = (
        equal(sum_squares(W), (K - 1) * scale * u),
        equal(sum_squares(model.features), n * tr(means.T @ means)),
    )
    bias = () if not model.has_bias else (
        clause("bias", equal(model.bias_vector, Fraction(1, K) * ones(K, K) @ model.bias_vector)),
        clause("all outputs", equal(
            S @ (W @ model.features + model.bias_vector @ ones(1, model.N)), scale * S @ one_hot(model.class_sizes)
        )),
    )  # fmt: skip
    return (
        clause("NC1", equal(model.features, repeat_columns(means, model.class_sizes))),
        clause("NC2", equal(W @ W.T, scale * u * S), equal(means.T @ means, scale / u * S)),
        clause("NC2 by norms", equal(W @ W.T, 1 / constant(K - 1) * sum_squares(W) * S)),
        clause("NC3", equal(means, 1 / u * W.T), equal(u * means.T, W)),
        clause("outputs", equal(W @ means, scale * S), equal((W @ means)[0, 1], -scale / K)),
        clause("centred", equal(W.T @ ones(K, 1), zeros(d, 1)), equal(means @ ones(K, 1), zeros(d, 1))),
        clause("norms", *norms),
        clause("order", at_most(0, tr(W @ W.T))),
        *bias,
    )  # fmt: skip


def claim_of(
    model: Model, *clauses: Clause, value: Expression | None = None, unique: bool | None = True
) -> GlobalMinimum:
    known = simplex_value(model) if value is None else value
    return GlobalMinimum(model, known, (simplex_point(model),), clauses, unique)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_simplex_is_entailed(model: Model) -> None:
    found = theorem().entails(claim_of(model, *geometry(model)), None, {})
    assert not {name: why for name, why in found.items() if why}


FALSE: dict[str, Callable[[Model], Clause]] = {
    "twice the scale": lambda m: clause("x", equal(m.weights[0] @ m.mean_features, 2 * simplex_scale(m) * centring(m))),
    "no centring": lambda m: clause("x", equal(m.weights[0] @ m.weights[0].T, simplex_scale(m) * gain(m) * eye(m.K))),
    "decays exchanged": lambda m: clause("x", equal(m.mean_features, gain(m) * m.weights[0].T)),
    "n forgotten": lambda m: clause("x", equal(
        m.weights[0] @ m.weights[0].T,
        simplex_scale(m) * sqrt(m.feature_decay / m.weight_decays[0]) * centring(m),
    )),
    "the sum over samples for that over classes": lambda m: clause(
        "x", equal(sum_squares(m.features), sum_squares(m.mean_features))
    ),
    "a direction in feature space": lambda m: clause(
        "x", equal(m.weights[0].T @ m.weights[0], simplex_scale(m) * gain(m) * eye(m.widths[0]))
    ),
    "strictly negative": lambda m: clause("x", less(tr(m.weights[0] @ m.weights[0].T), 0)),
    "an entry on the wrong side": lambda m: clause("x", at_most(0, (m.weights[0] @ m.mean_features)[0, 1])),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
@pytest.mark.parametrize("model", [PLAIN, SMOOTHED, DECAYED], ids=str)
def test_a_false_clause_is_not_entailed(model: Model, name: str) -> None:
    assert theorem().entails(claim_of(model, FALSE[name](model)), None, {})["x"]


def test_the_bias_is_zero_only_where_it_is_regularised() -> None:
    for model in (SMOOTHED, DECAYED):
        found = theorem().entails(claim_of(model, clause("x", equal(model.bias_vector, zeros(3, 1)))), None, {})["x"]
        assert bool(found) != bool(model.bias_decay)


def test_what_is_not_understood_is_not_entailed() -> None:
    W = PLAIN.weights[0]
    for relation in (equal(relu(W), relu(W)), equal(W[0, 0], W[0, 0]), equal(sqrt(tr(W @ W.T)), sqrt(tr(W @ W.T)))):
        assert theorem().entails(claim_of(PLAIN, clause("x", relation)), None, {})["x"]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_another_value_is_not_entailed(model: Model) -> None:
    c, scale = strength(model), simplex_scale(model)
    true = simplex_value(model)
    wrong = [true + Fraction(1, 10**9), 2 * true, true + c, log(2) + c]
    if scale is not constant(0):
        wrong += [true - c * scale, true + c * scale, true + scale * model.alpha + Fraction(1, 10**12)]
    for other in wrong:
        assert theorem().entails(claim_of(model, value=other), None, {})["value"]


def test_several_minimisers_are_not_entailed() -> None:
    assert theorem().entails(claim_of(PLAIN, unique=False), None, {})["uniqueness"]


OTHERS = {
    "classes": Model(class_sizes=(2, 1), decays="1/50", loss="ce"),
    "room": Model(class_sizes=(2, 2, 2, 2), decays="1/50", loss="ce", widths=(2,)),
    "layer": Model(class_sizes=(2, 2), decays="1/50", loss="ce", depth=2),
    "loss": Model(class_sizes=(2, 2), decays="1/50", loss="focal", gamma=Fraction(1)),
    "squares": Model(class_sizes=(2, 2), decays="1/50"),
    "free": Model(class_sizes=(2, 2), decays="1/50", loss="ce", sign="nonnegative"),
    "one class": Model(class_sizes=(2,), decays="1/50", loss="ce"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_theorem_does_not_speak_of_another_model(name: str) -> None:
    with pytest.raises(NotEntailed):
        theorem().entails(GlobalMinimum(OTHERS[name], constant(1)), None, {})


def test_the_theorem_does_not_speak_of_other_claims() -> None:
    for claim in (NotGlobalMinimum(PLAIN, constant(9)), Identity((clause("x", equal(constant(1), 1)),))):
        with pytest.raises(NotEntailed):
            theorem().entails(claim, None, {})


# ------------------------------------------------------------ wrong proofs


def fresh() -> ConvexProof:
    return ConvexProof("wrong", SOFTMAX)


def another_constant(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    proof.at_least("too high", Trace({}, value - minimum - UNSEEN), [], [lower.bound])


def the_multiplier_doubled(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    proof.at_least("doubled", Trace({}, value - minimum - c * UNSEEN * s), [], [lower.bound])


def n_forgotten(proof: ConvexProof) -> None:
    both = weight_decay / 2 * squares(W) + feature_decay / 2 * squares(H) - g * trace(SY.T @ W @ H)
    parts = [(weight_decay / 2, W - g / weight_decay * (SY @ H.T)), (feature_decay / 2, H - H @ SY.T @ SY)]
    proof.at_least("n forgotten", both, parts)


def the_sign_of_S(proof: ConvexProof) -> None:
    known = lemma.centred(proof)
    proof.algebra("sign", S @ S + S, 1 * known.idempotent)


def a_negative_coefficient(proof: ConvexProof) -> None:
    proof.at_least("negative", -1 * squares(W), [(sp.Integer(-1), W)])


def a_coefficient_of_unknown_sign(proof: ConvexProof) -> None:
    proof.at_least("unknown", (1 - K * p) * squares(W), [(1 - K * p, W)])


def a_case_for_a_coefficient_that_is_not_known(proof: ConvexProof) -> None:
    case = proof.case("λ_b > 1/8", 8 * bias_decay - 1, POSITIVE)
    proof.at_least("other", (8 * bias_decay - 2) * squares(b), [(8 * bias_decay - 2, b)], known=[case])


def an_equation_as_a_bound(proof: ConvexProof) -> None:
    proof.at_least("equation", Trace({}, c - g - r), [], [proof.meaning("slack")])


def a_bound_subtracted(proof: ConvexProof) -> None:
    tangent = proof.inequality("above the tangent")
    proof.at_least("less", -1 * tangent.body, [], [tangent])


def the_other_direction(proof: ConvexProof) -> None:
    tangent = proof.inequality("above the tangent")
    proof.gap("below", -1 * tangent.body, "< 0")


def a_strict_bound(proof: ConvexProof) -> None:
    tangent = proof.inequality("above the tangent")
    proof.gap("strict", tangent.body, POSITIVE)


def a_matrix_inequality(proof: ConvexProof) -> None:
    proof.gap("matrix", W, NONNEGATIVE)


def a_trace_in_a_product(proof: ConvexProof) -> None:
    tangent = proof.inequality("above the tangent")
    proof.positive("product", n, NONNEGATIVE, [(1, [tangent], 1)])


def an_unknown_inequality(proof: ConvexProof) -> None:
    proof.inequality("below the tangent")


def an_equality_without_its_case(proof: ConvexProof) -> None:
    proof.equality("equal", "above the tangent", proof.meaning("slack"))


def an_equality_in_another_case(proof: ConvexProof) -> None:
    known = lemma.centred(proof)
    proof.equality("equal", "above the tangent", known.kills)


def the_equality_case_without_equality(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    proof.tight("flat", lower.bound, lemma.step(proof, "slack"), S @ (Z - s * SY))


def a_square_that_is_not_there(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    case = proof.case("minimum", value - minimum, ZERO)
    equation = proof.algebra("there", Trace({}, value - minimum), case * lemma.NUMBER)
    proof.tight("no weights", lower.bound, equation, W)


def a_square_without_weight(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    case = proof.case("minimum", value - minimum, ZERO)
    equation = proof.algebra("there", Trace({}, value - minimum), case * lemma.NUMBER)
    proof.tight("no bias", lower.bound, equation, b)


def the_slack_is_not_positive(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    case = proof.case("minimum", value - minimum, ZERO)
    equation = proof.algebra("there", Trace({}, value - minimum), case * lemma.NUMBER)
    proof.tight("features", lower.bound, equation, 1 / n * (H @ SY.T @ SY))


def a_bound_by_a_gap(proof: ConvexProof) -> None:
    guess = proof.gap("guess", Trace({}, value - minimum), NONNEGATIVE)
    case = proof.case("minimum", value - minimum, ZERO)
    equation = proof.algebra("there", Trace({}, value - minimum), case * lemma.NUMBER)
    proof.tight("weights", guess, equation, W - lemma.PULL * (SY @ H.T))


def an_equation_of_a_case_taken_for_all(proof: ConvexProof) -> None:
    lower = lemma.lower_bound(proof)
    where = lemma.where_attained(proof, lower)
    proof.cases("everywhere", [where.gram])


def labels_of_another_size(proof: ConvexProof) -> None:
    labels = proof.meaning("labels")
    proof.algebra("labels", Y @ Y.T - (n + UNSEEN) * identity(classes), 1 * labels)


def a_fact_of_another_proof(proof: ConvexProof) -> None:
    tangent = fresh().inequality("above the tangent")
    proof.at_least("borrowed", tangent.body, [], [tangent])


WRONG: dict[Callable[[ConvexProof], None], str] = {
    another_constant: "not the sum",
    the_multiplier_doubled: "not the sum",
    n_forgotten: "not the sum",
    the_sign_of_S: "not the combination",
    a_negative_coefficient: "at least zero",
    a_coefficient_of_unknown_sign: "at least zero",
    a_case_for_a_coefficient_that_is_not_known: "at least zero",
    an_equation_as_a_bound: "not a bound",
    a_bound_subtracted: "not the sum",
    the_other_direction: "sign",
    a_strict_bound: "not between numbers",
    a_matrix_inequality: "not between numbers",
    a_trace_in_a_product: "numbers that are not negative",
    an_unknown_inequality: "no inequality",
    an_equality_without_its_case: "not the equality case",
    an_equality_in_another_case: "not the equality case",
    the_equality_case_without_equality: "does not say",
    a_square_that_is_not_there: "vanishes only there",
    a_square_without_weight: "vanishes only there",
    the_slack_is_not_positive: "vanishes only there",
    a_bound_by_a_gap: "vanishes only there",
    an_equation_of_a_case_taken_for_all: "not exhaustive",
    labels_of_another_size: "not the combination",
    a_fact_of_another_proof: "not a step",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[ConvexProof], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(fresh())


def test_a_plain_proof_has_no_bounds() -> None:
    assert not hasattr(Proof("plain", SOFTMAX), "at_least")


# ------------------------------------------------------------ theorems that their steps do not support


def sections() -> tuple[Section, ...]:
    return lemma.solve().sections


def used(*facts: Fact) -> tuple[Section, ...]:
    first, second = sections()
    kind = lemma.solve().minimum
    every = (kind.bound, kind.centred_bias, kind.no_bias, kind.outputs, kind.gram, kind.aligned)
    return first._replace(conclusions=(*every, *facts)), second


SWAPPED: dict[str, tuple[str, str]] = {
    "bound": ("bound", "outputs"),
    "bias": ("centred_bias", "no_bias"),
    "no bias": ("no_bias", "centred_bias"),
    "outputs": ("outputs", "gram"),
    "Gram matrix": ("gram", "outputs"),
    "features": ("aligned", "gram"),
}


@pytest.mark.parametrize("name", SWAPPED)
def test_a_kind_needs_its_steps(name: str) -> None:
    field, other = SWAPPED[name]
    kind = lemma.solve().minimum
    with pytest.raises(Rejected, match="the theorem needs a step"):
        Theorem("wrong", used(), replace(kind, **{field: getattr(kind, other)}))


def test_a_bound_in_a_case_is_not_enough() -> None:
    proof = fresh()
    lower = lemma.lower_bound(proof)
    where = lemma.where_attained(proof, lower)
    only = proof.at_least("there", lower.bound.body, [], [lower.bound], known=[proof.case("one", K - 3, POSITIVE)])
    kind = lemma.SoftmaxMinimum(
        only,
        where.centred_bias,
        where.no_bias,
        where.outputs,
        where.gram,
        where.aligned,
        lemma.solve().minimum.attained,
    )
    with pytest.raises(Rejected, match="f is at least the minimum"):
        Theorem("wrong", (Section("every", proof), sections()[1]), kind)


def test_the_minimum_must_be_attained() -> None:
    with pytest.raises(Rejected, match="one section about each setting"):
        Theorem("wrong", sections()[:1], lemma.solve().minimum)


def test_the_setting_of_the_construction_is_not_that_of_every_point() -> None:
    proof = ConvexProof("construction", SIMPLEX)
    lower = lemma.lower_bound(proof)
    with pytest.raises(Rejected, match="not a step"):
        Theorem("wrong", sections(), replace(lemma.solve().minimum, bound=lower.bound))


def test_a_gap_entails_nothing() -> None:
    proof = fresh()
    guess = proof.gap("guess", Trace({}, value - minimum), NONNEGATIVE)
    lower = lemma.lower_bound(proof)
    where = lemma.where_attained(proof, lower)
    kind = lemma.SoftmaxMinimum(
        guess,
        where.centred_bias,
        where.no_bias,
        where.outputs,
        where.gram,
        where.aligned,
        lemma.solve().minimum.attained,
    )
    found = Theorem("wrong", (Section("every", proof), sections()[1]), kind)
    with pytest.raises(NotEntailed, match="gap"):
        found.entails(claim_of(PLAIN), None, {})
