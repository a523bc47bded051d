"""False claims that a check of the claim's own points would miss: nothing certifies them, no conflict hides them."""

from dataclasses import replace
from fractions import Fraction

import pytest

from theory.claims import Clause, GlobalMinimum, Inequality, Minimisation, clause, digest, equal
from theory.model import UnconstrainedFeatures
from theory.ops import (
    FormulaError,
    constant,
    diagonal,
    frobenius_norm,
    identity,
    operator_norm,
    repeat_columns,
    variable,
    zeros,
)
from theory.papers.dang2023.frames import general_orthogonal_frame
from theory.papers.dang2023.letters import LETTERS
from theory.statement import Instance
from verify import examine
from verify.engines import Settings, load
from verify.verdict import HOLDS, REFUTED

EXACT = ["symbolic", "precision", "convex"]
X = variable("x")


def claimed(model: UnconstrainedFeatures, *clauses: Clause, first_only: bool = False) -> GlobalMinimum:
    """The true optimum of a model with other clauses, and perhaps only the first of its minimisers."""
    true = general_orthogonal_frame(model, LETTERS)
    points = true.minimisers[:1] if first_only else true.minimisers
    return GlobalMinimum(model, true.value, points, clauses)


def off_diagonal_logits_vanish(model: UnconstrainedFeatures) -> Clause:
    Z = model.product @ model.mean_features
    pairs = [(i, j) for i in range(model.K) for j in range(model.K) if i != j]
    return clause("diagonal", *(equal(Z[i, j], 0) for i, j in pairs))


BOTTLENECK = UnconstrainedFeatures(class_sizes=(2, 2, 2), widths=2, decays="1/20")
THRESHOLD = UnconstrainedFeatures(
    class_sizes=(2, 2), depth=2, weight_decays=("1/4", "1/4"), feature_decay="1/16", widths=2
)
WIDE = UnconstrainedFeatures(class_sizes=(3, 2, 2, 1), widths=6, decays="1/100")
DEEP = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, widths=5, decays="1/100")


@pytest.mark.parametrize(
    "claim",
    [
        claimed(BOTTLENECK, off_diagonal_logits_vanish(BOTTLENECK), first_only=True),
        claimed(THRESHOLD, clause("zero", equal(THRESHOLD.product, zeros(2, 2))), first_only=True),
        claimed(THRESHOLD, off_diagonal_logits_vanish(THRESHOLD)),
        claimed(WIDE, clause("unused columns", equal(WIDE.product[range(4), (4, 5)], zeros(4, 2)))),
        claimed(WIDE, clause("one entry", equal(WIDE.product[3, 0], 0))),
        claimed(DEEP, clause("unused block", equal(DEEP.weights[0][range(2, 5), range(2)], zeros(3, 2)))),
    ],
    ids=["tie", "zero at the threshold", "diagonal at the threshold", "unused columns", "one entry", "unused block"],
)
def test_a_clause_that_only_some_minimisers_satisfy_is_not_certified(claim: GlobalMinimum) -> None:
    (name,) = (c.name for c in claim.clauses)
    found = examine(claim, engines=EXACT).clauses[name]
    assert not (found.conclusion == HOLDS and found.assurance in ("certified", "proved"))


def test_what_descent_sees_against_a_clause_blocks_it() -> None:
    claim = claimed(BOTTLENECK, off_diagonal_logits_vanish(BOTTLENECK), first_only=True)
    assert examine(claim, engines=["sampling", "descent"]).clauses["diagonal"].conclusion != HOLDS


@pytest.mark.parametrize("factor", [1 + Fraction(1, 10**33), 1 - Fraction(1, 10**20), 1 - Fraction(1, 10**60)])
def test_a_value_wrong_in_a_late_digit_is_refuted_not_a_conflict(factor: Fraction) -> None:
    model = UnconstrainedFeatures(class_sizes=(2, 1), decays="1/20")
    true = general_orthogonal_frame(model, LETTERS)
    found = examine(GlobalMinimum(model, factor * true.value, true.minimisers), engines=[*EXACT, "sampling"])
    assert not found.conflict
    assert found.verdict.conclusion == REFUTED


def test_tiny_values_are_compared_in_their_own_size() -> None:
    model = UnconstrainedFeatures(class_sizes=(2, 1), decays=Fraction(1, 10**60))
    true = general_orthogonal_frame(model, LETTERS)
    wrong = GlobalMinimum(model, true.value * (1 + Fraction(1, 10**9)), true.minimisers)
    assert examine(wrong, engines=["precision"]).clauses["value"].conclusion != HOLDS
    assert examine(wrong, engines=["symbolic"]).clauses["value"].conclusion == REFUTED


def scalar(objective: object, value: object, *points: object, unique: bool | None = None) -> GlobalMinimum:
    problem = Minimisation(constant(objective), {"x": X}, frozenset(["x"]))
    return GlobalMinimum(problem, constant(value), tuple({"x": constant(p)} for p in points), unique=unique)


@pytest.mark.parametrize(
    "claim",
    [
        scalar(1 / (1 + X), 1, 0),
        scalar(1 / (X - 1), -1, 0),
        scalar(2 + X - Fraction(1, 10**8) * X**2, 2, 0),
        scalar((X - 1) ** 2, 0, 1, 1, unique=False),
        scalar(1 / (1 + X), 0),
    ],
    ids=["infinity", "pole", "far away", "one point twice", "no minimiser"],
)
def test_false_scalar_minima_are_not_certified(claim: GlobalMinimum) -> None:
    verdict = examine(claim, engines=["symbolic", "precision"]).verdict
    assert not (verdict.conclusion == HOLDS and verdict.assurance == "certified")


def test_identity_features_are_a_minimiser_only_where_they_are() -> None:
    model = UnconstrainedFeatures(class_sizes=(1, 1), decays="1/20")
    point = {"W_1": identity(2), "H": repeat_columns(diagonal([1, 1]), (1, 1))}
    found = examine(GlobalMinimum(model, constant(Fraction(1, 10)), (point,)), engines=EXACT)
    assert found.verdict.conclusion == REFUTED


def spike(*near: object) -> Inequality:
    """False within 1/10,000 of 12345/7000, where nobody looks without being told."""
    spiked = 1 / (1 + 10**8 * (X - Fraction(12345, 7000)) ** 2)
    return Inequality(spiked, constant(Fraction(1, 2)), {"x": X}, near=tuple({"x": constant(p)} for p in near))


@pytest.mark.parametrize("engine", ["precision", "descent", "sampling"])
def test_engines_start_at_the_points_that_a_claim_gives(engine: str) -> None:
    assert examine(spike(Fraction(12345, 7000)), engines=[engine]).verdict.conclusion == REFUTED
    if engine != "descent":  # which finds it from anywhere
        assert examine(spike(), engines=[engine]).verdict.conclusion == HOLDS
    nothing_claimed = replace(spike(0), near=())
    assert digest(spike(0)) == digest(nothing_claimed)
    assert spike(0).clause_names == ("inequality",)


def test_a_point_near_which_sides_are_close_is_one_of_the_variables() -> None:
    with pytest.raises(FormulaError, match="a point must give"):
        Inequality(X, X**2 + 1, {"x": X}, near=({"y": constant(0)},))


def test_an_equality_that_floats_round_is_no_candidate_of_the_drawn_points() -> None:
    """(1000 + x)² − 10⁶ − 2000 x = x²: off by 1e-10 in floats, so that only violations by more count."""
    thousand = constant(1000)
    claim = Inequality((thousand + X) ** 2 - 10**6 - 2000 * X, X**2, {"x": X})
    (found,) = load("sampling").examine(Instance(claim), Settings(device="cpu")).findings
    assert (found.conclusion, "below which" in found.detail) == (HOLDS, True)
    wrong = Inequality(claim.left, claim.right - Fraction(1, 10**8), {"x": X})
    (found,) = load("sampling").examine(Instance(wrong), Settings(device="cpu")).findings
    assert found.conclusion == REFUTED


def rounded(bound: Fraction) -> Inequality:
    """x² ≤ bound x² around zero, in a form whose sides floats round by more than they differ in."""
    large = constant(10**8)
    return Inequality((large + X) ** 2 - 10**16 - 2 * 10**8 * X, bound * X**2, {"x": X}, near=({"x": constant(3)},))


@pytest.mark.parametrize("effort", ["quick", "full"])
def test_rounding_does_not_end_a_search(effort: str) -> None:
    """What floats get wrong by 1 is no violation, nor does it hide one: each is evaluated exactly."""
    settings = Settings(device="cpu", effort=effort)
    (found,) = load("sampling").examine(Instance(rounded(Fraction(1))), settings).findings
    assert (found.conclusion, "below which" in found.detail) == (HOLDS, True)
    (found,) = load("sampling").examine(Instance(rounded(Fraction(999, 1000))), settings).findings
    assert found.conclusion == REFUTED


def test_a_larger_side_without_a_certificate_is_never_no_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(2, 2))
    monkeypatch.setattr("verify.engines.sampling.violation", lambda claim, point: None)
    (found,) = load("sampling").examine(Instance(claim), Settings(device="cpu")).findings
    assert found.conclusion == "undecided"
    assert found.is_candidate
