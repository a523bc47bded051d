"""The theorem of a statement that is to be proved is accepted and entails its claims; no wrong version is proved."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import sympy as sp
from instances import drawn

import proofs
from proofs.entailment import NotEntailed
from proofs.kernel.axioms import AXIOMS
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.render import outline
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import trace
from proofs.kinds import Balanced, LayeredBound
from proofs.lemmas.bias import bias_section
from proofs.lemmas.critical_points import neighbours
from proofs.lemmas.identities import balance_section
from proofs.lemmas.minimum import solve
from proofs.lemmas.scalar import scalar_section
from proofs.lemmas.scales import best_scale
from proofs.lemmas.setting import CRITICAL_POINT, B, P, lam, m
from proofs.theorem import FOLDER, TRUSTED, Section, Theorem, require_plain
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.claims import GlobalMinimum, digest
from theory.model import UnconstrainedFeatures
from theory.statement import Instance, Statement, statements
from verify.engines import Settings, load
from verify.verdict import HOLDS, Unable

PROVED = [statement for statement in statements().values() if statement.expected.at_least == "proved"]
IDS = [statement.id for statement in PROVED]
WRONG = [(statement.id, wrong) for statement in PROVED for wrong in statement.wrong]

ELEMENTARY = {
    *(f"sukenik2024-{name}" for name in ("srg-output", "srg-constant", "srg-loss", "srg-three-layers", "rank")),
    *(f"garrod2024-{name}" for name in ("gn-split", "ce-layer-spectrum", "ce-two-classes", "ce-gradient", "ce-parts")),
    *(f"garrod2024-{name}" for name in ("layer-hessian-kron", "second-variation", "ce-split")),
}
"""Theorems that need no classical fact: identities of polynomials in r, of matrices, and induction."""

MATCHED = 6
"""Instances of each statement whose claims are matched with its theorem here; ``--full`` runs match 300."""


def assurances(instance: Instance) -> dict[str, tuple[str, str]]:
    """What the symbolic engine finds, clause by clause."""
    try:
        findings = load("symbolic").examine(instance, Settings(device="cpu")).findings
    except Unable:
        return {}
    return {f.clause: (f.conclusion, f.assurance) for f in findings}


@pytest.mark.parametrize("id", IDS)
def test_a_theorem_is_accepted_without_a_gap(id: str) -> None:
    theorem = proofs.find(id)
    assert theorem is not None
    assert theorem.id == id
    assert not theorem.gaps
    assert bool(theorem.axioms) != (id in ELEMENTARY)
    assert set(theorem.axioms) <= set(AXIOMS)


@pytest.mark.parametrize("id", IDS)
def test_every_clause_is_proved_on_every_instance(id: str) -> None:
    statement = statements()[id]
    assert statement.expected.conclusion == HOLDS
    for parameters in statement.instances(MATCHED, seed=7):
        found = assurances(Instance.of(statement, parameters))
        assert found
        unproved = {name: f for name, f in found.items() if f != (HOLDS, "proved")}
        assert not unproved, parameters


@pytest.mark.parametrize(("id", "wrong"), WRONG)
def test_a_wrong_version_is_not_proved(id: str, wrong: str) -> None:
    assert any(lacks_a_proof(Instance.of(statements()[id], p, wrong)) for p in differing(statements()[id], wrong))


def lacks_a_proof(instance: Instance) -> bool:
    """Whether some clause is not proved."""
    found = assurances(instance)
    return any(found.get(name) != (HOLDS, "proved") for name in instance.claim.clause_names)


def differing(statement: Statement, wrong: str) -> list[dict[str, Any]]:
    """Instances on which the wrong version asserts something else."""
    other = (p for p in drawn(statement.id) if digest(statement.claim(p)) != digest(statement.claim(p, wrong)))
    return list(islice(other, 3))


def test_the_pages_for_reading_are_those_of_the_proofs() -> None:
    from proofs.__main__ import FOLDER, pages

    written = dict(pages())
    for path, text in written.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run make proofs"
    kept = {*FOLDER.glob("*.md"), *FOLDER.glob("lemmas/*.md")}
    assert kept == set(written)


def test_a_statement_with_a_theorem_expects_to_be_proved() -> None:
    assert {id for id in statements() if proofs.find(id) is not None} == set(IDS)


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
    from theory.ops import constant

    theorem = proofs.find("dang2023-mse-balanced-bias")
    assert theorem is not None
    model = UnconstrainedFeatures(class_sizes=(2, 1), decays=1, bias="last-layer")
    with pytest.raises(NotEntailed, match="imbalanced"):
        theorem.entails(GlobalMinimum(model, constant(1)), AlgebraicNumbers([]), {})


# ------------------------------------------------------------ theorems that their steps do not support


def without_sections() -> Theorem:
    return Theorem("wrong", (), balance_section()[1])


def with_an_entailment_of_its_own() -> Theorem:
    entails = lambda claim, field, roots: dict.fromkeys(claim.clause_names, "")  # noqa: E731
    return Theorem("wrong", balance_section()[:1], entails)  # type: ignore[arg-type]


def with_a_kind_of_its_own() -> Theorem:
    class Everything(Balanced):
        def entails(self, claim: Any, field: Any, roots: Any) -> dict[str, str]:
            return dict.fromkeys(claim.clause_names, "")

    return Theorem("wrong", balance_section()[:1], Everything(balance_section()[1].neighbours))


def with_an_empty_section() -> Theorem:
    section, balanced = balance_section()
    return Theorem("wrong", (section, Section("nothing", Proof("nothing", replace(CRITICAL_POINT)))), balanced)


def with_a_fact_made_by_hand() -> Theorem:
    section, balanced = balance_section()
    return Theorem("wrong", (section,), Balanced(replace(balanced.neighbours)))


def with_the_steps_of_another_proof() -> Theorem:
    section, _ = balance_section()
    return Theorem("wrong", (section,), Balanced(neighbours(Proof("another", CRITICAL_POINT))))


def with_a_setting_of_its_own() -> Theorem:
    lie = lam(1) * trace(P @ P.T)
    proof = Proof("mine", replace(CRITICAL_POINT, meanings={"lie": (0 * lie, None)}))
    fact = neighbours(proof)
    return Theorem("wrong", (Section("mine", proof),), Balanced(fact))


def with_another_formula() -> Theorem:
    proof = Proof("another", CRITICAL_POINT)
    return Theorem("wrong", (Section("another", proof),), Balanced(proof.meaning("last layer")))


def with_fewer_layers() -> Theorem:
    proof = Proof("fewer", CRITICAL_POINT)
    fact = proof.at("above the features", neighbours(proof), m, layers=(sp.Integer(1), M - 1))
    return Theorem("wrong", (Section("fewer", proof),), Balanced(fact))


def in_a_case() -> Theorem:
    proof = Proof("case", CRITICAL_POINT)
    fact = neighbours(proof)
    wide = proof.case("λ > 1", lam(0) - 1, "> 0")
    return Theorem(
        "wrong", (Section("case", proof),), Balanced(proof.algebra("there", fact.body, 1 * fact, known=[wide]))
    )


def with_an_unused_step() -> Theorem:
    proof = Proof("unused", CRITICAL_POINT)
    fact = neighbours(proof)
    proof.meaning("last layer")
    return Theorem("wrong", (Section("unused", proof),), Balanced(fact))


def with_a_conclusion_made_by_hand() -> Theorem:
    section, balanced = balance_section()
    return Theorem("wrong", (section._replace(conclusions=(Fact("B = 0", B),)),), balanced)


def without_the_construction() -> Theorem:
    solved = solve()
    return Theorem("wrong", solved.sections[:1], solved.minimum)


def with_the_geometry_exchanged() -> Theorem:
    solved = solve()
    geometry = replace(solved.minimum.geometry, nc1=solved.minimum.geometry.means)
    kind = replace(solved.minimum, geometry=geometry)
    needed = (*solved.sections[0].conclusions, solved.minimum.geometry.nc1)
    return Theorem("wrong", (solved.sections[0]._replace(conclusions=needed), solved.sections[1]), kind)


def with_another_root() -> Theorem:
    solved = solve()
    kind = replace(solved.minimum, modes=replace(solved.minimum.modes, root=solved.minimum.energy))
    needed = (*solved.sections[0].conclusions, solved.minimum.modes.root)
    return Theorem("wrong", (solved.sections[0]._replace(conclusions=needed), solved.sections[1]), kind)


def with_a_bound_from_another_power() -> Theorem:
    solved = solve()
    return Theorem("wrong", solved.sections, LayeredBound(solved.minimum, solved.small[0], solved.minimum.energy))


def with_the_losses_exchanged() -> Theorem:
    section, kind = best_scale()
    return Theorem("wrong", (section,), replace(kind, value=kind.at_zero, at_zero=kind.value))


def with_other_outputs() -> Theorem:
    section, kind = best_scale()
    needed = (*section.conclusions, kind.outputs)
    return Theorem("wrong", (section._replace(conclusions=needed),), replace(kind, outputs=kind.value))


def with_the_scalar_values_exchanged() -> Theorem:
    section, kind = scalar_section()
    return Theorem("wrong", (section,), replace(kind, value=kind.at_zero, at_zero=kind.value))


UNSUPPORTED: dict[Callable[[], Theorem], str] = {
    without_sections: "has sections",
    with_an_entailment_of_its_own: "not one of the kinds",
    with_a_kind_of_its_own: "not one of the kinds",
    with_an_empty_section: "has steps",
    with_a_fact_made_by_hand: "not a step",
    with_the_steps_of_another_proof: "not a step",
    with_a_setting_of_its_own: "each setting",
    with_another_formula: "balancedness",
    with_fewer_layers: "balancedness",
    in_a_case: "balancedness",
    with_an_unused_step: "never used",
    with_a_conclusion_made_by_hand: "not a step",
    without_the_construction: "each setting",
    with_the_geometry_exchanged: "where the factors are",
    with_another_root: "another form",
    with_a_bound_from_another_power: "another form",
    with_the_losses_exchanged: "loss at a stationary point",
    with_other_outputs: "z = ",
    with_the_scalar_values_exchanged: "value at a stationary point",
}


@pytest.mark.parametrize("build", UNSUPPORTED, ids=lambda build: build.__name__)
def test_a_theorem_that_its_steps_do_not_support_is_rejected(build: Callable[[], Theorem]) -> None:
    with pytest.raises(Rejected, match=UNSUPPORTED[build]):
        build()


def test_a_theorem_with_a_gap_entails_nothing() -> None:
    proof = Proof("gap", CRITICAL_POINT)
    above = neighbours(proof)
    guess = proof.gap("a guess", above.body, layers=above.layers)
    theorem = Theorem("gap", (Section("gap", proof, (above,)),), Balanced(guess))
    statement = statements()["dang2023-balancedness"]
    assert theorem.gaps
    with pytest.raises(NotEntailed, match="gap"):
        theorem.entails(statement.claim(statement.witness), None, {})


def test_the_minimum_without_a_bias_does_not_speak_of_one() -> None:
    statement = statements()["dang2023-mse-balanced-bias"]
    solved = solve()
    assert solved.minimum.bias is None
    with pytest.raises(NotEntailed, match="without a bias"):
        solved.minimum.entails(statement.claim(statement.witness), None, {})


OWN = {
    "dang2023-balancedness": lambda: balance_section()[1],
    "dang2023-bias-vector": lambda: bias_section()[1],
    "dang2023-deep-imbalanced": lambda: solve().minimum,
    "dang2023-scalar": lambda: scalar_section()[1],
    "sukenik2024-g": lambda: best_scale()[1],
    "dang2023-schatten": lambda: LayeredBound(solve().minimum, *solve().small),
}
"""A statement of each kind of theorem."""


@pytest.mark.parametrize("other", OWN)
@pytest.mark.parametrize("id", OWN)
def test_a_kind_does_not_speak_of_the_claims_of_another(id: str, other: str) -> None:
    claim = statements()[other].claim(statements()[other].witness)
    if id != other:
        with suppress(NotEntailed):
            assert "" not in OWN[id]().entails(claim, None, {}).values()


REACHING = {
    "import os": "imports os",
    "from proofs.kernel.proof import _vanishes": "imports _vanishes",
    "import proofs.kernel.proof as p\np._vanishes = None": "uses _vanishes",
    "import proofs.kernel.proof as p\np.is_zero = None": "changes a part",
    "from proofs.kernel.axioms import AXIOMS\nAXIOMS['lie'] = ''": "changes a part",
    "def f(proof):\n    proof._accept('magic', None)": "uses _accept",
    "def f(proof, fact):\n    object.__setattr__(fact, 'body', 0)": "uses",
    "def f(proof, fact):\n    setattr(fact, 'body', 0)": "uses setattr",
    "def f(proof):\n    vars(proof)['steps'] = []": "uses vars|changes",
    "import sympy as sp\nx = sp.sympify('0')": "uses sympify",
    "import sympy as sp\nx = sp.S('0')": "uses S of SymPy",
    "import sympy as sp\nx = sp.expand('0')": "uses expand of SymPy",
    "from sympy import S\nx = S('0')": "imports sympy otherwise",
    "from sympy import Integer": "imports sympy otherwise",
    "import sympy\nx = sympy.S('0')": "imports sympy otherwise",
    "import sympy.core as sp": "imports sympy otherwise",
    "from proofs.kernel.proof import Proof\nclass Mine(Proof):\n    pass": "subclass Mine",
    "class Mine:\n    def __sub__(self, other):\n        return 0": "defines __sub__",
}
"""Scripts that would change what decides, and what is said of them."""


@pytest.mark.parametrize("source", REACHING)
def test_a_script_that_reaches_into_the_kernel_is_refused(source: str) -> None:
    with pytest.raises(Rejected, match=REACHING[source]):
        require_plain(source, "script.py")


def test_scripts_and_lemmas_are_plain() -> None:
    checked = [
        p
        for p in (*FOLDER.glob("*.py"), *FOLDER.glob("lemmas/*.py"))
        if p.relative_to(FOLDER).as_posix() not in TRUSTED
    ]
    assert len(checked) > 20
    for path in checked:
        require_plain(path.read_text(encoding="utf-8"), path.name)


MACRO = re.compile(r"\\([A-Za-z]+)")
USED = """top frac right left operatorname cdots ldots ge sqrt mathbf mathrm ell log rVert lVert mapsto sum times le
bar dot ddot alpha beta gamma delta theta kappa lambda mu rho sigma tau varphi Delta Theta Lambda Phi"""
KNOWN_MACROS = frozenset(re.findall(r"\w+", USED))
"""Of LaTeX, as pages use them."""


@pytest.mark.parametrize("id", IDS)
def test_a_proof_can_be_printed_and_its_page_has_no_unknown_macro(id: str) -> None:
    theorem = proofs.find(id)
    assert theorem is not None
    assert "Conclusion" in outline(id, theorem.sections, theorem.conclusion, theorem.axioms)
    page = (FOLDER / f"{id}.md").read_text("utf-8")
    assert set(MACRO.findall(page)) <= KNOWN_MACROS


def test_a_script_for_another_statement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from proofs import dang2023_value, theorem

    monkeypatch.setattr(dang2023_value, "theorem", lambda: theorem.find("dang2023-balancedness"))
    with pytest.raises(Rejected, match="does not give the theorem"):
        theorem.find.__wrapped__("dang2023-value")
    monkeypatch.setattr(dang2023_value, "theorem", lambda: "everything")
    with pytest.raises(Rejected, match="does not give the theorem"):
        theorem.find.__wrapped__("dang2023-value")


@pytest.mark.parametrize("id", ["dang2023-balancedness", "dang2023-bias-vector", "dang2023-mse-balanced"])
def test_a_theorem_does_not_speak_of_another_model(id: str) -> None:
    theorem = proofs.find(id)
    assert theorem is not None
    claim = statements()[id].claim(statements()[id].witness)
    claim = replace(claim, problem=copy(claim.problem))
    object.__setattr__(claim.problem, "activation", "relu")
    with pytest.raises(NotEntailed, match="linear models"):
        theorem.entails(claim, AlgebraicNumbers([]), {})
