"""What the statements share: singular values, maxima and inverses in the vocabulary, labels and residuals.

Whatever meets a hypothesis is constructed: each draw of the variables is an instance. What a bound says where its
denominator vanishes is +∞, so that bounds are multiplied out by the positive part of the denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import isqrt
from typing import Any

from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    matrix,
    operator_norm,
    relu,
    sqrt,
    sum_squares,
)
from theory.statement import Expected, Source

REAL = "real matrices, at constructed instances: drawn points, balls and descent only"
NUMERICAL = Expected("holds", "numerical", REAL)


def source(locator: str, provenance: str = "R", **parts: str) -> Source:
    """A place in the paper; ``parts`` says what is known in another way than the rest."""
    return Source(
        "Jacot et al. 2024, Wide Neural Networks Trained with Weight Decay Provably Exhibit Neural Collapse",
        "arXiv 2410.04887",
        locator,
        provenance,
        tuple(parts.items()),
    )


# ---------------------------------------------------------------------------------------------------------- vocabulary


def total(terms: Sequence[Any]) -> Any:
    """The sum of formulas of one shape."""
    return reduce(lambda a, b: a + b, terms)


def product(factors: Sequence[Any]) -> Any:
    """The product of matrices, W_L first, or of scalars."""
    return reduce(lambda a, b: a @ b if getattr(a, "shape", ()) else a * b, factors)


def power(matrix: Expression, exponent: int) -> Expression:
    """A power of a square matrix."""
    return product([matrix] * exponent) if exponent else identity(matrix.shape[0])


def positive(x: Any) -> Expression:
    """max(x, 0) of a scalar."""
    return relu(diagonal([x]))[0, 0]


def maximum(*values: Any) -> Expression:
    """The largest of some scalars."""
    return reduce(lambda a, b: a + positive(b - a), values)


def least_square(A: Expression) -> Expression:
    """s_k(A)², k the smaller side: ‖A⁻¹‖_op⁻² of a square matrix, which must not be singular.

    >>> from theory.arithmetic.floats import Floats
    >>> [float(Floats().evaluate(least_square(diagonal([3, 2], 2, columns)))) for columns in (2, 4)]
    [4.0, 4.0]
    """
    return operator_norm(inverse(A)) ** (-2) if A.shape[0] == A.shape[1] else singular_square(A)


def singular_square(A: Expression) -> Expression:
    """s_k(A)² of any matrix, k the smaller side: ‖A‖_F² − ‖ ‖A‖_F² I − A Aᵀ ‖_op.

    >>> from theory.arithmetic.floats import Floats
    >>> float(Floats().evaluate(singular_square(diagonal([3, 0]))))
    0.0
    """
    wide = A if A.shape[0] <= A.shape[1] else A.T
    norm = sum_squares(wide)
    return norm - operator_norm(norm * identity(wide.shape[0]) - wide @ wide.T)


def least(A: Expression) -> Expression:
    """s_k(A), k the smaller side."""
    return 1 / operator_norm(inverse(A)) if A.shape[0] == A.shape[1] else sqrt(least_square(A))


def condition(A: Expression) -> Expression:
    """κ(A) = s_1/s_k of a matrix of full rank."""
    return operator_norm(A) / least(A)


def inverse(T: Expression) -> Expression:
    """T⁻¹ by cofactors, for a few rows; of two rows as one product, J Tᵀ Jᵀ/det T.

    >>> from theory.arithmetic.floats import Floats
    >>> Floats().evaluate(inverse(matrix([[2, 1], [0, 4]]))).tolist()
    [[0.5, -0.125], [0.0, 0.25]]
    """
    size, det = T.shape[0], determinant(T)
    if size == 1:
        return diagonal([1 / det])
    if size == 2:
        J = matrix([[0, 1], [-1, 0]])
        return 1 / det * (J @ T.T @ J.T)
    others = [[j for j in range(size) if j != i] for i in range(size)]
    cofactors = [[(-1) ** (i + j) * determinant(T[others[j], others[i]]) for j in range(size)] for i in range(size)]
    return grid([[c / det for c in row] for row in cofactors])


def determinant(T: Expression) -> Expression:
    """det T, by its first row."""
    size = T.shape[0]
    if size == 1:
        return T[0, 0]
    rows = range(1, size)
    return total([(-1) ** j * T[0, j] * determinant(T[rows, [k for k in range(size) if k != j]]) for j in range(size)])


def lower(X: Expression) -> Expression:
    """The lower triangle of a square matrix: rotations of hidden spaces give weights that shape.

    >>> from theory.arithmetic.floats import Floats
    >>> Floats().evaluate(lower(matrix([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))).tolist()
    [[1.0, 0.0, 0.0], [4.0, 5.0, 0.0], [7.0, 8.0, 9.0]]
    """
    size = X.shape[0]
    rows = [diagonal([int(j == i) for j in range(size)]) @ X for i in range(size)]
    return total([row @ diagonal([1] * (i + 1), size, size) for i, row in enumerate(rows)])


def grid(rows: Sequence[Sequence[Any]]) -> Expression:
    """The matrix of some scalars; the checker knows no ``blocks``, so that matrices are put together by products."""
    height, width = len(rows), len(rows[0])
    entries = {(i, j): x for i, row in enumerate(rows) for j, x in enumerate(row) if isinstance(x, Expression) or x}
    return total([x * (unit(height, i) @ unit(width, j).T) for (i, j), x in entries.items()])


def unit(size: int, i: int) -> Expression:
    """e_i, a column."""
    return identity(size)[:, (i,)]


def stacked(*parts: Expression | None) -> Expression:
    """Matrices on top of each other, None being left out.

    >>> from theory.ops import zeros
    >>> stacked(identity(2), None, zeros(1, 2)).shape
    (3, 2)
    """
    given = [part for part in parts if part is not None]
    height, places, start = sum(part.shape[0] for part in given), [], 0
    for part in given:
        places.append(identity(height)[:, range(start, start + part.shape[0])] @ part)
        start += part.shape[0]
    return total(places) if len(given) > 1 else given[0]


def mean_of(values: Sequence[Any]) -> Any:
    """The mean of scalars."""
    return total(list(values)) / constant(len(values))


# ------------------------------------------------------------------------------------------------ labels and residuals


def spread(K: int, n: int) -> Expression:
    """s_K(Y) = √(N/K) = √n for K classes of n samples."""
    return sqrt(n)


def margin(K: int, n: int) -> Fraction:
    """min(s_K(Y), ½√((K−1)N/K)) of hypothesis 4, rounded down to 64ths, so that residuals stay rational.

    >>> margin(2, 4), margin(9, 4)
    (Fraction(1, 1), Fraction(2, 1))
    """
    square = min(Fraction(n), Fraction((K - 1) * n, 4))
    return Fraction(isqrt(int(square * 64**2)), 64)


def below(n: int) -> Fraction:
    """s_K(Y) = √n rounded down to 64ths: Propositions 5.1 and 5.3 ask for ε1 < s_K(Y) only.

    >>> below(1), below(2)
    (Fraction(1, 1), Fraction(45, 32))
    """
    return Fraction(isqrt(n * 64**2), 64)


def residual(Q: Expression, bound: Fraction) -> Expression:
    """Z_L − Y as a free matrix Q sets it, of any norm up to a bound: 2 Q bound/(1 + ‖Q‖²)."""
    return 2 * bound / (1 + sum_squares(Q)) * Q


def last_class(K: int, n: int, value: Fraction) -> Expression:
    """K × N, with a value at the samples of the last class in their own row."""
    return matrix([[value if i == K - 1 and j >= (K - 1) * n else Fraction(0) for j in range(K * n)] for i in range(K)])


def saturated(x: Expression) -> Expression:
    """x²/(1 + x²), any share in [0, 1)."""
    return x**2 / (1 + x**2)
