"""How a formula is evaluated: exact rationals, intervals, balls, SymPy, algebraic normal form, batched floats."""
