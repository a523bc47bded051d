"""What the statements share: singular values, maxima and inverses in the vocabulary, residuals, activations, a head.

Whatever meets a hypothesis is constructed: each draw of the variables is an instance. What a bound says where its
denominator vanishes is +∞, so that bounds are multiplied out by the positive part of the denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import isqrt
from typing import Any

from theory.claims import Point
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    frobenius_norm,
    identity,
    log,
    log_sum_exp,
    matrix,
    one_hot,
    ones,
    operator_norm,
    relu,
    sqrt,
    sum_squares,
    variable,
    zeros,
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

    >>> stacked(identity(2), None, zeros(1, 2)).shape
    (3, 2)
    """
    given = [part for part in parts if part is not None]
    height, places, start = sum(part.shape[0] for part in given), [], 0
    for part in given:
        places.append(identity(height)[:, range(start, start + part.shape[0])] @ part)
        start += part.shape[0]
    return total(places) if len(given) > 1 else given[0]


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


# --------------------------------------------------------------------------------------------------------- activations


def softplus(A: Expression) -> Expression:
    """log(1 + e^x), entrywise."""
    return stacked(*(log_sum_exp(unit(2, 1) @ A[(i,), :]) for i in range(A.shape[0])))


@dataclass(frozen=True)
class Leaky:
    """σ(x) = γx + (1 − γ)(softplus(tx) − log 2)/t of Assumption 4.2; the line γx where ``steep`` t is 0.

    σ' lies in [γ, 1], |σ(x)| ≤ |x|, and σ' is β-Lipschitz with β = max(1, (1 − γ)t/4).

    >>> Leaky(Fraction(1, 2), 16).beta
    Fraction(2, 1)
    """

    gamma: Fraction
    steep: int

    @property
    def bend(self) -> Fraction:
        """The Lipschitz constant of σ'."""
        return (1 - self.gamma) * self.steep / 4

    @property
    def beta(self) -> Fraction:
        """β of Assumption 4.2: the same, 1 at least."""
        return max(Fraction(1), self.bend)

    def __call__(self, A: Expression) -> Expression:
        if not self.steep:
            return self.gamma * A
        return self.gamma * A + (1 - self.gamma) / self.steep * (softplus(self.steep * A) - log(2) * ones(*A.shape))

    def slope(self, A: Expression) -> Expression:
        """σ', entrywise."""
        if not self.steep:
            return self.gamma * ones(*A.shape)
        t = self.steep * A
        return self.gamma * ones(*A.shape) + (1 - self.gamma) * exp(t - softplus(t))


def entrywise(A: Expression, B: Expression) -> Expression:
    """The entrywise product, column by column."""
    rows, columns = A.shape
    diagonals = [diagonal([A[i, j] for i in range(rows)]) for j in range(columns)]
    return total([D @ B[:, (j,)] @ unit(columns, j).T for j, D in enumerate(diagonals)])


# ---------------------------------------------------------------------------------------------------------------- head


@dataclass(frozen=True)
class Head:
    """The last two layers at near-interpolation: all of W_L, W_{L−1}, Z_{L−2} up to rotations of the hidden spaces.

    W_L = [T 0], W_{L−1} = [C 0; B] with lower triangles T and C of size K × K, and Z_{L−2} = [C⁻¹T⁻¹(Y + R); F] with
    ‖R‖_F within hypothesis 4; h = n_{L−1} = n_{L−2} = K + spare. A ``balanced`` one has ε2 = 0: C = Tᵀ and B = 0. In a
    ``loose`` one ε1 is any number from ‖R‖_F up to hypothesis 4.
    """

    K: int
    n: int
    spare: int
    balanced: bool = False
    loose: bool = False

    @property
    def N(self) -> int:
        """Samples."""
        return self.K * self.n

    @property
    def h(self) -> int:
        """n_{L−1}."""
        return self.K + self.spare

    @property
    def variables(self) -> dict[str, Expression]:
        """What is free: T, C and Q, B and F where there are spare neurons, and y, which sets ε1."""
        shapes: dict[str, tuple[int, ...]] = {"T": (self.K, self.K), "C": (self.K, self.K), "Q": (self.K, self.N)}
        shapes |= {"B": (self.spare, self.h), "F": (self.spare, self.N)} if self.spare else {}
        shapes |= {"y": ()} if self.loose else {}
        kept = (name for name in shapes if not (self.balanced and name in "BC"))
        return {name: variable(name, shapes[name]) for name in kept}

    @property
    def Y(self) -> Expression:
        """The labels."""
        return one_hot((self.n,) * self.K)

    @property
    def R(self) -> Expression:
        """Z_L − Y."""
        return residual(self.variables["Q"], margin(self.K, self.n))

    @property
    def T(self) -> Expression:
        """The part of W_L that is not zero."""
        return lower(self.variables["T"])

    @property
    def C(self) -> Expression:
        """The part of W_{L−1} that T sees."""
        return self.T.T if self.balanced else lower(self.variables["C"])

    @property
    def B(self) -> Expression | None:
        """The part of W_{L−1} below it, where there are spare neurons."""
        return zeros(self.spare, self.h) if self.balanced and self.spare else self.variables.get("B")

    @property
    def last(self) -> Expression:
        """W_L."""
        return self.T @ identity(self.h)[range(self.K), :]

    @property
    def inner(self) -> Expression:
        """W_{L−1}."""
        return stacked(self.C @ identity(self.h)[range(self.K), :], self.B)

    @property
    def pseudoinverse(self) -> Expression:
        """W_L⁺."""
        return stacked(inverse(self.T), zeros(self.spare, self.K) if self.spare else None)

    @property
    def lower(self) -> Expression:
        """Z_{L−2}."""
        fitted = inverse(self.C) @ inverse(self.T) @ (self.Y + self.R)
        return stacked(fitted, self.variables["F"] if self.spare else None)

    @property
    def features(self) -> Expression:
        """Z_{L−1}."""
        fitted = inverse(self.T) @ (self.Y + self.R)
        return stacked(fitted, None if self.B is None else self.B @ self.lower)

    @property
    def epsilon1(self) -> Expression:
        """‖Z_L − Y‖_F, or more."""
        least = frobenius_norm(self.R)
        return least + (margin(self.K, self.n) - least) * saturated(self.variables["y"]) if self.loose else least

    @property
    def epsilon2(self) -> Expression:
        """‖W_LᵀW_L − W_{L−1}W_{L−1}ᵀ‖_op."""
        if self.balanced:
            return constant(0)
        return operator_norm(self.last.T @ self.last - self.inner @ self.inner.T)

    @property
    def r(self) -> Expression:
        """The largest of ‖Z_{L−2}‖, ‖Z_{L−1}‖, ‖W_L‖, ‖W_{L−1}‖."""
        return maximum(*map(operator_norm, (self.lower, self.features, self.last, self.inner)))

    def psi(self, times: Fraction | int = 1, plain: bool = False, balance: int = 1) -> Expression:
        """Ψ = r (ε1/(s_K(Y) − ε1) + √(n_{L−1} ε2)); ``plain`` has s_K(Y) for s_K(Y) − ε1."""
        s = spread(self.K, self.n)
        fit = self.epsilon1 / (s if plain else s - self.epsilon1)
        return times * self.r * (fit + sqrt(self.h * self.epsilon2) if balance and not self.balanced else fit)

    def point(self, T: Sequence[Fraction | int], Q: Expression | None = None) -> Point:
        """T = C = diag(T), nothing in the spare neurons, and a residual."""
        made = {"T": diagonal(T), "C": diagonal(T), "Q": zeros(self.K, self.N) if Q is None else Q}
        return {name: made.get(name, zeros(*v.shape) if v.shape else constant(0)) for name, v in self.variables.items()}

    @property
    def spread_out(self) -> Point:
        """Samples of a class differ a little, and W_L is about √r times an isometry, r = √n: NC1 is largest."""
        root = Fraction(isqrt(isqrt(10**28 * self.n)), 10**7)
        apart = {(i, i * self.n + j): (-1) ** j for i in range(self.K) for j in range(2)}
        signs = [[apart.get((i, j), 0) for j in range(self.N)] for i in range(self.K)]
        return self.point([root] * self.K, Fraction(1, 10**6) * matrix(signs))

    @property
    def attained(self) -> tuple[Point, ...]:
        """Where the key inequality is an equality, for four samples a class: R shortens Y in one direction.

        T = diag(a, …, a, 1) with a and s_K(Y)/a at most r = s_K(Y) − ε1, and W_{L−1} balanced.
        """
        if self.n != 4:
            return ()
        T = [Fraction(3, 2)] * (self.K - 1) + [1]
        return (self.point(T, last_class(self.K, self.n, Fraction(-1, 16))),)

    @property
    def floor(self) -> Expression:
        """s_K(W_L)."""
        return least(self.T)

    @property
    def kappa(self) -> Expression:
        """κ(W_L)."""
        return operator_norm(self.last) / self.floor


Size = tuple[int, int, int]
"""K, samples a class, spare neurons."""

SIZES: tuple[Size, ...] = ((2, 4, 1), (2, 4, 0), (2, 1, 1), (2, 2, 2), (3, 1, 0), (3, 2, 1), (2, 3, 0), (2, 1, 3))


def head_fields(least_spare: int = 0, least_samples: int = 1, **either: bool) -> dict[str, Any]:
    """Strategies and hypotheses of statements about a head; ``either`` names what may be or not, and at the witness."""
    from hypothesis import strategies as st

    sizes = [size for size in SIZES if size[1] >= least_samples and size[2] >= least_spare]
    return {
        "hypotheses": {
            "K ≥ 2": lambda size, **_: size[0] >= 2,
            f"n ≥ {least_samples} and n_{{L−1}} ≥ K + {least_spare}": lambda size, **_: (
                size[1] >= least_samples and size[2] >= least_spare
            ),
        },
        "size": st.sampled_from(sizes),
        **{name: st.booleans() for name in either},
        "witness": {"size": SIZES[0], **either},
    }


def mean_of(values: Sequence[Any]) -> Any:
    """The mean of scalars."""
    return total(list(values)) / constant(len(values))
