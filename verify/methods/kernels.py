"""Hand-written objective, gradient and Hessian product of the model, batched over restarts.

With A_0 = X, A_m = σ(W_m A_{m−1}), σ left out for m = M, and the outputs O = A_M + b sᵀ the objective is

    1/N Σ_i s_i² ℓ_i(O_i/s_i) + Σ_m λ_m/2 ‖W_m‖² + λ_H/2 ‖X‖² + λ_b/2 ‖b‖².

``all N columns``: X = H, s = 1_N. ``class means``: X = H̄ diag(√n), s = √n; this is the objective at collapsed features,
at a cost free of N. For squared error the first term is 1/(2N) ‖O − T‖² with T = Y diag(s). Every factor has a leading
batch axis. At its kink a ReLU has the derivative 0; features that may not be negative are the ReLU of free ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from fractions import Fraction

import torch

from theory.model import UnconstrainedFeatures
from verify.methods.minimise import Layout

Tensor = torch.Tensor

COMPILED = 20_000
"""Up to this many unknowns compiled loops are faster than batched products: L-BFGS from 64 starts 29 times for 32,
3 times for 9,000, twice for 16,000, not for 50,000."""


class LayeredModel:
    """The objective of a model over flat vectors ``[U_1 … U_M, Ξ, b]`` in units where factors have order one.

    W_m = u_m U_m and X = u_0 Ξ with λ_m u_m² = λ_H u_0² = κ and u_0 u_1 ⋯ u_M = ρ = √(N/K), so that the objective is
    1/(2N) ‖ρ U_M ⋯ U_1 Ξ + b sᵀ − T‖² + κ/2 (Σ ‖U_m‖² + ‖Ξ‖²). This changes the conditioning and nothing else; a ReLU
    commutes with positive factors.

    Args:
        model: the problem.
        collapsed: use class means instead of all N columns.
        device: where the arithmetic runs.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), depth=1, decays=1)
    >>> kernel = LayeredModel(model, collapsed=False)
    >>> float(kernel.value_and_gradient(torch.zeros(1, 8, dtype=torch.float64))[0])
    0.5
    """

    def __init__(self, model: UnconstrainedFeatures, collapsed: bool, device: str | torch.device = "cpu") -> None:
        self.model, self.collapsed = model, collapsed
        self.device = torch.device(device)
        sizes = torch.tensor(model.class_sizes, dtype=torch.float64, device=self.device)
        if collapsed:
            self.s = sizes.sqrt()
            self.target = torch.diag(self.s)
        else:
            labels = torch.repeat_interleave(torch.arange(model.K, device=self.device), sizes.long())
            self.s = torch.ones(model.N, dtype=torch.float64, device=self.device)
            self.target = torch.nn.functional.one_hot(labels, model.K).to(torch.float64).T.contiguous()
        bias = {"b": (model.K, 1)} if model.has_bias else {}
        weights = {f"W_{m}": shape for m, shape in enumerate(model.weight_shapes, start=1)}
        self.layout = Layout({**weights, "X": (model.widths[0], len(self.s)), **bias})
        self.bias_decay = float(model.bias_decay)
        self.rho = (model.N / model.K) ** 0.5
        self.kappa = float(model.Lambda * Fraction(model.N, model.K)) ** (1 / (model.M + 1))
        self.fit = Fit(model, self.s, self.target)
        decays = (*model.weight_decays, model.feature_decay)
        self.units = {name: (self.kappa / float(d)) ** 0.5 for name, d in zip((*weights, "X"), decays, strict=True)}

    def with_decays(self, fraction: float) -> LayeredModel:
        """The same model with all decays multiplied, in the same units."""
        other = copy(self)
        other.kappa = self.kappa * fraction
        return other

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Objective (B) and gradient (B, n) at points (B, n)."""
        x, allowed = self._feasible(x)
        weights, features, bias = self._split(x)
        activations, outputs = self._forward(weights, features, bias)
        fit, residual = self.fit.value_and_residual(outputs)
        penalised = self._penalised(x)
        value = fit + self.kappa / 2 * (penalised * penalised).sum(1)
        upper = residual * (self.rho / self.model.N)
        parts = []
        if bias is not None:
            value = value + self.bias_decay / 2 * (bias * bias).sum((1, 2))
            parts.append((residual @ self.s) / self.model.N + self.bias_decay * bias[:, :, 0])
        parts.append(upper)
        for W, lower in zip(weights[::-1], activations[-2::-1], strict=True):
            parts[-1:] = [upper @ lower.mT, upper := self._gated(W.mT @ upper, lower, activations)]
        gradient = self._join(parts)
        self._penalised(gradient).add_(penalised, alpha=self.kappa)
        return value, gradient if allowed is None else gradient * allowed

    def hessian(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The product v ↦ ∇²f(x) v for directions (B, n), with the part that depends on x done once."""
        x, allowed = self._feasible(x)
        weights, features, bias = self._split(x)
        activations, outputs = self._forward(weights, features, bias)
        curvature = self.fit.curvature(outputs)
        sensitivities = [self.fit.value_and_residual(outputs)[1] * (self.rho / self.model.N)]
        for W, lower in zip(weights[:0:-1], activations[-2:0:-1], strict=True):
            sensitivities.append(self._gated(W.mT @ sensitivities[-1], lower, activations))
        layers = list(zip(weights[::-1], activations[-2::-1], sensitivities, strict=True))

        def product(v: Tensor) -> Tensor:
            v = v if allowed is None else v * allowed
            dweights, dfeatures, dbias = self._split(v)
            moved = [dfeatures]
            for W, dW, lower, upper in zip(weights, dweights, activations[:-1], activations[1:], strict=True):
                moved.append(self._gated(torch.baddbmm(dW @ lower, W, moved[-1]), upper, activations))
            dresidual = curvature(self.rho * moved[-1] if dbias is None else self.rho * moved[-1] + dbias * self.s)
            dupper = dresidual * (self.rho / self.model.N)
            parts = []
            if dbias is not None:
                parts.append((dresidual @ self.s) / self.model.N + self.bias_decay * dbias[:, :, 0])
            parts.append(dupper)
            for (W, lower, upper), dW, dlower in zip(layers, dweights[::-1], moved[-2::-1], strict=True):
                parts[-1:] = [
                    torch.baddbmm(dupper @ lower.mT, upper, dlower.mT),
                    dupper := self._gated(torch.baddbmm(dW.mT @ upper, W.mT, dupper), lower, activations),
                ]
            result = self._join(parts)
            self._penalised(result).add_(self._penalised(v), alpha=self.kappa)
            return result if allowed is None else result * allowed

        return product

    @property
    def is_compiled(self) -> bool:
        """Whether restarts run side by side in compiled code: on the CPU, up to ``COMPILED`` unknowns."""
        return self.device.type == "cpu" and self.layout.size <= COMPILED

    def lbfgs(self, start: Tensor, iterations: int, tolerance: float, history: int) -> Tensor:
        """Where L-BFGS leads from each start (B, n), in compiled code."""
        from verify.compiled import lbfgs
        from verify.compiled.programs import of_model

        return lbfgs(of_model(self), start, iterations, tolerance, history)

    def gaussian_starts(self, gains: Tensor, generator: torch.Generator) -> Tensor:
        """Starts (B, n) with independent Gaussian entries; factors of restart i have norm about ``gains[i]``."""
        parts = []
        for rows, columns in self.layout.shapes.values():
            entries = torch.randn(len(gains), rows * columns, generator=generator, dtype=torch.float64)
            parts.append(entries * (gains / max(rows, columns) ** 0.5)[:, None])
        return torch.cat(parts, dim=1).to(self.device)

    def chained_starts(self, gains: Tensor, ranks: Sequence[int], generator: torch.Generator) -> Tensor:
        """Starts (B, n) whose factors are gain · Q_{m+1} Q_mᵀ with random orthonormal Q_m of ``ranks[i]`` columns.

        The features' frame is that of the labels seen through the last layer's, so that logits point to the labels. A
        Gaussian product of many narrow factors is so ill-conditioned that a search from there rarely keeps its modes.
        """
        return torch.cat(
            [self._chain(float(gain), rank, generator) for gain, rank in zip(gains, ranks, strict=True)]
        ).to(self.device)

    def _chain(self, gain: float, rank: int, generator: torch.Generator) -> Tensor:
        if rank == 0:
            return torch.zeros(1, self.layout.size, dtype=torch.float64)
        sizes = (*self.model.widths, self.model.K)
        entries = [torch.randn(size, rank, generator=generator, dtype=torch.float64) for size in sizes]
        if self.model.has_bias:
            entries[-1] -= entries[-1].mean(0)
        frames = [_polar(matrix) for matrix in entries]
        seen = _polar(self.target.cpu().T @ frames[-1])
        weights = [gain * upper @ lower.T for upper, lower in zip(frames[1:], frames[:-1], strict=True)]
        bias = [torch.zeros(self.model.K, 1, dtype=torch.float64)] if self.model.has_bias else []
        return self.layout.join([factor[None] for factor in (*weights, gain * frames[0] @ seen.T, *bias)])

    def factors(self, x: Tensor) -> dict[str, Tensor]:
        """The model's own factors at points (B, n): W_1 … W_M, b, and ``H``, or the class means ``M``."""
        x, _ = self._feasible(x)
        named = {name: self.units.get(name, 1.0) * part for name, part in self.layout.split(x).items()}
        features = named.pop("X")
        return {**named, "M": features / self.s} if self.collapsed else {**named, "H": features}

    def point(self, factors: Mapping[str, Tensor]) -> Tensor:
        """The point (B, n) of factors named as in ``factors``."""
        features = factors["M"] * self.s if self.collapsed else factors["H"]
        named = {**factors, "X": features}
        return self.layout.join([named[name] / self.units.get(name, 1.0) for name in self.layout.shapes])

    def _feasible(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The point with the ReLU of its features where these may not be negative, and which parts pass through it."""
        if self.model.sign == "free":
            return x, None
        end = self.layout.size - self.model.K * self.model.has_bias
        start = end - self.model.widths[0] * len(self.s)
        allowed = torch.ones_like(x)
        allowed[:, start:end] = (x[:, start:end] > 0).to(x.dtype)
        return x * allowed, allowed

    def _split(self, x: Tensor) -> tuple[list[Tensor], Tensor, Tensor | None]:
        parts = list(self.layout.split(x).values())
        M = self.model.M
        return parts[:M], parts[M], parts[M + 1] if self.model.has_bias else None

    def _join(self, parts: list[Tensor]) -> Tensor:
        """A vector of parts listed as they are found: b first if there is one, then W_M … W_1, X."""
        bias, weights = parts[: len(parts) - self.model.M - 1], parts[-2 : -self.model.M - 2 : -1]
        return self.layout.join([*weights, parts[-1], *bias])

    def _penalised(self, x: Tensor) -> Tensor:
        return x[:, : -self.model.K] if self.model.has_bias else x

    def _forward(self, weights: list[Tensor], features: Tensor, bias: Tensor | None) -> tuple[list[Tensor], Tensor]:
        activations = [features]
        for m, W in enumerate(weights, start=1):
            upper = W @ activations[-1]
            activations.append(upper if self.model.is_linear or m == self.model.M else upper.clamp(min=0.0))
        outputs = self.rho * activations[-1]
        return activations, outputs if bias is None else outputs + bias * self.s

    def _gated(self, part: Tensor, at: Tensor, activations: list[Tensor]) -> Tensor:
        """What passes backwards or forwards through the ReLU behind a hidden layer, whose activations are ``at``."""
        ends = at is activations[0] or at is activations[-1]
        return part if self.model.is_linear or ends else torch.where(at > 0, part, torch.zeros_like(part))


class Fit:
    """The loss 1/N Σ_i s_i² ℓ_i(O_i/s_i) of outputs O (B, K, columns), and N times its derivatives."""

    def __init__(self, model: UnconstrainedFeatures, s: Tensor, target: Tensor) -> None:
        self.model, self.s, self.target = model, s, target
        self.labels = target / s
        alpha = float(model.alpha)
        self.aim = (1 - alpha) * self.labels + alpha / model.K
        self.gamma = float(model.gamma)

    def value_and_residual(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Values (B), and s_i ∇ℓ_i: the residual O − T for squared error."""
        if self.model.loss == "mse":
            residual = outputs - self.target
            return (residual * residual).sum((1, 2)) / (2 * self.model.N), residual
        loss, share = self._likelihood(outputs)
        value, slope, _ = self._focused(loss)
        residual = slope[:, None] * (share - self.aim) * self.s
        return (value * self.s * self.s).sum(1) / self.model.N, residual

    def curvature(self, outputs: Tensor) -> Callable[[Tensor], Tensor]:
        """The product dO ↦ ∇²ℓ_i dO_i with the Hessian of each column's loss."""
        if self.model.loss == "mse":
            return lambda moved: moved
        loss, share = self._likelihood(outputs)
        _, slope, second = self._focused(loss)
        error = share - self.aim

        def product(moved: Tensor) -> Tensor:
            moved = moved - (self.labels * moved).sum(1, keepdim=True)  # no cancellation where one share is almost 1
            along = share * moved
            result = slope[:, None] * (along - share * along.sum(1, keepdim=True))
            return result + second[:, None] * error * (error * moved).sum(1, keepdim=True)

        return product

    def _likelihood(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """log Σ e^z − ⟨t, z⟩ of each column (B, columns), and the softmax (B, K, columns).

        Differences with the output at the label come first, so that a small loss keeps its relative accuracy.
        """
        z = outputs / self.s
        gaps = z - (self.labels * z).sum(1, keepdim=True)
        wrong = torch.logsumexp(torch.where(self.labels > 0, -torch.inf, gaps), dim=1)
        loss = torch.nn.functional.softplus(wrong, threshold=40.0)
        share = torch.exp(gaps - loss[:, None])
        return loss - float(self.model.alpha) / self.model.K * gaps.sum(1), share

    def _focused(self, loss: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f(ℓ) = (1 − e^−ℓ)^γ ℓ with its first two derivatives; ℓ itself for γ = 0."""
        if not self.gamma:
            return loss, torch.ones_like(loss), torch.zeros_like(loss)
        g = self.gamma
        p = torch.exp(-loss)
        wrong = -torch.expm1(-loss)
        ratio = torch.where(wrong > 0, loss / wrong, torch.ones_like(loss))  # its limit where the loss underflows
        slope = wrong**g * (1 + g * p * ratio)
        second = g * wrong ** (g - 1) * p * (2 - loss + (g - 1) * p * ratio)
        return wrong**g * loss, slope, torch.where(wrong > 0, second, torch.zeros_like(loss))


def _polar(matrix: Tensor) -> Tensor:
    """The nearest matrix with orthonormal columns."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right
