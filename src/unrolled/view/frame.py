"""The frame of a chart: grid, axes and their labels around a plot that stretches with the page.

The SVG element is the plot itself; labels hang over its edges into margins of fixed size. So text
keeps its size at every width, and a narrow page only shows every second label.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from unrolled.view.scale import Scale, Tick
from unrolled.view.svg import escape, place, tag


class Frame(NamedTuple):
    """Both scales and what is written along them; ``height`` of the plot in pixels."""

    x: Scale
    y: Scale
    x_title: str
    y_title: str
    height: int

    def grid(self) -> str:
        """Return grid lines and labels."""
        level = [self._level(self.y.tick_fraction(t), t.label) for t in self.y.ticks]
        upright = [self._upright(self.x.tick_fraction(tick), tick) for tick in self.x.ticks]
        titles = []
        if self.y_title:
            titles.append(
                tag("text", escape(self.y_title), class_="title", x=-self.left + 1, y=-16)
            )
        if self.x_title:
            titles.append(
                tag(
                    "text",
                    escape(self.x_title),
                    class_="title",
                    x="100%",
                    y="100%",
                    dy=self.bottom - 2,
                    text_anchor="end",
                )
            )
        return tag("g", *level, *upright, *titles, class_="frame", aria_hidden="true")

    @property
    def left(self) -> int:
        """The left margin in pixels: as wide as the widest label."""
        return round(max([text_width(tick.label) for tick in self.y.ticks], default=0)) + 10

    @property
    def bottom(self) -> int:
        """The lower margin in pixels: one row for labels, one for larger units, one for the title."""
        second_row = any(tick.context for tick in self.x.ticks)
        return 26 + 16 * second_row + 20 * bool(self.x_title)

    def svg(self, drawing: Iterable[str], title: str, description: str, right: int) -> str:
        """Return the drawing with its margins, its title and its description.

        The ends of both axes go along, so that the page's script can read values off the paths.
        """
        margins = {
            "left": self.left,
            "right": max(14, right),
            "top": 30 if self.y_title else 10,
            "bottom": self.bottom,
            "height": self.height,
        }
        image = tag(
            "svg",
            tag("title", escape(title)),
            tag("desc", escape(description)),
            *drawing,
            xmlns="http://www.w3.org/2000/svg",
            role="img",
            aria_label=f"{title}. {description}",
            tabindex=0,
            data_x=_ends(self.x),
            data_y=_ends(self.y),
        )
        style = ";".join(f"--{name}:{pixels}px" for name, pixels in margins.items())
        return tag("div", image, class_="plot", style=style)

    def _level(self, at: float, label: str) -> str:
        height = place(1 - at)
        rule = tag("line", x1="0", x2="100%", y1=height, y2=height)
        return rule + tag("text", escape(label), x=-8, y=height, dy="0.32em", text_anchor="end")

    def _upright(self, at: float, tick: Tick) -> str:
        across = place(at)
        row = {"x": across, "y": "100%", "text_anchor": "middle"}
        mark = tag("line", class_="tick", x1=across, x2=across, y1="100%", y2="100%")
        label = tag(
            "text", escape(tick.label), class_="spare" if tick.spare else None, dy=20, **row
        )
        larger = "context spare" if tick.crowded else "context"
        context = tag("text", escape(tick.context), class_=larger, dy=36, **row)
        return mark + label + (context if tick.context else "")


def text_width(text: str, size: float = 12.0) -> float:
    """Return about how wide ``text`` is in pixels; characters of East Asian scripts are square.

    >>> text_width("ab") < text_width("误差")
    True
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return size * (wide + 0.58 * (len(text) - wide))


def _ends(scale: Scale) -> str:
    return f"{scale.kind} {float(scale.low)!r} {float(scale.high)!r} {scale.apart:g}"
