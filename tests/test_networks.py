"""WideNetwork networks: measured against the optimum of the same normalisation; a stopped run goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian

from theory import UnconstrainedFeatures as Model
from theory import optimum
from theory.metrics import scatter, sukenik2023_dnc1
from verify.cli import main
from verify.empirical.data import digits
from verify.empirical.networks import wide
from verify.empirical.networks.ansatz import _agops, _hidden, feature_ansatz, splits
from verify.empirical.networks.bounds import Bound, Start, WideNetwork, interpolated
from verify.empirical.networks.extractors import Mlp, Residual, ResNet
from verify.empirical.networks.interpolation import forward, interpolation
from verify.empirical.networks.keeping import Keeper, Run
from verify.empirical.networks.looks import Head
from verify.empirical.networks.network import Network
from verify.empirical.networks.pyramid import Pyramid
from verify.empirical.networks.subset import subset
from verify.empirical.networks.training import Loss, Schedule, State, course
from verify.empirical.networks.weight_decay import WeightDecay
from verify.errors import BadInput
from verify.store import Store

UNEQUAL = Model(
    class_sizes=(12, 8, 5), depth=3, weight_decays=("1/100", "1/200", "1/50"), feature_decay="1/40", widths=(4,)
)  # fmt: skip
HERE = State(0, *(np.zeros(0),) * 3)


def at_optimum(model: Model) -> dict[str, np.ndarray]:
    """Factors along coordinates with λ_m s_m² = τ for each class, from the closed form of P Pᵀ and H̄ᵀH̄."""
    best, K = optimum(model), model.K
    weights, features = (
        np.array([float(x) for x in gram().by_class()]) for gram in (best.weights_gram, best.features_gram)
    )
    tau = (weights * float(prod(model.weight_decays))) ** (1 / model.M)
    means = np.diag(np.sqrt(features))
    found = {
        "H": np.vstack([means, np.zeros((model.widths[0] - K, K))]) @ np.repeat(np.eye(K), model.class_sizes, axis=1)
    }
    for m, (shape, decay) in enumerate(zip(model.weight_shapes, model.weight_decays, strict=True), start=1):
        found[f"W_{m}"] = np.zeros(shape)
        np.fill_diagonal(found[f"W_{m}"][:K, :K], np.sqrt(tau / float(decay)))
    return found


def by_hand(model: Model, factors: dict[str, np.ndarray]) -> float:
    """The objective, sample by sample."""
    total, labels = 0.0, np.repeat(range(model.K), model.class_sizes)
    for label, h in zip(labels, factors["H"].T, strict=True):
        z = h
        for m in range(1, model.M + 1):
            z = factors[f"W_{m}"] @ z
            z = np.maximum(z, 0) if model.activation == "relu" and m < model.M else z
        z = z - np.eye(model.K)[label]
        total += (z @ z) / (2 * model.N) + float(model.feature_decay) / 2 * (h @ h)
    return total + sum(
        float(d) / 2 * (factors[f"W_{m}"] ** 2).sum() for m, d in enumerate(model.weight_decays, start=1)
    )


def distances(model: Model, factors: dict[str, np.ndarray]) -> list[float]:
    """All distances of a look from what is predicted."""
    look = Head(model).look(HERE, factors, 0.0)
    return [
        *(layer[name] for layer in look["layers"] for name in ("gram_distance", "dang2023_nc2_features")),
        *(look["dang2023_nc2_weights"], look["dang2023_nc3"]),
        *look["distances"].values(),
    ]


def test_features_at_the_closed_form_have_distance_0() -> None:
    factors = at_optimum(UNEQUAL)
    assert max(distances(UNEQUAL, factors)) < 1e-13  # rounding of products of ten matrices of order 10
    look = Head(UNEQUAL).look(HERE, factors, 0.0)
    assert abs(look["relative_difference"]) < 1e-14
    assert all(layer["dang2023_nc1"] < 1e-25 for layer in look["layers"])


OTHERS: dict[str, Callable[[Model], Model]] = {
    "a mean over entries": lambda m: m.with_(
        weight_decays=tuple(m.K * d for d in m.weight_decays), feature_decay=m.K * m.feature_decay
    ),
    "a sum over samples": lambda m: m.with_(
        weight_decays=tuple(d / m.N for d in m.weight_decays), feature_decay=m.feature_decay / m.N
    ),
    "decays λ/2 read as λ": lambda m: m.with_(feature_decay=2 * m.feature_decay),
    "other class sizes": lambda m: m.with_(class_sizes=(11, 9, 5)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_normalisation_is_seen(name: str) -> None:
    assert max(distances(UNEQUAL, at_optimum(OTHERS[name](UNEQUAL)))) > 1e-3


def small(model: Model, seed: int = 0) -> tuple[Loss, np.ndarray]:
    images, _ = subset(digits(), model.class_sizes, seed)
    return Loss(Network(Mlp(len(images), (7,), "gelu"), model, seed), images, model), images


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_the_loss_is_the_models_objective(activation: str) -> None:
    model = UNEQUAL.with_(activation=activation)
    loss, _ = small(model)
    x = loss.start().parameters
    value, gradient = loss.value_and_gradient(x)
    assert value == pytest.approx(by_hand(model, loss.factors(x)), rel=1e-13)
    along = np.random.default_rng(0).normal(size=x.shape)
    step = 1e-5  # central differences: h² and ε/h are both about 1e-10 here
    slope = (loss.value_and_gradient(x + step * along)[0] - loss.value_and_gradient(x - step * along)[0]) / (2 * step)
    assert gradient @ along == pytest.approx(slope, rel=1e-6)


def test_a_deep_linear_head_ends_at_the_frame() -> None:
    model = Model(class_sizes=(12, 8, 4), depth=3, widths=(8,), decays="1/100")
    loss, _ = small(model)
    *_, last = course(loss, Schedule(400, 100, 3e-3))
    factors = loss.factors(last.parameters)
    assert max(distances(model, factors)) < 1e-2
    look = Head(model).look(last, factors, loss.value_and_gradient(last.parameters)[0])
    assert 0 < look["relative_difference"] < 1e-4
    assert look["loss"] - look["difference"] == pytest.approx(Head(model).lines["optimum"], rel=1e-13)
    assert max(distances(model.with_(class_sizes=(11, 9, 4)), factors)) > 1e-2


def test_lines_to_compare_relu_heads_with() -> None:
    ten = Model(class_sizes=(50,) * 10, depth=4, widths=(30,), decays="1/250", activation="relu")
    assert {name: round(loss, 4) for name, loss in Head(ten).lines.items()} == {
        "collapse": 0.2146, "srg": 0.1938, "zero": 0.5
    }  # fmt: skip
    without = [
        ten.with_(class_sizes=(50,) * 9),
        Model(class_sizes=(50,) * 10, depth=2, widths=(30,), decays="1/250", activation="relu"),
        ten.with_(decays="1/10"),
    ]
    assert all("srg" not in Head(model).lines for model in [*without, ten.with_(class_sizes=(49, *(50,) * 9))])
    assert "collapse" not in Head(ten.with_(widths=(9,) * 4)).lines


def looks(loss: Loss, head: Head, keeper: Keeper, run: Run, most: int = 99) -> Run:
    for state, _ in zip(course(loss, Schedule(130, 20, 1e-3), run.state), range(most), strict=False):
        factors, (value, _) = loss.factors(state.parameters), loss.value_and_gradient(state.parameters)
        run.looks.append({**head.look(state, factors, value), "seconds": 0})
        run.state = state
        keeper.save(run)
    return run


def test_a_stopped_run_goes_on_as_it_would_have(tmp_path: Path) -> None:
    model = Model(class_sizes=(6, 4), depth=2, widths=(3,), decays="1/50", activation="relu")
    with Store(tmp_path) as store:

        def keeper(name: str) -> tuple[Loss, Keeper]:
            loss, images = small(model)
            return loss, Keeper(store, {"name": name}, images)

        whole = looks(keeper("whole")[0], Head(model), keeper("whole")[1], Run())
        for most in (1, 2, 4):  # before a step, within Adam's, within those of L-BFGS
            loss, kept = keeper(f"stopped at {most}")
            looks(loss, Head(model), kept, kept.load(), most)
            loss, kept = keeper(f"stopped at {most}")
            resumed = kept.load()
            assert len(resumed.looks) == most
            resumed = looks(loss, Head(model), kept, resumed)
            assert resumed.looks == json.loads(json.dumps(whole.looks))
        (file,) = (tmp_path / "networks").glob(f"{kept.archive.key}-*.npz")
        file.write_bytes(file.read_bytes()[:-1])
        assert kept.load() == Run()


# ----------------------------------------------------------------------------------------------- weight decay on all


def near_balanced(seed: int, K: int = 3, n: int = 4, spare: int = 3, noise: float = 0.1) -> tuple[Any, ...]:
    """Features and three linear layers that nearly interpolate and are nearly balanced."""
    draw = np.random.default_rng(seed).normal
    labels, h = np.repeat(np.arange(K), n), K + spare
    frames = [np.linalg.qr(draw(size=(h, h)))[0] for _ in range(2)]
    gain = np.exp(0.2 * draw(size=K))
    core = [frames[0][:, :K] @ np.diag(gain), frames[1][:, :K] @ np.diag(gain) @ frames[0][:, :K].T]
    weights = [*core, np.diag(gain) @ frames[1][:, :K].T]
    weights = [W + noise * draw(size=W.shape) for W in weights]
    product = weights[2] @ weights[1] @ weights[0]
    Z = np.linalg.solve(product, np.eye(K)[:, labels] + noise * draw(size=(K, K * n)))
    return Z, weights, labels


def test_the_bounds_hold_on_heads_that_are_nearly_balanced() -> None:
    informative = []
    for seed in range(200):
        found = interpolation(*near_balanced(seed, noise=(0.1, 0.001, 0.0001)[seed % 3]))
        slack = 1 + 1e-9  # rounding of matrices of order one
        assert found.nc1 <= found.nc1_bound_sharp * slack <= found.nc1_bound * slack**2
        kappa, nc2, nc3 = found.kappa_bound(found.c3), found.nc2_bound(found.kappa), found.nc3_bound(found.kappa)
        assert found.kappa <= kappa * slack
        assert found.nc2 <= nc2 * slack
        assert found.nc3 * slack >= nc3
        for more in (1, 1.01, 1.1, 3):  # with a larger c_3 or κ they still hold
            assert found.kappa <= found.kappa_bound(more * found.c3) * slack
            assert found.nc2 <= found.nc2_bound(more * found.kappa) * slack
            assert found.nc3 * slack >= found.nc3_bound(more * found.kappa)
        informative.append(found.nc1_bound < 1 and np.isfinite(kappa) and np.isfinite(nc2) and nc3 > 0)
    assert 50 < sum(informative) < 200


def test_each_step_of_the_theorem_is_respected_and_says_something() -> None:
    spoken, broken = set(), set()
    for seed in range(60):
        Z, weights, labels = near_balanced(seed, noise=(0.1, 0.001, 0.0001)[seed % 3])
        features, found = forward(Z, weights), interpolation(Z, weights, labels)
        at = WideNetwork(found, features, weights, scatter(features[-2], labels, found.K), 1.0, 1.0, 1.0, below=None)
        bounds = dict(interpolated(at))
        assert [name for name, bound in bounds.items() if not bound.respected] == []
        spoken |= {name for name, bound in bounds.items() if bound.says}
        claimed = replace(found, epsilon1=found.epsilon1 / 50, epsilon2=found.epsilon2 / 2500, r=found.r / 4)
        for wrong in (claimed, replace(claimed, kappa=1.0)):
            broken |= {n for n, bound in interpolated(replace(at, found=wrong)) if not bound.respected}
    assert spoken == set(bounds)
    assert broken == set(bounds)  # with hypotheses that are stronger than what was measured


def test_without_balance_nothing_is_bounded() -> None:
    """Exact interpolation, but W_{L−1} has rows that W_L does not see: NC1 is what ε2 allows."""
    K, n, labels = 2, 4, np.repeat(np.arange(2), 4)
    below = np.vstack([np.eye(K), np.zeros((1, K))])
    Z = np.eye(K)[:, labels]
    seen = np.hstack([below, [[0.0], [0.0], [0.5]]])
    Z = np.vstack([Z, np.tile([1.0, -1.0], n)])
    found = interpolation(Z, [seen, np.eye(K, K + 1)], labels)
    assert found.epsilon1 == 0
    assert 0 < found.nc1 <= found.nc1_bound_sharp
    assert replace(found, epsilon2=0.0).nc1_bound == 0
    assert replace(found, epsilon1=9.0).nc1_bound == float("inf")
    assert replace(found, r=100.0).nc2_bound(found.kappa) == float("inf")


def wide_run(steps: int) -> tuple[WeightDecay, State]:
    model = Model(class_sizes=(5,) * 3, depth=2, widths=(6,), decays="1/10")
    images, _ = subset(digits(), model.class_sizes, 0)
    loss = WeightDecay(Network(Mlp(len(images), (24,), "gelu"), model, 0, bias=False), images, model)
    *_, last = course(loss, Schedule(steps, min(steps, 50), 3e-3))
    return loss, last


def test_weight_decay_balances_the_linear_layers_and_the_bounds_say_something() -> None:
    loss, last = wide_run(700)
    Z, weights = loss.linear_part(last.parameters)
    product = weights[2] @ weights[1] @ weights[0] @ Z
    squares = (last.parameters**2).sum()
    Y = np.repeat(np.eye(3), 5, axis=1)
    by_hand = ((product - Y) ** 2).sum() / 2 + squares / 20
    assert loss.value_and_gradient(last.parameters)[0] == pytest.approx(by_hand, rel=1e-13)
    found = interpolation(Z, weights, np.repeat(np.arange(3), 5))
    assert found.epsilon2 < 1e-5  # 0 at a critical point
    assert found.nc1 <= found.nc1_bound_sharp < found.nc1_bound < 1
    assert found.nc2 <= found.nc2_bound(found.kappa) < 4
    assert found.nc3 >= found.nc3_bound(found.kappa) > 0
    assert found.kappa_bound(found.c3 / 2) < found.kappa  # with half of κ(W_{L:L1+1}) for c_3 (19) fails
    seen = wide.look(loss, last)
    assert {name for name, bound in seen["bounds"].items() if not bound["says"]} == SILENT
    assert all(bound["respected"] for bound in seen["bounds"].values())
    assert wide.trained(loss, last).linear[-1].shape == (3, 6)
    assert json.loads(json.dumps(seen)) == seen


SILENT = {"Lemma C.1", "(10), α squared", "(11), α squared", "imbalance of gradients", "(21), through (15)"}
"""What says nothing of ``wide_run``: a GELU is outside Assumption 4.2, and (15) is far above κ(W_L)."""


def anywhere(seed: int) -> tuple[WeightDecay, State]:
    """A small network at weights of any size, drawn; its widths are a pyramid's."""
    draw = np.random.default_rng(seed)
    model = Model(class_sizes=(3, 3), depth=2, widths=(4, 4), decays="1/10")
    network = Network(Mlp(5, (7, 5), "smooth-leaky"), model, seed, bias=False)
    loss = WeightDecay(network, draw.normal(size=(5, 6)), model)
    moved = loss.start().parameters * np.exp(draw.normal()) + 0.1 * draw.normal(size=loss.begun.shape)
    return loss, State(1, moved, moved, moved)


def test_the_bounds_hold_at_any_weights() -> None:
    """What needs no near-interpolation does so with hypotheses: γ and β, n_1 ≥ N, no bias."""
    spoken = set()
    for seed in range(40):
        loss, state = anywhere(seed)
        at = wide.trained(loss, state)
        found = at.bounds()
        assert [name for name, bound in found.items() if not bound.respected] == []
        spoken |= {name for name, bound in found.items() if bound.says}
    assert {"Lemma C.1", "(10), α squared", "norm of linear layers", "their volume"} <= spoken


def test_a_bound_that_is_exceeded_is_said_to_be() -> None:
    for below, right, respected in ((False, 2.0, True), (False, 0.9, False), (True, 0.9, True), (True, 2.0, False)):
        bound = Bound("NC1", 1.0, right, known=1.0, below=below)
        assert bound.respected == respected
        assert replace(bound, applies=False).respected
        assert not replace(bound, applies=False).says
    loss, last = wide_run(0)
    seen = wide.look(loss, last)
    seen["bounds"]["(22)"]["respected"] = False
    assert "exceeded: (22) at 0" in list(wide.summary([seen]))


def test_layers_and_curvature_are_those_of_the_network() -> None:
    loss, state = anywhere(0)
    at = wide.trained(loss, state)
    assert at.below is not None
    X, (first, second) = at.below.X, at.below.weights
    sigma = lambda A: 0.3 * A + 0.7 * (np.log1p(np.exp(A)) - np.log(2))  # noqa: E731
    assert at.below.first == pytest.approx(sigma(first @ X), rel=1e-12)
    assert at.features[0] == pytest.approx(sigma(second @ sigma(first @ X)), rel=1e-12)
    product = at.linear[2] @ at.linear[1] @ at.linear[0] @ at.features[0]
    misfit = ((product - loss.Y.numpy()) ** 2).sum() / 2
    assert loss.misfit(state.parameters) == pytest.approx(misfit) == at.found.epsilon1**2 / 2
    last = (product - loss.Y.numpy()) @ at.features[-2].T
    assert at.below.gradients[-1] == pytest.approx(last, rel=1e-10)
    step, H = 1e-6, []
    for unit in np.eye(len(state.parameters)):
        slopes = [
            loss.value_and_gradient(state.parameters + sign * step * unit)[1] - 0.1 * sign * step * unit
            for sign in (1, -1)
        ]
        H.append((slopes[0] - slopes[1]) / (2 * step))
    norm = np.linalg.norm(np.array(H), 2)
    rounding = 1 + 1e-6  # of differences, whose error is of order step² and 1e-16/step
    assert 0.999 * norm < loss.curvature(state.parameters, 300) <= norm * rounding  # two eigenvalues are close
    assert 0.5 * norm < loss.curvature(state.parameters) <= norm * rounding


def test_assumption_4_3_at_a_start_that_meets_it() -> None:
    """A small second layer and large others, for samples that are nearly orthogonal."""
    eye = np.eye(4)
    start = Start([20 * eye, 0 * eye, 40 * eye, 40 * eye[:2]], first=20 * eye, misfit=2.0)
    left, right = start.assumption(0.5)
    assert left == 20 * 40 * 40 * 20
    assert right == pytest.approx(4 * np.sqrt(4**4 * 2))
    assert start.norm == pytest.approx(np.sqrt(4 * 400 + 6 * 1600))


def test_the_norm_of_the_kernel() -> None:
    loss, last = wide_run(0)
    rows = []
    for i in range(3 * 15):
        loss.network.zero_grad()
        loss._outputs(loss._at(last.parameters)).flatten()[i].backward()
        rows.append(np.concatenate([p.grad.numpy().ravel() for p in loss.network.parameters()]))
    norm = np.linalg.norm(np.array(rows), 2) ** 2
    assert loss.kernel_norm(last.parameters, 200) == pytest.approx(norm, rel=1e-6)
    assert 0.9 * norm < loss.kernel_norm(last.parameters) <= norm * (1 + 1e-12)


# ---------------------------------------------------------------------------------------- residual networks on images

SHAPE = (1, 5, 4)


def by_shifts(kernel: np.ndarray, x: np.ndarray, stride: int = 1) -> np.ndarray:
    """The convolution of an image (channels × rows × columns) with zeros around it, summed over the nine shifts."""
    rows, columns = x.shape[1:]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    shifts = ((i, j, padded[:, i : i + rows, j : j + columns]) for i in range(3) for j in range(3))
    return sum(np.einsum("oc,crs->ors", kernel[:, :, i, j], part) for i, j, part in shifts)[:, ::stride, ::stride]


def by_layers(weights: list[np.ndarray], image: np.ndarray) -> np.ndarray:
    """Features of one image for two stages with ReLUs, without biases: stem, block, stride, block, mean, last layer."""
    x = image
    *kernels, last = weights
    for stage in range(2):
        first, U, V = kernels[3 * stage : 3 * stage + 3]
        x = np.maximum(by_shifts(first, x, stride=stage + 1), 0)
        x = x + by_shifts(V, np.maximum(by_shifts(U, x), 0))
    return last @ x.mean((1, 2))


def test_a_residual_network_is_its_formula() -> None:
    extractor, generator = ResNet(SHAPE, (3, 4), "relu"), torch.Generator().manual_seed(0)
    network = extractor.build(6, False, generator)
    assert sum(p.numel() for p in network.parameters()) == extractor.parameters(6)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64))
        images = torch.randn(7, *SHAPE, generator=generator, dtype=torch.float64)
        found = network(images.reshape(7, -1))
        weights = [p.numpy() for p in network.parameters()]
        expected = [by_layers(weights, image) for image in images.numpy()]
    np.testing.assert_allclose(found, expected, rtol=1e-11)  # sums of about a thousand products


@pytest.mark.parametrize("activation", ["gelu", "relu", "tanh"])
def test_a_block_starts_as_the_identity_and_does_not_stay_it(activation: str) -> None:
    generator = torch.Generator().manual_seed(0)
    block, x = Residual(3, activation, True, generator), torch.randn(2, 3, 4, 4, generator=generator).double()
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    last = list(block.branch.parameters())[-2]
    assert float(last.grad.norm()) > 0


def test_a_residual_network_collapses_on_images_and_its_samples_do_not_see_each_other() -> None:
    model = Model(class_sizes=(5, 4, 3), depth=2, widths=(4,), decays="1/100")
    images, _ = subset(digits(), model.class_sizes, 0)
    loss = Loss(Network(ResNet((1, 8, 8), (4, 6), "gelu"), model, 0), images, model)
    first, *_, last = course(loss, Schedule(220, 60, 1e-2))
    assert max(distances(model, loss.factors(last.parameters))) < 1e-2 < 0.5 < max(
        distances(model, loss.factors(first.parameters))
    )  # fmt: skip
    alone = Loss(loss.network, images[:, :1], model).factors(last.parameters)["H"]
    np.testing.assert_allclose(alone, loss.factors(last.parameters)["H"][:, :1], rtol=1e-9, atol=1e-12)


def test_wide_bounds_on_a_residual_network() -> None:
    """Its layers without a bias, and Z_{L1} the means over pixels."""
    model = Model(class_sizes=(4, 4), depth=1, widths=(4,), decays="1/10")
    images, _ = subset(digits(), model.class_sizes, 0)
    loss = WeightDecay(Network(ResNet((1, 8, 8), (3,), "gelu"), model, 0, bias=False), images, model)
    x = loss.start().parameters
    Z, weights = loss.linear_part(x)
    assert [W.shape for W in (Z, *weights)] == [(3, 8), (4, 3), (2, 4)]
    np.testing.assert_allclose(weights[0] @ Z, loss.factors(x)["H"], rtol=1e-12)


# ----------------------------------------------------------------------------------------------- descent to its end


def test_descent_on_a_pyramid_takes_steps_along_the_gradient() -> None:
    net, draw = Pyramid((3, 5, 4, 2), 1, 0.3), np.random.default_rng(0)
    X, Y = draw.normal(size=(3, 6)), draw.normal(size=(2, 6))
    start = net.start(draw)
    point = [torch.tensor(W, requires_grad=True) for W in start]
    A = point[0] @ torch.tensor(X)
    Z = point[2] @ point[1] @ (0.3 * A + 0.7 * (torch.nn.functional.softplus(A) - np.log(2)))
    (((Z - torch.tensor(Y)) ** 2).sum() / 2 + sum((W * W).sum() for W in point) / 20).backward()
    net.descend(moved := [W.copy() for W in start], X, Y, 0.1, 0.01, 1)
    for W, before, there in zip(moved, start, point, strict=True):
        np.testing.assert_allclose(W, before - 0.01 * there.grad.numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(net.features(start, X)[-1], Z.detach(), rtol=1e-12)


def arguments(**changes: Any) -> list[str]:
    given = {"sizes": "6,4", "widths": "8,4", "linear-layers": 2, "decay": "1/20", "steps": 30, "adam": 20, **changes}
    return [
        "train",
        *(part for name, value in given.items() if value is not None for part in (f"--{name}", str(value))),
    ]


BAD = {
    "more than there are": ({"sizes": "500,2"}, "--sizes asks for 500 samples of class 0, of which the data have 178"),
    "more classes": ({"sizes": "11*2"}, "--sizes needs from 2 to 10 classes"),
    "one class": ({"sizes": "5"}, "--sizes needs from 2 to 10 classes"),
    "no decay": ({"decay": None}, "give either --decay"),
    "no such extractor": ({"extractor": "cnn"}, "--extractor is mlp or resnet, got cnn"),
    "no such activation": ({"extractor-activation": "elu"}, "--extractor-activation is one of gelu, relu, tanh"),
    "no channels": ({"extractor": "resnet", "widths": 4}, "--extractor resnet needs the channels of a stage, too"),
    "too many channels": ({"extractor": "resnet", "widths": "1000,4"}, "at most 5000000 are trained"),
    "a decay beyond floats": ({"decay": "1e-400"}, "decays of a network that is trained are from 1e-30 to 1e+30"),
    "a folder for a picture": ({"plot": "plot.svg"}, "--plot plot.svg: cannot be written (Is a directory)"),
    "no rate": ({"rate": 0}, "--rate must be positive, got 0.0"),
    "no such penalty": ({"penalty": "biases"}, "--penalty is features or weights, got biases"),
    "unequal classes": ({"penalty": "weights"}, "--penalty weights is for classes of equal size"),
    "no ReLU": ({"activation": "relu", "linear-layers": 1}, "take --linear-layers of 2 or more"),
    "no steps": ({"steps": 0}, "steps"),
    "no width": ({"widths": ""}, "--widths must be positive integers"),
    "too wide": ({"widths": "100000,100"}, "at most 5000000 are trained"),
    "no such device": ({"device": "tpu"}, "--device is auto, cpu or cuda, got tpu"),
    "no such data": ({"data": "nowhere"}, "nowhere"),
    "no picture": ({"plot": "a.pdf"}, "--plot needs a file that ends in .svg or .png"),
    "no layers": ({"linear-layers": 0}, "--linear-layers must be a positive integer up to 200, got 0"),
    "no folder": ({"json": "nowhere/found.json"}, "--json nowhere/found.json: cannot be written"),
    "a rate that diverges": ({"rate": 1e200}, "training has diverged by step 10; take a smaller --rate"),
    "a rate that is too large": ({"rate": 1e10}, "training has diverged by step 10; take a smaller --rate"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plot.svg").mkdir()
    changes, said = BAD[name]
    assert main(arguments(**changes)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("collapse: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_the_command(
    activation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path))
    files = {
        name: tmp_path / f"{name}.{ending}" for name, ending in (("json", "json"), ("plot", "svg"), ("curves", "svg"))
    }
    assert main(arguments(activation=activation, **files)) == 0
    shown = capsys.readouterr().out.splitlines()
    data = json.loads(files["json"].read_text(encoding="utf-8"))
    assert [look["step"] for look in data["checkpoints"]] == [0, 10, 18, 20, 30]
    assert set(data["lines"]) == ({"optimum", "zero"} if activation == "linear" else {"collapse", "zero"})
    assert data["model"]["activation"] == activation
    assert all(files[name].stat().st_size > 1000 for name in ("plot", "curves"))
    assert main(arguments(activation=activation)) == 0  # nothing is computed again
    assert capsys.readouterr().out.splitlines() == shown


def test_the_command_with_a_residual_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path))
    wanted = {"extractor": "resnet", "widths": "3,4", "steps": 12, "adam": 10}
    assert main(arguments(**wanted, json=tmp_path / "found.json")) == 0
    shown = capsys.readouterr().out
    extractor = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["extractor"]
    assert extractor == {"kind": "resnet", "shape": [1, 8, 8], "channels": [3], "activation": "gelu", "seed": 0}
    assert main(arguments(**wanted)) == 0
    assert capsys.readouterr().out == shown
    np.savez(tmp_path / "flat.npz", X=np.ones((9, 64)), y=np.arange(9) % 2)
    assert main(arguments(**wanted, sizes="2,2", data=tmp_path / "flat.npz")) == 2
    assert "--extractor resnet needs images: X (N × rows × columns)" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"widths": "2,8"}, {"widths": "8,2"}, {"data": "black.npz"}, {"seed": 10**20}])
def test_weight_decay_on_all_where_little_is_defined(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers narrower than the classes, for which s_K is 0, data without any contrast, whose Θ is 0; any seed."""
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    np.savez("black.npz", X=np.zeros((30, 6)), y=np.arange(30) % 3)
    given = {"sizes": "5,5,5", "penalty": "weights", "steps": 12, "adam": 10, "json": "found.json"}
    assert main(arguments(**given | changes)) == 0
    last = json.loads(Path("found.json").read_text(encoding="utf-8"))["checkpoints"][-1]
    assert last["kernel_floor"] == 0 or "seed" in changes
    assert last["kernel"] > 0 or "data" in changes


def test_the_command_with_weight_decay_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path))
    files = {name: tmp_path / f"{name}.svg" for name in ("plot", "curves")}
    assert main(arguments(sizes="2*5", penalty="weights", json=tmp_path / "found.json", **files)) == 0
    assert all(file.stat().st_size > 1000 for file in files.values())
    shown = capsys.readouterr().out
    assert "widths 64-8-4-4-2, L1 = 1 (gelu), L2 = 3" in shown
    assert "all bounds are respected" in shown
    data = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert data["penalty"] == "weights"
    assert {"epsilon1", "nc1_bound", "kernel"} <= set(data["checkpoints"][-1])


def test_a_subset_is_standardised_and_sorted() -> None:
    images, labels = subset(digits(), (30, 20, 10), seed=1)
    assert labels.tolist() == [0] * 30 + [1] * 20 + [2] * 10
    deviations = images.std(axis=1)
    assert np.abs(images.mean(axis=1)).max() < 1e-14
    assert all(abs(x) < 1e-14 or abs(x - 1) < 1e-14 for x in deviations)
    assert not np.array_equal(images, subset(digits(), (30, 20, 10), seed=2)[0])
    with pytest.raises(BadInput, match="of which the data have"):
        subset(digits(), (30, 999), seed=0)


# ------------------------------------------------------------------------------------------ layers and their gradients


def test_agops_are_means_of_outer_products_of_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(*s, generator=generator, dtype=torch.float64) for s in ((5, 4), (6, 5), (3, 6))]
    X = torch.randn(4, 7, generator=generator, dtype=torch.float64)
    hidden = _hidden(weights, X)
    for layer, found in enumerate(_agops(weights, hidden)):
        expected = torch.zeros_like(found)
        for x in hidden[layer].T:
            J = jacobian(lambda z, layer=layer: weights[-1] @ _hidden(weights[layer:], z)[-1], x)
            expected += J.T @ J / 7
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_linear_map_is_split_off_where_it_is() -> None:
    """Behind S Vᵀ and behind W, NC1 is the same; without noise from the ReLU all of the fall is the map's."""
    X = np.abs(np.random.default_rng(0).normal(size=(6, 12)))
    labels = np.repeat(range(3), 4)
    W = torch.rand(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (found,) = splits([W, W], X, labels)
    assert found.after == pytest.approx(found.linear, rel=1e-12)
    assert found.before != pytest.approx(found.linear, rel=1e-2)
    assert found.before == pytest.approx(sukenik2023_dnc1(X, labels, 3), rel=1e-12)


def test_from_a_small_start_the_linear_maps_do_most() -> None:
    small, usual = Fraction(2, 5), Fraction(1)
    found = feature_ansatz(seed=0, samples=400, width=48, layers=4, epochs=60, gains=(small, usual), batch=64)
    assert min(found["accuracy_1"], found["accuracy_2"]) > 0.95
    assert found["linear_share_1"] > found["linear_share_2"] + 0.1
    assert min(found["correlation_1"], found["correlation_2"]) > 0.5
    assert found["nc1_last_1"] < found["nc1_first_1"] / 5


def test_the_tables_are_made_by_the_commands_of_their_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """``benchmarks/training.py`` takes a quarter of an hour; what it runs stands in docs/training.md."""
    root = Path(__file__).parent.parent
    monkeypatch.syspath_prepend(root / "benchmarks")
    spec = spec_from_file_location("training", root / "benchmarks" / "training.py")
    assert spec is not None
    assert spec.loader is not None
    tables = module_from_spec(spec)
    spec.loader.exec_module(tables)
    page = (root / "docs" / "training.md").read_text(encoding="utf-8").replace("'", "")
    for options in (tables.LAYERS.format(6), tables.RESNET, tables.RELU, tables.WEIGHTS):
        assert f"collapse train {options}" in page
    bounds = re.findall(
        r"^\| ([^|`]+) \|",
        (root / "docs" / "wide-networks.md").read_text(encoding="utf-8").split("<!-- digits")[1],
        re.M,
    )
    loss, state = anywhere(0)
    assert bounds[1:] == list(wide.trained(loss, state).bounds())


def test_a_table_goes_between_its_markers_or_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "benchmarks")
    pages = import_module("pages")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("one\n<!-- t: made by benchmarks/m.py -->\nold\n<!-- end -->\ntwo\n", encoding="utf-8")
    pages.put("a.md", "t", "m.py", "new")
    whole = "one\n<!-- t: made by benchmarks/m.py -->\n\nnew\n\n<!-- end -->\ntwo\n"
    assert page.read_text(encoding="utf-8") == whole
    for text in ("no markers", whole.replace("<!-- end -->", "")):
        page.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="has no <!-- t: made by"):
            pages.put("a.md", "t", "m.py", "new")
        assert page.read_text(encoding="utf-8") == text
