"""Andriopoulos et al. 2024, The Prevalence of Neural Collapse in Neural Multivariate Regression.

The objective is 1/(2M) ‖W H + b 1ᵀ − Y‖² + λ_H/(2M) ‖H‖² + λ_W/2 ‖W‖² over W (n × d), H (d × M), b ∈ Rⁿ, for targets
Y ∈ R^{n×M} and n ≤ d. Letters: Ȳ = ȳ 1ᵀ the mean, Σ = (Y − Ȳ)(Y − Ȳ)ᵀ/M with the eigenvalues l_1 ≥ … ≥ l_n > 0,
c = λ_W λ_H, A = Σ^{1/2} − √c I. [A^{1/2}]_j keeps the columns of the j largest eigenvalues. Here Y − Ȳ =
√M Q diag(√l_j) Uᵀ with a rotation Q and orthonormal columns U of zero sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, CriticalPoints, GlobalMinimum, Minimisation, Point, clause, equal
from theory.ops import (
    Expression,
    constant,
    diagonal,
    helmert,
    identity,
    ones,
    sqrt,
    substitute,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.dang2023.letters import OFF
from theory.papers.ufm import LANDSCAPE_EXPECTED, LANDSCAPE_WRONG, landscape
from theory.statement import Expected, Source, theorem

NUMBERS_ONLY = Expected("holds", "numerical", "no engine derives the minimum for given targets: numbers only")


def source(locator: str, provenance: str = "P") -> Source:
    """A place in the paper."""
    return Source(
        "Andriopoulos et al. 2024, The Prevalence of Neural Collapse in Neural Multivariate Regression",
        "arXiv 2409.04180",
        locator,
        provenance,
    )


@dataclass(frozen=True)
class Setting:
    """Targets by the roots √l_1 ≥ … ≥ √l_n of their covariance, M samples, d features, and both decays."""

    roots: tuple[Fraction, ...]
    samples: int
    width: int
    first: Fraction
    second: Fraction

    @property
    def n(self) -> int:
        """Number of targets."""
        return len(self.roots)

    @property
    def turn(self) -> Expression:
        """Q."""
        if self.n == 1:
            return identity(1)
        e = identity(self.n)
        swap = e[range(self.n), (1,)] @ e[(0,), range(self.n)] - e[range(self.n), (0,)] @ e[(1,), range(self.n)]
        rest = diagonal([0, 0] + [1] * (self.n - 2))
        return Fraction(3, 5) * (e - rest) + Fraction(4, 5) * swap + rest

    @property
    def spread(self) -> Expression:
        """√M Q Uᵀ, which is Σ^{−1/2} (Y − Ȳ)."""
        return sqrt(self.samples) * (self.turn @ helmert(self.samples, self.n).T)

    def function(self, values: list[Any]) -> Expression:
        """Q diag(f(√l_j)) Qᵀ."""
        return self.turn @ diagonal(values) @ self.turn.T

    @property
    def mean(self) -> Expression:
        """ȳ = (1, 2, …)."""
        return diagonal([j + 1 for j in range(self.n)]) @ ones(self.n, 1)

    @property
    def centred(self) -> Expression:
        """Y − Ȳ."""
        return self.function(list(self.roots)) @ self.spread

    @property
    def excess(self) -> list[Expression]:
        """(√l_j − √c)_+."""
        c = self.first * self.second
        return [root - sqrt(c) if root**2 > c else constant(0) for root in self.roots]

    @property
    def variables(self) -> dict[str, Expression]:
        """W, H and b."""
        n, d = self.n, self.width
        return {"W": variable("W", (n, d)), "H": variable("H", (d, self.samples)), "b": variable("b", (n, 1))}

    def residual(self, bias: bool = True) -> Expression:
        """W H + b 1ᵀ − Y; without a bias the targets are as they are."""
        W, H, b = self.variables.values()
        Y = self.centred + self.mean @ ones(1, self.samples)
        return (W @ H + b @ ones(1, self.samples) if bias else W @ H) - Y

    @property
    def regulariser(self) -> Expression:
        """λ_H/(2M) ‖H‖² + λ_W/2 ‖W‖²."""
        W, H, _ = self.variables.values()
        return self.second / (2 * self.samples) * sum_squares(H) + self.first / 2 * sum_squares(W)

    def problem(self, bias: bool = True) -> Minimisation:
        """The objective."""
        fit = sum_squares(self.residual(bias)) / (2 * self.samples)
        used = {name: v for name, v in self.variables.items() if bias or name != "b"}
        return Minimisation(fit + self.regulariser if self.first else fit, used)

    def point(self, scale: Fraction = Fraction(1)) -> Point:
        """W = (λ_H/λ_W)^{1/4} [A^{1/2}]_{j*} R with coordinate rows R, H = √(λ_W/λ_H) Wᵀ Σ^{−1/2} (Y − Ȳ), b = ȳ."""
        ratio = constant(self.second / self.first)
        W = self.turn @ diagonal([ratio ** Fraction(1, 4) * sqrt(x) for x in self.excess], self.n, self.width)
        return {"W": scale * W, "H": sqrt(1 / ratio) * (W.T @ self.spread), "b": self.mean}

    def value(self) -> Expression:
        """n c/2 + √c tr A for c < l_n; a target direction with l_j ≤ c contributes l_j/2."""
        c, total = constant(self.first * self.second), constant(0)
        for root, excess in zip(self.roots, self.excess, strict=True):
            total = total + (Fraction(root**2) / 2 if excess is constant(0) else c / 2 + sqrt(c) * excess)
        return total


def parameters(setting: Setting) -> dict[str, Any]:
    """The setting as plain parameters."""
    return {
        "roots": setting.roots,
        "samples": setting.samples,
        "width": setting.width,
        "decays": (setting.first, setting.second),
    }


def setting(roots: tuple[Fraction, ...], samples: int, width: int, decays: tuple[Fraction, Fraction]) -> Setting:
    """The setting of parameters."""
    return Setting(roots, samples, width, *decays)


def positive(*texts: str) -> tuple[Fraction, ...]:
    """Rationals from text."""
    return tuple(map(Fraction, texts))


SIZES = {"n ≤ d, n < M": lambda roots, samples, width, **_: len(roots) <= width and len(roots) < samples}
ORDERED = {"l_1 ≥ … ≥ l_n > 0": lambda roots, **_: list(roots) == sorted(roots, reverse=True) and min(roots) > 0}
DECAYS = {"λ_W, λ_H > 0": lambda decays, **_: min(decays) > 0}
BELOW_ALL = {"c < l_n": lambda roots, decays, **_: decays[0] * decays[1] < min(roots) ** 2}
ROOTS = st.sampled_from([positive(*text.split()) for text in ("2", "1", "2 1", "1 1", "3/2 1/2", "1 1/2", "2 1 1/2")])
STRATEGIES: dict[str, Any] = {
    "roots": ROOTS,
    "samples": st.just(4),
    "width": st.just(3),
    "decays": st.sampled_from(
        [positive(*text.split()) for text in ("1/10 1/5", "1/2 1/2", "1 1", "1/2 2", "3 1/3", "2 1/50", "2 3", "1/8 2")]
    ),
}


@theorem(
    "regression-thm4-1",
    source=source("Theorem 4.1"),
    expected=NUMBERS_ONLY,
    hypotheses=SIZES | ORDERED | DECAYS,
    **STRATEGIES,
    witness=parameters(Setting(positive("2", "1"), 4, 3, *positive("1/10", "1/5"))),
    configurations=(
        parameters(Setting(positive("2", "1"), 4, 2, *positive("1/2", "2"))),  # c = l_2, d = n
        parameters(Setting(positive("1", "1/2"), 4, 2, *positive("2", "3"))),  # c > l_1
    ),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "(λ_H/λ_W)^{1/2}": {"power": Fraction(1, 2)},
        "all columns of A^{1/2}": {"positive": False},
        "b = 0": {"centred": False},
    },
)
def theorem_4_1(
    roots: tuple[Fraction, ...],
    samples: int,
    width: int,
    decays: tuple[Fraction, Fraction],
    factor: Fraction = Fraction(1),
    power: Fraction = Fraction(1, 4),
    positive: bool = True,
    centred: bool = True,
) -> GlobalMinimum:
    """Minimisers are W = (λ_H/λ_W)^{1/4} [A^{1/2}]_{j*} R, H = √(λ_W/λ_H) Wᵀ Σ^{−1/2} (Y − Ȳ), b = ȳ.

    j* counts the eigenvalues l_j ≥ c, R is any semi-orthogonal matrix; zero for c > l_1. The columns are those of A in
    the eigenbasis of Σ, so that W Wᵀ = √(λ_H/λ_W) (Σ^{1/2} − √c I)_+.
    """
    found = setting(roots, samples, width, decays)
    problem = found.problem()
    W, H, b = (problem.variables[name] for name in ("W", "H", "b"))
    ratio = constant(found.second / found.first)
    excess = found.excess if positive else [root - sqrt(found.first * found.second) for root in roots]
    clauses: tuple[Clause, ...] = (
        clause("weights", equal(W @ W.T, ratio ** (2 * power) * found.function(excess))),
        clause("features", equal(H, sqrt(1 / ratio) * (W.T @ found.spread))),
        clause("bias", equal(b, found.mean if centred else zeros(found.n, 1))),
    )
    return GlobalMinimum(problem, factor * found.value(), (found.point(),), clauses)


STEEP = Setting(positive("2", "1"), 3, 2, *positive("3", "1/12"))
"""λ_W is 36 λ_H, and c = 1/4."""


@theorem(
    "regression-landscape",
    source=source("Theorem 4.1, all other critical points"),
    expected=LANDSCAPE_EXPECTED,
    hypotheses=SIZES | ORDERED | DECAYS | {"d ≥ 2": lambda width, **_: width >= 2},
    roots=st.sampled_from([positive("2", "1"), positive("1", "1/2"), positive("1", "1")]),
    samples=st.just(3),
    width=st.just(2),
    decays=st.sampled_from([positive("1/10", "1/5"), positive("2", "1/50")]),
    witness=parameters(STEEP),
    configurations=(parameters(Setting(positive("2", "1", "1/2"), 4, 3, *positive("1/4", "1/4"))),),
    wrong=LANDSCAPE_WRONG,
)
def strict_saddles(
    roots: tuple[Fraction, ...], samples: int, width: int, decays: tuple[Fraction, Fraction], **changes: Any
) -> CriticalPoints:
    """Every critical point that is no minimiser of Theorem 4.1 is a strict saddle: ‖G‖ > √(λ_W λ_H/M).

    G = (Y − W H − b 1ᵀ)/M; the least eigenvalue of the Hessian is at most that of [[λ_W, −‖G‖], [−‖G‖, λ_H/M]].
    """
    found = setting(roots, samples, width, decays)
    each, point = (found.first, found.second / samples), found.point()
    spent = substitute(found.regulariser, point)
    return landscape(found.problem(), -found.residual() / samples, each, (found.value(), spent), **changes)


@theorem(
    "regression-cor4-2",
    source=source("Corollary 4.2"),
    expected=NUMBERS_ONLY,
    hypotheses=SIZES | ORDERED | DECAYS | BELOW_ALL,
    **STRATEGIES | {"decays": st.sampled_from([positive("1/10", "1/5"), positive("1/8", "1"), positive("2", "1/50")])},
    witness=parameters(Setting(positive("2", "1"), 4, 3, *positive("1/10", "1/5"))),
    configurations=(parameters(Setting(positive("1"), 4, 3, *positive("1/10", "1/5"))),),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "c tr A": {"root": False},
        "λ_H ‖H‖² = λ_W ‖W‖²": {"count": 1},
        "residual with c": {"residual": 2},
    },
)
def corollary_4_2(
    roots: tuple[Fraction, ...],
    samples: int,
    width: int,
    decays: tuple[Fraction, Fraction],
    factor: Fraction = Fraction(1),
    root: bool = True,
    count: int | None = None,
    residual: int = 1,
) -> GlobalMinimum:
    """For c < l_n: H in the row space of W, W Wᵀ = √(λ_H/λ_W) A, λ_H ‖H‖² = M λ_W ‖W‖², value n c/2 + √c tr A.

    The residual is W H + b 1ᵀ − Y = −√c Σ^{−1/2} (Y − Ȳ). For n = 1: |w|² = λ_H (σ/√c − 1) and h_i = √λ_W/(√λ_H σ) w
    (y_i − ȳ).
    """
    found = setting(roots, samples, width, decays)
    problem, c = found.problem(), constant(found.first * found.second)
    W, H, b = (problem.variables[name] for name in ("W", "H", "b"))
    n, M, ratio = found.n, samples, found.second / found.first
    A = found.function([x - sqrt(c) for x in roots])
    tr_A = sum((x - sqrt(c) for x in roots), constant(0))
    Y = found.centred + found.mean @ ones(1, M)
    balance = (M if count is None else count) * found.first * sum_squares(W)
    clauses: tuple[Clause, ...] = (
        clause("row space", equal(H, sqrt(1 / ratio) * (W.T @ found.spread))),
        clause("weights", equal(W @ W.T, sqrt(ratio) * A)),
        clause(
            "norms",
            equal(found.second * sum_squares(H), balance),
        ),
        clause("residual", equal(W @ H + b @ ones(1, M) - Y, -(sqrt(c) ** residual) * found.spread)),
    )
    if n == 1:
        single = equal(sum_squares(W), found.second * (roots[0] / sqrt(c) - 1))
        clauses = (*clauses, clause("one target", single, equal(H, sqrt(1 / ratio) / roots[0] * (W.T @ found.centred))))
    value = Fraction(n, 2) * c + (sqrt(c) if root else c) * tr_A
    return GlobalMinimum(problem, factor * value, (found.point(),), clauses)


@theorem(
    "regression-unregularised",
    source=source("Theorem 4.3"),
    expected=NUMBERS_ONLY,
    hypotheses=SIZES | ORDERED | {"n < d": lambda roots, width, **_: len(roots) < width},
    roots=ROOTS,
    samples=st.just(4),
    width=st.just(4),
    witness={"roots": positive("2", "1"), "samples": 4, "width": 3},
    wrong={"value 1e-6": {"value": Fraction(1, 10**6)}, "H in the row space of W": {"collapsed": True}},
)
def unregularised(
    roots: tuple[Fraction, ...],
    samples: int,
    width: int,
    value: Fraction = Fraction(0),
    collapsed: bool = False,
) -> GlobalMinimum:
    """Without decays (and bias) the minimisers are W of full row rank and H = W⁺ Y + (I − W⁺W) Z: nothing collapses.

    The value is 0; the claimed points differ in Z, and so in H outside the row space of W.
    """
    found = Setting(roots, samples, width, Fraction(0), Fraction(0))
    problem, n, M = found.problem(bias=False), found.n, samples
    W, H = problem.variables["W"], problem.variables["H"]
    Y = found.centred + found.mean @ ones(1, M)
    lower, rest = identity(width)[range(width), range(n)], identity(width)[range(width), range(n, width)]
    points = tuple({"W": lower.T, "H": lower @ Y + shift * (rest @ ones(width - n, M))} for shift in (0, 1))
    clauses: tuple[Clause, ...] = (clause("fit", equal(W @ H, Y)),)
    if collapsed:
        clauses = (*clauses, clause("row space", equal(H, W.T @ Y)))
    return GlobalMinimum(problem, constant(value), points, clauses, unique=False)
