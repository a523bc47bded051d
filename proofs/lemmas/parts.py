"""The parts of a layer's Hessian, at any point."""

from __future__ import annotations

from proofs.curvature_kinds import PartsOfHessian
from proofs.kernel.proof import Proof
from proofs.lemmas.collapse_setting import ANY_POINT, Hessian, parts
from proofs.theorem import Section, Theorem


def parts_theorem(id: str) -> Theorem:
    """The theorem for a statement about the sum of the parts of a Hessian."""
    proof = Proof("parts", ANY_POINT)
    names = ("Hessian", "part within classes", "part across classes", "part of class means")
    whole, within, across, of_means = (proof.meaning(name) for name in names)
    goal = Hessian - parts["within"] - parts["cross"] - parts["class"]
    total = proof.algebra("sum of the parts", goal, whole - within - across - of_means)
    return Theorem(
        id, (Section("The parts of a Hessian", proof),), PartsOfHessian(whole, within, across, of_means, total)
    )
