"""A claim names its parts, stays within its problem's variables, and is the same data wherever it is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from theory.claims import (
    CriticalPoints,
    GlobalMinimum,
    Identity,
    Inequality,
    Minimisation,
    NotGlobalMinimum,
    Relation,
    at_most,
    clause,
    digest,
    equal,
    less,
    record,
)
from theory.model import UnconstrainedFeatures
from theory.ops import (
    FormulaError,
    ShapeError,
    constant,
    diagonal,
    from_json,
    operator_norm,
    sqrt,
    sum_squares,
    trace,
    variable,
    zeros,
)

MODEL = UnconstrainedFeatures(class_sizes=(2, 1), decays="1/10")
W, H = MODEL.weights[0], MODEL.features
x, y = variable("x"), variable("y")
SCALAR = Minimisation(x**2 + 1, {"x": x}, frozenset({"x"}))
ZERO = {"W_1": zeros(2, 2), "H": zeros(2, 3)}

MALFORMED: dict[str, Callable[[], Any]] = {
    "value that depends on a variable": lambda: GlobalMinimum(SCALAR, x),
    "value that is a matrix": lambda: GlobalMinimum(MODEL, zeros(1, 1)),
    "two clauses of one name": lambda: GlobalMinimum(MODEL, constant(0), (), (clause("a", equal(W, W)),) * 2),
    "a clause with a name of its own kind": lambda: GlobalMinimum(
        MODEL, constant(0), (), (clause("value", less(0, 1)),)
    ),
    "a clause that says nothing": lambda: clause("NC1"),
    "a clause about another variable": lambda: CriticalPoints(MODEL, (clause("a", at_most(x, 1)),)),
    "a clause about a variable of another shape": lambda: CriticalPoints(
        MODEL, (clause("a", equal(trace(variable("W_1", (3, 3))), 0)),)
    ),
    "sides of two shapes": lambda: equal(W, 0),
    "a relation turned round": lambda: Relation(x, "≥", y),
    "a point without a factor": lambda: GlobalMinimum(MODEL, constant(0), ({"W_1": zeros(2, 2)},)),
    "a point with one too many": lambda: GlobalMinimum(MODEL, constant(0), ({**ZERO, "b": zeros(2, 1)},)),
    "a point of the wrong shape": lambda: GlobalMinimum(MODEL, constant(0), ({**ZERO, "H": zeros(2, 2)},)),
    "a point that is not constant": lambda: GlobalMinimum(MODEL, constant(0), ({**ZERO, "W_1": W},)),
    "an inequality between matrices": lambda: Inequality(lambda X: X, lambda X: X, X=(2, 2)),
    "a variable that is not used": lambda: Inequality(lambda X, Y: trace(X), lambda X, Y: trace(X), X=(2, 2), Y=(2, 2)),
    "a variable times zero": lambda: Inequality(lambda u: 0 * u, lambda u: constant(1), u=()),
    "a variable that is not declared": lambda: Inequality(x, y, {"x": x}),
    "equality at a point of the wrong shape": lambda: Inequality(x, x**2, {"x": x}, ({"x": zeros(1, 1)},)),
    "an objective that is a matrix": lambda: Minimisation(W, {"W_1": W}),
    "an objective of another variable": lambda: Minimisation(x + y, {"x": x}),
    "an objective that ignores a variable": lambda: Minimisation(x, {"x": x, "y": y}),
    "a variable of another shape": lambda: Minimisation(trace(W), {"W_1": variable("W_1", (3, 3))}),
    "an identity that says nothing": lambda: Identity(()),
    "an identity about a variable": lambda: Identity((clause("a", equal(x, 1)),)),
    "two clauses of an identity with one name": lambda: Identity((clause("a", less(0, 1)),) * 2),
    "a beaten value that is a matrix": lambda: NotGlobalMinimum(MODEL, zeros(1, 1)),
    "a beaten value that depends on a variable": lambda: NotGlobalMinimum(SCALAR, x),
    "nonnegative matrices": lambda: Minimisation(trace(W), {"W_1": W}, frozenset({"W_1"})),
    "nonnegative strangers": lambda: Minimisation(x, {"x": x}, frozenset({"y"})),
}


@pytest.mark.parametrize("make", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_claim_is_an_error_at_once(make: Callable[[], Any]) -> None:
    with pytest.raises((FormulaError, ShapeError)):
        make()


def test_clause_names_are_those_that_the_claim_makes() -> None:
    named = (clause("NC1", equal(W, W)),)
    assert GlobalMinimum(MODEL, constant(0)).clause_names == ("value",)
    assert GlobalMinimum(MODEL, constant(0), (ZERO,), named, False).clause_names == (
        "value",
        "attained",
        "NC1",
        "uniqueness",
    )
    assert CriticalPoints(MODEL, named).clause_names == ("NC1",)
    assert Identity((clause("a", less(0, 1)), clause("b", equal(sqrt(4), 2)))).clause_names == ("a", "b")
    assert NotGlobalMinimum(MODEL, constant(1)).clause_names == ("beaten",)
    assert Inequality(lambda u: u, lambda u: u**2 + 1, u=()).clause_names == ("inequality",)


def test_functions_are_recorded_by_name_or_by_position() -> None:
    X, Y = variable("X", (2, 3)), variable("Y", (3, 2))
    declared = {"X": X, "Y": Y}
    assert record(lambda Y, X: X @ Y, declared) is X @ Y
    assert record(lambda A, B: A @ B, declared) is X @ Y
    assert record(lambda Y: Y, declared) is Y
    assert record(lambda: 3, declared) is constant(3)
    with pytest.raises(TypeError):
        record(lambda A: A, declared)
    with pytest.raises(FormulaError):
        record(lambda X: 0.5, declared)


CLAIMS: dict[str, Callable[[], Any]] = {
    "identity": lambda: Identity((clause("a", equal(sqrt(2) * sqrt(8), 4), less(sqrt(2), 2)),)),
    "beaten value": lambda: NotGlobalMinimum(MODEL, sqrt(2) / 3),
    "minimum": lambda: GlobalMinimum(MODEL, sqrt(2) / 3, (ZERO,), (clause("NC2", equal(W @ W.T, zeros(2, 2))),), True),
    "scalar minimum": lambda: GlobalMinimum(SCALAR, constant(1), ({"x": constant(0)},)),
    "critical points": lambda: CriticalPoints(MODEL, (clause("a", at_most(trace(W), 2), less(sum_squares(W), 9)),)),
    "inequality": lambda: Inequality(
        lambda X, Y: operator_norm(X @ Y), lambda X, Y: operator_norm(X) * operator_norm(Y), X=(2, 3), Y=(3, 2)
    ),
}


@pytest.mark.parametrize("make", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_is_plain_data_with_one_digest(make: Callable[[], Any]) -> None:
    data = make().to_json()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert digest(make()) == digest(make())


def test_claims_that_differ_anywhere_have_different_digests() -> None:
    base = {"problem": MODEL, "value": sqrt(2), "minimisers": (ZERO,), "clauses": (clause("a", equal(W, W)),)}
    changes: list[dict[str, Any]] = [
        {},
        {"problem": MODEL.with_(feature_decay=Fraction(1, 11))},
        {"problem": MODEL.with_(class_sizes=(1, 2))},
        {"value": sqrt(2) + Fraction(1, 10**40)},
        {"minimisers": ()},
        {"minimisers": ({**ZERO, "W_1": diagonal([1], 2, 2)},)},
        {"clauses": ()},
        {"clauses": (clause("b", equal(W, W)),)},
        {"clauses": (clause("a", at_most(W, W)),)},
        {"unique": True},
        {"unique": False},
    ]
    digests = {digest(GlobalMinimum(**(base | change))) for change in changes}
    assert len(digests) == len(changes)


def test_the_sides_of_an_inequality_can_be_read_again() -> None:
    claim = CLAIMS["inequality"]()
    assert from_json(json.loads(json.dumps(claim.to_json()["sides"]))) == (claim.left, claim.right)
