"""The kernel: the few rules that accept the steps of a proof. Nothing here knows any theorem.

``scalars`` and ``words`` decide identities by normal forms; ``setting`` says what letters mean, and ``grammar`` reads
formulas in them; ``instances`` evaluates every formula in balls; ``proof`` holds the rules; ``selection`` the schema
from modes to a minimum; ``axioms`` the classical facts that they cite; ``render`` prints an accepted proof.
"""
