"""The kind of theorem about curvature at collapse with cross-entropy: balanced classes, any depth, widths and decays.

The Hessian of the average loss in W_l is X ↦ 1/N Σ_k Aᵀ ρ_k A X B Π_k Bᵀ, Π_k the projection on the samples of class k.
Where B = M Y with class means M, this is 1/N Aᵀ Φ(A X M) Y Bᵀ with Φ(F) = Σ_k ρ_k F e_k e_kᵀ, ρ_k on column k.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from proofs.collapsed_softmax import proposed
from proofs.curvature_kinds import A, B, pair
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.kernel.words import Matrix, identity
from proofs.lemmas.collapse_setting import E, e, n
from proofs.lemmas.setting import ALL, WEIGHTS, K, Lam, N, R, W, Y, beta, lam, m, one_dimension
from proofs.lemmas.softmax_collapse_setting import COLUMN, SOFTMAX_COLLAPSE, D, S, alpha, count, delta, kappa, p, tau, u
from proofs.matching import answers
from proofs.scalar_kinds import require


def weighted(F: Matrix) -> Matrix:
    """ρ F u for the class of u: diag(p) = κ u uᵀ + (1−κ)/K I."""
    v = F @ u
    return kappa * (u @ u.T @ v) + (1 - kappa) / count * v - p @ p.T @ v


OTHERS = e - u
"""The sum of the unit vectors of the other classes."""


def among_others() -> Matrix:
    """K − 1 times the sum of squares of these unit vectors about their mean."""
    return (count - 1) * (identity(K) - u @ u.T) - OTHERS @ OTHERS.T


@dataclass(frozen=True, eq=False)
class SoftmaxCurvature:
    """The Hessian of each layer at collapse with cross-entropy."""

    centred: Fact
    collapsed: Fact
    scaled: Fact
    lengths: Fact
    vectors: Fact
    column: Fact
    diagonal: Fact
    own: Fact
    others: Fact
    across: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let the classes be balanced, K of them with n samples each, S = I − 11ᵀ/K, and H, W_1, …, W_L any critical point of the
deep linear model with cross-entropy whose outputs are α S Y, α > 0, for any widths and decays; let κ = (1 − e^{−α})/(1
+ (K−1) e^{−α}). For a layer l = 1 … L let A = W_L ⋯ W_{l+1} and B = W_{l−1} ⋯ W_1 H. The matrices Aᵀ E Y Bᵀ with E = S
E S are different for different E, (K−1)² dimensions, and the Hessian of the average loss in W_l maps every matrix to
one of them. It maps Aᵀ E Y Bᵀ to Aᵀ F Y Bᵀ with F = λ_l α (E/K + κ S D(E) S), D(E) the diagonal of E.

So for K ≥ 3 its eigenvalues are λ_l α/K, on the E with a zero diagonal, K² − 3K + 1 dimensions; λ_l α (1 + κ (K−2))/K,
on E = S D S with D diagonal and tr D = 0, K − 1 dimensions; λ_l α (1 + κ (K−1))/K, for D = I, once; and 0. For K = 2
the last two alone are left. The gradient of the average loss is −λ_l W_l, and W_l is a multiple of Aᵀ S Y Bᵀ. With M_l
the class means that enter a layer and M_{L+1} = α S, M_lᵀ M_l = ‖M_l‖²/(K−1) S and W_l = (K−1)/‖M_l‖² M_{l+1} M_lᵀ.

With p = (1 + (K−1) κ)/K, the probability of the own class, and 1 − p = (K−1)(1−κ)/K of all others: e_c − p_c is (1−κ)
S e_c; the mean of e_{c'} − p_c over c' ≠ c is −K p/(K−1) S e_c; and Σ_{c' ≠ c} (e_{c'} − ē)(…)ᵀ, ē their mean, is S −
K/(K−1) S e_c e_cᵀ S. So the parts of the Hessian map Aᵀ E Y Bᵀ to Aᵀ F Y Bᵀ, within classes with F = 0, across them
with F = λ_l α/K (E − K/(K−1) S D(E) S), for class with F = λ_l α p² K/(K−1) S D(E) S, and for own with p (1−p) in place
of p². Across: λ_l α/K on the E with a zero diagonal, λ_l α/(K (K−1)) on S D S with tr D = 0, and 0 for D = I. Class: 0
on the first of these, λ_l α p² (K−2)/(K−1) on the second, λ_l α p² on the third. Own: with p (1−p) in place of p²."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {
            SOFTMAX_COLLAPSE: (self.centred, self.collapsed, self.scaled, self.lengths, self.vectors),
            COLUMN: (self.column, self.diagonal, self.own, self.others, self.across),
        }

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        inside, both = [(1 - kappa, POSITIVE)], S @ E @ S
        across, v = n * N * alpha * lam(m) / (1 - kappa), S @ E @ u
        entry = count * (count - 2) * delta + tau
        above, length = (1 - kappa) * beta ** (M - m), n * N * alpha * lam(m) * Lam(m + 1)
        said: list[tuple[Setting, Fact, Any, Any]] = [
            (SOFTMAX_COLLAPSE, self.centred, S @ Y @ B.T - Y @ B.T, WEIGHTS),
            (SOFTMAX_COLLAPSE, self.collapsed, n * B - B @ Y.T @ Y, WEIGHTS),
            (SOFTMAX_COLLAPSE, self.scaled, S @ A @ pair(both) @ B @ Y.T - across * both, ALL),
            (SOFTMAX_COLLAPSE, self.lengths, above * (Y @ B.T @ B @ Y.T) - length * S, WEIGHTS),
            (SOFTMAX_COLLAPSE, self.vectors, above * (R(m) @ Y.T @ Y @ B.T) - length * W(m), ALL),
            (COLUMN, self.column, weighted(E) - (1 - kappa) * (1 / count * v + kappa * (S @ u @ u.T @ v)), None),
            (COLUMN, self.diagonal, count**2 * (u.T @ S @ D @ S @ u) - entry * identity(one_dimension), None),
            (COLUMN, self.own, u - p - (1 - kappa) * (S @ u), None),
            (COLUMN, self.others, OTHERS - (count - 1) * p + (1 + (count - 1) * kappa) * (S @ u), None),
            (COLUMN, self.across, among_others() - (count - 1) * S + count * (S @ u @ u.T @ S), None),
        ]  # fmt: skip
        for setting, fact, body, layers in said:
            require(selection.states(proofs[setting], fact, body, ZERO, inside, layers), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses about the eigenvalues of the Hessian of a layer, or made of the theorem's relations, at one point.

        ``parameters`` propose the point and the layer; that the point is critical with the outputs α S Y, and that the
        formulas of the claim are those of the theorem there, is decided exactly.

        Raises:
            NotEntailed: for another claim, or without such a point.
        """
        return answers(claim, *proposed(parameters))
