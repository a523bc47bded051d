"""The optimum of the deep linear model in any setting, decided exactly, with the standard library.

``optimum`` splits the problem into ``modes``, each a scalar problem (``confidence``); ``secular`` encloses the modes of
unequal classes with a bias, and ``geometry`` holds matrices by groups of equal classes.
"""
