"""Single functions of the checker at single arguments: what a whole certificate would hardly reach.

The same cases are run against every mutant of the checker (``tests/mutants.py``).
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest

from verify import checker

F = Fraction
BITS = 128
mpmath.mp.prec = 400
REJECTED, UNKNOWN, ACCEPTED = "Rejected", "Unknown", "accepted"


@dataclass
class Case:
    """What a function of a checker module gives, or the name of what it raises."""

    name: str
    run: Callable[[Any], Any]
    expected: Any


CASES: list[Case] = []


def add(group: str, *cases: tuple[Callable[[Any], Any], Any]) -> None:
    CASES.extend(Case(f"{group} {i}", run, expected) for i, (run, expected) in enumerate(cases, 1))


def calls(function: str, *cases: tuple[Any, ...]) -> None:
    """Cases of one function: the arguments, and last the result."""
    add(function, *((lambda c, args=args: getattr(c, function)(*args), expected) for *args, expected in cases))


def plain(value: Any) -> Any:
    """A value without the classes of the module that made it: an interval as its two ends."""
    if isinstance(value, list | tuple):
        return type(value)(plain(x) for x in value)
    return (value.low, value.high) if hasattr(value, "low") else value


def outcome(module: Any, run: Callable[[Any], Any]) -> Any:
    """What a case gives with a checker module."""
    module.Interval.BITS, module.Budget.left = BITS, module.Budget.MOST
    try:
        return plain(run(module))
    except (module.Rejected, module.Unknown) as reason:
        return type(reason).__name__
    finally:
        module.Interval.BITS = BITS


def bounded(run: Callable[[Any], Any], **limits: Any) -> Callable[[Any], Any]:
    """The same with smaller limits, which are cheaper to reach."""

    def inner(c: Any) -> Any:
        old = {name: getattr(c, name) for name in limits}
        vars(c).update(limits)
        try:
            return run(c)
        finally:
            vars(c).update(old)

    return inner


def in_bits(bits: int, run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def inner(c: Any) -> Any:
        c.Interval.BITS = bits
        return run(c)

    return inner


def interval(c: Any, *ends: Any) -> Any:
    return c.Interval(*map(F, ends))


def encloses(found: Any, digits: str, width: float = 1e-30) -> bool:
    """Whether a narrow interval holds a number given with more digits than the interval is wide."""
    value, unit = F(digits), F(1, 10 ** len(digits.partition(".")[2]))
    return bool(found.low <= value - unit and value + unit <= found.high and found.high - found.low < width)


def verdict(c: Any, certificate: Any) -> str:
    """What becomes of a certificate, as it is read from a file."""
    return ACCEPTED if c.check(json.loads(json.dumps(certificate))) else "no claim"


# ------------------------------------------------------------ reading


def nearly_spent(c: Any, run: Callable[[], Any]) -> Any:
    """What a function does with a work budget of nothing."""
    c.Budget.left = 0
    return run()


def spectrum_of_five() -> dict[str, Any]:
    factors = [{"polynomial": ["-5", "1"], "multiplicity": 1}]
    return {"format": checker.FORMAT, "kind": "spectrum", "matrix": [["5"]], "factors": factors}


add(
    "work",
    (lambda c: c.spend(c.Budget.MOST), None),
    (lambda c: c.spend(c.Budget.MOST + 1), REJECTED),
    (lambda c: [c.spend(c.Budget.MOST // 2 + 1) for _ in range(2)], REJECTED),
    (lambda c: nearly_spent(c, lambda: c.product({0: {0: F(1)}}, {0: {0: F(1)}})), REJECTED),
    (lambda c: nearly_spent(c, lambda: c.total([F(1)])), REJECTED),
    (lambda c: nearly_spent(c, lambda: c.total([])), F(0)),
    (lambda c: nearly_spent(c, lambda: c.check_spectrum(spectrum_of_five())), REJECTED),
)

LONG = "9" * 2_000
calls(
    "number",
    ("-3/4", F(-3, 4)), ("0", F(0)), ("007/2", F(7, 2)), (LONG, F(LONG)), (f"{LONG}/{LONG}", F(1)),
    (f"1/{LONG}", F(1, int(LONG))), (LONG + "9", REJECTED), (f"1/{LONG}9", REJECTED), ("1/0", REJECTED),
    ("", REJECTED), ("+1", REJECTED), ("1.5", REJECTED), ("1_000", REJECTED), (" 1", REJECTED), ("1\n", REJECTED),
    ("١", REJECTED), ("1/-2", REJECTED), ("1/2/3", REJECTED), (3, REJECTED), (None, REJECTED), (["1"], REJECTED),
)  # fmt: skip
calls("brief", (F(1, 3), "0.333"), (F(10) ** 400, "more than 1e308"))
calls(
    "load",
    ('{"a": [1, "2", null]}', {"a": [1, "2", None]}), ("[" * 50 + "]" * 50, json.loads("[" * 50 + "]" * 50)),
    ("[" * 51 + "]" * 51, REJECTED), ('{"a": 1, "a": 1}', REJECTED), ('[{"b": 1, "b": 2}]', REJECTED),
    ("[1.0]", REJECTED), ("[1e5]", REJECTED), ("[NaN]", REJECTED), ("[-Infinity]", REJECTED), ("", REJECTED),
    ("[1", REJECTED),
)  # fmt: skip
add(
    "long text",
    (bounded(lambda c: c.load("[1,2]"), MAX_BYTES=5), [1, 2]),
    (bounded(lambda c: c.load("[1,23]"), MAX_BYTES=5), REJECTED),
)
calls(
    "load", ("[[][[]]" * 7, REJECTED), (f"[{'[],' * 60}0]", [[]] * 60 + [0]), ("[[]," * 50 + "0" + "]" * 50, REJECTED)
)
calls(
    "keys",
    ({"a": 1, "b": 2}, "b", "a", [2, 1]), ({"a": 1}, "a", "b", REJECTED), ({"a": 1, "b": 2}, "a", REJECTED),
    (["a"], "a", REJECTED), ("a", "a", REJECTED), (None, "a", REJECTED),
)  # fmt: skip
calls(
    "integers",
    ([1, 2], 2, [1, 2]), ([10**18 - 1], 1, [10**18 - 1]), ([1, 2], 1, REJECTED), ([], 1, REJECTED),
    ([0], 1, REJECTED), ([10**18], 1, REJECTED), ([1, -1], 2, REJECTED), ([True], 1, REJECTED), (["1"], 1, REJECTED),
    ({1: 1}, 1, REJECTED), (1, 1, REJECTED),
)  # fmt: skip

# ------------------------------------------------------------ the model

TWO = {
    "class_sizes": [3, 2], "depth": 2, "weight_decays": ["1/2", "1/3"], "feature_decay": "1/5", "widths": [2, 3],
    "loss": "mse", "activation": "linear", "bias": "none",
}  # fmt: skip
ONE = {**TWO, "depth": 1, "weight_decays": ["1/2"], "widths": [2]}
BALANCED = {**TWO, "class_sizes": [2, 2], "bias": "last-layer"}


def facts(model: Any) -> Any:
    return [
        model.sizes, model.K, model.N, model.bias, model.M, model.widths, model.weight_decays, model.feature_decay,
        model.product_of_decays(), model.modes(),
    ]  # fmt: skip


def modelled(**fields: Any) -> Callable[[Any], Any]:
    return lambda c: facts(c.Model({**TWO, **fields}))


def ones(depth: int) -> dict[str, Any]:
    return {"depth": depth, "weight_decays": ["1"] * depth, "widths": [1] * depth}


add(
    "model",
    (modelled(), [[3, 2], 2, 5, False, 2, [2, 3], [F(1, 2), F(1, 3)], F(1, 5), F(1, 30), [3, 2]]),
    (lambda c: facts(c.Model(BALANCED))[2:4], [4, True]),
    (lambda c: c.Model(BALANCED).modes(), [2]),
    (lambda c: c.Model({**BALANCED, "class_sizes": [2, 2, 3]}).modes(), REJECTED),
    (lambda c: c.Model(TWO).describe(), "n = [3, 2], M = 2, widths [2, 3], decays (1/2, 1/3, 1/5), without bias"),
    (lambda c: c.Model(BALANCED).describe().endswith("1/5), with last-layer bias"), True),
    (lambda c: c.Model({**TWO, **ones(64)}).M, 64),
    *(
        (modelled(**fields), REJECTED)
        for fields in (
            {"loss": "ce"}, {"loss": "hinge"}, {"activation": "relu"}, {"bias": "all"}, {"sign": "nonnegative"},
            {"alpha": "1/2"}, {"gamma": "1"}, {"bias_decay": "1"}, {"beta": "1"}, {"class_sizes": []}, {"depth": 0},
            {"depth": True}, ones(65), {"widths": [2]}, {"widths": [2, 3, 3]}, {"widths": [0, 3]},
            {"weight_decays": ["1"]}, {"weight_decays": "11"}, {"weight_decays": ["1", "0"]},
            {"weight_decays": ["-1", "1"]}, {"feature_decay": "0"}, {"feature_decay": "-1"},
            {"class_sizes": [1] * 5_001}, {"widths": [1] * 65}, {"depth": 1},
        )
    ),
    (lambda c: c.Model({**TWO, "class_sizes": [1] * 5_000}).K, 5_000),
)  # fmt: skip

# ------------------------------------------------------------ exact evaluation

calls(
    "sparse",
    ([[0, 1, "2"], [1, 0, "3"], [0, 0, "1"]], 2, 2, {0: {1: F(2), 0: F(1)}, 1: {0: F(3)}}), ([], 1, 1, {}),
    ([[0, 0, "1"], [0, 0, "1"]], 1, 1, REJECTED), ([[2, 0, "1"]], 2, 3, REJECTED), ([[0, 3, "1"]], 2, 3, REJECTED),
    ([[-1, 0, "1"]], 2, 2, REJECTED), ([[0, -1, "1"]], 2, 2, REJECTED), ([[0, 0]], 1, 1, REJECTED),
    ([[True, 0, "1"]], 2, 2, REJECTED), ([[0, False, "1"]], 2, 2, REJECTED), ({}, 1, 1, REJECTED),
    ([{0: 0, 1: 0, 2: "1"}], 1, 1, REJECTED), ([(0, 0, "1")], 1, 1, REJECTED), ([[0, 0, "1", "1"]], 1, 1, REJECTED),
)  # fmt: skip
LEFT = {0: {0: F(1), 1: F(2)}, 1: {1: F(3)}, 2: {2: F(1)}}
RIGHT = {0: {0: F(5), 1: F(7)}, 1: {0: F(-1), 2: F(4)}}
calls("product", (LEFT, RIGHT, {0: {0: F(3), 1: F(7), 2: F(8)}, 1: {0: F(-3), 2: F(12)}, 2: {}}))
calls("squares", (LEFT, F(15)), ({}, F(0)))


def reached(problem: dict[str, Any], weights: Any, means: Any, bias: Any) -> Callable[[Any], Any]:
    data = {"weights": weights, "means": means, "bias": bias}
    return lambda c: c.upper_bound(c.Model(problem), data)


def centred(scale: Any) -> dict[str, Any]:
    return {"centred": scale}


FACTORS = [[[0, 0, "1"], [1, 0, "2"], [2, 1, "-1"]], [[0, 0, "1/2"], [1, 1, "1/3"], [1, 2, "2"]]]
MEANS = [[0, 0, "1"], [1, 0, "-1"], [1, 1, "2"]]
add(
    "objective",
    # outputs (1/2, 0 | 8/3, −4): fit 3 (1/4 + 64/9) + 2 · 25, decays (1/2) 6 + (1/3)(1/4 + 1/9 + 4), features 3 · 2 + 8
    (reached(TWO, FACTORS, MEANS, []), (F(3) * (F(1, 4) + F(64, 9)) + 50) / 10
     + (F(3) + F(157, 108) + F(14, 5)) / 2),
    (reached(TWO, [[], []], [], []), F(1, 2)),
    (reached({**BALANCED, "class_sizes": [3, 2]}, [[], []], [], ["0", "1/2"]),
     (3 * (1 + F(1, 4)) + 2 * F(1, 4)) / 10),
    (reached(BALANCED, FACTORS, MEANS, ["1", "-2"]),
     (2 * (F(1, 4) + F(4, 9)) + 2 * (1 + 49)) / 8 + (F(3) + F(157, 108) + F(12, 5)) / 2),
    (reached(TWO, FACTORS[:1], MEANS, []), REJECTED),
    (reached(TWO, {"0": [], "1": []}, MEANS, []), REJECTED),
    (reached(TWO, FACTORS, MEANS, ["0", "0"]), REJECTED),
    (reached(TWO, FACTORS, MEANS, {}), REJECTED),
    (reached(BALANCED, FACTORS, MEANS, ["1"]), REJECTED),
    (reached(BALANCED, FACTORS, MEANS, []), REJECTED),
    (reached(TWO, FACTORS, [[2, 0, "1"]], []), REJECTED),
    (reached(TWO, [[[3, 0, "1"]], []], MEANS, []), REJECTED),
    (reached(TWO, [[], [[0, 3, "1"]]], MEANS, []), REJECTED),
    (reached(TWO, [[], [[2, 0, "1"]]], MEANS, []), REJECTED),
)  # fmt: skip
THREE = {**BALANCED, "class_sizes": [3, 3, 3], "widths": [3, 3]}
THIRDS = ["1/3"] * 3
add(
    "centred factors",
    # product 2 · 3 · 1/4 = 3/2: fit 3 · 2 · (1/2)², decays (1/2) 2 · 4 + (1/3) 2 · 9, features (1/5) 3 · 2 / 16
    (reached(THREE, [centred("2"), centred("3")], centred("1/4"), THIRDS), F(1, 12) + (4 + 6 + F(3, 40)) / 2),
    (reached({**THREE, "class_sizes": [2]}, [centred("2"), centred("3")], centred("1/4"), ["1"]), F(0)),
    (reached({**THREE, "widths": [2, 3]}, [centred("2"), centred("3")], centred("1/4"), THIRDS), REJECTED),
    (reached({**THREE, "class_sizes": [3, 3, 1]}, [centred("2"), centred("3")], centred("1/4"), THIRDS), REJECTED),
    (reached(THREE, [centred("2"), centred("3")], centred("1/4"), ["1/3", "1/3", "1/4"]), REJECTED),
    (reached(THREE, [{"scale": "2"}, centred("3")], centred("1/4"), THIRDS), REJECTED),
)

# ------------------------------------------------------------ polynomials and roots

calls(
    "primitive",
    ([F(1, 2), F(1, 3), F(0)], [3, 2]), ([], []), ([F(0), F(0)], []), ([F(-4), F(-6)], [-2, -3]),
    ([F(0), F(5)], [0, 1]),
)  # fmt: skip
calls(
    "remainder",
    ([1, 0, 1], [-1, -1], [1]), ([1, 0, -1, 2], [1, 0, -2], [1, 2]), ([5, 1], [0, 0, 1], [5, 1]),
    ([-1, 0, 1], [1, 1], []),
    ([0, 0, 0, 1], [2, 3, -5], [6, 19]), ([1, 2, 3], [7], []), ([-4, 0, 0, -1], [0, 2], [-1]),
)  # fmt: skip


def with_roots(*roots: int) -> list[int]:
    """The monic polynomial with these roots."""
    p = [1]
    for r in roots:
        p = [(p[i - 1] if i else 0) - r * (p[i] if i < len(p) else 0) for i in range(len(p) + 1)]
    return p


ROOTS = [(1,), (-1,), (1, 1), (1, 2, 3), (-1, 2), (-1, -1, -2), (1, 1, 1, -2, -2), (2, 2, 3, 3), (-5, 4, 4, 7)]
calls(
    "positive_roots",
    *((with_roots(*roots), len({r for r in roots if r > 0})) for roots in ROOTS),
    ([1], 0), ([1, 1], 0), ([2, -2, 1], 0), ([-1, 0, 0, 0, 1], 1), ([1, -3, 0, -1, 1], 2),
)  # fmt: skip

# ------------------------------------------------------------ the lower bound and the threshold

UNIT = {**ONE, "class_sizes": [1], "weight_decays": ["1/2"], "feature_decay": "1/2", "widths": [1]}
"""1/(1 + x) + x/4 ≥ 3/4, with equality at x = 1."""
DEEP = {**UNIT, "depth": 2, "weight_decays": ["1/2", "1/2"], "feature_decay": "1/4", "widths": [1, 1]}
"""1/(1 + x²) + x/2, as b = 2 (1/16)^½."""


def share(problem: dict[str, Any], weight: int, beta: Any, share: Any) -> Callable[[Any], Any]:
    return lambda c: c.mode_bound(c.Model(problem), weight, F(beta), F(share))


add(
    "mode",
    (share(UNIT, 1, "1/4", "749/1000"), F(749, 1000)),
    (share(UNIT, 1, "1/4", "3/4"), REJECTED),
    (share(UNIT, 1, "2501/10000", "749/1000"), REJECTED),
    (share(UNIT, 2, "1/8", "1/2"), F(1, 2)),
    (share(UNIT, 2, "1/7", "1/2"), REJECTED),
    (share(UNIT, 1, "0", "0"), F(0)),
    (share(UNIT, 1, "-1/4", "0"), REJECTED),
    (share(DEEP, 1, "-1/4", "0"), REJECTED),
    (share({**UNIT, "feature_decay": "4"}, 1, "2", "1"), F(1)),
    (share({**UNIT, "feature_decay": "4"}, 1, "1", "1"), REJECTED),
    (share({**UNIT, "feature_decay": "4"}, 1, "1/2", "1"), REJECTED),
    (share({**UNIT, "feature_decay": "4"}, 1, "2", "2"), REJECTED),
    (share(DEEP, 1, "1/2", "1/2"), F(1, 2)),
    (share(DEEP, 1, "1/2", "99/100"), F(99, 100)),
    (share(DEEP, 1, "1/2", "1"), REJECTED),
    (share(DEEP, 1, "51/100", "1/2"), REJECTED),
    (share({**DEEP, "feature_decay": "4"}, 1, "2", "1"), F(1)),
    (share({**DEEP, "feature_decay": "4"}, 1, "1/10", "1"), REJECTED),
    (share(DEEP, 1, "0", "1"), REJECTED),  # x = 0 is a root of the reduced polynomial, which is negative beyond
    (share({**TWO, "class_sizes": [2, 1]}, 2, "18/19", "1/2"), F(1, 2)),  # b² = 6² · 3/30 = 3.6
    (share({**TWO, "class_sizes": [2, 1]}, 2, "19/20", "1/2"), REJECTED),
    (share({**TWO, "class_sizes": [2, 1]}, 1, "36/19", "1/2"), F(1, 2)),
    (share({**TWO, "class_sizes": [2, 1]}, 1, "19/10", "1/2"), REJECTED),
)  # fmt: skip


def lower(problem: dict[str, Any], *modes: tuple[Any, str, str]) -> Callable[[Any], Any]:
    data = [{"weight": weight, "beta": beta, "share": share} for weight, beta, share in modes]
    return lambda c: c.lower_bound(c.Model(problem), data)


NARROW = {**ONE, "class_sizes": [3, 2, 2, 1], "widths": [2]}
SHARES = ((3, "0", "0"), (2, "1/100", "0"), (1, "1/1000", "-1"))
add(
    "lower bound",
    (lower(NARROW, *SHARES), F(8 - 3 - 2, 16)),
    (lower({**NARROW, "widths": [1]}, *SHARES), F(8 - 3, 16)),
    (lower({**NARROW, "widths": [9]}, *SHARES), F(8 - 3 - 4 - 2, 16)),
    (lower(NARROW, *SHARES[:2]), REJECTED),
    (lower(NARROW, *SHARES, (4, "0", "0")), REJECTED),
    (lower(NARROW, *SHARES, SHARES[0]), REJECTED),
    (lower({**ONE, "class_sizes": [1]}, (True, "0", "0")), REJECTED),
    (lower({**ONE, "class_sizes": [1]}, (1, "0", "0")), F(0)),
    (lambda c: c.lower_bound(c.Model({**BALANCED, "class_sizes": [1]}), {}), REJECTED),
    (lambda c: c.lower_bound(c.Model({**BALANCED, "class_sizes": [1]}), []), F(0)),
)


def geometry(problem: dict[str, Any], **entry: Any) -> Callable[[Any], Any]:
    return lambda c: c._minimiser(c.Model(problem), 1, {"weight": 1, **entry})[0]


def isolated(beta: str, a: str, c: str, b: str, outside: str, low: str, high: str) -> dict[str, Any]:
    return {"beta": [beta, beta], "x": [a, c, b], "outside": outside, "singular": [low, high]}


AT_ONE = isolated("1/4", "9/10", "1", "11/10", "1501/2000", "47/100", "53/100")
LOW = {**DEEP, "feature_decay": "1/16"}
"""1/(1 + x²) + x/4 is least near x = 1.607."""
DEEP_ENTRY = isolated("1/4", "7/5", "8/5", "19/10", "137/200", "66/100", "79/100")
add(
    "minimiser",
    (geometry(UNIT, **isolated("1/4", "9/10", "1", "11/10", "1501/2000", "47/100", "53/100")), "in [47/100, 53/100]"),
    *(
        (geometry(UNIT, **isolated(*entry)), REJECTED)
        for entry in (
            ("1/5", "9/10", "1", "11/10", "1501/2000", "47/100", "53/100"),
            ("1/3", "9/10", "1", "11/10", "1501/2000", "47/100", "53/100"),
            ("1/4", "9/10", "1", "11/10", "3/4", "47/100", "53/100"),
            ("1/4", "9/10", "1", "11/10", "7512/10000", "47/100", "53/100"),
            ("1/4", "9/10", "1", "11/10", "7513/10000", "47/100", "53/100"),
            ("1/4", "9/10", "1", "11/10", "1501/2000", "48/100", "53/100"),
            ("1/4", "9/10", "1", "11/10", "1501/2000", "47/100", "52/100"),
            ("1/4", "1", "1", "11/10", "1501/2000", "47/100", "53/100"),
            ("1/4", "11/10", "12/10", "13/10", "7505/10000", "1/10", "9/10"),
        )
    ),
    (geometry(LOW, **isolated("1/4", "7/5", "8/5", "19/10", "137/200", "66/100", "79/100")), "in [33/50, 79/100]"),
    (geometry(LOW, **isolated("1/4", "9/10", "8/5", "19/10", "137/200", "44/100", "79/100")), "in [11/25, 79/100]"),
    (geometry(LOW, **isolated("1/4", "11/20", "8/5", "19/10", "137/200", "1/10", "79/100")), REJECTED),
    # all is well near the local minimum, but x = 0 is as good at the threshold and better above it
    (geometry(DEEP, **isolated("1/2", "9/10", "1", "11/10", "1001/1000", "1/10", "9/10")), REJECTED),
    (geometry({**UNIT, "feature_decay": "4"}, beta="2"), "zero"),
    (geometry({**UNIT, "feature_decay": "4"}, beta="1"), "zero"),
    (geometry({**UNIT, "feature_decay": "4"}, beta="9/10"), REJECTED),
    (geometry({**UNIT, "feature_decay": "4"}, beta="3"), REJECTED),
    (geometry(DEEP, beta="1/2"), REJECTED),
    (geometry({**DEEP, "feature_decay": "4"}, beta="2"), "zero"),
    (geometry({**DEEP, "feature_decay": "9/16"}, beta="3/4"), "zero"),
    (geometry(UNIT, **isolated("1/4", "9/10", "1", "11/10", "1501/2000", "9/19", "11/21")), "in [9/19, 11/21]"),
    (
        lambda c: c._minimiser(c.Model(LOW), 1, {"weight": 1, **DEEP_ENTRY})[1],
        (1 - (F(25, 89) + F(2, 5)), 1 - (F(100, 461) + F(7, 20))),
    ),
    (geometry({**DEEP, "feature_decay": "4"}, beta="0"), REJECTED),
    (geometry(DEEP), "0 or 1/2 each"),
    (geometry(LOW), REJECTED),
    # the gain is between those of the shares at c and of 1/(1 + b) + β a
    *(
        (
            lambda c, n=n, fields=fields: c._minimiser(c.Model({**UNIT, **fields}), n, {"weight": n, **AT_ONE})[1],
            (n * F(1, 4), n * (1 - F(10, 21) - F(9, 40))),
        )
        for n, fields in ((1, {}), (2, {"class_sizes": [2], "weight_decays": ["1"], "feature_decay": "1/8"}))
    ),
    (lambda c: c._numbers(["1", "2"], 2), [F(1), F(2)]),
    (lambda c: c._numbers(["1"], 2), REJECTED),
    (lambda c: c._numbers("12", 2), REJECTED),
)


def certificate(kind: str, **fields: Any) -> dict[str, Any]:
    return {"format": "collapse certificate 1", "kind": kind, **fields}


def tries(group: str, *cases: tuple[dict[str, Any], str]) -> None:
    """Whole certificates, with what becomes of them."""
    add(group, *((lambda c, given=given: verdict(c, given), expected) for given, expected in cases))


def threshold(problem: dict[str, Any], weight: Any, **fields: Any) -> dict[str, Any]:
    return certificate("identity", model={**problem, **fields}, weight=weight)


PARTS = [
    {"weight": 2, **AT_ONE},
    {"weight": 1, **isolated("1/2", "3/10", "41/100", "11/20", "917/1000", "23/100", "36/100")},
]


def everywhere(widths: list[int], entries: Any = PARTS, *, sizes: tuple[int, ...] = (2, 1), decay: str = "1/18") -> Any:
    """What is said of the modes of weights 2 and 1, of which the first gains more."""
    problem = {**ONE, "class_sizes": list(sizes), "weight_decays": ["1"], "feature_decay": decay, "widths": widths}

    def run(c: Any) -> Any:
        return c.check(certificate("geometry", model=problem, modes=entries)).partition(" are: ")[2]

    return run


add(
    "geometry",
    (everywhere([2]), "1 of weight 2 in [47/100, 53/100]; 1 of weight 1 in [23/100, 9/25]"),
    (everywhere([1]), "1 of weight 2 in [47/100, 53/100]; 1 of weight 1 zero"),
    (
        everywhere([1], sizes=(2, 2, 1), decay="1/50"),
        "1 of weight 2 in [47/100, 53/100], 1 of weight 2 zero; 1 of weight 1 zero",
    ),
    (
        everywhere([2], sizes=(2, 2, 1), decay="1/50"),
        "2 of weight 2 in [47/100, 53/100]; 1 of weight 1 zero",
    ),
    # enclosed so widely that the second mode may gain more than the first
    (
        everywhere(
            [2], [PARTS[0], {"weight": 1, **isolated("1/2", "1/20", "41/100", "7/5", "917/1000", "1/100", "9/10")}]
        ),
        REJECTED,
    ),
    (lambda c: c.check(certificate("geometry", model={**BALANCED, "class_sizes": [5]}, modes={})), REJECTED),
    (everywhere([2], PARTS[:1]), REJECTED),
    (everywhere([2], [*PARTS, PARTS[0]]), REJECTED),
    (everywhere([2], [*PARTS, {"weight": 3, "beta": "1"}]), REJECTED),
    (everywhere([2], [PARTS[0], 1]), REJECTED),
)
AT_TWO = {**TWO, "class_sizes": [1], "weight_decays": ["1/2", "1/4"], "feature_decay": "1/2"}
"""1 = n² (2 − 1) against 2² 2² Λ with Λ = 1/16."""
AT_FOUR = {**TWO, **ones(4), "class_sizes": [4], "feature_decay": "27/262144"}
"""4⁴ 3³ = 4⁴ 16⁴ 4 Λ."""
tries(
    "identity",
    (threshold(AT_TWO, 1), ACCEPTED),
    (threshold(AT_FOUR, 4), ACCEPTED),
    (threshold(AT_TWO, True), REJECTED),
    (threshold(AT_TWO, 1, feature_decay="1/3"), REJECTED),
    (threshold(AT_TWO, 2), REJECTED),
    (threshold({**ONE, "class_sizes": [1], "widths": [1]}, 1, weight_decays=["1"], feature_decay="1"), REJECTED),
    (threshold({**AT_TWO, "class_sizes": [2, 1]}, 1, feature_decay=str(F(1, 16 * 27) * 8)), ACCEPTED),
    (threshold({**AT_TWO, "class_sizes": [2, 1], "widths": [1, 3]}, 1, feature_decay=str(F(1, 16 * 27) * 8)), REJECTED),
    (threshold({**AT_TWO, "class_sizes": [2, 2]}, 1, feature_decay=str(F(1, 16 * 64) * 8)), REJECTED),
)

# ------------------------------------------------------------ intervals and logarithms


def between(*ends: Any) -> Any:
    return tuple(map(F, ends)) if len(ends) == 2 else (F(ends[0]), F(ends[0]))


def on(method: str, first: Any, *others: Any) -> Callable[[Any], Any]:
    """A method of an interval, at intervals (given as tuples of ends) or other things."""
    return lambda c: getattr(interval(c, *first), method)(
        *(interval(c, *x) if isinstance(x, tuple) else x for x in others)
    )


add(
    "interval",
    (lambda c: c.Interval(F(3)), between(3)),
    (on("__add__", (1, 2), (3, 5)), between(4, 7)),
    (on("__sub__", (1, 2), (3, 5)), between(-4, -1)),
    (on("__mul__", (1, 2), (3, 5)), between(3, 10)),
    (on("__mul__", (-1, 2), (3, 5)), between(-5, 10)),
    (on("__mul__", (-3, -2), (-5, 4)), between(-12, 15)),
    (on("__mul__", (-3, 2), (-5, 7)), between(-21, 15)),
    (on("inverse", (2, 4)), between("1/4", "1/2")),
    (on("inverse", (-4, -2)), between("-1/2", "-1/4")),
    *((on("inverse", ends), UNKNOWN) for ends in ((-1, 1), (0, 1), (-1, 0), (0, 0))),
    (on("squared", (2, 3)), between(4, 9)),
    (on("squared", (-3, -2)), between(4, 9)),
    (on("squared", (-3, 2)), between(0, 9)),
    (on("squared", (-2, 3)), between(0, 9)),
    (on("squared", (0, 2)), between(0, 4)),
    (on("squared", (-2, 0)), between(0, 4)),
    (on("squared", ("1/2", 1)), between("1/4", 1)),
    (on("squared", (3, 5)), between(9, 25)),
    (on("power", (2, 3), F(1)), between(2, 3)),
    (on("power", (2, 3), F(5)), between(32, 243)),
    (on("power", (-2, 3), F(2)), between(0, 9)),
    (on("power", (-3, -2), F(3)), between(-27, -8)),
    (on("power", (2, 3), F(-2)), between("1/9", "1/4")),
    (on("power", (4, 9), F(3, 2)), between(8, 27)),
    (on("power", (4, 16), F(-1, 2)), between("1/4", "1/2")),
    *((bounded(on("power", (1, 1), F(p)), MAX_EXPONENT=6), between(1)) for p in ("6", "-6", "1/7")),
    *((bounded(on("power", (1, 1), F(p)), MAX_EXPONENT=6), REJECTED) for p in ("0", "7", "-7")),
    (bounded(on("power", (1, 1), F(1, 6)), MAX_ROOT=6), between(1)),
    (bounded(on("power", (1, 1), F(1, 7)), MAX_ROOT=6), REJECTED),
    (on("root", (4, 9), 2), between(2, 3)),
    (on("root", (0, 4), 2), between(0, 2)),
    (on("root", (0, 0), 2), between(0)),
    (on("root", (-2, -1), 2), REJECTED),
    (on("root", (-1, 1), 2), UNKNOWN),
    (on("root", (-1, 0), 2), UNKNOWN),
    # outwards to few bits
    (in_bits(4, on("rounded", ("-1/37", "1/37"))), between("-7/256", "7/256")),
    (in_bits(4, on("rounded", ("1/37", "1/37"))), between("13/512", "7/256")),
    (in_bits(4, on("__add__", (32, 32), (1, 1))), between(32, 34)),
    (in_bits(4, on("__sub__", (32, 32), (-1, -1))), between(32, 34)),
    (in_bits(4, on("__mul__", (-5, 5), (7, 7))), between(-36, 36)),
    (in_bits(4, on("inverse", (37, 37))), between("13/512", "7/256")),
    (in_bits(4, on("squared", (7, 7))), between(48, 50)),
    (in_bits(4, on("root", (2, 2), 2)), between("11/8", "23/16")),
)  # fmt: skip
calls(
    "_towards",
    (F(1, 37), 4, True, F(14, 512)), (F(1, 37), 4, False, F(13, 512)), (F(-1, 37), 4, True, F(-13, 512)),
    (F(-1, 37), 4, False, F(-14, 512)), (F(15, 13), 4, True, F(15, 13)), (F(16, 13), 4, False, F(9, 8)),
    (F(16, 13), 4, True, F(5, 4)), (F(1_000_001), 4, False, F(30 * 2**15)), (F(1_000_001), 4, True, F(31 * 2**15)),
    (F(1, 1_000_001), 4, False, F(1, 2**20)), (F(1, 1_000_001), 4, True, F(9, 2**23)), (F(0), 4, True, F(0)),
)  # fmt: skip
add(
    "too large a number",
    *(
        (bounded(lambda c, x=x: c._towards(x, 4, False), MAX_SHIFT=10), expected)
        for x, expected in (
            (F(1, 100), F(10, 2**10)), (F(1, 1001), REJECTED), (F(20_001), F(19 * 2**10)), (F(40_001), REJECTED),
        )
    ),
)  # fmt: skip
calls(
    "_root",
    (F(0), 2, 4, True, F(0)), (F(9, 4), 2, 8, True, F(3, 2)), (F(9, 4), 2, 8, False, F(3, 2)),
    (F(2), 2, 4, False, F(22, 16)), (F(2), 2, 4, True, F(23, 16)), (F(1, 27), 3, 8, False, F(341, 1024)),
    (F(1, 27), 3, 8, True, F(342, 1024)), (F(250_001, 10**6), 2, 4, False, F(1, 2)),
    (F(250_001, 10**6), 2, 4, True, F(33, 64)),
)  # fmt: skip
add(
    "whole root",
    (
        lambda c: [
            (n, k) for n in range(400) for k in range(1, 7) if not (r := c.whole_root(n, k)) ** k <= n < (r + 1) ** k
        ],
        [],
    ),
    (lambda c: [c.whole_root(10**60 + i, 3) for i in (-1, 0, 1)], [10**20 - 1, 10**20, 10**20]),
)
POWERS = (F(1, 300), F(-1, 300), F(5, 7), F(-5, 7), F(9), F(-9), F(123, 10), F(-123, 10))


def contains(found: Any, value: Any) -> bool:
    """Whether a narrow interval holds a number."""
    return bool(found.low <= value <= found.high and found.high - found.low < F(1, 10**15))


def as_rational(value: Any) -> Fraction:
    """A number of mpmath as the rational that it is."""
    sign, mantissa, exponent, _ = value._mpf_
    return (-1) ** sign * F(int(mantissa)) * F(2) ** exponent


def narrow(found: Any, digits: str, bits: int) -> bool:
    """Whether an interval holds a number and is about as narrow as so many bits allow."""
    value = F(digits)
    return bool(found.low <= value <= found.high and found.high - found.low < max(1, abs(value)) * F(8, 2**bits))


def tight(c: Any, x: Fraction, bits: int) -> bool:
    """The same for e^x, with few bits, where little hides an enclosure that is a little too narrow."""
    c.Interval.BITS = bits
    found, value = c.exponential(x, bits), as_rational(mpmath.exp(mpmath.mpf(x.numerator) / x.denominator))
    return bool(found.low <= value <= found.high and found.high - found.low < value * F(8, 2**bits))


def encloses_number(value: Any) -> Any:
    """What a case gives that returns the middle of an interval: the number, to 25 digits."""
    return mpmath.nstr(value, 25)


def sum_of_exponentials(c: Any, column: Any) -> str:
    found = c.log_sum_exp([interval(c, x) for x in column])
    return middle(found)


def middle(found: Any) -> str:
    """The middle of a narrow interval to 25 digits, or that it is wide."""
    if found.high - found.low > F(1, 10**27):
        return "wide"
    value = (found.low + found.high) / 2
    return mpmath.nstr(mpmath.mpf(value.numerator) / value.denominator, 25)


def ends_of(found: Any, digits: int) -> tuple[str, str]:
    """Both ends of an interval in a few digits."""
    return f"{abs(float(found.low)):.{digits}f}", f"{abs(float(found.high)):.{digits}f}"


LOG = {
    F(2): "0.693147180559945309417232121458176568075500134360255254120680",
    F(10): "2.302585092994045684017991454684364207601101488628772976033327",
    F(3, 4): "-0.287682072451780927439219005993827431503509710897761056506665",
    F(19, 10): "0.641853886172394775991035977203489329636277772670355842504632",
    F(10) ** 50: "115.129254649702284200899572734218210380055074431438648801666",
    F(1, 10**50): "-115.129254649702284200899572734218210380055074431438648801666",
}
EXP = {
    x: mpmath.nstr(mpmath.exp(mpmath.mpf(x.numerator) / x.denominator), 70)
    for x in map(F, ("1", "-1", "1/3", "-7/2", "20"))
}
add(
    "logarithm",
    *((lambda c, x=x, digits=digits: encloses(c.logarithm(x, 128), digits), True) for x, digits in LOG.items()),
    *((lambda c, b=b: narrow(c.logarithm(F(19, 10), b), LOG[F(19, 10)], b), True) for b in (40, 60, 100, 120)),
    (lambda c: contains(c.logarithm(F(1), 128), 0), True),
    (lambda c: c.logarithm(F(0), 128), UNKNOWN),
    (lambda c: c.logarithm(F(-1), 128), UNKNOWN),
)
add(
    "common denominator",
    (lambda c: c.common_denominator([F(1, 4), F(5, 6), F(3)]) % 12, 0),
    (lambda c: c.common_denominator([]) > 0, True),
    (bounded(lambda c: c.common_denominator([F(1, 2**20)]) % 2**20, MAX_SHIFT=21), 0),
    (bounded(lambda c: c.common_denominator([F(1, 2**20)]), MAX_SHIFT=20), REJECTED),
)
add(
    "exponential",
    *((lambda c, x=x, digits=digits: encloses(c.exponential(x, 160), digits), True) for x, digits in EXP.items()),
    *((lambda c, x=x, b=b: narrow(c.exponential(x, b), EXP[x], b), True) for x in (F(1, 3), F(-1)) for b in (20, 60)),
    *((lambda c, x=x, b=b: tight(c, x, b), True) for b in range(4, 40, 3) for x in POWERS),
    (lambda c: contains(c.exponential(F(0), 128), 1), True),
    (lambda c: contains(c.exponential(F(9_999), 64) * c.exponential(F(-9_999), 64), 1), True),
    (lambda c: c.exponential(F(10_001), 64), REJECTED),
    (lambda c: c.exponential(F(-10_001), 64), REJECTED),
)
add(
    "log of a sum of exponentials",
    (lambda c: sum_of_exponentials(c, (0, 0)), encloses_number(mpmath.log(2))),
    (lambda c: sum_of_exponentials(c, (1, 2, -5)), encloses_number(mpmath.log(mpmath.e + mpmath.e**2 + mpmath.e**-5))),
    (lambda c: sum_of_exponentials(c, (30_000, 0, -30_000)), encloses_number(mpmath.mpf(30_000))),
    (lambda c: sum_of_exponentials(c, (-30_000, -30_001)), encloses_number(mpmath.log(1 + mpmath.exp(-1)) - 30_000)),
    (lambda c: ends_of(c.log_sum_exp([interval(c, 0, 1), interval(c, 0, 1)]), 6), ("0.693147", "1.693147")),
    (lambda c: c.log_sum_exp([interval(c, -20_000, 0)] * 2), UNKNOWN),
    (lambda c: ends_of(c.increasing(c.exponential, interval(c, 0, 1)), 6), ("1.000000", "2.718282")),
    (lambda c: ends_of(c.increasing(c.logarithm, interval(c, 1, 2)), 6), ("0.000000", "0.693147")),
    (lambda c: c.increasing(c.logarithm, interval(c, 0, 2)), UNKNOWN),
)

# ------------------------------------------------------------ linear algebra

calls(
    "dense",
    ([["1", "2"], ["3", "4"]], [[F(1), F(2)], [F(3), F(4)]]), ([["1", "2"]], 1, 2, [[F(1), F(2)]]), ([], []),
    ([], 0, 5, []), ([[]], [[]]), ([], 1, 5, REJECTED), ([["1", "2"]], 2, 2, REJECTED), ([["1", "2"]], 1, 3, REJECTED),
    ([["1", "2"]], None, 3, REJECTED), ([["1", "2"]], 2, None, REJECTED), ([["1", "2"], ["3"]], REJECTED),
    ([["1"], "2"], REJECTED), ("1", REJECTED), ({}, REJECTED), ([{}], REJECTED),
)  # fmt: skip
add(
    "too many rows",
    (bounded(lambda c: len(c.dense([[]] * 10)), MAX_CLASSES=1), 10),
    (bounded(lambda c: c.dense([[]] * 11), MAX_CLASSES=1), REJECTED),
)


def fractions(rows: list[list[Any]]) -> list[list[Fraction]]:
    return [[F(x) for x in row] for row in rows]


calls(
    "positive_semidefinite",
    *(
        (fractions(rows), expected)
        for rows, expected in (
            ([], True), ([[0]], True), ([[-1]], False), ([["1/2"]], True), ([[1, 1], [1, 1]], True),
            ([[1, 2], [2, 1]], False), ([[4, 2], [2, 1]], True), ([[4, 2], [2, "99/100"]], False),
            ([[0, 1], [1, 0]], False), ([[0, 1], [1, 5]], False), ([[0, 0], [0, -1]], False), ([[0, 0], [0, 1]], True),
            ([[0, 0, 1], [0, 0, 0], [1, 0, 1]], False), ([[0, 1, 0], [1, 1, 0], [0, 0, 1]], False),
            ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], True), ([[1, 1, 1], [1, 1, 2], [1, 2, 5]], False),
            ([[2, -1, 0], [-1, 2, -1], [0, -1, 2]], True), ([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]], True),
            ([[2, -1, -1], [-1, 2, -1], [-1, -1, "19/10"]], False), ([[1, 2, 3], [2, 8, 4], [3, 4, 11]], True),
            ([[1, 2, 3], [2, 8, 4], [3, 4, 9]], False),
            ([[1, 2, 0, 1], [2, 5, -1, 3], [0, -1, 2, 1], [1, 3, 1, 6]], True),
            ([[1, 2, 0, 1], [2, 5, -1, 3], [0, -1, 2, 1], [1, 3, 1, "59/10"]], False),
            ([[1, 0], [1, 1]], REJECTED), ([[1, 0]], REJECTED), ([[1], [0, 1]], REJECTED),
        )
    ),
)  # fmt: skip
add(
    "large matrix",
    (bounded(lambda c: c.positive_semidefinite(fractions([[1, 0], [0, 1]])), MAX_SIZE=2), True),
    (bounded(lambda c: c.positive_semidefinite(fractions([[1, 0], [0, 1]])), MAX_SIZE=1), REJECTED),
)
calls(
    "characteristic",
    ([], [F(1)]), (fractions([["5/2"]]), [F(-5, 2), F(1)]), (fractions([[1, 1], [1, 0]]), [F(-1), F(-1), F(1)]),
    (fractions([[2, -1, 0], [-1, 2, -1], [0, -1, 2]]), [F(-4), F(10), F(-6), F(1)]),
    (fractions([[1, 2, 3], [4, 5, 6], [7, 8, 10]]), [F(3), F(-12), F(-16), F(1)]),
)  # fmt: skip

# ------------------------------------------------------------ duals

SQUARED = {**ONE, "class_sizes": [4], "weight_decays": ["1/12"], "feature_decay": "3/16", "widths": [1]}
"""(1 − t)²/2 + t/4 is least at t = 3/4, where w = 3/2 and h = 1/2; 4q − 8q² with 64 · 4q² ≤ 1 is largest at 1/16."""
PRIMAL = {"W": [["3/2"]], "H": [["1/2"]], "b": [["0"]]}


def dual(**fields: Any) -> dict[str, Any]:
    made = certificate("dual", model=SQUARED, dual=[["1/16"]], primal=PRIMAL, lower="7/32", upper="7/32")
    return {**made, **fields}


PAIR = {**SQUARED, "class_sizes": [1, 1], "widths": [2], "bias": "last-layer"}
ZERO = {"W": [[], []], "H": [], "b": [["1/2"], ["1/2"]]}
tries(
    "dual",
    (dual(), ACCEPTED),
    (dual(lower="7000001/32000000"), REJECTED),
    (dual(upper="6999999/32000000"), REJECTED),
    (dual(dual=[["1/15"]]), REJECTED),
    (dual(dual=[["-1/16"]]), REJECTED),
    (dual(model={**SQUARED, "widths": [2]}, primal={**PRIMAL, "W": [["3/2", "0"]], "H": [["1/2"], ["0"]]}), ACCEPTED),
    (dual(primal={**PRIMAL, "W": [["3/2", "0"]], "H": [["1/2"], ["0"]]}), REJECTED),
    (dual(primal={**PRIMAL, "b": [["1/100"]]}, upper="1"), REJECTED),
    (dual(model=PAIR, dual=[["0", "0"], ["0", "0"]], primal=ZERO, lower="0", upper="1/4"), ACCEPTED),
    (dual(model=PAIR, dual=[["0", "0"], ["0", "0"]], primal=ZERO, lower="0", upper="6/25"), REJECTED),
    (dual(model={**PAIR, "bias": "none"}, dual=[["0", "0"]] * 2, primal=ZERO, lower="0", upper="1"), REJECTED),
    (dual(model={**PAIR, "bias": "none"}, dual=[["0", "0"]] * 2, primal={**ZERO, "b": [["1"], ["0"]]}, lower="0",
          upper="1"), REJECTED),
    (dual(model=PAIR, dual=[["1/100", "0"], ["0", "0"]], primal=ZERO, lower="0", upper="1"), REJECTED),
    (dual(model=PAIR, dual=[["1/100", "-1/100"], ["0", "0"]], primal=ZERO, lower="0", upper="1"), ACCEPTED),
)  # fmt: skip
ENTROPY = {**ONE, "class_sizes": [2, 2], "weight_decays": ["1/4"], "feature_decay": "1/8", "loss": "ce"}
CENTRED = [["1/16", "-1/16"], ["-1/16", "1/16"]]
"""The softmax is 3/4 at the label, and Q D Qᵀ has the eigenvalue 1/32, the product of the decays."""
BELOW, ABOVE = "562335144618808350/1000000000000000000", "562335144618808351/1000000000000000000"
NOWHERE = {"W": [["0"], ["0"]], "H": [["0", "0"]], "b": [["0"], ["0"]]}


def softmax(
    Q: list[list[str]] = CENTRED, lower: str = BELOW, upper: str = "7/10", primal: Any = NOWHERE, **fields: Any
) -> dict[str, Any]:
    return certificate("dual", model={**ENTROPY, **fields}, dual=Q, primal=primal, lower=lower, upper=upper)


SKEW = [["1/24", "-1/48", "-1/96"], ["-1/48", "1/24", "-1/32"], ["-1/48", "-1/48", "1/24"]]
"""With N = 6 the softmax rows are (3/4, 1/8, 1/8), (1/8, 3/4, 1/8) and (1/16, 3/16, 3/4)."""
THREE_ZERO = {"W": [["0"]] * 3, "H": [["0"] * 3], "b": [["0"]] * 3}
WIDE = {"feature_decay": "1", "class_sizes": [2, 2, 2], "primal": THREE_ZERO, "upper": "11/10", "widths": [3]}
REGULARISED = {"bias": "last-layer", "bias_decay": "1/2", "feature_decay": "1"}
tries(
    "cross-entropy",
    (softmax(), ACCEPTED),
    (softmax(lower=ABOVE), REJECTED),
    (softmax(upper="69/100"), REJECTED),
    (softmax(upper="693147180559945310/1000000000000000000"), ACCEPTED),
    (softmax(upper="693147180559945309/1000000000000000000"), REJECTED),
    (softmax(feature_decay="124/1000"), REJECTED),
    (softmax(bias="last-layer"), ACCEPTED),
    (softmax(depth=2, weight_decays=["1", "1"], widths=[2, 2]), REJECTED),
    (softmax([["1/16", "-3/32"], ["-1/16", "3/32"]], "1/2", feature_decay="1"), ACCEPTED),
    (softmax([["1/16", "-3/32"], ["-1/16", "3/32"]], "1/2", feature_decay="1", bias="last-layer"), REJECTED),
    (
        softmax(
            [["0"]],
            "-1/99999999",
            class_sizes=[2],
            primal={"W": [["0"]], "H": [["0"]], "b": [["0"]]},
            upper="1/99999999",
        ),
        ACCEPTED,
    ),
    (softmax(SKEW, "1/2", **WIDE), ACCEPTED),
    (softmax(SKEW, "1/2", **WIDE, bias="last-layer"), REJECTED),
    (softmax([["1/16", "-1/16"], ["-1/16", "3/32"]], "1/2", feature_decay="1"), REJECTED),
    (softmax([["-1/16", "1/16"], ["1/16", "-1/16"]], "0", feature_decay="1"), REJECTED),
    (softmax([["0", "0"], ["0", "0"]], "0"), REJECTED),
    (softmax(loss="focal", gamma="1"), REJECTED),
    (softmax(primal={**NOWHERE, "b": [["1"], ["0"]]}, upper="2"), REJECTED),
    (softmax(primal={**NOWHERE, "W": [["0"] * 3] * 2, "H": [["0"] * 2] * 3}), REJECTED),
    # label smoothing: targets (9/10, 1/10), the same softmax with a smaller dual
    (softmax([["3/80", "-3/80"], ["-3/80", "3/80"]], BELOW, loss="label-smoothing", alpha="1/5"), ACCEPTED),
    (softmax([["3/80", "-3/80"], ["-3/80", "3/80"]], ABOVE, loss="label-smoothing", alpha="1/5"), REJECTED),
    (softmax([["1/20", "-1/20"], ["-1/20", "1/20"]], BELOW, loss="label-smoothing", alpha="1/5"), ACCEPTED),
    (softmax(loss="label-smoothing", alpha="1"), REJECTED),
    (softmax(alpha="1/5"), REJECTED),
    # features that may not be negative: λ n − n² |q|² ≥ 0 suffices, as q_1ᵀ q_2 < 0; here |q|² = 1/128
    (softmax(sign="nonnegative", feature_decay="1/16"), ACCEPTED),
    (softmax(sign="nonnegative", feature_decay="1/17"), REJECTED),
    (softmax(feature_decay="1/16"), REJECTED),
    (softmax(sign="free"), ACCEPTED),
    (softmax(sign="positive"), REJECTED),
    (softmax([["1/16", "1/16"], ["-1/16", "-1/16"]], "0", sign="nonnegative", feature_decay="1/16"), REJECTED),
    (softmax(sign="nonnegative", primal={**NOWHERE, "H": [["-1", "0"]]}, upper="9"), REJECTED),
    # a bias with a decay: −‖Q n‖²/(2 λ_b) with Q n = (−1/16, 1/16)
    (softmax([["1/16", "-3/32"], ["-1/16", "3/32"]], "6041/10000", **REGULARISED), ACCEPTED),
    (softmax([["1/16", "-3/32"], ["-1/16", "3/32"]], "6042/10000", **REGULARISED), REJECTED),
    (softmax([["1/16", "-3/32"], ["-1/16", "3/32"]], "6041/10000", **REGULARISED | {"bias_decay": "1/3"}), REJECTED),
    (softmax(bias_decay="1"), REJECTED),
    (softmax(bias="last-layer", bias_decay="-1"), REJECTED),
)

# ------------------------------------------------------------ sums of squares

x = ["variable", [], "x", []]
QUADRATIC = [
    x, ["power", [], "2", [0]], ["rational", [], "-2", []], ["scale", [], None, [2, 0]], ["add", [], None, [1, 3]],
    ["rational", [], "2", []], ["add", [], None, [4, 5]], [6],
]  # fmt: skip
"""x² − 2x + 2 = (x − 1)² + 1."""
FRACTION = [
    x, ["rational", [], "1", []], ["add", [], None, [0, 1]], ["power", [], "-1", [2]], ["rational", [], "4", []],
    ["scale", [], None, [4, 3]], ["add", [], None, [0, 5]], [6],
]  # fmt: skip
"""x + 4/(x + 1), least at x = 1."""
SQUARE = [["1", "0", "-1"], ["0", "0", "0"], ["-1", "0", "1"]]
WHERE = {"variables": {"x": []}, "nonnegative": ["x"]}


def sos(objective: Any = QUADRATIC, value: str = "1", where: dict[str, Any] = WHERE, **fields: Any) -> dict[str, Any]:
    made = certificate("sos", minimisation={"objective": objective, **where}, point="1", scale="1", gram=SQUARE)
    return {**made, "bound": value, "lower": value, "upper": value, **fields}


def rows(*nodes: Any) -> list[Any]:
    return [*nodes, [len(nodes) - 1]]


def constant(value: str) -> list[Any]:
    return rows(["rational", [], value, []])


TALL = [["ones", [2, 1], None, []], ["sum_squares", [], None, [0]], x, ["add", [], None, [1, 2]], [3]]
EMPTY = [["0"]]
tries(
    "sum of squares",
    (sos(), ACCEPTED),
    (sos(FRACTION, "3"), ACCEPTED),
    (sos(scale="2", gram=[["1", "0", "-2"], ["0", "0", "0"], ["-2", "0", "4"]]), ACCEPTED),
    (sos(bound="1/2", lower="1/2"), ACCEPTED),
    (sos(bound="1/2"), REJECTED),
    (sos(lower="1/2"), ACCEPTED),
    (sos(lower="1000001/1000000"), REJECTED),
    (sos(upper="999999/1000000"), REJECTED),
    (sos(bound="3/2", lower="3/2", upper="2"), REJECTED),
    (sos(point="2"), REJECTED),
    (sos(rows(x, ["rational", [], "2", []], ["add", [], None, [0, 1]]), "1", point="-1"), REJECTED),
    (sos(rows(x), "0", point="0", gram=[["0", "0"], ["0", "1"]]), ACCEPTED),
    (sos(rows(x), "0", {**WHERE, "nonnegative": []}, point="0", gram=[["0", "0"], ["0", "1"]]), REJECTED),
    (sos(rows(x), "0", {**WHERE, "variables": {"x": [1, 1]}}, point="0", gram=[["0", "0"], ["0", "1"]]), REJECTED),
    (sos(rows(x), "0", {"variables": {"x": [], "y": []}, "nonnegative": ["x", "y"]}, point="0"), REJECTED),
    (sos(rows(x), "0", {"variables": ["x"], "nonnegative": ["x"]}, point="0", gram=[["0", "0"], ["0", "1"]]), REJECTED),
    (sos(rows(["variable", [], "y", []]), "0", point="0", gram=[["0", "0"], ["0", "1"]]), REJECTED),
    # at scale 0 only the value at x = 0 is looked at, at scale −1 the values at x < 0
    (sos(value="2", scale="0", point="0", gram=EMPTY), REJECTED),
    (sos(value="2", scale="-1", point="0", gram=[["0", "0", "0"], ["0", "2", "0"], ["0", "0", "1"]]), REJECTED),
    # 1/(x − 2) is negative at 0
    (sos(rows(x, ["rational", [], "-2", []], ["add", [], None, [0, 1]], ["power", [], "-1", [2]]), "0", point="102",
         upper="1", gram=[["1"]]), REJECTED),
    (sos(rows(x, ["power", [], "-1", [0]]), "0", upper="1", gram=[["1"]]), ACCEPTED),
    (sos(rows(["rational", [], "0", []], x, ["scale", [], None, [0, 1]], ["power", [], "-1", [2]]), "0", upper="1",
         gram=[["1"]]), REJECTED),
    (sos(constant("1"), "1", {"variables": {"a\nb": []}, "nonnegative": ["a\nb"]}, point="0", gram=EMPTY), REJECTED),
    (sos(constant("1"), "1", point="0", gram=EMPTY), ACCEPTED),
    (sos(TALL, "1", point="0", upper="3", gram=[["0", "0"], ["0", "1"]]), REJECTED),
    # a smaller odd coefficient is smaller only for y > 0
    (sos(bound="0", lower="0", gram=[["2", "-1", "-1"], ["-1", "1", "0"], ["-1", "0", "1"]]), REJECTED),
)  # fmt: skip


def squares(polynomial: list[Any], gram: Any, *below: bool) -> Callable[[Any], Any]:
    return lambda c: c._require_squares([F(p) for p in polynomial], gram, *below)


add(
    "Gram matrix",
    (squares([1, 2, 1], [["1", "1"], ["1", "1"]]), None),
    (squares([1, 2, 1, 0, 0], [["1", "1"], ["1", "1"]]), None),
    (squares([1, 2, 1], [["1", "1", "0"], ["1", "1", "0"], ["0", "0", "0"]]), None),
    (squares([2, 2, 1], [["1", "1"], ["1", "1"]]), REJECTED),
    (squares([2, 2, 1], [["1", "1"], ["1", "1"]], True), None),
    (squares([1, 2, 2], [["1", "1"], ["1", "1"]], True), None),
    (squares([1, 3, 1], [["1", "1"], ["1", "1"]], True), REJECTED),
    (squares(["1/2", 2, 1], [["1", "1"], ["1", "1"]], True), REJECTED),
    (squares([1, 2, 0], [["1", "1"], ["1", "0"]]), REJECTED),
    (squares([1, 2, 1, 1], [["1", "1"], ["1", "1"]]), REJECTED),
    (squares([0, 0], []), None),
    (squares([1], []), REJECTED),
    (squares([1, 0], [["1", "0"]]), REJECTED),
)


def curve(kappa: str) -> dict[str, Any]:
    """(1 − y²)² + κ y² = (y² − c)² + 1 − c² with c = 1 − κ/2."""
    c = 1 - F(kappa) / 2
    return {
        "radical": kappa,
        "bound": str(1 - c * c),
        "gram": [[str(c * c), "0", str(-c)], ["0", "0", "0"], [str(-c), "0", "1"]],
        "factors": ["3/2", "1/2"],
    }


PLAIN = {**ONE, "class_sizes": [1, 2], "weight_decays": ["1/18"], "feature_decay": "1/4", "widths": [1]}
TWICE = {**ONE, "class_sizes": [2, 1, 2], "weight_decays": ["1/30"], "feature_decay": "3/20", "widths": [2]}
ALONE = {**BALANCED, "class_sizes": [5]}


def modes(problem: dict[str, Any], low: str, high: str, *entries: Any) -> dict[str, Any]:
    return certificate("sos", model=problem, modes=list(entries), lower=low, upper=high)


LARGE = {"mode": "2", **curve("1/2")}
tries(
    "sums of squares of modes",
    (modes(PLAIN, "5/16", "5/16", LARGE), ACCEPTED),
    (modes(TWICE, "11/40", "11/40", LARGE), ACCEPTED),
    (modes(PLAIN, "5000001/16000000", "5/16", LARGE), REJECTED),
    (modes(PLAIN, "5/16", "4999999/16000000", LARGE), REJECTED),
    (modes(PLAIN, "0", "1", {"mode": "2", **curve("0")}), ACCEPTED),
    (modes(PLAIN, "0", "1", {"mode": "2", **curve("51/100")}), REJECTED),
    (modes(PLAIN, "-1", "1", {"mode": "2", **curve("-1/2")}), REJECTED),
    (modes(PLAIN, "0", "1", LARGE, LARGE), REJECTED),
    (modes(PLAIN, "0", "1", LARGE, {**LARGE, "mode": "1"}), REJECTED),
    (modes(PLAIN, "0", "1"), REJECTED),
    (modes(PLAIN, "0", "1", {**LARGE, "mode": "1"}), REJECTED),
    (modes(PLAIN, "0", "1", {**LARGE, "factors": "11"}), REJECTED),
    (modes(PLAIN, "0", "1", {**LARGE, "bound": "1/4"}), REJECTED),
    (modes(ALONE, "0", "0"), ACCEPTED),
    ({**modes(ALONE, "0", "0"), "modes": {}}, REJECTED),
)  # fmt: skip
add(
    "cost",
    (lambda c: c._cost(c.Model(PLAIN), 2, ["3/2", "1/2"]), F(7, 48)),
    (lambda c: c._cost(c.Model(TWO), 3, ["2", "1/3", "1/2"]), 3 * F(4, 9) / 10 + (2 + F(1, 27) + F(3, 20)) / 2),
    (lambda c: c._cost(c.Model(PLAIN), 2, ["3/2"]), REJECTED),
    (lambda c: c._cost(c.Model(PLAIN), 2, ["3/2", "1/2", "1"]), REJECTED),
    (lambda c: c._cost(c.Model(PLAIN), 2, "11"), REJECTED),
)

# ------------------------------------------------------------ formulas


def reads(*formula: Any) -> Callable[[Any], Any]:
    return lambda c: len(c.Formula(list(formula)).rows)


def grid(c: Any, values: Any) -> Any:
    """Rows of intervals, from rows of numbers or of pairs of ends."""
    return [[interval(c, *(x if isinstance(x, tuple) else (x,))) for x in row] for row in values]


def evaluates(*formula: Any, **point: Any) -> Callable[[Any], Any]:
    """The first root of a formula."""
    return lambda c: c.Formula(list(formula)).value({name: grid(c, value) for name, value in point.items()})[0][0][0]


three = ["rational", [], "3", []]
ones22 = ["ones", [2, 2], None, []]
ones23 = ["ones", [2, 3], None, []]
add(
    "formula",
    (reads(three, [0]), 1),
    (reads(ones22, ["trace", [], None, [0]], [1, 1]), REJECTED),
    (lambda c: len(c.Formula([ones22, ["trace", [], None, [0]], [1, 1]], 2).rows), 2),
    (reads(["zeros", [0, 3], None, []], ["sum_squares", [], None, [0]], [1]), 2),
    *(
        (lambda c, roots=roots: c.Formula([three, ones22, roots], 2), REJECTED)
        for roots in ([0, 1], [1, 0], [0, 2], [2, 0], [0, -1], [False, 0], [0], [0, 0, 0])
    ),
    (lambda c: c.Formula({}), REJECTED),
    (lambda c: c.Formula("ab"), REJECTED),
    (lambda c: c.Formula((three, [0])), REJECTED),
    (reads([0]), REJECTED),
    (reads([]), REJECTED),
    (reads(three, 0), REJECTED),
    (reads(three, {}), REJECTED),
    (reads(three, three, {}), REJECTED),
    (reads(three, three, 0), REJECTED),
    (lambda c: c.Formula(QUADRATIC).text(), "x^2 - 2 x + 2"),
    (
        lambda c: c.Formula([ones22, ["variable", [2, 2], "X", []], ["matmul", [2, 2], None, [0, 1]],
                             ["trace", [], None, [2]], [3, 3]], 2).text(),
        "trace(ones(2×2) X) ≤ trace(ones(2×2) X)",
    ),
    (bounded(reads(three, [0]), MAX_NODES=2), 1),
    (bounded(reads(three, three, [0]), MAX_NODES=2), REJECTED),
    *(
        (reads(three, node, [0]), REJECTED)
        for node in (
            {"op": "rational"}, ["rational", [], "3"], ["rational", [], "3", [], []], ["import", [], None, []],
            ("rational", [], "3", []), ["rational", [], "3", ""], ["rational", [], "3", None], ["power", [], "2", [1]],
            ["power", [], "2", [2]], ["power", [], "2", [-1]], ["power", [], "2", [False]], ["power", [], "2", ["0"]],
            ["ones", [1, 1], "1", []], ["ones", None, None, []], ["ones", [1], None, []], ["ones", [1, 1, 1], None, []],
            ["ones", [-1, 1], None, []], ["ones", [1, -1], None, []], ["ones", [True, 1], None, []],
            ["ones", [1, True], None, []], ["rational", "", "3", []], ["rational", {}, "3", []],
        )
    ),
    *(
        (reads(three, ones22, roots), REJECTED)
        for roots in ([2], [-1], [False], ["0"], [1], [0, 1], [1, 0], [0, 2], [2, 0])
    ),
    (bounded(reads(["zeros", [7, 6], None, []], ["sum_squares", [], None, [0]], [1]), MAX_ENTRIES=42), 2),
    (bounded(reads(["zeros", [7, 6], None, []], ["sum_squares", [], None, [0]], [1]), MAX_ENTRIES=41), REJECTED),
    (bounded(reads(["zeros", [6, 7], None, []], ["sum_squares", [], None, [0]], [1]), MAX_ENTRIES=41), REJECTED),
    (bounded(reads(["zeros", [0, 7], None, []], ["sum_squares", [], None, [0]], [1]), MAX_ENTRIES=7), 2),
    (bounded(reads(["zeros", [0, 7], None, []], ["sum_squares", [], None, [0]], [1]), MAX_ENTRIES=6), REJECTED),
    *(
        (reads(three, ones22, ones23, node, [0]), expected)
        for node, expected in (
            (["power", [], "2", [1]], REJECTED), (["diagonal", [2, 2], None, [0, 1]], REJECTED),
            (["diagonal", [2, 2], None, [0, 0]], 4), (["largest_root", [], None, [0, 0, 1]], REJECTED),
            (["smallest_positive_root", [], None, [1]], REJECTED), (["scale", [2, 2], None, [1, 1]], REJECTED),
            (["scale", [2, 2], None, [0, 1]], 4), (["scale", [], None, [0, 0]], 4),
            (["scale", [], None, [0]], REJECTED),
            (["scale", [2, 2], None, [0, 1, 1]], REJECTED), (["add", [2, 2], None, [1, 1]], 4),
            (["add", [2, 2], None, [1, 0]], REJECTED), (["add", [2, 2], None, [1, 2]], REJECTED),
            (["add", [2, 2], None, [1, 1, 1]], REJECTED), (["add", [2, 2], None, [1]], REJECTED),
            (["trace", [], None, [0]], REJECTED), (["matmul", [2, 3], None, [1, 2]], 4),
            (["matmul", [2, 3], None, [0, 2]], REJECTED), (["matmul", [2, 3], None, [2, 0]], REJECTED),
        )
    ),
)  # fmt: skip
WORK = (ones22, ones23, ["matmul", [2, 3], None, [0, 1]], ["sum_squares", [], None, [2]], [3])
"""Takes 4 + 6 + 6 · 3 + 3."""
add(
    "value",
    (evaluates(*WORK), between(24)),
    (evaluates(["zeros", [0, 2], None, []], ["sum_squares", [], None, [0]], [1]), between(0)),
    (evaluates(["variable", [2, 1], "X", []], ["sum_squares", [], None, [0]], [1], X=[[1], [2]]), between(5)),
    (evaluates(["variable", [1, 2], "X", []], ["sum_squares", [], None, [0]], [1], X=[[1], [2]]), REJECTED),
    (evaluates(["variable", [2, 2], "X", []], ["sum_squares", [], None, [0]], [1], X=[[1], [2]]), REJECTED),
    (evaluates(["variable", [], "Y", []], [0], X=[[1]]), REJECTED),
    (evaluates(["variable", [], ["X"], []], [0], X=[[1]]), REJECTED),
    (evaluates(["ones", [1, 1], None, []], ["entry", [], None, [0]], [1]), REJECTED),
    (evaluates(["ones", [1, 1], None, []], ["entry", [], [0, 1], [0]], [1]), REJECTED),
    (lambda c: c.Formula([three, ["rational", [], "5", []], [1, 0]], 2).value({})[0][0][0], between(5)),
)


def exactly(values: list[list[Any]]) -> list[list[Any]]:
    return [[between(*(x if isinstance(x, tuple) else (x,))) for x in row] for row in values]


def does(
    op: str, values: list[list[Any]], *grids: Any, shape: Any = (), data: Any = None
) -> tuple[Callable[[Any], Any], Any]:
    """An operation on grids, with the grid that it gives."""
    return (lambda c: c.OPERATIONS[op]([grid(c, g) for g in grids], list(shape), data)), exactly(values)


X, Y, WIDE = [[1, 2], [3, 4]], [[5, 6], [7, 8]], [[1, 2, 3], [4, 5, 6]]
add(
    "operation",
    does("rational", [["-1/2"]], data="-1/2"),
    does("add", [[6, 8], [10, 12]], X, Y),
    does("add", [[(3, 7)]], [[(1, 2)]], [[(2, 5)]]),
    does("scale", [[3, 6], [9, 12]], [[3]], X),
    does("power", [[9]], [[3]], data="2"),
    does("matmul", [[19, 22], [43, 50]], X, Y, shape=(2, 2)),
    does("matmul", [[9, 12, 15], [19, 26, 33]], X, WIDE, shape=(2, 3)),
    does("transpose", [[1, 4], [2, 5], [3, 6]], WIDE, shape=(3, 2)),
    does("entry", [[6]], WIDE, data=[1, 2]),
    does("entry", [[2]], WIDE, data=[0, 1]),
    does("submatrix", [[6, 4], [3, 1]], WIDE, data=[[1, 0], [2, 0]]),
    does("identity", [[1, 0, 0], [0, 1, 0]], shape=(2, 3)),
    does("ones", [[1, 1, 1], [1, 1, 1]], shape=(2, 3)),
    does("zeros", [[0, 0, 0], [0, 0, 0]], shape=(2, 3)),
    does("diagonal", [[5, 0], [0, 7]], [[5]], [[7]], shape=(2, 2)),
    does("one_hot", [[1, 1, 0], [0, 0, 1]], shape=(2, 3), data=[2, 1]),
    does("class_means", [["3/2", 3], ["9/2", 6]], WIDE, data=[2, 1]),
    does("repeat_columns", [[1, 1, 2, 2, 2], [3, 3, 4, 4, 4]], X, data=[2, 3]),
    does("trace", [[5]], X),
    does("sum_squares", [[30]], X),
    does("sum_squares", [[(0, 4)]], [[(-2, 1)]]),
    does("relu", [[0, 2], [(0, 3), (1, 2)]], [[-1, 2], [(-4, 3), (1, 2)]]),
    does("relu", [["1/2"]], [["1/2"]]),
    does("relu", [[(0, "1/2")]], [[("-1/2", "1/2")]]),
)


def stumbles(run: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Any]:
    """Something that must not give a number; the caller rejects for what is raised."""

    def inner(c: Any) -> Any:
        try:
            return run(c)
        except (IndexError, ValueError, TypeError):
            return "malformed"

    return inner, "malformed"


add("a factor too few", stumbles(lambda c: c.at_means(c.Model(TWO), [{}], {}, [F(0), F(0)])))
add(
    "misfit",
    *(
        (reads(three, ones22, ones23, node, [0]), 4 if fits else REJECTED)
        for fits, node in (
            (True, ["matmul", [2, 3], None, [1, 2]]), (False, ["matmul", [2, 3], None, [2, 2]]),
            (False, ["matmul", [2, 2], None, [1, 2]]), (False, ["matmul", [1, 3], None, [1, 2]]),
            (True, ["transpose", [3, 2], None, [2]]), (False, ["transpose", [2, 2], None, [2]]),
            (False, ["transpose", [2, 3], None, [2]]), (False, ["transpose", [1, 2], None, [1]]),
            (True, ["entry", [], [1, 2], [2]]), (False, ["entry", [], [2, 0], [2]]),
            (False, ["entry", [], [0, 3], [2]]),
            (False, ["entry", [], [-1, 0], [2]]), (False, ["entry", [], [0, -1], [2]]),
            (False, ["entry", [], [True, 0], [2]]),
            (False, ["entry", [], ["0", 0], [2]]), (False, ["entry", [], [0, 0, 0], [2]]),
            (True, ["submatrix", [1, 2], [[1], [0, 2]], [2]]), (False, ["submatrix", [1, 1], [[1], [0, 2]], [2]]),
            (False, ["submatrix", [1, 1], [[-1], [0]], [2]]), (False, ["submatrix", [1, 1], [[0], [3]], [2]]),
            (False, ["submatrix", [0, 1], [{}, [0]], [2]]),
            (False, ["submatrix", [1, 1], [[2], [0]], [2]]), (False, ["submatrix", [2, 1], [[0, 2], [0]], [2]]),
            (False, ["submatrix", [2, 1], [[0, -1], [0]], [2]]), (False, ["submatrix", [1, 2], [[0], [True, 0]], [2]]),
            (False, ["diagonal", [1, 2], None, [0, 0]]),
            (False, ["diagonal", [2, 1], None, [0, 0]]), (False, ["submatrix", [1, 1], [[0], [0], [0]], [2]]),
            (True, ["identity", [2, 2], None, []]), (False, ["identity", [2, 3], None, []]),
            (True, ["helmert", [3, 2], None, []]), (False, ["helmert", [2, 2], None, []]),
            (True, ["one_hot", [2, 3], [2, 1], []]), (False, ["one_hot", [2, 2], [2, 1], []]),
            (False, ["one_hot", [1, 3], [2, 1], []]), (True, ["class_means", [2, 2], [2, 1], [2]]),
            (False, ["class_means", [2, 2], [1, 1], [2]]), (False, ["class_means", [2, 2], [2, 2], [2]]),
            (False, ["class_means", [2, 1], [2, 1], [2]]), (True, ["repeat_columns", [2, 3], [2, 1], [1]]),
            (False, ["repeat_columns", [2, 3], [2, 1], [2]]), (False, ["repeat_columns", [2, 2], [2, 1], [1]]),
            (True, ["trace", [], None, [1]]), (False, ["trace", [], None, [2]]), (False, ["trace", [1, 1], None, [1]]),
            (False, ["diagonal", [1, 1], None, [0, 0]]), (True, ["diagonal", [2, 2], None, [0, 0]]),
            (True, ["relu", [2, 3], None, [2]]), (False, ["relu", [2, 2], None, [2]]),
            (True, ["sum_squares", [], None, [2]]), (False, ["sum_squares", [], None, [0]]),
            (True, ["largest_root", [], None, [0, 0]]), (False, ["largest_root", [], None, [0]]),
        )
    ),
)  # fmt: skip

# ------------------------------------------------------------ roots and singular values

SQRT2 = "1.414213562373095048801688724209698078569671875376948073176679"
HELMERT = [
    ["0.70710678118654752440084436210484903928483593768847", "0.40824829046386301636621401245098189866099124677611"],
    ["-0.70710678118654752440084436210484903928483593768847", "0.40824829046386301636621401245098189866099124677611"],
    ["", "-0.816496580927726032732428024901963797321982493552223376144230"],
]  # fmt: skip
"""1/√2, 1/√6; −1/√2, 1/√6; 0, −2/√6."""
HELMERT_ENTRIES = [(i, j) for i in range(3) for j in range(2) if HELMERT[i][j]]


def root(digits: str, *coefficients: Any, op: str = "largest_root", width: float = 1e-30) -> tuple[Any, Any]:
    def run(c: Any) -> Any:
        args = [grid(c, [[x]]) for x in coefficients]
        ((found,),) = c.OPERATIONS[op](args, [], None)
        return encloses(found, digits, width)

    return run, digits if digits in (REJECTED, UNKNOWN) else True


CUBIC = with_roots(-5, 1, 3)
add(
    "largest root",
    root(SQRT2, -2, 0, 1),
    root(SQRT2, 2, 0, -1),
    root("3.0000000000000000000000000000000000000000000000000000000000", *CUBIC),
    root("1024." + "0" * 50, -1024, 1),
    root("1048575.99999904632568359375" + "0" * 30, -(2**40 - 1), 2**20, width=1e-25),
    root("0." + "0" * 49 + "1" + "0" * 60, F(-1, 10**50), 1, width=1e-75),
    root(REJECTED, 1, 1),
    root(UNKNOWN, 0, 1),
    root(REJECTED, -(2**4_001), 1),
    root(REJECTED, 1),
    root(UNKNOWN, 1, -2, 1),
    root(UNKNOWN, -2, (-1, 1)),
    root(UNKNOWN, -2, (0, 1)),
    root(UNKNOWN, -2, (-1, 0)),
    root(UNKNOWN, -2, 0),
    # a coefficient that is known to 10⁻²⁴ only: the lower end is stepped back
    root("1.4142135623730950488016887242", (-2 - F(1, 10**24), -2 + F(1, 10**24)), 0, 1, width=1e-22),
    root("1.4142135623730950488016887242", (-2 - F(1, 10**25), -2), 0, 1, width=1e-22),
    root(UNKNOWN, ("-2001/1000", "-1999/1000"), 0, 1),
    root(SQRT2, ("-2", "-2"), 0, 1),
    root("1." + "0" * 50, *CUBIC, op="smallest_positive_root"),
    root("0.707106781186547524400844362104849039284835937688474036588339", -1, 0, 2, op="smallest_positive_root"),
    root(REJECTED, 1, 1, op="smallest_positive_root"),
    root(UNKNOWN, 0, -1, 1, op="smallest_positive_root"),
)


def beyond(*roots: Any) -> Callable[[Any], Any]:
    """Where a polynomial with these roots is seen to have none beyond; the last coefficient is made an interval."""
    return lambda c: [
        c._positive_beyond([interval(c, a) for a in with_roots(*roots)], F(b))
        for b in (0, "1/2", 1, "3/2", 2, "5/2", 3, "7/2", 4)
    ]


add(
    "positive beyond",
    (beyond(1), [False] * 3 + [True] * 6),
    (beyond(-1), [True] * 9),
    (beyond(1, 2), [False] * 5 + [True] * 4),
    (beyond(1, 2, 3), [False] * 7 + [True] * 2),
    (beyond(-2, 3, -4), [False] * 7 + [True] * 2),
    (beyond(3, 3), [False] * 7 + [True] * 2),
    (beyond(-1, -2, 1, 2), [False] * 5 + [True] * 4),
    (beyond(0, -1), [False] + [True] * 8),
    (lambda c: c._positive_beyond(grid(c, [[5, -4, 1]])[0], F(0)), False),
    (lambda c: c._positive_beyond(grid(c, [[5, -4, 1]])[0], F(2)), True),
    (lambda c: c._positive_beyond(grid(c, [[1, 0, 1]])[0], F(0)), True),
    (lambda c: c._positive_beyond(grid(c, [[(-1, 1), 1, 1]])[0], F(0)), False),
    (lambda c: c._positive_beyond(grid(c, [[1, (-1, 1), 1]])[0], F(0)), False),
    (lambda c: c._positive_beyond(grid(c, [[1, 1, (0, 1)]])[0], F(0)), False),
    (lambda c: c._positive_beyond(grid(c, [["1/2", 0, "1/2"]])[0], F(0)), True),
    (lambda c: c._positive_beyond(grid(c, [[1]])[0], F(0)), True),
    (lambda c: c._positive_beyond(grid(c, [[0]])[0], F(0)), False),
    (lambda c: c._horner(grid(c, [[1, 2, (3, 4)]])[0], F(2)), between(17, 21)),
)


def singular(*values: tuple[str, int], rows: list[list[Any]]) -> tuple[Callable[[Any], Any], Any]:
    """The squared singular values with multiplicities."""

    def run(c: Any) -> Any:
        found = sorted(c.squared_singular_values(grid(c, rows)), key=lambda pair: pair[0].high)
        return [
            x.low < F(digits) + F(1, 10**30) and F(digits) - F(1, 10**30) < x.high and x.high - x.low < F(1, 10**30)
            and times == n
            for (x, times), (digits, n) in zip(found, values, strict=True)
        ]  # fmt: skip

    return run, [True] * len(values)


add(
    "singular values",
    singular(rows=[]),
    singular(rows=[[0]]),
    singular(("9", 1), rows=[[3]]),
    singular(("9", 1), rows=[[-3]]),
    singular(("1", 1), ("4", 1), rows=[[1, 0], [0, 2]]),
    singular(("4", 1), rows=[[1, 1], [1, 1]]),
    singular(("1", 3), rows=[[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    singular(("1", 2), ("4", 1), rows=[[0, 1, 0], [2, 0, 0], [0, 0, 1]]),
    singular(("1", 2), ("4", 2), ("9", 1),
             rows=[[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 3]]),
    singular(("1", 1), ("3", 1), rows=[[1, 1, 0], [0, 1, 1]]),
    singular(("1", 1), ("3", 1), rows=[[1, 0], [1, 1], [0, 1]]),
    singular(("14", 1), rows=[[1, 2, 3]]),
    singular(("14", 1), rows=[[1], [2], [3]]),
    singular(("0.381966011250105151795413165634361882279690820194237", 1),
             ("2.618033988749894848204586834365638117720309179805763", 1), rows=[[1, 1], [0, 1]]),
    (lambda c: c.squared_singular_values(grid(c, [[(1, 2), 0]])), UNKNOWN),
    (lambda c: c.squared_singular_values(grid(c, [[1, (1, 2)]])), UNKNOWN),
    (lambda c: c.squared_singular_values(grid(c, [[int(i == j) for j in range(25)] for i in range(25)])), REJECTED),
    (lambda c: encloses(c.OPERATIONS["operator_norm"]([grid(c, [[1, 0], [0, 2]])], [], None)[0][0], "2." + "0" * 50),
     True),
    (lambda c: c.OPERATIONS["operator_norm"]([grid(c, [[0]])], [], None), exactly([[0]])),
    (lambda c: encloses(c.OPERATIONS["schatten"]([grid(c, [[1, 0, 0], [0, 2, 0], [0, 0, 1]])], [], "1")[0][0],
                        "4." + "0" * 50), True),
    (lambda c: encloses(c.OPERATIONS["schatten"]([grid(c, [[2, 0, 0], [0, 3, 0], [0, 0, 2]])], [], "3")[0][0],
                        "43." + "0" * 50, 1e-25), True),
    (lambda c: c.OPERATIONS["rank"]([grid(c, [[1, 2], [2, 4], [0, 0]])], [], None), exactly([[1]])),
    (lambda c: c.OPERATIONS["rank"]([grid(c, [[1, 2], [3, 4]])], [], None), exactly([[2]])),
    (lambda c: c.OPERATIONS["rank"]([grid(c, [[0, 0]])], [], None), exactly([[0]])),
    (lambda c: c.OPERATIONS["schatten"]([grid(c, [[0]])], [], "1"), exactly([[0]])),
    (lambda c: c.OPERATIONS["schatten"]([grid(c, [[0]])], [], "0"), REJECTED),
    (lambda c: c.OPERATIONS["schatten"]([grid(c, [[0]])], [], "-1"), REJECTED),
    (lambda c: c.OPERATIONS["schatten"]([grid(c, [[1]])], [], "0"), REJECTED),
    (lambda c: c.OPERATIONS["helmert"]([], [3, 2], None)[2][0], between(0)),
    *(
        (lambda c, i=i, j=j: encloses(c.OPERATIONS["helmert"]([], [3, 2], None)[i][j], HELMERT[i][j]), True)
        for i, j in HELMERT_ENTRIES
    ),
)  # fmt: skip
calls("derivative", ([1, 2, 3], [1, 3]), ([5], []), ([0, 0, 0, 1], [0, 0, 1]), ([1, -2], [-1]))
calls(
    "common_divisor",
    (with_roots(1, 2), with_roots(2, 3), [-2, 1]), (with_roots(1, 2), with_roots(3, 4), [1]), ([2, 4], [], [2, 4]),
    (with_roots(1, 1, 2), with_roots(1, 1, 3), [1, -2, 1]), ([3], [1, 1], [1]), ([1, 1], [5], [1]), ([7], [], [7]),
)  # fmt: skip
calls(
    "quotient",
    (with_roots(1, 2, 3), with_roots(2), with_roots(1, 3)), (with_roots(1, 2), [2, -2], [2, -1]), ([1, 2], [1, 2], [1]),
    (with_roots(1, 2, 3, -4), with_roots(3, -4), with_roots(1, 2)), (with_roots(1, 2), [1], with_roots(1, 2)),
)  # fmt: skip
calls(
    "sturm",
    ([-2, 0, 1], [[-2, 0, 1], [0, 1], [1]]), ([1, -2, 1], [[1, -2, 1], [-1, 1]]), ([5], [[5]]), ([1, 1], [[1, 1], [1]]),
    ([2, 0, 1], [[2, 0, 1], [0, 1], [-1]]), ([0, -1, 0, 1], [[0, -1, 0, 1], [-1, 0, 3], [0, 1], [1]]),
)  # fmt: skip
calls(
    "variations",
    ([[-2, 0, 1], [0, 1], [1]], F(0), 1), ([[-2, 0, 1], [0, 1], [1]], F(2), 0), ([[-2, 0, 1], [0, 1], [1]], F(-2), 2),
    ([[-1, 1], [1]], F(1), 0), ([[-1, 2], [1]], F(1, 2), 0), ([[-1, 2], [-1]], F(3, 4), 1),
    ([[-1, 2], [1]], F(1, 4), 1),
)  # fmt: skip


def around(p: list[int], *roots: Any) -> tuple[Callable[[Any], Any], Any]:
    """Whether there is one narrow interval around each positive root."""

    def run(c: Any) -> Any:
        c.Interval.BITS = 20
        found = sorted(c.isolated(p))
        return [low < F(r) <= high and high - low < F(1, 2**6) for (low, high), r in zip(found, roots, strict=True)]

    return run, [True] * len(roots)


add(
    "isolated roots",
    around([7]),
    around([-1, 1], 1),
    around([-3, 2], "3/2"),
    around([1, 1]),
    around(with_roots(1, 2, 3), 1, 2, 3),
    around(with_roots(-1, 2, 5), 2, 5),
    around([0, -1, 1], 1),
    around([-1, 100], "1/100"),
    around([-(10**5), 0, 10], 100),
)

# ------------------------------------------------------------ rational functions of one variable


def ratio(*formula: Any, name: str = "x") -> Callable[[Any], Any]:
    return lambda c: c.rational_function(list(formula), name)


def fraction(top: list[Any], bottom: list[Any] | None = None) -> Any:
    return exactly([top])[0], exactly([bottom or [1]])[0]


def powered(exponent: str) -> Callable[[Any], Any]:
    return ratio(*rows(x, ["rational", [], "1", []], ["add", [], None, [0, 1]], ["power", [], exponent, [2]]))


half = ["rational", [], "1/2", []]
add(
    "rational function",
    (ratio(*rows(x)), fraction([0, 1])),
    (ratio(*FRACTION), fraction([4, 1, 1], [1, 1])),
    (powered("2"), fraction([1, 2, 1])),
    (powered("-2"), fraction([1], [1, 2, 1])),
    (powered("1"), fraction([1, 1])),
    (powered("-1"), fraction([1], [1, 1])),
    (powered("0"), fraction([1])),
    (powered("1/2"), REJECTED),
    (lambda c: len(powered("200")(c)[0]), 201),
    (powered("201"), REJECTED),
    (powered("-201"), REJECTED),
    (ratio(*rows(half, half, ["add", [], None, [0, 1]])), fraction([1])),
    (ratio(*rows(half, ["power", [], "-2", [0]])), fraction([4])),
    (ratio(*rows(x, half, ["scale", [], None, [1, 0]])), fraction([0, "1/2"])),
    (ratio(*rows(x, ["scale", [], None, [0, 0]])), fraction([0, 0, 1])),
    (ratio(*rows(x, ["power", [], "-1", [0]], half, ["scale", [], None, [2, 1]])), fraction(["1/2"], [0, 1])),
    (ratio(*rows(["variable", [], "y", []])), REJECTED),
    (ratio(*rows(x), name="y"), REJECTED),
    (ratio(x, half, [0, 1]), REJECTED),
    (ratio(x, half, []), REJECTED),
    (ratio(*rows(x, ["largest_root", [], None, [0, 0]])), REJECTED),
    (ratio(*TALL), REJECTED),
    (lambda c: c._times(grid(c, [[1, 2]])[0], grid(c, [[3, 4, 5]])[0]), exactly([[3, 10, 13, 10]])[0]),
)

# ------------------------------------------------------------ strict points


def undercut(value: Any, problem: Any, point: Any, **fields: Any) -> dict[str, Any]:
    return certificate("counterexample", claim={**problem, "value": value, **fields}, point=point)


def stated(objective: Any, variables: Any = None, nonnegative: Any = ("x",)) -> dict[str, Any]:
    shapes = {"x": []} if variables is None else variables
    return {"minimisation": {"objective": objective, "variables": shapes, "nonnegative": list(nonnegative)}}


SINGLE = {**ONE, "class_sizes": [1], "weight_decays": ["1"], "feature_decay": "1", "widths": [1]}
"""Zero has the objective 1/2."""
AT_ZERO = {"W_1": [["0"]], "H": [["0"]]}


XY = rows(x, ["variable", [], "y", []], ["add", [], None, [0, 1]])
SECOND = rows(["variable", [1, 2], "X", []], ["entry", [], [0, 1], [0]])
tries(
    "counterexample",
    (undercut(constant("51/100"), {"model": SINGLE}, AT_ZERO), ACCEPTED),
    (undercut(constant("1/2"), {"model": SINGLE}, AT_ZERO), REJECTED),
    (undercut(constant("49/100"), {"model": SINGLE}, AT_ZERO), REJECTED),
    (undercut(constant("51/100"), {"model": SINGLE}, AT_ZERO, note="1"), REJECTED),
    (undercut(constant("51/100"), {"model": SINGLE, **stated(rows(x))}, AT_ZERO), REJECTED),
    (undercut(constant("1"), stated(rows(x)), {"x": "1/2"}), ACCEPTED),
    (undercut(constant("1"), stated(rows(x)), {"x": "0"}), ACCEPTED),
    (undercut(constant("1"), stated(rows(x)), {"x": "1"}), REJECTED),
    (undercut(constant("0"), stated(rows(x)), {"x": "-1"}), REJECTED),
    (undercut(constant("0"), stated(rows(x), nonnegative=[]), {"x": "-1"}), ACCEPTED),
    (undercut(constant("0"), stated(rows(x), nonnegative=["y"]), {"x": "-1"}), REJECTED),
    (undercut(constant("0"), stated(rows(x), nonnegative=[0]), {"x": "-1"}), REJECTED),
    (undercut(constant("0"), stated(XY, {"x": [], "y": []}), {"x": "1", "y": "-2"}), ACCEPTED),
    (undercut(constant("0"), stated(XY, {"x": [], "y": []}, "xy"), {"x": "1", "y": "-2"}), REJECTED),
    (undercut(constant("0"), stated(XY, {"x": [], "y": []}, "yx"), {"x": "1", "y": "-2"}), REJECTED),
    (undercut(constant("1"), stated(rows(x), {"x": [], "y": []}), {"x": "0"}), REJECTED),
    (undercut(constant("1"), stated(rows(x)), {"x": "0", "y": "0"}), REJECTED),
    (undercut(constant("1"), stated(rows(x), ["x"]), {"x": "0"}), REJECTED),
    (undercut(constant("0"), stated(SECOND, {"X": [1, 2]}, []), {"X": [["0", "-1"]]}), ACCEPTED),
    (undercut(constant("0"), stated(SECOND, {"X": [1, 1]}, []), {"X": [["0", "-1"]]}), REJECTED),
    # that a matrix is not negative is not known, and would not be seen from its first entry
    (undercut(constant("0"), stated(SECOND, {"X": [1, 2]}, ["X"]), {"X": [["0", "-1"]]}), REJECTED),
    (
        undercut(
            constant("1"),
            {**stated(rows(x)), "minimisation": {**stated(rows(x))["minimisation"], "nonnegative": "x"}},
            {"x": "0"},
        ),
        REJECTED,
    ),
    (undercut(constant("51/100"), {"model": SINGLE}, {"W_1": "0", "H": [["0"]]}), REJECTED),
    (undercut(constant("51/100"), {"model": SINGLE}, {"W_1": [["0"]], "H": "0"}), REJECTED),
)


def written(*nodes: Any) -> Callable[[Any], str]:
    """The last of some nodes in words; x, a fraction and a matrix come first."""
    first = [x, ["rational", [], "1/2", []], ["variable", [2, 2], "X", []], ["rational", [], "-1", []]]
    return lambda c: c.Formula([*first, *nodes, [len(first) + len(nodes) - 1]], scalars=False).text()


def scaled(a: int, b: int, *shape: int) -> list[Any]:
    return ["scale", list(shape), None, [a, b]]


add(
    "formulas in words",
    (written(scaled(1, 0)), "1/2 x"),
    (written(scaled(3, 0)), "-x"),
    (written(scaled(0, 1)), "x (1/2)"),
    (written(scaled(0, 0)), "x x"),
    (written(scaled(3, 0), ["add", [], None, [0, 4]]), "x - x"),
    (written(["add", [], None, [3, 0]]), "-1 + x"),
    (written(["add", [], None, [3, 0]], scaled(0, 4)), "x (-1 + x)"),
    (written(scaled(3, 0), scaled(0, 4)), "x (-x)"),
    (written(scaled(1, 0), scaled(3, 4)), "-1/2 x"),
    (written(scaled(1, 0), scaled(0, 4)), "x (1/2 x)"),
    (written(["power", [], "1/2", [1]]), "(1/2)^(1/2)"),
    (written(["power", [], "2", [0]], ["power", [], "-1", [4]]), "(x^2)^(-1)"),
    (written(["power", [], "2", [0]], scaled(1, 4)), "1/2 x^2"),
    (written(["matmul", [2, 2], None, [2, 2]], ["transpose", [2, 2], None, [4]]), "(X X)ᵀ"),
    (written(["transpose", [2, 2], None, [2]], ["matmul", [2, 2], None, [4, 2]]), "Xᵀ X"),
    (written(["sum_squares", [], None, [2]], scaled(4, 4)), "‖X‖² ‖X‖²"),
    (written(["entry", [], [0, 1], [2]], ["power", [], "2", [4]]), "entry(X, [0, 1])^2"),
    (written(["ones", [2, 3], None, []]), "ones(2×3)"),
    (written(["log", [2, 2], None, [2]]), "log(X)"),
    (written(["add", [], None, [0, 0]], scaled(1, 4)), "1/2 (x + x)"),
    (written(["trace", [], None, [2]], scaled(4, 0)), "trace(X) x"),
    (written(*(["add", [], None, [i, i]] for i in (0, *range(4, 10)))), "…"),
    (written(*(["add", [], None, [i, i]] for i in (0, *range(4, 11)))), "… + …"),
)


def contrary(sign: Any, *nodes: Any, value: str = "1/2", point: Any = None, **fields: Any) -> dict[str, Any]:
    """That x has a minimum at which a relation of the first two nodes fails."""
    relation = {"sign": sign, "sides": [*nodes, [0, 1]], **fields}
    return undercut(constant(value), stated(rows(x)), point or {"x": "1/2"}, everywhere=relation)


tries(
    "minimisers",
    (contrary("=", x, ["rational", [], "1", []]), ACCEPTED),
    (contrary("=", x, ["rational", [], "1/2", []]), REJECTED),
    (contrary("<", x, ["rational", [], "1/2", []]), ACCEPTED),
    (contrary("≤", x, ["rational", [], "1/2", []]), REJECTED),
    (contrary("=", x, ["rational", [], "1", []], value="1/3"), REJECTED),
    (contrary("=", x, ["rational", [], "1", []], value="2/3"), ACCEPTED),
    (contrary("=", x, ["rational", [], "1", []], point={"x": "-1"}), REJECTED),
    (contrary(">", x, ["rational", [], "1", []]), REJECTED),
    (contrary("=", x, ["rational", [], "1", []], note="1"), REJECTED),
    (contrary("=", x, ["ones", [1, 1], None, []]), REJECTED),
    (contrary("=", x, ["variable", [], "y", []]), REJECTED),
    (undercut(constant("1/2"), stated(rows(x)), {"x": "1/2"}, everywhere=None), REJECTED),
    (
        undercut(
            constant("1/2"),
            {"model": SINGLE},
            AT_ZERO,
            everywhere={
                "sign": "<",
                "sides": [["variable", [1, 1], "H", []], ["zeros", [1, 1], None, []], [0, 1]],
            },
        ),
        ACCEPTED,
    ),
)


def fails(sign: Any, *nodes: Any, **fields: Any) -> dict[str, Any]:
    return certificate("failed relation", claim={"clause": "c", "sign": sign, "sides": [*nodes, [0, 1]], **fields})


ONES, ZEROS = ["ones", [1, 2], None, []], ["zeros", [1, 2], None, []]
HALF = ["rational", [], "1/2", []]
tries(
    "failed relations",
    (fails("<", HALF, HALF), ACCEPTED),
    (fails("≤", HALF, HALF), REJECTED),
    (fails("=", HALF, HALF), REJECTED),
    (fails("=", HALF, ["rational", [], "1/3", []]), ACCEPTED),
    (fails("≤", ONES, ZEROS), ACCEPTED),
    (fails("≤", ZEROS, ONES), REJECTED),
    # one entry is enough
    (fails("=", ["diagonal", [1, 2], None, []], ZEROS), REJECTED),
    (fails("=", ["zeros", [2, 2], None, []], ["identity", [2, 2], None, []]), ACCEPTED),
    (fails("=", ZEROS, ["identity", [2, 2], None, []]), REJECTED),
    (fails("≤", x, HALF), REJECTED),
    (fails("≤", ONES, ZEROS, where=[]), REJECTED),
    (fails(None, ONES, ZEROS), REJECTED),
    (fails("≤", ONES, ZEROS, clause="two\nlines"), REJECTED),
    (fails("≤", ONES, ZEROS, clause=7), REJECTED),
    (fails("≤", ONES, ZEROS, clause="c" * 200), ACCEPTED),
    (fails("≤", ONES, ZEROS, clause="c" * 201), REJECTED),
    ({**fails("≤", ONES, ZEROS), "point": {}}, REJECTED),
)
add(
    "failed relations in words",
    (
        lambda c: c.check(fails("=", HALF, ["rational", [], "1/3", []])),
        "c: 1/2 = 1/3 fails: the sides are 0.5 and 0.333333333333",
    ),
    (
        lambda c: c.check(contrary("=", x, ["rational", [], "1", []])),
        "at a rational point the objective x over x ≥ 0 is at most the claimed minimum 0.5 = 1/2, "
        "and there x = 1 fails",
    ),
)


def witness(
    left: list[Any], right: list[Any], *nodes: Any, point: Any = None, sides: Any = None, where: Any = None
) -> dict[str, Any]:
    sides = sides or [left, right, *nodes, [0, 1]]
    return certificate(
        "inequality witness",
        claim={"sides": sides, "where": [] if where is None else where},
        point={} if point is None else point,
    )


def number(value: str) -> list[Any]:
    return ["rational", [], value, []]


tries(
    "inequality",
    (witness(number("2"), number("1")), ACCEPTED),
    (witness(number("1"), number("1")), REJECTED),
    (witness(number("1"), number("2")), REJECTED),
    (witness(x, number("1"), point={"x": "2"}), ACCEPTED),
    (witness(x, number("1"), point=[]), REJECTED),
    (witness(number("2"), number("1"), point=[]), REJECTED),
    (witness([], [], sides=[number("2"), number("1"), [0, 1, 0]]), REJECTED),
    (witness([], [], sides=[number("2"), number("1"), [0]]), REJECTED),
)
Y = ["variable", [1, 2], "Y", []]


def constrained(*where: Any, **point: Any) -> dict[str, Any]:
    """That 2 ≤ 1 fails at a point under constraints: a sign, and nodes with two roots."""
    entries = [{"sign": sign, "sides": [*nodes, roots]} for sign, roots, *nodes in where]
    return witness(number("2"), number("1"), point=point, where=entries)


tries(
    "constraints",
    (constrained(), ACCEPTED),
    (constrained(("=", [0, 1], x, number("1/3")), x="1/3"), ACCEPTED),
    (constrained(("=", [0, 1], x, number("1/3")), x="1/2"), REJECTED),
    (constrained(("=", [0, 1], x, number("1/3")), x="1/4"), REJECTED),
    (constrained(("≤", [0, 1], x, number("1")), x="1"), ACCEPTED),
    (constrained(("≤", [0, 1], x, number("1")), x="2"), REJECTED),
    (constrained(("<", [0, 1], x, number("1")), x="1"), REJECTED),
    (constrained(("<", [0, 1], x, number("1")), x="1/2"), ACCEPTED),
    (constrained(("≥", [0, 1], x, number("1")), x="2"), REJECTED),
    (constrained((None, [0, 1], x, number("1")), x="1"), REJECTED),
    (constrained(("=", [0], x), x="1"), REJECTED),
    (constrained(("=", [0, 1], x, number("1"))), REJECTED),
    # each of them must hold
    (constrained(("=", [0, 1], x, number("1")), ("<", [0, 1], x, number("1")), x="1"), REJECTED),
    (constrained(("<", [0, 1], x, number("1")), ("=", [0, 1], x, number("0")), x="0"), ACCEPTED),
    # roots are exact where they are whole; else nothing is known to be equal
    (constrained(("=", [1, 2], x, ["power", [], "1/2", [0]], number("3")), x="9"), ACCEPTED),
    (constrained(("=", [1, 3], x, ["power", [], "1/2", [0]], number("2"), ["power", [], "1/2", [2]]), x="2"), REJECTED),
    (constrained(("≤", [1, 2], x, ["power", [], "1/2", [0]], number("2")), x="3"), ACCEPTED),
    # a matrix is compared entry by entry, with one of its shape
    (constrained(("≤", [1, 0], Y, ["zeros", [1, 2], None, []]), Y=[["0", "1"]]), ACCEPTED),
    (constrained(("≤", [1, 0], Y, ["zeros", [1, 2], None, []]), Y=[["1", "-1"]]), REJECTED),
    (constrained(("=", [1, 0], Y, ["ones", [1, 2], None, []]), Y=[["1", "1"]]), ACCEPTED),
    (constrained(("=", [1, 0], Y, ["ones", [1, 2], None, []]), Y=[["1", "2"]]), REJECTED),
    (constrained(("=", [1, 0], Y, ["ones", [1, 1], None, []]), Y=[["1", "1"]]), REJECTED),
    (constrained(("=", [0, 1], Y, number("1")), Y=[["1", "1"]]), REJECTED),
    (witness(number("2"), number("1"), where={}), REJECTED),
    (witness(number("2"), number("1"), where=["="]), REJECTED),
    (certificate("inequality witness", claim={"sides": [number("2"), number("1"), [0, 1]]}, point={}), REJECTED),
    (witness(number("1"), number("2"), where=[]), REJECTED),
    (witness(Y, Y, point={"Y": [["1", "1"]]}), REJECTED),
)


add(
    "constraints in words",
    (lambda c: c.check(constrained()), "the inequality 2 ≤ 1 fails at a rational point"),
    (
        lambda c: c.check(constrained(("≤", [0, 1], x, number("1")), ("<", [1, 0], x, number("0")), x="1/2")),
        "the inequality 2 ≤ 1 fails at a rational point with x ≤ 1 and 0 < x",
    ),
)


def related(sign: Any, left: Any, right: Any, fails: bool = False) -> Callable[[Any], Any]:
    """What is said of two intervals; each a pair of ends, or a function of the checker that makes one."""

    def run(c: Any) -> Any:
        def sides() -> Any:
            return tuple([[side(c) if callable(side) else interval(c, *side)]] for side in (left, right))

        return c.require_relation(sign, sides, fails)[1][0][0].high

    return run


add(
    "relations",
    (related("<", (0, 1), (2, 3)), F(3)),
    (related("<", (0, 2), (2, 3)), REJECTED),
    (related("<", (0, 3), (2, 4)), REJECTED),
    (related("<", (2, 3), (0, 1)), REJECTED),
    (related("<", lambda c: c.Interval(F(0)).inverse(), (1, 1)), REJECTED),
    # more and more bits are tried
    (related("<", lambda c: interval(c, 0, 1 if c.Interval.BITS > 512 else 3), (2, 2)), F(2)),
    (related("≤", (0, 2), (2, 3)), F(3)),
    (related("≤", (0, 3), (2, 3)), REJECTED),
    (related("=", (2, 2), (2, 2)), F(2)),
    (related("=", (2, 3), (2, 3)), REJECTED),
    (related("=", (2, 2), (2, 3)), REJECTED),
    (related("=", (2, 2), (1, 2)), REJECTED),
    (related("=", (1, 2), (2, 2)), REJECTED),
    # that a relation fails
    (related("<", (2, 3), (0, 1), True), F(1)),
    (related("<", (2, 2), (2, 2), True), F(2)),
    (related("<", (1, 2), (2, 3), True), REJECTED),
    (related("≤", (2, 2), (2, 2), True), REJECTED),
    (related("≤", (2, 3), (1, 2), True), REJECTED),
    (related("≤", (3, 3), (1, 2), True), F(2)),
    (related("=", (2, 3), (3, 4), True), REJECTED),
    (related("=", (2, 3), (4, 5), True), F(5)),
    (related("=", (4, 5), (2, 3), True), F(3)),
    (related("=", (2, 2), (2, 2), True), REJECTED),
    (related("<", lambda c: interval(c, 0, 1 if c.Interval.BITS < 512 else 3), (2, 2), True), REJECTED),
    (related("≤", lambda c: interval(c, 0 if c.Interval.BITS < 512 else 3, 3), (2, 2), True), F(2)),
    (related("<", lambda c: c.Interval(F(0)).inverse(), (1, 1), True), REJECTED),
    (related([], (0, 1), (2, 3)), REJECTED),
    (related("", (0, 1), (2, 3)), REJECTED),
)
add(
    "points",
    (lambda c: c.read_point({"x": "1/2", "X": [["1", "2"]]}), {"x": F(1, 2), "X": [[F(1), F(2)]]}),
    (lambda c: c.read_point({"X": []}), REJECTED),
    (lambda c: c.read_point({"a\nb": "1"}), REJECTED),
    (lambda c: c.read_point([]), REJECTED),
    (lambda c: c.read_point(None), REJECTED),
)
LAYERS = {"W_1": [[1, 0], [2, 0], [0, -1]], "W_2": [["1/2", 0, 0], [0, "1/3", 2]]}
CLASSES = [[1, 0], [-1, 2]]
SAMPLES = [[1, 2, 0, 0, 1], [-1, 0, 1, 2, 0]]


def point_of(problem: dict[str, Any], **matrices: Any) -> Callable[[Any], Any]:
    """The objective: one number for squared error, else the middle of a narrow interval."""

    def run(c: Any) -> Any:
        given = {name: fractions(rows) for name, rows in matrices.items()}
        found = c.model_objective(c.Model(problem, plain=False), given)
        return found.low if found.low == found.high else middle(found)

    return run


def likely(problem: dict[str, Any], **matrices: Any) -> str:
    """The objective for a loss of the softmax, by what it says, to 25 digits."""
    given = {name: fractions(rows) for name, rows in matrices.items()}
    sizes, H = problem["class_sizes"], given["H"]
    labels = [k for k, n in enumerate(sizes) for _ in range(n)]
    W = [given[f"W_{m}"] for m in range(1, problem["depth"] + 1)]
    alpha, gamma = F(problem.get("alpha", "0")), F(problem.get("gamma", "0"))
    fit = mpmath.mpf(0)
    for sample, label in enumerate(labels):
        h = [row[sample] for row in H]
        for layer, factor in enumerate(W):
            h = [max(y, F(0)) if layer and problem["activation"] == "relu" else y for y in h]
            h = [sum((a * b for a, b in zip(row, h, strict=True)), F(0)) for row in factor]
        z = [y + b[0] for y, b in zip(h, given.get("b", [[F(0)]] * len(h)), strict=True)]
        numbers = [mpmath.mpf(x.numerator) / x.denominator for x in z]
        p = [mpmath.exp(x) / sum(map(mpmath.exp, numbers)) for x in numbers]
        targets = [(1 - alpha) * (j == label) + alpha / len(z) for j in range(len(z))]
        loss = -sum(float_of(t) * mpmath.log(q) for t, q in zip(targets, p, strict=True))
        fit += (1 - p[label]) ** float_of(gamma) * loss
    decays = [*problem["weight_decays"], problem["feature_decay"], problem.get("bias_decay", "0")]
    factors = [*W, H, given.get("b", [[F(0)]])]
    costs = sum(F(c) * sum((y * y for row in V for y in row), F(0)) for c, V in zip(decays, factors, strict=True))
    return mpmath.nstr(fit / len(labels) + float_of(costs) / 2, 25)


def float_of(x: Fraction) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator


def directly(problem: dict[str, Any], **matrices: Any) -> Fraction:
    """The objective, by what it says."""
    given = {name: fractions(rows) for name, rows in matrices.items()}
    sizes, H = problem["class_sizes"], given["H"]
    labels = [k for k, n in enumerate(sizes) for _ in range(n)]
    W = [given[f"W_{m}"] for m in range(1, problem["depth"] + 1)]
    fit = F(0)
    for sample, label in enumerate(labels):
        h = [row[sample] for row in H]
        for layer, factor in enumerate(W):
            h = [max(y, F(0)) if layer and problem["activation"] == "relu" else y for y in h]
            h = [sum((a * b for a, b in zip(row, h, strict=True)), F(0)) for row in factor]
        bias = given.get("b", [[F(0)]] * len(h))
        fit += sum(
            ((y + b[0] - (1 if j == label else 0)) ** 2 for j, (y, b) in enumerate(zip(h, bias, strict=True))), F(0)
        )
    costs = [
        F(decay) * sum((y * y for row in factor for y in row), F(0))
        for decay, factor in zip([*problem["weight_decays"], problem["feature_decay"]], [*W, H], strict=True)
    ]
    return fit / (2 * len(labels)) + sum(costs, F(0)) / 2


def many(samples: int) -> dict[str, Any]:
    """One class of many samples, one layer of width 1."""
    return {**TWO, "class_sizes": [samples], "depth": 1, "weight_decays": ["1"], "widths": [1]}


RELU = {**TWO, "activation": "relu"}
SIGNED = {"W_1": [["1/2", 0], [2, 0], [0, -1]], "W_2": [["1/2", -3, 0], [0, "-1/3", 2]]}
REPEATED = [[row[k] for k, n in enumerate(TWO["class_sizes"]) for _ in range(n)] for row in CLASSES]
PAIRS = [[row[k] for k in (0, 0, 1, 1)] for row in CLASSES]
FOUR = [row[:4] for row in SAMPLES]
add(
    "objective of the model",
    (point_of(TWO, **LAYERS, H=SAMPLES), directly(TWO, **LAYERS, H=SAMPLES)),
    (point_of(RELU, **SIGNED, H=SAMPLES), directly(RELU, **SIGNED, H=SAMPLES)),
    (point_of(RELU, **SIGNED, M=CLASSES), directly(RELU, **SIGNED, H=REPEATED)),
    (point_of(TWO, **LAYERS, M=CLASSES), directly(TWO, **LAYERS, H=REPEATED)),
    (point_of(BALANCED, **LAYERS, b=[[1], [-2]], H=FOUR), directly(BALANCED, **LAYERS, b=[[1], [-2]], H=FOUR)),
    (point_of(BALANCED, **LAYERS, b=[[1], [-2]], M=CLASSES), directly(BALANCED, **LAYERS, b=[[1], [-2]], H=PAIRS)),
    (point_of(BALANCED, **LAYERS, b=[[0], [1]], M=CLASSES), directly(BALANCED, **LAYERS, b=[[0], [1]], H=PAIRS)),
    (point_of(many(5_000), W_1=[[0]], H=[[0] * 5_000]), F(1, 2)),
    (point_of(many(5_001), W_1=[[0]], H=[[0] * 5_001]), REJECTED),
    (point_of(TWO, **LAYERS), REJECTED),
    (point_of(TWO, **LAYERS, H=SAMPLES, M=CLASSES), REJECTED),
    (point_of(TWO, **LAYERS, H=SAMPLES, b=[[0], [0]]), REJECTED),
    (point_of(BALANCED, **LAYERS, H=FOUR), REJECTED),
    (point_of(TWO, W_1=LAYERS["W_1"], H=SAMPLES), REJECTED),
    (point_of(TWO, **LAYERS, H=FOUR), REJECTED),
    (point_of(TWO, **LAYERS, H=[*SAMPLES, SAMPLES[0]]), REJECTED),
    (point_of(TWO, **LAYERS, H=[SAMPLES[0], SAMPLES[1][:4]]), REJECTED),
    (point_of(TWO, **LAYERS, H=[[*row, 9] for row in SAMPLES]), REJECTED),
    (point_of(TWO, **LAYERS, M=[[*row, 0] for row in CLASSES]), REJECTED),
    (point_of(TWO, **LAYERS, M=[*CLASSES, [0, 0]]), REJECTED),
    (point_of(TWO, **{**LAYERS, "W_1": LAYERS["W_1"][:2]}, M=CLASSES), REJECTED),
    (point_of(TWO, **{**LAYERS, "W_2": [*LAYERS["W_2"], [0, 0, 0]]}, M=CLASSES), REJECTED),
    (point_of(BALANCED, **LAYERS, b=[[0], [0], [0]], M=CLASSES), REJECTED),
    (point_of(BALANCED, **LAYERS, b=[[0, 7], [0, 7]], M=CLASSES), REJECTED),
)  # fmt: skip

CE, POSITIVE = {**TWO, "loss": "ce"}, [["1/2", 0, 2, 1, 3], [1, "1/3", 0, 0, 1]]
SMOOTH, FOCAL = {**TWO, "loss": "label-smoothing", "alpha": "1/10"}, {**TWO, "loss": "focal", "gamma": "2"}
WITH_BIAS = {**BALANCED, "loss": "ce", "bias_decay": "1/7"}
add(
    "other losses",
    (point_of(CE, **LAYERS, H=SAMPLES), likely(CE, **LAYERS, H=SAMPLES)),
    (point_of(CE, **LAYERS, M=CLASSES), likely(CE, **LAYERS, H=REPEATED)),
    (point_of({**CE, "activation": "relu"}, **SIGNED, H=SAMPLES), likely({**RELU, "loss": "ce"}, **SIGNED, H=SAMPLES)),
    (point_of(SMOOTH, **LAYERS, H=SAMPLES), likely(SMOOTH, **LAYERS, H=SAMPLES)),
    (point_of(FOCAL, **LAYERS, H=SAMPLES), likely(FOCAL, **LAYERS, H=SAMPLES)),
    (point_of({**FOCAL, "gamma": "5/2"}, **LAYERS, M=CLASSES), likely({**FOCAL, "gamma": "5/2"}, **LAYERS, H=REPEATED)),
    (point_of({**FOCAL, "gamma": "101"}, **LAYERS, H=SAMPLES), REJECTED),
    (point_of({**FOCAL, "gamma": "-1"}, **LAYERS, H=SAMPLES), REJECTED),
    (point_of({**SMOOTH, "alpha": "-1/10"}, **LAYERS, H=SAMPLES), REJECTED),
    (point_of(WITH_BIAS, **LAYERS, b=[[1], [-2]], H=FOUR), likely(WITH_BIAS, **LAYERS, b=[[1], [-2]], H=FOUR)),
    (point_of({**BALANCED, "bias_decay": "1/7"}, **LAYERS, b=[[1], [-2]], H=FOUR),
     directly(BALANCED, **LAYERS, b=[[1], [-2]], H=FOUR) + F(5, 14)),
    (point_of({**CE, "sign": "nonnegative"}, **LAYERS, H=POSITIVE), likely(CE, **LAYERS, H=POSITIVE)),
    (point_of({**CE, "sign": "nonnegative"}, **LAYERS, H=[POSITIVE[0], [1, 0, 0, 0, "-1/9"]]), REJECTED),
    (lambda c: c.Model({**SMOOTH, "sign": "nonnegative"}, plain=False).describe()[56:],
     ", features ≥ 0, label-smoothing loss, α = 1/10, without bias"),
    (lambda c: c.Model(WITH_BIAS, plain=False).describe()[56:], ", ce loss, bias decay = 1/7, with last-layer bias"),
)  # fmt: skip

KEEP = [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "0"]]
FIT = {
    "M": [["1", "0", "5/6"], ["0", "1", "5/6"], ["0", "0", "0"]], "W_1": KEEP, "W_2": KEEP,
    "W_3": [["1", "-1", "0"], ["-1", "1", "0"], ["3/4", "3/4", "0"]],
    "W_4": [["1", "0", "0"], ["0", "1", "0"], ["-3/5", "-3/5", "4/5"]],
}  # fmt: skip
"""Three classes in two directions, told apart by the last ReLU."""


def exact_fit(activation: str) -> dict[str, Any]:
    problem = {**THREE, **ones(4), "widths": [3] * 4, "bias": "none", "activation": activation}
    return certificate("exact fit", model=problem, point=FIT)


add(
    "exact fit",
    (lambda c: c.check(exact_fit("relu")).partition("(")[2][:46], "3 equal classes, 4 ReLU layers, widths [3, 3, "),
    (lambda c: c.check(exact_fit("linear")), REJECTED),
)

# ------------------------------------------------------------ spectra


def spectrum(matrix: Any, *factors: Any, **fields: Any) -> dict[str, Any]:
    described = [{"polynomial": p, "multiplicity": times} for p, times in factors]
    return certificate("spectrum", **{"matrix": matrix, "factors": described, **fields})


GOLDEN = [["1", "1"], ["1", "0"]]
UNITS = [["1", "0"], ["0", "1"]]
tries(
    "spectrum",
    (spectrum([["5"]], (["-5", "1"], 1)), ACCEPTED),
    (spectrum(GOLDEN, (["-1", "-1", "1"], 1)), ACCEPTED),
    (spectrum(UNITS, (["-1", "1"], 2)), ACCEPTED),
    (spectrum(UNITS, (["-1", "1"], 1), (["-1", "1"], 1)), ACCEPTED),
    (spectrum(UNITS, (["-1", "1"], 1)), REJECTED),
    (spectrum(UNITS, (["-1", "1"], 3)), REJECTED),
    (spectrum(UNITS, (["-1", "1"], 2), (["-1", "1"], 0)), REJECTED),
    (spectrum(UNITS, (["-1", "1"], 2), (["1"], 1)), REJECTED),
    (spectrum(UNITS, (["-1", "1"], True), (["-1", "1"], True)), REJECTED),
    (spectrum(UNITS, (["-1", "1"], "2")), REJECTED),
    (spectrum(UNITS, (["-1/2", "1/2"], 2)), REJECTED),
    (spectrum(UNITS, (["-2", "2"], 1), (["-1/2", "1/2"], 1)), REJECTED),
    (spectrum([["1", "1"], ["0", "1"]], (["-1", "1"], 2)), REJECTED),
    (spectrum([["1", "0", "0"], ["0", "1", "0"]], (["-1", "1"], 2)), REJECTED),
    (spectrum([], factors=[]), REJECTED),
    (spectrum([["1"]], factors={}), REJECTED),
    (spectrum(GOLDEN, ("11", 1)), REJECTED),
)

# ------------------------------------------------------------ files

GOOD = spectrum(GOLDEN, (["-1", "-1", "1"], 1))
BOUND = certificate(
    "two-sided bound", model={**ONE, "class_sizes": [1]}, low="0", high="1/2",
    upper={"weights": [[]], "means": [], "bias": []},
    lower=[{"weight": 1, "beta": "0", "share": "0"}],
)  # fmt: skip
tries(
    "certificate",
    (GOOD, ACCEPTED),
    (BOUND, ACCEPTED),
    ({**BOUND, "high": "499/1000"}, REJECTED),
    ({**BOUND, "low": "1/1000"}, REJECTED),
    ({**BOUND, "low": "-1"}, ACCEPTED),
    ({**GOOD, "origin": {"statement": "s" * 200, "parameters": "{}"}}, ACCEPTED),
    ({**GOOD, "origin": {"statement": "s" * 201, "parameters": "{}"}}, REJECTED),
    ({**GOOD, "origin": {"statement": "a\nb", "parameters": "{}"}}, REJECTED),
    ({**GOOD, "origin": {"statement": "s", "parameters": "a\nb"}}, REJECTED),
    ({**GOOD, "origin": {"statement": 5, "parameters": "{}"}}, REJECTED),
    ({**GOOD, "origin": {"statement": "s"}}, REJECTED),
    ({**GOOD, "format": "collapse certificate 2"}, REJECTED),
    ({**GOOD, "kind": "proof"}, REJECTED),
    ({**GOOD, "kind": ["spectrum"]}, REJECTED),
    ({**GOOD, "factors": [None]}, REJECTED),
    ([], REJECTED),
    # what a check stumbles over is rejected too
    (certificate("dual", model=5), REJECTED),
    (certificate("identity", model={**TWO, "widths": {}}, weight=1), REJECTED),
    (certificate("sos", model=SQUARED, modes=[5], lower="0", upper="0"), REJECTED),
    ({**BOUND, "upper": {"weights": [{"centred": []}], "means": {"centred": "0"}, "bias": []}}, REJECTED),
    (undercut(constant("1"), stated(rows(x)), {"x": []}), REJECTED),
    (undercut(rows(["rational", [], "0", []], ["power", [], "-1", [0]]), {"model": SINGLE}, AT_ZERO), REJECTED),
    (sos(rows(["rational", [], "0", []], ["power", [], "-1", [0]])), REJECTED),
)


def raising(error: type[Exception]) -> Callable[[Any], Any]:
    """A check of a kind that stumbles in a way of its own."""

    def stumble(_: Any) -> str:
        raise error

    return bounded(lambda c: c.check(GOOD), KINDS={"spectrum": (stumble, ())})


STUMBLES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, MemoryError, RecursionError)
add("what a check stumbles over", *((raising(error), REJECTED) for error in STUMBLES))


def written(*texts: bytes) -> Callable[[Any], Any]:
    """What ``main`` returns, and the verdicts that it prints, of files with these contents."""

    def run(c: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as out:
            paths = [Path(folder) / f"{i}.json" for i in range(len(texts))]
            for path, text in zip(paths, texts, strict=True):
                path.write_bytes(text)
            with redirect_stderr(io.StringIO()) as complaint:
                code = c.main(list(map(str, paths)))
        lines = out.getvalue().splitlines()
        assumed = [line.partition("; assuming ")[2].count(";") for line in lines]
        return code, [line.split(": ")[1] for line in lines], assumed, bool(complaint.getvalue())

    return run


def reading(text: bytes) -> Callable[[Any], Any]:
    def run(c: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "certificate.json"
            path.write_bytes(text)
            return c.read(str(path))

    return run


FINE, BAD = json.dumps(GOOD).encode(), b"{}"
add(
    "file",
    (written(FINE), (0, ["accepted"], [0], False)),
    (written(json.dumps(BOUND).encode()), (0, ["accepted"], [4], False)),
    (written(BAD), (1, ["rejected"], [0], False)),
    (written(BAD, FINE), (1, ["rejected", "accepted"], [0, 0], False)),
    (written(FINE, BAD), (1, ["accepted", "rejected"], [0, 0], False)),
    (written(b"\xff"), (1, ["rejected"], [0], False)),
    (written(), (2, [], [], True)),
    (bounded(reading(b"[1,2]"), MAX_BYTES=5), [1, 2]),
    (bounded(reading(b"[1,23]"), MAX_BYTES=5), REJECTED),
    (bounded(reading('"éé"'.encode()), MAX_BYTES=5), REJECTED),
    (bounded(reading(b"[1,2]    "), MAX_BYTES=5), REJECTED),
    (
        lambda c: c.check(GOOD),
        "the symmetric matrix [[1, 1], [1, 0]] has the characteristic polynomial (-1, -1, 1)^1 (constant term first)",
    ),
    (lambda c: c.check(BOUND).endswith("without bias lies in [0, 1/2] (gap 0.5)"), True),
    (lambda c: c.shown("a b.json"), "a b.json"),
    (lambda c: c.shown("a\nb"), "'a\\nb'"),
    (lambda c: c.assumed(GOOD), ()),
    (lambda c: len(c.assumed(BOUND)), 5),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_function_of_the_checker(case: Case) -> None:
    assert outcome(checker, case.run) == case.expected
