"""Identities between matrix polynomials hold at every point, and gradients are those that torch finds."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from theory.arithmetic.floats import Floats
from theory.arithmetic.interpreters import Rationals, Undecidable
from theory.model import UnconstrainedFeatures
from theory.ops import (
    Expression,
    constant,
    diagonal,
    helmert,
    identity,
    ones,
    relu,
    sqrt,
    sum_squares,
    trace,
    variable,
    zeros,
)
from verify.methods.free_algebra import Polynomial, candidates, evaluate, gradient, multipliers, read
from verify.methods.free_algebra import variable as letter

F = Fraction
X, Y, S = variable("X", (3, 2)), variable("Y", (2, 3)), variable("S", (3, 3))
LEAVES = {v.data: letter(v.data, v.shape) for v in (X, Y, S)}
Rows = list[list[Fraction]]


def random_point(variables: dict[str, Expression], seed: int) -> dict[str, Rows]:
    random = Random(seed)
    return {
        name: [[F(random.randint(-9, 9), random.randint(1, 5)) for _ in range(v.shape[1])] for _ in range(v.shape[0])]
        for name, v in variables.items()
    }


def as_floats(matrix: Any) -> Any:
    return np.array([[float(x) for x in row] for row in matrix])


FORMULAS = {
    "products": X @ Y @ S - S @ S.T / 3,
    "transposes": (X @ Y).T @ S.T + Y.T @ X.T,
    "constants between": X @ diagonal([1, F(1, 2)]) @ ones(2, 3) @ identity(3) @ S,
    "identity alone": S @ identity(3) - identity(3),
    "rectangular diagonal": diagonal([1, 1], 3, 2) @ Y,
    "zeros": X @ zeros(2, 2) @ Y + S,
    "all constant": ones(3, 2) @ ones(2, 3) / 7,
    "negative constant": -2 * (ones(3, 3) @ S),
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_a_polynomial_has_the_values_of_its_formula(formula: Expression) -> None:
    polynomial = read(formula, LEAVES)
    assert polynomial.shape == formula.shape
    for seed in range(3):
        point = random_point({"X": X, "Y": Y, "S": S}, seed)
        exact = Rationals()
        values = {name: [[exact.number(x) for x in row] for row in rows] for name, rows in point.items()}
        expected = [[F(str(x)) for x in row] for row in exact.evaluate(formula, values)]
        assert evaluate(polynomial, point) == expected
        assert evaluate(polynomial.T, point) == [list(column) for column in zip(*expected, strict=True)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((X @ Y).T, Y.T @ X.T),
        ((S + X @ Y) @ S, S @ S + X @ Y @ S),
        (X @ identity(2) @ Y, X @ Y),
        ((ones(3, 3) / 3) @ (ones(3, 3) / 3) @ S, ones(3, 3) @ S / 3),
        (S - S, zeros(3, 3)),
        (2 * (X @ Y) - X @ (2 * Y), zeros(3, 3)),
        (X @ (2 * identity(2)) @ Y, X @ Y + X @ Y),
    ],
)
def test_equal_formulas_have_one_normal_form(left: Expression, right: Expression) -> None:
    assert read(left, LEAVES).terms == read(right, LEAVES).terms


@pytest.mark.parametrize(
    ("left", "right"), [(S @ S.T, S.T @ S), (X @ Y, (X @ Y).T), (S @ ones(3, 3), ones(3, 3) @ S), (S, S.T)]
)
def test_factors_do_not_commute(left: Expression, right: Expression) -> None:
    assert read(left, LEAVES).terms != read(right, LEAVES).terms


@pytest.mark.parametrize("formula", [relu(S), sqrt(2) * S, variable("x") * S, helmert(3) @ Y, trace(S) * S])
def test_what_is_no_rational_polynomial_is_undecidable(formula: Expression) -> None:
    with pytest.raises(Undecidable):
        read(formula, LEAVES)


MODELS = [
    UnconstrainedFeatures(class_sizes=(2, 1), decays="1/10"),
    UnconstrainedFeatures(
        class_sizes=(1, 2), depth=3, weight_decays=("1/2", 3, "1/7"), feature_decay=2, widths=(2, 3, 1)
    ),
    UnconstrainedFeatures(class_sizes=(2, 2, 1), depth=2, decays="1/3", bias="last-layer"),
]
OBJECTIVES = [
    *((model.objective, model.variables) for model in MODELS),
    (sum_squares(S @ S @ S - identity(3)) - 2 * sum_squares(X.T @ S), {"S": S, "X": X}),
    (sum_squares(ones(2, 3)) + sum_squares(X @ Y @ X), {"X": X, "Y": Y}),
]


@pytest.mark.parametrize(("objective", "variables"), OBJECTIVES)
def test_gradients_are_those_of_torch(objective: Expression, variables: dict[str, Expression]) -> None:
    found = gradient(objective, variables)
    for seed in range(3):
        point = random_point(variables, seed)
        tensors = {name: torch.tensor(as_floats(rows), requires_grad=True) for name, rows in point.items()}
        Floats().evaluate(objective, tensors).backward()
        for name, polynomial in found.items():
            slope = tensors[name].grad
            assert slope is not None
            np.testing.assert_allclose(as_floats(evaluate(polynomial, point)), slope.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("objective", [trace(S), sum_squares(S) ** 2, sum_squares(relu(S)), sqrt(sum_squares(S))])
def test_other_objectives_have_no_such_gradient(objective: Expression) -> None:
    with pytest.raises(Undecidable):
        gradient(objective, {"S": S})


def balancedness(model: UnconstrainedFeatures, upper: Fraction, lower: Fraction) -> Polynomial:
    """upper · W_2ᵀW_2 − lower · W_1W_1ᵀ."""
    W1, W2 = model.weights[:2]
    leaves = {name: letter(name, (v.shape[0], v.shape[1])) for name, v in model.variables.items()}
    return read(upper * (W2.T @ W2) - lower * (W1 @ W1.T), leaves)


@pytest.mark.parametrize("model", MODELS[1:])
def test_multipliers_are_found_for_balancedness_and_are_an_identity(model: UnconstrainedFeatures) -> None:
    residual = balancedness(model, model.weight_decays[1], model.weight_decays[0])
    terms = candidates(gradient(model.objective, model.variables), model.variables, {}, [residual.shape])
    found = multipliers(residual, terms)
    assert found
    for seed in range(3):
        point = random_point(model.variables, seed)
        total = np.zeros(residual.shape)
        for multiplier in found:
            total = total + float(multiplier.coefficient) * as_floats(evaluate(terms[multiplier.name], point))
        np.testing.assert_allclose(total, as_floats(evaluate(residual, point)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("model", MODELS[1:])
def test_a_perturbed_identity_has_no_multipliers(model: UnconstrainedFeatures) -> None:
    upper, lower = model.weight_decays[1], model.weight_decays[0]
    shape = balancedness(model, upper, lower).shape
    terms = candidates(gradient(model.objective, model.variables), model.variables, {}, [shape])
    assert multipliers(balancedness(model, upper + F(1, 10**40), lower), terms) is None
    assert multipliers(balancedness(model, upper, -lower), terms) is None
    assert multipliers(balancedness(model, upper, lower), {}) is None


def test_features_of_critical_points_collapse() -> None:
    model = MODELS[0]
    leaves = {name: letter(name, (v.shape[0], v.shape[1])) for name, v in model.variables.items()}
    C = read(diagonal([1, 1, 0]) - diagonal([1, 1], 3, 2) @ ones(2, 2) @ diagonal([1, 1], 2, 3) / 2, leaves)
    W, H = leaves["W_1"], leaves["H"]
    residual = F(1, 3) * (W.T @ W @ H @ C) + model.feature_decay * (H @ C)
    terms = candidates(gradient(model.objective, model.variables), model.variables, {"C": C}, [residual.shape])
    assert [str(m) for m in multipliers(residual, terms) or ()] == ["1 · ∂H C"]


def test_a_zero_residual_needs_no_multipliers() -> None:
    zero = read(S - S, LEAVES)
    assert multipliers(zero, {}) == ()
    assert multipliers(zero, {"S": LEAVES["S"]}) == ()
    assert read(constant(0) * S, LEAVES).terms == {}
