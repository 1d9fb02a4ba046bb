"""Line charts: lines with bands, reference lines and marked points, over numbers or dates, linear or logarithmic.

A chart is data; ``html(language)`` writes it as one figure: a drawing in SVG, a legend and the table behind it.

>>> chart = LineChart("Loss", [Line("training", [1, 2, 3], [0.9, 0.5, 0.4])], x=Axis("step"))
>>> chart.html("en").startswith("<figure")
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.errors import unknown_option
from unrolled.view.dates import time_scale
from unrolled.view.figure import Verdict, figure, legend, sentences, verdict_list
from unrolled.view.frame import Frame, text_width
from unrolled.view.marks import Ends, area, line, rule, spot
from unrolled.view.runs import Band, Line, Run, described, kind_of_x, left_out, ready
from unrolled.view.sample import sampled_table
from unrolled.view.scale import Scale, linear_scale, log_scale, single
from unrolled.view.svg import stretched
from unrolled.view.words import Say, Text, phrase, speaker

_HEIGHT = {"wide": 320, "normal": 240, "small": 130}
_TICKS = {"wide": (9, 5), "normal": (7, 5), "small": (4, 3)}


@dataclass(frozen=True)
class Axis:
    """What an axis measures, in which unit, and whether it is logarithmic. Dates show by their type."""

    label: Text = ""
    unit: Text = ""
    log: bool = False

    def title(self, speak: Say) -> str:
        """Return label, unit and whether the axis is logarithmic, in words."""
        facts = [speak(self.unit)] if self.unit else []
        facts += [speak(phrase("chart.log"))] if self.log else []
        return " · ".join([speak(self.label), *facts] if self.label else facts)


NO_AXIS = Axis()
"""An axis that says nothing of itself: dates, or what the title says already."""


@dataclass(frozen=True)
class Rule:
    """A labelled reference line: level at ``value`` (axis "y") or upright at ``value`` (axis "x")."""

    value: float | np.datetime64
    label: Text
    axis: str = "y"

    @property
    def place(self) -> tuple[float, float]:
        """Return x and y, NaN for the one that is not given."""
        at = single(self.value)
        return (at, math.nan) if self.axis == "x" else (math.nan, at)


@dataclass(frozen=True)
class Spot:
    """One point that is marked and labelled."""

    x: float | np.datetime64
    y: float
    label: Text

    @property
    def place(self) -> tuple[float, float]:
        """Return x and y."""
        return single(self.x), single(self.y)


@dataclass(frozen=True)
class LineChart:
    """Lines and bands over a common axis, with a ``note`` above and a ``verdict`` below.

    Bands lie under lines, in the order given. ``size`` is "normal", "wide" (as the page) or "small" (one of many).
    Every name and label may be a string, which is shown as it is, or a phrase in two languages.

    Raises (when it is written):
        ShapeError: x and y of a line differ in shape, or one axis is given both dates and numbers.
    """

    title: Text
    lines: Sequence[Line | Band]
    marks: Sequence[Rule | Spot] = ()
    x: Axis = NO_AXIS
    y: Axis = NO_AXIS
    note: Text | Sequence[Text] = ()
    verdict: Sequence[Verdict] = ()
    size: str = "normal"

    def __post_init__(self) -> None:
        if self.size not in _HEIGHT:
            raise unknown_option("size", self.size, _HEIGHT)

    def html(self, language: str = "en") -> str:
        """Return the chart as one figure in ``language``."""
        speak = speaker(language)
        runs = ready(self.lines, speak)
        frame = self._frame(runs, speak)
        ends = self._named_ends(runs, frame)
        drawing = [
            frame.grid(),
            stretched(*(area(run, frame) for run in runs if run.is_band)),
            stretched(*(line(run, frame) for run in runs if not run.is_band)),
            *(self._mark(mark, frame, speak) for mark in self.marks),
            ends.svg(),
        ]
        # Small charts stand side by side and share the legend above them.
        keys = legend(runs, ends.names) if self.size != "small" else ""
        plot = frame.svg(drawing, speak(self.title), described(runs, speak), ends.room)
        notes = [*sentences(self.note), *left_out(self.lines, self.y.log)]
        return figure(
            speak(self.title),
            [speak(note) for note in notes],
            keys + plot + verdict_list(self.verdict, speak),
            sampled_table(runs, frame.x, speak),
            self.size,
        )

    def legend(self, language: str = "en") -> str:
        """Return the legend alone, for charts that share one."""
        return legend(ready(self.lines, speaker(language)), ())

    def _frame(self, runs: Sequence[Run], speak: Say) -> Frame:
        across, upward = zip(
            (math.nan, math.nan), *(mark.place for mark in self.marks), strict=True
        )
        scale = log_scale if self.y.log else linear_scale
        return Frame(
            x=self._across(np.concatenate([across, *(run.x for run in runs)]), speak),
            y=scale(
                np.concatenate([upward, *(end for run in runs for end in (run.low, run.high))]),
                count=_TICKS[self.size][1],
            ),
            x_title=self.x.title(speak),
            y_title=self.y.title(speak),
            height=_HEIGHT[self.size],
        )

    def _across(self, values: np.ndarray, speak: Say) -> Scale:
        count, kind = _TICKS[self.size][0], kind_of_x(self.lines)
        if kind == "dates":
            return time_scale(values, speak, count=count)
        if self.x.log:
            return log_scale(values, count=count)
        return linear_scale(values, count=count, whole=kind == "whole", snap=False)

    def _mark(self, mark: Rule | Spot, frame: Frame, speak: Say) -> str:
        x, y = mark.place
        if isinstance(mark, Spot):
            return spot(x, y, speak(mark.label), frame)
        return rule(mark.axis, x if mark.axis == "x" else y, speak(mark.label), frame)

    def _named_ends(self, runs: Sequence[Run], frame: Frame) -> Ends:
        """Choose the lines that are named where they end: those that reach the right end of the axis."""
        lines = [run for run in runs if not run.is_band and run.role != "faint"]
        fits = 2 <= len(lines) <= frame.height // 20 and self.size != "small"
        ends = []
        for run in lines if fits else []:
            across, height = frame.x.fraction(run.x), frame.y.fraction(run.low)
            seen = np.flatnonzero(np.isfinite(across) & np.isfinite(height))
            if len(seen) and across[seen[-1]] > 0.97 and text_width(run.name) <= 150:
                ends.append((run.name, run.role, float(height[seen[-1]])))
        return Ends(tuple(ends), frame.height)


def line_chart(chart: LineChart, language: str = "en") -> str:
    """Return ``chart`` as HTML; the same as ``chart.html(language)``."""
    return chart.html(language)
