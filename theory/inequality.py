"""Inequalities between scalars that are claimed for all values of variables, within constraints where there are any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from theory.ops import Expression, FormulaError, ShapeError, substitute, to_json, variable
from theory.relations import Point, Relation, called, check_point, point_json, record, undeclared
from theory.spaces import Space

Where = Callable[..., Any] | Sequence[Relation] | Relation


@dataclass(frozen=True, init=False)
class Inequality:
    """``left ≤ right`` at all points of the variables' spaces at which the constraints ``where`` hold.

    The sides are formulas over ``variables``; or functions, recorded once over variables of the shapes or spaces
    (``theory.spaces``) that are named. Constraints are relations, or a function that returns them. What is recorded is
    over the spaces' free matrices: the sides, the constraints, and the points ``tight`` at which equality is claimed,
    where that is given. ``spaces`` names the spaces of variables over whose free matrices the sides already are.
    ``near`` has points at which the sides are close: searches start there too, and nothing is claimed of them.

    Raises:
        FormulaError, ShapeError: for sides that are no scalars, for formulas that use or ignore a variable wrongly,
            and for a constraint that mentions no variable.

    >>> from theory import equal, psd
    >>> from theory.ops import sum_squares, trace
    >>> claim = Inequality(lambda A: sum_squares(A), lambda A: 1, A=psd(2), where=lambda A: equal(trace(A), 1))
    >>> claim.variables["A"].shape, claim.where[0].sign
    ((2, 2), '=')
    """

    left: Expression
    right: Expression
    variables: Mapping[str, Expression]
    tight: tuple[Point, ...] = ()
    where: tuple[Relation, ...] = ()
    spaces: tuple[tuple[str, Space], ...] = ()
    near: tuple[Point, ...] = ()

    def __init__(
        self,
        left: Expression | Callable[..., Any],
        right: Expression | Callable[..., Any],
        variables: Mapping[str, Expression] | None = None,
        tight: tuple[Point, ...] = (),
        where: Where = (),
        spaces: tuple[tuple[str, Space], ...] = (),
        near: tuple[Point, ...] = (),
        **shapes: tuple[int, ...] | Space,
    ) -> None:
        if (variables is None) == (not shapes):
            raise FormulaError("an inequality takes either its variables, or a shape or space for each by name")
        plain = {n: shape.shape if isinstance(shape, Space) else shape for n, shape in shapes.items()}
        free = {name: variable(name, shape) for name, shape in plain.items()} if variables is None else variables
        named = {name: space for name, space in shapes.items() if isinstance(space, Space)}
        inside = {name: space.of(free[name]) for name, space in named.items()}
        relations = _relations(where, free)
        sides = [side if isinstance(side, Expression) else record(side, free) for side in (left, right)]
        _check(sides, relations, free)
        fields = {
            "left": substitute(sides[0], inside),
            "right": substitute(sides[1], inside),
            "variables": free,
            "tight": tight,
            "where": tuple(
                Relation(substitute(r.left, inside), r.sign, substitute(r.right, inside)) for r in relations
            ),
            "spaces": (*spaces, *named.items()),
            "near": near,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        for point in (*tight, *near):
            check_point(point, free)

    kind = "inequality"

    @property
    def clause_names(self) -> tuple[str, ...]:
        """All clauses that an engine can report on."""
        return ("inequality", *(("tight",) if self.tight else ()))

    @property
    def elements(self) -> dict[str, Expression]:
        """The variables as they were written down: elements of their spaces, as formulas over the free matrices."""
        return {**self.variables, **{name: space.of(self.variables[name]) for name, space in self.spaces}}

    @property
    def nonnegative(self) -> frozenset[str]:
        """Variables whose free matrix matters only where it is not negative."""
        return frozenset(name for name, space in self.spaces if space.kind == "nonnegative")

    def to_json(self) -> dict[str, Any]:
        """The whole claim as plain data."""
        return {
            "kind": self.kind,
            "variables": {name: list(v.shape) for name, v in self.variables.items()},
            "spaces": {name: space.kind for name, space in self.spaces},
            **self.stated(),
            "tight": [point_json(point) for point in self.tight],
        }

    def stated(self) -> dict[str, Any]:
        """What a certificate states of the claim: both sides, and the constraints on the point."""
        where = [{"sign": r.sign, "sides": to_json(r.left, r.right)} for r in self.where]
        return {"sides": to_json(self.left, self.right), "where": where}


def _inside(relation: Relation, values: Mapping[str, Expression]) -> Relation:
    return Relation(substitute(relation.left, values), relation.sign, substitute(relation.right, values))


def _relations(where: Where, variables: Mapping[str, Expression]) -> tuple[Relation, ...]:
    given = called(where, variables, "where") if callable(where) else where
    relations = (given,) if isinstance(given, Relation) else given
    if not isinstance(relations, list | tuple) or not all(isinstance(r, Relation) for r in relations):
        raise FormulaError("where gives a list of relations, such as [equal(trace(A), 1), at_most(x, 2)]")
    return tuple(relations)


def _check(sides: Sequence[Expression], relations: Sequence[Relation], variables: Mapping[str, Expression]) -> None:
    if any(side.shape for side in sides):
        raise ShapeError("an inequality compares scalars")
    formulas = [*sides, *(side for relation in relations for side in (relation.left, relation.right))]
    for formula in formulas:
        if unknown := undeclared(formula, variables):
            raise FormulaError(f"the inequality uses {unknown[0]}, which is not one of its variables")
    for relation in relations:
        if not relation.left.variables | relation.right.variables:
            raise FormulaError("a constraint mentions no variable: it holds everywhere or nowhere")
    unused = sorted(set(variables) - frozenset().union(*(formula.variables for formula in formulas)))
    if unused:
        raise FormulaError(f"the formula ignores the variable {unused[0]}")
