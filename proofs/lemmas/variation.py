"""First and second derivatives of the data term along any line, by induction over layers from the top down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sympy as sp

from proofs.kernel.facts import Combination, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.words import Trace, squares
from proofs.lemmas.collapse_setting import X
from proofs.lemmas.setting import N, R, W, Y, m
from proofs.lemmas.variation_setting import LINE, UPTO, C, D, G, P, Q, first, rest, second, t, value
from proofs.theorem import Section, Theorem
from proofs.variation_kinds import Recursions, SecondVariation, form, higher, slope

ABOVE = (sp.Integer(1), UPTO[1])
"""Layers m for which there is one below."""
RECURSIONS = (
    "products", "inputs", "products along the line", "first derivatives", "second derivatives", "rests", "first sum",
    "second sum",
)  # fmt: skip


def expanded(proof: Proof, below: Sequence[Fact]) -> Fact:
    """P_m = Q_m + t Q̇_m + t²/2 Q̈_m + t³ E_m."""
    products, _, moved, firsts, seconds, rests, *_ = below

    def step(here: Fact) -> list[Combination]:
        known = moved - products - t * firsts - t**2 / 2 * seconds - t**3 * rests
        return [known + here @ (W(m - 1) + t * X(m - 1))]

    claim = P(m) - Q(m) - t * first(m) - t**2 / 2 * second(m) - t**3 * rest(m)
    (found,) = proof.induction(["products, by powers of t"], [claim], UPTO, [None], step)
    return found


def summed(proof: Proof, below: Sequence[Fact]) -> tuple[Fact, Fact]:
    """The derivatives of products as sums over layers: D_m = Q̇_m R_{m−1} and C_m = Q̈_m R_{m−1}."""
    _, inputs, _, firsts, seconds, _, first_sum, second_sum = below

    def step(one: Fact, two: Fact) -> list[Combination]:
        return [
            first_sum + one + first(m) @ inputs - firsts @ R(m - 2),
            second_sum + two + second(m) @ inputs - seconds @ R(m - 2),
        ]

    claims = [D(m) - first(m) @ R(m - 1), C(m) - second(m) @ R(m - 1)]
    names = ["first derivatives are sums", "second derivatives are sums"]
    one, two = proof.induction(names, claims, UPTO, [None, None], step)
    return one, two


@cache
def variation_section() -> tuple[Section, SecondVariation]:
    """All steps.

    Raises:
        Rejected: when one is not accepted.
    """
    proof, zero = Proof("derivatives along a line", LINE), sp.Integer(0)
    recursions = [proof.meaning(name) for name in RECURSIONS]
    gradient, data = proof.meaning("gradient of the fit"), proof.meaning("data term")
    below = [proof.at(f"{fact.name}, one below", fact, m - 1, layers=ABOVE) for fact in recursions]
    products, (one, two) = expanded(proof, below), summed(proof, below)
    whole, first_whole, second_whole = (proof.at(f"{fact.name}, whole", fact, zero) for fact in (products, one, two))
    change = t * D(0) + t**2 / 2 * C(0) + t**3 * rest(0)
    errors = N * G + change
    outputs = proof.algebra(
        "errors along the line",
        P(0) - Y - errors,
        whole - t * first_whole - t**2 / 2 * second_whole - gradient,
    )
    expansion = proof.algebra(
        "data term along the line",
        Trace({}, value) - N / 2 * squares(G) - t * slope() - t**2 / 2 * form() - t**3 * higher(),
        data + 1 / (2 * N) * (outputs @ (P(0) - Y).T + errors @ outputs.T).trace,
    )
    kind = SecondVariation(Recursions(*recursions), gradient, data, one, expansion)
    return Section("Derivatives along a line", proof), kind


def variation_theorem(id: str) -> Theorem:
    """The theorem for a statement about derivatives of the data term."""
    section, kind = variation_section()
    return Theorem(id, (section,), kind)
