"""What runs on a GPU gives what the CPU gives, within what float64 in another order of sums can change."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from theory.claims import GlobalMinimum, Inequality, NotGlobalMinimum
from theory.closed_form.optimum import optimum
from theory.frames import deep_neural_collapse
from theory.model import UnconstrainedFeatures
from theory.ops import constant, frobenius_norm, operator_norm
from theory.statement import Instance, conjecture, statements
from verify.attacks import RivalSearch
from verify.curvature.points import after_descent
from verify.curvature.spectrum import spectra, spectra_of_parts
from verify.empirical.data import digits, split
from verify.empirical.networks.extractors import Mlp, ResNet
from verify.empirical.networks.network import Network
from verify.empirical.networks.subset import subset
from verify.empirical.networks.training import Loss, Schedule, course
from verify.empirical.networks.weight_decay import WeightDecay
from verify.empirical.rfm.layers import Settings as Layers
from verify.empirical.rfm.layers import deep_rfm, start
from verify.empirical.training import descent
from verify.engines import Settings
from verify.engines.descent import examine
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import minimise
from verify.refute import check

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

MODELS: dict[str, dict[str, Any]] = {
    "linear": {"depth": 3, "widths": (5, 4, 6)},
    "relu": {"depth": 3, "widths": (5, 4, 6), "activation": "relu"},
    "bias": {"depth": 2, "widths": (4, 5), "bias": "last-layer"},
    "cross-entropy": {"depth": 2, "widths": (4, 5), "loss": "ce"},
    "focal": {"depth": 1, "widths": (4,), "loss": "focal", "gamma": 2},
    "features at least 0": {"depth": 1, "widths": (4,), "sign": "nonnegative"},
}


def kernels(name: str) -> tuple[LayeredModel, LayeredModel]:
    model = UnconstrainedFeatures(class_sizes=(3, 2, 2), decays=Fraction(1, 100), **MODELS[name])
    return LayeredModel(model, False, "cuda"), LayeredModel(model, False, "cpu")


def starts(kernel: LayeredModel, count: int) -> torch.Tensor:
    gains = torch.ones(count, dtype=torch.float64)
    return kernel.gaussian_starts(gains, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", MODELS)
def test_values_gradients_and_hessian_products(name: str) -> None:
    cuda, cpu = kernels(name)
    x = starts(cpu, 50)
    directions = starts(cpu, 100)[50:]
    for ours, theirs in zip(cuda.value_and_gradient(x.cuda()), cpu.value_and_gradient(x), strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-12, atol=1e-12)
    product = cuda.hessian(x.cuda())(directions.cuda())
    torch.testing.assert_close(product.cpu(), cpu.hessian(x)(directions), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["linear", "relu"])
def test_recorded_steps_are_those_of_the_cpu(name: str) -> None:
    cuda, cpu = kernels(name)
    x = starts(cpu, 9)
    courses = zip(descent(cuda, x.cuda(), 0.1, (0, 12, 30), 0.5), descent(cpu, x, 0.1, (0, 12, 30), 0.5), strict=True)
    for ours, theirs in courses:
        torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("map", ["relu", "cosine", "linear"])
def test_layers_of_deep_rfm_are_those_of_the_cpu(map: str) -> None:
    """Ridgeless fits lose digits as classes collapse, here four layers deep; W is drawn on the CPU for both."""
    task, settings = split(digits(), 200, 0), Layers(width=100, depth=4, map=map)
    cuda, cpu = (list(deep_rfm(task, settings, start(task, device))) for device in ("cuda", "cpu"))
    for (ours, _), (theirs, _) in zip(cuda, cpu, strict=True):
        assert ours.nc1 == pytest.approx(theirs.nc1, rel=1e-6)
        assert ours.test_accuracy == theirs.test_accuracy


IMAGES, _ = subset(digits(), (8, 6), 0)
HEAD = UnconstrainedFeatures(class_sizes=(8, 6), depth=2, widths=(4,), decays=Fraction(1, 100))


@pytest.mark.parametrize("extractor", [Mlp(64, (16,), "gelu"), ResNet((1, 8, 8), (4, 6), "gelu")])
@pytest.mark.parametrize("kind", [Loss, WeightDecay])
def test_training_with_the_same_seed_is_that_of_the_cpu(kind: type[Loss], extractor: Mlp | ResNet) -> None:
    """A loss is a sum of some thousand products. Adam divides by root mean squares of gradients: where a gradient is
    nothing but rounding, an entry moves by the rate either way, which changes the loss by rounding in each step."""
    cuda, cpu = (kind(Network(extractor, HEAD, 0, bias=kind is Loss), IMAGES, HEAD, d) for d in ("cuda", "cpu"))
    here = cpu.start().parameters
    (value, gradient), (expected, slope) = (loss.value_and_gradient(here) for loss in (cuda, cpu))
    assert value == pytest.approx(expected, rel=1e-12)
    assert np.linalg.norm(gradient - slope) <= 1e-12 * np.linalg.norm(slope)
    ends = [list(course(loss, Schedule(40, 30, 1e-3))) for loss in (cuda, cpu)]
    for ours, theirs in zip(*ends, strict=True):
        losses = [loss.value_and_gradient(state.parameters)[0] for loss, state in ((cuda, ours), (cpu, theirs))]
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("name", ["linear", "relu", "bias", "cross-entropy"])
def test_spectra_after_descent(name: str) -> None:
    """Eigenvalues differ by rounding relative to the largest, which thirty steps enlarge less than a thousand times."""
    model = UnconstrainedFeatures(class_sizes=(3, 2, 2), decays=Fraction(1, 100), **MODELS[name])
    layers, expected = range(1, model.M + 1), after_descent(model, 30, Fraction(1, 5))
    for place in (expected.to("cuda"), after_descent(model, 30, Fraction(1, 5), device="cuda")):
        for full in (False, True):
            for ours, theirs in zip(*(spectra(model, p, layers, full) for p in (place, expected)), strict=True):
                np.testing.assert_allclose(ours.measured, theirs.measured, rtol=0, atol=1e-11 * theirs.measured[0])
        for ours, theirs in zip(*(spectra_of_parts(model, p, layers) for p in (place, expected)), strict=True):
            np.testing.assert_allclose(ours.measured, theirs.measured, rtol=0, atol=1e-11 * theirs.unit)


def test_many_restarts_reach_the_certified_optimum() -> None:
    model = UnconstrainedFeatures(class_sizes=(20, 10, 5, 5), depth=3, widths=(8,) * 3, decays=Fraction(1, 500))
    kernel = LayeredModel(model, True, "cuda")
    best = float(optimum(model).objective.decimal(20))
    ends = minimise(kernel, starts(kernel, 2000))
    assert float(ends.values.min()) >= best * (1 - 1e-12)
    assert int(((ends.values - best).abs() <= 1e-9 * best).sum()) > 100


CLAIMS: dict[str, Any] = {
    "inequality": Inequality(lambda X: operator_norm(X), lambda X: frobenius_norm(X), X=(3, 2)),
    "false inequality": Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(3, 2)),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_inequalities_get_the_same_conclusions(name: str) -> None:
    cuda, cpu = (examine(Instance(CLAIMS[name]), Settings(device=device)) for device in ("cuda", "cpu"))
    assert [f.conclusion for f in cuda.findings] == [f.conclusion for f in cpu.findings]


@pytest.mark.parametrize(
    "id",
    [
        "dang2023-mse-balanced",
        "dang2023-deep-imbalanced",
        "dang2023-balancedness",
        "zhu2021-ce-etf",
        "zhu2021-landscape",
        "losses-scale",
        "sukenik2023-global",
        "sukenik2024-g",
    ],
)
def test_statements_get_the_same_conclusions(id: str) -> None:
    statement = statements()[id]
    instance = Instance.of(statement, statement.witness)
    cuda, cpu = (examine(instance, Settings(device=device)) for device in ("cuda", "cpu"))
    assert cuda.numbers["device"] == "cuda"
    assert [(f.clause, f.conclusion) for f in cuda.findings] == [(f.clause, f.conclusion) for f in cpu.findings]


def test_a_value_that_is_too_high_is_refuted_by_an_exact_point() -> None:
    model = UnconstrainedFeatures(class_sizes=(3, 2), depth=2, widths=(3, 3), decays=Fraction(1, 100))
    claim = GlobalMinimum(model, constant(Fraction(1, 2)))
    evidence = examine(Instance(claim), Settings(device="cuda"))
    assert evidence.findings[0].conclusion == "refuted"
    beaten = examine(Instance(NotGlobalMinimum(model, constant(Fraction(1, 2)))), Settings(device="cuda"))
    assert beaten.findings[0].assurance == "certified"


def test_the_refuter_beats_collapse_on_either_device() -> None:
    model = UnconstrainedFeatures(class_sizes=(1,) * 3, depth=4, widths=4, decays="1/100", activation="relu")
    claim = NotGlobalMinimum(model, deep_neural_collapse(model))
    for device in ("cuda", "cpu"):
        found = RivalSearch(claim, {}, 8, device).run(Instance(claim), seed=0, seconds=20)
        assert found is not None
        assert "below the claim" in found.detail


def test_a_false_inequality_is_refuted_by_the_refuter() -> None:
    @conjecture(n=st.integers(2, 2))
    def too_good(n: int) -> Inequality:
        return Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(n, n))

    assert check(too_good, budget=20, device="cuda").conclusion == "refuted"
