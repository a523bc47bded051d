"""The command ``collapse train``: a network on data, held at each checkpoint against the predicted optimum."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify import calculator as options
from verify.errors import BadInput
from verify.pictures.files import require_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from theory.model import UnconstrainedFeatures
    from verify.empirical.data import Samples
    from verify.empirical.networks.extractors import Extractor, Mlp, ResNet
    from verify.empirical.networks.keeping import Keeper, Run
    from verify.empirical.networks.network import Network
    from verify.empirical.networks.training import Loss, Schedule, State, Vector

MOST_PARAMETERS = 5_000_000
"""L-BFGS remembers a hundred vectors of this length: 4 GB."""
SMALLEST = Fraction(1, 10**30)
"""A decay: products of as many as a head may have layers stay within floats."""
DIVERGED = 1e6
"""Times the loss at the start: steps of a useful length don't leave a random start by that much, nor come back."""


def train(
    sizes: Annotated[str, typer.Option(metavar="N_1,N_2,…", help="Samples of each class; 10*50 is 50 of each of ten.")],
    data: Annotated[
        str, typer.Option(metavar="digits|PATH", help="Images: MNIST's, SVHN's or CIFAR-10's files, or .npz with X, y.")
    ] = "digits",
    widths: Annotated[
        str,
        typer.Option(
            metavar="D_1,D_2,…", help="Of the extractor's layers (channels, resnet); the last is the features'."
        ),
    ] = "256,256,32",
    extractor: Annotated[
        str, typer.Option(metavar="mlp|resnet", help="Fully connected, or residual with convolutions.")
    ] = "mlp",
    extractor_activation: Annotated[
        str, typer.Option(metavar="gelu|relu|tanh|smooth-leaky", help="Of its hidden layers.")
    ] = "gelu",
    layers: Annotated[int, typer.Option("--linear-layers", metavar="M", help="Layers of the head.")] = 1,
    activation: Annotated[str, typer.Option(metavar="linear|relu", help="Between the head's layers.")] = "linear",
    penalty: Annotated[
        str, typer.Option(metavar="features|weights", help="Decay on features and head, or on all weights (no biases).")
    ] = "features",
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
        str | None, typer.Option(metavar="FILE", help="Draw the end: Gram matrices, or singular values.")
    ] = None,
    curves: Annotated[str | None, typer.Option(metavar="FILE", help="Draw loss and metrics along the steps.")] = None,
) -> None:
    """Train a network, and hold it against what is predicted.

    The objective is 1/(2N) ‖W_M ⋯ W_1 H − Y‖² + Σ λ_m/2 ‖W_m‖² + λ_H/2 ‖H‖², H the extractor's features; the
    extractor has no decay of its own. With --penalty weights it is ½ ‖Z − Y‖² + λ/2 ‖θ‖², as in Jacot et al. 2024, and
    what is shown are the hypotheses and bounds of their Theorem B.1; the extractor's last layer is linear too, so that
    there is one linear layer more than --linear-layers.
    """
    from verify.empirical import machine
    from verify.empirical.data import read
    from verify.empirical.networks.keeping import Keeper
    from verify.empirical.networks.network import Network
    from verify.empirical.networks.subset import subset
    from verify.empirical.networks.training import Schedule
    from verify.settings import MAX_DEPTH, build_model, parse_integers
    from verify.store import Store

    options.require_writable(json)
    for picture, name in ((plot, "--plot"), (curves, "--curves")):
        if picture is not None:
            require_picture(picture, name)
    if penalty not in ("features", "weights"):
        raise BadInput(f"--penalty is features or weights, got {penalty}")
    if not (isfinite(rate) and rate > 0):
        raise BadInput(f"--rate must be positive, got {rate}")
    if activation == "relu" and layers == 1:
        raise BadInput("--activation relu stands between layers of the head; take --linear-layers of 2 or more")
    if not 1 <= layers <= MAX_DEPTH:
        raise BadInput(f"--linear-layers must be a positive integer up to {MAX_DEPTH}, got {layers}")
    class_sizes, (*hidden, d) = parse_integers(sizes, "--sizes"), parse_integers(widths, "--widths")
    model = build_model(class_sizes, layers, decay, weight_decays, feature_decay, (d,), activation=activation)
    _require_floats(model)
    if penalty == "weights":
        _require_wide(model, weight_decays)
    place, schedule = machine.device(device), Schedule(steps, adam, rate)
    samples = read(data)
    images, _ = subset(samples, class_sizes, seed)
    features = _extractor(extractor, samples, tuple(hidden), extractor_activation)
    _require_feasible(features, model)
    settings = {
        "model": model.to_json(),
        "extractor": {"kind": extractor, **vars(features), "seed": seed},
        "schedule": vars(schedule),
        "penalty": penalty,
    }
    small = "take fewer samples, or smaller --widths"
    with machine.threads(threads), machine.fitting(small), Store() as store:
        network = Network(features, model, seed, bias=penalty == "features")
        view = _view(penalty, network, images, model, place, features)
        show = partial(typer.echo, err=json == "-")
        run = finished(view, schedule, Keeper(store, settings, images), fresh, show)
    if json is not None:
        options.write({"data": data, **settings, **view.predicted, "checkpoints": run.looks}, json)
    _draw(view, run, f"{view.title if penalty == 'weights' else model}, {data}", plot, curves)


@dataclass(frozen=True)
class View:
    """What is looked at along a run, and how it is shown."""

    loss: Loss
    title: str
    heads: Sequence[str]
    look: Callable[[State], dict[str, Any]]
    row: Callable[[dict[str, Any]], Sequence[str]]
    summary: Callable[[Sequence[dict[str, Any]]], Iterator[str]]
    at_end: Callable[[Sequence[dict[str, Any]], str], Figure]
    along: Callable[[Sequence[dict[str, Any]], str], Figure]
    predicted: dict[str, Any]


def _view(
    penalty: str, network: Network, images: Vector, model: UnconstrainedFeatures, place: str, extractor: Extractor
) -> View:
    """Features and head beside the optimum, or the hypotheses and bounds on a network with decay on all weights."""
    from verify import pictures
    from verify.empirical.networks import figures, tables, wide
    from verify.empirical.networks.looks import Head
    from verify.empirical.networks.training import Loss
    from verify.empirical.networks.weight_decay import WeightDecay

    if penalty == "weights":
        decayed = WeightDecay(network, images, model, place)
        shown = wide.title(extractor, model), wide.HEADS, partial(wide.look, decayed), wide.row, wide.summary
        return View(decayed, *shown, figures.balance, pictures.bounds_course, {})
    loss, head = Loss(network, images, model, place), Head(model)

    def look(state: State) -> dict[str, Any]:
        return head.look(state, loss.factors(state.parameters), loss.value_and_gradient(state.parameters)[0])

    def along(looks: Sequence[dict[str, Any]], source: str) -> Figure:
        return pictures.training_course(looks, head.lines, source)

    listed = (
        options.short(str(model)),
        tables.heads(head),
        look,
        partial(tables.row, head),
        partial(tables.summary, head),
    )
    known = {"lines": head.lines, "predicted": head.predicted}
    return View(loss, *listed, partial(figures.at_end, model), along, known)


def finished(view: View, schedule: Schedule, keeper: Keeper, fresh: bool, show: Callable[[str], None]) -> Run:
    """The whole run, from where it was; each checkpoint is shown and kept when it is reached."""
    from verify.empirical.networks.keeping import Run
    from verify.empirical.networks.tables import line
    from verify.empirical.networks.training import course
    from verify.empirical.progress import bar

    run = Run() if fresh else keeper.load()
    show(view.title)
    show(line(view.heads))
    for look in run.looks:
        show(line(view.row(look)))
    with bar("steps", schedule.steps) as done:
        for state in course(view.loss, schedule, run.state):
            _require_course(view.loss.value_and_gradient(state.parameters)[0], run, state.step)
            run.looks.append(view.look(state))
            run.state = state
            keeper.save(run)
            show(line(view.row(run.looks[-1])))
            done(state.step)
    for text in ("", *view.summary(run.looks)):
        show(text)
    return run


def _require_course(value: float, run: Run, step: int) -> None:
    first = run.looks[0]["loss"] if run.looks else value
    if not (isfinite(value) and value <= DIVERGED * first):
        raise BadInput(f"training has diverged by step {step}; take a smaller --rate")


def _require_floats(model: UnconstrainedFeatures) -> None:
    if not all(SMALLEST <= decay <= 1 / SMALLEST for decay in (*model.weight_decays, model.feature_decay)):
        raise BadInput(f"decays of a network that is trained are from {float(SMALLEST):g} to {float(1 / SMALLEST):g}")


def _require_wide(model: UnconstrainedFeatures, weight_decays: str | None) -> None:
    if not model.balanced or not model.is_linear or weight_decays is not None:
        raise BadInput("--penalty weights is for classes of equal size, a linear head and one --decay")


def _extractor(kind: str, samples: Samples, hidden: tuple[int, ...], activation: str) -> Mlp | ResNet:
    """What ``--extractor`` names, on the samples' images."""
    from verify.empirical.networks.extractors import ACTIVATIONS, Mlp, ResNet

    if activation not in ACTIVATIONS:
        raise BadInput(f"--extractor-activation is one of {', '.join(ACTIVATIONS)}, got {activation}")
    if kind == "mlp":
        return Mlp(len(samples.images), hidden, activation)
    if kind != "resnet":
        raise BadInput(f"--extractor is mlp or resnet, got {kind}")
    if samples.shape is None:
        raise BadInput(
            "--extractor resnet needs images: X (N × rows × columns), or (N × channels × rows × columns, 1 or 3)"
        )
    if not hidden:
        raise BadInput("--extractor resnet needs the channels of a stage, too, before the features' width in --widths")
    return ResNet(samples.shape, hidden, activation)


def _require_feasible(extractor: Extractor, model: UnconstrainedFeatures) -> None:
    head = sum(rows * columns for rows, columns in model.weight_shapes)
    parameters = extractor.parameters(model.widths[0]) + head
    if parameters > MOST_PARAMETERS:
        raise BadInput(f"such --widths make {parameters} parameters; at most {MOST_PARAMETERS} are trained")


def _draw(view: View, run: Run, source: str, plot: str | None, curves: str | None) -> None:
    from verify.pictures import save

    if plot is not None:
        save(view.at_end(run.looks, source), plot, "--plot")
    if curves is not None:
        save(view.along(run.looks, f"{source}."), curves, "--curves")
