"""False claims that a check of the claim's own points would miss: nothing certifies them, no conflict hides them."""

from fractions import Fraction

import pytest

from theory.claims import Clause, GlobalMinimum, Minimisation, clause, equal
from theory.model import UnconstrainedFeatures
from theory.ops import constant, diagonal, identity, repeat_columns, variable, zeros
from theory.papers.dang2023.frames import general_orthogonal_frame
from theory.papers.dang2023.letters import LETTERS
from verify import examine
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
