"""Every statement's theorem is accepted without a gap and entails its claims; no wrong version is proved."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

import proofs
from proofs.entailment import NotEntailed
from proofs.kernel.axioms import AXIOMS
from theory.claims import GlobalMinimum, digest
from theory.model import UnconstrainedFeatures
from theory.statement import Instance, Statement, statements
from verify.engines import Settings, load
from verify.verdict import HOLDS

IDS = list(statements())
WRONG = [(statement.id, wrong) for statement in statements().values() for wrong in statement.wrong]

MATCHED = 20
"""Instances of each statement whose claims are matched with its theorem here; ``--full`` runs match 300."""

DRAWN = 40
"""Instances drawn to find some on which a wrong version differs from the right one."""


def assurances(instance: Instance) -> dict[str, tuple[str, str]]:
    """What the symbolic engine finds, clause by clause."""
    findings = load("symbolic").examine(instance, Settings(device="cpu")).findings
    return {f.clause: (f.conclusion, f.assurance) for f in findings}


@pytest.mark.parametrize("id", IDS)
def test_a_theorem_is_accepted_without_a_gap(id: str) -> None:
    theorem = proofs.find(id)
    assert theorem is not None
    assert theorem.id == id
    assert not theorem.gaps
    assert theorem.axioms
    assert set(theorem.axioms) <= set(AXIOMS)


@pytest.mark.parametrize("id", IDS)
def test_every_clause_is_proved_on_every_instance(id: str) -> None:
    statement = statements()[id]
    assert (statement.expected.conclusion, statement.expected.at_least) == (HOLDS, "proved")
    for parameters in statement.instances(MATCHED, seed=7):
        found = assurances(Instance.of(statement, parameters))
        unproved = {name: f for name, f in found.items() if f != (HOLDS, "proved")}
        assert not unproved, parameters


@pytest.mark.parametrize(("id", "wrong"), WRONG)
def test_a_wrong_version_is_not_proved(id: str, wrong: str) -> None:
    statement, fewer = statements()[id], 0
    for parameters in differing(statement, wrong):
        claim = statement.claim(parameters, wrong)
        found = assurances(Instance.of(statement, parameters, wrong))
        fewer += any(found.get(name) != (HOLDS, "proved") for name in claim.clause_names)
    assert fewer


def differing(statement: Statement, wrong: str) -> list[dict[str, Any]]:
    """Instances on which the wrong version asserts something else."""
    drawn = [dict(statement.witness), *statement.draw(DRAWN), *map(dict, statement.configurations)]
    other = (p for p in drawn if digest(statement.claim(p)) != digest(statement.claim(p, wrong)))
    return list(islice(other, 3))


def test_the_pages_for_reading_are_those_of_the_proofs() -> None:
    from proofs.__main__ import FOLDER, pages

    written = dict(pages())
    for path, text in written.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run make proofs"
    kept = {*FOLDER.glob("*.md"), *FOLDER.glob("lemmas/*.md")}
    assert kept == set(written)


def test_a_statement_without_a_script_has_no_theorem() -> None:
    assert proofs.find("nobody2099-nothing") is None
    assert proofs.find("lemmas") is None
    assert proofs.find("../kernel") is None


def test_a_theorem_does_not_speak_of_another_problem() -> None:
    theorem = proofs.find("dang2023-value")
    assert theorem is not None
    claim = statements()["dang2023-scalar"].claim(
        {"depth": 3, "ratio": statements()["dang2023-scalar"].witness["ratio"]}
    )
    assert isinstance(claim, GlobalMinimum)
    with pytest.raises(NotEntailed):
        theorem.entails(claim, None, {})


def test_imbalanced_classes_with_a_bias_are_outside_the_theorem() -> None:
    from theory.arithmetic.algebraic import AlgebraicNumbers
    from theory.ops import constant

    theorem = proofs.find("dang2023-mse-balanced-bias")
    assert theorem is not None
    model = UnconstrainedFeatures(class_sizes=(2, 1), decays=1, bias="last-layer")
    with pytest.raises(NotEntailed, match="imbalanced"):
        theorem.entails(GlobalMinimum(model, constant(1)), AlgebraicNumbers([]), {})
