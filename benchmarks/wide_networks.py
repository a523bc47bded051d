"""The table of how tight the bounds of Jacot et al. 2024 are, in docs/wide-networks.md: ``make wide-networks``.

For each inequality descent maximises left/right at the instances of the statement; points that the claim names count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import ceil, floor, inf, log10
from typing import Any

from pages import put

from theory.claims import Inequality
from theory.statement import Instance, Statement, find
from verify.engines import Settings, load

DRAWN = 12
"""Drawn instances a statement, besides its witness."""

LARGE = 1e6
"""Ratios above this are not told apart."""

CLOSE = 1e-6
"""A ratio this close to 1 is shown as one that tends to 1."""


def tightest(statement: Statement) -> tuple[float, dict[str, Any], bool]:
    """The largest left/right, the first instance that has it, and whether at a point of claimed equality."""
    found = []
    for parameters in statement.instances(DRAWN):
        instance = Instance.of(statement, parameters)
        numbers = load("descent").examine(instance, Settings(device="cpu")).numbers
        assert isinstance(instance.claim, Inequality)
        unbounded = statement.expected.conclusion == "refuted" and numbers["least slack"] == -1
        ratio = inf if unbounded else float(numbers.get("largest ratio", -inf))
        found.append((ratio, parameters, bool(numbers.get("attained"))))
    return max(found, key=lambda one: (round(min(one[0], LARGE) / CLOSE), one[2]))


def shown(ratio: float, attained: bool) -> str:
    """A ratio with four digits, rounded down; 1 where it is attained."""
    if abs(ratio - 1) < CLOSE:
        return "1" if attained else "→ 1"
    return "∞" if ratio == inf else f"{rounded(ratio, floor, 4):.4g}"


def unnoticed(ratio: float) -> str:
    """The factor by which a right side could be too small without a point that shows it, rounded up; – for none."""
    return "–" if ratio > 1 - CLOSE else f"{rounded(1 / ratio, ceil, 5 if ratio > 0.99 else 3):.5g}"


def rounded(x: float, direction: Callable[[float], int], digits: int) -> float:
    """To so many digits."""
    place = 10.0 ** (digits - 1 - floor(log10(x)))
    return direction(x * place) / place


def row(statement: Statement) -> str:
    """One line of the table."""
    ratio, parameters, attained = tightest(statement)
    print(statement.id, ratio, file=sys.stderr, flush=True)
    tag = statement.source.letters if statement.source else ""
    at = ", ".join(f"{name} = {_plain(value)}" for name, value in parameters.items())
    verdict = " (false)" if statement.expected.conclusion == "refuted" else ""
    title = statement.title.split(". ")[0].rstrip(".").replace("|", "\\|")
    id = statement.id.removeprefix("jacot2024-")
    return f"| `{id}` | {title} | {tag} | {shown(ratio, attained)}{verdict} | {unnoticed(ratio)} | {at} |"


def _plain(value: Any) -> str:
    """A parameter as a reader writes it."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return {"True": "yes", "False": "no"}.get(str(value), str(value))


def main() -> None:
    """Replace what stands between the markers."""
    bounds = [s for s in find("jacot2024-*") if isinstance(s.claim(s.witness), Inequality)]
    heads = ("statement", "bound", "text", "largest ratio", "unnoticed", "at")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---:|---:|---|", *map(row, bounds)]
    put("wide-networks.md", "ratios", "wide_networks.py", "\n".join(lines))


if __name__ == "__main__":
    main()
