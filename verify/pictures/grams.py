"""Gram matrices as tables of colour: what was found, with the predicted ones beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.closed_form import softmax
from theory.closed_form.optimum import has_closed_form, optimum
from theory.model import UnconstrainedFeatures
from theory.ops import Expression
from verify.pictures.style import NOTE, WIDTH, broken, cited, cut, panels, picture, sheet, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

KINDS = {
    "logits": r"logits $P\bar{H}$",
    "weights": r"weights $PP^T$",
    "features": r"class means $\bar{H}^T\bar{H}$",
}
"""The three Gram matrices of NC2 and NC3, P = W_M ⋯ W_1."""
MOST = 2000
"""Most classes: a matrix of four million entries."""
WITH_NUMBERS = 7
"""Most classes for which each cell shows its number."""
SMALL = 0.1
"""Numbers below it have so many zeros that two digits must do."""
WITH_TICKS = 20
"""Most classes that are named on the axes."""
SIDE_BY_SIDE = 24
"""Letters, with a space after each name, that have room along a matrix; more are turned."""


@picture
def gram_matrices(
    model: UnconstrainedFeatures, found: Mapping[str, Array] | None = None, name: str = "measured"
) -> Figure:
    """P H̄, P Pᵀ and H̄ᵀH̄ (K × K) as predicted at the optimum, and below them those that were found, on the same scales.

    Args:
        found: matrices by the names in ``KINDS``, such as ``grams(weights, means)``.
        name: what the found ones are called.

    Raises:
        ValueError: where no closed form is proved, for a matrix that is not K × K, or an unknown name.

    Source: that of the model's closed form, which stands below the picture.
    """
    matrices, theorem = predicted(model)
    rows = {"predicted": matrices}
    if found is not None:
        rows[name] = {kind: _square(kind, found, model.K) for kind in found}
    axis = "class" if model.balanced else "class size $n_k$"
    return heatmaps(rows, classes(model), f"{shortened(model)}.\nPredicted: {theorem}.", axis)


def predicted(model: UnconstrainedFeatures) -> tuple[dict[str, Array], str]:
    """The three matrices at the optimum, by the names in ``KINDS``, and the theorem that gives them.

    Raises:
        ValueError: where no closed form is proved, or for too many classes.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), decays="1/10", loss="ce")
    >>> predicted(model)[0]["logits"].round(3).tolist(), predicted(model)[1]
    ([[1.099, -1.099], [-1.099, 1.099]], 'Zhu et al. 2021, theorem on global optimality (zhu2021-ce-etf)')
    """
    if model.K > MOST:
        raise ValueError(f"at most {MOST} classes can be drawn, got {model.K}")
    if has_closed_form(model):
        best = optimum(model)
        shift = np.array([float(b) for b in best.bias or [0] * model.K])
        matrices = {
            "logits": best.logits(dense=True).array() - shift[:, None],
            "weights": best.weights_gram(dense=True).array(),
            "features": best.features_gram(dense=True).array(),
        }
        return matrices, _of_modes(model)
    for is_known, factors, ids in (
        (softmax.has_simplex, softmax.simplex_factors, {"ce": "zhu2021-ce-etf", "label-smoothing": "losses-scale"}),
        (softmax.has_orthogonal, softmax.orthogonal_factors, {"ce": "dang2024-relu-ce"}),
    ):
        if is_known(model):
            W, means = (floats(factor) for factor in factors(model))
            return grams([W], means), cited(ids[model.loss])
    raise ValueError(f"no closed form of the Gram matrices is proved here ({shortened(model)})")


def floats(formula: Expression) -> Array:
    """The value of a formula without variables, in floats."""
    from theory.arithmetic.floats import to_float

    value: Array = to_float(formula).numpy()
    return value


def grams(weights: Sequence[Array], means: Array) -> dict[str, Array]:
    """The three matrices of weights W_1 … W_M and class means H̄ (d × K), by the names in ``KINDS``.

    >>> grams([np.eye(2), 2 * np.eye(2)], np.eye(2))["weights"]
    array([[4., 0.],
           [0., 4.]])
    """
    product = weights[0]
    for W in weights[1:]:
        product = W @ product
    return {"logits": product @ means, "weights": product @ product.T, "features": means.T @ means}


@picture
def heatmaps(
    rows: Mapping[str, Mapping[str, Array]], names: Sequence[str] = (), source: str = "", axis: str = ""
) -> Figure:
    """Matrices in a table of panels: a row for each name, a column for each kind of matrix with one scale.

    Args:
        rows: by name of the row, then by kind, one of ``KINDS`` or a title of its own.
        names: of the matrices' rows and columns.
        source: what stands below.
        axis: what rows and columns are.

    Raises:
        ValueError: where nothing is there to be drawn.

    >>> heatmaps({"one": {"$A$": np.eye(2)}}).axes[0].get_title()
    '$A$\\none'
    """
    kinds = list(dict.fromkeys(kind for row in rows.values() for kind in row))
    if not kinds:
        raise ValueError("heatmaps needs at least one matrix")
    width = max(WIDTH * len(kinds) / 3, 4.2)
    titles = 0.18 * (1 + any(rows))
    panel = width / len(kinds) - 0.05 - 0.2 * bool(names) + titles + 0.22 * bool(names)
    below = 0.5 + 0.2 * bool(axis) + 0.13 * (len(broken(source, width)) + 1) * bool(source)
    figure = sheet(panel * len(rows) + below, width, source)
    axes = panels(figure, len(rows), len(kinds))
    for column, kind in zip(axes.T, kinds, strict=True):
        limit = max(float(np.abs(row[kind]).max()) for row in rows.values() if kind in row) or 1.0
        column[-1].set_xlabel(axis)
        for place, (name, row) in zip(column, rows.items(), strict=True):
            if kind not in row:
                place.set_axis_off()
                continue
            image = _panel(place, row[kind], limit, names)
            place.set_title(f"{KINDS.get(kind, kind)}\n{name}".rstrip())
        scale = figure.colorbar(image, ax=list(column), location="bottom", shrink=0.75, aspect=25, pad=0.02)
        scale.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"{limit:.2g}"])
    return figure


def _panel(axes: Any, matrix: Array, limit: float, names: Sequence[str]) -> Any:
    image = axes.imshow(matrix, cmap=signed(), vmin=-limit, vmax=limit)
    size = len(matrix)
    if names and size <= WITH_TICKS:
        axes.set_xticks(range(size), names, rotation=90 if sum(len(name) + 1 for name in names) > SIDE_BY_SIDE else 0)
        axes.set_yticks(range(size), names)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.spines[:].set_visible(True)
    if size <= WITH_NUMBERS:
        for (i, j), value in np.ndenumerate(matrix):
            dark = value > 0.55 * limit or value < -0.9 * limit
            axes.text(*(j, i, brief(value, limit)), ha="center", va="center", fontsize=NOTE, color="w" if dark else "k")
    return image


def brief(value: float, limit: float) -> str:
    """A number for a cell, to about three digits of the largest entry; what is less is 0.

    >>> brief(0.98765, 1), brief(1e-17, 1), brief(-31.26, 100), brief(0.01234, 0.05)
    ('0.988', '0', '−31.3', '0.012')
    """
    rounded = round(float(value), 2 - int(np.floor(np.log10(limit / 2))) - (limit < SMALL))
    return "0" if rounded == 0 else f"{rounded:.3g}".replace("-", "−")


def classes(model: UnconstrainedFeatures) -> list[str]:
    """Names of the classes: their sizes where these differ, else numbers from 1.

    >>> classes(UnconstrainedFeatures(class_sizes=(20, 5), decays=1))
    ['20', '5']
    """
    return [str(k) for k in (range(1, model.K + 1) if model.balanced else model.class_sizes)]


def shortened(model: UnconstrainedFeatures, limit: int = 110) -> str:
    """The model on a line that fits below a picture."""
    return cut(str(model), limit)


def _of_modes(model: UnconstrainedFeatures) -> str:
    """The theorem that the optimum with squared error is from."""
    if model.has_bias:
        return cited("dang2023-mse-balanced-bias") if model.balanced else "modes of diag(n) − nnᵀ/N, an extension"
    return cited("dang2023-mse-balanced" if model.balanced else "dang2023-deep-imbalanced")


def _square(kind: str, found: Mapping[str, Array], size: int) -> Array:
    if kind not in KINDS:
        raise ValueError(f"found must have names among {', '.join(KINDS)}, got {kind!r}")
    matrix = np.asarray(found[kind], dtype=float)
    if matrix.shape != (size, size):
        raise ValueError(f"found[{kind!r}] must be {size} × {size}, got {matrix.shape}")
    return matrix
