"""Pictures in a notebook: always a static one; sliders that redraw it where there are widgets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
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
        ImportError: outside a notebook's environment (IPython is missing).
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
    handle = show(draw(**starts), inspect.getdoc(draw) or draw.__name__)
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
            handle.update(Image(_png(draw(**{name: slider.value for name, slider in sliders.items()}))))
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


def _png(figure: Figure) -> bytes:
    target = BytesIO()
    with rules():
        figure.savefig(target, format="png", dpi=DOTS, metadata={"Software": None})
    return target.getvalue()
