"""The kind of theorem about the Hessian in all factors at collapse: squared error, equal decays, any depth and widths.

Along directions X_0, …, X_L the products Q_m = W_L ⋯ W_m and R_m = W_m ⋯ H change by Q′_m and R′_m, where Q′_{L+1} = 0,
Q′_m = Q′_{m+1} W_m + Q_{m+1} X_m and R′_{−1} = 0, R′_m = X_m R_{m−1} + W_m R′_{m−1}; the outputs Z = R_L by R′_L. As
Z − Y = (γ−1) Y, the gradient by W_m, Q_{m+1}ᵀ (Z − Y) R_{m−1}ᵀ/N + λ(m) W_m, changes by

    λ(m) X_m + (Q_{m+1}ᵀ R′_L R_{m−1}ᵀ − (1−γ) (Q′_{m+1}ᵀ Y R_{m−1}ᵀ + Q_{m+1}ᵀ Y R′_{m−1}ᵀ))/N.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

from proofs.collapsed import Point, proposed
from proofs.curvature_kinds import A, B, pair
from proofs.directions import INNER, Directions, Said, dimensions
from proofs.entailment import NotEntailed
from proofs.formulas import same
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Matrix
from proofs.lemmas.collapse_setting import DIRECTIONS, C, D, E, F, O, c, gamma, n, tau
from proofs.lemmas.setting import ALL, WEIGHTS, Lam, N, Q, R, W, Y, beta, lam, m
from proofs.matching import Known, answers
from proofs.scalar_kinds import require
from theory.claims import Relation, equal
from theory.curvature import along_pairs, transposition
from theory.ops import Expression, identity, kron, one_hot

ODDS = gamma / (1 - gamma)
UPPER = n * gamma * Lam(m + 2) / beta ** (M - m)
"""How long the part of a layer is that belongs to F_m in the layer below."""


def above(index: Any) -> Matrix:
    """Q′_m along X_m = c(m) Aᵀ E Y Bᵀ: n γ/β C(m) E Q_m."""
    return n * gamma / beta * C(index) * (E @ Q(index))


def below(index: Any) -> Matrix:
    """R′_m along X_m = c(m) Aᵀ E Y Bᵀ: γ/β (C(0) − C(m+1)) R_m Yᵀ E Y."""
    return gamma / beta * (C(0) - C(index + 1)) * (R(index) @ Y.T @ E @ Y)


def outputs() -> Matrix:
    """R′_L along these: n γ²/β C(0) E Y."""
    return n * gamma**2 / beta * C(0) * (E @ Y)


def changed(X: Matrix, upper: Matrix | None, middle: Matrix | None, lower: Matrix | None) -> Matrix:
    """How the gradient by W_m changes along X_m with Q′_{m+1}, R′_L and R′_{m−1}; None where one is 0."""
    total = lam(m) * X
    if middle is not None:
        total = total + 1 / N * (A.T @ middle @ B.T)
    if upper is not None:
        total = total - (1 - gamma) / N * (upper.T @ Y @ B.T)
    return total if lower is None else total - (1 - gamma) / N * (A.T @ Y @ lower.T)


def right() -> Matrix:
    """X_{m+1} of a pair: a multiple of Q_{m+2}ᵀ F_mᵀ."""
    return tau * UPPER * (Q(m + 2).T @ F(m).T)


def moved() -> Matrix:
    """How the gradient of the upper layer of a pair changes: R′_m = F_m Y BᵀB."""
    return lam(m + 1) * right() - (1 - gamma) / N * (Q(m + 2).T @ Y @ (F(m) @ Y @ B.T @ B).T)


def on_classes(odds: Any, whole: Any, own: Any) -> tuple[Any, Any]:
    """The coefficients of E and Eᵀ in the change of a gradient on class space, C = whole and λ(m) c(m) = own."""
    return odds * whole + own, own - whole


def mixed() -> Matrix:
    """How gradients change on class space: E and Eᵀ."""
    same, turned = on_classes(ODDS, C(0), lam(m) * c(m))
    return same * pair(E) + turned * pair(E.T)


def inside_classes() -> Matrix:
    """The change of the features' gradient along X_0 = Q_1ᵀ D, less λ(0)/(1−γ) times X_0."""
    X = Q(1).T @ D
    return lam(0) * X + 1 / N * (Q(1).T @ Q(1) @ X) - lam(0) / (1 - gamma) * X


@dataclass(frozen=True)
class Changes:
    """How products and gradients change along each family of directions."""

    chain_above: Fact
    chain_below: Fact
    reached: Fact
    class_space: Fact
    pair_weights: Fact
    pair_inputs: Fact
    pair_above: Fact
    pair_lower: Fact
    pair_upper: Fact
    within: Fact
    within_inputs: Fact
    rest: Fact

    def said(self) -> list[Said]:
        """What each step must say, and for which layers."""
        along = c(m) * pair(E)
        left = F(m) @ Y @ B.T
        return [
            (self.chain_above, above(m) - above(m + 1) @ W(m) - A @ along, WEIGHTS),
            (self.chain_below, below(m) - along @ B - W(m) @ below(m - 1), ALL),
            (self.reached, gamma / beta * C(0) * (R(M) @ Y.T @ E @ Y) - outputs(), None),
            (self.class_space, changed(along, above(m + 1), outputs(), below(m - 1)) - mixed(), ALL),
            (self.pair_weights, F(m).T @ W(m), INNER),
            (self.pair_inputs, F(m).T @ R(m), INNER),
            (self.pair_above, W(m + 1) @ F(m), INNER),
            (self.pair_lower, changed(left, Q(m + 2) @ right(), None, None) - (lam(m) - tau) * left, INNER),
            (self.pair_upper, moved() - lam(m + 1) * (tau - lam(m)) * UPPER * (Q(m + 2).T @ F(m).T), INNER),
            (self.within, inside_classes(), None),
            (self.within_inputs, D @ B.T, WEIGHTS),
            (self.rest, W(m + 1) @ O(m), INNER),
        ]


@dataclass(frozen=True, eq=False)
class FullCurvature:
    """The Hessian in all factors, by families of directions that fill the space."""

    changes: Changes
    directions: Directions

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let the classes be balanced, K of them with n samples each, and H, W_1, …, W_L any critical point with the outputs γ Y,
0 < γ < 1, all decays λ, all widths d ≥ K; β = γ (1−γ)/K and Λ_l = λ^{L−l+1}. (The steps write M for L, the number of
weight matrices.) Every direction X_0, …, X_L in the factors is a sum of these, where A = W_L ⋯ W_{l+1} and B = W_{l−1}
⋯ H are above and below a layer:

- X_l = c_l Aᵀ E Y Bᵀ with any K × K matrix E. The gradients change by Aᵀ (λ c_l (E + Eᵀ) + C (γ/(1−γ) E − Eᵀ)) Y Bᵀ,
  C = λ Σ c_l. So all c_l equal gives the eigenvalues λ (2 + (L+1)(γ/(1−γ) − 1)) for E = Eᵀ, K (K+1)/2 times, and
  λ (L+1)/(1−γ) for E = −Eᵀ, K (K−1)/2 times; Σ c_l = 0 gives 2λ and 0, L times as often. The part in each layer of
  weights is an eigenvector of the Hessian of the data term in this layer, for λ γ/(1−γ).
- X_l = F Y Bᵀ and X_{l+1} = τ n γ Λ_{l+2}/β^{L−l} Q_{l+2}ᵀ Fᵀ with A F = 0, all others 0, l = 0 … L − 1, where
  Q_{l+2} = W_L ⋯ W_{l+2}: eigenvectors for τ = λ with 0 and for τ = −λ with 2λ, K (d − K) times each for every l.
- X_0 = W_1ᵀ ⋯ W_Lᵀ D with D Yᵀ = 0: λ/(1−γ), K² (n−1) times.
- X_l with A X_l = 0 and X_l B = 0, and X_0 with A X_0 = 0 and X_0 Yᵀ = 0: λ.

For in each layer A X B Yᵀ is a positive multiple of E and 0 along the others, without that part X B Yᵀ is one of F and
0 along the others, and then A X is one of the Fᵀ from the layer below, or of D, so that the families are independent; A
has K independent rows, and Y too, so that their dimensions are (L+1) K², twice K (d − K) for each l < L, K² (n−1), and
the product of what K leaves of rows and columns in each layer: together as many as the factors have entries.

Without the decays' own terms each eigenvalue is less by λ."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {DIRECTIONS: (*vars(self.changes).values(), *vars(self.directions).values())}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        require(type(self.changes) is Changes and type(self.directions) is Directions, "changes and directions")
        inside = [(1 - gamma, POSITIVE)]
        for fact, body, layers in (*self.changes.said(), *self.directions.said()):
            require(selection.states(proofs[DIRECTIONS], fact, body, ZERO, inside, layers), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses about eigenvalues, or eigenvectors of outliers, of the Hessian in all factors at one point.

        ``parameters`` propose the point; that it is critical with the outputs γ Y and equal decays, and that the matrix
        of the claim is its Hessian, is decided exactly.

        Raises:
            NotEntailed: for another claim, or without such a point.
        """
        point, layers = proposed(parameters)
        return answers(claim, InAllFactors(point), layers)


@dataclass(frozen=True)
class InAllFactors:
    """What the theorem says at one point.

    Raises:
        NotEntailed: for unequal decays.
    """

    at: Point

    def __post_init__(self) -> None:
        if not all(same(self.decay, other) for other in self.at.decays):
            raise NotEntailed("the theorem is about equal decays")

    @property
    def decay(self) -> Expression:
        """λ."""
        return self.at.decays[0]

    def value(self, sign: int, together: bool) -> Fraction:
        """Over λ, without the decays, for E = ± Eᵀ, with all c_l equal or with Σ c_l = 0."""
        odds, factors = self.at.gamma / (1 - self.at.gamma), self.at.L + 1
        own, turned = on_classes(odds, factors if together else 0, 1)
        return Fraction(own + sign * turned - 1)

    @cached_property
    def hessian(self) -> Expression:
        """That of the data term, which is that of the objective less λ."""
        return self.at.curvature.full((0,) * (self.at.L + 1))

    def spectra(self, layer: int) -> Iterator[Known]:
        """The Hessian.

        Raises:
            NotEntailed: where the families do not fill the space.
        """
        K, L, often = self.at.K, self.at.L, dimensions(self.at)
        antisymmetric = K * (K - 1) // 2
        eigenvalues = [(self.at.gamma / (1 - self.at.gamma), often.within), (Fraction(0), often.rest)]
        for sign, times in ((1, often.classes - antisymmetric), (-1, antisymmetric)):
            eigenvalues += [(self.value(sign, True), times), (self.value(sign, False), L * times + often.pairs)]
        yield Known(self.hessian, [(self.decay * value, times) for value, times in eigenvalues if times])

    def relations(self, layer: int) -> Iterator[Relation]:
        """Eigenvectors of outliers: those with all c_l equal, and their parts in a layer."""
        K, at, Y = self.at.K, self.at.curvature, one_hot(self.at.sizes)
        vectors, T = along_pairs(at, self.at.sizes), transposition(K)
        for sign in (1, -1):
            chosen = vectors @ (identity(K * K) + sign * T)
            yield equal(self.hessian @ chosen, self.value(sign, True) * self.decay * chosen)
        part = kron(at.above(layer).T, at.below(layer) @ Y.T)
        yield equal(at.layer(layer) @ part, self.at.outlier(layer) * part)

    def numbers(self, layer: int) -> Mapping[Expression, Expression]:
        """None."""
        return {}
