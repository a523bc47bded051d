"""Garrod & Keating 2025, The Persistence of Neural Collapse Despite Low-Rank Bias: deep models with cross-entropy.

Letters: K classes of n samples; L = depth, the number of weight matrices, so that there are L + 1 factors; one decay λ
for all; S = I − 11ᵀ/K; collapse has outputs α S ⊗ 1ᵀ, its pairwise competitor β X̄ ⊗ 1ᵀ; g the fit, s̃ singular values.

Limits are stated as bounds at given parameters (module ``limits``), Theorem 6 for the trace norm.
"""

from theory.papers.garrod2025 import structure, bias, limits, landscape, layers  # isort: skip  # in the order of the paper

__all__ = ["bias", "landscape", "layers", "limits", "structure"]

OMITTED: dict[str, str] = {
    "garrod2025-exp-losses": "initialisation and number of steps of Figures 1 and 6 are not in the text",
    "garrod2025-exp-probability": "the same for Figures 2 and 5, of which the text has no numbers",
    "garrod2025-exp-networks": "Figures 3, 4, 7 and 8 train networks on MNIST and CIFAR-10, which are no model here",
}
"""Rows of the sheet that are not stated, with the reason."""
