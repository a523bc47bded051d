"""The kernel: the few rules that accept the steps of a proof. Nothing here knows any theorem.

``scalars`` and ``words`` decide identities by normal forms; ``instances`` evaluates every formula in balls; ``proof``
holds the rules; ``axioms`` the classical facts that they cite; ``render`` prints an accepted proof.
"""
