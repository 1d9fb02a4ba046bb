"""Sequences of numbers of many rows, in one block of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from unrolled.data.flat_rows import FlatRows, ends_of
from unrolled.data.tables import Table
from unrolled.errors import InputError

Array = NDArray[np.float32]
Where = Callable[[int], str]

FINITE = "leave the step out, or put a number in its place"


class NumberRows(FlatRows[np.float32]):
    """N sequences of F features each, of any lengths.

    Attributes:
        values: (S, F) float32, the steps of all rows one after the other.
        ends: (N + 1,) int64, where each row begins and ends; it starts with 0.

    >>> rows = NumberRows([[1.0], [2.0], [3.0]], [0, 2, 3])
    >>> len(rows), rows.features, rows[1].tolist(), [len(row) for row in rows]
    (2, 1, [[3.0]], [2, 1])
    >>> rows.padded([1, 0])[0].shape  # B, T, F
    (2, 2, 1)
    """

    padded_as = np.float32

    def __init__(self, values: ArrayLike, ends: ArrayLike) -> None:
        super().__init__(np.asarray(values, dtype=np.float32), ends)

    @classmethod
    def joined(cls, parts: Iterable[NumberRows]) -> NumberRows:
        """Return the rows of all parts; those without a step have the features of the others."""
        parts = list(parts)
        values = np.concatenate(
            [part.values for part in parts if len(part.values)] or [parts[0].values]
        )
        lengths = np.concatenate([part.lengths for part in parts])
        return cls(values, ends_of(lengths))

    @property
    def features(self) -> int:
        return int(self.values.shape[1])


def from_arrays(arrays: Iterable[Any], where: Where) -> NumberRows:
    """Take arrays of numbers, one a row: (T,) with one feature, or (T, F).

    Raises:
        InputError: an array holds something else than finite numbers, or rows differ in F; row and step are named.
    """
    made = [_steps(array, row, where) for row, array in enumerate(arrays)]
    features = next((steps.shape[1] for steps in made if len(steps)), 1)
    for row, steps in enumerate(made):
        if len(steps) and steps.shape[1] != features:
            raise _other_width(where(row), "this row has", steps.shape[1], features)
    made = [steps if len(steps) else steps.reshape(0, features) for steps in made]
    ends = ends_of([len(steps) for steps in made])
    values = np.concatenate(made) if made else np.zeros((0, features))
    return finite_rows(values, ends, where)


def from_block(block: NDArray[Any], lengths: NDArray[np.int64] | None, where: Where) -> NumberRows:
    """Take an array (N, T) or (N, T, F); of row i the first ``lengths[i]`` steps where lengths are given."""
    if block.ndim == 2:
        block = block[:, :, None]
    rows, steps, features = block.shape
    if lengths is None:
        lengths = np.full(rows, steps)
    ends = ends_of(lengths)
    seen = np.arange(steps) < lengths[:, None]
    values = block.reshape(-1, features) if seen.all() else block[seen]
    return finite_rows(values, ends, where)


def from_list_column(table: Table, column: str) -> NumberRows:
    """Take a column of lists of numbers, or of lists of lists: (T,) or (T, F) a row; null is a row without steps.

    Raises:
        InputError: a list holds something else than finite numbers, or steps differ in F; row and step are named.
    """
    cells = table.frame[column].fill_null([])

    def where(row: int) -> str:
        return table.where(row, column)

    if isinstance(cells.dtype, pl.Array):
        cells = cells.arr.to_list()
    lengths = cells.list.len().to_numpy().astype(np.int64)
    ends = ends_of(lengths)
    steps = cells.filter(pl.Series(lengths > 0)).explode()
    if isinstance(steps.dtype, pl.Array):
        steps = steps.arr.to_list()
    if not isinstance(steps.dtype, pl.List):
        return finite_rows(_numbers(steps, column, table)[:, None], ends, where)
    widths = steps.list.len().fill_null(0).to_numpy().astype(np.int64)
    features = int(widths[0]) if len(widths) else 1
    wrong = np.flatnonzero(widths != features)
    if len(wrong):
        row, step = _place(int(wrong[0]), ends)
        raise _other_width(f"{where(row)}, step {step}", "it has", int(widths[wrong[0]]), features)
    values = _numbers(steps.explode(), column, table).reshape(-1, features)
    return finite_rows(values, ends, where)


def _numbers(cells: pl.Series, column: str, table: Table) -> NDArray[np.float64]:
    if cells.dtype == pl.Null:
        return np.full(len(cells), np.nan)
    if not cells.dtype.is_numeric() and cells.dtype != pl.Boolean:
        raise InputError(
            f"the lists hold {cells.dtype}, not numbers",
            where=table.where(column=column),
            expected="lists of numbers, or lists of lists of numbers of one length",
            fix="join words to one text with spaces" if cells.dtype == pl.String else None,
        )
    return cells.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _steps(array: Any, row: int, where: Where) -> NDArray[Any]:
    try:
        steps = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "this is no array of numbers, or its steps differ in width",
            where=where(row),
            expected="numbers (T,), or (T, F) with the same features F in every step",
        ) from error
    if steps.ndim not in (1, 2):
        raise InputError(
            f"an array of shape {steps.shape}", where=where(row), expected="(T,) or (T, F)"
        )
    return steps[:, None] if steps.ndim == 1 else steps


def finite_rows(values: NDArray[Any], ends: NDArray[np.int64], where: Where) -> NumberRows:
    """Return these steps as rows, all of them finite; row and step of one that is not are named."""
    if values.dtype.kind not in "biuf":
        raise InputError(f"an array of {values.dtype}", where=where(0), expected="numbers")
    with np.errstate(over="ignore"):
        stored = values.astype(np.float32)
    wrong = ~np.isfinite(stored)
    if wrong.any():
        place, feature = (int(k) for k in np.argwhere(wrong)[0])
        row, step = _place(place, ends)
        value = values[place, feature]
        at = f", feature {feature + 1}" if values.shape[1] > 1 else ""
        problem = "the value is missing (NaN)" if np.isnan(value) else f"the value is {value:g}"
        raise InputError(
            problem,
            where=f"{where(row)}, step {step}{at}",
            expected="a finite number"
            if not np.isfinite(value)
            else "a number that float32 can hold",
            fix=FINITE,
        )
    return NumberRows(stored, ends)


def _place(position: int, ends: NDArray[np.int64]) -> tuple[int, int]:
    """Return the row of a step, and its number in the row, counted from 1."""
    row = int(np.searchsorted(ends, position, side="right")) - 1
    return row, position - int(ends[row]) + 1


def features_of(count: int) -> str:
    """Return "1 feature", or "2 features"."""
    return f"{count} feature{'' if count == 1 else 's'}"


def _other_width(where: str, what: str, given: int, expected: int) -> InputError:
    return InputError(
        f"{what} {features_of(given)}",
        where=where,
        expected=f"{expected}, as in the rows before",
        fix="give every step the same features",
    )
