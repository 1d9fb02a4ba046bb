"""Whether long rows suffer: accuracy by length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.view.charts import Axis, LineChart, Rule
from unrolled.view.figure import Verdict
from unrolled.view.gallery import Block
from unrolled.view.intervals import share_interval
from unrolled.view.numbers import percent
from unrolled.view.runs import Band, Line
from unrolled.view.scale import Array
from unrolled.view.tables import PlainTable
from unrolled.view.words import Text, listed, phrase

GROUPS = 8
_FEWEST = 25  # rows of a group: fewer say nothing of an accuracy
SURE = 2.73
"""Standard errors beyond which a group differs: with eight groups one report in twenty has one outside by chance."""


class LengthGroups(NamedTuple):
    """Rows grouped by length, short ones first, each (groups,); ``low`` and ``high`` lengths are both inside."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    middle: Array
    rows: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def accuracy(self) -> Array:
        """The share of each group that is right, (groups,)."""
        return self.right / self.rows


def length_groups(lengths: ArrayLike, correct: ArrayLike, groups: int = GROUPS) -> LengthGroups:
    """Cut rows into about ``groups`` groups of as many rows each; rows of one length stay together.

    Args:
        lengths: (rows,) tokens or steps.
        correct: (rows,) bool.
        groups: fewer are made where there are few rows or few lengths.

    Raises:
        ShapeError: the two differ in length.

    >>> found = length_groups(np.arange(100), np.arange(100) < 75, groups=4)
    >>> found.low.tolist(), found.accuracy.tolist()
    ([0, 25, 50, 75], [1.0, 1.0, 1.0, 0.0])
    """
    sizes, right = np.asarray(lengths, dtype=np.int64), np.asarray(correct, dtype=np.bool_)
    if sizes.shape != right.shape or sizes.ndim != 1:
        raise ShapeError(
            f"lengths of shape {sizes.shape} and correct of shape {right.shape}",
            expected="(rows,) for both",
        )
    parts = cut_by_length(sizes, groups)
    return LengthGroups(
        np.array([sizes[part].min() for part in parts], dtype=np.int64),
        np.array([sizes[part].max() for part in parts], dtype=np.int64),
        np.array([np.median(sizes[part]) for part in parts], dtype=np.float64),
        np.array([part.sum() for part in parts], dtype=np.int64),
        np.array([right[part].sum() for part in parts], dtype=np.int64),
    )


def cut_by_length(sizes: NDArray[np.int64], groups: int = GROUPS) -> list[NDArray[np.bool_]]:
    """Return about ``groups`` groups of as many rows each, short ones first, as masks (rows,).

    Rows of one length stay together; fewer groups are made where there are few rows or few lengths.
    """
    if not len(sizes):
        return []
    order = np.sort(sizes)
    wanted = min(groups, max(1, len(order) // _FEWEST))
    cuts = np.unique(order[np.arange(1, wanted) * len(order) // wanted])
    group = np.searchsorted(cuts[cuts > order[0]], sizes, side="right")
    return [group == number for number in range(int(group.max()) + 1)]


def length_blocks(lengths: ArrayLike, correct: ArrayLike, unit: str = "tokens") -> list[Block]:
    """Return accuracy against length as a chart and as a table; nothing where all rows are of one length.

    Args:
        lengths: (rows,) tokens or steps.
        correct: (rows,) bool.
        unit: "tokens" or "steps".
    """
    found = length_groups(lengths, correct)
    if len(found.rows) < 2:
        return []
    return [length_chart(found, unit), length_table(found, unit)]


def length_chart(found: LengthGroups, unit: str = "tokens") -> LineChart:
    """Draw the accuracy of every group at its middle length, with 95 % intervals and a verdict."""
    low, high = share_interval(found.right, found.rows)
    whole = float(found.right.sum() / found.rows.sum())
    across, crowded = length_axis(found.middle)
    rows = between(int(found.rows.min()), int(found.rows.max()))
    note = phrase("length.note", groups=str(len(found.rows)), rows=rows)
    return LineChart(
        phrase("length.title"),
        [
            Band(phrase("length.interval"), across, low, high, role="inner"),
            Line(phrase("metric.accuracy"), across, found.accuracy, role="model"),
        ],
        marks=[Rule(whole, phrase("length.whole", accuracy=percent(whole)))],
        x=Axis(phrase(f"length.{unit}"), log=crowded),
        y=Axis(phrase("metric.accuracy")),
        note=note,
        verdict=[_verdict(found, unit)],
    )


def length_table(found: LengthGroups, unit: str = "tokens") -> PlainTable:
    """Return the groups with their lengths, rows, accuracy and its 95 % interval."""
    low, high = share_interval(found.right, found.rows)
    rows = [
        [
            _range(found, at),
            f"{found.rows[at]:,}",
            percent(float(found.accuracy[at])),
            f"{percent(low[at])} … {percent(high[at])}",
        ]
        for at in range(len(found.rows))
    ]
    headings = [phrase(f"length.{unit}"), phrase("confusion.rows")]
    headings += [phrase("metric.accuracy"), phrase("length.interval")]
    return PlainTable(phrase("length.groups"), headings, rows)


def length_axis(middle: Array) -> tuple[Array, bool]:
    """Return where groups stand, (groups,), and whether on a log axis."""
    # Lengths from 1 to 5,000 crowd at one end of a linear axis; nothing on a log axis is shorter than 1.
    crowded = bool(middle.max() > 10 * max(middle.min(), 1.0))
    return (np.maximum(middle, 1.0) if crowded else middle), crowded


def length_verdict(
    groups: Sequence[Text],
    worse: NDArray[np.bool_],
    better: NDArray[np.bool_],
    whole: str,
    long: str = "length.long_suffer",
) -> Verdict:
    """Name the groups that are worse than all rows together.

    Args:
        groups: every group with its figure, in words.
        worse: (groups,) surely worse than all rows.
        better: (groups,) surely better.
        whole: the figure of all rows.
        long: the phrase that says that only the longest are worse.
    """
    if not worse.any():
        key = "length.none_worse" if better.any() else "length.even"
        return Verdict(phrase(key, whole=whole), "good")
    named = [groups[at] for at in np.flatnonzero(worse).tolist()]
    key = long if worse[-1] and not worse[0] else "length.some_suffer"
    return Verdict(phrase(key, groups=listed(named), whole=whole), "bad")


def _verdict(found: LengthGroups, unit: str) -> Verdict:
    """Name the groups whose interval, widened because there are several, excludes the accuracy of all rows."""
    share = float(found.right.sum() / found.rows.sum())
    low, high = share_interval(found.right, found.rows, SURE)
    groups = [
        phrase(
            "length.group",
            range=_range(found, at),
            unit=phrase(f"length.{unit}"),
            accuracy=percent(float(accuracy)),
        )
        for at, accuracy in enumerate(found.accuracy)
    ]
    return length_verdict(groups, high < share, low > share, percent(share))


def _range(found: LengthGroups, at: int) -> str:
    return between(int(found.low[at]), int(found.high[at]))


def between(low: int, high: int) -> str:
    """Return a range of lengths, or the one length.

    >>> between(3, 3), between(4, 1200)
    ('3', '4–1,200')
    """
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
