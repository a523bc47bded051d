"""What is wrong with a statement; apart from them, so that the command need not load any to answer ``--help``."""

from __future__ import annotations


class StatementError(ValueError):
    """A statement is malformed, unknown, or its hypotheses are not met."""
