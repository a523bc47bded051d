"""Theorems about every critical point, as equations between the factors, and the clauses that are literally these."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from proofs.entailment import NotEntailed
from proofs.kernel.proof import Proof
from proofs.lemmas.bias import bias_proof
from proofs.lemmas.critical_points import neighbours
from proofs.lemmas.setting import CRITICAL_POINT
from proofs.theorem import Theorem
from theory.claims import CriticalPoints, Relation, equal
from theory.model import UnconstrainedFeatures
from theory.ops import constant, diagonal, ones, zeros


@cache
def balance_proof() -> Proof:
    """Balancedness of neighbouring factors.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("balancedness", CRITICAL_POINT)
    proof.require_all_used([neighbours(proof)])
    return proof


def balance_theorem(id: str) -> Theorem:
    """λ_{m+1} W_{m+1}ᵀ W_{m+1} = λ_m W_m W_mᵀ for all m, W_0 = H."""
    says = (
        "At every critical point λ_{m+1} W_{m+1}ᵀ W_{m+1} = λ_m W_m W_mᵀ for m = 0 … M − 1, with W_0 = H and λ_0 = λ_H."
    )
    return Theorem(id, (("Neighbouring layers", balance_proof()),), says, ("critical",), _entails(_balanced))


def bias_theorem(id: str) -> Theorem:
    """b = n/N and H 1 = 0."""
    says = "At every critical point the bias is b = Y 1/N, that is b_k = n_k/N, and the features sum to zero: H 1 = 0."
    return Theorem(id, (("The bias", bias_proof()),), says, ("critical",), _entails(_centred))


def _balanced(model: UnconstrainedFeatures) -> list[Relation]:
    factors = [model.features, *model.weights]
    decays = [model.feature_decay, *model.weight_decays]
    pairs = list(zip(factors, decays, strict=True))
    return [equal(c * (W.T @ W), e * (V @ V.T)) for (V, e), (W, c) in itertools.pairwise(pairs)]


def _centred(model: UnconstrainedFeatures) -> list[Relation]:
    if not model.has_bias:
        raise NotEntailed("the theorem is about a model with a bias")
    n = diagonal([constant(Fraction(size, model.N)) for size in model.class_sizes]) @ ones(model.K, 1)
    summed = model.features @ ones(model.N, 1)
    return [equal(model.bias_vector, n), equal(summed, zeros(model.widths[0], 1))]


def _entails(equations: Any) -> Any:
    def entailed(claim: CriticalPoints, _: Any, __: Mapping[Any, Any]) -> dict[str, str]:
        if not isinstance(claim.problem, UnconstrainedFeatures):
            raise NotEntailed("the theorem is about the model")
        known = equations(claim.problem)
        return {
            c.name: "" if all(r in known for r in c.relations) else "a relation is not one of the theorem's equations"
            for c in claim.clauses
        }

    return entailed
