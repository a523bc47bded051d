"""The parts of a layer's Hessian, at any point."""

from __future__ import annotations

from proofs.curvature_kinds import PartsOfHessian, difference
from proofs.kernel.proof import Proof
from proofs.lemmas.collapse_setting import ANY_POINT
from proofs.theorem import Section, Theorem


def parts_theorem(id: str) -> Theorem:
    """The theorem for a statement about the sum of the parts of a Hessian."""
    proof = Proof("parts", ANY_POINT)
    parts = PartsOfHessian(proof.algebra("sum of the parts", difference()))
    return Theorem(id, (Section("The parts of a Hessian", proof),), parts)
