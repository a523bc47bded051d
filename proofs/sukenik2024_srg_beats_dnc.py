"""The SRG solution beats collapse, for every r ≥ 4 and L ≥ 4, at all decays at which collapse is not zero."""

from __future__ import annotations

from proofs.graph_kinds import GraphLosses
from proofs.graphs import GraphProof
from proofs.lemmas.graphs import condition
from proofs.lemmas.scales import scales
from proofs.theorem import Section, Theorem


def theorem() -> Theorem:
    """The condition on the constants, and that the loss grows with the constant."""
    proof = GraphProof("condition")
    beats = condition(proof)
    section, losses = scales()
    sections = (Section("The condition", proof), section)
    return Theorem("sukenik2024-srg-beats-dnc", sections, GraphLosses(beats, losses))
