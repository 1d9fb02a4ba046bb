"""Numbers as a reader wants them: enough digits to compare, no more, powers of ten where zeros would have to be counted."""

from __future__ import annotations

import math
from collections.abc import Iterable

MINUS, NO_BREAK = "\u2212", "\u00a0"
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

NOTHING = "–"
"""What stands in a table where there is no figure."""


def power_of_ten(exponent: int) -> str:
    """Return 10 to the ``exponent`` in raised digits.

    >>> power_of_ten(-3)
    '10⁻³'
    """
    return "10" + str(exponent).translate(_RAISED)


def fixed(value: float, decimals: int) -> str:
    """Return ``value`` with ``decimals`` decimals, thousands separated.

    >>> fixed(-12345.678, 1)
    '−12,345.7'
    """
    text = f"{value:,.{decimals}f}"
    # A small negative value rounds to "-0.00"; the sign would say something that the digits do not.
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", MINUS)


def number(value: float | None, digits: int = 4) -> str:
    """Return ``value`` with ``digits`` significant digits.

    >>> number(0.0812349), number(1234567.0), number(3.2e-7), number(12.0), number(None)
    ('0.08123', '1.235×10⁶', '3.2×10⁻⁷', '12', '–')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    if -4 <= exponent < 6:
        return _trimmed(fixed(value, max(digits - 1 - exponent, 0)))
    return scientific(value, digits)


def scientific(value: float, digits: int) -> str:
    """Return ``value`` as a number from 1 to 10 times a power of ten.

    >>> scientific(-0.00025, 3)
    '−2.5×10⁻⁴'
    """
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{_trimmed(mantissa.replace('-', MINUS))}×{power_of_ten(int(exponent))}"


def percent(share: float, decimals: int = 1) -> str:
    r"""Return a share as percent.

    >>> percent(0.78349)
    '78.3\xa0%'
    """
    return f"{fixed(100 * share, decimals)}{NO_BREAK}%"


def column_decimals(values: Iterable[float]) -> int | None:
    """Return the decimals for a column: four digits of the largest of ``values``, two of the smallest.

    A column of one number of decimals can be compared by eye. None when the values are too far
    apart, or too large or small, to be written so.

    >>> column_decimals([13.91, 9.334, 0.0]), column_decimals([0.7212, 1.3]), column_decimals([1e-9, 3.0])
    (2, 3, None)
    """
    sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if not sizes:
        return 2
    low, high = math.floor(math.log10(min(sizes))), math.floor(math.log10(max(sizes)))
    if low < -4 or high > 6 or high - low > 5:
        return None
    # Just below 1, a fourth digit would only be one more decimal than the column's larger numbers have.
    return max(1 - low, 3 - (0 if high == -1 else high), 0)


def in_column(value: float | None, decimals: int | None) -> str:
    """Return ``value`` for a column whose decimals :func:`column_decimals` chose."""
    if value is None or decimals is None or not math.isfinite(value):
        return number(value)
    return fixed(value, decimals)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
