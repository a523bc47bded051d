"""Garrod & Keating 2024, Unifying Low Dimensional Observations in Deep Learning: the Hessian at deep neural collapse.

Squared error, balanced classes, linear layers, no bias. Letters: K classes of n samples; W_L ⋯ W_1 H = γ Y; μ^{(l)} the
class means that enter layer l, A^{(l)} = W_L ⋯ W_l; "Hessian" without more is that of the data term in one layer. The
theorem numbers are those of v1, in the wording of another repository. γ is rational here, above (L−1)/L, which is
condition (2), and the decays follow from it: λ_l = s_l λ with shares s_l, γ^{L−1} (1 − γ)^{L+1} = K^{L+1} n ∏ λ_l.
"""

# in the order of the paper
from theory.papers.garrod2024 import optimum, layers, full, training  # isort: skip

__all__ = ["full", "layers", "optimum", "training"]
