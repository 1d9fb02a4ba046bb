"""What is drawn inside a frame: lines, areas, reference lines, marked points and names at the ends of lines."""

from __future__ import annotations

import math
from typing import NamedTuple

from unrolled.view.frame import Frame, text_width
from unrolled.view.runs import Run
from unrolled.view.svg import area_path, escape, line_path, place, tag
from unrolled.view.thin import kept_points

_LINE_HEIGHT = 15.0  # of names, in pixels


def line(run: Run, frame: Frame) -> str:
    """Return the path of a line."""
    x, y = frame.x.fraction(run.x), frame.y.fraction(run.low)
    kept = kept_points(y)
    path = line_path(x[kept], y[kept])
    return tag("path", class_=f"line {run.role}", d=path, data_name=run.name) if path else ""


def area(run: Run, frame: Frame) -> str:
    """Return the path around a band."""
    x, low, high = frame.x.fraction(run.x), frame.y.fraction(run.low), frame.y.fraction(run.high)
    kept = kept_points(low, high)
    path = area_path(x[kept], low[kept], high[kept])
    return tag("path", class_=f"area {run.role}", d=path, data_name=run.name) if path else ""


def rule(axis: str, value: float, label: str, frame: Frame) -> str:
    """Return a labelled reference line, or nothing where ``value`` has no place on the axis."""
    at = float((frame.x if axis == "x" else frame.y).fraction(value))
    if not math.isfinite(at):
        return ""
    if axis == "y":
        height = place(1 - at)
        stroke = tag("line", class_="rule", x1="0", x2="100%", y1=height, y2=height)
        text = tag(
            "text", escape(label), class_="note", x="100%", y=height, dy=-6, text_anchor="end"
        )
    else:
        across, left = place(at), at > 0.6
        stroke = tag("line", class_="rule", x1=across, x2=across, y1="0", y2="100%")
        anchor = "end" if left else "start"
        text = tag(
            "text",
            escape(label),
            class_="note",
            x=across,
            y=12,
            dx=-6 if left else 6,
            text_anchor=anchor,
        )
    return stroke + text


def spot(x: float, y: float, label: str, frame: Frame) -> str:
    """Return a ring around one point with its label above, or nothing where it has no place."""
    across, height = float(frame.x.fraction(x)), float(frame.y.fraction(y))
    if not (math.isfinite(across) and math.isfinite(height)):
        return ""
    anchor = "start" if across < 0.25 else "end" if across > 0.75 else "middle"
    below = height > 0.85
    ring = tag("circle", class_="spot", cx=place(across), cy=place(1 - height), r=4.5)
    where = {"x": place(across), "y": place(1 - height), "dy": 22 if below else -11}
    return ring + tag("text", escape(label), class_="note", text_anchor=anchor, **where)


class Ends(NamedTuple):
    """The names that stand at the right ends of lines: (name, role, height as a fraction) each."""

    ends: tuple[tuple[str, str, float], ...]
    height: int

    @property
    def names(self) -> tuple[str, ...]:
        """The lines that are named so."""
        return tuple(name for name, _, _ in self.ends)

    @property
    def room(self) -> int:
        """The right margin that the names need, in pixels."""
        return round(max([text_width(name) + 12 for name in self.names], default=0))

    def svg(self) -> str:
        """Return the names, moved apart where lines end close together."""
        wanted = [(1 - height) * self.height for _, _, height in self.ends]
        moved = spread(wanted, _LINE_HEIGHT, 0.0, float(self.height))
        texts = [
            tag(
                "text",
                escape(name),
                class_=f"end {role}",
                x="100%",
                dx=8,
                y=f"{y:.1f}",
                dy="0.32em",
            )
            for (name, role, _), y in zip(self.ends, moved, strict=True)
        ]
        return "".join(texts)


def spread(wanted: list[float], apart: float, low: float, high: float) -> list[float]:
    """Return positions near ``wanted``, in the same order, ``apart`` from each other, from low to high.

    >>> spread([10.0, 11.0, 90.0], 15.0, 0.0, 100.0)
    [10.0, 25.0, 90.0]
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    placed = [0.0] * len(wanted)
    least = low
    for index in order:
        placed[index] = max(wanted[index], least)
        least = placed[index] + apart
    most = high
    for index in reversed(order):
        placed[index] = min(placed[index], most)
        most = placed[index] - apart
    return placed
