"""The rank of the intermediate layers of the SRG solution, for every r ≥ 4."""

from __future__ import annotations

from proofs.graph_kinds import ForEveryGraph
from proofs.graphs import GraphProof
from proofs.theorem import Section, Theorem
from theory.families import VERTICES, eye, ones, trace
from theory.families import classes as K
from theory.families import incidence_family as T
from theory.families import vertices as r


def theorem() -> Theorem:
    """T Tᵀ is invertible, so that T has rank r; and 2K < r² < 4K."""
    proof = GraphProof("rank")
    inverse = (eye(VERTICES) - ones(VERTICES, VERTICES) / (2 * (r - 1))) / (r - 2)
    projection = T.T @ inverse @ T
    relations = (
        proof.equation("full row rank", T @ T.T @ inverse, eye(VERTICES)),
        proof.equation("projection", projection @ projection, projection),
        proof.equation("rank r", trace(projection), r),
        proof.less("more than √(2K)", 2 * K, r**2),
        proof.less("less than 2√K", r**2, 4 * K),
    )
    return Theorem("sukenik2024-rank", (Section("The rank of T", proof),), ForEveryGraph(relations))
