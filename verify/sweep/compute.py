"""What a sweep file asks for at each point: its tables ``optimum``, ``verdict``, ``refuter`` and ``spectrum``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from theory.arithmetic.rationals import rational
from verify.engines import ENGINES
from verify.errors import BadInput
from verify.settings import MAX_DEPTH, MAX_SIZE
from verify.sweep.values import Read, choice, number, require_different, whole, wrong

if TYPE_CHECKING:
    from theory.statement import Statement

KINDS = ("optimum", "verdict", "refuter", "spectrum")
MAX_SECONDS = 86_400
MAX_DIGITS = 300
DEFAULTS: dict[str, dict[str, Any]] = {
    "optimum": {"digits": 20},
    "verdict": {"statement": "", "clause": "", "engines": list(ENGINES)},
    "refuter": {"seconds": 10},
    "spectrum": {"layer": 1, "full": False, "regularised": False, "digits": 20},
}
"""Keys of these tables, with what holds where one is left out."""


def read_compute(data: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], Statement | None]:
    """The tables with all their keys, and the statement of which there are verdicts, if any.

    Raises:
        BadInput: naming the key.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in (name for name in KINDS if name in data):
        for key in data[name]:
            if key not in DEFAULTS[name]:
                raise BadInput(f"{name}.{key} is not a key; there are {', '.join(DEFAULTS[name])}")
        found[name] = {
            key: _CHECKS[key](data[name].get(key, usual), f"{name}.{key}") for key, usual in DEFAULTS[name].items()
        }
    if not found:
        raise BadInput(f"nothing is asked for: a sweep file needs one of the tables {', '.join(KINDS)}")
    if "full" in data.get("spectrum", ()) and "layer" in data["spectrum"]:
        raise BadInput("spectrum.layer is one layer's Hessian and spectrum.full that in all factors; give one of them")
    if "verdict" not in found:
        if "parameters" in data:
            raise BadInput("parameters belongs to verdict, which is missing")
        return found, None
    return found, _statement(found["verdict"])


def _statement(table: Mapping[str, Any]) -> Statement:
    from theory.statement import StatementError, find

    try:
        known = find(table["statement"])
    except StatementError as error:
        raise BadInput(f"verdict.statement: {error}") from None
    if len(known) > 1:
        raise BadInput(f"verdict.statement must be one statement, got {len(known)} that match {table['statement']}")
    names = known[0].claim(known[0].witness).clause_names
    if table["clause"] and table["clause"] not in names:
        raise BadInput(f'verdict.clause: {known[0].id} has no clause "{table["clause"]}"; it has {", ".join(names)}')
    return known[0]


def parameters(statement: Statement, given: Mapping[str, Any]) -> dict[str, Read]:
    """What reads each of a statement's own parameters, those beside its model; all must be given.

    Raises:
        BadInput: naming a parameter that is missing.
    """
    readers = {name: _like(example) for name, example in statement.witness.items() if name != "model"}
    for name in readers:
        if name not in given:
            raise BadInput(f"parameters.{name} is missing: {statement.id} takes {', '.join(readers)}")
    return readers


def _like(example: Any) -> Read:
    """Reads a value of the kind that a statement's witness has."""

    def read(value: Any, path: str) -> Any:
        if isinstance(example, tuple) and isinstance(value, list):
            return [
                _like(e)(v, f"{path}[{i}]") for i, (e, v) in enumerate(zip(_each(example, value), value, strict=True))
            ]
        if isinstance(example, bool):
            return _flag(value, path)
        if isinstance(example, Fraction):
            return number(value, path)
        if isinstance(example, int):
            return whole(value, path, -MAX_SIZE)
        if isinstance(example, str) and isinstance(value, str):
            return value
        raise wrong(path, f"like {plain(example)}", value)

    return read


def typed(value: Any, example: Any) -> Any:
    """A value that ``parameters`` read, of the type that the statement takes.

    >>> typed(["1/2", 3], (Fraction(1), 1))
    (Fraction(1, 2), 3)
    """
    if isinstance(example, tuple):
        return tuple(map(typed, value, _each(example, value)))
    return rational(value) if isinstance(example, Fraction) else value


def _each(example: tuple[Any, ...], value: Sequence[Any]) -> Sequence[Any]:
    """What the entries of a list are like: of the same length entry by entry, else all like the first."""
    return example if len(example) == len(value) else (example[:1] or (0,)) * len(value)


def plain(example: Any) -> Any:
    """A parameter as it stands in a sweep file.

    >>> plain((2, Fraction(1, 3)))
    [2, '1/3']
    """
    return (
        list(map(plain, example))
        if isinstance(example, tuple)
        else str(example)
        if isinstance(example, Fraction)
        else example
    )


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(path, "true or false", value)
    return value


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise wrong(path, "text", value)
    return value


def _engines(value: Any, path: str) -> list[str]:
    if not isinstance(value, list) or not value:
        raise wrong(path, f"a list of {', '.join(ENGINES)}", value)
    names = [choice(name, f"{path}[{i}]", ENGINES) for i, name in enumerate(value)]
    require_different(path, names)
    return names


def _seconds(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_SECONDS:
        raise wrong(path, f"a number of seconds up to {MAX_SECONDS}", value)
    return value


_CHECKS: dict[str, Read] = {
    "digits": partial(whole, most=MAX_DIGITS),
    "statement": _text,
    "clause": _text,
    "engines": _engines,
    "seconds": _seconds,
    "layer": partial(whole, most=MAX_DEPTH),
    "full": _flag,
    "regularised": _flag,
}
