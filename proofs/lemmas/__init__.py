"""What several proofs share: the critical points of deep linear models, and the scalar problem of one mode."""
