"""Programs that train models: reproducible from the seed, in the model's own steps, with metrics of known points."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from theory import Experiment, UnconstrainedFeatures, at_most, clause
from theory.arithmetic.floats import Floats
from theory.claims import digest
from theory.metrics import numerical_rank, sukenik2023_dnc1, sukenik2023_dnc2, sukenik2023_dnc3
from theory.ops import FormulaError, variable
from theory.statement import Instance, statements
from verify import compiled, interrupt
from verify.empirical import programs, training
from verify.empirical.deep_linear import end_metrics
from verify.empirical.deep_relu import layer_metrics
from verify.empirical.training import Trained, course, train
from verify.engines import Settings, load
from verify.methods.kernels import LayeredModel

F = Fraction
RELU = UnconstrainedFeatures(
    class_sizes=(2, 1),
    depth=3,
    widths=(4,),
    weight_decays=("1/20", "1/10", "1/5"),
    feature_decay="1/30",
    activation="relu",
)
LINEAR = RELU.with_(activation="linear", class_sizes=(2, 2))
SHORT: dict[str, dict[str, Any]] = {
    "deep relu training": {"model": RELU, "runs": 2, "steps": 20, "rate": F(1, 2)},
    "rank and collapse": {
        "model": RELU.with_(class_sizes=(1, 1)),
        "decays": (F(1, 50), F(1, 20)),
        "widths": (2, 4),
        "runs": 2,
        "steps": 20,
        "rate": F(1, 2),
    },
    "deep linear training": {
        "model": LINEAR, "runs": 2, "steps": 20, "rate": F(1, 10), "momentum": F(9, 10), "deviation": F(1, 4)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SHORT)
def test_a_seed_gives_the_same_numbers_again(name: str) -> None:
    run = programs()[name]
    first, again, other = (run(seed=seed, **SHORT[name]) for seed in (3, 3, 4))
    assert first == pytest.approx(again, abs=0, rel=0, nan_ok=True)
    assert first != other


def steps_by_automatic_differentiation(
    model: UnconstrainedFeatures, start: Trained, count: int, rate: float, momentum: float
) -> list[float]:
    """The objectives of runs that take the same steps on the model's formula, one run at a time."""
    ends = []
    for run in range(len(start.objective)):
        point = {name: torch.tensor(part[run : run + 1], dtype=torch.float64) for name, part in start.factors.items()}
        velocity = {name: torch.zeros_like(part) for name, part in point.items()}
        for _ in range(count):
            leaves = {name: part.clone().requires_grad_() for name, part in point.items()}
            Floats().evaluate(model.objective, leaves).sum().backward()
            for name, leaf in leaves.items():
                assert leaf.grad is not None
                velocity[name] = momentum * velocity[name] - rate * leaf.grad
                point[name] = point[name] + velocity[name]
        ends.append(float(Floats().evaluate(model.objective, point)))
    return ends


@pytest.mark.parametrize("model", [RELU, LINEAR.with_(bias="last-layer", class_sizes=(3, 1))])
def test_steps_are_those_of_the_models_own_factors(model: UnconstrainedFeatures) -> None:
    settings: dict[str, Any] = {"seed": 0, "runs": 2, "rate": F(1, 10), "momentum": F(1, 2), "deviation": F(2, 3)}
    start, end = (train(model, steps=steps, **settings) for steps in (0, 6))
    assert end.objective == pytest.approx(steps_by_automatic_differentiation(model, start, 6, 0.1, 0.5), rel=1e-10)
    assert not np.allclose(start.objective, end.objective)


def test_class_means_take_the_steps_of_collapsed_features() -> None:
    balanced = RELU.with_(class_sizes=(3, 3))
    means = train(balanced, seed=1, runs=1, steps=0, rate=F(1), collapsed=True)
    repeated = {name: part for name, part in means.factors.items() if name != "M"}
    collapsed = Trained(balanced, means.objective, {**repeated, "H": np.repeat(means.factors["M"], 3, axis=2)})
    later = train(balanced, seed=1, runs=1, steps=5, rate=F(1, 2), collapsed=True).objective
    assert later == pytest.approx(steps_by_automatic_differentiation(balanced, collapsed, 5, 0.5, 0.0), rel=1e-10)


def made_by_hand(activation: str, features: np.ndarray, *weights: np.ndarray) -> Trained:
    model = UnconstrainedFeatures(
        class_sizes=(2, 2), depth=len(weights), widths=(2,), decays="1/100", activation=activation
    )
    factors = {f"W_{m}": W[None] for m, W in enumerate(weights, start=1)}
    return Trained(model, np.array([0.0]), {**factors, "H": features[None]})


def test_layers_of_a_collapsed_point() -> None:
    """H_2 has negative entries, as optima may, so it is no orthogonal frame; σ(H_2) and all behind it are."""
    H = np.kron(np.array([[2.0, -1.0], [-1.0, 2.0]]), np.ones((1, 2)))
    found = dict(layer_metrics(made_by_hand("relu", H, np.eye(2), 3 * np.eye(2), np.eye(2)), 0))
    assert {name: value for name, value in found.items() if name.startswith("dnc1")} == dict.fromkeys(
        [f"dnc1_{kind}_{layer}" for layer in (1, 2, 3) for kind in ("H", "relu_H")], 0.0
    )
    gram = np.array([[5.0, -4.0], [-4.0, 5.0]])
    away = np.linalg.norm(gram / np.linalg.norm(gram) - np.eye(2) / np.sqrt(2))
    assert [found["dnc2_H_1"], found["dnc2_H_2"]] == pytest.approx([away, away])
    assert [found[name] for name in ("dnc2_relu_H_2", "dnc2_H_3", "dnc2_relu_H_3")] == pytest.approx([0, 0, 0])
    assert [found[f"dnc3_W_{layer}"] for layer in (2, 3)] == pytest.approx([0, 0])
    assert found["dnc3_W_1"] == pytest.approx(1 / np.sqrt(5)), "means of H_1 are seen without a ReLU"
    assert [found[f"rank_H_{layer}"] for layer in (1, 2, 3)] == [2, 2, 2]


def test_layers_of_a_point_that_is_not_collapsed() -> None:
    H = np.array([[1.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0]])
    found = dict(layer_metrics(made_by_hand("relu", H, np.eye(2), np.ones((2, 2)) / 2), 0))
    assert found["dnc1_H_1"] == pytest.approx((1 + 4) / 2 / 2)
    assert found["dnc3_W_2"] == pytest.approx(1 / np.sqrt(2))


def test_linear_metrics_of_an_exact_frame() -> None:
    features, product = np.repeat(np.eye(2), 2, axis=1), np.eye(2)
    assert end_metrics(made_by_hand("linear", features, product), 0) == pytest.approx(
        dict.fromkeys(("NC1", "NC2_W", "NC2_H", "NC3"), 0.0), abs=1e-12
    )
    tilted = end_metrics(made_by_hand("linear", features, np.array([[1.0, 1.0], [0.0, 1.0]])), 0)
    assert tilted["NC2_W"] > 0.1
    assert tilted["NC3"] > 0.1
    assert tilted["NC2_H"] == pytest.approx(0, abs=1e-12)


def test_metrics_without_a_scale_are_undefined() -> None:
    assert np.isnan(sukenik2023_dnc1(np.zeros((2, 4)), np.array([0, 0, 1, 1]), 2))
    assert np.isnan(sukenik2023_dnc2(np.zeros((2, 2))))
    assert np.isnan(sukenik2023_dnc3(np.zeros((2, 2)), np.eye(2)))
    assert np.isnan(sukenik2023_dnc3(np.eye(2), np.zeros((2, 2))))


def test_rank_is_relative_to_the_largest_singular_value() -> None:
    assert [numerical_rank(scale * np.diag([1.0, 0.5, 0.04]), 0.05) for scale in (1e-9, 1, 1e9)] == [2, 2, 2]
    assert numerical_rank(np.zeros((3, 3)), 0.05) == 0


def test_runs_that_end_at_zero_have_no_rank() -> None:
    heavy = {**SHORT["rank and collapse"], "decays": (F(1),), "model": RELU.with_(class_sizes=(1, 1), decays=1)}
    assert all(np.isnan(x) for x in programs()["rank and collapse"](seed=0, **heavy).values())


# ------------------------------------------------------------------------------------------------ quick and full

STEPS = clause("few steps", at_most(variable("lowest"), 10))


def experiment(steps: int, full: Experiment | None = None) -> Experiment:
    return Experiment("deep relu training", {**SHORT["deep relu training"], "steps": steps}, (STEPS,), full)


def test_full_effort_examines_the_full_experiment() -> None:
    claim = experiment(0, experiment(5))
    assert claim.at("quick") is claim
    assert claim.at("full") is claim.full
    assert experiment(0).at("full") == experiment(0)
    assert len({digest(c) for c in (claim, experiment(0), experiment(0, experiment(6)))}) == 3
    numbers = {e: load("descent").examine(Instance(claim), Settings(effort=e)).numbers for e in ("quick", "full")}
    assert numbers["full"]["lowest"] < numbers["quick"]["lowest"]


def test_the_full_experiment_has_the_same_clauses() -> None:
    other = Experiment("deep relu training", {}, (clause("other", at_most(variable("lowest"), 10)),))
    with pytest.raises(FormulaError, match="needs the clauses of the quick one"):
        experiment(0, other)


@pytest.mark.parametrize("id", ["sukenik2023-gd", "sukenik2024-gd", "sukenik2024-trends", "dang2023-direct-gd"])
def test_the_papers_settings_are_those_in_full(id: str) -> None:
    statement = statements()[id]
    claim = statement.claim(statement.witness)
    assert isinstance(claim, Experiment)
    full = claim.at("full").parameters
    assert full["steps"] > claim.parameters["steps"]
    assert full["runs"] >= (1 if id.startswith("dang") else 10)
    measured = set(claim.measured) | set(claim.at("full").measured)
    assert measured <= set(programs()[claim.run](seed=0, **{**claim.parameters, "steps": 1})) | {
        name for name in measured if name.rpartition("_")[2] in "345"
    }


def test_a_course_passes_through_the_ends_of_shorter_runs() -> None:
    settings: dict[str, Any] = {"seed": 2, "runs": 2, "rate": F(1, 10), "momentum": F(1, 2)}
    for steps, met in zip((0, 1, 4), course(LINEAR, (0, 1, 4), **settings), strict=True):
        end = train(LINEAR, steps=steps, **settings)
        np.testing.assert_array_equal(met.objective, end.objective)
        np.testing.assert_array_equal(met.factors["H"], end.factors["H"])


def test_descent_is_looked_at_between_blocks_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that signals are heard; a descent that has diverged takes no more of them, one with a restart left goes on."""
    settings: dict[str, Any] = {"seed": 2, "runs": 2, "rate": F(1, 10), "momentum": F(1, 2)}
    whole, counts, advance = train(LINEAR, steps=50, **settings), [], compiled.steps

    def counted(*arguments: Any) -> Any:
        counts.append(arguments[4])
        return advance(*arguments)

    monkeypatch.setattr(compiled, "steps", counted)
    monkeypatch.setattr(training, "AT_A_TIME", 1)
    monkeypatch.setattr(training, "TOGETHER", 7)
    again = train(LINEAR, steps=50, **settings)
    assert counts == [7] * 7 + [1]
    for name, factor in whole.factors.items():
        np.testing.assert_array_equal(again.factors[name], factor)
    counts.clear()
    lost = train(LINEAR, steps=10_000, **settings | {"rate": F(10**6)})
    assert not np.isfinite(lost.objective).any()
    assert sum(counts) < 1000


def test_a_large_descent_that_has_diverged_ends() -> None:
    """One that is not compiled: each step takes a millisecond."""
    large = UnconstrainedFeatures(class_sizes=(40,) * 3, depth=5, widths=(60,), decays=F(1, 100))
    assert not LayeredModel(large, False).is_compiled
    with interrupt.at_most(20, TimeoutError, of_processor=True):
        assert not np.isfinite(train(large, steps=10**9, seed=0, runs=1, rate=F(20)).objective).any()


def test_compiled_descent_can_be_interrupted() -> None:
    """The error comes out as what it is: numba makes another one of what is raised while it returns."""
    with pytest.raises(TimeoutError), interrupt.at_most(0.3, TimeoutError):
        train(LINEAR, steps=10**9, seed=2, runs=1, rate=F(1, 10))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeoutError])
def test_what_compiled_code_wraps_is_unwrapped(kind: type[BaseException]) -> None:
    def run() -> None:
        with compiled._own_errors():
            try:
                try:
                    raise kind
                except kind as first:
                    raise SystemError("returned with an exception set") from first
            except SystemError as second:
                raise SystemError("returned with an exception set") from second

    with pytest.raises(kind):
        run()
    with pytest.raises(SystemError), compiled._own_errors():
        raise SystemError("of its own")
