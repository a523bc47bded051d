"""The command ``collapse train``: a network on data, held at each checkpoint against the predicted optimum."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify import calculator as options
from verify.errors import BadInput
from verify.pictures.files import require_picture

if TYPE_CHECKING:
    from theory.model import UnconstrainedFeatures
    from verify.empirical.networks.keeping import Keeper, Run
    from verify.empirical.networks.looks import Head
    from verify.empirical.networks.training import Loss, Schedule

MOST_PARAMETERS = 5_000_000
"""L-BFGS remembers a hundred vectors of this length: 4 GB."""


def train(
    sizes: Annotated[str, typer.Option(metavar="N_1,N_2,…", help="Samples of each class; 10*50 is 50 of each of ten.")],
    data: Annotated[
        str, typer.Option(metavar="digits|PATH", help="Images: MNIST's, SVHN's or CIFAR-10's files, or .npz with X, y.")
    ] = "digits",
    widths: Annotated[
        str, typer.Option(metavar="D_1,D_2,…", help="Of the extractor's hidden layers; the last is the features'.")
    ] = "256,256,32",
    extractor: Annotated[
        str, typer.Option(metavar="gelu|relu|tanh", help="Activation of the extractor's hidden layers.")
    ] = "gelu",
    layers: Annotated[int, typer.Option("--linear-layers", metavar="M", help="Layers of the head.")] = 1,
    activation: Annotated[str, typer.Option(metavar="linear|relu", help="Between the head's layers.")] = "linear",
    decay: options.Decay = None,
    weight_decays: options.WeightDecays = None,
    feature_decay: options.FeatureDecay = None,
    steps: Annotated[int, typer.Option(min=1, help="In all: Adam's first, then those of L-BFGS.")] = 1000,
    adam: Annotated[int, typer.Option(min=0, help="How many of them are Adam's.")] = 300,
    rate: Annotated[float, typer.Option(help="Length of Adam's steps.")] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples and of the start.")] = 0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where it is computed.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Of the processor.")] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore what a run that was stopped has kept.")] = False,
    json: options.Json = None,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw Gram matrices, or singular values (relu), at the end.")
    ] = None,
    curves: Annotated[str | None, typer.Option(metavar="FILE", help="Draw loss and metrics along the steps.")] = None,
) -> None:
    """Train a network on data, and hold features and head against the predicted optimum as it goes.

    The objective is 1/(2N) ‖W_M ⋯ W_1 H − Y‖² + Σ λ_m/2 ‖W_m‖² + λ_H/2 ‖H‖², H the extractor's features; the
    extractor has no decay of its own.
    """
    from verify.empirical import machine
    from verify.empirical.data import read
    from verify.empirical.networks.keeping import Keeper
    from verify.empirical.networks.looks import Head
    from verify.empirical.networks.network import ACTIVATIONS, Network
    from verify.empirical.networks.subset import subset
    from verify.empirical.networks.training import Loss, Schedule
    from verify.pool import one_thread
    from verify.settings import build_model, parse_integers
    from verify.store import Store

    for picture, name in ((plot, "--plot"), (curves, "--curves")):
        if picture is not None:
            require_picture(picture, name)
    if extractor not in ACTIVATIONS:
        raise BadInput(f"--extractor is one of {', '.join(ACTIVATIONS)}, got {extractor}")
    if not (isfinite(rate) and rate > 0):
        raise BadInput(f"--rate must be positive, got {rate}")
    if activation == "relu" and layers == 1:
        raise BadInput("--activation relu stands between layers of the head; take --linear-layers of 2 or more")
    class_sizes, (*hidden, d) = parse_integers(sizes, "--sizes"), parse_integers(widths, "--widths")
    model = build_model(class_sizes, layers, decay, weight_decays, feature_decay, (d,), activation=activation)
    place, schedule = machine.device(device), Schedule(steps, adam, rate)
    images, _ = subset(read(data), class_sizes, seed)
    _require_feasible(len(images), hidden, model)
    settings = {
        "model": model.to_json(),
        "extractor": {"hidden": hidden, "activation": extractor, "seed": seed},
        "schedule": vars(schedule),
    }
    with one_thread(), machine.threads(threads), Store() as store:
        loss = Loss(Network(len(images), hidden, model, extractor, seed), images, model, place)
        keeper = Keeper(store, settings, images)
        show = partial(typer.echo, err=json == "-")
        head = Head(model)
        run = finished(loss, head, schedule, keeper, fresh, show)
    if json is not None:
        options.write(plain(head, run, {"data": data, **settings}), json)
    _draw(head, run, plot, curves, data)


def finished(
    loss: Loss, head: Head, schedule: Schedule, keeper: Keeper, fresh: bool, show: Callable[[str], None]
) -> Run:
    """The whole run, from where it was; each checkpoint is shown and kept when it is reached."""
    from verify.empirical.networks.keeping import Run
    from verify.empirical.networks.tables import heads, row, summary
    from verify.empirical.networks.training import course

    run = Run() if fresh else keeper.load()
    show(options.short(str(head.model)))
    show(heads(head))
    for look in run.looks:
        show(row(head, look))
    for state in course(loss, schedule, run.state):
        factors, (value, _) = loss.factors(state.parameters), loss.value_and_gradient(state.parameters)
        if not isfinite(value):
            raise BadInput(f"training has diverged by step {state.step}; take a smaller --rate")
        run.looks.append(head.look(state, factors, value))
        run.state = state
        keeper.save(run)
        show(row(head, run.looks[-1]))
    for line in summary(head, run.looks[-1]):
        show(line)
    return run


def plain(head: Head, run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """A finished run as plain data."""
    predicted = {"lines": head.lines, "predicted": head.predicted}
    return {**settings, **predicted, "checkpoints": run.looks}


def _require_feasible(pixels: int, hidden: list[int], model: UnconstrainedFeatures) -> None:
    layers = [pixels, *hidden, *model.widths, model.K]
    parameters = sum(a * b for a, b in pairwise(layers))
    if parameters > MOST_PARAMETERS:
        raise BadInput(f"such --widths make {parameters} parameters; at most {MOST_PARAMETERS} are trained")


def _draw(head: Head, run: Run, plot: str | None, curves: str | None, data: str) -> None:
    import numpy as np

    from verify.pictures import gram_matrices, save, singular_values, training_course

    last = run.looks[-1]
    if plot is not None and head.model.is_linear:
        save(gram_matrices(head.model, {k: np.array(v) for k, v in last["grams"].items()}), plot, "--plot")
    elif plot is not None:
        layers = range(2, head.model.M + 1)
        found = {
            name: [np.diag(last[f"singular_values_{kind}_{layer}"]) for layer in layers]
            for name, kind in (("before the ReLU", "H"), ("behind it", "relu_H"))
        }
        names = [f"class means of $H_{layer}$" for layer in layers]
        save(singular_values(found, names, f"{head.model}, {data}, after {last['step']} steps."), plot, "--plot")
    if curves is not None:
        save(training_course(run.looks, head.lines, f"{head.model}, {data}."), curves, "--curves")
