"""The convex engine against a closed form of its own, on wrong values, and where no solver answers."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.arithmetic.interpreters import Rationals
from theory.arithmetic.rationals import rational
from theory.claims import CriticalPoints, GlobalMinimum, Minimisation, NotGlobalMinimum
from theory.model import UnconstrainedFeatures
from theory.ops import constant, sqrt, variable
from theory.statement import Instance
from verify.engines import Settings, convex
from verify.methods import exact
from verify.verdict import Evidence, Unable

F = Fraction
DIGITS = 60
TEN_CLASSES = (100, 100, 200, 200, 300, 300, 400, 400, 500, 500)


def closed_form(model: UnconstrainedFeatures) -> Fraction:
    """Σ μ/(2N) (1 − z)(1 + Mz), z the largest root of (1 − z)^{M+1} z^{M−1} = N^{M+1}Λ/μ^M, to 50 digits."""
    active, idle = exact.modes(model)
    total = sum((mode * count for mode, count in idle.items()), F(0))
    for mode, count in active.items():
        total += count * mode * share(model.M, F(model.N) ** (model.M + 1) * model.Lambda / mode**model.M)
    return total / (2 * model.N)


def share(M: int, level: Fraction) -> Fraction:
    """(1 − z)(1 + Mz), rounded down: the engine's bounds are so tight that they refute one rounded up at digit 55."""
    if level * M ** (2 * M) >= (M - 1) ** (M - 1):
        return F(1)
    with mpmath.workdps(DIGITS):
        low, high = mpmath.mpf(M - 1) / M, mpmath.mpf(1)
        for _ in range(4 * DIGITS):
            z = (low + high) / 2
            above = (1 - z) ** (M + 1) * z ** (M - 1) > mpmath.mpf(level.numerator) / level.denominator
            low, high = (z, high) if above else (low, z)
        return F(mpmath.nstr((1 - low) * (1 + M * low), DIGITS - 5)) * (1 - F(1, 10**50))


def examine(problem: Any, value: Any) -> Evidence:
    return convex.examine(Instance(GlobalMinimum(problem, constant(value))), Settings())


def conclusion(problem: Any, value: Any) -> tuple[str, str]:
    (finding,) = examine(problem, value).findings
    return finding.conclusion, finding.assurance


def model(sizes: tuple[int, ...], M: int, decay: Any, **fields: Any) -> UnconstrainedFeatures:
    return UnconstrainedFeatures(class_sizes=sizes, depth=M, decays=decay, **fields)


def at_threshold(sizes: tuple[int, ...], M: int, factor: Fraction | int = 1, **fields: Any) -> UnconstrainedFeatures:
    """λ_m = 1 and λ_H such that the largest class is at the threshold, times a factor."""
    level = F((M - 1) ** (M - 1), M ** (2 * M))
    decay = factor * level * F(max(sizes)) ** M / F(sum(sizes)) ** (M + 1)
    weights = (F(1),) * M
    return UnconstrainedFeatures(class_sizes=sizes, depth=M, weight_decays=weights, feature_decay=decay, **fields)


CONFIGURATIONS = [
    *(model((200, 100, 50, 50), M, "5e-4", widths=64) for M in (1, 3, 6)),
    *(model((100,) * 4, M, "5e-4", widths=64, bias=bias) for M in (1, 3, 6) for bias in ("none", "last-layer")),
    *(model(TEN_CLASSES, M, "1e-5", widths=64) for M in (1, 3, 6)),
]
EDGES = [
    *(model((300, 2, 1), M, "1e-5") for M in (1, 2, 8)),
    *(model((1,), M, "1/10") for M in (1, 2)),
    *(model((6, 4, 4, 4), M, "1/100", widths=2) for M in (1, 3)),
    *(model((3, 3), M, "1/50", bias="last-layer", widths=1) for M in (1, 4)),
    *(model((2, 1), M, 10**6) for M in (1, 5)),
    *(model((2, 1), M, "1e-12") for M in (1, 3)),
    *(at_threshold((2, 2, 2), M, bias=bias) for M in range(1, 9) for bias in ("none", "last-layer")),
    *(at_threshold((9, 3, 3), M, 1 + sign * F(1, 10**9)) for M in (2, 5) for sign in (-1, 1)),
    model((10,) * 21, 1, "1e-5"),
    UnconstrainedFeatures(class_sizes=(3, 2), depth=2, weight_decays=(F("1e-5"), F(3)), feature_decay=F(1, 700)),
]


@pytest.mark.parametrize("instance", [*CONFIGURATIONS, *EDGES], ids=str)
def test_the_closed_form_is_certified_and_one_off_by_1e_6_is_refuted(instance: UnconstrainedFeatures) -> None:
    value = closed_form(instance)
    evidence = examine(instance, value)
    (finding,) = evidence.findings
    assert (finding.clause, finding.conclusion, finding.assurance) == ("value", "holds", "certified"), finding.detail
    assert evidence.numbers["gap"] < 1e-12
    for sign in (-1, 1):
        assert conclusion(instance, value * (1 + sign * F(1, 10**6))) == ("refuted", "certified")


@given(
    sizes=st.lists(st.integers(1, 300), min_size=2, max_size=6),
    decays=st.tuples(*[st.sampled_from([F("1e-5"), F(1, 3000), F(1, 77), F(1, 4), F(2)])] * 2),
    depth=st.integers(1, 8),
    width=st.integers(1, 7),
)
@settings(max_examples=40, deadline=None)
def test_random_models(sizes: list[int], decays: tuple[Fraction, Fraction], depth: int, width: int) -> None:
    instance = UnconstrainedFeatures(
        class_sizes=tuple(sizes), depth=depth, weight_decays=(decays[0],), feature_decay=decays[1], widths=(width,)
    )
    assert conclusion(instance, closed_form(instance)) == ("holds", "certified")


@pytest.mark.parametrize("bias", ["none", "last-layer"])
def test_the_upper_bound_is_the_objective_over_all_columns(bias: str) -> None:
    instance = model((3, 2, 1), 1, "1/100", bias=bias, widths=5)
    evidence = examine(instance, F(1, 3))
    (certificate,) = evidence.certificates
    primal = {name: [[rational(x) for x in row] for row in rows] for name, rows in certificate["primal"].items()}
    number = Rationals().number
    labels = [k for k, n in enumerate(instance.class_sizes) for _ in range(n)]
    W = [[number(x) for x in (*row, *[F(0)] * (5 - len(row)))] for row in primal["W"]]
    H = [[number(row[k]) for k in labels] for row in primal["H"]]
    H += [[number(F(0))] * len(labels)] * (5 - len(H))
    point = {"W_1": W, "H": H, "b": [[number(x) for x in row] for row in primal["b"]]}
    objective = Rationals().evaluate(instance.objective, point)
    assert 0 <= F(certificate["upper"]) - F(str(objective)) < F(1, 10**50)
    assert evidence.numbers["all_columns"] == pytest.approx(float(objective), rel=1e-7)


def test_unequal_classes_with_a_bias() -> None:
    instance = model((8, 4, 2), 1, "1/200", bias="last-layer")
    evidence = examine(instance, F(1, 3))
    lower, upper = exact.enclosure(evidence.certificates[0])
    assert evidence.findings[0].conclusion == "refuted"
    assert 0 < upper - lower < F(1, 10**14) < upper
    assert conclusion(instance, (lower + upper) / 2) == ("holds", "certified")


def test_a_bottleneck_with_unequal_classes_and_a_bias_is_undecided_inside_a_wide_enclosure() -> None:
    instance = model((8, 4, 2), 1, "1/200", bias="last-layer", widths=1)
    lower, upper = exact.enclosure(examine(instance, 1).certificates[0])
    assert conclusion(instance, (lower + upper) / 2) == ("undecided", "none")
    assert conclusion(instance, lower - F(1, 10**9)) == ("refuted", "certified")


@pytest.mark.parametrize("instance", [model((3, 2, 1), 1, "1/100"), model((3, 2), 3, "1/100")], ids=str)
def test_certificates_are_json_and_tampered_ones_are_rejected(instance: UnconstrainedFeatures) -> None:
    evidence = examine(instance, closed_form(instance))
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))).findings == evidence.findings
    certificate = json.loads(json.dumps(evidence.certificates[0]))
    lower, upper = exact.enclosure(certificate)
    assert 0 <= lower - F(certificate["lower"]) < F(1, 10**50)
    assert 0 <= F(certificate["upper"]) - upper < F(1, 10**50)
    if certificate["kind"] == "dual":
        matrix, step = certificate["dual"], F(1, 10**9)
    else:
        matrix, step = certificate["modes"][0]["gram"], F(1, 10**60)
    for i, j in ((0, 0), (1, 1)):
        original = matrix[i][j]
        matrix[i][j] = str(F(original) + step)
        with pytest.raises(exact.Rejected):
            exact.enclosure(certificate)
        matrix[i][j] = original
    for n in ([1, 2, 3], [30, 20, 10], [3, 2]):
        other = certificate | {"model": certificate["model"] | {"class_sizes": n, "widths": [3] * instance.M}}
        try:
            assert exact.enclosure(other)[0] <= closed_form(UnconstrainedFeatures.from_json(other["model"]))
        except exact.Rejected:
            continue


x = variable("x")


def scalar(objective: Any, half_line: bool = True) -> Minimisation:
    return Minimisation(objective, {"x": x}, frozenset(["x"]) if half_line else frozenset())


@pytest.mark.parametrize(
    ("problem", "value"),
    [
        (scalar(1 / (1 + x**2) + x / 2), 1),  # the threshold: 1 at x = 0 and at x = 1
        (scalar(1 / (1 + x) + x / 4), F(3, 4)),
        (scalar(1 / (1 + x) + 2 * x), 1),
        (scalar(1 / (1 + x**6) + F(5, 6) ** 1 * 0 * x + 7 * x), 1),
        (scalar(x + sqrt(2) * sqrt(2) / x), sqrt(8)),
        (scalar(x**4 - 2 * x**2 + 3), 2),
        (scalar(x**4 - 2 * x**2 + 3, half_line=False), 2),
        (scalar((x - 1000) ** 2 + F(1, 10**6), half_line=False), F(1, 10**6)),
        (scalar(x**2), 0),
        (scalar(x), 0),
    ],
)
def test_scalar_problems(problem: Minimisation, value: Any) -> None:
    assert conclusion(problem, value) == ("holds", "certified")
    for error in (F(1, 10**6), F(-1, 10**6)):
        wrong = constant(error) if constant(value) is constant(0) else constant(value) * (1 + error)
        assert conclusion(problem, wrong) == ("refuted", "certified")


@pytest.mark.parametrize("M", [2, 3, 4, 6])
def test_the_scalar_problem_at_its_irrational_threshold(M: int) -> None:
    beta = constant(M - 1) ** F(M - 1, M) / M
    assert conclusion(scalar(1 / (1 + x**M) + beta * x), 1) == ("holds", "certified")
    assert conclusion(scalar(1 / (1 + x**M) + beta * F(999, 1000) * x), 1) == ("refuted", "certified")


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (model((3, 2), 2, 1, bias="last-layer"), "unequal classes with a bias"),
        (model((3, 2), 30, 1), "depth at most"),
        (scalar(sqrt(x) + x), "no rational function"),
        (scalar(1 / (1 - x)), "denominator"),
        (Minimisation(x + variable("y"), {"x": x, "y": variable("y")}), "single number"),
    ],
)
def test_what_it_cannot_examine(problem: Any, reason: str) -> None:
    with pytest.raises(Unable, match=reason):
        examine(problem, 1)


def test_other_claims_are_not_examined() -> None:
    instance = model((1,), 1, 1)
    with pytest.raises(Unable, match="critical points"):
        convex.examine(Instance(CriticalPoints(instance, ())), Settings())


@pytest.mark.parametrize("M", [1, 3])
def test_a_solver_that_fails_leaves_the_value_undecided(M: int, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = model((3, 2), M, "1/100")
    monkeypatch.setattr(convex, "ACCEPTED", ())
    (finding,) = examine(instance, closed_form(instance)).findings
    assert (finding.conclusion, finding.assurance) == ("undecided", "none")
    assert "CLARABEL: optimal" in finding.detail


@pytest.mark.parametrize("M", [1, 3])
def test_decays_beyond_double_precision_never_give_a_wrong_verdict(M: int) -> None:
    undecided, refuted = ("undecided", "none"), ("refuted", "certified")
    assert conclusion(model((2, 1), M, "1e300"), F(1, 2)) in [("holds", "certified"), undecided]
    for decay in ("1e300", "1e-300"):
        for wrong in (0, 2):
            assert conclusion(model((2, 1), M, decay), wrong) in [refuted, undecided]


def test_the_second_solver_is_asked_when_the_first_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convex, "SOLVERS", ("SCS",))
    for M in (1, 2):
        instance = model((3, 2), M, "1/100")
        evidence = examine(instance, closed_form(instance))
        assert evidence.numbers["solver"] == "SCS"
        assert evidence.findings[0].assurance == "certified"


def test_the_modes_are_a_second_way_where_the_nuclear_norm_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise convex.SolverFailed("no")

    instance = model((3, 2), 1, "1/100")
    monkeypatch.setattr(convex, "_nuclear_proposal", fail)
    evidence = examine(instance, closed_form(instance))
    assert evidence.findings[0].assurance == "certified"
    assert "dang2023-schatten" in evidence.uses


def test_the_closed_form_of_these_tests_counts_modes_by_multiplicity() -> None:
    assert exact.modes(model((2, 2, 1), 1, 1))[0] == Counter({F(2): 2, F(1): 1})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(F(1, 2), "holds"), (F(19, 200) * F(1_000_001, 1_000_000), "holds"), (F(9, 100), "refuted"), (F(0), "refuted")],
)
def test_a_value_is_beaten_if_some_point_is_below_it(value: Fraction, expected: str) -> None:
    model = UnconstrainedFeatures(class_sizes=(1,), decays="1/10")
    (finding,) = convex.examine(Instance(NotGlobalMinimum(model, constant(value))), Settings()).findings
    assert (finding.clause, finding.conclusion, finding.assurance) == ("beaten", expected, "certified")
    near = constant(F(19, 200))
    (finding,) = convex.examine(Instance(NotGlobalMinimum(model, near)), Settings()).findings
    assert finding.conclusion in ("undecided", "refuted")
