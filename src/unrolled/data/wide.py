"""Tables with one step of a sequence in each column."""

from __future__ import annotations

import numpy as np
import polars as pl

from unrolled.data.number_rows import NumberRows, finite_rows
from unrolled.data.numbers import read_numbers
from unrolled.data.tables import Table
from unrolled.errors import InputError


def from_wide(table: Table, columns: list[str]) -> NumberRows:
    """Take the numbers of every row as a sequence of one feature; empty cells at its end make it shorter.

    Raises:
        InputError: a cell is no finite number, or empty with a number after it; row and column are named.
    """
    block = np.empty((table.frame.height, len(columns)))
    for k, column in enumerate(columns):
        block[:, k] = read_numbers(table, column)
        _require_no_nan(table, column, block[:, k])
    seen = ~np.isnan(block)
    lengths = np.where(seen.any(1), len(columns) - seen[:, ::-1].argmax(1), 0)
    used = np.arange(len(columns)) < lengths[:, None]
    gaps = np.argwhere(used & ~seen)
    if len(gaps):
        row, k = gaps[0]
        raise InputError(
            "the cell is empty, and the sequence goes on after it",
            where=table.where(int(row), columns[k]),
            expected="a number; empty cells at the end only",
            fix="fill it, or remove the row",
        )
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return finite_rows(block[used][:, None], ends, table.where)


def _require_no_nan(table: Table, column: str, values: np.ndarray) -> None:
    """Refuse NaN where it is written rather than left empty."""
    missing = np.flatnonzero(np.isnan(values))
    if len(missing) == 0:
        return
    cells = table.frame[column].gather(missing)
    if cells.dtype != pl.String:
        return  # in a dataframe NaN is how pandas writes an empty cell
    written = np.flatnonzero(cells.str.strip_chars().fill_null("").ne("").to_numpy())
    if len(written):
        row = int(missing[written[0]])
        raise InputError(
            f"the value is missing ({table.frame[column][row]})",
            where=table.where(row, column),
            expected="a finite number",
            fix="put a number in its place, or leave the cells at the end of the row empty",
        )
