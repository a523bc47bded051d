"""What all pictures have in common: colours, markers, lines, sizes of text, and where the source stands.

Colours are those of Okabe and Ito, told apart by colour-blind readers; each comes with a marker and a line of its own,
so that a grey print tells the series apart too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

from verify.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"),
)
GREY, PALE = "#595959", "#D9D9D9"

TEXT = 9
"""Points of all text, in figures as wide as a page's text (7 inches)."""
NOTE = 7.5
"""Points of the source below a figure, and of numbers in cells."""
WIDTH = 7.0
LETTERS = 15
"""Letters of a note on an inch."""

MOST_NAMED = 10
"""Most series that a legend names."""

RULES: Any = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "legend.fontsize": TEXT - 1,
    "xtick.labelsize": TEXT - 1,
    "ytick.labelsize": TEXT - 1,
    "mathtext.fontset": "dejavusans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": True,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "collapse",
    "svg.fonttype": "path",
}


class Series(NamedTuple):
    """How one series looks."""

    color: str
    marker: str
    line: Any

    @property
    def style(self) -> dict[str, Any]:
        """Keywords of ``Axes.plot``."""
        return {"color": self.color, "marker": self.marker, "linestyle": self.line, "markerfacecolor": "white"}


SERIES = (
    Series(BLUE, "o", "-"),
    Series(VERMILION, "s", "--"),
    Series(GREEN, "^", "-."),
    Series(BLACK, "D", ":"),
    Series(PURPLE, "v", (0, (5, 1, 1, 1, 1, 1))),
    Series(ORANGE, "P", (0, (7, 2))),
    Series(SKY, "X", (0, (1, 1))),
)

P = ParamSpec("P")


def series(index: int) -> Series:
    """The look of a series; after seven they come again.

    >>> series(7) == series(0), len({(s.marker) for s in SERIES}) == len(SERIES)
    (True, True)
    """
    return SERIES[index % len(SERIES)]


def rules() -> AbstractContextManager[None]:
    """``RULES`` in place of whatever settings are in force, which are as they were afterwards.

    Raises:
        BadInput: where matplotlib is missing.
    """
    try:
        from matplotlib import rc_context
    except ImportError:
        raise BadInput("pictures need matplotlib: pip install matplotlib") from None
    return rc_context(RULES)


def picture(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with ``RULES``."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rules():
            return draw(*args, **kwargs)

    return drawn


def sheet(height: float, width: float = WIDTH, source: str = "") -> Figure:
    """An empty figure, in inches, with what it rests on below, in lines that are no wider."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if source:
        figure.supxlabel("\n".join(broken(source, width)), x=0.01, ha="left", fontsize=NOTE, color=GREY)
    return figure


def broken(source: str, width: float) -> list[str]:
    """The lines of what stands below a figure of some width, in inches.

    >>> broken("one two", 0.3), broken("", 7)
    (['one', 'two'], [])
    """
    lines = source.splitlines()
    return [part for line in lines for part in wrap(line, int(LETTERS * width), break_on_hyphens=False) or [""]]


def panels(figure: Figure, rows: int, columns: int, **options: Any) -> np.ndarray:
    """Axes (rows, columns)."""
    axes: np.ndarray = figure.subplots(rows, columns, squeeze=False, **options)
    return axes


def named(handles: Sequence[Any], most: int = MOST_NAMED) -> list[Any]:
    """The first handles of a legend, and how many more there are.

    >>> from matplotlib.lines import Line2D
    >>> [handle.get_label() for handle in named([Line2D([], [], label=name) for name in "abcd"], 2)]
    ['a', 'b', 'and 2 more']
    """
    from matplotlib.lines import Line2D

    left_out = len(handles) - most
    more = [Line2D([], [], linestyle="none", label=f"and {left_out} more")] if left_out > 0 else []
    return [*handles[:most], *more]


def cut(text: str, limit: int = 110) -> str:
    """A text on a line that fits below a picture, with words of its middle left out where it is long.

    >>> cut("n = 200, 100, 50, 20", 12)
    'n = … 20'
    """
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2].rsplit(' ', 1)[0]} … {text[-(limit // 2) :].split(' ', 1)[-1]}"


def signed() -> LinearSegmentedColormap:
    """Orange below 0, white at 0, blue above, darkest at the top: in grey print no other entry is as dark."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [VERMILION, "#F2C078", "#FFFFFF", "#7FB2DA", "#003A5D"])


def cited(*ids: str) -> str:
    """The sources of some statements in short: each paper with its places, and the statements' ids.

    >>> cited("dang2023-deep-imbalanced", "dang2023-deep-jump")
    'Dang et al. 2023, Theorem 4.4; section 4.4 (dang2023-deep-imbalanced, dang2023-deep-jump)'
    """
    from theory.statement import statements

    known, places = statements(), dict[str, list[str]]()
    for id in ids:
        found = known[id].source
        if found is not None:
            places.setdefault(found.paper.split(",")[0], []).append(found.locator)
    papers = ". ".join(f"{paper}, {'; '.join(dict.fromkeys(where))}" for paper, where in places.items())
    return f"{papers} ({', '.join(ids)})"
