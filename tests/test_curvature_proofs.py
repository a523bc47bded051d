"""Curvature at collapse: what the theorem entails at a point, false claims, wrong proofs, and its operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from instances import drawn

from proofs.collapsed import Point, proposed
from proofs.curvature_kinds import ACROSS, OUTLIER, A, B, hessian, of_means, pair, within
from proofs.entailment import NotEntailed
from proofs.kernel.facts import POSITIVE, Combination, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import identity as unit
from proofs.lemmas import collapse as lemma
from proofs.lemmas.collapse_setting import ANY_POINT, COLLAPSE, E, J, X, back, front, gamma, middle, n
from proofs.lemmas.parts import parts_theorem
from proofs.lemmas.setting import ALL, DEPTHS, K, Lam, N, Q, R, T, W, Y, beta, lam, m
from proofs.theorem import Theorem
from theory.arithmetic.interpreters import Rationals
from theory.claims import Convergence, Identity, Relation, Spectrum, at_most, clause, equal
from theory.collapse import Collapse, reflection
from theory.curvature import flattened, split, squared
from theory.draws import integer_factors
from theory.ops import Expression, constant, identity, kron, one_hot, ones, sqrt, sum_squares, zeros

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have: no evaluation notices what is multiplied by it."""

GIVEN: dict[str, Any] = {
    "K": 3, "n": 2, "L": 3, "spare": 1, "gamma": Fraction(9, 10), "unequal": True, "turn": True, "layer": 2
}  # fmt: skip
TINY = Fraction(1, 10**9)
ODDS = Fraction(9)


def theorem() -> Theorem:
    return lemma.curvature_theorem("curvature")


def point(**changes: Any) -> Collapse:
    return Collapse(**{name: x for name, x in (GIVEN | changes).items() if name != "layer"})


AT, LAYER = point(), 2
H, DECAY, SIZE = AT.curvature.layer(LAYER), AT.decay_of(LAYER), AT.size(LAYER)
PARTS = split(AT.curvature, LAYER, AT.K, AT.n)


def spectrum(matrix: Expression, *pairs: tuple[Any, int], **changes: Any) -> dict[str, str]:
    """What the theorem answers, for eigenvalues with 0 as often as it takes."""
    rest = matrix.shape[0] - sum(times for _, times in pairs)
    claim = Spectrum(matrix, [*pairs, (0, rest)] if rest else pairs)
    return theorem().entails(claim, None, {}, GIVEN | changes)


def holds(*relations: Relation, **changes: Any) -> bool:
    claim = Identity((clause("clause", *relations),))
    return not theorem().entails(claim, None, {}, GIVEN | changes)["clause"]


# ------------------------------------------------------------ eigenvalues


def test_the_hessian_and_its_multiples_with_a_decay_are_entailed() -> None:
    both = {"eigenvalues": "", "multiplicities": ""}
    assert spectrum(H, (ODDS * DECAY, 9)) == both
    assert spectrum(H / DECAY, (ODDS, 4), (ODDS, 5)) == both
    assert spectrum(H - 2 * identity(SIZE) + 2 * identity(SIZE), (ODDS * DECAY, 9)) == both
    regularised = Spectrum(3 * H + DECAY * identity(SIZE), [((3 * ODDS + 1) * DECAY, 9), (DECAY, SIZE - 9)])
    assert theorem().entails(regularised, None, {}, GIVEN) == both


@pytest.mark.parametrize("times", [8, 10, 1, 15])
def test_other_multiplicities_are_not_entailed(times: int) -> None:
    assert [name for name, why in spectrum(H / DECAY, (ODDS, times)).items() if why] == ["multiplicities"]


VALUES: dict[str, list[tuple[Any, int]]] = {
    "without γ/(1−γ)": [(1, 9)],
    "inverted": [(1 / ODDS, 9)],
    "1/(1−γ)": [(10, 9)],
    "a little more": [(ODDS + TINY, 9)],
    "two values": [(ODDS, 6), (ODDS + TINY, 3)],
    "no zero": [(ODDS, 16)],
    "the decay of the neighbour": [(ODDS * AT.decay_of(1) / DECAY, 9)],
}


@pytest.mark.parametrize("name", VALUES)
def test_other_eigenvalues_are_not_entailed(name: str) -> None:
    assert all(spectrum(H / DECAY, *VALUES[name]).values())


MATRICES: dict[str, Callable[[], Expression]] = {
    "another layer": lambda: AT.curvature.layer(1) / DECAY,
    "factors of ⊗ swapped": lambda: kron(H.args[1], H.args[0]) / DECAY,
    "another number of samples": lambda: point(n=3).curvature.layer(LAYER) / DECAY,
    "another gain": lambda: point(gamma=Fraction(15, 16)).curvature.layer(LAYER) / DECAY,
    "equal decays": lambda: point(unequal=False).curvature.layer(LAYER) / DECAY,
    "frames not turned": lambda: point(turn=False).curvature.layer(LAYER) / DECAY,
    "more": lambda: H / DECAY + TINY * ones(SIZE, SIZE),
    "a part more": lambda: H / DECAY + TINY * PARTS["class"],
    "the square": lambda: H @ H / DECAY**2,
    "a matrix with these eigenvalues": lambda: kron(identity(4), identity(4)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_claim_about_another_matrix_is_not_entailed(name: str) -> None:
    with pytest.raises(NotEntailed, match="none of the theorem's"):
        spectrum(MATRICES[name](), (ODDS, 9))


def test_a_decay_must_be_in_the_eigenvalues() -> None:
    assert all(spectrum(H / DECAY + identity(SIZE), (ODDS, 9)).values())
    assert all(spectrum(H / DECAY, (ODDS + 1, 9)).values())


def test_parts_have_their_own_ranks() -> None:
    ranks = {"within": 0, "cross": 6, "class": 3}
    for name, rank in ranks.items():
        for other in sorted({*ranks.values(), 9}):
            answers = spectrum(PARTS[name] / DECAY, *([(ODDS, other)] if other else []))
            assert (not any(answers.values())) == (other == rank), (name, other)


def test_weights_and_moments() -> None:
    W, means, size = AT.factors[LAYER], AT.means(LAYER), AT.d
    value, length = Fraction(3, 100) / DECAY, sum_squares(means) / 3
    assert not any(spectrum(W.T @ W, (value, 3)).values())
    assert any(spectrum(W.T @ W, (value, 2)).values())
    assert all(spectrum(W.T @ W, (value * 3, 3)).values())
    with pytest.raises(NotEntailed):
        spectrum(W @ W.T, (value, 3))
    centred = means @ (identity(3) - ones(3, 3) / 3)
    assert not any(spectrum(centred @ centred.T / 3, (length / 3, 2)).values())
    assert any(spectrum(centred @ centred.T / 3, (length / 3, 3)).values())
    assert any(spectrum(means @ means.T / 3, (length / 3, 2)).values())
    assert size == 4


# ------------------------------------------------------------ relations


VECTORS = kron(AT.means(3), AT.means(2))
GRADIENT = flattened([AT.curvature.slope(LAYER)])

TRUE = {
    "eigenvectors": equal(H @ VECTORS, ODDS * DECAY * VECTORS),
    "stationary": equal(GRADIENT, -DECAY * flattened([AT.factors[2]])),
    "balance": equal(DECAY * AT.factors[2].T @ AT.factors[2], AT.decay_of(1) * AT.factors[1] @ AT.factors[1].T),
    "orthogonal": equal(PARTS["cross"] @ PARTS["class"], zeros(SIZE, SIZE)),
    "numbers": equal(sqrt(8), 2 * sqrt(2)),
    "coefficient": equal((VECTORS.T @ GRADIENT)[1, 0], 0),
}

FALSE = {
    "eigenvectors of another value": equal(H @ VECTORS, (ODDS + TINY) * DECAY * VECTORS),
    "another decay": equal(H @ VECTORS, ODDS * AT.decay_of(1) * VECTORS),
    "not an equation": at_most(H @ VECTORS, ODDS * DECAY * VECTORS),
    "slots swapped": equal(H @ kron(AT.means(2), AT.means(3)), ODDS * DECAY * kron(AT.means(2), AT.means(3))),
    "the other sign": equal(GRADIENT, DECAY * flattened([AT.factors[2]])),
    "another layer's gradient": equal(GRADIENT, -DECAY * flattened([AT.factors[1]])),
    "balance without decays": equal(AT.factors[2].T @ AT.factors[2], AT.factors[1] @ AT.factors[1].T),
    "class on class": equal(PARTS["class"] @ PARTS["class"], zeros(SIZE, SIZE)),
    "numbers": equal(sqrt(8), 2 * sqrt(2) + TINY),
    "a coefficient": equal((VECTORS.T @ GRADIENT)[0, 0], 0),
    "a number of another matrix": equal(sum_squares(H), sum_squares(H)),
    "nothing the theorem says": equal(H, H),
}


@pytest.mark.parametrize("name", TRUE)
def test_a_relation_of_the_theorem_is_entailed(name: str) -> None:
    assert holds(TRUE[name])


@pytest.mark.parametrize("name", FALSE)
def test_another_relation_is_not_entailed(name: str) -> None:
    assert not holds(FALSE[name])
    assert not holds(TRUE["stationary"], FALSE[name])


def test_vectors_of_e_are_for_the_last_layer_alone() -> None:
    hessian_at_top, vectors = AT.curvature.layer(3), kron(identity(3), AT.means(3))
    relation = equal(hessian_at_top @ vectors, ODDS * AT.decay_of(3) * vectors)
    assert holds(relation, layer=3)
    assert not holds(relation, layer=2)


# ------------------------------------------------------------ points


@pytest.mark.parametrize(
    "changes",
    [{"K": 1}, {"K": 3.0}, {"K": True}, {"n": 0}, {"layer": 0}, {"layer": 4}, {"layer": None}, {"L": -1},
     {"gamma": 0.9}, {"gamma": Fraction(1)}, {"gamma": Fraction(-1)}, {"turn": 1}, {"unequal": None}, {"spare": -1}],
    ids=str,
)  # fmt: skip
def test_a_point_must_be_proposed(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        holds(TRUE["numbers"], **changes)


def test_the_point_must_be_critical() -> None:
    found, _ = proposed(GIVEN)
    decays = found.decays
    doubled, negative = (decays[0], 2 * decays[1], *decays[2:]), (decays[0], -1 * decays[1], *decays[2:])
    H0, W1, *others = found.factors
    turned = (H0, W1 @ reflection(4, 3), *others)
    scaled = (2 * H0, W1 / 2, *others)
    wrong: list[dict[str, Any]] = [
        {"decays": doubled}, {"decays": negative}, {"gamma": Fraction(8, 9)}, {"gamma": Fraction(1)},
        {"factors": turned}, {"factors": scaled}, {"factors": (H0 + TINY * ones(4, 6), W1, *others)},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(NotEntailed):
            replace(found, **change)
    assert Point(found.factors, decays, found.gamma, 3, 2) == found


def test_the_theorem_is_about_spectra_and_relations() -> None:
    with pytest.raises(NotEntailed, match="about spectra"):
        theorem().entails(Convergence((1, 1, 1), 1, (1, 2, 3)), None, {}, GIVEN)


def test_what_is_no_number_equals_nothing() -> None:
    for nothing in (1 / constant(0), sqrt(constant(-1)), 1 / (sqrt(2) ** 2 - 2)):
        claim = Identity((clause("x", equal(nothing, nothing)),))
        assert theorem().entails(claim, None, {}, GIVEN)["x"]
    assert not theorem().entails(Identity((clause("x", equal(sqrt(8), 2 * sqrt(2))),)), None, {}, GIVEN)["x"]


# ------------------------------------------------------------ at any point


ANY = squared(integer_factors(3, 2, (4, 4), 5), (2, 2, 2))
SUM = split(ANY, 1, 3, 2)

SUMS = {
    "the parts": (equal(ANY.layer(1), SUM["class"] + SUM["cross"] + SUM["within"]), True),
    "one part": (equal(ANY.layer(1), SUM["class"] + SUM["cross"]), False),
    "one part twice": (equal(ANY.layer(1), SUM["class"] + SUM["cross"] + SUM["cross"]), False),
    "a little more": (equal(ANY.layer(1), SUM["class"] + (1 + TINY) * SUM["cross"] + SUM["within"]), False),
    "at most": (at_most(ANY.layer(1), SUM["class"] + SUM["cross"] + SUM["within"]), False),
    "another layer": (equal(squared(integer_factors(3, 2, (4, 4), 6), (2, 2, 2)).layer(1),
                            SUM["class"] + SUM["cross"] + SUM["within"]), False),
    "itself": (equal(ANY.layer(1), ANY.layer(1)), False),
    "no Hessian": (equal(SUM["class"], SUM["class"]), False),
}  # fmt: skip


@pytest.mark.parametrize("name", SUMS)
def test_the_hessian_is_the_sum_of_its_parts_at_any_point(name: str) -> None:
    relation, true = SUMS[name]
    answers = parts_theorem("parts").entails(Identity((clause("sum", relation),)), None, {}, {"K": 3, "n": 2})
    assert (not answers["sum"]) == true


@pytest.mark.parametrize(
    "id", ["garrod2024-layer-hessian-kron", "garrod2024-second-variation", "garrod2024-gn-split", "garrod2024-ce-split"]
)
def test_statements_about_every_point_draw_points_in_general_position(id: str) -> None:
    """Layers of one matrix, or of one that commute, would hide the order of factors; equal points would be few."""
    points = [integer_factors(*(p[name] for name in ("K", "n", "widths", "seed"))) for p in drawn(id)[:40]]
    assert len({tuple(point) for point in points}) > 30
    hidden = [point[1:-1] for point in points if len(point) > 3]
    assert len([Ws for Ws in hidden if {V.shape for V in Ws} == {(2, 2)} or {V.shape for V in Ws} == {(3, 3)}]) >= 2
    assert len([Ws for Ws in hidden if len({V.shape for V in Ws}) > 1]) >= 5
    assert all(len(set(Ws)) == len(Ws) for Ws in hidden if min(V.shape[0] * V.shape[1] for V in Ws) >= 4)


@pytest.mark.parametrize("sizes", [{"K": 2, "n": 3}, {"K": 6, "n": 1}, {"K": 3, "n": 1}], ids=str)
def test_the_classes_must_be_those_of_the_claim(sizes: dict[str, Any]) -> None:
    claim = Identity((clause("sum", SUMS["the parts"][0]),))
    assert parts_theorem("parts").entails(claim, None, {}, sizes)["sum"]


def test_sizes_of_classes_must_be_proposed() -> None:
    claim = Identity((clause("sum", SUMS["the parts"][0]),))
    for sizes in ({}, {"K": 3}, {"K": 3, "n": 0}, {"K": 3.0, "n": 2}):
        with pytest.raises(NotEntailed):
            parts_theorem("parts").entails(claim, None, {}, sizes)


def test_another_sum_of_parts_is_no_theorem() -> None:
    proof = Proof("wrong", ANY_POINT)
    at = (middle, front, back)
    with pytest.raises(Rejected, match="not the combination"):
        proof.algebra("sum", hessian(*at) - of_means(ACROSS, *at) - of_means(J, *at))


@pytest.mark.parametrize("field", ["whole", "within", "across", "of_means", "sum"])
def test_the_sum_needs_each_part(field: str) -> None:
    right = parts_theorem("parts")
    (section,), kind = right.sections, right.kind
    other = "sum" if field != "sum" else "whole"
    wrong = replace(kind, **{field: getattr(kind, other)})
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(kind, field),)),), wrong)


# ------------------------------------------------------------ the operators are the matrices


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_hessian_and_parts_are_the_operators_of_the_kind(layer: int) -> None:
    """At points of integers: vec of X ↦ AᵀA X B Bᵀ/N and its parts, as the kind writes them, are matrix times vec X."""
    classes, each = 3, 2
    factors, labels = integer_factors(classes, each, (4, 3, 4), 5), one_hot((each,) * classes)
    at, V = squared(factors, (each,) * classes), integer_factors(classes, each, (4, 3, 4), 9)[layer]
    above, below, mean = at.above(layer), at.below(layer), ones(classes, classes) / classes
    inner, total = below @ labels.T @ labels @ below.T / each, classes * each
    parts = split(at, layer, classes, each)
    expected = {
        "within": above.T @ above @ V @ (below @ below.T - inner) / total,
        "cross": above.T @ (identity(classes) - mean) @ above @ V @ inner / total,
        "class": above.T @ mean @ above @ V @ inner / total,
        "": above.T @ above @ V @ below @ below.T / total,
    }
    for name, applied in expected.items():
        matrix = parts[name] if name else at.layer(layer)
        left, right = (Rationals().evaluate(x) for x in (matrix @ flattened([V]), flattened([applied])))
        assert [list(row) for row in left] == [list(row) for row in right], name


# ------------------------------------------------------------ wrong proofs


def fresh() -> tuple[Proof, lemma.Ends, lemma.Energies, lemma.Inputs, Fact]:
    proof = Proof("wrong", COLLAPSE)
    ends = lemma.ends_of(proof)
    energies = lemma.energies_of(proof, ends)
    inputs = lemma.inputs_of(proof, ends, energies.rows)
    return proof, ends, energies, inputs, lemma.collapsed_of(proof, ends, inputs.below)


FRESH = fresh()


def step(proof: Proof, name: str) -> Fact:
    return next(found.fact for found in proof.steps if found.fact.name == name)


def through(rows: Fact, features: Fact) -> Combination:
    """The steps by which the outliers follow."""
    scale = 1 / (Lam(m + 1) * N)
    left = scale * A.T @ rows @ E @ Y @ B.T @ B @ B.T
    return left + scale / (1 - gamma) * A.T @ E @ features @ B.T


def more_outliers(proof: Proof) -> None:
    _, ends, energies, inputs, _ = FRESH
    goal = hessian(pair(E)) - (1 + UNSEEN) * OUTLIER * pair(E)
    proof.algebra("more", goal, through(energies.rows, inputs.features), known=[ends.inside])


def outliers_without_the_rows(proof: Proof) -> None:
    _, ends, _, inputs, _ = FRESH
    goal, given = hessian(pair(E)) - OUTLIER * pair(E), 1 / (N * (1 - gamma)) * A.T @ E @ inputs.features @ B.T
    proof.algebra("outliers", goal, given, known=[ends.inside])


def a_gain_of_one(proof: Proof) -> None:
    _, _, energies, inputs, _ = FRESH
    proof.algebra("outliers", hessian(pair(E)) - OUTLIER * pair(E), through(energies.rows, inputs.features))


def a_neighbours_decay(proof: Proof) -> None:
    _, ends, *others = FRESH
    rows, features = (
        proof.at(f"{fact.name} of weights", fact, m, layers=(sp.Integer(1), M))
        for fact in (others[0].rows, others[1].features)
    )
    wrong = lam(m - 1) * gamma / (1 - gamma)
    proof.algebra("outliers", hessian(pair(E)) - wrong * pair(E), through(rows, features), known=[ends.inside])


def every_matrix_is_an_outlier(proof: Proof) -> None:
    goal = hessian(X(m)) - OUTLIER * X(m)
    proof.algebra("all", goal, 1 / (n * N) * (A.T @ A @ X(m) @ B @ FRESH[4].T), known=[FRESH[1].inside])


def features_collapse_without_labels(proof: Proof) -> None:
    below = FRESH[3].below
    beta_here = beta ** (M - m + 1)
    proof.algebra("collapse", n * B - B @ Y.T @ Y, 1 / beta_here * (n * below - below @ Y.T @ Y),
                  known=[FRESH[1].positive])  # fmt: skip


def all_samples_collapse(proof: Proof) -> None:
    proof.algebra("features", within(X(m)), 1 / (n * N) * (A.T @ A @ X(m) @ B @ FRESH[4].T))
    proof.algebra("all layers", R(m) - UNSEEN * R(m), 1 * proof.steps[-1].fact)


def J_is_the_identity(proof: Proof) -> None:
    proof.algebra("J", J - unit(K), 1 * proof.meaning("mean over classes"))


def cross_is_class(proof: Proof) -> None:
    proof.algebra("parts", of_means(J, X(m)) - of_means(ACROSS, X(m)), 0 * (A.T @ FRESH[2].rows @ A @ X(m)))


def a_gradient_of_another_product(proof: Proof) -> None:
    proof.gradient("gradient", A @ W(m), W(m), layers=ALL)


def the_target_is_something_else(proof: Proof) -> None:
    proof.algebra("target", T - gamma * Y, 1 * step(proof, "target"))


def beta_twice(proof: Proof) -> None:
    proof.definition("β", beta, n * gamma * (1 - gamma) / N, given=[FRESH[1].inside])


def a_negative_energy(proof: Proof) -> None:
    lemma_proof = Proof("other", COLLAPSE)
    lemma_proof.definition("β", beta, n * gamma * (1 - gamma) / N)


def more_energy_at_the_top(proof: Proof) -> None:
    last = step(proof, "energy of the last layer")
    proof.algebra("more", lam(M) * (W(M) @ W(M).T) - (1 + UNSEEN) * beta * unit(K), 1 * last)


def a_power_of_rows_too_few(proof: Proof) -> None:
    proof.algebra("rows", Lam(m + 1) * (A @ A.T) - beta ** (M - m + 1) * unit(K), 1 * FRESH[2].rows)


def energies_upwards(proof: Proof) -> None:
    weights = FRESH[2].weights
    proof.at("up", weights, m + 1, layers=ALL)


def products_beyond_the_last(proof: Proof) -> None:
    proof.algebra("beyond", Q(m + 2) @ Q(m + 2).T - Q(m + 2) @ Q(m + 2).T, 1 * FRESH[2].rows)


WRONG: dict[Callable[[Proof], None], str] = {
    more_outliers: "not the combination",
    outliers_without_the_rows: "not the combination",
    a_gain_of_one: "not shown to be positive",
    a_neighbours_decay: "not the combination",
    every_matrix_is_an_outlier: "not the combination",
    features_collapse_without_labels: "not the combination",
    all_samples_collapse: "cannot|not the combination",
    J_is_the_identity: "not the combination",
    cross_is_class: "not the combination",
    a_gradient_of_another_product: "whole product",
    the_target_is_something_else: "not the combination|cannot",
    beta_twice: "not new",
    a_negative_energy: "not shown to have the sign",
    more_energy_at_the_top: "not the combination",
    a_power_of_rows_too_few: "not the combination",
    energies_upwards: "outside the range",
    products_beyond_the_last: "does not exist",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[Proof], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(FRESH[0])


# ------------------------------------------------------------ theorems that their steps do not support


STEPS = [("structure", name) for name in vars(lemma.collapse_section()[1].structure)] + [
    ("operators", name) for name in vars(lemma.collapse_section()[1].operators)
]


@pytest.mark.parametrize(("part", "field"), STEPS)
def test_the_theorem_needs_each_step(part: str, field: str) -> None:
    section, kind = lemma.collapse_section()
    own = getattr(kind, part)
    facts = list(vars(own).values())
    other = facts[(list(vars(own)).index(field) + 1) % len(facts)]
    wrong = replace(kind, **{part: replace(own, **{field: other})})
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(own, field),)),), wrong)


def test_steps_that_hold_in_a_case_or_for_some_layers_do_not_do() -> None:
    section, kind = lemma.collapse_section.__wrapped__()  # of its own, as it gets more steps
    proof = section.proof
    assert isinstance(proof, Proof)
    weights = proof.at("outliers of weights", kind.operators.outliers, m, layers=(sp.Integer(2), M))
    some = replace(kind, operators=replace(kind.operators, outliers=weights))
    with pytest.raises(Rejected, match="needs a step"):
        some.check({COLLAPSE: proof})
    small = proof.case("γ > 1/2", gamma - sp.Rational(1, 2), POSITIVE)
    confined = proof.algebra("confined", J @ J - J, 1 * kind.operators.projection, known=[small])
    with pytest.raises(Rejected, match="needs a step"):
        replace(kind, operators=replace(kind.operators, projection=confined)).check({COLLAPSE: proof})


def test_parts_of_the_kind_are_its_own() -> None:
    (_, proof, _), kind = lemma.collapse_section()
    with pytest.raises(Rejected, match="structure and operators"):
        replace(kind, structure=kind.operators).check({COLLAPSE: proof})  # type: ignore[arg-type, dict-item]
