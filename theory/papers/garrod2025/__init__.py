"""Garrod & Keating 2025, The Persistence of Neural Collapse Despite Low-Rank Bias: deep models with cross-entropy.

Letters: K classes of n samples; L = depth, the number of weight matrices, so that there are L + 1 factors; one decay λ
for all; S = I − 11ᵀ/K; collapse has outputs α S ⊗ 1ᵀ, its pairwise competitor β X̄ ⊗ 1ᵀ; g the fit, s̃ singular values.

Limits are stated as bounds at given parameters (module ``limits``), Theorem 6 for the trace norm.
"""

from theory.papers.garrod2025 import structure, bias, limits, landscape, layers  # isort: skip  # in the order of the paper

__all__ = ["bias", "landscape", "layers", "limits", "structure"]

OMITTED = {
    "garrod2025-flatness-norms": "Theorem 6 for the spectral and the Frobenius norm: garrod2025-flatness has the trace "
    "norm, which is a sum over layers; the others need the spectra of the whole Hessians at both points",
    "garrod2025-exp-losses": "Figures 1 and 6 are loss curves, without step counts and starts; the losses that they "
    "compare are in garrod2025-dnc-not-global and garrod2025-relu-not-global",
    "garrod2025-exp-probability": "Figures 2 and 5 are frequencies over ten runs, in a plot without numbers",
    "garrod2025-exp-networks": "Figures 3, 4, 7 and 8 train networks on MNIST and CIFAR-10, which are not at hand",
}
