"""Tables of a tagger: the figures of every type of span, what became of spans, and words that are new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unrolled.data.tag_schemes import OUTSIDE, Span
from unrolled.view.confusion import confusion_counts
from unrolled.view.intervals import share_interval
from unrolled.view.numbers import NOTHING, percent
from unrolled.view.shorten import name_of
from unrolled.view.tables import PlainTable
from unrolled.view.words import Text, known_phrase, phrase

if TYPE_CHECKING:
    from unrolled.tasks.tag.outcome import Outcome  # torch stands behind it

Types = Mapping[str, Mapping[str, float]]
"""type -> "precision", "recall", "f1" and "support", the spans of the reference."""

MOST_TYPES = 60
FATES = ("right", "wrong_type", "wrong_bounds", "wrong_both", "missed")


def type_table(by_type: Mapping[str, Types]) -> PlainTable:
    """Return the figures of every type, the commonest first, and beside them the F1 of every baseline.

    Args:
        by_type: by method, the model's first, as `Tagger.evaluate` gives it.
    """
    model, *others = by_type
    own = by_type[model]
    order = sorted(own, key=lambda kind: (-own[kind]["support"], kind))[:MOST_TYPES]
    rows = [
        [
            name_of(kind, 40),
            *(_share(own[kind].get(figure)) for figure in ("precision", "recall", "f1")),
            *(_share(by_type[other].get(kind, {}).get("f1")) for other in others),
            f"{own[kind]['support']:,.0f}",
        ]
        for kind in order
    ]
    beside = [phrase("tagged.f1_of", method=known_phrase(f"method.{n}", n)) for n in others]
    headings: list[Text] = [phrase("tagged.type"), phrase("confusion.precision")]
    headings += [phrase("confusion.recall"), "F1", *beside, phrase("tagged.spans")]
    note: Text = ""
    if len(order) < len(own):
        counts = {"shown": f"{len(order):,}", "total": f"{len(own):,}"}
        note = phrase("tagged.frequent_types", **counts)
    return PlainTable(phrase("tagged.types"), headings, rows, note, size="wide")


def fate_table(outcome: Outcome) -> PlainTable:
    """Return what became of the spans of the reference, and how many were found where there is none."""
    counts: Counter[str] = Counter()
    for true, found in zip(outcome.reference_spans, outcome.predicted_spans, strict=True):
        counts.update(fates(true, found))
    whole = sum(counts[name] for name in FATES)
    rows: list[list[Text]] = [
        [phrase(f"tagged.{name}"), f"{counts[name]:,}", percent(counts[name] / max(whole, 1))]
        for name in FATES
    ]
    rows.append([phrase("tagged.nowhere"), f"{counts['nowhere']:,}", NOTHING])
    headings = [phrase("tagged.fate"), phrase("confusion.count"), phrase("tagged.of_reference")]
    return PlainTable(phrase("tagged.fates"), headings, rows)


def fates(true: set[Span], found: set[Span]) -> list[str]:
    """Return for every span of the reference one of `FATES`, and "nowhere" for each that was found where there is none.

    >>> sorted(fates({Span(0, 2, "PER"), Span(4, 5, "ORG")}, {Span(0, 1, "PER"), Span(7, 8, "LOC")}))
    ['missed', 'nowhere', 'wrong_bounds']
    """
    said = []
    for span in true:
        over = [other for other in found if _overlap(span, other)]
        if span in found:
            said.append("right")
        elif any(other[:2] == span[:2] for other in over):
            said.append("wrong_type")
        elif any(other.kind == span.kind for other in over):
            said.append("wrong_bounds")
        else:
            said.append("wrong_both" if over else "missed")
    alone = [other for other in found if not any(_overlap(span, other) for span in true)]
    return said + ["nowhere"] * len(alone)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.stop and other.start < one.stop


def seen_table(outcome: Outcome) -> PlainTable:
    """Return the accuracy of words that the training part holds and of those that it does not, and the recall of spans."""
    known = np.concatenate([np.zeros(0, np.bool_), *outcome.known])
    right = np.concatenate([np.zeros(0, np.bool_), *outcome.correct])
    rows = [
        _row(f"tagged.{name}_words", right[chosen])
        for name, chosen in (("seen", known), ("new", ~known))
    ]
    if outcome.has_spans:
        found = [
            (outcome.known[row][span.start : span.stop].all(), span in outcome.predicted_spans[row])
            for row, spans in enumerate(outcome.reference_spans)
            for span in spans
        ]
        all_known, hit = (np.array([pair[k] for pair in found], np.bool_) for k in range(2))
        rows += [
            _row(f"tagged.{name}_spans", hit[chosen])
            for name, chosen in (("seen", all_known), ("new", ~all_known))
        ]
    headings = [phrase("tagged.which"), phrase("confusion.count"), phrase("tagged.right_share")]
    return PlainTable(phrase("tagged.seen"), [*headings, phrase("length.interval")], rows)


def type_confusions(outcome: Outcome) -> tuple[NDArray[np.int64], list[str]]:
    """Return (classes, classes) tokens by their true and predicted tag, or type of span, and the names of the classes."""
    true, found = _tags_of(outcome, 0), _tags_of(outcome, 1)
    counts = Counter([*true, *found])
    names = sorted(counts, key=lambda name: (name == OUTSIDE and outcome.has_spans, name))
    numbers = {name: number for number, name in enumerate(names)}
    down, across = ([numbers[name] for name in some] for some in (true, found))
    return confusion_counts(down, across, len(names)), names


def _tags_of(outcome: Outcome, side: int) -> list[str]:
    """Return the tags of all tokens, or the types of the spans that they lie in, of the reference (0) or as predicted."""
    tags = (outcome.reference, outcome.predicted)[side]
    if not outcome.has_spans:
        return [tag for row in tags for tag in row]
    said = []
    spans = (outcome.reference_spans, outcome.predicted_spans)[side]
    for row, sentence in zip(spans, outcome.sentences, strict=True):
        types = [OUTSIDE] * len(sentence)
        for span in row:
            types[span.start : span.stop] = [span.kind] * (span.stop - span.start)
        said += types
    return said


def _row(key: str, right: NDArray[np.bool_]) -> Sequence[Text]:
    count, hits = len(right), int(right.sum())
    if not count:
        return [phrase(key), "0", NOTHING, NOTHING]
    low, high = share_interval(hits, count)
    return [
        phrase(key),
        f"{count:,}",
        percent(hits / count),
        f"{percent(float(low))} … {percent(float(high))}",
    ]


def _share(value: float | None) -> str:
    return NOTHING if value is None or not np.isfinite(value) else percent(value)
