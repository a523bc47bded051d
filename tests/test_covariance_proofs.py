"""The law of total covariance: what it entails of Hessians with cross-entropy, false claims, wrong proofs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import pytest
import sympy as sp

from proofs import covariance_kinds
from proofs.covariance_kinds import PartsWithSoftmax
from proofs.entailment import NotEntailed
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.lemmas.covariance import covariance_section, covariance_theorem
from proofs.lemmas.covariance_setting import UPTO, VECTORS, WEIGHTED, s, square, total, u
from proofs.lemmas.setting import DEPTHS, m
from proofs.theorem import Theorem
from theory.arithmetic.interpreters import Rationals
from theory.claims import Identity, Relation, Spectrum, at_most, clause, equal
from theory.curvature import cross_entropy, softmax_split, squared
from theory.draws import integer_factors, probabilities
from theory.ops import Expression, identity, kron, matrix, ones

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every number of vectors that random instances have: no evaluation notices what is multiplied by it."""
TINY = Fraction(1, 10**9)
GIVEN: dict[str, Any] = {"K": 3, "n": 2, "widths": (3, 3), "layer": 1, "seed": 3}
SHARES, FACTORS = probabilities(3, 6, 3), integer_factors(3, 2, (3, 3), 3)
AT = cross_entropy(FACTORS, (2, 2, 2), SHARES)
H, PARTS = AT.layer(1), softmax_split(AT, 1, 3, 2, SHARES)


def holds(relation: Relation, **changes: Any) -> bool:
    claim = Identity((clause("sum", relation),))
    return not covariance_theorem("parts").entails(claim, None, {}, GIVEN | changes)["sum"]


def summed(**weights: Any) -> Expression:
    """The parts with some other weights."""
    return reduce(add, [weights.get(name, 1) * part for name, part in PARTS.items()])


FALSE = {
    "without a part": equal(H, summed(cross=0)),
    "without labels": equal(H, summed(own=0)),
    "a part twice": equal(H, summed(**{"class": 2})),
    "a little more": equal(H, summed(within=1 + TINY)),
    "at most": at_most(H, summed()),
    "other probabilities": equal(H, reduce(add, softmax_split(AT, 1, 3, 2, ones(3, 6) / 3).values())),
    "another layer": equal(AT.layer(2), summed()),
    "squared error": equal(squared(FACTORS, (2, 2, 2)).layer(1), summed()),
    "factors of ⊗ swapped": equal(reduce(add, [kron(*reversed(x.args)) for x in (H.args[1], H.args[1])]), summed()),
    "itself": equal(H, H),
    "turned round": equal(summed(), H),
}


def test_the_hessian_is_the_sum_of_its_parts() -> None:
    assert holds(equal(H, summed()))
    assert holds(equal(H, reduce(add, list(PARTS.values())[::-1])))
    for changes in ({"seed": 4}, {"layer": 2}, {"n": 1}, {"K": 2, "n": 3}, {"widths": (3, 4)}):
        assert not holds(equal(H, summed()), **changes)


@pytest.mark.parametrize("name", FALSE)
def test_another_relation_is_not_entailed(name: str) -> None:
    assert not holds(FALSE[name])


@pytest.mark.parametrize(
    "changes",
    [{"K": 1}, {"K": 3.0}, {"K": True}, {"n": 0}, {"layer": 0}, {"layer": 3}, {"layer": None}, {"widths": ()},
     {"widths": [3, 3]}, {"widths": (3, 0)}, {"seed": None}],
    ids=str,
)  # fmt: skip
def test_a_point_must_be_proposed(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        holds(equal(H, summed()), **changes)


@pytest.mark.parametrize("entries", [(1, 0), (2, -1), (Fraction(1, 2), Fraction(1, 3))], ids=str)
def test_probabilities_are_positive_with_the_sum_1(entries: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    shares = matrix([[x] * 4 for x in entries])
    monkeypatch.setattr(covariance_kinds, "probabilities", lambda K, samples, seed: shares)
    with pytest.raises(NotEntailed, match="positive probabilities"):
        holds(equal(H, summed()), K=2)


def test_the_theorem_is_about_relations() -> None:
    with pytest.raises(NotEntailed, match="about relations"):
        covariance_theorem("parts").entails(Spectrum(identity(2), [(1, 2)]), None, {}, GIVEN)


@pytest.mark.parametrize(("K", "n", "layer"), [(2, 1, 1), (2, 3, 2), (4, 2, 1)])
def test_the_hessian_and_its_parts_are_sums_of_squares_of_the_kinds_vectors(K: int, n: int, layer: int) -> None:
    """At rational points Σ w v vᵀ over samples and labels, v = Aᵀ(p_i − e_c) ⊗ h_i, is the Hessian and its parts."""
    shares, samples = probabilities(K, K * n, 5), range(K * n)
    at = cross_entropy(integer_factors(K, n, (3, 2), 5), (n,) * K, shares)
    A, B, every = at.above(layer).T, at.below(layer), []
    for i in samples:
        p, h = (X[range(X.shape[0]), (i,)] for X in (shares, B))
        vectors = [kron(A @ (p - identity(K)[range(K), (c,)]), h) for c in range(K)]
        every += [shares[c, i] / (K * n) * (v @ v.T) for c, v in enumerate(vectors)]
    whole = reduce(add, every)
    for other in (at.layer(layer), reduce(add, softmax_split(at, layer, K, n, shares).values())):
        assert all(x == 0 for row in Rationals().evaluate(whole - other) for x in row)


# ------------------------------------------------------------ wrong proofs


def fresh() -> tuple[Proof, list[Fact]]:
    proof = Proof("law", WEIGHTED)
    facts = [proof.meaning(name) for name in WEIGHTED.meanings]
    span = (sp.Integer(2), M + 1)
    return proof, [*(proof.at(f"{x.name} below", x, m - 1, layers=span) for x in facts[:4]), facts[4]]


CLAIM = total("T", m) - total("S", m) + total("V", m) @ u.T + u @ total("V", m).T - s(m) * square(u)


def with_the_other_sign(proof: Proof, facts: list[Fact]) -> None:
    weights, vectors, squares, about, _ = facts
    claim = CLAIM + 2 * s(m) * square(u)
    proof.induction(
        ["law"], [claim], UPTO, [None],
        lambda here: [about + here - squares + vectors @ u.T + u @ vectors.T + weights * square(u)],
    )  # fmt: skip


def without_weights(proof: Proof, facts: list[Fact]) -> None:
    _, vectors, squares, about, _ = facts
    proof.induction(
        ["law"], [CLAIM], UPTO, [None], lambda here: [about + here - squares + vectors @ u.T + u @ vectors.T]
    )


def more_at_counts_unseen(proof: Proof, facts: list[Fact]) -> None:
    weights, vectors, squares, about, _ = facts
    proof.induction(
        ["law"], [CLAIM + UNSEEN * square(u)], UPTO, [None],
        lambda here: [about + here - squares + vectors @ u.T + u @ vectors.T - weights * square(u)],
    )  # fmt: skip


def one_vector_left_out(proof: Proof, facts: list[Fact]) -> None:
    proof.induction(["law"], [CLAIM], VECTORS, [None], lambda here: [1 * here])


def the_mean_of_others(proof: Proof, facts: list[Fact]) -> None:
    proof.algebra("mean", s(1) * u - (1 + UNSEEN) * total("V", 1), 1 * facts[4])


WRONG: dict[Callable[[Proof, list[Fact]], None], str] = {
    with_the_other_sign: "random instances",
    without_weights: "does not follow",
    more_at_counts_unseen: "does not follow",
    one_vector_left_out: "does not follow",
    the_mean_of_others: "not the combination",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[Proof, list[Fact]], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(*fresh())


@pytest.mark.parametrize("field", [field.name for field in fields(PartsWithSoftmax)])
def test_the_theorem_needs_each_step(field: str) -> None:
    section, kind = covariance_section()
    facts = list(vars(kind).values())
    other = facts[(list(vars(kind)).index(field) + 1) % len(facts)]
    wrong = replace(kind, **{field: other})
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(kind, field),)),), wrong)
