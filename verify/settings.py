"""Models from what a user types: sizes, widths and decays as text, with one clear sentence where they are wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from theory.arithmetic.rationals import rational
from theory.closed_form.optimum import convention_factor
from theory.model import UnconstrainedFeatures
from verify.errors import BadInput

MAX_SIZE = 10**15
"""Largest class size or width: beyond it, floats no longer hold the sizes exactly."""
MAX_CLASSES = 100_000
"""Most classes: far beyond any data set; each is a row of the answer."""
MAX_DEPTH = 200
"""Most layers: the numbers that decide grow with the depth, to about 10^5 digits here."""
MAX_MIXED = 2000
"""Most different class sizes with a bias: every size mixes with every other, at a cost that grows with the cube."""

_REPEATED = re.compile(r"(?:([0-9]{1,6})\*)?([0-9]{1,16})")


def parse_integers(text: str, name: str) -> tuple[int, ...]:
    """Positive integers separated by commas; ``4*100`` is 100 four times.

    Raises:
        BadInput: naming the option and the part that is wrong.

    >>> parse_integers("200, 100, 2*50", "--sizes")
    (200, 100, 50, 50)
    """
    values: list[int] = []
    for part in text.split(","):
        match = _REPEATED.fullmatch(part.strip())
        value, count = (int(match[2]), int(match[1] or 1)) if match else (0, 0)
        if not 1 <= value <= MAX_SIZE or count < 1:
            raise BadInput(f'{name} must be positive integers up to 10^15 such as 200,100,2*50, got "{_short(part)}"')
        if len(values) + count > MAX_CLASSES:
            raise BadInput(f"{name} may hold at most {MAX_CLASSES} numbers")
        values += [value] * count
    return tuple(values)


def parse_decays(text: str, name: str) -> tuple[Fraction, ...]:
    """Positive rationals separated by commas, such as ``1/2000``, ``0.0005`` or ``5e-4``.

    Raises:
        BadInput: naming the option and the part that is wrong.

    >>> parse_decays("1/2000, 5e-4", "--weight-decays")
    (Fraction(1, 2000), Fraction(1, 2000))
    """
    parts = text.split(",")
    if len(parts) > MAX_DEPTH:
        raise BadInput(f"{name} may hold at most {MAX_DEPTH} numbers, got {len(parts)}")
    values: list[Fraction] = []
    for part in parts:
        try:
            values.append(rational(part.strip(), name))
        except (TypeError, ValueError) as error:
            raise BadInput(str(error)) from None
        if values[-1] <= 0:
            raise BadInput(f'{name} must be positive, got "{_short(part)}"')
    return tuple(values)


def build_model(
    sizes: Sequence[int],
    depth: int,
    decay: str | None,
    weight_decays: str | None,
    feature_decay: str | None,
    widths: Sequence[int] = (),
    loss: str = "mse",
    activation: str = "linear",
    bias: str = "none",
    convention: str = "1/(2N)",
    features: str = "free",
    options: Mapping[str, str | None] = MappingProxyType({}),
) -> UnconstrainedFeatures:
    """The model in the convention 1/(2N), for decays given in some convention.

    ``options`` are alpha, gamma and bias_decay as text; a loss that has one needs it.

    Raises:
        BadInput: for decays that are missing, doubled, wrong or not positive, and whatever the model rejects.
    """
    if not 1 <= depth <= MAX_DEPTH:
        raise BadInput(f"--depth must be a positive integer up to {MAX_DEPTH}, got {depth}")
    if bias == "last-layer" and len(set(sizes)) > MAX_MIXED:
        raise BadInput(f"with a bias there may be at most {MAX_MIXED} different class sizes, got {len(set(sizes))}")
    if loss != "mse" and convention != "1/(2N)":
        raise BadInput(f"--convention is for mse; {loss} is averaged over the samples")
    weights, feature = _decays(decay, weight_decays, feature_decay)
    given = {name: parse_rational(text, _option(name)) for name, text in options.items() if text is not None}
    for name, owner in (("alpha", "label-smoothing"), ("gamma", "focal")):
        if loss == owner and name not in given:
            raise BadInput(f"--loss {owner} needs --{name}")
        if loss != owner and name in given:
            raise BadInput(f"--{name} belongs to --loss {owner}; got --loss {loss}")
    if "bias_decay" in given and bias == "none":
        raise BadInput("--bias-decay needs --bias last-layer")
    try:
        factor = convention_factor(convention, tuple(sizes))
        return UnconstrainedFeatures(
            class_sizes=tuple(sizes),
            depth=depth,
            weight_decays=tuple(value * factor for value in weights),
            feature_decay=feature * factor,
            widths=tuple(widths),
            loss=loss,
            activation=activation,
            bias=bias,
            sign=features,
            **given,
        )
    except (TypeError, ValueError) as error:
        raise BadInput(_as_option(str(error))) from None


def _decays(decay: str | None, weights: str | None, feature: str | None) -> tuple[tuple[Fraction, ...], Fraction]:
    if decay is not None and weights is None and feature is None:
        return (parse_one(decay, "--decay"),), parse_one(decay, "--decay")
    if decay is None and weights is not None and feature is not None:
        return parse_decays(weights, "--weight-decays"), parse_one(feature, "--feature-decay")
    raise BadInput("give either --decay, or --weight-decays together with --feature-decay")


def parse_rational(text: str, name: str) -> Fraction:
    """One rational number.

    Raises:
        BadInput: naming the option.
    """
    try:
        return rational(text.strip(), name)
    except (TypeError, ValueError) as error:
        raise BadInput(str(error)) from None


def parse_one(text: str, name: str) -> Fraction:
    """One positive rational."""
    values = parse_decays(text, name)
    if len(values) != 1:
        raise BadInput(f'{name} must be one number, got "{_short(text)}"')
    return values[0]


def _as_option(message: str) -> str:
    first, _, rest = message.partition(" ")
    options = {"widths", "weight_decays", "loss", "activation", "bias", "convention", "sign", *OPTIONS}
    return f"{_option(first)} {rest}" if first in options else message


OPTIONS = ("alpha", "gamma", "bias_decay")


def _option(name: str) -> str:
    return "--features" if name == "sign" else f"--{name.replace('_', '-')}"


def _short(text: str, limit: int = 40) -> str:
    text = text.strip()
    return text if len(text) <= limit else text[:limit] + "…"
