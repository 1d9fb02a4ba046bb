"""The column of times: text, dates or numbers in, seconds or step numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from unrolled.data.dates import DATES, looks_dated, offset_signs, parse_dates, without_offset
from unrolled.data.frequency import Frequency, Times
from unrolled.data.tables import Table
from unrolled.errors import InputError

UTC, LOCAL = "UTC", "local"

_DAY_LIMITS = (19_000_101, 21_001_231)
_MONTH_LIMITS = (190_001, 210_012)
_SECOND_LIMITS = (1_000_000_000, 4_200_000_000)
_YEAR_LIMITS = (1000, 2999)


@dataclass(frozen=True)
class TimeColumn:
    """The times of all rows.

    Attributes:
        values: (rows,) datetime64[s], or int64 where the column numbers its steps.
        zone: of times that came with an offset from UTC: "+08:00", "UTC" or "local"; None when they had none.
        notes: what was taken otherwise than it stands.
    """

    values: Times
    zone: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_numbered(self) -> bool:
        """Whether these are step numbers."""
        return self.values.dtype.kind == "i"


def read_times(
    table: Table, column: str, *, freq: Frequency | None = None, zone: str | None = None
) -> TimeColumn:
    """Read the column of times.

    Whole numbers are step numbers, but for days as 20240131, months as 202401, seconds or milliseconds since 1970, and
    years when the frequency is said to be yearly.

    Times with an offset from UTC: midnights everywhere are dates, and stay the local ones; times that share one offset
    stay the local clock's; otherwise all are turned into UTC. ``zone`` says instead what to turn them into.

    Raises:
        InputError: a time is missing, cannot be read, or can be read in two ways; the row is named.
    """
    cells = table.frame[column]
    _require_present(table, column, cells)
    if cells.dtype == pl.String:
        cells = cells.str.strip_chars()
        numbers = cells.cast(pl.Int64, strict=False)
        if not numbers.has_nulls():
            return _from_numbers(table, column, numbers.to_numpy(), freq)
        return _from_text(table, column, cells, zone)
    if cells.dtype == pl.Date:
        return TimeColumn(cells.cast(pl.Datetime("us")).to_numpy().astype("datetime64[s]"))
    if isinstance(cells.dtype, pl.Datetime):
        return _from_datetimes(table, column, cells, zone)
    if cells.dtype.is_numeric():
        whole = cells.cast(pl.Int64, strict=False)
        different = (whole.cast(pl.Float64) != cells.cast(pl.Float64)).fill_null(value=True)
        if different.any():
            row = int(different.arg_max() or 0)
            raise InputError(
                f"{cells[row]} is not a whole number",
                where=table.where(row, column),
                expected=f"a step number, {DATES}",
            )
        return _from_numbers(table, column, whole.to_numpy(), freq)
    raise InputError(
        f"a column of {cells.dtype} holds no times",
        where=table.where(column=column),
        expected=DATES,
    )


def looks_like_times(cells: pl.Series) -> bool:
    """Tell whether a column is made of dates or of text that can be read as dates; numbers are not."""
    if cells.dtype == pl.String:
        return looks_dated(cells)
    return cells.dtype.is_temporal()


def _require_present(table: Table, column: str, cells: pl.Series) -> None:
    missing = cells.is_null()
    if cells.dtype == pl.String:
        missing = missing | (cells.str.strip_chars() == "")
    if missing.any():
        row = int(missing.arg_max() or 0)
        raise InputError(
            "the time is missing",
            where=table.where(row, column),
            expected=DATES,
            fix="fill it in or remove the row",
        )


def _from_numbers(
    table: Table, column: str, numbers: np.ndarray, freq: Frequency | None
) -> TimeColumn:
    where = table.where(column=column)
    low, high = int(numbers.min()), int(numbers.max())

    def within(limits: tuple[int, int], times: int = 1) -> bool:
        return limits[0] * times <= low and high <= limits[1] * times

    if freq is not None and freq.unit == "year" and within(_YEAR_LIMITS):
        return TimeColumn((numbers - 1970).astype("datetime64[Y]").astype("datetime64[s]"))
    if within(_DAY_LIMITS) or within(_MONTH_LIMITS):
        whole_days = low > _MONTH_LIMITS[1]
        days = numbers if whole_days else numbers * 100 + 1
        dates = pl.Series(days).cast(pl.String).str.to_date("%Y%m%d", strict=False)
        shown = "days as 20240131" if whole_days else "months as 202401"
        if not dates.has_nulls():
            note = f"{where}: the numbers are taken as {shown}"
            return TimeColumn(dates.to_numpy().astype("datetime64[s]"), None, (note,))
    for times, unit, words in ((1, "s", "seconds"), (1000, "ms", "milliseconds")):
        if within(_SECOND_LIMITS, times):
            note = f"{where}: the numbers are taken as {words} since 1970-01-01 (UTC)"
            values = numbers.astype(f"datetime64[{unit}]")
            return TimeColumn(_whole_seconds(table, column, values), UTC, (note,))
    return TimeColumn(numbers.astype(np.int64))


def _from_text(table: Table, column: str, cells: pl.Series, zone: str | None) -> TimeColumn:
    sign = offset_signs(cells)
    with_offset = sign.is_not_null()
    if with_offset.any():
        if not with_offset.all():
            row = int((with_offset != with_offset[0]).arg_max() or 0)
            raise InputError(
                f"{cells[row]!r} has {'an' if with_offset[row] else 'no'} offset from UTC, the rows before have "
                f"{'one' if with_offset[0] else 'none'}",
                where=table.where(row, column),
                expected="an offset in every row or in none",
            )
        cells = without_offset(cells)
    clock = _whole_seconds(table, column, parse_dates(table, column, cells))
    if not with_offset.any():
        return TimeColumn(clock, zone)
    digits = sign.replace(["Z", "z", "UTC", "GMT"], ["+0000"] * 4).str.replace(":", "")
    minutes = digits.str.slice(1, 2).cast(pl.Int64) * 60 + (
        digits.str.slice(3, 2).replace("", "0").cast(pl.Int64)
    )
    seconds = (minutes * 60).to_numpy() * np.where(digits.str.starts_with("-").to_numpy(), -1, 1)
    return _in_zone(table, column, clock, seconds, zone)


def _from_datetimes(table: Table, column: str, cells: pl.Series, zone: str | None) -> TimeColumn:
    clock = _whole_seconds(table, column, cells.dt.replace_time_zone(None).to_numpy())
    if not isinstance(cells.dtype, pl.Datetime) or cells.dtype.time_zone is None:
        return TimeColumn(clock, zone)
    instant = cells.dt.convert_time_zone(UTC).dt.replace_time_zone(None).to_numpy()
    offset = (clock - instant.astype("datetime64[s]")).astype(np.int64)
    return _in_zone(table, column, clock, offset, zone)


def _in_zone(
    table: Table, column: str, clock: Times, offset: np.ndarray, zone: str | None
) -> TimeColumn:
    """Apply the rule of `read_times` to local clock times and their offsets from UTC in seconds."""
    where = table.where(column=column)
    if zone is None:
        if (clock == clock.astype("datetime64[D]")).all():
            note = f"{where}: all times are local midnights; taken as dates, their offset from UTC left out"
            return TimeColumn(clock, LOCAL, (note,))
        if (offset == offset[0]).all():
            return TimeColumn(clock, _zone_name(int(offset[0])))
        note = f"{where}: times with several offsets from UTC (summer time?) were turned into UTC"
        return TimeColumn(clock - offset.astype("timedelta64[s]"), UTC, (note,))
    if zone == LOCAL:
        return TimeColumn(clock, LOCAL)
    shift = (_zone_seconds(zone) - offset).astype("timedelta64[s]")
    return TimeColumn(clock + shift, zone)


def _zone_name(seconds: int) -> str:
    sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}" if seconds else UTC


def _zone_seconds(zone: str) -> int:
    if zone == UTC:
        return 0
    return (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)


def _whole_seconds(table: Table, column: str, times: Times) -> Times:
    seconds = times.astype("datetime64[s]")
    fraction = seconds != times
    if fraction.any():
        row = int(fraction.argmax())
        raise InputError(
            f"{times[row]} has a fraction of a second",
            where=table.where(row, column),
            expected="whole seconds",
            fix='number the steps instead, or say freq="step" (--freq step) after rounding them',
        )
    return seconds
