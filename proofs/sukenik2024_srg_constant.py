"""The constant C of the SRG solution, for every r ≥ 4 and L ≥ 3."""

from __future__ import annotations

from proofs.graph_kinds import ForEveryGraph
from proofs.graphs import GraphProof
from proofs.lemmas.graphs import first_pair, product_of_norms
from proofs.theorem import Section, Theorem


def theorem() -> Theorem:
    """The first pair, and the product of the squared norms."""
    proof = GraphProof("constant")
    relations = (*first_pair(proof), product_of_norms(proof))
    return Theorem("sukenik2024-srg-constant", (Section("Norms of the factors", proof),), ForEveryGraph(relations))
