"""Columns of Python lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from unrolled.errors import InputError

_LISTS = (list, tuple, np.ndarray)


def list_column(name: str, values: list[Any], where: Callable[[int], str]) -> pl.Series:
    """Make a column of lists of numbers, of lists of lists of numbers, or of lists of text.

    Polars takes the kind of the first number and cuts the decimals of the rest, so it is said here.

    Raises:
        InputError: a value is no list, or lists and numbers are mixed within a list; its row is named.
    """
    mixed = mixed_values(values, where)
    if mixed:
        raise mixed
    lists = [None if value is None else _as_list(value) for value in values]
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
        where=f"{where(row)} and on",
        expected="numbers, or lists of numbers, one for each step",
    )


def mixed_values(values: list[Any], where: Callable[[int], str]) -> InputError | None:
    """Return the error for a column of lists in which some values are none, or of others in which some are lists."""
    rows: dict[bool, list[int]] = {True: [], False: []}
    for row, value in enumerate(values):
        if value is not None:
            rows[isinstance(value, _LISTS)].append(row)
    if not (rows[True] and rows[False]):
        return None
    of_lists = len(rows[True]) >= len(rows[False])
    row = rows[not of_lists][0]
    value = values[row]
    shown = repr(value) if isinstance(value, str) else str(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    kind = "text" if isinstance(value, str) else "one value"
    return InputError(
        f"{shown} is {kind}, not a list of numbers"
        if of_lists
        else f"{shown} is a list, and other rows hold none",
        where=where(row),
        expected="a list in every row, or in none",
        fix="correct it, or remove the row",
    )


def _as_list(value: Any) -> list[Any]:
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
