"""What is claimed of the terms of a sequence is decided exactly; their limit is numerical at most, never refuted."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from theory import Convergence, UnconstrainedFeatures, deep_neural_collapse
from theory.claims import digest
from theory.ops import FormulaError, ShapeError, ones, sqrt, variable
from theory.statement import Instance
from verify.engines import ENGINES, Settings, load
from verify.recheck import differs
from verify.runner import examine
from verify.verdict import Evidence, Unable

F = Fraction
POWERS = tuple(2**k for k in range(1, 8))


def by(engine: str, claim: Convergence) -> Evidence:
    return load(engine).examine(Instance(claim), Settings(device="cpu"))


def root(n: int) -> Any:
    """√(1 + 1/n), within 1/(2n) of 1."""
    return sqrt(1 + F(1, n))


CLAIMS: dict[str, tuple[Callable[[], Convergence], dict[str, str]]] = {
    "a root, and its rate": (
        lambda: Convergence(root, 1, POWERS, rate=lambda n: F(1, 2 * n)),
        {"approaching": "holds", "within": "holds", "limit": "holds"},
    ),
    "a rate that is too good": (
        lambda: Convergence(root, 1, POWERS, rate=lambda n: F(12, 25 * n)),
        {"approaching": "holds", "within": "refuted", "limit": "holds"},
    ),
    "a rate that holds at its border": (
        lambda: Convergence(lambda n: F(1, n), 0, POWERS, rate=lambda n: F(1, n)),
        {"approaching": "holds", "within": "holds", "limit": "holds"},
    ),
    "from below, too far": (
        lambda: Convergence(lambda n: F(-1, n), 0, POWERS, rate=lambda n: F(1, n + 1)),
        {"approaching": "holds", "within": "refuted", "limit": "holds"},
    ),
    "another limit nearby": (
        lambda: Convergence(root, F(999, 1000), tuple(4**k for k in range(1, 9))),
        {"approaching": "holds", "limit": "undecided"},
    ),
    "a limit that is passed": (
        lambda: Convergence(root, F(101, 100), POWERS),
        {"approaching": "refuted", "limit": "undecided"},
    ),
    "a constant sequence": (
        lambda: Convergence(lambda n: 1, 0, POWERS),
        {"approaching": "refuted", "limit": "undecided"},
    ),
    "a limit that is reached": (
        lambda: Convergence(lambda n: max(F(0), 8 - F(n)), 0, POWERS),
        {"approaching": "refuted", "limit": "undecided"},
    ),
    "a sequence that does not settle": (
        lambda: Convergence(lambda n: F(3 if n % 3 else 1, n), 0, (1, 2, 3, 4, 5, 6)),
        {"approaching": "refuted", "limit": "undecided"},
    ),
    "the terms themselves, of a parameter that falls": (
        lambda: Convergence([1, F(1, 4), F(1, 16)], 0, (1, F(1, 2), F(1, 4)), rate=[1, F(1, 4), F(1, 10)]),
        {"approaching": "holds", "within": "holds", "limit": "holds"},
    ),
    "logarithmic, which no sample shows": (
        lambda: Convergence([F(1, k) for k in range(1, 9)], 0, tuple(10**k for k in range(8))),
        {"approaching": "holds", "limit": "undecided"},
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_decided_of_terms_and_what_is_not_of_the_limit(name: str) -> None:
    make, expected = CLAIMS[name]
    claim = make()
    found = examine(claim).clauses
    assert {clause: verdict.conclusion for clause, verdict in found.items()} == expected
    for clause, verdict in found.items():
        if expected[clause] == "holds":
            assert verdict.assurance == ("numerical" if clause == "limit" else "certified")


def test_the_whole_is_as_good_as_its_limit() -> None:
    verdict = examine(CLAIMS["a root, and its rate"][0]()).verdict
    assert (verdict.conclusion, verdict.assurance) == ("holds", "numerical")


def test_engines_that_know_nothing_of_it_say_so() -> None:
    claim = CLAIMS["a root, and its rate"][0]()
    for engine in set(ENGINES) - {"symbolic", "precision"}:
        with pytest.raises(Unable):
            by(engine, claim)
    assert {f.clause for f in by("symbolic", claim).findings} == {"approaching", "within"}
    assert differs({"kind": "spectrum"}, claim)


def test_a_minimum_as_its_decay_vanishes() -> None:
    """The minimum of two balanced classes goes to 0 with the decay."""

    def minimum(decay: F) -> Any:
        return deep_neural_collapse(UnconstrainedFeatures(class_sizes=(1, 1), depth=2, decays=decay))

    claim = Convergence(minimum, 0, [F(1, 100 * 4**k) for k in range(5)], rate=lambda decay: 10 * decay)
    found = examine(claim).clauses
    assert {verdict.conclusion for verdict in found.values()} == {"holds"}


MISUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "two parameters": (lambda: Convergence(root, 1, (1, 2)), "at least three parameters"),
    "one twice": (lambda: Convergence(root, 1, (1, 2, 2)), "that increase or decrease"),
    "back and forth": (lambda: Convergence(root, 1, (1, 3, 2)), "that increase or decrease"),
    "a float": (lambda: Convergence(root, 1, (1, 2, 3.5)), "exact positive parameters"),  # type: ignore[arg-type]
    "zero": (lambda: Convergence(lambda n: n, 1, (0, 1, 2)), "exact positive parameters"),
    "too few terms": (lambda: Convergence([1, 2], 1, (1, 2, 3)), "there are 3 parameters, but 2 terms"),
    "too many bounds": (lambda: Convergence(root, 1, (1, 2, 3), rate=[1] * 4), "there are 3 parameters, but 4 bounds"),
    "a matrix": (lambda: Convergence(lambda n: ones(n, n), 1, (1, 2, 3)), "each term is a scalar"),
    "a variable": (lambda: Convergence(lambda n: variable("x"), 1, (1, 2, 3)), "but x does"),
    "a float as term": (lambda: Convergence(lambda n: 1 / n, 0, (1, 2, 3)), "exact numbers"),
    "a matrix as limit": (lambda: Convergence(root, ones(1, 1), (1, 2, 3)), "scalar"),
}


@pytest.mark.parametrize("name", MISUSED)
def test_a_misused_convergence_gets_a_sentence(name: str) -> None:
    make, expected = MISUSED[name]
    with pytest.raises((FormulaError, ShapeError)) as error:
        make()
    assert expected in str(error.value)


def test_it_is_data() -> None:
    claims = [make() for make, _ in CLAIMS.values()]
    assert len({digest(claim) for claim in claims}) == len(claims)
    assert json.loads(json.dumps(claims[0].to_json()))["along"][0] == "2"
