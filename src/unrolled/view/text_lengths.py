"""Whether long texts suffer: their mean score by their length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.view.charts import Axis, LineChart, Rule
from unrolled.view.figure import Verdict
from unrolled.view.gallery import Block
from unrolled.view.intervals import USUAL
from unrolled.view.lengths import (
    GROUPS,
    SURE,
    between,
    cut_by_length,
    length_axis,
    length_verdict,
)
from unrolled.view.numbers import fixed
from unrolled.view.runs import Band, Line
from unrolled.view.scale import Array
from unrolled.view.tables import PlainTable
from unrolled.view.words import phrase


class LengthWords(NamedTuple):
    """What is shown against which length: keys of phrases. ``long`` says that only the longest texts are worse."""

    title: str
    note: str
    groups: str
    across: str
    mean: str
    long: str


OF_TRANSLATIONS = LengthWords(
    "length.texts_title",
    "length.texts_note",
    "length.texts_groups",
    "length.source_tokens",
    "length.sentence_chrf",
    "length.long_texts_suffer",
)
OF_TAGS = LengthWords(
    "length.title",
    "length.tags_note",
    "length.groups",
    "length.sentence_tokens",
    "length.sentence_accuracy",
    "length.long_sentences_suffer",
)


class MeansByLength(NamedTuple):
    """Rows grouped by length, short ones first, each (groups,); ``error`` is the standard error of ``mean``.

    ``whole`` is the mean of all rows.
    """

    ranges: tuple[str, ...]
    middle: Array
    rows: NDArray[np.int64]
    mean: Array
    error: Array
    whole: float

    def interval(self, errors: float = USUAL) -> tuple[Array, Array]:
        """Return the low and high ends, (groups,), so many standard errors from the mean, within 0 and 100."""
        return (
            np.clip(self.mean - errors * self.error, 0, 100),
            np.clip(self.mean + errors * self.error, 0, 100),
        )


def means_by_length(
    lengths: ArrayLike, scores: ArrayLike, groups: int = GROUPS
) -> MeansByLength | None:
    """Return the mean score of about ``groups`` groups of as many rows each; None where all are of one length.

    Args:
        lengths: (rows,) tokens.
        scores: (rows,) from 0 to 100.
        groups: fewer are made where there are few rows or few lengths.

    Raises:
        ShapeError: the two differ in length.

    >>> found = means_by_length(np.arange(100), np.repeat([80.0, 20.0], 50), groups=2)
    >>> found.ranges, found.mean.tolist(), found.whole
    (('0–49', '50–99'), [80.0, 20.0], 50.0)
    """
    sizes, values = np.asarray(lengths, dtype=np.int64), np.asarray(scores, dtype=np.float64)
    if sizes.shape != values.shape or sizes.ndim != 1:
        raise ShapeError(
            f"lengths of shape {sizes.shape} and scores of shape {values.shape}",
            expected="(rows,) for both",
        )
    parts = cut_by_length(sizes, groups)
    if len(parts) < 2:
        return None
    return MeansByLength(
        tuple(between(int(sizes[part].min()), int(sizes[part].max())) for part in parts),
        np.array([np.median(sizes[part]) for part in parts]),
        np.array([part.sum() for part in parts]),
        np.array([values[part].mean() for part in parts]),
        np.array([_standard_error(values[part]) for part in parts]),
        float(values.mean()),
    )


def text_length_blocks(
    lengths: ArrayLike, scores: ArrayLike, words: LengthWords = OF_TRANSLATIONS
) -> list[Block]:
    """Return the score against the length as a chart and as a table; nothing where there is one length.

    Args:
        lengths: (rows,) tokens.
        scores: (rows,) of each row, from 0 to 100.
        words: what both are: chrF and the length of the source, if nothing else is said.
    """
    found = means_by_length(lengths, scores)
    return [] if found is None else [_chart(found, words), _table(found, words)]


def _chart(found: MeansByLength, words: LengthWords) -> LineChart:
    low, high = found.interval()
    across, crowded = length_axis(found.middle)
    whole, rows = fixed(found.whole, 1), between(int(found.rows.min()), int(found.rows.max()))
    return LineChart(
        phrase(words.title),
        [
            Band(phrase("length.interval"), across, low, high, role="inner"),
            Line(phrase(words.mean), across, found.mean, role="model"),
        ],
        marks=[Rule(found.whole, phrase("length.whole", accuracy=whole))],
        x=Axis(phrase(words.across), log=crowded),
        y=Axis(phrase(words.mean)),
        note=phrase(words.note, groups=str(len(found.rows)), rows=rows),
        verdict=[_verdict(found, words)],
    )


def _table(found: MeansByLength, words: LengthWords) -> PlainTable:
    low, high = found.interval()
    rows = [
        [
            found.ranges[at],
            f"{found.rows[at]:,}",
            fixed(found.mean[at], 1),
            f"{fixed(low[at], 1)} … {fixed(high[at], 1)}",
        ]
        for at in range(len(found.rows))
    ]
    headings = (words.across, "confusion.rows", words.mean, "length.interval")
    return PlainTable(phrase(words.groups), [phrase(name) for name in headings], rows)


def _verdict(found: MeansByLength, words: LengthWords) -> Verdict:
    """Name the groups whose interval, widened because there are several, excludes the mean of all rows."""
    low, high = found.interval(SURE)
    groups = [
        phrase(
            "length.group",
            range=lengths,
            unit=phrase("length.tokens"),
            accuracy=fixed(float(mean), 1),
        )
        for lengths, mean in zip(found.ranges, found.mean, strict=True)
    ]
    whole = fixed(found.whole, 1)
    worse, better = high < found.whole, low > found.whole
    return length_verdict(groups, worse, better, whole, words.long)


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 100.0
