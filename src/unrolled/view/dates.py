"""The labels of a time axis: round dates, each with the larger unit it belongs to where that changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.view.scale import Scale, Tick, nice_step, thinned
from unrolled.view.words import Say, Text, phrase

_DAY = 86400.0


class _Step(NamedTuple):
    seconds: float  # how long it is, about
    every: int
    unit: str  # of numpy's datetime64


class _Named(NamedTuple):
    """A moment's label, the larger unit it belongs to, that unit with its year, and the year alone."""

    label: Text
    larger: Text
    of_year: Text
    year: str


_STEPS = (
    *(_Step(n, n, "s") for n in (1, 5, 15, 30)),
    *(_Step(n * 60.0, n, "m") for n in (1, 5, 15, 30)),
    *(_Step(n * 3600.0, n, "h") for n in (1, 3, 6, 12)),
    *(_Step(n * _DAY, n, "D") for n in (1, 2)),
    *(_Step(n * 7 * _DAY, n, "W") for n in (1, 2)),
    *(_Step(n * 30.5 * _DAY, n, "M") for n in (1, 3, 6)),
)


def time_scale(seconds: NDArray[np.float64], speak: Say, *, count: int = 7) -> Scale:
    """Return an axis over ``seconds`` since 1970, labelled at no more than about ``count`` round dates.

    Months and years are the calendar's, not multiples of days. The first label of a new day, month
    or year has it on its second line.
    """
    known = seconds[np.isfinite(seconds)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, _DAY)
    if high <= low:
        low, high = low - _DAY / 2, high + _DAY / 2
    gaps = np.diff(np.unique(known))
    apart = float(gaps.min()) if len(gaps) else _DAY
    # Daily values have no hours to label, however few they are.
    daily = bool((np.mod(known, _DAY) == np.mod(known[:1], _DAY)).all())
    step = _step(max((high - low) / count, _DAY if daily else 0.0))
    places = _round_dates(low, high, step)
    named = [_label(at, step.unit) for at in places]
    larger = [speak(name.larger) for name in named]
    # The larger unit stands where it changes.
    changes = [unit if unit != before else "" for before, unit in pairwise(["", *larger])]
    ticks = thinned(
        [
            Tick(_seconds(at), speak(name.label), change)
            for at, name, change in zip(places, named, changes, strict=True)
        ]
    )
    return Scale("time", low, high, tuple(_with_years(ticks, named, speak)), apart)


def date_text(seconds: float, resolution: float) -> str:
    """Return a moment in ISO form, as exact as times that lie ``resolution`` seconds apart need.

    >>> date_text(0.0, 86400.0), date_text(60.0, 60.0)
    ('1970-01-01', '1970-01-01 00:01')
    """
    whole = round(seconds)
    text = str(np.datetime64(whole, "s")).replace("T", " ")
    if resolution >= _DAY and whole % 86400 == 0:
        return text.split(" ")[0]
    return text if whole % 60 else text[:-3]


def _with_years(ticks: Iterable[Tick], named: Iterable[_Named], speak: Say) -> Iterator[Tick]:
    """Add the year once, and where it changes, always at a label that a narrow page keeps."""
    shown = ""
    for tick, name in zip(ticks, named, strict=True):
        fresh = bool(tick.context) and not tick.crowded and name.year != shown
        shown = name.year if fresh else shown
        yield tick._replace(context=speak(name.of_year)) if fresh else tick


def _step(least: float) -> _Step:
    for step in _STEPS:
        if step.seconds >= least:
            return step
    years = int(nice_step(least / (365.25 * _DAY), whole=True))
    return _Step(years * 365.25 * _DAY, years, "Y")


def _round_dates(low: float, high: float, step: _Step) -> list[np.datetime64]:
    unit = "D" if step.unit == "W" else step.unit
    count = 7 * step.every if step.unit == "W" else step.every
    # Day 0 was a Thursday; weeks are counted from the Monday before. Years are counted from 1970 as well.
    shift = {"W": -3, "Y": -1970}.get(step.unit, 0)
    first = np.datetime64(round(low), "s").astype(f"datetime64[{unit}]").astype(np.int64)
    last = np.datetime64(round(high), "s").astype(f"datetime64[{unit}]").astype(np.int64)
    start = first + (shift - first) % count
    places = list(np.arange(start, last + 1, count).astype(f"datetime64[{unit}]"))
    return [at for at in places if low <= _seconds(at) <= high]


def _seconds(at: np.datetime64) -> float:
    return float(at.astype("datetime64[s]").astype(np.int64))


def _label(at: np.datetime64, unit: str) -> _Named:
    """Return how a moment is called on an axis of steps of ``unit``."""
    date, _, clock = str(at.astype("datetime64[s]")).partition("T")
    year, number, day = date.rsplit("-", 2)
    month, of_year = phrase(f"date.month.{int(number)}"), phrase("date.year", year=year)
    if unit == "Y":
        return _Named(of_year, "", "", "")
    if unit == "M":
        return _Named(month, of_year, of_year, year)
    names: dict[str, Text] = {"day": str(int(day)), "month": month, "year": year}
    if unit in ("D", "W"):
        return _Named(
            phrase("date.day", **names), month, phrase("date.month_of_year", **names), year
        )
    larger = phrase("date.day_of_month", **names)
    return _Named(clock if unit == "s" else clock[:5], larger, phrase("date.full", **names), year)
