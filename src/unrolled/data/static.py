"""Static features: what stays the same throughout a series, numbers as they are, categories as one column each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.grid import Grid
from unrolled.data.numbers import looks_numeric, read_numbers
from unrolled.data.tables import Table
from unrolled.errors import InputError

Array = NDArray[np.float64]
Categories = dict[str, tuple[str, ...]]


def read_static(
    table: Table, columns: tuple[str, ...], grid: Grid, known: Mapping[str, tuple[str, ...]] | None
) -> tuple[Array, tuple[str, ...], Categories]:
    """Return (series, S) numbers, their S names, and the categories of the columns that have them.

    Args:
        table: the rows.
        columns: the static ones; numbers, or categories where a cell is no number.
        grid: the series.
        known: the categories a model was fitted with; None when they are to be found.

    Raises:
        InputError: a feature changes within a series, is missing, or is a category the model does not know.
    """
    parts, names = [], []
    categories: Categories = {}
    for column in columns:
        as_category = (
            column in known if known is not None else not looks_numeric(table.frame[column])
        )
        if not as_category:
            numbers = read_numbers(table, column)
            parts.append(
                _per_series(table, column, pl.Series(numbers, nan_to_null=True), grid).to_numpy()
            )
            names.append(column)
            continue
        labels = _per_series(table, column, table.frame[column].cast(pl.String), grid)
        choices = known[column] if known is not None else tuple(sorted(labels.unique()))
        _require_known(table, column, labels, choices)
        categories[column] = choices
        parts += [(labels == choice).cast(pl.Float64).to_numpy() for choice in choices]
        names += [f"{column}={choice}" for choice in choices]
    values = np.stack(parts, axis=1) if parts else np.zeros((len(grid.names), 0))
    return values, tuple(names), categories


def _per_series(table: Table, column: str, cells: pl.Series, grid: Grid) -> pl.Series:
    """Return (series,) the one value of each."""
    ordered = cells.gather(grid.order)
    if ordered.null_count():
        row = int(cells.is_null().arg_max() or 0)
        raise InputError(
            "the static feature is missing",
            where=table.where(row, column),
            expected="a value in every row",
            fix="fill it in, or leave the feature out",
        )
    first = ordered.gather(grid.starts)
    changed = (ordered != first.gather(grid.group)).to_numpy()
    if changed.any():
        row = int(grid.order[changed].min())
        index = int(np.flatnonzero(grid.order == row)[0])
        start = int(grid.order[grid.starts[grid.group[index]]])
        raw = table.frame[column]
        raise InputError(
            f"{raw[row]!r} is not what stands at the start of the series, {raw[start]!r}",
            where=table.where(row, column),
            expected="one value throughout a series",
            fix=f'a feature that changes is a covariate: past="{column}" or known="{column}"',
        )
    return first


def _require_known(table: Table, column: str, values: pl.Series, choices: tuple[str, ...]) -> None:
    unknown = values.filter(~values.is_in(choices))
    if len(unknown):
        raise InputError(
            f"the model was fitted without the category {unknown[0]!r}",
            where=table.where(column=column),
            expected=f"one of {', '.join(choices[:10])}{', ...' if len(choices) > 10 else ''}",
            fix="leave these series out, or fit again with them",
        )
