"""The kind of theorem about where collapse beats zero: squared error, balanced classes, any number of layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from proofs.entailment import NotEntailed
from proofs.formulas import same
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.lemmas.collapse_setting import GAINS
from proofs.lemmas.setting import t
from proofs.scalar_kinds import PROFILE
from theory.claims import Identity, Relation, equal, less
from theory.ops import constant

LOSS = (1 - t) ** 2 / 2 + (M + 1) / 2 * t * (1 - t)
"""The loss of collapse at the gain t."""
FALLS = 2 * M * t - (M - 1)
"""Positive where the profile falls."""


@dataclass(frozen=True, eq=False)
class ZeroThreshold:
    """Collapse at the larger root has a lower loss than zero exactly inside the condition on the decays."""

    falls: Fact
    worth: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
The profile p(t) = t^{L−1} (1−t)^{L+1} falls strictly where (L−1)/(2L) < t < 1, and, being continuous, from the left end
on. The gain γ of collapse is the root of p(γ) = K^{L+1} n λ_H λ_1 ⋯ λ_L in this interval. Its loss is ½(1−γ)² + ½(L+1)
γ(1−γ) = ½ − ½ γ (L γ − (L−1)), so below that of zero, ½, where γ > (L−1)/L, equal at equality, and above where γ is
less. That is where p(γ) is below, equal to or above p((L−1)/L) = (L−1)^{L−1}/L^{2L} with 0⁰ = 1, so where
(K n λ_H λ_1 ⋯ λ_L)^{1/L} is below, equal to or above (L−1)^{(L−1)/L}/(K L²)."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {GAINS: (self.falls, self.worth)}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        inside = [(t, POSITIVE), (1 - t, POSITIVE), (FALLS, POSITIVE)]
        if not selection.falls(proofs[GAINS], self.falls, t, PROFILE, inside):
            raise Rejected("the theorem needs a step that says: the profile falls")
        if not selection.states(proofs[GAINS], self.worth, 2 * LOSS - 1 + t * (M * t - (M - 1))):
            raise Rejected("the theorem needs a step that says: the loss of collapse")

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses that compare the losses, or the sides of the condition, at proposed K, n, L and γ.

        Raises:
            NotEntailed: for another claim, or without a gain at which the profile falls.
        """
        if type(claim) is not Identity:
            raise NotEntailed("the theorem is about relations of constants")
        sizes: list[Any] = [parameters.get(name) for name in ("K", "n", "L")]
        gamma = parameters.get("gamma")
        if not all(type(x) is int and x >= 1 for x in sizes) or type(gamma) is not Fraction:
            raise NotEntailed("no sizes and no gain are proposed")
        K, n, L = sizes
        known = _relations(K, n, L, gamma)
        other = "a relation is not one of the theorem's"
        return {
            c.name: "" if all(any(_says(r, k) for k in known) for r in c.relations) else other for c in claim.clauses
        }


def _relations(K: int, n: int, L: int, gamma: Fraction) -> list[Relation]:
    start = Fraction(L - 1, L)
    if not start / 2 < gamma < 1:
        raise NotEntailed("the profile does not fall at the proposed gain, so it is not the larger root")
    load = gamma ** (L - 1) * (1 - gamma) ** (L + 1) / (n * Fraction(K) ** (L + 1))
    loss = constant((1 - gamma) ** 2 / 2 + Fraction(L + 1, 2) * gamma * (1 - gamma))
    left = constant(K * n * load) ** Fraction(1, L)
    right = constant(Fraction(L - 1) ** (L - 1)) ** Fraction(1, L) / (K * L**2)
    pairs = ((left, right), (loss, constant(Fraction(1, 2))))
    if gamma == start:
        return [equal(*pair) for pair in pairs]
    return [less(*(pair if gamma > start else pair[::-1])) for pair in pairs]


def _says(relation: Relation, known: Relation) -> bool:
    return relation.sign == known.sign and same(relation.left, known.left) and same(relation.right, known.right)
