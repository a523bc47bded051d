"""Reads certificates and accepts or rejects them: Python's standard library only, nothing of this project.

A certificate is a JSON object that states a claim in full and carries what is needed to re-check it exactly. Kinds:

two-sided bound
    The minimum of the deep linear unconstrained-features model with squared error lies in [low, high]. Upper: factors
    W_1 … W_M, class means H̄ (and b) with rational entries, whose objective is evaluated exactly. Lower: for each mode
    of weight μ a rational v and a rational β ≤ b/μ, with 1 + βx(1 + xᴹ) − v(1 + xᴹ) > 0 for all x ≥ 0 by an exact root
    count, so that the mode's share of the objective is at least μ v / (2N). The R largest gains are counted.

What is assumed, by name, is listed in ``ASSUMPTIONS`` and printed with every acceptance.
"""

from __future__ import annotations

import json
import re
import sys
from fractions import Fraction
from itertools import pairwise
from typing import Any

FORMAT = "collapse certificate 1"

ASSUMPTIONS = (
    "elimination of H",
    "centring where there is a bias",
    "tr(AB) ≥ Σ λ↓(A)λ↑(B)",
    "the weighted AM–GM–Horn bound on the layered regulariser",
    "rank ≤ smallest width",
)

MAX_BYTES, MAX_DIGITS, MAX_CLASSES, MAX_DEPTH = 20_000_000, 2_000, 5_000, 64


class Rejected(Exception):
    """The certificate is not accepted; the message says why."""


# ------------------------------------------------------------------------------------------------------------ reading


_NUMBER = re.compile(r"-?[0-9]+(/[0-9]+)?")


def number(text: Any) -> Fraction:
    """A rational in the grammar ``-?digits(/digits)?`` with bounded digits."""
    if not isinstance(text, str) or len(text) > 2 * MAX_DIGITS + 2 or not _NUMBER.fullmatch(text):
        raise Rejected(f"not a rational number: {str(text)[:60]!r}")
    top, _, bottom = text.partition("/")
    if max(len(top), len(bottom)) > MAX_DIGITS:
        raise Rejected(f"a number has more than {MAX_DIGITS} digits")
    if bottom and not int(bottom):
        raise Rejected("a number has a zero denominator")
    return Fraction(int(top), int(bottom or 1))


def brief(value: Fraction) -> str:
    """A number in a few digits for a message; also beyond the range of floats."""
    try:
        return f"{float(value):.3g}"
    except OverflowError:
        return "more than 1e308"


def load(text: str) -> Any:
    """Parse JSON strictly: no duplicate keys, no NaN or infinity, no floats, bounded size.

    Raises:
        Rejected: saying what is wrong.
    """
    if len(text) > MAX_BYTES:
        raise Rejected(f"larger than {MAX_BYTES:,} characters")
    depth = _nesting(text)
    if depth > 50:
        raise Rejected("nested too deep")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"not JSON: {error}") from None


def _nesting(text: str) -> int:
    depth = most = 0
    for character in text:
        if character in "[{":
            depth += 1
            most = max(most, depth)
        elif character in "]}":
            depth -= 1
    return most


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise Rejected(f"duplicate key in {sorted(keys)[:5]}")
    return dict(pairs)


def _no_float(text: str) -> Any:
    raise Rejected(f"a float or NaN where only exact numbers are allowed: {text[:40]}")


def keys(data: Any, *names: str) -> list[Any]:
    """The values under exactly these keys."""
    if not isinstance(data, dict):
        raise Rejected("expected an object")
    if set(data) != set(names):
        raise Rejected(f"expected the keys {sorted(names)}, got {sorted(map(str, data))[:12]}")
    return [data[name] for name in names]


def integers(data: Any, most: int) -> list[int]:
    """A list of positive integers."""
    if not isinstance(data, list) or not data or len(data) > most:
        raise Rejected("expected a list of positive integers")
    if any(type(x) is not int or not 0 < x < 10**18 for x in data):
        raise Rejected("expected a list of positive integers")
    return data


# -------------------------------------------------------------------------------------------------------------- model


class Model:
    """The problem as the certificate states it: sizes, widths, decays, bias; mean squared error, linear."""

    def __init__(self, data: Any) -> None:
        sizes, depth, weights, feature, widths, loss, activation, bias = keys(
            data, "class_sizes", "depth", "weight_decays", "feature_decay", "widths", "loss", "activation", "bias"
        )
        if loss != "mse" or activation != "linear" or bias not in ("none", "last-layer"):
            raise Rejected("only squared error, linear layers, and no or a last-layer bias are known here")
        self.sizes = integers(sizes, MAX_CLASSES)
        self.K, self.N, self.bias = len(self.sizes), sum(self.sizes), bias == "last-layer"
        self.M = integers([depth], 1)[0]
        if self.M > MAX_DEPTH:
            raise Rejected(f"more than {MAX_DEPTH} layers")
        self.widths = integers(widths, MAX_DEPTH)
        if not isinstance(weights, list) or len(weights) != self.M or len(self.widths) != self.M:
            raise Rejected("weight_decays and widths must have one entry a layer")
        self.weight_decays, self.feature_decay = [number(x) for x in weights], number(feature)
        if min([*self.weight_decays, self.feature_decay]) <= 0:
            raise Rejected("decays must be positive")

    def modes(self) -> list[int]:
        """Weights of all modes: n_k, or (balanced, with bias) n, K − 1 times."""
        if not self.bias:
            return list(self.sizes)
        if len(set(self.sizes)) > 1:
            raise Rejected("imbalanced classes with a bias are not known here")
        return self.sizes[1:]

    def describe(self) -> str:
        """The problem in one line."""
        decays = ", ".join(map(str, [*self.weight_decays, self.feature_decay]))
        bias = "with last-layer bias" if self.bias else "without bias"
        return f"n = {self.sizes}, M = {self.M}, widths {self.widths}, decays ({decays}), {bias}"


# ------------------------------------------------------------------------------------------------- exact evaluation


Sparse = dict[int, dict[int, Fraction]]
"""Rows of a matrix: column to entry, zeros left out."""


def sparse(data: Any, rows: int, columns: int) -> Sparse:
    """A matrix given as a list of [row, column, number], each place at most once."""
    if not isinstance(data, list):
        raise Rejected("a matrix must be a list of [row, column, number]")
    matrix: Sparse = {}
    for entry in data:
        if not isinstance(entry, list) or len(entry) != 3 or type(entry[0]) is not int or type(entry[1]) is not int:
            raise Rejected("a matrix entry must be [row, column, number]")
        i, j, value = entry
        if not (0 <= i < rows and 0 <= j < columns) or j in matrix.get(i, {}):
            raise Rejected(f"matrix place ({i}, {j}) is outside {rows} × {columns} or given twice")
        matrix.setdefault(i, {})[j] = number(value)
    return matrix


def product(left: Sparse, right: Sparse) -> Sparse:
    """The product of two sparse matrices."""
    result: Sparse = {}
    for i, row in left.items():
        entries: dict[int, Fraction] = {}
        for k, x in row.items():
            for j, y in right.get(k, {}).items():
                entries[j] = entries.get(j, Fraction(0)) + x * y
        result[i] = entries
    return result


def squares(matrix: Sparse) -> Fraction:
    """The sum of squared entries."""
    return sum((x * x for row in matrix.values() for x in row.values()), Fraction(0))


def objective(model: Model, weights: list[Sparse], means: Sparse, bias: list[Fraction]) -> Fraction:
    """The objective at features h_{k,i} = column k of H̄, by a loop over classes and outputs."""
    outputs = means
    for W in weights:
        outputs = product(W, outputs)
    fit = Fraction(0)
    for k, size in enumerate(model.sizes):
        for j in range(model.K):
            residual = outputs.get(j, {}).get(k, Fraction(0)) + bias[j] - (1 if j == k else 0)
            fit += size * residual * residual
    features = sum(
        (size * x * x for row in means.values() for k, x in row.items() for size in [model.sizes[k]]), Fraction(0)
    )
    decay = sum((c * squares(W) for c, W in zip(model.weight_decays, weights, strict=True)), Fraction(0))
    return fit / (2 * model.N) + (decay + model.feature_decay * features) / 2


def upper_bound(model: Model, data: Any) -> Fraction:
    """The exact objective at the certificate's point."""
    factors, means, bias = keys(data, "weights", "means", "bias")
    if not isinstance(factors, list) or len(factors) != model.M:
        raise Rejected("the point must give one matrix a layer")
    outputs = [*model.widths[1:], model.K]
    weights = [sparse(W, o, i) for W, o, i in zip(factors, outputs, model.widths, strict=True)]
    if not isinstance(bias, list) or len(bias) != (model.K if model.bias else 0):
        raise Rejected("the bias must have one entry a class, or none where the model has no bias")
    vector = [number(x) for x in bias] or [Fraction(0)] * model.K
    return objective(model, weights, sparse(means, model.widths[0], model.K), vector)


# ---------------------------------------------------------------------------------------------- polynomials and roots


Poly = list[int]
"""Integer coefficients from the constant term up, without trailing zeros."""


def primitive(coefficients: list[Fraction]) -> Poly:
    """A positive multiple with coprime integer coefficients."""
    from math import gcd, lcm

    while coefficients and not coefficients[-1]:
        coefficients = coefficients[:-1]
    scale = lcm(*(c.denominator for c in coefficients)) if coefficients else 1
    values = [int(c * scale) for c in coefficients]
    common = gcd(*values) if values else 1
    return [v // common for v in values]


def remainder(a: Poly, b: Poly) -> Poly:
    """A positive multiple of the remainder of a by b."""
    r = list(a)
    lead, flip = abs(b[-1]), 1 if b[-1] > 0 else -1
    while len(r) >= len(b):
        top, shift = r[-1] * flip, len(r) - len(b)
        r = [lead * c for c in r]
        for i, c in enumerate(b):
            r[shift + i] -= top * c
        r.pop()
        while r and not r[-1]:
            r.pop()
    return primitive([Fraction(c) for c in r])


def positive_roots(p: Poly) -> int:
    """The number of distinct roots in x > 0 of a polynomial with p(0) ≠ 0, by Sturm's theorem."""
    chain = [p, primitive([Fraction(i * c) for i, c in enumerate(p)][1:])]
    while chain[-1] and len(chain[-1]) > 1:
        chain.append([-c for c in remainder(chain[-2], chain[-1])])
    chain = [q for q in chain if q]
    return _changes([q[0] for q in chain]) - _changes([q[-1] for q in chain])


def _changes(values: list[int]) -> int:
    signs = [v > 0 for v in values if v]
    return sum(a != b for a, b in pairwise(signs))


# -------------------------------------------------------------------------------------------------------- lower bound


def lower_bound(model: Model, data: Any) -> Fraction:
    """The lower bound from per-mode polynomials: zero's objective less the R largest gains."""
    if not isinstance(data, list):
        raise Rejected("the lower bound must be a list of modes")
    modes, bounds = model.modes(), {}
    for entry in data:
        weight, beta, share = keys(entry, "weight", "beta", "share")
        if type(weight) is not int or weight in bounds:
            raise Rejected("each mode weight must be an integer, given once")
        bounds[weight] = mode_bound(model, weight, number(beta), number(share))
    if set(bounds) != set(modes):
        raise Rejected("the modes of the lower bound are not those of the model")
    gains = sorted((weight * (1 - bounds[weight]) for weight in modes), reverse=True)
    rank = min([model.K, *model.widths])
    total = sum(modes, Fraction(0)) - sum(gains[:rank], Fraction(0))
    return total / (2 * model.N)


def mode_bound(model: Model, weight: int, beta: Fraction, share: Fraction) -> Fraction:
    """Check that 1/(1 + xᴹ) + (b/μ)x ≥ share for all x ≥ 0, with b = M N (N Λ)^{1/M}."""
    M, N, Lambda = model.M, model.N, model.feature_decay
    for decay in model.weight_decays:
        Lambda *= decay
    if beta < 0 or (beta * weight) ** M > (M * N) ** M * N * Lambda:
        raise Rejected(f"β of the mode of weight {weight} is negative or above b/μ")
    if share > 1:
        raise Rejected("a share above 1 cannot be a lower bound: x = 0 gives 1")
    p = [Fraction(0)] * (M + 2)
    for power, coefficient in ((0, 1 - share), (1, beta), (M, -share), (M + 1, beta)):
        p[power] += coefficient
    if share == 1:  # p = x q with q(0) = β > 0
        p = p[1:]
    if not p[0] > 0 or positive_roots(primitive(p)):
        raise Rejected(f"the polynomial of the mode of weight {weight} is not positive on x ≥ 0")
    return share


# ------------------------------------------------------------------------------------------------------------ checking


def check(certificate: Any) -> str:
    """Accept a certificate and return the claim that it establishes.

    Raises:
        Rejected: saying why.
    """
    if not isinstance(certificate, dict) or certificate.get("format") != FORMAT:
        raise Rejected(f'not a certificate: "format" must be {FORMAT!r}')
    if certificate.get("kind") != "two-sided bound":
        raise Rejected(f"unknown kind of certificate: {str(certificate.get('kind'))[:40]!r}")
    _, _, problem, low, high, lower, upper = keys(
        certificate, "format", "kind", "model", "low", "high", "lower", "upper"
    )
    model, below, above = Model(problem), number(low), number(high)
    reached = upper_bound(model, upper)
    if reached > above:
        raise Rejected(f"the objective at the point exceeds the stated upper bound by {brief(reached - above)}")
    bound = lower_bound(model, lower)
    if bound < below:
        raise Rejected(f"the lower bound that follows is below the stated one by {brief(below - bound)}")
    return f"the minimum for {model.describe()} lies in [{low}, {high}] (gap {brief(above - below)})"


def main(paths: list[str]) -> int:
    """Check files and print one line each; 0 when all are accepted."""
    worst = 0
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                print(f"{path}: accepted: {check(load(file.read(MAX_BYTES + 1)))}; assuming {'; '.join(ASSUMPTIONS)}")
        except (Rejected, OSError, UnicodeDecodeError) as reason:
            print(f"{path}: rejected: {reason}")
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
