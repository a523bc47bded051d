"""Section 2: balancedness, the Schatten form, the scalar problem, the value, the bias vector (statements 1 to 4, 9)."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import (
    CriticalPoints,
    GlobalMinimum,
    Inequality,
    Minimisation,
    at_most,
    clause,
    equal,
)
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    compare,
    constant,
    diagonal,
    ones,
    schatten,
    sqrt,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.dang2023.frames import (
    column,
    general_orthogonal_frame,
    mode,
    share,
    simplex_frame,
    total,
)
from theory.papers.dang2023.letters import (
    LETTERS,
    OFF,
    BiasOff,
    BWithoutM,
    BWithoutN,
    Letters,
    MNotMPlusOne,
    SmallestRoot,
    ThresholdExponent,
    ThresholdTooHigh,
    ValueOff,
)
from theory.papers.dang2023.setting import (
    DEPTHS,
    PROVED,
    WITH_BIAS,
    source,
    unequal,
)
from theory.statement import theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, imbalanced_sizes, models


@theorem(
    "dang2023-balancedness",
    source=source("section 2.1"),
    expected=PROVED,
    model=models(
        sizes=imbalanced_sizes(st.integers(1, 3)),
        depth=st.integers(1, 4),
        ratios=BELOW + ABOVE,
        narrow=None,
        bias=st.sampled_from(("none", "last-layer")),
    ),
    witness={"model": unequal((2, 1), 2, Fraction(1, 10))},
    wrong={
        "decays exchanged": {"exchange": True},
        "missing factor N at the features": {"feature_factor": 2},
    },
)
def balancedness(model: Model, exchange: bool = False, feature_factor: int = 1) -> CriticalPoints:
    """At every critical point neighbouring factors are balanced.

    λ_{m+1} W_{m+1}ᵀ W_{m+1} = λ_m W_m W_mᵀ for m < M, and λ_1 W_1ᵀ W_1 = λ_H H Hᵀ.
    """
    factors = [model.features, *model.weights]
    decays = [model.feature_decay * feature_factor, *model.weight_decays]
    clauses = []
    for m in range(model.M):
        lower, upper = (decays[m], decays[m + 1]) if not exchange else (decays[m + 1], decays[m])
        names = f"W_{m + 1} and {'H' if m == 0 else f'W_{m}'}"
        W, V = factors[m + 1], factors[m]
        clauses.append(clause(f"balanced {names}", equal(upper * (W.T @ W), lower * (V @ V.T))))
    return CriticalPoints(model, tuple(clauses))


@theorem(
    "dang2023-schatten",
    source=source("section 2.2"),
    expected=PROVED,
    hypotheses={"rank at most R": lambda model, roots: len(roots) <= min(model.R, model.N)},
    model=models(sizes=imbalanced_sizes(st.integers(1, 3)), depth=st.integers(1, 5), ratios=BELOW, narrow=None),
    roots=st.lists(st.sampled_from([Fraction(n, 4) for n in (1, 2, 3, 4, 6, 9)]), min_size=1, max_size=3).map(tuple),
    witness={"model": unequal((2, 1), 2, Fraction(1, 10)), "roots": (Fraction(1, 2), Fraction(3, 2))},
    wrong={
        "M in place of M + 1": {"letters": MNotMPlusOne()},
        "missing factor 1/2": {"factor": Fraction(2)},
        "scale off by 1e-6": {"factor": OFF},
    },
)
def schatten_form(
    model: Model, roots: tuple[Fraction, ...], letters: Letters = LETTERS, factor: Fraction = Fraction(1)
) -> Inequality:
    """The layered regulariser is at least a Schatten quasi-norm of the product, with equality at balanced factors.

    For all factors with product Z = W_M ⋯ W_1 H:  (M+1)/2 · Λ^{1/(M+1)} Σ_j σ_j(Z)^{2/(M+1)} ≤ Σ_m λ_m/2 ‖W_m‖² + λ_H/2
    ‖H‖², and every Z of rank at most R has factors with equality (here σ_j = root_j^{M+1}).
    """
    L = letters.schatten_factors(model.M)
    Lambda_root = constant(model.Lambda) ** Fraction(1, L)
    Z = model.product @ model.features
    left = factor * Fraction(L, 2) * Lambda_root * schatten(Z, Fraction(2, L))
    factors = [*zip(model.weights, model.weight_decays, strict=True), (model.features, model.feature_decay)]
    right = total(decay / 2 * sum_squares(V) for V, decay in factors)
    scale = constant(model.Lambda) ** Fraction(1, model.M + 1)
    tight = {str(V.data): diagonal([t * sqrt(scale / decay) for t in roots], *V.shape) for V, decay in factors}
    variables = {name: v for name, v in model.variables.items() if name != "b"}
    return Inequality(left, right, variables, (tight,))


def power_threshold(depth: int) -> Fraction:
    """T_M^M = (M−1)^{M−1} / M^M."""
    return Fraction((depth - 1) ** (depth - 1), depth**depth)


@theorem(
    "dang2023-scalar",
    source=source("sections 2.4 and 2.5"),
    expected=PROVED,
    hypotheses={"M ≥ 1 and β > 0": lambda depth, ratio: depth >= 1 and ratio > 0},
    depth=st.sampled_from((1, 2, 3, 4, 6, 8)),
    ratio=st.sampled_from((Fraction(1, 10**12), *BELOW, *AT, *ABOVE)),
    witness={"depth": 3, "ratio": Fraction(1, 2)},
    configurations=tuple({"depth": M, "ratio": Fraction(1)} for M in (1, 2, 3, 4, 6)),
    wrong={
        "smallest root": {"letters": SmallestRoot()},
        "threshold too high": {"letters": ThresholdTooHigh()},
        "threshold exponent M/(M+1)": {"letters": ThresholdExponent()},
        "value off by 1e-6": {"letters": ValueOff()},
    },
)
def scalar_problem(depth: int, ratio: Fraction, letters: Letters = LETTERS) -> GlobalMinimum:
    """The scalar problem of one class: min over x ≥ 0 of g(x) = 1/(1 + x^M) + β x, with β^M = ratio · T_M^M.

    Below T_M the unique minimiser is the largest root of β = M x^{M−1}/(1 + x^M)², and x^M > M − 1; at T_M it ties with
    x = 0 (M ≥ 2; for M = 1 both are x = 0); above T_M it is x = 0.
    """
    M, x = depth, variable("x")
    beta = constant(ratio * power_threshold(M)) ** Fraction(1, M)
    order = compare(beta, letters.T(M))
    points = []
    if order < 0 or (order == 0 and M >= 2):
        points.append({"x": letters.x(M, beta)})
    if order >= 0:
        points.append({"x": constant(0)})
    value = letters.g(M, beta, points[0]["x"])
    problem = Minimisation(LETTERS.g(M, beta, x), {"x": x}, frozenset(["x"]))
    place = clause("place", at_most((M - 1) * x, x ** (M + 1)))
    return GlobalMinimum(problem, value, tuple(points), (place,), unique=len(points) == 1)


@theorem(
    "dang2023-value",
    source=source("section 2.6"),
    expected=PROVED,
    hypotheses={"bias-free, or balanced with bias": lambda model: not model.has_bias or model.balanced},
    model=st.one_of(
        models(sizes=imbalanced_sizes(), depth=DEPTHS, ratios=BELOW + AT + ABOVE, narrow=None),
        models(sizes=balanced_sizes(), depth=DEPTHS, ratios=BELOW + AT + ABOVE, narrow=None, bias="last-layer"),
    ),
    witness={"model": unequal((4, 2, 1), 2, Fraction(1, 100), widths=(2, 3))},
    wrong={
        "smallest root": {"letters": SmallestRoot()},
        "b without the factor M": {"letters": BWithoutM()},
        "b without the factor N": {"letters": BWithoutN()},
        "value off by 1e-6": {"letters": ValueOff()},
        "threshold too high": {"letters": ThresholdTooHigh()},
        "inactive classes forgotten": {"inactive": Fraction(0)},
    },
)
def value(model: Model, letters: Letters = LETTERS, inactive: Fraction = Fraction(1)) -> GlobalMinimum:
    """The minimum value: Σ over active classes of (n_k/(1 + x_k^M) + b x_k)/(2N), plus n_k/(2N) for the others.

    With last-layer bias (balanced): the same with K − 1 equal modes, at most min(R, K − 1) of them active.
    """
    sizes = sorted(model.class_sizes, reverse=True)[: model.K - 1 if model.has_bias else model.K]
    shares = []
    for i, n in enumerate(sizes):
        found = mode(model, n, letters)
        on = i < model.R and found.side <= 0
        shares.append(share(model, found, letters) if on else inactive * share(model, found.off, letters))
    frame = simplex_frame if model.has_bias else general_orthogonal_frame
    return GlobalMinimum(model, total(shares), frame(model, letters).minimisers)


@theorem(
    "dang2023-bias-vector",
    source=source("section 2.3"),
    expected=PROVED,
    hypotheses=WITH_BIAS,
    model=models(
        sizes=imbalanced_sizes(st.integers(1, 3)),
        depth=st.integers(1, 4),
        ratios=BELOW + AT + ABOVE,
        narrow=None,
        bias="last-layer",
    ),
    witness={"model": unequal((3, 1), 2, Fraction(1, 10), bias="last-layer")},
    wrong={"bias n_k/(N + n_k)": {"letters": BiasOff()}, "bias 1/K": {"uniform": True}},
)
def bias_vector(model: Model, letters: Letters = LETTERS, uniform: bool = False) -> CriticalPoints:
    """At every critical point, minimisers included, the unregularised bias is b_k = n_k/N and the features sum to 0."""
    expected = [constant(Fraction(1, model.K)) if uniform else letters.bias(model, k) for k in range(model.K)]
    b = clause("bias", equal(model.bias_vector, column(expected)))
    centred = clause("features centred", equal(model.features @ ones(model.N, 1), zeros(model.widths[0], 1)))
    return CriticalPoints(model, (b, centred))
