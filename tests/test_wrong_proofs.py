"""Wrong proofs: each is built with the kernel's own rules, and must be rejected for the reason that is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp

from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Combination, Fact
from proofs.kernel.proof import COUNT as M
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.words import power
from proofs.lemmas import construction
from proofs.lemmas.best_mode import falling
from proofs.lemmas.critical_points import chain, modes_of, neighbours, spectrum, value_of
from proofs.lemmas.scalar import STATIONARY, g
from proofs.lemmas.setting import (
    CONSTRUCTION,
    CRITICAL_POINT,
    B,
    H,
    J,
    Lam,
    Lambda,
    N,
    P,
    Q,
    R,
    S,
    T,
    V,
    W,
    beta,
    delta,
    lam,
    later,
    m,
    mu,
    r,
    regulariser,
    root,
    root_inverse,
    t,
    target_root,
    theta,
    value,
    x,
    z,
)  # fmt: skip

HALF = sp.Rational(1, 2)


def fresh() -> Proof:
    """A proof about every critical point."""
    return Proof("wrong", CRITICAL_POINT)


def gradients(proof: Proof) -> tuple[Fact, Fact]:
    """The gradients by two neighbouring factors."""
    product = Q(m + 2) @ W(m + 1) @ W(m) @ R(m - 1)
    layers = (sp.Integer(0), M - 1)
    return proof.gradient("above", product, W(m + 1), layers), proof.gradient("below", product, W(m), layers)


# ------------------------------------------------------------ identities


def balancedness_with_decays_exchanged(proof: Proof) -> None:
    above, below = gradients(proof)
    goal = lam(m) * (W(m + 1).T @ W(m + 1)) - lam(m + 1) * (W(m) @ W(m).T)
    proof.algebra("balancedness", goal, W(m + 1).T @ above - below @ W(m).T)


def balancedness_from_one_gradient(proof: Proof) -> None:
    above, _ = gradients(proof)
    goal = lam(m + 1) * (W(m + 1).T @ W(m + 1)) - lam(m) * (W(m) @ W(m).T)
    proof.algebra("balancedness", goal, W(m + 1).T @ above)


def balancedness_from_nothing(proof: Proof) -> None:
    proof.algebra("balancedness", lam(m + 1) * (W(m + 1).T @ W(m + 1)) - lam(m) * (W(m) @ W(m).T))


def spaces_that_do_not_fit(proof: Proof) -> None:
    proof.algebra("nonsense", W(m) @ W(m) - W(m) @ W(m))


def an_equation_with_a_wrong_sign(proof: Proof) -> None:
    found = chain(proof)
    proof.algebra("wrong sign", Lam(1) * (P @ P.T) + power(B, M), 1 * found.weights)


def M_for_M_plus_one(proof: Proof) -> None:
    found = chain(proof)
    PH = P @ H
    proof.algebra("outputs", Lambda * (PH @ PH.T) - power(B, M), 1 * found.outputs)


def an_inequality_as_an_equation(proof: Proof) -> None:
    found = spectrum(proof)
    proof.algebra("β = 0", beta, 1 * found.not_negative)


def a_multiplier_with_a_hidden_division(proof: Proof) -> None:
    off = proof.case("off", beta, ZERO)
    proof.algebra("one is zero", sp.Integer(1), (1 / beta) * off)


def dividing_by_a_negative_number(proof: Proof) -> None:
    above, _ = gradients(proof)
    proof.divided("divided", above, sp.Integer(-1), -1 * above.body)


def zero_cancelled(proof: Proof) -> None:
    off = proof.case("off", beta, ZERO)
    product = proof.algebra("product", beta * (mu - N), (mu - N) * off)
    proof.divided("cancelled", product, beta, mu - N)


def a_root_of_a_negative_number(proof: Proof) -> None:
    same = proof.algebra("same", (z - 1) - (z - 1))
    proof.raised("roots", same, z - 1, z - 1, HALF)


def a_square_root_with_another_sign(proof: Proof) -> None:
    same = proof.algebra("same", (1 - z) ** 2 - (z - 1) ** 2)
    proof.raised("roots", same, (1 - z) ** 2, (z - 1) ** 2, HALF)
    proof.algebra("signs", (1 - z) - (z - 1), 1 * proof.steps[-1].fact)


# ------------------------------------------------------------ what letters mean


def an_objective_without_a_layer(proof: Proof) -> None:
    proof.gradient("gradient", Q(m + 2) @ W(m) @ R(m - 1), W(m))


def an_objective_with_layers_exchanged(proof: Proof) -> None:
    proof.gradient("gradient", W(m) @ W(m + 1), W(m))


def a_multiple_of_the_network(proof: Proof) -> None:
    proof.gradient("gradient", 2 * (P @ H), H)


def a_factor_that_is_not_in_the_product(proof: Proof) -> None:
    proof.gradient("gradient", P @ H, W(m))


def a_meaning_that_the_setting_does_not_give(proof: Proof) -> None:
    proof.meaning("every matrix is zero")


def a_construction_that_is_called_critical(_: Proof) -> None:
    Proof("wrong", CONSTRUCTION).gradient("gradient", P @ H, H)


def a_definition_of_a_symbol_that_is_used(proof: Proof) -> None:
    proof.case("on", beta, POSITIVE)
    proof.definition("again", beta, mu)


def a_definition_in_terms_of_itself(proof: Proof) -> None:
    proof.definition("circle", z, z + 1)


def a_false_hypothesis(proof: Proof) -> None:
    proof.hypothesis("μ = β", mu - beta)


def an_inverse_with_a_negative_shift(proof: Proof) -> None:
    proof.inverse("inverse", J, P, -r)


def an_inverse_of_an_old_letter(proof: Proof) -> None:
    proof.meaning("last layer")
    proof.inverse("inverse", B, P, r)


def eigenvectors_in_old_letters(proof: Proof) -> None:
    last = proof.meaning("last layer")
    proof.meaning("directions")
    proof.eigenvectors(("a", "b", "c"), last, B, V(M + 1), root, root_inverse)


def another_sum_over_layers(proof: Proof) -> None:
    (equal, _) = (chain(proof).balanced, None)
    proof.layer_sum("sum", value, equal)


def a_sum_over_layers_that_differ(proof: Proof) -> None:
    found = chain(proof)
    proof.layer_sum("sum", regulariser, proof.algebra("traces", found.balanced.trace.body, found.balanced.trace))


# ------------------------------------------------------------ layers and induction


def a_layer_above_the_last(proof: Proof) -> None:
    proof.at("too high", neighbours(proof), M)


def a_layer_below_the_features(proof: Proof) -> None:
    proof.at("too low", neighbours(proof), sp.Integer(-1))


def half_a_layer(proof: Proof) -> None:
    proof.at("half", neighbours(proof), M * HALF)


def the_range_of_another_equation(proof: Proof) -> None:
    proof.at("shifted", neighbours(proof), m - 1, layers=(sp.Integer(0), M))


def equations_for_different_layers(proof: Proof) -> None:
    product, decays = proof.meaning("product"), proof.meaning("product of decays")
    proof.algebra("mixed", product.body, product + decays * product.body)


def an_induction_with_a_wrong_base(proof: Proof) -> None:
    proof.induction(["claim"], [Lam(m) * (Q(m) @ Q(m).T) - power(B, M - m)], (sp.Integer(1), M), [None], lambda f: [f])


def an_induction_without_a_step(proof: Proof) -> None:
    last = proof.meaning("last layer")
    claim = B @ Q(m + 1) - lam(m) * (Q(m + 1) @ W(m) @ W(m).T)
    proof.induction(["claim"], [claim], (sp.Integer(0), M), [last], lambda at_m: [1 * at_m])


def an_induction_beyond_its_equations(proof: Proof) -> None:
    balanced, product = neighbours(proof), proof.meaning("product")
    last = proof.meaning("last layer")
    claim = B @ Q(m + 1) - lam(m) * (Q(m + 1) @ W(m) @ W(m).T)
    below = proof.at("below", balanced, m - 1, layers=(sp.Integer(2), M))

    def step(at_m: Fact) -> list[Combination]:
        return [B @ product + at_m @ W(m) - product @ (lam(m) * W(m).T @ W(m)) + Q(m) @ below]

    proof.induction(["claim"], [claim], (sp.Integer(0), M), [last], step)


def an_induction_that_failed_and_was_used(proof: Proof) -> None:
    last = proof.meaning("last layer")
    claim = B @ Q(m + 1) - lam(m) * (Q(m + 1) @ W(m) @ W(m).T)
    try:
        proof.induction(["claim"], [claim], (sp.Integer(0), M), [last], lambda at_m: [1 * at_m])
    except Rejected:
        assumed = proof.steps[-1].fact
    proof.require_all_used([assumed, last])


# ------------------------------------------------------------ eigenvectors and commutants


def eigenvalues_without_a_commutator(proof: Proof) -> None:
    found = spectrum(proof)
    product = next(s.fact for s in proof.steps if s.fact.name == "product with the squared target")
    proof.eigenvalue("eigenvalues", product, {only(B): beta, only(S): mu}, [found.mode])


def eigenvalues_of_a_rectangular_letter(proof: Proof) -> None:
    above, _ = gradients(proof)
    proof.eigenvalue("eigenvalues", above, {only(W(m)): beta}, [])


def a_commutant_of_the_zeroth_power(proof: Proof) -> None:
    last = proof.meaning("last layer")
    trivial = proof.algebra("trivial", B @ S - B @ S)
    proof.commutant("commute", trivial, B, M - 1, last, S)


def a_commutant_of_another_power(proof: Proof) -> None:
    found = spectrum(proof)
    powers = next(s.fact for s in proof.steps if s.fact.name == "the power commutes")
    proof.commutant("commute", powers, B, M + 1, found.chain.last, S)


def a_difference_called_semidefinite(proof: Proof) -> None:
    target = proof.meaning("squared target")
    proof.semidefinite("S ≥ 0", proof.algebra("difference", S - 2 * S + T @ T.T, -1 * target), mu, S)


def definite_without_a_shift(proof: Proof) -> None:
    zero = proof.algebra("zero", (P.T @ P) @ H - (P.T @ P) @ H)
    proof.definite("H = 0", zero, P, sp.Integer(0), H)


def a_product_with_itself_that_is_not_a_square(proof: Proof) -> None:
    above, _ = gradients(proof)
    proof.vanishing("W = 0", above, W(m + 1))


# ------------------------------------------------------------ inequalities and cases


def a_certificate_with_a_negative_coefficient(proof: Proof) -> None:
    above = proof.case("t > 0", t, POSITIVE)
    proof.positive("−t > 0", -t, POSITIVE, [(-1, [above], 1)])


def a_certificate_that_is_not_strict(proof: Proof) -> None:
    beyond = proof.case("beyond", M * t - (M - 1), NONNEGATIVE)
    proof.positive("strict", M * t - (M - 1), POSITIVE, [(1, [beyond], 1)])


def a_certificate_that_is_no_identity(proof: Proof) -> None:
    above = proof.case("t > 0", t, POSITIVE)
    proof.positive("2t > 1", 2 * t - 1, POSITIVE, [(1, [above], 1)])


def a_square_that_may_vanish(proof: Proof) -> None:
    proof.positive("squares", (t - later) ** 2, POSITIVE, [(1, [], t - later)])


def a_certificate_modulo_an_unproved_equation(proof: Proof) -> None:
    forged = Fact("forged", t + 1)
    proof.positive("−1 > 0", sp.Integer(-1), POSITIVE, [(t, [], 1)], given=-1 * forged)


def increasing_called_decreasing(proof: Proof) -> None:
    cases = [proof.case("t > 0", t, POSITIVE), proof.case("t < 1", 1 - t, POSITIVE)]
    slope = proof.positive("slope", 2 * t, POSITIVE, [(2, [cases[0]], 1)])
    proof.decreasing("t² falls", t**2, t, later, cases, slope, sp.Integer(1))


def decreasing_where_the_slope_is_unknown(proof: Proof) -> None:
    above, below = proof.case("t > 0", t, POSITIVE), proof.case("t < 1", 1 - t, POSITIVE)
    beyond = proof.case("beyond", M * t - (M - 1), NONNEGATIVE)
    slope = proof.positive("slope", 2 * M * t - (M - 1), POSITIVE, [(1, [beyond], 1), (M, [above], 1)])
    p = t ** (M - 1) * (1 - t) ** (M + 1)
    proof.decreasing("p falls", p, t, later, [above, below], slope, t * (1 - t) / p)


def cases_that_are_not_exhaustive(proof: Proof) -> None:
    on, off = proof.case("on", z, POSITIVE), proof.case("off", z, ZERO)
    first = proof.algebra("first", z - z, 0 * proof.algebra("a", z - z, known=[on]))
    second = proof.algebra("second", z - z, (1 - 1) * off)
    proof.cases("joined", [first, second])


def cases_with_different_conclusions(proof: Proof) -> None:
    on, off = proof.case("on", beta, POSITIVE), proof.case("off", beta, ZERO)
    proof.cases("joined", [on, off])


def stationary_at_the_boundary(_: Proof) -> None:
    proof = Proof("wrong", STATIONARY)
    proof.stationary("stationary", g, x, proof.case("x ≥ 0", x, NONNEGATIVE))


# ------------------------------------------------------------ forged and unused


def a_fact_made_by_hand(proof: Proof) -> None:
    forged = Fact("B = 0", B)
    proof.algebra("everything", B @ S, forged @ S)


def a_fact_of_another_proof(proof: Proof) -> None:
    elsewhere = neighbours(fresh())
    proof.algebra("borrowed", elsewhere.body, 1 * elsewhere)


def an_unused_hypothesis(proof: Proof) -> None:
    proof.hypothesis("unused", mu, NONNEGATIVE)
    proof.require_all_used([neighbours(proof)])


def a_conclusion_that_is_no_step(proof: Proof) -> None:
    neighbours(proof)
    proof.require_all_used([Fact("anything", B)])


def two_steps_of_one_name(proof: Proof) -> None:
    proof.meaning("last layer")
    proof.meaning("last layer")


def an_axiom_that_there_is_not(proof: Proof) -> None:
    proof._accept("magic", Fact("β ≥ 0", beta, NONNEGATIVE), axiom="it is well known")


# ------------------------------------------------------------ the choice of modes


def premises(proof: Proof) -> selection.Premises:
    modes = modes_of(proof)
    shares, on, off = value_of(proof, modes)
    falls, slope = falling(proof)
    s = modes.spectrum
    return selection.Premises(
        shares, on, off, s.not_negative, modes.root, modes.above_zero, modes.below_one, falls, slope, s.chain.weights
    )


def on_and_off_exchanged(proof: Proof) -> None:
    given = premises(proof)
    swapped = selection.Premises(**{**vars(given), "on": given.off, "off": given.on})
    selection.minimum(proof, swapped, mu, z, 2 * N)


def the_value_without_the_factor_two(proof: Proof) -> None:
    selection.minimum(proof, premises(proof), mu, z, N)


def another_equation_for_the_root(proof: Proof) -> None:
    given = premises(proof)
    energy = next(s.fact for s in proof.steps if s.fact.name == "energy")
    selection.minimum(proof, selection.Premises(**{**vars(given), "root": energy}), mu, z, 2 * N)


def the_rank_of_another_matrix(proof: Proof) -> None:
    given = premises(proof)
    outputs = next(s.fact for s in proof.steps if s.fact.name == "Gram matrix of the outputs")
    selection.minimum(proof, selection.Premises(**{**vars(given), "weights": outputs}), mu, z, 2 * N)


def a_construction_with_another_share(proof: Proof) -> None:
    found = selection.minimum(proof, premises(proof), mu, z, 2 * N)
    builder = Proof("construction", CONSTRUCTION)
    objective, share = construction.attained(builder)
    other = next(s.fact for s in builder.steps if s.fact.name == "δ²")
    selection.attained(builder, found, objective, other, {only(root): delta, only(target_root): theta})
    assert share


def only(matrix):  # type: ignore[no-untyped-def]
    ((found,),) = matrix.terms
    return found


CORPUS: dict[Callable[[Proof], None], str] = {
    balancedness_with_decays_exchanged: "not the combination",
    balancedness_from_one_gradient: "not the combination",
    balancedness_from_nothing: "not the combination",
    spaces_that_do_not_fit: "cannot multiply",
    an_equation_with_a_wrong_sign: "not the combination",
    M_for_M_plus_one: "not the combination",
    an_inequality_as_an_equation: "only equations",
    a_multiplier_with_a_hidden_division: "not shown to be positive",
    dividing_by_a_negative_number: "not shown to be positive",
    zero_cancelled: "not shown to be positive",
    a_root_of_a_negative_number: "not left = right between positive",
    a_square_root_with_another_sign: "not left = right between positive",
    an_objective_without_a_layer: "cannot multiply|whole product",
    an_objective_with_layers_exchanged: "cannot multiply|whole product",
    a_multiple_of_the_network: "whole product",
    a_factor_that_is_not_in_the_product: "not a factor",
    a_meaning_that_the_setting_does_not_give: "does not say",
    a_construction_that_is_called_critical: "not known to be a critical point",
    a_definition_of_a_symbol_that_is_used: "not new",
    a_definition_in_terms_of_itself: "not new",
    a_false_hypothesis: "fails on a random instance",
    an_inverse_with_a_negative_shift: "not shown to be positive",
    an_inverse_of_an_old_letter: "not new",
    eigenvectors_in_old_letters: "must be new",
    another_sum_over_layers: "does not say",
    a_sum_over_layers_that_differ: "all layers|the same in every layer",
    a_layer_above_the_last: "outside the range",
    a_layer_below_the_features: "outside the range",
    half_a_layer: "not a whole number",
    the_range_of_another_equation: "outside the range",
    equations_for_different_layers: "different layers|not the combination",
    an_induction_with_a_wrong_base: "last layer",
    an_induction_without_a_step: "layer m − 1|cannot add",
    an_induction_beyond_its_equations: "every layer",
    an_induction_that_failed_and_was_used: "not accepted",
    eigenvalues_without_a_commutator: "not shown to commute",
    eigenvalues_of_a_rectangular_letter: ".",
    a_commutant_of_the_zeroth_power: "does not say|at least 1",
    a_commutant_of_another_power: "does not say",
    a_difference_called_semidefinite: "positive multiple",
    definite_without_a_shift: "not shown to be positive",
    a_product_with_itself_that_is_not_a_square: ".",
    a_certificate_with_a_negative_coefficient: "not shown to be positive",
    a_certificate_that_is_not_strict: "strictly positive",
    a_certificate_that_is_no_identity: "not an identity",
    a_square_that_may_vanish: "strictly positive",
    a_certificate_modulo_an_unproved_equation: ".",
    increasing_called_decreasing: "derivative",
    decreasing_where_the_slope_is_unknown: "part of the interval",
    cases_that_are_not_exhaustive: "exhaustive",
    cases_with_different_conclusions: "same conclusion",
    stationary_at_the_boundary: "inside",
    a_fact_made_by_hand: "not a step",
    a_fact_of_another_proof: "not a step",
    an_unused_hypothesis: "never used",
    a_conclusion_that_is_no_step: "not a step",
    two_steps_of_one_name: "two steps",
    an_axiom_that_there_is_not: "not one of the axioms",
    on_and_off_exchanged: "another form|unpack",
    the_value_without_the_factor_two: "another form",
    another_equation_for_the_root: "another form",
    the_rank_of_another_matrix: "rank of B",
    a_construction_with_another_share: "share of a chosen mode",
}
"""Wrong proofs, and a part of the reason for which each is rejected."""


@pytest.mark.parametrize("wrong", CORPUS, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[Proof], None]) -> None:
    with pytest.raises(Rejected, match=CORPUS[wrong]):
        wrong(fresh())


def test_a_step_that_is_left_open_is_a_gap() -> None:
    proof = fresh()
    guess = proof.gap("the modes have a sign", mu, NONNEGATIVE)
    assert [step.fact for step in proof.gaps] == [guess]


def test_a_false_gap_is_rejected_by_instances() -> None:
    with pytest.raises(Rejected, match="fails on a random instance"):
        fresh().gap("a wrong guess", mu - beta)
