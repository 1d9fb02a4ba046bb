"""Where every row of a table stands: in which series, at which step; rows out of place are refused with their row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.frequency import Numbering, Times
from unrolled.data.ordered import OrderedRows, Ruler
from unrolled.data.tables import Table
from unrolled.errors import InputError

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """The rows of a table in order of series and time, N of them.

    Attributes:
        names: of the series, in order of their first row; one empty name when nothing tells series apart.
        order: (N,) the table's row.
        group: (N,) the series, an index into names.
        times: (N,) datetime64[s] or step numbers.
        position: (N,) steps since the first row of the series.
        ruler: what a step is.
        missing_steps: how many steps between rows have no row.
        notes: one line for each thing mended.
    """

    names: tuple[str, ...]
    order: Rows
    group: Rows
    times: Times
    position: Rows
    ruler: Ruler
    missing_steps: int
    notes: tuple[str, ...]

    @property
    def starts(self) -> Rows:
        """(series,) where each begins among the ordered rows."""
        return np.searchsorted(self.group, np.arange(len(self.names)))


@dataclass(frozen=True)
class Request:
    """What is asked of the grid.

    Attributes:
        ruler: None is seen in the times.
        counts_rows: rows follow each other, however far apart their times are.
        masks: steps may be missing.
        unused: columns, one of which may tell series apart, for messages.
    """

    ruler: Ruler | None = None
    counts_rows: bool = False
    masks: bool = False
    unused: tuple[str, ...] = ()


def make_grid(
    table: Table,
    id_column: str | None,
    time_column: str | None,
    values: Times | None,
    request: Request,
) -> Grid:
    """Order the rows and place each on its step.

    Args:
        table: the rows.
        id_column: which tells series apart.
        time_column: for messages.
        values: (rows,) the time of each row; None: rows follow each other.
        request: of the user.

    Raises:
        InputError: two rows of a series have one time, a row lies between two steps, or steps are missing.
    """
    group, names = _groups(table, id_column)
    if values is None or time_column is None:
        return _counted(names, group, np.argsort(group, kind="stable"), ())
    order = np.lexsort((values, group))
    notes = _unsorted(table, group, values, order)
    place = OrderedRows(table, time_column, names, order, group[order], values[order])
    place.require_different_times(request.unused)
    if request.counts_rows:
        return _counted(names, group, order, notes)
    ruler = request.ruler or place.infer()
    position = place.positions(ruler)
    if request.ruler is not None:
        place.require_some_steps(ruler, position)
    missing = place.missing_steps(position)
    total = int(missing.sum())
    if total and not request.masks:
        raise place.gap(ruler, missing)
    if total > 1_000_000 and total > 20 * len(order):
        raise place.far_apart(ruler, missing)
    return Grid(names, order, place.group, place.times, position, ruler, total, notes)


def _groups(table: Table, id_column: str | None) -> tuple[Rows, tuple[str, ...]]:
    """Return the series of each row, numbered in order of their first rows, and their names."""
    if id_column is None:
        return np.zeros(table.frame.height, dtype=np.int64), ("",)
    cells = table.frame[id_column].cast(pl.String)
    if table.is_text:
        cells = cells.str.strip_chars()
    cells = cells.replace("", None)
    if cells.null_count():
        raise InputError(
            "the name of the series is missing",
            where=table.where(int(cells.is_null().arg_max() or 0), id_column),
            expected="a name in every row",
        )
    texts = cells.alias("id").to_frame()
    distinct = texts.unique(maintain_order=True).with_row_index("group")
    joined = texts.join(distinct, on="id", how="left", maintain_order="left")
    return joined["group"].cast(pl.Int64).to_numpy(), tuple(distinct["id"])


def _counted(names: tuple[str, ...], group: Rows, order: Rows, notes: tuple[str, ...]) -> Grid:
    ordered = group[order]
    starts = np.searchsorted(ordered, np.arange(len(names)))
    position = np.arange(len(order)) - starts[ordered]
    return Grid(names, order, ordered, position, position, Numbering(), 0, notes)


def _unsorted(table: Table, group: Rows, values: Times, order: Rows) -> tuple[str, ...]:
    by_file = np.argsort(group, kind="stable")
    if (values[by_file] == values[order]).all():
        return ()
    times, series = values[by_file], group[by_file]
    back = (times[1:] < times[:-1]) & (series[1:] == series[:-1])
    row = by_file[1:][back].min()
    return (f"{table.name}: rows were not in order of time (first {table.row(int(row))}); sorted",)
