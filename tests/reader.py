"""Somebody who reads MathML as it is seen: products bind more tightly than sums, and only parentheses group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

Item = float | str


def read(shown: Element, at: Mapping[str, float]) -> float:
    """The number that a formula of scalars is taken for, at values of its letters."""
    return total(items(parts(shown), at))


def parts(shown: Element) -> list[Element]:
    """What stands side by side: that rows stand within rows is not seen."""
    if shown.tag not in ("mrow", "math"):
        return [shown]
    return [part for child in shown for part in parts(child)]


def items(shown: Iterable[Element], at: Mapping[str, float]) -> list[Item]:
    """Numbers and signs, what is in parentheses as one number."""
    stack: list[list[Item]] = [[]]
    before = "mo"
    for part in shown:
        assert before == "mo" or not begins_with_a_number(part), "a number right behind a factor"
        before = part.tag
        if part.tag != "mo":
            stack[-1].append(number(part, at))
        elif part.text == "(":
            stack.append([])
        elif part.text == ")":
            inside = total(stack.pop())
            stack[-1].append(inside)
        else:
            stack[-1].append(str(part.text))
    (outermost,) = stack
    return outermost


def begins_with_a_number(part: Element) -> bool:
    """Whether its digits would stand beside what is before it; below a root sign or in a fraction they do not."""
    if part.tag in ("mrow", "msup"):
        return begins_with_a_number(part[0])
    return part.tag == "mn"


def total(found: Iterable[Item]) -> float:
    """The sum of the products."""
    result, sign, term, divided = 0.0, 1.0, None, False
    for item in (*found, "+"):
        if isinstance(item, float):
            term = (1.0 if term is None else term) * (1 / item if divided else item)
            divided = False
        elif item in "+−":
            result, sign, term = result + sign * (term or 0.0), 1.0 if item == "+" else -1.0, None
        else:
            divided = item == "/"
    return result


def number(part: Element, at: Mapping[str, float]) -> float:
    """The number of one part; what is raised to a power is one part, or in parentheses."""
    if part.tag == "mi":
        return at[str(part.text)]
    if part.tag == "mn":
        return float(str(part.text))
    if part.tag == "msup":
        base = parts(part[0])
        assert base[0].text == "(" or (len(base) == 1 and base[0].tag not in ("mfrac", "msup")), "what is raised?"
    above, *below = (items(parts(child), at) for child in part)
    if part.tag == "mfrac":
        return total(above) / total(below[0])
    if part.tag == "msup":
        return float(total(above) ** total(below[0]))
    return float(total(above) ** (1 / total(below[0]) if part.tag == "mroot" else 0.5))
