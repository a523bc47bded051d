"""What a user can get wrong, said in one sentence."""

from __future__ import annotations


class BadInput(Exception):
    """Input that cannot be used; the message is one sentence that says what is wrong and where. Exit status 2."""
