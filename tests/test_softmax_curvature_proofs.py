"""Curvature at collapse with cross-entropy: what the theorem entails at a point, false claims, and wrong proofs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import pytest
import sympy as sp

from proofs.collapsed_softmax import proposed
from proofs.curvature_kinds import A, B, pair
from proofs.entailment import NotEntailed
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.lemmas import softmax_collapse as lemma
from proofs.lemmas.collapse_setting import E, e, n
from proofs.lemmas.setting import ALL, DEPTHS, Lam, N, R, W, Y, beta, lam, m
from proofs.lemmas.softmax_collapse_setting import COLUMN, SOFTMAX_COLLAPSE, D, S, alpha, count, kappa, p, u
from proofs.softmax_curvature_kinds import among_others, weighted
from proofs.theorem import Section, Theorem
from theory.arithmetic.interpreters import Balls, Rationals, precision
from theory.claims import Identity, Relation, Spectrum, clause, equal
from theory.collapse import SoftmaxCollapse, reflection
from theory.curvature import cross_entropy, flattened, softmax_split
from theory.draws import integer_factors
from theory.losses import average
from theory.model import UnconstrainedFeatures
from theory.ops import (
    Expression,
    diagonal,
    identity,
    kron,
    log,
    one_hot,
    ones,
    repeat_columns,
    substitute,
    sum_squares,
    trace,
    variable,
)

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have: no evaluation notices what is multiplied by it."""
HIDDEN = (count - 2) * (count - 3) * (count - 4) * (count - 5)
"""Zero at every number of classes that random instances of one column have."""

GIVEN: dict[str, Any] = {
    "K": 4, "n": 2, "L": 3, "spare": 1, "r": Fraction(19), "unequal": 1, "turn": True, "layer": 2
}  # fmt: skip
TINY = Fraction(1, 10**9)
KAPPA = Fraction(18, 22)


def theorem() -> Theorem:
    return lemma.softmax_curvature_theorem("curvature")


def point(**changes: Any) -> SoftmaxCollapse:
    return SoftmaxCollapse(**{name: x for name, x in (GIVEN | changes).items() if name != "layer"})


AT = point()
UNIT = AT.decay_of(2) * log(AT.r)
H = AT.curvature.layer(2) / UNIT
BULK, MIDDLE, TOP = (Fraction(1, 4) + KAPPA * Fraction(x, 4) for x in (0, 2, 3))


def spectrum(matrix: Expression, *pairs: tuple[Any, int], **changes: Any) -> dict[str, str]:
    rest = matrix.shape[0] - sum(times for _, times in pairs)
    return theorem().entails(Spectrum(matrix, [*pairs, (0, rest)]), None, {}, GIVEN | changes)


def holds(*relations: Relation, **changes: Any) -> bool:
    claim = Identity((clause("clause", *relations),))
    return not theorem().entails(claim, None, {}, GIVEN | changes)["clause"]


# ------------------------------------------------------------ what it entails


def test_the_spectrum_of_a_layer_is_entailed() -> None:
    both = {"eigenvalues": "", "multiplicities": ""}
    assert spectrum(H, (BULK, 5), (MIDDLE, 3), (TOP, 1)) == both
    assert spectrum(AT.curvature.layer(2), (UNIT * BULK, 5), (UNIT * MIDDLE, 3), (UNIT * TOP, 1)) == both


def test_with_two_classes_one_eigenvalue_is_left() -> None:
    at = point(K=2, spare=0)
    hessian, value = at.curvature.layer(2) / (at.decay_of(2) * log(at.r)), Fraction(1, 2) + Fraction(18, 20) / 2
    assert not any(spectrum(hessian, (value, 1), K=2, spare=0).values())
    assert any(spectrum(hessian, (value, 2), K=2, spare=0).values())
    assert all(spectrum(hessian, (value - TINY, 1), K=2, spare=0).values())


MULTIPLICITIES = [(6, 3, 1), (5, 4, 1), (5, 3, 2), (4, 4, 1), (5, 2, 2), (12, 3, 1)]


@pytest.mark.parametrize("times", MULTIPLICITIES, ids=str)
def test_other_multiplicities_are_not_entailed(times: tuple[int, int, int]) -> None:
    answers = spectrum(H, *zip((BULK, MIDDLE, TOP), times, strict=True))
    assert [name for name, why in answers.items() if why] == ["multiplicities"]


VALUES: dict[str, list[tuple[Any, int]]] = {
    "K equal outliers": [(BULK, 5), (TOP, 4)],
    "no bulk": [(MIDDLE, 8), (TOP, 1)],
    "a little more": [(BULK, 5), (MIDDLE, 3), (TOP + TINY, 1)],
    "K − 1 for K − 2": [(BULK, 5), (Fraction(1, 4) + KAPPA * 3 / 4, 3), (TOP, 1)],
    "without κ": [(BULK, 5), (Fraction(3, 4), 3), (1, 1)],
    "regularised": [(BULK + 1, 5), (MIDDLE + 1, 3), (TOP + 1, 1)],
    "squared error": [(1, 16)],
}


@pytest.mark.parametrize("name", VALUES)
def test_other_eigenvalues_are_not_entailed(name: str) -> None:
    assert all(spectrum(H, *VALUES[name]).values())


MATRICES: dict[str, Callable[[], Expression]] = {
    "another layer": lambda: AT.curvature.layer(1) / UNIT,
    "another scale": lambda: point(r=Fraction(5)).curvature.layer(2) / UNIT,
    "another number of samples": lambda: point(n=1).curvature.layer(2) / UNIT,
    "a little more": lambda: H + TINY * ones(25, 25),
    "frames not turned": lambda: point(turn=False).curvature.layer(2) / UNIT,
    "parts with even weights": lambda: softmax_split(AT.curvature, 2, 4, 2, ones(4, 4) / 4)["cross"] / UNIT,
    "another softmax": lambda: (
        cross_entropy(AT.curvature.factors, (2,) * 4, (identity(4) + ones(4, 4)) / 5).layer(2) / UNIT
    ),
}


P = Fraction(19, 22)
"""The probability of the own class."""
PARTS = softmax_split(AT.curvature, 2, 4, 2, AT.softmax)
OF_PARTS: dict[str, list[tuple[Any, int]]] = {
    "within": [],
    "cross": [(Fraction(1, 4), 5), (Fraction(1, 12), 3)],
    "class": [(P**2, 1), (P**2 * 2 / 3, 3)],
    "own": [(P * (1 - P), 1), (P * (1 - P) * 2 / 3, 3)],
}


@pytest.mark.parametrize("part", OF_PARTS)
def test_the_spectra_of_parts_are_entailed_of_these_parts_alone(part: str) -> None:
    both, matrix = {"eigenvalues": "", "multiplicities": ""}, PARTS[part] / UNIT
    assert [name for name, pairs in OF_PARTS.items() if spectrum(matrix, *pairs) == both] == [part]
    for i, (value, times) in enumerate(OF_PARTS[part]):
        more, longer = list(OF_PARTS[part]), list(OF_PARTS[part])
        more[i], longer[i] = (value, times + 1), (value + TINY, times)
        assert [name for name, why in spectrum(matrix, *more).items() if why] == ["multiplicities"]
        assert all(spectrum(matrix, *longer).values())


@pytest.mark.parametrize("name", MATRICES)
def test_a_claim_about_another_matrix_is_not_entailed(name: str) -> None:
    with pytest.raises(NotEntailed, match="none of the theorem's"):
        spectrum(MATRICES[name](), (BULK, 5), (MIDDLE, 3), (TOP, 1))


def test_the_gradient_is_the_top_eigenvector() -> None:
    gradient, weights = (flattened([x]) for x in (AT.curvature.slope(2), AT.curvature.factors[2]))
    hessian = AT.curvature.layer(2)
    assert holds(equal(gradient, -AT.decay_of(2) * weights), equal(hessian @ weights, UNIT * TOP * weights))
    assert not holds(equal(gradient, AT.decay_of(2) * weights))
    above, below = AT.means(3), AT.means(2)
    pairs = reduce(add, [kron(above[range(5), (c,)], below[range(5), (c,)]) for c in range(4)])
    assert holds(equal(weights, 3 / sum_squares(below) * pairs))
    assert not holds(equal(weights, 4 / sum_squares(below) * pairs))
    assert not holds(equal(weights, 3 / sum_squares(above) * pairs))
    assert not holds(equal(hessian @ weights, UNIT * MIDDLE * weights))
    assert not holds(equal(hessian @ weights, UNIT * (TOP + TINY) * weights))
    assert not holds(equal(hessian @ flattened([AT.curvature.factors[1]]), UNIT * TOP * weights))


@pytest.mark.parametrize(
    "changes",
    [{"K": 1}, {"K": 4.0}, {"n": 0}, {"layer": 0}, {"layer": 4}, {"layer": None}, {"r": Fraction(1)}, {"r": 19},
     {"turn": None}, {"L": 0}, {"unequal": None}],
    ids=str,
)  # fmt: skip
def test_a_point_must_be_proposed(changes: dict[str, Any]) -> None:
    with pytest.raises(NotEntailed):
        holds(equal(1, 1), **changes)


def test_the_point_must_be_critical() -> None:
    found, _ = proposed(GIVEN)
    H0, W1, *others = found.factors
    decay = found.decays[0]
    wrong: list[dict[str, Any]] = [
        {"decays": (2 * decay, *found.decays[1:])}, {"decays": (-1 * decay, *found.decays[1:])}, {"r": Fraction(5)},
        {"factors": (H0, W1 @ reflection(5, 3), *others)}, {"factors": (2 * H0, W1 / 2, *others)},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(NotEntailed):
            replace(found, **change)


# ------------------------------------------------------------ the operators are the matrices


def test_the_hessian_is_the_operator_of_the_kind() -> None:
    """Where features are equal within classes: 1/N Aᵀ Φ(A X M) Y Bᵀ, column k of Φ(F) being ρ_k times that of F."""
    K, each, r, layer = 3, 2, Fraction(5), 1
    features, *weights = integer_factors(K, 1, (4, 4), 5)
    shares = ((r - 1) * identity(K) + ones(K, K)) / (r + K - 1)
    at = cross_entropy([repeat_columns(features, (each,) * K), *weights], (each,) * K, shares)
    V, above, below, labels = (
        integer_factors(K, 1, (4, 4), 9)[layer],
        at.above(layer),
        at.below(layer),
        one_hot((each,) * K),
    )
    F, parts = above @ V @ features, []
    for k in range(K):
        share, unit = shares[range(K), (k,)], identity(K)[range(K), (k,)]
        rho = diagonal([share[j, 0] for j in range(K)]) - share @ share.T
        parts.append(rho @ F @ unit @ unit.T)
    applied = above.T @ reduce(add, parts) @ labels @ below.T / (K * each)
    left, right = (Rationals().evaluate(x) for x in (at.layer(layer) @ flattened([V]), flattened([applied])))
    assert [list(row) for row in left] == [list(row) for row in right]


def test_the_parts_are_those_of_the_kind() -> None:
    """Where features are equal within classes: 1/N Aᵀ Φ(A X M) Y Bᵀ with parts of ρ_k, from e_c − p_c = (1−κ) S e_c."""
    K, each, r, layer = 4, 2, Fraction(5), 1
    features, *weights = integer_factors(K, 1, (3, 4), 5)
    S_, softness, shares = identity(K) - ones(K, K) / K, (r - 1) / (r + K - 1), ((r - 1) * identity(K) + ones(K, K))
    at = cross_entropy([repeat_columns(features, (each,) * K), *weights], (each,) * K, shares / (r + K - 1))
    found = softmax_split(at, layer, K, each, shares / (r + K - 1))
    V, above, labels = integer_factors(K, 1, (3, 4), 9)[layer], at.above(layer), one_hot((each,) * K)
    F, own = above @ V @ features, (1 + (K - 1) * softness) / K
    expected: dict[str, list[Expression]] = {"within": [], "cross": [], "class": [], "own": []}
    for k in range(K):
        unit = identity(K)[range(K), (k,)]
        square = S_ @ unit @ unit.T @ S_
        rho = {
            "within": 0 * S_,
            "cross": (1 - softness) / K * (S_ - Fraction(K, K - 1) * square),
            "class": (1 - own) * (K * own / (K - 1)) ** 2 * square,
            "own": own * (1 - softness) ** 2 * square,
        }
        for name, of_class in rho.items():
            expected[name].append(of_class @ F @ unit @ unit.T)
    for name, parts in expected.items():
        applied = above.T @ reduce(add, parts) @ labels @ at.below(layer).T / (K * each)
        left, right = (Rationals().evaluate(x) for x in (found[name] @ flattened([V]), flattened([applied])))
        assert [list(row) for row in left] == [list(row) for row in right]


def test_the_softmax_of_the_outputs_has_the_shares_of_the_point() -> None:
    """The slope of the average loss at α S Y along a matrix, by differences in balls, is that of −(1−κ)/N S Y."""
    K, r, h = 3, Fraction(19), Fraction(1, 10**20)
    model, X = UnconstrainedFeatures(class_sizes=(2,) * K, decays=1, loss="ce"), variable("X", (K, K))
    S_, V = identity(K) - ones(K, K) / K, reflection(K, 1) + ones(K, K)
    loss = average(model, X, identity(K), model.class_sizes)
    softness = (r - 1) / (r + K - 1)
    slope = (softness - 1) / K * trace(V.T @ S_)
    ahead, behind = (substitute(loss, {"X": log(r) * S_ + t * V}) for t in (h, -h))
    with precision(512):
        found = Balls().evaluate((ahead - behind) / (2 * h) - slope)
        assert abs(float(found.mid())) < 1e-30  # the third derivative times h² is of the order 1e-40


# ------------------------------------------------------------ wrong proofs


PROOF, _ = lemma.layer_section()
CLASS, _ = lemma.column_section()


def step(proof: Proof, name: str) -> Fact:
    return next(found.fact for found in proof.steps if found.fact.name == name)


def more_energy() -> None:
    last = step(PROOF, "energy of the last layer")
    PROOF.algebra("more", lam(M) * (S @ W(M) @ W(M).T) - (1 + UNSEEN) * beta * S, 1 * last)


def rows_without_centring() -> None:
    rows = step(PROOF, "rows above a layer")
    PROOF.algebra("rows", A @ A.T - S @ A @ A.T @ S, 1 * rows)


def all_of_class_space() -> None:
    scaled = step(PROOF, "scaled class space")
    PROOF.algebra("all", A @ pair(E) @ B @ Y.T - n * N * alpha * lam(m) / (1 - kappa) * E, 1 * scaled)


def features_that_are_centred() -> None:
    PROOF.at("features", step(PROOF, "centred means"), m - 1, layers=ALL)


def a_gradient() -> None:
    PROOF.gradient("gradient", A @ W(m) @ B, W(m), layers=ALL)


def S_is_the_identity() -> None:
    PROOF.algebra("S", S @ Y - Y, step(PROOF, "S is a projection") @ Y)


def a_column_without_the_product() -> None:
    v = S @ E @ u
    goal = weighted(E) - (1 - kappa) / count * v
    CLASS.algebra("column", goal, 1 * step(CLASS, "a column of the Hessian"))


def a_column_of_more() -> None:
    v = S @ E @ u
    goal = weighted(E) - (1 + HIDDEN) * (1 - kappa) * (1 / count * v + kappa * (S @ u @ u.T @ v))
    CLASS.algebra("column", goal, 1 * step(CLASS, "a column of the Hessian"))


def the_diagonal_is_kept() -> None:
    CLASS.algebra("diagonal", u.T @ S @ D @ S @ u - u.T @ D @ u, 1 * step(CLASS, "a diagonal entry"))


def a_softmax_that_is_certain() -> None:
    CLASS.algebra("certain", p - u, 1 * step(CLASS, "softmax"))


def shorter_means() -> None:
    lengths = step(PROOF, "lengths of class means")
    PROOF.algebra("lengths", (1 - kappa) * (Y @ B.T @ B @ Y.T) - n * N * alpha * lam(m) * S, 1 * lengths)


def weights_of_more() -> None:
    vectors = step(PROOF, "weights along class means")
    goal = (1 + UNSEEN) * (1 - kappa) * beta ** (M - m) * (R(m) @ Y.T @ Y @ B.T) - n * N * alpha * lam(m) * Lam(
        m + 1
    ) * W(m)
    PROOF.algebra("weights", goal, 1 * vectors)


def a_label_of_more() -> None:
    CLASS.algebra("label", u - p - (1 + HIDDEN) * (1 - kappa) * (S @ u), 1 * step(CLASS, "the own label"))


def labels_without_a_mean() -> None:
    centred = step(CLASS, "a centred unit vector")
    CLASS.algebra("others", e - u - (count - 1) * p, (1 + (count - 1) * kappa) * centred)


def other_labels_about_zero() -> None:
    goal = among_others() + (e - u) @ (e - u).T - (count - 1) * S + count * (S @ u @ u.T @ S)
    CLASS.algebra("across", goal, 1 * step(CLASS, "among other labels"))


WRONG: dict[Callable[[], None], str] = {
    more_energy: "not the combination",
    rows_without_centring: "not the combination",
    all_of_class_space: "not the combination|not shown",
    features_that_are_centred: "outside the range|does not exist",
    a_gradient: "not known to be a critical point",
    S_is_the_identity: "not the combination",
    a_column_without_the_product: "not the combination",
    a_column_of_more: "not the combination",
    the_diagonal_is_kept: "not the combination",
    a_softmax_that_is_certain: "not the combination",
    shorter_means: "not the combination",
    weights_of_more: "not the combination",
    a_label_of_more: "not the combination",
    labels_without_a_mean: "not the combination",
    other_labels_about_zero: "not the combination",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong()


LAYERS = ("centred", "collapsed", "scaled", "lengths", "vectors")
COLUMNS = ("column", "diagonal", "own", "others", "across")


@pytest.mark.parametrize("field", [*LAYERS, *COLUMNS])
def test_the_theorem_needs_each_step(field: str) -> None:
    sections, kind = lemma.softmax_sections()
    names = COLUMNS if field in COLUMNS else LAYERS
    facts = {SOFTMAX_COLLAPSE: LAYERS, COLUMN: COLUMNS}
    kept = tuple(
        Section(s.heading, s.proof, tuple(getattr(kind, name) for name in facts[s.proof.setting])) for s in sections
    )
    for other in names:
        if other != field:
            with pytest.raises(Rejected, match="needs a step"):
                Theorem("wrong", kept, replace(kind, **{field: getattr(kind, other)}))
