"""What models with one weight matrix share: the nuclear norm in place of W and H, and the certificate of an optimum.

Letters: D = diag(n) class sizes, Z = W H̄ outputs of the class means without the bias, A = Z D^{1/2}, G the negative
gradient of the fit with respect to A; λ_W, λ_H decays. The fit is an average over samples, the regularisers are
λ_W/2 ‖W‖² + λ_H/2 ‖H‖². No paper's text: statements that several papers rest on.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, Inequality, Relation, at_most, equal
from theory.closed_form.softmax import simplex_point, simplex_value
from theory.losses import residual
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    nuclear_norm,
    ones,
    sqrt,
    sum_squares,
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
