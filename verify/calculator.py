"""The commands ``collapse optimum`` and ``collapse measure``: the closed form in one's own setting."""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify import files
from verify.errors import BadInput
from verify.pictures.files import require_picture

if TYPE_CHECKING:
    from theory.closed_form.geometry import Number
    from theory.closed_form.optimum import Optimum
    from theory.model import UnconstrainedFeatures
    from verify.measure import Measurement

MAX_DENSE = 2000
"""Most classes for dense rows: three matrices of four million entries."""
LEAST_GAIN = 1e-9
"""What is less below collapse, relative to it, may be rounding."""
MAX_ROWS = 16
"""Most groups of classes in the table for people; JSON holds all."""

Decay = Annotated[
    str | None, typer.Option(help="One decay λ for all weights and the features: 1/2000, 0.0005 and 5e-4 are the same.")
]
WeightDecays = Annotated[
    str | None, typer.Option(metavar="A,B,…", help="Decays of W_1, …, W_M, or one for all; with --feature-decay.")
]
FeatureDecay = Annotated[str | None, typer.Option(metavar="X", help="Decay of the features; with --weight-decays.")]
Convention = Annotated[
    str,
    typer.Option(
        metavar="1/(2N)|1/(2NK)|sum",
        help="Your objective: 1/(2N)‖·‖² (theory), 1/(2NK)‖·‖² (mean over entries, halved) or ½‖·‖² (sum), each plus "
        "λ/2 ‖·‖² for every factor. Decays and reported objectives are in it, converted exactly "
        "(λ becomes Kλ or λ/N, the objective is divided by K or multiplied by N).",
    ),
]
Sizes = Annotated[str, typer.Option(metavar="N_1,N_2,…", help="Class sizes; 4*100 is four classes of 100.")]
Depth = Annotated[int, typer.Option(metavar="M", help="Number of weight matrices after the free features.")]
Widths = Annotated[
    str | None,
    typer.Option(metavar="D_1,…", help="Widths from the features up, or one for all; default: number of classes."),
]
Loss = Annotated[str, typer.Option(help="mse, ce (cross-entropy), label-smoothing or focal.")]
Features = Annotated[str, typer.Option(help="free, or nonnegative.")]
Alpha = Annotated[str | None, typer.Option(help="Of label smoothing: 0 ≤ α < 1.")]
Gamma = Annotated[str | None, typer.Option(help="Of the focal loss: 0 ≤ γ ≤ 100.")]
BiasDecay = Annotated[str | None, typer.Option(help="Decay of the last-layer bias.")]
Bias = Annotated[str, typer.Option(help="none, or last-layer (not regularised).")]
Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write JSON to a file; - is standard output.")]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Draw what is predicted, as .svg or .png.")]


def optimum(
    sizes: Sizes,
    depth: Depth = 1,
    decay: Decay = None,
    weight_decays: WeightDecays = None,
    feature_decay: FeatureDecay = None,
    widths: Widths = None,
    loss: Loss = "mse",
    features: Features = "free",
    alpha: Alpha = None,
    gamma: Gamma = None,
    bias_decay: BiasDecay = None,
    activation: Annotated[str, typer.Option(help="linear, or relu (bounds, equal for two classes).")] = "linear",
    bias: Bias = "none",
    convention: Convention = "1/(2N)",
    json: Json = None,
    dense: Annotated[bool, typer.Option("--dense", help="Write whole matrices to the JSON.")] = False,
    search: Annotated[float, typer.Option(min=0, help="With relu: seconds to look for weights below collapse.")] = 3.0,
    plot: Plot = None,
) -> None:
    """The global minimum in your setting, in closed form.

    Its value, logits and norms, and which classes collapse to zero.
    """
    from theory.closed_form.optimum import has_closed_form
    from theory.closed_form.optimum import optimum as closed_form

    model = model_from(
        *(sizes, depth, decay, weight_decays, feature_decay, widths, loss, features, alpha, gamma, bias_decay),
        *(activation, bias, convention),
    )
    if dense and model.K > MAX_DENSE:
        raise BadInput(f"--dense is for at most {MAX_DENSE} classes, got {model.K}")
    if plot is not None:
        _draw(model, plot)
    if not (model.is_quadratic or has_closed_form(model)):
        _other_loss(model, json)
        return
    if not model.is_linear:
        _bounds(model, convention, json, search)
        return
    best = closed_form(model)
    if json is not None:
        write(best.to_json(dense=dense, convention=convention), json)
    if json != "-":
        _print_optimum(best, convention)


def model_from(
    sizes: str,
    depth: int,
    decay: str | None,
    weight_decays: str | None,
    feature_decay: str | None,
    widths: str | None,
    loss: str,
    features: str,
    alpha: str | None,
    gamma: str | None,
    bias_decay: str | None,
    activation: str,
    bias: str,
    convention: str,
) -> UnconstrainedFeatures:
    """The model of the options that commands have in common, in the convention 1/(2N).

    Raises:
        BadInput: naming the option that is wrong.
    """
    from verify.settings import build_model, parse_integers

    class_sizes = parse_integers(sizes, "--sizes")
    layer_widths = () if widths is None else parse_integers(widths, "--widths")
    return build_model(
        *(class_sizes, depth, decay, weight_decays, feature_decay, layer_widths, loss, activation, bias, convention),
        features=features,
        options={"alpha": alpha, "gamma": gamma, "bias_decay": bias_decay},
    )


def _draw(model: UnconstrainedFeatures, path: str) -> None:
    """Write a picture of the predicted Gram matrices."""
    from verify.pictures import gram_matrices, save

    require_picture(path, "--plot")
    try:
        figure = gram_matrices(model)
    except ValueError as error:
        raise BadInput(f"--plot: {error}") from None
    save(figure, path, "--plot")


def _other_loss(model: UnconstrainedFeatures, json: str | None) -> None:
    """The certified enclosure for another loss, and the closed form where one is proved."""
    from verify.checker import Rejected
    from verify.enclosures import enclose

    try:
        found = enclose(model)
    except (OverflowError, ZeroDivisionError):
        raise BadInput("no bounds are found: such decays or sizes leave the range of double precision") from None
    except Rejected as reason:
        raise BadInput(f"no bounds are found for such numbers ({reason})") from None
    if json is not None:
        write(found.to_json(), json)
    if json == "-":
        return
    typer.echo(f"{short(str(model))}\n")
    for line in found.lines():
        typer.echo(line)


def _bounds(model: UnconstrainedFeatures, convention: str, json: str | None, seconds: float) -> None:
    """The best bounds known on the minimum with ReLU layers: in closed form, and from exact weights found now."""
    from theory.arithmetic.intervals import Interval
    from theory.closed_form.optimum import convention_factor
    from theory.closed_form.relu import enclosed
    from verify.enclosures import decimal

    try:
        known = enclosed(model)
    except ValueError as error:
        raise BadInput(f"--activation relu: {error}") from None
    scale = 1 / convention_factor(convention, model.class_sizes)
    upper, below = known.upper, None
    if not known.is_exact and seconds and min(model.widths) >= model.K:
        below = _below_collapse(model, seconds)
        upper = upper if below is None else Interval.exact(below)
    low, high = known.lower.low * scale, upper.high * scale
    zero = Interval.exact(Fraction(scale, 2))
    data = {
        "objective": decimal(high, up=True),
        "radius": decimal(high - low, up=True),
        "lower": decimal(low, up=False),
        "upper": decimal(high, up=True),
        "zero_objective": zero.decimal(30),
        **dict.fromkeys(("trivial", "unique", "note", "logits", "weights_gram", "features_gram", "classes", "bias")),
        "assumptions": list(known.assumptions),
    }
    if json is not None:
        write(data, json)
    if json == "-":
        return
    typer.echo(f"{short(str(model))}\n")
    typer.echo(f"at most   {data['upper']}   {'exact weights below collapse' if below is not None else 'collapse'}")
    typer.echo(f"at least  {data['lower']}")
    typer.echo(f"at zero   {data['zero_objective']}\n")
    for assumption in known.assumptions:
        typer.echo(f"The lower bound rests on: {assumption}.")


def _below_collapse(model: UnconstrainedFeatures, seconds: float) -> Fraction | None:
    """The exact objective at the lowest weights that are found in the time, or None where none are below collapse."""
    from theory.arithmetic.floats import to_float
    from theory.frames import deep_neural_collapse
    from verify import checker
    from verify.attacks import lowest_point

    point, value = lowest_point(model, seconds)
    if value >= float(to_float(deep_neural_collapse(model))) * (1 - LEAST_GAIN):
        return None
    checker.Budget.left = checker.Budget.MOST
    return checker.model_objective(checker.Model(model.to_json(), plain=False), point).high


def measure(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="Arrays H (d×N), W_1 … W_M, maybe b, and labels.")],
    decay: Decay = None,
    weight_decays: WeightDecays = None,
    feature_decay: FeatureDecay = None,
    convention: Convention = "1/(2N)",
    json: Json = None,
) -> None:
    """Your own weights and features against their optimum.

    Shown are the loss, NC metrics by layer, and distances.

    The file holds labels y (N integers from 0) or class_sizes (columns of H sorted by class); a vector b makes it the
    model with a last-layer bias. Decays come from the options, or as text from arrays decay, or weight_decays and
    feature_decay.
    """
    from verify.measure import load_checkpoint
    from verify.measure import measure as hold_against
    from verify.settings import build_model

    checkpoint = load_checkpoint(file)
    given = {"decay": decay, "weight_decays": weight_decays, "feature_decay": feature_decay}
    decays: Mapping[str, str | None] = given
    if all(value is None for value in given.values()):
        decays = checkpoint.decays
    if not decays:
        raise BadInput(f"{file} holds no decays; give --decay, or --weight-decays together with --feature-decay")
    model = build_model(
        checkpoint.class_sizes,
        len(checkpoint.weights),
        decays.get("decay"),
        decays.get("weight_decays"),
        decays.get("feature_decay"),
        widths=checkpoint.widths,
        bias="none" if checkpoint.bias is None else "last-layer",
        convention=convention,
    )
    found = hold_against(checkpoint, model, convention)
    if json is not None:
        write(found.to_json(), json)
    if json != "-":
        _print_measurement(found)


def require_writable(path: str | None) -> None:
    """Find out before the work, not after it, that its result cannot be written.

    Raises:
        BadInput: where the file of --json cannot be opened.
    """
    files.require_writable(path, "--json")


def write(data: dict[str, Any], target: str) -> None:
    """Write JSON to a file, or to standard output for ``-``.

    Raises:
        BadInput: where the file cannot be written.
    """
    with files.written(target, "--json") as file:
        file.write(json_format.dumps(data, ensure_ascii=False, allow_nan=False) + "\n")


def _print_optimum(best: Optimum, convention: str) -> None:
    from theory.arithmetic.intervals import Interval
    from theory.closed_form.optimum import convention_factor, radius

    model = best.model
    scale = 1 / convention_factor(convention, model.class_sizes)
    objective = best.objective * scale
    printed = objective.decimal(best.digits)
    with_convention = "" if convention == "1/(2N)" else f"   (convention {convention}; decays below are in 1/(2N))"
    typer.echo(f"{short(str(model))}{with_convention}\n")
    typer.echo(f"objective  {printed} ± {radius(objective, Fraction(printed))}")
    typer.echo(f"at zero    {Interval.exact(best.zero_objective * scale).decimal(best.digits)}\n")
    _print_table(("classes", "size", "active", "gain", "‖w‖²", "‖h‖²"), _class_rows(best))
    if not model.has_bias:
        typer.echo(f"\nA class smaller than {best.threshold.brief()} is zero at the optimum, at this N.")
    else:
        typer.echo("")
    if best.trivial:
        typer.echo("Zero is the only minimiser.")
    elif best.unique:
        typer.echo("The minimiser is unique up to orthogonal symmetry.")
    else:
        typer.echo(f"Not unique. {best.note}")
    for assumption in best.assumptions:
        if assumption.startswith(("Extension", "Features ≥ 0")):
            typer.echo(assumption)


def _class_rows(best: Optimum) -> list[tuple[str, ...]]:
    from theory.closed_form.optimum import is_active

    gains, weights, features = best.gains(), best.weights_gram(), best.features_gram()
    shown = list(zip(gains.groups, gains.diagonal, weights.diagonal, features.diagonal, strict=True))
    rows: list[tuple[str, ...]] = []
    for classes, gain, weight, feature in shown:
        size, active = best.model.class_sizes[classes[0]], "yes" if is_active(gain) else "no"
        rows.append((str(len(classes)), str(size), active, _brief(gain), _brief(weight), _brief(feature)))
    if len(rows) > MAX_ROWS:
        half = MAX_ROWS // 2
        rows = [*rows[:half], ("…",) * 6, *rows[-half:]]
    return rows


def short(text: str, limit: int = 400) -> str:
    """A text with its middle left out where it is long."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"


def _brief(value: Number) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value.brief()


def _print_measurement(found: Measurement) -> None:
    best = found.best
    objective = best.objective * found.scale
    typer.echo(f"{short(str(best.model))}\n")
    typer.echo(f"loss        {found.loss:.12g}")
    typer.echo(f"optimum     {objective.brief(12)}")
    typer.echo(f"difference  {found.difference:.3g}\n")
    heads = ("layer", "NC1", "NC2 (shape)", "Gram distance", "spectrum distance")
    names = ("dang2023_nc1", "dang2023_nc2_features", "gram_distance", "gram_spectrum_distance")
    rows = [(str(layer["layer"]), *(f"{layer[name]:.3g}" for name in names)) for layer in found.layers]
    _print_table(heads, rows)
    typer.echo(f"\nNC2 of the weights (shape)  {found.nc2_weights:.3g}")
    typer.echo(f"NC3 (shape)                 {found.nc3:.3g}")
    for name, title in (("weights_gram", "distance of P Pᵀ"), ("logits", "distance of logits")):
        typer.echo(f"{title:<27} {found.distances[name]:.3g}   (spectrum {found.spectra[name]:.3g})")
    if best.trivial:
        typer.echo("Zero is the only minimiser in this setting.")
    if best.note:
        typer.echo(f"The optimum is not unique. {best.note}")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in table(heads, rows):
        typer.echo(line)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, each column as wide as it must be, to the right.

    >>> table(("n", "loss"), [("10", "0.5")])
    [' n  loss', '10   0.5']
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    ]
