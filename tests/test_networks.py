"""Trained networks: measured against the optimum of the same normalisation; a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory import UnconstrainedFeatures as Model
from theory import optimum
from verify.cli import main
from verify.empirical.data import digits
from verify.empirical.networks.keeping import Keeper, Run
from verify.empirical.networks.looks import Head
from verify.empirical.networks.network import Network
from verify.empirical.networks.subset import subset
from verify.empirical.networks.training import Loss, Schedule, State, course
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
    return Loss(Network(len(images), (7,), model, "gelu", seed), images, model), images


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
        (file,) = (tmp_path / "networks").glob(f"{kept.key}-*.npz")
        file.write_bytes(file.read_bytes()[:-1])
        assert kept.load() == Run()


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
    "no such extractor": ({"extractor": "cnn"}, "--extractor is one of gelu, relu, tanh, got cnn"),
    "no rate": ({"rate": 0}, "--rate must be positive, got 0.0"),
    "no ReLU": ({"activation": "relu", "linear-layers": 1}, "take --linear-layers of 2 or more"),
    "no steps": ({"steps": 0}, "steps"),
    "no width": ({"widths": ""}, "--widths must be positive integers"),
    "too wide": ({"widths": "100000,100"}, "at most 5000000 are trained"),
    "no such device": ({"device": "tpu"}, "--device is auto, cpu or cuda, got tpu"),
    "no such data": ({"data": "nowhere"}, "nowhere"),
    "no picture": ({"plot": "a.pdf"}, "--plot needs a file that ends in .svg or .png"),
    "a rate that diverges": ({"rate": 1e200}, "training has diverged by step 10; take a smaller --rate"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path))
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


def test_a_subset_is_standardised_and_sorted() -> None:
    images, labels = subset(digits(), (30, 20, 10), seed=1)
    assert labels.tolist() == [0] * 30 + [1] * 20 + [2] * 10
    deviations = images.std(axis=1)
    assert np.abs(images.mean(axis=1)).max() < 1e-14
    assert all(abs(x) < 1e-14 or abs(x - 1) < 1e-14 for x in deviations)
    assert not np.array_equal(images, subset(digits(), (30, 20, 10), seed=2)[0])
    with pytest.raises(BadInput, match="of which the data have"):
        subset(digits(), (30, 999), seed=0)
