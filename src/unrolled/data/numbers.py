"""Columns of numbers, checked cell by cell."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.tables import Table
from unrolled.errors import InputError

Array = NDArray[np.float64]

MISSING = ("", "na", "n/a", "nan", "null", "none", "nil", "-", "?")
"""What stands for a missing value in a text file, in any mixture of capitals."""


def read_numbers(table: Table, column: str) -> Array:
    """Return a column (rows,) as float64, NaN where it is missing.

    Raises:
        InputError: a cell is text that is no number, or infinite; the row is named.
    """
    cells = table.frame[column]
    if cells.dtype == pl.String:
        numbers = _from_text(table, column, cells)
    elif cells.dtype.is_numeric() or cells.dtype in (pl.Boolean, pl.Null):
        numbers = cells.cast(pl.Float64)
    else:
        raise InputError(
            f"a column of {cells.dtype} holds no numbers",
            where=table.where(column=column),
            expected="numbers",
            fix=f"convert it, or name another column instead of {column!r}",
        )
    values = numbers.fill_null(float("nan")).to_numpy()
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise InputError(
            f"the value is infinite ({cells[row]})",
            where=table.where(row, column),
            expected="a finite number",
            fix="correct it, or leave it empty for a missing value",
        )
    return values


def looks_numeric(cells: pl.Series) -> bool:
    """Tell whether a column holds numbers, or text most of which can be read as numbers."""
    if cells.dtype != pl.String:
        return cells.dtype.is_numeric() or cells.dtype == pl.Boolean
    text = cells.str.strip_chars()
    # The first cells tell, unless they are missing.
    filled = text.filter(~_is_missing(text)).head(100)
    return len(filled) > 0 and 2 * filled.cast(pl.Float64, strict=False).count() >= len(filled)


def is_blank(cells: pl.Series) -> bool:
    """Tell whether nothing stands in a column, or only what stands for a missing value."""
    return bool((_is_missing(cells) if cells.dtype == pl.String else cells.is_null()).all())


def _is_missing(text: pl.Series) -> pl.Series:
    return text.is_null() | text.str.to_lowercase().is_in(MISSING)


def _from_text(table: Table, column: str, cells: pl.Series) -> pl.Series:
    text = cells.str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    unread = numbers.is_null()
    if unread.any():
        unread = unread & ~_is_missing(text)
    if unread.any():
        row = int(unread.arg_max() or 0)
        raise InputError(
            f"{cells[row]!r} is text, not a number",
            where=table.where(row, column),
            expected="a number as 1234.5",
            fix=_fix(str(text[row])),
        )
    if not table.is_text and numbers.count():
        row = int(numbers.is_not_null().arg_max() or 0)
        raise InputError(
            f"{cells[row]!r} is a number written as text, and so in the whole column",
            where=table.where(row, column),
            expected="a column of numbers",
            fix="convert the column to numbers (astype(float), cast(Float64), no quotes in JSON)",
        )
    return numbers


def _fix(text: str) -> str:
    if re.fullmatch(r"[+-]?\d{1,3}([ ,'\u00a0]\d{3})+(\.\d+)?", text):
        return "take the signs between the thousands out"
    if re.fullmatch(r"[+-]?[\d.]+,\d+", text):
        return "write the decimal point as a point"
    if re.search(r"\d", text):
        return "leave only the number in the cell"
    return "correct it, or leave it empty for a missing value"
