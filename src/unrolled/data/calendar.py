"""What the calendar says about a time before it comes: its season, and its place in the day, the week and the year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import (
    BUSINESS_DAY,
    DAY,
    MONTHS,
    SECONDS,
    Frequency,
    Times,
    infer_frequency,
    parse_frequency,
)

__all__ = [
    "Frequency",
    "calendar_features",
    "default_season",
    "default_seasons",
    "infer_frequency",
    "parse_frequency",
]

WEEK = 7 * DAY


def default_season(freq: Frequency | None) -> int:
    """Return the usual season in steps: the day for hours, the week for days, the year for weeks and months.

    >>> default_season(parse_frequency("h")), default_season(parse_frequency("D")), default_season(None)
    (24, 7, 1)
    """
    return default_seasons(freq)[0]


def default_seasons(freq: Frequency | None) -> tuple[int, ...]:
    """Return the usual seasons in steps, the first one the season of `default_season`.

    >>> default_seasons(parse_frequency("h")), default_seasons(parse_frequency("15min"))
    ((24, 168), (96, 672))
    """
    if freq is None:
        return (1,)
    if freq.unit == BUSINESS_DAY:
        return (5, 261)
    if freq.unit in MONTHS:
        return (_steps(12, freq.count * MONTHS[freq.unit]),)
    step = freq.count * SECONDS[freq.unit]
    if step < 60:
        return (_steps(3_600, step),)
    if step < DAY:
        return tuple(dict.fromkeys((_steps(DAY, step), _steps(WEEK, step))))
    if step == DAY:
        return (7, 365)
    return (max(1, round(365.25 * DAY / step)),) if step % WEEK == 0 else (_steps(WEEK, step),)


def calendar_features(
    times: Times, freq: Frequency | None
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return (T, C) numbers from -1 to 1 for ``times`` (T,), and their C names.

    Every cycle longer than a step gives the sine and cosine of its phase p, sin(2 pi k p) and cos(2 pi k p), for the
    first orders k: as many as its shape needs, three for the seven days of a week. So midnight lies beside 23:00,
    and December beside January. Without a frequency (numbered steps) there is no calendar: C is 0.

    >>> calendar_features(np.array(["2024-01-01"], dtype="datetime64[s]"), parse_frequency("M"))[1]
    ('year_sin_1', 'year_cos_1', 'year_sin_2', 'year_cos_2')
    """
    columns, names = [], []
    for name, phase, orders in _cycles(times, freq):
        for order in range(1, orders + 1):
            angle = 2 * np.pi * order * phase
            columns += [np.sin(angle), np.cos(angle)]
            names += [f"{name}_sin_{order}", f"{name}_cos_{order}"]
    if not columns:
        return np.zeros((len(times), 0), dtype=np.float32), ()
    return np.stack(columns, axis=1).astype(np.float32), tuple(names)


def _cycles(times: Times, freq: Frequency | None) -> list[tuple[str, NDArray[np.float64], int]]:
    """Return name, phase in [0, 1) and number of orders of every cycle that is longer than a step."""
    if freq is None:
        return []
    # A month is taken as 30 days: it only says which cycles are longer than a step.
    step = freq.seconds or (
        DAY if freq.unit == BUSINESS_DAY else 30 * DAY * freq.count * MONTHS[freq.unit]
    )
    seconds = times.astype("datetime64[s]").astype(np.int64)
    cycles = []
    if step < 3_600:
        cycles.append(("hour", seconds % 3_600 / 3_600, 1))
    if step < DAY:
        cycles.append(("day", seconds % DAY / DAY, 2))
    if step < WEEK:
        cycles.append(("week", (seconds // DAY + 3) % 7 / 7, 3))
    if step == DAY:
        cycles.append(("month", _phase(times, "M"), 1))
    if step < 360 * DAY:
        cycles.append(("year", _phase(times, "Y"), 1 if step < DAY or step >= 90 * DAY else 2))
    return cycles


def _phase(times: Times, unit: str) -> NDArray[np.float64]:
    """Return how much of its month ("M") or year ("Y") has passed at each time."""
    start = times.astype(f"datetime64[{unit}]")
    begin, end = start.astype("datetime64[s]"), (start + 1).astype("datetime64[s]")
    return (times - begin).astype(np.float64) / (end - begin).astype(np.float64)


def _steps(cycle: int, step: int) -> int:
    """Return the steps of a cycle, 1 where they do not fill it exactly."""
    return cycle // step if cycle % step == 0 else 1
