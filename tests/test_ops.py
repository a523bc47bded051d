"""The vocabulary of formulas records only what every arithmetic can read, and says at once what it cannot record."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from theory.arithmetic.interpreters import Rationals
from theory.ops import (
    Expression,
    FormulaError,
    ShapeError,
    blocks,
    class_means,
    compare,
    constant,
    diagonal,
    from_json,
    helmert,
    identity,
    kron,
    largest_root,
    nuclear_norm,
    one_hot,
    ones,
    operator_norm,
    rank,
    relu,
    repeat_columns,
    schatten,
    smallest_positive_root,
    sqrt,
    substitute,
    sum_squares,
    to_json,
    trace,
    variable,
    zeros,
)

F = Fraction
x, y = variable("x"), variable("y")
X, Y = variable("X", (2, 3)), variable("Y", (3, 2))

UNRECORDABLE: dict[str, Callable[[], Any]] = {
    "float literal": lambda: 0.5 * x,
    "float on the right": lambda: x + 1.0,
    "float exponent": lambda: x**0.5,
    "text exponent": lambda: x ** "1/2",  # type: ignore[operator]
    "symbolic exponent": lambda: x**y,  # type: ignore[operator]
    "float Schatten power": lambda: schatten(X, 0.5),  # type: ignore[arg-type]
    "Schatten power 0": lambda: schatten(X, 0),
    "truth value as a number": lambda: x * True,
    "numpy scalar": lambda: np.float64(2) * x,
    "numpy array": lambda: X @ np.eye(3),
    "numpy array on the left": lambda: np.eye(2) @ X,
    "numpy function": lambda: np.sqrt(x),
    "numpy linear algebra": lambda: np.linalg.norm(X),
    "numpy sum": lambda: np.sum(X),
    "math function": lambda: math.sqrt(x),
    "torch function": lambda: torch.relu(X),
    "torch tensor": lambda: torch.ones(2, 2) @ X,
    "torch tensor on the right": lambda: X @ torch.ones(3, 2),
    "if": lambda: 1 if x else 0,
    "if equal to a number": lambda: 1 if x == 0 else 0,
    "if unequal": lambda: 1 if x != F(1, 2) else 0,
    "if less": lambda: 1 if x < y else 0,  # type: ignore[operator]
    "maximum": lambda: max(x, y),  # type: ignore[call-overload]
    "absolute value": lambda: abs(x),  # type: ignore[arg-type]
    "loop over rows": lambda: list(X),
    "index without column": lambda: X[0],  # type: ignore[index]
    "index of a mixed kind": lambda: X[0, :],
    "norm of a number": lambda: sum_squares(3),  # type: ignore[arg-type]
    "variable without a name": lambda: variable(""),
    "constant polynomial": lambda: largest_root([1]),
    "power of x alone": lambda: smallest_positive_root([0, 0, 1]),
}


@pytest.mark.parametrize("formula", UNRECORDABLE.values(), ids=UNRECORDABLE)
def test_what_cannot_be_recorded_is_an_error_at_once(formula: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        formula()


MISFITS: dict[str, Callable[[], Any]] = {
    "sum": lambda: X + Y,
    "matrix plus number": lambda: X + 1,
    "product": lambda: X @ X,
    "entrywise product": lambda: X * X,
    "scalar @": lambda: x @ X,
    "quotient by a matrix": lambda: x / X,
    "power of a matrix": lambda: X**2,
    "root of a matrix": lambda: sqrt(X),
    "trace": lambda: trace(X),
    "trace of a scalar": lambda: trace(x),
    "transpose of a scalar": lambda: x.T,
    "sum of squares of a scalar": lambda: sum_squares(x),
    "relu of a scalar": lambda: relu(x),
    "operator norm of a scalar": lambda: operator_norm(x),
    "rank of a scalar": lambda: rank(x),
    "entry of a scalar": lambda: x[0, 0],
    "entry outside": lambda: X[2, 0],
    "entry outside, negative": lambda: X[0, -4],
    "submatrix outside": lambda: X[(0, 1), (0, 3)],
    "too many diagonal entries": lambda: diagonal([1, 2], 1, 2),
    "too many for no rows": lambda: diagonal([1], 0, 2),
    "matrices on a diagonal": lambda: diagonal([X, X]),
    "matrix as a coefficient": lambda: largest_root([-1, X]),
    "class means": lambda: class_means(X, (2, 2)),
    "class of size 0": lambda: class_means(X, (3, 0)),
    "class of half a sample": lambda: one_hot((F(1, 2),)),  # type: ignore[arg-type]
    "an empty grid": lambda: blocks([]),
    "a grid with a gap": lambda: blocks([[X, X], [X]]),
    "blocks of two heights": lambda: blocks([[X, X.T]]),
    "blocks of two widths": lambda: blocks([[X], [X.T]]),
    "repeated columns": lambda: repeat_columns(X, (1, 2)),
    "helmert": lambda: helmert(3, 3),
    "helmert of nothing": lambda: helmert(0),
    "vector": lambda: variable("v", (3,)),
    "negative size": lambda: zeros(2, -1),
    "float size": lambda: variable("Z", (2.0, 2)),  # type: ignore[arg-type]
    "substituted": lambda: substitute(x, {"x": X}),
}


@pytest.mark.parametrize("formula", MISFITS.values(), ids=MISFITS)
def test_shapes_that_do_not_fit_are_an_error_at_once(formula: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError):
        formula()


def test_an_error_names_the_shapes() -> None:
    with pytest.raises(ShapeError, match=r"cannot multiply \(2, 3\) by \(2, 3\)"):
        X @ X


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (x + 0, x),
        (1 * x, x),
        (x * 2, 2 * x),
        (x**1, x),
        (x**0, constant(1)),
        (0 * x, constant(0)),
        (X.T.T, X),
        (sqrt(2), constant(2) ** F(1, 2)),
        (constant(2) ** -2, constant(F(1, 4))),
        (x - y, x + -1 * y),
        (X[-1, -1], X[1, 2]),
        (X[:, 1:], X[(0, 1), (1, 2)]),
        (largest_root([0, -2, 1, 0]), largest_root([-2, 1])),
    ],
)
def test_equal_formulas_are_one_object(left: Expression, right: Expression) -> None:
    assert left is right
    assert left == right
    assert hash(left) == hash(right)


def test_different_formulas_are_different_objects() -> None:
    assert variable("X", (2, 2)) is not variable("X", (2, 3))
    assert x * y is not y * x
    assert x != y
    assert X[0, 0] is not X[0, 1]


def test_a_deep_formula_needs_no_deep_recursion() -> None:
    total = constant(0)
    for i in range(5000):
        total = total + i * x
    assert total.variables == {"x"}
    assert from_json(to_json(total))[0] is total
    exact = Rationals()
    assert exact.evaluate(total, {"x": exact.number(F(2))}) == 4999 * 5000


def leaves(rows: int, columns: int) -> st.SearchStrategy[Expression]:
    matrices = [variable(f"V{rows}{columns}", (rows, columns)), ones(rows, columns), zeros(rows, columns)]
    if rows == columns:
        matrices += [identity(rows), diagonal([F(1, 2)] * rows)]
    if rows > 1 and columns <= rows - 1:
        matrices.append(helmert(rows, columns))
    return st.sampled_from(matrices)


@st.composite
def matrices(draw: Any, rows: int, columns: int, depth: int = 3) -> Expression:
    """A random matrix formula of a shape."""
    if not depth:
        return draw(leaves(rows, columns))
    inner = st.integers(1, 3)
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(matrices(rows, columns, depth - 1)) + draw(matrices(rows, columns, depth - 1))
    if kind == 1:
        return draw(scalars(depth - 1)) * draw(matrices(rows, columns, depth - 1))
    if kind == 2:
        k = draw(inner)
        return draw(matrices(rows, k, depth - 1)) @ draw(matrices(k, columns, depth - 1))
    if kind == 3:
        return draw(matrices(columns, rows, depth - 1)).T
    if kind == 4:
        return relu(draw(matrices(rows, columns, depth - 1)))
    if kind == 8:
        return kron(draw(matrices(rows, 1, depth - 1)), draw(matrices(1, columns, depth - 1)))
    if kind == 9:
        halves = [draw(matrices(rows, columns, depth - 1)) for _ in range(4)]
        return blocks([halves[:2], halves[2:]])[range(rows), range(columns)]
    sizes = draw(st.lists(inner, min_size=columns, max_size=columns))
    if kind == 5:
        return class_means(draw(matrices(rows, sum(sizes), 0)), sizes)
    if kind == 6:
        chosen = st.lists(st.integers(0, 1), min_size=columns, max_size=columns)
        return draw(matrices(rows, 2, depth - 1))[range(rows), draw(chosen)]
    repeated = draw(matrices(rows, len(sizes), 0))
    return repeat_columns(repeated, sizes) @ ones(sum(sizes), columns)


@st.composite
def scalars(draw: Any, depth: int = 3) -> Expression:
    """A random scalar formula."""
    if not depth:
        return draw(st.sampled_from([x, y, constant(2), constant(F(-3, 7)), sqrt(2)]))
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return draw(scalars(depth - 1)) + draw(scalars(depth - 1))
    if kind == 1:
        return draw(scalars(depth - 1)) * draw(scalars(depth - 1))
    if kind == 2:
        return draw(scalars(depth - 1)) ** draw(st.sampled_from([-1, 2, F(1, 3), F(-2, 5)]))
    if kind == 3:
        return draw(st.sampled_from([largest_root, smallest_positive_root]))([-1, draw(scalars(0)), 1])
    matrix = draw(matrices(2, 2, depth - 1))
    norm = draw(st.sampled_from([trace, sum_squares, nuclear_norm, operator_norm]))
    return norm(matrix) if kind < 6 else matrix[0, 1]


@given(st.lists(scalars() | matrices(2, 3), min_size=1, max_size=3))
def test_the_canonical_form_goes_there_and_back(roots: list[Expression]) -> None:
    text = json.dumps(to_json(*roots), sort_keys=True)
    again = from_json(json.loads(text))
    assert all(a is b for a, b in zip(again, roots, strict=True))
    assert json.dumps(to_json(*again), sort_keys=True) == text


@given(scalars())
def test_recording_again_with_the_same_variables_changes_nothing(formula: Expression) -> None:
    assert substitute(formula, {}) is formula
    assert substitute(formula, {"x": x}) is formula


def test_the_canonical_form_is_pinned() -> None:
    assert to_json(sqrt(2) * trace(X @ X.T)) == [
        ["rational", [], "2", []],
        ["power", [], "1/2", [0]],
        ["variable", [2, 3], "X", []],
        ["transpose", [3, 2], None, [2]],
        ["matmul", [2, 2], None, [2, 3]],
        ["trace", [], None, [4]],
        ["scale", [], None, [1, 5]],
        [6],
    ]


def test_a_rational_of_a_thousand_digits_goes_there_and_back() -> None:
    big = constant(F(3**2000, 2**2000))
    assert from_json(json.loads(json.dumps(to_json(big))))[0] is big


V = ["variable", [2, 2], "V", []]
HOSTILE: dict[str, Any] = {
    "unknown operation": [["__import__", [], "os", []], [0]],
    "attribute as operation": [["__class__", [], None, []], [0]],
    "operation that is a list": [[["add"], [], None, []], [0]],
    "argument ahead": [V, ["trace", [], None, [1]], [1]],
    "negative argument": [V, ["trace", [], None, [-1]], [1]],
    "argument that is true": [V, V, ["trace", [], None, [True]], [1]],
    "argument that is a float": [V, ["trace", [], None, [0.0]], [1]],
    "too few arguments": [V, ["add", [2, 2], None, [0]], [1]],
    "too many arguments": [V, ["trace", [], None, [0, 0]], [1]],
    "arguments that are text": [V, ["trace", [], None, "0"], [1]],
    "shape of another operation": [V, ["trace", [2, 2], None, [0]], [1]],
    "wrong shape": [V, ["transpose", [2, 3], None, [0]], [1]],
    "identity that is not square": [["identity", [2, 3], None, []], [0]],
    "negative shape": [["ones", [2, -2], None, []], [0]],
    "float shape": [["ones", [2.0, 2], None, []], [0]],
    "true in a shape": [["ones", [True, 2], None, []], [0]],
    "shape that is a number": [["ones", 2, None, []], [0]],
    "code as a number": [["rational", [], "__import__('os').getcwd()", []], [0]],
    "float as a number": [["rational", [], 0.5, []], [0]],
    "float text as a number": [["rational", [], "1e400", []], [0]],
    "zero denominator": [["rational", [], "1/0", []], [0]],
    "zero denominator in zeros": [["rational", [], "1/000", []], [0]],
    "no exponent": [["rational", [], "2", []], ["power", [], None, [0]], [1]],
    "power of a matrix": [V, ["power", [2, 2], "2", [0]], [1]],
    "entry outside": [V, ["entry", [], [5, 0], [0]], [1]],
    "entry without column": [V, ["entry", [], [0], [0]], [1]],
    "class sizes that do not fit": [V, ["class_means", [2, 1], [3], [0]], [1]],
    "class sizes that are text": [V, ["class_means", [2, 2], "11", [0]], [1]],
    "data where there is none": [V, ["trace", [], {"a": 1}, [0]], [1]],
    "variable without a name": [["variable", [], None, []], [0]],
    "row too short": [["ones", [2, 2], None], [0]],
    "row that is a number": [7, [0]],
    "row that is text": ["ones", [0]],
    "root that is missing": [V, [1]],
    "roots that are no list": [V, 0],
    "nothing": [],
    "an object": {"0": V},
}


@pytest.mark.parametrize("rows", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_canonical_form_is_a_value_error(rows: Any) -> None:
    with pytest.raises(ValueError, match=r"formula|node"):
        from_json(rows)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["add", "1/2"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)


@given(st.integers(0, 7), st.integers(0, 3), json_values)
def test_a_damaged_canonical_form_is_a_formula_or_a_value_error(row: int, place: int, value: Any) -> None:
    rows = to_json(sqrt(2) * trace(X @ X.T))
    rows[row] = [*rows[row][:place], value, *rows[row][place + 1 :]]
    with suppress(ValueError):
        assert all(isinstance(root, Expression) for root in from_json(rows))


def test_substitution_folds_constants() -> None:
    formula = (x + y) * (x - y) / sqrt(x)
    assert substitute(formula, {"x": 4, "y": constant(F(1, 2))}) == F(63, 4) / sqrt(4)
    assert substitute(trace(X @ Y), {"Y": X.T}) is trace(X @ X.T)
    assert substitute(formula, {"x": y, "y": x}) is (y + x) * (y - x) / sqrt(y), "at the same time, not in turn"
    assert substitute(x * y, {"x": y}).variables == {"y"}


radicands = st.fractions(min_value=F(1, 50), max_value=50, max_denominator=50)
exponents = st.fractions(min_value=-3, max_value=3, max_denominator=4)


@given(radicands, exponents, radicands, exponents)
def test_compare_agrees_with_floats_and_is_antisymmetric(a: Fraction, p: Fraction, b: Fraction, q: Fraction) -> None:
    left, right = constant(a) ** p, constant(b) ** q
    gap = float(p) * math.log(a) - float(q) * math.log(b)
    assert compare(left, right) == -compare(right, left)
    if abs(gap) > 1e-9:
        assert compare(left, right) == (1 if gap > 0 else -1)
    assert compare(left * right, right * left) == 0
    assert compare(left, left * (1 + F(1, 10**30))) == -1


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (constant(8) ** F(1, 3), 2, 0),
        (sqrt(sqrt(5)), constant(25) ** F(1, 8), 0),
        (sqrt(2) * sqrt(3), sqrt(6), 0),
        (sqrt(2) / 2, 1 / sqrt(2), 0),
        (sqrt(2), F(665857, 470832), -1),
        (0, sqrt(3), -1),
        (constant(0), constant(0) ** F(1, 2), 0),
    ],
)
def test_compare_decides_equality(left: Any, right: Any, expected: int) -> None:
    assert compare(left, right) == expected


@pytest.mark.parametrize(
    "formula",
    [-sqrt(2), constant(-1), (-sqrt(2)) ** 2, sqrt(2) + 1, largest_root([-2, 0, 1]), x, 1 / constant(0), trace(X @ Y)],
)
def test_compare_refuses_what_it_cannot_decide(formula: Expression) -> None:
    with pytest.raises(FormulaError):
        compare(formula, sqrt(2))
