"""What the engines compute with.

Symbolic: ``derivation`` (the optimum from stationarity), ``exact_points`` (minimisers in algebraic arithmetic),
``free_algebra`` (identities with the gradient). Convex: ``exact`` (LDLᵀ and sums of squares over Q). Descent:
``kernels`` (objective and gradients by hand), ``minimise`` (batched L-BFGS and Newton) and ``searches`` (problems made
ready for them).
"""
