"""Derivatives along any line: what the theorem entails, false claims, wrong proofs, and its formulas as matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import pytest
import sympy as sp

from proofs import variation_kinds
from proofs.entailment import NotEntailed
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Trace, squares
from proofs.lemmas.collapse_setting import X
from proofs.lemmas.setting import ALL, DEPTHS, N, R, W, m
from proofs.lemmas.variation import expanded, summed, variation_section, variation_theorem
from proofs.lemmas.variation_setting import LINE, UPTO, D, G, P, Q, first, rest, second, t, value
from proofs.theorem import Theorem
from proofs.variation_kinds import Recursions, form, higher, proposed, slope
from theory.arithmetic.interpreters import Rationals
from theory.claims import Identity, Relation, Spectrum, at_most, clause, equal
from theory.curvature import flattened, squared
from theory.draws import integer_factors
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, identity, kron, one_hot, sum_squares, trace, zeros
from theory.variation import derivative, stencil

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have: no evaluation notices what is multiplied by it."""
TINY = Fraction(1, 10**9)
GIVEN: dict[str, Any] = {"K": 2, "n": 2, "widths": (2, 2, 2), "seed": 4}
FACTORS, ALONG = (integer_factors(2, 2, (2, 2, 2), seed) for seed in (4, 5))
MODEL = Model(class_sizes=(2, 2), depth=3, widths=(2, 2, 2), decays=1)
AT, L, V = squared(FACTORS, (2, 2)), 3, flattened(ALONG)


def holds(relation: Relation, **changes: Any) -> bool:
    claim = Identity((clause("clause", relation),))
    return not variation_theorem("line").entails(claim, None, {}, GIVEN | changes)["clause"]


# ------------------------------------------------------------ what is entailed


def in_layer(layer: int) -> Expression:
    """The second derivative along one layer's direction."""
    return derivative(MODEL, FACTORS, [X if i == layer else zeros(*X.shape) for i, X in enumerate(ALONG)], 2, 2)


def on_entries(left: Expression, right: Expression, layer: int = 2) -> Expression:
    """The form of a Kronecker product along the direction of a layer."""
    v = flattened([ALONG[layer]])
    return (v.T @ kron(left, right) @ v)[0, 0]


def turned(layer: int = 2) -> Expression:
    """The form of the layer's Hessian with hidden layers in the other order."""
    at = squared((FACTORS[0], *FACTORS[2:0:-1], FACTORS[3]), (2, 2))
    return on_entries(at.above(layer).T @ at.above(layer), at.below(layer) @ at.below(layer).T / 4, layer)


A, B = AT.above(2), AT.below(2)
GAUSS, INPUTS = A.T @ A, B @ B.T / 4
SLOPE = (V.T @ flattened([AT.slope(layer) for layer in range(4)]))[0, 0]
FORM = (V.T @ AT.full((0, 0, 0, 0)) @ V)[0, 0]
FIRST, SECOND = (derivative(MODEL, FACTORS, ALONG, order, 8) for order in (1, 2))

TRUE = {
    "a layer": lambda: equal(in_layer(2), on_entries(GAUSS, INPUTS)),
    "gradient": lambda: equal(FIRST, SLOPE),
    "Hessian": lambda: equal(SECOND, FORM),
}
FALSE: dict[str, Callable[[], Relation]] = {
    "⊗ swapped": lambda: equal(in_layer(2), on_entries(INPUTS, GAUSS)),
    "1/n": lambda: equal(in_layer(2), on_entries(GAUSS, B @ B.T / 2)),
    "a little more": lambda: equal(in_layer(2), (1 + TINY) * on_entries(GAUSS, INPUTS)),
    "hidden layers in the other order": lambda: equal(in_layer(1), turned(1)),
    "another layer": lambda: equal(in_layer(1), on_entries(GAUSS, INPUTS)),
    "inputs of another layer": lambda: equal(in_layer(2), on_entries(GAUSS, AT.below(1) @ AT.below(1).T / 4)),
    "along another direction": lambda: equal(in_layer(2), on_entries(GAUSS, INPUTS, layer=1)),
    "at most": lambda: at_most(in_layer(2), on_entries(GAUSS, INPUTS)),
    "of too low a degree": lambda: equal(derivative(MODEL, FACTORS, ALONG, 2, 6), FORM),
    "a layer from all factors": lambda: equal(SECOND, on_entries(GAUSS, INPUTS)),
    "first for second": lambda: equal(FIRST, FORM),
    "the gradient of the objective": lambda: equal(
        FIRST, (V.T @ flattened([AT.slope(layer) + X for layer, X in enumerate(FACTORS)]))[0, 0]
    ),
    "with decays": lambda: equal(SECOND, (V.T @ AT.full((1, 0, 0, 0)) @ V)[0, 0]),
    "of another model": lambda: equal(
        derivative(MODEL.with_(class_sizes=(1, 3)), FACTORS, ALONG, 2, 8), FORM
    ),
    "nothing": lambda: equal(FORM, FORM),
    "itself": lambda: equal(SECOND, SECOND),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_derivatives_along_the_proposed_line_are_entailed(name: str) -> None:
    assert holds(TRUE[name]())
    assert not holds(TRUE[name](), seed=3)


@pytest.mark.parametrize("name", FALSE)
def test_another_relation_is_not_entailed(name: str) -> None:
    assert not holds(FALSE[name]())


@pytest.mark.parametrize("changes", [{"n": 4}, {"n": 1}, {"K": 4, "n": 1}, {"widths": (2, 2)}, {"seed": 5}], ids=str)
def test_sizes_are_those_of_the_claim(changes: dict[str, Any]) -> None:
    for relation in TRUE.values():
        assert not holds(relation(), **changes)


@pytest.mark.parametrize(
    "changes",
    [{"K": 2.0}, {"K": True}, {"K": 0}, {"n": 0}, {"n": None}, {"widths": ()}, {"widths": [2, 2]},
     {"widths": (2, 0)}, {"widths": (2, 2.0)}, {"seed": None}, {"seed": "4"}],
    ids=str,
)  # fmt: skip
def test_a_line_must_be_proposed(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        holds(equal(FORM, FORM), **changes)


def test_the_theorem_is_about_relations() -> None:
    with pytest.raises(NotEntailed, match="about relations"):
        variation_theorem("line").entails(Spectrum(identity(2), [(1, 2)]), None, {}, GIVEN)


def test_the_data_term_must_be_that_of_the_theorem(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubled(Model):
        objective = property(lambda self: 2 * Model.objective.func(self))  # type: ignore[assignment]

    monkeypatch.setattr(variation_kinds, "Model", Doubled)
    with pytest.raises(NotEntailed, match="another one"):
        holds(TRUE["Hessian"]())


def test_weights_must_give_the_derivative_of_every_polynomial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variation_kinds, "stencil", lambda degree, order: stencil(max(2, degree - 2), order))
    with pytest.raises(NotEntailed, match="weights"):
        holds(TRUE["Hessian"]())


# ------------------------------------------------------------ the formulas of the kind are the matrices


@pytest.mark.parametrize("widths", [(3,), (2, 4), (4, 3, 4), (1, 3, 2, 2)], ids=str)
def test_the_forms_of_the_kind_are_those_of_the_block_matrices(widths: tuple[int, ...]) -> None:
    """At integers: ⟨G, D_0⟩ and ‖D_0‖²/N + 2 Σ ⟨G, A_l X_l M X_m B_m⟩ are vᵀ times the gradient and the Hessian."""
    K, n, depth = 3, 2, len(widths)
    factors, along = (integer_factors(K, n, widths, seed) for seed in (5, 9))
    at, v, every = squared(factors, (n,) * K), flattened(along), range(depth + 1)
    outputs = [at.above(i) @ along[i] @ at.below(i) for i in every]
    change = reduce(add, outputs)
    Z = at.above(0) @ factors[0]
    G = (Z - one_hot((n,) * K)) / (K * n)
    pairs = [
        trace(G.T @ at.above(i) @ along[i] @ at.between(i, j) @ along[j] @ at.below(j)) for i in every for j in range(i)
    ]
    second = sum_squares(change) / (K * n) + 2 * reduce(add, pairs)
    gradient = (v.T @ flattened([at.slope(layer) for layer in every]))[0, 0]
    form = (v.T @ at.full((0,) * (depth + 1)) @ v)[0, 0]
    for matrices, words in ((gradient, trace(G.T @ change)), (form, second)):
        assert Rationals().evaluate(matrices - words) == 0
    for layer in every[1:]:
        x = flattened([along[layer]])
        assert Rationals().evaluate((x.T @ at.layer(layer) @ x)[0, 0] - sum_squares(outputs[layer]) / (K * n)) == 0


def test_the_relations_are_true_in_exact_arithmetic() -> None:
    relations = list(proposed(GIVEN | {"widths": (2, 3)}).relations())
    assert len(relations) == 4
    for relation in relations:
        assert Rationals().evaluate(relation.left - relation.right) == 0
        assert Rationals().evaluate(relation.left) != 0


# ------------------------------------------------------------ wrong proofs


def fresh() -> tuple[Proof, list[Fact]]:
    proof = Proof("line", LINE)
    return proof, [proof.meaning(name) for name in LINE.meanings]


def below(proof: Proof, facts: list[Fact]) -> list[Fact]:
    return [proof.at(f"{fact.name} below", fact, m - 1, layers=(sp.Integer(1), M + 1)) for fact in facts[:8]]


def without_the_square(proof: Proof, facts: list[Fact]) -> None:
    claim = P(m) - Q(m) - t * first(m) - t**3 * rest(m)
    products, _, moved, firsts, _, rests, *_ = below(proof, facts)
    proof.induction(
        ["line"], [claim], UPTO, [None],
        lambda here: [moved - products - t * firsts - t**3 * rests + here @ (W(m - 1) + t * X(m - 1))],
    )  # fmt: skip


def a_factor_that_stays(proof: Proof, facts: list[Fact]) -> None:
    claim = P(m) - Q(m) - t * first(m) - t**2 / 2 * second(m) - t**3 * rest(m)
    products, _, moved, firsts, seconds, rests, *_ = below(proof, facts)
    given = moved - products - t * firsts - t**2 / 2 * seconds - t**3 * rests
    proof.induction(["line"], [claim], UPTO, [None], lambda here: [given + here @ W(m - 1)])


def an_induction_that_begins_one_below(proof: Proof, facts: list[Fact]) -> None:
    claim = D(m) - first(m) @ R(m - 1)
    proof.induction(["sum"], [claim], ALL, [None], lambda here: [1 * here])


def more_at_depths_unseen(proof: Proof, facts: list[Fact]) -> None:
    claim = D(m) - first(m) @ R(m - 1) - UNSEEN * Q(m) @ R(m - 1)
    *_, first_sum, _ = below(proof, facts)
    proof.induction(["sum"], [claim], UPTO, [None], lambda here: [first_sum + here])


def sums_of_the_wrong_inputs(proof: Proof, facts: list[Fact]) -> None:
    one, _ = summed(proof, below(proof, facts))
    proof.algebra("sum", D(m) - first(m) @ R(m - 1) - UNSEEN * (D(m) - Q(m) @ R(m - 1)), 1 * one)


def a_data_term_of_degree_two(proof: Proof, facts: list[Fact]) -> None:
    expanded(proof, below(proof, facts))
    goal = Trace({}, value) - N / 2 * squares(G) - t * slope() - t**2 / 2 * form()
    proof.algebra("data term", goal, 1 * facts[-1])


def half_the_second_derivative(proof: Proof, facts: list[Fact]) -> None:
    expansion = variation_section()[1].expansion
    proof.algebra("half", expansion.body + t**2 / 4 * form(), 1 * expansion)


def products_below_the_features(proof: Proof, facts: list[Fact]) -> None:
    proof.at("below", facts[0], m - 1, layers=UPTO)


WRONG: dict[Callable[[Proof, list[Fact]], None], str] = {
    without_the_square: "does not follow",
    a_factor_that_stays: "does not follow",
    an_induction_that_begins_one_below: "does not follow",
    more_at_depths_unseen: "does not follow",
    sums_of_the_wrong_inputs: "not the combination",
    a_data_term_of_degree_two: "not the combination",
    half_the_second_derivative: "not a step",
    products_below_the_features: "outside the range",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[Proof, list[Fact]], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(*fresh())


# ------------------------------------------------------------ theorems that their steps do not support


@pytest.mark.parametrize("field", [field.name for field in fields(Recursions)])
def test_the_theorem_needs_each_recursion(field: str) -> None:
    section, kind = variation_section()
    own = kind.recursions
    facts = list(vars(own).values())
    other = facts[(list(vars(own)).index(field) + 1) % len(facts)]
    wrong = replace(kind, recursions=replace(own, **{field: other}))
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(own, field),)),), wrong)


@pytest.mark.parametrize("field", ["gradient", "value", "chain", "expansion"])
def test_the_theorem_needs_each_step(field: str) -> None:
    section, kind = variation_section()
    other = kind.value if field != "value" else kind.chain
    wrong = replace(kind, **{field: other})
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(kind, field),)),), wrong)


def test_the_chain_is_needed_for_all_layers() -> None:
    section, kind = variation_section.__wrapped__()  # of its own, as it gets more steps
    proof = section.proof
    assert isinstance(proof, Proof)
    some = replace(kind, chain=proof.at("of layers", kind.chain, m, layers=ALL))
    with pytest.raises(Rejected, match="needs a step"):
        some.check({LINE: proof})


def test_the_rest_is_a_polynomial_in_the_step() -> None:
    """No division by t, in the recursion of E nor in what the expansion leaves over t³."""
    for c in (*higher().terms.values(), *LINE.meanings["rests"][0].terms.values()):
        assert sp.Poly(c, t).degree() >= 0


def test_recursions_of_the_kind_are_its_own() -> None:
    (_, proof, _), kind = variation_section()
    with pytest.raises(Rejected, match="recursions"):
        replace(kind, recursions=kind).check({LINE: proof})  # type: ignore[arg-type, dict-item]
