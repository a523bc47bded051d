"""Dang et al. 2023, Neural Collapse in Deep Linear Networks: mean squared error, balanced and imbalanced.

The statements are as published, or as reconstructed where the printed text was not at hand (provenance R). Letters:
n_k, N, K sizes; M weight matrices; P = W_M ⋯ W_1; H̄ class means; Λ = λ_H λ_1 ⋯ λ_M; s_k the singular value of W_1 that
belongs to class k; x_k with c s_k^{2M} = N λ_H x_k^M; T_M the threshold. ``Letters`` holds the published constants;
each wrong version changes one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
    Point,
    at_most,
    clause,
    equal,
    less,
)
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    compare,
    constant,
    diagonal,
    helmert,
    identity,
    largest_root,
    ones,
    repeat_columns,
    schatten,
    smallest_positive_root,
    sqrt,
    sum_squares,
    trace,
    variable,
    zeros,
)
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, decay_product, imbalanced_sizes, models, threshold

OFF = Fraction(1_000_001, 1_000_000)
"""A scale off by 1e-6, for wrong versions."""


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Dang et al. 2023, Neural Collapse in Deep Linear Networks", "arXiv 2301.00437 v5", locator, provenance
    )


# ---------------------------------------------------------------------------------------------- published constants


class Letters:
    """The paper's constants, as published; each wrong version is a subclass that changes one method."""

    root = staticmethod(largest_root)

    def c(self, m: Model) -> Expression:
        """c = λ_1^{M−1} / (λ_2 ⋯ λ_M)."""
        return constant(m.weight_decays[0] ** m.M * m.feature_decay / m.Lambda)

    def b(self, m: Model) -> Expression:
        """b = M N (N Λ)^{1/M}."""
        return m.M * m.N * constant(m.N * m.Lambda) ** Fraction(1, m.M)

    def T(self, M: int) -> Expression:
        """T_M = (M−1)^{(M−1)/M} / M, with 0⁰ = 1."""
        return constant(M - 1) ** Fraction(M - 1, M) / M

    def x(self, M: int, beta: Expression) -> Expression:
        """The root of β = M x^{M−1} / (1 + x^M)² (the largest, as published); √(1/β) − 1 for M = 1."""
        if M == 1:
            return sqrt(1 / beta) - 1
        coefficients = [constant(0)] * (2 * M + 1)
        for power, coefficient in ((0, beta), (M, 2 * beta), (2 * M, beta), (M - 1, constant(-M))):
            coefficients[power] = coefficients[power] + coefficient
        return self.root(coefficients)

    def s(self, m: Model, n: int, x: Expression) -> Expression:
        """s_k = (N λ_H x_k^M / c)^{1/(2M)}."""
        return (m.N * m.feature_decay * x**m.M / self.c(m)) ** Fraction(1, 2 * m.M)

    def g(self, M: int, beta: Expression, x: Expression) -> Expression:
        """g(x) = 1/(1 + x^M) + β x."""
        return 1 / (1 + x**M) + beta * x

    def weights_gram(self, p: Expression, r: Expression) -> Expression:
        """Eigenvalue of P Pᵀ from p = c s^{2M} and r = N λ_H."""
        return p

    def features_gram(self, p: Expression, r: Expression) -> Expression:
        """Eigenvalue of H̄ᵀH̄: c s^{2M} / (c s^{2M} + N λ_H)²."""
        return p / (p + r) ** 2

    def logits(self, p: Expression, r: Expression) -> Expression:
        """Eigenvalue of P H̄: c s^{2M} / (c s^{2M} + N λ_H)."""
        return p / (p + r)

    def alignment(self, p: Expression, r: Expression) -> Expression:
        """NC3: P = (c s^{2M} + N λ_H) H̄ᵀ."""
        return p + r

    def bias(self, m: Model, k: int) -> Expression:
        """b_k = n_k / N."""
        return constant(Fraction(m.class_sizes[k], m.N))

    def schatten_factors(self, M: int) -> int:
        """The number of factors in the layered regulariser: M + 1."""
        return M + 1


LETTERS = Letters()


class SmallestRoot(Letters):
    root = staticmethod(smallest_positive_root)


class ThresholdTooHigh(Letters):
    def T(self, M: int) -> Expression:
        return Fraction(21, 20) * super().T(M)


class ThresholdExponent(Letters):
    def T(self, M: int) -> Expression:
        return constant(M - 1) ** Fraction(M, M + 1) / M


class BWithoutM(Letters):
    def b(self, m: Model) -> Expression:
        return super().b(m) / m.M if m.M > 1 else super().b(m) / 2


class BWithK(Letters):
    def b(self, m: Model) -> Expression:
        return super().b(m) / m.K


class BWithoutN(Letters):
    def b(self, m: Model) -> Expression:
        return super().b(m) * constant(Fraction(1, m.N)) ** Fraction(1, m.M)


class WeightsOff(Letters):
    def weights_gram(self, p: Expression, r: Expression) -> Expression:
        return OFF * p


class FeaturesNotSquared(Letters):
    def features_gram(self, p: Expression, r: Expression) -> Expression:
        return p / (p + r)


class LogitsOff(Letters):
    def logits(self, p: Expression, r: Expression) -> Expression:
        return OFF * p / (p + r)


class AlignmentWithoutDecay(Letters):
    def alignment(self, p: Expression, r: Expression) -> Expression:
        return p


class BiasOff(Letters):
    def bias(self, m: Model, k: int) -> Expression:
        return constant(Fraction(m.class_sizes[k], m.N + m.class_sizes[k]))


class CInverted(Letters):
    def c(self, m: Model) -> Expression:
        return 1 / super().c(m)


class ValueOff(Letters):
    def g(self, M: int, beta: Expression, x: Expression) -> Expression:
        return OFF * super().g(M, beta, x)


class MNotMPlusOne(Letters):
    def schatten_factors(self, M: int) -> int:
        return M


# ------------------------------------------------------------------------------------------------- the closed form


@dataclass(frozen=True)
class Mode:
    """The constants of one class (or of one direction) at the optimum: weight n, g = its share of the value."""

    n: int
    x: Expression
    s: Expression
    side: int  # sign of b/n − T_M: −1 active, 0 zero and active tie, 1 zero
    p: Expression  # c s^{2M}
    r: Expression  # N λ_H

    @property
    def ties(self) -> bool:
        return self.side == 0


def mode(m: Model, n: int, letters: Letters) -> Mode:
    """The constants of a class of size n, active where b/n ≤ T_M (for M = 1 the tie is the zero solution itself)."""
    beta = letters.b(m) / n
    side = compare(beta, letters.T(m.M))
    if m.M == 1 and side == 0:
        side = 1
    x = letters.x(m.M, beta) if side <= 0 else constant(0)
    s = letters.s(m, n, x) if side <= 0 else constant(0)
    p = letters.c(m) * s ** (2 * m.M) if side <= 0 else constant(0)
    return Mode(n, x, s, side, p, constant(m.N * m.feature_decay))


def share(m: Model, mode: Mode, letters: Letters) -> Expression:
    """The part of the value that one mode contributes: n/(2N) · g(x)."""
    return Fraction(mode.n, 2 * m.N) * (
        letters.g(m.M, letters.b(m) / mode.n, mode.x) if mode.side <= 0 else constant(1)
    )


def total(terms: Iterable[Expression]) -> Expression:
    """The sum of scalars."""
    return reduce(lambda a, b: a + b, terms, constant(0))


@dataclass(frozen=True)
class Block:
    """A set of classes whose diagonal block of every Gram matrix is a constant times a projection of some rank.

    ``ranks`` are the possible ranks; a block of full rank only is a multiple of the identity.
    """

    classes: tuple[int, ...]
    mode: Mode
    ranks: tuple[int, ...]

    @property
    def determined(self) -> bool:
        return self.ranks in ((0,), (len(self.classes),))


def blocks(m: Model, letters: Letters) -> list[Block]:
    """Classes by size, largest first: fully on, off, or (ties at the cut R or at the threshold) on along a subspace."""
    left, result = m.R, []
    for n in sorted(set(m.class_sizes), reverse=True):
        classes = tuple(k for k, size in enumerate(m.class_sizes) if size == n)
        found = mode(m, n, letters)
        most = min(left, len(classes)) if found.side <= 0 else 0
        ranks = tuple(range(most + 1)) if found.ties else (most,)
        result.append(Block(classes, found if most else replace(found, side=1), ranks))
        left -= most
    return result


def block_point(m: Model, chosen: Sequence[tuple[Block, Expression]], letters: Letters) -> Point:
    """Balanced factors for frames U (|classes| × r, orthonormal columns) in some blocks; zero elsewhere."""
    rank = sum(U.shape[1] for _, U in chosen)
    if rank == 0:
        return zero_point(m)
    modes = [block.mode for block, U in chosen for _ in range(U.shape[1])]
    frame, start = zeros(m.K, rank), 0
    for block, U in chosen:
        place = identity(m.K)[range(m.K), block.classes]
        columns = identity(rank)[range(start, start + U.shape[1]), range(rank)]
        frame, start = frame + place @ U @ columns, start + U.shape[1]
    return frame_point(m, frame, modes, letters)


def frame_point(m: Model, frame: Expression, modes: Sequence[Mode], letters: Letters) -> Point:
    """W_M = U S_M, W_m = S_m, H = S_H Uᵀ Y with balanced S_m: singular values √(λ_1/λ_m) s, features √p / (p + r)."""
    point: dict[str, Expression] = {}
    for index, (W, decay) in enumerate(zip(m.weights, m.weight_decays, strict=True), start=1):
        values = [sqrt(m.weight_decays[0] / decay) * found.s for found in modes]
        last = index == m.M
        S = diagonal(values, len(modes) if last else W.shape[0], W.shape[1])
        point[f"W_{index}"] = frame @ S if last else S
    lengths = [sqrt(letters.c(m)) * found.s**m.M / (found.p + found.r) for found in modes]
    means = diagonal(lengths, m.widths[0], len(modes)) @ frame.T
    point["H"] = repeat_columns(means, m.class_sizes)
    return point | bias_part(m, letters)


def zero_point(m: Model) -> Point:
    """The trivial solution: all factors zero, the bias at its optimum."""
    return {name: zeros(*v.shape) for name, v in m.variables.items() if name != "b"} | bias_part(m, LETTERS)


def bias_part(m: Model, letters: Letters) -> Point:
    """The bias b = n/N, where the model has one."""
    if not m.has_bias:
        return {}
    return {"b": column([letters.bias(m, k) for k in range(m.K)])}


def column(entries: Sequence[Expression]) -> Expression:
    """A column vector."""
    return diagonal(entries) @ ones(len(entries), 1)


def bias_clause(m: Model, letters: Letters) -> Clause:
    """The bias vector is b = n/N."""
    return clause("bias", equal(m.bias_vector, bias_part(m, letters)["b"]))


# ------------------------------------------------------------------------------------------------------- geometry


def nc1(m: Model) -> Clause:
    """NC1: every feature equals its class mean."""
    return clause("NC1", equal(m.features, repeat_columns(m.mean_features, m.class_sizes)))


def grams(m: Model) -> dict[str, Expression]:
    """The three Gram matrices of NC2."""
    P, means = m.product, m.mean_features
    return {"NC2 weights": P @ P.T, "NC2 features": means.T @ means, "NC2 logits": P @ means}


def constants(found: Mode, letters: Letters) -> dict[str, Expression]:
    """The published eigenvalue of each Gram matrix of NC2."""
    if found.side > 0:
        return dict.fromkeys(("NC2 weights", "NC2 features", "NC2 logits"), constant(0))
    return {
        "NC2 weights": letters.weights_gram(found.p, found.r),
        "NC2 features": letters.features_gram(found.p, found.r),
        "NC2 logits": letters.logits(found.p, found.r),
    }


def nc2_blocks(m: Model, parts: Sequence[Block], letters: Letters) -> list[Clause]:
    """NC2: each Gram matrix is diagonal outside the undetermined blocks, and a constant times a projection inside."""
    values: dict[int, dict[str, Expression]] = {}
    for part in parts:
        for k in part.classes:
            values[k] = constants(part.mode, letters)
    fixed = tuple(sorted(k for part in parts if part.determined for k in part.classes))
    everything = tuple(range(m.K))
    clauses = []
    for name, gram in grams(m).items():
        target = diagonal([values[k][name] for k in everything])
        relations = [
            equal(gram[rows, columns], target[rows, columns])
            for rows, columns in ((fixed, everything), (everything, fixed))
            if fixed
        ]
        for part in parts:
            if not part.determined:
                relations += projection_relations(m, name, part, letters)
                others = tuple(k for k in everything if k not in part.classes)
                if others:
                    relations.append(equal(gram[part.classes, others], zeros(len(part.classes), len(others))))
        clauses.append(Clause(name, tuple(relations)))
    return clauses


def projection_relations(m: Model, name: str, part: Block, letters: Letters) -> list[Any]:
    """G² = κ G, G = Gᵀ, tr G = κ rank (where the rank is fixed), and G ∝ the weights' block with the same projection."""
    all_grams, kappas = grams(m), constants(part.mode, letters)
    G, kappa = all_grams[name][part.classes, part.classes], kappas[name]
    relations = [equal(G @ G, kappa * G), equal(G, G.T)]
    if len(part.ranks) == 1:
        relations.append(equal(trace(G), kappa * part.ranks[0]))
    if name != "NC2 weights":
        weights = all_grams["NC2 weights"][part.classes, part.classes]
        relations.append(equal(kappas["NC2 weights"] * G, kappa * weights))
    return relations


def nc3(m: Model, modes: Sequence[Mode], letters: Letters) -> Clause:
    """NC3: row k of P is (c s_k^{2M} + N λ_H) times the mean feature of class k."""
    lengths = diagonal([letters.alignment(found.p, found.r) for found in modes])
    return clause("NC3", equal(m.product, lengths @ m.mean_features.T))


def modes_by_class(m: Model, parts: Sequence[Block]) -> list[Mode]:
    """The mode of each class in order."""
    return [next(part.mode for part in parts if k in part.classes) for k in range(m.K)]


def block_minimisers(m: Model, parts: Sequence[Block], letters: Letters) -> tuple[Point, ...]:
    """Representatives: coordinate frames of every possible rank, and rotated ones where a block is undetermined."""
    points: list[list[tuple[Block, Expression]]] = [[]]
    for part in parts:
        size = len(part.classes)
        frames = [coordinate_frame(size, r) for r in part.ranks]
        if not part.determined:
            frames += [helmert(size, r) for r in part.ranks if 0 < r < size]
        frames = frames[:1] + frames[1:][-3:]
        points = [[*chosen, (part, U)] if U is not None else chosen for chosen in points for U in frames]
    return tuple(block_point(m, chosen, letters) for chosen in points)


def coordinate_frame(size: int, rank: int) -> Expression | None:
    """The first ``rank`` coordinate vectors, or None for rank 0."""
    return identity(size)[range(size), range(rank)] if rank else None


def general_orthogonal_frame(m: Model, letters: Letters, *extra: Clause, rotate: bool = True) -> GlobalMinimum:
    """The bias-free optimum for any class sizes: value, NC1, NC2, NC3 and uniqueness."""
    parts = blocks(m, letters)
    if not rotate:
        parts = [
            Block(
                (k,),
                part.mode
                if i < max(part.ranks)
                else replace(part.mode, side=1, p=constant(0), s=constant(0), x=constant(0)),
                (int(i < max(part.ranks)),),
            )
            for part in parts
            for i, k in enumerate(part.classes)
        ]
    value = total(share(m, on, letters) for part in parts for on in spread(part))
    return GlobalMinimum(
        m,
        value,
        minimisers=block_minimisers(m, parts, letters),
        clauses=(nc1(m), *nc2_blocks(m, parts, letters), nc3(m, modes_by_class(m, parts), letters), *extra),
        unique=all(part.determined for part in parts),
    )


def spread(part: Block) -> list[Mode]:
    """The block's modes one by one: as many on as its largest rank, the rest off."""
    on = max(part.ranks)
    return [part.mode if i < on else replace(part.mode, side=1) for i in range(len(part.classes))]


def simplex_frame(m: Model, letters: Letters) -> GlobalMinimum:
    """The balanced optimum with last-layer bias: K − 1 equal modes on the vectors of zero sum."""
    n = m.class_sizes[0]
    found = mode(m, n, letters)
    most = min(m.R, m.K - 1) if found.side <= 0 else 0
    ranks = range(most + 1) if found.ties else range(most, most + 1)
    full = found.side < 0 and most == m.K - 1
    S = identity(m.K) - ones(m.K, m.K) / m.K
    clauses = [nc1(m)]
    part = Block(tuple(range(m.K)), found, tuple(ranks))
    for name, gram in grams(m).items():
        if full:
            clauses.append(clause(name, equal(gram, constants(found, letters)[name] * S)))
        elif most == 0:
            clauses.append(clause(name, equal(gram, zeros(m.K, m.K))))
        else:
            zero_sum = equal(gram @ ones(m.K, 1), zeros(m.K, 1))
            clauses.append(clause(name, *projection_relations(m, name, part, letters), zero_sum))
    clauses.append(nc3(m, [found] * m.K, letters))
    clauses.append(bias_clause(m, letters))
    points = [
        frame_point(m, helmert(m.K, r), [found] * r, letters) if r else zero_point(m)
        for r in [*ranks][:1] + [*ranks][1:][-2:]
    ]
    value = most * share(m, found, letters) + (m.K - 1 - most) * share(m, replace(found, side=1), letters)
    return GlobalMinimum(m, value, tuple(points), tuple(clauses), unique=full or most == 0)


# ----------------------------------------------------------------------------------------------------- statements

DEPTHS = st.integers(1, 8)
DEEP = st.integers(2, 6)
EXPERIMENT = dict(class_sizes=(200, 100, 50, 50), widths=(64,), decays="5e-4")
IMBALANCED_10 = dict(class_sizes=(100, 100, 200, 200, 300, 300, 400, 400, 500, 500), widths=(64,), decays="1e-5")
BALANCED_4 = dict(class_sizes=(100,) * 4, widths=(64,), decays="5e-4")


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
        shares.append(share(model, found, letters) if on else inactive * share(model, replace(found, side=1), letters))
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

    NC1: H = H̄ ⊗ 1ᵀ. NC2: P Pᵀ = c s^{2M} I, H̄ᵀH̄ = c s^{2M}/(c s^{2M} + Nλ_H)² I, P H̄ = c s^{2M}/(c s^{2M} + Nλ_H) I (with
    R < K: the same times a projection of rank R, the same for all three), and W_M ⋯ W_m alike. NC3: P = (c s^{2M} +
    Nλ_H) H̄ᵀ.
    """
    if simplex:
        found, S = mode(model, model.class_sizes[0], letters), identity(model.K) - ones(model.K, model.K) / model.K
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
    """Above the threshold the only minimiser is zero (with b = 1/K where there is a bias); its value is ½ or (K−1)/(2K)."""
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
    """The unregularised bias is b_k = n_k/N and the features sum to zero, at every critical point (minimisers included)."""
    expected = [constant(Fraction(1, model.K)) if uniform else letters.bias(model, k) for k in range(model.K)]
    b = clause("bias", equal(model.bias_vector, column(expected)))
    centred = clause("features centred", equal(model.features @ ones(model.N, 1), zeros(model.widths[0], 1)))
    return CriticalPoints(model, (b, centred))


# M = 1, imbalanced: the plain model's own closed form


class PlainLetters(Letters):
    """Theorem 4.1's constants for M = 1: s_k² = u_k − N λ_H with u_k = √(n_k λ_H/λ_W), and NC3 constant u_k."""

    def u(self, m: Model, n: int) -> Expression:
        """u_k = √(n_k λ_H / λ_W)."""
        return sqrt(n * m.feature_decay / m.weight_decays[0])

    def s(self, m: Model, n: int, x: Expression) -> Expression:
        return sqrt(self.u(m, n) - m.N * m.feature_decay)


PLAIN = PlainLetters()


class PlainInverted(PlainLetters):
    def u(self, m: Model, n: int) -> Expression:
        return sqrt(n * m.weight_decays[0] / m.feature_decay)


class PlainWithoutN(PlainLetters):
    def s(self, m: Model, n: int, x: Expression) -> Expression:
        return sqrt(self.u(m, n) - m.feature_decay)


class PlainWeightsOff(PlainLetters, WeightsOff):
    pass


class PlainLogitsOff(PlainLetters, LogitsOff):
    pass


class PlainThreshold(PlainLetters, ThresholdTooHigh):
    pass


class PlainFeaturesNotSquared(PlainLetters, FeaturesNotSquared):
    pass


class PlainAlignment(PlainLetters, AlignmentWithoutDecay):
    pass


class PlainValueOff(PlainLetters, ValueOff):
    pass


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
    """With width d < K and n_d > n_{d+1} the d largest classes keep the formulas of Theorem 4.1; the others are zero."""
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
    wrong=PLAIN_WRONG | {"tie broken: the first classes are kept": {"rotate": False}},
)
def bottleneck_tie(model: Model, letters: Letters = PLAIN, rotate: bool = True) -> GlobalMinimum:
    """When ties straddle the cut, the tied block is s_d² times any projection of rank ρ: the optimum is not unique.

    T = {k : n_k = n_d}, ρ = d − #{k : n_k > n_d}; other classes are diagonal as before; if s_d = 0 the block is 0.
    """
    return general_orthogonal_frame(model, letters, rotate=rotate)


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
            weight_decays=("1/10", "1/5"),
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
    """Classes exactly at the threshold may be off, fully on, or (several tied ones) on along any projection of the block."""
    return general_orthogonal_frame(model, letters)


@theorem(
    "dang2023-deep-bottleneck",
    source=source("section 4.4, some d_m < K"),
    hypotheses=BIAS_FREE | DEEP_MODEL | BOTTLENECK | OFF_THRESHOLD,
    model=models(
        sizes=imbalanced_sizes(st.integers(2, 4)) | tied_sizes(), depth=DEEP, ratios=BELOW + ABOVE, narrow=True
    ),
    witness={"model": unequal((6, 4, 4, 4), 2, Fraction(1, 20), widths=(2, 4))},
    wrong=GEOMETRY_WRONG | {"tie broken: the first classes are kept": {"rotate": False}},
)
def deep_bottleneck(model: Model, letters: Letters = LETTERS, rotate: bool = True) -> GlobalMinimum:
    """With some width below K, depth M ≥ 2: the rule of the plain bottleneck with d replaced by R, ties included."""
    return general_orthogonal_frame(model, letters, rotate=rotate)


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
    by class where Z is diagonal. For M = 1: z ≤ 1 − N²λ_Wλ_H/n_k when that is positive, which vanishes at the threshold.
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
