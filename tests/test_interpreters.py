"""The arithmetics agree with numpy and each other, balls enclose, and the algebraic normal form never guesses."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, fmpq
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.floats import Floats
from theory.arithmetic.interpreters import Arithmetic, Balls, Rationals, Symbols, Undecidable, positive_roots, precision
from theory.ops import (
    Expression,
    blocks,
    class_means,
    constant,
    diagonal,
    exp,
    frobenius_norm,
    helmert,
    identity,
    kron,
    largest_root,
    log,
    log_sum_exp,
    nuclear_norm,
    one_hot,
    ones,
    operator_norm,
    rank,
    relu,
    repeat_columns,
    schatten,
    smallest_positive_root,
    softmax,
    sqrt,
    sum_squares,
    trace,
    variable,
    zeros,
)

F = Fraction
X, Y, S, x = variable("X", (3, 2)), variable("Y", (2, 3)), variable("S", (3, 3)), variable("x")

Case = tuple[Expression, Callable[..., Any], str]

CASES: dict[str, Case] = {
    "add": (X + Y.T, lambda X, Y, S, x: X + Y.T, "RBFA"),
    "subtract": (X - Y.T, lambda X, Y, S, x: X - Y.T, "RBFA"),
    "scale": (x * X / 3, lambda X, Y, S, x: x * X / 3, "RBFA"),
    "scale by zero": (0 * X, lambda X, Y, S, x: 0 * X, "RBFA"),
    "matmul": (X @ Y @ S, lambda X, Y, S, x: X @ Y @ S, "RBFA"),
    "transpose": ((X @ Y).T, lambda X, Y, S, x: (X @ Y).T, "RBFA"),
    "trace": (trace(S @ X @ Y), lambda X, Y, S, x: np.trace(S @ X @ Y), "RBFA"),
    "sum of squares": (sum_squares(X), lambda X, Y, S, x: np.sum(X**2), "RBFA"),
    "integer powers": (x**3 - x**-2, lambda X, Y, S, x: x**3 - x**-2, "RBFA"),
    "entry": (X[2, 1], lambda X, Y, S, x: X[2, 1], "RBFA"),
    "entry from the end": (X[-1, -2], lambda X, Y, S, x: X[-1, -2], "RBFA"),
    "submatrix": (S[(2, 0, 0), (1, 2)], lambda X, Y, S, x: S[[2, 0, 0]][:, [1, 2]], "RBFA"),
    "slices": (S[1:, ::2], lambda X, Y, S, x: S[1:, ::2], "RBFA"),
    "identity, ones, zeros": (
        S + identity(3) - 2 * ones(3, 3) + zeros(3, 3),
        lambda X, Y, S, x: S + np.eye(3) - 2,
        "RBFA",
    ),
    "diagonal": (diagonal([x, 2, x**2]), lambda X, Y, S, x: np.diag([x, 2, x**2]), "RBFA"),
    "wide diagonal": (diagonal([x], 2, 3) @ S, lambda X, Y, S, x: np.eye(2, 3) * [[x], [0]] @ S, "RBFA"),
    "tall diagonal": (S @ diagonal([x, 2], 3, 2), lambda X, Y, S, x: S[:, :2] * [x, 2], "RBFA"),
    "one-hot": (one_hot((2, 1, 3)), lambda X, Y, S, x: np.repeat(np.eye(3), [2, 1, 3], axis=1), "RBFA"),
    "class means": (
        class_means(S, (2, 1)),
        lambda X, Y, S, x: np.stack([S[:, :2].mean(axis=1), S[:, 2]], axis=1),
        "RBFA",
    ),
    "repeat columns": (repeat_columns(X, (3, 1)), lambda X, Y, S, x: np.repeat(X, [3, 1], axis=1), "RBFA"),
    "kron": (kron(X, Y), lambda X, Y, S, x: np.kron(X, Y), "RBFA"),
    "kron with zeros": (
        kron(identity(2), X) + kron(X, identity(2))[:, (0, 2, 1, 3)],
        lambda X, Y, S, x: np.kron(np.eye(2), X) + np.kron(X, np.eye(2))[:, [0, 2, 1, 3]],
        "RBFA",
    ),
    "blocks": (
        blocks([[S, X], [Y, identity(2)]]),
        lambda X, Y, S, x: np.block([[S, X], [Y, np.eye(2)]]),
        "RBFA",
    ),
    "no columns": (helmert(1) @ helmert(1).T, lambda X, Y, S, x: np.zeros((1, 1)), "RBFA"),
    "relu": (relu(X), lambda X, Y, S, x: np.maximum(X, 0), "RBFA"),
    "helmert": (
        helmert(4) @ helmert(4).T,
        lambda X, Y, S, x: np.eye(4) - 1 / 4,
        "BFA",
    ),
    "radicals of constants": (
        sqrt(2) * constant(3) ** F(2, 5) + x,
        lambda X, Y, S, x: 2**0.5 * 3**0.4 + x,
        "BFA",
    ),
    "roots of constants": (
        x * largest_root([-6, 11, -6, 1]) + smallest_positive_root([F(1, 3), -2, 1]),
        lambda X, Y, S, x: 3 * x + 1 - np.sqrt(2 / 3),
        "BFA",
    ),
    "radical of a value": (sqrt(x) + x ** F(-2, 3), lambda X, Y, S, x: x**0.5 + x ** (-2 / 3), "BF"),
    "Frobenius norm": (frobenius_norm(X), lambda X, Y, S, x: np.linalg.norm(X), "BF"),
    "operator norm": (operator_norm(X), lambda X, Y, S, x: np.linalg.norm(X, 2), "BF"),
    "nuclear norm": (nuclear_norm(Y), lambda X, Y, S, x: np.linalg.norm(Y, "nuc"), "BF"),
    "Schatten": (
        schatten(S, F(2, 3)),
        lambda X, Y, S, x: np.sum(np.linalg.svd(S, compute_uv=False) ** (2 / 3)),
        "BF",
    ),
    "Schatten of low rank": (schatten(ones(3, 4), F(2, 3)), lambda X, Y, S, x: 12 ** (1 / 3), "BF"),
    "Schatten of zero": (schatten(zeros(2, 3), F(1, 4)), lambda X, Y, S, x: 0.0, "BFA"),
    "Schatten of a diagonal": (schatten(diagonal([8, 27], 2, 3), F(2, 3)), lambda X, Y, S, x: 13.0, "BFA"),
    "operator norm of a diagonal": (operator_norm(diagonal([2, sqrt(5), 1])), lambda X, Y, S, x: 5**0.5, "BFA"),
    "operator norm of zero": (operator_norm(zeros(2, 2)), lambda X, Y, S, x: 0.0, "BFA"),
    "operator norm of equal values": (operator_norm(helmert(4)), lambda X, Y, S, x: 1.0, "BF"),
    "rank": (rank(S @ X @ Y), lambda X, Y, S, x: np.linalg.matrix_rank(S @ X @ Y), "RFA"),
    "rank of a constant": (rank(identity(3) - ones(3, 3) / 4 + ones(3, 3) / 4), lambda X, Y, S, x: 3.0, "RBFA"),
    "rank of equal rows": (rank(ones(3, 4)), lambda X, Y, S, x: 1.0, "RBFA"),
    "rank of zero": (rank(zeros(2, 3)), lambda X, Y, S, x: 0.0, "RBFA"),
}


def random_values(seed: int) -> dict[str, Any]:
    """Rational entries with both signs for matrices, a positive scalar."""
    random = Random(seed)
    values: dict[str, Any] = {
        v.data: [[F(random.randint(-9, 9), random.randint(1, 7)) for _ in range(v.shape[1])] for _ in range(v.shape[0])]
        for v in (X, Y, S)
    }
    return values | {"x": F(random.randint(1, 30), 7)}


def evaluate(arithmetic: Arithmetic, formula: Expression, values: dict[str, Any]) -> Any:
    number = arithmetic.number
    return arithmetic.evaluate(
        formula,
        {k: number(v) if isinstance(v, F) else [[number(e) for e in row] for row in v] for k, v in values.items()},
    )


def as_array(value: Any, convert: Callable[[Any], float]) -> Any:
    if isinstance(value, list):
        return np.array([[convert(e) for e in row] for row in value])
    return convert(value)


def in_rationals(formula: Expression, values: dict[str, Any]) -> Any:
    return as_array(evaluate(Rationals(), formula, values), float)


def in_balls(formula: Expression, values: dict[str, Any]) -> Any:
    def narrow(ball: Any) -> float:
        assert arb(ball).rad() < 1e-9
        return float(ball)

    with precision(200):
        return as_array(evaluate(Balls(), formula, values), narrow)


def in_floats(formula: Expression, values: dict[str, Any]) -> Any:
    tensors = {k: torch.tensor(np.array(v, dtype=float)) for k, v in values.items()}
    return Floats().evaluate(formula, tensors).numpy()


def in_algebraic_numbers(formula: Expression, values: dict[str, Any]) -> Any:
    field = AlgebraicNumbers([formula])
    return as_array(evaluate(field, formula, values), lambda value: float(field.enclose(value, 128)))


READERS = {"R": in_rationals, "B": in_balls, "F": in_floats, "A": in_algebraic_numbers}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", CASES)
def test_every_operation_agrees_with_numpy(name: str, reader: str) -> None:
    formula, reference, able = CASES[name]
    for seed in range(3):
        values = random_values(seed)
        if reader not in able:
            with pytest.raises(Undecidable):
                READERS[reader](formula, values)
            continue
        expected = reference(**{k: np.array(v, dtype=float) for k, v in values.items()})
        found = READERS[reader](formula, values)
        assert np.shape(found) == formula.shape
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "columns"), [(2, 1), (5, 4), (6, 2), (9, 8)])
def test_helmert_columns_are_orthonormal_with_zero_sum(size: int, columns: int) -> None:
    U = helmert(size, columns)
    gram, sums = U.T @ U - identity(columns), ones(1, size) @ U
    field = AlgebraicNumbers([gram, sums])
    assert all(field.is_zero(entry) for part in (gram, sums) for row in field.evaluate(part) for entry in row)


def test_helmert_spans_the_simplex_etf() -> None:
    K = 5
    U = helmert(K)
    gap = U @ U.T - (identity(K) - ones(K, K) / K)
    field = AlgebraicNumbers([gap])
    assert all(field.is_zero(entry) for row in field.evaluate(gap) for entry in row)


@pytest.mark.parametrize("arithmetic", [Rationals(), Balls(), Symbols(), AlgebraicNumbers([x])])
def test_what_has_no_value_is_an_error(arithmetic: Arithmetic) -> None:
    with pytest.raises(KeyError):
        arithmetic.evaluate(x)
    with pytest.raises(Undecidable, match="division by zero"):
        arithmetic.evaluate(1 / constant(0))


# -------------------------------------------------------------------------------------------------------------- balls


@pytest.mark.parametrize(
    ("coefficients", "smallest", "largest"),
    [
        ([-6, 11, -6, 1], 1.0, 3.0),
        ([6, 11, 6, 1], None, None),
        ([1, 0, 1], None, None),
        ([-2, 0, 1], 2**0.5, 2**0.5),
        ([0, -1, 1], 1.0, 1.0),
        ([0, 0, 2, -3, 1], 1.0, 2.0),
        ([-1, 0, 0, 0, 0, 0, 0, 1], 1.0, 1.0),
        ([2, -2 * sqrt(3), 1], 3**0.5 - 1, 3**0.5 + 1),
        ([F(1, 10**30), -1, 1], 1e-30, 1.0),
        ([1, -2, 1], None, None),
        ([1, -2 * sqrt(2) / sqrt(2), 1], None, None),
        ([-(10**40), 1], 1e40, 1e40),
    ],
)
def test_positive_roots_in_balls(coefficients: list[Any], smallest: float | None, largest: float | None) -> None:
    for formula, expected in ((smallest_positive_root(coefficients), smallest), (largest_root(coefficients), largest)):
        with precision(128):
            if expected is None:
                with pytest.raises(Undecidable):
                    Balls().evaluate(formula)
            else:
                assert float(Balls().evaluate(formula)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("coefficients", [[-2, 0, 1], [-1, sqrt(2), 3, 1], [1, -4, 0, 0, 1], [-1, 1, F(1, 10**9)]])
def test_the_radius_of_a_root_shrinks_with_the_precision(coefficients: list[Any]) -> None:
    balls = []
    for bits in (64, 128, 256, 1024):
        with precision(bits):
            balls.append(Balls().evaluate(largest_root(coefficients)))
            assert balls[-1].rad() < arb(2) ** (20 - bits)
    assert all(coarse.contains(fine) or coarse.overlaps(fine) for coarse in balls for fine in balls)


def test_roots_closer_than_the_precision_are_undecided_and_then_told_apart() -> None:
    close = [(1 + F(1, 2**60)), -(2 + F(1, 2**60)), 1]  # (x − 1)(x − 1 − 2⁻⁶⁰)
    with precision(64), pytest.raises(Undecidable):
        Balls().evaluate(largest_root(close))
    with precision(1024):
        assert Balls().evaluate(largest_root(close)) > 1
        assert Balls().evaluate(largest_root(close)) > Balls().evaluate(smallest_positive_root(close))


@given(st.lists(st.fractions(min_value=F(1, 9), max_value=9, max_denominator=9), min_size=1, max_size=4, unique=True))
@example([F(13, 2), F(51, 8)])  # where the iteration for all roots fails from its first start
def test_the_roots_of_a_product_of_linear_factors_are_found(roots: list[Fraction]) -> None:
    coefficients = [F(1)]
    for root in roots:
        shifted = [F(0), *coefficients]
        coefficients = [a - root * b for a, b in zip(shifted, [*coefficients, F(0)], strict=True)]
    with precision(256):
        found = positive_roots([Balls().number(c) for c in coefficients])
        assert len(found) == len(roots)
    for ball, root in zip(found, sorted(roots), strict=True):
        exact = fmpq(root.numerator, root.denominator)
        assert ball.lower().fmpq() <= exact <= ball.upper().fmpq()


def test_the_largest_of_overlapping_balls_encloses_the_maximum() -> None:
    tiny = F(1, 2**90)
    with precision(64):
        values = [arb(1, 1e-3), arb(1) + arb(1, 1e-2) - 1, Balls().number(1 + tiny)]
        assert Balls().largest(values).contains(arb(1.01))
        assert Balls().largest(values[::-1]).contains(arb(1.01))


def test_small_powers_of_singular_values_that_may_be_zero_are_enclosed() -> None:
    with precision(128):
        ball = Balls().evaluate(schatten(helmert(5) @ helmert(5).T, F(1, 8)))
        assert ball.contains(4)
        assert ball.rad() < 0.1


# -------------------------------------------------------------------------------------------------- algebraic numbers


def decide_equal(left: Expression, right: Expression) -> bool:
    field = AlgebraicNumbers([left, right])
    return field.is_zero(field.evaluate(left) - field.evaluate(right))


GOLDEN = largest_root([-1, -1, 1])
THREE = [largest_root([-1, -k, 0, 1]) for k in (1, 2, 4)]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (sqrt(2) * sqrt(8), constant(4), True),
        (sqrt(2) * sqrt(3), sqrt(6), True),
        (1 / (sqrt(2) - 1), sqrt(2) + 1, True),
        (1 / (sqrt(2) - 1), sqrt(2) + constant(1) + F(1, 10**20), False),
        (sqrt(2), constant(F(1414213562373095048801688724209698, 10**33)), False),
        (constant(F(8, 27)) ** F(1, 3), constant(F(2, 3)), True),
        (constant(12) ** F(3, 4), 2 * sqrt(6) * constant(3) ** F(1, 4), True),
        (sqrt(sqrt(2)) ** 4, constant(2), True),
        (sqrt(3 + sqrt(2)) ** 2, 3 + sqrt(2), True),
        (sqrt(3 + sqrt(2)) ** 2, 3 - sqrt(2), False),
        (sqrt(3 + sqrt(2)) * sqrt(3 + sqrt(2)) ** -1, constant(1), True),
        (sqrt(1 / (3 + sqrt(2))) * sqrt(3 + sqrt(2)), constant(1), True),
        (GOLDEN**2, GOLDEN + 1, True),
        (1 / GOLDEN, GOLDEN - 1, True),
        (GOLDEN**10, 55 * GOLDEN + 34, True),
        (GOLDEN**10, 55 * GOLDEN + 34 + F(1, 10**60), False),
        (sqrt(GOLDEN) ** 4, GOLDEN + 1, True),
        (
            largest_root([-1, 0, -2 * sqrt(2), 1]) ** 3,
            2 * sqrt(2) * largest_root([-1, 0, -2 * sqrt(2), 1]) ** 2 + 1,
            True,
        ),
        # roots that are radicals in disguise, as at thresholds
        (largest_root([-2, 0, 1]) ** 2, constant(2), True),
        (sqrt(largest_root([-2, 0, 1])) ** 4, constant(2), True),
        (largest_root([-1, 0, sqrt(2)]) ** 4, constant(F(1, 2)), True),
        (largest_root([2, -3, 1]), constant(2), True),
        (smallest_positive_root([2, -3, 1]), constant(1), True),
        (largest_root([sqrt(2), 0, -5 * sqrt(2), 0, sqrt(2) * 4]), constant(1), True),
        (largest_root([-2 - F(1, 10**80), 0, 1]), sqrt(2), False),
        # sums over several roots
        (sum(THREE, constant(0)) - THREE[1], THREE[2] + THREE[0], True),
        (THREE[0] * THREE[1] / THREE[0], THREE[1], True),
        (THREE[0] ** 3 + THREE[1] ** 3, THREE[0] + 2 * THREE[1] + 2, True),
        ((THREE[0] + THREE[1]) ** 2, THREE[0] ** 2 + THREE[1] ** 2, False),
        (1 / (THREE[0] + THREE[1]) * (THREE[0] ** 2 - THREE[1] ** 2), THREE[0] - THREE[1], True),
    ],
)
def test_normal_form_decides_equality(left: Expression, right: Expression, expected: bool) -> None:
    assert decide_equal(left, right) is expected


SIGN = 1 - sqrt(2)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sqrt(2) + sqrt(3), sqrt(5 + 2 * sqrt(6))),  # needs the minimal polynomial of a nested radical
        (sqrt(SIGN**2), -SIGN),
        (sqrt(SIGN**2), SIGN),
        (sqrt(SIGN * SIGN), SIGN),
        (sqrt(SIGN * (1 - sqrt(3))), sqrt(SIGN) * sqrt(1 - sqrt(3))),
        (sqrt(SIGN) ** 2, SIGN),
        (largest_root([1, 0, 1]) ** 2, constant(-1)),
        (largest_root([1, -2, 1]), constant(1)),
        (largest_root([F(4, 27), -1, 2, -1]), constant(F(4, 3))),  # its other root is double
        (sqrt(sqrt(2) - sqrt(2)), constant(0)),
    ],
)
def test_what_the_normal_form_cannot_decide_is_undecidable(left: Expression, right: Expression) -> None:
    with pytest.raises(Undecidable):
        decide_equal(left, right)


radicands = st.sampled_from([constant(c) for c in (2, 3, F(1, 2), F(4, 9), 6, 12)])
polynomials = st.sampled_from([[-2, 0, 1], [-1, -1, 1], [-1, -2, 0, 1], [1, -3, 1], [-3, 0, 0, 1], [-1, 0, sqrt(2)]])


@st.composite
def algebraic_formulas(draw: Any, depth: int = 3) -> Expression:
    """Small formulas of radicals and roots."""
    if not depth:
        kind = draw(st.integers(0, 2))
        if kind == 0:
            return draw(radicands) ** draw(st.sampled_from([F(1, 2), F(1, 3), F(-3, 2), F(1)]))
        return draw(st.sampled_from([largest_root, smallest_positive_root]))(draw(polynomials))
    left, right = draw(algebraic_formulas(depth - 1)), draw(algebraic_formulas(draw(st.integers(0, depth - 1))))
    operation = draw(st.integers(0, 5))
    if operation == 0:
        return left + right
    if operation == 1:
        return left - right
    if operation == 2:
        return left * right
    if operation == 3:
        return left / right
    if operation == 4:
        return sqrt(left * left)
    return sqrt(left)


@given(algebraic_formulas())
@settings(deadline=None, max_examples=150)
def test_no_formula_is_called_zero_that_a_ball_excludes_from_zero(formula: Expression) -> None:
    try:
        field = AlgebraicNumbers([formula])
        zero = field.is_zero(field.evaluate(formula))
    except Undecidable:
        assume(False)
    with precision(500):
        ball = Balls().evaluate(formula)
    assert arb(ball).contains(0) if zero else not ball < 1e-140 or not ball > -1e-140


def test_enclosures_of_a_root_of_fractions_overlap_at_every_precision() -> None:
    """Also at those at which zeros were decided while the field was being made."""
    shares = [1 / (1 + 4 * exp(constant(-s))) for s in (1, 2)]
    formula = sqrt(1 - shares[0]) + sqrt(1 - shares[1])
    field = AlgebraicNumbers([formula])
    with precision(100):
        expected = Balls().evaluate(formula)
    for bits in (64, 100, 128, 256, 512, 2048):
        assert field.enclose(field.evaluate(formula), bits).overlaps(expected)


def test_a_radical_that_the_field_was_not_made_for_is_no_guess() -> None:
    field = AlgebraicNumbers([sqrt(2)])
    for formula in (constant(2) ** F(1, 3), sqrt(3), GOLDEN):
        with pytest.raises(ValueError, match="not among the formulas"):
            field.evaluate(formula)
    of_a_variable = AlgebraicNumbers([sqrt(x)])
    assert of_a_variable.evaluate(sqrt(x), {"x": of_a_variable.number(F(4))}).rational() == 2
    for value in (F(3), F(-4)):
        with pytest.raises(Undecidable):
            of_a_variable.evaluate(sqrt(x), {"x": of_a_variable.number(value)})


def test_dividing_by_a_zero_in_disguise_is_undecidable() -> None:
    formula = 1 / (sqrt(2) * sqrt(8) - 4)
    with pytest.raises(Undecidable, match="division by zero"):
        AlgebraicNumbers([formula]).evaluate(formula)


def test_structural_zeros_are_zero() -> None:
    formula = diagonal([sqrt(2), GOLDEN]) @ diagonal([0, 1])
    field = AlgebraicNumbers([formula])
    assert [[field.is_zero(entry) for entry in row] for row in field.evaluate(formula)] == [[True, True], [True, False]]


def test_a_schatten_norm_of_a_matrix_of_low_rank_is_a_number() -> None:
    """Singular values that are zero are balls around it, of which a root must not become nan."""
    from fractions import Fraction

    from theory.arithmetic.interpreters import Balls, precision
    from theory.ops import schatten, variable

    X = variable("X", (3, 3))
    with precision(200):
        balls = Balls()
        rows = [[balls.number(Fraction(i * j)) for j in (1, 2, 3)] for i in (1, 2, 3)]
        for exponent in (Fraction(1, 2), Fraction(2, 3), Fraction(1), Fraction(3, 2)):
            value = balls.evaluate(schatten(X, exponent), {"X": rows})
            assert value.is_finite()
            assert abs(float(value) - 14 ** float(exponent)) < 1e-6


def test_the_softmax_of_logarithms_is_exact() -> None:
    z = diagonal([log(3), log(2), 0]) @ ones(3, 1)
    field = AlgebraicNumbers([z, log(5)])
    shares = field.evaluate(softmax(z))
    assert [row[0].rational() for row in shares] == [F(1, 2), F(1, 3), F(1, 6)]
    assert field.is_zero(field.evaluate(log_sum_exp(z))[0][0] - field.evaluate(log(6)))


@pytest.mark.parametrize("entry", [constant(1), sqrt(2) * log(3), log(3) ** 2, log(7)])
def test_exponentials_that_leave_the_field_are_undecidable(entry: Expression) -> None:
    z = diagonal([entry, 0]) @ ones(2, 1)
    with pytest.raises(Undecidable):
        AlgebraicNumbers([z]).evaluate(softmax(z))


def test_the_singular_values_of_a_multiple_of_a_projection_are_exact() -> None:
    X = log(3) * (identity(3) - ones(3, 3) / 3)
    assert decide_equal(nuclear_norm(X), 2 * log(3))
    assert decide_equal(operator_norm(sqrt(2) * X), sqrt(2) * log(3))
    with pytest.raises(Undecidable):
        decide_equal(nuclear_norm(X + sqrt(2) * identity(3)), log(3))


def test_a_root_of_a_composite_logarithm_is_that_of_the_sum() -> None:
    root, s = sqrt(log(F(17, 2))), log(17) - log(2)
    assert decide_equal(root**2, s)
    assert decide_equal(log(1 + sqrt(F(1, 4))), log(3) - log(2))


def test_an_exponential_of_a_multiple_of_a_multiple_of_a_logarithm_is_a_power() -> None:
    assert exp(F(1, 2) * (-4 * log(variable("x")))) is variable("x") ** -2


def test_the_rank_of_what_is_not_seen_to_be_rational_is_not_known() -> None:
    for arithmetic, formula in ((Balls(), rank(sqrt(2) * ones(2, 2))), (Balls(), rank(ones(2, 2) / 3))):
        with pytest.raises(Undecidable, match="the rank of rational matrices only"):
            arithmetic.evaluate(formula)
    irrational = rank(sqrt(2) * ones(2, 2))
    with pytest.raises(Undecidable, match="the rank of rational matrices only"):
        AlgebraicNumbers([irrational]).evaluate(irrational)
