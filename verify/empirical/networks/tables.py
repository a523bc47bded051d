"""What is said of a run: a row for each checkpoint, and at its end what is predicted beside what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from verify.calculator import table
from verify.empirical.networks.looks import Head

LINEAR = ("step", "loss", "above", "NC1", "NC2 of H", "NC2 of P", "NC3", "|H'H|", "|PP'|", "|PH|")
RELU = ("step", "loss", "NC1", "NC2", "NC3")
MOST_CLASSES = 20


def heads(head: Head) -> tuple[str, ...]:
    """The heads of the columns of ``row``."""
    return LINEAR if head.model.is_linear else (*RELU, "ranks before → behind each ReLU")


def row(head: Head, look: dict[str, Any]) -> tuple[str, ...]:
    """One checkpoint.

    With linear layers: loss; how far above the optimum, relative to it; NC1, NC2 and NC3 of Dang et al. 2023; distances
    of the Gram matrices H̄ᵀH̄ and PPᵀ and of the logits PH̄ from the predicted, relative, scale included. With ReLUs: DNC1
    and DNC2 of σ(H_L), DNC3 of W_L, and ranks of class means.
    """
    if head.model.is_linear:
        first, distances = look["layers"][0], look["distances"]
        numbers = (
            *(look["relative_difference"], first["dang2023_nc1"], first["dang2023_nc2_features"]),
            *(look["dang2023_nc2_weights"], look["dang2023_nc3"]),
            *(first["gram_distance"], distances["weights_gram"], distances["logits"]),
        )
        return (str(look["step"]), f"{look['loss']:.6f}", *map(_brief, numbers))
    L = head.model.M
    last = (_brief(look[name]) for name in (f"dnc1_relu_H_{L}", f"dnc2_relu_H_{L}", f"dnc3_W_{L}"))
    ranks = "  ".join(_ranks(look, layer) for layer in range(2, L + 1))
    return (str(look["step"]), f"{look['loss']:.6f}", *last, ranks)


def summary(head: Head, looks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The end of a run beside what is predicted."""
    look = looks[-1]
    yield from table(
        ("", "loss"), [("found", f"{look['loss']:.8f}"), *((n, f"{x:.8f}") for n, x in head.lines.items())]
    )
    yield ""
    yield from _classes(head, look) if head.model.is_linear else _layers(head, look)


def _classes(head: Head, look: dict[str, Any]) -> list[str]:
    """Gains and squared norms by class, predicted and found."""
    found = {
        "gains": _diagonal(look["grams"]["logits"]),
        "weights": _diagonal(look["grams"]["weights"]),
        "features": _diagonal(look["grams"]["features"]),
    }
    titles = {"gains": "gain", "weights": "‖w‖²", "features": "‖h‖²"}
    columns = [part for title in titles.values() for part in (title, "found")]
    rows = []
    for k, n in enumerate(head.model.class_sizes[:MOST_CLASSES]):
        pairs = (x for name in titles for x in (head.predicted[name][k], found[name][k]))
        rows.append((str(k), str(n), *(f"{x:.6g}" for x in pairs)))
    return table(("class", "size", *columns), rows)


def _layers(head: Head, look: dict[str, Any]) -> list[str]:
    """Metrics of Súkeník et al. 2023 by layer, and ranks."""
    first = [_brief(look[name]) for name in ("dnc1_H_1", "dnc2_H_1")]
    rows = [("1", *first, "–", _brief(look["dnc3_W_1"]), f"{look['rank_H_1']:.0f}")]
    for layer in range(2, head.model.M + 1):
        names = (f"dnc1_relu_H_{layer}", f"dnc2_H_{layer}", f"dnc2_relu_H_{layer}", f"dnc3_W_{layer}")
        rows.append((str(layer), *(_brief(look[name]) for name in names), _ranks(look, layer)))
    return table(("layer", "DNC1 of what W sees", "DNC2 of H", "DNC2 of σ(H)", "DNC3 of W", "ranks of H, σ(H)"), rows)


def _ranks(look: dict[str, Any], layer: int) -> str:
    return f"{look[f'rank_H_{layer}']:.0f} → {look[f'rank_relu_H_{layer}']:.0f}"


def _diagonal(matrix: Sequence[Sequence[float]]) -> list[float]:
    return [line[k] for k, line in enumerate(matrix)]


def _brief(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def line(cells: Sequence[str]) -> str:
    """Cells as a line, before the next one is known.

    >>> line(("10", "0.5"))
    '    10        0.5'
    """
    return "  ".join([cells[0].rjust(6), *(cell.rjust(9) for cell in cells[1:])])
