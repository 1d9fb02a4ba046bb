"""Rows of any lengths whose values stand one after the other: what sequences of numbers and of token ids share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Value = TypeVar("Value", bound=np.generic)
Ends = NDArray[np.int64]


class FlatRows(Sequence[NDArray[Value]]):
    """N rows, row i being ``values[ends[i]:ends[i + 1]]``.

    Attributes:
        values: (S, ...), those of all rows; an array, or what gives one for a slice.
        ends: (N + 1,) int64, where each row begins and ends; it starts with 0.
    """

    padded_as: ClassVar[DTypeLike]

    def __init__(self, values: Any, ends: ArrayLike) -> None:
        self.values = values
        self.ends: Ends = np.asarray(ends, dtype=np.int64)

    @property
    def lengths(self) -> Ends:
        """The lengths of the rows, (N,)."""
        return np.diff(self.ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, row: int) -> NDArray[Value]: ...
    @overload
    def __getitem__(self, row: slice) -> Self: ...
    def __getitem__(self, row: int | slice) -> NDArray[Value] | Self:
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        row = row % len(self)
        return self.values[self.ends[row] : self.ends[row + 1]]

    def __iter__(self) -> Iterator[NDArray[Value]]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: ArrayLike) -> Self:
        """Return these rows, counted from 0, in their order."""
        starts, lengths = self._places(rows)
        ends = ends_of(lengths)
        steps = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)
        return type(self)(self.values[steps], ends)

    def padded(self, rows: ArrayLike) -> tuple[NDArray[Any], Ends]:
        """Return these rows, counted from 0, as one block (B, T, ...) with 0 behind their ends, and their lengths (B,)."""
        starts, lengths = self._places(rows)
        longest = int(lengths.max(initial=0))
        block = np.zeros((len(starts), longest, *self.values.shape[1:]), self.padded_as)
        # Row by row: for rows of some length faster than an index of every value, and the same on disk.
        for into, start, length in zip(block, starts.tolist(), lengths.tolist(), strict=True):
            into[:length] = self.values[start : start + length]
        return block, lengths

    def _places(self, rows: ArrayLike) -> tuple[Ends, Ends]:
        """Return where rows begin and how long they are, (B,) each."""
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and rows.min() < 0:
            raise IndexError(f"row {rows.min()} of {len(self)}")
        starts = self.ends[rows]
        return starts, self.ends[rows + 1] - starts


def ends_of(lengths: ArrayLike) -> Ends:
    """Return (N + 1,): 0, and where rows of these lengths (N,) end.

    >>> ends_of([2, 0, 1]).tolist()
    [0, 2, 2, 3]
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends
