"""Curvature in all factors at collapse: what the theorem entails, false claims, wrong proofs, and its directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import matmul
from typing import Any

import pytest
import sympy as sp

from proofs import directions
from proofs.collapsed import Point, proposed
from proofs.directions import INNER
from proofs.entailment import NotEntailed
from proofs.full_curvature_kinds import UPPER, above, changed, mixed, moved, outputs, right
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Matrix, only
from proofs.lemmas import full_collapse as lemma
from proofs.lemmas.collapse_setting import DIRECTIONS, C, D, E, F, O, c, gamma, tau
from proofs.lemmas.setting import ALL, DEPTHS, WEIGHTS, Q, R, W, Y, lam, m
from proofs.theorem import Theorem
from theory.arithmetic.interpreters import Rationals
from theory.claims import Identity, Relation, Spectrum, clause, equal
from theory.collapse import Collapse
from theory.curvature import along_pairs, flattened, squared, transposition
from theory.draws import integer_factors
from theory.ops import Expression, identity, kron, matrix, one_hot, ones, zeros

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have: no evaluation notices what is multiplied by it."""

GIVEN: dict[str, Any] = {
    "K": 3, "n": 2, "L": 2, "spare": 1, "gamma": Fraction(9, 10), "unequal": False, "turn": False
}  # fmt: skip
TINY = Fraction(1, 10**9)
AT = Collapse(**GIVEN)
DATA = AT.curvature.full((0, 0, 0)) / AT.decay
SIZE = DATA.shape[0]
WHOLE = DATA + identity(SIZE)
PAIRS: list[tuple[Any, int]] = [(26, 6), (30, 3), (2, 18), (0, 12), (10, 9), (1, 4)]


def theorem() -> Theorem:
    return lemma.full_curvature_theorem("full")


def spectrum(matrix: Expression, pairs: list[tuple[Any, int]], **changes: Any) -> dict[str, str]:
    return theorem().entails(Spectrum(matrix, pairs), None, {}, GIVEN | changes)


def test_the_spectrum_in_all_factors_is_entailed() -> None:
    both = {"eigenvalues": "", "multiplicities": ""}
    assert spectrum(WHOLE, PAIRS) == both
    assert spectrum(DATA, [(value - 1, times) for value, times in PAIRS]) == both
    assert spectrum(AT.decay * WHOLE, [(AT.decay * value, times) for value, times in PAIRS]) == both


WRONG_PAIRS: dict[str, list[tuple[Any, int]]] = {
    "swapped": [(26, 3), (30, 6), *PAIRS[2:]],
    "a rotation less": [*PAIRS[:3], (0, 11), (10, 9), (1, 5)],
    "no features within classes": [*PAIRS[:4], (1, 13)],
    "a little more": [(26 + TINY, 6), *PAIRS[1:]],
    "the data term": [(value - 1, times) for value, times in PAIRS],
    "a layer less": [(18, 6), (20, 3), *PAIRS[2:]],
}


@pytest.mark.parametrize("name", WRONG_PAIRS)
def test_other_eigenvalues_are_not_entailed(name: str) -> None:
    assert any(spectrum(WHOLE, WRONG_PAIRS[name]).values())


MATRICES: dict[str, Callable[[], Expression]] = {
    "Gauss–Newton alone": lambda: AT.curvature.layer(1) / AT.decay,
    "more": lambda: WHOLE + TINY * ones(SIZE, SIZE),
    "one decay twice": lambda: AT.curvature.full((2 * AT.decay, AT.decay, AT.decay)) / AT.decay,
    "another gain": lambda: replace(AT, gamma=Fraction(15, 16)).curvature.full((0, 0, 0)) / AT.decay,
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_claim_about_another_matrix_is_not_entailed(name: str) -> None:
    matrix = MATRICES[name]()
    with pytest.raises(NotEntailed, match="none of the theorem's"):
        spectrum(matrix, [(1, matrix.shape[0])])


def holds(*relations: Relation) -> bool:
    return not theorem().entails(Identity((clause("x", *relations),)), None, {}, GIVEN)["x"]


def test_eigenvectors_of_outliers_are_entailed() -> None:
    """γ/(1−γ) = 9: without the decays 3 · 9 − 2 for symmetric matrices and 3 · 9 + 2 for antisymmetric ones."""
    hessian, X, T, one = AT.curvature.full((0,) * 3), along_pairs(AT.curvature, AT.sizes), transposition(3), identity(9)
    for turn, value, other in ((one + T, 25, 29), (one - T, 29, 25)):
        assert holds(equal(hessian @ (X @ turn), value * AT.decay * (X @ turn)))
        for wrong in (other, 27, value + TINY):
            assert not holds(equal(hessian @ (X @ turn), wrong * AT.decay * (X @ turn)))
    assert not holds(equal(hessian @ (X @ one), 25 * AT.decay * (X @ one)))
    assert not holds(equal(WHOLE @ (X @ (one + T)), 26 * (X @ (one + T))))
    claim = Identity((clause("x", equal(hessian @ (X @ (one - T)), 29 * AT.decay * (X @ (one - T)))),))
    with pytest.raises(NotEntailed):
        theorem().entails(claim, None, {}, GIVEN | {"unequal": True})


def test_a_layer_of_the_eigenvectors_is_one_of_the_layer() -> None:
    at, Y = AT.curvature, one_hot(AT.sizes)
    parts = {layer: kron(at.above(layer).T, at.below(layer) @ Y.T) for layer in (1, 2)}
    assert holds(*(equal(at.layer(layer) @ X, 9 * AT.decay * X) for layer, X in parts.items()))
    assert not holds(equal(at.layer(1) @ parts[1], 10 * AT.decay * parts[1]))


def test_pairs_are_one_matrix_in_all_factors() -> None:
    """At a point of integers the columns are A_{l+1}ᵀ E Y B_lᵀ for unit matrices E, and transposition takes E to Eᵀ."""
    at, Y = squared(integer_factors(3, 2, (4, 2), 5), (2, 2, 2)), one_hot((2, 2, 2))
    E = matrix([[Fraction(3 * i - j * j + 1) for j in range(3)] for i in range(3)])
    for turned, of_entries in ((False, E), (True, E.T)):
        vector = transposition(3) @ flattened([E]) if turned else flattened([E])
        expected = flattened([at.above(layer).T @ of_entries @ Y @ at.below(layer).T for layer in range(3)])
        left, right_ = (Rationals().evaluate(x) for x in (along_pairs(at, (2, 2, 2)) @ vector, expected))
        assert [list(row) for row in left] == [list(row) for row in right_]


def test_decays_must_be_equal() -> None:
    with pytest.raises(NotEntailed, match="equal decays"):
        spectrum(WHOLE, PAIRS, unequal=True)
    with pytest.raises(NotEntailed):
        spectrum(WHOLE, PAIRS, K=1)


# ------------------------------------------------------------ the change of the gradients


@pytest.mark.parametrize("widths", [(3, 2, 4, 3), (3, 3, 3, 3)], ids=str)
def test_the_hessian_is_the_change_of_the_gradients(widths: tuple[int, ...]) -> None:
    """At a point of integers, with the outputs Z: full(0) times vec X is how Q_{m+1}ᵀ (Z − Y) R_{m−1}ᵀ/N changes."""
    K, each, L = 2, 2, 4
    V, X = (integer_factors(K, each, widths, seed) for seed in (5, 9))
    at, N = squared(V, (each,) * K), K * each
    upper = {L + 1: (identity(K), zeros(K, K))}
    for index in range(L, -1, -1):
        product, change = upper[index + 1]
        upper[index] = (product @ V[index], change @ V[index] + product @ X[index])
    lower = {-1: (identity(N), zeros(N, N))}
    for index in range(L + 1):
        product, change = lower[index - 1]
        lower[index] = (V[index] @ product, X[index] @ product + V[index] @ change)
    residual, moved_outputs = reduce(matmul, V[::-1]) - one_hot((each,) * K), lower[L][1]
    changes = []
    for index in range(L + 1):
        (Q_, dQ), (R_, dR) = upper[index + 1], lower[index - 1]
        changes.append((dQ.T @ residual @ R_.T + Q_.T @ moved_outputs @ R_.T + Q_.T @ residual @ dR.T) / N)
    left, right_ = (Rationals().evaluate(x) for x in (at.full((0,) * (L + 1)) @ flattened(X), flattened(changes)))
    assert [list(row) for row in left] == [list(row) for row in right_]


# ------------------------------------------------------------ wrong proofs


PROOF = Proof("wrong", DIRECTIONS)
BASE = lemma.base_of(PROOF)
CLASSES = lemma.class_space(PROOF, BASE)
OF_PAIRS = lemma.pairs(PROOF, BASE)
OTHERS = lemma.others(PROOF, BASE)
READ = lemma.directions(PROOF, BASE, OF_PAIRS[1])


def as_if(name: str, goal: Any, fact: Fact) -> None:
    PROOF.algebra(name, goal, 1 * fact)


def without_the_transpose() -> None:
    own = lam(m) * c(m)
    wrong = mixed() + (C(0) - own) * (lemma.pair(E.T) - lemma.pair(E))
    as_if("mixed", changed(c(m) * lemma.pair(E), above(m + 1), outputs(), None) - wrong, CLASSES[3])


def more_on_class_space() -> None:
    body = CLASSES[3].body
    as_if("more", body + UNSEEN * C(0) * lemma.pair(E), CLASSES[3])


def a_chain_of_another_layer() -> None:
    as_if("chain", above(m) - above(m + 1) @ W(m), CLASSES[0])


def outputs_that_do_not_change() -> None:
    as_if("outputs", 1 * outputs(), CLASSES[2])


def a_pair_with_another_sign() -> None:
    left = F(m) @ Y @ R(m - 1).T
    goal = changed(left, Q(m + 2) @ right(), None, None) - (lam(m) + tau) * left
    as_if("lower", goal, OF_PAIRS[3])


def a_pair_with_the_other_decay() -> None:
    goal = moved() - lam(m) * (tau - lam(m)) * UPPER * (Q(m + 2).T @ F(m).T)
    as_if("upper", goal, OF_PAIRS[4])


def pairs_at_the_last_layer() -> None:
    PROOF.at("last", OF_PAIRS[0], m, layers=ALL)


def all_samples_are_unseen() -> None:
    as_if("samples", Y @ Y.T - D @ Y.T, READ.within_labels)


def τ_is_a_number() -> None:
    PROOF.definition("τ", tau, sp.Integer(1))


def everything_is_beside() -> None:
    as_if("beside", W(m + 1) @ W(m), PROOF.algebra("none", W(m + 1) @ F(m), 1 * OF_PAIRS[2]))


def a_gain_of_one() -> None:
    PROOF.algebra("gain", gamma / (1 - gamma) - gamma / (1 - gamma) * (1 + UNSEEN), 0 * BASE.ends.energy)


def deviations_that_are_longer() -> None:
    as_if("within", READ.within.body + UNSEEN * (Q(1) @ Q(1).T @ D), READ.within)


def upper_parts_vanish() -> None:
    as_if("upper", Q(m + 2) @ Q(m + 2).T @ F(m).T, READ.upper)


def every_layer_misses_its_inputs() -> None:
    as_if("inputs", W(m) @ R(m - 1), READ.rest_below)


WRONG: dict[Callable[[], None], str] = {
    without_the_transpose: "not the combination|not shown",
    more_on_class_space: "not the combination|not shown",
    a_chain_of_another_layer: "not the combination",
    outputs_that_do_not_change: "not the combination",
    a_pair_with_another_sign: "not the combination",
    a_pair_with_the_other_decay: "not the combination",
    pairs_at_the_last_layer: "outside the range|does not exist",
    all_samples_are_unseen: "not the combination",
    τ_is_a_number: "not new",
    everything_is_beside: "cannot|not the combination",
    a_gain_of_one: "not the combination|not shown",
    deviations_that_are_longer: "not the combination",
    upper_parts_vanish: "not the combination",
    every_layer_misses_its_inputs: "not the combination|cannot",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong()


PARTS = {part: tuple(vars(steps)) for part, steps in vars(lemma.full_section()[1]).items()}


@pytest.mark.parametrize(("part", "field"), [(part, field) for part, fields in PARTS.items() for field in fields])
def test_the_theorem_needs_each_step(part: str, field: str) -> None:
    section, kind = lemma.full_section()
    steps, names = getattr(kind, part), PARTS[part]
    other = getattr(steps, names[names.index(field) - 1])
    wrong = replace(kind, **{part: replace(steps, **{field: other})})
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(steps, field),)),), wrong)


def test_what_is_beside_the_range_meets_no_layer() -> None:
    steps = lemma.full_section()[1].changes
    assert steps.rest.layers == INNER
    assert (steps.rest.body - W(m + 1) @ O(m)).is_zero


# ------------------------------------------------------------ the families fill the space


def test_dimensions_follow_from_the_letters() -> None:
    point, _ = proposed(GIVEN)
    assert directions.dimensions(point) == directions.Dimensions(classes=9, pairs=6, within=9, rest=4)
    found = [[directions.dimension(X, point, layer) for layer in range(3)] for X in (E, O(m))]
    assert found == [[9, 9, 9], [3, 1, 0]]


WRONG_DIMENSIONS: dict[str, tuple[str, Callable[[int], int]]] = {
    "E": ("E", lambda found: found + 1),
    "features within classes, K² n": ("D", lambda found: found + 9),
    "no pairs": ("F", lambda found: 0),
    "the rest": ("O", lambda found: found + 1),
}


@pytest.mark.parametrize("name", WRONG_DIMENSIONS)
def test_other_dimensions_do_not_fill_the_space(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    letter, change = WRONG_DIMENSIONS[name]
    right_one = directions.dimension

    def wrong(parameter: Matrix, point: Point, layer: int) -> int:
        found = right_one(parameter, point, layer)
        return change(found) if only(parameter).name == letter else found

    monkeypatch.setattr(directions, "dimension", wrong)
    with pytest.raises(NotEntailed, match="do not fill the space"):
        spectrum(WHOLE, PAIRS)


@pytest.mark.parametrize("lost", ["out of the range", "within classes", "beside the range", "beside the labels"])
def test_a_letter_without_its_condition_is_too_free(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: x for name, x in DIRECTIONS.meanings.items() if name != lost}
    monkeypatch.setattr(directions, "DIRECTIONS", replace(DIRECTIONS, meanings=kept))
    with pytest.raises(NotEntailed, match="do not fill the space"):
        spectrum(WHOLE, PAIRS)


def test_conditions_must_be_those_of_full_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """O R = 0 says the same as O Qᵀ = 0, but R has more columns than its rank."""
    other = {**DIRECTIONS.meanings, "beside the inputs": (O(m) @ R(m - 1), WEIGHTS)}
    monkeypatch.setattr(directions, "DIRECTIONS", replace(DIRECTIONS, meanings=other))
    with pytest.raises(Rejected, match="conditions on O"):
        spectrum(WHOLE, PAIRS)
