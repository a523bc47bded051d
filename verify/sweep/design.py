"""A sweep file: the axes of its design, point by point without a list of them, and what is computed at each.

A grid has every combination, the first key slowest; a random design has some different points of that grid, in an order
that the seed decides.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import shake_256
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import BadInput
from verify.sweep.compute import parameters, read_compute, typed
from verify.sweep.fitting import require_fitting
from verify.sweep.values import MODEL, Read, choice, described, meaning, require_different, spaced, whole, wrong

if TYPE_CHECKING:
    from theory.statement import Statement

MAX_POINTS = 10**7
"""Most points of a design."""
MAX_BYTES = 10**7
"""Longest sweep file."""
TABLES = ("design", "model", "parameters", "optimum", "verdict", "refuter", "spectrum")

Axes = Mapping[str, Sequence[Any]]
"""Values by the path of their key, in the file's order."""


@dataclass(frozen=True)
class Design:
    """The points at which something is computed: ``points`` of the grid's, or all.

    >>> design = Design({"model.depth": (1, 2), "model.decay": ("1/9", "1/5", "1/3")}, {"optimum": {"digits": 9}})
    >>> len(design), design[4]
    (6, {'model.depth': 2, 'model.decay': '1/5'})
    """

    axes: Axes
    compute: Mapping[str, Mapping[str, Any]]
    seed: int = 0
    points: int | None = None

    @property
    def size(self) -> int:
        """The number of points of the grid."""
        return prod(map(len, self.axes.values()))

    @property
    def varying(self) -> list[str]:
        """The keys that have several values."""
        return [path for path, values in self.axes.items() if len(values) > 1]

    def __len__(self) -> int:
        return self.size if self.points is None else self.points

    def __getitem__(self, index: int) -> dict[str, Any]:
        """The values at a point, by path."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = index if self.points is None else shuffled(index, self.size, self.seed)
        found: dict[str, Any] = {}
        for path, values in reversed(list(self.axes.items())):
            place, i = divmod(place, len(values))
            found[path] = values[i]
        return dict(reversed(list(found.items())))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))


def shuffled(index: int, size: int, seed: int) -> int:
    """Where a number is in a random order of range(size): four Feistel rounds, repeated until the result is in range.

    >>> sorted(shuffled(i, 10, seed=1) for i in range(10)) == list(range(10))
    True
    """
    half = ((size - 1).bit_length() + 1) // 2
    while True:
        left, right = index >> half, index & ((1 << half) - 1)
        for turn in range(4):
            noise = shake_256(f"{seed} {turn} {right}".encode()).digest(half // 8 + 1)
            left, right = right, left ^ (int.from_bytes(noise) & ((1 << half) - 1))
        index = left << half | right
        if index < size:
            return index


def read(path: Path) -> Design:
    """Read a sweep file.

    Raises:
        BadInput: naming the file, or the path of the key, and what is wrong.
    """
    data = _tables(path)
    for name, table in data.items():
        if name not in TABLES:
            raise BadInput(f"{name} is not a table of a sweep file; there are {', '.join(TABLES)}")
        if not isinstance(table, dict):
            raise BadInput(f"{name} must be a table, [{name}], got {described(table)}")
    compute, statement = read_compute(data)
    own = parameters(statement, data.get("parameters", {})) if statement else {}
    readers = {"model": MODEL, "parameters": own}
    axes = {
        f"{name}.{key}": _axis(value, f"{name}.{key}", _reader(name, key, readers[name]))
        for name in data
        if name in readers
        for key, value in data[name].items()
    }
    for axis, values in axes.items():
        if isinstance(values, tuple):
            require_different(axis, (_exact(axis, value, statement) for value in values))
    _require_model(data, compute, statement)
    design = _sized(data.get("design", {}), axes, compute)
    require_fitting(axes, compute)
    return design


def _tables(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:  # a device or a pipe has no size
            content = file.read(min(path.stat().st_size or MAX_BYTES, MAX_BYTES) + 1)
        if len(content) > MAX_BYTES:
            raise BadInput(f"{path} is longer than {MAX_BYTES} bytes")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from None
    except RecursionError:
        raise BadInput(f"{path} cannot be read (its lists are nested too deeply)") from None
    except ValueError as error:
        raise BadInput(f"{path} is not valid TOML ({error})") from None


def _reader(table: str, key: str, keys: Mapping[str, Read]) -> Read:
    if key not in keys:
        known = f"there are {', '.join(keys)}" if keys else "there are none"
        raise BadInput(f"{table}.{key} is not a key; {known}")
    return keys[key]


def _axis(value: Any, path: str, reader: Read) -> Sequence[Any]:
    """A value, a list of values, or a range."""
    if isinstance(value, dict):
        return spaced(value, path, reader)
    if not isinstance(value, list):
        return (reader(value, path),)
    if not value:
        raise BadInput(f"{path} is empty: the design has no points")
    return tuple(reader(one, f"{path}[{i}]") for i, one in enumerate(value))


def _exact(path: str, value: Any, statement: Statement | None) -> Any:
    """What a value stands for, however it is spelt."""
    table, key = path.split(".")
    return meaning(key, value) if table == "model" or statement is None else typed(value, statement.witness[key])


def _require_model(data: Mapping[str, Any], compute: Mapping[str, Any], statement: Any) -> None:
    """What must stand in ``model``, and that something needs it."""
    of_model = [name for name in compute if name != "verdict"]
    takes = statement is not None and "model" in statement.strategies
    if not of_model and not takes:
        if "model" in data:
            raise BadInput(f"model does not belong there: {statement.id} takes no model")
        return
    if "model" not in data:
        raise BadInput(f"model is missing: {of_model[0] if of_model else statement.id} needs one")
    keys = data["model"]
    if ("classes" in keys) == ("sizes" in keys):
        raise BadInput("model.classes or model.sizes must be given, and not both")
    if "samples" in keys and "sizes" in keys:
        raise BadInput("model.samples goes with model.classes; model.sizes says all")
    pair = {"weight_decays", "feature_decay"} & set(keys)
    if ("decay" in keys) == bool(pair) or len(pair) == 1:
        raise BadInput("model.decay must be given, or model.weight_decays together with model.feature_decay")


def _sized(table: Mapping[str, Any], axes: Axes, compute: Mapping[str, Any]) -> Design:
    """The design with as many points as are asked for."""
    for key in table:
        if key not in ("kind", "points", "seed"):
            raise BadInput(f"design.{key} is not a key; there are kind, points, seed")
    kind = choice(table.get("kind", "grid"), "design.kind", ("grid", "random"))
    seed = whole(table.get("seed", 0), "design.seed", 0, 2**32)
    design = Design(axes, compute, seed)
    if kind == "grid":
        if "points" in table:
            raise BadInput('design.points belongs to design.kind = "random"')
        if design.size > MAX_POINTS:
            longest = " × ".join(f"{len(axes[path])} of {path}" for path in design.varying)
            raise BadInput(f"design has {design.size} points, more than {MAX_POINTS}: {longest}")
        return design
    if "points" not in table:
        raise BadInput("design.points is missing: how many points a random design has")
    points = whole(table["points"], "design.points", 1, MAX_POINTS)
    if points > design.size:
        raise wrong("design.points", f"at most {design.size}, the points of the grid", points)
    return Design(axes, compute, seed, points)
