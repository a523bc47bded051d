"""The kind of theorem about first and second derivatives of the data term along any line, at any point.

Along W_m + t X_m the data term f is a polynomial in t of degree 2(M+1), in one layer alone of degree 2. With A =
Q_{l+1} and B = R_{l−1} above and below a layer its derivatives at t = 0 are

    f′ = Σ_l ⟨G, A X_l B⟩,    f″ = ‖Σ_l A X_l B‖²/N + 2 Σ_{l > m} ⟨G, Q_{l+1} X_l (W_{l−1} ⋯ W_{m+1}) X_m R_{m−1}⟩.

For matrices flattened row by row ⟨X, P V Q⟩ is vec(X)ᵀ (P ⊗ Qᵀ) vec(V), and ⟨G, A X M V B⟩ = Σ P_{iq} M_{jk} X_{ij}
V_{kq} with P = AᵀG Bᵀ: these are the block formulas of ``theory.curvature``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from math import factorial
from operator import add
from typing import Any, ClassVar

import sympy as sp

from proofs.entailment import NotEntailed
from proofs.formulas import same
from proofs.kernel import selection
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import Setting
from proofs.kernel.words import Matrix, Trace, squares, trace
from proofs.lemmas.collapse_setting import X
from proofs.lemmas.setting import ALL, N, R, W, Y, m
from proofs.lemmas.variation_setting import LINE, UPTO, C, D, G, P, Q, first, rest, second, t, value
from proofs.scalar_kinds import require
from theory.claims import Identity, Relation, equal
from theory.curvature import flattened, squared
from theory.draws import integer_factors
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, kron, one_hot, sum_squares, zeros
from theory.variation import derivative, stencil

HALF = sp.Rational(1, 2)


def inner(left: Matrix, right: Matrix) -> Trace:
    """⟨X, Y⟩ = tr(Xᵀ Y)."""
    return trace(left.T @ right)


def slope() -> Trace:
    """f′ at t = 0: ⟨G, D_0⟩, D_0 = Σ_l Q_{l+1} X_l R_{l−1}."""
    return inner(G, D(0))


def form() -> Trace:
    """f″ at t = 0: ‖D_0‖²/N + ⟨G, C_0⟩, C_0 = 2 Σ_m Q̇_{m+1} X_m R_{m−1}."""
    return 1 / N * squares(D(0)) + inner(G, C(0))


def higher() -> Trace:
    """What is left of f, over t³: a polynomial in t."""
    z1, z2, z3 = D(0), C(0), rest(0)
    constant = 1 / (2 * N) * inner(z1, z2) + inner(G, z3)
    growing = t / N * (sp.Rational(1, 8) * squares(z2) + inner(z1, z3))
    return constant + growing + t**2 / (2 * N) * (inner(z2, z3) + t * squares(z3))


@dataclass(frozen=True)
class Recursions:
    """What the letters stand for, from the top down; inputs from the features up."""

    products: Fact
    inputs: Fact
    moved: Fact
    first: Fact
    second: Fact
    rest: Fact
    first_sum: Fact
    second_sum: Fact

    def said(self) -> list[tuple[Fact, Matrix]]:
        """What each step must say, for all layers."""
        moving = W(m) + t * X(m)
        return [
            (self.products, Q(m) - Q(m + 1) @ W(m)),
            (self.inputs, R(m) - W(m) @ R(m - 1)),
            (self.moved, P(m) - P(m + 1) @ moving),
            (self.first, first(m) - first(m + 1) @ W(m) - Q(m + 1) @ X(m)),
            (self.second, second(m) - second(m + 1) @ W(m) - 2 * (first(m + 1) @ X(m))),
            (self.rest, rest(m) - rest(m + 1) @ moving - HALF * (second(m + 1) @ X(m))),
            (self.first_sum, D(m) - D(m + 1) - Q(m + 1) @ X(m) @ R(m - 1)),
            (self.second_sum, C(m) - C(m + 1) - 2 * (first(m + 1) @ X(m) @ R(m - 1))),
        ]


@dataclass(frozen=True, eq=False)
class SecondVariation:
    """First and second derivatives of the data term along any line, at any point."""

    recursions: Recursions
    gradient: Fact
    value: Fact
    chain: Fact
    expansion: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
Let the factors V_0 = H and V_l = W_l, the directions X_0, …, X_L and the labels Y be any matrices whose products exist,
N samples, Z = W_L ⋯ H and G = (Z − Y)/N. (The steps write M for L.) Along V_l + t X_l the data term 1/(2N) ‖Z − Y‖² is
f(0) + t f′ + t²/2 f″ + t³ times a polynomial in t, as all E_m are polynomials in t, with

- f′ = ⟨G, D_0⟩, where D_0 is the sum of A X_l B over l = 0 … L, A = W_L ⋯ W_{l+1} and B = W_{l−1} ⋯ H above and below a
  layer: the gradient by V_l is AᵀG Bᵀ;
- f″ = ‖D_0‖²/N + 2 Σ_m ⟨G, Q̇_{m+1} X_m W_{m−1} ⋯ H⟩. For m < L the step about D_m, for the chain of factors W_L, …,
  W_{m+1}, I with the directions X_L, …, X_{m+1}, 0, says that Q̇_{m+1} is the sum of W_L ⋯ W_{l+1} X_l W_{l−1} ⋯ W_{m+1}
  over l > m; Q̇_{L+1} = 0. So the Hessian has the blocks A_lᵀA_m ⊗ B_l B_mᵀ/N, A_l and B_l above and below the layer l,
  and beside the diagonal the mixed part too, the form ⟨G, A_l X_l (W_{l−1} ⋯ W_{m+1}) X_m B_m⟩ for l > m.

With X_m = 0 in all layers but one, Q̇_{m+1} X_m, Q̈_m and E_m are 0 for all m: f has degree 2 in t, and f″ is
‖A X_l B‖²/N = ⟨X_l, AᵀA X_l B Bᵀ⟩/N, so that the Hessian in a layer is AᵀA ⊗ B Bᵀ/N. In all factors f has degree
2 (L+1), as the outputs are a product of L + 1 factors of degree 1. Values of f at whole t, with weights that are right
for every power of t up to the degree, give its derivatives at 0."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {LINE: (*vars(self.recursions).values(), self.gradient, self.value, self.chain, self.expansion)}

    def said(self) -> list[tuple[Fact, Any, Any]]:
        """What each step must say, and for which layers."""
        polynomial = t * slope() + t**2 / 2 * form() + t**3 * higher()
        return [
            *((fact, body, ALL) for fact, body in self.recursions.said()),
            (self.gradient, N * G - Q(0) + Y, None),
            (self.value, Trace({}, value) - 1 / (2 * N) * squares(P(0) - Y), None),
            (self.chain, D(m) - first(m) @ R(m - 1), UPTO),
            (self.expansion, Trace({}, value) - N / 2 * squares(G) - polynomial, None),
        ]

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        require(type(self.recursions) is Recursions, "recursions")
        for fact, body, layers in self.said():
            require(selection.states(proofs[LINE], fact, body, layers=layers), fact.name)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Clauses that say this of the model's data term, at factors and along directions of integers.

        ``parameters`` propose these. Each side must be the theorem's formula there: equal numbers would not do.

        Raises:
            NotEntailed: for another claim, or without such factors.
        """
        line = proposed(parameters)
        if type(claim) is not Identity:
            raise NotEntailed("the theorem is about relations of constants")
        known = list(line.relations())
        other = "a relation is not one of the theorem's"
        return {c.name: "" if all(_among(r, known) for r in c.relations) else other for c in claim.clauses}


def _among(relation: Relation, known: list[Relation]) -> bool:
    """Whether a relation is one of some, formula by formula."""
    return relation.sign == "=" and any(relation.left is r.left and relation.right is r.right for r in known)


@dataclass(frozen=True)
class Line:
    """Factors V_0, …, V_L and directions X_0, …, X_L, for K classes of n samples.

    Raises:
        NotEntailed: where the model's data term is not that of the theorem.
    """

    K: int
    n: int
    factors: tuple[Expression, ...]
    along: tuple[Expression, ...]

    def __post_init__(self) -> None:
        """That the objective without decays is 1/(2N) ‖W_L ⋯ H − Y‖², as a formula."""
        model = self.model
        errors = model.product @ model.features - one_hot(model.class_sizes)
        decays = reduce(add, map(sum_squares, model.variables.values())) / 2
        if not same(model.objective - decays, sum_squares(errors) / (2 * model.N)):
            raise NotEntailed("the data term is another one")

    @property
    def L(self) -> int:
        """Weight matrices."""
        return len(self.factors) - 1

    @property
    def model(self) -> Model:
        """With these sizes, all decays 1."""
        widths = tuple(W.shape[1] for W in self.factors[1:])
        return Model(class_sizes=(self.n,) * self.K, depth=self.L, widths=widths, decays=1)

    def relations(self) -> Iterator[Relation]:
        """The second derivative in each layer of weights, and both derivatives in all factors."""
        at, N, v = squared(self.factors, (self.n,) * self.K), self.K * self.n, flattened(self.along)
        for layer in range(1, self.L + 1):
            A, B, x = at.above(layer), at.below(layer), flattened([self.along[layer]])
            alone = [V if i == layer else zeros(*V.shape) for i, V in enumerate(self.along)]
            yield equal(self.derivative(alone, 2, 2), (x.T @ kron(A.T @ A, B @ B.T / N) @ x)[0, 0])
        every, degree = range(self.L + 1), 2 * (self.L + 1)
        slopes = flattened([at.slope(layer) for layer in every])
        yield equal(self.derivative(self.along, 1, degree), (v.T @ slopes)[0, 0])
        yield equal(self.derivative(self.along, 2, degree), (v.T @ at.full([0 for _ in every]) @ v)[0, 0])

    def derivative(self, along: Any, order: int, degree: int) -> Expression:
        """From values of the data term that determine the derivative of every polynomial of a degree.

        Raises:
            NotEntailed: where the steps and weights do not do so.
        """
        weights = stencil(degree, order)
        moments = [sum(weight * step**power for step, weight in weights) for power in range(degree + 1)]
        if moments != [factorial(order) if power == order else 0 for power in range(degree + 1)]:
            raise NotEntailed("the weights do not give the derivative of a polynomial")
        return derivative(self.model, self.factors, along, order, degree)


def proposed(parameters: Mapping[str, Any]) -> Line:
    """The factors and directions that parameters name.

    Raises:
        NotEntailed: where they name none.
    """
    K, n, widths, seed = (parameters.get(name) for name in ("K", "n", "widths", "seed"))
    if type(widths) is not tuple or not widths or any(type(x) is not int or x < 1 for x in (K, n, *widths)):
        raise NotEntailed("the theorem is about K classes of n samples, and layers with widths")
    if type(K) is not int or type(n) is not int or type(seed) is not int:
        raise NotEntailed("no factors and directions are proposed")
    return Line(K, n, integer_factors(K, n, widths, seed), integer_factors(K, n, widths, seed + 1))
