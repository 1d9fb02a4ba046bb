"""Columns of Python lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from unrolled.errors import InputError

_LISTS = (list, tuple, np.ndarray)


def list_column(name: str, values: list[Any]) -> pl.Series:
    """Make a column of lists of numbers, of lists of lists of numbers, or of lists of text.

    Polars takes the kind of the first number and cuts the decimals of the rest, so it is said here.

    Raises:
        InputError: a value is no list, or lists and numbers are mixed within a list; its row is named.
    """
    lists = [_as_list(value, name, row) for row, value in enumerate(values)]
    kinds = {type(item) for value in lists if value for item in value} - {type(None)}
    if kinds <= {list}:
        deep = {type(x) for value in lists if value for inner in value if inner for x in inner}
        if _are_numbers(deep - {type(None)}):
            kind = pl.List(pl.List(_smallest(deep)))
            return pl.Series(name, lists, dtype=kind, strict=False)
    elif _are_numbers(kinds):
        return pl.Series(name, lists, dtype=pl.List(_smallest(kinds)), strict=False)
    elif kinds == {str}:
        return pl.Series(name, lists, dtype=pl.List(pl.String))
    row = next(row for row, value in enumerate(lists) if value)
    raise InputError(
        "the lists hold values of different kinds",
        where=f"column {name}, value {row + 1} and on",
        expected="numbers, or lists of numbers, one for each step",
    )


def _as_list(value: Any, name: str, row: int) -> list[Any] | None:
    if value is None:
        return None
    if not isinstance(value, _LISTS):
        raise InputError(
            f"value {row + 1} is {str(value)[:40]!r}, others are arrays",
            where=f"column {name}",
            expected="an array in every row, or in none",
        )
    items = value.tolist() if isinstance(value, np.ndarray) else list(value)
    return [
        item.tolist()
        if isinstance(item, (np.ndarray, np.generic))
        else list(item)
        if isinstance(item, tuple)
        else item
        for item in items
    ]


def _smallest(kinds: set[type]) -> type[pl.DataType]:
    return pl.Int64 if kinds == {int} else pl.Float64


def _are_numbers(kinds: set[type]) -> bool:
    return kinds <= {int, float, bool}
