"""Section 3, Theorem 3.1 and B.1, steps 1 to 3: the distance to W_L⁺ Y, and NC1 (statements 1 and 2)."""

from __future__ import annotations

from fractions import Fraction

from theory.claims import Inequality, Point
from theory.ops import (
    Expression,
    class_means,
    frobenius_norm,
    identity,
    ones,
    operator_norm,
    repeat_columns,
    sqrt,
    sum_squares,
)
from theory.papers.jacot2024.heads import (
    Head,
    Size,
    head_fields,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    source,
    spread,
)
from theory.statement import theorem

HALF = {"half of it": {"times": Fraction(1, 2)}}


def bound(
    head: Head, left: Expression, right: Expression, tight: tuple[Point, ...] = (), near: tuple[Point, ...] = ()
) -> Inequality:
    """An inequality over what is free in a head; variables that neither side has are left out."""
    used = left.variables | right.variables
    kept, close = (tuple({n: v for n, v in point.items() if n in used} for point in some) for some in (tight, near))
    return Inequality(left, right, {n: v for n, v in head.variables.items() if n in used}, kept, near=close)


def within(head: Head) -> Expression:
    """tr Σ_W of Z_{L−1}."""
    Z, sizes = head.features, (head.n,) * head.K
    return sum_squares(Z - repeat_columns(class_means(Z, sizes), sizes)) / head.N


def between(head: Head) -> Expression:
    """tr Σ_B of Z_{L−1}."""
    means, K = class_means(head.features, (head.n,) * head.K), head.K
    return sum_squares(means @ (identity(K) - Fraction(1, K) * ones(K, K))) / K


def gap(head: Head, times: Fraction | int = 2) -> Expression:
    """√((K−1)/K) − 2ε1/√N, which hypothesis 4 keeps from being negative."""
    return sqrt(Fraction(head.K - 1, head.K)) - times * head.epsilon1 / sqrt(head.N)


# ----------------------------------------------------------------------------------------------------- steps 1 and 2


@theorem(
    "jacot2024-last-layer-floor",
    source=source("proof of Theorem B.1, equation (22)", "P"),
    expected=NUMERICAL,
    wrong=HALF | {"s_K(Y) itself": {"whole": 0}},
    **head_fields(),
)
def last_layer_floor(size: Size, times: Fraction = Fraction(1), whole: int = 1) -> Inequality:
    """s_K(W_L) ≥ (s_K(Y) − ε1)/‖Z_{L−1}‖_op, by Weyl's inequality.

    The same with W_{L:L1+1} and Z_{L1} in place of W_L and Z_{L−1}. Attained with four samples a class.
    """
    head = Head(*size)
    left = spread(head.K, head.n) - whole * head.epsilon1
    return bound(head, left, times * head.floor * operator_norm(head.features), head.attained)


@theorem(
    "jacot2024-off-row-space",
    source=source("proof of Theorem B.1, step 2", "P", X="n_{L−1} − K for n_{L−1}"),
    expected=NUMERICAL,
    wrong=HALF | {"√ε2": {"exponent": Fraction(1, 2)}},
    **head_fields(least_spare=1),
)
def off_row_space(size: Size, times: Fraction = Fraction(1), exponent: Fraction = Fraction(1)) -> Inequality:
    """‖(I − P) W_{L−1}‖_F² ≤ (n_{L−1} − K) ε2 for P = W_L⁺ W_L; the paper has n_{L−1} ε2.

    (I − P) W_{L−1} are the spare rows, B. Attained where all of their singular values are √ε2.
    """
    head = Head(*size)
    rows = 2 * identity(head.h)[range(head.K, head.h), :]
    point = {**head.point([2] * head.K), "B": rows}
    return bound(head, sum_squares(head.variables["B"]), times * head.spare * head.epsilon2**exponent, (point,))


@theorem(
    "jacot2024-key-projection",
    source=source("proof of Theorem B.1, equation (23)"),
    expected=NUMERICAL,
    wrong=HALF | {"s_K(Y) for s_K(Y) − ε1": {"plain": True}},
    **head_fields(),
)
def key_projection(size: Size, times: Fraction = Fraction(1), plain: bool = False) -> Inequality:
    """‖Z_{L−1} − W_L⁺ Y‖_F ≤ Ψ = r (ε1/(s_K(Y) − ε1) + √(n_{L−1} ε2)). Attained at ε2 = 0, four samples a class."""
    head = Head(*size)
    left = frobenius_norm(head.features - head.pseudoinverse @ head.Y)
    return bound(head, left, head.psi(times, plain), head.attained)


@theorem(
    "jacot2024-key-projection-sharp",
    source=source("equation (23), sharper; own", "X"),
    expected=NUMERICAL,
    wrong=HALF | {"s_K(Y) for s_K(Y) − ε1": {"plain": 0}},
    **head_fields(),
)
def key_projection_sharp(size: Size, times: Fraction = Fraction(1), plain: int = 1) -> Inequality:
    """‖Z_{L−1} − W_L⁺ Y‖_F² ≤ r² ((ε1/(s_K(Y) − ε1))² + (n_{L−1} − K) ε2): the two errors are orthogonal."""
    head = Head(*size)
    first = sum_squares(head.R) / (spread(head.K, head.n) - plain * head.epsilon1) ** 2
    right = times * head.r**2 * (first + head.spare * head.epsilon2)
    return bound(head, sum_squares(head.features - head.pseudoinverse @ head.Y), right, head.attained)


# -------------------------------------------------------------------------------------------------------- step 3: NC1


@theorem(
    "jacot2024-within-classes",
    source=source("proof of Theorem B.1, step 3", "P"),
    expected=NUMERICAL,
    wrong={
        "Ψ to the sixth power": {"exponent": 6},
        "without √(n ε2)": {"balance": 0},
        "a hundredth less": {"times": Fraction(99, 100)},
    },
    **head_fields(least_samples=2, balanced=True),
)
def within_classes(
    size: Size, balanced: bool, exponent: int = 2, balance: int = 1, times: Fraction = Fraction(1)
) -> Inequality:
    """tr Σ_W(Z_{L−1}) ≤ Ψ²/N, since W_L⁺ Y is the same for all samples of a class. Approached as (18) is."""
    head = Head(*size, balanced)
    right = times * head.psi(balance=balance) ** exponent / head.N
    return bound(head, within(head), right, (head.point([1] * head.K),), (head.spread_out,))


@theorem(
    "jacot2024-between-classes",
    source=source("proof of Theorem B.1, step 3", "P"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "K for K − 1": {"more": 1}},
    **head_fields(),
)
def between_classes(size: Size, times: Fraction = Fraction(1), more: int = 0) -> Inequality:
    """tr Σ_B(Z_{L−1}) ≥ (√((K−1)/K) − 2ε1/√N)²/r². Attained at ε1 = 0, where W_L is √r times an isometry, r ≥ 1."""
    head = Head(*size)
    return _between(head, 2, times, more)


@theorem(
    "jacot2024-between-classes-sharp",
    source=source("proof of Theorem B.1, step 3, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "K for K − 1": {"more": 1}},
    **head_fields(),
)
def between_classes_sharp(size: Size, times: Fraction = Fraction(1), more: int = 0) -> Inequality:
    """tr Σ_B(Z_{L−1}) ≥ (√((K−1)/K) − ε1/√N)²/‖W_L‖²: centring is a projection, so that ε1 counts once."""
    return _between(Head(*size), 1, times, more)


def _between(head: Head, count: int, times: Fraction, more: int) -> Inequality:
    own = Head(head.K, head.n, 0)
    norm = operator_norm(own.last) if count == 1 else own.r
    left = (sqrt(Fraction(own.K - 1 + more, own.K)) - count * own.epsilon1 / sqrt(own.N)) ** 2
    root = max(1, own.n)
    return bound(own, left, times * norm**2 * between(own), (own.point([root] * own.K),))


@theorem(
    "jacot2024-nc1-bound",
    source=source("Theorem B.1, equation (18); Theorem 3.1, equation (2); Theorem 5.2 at ε2 = 0"),
    expected=NUMERICAL,
    wrong={"Ψ to the sixth power": {"exponent": 6}, "a hundredth less": {"times": Fraction(99, 100)}},
    **head_fields(least_samples=2, balanced=True),
)
def nc1_bound(size: Size, balanced: bool, exponent: int = 2, times: Fraction = Fraction(1)) -> Inequality:
    """NC1(Z_{L−1}) ≤ (r²/N) Ψ²/(√((K−1)/K) − 2ε1/√N)²; only W_L and W_{L−1} need to be balanced.

    Approached for small ε1 at ε2 = 0, where W_L is √r times an isometry, r = √n.
    """
    head = Head(*size, balanced)
    left, right = head.N * within(head) * gap(head) ** 2, times * head.r**2 * head.psi() ** exponent * between(head)
    return bound(head, left, right, (head.point([1] * head.K),), (head.spread_out,))


@theorem(
    "jacot2024-nc1-bound-sharp",
    source=source("equation (18), sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"without the (n − K) ε2": {"balance": 0}, "a hundredth less": {"times": Fraction(99, 100)}},
    **head_fields(least_samples=2, balanced=True),
)
def nc1_bound_sharp(size: Size, balanced: bool, balance: int = 1, times: Fraction = Fraction(1)) -> Inequality:
    """NC1 ≤ (‖W_L‖²/N) r² ((ε1/(s_K(Y) − ε1))² + (n_{L−1} − K) ε2)/(√((K−1)/K) − ε1/√N)²."""
    head = Head(*size, balanced)
    errors = sum_squares(head.R) / (spread(head.K, head.n) - head.epsilon1) ** 2 + balance * head.spare * head.epsilon2
    right = times * operator_norm(head.last) ** 2 * head.r**2 * errors * between(head)
    return bound(
        head, head.N * within(head) * gap(head, 1) ** 2, right, (head.point([1] * head.K),), (head.spread_out,)
    )
