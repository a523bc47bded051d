"""Jacot et al. 2024, Wide Neural Networks Trained with Weight Decay Provably Exhibit Neural Collapse.

L1 non-linear layers, then L2 linear ones; Z_ℓ features of layer ℓ, Y one-hot labels, K classes of n samples, N = K n.
A bound is claimed for all ε1, ε2 and r that its hypotheses allow. It is examined at the least ones, as formulas: bounds
grow with them, so that nothing is lost, but for (21) in ε1, where its right side is negative, and (19) in c_3 ≥ κ, and
there larger values are examined, too. Instances are constructed, not filtered: residuals within hypothesis 4, and
weights that leave them.
"""

# in the order of the paper
from theory.papers.jacot2024 import nc1, nc2_nc3, activation, polyak, training, balance, minimisers, kernel, toy  # isort: skip

__all__ = ["activation", "balance", "kernel", "minimisers", "nc1", "nc2_nc3", "polyak", "toy", "training"]

OMITTED = {
    "jacot2024-gd-nc1": "Theorem 4.4 and B.2 as a run: at widths 6-14-8-8-8-3 and 12 samples 1/β_2, which bounds the "
    "step size, is below 1e-27 already for ‖θ_0‖² = 41. Their steps are jacot2024-decay-budget, -phase-one with "
    "its parts, -balance-recursion, -gradient-imbalance, -nc1-bound with √2 ε1 for ε1, and -gd-range; the number of "
    "steps of the second phase follows by logarithms",
    "jacot2024-o-forms": "equations (2) to (5) and (9) have O, Ω and Θ; (18) to (21) and (28) have their constants. "
    "Of Theorem 5.2, (2), (4) and (5) with ε2 = 0 are jacot2024-nc1-bound, -nc2-bound and -nc3-bound of balanced heads",
    "jacot2024-depth-limit": "κ(W_L) → 1 as L2 → ∞, where c_3 does not grow: a limit of (19), whose bound is stated",
    "jacot2024-hessian": "‖H‖ = ‖Θ‖ + O(ε1) + O(λ) has no constants; that training ends at the edge of stability is "
    "assumed",
    "jacot2024-lecun": "that LeCun's initialisation meets Assumption 4.3 for n_1 = Ω(N): likely, without constants",
    "jacot2024-exp-figures": "Figures 1 to 5 train networks on MNIST and CIFAR-10, which are not at hand",
}
