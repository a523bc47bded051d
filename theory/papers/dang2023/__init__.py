"""Dang et al. 2023, Neural Collapse in Deep Linear Networks: mean squared error, balanced and imbalanced.

The statements are as published, or as reconstructed where the printed text was not at hand (provenance R). Letters:
n_k, N, K sizes; M weight matrices; P = W_M ⋯ W_1; H̄ class means; Λ = λ_H λ_1 ⋯ λ_M; s_k the singular value of W_1 that
belongs to class k; x_k with c s_k^{2M} = N λ_H x_k^M; T_M the threshold. ``Letters`` holds the published constants;
each wrong version changes one of them.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from theory.claims import (
    Clause,
    CriticalPoints,
    GlobalMinimum,
    Inequality,
    Minimisation,
    at_most,
    clause,
    equal,
    less,
)
from theory.frames import grams, simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    compare,
    constant,
    diagonal,
    identity,
    ones,
    schatten,
    sqrt,
    sum_squares,
    trace,
    variable,
    zeros,
)
from theory.papers.dang2023.frames import (
    Partition,
    bias_clause,
    blocks,
    column,
    constants,
    general_orthogonal_frame,
    mode,
    modes_by_class,
    share,
    simplex_frame,
    ties_broken,
    total,
    zero_point,
)
from theory.papers.dang2023.letters import (
    LETTERS,
    OFF,
    PLAIN,
    AlignmentWithoutDecay,
    BiasOff,
    BWithK,
    BWithoutM,
    BWithoutN,
    CInverted,
    FeaturesNotSquared,
    Letters,
    LogitsOff,
    MNotMPlusOne,
    PlainAlignment,
    PlainFeaturesNotSquared,
    PlainInverted,
    PlainLetters,
    PlainLogitsOff,
    PlainValueOff,
    PlainWeightsOff,
    PlainWithoutN,
    SmallestRoot,
    ThresholdExponent,
    ThresholdTooHigh,
    ValueOff,
    WeightsOff,
)
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, decay_product, imbalanced_sizes, models, threshold


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Dang et al. 2023, Neural Collapse in Deep Linear Networks", "arXiv 2301.00437 v5", locator, provenance
    )


DEPTHS = st.integers(1, 8)
DEEP = st.integers(2, 6)
EXPERIMENT: dict[str, Any] = {"class_sizes": (200, 100, 50, 50), "widths": (64,), "decays": "5e-4"}
IMBALANCED_10: dict[str, Any] = {
    "class_sizes": (100, 100, 200, 200, 300, 300, 400, 400, 500, 500),
    "widths": (64,),
    "decays": "1e-5",
}
BALANCED_4: dict[str, Any] = {"class_sizes": (100,) * 4, "widths": (64,), "decays": "5e-4"}


def configuration(depth: int, fields: dict[str, Any], bias: str = "none") -> dict[str, Any]:
    """One of the papers' own configurations as parameters."""
    return {"model": Model(depth=depth, bias=bias, **fields)}


def side(model: Model, n: int) -> int:
    """Whether a class of size n is active (−1), at its threshold (0) or zero (1), in rationals."""
    q = model.N ** (model.M + 1) * model.Lambda / Fraction(n) ** model.M
    return (q > threshold(model.M)) - (q < threshold(model.M))


def off_threshold(model: Model) -> bool:
    """No class sits exactly at its threshold."""
    return all(side(model, n) for n in model.class_sizes)


def unequal(
    sizes: tuple[int, ...], depth: int, ratio: Fraction, widths: tuple[int, ...] = (), bias: str = "none"
) -> Model:
    """A witness with unequal decays: the largest class at ``ratio`` to its threshold."""
    Lambda = decay_product(sizes, depth, max(sizes), ratio)
    weights = tuple(Fraction(i + 2, 10) for i in range(depth))
    feature = Lambda / reduce(lambda a, b: a * b, weights)
    return Model(class_sizes=sizes, depth=depth, weight_decays=weights, feature_decay=feature, widths=widths, bias=bias)


BIAS_FREE = {"bias-free": lambda model: not model.has_bias}
BALANCED = {"balanced": lambda model: model.balanced}
WITH_BIAS = {"last-layer bias": lambda model: model.has_bias}
K_AT_LEAST_2 = {"K ≥ 2": lambda model: model.K >= 2}


@theorem(
    "dang2023-balancedness",
    source=source("section 2.1"),
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
    expected=Expected("holds", "numerical", "the inequality is sampled; equality at the balanced point is exact"),
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


ACTIVE = {"below the threshold": lambda model: side(model, model.class_sizes[0]) < 0}
GEOMETRY_WRONG: dict[str, dict[str, Any]] = {
    "smallest root": {"letters": SmallestRoot()},
    "b without the factor M": {"letters": BWithoutM()},
    "weights off by 1e-6": {"letters": WeightsOff()},
    "logits off by 1e-6": {"letters": LogitsOff()},
    "features not squared": {"letters": FeaturesNotSquared()},
    "NC3 without N λ_H": {"letters": AlignmentWithoutDecay()},
    "c inverted": {"letters": CInverted()},
    "value off by 1e-6": {"letters": ValueOff()},
}


@theorem(
    "dang2023-mse-balanced",
    source=source("Theorem 3.1 (a), bias-free"),
    hypotheses=BIAS_FREE | BALANCED | K_AT_LEAST_2 | ACTIVE,
    model=models(sizes=balanced_sizes(), depth=DEPTHS, ratios=BELOW, narrow=None),
    witness={"model": unequal((2, 2, 2), 3, Fraction(1, 10))},
    configurations=tuple(configuration(M, BALANCED_4) for M in (1, 3, 6)),
    wrong=GEOMETRY_WRONG
    | {
        "b without the factor K": {"letters": BWithK()},
        "simplex ETF instead of orthogonal frame": {"simplex": True},
    },
)
def mse_balanced(model: Model, letters: Letters = LETTERS, simplex: bool = False) -> GlobalMinimum:
    """Balanced classes without bias collapse to an orthogonal frame below the threshold.

    NC1: H = H̄ ⊗ 1ᵀ. NC2, with p = c s^{2M} and r = N λ_H: P Pᵀ = p I, H̄ᵀH̄ = p/(p + r)² I, P H̄ = p/(p + r) I (with
    R < K: the same times a projection of rank R, one for all three), and W_M ⋯ W_m alike. NC3: P = (p + r) H̄ᵀ.
    """
    if simplex:
        found, S = mode(model, model.class_sizes[0], letters), simplex_etf(model.K)
        claim = general_orthogonal_frame(model, letters)
        wrong = [clause(k, equal(G, constants(found, letters)[k] * S)) for k, G in grams(model).items()]
        kept = [c for c in claim.clauses if not c.name.startswith("NC2")]
        return replace(claim, clauses=(*kept, *wrong))
    return general_orthogonal_frame(model, letters, partial_products(model, letters))


def partial_products(m: Model, letters: Letters) -> Clause:
    """NC2 of W_M ⋯ W_m: eigenvalues ∏_{j≥m} (λ_1/λ_j) s²."""
    (part,) = blocks(m, letters)
    relations, product, kappa = [], None, constant(1)
    for W, decay in zip(reversed(m.weights), reversed(m.weight_decays), strict=True):
        product = W if product is None else product @ W
        kappa = kappa * (m.weight_decays[0] / decay) * part.mode.s**2
        G = product @ product.T
        relations += (
            [equal(G, kappa * identity(m.K))]
            if part.determined
            else [equal(G @ G, kappa * G), equal(trace(G), kappa * part.ranks[0])]
        )
    return Clause("NC2 partial products", tuple(relations))


@theorem(
    "dang2023-mse-balanced-bias",
    source=source("Theorem 3.1 (a), last-layer bias"),
    hypotheses=WITH_BIAS | BALANCED | K_AT_LEAST_2 | ACTIVE,
    model=models(sizes=balanced_sizes(), depth=DEPTHS, ratios=BELOW, narrow=None, bias="last-layer"),
    witness={"model": unequal((2, 2, 2), 2, Fraction(1, 10), bias="last-layer")},
    configurations=tuple(configuration(M, BALANCED_4, "last-layer") for M in (1, 3, 6)),
    wrong=GEOMETRY_WRONG | {"bias 1/(K+1)": {"letters": BiasOff()}, "b without the factor K": {"letters": BWithK()}},
)
def mse_balanced_bias(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """Balanced classes with an unregularised last-layer bias collapse to a simplex ETF, with b = 1/K.

    NC2: the Gram matrices of P, H̄ and P H̄ are the constants of the bias-free case times I − 11ᵀ/K if R ≥ K − 1, else
    times a projection of rank R below it.
    """
    return simplex_frame(model, letters)


TRIVIAL = {"above the threshold (M = 1: or at it)": lambda model: side(model, max(model.class_sizes)) >= (model.M > 1)}


@theorem(
    "dang2023-mse-balanced-trivial",
    source=source("Theorem 3.1 (b)"),
    hypotheses=BALANCED | K_AT_LEAST_2 | TRIVIAL,
    model=st.one_of(
        models(
            sizes=balanced_sizes(),
            depth=DEPTHS,
            ratios=ABOVE,
            narrow=None,
            bias=st.sampled_from(("none", "last-layer")),
        ),
        models(sizes=balanced_sizes(), depth=st.just(1), ratios=AT, narrow=None),
    ),
    witness={"model": unequal((2, 2), 2, Fraction(2))},
    wrong={
        "bias 1/(K+1)": {"letters": BiasOff()},
        "value off by 1e-6": {"factor": OFF},
        "missing factor K": {"factor": Fraction(1, 2)},
    },
)
def mse_balanced_trivial(model: Model, letters: Letters = LETTERS, factor: Fraction = Fraction(1)) -> GlobalMinimum:
    """Above the threshold the only minimiser is zero, with b = 1/K where there is a bias; value ½ or (K−1)/(2K)."""
    zero = [clause("weights vanish", *(equal(W, zeros(*W.shape)) for W in model.weights))]
    zero.append(clause("features vanish", equal(model.features, zeros(*model.features.shape))))
    if model.has_bias:
        zero.append(bias_clause(model, letters))
    value = constant(Fraction(model.K - 1, 2 * model.K) if model.has_bias else Fraction(1, 2))
    return GlobalMinimum(model, factor * value, (zero_point(model),), tuple(zero), unique=True)


@theorem(
    "dang2023-mse-balanced-equality",
    source=source("Theorem 3.1 (c)"),
    hypotheses=BALANCED
    | K_AT_LEAST_2
    | {
        "M ≥ 2": lambda model: model.M >= 2,
        "at the threshold": lambda model: side(model, model.class_sizes[0]) == 0,
    },
    model=models(
        sizes=balanced_sizes(), depth=DEEP, ratios=AT, narrow=None, bias=st.sampled_from(("none", "last-layer"))
    ),
    witness={"model": unequal((2, 2, 2), 3, Fraction(1))},
    wrong={
        "only the largest root, no tie": {"letters": ThresholdTooHigh()},
        "weights off by 1e-6": {"letters": WeightsOff()},
        "NC3 without N λ_H": {"letters": AlignmentWithoutDecay()},
        "smallest root": {"letters": SmallestRoot()},
    },
)
def mse_balanced_equality(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """At the threshold (M ≥ 2) zero and non-zero minimisers coexist: Gram matrices ∝ projections of any rank up to R.

    With last-layer bias: of any rank up to min(R, K − 1), below I − 11ᵀ/K. NC1 and NC3 hold for all of them.
    """
    return simplex_frame(model, letters) if model.has_bias else general_orthogonal_frame(model, letters)


@theorem(
    "dang2023-bias-vector",
    source=source("section 2.3"),
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


PLAIN_MODEL = {"M = 1": lambda model: model.M == 1}
WIDE = {"widths ≥ K": lambda model: min(model.widths) >= model.K}
PLAIN_WRONG: dict[str, dict[str, Any]] = {
    "λ_W and λ_H exchanged": {"letters": PlainInverted()},
    "missing factor N": {"letters": PlainWithoutN()},
    "weights off by 1e-6": {"letters": PlainWeightsOff()},
    "logits off by 1e-6": {"letters": PlainLogitsOff()},
    "value off by 1e-6": {"letters": PlainValueOff()},
    "features not squared": {"letters": PlainFeaturesNotSquared()},
    "NC3 constant off": {"letters": PlainAlignment()},
}


@theorem(
    "dang2023-ufm-imbalanced",
    source=source("Theorem 4.1"),
    hypotheses=BIAS_FREE | PLAIN_MODEL | WIDE,
    model=models(sizes=imbalanced_sizes(), depth=st.just(1), ratios=BELOW + AT + ABOVE),
    witness={"model": unequal((6, 3, 3, 1), 1, Fraction(1, 20))},
    configurations=tuple(configuration(1, fields) for fields in (EXPERIMENT, IMBALANCED_10)),
    wrong=PLAIN_WRONG,
)
def ufm_imbalanced(model: Model, letters: Letters = PLAIN) -> GlobalMinimum:
    """The plain model with any class sizes has a general orthogonal frame as its optimum, unique up to rotation.

    W Wᵀ = diag(s_k²), H̄ᵀH̄ = diag(s_k²/(s_k² + Nλ_H)²), W H̄ = diag(s_k²/(s_k² + Nλ_H)), w_k = √(n_k λ_H/λ_W) h_k, with
    s_k² = √(n_k λ_H/λ_W) − N λ_H if N² λ_W λ_H ≤ n_k, else 0.
    """
    return general_orthogonal_frame(model, letters)


@theorem(
    "dang2023-minority-collapse",
    source=source("section 4.2"),
    hypotheses=BIAS_FREE | PLAIN_MODEL | WIDE,
    model=models(sizes=imbalanced_sizes(), depth=st.just(1), ratios=(*BELOW, *AT, *ABOVE)),
    witness={"model": unequal((20, 6, 2, 1), 1, Fraction(1, 5))},
    wrong={"threshold missing the factor N": {"power": 1}, "strict inequality at the threshold": {"strict": True}},
)
def minority_collapse(model: Model, power: int = 2, strict: bool = False) -> GlobalMinimum:
    """A class collapses to zero exactly if n_k ≤ N² λ_W λ_H: the decays decide it, not the imbalance ratio alone."""
    norms, bar = model.mean_features.T @ model.mean_features, model.N**power * model.Lambda
    relations = []
    for k, n in enumerate(model.class_sizes):
        collapsed = n < bar if strict else n <= bar
        relations.append(equal(norms[k, k], 0) if collapsed else less(0, norms[k, k]))
    claim = general_orthogonal_frame(model, PLAIN)
    return GlobalMinimum(model, claim.value, claim.minimisers, (Clause("minority collapse", tuple(relations)),))


@theorem(
    "dang2023-norms-angles",
    source=source("section 4.2"),
    hypotheses=BIAS_FREE
    | PLAIN_MODEL
    | WIDE
    | {"all classes active": lambda model: side(model, min(model.class_sizes)) < 0},
    model=models(
        sizes=imbalanced_sizes() | st.just((1000, 100, 10, 1)), depth=st.just(1), ratios=(Fraction(1, 10**6), *BELOW)
    ),
    witness={"model": unequal((6, 3, 2), 1, Fraction(1, 100))},
    wrong={
        "λ_W and λ_H exchanged": {"letters": PlainInverted()},
        "missing factor N": {"letters": PlainWithoutN()},
        "angles of a simplex ETF": {"cosine": Fraction(-1, 10)},
    },
)
def norms_angles(model: Model, letters: PlainLetters = PLAIN, cosine: Fraction = Fraction(0)) -> GlobalMinimum:
    """Norms and angles of active classes in the plain model.

    ‖w_k‖² = u_k − Nλ_H, ‖h_k‖² = (u_k − Nλ_H)/u_k², (W H̄)_kk = 1 − Nλ_H/u_k; all angles are 90° whatever the imbalance,
    and ‖w_k‖² does not decrease in n_k.
    """
    W, means, r = model.product, model.mean_features, model.N * model.feature_decay
    u = [letters.u(model, n) for n in model.class_sizes]
    if isinstance(letters, PlainWithoutN):
        r = model.feature_decay
    K = range(model.K)
    pairs = [(j, k) for j in K for k in K if j < k]
    norms = [clause("norms of weights", *(equal((W @ W.T)[k, k], u[k] - r) for k in K))]
    norms.append(clause("norms of features", *(equal((means.T @ means)[k, k], (u[k] - r) / u[k] ** 2) for k in K)))
    norms.append(clause("logits", *(equal((W @ means)[k, k], 1 - r / u[k]) for k in K)))
    if pairs:
        angles = [
            equal((X @ X.T)[j, k], cosine * sqrt(u[j] - r) * sqrt(u[k] - r)) for X in (W, means.T) for j, k in pairs
        ]
        norms.append(clause("angles", *angles))
        grow = [(j, k) if model.class_sizes[j] <= model.class_sizes[k] else (k, j) for j, k in pairs]
        norms.append(clause("growth", *(at_most((W @ W.T)[j, j], (W @ W.T)[k, k]) for j, k in grow)))
    claim = general_orthogonal_frame(model, PLAIN)
    return GlobalMinimum(model, claim.value, claim.minimisers, tuple(norms))


def cut_tied(model: Model) -> bool:
    """Whether equal class sizes straddle the cut at R."""
    sizes = sorted(model.class_sizes, reverse=True)
    return model.R < model.K and sizes[model.R - 1] == sizes[model.R]


BOTTLENECK = {"some width < K": lambda model: model.R < model.K}
TIED = {"n_R = n_{R+1}": lambda model: model.R < model.K and cut_tied(model)}
UNTIED = {"n_R > n_{R+1}": lambda model: model.R < model.K and not cut_tied(model)}
OFF_THRESHOLD = {"no class exactly at its threshold": off_threshold}


@st.composite
def tied_sizes(draw: Any) -> tuple[int, ...]:
    """Class sizes of which several are equal and in the middle."""
    n, m = draw(st.sampled_from((2, 4, 6))), draw(st.integers(2, 3))
    larger = draw(st.lists(st.sampled_from((7, 9, 20)), max_size=1))
    return (*larger, *([n] * m), *draw(st.lists(st.just(1), max_size=1)))


@theorem(
    "dang2023-bottleneck",
    source=source("Theorem 4.x, n_d > n_{d+1}"),
    hypotheses=BIAS_FREE | PLAIN_MODEL | BOTTLENECK | UNTIED,
    model=models(
        sizes=st.permutations((20, 9, 4, 2, 1)).flatmap(lambda p: st.integers(2, 5).map(lambda K: tuple(p[:K]))),
        depth=st.just(1),
        ratios=BELOW + AT + ABOVE,
        narrow=True,
    ),
    witness={"model": unequal((9, 4, 2), 1, Fraction(1, 20), widths=(2,))},
    wrong=PLAIN_WRONG | {"smallest classes kept": {"reverse": True}},
)
def bottleneck(model: Model, letters: Letters = PLAIN, reverse: bool = False) -> GlobalMinimum:
    """With width d < K and n_d > n_{d+1} the d largest classes keep Theorem 4.1's formulas; the others are zero."""
    claim = general_orthogonal_frame(model, letters)
    if reverse:
        flipped = model.with_(class_sizes=model.class_sizes[::-1])
        other = general_orthogonal_frame(flipped, letters)
        return replace(claim, clauses=other.clauses[1:-1]) if other.clauses != claim.clauses else claim
    return claim


@theorem(
    "dang2023-bottleneck-tie",
    source=source("Theorem 4.x, n_d = n_{d+1}"),
    hypotheses=BIAS_FREE | PLAIN_MODEL | BOTTLENECK | TIED,
    model=models(sizes=tied_sizes(), depth=st.just(1), ratios=BELOW + AT + ABOVE, narrow=True),
    witness={"model": unequal((6, 4, 4, 4), 1, Fraction(1, 20), widths=(2,))},
    wrong=PLAIN_WRONG | {"tie broken: the first classes are kept": {"parts": ties_broken}},
)
def bottleneck_tie(model: Model, letters: Letters = PLAIN, parts: Partition = blocks) -> GlobalMinimum:
    """When ties straddle the cut, the tied block is s_d² times any projection of rank ρ: the optimum is not unique.

    T = {k : n_k = n_d}, ρ = d − #{k : n_k > n_d}; other classes are diagonal as before; if s_d = 0 the block is 0.
    """
    return general_orthogonal_frame(model, letters, parts=parts(model, letters))


DEEP_MODEL = {"M ≥ 2": lambda model: model.M >= 2}


@theorem(
    "dang2023-deep-imbalanced",
    source=source("Theorem 4.4", "R"),
    hypotheses=BIAS_FREE | DEEP_MODEL | WIDE | OFF_THRESHOLD,
    model=models(sizes=imbalanced_sizes(), depth=DEEP, ratios=BELOW + ABOVE),
    witness={"model": unequal((6, 3, 3, 1), 2, Fraction(1, 20))},
    configurations=tuple(configuration(M, fields) for fields in (EXPERIMENT, IMBALANCED_10) for M in (3, 6)),
    wrong=GEOMETRY_WRONG
    | {
        "threshold too high": {"letters": ThresholdTooHigh()},
        "threshold exponent M/(M+1)": {"letters": ThresholdExponent()},
    },
)
def deep_imbalanced(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """The deep linear model with any class sizes has a general orthogonal frame as its optimum.

    s_k = (N λ_H x_k^M / c)^{1/(2M)} with x_k the largest root of b/n_k = M x^{M−1}/(x^M + 1)² if b/n_k ≤ T_M, else 0.
    W_M W_Mᵀ = (λ_1/λ_M) diag(s_k²), P Pᵀ = diag(c s_k^{2M}), and H̄ᵀH̄, P H̄, NC3 as in the balanced case.
    """
    modes = modes_by_class(model, blocks(model, letters))
    W = model.weights[-1]
    ratio = model.weight_decays[0] / model.weight_decays[-1]
    last = clause("NC2 last layer", equal(W @ W.T, diagonal([ratio * found.s**2 for found in modes])))
    return general_orthogonal_frame(model, letters, last)


@theorem(
    "dang2023-deep-imbalanced-equality",
    source=source("Theorem 4.4, equality"),
    hypotheses=BIAS_FREE | DEEP_MODEL | WIDE | {"some class at its threshold": lambda model: not off_threshold(model)},
    model=models(sizes=imbalanced_sizes(st.integers(2, 4)), depth=DEEP, ratios=AT),
    witness={
        "model": Model(
            class_sizes=(9, 3, 3, 2),
            depth=2,
            weight_decays=(Fraction(1, 10), Fraction(1, 5)),
            feature_decay=decay_product((9, 3, 3, 2), 2, 3, Fraction(1)) * 50,
        )
    },
    wrong={
        "no tie at the threshold": {"letters": ThresholdTooHigh()},
        "weights off by 1e-6": {"letters": WeightsOff()},
        "NC3 without N λ_H": {"letters": AlignmentWithoutDecay()},
        "b without the factor M": {"letters": BWithoutM()},
    },
)
def deep_imbalanced_equality(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """Classes exactly at the threshold may be off, on, or (several tied ones) on along any projection of the block."""
    return general_orthogonal_frame(model, letters)


@theorem(
    "dang2023-deep-bottleneck",
    source=source("section 4.4, some d_m < K"),
    hypotheses=BIAS_FREE | DEEP_MODEL | BOTTLENECK | OFF_THRESHOLD,
    model=models(
        sizes=imbalanced_sizes(st.integers(2, 4)) | tied_sizes(), depth=DEEP, ratios=BELOW + ABOVE, narrow=True
    ),
    witness={"model": unequal((6, 4, 4, 4), 2, Fraction(1, 20), widths=(2, 4))},
    wrong=GEOMETRY_WRONG | {"tie broken: the first classes are kept": {"parts": ties_broken}},
)
def deep_bottleneck(model: Model, letters: Letters = LETTERS, parts: Partition = blocks) -> GlobalMinimum:
    """With some width below K, depth M ≥ 2: the rule of the plain bottleneck with d replaced by R, ties included."""
    return general_orthogonal_frame(model, letters, parts=parts(model, letters))


@theorem(
    "dang2023-deep-jump",
    source=source("section 4.4"),
    hypotheses=BIAS_FREE | WIDE,
    model=models(
        sizes=imbalanced_sizes(), depth=st.integers(1, 6), ratios=(Fraction(99, 100), *AT, Fraction(101, 100))
    ),
    witness={"model": unequal((6, 3, 1), 3, Fraction(99, 100))},
    wrong={"jump to M/(M+1)": {"jump": lambda M: Fraction(M, M + 1)}},
)
def deep_jump(model: Model, jump: Any = lambda M: Fraction(M - 1, M)) -> GlobalMinimum:
    """The confidence of a class jumps from 0 to at least (M−1)/M at its collapse threshold; for M = 1 it is continuous.

    At every minimiser each eigenvalue z of P H̄ is 0 or at least (M−1)/M: the clause says tr Z²(Z − (M−1)/M) ≥ 0 class
    by class where Z is diagonal. For M = 1: z ≤ 1 − N²λ_Wλ_H/n_k where positive, which vanishes at the threshold.
    """
    Z = model.product @ model.mean_features
    claim = general_orthogonal_frame(model, LETTERS)
    parts = blocks(model, LETTERS)
    relations = []
    for part in parts:
        for k in part.classes if part.determined else ():
            relations.append(at_most(jump(model.M) * Z[k, k], Z[k, k] * Z[k, k]))
            if model.M == 1:
                bound = max(Fraction(0), 1 - model.N**2 * model.Lambda / model.class_sizes[k])
                relations.append(at_most(Z[k, k], bound))
        if not part.determined:
            G = Z[part.classes, part.classes]
            relations.append(at_most(jump(model.M) * trace(G), trace(G @ G)))
    return GlobalMinimum(model, claim.value, claim.minimisers, (Clause("jump", tuple(relations)),))
