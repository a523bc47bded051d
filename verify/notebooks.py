"""What notebooks need: pictures that are always there, sliders where there are widgets, and tables of verdicts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from verify.pictures.style import rules

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 110
"""Dots an inch on a screen."""


def show(figure: Figure, text: str = "picture") -> Any:
    """Display a figure as PNG, with a text for those who do not see it; returns the handle of the display.

    Raises:
        ImportError: where IPython is missing.
    """
    from IPython.display import Image, display

    return display(Image(_png(figure), alt=text), metadata={"alt": text}, display_id=True)


def explore(draw: Callable[..., Figure], **controls: Sequence[Any]) -> None:
    """Show ``draw()`` as a static picture, and below it a slider for each control that draws it again.

    Args:
        draw: its defaults say where the sliders start, and what the static picture shows.
        controls: the values that a parameter may take, in order.

    Raises:
        ValueError: for a control that is no parameter, or whose default is not among its values.
    """
    starts = starting(draw, controls)
    said = inspect.getdoc(draw) or draw.__name__
    handle = show(draw(**starts), said)
    try:
        from ipywidgets import HBox, SelectionSlider
    except ImportError:
        return
    from IPython.display import Image, display

    sliders = {
        name: SelectionSlider(
            options=[(str(value), value) for value in values],
            value=starts[name],
            description=name.replace("_", " "),
            continuous_update=False,
        )
        for name, values in controls.items()
    }

    def redraw(_: Any) -> None:
        try:
            drawn = Image(_png(draw(**{name: slider.value for name, slider in sliders.items()})), alt=said)
            handle.update(drawn, metadata={"alt": said})
        except ValueError as error:
            handle.update({"text/plain": str(error)}, raw=True)

    for slider in sliders.values():
        slider.observe(redraw, "value")
    display(HBox(list(sliders.values())))


def starting(draw: Callable[..., Any], controls: dict[str, Sequence[Any]]) -> dict[str, Any]:
    """The defaults of the parameters that are controlled.

    >>> starting(lambda depth=3: None, {"depth": range(1, 5)})
    {'depth': 3}
    """
    parameters = inspect.signature(draw).parameters
    starts = {}
    for name, values in controls.items():
        if name not in parameters:
            raise ValueError(f"{name} is not a parameter of the function that is explored")
        starts[name] = parameters[name].default
        if starts[name] not in list(values):
            raise ValueError(f"the default of {name} must be among its values, got {starts[name]!r}")
    return starts


def established(*ids: str, engines: Sequence[str] = ("symbolic",)) -> None:
    """Examine statements now, at their witness and configurations, and display what was found and how sure it is.

    Args:
        engines: which engines examine them.

    Raises:
        StatementError: for an id that is not known.
    """
    import proofs
    from theory.statement import find
    from verify.report import in_words
    from verify.runner import examine

    rows, known = [], set()
    for id in ids:
        (statement,) = find(id)
        known |= {statement.source.provenance, *dict(statement.source.parts)} if statement.source else set()
        verdict = in_words(examine(statement, engines, count=0))
        theorem = proofs.find(id)
        used = ", ".join(theorem.axioms) if theorem is not None and "proved" in verdict else ""
        rows.append((f"`{id}`", statement.title, f"**{verdict}**", used, str(statement.source)))
    table(("statement", "says", "verdict", "classical facts used", "source"), rows, wordings(known))


def wordings(keys: Iterable[str]) -> str:
    """What the letters behind a source mean.

    >>> wordings("RP")
    "`[P]` the paper's own text was read; `[R]` reconstructed: the printed text was not seen."
    """
    from theory.statement import PROVENANCE

    return "; ".join(f"`[{key}]` {PROVENANCE[key]}" for key in sorted(keys)) + "."


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> None:
    """Display a table, and a note below it.

    Raises:
        ImportError: where IPython is missing.
    """
    from IPython.display import Markdown, display

    display(Markdown(f"{markdown(heads, rows)}\n\n{note}".rstrip()))


def markdown(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown; bars within cells are escaped.

    >>> print(markdown(("n", "norm"), [(1, "|x|")]))
    | n | norm |
    |---|---|
    | 1 | \\|x\\| |
    """
    lines = [heads, ["---"] * len(heads), *rows]
    texts = [[" ".join(str(cell).split()).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"|{'|'.join(cells)}|" if cells[0] == "---" else f"| {' | '.join(cells)} |" for cells in texts)


def _png(figure: Figure) -> bytes:
    target = BytesIO()
    with rules():
        figure.savefig(target, format="png", dpi=DOTS, metadata={"Software": None})
    return target.getvalue()
