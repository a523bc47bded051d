"""The coherent configuration of K_r against dense matrices, and families against the formulas that they record."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.arithmetic.interpreters import Rationals
from theory.configurations import (
    EDGES,
    POINT,
    VERTICES,
    Element,
    adjacency,
    adjacency_element,
    choose,
    class_size,
    identity_element,
    incidence,
    incidence_element,
    ones_element,
    structure_constant,
)
from theory.families import Sizes, chain, classes, eye, family, hole, indexed, named, ones, product, put, relu, step
from theory.families import depth as L
from theory.families import incidence_family as T
from theory.families import vertices as r
from theory.notation import LATEX, text
from theory.ops import Expression, FormulaError, ShapeError

SIZES = (POINT, VERTICES, EDGES)
RANGE = range(4, 9)

Dense = list[list[Fraction]]


def times(left: Dense, right: Dense) -> Dense:
    columns = list(zip(*right, strict=True))
    return [[sum((x * y for x, y in zip(row, c, strict=True)), Fraction(0)) for c in columns] for row in left]


@st.composite
def elements(draw: st.DrawFn, r: int, rows: int | None = None) -> Element:
    sizes = [rows if rows is not None else draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES))]
    numbers = st.fractions(-3, 3, max_denominator=4)
    coefficients = draw(st.lists(numbers, min_size=min(sizes) + 1, max_size=min(sizes) + 1))
    return Element(sizes[0], sizes[1], tuple(coefficients), r)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Element, Element]:
    """Two elements that can be multiplied."""
    number = draw(st.integers(4, 6))
    left = draw(elements(number))
    return left, draw(elements(number, left.columns))


@given(pairs())
def test_products_are_those_of_dense_matrices(pair: tuple[Element, Element]) -> None:
    left, right = pair
    assert (left @ right).dense(left.r) == times(left.dense(left.r), right.dense(left.r))


@given(st.integers(4, 6).flatmap(elements))
def test_what_acts_on_entries_acts_on_coefficients(X: Element) -> None:
    dense = X.dense(X.r)
    assert X.T.dense(X.r) == [list(column) for column in zip(*dense, strict=True)]
    assert X.relu(lambda x: (x > 0) - (x < 0)).dense(X.r) == [[max(x, Fraction(0)) for x in row] for row in dense]
    assert X.entrywise(X).dense(X.r) == [[x * x for x in row] for row in dense]
    assert (X + 2 * X - X).dense(X.r) == [[2 * x for x in row] for row in dense]
    assert X.sum_squares == sum(x * x for row in dense for x in row)
    if X.rows == X.columns:
        assert X.trace == sum(dense[i][i] for i in range(len(dense)))


@given(st.integers(4, 6).flatmap(elements))
def test_one_and_ones(X: Element) -> None:
    assert identity_element(X.rows, X.r) @ X == X
    assert X.entrywise(ones_element(X.rows, X.columns, X.r)) == X


@pytest.mark.parametrize("number", RANGE)
def test_structure_constants_are_counts(number: int) -> None:
    """Every constant, at five numbers of vertices: more than a polynomial of degree 2 has coefficients."""
    subsets = {size: [frozenset(x) for x in combinations(range(number), size)] for size in SIZES}
    for a, b, c in ((a, b, c) for a in SIZES for b in SIZES for c in SIZES):
        for meet in range(min(a, c) + 1):
            row, column = next((x, y) for x in subsets[a] for y in subsets[c] if len(x & y) == meet)
            for i, j in ((i, j) for i in range(min(a, b) + 1) for j in range(min(b, c) + 1)):
                count = sum(len(row & x) == i and len(x & column) == j for x in subsets[b])
                assert structure_constant((a, i), (c, j), b, meet, number) == count


def test_structure_constants_are_polynomials_of_degree_two_at_most() -> None:
    symbol = sp.Symbol("r")
    for a, b, c in ((a, b, c) for a in SIZES for b in SIZES for c in SIZES):
        for meet in range(min(a, c) + 1):
            for i, j in ((i, j) for i in range(min(a, b) + 1) for j in range(min(b, c) + 1)):
                found = sp.Poly(sp.expand(structure_constant((a, i), (c, j), b, meet, symbol)), symbol)
                assert found.degree() <= b


@pytest.mark.parametrize("number", RANGE)
def test_no_class_is_empty_from_four_vertices_on(number: int) -> None:
    assert all(class_size(a, b, i, number) > 0 for a in SIZES for b in SIZES for i in range(min(a, b) + 1))
    assert class_size(EDGES, EDGES, 0, 3) == 0


@pytest.mark.parametrize("number", RANGE)
def test_the_graph_matrices_are_those_of_the_statements(number: int) -> None:
    for formula, element in ((incidence, incidence_element), (adjacency, adjacency_element)):
        assert recorded(formula(number)) == element(number).dense(number)


def test_shapes_must_fit() -> None:
    X = incidence_element(5)
    for wrong in (lambda: X @ X, lambda: X + X.T, lambda: X.trace, lambda: X.entrywise(X.T)):
        with pytest.raises(ShapeError):
            wrong()
    with pytest.raises(ShapeError, match="coefficients"):
        Element(VERTICES, EDGES, (Fraction(1),), 5)
    with pytest.raises(ShapeError, match="vertices or edges"):
        identity_element(3, 5)
    assert choose(4, 3) == 4


# ------------------------------------------------------------ families


def recorded(formula: Expression) -> list[list[Fraction]]:
    return [[Fraction(str(x)) for x in row] for row in Rationals().evaluate(formula)]


def test_a_chain_is_applied_as_often_as_it_says() -> None:
    doubled = chain(T, 2 * hole(VERTICES, EDGES), L - 3)
    for depth in (3, 4, 6):
        assert recorded(doubled.at(Sizes(4, depth))) == recorded(2 ** (depth - 3) * incidence(4))


def test_each_step_of_a_chain_has_its_own_constant() -> None:
    sizes = Sizes(4, 5, {"t": tuple(Fraction(x) for x in (2, 3, 5, 7, 11, 13))})
    assert chain(indexed("t", 0), indexed("t", step + 1) * hole(), L).at(sizes) is product("t", L).at(sizes)
    assert product("t", L).at(sizes).data == 2 * 3 * 5 * 7 * 11 * 13
    assert product("t", -1).at(sizes).data == 1


def test_families_refuse_what_does_not_fit() -> None:
    for wrong in (lambda: T @ T, lambda: T + 1, lambda: T * T, lambda: T**2, lambda: r @ T, lambda: relu(r)):
        with pytest.raises(ShapeError):
            wrong()
    with pytest.raises(FormulaError):
        family(0.5)
    with pytest.raises(ShapeError, match="hole"):
        chain(T, T, L)
    with pytest.raises(FormulaError):
        chain(r, r * hole(), r / 3).at(Sizes(4))
    with pytest.raises(FormulaError, match="natural"):
        indexed("t", r - 5).at(Sizes(4, 3, {"t": (Fraction(1),)}))


def test_put_replaces_every_occurrence() -> None:
    assert put(r**2 + r, family(3), r).at(Sizes(8)).data == 12
    assert put(T.T @ T, 2 * T, T) == (2 * T).T @ (2 * T)
    with pytest.raises(ShapeError):
        put(T, eye(VERTICES), T)


def test_a_name_is_for_reading_alone() -> None:
    W = named("W_{n+1}", (step + 1) * T)
    sizes = Sizes(4)
    assert chain(T, W @ (T.T @ hole(VERTICES, EDGES)), L - 3).at(sizes) is incidence(4)
    assert (str(W), text(W, LATEX)) == ("W_(n+1)", "W_{n+1}")
    assert put(W, family(2), r) is W
    assert put(W, family(2), step) == (family(2) + 1) * T
    assert named("M", T @ T.T).at(sizes) is (T @ T.T).at(sizes)
    assert str(indexed("decays", L - 1)) == "λ_(L − 1)"
    assert text(product("decays", L - 1), LATEX) == r"\lambda_0 \cdots \lambda_{L - 1}"
    assert str(indexed("y", 0) ** (L + 1)) == "y^(L + 1)"


def test_families_are_written_with_the_brackets_that_they_need() -> None:
    assert str((r - (classes - 1)) * T) == "(r − (K − 1)) T"
    assert str((T @ T.T) * (r - 2) ** (L - 1)) == "T Tᵀ (r − 2)^(L − 1)"
    assert str((r + 1) / (2 * r)) == "(r + 1)/(2 r)"
    assert str(r / 2 / 3) == "r/2/3"
    assert str(-r * Fraction(1, 2)) == "(−r) 1/2"
    assert text((r - 2) ** Fraction(1, 4) * ones(EDGES, VERTICES), LATEX) == (
        r"\left(r - 2\right)^{\frac{1}{4}} J_{K \times r}"
    )
