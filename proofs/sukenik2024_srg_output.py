"""The outputs of the SRG solution are I, layer by layer, for every r ≥ 4 and L ≥ 3."""

from __future__ import annotations

from proofs.graph_kinds import ForEveryGraph
from proofs.graphs import GraphProof
from proofs.lemmas.graphs import APART, HIDDEN, LAST, J, e
from proofs.reading import Where
from proofs.theorem import Section, Theorem
from theory.families import EDGES, relu, trace, zeros
from theory.families import adjacency_family as A
from theory.families import classes as K
from theory.families import incidence_family as T
from theory.families import vertices as r


def theorem() -> Theorem:
    """Layers with W = I keep T, which is not negative; the last ReLU cuts off −2 between disjoint edges."""
    proof = GraphProof("outputs")
    before, P = APART @ T, (T.T @ T - 2 * (r - 1) / K * J) / (r - 2)
    tail = (4 - r) * (r - 1) / K
    hidden = proof.induction("the hidden layers keep T", HIDDEN, T)
    relations = (
        proof.equation("outputs", LAST @ relu(APART @ HIDDEN), e, [hidden]),
        proof.equation("M_L", before, 2 * e - 2 * (J - e - A)),
        proof.equation("σ(M_L)", relu(before), 2 * e),
        proof.equation("projection", P @ P, P),
        proof.equation("centred", P @ J, zeros(EDGES, EDGES)),
        proof.equation("rank of the projection", trace(P), r - 1),
        proof.equation("M_L by its eigenspaces", before, 2 * (r - 2) * P + tail * J),
        proof.less("rank r from five vertices on", 0, (r - 4) * (r - 1) / K, where=Where(least=5)),
        proof.equation("rank 3 with four vertices", tail, 0, where=Where(least=4, most=4)),
    )
    return Theorem("sukenik2024-srg-output", (Section("Layer by layer", proof),), ForEveryGraph(relations))
