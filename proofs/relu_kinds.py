"""The kind of theorem about collapse with ReLUs: squared error, balanced classes, any depth, widths and decays.

Where a ReLU has the derivative 1 at its positive inputs and s at 0, each class has a diagonal matrix P_c of derivatives
in every hidden layer. With A_c = W_L P_c ⋯ W_{l+1} P_c the Gauss–Newton matrix of a layer is Σ_c A_cᵀ A_c ⊗ μ_c μ_cᵀ/K.
As an operator it is the sum over classes of X ↦ A_cᵀ A_c X μ_c μ_cᵀ/K, with n μ_c = B Yᵀ e_c, and n K = N.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from proofs.collapsed_relu import proposed
from proofs.curvature_kinds import OUTLIER, A, B, pair
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Matrix, Trace, identity, squares
from proofs.lemmas import collapse_setting as at
from proofs.lemmas.collapse_setting import E, gamma, n
from proofs.lemmas.relu_collapse_setting import RELU_COLLAPSE, G, apart, power
from proofs.lemmas.setting import ALL, WEIGHTS, K, Lam, N, R, T, W, Y, beta, lam, m, value
from proofs.lemmas.softmax_collapse_setting import u
from proofs.matching import answers
from proofs.scalar_kinds import require

OWN = Y.T @ u @ u.T @ Y
"""The projection on the samples of a class, times n."""
LOSS = (1 - gamma) ** 2 / 2 + (M + 1) * gamma * (1 - gamma) / 2


def of_class(X: Matrix) -> Matrix:
    """The part of the Gauss–Newton matrix that a class has, applied to X."""
    return 1 / (n * N) * (G(m + 1).T @ G(m + 1) @ X @ B @ OWN @ B.T)


def column(E: Matrix) -> Matrix:
    """E u uᵀ with s^{2(M−m)} times all entries of its column but the one of the class."""
    return apart(power(m) ** 2) @ E @ u @ u.T


@dataclass(frozen=True, eq=False)
class CollapseWithReLUs:
    """Collapse with class means ≥ 0 and ReLUs: inputs, errors, the loss, and the Gauss–Newton matrix of a layer."""

    energy: Fact
    collapsed: Fact
    lengths: Fact
    errors: Fact
    fit: Fact
    weights: Fact
    loss: Fact
    passed: Fact
    image: Fact
    entries: Fact
    distinct: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let the classes be balanced, K of them with n samples each, and H, W_1, …, W_L a critical point of the linear model
with the outputs Z = γ Y, 0 < γ < 1, for any widths and decays. For a layer l = 1 … L let A = W_L ⋯ W_{l+1} and B =
W_{l−1} ⋯ W_1 H, M_l = B Yᵀ/n the class means μ_c that enter it, M_{L+1} = γ I, β = γ (1−γ)/K and Λ_l = λ_l ⋯ λ_L; let
all entries of M_2, …, M_L be at least 0.

Then B = M_l Y, so that the inputs of the ReLUs after the layers 1 … L − 1 are at least 0 too: no ReLU changes
anything. Class means have ‖μ^{(l)}‖² = γ² Λ_l/β^{L−l+1}, back-propagated errors are Aᵀ (Z − Y) = γ (γ−1)/‖μ^{(l+1)}‖²
W_l B: they vanish where the input of a ReLU does. ‖Z − Y‖² = N (1−γ)², λ_l ‖W_l‖² = γ (1−γ) and λ_H ‖H‖² = γ (1−γ), so
that the loss is ½ (1−γ)² + ½ (L+1) γ (1−γ).

Let the ReLUs have the derivative 1 at positive inputs and s at 0, in the diagonal matrices P_c for the class c. As
class means are ≥ 0 and M_lᵀ M_l is a multiple of I, no two are positive at one coordinate: P_c μ_c = μ_c, and P_c
μ_{c'} = s μ_{c'} for all others. Then A_c = W_L P_c ⋯ W_{l+1} P_c is (e_c e_cᵀ + s^{L−l} (I − e_c e_cᵀ)) A, s⁰ = 1, so
that A_cᵀ e_c = Aᵀ e_c: the errors of a class are the same with A_c in place of A. The Gauss–Newton matrix Σ_c A_cᵀ A_c
⊗ μ_c μ_cᵀ/K of the layer maps Aᵀ E Y Bᵀ to λ_l γ/(1−γ) Aᵀ F Y Bᵀ, where F is E with s^{2(L−l)} times all entries off
the diagonal. Different E give different matrices, and every matrix is mapped to one of these: the eigenvalues are λ_l
γ/(1−γ), K times, s^{2(L−l)} λ_l γ/(1−γ), K (K−1) times, and 0."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {RELU_COLLAPSE: tuple(vars(self).values())}

    def said(self) -> list[tuple[Fact, Any, Any]]:
        """What each step must say, and for which layers."""
        above, below, X = beta ** (M - m), beta ** (M - m + 1), at.X(m)
        energies = gamma * (1 - gamma)
        return [
            (self.energy, beta - n * energies / N, None),
            (self.collapsed, n * B - B @ Y.T @ Y, WEIGHTS),
            (self.lengths, below * (Y @ B.T @ B @ Y.T) - n**2 * gamma**2 * Lam(m) * identity(K), ALL),
            (self.errors, gamma * Lam(m + 1) * (A.T @ (R(M) - T)) - (gamma - 1) * above * R(m), ALL),
            (self.fit, squares(R(M) - T) - Trace({}, N * (1 - gamma) ** 2), None),
            (self.weights, lam(m) * squares(W(m)) - Trace({}, energies), ALL),
            (self.loss, Trace({}, value - LOSS), None),
            (self.passed, G(m + 1) - apart(power(m)) @ A, WEIGHTS),
            (self.image, of_class(X) - 1 / (n * N) * pair(column(A @ X @ B @ Y.T)), WEIGHTS),
            (self.entries, of_class(pair(E)) - OUTLIER * pair(column(E)), WEIGHTS),
            (self.distinct, A @ pair(E) @ B @ Y.T - n * N * OUTLIER * E, ALL),
        ]

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        inside = [(1 - gamma, POSITIVE)]
        for fact, body, layers in self.said():
            require(selection.states(proofs[RELU_COLLAPSE], fact, body, ZERO, inside, layers), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses about the eigenvalues of a Gauss–Newton matrix, or made of the theorem's relations, at one point.

        ``parameters`` propose the point, the layer and s. That the point is critical with the outputs γ Y, that its
        class means are at least 0, and that the formulas of the claim are those of the theorem there, is decided
        exactly.

        Raises:
            NotEntailed: for another claim, or without such a point.
        """
        return answers(claim, *proposed(parameters))
