"""Points at which Hessians are looked at: collapse in closed form, what descent finds, the end of a training run.

Collapse has W_l = U_{l+1} diag(s_l) U_lᵀ and class means U_1 diag(m) Vᵀ, with V = U_{M+1} ∈ R^{K×r} and orthonormal
U_l ∈ R^{d_l×r}. Squared error: V is made of unit vectors, λ_l s_l² = λ_H n_k m² = n_k z_k(1 − z_k)/N for class k with
the gain z_k. Cross-entropy, balanced: V has all vectors of zero sum, λ_l s_l² = λ_H n m² = t, t^{L+1} = α² n Λ, and the
scale α of the outputs solves log(nΛ) = (L − 1) log α − (L + 1) log(K − 1 + e^α) (Garrod & Keating 2025, equation (19)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import exp, inf, isfinite, log
from typing import Any

import torch

from theory.arithmetic.interpreters import precision
from theory.arithmetic.intervals import Interval
from theory.closed_form.optimum import Optimum, optimum
from theory.model import UnconstrainedFeatures
from verify.empirical.training import course
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import minimise

Tensor = torch.Tensor

DIGITS = 60
"""To which gains and scales are enclosed: eigenvalues keep 30 where the gain is 1 to 30 digits."""
BITS = 256
"""Halvings of an interval for the scale, at twice that precision: more than those digits."""
STARTS, GAIN, ITERATIONS = 8, 1.0, 2000
"""Of the search where no closed form is proved: ends of Gaussian starts differ in the modes that they keep."""
VANISHED = 1e-9
"""A point whose factors are below this, in units in which the optimum has order one, is zero."""


@dataclass(frozen=True)
class Place:
    """Factors by name, what the point is called, and sentences on it; the gain γ or scale α where it has one.

    ``objective`` is that of the end of a descent, in the model's convention 1/(2N).
    """

    name: str
    factors: dict[str, Tensor]
    sentences: tuple[str, ...] = ()
    gain: Interval | None = None
    scale: Interval | None = None
    objective: float | None = None

    def to(self, device: str) -> Place:
        """The same point on a device."""
        return replace(self, factors={name: part.to(device) for name, part in self.factors.items()})

    def compared_with(self, known: Place) -> Place:
        """The same point, to be held against what is predicted at another one."""
        return replace(self, gain=known.gain, scale=known.scale)


def known_point(model: UnconstrainedFeatures) -> Place:
    """The optimum, or collapse, in closed form where there is one; else the lowest point of some descents.

    >>> place = known_point(UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20"))
    >>> place.name, place.gain.decimal(6)
    ('the optimum', '0.858578')
    """
    if model.loss == "mse" and not model.has_bias:
        return _orthogonal(model)
    scale = collapse_scale(model)
    return _lowest(model) if scale is None else _simplex(model, scale)


def formulas_of_collapse(model: UnconstrainedFeatures) -> Place:
    """The gain or scale of collapse where formulas know it, at a place without factors.

    >>> formulas_of_collapse(UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20")).gain.decimal(6)
    '0.858578'
    """
    if model.loss == "mse" and not model.has_bias:
        best = _best(model)
        return Place("zero", {}) if best.trivial else Place("collapse", {}, gain=_gain(best))
    scale = collapse_scale(model)
    return Place("an optimum without a closed form" if scale is None else "collapse", {}, scale=scale)


def collapse_scale(model: UnconstrainedFeatures) -> Interval | None:
    """The scale of collapse with cross-entropy, linear layers and equal classes; None where there is none."""
    softmax = model.loss == "ce" and model.is_linear and model.sign == "free" and not model.has_bias
    if not (softmax and model.balanced and min(model.widths) >= model.K - 1 >= 1):
        return None
    return critical_scale(model.K, model.M, model.class_sizes[0] * model.Lambda)


def _best(model: UnconstrainedFeatures) -> Optimum:
    """The optimum of the linear model: with non-negative frames a ReLU does nothing."""
    return optimum(model.with_(activation="linear", sign="free"), DIGITS)


def _gain(best: Optimum) -> Interval | None:
    """The gain of all classes, where they have one."""
    gain = best.gains().by_class()[0]
    return gain if best.model.balanced and isinstance(gain, Interval) else None


def after_descent(
    model: UnconstrainedFeatures, steps: int, rate: Fraction, seed: int = 0, device: str = "cpu"
) -> Place:
    """The end of gradient descent in the model's own factors, from Gaussian entries of variance 1/d, on a device.

    Raises:
        ValueError: when it diverges.

    >>> after_descent(UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20"), 10, Fraction(1, 5)).name
    '10 steps of gradient descent'
    """
    return next(along_descent(model, (steps,), rate, seed, device))


def along_descent(
    model: UnconstrainedFeatures, at: Sequence[int], rate: Fraction, seed: int = 0, device: str = "cpu"
) -> Iterator[Place]:
    """The points of ``after_descent`` after each of some increasing numbers of steps.

    Raises:
        ValueError: when it diverges.
    """
    for steps, trained in zip(at, course(model, at, seed=seed, runs=1, rate=rate, device=device), strict=True):
        loss = float(trained.objective[0])
        if not isfinite(loss):
            raise ValueError(f"gradient descent diverges with steps of length {float(rate):g}")
        factors = {name: torch.from_numpy(part[0]).to(device) for name, part in trained.factors.items()}
        yield Place(f"{steps} steps of gradient descent", factors, objective=loss)


def _orthogonal(model: UnconstrainedFeatures) -> Place:
    """Squared error without a bias: with non-negative frames a ReLU does nothing."""
    best = _best(model)
    gains = [gain for gain in best.gains().by_class() if isinstance(gain, Interval)]
    used = [k for k, gain in enumerate(gains) if gain.high > 0]
    terms = [float(model.class_sizes[k] * gains[k] * (1 - gains[k]) / model.N) for k in used]
    counts = torch.tensor([model.class_sizes[k] for k in used], dtype=torch.float64)
    labels = torch.eye(model.K, dtype=torch.float64)[:, used]
    plain = not model.is_linear or model.sign != "free"
    factors = _chain(model, labels, torch.tensor(terms, dtype=torch.float64), counts, plain)
    if best.trivial:
        return Place("zero", factors, ("Zero is the only minimiser: the decay is beyond the threshold.",))
    sentences = [best.note] if best.note else []
    if not model.is_linear:
        kink = "Along non-negative directions hidden entries are 0, at the kink of the ReLU, where there is no"
        sentences.append(f"{kink} Hessian; measured with the derivative 0 there.")
        if model.M > 1 and model.K > 2:
            others = "collapse optimum --activation relu looks for them"
            sentences.append(f"With ReLU layers points below collapse are common: {others}.")
    name = "the optimum" if model.is_linear else "collapse"
    return Place(name, factors, tuple(sentences), gain=_gain(best))


def _simplex(model: UnconstrainedFeatures, scale: Interval) -> Place:
    K, L, n, alpha = model.K, model.M, model.class_sizes[0], float(scale)
    load = n * model.Lambda
    term = exp((2 * log(alpha) + log(load.numerator) - log(load.denominator)) / (L + 1))
    centring = torch.eye(K, dtype=torch.float64) - 1 / K
    labels = torch.linalg.eigh(centring)[1][:, 1:]
    terms = torch.full((K - 1,), term, dtype=torch.float64)
    factors = _chain(model, labels, terms, torch.full_like(terms, n), plain=False)
    sentences = []
    if (K >= 4 and L >= 3) or (K >= 6 and L == 2):
        sentences.append("Collapse is critical, but not the minimum (collapse show garrod2025-dnc-not-global).")
    wrong = (K - 1) * exp(-alpha)
    if log(1 + wrong) + (L + 1) * (K - 1) * term / 2 >= log(K):
        sentences.append("Zero is lower than this collapse.")
    return Place("collapse", factors, tuple(sentences), scale=scale)


def _chain(
    model: UnconstrainedFeatures, labels: Tensor, terms: Tensor, counts: Tensor, plain: bool
) -> dict[str, Tensor]:
    """Factors along frames: λ_l s_l² = λ_H n m² = ``terms`` (r), outputs along ``labels`` (K, r).

    ``plain`` frames are coordinate vectors, others are drawn, always the same.
    """
    generator, rank = torch.Generator().manual_seed(0), len(terms)
    frames = [_frame(width, rank, generator, plain) for width in model.widths] + [labels]
    factors = {
        f"W_{layer}": upper * (terms / float(decay)).sqrt() @ lower.T
        for layer, (decay, lower, upper) in enumerate(
            zip(model.weight_decays, frames, frames[1:], strict=False), start=1
        )
    }
    means = frames[0] * (terms / (counts * float(model.feature_decay))).sqrt() @ labels.T
    return factors | {"H": _repeated(means, model.class_sizes)}


def _frame(size: int, rank: int, generator: torch.Generator, plain: bool) -> Tensor:
    if plain:
        return torch.eye(size, rank, dtype=torch.float64)
    return torch.linalg.qr(torch.randn(size, rank, generator=generator, dtype=torch.float64))[0]


def _repeated(means: Tensor, sizes: Sequence[int]) -> Tensor:
    return torch.repeat_interleave(means, torch.tensor(sizes), dim=1)


def _lowest(model: UnconstrainedFeatures) -> Place:
    """The end of the best of some descents over class means."""
    kernel = LayeredModel(model, collapsed=True)
    generator = torch.Generator().manual_seed(0)
    starts = kernel.gaussian_starts(torch.full((STARTS,), GAIN, dtype=torch.float64), generator)
    found = minimise(kernel, starts, ITERATIONS)
    best = int(found.values.argmin())
    point = found.points[best : best + 1]
    factors = {name: part[0] for name, part in kernel.factors(point).items()}
    factors["H"] = _repeated(factors.pop("M"), model.class_sizes)
    if float(point.abs().max()) < VANISHED:
        zero = {name: torch.zeros_like(part) for name, part in factors.items()}
        return Place("zero", zero, ("The lowest point that descent found is zero.",))
    gradient = f"The lowest end of {STARTS} descents, with a gradient of norm {float(found.gradients[best]):.0e}."
    return Place("the lowest point found", factors, (f"No closed form is proved here. {gradient}",))


def critical_scale(K: int, L: int, load: Fraction) -> Interval | None:
    """The larger root α of log q = (L − 1) log α − (L + 1) log(K − 1 + e^α), q = ``load`` = nΛ; None without a root.

    The right side is concave, so that there are at most two roots; between them it lies above log q.

    >>> critical_scale(4, 3, 2 * Fraction(1, 250) ** 4).decimal(5)
    '6.25950'
    """
    from flint import arb, fmpq

    def excess(alpha: Fraction) -> Any:
        x = arb(fmpq(alpha.numerator, alpha.denominator))
        rising = (L - 1) * x.log() if L > 1 else arb(0)
        return rising - (L + 1) * (K - 1 + x.exp()).log() - arb(fmpq(load.numerator, load.denominator)).log()

    with precision(2 * BITS):
        low, high = _top(K, L), Fraction(1)
        if not excess(low) > 0:
            return None
        while not excess(high) < 0 or high <= low:
            high *= 2
        for _ in range(BITS):
            middle = (low + high) / 2
            sign = excess(middle)
            if sign > 0:
                low = middle
            elif sign < 0:
                high = middle
            else:
                break
    return Interval(low, high)


def softness(K: int, alpha: Interval) -> Interval:
    """κ = (1 − e^{−α})/(1 + (K − 1) e^{−α}), which increases in α."""
    from flint import arb, fmpq

    with precision(2 * BITS):
        ends = []
        for end in (alpha.low, alpha.high):
            share = (-arb(fmpq(end.numerator, end.denominator))).exp()
            ends.append((1 - share) / (1 + (K - 1) * share))
        low, high = ends[0].lower().fmpq(), ends[1].upper().fmpq()
    return Interval(Fraction(int(low.p), int(low.q)), Fraction(int(high.p), int(high.q)))


def _top(K: int, L: int) -> Fraction:
    """About where (L − 1) log α − (L + 1) log(K − 1 + e^α) is largest; next to 0 for L = 1."""
    if L == 1:
        return Fraction(1, 1 << 64)
    low, high = 0.0, 1.0 + L
    for _ in range(100):
        middle = (low + high) / 2
        share = 1 / ((K - 1) * exp(-middle) + 1)
        low, high = (middle, high) if (L - 1) / ((L + 1) * middle or inf) > share else (low, middle)
    return Fraction(high)
