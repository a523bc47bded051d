"""Wrong proofs: each is built with the kernel's own rules, and must be rejected for the reason that is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sympy as sp

from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Combination, Fact, Part
from proofs.kernel.proof import Proof, Step
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Letter, Matrix, Trace, identity, letter, of, only, power, trace
from proofs.kinds import MODEL
from proofs.lemmas import construction
from proofs.lemmas.best_mode import falling
from proofs.lemmas.critical_points import chain, modes_of, neighbours, spectrum, value_of
from proofs.lemmas.setting import (
    CONSTRUCTION,
    CRITICAL_POINT,
    DEPTHS,
    STATIONARY,
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
    W,
    beta,
    d,
    lam,
    later,
    m,
    mu,
    r,
    regulariser,
    s,
    samples,
    t,
    theta,
    value,
    x,
    z,
)  # fmt: skip

HALF = sp.Rational(1, 2)

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have: no evaluation notices what is multiplied by it."""


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
    proof.algebra("balancedness", lam(1) * (W(1).T @ W(1)) - lam(0) * (H @ H.T))


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
    proof.gradient("gradient", P @ H, W(m), layers=(sp.Integer(1), M))


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
    proof.hypothesis("μ = β")


def an_inverse_with_a_negative_shift(_: Proof) -> None:
    Proof("wrong", replace(CRITICAL_POINT, inverses={only(J): (P, -r)})).inverse("inverse", J)


def an_inverse_that_the_setting_does_not_name(proof: Proof) -> None:
    proof.meaning("last layer")
    proof.inverse("inverse", B)


def eigenvectors_in_old_letters(proof: Proof) -> None:
    last = proof.meaning("last layer")
    proof.meaning("directions")
    proof.eigenvectors(("a", "b", "c"), last, B)


def another_sum_over_layers(proof: Proof) -> None:
    (equal, _) = (chain(proof).balanced, None)
    proof.layer_sum("sum", value, equal)


def a_sum_over_layers_that_differ(proof: Proof) -> None:
    found = chain(proof)
    traces = trace(found.balanced.body)
    proof.layer_sum("sum", regulariser, proof.algebra("traces", traces, found.balanced.trace))


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
    proof.eigenvalue("eigenvalues", step(proof, "product with the squared target"), [found.mode])


def eigenvalues_of_a_rectangular_letter(proof: Proof) -> None:
    found = spectrum(proof)
    proof.eigenvalue("eigenvalues", found.outputs_target, [found.commute])


def a_commutant_of_the_zeroth_power(proof: Proof) -> None:
    last = proof.meaning("last layer")
    trivial = proof.algebra("trivial", B @ S - B @ S)
    proof.commutant("commute", trivial, B, M - 1, last, S)


def a_commutant_of_another_power(proof: Proof) -> None:
    found = spectrum(proof)
    powers = step(proof, "the power commutes")
    proof.commutant("commute", powers, B, M + 1, found.chain.last, S)


def a_difference_called_semidefinite(proof: Proof) -> None:
    target = proof.meaning("squared target")
    proof.semidefinite("S ≥ 0", proof.algebra("difference", S - 2 * S + T @ T.T, -1 * target), S)


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
    proof.stationary("stationary", x, proof.case("x ≥ 0", x, NONNEGATIVE))


# ------------------------------------------------------------ forged and unused


def a_fact_made_by_hand(proof: Proof) -> None:
    forged = Fact("B = 0", B)
    proof.algebra("everything", B @ S, forged @ S)


def a_fact_of_another_proof(proof: Proof) -> None:
    elsewhere = neighbours(fresh())
    proof.algebra("borrowed", elsewhere.body, 1 * elsewhere)


def an_unused_step(proof: Proof) -> None:
    proof.meaning("last layer")
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


def select(proof: Proof, given: selection.Premises, letters: selection.Letters = MODEL) -> selection.Minimum:
    return selection.minimum(proof, given, letters, Lam(1) * (P @ P.T) - power(B, M))


def with_premise(proof: Proof, name: str, fact: Callable[[selection.Premises], Fact]) -> None:
    """Everything as it should be, except one premise."""
    given = premises(proof)
    select(proof, replace(given, **{name: fact(given)}))


def on_and_off_exchanged(proof: Proof) -> None:
    given = premises(proof)
    select(proof, replace(given, on=given.off, off=given.on))


def the_value_without_the_factor_two(proof: Proof) -> None:
    select(proof, premises(proof), replace(MODEL, total=N))


def another_equation_for_the_root(proof: Proof) -> None:
    with_premise(proof, "root", lambda _: step(proof, "energy"))


def the_rank_of_another_matrix(proof: Proof) -> None:
    with_premise(proof, "weights", lambda _: step(proof, "Gram matrix of the outputs"))


def the_rank_of_fewer_layers(proof: Proof) -> None:
    with_premise(proof, "weights", lambda _: proof.at("of Q_2", step(proof, "Gram matrices"), sp.Integer(2)))


def the_rank_of_no_layers(proof: Proof) -> None:
    with_premise(proof, "weights", lambda _: proof.at("of I", step(proof, "Gram matrices"), M + 1))


def the_rank_of_nothing(proof: Proof) -> None:
    with_premise(proof, "weights", lambda _: proof.algebra("nothing", P @ P.T - P @ P.T + B - B))


def a_premise_in_a_case(proof: Proof) -> None:
    deep = proof.case("M > 3", M - 3, POSITIVE)
    with_premise(proof, "weights", lambda g: proof.algebra("in a case", g.weights.body, 1 * g.weights, known=[deep]))


def a_premise_made_by_hand(proof: Proof) -> None:
    with_premise(proof, "weights", lambda g: Fact("forged", g.weights.body))


def a_slope_with_another_sign(proof: Proof) -> None:
    with_premise(proof, "slope", lambda g: proof.positive("weak", g.slope.body, NONNEGATIVE, [(1, [g.slope], 1)]))


def a_construction_with_another_share(proof: Proof) -> None:
    found = select(proof, premises(proof))
    builder = Proof("construction", CONSTRUCTION)
    objective, share = construction.attained(builder)
    selection.attained(builder, found, objective, step(builder, "δ²"), S, theta, MODEL)
    assert share


def a_construction_of_twice_the_value(proof: Proof) -> None:
    found = select(proof, premises(proof))
    builder = Proof("construction", CONSTRUCTION)
    objective, share = construction.attained(builder)
    selection.attained(builder, found, objective, share, S, theta, replace(MODEL, total=4 * N))


def step(proof: Proof, name: str) -> Fact:
    """The step of a name."""
    return next(found.fact for found in proof.steps if found.fact.name == name)


# ------------------------------------------------------------ conclusions that evaluation cannot see to be false


def unseen_square(proof: Proof) -> Fact:
    return proof.positive("a square", UNSEEN**2, NONNEGATIVE, [(1, [], UNSEEN)])


def eigenvalue_of_the_wrong_letter(proof: Proof) -> None:
    proof.semidefinite("≥ 0", proof.meaning("squared target"), B)


def semidefinite_without_a_symbol(proof: Proof) -> None:
    proof.semidefinite("≥ 0", proof.meaning("last layer"), T @ T.T)


def a_multiple_of_a_letter_called_semidefinite(proof: Proof) -> None:
    last = proof.meaning("last layer")
    proof.semidefinite("≥ 0", proof.algebra("turned", -1 * B + lam(M) * (W(M) @ W(M).T), -1 * last), -1 * B)


def an_eigenvalue_from_a_trace(proof: Proof) -> None:
    found = modes_of(proof)
    value_of(proof, found)
    reduced = step(proof, "objective at a critical point")
    proof.eigenvalue(
        "every share", proof.algebra("unseen", UNSEEN * reduced.body, UNSEEN * reduced), [found.spectrum.commute]
    )


def an_eigenvalue_sum_over_another_space(proof: Proof) -> None:
    found = spectrum(proof)
    count = proof.gap("count", Trace({}, UNSEEN * value) - UNSEEN * trace(identity(d(1))))
    proof.eigenvalue_sum("sum", count, [found.commute], UNSEEN * value)


def an_eigenvalue_on_another_space(proof: Proof) -> None:
    found = spectrum(proof)
    other = proof.gap("on the features", UNSEEN * identity(d(1)))
    proof.eigenvalue("everywhere", other, [found.commute])


def dividing_by_what_has_a_pole(proof: Proof) -> None:
    pole = (M - max(DEPTHS) - 1) ** 2
    proof.divided("divided", proof.gap("given", (pole + 1) * beta * UNSEEN), 1 + 1 / pole, pole * beta * UNSEEN)


def an_imaginary_square(proof: Proof) -> None:
    proof.positive("M ≤ 8", max(DEPTHS) - M, NONNEGATIVE, [(1, [], sp.sqrt(max(DEPTHS) - M))])


def a_certificate_called_an_equation(proof: Proof) -> None:
    proof.positive("D² = 0", UNSEEN**2, ZERO, [(1, [], UNSEEN)])


def an_inequality_divided(proof: Proof) -> None:
    proof.divided("D² = 0", unseen_square(proof), sp.Integer(1), UNSEEN**2)


def an_inequality_raised(proof: Proof) -> None:
    square = proof.positive("a square", (1 + UNSEEN**2) - 1, NONNEGATIVE, [(1, [], UNSEEN)])
    known = proof.positive("1 + D² > 0", 1 + UNSEEN**2, POSITIVE, [(1, [], 1), (1, [], UNSEEN)])
    proof.raised("1 + D² = 1", square, 1 + UNSEEN**2, sp.Integer(1), sp.Integer(1), known=[known])


def a_power_of_zero_below_zero(proof: Proof) -> None:
    off = proof.case("off", beta, ZERO)
    proof.algebra("β^{M−1}", beta ** (M - 1), beta ** (M - 2) * off)


def a_root_of_a_square_that_is_left_unevaluated(proof: Proof) -> None:
    square = proof.case("a square", (t - later) ** 2, POSITIVE)
    root_of_it = sp.Pow(sp.Pow(t - later, 2, evaluate=False), HALF, evaluate=False)
    proof.algebra("root", root_of_it - (t - later), known=[square])


def a_whole_part(proof: Proof) -> None:
    proof.gap("whole", sp.floor(M / 9))


def an_undefined_exponent(proof: Proof) -> None:
    proof.raised("root", proof.algebra("same", N - N + 0 * N), N, N, 1 / (M - 9))


def a_root_of_a_product_of_negative_numbers(proof: Proof) -> None:
    product = proof.case("ab > 0", (M - 9) * (t - 1), POSITIVE)
    others = [proof.case("bc > 0", (t - 1) * (M - 10), POSITIVE), proof.case("ac > 0", (M - 9) * (M - 10), POSITIVE)]
    a, b, c = M - 9, t - 1, M - 10
    proof.algebra("roots", sp.sqrt(a * b) * sp.sqrt(b * c) - b * sp.sqrt(a * c), known=[product, *others])


def a_function_that_is_not_minimised(_: Proof) -> None:
    proof = Proof("wrong", STATIONARY)
    proof.stationary("D = 0", z, proof.case("z > 0", z, POSITIVE))


def cases_by_an_assumption(proof: Proof) -> None:
    deepest = max(DEPTHS)
    assumed = proof.case("M ≤ 8", deepest - M, NONNEGATIVE)
    less, same = proof.case("M < 8", deepest - M, POSITIVE), proof.case("M = 8", deepest - M, ZERO)
    facts = [
        proof.positive("first", deepest - M, NONNEGATIVE, [(1, [less], 1)]),
        proof.positive("second", deepest - M, NONNEGATIVE, [], given=1 * same),
    ]
    proof.cases("M at most 8", facts, bound=assumed)


def cases_of_forged_facts(proof: Proof) -> None:
    signs = [("a", 4 - M, POSITIVE), ("b", 4 - M, ZERO), ("c", M - 4, POSITIVE)]
    facts = [Fact(name, UNSEEN, assumptions=frozenset([Fact(name, body, sign)])) for name, body, sign in signs]
    proof.cases("forged", facts)


def cases_that_lose_their_layers(proof: Proof) -> None:
    balanced = neighbours(proof)
    on, off = proof.case("on", beta, POSITIVE), proof.case("off", beta, ZERO)
    bound = proof.semidefinite("β ≥ 0", proof.meaning("last layer"), B)
    facts = [proof.algebra(c.name + " too", balanced.body, 1 * balanced, known=[c]) for c in (on, off)]
    joined = proof.cases("joined", facts, bound=bound)
    assert joined.layers == balanced.layers
    proof.at("beyond", joined, M)


def a_hypothesis_at_another_layer(proof: Proof) -> None:
    claim = (m - M) * UNSEEN
    proof.induction(
        ["claim"], [claim], (sp.Integer(-1), M), [None], lambda at_m: [1 * proof.at("below", at_m, m - 1, (M, M))]
    )


def a_consequence_of_a_hypothesis_at_another_layer(proof: Proof) -> None:
    claim = (m - M) * UNSEEN

    def down(at_m: Fact) -> list[Combination]:
        same = proof.algebra("the same", claim, 1 * at_m)
        return [1 * proof.at("below", same, m - 1, (M, M))]

    proof.induction(["claim"], [claim], (sp.Integer(-1), M), [None], down)


def a_hypothesis_after_its_induction(proof: Proof) -> None:
    kept = keeping_a_hypothesis(proof)
    proof.algebra("kept", kept[0].body, 1 * kept[0])


def a_hypothesis_of_an_induction_that_failed(proof: Proof) -> None:
    claim, kept = (m - M) * UNSEEN, []
    with pytest.raises(Rejected):
        proof.induction(["claim"], [claim], (sp.Integer(0), M), [None], lambda at_m: [kept.append(at_m) or 0 * at_m])
    proof.algebra("kept", claim, 1 * kept[0])


def keeping_a_hypothesis(proof: Proof) -> list[Fact]:
    """An induction that is accepted, and the hypothesis that its step got."""
    product, last = proof.meaning("product"), proof.meaning("last layer")
    below = proof.at("below", neighbours(proof), m - 1, layers=(sp.Integer(1), M))
    kept: list[Fact] = []

    def down(at_m: Fact) -> list[Combination]:
        kept.append(at_m)
        return [B @ product + at_m @ W(m) - product @ (lam(m) * W(m).T @ W(m)) + Q(m) @ below]

    claim = B @ Q(m + 1) - lam(m) * (Q(m + 1) @ W(m) @ W(m).T)
    proof.induction(["claim"], [claim], (sp.Integer(0), M), [last], down)
    return kept


def an_induction_in_another(proof: Proof) -> None:
    def down(at_m: Fact) -> list[Combination]:
        proof.induction(["inner"], [0 * m], (sp.Integer(0), M), [None], lambda inner: [1 * inner])
        return [1 * at_m]

    proof.induction(["outer"], [(m - M) * UNSEEN], (sp.Integer(0), M), [None], down)


def a_hypothesis_through_cases(proof: Proof) -> None:
    on, off = proof.case("on", beta, POSITIVE), proof.case("off", beta, ZERO)
    bound, claim = proof.semidefinite("β ≥ 0", proof.meaning("last layer"), B), (m - M) * UNSEEN

    def down(at_m: Fact) -> list[Combination]:
        facts = [proof.algebra(f"{c.name}, too", claim, 1 * at_m, known=[c]) for c in (on, off)]
        return [1 * proof.at("below", proof.cases("joined", facts, bound=bound), m - 1, (M, M))]

    proof.induction(["claim"], [claim], (sp.Integer(0), M), [None], down)


def a_hypothesis_summed_over_layers(proof: Proof) -> None:
    claim = lam(m) * trace(W(m) @ W(m).T) - trace(B)
    base = -proof.meaning("last layer").trace
    proof.induction(
        ["claim"], [claim], (sp.Integer(0), M), [base], lambda at_m: [1 * proof.layer_sum("sum", regulariser, at_m)]
    )


def a_base_for_another_layer(proof: Proof) -> None:
    decays = proof.meaning("product of decays")
    claim = UNSEEN * decays.body
    proof.induction(["claim"], [claim], (sp.Integer(0), M), [UNSEEN * decays], lambda at_m: [1 * at_m])


def a_case_about_a_layer(proof: Proof) -> None:
    proof.case("m = M", m - M, ZERO)


def a_definition_by_layer(proof: Proof) -> None:
    proof.definition("by layer", s, m)


def an_identity_about_no_layers(proof: Proof) -> None:
    proof.algebra("for which m?", sp.Add(lam(m), -lam(m), evaluate=False))


def a_layer_that_goes_down(proof: Proof) -> None:
    proof.at("backwards", proof.meaning("product of decays"), -m, layers=(sp.Integer(0), M))


def dividing_by_the_regulariser(proof: Proof) -> None:
    off = proof.case("ρ = 0", regulariser, ZERO)
    proof.algebra("D = 0", UNSEEN, (UNSEEN / regulariser) * off)


def dividing_by_the_value(proof: Proof) -> None:
    proof.algebra("D f = 0", UNSEEN * value, proof.gap("D f² = 0", UNSEEN * value**2) * (1 / value))


def a_letter_cancelled_by_its_inverse(proof: Proof) -> None:
    spectrum(proof)
    product = step(proof, "product with the squared target")
    inverse = power(B, -1)
    proof.algebra("cancelled", inverse @ (UNSEEN * product.body), inverse @ (UNSEEN * product))


def a_letter_with_a_power_that_becomes_negative(proof: Proof) -> None:
    last = proof.meaning("last layer")
    proof.algebra("cancelled", power(B, 9 - M) @ last.body, power(B, 9 - M) @ last)


def a_power_of_a_power(_: Proof) -> None:
    power(power(B, 2), M)


def a_gradient_with_a_power(proof: Proof) -> None:
    powered = of(Letter("W", d(2), d(1), sp.Integer(1), power=1 + UNSEEN))
    proof.gradient("gradient", Q(2) @ powered @ H, H)


def a_gradient_with_a_symmetric_weight(proof: Proof) -> None:
    fake = letter("W", d(2), d(1), sp.Integer(1), symmetric=True)
    proof.gradient("gradient", Q(2) @ fake @ H, H)


def a_gradient_for_layers_that_there_are_not(proof: Proof) -> None:
    proof.gradient("gradient", Q(m + 1) @ W(m) @ R(m - 1), W(m), layers=(sp.Integer(-5), M + 5))


def a_gradient_for_layers_without_end(proof: Proof) -> None:
    proof.gradient("gradient", Q(m + 1) @ W(m) @ R(m - 1), W(m), layers=(sp.Integer(0), M**2))


def a_constant_that_there_is_not(proof: Proof) -> None:
    proof.gap("λ beyond", UNSEEN * lam(M + 1))


def a_sum_of_what_depends_on_the_layer(proof: Proof) -> None:
    term = lam(m) * trace(W(m) @ W(m).T)
    other = trace(B) + UNSEEN * trace(power(B, m + 1))
    proof.layer_sum("sum", regulariser, proof.gap("by layer", term - other, layers=(sp.Integer(0), M)))


def a_sum_of_a_constant_that_depends_on_the_layer(proof: Proof) -> None:
    term = lam(m) * trace(W(m) @ W(m).T) - trace(B)
    given = proof.gap("by layer", term + Trace({}, m * UNSEEN), layers=(sp.Integer(0), M))
    proof.layer_sum("sum", regulariser, given)


def a_definition_with_another_sign(proof: Proof) -> None:
    proof.definition("s", s, -UNSEEN)


def a_definition_of_an_eigenvalue(proof: Proof) -> None:
    proof.definition("β", beta, N)


def a_definition_by_a_free_number(proof: Proof) -> None:
    proof.definition("s", s, t)


def decreasing_in_a_number_that_is_not_free(proof: Proof) -> None:
    above = proof.case("z > 0", z, POSITIVE)
    slope = proof.positive("slope", sp.Integer(1), POSITIVE, [(1, [], 1)])
    proof.decreasing("falls", -z, z, later, [above], slope, sp.Integer(1))


def decreasing_across_a_pole(proof: Proof) -> None:
    above = proof.case("t > 0", t, POSITIVE)
    slope = proof.positive("slope", sp.Integer(1), POSITIVE, [(1, [], 1)])
    proof.decreasing("falls", 1 / (t - (M - 9)), t, later, [above], slope, (t - (M - 9)) ** 2)


# ------------------------------------------------------------ objects of a script's own making


def a_body_that_is_changed(proof: Proof) -> None:
    proof.meaning("last layer").body.terms.clear()


class EvilTrace(Trace):
    def __sub__(self, other: Trace) -> Trace:
        return Trace({})

    __add__ = __sub__


def a_trace_that_subtracts_as_it_likes(proof: Proof) -> None:
    proof.algebra("evil", EvilTrace({}, UNSEEN), proof.meaning("squared target").trace)


class EvilMatrix(Matrix):
    def __matmul__(self, other: Matrix) -> Matrix:
        return Matrix(self.rows, other.columns, {})

    def __rmatmul__(self, other: Matrix) -> Matrix:
        return Matrix(other.rows, self.columns, {})


def a_factor_that_multiplies_as_it_likes(proof: Proof) -> None:
    last = proof.meaning("last layer")
    proof.algebra("evil", 0 * B, last @ EvilMatrix(B.rows, B.columns, B.terms))


class EvilSymbol(sp.Symbol):
    def __sub__(self, other: object) -> sp.Expr:
        return UNSEEN


def a_symbol_that_subtracts_as_it_likes(proof: Proof) -> None:
    proof.definition("evil", EvilSymbol("s", nonnegative=True), sp.Integer(1))


class EvilSign(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


def a_sign_that_equals_every_sign(proof: Proof) -> None:
    proof.case("evil", M - 9, EvilSign(POSITIVE))


def a_symbol_of_another_sign(proof: Proof) -> None:
    proof.gap("a look-alike", sp.Symbol("beta", positive=True))


def a_constant_of_another_sign(proof: Proof) -> None:
    proof.gap("a look-alike", sp.Function("lambda", negative=True)(1))


def a_letter_of_another_space(proof: Proof) -> None:
    proof.gap("a look-alike", UNSEEN * letter("B", d(1), symmetric=True))


def a_letter_that_the_setting_does_not_have(proof: Proof) -> None:
    proof.algebra("a new letter", letter("X", samples) + letter("X", samples))


def words_that_do_not_fit(proof: Proof) -> None:
    ((b,),) = B.terms
    ((target,),) = T.terms
    proof.algebra("a word", Matrix(B.rows, B.columns, {(b, target, b): UNSEEN}))


def not_a_number(proof: Proof) -> None:
    proof.algebra("nan", sp.nan)


def infinity(proof: Proof) -> None:
    proof.positive("oo", sp.oo, POSITIVE, [(sp.oo, [], 1)])


def a_float(proof: Proof) -> None:
    proof.algebra("float", sp.Float("0.1") * M)


def a_string(proof: Proof) -> None:
    proof.algebra("text", "0")


def a_case_distinction_inside_a_formula(proof: Proof) -> None:
    proof.algebra("pieces", sp.Piecewise((0, M < 9), (1, True)))


def a_combination_made_by_hand(proof: Proof) -> None:
    forged = Fact("forged", UNSEEN)
    proof.algebra("D = 0", UNSEEN, Combination((Part(forged),)))


def a_combination_of_an_inequality(proof: Proof) -> None:
    proof.algebra("D² = 0", UNSEEN**2, Combination((Part(unseen_square(proof)),)))


class EvilParts(tuple):
    """Parts that are others when they are read again."""

    read = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        EvilParts.read += 1
        return iter(self[:1] if EvilParts.read == 1 else self[1:])


def a_combination_that_changes(proof: Proof) -> None:
    EvilParts.read = 0
    good = proof.algebra("nothing", M - M + 0 * t)
    proof.algebra("D = 0", UNSEEN, Combination(EvilParts((Part(good), Part(Fact("forged", UNSEEN))))))


def a_fact_that_changes(proof: Proof) -> None:
    class Evil(Fact):
        pass

    proof.cases("evil", [Evil("x", UNSEEN), Evil("y", UNSEEN)])


def a_step_that_is_added_by_hand(proof: Proof) -> None:
    forged = Fact("forged", UNSEEN)
    proof.steps.append(Step("algebra", forged, ()))  # type: ignore[attr-defined]


def a_subclass_of_a_setting(_: Proof) -> None:
    class Mine(Setting):
        pass

    Proof("wrong", Mine("mine", CRITICAL_POINT.draw))


def a_meaning_that_is_added(_: Proof) -> None:
    CRITICAL_POINT.meanings["lie"] = (UNSEEN, None)  # type: ignore[index]


def eigenvectors_of_another_letter(proof: Proof) -> None:
    proof.eigenvectors(("a", "b", "c"), proof.meaning("squared target"), S)


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
    a_false_hypothesis: "does not admit",
    an_inverse_with_a_negative_shift: "not shown to be positive",
    an_inverse_that_the_setting_does_not_name: "does not say",
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
    eigenvalues_of_a_rectangular_letter: "not among the letters",
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
    an_unused_step: "never used",
    a_conclusion_that_is_no_step: "not a step",
    two_steps_of_one_name: "two steps",
    an_axiom_that_there_is_not: "not one of the axioms",
    on_and_off_exchanged: "another form|unpack",
    the_value_without_the_factor_two: "another form",
    another_equation_for_the_root: "another form",
    the_rank_of_another_matrix: "rank of B",
    the_rank_of_fewer_layers: "rank of B",
    the_rank_of_no_layers: "rank of B",
    the_rank_of_nothing: "rank of B",
    a_premise_in_a_case: "rank of B",
    a_premise_made_by_hand: "not a step",
    a_slope_with_another_sign: "slope is positive",
    a_construction_with_another_share: "share of a chosen mode",
    a_construction_of_twice_the_value: "2N f",
    eigenvalue_of_the_wrong_letter: "positive multiple",
    semidefinite_without_a_symbol: "single letter",
    a_multiple_of_a_letter_called_semidefinite: "single letter",
    an_eigenvalue_from_a_trace: "between matrices",
    an_eigenvalue_sum_over_another_space: "not among the letters",
    an_eigenvalue_on_another_space: "another space",
    dividing_by_what_has_a_pole: "not shown to be positive",
    an_imaginary_square: "not shown to be positive",
    a_certificate_called_an_equation: "> 0 or ≥ 0",
    an_inequality_divided: "is an inequality",
    an_inequality_raised: "is an inequality",
    a_power_of_zero_below_zero: "not shown to be positive",
    a_root_of_a_square_that_is_left_unevaluated: "not shown to be positive",
    a_whole_part: "not made of",
    an_undefined_exponent: "not shown to be positive",
    a_root_of_a_product_of_negative_numbers: "not shown to be positive",
    a_function_that_is_not_minimised: "does not say that z",
    cases_by_an_assumption: "only in a case",
    cases_of_forged_facts: "not a step",
    cases_that_lose_their_layers: "outside the range",
    a_hypothesis_at_another_layer: "about one layer",
    a_consequence_of_a_hypothesis_at_another_layer: "about one layer",
    a_hypothesis_after_its_induction: "an induction that is over",
    a_hypothesis_of_an_induction_that_failed: "an induction that is over",
    an_induction_in_another: "no other induction",
    a_hypothesis_through_cases: "about one layer",
    a_hypothesis_summed_over_layers: "does not hold for all layers",
    a_base_for_another_layer: "does not hold for every layer",
    a_case_about_a_layer: "no range of layers",
    a_definition_by_layer: "no range of layers",
    an_identity_about_no_layers: "no range of layers",
    a_layer_that_goes_down: "outside the range",
    dividing_by_the_regulariser: "not shown to be positive",
    dividing_by_the_value: "not shown to be positive",
    a_letter_cancelled_by_its_inverse: "at least 0",
    a_letter_with_a_power_that_becomes_negative: "at least 0",
    a_power_of_a_power: "single letter",
    a_gradient_with_a_power: "not symmetric",
    a_gradient_with_a_symmetric_weight: "not the setting's letter",
    a_gradient_for_layers_that_there_are_not: "does not exist",
    a_gradient_for_layers_without_end: "not a range of layers",
    a_constant_that_there_is_not: "does not exist",
    a_sum_of_what_depends_on_the_layer: "the same in every layer",
    a_sum_of_a_constant_that_depends_on_the_layer: "the same in every layer",
    a_definition_with_another_sign: "the sign of",
    a_definition_of_an_eigenvalue: "not new",
    a_definition_by_a_free_number: "any number",
    decreasing_in_a_number_that_is_not_free: "any numbers",
    decreasing_across_a_pole: "not shown to be positive",
    a_trace_that_subtracts_as_it_likes: "not made of",
    a_factor_that_multiplies_as_it_likes: "not a matrix formula",
    a_symbol_that_subtracts_as_it_likes: "not made of",
    a_sign_that_equals_every_sign: "which is none",
    a_symbol_of_another_sign: "no symbol",
    a_constant_of_another_sign: "no constant",
    a_letter_of_another_space: "not the setting's letter",
    a_letter_that_the_setting_does_not_have: "no letter",
    words_that_do_not_fit: "cannot multiply",
    not_a_number: "not made of",
    infinity: "not made of",
    a_float: "not made of",
    a_string: "not made of",
    a_case_distinction_inside_a_formula: "not made of",
    a_combination_made_by_hand: "not a step",
    a_combination_of_an_inequality: "only equations",
    a_combination_that_changes: "not the combination",
    a_fact_that_changes: "not a step",
    a_subclass_of_a_setting: "about a setting",
    eigenvectors_of_another_letter: "no letters for the eigenvectors",
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


IMMUTABLE = (a_body_that_is_changed, a_step_that_is_added_by_hand, a_meaning_that_is_added)


@pytest.mark.parametrize("change", IMMUTABLE, ids=lambda change: change.__name__)
def test_what_was_accepted_cannot_be_changed(change: Callable[[Proof], None]) -> None:
    with pytest.raises((AttributeError, TypeError)):
        change(fresh())


def test_what_random_instances_cannot_see_is_what_the_wrong_proofs_use() -> None:
    assert all(UNSEEN.subs(M, instance.scalars[M]) == 0 for instance in CRITICAL_POINT.instances)
    assert {instance.scalars[M] for instance in CRITICAL_POINT.instances} == set(DEPTHS)
    assert any(instance.scalars[regulariser] == 0 for instance in CRITICAL_POINT.instances)
