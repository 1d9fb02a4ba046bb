"""How far apart the rows of a series lie: told by the user, or seen in the times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError, unknown_option

Times = NDArray[Any]  # datetime64[s], or int64 step numbers
Rows = NDArray[np.int64]

DAY = 86_400
SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
BUSINESS_DAY = "business day"

NAMES = {
    "second": "secondly", "minute": "minutely", "hour": "hourly", "day": "daily", BUSINESS_DAY: "business daily",
    "week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "yearly",
}  # fmt: skip
SYMBOLS = {
    "second": "s", "minute": "min", "hour": "h", "day": "D", BUSINESS_DAY: "B",
    "week": "W", "month": "M", "quarter": "Q", "year": "Y",
}  # fmt: skip

_SPELLINGS = {
    "second": ("s", "sec", "second", "seconds", "secondly"),
    "minute": ("min", "m", "T", "minute", "minutes", "minutely"),
    "hour": ("h", "H", "hour", "hours", "hourly"),
    "day": ("D", "d", "day", "days", "daily"),
    BUSINESS_DAY: ("B", "C", "business day", "business daily", "business days"),
    "week": ("W", "w", "week", "weeks", "weekly"),
    "month": ("M", "MS", "ME", "mo", "month", "months", "monthly"),
    "quarter": ("Q", "QS", "QE", "q", "quarter", "quarters", "quarterly"),
    "year": ("Y", "YS", "YE", "A", "AS", "y", "year", "years", "yearly", "annual"),
}
_UNIT = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}


@dataclass(frozen=True)
class Frequency:
    """A step of ``count`` units from one row to the next.

    Units shorter than a month have a fixed length, except the business day (Monday to Friday). Months keep the day of
    the month of the series itself, or its last day: 31 January, 28 February, 31 March is monthly.
    """

    count: int
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in NAMES:
            raise unknown_option("unit", self.unit, NAMES)
        if self.count < 1 or (self.unit == BUSINESS_DAY and self.count != 1):
            raise InputError(
                f"a step of {self.count} {self.unit}s", expected="a count of 1 or more"
            )
        count, unit = _largest_unit(self.count, self.unit)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "unit", unit)

    @property
    def name(self) -> str:
        """The word for it.

        >>> Frequency(1, "hour").name, Frequency(15, "minute").name, Frequency(60, "minute").name
        ('hourly', 'every 15 minutes', 'hourly')
        """
        return NAMES[self.unit] if self.count == 1 else f"every {self.count} {self.unit}s"

    @property
    def step(self) -> tuple[int, str]:
        """Count and unit."""
        return self.count, self.unit

    @property
    def seconds(self) -> int | None:
        """The fixed length of a step; None for business days, months, quarters and years."""
        return self.count * SECONDS[self.unit] if self.unit in SECONDS else None

    def __str__(self) -> str:
        """Return the form that `parse_frequency` reads: "h", "15min", "B", "Q"."""
        return (str(self.count) if self.count > 1 else "") + SYMBOLS[self.unit]

    def next(self, times: Times, count: int) -> Times:
        """Return the ``count`` times (count,) after the last of ``times`` (T,), T at least 1.

        >>> Frequency(1, "month").next(np.array(["2024-01-31"], dtype="datetime64[s]"), 2).astype(str).tolist()
        ['2024-02-29T00:00:00', '2024-03-31T00:00:00']
        """
        return self.at(times, np.arange(1, count + 1), times[-1])

    def at(self, times: Times, positions: Rows, start: np.datetime64) -> Times:
        """Return the times at ``positions`` counted from ``start``; ``times`` tell the day of the month."""
        if self.unit in SECONDS:
            return start + positions * np.timedelta64(self.seconds, "s")
        if self.unit == BUSINESS_DAY:
            day = start.astype("datetime64[D]")
            return np.busday_offset(day, positions, roll="forward").astype("datetime64[s]") + (
                start - day
            )
        last_day, in_day = _anchor(times)
        months = start.astype("datetime64[M]") + positions * (self.count * MONTHS[self.unit])
        days = np.minimum(last_day, _days_in_month(months)) - 1
        return months.astype("datetime64[s]") + (days * DAY + in_day).astype("timedelta64[s]")

    def positions(self, times: Times, start: Times) -> tuple[Rows, NDArray[np.bool_]]:
        """Return how many whole steps each time (T,) is from ``start`` (T,), and whether it lies on a step."""
        if self.unit in SECONDS:
            step = self.count * SECONDS[self.unit]
            whole, rest = np.divmod((times - start).astype(np.int64), step)
            return whole, rest == 0
        if self.unit == BUSINESS_DAY:
            return _business_positions(times, start)
        months, first = times.astype("datetime64[M]"), start.astype("datetime64[M]")
        whole, rest = np.divmod((months - first).astype(np.int64), self.count * MONTHS[self.unit])
        length, first_length = _days_in_month(months), _days_in_month(first)
        day, clock = _day_and_clock(times)
        first_day, first_clock = _day_and_clock(start)
        same_day = day == np.minimum(first_day, length)
        # The first day seen may be cut short by a February: then any later day that starts a longer month is taken.
        last_day = (day == length) & (first_day == first_length)
        cut_short = (first_day == first_length) & (day > first_day)
        on_step = (rest == 0) & (clock == first_clock) & (same_day | last_day | cut_short)
        return whole, on_step


@dataclass(frozen=True)
class Numbering:
    """Rows that are numbered instead of dated, ``step`` from one to the next."""

    step: int = 1

    @property
    def name(self) -> str:
        """The words for it."""
        return f"numbered in steps of {self.step}"

    def next(self, times: Rows, count: int) -> Rows:
        """Return the ``count`` numbers after the last of ``times``."""
        return self.at(times, np.arange(1, count + 1), times[-1])

    def at(self, times: Rows, positions: Rows, start: np.int64) -> Rows:
        """Return the numbers at ``positions`` counted from ``start``."""
        return start + positions * self.step

    def positions(self, times: Rows, start: Rows) -> tuple[Rows, NDArray[np.bool_]]:
        """Return how many whole steps each number is from ``start``, and whether it lies on a step."""
        whole, rest = np.divmod(times - start, self.step)
        return whole, rest == 0


def parse_frequency(text: str | Frequency) -> Frequency:
    """Read "h", "15min", "D", "B", "W", "MS", "Q", "Y" and their like, as pandas and polars spell them, or in words.

    "M" is months, "m" and "min" are minutes.

    >>> parse_frequency("15min").name, parse_frequency("MS").name, parse_frequency("W-SUN").name
    ('every 15 minutes', 'monthly', 'weekly')

    Raises:
        OptionError: there is no such frequency.
    """
    if isinstance(text, Frequency):
        return text
    found = re.fullmatch(r"(?:every )?(\d*) ?([A-Za-z ]+?)(?:-[A-Z]{3})?", str(text).strip())
    unit = _UNIT.get(found[2]) or _UNIT.get(found[2].lower()) if found else None
    if not found or unit is None or found[1] == "0":
        raise unknown_option("freq", text, ["h", "15min", "D", "B", "W", "M", "Q", "Y", "s"])
    return Frequency(int(found[1] or 1), unit)


def infer_frequency(times: Times, group: Rows | None = None) -> Frequency:
    """Return the frequency that most steps of ``times`` (T,) show; they rise within each ``group`` (T,).

    Raises:
        InputError: there are fewer than two rows in every group, or no step is the commonest by far.
    """
    steps = np.diff(times).astype(np.int64)
    inside = steps > 0 if group is None else (np.diff(group) == 0) & (steps > 0)
    if not inside.any():
        raise InputError(
            "the frequency cannot be seen: no series has two different times",
            fix='say it: freq="D" (--freq D)',
        )
    lengths, counts = np.unique(steps[inside], return_counts=True)
    common = int(lengths[counts.argmax()])
    if common >= 28 * DAY:
        monthly = _monthly(times, inside)
        if monthly is not None:
            return monthly
    # Where rows are missing the steps are longer, but whole.
    whole = counts[lengths % common == 0].sum()
    if 2 * whole < counts.sum() or 5 * counts.max() < counts.sum():
        share = 100 * counts.max() / counts.sum()
        raise InputError(
            f"the rows are not evenly spaced: the commonest step, {span(common)}, is only {share:.0f} % of them",
            expected="one frequency",
            fix='say it: freq="D" (--freq D), or freq="step" (--freq step) to count rows instead of time',
        )
    if common == DAY and _weekdays_only(times, inside):
        return Frequency(1, BUSINESS_DAY)
    return Frequency(common, "second")


def infer_numbering(numbers: Rows, group: Rows) -> Numbering:
    """Return the commonest step of ``numbers`` (T,), which rise within each ``group`` (T,)."""
    steps = np.diff(numbers)[np.diff(group) == 0]
    if len(steps) == 0:
        return Numbering()
    lengths, counts = np.unique(steps, return_counts=True)
    return Numbering(int(lengths[counts.argmax()]))


def span(seconds: int) -> str:
    """Return a length of time in words, in the largest unit that divides it.

    >>> span(900), span(86400)
    ('15 minutes', '1 day')
    """
    count, unit = _largest_unit(seconds, "second")
    return f"{count} {unit}{'s' if count > 1 else ''}"


def _largest_unit(count: int, unit: str) -> tuple[int, str]:
    for table in (SECONDS, MONTHS):
        if unit in table:
            total = count * table[unit]
            largest = [u for u, size in table.items() if total % size == 0][-1]
            return total // table[largest], largest
    return count, unit


def _monthly(times: Times, inside: NDArray[np.bool_]) -> Frequency | None:
    months = np.diff(times.astype("datetime64[M]")).astype(np.int64)[inside]
    lengths, counts = np.unique(months, return_counts=True)
    if lengths[counts.argmax()] < 1:
        return None
    frequency = Frequency(int(lengths[counts.argmax()]), "month")
    _, on_step = frequency.positions(times[1:], times[:-1])
    return frequency if 2 * on_step[inside].sum() >= inside.sum() else None


def _weekdays_only(times: Times, inside: NDArray[np.bool_]) -> bool:
    weekday = _weekday(times)
    over_weekend = (weekday[1:] < weekday[:-1]) & inside
    return bool((weekday < 5).all() and over_weekend.any())


def _business_positions(times: Times, start: Times) -> tuple[Rows, NDArray[np.bool_]]:
    days, first = times.astype("datetime64[D]"), start.astype("datetime64[D]")
    same_clock = (times - days) == (start - first)
    return np.busday_count(first, days), same_clock & np.is_busday(days)


def _weekday(times: Times) -> Rows:
    """Return 0 for Monday to 6 for Sunday; 1970-01-01 was a Thursday."""
    return (times.astype("datetime64[D]").astype(np.int64) + 3) % 7


def _days_in_month(months: Times) -> Rows:
    following = (months + 1).astype("datetime64[D]")
    return (following - months.astype("datetime64[D]")).astype(np.int64)


def _day_and_clock(times: Times) -> tuple[Rows, Rows]:
    inside = (times - times.astype("datetime64[M]")).astype(np.int64)
    return inside // DAY + 1, inside % DAY


def _anchor(times: Times) -> tuple[int, int]:
    """Return the day of the month that a monthly series keeps, 31 for the last, and the second of that day."""
    day, clock = _day_and_clock(times)
    if (day == _days_in_month(times.astype("datetime64[M]"))).all():
        return 31, int(clock[-1])
    return int(day.max()), int(clock[-1])
