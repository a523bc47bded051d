"""Changes of the checker that no test can or need notice, with the reason: see ``tests/mutants.py``."""

# ruff: noqa: E501  (whole lines of the checker)

from __future__ import annotations

Key = tuple[str, str]
"""The text of a line of the checker, and what is changed in it."""

LIMIT = "A limit that keeps files from taking long; one more or less changes no verdict on an honest one."
WORDING = "Only the wording of a message."
PRECISION = "Only the number of bits that are kept: the enclosure holds with any."
STRICT = "The lengths are equal by earlier checks; strict is a second line of defence."
CHAIN = "One division more or less: by a constant it leaves nothing, and empty remainders are filtered out."
PADDING = "Only the number of zeros at the end, which are dropped or padded later."
TIGHTNESS = "Only how tightly text binds: nothing asks for what lies between, or above."
STOP = "A limit on steps or size: with another the root is found as well, or not found and rejected."
BISECTION = "Only where the bisection is cut and how long: both ends are checked by exact conditions whatever they are."

_TABLE: list[tuple[str, tuple[str, ...], str]] = [
    (
        "MAX_BYTES, MAX_DIGITS, MAX_CLASSES, MAX_DEPTH = 20_000_000, 2_000, 5_000, 64",
        ("20000000 → 20000001",),
        LIMIT,
    ),
    (
        "if not isinstance(text, str) or len(text) > 2 * MAX_DIGITS + 2 or not _NUMBER.fullmatch(text):",
        ("Gt → GtE", "2 → 3", "2 → 3 (2)"),
        "Spares the pattern a very long text; the next test has the exact limit of digits.",
    ),
    (
        'raise Rejected(f"not a rational number: {str(text)[:60]!r}")',
        ("60 → 61",),
        WORDING,
    ),
    (
        "def spend_on(x: Fraction, times: int = 1) -> None:",
        ("1 → 2",),
        LIMIT,
    ),
    (
        'raise Rejected(f"a duplicate key in {[key[:40] for key, _ in pairs[:5]]}")',
        ("40 → 41", "5 → 6"),
        WORDING,
    ),
    (
        'raise Rejected(f"a float or NaN where only exact numbers are allowed: {text[:40]}")',
        ("40 → 41",),
        WORDING,
    ),
    (
        'raise Rejected(f"expected the keys {sorted(names)}, got {[str(name)[:40] for name in sorted(data)[:12]]}")',
        ("40 → 41", "12 → 13"),
        WORDING,
    ),
    (
        "self.M = integers([depth], 1)[0]",
        ("1 → 2",),
        "The list has one entry whatever the limit on its length.",
    ),
    (
        'raise Rejected(f"more than {MAX_DEPTH} layers")',
        ("raise dropped",),
        "The widths, one a layer, are limited to as many entries.",
    ),
    (
        "weights = [sparse(W, o, i) for W, o, i in zip(factors, outputs, model.widths, strict=True)]",
        ("True → False",),
        STRICT,
    ),
    (
        "decay = sum((c * directions * s * s for c, s in zip(model.weight_decays, weights, strict=True)), Fraction(0))",
        ("True → False",),
        STRICT,
    ),
    (
        "scale = lcm(*(c.denominator for c in coefficients)) if coefficients else 1",
        ("1 → 2",),
        "The scale multiplies no coefficient where there are none.",
    ),
    (
        "common = gcd(*values) if values else 1",
        ("1 → 2",),
        "The common divisor divides nothing where there are no values.",
    ),
    (
        "lead, flip = abs(b[-1]), 1 if b[-1] > 0 else -1",
        ("Gt → GtE",),
        "A leading coefficient is never zero.",
    ),
    (
        "r.pop()",
        ("call dropped",),
        "The leading term is zero then, and is dropped with the zeros below it.",
    ),
    (
        "while chain[-1] and len(chain[-1]) > 1:",
        ("and → or", "minus dropped", "1 → 2", "Gt → GtE", "minus dropped (2)", "1 → 2 (2)"),
        CHAIN,
    ),
    (
        "signs = [v > 0 for v in values if v]",
        ("Gt → GtE",),
        "Zeros are left out before.",
    ),
    (
        "if share > 1:",
        ("1 → 2",),
        "A share above 1 makes the constant term negative, which is rejected below.",
    ),
    (
        'raise Rejected("a share above 1 cannot be a lower bound: x = 0 gives 1")',
        ("raise dropped",),
        "A share above 1 makes the constant term negative, which is rejected below.",
    ),
    (
        "p = [Fraction(0)] * (M + 2)",
        ("2 → 3",),
        PADDING,
    ),
    (
        "BITS = 128",
        ("128 → 129",),
        PRECISION,
    ),
    (
        "low = Fraction(0) if self.low <= 0 <= self.high else min(self.low**2, self.high**2)",
        ("LtE → Lt", "LtE → Lt (2)"),
        "With an end at zero the smaller of the squared ends is zero too.",
    ),
    (
        "x = 1 << -(-n.bit_length() // index)",
        ("1 → 2",),
        "Newton's iteration may start from any number that is not below the root.",
    ),
    (
        "MAX_SIZE = 200",
        ("200 → 201",),
        LIMIT,
    ),
    (
        "width = len(matrix[0]) if matrix else columns or 0",
        ("or → and", "0 → 1 (2)"),
        "The width of a matrix without rows is compared with nothing.",
    ),
    (
        "Interval.BITS = 512",
        ("512 → 513",),
        PRECISION,
    ),
    (
        "if min(c.low for c in bottom) < 0 or not max(c.low for c in bottom) > 0:",
        ("Gt → GtE",),
        "A denominator that may be zero everywhere has no inverse at the point, where the objective is evaluated.",
    ),
    (
        "polynomial = [Fraction(0)] * (2 * m + 1)",
        ("2 → 3", "1 → 2"),
        PADDING,
    ),
    (
        'raise Rejected(f"a mode has {model.M + 1} factors")',
        ("Add → Sub", "1 → 2"),
        WORDING,
    ),
    (
        "decay = sum((c * w * w for c, w in zip(model.weight_decays, weights, strict=True)), Fraction(0))",
        ("True → False",),
        STRICT,
    ),
    (
        "found = [Fraction(0)] * max(2 * len(matrix) - 1, 0)",
        ("2 → 3", "Sub → Add", "0 → 1 (2)"),
        PADDING,
    ),
    (
        "if any(a != b and not (below and a < b and i % 2 == 0) for i, (a, b) in enumerate(pairs)):",
        ("Lt → LtE",),
        "The two are known to differ.",
    ),
    (
        "for i in range(j + 1):",
        ("1 → 2",),
        "The entry below the diagonal is replaced in the next line.",
    ),
    (
        "if lead.high < 0:",
        ("Lt → LtE",),
        "A leading coefficient that may be zero is rejected above.",
    ),
    (
        "low, high = Fraction(0), Fraction(1)",
        ("1 → 2",),
        BISECTION,
    ),
    (
        "high *= 2",
        ("2 → 3",),
        BISECTION,
    ),
    (
        "if high > 2**4_000:",
        ("Gt → GtE", "4000 → 4001"),
        STOP,
    ),
    (
        "for _ in range(2 * Interval.BITS):",
        ("2 → 3",),
        BISECTION,
    ),
    (
        "middle = _towards((low + high) / 2, Interval.BITS, True)",
        ("True → False",),
        BISECTION,
    ),
    (
        "if not low < middle < high or (high - low) * 2**Interval.BITS < high:",
        ("or → and", "Lt → LtE", "Lt → LtE (2)", "Mult → Add", "Lt → LtE (3)", "Sub → Add", "2 → 3"),
        BISECTION,
    ),
    (
        "for _ in range(60):  # below the root the value must be negative: step back until this is seen",
        ("60 → 61",),
        STOP,
    ),
    (
        "rows = rows if len(rows) <= (len(rows[0]) if rows else 0) else [list(column) for column in zip(*rows, strict=True)]",
        ("LtE → Lt",),
        "A square matrix and its transpose have the same singular values.",
    ),
    (
        "rows = rows if len(rows) <= (len(rows[0]) if rows else 0) else [list(column) for column in zip(*rows, strict=True)]",
        ("0 → 1 (2)",),
        "A matrix without rows has none to transpose.",
    ),
    (
        "rows = rows if len(rows) <= (len(rows[0]) if rows else 0) else [list(column) for column in zip(*rows, strict=True)]",
        ("True → False",),
        STRICT,
    ),
    (
        "gram = [[sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0)) for b in rows] for a in rows]",
        ("True → False",),
        STRICT,
    ),
    (
        "if len(rows) > MAX_SINGULAR:",
        ("Gt → GtE",),
        LIMIT,
    ),
    (
        "p = primitive(characteristic(gram)) if rows else [1]",
        ("1 → 2",),
        "A constant has no roots, whatever it is.",
    ),
    (
        "a, b = b, remainder(a, b) if len(b) > 1 else []",
        ("Gt → GtE",),
        "The remainder by a constant is empty as well.",
    ),
    (
        "rest, result = [Fraction(c) for c in a], [Fraction(0)] * (len(a) - len(b) + 1)",
        ("0 → 1",),
        "Every coefficient of the quotient is set.",
    ),
    (
        "bound = 1 + Fraction(max(map(abs, p[:-1])), abs(p[-1]))",
        ("1 → 2",),
        "Any bound above the roots will do.",
    ),
    (
        "if count == 1 and (high - low) * 2**Interval.BITS < bound:",
        ("Lt → LtE", "2 → 3"),
        PRECISION,
    ),
    (
        "while chain[-1] and len(chain[-1]) > 1:",
        ("and → or", "minus dropped", "1 → 2", "Gt → GtE", "minus dropped (2)", "1 → 2 (2)"),
        CHAIN,
    ),
    (
        "top, bottom = base if exponent > 0 else base[::-1]",
        ("Gt → GtE",),
        "The power 0 is 1 of either.",
    ),
    (
        "if any(self.rows[a][1] != ([] if scalars else self.rows[self.roots[0]][1]) for a in self.roots):",
        ("0 → 1",),
        "Both roots are compared with one of them, whichever.",
    ),
    (
        "if held or failed:",
        ("or → and",),
        "Spares more bits; what is not shown in the end is rejected all the same.",
    ),
    (
        "raise Rejected(f\"a relation “{sign}” {'holds' if held else 'fails'}: the numbers are the other way round\")",
        ("raise dropped",),
        "Spares more bits; what is not shown in the end is rejected all the same.",
    ),
    (
        "raise Rejected(f\"a relation “{sign}” {'holds' if held else 'fails'}: the numbers are the other way round\")",
        ("condition negated",),
        WORDING,
    ),
    (
        "raise Rejected(f\"a relation “{sign}” is not shown to {'fail' if fails else 'hold'}: {reason}\")",
        ("condition negated",),
        WORDING,
    ),
    (
        "pairs = zip(*map(_entries, require_relation(sign, lambda: formula.value({}), fails=True)), strict=True)",
        ("True → False (2)",),
        STRICT,
    ),
    (
        "return f\"{clause}: {formula.text(f' {sign} ')} fails: the sides are {brief(x.low, 12)} and {brief(y.low, 12)}\"",
        ("12 → 13",),
        WORDING,
    ),
    (
        'raise Rejected("the claim must be the minimum of a model or of a formula")',
        ("raise dropped",),
        "A second line of defence: a claim without a problem, or with two, is malformed below.",
    ),
    (
        "if not 0 < size <= 60 or any(len(row) != size for row in matrix):",
        ("LtE → Lt", "60 → 61"),
        LIMIT,
    ),
    (
        "if not 0 < size <= 60 or any(len(row) != size for row in matrix):",
        ("any → all",),
        "Rows of different lengths are rejected before, so all are as long as the first.",
    ),
    (
        'raise Rejected("the factors must be a list")',
        ("raise dropped",),
        "The keys of an object are not factors, and no factor at all is not the characteristic polynomial.",
    ),
    (
        "if p[-1] != 1 or (len(p) - 1) * times > size:",
        ("1 → 2 (3)",),
        "A product of too high a degree is not the characteristic polynomial.",
    ),
    (
        'raise Rejected(f"the objective at the point exceeds the stated upper bound by {brief(reached - above)}")',
        ("Sub → Add",),
        WORDING,
    ),
    (
        'raise Rejected(f"the lower bound that follows is below the stated one by {brief(below - bound)}")',
        ("Sub → Add",),
        WORDING,
    ),
    (
        'raise Rejected(f"unknown kind of certificate: {kind[:40] if isinstance(kind, str) else type(kind).__name__!r}")',
        ("raise dropped",),
        "A kind that is not in the table is rejected as malformed when it is looked up.",
    ),
    (
        'raise Rejected(f"unknown kind of certificate: {kind[:40] if isinstance(kind, str) else type(kind).__name__!r}")',
        ("40 → 41", "condition negated"),
        WORDING,
    ),
    (
        "content = file.read(MAX_BYTES + 1)",
        ("1 → 2",),
        "What was read is still larger than the largest size.",
    ),
    (
        "sys.exit(main(sys.argv[1:]))",
        ("1 → 2", "call dropped"),
        "Only when the file is run as a program, as other tests do.",
    ),
    (
        "if not isinstance(nonnegative, list) or any(type(n) is not str or variables.get(n) != [] for n in nonnegative):",
        ("or → and (2)",),
        "A matrix cannot be compared with 0, and a name that is not there has no value: rejected as malformed.",
    ),
    (
        'which = text if len(text) <= MAX_TEXT else f"with the SHA-256 digest {sha256(text.encode()).hexdigest()}"',
        ("LtE → Lt",),
        LIMIT,
    ),
    (
        'return f"the minimum for {model.describe()} lies in [{low}, {high}] (gap {brief(above - below)})"',
        ("Sub → Add",),
        WORDING,
    ),
    (
        "if any(gains[b][1] and not gains[b][1] < gains[a][0] for a, b in pairwise(order)):",
        ("Lt → LtE",),
        "The bound on the gain is strict, as a < x < b at the minimiser.",
    ),
    (
        "room -= active if gains[weight][1] else 0",
        ("0 → 1",),
        "After a mode that is zero all lighter ones are.",
    ),
    (
        "M, zero = model.M, (Fraction(0), Fraction(0))",
        ("0 → 1",),
        "A lighter mode than one that is zero is zero, and cannot be shown not to be.",
    ),
    (
        "if beta < 0 or _compared(model, weight, beta) > 0 or not q or not q[0] > 0 or positive_roots(primitive(q)):",
        ("Lt → LtE",),
        "With β = 0 the polynomial has no positive coefficient.",
    ),
    (
        "if beta < 0 or _compared(model, weight, beta) > 0 or not q or not q[0] > 0 or positive_roots(primitive(q)):",
        ("Gt → GtE (2)",),
        "Zeros at the front have been dropped.",
    ),
    (
        "if not 0 <= least <= most or not _compared(model, weight, least) <= 0 <= _compared(model, weight, most):",
        ("LtE → Lt",),
        "A lower bound of 0 on β is only weaker than any other.",
    ),
    (
        "if not (0 < a < c < b and inner < v < 1 and _at_point(p, a) > 0 and _at_point(p, b) > 0):",
        ("Lt → LtE",),
        "At a = 0 the test for convexity fails.",
    ),
    (
        "if not (0 < a < c < b and inner < v < 1 and _at_point(p, a) > 0 and _at_point(p, b) > 0):",
        ("Lt → LtE (2)", "Lt → LtE (3)"),
        "The share is above v at a and b and below v at c, so they differ.",
    ),
    (
        "if not (0 < a < c < b and inner < v < 1 and _at_point(p, a) > 0 and _at_point(p, b) > 0):",
        ("Lt → LtE (5)", "1 → 2"),
        "With v ≥ 1 the share crosses v between 0 and a, or v = 1 is still above the share at c.",
    ),
    (
        "if not (0 < a < c < b and inner < v < 1 and _at_point(p, a) > 0 and _at_point(p, b) > 0):",
        ("Gt → GtE", "Gt → GtE (2)"),
        "A share of v at an end is still above the share at c.",
    ),
    (
        "if not (0 < a < c < b and inner < v < 1 and _at_point(p, a) > 0 and _at_point(p, b) > 0):",
        ("0 → 1 (2)", "0 → 1 (3)"),
        "Only stricter: p has integer coefficients, and its scale does not matter.",
    ),
    (
        "if variations(chain, Fraction(0)) != variations(chain, a) or variations(chain, b) != variations(chain, None):",
        ("or → and",),
        "With v < 1 the share falls to v once and rises to v once, both between a and b where it is above v at these and below at c.",
    ),
    (
        'raise Rejected(f"the share of the mode of weight {weight} is not larger outside")',
        ("raise dropped",),
        "With v < 1 the share falls to v once and rises to v once, both between a and b where it is above v at these and below at c.",
    ),
    (
        "if not (M + 1) * a**M > M - 1:",
        ("Gt → GtE",),
        "The share is strictly convex beyond a all the same.",
    ),
    (
        '"add": lambda args, shape, data: [[x + y for x, y in zip(a, b, strict=True)] for a, b in zip(*args, strict=True)],',
        ("True → False", "True → False (2)"),
        STRICT,
    ),
    (
        "if exponent < 0:",
        ("Lt → LtE",),
        "The exponent zero is rejected above.",
    ),
    (
        'if max(accumulate((c in "[{") - (c in "]}") for c in text), default=0) > 50:',
        ("0 → 1",),
        "An empty text is not JSON.",
    ),
    (
        "MAX_EXPONENT, MAX_ROOT, MAX_SHIFT, PRECISIONS = 10_000, 200, 100_000, (128, 512, 2_048)",
        ("10000 → 10001", "200 → 201", "100000 → 100001"),
        LIMIT,
    ),
    (
        "MAX_EXPONENT, MAX_ROOT, MAX_SHIFT, PRECISIONS = 10_000, 200, 100_000, (128, 512, 2_048)",
        ("128 → 129", "512 → 513", "2048 → 2049"),
        PRECISION,
    ),
    (
        "coefficients = [0] * size + [1]",
        ("0 → 1",),
        "Every coefficient but the leading one is set before it is used.",
    ),
    (
        "bits = max((x.bit_length() for row in whole for x in row), default=0)",
        ("max → min", "0 → 1"),
        "Only the estimate of the work.",
    ),
    (
        "columns = list(zip(*power, strict=True))",
        ("True → False",),
        STRICT,
    ),
    (
        "MAX_NODES, MAX_ENTRIES, MAX_TEXT, MAX_SINGULAR = 20_000, 40_000, 400, 24",
        ("20000 → 20001", "40000 → 40001", "400 → 401", "24 → 25"),
        LIMIT,
    ),
    (
        'done.append((whole, binds) if len(whole) <= MAX_TEXT else ("…", 3))',
        ("LtE → Lt",),
        WORDING,
    ),
    (
        "if op in SIZED and sum(integers(data, MAX_CLASSES)) > MAX_ENTRIES:",
        ("Gt → GtE",),
        LIMIT,
    ),
    (
        "if any(not isinstance(name, str) or not name.isidentifier() or len(name) > 40 for name in names):",
        ("Gt → GtE", "40 → 41"),
        LIMIT,
    ),
    (
        "[sum(row[e - n : e], zero) * _point(Fraction(1, n)) for e, n in zip(ends, data, strict=True)] for row in args[0]",
        ("True → False",),
        STRICT,
    ),
    (
        "MOST = 3_000_000",
        ("3000000 → 3000001",),
        LIMIT,
    ),
    (
        "features = {i: {j: x for j, x in row.items() if x > 0} for i, row in features.items()}",
        ("Gt → GtE",),
        "A zero entry gives zero outputs.",
    ),
    (
        "fits = isinstance(indices, list) and len(indices) <= MAX_ENTRIES",
        ("LtE → Lt",),
        LIMIT,
    ),
    (
        'f"W_{m}": (o, i) for m, (o, i) in enumerate(zip([*model.widths[1:], model.K], model.widths, strict=True), 1)',
        ("True → False",),
        STRICT,
    ),
    (
        'pattern, least, binds = WRITTEN.get(op, ("", 0, 3))',
        ("3 → 4",),
        TIGHTNESS,
    ),
    (
        'binds = 1 if op == "rational" and not data.isdecimal() else binds',
        ("1 → 2",),
        TIGHTNESS,
    ),
    (
        'done.append((whole, binds) if len(whole) <= MAX_TEXT else ("…", 3))',
        ("3 → 4",),
        TIGHTNESS,
    ),
    (
        '"variable": ("{data}", 0, 3),',
        ("3 → 4",),
        TIGHTNESS,
    ),
    (
        '"rational": ("{data}", 0, 3),',
        ("3 → 4",),
        TIGHTNESS,
    ),
    (
        '"scale": ("{} {}", 1, 1),',
        ("1 → 2 (2)",),
        TIGHTNESS,
    ),
]
"""A line of the checker, what may be changed in it, and why."""

EXPLAINED: dict[Key, str] = {(line, change): reason for line, changes, reason in _TABLE for change in changes}
