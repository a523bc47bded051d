"""Parameters of statements and programs as plain data: models, rationals, integers, text, and tuples of these."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from theory.model import UnconstrainedFeatures


def encoded(value: Any) -> Any:
    """Plain data that tells any two parameters apart.

    Raises:
        TypeError: for a value that is not a model, a rational, an integer, text, or a tuple of these.

    >>> encoded((1, Fraction(1, 3)))
    {'tuple': [1, {'rational': '1/3'}]}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Fraction):
        return {"rational": str(value)}
    if isinstance(value, tuple | list):
        return {"tuple": [encoded(part) for part in value]}
    if isinstance(value, UnconstrainedFeatures):
        return {"model": value.to_json()}
    raise TypeError(f"a parameter must be a model, a rational, an integer, text or a tuple of these, got {value!r}")


def written(value: Any) -> str:
    """A parameter as a reader writes it, rationals within tuples too.

    >>> written((Fraction(1, 2), (3, Fraction(2)))), written((Fraction(1, 2),)), written(Fraction(1, 2))
    ('(1/2, (3, 2))', '(1/2,)', '1/2')
    """
    if not isinstance(value, tuple | list):
        return str(value)
    parts = [written(part) for part in value]
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def decoded(value: Any) -> Any:
    """Read what ``encoded`` wrote."""
    if not isinstance(value, dict):
        return value
    ((kind, data),) = value.items()
    if kind == "rational":
        return Fraction(data)
    if kind == "tuple":
        return tuple(decoded(part) for part in data)
    return UnconstrainedFeatures.from_json(data)
