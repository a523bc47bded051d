"""Tables that stand in the documentation between two markers, which name what makes them."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
END = "<!-- end -->"


def put(page: str, name: str, maker: str, text: str) -> None:
    """Replace what stands in a page of ``docs`` between the markers of a name.

    Raises:
        ValueError: when the page has no place for it, or no end of that place.
    """
    path, begin = DOCS / page, f"<!-- {name}: made by benchmarks/{maker} -->"
    before, begun, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"{page} has no {begin} with an {END} behind it")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{END}{after}", encoding="utf-8")
