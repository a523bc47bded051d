"""What a user can get wrong, said in one sentence."""

from __future__ import annotations

import errno

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a file system that has no room; nothing is wrong with what is there."""


class BadInput(Exception):
    """Input that cannot be used; the message is one sentence that says what is wrong and where. Exit status 2."""
