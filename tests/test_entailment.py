"""What a proved minimum says about a claim: no false clause is entailed, and what is not understood is not either."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

import proofs
from theory.claims import Clause, GlobalMinimum, Point, Relation, at_most, clause, equal, less
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    class_means,
    constant,
    diagonal,
    identity,
    one_hot,
    ones,
    relu,
    repeat_columns,
    sum_squares,
    trace,
    zeros,
)
from theory.papers.dang2023.frames import general_orthogonal_frame, simplex_frame
from theory.papers.dang2023.letters import LETTERS
from theory.statement import Instance, statements
from theory.strategies import decay_product
from verify.engines import Settings, load
from verify.engines.symbolic import Context, _model_minimum

EQUAL = Model(class_sizes=(2, 2), decays="1/50")
UNEQUAL = Model(class_sizes=(3, 2), decays="1/50")
DEEP = Model(class_sizes=(3, 2, 2), depth=2, decays="1/50")
NARROW = Model(class_sizes=(2, 2, 2), decays="1/50", widths=(2,))
SINGLE = Model(class_sizes=(1, 1), decays="1/50")
BIASED = Model(class_sizes=(2, 2), decays="1/50", bias="last-layer")
TIE = Model(
    class_sizes=(2, 2),
    depth=2,
    weight_decays=(Fraction(1), Fraction(1)),
    feature_decay=decay_product((2, 2), 2, 2, Fraction(1)),
)


def published(model: Model) -> GlobalMinimum:
    """The published minimum, true for the model."""
    return simplex_frame(model, LETTERS) if model.has_bias else general_orthogonal_frame(model, LETTERS)


def answer(model: Model, *relations: Relation, minimisers: tuple[Point, ...] | None = None) -> str:
    """What the theorem says about one clause of the minimum: the empty text where it entails it."""
    claim = of(model, Clause("clause", relations), minimisers=minimisers)
    context = Context()
    _model_minimum(claim, model, 0, context)
    theorem = proofs.find("dang2023-value")
    assert theorem is not None
    return theorem.entails(claim, context.field, context.logits or {})["clause"]


def of(model: Model, *clauses: Clause, minimisers: tuple[Point, ...] | None = None) -> GlobalMinimum:
    base = published(model)
    points = base.minimisers if minimisers is None else minimisers
    return GlobalMinimum(model, base.value, points, clauses, base.unique)


def gram(model: Model) -> Expression:
    return model.mean_features.T @ model.mean_features


def sample_gram(model: Model) -> Expression:
    return model.features.T @ model.features


FALSE: dict[str, tuple[Model, Callable[[Model], Relation]]] = {
    "trace over samples": (EQUAL, lambda m: equal(trace(sample_gram(m)), trace(gram(m)))),
    "trace over samples, unequal": (UNEQUAL, lambda m: equal(trace(sample_gram(m)), trace(gram(m)))),
    "trace over samples with a bias": (BIASED, lambda m: equal(trace(sample_gram(m)), trace(gram(m)))),
    "trace over samples as a bound": (EQUAL, lambda m: at_most(trace(sample_gram(m)), trace(gram(m)))),
    "means over other classes": (EQUAL, lambda m: equal(class_means(m.features, (1, 3)), m.mean_features)),
    "features repeated otherwise": (EQUAL, lambda m: equal(m.features, repeat_columns(m.mean_features, (1, 3)))),
    "a repeated index in a trace": (
        EQUAL,
        lambda m: equal(trace(gram(m)[(0, 0, 0), (0, 0, 0)]), trace(gram(m)[(0,), (0,)])),
    ),
    "a repeated index in a product": (
        UNEQUAL,
        lambda m: equal(gram(m)[(0,), (0, 0)] @ gram(m)[(0, 0), (0,)], gram(m)[(0,), (0,)] @ gram(m)[(0,), (0,)]),
    ),
    "a reordered index": (DEEP, lambda m: equal(gram(m)[(0, 1, 2), (1, 0, 2)], gram(m))),
    "a part of an eigenspace": (
        NARROW,
        lambda m: equal(gram(m)[(0, 1), (0, 1)] @ gram(m)[(0, 1), (0, 1)], (gram(m) @ gram(m))[(0, 1), (0, 1)]),
    ),
    "an entry of any projection": (NARROW, lambda m: equal(gram(m)[0, 0], gram(m)[1, 1])),
    "samples for classes": (SINGLE, lambda m: equal(trace(gram(m)), 2 * trace(sample_gram(m)))),
    "zero at a tie": (TIE, lambda m: equal(gram(m), zeros(m.K, m.K))),
    "the root at a tie": (TIE, lambda m: less(0, trace(gram(m)))),
    "one rank at a tie": (TIE, lambda m: equal(2 * gram(m)[0, 0] * trace(gram(m)), trace(gram(m)) ** 2)),
    "twice the bias": (BIASED, lambda m: equal(2 * m.bias_vector, Fraction(1, 2) * ones(2, 1))),
    "the bias of one class": (BIASED, lambda m: equal(m.bias_vector, diagonal([1, 0]) @ ones(2, 1))),
    "rows that do not sum to zero": (EQUAL, lambda m: equal(m.mean_features @ ones(2, 1), zeros(2, 1))),
}
"""Clauses that are false at some minimiser."""


@pytest.mark.parametrize("name", FALSE)
def test_a_false_clause_is_not_entailed(name: str) -> None:
    model, relation = FALSE[name]
    assert answer(model, relation(model))


NOT_UNDERSTOOD: dict[str, tuple[Model, Callable[[Model], Relation]]] = {
    "a norm": (EQUAL, lambda m: equal(sum_squares(m.features), 2 * trace(gram(m)))),
    "entries cut off at zero": (EQUAL, lambda m: equal(relu(gram(m)), gram(m))),
    "a product over samples": (EQUAL, lambda m: equal(m.features @ m.features.T, m.features @ m.features.T)),
    "labels": (EQUAL, lambda m: equal(m.features, m.mean_features @ one_hot(m.class_sizes))),
    "an entry of the bias": (BIASED, lambda m: equal(m.bias_vector[0, 0], Fraction(1, 2))),
    "a multiple of a sum of rows": (
        BIASED,
        lambda m: equal(2 * (m.product.T @ ones(2, 1)), (gram(m)[0, 0] * identity(2)) @ zeros(2, 1)),
    ),
    "a diagonal of variables": (EQUAL, lambda m: equal(diagonal([gram(m)[0, 0]] * 2), gram(m))),
    "division by zero": (TIE, lambda m: equal(trace(gram(m)) ** -1 * trace(gram(m)), 1)),
    "a transposed bias": (BIASED, lambda m: equal(m.bias_vector.T, ones(1, 2) / 2)),
    "means over samples on both sides": (EQUAL, lambda m: equal(class_means(sample_gram(m), (3, 1)), zeros(4, 2))),
    "a constant times a scalar at the minimiser": (EQUAL, lambda m: equal(trace(gram(m)) * ones(2, 2), gram(m))),
}
"""True and false clauses whose operations the algebra does not cover, or not exactly; none raises another error."""


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_not_entailed(name: str) -> None:
    model, relation = NOT_UNDERSTOOD[name]
    assert answer(model, relation(model))


TRUE: dict[str, tuple[Model, Callable[[Model], Relation]]] = {
    "features are their means": (UNEQUAL, lambda m: equal(m.features, repeat_columns(m.mean_features, m.class_sizes))),
    "means over the classes": (UNEQUAL, lambda m: equal(class_means(m.features, m.class_sizes), m.mean_features)),
    "half the bias": (BIASED, lambda m: equal(Fraction(1, 2) * m.bias_vector, Fraction(1, 4) * ones(2, 1))),
    "one block": (DEEP, lambda m: equal(trace(gram(m)[(1, 2), (1, 2)]), gram(m)[1, 1] + gram(m)[2, 2])),
    "a projection": (NARROW, lambda m: equal(trace(gram(m)) * gram(m), 2 * gram(m) @ gram(m))),
    "means of labels": (
        EQUAL,
        lambda m: equal(class_means(one_hot(m.class_sizes), m.class_sizes) @ gram(m), gram(m)),
    ),
    "either at a tie": (TIE, lambda m: equal(gram(m), gram(m).T)),
}


@pytest.mark.parametrize("name", TRUE)
def test_a_true_clause_is_entailed(name: str) -> None:
    model, relation = TRUE[name]
    assert answer(model, relation(model)) == ""


@pytest.mark.parametrize("name", [name for name, (model, _) in FALSE.items() if model is TIE])
def test_a_clause_is_decided_at_every_minimiser_of_a_tie(name: str) -> None:
    """Also where the claim names zero alone."""
    zero = {n: zeros(*v.shape) for n, v in TIE.variables.items()}
    assert answer(TIE, FALSE[name][1](TIE), minimisers=(zero,))


def test_no_engine_proves_what_is_false() -> None:
    """A false clause beside true ones: the symbolic engine refutes it, and proves the others."""
    clauses = (
        clause("true", TRUE["means over the classes"][1](UNEQUAL)),
        clause("false", FALSE["trace over samples"][1](UNEQUAL)),
    )
    instance = Instance(of(UNEQUAL, *clauses), {}, statements()["dang2023-deep-imbalanced"])
    found = {
        f.clause: (f.conclusion, f.assurance)
        for f in load("symbolic").examine(instance, Settings(device="cpu")).findings
    }
    assert found["true"] == found["value"] == ("holds", "proved")
    assert found["false"] == ("refuted", "certified")


def test_a_false_value_and_a_false_uniqueness_are_not_entailed() -> None:
    base = published(TIE)
    claim = GlobalMinimum(TIE, base.value + constant(1), base.minimisers, (), not base.unique)
    context = Context()
    _model_minimum(claim, TIE, 0, context)
    theorem = proofs.find("dang2023-value")
    assert theorem is not None
    answers = theorem.entails(claim, context.field, context.logits or {})
    assert answers["value"]
    assert answers["uniqueness"]
