"""Reads certificates and accepts or rejects them: Python's standard library only, nothing of this project.

``python checker.py FILE…`` prints one line a file. A certificate is a JSON object that states a claim in full and
carries what is needed to re-check it exactly. Kinds:

two-sided bound
    The minimum of the deep linear unconstrained-features model with squared error lies in [low, high]. Upper: factors
    W_1 … W_M, class means H̄ (and b) with rational entries, whose objective is evaluated exactly. Lower: for each mode
    of weight μ a rational v and a rational β ≤ b/μ, with 1 + βx(1 + xᴹ) − v(1 + xᴹ) > 0 for all x ≥ 0 by an exact root
    count, so that the mode's share of the objective is at least μ v / (2N). The R largest gains are counted.
geometry
    Where every global minimiser of that model lies: for each mode the singular value of W_M … W_1 H̄ in an interval,
    because its share of the objective is larger outside by a margin and strictly convex inside; or zero; or a tie.
identity
    A class of a given size is exactly at its threshold: nᴹ(M−1)ᴹ⁻¹ = Mᴹ(MN)ᴹ NΛ.
dual, sos
    Bounds for one layer from a matrix that is feasible by exact LDLᵀ (squared error or cross-entropy); from sums of
    squares, of each mode of the model or of a rational function of one variable.
counterexample, inequality witness, failed relation
    A rational point at which a claimed minimum is undercut, strictly, or reached while a relation claimed of all
    minimisers fails; at which an inequality is violated under its constraints; constants of which a relation fails.
exact fit
    Weights of a balanced model with the outputs I and ∏ ‖factor‖² < K^(M+1), the product for collapse: rescaled, they
    are below collapse at every choice of decays where that is not zero.
spectrum
    The characteristic polynomial of a symmetric rational matrix is a product of given factors.

What is assumed, by name, is listed with every acceptance.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate, pairwise, zip_longest
from math import gcd, lcm, log, prod
from operator import mul
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


class Budget:
    """What the check of one certificate may still cost, in units of about a microsecond; the same on any machine."""

    MOST = 3_000_000
    left = MOST


def spend(units: int) -> None:
    """Note some work, and reject when it is more than a certificate may take."""
    Budget.left -= units
    if Budget.left < 0:
        raise Rejected("the check takes too much work")


def spend_on(x: Fraction, times: int = 1) -> None:
    """Note the work of arithmetic with a number, which grows with the square of its length."""
    bits = x.denominator.bit_length()
    spend(times * (5 + bits // 50 + bits * bits // 300_000))


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


def brief(value: Fraction, digits: int = 3) -> str:
    """A number in a few digits for a message; also beyond the range of floats."""
    try:
        return f"{float(value):.{digits}g}"
    except OverflowError:
        return "more than 1e308"


def load(text: str) -> Any:
    """Parse JSON strictly: no duplicate keys, no NaN or infinity, no floats, bounded size."""
    if len(text) > MAX_BYTES:
        raise Rejected(f"larger than {MAX_BYTES:,} characters")
    if max(accumulate((c in "[{") - (c in "]}") for c in text), default=0) > 50:
        raise Rejected("nested too deep")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"not JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise Rejected(f"a duplicate key in {[key[:40] for key, _ in pairs[:5]]}")
    return dict(pairs)


def _no_float(text: str) -> Any:
    raise Rejected(f"a float or NaN where only exact numbers are allowed: {text[:40]}")


def keys(data: Any, *names: str) -> list[Any]:
    """The values under exactly these keys."""
    if not isinstance(data, dict):
        raise Rejected("expected an object")
    if set(data) != set(names):
        raise Rejected(f"expected the keys {sorted(names)}, got {[str(name)[:40] for name in sorted(data)[:12]]}")
    return [data[name] for name in names]


def integers(data: Any, most: int) -> list[int]:
    """A list of positive integers."""
    if not isinstance(data, list) or not data or len(data) > most:
        raise Rejected("expected a list of positive integers")
    if any(type(x) is not int or not 0 < x < 10**18 for x in data):
        raise Rejected("expected a list of positive integers")
    return data


# ------------------------------------------------------------------------------------------ the model and its objective


LOSSES = ("mse", "ce", "label-smoothing", "focal")
USUAL = {"sign": "free", "alpha": "0", "gamma": "0", "bias_decay": "0"}
"""What a model need not state where it is as here."""


class Model:
    """The problem as the certificate states it; if ``plain``, squared error and free features only."""

    def __init__(self, data: Any, plain: bool = True) -> None:
        sizes, depth, weights, feature, widths, loss, activation, bias, sign, alpha, gamma, bias_decay = keys(
            {**USUAL, **data} if isinstance(data, dict) else data,
            *("class_sizes", "depth", "weight_decays", "feature_decay", "widths", "loss", "activation", "bias", *USUAL),
        )
        if loss not in LOSSES or activation not in ("linear", "relu") or bias not in ("none", "last-layer"):
            raise Rejected("the loss, the activation or the bias of the model is not known here")
        self.loss, self.relu, self.nonnegative = loss, activation == "relu", sign == "nonnegative"
        self.alpha, self.gamma, self.bias_decay = number(alpha), number(gamma), number(bias_decay)
        if plain and (loss != "mse" or sign != "free" or self.bias_decay):
            raise Rejected("only squared error with free features and a free bias is known here")
        smooth, focused = loss == "label-smoothing", loss == "focal"
        within = (
            0 <= self.alpha < 1
            and 0 <= self.gamma <= 100
            and (smooth or not self.alpha)
            and (focused or not self.gamma)
        )
        if not within or self.bias_decay < 0 or sign not in ("free", "nonnegative"):
            raise Rejected("an option of the model is out of its range")
        self.sizes = integers(sizes, MAX_CLASSES)
        self.K, self.N, self.bias = len(self.sizes), sum(self.sizes), bias == "last-layer"
        if self.bias_decay and not self.bias:
            raise Rejected("a model without a bias has no decay of it")
        self.M = integers([depth], 1)[0]
        if self.M > MAX_DEPTH:
            raise Rejected(f"more than {MAX_DEPTH} layers")
        self.widths = integers(widths, MAX_DEPTH)
        if not isinstance(weights, list) or len(weights) != self.M or len(self.widths) != self.M:
            raise Rejected("weight_decays and widths must have one entry a layer")
        self.weight_decays, self.feature_decay = [number(x) for x in weights], number(feature)
        if min([*self.weight_decays, self.feature_decay]) <= 0:
            raise Rejected("decays must be positive")

    def product_of_decays(self) -> Fraction:
        """Λ = λ_H λ_1 ⋯ λ_M."""
        return self.feature_decay * prod(self.weight_decays)

    def modes(self) -> list[int]:
        """Weights of all modes of a linear model: n_k, or (balanced, with bias) n, K − 1 times."""
        if self.relu:
            raise Rejected("a model with ReLU layers does not split into modes")
        if not self.bias:
            return list(self.sizes)
        if len(set(self.sizes)) > 1:
            raise Rejected("imbalanced classes with a bias are not known here")
        return self.sizes[1:]

    def describe(self) -> str:
        """The problem in one line."""
        decays = ", ".join(map(str, [*self.weight_decays, self.feature_decay]))
        loss = [f"{self.loss} loss"] if self.loss != "mse" else []
        options = {"α": self.alpha, "γ": self.gamma, "bias decay": self.bias_decay}
        loss += [f"{name} = {value}" for name, value in options.items() if value]
        layers = ["ReLU"] * self.relu + ["features ≥ 0"] * self.nonnegative
        bias = "with last-layer bias" if self.bias else "without bias"
        parts = [
            f"n = {self.sizes}",
            f"M = {self.M}",
            f"widths {self.widths}",
            f"decays ({decays})",
            *layers,
            *loss,
            bias,
        ]
        return ", ".join(parts)


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
    """The product of two sparse matrices, in whole numbers over one denominator."""
    (a, p), (b, q) = _whole(left), _whole(right)
    result: Sparse = {}
    for i, row in a.items():
        entries: dict[int, int] = {}
        for k, x in row.items():
            other = b.get(k, {})
            spend(1 + len(other) * (1 + (p.bit_length() + q.bit_length()) // 500) // 6)
            for j, y in other.items():
                entries[j] = entries.get(j, 0) + x * y
        result[i] = {j: Fraction(x, p * q) for j, x in entries.items()}
    return result


def _whole(matrix: Sparse) -> tuple[dict[int, dict[int, int]], int]:
    q = common_denominator(x for row in matrix.values() for x in row.values())
    return {i: {j: x.numerator * (q // x.denominator) for j, x in row.items()} for i, row in matrix.items()}, q


def common_denominator(numbers: Iterable[Fraction]) -> int:
    """The least common denominator of numbers; its length is bounded."""
    q = 1
    for x in numbers:
        q = lcm(q, x.denominator) if q % x.denominator else q
        spend(1 + q.bit_length() // 1_000)
        if q.bit_length() > MAX_SHIFT:
            raise Rejected("numbers have no common denominator of a reasonable length")
    return q


def squares(matrix: Sparse) -> Fraction:
    """The sum of squared entries."""
    return total(x * x for row in matrix.values() for x in row.values())


def total(terms: Iterable[Fraction]) -> Fraction:
    """The sum of numbers, whose denominators may grow."""
    result = Fraction(0)
    for term in terms:
        result += term
        spend_on(result)
    return result


def objective(
    model: Model, weights: list[Sparse], features: Sparse, labels: list[int], counts: list[int], bias: list[Fraction]
) -> Interval:
    """The objective at features of which column i has the label labels[i] and stands for counts[i] equal samples.

    An interval with equal ends for squared error.
    """
    fit = (squared_error if model.loss == "mse" else likelihood)(
        model, forward(model, weights, features), list(zip(labels, counts, strict=True)), bias
    )
    norm = total(counts[i] * x * x for row in features.values() for i, x in row.items())
    decay = sum((c * squares(W) for c, W in zip(model.weight_decays, weights, strict=True)), Fraction(0))
    rest = (decay + model.feature_decay * norm + model.bias_decay * total(x * x for x in bias)) / 2
    return Interval(fit.low + rest, fit.high + rest)


def squared_error(model: Model, outputs: Sparse, columns: list[tuple[int, int]], bias: list[Fraction]) -> Interval:
    """Σ counts ‖z − e_k‖²/(2N); outputs that are zero where the label and the bias are too are skipped."""
    residuals = []
    for i, (k, count) in enumerate(columns):
        for j in range(model.K) if any(bias) else {k, *(j for j, row in outputs.items() if i in row)}:
            residual = outputs.get(j, {}).get(i, Fraction(0)) + bias[j] - (1 if j == k else 0)
            residuals.append(count * residual * residual)
    return Interval(total(residuals) / (2 * model.N))


def likelihood(model: Model, outputs: Sparse, columns: list[tuple[int, int]], bias: list[Fraction]) -> Interval:
    """Σ counts/N (1 − p)^γ ℓ with ℓ = log Σ e^z − ⟨t, z⟩, targets t = (1 − α) e_k + α/K, and p = e^(−ℓ) where α = 0."""
    fit = Interval(Fraction(0))
    for i, (k, count) in enumerate(columns):
        z = [outputs.get(j, {}).get(i, Fraction(0)) + bias[j] for j in range(model.K)]
        aim = (1 - model.alpha) * z[k] + model.alpha / model.K * total(z)
        loss = log_sum_exp([Interval(x) for x in z]) - Interval(aim)
        if model.gamma:
            p = increasing(exponential, Interval(-loss.high, -loss.low))
            loss = loss * (Interval(Fraction(1)) - p).power(model.gamma)
        fit = fit + Interval(Fraction(count, model.N)) * loss
    return fit


def forward(model: Model, weights: list[Sparse], features: Sparse) -> Sparse:
    """W_M σ(W_{M−1} ⋯ σ(W_1 X)), with σ the ReLU or nothing."""
    for layer, W in enumerate(weights, start=1):
        features = product(W, features)
        if model.relu and layer < model.M:
            features = {i: {j: x for j, x in row.items() if x > 0} for i, row in features.items()}
    return features


def at_means(model: Model, weights: list[Sparse], means: Sparse, bias: list[Fraction]) -> Interval:
    """The objective at features that equal their class means."""
    return objective(model, weights, means, list(range(model.K)), model.sizes, bias)


def upper_bound(model: Model, data: Any) -> Fraction:
    """The exact objective at the certificate's point."""
    factors, means, bias = keys(data, "weights", "means", "bias")
    if not isinstance(factors, list) or len(factors) != model.M:
        raise Rejected("the point must give one matrix a layer")
    outputs = [*model.widths[1:], model.K]
    if not isinstance(bias, list) or len(bias) != (model.K if model.bias else 0):
        raise Rejected("the bias must have one entry a class, or none where the model has no bias")
    vector = [number(x) for x in bias] or [Fraction(0)] * model.K
    if isinstance(means, dict):
        *scales, scale = [number(keys(factor, "centred")[0]) for factor in (*factors, means)]
        return centred_objective(model, scales, scale, vector)
    weights = [sparse(W, o, i) for W, o, i in zip(factors, outputs, model.widths, strict=True)]
    return at_means(model, weights, sparse(means, model.widths[0], model.K), vector).high


def centred_objective(model: Model, weights: list[Fraction], means: Fraction, bias: list[Fraction]) -> Fraction:
    """The objective where each factor is a multiple of C = I − 11ᵀ/K, zero-padded: C C = C, and ‖C‖² = K − 1.

    With balanced classes and b = 1/K the outputs less the labels are (c − 1) C, c the product of all scales.
    """
    if min(model.widths) < model.K or len(set(model.sizes)) > 1 or any(x * model.K != 1 for x in bias):
        raise Rejected("centred factors are for balanced classes, widths of at least K and the bias 1/K")
    n, directions = model.sizes[0], model.K - 1
    fit = n * directions * (prod(weights) * means - 1) ** 2
    decay = sum((c * directions * s * s for c, s in zip(model.weight_decays, weights, strict=True)), Fraction(0))
    return fit / (2 * model.N) + (decay + model.feature_decay * n * directions * means * means) / 2


# ---------------------------------------------------------------------------------------------- polynomials and roots


Poly = list[int]
"""Integer coefficients from the constant term up, without trailing zeros."""


def primitive(coefficients: list[Fraction]) -> Poly:
    """A positive multiple with coprime integer coefficients."""
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
        spend(len(b) * (1 + max(lead.bit_length(), r[-1].bit_length()) // 50))
        top, shift = r[-1] * flip, len(r) - len(b)
        r = [lead * c for c in r]
        for i, c in enumerate(b):
            r[shift + i] -= top * c
        r.pop()
        while r and not r[-1]:
            r.pop()
    return primitive([Fraction(c) for c in r])


def derivative(p: Poly) -> Poly:
    """p′ up to a positive factor."""
    return primitive([Fraction(i * c) for i, c in enumerate(p)][1:])


def sturm(p: Poly) -> list[Poly]:
    """Sturm's chain of a polynomial."""
    chain = [p, derivative(p)]
    while chain[-1] and len(chain[-1]) > 1:
        chain.append([-c for c in remainder(chain[-2], chain[-1])])
    return [q for q in chain if q]


def variations(chain: list[Poly], x: Fraction | None) -> int:
    """Sign changes of the chain at x, or (None) far out. p has as many distinct roots in (x, y] as changes are lost."""
    values = [q[-1] if x is None else _at_point(q, x) for q in chain]
    signs = [v > 0 for v in values if v]
    return sum(a != b for a, b in pairwise(signs))


def _at_point(p: Poly, x: Fraction) -> Fraction:
    total = Fraction(0)
    spend(len(p) * (2 + len(p) * x.denominator.bit_length() // 5_000))
    for c in reversed(p):
        total = total * x + c
    return total


def positive_roots(p: Poly) -> int:
    """The number of distinct roots in x > 0 of a polynomial with p(0) ≠ 0, by Sturm's theorem."""
    chain = sturm(p)
    return variations(chain, Fraction(0)) - variations(chain, None)


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
    if beta < 0 or _compared(model, weight, beta) > 0:
        raise Rejected(f"β of the mode of weight {weight} is negative or above b/μ")
    if share > 1:
        raise Rejected("a share above 1 cannot be a lower bound: x = 0 gives 1")
    p = above(model.M, beta, share)
    if share == 1:  # p = x q with q(0) = β > 0
        p = p[1:]
    if not p[0] > 0 or positive_roots(primitive(p)):
        raise Rejected(f"the polynomial of the mode of weight {weight} is not positive on x ≥ 0")
    return share


def _compared(model: Model, weight: int, beta: Fraction) -> int:
    """The sign of β − b/μ, for β ≥ 0."""
    M, N = model.M, model.N
    left, right = (beta * weight) ** M, (M * N) ** M * N * model.product_of_decays()
    return (left > right) - (left < right)


def above(M: int, beta: Fraction, share: Fraction) -> list[Fraction]:
    """1 + βx(1 + xᴹ) − share (1 + xᴹ), positive where 1/(1 + xᴹ) + βx > share."""
    p = [Fraction(0)] * (M + 2)
    for power, coefficient in ((0, 1 - share), (1, beta), (M, -share), (M + 1, beta)):
        p[power] += coefficient
    return p


# ------------------------------------------------------------------------------------------ geometry and thresholds


Ends = tuple[Fraction, Fraction]


def check_geometry(certificate: Any) -> str:
    """The singular values of W_M … W_1 H̄ at every global minimiser, mode by mode, and how many of each there are."""
    _, _, problem, entries = keys(certificate, "format", "kind", "model", "modes")
    model, found, gains = Model(problem), {}, {}
    weights = model.modes()
    if not isinstance(entries, list):
        raise Rejected("the modes must be a list")
    for entry in entries:
        weight = entry.get("weight") if isinstance(entry, dict) else None
        if type(weight) is not int or weight in found or weight not in weights:
            raise Rejected("each mode weight must be that of a mode of the model, given once")
        found[weight], gains[weight] = _minimiser(model, weight, entry)
    room, described = min([model.K, *model.widths]), []
    if set(found) != set(weights):
        raise Rejected("the modes are not those of the model")
    order = sorted(found, reverse=True)
    if any(gains[b][1] and not gains[b][1] < gains[a][0] for a, b in pairwise(order)):
        raise Rejected("the gains of two modes are not seen to be different")
    for weight in order:
        times = weights.count(weight)
        active = min(times, room)
        others = f", {times - active} of weight {weight} zero" if active < times else ""
        described.append(f"{active} of weight {weight} {found[weight]}{others}" if active else others[2:])
        room -= active if gains[weight][1] else 0
    modes = "; ".join(described) or "none"
    return f"at every global minimiser for {model.describe()} the singular values of W_M … W_1 H̄ are: {modes}"


def _minimiser(model: Model, weight: int, entry: Any) -> tuple[str, Ends]:
    """The singular value z = xᴹ/(1 + xᴹ) of a mode in words, and bounds on the gain μ (1 − min share)."""
    M, zero = model.M, (Fraction(0), Fraction(0))
    if set(entry) == {"weight"}:
        require_threshold(model, weight)
        return f"0 or {Fraction(M - 1, M)} each", zero
    if set(entry) == {"weight", "beta"}:
        beta = number(entry["beta"])
        q = above(M, beta, Fraction(1))[1:]  # positive for x > 0: only x = 0 has a share as low as 1
        while q and not q[0]:
            q = q[1:]
        if beta < 0 or _compared(model, weight, beta) > 0 or not q or not q[0] > 0 or positive_roots(primitive(q)):
            raise Rejected(f"the mode of weight {weight} is not shown to be zero")
        return "zero", zero
    _, beta, x, outside, singular = keys(entry, "weight", "beta", "x", "outside", "singular")
    (least, most), (a, c, b), v, (low, high) = _numbers(beta, 2), _numbers(x, 3), number(outside), _numbers(singular, 2)
    if not 0 <= least <= most or not _compared(model, weight, least) <= 0 <= _compared(model, weight, most):
        raise Rejected(f"β of the mode of weight {weight} does not enclose b/μ")
    p = primitive(above(M, least, v))
    chain = sturm(p)
    inner, lowest = 1 / (1 + c**M) + most * c, 1 / (1 + b**M) + least * a
    if not (0 < a < c < b and inner < v < 1 and _at_point(p, a) > 0 and _at_point(p, b) > 0):
        raise Rejected(f"the minimiser of the mode of weight {weight} is not isolated")
    if variations(chain, Fraction(0)) != variations(chain, a) or variations(chain, b) != variations(chain, None):
        raise Rejected(f"the share of the mode of weight {weight} is not larger outside")
    if not (M + 1) * a**M > M - 1:
        raise Rejected(f"the share of the mode of weight {weight} is not seen to be convex")
    if not (low * (1 + a**M) <= a**M and b**M <= high * (1 + b**M)):
        raise Rejected(f"the singular value of the mode of weight {weight} is not in the stated interval")
    return f"in [{low}, {high}]", (weight * (1 - inner), weight * (1 - lowest))


def _numbers(data: Any, count: int) -> list[Fraction]:
    if not isinstance(data, list) or len(data) != count:
        raise Rejected(f"expected {count} numbers")
    return [number(x) for x in data]


def require_threshold(model: Model, weight: int) -> None:
    """A mode is exactly at its threshold; then 1 − M tᴹ⁻¹ + (M − 1)tᴹ ≥ 0 is zero at t = 1 only, where xᴹ = M − 1."""
    M, N = model.M, model.N
    if M < 2:
        raise Rejected("with one layer nothing coexists at the threshold")
    if Fraction(weight) ** M * (M - 1) ** (M - 1) != M**M * Fraction(M * N) ** M * N * model.product_of_decays():
        raise Rejected(f"the class size {weight} is not at its threshold")


def check_identity(certificate: Any) -> str:
    """A class of size n is exactly at its threshold, so that zero and a non-zero solution have equal value."""
    _, _, problem, weight = keys(certificate, "format", "kind", "model", "weight")
    model = Model(problem)
    if type(weight) is not int or weight not in model.modes():
        raise Rejected("the weight is not that of a mode of the model")
    require_threshold(model, weight)
    if sum(other > weight for other in model.modes()) >= min([model.K, *model.widths]):
        raise Rejected("the widths leave no room for the mode: larger ones take it")
    return f"for {model.describe()} a mode of weight {weight} is exactly at its threshold: zero and non-zero coexist"


# ---------------------------------------------------------------------------------------------------------- intervals


class Interval:
    """A closed interval with rational ends; every operation encloses the true result, rounded outwards to BITS bits."""

    BITS = 128

    def __init__(self, low: Fraction, high: Fraction | None = None) -> None:
        self.low, self.high = low, low if high is None else high

    def rounded(self) -> Interval:
        """The same with ends of at most BITS significant bits."""
        spend(8 + self.BITS // 64)
        return Interval(_towards(self.low, self.BITS, False), _towards(self.high, self.BITS, True))

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high).rounded()

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low).rounded()

    def __mul__(self, other: Interval) -> Interval:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends)).rounded()

    def inverse(self) -> Interval:
        """1/x, where x is not zero."""
        if self.low <= 0 <= self.high:
            raise Unknown("a division by something that may be zero")
        return Interval(1 / self.high, 1 / self.low).rounded()

    def power(self, exponent: Fraction) -> Interval:
        """x^(p/q): integer powers of anything, roots of what is not negative."""
        if abs(exponent.numerator) > MAX_EXPONENT or exponent.denominator > MAX_ROOT or not exponent:
            raise Rejected("an exponent is zero or too large")
        if exponent < 0:
            return self.inverse().power(-exponent)
        base = self if exponent.denominator == 1 else self.root(exponent.denominator)
        result, square, rest = Interval(Fraction(1)), base, exponent.numerator
        while rest:
            result = result * square if rest & 1 else result
            square, rest = square.squared(), rest >> 1
        return result

    def squared(self) -> Interval:
        """x², never negative."""
        low = Fraction(0) if self.low <= 0 <= self.high else min(self.low**2, self.high**2)
        return Interval(low, max(self.low**2, self.high**2)).rounded()

    def root(self, index: int) -> Interval:
        """The non-negative root of something whose true value is not negative."""
        if self.high < 0:
            raise Rejected("a root of a negative number")
        if self.low < 0:
            raise Unknown("a root of something that may be negative")
        spend(20 + (index * self.BITS) ** 2 // 20_000)
        return Interval(_root(self.low, index, self.BITS, False), _root(self.high, index, self.BITS, True))


class Unknown(Exception):
    """Not decided at this precision; tried again with more bits."""


MAX_EXPONENT, MAX_ROOT, MAX_SHIFT, PRECISIONS = 10_000, 200, 100_000, (128, 512, 2_048)


def _towards(x: Fraction, bits: int, up: bool) -> Fraction:
    """A number near x with few bits, not below it if ``up``, else not above."""
    if max(x.numerator.bit_length(), x.denominator.bit_length()) <= bits:
        return x
    shift = bits + x.denominator.bit_length() - x.numerator.bit_length()
    if abs(shift) > MAX_SHIFT:
        raise Rejected("a number is too large or too close to zero")
    scaled = x * Fraction(2) ** shift
    whole = -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    return Fraction(whole) / Fraction(2) ** shift


def _root(x: Fraction, index: int, bits: int, up: bool) -> Fraction:
    """A rational bound on the root of x ≥ 0 to about ``bits`` bits, from the whole root of a scaled number."""
    if not x:
        return x
    size = (x.denominator.bit_length() - x.numerator.bit_length()) // index
    shift = bits + size + 1
    scaled = x * Fraction(2) ** (shift * index)
    root = whole_root(scaled.numerator // scaled.denominator, index)
    exact = Fraction(root) ** index == scaled
    return Fraction(root + (up and not exact)) / Fraction(2) ** shift


def whole_root(n: int, index: int) -> int:
    """The largest integer whose power is at most n ≥ 0, by Newton's iteration from above."""
    if n < 2 or index == 1:
        return n
    x = 1 << -(-n.bit_length() // index)
    while True:
        y = ((index - 1) * x + n // x ** (index - 1)) // index
        if y >= x:
            return x
        x = y


def exponential(x: Fraction, bits: int) -> Interval:
    """e^x by the series of |x|/2ⁿ < 1/256 in whole numbers over 2ʷ, squared n times; ends are rounded outwards."""
    size = abs(x)
    if size > MAX_EXPONENT:
        raise Rejected("an exponential of too large a number")
    halvings = 8 + int(size).bit_length()
    width = bits + 2 * int(size) + halvings + 32
    spend(10 + width // 50 + (width // 100) ** 2)
    argument = int(size * 2 ** (width - halvings))
    low = term = unit = 1 << width
    steps = 0
    while term:
        steps += 1
        term = term * argument // (steps << width)
        low += term
    high = low + 2 * steps + 8  # each term is rounded down by less than 2; the rest, and x/2ⁿ, by less than 8 together
    for _ in range(halvings):
        low, high = low * low >> width, -(-high * high >> width)
    if x < 0:
        low, high = unit * unit // high, -(-unit * unit // low)
    return Interval(Fraction(low, unit), Fraction(high, unit)).rounded()


def logarithm(x: Fraction, bits: int) -> Interval:
    """log x for rational x > 0: z + 1 − e^z/x ≤ log x ≤ z − 1 + x e^(−z) for every z; Newton's z makes them meet."""
    if x <= 0:
        raise Unknown("a logarithm of something that may not be positive")
    z = Fraction(log(x.numerator) - log(x.denominator))
    for _ in range(12):
        e = exponential(z, bits + 32)
        found = Interval(z + 1 - e.high / x, z - 1 + x / e.low)
        if (found.high - found.low) * 2**bits <= max(1, abs(z)):
            break
        z = _towards((found.low + found.high) / 2, 2 * bits, True)
    return found.rounded()


def increasing(function: Any, x: Interval) -> Interval:
    """An increasing function of an interval, from what it gives at rational ends."""
    low = function(x.low, Interval.BITS)
    return low if x.low == x.high else Interval(low.low, function(x.high, Interval.BITS).high)


def log_sum_exp(column: list[Interval]) -> Interval:
    """log Σ e^x, shifted by the largest entry; what is far below it is left out or bounded, so nothing overflows."""
    top, bottom = max(x.high for x in column), Fraction(-MAX_EXPONENT)
    parts = [increasing(exponential, Interval(max(x.low - top, bottom), max(x.high - top, bottom))) for x in column]
    low = total(e.low for x, e in zip(column, parts, strict=True) if x.low - top >= bottom)
    if not low:
        raise Unknown("a sum of exponentials that may be zero")
    return Interval(top) + increasing(logarithm, Interval(low, total(e.high for e in parts)))


# ------------------------------------------------------------------------------------------------------ linear algebra


Dense = list[list[Fraction]]
MAX_SIZE = 200


def dense(data: Any, rows: int | None = None, columns: int | None = None) -> Dense:
    """A matrix given as a list of rows of numbers."""
    if not isinstance(data, list) or len(data) > 10 * MAX_CLASSES or not all(isinstance(row, list) for row in data):
        raise Rejected("a matrix must be a list of rows")
    matrix = [[number(x) for x in row] for row in data]
    width = len(matrix[0]) if matrix else columns or 0
    if any(len(row) != width for row in matrix):
        raise Rejected("the rows of a matrix have different lengths")
    if (rows is not None and len(matrix) != rows) or (columns is not None and matrix and width != columns):
        raise Rejected(f"expected a matrix of shape {rows} × {columns}")
    return matrix


def positive_semidefinite(matrix: Dense) -> bool:
    """Whether a symmetric matrix is positive semidefinite, by LDLᵀ; a zero pivot needs a zero column below it."""
    size, rows = len(matrix), [list(row) for row in matrix]
    if size > MAX_SIZE:
        raise Rejected(f"a matrix is larger than {MAX_SIZE} × {MAX_SIZE}")
    if any(len(row) != size for row in rows) or any(rows[i][j] != rows[j][i] for i in range(size) for j in range(i)):
        raise Rejected("the matrix must be square and symmetric")
    if any(_dominated(matrix, 2.0**-bits) for bits in (26, 34, 42, 46)):
        return True
    for k in range(size):
        pivot = rows[k][k]
        if pivot < 0 or (pivot == 0 and any(rows[i][k] for i in range(k + 1, size))):
            return False
        for i in range(k + 1, size):
            if rows[i][k]:
                factor = rows[i][k] / pivot
                spend((i - k) * (3 + factor.denominator.bit_length() // 200))
                for j in range(k + 1, i + 1):
                    rows[i][j] -= factor * rows[j][k]
    return True


def _dominated(matrix: Dense, margin: float) -> bool:
    """Whether A − L Lᵀ is diagonally dominant, for a Cholesky factor L of A − margin · I that floats propose."""
    q = common_denominator(x for row in matrix for x in row)
    rows = [[x.numerator * (q // x.denominator) for x in row] for row in matrix]
    scale, size = max((rows[i][i] for i in range(len(rows))), default=0), len(rows)
    spend(size**3 * (1 + q.bit_length() // 500) // 40)
    factor: list[list[float]] = []
    for i in range(size if scale > 0 else 0):
        row: list[float] = []
        for other in [*factor, row]:
            rest = rows[i][len(row)] / scale - sum(map(mul, row, other))
            if len(row) < i:
                row.append(rest / other[len(row)])
            elif rest - margin <= 0:
                return False
        row.append((rest - margin) ** 0.5)
        factor.append(row)
    whole: list[list[int]] = [[int(x * 2**60) for x in row] for row in factor]
    for i, entries in enumerate(rows[: len(whole)]):
        left = [(x << 120) - scale * sum(map(mul, whole[i], other)) for x, other in zip(entries, whole, strict=True)]
        if not 2 * left[i] >= sum(map(abs, left)):
            return False
    return scale > 0


def characteristic(matrix: Dense) -> list[Fraction]:
    """det(x I − A) from the constant term up, by Faddeev and LeVerrier, for q A with whole entries."""
    size = len(matrix)
    q = lcm(*(x.denominator for row in matrix for x in row))
    whole = [[int(x * q) for x in row] for row in matrix]
    coefficients = [0] * size + [1]
    power = [[0] * size for _ in range(size)]
    bits = max((x.bit_length() for row in whole for x in row), default=0)
    for k in range(1, size + 1):
        spend(size**3 * (1 + k * bits * bits // 400_000) // 5)
        for i in range(size):
            power[i][i] += coefficients[size - k + 1]
        columns = list(zip(*power, strict=True))
        power = [[sum(map(mul, row, column)) for column in columns] for row in whole]
        coefficients[size - k] = -sum(power[i][i] for i in range(size)) // k
    return [Fraction(c, q ** (size - k)) for k, c in enumerate(coefficients)]


# ------------------------------------------------------------------------------------------ duals and sums of squares


DUAL_BITS = 96


def check_dual(certificate: Any) -> str:
    """Bounds on the minimum for one layer from a feasible dual matrix and a point."""
    _, _, problem, dual, primal, low, high = keys(
        certificate, "format", "kind", "model", "dual", "primal", "lower", "upper"
    )
    model, below, above = Model(problem, plain=False), number(low), number(high)
    if model.M != 1 or model.K > MAX_SIZE or model.loss == "focal":
        raise Rejected(f"the dual is for one layer, a convex loss and at most {MAX_SIZE} classes")
    Interval.BITS = DUAL_BITS
    if dual_bound(model, dense(dual, model.K, model.K)) < below:
        raise Rejected("the dual bound that follows is below the stated one")
    if primal_bound(model, primal) > above:
        raise Rejected("the objective at the point exceeds the stated upper bound")
    return f"the minimum for {model.describe()} lies in [{low}, {high}]"


def primal_bound(model: Model, primal: Any) -> Fraction:
    """The objective at weights W, class means H and a bias b, rounded upwards."""
    W, means, b = keys(primal, "W", "H", "b")
    features = dense(means)
    if len(features) > model.widths[0]:
        raise Rejected("the point has a larger rank than the width allows")
    if model.nonnegative and any(x < 0 for row in features for x in row):
        raise Rejected("the point lies outside the problem's domain")
    weights, bias = dense(W, model.K, len(features)), [row[0] for row in dense(b, model.K, 1)]
    if any(bias) and not model.bias:
        raise Rejected("the model has no bias")
    return at_means(model, [_sparse(weights)], _sparse(dense(means, len(features), model.K)), bias).high


def dual_bound(model: Model, Q: Dense) -> Fraction:
    """−Σ n_k/N ℓ*(−N q_k) − ‖Q n‖²/(2 λ_b), if ⟨Q D, W H⟩ ≤ λ_W/2 ‖W‖² + λ_H/2 tr(H D Hᵀ) for all W, H; D = diag(n).

    It is where Q D Qᵀ ⪯ λ_W λ_H I; for features ≥ 0 also where λ_W λ_H D − D QᵀQ D ≥ 0 entrywise. Free bias: Q n = 0.
    """
    sizes, K = model.sizes, model.K
    pushed = [total(n * q for n, q in zip(sizes, row, strict=True)) for row in Q] if model.bias else []
    if any(pushed) and not model.bias_decay:
        raise Rejected("the dual matrix does not annihilate the class sizes, which a free bias needs")
    columns, decays = list(zip(*Q, strict=True)), model.product_of_decays()
    gram = _gram(Q, sizes)
    feasible = positive_semidefinite([[decays * (i == j) - gram[i][j] for j in range(K)] for i in range(K)])
    if model.nonnegative and not feasible:  # λ D − D QᵀQ D has the signs of λ/n, on the diagonal, less QᵀQ
        gram = _gram([list(column) for column in columns], [1] * K)
        feasible = all(decays * (i == j) >= sizes[i] * gram[i][j] for i in range(K) for j in range(K))
    if not feasible:
        raise Rejected("the dual matrix is infeasible: it is not dominated by the decays")
    value = total(_conjugate(model, k, column) for k, column in enumerate(columns))
    return value - (total(x * x for x in pushed) / (2 * model.bias_decay) if any(pushed) else 0)


def _gram(rows: Dense, sizes: list[int]) -> Dense:
    """X D Xᵀ with D = diag(sizes), in whole numbers over one denominator."""
    q = common_denominator(x for row in rows for x in row)
    spend(len(rows) ** 3 * (1 + q.bit_length() // 500) // 8)
    whole = [[int(x * q) for x in row] for row in rows]
    weighted = [list(map(mul, row, sizes)) for row in whole]
    return [[Fraction(sum(map(mul, a, b)), q * q) for b in whole] for a in weighted]


def _conjugate(model: Model, k: int, column: tuple[Fraction, ...]) -> Fraction:
    """A lower bound on −n_k/N ℓ*(−N q): n q_k − nN/2 ‖q‖² for squared error, else n/N times the entropy of t − N q."""
    n, N = model.sizes[k], model.N
    if model.loss == "mse":
        return n * column[k] - Fraction(n * N, 2) * total(x * x for x in column)
    smooth = model.alpha / model.K
    p = [smooth + (1 - model.alpha) * (i == k) - N * x for i, x in enumerate(column)]
    if min(p) <= 0 or sum(p) != 1:
        raise Rejected("the softmax that belongs to the dual matrix must be positive and have the sum 1")
    return -Fraction(n, N) * total(x * logarithm(x, Interval.BITS).high for x in p)


def _sparse(matrix: Dense) -> Sparse:
    return {i: {j: x for j, x in enumerate(row) if x} for i, row in enumerate(matrix)}


def check_sos(certificate: Any) -> str:
    """Bounds from Gram matrices: of each mode of the model, or of a rational function of one variable."""
    if "model" in certificate:
        return _sos_of_modes(certificate)
    _, _, stated, point, scale, bound, gram, low, high = keys(
        certificate, "format", "kind", "minimisation", "point", "scale", "bound", "gram", "lower", "upper"
    )
    objective_rows, variables, nonnegative = keys(stated, "objective", "variables", "nonnegative")
    if not isinstance(variables, dict) or list(variables.values()) != [[]] or nonnegative not in ([], list(variables)):
        raise Rejected("only problems in one variable, of any sign or not negative, are known here")
    require_names(variables)
    (name,), at, s, v = variables, number(point), number(scale), number(bound)
    if (nonnegative and at < 0) or s <= 0 or number(low) > v:
        raise Rejected("the point is negative, the scale is not positive, or the stated bound is above the one shown")
    Interval.BITS = 512
    top, bottom = rational_function(objective_rows, name)
    if min(c.low for c in bottom) < 0 or not max(c.low for c in bottom) > 0:
        raise Rejected("the denominator is not seen to be positive")
    difference = [a - Interval(v) * b for a, b in zip_longest(top, bottom, fillvalue=Interval(Fraction(0)))]
    if not nonnegative and (any(c.high for c in bottom[1::2]) or any(c.low != c.high for c in difference[1::2])):
        raise Rejected("odd powers of a variable of any sign must be exact, and not in the denominator")
    lower = [c.low * s**i for i, c in enumerate(difference)]
    spread = [x for c in lower for x in (c, Fraction(0))] if nonnegative else lower
    _require_squares(spread, gram, below=True)
    formula = Formula(objective_rows)
    if formula.value({name: Interval(at)})[0][0][0].high > number(high):
        raise Rejected("the objective at the point exceeds the stated upper bound")
    return f"the infimum of {formula.text()} over {name}{' ≥ 0' * len(nonnegative)} lies in [{low}, {high}]"


def _sos_of_modes(certificate: Any) -> str:
    """Each mode μ contributes μ/(2N) min φ(y), φ(y) = (1 − yᵐ)² + κ y², m = M + 1, κᵐ = (mN)ᵐ Λ/μᴹ."""
    _, _, problem, entries, low, high = keys(certificate, "format", "kind", "model", "modes", "lower", "upper")
    model, m = Model(problem), Model(problem).M + 1
    if not isinstance(entries, list):
        raise Rejected("the modes must be a list")
    evidence = {}
    for entry in entries:
        mode, radical, bound, gram, factors = keys(entry, "mode", "radical", "bound", "gram", "factors")
        evidence[number(mode)] = number(radical), number(bound), gram, factors
    weights = sorted(model.modes(), reverse=True)
    rank = min([model.K, *model.widths])
    lower = upper = sum(map(Fraction, weights[rank:]), Fraction(0)) / (2 * model.N)
    if len(evidence) != len(entries) or set(evidence) != set(map(Fraction, weights[:rank])):
        raise Rejected("the modes are not those of the model")
    for mu in sorted(set(weights[:rank])):
        radical, bound, gram, factors = evidence[Fraction(mu)]
        if radical < 0 or radical**m * Fraction(mu) ** model.M > Fraction(m * model.N) ** m * model.product_of_decays():
            raise Rejected(f"the radical of the mode {mu} is not rounded down")
        polynomial = [Fraction(0)] * (2 * m + 1)
        for k, c in ((0, 1 - bound), (m, Fraction(-2)), (2 * m, Fraction(1)), (2, radical)):
            polynomial[k] += c
        _require_squares(polynomial, gram)
        count = weights[:rank].count(mu)
        lower += count * mu * bound / (2 * model.N)
        upper += count * _cost(model, mu, factors)
    if lower < number(low) or upper > number(high):
        raise Rejected("the bounds that follow are weaker than those stated")
    return f"the minimum for {model.describe()} lies in [{low}, {high}]"


def _cost(model: Model, mu: int, factors: Any) -> Fraction:
    """A mode with singular values w_1 … w_M and features √μ h: μ(1 − w_1⋯w_M h μ⁰)²/(2N) and the decays."""
    if not isinstance(factors, list) or len(factors) != model.M + 1:
        raise Rejected(f"a mode has {model.M + 1} factors")
    *weights, h = [number(x) for x in factors]
    misfit = 1 - h * prod(weights)
    decay = sum((c * w * w for c, w in zip(model.weight_decays, weights, strict=True)), Fraction(0))
    return mu * misfit * misfit / (2 * model.N) + (decay + model.feature_decay * mu * h * h) / 2


def _require_squares(polynomial: list[Fraction], gram: Any, below: bool = False) -> None:
    """The polynomial is zᵀ G z with z = (1, y, y², …) and G positive semidefinite.

    With ``below`` zᵀ G z may also have smaller coefficients of even powers, which makes it smaller for all y.
    """
    matrix = dense(gram)
    found = [Fraction(0)] * max(2 * len(matrix) - 1, 0)
    for i, row in enumerate(matrix):
        if len(row) != len(matrix):
            raise Rejected("a Gram matrix must be square")
        for j, x in enumerate(row):
            found[i + j] += x
    pairs = zip_longest(found, polynomial, fillvalue=Fraction(0))
    if any(a != b and not (below and a < b and i % 2 == 0) for i, (a, b) in enumerate(pairs)):
        raise Rejected("the Gram matrix is not that of the polynomial")
    if not positive_semidefinite(matrix):
        raise Rejected("the Gram matrix is not positive semidefinite")


# ------------------------------------------------------------------------------------------------------- formula trees


MAX_NODES, MAX_ENTRIES, MAX_TEXT, MAX_SINGULAR = 20_000, 40_000, 400, 24
SIZED = ("one_hot", "class_means", "repeat_columns")
WITH_DATA = ("variable", "rational", "power", "schatten", "entry", "submatrix", *SIZED)


class Formula:
    """A formula as rows [operation, shape, data, arguments], the roots' indices last, evaluated in intervals."""

    def __init__(self, rows: Any, roots: int = 1, scalars: bool = True) -> None:
        if not isinstance(rows, list) or not 2 <= len(rows) <= MAX_NODES or not isinstance(rows[-1], list):
            raise Rejected("a formula must be a list of nodes with the roots' indices last")
        self.rows, self.roots = rows[:-1], rows[-1]
        for i, row in enumerate(self.rows):
            if not isinstance(row, list) or len(row) != 4 or not isinstance(row[0], str) or row[0] not in OPERATIONS:
                raise Rejected(f"node {i} of a formula is not known")
            op, shape, data, args = row
            if not isinstance(args, list) or any(type(a) is not int or not 0 <= a < i for a in args):
                raise Rejected(f"node {i} of a formula has arguments that do not come before it")
            whole = isinstance(shape, list) and len(shape) in (0, 2) and all(type(n) is int and n >= 0 for n in shape)
            if not whole or max([*shape, prod(shape)]) > MAX_ENTRIES:
                raise Rejected(f"node {i} of a formula has no shape, or is too large a matrix")
            if (data is not None) != (op in WITH_DATA) or shape != _shape(op, shape, data, [rows[a][1] for a in args]):
                raise Rejected(f"node {i} of a formula, {op}, does not fit its arguments, its data or its shape")
        if len(self.roots) != roots or any(type(a) is not int or not 0 <= a < len(self.rows) for a in self.roots):
            raise Rejected(f"expected a formula with {roots} of its nodes as roots")
        if any(self.rows[a][1] != ([] if scalars else self.rows[self.roots[0]][1]) for a in self.roots):
            raise Rejected("formulas that are compared must be scalars, in a constraint of the same shape")

    def value(self, variables: dict[str, Any]) -> list[Grid]:
        """The roots' values; a scalar is a 1 × 1 grid."""
        done: list[Grid] = []
        for op, shape, data, args in self.rows:
            spend(2 * (shape[0] * shape[1] if shape else 1))
            if op == "variable":
                done.append(_variable(variables, data, shape))
            else:
                done.append(OPERATIONS[op]([done[a] for a in args], shape, data))
        return [done[a] for a in self.roots]

    def text(self, sign: str = " ≤ ") -> str:
        """The roots for a reader, as formulas are written; what is long is cut, as the file has it in full."""
        done: list[tuple[str, int]] = []
        for op, shape, data, args in self.rows:
            pattern, least, binds = WRITTEN.get(op, ("", 0, 3))
            inner = [text if own >= least else f"({text})" for text, own in (done[a] for a in args)]
            if least == 1 and (inner[1][0] == "-" or (inner[1][0].isdigit() and inner[0] != "-1")):
                inner[1] = f"({inner[1]})"
            given = f"({data})" if op == "power" and not data.isdecimal() else str(data)
            parts = [str(data)] * (data is not None) + ["×".join(map(str, shape))] * (bool(shape) and not args)
            whole = pattern.format(*inner, data=given) if pattern else f"{op}({', '.join([*inner, *parts])})"
            if op in ("add", "scale"):
                whole = whole.replace("+ -", "- ") if op == "add" else re.sub("^-1 ", "-", whole)
            binds = 1 if op == "rational" and not data.isdecimal() else binds
            done.append((whole, binds) if len(whole) <= MAX_TEXT else ("…", 3))
        return sign.join(done[a][0] for a in self.roots)


WRITTEN = {
    "variable": ("{data}", 0, 3),
    "rational": ("{data}", 0, 3),
    "add": ("{} + {}", 0, 0),
    "scale": ("{} {}", 1, 1),
    "matmul": ("{} {}", 1, 1),
    "power": ("{}^{data}", 3, 2),
    "transpose": ("{}ᵀ", 3, 3),
    "sum_squares": ("‖{}‖²", 0, 3),
}
"""How operations are written, how tightly their arguments must bind so as to need no brackets, and they themselves."""


def _shape(op: str, shape: list[int], data: Any, args: list[list[int]]) -> list[int] | None:
    """The shape of a node's value, None where its arguments, data or own shape do not fit the operation."""
    if op in SIZED and sum(integers(data, MAX_CLASSES)) > MAX_ENTRIES:
        return None
    scalars = not any(args)
    match op, args:
        case "variable", []:
            require_names([data])
            return shape
        case "add", [a, b] if a == b:
            return a
        case "scale", [[], b]:
            return b
        case "matmul", [[rows, inner], [same, columns]] if inner == same:
            return [rows, columns]
        case "transpose", [[rows, columns]]:
            return [columns, rows]
        case "entry", [[rows, columns]] if _inside([data[0]], rows) and _inside([data[1]], columns) and len(data) == 2:
            return []
        case "submatrix", [[rows, columns]] if _inside(data[0], rows) and _inside(data[1], columns) and len(data) == 2:
            return [len(data[0]), len(data[1])]
        case (("ones" | "zeros"), []) if shape:
            return shape
        case "identity", [] if shape and shape[0] == shape[1]:
            return shape
        case "helmert", [] if shape and shape[1] < shape[0]:
            return shape
        case "diagonal", _ if scalars and shape and len(args) <= min(shape):
            return shape
        case "one_hot", []:
            return [len(data), sum(data)]
        case "class_means", [[rows, columns]] if columns == sum(data):
            return [rows, len(data)]
        case "repeat_columns", [[rows, columns]] if columns == len(data):
            return [rows, sum(data)]
        case "trace", [[rows, columns]] if rows == columns:
            return []
        case ("rational", []) | ("power", [[]]) | ("sum_squares", [[_, _]]):
            return []
        case (("schatten" | "operator_norm" | "rank"), [sides]) if sides and min(sides) <= MAX_SINGULAR:
            return []
        case "relu", [[rows, columns]]:
            return [rows, columns]
        case (("exp" | "log"), [a]):
            return a
        case "log_sum_exp", [[rows, columns]] if rows:
            return [1, columns]
        case (("largest_root" | "smallest_positive_root"), [_, _, *_]) if scalars:
            return []
    return None


def _inside(indices: Any, size: int) -> bool:
    """Whether all are whole numbers from 0 to size − 1."""
    fits = isinstance(indices, list) and len(indices) <= MAX_ENTRIES
    return fits and all(type(i) is int and 0 <= i < size for i in indices)


def require_names(names: Any) -> None:
    """Names of variables are short identifiers, so that they can be printed."""
    if any(not isinstance(name, str) or not name.isidentifier() or len(name) > 40 for name in names):
        raise Rejected("the name of a variable must be a short identifier")


Grid = list[list[Interval]]


def _variable(variables: dict[str, Any], name: str, shape: list[int]) -> Grid:
    """The point's value: an interval for a scalar, rows of intervals for a matrix of exactly this shape."""
    value = variables.get(name)
    if isinstance(value, Interval) and not shape:
        return [[value]]
    if isinstance(value, list) and shape == [len(value), len(value[0])]:
        return value
    raise Rejected("the point gives no value of its shape for a variable of the formula")


def _point(x: Any) -> Interval:
    return Interval(Fraction(x))


def _full(shape: list[int], entry: Any) -> Grid:
    made = {n: _point(n) for n in (0, 1)}
    return [[made[entry(i, j)] for j in range(shape[1])] for i in range(shape[0])]


def _matmul(args: list[Grid], shape: Any, _: Any) -> Grid:
    left, right = args
    zero = Interval(Fraction(0))
    sparse = [[(k, x) for k, x in enumerate(row) if x.low or x.high] for row in left]
    return [[sum([x * right[k][j] for k, x in row], zero) for j in range(shape[1])] for row in sparse]


def _diagonal(args: list[Grid], shape: Any, _: Any) -> Grid:
    grid = _full(shape, lambda i, j: 0)
    for i, ((x,),) in enumerate(args):
        grid[i][i] = x
    return grid


def _helmert(_: list[Grid], shape: Any, __: Any) -> Grid:
    grid = _full(shape, lambda i, j: 0)
    for j in range(shape[1]):
        short = Interval(Fraction(1, (j + 1) * (j + 2))).root(2)
        for i in range(j + 1):
            grid[i][j] = short
        grid[j + 1][j] = short * _point(-(j + 1))
    return grid


def _labels(data: Any) -> list[int]:
    return [k for k, n in enumerate(data) for _ in range(n)]


def _class_means(args: list[Grid], _: Any, data: Any) -> Grid:
    ends, zero = list(accumulate(data)), Interval(Fraction(0))
    return [
        [sum(row[e - n : e], zero) * _point(Fraction(1, n)) for e, n in zip(ends, data, strict=True)] for row in args[0]
    ]


def largest_positive_root(coefficients: list[Interval]) -> Interval:
    """An interval around the largest positive root: a sign change in it, and no sign change of p(b + y) in y ≥ 0."""
    lead = coefficients[-1]
    if lead.low <= 0 <= lead.high:
        raise Unknown("the leading coefficient of a polynomial may be zero")
    if lead.high < 0:
        coefficients = [Interval(-c.high, -c.low) for c in coefficients]
    low, high = Fraction(0), Fraction(1)
    while not _positive_beyond(coefficients, high):
        high *= 2
        if high > 2**4_000:
            raise Rejected("the largest root of a polynomial was not found")
    if _positive_beyond(coefficients, Fraction(0)):
        raise Rejected("a polynomial of a formula has no positive root")
    for _ in range(2 * Interval.BITS):
        middle = _towards((low + high) / 2, Interval.BITS, True)
        if not low < middle < high or (high - low) * 2**Interval.BITS < high:
            break
        low, high = (low, middle) if _positive_beyond(coefficients, middle) else (middle, high)
    start = low
    for _ in range(60):  # below the root the value must be negative: step back until this is seen
        if _horner(coefficients, start).high < 0:
            return Interval(start, high)
        start = max(Fraction(0), start - (high - start))
    raise Unknown("the largest root of a polynomial was not isolated")


def _horner(coefficients: list[Interval], x: Fraction) -> Interval:
    total = Interval(Fraction(0))
    for c in reversed(coefficients):
        total = total * Interval(x) + c
    return total


def _positive_beyond(coefficients: list[Interval], b: Fraction) -> bool:
    """Whether all coefficients of p(b + y) are seen to be at least 0, and p(b) > 0: then p has no root beyond b."""
    shifted = list(coefficients)
    step = Interval(b)
    for i in range(len(shifted) - 1):
        for j in range(len(shifted) - 2, i - 1, -1):
            shifted[j] = shifted[j] + shifted[j + 1] * step
        if shifted[i].low < 0 or (i == 0 and shifted[0].low <= 0):
            return False
    return shifted[-1].low > 0


def _schatten(args: list[Grid], _: Any, data: Any) -> Grid:
    exponent, total = number(data), Interval(Fraction(0))
    if not exponent > 0:
        raise Rejected("a Schatten norm needs a positive power")
    for square, times in squared_singular_values(args[0]):
        total = total + square.power(exponent / 2) * _point(times)
    return [[total]]


def _operator_norm(args: list[Grid], _: Any, __: Any) -> Grid:
    found = squared_singular_values(args[0])
    return [[max((x for x, _ in found), key=lambda x: x.high, default=Interval(Fraction(0))).root(2)]]


def singular_polynomial(matrix: Grid) -> Poly:
    """The characteristic polynomial of X Xᵀ without its roots at 0, for a matrix with rational entries."""
    if any(x.low != x.high for row in matrix for x in row):
        raise Unknown("singular values are known here for rational matrices only")
    rows = [[x.low for x in row] for row in matrix]
    rows = rows if len(rows) <= (len(rows[0]) if rows else 0) else [list(column) for column in zip(*rows, strict=True)]
    if len(rows) > MAX_SINGULAR:
        raise Rejected("a matrix is too large for its singular values")
    spend(len(rows) ** 2 * len(rows[0]) if rows else 0)
    gram = [[sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0)) for b in rows] for a in rows]
    p = primitive(characteristic(gram)) if rows else [1]
    while not p[0]:
        p = p[1:]
    return p


def squared_singular_values(matrix: Grid) -> list[tuple[Interval, int]]:
    """The non-zero eigenvalues of X Xᵀ with multiplicities, by Sturm's theorem."""
    chains, level = [], singular_polynomial(matrix)
    while len(level) > 1:  # the distinct roots of multiplicity at least 1, 2, …
        deeper = common_divisor(level, derivative(level))
        chains.append(sturm(quotient(level, deeper)))
        level = deeper
    return [
        (Interval(a, b), sum(variations(chain, a) > variations(chain, b) for chain in chains))
        for a, b in (isolated(chains[0][0]) if chains else [])
    ]


def common_divisor(a: Poly, b: Poly) -> Poly:
    """The greatest common divisor, primitive."""
    while b:
        a, b = b, remainder(a, b) if len(b) > 1 else []
        if len(a) == 1:
            return [1]
    return a


def quotient(a: Poly, b: Poly) -> Poly:
    """a/b, up to a positive factor, where b divides a."""
    rest, result = [Fraction(c) for c in a], [Fraction(0)] * (len(a) - len(b) + 1)
    for k in range(len(result) - 1, -1, -1):
        result[k] = rest[k + len(b) - 1] / b[-1]
        for i, c in enumerate(b):
            rest[k + i] -= result[k] * c
    return primitive(result)


def isolated(p: Poly) -> list[tuple[Fraction, Fraction]]:
    """Intervals (a, b], one around each positive root of a square-free polynomial, about 2^-BITS wide."""
    if len(p) < 2:
        return []
    bound = 1 + Fraction(max(map(abs, p[:-1])), abs(p[-1]))
    chain = sturm(p)
    stack, found = [(Fraction(0), bound)], []
    while stack:
        low, high = stack.pop()
        count = variations(chain, low) - variations(chain, high)
        if count == 1 and (high - low) * 2**Interval.BITS < bound:
            found.append((low, high))
        elif count:
            middle = (low + high) / 2
            stack += [(low, middle), (middle, high)]
    return found


OPERATIONS: dict[str, Any] = {
    "variable": None,
    "rational": lambda args, shape, data: [[_point(number(data))]],
    "add": lambda args, shape, data: [[x + y for x, y in zip(a, b, strict=True)] for a, b in zip(*args, strict=True)],
    "scale": lambda args, shape, data: [[args[0][0][0] * x for x in row] for row in args[1]],
    "power": lambda args, shape, data: [[args[0][0][0].power(number(data))]],
    "matmul": _matmul,
    "transpose": lambda args, shape, data: [[row[j] for row in args[0]] for j in range(shape[0])],
    "entry": lambda args, shape, data: [[args[0][data[0]][data[1]]]],
    "submatrix": lambda args, shape, data: [[args[0][i][j] for j in data[1]] for i in data[0]],
    "identity": lambda args, shape, data: _full(shape, lambda i, j: int(i == j)),
    "ones": lambda args, shape, data: _full(shape, lambda i, j: 1),
    "zeros": lambda args, shape, data: _full(shape, lambda i, j: 0),
    "diagonal": _diagonal,
    "helmert": _helmert,
    "one_hot": lambda args, shape, data: (lambda labels: _full(shape, lambda i, j: int(labels[j] == i)))(_labels(data)),
    "class_means": _class_means,
    "repeat_columns": lambda args, shape, data: [[row[k] for k in _labels(data)] for row in args[0]],
    "trace": lambda args, shape, data: [[sum([row[i] for i, row in enumerate(args[0])], _point(0))]],
    "sum_squares": lambda args, shape, data: [[sum([x.squared() for row in args[0] for x in row], _point(0))]],
    "schatten": _schatten,
    "operator_norm": _operator_norm,
    "rank": lambda args, shape, data: [[_point(len(singular_polynomial(args[0])) - 1)]],
    "relu": lambda args, shape, data: [
        [Interval(max(x.low, Fraction(0)), max(x.high, Fraction(0))) for x in row] for row in args[0]
    ],
    "exp": lambda args, shape, data: [[increasing(exponential, x) for x in row] for row in args[0]],
    "log": lambda args, shape, data: [[increasing(logarithm, x) for x in row] for row in args[0]],
    "log_sum_exp": lambda args, shape, data: [[log_sum_exp(list(column)) for column in zip(*args[0], strict=True)]],
    "largest_root": lambda args, shape, data: [[largest_positive_root([a[0][0] for a in args])]],
    "smallest_positive_root": lambda args, shape, data: [
        [largest_positive_root([a[0][0] for a in args[::-1]]).inverse()]
    ],
}
"""What each operation of a formula does, on grids of intervals, given its shape and data."""


def rational_function(rows: Any, name: str) -> tuple[list[Interval], list[Interval]]:
    """A formula of one scalar as numerator and denominator: coefficients, constant first, in intervals."""
    formula, one = Formula(rows), [Interval(Fraction(1))]
    done: list[tuple[list[Interval], list[Interval]]] = []
    for op, shape, data, args in formula.rows:
        given = [done[a] for a in args]
        if shape:
            raise Rejected("the objective holds a matrix")
        if op == "variable":
            if data != name:
                raise Rejected("the objective holds another variable")
            done.append(([Interval(Fraction(0)), Interval(Fraction(1))], one))
        elif all(len(top) == len(bottom) == 1 for top, bottom in given):
            values = [[[top[0] * bottom[0].inverse()]] for top, bottom in given]
            done.append((OPERATIONS[op](values, shape, data)[0], one))
        elif op == "add":
            (a, b), (c, e) = given
            pairs = zip_longest(_times(a, e), _times(c, b), fillvalue=Interval(Fraction(0)))
            done.append(([x + y for x, y in pairs], _times(b, e)))
        elif op == "scale":
            (a, b), (c, e) = given
            done.append((_times(a, c), _times(b, e)))
        elif op == "power":
            done.append(_fraction_power(given[0], number(data)))
        else:
            raise Rejected("the objective is not a rational function")
    return done[formula.roots[0]]


def _fraction_power(
    base: tuple[list[Interval], list[Interval]], exponent: Fraction
) -> tuple[list[Interval], list[Interval]]:
    if exponent.denominator != 1 or abs(exponent) > 200:
        raise Rejected("the objective is not a rational function of a known degree")
    top, bottom = base if exponent > 0 else base[::-1]
    result = [Interval(Fraction(1))], [Interval(Fraction(1))]
    for _ in range(abs(int(exponent))):
        result = _times(result[0], top), _times(result[1], bottom)
    return result


def times_polynomial(a: list[Any], b: list[Any], zero: Any) -> list[Any]:
    """The product of two polynomials, coefficients from the constant term up."""
    result = [zero] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            result[i + j] = result[i + j] + x * y
    return result


def _times(a: list[Interval], b: list[Interval]) -> list[Interval]:
    return times_polynomial(a, b, Interval(Fraction(0)))


# ------------------------------------------------------------------------------------------------- strict points


def check_counterexample(certificate: Any) -> str:
    """A point is below the claimed minimum, or not above it while a relation claimed of all minimisers fails there."""
    _, _, claim, texts = keys(certificate, "format", "kind", "claim", "point")
    point, problems = read_point(texts), {"model", "minimisation"}
    if not isinstance(claim, dict) or len(problems & set(claim)) != 1:
        raise Rejected("the claim must be the minimum of a model or of a formula")
    problem, value, *everywhere = keys(claim, *(problems & set(claim)), "value", *({"everywhere"} & set(claim)))
    formula, sign = Formula(value), "≤" if everywhere else "<"
    if "model" in claim:
        model = Model(problem, plain=False)
        words, objective = f"for {model.describe()}", lambda: [[model_objective(model, point)]]
    else:
        words, objective = _formula_at(problem, point)
    _, claimed = require_relation(sign, lambda: (objective(), *formula.value({})))
    shown = f"{brief(claimed[0][0].high)} = {formula.text()}"
    if not everywhere:
        return f"at a rational point the objective {words} is strictly below the claimed minimum {shown}"
    failing, rows = keys(everywhere[0], "sign", "sides")
    relation = Formula(rows, 2, scalars=False)
    require_relation(failing, lambda: relation.value(_intervals(point)), fails=True)
    fails = f"there {relation.text(f' {failing} ')} fails"
    return f"at a rational point the objective {words} is at most the claimed minimum {shown}, and {fails}"


def _formula_at(problem: Any, point: dict[str, Any]) -> tuple[str, Any]:
    """A formula that is minimised, in words and as a function that gives its value at a point of its domain."""
    rows, variables, nonnegative = keys(problem, "objective", "variables", "nonnegative")
    if not isinstance(variables, dict) or variables != {
        n: [] if isinstance(x, Fraction) else [len(x), len(x[0])] for n, x in point.items()
    }:
        raise Rejected("the point does not give the variables of the problem in their shapes")
    if not isinstance(nonnegative, list) or any(type(n) is not str or variables.get(n) != [] for n in nonnegative):
        raise Rejected("what is not negative must be a scalar variable of the problem")
    if any(point[name] < 0 for name in nonnegative):
        raise Rejected("the point lies outside the problem's domain")
    formula, signs = Formula(rows), dict.fromkeys(nonnegative, " ≥ 0")
    over = [f"{n}{signs.get(n, '')}{' ' * bool(s)}{'×'.join(map(str, s))}" for n, s in variables.items()]
    return f"{formula.text()} over {', '.join(over)}", lambda: formula.value(_intervals(point))[0]


def check_inequality(certificate: Any) -> str:
    """The left side of an inequality is strictly above its right side at a point that its constraints allow."""
    _, _, claim, texts = keys(certificate, "format", "kind", "claim", "point")
    sides, where = keys(claim, "sides", "where")
    formula, point, met = Formula(sides, 2), read_point(texts), []
    if not isinstance(where, list):
        raise Rejected("the constraints must be a list")
    for entry in where:
        sign, rows = keys(entry, "sign", "sides")
        constraint = Formula(rows, 2, scalars=False)
        require_relation(sign, lambda c=constraint: c.value(_intervals(point)))
        met.append(constraint.text(f" {sign} "))
    require_relation("≤", lambda: formula.value(_intervals(point)), fails=True)
    return f"the inequality {formula.text()} fails at a rational point{' with ' * bool(met)}{' and '.join(met)}"


def check_relation(certificate: Any) -> str:
    """A relation of constants fails, in some entry of its sides; which clause it is, ``collapse recheck`` confirms."""
    _, _, claim = keys(certificate, "format", "kind", "claim")
    clause, sign, sides = keys(claim, "clause", "sign", "sides")
    if not isinstance(clause, str) or not clause.isprintable() or len(clause) > 200:
        raise Rejected("a clause is named by text")
    formula = Formula(sides, 2, scalars=False)
    pairs = zip(*map(_entries, require_relation(sign, lambda: formula.value({}), fails=True)), strict=True)
    x, y = next((x, y) for x, y in pairs if RELATIONS[sign][1](x, y))
    return f"{clause}: {formula.text(f' {sign} ')} fails: the sides are {brief(x.low, 12)} and {brief(y.low, 12)}"


def read_point(texts: Any) -> dict[str, Any]:
    """Values of variables: a number, or rows of numbers."""
    if not isinstance(texts, dict):
        raise Rejected("a point must be an object")
    require_names(texts)
    if any(isinstance(value, list) and not value for value in texts.values()):
        raise Rejected("a matrix of the point has no rows")
    return {name: dense(value) if isinstance(value, list) else number(value) for name, value in texts.items()}


def _intervals(point: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [[Interval(x) for x in row] for row in value] if isinstance(value, list) else Interval(value)
        for name, value in point.items()
    }


RELATIONS: dict[str, Any] = {
    "=": (lambda x, y: x.low == x.high == y.low == y.high, lambda x, y: x.high < y.low or y.high < x.low),
    "≤": (lambda x, y: x.high <= y.low, lambda x, y: x.low > y.high),
    "<": (lambda x, y: x.high < y.low, lambda x, y: x.low >= y.high),
}
"""When intervals show that a relation holds, and that it fails; two numbers are equal where both are known exactly."""


def require_relation(sign: str, sides: Any, fails: bool = False) -> list[Grid]:
    """Require that a relation is shown to hold in all entries of two grids, or to fail in one; returns the grids."""
    if not isinstance(sign, str) or sign not in RELATIONS:
        raise Rejected("a relation is one of =, ≤, <")
    (holding, failing), reason = RELATIONS[sign], "the two numbers are too close"
    for bits in PRECISIONS:
        Interval.BITS = bits
        try:
            grids = list(sides())
        except Unknown as error:
            reason = str(error)
            continue
        left, right = map(_entries, grids)
        held, failed = all(map(holding, left, right)), any(map(failing, left, right))
        if failed if fails else held:
            return grids
        if held or failed:
            raise Rejected(f"a relation “{sign}” {'holds' if held else 'fails'}: the numbers are the other way round")
    raise Rejected(f"a relation “{sign}” is not shown to {'fail' if fails else 'hold'}: {reason}")


def _entries(grid: Grid) -> list[Interval]:
    return [x for row in grid for x in row]


def model_objective(model: Model, point: dict[str, Any]) -> Interval:
    """The objective of the model at all samples ``H``, or at class means ``M`` in place of them."""
    weights, features, bias = factors(model, point, "M" if "M" in point else "H")
    if model.nonnegative and any(x < 0 for row in features.values() for x in row.values()):
        raise Rejected("the point lies outside the problem's domain")
    if "M" in point:
        return at_means(model, weights, features, bias)
    labels = [k for k, size in enumerate(model.sizes) for _ in range(size)]
    return objective(model, weights, features, labels, [1] * model.N, bias)


def factors(model: Model, point: dict[str, Any], features: str) -> tuple[list[Sparse], Sparse, list[Fraction]]:
    """Weights, features and bias of a point, in their shapes."""
    columns = {"M": model.K, "H": model.N}[features]
    if columns > MAX_CLASSES:
        raise Rejected(f"more than {MAX_CLASSES} samples")
    shapes = {
        f"W_{m}": (o, i) for m, (o, i) in enumerate(zip([*model.widths[1:], model.K], model.widths, strict=True), 1)
    }
    shapes |= {features: (model.widths[0], columns), **({"b": (model.K, 1)} if model.bias else {})}
    given = {n: (len(x), len(x[0])) for n, x in point.items() if isinstance(x, list) and len({*map(len, x)}) == 1}
    if given != shapes or len(given) < len(point):
        raise Rejected("the point does not give the factors of the model in their shapes")
    bias = [row[0] for row in point["b"]] if model.bias else [Fraction(0)] * model.K
    return [_sparse(point[f"W_{m}"]) for m in range(1, model.M + 1)], _sparse(point[features]), bias


def check_exact_fit(certificate: Any) -> str:
    """The outputs at K class means are exactly I, and ∏ ‖factor‖² < K^(M+1)."""
    _, _, problem, texts = keys(certificate, "format", "kind", "model", "point")
    model = Model(problem)
    if model.bias or len(set(model.sizes)) > 1 or min(model.widths) < model.K:
        raise Rejected("exact fits are compared with collapse: balanced classes, widths of at least K, no bias")
    weights, means, _ = factors(model, read_point(texts), "M")
    outputs = {(i, j): x for i, row in forward(model, weights, means).items() for j, x in row.items() if x}
    if outputs != {(k, k): 1 for k in range(model.K)}:
        raise Rejected("the outputs are not the identity")
    ratio = squares(means) * prod(map(squares, weights)) / Fraction(model.K) ** (model.M + 1)
    if not ratio < 1:
        raise Rejected("the product of squared norms is not below that of collapse")
    setting = f"{model.K} equal classes, {model.M} {'ReLU' if model.relu else 'linear'} layers, widths {model.widths}"
    found = f"collapse is beaten at every decay at which it is not zero ({setting})"
    return f"{found}: ∏ ‖factor‖² is {brief(ratio)} of its own"


# ----------------------------------------------------------------------------------------------------------- spectrum


def check_spectrum(certificate: Any) -> str:
    """det(x I − A) = ∏ factorᵐ for a symmetric rational matrix A."""
    _, _, rows, factors = keys(certificate, "format", "kind", "matrix", "factors")
    matrix = dense(rows)
    size = len(matrix)
    if not 0 < size <= 60 or any(len(row) != size for row in matrix):
        raise Rejected("the matrix must be square, of size 1 to 60")
    if any(matrix[i][j] != matrix[j][i] for i in range(size) for j in range(i)):
        raise Rejected("the matrix must be symmetric")
    if not isinstance(factors, list):
        raise Rejected("the factors must be a list")
    product: list[Any] = [Fraction(1)]
    described = []
    for entry in factors:
        polynomial, times = keys(entry, "polynomial", "multiplicity")
        if not isinstance(polynomial, list) or len(polynomial) < 2 or type(times) is not int or not 0 < times <= size:
            raise Rejected("a factor needs a polynomial and a multiplicity")
        p = [number(c) for c in polynomial]
        if p[-1] != 1 or (len(p) - 1) * times > size:
            raise Rejected("a factor must have the leading coefficient 1 and fit the matrix")
        for _ in range(times):
            for x in (*product, *p):
                spend_on(x, len(p))
            product = times_polynomial(product, p, Fraction(0))
        described.append(f"({', '.join(polynomial)})^{times}")
    if product != characteristic(matrix):
        raise Rejected("the product of the factors is not the characteristic polynomial")
    text, shown = json.dumps(rows).replace('"', ""), " ".join(described)
    which = text if len(text) <= MAX_TEXT else f"with the SHA-256 digest {sha256(text.encode()).hexdigest()}"
    return f"the symmetric matrix {which} has the characteristic polynomial {shown} (constant term first)"


# ------------------------------------------------------------------------------------------------------------ checking


def check_bound(certificate: Any) -> str:
    """The minimum lies between the bound from the modes and the objective at the point."""
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


KINDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "two-sided bound": (check_bound, ASSUMPTIONS),
    "geometry": (check_geometry, (*ASSUMPTIONS, "equality in these for aligned and balanced factors only")),
    "identity": (check_identity, ASSUMPTIONS),
    "dual": (check_dual, ("λ_W‖W‖² + λ_H‖H‖² ≥ 2 √(λ_W λ_H) ‖W H‖_*", "convexity of the loss in the outputs")),
    "sos": (check_sos, ASSUMPTIONS),
    "counterexample": (check_counterexample, ()),
    "inequality witness": (check_inequality, ()),
    "failed relation": (check_relation, ()),
    "exact fit": (
        check_exact_fit,
        ("positive homogeneity: factors may be rescaled with fixed product", "the value of collapse"),
    ),
    "spectrum": (check_spectrum, ()),
}
"""How each kind is checked, and what the check assumes by name."""


def check(certificate: Any) -> str:
    """Accept a certificate and return the claim that it establishes, or raise ``Rejected`` saying why.

    Where it says of which statement it is an instance (``origin``), that is for ``collapse recheck`` to confirm.
    """
    if not isinstance(certificate, dict) or certificate.get("format") != FORMAT:
        raise Rejected(f'not a certificate: "format" must be {FORMAT!r}')
    if "origin" in certificate:
        origin = keys(certificate["origin"], "statement", "parameters")
        if not all(isinstance(text, str) and text.isprintable() for text in origin) or len(origin[0]) > 200:
            raise Rejected("an origin must be a statement and its parameters as text")
        certificate = {key: value for key, value in certificate.items() if key != "origin"}
    Budget.left, kind = Budget.MOST, certificate.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Rejected(f"unknown kind of certificate: {kind[:40] if isinstance(kind, str) else type(kind).__name__!r}")
    try:
        return str(KINDS[kind][0](certificate))
    except Unknown as reason:
        raise Rejected(f"not decided here: {reason}") from None
    except (MemoryError, RecursionError):
        raise Rejected("the check takes too much memory") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # a hole in a check above
        raise Rejected(f"malformed: a part is missing or of another kind ({type(error).__name__})") from None


def assumed(certificate: Any) -> tuple[str, ...]:
    """What the check of an accepted certificate assumes by name; a bound on a function of one variable, nothing."""
    return () if "minimisation" in certificate else KINDS[certificate["kind"]][1]


def read(path: str) -> Any:
    """The certificate in a file, of which no more than the largest size is read."""
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Rejected(f"larger than {MAX_BYTES:,} bytes")
    return load(content.decode("utf-8"))


def shown(path: str) -> str:
    """A file's name on one line of text."""
    return path if path.isprintable() else ascii(path)


def main(paths: list[str]) -> int:
    """Check files and print one line each; 0 when all are accepted, 1 when one is not, 2 without a file."""
    worst = 0 if paths else 2
    if not paths:
        print("usage: python checker.py FILE…", file=sys.stderr)
    for given in paths:
        path = shown(given)
        try:
            certificate = read(given)
            claim = check(certificate)
            names = "; ".join(assumed(certificate)) or "nothing"
            of = certificate["origin"]["statement"] if "origin" in certificate else ""
            said = f"; said to be of {of}, not checked here" if of else ""
            print(f"{path}: accepted: {claim}; assuming {names}{said}")
        except (Rejected, OSError, UnicodeDecodeError) as reason:
            print(f"{path}: rejected: {' '.join(str(reason).split())}")
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
