"""The kind of theorem about deep linear models with cross-entropy: outputs by pairs lie below collapse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from proofs.entailment import NotEntailed
from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Trace, identity, power, trace
from proofs.lemmas import pairs_setting as s
from proofs.lemmas import setting as deep
from proofs.lemmas.pairs_setting import PAIRS, SCALES
from proofs.lemmas.setting import CONSTRUCTION
from proofs.softmax_kinds import folded
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Balls, Rationals, Undecidable, precision
from theory.claims import Identity, NotGlobalMinimum, Relation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, constant, exp, log, sqrt

BITS = 512
"""Precision at which numbers are compared."""


@dataclass(frozen=True)
class Scales:
    """Collapse and pairs at one scale: fit, regulariser, and losses."""

    fit: Fact
    cheaper_deep: Fact
    cheaper_many: Fact
    below_deep: Fact
    below_many: Fact
    dearer_flat: Fact
    dearer_few: Fact

    def check(self, proof: Proof) -> None:
        """That the steps say it, for m ≥ 2 and M ≥ 3, for m ≥ 3 and M ≥ 2, and the reverse.

        Raises:
            Rejected: when one does not.
        """
        certain, some = (1 - s.x, POSITIVE), (2 * s.m - 1, POSITIVE)
        deeper = [some, (s.m - 2, NONNEGATIVE), (M - 3, NONNEGATIVE)]
        more = [some, (s.m - 3, NONNEGATIVE), (M - 2, NONNEGATIVE)]
        flat = [some, (s.m - 1, NONNEGATIVE), (1 - M, NONNEGATIVE)]
        few = [some, (s.m - 1, NONNEGATIVE), (2 - M, NONNEGATIVE), (2 - s.m, NONNEGATIVE)]
        gap, below = 2 * s.m - 1 - s.m * s.q, s.collapse - s.pairs
        said = [
            (self.fit, s.simplex_loss - s.pair_loss, [certain]),
            (self.cheaper_deep, gap, deeper),
            (self.cheaper_many, gap, more),
            (self.below_deep, below, [certain, *deeper]),
            (self.below_many, below, [certain, *more]),
            (self.dearer_flat, -gap, flat),
            (self.dearer_few, -gap, few),
        ]
        for fact, body, cases in said:
            _require(selection.states(proof, fact, body, POSITIVE, cases), fact.name)


@dataclass(frozen=True)
class Singular:
    """X Y = D (DᵀY) + u (uᵀY) with orthogonal columns on both sides; X² and its trace."""

    differences: Fact
    apart: Fact
    single: Fact
    right: Fact
    right_last: Fact
    orthogonal: Fact
    square: Fact
    size: Fact

    def check(self, proof: Proof) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        D, u, Y, X, n = s.D, s.u, s.Y, s.X, s.n
        said: list[tuple[Fact, Any]] = [
            (self.differences, D.T @ D - 2 * identity(s.couples)),
            (self.apart, D.T @ u),
            (self.single, u.T @ u - identity(s.last)),
            (self.right, D.T @ Y @ Y.T @ D - 2 * n * identity(s.couples)),
            (self.right_last, u.T @ Y @ Y.T @ u - n * identity(s.last)),
            (self.orthogonal, D.T @ Y @ Y.T @ u),
            (self.square, X @ X - 2 * X + u @ u.T),
            (self.size, trace(X) - Trace({}, 2 * s.m + s.odd)),
        ]
        for fact, body in said:
            _require(selection.states(proof, fact, body), fact.name)


@dataclass(frozen=True)
class Factors:
    """Balanced factors along orthonormal U, V_M, …, V_0: their product and their decays."""

    outputs: Fact
    regularisers: Fact

    def check(self, proof: Proof) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        U, V, root, scale = deep.V(M + 1), deep.V(0), deep.root, deep.Lambda**-s.HALF
        product = deep.P @ deep.H - scale * (U @ power(root, M + 1) @ V.T)
        _require(selection.states(proof, self.outputs, product), "the product of the factors")
        total = Trace({}, deep.regulariser) - (M + 1) * trace(power(root, 2))
        _require(selection.states(proof, self.regularisers, total), "the decays of the factors")


@dataclass(frozen=True, eq=False)
class PairsBeatCollapse:
    """Outputs by pairs are attained at a known loss, which is below that of collapse at the same scale."""

    scales: Scales
    singular: Singular
    factors: Factors

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let the model be deep and linear with cross-entropy, K = 2m + o balanced classes of n samples, o = 0 or 1, L layers and
widths of at least m + o, Λ the product of all decays. For every scale α > 0 some factors have the outputs α X Y with X
= D Dᵀ + u uᵀ: those along U = [D/√2, u] and V_0 = Yᵀ [D/√(2n), u/√n] with the singular values σ = 2α√n, m times, and
α√n, o times, balanced by δ^{2(L+1)} = Λ σ². Their loss is (2m/K) log(1 + (K−2) e^{−α} + e^{−2α}) + (o/K) log(1 + (K−1)
e^{−α}) + (L+1)/2 Λ^{1/(L+1)} (α√n)^{2/(L+1)} (m 2^{2/(L+1)} + o). Collapse has the outputs α S Y, K − 1 singular
values α√n and the loss log(1 + (K−1) e^{−α}) + (L+1)/2 Λ^{1/(L+1)} (K−1) (α√n)^{2/(L+1)}. The fit of pairs is always
the smaller one. Their regulariser is smaller, and so is their loss, for K ≥ 4 and L ≥ 3 and for K ≥ 6 and L ≥ 2; it is
larger for L = 1, and for L = 2 and K ≤ 5. So in that range collapse is no global minimum, at any scale, for any decays
and n."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {
            SCALES: tuple(vars(self.scales).values()),
            PAIRS: tuple(vars(self.singular).values()),
            CONSTRUCTION: tuple(vars(self.factors).values()),
        }

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        parts = ((self.scales, Scales, SCALES), (self.singular, Singular, PAIRS), (self.factors, Factors, CONSTRUCTION))
        for part, kind, setting in parts:
            _require(type(part) is kind, kind.__name__)
            part.check(proofs[setting])

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """That a value is above the loss of pairs at a scale, or a relation of fits, regularisers and their constants.

        ``parameters`` propose the scale, as α or as r = e^α; what it is compared with is decided exactly.

        Raises:
            NotEntailed: for another claim or model, or without a proposal.
        """
        found = list(_proposed(parameters))
        if not found:
            raise NotEntailed("no scale is proposed")
        if type(claim) is NotGlobalMinimum:
            return {"beaten": _beaten(claim, found)}
        if type(claim) is not Identity:
            raise NotEntailed("the theorem is about a value that is beaten, and about relations of constants")
        known = [relation for scale in found for relation in _relations(parameters, scale)]
        return {c.name: "" if all(_known(r, known) for r in c.relations) else OTHER for c in claim.clauses}


OTHER = "a relation is not one of the theorem's"


# ------------------------------------------------------------------------------------------- what it says of numbers


@dataclass(frozen=True)
class Sizes:
    """K, n, L and Λ^{1/(L+1)} of one problem."""

    K: int
    n: int
    L: int
    decay: Expression

    @property
    def in_range(self) -> bool:
        """Whether pairs are cheaper than collapse."""
        return (self.K >= 4 and self.L >= 3) or (self.K >= 6 and self.L >= 2)

    @property
    def out_of_range(self) -> bool:
        """Whether they are dearer."""
        return self.K >= 2 and (self.L == 1 or (self.L == 2 and self.K <= 5))


def collapse_fit(sizes: Sizes, alpha: Expression) -> Expression:
    """log(1 + (K−1) e^{−α})."""
    return log(1 + (sizes.K - 1) * exp(-alpha))


def pairs_fit(sizes: Sizes, alpha: Expression) -> Expression:
    """(2m/K) log(1 + (K−2) e^{−α} + e^{−2α}) + (o/K) log(1 + (K−1) e^{−α})."""
    K, paired = sizes.K, log(1 + (sizes.K - 2) * exp(-alpha) + exp(-2 * alpha))
    return Fraction(K - K % 2, K) * paired + Fraction(K % 2, K) * collapse_fit(sizes, alpha)


def collapse_decays(sizes: Sizes, alpha: Expression) -> Expression:
    """(L+1)/2 Λ^{1/(L+1)} (K−1) (α√n)^{2/(L+1)}."""
    L = sizes.L
    return Fraction((L + 1) * (sizes.K - 1), 2) * sizes.decay * (alpha * sqrt(sizes.n)) ** Fraction(2, L + 1)


def pairs_decays(sizes: Sizes, alpha: Expression) -> Expression:
    """(L+1)/2 Λ^{1/(L+1)} (α√n)^{2/(L+1)} (m 2^{2/(L+1)} + o)."""
    L, p = sizes.L, Fraction(2, sizes.L + 1)
    count = sizes.K // 2 * constant(2) ** p + sizes.K % 2
    return Fraction(L + 1, 2) * sizes.decay * (alpha * sqrt(sizes.n)) ** p * count


def _proposed(parameters: Mapping[str, Any]) -> Iterator[Expression]:
    """Scales α > 0."""
    alpha, r = parameters.get("alpha"), parameters.get("r")
    if type(alpha) is Fraction and alpha > 0:
        yield constant(alpha)
    if type(r) is Fraction and r > 1:
        yield log(r)


def _sizes_of(model: Any) -> Sizes:
    if type(model) is not UnconstrainedFeatures or model.loss != "ce" or not model.is_linear or model.sign != "free":
        raise NotEntailed("the theorem is about linear models with cross-entropy")
    if not model.balanced or model.K < 2 or model.R < (model.K + 1) // 2:
        raise NotEntailed("the theorem is about balanced classes, and layers with room for the pairs")
    return Sizes(model.K, model.class_sizes[0], model.M, constant(model.Lambda) ** Fraction(1, model.M + 1))


def _beaten(claim: NotGlobalMinimum, scales: list[Expression]) -> str:
    """The value is the loss of collapse at some scale in the range of the theorem, or above the loss of pairs."""
    sizes = _sizes_of(claim.problem)
    for alpha in scales:
        collapse = collapse_fit(sizes, alpha) + collapse_decays(sizes, alpha)
        if sizes.in_range and _equal(claim.value, collapse):
            return ""
        if _below(pairs_fit(sizes, alpha) + pairs_decays(sizes, alpha), claim.value):
            return ""
    return "the value is neither the loss of collapse at a proposed scale nor above that of pairs"


def _equal(left: Expression, right: Expression) -> bool:
    left, right = folded(left), folded(right)
    field = AlgebraicNumbers([left, right])
    try:
        return bool(field.is_zero(field.number(Fraction(0)) + field.evaluate(left) - field.evaluate(right)))
    except Undecidable:
        return False


def _below(left: Expression, right: Expression) -> bool:
    with precision(BITS):
        balls = Balls()
        return bool(balls.evaluate(left) < balls.evaluate(right))


def _relations(parameters: Mapping[str, Any], alpha: Expression) -> list[tuple[Expression, Expression]]:
    """left < right between the fits and the regularisers at a scale, for the proposed K, L, n and decay 1."""
    K, L, n = (parameters.get(name) for name in ("K", "L", "n"))
    if any(type(x) is not int or x < 1 for x in (K, L, n)) or K < 2:  # type: ignore[operator]
        raise NotEntailed("no sizes are proposed")
    sizes = Sizes(K, n, L, constant(1))  # type: ignore[arg-type]
    known = [(pairs_fit(sizes, alpha), collapse_fit(sizes, alpha))]
    regularisers = pairs_decays(sizes, alpha), collapse_decays(sizes, alpha)
    if sizes.in_range:
        known.append(regularisers)
    if sizes.out_of_range:
        known.append((regularisers[1], regularisers[0]))
    return known


def _known(relation: Relation, known: list[tuple[Expression, Expression]]) -> bool:
    if relation.sign == "=":
        return _rational(relation)
    return relation.sign == "<" and any(_equal(relation.left, x) and _equal(relation.right, y) for x, y in known)


def _rational(relation: Relation) -> bool:
    """An equation between rational numbers, or matrices of them, is decided by working it out."""
    exact = Rationals()
    try:
        left, right = exact.evaluate(relation.left), exact.evaluate(relation.right)
    except Undecidable:
        return False
    return bool(left == right) if not relation.left.shape else [list(r) for r in left] == [list(r) for r in right]


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(f"the theorem needs a step that says: {what}")
