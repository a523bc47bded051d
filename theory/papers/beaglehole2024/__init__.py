"""Beaglehole et al. 2024, Average gradient outer product as a mechanism for deep neural collapse (arXiv 2402.13728 v6).

Letters: K classes of n samples, N = K n; Y = I_K ⊗ 1_nᵀ; f = α k(X, ·) the predictor of a layer and M its average
gradient outer product (AGOP); λ̂ and λ_map the ridges by which the predictor's and the feature map's kernels exceed XᵀX.
The recursion of Gram matrices (module ``gram``) has the predictor as it was derived again; the text of the theorem, its
κ included, was read.
"""

from theory.papers.beaglehole2024 import gram, rates, relaxation, maps, layers  # isort: skip  # in the order of the paper

__all__ = ["gram", "layers", "maps", "rates", "relaxation"]

OMITTED = {
    "beaglehole2024-laplace-gradient": "a derivative, of which no claim speaks; tests hold the AGOP to automatic "
    "differentiation",
    "beaglehole2024-woodbury": "Lemma C.1, Woodbury's identity, which Lemma C.2 is a case of",
    "beaglehole2024-exp-images": "Deep RFM and networks on MNIST, SVHN and CIFAR-10, which are not at hand, and the "
    "simplex that their class means tend to; digits are in beaglehole2024-exp-deep-rfm, -exp-svd-split and -exp-nfa",
    "beaglehole2024-dnc2-last": "that class means become a simplex in the last layer alone, from small initialisation: "
    "seen on those images, and no number is given that a run could miss",
    "beaglehole2024-nfa-chance": "that the correlation of WᵀW with AGOP^{1/2} is about d^{−1/2} by chance: an order of "
    "magnitude, and the text says not what is drawn; in -exp-nfa it is .84 to .89 before training, by the diagonals",
}
