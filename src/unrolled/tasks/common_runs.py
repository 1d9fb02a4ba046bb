"""Runs of numbers that two sequences share, by doubling: exact, without a hash, an index or a table of suffixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Classes = NDArray[np.int32]


class Side:
    """The runs of one length of a sequence that the other has too.

    Attributes:
        classes: (T,) what run begins at each place, equal ones with equal numbers; -1 where it is not shared.
        places: those where it is, rising.
    """

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        self.places: Places = np.flatnonzero(classes >= 0)

    def pairs(self, places: Places, shift: int, most: int) -> tuple[Places, NDArray[np.int64]]:
        """Return which of ``places`` are followed by a shared run ``shift`` later, and a number for each such pair."""
        places = places[: np.searchsorted(places, len(self.classes) - shift)]
        second = self.classes[places + shift]
        places, second = places[second >= 0], second[second >= 0]
        return places, self.classes[places].astype(np.int64) * most + second

    def of(self, places: Places, classes: Classes) -> Side:
        """Return another length's runs of the same sequence."""
        dense = np.full(len(self.classes), -1, np.int32)
        dense[places] = classes
        return Side(dense)


class Shared(NamedTuple):
    """Runs of one length that both sequences have: their places, rising, and the class of each."""

    text: Places
    text_classes: Classes
    output: Places
    output_classes: Classes

    def first(self, at: Places) -> Places:
        """Return where the runs of ``output[at]`` first stand in the text."""
        first = np.empty(int(self.text_classes.max(initial=0)) + 1, np.int64)
        first[self.text_classes[::-1]] = self.text[::-1]  # of equal ones the last stays
        return first[self.output_classes[at]]


@dataclass
class CommonRuns:
    """The runs of ``width`` numbers that a text and an output share.

    Attributes:
        text: the longer one.
        output: the other.
        width: of the runs.
    """

    text: Side
    output: Side
    width: int

    @classmethod
    def of(cls, text: NDArray[np.integer], output: NDArray[np.integer], most: int) -> CommonRuns:
        """Begin with single numbers, from 0 to ``most``; 0 is shared by nothing."""
        shared = np.zeros(most + 1, bool)
        shared[output] = True
        shared[0] = False
        classes = np.where(shared, np.cumsum(shared) - 1, -1).astype(np.int32)
        return cls(Side(classes[text]), Side(classes[output]), 1)

    def longer(self, shift: int, places: Places | None = None) -> Shared:
        """Return the runs of width + ``shift`` numbers, at most twice the width, at ``places`` of the output (None = any)."""
        places = self.output.places if places is None else places
        most = int(self.output.classes.max(initial=0)) + 1
        output, keys = self.output.pairs(places, shift, most)
        known, classes = np.unique(keys, return_inverse=True)
        text, keys = self.text.pairs(self.text.places, shift, most)
        if not len(known):
            text, keys = text[:0], keys[:0]
        found = np.searchsorted(known, keys)
        found[found == len(known)] = 0
        here = known[found] == keys if len(known) else np.zeros(0, bool)
        text, found = text[here], found[here].astype(np.int32)
        shared = np.zeros(len(known), bool)
        shared[found] = True
        both = shared[classes]
        return Shared(text, found, output[both], classes[both].astype(np.int32))

    def doubled(self) -> CommonRuns:
        """Return the runs of twice the width."""
        found = self.longer(self.width)
        return CommonRuns(
            self.text.of(found.text, found.text_classes),
            self.output.of(found.output, found.output_classes),
            2 * self.width,
        )


@dataclass
class LongestRuns:
    """The longest run of each of N rows, which stand one after the other in the output.

    Attributes:
        starts: (N,) where the rows begin.
        lengths: (N,), 0 where a row shares nothing.
        output: (N,) where the run is in the output.
        text: (N,) where it is in the text.
    """

    starts: Places
    lengths: Places
    output: Places
    text: Places

    def row(self, places: Places) -> Places:
        """Return the row of each place of the output."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def try_at(self, common: CommonRuns, shift: int, rows: Places) -> Places:
        """Note the runs of width + ``shift`` numbers of the rows that have one, and return those rows."""
        places = common.output.places
        found = common.longer(shift, places[np.isin(self.row(places), rows)])
        having, at = np.unique(self.row(found.output), return_index=True)
        self.lengths[having] = common.width + shift
        self.output[having] = found.output[at]
        self.text[having] = found.first(at)
        return having

    def finish(self, common: CommonRuns, rows: Places) -> None:
        """Find the longest runs of rows that have one of the width, and none of twice the width, by bisection."""
        self.try_at(common, 0, rows)
        low, high = np.zeros(len(rows), np.int64), np.full(len(rows), common.width - 1)
        while (undecided := low < high).any():
            middle = (low + high + 1) // 2
            for shift in np.unique(middle[undecided]).tolist():
                tried = undecided & (middle == shift)
                longer = np.isin(rows, self.try_at(common, shift, rows[tried]))
                low[tried & longer] = shift
                high[tried & ~longer] = shift - 1


def longest_runs(common: CommonRuns, starts: Places) -> LongestRuns:
    """Return the longest run that each row of the output shares with the text.

    Args:
        common: the single numbers that both share.
        starts: (N,) where the rows begin in the output, each after a 0.
    """
    found = LongestRuns(starts, *(np.zeros(len(starts), np.int64) for _ in range(3)))
    while len(common.output.places):
        longer = common.doubled()
        here, there = (np.unique(found.row(runs.output.places)) for runs in (common, longer))
        rows = np.setdiff1d(here, there, assume_unique=True)
        if len(rows):
            found.finish(common, rows)
        common = longer
    return found
