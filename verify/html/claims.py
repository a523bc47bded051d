"""A claim as rows of a label and formulas, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from theory.claims import (
    Claim,
    Clause,
    Convergence,
    CriticalPoints,
    Experiment,
    GlobalMinimum,
    Identity,
    Inequality,
    NotGlobalMinimum,
    Spectrum,
)
from theory.model import Problem
from theory.ops import Expression
from theory.relations import Point, Relation
from verify.html.elements import Html, element
from verify.html.mathml import identifier, math, operator
from verify.html.notation import Notation

Line = Sequence[Expression | str]
"""One formula: expressions, markup, and words between them."""

Row = tuple[str, Sequence[Line]]
"""A label with formulas."""

UNIQUE = {
    True: "what is invariant under the model's symmetries is the same for all minimisers",
    False: "minimisers differ in what is invariant under the model's symmetries",
}


def formulas(claim: Claim) -> Html:
    """All that a claim says, a row a part of it, and the parts that have names last."""
    rows = _ROWS[type(claim)](claim)
    notation = Notation(part for _, lines in rows for line in lines for part in line if isinstance(part, Expression))
    shown = [_row(label, [_formula(line, notation) for line in lines]) for label, lines in rows]
    defined = [math(name, operator("="), value) for name, value in notation.definitions]
    return element("dl", shown, _row("where", defined) if defined else None, class_="claim")


def _row(label: str, lines: Iterable[Html]) -> list[Html]:
    once = dict.fromkeys(lines)
    return [element("dt", label), element("dd", *(element("div", line, class_="formula") for line in once))]


def _formula(line: Line, notation: Notation) -> Html:
    if all(type(part) is str for part in line):
        return element("span", " ".join(map(str, line)))
    return math(*(notation.write(part) if isinstance(part, Expression) else part for part in line))


def _minimum(claim: GlobalMinimum) -> list[Row]:
    unique = [] if claim.unique is None else [("uniqueness", [(UNIQUE[claim.unique],)])]
    return [
        *_problem("minimise", claim.problem),
        ("value", [(claim.value,)]),
        *(("attained at", _point(point)) for point in claim.minimisers),
        *_clauses(claim.clauses),
        *unique,
    ]


def _beaten(claim: NotGlobalMinimum) -> list[Row]:
    return [*_problem("some value of", claim.problem), ("is strictly below", [(claim.value,)])]


def _critical(claim: CriticalPoints) -> list[Row]:
    least = "the least eigenvalue of the Hessian is at most\u2002"
    curvature = [] if claim.curvature is None else [("curvature", [(least, claim.curvature)])]
    return [*_problem("critical points of", claim.problem), *_clauses(claim.clauses), *curvature]


def _inequality(claim: Inequality) -> list[Row]:
    where = [("within", [_relation(r) for r in claim.where])] if claim.where else []
    spaces = [("as elements of", [(f"{name}: {space.kind}",) for name, space in claim.spaces])] if claim.spaces else []
    claimed = ("inequality", [(claim.left, operator("≤"), claim.right)])
    return [_all(claim.variables), *spaces, *where, claimed, *(("equal at", _point(point)) for point in claim.tight)]


def _identity(claim: Identity) -> list[Row]:
    return _clauses(claim.clauses)


def _spectrum(claim: Spectrum) -> list[Row]:
    times = [(value, f"\u2002{count} time{'' if count == 1 else 's'}") for value, count in claim.eigenvalues]
    return [("matrix", [(claim.matrix,)]), ("eigenvalues", times)]


def _convergence(claim: Convergence) -> list[Row]:
    terms = [(f"at {t}:\u2002", term) for t, term in zip(claim.along, claim.terms, strict=True)]
    bounds = [(f"at {t}:\u2002", bound) for t, bound in zip(claim.along, claim.bounds, strict=False)]
    return [("terms", terms), ("limit", [(claim.limit,)]), *([("distance at most", bounds)] if bounds else [])]


def _experiment(claim: Experiment) -> list[Row]:
    given = [(f"{name} = {value}",) for name, value in claim.parameters.items()]
    return [("program", [(claim.run,)]), ("run with", given), *_clauses(claim.clauses)]


def _problem(label: str, problem: Problem) -> list[Row]:
    return [(label, [(problem.objective,)]), _all(problem.variables, getattr(problem, "nonnegative", ()))]


def _all(variables: Mapping[str, Expression], nonnegative: Iterable[str] = ()) -> Row:
    signed = set(nonnegative)
    lines: list[Line] = [
        (variable, operator("∈"), _space(variable), *_sign(name, signed)) for name, variable in variables.items()
    ]
    return "over", lines


def _sign(name: str, nonnegative: set[str]) -> Line:
    return (operator(","), identifier(name), operator("≥"), element("mn", "0")) if name in nonnegative else ()


def _space(variable: Expression) -> Html:
    reals = element("mi", "ℝ")
    if not variable.shape:
        return reals
    rows, columns = (element("mn", str(size)) for size in variable.shape)
    return element("msup", reals, element("mrow", rows, operator("×"), columns))


def _point(point: Point) -> list[Line]:
    return [(identifier(name), operator("="), value) for name, value in point.items()]


def _relation(relation: Relation) -> Line:
    return relation.left, operator(relation.sign), relation.right


def _clauses(clauses: Iterable[Clause]) -> list[Row]:
    return [(clause.name, [_relation(relation) for relation in clause.relations]) for clause in clauses]


_ROWS: dict[type, Callable[[Any], list[Row]]] = {
    GlobalMinimum: _minimum,
    NotGlobalMinimum: _beaten,
    CriticalPoints: _critical,
    Inequality: _inequality,
    Identity: _identity,
    Spectrum: _spectrum,
    Convergence: _convergence,
    Experiment: _experiment,
}
