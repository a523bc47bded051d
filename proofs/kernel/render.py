"""An accepted proof for reading: Markdown with LaTeX formulas for a code host, and plain text for a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.str import StrPrinter

from proofs.kernel.facts import Fact
from proofs.kernel.ledger import Ledger, Step
from proofs.kernel.words import Letter, Matrix, Trace, Word

GREEK = {"beta": "β", "mu": "μ", "delta": "δ", "theta": "θ", "lambda": "λ", "Lambda": "Λ", "rho": "ρ"}

LETTERS = {
    "T̄": r"\bar{T}", "Q̇": r"\dot{Q}", "Q̈": r"\ddot{Q}",
    "D⁻¹": "D^{-1}", "Δ⁻¹": r"\Delta^{-1}", "Δ": r"\Delta", "Θ": r"\Theta", "1": r"\mathbf{1}",
    **{f"G_{part}": rf"G_{{\mathrm{{{part}}}}}" for part in ("within", "cross", "class")},
}  # fmt: skip


class _Plain(StrPrinter):
    def _print_Symbol(self, expr: Any) -> str:
        return GREEK.get(expr.name, expr.name)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        text: str = super()._print_Pow(expr, rational)
        return text.replace("**", "^")


EVALUATED = """\
Each step names the rule that accepted it and the steps that it used; each formula was also evaluated in balls at 100
random instances. """

DEEP = r"""$W_0 = H$, $\lambda_0 = \lambda_H$, $Q_m = W_M \cdots W_m$, $R_m = W_m \cdots W_1 H$,
$\Lambda_m = \lambda_m \cdots \lambda_M$, $\Lambda = \Lambda_0$."""
"""The letters of deep linear models."""

READING = EVALUATED + DEEP

WIDTH = 120
"""Columns of a line of Markdown."""

BLOCK = r"(?:>|(?:[-+*=]|#+|\d+[.)])(?=\s|$))"
"""What makes a list, a quotation or a heading of a line that begins with it."""

UNBROKEN = re.compile(rf"(?:\$[^$]+\$|\S)+(?:\s+{BLOCK}\S*)*")
"""A word; formulas are words, and what would make a block stays with the word before it."""


@dataclass(frozen=True)
class Style:
    """How formulas are written: scalars, letters, products, traces, transposes and signs; and other formulas."""

    scalar: Callable[[Any], str]
    letter: Callable[[Letter], str]
    trace: Callable[[str], str]
    join: str
    sign: Mapping[str, str]
    other: Callable[[Any], str]


def _latex_scalar(value: Any) -> str:
    return str(
        sp.latex(
            _with_names(value, lambda name, index: _macro(name) + (f"_{{{_latex_scalar(index)}}}" if index else ""))
        )
    )


def _macro(name: str) -> str:
    return rf"\{name}" if name in GREEK else name


def _with_names(value: Any, write: Callable[[str, Any], str]) -> Any:
    """Indexed constants as symbols with printed names; Λ alone is the product of all decays."""
    expression = sp.sympify(value)
    names = {c: sp.Symbol(write(*_name(c)), positive=True) for c in expression.atoms(AppliedUndef)}
    return expression.xreplace(names)


def _name(found: Any) -> tuple[str, Any]:
    name, index = found.func.__name__, found.args[0]
    return name, None if name == "Lambda" and index == 0 else sp.Symbol("0") if index == 0 else index


def _latex_letter(found: Letter) -> str:
    name = LETTERS.get(found.name, found.name)
    index = "" if found.index is None else f"_{{{_latex_scalar(found.index)}}}"
    power = "" if found.power == 1 else f"^{{{_latex_scalar(found.power)}}}"
    return f"{name}{index}" + (r"^{\top}" if found.turned else power)


def _plain_scalar(value: Any) -> str:
    return str(
        _Plain().doprint(
            _with_names(
                value, lambda name, index: GREEK.get(name, name) + (f"({_plain_scalar(index)})" if index else "")
            )
        )
    )


def _plain_letter(found: Letter) -> str:
    index = "" if found.index is None else f"_{_plain_index(found.index)}"
    power = "" if found.power == 1 else f"^{_plain_index(found.power)}"
    return f"{found.name}{index}" + ("ᵀ" if found.turned else power)


def _plain_index(value: Any) -> str:
    text = _plain_scalar(value).replace(" ", "")
    return text if len(text) == 1 else f"({text})"


LATEX = Style(
    _latex_scalar,
    _latex_letter,
    lambda x: rf"\operatorname{{tr}}({x})",
    r"\,",
    {">": ">", "≥": r"\ge"},
    lambda x: str(x.latex),
)
PLAIN = Style(_plain_scalar, _plain_letter, lambda x: f"tr({x})", " ", {">": ">", "≥": "≥"}, attrgetter("plain"))


def formula(body: Any, sign: str, style: Style) -> str:
    """A body compared with zero, terms with a minus sign on the right-hand side.

    >>> x, y = sp.symbols("x y")
    >>> formula(x - y, "= 0", PLAIN)
    'x = y'
    """
    if not isinstance(body, Matrix | Trace | sp.Basic | int):
        return style.other(body)
    left: list[str] = []
    right: list[str] = []
    for coefficient, text in _terms(body, style):
        negative = coefficient.could_extract_minus_sign()
        (right if negative else left).append(_term(-coefficient if negative else coefficient, text, style))
    if not left:
        left, right = right, []
    relation = style.sign.get(sign[0], "=")
    return f"{' + '.join(left) or '0'} {relation} {' + '.join(right) or '0'}"


def _terms(body: Any, style: Style) -> list[tuple[Any, str]]:
    if isinstance(body, Matrix | Trace):
        wrap = style.trace if isinstance(body, Trace) else lambda text: text
        items = sorted(body.terms.items(), key=lambda item: _plain_word(item[0]))
        terms = [(_tidy(c), wrap(_word(w, style))) for w, c in items]
        terms += [(term, "") for term in _summands(body.constant)] if isinstance(body, Trace) else []
        return [(c, text) for c, text in terms if c != 0]
    return [(term, "") for term in _summands(body)]


def _tidy(coefficient: Any) -> Any:
    return sp.factor_terms(sp.sympify(coefficient))


def _summands(value: Any) -> list[Any]:
    return [term for term in sp.Add.make_args(sp.sympify(value)) if term != 0]


def _word(word: Word, style: Style) -> str:
    return style.join.join(map(style.letter, word)) or "I"


def _plain_word(word: Word) -> str:
    return _word(word, PLAIN)


def _term(coefficient: Any, text: str, style: Style) -> str:
    if not text:
        return style.scalar(coefficient)
    if coefficient == 1:
        return text
    shown = style.scalar(coefficient)
    return f"({shown}){style.join}{text}" if coefficient.is_Add else f"{shown}{style.join}{text}"


def latex(fact: Fact) -> str:
    """The formula of a fact in LaTeX."""
    return formula(fact.body, fact.sign, LATEX)


def plain(fact: Fact) -> str:
    """The formula of a fact in plain text."""
    return formula(fact.body, fact.sign, PLAIN)


def _scope(fact: Fact, write: Callable[[Fact], str]) -> str:
    """The layers and the cases that a fact is confined to."""
    parts = [fact.body.scope] if hasattr(fact.body, "scope") else []
    if fact.layers is not None and fact.layers[0] != fact.layers[1]:
        first, last = (_plain_scalar(end).replace(" ", "") for end in fact.layers)
        parts.append(f"for m = {first}, …, {last}")
    own = sorted({write(a) for a in fact.assumptions} - {write(fact)})
    if own:
        parts.append(f"where {', '.join(own)}")
    return ", ".join(parts)


def _reason(step: Step, numbers: Mapping[int, int]) -> str:
    """The rule, the steps that it used by number, and the axiom that it cites."""
    used = sorted({numbers[id(fact)] for fact in step.uses if id(fact) in numbers})
    text = "**open gap**" if step.rule == "gap" else step.rule
    text += f" from {', '.join(map(str, used))}" if used else ""
    return text + (f" (axiom: {step.axiom})" if step.axiom else "")


def section(heading: str, proof: Ledger) -> str:
    """The steps of a proof in Markdown, with formulas that render on a code host."""
    lines = [f"## {heading}", ""]
    numbers = {id(step.fact): n for n, step in enumerate(proof.steps, start=1)}
    for number, step in enumerate(proof.steps, start=1):
        scope = _scope(step.fact, lambda fact: f"${latex(fact)}$")
        lines += [f"**{number}. {step.fact.name}**{' ' + scope if scope else ''}", ""]
        lines += ["$$", latex(step.fact), "$$", "", f"*{_reason(step, numbers)}*", ""]
        lines += [step.note[:1].upper() + step.note[1:] + ".", ""] if step.note else []
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """Paragraphs in lines that break in no formula and begin no block; those that are blocks themselves stay.

    >>> wrapped("at $t\\n> 0$;\\nhere")
    'at $t > 0$; here'
    """
    return "\n\n".join(part if re.match(BLOCK, part) else _wrapped(part) for part in text.split("\n\n"))


def _wrapped(paragraph: str) -> str:
    lines = [""]
    for word in (" ".join(found.split()) for found in UNBROKEN.findall(paragraph)):
        longer = f"{lines[-1]} {word}".lstrip()
        lines[-1:] = [longer] if len(longer) <= WIDTH else [*filter(None, lines[-1:]), word]
    return "\n".join(lines)


def markdown(
    title: str, sections: Sequence[str], gaps: int, conclusion: str, axioms: Mapping[str, str], reading: str = READING
) -> str:
    """A whole page: what it is, its sections, what follows from them, and the classical facts that they cite."""
    state = "without a gap" if not gaps else f"with {gaps} open gap{'' if gaps == 1 else 's'}"
    lines = [
        f"# {title}",
        "",
        f"Generated by `make proofs` from the script that the kernel accepts, {state}.",
        wrapped(reading),
        "",
    ]
    lines += sections
    lines += ["## Conclusion", "", wrapped(conclusion), ""] if conclusion else []
    lines += ["## Axioms", ""] if axioms else []
    return "\n".join([*lines, *(f"- **{name}**: {text}" for name, text in axioms.items())]).rstrip() + "\n"


def outline(title: str, sections: Sequence[tuple[str, Ledger, Any]], conclusion: str, axioms: Mapping[str, str]) -> str:
    """The whole proof as plain text."""
    lines = [title, ""]
    for heading, proof, _ in sections:
        lines += [heading, ""]
        numbers = {id(step.fact): n for n, step in enumerate(proof.steps, start=1)}
        for number, step in enumerate(proof.steps, start=1):
            scope = _scope(step.fact, plain)
            lines.append(f"{number:4}. {step.fact.name}: {plain(step.fact)}{'   ' + scope if scope else ''}")
            lines.append(f"      by {_reason(step, numbers).replace('*', '')}")
        lines.append("")
    lines += ["Conclusion", "", conclusion, ""]
    lines += ["Axioms", ""] if axioms else []
    return "\n".join([*lines, *(f"  {name}: {text}" for name, text in axioms.items())])
