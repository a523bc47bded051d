"""What the theorem about the best scale of a fit says about a claim: nothing false, and nothing of other problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

import proofs
from proofs.entailment import NotEntailed
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.claims import GlobalMinimum, Minimisation, clause, equal, less
from theory.ops import constant, smallest_positive_root, sqrt, variable
from theory.papers.sukenik2023 import scale_minimum, scale_problem, scale_root
from theory.strategies import threshold

HALF = Fraction(1, 2)


def answers(claim: GlobalMinimum) -> dict[str, str]:
    theorem = proofs.find("sukenik2024-g")
    assert theorem is not None
    assert isinstance(claim.problem, Minimisation)
    sides = [side for c in claim.clauses for r in c.relations for side in (r.left, r.right)]
    points = [p["y"] for p in claim.minimisers]
    return theorem.entails(claim, AlgebraicNumbers([claim.value, claim.problem.objective, *points, *sides]), {})


def load(depth: int, ratio: Fraction) -> object:
    return constant(ratio * threshold(depth)) ** Fraction(1, depth + 1)


@pytest.mark.parametrize("half", [Fraction(1, 2), Fraction(1, 4), Fraction(3)])
@pytest.mark.parametrize("ratio", [Fraction(1, 2), Fraction(1), Fraction(3, 2)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_minimum_is_entailed(depth: int, ratio: Fraction, half: Fraction) -> None:
    assert set(answers(scale_minimum(depth, ratio, half)).values()) == {""}


RIGHT = scale_minimum(3, Fraction(1, 2), HALF)
TIE = scale_minimum(3, Fraction(1), HALF)
Y = variable("y")


FALSE: dict[str, tuple[GlobalMinimum, str]] = {
    "another value": (replace(RIGHT, value=RIGHT.value + 1), "value"),
    "two minimisers": (replace(RIGHT, unique=False), "uniqueness"),
    "one minimiser at a tie": (replace(TIE, unique=True), "uniqueness"),
    "a clause that fails": (replace(RIGHT, clauses=(clause("small", less(Y, HALF)),)), "small"),
    "a clause that fails at zero": (replace(TIE, clauses=(clause("positive", less(0, Y)),)), "positive"),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_clause_is_not_entailed(name: str) -> None:
    claim, false = FALSE[name]
    assert answers(claim)[false]


def at(claim: GlobalMinimum, *points: object) -> GlobalMinimum:
    return replace(claim, minimisers=tuple({"y": constant(p)} for p in points))


ELSEWHERE: dict[str, Callable[[], GlobalMinimum]] = {
    "zero where the root is better": lambda: at(RIGHT, 0),
    "the root and zero": lambda: at(RIGHT, RIGHT.minimisers[0]["y"], 0),
    "zero alone at a tie": lambda: at(TIE, 0),
    "the smallest root": lambda: at(RIGHT, scale_root(3, load(3, Fraction(1, 2)), smallest_positive_root)),  # type: ignore[arg-type]
    "no root": lambda: at(RIGHT, HALF),
    "minus the root, at an even depth": lambda: at(
        scale_minimum(1, Fraction(1, 4), HALF), -1 * scale_minimum(1, Fraction(1, 4), HALF).minimisers[0]["y"]
    ),
}
"""Claims whose minimisers are not those of the theorem."""


@pytest.mark.parametrize("name", ELSEWHERE)
def test_minimisers_elsewhere_are_not_entailed(name: str) -> None:
    with pytest.raises(NotEntailed, match="minimiser"):
        answers(ELSEWHERE[name]())


PROBLEM = scale_problem(3, sqrt(Fraction(1, 500)), HALF)

OTHER: dict[str, Minimisation] = {
    "negative scales too": replace(PROBLEM, nonnegative=frozenset()),
    "another power": replace(PROBLEM, objective=PROBLEM.objective + Y**3),
    "another factor": replace(PROBLEM, objective=2 * PROBLEM.objective),
    "no fit": replace(PROBLEM, objective=HALF * 4 * sqrt(2) * Y**2),
    "a negative load": scale_problem(3, -1 * sqrt(Fraction(1, 500)), HALF),
    "a depth of zero": replace(PROBLEM, objective=HALF * (1 - Y) ** 2 + HALF * sqrt(2) * Y**2),
    "two variables": replace(
        PROBLEM, objective=PROBLEM.objective + variable("x"), variables={"y": Y, "x": variable("x")}
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_problem_is_not_spoken_of(name: str) -> None:
    with pytest.raises(NotEntailed):
        answers(GlobalMinimum(OTHER[name], constant(1), ({n: constant(0) for n in OTHER[name].variables},)))


def test_relations_of_the_minimum_are_decided_exactly() -> None:
    root = RIGHT.minimisers[0]["y"]
    assert answers(replace(RIGHT, clauses=(clause("root", equal(Y, root)),)))["root"] == ""
