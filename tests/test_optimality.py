"""Exact conditions of optimality: what satisfies them, what does not, and that no stationary point passes for more."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Rationals, Undecidable
from theory.claims import GlobalMinimum, Point, clause, equal
from theory.closed_form.softmax import orthogonal_point, orthogonal_value, simplex_point, simplex_value
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, diagonal, identity, log, ones, repeat_columns, sqrt, zeros
from theory.papers import zhou2022mse
from theory.statement import Instance, find
from verify.engines import Settings
from verify.engines.symbolic import examine
from verify.methods import exact
from verify.methods.exact_points import objective_at, rotate
from verify.methods.optimality import covers, is_minimiser, is_positive_semidefinite, orbit

F = Fraction
SIMPLEX = UnconstrainedFeatures(class_sizes=(2, 2, 2), decays="1/30", loss="ce", bias="last-layer", widths=(4,))
SMOOTHED = SIMPLEX.with_(loss="label-smoothing", alpha=F(1, 10), bias="none", widths=(2,))
ORTHOGONAL = UnconstrainedFeatures(class_sizes=(9, 4, 2), decays="1/30", loss="ce", sign="nonnegative", widths=(4,))
SQUARED = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20", bias="last-layer", bias_decay=F(1))

CASES: list[tuple[UnconstrainedFeatures, Point]] = [
    (SIMPLEX, simplex_point(SIMPLEX)),
    (SIMPLEX.with_(bias_decay=F(1, 7)), simplex_point(SIMPLEX)),
    (SMOOTHED, simplex_point(SMOOTHED)),
    (ORTHOGONAL, orthogonal_point(ORTHOGONAL)),
    (SQUARED, zhou2022mse.point(SQUARED, F(1, 2))),
]


def in_field(model: UnconstrainedFeatures, point: Point) -> tuple[AlgebraicNumbers, dict[str, Any]]:
    """The field of a point and the point in it."""
    formulas = [*point.values(), model.objective, log(2), log(3), log(5)]
    if model.loss != "mse":
        formulas.append(orthogonal_value(model) if model.sign == "nonnegative" else simplex_value(model))
    field = AlgebraicNumbers(formulas)
    return field, field.point(point)


def accepted(model: UnconstrainedFeatures, point: Point) -> bool:
    """Whether a point passes for a minimiser; what cannot be decided does not."""
    try:
        return is_minimiser(model, *in_field(model, point))
    except Undecidable:
        return False


def zero(model: UnconstrainedFeatures) -> Point:
    return {name: zeros(*v.shape) for name, v in model.variables.items()}


@pytest.mark.parametrize(("model", "point"), CASES)
def test_closed_forms_are_minimisers_and_so_is_their_orbit(model: UnconstrainedFeatures, point: Point) -> None:
    field, values = in_field(model, point)
    assert covers(model)
    assert is_minimiser(model, field, values)
    for seed in range(3):
        turned = orbit(model, field, values, seed)
        assert turned["W_1"] != values["W_1"]
        assert is_minimiser(model, field, turned)


def means(model: UnconstrainedFeatures, point: Point) -> Expression:
    """The class means of a collapsed point."""
    starts = [sum(model.class_sizes[:k]) for k in range(model.K)]
    return point["H"][range(model.widths[0]), starts]


@pytest.mark.parametrize(("model", "point"), CASES)
@pytest.mark.parametrize("factor", [F(1_000_001, 1_000_000), F(2)])
def test_a_scaled_point_is_not_accepted(model: UnconstrainedFeatures, point: Point, factor: Fraction) -> None:
    scaled = {**point, "W_1": factor * point["W_1"]}
    assert not accepted(model, scaled)
    assert not accepted(model, {**scaled, "H": repeat_columns(means(model, point) * (1 / factor), model.class_sizes)})
    assert not is_minimiser(SQUARED, *in_field(SQUARED, {**CASES[-1][1], "W_1": factor * CASES[-1][1]["W_1"]}))


@pytest.mark.parametrize("model", [SIMPLEX, SMOOTHED, ORTHOGONAL])
def test_zero_is_stationary_and_still_no_minimiser_below_the_threshold(model: UnconstrainedFeatures) -> None:
    with pytest.raises(Undecidable):
        is_minimiser(model, *in_field(model, zero(model)))


def test_zero_is_a_minimiser_from_the_threshold_on() -> None:
    at = UnconstrainedFeatures(class_sizes=(1, 1, 1), decays=F(1, 3), loss="ce")
    assert is_minimiser(at, *in_field(at, zero(at)))
    below = at.with_(decays=F(33, 100))
    with pytest.raises(Undecidable):
        is_minimiser(below, *in_field(below, zero(below)))


def test_a_class_that_is_wrongly_off_is_no_minimiser() -> None:
    point = orthogonal_point(ORTHOGONAL)
    off = diagonal([1, 1, 0, 1])
    switched = {"W_1": point["W_1"] @ off}
    assert not accepted(ORTHOGONAL, {**switched, "H": repeat_columns(off @ means(ORTHOGONAL, point), (9, 4, 2))})


def test_features_that_are_not_collapsed_are_undecided() -> None:
    model = SMOOTHED.with_(widths=(6,))
    with pytest.raises(Undecidable):
        is_minimiser(model, *in_field(model, {"W_1": zeros(3, 6), "H": identity(6)}))


def test_what_the_conditions_do_not_cover() -> None:
    assert not covers(SIMPLEX.with_(loss="focal", gamma=F(2)))
    assert not covers(ORTHOGONAL.with_(bias="last-layer"))
    assert covers(ORTHOGONAL.with_(bias="last-layer", bias_decay=F(1)))
    assert not covers(UnconstrainedFeatures(class_sizes=(1, 1), depth=2, decays=1, loss="ce"))


@pytest.mark.parametrize("matrix", [[[2, 1], [1, 2]], [[1, 2], [2, 1]], [[0, 1], [1, 5]], [[0, 0], [0, 1]], [[-1]]])
def test_positive_semidefinite_as_over_the_rationals(matrix: list[list[int]]) -> None:
    field = AlgebraicNumbers([sqrt(2)])
    root = field.evaluate(sqrt(2))
    scaled = [[root * field.number(F(x)) for x in row] for row in matrix]
    expected = exact.is_positive_semidefinite([[F(x) for x in row] for row in matrix])
    assert is_positive_semidefinite(field, scaled) == expected


def examined(claim: GlobalMinimum) -> dict[str, str]:
    return {f.clause: f.conclusion for f in examine(Instance(claim), Settings()).findings}


def test_the_engine_certifies_true_clauses_and_refutes_false_ones() -> None:
    W = SIMPLEX.weights[0]
    clauses = (
        clause("zero sum", equal(ones(1, 3) @ W, zeros(1, 4))),
        clause("first feature unused", equal(W @ diagonal([1, 0, 0, 0]), zeros(3, 4))),
        clause("no bias", equal(SIMPLEX.bias_vector, zeros(3, 1))),
    )
    claim = GlobalMinimum(SIMPLEX, simplex_value(SIMPLEX), (simplex_point(SIMPLEX),), clauses, unique=False)
    found = examined(claim)
    assert found["value"] == found["attained"] == found["zero sum"] == "holds"
    assert found["first feature unused"] == found["no bias"] == found["uniqueness"] == "refuted"


def test_a_stationary_point_is_not_taken_for_a_minimum() -> None:
    claim = GlobalMinimum(SIMPLEX, log(3), (zero(SIMPLEX),), unique=True)
    assert examined(claim) == {"attained": "holds"}
    wrong = GlobalMinimum(ORTHOGONAL, orthogonal_value(ORTHOGONAL), (zero(ORTHOGONAL),))
    assert examined(wrong)["attained"] != "holds"


def test_a_relation_that_fails_at_a_minimiser_is_shown_with_its_sides() -> None:
    model = UnconstrainedFeatures(class_sizes=(16, 9, 4, 1), decays="1/30", widths=6)  # the last is at its threshold
    (statement,) = find("dang2023-minority-collapse")
    claim = statement.claim({"model": model}, "strict inequality at the threshold")
    details = {finding.clause: finding.detail for finding in examine(Instance(claim), Settings()).findings}
    assert details["minority collapse"] == "at an exact minimiser 0 < 0 fails"


@pytest.mark.parametrize("spare", range(6))
def test_wide_layers_are_turned_with_any_number_of_spare_directions(spare: int) -> None:
    """Beyond twelve dimensions only some directions are turned, three of the spare ones or as many as there are."""
    K, width = 12, 12 + spare
    model = UnconstrainedFeatures(class_sizes=(1,) * K, depth=2, decays="1/100", widths=(width, width))
    factors = {
        "H": diagonal([1] * K, width, K),
        "W_1": diagonal([1] * K, width, width),
        "W_2": diagonal([2] * K, K, width),
    }
    values = {name: Rationals().evaluate(factor) for name, factor in factors.items()}
    turned = rotate(model, Rationals(), values, seed=1)
    assert turned["W_1"] != values["W_1"]
    assert objective_at(model, Rationals(), turned) == objective_at(model, Rationals(), values)
