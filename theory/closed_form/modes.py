"""The directions along which the problem splits into scalar ones.

Without a bias these are the classes: squared singular values n_k of Y. A last-layer bias centres the labels; the
squared singular values of Y(I − 11ᵀ/N) are the non-zero eigenvalues of diag(n) − nnᵀ/N: n_g with multiplicity m_g − 1
for m_g classes of the same size n_g (vectors of zero sum on them), and one between every two consecutive sizes, with
vectors u_g ∝ n_g/(n_g − μ). At most R = min(K, widths) modes are used, those with the largest squared singular values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from theory.arithmetic.intervals import Interval
from theory.closed_form.confidence import critical_load, deficit
from theory.closed_form.secular import Secular
from theory.model import UnconstrainedFeatures

UNUSED = Interval.exact(1)
"""The deficit of a mode that is zero."""


@dataclass(frozen=True)
class Mode:
    """Equal squared singular values μ of the (centred) labels, and what the optimum makes of them.

    ``kind`` is ``"class"`` (one mode a class), ``"contrast"`` (vectors of zero sum on equal classes) or ``"between"``
    (one mode that mixes classes of different sizes). ``classes`` are the indices of the equal classes, none for
    ``between``. ``rank`` of the ``multiplicity`` modes are used, with the deficit 1 − z of their logit. ``tied`` modes
    have zero as another minimum.
    """

    kind: str
    mu: Interval
    multiplicity: int
    classes: tuple[int, ...] = ()
    rank: int = 0
    deficit: Interval = UNUSED
    tied: bool = False

    @property
    def confidence(self) -> Interval:
        """z, the logit along the mode; 0 where it is not used."""
        return 1 - self.deficit


def load(model: UnconstrainedFeatures, mu: Fraction) -> Fraction:
    """q = N^(M+1) Λ / μ^M.

    >>> load(UnconstrainedFeatures(class_sizes=(1, 1), decays="1/4"), Fraction(1))
    Fraction(1, 4)
    """
    return model.N ** (model.M + 1) * model.Lambda / mu**model.M


def threshold(model: UnconstrainedFeatures, digits: int = 30) -> Interval:
    """The size at which q = q*: without a bias, smaller classes are zero at the optimum (at the given N).

    >>> threshold(UnconstrainedFeatures(class_sizes=(200, 100, 50, 50), decays="1/2000")).low
    Fraction(1, 25)
    """
    return _root(load(model, Fraction(1)) / critical_load(model.M), model.M, digits)


def decay_threshold(sizes: tuple[int, ...], size: int, M: int, digits: int = 30) -> Interval:
    """The decay, the same for all M + 1 factors, above which classes of one size are zero: (q* nᴹ)^{1/(M+1)}/N.

    Without a bias, and with widths of at least K. At the threshold itself such a class is zero for M = 1, and may be
    zero for M ≥ 2.

    Source: Dang et al. 2023 (arXiv 2301.00437), section 2.5.

    >>> decay_threshold((20, 5), 20, 1).decimal(6), decay_threshold((2, 2), 2, 2).decimal(6)
    ('0.178885', '0.157490')
    """
    return _root(critical_load(M) * size**M / Fraction(sum(sizes)) ** (M + 1), M + 1, digits)


def solved_modes(model: UnconstrainedFeatures, digits: int = 30) -> tuple[Mode, ...]:
    """All modes of a model, largest first, each with the minimum of its scalar problem."""
    critical = threshold(model, digits)
    room, solved = model.R, []
    for mode in sorted(_modes(model, digits), key=lambda mode: mode.mu.low, reverse=True):
        found = _solved(model, mode, critical, digits) if room else mode
        used = min(room, mode.multiplicity) if found.rank else 0
        solved.append(replace(found, rank=used))
        room -= used
    return tuple(solved)


def _modes(model: UnconstrainedFeatures, digits: int) -> list[Mode]:
    equal: dict[int, list[int]] = {}
    for k, size in enumerate(model.class_sizes):
        equal.setdefault(size, []).append(k)
    if not model.has_bias:
        return [Mode("class", Interval.exact(n), len(ks), tuple(ks)) for n, ks in equal.items()]
    contrasts = [Mode("contrast", Interval.exact(n), len(ks) - 1, tuple(ks)) for n, ks in equal.items() if len(ks) > 1]
    sizes = sorted(equal)
    roots = Secular(tuple(sizes), tuple(len(equal[n]) for n in sizes)).roots(digits)
    return contrasts + [Mode("between", mu, 1) for mu in roots]


def _solved(model: UnconstrainedFeatures, mode: Mode, critical: Interval, digits: int) -> Mode:
    """Decide exactly whether the mode is used, and enclose its logit."""
    if mode.mu.is_exact:
        q, limit = load(model, mode.mu.low), critical_load(model.M)
        if q > limit or (q == limit and model.M == 1):
            return mode
        return replace(mode, rank=mode.multiplicity, deficit=deficit(model.M, q, digits), tied=q == limit)
    if mode.mu.low > critical.high:
        least, most = (deficit(model.M, load(model, mu), digits) for mu in (mode.mu.high, mode.mu.low))
        return replace(mode, rank=mode.multiplicity, deficit=Interval(least.low, most.high))
    if mode.mu.high < critical.low:
        return mode
    return _solved(model, *_separate(model, mode, critical, digits), digits)


def _separate(model: UnconstrainedFeatures, mode: Mode, critical: Interval, digits: int) -> tuple[Mode, Interval]:
    """Narrow an eigenvalue and the threshold until they part, or show that they are equal.

    They can only be equal if the threshold is rational: all conjugates of the eigenvalue are positive reals, and
    x^M = ρ has only one positive root, so their common minimal polynomial is linear.
    """
    sizes = sorted(set(model.class_sizes))
    secular = Secular(tuple(sizes), tuple(model.class_sizes.count(n) for n in sizes))
    left = sum(n < mode.mu.low for n in sizes) - 1
    if critical.is_exact and secular.root_is(left, critical.low):
        return replace(mode, mu=critical), critical
    while not (mode.mu.low > critical.high or mode.mu.high < critical.low or mode.mu.is_exact):
        digits *= 2
        mode, critical = replace(mode, mu=secular.root(left, digits)), threshold(model, digits)
    return mode, critical


def _root(value: Fraction, M: int, digits: int) -> Interval:
    """Enclose the positive M-th root of a positive rational; exact where it is rational."""
    top, bottom = (_integer_root(part, M) for part in value.as_integer_ratio())
    if Fraction(top, bottom) ** M == value:
        return Interval.exact(Fraction(top, bottom))
    zeros = max(0, value.denominator.bit_length() - value.numerator.bit_length()) // M
    bits = 4 * digits + zeros
    low = _integer_root((value.numerator << (M * bits)) // value.denominator, M)
    return Interval(Fraction(low, 1 << bits), Fraction(low + 1, 1 << bits))


def _integer_root(value: int, M: int) -> int:
    """⌊value^(1/M)⌋ for a non-negative integer, by Newton's method from above."""
    if value < 2 or M == 1:
        return value
    x = 1 << -(-value.bit_length() // M)
    while True:
        better = ((M - 1) * x + value // x ** (M - 1)) // M
        if better >= x:
            return x
        x = better
