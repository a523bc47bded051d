"""What a sweep found, as phases over the keys that vary: which classes are zero, what holds, what is beaten.

The last key that varies goes up, the one before it to the right, and a third one has a panel for each value. Dots are
the points that were computed; a phase changes somewhere between two of them, and is drawn up to half way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any

from theory.arithmetic.rationals import rational
from verify.errors import BadInput
from verify.pictures.phases import HATCHES, Look, column, handles, shade
from verify.pictures.style import BLACK, GREEN, PALE, SKY, VERMILION, cut, named, panels, picture, series, sheet
from verify.sweep.design import Design
from verify.sweep.run import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 100_000
MOST_PANELS = 6
MOST_TICKS = 12
MOST_DOTS = 4000
"""Most points of a panel that are marked in a grid; where there are more, cells are about as small as dots."""
DOT = 2.5
"""Points (of print) of a mark."""
WIDE = 20.0
"""Positive numbers whose ends are farther apart than this factor have a logarithmic axis."""

TITLES = {
    "optimum": "classes at the optimum",
    "verdict": "verdict on {statement}",
    "refuter": "is collapse beaten?",
}
"""Tables of a sweep file that have phases."""

NAMES = {
    "model.classes": "classes K",
    "model.samples": "samples of each class",
    "model.sizes": "class sizes",
    "model.depth": "layers M",
    "model.decay": "decay λ",
    "model.feature_decay": "decay λ_H of the features",
    "model.bias_decay": "decay λ_b of the bias",
    "model.alpha": "α",
    "model.gamma": "γ",
}
"""What the keys of a sweep file are called in a picture; others by their last part."""

LOOKS = {
    look.label: look
    for look in (
        Look("beaten", VERMILION, "///"),
        Look("not beaten", PALE),
        Look("holds, proved", GREEN),
        Look("holds, certified", SKY),
        Look("holds, numerical", PALE),
        Look("refuted, certified", VERMILION, "///"),
        Look("undecided", "white", "..."),
        Look("not applicable", "white", "xxx"),
        Look("not all zero", PALE),
        Look("all zero", "white"),
        Look("bounds only", "white", "..."),
        Look("problem", BLACK),
    )
}

Cells = Mapping[str, str]


def require_drawable(design: Design) -> None:
    """Reject, before the work, a sweep that has no phases or too many.

    Raises:
        BadInput: saying what is too much or missing.
    """
    varying = design.varying
    if not set(TITLES) & set(design.compute):
        raise BadInput(f"--plot draws one of {', '.join(TITLES)}, and the file asks for none of them")
    if not 1 <= len(varying) <= 3:
        raise BadInput(f"--plot draws one to three keys that have several values, got {', '.join(varying) or 'none'}")
    if len(design) > MOST_POINTS:
        raise BadInput(f"--plot draws at most {MOST_POINTS} points, got {len(design)}")
    if len(varying) == 3 and len(design.axes[varying[0]]) > MOST_PANELS:
        raise BadInput(f"--plot has at most {MOST_PANELS} panels, one for each {varying[0]}")


@dataclass(frozen=True)
class Scale:
    """Where the values of a key lie along an axis, and from where to where their cells reach.

    Between numbers of a ``continuous`` key there are others, but beyond its ends nothing was computed.
    """

    key: str
    names: tuple[str, ...]
    places: tuple[float, ...]
    log: bool
    numeric: bool
    continuous: bool = False

    @property
    def title(self) -> str:
        """What the key is called."""
        return called(self.key)

    @property
    def sides(self) -> list[tuple[float, float]]:
        """The ends of each cell, half way to its neighbours; a continuous key ends with its values."""
        if len(self.places) == 1:
            return [(self.places[0] - 0.5, self.places[0] + 0.5)]
        inner = [sqrt(a * b) if self.log else (a + b) / 2 for a, b in zip(self.places, self.places[1:], strict=False)]
        first, last = (
            end if self.continuous else end * end / side if self.log else 2 * end - side
            for end, side in ((self.places[0], inner[0]), (self.places[-1], inner[-1]))
        )
        ends = [first, *inner, last]
        return list(pairwise(ends))


def called(key: str) -> str:
    """The name of a key in a picture.

    >>> called("model.decay"), called("model.widths"), called("parameters.r")
    ('decay λ', 'widths', 'r')
    """
    return NAMES.get(key, key.rpartition(".")[2].replace("_", " "))


def scale(key: str, values: Sequence[Any]) -> Scale:
    """Numbers that increase lie where they are, other values beside each other; integers are not continuous.

    >>> scale("model.decay", ("1/100", "1/10", "1")).sides[:2]
    [(0.01, 0.03162277660168379), (0.03162277660168379, 0.31622776601683794)]
    >>> scale("model.depth", (1, 2)).sides
    [(0.5, 1.5), (1.5, 2.5)]
    """
    names = tuple(map(text, values))
    try:
        numbers = [float(rational(value)) for value in values]
    except (TypeError, ValueError):
        numbers = []
    numeric = len(numbers) > 1 and all(a < b for a, b in pairwise(numbers))
    log = numeric and numbers[0] > 0 and numbers[-1] / numbers[0] > WIDE
    places = tuple(numbers) if numeric else tuple(map(float, range(len(names))))
    return Scale(key, names, places, log, numeric, numeric and not all(isinstance(value, int) for value in values))


@picture
def sweep_phases(design: Design, rows: Iterable[Cells]) -> Figure:
    """What was found at each point: cells of a grid, or marks of a random design.

    Args:
        design: what was asked for.
        rows: what was found, by the names of the table's columns.

    >>> design = Design({"model.depth": (1, 2)}, {"optimum": {"digits": 9}})
    >>> found = [{"model.depth": "1", "optimum.active": "3"}, {"model.depth": "2", "optimum.active": "0"}]
    >>> [axes.get_title() for axes in sweep_phases(design, found).axes]
    ['classes at the optimum']
    """
    parts = [name for name in design.compute if name in TITLES]
    scales = [scale(key, design.axes[key]) for key in design.varying]
    *third, x, y = [Scale("", ("",), (0.0,), False, False)] * (2 - len(scales)) + scales
    found = list(rows)
    figure = sheet(2.9 * len(parts) + 0.4, source=_source(design))
    grid = panels(figure, len(parts), len(third[0].names) if third else 1, sharex=True, sharey=True)
    for part, line in zip(parts, grid, strict=True):
        looks = _looks(part, found)
        for axes, value in zip(line, third[0].names if third else ("",), strict=True):
            chosen = [cells for cells in found if not third or cells[third[0].key] == value]
            draw = _cells if design.points is None else _marks
            draw(axes, x, y, [(cells, phase(part, cells)) for cells in chosen], looks)
            title = TITLES[part].format(**design.compute[part]) if axes is line[0] else ""
            axes.set_title("\n".join(filter(None, (title, f"{third[0].title} = {value}" if third else ""))))
        line[0].set_ylabel(y.title)
    for axes in grid[-1]:
        axes.set_xlabel(x.title)
    labels = [label for part in parts for label in _looks(part, found)]
    figure.legend(handles=named(_legend(figure, labels)), loc="outside right upper")
    return figure


def phase(part: str, cells: Cells) -> str:
    """The name of what was found at a point.

    >>> phase("optimum", {"optimum.active": "3"}), phase("refuter", {"refuter.conclusion": "beaten"})
    ('3 not zero', 'beaten')
    """
    if part == "refuter":
        return cells.get("refuter.conclusion") or "problem"
    if part == "verdict":
        conclusion, assurance = cells.get("verdict.conclusion", ""), cells.get("verdict.assurance", "")
        return f"{conclusion}, {assurance}" if assurance not in ("", "none") else conclusion or "problem"
    active = cells.get("optimum.active")
    if active is None and "optimum.by" not in cells:
        return "problem"
    trivial = {"yes": "all zero", "no": "not all zero"}.get(cells.get("optimum.trivial", ""), "bounds only")
    return "all zero" if active == "0" else f"{active} not zero" if active else trivial


def _looks(part: str, found: Sequence[Cells]) -> dict[str, Look]:
    """The looks of the phases that occur, in the order of the legend; most classes are darkest."""
    counts = sorted({int(active) for cells in found if (active := cells.get("optimum.active"))}, reverse=True)
    own = {
        f"{n} not zero": Look(f"{n} not zero", shade(n / counts[0]), HATCHES[i % len(HATCHES)])
        for i, n in enumerate(counts)
        if n
    }
    present = {phase(part, cells) for cells in found}
    return {label: look for label, look in {**own, **LOOKS}.items() if label in present}


Phases = Sequence[tuple[Cells, str]]
"""Points, each with the label of its phase."""


def _cells(axes: Any, x: Scale, y: Scale, found: Phases, looks: Mapping[str, Look]) -> None:
    """A grid, column by column, with a dot at each point; equal neighbours are one region."""
    at = {(cells.get(x.key, ""), cells.get(y.key, "")): looks[label] for cells, label in found}
    seen: set[str] = set()
    for name, sides in zip(x.names, x.sides, strict=True):
        column(
            axes, sides, _runs([(ends, at.get((name, up))) for up, ends in zip(y.names, y.sides, strict=True)]), seen
        )
    across, up = (dict(zip(s.names, s.places, strict=True)) for s in (x, y))
    places = [(across[left], up[bottom]) for left, bottom in at]
    if 0 < len(places) <= MOST_DOTS:
        style = {"color": BLACK, "marker": ".", "markersize": DOT, "linestyle": "none", "clip_on": False}
        axes.plot(*zip(*places, strict=True), **style)
    _label(axes, x, y)
    axes.set(xlim=(x.sides[0][0], x.sides[-1][1]), ylim=(y.sides[0][0], y.sides[-1][1]))


def _runs(cells: Iterable[tuple[tuple[float, float], Look | None]]) -> Iterator[tuple[float, float, Look]]:
    for look, run in groupby(cells, key=lambda cell: cell[1]):
        ends = [ends for ends, _ in run]
        if look is not None:
            yield ends[0][0], ends[-1][1], look


def _marks(axes: Any, x: Scale, y: Scale, found: Phases, looks: Mapping[str, Look]) -> None:
    """Some points, each with the marker of its phase."""
    across, up = (dict(zip(s.names, s.places, strict=True)) for s in (x, y))
    for index, label in enumerate(looks):
        places = [(across[c.get(x.key, "")], up[c.get(y.key, "")]) for c, other in found if other == label]
        if places:
            axes.plot(*zip(*places, strict=True), **{**series(index).style, "linestyle": "none"}, label=label)
    _label(axes, x, y)


def _label(axes: Any, x: Scale, y: Scale) -> None:
    """Names of values where they are no numbers, or few."""
    for s, set_scale, set_ticks in ((x, axes.set_xscale, axes.set_xticks), (y, axes.set_yscale, axes.set_yticks)):
        if s.log:
            set_scale("log")
        if not s.log and (not s.numeric or len(s.names) <= MOST_TICKS):
            step = -(-len(s.names) // MOST_TICKS)
            set_ticks(s.places[::step], s.names[::step])


def _legend(figure: Figure, order: Sequence[str]) -> list[Any]:
    """What is labelled in any panel, each label once."""
    found = {handle.get_label(): handle for axes in figure.axes for kind in handles(axes) for handle in kind}
    return [found[label] for label in dict.fromkeys(order)]


def _source(design: Design) -> str:
    fixed = [f"{called(path)} = {text(values[0])}" for path, values in design.axes.items() if len(values) == 1]
    asked = f"{design.points} points at random" if design.points is not None else ""
    return cut("; ".join(filter(None, (asked, *fixed))), 220)
