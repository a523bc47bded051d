"""The command ``collapse spectrum``: eigenvalues of the Hessian, predicted and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify import calculator as options
from verify.errors import BadInput
from verify.pictures.files import require_picture

if TYPE_CHECKING:
    from theory.model import UnconstrainedFeatures
    from verify.curvature.points import Place
    from verify.curvature.spectrum import Cluster, Spectrum

MOST_UNKNOWNS = 5_000_000
"""Most entries of all factors: 40 MB a direction."""
MOST_STEPS = 10**12
"""Of a descent; more end in no lifetime."""
LONGEST = 10**100
"""Steps this long are nonsense, and squares of them are floats."""
MOST_MEMORY = 8e9
"""Bytes of eigenvectors and the like beyond which a spectrum is refused."""
VECTORS = 5
"""Directions of one layer that are held at a time for each class along a descent, and what arises from them."""
SHOWN = 12
"""Most different measured eigenvalues in a list."""
TINY = 1e-100
"""Measured eigenvalues below this are what is left of zero after a descent."""
EQUAL = 1e-9
"""Measured eigenvalues that are this close, relative to the largest, are listed as one."""


def spectrum(
    sizes: options.Sizes,
    depth: options.Depth = 1,
    decay: options.Decay = None,
    weight_decays: options.WeightDecays = None,
    feature_decay: options.FeatureDecay = None,
    widths: options.Widths = None,
    loss: options.Loss = "mse",
    features: options.Features = "free",
    alpha: options.Alpha = None,
    gamma: options.Gamma = None,
    bias_decay: options.BiasDecay = None,
    activation: Annotated[str, typer.Option(help="linear, or relu.")] = "linear",
    bias: options.Bias = "none",
    convention: options.Convention = "1/(2N)",
    layer: Annotated[int | None, typer.Option(metavar="L", help="The Hessian in W_L; default each layer's.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The Hessian in all factors, features too.")] = False,
    parts: Annotated[
        bool, typer.Option("--parts", help="A layer's parts within and across classes, of class means, of labels.")
    ] = False,
    data: Annotated[bool, typer.Option("--data", help="Of the data term (default).")] = False,
    regularised: Annotated[bool, typer.Option("--regularised", help="With the decays.")] = False,
    descent: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS", min=1, max=MOST_STEPS, help="Measure also after so many steps of gradient descent."
        ),
    ] = None,
    over_time: Annotated[
        bool, typer.Option("--over-time", help="Each layer's outliers and alignments along the descent.")
    ] = False,
    rate: Annotated[str | None, typer.Option(help="Length of these steps in 1/(2N); default 1/5.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the start of the descent.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="How many eigenvalues, the largest.")] = 100,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where it is computed.")] = "auto",
    json: options.Json = None,
    plot: options.Plot = None,
) -> None:
    """Eigenvalues of the Hessian at collapse, predicted and measured."""
    from verify.empirical import machine
    from verify.enclosures import unfocused
    from verify.settings import parse_one

    _require_consistent(layer, full, parts, data, regularised, descent, rate, over_time, plot)
    model = options.model_from(
        *(sizes, depth, decay, weight_decays, feature_decay, widths, loss, features, alpha, gamma, bias_decay),
        *(activation, bias, convention),
    )
    model = unfocused(model)
    layers = range(1, model.M + 1) if layer is None else [layer]
    step, where = _length(parse_one(rate or "1/5", "--rate")), machine.device(device)
    _require_feasible(model, layer, full, parts, top, over_time)
    if descent is not None and over_time:
        _over_time(model, layers, descent, step, seed, where, convention, json, plot)
        return
    places = _places(model, descent, step, seed, where)
    found = _spectra(model, places, layers, full, parts, regularised, top, convention)
    if json is not None:
        options.write(_json(model, convention, matrices=found), json)
    if plot is not None:
        from verify.curvature.predictions import origin
        from verify.pictures import save, spectral_density

        ids = origin(model, full, parts, regularised) if any(one.predicted for one in found) else ()
        save(spectral_density(found, _source(model, convention, ids)), plot, "--plot")
    if json != "-":
        typer.echo(_heading(model, convention))
        for place in places:
            for sentence in _said(model, place, convention):
                typer.echo(f"At {place.name}: {sentence}")
        for one in found:
            for line in lines(one):
                typer.echo(line)


def _length(rate: Fraction) -> Fraction:
    """Of steps, which are floats."""
    if rate >= LONGEST:
        raise BadInput(f"--rate must be a length of steps below {float(LONGEST):g}")
    return rate


def _said(model: UnconstrainedFeatures, place: Place, convention: str) -> Iterator[str]:
    """The sentences on a point, the objective in the user's convention among them."""
    from theory.closed_form.optimum import convention_factor

    yield from place.sentences
    if place.objective is not None:
        yield f"The objective there is {place.objective / convention_factor(convention, model.class_sizes):.12g}."


def _over_time(
    model: UnconstrainedFeatures,
    layers: Sequence[int],
    steps: int,
    rate: Fraction,
    seed: int,
    device: str,
    convention: str,
    json: str | None,
    plot: str | None,
) -> None:
    """Checkpoints of one descent, layer by layer, beside what is predicted at its end."""
    from theory.closed_form.optimum import convention_factor
    from verify.curvature.course import courses, geometric

    scale = 1 / convention_factor(convention, model.class_sizes)
    with _readable():
        (known,) = _places(model, None, rate, seed, device)
        found = courses(model, known, layers, geometric(steps), rate, seed, scale, device)
    if json is not None:
        options.write(_json(model, convention, layers=found), json)
    if plot is not None:
        from verify.pictures import alignments, save

        ids = ("garrod2024-layer-hessian", "garrod2024-gradient-alignment") if any(one.limit for one in found) else ()
        save(alignments(found, _source(model, convention, ids)), plot, "--plot")
    if json != "-":
        typer.echo(_heading(model, convention))
        for one in found:
            for line in one.lines():
                typer.echo(line)


def _json(model: UnconstrainedFeatures, convention: str, **found: Sequence[Any]) -> dict[str, Any]:
    """The model, whose decays are in 1/(2N), and what was found, in the convention."""
    listed = {name: [one.to_json() for one in several] for name, several in found.items()}
    return {"model": model.to_json(), "convention": convention, **listed}


def _heading(model: UnconstrainedFeatures, convention: str) -> str:
    note = "" if convention == "1/(2N)" else f"   (decays in 1/(2N), eigenvalues in the convention {convention})"
    return options.short(str(model)) + note


def _source(model: UnconstrainedFeatures, convention: str, ids: Sequence[str]) -> str:
    """What stands below a picture: the setting, and the statements that predictions are from where there are any."""
    from verify.pictures.grams import shortened
    from verify.pictures.style import cited

    note = "" if convention == "1/(2N)" else f"\nDecays in 1/(2N), eigenvalues in the convention {convention}."
    return f"{shortened(model)}.{note}" + (f"\nPredicted: {cited(*ids)}." if ids else "")


@contextmanager
def _readable() -> Iterator[None]:
    """What goes wrong in floats, as a sentence."""
    try:
        yield
    except (OverflowError, ZeroDivisionError):
        raise BadInput("such decays are beyond the range of floats, in which eigenvalues are measured") from None
    except ValueError as error:
        raise BadInput(f"--rate: {error}") from None


def _places(model: UnconstrainedFeatures, descent: int | None, rate: Fraction, seed: int, device: str) -> list[Place]:
    """Collapse, or what is known in its place, and the end of a descent if one is asked for."""
    from verify.curvature.points import after_descent, known_point

    with _readable():
        places = [known_point(model).to(device)]
        if descent is not None:
            places.append(after_descent(model, descent, rate, seed, device).compared_with(places[0]))
        if not all(part.isfinite().all() for place in places for part in place.factors.values()):
            raise OverflowError
    return places


def _spectra(
    model: UnconstrainedFeatures,
    places: Sequence[Place],
    layers: Sequence[int],
    full: bool,
    parts: bool,
    regularised: bool,
    top: int,
    convention: str,
) -> list[Spectrum]:
    """The matrices that are asked for, place by place, in the user's convention."""
    from theory.closed_form.optimum import convention_factor
    from verify.curvature.spectrum import spectra, spectra_of_parts

    scale = 1 / convention_factor(convention, model.class_sizes)
    if parts:
        return [one for place in places for one in spectra_of_parts(model, place, layers, top, scale)]
    return [one for place in places for one in spectra(model, place, layers, full, regularised, top, scale)]


def _require_consistent(
    layer: int | None,
    full: bool,
    parts: bool,
    data: bool,
    regularised: bool,
    descent: int | None,
    rate: str | None,
    over_time: bool,
    plot: str | None,
) -> None:
    if layer is not None and full:
        raise BadInput("--layer is one layer's Hessian and --full that in all factors; give one of them")
    if data and regularised:
        raise BadInput("--data is without the decays and --regularised with them; give one of them")
    if parts and (full or regularised or over_time):
        other = "--full" if full else "--regularised" if regularised else "--over-time"
        raise BadInput(f"--parts splits the data term's Hessian of a layer; leave out {other}")
    if rate is not None and descent is None:
        raise BadInput("--rate belongs to --descent")
    if over_time and descent is None:
        raise BadInput("--over-time belongs to --descent")
    if over_time and (full or regularised):
        raise BadInput(f"--over-time looks at layers' data terms; leave out {'--full' if full else '--regularised'}")
    if plot is not None:
        require_picture(plot, "--plot")


def _require_feasible(
    model: UnconstrainedFeatures, layer: int | None, full: bool, parts: bool, top: int, over_time: bool
) -> None:
    if layer is not None and not 1 <= layer <= model.M:
        raise BadInput(f"--layer must be one of 1 to {model.M}, got {layer}")
    if over_time and model.K < 2:
        raise BadInput("--over-time compares classes; give two or more")
    weights = [rows * columns for rows, columns in model.weight_shapes]
    unknowns = sum(weights) + model.widths[0] * model.N
    if unknowns > MOST_UNKNOWNS:
        raise BadInput(f"the factors may have at most {MOST_UNKNOWNS} entries to be measured, got {unknowns}")
    if parts:
        _require_parts(model, range(1, model.M + 1) if layer is None else [layer])
    from verify.curvature.compression import memory_in_all_factors
    from verify.curvature.eigensolver import memory

    size, count = (unknowns, top) if full else (max(weights), model.K**2 + 1 if over_time else top)
    closed = model.is_linear and model.loss == "mse" and not full
    needed = 0.0 if closed else memory_in_all_factors(model, count) if full else memory(size, count)
    needed += VECTORS * 8.0 * model.K * size if over_time else 0.0
    if needed > MOST_MEMORY:
        what = f"--over-time with {model.K} classes" if over_time else f"--top {top} of {size} eigenvalues"
        raise BadInput(f"{what} needs more than {MOST_MEMORY / 1e9:.0f} GB")


def _require_parts(model: UnconstrainedFeatures, layers: Sequence[int]) -> None:
    from verify.curvature.parts import LOSSES, memory

    if model.loss not in LOSSES:
        raise BadInput(f"--parts is for the losses {' and '.join(LOSSES)}, got {model.loss}")
    if max(memory(model, layer) for layer in layers) > MOST_MEMORY:
        raise BadInput(f"--parts with {model.K} classes in such layers needs more than {MOST_MEMORY / 1e9:.0f} GB")


def lines(found: Spectrum) -> Iterator[str]:
    """One matrix for people: a table against the predictions, or what was measured."""
    yield f"\n{found.name}, {found.term}, {found.size} eigenvalues, at {found.place}"
    if found.predicted:
        heads = ("part", "predicted", "times", "measured", "", "difference")
        rows = [heads, *(_row(cluster) for cluster in found.clusters())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for part, *cells in rows:
            yield "  ".join([part.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))])
    else:
        yield found.why
        yield f"measured: {', '.join(_runs(found.measured.tolist()))}"
    yield f"largest residual {found.residual:.0e}"


def _row(cluster: Cluster) -> tuple[str, ...]:
    predicted = cluster.predicted
    times = str(predicted.multiplicity)
    head = (predicted.part, predicted.value.brief(), times)
    if not cluster.found:
        return (*head, "not measured", "", "")
    partial = "" if cluster.found == predicted.multiplicity else f"({cluster.found} of them)"
    return (*head, f"{cluster.least:.6g} … {cluster.most:.6g}", partial, f"{cluster.difference:.0e}")


def _runs(values: Sequence[float]) -> list[str]:
    """Measured eigenvalues with how often they occur, as far as told apart."""
    near = max(EQUAL * max(map(abs, values), default=0.0), TINY)
    starts, listed = values[0], []
    keys = []
    for value in values:
        starts = starts if starts - value <= near else value
        keys.append(starts)
    for _, run in groupby(zip(keys, values, strict=True), key=lambda pair: pair[0]):
        members = [value for _, value in run]
        shown = 0.0 if abs(members[0]) <= near else members[0]
        listed.append(f"{shown:.6g}" + (f" ×{len(members)}" if len(members) > 1 else ""))
    return listed if len(listed) <= SHOWN else [*listed[:SHOWN], f"… down to {values[-1]:.6g}"]
