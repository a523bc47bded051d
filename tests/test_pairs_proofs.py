"""Pairs against collapse: what the theorem entails of values, fits and regularisers; wrong proofs are rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from proofs.entailment import NotEntailed
from proofs.kernel.facts import NONNEGATIVE, POSITIVE
from proofs.kernel.monotone import MonotoneProof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.lemmas import pairs as lemma
from proofs.lemmas.pairs_setting import SCALES, alone, decay, m, odd, pair_loss, paired, q, ratio, simplex_loss, x, y
from proofs.lemmas.setting import DEPTHS
from proofs.pairs_kinds import Sizes, collapse_decays, collapse_fit, pairs_decays, pairs_fit
from proofs.theorem import Section, Theorem
from theory.arithmetic.interpreters import Balls, precision
from theory.claims import GlobalMinimum, Identity, NotGlobalMinimum, clause, equal, less
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, constant, exp, log, repeat_columns, sqrt, substitute, zeros
from theory.ops import identity as eye

UNSEEN = sp.Mul(*(M - depth for depth in range(1, max(DEPTHS) + 1)))
"""Zero at every depth that random instances have."""

ALPHA = {"alpha": Fraction(7)}


def theorem() -> Theorem:
    return lemma.pairs_theorem("pairs")


def model(K: int, L: int, n: int = 2, **fields: object) -> Model:
    known = {"class_sizes": (n,) * K, "depth": L, "decays": "1/300", "loss": "ce"}
    return Model(**(known | fields))  # type: ignore[arg-type]


def sizes_of(problem: Model) -> Sizes:
    return Sizes(problem.K, problem.class_sizes[0], problem.M, constant(problem.Lambda) ** Fraction(1, problem.M + 1))


def collapse(problem: Model, alpha: Fraction | Expression) -> Expression:
    """The loss of collapse, written otherwise than the theorem writes it."""
    K, L, a = problem.K, problem.M, constant(alpha)
    fit = log(constant(1) + exp(-1 * a) * (K - 1))
    value = (a**2 * problem.class_sizes[0]) ** Fraction(1, L + 1)
    return fit + constant(problem.feature_decay) / 2 * (L + 1) * (K - 1) * value


def beaten(problem: Model, value: Expression, **parameters: object) -> str:
    return theorem().entails(NotGlobalMinimum(problem, value), None, {}, parameters or ALPHA)["beaten"]


@pytest.mark.parametrize(("K", "L"), [(4, 3), (5, 3), (6, 2), (7, 2), (4, 7), (9, 5)])
@pytest.mark.parametrize("alpha", [Fraction(1, 9), Fraction(3), Fraction(40)])
def test_collapse_is_beaten_at_any_scale(K: int, L: int, alpha: Fraction) -> None:
    for n in (1, 3):
        problem = model(K, L, n)
        assert not beaten(problem, collapse(problem, alpha), alpha=alpha)
        assert not beaten(problem, collapse(problem, log(alpha + 1)), r=alpha + 1)


def test_a_value_above_the_loss_of_pairs_is_beaten() -> None:
    problem = model(6, 2)
    pairs = pairs_fit(sizes_of(problem), constant(7)) + pairs_decays(sizes_of(problem), constant(7))
    assert not beaten(problem, pairs + Fraction(1, 10**30))
    assert beaten(problem, pairs)
    assert beaten(problem, pairs - Fraction(1, 10**30))


NOT_BEATEN: dict[str, Callable[[Model], Expression]] = {
    "no decays": lambda p: log(1 + (p.K - 1) * exp(constant(-7))),
    "one singular value less": lambda p: collapse(p, Fraction(7)) - p.feature_decay / 2 * (p.M + 1) * 49,
    "n forgotten": lambda p: collapse(p.with_(class_sizes=(1,) * p.K), Fraction(7)),
    "zero": lambda p: constant(0),
}


@pytest.mark.parametrize("name", NOT_BEATEN)
def test_a_lower_value_is_not_beaten(name: str) -> None:
    problem = model(6, 2, 50)
    assert beaten(problem, NOT_BEATEN[name](problem))


@pytest.mark.parametrize(("K", "L"), [(2, 1), (6, 1), (4, 2), (5, 2), (3, 3), (3, 8), (2, 5)])
def test_outside_the_range_collapse_is_not_beaten_by_pairs(K: int, L: int) -> None:
    problem = model(K, L)
    assert beaten(problem, collapse(problem, Fraction(7)))


OTHERS = {
    "imbalanced": model(4, 3, class_sizes=(2, 2, 2, 1)),
    "narrow": model(6, 3, widths=(2,)),
    "ReLU": model(4, 3, activation="relu"),
    "smoothed": model(4, 3, loss="label-smoothing", alpha="1/10"),
    "squares": model(4, 3, loss="mse"),
    "signs": model(4, 3, sign="nonnegative"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_theorem_does_not_speak_of_another_model(name: str) -> None:
    with pytest.raises(NotEntailed):
        beaten(OTHERS[name], constant(1000))


def test_a_narrow_layer_has_room_for_pairs() -> None:
    problem = model(6, 3, widths=(3,))
    assert not beaten(problem, collapse(problem, Fraction(7)))


@pytest.mark.parametrize(
    "parameters", [{"alpha": Fraction(0)}, {"alpha": Fraction(-2)}, {"alpha": 3.0}, {"r": Fraction(1)}]
)
def test_a_scale_must_be_positive(parameters: dict[str, object]) -> None:
    with pytest.raises(NotEntailed, match="no scale"):
        beaten(model(4, 3), constant(9), **parameters)


def test_the_theorem_does_not_speak_of_a_minimum() -> None:
    with pytest.raises(NotEntailed):
        theorem().entails(GlobalMinimum(model(4, 3), constant(1)), None, {}, ALPHA)


def test_fits_and_regularisers_are_ordered_as_the_theorem_says() -> None:
    alpha = log(9)
    for K, L, n in ((4, 3, 2), (6, 2, 1), (7, 2, 3), (5, 2, 1), (4, 1, 1)):
        sizes = Sizes(K, n, L, constant(1))
        fits = pairs_fit(sizes, alpha), collapse_fit(sizes, alpha)
        decays = pairs_decays(sizes, alpha), collapse_decays(sizes, alpha)
        ordered = decays if sizes.in_range else decays[::-1]
        claim = Identity((
            clause("fit", less(*fits)), clause("regulariser", less(*ordered)), clause("tie", less(fits[0], fits[0])),
            clause("fit reversed", less(*fits[::-1])), clause("reversed", less(*ordered[::-1])),
            clause("number", equal(eye(2) + eye(2), 2 * eye(2))), clause("other number", equal(constant(2), 3)),
            clause("root", equal(sqrt(2) * sqrt(3), sqrt(6))),
        ))  # fmt: skip
        given = {"K": K, "L": L, "n": n, "r": Fraction(9)}
        found = theorem().entails(claim, None, {}, given)
        assert [name for name, why in found.items() if not why] == ["fit", "regulariser", "number"]


def test_the_losses_are_those_of_factors() -> None:
    """The formulas of the kind against the model's objective, at factors built from the singular vectors."""
    for K, L, n in ((4, 3, 2), (5, 2, 1), (6, 1, 3)):
        problem, alpha = model(K, L, n, weight_decays=tuple(Fraction(1, 9 + i) for i in range(L)), decays=None,
                               feature_decay=Fraction(1, 30)), Fraction(3, 2)  # fmt: skip
        sizes, half = sizes_of(problem), K // 2
        values = [2 * alpha * sqrt(n)] * half + [alpha * sqrt(n)] * (K % 2)
        U = _columns(K, half)
        point = _factors(problem, U, values)
        with precision(256):
            balls = Balls()
            found = balls.evaluate(substitute(problem.objective, point))
            claimed = balls.evaluate(pairs_fit(sizes, constant(alpha)) + pairs_decays(sizes, constant(alpha)))
            assert (found - claimed).contains(0)


def _columns(K: int, half: int) -> Expression:
    """U = [D/√2, u]."""
    one, total = eye(K), zeros(K, half + K % 2)
    for j in range(half):
        column = (one[range(K), (2 * j,)] - one[range(K), (2 * j + 1,)]) / sqrt(2)
        total = total + column @ eye(half + K % 2)[(j,), range(half + K % 2)]
    if K % 2:
        total = total + one[range(K), (K - 1,)] @ eye(half + 1)[(half,), range(half + 1)]
    return total


def _factors(problem: Model, U: Expression, values: list[Expression]) -> dict[str, Expression]:
    from theory.ops import diagonal

    K, r, L = problem.K, len(values), problem.M
    shares = [(constant(problem.Lambda) * v**2) ** Fraction(1, L + 1) for v in values]
    inner, found = diagonal([1] * r, K, r), {}
    for layer, weight in enumerate(problem.weight_decays, start=1):
        upper = U if layer == L else inner
        found[f"W_{layer}"] = upper @ diagonal([sqrt(v / weight) for v in shares]) @ inner.T
    lengths = diagonal([sqrt(v / (problem.feature_decay * problem.class_sizes[0])) for v in shares])
    return found | {"H": repeat_columns(inner @ lengths @ U.T, problem.class_sizes)}


# ------------------------------------------------------------ wrong proofs


def fresh() -> MonotoneProof:
    return MonotoneProof("wrong", SCALES)


def one_layer(proof: MonotoneProof) -> None:
    lemma.cheaper(proof, lemma.base_of(proof), 2, 1)


def two_layers_and_four_classes(proof: MonotoneProof) -> None:
    lemma.cheaper(proof, lemma.base_of(proof), 2, 2)


def one_pair(proof: MonotoneProof) -> None:
    lemma.cheaper(proof, lemma.base_of(proof), 1, 3)


def the_fit_without_a_scale(proof: MonotoneProof) -> None:
    proof.positive("more certain", alone - paired, POSITIVE, [(x, [], 1)])


def the_fit_reversed(proof: MonotoneProof) -> None:
    fit = lemma.better_fit(proof)
    proof.positive("reversed", pair_loss - simplex_loss, POSITIVE, [(1, [fit], 1)])


def logarithms_exchanged(proof: MonotoneProof) -> None:
    below = proof.case("x < 1", 1 - x, POSITIVE)
    order = proof.positive("order", alone - paired, POSITIVE, [(x, [below], 1)])
    proof.logarithms("exchanged", order, pair_loss, simplex_loss)


def a_logarithm_that_is_none(proof: MonotoneProof) -> None:
    below = proof.case("x < 1", 1 - x, POSITIVE)
    proof.logarithms("none", below, y, x)


def a_logarithm_of_what_may_be_negative(proof: MonotoneProof) -> None:
    below = proof.case("x < 1", 1 - x, POSITIVE)
    order = proof.positive("order", alone - paired, POSITIVE, [(x, [below], 1)])
    proof.logarithms("negative", order, simplex_loss, pair_loss)


def the_root_of_an_equation(proof: MonotoneProof) -> None:
    proof.roots("equation", proof.meaning("root of 4"), q, sp.Integer(4), M + 1)


def a_root_with_another_exponent(proof: MonotoneProof) -> None:
    order = proof.case("powers", ratio ** (M + 1) - q ** (M + 1), POSITIVE)
    proof.roots("root", order, ratio, q, M)


def the_root_of_what_is_no_symbol(proof: MonotoneProof) -> None:
    order = proof.case("powers", (ratio + 1) ** 2 - q**2, POSITIVE)
    proof.roots("root", order, ratio + 1, q, sp.Integer(2))


def a_power_that_is_not_positive(proof: MonotoneProof) -> None:
    order = proof.case("powers", ratio**0 - q**0 + y, POSITIVE)
    proof.roots("root", order, ratio, q, sp.Integer(0))


def a_base_below_one(proof: MonotoneProof) -> None:
    deep = proof.case("M ≥ 2", M - 2, NONNEGATIVE)
    proof.powers("grows", ratio, proof.case("a ≥ 0", ratio, NONNEGATIVE), (M + 1, sp.Integer(3)), deep)


def exponents_exchanged(proof: MonotoneProof) -> None:
    deep = proof.case("M ≥ 2", M - 2, NONNEGATIVE)
    proof.powers("falls", ratio, proof.case("a ≥ 1", ratio - 1, NONNEGATIVE), (sp.Integer(3), M + 1), deep)


def a_negative_exponent(proof: MonotoneProof) -> None:
    deep = proof.case("M ≥ 2", M - 2, NONNEGATIVE)
    proof.powers("negative", ratio, proof.case("a ≥ 1", ratio - 1, NONNEGATIVE), (M - 3, sp.Integer(-1)), deep)


def a_wrong_regulariser(proof: MonotoneProof) -> None:
    base = lemma.base_of(proof)
    less_ = lemma.cheaper(proof, base, *lemma.DEEP)
    proof.positive("unseen", 2 * m - 1 - m * q - UNSEEN, POSITIVE, [(1, [less_], 1)])


def both_at_once(proof: MonotoneProof) -> None:
    base = lemma.base_of(proof)
    first, second = (lemma.cheaper(proof, base, *where) for where in (lemma.DEEP, lemma.SHALLOW))
    proof.cases("everywhere", [first, second])


def an_odd_number_of_classes_forgotten(proof: MonotoneProof) -> None:
    base = lemma.base_of(proof)
    less_ = lemma.cheaper(proof, base, *lemma.DEEP)
    goal = decay / 2 * (M + 1) * y * (2 * m - 1 - m * q - odd)
    proof.positive("odd", goal, POSITIVE, [(decay / 2 * (M + 1) * y, [less_], 1)])


WRONG: dict[Callable[[MonotoneProof], None], str] = {
    one_layer: "positive",
    two_layers_and_four_classes: "positive",
    one_pair: "positive|meet",
    the_fit_without_a_scale: "not an identity",
    the_fit_reversed: "not an identity",
    logarithms_exchanged: "does not say",
    a_logarithm_that_is_none: "not say that y is a logarithm",
    a_logarithm_of_what_may_be_negative: "not shown to be positive",
    the_root_of_an_equation: "does not say",
    a_root_with_another_exponent: "does not say",
    the_root_of_what_is_no_symbol: "not a symbol",
    a_power_that_is_not_positive: "does not say|not shown to be positive",
    a_base_below_one: "does not say",
    exponents_exchanged: "does not say",
    a_negative_exponent: "exponents that are too",
    a_wrong_regulariser: "not an identity",
    both_at_once: "not exhaustive",
    an_odd_number_of_classes_forgotten: "not an identity",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_proof_is_rejected(wrong: Callable[[MonotoneProof], None]) -> None:
    with pytest.raises(Rejected, match=WRONG[wrong]):
        wrong(fresh())


# ------------------------------------------------------------ theorems that their steps do not support


@pytest.mark.parametrize(
    "field", ["cheaper_deep", "cheaper_many", "below_deep", "below_many", "dearer_flat", "dearer_few"]
)
def test_a_kind_needs_its_steps(field: str) -> None:
    sections, kind = lemma.pairs_kind()
    wrong = replace(kind, scales=replace(kind.scales, **{field: kind.scales.fit}))
    first = sections[0]._replace(conclusions=tuple(vars(kind.scales).values()))
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", (first, *sections[1:]), wrong)


def test_a_smaller_range_is_not_that_of_the_theorem() -> None:
    proof = fresh()
    fit, base = lemma.better_fit(proof), lemma.base_of(proof)
    cheap = [lemma.cheaper(proof, base, *where) for where in ((2, 4), (3, 2))]
    sections, kind = lemma.pairs_kind()
    scales = replace(kind.scales, fit=fit, cheaper_deep=cheap[0], cheaper_many=cheap[1])
    with pytest.raises(Rejected):
        Theorem("wrong", (Section("scales", proof), *sections[1:]), replace(kind, scales=scales))


@pytest.mark.parametrize(("part", "field", "other"), [
    ("singular", "differences", "single"), ("singular", "right", "right_last"), ("singular", "square", "differences"),
    ("singular", "orthogonal", "apart"), ("factors", "outputs", "regularisers"), ("factors", "regularisers", "outputs"),
])  # fmt: skip
def test_the_factors_are_needed(part: str, field: str, other: str) -> None:
    sections, kind = lemma.pairs_kind()
    own = getattr(kind, part)
    wrong = replace(kind, **{part: replace(own, **{field: getattr(own, other)})})
    kept = tuple(s._replace(conclusions=tuple(vars(x).values())) for s, x in zip(
        sections, (kind.scales, kind.singular, kind.factors), strict=True
    ))  # fmt: skip
    with pytest.raises(Rejected, match="needs a step"):
        Theorem("wrong", kept, wrong)
