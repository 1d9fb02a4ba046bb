"""Heat tables: a number for every row and column, as colour, and as text where there is room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.view.figure import behind, figure, sentences, table
from unrolled.view.frame import text_width
from unrolled.view.numbers import number
from unrolled.view.scale import Array, drawable
from unrolled.view.svg import escape, place, tag
from unrolled.view.words import Say, Text, phrase, speaker

_LEVELS = 8  # of each colour: more cannot be told apart
_NUMBERED = 14  # columns up to which every cell carries its number
_LISTED = 600  # cells up to which the table behind is written


@dataclass(frozen=True)
class HeatTable:
    """A table (rows, columns) of numbers drawn as colours.

    One colour from the smallest to the largest value; where some are below zero and some above, two
    colours that meet at zero. NaN leaves a cell empty.

    Raises (when it is written):
        ShapeError: the names do not fit the values.
    """

    title: Text
    values: ArrayLike
    rows: Sequence[Text]
    columns: Sequence[Text]
    unit: Text = ""
    note: Text | Sequence[Text] = ()

    def html(self, language: str = "en") -> str:
        """Return the table as one figure in ``language``."""
        speak = speaker(language)
        values = drawable(self.values)
        if values.shape != (len(self.rows), len(self.columns)):
            raise ShapeError(
                f"heat table of {values.shape} values with {len(self.rows)} row names and {len(self.columns)} column names",
                expected="one name for every row and every column",
            )
        rows, columns = (
            [speak(row) for row in self.rows],
            [speak(column) for column in self.columns],
        )
        low, high = _limits(values)
        unit = f" {speak(self.unit)}" if self.unit else ""
        signed = low is not None and high is not None and low < 0 < high
        key = "chart.describe_heat_signed" if signed else "chart.describe_heat"
        summary = speak(phrase(key, low=number(low, 3) + unit, high=number(high, 3) + unit))
        drawing = [*_cells(values), *_labels(rows, columns), *_numbers(values)]
        left = round(max([text_width(row) for row in rows], default=0)) + 12
        image = tag(
            "svg",
            tag("title", escape(speak(self.title))),
            tag("desc", escape(summary)),
            *drawing,
            xmlns="http://www.w3.org/2000/svg",
            role="img",
            aria_label=f"{speak(self.title)}. {summary}",
        )
        height = min(max(len(rows) * 26, 60), 420)
        style = f"--left:{left}px;--right:14px;--top:6px;--bottom:28px;--height:{height}px"
        plot = tag("div", image, class_="plot heat", style=style)
        notes = [speak(note) for note in sentences(self.note)]
        return figure(
            speak(self.title), [*notes, summary], plot, _behind(values, rows, columns, speak)
        )


def _limits(values: Array) -> tuple[float | None, float | None]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (None, None)


def levels(values: Array) -> NDArray[np.int64]:
    """Return the colour of every value: 1 to 8 of one colour, or -8 to 8 around zero; 0 is no colour."""
    low, high = _limits(values)
    if low is None or high is None:
        return np.zeros(values.shape, dtype=np.int64)
    if low < 0 < high:
        largest = max(-low, high)
        signed = np.sign(values) * np.ceil(np.abs(values) / largest * _LEVELS)
    else:
        width = (high / 2 - low / 2) or 1.0
        signed = 1 + np.floor((values / 2 - low / 2) / width * (_LEVELS - 1e-6))
    return np.where(np.isfinite(values), signed, 0).astype(np.int64)


def _cells(values: Array) -> list[str]:
    """Return one path for every colour: cells side by side of one colour become one rectangle."""
    colours = levels(values)
    paths = []
    for level in [level for level in np.unique(colours) if level != 0]:
        outline = []
        for row, wanted in enumerate(colours == level):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(np.int8), [0]])))
            outline += [f"M{a} {row}h{b - a}v1h{a - b}z" for a, b in edges.reshape(-1, 2)]
        role = f"{'cold' if level < 0 else 'warm'} level{abs(level)}"
        paths.append(tag("path", class_=role, d="".join(outline)))
    size = f"0 0 {max(values.shape[1], 1)} {max(values.shape[0], 1)}"
    stretched = {"viewBox": size, "preserveAspectRatio": "none", "width": "100%", "height": "100%"}
    return [tag("svg", *paths, class_="stretched", **stretched)]


def _labels(rows: Sequence[str], columns: Sequence[str]) -> list[str]:
    down, across = max(1, -(-len(rows) // 20)), _apart(columns)
    level = [
        tag(
            "text",
            escape(name),
            x=-8,
            y=place((at + 0.5) / len(rows)),
            dy="0.32em",
            text_anchor="end",
        )
        for at, name in enumerate(rows)
        if at % down == 0
    ]
    upright = [
        tag(
            "text",
            escape(name),
            class_="spare" if at // across % 2 else None,
            x=place((at + 0.5) / len(columns)),
            y="100%",
            dy=18,
            text_anchor="middle",
        )
        for at, name in enumerate(columns)
        if at % across == 0
    ]
    return [tag("g", *level, *upright, class_="frame", aria_hidden="true")]


def _apart(columns: Sequence[str]) -> int:
    """Return how many columns one label stands for, so that labels fit on about 400 pixels."""
    widest = max([text_width(name) for name in columns], default=0) + 12
    return max(1, math.ceil(len(columns) * widest / 400))


def _numbers(values: Array) -> list[str]:
    height, width = values.shape
    if width > _NUMBERED or height > 16:
        return []
    colours = levels(values)
    return [
        tag(
            "text",
            escape(number(float(values[row, column]), 2)),
            class_=f"in on{abs(colours[row, column])}",
            x=place((column + 0.5) / width),
            y=place((row + 0.5) / height),
            dy="0.32em",
            text_anchor="middle",
        )
        for row, column in np.ndindex(values.shape)
        if np.isfinite(values[row, column])
    ]


def _behind(values: Array, rows: Sequence[str], columns: Sequence[str], speak: Say) -> str:
    if values.size > _LISTED:
        return ""
    lines = [
        [name, *(number(value) for value in line)] for name, line in zip(rows, values, strict=True)
    ]
    return behind(speak(phrase("chart.data")), table(["", *columns], lines))
