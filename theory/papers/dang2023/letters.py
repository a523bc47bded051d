"""The paper's constants, as published; each wrong version is a subclass that changes one of them."""

from __future__ import annotations

from fractions import Fraction

from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, constant, largest_root, smallest_positive_root, sqrt

OFF = Fraction(1_000_001, 1_000_000)
"""A scale off by 1e-6, for wrong versions."""


class Letters:
    """The paper's constants, as published; each wrong version is a subclass that changes one method."""

    root = staticmethod(largest_root)

    def c(self, m: Model) -> Expression:
        """c = λ_1^{M−1} / (λ_2 ⋯ λ_M)."""
        return constant(m.weight_decays[0] ** m.M * m.feature_decay / m.Lambda)

    def b(self, m: Model) -> Expression:
        """b = M N (N Λ)^{1/M}."""
        return m.M * m.N * constant(m.N * m.Lambda) ** Fraction(1, m.M)

    def T(self, M: int) -> Expression:
        """T_M = (M−1)^{(M−1)/M} / M, with 0⁰ = 1."""
        return constant(M - 1) ** Fraction(M - 1, M) / M

    def x(self, M: int, beta: Expression) -> Expression:
        """The root of β = M x^{M−1} / (1 + x^M)² (the largest, as published); √(1/β) − 1 for M = 1."""
        if M == 1:
            return sqrt(1 / beta) - 1
        coefficients = [constant(0)] * (2 * M + 1)
        for power, coefficient in ((0, beta), (M, 2 * beta), (2 * M, beta), (M - 1, constant(-M))):
            coefficients[power] = coefficients[power] + coefficient
        return self.root(coefficients)

    def s(self, m: Model, n: int, x: Expression) -> Expression:
        """s_k = (N λ_H x_k^M / c)^{1/(2M)}."""
        return (m.N * m.feature_decay * x**m.M / self.c(m)) ** Fraction(1, 2 * m.M)

    def g(self, M: int, beta: Expression, x: Expression) -> Expression:
        """g(x) = 1/(1 + x^M) + β x."""
        return 1 / (1 + x**M) + beta * x

    def weights_gram(self, p: Expression, r: Expression) -> Expression:
        """Eigenvalue of P Pᵀ from p = c s^{2M} and r = N λ_H."""
        return p

    def features_gram(self, p: Expression, r: Expression) -> Expression:
        """Eigenvalue of H̄ᵀH̄: c s^{2M} / (c s^{2M} + N λ_H)²."""
        return p / (p + r) ** 2

    def logits(self, p: Expression, r: Expression) -> Expression:
        """Eigenvalue of P H̄: c s^{2M} / (c s^{2M} + N λ_H)."""
        return p / (p + r)

    def alignment(self, p: Expression, r: Expression) -> Expression:
        """NC3: P = (c s^{2M} + N λ_H) H̄ᵀ."""
        return p + r

    def bias(self, m: Model, k: int) -> Expression:
        """b_k = n_k / N."""
        return constant(Fraction(m.class_sizes[k], m.N))

    def schatten_factors(self, M: int) -> int:
        """The number of factors in the layered regulariser: M + 1."""
        return M + 1


LETTERS = Letters()


class SmallestRoot(Letters):
    root = staticmethod(smallest_positive_root)


class ThresholdTooHigh(Letters):
    def T(self, M: int) -> Expression:
        return Fraction(21, 20) * super().T(M)


class ThresholdExponent(Letters):
    def T(self, M: int) -> Expression:
        return constant(M - 1) ** Fraction(M, M + 1) / M


class BWithoutM(Letters):
    def b(self, m: Model) -> Expression:
        return super().b(m) / m.M if m.M > 1 else super().b(m) / 2


class BWithK(Letters):
    def b(self, m: Model) -> Expression:
        return super().b(m) / m.K


class BWithoutN(Letters):
    def b(self, m: Model) -> Expression:
        return super().b(m) * constant(Fraction(1, m.N)) ** Fraction(1, m.M)


class WeightsOff(Letters):
    def weights_gram(self, p: Expression, r: Expression) -> Expression:
        return OFF * p


class FeaturesNotSquared(Letters):
    def features_gram(self, p: Expression, r: Expression) -> Expression:
        return p / (p + r)


class LogitsOff(Letters):
    def logits(self, p: Expression, r: Expression) -> Expression:
        return OFF * p / (p + r)


class AlignmentWithoutDecay(Letters):
    def alignment(self, p: Expression, r: Expression) -> Expression:
        return p


class BiasOff(Letters):
    def bias(self, m: Model, k: int) -> Expression:
        return constant(Fraction(m.class_sizes[k], m.N + m.class_sizes[k]))


class CInverted(Letters):
    def c(self, m: Model) -> Expression:
        return 1 / super().c(m)


class ValueOff(Letters):
    def g(self, M: int, beta: Expression, x: Expression) -> Expression:
        return OFF * super().g(M, beta, x)


class MNotMPlusOne(Letters):
    def schatten_factors(self, M: int) -> int:
        return M


class PlainLetters(Letters):
    """Theorem 4.1's constants for M = 1: s_k² = u_k − N λ_H with u_k = √(n_k λ_H/λ_W), and NC3 constant u_k."""

    def u(self, m: Model, n: int) -> Expression:
        """u_k = √(n_k λ_H / λ_W)."""
        return sqrt(n * m.feature_decay / m.weight_decays[0])

    def s(self, m: Model, n: int, x: Expression) -> Expression:
        return sqrt(self.u(m, n) - m.N * m.feature_decay)


PLAIN = PlainLetters()


class PlainInverted(PlainLetters):
    def u(self, m: Model, n: int) -> Expression:
        return sqrt(n * m.weight_decays[0] / m.feature_decay)


class PlainWithoutN(PlainLetters):
    def s(self, m: Model, n: int, x: Expression) -> Expression:
        return sqrt(self.u(m, n) - m.feature_decay)


class PlainWeightsOff(PlainLetters, WeightsOff):
    pass


class PlainLogitsOff(PlainLetters, LogitsOff):
    pass


class PlainFeaturesNotSquared(PlainLetters, FeaturesNotSquared):
    pass


class PlainAlignment(PlainLetters, AlignmentWithoutDecay):
    pass


class PlainValueOff(PlainLetters, ValueOff):
    pass
