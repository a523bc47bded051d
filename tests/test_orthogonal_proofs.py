"""Cross-entropy with features ≥ 0: what the theorem entails for any class sizes; wrong proofs are rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from proofs.entailment import NotEntailed
from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import NONNEGATIVE, ZERO
from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Trace, identity, power, squares, trace
from proofs.lemmas import orthogonal as lemma
from proofs.lemmas.orthogonal_setting import (
    APART,
    BASE,
    ORTHOGONAL,
    VERTICES,
    C,
    D,
    H,
    K,
    M,
    N,
    P,
    R,
    S,
    W,
    X,
    Y,
    classes,
    e,
    k,
    least,
    value,
    weight_decay,
)
from proofs.theorem import Section, Theorem
from theory.claims import Clause, GlobalMinimum, clause, equal, less
from theory.closed_form.softmax import orthogonal_value
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, constant, log, ones, relu, repeat_columns, sum_squares
from theory.ops import identity as eye
from theory.ops import trace as tr

UNSEEN = (k - 1) * (k - 2) * (k - 3)
"""Zero at every number of classes that random instances have."""

UNEQUAL = Model(
    class_sizes=(9, 4, 2), weight_decays=(Fraction(1, 30),), feature_decay=Fraction(1, 40), widths=(4,), loss="ce",
    sign="nonnegative",
)  # fmt: skip
PARTLY = UNEQUAL.with_(class_sizes=(9, 4, 1), decays="1/15")
"""The smallest class has collapsed to zero."""
NOTHING = UNEQUAL.with_(decays=Fraction(1, 2))


def theorem() -> Theorem:
    return lemma.orthogonal_theorem("orthogonal")


def answer(
    model: Model, *clauses: Clause, value: Expression | None = None, unique: bool | None = True
) -> dict[str, str]:
    claim = GlobalMinimum(model, orthogonal_value(model) if value is None else value, (), clauses, unique)
    return theorem().entails(claim, None, {})


TRUE: dict[str, Callable[[Model], Clause]] = {
    "NC1": lambda m: clause("x", equal(m.features, repeat_columns(m.mean_features, m.class_sizes))),
    "orthogonal": lambda m: clause("x", equal((m.mean_features.T @ m.mean_features)[0, 1], 0)),
    "centred": lambda m: clause("x", equal(centring(m) @ m.weights[0], m.weights[0])),
    "outputs": lambda m: clause("x", equal(m.product @ m.mean_features, centring(m) @ (m.product @ m.mean_features))),
    "energies": lambda m: clause("x", equal(
        m.weight_decays[0] * sum_squares(m.weights[0]), m.feature_decay * sum_squares(m.features)
    )),
    "norm by samples": lambda m: clause("x", equal(sum_squares(m.features), tr(m.features.T @ m.features))),
}  # fmt: skip


def centring(model: Model) -> Expression:
    return eye(model.K) - Fraction(1, model.K) * ones(model.K, model.K)


@pytest.mark.parametrize("model", [UNEQUAL, PARTLY, NOTHING], ids=str)
@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_at_every_minimiser_is_entailed(name: str, model: Model) -> None:
    assert answer(model, TRUE[name](model)) == {"value": "", "uniqueness": "", "x": ""}


FALSE: dict[str, Callable[[Model], Clause]] = {
    "equal lengths": lambda m: clause("x", equal((gram := m.mean_features.T @ m.mean_features)[0, 0], gram[1, 1])),
    "a simplex": lambda m: clause("x", equal(centring(m) @ m.mean_features.T, m.mean_features.T)),
    "not centred": lambda m: clause("x", equal(ones(m.K, m.K) @ m.weights[0], m.weights[0])),
    "sums for means": lambda m: clause("x", equal(sum_squares(m.features), sum_squares(m.mean_features))),
    "negative": lambda m: clause("x", less(tr(m.mean_features.T @ m.mean_features), 0)),
    "an output": lambda m: clause("x", less(0, (m.product @ m.mean_features)[1, 0])),
}


@pytest.mark.parametrize("model", [UNEQUAL, PARTLY], ids=str)
@pytest.mark.parametrize("name", FALSE)
def test_a_false_clause_is_not_entailed(name: str, model: Model) -> None:
    assert answer(model, FALSE[name](model))["x"]


def test_a_class_at_zero_is_seen() -> None:
    gram = PARTLY.mean_features.T @ PARTLY.mean_features
    found = answer(PARTLY, clause("off", equal(gram[2, 2], 0)), clause("on", less(0, gram[2, 2])))
    assert not found["off"]
    assert found["on"]
    assert answer(UNEQUAL, clause("off", equal((UNEQUAL.mean_features.T @ UNEQUAL.mean_features)[2, 2], 0)))["off"]


def test_another_value_or_several_minimisers_are_not_entailed() -> None:
    for model in (UNEQUAL, PARTLY, NOTHING):
        true = orthogonal_value(model)
        for other in (true + Fraction(1, 10**12), 2 * true, true + log(2)):
            assert answer(model, value=other)["value"]
        assert answer(model, unique=False)["uniqueness"]


def test_what_is_not_read_is_not_entailed() -> None:
    for relation in (
        equal(relu(UNEQUAL.features), UNEQUAL.features),
        equal(UNEQUAL.features[0, 0], UNEQUAL.features[0, 0]),
    ):
        assert answer(UNEQUAL, clause("x", relation))["x"]


OTHERS = {
    "signs": UNEQUAL.with_(sign="free"),
    "narrow": UNEQUAL.with_(widths=(2,)),
    "bias": UNEQUAL.with_(bias="last-layer"),
    "smoothed": UNEQUAL.with_(loss="label-smoothing", alpha=Fraction(1, 10)),
    "one class": Model(class_sizes=(2,), decays="1/9", loss="ce", sign="nonnegative"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_theorem_does_not_speak_of_another_model(name: str) -> None:
    with pytest.raises(NotEntailed):
        theorem().entails(GlobalMinimum(OTHERS[name], constant(1)), None, {})


# ------------------------------------------------------------ wrong proofs


def fresh() -> ConvexProof:
    return ConvexProof("wrong", ORTHOGONAL)


def bound(proof: ConvexProof) -> tuple[lemma.Known, lemma.Fact]:
    known = lemma.known(proof)
    return known, lemma.lower_bound(proof, known)


def too_high(proof: ConvexProof) -> None:
    _, lower = bound(proof)
    proof.at_least("high", Trace({}, value - least - UNSEEN), [], [lower])


def signed_features(proof: ConvexProof) -> None:
    lemma.known(proof)
    body = APART.body
    proof.at_least("any sign", -1 * body, [], [proof.inequality("apart")])


def features_of_any_sign(proof: ConvexProof) -> None:
    G = H @ Y.T @ P
    proof.at_least("a square", trace(G @ e @ e.T @ G.T) - trace(G @ G.T), [(sp.Integer(1), G @ e), (sp.Integer(-1), G)])


def orthogonal_means_without_signs(proof: ConvexProof) -> None:
    _, lower = bound(proof)
    case = proof.case("there", value - least, ZERO)
    equation = proof.algebra("equal", lower.body, case * lemma.NUMBER)
    proof.tight("orthogonal", lower, equation, Y @ H.T @ H @ Y.T - identity(classes))


def zero_sums(proof: ConvexProof) -> None:
    _, lower = bound(proof)
    case = proof.case("there", value - least, ZERO)
    equation = proof.algebra("equal", lower.body, case * lemma.NUMBER)
    proof.tight("no features", lower, equation, H @ Y.T)


def a_multiple_of_the_ones_taken_for_zero(proof: ConvexProof) -> None:
    known = lemma.known(proof)
    proof.algebra("zero", e @ e.T, known.kills @ e.T)


def centring_of_another_size(proof: ConvexProof) -> None:
    proof.algebra("centring", S - (1 + UNSEEN) * identity(classes) + 1 / K * (e @ e.T), 1 * proof.meaning("centring"))


def slack_without_its_part(proof: ConvexProof) -> None:
    proof.algebra("slack", power(R, sp.Integer(2)) - UNSEEN * power(P, sp.Integer(2)), 1 * proof.meaning("slack"))


def diagonal_matrices_that_are_none(proof: ConvexProof) -> None:
    stated = proof.meaning("diagonal excess")
    proof.algebra("all", trace(e @ e.T @ X @ X @ X) - trace(X @ X @ X), 1 * stated)


def lengths_everywhere(proof: ConvexProof) -> None:
    known, lower = bound(proof)
    where = lemma.where_attained(proof, known, lower)
    proof.cases("everywhere", [where.lengths])


def lengths_without_the_case(proof: ConvexProof) -> None:
    excess = proof.meaning("excess")
    proof.algebra("lengths", K * (P @ C) - N * weight_decay * (M @ D), -N * weight_decay * excess)


WRONG: dict[Callable[[ConvexProof], None], str] = {
    too_high: "not the sum",
    signed_features: "not the sum",
    features_of_any_sign: "at least zero",
    orthogonal_means_without_signs: "vanishes only there",
    zero_sums: "vanishes only there",
    a_multiple_of_the_ones_taken_for_zero: "cannot|not the combination",
    centring_of_another_size: "not the combination",
    slack_without_its_part: "not the combination",
    diagonal_matrices_that_are_none: "not the combination",
    lengths_everywhere: "not exhaustive",
    lengths_without_the_case: "not the combination",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[ConvexProof], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(fresh())


FIELDS = ("bound", "features", "weights", "outputs", "apart", "lengths")


@pytest.mark.parametrize("field", FIELDS)
def test_a_kind_needs_its_steps(field: str) -> None:
    (every, builder), kind = lemma.solve()
    other = kind.apart if field != "apart" else kind.outputs
    kept = every._replace(conclusions=tuple(getattr(kind, name) for name in FIELDS))
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (kept, builder), replace(kind, **{field: other}))


def test_a_guess_entails_nothing() -> None:
    (_, builder), kind = lemma.solve()
    proof = fresh()
    known, lower = bound(proof)
    where = lemma.where_attained(proof, known, lower)
    guess = proof.gap("guess", Trace({}, value - least), NONNEGATIVE)
    facts = {"features": where.features, "weights": where.weights, "outputs": where.outputs, "apart": where.apart}
    own = replace(kind, bound=guess, lengths=where.lengths, **facts)
    found = Theorem("gap", (Section("guess", proof), builder), own)
    with pytest.raises(NotEntailed, match="gap"):
        found.entails(GlobalMinimum(UNEQUAL, orthogonal_value(UNEQUAL)), None, {})


def test_the_construction_alone_shows_no_bound() -> None:
    proof = ConvexProof("construction", VERTICES)
    with pytest.raises(Rejected, match="no inequality"):
        lemma.lower_bound(proof, lemma.known(proof))
    assert squares(W @ H - BASE).terms
