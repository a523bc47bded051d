"""What may stand behind a key of a sweep file, with one sentence that names the key where something is wrong.

Values stay as plain data, integers and text; rationals stay the text that was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import partial
from math import floor, log10
from typing import Any, overload

from theory.arithmetic.rationals import rational
from theory.closed_form.optimum import CONVENTIONS
from theory.losses import LOSSES
from theory.model import ACTIVATIONS, BIASES, SIGNS
from verify.errors import BadInput
from verify.settings import MAX_CLASSES, MAX_DEPTH, MAX_SIZE, parse_decays, parse_integers

Read = Callable[[Any, str], Any]
"""Takes a value and the path of its key, and returns what is kept."""

DIGITS = 6
"""Significant digits of the numbers in a logarithmic range, but for its ends."""

_NO_RANGE = "{} must be a value or a list: a range is for integers and rationals"

RATIONAL = 'text such as "1/2000" or "5e-4"'


def described(value: Any) -> str:
    """A value of a TOML file as an error names it.

    >>> described(0.5), described([1])
    ('the float 0.5', 'a list')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 40 else value[:40] + "…"}"'
    if isinstance(value, int | float):
        shown = str(value) if isinstance(value, float) or abs(value) < 10**40 else "of more than 40 digits"
        return f"the {'integer' if isinstance(value, int) else 'float'} {shown}"
    return (
        "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else f"a {type(value).__name__}"
    )


def wrong(path: str, wanted: str, value: Any) -> BadInput:
    """The error for a value that does not fit."""
    return BadInput(f"{path} must be {wanted}, got {described(value)}")


def whole(value: Any, path: str, least: int = 1, most: int = MAX_SIZE) -> int:
    """An integer within bounds.

    >>> whole(3, "model.depth")
    3
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise wrong(path, f"an integer from {least} to {most}", value)
    return value


def number(value: Any, path: str) -> str:
    """The text of a rational, or an integer; a float is not the decimal that was typed.

    >>> number("5e-4", "model.alpha"), number(2, "model.gamma")
    ('5e-4', '2')
    >>> number(0.5, "model.alpha")
    Traceback (most recent call last):
    verify.errors.BadInput: model.alpha must be text such as "1/2000" or "5e-4", got the float 0.5
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong(path, RATIONAL, value)
    try:
        rational(value, path)
    except ValueError as error:
        raise BadInput(str(error)) from None
    return str(value).strip()


def decay(value: Any, path: str) -> str:
    """The text of a positive rational."""
    text = number(value, path)
    if rational(text) <= 0:
        raise wrong(path, "positive", value)
    return text


def decays(value: Any, path: str) -> str:
    """The text of positive rationals, one a layer or one for all."""
    if not isinstance(value, str):
        raise wrong(path, 'text such as "1/2000,5e-4", one number a layer', value)
    parse_decays(value, path)
    return value


def sizes(value: Any, path: str) -> str:
    """The text of class sizes."""
    if not isinstance(value, str):
        raise wrong(path, 'text such as "200,100,2*50"', value)
    parse_integers(value, path)
    return value


def widths(value: Any, path: str) -> int | str:
    """One width for all layers, or the text of several."""
    return whole(value, path) if isinstance(value, int) else sizes(value, path)


def require_different(path: str, values: Iterable[Any]) -> None:
    """Reject a value that was given before: it would be the same points again.

    >>> require_different("model.depth", [1, 2, 1])
    Traceback (most recent call last):
    verify.errors.BadInput: model.depth[2] is the same as model.depth[0]
    """
    places: dict[Any, int] = {}
    for i, value in enumerate(values):
        if (first := places.setdefault(value, i)) != i:
            raise BadInput(f"{path}[{i}] is the same as {path}[{first}]")


def choice(value: Any, path: str, options: Collection[str]) -> str:
    """One of some names."""
    if not isinstance(value, str) or value not in options:
        raise wrong(path, f"one of {', '.join(options)}", value)
    return value


MODEL: dict[str, Read] = {
    "classes": partial(whole, most=MAX_CLASSES),
    "samples": whole,
    "sizes": sizes,
    "depth": partial(whole, most=MAX_DEPTH),
    "widths": widths,
    "decay": decay,
    "weight_decays": decays,
    "feature_decay": decay,
    "bias_decay": decay,
    "loss": partial(choice, options=LOSSES),
    "activation": partial(choice, options=ACTIVATIONS),
    "bias": partial(choice, options=BIASES),
    "features": partial(choice, options=SIGNS),
    "alpha": number,
    "gamma": number,
    "convention": partial(choice, options=CONVENTIONS),
}
"""Keys of the table ``model``, which are the options of ``collapse optimum``, and what each reads."""


def meaning(key: str, value: Any) -> Any:
    """What a value of the table ``model`` stands for, however it is spelt.

    >>> meaning("decay", "0.05") == meaning("decay", "1/20"), meaning("sizes", "3,2*1")
    (True, (3, 1, 1))
    """
    if MODEL[key] in (number, decay):
        return rational(value)
    if MODEL[key] is decays:
        return parse_decays(value, key)
    return parse_integers(str(value), key) if MODEL[key] in (sizes, widths) else value


@dataclass(frozen=True)
class Rationals(Sequence[str]):
    """``length`` rationals as text, evenly from ``low`` to ``high``, or with even ratios, found one at a time.

    >>> list(Rationals("1/100", "1", 3, log=True)), list(Rationals("0", "1", 3, log=False))
    (['1/100', '0.1', '1'], ['0', '1/2', '1'])
    """

    low: str
    high: str
    length: int
    log: bool

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.length))]
        if not 0 <= index < self.length:
            raise IndexError(index)
        if index in (0, self.length - 1):
            return self.low if index == 0 else self.high
        low, high, share = rational(self.low), rational(self.high), Fraction(index, self.length - 1)
        if not self.log:
            return str(low + (high - low) * share)
        power = log10_of(low) + (log10_of(high) - log10_of(low)) * float(share)
        mantissa = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN).create_decimal(10 ** (power - floor(power)))
        return plain(mantissa.scaleb(floor(power)))


def log10_of(value: Fraction) -> float:
    """log₁₀ of a positive rational, beyond the range of floats too."""
    return log10(value.numerator) - log10(value.denominator)


def plain(value: Decimal) -> str:
    """A decimal without trailing zeros.

    >>> plain(Decimal("0.500")), plain(Decimal("1.50e-9"))
    ('0.5', '1.5E-9')
    """
    return str(value.normalize())


def spaced(table: dict[str, Any], path: str, read: Read) -> Sequence[Any]:
    """The values of a range: integers by steps, or rationals by their number.

    Raises:
        BadInput: naming the key that is wrong, missing or too much.

    >>> list(spaced({"from": 1, "to": 5, "step": 2}, "model.depth", whole))
    [1, 3, 5]
    """
    for key in table:
        if key not in ("from", "to", "step", "count", "scale"):
            raise BadInput(f"{path}.{key} is not a key of a range; there are from, to, step, count, scale")
    for key in ("from", "to"):
        if key not in table:
            raise BadInput(f"{path}.{key} is missing: a range has from and to")
    low, high = (read(table[key], f"{path}.{key}") for key in ("from", "to"))
    if isinstance(low, int) and isinstance(high, int):
        _without(table, path, ("count", "scale"), "a range of integers has a step")
        found: Sequence[Any] = range(low, high + 1, whole(table.get("step", 1), f"{path}.step"))
    else:
        if read in (sizes, widths):  # between "3" and "4" there are no sizes
            raise BadInput(_NO_RANGE.format(path))
        found = _rationals(table, path, str(low), str(high))
    if not found:
        raise BadInput(f"{path} is empty: from {low} to {high}")
    return found


def _rationals(table: dict[str, Any], path: str, low: str, high: str) -> Sequence[str]:
    _without(table, path, ("step",), "a range of rationals has a count")
    try:
        ends = rational(low), rational(high)
    except ValueError:
        raise BadInput(_NO_RANGE.format(path)) from None
    if "count" not in table:
        raise BadInput(f"{path}.count is missing: how many numbers there are from {low} to {high}")
    count = whole(table["count"], f"{path}.count", 2, 10**9)
    log = choice(table.get("scale", "linear"), f"{path}.scale", ("linear", "log")) == "log"
    if ends[0] >= ends[1]:
        raise BadInput(f"{path} is empty: from {low} to {high}")
    if log and ends[0] <= 0:
        raise BadInput(f'{path}.scale is "log", so {path}.from must be positive, got {low}')
    if log and (log10_of(ends[1]) - log10_of(ends[0])) / (count - 1) < 10 ** (1 - DIGITS):
        raise BadInput(f"{path}.count is too large: numbers of {DIGITS} digits from {low} to {high} would be the same")
    return Rationals(low, high, count, log)


def _without(table: dict[str, Any], path: str, keys: Sequence[str], why: str) -> None:
    for key in keys:
        if key in table:
            raise BadInput(f"{path}.{key} does not belong there: {why}")
