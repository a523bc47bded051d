"""Proofs about graphs: wrong steps are rejected for the reason that is given, and no false clause is entailed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest

import proofs
from proofs import graphs
from proofs.entailment import NotEntailed
from proofs.graph_kinds import ForEveryGraph, GraphLosses
from proofs.graphs import GraphProof
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.lemmas.graphs import (
    APART,
    COSTS,
    FEATURES,
    FIRST,
    HIDDEN,
    LAST,
    LOAD,
    NORM,
    NORMS,
    PRODUCT,
    SCALED_OUTPUTS,
    WIN,
    J,
    condition,
    e,
    scaled_outputs,
    y,
)
from proofs.lemmas.scales import scales
from proofs.lemmas.setting import CRITICAL_POINT
from proofs.reading import EVERYWHERE, VERTICES_SYMBOL, ForEvery, Reading, Where
from proofs.theorem import Section, Theorem
from theory import configurations
from theory.claims import Clause, Identity, Relation, equal, less
from theory.configurations import incidence
from theory.families import (
    EDGES,
    VERTICES,
    Family,
    Sizes,
    chain,
    eye,
    family,
    hole,
    indexed,
    named,
    nuclear_norm,
    ones,
    product,
    put,
    relu,
    sqrt,
    step,
    sum_squares,
    trace,
)
from theory.families import adjacency_family as A
from theory.families import classes as K
from theory.families import depth as L
from theory.families import incidence_family as T
from theory.families import vertices as r
from theory.ops import constant, identity
from theory.statement import statements

UNSEEN = (r - 4) * (r - 5) * (r - 6) * (r - 7) * (r - 8)
"""Zero at every number of vertices at which steps are evaluated: no evaluation notices what is multiplied by it."""

ITSELF = relu(eye(VERTICES) @ hole(VERTICES, EDGES))


def hidden(proof: GraphProof) -> Fact:
    return proof.induction("hidden", HIDDEN, T)


def norms(proof: GraphProof) -> Fact:
    return proof.induction("norms", NORMS, sum_squares(FEATURES) * sum_squares(FIRST) * r**step)


def at_four_layers(proof: GraphProof) -> Fact:
    """The condition at L = 4."""
    condition(proof)
    return proof.steps[0].fact


WRONG: dict[str, tuple[Callable[[GraphProof], object], str]] = {
    "2T − J with the sign changed": (
        lambda p: p.equation("M_L", (2 * T.T + ones(EDGES, VERTICES)) @ T, 2 * e - 2 * (J - e - A)),
        "not equal",
    ),
    "the last ReLU left out": (lambda p: p.equation("out", LAST @ (APART @ HIDDEN), e, [hidden(p)]), "not equal"),
    "the last layer I": (lambda p: p.equation("out", e @ relu(APART @ HIDDEN), e, [hidden(p)]), "not equal"),
    "one common neighbour fewer": (
        lambda p: p.equation("srg", A @ A, 2 * (r - 2) * e + (r - 2) * A + 3 * (J - e - A)),
        "not equal",
    ),
    "r^{L−3}": (lambda p: p.equation("C", PRODUCT, NORM**2 * r ** (L - 3) * K**2 / 4, [norms(p)]), "not equal"),
    "one layer more in the product": (
        lambda p: p.induction("norms", put(NORMS, L - 2, L - 3), sum_squares(FEATURES) * r**step),
        "does not start so",
    ),
    "L off by one": (
        lambda p: p.equation("C", PRODUCT, NORM**2 * r ** (L - 1) * K**2 / 4, [norms(p)]),
        "not equal",
    ),
    "without the factor 1/4": (
        lambda p: p.equation("C", PRODUCT, NORM**2 * r ** (L - 2) * K**2, [norms(p)]),
        "not equal",
    ),
    "an equation that no evaluation refutes": (lambda p: p.equation("unseen", UNSEEN * T, 0 * T), "not equal"),
    "an inequality that no evaluation refutes": (lambda p: p.less("unseen", 0, 1 + UNSEEN), "not seen to be positive"),
    "a ReLU that no evaluation refutes": (
        lambda p: p.equation("unseen", relu((1 + UNSEEN) * T), (1 + UNSEEN) * T),
        "sign",
    ),
    "a ReLU of unknown sign": (lambda p: p.equation("sign", relu((r - 5) * T), (r - 5) * T), "sign"),
    "a ReLU whose sign is known from five vertices on": (
        lambda p: p.equation("sign", relu((r - Fraction(9, 2)) * T), (r - Fraction(9, 2)) * T),
        "sign",
    ),
    "a chain that nothing is known of": (lambda p: p.equation("out", LAST @ relu(APART @ HIDDEN), e), "no step"),
    "a chain that another fact is about": (
        lambda p: p.equation("out", LAST @ relu(APART @ HIDDEN), e, [norms(p)]),
        "no step",
    ),
    "a nuclear norm that nothing is known of": (lambda p: p.equation("norm", nuclear_norm(T), NORM), "no step"),
    "a nuclear norm by no root": (lambda p: p.nuclear("norm", T, eye(VERTICES)), "square"),
    "a nuclear norm by the square of the root": (lambda p: p.nuclear("norm", T, FIRST @ FIRST), "square"),
    "a nuclear norm by a root on the other side": (lambda p: p.nuclear("norm", T, T.T), "square"),
    "‖T‖_* with r √(r−2)": (
        lambda p: p.equation(
            "norm", nuclear_norm(T), sqrt(2 * (r - 1)) + r * sqrt(r - 2), [p.nuclear("root", T, FIRST)]
        ),
        "not equal",
    ),
    "an induction with a wrong start": (lambda p: p.induction("start", HIDDEN, 2 * T), "does not start so"),
    "an induction with a wrong step": (
        lambda p: p.induction("step", chain(T, 2 * ITSELF, L - 2), T * (1 + step)),
        "does not lead",
    ),
    "an induction without its ReLU": (
        lambda p: p.induction("step", chain(-1 * T, relu(hole(VERTICES, EDGES)), L - 2), -1 * T),
        "does not lead",
    ),
    "a step that is false where no evaluation reaches": (
        lambda p: p.induction("step", chain(T, (1 + UNSEEN) * hole(VERTICES, EDGES), L - 2), T),
        "does not lead",
    ),
    "fewer than no steps": (lambda p: p.induction("count", chain(T, ITSELF, L - 4), T), "index"),
    "half a step": (lambda p: p.induction("count", chain(T, ITSELF, L / 2), T), "index"),
    "as many steps as vertices": (lambda p: p.induction("count", chain(T, ITSELF, r), T), "index"),
    "a chain within a chain": (
        lambda p: p.induction("inner", chain(T, chain(hole(VERTICES, EDGES), ITSELF, L), L), T),
        "in the formula of another",
    ),
    "an induction about something else": (lambda p: p.induction("none", T, T), "not a chain"),
    "an induction by the chain itself": (lambda p: p.induction("itself", HIDDEN, HIDDEN), "by a chain again"),
    "a hole outside a chain": (lambda p: p.equation("hole", hole(VERTICES, EDGES), hole(VERTICES, EDGES)), "hole"),
    "a hole in the start of a chain": (
        lambda p: p.induction("hole", chain(hole(VERTICES, EDGES), ITSELF, L), T),
        "outside the formula",
    ),
    "a number of steps outside a chain": (lambda p: p.equation("n", step, step), "outside the formula"),
    "division by zero at r = 4": (lambda p: p.equation("by zero", (r - 4) / (r - 4), 1), "sign"),
    "a root of what may be negative": (lambda p: p.equation("root", sqrt((r - 5) ** 2), r - 5), "sign"),
    "a root of a product of negative parts": (
        lambda p: p.equation("parts", ((5 - r) * (5 - r)) ** (L / 2), (5 - r) ** L),
        "sign",
    ),
    "a root of a square of what is negative": (
        lambda p: p.equation("square", ((3 - r) * (3 - r)) ** (L / 2), ((3 - r) * (3 - r)) ** ((L - 1) / 2) * (3 - r)),
        "not positive",
    ),
    "division by what is negative": (lambda p: p.equation("negative", 1 / (3 - r) * (3 - r), 1), "not positive"),
    "scaled outputs of another power": (
        lambda p: p.equation("out", SCALED_OUTPUTS, y**L * e, [scaled_outputs(p)[0]]),
        "not equal",
    ),
    "a loss with L terms of the regulariser": (
        lambda p: p.equation(
            "loss",
            COSTS,
            (L - 3) * LOAD * y**2 / 2,
            [p.induction("costs", COSTS, (step + 1) * LOAD * y**2 / 2)],
        ),
        "not equal",
    ),
    "a claim for r from three on": (lambda p: p.equation("small", r, r, where=Where(least=3)), "r ≥ 4"),
    "a claim for L = 2": (lambda p: p.equation("shallow", r, r, where=Where(depth=2)), "r ≥ 4"),
    "a claim for five numbers of vertices": (
        lambda p: p.less("five", UNSEEN, 1, where=Where(least=4, most=8)),
        "one number",
    ),
    "a claim that cannot be evaluated": (lambda p: p.equation("far", r, r, where=Where(least=9)), "no size"),
    "what holds for r ≥ 5 used for r ≥ 4": (
        lambda p: p.equation("out", HIDDEN, T, [p.equation("above", HIDDEN, T, [hidden(p)], where=Where(least=5))]),
        "no step",
    ),
    "a fact about another size of layers": (
        lambda p: p.equation("out", put(HIDDEN, L + 1, L), T, [hidden(p)]),
        "no step",
    ),
    "a fact made by hand": (
        lambda p: p.equation("out", HIDDEN, 2 * T, [Fact("lie", ForEvery(HIDDEN, "=", 2 * T))]),
        "not a step",
    ),
    "a step of another proof": (lambda p: p.equation("out", HIDDEN, T, [hidden(GraphProof("another"))]), "not a step"),
    "a copy of a step": (lambda p: p.equation("out", HIDDEN, T, [replace(hidden(p))]), "not a step"),
    "two steps of one name": (lambda p: (p.equation("once", r, r), p.equation("once", K, K)), "two steps"),
    "another difference": (lambda p: p.less("difference", r, K + 1, r**2), "not the difference"),
    "a difference that is zero at r = 4": (lambda p: p.less("zero", 0, (r - 4) * (r - 1)), "not seen to be positive"),
    "a difference with a negative term": (lambda p: p.less("negative", 5, r), "not seen to be positive"),
    "a square that is subtracted": (
        lambda p: p.less("square", (sqrt(r) - 1) ** 2, r, r + -1 * (sqrt(r) - 1) ** 2),
        "not seen to be positive",
    ),
    "SRG wins at L = 3": (
        lambda p: p.less("three", put(WIN, family(3), L), K**2),
        "not seen to be positive",
    ),
    "all depths from a condition at L = 4 for K^{L−2}": (
        lambda p: p.deeper("deep", at_four_layers(p), WIN, K ** (L - 2), (r, K)),
        "for L = 4",
    ),
    "a layer that multiplies by another factor": (
        lambda p: p.deeper("deep", at_four_layers(p), WIN, K ** (L - 1), (r, K + 1)),
        "multiply the side",
    ),
    "a layer that multiplies the left side by more": (
        lambda p: p.deeper("deep", p.less("first", r**3, r**3 + 1), r**L, r**3 + 1, (r, 1)),
        "by as much",
    ),
    "chains that start otherwise": (
        lambda p: p.alike("alike", chain(r, r * hole(), L), chain(K, r * hole(), L)),
        "start alike",
    ),
    "chains with other steps": (
        lambda p: p.alike("alike", chain(r, r * hole(), L), chain(r, K * hole(), L)),
        "same function",
    ),
    "chains of other lengths": (
        lambda p: p.alike("alike", chain(r, r * hole(), L), chain(r, r * hole(), L - 1)),
        "same length",
    ),
    "constants of other layers": (
        lambda p: p.induction("t", chain(indexed("t", 0), indexed("t", step) * hole(), L), product("t", step)),
        "does not lead",
    ),
    "a constant before the first layer": (lambda p: p.equation("t", indexed("t", L - 4), indexed("t", L - 4)), "index"),
    "a constant of another name": (lambda p: p.equation("t", indexed("s", L), indexed("t", L)), "not equal"),
    "a product with one factor more": (lambda p: p.equation("t", product("t", L), product("t", L - 1)), "not equal"),
    "matrices of different shapes": (lambda p: p.equation("shape", eye(VERTICES), eye(EDGES)), "not equal"),
    "points that are neither vertices nor edges": (
        lambda p: p.equation("triangles", trace(eye(3)), r * (r - 1) * (r - 2) / 6),
        "vertices or edges",
    ),
    "a name for two formulas": (
        lambda p: [p.equation(f"{x}", named("M", x), x) for x in (r, K)],
        "something else already",
    ),
    "a name that is a letter": (lambda p: p.equation("TTᵀ", named("T", A) @ named("I_K", A), A @ A), "a letter"),
    "a name that is a text": (lambda p: p.equation("text", named("zero, by what was shown", r), r), "no name"),
    "a range of its own": (
        lambda p: p.equation("range", r, 4, where=SimpleNamespace(least=4, most=4, depth=3)),  # type: ignore[arg-type]
        "no range",
    ),
    "facts that are used once only": (
        lambda p: p.equation("out", HIDDEN, T, (fact for fact in [hidden(p)])),  # type: ignore[arg-type]
        "a tuple or a list",
    ),
    "a formula that is no family": (lambda p: p.equation("lie", Family("trace", (identity(4),)), r), "no family"),  # type: ignore[arg-type]
    "an operation that is not known": (lambda p: p.equation("lie", Family("magic", (r,)), r), "not read"),
}
"""Steps that must not be accepted, and what is said of them."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_step_is_rejected(name: str) -> None:
    build, reason = WRONG[name]
    with pytest.raises((Rejected, configurations.ShapeError), match=reason):
        build(GraphProof("wrong"))


def test_the_right_steps_beside_them_are_accepted() -> None:
    proof = GraphProof("right")
    condition(proof)
    proof.equation("out", LAST @ relu(APART @ HIDDEN), e, [hidden(proof)])
    proof.induction("t", chain(indexed("t", 0), indexed("t", step + 1) * hole(), L - 1), product("t", step))
    proof.equation("t_L", product("t", L), indexed("t", L) * product("t", L - 1))
    proof.alike("alike", chain(r, r * hole(), L), chain(r, (2 * K / (r - 1)) * hole(), L))
    proof.equation("one size", (r - 3) * T, T, where=Where(least=4, most=4))


@pytest.mark.parametrize("name", ["structure_constant", "class_size", "choose"])
def test_other_structure_constants_prove_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more of each: the identities fail in the algebra, or as dense matrices."""
    right = getattr(configurations, name)
    monkeypatch.setattr(configurations, name, lambda *args: right(*args) + 1)
    left, right_side = (
        (sum_squares(APART), K * r)
        if name == "class_size"
        else (T @ T.T, (r - 2) * eye(VERTICES) + ones(VERTICES, VERTICES))
    )
    with pytest.raises(Rejected):
        GraphProof("wrong").equation("wrong", left, right_side)


def test_an_evaluation_notices_wrong_constants_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "same", lambda left, right: True)
    proof = GraphProof("wrong")
    for left, right in ((A @ A, A), (r * T, T), (sum_squares(APART), K)):
        with pytest.raises(Rejected, match="fails for r"):
            proof.equation("wrong", left, right)


def test_a_sign_is_decided_for_all_sizes_or_not_at_all() -> None:
    reading = Reading(EVERYWHERE, {})
    symbol = VERTICES_SYMBOL
    assert [reading.sign(x) for x in (symbol - 3, 3 - symbol, symbol - symbol, symbol**2 - 4 * symbol + 1)] == [
        1,
        -1,
        0,
        1,
    ]
    for value in (symbol - 4, symbol - 5, symbol**2 - 9 * symbol + 20):
        with pytest.raises(Rejected, match="sign"):
            reading.sign(value)


# ------------------------------------------------------------ theorems


def accepted() -> tuple[GraphProof, Fact]:
    proof = GraphProof("accepted")
    return proof, proof.equation("TTᵀ", T @ T.T, (r - 2) * eye(VERTICES) + ones(VERTICES, VERTICES))


def without_relations() -> Theorem:
    proof, _ = accepted()
    return Theorem("wrong", (Section("wrong", proof),), ForEveryGraph(()))


def with_a_relation_made_by_hand() -> Theorem:
    proof, fact = accepted()
    return Theorem("wrong", (Section("wrong", proof, (fact,)),), ForEveryGraph((replace(fact),)))


def with_an_unused_step() -> Theorem:
    proof, fact = accepted()
    proof.equation("unused", r, r)
    return Theorem("wrong", (Section("wrong", proof),), ForEveryGraph((fact,)))


def with_steps_about_another_setting() -> Theorem:
    other = Proof("another", CRITICAL_POINT)
    fact = other.meaning("last layer")
    return Theorem("wrong", (Section("wrong", other),), ForEveryGraph((fact,)))


def with_a_kind_of_its_own() -> Theorem:
    class Everything(ForEveryGraph):
        pass

    proof, fact = accepted()
    return Theorem("wrong", (Section("wrong", proof),), Everything((fact,)))


def with_a_proof_of_its_own() -> Theorem:
    class Anything(GraphProof):
        pass

    proof = Anything("mine")
    fact = proof.equation("right", r, r)
    return Theorem("wrong", (Section("wrong", proof),), ForEveryGraph((fact,)))


def losses() -> tuple[tuple[Section, Section], GraphLosses]:
    proof = GraphProof("condition")
    beats = condition(proof)
    section, scaled = scales()
    return (
        Section("graphs", proof, (beats,)),
        section._replace(conclusions=tuple(vars(scaled).values())),
    ), GraphLosses(beats, scaled)


def with_an_equation_for_a_condition() -> Theorem:
    (_, section), kind = losses()
    proof, fact = accepted()
    return Theorem("wrong", (Section("wrong", proof), section), replace(kind, condition=fact))


def with_a_condition_on_numbers_that_may_be_negative() -> Theorem:
    (_, section), kind = losses()
    proof = GraphProof("negative")
    fact = proof.less("negative", -r, r)
    return Theorem("wrong", (Section("wrong", proof), section), replace(kind, condition=fact))


def with_the_falling_functions_exchanged() -> Theorem:
    sections, kind = losses()
    scaled = replace(kind.scales, falls=kind.scales.loses, loses=kind.scales.falls)
    return Theorem("wrong", sections, replace(kind, scales=scaled))


def with_another_loss_at_a_root() -> Theorem:
    sections, kind = losses()
    return Theorem("wrong", sections, replace(kind, scales=replace(kind.scales, value=kind.scales.level)))


def without_the_order_of_losses() -> Theorem:
    sections, kind = losses()
    return Theorem("wrong", sections[:1], kind)


UNSUPPORTED: dict[Callable[[], Theorem], str] = {
    without_relations: "never used|a relation for every r",
    with_a_relation_made_by_hand: "not a step",
    with_an_unused_step: "never used",
    with_steps_about_another_setting: "each setting",
    with_a_kind_of_its_own: "not one of the kinds",
    with_a_proof_of_its_own: "has steps",
    with_an_equation_for_a_condition: "one constant is smaller",
    with_a_condition_on_numbers_that_may_be_negative: "sign|positive",
    with_the_falling_functions_exchanged: "falls in p",
    with_another_loss_at_a_root: "loss at a root",
    without_the_order_of_losses: "each setting",
}


@pytest.mark.parametrize("build", UNSUPPORTED, ids=lambda build: build.__name__)
def test_a_theorem_that_its_steps_do_not_support_is_rejected(build: Callable[[], Theorem]) -> None:
    with pytest.raises(Rejected, match=UNSUPPORTED[build]):
        build()


# ------------------------------------------------------------ what is entailed


def answer(*relations: Relation, r: object = 5, depth: object = 4) -> str:
    theorem = proofs.find("sukenik2024-srg-output")
    assert theorem is not None
    claim = Identity((Clause("clause", relations),))
    return theorem.entails(claim, None, {}, {"r": r, "depth": depth})["clause"]


def at_five(formula: Family) -> Relation:
    sizes = Sizes(5, 4)
    return equal(formula.at(sizes), (2 * e).at(sizes))


def test_an_instance_is_entailed_at_its_own_sizes_alone() -> None:
    relation = at_five(relu(APART @ T))
    assert answer(relation) == ""
    assert answer(relation, depth=9) == ""  # it is the same for all depths
    assert answer(relation, r=6)
    assert answer(relation, r=3)
    assert answer(less(0, Fraction(2, 5)), r=5) == ""
    assert answer(less(0, 0), r=4)
    assert answer(equal(constant(0), 0), r=4) == ""
    assert answer(equal(constant(Fraction(-2, 5)), 0), r=5)


def test_what_is_written_otherwise_is_not_entailed() -> None:
    assert answer(at_five(relu(2 * (T.T @ T) - ones(EDGES, VERTICES) @ T)))
    assert answer(equal(2 * incidence(5), incidence(5) + incidence(5)))
    assert answer(at_five(relu(APART @ T)), equal(incidence(5), 2 * incidence(5)))


@pytest.mark.parametrize("parameters", [{}, {"r": 5.0}, {"r": True}, {"r": "5"}, {"r": 5, "depth": None}])
def test_a_theorem_needs_the_sizes_of_a_claim(parameters: dict[str, object]) -> None:
    theorem = proofs.find("sukenik2024-srg-output")
    assert theorem is not None
    claim = statements()["sukenik2024-srg-output"].claim({"r": 5, "depth": 4})
    with pytest.raises(NotEntailed, match="proposed"):
        theorem.entails(claim, None, {}, parameters)


def test_a_theorem_about_graphs_speaks_of_identities_alone() -> None:
    theorem = proofs.find("sukenik2024-srg-output")
    assert theorem is not None
    other = statements()["dang2023-scalar"]
    with pytest.raises(NotEntailed, match="relations"):
        theorem.entails(other.claim(other.witness), None, {}, {"r": 5, "depth": 4})


@pytest.mark.parametrize("ratio", [None, Fraction(0), Fraction(2), 0.5])
def test_an_order_of_losses_needs_a_load_up_to_the_threshold(ratio: object) -> None:
    theorem, statement = proofs.find("sukenik2024-srg-beats-dnc"), statements()["sukenik2024-srg-beats-dnc"]
    assert theorem is not None
    claim = statement.claim(statement.witness)
    assert not any(theorem.entails(claim, None, {}, statement.witness).values())
    with pytest.raises(NotEntailed, match="threshold"):
        theorem.entails(claim, None, {}, {**statement.witness, "ratio": ratio})
    assert all(theorem.entails(claim, None, {}, {**statement.witness, "depth": 3}).values())


GRAPH_STATEMENTS = [
    id for id in statements() if (found := proofs.find(id)) and type(found.kind) in (ForEveryGraph, GraphLosses)
]


@pytest.mark.parametrize("id", GRAPH_STATEMENTS)
def test_no_false_clause_of_a_wrong_version_is_entailed(id: str) -> None:
    """Clause by clause: what a wrong version changes is not entailed, what it leaves as it is, is."""
    statement, theorem = statements()[id], proofs.find(id)
    assert theorem is not None
    for parameters in statement.instances(4):
        right = {c.name: c for c in statement.claim(parameters).clauses}
        for wrong in statement.wrong:
            claim = statement.claim(parameters, wrong)
            answers = theorem.entails(claim, None, {}, parameters)
            assert {c.name for c in claim.clauses if not answers[c.name]} == {
                c.name for c in claim.clauses if c == right[c.name]
            }
