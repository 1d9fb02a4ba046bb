"""Where every row of a table stands: in which series, at which step; rows out of place are refused with their row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.frequency import (
    Frequency,
    Numbering,
    Times,
    infer_frequency,
    infer_numbering,
)
from unrolled.data.tables import Table
from unrolled.errors import InputError

Rows = NDArray[np.int64]
Ruler = Frequency | Numbering

MASK = "mask"
MASK_FIX = 'say missing="mask" (--missing mask)'
COUNT_FIX = 'freq="step" (--freq step) to count rows instead of time'


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
    """What the user asked of the grid: the ruler (None: see it in the times), or to count rows; may steps be missing?"""

    ruler: Ruler | None = None
    counts_rows: bool = False
    masks: bool = False


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
    place = _Place(table, time_column, names, order, group[order], values[order])
    place.require_different_times()
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
    cells = table.frame[id_column]
    if cells.null_count():
        raise InputError(
            "the name of the series is missing",
            where=table.where(int(cells.is_null().arg_max() or 0), id_column),
            expected="a name in every row",
        )
    texts = cells.cast(pl.String).alias("id").to_frame()
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


class _Place:
    """Rows ordered by series and time, and the messages that name them."""

    def __init__(
        self,
        table: Table,
        column: str,
        names: tuple[str, ...],
        order: Rows,
        group: Rows,
        times: Times,
    ) -> None:
        self.table, self.column, self.names = table, column, names
        self.order, self.group, self.times = order, group, times
        self.same_series = group[1:] == group[:-1]
        self.starts = np.searchsorted(group, np.arange(len(names)))

    def infer(self) -> Ruler:
        if self.times.dtype.kind == "i":
            return infer_numbering(self.times, self.group)
        try:
            return infer_frequency(self.times, self.group)
        except InputError as error:
            where = self.table.where(column=self.column)
            raise InputError(
                error.problem, where=where, expected=error.expected, fix=error.fix
            ) from None

    def require_different_times(self) -> None:
        same = self.same_series & (self.times[1:] == self.times[:-1])
        if not same.any():
            return
        index = self._first(same)
        fix = "keep one of them"
        others = [name for name, kind in self.table.frame.schema.items() if kind == pl.String]
        others = [name for name in others if name != self.column]
        if self.names == ("",) and others:
            fix += (
                f', or name the column that tells series apart: id="{others[0]}" (--id {others[0]})'
            )
        raise InputError(
            f"{self._time(index)} is there twice{self._of_series(index)}: "
            f"in {self._row(index - 1)} and {self._row(index)}",
            where=self._where(index),
            expected="different times",
            fix=fix,
        )

    def positions(self, ruler: Ruler) -> Rows:
        """Return the steps since the start of the series; every row must lie on one."""
        position, on_step = ruler.positions(self.times, self.times[self.starts][self.group])
        # Two rows within one step (hours in daily data): the second is off, too.
        on_step = on_step & np.concatenate([[True], ~self.same_series | (np.diff(position) > 0)])
        if on_step.all():
            return position
        index = int(np.flatnonzero(~on_step)[self.order[~on_step].argmin()])
        before = f" after {self._time(index - 1)} ({self._row(index - 1)})" if index else ""
        raise InputError(
            f"{self._time(index)}{self._of_series(index)} is out of step{before}",
            where=self._where(index),
            expected=f"rows that are {ruler.name}",
            fix=self._other_frequency(ruler) or "correct the time or remove the row",
        )

    def require_some_steps(self, ruler: Ruler, position: Rows) -> None:
        """Refuse a ruler so fine that no two rows are one step apart."""
        steps = np.diff(position)[self.same_series]
        if len(steps) and (steps > 1).all():
            raise InputError(
                f"no two rows are {ruler.name}: the closest are {steps.min()} steps apart",
                where=self.table.where(column=self.column),
                expected=f"rows that are {ruler.name}",
                fix=self._other_frequency(ruler) or "say another frequency",
            )

    def missing_steps(self, position: Rows) -> Rows:
        """Return (N - 1,) how many steps have no row before each row but the first."""
        return np.where(self.same_series, np.diff(position) - 1, 0)

    def gap(self, ruler: Ruler, missing: Rows) -> InputError:
        index = self._first(missing > 0)
        steps, gaps = int(missing[index - 1]), int((missing > 0).sum())
        first_of = f" (the first of {gaps} gaps)" if gaps > 1 else ""
        fixes = [f"{MASK_FIX} to take what is missing as not observed"]
        other = self._other_frequency(ruler)
        if other:
            fixes.append(other)
        elif isinstance(ruler, Frequency):
            fixes.append(COUNT_FIX)
        return InputError(
            f"{steps} step{'s are' if steps > 1 else ' is'} missing{self._of_series(index)} between "
            f"{self._time(index - 1)} ({self._row(index - 1)}) and {self._time(index)}{first_of}",
            where=self._where(index),
            expected=f"rows that are {ruler.name}, without a gap",
            fix=", or ".join(fixes),
        )

    def far_apart(self, ruler: Ruler, missing: Rows) -> InputError:
        index = int(missing.argmax()) + 1
        return InputError(
            f"{missing[index - 1]} steps lie between {self._time(index - 1)} ({self._row(index - 1)}) "
            f"and {self._time(index)}{self._of_series(index)}, too many to fill",
            where=self._where(index),
            expected=f"rows that are {ruler.name}",
            fix="correct the time, or say a longer step with freq=... (--freq ...)",
        )

    def _other_frequency(self, ruler: Ruler) -> str:
        """Say which frequency the times show, when it is another than the one asked for."""
        if not isinstance(ruler, Frequency):
            return ""
        try:
            seen = infer_frequency(self.times, self.group)
        except InputError:
            return COUNT_FIX
        return (
            f'freq="{seen}" (--freq {seen}), as the rows are {seen.name}' if seen != ruler else ""
        )

    def _first(self, mask: NDArray[np.bool_]) -> int:
        """Return the ordered index of the first row of the table among those after a masked step."""
        indices = np.flatnonzero(mask) + 1
        return int(indices[self.order[indices].argmin()])

    def _row(self, index: int) -> str:
        return self.table.row(int(self.order[index]))

    def _where(self, index: int) -> str:
        return self.table.where(int(self.order[index]), self.column)

    def _of_series(self, index: int) -> str:
        name = self.names[self.group[index]]
        return f" in series {name!r}" if name else ""

    def _time(self, index: int) -> str:
        return show_time(self.times[index])


def show_time(time: np.datetime64 | np.int64) -> str:
    """Return a time as short as it can be said: a date without its midnight."""
    text = str(time).replace("T", " ")
    return text.removesuffix(" 00:00:00").removesuffix(":00") if " " in text else text
