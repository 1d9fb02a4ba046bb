"""Where a decoder looked: a heat map of attention, source tokens across and the tokens it wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrolled.errors import ShapeError
from unrolled.view.confusion import levels
from unrolled.view.figure import figure, sentences
from unrolled.view.gallery import Gallery
from unrolled.view.numbers import fixed
from unrolled.view.scale import Array, drawable
from unrolled.view.shorten import is_wide, name_of, shortened
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.translate.outcome import Alignment, Outcome

MOST_TOKENS = 40  # across or down in one picture
_HALF_A_PAGE = 16  # tokens across that half a page has room for
_TOLD = 5  # percent from which a cell shows its number
_NO_TOKEN = "␣"  # of a token that is nothing but a space


@dataclass(frozen=True)
class AttentionMap:
    """Weights (target, source) of one sentence as colours and percent.

    It is a table of text, not a drawing, so that it is read out cell by cell and scrolls where a page is narrow.

    Raises (when it is written):
        ShapeError: tokens and weights do not fit.
    """

    title: Text
    alignment: Alignment
    note: Text | Sequence[Text] = ()

    def html(self, language: str = "en") -> str:
        """Return the map as one figure in ``language``."""
        speak = speaker(language)
        source, target = self.alignment.source, self.alignment.target
        weights = drawable(self.alignment.weights)
        if weights.shape != (len(target), len(source)):
            raise ShapeError(
                f"attention of shape {weights.shape} with {len(target)} target and {len(source)} source tokens",
                expected="(target, source)",
            )
        title = speak(self.title)
        notes = [*sentences(self.note), *_cut(len(source), "source"), *_cut(len(target), "target")]
        body = [
            _row(token, line)
            for token, line in zip(target[:MOST_TOKENS], weights[:, :MOST_TOKENS], strict=False)
        ]
        whole = tag(
            "table",
            tag("caption", escape(title), class_="unseen"),
            _head(source[:MOST_TOKENS], speak),
            tag("tbody", *body),
            class_="matrix upright attention",
        )
        scroll = tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=title)
        size = "wide" if len(source) > _HALF_A_PAGE else "normal"
        return figure(title, [speak(note) for note in notes], scroll, "", size)


def attention_maps(outcome: Outcome, most: int = 4) -> Gallery:
    """Show the alignments of an outcome in the order of their rows, those as wide as the page last."""
    rows = sorted(
        outcome.alignments,
        key=lambda row: (len(outcome.alignments[row].source) > _HALF_A_PAGE, row),
    )[:most]
    maps = [
        AttentionMap(
            shortened(outcome.hypotheses[row], 100) or phrase("mistakes.empty"),
            outcome.alignments[row],
            phrase(
                "compare.place",
                place=outcome.where(row),
                score=fixed(float(outcome.sentence_chrf[row]), 1),
            ),
        )
        for row in rows
    ]
    return Gallery("", maps)


def _cut(tokens: int, side: str) -> list[Text]:
    if tokens <= MOST_TOKENS:
        return []
    counts = {"shown": f"{MOST_TOKENS:,}", "total": f"{tokens:,}"}
    return [phrase("attention.cut", side=phrase(f"attention.{side}"), **counts)]


def _head(source: Sequence[str], speak: Say) -> str:
    name = {side: escape(speak(phrase(f"attention.{side}"))) for side in ("source", "target")}
    above = tag(
        "tr",
        tag("td", ""),
        tag("th", name["source"], scope="colgroup", colspan=max(len(source), 1), class_="side"),
    )
    columns = (
        tag(
            "th",
            tag("span", escape(shown), class_=None if is_wide(shown) else "turned"),
            scope="col",
        )
        for shown in map(_shown, source)
    )
    corner = tag("th", name["target"], scope="col", class_="side corner")
    return tag("thead", above, tag("tr", corner, *columns))


def _row(token: str, weights: Array) -> str:
    heading = tag("th", escape(_shown(token)), scope="row", dir="auto")
    return tag("tr", heading, *map(_cell, weights.tolist(), levels(weights).tolist()))


def _cell(weight: float, level: int) -> str:
    percent = round(100 * weight) if np.isfinite(weight) else 0
    if not percent:
        return tag("td", class_="on1" if level else None)
    number = str(percent) if percent >= _TOLD else tag("span", str(percent), class_="unseen")
    return tag("td", number, class_=f"on{level}")


def _shown(token: str) -> str:
    return name_of(token, 16) or _NO_TOKEN
