"""The kind of theorem about contrastive losses: their property, and the lower bound that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from types import MappingProxyType
from typing import Any, ClassVar

from proofs.entailment import NotEntailed, sign
from proofs.formulas import same
from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import Setting
from proofs.kernel.words import Trace, squares
from proofs.lemmas import contrast_setting as one
from proofs.lemmas import softmax_setting as s
from proofs.lemmas.contrast_setting import CONTRASTIVE, SAMPLE
from proofs.softmax_kinds import strength
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable
from theory.claims import Inequality
from theory.losses import average
from theory.model import UnconstrainedFeatures
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    identity,
    log,
    nuclear_norm,
    ones,
    relu,
    substitute,
    sum_squares,
    trace,
)

LOSSES: Mapping[str, str] = MappingProxyType({"ce": "", "label-smoothing": "alpha", "focal": "gamma"})
"""The losses of the theorem, and what their parameter is called."""


@dataclass(frozen=True, eq=False)
class ContrastiveLoss:
    """Cross-entropy and its relatives are contrastive, and such a loss has the simplex as its only minimiser."""

    contrast: Fact
    regulariser: Fact
    bound: Fact
    centred_bias: Fact
    outputs: Fact
    gram: Fact
    aligned: Fact

    cites: ClassVar[tuple[str, ...]] = ("powers", "logarithm")
    says: ClassVar[str] = """\
For outputs z of a sample of class y let t = Σ_{j≠y} (z_j − z_y). Cross-entropy is x = log Σ_j e^{z_j} − z_y ≥ ℓ =
log(1 + (K−1) e^{t/(K−1)}). Label smoothing is x − (α/K) t, and the focal loss (1 − e^{−x})^γ x, which does not fall as
x ≥ 0 grows, so these losses are at least φ(t) = ℓ − (α/K) t and φ(t) = (1 − e^{−ℓ})^γ ℓ. With one layer, no bias and
balanced classes the regulariser is at least c times the average of |t|, c = √(n λ_W λ_H), and so the objective is at
least the average over all samples of φ(t_i) + c |t_i|. For any loss that is at least φ(t), with equality exactly where
wrong outputs are equal, and for which t ↦ φ(t) + c |t| has one minimum, at t* = −(K−1) s ≤ 0, every point at which the
objective is φ(t*) + c |t*| has W Wᵀ = (c s/λ_W) S, H = (λ_W/c) Wᵀ Y and the outputs s S Y."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        own = (self.regulariser, self.bound, self.centred_bias, self.outputs, self.gram, self.aligned)
        return {SAMPLE: (self.contrast,), CONTRASTIVE: own}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        above = Trace({}, one.log_sum - one.own - one.loss)
        _require(selection.states(proofs[SAMPLE], self.contrast, above, NONNEGATIVE), "the contrastive property")
        proof, at = proofs[CONTRASTIVE], [(s.value - one.least, ZERO)]
        both = s.weight_decay / 2 * squares(s.W) + s.feature_decay / 2 * squares(s.H)
        said = [
            (self.regulariser, both - Trace({}, s.c * one.spread), NONNEGATIVE, []),
            (self.bound, Trace({}, s.value - one.least), NONNEGATIVE, []),
            (self.centred_bias, s.S @ s.b, ZERO, at),
            (self.outputs, s.W @ s.H - s.s * (s.S @ s.Y), ZERO, at),
            (self.gram, s.weight_decay * (s.W @ s.W.T) - s.c * s.s * s.S, ZERO, at),
            (self.aligned, s.c * s.H - s.weight_decay * (s.W.T @ s.Y), ZERO, at),
        ]
        for fact, body, relation, cases in said:
            _require(selection.states(proof, fact, body, relation, cases), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """The property of a loss at one sample, or the lower bound of the objective, literally as the theorem says it.

        Raises:
            NotEntailed: for another claim, or sides that are not those of the theorem.
        """
        if type(claim) is not Inequality:
            raise NotEntailed("the theorem is about an inequality")
        read = _property if set(claim.variables) == {"z"} else _reduction
        known = read(claim, parameters)
        found = next((x for x in known if same(claim.left, x.left) and same(claim.right, x.right)), None)
        if found is None:
            raise NotEntailed("the sides are not those of the theorem")
        tight = {"tight": _tight(claim, found)} if claim.tight else {}
        return {"inequality": "", **tight}


@dataclass(frozen=True)
class Sides:
    """An inequality of the theorem: both sides, the outputs with the label of each column, and what else is equal.

    There is equality where in every column all outputs but that at the label are equal, and ``excess`` vanishes: the
    regulariser beyond c times the average of |t|.
    """

    left: Expression
    right: Expression
    outputs: Expression
    labels: tuple[int, ...]
    excess: Expression


def contrast_of(z: Expression, k: int, i: int) -> Expression:
    """t of column i of some outputs, a sample of class k."""
    K = z.shape[0]
    return (ones(1, K) @ z)[0, i] - K * z[k, i]


def least_loss(model: UnconstrainedFeatures, t: Expression) -> Expression:
    """φ(t) of the model's loss."""
    wrong = model.K - 1
    loss = log(1 + wrong * exp(t / wrong))
    if model.loss == "focal":
        return (1 - exp(-loss)) ** model.gamma * loss
    return loss - model.alpha / model.K * t


def _property(claim: Inequality, parameters: Mapping[str, Any]) -> list[Sides]:
    """φ(t) ≤ the loss of one sample with outputs z, of any class."""
    (z,) = claim.variables.values()
    loss, value = parameters.get("loss"), parameters.get("parameter", Fraction(0))
    if len(z.shape) != 2 or z.shape[0] < 2 or z.shape[1] != 1 or type(value) is not Fraction:
        raise NotEntailed("no loss of the outputs of one sample is proposed")
    if type(loss) is not str or loss not in LOSSES:
        raise NotEntailed("no loss of the outputs of one sample is proposed")
    K = z.shape[0]
    fields: dict[str, Any] = {"loss": loss, **({LOSSES[loss]: value} if LOSSES[loss] else {})}
    try:
        model = UnconstrainedFeatures(class_sizes=(1,) * K, decays=1, **fields)
    except ValueError as reason:
        raise NotEntailed(str(reason)) from reason
    found = []
    for k in range(K):
        label = identity(K)[range(K), (k,)]
        right = K * average(model, z, label, (1,))
        found.append(Sides(least_loss(model, contrast_of(z, k, 0)), right, z, (k,), constant(0)))
    return found


def _reduction(claim: Inequality, parameters: Mapping[str, Any]) -> list[Sides]:
    """The average of φ(t_i) + c |t_i| ≤ the objective of the model, |t| as a norm or as max(t, 0) + max(−t, 0)."""
    model = parameters.get("model")
    if type(model) is not UnconstrainedFeatures or dict(claim.variables) != model.variables:
        raise NotEntailed("no model with these variables is proposed")
    _require_loss(model)
    if model.M != 1 or not model.is_linear or model.has_bias or not model.balanced or model.K < 2:
        raise NotEntailed("the theorem is about balanced classes, one layer and no bias")
    outputs = model.product @ model.features
    labels = tuple(k for k, size in enumerate(model.class_sizes) for _ in range(size))
    terms = [contrast_of(outputs, k, i) for i, k in enumerate(labels)]
    least = reduce(lambda a, b: a + b, (least_loss(model, t) for t in terms))
    T = diagonal(terms)
    sizes = (nuclear_norm(T), trace(relu(T) + relu(-T)))
    regulariser = model.regularised(constant(0), sum_squares(model.features))
    excess = regulariser - strength(model) / model.N * -reduce(lambda a, b: a + b, terms)
    return [
        Sides((least + strength(model) * size) / model.N, model.objective, outputs, labels, excess) for size in sizes
    ]


def _tight(claim: Inequality, found: Sides) -> str:
    """Whether there is equality at the points that a claim gives, exactly: with every t ≤ 0, so that |t| = −t."""
    for point in claim.tight:
        outputs, excess = (substitute(formula, point) for formula in (found.outputs, found.excess))
        field = AlgebraicNumbers([outputs, excess])
        try:
            columns = list(zip(*field.evaluate(outputs), strict=True))
            good = all(_level(field, column, k) for column, k in zip(columns, found.labels, strict=True))
            equal = good and field.is_zero(field.number(Fraction(0)) + field.evaluate(excess))
        except Undecidable as reason:
            return str(reason)
        if not equal:
            return "there is no equality at a point, or it is not seen"
    return ""


def _level(field: AlgebraicNumbers, column: Any, k: int) -> bool:
    """Whether all outputs but that of class k are equal, and no larger than it."""
    zero = field.number(Fraction(0))
    others = [zero + x for j, x in enumerate(column) if j != k]
    return all(field.is_zero(x - others[0]) for x in others) and sign(field, column[k] - others[0]) >= 0


def _require_loss(model: UnconstrainedFeatures) -> None:
    if model.loss not in LOSSES:
        raise NotEntailed(f"the theorem is not about the loss {model.loss}")


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(f"the theorem needs a step that says: {what}")
