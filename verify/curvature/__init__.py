"""Hessian spectra of the model as they are measured: operators, eigensolver, points, and the command ``spectrum``.

Predicted eigenvalues are in ``theory.closed_form.curvature``; nothing here reads them but ``spectrum``, to compare.
"""
