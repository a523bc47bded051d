"""What is known of the minimum with ReLU layers: bounds from both sides, which meet for two classes.

Upper: collapse along coordinate directions, on which the ReLUs do nothing; it has the optimum of the linear model.
Lower: ‖σ(X)‖ ≤ ‖X‖ and ‖W X‖ ≤ ‖W‖ ‖X‖ down the layers bound the last hidden means A of K balanced classes by the
product of all factors but W_L, and min over W_L of fit and decay is Σ_i λ/(2(s_i² + Kλ)) in the singular values s_i of
A, convex in s_i². With all s_i equal this is the linear model with Λ K^{1−L} in place of Λ. For three classes or more
the bound of ``theory.closed_form.spread`` is better: A needs a nuclear norm before the last ReLU, not only a norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from theory.arithmetic.intervals import Interval
from theory.closed_form.optimum import optimum
from theory.closed_form.spread import spread_bound
from theory.model import UnconstrainedFeatures

CHAIN = "the norm of a product is at most the product of norms, and a ReLU does not raise it"
SPREAD = (
    "the nuclear norm before the last ReLU is at least Σ s_i²(3 − s_i²/s_1²)/(2 s_1), in the singular values behind it"
)
TWO_CLASSES = "Súkeník et al. 2023 (arXiv 2305.13165), the theorem for two classes: collapse is optimal"


@dataclass(frozen=True)
class Enclosure:
    """Bounds on the minimum of a model, and what each rests on."""

    model: UnconstrainedFeatures
    lower: Interval
    upper: Interval
    assumptions: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether both bounds are the same number."""
        return self.lower is self.upper


def enclosed(model: UnconstrainedFeatures, digits: int = 30) -> Enclosure:
    """Bounds on the minimum of a balanced ReLU model without a bias.

    Raises:
        ValueError: for linear layers, another loss, classes of different sizes, or a bias.

    >>> two = UnconstrainedFeatures(class_sizes=(1, 1), depth=3, decays="1/50", activation="relu")
    >>> enclosed(two).is_exact
    True
    >>> three = enclosed(two.with_(class_sizes=(1, 1, 1), widths=3))
    >>> three.lower.high < three.upper.low
    True
    """
    if model.is_linear or model.has_bias or not model.balanced or not model.is_quadratic:
        raise ValueError("bounds are known for ReLU layers, squared error, classes of equal size and no bias")
    K, linear = model.K, model.with_(activation="linear")
    collapse = optimum(linear, digits).objective
    if K <= 2 and min(model.widths) >= K:
        return Enclosure(model, collapse, collapse, (TWO_CLASSES,) if K == 2 and model.M > 1 else ())
    if model.M == 1:
        return Enclosure(model, collapse, collapse, ())
    chain, spread = norm_chain(model, digits), spread_bound(model)
    lower, reason = (Interval.exact(spread), SPREAD) if spread > chain.low else (chain, CHAIN)
    return Enclosure(model, collapse if lower.low >= collapse.high else lower, collapse, (reason,))


def norm_chain(model: UnconstrainedFeatures, digits: int = 30) -> Interval:
    """A lower bound on the minimum of a model without a bias, linear or not, from norms of products alone.

    For classes of different sizes it is coarser: ‖outputs‖ is at most the product of all norms, as for one class of all
    samples.

    Raises:
        ValueError: for a bias, or another loss.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), depth=1, decays="1/50", activation="relu")
    >>> norm_chain(model).low == enclosed(model).lower.low
    True
    """
    if model.has_bias or model.loss != "mse":
        raise ValueError("the bound by norms is for squared error without a bias")
    linear = model.with_(activation="linear", sign="free", widths=(model.K,))
    if not model.balanced:
        return optimum(linear.with_(class_sizes=(model.N,), widths=(1,)), digits).objective
    feature_decay = model.feature_decay * Fraction(1, model.K ** (model.M - 1))
    return optimum(linear.with_(feature_decay=feature_decay), digits).objective
