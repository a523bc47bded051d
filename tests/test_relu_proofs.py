"""Collapse with ReLUs: what the theorem entails at a point, false claims, wrong proofs, and its operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp

from proofs import collapsed
from proofs.collapsed import Point
from proofs.collapsed_relu import ReLUPoint, proposed
from proofs.curvature_kinds import OUTLIER, A, pair
from proofs.entailment import NotEntailed
from proofs.formulas import vanishes
from proofs.kernel.facts import POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Trace, squares
from proofs.kernel.words import identity as unit
from proofs.lemmas import relu_collapse as lemma
from proofs.lemmas.collapse import ABOVE
from proofs.lemmas.collapse_setting import COLLAPSE, E, X, gamma
from proofs.lemmas.relu_collapse_setting import HIDDEN, RELU_COLLAPSE, G, P, apart, power, slope
from proofs.lemmas.setting import DEPTHS, WEIGHTS, K, Lam, N, Q, R, T, W, Y, m, regulariser, value
from proofs.lemmas.softmax_collapse_setting import u
from proofs.relu_kinds import LOSS, CollapseWithReLUs, column, of_class
from proofs.theorem import Theorem
from theory.claims import Convergence, Identity, Relation, Spectrum, at_most, clause, equal
from theory.collapse import Collapse
from theory.curvature import flattened
from theory.ops import Expression, constant, identity, matrix, one_hot, ones, relu, sum_squares
from theory.papers.garrod2024.relu import relu_curvature

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have: no evaluation notices what is multiplied by it."""

HALF, TINY, ODDS = Fraction(1, 2), Fraction(1, 10**9), Fraction(9)
GIVEN: dict[str, Any] = {
    "K": 3, "n": 2, "L": 3, "spare": 1, "gamma": Fraction(9, 10), "unequal": True, "turn": False,
    "layer": 1, "slope": HALF,
}  # fmt: skip
AT = Collapse(**{name: x for name, x in GIVEN.items() if name not in ("layer", "slope")})
DECAY, SIZE = AT.decay_of(1), AT.size(1)
GAUSS_NEWTON = relu_curvature(AT, HALF)(1)


def theorem() -> Theorem:
    return lemma.relu_theorem("relu")


def spectrum(matrix: Expression, *pairs: tuple[Any, int], **changes: Any) -> dict[str, str]:
    """What the theorem answers, for eigenvalues with 0 as often as it takes."""
    rest = matrix.shape[0] - sum(times for _, times in pairs)
    return theorem().entails(Spectrum(matrix, [*pairs, (0, rest)] if rest else pairs), None, {}, GIVEN | changes)


def holds(*relations: Relation, **changes: Any) -> bool:
    given = {name: x for name, x in (GIVEN | changes).items() if name not in ("layer", "slope")}
    return not theorem().entails(Identity((clause("clause", *relations),)), None, {}, given)["clause"]


# ------------------------------------------------------------ eigenvalues


BOTH = {"eigenvalues": "", "multiplicities": ""}


@pytest.mark.parametrize(
    ("layer", "at_zero", "others"),
    [(1, HALF, ODDS / 16), (2, HALF, ODDS / 4), (3, HALF, ODDS), (1, Fraction(-1, 2), ODDS / 16), (2, Fraction(2), 36)],
    ids=str,
)
def test_the_eigenvalues_of_a_layer_are_entailed(layer: int, at_zero: Fraction, others: Fraction) -> None:
    rows = relu_curvature(AT, at_zero)(layer) / AT.decay_of(layer)
    assert spectrum(rows, (ODDS, 3), (others, 6), layer=layer, slope=at_zero) == BOTH


def test_with_the_derivative_0_there_are_k_outliers_below_the_last_layer() -> None:
    rows = relu_curvature(AT, Fraction(0))
    assert spectrum(rows(2) / AT.decay_of(2), (ODDS, 3), layer=2, slope=Fraction(0)) == BOTH
    assert spectrum(rows(3) / AT.decay_of(3), (ODDS, 9), layer=3, slope=Fraction(0)) == BOTH


def test_with_the_derivative_1_there_are_k_squared_whether_it_is_said_or_not() -> None:
    rows = relu_curvature(AT, Fraction(1))(1) / DECAY
    assert spectrum(rows, (ODDS, 9), slope=Fraction(1)) == BOTH
    unsaid = {name: x for name, x in GIVEN.items() if name != "slope"}
    assert theorem().entails(Spectrum(rows, [(ODDS, 9), (0, SIZE - 9)]), None, {}, unsaid) == BOTH


VALUES: dict[str, list[tuple[Any, int]]] = {
    "s^{L−l}": [(ODDS, 3), (ODDS / 4, 6)],
    "s^{2(L−l+1)}": [(ODDS, 3), (ODDS / 64, 6)],
    "a little more": [(ODDS, 3), (ODDS / 16 + TINY, 6)],
    "all alike": [(ODDS, 9)],
    "the own class alone": [(ODDS, 3)],
    "K of the others": [(ODDS, 3), (ODDS / 16, 3)],
    "K²": [(ODDS, 3), (ODDS / 16, 9)],
    "exchanged": [(ODDS, 6), (ODDS / 16, 3)],
    "the neighbour's decay": [(ODDS * AT.decay_of(2) / DECAY, 3), (ODDS * AT.decay_of(2) / DECAY / 16, 6)],
}


@pytest.mark.parametrize("name", VALUES)
def test_other_eigenvalues_are_not_entailed(name: str) -> None:
    assert any(spectrum(GAUSS_NEWTON / DECAY, *VALUES[name]).values())


MATRICES: dict[str, Callable[[], Expression]] = {
    "another derivative": lambda: relu_curvature(AT, HALF + TINY)(1),
    "the derivative 1": lambda: relu_curvature(AT, Fraction(1))(1),
    "another layer": lambda: relu_curvature(AT, HALF)(2),
    "the linear model": lambda: AT.curvature.layer(1),
    "another gain": lambda: relu_curvature(replace(AT, gamma=Fraction(15, 16)), HALF)(1),
    "equal decays": lambda: relu_curvature(replace(AT, unequal=0), HALF)(1),
    "frames turned": lambda: relu_curvature(replace(AT, turn=True), HALF)(1),
    "more": lambda: GAUSS_NEWTON + TINY * ones(SIZE, SIZE),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_claim_about_another_matrix_is_not_entailed(name: str) -> None:
    with pytest.raises(NotEntailed, match="none of the theorem's"):
        spectrum(MATRICES[name]() / DECAY, (ODDS, 3), (ODDS / 16, 6))


# ------------------------------------------------------------ relations


def inputs() -> list[Expression]:
    """The inputs of the ReLUs of both hidden layers, and the outputs."""
    H, W1, W2, W3 = AT.factors
    first = W1 @ H
    second = W2 @ relu(first)
    return [first, second, W3 @ relu(second)]


Z1, Z2, OUTPUTS = inputs()
RESIDUAL = OUTPUTS - one_hot(AT.sizes)
ABOVE_1, ABOVE_2 = AT.curvature.above(1), AT.curvature.above(2)
ERROR, FIT = AT.gamma * (AT.gamma - 1), sum_squares(RESIDUAL) / 12


def squared_length(layer: int) -> Expression:
    return sum_squares(AT.means(layer)) / 3


def penalties(first: int = 0) -> Expression:
    terms = [AT.decay_of(i) / 2 * sum_squares(V) for i, V in enumerate(AT.factors)][first:]
    return sum(terms[1:], terms[0])


TRUE = {
    "no ReLU acts": (equal(relu(Z1), Z1), equal(relu(Z2), Z2)),
    "errors at kinks": (
        equal(ABOVE_1.T @ RESIDUAL, ERROR / squared_length(2) * Z1),
        equal(ABOVE_2.T @ RESIDUAL, ERROR / squared_length(3) * Z2),
    ),
    "loss": (equal(FIT + penalties(), Fraction(1, 200) + 2 * Fraction(9, 100)),),
    "fit": (equal(FIT, Fraction(1, 200)),),
    "features": (equal(AT.decay_of(0) * sum_squares(AT.factors[0]), Fraction(9, 100)),),
}

FALSE = {
    "another ReLU": equal(relu(Z1), Z2),
    "a ReLU that kills": equal(relu(Z1), 0 * Z1),
    "a ReLU of the outputs": equal(relu(OUTPUTS), OUTPUTS),
    "at most": at_most(relu(Z1), Z1),
    "errors of the other sign": equal(ABOVE_1.T @ RESIDUAL, -ERROR / squared_length(2) * Z1),
    "means that enter the layer": equal(ABOVE_1.T @ RESIDUAL, ERROR / squared_length(1) * Z1),
    "all means together": equal(ABOVE_1.T @ RESIDUAL, ERROR / sum_squares(AT.means(2)) * Z1),
    "γ² for γ": equal(ABOVE_1.T @ RESIDUAL, AT.gamma * ERROR / squared_length(2) * Z1),
    "errors of another layer": equal(ABOVE_2.T @ RESIDUAL, ERROR / squared_length(2) * Z1),
    "no errors": equal(ABOVE_1.T @ RESIDUAL, 0 * Z1),
    "loss": equal(FIT + penalties(), Fraction(1, 200) + 2 * Fraction(9, 100) + TINY),
    "loss of L factors": equal(FIT + penalties(1), Fraction(1, 200) + 2 * Fraction(9, 100)),
    "L for L + 1": equal(FIT + penalties(), Fraction(1, 200) + 3 * Fraction(9, 200)),
    "a decay too many": equal(sum_squares(AT.factors[0]), Fraction(9, 100)),
}


@pytest.mark.parametrize("name", TRUE)
def test_a_relation_of_the_theorem_is_entailed(name: str) -> None:
    assert holds(*TRUE[name])


@pytest.mark.parametrize("name", FALSE)
def test_another_relation_is_not_entailed(name: str) -> None:
    assert not holds(FALSE[name])
    assert not holds(TRUE["fit"][0], FALSE[name])


# ------------------------------------------------------------ points


def test_class_means_must_not_be_negative() -> None:
    with pytest.raises(NotEntailed, match="not ≥ 0"):
        spectrum(GAUSS_NEWTON, (ODDS, 3), turn=True)
    shared: Any = SimpleNamespace(L=2, means=lambda layer: ones(3, 2))
    with pytest.raises(NotEntailed, match="share a coordinate"):
        ReLUPoint(shared, HALF)


@pytest.mark.parametrize(
    "changes", [{"slope": 0}, {"slope": 0.5}, {"slope": None}, {"slope": True}, {"layer": 4}, {"K": 1}], ids=str
)
def test_a_point_must_be_proposed(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        spectrum(GAUSS_NEWTON, (ODDS, 3), **changes)


def test_the_theorem_is_about_spectra_and_relations() -> None:
    with pytest.raises(NotEntailed, match="about spectra"):
        theorem().entails(Convergence((1, 1, 1), 1, (1, 2, 3)), None, {}, GIVEN)


def spread() -> ReLUPoint:
    """The point with the last class along two coordinates in each hidden layer, which are 3 : 4."""
    found, _ = collapsed.proposed(GIVEN)
    turn = matrix([[5, 0, 0, 0], [0, 5, 0, 0], [0, 0, 3, 4], [0, 0, 4, -3]]) / 5
    H, W1, W2, W3 = found.factors
    factors = (turn @ H, turn @ W1 @ turn.T, turn @ W2 @ turn.T, W3 @ turn.T)
    return ReLUPoint(Point(factors, found.decays, found.gamma, 3, 2), HALF)


def test_classes_may_have_more_than_one_coordinate() -> None:
    """Eigenvalues three times 9 λ and six times 9 λ/16, by the trace and the sum of squares."""
    at = spread()
    assert [sum(row[2] for row in at.positive[layer]) for layer in (2, 3)] == [2, 2]
    rows, decay = at.gauss_newton(1), at.at.decays[1]
    (known,) = at.spectra(1)
    assert [times for _, times in known.eigenvalues] == [3, 6]
    trace = sum((rows[i, i] for i in range(SIZE)), constant(0))
    for found, power_of in ((trace, 1), (sum_squares(rows), 2)):
        expected = 3 * (ODDS * decay) ** power_of + 6 * (ODDS / 16 * decay) ** power_of
        assert vanishes(found - expected)
        assert not vanishes(found - 3 * (ODDS * decay) ** power_of - 6 * (ODDS / 4 * decay) ** power_of)


# ------------------------------------------------------------ the operators are the matrices


@pytest.mark.parametrize("layer", [1, 2])
def test_the_gauss_newton_matrix_is_the_operator_of_the_kind(layer: int) -> None:
    """Σ_c G_cᵀ G_c X B Yᵀ e_c e_cᵀ Y Bᵀ/(nN) is the matrix times vec X, at a matrix X of integers."""
    at, _ = proposed(GIVEN | {"K": 2, "spare": 0, "layer": layer})
    below, labels = at.at.curvature.below(layer), one_hot(at.at.sizes)
    V = matrix([[1, -2], [3, 5]])
    total = 0 * V
    for c in range(2):
        product, own = identity(2), identity(2)[range(2), (c,)]
        for upper in (3, 2):
            product = product @ at.at.factors[upper] @ at.derivatives(upper, c) if upper > layer else product
        total = total + product.T @ product @ V @ below @ labels.T @ own @ own.T @ labels @ below.T / (2 * 4)
    difference = at.gauss_newton(layer) @ flattened([V]) - flattened([total])
    assert vanishes(difference)
    assert not vanishes(difference + TINY * flattened([V]))


# ------------------------------------------------------------ wrong proofs


@cache
def steps() -> tuple[Proof, CollapseWithReLUs]:
    section, kind = lemma.relu_section.__wrapped__()  # of its own, as it gets more steps
    assert isinstance(section.proof, Proof)
    return section.proof, kind


def step(name: str) -> Fact:
    return next(found.fact for found in steps()[0].steps if found.fact.name == name)


def as_if(goal: Any, given: Any) -> None:
    steps()[0].algebra("wrong", goal, given)


def powers_that_are_not_squared() -> None:
    as_if(G(m + 1).T @ G(m + 1) - A.T @ apart(power(m)) @ A, 1 * step("squares of products with derivatives"))


def squares_of_another_vector() -> None:
    """The column of a class has the length 1, without which its projection is none."""
    passed = steps()[1].passed
    goal = G(m + 1).T @ G(m + 1) - A.T @ apart(power(m) ** 2) @ A
    as_if(goal, passed.T @ G(m + 1) + A.T @ apart(power(m)) @ passed)


def powers_of_the_layer_above() -> None:
    passed = steps()[1].passed
    found = steps()[0].at("there", passed, m, layers=HIDDEN)
    as_if(G(m + 1) - apart(power(m - 1)) @ A, 1 * found)


def an_induction_on_squares() -> None:
    proof, _ = steps()
    given = [step("product with derivatives"), step("derivatives along rows"), step("product")]
    proof.induction(
        ["squares"],
        [G(m + 1) - apart(power(m) ** 2) @ A],
        WEIGHTS,
        [None],
        lambda at_m: [given[0] + at_m @ W(m) @ P(m) + apart(power(m) ** 2) @ (given[1] - given[2] @ P(m))],
    )


def an_induction_without_its_base() -> None:
    proof, _ = steps()
    proof.induction(["twice"], [G(m + 1) - 2 * A], WEIGHTS, [None], lambda at_m: [1 * at_m])


def derivatives_that_are_1() -> None:
    as_if(Q(m) @ P(m) - Q(m), 1 * step("derivatives along rows"))


def derivatives_of_the_features() -> None:
    steps()[0].at("features", step("derivatives along rows"), m, layers=WEIGHTS)


def every_vector_is_passed() -> None:
    as_if(P(m) - slope * P(m), 0 * step("derivatives along rows").T)


def more_on_class_space() -> None:
    as_if(of_class(pair(E)) - (1 + UNSEEN) * OUTLIER * pair(column(E)), 1 * steps()[1].entries)


def the_diagonal_is_damped() -> None:
    everything = power(m) ** 2 * pair(E @ u @ u.T)
    as_if(of_class(pair(E)) - OUTLIER * everything, 1 * steps()[1].entries)


def every_column_is_the_own() -> None:
    as_if(of_class(pair(E)) - OUTLIER * pair(apart(power(m) ** 2) @ E), 1 * steps()[1].entries)


def every_matrix_is_an_eigenvector() -> None:
    as_if(of_class(X(m)) - OUTLIER * X(m), 1 * steps()[1].image)


def errors_of_the_other_sign() -> None:
    goal = gamma * Lam(m + 1) * (A.T @ (R(M) - T)) - (1 - gamma) * ABOVE * R(m)
    as_if(goal, 1 * steps()[1].errors)


def errors_of_another_power() -> None:
    body = steps()[1].errors.body
    as_if(body + UNSEEN * ABOVE * R(m), 1 * steps()[1].errors)


def errors_without_the_target() -> None:
    as_if(gamma * Lam(m + 1) * (A.T @ R(M)) - (gamma - 1) * ABOVE * R(m), 1 * steps()[1].errors)


def no_error_at_all() -> None:
    as_if(A.T @ (R(M) - T), 1 * steps()[1].errors)


def a_larger_loss() -> None:
    as_if(Trace({}, value - (1 + UNSEEN) * LOSS), 1 * steps()[1].loss)


def the_loss_of_m_factors() -> None:
    less = (1 - gamma) ** 2 / 2 + M * gamma * (1 - gamma) / 2
    as_if(Trace({}, value - less), 1 * steps()[1].loss)


def features_without_a_decay() -> None:
    """A sum over the weights alone is not one over all factors."""
    proof, kind = steps()
    weights = proof.at("weights", kind.weights, m, layers=WEIGHTS)
    proof.layer_sum("sum", regulariser, weights)


def norms_without_decays() -> None:
    as_if(squares(W(m)) - Trace({}, gamma * (1 - gamma)), 1 * steps()[1].weights)


def the_fit_of_one_sample() -> None:
    as_if(squares(R(M) - T) - Trace({}, (1 - gamma) ** 2), 1 * steps()[1].fit)


def samples_without_labels() -> None:
    as_if(squares(Y) - Trace({}, (1 + UNSEEN) * N), 1 * step("number of samples"))


WRONG: dict[Callable[[], None], str] = {
    powers_that_are_not_squared: "not the combination",
    squares_of_another_vector: "not the combination",
    powers_of_the_layer_above: "not the combination",
    an_induction_on_squares: "does not follow",
    an_induction_without_its_base: "for the last layer",
    derivatives_that_are_1: "not the combination",
    derivatives_of_the_features: "outside the range",
    every_vector_is_passed: "cannot",
    more_on_class_space: "not the combination",
    the_diagonal_is_damped: "not the combination",
    every_column_is_the_own: "not the combination",
    every_matrix_is_an_eigenvector: "not the combination",
    errors_of_the_other_sign: "not the combination",
    errors_of_another_power: "not the combination",
    errors_without_the_target: "not the combination",
    no_error_at_all: "not the combination",
    a_larger_loss: "not the combination",
    the_loss_of_m_factors: "not the combination",
    features_without_a_decay: "does not hold for all layers",
    norms_without_decays: "not the combination",
    the_fit_of_one_sample: "not the combination",
    samples_without_labels: "not the combination",
}


@pytest.mark.parametrize("wrong", WRONG, ids=attrgetter("__name__"))
def test_a_wrong_proof_is_rejected(wrong: Callable[[], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong()


MEANINGS: dict[str, Any] = {
    "derivatives of ReLUs": P(m) @ R(m - 1) @ Y.T - R(m - 1) @ Y.T @ apart(slope**2),
    "product with derivatives": G(m) - G(m + 1) @ W(m),
    "powers": power(m - 1) - power(m),
    "class": u @ u.T - unit(K),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_random_instances_notice_another_meaning(name: str) -> None:
    """Of the letters that this setting adds."""
    _, layers = RELU_COLLAPSE.meanings[name]
    setting = replace(RELU_COLLAPSE, meanings={**RELU_COLLAPSE.meanings, name: (MEANINGS[name], layers)})
    with pytest.raises(Rejected, match="fails on a random instance"):
        Proof("wrong", setting).meaning(name)


def test_general_collapse_has_no_derivatives() -> None:
    """In the setting of the linear model there is nothing that a ReLU could pass."""
    with pytest.raises(Rejected, match="does not say"):
        Proof("wrong", COLLAPSE).meaning("derivatives of ReLUs")


# ------------------------------------------------------------ theorems that their steps do not support


FIELDS = tuple(vars(lemma.relu_section()[1]))


@pytest.mark.parametrize("field", FIELDS)
def test_the_theorem_needs_each_step(field: str) -> None:
    section, kind = lemma.relu_section()
    other = getattr(kind, FIELDS[FIELDS.index(field) - 1])
    wrong = replace(kind, **{field: other})
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (section._replace(conclusions=(getattr(kind, field),)),), wrong)


def test_steps_that_hold_in_a_case_or_for_some_layers_do_not_do() -> None:
    proof, kind = steps()
    some = replace(kind, passed=proof.at("hidden", kind.passed, m, layers=HIDDEN))
    cases = {"s > 0": slope, "γ > 1/2": gamma - sp.Rational(1, 2)}
    confined = [
        proof.algebra(f"where {name}", kind.passed.body, 1 * kind.passed, known=[proof.case(name, body, POSITIVE)])
        for name, body in cases.items()
    ]
    for wrong in (some, *(replace(kind, passed=fact) for fact in confined)):
        with pytest.raises(Rejected, match="needs a step"):
            wrong.check({RELU_COLLAPSE: proof})


def test_the_steps_of_another_proof_do_not_do() -> None:
    section, _ = lemma.relu_section()
    with pytest.raises(Rejected, match="not a step"):
        Theorem("wrong", (section,), steps()[1])
