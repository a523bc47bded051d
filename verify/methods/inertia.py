"""How many eigenvalues of a symmetric matrix lie above a number, in balls, whatever their multiplicities.

By Sylvester's law a congruence keeps the numbers of positive and negative eigenvalues, so that A − x I may be reduced
by symmetric elimination. Pivots are entries of the diagonal, or 2 × 2 blocks with an eigenvalue of each sign (Bunch &
Parlett 1971). The count is that of every symmetric matrix in the balls; where a pivot may be zero there is none.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from theory.arithmetic.interpreters import Matrix, Undecidable
from verify.methods.enclosed import as_ball

SINGLE = 0.64
"""(1 + √17)/8: a diagonal entry is taken where it exceeds this share of the largest other, which bounds growth."""


def above(rows: Matrix, x: Any) -> int:
    """The number of eigenvalues above x, at the current precision; the matrix is read below its diagonal.

    Raises:
        Undecidable: where a pivot may be zero: x is too near to an eigenvalue.

    >>> [above([[0, 1, 0], [1, 0, 0], [0, 0, 1]], x) for x in (-2, 0, 2)]
    [3, 2, 0]
    """
    left = [
        [as_ball(entry) - (x if i == j else 0) for j, entry in enumerate(row[: i + 1])] for i, row in enumerate(rows)
    ]
    size = range(len(rows))
    left = [[as_ball(rows[max(i, j)][min(i, j)]) - (x if i == j else 0) for j in size] for i in size]
    found = 0
    while left:
        pivots = _pivots(left)
        found += _positive(left, pivots)
        left = _eliminated(left, pivots)
    return found


def _pivots(left: Matrix) -> tuple[int, ...]:
    """The place of the largest diagonal entry, or the two of a larger one off it."""
    sizes = [[abs(float(x.mid())) for x in row] for row in left]
    single = max(range(len(left)), key=lambda i: sizes[i][i])
    pair = max(combinations(range(len(left)), 2), key=lambda at: sizes[at[0]][at[1]], default=None)
    if pair is None or sizes[single][single] >= SINGLE * sizes[pair[0]][pair[1]]:
        return (single,)
    return pair


def _positive(left: Matrix, pivots: tuple[int, ...]) -> int:
    """How many eigenvalues of the pivot are positive."""
    if len(pivots) == 1:
        pivot = left[pivots[0]][pivots[0]]
        if pivot > 0 or pivot < 0:
            return int(pivot > 0)
    elif _determinant(left, *pivots) < 0:
        return 1
    raise Undecidable("a pivot may be zero")


def _determinant(left: Matrix, i: int, j: int) -> Any:
    return left[i][i] * left[j][j] - left[i][j] * left[i][j]


def _eliminated(left: Matrix, pivots: tuple[int, ...]) -> Matrix:
    """What is left without the pivots' rows and columns: their Schur complement."""
    rest = [i for i in range(len(left)) if i not in pivots]
    columns = [[left[i][p] for p in pivots] for i in rest]
    if len(pivots) == 1:
        solved = [[c / left[pivots[0]][pivots[0]]] for (c,) in columns]
    else:
        i, j = pivots
        a, b, c, scale = left[i][i], left[i][j], left[j][j], _determinant(left, i, j)
        solved = [[(c * u - b * v) / scale, (a * v - b * u) / scale] for u, v in columns]
    result = [[left[i][j] for j in rest] for i in rest]
    for row, column in enumerate(columns):
        if not all(x.is_zero() for x in column):
            for other in range(row + 1):
                less = sum((x * y for x, y in zip(column, solved[other], strict=True)), start=as_ball(0))
                result[row][other] = result[other][row] = result[row][other] - less
    return result
