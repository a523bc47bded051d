"""Exact linear algebra and the bounds that certificates show; tampered ones must be rejected."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.model import UnconstrainedFeatures
from theory.ops import sqrt, variable
from verify.methods import exact
from verify.methods.exact import Rejected, enclosure, is_positive_semidefinite, is_sum_of_squares, sum_of_squares

F = Fraction
TINY = F(1, 10**40)


def rows(*entries: tuple[int, ...]) -> list[list[Fraction]]:
    return [[F(x) for x in row] for row in entries]


def product(factor: list[list[int]]) -> list[list[Fraction]]:
    return [[F(sum(a * b for a, b in zip(p, q, strict=True))) for q in factor] for p in factor]


@given(st.integers(1, 6).flatmap(lambda k: st.lists(st.lists(st.integers(-9, 9), min_size=k, max_size=k), min_size=1)))
@settings(max_examples=60, deadline=None)
def test_gram_matrices_are_positive_semidefinite_and_minus_them_are_not(factor: list[list[int]]) -> None:
    gram = product(factor)
    assert is_positive_semidefinite(gram)
    assert is_positive_semidefinite([[-x for x in row] for row in gram]) == (not any(map(any, gram)))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_zero_matrix_is_positive_semidefinite(size: int) -> None:
    assert is_positive_semidefinite([[F(0)] * size for _ in range(size)])


def test_a_singular_matrix_is_accepted_and_one_indefinite_by_1e_40_is_not() -> None:
    singular = product([[1, 2, 3], [2, 4, 6], [1, 0, 1], [3, 4, 7]])
    assert is_positive_semidefinite(singular)
    for i in range(4):
        dented = copy.deepcopy(singular)
        dented[i][i] -= TINY
        assert not is_positive_semidefinite(dented)


def test_a_zero_pivot_needs_a_zero_column() -> None:
    assert not is_positive_semidefinite(rows((1, 1, 0), (1, 1, 1), (0, 1, 100)))
    assert not is_positive_semidefinite([[F(0), TINY], [TINY, F(10**50)]])


def test_matrices_that_are_not_symmetric_are_refused() -> None:
    with pytest.raises(ValueError, match="symmetric"):
        is_positive_semidefinite(rows((1, 2), (3, 4)))
    with pytest.raises(ValueError, match="square"):
        is_positive_semidefinite(rows((1, 2)))


@pytest.mark.parametrize(
    "polynomial",
    [
        [2, -2, 1],
        [1, 0, 0, 0, 0, 0, 1],
        [7],
        [TINY, 0, 1],  # nearly a double root at 0
        [TINY, 0, 0, 0, 1],  # nearly a fourfold root
        [TINY + 4, 0, -5, 0, F(33, 16), 0, F(-5, 16), 0, F(1, 64)],  # (y² − 1/2)² …: nearly several double roots
    ],
)
def test_positive_polynomials_get_an_exact_sum_of_squares(polynomial: list[Any]) -> None:
    coefficients = [F(c) for c in polynomial]
    if len(coefficients) == 9:
        wells = times([F(2), F(-3), F(1)], [F(0), F(1)])  # y (y − 1)(y − 2)
        coefficients = times(wells, wells)
        coefficients[0] += TINY
    gram = sum_of_squares(coefficients, TINY / 10**6)
    assert gram is not None
    assert is_sum_of_squares(coefficients, gram)
    gram[0][0] += TINY / 10**9
    assert not is_sum_of_squares(coefficients, gram)


def times(p: list[Fraction], q: list[Fraction]) -> list[Fraction]:
    result = [F(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return result


@pytest.mark.parametrize("polynomial", [[-TINY, 0, 1], [0, 1], [1, 0, -1], [1, -2, F(999, 1000)]])
def test_polynomials_that_become_negative_get_none(polynomial: list[Any]) -> None:
    assert sum_of_squares([F(c) for c in polynomial], F(1, 10**50)) is None


def squares() -> dict[str, Any]:
    """One class of one sample, M = 1, λ_W λ_H = 1/100: κ = 1/5, φ − 19/100 = (y² − 9/10)²."""
    model = UnconstrainedFeatures(class_sizes=(1,), decays="1/10")
    gram = [["81/100", "0", "-9/10"], ["0", "0", "0"], ["-9/10", "0", "1"]]
    mode = {"mode": "1", "radical": "1/5", "bound": "19/100", "gram": gram, "factors": ["1", "9/10"]}
    return {"kind": "sos", "model": model.to_json(), "modes": [mode]}


def test_a_mode_is_evaluated_exactly() -> None:
    lower, upper = enclosure(squares())
    assert lower == F(19, 200)
    assert upper == F(1, 200) + F(1, 20) + F(81, 2000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"radical": str(F(1, 5) + TINY)}, "rounded down"),
        ({"radical": "-1"}, "rounded down"),
        ({"bound": str(F(19, 100) + TINY)}, "not that of the polynomial"),
        ({"mode": "2"}, "missing"),
        ({"factors": ["1"]}, "1 factors instead of 2"),
        ({"gram": [["81/100", "0", "0"], ["0", "-9/5", "0"], ["0", "0", "1"]]}, "not positive semidefinite"),
        ({"gram": [["1", "0"], ["0", "1", "0"]]}, "shape"),
    ],
)
def test_tampered_modes_are_rejected(change: dict[str, Any], reason: str) -> None:
    certificate = squares()
    certificate["modes"][0] |= change
    with pytest.raises(Rejected, match=reason):
        enclosure(certificate)


def test_modes_of_a_bias_and_of_a_narrow_layer() -> None:
    sizes = (6, 4, 4, 4)
    active, idle = exact.modes(UnconstrainedFeatures(class_sizes=sizes, decays=1, widths=(2,)))
    assert dict(active) == {6: 1, 4: 1}
    assert dict(idle) == {4: 2}
    balanced = UnconstrainedFeatures(class_sizes=(3, 3, 3), decays=1, bias="last-layer")
    assert [dict(part) for part in exact.modes(balanced)] == [{3: 2}, {}]
    with pytest.raises(Rejected, match="not rational"):
        exact.modes(UnconstrainedFeatures(class_sizes=sizes, decays=1, bias="last-layer"))


def test_a_formula_becomes_a_rational_function_whose_irrational_parts_are_balls() -> None:
    x = variable("x")
    function = exact.RationalFunctions().function(1 / (1 + x**3) + sqrt(2) * x, "x")
    assert function.middle()[1] == [1, 0, 0, 1]
    below = function.above(F(0), half_line=True)
    assert below[0] == 1
    assert 0 < 2 - below[1] ** 2 < F(1, 10**80)
    with pytest.raises(Rejected, match="irrational"):
        exact.RationalFunctions().function(sqrt(2) * x + x**2, "x").above(F(0), half_line=False)
    with pytest.raises(Rejected, match="denominator"):
        exact.RationalFunctions().function(1 / (1 - x), "x").above(F(0), half_line=True)
