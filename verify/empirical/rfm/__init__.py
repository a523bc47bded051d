"""Deep recursive feature machines of Beaglehole et al. 2024 (arXiv 2402.13728, Algorithm 1): collapse without training.

Each layer fits kernel regression to its features, takes the average gradient outer product (AGOP) M of the fit, and
hands Φ(M^{1/2} X) to the next: ``kernels`` has k and its gradients, ``regression`` the fit and M, ``maps`` Φ,
``layers`` the algorithm with its metrics. Features are columns: X is d × N, Y is K × N.
"""
