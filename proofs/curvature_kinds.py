"""The kind of theorem about curvature at collapse: squared error, balanced classes, any depth, widths and decays.

A matrix on the entries of W_l, flattened row by row, is an operator on matrices X of the shape of W_l: P ⊗ Q for
symmetric P and Q is X ↦ P X Q, and v vᵀ with v = a ⊗ b is X ↦ a aᵀ X b bᵀ. So the Hessian of the data term is
X ↦ AᵀA X B Bᵀ/N, with A = W_L ⋯ W_{l+1} and B = W_{l−1} ⋯ H, and Papyan's parts of it are

    within    X ↦ AᵀA X B (I − YᵀY/n) Bᵀ/N,
    cross     X ↦ Aᵀ (I − J) A X B YᵀY Bᵀ/(nN),    class    X ↦ Aᵀ J A X B YᵀY Bᵀ/(nN),    J = 11ᵀ/K.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar

import sympy as sp

from proofs.collapsed import proposed
from proofs.entailment import NotEntailed
from proofs.formulas import same
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Matrix, identity
from proofs.lemmas import collapse_setting as s
from proofs.lemmas import setting as deep
from proofs.lemmas.collapse_setting import ANY_POINT, COLLAPSE
from proofs.lemmas.setting import ALL, WEIGHTS, K, Lam, N, Q, R, W, Y, lam, m
from proofs.matching import answers
from proofs.scalar_kinds import require
from theory.claims import Identity, Relation
from theory.curvature import split, squared
from theory.ops import zeros

A, B = Q(m + 1), R(m - 1)
"""What is above and below the layer m."""
OUTLIER = lam(m) * s.gamma / (1 - s.gamma)


def pair(E: Matrix) -> Matrix:
    """Aᵀ E Y Bᵀ, the matrix that E on class space gives: Σ E_{cc'} a_c ⊗ n μ_{c'}."""
    return A.T @ E @ Y @ B.T


def hessian(X: Matrix, A: Matrix = A, B: Matrix = B) -> Matrix:
    """The Hessian of the data term in W_m, applied to X."""
    return 1 / N * (A.T @ A @ X @ B @ B.T)


def within(X: Matrix, A: Matrix = A, B: Matrix = B) -> Matrix:
    """Its part within classes, applied to X."""
    return 1 / N * (A.T @ A @ X @ (B @ B.T - 1 / s.n * (B @ Y.T @ Y @ B.T)))


def of_means(P: Matrix, X: Matrix, A: Matrix = A, B: Matrix = B) -> Matrix:
    """Its part of class means with the projection P on class space, applied to X: P = J for class, I − J for cross."""
    return 1 / (s.n * N) * (A.T @ P @ A @ X @ B @ Y.T @ Y @ B.T)


ACROSS = identity(K) - s.J


@dataclass(frozen=True)
class Structure:
    """Where the factors of collapse are: gradients, lengths of rows and class means, and balance."""

    energy: Fact
    gradient: Fact
    rows: Fact
    lengths: Fact
    means: Fact
    collapsed: Fact
    balanced: Fact
    squares: Fact
    vectors: Fact

    def said(self) -> list[tuple[Fact, Any, Any]]:
        """What each step must say, and for which layers."""
        n, gamma, beta, Wm = s.n, s.gamma, deep.beta, W(m)
        above, below = beta ** (M - m), beta ** (M - m + 1)
        upper, lower = W(m + 1), Wm
        return [
            (self.energy, beta - n * gamma * (1 - gamma) / N, None),
            (self.gradient, lam(m) * Wm - (1 - gamma) / N * pair(identity(K)), ALL),
            (self.rows, Lam(m + 1) * (A @ A.T) - above * identity(K), ALL),
            (self.lengths, below * (Y @ B.T @ B @ Y.T) - n**2 * gamma**2 * Lam(m) * identity(K), ALL),
            (self.means, above * R(m) - gamma * Lam(m + 1) * (A.T @ Y), ALL),
            (self.collapsed, n * B - B @ Y.T @ Y, WEIGHTS),
            (self.balanced, lam(m + 1) * (upper.T @ upper) - lam(m) * (lower @ lower.T), (sp.Integer(0), M - 1)),
            (self.squares, lam(m) * (Wm.T @ Wm @ B @ Y.T) - beta * (B @ Y.T), WEIGHTS),
            (self.vectors, n**2 * gamma**2 * Lam(m) * Wm - below * (R(m) @ Y.T @ Y @ B.T), ALL),
        ]


@dataclass(frozen=True)
class Operators:
    """The Hessian of a layer and its three parts, on the K²-dimensional space of Aᵀ E Y Bᵀ and on all matrices.

    That the part within classes is 0 says that the Hessian maps every X to pair(A X B Yᵀ)/(nN), so into this space.
    """

    outliers: Fact
    distinct: Fact
    within: Fact
    of_means: Fact
    across: Fact
    projection: Fact
    apart: Fact

    def said(self) -> list[tuple[Fact, Any, Any]]:
        """What each step must say, and for which layers."""
        n, E, J, X = s.n, s.E, s.J, s.X(m)
        return [
            (self.outliers, hessian(pair(E)) - OUTLIER * pair(E), ALL),
            (self.distinct, A @ pair(E) @ B @ Y.T - n * N * OUTLIER * E, ALL),
            (self.within, within(X), WEIGHTS),
            (self.of_means, of_means(J, pair(E)) - OUTLIER * pair(J @ E), ALL),
            (self.across, of_means(ACROSS, pair(E)) - OUTLIER * pair(ACROSS @ E), ALL),
            (self.projection, J @ J - J, None),
            (self.apart, of_means(ACROSS, of_means(J, X)), ALL),
        ]


@dataclass(frozen=True, eq=False)
class CurvatureAtCollapse:
    """The Hessian of each layer at collapse, its parts, gradients and weights."""

    structure: Structure
    operators: Operators

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let the classes be balanced, K of them with n samples each, and H, W_1, …, W_L any critical point with the outputs γ Y,
0 < γ < 1, for any widths and decays. For a layer l = 1 … L let A = W_L ⋯ W_{l+1} and B = W_{l−1} ⋯ W_1 H, M_l = B Yᵀ/n
the class means that enter it, M_{L+1} = γ I, β = γ (1−γ)/K and Λ_l = λ_l ⋯ λ_L. Then B = M_l Y;
A Aᵀ = β^{L−l}/Λ_{l+1} I; M_lᵀ M_l = γ² Λ_l/β^{L−l+1} I; M_{l+1} is a multiple of Aᵀ; the gradient of the data term is
−λ_l W_l, and W_l = M_{l+1} M_lᵀ/‖μ^{(l)}‖²; λ_l W_lᵀ W_l M_l = β M_l, and λ_{l+1} W_{l+1}ᵀ W_{l+1} = λ_l W_l W_lᵀ.

The Hessian of the data term in W_l maps Aᵀ E Y Bᵀ to λ_l γ/(1−γ) times itself for every K × K matrix E, different E
give different matrices, and it maps every matrix to one of these: it has the eigenvalue λ_l γ/(1−γ) exactly K² times,
all others are 0. Its part within classes is 0; that of class means is λ_l γ/(1−γ) on the E with E = J E, which has K
dimensions, and 0 on those with J E = 0; the part across classes the other way round, K (K−1) dimensions; their product
is 0."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {COLLAPSE: (*vars(self.structure).values(), *vars(self.operators).values())}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        require(type(self.structure) is Structure and type(self.operators) is Operators, "structure and operators")
        below_one = [(1 - s.gamma, POSITIVE)]
        for fact, body, layers in (*self.structure.said(), *self.operators.said()):
            require(selection.states(proofs[COLLAPSE], fact, body, ZERO, below_one, layers), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses about the eigenvalues of a matrix of the theorem, or made of its relations, at one point.

        ``parameters`` propose the point and the layer; that the point is critical with the outputs γ Y, and that the
        formulas of the claim are those of the theorem there, is decided exactly.

        Raises:
            NotEntailed: for another claim, or without such a point.
        """
        return answers(claim, *proposed(parameters))


@dataclass(frozen=True, eq=False)
class PartsOfHessian:
    """At every point the Hessian of a layer is the sum of its parts."""

    whole: Fact
    within: Fact
    across: Fact
    of_means: Fact
    sum: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
For balanced classes and any factors, A above a layer and B below it, the Hessian X ↦ AᵀA X B Bᵀ/N of the data term is
the sum of its parts within classes, X ↦ AᵀA X B (I − YᵀY/n) Bᵀ/N, across them, X ↦ Aᵀ (I − J) A X B YᵀY Bᵀ/(nN), and of
class means, X ↦ Aᵀ J A X B YᵀY Bᵀ/(nN), J = 11ᵀ/K."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {ANY_POINT: tuple(vars(self).values())}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        at, parts = (s.middle, s.front, s.back), s.parts
        said = [
            (self.whole, s.Hessian - hessian(*at)),
            (self.within, parts["within"] - within(*at)),
            (self.across, parts["cross"] - of_means(ACROSS, *at)),
            (self.of_means, parts["class"] - of_means(s.J, *at)),
            (self.sum, s.Hessian - reduce(add, parts.values())),
        ]
        for fact, body in said:
            require(selection.states(proofs[ANY_POINT], fact, body), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses that say this of some factors, which are read off the claim; ``parameters`` propose K and n.

        Raises:
            NotEntailed: for another claim, or without sizes.
        """
        K, n = parameters.get("K"), parameters.get("n")
        if type(claim) is not Identity or type(K) is not int or type(n) is not int or K < 1 or n < 1:
            raise NotEntailed("the theorem is about a relation of constants, for K classes of n samples")
        other = "a relation is not that of a Hessian with its parts"
        return {c.name: "" if all(_is_sum(r, K, n) for r in c.relations) else other for c in claim.clauses}


def _is_sum(relation: Relation, K: int, n: int) -> bool:
    """Whether the left side is the Hessian of a layer between some A and B, and the right side the sum of its parts."""
    outer = relation.left
    if relation.sign != "=" or [x.op for x in (outer, *outer.args)] != ["kron", "matmul", "matmul"]:
        return False
    above, chosen = outer.args[0].args[1], outer.args[1].args[0]
    if chosen.op != "submatrix" or above.shape[0] != K or chosen.args[0].shape[1] != K * n:
        return False
    below = chosen.args[0]
    at = squared((below, zeros(above.shape[1], below.shape[0]), above), (n,) * K)
    return at.layer(1) is outer and same(relation.right, reduce(add, split(at, 1, K, n).values()))
