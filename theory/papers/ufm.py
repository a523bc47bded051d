"""What models with one weight matrix share: the nuclear norm in place of W and H, and the certificate of an optimum.

The landscape, too, is theirs: critical points are global minimisers or strict saddles, whatever the convex loss.

Letters: D = diag(n) class sizes, Z = W H̄ outputs of the class means without the bias, A = Z D^{1/2}, G the negative
gradient of the fit with respect to A; λ_W, λ_H decays. The fit is an average over samples, the regularisers are
λ_W/2 ‖W‖² + λ_H/2 ‖H‖². No paper's text: statements that several papers rest on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, CriticalPoints, GlobalMinimum, Inequality, Point, Relation, at_most, clause, equal
from theory.closed_form.softmax import simplex_point, simplex_value
from theory.losses import CONVEX, residual
from theory.model import Problem
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    nuclear_norm,
    one_hot,
    ones,
    operator_norm,
    sqrt,
    substitute,
    sum_squares,
    trace,
    variable,
)
from theory.papers.dang2023.frames import general_orthogonal_frame
from theory.papers.dang2023.letters import LETTERS, OFF
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, imbalanced_sizes, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the common part of the theory."""
    return Source("Unconstrained features with one weight matrix", "common to the papers", locator, provenance)


@theorem(
    "ufm-nuclear",
    source=source("the regulariser at fixed outputs"),
    expected=Expected("holds", "numerical", "an inequality for all matrices: drawn points and descent only"),
    hypotheses={
        "d ≥ rank Z": lambda rows, width, columns, roots, decays: len(roots) <= min(rows, width, columns),
        "positive decays": lambda rows, width, columns, roots, decays: min(decays) > 0,
    },
    rows=st.integers(2, 3),
    width=st.integers(1, 3),
    columns=st.integers(2, 4),
    roots=st.lists(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(3)]), max_size=2).map(tuple),
    decays=st.tuples(*[st.sampled_from([Fraction(1, 9), Fraction(1, 4), Fraction(1), Fraction(3)])] * 2),
    witness={
        "rows": 3,
        "width": 2,
        "columns": 4,
        "roots": (Fraction(1, 2), Fraction(3)),
        "decays": (Fraction(1, 4), Fraction(3)),
    },
    configurations=(
        {"rows": 2, "width": 1, "columns": 2, "roots": (), "decays": (Fraction(1, 9), Fraction(1))},
        {"rows": 3, "width": 3, "columns": 3, "roots": (Fraction(1),), "decays": (Fraction(1), Fraction(1))},
    ),
    wrong={
        "arithmetic mean of the decays": {"mean": lambda a, b: constant((a + b) / 2)},
        "geometric mean of their halves": {"mean": lambda a, b: sqrt(a * b) / 2},
        "off by 1e-6": {"factor": OFF},
    },
)
def nuclear(
    rows: int,
    width: int,
    columns: int,
    roots: tuple[Fraction, ...],
    decays: tuple[Fraction, Fraction],
    mean: Callable[[Fraction, Fraction], Expression] = lambda a, b: sqrt(a * b),
    factor: Fraction = Fraction(1),
) -> Inequality:
    """At fixed outputs Z the regulariser is at least √(λ_W λ_H) ‖Z‖_*, attained where d ≥ rank Z.

    √(λ_W λ_H) ‖W H‖_* ≤ λ_W/2 ‖W‖² + λ_H/2 ‖H‖² for W (K × d) and H (d × N); with equality for Z = U Σ Vᵀ at
    W = (λ_H/λ_W)^{1/4} U Σ^{1/2}, H = (λ_W/λ_H)^{1/4} Σ^{1/2} Vᵀ, rank-deficient Z and Z = 0 included.
    """
    first, second = decays
    W, H = variable("W", (rows, width)), variable("H", (width, columns))
    ratio = constant(second / first) ** Fraction(1, 4)
    balanced = [sqrt(r) for r in roots]
    tight = {
        "W": diagonal([ratio * r for r in balanced], rows, width),
        "H": diagonal([r / ratio for r in balanced], width, columns),
    }
    left = factor * mean(first, second) * nuclear_norm(W @ H)
    right = first / 2 * sum_squares(W) + second / 2 * sum_squares(H)
    return Inequality(left, right, {"W": W, "H": H}, (tight,))


# ------------------------------------------------------------------------------------------------------- certificate


def outputs(model: Model) -> Expression:
    """The outputs of the class means, with the bias."""
    found = model.product @ model.mean_features
    return found + model.bias_vector @ ones(1, model.K) if model.has_bias else found


def known_minimum(model: Model) -> GlobalMinimum:
    """The minimum of a model with a closed form: squared error without a bias, or balanced classes."""
    if model.loss == "mse":
        return general_orthogonal_frame(model, LETTERS)
    return GlobalMinimum(model, simplex_value(model), (simplex_point(model),))


CERTIFIED = st.one_of(
    one_layer(sizes=imbalanced_sizes(st.integers(2, 3)), ratios=BELOW + ABOVE, loss="mse"),
    one_layer(
        sizes=balanced_sizes(st.integers(2, 3), st.sampled_from((1, 2))),
        ratios=BELOW + AT + ABOVE[:2],
        spare=(-1, 0, 1),
        loss="ce",
        bias=st.sampled_from(("none", "last-layer")),
    ),
)


def minor(M: Expression, rows: tuple[int, ...], columns: tuple[int, ...]) -> Expression:
    """The determinant of a submatrix, by expansion along its first row."""
    if len(rows) == 1:
        return M[rows[0], columns[0]]
    total = constant(0)
    for i, column in enumerate(columns):
        rest = minor(M, rows[1:], columns[:i] + columns[i + 1 :])
        total = total + (-1) ** i * (M[rows[0], column] * rest)
    return total


def semidefinite(M: Expression) -> list[Relation]:
    """A symmetric matrix is positive semidefinite: all its principal minors are at least 0."""
    size = M.shape[0]
    subsets = [places for count in range(1, size + 1) for places in combinations(range(size), count)]
    return [equal(M, M.T), *(at_most(0, minor(M, places, places)) for places in subsets)]


@theorem(
    "ufm-certificate",
    source=source("the certificate of optimality"),
    hypotheses={
        "one layer, free features": lambda model: model.M == 1 and model.sign == "free",
        "a closed form": lambda model: model.balanced or (model.loss == "mse" and not model.has_bias),
        "widths of at least K − 1, or K": lambda model: model.widths[0] >= model.K - (model.loss != "mse"),
    },
    model=CERTIFIED,
    witness={"model": Model(class_sizes=(2, 2, 2), decays="1/20", widths=(2,), loss="ce")},
    configurations=(
        {"model": Model(class_sizes=(6, 3, 1), weight_decays=(Fraction(1, 50),), feature_decay=Fraction(1, 20))},
        {"model": Model(class_sizes=(2, 2), decays=1, loss="ce", bias="last-layer")},
    ),
    wrong={
        "without D^{1/2}": {"power": Fraction(0)},
        "N² λ_W λ_H": {"samples": True},
        "norm off by 1e-6": {"factor": 1 / OFF},
    },
)
def certificate(
    model: Model, power: Fraction = Fraction(1, 2), samples: bool = False, factor: Fraction = Fraction(1)
) -> GlobalMinimum:
    """The outputs are optimal if and only if G lies in √(λ_W λ_H) times the subdifferential of the nuclear norm at A.

    That is ‖G‖_op ≤ √(λ_W λ_H) and ⟨G, A⟩ = √(λ_W λ_H) ‖A‖_*, at A = 0 too; or, without norms, G Gᵀ ⪯ λ_W λ_H I,
    G Gᵀ A = λ_W λ_H A and G Aᵀ ⪰ 0. Balanced or not, d = K − 1 (where that is the rank), K or more.
    """
    D = diagonal([constant(n) ** power for n in model.class_sizes])
    A, G = model.product @ model.mean_features @ D, residual(model, outputs(model)) @ D / model.N
    square = factor * model.Lambda * (model.N**2 if samples else 1)
    known = known_minimum(model)
    clauses: tuple[Clause, ...] = (
        Clause("gradient", tuple(semidefinite(square * identity(model.K) - G @ G.T))),
        Clause("alignment", (equal(G @ G.T @ A, square * A), *semidefinite(G @ A.T))),
    )
    return GlobalMinimum(model, known.value, known.minimisers, clauses)


# --------------------------------------------------------------------------------------------------------- landscape


def pull(model: Model) -> Expression:
    """G (K × N), the negative gradient of the fit in the outputs of all samples."""
    found = model.product @ model.features
    found = found + model.bias_vector @ ones(1, model.N) if model.has_bias else found
    return residual(model, found, one_hot(model.class_sizes)) / model.N


def decays(model: Model) -> tuple[Fraction, Fraction]:
    """λ_W and λ_H."""
    return model.weight_decays[0], model.feature_decay


def regulariser(model: Model, W: Expression, H: Expression) -> Expression:
    """λ_W/2 ‖W‖² + λ_H/2 ‖H‖²."""
    first, second = decays(model)
    return first / 2 * sum_squares(W) + second / 2 * sum_squares(H)


CONVEX_SHAPES: tuple[dict[str, Any], ...] = (
    {"loss": "mse", "bias": "last-layer", "bias_decay": Fraction(1, 3)},
    {"loss": "mse"},
    {"loss": "ce"},
    {"loss": "label-smoothing", "alpha": Fraction(1, 10), "bias": "last-layer"},
)
CONVEX_MODELS = st.sampled_from(CONVEX_SHAPES).flatmap(
    lambda shape: one_layer(
        sizes=st.sampled_from(((1, 1), (2, 1), (1, 1, 1))), ratios=(BELOW[2], ABOVE[0]), spare=(0,), **shape
    )
)
ONE_CONVEX_LAYER = {
    "one layer, free features": lambda model: model.M == 1 and model.sign == "free",
    "a convex loss": lambda model: model.loss in CONVEX,
}
UNEQUAL = Model(class_sizes=(2, 1), weight_decays=(Fraction(1, 5),), feature_decay=Fraction(1, 45), widths=(2,))


@theorem(
    "ufm-escape",
    source=source("the direction of negative curvature"),
    expected=Expected("holds", "numerical", "an inequality for all matrices: drawn points and descent only"),
    hypotheses=ONE_CONVEX_LAYER | {"d ≥ 2": lambda model: model.widths[0] >= 2},
    model=CONVEX_MODELS,
    witness={"model": UNEQUAL},
    configurations=({"model": UNEQUAL.with_(loss="ce", bias="last-layer")},),
    wrong={
        "a direction in use, as where d = rank W": {"spare": False},
        "the other sign": {"sign": -1},
        "half of λ_H": {"share": Fraction(1, 2)},
        "quartic term off by 1e-6": {"quartic": 1 / OFF},
        "no quartic term": {"quartic": Fraction(0)},
    },
)
def escape(
    model: Model,
    spare: bool = True,
    sign: int = 1,
    share: Fraction = Fraction(1),
    quartic: Fraction = Fraction(1),
) -> Inequality:
    """With a unit vector a, W a = 0 and Hᵀa = 0: f(W + x aᵀ, H + a yᵀ) ≤ f − xᵀG y + λ_W/2 ‖x‖² + λ_H/2 ‖y‖² + quartic.

    The quartic term is L/(2N) ‖x‖² ‖y‖², with L = 1 for squared error, where it is an equation, and 1/2 for the others.
    At a critical point λ_H H = WᵀG, so that W a = 0 is enough; there is such an a wherever rank W < d. Along the top
    singular pair of G the quadratic form is negative if and only if ‖G‖ > √(λ_W λ_H). All matrices, any classes; a is
    the last coordinate, as it is after a rotation.
    """
    K, d, N = model.K, model.widths[0], model.N
    used, a = (identity(d)[range(d), range(d - spare)], identity(d)[range(d), (d - 1,)])
    W, H = variable("W", (K, d - spare)), variable("H", (d - spare, N))
    x, y = variable("x", (K, 1)), variable("y", (N, 1))
    start = {"W_1": W @ used.T, "H": used @ H}
    moved = {"W_1": start["W_1"] + x @ a.T, "H": start["H"] + a @ y.T}
    (first, second), bend = decays(model), quartic / (2 if model.loss == "mse" else 4) / N
    change = first / 2 * sum_squares(x) + share * second / 2 * sum_squares(y)
    slope = sign * trace(x.T @ substitute(pull(model), start) @ y)
    right = substitute(model.objective, start) - slope + change + bend * sum_squares(x @ y.T)
    bias = {"b": model.bias_vector} if model.has_bias else {}
    return Inequality(substitute(model.objective, moved), right, {"W": W, "H": H, "x": x, "y": y, **bias})


@theorem(
    "ufm-global",
    source=source("where there is no direction of negative curvature"),
    expected=Expected("holds", "numerical", "an inequality for all matrices: drawn points and descent only"),
    hypotheses=ONE_CONVEX_LAYER,
    model=CONVEX_MODELS,
    witness={"model": UNEQUAL},
    configurations=({"model": UNEQUAL.with_(loss="ce", bias="last-layer", bias_decay=Fraction(1, 10))},),
    wrong={
        "critical or not": {"slope": 0},
        "half the norm of the gradient": {"share": Fraction(1, 2)},
        "threshold 3√(λ_W λ_H)": {"threshold": lambda model: 3 * sqrt(model.Lambda)},
        "norm off by 1e-3": {"share": Fraction(999, 1000)},
    },
)
def global_or_steep(
    model: Model,
    slope: int = 1,
    share: Fraction = Fraction(1),
    threshold: Callable[[Model], Expression] = lambda model: sqrt(model.Lambda),
) -> Inequality:
    """For any two points: f(W, H) − f(V, F) ≤ (‖G‖/√(λ_W λ_H) − 1) · (λ_W/2 ‖V‖² + λ_H/2 ‖F‖²) + slope of f.

    The slope of f is (λ_W/2 ‖W‖² + λ_H/2 ‖H‖² − ⟨G, W H⟩) + ⟨λ_b b − G 1, b − c⟩, with the biases b and c, and zero
    where (W, H, b) is critical. So a critical point with ‖G‖ ≤ √(λ_W λ_H) is a global minimiser, whatever the width.
    """
    W, H, G = model.weights[0], model.features, pull(model)
    V, F = variable("V", W.shape), variable("F", H.shape)
    other = {"W_1": V, "H": F}
    defect = regulariser(model, W, H) - trace(G @ (W @ H).T)
    if model.has_bias:
        other["b"] = variable("c", (model.K, 1))
        steps = (model.bias_decay * model.bias_vector - G @ ones(model.N, 1)).T @ (model.bias_vector - other["b"])
        defect = defect + steps[0, 0]
    excess = share * operator_norm(G) / threshold(model) - 1
    left = model.objective - substitute(model.objective, other)
    variables = model.variables | {str(v.data): v for v in other.values()}
    return Inequality(left, excess * regulariser(model, V, F) + slope * defect, variables)


def steepest(first: Fraction, second: Fraction, norm: Expression) -> Expression:
    """The least eigenvalue of [[λ_W, −‖G‖], [−‖G‖, λ_H]], negative if and only if ‖G‖ > √(λ_W λ_H)."""
    return (first + second - sqrt((first - second) ** 2 + 4 * norm**2)) / 2


def landscape(
    problem: Problem,
    gradient: Expression,
    decays: tuple[Fraction, Fraction],
    minimum: tuple[Expression, Expression],
    share: Fraction = Fraction(1),
    factor: Fraction = Fraction(1),
    alone: bool = False,
) -> CriticalPoints:
    """Every critical point is a global minimiser or has a direction of negative curvature, and how much of it.

    Args:
        problem: convex in the outputs W H, with the regulariser λ_W/2 ‖W‖² + λ_H/2 ‖H‖².
        gradient: G, the negative gradient of the fit in the outputs.
        decays: λ_W and λ_H.
        minimum: the least value m, and the part of it that the regulariser has.

    √(λ_W λ_H) (f − m) ≤ (‖G‖ − √(λ_W λ_H)) · regulariser at the minimum, and the Hessian has an eigenvalue of at most
    ``steepest``: by ``ufm-global`` and ``ufm-escape``. Where rank W < d the latter has its direction; where not, for
    d ≥ K, λ_W W = G Hᵀ and λ_H H = WᵀG make G Gᵀ = λ_W λ_H I, the point is global, and rotations (d ≥ 2) are flat.
    """
    (first, second), (value, spent), norm = decays, minimum, operator_norm(gradient)
    root, spent = constant(first) if alone else sqrt(first * second), share * spent
    least = at_most(root * problem.objective + spent * root, root * value + spent * norm)
    return CriticalPoints(problem, (clause("global or steep", least),), factor * steepest(first, second, norm))


def model_landscape(model: Model, value: Expression, minimiser: Point, **changes: Any) -> CriticalPoints:
    """``landscape`` of a model whose minimum is known."""
    spent = regulariser(model, minimiser["W_1"], minimiser["H"])
    return landscape(model, pull(model), decays(model), (value, spent), **changes)


FEW = (
    Model(class_sizes=(2, 2, 2), weight_decays=(Fraction(1, 10),), feature_decay=Fraction(1, 40), widths=(4,)),
    Model(class_sizes=(1, 1, 1), weight_decays=(Fraction(1, 5),), feature_decay=Fraction(3, 10), widths=(3,)),
    Model(class_sizes=(1, 1), weight_decays=(Fraction(3, 5),), feature_decay=Fraction(2, 5), widths=(2,)),
    Model(class_sizes=(2, 2), decays="1/2", widths=(3,)),
)
"""Models with K √(n λ_W λ_H) from 0.2 to above 1, d = K and K + 1; few, since each costs a search and boxes."""


def landscape_models(*shapes: Mapping[str, Any]) -> Any:
    """A strategy for a few models with given fields."""
    return st.builds(lambda model, shape: model.with_(**shape), st.sampled_from(FEW), st.sampled_from(shapes))


LANDSCAPE_WRONG: dict[str, dict[str, Any]] = {
    "every critical point is global": {"share": Fraction(0)},
    "twice the curvature": {"factor": Fraction(2)},
    "curvature off by 1e-6": {"factor": OFF},
    "threshold λ_W": {"alone": True},
}
"""Wrong versions of statements about the landscape; the last is one where λ_W is the larger decay by far."""

LANDSCAPE_EXPECTED = Expected(
    "holds", "numerical", "critical points of every rank are searched with Newton steps; in balls only known ones"
)
