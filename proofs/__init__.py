"""Why statements hold: a small kernel that accepts proofs step by step, and the scripts that it accepted.

``kernel`` has the rules, ``lemmas`` what several theorems share, ``<id>.py`` the theorem for a statement and
``<id>.md`` the same for reading; ``kinds`` says which steps each kind of theorem needs, and with ``entailment`` what it
means for the claim of one instance.
"""

from proofs.theorem import Theorem, find

__all__ = ["Theorem", "find"]
