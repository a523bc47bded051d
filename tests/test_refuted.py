"""Every published statement that is refuted has a certificate at its witness, and a tampered one counts for nothing.

What fails at a critical point whose existence Krawczyk's test shows has none: the checker has no such test.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest

from theory.statement import Instance, statements
from verify import checker
from verify.engines import Settings, load
from verify.recheck import differs
from verify.verdict import Unable
from verify.witness import COUNTEREXAMPLES, failed_relation

REFUTED = {
    name: s
    for name, s in statements().items()
    if s.expected.conclusion == "refuted" and s.claim(s.witness).kind != "critical points"
}
Certificate = dict[str, Any]


@pytest.fixture(scope="module", params=REFUTED)
def refuted(request: pytest.FixtureRequest) -> tuple[Any, Certificate]:
    """The claim at the statement's witness, and the first certificate that an engine writes of its failure."""
    statement = REFUTED[request.param]
    claim = statement.claim(statement.witness)
    for engine in ("symbolic", "precision", "sampling", "descent"):
        try:
            evidence = load(engine).examine(Instance.of(statement, statement.witness, None), Settings(device="cpu"))
        except Unable:
            continue
        found = [dict(c) for c in evidence.certificates if c["kind"] in COUNTEREXAMPLES]
        if found:
            return claim, found[0]
    raise AssertionError("no engine wrote a certificate")


def test_the_witness_has_a_certificate_that_the_checker_accepts(refuted: tuple[Any, Certificate]) -> None:
    claim, certificate = refuted
    text = checker.check(certificate)
    assert differs(certificate, claim) == ""
    assert "add(" not in text
    assert "matmul(" not in text


def a_digit(certificate: Certificate) -> None:
    """The first number of the claim's formulas, or of its model's decays, is another."""
    claim = certificate["claim"]
    rows = claim.get("sides") or claim["value"]
    row = next((row for row in rows[:-1] if row[0] == "rational"), None)
    if row is None:
        claim["sides"][0][2] = f"{claim['sides'][0][2]}1"
    else:
        row[2] = str(Fraction(row[2]) + Fraction(1, 10**9))


def turned(certificate: Certificate) -> None:
    """What is claimed to fail, or to be undercut, is what is true."""
    claim = certificate["claim"]
    if "everywhere" in claim:
        claim["everywhere"]["sides"][-1] = [claim["everywhere"]["sides"][-1][0]] * 2
        claim["everywhere"]["sign"] = "≤"
    elif "sign" in claim:
        claim.update(sides=[*claim["sides"][:-1], [claim["sides"][-1][1]] * 2], sign="≤")
    elif "sides" in claim:
        claim["sides"][-1].reverse()
    else:
        claim["value"] = [["rational", [], "0", []], [0]]


def a_point(certificate: Certificate) -> None:
    """The point is larger, or one is given where nothing varies."""
    point = certificate.setdefault("point", {"x": "1"})
    name = max(point)
    if isinstance(point[name], list):
        point[name][0][0] = "1000"


@pytest.mark.parametrize("change", [a_digit, turned, a_point], ids=lambda change: change.__name__)
def test_a_tampered_certificate_is_rejected(
    refuted: tuple[Any, Certificate], change: Callable[[Certificate], None]
) -> None:
    claim, certificate = refuted
    twin = copy.deepcopy(certificate)
    change(twin)
    assert twin != certificate
    assert not is_evidence(twin, claim)


def is_evidence(certificate: Mapping[str, Any], claim: Any) -> bool:
    """Whether the checker accepts a certificate, and it speaks of the claim."""
    try:
        checker.check(certificate)
    except checker.Rejected:
        return False
    return not differs(certificate, claim)


def test_a_relation_that_nobody_claims_is_no_evidence() -> None:
    claim = REFUTED["losses-focal-scale"].claim(REFUTED["losses-focal-scale"].witness)
    other = {"clause": "value", "sign": "<", "sides": [["rational", [], "1", []], ["rational", [], "0", []], [0, 1]]}
    certificate = {"format": checker.FORMAT, "kind": "failed relation", "claim": other}
    assert checker.check(certificate)
    assert differs(certificate, claim) == "the relation is another one"


def test_the_name_of_a_clause_is_the_claims() -> None:
    claim = REFUTED["losses-focal-scale"].claim(REFUTED["losses-focal-scale"].witness)
    (own,) = [c for c in (failed_relation(c.name, r) for c in claim.clauses for r in c.relations) if c is not None]
    assert checker.check(own).startswith(f"{own['claim']['clause']}: ")
    assert differs(own, claim) == ""
    renamed = {**own, "claim": {**own["claim"], "clause": "another"}}
    assert checker.check(renamed).startswith("another: ")
    assert differs(renamed, claim) == "the relation is another one"
