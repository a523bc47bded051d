"""Compiled descent does what automatic differentiation and the batched loops do, restart by restart."""

from __future__ import annotations

import os
import subprocess
import sys
from copy import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_interpreters import CASES, random_values

from theory.arithmetic import floats as batched
from theory.arithmetic.floats import Floats
from theory.claims import GlobalMinimum, Inequality, Minimisation
from theory.model import UnconstrainedFeatures
from theory.ops import (
    Expression,
    exp,
    frobenius_norm,
    kron,
    log,
    log_sum_exp,
    nuclear_norm,
    ones,
    relu,
    trace,
    variable,
)
from theory.papers.garrod2025.setting import matrix
from theory.statement import statements
from verify.compiled import MACHINE_CODE, lanes, lbfgs, prepare, programs, steps, tape
from verify.compiled.programs import NoTape, of_formulas, of_model
from verify.empirical.training import repeat
from verify.methods import columns, kernels, minimise
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import HISTORY, Formula, Layout
from verify.methods.searches import FormulaSearch

X = variable("X", (3, 2))
SHAPES = {"X": (3, 2), "Y": (2, 3), "S": (3, 3), "x": ()}
WEIGHTS = [Fraction(3, 7), Fraction(-2, 5), Fraction(1), Fraction(5, 3), Fraction(-1, 2)]

EXTRA = {
    "exponential": exp(trace(X @ ones(2, 3))),
    "logarithm": log(1 + frobenius_norm(X)),
    "exponentials of entries": exp(X),
    "logarithms of entries": log(ones(3, 2) + relu(X)),
    "log-sum-exp": log_sum_exp(X),
    "norm of a Kronecker product": nuclear_norm(kron(X, variable("Y", (2, 3)))),
    "a part twice": (X @ variable("Y", (2, 3))) @ (X @ variable("Y", (2, 3))),
}
FORMULAS = {**{name: case[0] for name, case in CASES.items()}, **EXTRA}


def run(program: tape.Program, points: torch.Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Values and gradients of a tape at up to eight points."""
    x = np.zeros((program.size, lanes.LANES))
    x[:, : len(points)] = points.numpy().T
    g, value = np.full_like(x, np.nan), np.zeros(lanes.LANES)
    tape.value_and_gradient(program, x, g, value, tape.workspace(program))
    return value[: len(points)], g[:, : len(points)].T


def weighted(formula: Expression) -> Expression:
    """A scalar in which every entry of a formula counts."""
    if not formula.shape:
        return formula
    rows, columns = formula.shape
    if 0 in formula.shape:
        return trace(formula @ formula.T)
    entries = [[WEIGHTS[(2 * i + j) % 5] for i in range(rows)] for j in range(columns)]
    return trace(matrix(entries) @ formula)


def points_of(seeds: range) -> torch.Tensor:
    """Points (B, 22) of the variables of the formulas, in units of 1."""
    layout = Layout(SHAPES)
    rows = []
    for seed in seeds:
        values = random_values(seed)
        parts = [torch.tensor(np.array(values[name], dtype=float)).reshape(1, *shape) for name, shape in SHAPES.items()]
        rows.append(layout.join(parts))
    return torch.cat([torch.cat(rows), torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)


def by_differentiation(formula: Expression, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    layout, floats = Layout(SHAPES), Floats()
    objective = Formula(lambda x: floats.evaluate(formula, layout.split(x[:, :-1])) + 0 * x.sum(1))
    return objective.value_and_gradient(points)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_tape_has_the_value_and_gradient_of_its_formula(name: str) -> None:
    formula, points = weighted(FORMULAS[name]), points_of(range(5))
    try:
        program = of_formulas({"value": formula}, SHAPES, frozenset(), Floats())
    except NoTape:
        assert name in ("rank",)
        return
    value, gradient = run(program, points)
    expected, slopes = by_differentiation(formula, points)
    scale = 1 + slopes.norm(dim=1, keepdim=True).numpy()
    np.testing.assert_allclose(value, expected.numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient / scale, slopes.numpy() / scale, rtol=0, atol=1e-10)


SEARCHED = [id for id, s in statements().items() if s.expected.conclusion != "undecided"]


@pytest.mark.parametrize("id", SEARCHED)
def test_what_statements_search_has_the_value_and_gradient_of_its_formula(id: str) -> None:
    claim = statements()[id].claim(dict(statements()[id].witness))
    if isinstance(claim, Inequality):
        problem = Minimisation(claim.right - claim.left, dict(claim.variables))
    elif isinstance(claim, GlobalMinimum) and isinstance(claim.problem, Minimisation):
        problem = claim.problem
    else:
        return
    search = FormulaSearch(problem, torch.device("cpu"), units=0)
    program = search.program(value=problem.objective)
    if program is None:
        return
    starts = search.starts(9, torch.Generator().manual_seed(0))[1:]
    near_zero = torch.cat([starts[:, :-1] / 1000, starts[:, -1:]], dim=1)
    finite = (points[search.objective.function(points).isfinite()] for points in (starts, near_zero))
    points = next(filter(len, finite))
    value, gradient = run(program, points)
    expected, slopes = (part.numpy() for part in Formula(search.objective.function).value_and_gradient(points))
    size = Floats().magnitude(problem.objective, search.values(points))
    size = size if np.isfinite(size) else 1.0
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12 * size)
    scale = 1 + np.abs(slopes).max(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient / scale, slopes / scale, rtol=0, atol=1e-9 * (1 + size))


def test_squares_units_and_quotients() -> None:
    """x = u y² in a variable that may not be negative; (right − left)/(|left| + |right|) of two formulas."""
    left, right = trace(X @ X.T), trace(X @ ones(2, 3)) - 1
    floats, layout = Floats(), Layout({"X": (3, 2)})
    program = of_formulas({"left": left, "right": right}, {"X": (3, 2)}, frozenset({"X"}), floats)

    def slack(x: torch.Tensor) -> torch.Tensor:
        unit = x[:, -1].detach()
        values = {"X": unit[:, None, None] * layout.split(x[:, :-1])["X"] ** 2}
        a, b = floats.evaluate(left, values), floats.evaluate(right, values)
        return (b - a) / (a.abs() + b.abs()).clamp(min=1e-300)

    points = torch.randn(6, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    points[:, -1] = torch.tensor([1e-8, 1e-3, 1.0, 3.0, 1e4, 1e8])
    value, gradient = run(program, points)
    expected, slopes = Formula(slack).value_and_gradient(points)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-300)  # at u = 1e8 all but 8 digits cancel


def test_a_gradient_that_does_not_exist_is_zero() -> None:
    program = of_formulas({"value": frobenius_norm(X)}, {"X": (3, 2)}, frozenset(), Floats())
    value, gradient = run(program, torch.tensor([[0.0] * 6 + [1.0]], dtype=torch.float64))
    assert value[0] == 0
    assert not gradient.any()


def test_every_operation_that_floats_know_has_a_tape_but_the_rank() -> None:
    assert batched._OPERATIONS.keys() - programs.WRITERS.keys() == {"rank"}


def test_large_formulas_are_left_to_batched_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MOST_CELLS", 20)
    with pytest.raises(NoTape, match="more than 20 parts"):
        of_formulas({"value": trace(X @ X.T)}, {"X": (3, 2)}, frozenset(), Floats())


LOSSES: tuple[dict[str, Any], ...] = (
    {},
    {"bias": "last-layer"},
    {"loss": "ce"},
    {"loss": "focal", "gamma": 2},
    {"loss": "label-smoothing", "alpha": Fraction(1, 10), "sign": "nonnegative"},
    {"loss": "ce", "bias": "last-layer", "bias_decay": Fraction(1, 7), "class_sizes": (3, 1, 2)},
)


@given(
    sizes=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    relu=st.booleans(),
    collapsed=st.booleans(),
    loss=st.sampled_from(LOSSES),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_models_have_the_kernels_value_and_gradient(
    sizes: list[int], widths: list[int], relu: bool, collapsed: bool, loss: dict[str, Any], seed: int
) -> None:
    activation = "relu" if relu and len(widths) > 1 else "linear"
    fields: dict[str, Any] = {"class_sizes": tuple(sizes), "depth": len(widths), "widths": tuple(widths)}
    if fields["depth"] > 1:
        loss = {name: value for name, value in loss.items() if name not in ("sign", "bias_decay", "alpha", "gamma")}
        loss = loss if loss.get("loss") not in ("focal", "label-smoothing") else {"loss": "ce"}
    try:
        model = UnconstrainedFeatures(**{**fields, "decays": Fraction(1, 50), "activation": activation, **loss})
    except ValueError:
        return
    kernel = LayeredModel(model, collapsed=collapsed)
    points = kernel.gaussian_starts(torch.ones(5, dtype=torch.float64), torch.Generator().manual_seed(seed))
    value, gradient = run(of_model(kernel), points)
    expected, slopes = kernel.value_and_gradient(points)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-13 * (1 + float(slopes.abs().max())))


MODEL = UnconstrainedFeatures(class_sizes=(2, 2, 1), depth=2, widths=(3, 4), decays="1/50", activation="relu")


def batch(kernel: LayeredModel, count: int) -> torch.Tensor:
    return kernel.gaussian_starts(torch.ones(count, dtype=torch.float64), torch.Generator().manual_seed(0))


def _plain(kernel: LayeredModel, starts: torch.Tensor, iterations: int) -> torch.Tensor:
    class Plain:
        value_and_gradient = staticmethod(kernel.value_and_gradient)
        hessian = staticmethod(kernel.hessian)

    return minimise.lbfgs(Plain(), starts, iterations, 1e-9)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 21])
def test_lbfgs_takes_the_steps_of_the_batched_loops(count: int) -> None:
    """The two sum in another order, so that after a few steps points agree to rounding, and not to the last bit."""
    kernel = LayeredModel(MODEL, collapsed=False)
    starts = batch(kernel, count)
    found = lbfgs(of_model(kernel), starts, 12, 1e-9, HISTORY)
    torch.testing.assert_close(found, _plain(kernel, starts, 12), rtol=1e-8, atol=1e-8)
    assert float((found - starts).norm(dim=1).min()) > 0.1


def test_lbfgs_ends_where_the_gradient_is_small() -> None:
    kernel = LayeredModel(MODEL, collapsed=False)
    ends = lbfgs(of_model(kernel), batch(kernel, 20), 2000, 1e-6, HISTORY)
    assert float(kernel.value_and_gradient(ends)[1].norm(dim=1).max()) <= 1e-6


def test_a_restart_does_not_depend_on_its_neighbours() -> None:
    kernel = LayeredModel(MODEL, collapsed=False)
    starts = batch(kernel, 11)
    together = lbfgs(of_model(kernel), starts, 60, 1e-9, HISTORY)
    alone = [lbfgs(of_model(kernel), start[None], 60, 1e-9, HISTORY) for start in starts]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-6, atol=1e-6)


def test_a_restart_that_is_not_finite_stays_and_harms_no_other() -> None:
    kernel = LayeredModel(MODEL, collapsed=False)
    starts = batch(kernel, 3)
    starts[1] = torch.nan
    ends = lbfgs(of_model(kernel), starts, 500, 1e-9, HISTORY)
    assert bool(ends[1].isnan().all())
    assert float(kernel.value_and_gradient(ends[[0, 2]])[1].norm(dim=1).max()) <= 1e-9


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, 1e200])
def test_lanes_that_are_used_again_forget_what_was_not_finite(bad: float) -> None:
    kernel = LayeredModel(MODEL, collapsed=False)
    starts = batch(kernel, 40)
    alone = lbfgs(of_model(kernel), starts, 1000, 1e-9, HISTORY)
    starts[::9] = bad
    good = torch.tensor([i % 9 != 0 for i in range(40)])
    assert torch.equal(lbfgs(of_model(kernel), starts, 1000, 1e-9, HISTORY)[good], alone[good])


def test_a_trial_without_a_value_does_not_end_its_restart() -> None:
    """x − log x is almost straight far out: the second step leads far below 0, where there is no logarithm."""
    x = variable("x")
    program = of_formulas({"value": x - log(x)}, {"x": ()}, frozenset(), Floats())
    start = torch.tensor([[100.0, 1.0]] * 9, dtype=torch.float64)
    ends = lbfgs(program, start, 1000, 1e-9, HISTORY)
    np.testing.assert_allclose(ends.prod(dim=1), np.ones(9), rtol=1e-6)


@pytest.mark.parametrize("gamma", ["1/2", "2"])
def test_the_focal_loss_has_slopes_where_it_underflows(gamma: str) -> None:
    kernel = LayeredModel(MODEL.with_(loss="focal", gamma=gamma, bias="none", activation="linear"), collapsed=False)
    x = 30 * batch(kernel, 16)
    values, gradients = kernel.value_and_gradient(x)
    assert bool(gradients.isfinite().all())
    assert bool(kernel.hessian(x)(x).isfinite().all())
    found, slopes = np.zeros(8), np.zeros((kernel.layout.size, 8))
    for part in (slice(0, 8), slice(8, 16)):
        program = of_model(kernel)
        tape.value_and_gradient(program, x[part].T.contiguous().numpy(), slopes, found, tape.workspace(program))
        np.testing.assert_allclose(found, values[part].numpy(), rtol=1e-12)
        np.testing.assert_allclose(slopes.T, gradients[part].numpy(), rtol=1e-9, atol=1e-9)


def test_steps_are_those_of_the_batched_loop() -> None:
    kernel = LayeredModel(MODEL, collapsed=False)
    x, velocity = batch(kernel, 9), 0.1 * batch(kernel, 9).flip(0)
    rate = torch.linspace(0.01, 0.3, kernel.layout.size, dtype=torch.float64)[None]
    found, speeds = steps(of_model(kernel), x, velocity, rate, 20, 0.9)
    for _ in range(20):
        velocity = 0.9 * velocity - rate * kernel.value_and_gradient(x)[1]
        x = x + velocity
    torch.testing.assert_close(found, x, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(speeds, velocity, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("relu", [False, True])
def test_gradients_in_columns_are_those_in_rows(relu: bool) -> None:
    activation = "relu" if relu else "linear"
    model = UnconstrainedFeatures(
        class_sizes=(2, 1, 3), depth=3, widths=(3, 5, 4), decays="1/50", activation=activation
    )
    kernel = LayeredModel(model, collapsed=False)
    x = batch(kernel, 9)
    assert columns.fits(kernel)
    torch.testing.assert_close(columns.gradient(kernel)(x.T).T, kernel.value_and_gradient(x)[1], rtol=1e-13, atol=1e-14)


def test_steps_in_columns_are_those_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without machine code, which a GPU's tests compile."""
    monkeypatch.setattr(columns.torch, "compile", lambda function: function)
    kernel = LayeredModel(MODEL, collapsed=False)
    x, velocity = batch(kernel, 9), 0.1 * batch(kernel, 9).flip(0)
    rate = torch.linspace(0.01, 0.3, kernel.layout.size, dtype=torch.float64)[None]
    found = columns.steps(kernel, x, velocity, rate, 20, 0.9, repeat)
    for ours, theirs in zip(found, steps(of_model(kernel), x, velocity, rate, 20, 0.9), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("other", [{"loss": "ce"}, {"bias": "last-layer"}, {"widths": (3, 9)}])
def test_columns_are_for_narrow_models_with_squared_error(other: dict[str, Any]) -> None:
    assert columns.fits(LayeredModel(MODEL, False))
    assert not columns.fits(LayeredModel(MODEL.with_(activation="linear", **other), False))


def _on_a_gpu(kernel: LayeredModel) -> LayeredModel:
    other = copy(kernel)
    other.device = torch.device("cuda")
    return other


def test_large_models_and_other_devices_use_batched_products(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = LayeredModel(MODEL, collapsed=False)
    assert kernel.is_compiled
    assert not _on_a_gpu(kernel).is_compiled
    monkeypatch.setattr(kernels, "COMPILED", kernel.layout.size - 1)
    assert not kernel.is_compiled


@given(rows=st.integers(1, 5), depth=st.integers(1, 5), columns=st.integers(1, 9), turned=st.booleans())
@settings(max_examples=60, deadline=None)
def test_products_of_every_shape(rows: int, depth: int, columns: int, turned: bool) -> None:
    rng = np.random.default_rng(rows * 100 + depth * 10 + columns)
    A, B, C = (
        rng.integers(-9, 9, (m, n, 8)).astype(float) for m, n in ((rows, depth), (depth, columns), (rows, columns))
    )
    expected = C + np.einsum("ikl,kjl->ijl", A, B)
    stored = np.ascontiguousarray(A.transpose(1, 0, 2)) if turned else A
    i_step, k_step = (1, rows) if turned else (depth, 1)
    flat = [np.ascontiguousarray(M.reshape(-1, 8)) for M in (stored, B, C)]
    lanes.add_product(flat[0], 0, i_step, k_step, flat[1], 0, columns, 1, flat[2], 0, rows, depth, columns)
    np.testing.assert_array_equal(flat[2].reshape(rows, columns, 8), expected)


def test_where_nothing_can_be_kept_functions_are_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def njit(cache: bool, **options: Any) -> Any:
        calls.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(lanes.numba, "njit", njit)
    assert lanes.compiled(len) is len
    assert calls == [True, False]


def test_machine_code_is_kept_by_the_text_of_the_package() -> None:
    code = "import numba, verify.compiled.lanes; print(numba.config.CACHE_DIR)"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    folder = Path(run.stdout.strip())
    assert folder.parent == Path(lanes.__file__).parent / "__pycache__"
    assert len(folder.name) == 16


def test_machine_code_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    prepare(said.append)
    assert said == ["making machine code for descent, once; some 20 seconds"]
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "somewhere" / "descent.steps-1.py311.nbi").touch()
    prepare(said.append)
    assert len(said) == 1


def test_every_module_with_machine_code_counts() -> None:
    here = Path(lanes.__file__).parent
    assert sorted(MACHINE_CODE) == sorted(p.name for p in here.glob("*.py") if "@compiled" in p.read_text("utf-8"))
