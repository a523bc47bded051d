"""Relations of constants, values that are beaten, and what ReLU models need of the engines."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
import torch

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.floats import to_float
from theory.arithmetic.interpreters import Undecidable
from theory.claims import (
    Claim,
    CriticalPoints,
    GlobalMinimum,
    Identity,
    Minimisation,
    NotGlobalMinimum,
    at_most,
    clause,
    equal,
    less,
)
from theory.closed_form.relu import norm_chain
from theory.configurations import adjacency, incidence
from theory.frames import deep_neural_collapse
from theory.model import UnconstrainedFeatures
from theory.ops import constant, diagonal, identity, nuclear_norm, ones, relu, sqrt, variable
from theory.papers import sukenik2024
from theory.statement import Instance, statements
from verify.attacks import RivalSearch
from verify.checker import check
from verify.engines import ENGINES, Settings, load
from verify.methods import rivals
from verify.methods.kernels import LayeredModel
from verify.recheck import differs
from verify.refute import size_of
from verify.verdict import Evidence, Unable

CPU = Settings(device="cpu")
BEATEN = UnconstrainedFeatures(class_sizes=(1,) * 3, depth=4, decays="1/20", activation="relu")
TWO = UnconstrainedFeatures(class_sizes=(1,) * 2, depth=3, decays="1/20", activation="relu")


def found(engine: str, claim: Claim) -> Evidence:
    return load(engine).examine(Instance(claim), CPU)


def conclusions(engine: str, claim: Claim) -> list[tuple[str, str]]:
    return [(f.conclusion, f.assurance) for f in found(engine, claim).findings]


# ------------------------------------------------------------------------------------------------------------ identity

TRUE = {
    "radicals": equal(sqrt(2) * sqrt(8), 4),
    "a strict sign": less(sqrt(2), Fraction(3, 2)),
    "a weak sign at equality": at_most(sqrt(4), 2),
    "a ReLU": equal(relu(sqrt(3) * identity(2) - sqrt(2) * ones(2, 2)), (sqrt(3) - sqrt(2)) * identity(2)),
    "a nuclear norm": equal(nuclear_norm(2 * identity(3) - ones(3, 3)), 5),
    "a nuclear norm with radicals": equal(nuclear_norm(ones(2, 3)), sqrt(6)),
}
FALSE = {
    "radicals": equal(sqrt(2) + sqrt(3), sqrt(5)),
    "a strict sign at equality": less(sqrt(4), 2),
    "a sign": less(Fraction(3, 2), sqrt(2)),
    "one entry of a matrix": equal(identity(2), diagonal([1, Fraction(10**9 + 1, 10**9)])),
}


@pytest.mark.parametrize("relation", TRUE.values(), ids=TRUE)
def test_a_true_relation_is_certified_by_algebra_and_seen_in_balls(relation: Any) -> None:
    claim = Identity((clause("a", relation),))
    assert conclusions("symbolic", claim) == [("holds", "certified")]
    assert conclusions("precision", claim) == [("holds", "numerical")]


@pytest.mark.parametrize("name", FALSE)
def test_a_false_relation_is_refuted(name: str) -> None:
    claim = Identity((clause("right", less(0, 1)), clause("wrong", FALSE[name])))
    assert conclusions("symbolic", claim) == [("holds", "certified"), ("refuted", "certified")]
    in_balls = conclusions("precision", claim)[1][0]
    assert in_balls == ("undecided" if name == "a strict sign at equality" else "refuted")


def test_what_the_normal_form_cannot_decide_is_undecided() -> None:
    outside = equal(nuclear_norm(ones(2, 3)), 2)  # √6 is not in the field of its sides
    assert conclusions("symbolic", Identity((clause("a", outside),)))[0][0] == "undecided"
    irrational = nuclear_norm(sqrt(2) * ones(2, 2) + identity(2))
    assert conclusions("symbolic", Identity((clause("a", less(0, irrational)),)))[0][0] == "undecided"


@pytest.mark.parametrize("engine", ["convex", "descent", "sampling"])
def test_other_engines_are_unable_to_examine_an_identity(engine: str) -> None:
    with pytest.raises(Unable):
        found(engine, Identity((clause("a", less(0, 1)),)))


def test_exact_singular_values_need_rational_squares_and_their_roots() -> None:
    field = AlgebraicNumbers([sqrt(6)])
    matrix = field.evaluate(ones(2, 3))
    (value,) = field.singular_values(matrix)
    assert field.is_zero(value - field.evaluate(sqrt(6)))
    with pytest.raises(Undecidable, match="not in this field"):
        AlgebraicNumbers([]).singular_values(AlgebraicNumbers([]).evaluate(ones(2, 3)))
    skew = diagonal([1, 2]) + ones(2, 2)
    with pytest.raises(Undecidable, match="not rational"):
        field.singular_values(field.evaluate(skew))


# -------------------------------------------------------------------------------------------------------- beaten value


def test_a_lower_point_is_found_made_exact_and_belongs_to_the_claim() -> None:
    claim = NotGlobalMinimum(BEATEN, deep_neural_collapse(BEATEN))
    evidence = found("descent", claim)
    assert [(f.clause, f.conclusion, f.assurance) for f in evidence.findings] == [("beaten", "holds", "certified")]
    lower, fit = evidence.certificates
    assert (lower["kind"], fit["kind"]) == ("counterexample", "exact fit")
    assert check(dict(lower))
    assert check(dict(fit))
    assert differs(lower, claim) == differs(fit, claim) == ""
    assert found("descent", claim).certificates == evidence.certificates


def test_a_certificate_of_another_problem_or_value_does_not_belong() -> None:
    value = deep_neural_collapse(BEATEN)
    claim = NotGlobalMinimum(BEATEN, value)
    lower, fit = found("descent", claim).certificates
    other = BEATEN.with_(decays="1/10")
    assert differs(lower, NotGlobalMinimum(other, value)) == "the problem is another one"
    assert differs(lower, NotGlobalMinimum(BEATEN, value + 1)) == "the claimed value is another one"
    assert differs(lower, GlobalMinimum(BEATEN, value)) == ""
    assert differs(lower, CriticalPoints(BEATEN, (clause("a", less(0, 1)),)))
    assert differs(lower, Identity((clause("a", less(0, 1)),))).endswith("a claim of the kind identity")
    assert differs(fit, NotGlobalMinimum(BEATEN, value + 1)) == "the value is not that of deep neural collapse"
    assert differs(fit, NotGlobalMinimum(other, deep_neural_collapse(other)))[:28] == "deep neural collapse is zero"
    smaller = BEATEN.with_(decays="1/1000")
    assert differs(fit, NotGlobalMinimum(smaller, deep_neural_collapse(smaller))) == ""
    for changed in (
        BEATEN.with_(depth=3, widths=3, decays="1/20"),
        BEATEN.with_(widths=(4, 4, 4, 4)),
        BEATEN.with_(class_sizes=(2, 1, 1)),
        BEATEN.with_(activation="linear"),
        TWO,
    ):
        assert differs(fit, NotGlobalMinimum(changed, deep_neural_collapse(changed))) == "the problem is another one"
    scalar = Minimisation(variable("x") ** 2, {"x": variable("x")})
    assert differs(fit, NotGlobalMinimum(scalar, constant(1))) == "the problem is another one"
    assert differs({"kind": "geometry", "model": BEATEN.to_json()}, claim) == (
        "only a lower point shows that a value is beaten"
    )


def test_a_value_that_is_not_beaten_stays_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(load("descent").SECONDS, "quick", 0.1)  # type: ignore[attr-defined]
    assert conclusions("descent", NotGlobalMinimum(TWO, deep_neural_collapse(TWO))) == [("undecided", "none")]


def test_linear_models_and_formulas_are_searched_too() -> None:
    linear = TWO.with_(activation="linear")
    value = deep_neural_collapse(linear)
    for slack, expected in ((Fraction(1, 100), ("holds", "certified")), (Fraction(0), ("undecided", "none"))):
        assert conclusions("descent", NotGlobalMinimum(linear, value + slack)) == [expected]
    x = variable("x")
    below = NotGlobalMinimum(Minimisation((x - 1) ** 2 + 1, {"x": x}), constant(Fraction(11, 10)))
    assert conclusions("descent", below) == [("holds", "certified")]
    (certificate,) = found("descent", below).certificates
    assert differs(certificate, below) == ""


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "descent"])
def test_other_engines_are_unable_to_find_a_lower_point(engine: str) -> None:
    with pytest.raises(Unable):
        found(engine, NotGlobalMinimum(BEATEN, deep_neural_collapse(BEATEN)))


def test_the_bound_by_norms_is_below_collapse_and_tight_for_one_class() -> None:
    for model in (BEATEN, TWO, TWO.with_(class_sizes=(4, 1))):
        assert float(norm_chain(model).high) < float(to_float(deep_neural_collapse(model)))
    single = TWO.with_(class_sizes=(3,))
    collapse = float(to_float(deep_neural_collapse(single)))
    assert float(norm_chain(single).low) == pytest.approx(collapse, rel=1e-14)
    value = constant(norm_chain(BEATEN).low * Fraction(999, 1000))
    assert conclusions("precision", NotGlobalMinimum(BEATEN, value)) == [("refuted", "certified")]
    assert ("value", "refuted") in [
        (f.clause, f.conclusion) for f in found("precision", GlobalMinimum(BEATEN, value)).findings
    ]


def test_sizes_of_the_new_kinds_can_be_ordered() -> None:
    assert size_of(Identity((clause("a", less(0, 1)),)), {"r": 4}) < size_of(NotGlobalMinimum(TWO, constant(1)), {})
    search = RivalSearch(NotGlobalMinimum(TWO, constant(Fraction(1, 10**6))), {}, 2)
    assert search.run(Instance(search.claim), 0, 0.0) is None


# --------------------------------------------------------------------------------------------------------- ReLU models


@pytest.mark.parametrize("collapsed", [True, False])
def test_a_start_at_collapse_is_near_it_over_class_means_and_over_all_columns(collapsed: bool) -> None:
    model = UnconstrainedFeatures(class_sizes=(3, 3), depth=3, decays="1/1000", widths=(3,), activation="relu")
    kernel = LayeredModel(model, collapsed)
    points = rivals.collapse(kernel, 3, torch.Generator().manual_seed(0)).points
    value = float(kernel.value_and_gradient(points)[0][0])
    assert value == pytest.approx(float(to_float(deep_neural_collapse(model))), rel=0.01)


def test_class_means_are_repeated_with_the_right_scale() -> None:
    model = UnconstrainedFeatures(class_sizes=(4, 1), depth=2, decays="1/50", activation="relu")
    values = []
    for collapsed in (True, False):
        kernel = LayeredModel(model, collapsed)
        points = rivals.collapse(kernel, 1, torch.Generator().manual_seed(0)).points
        values.append(float(kernel.value_and_gradient(points)[0][0]))
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_a_claimed_minimiser_of_a_relu_model_is_evaluated_exactly() -> None:
    statement = statements()["sukenik2023-global"]
    claim = statement.claim(statement.witness)
    assert isinstance(claim, GlobalMinimum)
    assert conclusions("symbolic", claim) == [("holds", "certified")]
    failing = GlobalMinimum(claim.problem, claim.value, claim.minimisers, (clause("a", equal(W_1(claim), 0)),))
    assert ("a", "refuted") in [(f.clause, f.conclusion) for f in found("symbolic", failing).findings]
    with pytest.raises(Unable):
        found("symbolic", GlobalMinimum(claim.problem, claim.value))
    with pytest.raises(Unable):
        found("precision", GlobalMinimum(claim.problem, claim.value))


def W_1(claim: GlobalMinimum) -> Any:
    return claim.problem.variables["W_1"][0, 0]


# -------------------------------------------------------------------------------------------------------------- graphs


def rows(formula: Any) -> list[list[Fraction]]:
    field = AlgebraicNumbers([formula])
    return [[Fraction(x) if isinstance(x, int) else x.rational() for x in row] for row in field.evaluate(formula)]


@pytest.mark.parametrize("r", [4, 5, 6])
def test_incidence_and_adjacency_are_those_of_the_complete_graph(r: int) -> None:
    edges = list(combinations(range(r), 2))
    assert len(edges) == r * (r - 1) // 2 == len(set(edges))
    assert rows(incidence(r)) == [[int(v in e) for e in edges] for v in range(r)]
    assert rows(adjacency(r)) == [[int(len({*e} & {*f}) == 1) for f in edges] for e in edges]


@pytest.mark.parametrize("r", range(3, 30))
def test_the_win_condition_holds_from_four_vertices_and_four_layers_on(r: int) -> None:
    K = r * (r - 1) // 2
    wins = [depth for depth in range(3, 12) if float(to_float(sukenik2024.win_side(r, depth))) < K ** (depth - 1)]
    assert wins == (list(range(4, 12)) if r >= 4 else [])


def test_matrices_from_integers_and_padding() -> None:
    matrix = sukenik2024.dense(((1, -2), (3, 4), (0, 5)), 2)
    assert rows(matrix) == [[Fraction(1, 2), -1], [Fraction(3, 2), 2], [0, Fraction(5, 2)]]
    assert rows(sukenik2024.padded(matrix, (4, 3)))[3] == [0, 0, 0]
    assert [row[:2] for row in rows(sukenik2024.padded(matrix, (4, 3)))][:3] == rows(matrix)
