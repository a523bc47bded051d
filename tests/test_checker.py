"""The checker accepts what was honestly made and rejects every tampered twin with a reason of its own."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import optimum
from theory.arithmetic.interpreters import Rationals
from theory.model import UnconstrainedFeatures
from theory.strategies import decay_product
from verify import checker
from verify.certificate import geometry, two_sided_bound
from verify.checker import Rejected
from verify.verdict import Unable

F = Fraction
Certificate = dict[str, Any]


def at_ratio(sizes: tuple[int, ...], depth: int, ratio: Fraction, **fields: Any) -> UnconstrainedFeatures:
    """The largest class at a ratio to its threshold, with unequal decays."""
    weights = tuple(F(i + 2, 10) for i in range(depth))
    feature = decay_product(sizes, depth, max(sizes), ratio)
    for decay in weights:
        feature /= decay
    return UnconstrainedFeatures(class_sizes=sizes, depth=depth, weight_decays=weights, feature_decay=feature, **fields)


MODELS = {
    "plain": UnconstrainedFeatures(class_sizes=(3, 2, 1), decays="1/20"),
    "deep": UnconstrainedFeatures(class_sizes=(3, 2, 1), depth=3, decays="1/100"),
    "unequal decays": at_ratio((4, 2, 1), 2, F(1, 100)),
    "at the threshold, M = 1": at_ratio((4, 2), 1, F(1)),
    "at the threshold, M = 4": at_ratio((4, 2), 4, F(1)),
    "just below the threshold": at_ratio((4, 2), 3, 1 - F(1, 10**12)),
    "zero": at_ratio((4, 2), 3, F(2)),
    "bottleneck with ties": at_ratio((4, 4, 4, 1), 2, F(1, 50), widths=(2, 5)),
    "simplex": at_ratio((5, 5, 5), 2, F(1, 100), bias="last-layer"),
    "narrow simplex": at_ratio((2,) * 5, 3, F(1, 1000), widths=(6, 3, 9), bias="last-layer"),
    "one class": UnconstrainedFeatures(class_sizes=(7,), depth=2, decays="1/9"),
    "one class with bias": UnconstrainedFeatures(class_sizes=(7,), depth=2, decays="1/9", bias="last-layer"),
    "very deep": UnconstrainedFeatures(class_sizes=(2, 1), depth=64, decays="1/1000"),
    "the paper's": UnconstrainedFeatures(class_sizes=(200, 100, 50, 50), depth=6, widths=64, decays="5e-4"),
    "tiny decay": UnconstrainedFeatures(class_sizes=(2, 1), depth=2, decays="1e-100"),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_good_certificates_are_accepted_through_text(model: UnconstrainedFeatures) -> None:
    certificate = checker.load(json.dumps(two_sided_bound(model)))
    low, high = F(certificate["low"]), F(certificate["high"])
    assert 0 <= high - low < F(1, 10**30)
    claim = checker.check(certificate)
    assert certificate["low"] in claim
    assert certificate["high"] in claim
    assert str(list(model.class_sizes)) in claim


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_geometry_is_that_of_the_closed_form(model: UnconstrainedFeatures) -> None:
    claim = checker.check(checker.load(json.dumps(geometry(model)))).split(" are: ")[1]
    for mode in optimum(model).modes:
        z, weight = mode.confidence, f"of weight {mode.mu.low}"
        if mode.tied and mode.rank:
            assert f"{mode.multiplicity} {weight} 0 or {F(model.M - 1, model.M)} each" in claim
            continue
        if mode.rank:
            low, high = (F(x) for x in claim.split(f"{mode.rank} {weight} in [")[1].split("]")[0].split(", "))
            assert high - low < F(1, 10**9)
            assert low <= z.high
            assert z.low <= high
        if mode.rank < mode.multiplicity:
            assert f"{mode.multiplicity - mode.rank} {weight} zero" in claim


def test_modes_that_are_not_rational_get_no_certificate() -> None:
    model = UnconstrainedFeatures(class_sizes=(2, 1), decays=1, bias="last-layer")
    with pytest.raises(Unable):
        two_sided_bound(model)
    good = two_sided_bound(model.with_(bias="none"))
    good["model"]["bias"] = "last-layer"
    good["upper"]["bias"] = ["2/3", "1/3"]
    with pytest.raises(Rejected, match="imbalanced classes with a bias"):
        checker.check(good)


@pytest.fixture(scope="module")
def good() -> Certificate:
    return two_sided_bound(UnconstrainedFeatures(class_sizes=(3, 2, 1), depth=2, decays="1/100", widths=(3, 4)))


@pytest.fixture(scope="module")
def simplex() -> Certificate:
    return two_sided_bound(MODELS["simplex"])


def shifted(text: str, by: Fraction) -> str:
    return str(F(text) + by)


def changed_digit(c: Certificate) -> None:
    text = c["upper"]["weights"][0][0][2]
    middle = 3
    c["upper"]["weights"][0][0][2] = f"{text[:middle]}{(int(text[middle]) + 5) % 10}{text[middle + 1 :]}"


def other_sizes(c: Certificate) -> None:
    c["model"]["class_sizes"] = [3, 2, 2]


def permuted_sizes(c: Certificate) -> None:
    c["model"]["class_sizes"] = [1, 2, 3]


def weaker_decay(c: Certificate) -> None:
    c["model"]["feature_decay"] = "1/101"


def stronger_decay(c: Certificate) -> None:
    c["model"]["weight_decays"][1] = "1/99"


def narrower(c: Certificate) -> None:
    c["model"]["widths"] = [2, 4]


def wider_claim(c: Certificate) -> None:
    c["model"]["widths"] = [3, 2]


def lower_raised(c: Certificate) -> None:
    c["low"] = shifted(c["low"], F(1, 10**45))


def upper_lowered(c: Certificate) -> None:
    c["high"] = shifted(c["high"], F(-1, 10**45))


def share_raised(c: Certificate) -> None:
    c["lower"][0]["share"] = shifted(c["lower"][0]["share"], F(1, 10**35))


def share_above_one(c: Certificate) -> None:
    c["lower"][2]["share"] = "2"


def beta_raised(c: Certificate) -> None:
    c["lower"][1]["beta"] = shifted(c["lower"][1]["beta"], F(1, 10**40))


def beta_negative(c: Certificate) -> None:
    c["lower"][1]["beta"] = "-1"


def swapped_modes(c: Certificate) -> None:
    c["lower"][0]["weight"], c["lower"][1]["weight"] = c["lower"][1]["weight"], c["lower"][0]["weight"]


def dropped_mode(c: Certificate) -> None:
    c["lower"].pop()


def doubled_mode(c: Certificate) -> None:
    c["lower"].append(c["lower"][0])


def invented_mode(c: Certificate) -> None:
    c["lower"].append({"weight": 10**6, "beta": "0", "share": "0"})


def dropped_layer(c: Certificate) -> None:
    c["upper"]["weights"].pop()


def place_outside(c: Certificate) -> None:
    c["upper"]["weights"][0][0][0] = 4


def place_before(c: Certificate) -> None:
    c["upper"]["means"][0][1] = -1


def place_twice(c: Certificate) -> None:
    c["upper"]["means"].append(c["upper"]["means"][0])


def place_true(c: Certificate) -> None:
    c["upper"]["means"][0][0] = True


def bias_where_none_is(c: Certificate) -> None:
    c["upper"]["bias"] = ["1/3", "1/3", "1/3"]


def extra_key(c: Certificate) -> None:
    c["proof"] = "trust me"


def missing_key(c: Certificate) -> None:
    del c["high"]


def extra_model_key(c: Certificate) -> None:
    c["model"]["label_smoothing"] = "0"


def missing_model_key(c: Certificate) -> None:
    del c["model"]["loss"]


def other_loss(c: Certificate) -> None:
    c["model"]["loss"] = "ce"


def other_kind(c: Certificate) -> None:
    c["kind"] = "proof"


def other_format(c: Certificate) -> None:
    c["format"] = "collapse certificate 2"


def number_as_float(c: Certificate) -> None:
    c["low"] = 0.02


def number_as_decimal(c: Certificate) -> None:
    c["low"] = "0.02"


def number_as_code(c: Certificate) -> None:
    c["low"] = "__import__('os').getcwd()"


def number_in_other_digits(c: Certificate) -> None:
    c["low"] = "١/٥٠"


def zero_denominator(c: Certificate) -> None:
    c["upper"]["means"][0][2] = "1/0"


def huge_number(c: Certificate) -> None:
    c["low"] = "-1" + "0" * checker.MAX_DIGITS


def huge_point(c: Certificate) -> None:
    c["upper"]["means"][0][2] = "9" * (checker.MAX_DIGITS - 1)


def zero_decay(c: Certificate) -> None:
    c["model"]["feature_decay"] = "0"


def depth_of_another(c: Certificate) -> None:
    c["model"]["depth"] = 3


def class_of_size_zero(c: Certificate) -> None:
    c["model"]["class_sizes"] = [3, 2, 0]


TWINS: list[tuple[Callable[[Certificate], None], str]] = [
    (changed_digit, "the objective at the point exceeds the stated upper bound"),
    (other_sizes, "the objective at the point exceeds"),
    (permuted_sizes, "the objective at the point exceeds"),
    (weaker_decay, "β of the mode of weight 3 is negative or above"),
    (stronger_decay, "the objective at the point exceeds"),
    (narrower, r"place \(2, 2\) is outside 4 × 2"),
    (wider_claim, r"place \(2, 2\) is outside 2 × 3"),
    (lower_raised, "the lower bound that follows is below the stated one by 1e-45"),
    (upper_lowered, "the objective at the point exceeds the stated upper bound by"),
    (share_raised, "the polynomial of the mode of weight 3 is not positive"),
    (share_above_one, "a share above 1"),
    (beta_raised, "β of the mode of weight 2 is negative or above"),
    (beta_negative, "β of the mode of weight 2 is negative or above"),
    (swapped_modes, "β of the mode of weight 3 is negative or above"),
    (dropped_mode, "the modes of the lower bound are not those of the model"),
    (doubled_mode, "each mode weight must be an integer, given once"),
    (invented_mode, "the modes of the lower bound are not those of the model"),
    (dropped_layer, "one matrix a layer"),
    (place_outside, "is outside 4 × 3 or given twice"),
    (place_before, r"place \(0, -1\) is outside 3 × 3 or given twice"),
    (place_twice, r"place \(0, 0\) is outside 3 × 3 or given twice"),
    (place_true, "a matrix entry must be"),
    (bias_where_none_is, "none where the model has no bias"),
    (extra_key, r"got \[.*'proof'"),
    (missing_key, r"expected the keys \[.*'high'"),
    (extra_model_key, r"got \[.*'label_smoothing'"),
    (missing_model_key, r"expected the keys \[.*'loss'"),
    (other_loss, "only squared error"),
    (other_kind, "unknown kind of certificate: 'proof'"),
    (other_format, "not a certificate"),
    (number_as_float, "not a rational number: '0.02'"),
    (number_as_decimal, "not a rational number: '0.02'"),
    (number_as_code, "not a rational number: .*__import__"),
    (number_in_other_digits, "not a rational number"),
    (zero_denominator, "zero denominator"),
    (huge_number, "more than 2000 digits"),
    (huge_point, "exceeds the stated upper bound by more than 1e308"),
    (zero_decay, "decays must be positive"),
    (depth_of_another, "one entry a layer"),
    (class_of_size_zero, "a list of positive integers"),
]


@pytest.mark.parametrize(("tamper", "reason"), TWINS, ids=[tamper.__name__ for tamper, _ in TWINS])
def test_a_tampered_twin_is_rejected_with_its_reason(
    good: Certificate, tamper: Callable[[Certificate], None], reason: str
) -> None:
    twin = copy.deepcopy(good)
    tamper(twin)
    with pytest.raises(Rejected, match=reason):
        checker.check(twin)


def test_tampering_with_a_bias_is_rejected(simplex: Certificate) -> None:
    for bias, reason in (([], "one entry a class"), (["1/3", "1/3", "2/3"], "bias 1/K"), (["0"] * 3, "bias 1/K")):
        twin = copy.deepcopy(simplex)
        twin["upper"]["bias"] = bias
        with pytest.raises(Rejected, match=reason):
            checker.check(twin)
    without = copy.deepcopy(simplex)
    without["model"]["bias"], without["upper"]["bias"] = "none", []
    with pytest.raises(Rejected, match=r"exceeds|the bias 1/K"):
        checker.check(without)


TEXTS = {
    "duplicate key": ('{"low": "0", "low": "1"}', "duplicate key"),
    "duplicate key inside": ('{"a": {"b": 1, "b": 2}}', "duplicate key"),
    "float": ("[1.0]", "a float"),
    "exponent": ("[1e5]", "a float"),
    "NaN": ("[NaN]", "a float or NaN"),
    "infinity": ("[-Infinity]", "a float or NaN"),
    "nesting": ("[" * 60 + "]" * 60, "nested too deep"),
    "endless nesting": ("[" * 10**6, "nested too deep"),
    "huge integer": ("9" * 10**4, "not JSON"),
    "half an object": ('{"a": ', "not JSON"),
    "nothing": ("", "not JSON"),
    "two values": ("{} {}", "not JSON"),
    "byte order mark": ("\ufeff{}", "not JSON"),
    "control character": ('"\x00"', "not JSON"),
    "too large": (" " * (checker.MAX_BYTES + 1), "larger than"),
}


@pytest.mark.parametrize(("text", "reason"), TEXTS.values(), ids=TEXTS)
def test_malformed_text_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        checker.load(text)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a certificate, as a path of keys and indices."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def test_a_wrong_value_anywhere_is_rejected_and_never_a_crash(good: Certificate) -> None:
    values = [None, [], {}, 0, -1, 10**30, True, "", "x", "-7", "1/0", [[]], 1.5, float("nan"), "٣", "\ud800"]
    for path in places(good):
        for value in values:
            twin: Any = copy.deepcopy(good)
            inner = twin
            for key in path[:-1]:
                inner = inner[key]
            weaker = path == ("low",) and value == "-7"
            if weaker or (type(value) is type(inner[path[-1]]) and value == inner[path[-1]]):
                continue
            inner[path[-1]] = value
            with pytest.raises(Rejected):
                checker.check(twin)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_anything_else_is_rejected(value: Any) -> None:
    for certificate in (value, {"format": checker.FORMAT, "kind": value}, {"format": checker.FORMAT, "model": value}):
        with pytest.raises(Rejected):
            checker.check(certificate)


@st.composite
def small_models(draw: Any) -> UnconstrainedFeatures:
    depth = draw(st.integers(1, 3))
    decay = st.fractions(min_value=F(1, 1000), max_value=F(1, 2), max_denominator=1000)
    bias = draw(st.booleans())
    size = draw(st.integers(1, 3))
    K = draw(st.integers(1, 3))
    return UnconstrainedFeatures(
        class_sizes=(size,) * K if bias else draw(st.lists(st.integers(1, 4), min_size=K, max_size=K).map(tuple)),
        depth=depth,
        weight_decays=draw(st.lists(decay, min_size=depth, max_size=depth).map(tuple)),
        feature_decay=draw(decay),
        widths=draw(st.lists(st.integers(1, 3), min_size=depth, max_size=depth).map(tuple)),
        bias="last-layer" if bias else "none",
    )


@given(small_models())
@settings(deadline=None, max_examples=40)
def test_the_two_sides_meet_for_any_small_model(model: UnconstrainedFeatures) -> None:
    certificate = two_sided_bound(model)
    checker.check(certificate)
    assert F(certificate["high"]) - F(certificate["low"]) < F(1, 10**30)


@given(small_models(), st.integers())
@settings(deadline=None, max_examples=50)
def test_the_checkers_objective_is_that_of_the_theory(model: UnconstrainedFeatures, seed: int) -> None:
    random = Random(seed)

    def matrix(rows: int, columns: int) -> list[list[Fraction]]:
        return [[F(random.randint(-6, 6), random.randint(1, 4)) for _ in range(columns)] for _ in range(rows)]

    weights = [matrix(*shape) for shape in model.weight_shapes]
    means, bias = matrix(model.widths[0], model.K), matrix(model.K, 1)
    data = {
        "weights": [as_places(W) for W in weights],
        "means": as_places(means),
        "bias": [str(row[0]) for row in bias] if model.has_bias else [],
    }
    exact = Rationals()
    point = {f"W_{m}": W for m, W in enumerate(weights, start=1)} | {"b": bias}
    point["H"] = [[row[k] for k, size in enumerate(model.class_sizes) for _ in range(size)] for row in means]
    values = {name: [[exact.number(x) for x in row] for row in rows] for name, rows in point.items()}
    expected = F(str(exact.evaluate(model.objective, values)))
    assert checker.upper_bound(checker.Model(model.to_json()), data) == expected


def as_places(matrix: list[list[Fraction]]) -> list[list[Any]]:
    return [[i, j, str(x)] for i, row in enumerate(matrix) for j, x in enumerate(row) if x]


@given(st.lists(st.integers(1, 6), max_size=4), st.lists(st.integers(-6, -1), max_size=2), st.booleans())
def test_positive_roots_are_counted_without_multiplicity(positive: list[int], negative: list[int], pair: bool) -> None:
    p = [F(1)]
    factors = [[-r, 1] for r in (*positive, *negative)] + ([[2, -2, 1]] if pair else [])
    for factor in factors:
        product = [F(0)] * (len(p) + len(factor) - 1)
        for i, a in enumerate(p):
            for j, b in enumerate(factor):
                product[i + j] += a * b
        p = product
    assert checker.positive_roots(checker.primitive(p)) == len(set(positive))
    assert checker.positive_roots(checker.primitive([-c for c in p])) == len(set(positive))


# --------------------------------------------------------------------------------------------------- standing alone


SOURCE = Path(checker.__file__)


def test_the_checker_imports_the_standard_library_only_and_evaluates_nothing() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules.add(str(node.module))
    assert {module.split(".")[0] for module in modules} <= set(sys.stdlib_module_names)
    assert not modules & {"importlib", "pickle", "subprocess", "os", "ctypes", "marshal", "runpy"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not names & {"eval", "exec", "compile", "__import__", "globals", "getattr", "setattr", "float64"}


def run(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(SOURCE), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, cwd="/")


def test_the_checker_runs_by_itself(good: Certificate, tmp_path: Path) -> None:
    accepted, tampered, binary = tmp_path / "good.json", tmp_path / "tampered.json", tmp_path / "binary.json"
    accepted.write_text(json.dumps(good), encoding="utf-8")
    lower_raised(twin := copy.deepcopy(good))
    tampered.write_text(json.dumps(twin), encoding="utf-8")
    binary.write_bytes(b"\xff\xfe\x00")
    fine = run(accepted)
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.startswith(f"{accepted}: accepted: the minimum for n = [3, 2, 1]")
    mixed = run(tampered, accepted, binary, tmp_path / "missing.json")
    assert (mixed.returncode, mixed.stderr) == (1, "")
    verdicts = [line.split(": ")[1] for line in mixed.stdout.splitlines()]
    assert verdicts == ["rejected", "accepted", "rejected", "rejected"]
