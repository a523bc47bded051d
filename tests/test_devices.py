"""Where tensors are made: with their data, wherever that is, never on a default device.

By default tensors go to ``meta`` here, on which nothing can be computed: one that is made without naming a device
either meets one of the processor's, which is an error, or shows in what comes out.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from theory import UnconstrainedFeatures as Model
from theory.claims import GlobalMinimum, Inequality
from theory.ops import constant, frobenius_norm, operator_norm
from theory.statement import Instance
from verify import attacks
from verify.attacks import attack_on
from verify.cli import main
from verify.curvature.alignment import alignment
from verify.curvature.compression import largest_in_all_factors
from verify.curvature.eigensolver import largest
from verify.curvature.operators import Curvature
from verify.curvature.points import Place
from verify.curvature.spectrum import spectra, spectra_of_parts
from verify.empirical.data import digits
from verify.empirical.networks.extractors import Mlp, ResNet
from verify.empirical.networks.network import Network
from verify.empirical.networks.subset import subset
from verify.empirical.networks.training import Loss, Schedule, course
from verify.empirical.networks.weight_decay import WeightDecay
from verify.engines import Settings
from verify.verdict import Unable

MODEL = Model(class_sizes=(3, 3), depth=2, widths=(4, 5), decays="1/50")
MODELS = {
    "linear": MODEL,
    "relu": MODEL.with_(activation="relu"),
    "bias": MODEL.with_(bias="last-layer"),
    "cross-entropy": MODEL.with_(loss="ce"),
}


def somewhere(model: Model) -> Place:
    """A random point."""
    generator = torch.Generator().manual_seed(0)
    shapes = {f"W_{m}": shape for m, shape in enumerate(model.weight_shapes, start=1)}
    shapes |= {"H": (model.widths[0], model.N)} | ({"b": (model.K, 1)} if model.has_bias else {})
    return Place("", {n: torch.randn(s, generator=generator, dtype=torch.float64) for n, s in shapes.items()})


@pytest.mark.parametrize("name", MODELS)
def test_curvature_lives_where_its_point_does(name: str) -> None:
    model = MODELS[name]
    place = somewhere(model)
    with torch.device("meta"):
        curvature = Curvature(model, place.factors)
        assert {curvature.layer(1).device, curvature.full().device} == {torch.device("cpu")}
        assert largest_in_all_factors(curvature, 9).values.isfinite().all()
        assert all(found.residual < 1e-9 for found in spectra(model, place, [1, 2], regularised=True))
        assert all(found.residual < 1e-9 for found in spectra_of_parts(model, place, [1, 2]))
        assert alignment(curvature, 2).eigenvalues.isfinite().all()


def test_block_lanczos_lives_where_its_operator_does() -> None:
    curvature = Curvature(MODEL, somewhere(MODEL).factors)
    with torch.device("meta"):
        assert float(largest(curvature.full(), 2, dense=0).residuals.max()) < 1e-9


@pytest.mark.parametrize("extractor", [Mlp(64, (5,), "gelu"), ResNet((1, 8, 8), (3, 4), "gelu")])
@pytest.mark.parametrize("kind", [Loss, WeightDecay])
def test_training_lives_where_its_network_does(kind: type[Loss], extractor: Mlp | ResNet) -> None:
    images, _ = subset(digits(), MODEL.class_sizes, 0)
    loss = kind(Network(extractor, MODEL, 0, bias=kind is Loss), images, MODEL)
    loss.value_and_gradient(loss.start().parameters)  # the formula's constants are made once
    with torch.device("meta"):
        *_, last = course(loss, Schedule(3, 2, 1e-3))
        assert loss.value_and_gradient(last.parameters)[0] > 0
        if isinstance(loss, WeightDecay):
            assert loss.kernel_norm(last.parameters) > 0


@pytest.mark.parametrize(
    "command",
    [["train", "--sizes", "3,3", "--decay", "1/9"], ["rfm"], ["spectrum", "--sizes", "3,3", "--decay", "1/9"]],
)
def test_a_device_that_is_not_there_is_said(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device, said in (("cuda", "torch finds no CUDA device"), ("tpu", "--device is auto, cpu or cuda, got tpu")):
        assert main([*command, "--device", device]) == 2
        out, err = capsys.readouterr()
        assert said in err
        assert (out, err.count("\n")) == ("", 1)


def test_the_refuter_says_that_a_device_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device, said in (
        ("cuda", "torch finds no CUDA device"),
        ("tpu", "device must be one of auto, cpu, cuda, got 'tpu'"),
    ):
        assert main(["check", str(tmp_path / "mine.py"), "--device", device]) == 2
        assert said in capsys.readouterr().err


def test_the_refuter_descends_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attack has the device; that the points are there, a machine with a second one shows (test_cuda.py)."""
    told = []

    def examine(instance: Instance, settings: Settings) -> None:
        told.append(settings.device)
        raise Unable("not here")

    monkeypatch.setattr(attacks, "load", lambda name: SimpleNamespace(examine=examine))
    claim = Inequality(lambda X: operator_norm(X), lambda X: frobenius_norm(X), X=(2, 2))
    attack = attack_on(claim, {}, device="cuda")
    attack.run(Instance(claim), 0, 0.1)
    assert set(told) == {"cuda"}
    model = Model(class_sizes=(2, 2, 2), depth=4, widths=3, decays="1/50", activation="relu")
    deep = attack_on(GlobalMinimum(model, constant(1)), {}, device="cuda")
    assert isinstance(deep, attacks.RivalSearch)
    assert deep.device == "cuda"
