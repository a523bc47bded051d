"""Contrastive losses: what the theorem entails of one sample and of all points; wrong proofs are rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from proofs.entailment import NotEntailed
from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO
from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Trace, squares
from proofs.kernel.words import identity as identity_of
from proofs.lemmas import contrast as lemma
from proofs.lemmas.contrast_setting import (
    CONTRASTIVE,
    FLAT,
    SAMPLE,
    A,
    D,
    fit,
    least,
    log_sum,
    loss,
    own,
    spread,
    t,
    y,
    z,
)
from proofs.lemmas.softmax import NUMBER, SY, centred, split, squared
from proofs.lemmas.softmax_setting import H, K, S, W, c, e, feature_decay, n, samples, value, weight_decay
from proofs.theorem import Section, Theorem
from theory.claims import Identity, Inequality, Point, clause, equal
from theory.losses import average
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, constant, diagonal, exp, identity, log, ones, sqrt, variable
from theory.statement import statements

UNSEEN = (K - 2) * (K - 3) * (K - 4) * (K - 5)
"""Zero at every number of classes that random instances have."""


def theorem() -> Theorem:
    return lemma.contrastive_theorem("contrastive")


# ------------------------------------------------------------ what it entails


SHAPES: tuple[dict[str, Any], ...] = (
    {"loss": "ce"},
    {"loss": "label-smoothing", "parameter": Fraction(1, 10)},
    {"loss": "focal", "parameter": Fraction(5, 2)},
)


def model_of(classes: int, shape: dict[str, Any]) -> Model:
    names = {"label-smoothing": "alpha", "focal": "gamma"}
    fields = {names[shape["loss"]]: shape["parameter"]} if shape["loss"] in names else {}
    return Model(class_sizes=(1,) * classes, decays=1, loss=shape["loss"], **fields)


def sample(
    classes: int, shape: dict[str, Any], change: Callable[[Expression, Expression, int], Expression]
) -> Inequality:
    """φ(t), with a change, against the loss of a sample of the last class."""
    model, z, k = model_of(classes, shape), variable("z", (classes, 1)), classes - 1
    t = (ones(1, classes) @ z)[0, 0] - classes * z[k, 0]
    right = classes * average(model, z, identity(classes)[range(classes), (k,)], (1,))
    return Inequality(change(t, right, classes), right, {"z": z})


def phi(shape: dict[str, Any], factor: int = 1) -> Callable[[Expression, Expression, int], Expression]:
    def least(t: Expression, _: Expression, classes: int) -> Expression:
        x = log(1 + (classes - 1) * exp(factor * t / (classes - 1)))
        if shape["loss"] == "focal":
            return (1 - exp(-x)) ** shape["parameter"] * x
        return x - shape.get("parameter", Fraction(0)) / classes * t

    return least


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_property_of_one_sample_is_entailed(classes: int, shape: dict[str, Any]) -> None:
    claim = sample(classes, shape, phi(shape))
    assert theorem().entails(claim, None, {}, shape) == {"inequality": ""}


CHANGES: dict[str, Callable[[dict[str, Any]], Callable[[Expression, Expression, int], Expression]]] = {
    "twice t": lambda shape: phi(shape, 2),
    "more": lambda shape: lambda t, right, K: phi(shape)(t, right, K) + Fraction(1, 10**9),
    "the loss doubled": lambda shape: lambda t, right, K: 2 * right,
    "a term in t": lambda shape: lambda t, right, K: phi(shape)(t, right, K) + Fraction(1, 10**9) * t,
    "another loss": lambda shape: phi({"loss": "label-smoothing", "parameter": Fraction(1, 3)}),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CHANGES)
def test_another_bound_of_one_sample_is_not_entailed(name: str, shape: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        theorem().entails(sample(3, shape, CHANGES[name](shape)), None, {}, shape)


def test_the_loss_must_be_the_one_that_is_proposed() -> None:
    out = {"loss": "label-smoothing", "parameter": Fraction(3)}
    for shape in ({}, SHAPES[1], {"loss": "mse"}, {"loss": None}, out, {**SHAPES[2], "parameter": 2}):
        with pytest.raises(NotEntailed):
            theorem().entails(sample(3, SHAPES[0], phi(SHAPES[0])), None, {}, shape)


REDUCTION = statements()["losses-reduction"]
MODEL = Model(class_sizes=(2, 2), decays="1/10", loss="focal", gamma=Fraction(2))


def test_the_lower_bound_of_the_objective_is_entailed_for_its_own_model_alone() -> None:
    claim = REDUCTION.claim({"model": MODEL})
    assert isinstance(claim, Inequality)
    assert theorem().entails(claim, None, {}, {"model": MODEL}) == {"inequality": "", "tight": ""}
    for other in (MODEL.with_(decays="1/11"), MODEL.with_(gamma=1), MODEL.with_(loss="ce", gamma=0)):
        with pytest.raises(NotEntailed):
            theorem().entails(claim, None, {}, {"model": other})
    larger = Inequality(claim.left * Fraction(10**9 + 1, 10**9), claim.right, claim.variables)
    with pytest.raises(NotEntailed):
        theorem().entails(larger, None, {}, {"model": MODEL})


def test_equality_is_entailed_where_wrong_outputs_are_equal() -> None:
    claim = sample(3, SHAPES[2], phi(SHAPES[2]))
    places = {(1, 1, 1): "", (0, 0, 5): "", (0, 1, 5): "no equality"}
    for entries, why in places.items():
        point = {"z": diagonal(entries) @ ones(3, 1)}
        found = theorem().entails(replace_tight(claim, point), None, {}, SHAPES[2])
        assert found["tight"].startswith("there is " + why) if why else not found["tight"]


def test_equality_of_the_lower_bound_is_entailed_at_the_simplex_alone() -> None:
    model = MODEL.with_(weight_decays=("1/10",), feature_decay=Fraction(1, 30))
    claim = REDUCTION.claim({"model": model})
    assert isinstance(claim, Inequality)
    (simplex,) = claim.tight
    zero = {name: 0 * X for name, X in simplex.items()}
    larger = {**simplex, "W_1": 2 * simplex["W_1"]}
    turned = {**simplex, "W_1": -1 * simplex["W_1"]}
    points: tuple[tuple[Point, bool], ...] = ((simplex, True), (zero, True), (larger, False), (turned, False))
    for point, good in points:
        found = theorem().entails(replace_tight(claim, point), None, {}, {"model": model})
        assert found["inequality"] == ""
        assert (found["tight"] == "") == good


def replace_tight(claim: Inequality, point: Point) -> Inequality:
    return Inequality(claim.left, claim.right, claim.variables, (point,))


OUTSIDE = {
    "imbalanced": MODEL.with_(class_sizes=(2, 1)),
    "bias": MODEL.with_(bias="last-layer"),
    "two layers": MODEL.with_(depth=2, weight_decays=("1/10", "1/10"), feature_decay=Fraction(1, 10), widths=(2, 2)),
    "squared error": MODEL.with_(loss="mse", gamma=0),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_lower_bound_is_about_one_kind_of_model(name: str) -> None:
    model = OUTSIDE[name]
    claim = Inequality(0 * model.objective + model.objective, model.objective, model.variables)
    with pytest.raises(NotEntailed):
        theorem().entails(claim, None, {}, {"model": model})


def test_the_theorem_does_not_speak_of_identities() -> None:
    with pytest.raises(NotEntailed):
        theorem().entails(Identity((clause("x", equal(sqrt(constant(4)), 2)),)), None, {}, {"model": MODEL})


# ------------------------------------------------------------ wrong proofs


def about_one(wrong: Callable[[ConvexProof], None]) -> ConvexProof:
    return ConvexProof("wrong", SAMPLE if wrong in ONE else CONTRASTIVE)


def the_property_reversed(proof: ConvexProof) -> None:
    bound = lemma.contrast(proof)
    proof.at_least("reversed", -1 * bound.body, [], [bound])


def a_larger_bound(proof: ConvexProof) -> None:
    bound = lemma.contrast(proof)
    proof.at_least("larger", bound.body - Trace({}, UNSEEN), [], [bound])


def the_property_for_t_doubled(proof: ConvexProof) -> None:
    bound = lemma.contrast(proof)
    proof.at_least("doubled", Trace({}, log_sum - own - loss - UNSEEN * t), [], [bound])


def the_sum_without_the_label(proof: ConvexProof) -> None:
    total = proof.meaning("contrast")
    proof.algebra("sum", (e.T @ z) - (e.T @ z) @ (y.T @ y), 1 * total)


def signs_that_are_no_signs(proof: ConvexProof) -> None:
    signs = proof.meaning("signs")
    proof.algebra("signs", D @ D - (1 + UNSEEN) * identity_of(samples), 1 * signs)


def the_regulariser_twice_the_spread(proof: ConvexProof) -> None:
    found = lemma.contrastive(proof).regulariser
    proof.at_least("twice", found.body - Trace({}, UNSEEN * c * spread), [], [found])


def the_regulariser_without_signs(proof: ConvexProof) -> None:
    both = weight_decay / 2 * squares(W) + feature_decay / 2 * squares(H)
    proof.at_least("no signs", both - Trace({}, c * spread), squared(SY), [])


def a_frame_without_n(proof: ConvexProof) -> None:
    known = centred(proof)
    signs = proof.meaning("signs")
    rest = SY @ signs @ SY.T + S @ known.labels @ S + n * known.idempotent
    frame = proof.algebra("frame", A @ A.T @ A - (n + UNSEEN) * A, rest @ A + n * (known.idempotent @ SY @ D))
    split(proof, A, frame)


def no_equality_case(proof: ConvexProof) -> None:
    bound = lemma.contrastive(proof).bound
    proof.tight("flat everywhere", bound, lemma.step(proof, "slack"), FLAT)


def a_sign_turned(proof: ConvexProof) -> None:
    bound = proof.inequality("contrastive")
    case = proof.case("there", fit + c * spread - least, ZERO)
    equation = proof.algebra("equal", bound.body, case * NUMBER)
    proof.tight("turned", bound, equation, D + 1 * D)


def equality_without_the_signs(proof: ConvexProof) -> None:
    known = proof.case("there", fit + c * spread - least, ZERO)
    bound = proof.inequality("contrastive")
    flat = proof.tight("flat", bound, proof.algebra("equal", bound.body, known * NUMBER), FLAT)
    proof.equality("equality", "contrastive", flat)


def a_strict_case(proof: ConvexProof) -> None:
    bound = lemma.contrastive(proof).bound
    proof.positive("strict", value - least, POSITIVE, [(1, [bound], 1)])


WRONG: dict[Callable[[ConvexProof], None], str] = {
    the_property_reversed: "not the sum",
    a_larger_bound: "not the sum",
    the_property_for_t_doubled: "not the sum",
    the_sum_without_the_label: "cannot be added|not the combination",
    signs_that_are_no_signs: "not the combination",
    the_regulariser_twice_the_spread: "not the sum",
    the_regulariser_without_signs: "not the sum",
    a_frame_without_n: "not the combination",
    no_equality_case: "does not say",
    a_sign_turned: "vanishes only there",
    equality_without_the_signs: "not the equality case",
    a_strict_case: "numbers that are not negative",
}
ONE = (the_property_reversed, a_larger_bound, the_property_for_t_doubled, the_sum_without_the_label)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[ConvexProof], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(about_one(wrong))


# ------------------------------------------------------------ theorems that their steps do not support


FIELDS = ("contrast", "regulariser", "bound", "centred_bias", "outputs", "gram", "aligned")


@pytest.mark.parametrize("field", FIELDS[1:])
def test_a_kind_needs_its_steps(field: str) -> None:
    (single, every), kind = lemma.solve()
    other = kind.outputs if field != "outputs" else kind.gram
    kept = every._replace(conclusions=tuple(getattr(kind, name) for name in FIELDS[1:]))
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (single, kept), replace(kind, **{field: other}))


def test_the_property_must_be_that_of_one_sample() -> None:
    (single, every), kind = lemma.solve()
    proof = ConvexProof("guess", SAMPLE)
    guess = proof.gap("guess", Trace({}, log_sum - own - 2 * loss + loss), NONNEGATIVE)
    found = Theorem("gap", (Section("guess", proof), every), replace(kind, contrast=guess))
    with pytest.raises(NotEntailed, match="gap"):
        found.entails(sample(3, SHAPES[0], phi(SHAPES[0])), None, {}, SHAPES[0])
    assert single.proof.steps
