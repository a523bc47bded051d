"""The deep unconstrained-features model: all its sizes and decays, and its objective as a formula.

Letters: K classes with n_k samples each, N = Σ n_k; M = ``depth`` weight matrices W_1 … W_M, widths d_1 … d_M from the
features up; W_M ∈ R^{K×d_M}, W_m ∈ R^{d_{m+1}×d_m}, free features H ∈ R^{d_1×N}, labels Y ∈ R^{K×N} one-hot. The
objective is

    1/(2N) ‖W_M … W_1 H + b 1ᵀ − Y‖_F² + Σ_m λ_m/2 ‖W_m‖_F² + λ_H/2 ‖H‖_F² + λ_b/2 ‖b‖²,

or with another loss (``theory.losses``) averaged over the samples in place of the first term.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass, replace
from fractions import Fraction
from functools import cached_property, reduce
from math import prod
from typing import Any, Protocol

from theory.arithmetic.rationals import rational
from theory.losses import LOSSES, average
from theory.ops import Expression, class_means, one_hot, ones, relu, sum_squares, variable

Rational = int | str | Fraction

ACTIVATIONS = ("linear", "relu")
BIASES = ("none", "last-layer")
SIGNS = ("free", "nonnegative")
USUAL = {"sign": "free", "alpha": Fraction(0), "gamma": Fraction(0), "bias_decay": Fraction(0)}
"""Fields that plain data leaves out where they are as here."""

MOST_FOCUSED = 100
"""Largest γ of the focal loss."""


class Problem(Protocol):
    """What can be minimised: variables with shapes, and an objective over them."""

    @property
    def variables(self) -> dict[str, Expression]: ...

    @property
    def objective(self) -> Expression: ...


@dataclass(frozen=True, kw_only=True)
class UnconstrainedFeatures:
    """A deep unconstrained-features problem with all its sizes and decays.

    Args:
        class_sizes: n_1 … n_K, positive integers.
        depth: M ≥ 1, the number of weight matrices.
        decays: one decay for all factors; else give ``weight_decays`` (λ_1 … λ_M) and ``feature_decay`` (λ_H).
        widths: d_1 … d_M from the features up, or one number for all; default K.
        loss, activation, bias: which model; ``activation="relu"`` puts a ReLU behind every weight matrix but the last,
            none on the features; ``bias="last-layer"`` adds b ∈ R^K, unregularised unless there is a ``bias_decay``.
        sign: ``"nonnegative"`` for features H ≥ 0.
        alpha, gamma: of label smoothing, 0 ≤ α < 1, and of the focal loss, 0 ≤ γ ≤ 100.

    Raises:
        TypeError, ValueError: with the argument's name, its value and what was expected.

    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, decays="1/100")
    >>> model.K, model.N, model.widths, model.Lambda
    (2, 3, (2, 2), Fraction(1, 1000000))
    """

    class_sizes: tuple[int, ...]
    depth: int = 1
    decays: InitVar[Rational | None] = None
    weight_decays: tuple[Fraction, ...] = ()
    feature_decay: Fraction = Fraction(0)
    widths: tuple[int, ...] = ()
    loss: str = "mse"
    activation: str = "linear"
    bias: str = "none"
    sign: str = "free"
    alpha: Fraction = Fraction(0)
    gamma: Fraction = Fraction(0)
    bias_decay: Fraction = Fraction(0)

    def __post_init__(self, decays: Rational | None) -> None:
        sizes = _positive_integers("class_sizes", self.class_sizes)
        depth = self.depth
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise ValueError(f"depth must be a positive integer, got {depth!r}")
        widths: Sequence[int] = _positive_integers("widths", self.widths) if self.widths != () else (len(sizes),)
        if len(widths) == 1:
            widths = tuple(widths) * depth
        if len(widths) != depth:
            raise ValueError(f"widths needs one number, or one for each of {depth} layers, got {tuple(widths)}")
        if decays is not None:
            if self.weight_decays or self.feature_decay:
                raise ValueError("give either decays or weight_decays with feature_decay, not both")
            weights, feature = [rational(decays, "decays")], rational(decays, "decays")
        else:
            given = self.weight_decays
            items = list(given) if isinstance(given, tuple | list) else [given]
            weights = [rational(value, "weight_decays") for value in items]
            feature = rational(self.feature_decay, "feature_decay")
        if len(weights) == 1:
            weights = weights * depth
        if len(weights) != depth:
            raise ValueError(f"weight_decays needs one number, or one for each of {depth} layers, got {len(weights)}")
        for value in (*weights, feature):
            if value <= 0:
                raise ValueError(f"a decay must be a positive rational, got {value}")
        for name, options in (("loss", LOSSES), ("activation", ACTIVATIONS), ("bias", BIASES), ("sign", SIGNS)):
            if getattr(self, name) not in options:
                raise ValueError(f"{name} must be one of {', '.join(options)}, got {getattr(self, name)!r}")
        alpha, gamma, bias_decay = (rational(getattr(self, name), name) for name in ("alpha", "gamma", "bias_decay"))
        _require(
            "alpha", alpha, self.loss == "label-smoothing", "the loss label-smoothing", 0 <= alpha < 1, "0 ≤ α < 1"
        )
        focused = 0 <= gamma <= MOST_FOCUSED
        _require("gamma", gamma, self.loss == "focal", "the loss focal", focused, f"0 ≤ γ ≤ {MOST_FOCUSED}")
        _require("bias_decay", bias_decay, self.has_bias, "a model with a bias", bias_decay >= 0, "λ_b ≥ 0")
        normalised: dict[str, Any] = {
            "class_sizes": sizes,
            "depth": depth,
            "widths": tuple(widths),
            "weight_decays": tuple(weights),
            "feature_decay": feature,
            "alpha": alpha,
            "gamma": gamma,
            "bias_decay": bias_decay,
        }
        for name, field in normalised.items():
            object.__setattr__(self, name, field)

    @property
    def K(self) -> int:
        """Number of classes."""
        return len(self.class_sizes)

    @property
    def N(self) -> int:
        """Number of samples."""
        return sum(self.class_sizes)

    @property
    def M(self) -> int:
        """Number of weight matrices."""
        return self.depth

    @property
    def R(self) -> int:
        """Largest rank of W_M … W_1: min(K, d_M, …, d_1)."""
        return min(self.K, *self.widths)

    @cached_property
    def Lambda(self) -> Fraction:
        """Λ = λ_H λ_1 ⋯ λ_M, the product of all decays."""
        return self.feature_decay * prod(self.weight_decays)

    @property
    def balanced(self) -> bool:
        """Whether all classes have the same size."""
        return len(set(self.class_sizes)) == 1

    @property
    def has_bias(self) -> bool:
        """Whether there is a last-layer bias."""
        return self.bias == "last-layer"

    @property
    def is_quadratic(self) -> bool:
        """Whether this is squared error with free features, and with a bias that is unregularised, if there is one."""
        return self.loss == "mse" and self.sign == "free" and not self.bias_decay

    @property
    def nonnegative(self) -> frozenset[str]:
        """Variables that may not be negative: the features, or no variable."""
        return frozenset({"H"} if self.sign == "nonnegative" else ())

    @property
    def has_modes(self) -> bool:
        """Whether the layers are linear and the model is quadratic: then it splits into scalar problems."""
        return self.is_linear and self.is_quadratic

    @property
    def weight_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of W_1 … W_M."""
        outputs = (*self.widths[1:], self.K)
        return tuple(zip(outputs, self.widths, strict=True))

    @cached_property
    def weights(self) -> tuple[Expression, ...]:
        """The variables W_1 … W_M."""
        return tuple(variable(f"W_{m}", shape) for m, shape in enumerate(self.weight_shapes, start=1))

    @cached_property
    def features(self) -> Expression:
        """The variable H, d_1 × N."""
        return variable("H", (self.widths[0], self.N))

    @cached_property
    def bias_vector(self) -> Expression:
        """The variable b, K × 1."""
        return variable("b", (self.K, 1))

    @property
    def is_linear(self) -> bool:
        """Whether the layers are linear."""
        return self.activation == "linear"

    def outputs(self, features: Expression) -> Expression:
        """W_M σ(W_{M−1} ⋯ σ(W_1 X)) for features X (d_1 × any), σ the activation; W_M ⋯ W_1 X for linear layers."""
        if self.is_linear:
            return self.product @ features
        hidden = reduce(lambda lower, W: relu(W @ lower), self.weights[:-1], features)
        return self.weights[-1] @ hidden

    @cached_property
    def product(self) -> Expression:
        """P_W = W_M ⋯ W_1, K × d_1."""
        return reduce(lambda upper, lower: upper @ lower, reversed(self.weights))

    @cached_property
    def mean_features(self) -> Expression:
        """H̄, the class means of H, d_1 × K."""
        return class_means(self.features, self.class_sizes)

    @cached_property
    def variables(self) -> dict[str, Expression]:
        """All factors by name."""
        factors = (*self.weights, self.features, *([self.bias_vector] if self.has_bias else []))
        return {str(factor.data): factor for factor in factors}

    @cached_property
    def objective(self) -> Expression:
        """The objective over all N columns."""
        outputs = self.outputs(self.features)
        if self.has_bias:
            outputs = outputs + self.bias_vector @ ones(1, self.N)
        fit = average(self, outputs, one_hot(self.class_sizes), (1,) * self.N)
        return self.regularised(fit, sum_squares(self.features))

    def regularised(self, fit: Expression, features: Expression) -> Expression:
        """A fit with all decays added, ``features`` being the squared norm of all features."""
        total = fit + self.weight_regulariser + self.feature_decay / 2 * features
        return total + self.bias_decay / 2 * sum_squares(self.bias_vector) if self.bias_decay else total

    @cached_property
    def weight_regulariser(self) -> Expression:
        """Σ_m λ_m/2 ‖W_m‖²."""
        terms = [decay / 2 * sum_squares(W) for decay, W in zip(self.weight_decays, self.weights, strict=True)]
        return reduce(lambda a, b: a + b, terms)

    def with_(self, **changes: Any) -> UnconstrainedFeatures:
        """The same model with some fields changed; ``decays`` replaces all of them."""
        fresh = {"weight_decays": (), "feature_decay": Fraction(0)} if "decays" in changes else {"decays": None}
        return replace(self, **{**fresh, **changes})

    def to_json(self) -> dict[str, Any]:
        """Plain data from which ``from_json`` rebuilds the model; rationals are strings."""
        return {
            "class_sizes": list(self.class_sizes),
            "depth": self.depth,
            "weight_decays": [str(value) for value in self.weight_decays],
            "feature_decay": str(self.feature_decay),
            "widths": list(self.widths),
            "loss": self.loss,
            "activation": self.activation,
            "bias": self.bias,
            **self._unusual(),
        }

    def _unusual(self) -> dict[str, str]:
        """The fields of ``USUAL`` that are otherwise, as text."""
        return {name: str(getattr(self, name)) for name, usual in USUAL.items() if getattr(self, name) != usual}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> UnconstrainedFeatures:
        """Rebuild a model from ``to_json``."""
        fields = dict(data)
        for name in ("class_sizes", "weight_decays", "widths"):
            fields[name] = tuple(fields[name])
        return cls(**fields)

    def __str__(self) -> str:
        decays = [*self.weight_decays, self.feature_decay]
        shown = str(decays[0]) if len(set(decays)) == 1 else f"({', '.join(map(str, decays))})"
        layers, bias = "" if self.is_linear else f", {self.activation}", ", bias" if self.has_bias else ""
        loss = "" if self.loss == "mse" else f", {self.loss}"
        others = "".join(f", {_SHOWN[name].format(value)}" for name, value in self._unusual().items())
        sizes, widths = run_lengths(self.class_sizes), run_lengths(self.widths)
        return f"n = {sizes}, M = {self.M}, d = {widths}, λ = {shown}{layers}{bias}{loss}{others}"


_SHOWN = {"sign": "features ≥ 0", "alpha": "α = {}", "gamma": "γ = {}", "bias_decay": "λ_b = {}"}


def _require(name: str, value: Fraction, fits: bool, where: str, within: bool, what: str) -> None:
    """Reject an option that belongs to another model, or lies outside its range."""
    if value and not fits:
        raise ValueError(f"{name} is for {where} only, got {value}")
    if not within:
        raise ValueError(f"{name} must lie in {what}, got {value}")


def run_lengths(values: Iterable[int]) -> str:
    """Write ``(5, 5, 5, 2)`` as ``3×5, 2``."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][1] == value:
            runs[-1][0] += 1
        else:
            runs.append([1, value])
    return ", ".join(f"{count}×{value}" if count > 1 else str(value) for count, value in runs)


def _positive_integers(name: str, values: Any) -> tuple[int, ...]:
    items = tuple(values) if isinstance(values, tuple | list | range) else (values,)
    if not items or any(isinstance(v, bool) or not isinstance(v, int) or v < 1 for v in items):
        raise ValueError(f"{name} must be positive integers, got {values!r}")
    return items
