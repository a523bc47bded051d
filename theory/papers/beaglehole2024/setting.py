"""What the statements share: the source, rational matrices with their inverses, and the recursion of Gram matrices.

    X̃_{l+1}ᵀ X̃_{l+1} = κ⁻¹ X_lᵀ M_l X_l,   X_{l+1}ᵀ X_{l+1} = X̃_{l+1}ᵀ X̃_{l+1} + λ_map I.

With A = XᵀX and coefficients α = Y (A + λ̂I)⁻¹ of the predictor's linear part, M = X αᵀα Xᵀ and

    XᵀMX = P YᵀY P,   P = A (A + λ̂I)⁻¹ = I − λ̂ (A + λ̂I)⁻¹.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from theory.ops import Expression, identity, matrix, one_hot
from theory.statement import Source

Rows = list[list[Fraction]]


def source(locator: str, provenance: str = "P", **parts: str) -> Source:
    """A place in the paper; ``parts`` says what is known in another way than the rest."""
    return Source(
        "Beaglehole et al. 2024, Average gradient outer product as a mechanism for deep neural collapse",
        "arXiv 2402.13728 v6",
        locator,
        provenance,
        tuple(parts.items()),
    )


def labels(K: int, n: int) -> Expression:
    """Y = I_K ⊗ 1_nᵀ (K × N)."""
    return one_hot((n,) * K)


def integers(rows: int, columns: int, seed: int, most: int = 2) -> Rows:
    """Drawn integers of at most some size, as a matrix."""
    draw = Random(seed)
    return [[Fraction(draw.randint(-most, most)) for _ in range(columns)] for _ in range(rows)]


def transposed(A: Rows) -> Rows:
    """Aᵀ."""
    return [list(column) for column in zip(*A, strict=True)]


def times(A: Rows, B: Rows) -> Rows:
    """A B."""
    columns = transposed(B)
    return [[sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in A]


def plus(A: Rows, ridge: Fraction) -> Rows:
    """A + ridge · I."""
    return [[a + ridge * (i == j) for j, a in enumerate(row)] for i, row in enumerate(A)]


def scaled(A: Rows, factor: Fraction) -> Rows:
    """A times a number."""
    return [[factor * a for a in row] for row in A]


def inverse(A: Sequence[Sequence[Fraction]]) -> Rows:
    """A⁻¹ of a positive definite matrix, by elimination without exchanges of rows.

    >>> inverse([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(1)]]) == [[1, -1], [-1, 2]]
    True
    """
    size = len(A)
    rows = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(A)]
    for k in range(size):
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(size):
            if i != k and (factor := rows[i][k]):
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


@dataclass(frozen=True)
class Recursion:
    """The recursion of Gram matrices with rational parameters.

    Args:
        K, n: classes and samples of each.
        predictor: λ̂ ≥ 0.
        map: λ_map > 0.
        kappa: κ > 0.

    >>> recursion = Recursion(2, 1, Fraction(1), Fraction(1), Fraction(1))
    >>> recursion.step(plus([[Fraction(0)] * 2] * 2, Fraction(1))) == [[Fraction(1, 4), 0], [0, Fraction(1, 4)]]
    True
    """

    K: int
    n: int
    predictor: Fraction
    map: Fraction
    kappa: Fraction

    @property
    def gram(self) -> Rows:
        """YᵀY = I_K ⊗ 11ᵀ."""
        N = self.K * self.n
        return [[Fraction(i // self.n == j // self.n) for j in range(N)] for i in range(N)]

    def resolvent(self, A: Rows) -> Rows:
        """R = (A + λ̂I)⁻¹."""
        return inverse(plus(A, self.predictor))

    def shrinkage(self, A: Rows) -> Rows:
        """P = I − λ̂R."""
        return plus(scaled(self.resolvent(A), -self.predictor), Fraction(1))

    def step(self, A: Rows) -> Rows:
        """κ⁻¹ XᵀMX (N × N) from A = XᵀX."""
        P = self.shrinkage(A)
        return scaled(times(times(P, self.gram), P), 1 / self.kappa)

    def run(self, A: Rows, layers: int) -> list[tuple[Rows, Rows]]:
        """Pairs of X_lᵀX_l and X̃_{l+1}ᵀX̃_{l+1} for l = 1, …, some layers."""
        found = []
        for _ in range(layers):
            B = self.step(A)
            found.append((A, B))
            A = plus(B, self.map)
        return found

    def as_formula(self, A: Rows) -> Expression:
        """The step as a formula of A and R, to which that of numbers is held."""
        P = identity(len(A)) - self.predictor * matrix(self.resolvent(A))
        return 1 / self.kappa * (P @ labels(self.K, self.n).T @ labels(self.K, self.n) @ P)


def printed_kappa(predictor: Fraction, map: Fraction) -> Fraction:
    """κ = 1 − 2λ̂(1 + λ_map⁻¹), as printed.

    >>> printed_kappa(Fraction(1, 10), Fraction(1))
    Fraction(3, 5)
    """
    return 1 - 2 * predictor * (1 + 1 / map)


def kept(n: int, predictor: Fraction, map: Fraction, scale: Fraction = Fraction(1)) -> Fraction:
    """s = (b n + λ_map)/(b n + λ_map + λ̂), by which P acts on the range of YᵀY at collapse, XᵀX = b YᵀY + λ_map I."""
    return (scale * n + map) / (scale * n + map + predictor)


def exact_kappa(n: int, predictor: Fraction, map: Fraction, scale: Fraction = Fraction(1)) -> Fraction:
    """κ = s²/b, for which b YᵀY is a fixed point."""
    return kept(n, predictor, map, scale) ** 2 / scale
