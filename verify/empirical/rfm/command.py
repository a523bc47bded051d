"""The command ``collapse rfm``: Deep RFM on data, with the metrics of collapse at each layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Annotated

import typer

from verify import calculator as options
from verify.empirical import machine
from verify.empirical.progress import bar
from verify.errors import BadInput
from verify.pictures.files import require_picture

if TYPE_CHECKING:
    from verify.empirical.data import Task
    from verify.empirical.rfm.keeping import Keeper, Run
    from verify.empirical.rfm.layers import Layer, Settings

HEADS = ("layer", "NC1 of X", "of M½X", "of Φ(M½X)", "NC2 of X", "of M½X", "of Φ(M½X)", "train", "test")


def rfm(
    data: Annotated[
        str, typer.Option(metavar="digits|PATH", help="Images: MNIST's, SVHN's or CIFAR-10's files, or .npz with X, y.")
    ] = "digits",
    samples: Annotated[int, typer.Option(metavar="N", help="How many, drawn; a fifth of them is for the test.")] = 500,
    width: Annotated[int, typer.Option(min=1, help="Random features of each layer.")] = 512,
    depth: Annotated[int, typer.Option(min=1, help="Layers.")] = 12,
    kernel: Annotated[str, typer.Option(metavar="laplace|gaussian", help="Of the distance.")] = "laplace",
    bandwidth: Annotated[float, typer.Option(help="ℓ in exp(−‖x−z‖/ℓ), exp(−‖x−z‖²/(2ℓ²)).")] = 2.0,
    ridge: Annotated[float, typer.Option(min=0, help="γ in α = Y (K + γI)⁻¹.")] = 0.0,
    map: Annotated[str, typer.Option("--map", metavar="relu|cosine|linear", help="The feature map Φ.")] = "relu",
    frequency: Annotated[
        float | None, typer.Option(help="Of cosine features: the scale of Cauchy frequencies, .05 where none is given.")
    ] = None,
    no_agop: Annotated[bool, typer.Option("--no-agop", help="M = I: the control without the AGOP.")] = False,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where it is computed.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Of the processor.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples and of all random features.")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore what a run that was stopped has kept.")] = False,
    json: options.Json = None,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Draw the metrics, as .svg or .png.")] = None,
) -> None:
    """Deep recursive feature machines: neural collapse by layer.

    They learn features from data by kernel regression alone.
    """
    from verify.empirical.data import read, split
    from verify.empirical.rfm.keeping import Keeper, plain
    from verify.empirical.rfm.layers import Settings
    from verify.store import Store

    options.require_writable(json)
    if plot is not None:
        require_picture(plot, "--plot")
    if frequency is not None and map != "cosine":
        raise BadInput(
            f"--frequency is of cosine features; without --map cosine it changes nothing, and --map is {map}"
        )
    scale = Settings.frequency if frequency is None else frequency
    try:
        settings = Settings(width, depth, kernel, bandwidth, ridge, map, scale, not no_agop, seed)
    except ValueError as error:
        raise BadInput(str(error)) from None
    place = machine.device(device)
    task = split(read(data), samples, seed)
    _require_memory(task, settings, place)
    show = partial(typer.echo, err=json == "-")
    small = "take fewer --samples, or a smaller --width"
    with machine.threads(threads), machine.fitting(small), Store() as store:
        run = _finished(task, settings, Keeper(store, task, settings), place, fresh, show)
    if json is not None:
        options.write(plain(run, {"data": data, "samples": samples, **settings.to_json()}), json)
    if plot is not None:
        from verify.pictures import layer_metrics, save

        save(layer_metrics(run.layers, f"Deep RFM, {samples} samples of {data}, {kernel} kernel, {map} map."), plot)


def _finished(
    task: Task, settings: Settings, keeper: Keeper, device: str, fresh: bool, show: Callable[[str], None]
) -> Run:
    """The whole run, from where it was; each layer is kept and shown when it is done."""
    from verify.empirical.rfm.layers import deep_rfm, output

    run = keeper.load(device, fresh)
    show(row(HEADS))
    for layer in run.layers:
        show(line(layer))
    if run.state is not None and run.output is None:
        with bar("layers", settings.depth) as done:
            done(len(run.layers))
            for layer, state in deep_rfm(task, settings, run.state):
                _require_numbers(layer)
                run.layers.append(layer)
                run.state = state
                keeper.save(run)
                show(line(layer))
                done(len(run.layers))
            run.output = output(task, settings, run.state)
            keeper.save(run)
    if run.output is not None:
        show(row(("output", *[""] * 6, *(f"{run.output[part]:.3f}" for part in ("train_accuracy", "test_accuracy")))))
    return run


def _require_numbers(layer: Layer) -> None:
    """Reject an AGOP that is 0 or no number, where the kernel or its fit has left the range of floats.

    Raises:
        BadInput: naming the layer.
    """
    if isfinite(layer.nc1["x"]) and not isfinite(layer.nc1["mx"]):
        raise BadInput(
            f"the AGOP of layer {layer.layer} has no numbers: --bandwidth or --ridge is beyond what floats hold"
        )


def line(layer: Layer) -> str:
    """One layer for people."""
    numbers = (f"{value:.2e}" for found in (layer.nc1, layer.nc2) for value in found.values())
    shares = (f"{value:.3f}" for value in (layer.train_accuracy, layer.test_accuracy))
    return row((str(layer.layer), *numbers, *shares))


def row(cells: tuple[str, ...]) -> str:
    """A row of the table.

    >>> row(("1", "2.00e-01"))
    '     1    2.00e-01'
    """
    return "  ".join([cells[0].rjust(6), *(cell.rjust(10) for cell in cells[1:])])


def _require_memory(task: Task, settings: Settings, device: str) -> None:
    """Reject what would not fit: one N × N matrix, eight blocks of it, and features; measured runs took no more."""
    from verify.empirical.rfm.regression import BLOCK

    N, d = len(task.labels), max(settings.width, task.train.shape[0])
    needed = 8 * (N * (N + 8 * min(BLOCK, N)) + 6 * d * (N + d))
    machine.require_memory(needed, device, f"a run on {N} samples for training at width {d} (take fewer --samples)")
