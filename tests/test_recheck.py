"""Certificates of every kind are re-evaluated from their JSON; a changed one is rejected."""

import copy
from fractions import Fraction

import pytest

from theory.model import UnconstrainedFeatures
from theory.ops import constant
from theory.papers.dang2023.frames import general_orthogonal_frame
from theory.papers.dang2023.letters import LETTERS
from theory.statement import Instance
from verify.certificate import two_sided_bound
from verify.checker import Rejected
from verify.engines import Settings, load
from verify.recheck import recheck
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
