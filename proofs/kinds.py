"""The kinds of theorem: for each the accepted steps that it rests on, formula by formula, and what it entails.

A script chooses a kind and gives it steps of its proofs. The kind checks that they say what it needs, so that neither
the words of the conclusion nor what follows for a claim is the script's.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, ClassVar

import sympy as sp

from proofs.contrast_kinds import ContrastiveLoss
from proofs.covariance_kinds import PartsWithSoftmax
from proofs.curvature_kinds import CurvatureAtCollapse, PartsOfHessian
from proofs.entailment import NotEntailed, entailed, require_linear
from proofs.full_curvature_kinds import FullCurvature
from proofs.graph_kinds import ForEveryGraph, GraphLosses
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import is_zero
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import identity, power
from proofs.lemmas import setting as s
from proofs.lemmas.setting import BIASED, CONSTRUCTION, CRITICAL_POINT
from proofs.orthogonal_kinds import OrthogonalMinimum
from proofs.pairs_kinds import PairsBeatCollapse
from proofs.relu_kinds import CollapseWithReLUs
from proofs.scalar_kinds import Answers, Proofs, ScalarMinimum, ScaleMinimum, require, require_best
from proofs.softmax_curvature_kinds import SoftmaxCurvature
from proofs.softmax_kinds import SoftmaxMinimum
from proofs.threshold_kinds import ZeroThreshold
from proofs.variation_kinds import SecondVariation
from theory.claims import CriticalPoints, GlobalMinimum, Inequality, Relation, equal
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, constant, diagonal, ones, schatten, sum_squares, variable, zeros

MODEL = selection.Letters(s.beta, s.mu, s.z, s.value, 2 * s.N, frozenset([s.N, M]))


# --------------------------------------------------------------------------------------------------- critical points


@dataclass(frozen=True, eq=False)
class Balanced:
    """Neighbouring factors are balanced at every critical point."""

    neighbours: Fact

    cites: ClassVar[tuple[str, ...]] = ("critical",)
    says: ClassVar[str] = (
        "At every critical point λ_{m+1} W_{m+1}ᵀ W_{m+1} = λ_m W_m W_mᵀ for m = 0 … M − 1, with W_0 = H and λ_0 = λ_H."
    )

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {CRITICAL_POINT: (self.neighbours,)}

    def check(self, proofs: Proofs) -> None:
        """That the step says it, for all layers and in every case.

        Raises:
            Rejected: when it does not.
        """
        upper, lower = s.W(s.m + 1), s.W(s.m)
        body = s.lam(s.m + 1) * (upper.T @ upper) - s.lam(s.m) * (lower @ lower.T)
        layers = (sp.Integer(0), M - 1)
        require(selection.states(proofs[CRITICAL_POINT], self.neighbours, body, layers=layers), "balancedness")

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> Answers:
        """Clauses that are made of these equations, for the factors of the claim's model."""
        model = _critical_model(claim)
        factors = [model.features, *model.weights]
        decays = [model.feature_decay, *model.weight_decays]
        pairs = list(zip(factors, decays, strict=True))
        known = [equal(c * (W.T @ W), e * (V @ V.T)) for (V, e), (W, c) in itertools.pairwise(pairs)]
        return _literally(claim, known)


@dataclass(frozen=True, eq=False)
class CentredBias:
    """The bias and the sum of the features at every critical point."""

    bias: Fact
    centred: Fact

    cites: ClassVar[tuple[str, ...]] = ("critical",)
    says: ClassVar[str] = (
        "At every critical point the bias is b = Y 1/N, that is b_k = n_k/N, and the features sum to zero: H 1 = 0."
    )

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {BIASED: (self.bias, self.centred)}

    def check(self, proofs: Proofs) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        proof = proofs[BIASED]
        require(selection.states(proof, self.bias, s.N * s.b - s.Y @ s.ones), "N b = Y 1")
        require(selection.states(proof, self.centred, s.H @ s.ones), "H 1 = 0")

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> Answers:
        """Clauses that are made of these equations, for the claim's model."""
        model = _critical_model(claim)
        if not model.has_bias:
            raise NotEntailed("the theorem is about a model with a bias")
        n = diagonal([constant(Fraction(size, model.N)) for size in model.class_sizes]) @ ones(model.K, 1)
        summed = model.features @ ones(model.N, 1)
        return _literally(claim, [equal(model.bias_vector, n), equal(summed, zeros(model.widths[0], 1))])


def _critical_model(claim: Any) -> UnconstrainedFeatures:
    if type(claim) is not CriticalPoints or type(claim.problem) is not UnconstrainedFeatures:
        raise NotEntailed("the theorem is about every critical point of the model")
    require_linear(claim.problem)
    return claim.problem


def _literally(claim: CriticalPoints, known: Sequence[Relation]) -> Answers:
    return {
        c.name: "" if all(r in known for r in c.relations) else "a relation is not one of the theorem's equations"
        for c in claim.clauses
    }


# ------------------------------------------------------------------------------------------------ the global minimum


@dataclass(frozen=True)
class Geometry:
    """Where the factors of a critical point are."""

    decomposition: Fact
    orthonormal: Fact
    aligned: Fact
    resolvent: Fact
    nc1: Fact
    means: Fact


@dataclass(frozen=True, eq=False)
class ModelMinimum:
    """All minimisers of the deep linear model: the modes, where their factors are, and that the bound is attained."""

    modes: selection.Premises
    commute: Fact
    confidence: Fact
    energy: Fact
    geometry: Geometry
    objective: Fact
    share: Fact
    bias: CentredBias | None = None

    cites: ClassVar[tuple[str, ...]] = selection.AXIOMS
    says: ClassVar[str] = """\
Let S = T Tᵀ, with T = Y without bias, T = Y − b 1ᵀ with b = n/N where there is one: its eigenvalues μ are the n_k, or
n (K − 1 times) and 0 for balanced classes with a bias. A mode of weight μ is on where N^{M+1} Λ/μ^M <
(M−1)^{M−1}/M^{2M}, with confidence z, the only root of z^{M−1} (1 − z)^{M+1} = N^{M+1} Λ/μ^M beyond (M−1)/M; it is
off where that is larger, and for M ≥ 2 at equality both have the same value (z = (M−1)/M). At most R modes are on,
those of largest gain μ z (M z − (M−1)), which grows with μ; ties may be on along any subspace. The minimum is (tr S −
Σ gains)/(2N). At every minimiser √λ_m W_m = V_{m+1} Δ V_mᵀ with orthonormal V_m, N Δ² = μ z (1 − z), and H̄ = Pᵀ (P
Pᵀ + N λ_H)⁻¹ T̄, H = H̄ Y. All this follows from
the steps by the schema of `proofs/kernel/selection.py`, which checks that they have the form it needs; the minimum is
attained because the objective is at least half the sum of λ ‖factor‖² over all factors, with every λ > 0."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        own = (self.commute, self.confidence, self.energy)
        critical = (*vars(self.modes).values(), *own, *vars(self.geometry).values())
        bias = {} if self.bias is None else self.bias.premises
        return {**bias, CRITICAL_POINT: critical, CONSTRUCTION: (self.objective, self.share)}

    def check(self, proofs: Proofs) -> None:
        """That the steps say what the answers assume, and that the lower bound is attained.

        Raises:
            Rejected: naming what is missing.
        """
        self.minimum(proofs)
        self._check_geometry(proofs[CRITICAL_POINT])
        if self.bias is not None:
            require(type(self.bias) is CentredBias, "the bias is that of the labels")
            self.bias.check(proofs)

    def minimum(self, proofs: Proofs) -> selection.Minimum:
        """The best root of each mode, with the value that the construction attains.

        Raises:
            Rejected: when the premises do not have the form that the schema needs.
        """
        require(type(self.modes) is selection.Premises and type(self.geometry) is Geometry, "the modes")
        rank = s.Lam(1) * (s.P @ s.P.T) - power(s.B, M)
        found = selection.minimum(proofs[CRITICAL_POINT], self.modes, MODEL, rank)
        require_best(found, s.N ** (M + 1) * s.Lambda)
        selection.attained(proofs[CONSTRUCTION], found, self.objective, self.share, s.S, s.theta, MODEL)
        return found

    def _check_geometry(self, proof: Proof) -> None:
        g, V, J, H, Y, P = self.geometry, s.V, s.J, s.H, s.Y, s.P
        weights, frames, average = (sp.Integer(1), M), (sp.Integer(0), M), Y.T @ s.sizes_inverse
        up, here = V(s.m + 1), V(s.m)
        said = [
            (self.commute, s.B @ s.S - s.S @ s.B, (), None),
            (self.confidence, s.z - s.beta**M / (s.beta**M + s.N * s.Lambda), [(s.beta, POSITIVE)], None),
            (self.energy, s.N * s.beta - s.mu * s.z * (1 - s.z), [(s.beta, POSITIVE)], None),
            (g.decomposition, s.B - V(M + 1) @ s.root @ s.root @ V(M + 1).T, (), None),
            (g.orthonormal, up.T @ up - identity(s.modes), (), frames),
            (g.aligned, sp.sqrt(s.lam(s.m)) * s.W(s.m) - up @ s.root @ here.T, (), weights),
            (g.resolvent, (P @ P.T + s.r * identity(s.K)) @ J - identity(s.K), (), None),
            (g.nc1, H - H @ average @ Y, (), None),
            (g.means, H @ average - P.T @ J @ s.means_target, (), None),
        ]
        for fact, body, cases, layers in said:
            require(selection.states(proof, fact, body, ZERO, cases, layers), f"where the factors are ({fact.name})")

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> Answers:
        """Clauses that hold at every minimiser, decided in the algebra of its frames."""
        if type(claim) is not GlobalMinimum or type(claim.problem) is not UnconstrainedFeatures:
            raise NotEntailed("the theorem is about the minimum of the model")
        if claim.problem.has_bias and self.bias is None:
            raise NotEntailed("the theorem is about the model without a bias")
        return entailed(claim, field, roots)


# --------------------------------------------------------------------------------------------- the layered regulariser


@dataclass(frozen=True, eq=False)
class LayeredBound:
    """The layered regulariser against a Schatten quasi-norm: the minimum of the model for any target, as N → 0."""

    minimum: ModelMinimum
    share: Fact
    power: Fact

    cites: ClassVar[tuple[str, ...]] = (*selection.AXIOMS, "limit")
    says: ClassVar[str] = """\
For all factors with product Z = W_M ⋯ W_1 H: Σ λ_m/2 ‖W_m‖² + λ_H/2 ‖H‖² ≥ (M+1)/2 Λ^{1/(M+1)} Σ_j σ_j(Z)^{2/(M+1)},
with equality at factors along the singular vectors of Z with λ_m s_m² = (Λ σ²)^{1/(M+1)} in every layer."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        below = self.minimum.premises
        return {**below, CRITICAL_POINT: (*below[CRITICAL_POINT], self.share, self.power)}

    def check(self, proofs: Proofs) -> None:
        """That the minimum holds for any target, and has the limit that is said.

        Raises:
            Rejected: when a step does not say it, or rests on what labels are.
        """
        require(type(self.minimum) is ModelMinimum, "the minimum of the model")
        found, proof = self.minimum.minimum(proofs), proofs[CRITICAL_POINT]
        shares = self.minimum.modes.shares
        bound = selection.limit(proof, found, self.share, self.power, shares.extra["summand"], MODEL, s.N)
        require(is_zero(bound - (M + 1) / 2 * (s.Lambda * s.mu) ** (1 / (M + 1))), "the limit of a share")
        rests = proof.below([*vars(self.minimum.modes).values(), self.share, self.power])
        labels = {"target by class", "class sizes"} & {step.fact.name for step in rests if step.rule == "meaning"}
        require(not labels, "the minimum for a target of any form")

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> Answers:
        """The inequality, if its sides are literally those of the theorem for factors of some shapes and decays."""
        if type(claim) is not Inequality or claim.where:
            raise NotEntailed("the theorem is about an inequality at all points")
        factors = _factors(claim.right)
        names = [str(V.data) for V, _ in factors]
        if sorted(names) != sorted(claim.variables) or any(claim.variables[str(V.data)] is not V for V, _ in factors):
            raise NotEntailed("the regulariser does not hold every variable once")
        if len(factors) < 2 or min(c for _, c in factors) <= 0:
            raise NotEntailed("the regulariser is not a positive multiple of two factors at least")
        product, decay = _network([V for V, _ in factors]), constant(1)
        for _, c in factors:
            decay = decay * c
        L = len(factors)
        bound = Fraction(L, 2) * decay ** Fraction(1, L) * schatten(product, Fraction(2, L))
        if claim.left is not bound:
            raise NotEntailed("the left side is not the bound of the theorem")
        return {"inequality": ""}


def _network(factors: Sequence[Expression]) -> Expression:
    """W_M ⋯ W_1 H, written as the statements write it."""
    *weights, features = factors
    for upper, lower in itertools.pairwise([*reversed(weights), features]):
        if upper.shape[1] != lower.shape[0]:
            raise NotEntailed("the factors cannot be multiplied in the order of the regulariser")
    return reduce(lambda upper, lower: upper @ lower, reversed(weights)) @ features


def _factors(regulariser: Expression) -> list[tuple[Expression, Fraction]]:
    """The factors and decays of λ_1/2 ‖W_1‖² + ⋯ + λ_H/2 ‖H‖², in this order."""
    found: list[tuple[Expression, Fraction]] = []
    rest, terms = regulariser, []
    while rest.op == "add":
        rest, last = rest.args
        terms.append(last)
    for term in [rest, *reversed(terms)]:
        if term.op != "scale" or term.args[1].op != "sum_squares" or not isinstance(term.args[0].data, Fraction):
            raise NotEntailed("the right side is not a sum of squared norms")
        V = term.args[1].args[0]
        if V.op != "variable" or V is not variable(str(V.data), V.shape) or sum_squares(V) is not term.args[1]:
            raise NotEntailed("a squared norm is not that of a variable")
        found.append((V, 2 * term.args[0].data))
    return found


Kind = (
    Balanced
    | CentredBias
    | ModelMinimum
    | LayeredBound
    | ScalarMinimum
    | ScaleMinimum
    | ForEveryGraph
    | GraphLosses
    | SoftmaxMinimum
    | PairsBeatCollapse
    | ContrastiveLoss
    | OrthogonalMinimum
    | CurvatureAtCollapse
    | PartsOfHessian
    | SoftmaxCurvature
    | FullCurvature
    | ZeroThreshold
    | CollapseWithReLUs
    | SecondVariation
    | PartsWithSoftmax
)
KINDS = (
    Balanced,
    CentredBias,
    ModelMinimum,
    LayeredBound,
    ScalarMinimum,
    ScaleMinimum,
    ForEveryGraph,
    GraphLosses,
    SoftmaxMinimum,
    PairsBeatCollapse,
    ContrastiveLoss,
    OrthogonalMinimum,
    CurvatureAtCollapse,
    PartsOfHessian,
    SoftmaxCurvature,
    FullCurvature,
    ZeroThreshold,
    CollapseWithReLUs,
    SecondVariation,
    PartsWithSoftmax,
)
