"""Which values of a sweep file go together, as far as that is known without computing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from theory.frames import has_orthogonal_collapse
from verify.errors import BadInput
from verify.settings import parse_integers

if TYPE_CHECKING:
    from theory.model import UnconstrainedFeatures

Options = Mapping[str, Any]

FREE = ("decay", "feature_decay", "bias_decay", "samples")
"""Keys of which every value fits where another one does."""

MOST = 1000
"""Most combinations that are tried, at 60 µs each for few classes; where there are more, rows tell of misfits."""
MOST_CLASSES = 1000

KNOWN = "cross-entropy with linear layers of width K − 1 or more, equal classes, free features and no bias"


def require_fitting(axes: Mapping[str, Sequence[Any]], compute: Mapping[str, Options]) -> None:
    """Reject a value with which nothing that is asked for can be computed, whatever the other keys are.

    Raises:
        BadInput: naming the value's key, and what it does not fit; or why no point fits.
    """
    model = {path: values[:1] if _key(path) in FREE else values for path, values in axes.items() if _key(path)}
    if not model or prod(map(len, model.values())) > MOST or _has_many_classes(model):
        return
    fit: set[tuple[str, int]] = set()
    misfits: dict[tuple[str, int], str] = {}
    for places in product(*(range(len(values)) for values in model.values())):
        why = _misfit({path: model[path][i] for path, i in zip(model, places, strict=True)}, compute)
        for place in zip(model, places, strict=True):
            if why:
                misfits.setdefault(place, why)
            else:
                fit.add(place)
    if not fit:
        raise BadInput(f"no point of the design can be computed: {next(iter(misfits.values()))}")
    for (path, i), why in misfits.items():
        if (path, i) not in fit:
            raise BadInput(f"{path}[{i}] fits no other value: {why}")


def require_layer(model: UnconstrainedFeatures, options: Options) -> None:
    """Reject a layer that the model does not have."""
    if not options["full"] and options["layer"] > model.M:
        raise BadInput(f"spectrum.layer must be one of 1 to {model.M}, got {options['layer']}")


def require_collapse(model: UnconstrainedFeatures, _: Options | None = None) -> None:
    """Reject a model of which the best collapsed point is not known.

    Raises:
        BadInput: with the models of which it is.
    """
    plain = model.is_linear and model.balanced and not model.has_bias and model.sign == "free"
    if model.loss == "mse" and not has_orthogonal_collapse(model):
        raise BadInput(f"collapse is known for squared error without a bias and with widths of at least {model.K}")
    if model.loss != "mse" and (model.loss != "ce" or not plain or min(model.widths) < model.K - 1):
        raise BadInput(f"collapse is known for squared error, and for {KNOWN}")


REQUIRES: Mapping[str, Callable[[UnconstrainedFeatures, Any], None]] = {
    "spectrum": require_layer,
    "refuter": require_collapse,
}
"""What the tables need of a model; the others find out while they compute."""


def _misfit(values: Mapping[str, Any], compute: Mapping[str, Options]) -> str:
    """Why nothing that is asked for can be computed; empty where something may be."""
    from verify.sweep.rows import as_key, model_at

    problem = ""
    try:
        model = model_at(values)
    except BadInput as error:
        return as_key(str(error))
    for name, options in compute.items():
        try:
            REQUIRES.get(name, lambda *_: None)(model, options)
        except BadInput as error:
            problem = problem or str(error)
        else:
            return ""
    return problem


def _key(path: str) -> str:
    return path.removeprefix("model.") if path.startswith("model.") else ""


def _has_many_classes(model: Mapping[str, Sequence[Any]]) -> bool:
    counts = model.get("model.classes") or [len(parse_integers(text, "")) for text in model.get("model.sizes", ())]
    return any(count > MOST_CLASSES for count in counts)
