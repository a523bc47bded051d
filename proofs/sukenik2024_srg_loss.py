"""The loss of the SRG solution, balanced and scaled to outputs p I, for every r ≥ 4, L ≥ 3 and all decays."""

from __future__ import annotations

from proofs.graph_kinds import ForEveryGraph
from proofs.graphs import GraphProof
from proofs.lemmas.graphs import scaled_loss, scaled_outputs
from proofs.theorem import Section, Theorem


def theorem() -> Theorem:
    """The outputs layer by layer, and the regulariser factor by factor."""
    proof = GraphProof("loss")
    hidden, outputs = scaled_outputs(proof)
    relations = (outputs, scaled_loss(proof, hidden))
    return Theorem("sukenik2024-srg-loss", (Section("The scaled network", proof),), ForEveryGraph(relations))
