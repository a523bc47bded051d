"""The corpus: good certificates of each kind are accepted; tampered, changed and hostile ones rejected with a reason.

A changed certificate that is accepted must be right about what it then claims, and something other than the checker
says so.
"""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from certificates import good

from theory import optimum
from theory.arithmetic.floats import Floats
from theory.arithmetic.interpreters import Balls, precision
from theory.model import UnconstrainedFeatures
from theory.ops import compare, from_json
from theory.papers.dang2023.letters import LETTERS
from theory.reductions import class_mean_objective, class_mean_variables
from theory.strategies import decay_product
from verify import checker

F = Fraction
Certificate = dict[str, Any]
KINDS = list(checker.KINDS)
LEAST_FUZZED = 5_000
STRIDE = {"counterexample": 4, "inequality witness": 2}
"""Of kinds whose check takes many bits where numbers tie, only every so manieth change is tried."""

SOURCE = Path(checker.__file__)


@pytest.mark.parametrize("kind", KINDS)
def test_good_certificates_are_accepted(kind: str) -> None:
    found = good()[kind]
    assert len(found) >= 3
    for certificate in found:
        assert checker.check(checker.load(json.dumps(certificate)))


# ------------------------------------------------------------ tampered twins


def tamper(*path: Any, to: Any) -> Callable[[Certificate], None]:
    """Replace what stands at a path, by a value or by a function of the old one."""

    def change(c: Any) -> None:
        for step in path[:-1]:
            c = c[step]
        c[path[-1]] = to(c[path[-1]]) if callable(to) else to

    return change


def plus(amount: str) -> Callable[[str], str]:
    return lambda old: str(F(old) + F(amount))


def drop(*path: Any) -> Callable[[Certificate], None]:
    def change(c: Any) -> None:
        for step in path[:-1]:
            c = c[step]
        del c[path[-1]]

    return change


def swap(a: str, b: str) -> Callable[[Certificate], None]:
    def change(c: Certificate) -> None:
        c[a], c[b] = c[b], c[a]

    return change


def change_weights(c: Certificate, change: Callable[[int, list[int]], int]) -> None:
    """Say of each mode what holds of another one."""
    weights = [mode["weight"] for mode in c["modes"]]
    for mode in c["modes"]:
        mode["weight"] = change(mode["weight"], [w for w in weights if w != mode["weight"]])


def all_zero(c: Certificate) -> None:
    """Each mode has the same β, but is said to be zero."""
    for mode in c["modes"]:
        beta = mode.get("beta", "1/1000")
        mode["beta"] = beta if isinstance(beta, str) else beta[0]
        mode.pop("x", None), mode.pop("outside", None), mode.pop("singular", None)


def unit(matrix: list[list[str]]) -> list[list[str]]:
    """The identity of three classes, zero-padded to a factor's shape."""
    return [[str(int(i == j < 3)) for j in range(len(row))] for i, row in enumerate(matrix)]


def all_at_threshold(c: Certificate) -> None:
    """No model of the corpus has each of its modes at a threshold."""
    c["modes"] = [{"weight": mode["weight"]} for mode in c["modes"]]


COMMON = {
    "another format": tamper("format", to="collapse certificate 2"),
    "an unknown kind": tamper("kind", to="proof"),
    "a kind in a list": tamper("kind", to=lambda old: [old]),
    "an extra key": lambda c: c.update(note="trust me"),
}
ENCLOSED = {
    "a higher lower bound": lambda c: c.update(low=str(F(c["low"]) + F(1, 10**6))),
    "a lower upper bound": lambda c: c.update(high=str(F(c["high"]) - F(1, 10**6))),
    "bounds exchanged": lambda c: c.update(low=c["high"], high=c["low"]),
    "a bound as a float": lambda c: c.update(low=0.01),
    "no lower bound": lambda c: c.pop("low"),
}
MODELLED = {
    "a dropped class": drop("model", "class_sizes", 0),
    "another class size": tamper("model", "class_sizes", 0, to=lambda n: n + 5),
    "another decay": tamper("model", "feature_decay", to="7"),
    "a negative decay": tamper("model", "feature_decay", to=lambda x: "-" + x),
    "another loss": tamper("model", "loss", to="hinge"),
    "no widths": drop("model", "widths"),
}
TAMPERED: dict[str, dict[str, Any]] = {
    "two-sided bound": COMMON | ENCLOSED | MODELLED,
    "geometry": COMMON
    | MODELLED
    | {
        "a dropped mode": drop("modes", 0),
        "a mode twice": lambda c: c["modes"].append(c["modes"][0]),
        "modes exchanged": lambda c: change_weights(c, lambda w, others: others[0] if others else w + 1),
        "all modes zero": all_zero,
        "all modes at a threshold": all_at_threshold,
        "modes as an object": tamper("modes", to=lambda modes: dict(enumerate(modes))),
        "a weight as text": tamper("modes", 0, "weight", to=str),
        "a weight of no class": tamper("modes", 0, "weight", to=7),
    },
    "identity": COMMON
    | MODELLED
    | {
        "a size off by one": tamper("weight", to=lambda n: n + 1),
        "a weight as text": tamper("weight", to=str),
        "one layer more": tamper("model", "depth", to=lambda m: m + 1),
    },
    "dual": COMMON
    | {
        "a higher lower bound": tamper("lower", to="2"),
        "no lower bound": drop("lower"),
        "another decay": tamper("model", "feature_decay", to="1/1000000"),
        "a negative decay": tamper("model", "feature_decay", to=lambda x: "-" + x),
        "another loss": tamper("model", "loss", to="hinge"),
        "a dropped class": drop("model", "class_sizes", 0),
        "a lower bound as a float": tamper("lower", to=0.01),
        "no widths": drop("model", "widths"),
    },
    "sos": COMMON
    | {
        "a higher lower bound": tamper("lower", to=plus("1/1000000")),
        "a lower upper bound": tamper("upper", to=plus("-1/1000000")),
        "bounds exchanged": swap("lower", "upper"),
        "a bound as a float": tamper("lower", to=0.01),
        "no lower bound": drop("lower"),
        "no upper bound": drop("upper"),
        "a bound as a list": tamper("upper", to=lambda x: [x]),
    },
    "counterexample": COMMON
    | {
        "a lower claim": tamper("claim", "value", to=lambda _: [["rational", [], "-1", []], [0]]),
        "no claim": drop("claim"),
        "no point": drop("point"),
        "an empty point": tamper("point", to=lambda _: {}),
        "a variable too many": lambda c: c["point"].update(Z="1"),
        "a point as a list": tamper("point", to=lambda p: [p]),
        "a value without roots": lambda c: c["claim"].update(value=[]),
        "an operation that is not known": lambda c: c["claim"].update(value=[["import", [], None, []], [0]]),
    },
    "inequality witness": COMMON
    | {
        "sides exchanged": lambda c: c["claim"]["sides"][-1].reverse(),
        "equal sides": lambda c: c["claim"]["sides"].append([c["claim"]["sides"].pop()[0]] * 2),
        "one side": lambda c: c["claim"]["sides"][-1].pop(),
        "the zero point": lambda c: c["point"].update(X=[["0", "0"], ["0", "0"]]),
        "a point of another shape": lambda c: c["point"].update(X=[["1"]]),
        "an empty point": tamper("point", to=lambda _: {}),
        "a circular formula": lambda c: c["claim"]["sides"][1].__setitem__(3, [1]),
        "no claim": drop("claim"),
        "no constraints": lambda c: c["claim"].pop("where"),
        "a constraint that fails": lambda c: c["claim"]["where"].append({"sign": "<", "sides": c["claim"]["sides"]}),
        "a constraint of another sign": lambda c: c["claim"]["where"].append(
            {"sign": ">", "sides": [*c["claim"]["sides"][:-1], c["claim"]["sides"][-1][::-1]]}
        ),
    },
    "failed relation": COMMON
    | {
        "sides exchanged": lambda c: (c["claim"]["sides"][-1].reverse(), c["claim"].update(sign="≤")),
        "equal sides": lambda c: c["claim"].update(sides=[*c["claim"]["sides"][:-1], [0, 0]], sign="≤"),
        "one side": lambda c: c["claim"]["sides"][-1].pop(),
        "another sign": tamper("claim", "sign", to=">"),
        "a sign in a list": tamper("claim", "sign", to=lambda sign: [sign]),
        "a point": lambda c: c.update(point={}),
        "a variable": lambda c: c["claim"]["sides"].__setitem__(0, ["variable", [], "x", []]),
        "a circular formula": lambda c: c["claim"]["sides"][-2].__setitem__(3, [10]),
        "no claim": drop("claim"),
        "no sign": drop("claim", "sign"),
        "no clause": drop("claim", "clause"),
        "a clause of two lines": tamper("claim", "clause", to="one\ntwo"),
    },
    "exact fit": COMMON
    | {
        "a dropped class": drop("model", "class_sizes", 0),
        "a larger class": tamper("model", "class_sizes", 0, to=lambda n: n + 1),
        "a bias": tamper("model", "bias", to="last-layer"),
        "linear layers": tamper("model", "activation", to="linear"),
        "one layer less": tamper("model", "depth", to=lambda m: m - 1),
        "a changed weight": tamper("point", "W_2", 0, 0, to=plus("1/1000")),
        "no means": drop("point", "M"),
        "samples in place of means": lambda c: c["point"].update(H=c["point"].pop("M")),
        "outputs that are not the labels": tamper("point", "M", 0, 0, to=plus("1")),
        "collapse itself": lambda c: c["point"].update({name: unit(x) for name, x in c["point"].items()}),
    },
    "spectrum": COMMON
    | {
        "another entry": tamper("matrix", 0, 0, to=plus("1")),
        "another root": tamper("factors", 0, "polynomial", 0, to=plus("1")),
        "another multiplicity": tamper("factors", 0, "multiplicity", to=lambda m: m + 1),
        "a dropped factor": drop("factors", 0),
        "a factor twice": lambda c: c["factors"].append(c["factors"][0]),
        "a dropped row": drop("matrix", 0),
        "a multiplicity as text": tamper("factors", 0, "multiplicity", to=str),
        "factors without a leading 1": tamper("factors", 0, "polynomial", -1, to="2"),
    },
}


TWINS = [(kind, name) for kind, changes in TAMPERED.items() for name in changes]


def test_there_are_ten_tampered_twins_of_each_kind() -> None:
    assert set(TAMPERED) == set(KINDS)
    assert all(len(changes) >= 10 for changes in TAMPERED.values())


@pytest.mark.parametrize(("kind", "name"), TWINS)
def test_a_tampered_twin_is_rejected(kind: str, name: str) -> None:
    for certificate in good()[kind]:
        twin = copy.deepcopy(certificate)
        TAMPERED[kind][name](twin)
        with pytest.raises(checker.Rejected) as reason:
            checker.check(checker.load(json.dumps(twin)))
        assert str(reason.value)
        assert "Traceback" not in str(reason.value)


# ------------------------------------------------------------ fuzz


def changes(value: Any) -> list[Any]:
    """What a leaf is changed to."""
    if isinstance(value, bool) or value is None:
        return [0, "x"]
    if isinstance(value, int):
        return [value + 1, value - 1, -value - 1, 0, 10**30, str(value), [value], None]
    if isinstance(value, str):
        try:
            number = F(value)
        except ValueError:
            return [value + "x", "", 7, None]
        moved = [number + 1, -number - 1, number * F(1_000_001, 1_000_000), number * F(999_999, 1_000_000), F(0)]
        return [*map(str, moved), value + "0" * 3_000, value + "/0", 0.5, True, [value]]
    return []


def mutants(certificate: Any) -> Iterator[Any]:
    """The certificate with each leaf changed in every way, each key renamed and dropped, each item dropped."""
    for path in paths(certificate):
        parent = certificate
        for step in path[:-1]:
            parent = parent[step]
        old = parent[path[-1]]
        for new in changes(old):
            yield altered(certificate, path, lambda container, key, new=new: container.__setitem__(key, new))
        yield altered(certificate, path, lambda container, key: container.__delitem__(key))
        if isinstance(path[-1], str):
            yield altered(
                certificate, path, lambda container, key: container.__setitem__(key + "x", container.pop(key))
            )


def altered(certificate: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    twin = copy.deepcopy(certificate)
    container = twin
    for step in path[:-1]:
        container = container[step]
    change(container, path[-1])
    return twin


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*prefix, key)
        yield from paths(inner, (*prefix, key))


def test_a_changed_certificate_is_rejected_or_right() -> None:
    cases = accepted = 0
    for kind, certificates in good().items():
        for certificate in certificates:
            for twin in islice(mutants(certificate), 0, None, STRIDE.get(kind, 1)):
                cases += 1
                try:
                    checker.check(twin)
                except checker.Rejected:
                    continue
                accepted += 1
                assert is_right(kind, twin), json.dumps(twin)[:2_000]
    assert cases >= LEAST_FUZZED
    assert accepted < cases / 5


def is_right(kind: str, c: Certificate) -> bool:
    """Whether a certificate is right about what it claims, by other means than the checker's."""
    if kind == "spectrum":
        return charpoly(c["matrix"]) == product(c["factors"])
    if kind == "exact fit":
        return fits_below_collapse(c)
    if kind == "geometry":
        return modes_are_right(c)
    if kind == "identity":
        m = UnconstrainedFeatures.from_json(c["model"])
        return compare(LETTERS.b(m) / c["weight"], LETTERS.T(m.M)) == 0
    if kind == "failed relation":
        with precision(512):
            return not is_met(c["claim"], {})
    if kind in ("counterexample", "inequality witness"):
        return is_violated(c)
    if "minimisation" in c:
        (objective,) = from_json(c["minimisation"]["objective"])
        return (
            F(c["lower"]) <= scan(objective, next(iter(c["minimisation"]["variables"]))) <= F(c["upper"]) + F(1, 10**6)
        )
    least, radius = minimum(json.dumps(c["model"], sort_keys=True))
    ends = ("low", "high") if kind == "two-sided bound" else ("lower", "upper")
    return F(c[ends[0]]) <= least + radius and least - radius <= F(c[ends[1]])


def fits_below_collapse(c: Certificate) -> bool:
    """The same by floats: outputs I, and a product of squared norms below that of collapse."""
    m = UnconstrainedFeatures.from_json(c["model"])
    parts = {name: torch.tensor([[float(F(x)) for x in row] for row in rows]) for name, rows in c["point"].items()}
    lower = parts["M"]
    for i in range(1, m.M + 1):
        lower = parts[f"W_{i}"] @ lower
        lower = lower.clamp(min=0.0) if i < m.M and not m.is_linear else lower
    product = math.prod(float((part * part).sum()) for part in parts.values())
    return bool((lower - torch.eye(m.K)).abs().max() < 1e-4) and product < m.K ** (m.M + 1)


def modes_are_right(c: Certificate) -> bool:
    """Each stated mode against a fine scan of its share, and the other way round."""
    m = UnconstrainedFeatures.from_json(c["model"])
    M, N = m.M, m.N
    b = M * N * (N * float(m.Lambda)) ** (1 / M)
    for mode in c["modes"]:
        scanned = [(1 / (1 + x**M) + b / mode["weight"] * x, x) for x in (i / 1_000 for i in range(1, 30_000))]
        least, x = min(scanned)
        if set(mode) == {"weight"}:
            right = M > 1 and abs(least - 1) < 1e-6 and abs(x**M - (M - 1)) < 1e-2 * M**2
        elif set(mode) == {"weight", "beta"}:
            right = least > 1 - 1e-12
        else:
            low, high = (float(F(z)) for z in mode["singular"])
            right = least < 1 and low - 1e-2 < x**M / (1 + x**M) < high + 1e-2
        if not right:
            return False
    return True


@cache
def minimum(text: str) -> tuple[Fraction, Fraction]:
    model = UnconstrainedFeatures.from_json(json.loads(text))
    if not model.is_quadratic:
        return least_by_descent(model), F(1, 10**6)
    found = optimum(model)
    low, high = found.objective.low, found.objective.high
    return (low + high) / 2, (high - low) / 2


def scan(objective: Any, name: str) -> Fraction:
    """The least value on a fine grid of x ≥ 0, which is at least the minimum."""
    balls = Balls()
    with precision(128):
        values = [balls.evaluate(objective, {name: balls.number(F(i, 50))}) + balls.number(F(0)) for i in range(400)]
    return F(str(min(float(v) for v in values)))


def is_violated(c: Certificate) -> bool:
    balls = Balls()
    with precision(512):
        point = {
            name: [[balls.number(F(x)) for x in row] for row in value]
            if isinstance(value, list)
            else balls.number(F(value))
            for name, value in c["point"].items()
        }
        if "sides" in c["claim"]:
            left, right = (balls.evaluate(side, point) for side in from_json(c["claim"]["sides"]))
            if not all(is_met(constraint, point) for constraint in c["claim"]["where"]):
                return False
        else:
            if "model" in c["claim"]:
                m = UnconstrainedFeatures.from_json(c["claim"]["model"])
                objective = class_mean_objective(m) if "M" in point else m.objective
            else:
                (objective,) = from_json(c["claim"]["minimisation"]["objective"])
            (value,) = from_json(c["claim"]["value"])
            left, right = balls.evaluate(value), balls.evaluate(objective, point)
            if "everywhere" in c["claim"]:
                return not left < right and not is_met(c["claim"]["everywhere"], point)
        return bool(left + balls.number(F(0)) > right + balls.number(F(0)))


def is_met(constraint: Any, point: Any) -> bool:
    """Whether a constraint is not seen to fail at a point, in balls."""
    sides = from_json(constraint["sides"])
    left, right = ([x for row in grid for x in row] for grid in map(partial(grid_of, point), sides))
    gaps = [b - a for a, b in zip(left, right, strict=True)]
    if constraint["sign"] == "=":
        return all(gap.contains(0) for gap in gaps)
    return not any(gap < 0 or (constraint["sign"] == "<" and gap == 0) for gap in gaps)


def grid_of(point: Any, formula: Any) -> Any:
    balls = Balls()
    value = balls.evaluate(formula, point)
    return [[x + balls.number(F(0)) for x in row] for row in (value if formula.shape else [[value]])]


def charpoly(rows: list[list[str]]) -> list[Fraction]:
    from flint import fmpq, fmpq_mat

    entries = [[F(x) for x in row] for row in rows]
    found = fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in entries]).charpoly()
    return [F(int(c.p), int(c.q)) for c in found.coeffs()]


def product(factors: list[dict[str, Any]]) -> list[Fraction]:
    from flint import fmpq, fmpq_poly

    total = fmpq_poly([1])
    for factor in factors:
        p = fmpq_poly([fmpq(F(x).numerator, F(x).denominator) for x in factor["polynomial"]])
        total *= p ** factor["multiplicity"]
    return [F(int(c.p), int(c.q)) for c in total.coeffs()]


def least_by_descent(model: UnconstrainedFeatures) -> Fraction:
    """The lowest of several descents in the formula of the objective, to about 1e-9."""
    shapes = {name: v.shape for name, v in class_mean_variables(model).items()}
    starts = (torch.Generator().manual_seed(seed) for seed in range(6))
    return F(min(descended(model, {n: torch.rand(s, generator=g).double() for n, s in shapes.items()}) for g in starts))


def descended(model: UnconstrainedFeatures, parts: dict[str, torch.Tensor]) -> float:
    objective, floats = class_mean_objective(model), Floats()
    free = [part.requires_grad_() for part in parts.values()]
    optimiser = torch.optim.LBFGS(free, max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def value() -> torch.Tensor:
        signed = {n: p.relu() if n == "M" and model.nonnegative else p for n, p in parts.items()}
        return floats.evaluate(objective, signed)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        found = value()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return float(value().detach())


# ------------------------------------------------------------ claims that are false, in certificates that look right


X = ["variable", [2, 3], "X", []]
X23 = {"X": [["1", "2", "3"], ["4", "5", "6"]]}


def witness(*rows: Any, point: Any = None) -> Certificate:
    """That the first root exceeds the second."""
    return {
        "format": checker.FORMAT,
        "kind": "inequality witness",
        "claim": {"sides": list(rows), "where": []},
        "point": point or {},
    }


def below(value: Any, objective: Any, variables: Any, nonnegative: Any, point: Any) -> Certificate:
    claim = {
        "minimisation": {"objective": objective, "variables": variables, "nonnegative": nonnegative},
        "value": value,
    }
    return {"format": checker.FORMAT, "kind": "counterexample", "claim": claim, "point": point}


def square(name: str) -> Certificate:
    """x ≥ 0 has the infimum 0."""
    return {
        "format": checker.FORMAT,
        "kind": "sos",
        "minimisation": {
            "objective": [["variable", [], name, []], [0]],
            "variables": {name: []},
            "nonnegative": [name],
        },
        "point": "0",
        "scale": "1",
        "bound": "0",
        "gram": [["0", "0"], ["0", "1"]],
        "lower": "0",
        "upper": "0",
    }


def no_room() -> Certificate:
    """The smaller class is at its threshold, but the only mode that the widths allow is that of the larger one."""
    decays = decay_product((100, 2), 2, 2, F(1))
    m = UnconstrainedFeatures(
        class_sizes=(100, 2), depth=2, weight_decays=(F(1),) * 2, feature_decay=decays, widths=(1, 1)
    )
    return {"format": checker.FORMAT, "kind": "identity", "model": m.to_json(), "weight": 2}


def narrow() -> Certificate:
    """Three classes in layers of two neurons, where there is no collapse to compare a fit with."""
    fit = copy.deepcopy(good()["exact fit"][0])
    fit["model"]["widths"] = [2, 2, 2, 3]
    for name, rows, columns in (("M", 2, 3), ("W_1", 2, 2), ("W_2", 2, 2), ("W_3", 3, 2)):
        fit["point"][name] = [row[:columns] for row in fit["point"][name][:rows]]
    return fit


NORM = ["sum_squares", [], None, [0]]
ZERO = [["rational", [], "0", []], [0]]
FALSE: dict[str, Certificate] = {
    "a transpose that cuts": witness(
        X, NORM, ["transpose", [1, 2], None, [0]], ["sum_squares", [], None, [2]], [1, 3], point=X23
    ),
    "a product that cuts": witness(
        X,
        ["identity", [3, 3], None, []],
        ["matmul", [2, 1], None, [0, 1]],
        NORM,
        ["sum_squares", [], None, [2]],
        [3, 4],
        point=X23,
    ),
    "labels that lack a sample": witness(
        ["rational", [], "4", []], ["one_hot", [2, 1], [2, 2], []], ["sum_squares", [], None, [1]], [0, 2]
    ),
    "a square helmert": witness(
        ["rational", [], "3", []], ["helmert", [3, 3], None, []], ["sum_squares", [], None, [1]], [0, 2]
    ),
    "columns that are not repeated": witness(
        X, ["repeat_columns", [2, 2], [1, 1], [0]], NORM, ["sum_squares", [], None, [1]], [2, 3], point=X23
    ),
    "means of too few columns": witness(
        X, ["class_means", [2, 1], [1, 1], [0]], NORM, ["sum_squares", [], None, [1]], [2, 3], point=X23
    ),
    "the trace of no square": witness(X, ["trace", [], None, [0]], ["rational", [], "5", []], [1, 2], point=X23),
    "an argument too many": witness(
        ["identity", [2, 2], None, []],
        ["zeros", [2, 2], None, []],
        ["sum_squares", [], None, [1, 0]],
        ["sum_squares", [], None, [0, 1]],
        [3, 2],
    ),
    "data that is not read": witness(
        X, ["relu", [2, 3], "x", [0]], NORM, ["sum_squares", [], None, [1]], [3, 2], point=X23
    ),
    "a scalar as a matrix": witness(
        ["rational", [1, 1], "2", []], ["sum_squares", [], None, [0]], ["rational", [], "1", []], [1, 2]
    ),
    "zero to the power zero": witness(
        ["rational", [], "0", []], ["power", [], "0", [0]], ["rational", [], "1/2", []], [1, 2]
    ),
    "an entry from behind": witness(X, ["entry", [], [-1, 0], [0]], ["rational", [], "1", []], [1, 2], point=X23),
    "a matrix below zero": below(
        ZERO,
        [["variable", [2, 2], "X", []], ["trace", [], None, [0]], [1]],
        {"X": [2, 2]},
        ["X"],
        {"X": [["0", "0"], ["0", "-1"]]},
    ),
    "a variable of another shape": below(
        ZERO, [["variable", [1, 2], "x", []], ["entry", [], [0, 1], [0]], [1]], {"x": []}, ["x"], {"x": [["0", "-1"]]}
    ),
    "a value with two roots": below(
        [["rational", [], "1", []], ["rational", [], "-1", []], [0, 1]],
        [["variable", [], "x", []], [0]],
        {"x": []},
        ["x"],
        {"x": "0"},
    ),
    "a name that forges a line": square("x ≥ 0\nother.json: accepted: everything"),
    "a name that cannot be written": square("\ud800"),
    "no room for the mode": no_room(),
    "a fit beside no collapse": narrow(),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_claim_is_rejected(name: str) -> None:
    with pytest.raises(checker.Rejected):
        checker.check(FALSE[name])


def test_what_is_accepted_is_printed_in_full() -> None:
    assert checker.check(square("x")) == "the infimum of x over x ≥ 0 lies in [0, 0]"
    line = checker.check(witness(["rational", [], "2", []], X, [*NORM[:3], [1]], [2, 0], point=X23))
    assert line == "the inequality ‖X‖² ≤ 2 fails at a rational point"
    one = below([["rational", [], "1", []], [0]], [["variable", [], "x", []], [0]], {"x": []}, ["x"], {"x": "0"})
    assert checker.check(one).endswith("objective x over x ≥ 0 is strictly below the claimed minimum 1 = 1")


# ------------------------------------------------------------ files from anyone


def run(*files: Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(SOURCE), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, encoding="utf-8")


def test_the_checker_alone_accepts_every_good_file_and_no_mixture(tmp_path: Path) -> None:
    files = []
    for kind, certificates in good().items():
        for i, certificate in enumerate(certificates):
            files.append(tmp_path / f"{kind.replace(' ', '-')}-{i}.json")
            files[-1].write_text(json.dumps(certificate), encoding="utf-8")
    found = run(*files)
    assert found.returncode == 0, found.stdout
    assert found.stdout.count(": accepted: ") == len(files)
    assert "assuming" in found.stdout
    bad = tmp_path / "bad.json"
    bad.write_text("{}", encoding="utf-8")
    assert run(files[0], bad).returncode == 1
    assert run().returncode == 2


def formula(*rows: Any) -> dict[str, Any]:
    return {
        "format": checker.FORMAT,
        "kind": "inequality witness",
        "claim": {"sides": [*rows, [0, 0]], "where": []},
        "point": {},
    }


def dual_of(K: int) -> dict[str, Any]:
    problem = {**good()["dual"][0]["model"], "class_sizes": [1] * K, "widths": [K]}
    return {**good()["dual"][0], "model": problem, "dual": [["0"] * K] * K}


def hostile(folder: Path) -> dict[str, Path]:
    """Files that nobody means well with."""
    texts: dict[str, str | bytes] = {
        "100 MB": b'{"a": "' + b"9" * 100_000_000 + b'"}',
        "a million digits": json.dumps({**good()["two-sided bound"][0], "low": "1" * 1_000_000}),
        "a million-digit integer": '{"format": ' + "1" * 1_000_000 + "}",
        "an exponent of a billion": json.dumps(formula(["rational", [], "2", []], ["power", [], "1000000000", [0]])),
        "a root of a billion": json.dumps(formula(["rational", [], "2", []], ["power", [], "1/1000000000", [0]])),
        "nested 100,000 deep": "[" * 100_000 + "]" * 100_000,
        "nested objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
        "duplicate keys": '{"format": 1, "format": 2}',
        "NaN": '{"format": NaN}',
        "a million classes": json.dumps(
            {
                **good()["two-sided bound"][0],
                "model": {**good()["two-sided bound"][0]["model"], "class_sizes": [1] * 10**6},
            }
        ),
        "a huge matrix": json.dumps(formula(["ones", [10**6, 10**6], None, []])),
        "squaring 100 times": json.dumps(
            formula(["rational", [], "3", []], *(["scale", [], None, [i, i]] for i in range(100)))
        ),
        "ten thousand layers": json.dumps(
            {**good()["identity"][0], "model": {**good()["identity"][0]["model"], "depth": 10_000}}
        ),
        "rows without columns": json.dumps(formula(["zeros", [10**15, 0], None, []], ["sum_squares", [], None, [0]])),
        "a ten-thousandth root": json.dumps(formula(["rational", [], "3", []], ["power", [], "1/10000", [0]])),
        "labels of many": json.dumps(formula(["one_hot", [1, 1], [10**6] * 5000, []])),
        "columns of many": json.dumps(
            formula(["zeros", [8, 5000], None, []], ["repeat_columns", [1, 1], [40_001] * 5000, [0]])
        ),
        "a submatrix of many": json.dumps(
            formula(["identity", [1, 1], None, []], ["submatrix", [1, 1], [[0] * 10**6] * 2, [0]])
        ),
        "a polynomial of degree 1500": json.dumps(
            formula(
                *(["rational", [], x, []] for x in ("-1", "1", "0")),
                ["largest_root", [], None, [0, *[2] * 1500, 1]],
            )
        ),
        "singular values of long numbers": json.dumps(
            {
                **formula(["variable", [24, 24], "X", []], ["schatten", [], "1", [0]]),
                "point": {"X": [[f"{3**30 + i * j}/{7**18 + i - j}" for j in range(24)] for i in range(24)]},
            }
        ),
        "a spectrum of long numbers": json.dumps(
            {
                **good()["spectrum"][0],
                "matrix": [[f"1/{10**99 + (i - j) ** 2 + i + j}" for j in range(60)] for i in range(60)],
            }
        ),
        "many nodes": json.dumps(
            formula(
                *(["rational", [], str(i + 1), []] for i in range(9_000)),
                *(["power", [], "1/97", [i]] for i in range(9_000)),
            )
        ),
        "a dual of 1,500 classes": json.dumps(dual_of(1_500)),
        "a name that forges": json.dumps(FALSE["a name that forges a line"]),
        "a lone surrogate": json.dumps(FALSE["a name that cannot be written"]),
        "binary": bytes(range(256)) * 10,
        "a byte order mark": b"\xef\xbb\xbf{}",
        "empty": "",
        "a list": "[]",
        "a number": "7",
    }
    files = {}
    for i, (name, text) in enumerate(texts.items()):
        files[name] = folder / f"{i}.json"
        files[name].write_bytes(text if isinstance(text, bytes) else text.encode())
    return files | {"a folder": folder, "nothing": folder / "missing.json"}


def test_hostile_files_are_rejected_in_a_sentence_within_seconds(tmp_path: Path) -> None:
    for name, path in hostile(tmp_path).items():
        start = time.perf_counter()
        found = run(path)
        assert found.returncode == 1, (name, found.stdout[:300])
        assert ": rejected: " in found.stdout, name
        assert len(found.stdout) < 1_000, name
        assert not found.stderr, (name, found.stderr[-500:])
        assert time.perf_counter() - start < 20, name
