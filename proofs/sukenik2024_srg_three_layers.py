"""With three layers the SRG solution loses to collapse, for every r ≥ 4."""

from __future__ import annotations

from proofs.graph_kinds import ForEveryGraph
from proofs.graphs import GraphProof
from proofs.lemmas.graphs import WIN
from proofs.theorem import Section, Theorem
from theory.families import classes as K
from theory.families import depth as L
from theory.families import family, put, sqrt
from theory.families import vertices as r


def theorem() -> Theorem:
    """With x = 2(r−1) and y = r−2 the sides differ by r(r−1)/2 √y (√x − √y), and √x − √y = r/(√x + √y)."""
    proof = GraphProof("three layers")
    x, y = sqrt(2 * (r - 1)), sqrt(r - 2)
    reversed_condition = proof.less(
        "reversed condition", K**2, put(WIN, family(3), L), r / 2 * (r - 1) * y * (r / (x + y))
    )
    sections = (Section("The condition at L = 3", proof),)
    return Theorem("sukenik2024-srg-three-layers", sections, ForEveryGraph((reversed_condition,)))
