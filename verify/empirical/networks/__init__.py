"""Trained networks, held against the optimum of the head's model with free features.

A network is an extractor, H = extractor(X), and a head W_M σ(⋯ σ(W_1 H)). Its objective is that of ``theory.model``
with the extractor's features in the place of free ones: squared error in the normalisation 1/(2N), decays on H and on
W_1 … W_M, none on the extractor. So the model's minimum is a lower bound on the loss, and an extractor that can give
any sample any features has the same minimum. ``subset`` draws the data, ``network`` builds, ``training`` descends,
``looks`` measures, ``keeping`` keeps, ``tables`` shows, ``command`` is ``collapse train``.
"""
