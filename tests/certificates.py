"""Good certificates of every kind, made by the product's own writers where there are any, and by hand elsewhere."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from typing import Any

from theory.claims import Inequality, at_most, equal, less
from theory.model import UnconstrainedFeatures
from theory.ops import (
    constant,
    exp,
    frobenius_norm,
    identity,
    log,
    log_sum_exp,
    nuclear_norm,
    ones,
    operator_norm,
    rank,
    sqrt,
    sum_squares,
    trace,
)
from theory.papers.dang2023.frames import general_orthogonal_frame, simplex_frame
from theory.papers.dang2023.letters import LETTERS, BWithoutM
from theory.spaces import nonnegative, psd
from theory.statement import Instance, statements
from theory.strategies import decay_product
from verify.certificate import geometry, spectrum, threshold_identity, two_sided_bound
from verify.engines import Settings, load
from verify.methods.duals import bounds as bounds_by_descent
from verify.witness import exact_fit, failed_relation, lower_point, violation

F = Fraction
Certificate = dict[str, Any]


@cache
def good() -> dict[str, list[Certificate]]:
    """At least three certificates of each kind, as they are read from a file."""
    made = {
        "two-sided bound": bounds(),
        "geometry": geometries(),
        "identity": identities(),
        "dual": duals(),
        "sos": sums_of_squares(),
        "counterexample": counterexamples(),
        "inequality witness": witnesses(),
        "failed relation": failures(),
        "exact fit": exact_fits(),
        "spectrum": spectra(),
    }
    return {kind: [json.loads(json.dumps(c)) for c in certificates] for kind, certificates in made.items()}


def model(sizes: tuple[int, ...], depth: int = 1, decays: str = "1/20", **fields: Any) -> UnconstrainedFeatures:
    return UnconstrainedFeatures(class_sizes=sizes, depth=depth, decays=decays, **fields)


def at_threshold(sizes: tuple[int, ...], depth: int, bias: str = "none") -> UnconstrainedFeatures:
    """The largest class exactly at its threshold."""
    decays = decay_product(sizes, depth, max(sizes), F(1))
    return UnconstrainedFeatures(
        class_sizes=sizes, depth=depth, weight_decays=(F(1),) * depth, feature_decay=decays, bias=bias
    )


def bounds() -> list[Certificate]:
    return [
        two_sided_bound(m)
        for m in (
            model((3, 2, 1)),
            model((2, 1), 3, "1/100"),
            model((4, 4, 1), 2, "1/50", widths=(2, 5)),
            model((2, 2, 2), 2, "1/100", bias="last-layer"),
            model((2, 2, 2), 2, "1/100", bias="last-layer", widths=(2, 4)),
        )
    ]


def geometries() -> list[Certificate]:
    return [
        geometry(m)
        for m in (
            model((3, 2, 1)),
            model((5, 2, 2), 2, "1/30"),
            at_threshold((4, 2), 3),
            model((20, 1), decays="1/10"),
            model((4, 4, 4, 1), 2, "1/50", widths=(2, 5)),
            model((2, 2, 2), 2, "1/100", bias="last-layer"),
        )
    ]


def identities() -> list[Certificate]:
    cases = [((4, 2), 2, "none"), ((3, 1, 1), 3, "none"), ((2, 2), 2, "last-layer")]
    return [threshold_identity(at_threshold(sizes, depth, bias), max(sizes)) for sizes, depth, bias in cases]


def duals() -> list[Certificate]:
    squared = [model((2, 1)), model((3, 2, 1), decays="1/100"), model((2, 2), bias="last-layer")]
    found = []
    for m in squared:
        claim = simplex_frame(m, LETTERS) if m.has_bias else general_orthogonal_frame(m, LETTERS)
        found += [dict(c) for c in load("convex").examine(Instance(claim), Settings()).certificates]
    return [*found, *map(bounds_by_descent, LOSSES)]


LOSSES = (
    model((2, 2, 2), decays="1/10", loss="ce"),
    model((3, 1), decays="1/20", loss="ce", bias="last-layer"),
    model((3, 2, 1), decays="1/30", loss="label-smoothing", alpha="1/10", bias="last-layer", bias_decay="1/5"),
    model((4, 1, 1), decays="1/20", loss="ce", sign="nonnegative"),
)
"""Models with other losses, one layer each."""


def sums_of_squares() -> list[Certificate]:
    found = []
    for m in (model((2, 1), 2), model((3, 1), 3, "1/100")):
        found += load("convex").examine(Instance(general_orthogonal_frame(m, LETTERS)), Settings()).certificates
    scalar = statements()["dang2023-scalar"]
    for ratio in (F(1, 2), F(2)):
        claim = scalar.claim({"depth": 3, "ratio": ratio})
        found += load("convex").examine(Instance(claim), Settings()).certificates
    return [dict(c) for c in found]


def counterexamples() -> list[Certificate]:
    one = model((1,), decays="1")
    zero = {"W_1": [[F(0)]], "H": [[F(0)]]}
    found = [lower_point(one, zero, constant(1)), lower_point(one, zero, sqrt(constant(F(1, 3))))]
    two = {"W_1": [[F(1), F(0)], [F(0), F(1)]], "M": [[F(1), F(0)], [F(0), F(1)]]}
    for loss in ({"loss": "ce"}, {"loss": "label-smoothing", "alpha": "1/10"}, {"loss": "focal", "gamma": "3/2"}):
        found.append(lower_point(model((1, 1), decays="1/100", **loss), two, log(2)))
    wrong = general_orthogonal_frame(model((2, 1), 2, "1/100"), BWithoutM())
    for engine in ("sampling", "descent"):
        found += load(engine).examine(Instance(wrong), Settings(device="cpu")).certificates
    scalar = statements()["dang2023-scalar"]
    claim = scalar.claim({"depth": 3, "ratio": F(1, 2)}, "threshold too high")
    wrong_scalar = statements()["dang2023-scalar"].claim({"depth": 2, "ratio": F(1, 2)}, "smallest root")
    for problem in (claim, wrong_scalar):
        found += load("sampling").examine(Instance(problem), Settings(device="cpu")).certificates
    narrow = statements()["resnet2025-gufm-mse-narrow"].claim({"sizes": (1, 1), "decay": F(1, 5)})
    found += load("symbolic").examine(Instance(narrow), Settings()).certificates
    return [dict(c) for c in found if c is not None]


def failures() -> list[Certificate]:
    """Relations that fail because the left side is larger."""
    relations = [
        equal(sqrt(2), log(4)),
        at_most(rank(ones(2, 3)) + 1, 1),
        less(sqrt(4), 2),
        at_most(F(3, 2) * ones(2, 2), identity(2)),
        less(exp(1), F(5, 2)),
    ]
    return [c for c in (failed_relation("some clause", r) for r in relations) if c is not None]


def witnesses() -> list[Certificate]:
    X = {"X": [[F(1), F(0)], [F(1), F(1)]]}
    claims = [
        Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(2, 2)),
        Inequality(lambda X: nuclear_norm(X), lambda X: frobenius_norm(X), X=(2, 2)),
        Inequality(lambda X: trace(X @ X.T), lambda X: trace(X) + sqrt(constant(F(1, 2))), X=(2, 2)),
        Inequality(lambda X: log_sum_exp(X)[0, 1], lambda X: log(exp(X)[0, 1] + 1) + F(3, 10), X=(2, 2)),
    ]
    claims += [
        Inequality(
            lambda X: nuclear_norm(X),
            lambda X: frobenius_norm(X),
            X=(2, 2),
            where=lambda X: [equal(trace(X), 2), at_most(sum_squares(X), 3), less(operator_norm(X), 2)],
        ),
        Inequality(lambda X: sum_squares(X), lambda X: 5, X=psd(2), where=lambda X: at_most(ones(2, 2), X)),
        Inequality(lambda X: trace(X), lambda X: 1, X=nonnegative(2, 2), where=lambda X: equal(X[0, 1], 0)),
    ]
    found = [violation(claim, X) for claim in claims]
    assert all(found)
    return [c for c in found if c is not None]


def exact_fits() -> list[Certificate]:
    """Three classes in two directions, told apart by the last ReLU; also in wider layers, and with one layer more."""
    means = [[F(1), F(0), F(5, 6)], [F(0), F(1), F(5, 6)]]
    keep, last = [[F(1), F(0)], [F(0), F(1)]], [[F(1), F(-1)], [F(-1), F(1)], [F(3, 4), F(3, 4)]]
    cases = [(4, 3, [keep, keep, last]), (4, 5, [keep, keep, last]), (5, 3, [keep, keep, keep, last])]
    found = [
        exact_fit(model((1, 1, 1), depth, "1/100", widths=widths, activation="relu"), means, weights)
        for depth, widths, weights in cases
    ]
    return [c for c in found if c is not None]


def spectra() -> list[Certificate]:
    one = F(1)
    etf = [[F(2, 3) if i == j else F(-1, 3) for j in range(3)] for i in range(3)]
    golden = [[one, one], [one, 0 * one]]
    return [
        spectrum(etf, [([-one, one], 2), ([0 * one, one], 1)]),
        spectrum(golden, [([-one, -one, one], 1)]),
        spectrum([[F(5, 2)]], [([F(-5, 2), one], 1)]),
    ]
