"""The kind of theorem about the parts of a layer's Hessian with cross-entropy, at any point and any probabilities.

For vectors v_m with weights w_m > 0 and the mean u, Σ w v vᵀ = Σ w (v − u)(v − u)ᵀ + (Σ w) u uᵀ. With it diag(p) − p pᵀ
is Σ_c' p_c' (p − e_c')(p − e_c')ᵀ, and sums over samples and over classes c' split off those of their means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar

from proofs.entailment import NotEntailed
from proofs.formulas import same, signs, vanishes
from proofs.kernel import selection
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import Setting
from proofs.lemmas.covariance_setting import VECTORS, WEIGHTED, s, square, total, u, v, w
from proofs.lemmas.setting import m
from proofs.scalar_kinds import require
from theory.claims import Identity
from theory.curvature import cross_entropy, softmax_split
from theory.draws import integer_factors, probabilities
from theory.ops import Expression, ones


@dataclass(frozen=True, eq=False)
class PartsWithSoftmax:
    """At every point the Hessian of a layer with cross-entropy is the sum of its four parts."""

    weights: Fact
    vectors: Fact
    squares: Fact
    about: Fact
    mean: Fact
    law: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
For any number of vectors with positive weights, Σ w v vᵀ = Σ w (v − u)(v − u)ᵀ + (Σ w) u uᵀ, u their mean.

Let the classes be balanced, K ≥ 2 of them with n samples each, N = K n, and h_i, A the inputs of a layer and the
factors above it, p_i > 0 the softmax of the sample i, which sums to 1. The Hessian in the layer is Σ_i Aᵀρ_i A ⊗ h_i
h_iᵀ with ρ_i = (diag(p_i) − p_i p_iᵀ)/N. By the law for the vectors e_{c'} with the weights p_{ic'}, whose mean is p_i,
this is the sum of w v vᵀ over all samples i and labels c', v = Aᵀ(p_i − e_{c'}) ⊗ h_i, w = p_{ic'}/N. By the law for
the samples of each class c and each c' it is the part within classes and the sum of w_{cc'} v_{cc'} v_{cc'}ᵀ, v_{cc'}
the means and w_{cc'} the sums of weights. The terms of c' = c are the part of labels; the others are, by the law for
the c' ≠ c of each class, the part across classes and that of class means."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {WEIGHTED: tuple(vars(self).values())}

    def said(self) -> list[tuple[Fact, Any, Any]]:
        """What each step must say, and for which vectors."""
        return [
            (self.weights, s(m) - s(m + 1) - w(m), VECTORS),
            (self.vectors, total("V", m) - total("V", m + 1) - w(m) * v(m), VECTORS),
            (self.squares, total("S", m) - total("S", m + 1) - w(m) * square(v(m)), VECTORS),
            (self.about, total("T", m) - total("T", m + 1) - w(m) * square(v(m) - u), VECTORS),
            (self.mean, s(1) * u - total("V", 1), None),
            (self.law, total("S", 1) - total("T", 1) - s(1) * square(u), None),
        ]

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        for fact, body, span in self.said():
            require(selection.states(proofs[WEIGHTED], fact, body, layers=span), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses that say this of a layer, at factors of integers and with probabilities.

        ``parameters`` propose these; that they are probabilities, and that the formulas of the claim are the Hessian
        and its parts there, is decided exactly.

        Raises:
            NotEntailed: for another claim, or without such a point.
        """
        if type(claim) is not Identity:
            raise NotEntailed("the theorem is about relations of constants")
        whole, parts = proposed(parameters)
        other = "a relation is not that of a Hessian with its parts"
        return {
            c.name: ""
            if all(r.sign == "=" and r.left is whole and same(r.right, parts) for r in c.relations)
            else other
            for c in claim.clauses
        }


def proposed(parameters: Mapping[str, Any]) -> tuple[Expression, Expression]:
    """The Hessian of a layer at the point that parameters name, and the sum of its parts.

    Raises:
        NotEntailed: where they name none, or no probabilities.
    """
    K, n, widths, layer, seed = (parameters.get(name) for name in ("K", "n", "widths", "layer", "seed"))
    if type(widths) is not tuple or any(type(x) is not int or x < 1 for x in (K, n, layer, *widths)):
        raise NotEntailed("the theorem is about a layer with widths, for K classes of n samples")
    if type(K) is not int or type(n) is not int or type(layer) is not int or type(seed) is not int:
        raise NotEntailed("no point is proposed")
    if K < 2 or layer > len(widths):
        raise NotEntailed("the theorem is about two classes or more, and a layer of 1 … L")
    shares = probabilities(K, K * n, seed)
    if any(sign <= 0 for row in signs(shares) for sign in row) or not vanishes(ones(1, K) @ shares - ones(1, K * n)):
        raise NotEntailed("the theorem is about positive probabilities with the sum 1")
    at = cross_entropy(integer_factors(K, n, widths, seed), (n,) * K, shares)
    return at.layer(layer), reduce(add, softmax_split(at, layer, K, n, shares).values())
