"""The optimum of the deep linear model with squared loss, in closed form and decided exactly.

Letters as in ``theory.model``; μ, z, q and Λ as in ``modes`` and ``confidence`` beside this module. The objective is

    Σ_used μ/(2N) (1−z)(1+Mz) + Σ_other μ/(2N)

over the modes (class by class without a bias); Σ μ/(2N) over all of them is the objective at zero. Only the standard
library is used, except for the geometry of classes of different sizes with a bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

from theory.arithmetic.intervals import Interval, total
from theory.closed_form.geometry import GroupedMatrix, Number, assemble, number
from theory.closed_form.modes import Mode, solved_modes, threshold
from theory.model import UnconstrainedFeatures

CONVENTIONS = ("1/(2N)", "1/(2NK)", "sum")
"""Ways to normalise the fit: 1/(2N)‖·‖², 1/(2NK)‖·‖² or ½‖·‖², each beside decays λ/2 ‖·‖²."""


def convention_factor(convention: str, class_sizes: tuple[int, ...]) -> Fraction:
    """What an objective in some convention, decays included, is multiplied by to become one with 1/(2N).

    Raises:
        ValueError: for an unknown convention.

    >>> convention_factor("1/(2NK)", (5, 5)), convention_factor("sum", (5, 5))
    (Fraction(2, 1), Fraction(1, 10))
    """
    factors = {"1/(2N)": Fraction(1), "1/(2NK)": Fraction(len(class_sizes)), "sum": Fraction(1, sum(class_sizes))}
    if convention not in factors:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    return factors[convention]


@dataclass(frozen=True)
class Optimum:
    """The global minimum of a model, and the geometry of one minimiser (all of them, where ``unique``).

    ``unique`` is up to orthogonal symmetry of the hidden layers; ``trivial`` says that zero is the only minimiser.
    ``modes`` are largest first.
    """

    model: UnconstrainedFeatures
    modes: tuple[Mode, ...]
    digits: int = 30

    @cached_property
    def objective(self) -> Interval:
        """The minimum of the objective, exact or enclosed."""
        if self.trivial:
            return Interval.exact(self.zero_objective)
        return total(mode.multiplicity * self._cost(mode) for mode in self.modes)

    def _cost(self, mode: Mode) -> Interval:
        """Mean cost of equal modes: μ/(2N), times (1−z)(1+Mz) for those that are used."""
        M, y = self.model.M, mode.deficit
        # y(1 + M − My) increases on y ≤ 1/M, so its values at the ends enclose it.
        used = Interval(*(end * (1 + M - M * end) for end in (y.low, y.high)))
        share = Fraction(mode.rank, mode.multiplicity)
        return mode.mu * Fraction(1, 2 * self.model.N) * (used * share + (1 - share))

    @property
    def zero_objective(self) -> Fraction:
        """The objective at zero weights and features (and the best bias): ½, or ½(1 − Σ n_k²/N²)."""
        N = self.model.N
        explained = Fraction(sum(n * n for n in self.model.class_sizes), N * N) if self.model.has_bias else Fraction(0)
        return (1 - explained) / 2

    @property
    def trivial(self) -> bool:
        """Whether zero is the only minimiser."""
        return not any(mode.rank for mode in self.modes)

    @property
    def tied(self) -> tuple[Mode, ...]:
        """Modes at their threshold: they are used here, but zero is as good."""
        return tuple(mode for mode in self.modes if mode.tied and mode.rank)

    @property
    def cut(self) -> Mode | None:
        """The equal modes of which the widths allow only some, if any."""
        return next((mode for mode in self.modes if 0 < mode.rank < mode.multiplicity), None)

    @property
    def unique(self) -> bool:
        """Whether all minimisers have these matrices."""
        return not self.tied and self.cut is None

    @property
    def note(self) -> str | None:
        """A sentence on the set of minimisers where they are not unique."""
        sentences = []
        free = self.model.sign == "free"
        if self.tied:
            along = ", or used along any orthogonal projection" if free else ""
            which = "; ".join(_describe(mode, self.model) for mode in self.tied)
            sentences.append(
                f"Exactly at the threshold ({which}): these modes may be used, as here, or zero{along}, "
                "at the same objective."
            )
        cut = self.cut
        if cut:
            chosen = "orthogonal projection of that rank" if free else "choice of as many classes"
            sentences.append(
                f"The widths allow {cut.rank} of {cut.multiplicity} equal modes ({_describe(cut, self.model)}): "
                f"any {chosen} is as good; here the classes listed first are used."
            )
        return " ".join(sentences) or None

    @cached_property
    def threshold(self) -> Interval:
        """Without a bias: classes smaller than this are zero at the optimum, at the given N."""
        return threshold(self.model, self.digits)

    def logits(self, dense: bool = False) -> GroupedMatrix:
        """W_M ⋯ W_1 H̄ + b 1ᵀ (K × K), column k for the mean of class k."""
        return assemble(self.model, self.modes, _confidence, (0, 1), shift=self.model.has_bias, dense=dense)

    def gains(self) -> GroupedMatrix:
        """W_M ⋯ W_1 H̄, of which only the diagonal may be present: each class's own entry before the bias."""
        return assemble(self.model, self.modes, _confidence, (0, 1))

    def weights_gram(self, dense: bool = False) -> GroupedMatrix:
        """P Pᵀ for P = W_M ⋯ W_1 (K × K)."""
        scale = self.model.N * self.model.feature_decay
        return assemble(self.model, self.modes, lambda m: m.confidence * m.deficit.inverse() * scale, dense=dense)

    def features_gram(self, dense: bool = False, layer: int = 0) -> GroupedMatrix:
        """Gram matrix of the class means of W_l ⋯ W_1 H for l = ``layer`` (K × K); H̄ᵀH̄ for 0."""
        model = self.model
        decays = model.N ** (layer + 1) * model.feature_decay * prod(model.weight_decays[:layer])

        def phi(mode: Mode) -> Interval:
            power = mode.confidence * mode.deficit
            return _power(power, layer + 1) * _power(mode.mu, layer) * (1 / decays)

        return assemble(model, self.modes, phi, (1, 1), dense=dense)

    @property
    def bias(self) -> tuple[Fraction, ...] | None:
        """b = n/N, or None without a bias."""
        return tuple(Fraction(n, self.model.N) for n in self.model.class_sizes) if self.model.has_bias else None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The statements that the closed form rests on."""
        used = [
            "dang2023-balancedness, dang2023-schatten: the cheapest factors of a product, for any widths.",
            "dang2023-scalar, dang2023-value: by von Neumann's trace inequality there is one scalar problem a mode.",
        ]
        if self.model.sign == "nonnegative":
            used.append(
                "Features ≥ 0: without a bias each mode is a class; with class k along the axis k and diagonal "
                "factors with entries ≥ 0, the minimum over free features is reached."
            )
        if self.model.has_bias:
            used.append("dang2023-bias-vector: the best bias is n/N and centres the labels.")
        if self.model.has_bias and not self.model.balanced:
            used.append(
                "Extension, not covered by the paper: unequal classes with a bias, by the modes of diag(n) − nnᵀ/N; "
                "the value is enclosed, the matrices are floats."
            )
        return tuple(used)

    def to_json(self, dense: bool = False, convention: str = "1/(2N)") -> dict[str, Any]:
        """Plain data as ``collapse optimum --json`` writes it; objectives in the given convention."""
        digits, scale = self.digits, 1 / convention_factor(convention, self.model.class_sizes)
        objective = self.objective * scale
        printed = objective.decimal(digits)
        gains = self.gains().by_class()
        return {
            "objective": printed,
            "radius": radius(objective, Fraction(printed)),
            "lower": None,
            "upper": None,
            "zero_objective": Interval.exact(self.zero_objective * scale).decimal(digits),
            "trivial": self.trivial,
            "unique": self.unique,
            "note": self.note,
            "logits": self.logits(dense).to_json(digits, dense),
            "weights_gram": self.weights_gram(dense).to_json(digits, dense),
            "features_gram": self.features_gram(dense).to_json(digits, dense),
            "classes": [
                {"size": size, "active": is_active(gain), "gain": number(gain, digits)}
                for size, gain in zip(self.model.class_sizes, gains, strict=True)
            ],
            "bias": self.bias and [Interval.exact(b).decimal(digits) for b in self.bias],
            "assumptions": list(self.assumptions),
        }


def has_closed_form(model: UnconstrainedFeatures) -> bool:
    """Whether ``optimum`` knows the model: linear with squared error, and features ≥ 0 only without a bias.

    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), decays=1, sign="nonnegative")
    >>> has_closed_form(model), has_closed_form(model.with_(bias="last-layer"))
    (True, False)
    """
    return model.has_modes or (model.with_(sign="free").has_modes and not model.has_bias)


def optimum(model: UnconstrainedFeatures, digits: int = 30) -> Optimum:
    """The global minimum of a deep linear model with squared loss, for any class sizes, widths, depth and decays.

    Features may be required to be ≥ 0 where there is no bias: along coordinate axes they are.

    Args:
        digits: relative precision to which logits are enclosed; beyond 150 different class sizes with a bias about 14.

    Raises:
        ValueError: for layers that are not linear, or digits below 1.

    Source: Dang et al. 2023 (arXiv 2301.00437), sections 2 to 4; classes of different sizes with a bias are an
    extension.

    >>> best = optimum(UnconstrainedFeatures(class_sizes=(200, 100, 50, 50), decays="1/2000"))
    >>> best.objective.decimal(12), best.unique
    ('0.0189421356237', True)
    >>> best.logits().diagonal[0].decimal(12)
    '0.985857864376'
    """
    if not has_closed_form(model):
        raise ValueError(
            f"the closed form is for linear layers, squared error, and features ≥ 0 only without a bias, got {model}"
        )
    if digits < 1:
        raise ValueError(f"digits must be a positive integer, got {digits}")
    return Optimum(model, solved_modes(model, digits), digits)


def is_active(gain: Number) -> bool:
    """Whether a class is told apart from zero at the optimum."""
    return gain.high > 0 if isinstance(gain, Interval) else gain > 0


def radius(enclosure: Interval, printed: Fraction) -> str:
    """A short rational bound on the distance from the printed number to any number of the enclosure.

    >>> radius(Interval(Fraction(1, 3), Fraction(1, 3)), Fraction(333, 1000))
    '1e-3'
    """
    bound = max(enclosure.high - printed, printed - enclosure.low)
    if bound == 0:
        return "0"
    exponent = (bound.numerator.bit_length() - bound.denominator.bit_length() + 1) * 30103 // 100000 + 1
    while Fraction(10) ** (exponent - 1) >= bound:
        exponent -= 1
    return f"1e{exponent}"


def _confidence(mode: Mode) -> Interval:
    return mode.confidence


def _power(value: Interval, exponent: int) -> Interval:
    """x^e for a non-negative interval."""
    return Interval(value.low**exponent, value.high**exponent)


def _describe(mode: Mode, model: UnconstrainedFeatures) -> str:
    if not mode.classes:
        return f"the mode between class sizes with μ = {mode.mu.brief()}"
    count, size = len(mode.classes), model.class_sizes[mode.classes[0]]
    return f"the class of size {size}" if count == 1 else f"the {count} classes of size {size}"
