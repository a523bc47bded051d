"""Inequalities under constraints and over typed spaces: only points that meet all constraints count, exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import Inequality, at_most, equal, less, nonnegative, psd, symmetric
from theory.claims import digest, record
from theory.ops import (
    FormulaError,
    ShapeError,
    frobenius_norm,
    identity,
    nuclear_norm,
    ones,
    operator_norm,
    relu,
    sqrt,
    sum_squares,
    trace,
    variable,
)
from theory.relations import Relation
from theory.statement import Instance, statements
from verify import checker
from verify.cli import main
from verify.engines import ENGINES, Settings, load
from verify.methods.equations import Equations, degree, meets
from verify.methods.feasible import exact_points
from verify.recheck import differs
from verify.results import Examination
from verify.runner import examine
from verify.trace import elements
from verify.verdict import Evidence, Unable
from verify.witness import violation

F = Fraction


def purity(bound: Any, n: int = 2, where: Callable[..., Any] | None = None) -> Inequality:
    """‖A‖² ≤ bound over density matrices: 1 is the best bound."""
    return Inequality(
        lambda A: sum_squares(A), lambda A: bound, A=psd(n), where=where or (lambda A: equal(trace(A), 1))
    )


def stochastic(bound: Any, n: int = 3) -> Inequality:
    """‖P‖² ≤ bound over doubly stochastic matrices: n is the best bound, at permutations."""
    return Inequality(
        lambda P: sum_squares(P),
        lambda P: bound,
        P=nonnegative(n, n),
        where=lambda P: [equal(P @ ones(n, 1), ones(n, 1)), equal(ones(1, n) @ P, ones(1, n))],
    )


def correlation(bound: Any) -> Inequality:
    """The sum of correlations of three variables is at least −3/2."""
    return Inequality(
        lambda A: bound,
        lambda A: A[0, 1] + A[1, 2] + A[0, 2],
        A=psd(3),
        where=lambda A: [equal(A[i, i], 1) for i in range(3)],
    )


def on_spheres(bound: Any) -> Inequality:
    return Inequality(
        lambda X, Y: trace(X @ Y),
        lambda X, Y: bound,
        X=(2, 2),
        Y=(2, 2),
        where=lambda X, Y: [equal(sum_squares(X), 1), equal(frobenius_norm(Y), 1)],
    )


def in_ball(bound: Any) -> Inequality:
    return Inequality(
        lambda X: nuclear_norm(X), lambda X: bound, X=(2, 2), where=lambda X: at_most(operator_norm(X), 1)
    )


def on_hyperbola(bound: Any) -> Inequality:
    x, y = variable("x"), variable("y")
    return Inequality(x + y, record(lambda x: bound + 0 * x, {"x": x}), {"x": x, "y": y}, where=[
        equal(x * y, 1), at_most(1, x), at_most(x, 10)
    ])  # fmt: skip


def below_a_root(bound: Any) -> Inequality:
    return Inequality(lambda x: x, lambda x: bound, x=(), where=lambda x: [at_most(x, sqrt(2)), less(-1, x)])


BEST: dict[str, tuple[Callable[[Any], Inequality], Any, Any]] = {
    "density matrices": (purity, 1, F(99, 100)),
    "doubly stochastic matrices": (stochastic, 3, F(29, 10)),
    "correlations": (correlation, F(-3, 2), F(-29, 20)),
    "two spheres": (on_spheres, 1, F(99, 100)),
    "a ball of the operator norm": (in_ball, 2, F(19, 10)),
    "up to a root": (below_a_root, F(3, 2), F(141421, 10**5)),
    "a hyperbola": (on_hyperbola, F(101, 10), 10),
}
"""A family of claims, the best bound, and one that is too good."""


def fractions(value: Any) -> Any:
    return [[F(x) for x in row] for row in value] if isinstance(value, list) else F(value)


def by(engine: str, claim: Inequality) -> Evidence:
    return load(engine).examine(Instance(claim), Settings(device="cpu"))


@pytest.mark.parametrize("name", BEST)
def test_the_best_bound_survives_and_a_better_one_is_refuted_exactly(name: str) -> None:
    family, best, better = BEST[name]
    (survives,) = by("descent", family(best)).findings
    assert (survives.conclusion, survives.assurance) == ("holds", "numerical"), survives
    found = by("descent", family(better))
    assert (found.findings[0].conclusion, found.findings[0].assurance) == ("refuted", "certified"), found.findings
    (certificate,) = found.certificates
    assert checker.check(certificate)
    assert differs(certificate, family(better)) == ""
    assert differs(certificate, family(best))
    point = {name: fractions(value) for name, value in certificate["point"].items()}
    assert meets(family(better), point)


@pytest.mark.parametrize("name", BEST)
def test_random_points_in_balls_meet_the_constraints_too(name: str) -> None:
    (found,) = by("precision", BEST[name][0](BEST[name][1])).findings
    assert found.conclusion in ("holds", "undecided")
    assert found.conclusion == "holds" or "could be made to meet" in found.detail


# ------------------------------------------------------------ what must not count


def test_a_certificate_without_a_constraint_is_of_another_claim() -> None:
    """The easier claim, without the constraint, fails too, and is certified: that says nothing about this one."""
    claim = purity(1)
    free = Inequality(lambda A: sum_squares(A), lambda A: 1, A=psd(2))
    found = violation(free, {"A": [[F(2), F(0)], [F(0), F(0)]]})
    assert found is not None
    assert checker.check(found)
    assert differs(found, free) == ""
    assert differs(found, claim) == "the inequality is another one"
    other = purity(1, where=lambda A: equal(trace(A), 4))
    certificate = violation(other, {"A": [[F(2), F(0)], [F(0), F(0)]]})
    assert certificate is not None
    assert differs(certificate, claim)
    stripped = {**certificate, "claim": {**certificate["claim"], "where": []}}
    assert checker.check(stripped)
    assert differs(stripped, other)
    weaker = {**certificate, "claim": {**certificate["claim"], "where": certificate["claim"]["where"] * 2}}
    assert differs(weaker, other)


def test_a_space_is_part_of_what_a_certificate_states() -> None:
    """A witness with a negative entry is none over nonnegative matrices."""
    everywhere, inside = (
        Inequality(lambda X: -trace(X), lambda X: 0, X=space) for space in ((1, 1), nonnegative(1, 1))
    )
    found = violation(everywhere, {"X": [[F(-1)]]})
    assert found is not None
    assert violation(inside, {"X": [[F(-1)]]}) is None
    assert differs(found, inside)


@pytest.mark.parametrize(
    ("trace_of_A", "point"),
    [(1, ("2", "0")), (1, ("1000000001/1000000000", "0")), (2, ("1", "0")), (2, ("1", "999999999/1000000000"))],
)
def test_a_point_outside_the_constraints_is_no_witness(trace_of_A: int, point: Any) -> None:
    claim = purity(F(1, 2), where=lambda A: equal(trace(A), trace_of_A))
    free = {"A": [[F(x) for x in point], [F(0), F(0)]]}
    assert violation(claim, free) is None
    assert not meets(claim, free)


def test_a_strict_constraint_is_not_met_at_its_border() -> None:
    for relation, met in ((at_most, True), (less, False)):
        claim = Inequality(lambda x: x, lambda x: F(1, 2), x=(), where=lambda x: relation(x, 1))  # noqa: B023
        assert (violation(claim, {"x": F(1)}) is not None) == met
        assert meets(claim, {"x": F(1)}) == met


def test_what_cannot_be_made_exact_stays_a_candidate() -> None:
    claim = Inequality(lambda X: trace(X), lambda X: 1, X=(2, 2), where=lambda X: equal(sum_squares(X), 2 + sqrt(2)))
    evidence = by("descent", claim)
    assert evidence.findings[0].is_candidate
    assert "no rational point nearby" in evidence.findings[0].detail
    assert not evidence.certificates


# ------------------------------------------------------------ constraints that nothing meets


EMPTY: dict[str, Any] = {
    "two values of one trace": (lambda A: [equal(trace(A), 1), equal(2 * trace(A), 3)], symmetric(2), "vacuous"),
    "a system without a solution": (lambda A: equal(A @ ones(2, 1), A @ ones(2, 1) + ones(2, 1)), symmetric(2), ""),
    "entries that may not be negative": (
        lambda A: [equal(A[0, 0], 1), equal(A[0, 0], 2)],
        nonnegative(2, 2),
        "vacuous",
    ),
    "a negative trace": (lambda A: at_most(trace(A), -1), psd(2), "no start met the constraints"),
    "an open interval": (lambda A: [less(trace(A), 1), less(2, trace(A))], (2, 2), "no start met the constraints"),
    "an irrational and another": (lambda A: [equal(trace(A), 1), equal(trace(A), sqrt(2))], (2, 2), "no start met"),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_holds_and_nothing_fails_where_no_point_is(name: str, engine: str) -> None:
    where, space, expected = EMPTY[name]
    claim = Inequality(lambda A: sum_squares(A), lambda A: 10**9, A=space, where=where)
    try:
        (finding,) = by(engine, claim).findings
    except Unable:
        return
    assert finding.conclusion == "undecided"
    assert engine != "descent" or expected in finding.detail


def test_an_empty_claim_is_undecided_as_a_whole() -> None:
    claim = Inequality(
        lambda A: sum_squares(A), lambda A: 9, A=psd(2), where=lambda A: [equal(A[0, 1], 1), equal(A[0, 1], 2)]
    )
    found: Examination = examine(claim)
    assert found.verdict.conclusion == "undecided"


def test_a_contradiction_is_only_seen_where_there_is_one() -> None:
    """X = −1 solves both, though the slope of the ReLU at 0 says otherwise."""
    claim = Inequality(
        lambda X: trace(X), lambda X: 0, X=(1, 1), where=lambda X: [equal(X[0, 0], -1), equal(relu(X), 0 * X)]
    )
    assert not Equations(claim).contradict()
    assert by("descent", claim).findings[0].conclusion == "holds"


# ------------------------------------------------------------ equality that is claimed


def test_equality_is_claimed_at_points_that_meet_the_constraints() -> None:
    for point, right in (({"A": identity(2)}, True), ({"A": 2 * identity(2)}, False)):
        sides = (lambda A: sum_squares(A), lambda A: trace(A @ A))
        claim = Inequality(*sides, A=psd(2), where=lambda A: equal(trace(A), 2), tight=(point,))
        verdicts = {
            engine: _of(by(engine, claim), "tight").conclusion for engine in ("symbolic", "precision", "descent")
        }
        expected = ("holds",) * 3 if right else ("refuted", "refuted", "undecided")
        assert tuple(verdicts.values()) == expected, verdicts


def _of(evidence: Evidence, clause: str) -> Any:
    return next(f for f in evidence.findings if f.clause == clause)


def test_no_theorem_speaks_of_constraints() -> None:
    statement = statements()["dang2023-schatten"]
    claim = statement.claim(statement.witness)
    assert isinstance(claim, Inequality)
    v = next(iter(claim.variables.values()))
    bound = Inequality(claim.left, claim.right, claim.variables, claim.tight, where=[at_most(sum_squares(v), -1)])
    evidence = load("symbolic").examine(Instance(bound, statement.witness, statement), Settings())
    assert not [f for f in evidence.findings if f.assurance == "proved"]


# ------------------------------------------------------------ made exact


@given(st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=1, max_size=3), st.integers(-3, 3))
@settings(max_examples=40, deadline=None)
def test_affine_equations_are_solved_exactly_or_contradict(rows: list[list[int]], right: int) -> None:
    X = variable("X", (2, 2))
    entries = [X[0, 0], X[0, 1], X[1, 0], X[1, 1]]
    sums = [sum((a * e for a, e in zip(row, entries, strict=True)), start=0 * X[0, 0]) for row in rows if any(row)]
    where = [equal(s, right) for s in sums]
    claim = Inequality(trace(X) + sum_squares(X), trace(X), {"X": X}, where=where)
    points = list(exact_points(claim, {"X": torch.tensor([[[0.3, -1.7], [0.001, 5.0]]], dtype=torch.float64)}))
    assert bool(points) != Equations(claim).contradict()
    assert all(meets(claim, point) for point in points)


@pytest.mark.parametrize("value", ["1", "2", "5", "1/4", "13", "1/10", "100", "1/1000", "5/9"])
def test_norms_are_fixed_exactly(value: str) -> None:
    where = [equal(sum_squares(variable("X", (2, 2))), F(value)), equal(variable("X", (2, 2))[0, 1], 0)]
    claim = Inequality(lambda X: sum_squares(X), lambda X: 9, X=(2, 2), where=where)
    points = list(exact_points(claim, {"X": torch.tensor([[[0.3, 0.0], [0.4, -0.7]]], dtype=torch.float64)}))
    assert points
    assert all(meets(claim, point) for point in points)


def test_degrees() -> None:
    X, t = variable("X", (2, 2)), variable("t")
    cases: list[tuple[Any, int | None]] = [
        (trace(X), 1), (trace(X @ X), 2), (sum_squares(X @ X), 4), (t**3 * trace(X), 4), (t ** -1, None),
        (sqrt(t), None), (nuclear_norm(X), None), (trace(relu(X)), None), (trace(identity(2)), 0), (sqrt(2) * t, None),
    ]  # fmt: skip
    assert [degree(formula) for formula, _ in cases] == [expected for _, expected in cases]
    assert degree(trace(relu(X)), {"X"}) == 1
    assert degree(trace(relu(X @ X)), {"X"}) is None


# ------------------------------------------------------------ what is recorded


def test_elements_lie_in_their_spaces() -> None:
    free = {"A": [["1", "2"], ["-3", "1/2"]]}
    for space, expected in (
        (symmetric(2), [["1", "-1/2"], ["-1/2", "1/2"]]),
        (psd(2), [["5", "-2"], ["-2", "37/4"]]),
        (nonnegative(2, 2), [["1", "2"], ["0", "1/2"]]),
        ((2, 2), free["A"]),
    ):
        claim = Inequality(lambda A: trace(A), lambda A: trace(A), A=space)
        assert elements(claim, free) == {"A": expected}


def test_constraints_and_spaces_are_data() -> None:
    claims = [
        purity(1), purity(1, 3), purity(1, where=lambda A: equal(trace(A), 2)),
        purity(1, where=lambda A: at_most(trace(A), 1)), purity(1, where=lambda A: less(trace(A), 1)),
        Inequality(lambda A: sum_squares(A), lambda A: 1, A=psd(2)),
        Inequality(lambda A: sum_squares(A), lambda A: 1, A=symmetric(2), where=lambda A: equal(trace(A), 1)),
    ]  # fmt: skip
    assert len({digest(claim) for claim in claims}) == len(claims)
    assert json.loads(json.dumps(claims[0].to_json()))["spaces"] == {"A": "psd"}
    by_position = Inequality(lambda B: sum_squares(B), lambda B: 1, A=psd(2), where=lambda B: [equal(trace(B), 1)])
    assert digest(by_position) == digest(claims[0])
    A = variable("A", (2, 2))
    assert digest(Inequality(sum_squares(A), sum_squares(A) * 0 + 1, {"A": A})) != digest(claims[5])
    assert digest(Inequality(lambda A: sum_squares(A), lambda A: 1, A=psd(2), where=[equal(trace(A), 1)])) == digest(
        claims[0]
    )


def test_a_changed_copy_keeps_constraints_and_spaces() -> None:
    claim = purity(1)
    copy = replace(claim, tight=({"A": identity(2)},))
    assert (copy.where, copy.spaces, copy.left) == (claim.where, claim.spaces, claim.left)
    assert digest(replace(copy, tight=())) == digest(claim)


def with_where(where: Any, **spaces: Any) -> Callable[[], Any]:
    return lambda: Inequality(lambda A: sum_squares(A), lambda A: 1, where=where, **(spaces or {"A": psd(2)}))


MISUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a name that is no variable": (with_where(lambda A, b: equal(trace(A), 1)), "where takes b, which is"),
    "a relation over another variable": (with_where([equal(trace(variable("B", (2, 2))), 1)]), "uses B"),
    "a variable of another shape": (with_where([equal(trace(variable("A", (3, 3))), 1)]), "uses A"),
    "a constraint on nothing": (with_where(lambda A: at_most(1, 2)), "mentions no variable"),
    "a formula in place of a relation": (with_where(lambda A: trace(A)), "where gives a list of relations"),
    "a truth value": (with_where(lambda A: [True]), "where gives a list of relations"),
    "a comparison": (with_where(lambda A: trace(A) <= 1), "cannot be compared"),
    "sides of two shapes": (with_where(lambda A: at_most(A, 1)), "the sides of a relation have shapes"),
    "no size": (lambda: psd(0), "psd(n) needs a positive integer, got 0"),
    "a negative size": (lambda: symmetric(-1), "symmetric(n) needs a positive integer"),
    "a fraction": (lambda: nonnegative(2, F(1, 2)), "nonnegative(m, n) needs positive integers"),  # type: ignore[arg-type]
    "a truth value as size": (lambda: psd(True), "got True"),
    "a variable that nothing uses": (with_where(lambda A: equal(trace(A), 1), A=psd(2), B=psd(2)), "ignores"),
    "a variable of a space and a plain one": (
        lambda: Inequality(lambda A: trace(A), lambda A: 1, {"A": variable("A", (2, 2))}, B=psd(2)), "takes either"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISUSED)
def test_a_misused_constraint_or_space_gets_a_sentence(name: str) -> None:
    make, expected = MISUSED[name]
    with pytest.raises((FormulaError, ShapeError)) as error:
        make()
    assert expected in str(error.value)
    assert len(str(error.value).splitlines()) == 1


# ------------------------------------------------------------ the command


FILE = """
from fractions import Fraction
from hypothesis import strategies as st
from theory import Inequality, conjecture, equal, psd
from theory.ops import sum_squares, trace

@conjecture(n=st.integers(1, 3))
def at_least_mixed(n):
    return Inequality(lambda A: sum_squares(A), lambda A: Fraction(4, 5), A=psd(n), where=lambda A: WHERE)
"""


def checked(folder: Path, where: str, *more: str) -> int:
    path = folder / "mine.py"
    path.write_text(FILE.replace("WHERE", where), encoding="utf-8")
    return main(["check", str(path), "--budget", "5", *more])


def test_a_witness_is_shown_in_the_variables_of_the_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where, out = "[equal(trace(A), 4), equal(A[0, 0], 4)]", tmp_path / "out.json"
    assert checked(tmp_path, where, "--json", str(out)) == 1
    (row,) = json.loads(out.read_text(encoding="utf-8"))["conjectures"]
    assert row["witness"]["parameters"] == {"n": "1"}
    assert row["witness"]["points"] == [{"A": [["4"]]}]
    assert "A =\n    4\n" in capsys.readouterr().out
    stated = json.loads(Path(row["certificate"]).read_text(encoding="utf-8"))
    assert stated["point"]["A"] in ([["2"]], [["-2"]])
    assert main(["recheck", row["certificate"], "--conjecture", str(tmp_path / "mine.py")]) == 0
    (tmp_path / "mine.py").write_text(FILE.replace("WHERE", "equal(trace(A), 4)"), encoding="utf-8")
    assert main(["recheck", row["certificate"], "--conjecture", str(tmp_path / "mine.py")]) == 1
    assert "the inequality is another one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("[equal(trace(A), 1), equal(trace(A), 2)]", "no start met the constraints"),
        ("[equal(n, 1)]", "FormulaError"),
        ("trace(A)", "where gives a list of relations"),
    ],
)
def test_what_no_point_meets_is_not_examined(
    where: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(tmp_path, where) == 3
    out = capsys.readouterr().out
    assert "at_least_mixed: not examined" in out
    assert said in out


def test_relations_are_what_they_say() -> None:
    with pytest.raises(FormulaError, match="a relation is one of"):
        Relation(trace(identity(1)), ">", trace(identity(1)))
