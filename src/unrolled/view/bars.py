"""Bars: a table whose numbers are also drawn, and a histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unrolled.view.charts import NO_AXIS, Axis
from unrolled.view.figure import behind, figure, sentences, table
from unrolled.view.frame import Frame
from unrolled.view.numbers import column_decimals, in_column, number
from unrolled.view.scale import Array, Scale, drawable, linear_scale, log_scale
from unrolled.view.svg import escape, place, tag
from unrolled.view.words import Text, phrase, speaker


@dataclass(frozen=True)
class Bar:
    """One bar: ``role`` "model" or "baseline" chooses its colour; a value that is not finite has no bar."""

    name: Text
    value: float
    role: str = "model"


@dataclass(frozen=True)
class BarTable:
    """A table of names and numbers with a bar for every number, from zero, also below it.

    With ``log`` bars begin at the power of ten below the smallest value; the note should say so.
    """

    title: Text
    bars: Sequence[Bar]
    unit: Text = ""
    log: bool = False
    note: Text | Sequence[Text] = ()

    def html(self, language: str = "en") -> str:
        """Return the table as one figure in ``language``."""
        speak = speaker(language)
        values = drawable([bar.value for bar in self.bars])
        decimals = column_decimals(values)
        scale = log_scale(values) if self.log else linear_scale(np.append(values, 0.0))
        zero = 0.0 if self.log else float(scale.fraction(0.0))
        rows = [
            tag(
                "tr",
                tag("th", escape(speak(bar.name)), scope="row"),
                tag("td", _bar(zero, float(end), bar.role), class_="bar", aria_hidden="true"),
                tag("td", escape(in_column(bar.value, decimals))),
            )
            for bar, end in zip(self.bars, scale.fraction(values), strict=True)
        ]
        unit = [speak(self.unit)] if self.unit else []
        title = " · ".join([speak(self.title), *unit])
        notes = [speak(note) for note in sentences(self.note)]
        return figure(title, notes, tag("table", tag("tbody", *rows), class_="bars"), "")


@dataclass(frozen=True)
class Histogram:
    """How often values fall into each of equally wide bins; NaN and infinite values are counted apart.

    Of ``whole`` numbers each has its own bin, or as many beside each other share one as there is room for.
    """

    title: Text
    values: ArrayLike
    x: Axis = NO_AXIS
    bins: int = 0
    note: Text | Sequence[Text] = ()
    whole: bool = False

    def html(self, language: str = "en") -> str:
        """Return the histogram as one figure in ``language``."""
        speak = speaker(language)
        values = drawable(self.values).ravel()
        known = values[np.isfinite(values)]
        counts, edges = _counted(known) if self.whole else _binned(known, self.bins)
        frame = Frame(
            x=Scale("linear", edges[0], edges[-1], linear_scale(edges, count=7, snap=False).ticks),
            y=linear_scale(np.append(counts, 0.0), whole=True),
            x_title=self.x.title(speak),
            y_title=speak(phrase("chart.count")),
            height=200,
        )
        summary = phrase(
            "chart.describe_bins",
            count=f"{len(known):,}",
            low=number(known.min() if len(known) else None),
            high=number(known.max() if len(known) else None),
            median=number(float(np.median(known)) if len(known) else None),
        )
        notes = [speak(note) for note in sentences(self.note)]
        if missing := len(values) - len(known):
            notes.append(speak(phrase("chart.not_finite", count=f"{missing:,}")))
        rows = [
            [f"{number(low)} … {number(high)}", f"{count:,.0f}"]
            for low, high, count in zip(edges, edges[1:], counts, strict=False)
        ]
        drawing = [frame.grid(), *_columns(counts, edges, frame)]
        return figure(
            speak(self.title),
            notes,
            frame.svg(drawing, speak(self.title), speak(summary), 0),
            behind(speak(phrase("chart.data")), table(["", speak(phrase("chart.count"))], rows)),
        )


def bar_table(bars: BarTable, language: str = "en") -> str:
    """Return ``bars`` as HTML; the same as ``bars.html(language)``."""
    return bars.html(language)


def histogram(chart: Histogram, language: str = "en") -> str:
    """Return ``chart`` as HTML; the same as ``chart.html(language)``."""
    return chart.html(language)


def _bar(zero: float, end: float, role: str) -> str:
    if not math.isfinite(end):
        return ""
    left, width = min(zero, end), abs(end - zero)
    rect = tag("rect", class_=role, x=place(left), y="0", width=place(width), height="100%", rx=2)
    return tag("svg", rect, xmlns="http://www.w3.org/2000/svg")


def _binned(values: Array, bins: int) -> tuple[Array, Array]:
    """Count ``values``; as many bins as the cube root rule asks for (Rice 1944), from 5 to 60."""
    scale = linear_scale(values)
    low, high = (values.min(), values.max()) if len(values) else (scale.low, scale.high)
    if high / 2 - low / 2 <= 1e-13 * max(abs(high), abs(low)):
        low, high = scale.low, scale.high
    count = bins or min(max(5, math.ceil(2 * len(values) ** (1 / 3))), 60)
    # Bins are cut on 0 to 1: the width of a range from -1e300 to 1e300 has no float of its own size in numpy's steps.
    unit = (values / 2 - low / 2) / (high / 2 - low / 2)
    counts, edges = np.histogram(unit, bins=count, range=(0.0, 1.0))
    return counts.astype(np.float64), low + edges * (high / 2 - low / 2) * 2


def _counted(values: Array) -> tuple[Array, Array]:
    """Count whole numbers, each bin around as many of them."""
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    width = math.ceil((high - low + 1) / 60)
    edges = np.arange(low - 0.5, high + width + 0.5, width)
    return np.histogram(values, bins=edges)[0].astype(np.float64), edges


def _columns(counts: Array, edges: Array, frame: Frame) -> list[str]:
    left = frame.x.fraction(edges)
    heights = frame.y.fraction(counts)
    return [
        tag(
            "rect",
            class_="column",
            x=place(start),
            y=place(1 - height),
            width=place(end - start),
            height=place(height),
        )
        for start, end, height in zip(left, left[1:], heights, strict=False)
        if height > 0
    ]
