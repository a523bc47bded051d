"""Losses other than squared error: formulas, kernels, closed forms, duals, and what ``collapse optimum`` says."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.floats import Floats, to_float
from theory.arithmetic.interpreters import Undecidable
from theory.closed_form import softmax
from theory.closed_form.optimum import optimum as squared_optimum
from theory.losses import contrast
from theory.model import UnconstrainedFeatures
from theory.ops import (
    FormulaError,
    constant,
    exp,
    from_json,
    log,
    log_sum_exp,
    sqrt,
    to_json,
    variable,
)
from theory.ops import (
    softmax as shares,
)
from theory.papers import seli
from theory.reductions import class_mean_objective
from verify import checker
from verify.cli import main
from verify.enclosures import enclose
from verify.methods.duals import bounds, bounds_at, covers
from verify.methods.kernels import LayeredModel

F = Fraction
OPTIONS: list[dict[str, Any]] = [
    {"loss": "mse"},
    {"loss": "ce"},
    {"loss": "label-smoothing", "alpha": "1/10"},
    {"loss": "focal", "gamma": "5/2"},
    {"loss": "focal", "gamma": "1"},
    {"loss": "ce", "sign": "nonnegative"},
    {"loss": "ce", "bias": "last-layer", "bias_decay": "1/7"},
    {"loss": "mse", "bias": "last-layer", "bias_decay": "1/7"},
]


def model(sizes: tuple[int, ...] = (3, 1, 2), decays: str = "1/50", **fields: Any) -> UnconstrainedFeatures:
    return UnconstrainedFeatures(class_sizes=sizes, decays=decays, **fields)


# ------------------------------------------------------------------------------------------ formulas


def test_exponentials_and_logarithms_fold_only_where_that_is_exact() -> None:
    x = variable("x")
    assert exp(0) is constant(1)
    assert log(1) is constant(0)
    assert exp(log(x)) is x
    assert log(exp(x)) is x
    assert exp(F(2, 3) * log(x)) is x ** F(2, 3)
    assert exp(x * log(2)) is not constant(2) ** 2
    with pytest.raises(FormulaError, match="positive"):
        log(F(-1, 2))


def test_formulas_with_exponentials_survive_json() -> None:
    Z = variable("Z", (3, 2))
    for formula in (log_sum_exp(Z), shares(Z), exp(Z) @ log(exp(Z)).T):
        assert from_json(to_json(formula))[0] is formula


def test_columns_of_a_softmax_have_the_sum_one_also_where_entries_are_large() -> None:
    Z = variable("Z", (2, 2))
    found = Floats().evaluate(shares(Z), {"Z": torch.tensor([[1000.0, 0.0], [0.0, -3.0]], dtype=torch.float64)})
    assert torch.allclose(found.sum(0), torch.ones(2, dtype=torch.float64))
    assert float(found[0, 0]) == 1.0


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (log(constant(8)), 3 * log(constant(2)), True),
        (log(constant(F(9, 10))), 2 * log(constant(3)) - log(constant(2)) - log(constant(5)), True),
        (log(sqrt(7)), log(constant(7)) / 2, True),
        (log(constant(8)), 3 * log(constant(2)) + F(1, 10**40), False),
        (exp(sqrt(2)) * exp(sqrt(2)), exp(sqrt(2)) ** 2, True),
        (exp(sqrt(2)), exp(sqrt(3)), False),
    ],
)
def test_products_under_logarithms_are_compared_exactly(left: Any, right: Any, same: bool) -> None:
    field = AlgebraicNumbers([left, right])
    assert field.is_zero(field.evaluate(left) - field.evaluate(right)) is same


def test_what_the_normal_form_does_not_know_is_undecided_and_never_wrong() -> None:
    left, right = exp(sqrt(2)) * exp(-sqrt(2)), constant(1)
    field = AlgebraicNumbers([left, right])
    with pytest.raises(Undecidable):
        field.is_zero(field.evaluate(left) - field.evaluate(right))


# ------------------------------------------------------------------------------------------ kernels


@pytest.mark.parametrize("collapsed", [True, False])
@pytest.mark.parametrize(("depth", "activation"), [(1, "linear"), (3, "relu")])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_kernels_agree_with_the_formula_and_with_differences(
    options: dict[str, Any], depth: int, activation: str, collapsed: bool
) -> None:
    m = model(depth=depth, activation=activation, **options)
    kernel = LayeredModel(m, collapsed)
    generator = torch.Generator().manual_seed(1)
    x, v = (torch.randn(4, kernel.layout.size, generator=generator, dtype=torch.float64) for _ in range(2))
    value, gradient = kernel.value_and_gradient(x)
    formula = class_mean_objective(m) if collapsed else m.objective
    assert torch.allclose(value, Floats().evaluate(formula, kernel.factors(x)), rtol=1e-13)
    step = 1e-6  # differences of second order are exact to about 1e-10 here
    above, below = (kernel.value_and_gradient(x + sign * step * v) for sign in (1, -1))
    assert torch.allclose((above[0] - below[0]) / (2 * step), (gradient * v).sum(1), atol=1e-7)
    assert torch.allclose((above[1] - below[1]) / (2 * step), kernel.hessian(x)(v), atol=1e-6)


# ------------------------------------------------------------------------------------------ models


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"alpha": "1/10"}, "alpha is for the loss label-smoothing only"),
        ({"loss": "label-smoothing", "alpha": "1"}, "alpha must lie in 0 ≤ α < 1"),
        ({"loss": "ce", "gamma": "1"}, "gamma is for the loss focal only"),
        ({"loss": "focal", "gamma": "-1"}, "gamma must lie in"),
        ({"bias_decay": "1"}, "bias_decay is for a model with a bias only"),
        ({"bias": "last-layer", "bias_decay": "-1"}, "bias_decay must lie in"),
        ({"sign": "positive"}, "sign must be one of free, nonnegative"),
    ],
)
def test_an_option_of_another_model_is_named(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        model(**fields)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_models_survive_json_and_the_checker_reads_them_alike(options: dict[str, Any]) -> None:
    m = model(**options)
    assert UnconstrainedFeatures.from_json(json.loads(json.dumps(m.to_json()))) == m
    read = checker.Model(m.to_json(), plain=False)
    assert (read.loss, read.alpha, read.gamma, read.bias_decay) == (m.loss, m.alpha, m.gamma, m.bias_decay)
    assert read.nonnegative == bool(m.nonnegative)


# ------------------------------------------------------------------------------------------ closed forms and duals


balanced = st.builds(
    model,
    sizes=st.builds(lambda K, n: (n,) * K, st.integers(2, 5), st.integers(1, 4)),
    decays=st.sampled_from(["1/1000", "1/100", "1/20", "1/5", "1"]),
    loss=st.just("label-smoothing"),
    alpha=st.sampled_from(["0", "1/10", "1/2"]),
    bias=st.sampled_from(["none", "last-layer"]),
)


@settings(max_examples=25, deadline=None)
@given(balanced)
def test_the_simplex_lies_between_the_bounds(m: UnconstrainedFeatures) -> None:
    found, value = bounds(m), float(to_float(softmax.simplex_value(m)))
    low, high = F(found["lower"]), F(found["upper"])
    assert high - low < F(1, 10**12) * high
    assert float(low) - 1e-15 <= value * (1 + 1e-14)
    assert value * (1 - 1e-14) <= float(high)
    point = Floats().point(softmax.simplex_point(m))
    assert float(Floats().evaluate(m.objective, point)) == pytest.approx(value, rel=1e-13)


unequal = st.builds(
    model,
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple),
    decays=st.sampled_from(["1/1000", "1/100", "1/30", "1/10"]),
    loss=st.just("ce"),
    sign=st.just("nonnegative"),
)


@settings(max_examples=25, deadline=None)
@given(unequal)
def test_orthogonal_means_lie_between_the_bounds(m: UnconstrainedFeatures) -> None:
    value, point = float(to_float(softmax.orthogonal_value(m))), Floats().point(softmax.orthogonal_point(m))
    assert float(Floats().evaluate(m.objective, point)) == pytest.approx(value, rel=1e-13)
    found = bounds_at(m, point["W_1"].numpy(), _means(m, point["H"].numpy()), np.zeros(m.K))
    assert F(found["upper"]) - F(found["lower"]) < F(1, 10**12) * F(found["upper"])


def _means(m: UnconstrainedFeatures, H: np.ndarray) -> np.ndarray:
    return H[:, [sum(m.class_sizes[:k]) for k in range(m.K)]]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=5).map(tuple),
    st.sampled_from(["1/500", "1/50", "1/7"]),
    st.sampled_from(OPTIONS[:3] + OPTIONS[6:]),
)
def test_the_gap_closes_for_every_convex_loss(sizes: tuple[int, ...], decays: str, options: dict[str, Any]) -> None:
    m = model(sizes, decays, **options)
    assert covers(m)
    found = bounds(m)
    assert checker.check(json.loads(json.dumps(found))).startswith("the minimum for n = ")
    assert F(found["upper"]) - F(found["lower"]) < F(1, 10**12) * F(found["upper"])


@pytest.mark.parametrize("bits", [20, 30, 40, 43])
def test_dual_matrices_near_their_bound_are_decided_without_elimination(bits: int) -> None:
    """Many eigenvalues of a dual's slack are as small as rounding made them: see ``SHRINKS``."""
    slack, below = ([[1 + side * F(1, 2**bits) * (i == j) for j in range(60)] for i in range(60)] for side in (1, -1))
    checker.Budget.left = checker.Budget.MOST
    assert checker.positive_semidefinite(slack)
    assert checker.Budget.MOST - checker.Budget.left < 60**3 / 4, "an elimination takes n³/2 units or more"
    assert not checker.positive_semidefinite(below)


def test_a_dual_far_from_the_minimum_still_bounds_it() -> None:
    m = model(loss="ce")
    zero, rough = bounds_at(m, np.zeros((3, 1)), np.zeros((1, 3)), np.zeros(3)), bounds(m)
    assert F(zero["lower"]) < F(rough["lower"]) < F(zero["upper"])


@pytest.mark.parametrize("options", [*OPTIONS[1:5]], ids=str)
def test_contrasts_bound_the_loss_with_equality_at_equal_wrong_outputs(options: dict[str, Any]) -> None:
    m = model((1, 1, 1), **options)
    generator = torch.Generator().manual_seed(2)
    Z = 3 * torch.randn(200, 3, 3, generator=generator, dtype=torch.float64)
    Z[0] = torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]])
    kernel = LayeredModel(m, collapsed=True)
    for k in range(3):
        labels = torch.zeros(200, 3, 1, dtype=torch.float64)
        labels[:, k] = 1
        column = Z[:, :, k : k + 1]
        kernel.fit.labels, kernel.fit.s = labels, torch.ones(1, dtype=torch.float64)
        kernel.fit.aim = (1 - float(m.alpha)) * labels + float(m.alpha) / 3
        loss = kernel.fit.value_and_residual(column)[0] * m.N
        t = column.sum(1)[:, 0] - 3 * column[:, k, 0]
        bound = Floats().evaluate(contrast(m, variable("t")), {"t": t})
        assert bool((loss >= bound - 1e-12).all())
        assert float(loss[0]) == pytest.approx(float(bound[0]), rel=1e-12)


# ------------------------------------------------------------------------------------------ the command


def test_a_focal_loss_is_enclosed_around_its_scalar_minimum() -> None:
    found = enclose(model((10,) * 5, "1/1000", loss="focal", gamma="2"))
    assert found.upper - found.lower < F(1, 10**7)
    assert found.closed_form is None
    assert found.assumptions


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_deep_models_are_enclosed_and_say_what_the_bound_rests_on(activation: str) -> None:
    found = enclose(model((2, 2, 2), "1/200", loss="ce", depth=3, activation=activation))
    assert 0 < found.lower < found.upper < F(11, 10)
    assert len(found.assumptions) == 3


def optimum(capsys: Any, options: str) -> tuple[int, str, str]:
    status = main(["optimum", *options.split()])
    out, err = capsys.readouterr()
    return status, out, err


def test_optimum_writes_bounds_and_the_closed_form(capsys: Any) -> None:
    status, out, _ = optimum(capsys, "--sizes 4*5 --decay 1/100 --loss ce --json -")
    data = json.loads(out)
    assert status == 0
    assert F(data["lower"]) <= F(data["closed_form"]["objective"]) <= F(data["upper"])
    assert data["closed_form"]["scale"].startswith("3.7310132170895")
    assert F(data["radius"]) < F(1, 10**12)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--sizes 5 --decay 1/20 --loss ce", "with one class the loss is 0"),
        ("--sizes 5 --decay 1/20 --loss focal --gamma 2", "with one class the loss is 0"),
        ("--sizes 4*5 --decay 1 --loss ce", "decided exactly"),
        ("--sizes 9,1 --decay 23/100 --loss ce", "decided exactly"),
        ("--sizes 9,1 --decay 23/100 --loss ce --widths 1 --features nonnegative", "decided exactly"),
        ("--sizes 4*5 --decay 1 --loss label-smoothing --alpha 1/9", "decided exactly"),
        ("--sizes 9,1 --decay 22/100 --loss ce --features nonnegative", "collapse show dang2024-relu-ce)"),
    ],
)
def test_where_zero_is_the_only_minimiser_nothing_else_is_said(capsys: Any, options: str, told: str) -> None:
    _, out, _ = optimum(capsys, options)
    assert "Zero is the only minimiser." in out
    assert told in out
    assert not any(word in out for word in ("simplex", "scale ", "margin", "No closed form"))
    data = json.loads(optimum(capsys, f"{options} --json -")[1])
    assert (data["trivial"], data["unique"], data["closed_form"]["source"]) == (True, True, "zero")


@pytest.mark.parametrize(("loss", "told"), [("ce", "zhu2021-ce-etf"), ("label-smoothing --alpha 1/9", "losses-scale")])
def test_a_closed_form_names_its_own_statement(capsys: Any, loss: str, told: str) -> None:
    _, out, _ = optimum(capsys, f"--sizes 4*5 --decay 1/100 --loss {loss}")
    assert f"(collapse show {told})" in out


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=5).map(tuple),
    st.integers(1, 80),
    st.sampled_from(OPTIONS[1:3]),
)
def test_zero_is_best_where_the_loss_is_no_steeper_there(sizes: tuple[int, ...], decay: int, options: Any) -> None:
    m = model(sizes, f"{decay}/100", **options)
    slope = (np.eye(m.K) - 1 / m.K) * np.sqrt(sizes) * float(1 - m.alpha) / m.N
    gap = decay / 100 - float(np.linalg.norm(slope, 2))
    best = softmax.zero_is_best(m)
    assert best == (gap > 0) or abs(gap) < 1e-9
    if abs(gap) > 0.02:
        assert best == (F(bounds(m)["upper"]) > log_of(m.K) - F(1, 10**12))


def log_of(K: int) -> F:
    return F(float(to_float(log(constant(K)))))


def test_equal_largest_classes_are_told_from_one(capsys: Any) -> None:
    assert softmax.zero_is_best(model((1, 1), "1/2", loss="label-smoothing")) is True
    for options in ({"depth": 2}, {"bias": "last-layer"}, {"loss": "focal", "gamma": 1}, {"loss": "mse"}):
        assert not softmax.zero_is_best(model((9, 1), "23/100", **{"loss": "ce", **options}))


def test_a_free_bias_is_not_determined_where_all_else_is_zero(capsys: Any) -> None:
    _, out, _ = optimum(capsys, "--sizes 4*5 --decay 1 --loss ce --bias last-layer")
    assert "Zero is the only minimiser; a bias that is any multiple of 1 is as good." in out


@pytest.mark.parametrize(("options", "trivial"), [("", False), ("--loss ce --bias last-layer", None)])
def test_zero_is_known_not_to_be_the_minimiser_where_a_point_lies_below(
    capsys: Any, options: str, trivial: bool | None
) -> None:
    data = json.loads(optimum(capsys, f"--sizes 5,2 --decay 1/100 --loss ce {options} --json -")[1])
    assert data["trivial"] is trivial


@pytest.mark.parametrize("same", ["label-smoothing --alpha 0", "focal --gamma 0"])
@pytest.mark.parametrize("setting", ["", "--features nonnegative"])
def test_cross_entropy_by_another_name_has_the_same_answer(capsys: Any, same: str, setting: str) -> None:
    options = f"--sizes 3,2,1 --decay 1/100 {setting} --json - --loss"
    data, other = (json.loads(optimum(capsys, f"{options} {loss}")[1]) for loss in ("ce", same))
    assert data == other
    assert F(data["radius"]) < F(1, 10**14)
    assert (data["closed_form"] is not None) == bool(setting)
    shown = optimum(capsys, f"--sizes 3,2,1 --decay 1/100 --loss {same}")[1]
    assert same.split()[0] in shown


@pytest.mark.parametrize(
    "loss", ["focal --gamma 2", "mse --depth 2 --activation relu", "mse --depth 2 --bias last-layer"]
)
def test_features_that_may_not_be_negative_are_bounded_by_free_ones(capsys: Any, loss: str) -> None:
    options = f"--sizes 4*5 --decay 1/100 --json - --loss {loss}"
    free, bounded = (json.loads(optimum(capsys, options + more)[1]) for more in ("", " --features nonnegative"))
    least = F(free["lower"] or free["objective"])
    assert 0 < least - F(1, 10**28) <= F(bounded["lower"]) <= F(bounded["upper"])


def test_features_may_be_chosen_nonnegative_with_squared_error() -> None:
    for m in (model(), model(depth=3, decays="1/2000", widths=2), model((1, 1), "1/20", depth=2)):
        free, best = squared_optimum(m), squared_optimum(m.with_(sign="nonnegative"))
        assert best.objective == free.objective
    found = bounds(model(sign="nonnegative"))
    value = squared_optimum(model(sign="nonnegative")).objective
    assert F(found["lower"]) <= value.high
    assert value.low <= F(found["upper"])
    assert any(sentence.startswith("Features ≥ 0") for sentence in best.assumptions)
    cut = squared_optimum(model((2, 2, 2), widths=2, sign="nonnegative"))
    assert "any choice of as many classes" in (cut.note or "")
    with pytest.raises(ValueError, match="only without a bias"):
        squared_optimum(model(sign="nonnegative", bias="last-layer"))


def test_digits_are_right_where_decays_are_tiny(capsys: Any) -> None:
    data = json.loads(optimum(capsys, "--sizes 3,3,3 --decay 1e-400 --loss ce --json -")[1])
    s, shown = F(data["closed_form"]["scale"]), F(data["closed_form"]["objective"])
    c = F(1732050807568877293527446341505, 10**30) / F(10**400)  # √3 λ; the value is 2c (s + 1) up to c²
    assert abs(shown / (2 * c * (s + 1)) - 1) < F(1, 10**28)


def test_numbers_beyond_double_precision_get_one_sentence(capsys: Any) -> None:
    status, out, err = optimum(capsys, "--sizes 3,3,2 --decay 1e-400 --loss ce")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "leave the range of double precision" in err


def test_no_upper_bound_is_above_the_value_at_zero() -> None:
    found = enclose(model((10**15, 1), "1/100", loss="ce"))
    assert found.upper - F(693147180559945309417232121458, 10**30) < F(2, 10**30)


def test_the_dual_starts_where_the_closed_form_is() -> None:
    m = model(tuple(10 + 3 * k for k in range(30)), "1/3000", loss="ce", sign="nonnegative")
    found = bounds(m)
    assert F(found["upper"]) - F(found["lower"]) < F(1, 10**12)


def test_optimum_says_where_no_closed_form_is_known(capsys: Any) -> None:
    status, out, _ = optimum(capsys, "--sizes 5,2,1 --decay 1/100 --loss ce")
    assert status == 0
    assert "No closed form is proved here; the bounds are." in out


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--loss ce --alpha 1/10", "--alpha belongs to --loss label-smoothing"),
        ("--loss label-smoothing", "--loss label-smoothing needs --alpha"),
        ("--loss label-smoothing --alpha 3/2", "--alpha must lie in 0 ≤ α < 1, got 3/2"),
        ("--loss label-smoothing --alpha x", "--alpha"),
        ("--loss focal", "--loss focal needs --gamma"),
        ("--loss focal --gamma -1", "--gamma must lie in"),
        ("--loss hinge", "--loss must be one of"),
        ("--features signed", "--features must be one of"),
        ("--loss ce --bias-decay 1", "--bias-decay needs --bias last-layer"),
        ("--loss ce --bias last-layer --bias-decay -1", "--bias-decay must lie in"),
        ("--loss ce --convention sum", "--convention is for mse"),
    ],
)
def test_a_wrong_option_gets_one_sentence(capsys: Any, options: str, reason: str) -> None:
    status, out, err = optimum(capsys, f"--sizes 4*5 --decay 1/100 {options}")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert reason in err


@pytest.mark.parametrize("sizes", [(5, 3, 1), (5, 1, 5), (1, 5, 1)])
def test_formulas_for_two_groups_refuse_other_class_sizes(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two groups"):
        seli.two_groups(sizes)
    assert not seli.in_two_groups(sizes)
