"""Spectra of the triangular graph and of its incidence matrix, for every r ≥ 4."""

from __future__ import annotations

from proofs.graph_kinds import ForEveryGraph
from proofs.graphs import GraphProof
from proofs.lemmas.graphs import J, e, norm_of_incidence
from proofs.theorem import Section, Theorem
from theory.families import EDGES, POINT, VERTICES, eye, ones, trace
from theory.families import adjacency_family as A
from theory.families import classes as K
from theory.families import incidence_family as T
from theory.families import vertices as r


def theorem() -> Theorem:
    """Products of T and A in the configuration, traces, and the nuclear norm."""
    proof = GraphProof("spectrum")
    degree, shared, one = 2 * (r - 2), r - 2, ones(EDGES, POINT)
    relations = (
        proof.equation("TᵀT", T.T @ T, 2 * e + A),
        proof.equation("TTᵀ", T @ T.T, (r - 2) * eye(VERTICES) + ones(VERTICES, VERTICES)),
        proof.equation("strongly regular", A @ A, degree * e + shared * A + 4 * (J - e - A)),
        proof.equation("symmetric", A, A.T),
        proof.equation("degree", A @ one, degree * one),
        proof.equation("the other eigenvalues", (A - (r - 4) * e) @ (A + 2 * e), 4 * J),
        proof.equation("trace", trace(A), degree + (r - 4) * (r - 1) - 2 * (K - r)),
        proof.equation("trace of the square", trace(A @ A), degree * K),
        norm_of_incidence(proof),
    )
    return Theorem("sukenik2024-srg-spectrum", (Section("The triangular graph", proof),), ForEveryGraph(relations))
