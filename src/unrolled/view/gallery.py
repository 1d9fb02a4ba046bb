"""Several small charts side by side under one title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from unrolled.view.charts import LineChart
from unrolled.view.figure import paragraph, sentences
from unrolled.view.svg import escape, tag
from unrolled.view.words import Text, speaker


class Block(Protocol):
    """Whatever can stand in a section of a report: it writes itself as HTML in a language."""

    def html(self, language: str = "en") -> str:
        """Return the block as HTML."""
        ...


@dataclass(frozen=True)
class Gallery:
    """Charts of one kind side by side, as many in a row as the page is wide.

    Small charts have no legend of their own: that of ``legend_of`` stands above all of them.
    """

    title: Text
    charts: Sequence[Block]
    note: Text | Sequence[Text] = ()
    legend_of: LineChart | None = None

    def html(self, language: str = "en") -> str:
        """Return all charts under one heading."""
        speak = speaker(language)
        title = tag("h3", escape(speak(self.title))) if self.title else ""
        note = paragraph(speak(said) for said in sentences(self.note))
        grid = tag("div", *(chart.html(language) for chart in self.charts), class_="gallery")
        legend = self.legend_of.legend(language) if self.legend_of else ""
        return tag("div", title, note, legend, grid, class_="block wide")
