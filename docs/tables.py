"""A guard for the built pages: a table in Markdown that was not understood stands on its page as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CODE = re.compile(r"<(pre|code|script)\b.*?</\1>", re.DOTALL)
RULE = re.compile(r"\|\s*:?(-{3,}|—|–-?):?\s*\|")
"""The line under a table's heading, as it is written or with the dashes that a typesetter makes of it."""


def connect(app: Any) -> None:
    """Look through the pages at the end of a build."""
    app.connect("build-finished", check)


def check(app: Any, exception: Exception | None) -> None:
    """Fail where a page shows a table as text.

    Raises:
        ValueError: naming the pages.
    """
    if exception is None and app.builder.format == "html" and (pages := list(raw(Path(app.outdir)))):
        raise ValueError(f"a table in Markdown is shown as text on {', '.join(pages)}")


def raw(folder: Path) -> Iterator[str]:
    """The pages below a folder that hold a table in Markdown outside code."""
    for path in sorted(folder.rglob("*.html")):
        if RULE.search(CODE.sub("", path.read_text(encoding="utf-8"))):
            yield str(path.relative_to(folder))
