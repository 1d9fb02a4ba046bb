"""A figure on the page: its title, what there is to say about it, the drawing, and the table behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from unrolled.view.runs import Run
from unrolled.view.svg import escape, tag
from unrolled.view.words import Phrase, Say, Text


def figure(title: str, notes: Iterable[str], body: str, behind: str, size: str = "normal") -> str:
    """Return a figure; ``title`` and ``notes`` are text, ``body`` and ``behind`` are markup."""
    heading = tag("h3", escape(title)) if title else ""
    note = paragraph(notes)
    caption = tag("figcaption", heading, note) if heading or note else ""
    return tag("figure", caption, body, behind, class_=f"chart {size}")


def paragraph(notes: Iterable[str]) -> str:
    """Return sentences as one paragraph, or nothing where there are none."""
    text = ""
    for note in notes:
        text += note if not text or text.endswith("。") else f" {note}"
    return tag("p", escape(text), class_="note") if text else ""


def legend(runs: Sequence[Run], named: Collection[str]) -> str:
    """Return the names of lines, then of bands. Those ``named`` in the drawing show on narrow pages only."""
    if len(runs) < 2:
        return ""
    items = [
        tag(
            "li",
            tag("span", class_=f"key {'area' if run.is_band else 'line'} {run.role}"),
            escape(run.name),
            class_="named" if run.name in named else None,
        )
        # The widest band is drawn first and named last.
        for run in [
            *(run for run in runs if not run.is_band),
            *reversed([run for run in runs if run.is_band]),
        ]
    ]
    return tag("ul", *items, class_="legend")


class Verdict(NamedTuple):
    """A sentence that judges, and whether what it says is "good", "bad" or neither."""

    text: Text
    kind: str = ""


def verdict_list(verdicts: Iterable[Verdict], speak: Say) -> str:
    """Return sentences that judge as a list."""
    items = [tag("li", escape(speak(said.text)), class_=said.kind or None) for said in verdicts]
    return tag("ul", *items, class_="verdict") if items else ""


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", class_: str = ""
) -> str:
    """Return a table of text whose first column names the rows."""
    head = tag("tr", *(tag("th", escape(heading), scope="col") for heading in headings))
    lines = [
        tag(
            "tr",
            tag("th", escape(row[0]), scope="row"),
            *(tag("td", escape(cell)) for cell in row[1:]),
        )
        for row in rows
    ]
    title = tag("caption", escape(caption)) if caption else ""
    whole = tag("table", title, tag("thead", head), tag("tbody", *lines), class_=class_ or None)
    # A table wider than the page scrolls by itself; focus makes that possible with the keyboard.
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption or None)


def behind(summary: str, markup: str) -> str:
    """Return ``markup`` folded away under ``summary``."""
    return tag("details", tag("summary", escape(summary)), markup)


def sentences(note: Text | Sequence[Text]) -> list[Text]:
    """Return a note as its sentences: one text, several, or none where it is empty."""
    given = [note] if isinstance(note, str | Phrase) else list(note)
    return [text for text in given if text]
