"""Rows in order of series and time: which are twice there, out of step or missing, each named with what to do."""

from __future__ import annotations

import numpy as np
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


class OrderedRows:
    """The rows of a table ordered by series and time, N of them, and the messages that name them.

    Args:
        table: the rows.
        column: that of the times.
        names: of the series.
        order: (N,) the table's row.
        group: (N,) the series, an index into names.
        times: (N,) datetime64[s] or step numbers.
    """

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

    def require_different_times(self, unused: tuple[str, ...]) -> None:
        same = self.same_series & (self.times[1:] == self.times[:-1])
        if not same.any():
            return
        index = self._first(same)
        fix = "keep one of them"
        name = next(filter(self._tells_series_apart, unused), None)
        if self.names == ("",) and name:
            fix += f', or name the column that tells series apart: id="{name}" (--id {name})'
        raise InputError(
            f"{self._time(index)} is there twice{self._of_series(index)}: "
            f"in {self._row(index - 1)} and {self._row(index)}",
            where=self._where(index),
            expected="different times",
            fix=fix,
        )

    def _tells_series_apart(self, name: str) -> bool:
        rows = self.table.frame.select(name, self.column)
        return 2 * rows[name].n_unique() <= rows.height and not rows.is_duplicated().any()

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
            fix=self._other_frequency(ruler)
            or f"correct the time or remove the row{self._or_count(ruler)}",
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
        return InputError(
            f"{steps} step{'s are' if steps > 1 else ' is'} missing{self._of_series(index)} between "
            f"{self._time(index - 1)} ({self._row(index - 1)}) and {self._time(index)}{first_of}",
            where=self._where(index),
            expected=f"rows that are {ruler.name}, without a gap",
            fix=", or ".join(fixes) + ("" if other else self._or_count(ruler)),
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

    @staticmethod
    def _or_count(ruler: Ruler) -> str:
        return f", or {COUNT_FIX}" if isinstance(ruler, Frequency) else ""

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
