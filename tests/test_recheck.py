"""Certificates of every kind are re-evaluated from their JSON; a changed one is rejected."""

import copy
import json
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import pytest
from instances import drawn

from theory.claims import CriticalPoints, GlobalMinimum, Inequality, digest
from theory.model import UnconstrainedFeatures
from theory.ops import constant, trace
from theory.papers.dang2023.frames import general_orthogonal_frame
from theory.papers.dang2023.letters import LETTERS
from theory.statement import Instance, statements
from verify.certificate import geometry, spectrum, two_sided_bound
from verify.checker import Rejected, check
from verify.engines import Settings, load
from verify.recheck import Rechecked, differs, in_separate_interpreter, recheck, with_statement
from verify.runner import examine
from verify.verdict import Unable
from verify.witness import lower_point


def enclosure(depth):
    model = UnconstrainedFeatures(class_sizes=(2, 1), depth=depth, decays="1/20")
    (certificate,) = load("convex").examine(Instance(general_orthogonal_frame(model, LETTERS)), Settings()).certificates
    return certificate


def counterexample():
    model = UnconstrainedFeatures(class_sizes=(1,), decays=1)
    found = lower_point(model, {"W_1": [[Fraction(0)]], "H": [[Fraction(0)]]}, constant(1))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("certificate", "change"),
    [
        (enclosure(1), lambda c: c.update(lower=str(Fraction(c["lower"]) + Fraction(1, 10**40)))),
        (enclosure(1), lambda c: c.update(upper=str(Fraction(c["upper"]) - Fraction(1, 10**40)))),
        (enclosure(2), lambda c: c.update(lower=str(Fraction(c["lower"]) + Fraction(1, 10**40)))),
        (enclosure(2), lambda c: c["model"].update(class_sizes=[1, 1])),
        (counterexample(), lambda c: c["point"].update(W_1=[["10"]])),
        (counterexample(), lambda c: c.update(claim={**c["claim"], "value": [["rational", [], "1/2", []], [0]]})),
        (two_sided_bound(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/20")), lambda c: c.update(kind="proof")),
    ],
)
def test_a_certificate_is_accepted_and_its_changed_twin_rejected(certificate, change):
    assert recheck(certificate)
    twin = copy.deepcopy(dict(certificate))
    change(twin)
    with pytest.raises(Rejected):
        recheck(twin)


# ------------------------------------------------------------ which statement a certificate belongs to


def is_bounded(problem):
    return (
        problem.is_linear
        if isinstance(problem, UnconstrainedFeatures)
        else len(problem.nonnegative) == len(problem.variables) == 1
    )


WITHOUT = {
    "dang2023-balancedness": "critical points have no certificate; they are proved",
    "dang2023-bias-vector": "critical points have no certificate; they are proved",
    "dang2023-schatten": "an inequality that holds has no certificate; it is proved",
}
"""Statements without a kind of certificate, with the reason."""

BOUNDED = [
    s.id
    for s in statements().values()
    if s.id not in WITHOUT and isinstance(s.claim(s.witness), GlobalMinimum) and is_bounded(s.claim(s.witness).problem)
]
"""Statements about minima that two-sided bounds enclose: those of linear models, and scalar ones."""

WRONG = [(id, wrong) for id in BOUNDED for wrong in statements()[id].wrong]
EXAMINED = 8


def certificates(statement, parameters, wrong=None):
    instance = Instance.of(statement, parameters, wrong)
    found = []
    for name in ("precision", "convex"):
        with suppress(Unable):
            found += load(name).examine(instance, Settings()).certificates
    return found


@pytest.mark.parametrize("id", BOUNDED)
def test_certificates_belong_to_their_statement(id):
    statement = statements()[id]
    for parameters in statement.instances(3, seed=3):
        found = certificates(statement, parameters)
        assert found
        assert not [reason for c in found if (reason := differs(c, statement.claim(parameters)))]


@pytest.mark.parametrize(("id", "wrong"), WRONG)
def test_no_certificate_belongs_to_a_wrong_version(id, wrong):
    statement = statements()[id]
    apart = (p for p in drawn(id) if told_apart(statement.claim(p), statement.claim(p, wrong)))
    other = list(islice(apart, EXAMINED))
    reasons = (differs(c, statement.claim(p, wrong)) for p in other for c in certificates(statement, p))
    assert any(reasons) or (not other and wrong not in VALUES.get(id, ()))


VALUES = {"zhu2021-ce-etf": ("value off by 1e-6",), "dang2024-relu-ce": ("value off by 1e-6",)}
"""Wrong versions that change a value, of statements whose certificates speak of the value alone."""


def told_apart(claim, other):
    """Whether a certificate can tell two claims apart: that of a dual matrix speaks of problem and value alone."""
    if isinstance(claim, GlobalMinimum) and not getattr(claim.problem, "has_modes", True):
        return (claim.problem, claim.value) != (other.problem, other.value)
    return digest(claim) != digest(other)


def test_a_certificate_of_another_claim_is_refused():
    model = UnconstrainedFeatures(class_sizes=(4, 1), depth=2, decays="1/50")
    claim, other = (
        general_orthogonal_frame(model, LETTERS),
        general_orthogonal_frame(model.with_(depth=3, widths=2, decays="1/50"), LETTERS),
    )
    for certificate in (two_sided_bound(model), geometry(model)):
        assert differs(certificate, claim) == ""
        assert differs(certificate, other) == "the problem is another one"
        assert differs(certificate, Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(1, 1)))
        assert differs({**certificate, "model": {}}, claim)
    assert differs(two_sided_bound(model), CriticalPoints(model, ()))
    assert differs(spectrum([[Fraction(1)]], [([Fraction(-1), Fraction(1)], 1)]), claim)


def test_a_counterexample_is_one_of_the_value_that_it_states():
    model = UnconstrainedFeatures(class_sizes=(1,), decays=1)
    assert differs(counterexample(), GlobalMinimum(model, constant(1))) == ""
    assert differs(counterexample(), GlobalMinimum(model, constant(2))) == "the claimed value is another one"


def kept(tmp_path, certificate):
    path = tmp_path / "one.json"
    path.write_text(json.dumps(certificate), encoding="utf-8")
    (found,) = in_separate_interpreter([path])
    return with_statement(found)


def test_a_file_is_held_against_the_statement_that_it_names(tmp_path):
    (first, *_), value = examine(statements()["dang2023-value"], ["precision"], count=0).certificates, "dang2023-value"
    assert first["origin"]["statement"] == value
    assert f"said to be of {value}, not checked here" not in check(first)
    good = kept(tmp_path, first)
    assert good.accepted
    assert good.text.endswith(f"rebuilt from {value}: the same")
    assert kept(tmp_path, {k: v for k, v in first.items() if k != "origin"}).accepted
    for change in (
        {"statement": "dang2023-schatten"},
        {"statement": "dang2023-*"},
        {"statement": "nothing"},
        {"parameters": "{}"},
        {"parameters": "[" * 10_000},
        {"parameters": "__import__('os')"},
        {"parameters": first["origin"]["parameters"].replace('"depth":', '"depth":1')},
    ):
        found = kept(tmp_path, {**first, "origin": {**first["origin"], **change}})
        assert not found.accepted, change
        assert "\n" not in found.text
    for origin in (
        None,
        {},
        {"statement": "a"},
        {"statement": 1, "parameters": ""},
        {"statement": "a\nb", "parameters": ""},
    ):
        assert not kept(tmp_path, {**first, "origin": origin}).accepted


def test_a_name_that_nothing_has_is_missed_where_it_was_looked_for(tmp_path):
    certificate = {**counterexample(), "origin": {"statement": "nothing", "parameters": "{}"}}
    assert kept(tmp_path, certificate).text.endswith(
        "nothing is no statement; conjectures of your own need --conjecture FILE"
    )
    found = replace(kept(tmp_path, certificate), accepted=True)
    assert with_statement(found, (), "mine.py").text.endswith("nothing is no statement, nor a conjecture of mine.py")


def test_what_the_checker_rejected_stays_rejected():
    found = Rechecked("nowhere.json", False, "because")
    assert with_statement(found) is found


def test_threshold_and_geometry_certificates_stand_with_the_value():
    statement = statements()["dang2023-deep-imbalanced-equality"]
    kinds = {c["kind"] for c in examine(statement, ["precision"], count=0).certificates}
    assert kinds == {"two-sided bound", "geometry", "identity"}


def test_no_file_can_speak_for_another(tmp_path):
    """A name with a line break, a crash, a missing file: each file gets its own word."""
    good = json.dumps(two_sided_bound(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/20")))
    paths = [tmp_path / name for name in ("a.json", "b\nc.json: accepted: all.json", "d.json", "missing.json")]
    for path, text in zip(paths, (good, "{}", good), strict=False):
        path.write_text(text, encoding="utf-8")
    found = list(in_separate_interpreter(paths))
    assert [one.path for one in found] == [str(path) for path in paths]
    assert [one.accepted for one in found] == [True, False, True, False]


def test_a_checker_that_ends_early_accepts_nothing(tmp_path, monkeypatch):
    script = tmp_path / "checker.py"
    script.write_text(f"print('{tmp_path}/a.json: accepted: x; assuming nothing')", encoding="utf-8")
    monkeypatch.setattr("verify.recheck.checker.__file__", str(script))
    found = list(in_separate_interpreter([tmp_path / "a.json", tmp_path / "b.json"]))
    assert [one.accepted for one in found] == [False, False]
