"""What a line chart draws, and its numbers made ready: in order, as float64, with NaN where nothing can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.view.numbers import number
from unrolled.view.scale import Array, drawable
from unrolled.view.words import Say, Text, phrase

COLOURS = 4
"""How many colours there are for lines without a role; the fifth line begins again, dashed.

Four is what can be told apart with every kind of colour blindness and still be read as text.
"""

_STROKES = ("", " dashed", " dotted")


@dataclass(frozen=True)
class Line:
    """Values ``y`` at ``x``, both (points,); NaN in ``y`` breaks the line.

    ``role`` chooses how it looks: "model", "actual", "baseline", "faint", or "" for the next free colour.
    """

    name: Text
    x: ArrayLike
    y: ArrayLike
    role: str = ""


@dataclass(frozen=True)
class Band:
    """The area from ``low`` to ``high`` at ``x``, all (points,); NaN in either breaks it.

    ``role`` is "inner" or "outer": the inner of two intervals is the darker.
    """

    name: Text
    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    role: str = "outer"


class Run(NamedTuple):
    """A line or a band in the words of one language; of a line ``low`` and ``high`` are the same."""

    name: str
    role: str
    x: Array
    low: Array
    high: Array
    is_band: bool

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is something to draw, (points,) bool."""
        return np.isfinite(self.low) & np.isfinite(self.high)


def ready(drawn: Sequence[Line | Band], speak: Say) -> list[Run]:
    """Return the numbers of every band, then of every line, ordered by x, with names and looks.

    Raises:
        ShapeError: x and y differ in shape, or one axis is given both dates and numbers.
    """
    runs, free = [], 0
    for item in sorted(drawn, key=lambda item: isinstance(item, Line)):
        name, role = speak(item.name), item.role
        if not role:
            role = f"c{free % COLOURS + 1}{_STROKES[free // COLOURS % len(_STROKES)]}"
            free += 1
        ends = (item.y, item.y) if isinstance(item, Line) else (item.low, item.high)
        runs.append(Run(name, role, *_ordered(name, item.x, ends), isinstance(item, Band)))
    return runs


def kind_of_x(drawn: Iterable[Line | Band]) -> str:
    """Return what stands on the x axis: "dates", "whole" numbers or "numbers".

    Raises:
        ShapeError: one axis is given both dates and numbers.
    """
    kinds = {array.dtype.kind for item in drawn if (array := np.asarray(item.x)).size}
    if kinds == {"M"}:
        return "dates"
    if "M" in kinds:
        raise ShapeError("dates and numbers on one axis", expected="one kind of x for all lines")
    return "whole" if kinds <= set("iub") else "numbers"


def left_out(drawn: Iterable[Line | Band], log: bool) -> list[Text]:
    """Say how many values the chart cannot show: a picture that drops them in silence is not honest."""
    infinite = below = 0
    for item in drawn:
        for values in [item.y] if isinstance(item, Line) else [item.low, item.high]:
            given = np.asarray(values, dtype=np.float64)
            infinite += int(np.count_nonzero(~np.isnan(given) & np.isnan(drawable(given))))
            below += int(np.count_nonzero(given <= 0)) if log else 0
    notes: list[Text] = []
    if infinite:
        notes.append(phrase("chart.not_finite", count=f"{infinite:,}"))
    if below:
        notes.append(phrase("chart.not_positive", count=f"{below:,}"))
    return notes


def described(runs: Iterable[Run], speak: Say) -> str:
    """Return what the lines do, for readers who do not see them."""
    return " ".join(speak(_summary(run)) for run in runs)


def _summary(run: Run) -> Text:
    low, high = run.low[run.known], run.high[run.known]
    if not len(low):
        return phrase("chart.describe_nothing", name=run.name)
    extremes = {"low": number(low.min()), "high": number(high.max())}
    if run.is_band:
        return phrase("chart.describe_band", name=run.name, **extremes)
    ends = {"first": number(low[0]), "last": number(low[-1])}
    return phrase("chart.describe_line", name=run.name, **ends, **extremes)


def _ordered(
    name: str, x: ArrayLike, ends: tuple[ArrayLike, ArrayLike]
) -> tuple[Array, Array, Array]:
    across, low, high = drawable(x), drawable(ends[0]), drawable(ends[1])
    if across.ndim != 1 or not across.shape == low.shape == high.shape:
        shapes = f"x {across.shape}, y {low.shape}" + (
            f" to {high.shape}" if low.shape != high.shape else ""
        )
        raise ShapeError(f"line {name!r}: {shapes}", expected="(points,) for both")
    order = np.argsort(across, kind="stable")
    order = order[np.isfinite(across[order])]
    return across[order], low[order], high[order]
