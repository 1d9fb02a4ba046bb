"""Dates and times written as text, in the forms that files really have."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from unrolled.data.frequency import Times
from unrolled.data.tables import Table
from unrolled.errors import InputError

DATES = "a date or time as 2024-01-31 or 2024-01-31 13:00"
_SIGN = r"(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$"
_OFFSET = (
    r"(?:\d:\d\d(?:\.\d+)?|T\d\d(?:\d\d)*)\s*" + _SIGN
)  # after a time of day: 2024-01 ends in no offset

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f")
_TWELVE = (" %I:%M %p", " %I:%M:%S %p")
_YEAR_FIRST = [f"%Y-%m-%d{clock}" for clock in _CLOCKS]
_COMPACT = ["%Y%m%d %H%M", "%Y%m%d %H%M%S"]
_DAY_FIRST = [f"%d-%m-%Y{clock}" for clock in _CLOCKS + _TWELVE]
_MONTH_FIRST = [f"%m-%d-%Y{clock}" for clock in _CLOCKS + _TWELVE]
_WITH_NAMES = [
    f"{date}{clock}"
    for month in ("%b", "%B")
    # Without the day first: "Jan 2024" would do as day 20 of the year 24, too.
    for date in (f"{month} %Y", f"{month}-%Y", f"{month} %d %Y", f"%d {month} %Y", f"%d-{month}-%Y")
    for clock in (_CLOCKS if "%d" in date else ("",))
]
_QUARTER = r"^(\d{4})[- ]?[Qq]([1-4])$"
_WEEK = r"^(\d{4})-?W(\d\d)$"


def parse_dates(table: Table, column: str, cells: pl.Series) -> Times:
    """Return the times (rows,) of a column of text, in microseconds; every row must be in one of the forms below.

    Year first (with -, / or Chinese signs), day first, month first, with the month's name, quarters as 2024Q1, weeks
    as 2024-W05; with or without a time of day.

    Raises:
        InputError: a row cannot be read, or all rows can be read as day first and as month first; the row is named.
    """
    first = cells.head(1)
    for form in (*_YEAR_FIRST, *(f.replace(" ", "T") for f in _YEAR_FIRST[1:])):
        if not _parse(first, [form]).has_nulls():
            times = _parse(cells, [form])
            if not times.has_nulls():
                return _require_four_digits(table, column, cells, times)
    text = _plain(cells)
    best = pl.Series([None] * len(cells), dtype=pl.Datetime("us"))
    for family in (_months_and_weeks, *map(_family, (_YEAR_FIRST + _COMPACT, _WITH_NAMES))):
        times = family(text)
        if not times.has_nulls():
            return _require_four_digits(table, column, text, times)
        best = min(best, times, key=pl.Series.null_count)
    day_first, month_first = _parse(text, _DAY_FIRST), _parse(text, _MONTH_FIRST)
    if not day_first.has_nulls() and not month_first.has_nulls():
        _require_same(table, column, cells, day_first, month_first)
    best = min(best, day_first, month_first, key=pl.Series.null_count)
    if best.has_nulls():
        raise _unread(table, column, cells, best)
    return _require_four_digits(table, column, text, best)


def offset_signs(cells: pl.Series) -> pl.Series:
    """Return the offset from UTC at the end of each time (Z, UTC, +08:00, +0800, +08); null where there is none."""
    return cells.str.extract(_OFFSET, 1)


def without_offset(cells: pl.Series) -> pl.Series:
    """Return the times without their offsets."""
    bare = cells.str.replace(_SIGN, "").str.strip_chars()
    return bare.zip_with(cells.str.contains(_OFFSET), cells)


def looks_dated(cells: pl.Series) -> bool:
    """Tell whether the first cells of a column of text can be read as dates; whole numbers are none."""
    text = without_offset(cells.drop_nulls().head(20).str.strip_chars())
    if text.is_empty() or not text.cast(pl.Float64, strict=False).is_null().all():
        return False
    plain = _plain(text)
    forms = (_YEAR_FIRST + _COMPACT, _WITH_NAMES, _DAY_FIRST, _MONTH_FIRST)
    families = (_months_and_weeks, *map(_family, forms))
    return any(2 * family(plain).null_count() < len(plain) for family in families)


def _plain(cells: pl.Series) -> pl.Series:
    """Return year-first and numeric dates with - between their parts and one space before the time."""
    return (
        cells.str.replace(r"(\d)T(\d)", "${1} ${2}")
        .str.replace(r"^(\d+)\s*[/.年-]\s*(\d+)\s*[/.月-]\s*(\d+)日?\s*", "${1}-${2}-${3} ")
        .str.replace(r"^(\d+)\s*[/年-]\s*(\d+)月?$", "${1}-${2}")
        .str.replace_all(r"[,\s]+", " ")
        .str.strip_chars()
    )


def _family(forms: Iterable[str]) -> Callable[[pl.Series], pl.Series]:
    return lambda text: _parse(text, forms)


def _parse(text: pl.Series, forms: Iterable[str]) -> pl.Series:
    """Return the times; every cell may have any of the forms, the first one that reads it counts."""
    times = pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    for form in forms:
        if not times.has_nulls():
            break
        read = text.str.to_datetime(form, time_unit="us", strict=False, ambiguous="raise")
        times = times.fill_null(read) if times.null_count() < len(times) else read
    return times


def _months_and_weeks(text: pl.Series) -> pl.Series:
    """Read 2024-01, 2024Q1 and 2024-W05 as the first day of the month, quarter and week."""
    quarter = text.str.extract(_QUARTER, 2).cast(pl.Int64) * 3 - 2
    months = text.str.extract(_QUARTER, 1) + "-" + quarter.cast(pl.String)
    weeks = text.str.extract(_WEEK, 1) + "-" + text.str.extract(_WEEK, 2) + "-1"
    times = _parse(months.fill_null(text) + "-1", ["%Y-%m-%d"])
    return times.fill_null(_parse(weeks, ["%G-%V-%u"]))


def _require_same(
    table: Table, column: str, cells: pl.Series, day_first: pl.Series, month_first: pl.Series
) -> None:
    different = (day_first != month_first).arg_max()
    if different is not None and day_first[different] != month_first[different]:
        readings = f"{day_first[different]:%d %B} or {month_first[different]:%d %B}"
        raise InputError(
            f"{cells[different]!r} may be {readings}, and so in every row",
            where=table.where(different, column),
            expected=DATES,
            fix="write the year first",
        )


def _require_four_digits(table: Table, column: str, text: pl.Series, times: pl.Series) -> Times:
    values = times.to_numpy()
    early = values < np.datetime64("1000-01-01")
    if early.any():
        # 1-01, 1-02, ... numbers the years of a series from 1 on: that is no date cut short.
        short = early & ~text.str.contains(r"^\d{1,3}-\d\d?$").to_numpy()
        if short.any():
            row = int(short.argmax())
            raise InputError(
                f"the year in {text[row]!r} has fewer than four digits",
                where=table.where(row, column),
                expected=DATES,
            )
    return values


def _unread(table: Table, column: str, cells: pl.Series, best: pl.Series) -> InputError:
    row = int(best.is_null().arg_max() or 0)
    if best.null_count() == len(best):
        return InputError(
            f"{cells[row]!r} is not a date",
            where=table.where(row, column),
            expected=DATES,
            fix='name the column of times with time="..." (--time ...) if it is another one',
        )
    read = cells.filter(best.is_not_null())[0]
    return InputError(
        f"{cells[row]!r} is not a date",
        where=table.where(row, column),
        expected=f"one that exists, written as in the other rows ({read!r})",
        fix="correct it or remove the row",
    )
