"""Columns from Python values: of a dict, of a list of dicts, of rows of JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from unrolled.data.lists import list_column
from unrolled.errors import InputError

Place = Callable[[int, str | None], str]
"""Gives the place of a row, and of a column in it: "a.jsonl, row 7, column x"."""


def from_dicts(rows: Any, name: str, place: Place, example: str) -> pl.DataFrame:
    """Make the columns of rows that are dicts, such as ``example`` written as JSON."""
    if not isinstance(rows, Sequence):
        raise InputError("this is one JSON value", where=name, expected="an array of objects")
    names: dict[str, None] = {}
    for row, values in enumerate(rows):
        if not isinstance(values, Mapping):
            raise InputError(
                f"this row is {_short(values)}",
                where=place(row, None),
                expected=f"an object, as {example}",
            )
        names.update(dict.fromkeys(values))
    return from_columns({name: [row.get(name) for row in rows] for name in names}, name, place)


def from_columns(columns: Mapping[Any, Any], name: str, place: Place) -> pl.DataFrame:
    """Make a frame of columns that must be of one length."""
    made = [column_of(str(column), values, place) for column, values in columns.items()]
    for column in made[1:]:
        if len(column) != len(made[0]):
            raise InputError(
                f"the column {column.name!r} has {len(column)} values, {made[0].name!r} has {len(made[0])}",
                where=name,
                expected="columns of one length",
            )
    return pl.DataFrame(made)


def column_of(name: str, values: Any, place: Place | None = None) -> pl.Series:
    """Make a column; values of mixed kinds become numbers when all are numbers, otherwise text."""
    if isinstance(values, (np.ndarray, pl.Series)) and values.dtype != object:
        return pl.Series(name, values)
    values = list(values)
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in values):

        def where(row: int) -> str:
            return place(row, name) if place else f"column {name}, value {row + 1}"

        return list_column(name, values, where)
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):
        if all(value is None or isinstance(value, (int, float, np.number)) for value in values):
            return pl.Series(name, [None if v is None else float(v) for v in values])
        return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
