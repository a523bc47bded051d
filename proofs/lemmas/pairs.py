"""Outputs by pairs lie below collapse at one scale: the better fit, the better regulariser, and the singular values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from proofs.kernel.facts import NONNEGATIVE, POSITIVE, Fact
from proofs.kernel.monotone import MonotoneProof
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Trace, identity, trace
from proofs.lemmas.construction import layered
from proofs.lemmas.pairs_setting import (
    PAIRS,
    SCALES,
    D,
    K,
    X,
    Y,
    alone,
    collapse,
    couples,
    decay,
    last,
    m,
    n,
    odd,
    pair_loss,
    paired,
    pairs,
    q,
    ratio,
    simplex_loss,
    u,
    x,
    y,
)  # fmt: skip
from proofs.lemmas.setting import CONSTRUCTION
from proofs.pairs_kinds import Factors, PairsBeatCollapse, Scales, Singular
from proofs.theorem import Section, Theorem

DEEP, SHALLOW = (2, 3), (3, 2)
"""m and the depth from which on pairs are cheaper."""


def better_fit(proof: MonotoneProof) -> Fact:
    """log(1 + (K−2) x + x²) < log(1 + (K−1) x) for 0 < x < 1."""
    below_one = proof.case("x < 1", 1 - x, POSITIVE)
    order = proof.positive("more certain", alone - paired, POSITIVE, [(x, [below_one], 1)])
    above_zero = proof.positive("likelihood", paired, POSITIVE, [(K * x, [], 1), (1, [], 1 - x)])
    return proof.logarithms("better fit", order, simplex_loss, pair_loss, known=[above_zero])


@dataclass(frozen=True)
class Base:
    """a = 2 − 1/m, and 4 = (2^{2/(M+1)})^{M+1}."""

    some: Fact
    defined: Fact
    root: Fact


def base_of(proof: MonotoneProof) -> Base:
    """m 2^{2/(M+1)} against 2m − 1 is 4 against a^{M+1}."""
    some = proof.case("a pair", 2 * m - 1, POSITIVE)
    defined = proof.definition("a", ratio, (2 * m - 1) / m, given=[some])
    return Base(some, defined, proof.meaning("root of 4"))


def above_one(proof: MonotoneProof, base: Base, name: str, least: int) -> tuple[Fact, Fact]:
    """a ≥ 1 for m ≥ ``least`` ≥ 1."""
    enough = proof.case(f"m ≥ {least}{name}", m - least, NONNEGATIVE)
    terms = [(1, [enough], 1), *([(least - 1, [], 1)] if least > 1 else [])]
    found = proof.positive(f"a ≥ 1{name}", ratio - 1, NONNEGATIVE, terms, times=m, given=m * base.defined)
    return enough, found


def difference(power: int) -> Any:
    """(a^k − b^k)/(a − b) for a and b = (2m − 1)/m."""
    return sum(ratio ** (power - 1 - i) * ((2 * m - 1) / m) ** i for i in range(power))


def cheaper(proof: MonotoneProof, base: Base, least: int, depth: int) -> Fact:
    """m 2^{2/(M+1)} < 2m − 1 for m ≥ ``least`` and M ≥ ``depth``."""
    where, power = f" for m ≥ {least}, M ≥ {depth}", depth + 1
    enough, one = above_one(proof, base, where, least)
    deep = proof.case(f"M ≥ {depth}", M - depth, NONNEGATIVE)
    grows = proof.powers(f"a^(M+1) ≥ a^{power}", ratio, one, (M + 1, sp.Integer(power)), deep)
    terms = [(c, [enough] * k, 1) for k, c in enumerate(shifted(least, power))]
    above_four = proof.positive(
        f"a^{power} > 4",
        ratio**power - 4,
        POSITIVE,
        terms,
        times=m**power,
        given=m**power * difference(power) * base.defined,
    )
    order = proof.positive(
        f"a^(M+1) > 4{where}", ratio ** (M + 1) - q ** (M + 1), POSITIVE,
        [(1, [grows], 1), (1, [above_four], 1)], given=-1 * base.root,
    )  # fmt: skip
    larger = proof.roots(f"a > q{where}", order, ratio, q, M + 1)
    return proof.positive(f"cheaper{where}", 2 * m - 1 - m * q, POSITIVE, [(m, [larger], 1)], given=-m * base.defined)


def shifted(least: int, power: int) -> list[int]:
    """Coefficients in j of (2m − 1)^k − 4 m^k at m = least + j, from the constant term up."""
    left, right = [1], [4]
    for _ in range(power):
        left, right = times_line(left, 2 * least - 1, 2), times_line(right, least, 1)
    return [x - y for x, y in zip(left, right, strict=True)]


def times_line(coefficients: list[int], constant: int, slope: int) -> list[int]:
    """The coefficients of a polynomial times constant + slope j."""
    return [constant * x + slope * y for x, y in zip([*coefficients, 0], [0, *coefficients], strict=True)]


def dearer(proof: MonotoneProof, base: Base, depth: int, most: int | None) -> Fact:
    """m 2^{2/(M+1)} > 2m − 1 for M ≤ ``depth``, and m ≤ ``most``."""
    where, power = f" for M ≤ {depth}" + (f", m ≤ {most}" if most else ""), depth + 1
    enough, one = above_one(proof, base, where, 1)
    flat = proof.case(f"M ≤ {depth}", depth - M, NONNEGATIVE)
    grows = proof.powers(f"a^{power} ≥ a^(M+1)", ratio, one, (sp.Integer(power), M + 1), flat)
    if most is None:
        terms = [(2, [base.some], 1), (1, [], 1)]
    else:
        few = proof.case(f"m ≤ {most}", most - m, NONNEGATIVE)
        terms = [(3, [], 1), (2, [enough], 1), (4, [enough, few], 1), (4, [enough, enough, few], 1)]
    below_four = proof.positive(
        f"a^{power} < 4",
        4 - ratio**power,
        POSITIVE,
        terms,
        times=m**power,
        given=-(m**power) * difference(power) * base.defined,
    )
    order = proof.positive(
        f"a^(M+1) < 4{where}", q ** (M + 1) - ratio ** (M + 1), POSITIVE,
        [(1, [grows], 1), (1, [below_four], 1)], given=1 * base.root,
    )  # fmt: skip
    larger = proof.roots(f"q > a{where}", order, q, ratio, M + 1)
    return proof.positive(f"dearer{where}", m * q - 2 * m + 1, POSITIVE, [(m, [larger], 1)], given=m * base.defined)


def scales() -> tuple[Section, Scales]:
    """Collapse and pairs at one scale.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = MonotoneProof("scales", SCALES)
    fit, base = better_fit(proof), base_of(proof)
    cheap = [cheaper(proof, base, *where) for where in (DEEP, SHALLOW)]
    losses = [
        proof.positive(
            f"pairs lie below collapse for m ≥ {least}, M ≥ {depth}",
            collapse - pairs,
            POSITIVE,
            [(2 * m / K, [fit], 1), (decay / 2 * (M + 1) * y, [less], 1)],
        )
        for less, (least, depth) in zip(cheap, (DEEP, SHALLOW), strict=True)
    ]
    dear = [dearer(proof, base, 1, None), dearer(proof, base, 2, 2)]
    return Section("Collapse and pairs at one scale", proof), Scales(fit, *cheap, *losses, *dear)


def factors() -> tuple[Section, Factors]:
    """Balanced factors with given singular vectors.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("factors", CONSTRUCTION)
    made = layered(proof)
    return Section("Balanced factors", proof), Factors(made.outputs, made.regularisers)


def singular() -> tuple[Section, Singular]:
    """The singular vectors of the outputs by pairs.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("pairs", PAIRS)
    differences, apart, single, labels, count, parity = (
        proof.meaning(name) for name in ("differences", "apart", "last class", "labels", "number of pairs", "odd")
    )
    right = proof.algebra(
        "right singular vectors",
        D.T @ Y @ Y.T @ D - 2 * n * identity(couples),
        D.T @ labels @ D + n * differences,
    )
    right_last = proof.algebra("the last one", u.T @ Y @ Y.T @ u - n * identity(last), u.T @ labels @ u + n * single)
    orthogonal = proof.algebra("orthogonal", D.T @ Y @ Y.T @ u, D.T @ labels @ u + n * apart)
    square = proof.algebra(
        "square",
        X @ X - 2 * X + u @ u.T,
        D @ differences @ D.T + D @ apart @ u.T + u @ apart.T @ D.T + u @ single @ u.T,
    )
    size = proof.algebra(
        "trace",
        trace(X) - Trace({}, 2 * m + odd),
        differences.trace + 2 * count + single.trace + parity,
    )
    kind = Singular(differences, apart, single, right, right_last, orthogonal, square, size)
    return Section("Singular vectors of pairs", proof), kind


@cache
def pairs_kind() -> tuple[tuple[Section, ...], PairsBeatCollapse]:
    """What pairs cost, and that they lie below collapse.

    Raises:
        Rejected: when a step is not accepted.
    """
    (one, at_scales), (two, made), (three, vectors) = scales(), factors(), singular()
    return (one, three, two), PairsBeatCollapse(at_scales, vectors, made)


def pairs_theorem(id: str) -> Theorem:
    """The theorem for a statement about pairs and collapse."""
    return Theorem(id, *pairs_kind())
