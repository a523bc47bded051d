"""Jacot et al. 2024, Wide Neural Networks Trained with Weight Decay Provably Exhibit Neural Collapse.

L1 non-linear layers, then L2 linear ones; Z_ℓ features of layer ℓ, Y one-hot labels, K classes of n samples, N = K n.
A bound is claimed for all ε1, ε2 and r that its hypotheses allow, and grows with them: it is stated at the least ones,
as formulas. Instances are constructed, not filtered: residuals within hypothesis 4, and weights that leave them.
"""

# in the order of the paper
from theory.papers.jacot2024 import head, activation, training, minimisers  # isort: skip

__all__ = ["activation", "head", "minimisers", "training"]
