"""Hessians: two independent products agree, multiplicities come out right, and wrong predictions are noticed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from theory.arithmetic.floats import Floats, to_float
from theory.arithmetic.intervals import Interval
from theory.closed_form.curvature import full_spectrum, layer_spectrum, softmax_layer_spectrum
from theory.collapse import Collapse, SoftmaxCollapse
from theory.model import UnconstrainedFeatures
from theory.papers.garrod2024.relu import relu_curvature
from verify.cli import main
from verify.curvature.alignment import alignment
from verify.curvature.compression import Compression, largest_in_all_factors
from verify.curvature.course import Checkpoint, courses, limit
from verify.curvature.eigensolver import largest
from verify.curvature.operators import Curvature, Kronecker, Operator, by_differentiation, completed_range, thinned
from verify.curvature.parts import parts
from verify.curvature.points import Place, after_descent, along_descent, critical_scale, known_point
from verify.curvature.spectrum import (
    Predicted,
    Spectrum,
    kronecker_eigenvalues,
    layer_eigenvalues,
    spectra,
    spectra_of_parts,
)
from verify.empirical import programs
from verify.methods.kernels import LayeredModel

F = Fraction
EQUAL = 1e-11
"""Relative: products of random factors in another order."""

GENERAL: dict[str, dict[str, Any]] = {
    "linear": {},
    "relu": {"activation": "relu"},
    "bias": {"bias": "last-layer", "bias_decay": F(1, 3)},
    "ce": {"loss": "ce"},
    "ce with relu and a bias": {"loss": "ce", "activation": "relu", "bias": "last-layer"},
    "label smoothing": {"loss": "label-smoothing", "alpha": F(1, 10)},
    "focal": {"loss": "focal", "gamma": F(2)},
}


def general(name: str, sizes: tuple[int, ...] = (3, 1, 2), depth: int = 3) -> UnconstrainedFeatures:
    """Layers of different widths and decays."""
    decays = tuple(F(1, 10 + layer) for layer in range(depth))
    widths = tuple(3 + layer % 2 for layer in range(depth))
    return UnconstrainedFeatures(
        class_sizes=sizes, depth=depth, weight_decays=decays, feature_decay=F(1, 7), widths=widths, **GENERAL[name]
    )


def random_point(model: UnconstrainedFeatures, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {f"W_{m}": shape for m, shape in enumerate(model.weight_shapes, start=1)}
    shapes |= {"H": (model.widths[0], model.N)} | ({"b": (model.K, 1)} if model.has_bias else {})
    return {n: torch.randn(*shape, generator=generator, dtype=torch.float64) for n, shape in shapes.items()}


def directions(size: int, count: int = 4) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def off(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / a.norm())


def dense(operator: Operator) -> torch.Tensor:
    return operator(torch.eye(operator.size, dtype=torch.float64))


# ----------------------------------------------------------------------------------------------------------- products


@pytest.mark.parametrize("name", GENERAL)
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("regularised", [False, True])
def test_block_formulas_and_differentiation_agree(name: str, depth: int, regularised: bool) -> None:
    model = general(name, depth=depth)
    point = random_point(model)
    curvature = Curvature(model, point)
    V = directions(curvature.layout.size)
    assert off(by_differentiation(model, point, None, regularised)(V), curvature.full(regularised)(V)) < EQUAL
    for layer in range(1, depth + 1):
        operator = curvature.layer(layer, regularised)
        V = directions(operator.size)
        assert off(by_differentiation(model, point, f"W_{layer}", regularised)(V), operator(V)) < EQUAL


@pytest.mark.parametrize("name", GENERAL)
def test_products_are_second_differences_of_the_objective(name: str) -> None:
    model, step = general(name), 1e-4
    point = random_point(model, seed=3)
    curvature = Curvature(model, point)
    (v,) = directions(curvature.layout.size, 1)
    moved = curvature.layout.split(v[None])

    def objective(t: float) -> float:
        return float(Floats().evaluate(model.objective, {n: part[None] + t * moved[n] for n, part in point.items()}))

    second = (objective(step) - 2 * objective(0) + objective(-step)) / step**2
    assert second == pytest.approx(float(curvature.full()(v[None])[0] @ v), rel=1e-5)


@pytest.mark.parametrize("name", ["linear", "relu", "ce"])
def test_the_kernel_of_the_optimisers_has_the_same_hessian(name: str) -> None:
    model = general(name)
    point, kernel = random_point(model), LayeredModel(model, collapsed=False)
    curvature = Curvature(model, point)
    units = torch.cat([torch.full((part.numel(),), kernel.units["X" if n == "H" else n]) for n, part in point.items()])
    units = units.to(torch.float64)
    (v,) = directions(curvature.layout.size, 1)
    x = kernel.point({n: part[None] for n, part in point.items()})
    scaled = kernel.hessian(x)((v / units)[None])[0] / units
    assert off(curvature.full()(v[None])[0], scaled) < 1e-6  # units are single precision here


def test_a_wrong_second_derivative_is_noticed() -> None:
    model = general("ce")
    point = random_point(model)
    curvature = Curvature(model, point)
    V = directions(curvature.layout.size)
    right = by_differentiation(model, point)(V)
    curvature.errors[1] = -curvature.errors[1]
    assert off(right, curvature.full()(V)) > 1e-3


def test_one_layer_is_a_block_of_the_whole() -> None:
    model = general("relu")
    curvature = Curvature(model, random_point(model))
    start, size = curvature.weights[0].numel(), curvature.weights[1].numel()
    block = slice(start, start + size)
    torch.testing.assert_close(dense(curvature.full(False))[block, block], dense(curvature.layer(2)))


@pytest.mark.parametrize("sizes", [(2, 2, 2), (1, 1), (3, 1, 2)])
def test_layers_are_kronecker_products(sizes: tuple[int, ...]) -> None:
    model = general("linear", sizes)
    curvature = Curvature(model, random_point(model))
    for layer in (1, 2, 3):
        torch.testing.assert_close(curvature.kronecker(layer).dense(), dense(curvature.layer(layer)))


@pytest.mark.parametrize("name", ["linear", "bias", "ce", "focal"])
def test_the_range_has_all_that_is_not_zero(name: str) -> None:
    model = general(name)
    curvature = Curvature(model, random_point(model))
    for layer in (1, 2, 3):
        whole = largest(curvature.layer(layer), 10**6).values
        values, residual = layer_eigenvalues(curvature, layer, 10**6)
        np.testing.assert_allclose(values, whole, atol=EQUAL * float(whole.abs().max()))
        assert residual < EQUAL * float(whole.abs().max())


def by_sums(model: UnconstrainedFeatures, curvature: Curvature, layer: int) -> dict[str, torch.Tensor]:
    """The parts as sums over vectors, one at a time: J_i by differentiation of the outputs, weights of the softmax."""
    W, N = curvature.weights, model.N

    def output(upper: torch.Tensor) -> torch.Tensor:
        for V in W[layer:]:
            upper = V @ (upper if model.is_linear else upper.clamp(min=0.0))
        return upper

    def square(v: torch.Tensor) -> torch.Tensor:
        return torch.outer(v, v)

    groups: dict[str, Any] = {"class": lambda c, e: True}
    if model.loss == "ce":
        groups = {"class": lambda c, e: c != e, "own": lambda c, e: c == e}
    size, start = W[layer - 1].numel(), 0
    found = {name: torch.zeros(size, size, dtype=torch.float64) for name in ("within", "cross", *groups)}
    for c, samples in enumerate(model.class_sizes):
        v, w = torch.zeros(model.K, samples, size, dtype=torch.float64), torch.full((model.K, samples), 1 / N).double()
        for i in range(samples):
            h = curvature.inputs[layer - 1][:, start + i]
            J = torch.autograd.functional.jacobian(output, W[layer - 1] @ h)
            p = torch.softmax(output(W[layer - 1] @ h), 0)
            for e in range(model.K):
                error = p - torch.eye(model.K)[e] if model.loss == "ce" else torch.eye(model.K).double()[e]
                v[e, i] = torch.outer(J.T @ error, h).flatten()
            w[:, i] = p / N if model.loss == "ce" else 1 / N
        start += samples
        means, totals = (w[:, :, None] * v).sum(1) / w.sum(1)[:, None], w.sum(1)
        for e in range(model.K):
            found["within"] += sum(w[e, i] * square(v[e, i] - means[e]) for i in range(samples))
        for name, inside in groups.items():
            members = [e for e in range(model.K) if inside(c, e)]
            total = totals[members].sum()
            center = (totals[members, None] * means[members]).sum(0) / total
            found["cross"] += sum(totals[e] * square(means[e] - center) for e in members)
            found[name] += total * square(center)
    return found


def whole(part: Kronecker | Operator) -> torch.Tensor:
    return part.dense() if isinstance(part, Kronecker) else dense(part)


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 1, 2), (1, 2)])
@pytest.mark.parametrize("name", ["linear", "relu", "ce", "ce with relu"])
def test_the_parts_are_sums_over_vectors(name: str, sizes: tuple[int, ...], layer: int) -> None:
    loss, activation = ("ce" if "ce" in name else "mse"), ("relu" if "relu" in name else "linear")
    model = general("linear", sizes).with_(loss=loss, activation=activation)
    curvature = Curvature(model, random_point(model))
    expected = by_sums(model, curvature, layer)
    found = {part: whole(operator) for part, operator in parts(curvature, layer).items()}
    if name == "ce":
        left, _, right, _ = curvature.ranges(layer)
        basis = torch.kron(left, right)
        found = {part: basis @ matrix @ basis.T for part, matrix in found.items()}
    assert list(found) == list(expected)
    for part, matrix in expected.items():
        torch.testing.assert_close(found[part], matrix)
    torch.testing.assert_close(sum(expected.values()), dense(curvature.layer(layer)))


@pytest.mark.parametrize("K", [2, 3])
def test_ranks_of_the_split_at_the_optimum(K: int) -> None:
    model = UnconstrainedFeatures(class_sizes=(2,) * K, depth=3, decays="1/100", widths=(5,))
    curvature = Curvature(model, known_point(model).factors)
    for layer in (1, 2, 3):
        split = {name: whole(part) for name, part in parts(curvature, layer).items()}
        ranks = {name: int(torch.linalg.matrix_rank(part, atol=1e-12)) for name, part in split.items()}
        assert ranks == {"within": 0, "cross": K * (K - 1), "class": K}
        assert float((split["cross"] @ split["class"]).abs().max()) < 1e-15


def test_losses_without_parts_are_refused() -> None:
    model = general("focal")
    with pytest.raises(ValueError, match="known for mse and ce, got focal"):
        parts(Curvature(model, random_point(model)), 1)


def test_the_product_is_for_linear_mse() -> None:
    for name in ("relu", "ce"):
        model = general(name)
        with pytest.raises(ValueError, match="linear layers and mse"):
            Curvature(model, random_point(model)).kronecker(1)


PARTED = [
    {"class_sizes": (2,) * 3, "decays": "1/100", "widths": (4,)},
    {"class_sizes": (2,) * 3, "weight_decays": ("1/100", "1/50"), "feature_decay": "1/200", "widths": (5, 3)},
    {"class_sizes": (2,) * 4, "decays": "1/250", "widths": (5,), "loss": "ce"},
    {
        "class_sizes": (3,) * 2,
        "weight_decays": ("1/100", "1/50"),
        "feature_decay": "1/20",
        "widths": (3,),
        "loss": "ce",
    },
    {"class_sizes": (1,) * 6, "decays": "1/500", "widths": (5,), "loss": "ce"},
]


@pytest.mark.parametrize("setting", PARTED)
def test_parts_at_collapse_are_as_predicted(setting: dict[str, Any]) -> None:
    model = UnconstrainedFeatures(**{"depth": 2} | setting)
    found = spectra_of_parts(model, known_point(model), [1, 2])
    assert all(one.agrees and one.predicted for one in found)
    for layer in (1, 2):
        of_layer = [one for one in found if one.name.startswith(f"layer {layer},")]
        (all_of_it,) = spectra(model, known_point(model), [layer])
        assert sum(one.measured.sum() for one in of_layer) == pytest.approx(all_of_it.measured.sum())
        assert {len(one.measured) for one in of_layer} == {all_of_it.size}


def test_a_part_within_classes_is_noticed() -> None:
    """Beside eigenvalues of the whole, not beside rounding: 1e-7 of them within classes is no collapse."""
    model = UnconstrainedFeatures(class_sizes=(2,) * 3, depth=2, decays="1/100", widths=(4,))
    place = known_point(model)
    features = place.factors["H"].clone()
    features[:, 0] *= 1 + 1e-3
    moved = replace(place, factors=place.factors | {"H": features})
    for at, collapsed in ((moved, False), (place, True)):
        within, *_ = spectra_of_parts(model, at, [1])
        assert within.agrees is collapsed


@pytest.mark.parametrize(
    ("shift", "share"), [(0.0, (1 + np.log(2)) / 4), (np.log(2), 1 / 4)], ids=["softplus", "0 at 0"]
)
def test_limits_of_smoothed_relus_depend_on_the_smoothing(shift: float, share: float) -> None:
    """Two layers at non-negative collapse, σ(x) = ε (log(1 + e^{x/ε}) − shift): σ(0) σ″(0) is log 2/4, or 0."""
    model = UnconstrainedFeatures(class_sizes=(1,) * 3, depth=2, decays="1/50", widths=3, activation="relu")
    factors, width = known_point(model).factors, 1e-7

    def fit(W: torch.Tensor) -> torch.Tensor:
        hidden = width * (torch.nn.functional.softplus(W @ factors["H"] / width, threshold=700) - shift)
        return ((factors["W_2"] @ hidden - torch.eye(3)) ** 2).sum() / 6

    hessian = torch.autograd.functional.hessian(fit, factors["W_1"]).reshape(9, 9)
    largest_ones = torch.linalg.eigvalsh(hessian).flip(0)
    outlier = float(largest_ones[0])
    np.testing.assert_allclose(largest_ones[:3], outlier, rtol=1e-5)
    np.testing.assert_allclose(largest_ones[3:], share * outlier, rtol=1e-5)  # of the order of the width


@pytest.mark.parametrize("name", ["linear", "ce", "relu"])
def test_one_sample_a_class_has_the_same_layers(name: str) -> None:
    model = general(name, (3, 3))
    point = random_point(model)
    assert thinned(model, point) == (model, point)
    point["H"] = point["H"][:, ::3].repeat_interleave(3, 1)
    few = thinned(model, point)
    assert few[0].N == 2
    for layer in (1, 2, 3):
        torch.testing.assert_close(dense(Curvature(*few).layer(layer)), dense(Curvature(model, point).layer(layer)))


# -------------------------------------------------------------------------------------------------------- compression

LINEAR = [name for name in GENERAL if "relu" not in name]


def broad(name: str, depth: int = 3) -> UnconstrainedFeatures:
    """Widths of twice the number of classes, so that directions are left out in each hidden factor."""
    return general(name, (4, 1, 3), depth).with_(widths=(7, 6, 8)[:depth])


@pytest.mark.parametrize("regularised", [False, True])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("name", LINEAR)
def test_the_compressed_hessian_has_the_eigenvalues_of_the_whole(name: str, depth: int, regularised: bool) -> None:
    model = broad(name, depth)
    curvature = Curvature(model, random_point(model))
    compression, whole = Compression(curvature), dense(curvature.full(regularised))
    assert depth == 1 or compression.size < 0.9 * len(whole)
    basis = compression.expand(torch.eye(compression.size, dtype=torch.float64))
    assert off(basis @ basis.T, torch.eye(compression.size, dtype=torch.float64)) < EQUAL
    assert off(dense(compression.operator(regularised)), basis @ whole @ basis.T) < EQUAL
    exact = torch.linalg.eigvalsh(whole).flip(0)
    for count in (5, len(whole)):
        pairs = largest_in_all_factors(curvature, count, regularised)
        assert off(pairs.values, exact[:count]) < EQUAL
        assert float(pairs.residuals.max()) < EQUAL * float(exact[0])
        assert off(pairs.vectors @ pairs.vectors.T, torch.eye(count, dtype=torch.float64)) < EQUAL


def test_what_is_left_out_of_a_wrong_frame_shows_in_the_residuals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A basis that lacks one vector of the range: pairs are no pairs of the whole matrix, as their residuals say."""
    model = broad("linear")
    curvature = Curvature(model, random_point(model))

    def lacking(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        inside, outside = completed_range(matrix)
        return inside[:, 1:], torch.cat([inside[:, :1], outside], dim=1)

    monkeypatch.setattr("verify.curvature.compression.completed_range", lacking)
    assert float(largest_in_all_factors(curvature, 5).residuals.max()) > 1e-3
    with pytest.raises(ValueError, match="linear layers only"):
        Compression(Curvature(broad("relu"), random_point(broad("relu"))))


# -------------------------------------------------------------------------------------------------------- eigensolver


def with_eigenvalues(values: torch.Tensor) -> Operator:
    generator = torch.Generator().manual_seed(5)
    Q = torch.linalg.qr(torch.randn(len(values), len(values), generator=generator, dtype=torch.float64))[0]
    A = (Q * values) @ Q.T
    return Operator(len(values), lambda V: V @ A)


SPECTRA: dict[str, list[float]] = {
    "multiple": [9.0] * 7 + [8.99] * 5 + [3.0] * 150 + [1.0] * 100 + [0.0] * 300,
    "one value": [2.0] * 400,
    "zero": [0.0] * 400,
    "negative": [-1.0] * 30 + [-2.0] * 400,
    "spread": [*np.linspace(-5, 5, 500)],
    "low rank": [1.0] * 3 + [0.0] * 400,
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("count", [1, 9, 60])
def test_block_lanczos_finds_multiplicities(name: str, count: int) -> None:
    values = torch.tensor(SPECTRA[name], dtype=torch.float64).sort(descending=True)[0]
    operator = with_eigenvalues(values)
    found = largest(operator, count, dense=0)
    torch.testing.assert_close(found.values, values[:count], rtol=0, atol=1e-12 * 10)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(count, dtype=torch.float64))
    assert float(found.residuals.max()) < 1e-8
    torch.testing.assert_close(largest(operator, count).values, found.values, rtol=0, atol=1e-11)


def test_all_eigenvalues_without_a_dense_matrix() -> None:
    values = torch.tensor([3.0] * 20 + [1.0] * 30 + [0.0] * 10, dtype=torch.float64)
    torch.testing.assert_close(largest(with_eigenvalues(values), 100, dense=0).values, values, rtol=0, atol=1e-12)


def test_residuals_tell_of_a_search_that_is_not_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.curvature.eigensolver.MOST_BLOCKS", 1)
    found = largest(with_eigenvalues(torch.linspace(0, 1, 300, dtype=torch.float64)), 5, dense=0)
    assert float(found.residuals.max()) > 1e-3


def test_kronecker_eigenvalues_are_those_of_the_matrix() -> None:
    generator = torch.Generator().manual_seed(2)
    left, right = (torch.randn(n, n, generator=generator, dtype=torch.float64) for n in (4, 5))
    product = Kronecker(left + left.T, right + right.T)
    values, residual = kronecker_eigenvalues(product, 20)
    np.testing.assert_allclose(values, torch.linalg.eigvalsh(product.dense()).flip(0), atol=1e-12)
    assert residual < 1e-12


# ----------------------------------------------------------------------------------------------- predicted, measured

GRID: dict[str, dict[str, Any]] = {
    "K = 3": {"class_sizes": (2,) * 3, "depth": 3, "decays": "1/100", "widths": (5,)},
    "d = K": {"class_sizes": (2,) * 3, "depth": 2, "decays": "1/100"},
    "n = 1": {"class_sizes": (1,) * 4, "depth": 2, "decays": "1/60", "widths": (5,)},
    "K = 2": {"class_sizes": (3,) * 2, "depth": 2, "decays": "1/100", "widths": (4,)},
    "L = 1": {"class_sizes": (2,) * 3, "depth": 1, "decays": "1/100", "widths": (4,)},
    "small decay": {"class_sizes": (2,) * 3, "depth": 2, "decays": "1/1000000"},
    "unequal decays and widths": {
        "class_sizes": (1,) * 2, "depth": 2, "weight_decays": (F(1, 100), F(1, 30)), "feature_decay": F(1, 50),
        "widths": (2, 3),
    },
    "ce": {"class_sizes": (2,) * 4, "depth": 3, "decays": "1/250", "loss": "ce"},
    "ce, L = 1": {"class_sizes": (2,) * 3, "depth": 1, "decays": "1/50", "loss": "ce"},
    "ce, small decay": {"class_sizes": (2,) * 3, "depth": 2, "decays": "1e-14", "loss": "ce"},
    "ce, K = 2": {"class_sizes": (2,) * 2, "depth": 2, "decays": "1/50", "loss": "ce"},
    "ce, unequal decays and widths": {
        "class_sizes": (2,) * 4, "depth": 2, "weight_decays": (F(1, 100), F(1, 300)), "feature_decay": F(1, 400),
        "widths": (3, 6), "loss": "ce",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", GRID)
@pytest.mark.parametrize("regularised", [False, True])
def test_predicted_eigenvalues_are_measured(name: str, regularised: bool) -> None:
    model = UnconstrainedFeatures(**GRID[name])
    place = known_point(model)
    for one in spectra(model, place, range(1, model.M + 1), regularised=regularised, top=10**6):
        assert one.agrees
        assert sum(p.multiplicity for p in one.predicted) == one.size == len(one.measured)
    (whole,) = spectra(model, place, (), full=True, regularised=regularised, top=10**6)
    predicted = model.loss == "mse" and "unequal" not in name
    assert whole.agrees is (True if predicted else None)
    assert bool(whole.why) is not predicted


DECAY = F(1, 100)


def found(full: bool = False, **changes: Any) -> Spectrum:
    model = UnconstrainedFeatures(**{**GRID["K = 3"], **changes})
    return spectra(model, known_point(model), [1], full, full, 10**6)[0]


def with_prediction(one: Spectrum, eigenvalues: Any, decay: Fraction = DECAY) -> Spectrum:
    def interval(value: Any) -> Interval:
        return value * decay if isinstance(value, Interval) else Interval.exact(value * decay)

    return replace(one, predicted=tuple(Predicted(e.part, interval(e.value), e.multiplicity) for e in eigenvalues))


def test_wrong_predictions_are_noticed() -> None:
    layer, whole = found(), found(full=True)
    model = UnconstrainedFeatures(**GRID["K = 3"])
    gain = known_point(model).gain
    assert with_prediction(layer, layer_spectrum(3, 25, gain)).agrees
    assert not with_prediction(layer, layer_spectrum(3, 25, gain, regularised=True)).agrees
    assert not with_prediction(layer, layer_spectrum(2, 25, gain)).agrees
    assert with_prediction(whole, full_spectrum(3, 2, 3, 5, gain)).agrees
    assert not with_prediction(whole, full_spectrum(3, 2, 3, 5, gain, regularised=False)).agrees
    for first in range(len(whole.predicted)):
        for second in range(first):
            parts = list(whole.predicted)
            a, b = parts[first], parts[second]
            if a.multiplicity != b.multiplicity and abs(float(a.value) - float(b.value)) > 1e-9:
                parts[first], parts[second] = (
                    replace(a, multiplicity=b.multiplicity), replace(b, multiplicity=a.multiplicity)
                )  # fmt: skip
                assert not replace(whole, predicted=tuple(parts)).agrees


def test_reference_values() -> None:
    """Those of independent reruns: K = 3, n = 40, L = 5, λ = .01, and K = 4, L = 3, λ = .004, n = 2, in units of λ."""
    mse = UnconstrainedFeatures(class_sizes=(40,) * 3, depth=5, decays="1/100", widths=(60,))
    (one,) = spectra(mse, known_point(mse), [3], top=10)
    assert [round(float(value), 6) for value in one.measured] == [0.163243] * 9 + [0]
    ce = UnconstrainedFeatures(**GRID["ce"])
    (one,) = spectra(ce, known_point(ce), [2], top=9)
    assert [round(float(value) * 250, 4) for value in one.measured] == [6.2238] + [4.6708] * 3 + [1.5649] * 5


def test_a_wrong_softness_is_noticed() -> None:
    model = UnconstrainedFeatures(**GRID["ce"])
    place = known_point(model)
    (one,) = spectra(model, place, [2], top=16)
    scale = place.scale
    assert one.agrees
    assert not with_prediction(one, softmax_layer_spectrum(4, 16, scale, 1), F(1, 250)).agrees


def test_the_scale_is_enclosed() -> None:
    scale = critical_scale(4, 3, 2 * F(1, 250) ** 4)
    assert scale is not None
    assert scale.width < F(1, 10**60)
    alpha = float(scale)
    assert alpha ** (2 / 4) / (3 + np.exp(alpha)) == pytest.approx(2 ** (1 / 4) / 250, rel=1e-12)
    assert critical_scale(4, 3, F(1)) is None
    one_layer = critical_scale(3, 1, 2 * F(1, 50) ** 2)
    assert float(one_layer or 0) == pytest.approx(np.log(50 / np.sqrt(2) - 2), rel=1e-12)


@pytest.mark.parametrize("name", [*GRID, "different sizes", "narrow"])
def test_points_are_critical(name: str) -> None:
    others = {
        "different sizes": {"class_sizes": (4, 3, 2), "depth": 2, "decays": "1/250"},
        "narrow": {"class_sizes": (2,) * 3, "depth": 2, "decays": "1/250", "widths": (2, 4)},
    }
    model = UnconstrainedFeatures(**(GRID | others)[name])
    kernel, place = LayeredModel(model, collapsed=False), known_point(model)
    gradient = kernel.value_and_gradient(kernel.point({n: part[None] for n, part in place.factors.items()}))[1]
    assert float(gradient.norm()) < 1e-13
    assert place.name == ("collapse" if model.loss == "ce" else "the optimum")


def test_descent_comes_to_the_predictions() -> None:
    model = UnconstrainedFeatures(**GRID["K = 3"])
    place = known_point(model)

    def differences(steps: int) -> list[float]:
        trained = after_descent(model, steps, F(1, 5)).compared_with(place)
        return [one.difference or 0.0 for one in spectra(model, trained, (1, 2, 3))]

    assert max(differences(4000)) < 1e-4
    assert min(differences(10)) > 1e-2
    with pytest.raises(ValueError, match="diverges"):
        after_descent(model, 100, F(1000))


# -------------------------------------------------------------------------------------------------------- experiments


def curvature_of(**changes: Any) -> Mapping[str, float]:
    model = UnconstrainedFeatures(class_sizes=(5,) * 3, depth=5, widths=(20,), decays="1/100")
    settings: dict[str, Any] = {"seed": 0, "model": model, "layer": 3, "steps": 3000, "rate": F(1, 5)}
    return programs()["layer curvature"](**{**settings, **changes})


def test_a_trained_linear_model_has_the_papers_curvature() -> None:
    measured = curvature_of()
    model = UnconstrainedFeatures(class_sizes=(5,) * 3, depth=5, widths=(20,), decays="1/100")
    gain = float(known_point(model).gain or 0)
    assert measured["largest_outlier"] == pytest.approx(0.01 * gain / (1 - gain), rel=1e-3)
    assert measured["loss"] == pytest.approx((1 - gain) ** 2 / 2 + 3 * gain * (1 - gain), rel=1e-4)
    assert measured["outlier_ratio"] == pytest.approx(1, abs=1e-3)
    assert measured["next_eigenvalue"] < 1e-9
    assert measured["f_least"] == pytest.approx(1, abs=1e-6)
    assert measured["own_least"] == pytest.approx(1 / 3, abs=1e-3)
    assert measured["other_most"] < 1e-6


def test_an_untrained_one_has_not() -> None:
    measured = curvature_of(steps=10)
    assert measured["outlier_ratio"] > 1.5
    assert measured["f_mean"] < 0.5


@pytest.mark.parametrize("layer", [1, 5])
def test_the_ends_of_the_network(layer: int) -> None:
    assert curvature_of(layer=layer)["f_least"] == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="1 to 5"):
        curvature_of(layer=6)


def test_the_way_and_the_end_are_those_of_separate_runs() -> None:
    """Looking on the way does not disturb a descent."""
    model = UnconstrainedFeatures(class_sizes=(5,) * 3, depth=5, widths=(20,), decays="1/100")
    first, last = along_descent(model, (10, 60), F(1, 5), seed=1)
    for place, steps in ((first, 10), (last, 60)):
        alone = after_descent(model, steps, F(1, 5), seed=1)
        assert (place.name, place.objective) == (alone.name, alone.objective)
        assert all(torch.equal(place.factors[name], part) for name, part in alone.factors.items())
    measured = curvature_of(seed=1, steps=60, at=(10,))
    assert measured["f_mean_1"] == curvature_of(seed=1, steps=10)["f_mean"] < measured["f_mean"]
    with pytest.raises(ValueError, match="increasing and below 60"):
        curvature_of(steps=60, at=(60,))


@pytest.mark.parametrize("name", ["linear", "relu"])
def test_alignments_are_the_definitions(name: str) -> None:
    """f and the shares with the Hessian as a matrix, by automatic differentiation, and the vectors written out."""
    model = general(name, (2, 2, 2))
    point = random_point(model)
    curvature, layer = Curvature(model, point), 2
    found = alignment(curvature, layer)
    H = dense(by_differentiation(model, point, "W_2", regularised=False))
    g, above, below = curvature.gradient(layer).reshape(-1), curvature.means(3), curvature.means(2)
    for c, other in np.ndindex(3, 3):
        v = torch.kron(above[:, c], below[:, other])
        f = (v @ H @ v) ** 2 / (v @ v) / (H @ v @ (H @ v))
        assert float(found.f[c, other]) == pytest.approx(float(f), rel=1e-9)
        assert float(found.shares[c, other]) == pytest.approx(float((v @ g) ** 2 / (v @ v) / (g @ g)), rel=1e-9)
    values = torch.linalg.eigvalsh(H).flip(0)
    assert off(found.eigenvalues[: len(values)], values[:10]) < EQUAL
    numbers = found.numbers()
    assert numbers["own_mean"] * 3 + numbers["other_mean"] * 6 == pytest.approx(float(found.shares.sum()))


def test_a_course_comes_to_its_limit() -> None:
    model = UnconstrainedFeatures(class_sizes=(5,) * 3, depth=5, widths=(20,), decays="1/100")
    known = known_point(model)
    (course,) = courses(model, known, [3], (0, 100, 3000), F(1, 5))
    assert course.limit is not None
    limit = {name: float(F(value)) for name, value in course.limit.to_json().items()}

    def distance(checkpoint: Checkpoint) -> float:
        numbers = checkpoint.numbers()
        return max(abs(numbers[name] - value) / (value or 1) for name, value in limit.items())

    far = [distance(one) for one in course.checkpoints]
    assert far[-1] < 1e-3 < 1e-1 < far[1] < far[0]
    assert limit == pytest.approx({name: course.checkpoints[-1].numbers()[name] for name in limit}, rel=1e-3, abs=1e-6)
    wrong = replace(course.limit, outlier=course.limit.outlier * F(1, 100)).to_json()
    assert float(F(wrong["largest_outlier"])) != pytest.approx(limit["largest_outlier"], rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation": "relu"}, "ReLU"),
        ({"class_sizes": (2, 3)}, "different sizes"),
        ({"loss": "ce"}, "squared error"),
        ({"decays": "1"}, "at zero"),
    ],
)
def test_where_no_limit_is_predicted(changes: dict[str, Any], said: str) -> None:
    model = UnconstrainedFeatures(**{"class_sizes": (2, 2), "depth": 2, "widths": (3,), "decays": "1/100", **changes})
    assert limit(model, known_point(model), 1)[0] is None
    assert said in limit(model, known_point(model), 1)[1]


# ------------------------------------------------------------------------------------------------------------ command

COLLAPSED = ["spectrum", "--sizes", "3*2", "--depth", "3", "--widths", "5", "--decay", "1/100"]


def test_json_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "found.json"
    assert main([*COLLAPSED, "--layer", "2", "--descent", "50", "--top", "12", "--json", str(target)]) == 0
    first, second = json.loads(target.read_text())["matrices"]
    assert (first["name"], first["size"], first["agrees"], second["agrees"]) == ("layer 2", 25, True, False)
    assert first["predicted"] == second["predicted"]
    outliers, bulk = first["predicted"]
    assert (outliers["multiplicity"], bulk["multiplicity"], bulk["eigenvalue"]) == (9, 16, "0")
    assert first["measured"] == sorted(first["measured"], reverse=True)
    assert len(first["measured"]) == 12
    assert float(outliers["eigenvalue"]) == pytest.approx(first["measured"][8], rel=1e-12)
    out = capsys.readouterr().out
    assert "outliers" in out
    assert "(3 of them)" in out
    assert "50 steps of gradient descent" in out


def test_a_descent_over_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    target, picture = tmp_path / "found.json", tmp_path / "found.svg"
    run = [*COLLAPSED, "--descent", "50", "--over-time"]
    in_another = ["--convention", "1/(2NK)", "--decay", "1/300"]
    assert main([*run, *in_another, "--layer", "2", "--json", str(target), "--plot", str(picture)]) == 0
    out = capsys.readouterr().out
    assert "own least" in out
    assert out.splitlines()[-1].split()[0] == "limit"
    (scaled,) = json.loads(target.read_text())["layers"]
    assert [at["step"] for at in scaled["checkpoints"]] == [0, 10, 30, 50]
    assert all(len(at["outliers"]) == 9 for at in scaled["checkpoints"])
    assert scaled["limit"]["own_mean"] == "1/3"
    assert main([*run, "--json", "-"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert [one["layer"] for one in layers] == [1, 2, 3]
    for name in ("loss", "largest_outlier", "f_mean", "own_most"):
        factor = 3 if name in ("loss", "largest_outlier") else 1
        assert layers[1]["checkpoints"][-1][name] == pytest.approx(factor * scaled["checkpoints"][-1][name])
        assert float(F(layers[1]["limit"][name])) == pytest.approx(factor * float(F(scaled["limit"][name])))
    assert picture.read_text().startswith("<?xml")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["spectrum", *arguments, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)["matrices"]


def test_conventions_scale_eigenvalues(capsys: pytest.CaptureFixture[str]) -> None:
    (plain,) = answer(capsys, "--sizes", "2*3", "--decay", "1/100", "--full")
    (summed,) = answer(capsys, "--sizes", "2*3", "--decay", "6/100", "--full", "--convention", "sum")
    assert summed["agrees"]
    np.testing.assert_allclose(summed["measured"], 6 * np.array(plain["measured"]), atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sizes", "3*2", "--decay", "2"], "Zero is the only minimiser"),
        (["--sizes", "3,2", "--decay", "1/100"], "different sizes"),
        (["--sizes", "3*2", "--decay", "1/100", "--activation", "relu", "--depth", "3"], "kink"),
        (["--sizes", "3*2", "--decay", "1/100", "--bias", "last-layer"], "No closed form is proved"),
        (["--sizes", "6*1", "--depth", "2", "--decay", "1/500", "--loss", "ce"], "not the minimum"),
        (["--sizes", "4*2", "--depth", "2", "--decay", "1/250", "--widths", "3"], "below the number of classes"),
        (["--sizes", "4*2", "--depth", "2", "--decay", "1/250", "--loss", "ce", "--full"], "with cross-entropy"),
    ],
)
def test_what_is_not_predicted_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spectrum", *arguments]) == 0
    out = capsys.readouterr().out
    assert said in out
    assert "largest residual" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layer", "4"], "--layer must be one of 1 to 3, got 4"),
        (["--layer", "0"], "--layer must be one of 1 to 3, got 0"),
        (["--layer", "1", "--full"], "give one of them"),
        (["--data", "--regularised"], "give one of them"),
        (["--rate", "1/5"], "--rate belongs to --descent"),
        (["--over-time"], "--over-time belongs to --descent"),
        (["--over-time", "--descent", "9", "--full"], "leave out --full"),
        (["--over-time", "--descent", "9", "--regularised"], "leave out --regularised"),
        (["--over-time", "--descent", "100", "--rate", "1000"], "--rate: gradient descent diverges"),
        (["--descent", "100", "--rate", "1000"], "--rate: gradient descent diverges"),
        (["--descent", "100", "--rate", "fast"], "--rate"),
        (["--descent", "9", "--rate", "1e400"], "--rate must be a length of steps below"),
        (["--descent", "1" + 30 * "0"], "--descent"),
        (["--sizes", "3", "--descent", "9", "--over-time"], "give two or more"),
        (["--sizes", "900*1", "--widths", "900", "--descent", "9", "--over-time"], "900 classes needs more than 8 GB"),
        (["--parts", "--full"], "leave out --full"),
        (["--parts", "--regularised"], "leave out --regularised"),
        (["--parts", "--descent", "9", "--over-time"], "leave out --over-time"),
        (["--parts", "--loss", "focal", "--gamma", "2"], "--parts is for the losses mse and ce, got focal"),
        (["--parts", "--sizes", "100*1", "--widths", "512", "--activation", "relu"], "needs more than 8 GB"),
        (["--plot", "a.pdf"], ".svg or .png"),
        (["--plot", "/no/such/folder/a.svg"], "cannot be written"),
        (["--json", "/no/such/folder/a"], "cannot be written"),
        (["--top", "0"], "--top"),
        (["--widths", "5000"], "at most 5000000 entries"),
        (["--widths", "1000", "--full", "--top", "900"], "needs more than"),
        (["--loss", "hinge"], "--loss"),
        (["--sizes", "2*1", "--decay", "1e-400"], "beyond the range of floats"),
    ],
)
def test_unusable_input_is_one_sentence(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "--plot" in arguments and said == "cannot be written":
        pytest.importorskip("matplotlib")
    assert main([*COLLAPSED, *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_parts_are_printed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    target, run = tmp_path / "found.svg", ["spectrum", "--sizes", "4*2", "--decay", "1/250", "--loss", "ce", "--parts"]
    assert main([*run, "--json", str(tmp_path / "found.json"), "--plot", str(target)]) == 0
    out = capsys.readouterr().out
    assert [line.split(",")[1].strip() for line in out.splitlines() if line.startswith("layer")] == [
        "within", "cross", "class", "own"
    ]  # fmt: skip
    assert all(one["agrees"] for one in json.loads((tmp_path / "found.json").read_text())["matrices"])
    text = target.read_text()
    assert "garrod2024-ce-parts" in text
    assert text.count("all measured eigenvalues are 0") == 1


def test_the_objective_of_a_descent_is_in_the_convention(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain sums are N = 15 times as much, and so are decays that mean the same."""
    run = ["spectrum", "--sizes", "3*5", "--widths", "4", "--depth", "2", "--descent", "10", "--layer", "1"]
    found = []
    for more in (["--decay", "1/100"], ["--decay", "15/100", "--convention", "sum"]):
        assert main([*run, *more]) == 0
        (said,) = [line for line in capsys.readouterr().out.splitlines() if "The objective there is" in line]
        found.append(float(said.rstrip(".").split()[-1]))
    assert found[1] == pytest.approx(15 * found[0], rel=1e-11)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_picture(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / f"found.{suffix}"
    assert main([*COLLAPSED, "--full", "--regularised", "--plot", str(target)]) == 0
    start = target.read_bytes()[:5]
    assert start == (b"\x89PNG\r" if suffix == "png" else b"<?xml")


def matrices(arguments: list[str], target: Path) -> list[dict[str, Any]]:
    assert main([*arguments, "--json", str(target)]) == 0
    found: list[dict[str, Any]] = json.loads(target.read_text("utf-8"))["matrices"]
    return found


def test_below_a_relu_only_class_means_of_the_same_class_are_outliers(tmp_path: Path) -> None:
    """K outliers below the last layer and K² in it, with the derivative 0 at the kink, predicted and measured."""
    layers = matrices([*COLLAPSED, "--activation", "relu"], tmp_path / "relu.json")
    for one, outliers in zip(layers, (3, 3, 9), strict=True):
        assert one["predicted"][0]["multiplicity"] == outliers
        value = float(one["predicted"][0]["eigenvalue"])
        assert one["measured"][:outliers] == pytest.approx([value] * outliers)
        assert max(map(abs, one["measured"][outliers:])) < 1e-12


def test_another_convention_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*COLLAPSED, "--layer", "2"]
    plain = matrices(arguments, tmp_path / "plain.json")[0]["measured"][0]
    capsys.readouterr()
    scaled = matrices([*arguments, "--convention", "sum", "--decay", "6/100"], tmp_path / "sum.json")[0]["measured"][0]
    assert "(decays in 1/(2N), eigenvalues in the convention sum)" in capsys.readouterr().out
    assert scaled == pytest.approx(6 * plain, rel=1e-9)


@pytest.mark.parametrize("other", [["focal", "--gamma", "0"], ["label-smoothing", "--alpha", "0"]])
def test_cross_entropy_by_another_name(other: list[str], tmp_path: Path) -> None:
    arguments = [*COLLAPSED, "--layer", "1", "--decay", "1/1000", "--loss"]
    assert matrices([*arguments, *other], tmp_path / "a.json") == matrices([*arguments, "ce"], tmp_path / "b.json")


def test_a_picture_without_matplotlib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([*COLLAPSED, "--plot", "a.svg"]) == 2
    assert "pictures need matplotlib" in capsys.readouterr().err


def test_a_place_is_compared_with_another() -> None:
    known = Place("collapse", {}, gain=Interval.exact(1))
    assert Place("here", {}).compared_with(known) == Place("here", {}, gain=Interval.exact(1))


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize(
    "point", [SoftmaxCollapse(4, 2, 3, 1, Fraction(19), turn=True), Collapse(3, 2, 3, 1, Fraction(9, 10))]
)
def test_the_exact_formulas_are_the_second_derivatives_of_the_model(
    point: SoftmaxCollapse | Collapse, layer: int
) -> None:
    """The matrices of which the statements claim spectra, against block formulas that are held against derivatives."""
    factors = [to_float(V) for V in point.curvature.factors]
    loss = "ce" if isinstance(point, SoftmaxCollapse) else "mse"
    model = UnconstrainedFeatures(
        class_sizes=(point.n,) * point.K, depth=point.L, widths=(point.K + point.spare,), decays=1, loss=loss
    )
    named = dict(zip(("H", *(f"W_{i}" for i in range(1, point.L + 1))), factors, strict=True))
    exact, size = to_float(point.curvature.layer(layer)), factors[layer].numel()
    measured = Curvature(model, named).layer(layer)(torch.eye(size, dtype=torch.float64))
    assert float((exact - measured.reshape(size, size)).abs().max()) < 1e-13 * float(exact.abs().max())


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_at_the_kink_a_relu_passes_its_own_class_alone(layer: int) -> None:
    """Automatic differentiation has the derivative 0 at 0, which the exact formula takes as a parameter."""
    at = Collapse(3, 2, 3, 1, Fraction(9, 10), unequal=True)
    named = {name: to_float(V) for name, V in zip(("H", "W_1", "W_2", "W_3"), at.factors, strict=True)}
    model = UnconstrainedFeatures(class_sizes=(2,) * 3, depth=3, widths=(4,), decays=1, activation="relu")
    exact, size = to_float(relu_curvature(at, Fraction(0))(layer)), at.size(layer)
    measured = Curvature(model, named).layer(layer)(torch.eye(size, dtype=torch.float64)).reshape(size, size)
    assert float((exact - measured).abs().max()) < 1e-13 * float(exact.abs().max())
    assert (float((exact - to_float(at.curvature.layer(layer))).abs().max()) > 1e-3) == (layer < 3)
