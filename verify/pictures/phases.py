"""Which classes are zero at the optimum: phases in depth and decay, the jump, norms along the decay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from theory.closed_form.confidence import critical_load, deficit
from theory.closed_form.modes import decay_threshold
from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures, run_lengths
from verify.pictures.style import BLACK, GREY, cited, cut, named, panels, picture, series, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS = 160
"""Decays at which a curve is evaluated."""
TICKS = 12
"""Most depths that are named on an axis."""
DIGITS = 12
BELOW = 1e-5
"""How far below a threshold, relative to it, a curve is evaluated: the jump is seen."""
ROOM = 3.0
"""Factor by which the axis of decays goes beyond the thresholds."""
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "++")


class Look(NamedTuple):
    """How a phase is drawn, and its name."""

    label: str
    color: str
    hatch: str = ""


def column(axes: Any, sides: tuple[float, float], regions: Iterable[tuple[float, float, Look]], seen: set[str]) -> None:
    """Draw phases above each other, from one height to another; the first of each name is labelled."""
    left, right = sides
    for bottom, top, look in regions:
        label = None if look.label in seen else look.label
        seen.add(look.label)
        style = {"color": look.color, "hatch": look.hatch, "edgecolor": GREY, "linewidth": 0.4}
        axes.bar((left + right) / 2, top - bottom, right - left, bottom, label=label, **style)


@picture
def phase_diagram(sizes: Sequence[int], depths: Sequence[int] = range(1, 9)) -> Figure:
    """For each depth the decays at which classes are zero, all decays being equal; no bias, widths of at least K.

    A class of size n is zero above λ = (q* nᴹ)^{1/(M+1)}/N, q* = (M−1)^{M−1}/M^{2M}, which is enclosed exactly.

    Args:
        sizes: n_1 … n_K.
        depths: numbers of weight matrices, each at least 1.

    Source: Dang et al. 2023 (arXiv 2301.00437), sections 2.5 and 4.

    >>> phase_diagram((20, 5), (1, 2)).axes[0].lines[0].get_label()
    'threshold of n = 20'
    """
    different = sorted(set(sizes), reverse=True)
    counts = [sum(size >= n for size in sizes) for n in different]
    found = {M: [float(decay_threshold(tuple(sizes), n, M, DIGITS)) for n in different] for M in depths}
    low = min(map(min, found.values())) / ROOM
    high = max(map(max, found.values())) * ROOM
    figure = sheet(4.0, source=_source(sizes, "dang2023-scalar", "dang2023-deep-imbalanced"))
    ((axes,),) = panels(figure, 1, 1)
    alive = [*counts[::-1], 0]  # from the smallest decays up
    looks = [
        Look(
            f"{count} of {len(sizes)} classes not zero" if count else "all zero",
            shade(count / len(sizes)),
            HATCHES[i % len(HATCHES)],
        )
        for i, count in enumerate(alive)
    ]
    seen: set[str] = set()
    for M in depths:
        ends = [low, *found[M][::-1], high]
        column(axes, (M - 0.43, M + 0.43), zip(ends, ends[1:], looks, strict=False), seen)
    for index, n in enumerate(different):
        axes.plot(depths, [found[M][index] for M in depths], **series(index).style, label=f"threshold of n = {n}")
    axes.set(
        yscale="log",
        ylim=(low, high),
        xlabel="depth M, number of weight matrices",
        xticks=depths[:: ceil(len(depths) / TICKS)],
    )
    axes.set_ylabel("decay λ, the same for all factors")
    axes.set_title("which classes are not zero at the optimum")
    lines, regions = handles(axes)
    figure.legend(handles=[*named(regions[::-1]), *named(lines)], loc="outside right upper")
    return figure


@picture
def jump(depths: Sequence[int] = (1, 2, 3, 5), points: int = POINTS) -> Figure:
    """The confidence z of a class against λ/λ*, its decay over that of the threshold: at λ* it falls from (M−1)/M to 0.

    z is the largest root of (1−z)^{M+1} z^{M−1} = q with q = q* (λ/λ*)^{M+1}.

    Args:
        depths: numbers of weight matrices.
        points: rational λ/λ* at which z is enclosed.

    Source: Dang et al. 2023 (arXiv 2301.00437), sections 2.5 and 4.4.

    >>> jump((3,), points=4).axes[0].lines[0].get_label()
    'M = 3, falls from 2/3 to 0'
    """
    figure = sheet(3.4, source=cited("dang2023-scalar", "dang2023-deep-jump"))
    ((axes,),) = panels(figure, 1, 1)
    shares = [Fraction(k, points) for k in range(1, points + 1)]
    for index, M in enumerate(depths):
        look = series(index)
        curve = [confidence(M, share) for share in shares]
        falls = f"falls from {M - 1}/{M} to 0" if M > 1 else "continuous"
        axes.plot(list(map(float, shares)), curve, **look.style, markevery=[-1], label=f"M = {M}, {falls}")
        axes.plot([1, 1.5], [0, 0], color=look.color, linestyle=look.line)
    axes.axvline(1, color=GREY, linewidth=0.7, linestyle=":")
    axes.set(xlabel="λ/λ*, decay over that of the threshold", ylabel="confidence z of the class", ylim=(-0.03, 1.03))
    axes.set_title("the confidence of a class at the optimum, and where it becomes zero")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    return figure


def confidence(M: int, share: Fraction) -> float:
    """z at λ/λ* = ``share`` ≤ 1.

    >>> confidence(1, Fraction(1, 4)), confidence(2, Fraction(1))
    (0.75, 0.5)
    """
    q = critical_load(M) * share ** (M + 1)
    return 1 - float(deficit(M, q, DIGITS))


@picture
def norms(model: UnconstrainedFeatures, decays: Sequence[Fraction] = ()) -> Figure:
    """‖h̄_k‖ and ‖w_k‖ of each class size along the decay, the same for all factors, up to where the class is zero.

    Args:
        model: sizes, depth and widths; without a bias.
        decays: where the closed form is evaluated; default from a hundredth of the least threshold to beyond all.

    Raises:
        ValueError: for a model without a closed form, or with a bias.

    Source: Dang et al. 2023 (arXiv 2301.00437), section 4.

    >>> model = UnconstrainedFeatures(class_sizes=(3, 1), decays=1)
    >>> norms(model, [Fraction(1, 100), Fraction(1, 3)]).axes[0].lines[2].get_label()
    'n = 1'
    """
    if model.has_bias:
        raise ValueError("norms are drawn for models without a bias: with one, classes have no threshold of their own")
    different = sorted(set(model.class_sizes), reverse=True)
    thresholds = [float(decay_threshold(model.class_sizes, n, model.M, DIGITS)) for n in different]
    grid = decays or _decays(thresholds)
    first = {n: model.class_sizes.index(n) for n in different}
    found = [optimum(model.with_(decays=decay), DIGITS) for decay in grid]
    grams = [(best.features_gram().by_class(), best.weights_gram().by_class()) for best in found]
    ids = ("dang2023-deep-imbalanced",) if model.M > 1 else ("dang2023-norms-angles", "dang2023-minority-collapse")
    figure = sheet(3.2, source=_source(model.class_sizes, *ids, M=model.M))
    for side, (axes, what) in enumerate(zip(panels(figure, 1, 2)[0], (r"$\|\bar{h}_k\|$", r"$\|w_k\|$"), strict=True)):
        for index, (n, threshold) in enumerate(zip(different, thresholds, strict=True)):
            look = series(index)
            lengths = np.sqrt([float(pair[side][first[n]]) for pair in grams])
            shown = np.where(lengths > 0, lengths, np.nan)
            axes.plot(list(map(float, grid)), shown, **look.style, markevery=max(1, len(grid) // 8), label=f"n = {n}")
            axes.axvline(threshold, color=look.color, linewidth=0.7, linestyle=":")
        axes.set(xscale="log", xlabel="decay λ, the same for all factors", ylabel=what, ylim=(0, None))
    figure.axes[0].set_title("class means")
    figure.axes[1].set_title("rows of $P = W_M ⋯ W_1$" if model.M > 1 else "rows of W")
    lines, _ = handles(figure.axes[1])
    (dotted,) = figure.axes[1].plot([], [], color=BLACK, linewidth=0.7, linestyle=":", label="threshold")
    figure.legend(handles=[*named(lines), dotted], loc="outside right upper")
    return figure


def handles(axes: Any) -> tuple[list[Any], list[Any]]:
    """The labelled lines and the labelled bars of a picture."""
    handles, _ = axes.get_legend_handles_labels()
    lines = [handle for handle in handles if hasattr(handle, "get_xdata")]
    return lines, [handle for handle in handles if handle not in lines]


def _decays(thresholds: Sequence[float]) -> list[Fraction]:
    """From a hundredth of the least threshold to twice the largest, and just below each of them."""
    grid = [*np.geomspace(min(thresholds) / 100, 2 * max(thresholds), POINTS), *(t * (1 - BELOW) for t in thresholds)]
    return [Fraction(float(x)).limit_denominator(10**9) for x in sorted(grid)]


def _source(sizes: Sequence[int], *ids: str, M: int | None = None) -> str:
    depth = "" if M is None else f", M = {M}"
    return f"n = {cut(run_lengths(sizes))}{depth}, squared error, no bias.\nThresholds: {cited(*ids)}."


def shade(share: float) -> str:
    """Grey for the share of classes that are not zero, darkest for all of them."""
    return str(round(1 - 0.55 * share, 3))
