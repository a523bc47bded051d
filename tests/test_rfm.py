"""Deep RFM: gradients against automatic differentiation, kernels and layers against what defines them."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from theory.metrics import beaglehole2024_nc1, beaglehole2024_nc2
from verify import report
from verify.cli import main
from verify.empirical import machine
from verify.empirical.data import Task
from verify.empirical.keeping import Archive
from verify.empirical.progress import bar
from verify.empirical.rfm import layers, regression
from verify.empirical.rfm.keeping import Keeper
from verify.empirical.rfm.kernels import KERNELS, Kernel, distances
from verify.empirical.rfm.layers import Settings, deep_rfm, normalised, output, start
from verify.empirical.rfm.maps import feature_map
from verify.empirical.rfm.regression import Fit, agop, blocks, fit, square_root, through_agop
from verify.errors import BadInput
from verify.pictures import layer_metrics
from verify.store import Store

SIZES = (6, 1, 5)
EXACT = 1e-12
"""Sums of some hundred products of numbers of order one, in doubles, relative to the result."""


def samples(d: int = 7, spread: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Columns of classes of SIZES, with a given spread within them, and ±1 labels."""
    draw = torch.Generator().manual_seed(seed)
    means = torch.randn(d, len(SIZES), generator=draw, dtype=torch.float64)
    noise = torch.randn(d, sum(SIZES), generator=draw, dtype=torch.float64)
    X = means.repeat_interleave(torch.tensor(SIZES), dim=1) + spread * noise
    return X, 2 * torch.eye(3, dtype=torch.float64).repeat_interleave(torch.tensor(SIZES), dim=1) - 1


def formula(kernel: Kernel, x: torch.Tensor, Z: torch.Tensor) -> torch.Tensor:
    """k(x, z_j), from the definition."""
    length = ((x[:, None] - Z) ** 2).sum(0)
    return torch.exp(
        -length.sqrt() / kernel.bandwidth if kernel.name == "laplace" else -length / 2 / kernel.bandwidth**2
    )


def by_differentiation(f: Fit) -> torch.Tensor:
    """The AGOP from Jacobians; the term of a sample with itself, where the Laplace kernel has no gradient, left out."""
    d, N = f.X.shape
    M = torch.zeros(d, d, dtype=torch.float64)
    for i in range(N):
        others = [j for j in range(N) if j != i]
        alpha, Z = f.alpha[:, others], f.X[:, others]
        J: Any = torch.autograd.functional.jacobian(lambda x, a=alpha, Z=Z: a @ formula(f.kernel, x, Z), f.X[:, i])
        M += J.T @ J
    return M / N


def near(found: torch.Tensor, expected: torch.Tensor, tolerance: float = EXACT) -> bool:
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("spread", [1.0, 1e-6])
def test_agop_is_that_of_automatic_differentiation(name: str, spread: float) -> None:
    """Within a class of radius 1e-6 gradients of the Laplace kernel lose six digits, whoever computes them."""
    X, _ = samples(spread=spread)
    alpha = torch.randn(3, X.shape[1], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    f = Fit(Kernel(name, 1.5), X, alpha, X.shape[1])
    assert near(agop(f, blocks(SIZES)), by_differentiation(f), EXACT / spread)


def test_agop_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    X, Y = samples()
    f = fit(Kernel("laplace", 2.0), X, Y, blocks(SIZES))
    monkeypatch.setattr(regression, "BLOCK", 2)
    assert blocks(SIZES) == [slice(a, b) for a, b in ((0, 2), (2, 4), (4, 6), (6, 7), (7, 9), (9, 11), (11, 12))]
    assert near(agop(f, blocks(SIZES)), agop(f, [slice(0, 12)]))


MUTANTS: dict[str, Callable[[Kernel, torch.Tensor], torch.Tensor]] = {
    "near points left out": lambda kernel, D: kernel.slopes(D) * (D > 3),
    "no division by the distance": lambda kernel, D: kernel.slopes(D) * D,
    "no bandwidth": lambda kernel, D: kernel.slopes(D) * kernel.bandwidth,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_gradient_is_noticed(name: str) -> None:
    X, Y = samples()
    f = fit(Kernel("laplace", 1.5), X, Y, blocks(SIZES))

    class Wrong(Kernel):
        def slopes(self, distances: torch.Tensor) -> torch.Tensor:
            return MUTANTS[name](f.kernel, distances)

    assert not near(agop(Fit(Wrong("laplace", 1.5), X, f.alpha, 12), blocks(SIZES)), by_differentiation(f), 0.1)


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_their_formula(name: str) -> None:
    X, _ = samples()
    kernel = Kernel(name, 1.5)
    expected = torch.stack([formula(kernel, x, X) for x in X.T])
    assert near(regression.gram(kernel, X, blocks(SIZES)), expected)
    assert near(kernel.values(distances(X, X[:, 3:9])), expected[:, 3:9])


def exact_distance(x: torch.Tensor, z: torch.Tensor) -> float:
    squares = [(Fraction(a) - Fraction(b)) ** 2 for a, b in zip(x.tolist(), z.tolist(), strict=True)]
    return float(sum(squares)) ** 0.5


@pytest.mark.parametrize("spread", [1e-3, 1e-9])
def test_distances_within_a_class_keep_their_digits(spread: float) -> None:
    """The samples' own rounding is an absolute 2^-53; the naive formula would lose all digits at 1e-9."""
    X, _ = samples(spread=spread)
    found = distances(X, X[:, :6])[:6]
    exact = np.array([[exact_distance(x, z) for z in X.T[:6]] for x in X.T[:6]])
    assert np.abs(found.numpy() - exact).max() <= 1e-5 * spread
    assert not found.diagonal().any()


def test_a_fit_interpolates_and_a_ridge_is_added() -> None:
    X, Y = samples()
    kernel = Kernel("laplace", 2.0)
    f = fit(kernel, X, Y, blocks(SIZES))
    assert f.rank == 12
    assert near(f(X), Y, 1e-10)
    G = regression.gram(kernel, X, blocks(SIZES)) + 0.3 * torch.eye(12, dtype=torch.float64)
    assert near(fit(kernel, X, Y, blocks(SIZES), ridge=0.3).alpha @ G, Y)


def test_where_samples_coincide_the_fit_is_the_limit_of_small_ridges() -> None:
    X, Y = samples()
    X[:, 1] = X[:, 0]
    kernel = Kernel("gaussian", 2.0)
    f = fit(kernel, X, Y, blocks(SIZES))
    assert f.rank == 11
    assert near(f.alpha, fit(kernel, X, Y, blocks(SIZES), ridge=1e-9).alpha, 1e-5)


def test_fewer_samples_than_dimensions_change_nothing() -> None:
    """A square root has half the digits where eigenvalues vanish: √(1e-16) on directions without samples."""
    X, Y = samples(d=30)
    f = fit(Kernel("laplace", 2.0), X, Y, blocks(SIZES))
    Z = torch.randn(30, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert near(through_agop(f, blocks(SIZES))(Z), square_root(agop(f, blocks(SIZES))) @ Z, 1e-6)


def test_the_square_root() -> None:
    M = samples()[0] @ samples()[0].T
    assert near(square_root(M) @ square_root(M), M)


def test_relu_features_have_the_kernel_of_cho_and_saul() -> None:
    """E σ(Wx)ᵀσ(Wy) = (sin θ + (π − θ) cos θ)/π; the mean of 2e5 products is within 1% of it."""
    x = torch.tensor([[1.0, 0.6], [0.0, 0.8]], dtype=torch.float64)
    F = feature_map("relu", 2, 200_000, 1.0, torch.Generator().manual_seed(0))(x)
    theta = np.arccos(0.6)
    assert float(F[:, 0] @ F[:, 1]) == pytest.approx((np.sin(theta) + (np.pi - theta) * 0.6) / np.pi, rel=0.01)
    assert float(F[:, 0] @ F[:, 0]) == pytest.approx(1, rel=0.01)


def test_cosine_features_have_the_laplacian_kernel() -> None:
    """E Φ(x)ᵀΦ(z) = exp(−γ ‖x − z‖₁), within four standard deviations of 2e5 features."""
    X = torch.tensor([[1.0, 0.4], [0.0, -0.8]], dtype=torch.float64)
    F = feature_map("cosine", 2, 200_000, 0.5, torch.Generator().manual_seed(0))(X)
    assert float(F[:, 0] @ F[:, 1]) == pytest.approx(np.exp(-0.5 * 1.4), abs=4 * 200_000**-0.5)


def task(seed: int = 0, classes: int = 3) -> Task:
    X, _ = samples(seed=seed)
    labels = np.repeat(np.arange(classes), SIZES)
    return Task(X.numpy(), labels, X[:, ::2].numpy() + 0.01, labels[::2], classes)


def test_layers_are_those_of_the_algorithm() -> None:
    """Algorithm 1 written down again, with Jacobians; up to the scale of M, which a ReLU map does not see."""
    settings = Settings(width=20, depth=3)
    X, Y = start(task()).train, samples()[1]
    for found, state in deep_rfm(task(), settings, start(task())):
        X = X / X.norm(dim=0)
        kernel = Kernel("laplace", 2.0)
        K = torch.stack([formula(kernel, x, X) for x in X.T])
        M = by_differentiation(Fit(kernel, X, torch.linalg.solve(K, Y.T).T, 12))
        draw = torch.Generator().manual_seed(found.layer)
        W = torch.randn(20, X.shape[0], generator=draw, dtype=torch.float64) * 0.1**0.5
        values, vectors = torch.linalg.eigh(M)
        MX = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T @ X
        labels = np.repeat(np.arange(3), SIZES)
        assert found.nc1["x"] == pytest.approx(beaglehole2024_nc1(X.numpy(), labels, 3), rel=1e-8)
        assert found.nc1["mx"] == pytest.approx(beaglehole2024_nc1(MX.numpy(), labels, 3), rel=1e-6)
        X = (W @ MX).relu()
        assert near(state.train, X, 1e-6)


def test_controls() -> None:
    found = [layer for layer, _ in deep_rfm(task(), Settings(width=20, depth=2, agop=False), start(task()))]
    assert all(layer.nc1["mx"] == layer.nc1["x"] and layer.nc2["mx"] == layer.nc2["x"] for layer in found)
    linear = [layer for layer, _ in deep_rfm(task(), Settings(depth=2, map="linear"), start(task()))]
    assert all(layer.nc1["mx"] == layer.nc1["phi"] for layer in linear)


def test_metrics_at_collapse_and_of_a_known_point() -> None:
    labels = np.repeat(np.arange(3), 2)
    etf = np.repeat(np.eye(3), 2, axis=1)
    assert beaglehole2024_nc1(etf, labels, 3) == 0
    assert beaglehole2024_nc2(5 * np.eye(3) + 7) == pytest.approx(0, abs=1e-14)
    line = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    assert beaglehole2024_nc2(line) > 0.5
    assert np.isnan(beaglehole2024_nc2(np.array([[1.0, 0.0, -1.0]])))
    assert not normalised(torch.zeros(2, 1)).any()


# ------------------------------------------------------------------------------------------------------------ keeping


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["rfm", "--samples", "100", "--width", "32", "--depth", "4", "--json", "-"]
    assert main([*command, "--fresh"]) == 0
    whole = json.loads(capsys.readouterr().out)
    steps, step = [], layers.step

    def stopped(*given: Any) -> Any:
        steps.append(given[2].layer)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(*given)

    monkeypatch.setattr(layers, "step", stopped)
    assert main([*command, "--fresh"]) == 130
    capsys.readouterr()
    assert main(command) == 0
    assert steps == [0, 1, 2, 2, 3], "two layers were kept, and not computed again"
    assert json.loads(capsys.readouterr().out) == whole
    assert main(command) == 0
    assert len(steps) == 5
    assert json.loads(capsys.readouterr().out) == whole


@pytest.mark.parametrize("harm", ["lost", "altered"])
def test_features_that_are_not_what_was_kept_are_not_used(harm: str) -> None:
    settings = Settings(width=20, depth=2)
    with Store() as store:
        keeper = Keeper(store, task(), settings)
        run = keeper.load("cpu")
        found, run.state = next(deep_rfm(task(), settings, run.state or start(task())))
        run.layers.append(found)
        keeper.save(run)
        kept = keeper.load("cpu")
        assert kept.layers == [found]
        assert kept.state is not None
        assert torch.equal(kept.state.train, run.state.train)
        (file,) = keeper.archive.folder.iterdir()
        if harm == "lost":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:-1] + b"x")
        again = keeper.load("cpu")
        assert again.layers == []
        assert again.state is not None
        assert again.state.layer == 0


def test_what_is_kept_goes_when_the_run_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "found.svg"
    assert main(["rfm", "--samples", "100", "--width", "32", "--depth", "2", "--plot", str(picture)]) == 0
    assert picture.read_text().startswith("<?xml")
    assert not list((tmp_path / "store" / "rfm").iterdir())
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["layer", "1", "2", "output"]


BAD: dict[str, tuple[list[str], str]] = {
    "kernel": (["--kernel", "cauchy"], "a kernel is one of laplace, gaussian, got 'cauchy'"),
    "map": (["--map", "tanh"], "a feature map is one of relu, cosine, linear, got 'tanh'"),
    "bandwidth": (["--bandwidth", "0"], "a bandwidth is positive, got 0.0"),
    "nan": (["--bandwidth", "nan"], "a bandwidth is positive, got nan"),
    "samples": (["--samples", "1798"], "--samples must be from 5 to the 1797 that there are, got 1798"),
    "a class": (["--samples", "9"], "none of the 8 samples for training; take more --samples"),
    "ridge": (["--ridge", "inf"], "ridge ≥ 0 and frequency > 0 are finite, got inf and 0.05"),
    "frequency of no cosine": (["--frequency", "0.1"], "without --map cosine it changes nothing, and --map is relu"),
    "frequency": (["--map", "cosine", "--frequency", "nan"], "ridge ≥ 0 and frequency > 0 are finite, got 0.0 and nan"),
    "device": (["--device", "tpu"], "--device is auto, cpu or cuda, got tpu"),
    "memory": (["--width", "10000000"], "takes about"),
    "picture": (["--plot", "a.pdf"], "--plot needs a file that ends in .svg or .png, got a.pdf"),
    "threads": (["--samples", "60", "--threads", "1000000"], "on this machine, got 1000000"),
    "folder": (["--json", "nowhere/found.json"], "--json nowhere/found.json: cannot be written"),
    "data": (["--data", "nowhere"], "--data nowhere: there is no such file; expected digits, or MNIST's IDX files"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    given, said = BAD[name]
    assert main(["rfm", *given]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert len(err.splitlines()) == 1
    assert not out


def test_memory_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*given: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 80000000000 bytes.")

    monkeypatch.setattr(layers, "step", full)
    assert main(["rfm", "--samples", "100"]) == 2
    assert "the device ran out of memory" in capsys.readouterr().err


def test_any_seed_and_hardly_any_features(capsys: pytest.CaptureFixture[str]) -> None:
    """One feature, which is 0 for most samples: classes coincide, and metrics that are 0/0 are null."""
    assert main(["rfm", "--samples", "60", "--width", "1", "--depth", "3", "--seed", str(10**20), "--json", "-"]) == 0
    assert len(json.loads(capsys.readouterr().out)["layers"]) == 3


def test_the_picture_has_a_line_for_each_metric() -> None:
    found = [layer for layer, _ in deep_rfm(task(), Settings(width=20, depth=2), start(task()))]
    lines = layer_metrics(found).axes[0].lines
    assert list(lines[0].get_ydata()) == [layer.nc1["x"] for layer in found]
    assert len(lines) == 6


def test_the_output_is_right_on_what_it_was_fitted_to() -> None:
    *_, (_, last) = deep_rfm(task(), Settings(width=20, depth=2), start(task()))
    assert output(task(), Settings(width=20, depth=2), last)["train_accuracy"] == 1


def test_a_spectrum_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    X = torch.eye(3, dtype=torch.float64)[:, [0, 0, 1, 2]]
    Y = torch.tensor([[1.0, 1.0, -1.0, -1.0]], dtype=torch.float64)
    for ridge in (0.0, 0.1):
        assert fit(Kernel("laplace", 2.0), X, Y, blocks((2, 2)), ridge).rank == (4 if ridge else 3)
    monkeypatch.setattr(machine, "MOST_MEMORY", 0.0)
    assert fit(Kernel("laplace", 2.0), X, Y, blocks((2, 2)), 0.1).rank == 4
    with pytest.raises(BadInput, match=r"matrix is singular; its spectrum \(take a --ridge\) takes about"):
        fit(Kernel("laplace", 2.0), X, Y, blocks((2, 2)))


def test_two_runs_of_the_same_settings_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Each may write, and remove what the other has written, at any moment; a place that is gone is no place."""
    with Store(tmp_path) as store:
        one, other = (Archive(store, "counts", {"to": 9}) for _ in range(2))
        one.save(1, {"at": 1}, {"x": np.ones(1)})
        other.save(2, {"at": 2}, {"x": np.ones(2)})
        one.save(1, {"at": 1}, {"x": np.ones(1)})
        found = other.load()
        assert found is not None
        assert found[0] == {"at": 1}
        for file in other.folder.iterdir():
            file.unlink()
        assert one.load() is None
        assert [file.suffix for file in one.folder.iterdir()] == []


def test_a_bar_stands_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with bar("layers", 2) as done:
        done(1)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(report, "console", lambda stderr: Console(stderr=True, force_terminal=True, width=80))
    with bar("layers", 2) as done:
        done(1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "layers" in err


@pytest.mark.parametrize("far", [["--bandwidth", "1e-300"], ["--bandwidth", "1e300"], ["--ridge", "1e300"]])
def test_kernels_beyond_floats_are_refused(far: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rfm", "--samples", "60", "--width", "8", *far]) == 2
    said = "the AGOP of layer 1 has no numbers: --bandwidth or --ridge is beyond what floats hold"
    assert capsys.readouterr().err == f"collapse: {said}\n"
