"""Where a value stands on an axis, and at which round numbers the axis is labelled.

A scale maps values to fractions of the axis, 0 at its low and 1 at its high end. All numbers of a chart
pass through :func:`drawable` first: what cannot stand on an axis is NaN from there on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.view.numbers import fixed, power_of_ten, scientific

Array = NDArray[np.float64]

_LARGEST = 1e300  # beyond it differences and steps of ticks overflow
_SMALLEST = 1e-300  # below it they lose their digits; no axis shows the difference from 0


class Tick(NamedTuple):
    """One label of an axis, in the scale's own units; ``context`` is its second line (the year of a month).

    On a narrow page labels that are ``spare`` go, and contexts that are ``crowded``.
    """

    at: float
    label: str
    context: str = ""
    spare: bool = False
    crowded: bool = False


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` to ``high``, both in the axis' own units: seconds for dates, log10 for a log axis.

    ``kind`` is "linear", "whole" (only whole numbers stand on it), "log" or "time"; of a time axis
    ``apart`` is the least distance between two moments on it.
    """

    kind: str
    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    apart: float = 0.0

    def own_units(self, values: Array) -> Array:
        """Return ``values`` in the axis' own units; on a log axis NaN for what is not positive."""
        if self.kind != "log":
            return values
        return np.log10(np.where(values > 0, values, np.nan))

    def fraction(self, values: ArrayLike) -> Array:
        """Return where ``values`` stand between the ends of the axis, 0 to 1."""
        at = self.own_units(np.asarray(values, dtype=np.float64))
        # Halved first: the width of an axis from -1e300 to 1e300 is still a number, but not in every step.
        return (at / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def tick_fraction(self, tick: Tick) -> float:
        """Return where a tick stands, 0 to 1."""
        return (tick.at / 2 - self.low / 2) / (self.high / 2 - self.low / 2)


def drawable(values: ArrayLike) -> Array:
    """Return ``values`` as float64, dates as seconds since 1970, with NaN for what cannot be drawn.

    Not drawable are NaN, NaT, inf and sizes above 1e300. Sizes below 1e-300 become 0.
    """
    array = np.asarray(values)
    if array.dtype.kind == "M":
        seconds = array.astype("datetime64[us]").astype(np.float64) / 1e6
        return np.where(np.isnat(array), np.nan, seconds)
    numbers = array.astype(np.float64)
    numbers = np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan)
    return np.where(np.abs(numbers) < _SMALLEST, 0.0, numbers)


def single(value: float | np.datetime64) -> float:
    """Return one value as :func:`drawable` does."""
    return float(drawable(np.asarray(value)))


def linear_scale(values: Array, *, count: int = 5, whole: bool = False, snap: bool = True) -> Scale:
    """Return a linear axis over ``values``, labelled at about ``count`` multiples of 1, 2, 2.5 or 5.

    ``snap`` moves the ends of the axis to labels; without it the axis ends where the values end.
    ``whole`` keeps the labels whole numbers. No values at all give an axis from 0 to 1.
    """
    low, high = _ends(values)
    step = nice_step((high / 2 - low / 2) / count * 2, whole=whole)
    if snap:
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [
        Tick(index * step, _label(index * step, step, low, high))
        for index in range(first, last + 1)
    ]
    return Scale("whole" if whole else "linear", low, high, thinned(ticks))


def nice_step(least: float, *, whole: bool = False) -> float:
    """Return the smallest 1, 2, 2.5 or 5 times a power of ten that is not below ``least``.

    >>> nice_step(0.13), nice_step(0.13, whole=True)
    (0.2, 1.0)
    """
    if whole and least <= 1:
        return 1.0
    first = math.floor(math.log10(least))
    for exponent in (first, first + 1):
        for factor in (1.0, 2.0, 2.5, 5.0):
            step = factor * 10.0**exponent
            if step >= least * (1 - 1e-9) and not (whole and step % 1):
                return step
    raise AssertionError(f"no step for {least}")  # one power of ten further there always is one


def log_scale(values: Array, *, count: int = 5) -> Scale:
    """Return a logarithmic axis over the positive ``values``, in log10.

    Over more than two decades it is labelled at powers of ten, below that at 1, 2 and 5 times them.
    """
    positive = values[values > 0]
    exponents = np.log10(positive) if len(positive) else np.array([0.0, 1.0])
    low, high = float(exponents.min()), float(exponents.max())
    if high - low > 2:
        step = max(1, math.ceil((high - low) / count))
        low = step * math.floor((low + 1e-9) / step)
        high = step * math.ceil((high - 1e-9) / step)
        places = range(low, high + 1, step)
        return Scale("log", low, high, thinned([Tick(at, power_of_ten(at)) for at in places]))
    marks = [
        (exponent + math.log10(factor), factor * 10.0**exponent)
        for exponent in range(math.floor(low) - 1, math.ceil(high) + 2)
        for factor in (1, 2, 5)
    ]
    below = max((mark for mark in marks if mark[0] <= low + 1e-9), default=marks[0])
    above = min((mark for mark in marks if mark[0] > max(high - 1e-9, below[0])), default=marks[-1])
    ticks = [Tick(at, _plain(value)) for at, value in marks if below[0] <= at <= above[0]]
    return Scale("log", below[0], above[0], thinned(ticks))


def thinned(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Mark every second label as spare where there are more than five.

    Of the two halves the one with more contexts stays. A context is crowded where the next label that
    stays has one of its own.
    """
    if len(ticks) <= 5:
        return tuple(ticks)
    contexts = [bool(tick.context) for tick in ticks]
    kept = 0 if sum(contexts[0::2]) >= sum(contexts[1::2]) else 1
    beside = [
        any(contexts[max(at - 1, 0) : at] + contexts[at + 1 : at + 2]) for at in range(len(ticks))
    ]
    return tuple(
        tick._replace(spare=at % 2 != kept, crowded=at % 2 != kept and beside[at])
        for at, tick in enumerate(ticks)
    )


def _ends(values: Array) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    size = max(abs(low), abs(high))
    # Below the precision of float64 a difference is noise: such values are drawn as the constant they are.
    if high / 2 - low / 2 <= 1e-13 * size:
        room = size / 2 or 1.0
        return low - room, high + room
    return low, high


def _label(at: float, step: float, low: float, high: float) -> str:
    size = max(abs(low), abs(high))
    if at == 0:
        return "0"
    if size >= 1e6 or size < 1e-3:
        return scientific(at, 1 + max(1, math.ceil(math.log10(abs(at) / step) + 1e-9)))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step * 10**decimals) != round(step * 10**decimals, 3):
        decimals += 1  # steps of 2.5
    return fixed(at, decimals)


def _plain(value: float) -> str:
    if 1e-3 <= value < 1e6:
        return fixed(value, max(0, -math.floor(math.log10(value) + 1e-9)))
    return scientific(value, 1)
