"""Every engine against every wrong version: who refutes what. The table is printed at the end of the test run.

"refuted" is exact evidence. "noticed" is a violation that floats or balls see but cannot decide: a candidate, never a
refutation. "holds" means that the engine saw nothing wrong in the clauses that it examines.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from instances import drawn

from theory.claims import digest
from theory.papers.ufm import LANDSCAPE_WRONG
from theory.statement import Instance, statements
from verify.engines import ENGINES, Settings, load
from verify.verdict import REFUTED, UNDECIDED, Unable

CASES = [(statement.id, wrong) for statement in statements().values() for wrong in statement.wrong]

EXAMINED = {"symbolic": 3, "precision": 3, "convex": 3, "descent": 1, "sampling": 2}
"""How many of these each engine examines; descent takes seconds where the others take tenths."""

LARGEST = 12
"""Widths of the instances examined here: wrong versions need no large ones."""

A_MOMENT = 0.3
"""Seconds for a point below a value that no point is below, which descent would look for in vain."""

EXACT_ONLY = "critical points are exact only in the free algebra; elsewhere a violation at one is a candidate"
BOUND_ONLY = "only the bound by norms excludes lower points of a deep model; not finding one decides nothing"
DESCENT_ONLY = "the directions of negative curvature are few: points drawn at random miss them"
DUAL_ONLY = "only the dual of the convex problem excludes lower points; not finding one decides nothing"
BOXES_ONLY = "only a critical point that is shown to exist decides; elsewhere a violation at one is a candidate"
TIGHT_ONLY = "the inequality is tight at pairs of points that are not met at random"
NEAR_ONLY = "the inequality is nearly tight at a minimum that descent finds and points drawn at random miss"
ONLY_ONE = {
    ("dang2023-balancedness", "decays exchanged"): EXACT_ONLY,
    ("dang2023-balancedness", "missing factor N at the features"): EXACT_ONLY,
    ("dang2023-bias-vector", "bias n_k/(N + n_k)"): EXACT_ONLY,
    ("dang2023-bias-vector", "bias 1/K"): EXACT_ONLY,
    ("sukenik2024-thresholds", "C = 1 in place of C = K"): BOUND_ONLY,
    ("sukenik2024-small-k", "C = 1 in place of C = K"): BOUND_ONLY,
    ("sukenik2024-scope", "C = 1 in place of C = K"): BOUND_ONLY,
    ("sukenik2024-few-layers", "C = 1 in place of C = K"): BOUND_ONLY,
    ("garrod2025-critical-structure", "up to a constant, as for gradient flow"): EXACT_ONLY,
    ("garrod2025-dnc-not-global", "the decays left out"): BOUND_ONLY,
    ("garrod2025-dnc-not-global-outside", "the decays left out"): BOUND_ONLY,
    ("garrod2025-relu-not-global", "the decays left out"): BOUND_ONLY,
    ("garrod2025-relu-not-global-outside", "the decays left out"): BOUND_ONLY,
    ("garrod2025-depth-limit-weak", "three eighths of γ"): NEAR_ONLY,
    ("garrod2025-dnc-psd", "at a tenth of the scale"): DESCENT_ONLY,
    ("garrod2025-dnc-psd-sharp", "a twentieth lower"): DESCENT_ONLY,
    ("jacot2024-critical-balance", "up to a hundredth"): BOXES_ONLY,
    ("jacot2024-critical-balance", "up to a tenth"): BOXES_ONLY,
    ("jacot2024-critical-balance", "λ⁻¹ for −λ⁻¹"): BOXES_ONLY,
    ("jacot2024-critical-balance", "κ(W_L) to the power L2 − 1"): BOXES_ONLY,
    ("seli-finite-lam", "beaten by a tenth"): DUAL_ONLY,
    ("ufm-global", "norm off by 1e-3"): TIGHT_ONLY,
    ("zhu2021-landscape-narrow", "ten times the curvature"): BOXES_ONLY,
    ("zhou2022mse-landscape", "d = K − 1"): BOXES_ONLY,
} | {
    (id, wrong): BOXES_ONLY
    for id in ("zhu2021-landscape", "zhou2022mse-landscape", "losses-ls-landscape", "regression-landscape")
    for wrong in LANDSCAPE_WRONG
    if (id, wrong) != ("zhou2022mse-landscape", "every critical point is global")  # zero shows it, too
}
"""Wrong versions that a single engine can refute, with the reason."""


MEASURED = "what a program measures is numerical: a wrong version of an experiment is a candidate, with the numbers"


@pytest.mark.parametrize(("id", "wrong"), CASES)
def test_wrong_version_is_refuted(id: str, wrong: str, record_property: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(load("descent").SECONDS, "quick", A_MOMENT)  # type: ignore[attr-defined]
    instances = differing(id, wrong)
    assert instances, "the wrong version is the right one on every instance"
    outcomes = {engine: outcome(engine, instances[: EXAMINED[engine]]) for engine in ENGINES}
    measured = instances[0].claim.kind == "experiment"
    record_property("wrong version", [id, wrong, outcomes, MEASURED if measured else ONLY_ONE.get((id, wrong), "")])
    refuters = [engine for engine, found in outcomes.items() if found == "refuted"]
    assert not [found for found in outcomes.values() if found.startswith("error")], outcomes
    if measured:
        assert outcomes == {engine: "noticed" if engine == "descent" else "unable" for engine in ENGINES}
    elif (id, wrong) in ONLY_ONE:
        assert len(refuters) == 1, outcomes
    else:
        assert len(refuters) >= 2, outcomes


FALSE = [statement.id for statement in statements().values() if statement.expected.conclusion == REFUTED]


@pytest.mark.parametrize("id", [id for id in statements() if id not in FALSE])
def test_right_version_is_never_refuted_on_the_same_instances(id: str) -> None:
    statement = statements()[id]
    parameters = [p for p in [dict(statement.witness), *statement.draw(1)] if small(p)]
    for engine in ENGINES:
        instances = [Instance.of(statement, p) for p in parameters[: EXAMINED[engine]]]
        assert outcome(engine, instances) in ("holds", "unable", "-")


@pytest.mark.parametrize("id", FALSE)
def test_a_false_statement_is_refuted_at_its_witness(id: str) -> None:
    statement = statements()[id]
    instance = Instance.of(statement, statement.witness)
    assert "refuted" in [outcome(engine, [instance]) for engine in ENGINES]


def differing(id: str, wrong: str) -> list[Instance]:
    """Small instances on which the wrong version asserts something else."""
    statement = statements()[id]
    different = (p for p in drawn(id) if small(p) and digest(statement.claim(p)) != digest(statement.claim(p, wrong)))
    return [Instance.of(statement, p, wrong) for p in islice(different, max(EXAMINED.values()))]


def small(parameters: dict[str, Any]) -> bool:
    model = parameters.get("model")
    return model is None or max(*model.widths, model.K) <= LARGEST


def outcome(engine: str, instances: list[Instance]) -> str:
    """The strongest thing that an engine says about any of the instances."""
    said = "-"
    for instance in instances:
        try:
            findings = load(engine).examine(instance, Settings(device="cpu")).findings
        except Unable:
            said = "unable" if said == "-" else said
            continue
        except Exception as error:
            return f"error: {error!r}"
        if any(f.conclusion == REFUTED for f in findings):
            return "refuted"
        if any(f.conclusion == UNDECIDED for f in findings):
            said = "noticed"
        elif said in ("-", "unable"):
            said = "holds"
    return said
