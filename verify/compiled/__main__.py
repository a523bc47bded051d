"""``python -m verify.compiled`` makes the machine code of descent, which is kept for all later runs."""

from verify.compiled import prepare

prepare()
