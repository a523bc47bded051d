"""Dang et al. 2023, Neural Collapse in Deep Linear Networks: mean squared error, balanced and imbalanced.

The statements are as published, or as reconstructed where the printed text was not at hand (provenance R). Letters:
n_k, N, K sizes; M weight matrices; P = W_M ⋯ W_1; H̄ class means; Λ = λ_H λ_1 ⋯ λ_M; s_k the singular value of W_1 that
belongs to class k; x_k with c s_k^{2M} = N λ_H x_k^M; T_M the threshold. ``Letters`` holds the published constants;
each wrong version changes one of them.
"""

# in the order of the paper
from theory.papers.dang2023 import reductions, balanced, plain, deep, cross_entropy, training  # isort: skip

__all__ = ["balanced", "cross_entropy", "deep", "plain", "reductions", "training"]
