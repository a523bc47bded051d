"""Garrod & Keating 2024, Unifying Low Dimensional Observations in Deep Learning: the Hessian at deep neural collapse.

Squared error, balanced classes, linear layers, no bias. Letters: K classes of n samples; W_L ⋯ W_1 H = γ Y; μ^{(l)} the
class means that enter layer l, A^{(l)} = W_L ⋯ W_l; "Hessian" without more is that of the data term in one layer. The
theorem numbers are those of v1, in the wording of another repository, and of v3 where a source says so. γ is rational
here, above (L−1)/L, which is condition (2), and the decays follow from it: λ_l = s_l λ with shares s_l, γ^{L−1} (1 −
γ)^{L+1} = K^{L+1} n ∏ λ_l.
"""

# in the order of the paper
from theory.papers.garrod2024 import optimum, anywhere, layers, full, softmax, relu, training  # isort: skip

__all__ = ["anywhere", "full", "layers", "optimum", "relu", "softmax", "training"]

OMITTED = {
    "garrod2024-relu-best-dnc": "Theorems 7 and 8 of v3 call non-negative collapse best among collapse solutions of "
    "a ReLU model, whose definition where activations are cut off is not at hand; garrod2024-relu-nonnegative-dnc has "
    "its loss, that of the linear minimum",
    "garrod2024-exp-relu-published": "Figure 9 and Table 2 (10⁶ epochs, other settings not known): with n = 40, which "
    "is suggested, they do not reproduce, as three runs of 150,000 steps end at a loss of .151, below the .16484 of "
    "collapse (docs/spectra.md); garrod2024-exp-relu has n = 5",
    "garrod2024-exp-networks": "what v2 and v3 measure on networks for MNIST and CIFAR-10, which are not at hand",
}
