"""Texts beside what they should have been: the source, the reference, and what the model wrote, differences marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.view.differences import Span, differences
from unrolled.view.figure import figure, paragraph
from unrolled.view.numbers import fixed
from unrolled.view.shorten import shortened
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.translate.outcome import Outcome

_WIDTH = 480  # of a text: a long sentence stays whole
_KANA, _HANGUL, _HAN = "[\u3040-\u30ff]", "[\u1100-\u11ff\uac00-\ud7af]", "[\u3400-\u9fff]"
_WRITTEN_IN = {"ja": _KANA, "ko": _HANGUL, "zh": _HAN}


class Example(NamedTuple):
    """One source with its reference and what the model wrote; ``score`` is the chrF of the latter."""

    source: str
    reference: str
    hypothesis: str
    score: float
    place: str


class ExampleGroup(NamedTuple):
    """Examples that were chosen alike."""

    title: Text
    examples: Sequence[Example]


@dataclass(frozen=True)
class ComparedTexts:
    """Groups of examples; in each pair of texts is marked what the other one lacks."""

    groups: Sequence[ExampleGroup]

    def html(self, language: str = "en") -> str:
        """Return the groups in ``language``, the marks explained above them."""
        speak = speaker(language)
        parts = [_key(speak)]
        for group in self.groups:
            parts.append(tag("h3", escape(speak(group.title))))
            items = [_item(example, speak) for example in group.examples]
            parts.append(tag("ol", *items, class_="mistakes compared"))
        return figure("", (), "".join(parts), "", "wide")


def chosen_examples(
    outcome: Outcome, *, spread: int = 4, worst: int = 4, middle: int = 2, best: int = 2
) -> list[ExampleGroup]:
    """Return rows evenly spread over the outcome, whatever their score, then the worst, the middle and the best by chrF.

    No row and no equal pair of texts is shown twice; of equal scores the longest reference comes first.
    """
    rows, seen = len(outcome.sources), set[tuple[str, str]]()
    sizes = np.array([len(text) for text in outcome.references], dtype=np.int64)
    rising = np.lexsort((-sizes, outcome.sentence_chrf))
    falling = np.lexsort((-sizes, -outcome.sentence_chrf))
    centre = rising[np.argsort(np.abs(np.arange(rows) - (rows - 1) / 2), kind="stable")]

    def taken(order: NDArray[np.int64], most: int) -> list[Example]:
        found: list[Example] = []
        for row in order.tolist():
            pair = (outcome.sources[row], outcome.hypotheses[row])
            if len(found) < most and pair not in seen:
                seen.add(pair)
                found.append(_example(outcome, row))
        return found

    extremes = [
        ExampleGroup(phrase("compare.worst"), taken(rising, worst)),
        ExampleGroup(phrase("compare.middle"), taken(centre, middle)),
        ExampleGroup(phrase("compare.best"), taken(falling, best)),
    ]
    even = (np.arange(spread) * 2 + 1) * rows // (2 * spread)
    groups = [ExampleGroup(phrase("compare.spread"), taken(np.unique(even), spread)), *extremes]
    return [group for group in groups if group.examples]


def script_of(text: str) -> str:
    """Return the language whose letter forms East Asian characters want; nothing for other scripts.

    >>> script_of("two dogs"), script_of("两只狗"), script_of("犬が二匹")
    ('', 'zh', 'ja')
    """
    return next((name for name, letters in _WRITTEN_IN.items() if re.search(letters, text)), "")


def _example(outcome: Outcome, row: int) -> Example:
    return Example(
        outcome.sources[row],
        outcome.references[row],
        outcome.hypotheses[row],
        float(outcome.sentence_chrf[row]),
        outcome.where(row),
    )


def _key(speak: Say) -> str:
    marks = (("ins", "missing"), ("del", "extra"))
    items = [
        tag("li", tag(name, escape(speak(phrase(f"compare.{meaning}"))))) for name, meaning in marks
    ]
    return tag("ul", *items, class_="legend compared")


def _item(example: Example, speak: Say) -> str:
    source, reference, hypothesis = (shortened(text, _WIDTH) for text in example[:3])
    missing, extra = differences(reference, hypothesis)
    lines = (
        ("source", source, escape(source)),
        ("reference", reference, _marked(reference, missing, "ins")),
        ("hypothesis", hypothesis, _marked(hypothesis, extra, "del")),
    )
    texts = [
        tag(
            "div",
            tag("dt", escape(speak(phrase(f"compare.{name}")))),
            # A script that runs from right to left, or a mark that turns the direction, stays within its own text.
            tag("dd", markup, dir="auto", lang=script_of(text))
            if text
            else tag("dd", escape(speak(phrase("mistakes.empty"))), class_="note"),
        )
        for name, text, markup in lines
    ]
    place = phrase("compare.place", place=example.place, score=fixed(example.score, 1))
    return tag("li", tag("dl", *texts), paragraph([speak(place)]))


def _marked(text: str, spans: Sequence[Span], mark: str) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [escape(text[end:start]), tag(mark, escape(text[start:stop]))]
        end = stop
    return "".join([*parts, escape(text[end:])])
