"""The law of total covariance, by induction over the vectors."""

from __future__ import annotations

from functools import cache

import sympy as sp

from proofs.covariance_kinds import PartsWithSoftmax
from proofs.kernel.facts import Combination, Fact
from proofs.kernel.proof import Proof
from proofs.lemmas.covariance_setting import UPTO, WEIGHTED, s, square, total, u
from proofs.lemmas.setting import m
from proofs.theorem import Section, Theorem


@cache
def covariance_section() -> tuple[Section, PartsWithSoftmax]:
    """All steps.

    Raises:
        Rejected: when one is not accepted.
    """
    proof, one = Proof("law of total covariance", WEIGHTED), sp.Integer(1)
    names = ("sum of weights", "sum of vectors", "sum of squares", "sum about the mean", "mean")
    *sums, mean = [proof.meaning(name) for name in names]
    span = (sp.Integer(2), UPTO[1])
    weights, vectors, squares, about = (proof.at(f"{x.name}, one below", x, m - 1, layers=span) for x in sums)

    def step(here: Fact) -> list[Combination]:
        return [about + here - squares + vectors @ u.T + u @ vectors.T - weights * square(u)]

    claim = total("T", m) - total("S", m) + total("V", m) @ u.T + u @ total("V", m).T - s(m) * square(u)
    (expanded,) = proof.induction(["squares about a point"], [claim], UPTO, [None], step)
    whole = proof.at("squares about the mean", expanded, one)
    goal = total("S", 1) - total("T", 1) - s(1) * square(u)
    law = proof.algebra("law of total covariance", goal, -1 * whole - mean @ u.T - u @ mean.T)
    return Section("The law of total covariance", proof), PartsWithSoftmax(*[*sums, mean, law])


def covariance_theorem(id: str) -> Theorem:
    """The theorem for a statement about the parts of a Hessian with cross-entropy."""
    section, kind = covariance_section()
    return Theorem(id, (section,), kind)
