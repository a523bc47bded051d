"""The kind of theorem about cross-entropy and its relatives with one layer: the simplex is the only minimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from proofs.entailment import NotEntailed
from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import Setting
from proofs.kernel.words import Trace
from proofs.lemmas import softmax_setting as s
from proofs.lemmas.softmax_setting import SIMPLEX, SOFTMAX
from proofs.simplex import Simplex, answers
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable
from theory.claims import GlobalMinimum
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, compare, constant, exp, log, sqrt, walk


@dataclass(frozen=True, eq=False)
class SoftmaxMinimum:
    """The minimum with cross-entropy or label smoothing, one layer and balanced classes, and where it is attained."""

    bound: Fact
    centred_bias: Fact
    no_bias: Fact
    outputs: Fact
    gram: Fact
    aligned: Fact
    attained: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let c = √(n λ_W λ_H). For c < (1 − α)/K let s = log(1/(c + α/K) − (K − 1)) > 0, else s = 0. For widths d ≥ K − 1 the
minimum is log(1 + (K−1) e^{−s}) + (α/K)(K−1) s + c (K−1) s, with or without a bias, and the minimisers are exactly the
points with W Wᵀ = (c s/λ_W) S, H = (λ_W/c) Wᵀ Y and b a multiple of the ones, zero if it is regularised; S = I − 11ᵀ/K.
So the outputs are s S Y + b 1ᵀ; for s = 0 all factors are zero."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        own = (self.bound, self.centred_bias, self.no_bias, self.outputs, self.gram, self.aligned)
        return {SOFTMAX: own, SIMPLEX: (self.attained,)}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say that the minimum is attained, and where.

        Raises:
            Rejected: when one does not.
        """
        excess, at = Trace({}, s.value - s.minimum), (s.value - s.minimum, ZERO)
        proof, regularised = proofs[SOFTMAX], (s.bias_decay, POSITIVE)
        _require(selection.states(proof, self.bound, excess, NONNEGATIVE), "f is at least the minimum")
        _require(selection.states(proofs[SIMPLEX], self.attained, excess), "the minimum is attained")
        said = [
            (self.centred_bias, s.S @ s.b, [at]),
            (self.no_bias, s.b, [at, regularised]),
            (self.outputs, s.W @ s.H - s.s * (s.S @ s.Y), [at]),
            (self.gram, s.weight_decay * (s.W @ s.W.T) - s.c * s.s * s.S, [at]),
            (self.aligned, s.c * s.H - s.weight_decay * (s.W.T @ s.Y), [at]),
        ]
        for fact, body, cases in said:
            _require(selection.states(proof, fact, body, ZERO, cases), f"where the minimum is attained ({fact.name})")

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> dict[str, str]:
        """Clauses that hold at every minimiser, decided in the algebra of the simplex."""
        if type(claim) is not GlobalMinimum or type(claim.problem) is not UnconstrainedFeatures:
            raise NotEntailed("the theorem is about the minimum of the model")
        model = claim.problem
        require_softmax(model)
        c, scale = strength(model), simplex_scale(model)
        sides = [side for clause in claim.clauses for relation in clause.relations for side in _sides(relation)]
        numbers = AlgebraicNumbers([c, scale, *sides])
        ratio = numbers.number(model.weight_decays[0])
        strength_, scale_ = (numbers.number(Fraction(0)) + numbers.evaluate(x) for x in (c, scale))
        free = model.has_bias and not model.bias_decay
        at = Simplex(model, numbers, strength_ * scale_ / ratio, ratio / strength_, free)
        return {
            "value": same_value(claim.value, minimum(model, scale)),
            **({} if claim.unique is None else {"uniqueness": "" if claim.unique is True else "it is unique"}),
            **answers(claim.clauses, at),
        }


def require_softmax(model: UnconstrainedFeatures) -> None:
    """The model of the theorem: one layer, balanced, free features, room for the simplex.

    Raises:
        NotEntailed: for any other.
    """
    usual = model.M == 1 and model.is_linear and model.sign == "free" and model.loss in ("ce", "label-smoothing")
    if not usual or not model.balanced:
        raise NotEntailed("the theorem is about balanced classes, one layer, and cross-entropy or label smoothing")
    if model.K < 2 or model.widths[0] < model.K - 1:
        raise NotEntailed("the features have no room for a simplex")


def strength(model: UnconstrainedFeatures) -> Expression:
    """c = √(n λ_W λ_H)."""
    return sqrt(model.class_sizes[0] * model.weight_decays[0] * model.feature_decay)


def simplex_scale(model: UnconstrainedFeatures) -> Expression:
    """s of the theorem."""
    c, K = strength(model), model.K
    if compare(c, (1 - model.alpha) / K) >= 0:
        return constant(0)
    return log(1 / (c + model.alpha / K) - (K - 1))


def minimum(model: UnconstrainedFeatures, scale: Expression) -> Expression:
    """The value of the theorem: 1/p = e^s + K − 1, so that ℓ − s = log(1 + (K − 1) e^{−s})."""
    wrong = model.K - 1
    return log(1 + wrong * exp(-scale)) + (model.alpha / model.K + strength(model)) * (wrong * scale)


def _sides(relation: Any) -> tuple[Expression, Expression]:
    return relation.left, relation.right


def folded(formula: Expression) -> Expression:
    """The same scalar with e^{q log x} written as x^q, also where q is a product of several rationals."""
    done: dict[Expression, Expression] = {}
    for node in walk(formula):
        args = [done[arg] for arg in node.args]
        done[node] = _FOLDED[node.op](node, *args) if node.op in _FOLDED and not node.shape else node
    return done[formula]


def _exponential(_: Expression, inner: Expression) -> Expression:
    factor = constant(1)
    while inner.op == "scale" and inner.args[0].op == "rational":
        factor, inner = factor * inner.args[0], inner.args[1]
    return exp(factor * inner)


_FOLDED: Mapping[str, Callable[..., Expression]] = {
    "add": lambda _, left, right: left + right,
    "scale": lambda _, left, right: left * right,
    "power": lambda node, base: base**node.data,
    "log": lambda _, inner: log(inner),
    "exp": _exponential,
}


def same_value(claimed: Expression, value: Expression) -> str:
    """The empty text where a claimed value is the theorem's, exactly."""
    left, right = folded(claimed), folded(value)
    numbers = AlgebraicNumbers([left, right])
    try:
        same = numbers.is_zero(numbers.number(Fraction(0)) + numbers.evaluate(left) - numbers.evaluate(right))
    except Undecidable as reason:
        return str(reason)
    return "" if same else "the value is not that of the theorem"


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(f"the theorem needs a step that says: {what}")
