"""Section 4, Proposition 4.5: the shifted Polyak-Łojasiewicz bound, and the first phase of descent (9 and 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import isqrt

from hypothesis import strategies as st

from theory.claims import Identity, Inequality, at_most, clause, less
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    ones,
    operator_norm,
    sqrt,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    source,
)
from theory.statement import theorem

DIMENSIONS = st.integers(1, 6)


def share(x: Expression) -> Expression:
    """2x/(1 + x²): any number in [−1, 1]; 1 at x = 1."""
    return 2 * x / (1 + x**2)


# -------------------------------------------------------------------------------------------------- Proposition 4.5


@theorem(
    "jacot2024-shifted-pl",
    source=source("Proposition 4.5, equation (11)"),
    expected=NUMERICAL,
    wrong={"α for α/4": {"times": 4}, "m_λ = (‖θ_0‖ + r_0)²/10": {"shift": Fraction(1, 10)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 2},
)
def shifted_pl(size: int, times: int = 1, shift: Fraction | None = None) -> Inequality:
    """‖∇C_λ‖² ≥ (α/4)(C_λ − λ m_λ), m_λ = (1 + √(4λ/α))² (‖θ_0‖ + r_0)², where ‖∇C_0‖² ≥ (α/2) C_0.

    Over a gradient g of C_0, a point θ with ‖θ‖ = ‖θ_0‖ + r_0, and α = a², λ = l²; C_0 = 2‖g‖² s/α with s in [0, 1].
    """
    return _shifted(size, lambda ratio: (1 + 2 * ratio) ** 2 if shift is None else constant(shift), times)


@theorem(
    "jacot2024-shifted-pl-sharp",
    source=source("Proposition 4.5, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"4λ/α alone": {"half": Fraction(0)}, "0.499 for ½": {"half": Fraction(499, 1000)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 2},
)
def shifted_pl_sharp(size: int, half: Fraction = Fraction(1, 2)) -> Inequality:
    """The same with m_λ = (½ + 4λ/α)(‖θ_0‖ + r_0)², and no smaller one: attained for ∇C_0 = −2λθ at every α and λ."""
    return _shifted(size, lambda ratio: half + 4 * ratio**2, 1, sharp=True)


def _shifted(size: int, shift: Callable[[Expression], Expression], times: int, sharp: bool = False) -> Inequality:
    g, theta = variable("g", (size, 1)), variable("theta", (size, 1))
    a, decay_root, q = variable("a"), variable("l"), variable("q")
    alpha, decay = a**2, decay_root**2
    norm = sum_squares(theta)
    loss = 2 * sum_squares(g) / alpha * share(q) ** 2
    ratio = _magnitude(decay_root) / _magnitude(a)
    m = shift(ratio) * norm
    left = times * alpha / 4 * (loss + decay / 2 * norm - decay * m)
    e = diagonal([1], size, 1)
    point = {"g": -18 * e, "theta": e, "a": constant(2), "l": constant(3), "q": constant(1)}
    variables = {"g": g, "theta": theta, "a": a, "l": decay_root, "q": q}
    return Inequality(left, sum_squares(g + decay * theta), variables, (point,) if sharp else ())


def _magnitude(x: Expression) -> Expression:
    return operator_norm(diagonal([x]))


@theorem(
    "jacot2024-descent-lemma",
    source=source("Proposition 4.5, proof of (12): the descent lemma"),
    expected=NUMERICAL,
    wrong={"η ≤ 2/β": {"reach": 2}, "by (3η/4)‖∇f‖²": {"left": Fraction(1, 4)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 2},
)
def descent_lemma(size: int, reach: int = 1, left: Fraction = Fraction(1, 2)) -> Inequality:
    """f(θ − η∇f) ≤ f(θ) − (η/2)‖∇f‖² where ∇f is β-Lipschitz and η ≤ 1/β.

    For quadratic f, which are extreme: f(θ − ηg) ≤ f(θ) − η‖g‖² + (η²/2) max_t gᵀH_t g with Hessians H_t between both
    points. Over g, H = (A + Aᵀ)/2, β = ‖H‖_op and η ≤ 1/β: (η²/2) gᵀHg ≤ (η/2)‖g‖². Attained at η = 1/β. For C_λ,
    η ≤ 1/(2β_1) and λ ≤ β_1 give it, β = β_1 + λ.
    """
    A, g, y = variable("A", (size, size)), variable("g", (size, 1)), variable("y")
    H = (A + A.T) / 2
    eta = reach * share(y) ** 2 / operator_norm(H)
    tight = ({"A": 3 * identity(size), "g": ones(size, 1), "y": constant(1)},)
    return Inequality(eta**2 / 2 * (g.T @ H @ g)[0, 0], left * eta * sum_squares(g), {"A": A, "g": g, "y": y}, tight)


@theorem(
    "jacot2024-phase-one-rate",
    source=source("Proposition 4.5, proof of (12)"),
    expected=NUMERICAL,
    wrong={"1 − ηα/4": {"eighth": Fraction(1, 4)}, "1 − ηα/2": {"eighth": Fraction(1, 2)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 1},
)
def phase_one_rate(size: int, eighth: Fraction = Fraction(1, 8)) -> Inequality:
    """C_{k+1} − λm ≤ (1 − ηα/8)(C_k − λm): a step lowers the loss by (η/2)‖∇‖², and ‖∇‖² ≥ (α/4)(C_k − λm) by (11).

    The first by jacot2024-descent-lemma; the steps that lead to C_λ ≤ 2λm are in jacot2024-phase-one. Over a = √α,
    h = √η and the gradient, ‖∇‖² = (α/4) u² (1 + ‖g‖²) for u² = C_k − λm.
    """
    u, a, h, g = variable("u"), variable("a"), variable("h"), variable("g", (size, 1))
    alpha, eta = a**2, h**2
    after = u**2 - eta / 2 * (alpha / 4 * u**2 * (1 + sum_squares(g)))
    point = {"u": constant(3), "a": constant(2), "h": constant(Fraction(1, 2)), "g": zeros(size, 1)}
    return Inequality(after, (1 - eighth * eta * alpha) * u**2, {"u": u, "a": a, "h": h, "g": g}, (point,))


@theorem(
    "jacot2024-phase-one-path",
    source=source("Proposition 4.5, distance", "Q", R="the bound of a step"),
    expected=NUMERICAL,
    wrong={"3 for 8": {"times": Fraction(3)}, "7 for 8": {"times": Fraction(7)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 1},
)
def phase_one_path(size: int, times: Fraction = Fraction(8)) -> Inequality:
    """η‖∇‖ ≤ (8/√α)(√(C_k − λm) − √(C_{k+1} − λm)), so that ‖θ_{k_1} − θ_0‖ ≤ 8√(C_λ(θ_0)/α).

    Over u² = C_k − λm, C_{k+1} − λm = u² t² with t in [0, 1], and ‖∇‖ = (√α/2) u √(1 + ‖g‖²).
    """
    u, y, g, a = variable("u"), variable("y"), variable("g", (size, 1)), variable("a")
    t, root = 1 / (1 + y**2), _magnitude(a)
    gradient = root / 2 * _magnitude(u) * sqrt(1 + sum_squares(g))
    step = 2 * u**2 * (1 - t**2) / gradient
    return Inequality(step, times / root * _magnitude(u) * (1 - t), {"u": u, "y": y, "g": g, "a": a})


@dataclass(frozen=True)
class Quadratic:
    """C_0 = ½‖Aθ − y‖² for A = diag(a), rational, and gradient descent on C_λ from θ_0; λ = σ²/t² for σ = min a.

    (10) holds everywhere with α = 4σ², ∇C_0 is β_1-Lipschitz for β_1 = max a², and r_0 ≥ 8√(C_λ(θ_0)/α) is rational.
    """

    a: tuple[Fraction, ...]
    y: tuple[int, ...]
    start: tuple[int, ...]
    t: int

    @property
    def alpha(self) -> Fraction:
        """α of (10)."""
        return 4 * min(self.a) ** 2

    @property
    def decay(self) -> Fraction:
        """λ, for which √(4λ/α) = 1/t."""
        return min(self.a) ** 2 / self.t**2

    def loss(self, theta: Sequence[Fraction | int]) -> Fraction:
        """C_λ."""
        fit = sum((a * x - y) ** 2 for a, x, y in zip(self.a, theta, self.y, strict=True))
        return (fit + self.decay * sum(x**2 for x in theta)) / 2

    def run(self, rate: Fraction, steps: int) -> list[Fraction]:
        """θ_k after k steps."""
        theta = [Fraction(x) for x in self.start]
        for _ in range(steps):
            gradient = [a * (a * x - y) + self.decay * x for a, x, y in zip(self.a, theta, self.y, strict=True)]
            theta = [x - rate * g for x, g in zip(theta, gradient, strict=True)]
        return theta

    @property
    def floor(self) -> Fraction:
        """λ m_λ = λ (1 + √(4λ/α))² (‖θ_0‖ + r_0)², with ‖θ_0‖ and r_0 rounded up."""
        squares = sum(x**2 for x in self.start), 64 * self.loss(self.start) / self.alpha
        radius = sum(Fraction(isqrt(int(64**2 * square)) + 1, 64) for square in squares)
        return self.decay * (1 + Fraction(1, self.t)) ** 2 * radius**2

    def count(self, rate: Fraction) -> int:
        """k_1 = ⌈log(λm/(C_λ(θ_0) − λm))/log(1 − αη/8)⌉."""
        ratio, kept = self.floor / (self.loss(self.start) - self.floor), 1 - self.alpha * rate / 8
        return next(k for k in count() if kept**k <= ratio)


@theorem(
    "jacot2024-phase-one",
    source=source("Proposition 4.5, equation (12)", "R", P="C_λ ≤ 2λm_λ", Q="the distance"),
    hypotheses={
        "η < 1/(2β_1)": lambda a, share, **_: 0 < share < 1,
        "C_λ(θ_0) > 2λm_λ": lambda a, y, start, t, share: (
            (f := Quadratic(a, y[: len(a)], start[: len(a)], t)).loss(f.start) > 2 * f.floor
        ),
    },
    a=st.sampled_from(
        [
            (Fraction(1),),
            (Fraction(1), Fraction(3, 2)),
            (Fraction(1, 2), Fraction(1)),
            (Fraction(1), Fraction(1), Fraction(2)),
        ]
    ),
    y=st.tuples(*[st.integers(-3, 3)] * 3),
    start=st.tuples(*[st.integers(-1, 1)] * 3),
    t=st.sampled_from((20, 60)),
    share=st.sampled_from((Fraction(1, 2), Fraction(9, 10))),
    witness={
        "a": (Fraction(1), Fraction(3, 2)),
        "y": (3, -2, 0),
        "start": (0, 0, 0),
        "t": 20,
        "share": Fraction(9, 10),
    },
    wrong={
        "a twelfth of the steps": {"fewer": 12},
        "2λm/50": {"times": Fraction(1, 50)},
        "2 for 8 in the distance": {"far": 2},
    },
)
def phase_one(
    a: tuple[Fraction, ...],
    y: tuple[int, ...],
    start: tuple[int, ...],
    t: int,
    share: Fraction,
    fewer: int = 1,
    times: Fraction = Fraction(1),
    far: int = 8,
) -> Identity:
    """C_λ(θ_{k_1}) ≤ 2λm_λ and ‖θ_{k_1} − θ_0‖ ≤ 8√(C_λ(θ_0)/α), k_1 = ⌈log(λm/(C_λ(θ_0) − λm))/log(1 − αη/8)⌉.

    Exact runs on C_0 = ½‖Aθ − y‖², where the ball of (10) is all of space. The last step of the proof is a clause of
    its own: (1 − αη/8)^{k_1} (C_λ(θ_0) − λm) ≤ λm, and one step less is not enough.
    """
    f = Quadratic(a, y[: len(a)], start[: len(a)], t)
    rate, first = share / (2 * max(a) ** 2), f.loss(f.start)
    steps = f.count(rate) // fewer
    end, kept = f.run(rate, steps), 1 - f.alpha * rate / 8
    distance = sum((x - z) ** 2 for x, z in zip(end, f.start, strict=True))
    left, one_less = (constant(kept**k * (first - f.floor)) for k in (steps, steps - 1))
    return Identity(
        (
            clause("k_1", at_most(left, f.floor), less(f.floor, one_less)),
            clause("loss", at_most(f.loss(end), times * 2 * f.floor)),
            clause("distance", at_most(distance, far**2 * first / f.alpha)),
        )
    )
