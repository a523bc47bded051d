"""Critical points of any rank: what the search finds, what boxes show to exist, and false claims about them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from theory.arithmetic.floats import Floats
from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.claims import CriticalPoints, Minimisation, clause, less
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, FormulaError, ShapeError, log, operator_norm, relu, sum_squares, trace, variable
from theory.papers.losses import OMITTED
from theory.papers.ufm import pull, steepest
from theory.statement import Instance, statements
from verify.engines import Settings, load
from verify.methods import stationary
from verify.methods.enclosed import as_ball
from verify.methods.gradients import DIRECTION, curvature, gradient
from verify.methods.stationary import Stationary, exceeds, factors, known, undercuts
from verify.verdict import Unable

BITS = 320
SETTINGS = Settings(device="cpu")
MODEL = UnconstrainedFeatures(class_sizes=(2, 1, 1), decays="1/20", widths=(4,), loss="ce")
LANDSCAPES = ("zhu2021-landscape", "zhou2022mse-landscape", "losses-ls-landscape", "regression-landscape")


def examined(engine: str, claim: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    evidence = load(engine).examine(Instance(claim), SETTINGS)
    return {f.clause: f for f in evidence.findings}, evidence.numbers


def ranks(text: str) -> dict[int, int]:
    """The counts by rank that engines print."""
    return {int(r): int(count) for r, count in (part.split(": ") for part in text.split(", "))}


# ------------------------------------------------------------------------------------------------------- what is found


@pytest.mark.parametrize("id", LANDSCAPES)
@pytest.mark.parametrize("engine", ["descent", "precision"])
def test_saddles_between_zero_and_the_optimum_are_found(id: str, engine: str) -> None:
    statement = statements()[id]
    findings, numbers = examined(engine, statement.claim(statement.witness))
    assert {f.conclusion for f in findings.values()} == {"holds"}
    found = ranks(numbers["ranks"])
    assert found[0]
    assert any(0 < r < max(found) for r in found)


def test_three_classes_have_saddles_of_rank_one_between_zero_and_the_simplex() -> None:
    claim = statements()["zhu2021-landscape"].claim(statements()["zhu2021-landscape"].witness)
    with precision(BITS):
        points = known(claim.problem, seed=0)
        values = {
            r: [Balls().evaluate(claim.problem.objective, p.box) for p in points if p.rank == r] for r in (0, 1, 2)
        }
        assert all(values[2][0] < x < values[0][0] for x in values[1])
        assert len(values[1]) == 2
        assert (values[0][0] - Balls().evaluate(log(3))).contains(0)


@pytest.mark.parametrize(
    "shape",
    [{"loss": "ce", "bias": "last-layer"}, {"loss": "mse"}, {"loss": "ce", "bias": "last-layer", "bias_decay": 1}],
)
def test_the_gradient_vanishes_in_boxes_and_they_are_narrow(shape: dict[str, Any]) -> None:
    problem = MODEL.with_(**shape)
    with precision(BITS):
        points = known(problem, seed=1)
        assert {p.rank for p in points} >= {0, 1, 2}
        found = Stationary(problem)
        for point in points:
            slopes = found.slope(point.box, found.places)
            assert all(x.contains(0) and abs(x) < Balls().number(Fraction(1, 10**70)) for x in slopes)


def test_a_point_that_is_not_critical_gets_no_box() -> None:
    generator = torch.Generator().manual_seed(0)
    point = {n: torch.randn(v.shape, generator=generator, dtype=torch.float64) for n, v in MODEL.variables.items()}
    with precision(BITS):
        assert Stationary(MODEL).enclosed(point) is None


def test_points_that_are_not_isolated_get_no_box() -> None:
    balanced = UnconstrainedFeatures(class_sizes=(1, 1, 1), decays="1/20", widths=(3,))
    with precision(BITS):
        assert [p.rank for p in known(balanced, seed=0)] == [0, 3]


def test_a_float_off_by_little_still_leads_into_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stationary, "POLISH", 0)
    with precision(BITS):
        assert [p.rank for p in known(MODEL, seed=0)] == [0]


def test_two_factors_are_recognised() -> None:
    W, H, V = variable("W", (2, 3)), variable("H", (3, 4)), variable("V", (4, 2))
    fit = sum_squares(W @ H)
    good = Minimisation(fit + sum_squares(W) + 3 * sum_squares(H), {"W": W, "H": H})
    assert factors(good) == ("W", "H")
    assert factors(Minimisation(fit + W[0, 0], {"W": W, "H": H})) is None
    assert factors(Minimisation(fit + trace(W @ W.T), {"W": W, "H": H})) is None
    assert factors(Minimisation(fit + sum_squares(H @ V), {"W": W, "H": H, "V": V})) is None
    assert factors(MODEL.with_(depth=2, widths=3, decays=1)) is None
    with pytest.raises(Undecidable, match="two factors"):
        known(MODEL.with_(sign="nonnegative"), seed=0)


# ---------------------------------------------------------------------------------------------------------- curvature


def test_eigenvalues_are_compared_with_numbers() -> None:
    with precision(BITS):
        matrix = [[as_ball(x) for x in row] for row in ((2, 1, 0), (1, 2, 0), (0, 0, 5))]
        below, above = (Balls().number(1 + sign * Fraction(1, 10**20)) for sign in (-1, 1))
        assert exceeds(matrix, below)
        assert not exceeds(matrix, above)
        assert undercuts(matrix, above)
        assert not undercuts(matrix, below)


def test_the_hessians_of_search_and_boxes_agree() -> None:
    from verify.methods.searches import critical_search

    problem = MODEL.with_(bias="last-layer", weight_decays=(Fraction(1, 9),))
    search = critical_search(problem, torch.device("cpu"))
    x = search.starts(4, torch.Generator().manual_seed(0))[1:2]
    values = {name: v[0].tolist() for name, v in search.values(x).items()}
    with precision(BITS):
        exact = {name: [[as_ball(0) + y for y in row] for row in rows] for name, rows in values.items()}
        found = Stationary(problem)
        hessian = [[float(y.mid()) for y in row] for row in found.hessian(exact, found.places)]
    assert torch.allclose(search.hessians(x)[0], torch.tensor(hessian, dtype=torch.float64), atol=1e-10)


def test_a_minimum_is_no_saddle() -> None:
    x, y = variable("x", (1, 1)), variable("y", (1, 1))
    square = sum_squares(x) / 2 + sum_squares(y) / 2
    problem = Minimisation(sum_squares(x @ y) - 2 * trace(x @ y) + square, {"x": x, "y": y})
    positive, negative = (CriticalPoints(problem, (), bound * sum_squares(x) - 1) for bound in (9, Fraction(-1, 10)))
    for engine, conclusion in (("descent", "undecided"), ("precision", "refuted")):
        assert examined(engine, positive)[0]["curvature"].conclusion == "holds"
        assert examined(engine, negative)[0]["curvature"].conclusion == conclusion


def test_a_spurious_minimum_in_the_plane_is_found_and_shown() -> None:
    statement = statements()["zhu2021-landscape-narrow"]
    findings, numbers = examined("precision", statement.claim(statement.witness))
    assert (findings["curvature"].conclusion, findings["curvature"].assurance) == ("refuted", "certified")
    assert ranks(numbers["ranks"])[2] >= 2
    claim = statement.claim(statement.witness)
    with precision(BITS):
        boxes = [p.box for p in known(claim.problem, seed=0) if p.rank == 2]
        least, square = sorted(Balls().evaluate(claim.problem.objective, box) for box in boxes)[:2]
        assert square > least
        zero = [
            box
            for box in boxes
            if any(all(abs(x) < Balls().number(Fraction(1, 10**9)) for x in row) for row in box["W_1"])
        ]
        assert zero


def test_at_zero_the_curvature_is_an_equation() -> None:
    model = MODEL.with_(loss="mse", weight_decays=(Fraction(1, 5),), feature_decay=Fraction(1, 30))
    bound = steepest(Fraction(1, 5), Fraction(1, 30), operator_norm(pull(model)))
    with precision(BITS):
        found, zero = (
            Stationary(model),
            {n: [[as_ball(0)] * v.shape[1] for _ in range(v.shape[0])] for n, v in model.variables.items()},
        )
        hessian, claimed = found.hessian(zero, found.places), Balls().evaluate(bound, zero)
        small = Balls().number(Fraction(1, 10**20))
        assert exceeds(hessian, claimed - small)
        assert undercuts(hessian, claimed + small)


@pytest.mark.parametrize("engine", ["descent", "precision"])
def test_other_problems_are_left_alone(engine: str) -> None:
    x = variable("x")
    with pytest.raises(Unable):
        examined(engine, CriticalPoints(Minimisation(x**2, {"x": x}, frozenset({"x"})), (clause("a", less(0, 1 + x)),)))


def test_claims_about_curvature_are_checked() -> None:
    x, A = variable("x"), variable("A", (2, 2))
    problem = Minimisation(x**2, {"x": x})
    with pytest.raises(ShapeError, match="scalar"):
        CriticalPoints(problem, (), A)
    with pytest.raises(FormulaError, match="not a variable"):
        CriticalPoints(problem, (), trace(A))
    with pytest.raises(FormulaError, match="of its own"):
        CriticalPoints(problem, (clause("curvature", less(0, x)),), x)
    assert CriticalPoints(problem, ()).to_json() != CriticalPoints(problem, (), x).to_json()
    assert CriticalPoints(problem, (), 2 * x).to_json() != CriticalPoints(problem, (), x).to_json()


# ---------------------------------------------------------------------------------------------------------- gradients

OBJECTIVES = {
    "squared error": MODEL.with_(loss="mse", bias="last-layer"),
    "cross-entropy": MODEL.with_(bias="last-layer", bias_decay=Fraction(1, 3)),
    "label smoothing": MODEL.with_(loss="label-smoothing", alpha=Fraction(1, 5)),
    "focal loss": MODEL.with_(loss="focal", gamma=Fraction(2)),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_and_hessians_are_those_of_automatic_differentiation(name: str) -> None:
    problem, floats, generator = OBJECTIVES[name], Floats(), torch.Generator().manual_seed(0)
    x, v = (
        {n: torch.randn(s.shape, generator=generator, dtype=torch.float64) for n, s in problem.variables.items()}
        for _ in "xv"
    )
    for part in x.values():
        part.requires_grad_()
    slopes = torch.autograd.grad(floats.evaluate(problem.objective, x), list(x.values()), create_graph=True)
    products = torch.autograd.grad(
        sum((g * d).sum() for g, d in zip(slopes, v.values(), strict=True)), list(x.values())
    )  # type: ignore[arg-type]
    moved = {**x, **{DIRECTION.format(n): d for n, d in v.items()}}
    for found, expected in ((gradient, slopes), (curvature, products)):
        formulas: dict[str, Expression] = found(problem.objective, problem.variables)
        for formula, reference in zip(formulas.values(), expected, strict=True):
            assert torch.allclose(floats.evaluate(formula, moved).detach(), reference.detach(), rtol=1e-12, atol=1e-13)


def test_what_has_no_derivative_says_so() -> None:
    A = variable("A", (2, 2))
    for formula in (operator_norm(A), trace(relu(A))):
        with pytest.raises(Undecidable, match="no derivative"):
            gradient(formula, {"A": A})


def test_what_is_omitted_has_a_reason() -> None:
    assert all(reason and id not in statements() for id, reason in OMITTED.items())
