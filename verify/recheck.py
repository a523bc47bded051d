"""Re-checking a certificate of any kind from its JSON alone, before it is believed or reported.

Two-sided bounds go to the independent checker; the other kinds are evaluated exactly by this project's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from verify import checker, witness
from verify.checker import Rejected
from verify.methods import exact


def recheck(certificate: Any) -> str:
    """Accept a certificate and return what it shows.

    Raises:
        Rejected: saying why.
    """
    kind = certificate.get("kind") if isinstance(certificate, Mapping) else None
    if kind not in KINDS:
        raise Rejected(f"unknown kind of certificate: {str(kind)[:40]!r}")
    return KINDS[kind](certificate)


def _enclosure(certificate: Mapping[str, Any]) -> str:
    try:
        lower, upper = exact.enclosure(certificate)
        stated = Fraction(certificate["lower"]), Fraction(certificate["upper"])
    except (exact.Rejected, KeyError, TypeError, ValueError) as error:
        raise Rejected(f"the enclosure does not follow: {error}") from error
    if (lower, upper) != stated:
        raise Rejected("the enclosure that follows is not the one stated")
    return f"the minimum lies in [{float(lower)!r}, {float(upper)!r}]"


KINDS: dict[str, Callable[[Any], str]] = {
    "two-sided bound": checker.check,
    "dual": _enclosure,
    "sos": _enclosure,
    "counterexample": witness.recheck,
}
