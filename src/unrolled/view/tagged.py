"""Sentences with their tags: what is wrong is marked in the text, the true spans above those that were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unrolled.data.tag_schemes import Span
from unrolled.view.compared import script_of
from unrolled.view.figure import figure, paragraph, sentences
from unrolled.view.numbers import percent
from unrolled.view.shorten import name_of
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.tag.outcome import Outcome  # torch stands behind it

MOST = 10
AROUND = {True: 40, False: 18}
"""Tokens shown on each side of a mistake, of characters (True) and of words."""


class Marked(NamedTuple):
    """Some tokens: ``mark`` is "mark" (right in both), "ins" (missed), "del" (wrong) or "" (nothing to say)."""

    text: str
    mark: str = ""
    label: str = ""


class TaggedLine(NamedTuple):
    """What one side says of a sentence; ``name`` of the side is "reference", "hypothesis" or "" where it is the only one."""

    name: str
    parts: Sequence[Marked]


class TaggedSentence(NamedTuple):
    """A sentence with a mistake; ``probability`` is that of the mistake."""

    lines: Sequence[TaggedLine]
    probability: float
    place: str


@dataclass(frozen=True)
class TaggedTexts:
    """Sentences with their mistakes marked, the marks explained above them."""

    texts: Sequence[TaggedSentence]
    note: Text | Sequence[Text] = ()
    spans: bool = True

    def html(self, language: str = "en") -> str:
        """Return the sentences as a list in ``language``."""
        speak = speaker(language)
        items = [_item(text, speak) for text in self.texts]
        whole = tag("ol", *items, class_="mistakes compared tagged") if items else ""
        key = _key(speak) if items and self.spans else ""
        notes = [speak(note) for note in sentences(self.note)]
        return figure(speak(phrase("mistakes.title")), notes, key + whole, "", "wide")


def tagged_mistakes(outcome: Outcome, most: int = MOST) -> TaggedTexts:
    """Return the sentences whose surest mistake is the surest; of equal sentences only the first.

    A mistake is a wrong tag or, where tags make spans, a span that is not in the reference or was not found. How sure
    it is: the probability of the wrong tag, of a span the smallest of its tokens.
    """
    worst = [_surest(outcome, row) for row in range(len(outcome.sentences))]
    wrong = [row for row, found in enumerate(worst) if found is not None]
    texts: list[TaggedSentence] = []
    seen = set[tuple[str, ...]]()
    for row in sorted(wrong, key=lambda row: -worst[row][0]):  # type: ignore[index]
        words, found = tuple(outcome.sentences[row]), worst[row]
        if len(texts) == most:
            break
        if words not in seen and found is not None:
            seen.add(words)
            texts.append(_tagged(outcome, row, found))
    counts = {
        "shown": f"{len(texts):,}",
        "wrong": f"{len(wrong):,}",
        "rows": f"{len(outcome.sentences):,}",
    }
    notes = [phrase("tagged.note" if texts else "tagged.none", **counts)]
    if texts and not outcome.has_spans:
        notes.append(phrase("tagged.tag_pairs"))
    return TaggedTexts(texts, notes, outcome.has_spans)


def _surest(outcome: Outcome, row: int) -> tuple[float, int, int] | None:
    """Return the surest mistake of a sentence: its probability, and where it begins and ends."""
    sure = outcome.confidence[row]
    if outcome.has_spans:
        spans = outcome.predicted_spans[row] ^ outcome.reference_spans[row]
        places = [(span.start, span.stop) for span in sorted(spans)]
    else:
        places = [(at, at + 1) for at in np.flatnonzero(~outcome.correct[row]).tolist()]
    found = [(float(sure[start:stop].min()), start, stop) for start, stop in places]
    return max(found, default=None)


def _tagged(outcome: Outcome, row: int, found: tuple[float, int, int]) -> TaggedSentence:
    words, probability = outcome.sentences[row], found[0]
    around = AROUND[outcome.joined]
    low, high = max(found[1] - around, 0), min(found[2] + around, len(words))
    if outcome.has_spans:
        true, given = outcome.reference_spans[row], outcome.predicted_spans[row]
        lines = [
            TaggedLine("reference", _spans(outcome, row, true, given, "ins", (low, high))),
            TaggedLine("hypothesis", _spans(outcome, row, given, true, "del", (low, high))),
        ]
    else:
        lines = [TaggedLine("", _tags(outcome, row, (low, high)))]
    return TaggedSentence(lines, probability, outcome.where(row))


def _spans(
    outcome: Outcome,
    row: int,
    own: set[Span],
    other: set[Span],
    mark: str,
    shown: tuple[int, int],
) -> list[Marked]:
    """Return the tokens of a sentence with one side's spans marked."""
    words, (low, high) = outcome.sentences[row], shown
    parts, at = [], low
    for span in sorted(own):
        start, stop = max(span.start, at), min(span.stop, high)
        if start >= stop:
            continue
        parts.append(Marked(outcome.text(words[at:start])))
        role = "mark" if span in other else mark
        parts.append(Marked(outcome.text(words[start:stop]), role, span.kind))
        at = stop
    parts.append(Marked(outcome.text(words[at:high])))
    return _cut(parts, low > 0, high < len(words))


def _tags(outcome: Outcome, row: int, shown: tuple[int, int]) -> list[Marked]:
    """Return the tokens of a sentence, each wrong one with its true and its predicted tag."""
    words, (low, high) = outcome.sentences[row], shown
    parts, at = [], low
    for place in np.flatnonzero(~outcome.correct[row]).tolist():
        if not low <= place < high:
            continue
        parts.append(Marked(outcome.text(words[at:place])))
        pair = (
            f"{name_of(outcome.reference[row][place])} → {name_of(outcome.predicted[row][place])}"
        )
        parts.append(Marked(words[place], "del", pair))
        at = place + 1
    parts.append(Marked(outcome.text(words[at:high])))
    return _cut(parts, low > 0, high < len(words))


def _cut(parts: Iterable[Marked], before: bool, after: bool) -> list[Marked]:
    """Return the parts that hold something, with what was cut off at both ends."""
    gaps = [Marked("…")] if before else [], [Marked("…")] if after else []
    return [*gaps[0], *(part for part in parts if part.text), *gaps[1]]


def _key(speak: Say) -> str:
    marks = (("mark", "both"), ("ins", "missed_mark"), ("del", "wrong_mark"))
    items = [
        tag("li", tag(name, escape(speak(phrase(f"tagged.{meaning}"))))) for name, meaning in marks
    ]
    return tag("ul", *items, class_="legend compared")


def _item(text: TaggedSentence, speak: Say) -> str:
    lines = [_line(line, speak) for line in text.lines]
    place = phrase("tagged.place", place=text.place, probability=percent(text.probability))
    return tag("li", tag("dl", *lines), paragraph([speak(place)]))


def _line(line: TaggedLine, speak: Say) -> str:
    whole = "".join(part.text for part in line.parts)
    markup = " ".join(map(_part, line.parts))
    content = tag("dd", markup, dir="auto", lang=script_of(whole) or None)
    if not line.name:
        return tag("div", content, class_="alone")
    return tag("div", tag("dt", escape(speak(phrase(f"compare.{line.name}")))), content)


def _part(part: Marked) -> str:
    if not part.mark:
        return escape(part.text)
    label = tag("small", escape(name_of(part.label, 40))) if part.label else ""
    return tag("span", tag(part.mark, escape(part.text)), label, class_="labelled")
