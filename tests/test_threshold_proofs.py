"""Where collapse beats zero: what the theorem entails of losses and of the condition, and wrong proofs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from proofs.entailment import NotEntailed
from proofs.kernel.facts import NONNEGATIVE, POSITIVE
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.lemmas import threshold as lemma
from proofs.lemmas.best_mode import p
from proofs.lemmas.collapse_setting import GAINS
from proofs.lemmas.setting import later, t
from proofs.theorem import Theorem
from proofs.threshold_kinds import FALLS, LOSS
from theory.claims import Identity, Spectrum, at_most, clause, equal, less
from theory.ops import constant, identity

GIVEN: dict[str, Any] = {"K": 3, "n": 2, "L": 3, "gamma": Fraction(3, 4)}
HALF, TINY = constant(Fraction(1, 2)), Fraction(1, 10**9)


def loss(gamma: Fraction, L: int = 3) -> Fraction:
    return (1 - gamma) ** 2 / 2 + Fraction(L + 1, 2) * gamma * (1 - gamma)


def holds(relation: Any, **changes: Any) -> bool:
    claim = Identity((clause("clause", relation),))
    return not lemma.threshold_theorem("threshold").entails(claim, None, {}, GIVEN | changes)["clause"]


def test_losses_are_ordered_as_the_theorem_says() -> None:
    low, high, at = (Fraction(x) for x in ("1/2", "3/4", "2/3"))
    assert holds(less(loss(high), HALF))
    assert holds(less(HALF, loss(low)), gamma=low)
    assert holds(equal(loss(at), HALF), gamma=at)
    assert not holds(less(HALF, loss(high)))
    assert not holds(less(loss(low), HALF), gamma=low)
    assert not holds(less(loss(at), HALF), gamma=at)


def test_other_numbers_are_not_entailed() -> None:
    value = loss(Fraction(3, 4))
    assert not holds(less(value - TINY, HALF))
    assert not holds(less(value, HALF + TINY))
    assert not holds(at_most(value, HALF))
    assert not holds(less(value, HALF), L=4)


@pytest.mark.parametrize(
    "changes",
    [
        {"K": 0},
        {"n": 1.0},
        {"L": None},
        {"gamma": Fraction(1, 3)},
        {"gamma": Fraction(1)},
        {"gamma": 0.75},
        {"L": True},
    ],
    ids=str,
)
def test_a_larger_root_must_be_proposed(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        holds(less(loss(Fraction(3, 4)), HALF), **changes)


def test_the_theorem_is_about_relations() -> None:
    with pytest.raises(NotEntailed):
        lemma.threshold_theorem("threshold").entails(Spectrum(identity(2), [(1, 2)]), None, {}, GIVEN)


def test_a_profile_does_not_fall_everywhere() -> None:
    proof = Proof("wrong", GAINS)
    above, below = proof.case("t > 0", t, POSITIVE), proof.case("t < 1", 1 - t, POSITIVE)
    half = proof.case("t ≥ (M−1)/(4M)", 4 * M * t - (M - 1), NONNEGATIVE)
    with pytest.raises(Rejected):
        proof.decreasing("falls", p, t, later, [above, below, half], half, t * (1 - t) / p)
    beyond = proof.case("t > (M−1)/(2M)", FALLS, POSITIVE)
    with pytest.raises(Rejected, match="only in a part"):
        proof.decreasing("falls", p, t, later, [above, below], beyond, t * (1 - t) / p)
    with pytest.raises(Rejected, match="not the combination"):
        proof.algebra("loss", 2 * LOSS - 1 + t * (M * t - M))


def test_the_theorem_needs_both_steps() -> None:
    section, kind = lemma.threshold_section()
    for field, other in (("falls", kind.worth), ("worth", kind.falls)):
        kept = section._replace(conclusions=(kind.falls, kind.worth))
        with pytest.raises(Rejected, match="needs a step"):
            Theorem("wrong", (kept,), replace(kind, **{field: other}))
