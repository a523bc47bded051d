"""The command ``collapse sweep``: a design over a model's parameters, and what is computed at each of its points."""
