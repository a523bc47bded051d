"""Statements build claims only where their hypotheses hold; strategies place models exactly where they are asked to."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory.statement as registry
from theory.claims import GlobalMinimum, Inequality, digest
from theory.model import UnconstrainedFeatures
from theory.ops import constant
from theory.statement import (
    DRAWN,
    Instance,
    Source,
    Statement,
    StatementError,
    conjecture,
    find,
    statements,
    theorem,
)
from theory.strategies import (
    ABOVE,
    AT,
    BELOW,
    balanced_sizes,
    decay_product,
    decays_with_product,
    imbalanced_sizes,
    models,
    threshold,
)
from verify.report import description, show_json

F = Fraction


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_registry", {})
    monkeypatch.setattr(registry, "PAPERS", ())
    return


def square(shift: int = 0, size: int = 1) -> Inequality:
    """A square is at least its shift."""
    return Inequality(lambda u: constant(shift - 1), lambda u: u**2 * size, u=())


def statement(**fields: Any) -> Statement:
    return conjecture(**({"size": st.integers(1, 5), "hypotheses": {"odd": lambda size: size % 2 == 1}} | fields))(
        square
    )


def test_a_hypothesis_that_is_not_met_is_named() -> None:
    with pytest.raises(StatementError, match="square: hypothesis not met: odd"):
        statement().claim({"size": 2})


def test_what_keeps_instances_small_is_no_hypothesis_of_the_theorem() -> None:
    """It holds for drawn instances all the same, and is shown, under another name."""
    small = {"odd": lambda size: size % 2 == 1, DRAWN + "at most 3": lambda size: size <= 3}
    made = statement(hypotheses=small)
    assert (made.assumed, made.limits) == (["odd"], ["at most 3"])
    assert {p["size"] for p in made.draw(9)} == {1, 3}
    assert {name: show_json([made])["statements"][0][name] for name in ("hypotheses", "instances")} == {
        "hypotheses": ["odd"], "instances": ["at most 3"]
    }  # fmt: skip
    labels = [str(cell) for cell in description(made).columns[0].cells]
    assert (labels.count("hypothesis"), labels.count("instances")) == (1, 1)


def test_an_unknown_wrong_version_is_an_error() -> None:
    made = statement(wrong={"too high": {"shift": 7}})
    assert digest(made.claim({"size": 1}, "too high")) != digest(made.claim({"size": 1}))
    for unknown in ("too low", ""):
        with pytest.raises(StatementError, match="no wrong version"):
            made.claim({"size": 1}, unknown)


def test_drawing_is_reproducible_different_and_within_the_hypotheses() -> None:
    made = statement()
    drawn = made.draw(10, seed=3)
    assert drawn == made.draw(10, seed=3)
    assert sorted(p["size"] for p in drawn) == [1, 3, 5], "a finite family is drawn without repetition"
    assert made.draw(0) == []
    assert len(made.draw(2)) == 2


def test_instances_come_with_the_witness_and_the_configurations_first() -> None:
    made = statement(witness={"size": 5}, configurations=({"size": 3},))
    assert made.instances(0) == [{"size": 5}, {"size": 3}]


def test_a_strategy_for_something_else_is_an_error() -> None:
    with pytest.raises(StatementError, match="strategy for sice"):
        conjecture(sice=st.integers())(square)


def test_an_instance_can_be_built_again_elsewhere() -> None:
    made = statement(wrong={"too high": {"shift": 7}})
    instance = Instance.of(made, {"size": 3}, "too high")
    assert instance.rebuild is not None
    assert digest(instance.rebuild(size=3)) == digest(instance.claim)
    with pytest.raises(StatementError, match="hypothesis"):
        instance.rebuild(size=2)
    assert Instance(instance.claim).rebuild is None


@pytest.mark.usefixtures("empty_registry")
def test_two_theorems_cannot_share_an_id() -> None:
    def other() -> Inequality:
        return square()

    theorem("paper-square")(square)
    theorem("paper-square")(square)
    with pytest.raises(StatementError, match="two statements have the id paper-square"):
        theorem("paper-square")(other)
    assert list(statements()) == ["paper-square"]


def test_find_takes_patterns_and_names_the_nearest() -> None:
    assert [s.id for s in find("dang2023-value")] == ["dang2023-value"]
    assert [s.id for s in find("dang2023-*")] == [id for id in statements() if id.startswith("dang2023-")]
    for unknown in ("dang2023-valeu", "dang2023"):
        with pytest.raises(StatementError, match=r"no statement matches .*; nearest: dang2023-"):
            find(unknown)
    for unlike in ("", "[", "xyzzy"):
        with pytest.raises(StatementError, match=r'no statement matches "[^"]*"$'):
            find(unlike)


def test_a_source_prints_its_provenance() -> None:
    assert str(Source("Dang et al. 2023", "v5", "Theorem 3.1", "R")) == "Dang et al. 2023 (v5), Theorem 3.1 [R]"


def test_a_minimum_is_a_claim_too() -> None:
    made = conjecture(model=models(sizes=balanced_sizes(), depth=st.just(1), ratios=AT))(
        lambda model: GlobalMinimum(model, constant(0))
    )
    assert {p["model"].M for p in made.draw(3)} == {1}


# --------------------------------------------------------------------------------------------------------- strategies


def sides(model: UnconstrainedFeatures) -> set[int]:
    """Where the classes are: N^{M+1} Λ against n^M (M−1)^{M−1} / M^{2M}, in rationals; 0 is the threshold itself."""
    found = set()
    for n in model.class_sizes:
        left = model.N ** (model.M + 1) * model.feature_decay * prod(model.weight_decays)
        right = F(n**model.M * (model.M - 1) ** (model.M - 1), model.M ** (2 * model.M))
        found.add((left > right) - (left < right))
    return found


@pytest.mark.parametrize(("ratios", "side"), [(BELOW, -1), (AT, 0), (ABOVE, 1)])
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_drawn_class_is_exactly_where_it_was_asked_to_be(data: Any, ratios: Any, side: int) -> None:
    sizes = imbalanced_sizes() | balanced_sizes()
    model = data.draw(models(sizes=sizes, depth=st.integers(1, 8), ratios=ratios, narrow=None))
    assert side in sides(model)
    balanced = data.draw(models(sizes=balanced_sizes(), depth=st.integers(1, 8), ratios=ratios, bias="last-layer"))
    assert sides(balanced) == {side}


@pytest.mark.parametrize("bias", ["none", "last-layer"])
@pytest.mark.parametrize("narrow", [False, True])
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_widths_are_narrow_where_asked(data: Any, narrow: bool, bias: str) -> None:
    sizes = imbalanced_sizes(st.integers(3, 5))
    model = data.draw(models(sizes=sizes, depth=st.integers(1, 5), ratios=BELOW, narrow=narrow, bias=bias))
    modes = model.K - 1 if model.has_bias else model.K
    assert (min(model.widths) < modes) == narrow
    assert model.bias == bias


@given(st.data(), st.integers(1, 8), st.fractions(min_value=F(1, 10**30), max_value=10**6))
@settings(deadline=None)
def test_decays_have_the_product_asked_for(data: Any, depth: int, product: Fraction) -> None:
    weights, feature = data.draw(decays_with_product(product, depth))
    assert len(weights) == depth
    assert min(*weights, feature) > 0
    assert feature * prod(weights) == product


def test_thresholds() -> None:
    assert [threshold(M) for M in (1, 2, 3)] == [1, F(1, 16), F(4, 729)]
    assert decay_product((3, 1), 1, 3, F(1)) == F(3, 16)
