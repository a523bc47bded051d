"""Pictures in files: SVG and PNG, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from verify.errors import BadInput
from verify.pictures.style import rules

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png")
DOTS = 200
"""Dots an inch in PNG: text stays sharp on paper."""


def require_picture(path: str | Path, name: str = "a picture") -> None:
    """Reject a path that ends in neither .svg nor .png, or lies in a folder that is not there.

    Raises:
        BadInput: naming the option (``name``) and the path.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise BadInput(f"{name} needs a file that ends in {' or '.join(ENDINGS)}, got {path}")
    if not Path(path).parent.is_dir():
        raise BadInput(f"{name}: {path} cannot be written (there is no folder {Path(path).parent})")
    if Path(path).is_dir():
        raise BadInput(f"{name} {path}: cannot be written (Is a directory)")


def save(figure: Figure, path: str | Path, name: str = "a picture") -> None:
    """Write a figure as SVG or PNG, without dates or random names, so that equal figures are equal files.

    Raises:
        BadInput: for another ending, or where the file cannot be written.

    >>> from verify.pictures import jump
    >>> save(jump(), "jump.pdf")
    Traceback (most recent call last):
    verify.errors.BadInput: a picture needs a file that ends in .svg or .png, got jump.pdf
    """
    require_picture(path, name)
    ending = Path(path).suffix.lower()
    metadata = {"Date": None} if ending == ".svg" else None
    try:
        with rules():
            figure.savefig(path, format=ending[1:], dpi=DOTS, metadata=metadata)
    except OSError as error:
        raise BadInput(f"{name}: {path} cannot be written ({error.strerror})") from None
