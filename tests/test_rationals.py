"""Rationals from text are exact or refused, and every printed digit of an enclosed number is right."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from theory.arithmetic.rationals import MAX_DIGITS, enclosed_decimal, rational, sqrt_bounds

F = Fraction


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/2000", F(1, 2000)),
        ("0.0005", F(1, 2000)),
        ("5e-4", F(1, 2000)),
        ("5E-4", F(1, 2000)),
        ("+.5e-3", F(1, 2000)),
        (" 1 / 2 ", F(1, 2)),
        ("1/-2", F(-1, 2)),
        ("-7", F(-7)),
        ("3.", F(3)),
        ("007", F(7)),
        ("1e2/1e-1", F(1000)),
        ("1.5/0.5", F(3)),
        ("-0", F(0)),
        (7, F(7)),
        (F(2, 3), F(2, 3)),
        ("0.1", F(1, 10)),
        ("9" * MAX_DIGITS, F(10**MAX_DIGITS - 1)),
        (f"1e-{MAX_DIGITS}", F(1, 10**MAX_DIGITS)),
    ],
)
def test_text_is_read_exactly(text: Any, value: Fraction) -> None:
    assert rational(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "0.0005x",
        "1/0",
        "1/0.0",
        "1e-999999999",
        "1e999999999",
        "1e9999999999999",
        f"1e{MAX_DIGITS + 1}",
        "1" * (MAX_DIGITS + 1),
        "１/2",
        "١",
        "½",
        "1⁄2",
        "",
        " ",
        "/",
        "1/",
        "/2",
        "1/2/3",
        "1_000",
        "1,5",
        "0x10",
        "nan",
        "inf",
        "-Infinity",
        "1e",
        "e5",
        ".",
        "--1",
        "+-1",
        "- 1",
        "1 2",
        "1e 5",
        "1e5.5",
        "1\x00",
        "2**3",
        "__import__('os')",
    ],
)
def test_other_text_is_refused_with_the_argument_and_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"^decay (has|must)") as refusal:
        rational(text, "decay")
    assert text[:20] in str(refusal.value)
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize("value", [0.5, 1.0, float("nan"), True, None, Decimal("0.5"), 1j, b"1", [1], (1, 2)])
def test_what_is_not_exact_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="decay must be an exact rational"):
        rational(value, "decay")


@given(st.fractions())
def test_what_python_writes_is_read_again(value: Fraction) -> None:
    assert rational(str(value)) == value


@given(st.fractions(min_value=0) | st.integers(0, 10**40).map(lambda n: F(n * n, 49)), st.sampled_from([0, 1, 60, 200]))
def test_square_roots_are_enclosed_and_tight(value: Fraction, bits: int) -> None:
    low, high = sqrt_bounds(value, bits)
    assert low >= 0
    assert low**2 <= value <= high**2
    assert high - low <= F(1, 2**bits)
    if low**2 == value:
        assert low == high


def test_square_roots_of_squares_are_exact_and_of_negatives_refused() -> None:
    assert sqrt_bounds(F(4, 9)) == (F(2, 3), F(2, 3))
    with pytest.raises(ValueError, match="non-negative"):
        sqrt_bounds(F(-1, 10**50))


def expansion(value: Fraction, places: int) -> str:
    """The decimal expansion of a number, cut after some places."""
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[: len(digits) - places]}.{digits[len(digits) - places :]}"


numbers = st.fractions(max_denominator=10**6) | st.builds(
    lambda k, e, s: s * F(k, 10**e), st.integers(0, 10**12), st.integers(0, 60), st.sampled_from([1, -1])
)
widths = st.builds(lambda k, e: F(k, 10**e), st.integers(0, 9), st.integers(0, 50))


@given(numbers, widths, widths, st.integers(1, 35))
@example(F(1), F(1, 10**40), F(1, 10**40), 30)
@example(F(1, 4), F(0), F(1, 10**40), 30)
@example(F(0), F(0), F(1), 5)
@example(F(-1, 3), F(1, 7), F(1, 2), 5)
@example(F(13), F(1), F(2), 30)
def test_printed_digits_are_those_of_any_number_enclosed(
    value: Fraction, below: Fraction, above: Fraction, digits: int
) -> None:
    low, high = value - below, value + above
    printed = enclosed_decimal(low, high, digits)
    if int(low) != int(high):  # not even the integer part is known
        assert F(printed) == round((low + high) / 2)
        return
    for inside in (low, value, high):
        true = expansion(inside, 120)
        if not F(printed):
            true = true.lstrip("-")  # zeros after the point are printed without the sign
        assert true.startswith(printed if "." in printed else f"{printed}.")


@given(numbers, st.integers(1, 35))
def test_an_exact_number_gets_all_digits_asked_for(value: Fraction, digits: int) -> None:
    printed = enclosed_decimal(value, value, digits)
    assert abs(F(printed) - value) <= F(1, 10**digits)
    if 10**digits % value.denominator == 0:
        assert F(printed) == value


def test_digits_are_counted_from_the_first_that_is_not_zero() -> None:
    third = F(1, 3 * 10**20)
    assert len(enclosed_decimal(third, third, 10).rstrip("0")) >= len("0.") + 20 + 10
