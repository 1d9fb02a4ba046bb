"""Token ids of many texts, in one block of memory or, where they are too many for that, on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.flat_rows import FlatRows, ends_of
from unrolled.data.scratch import Scratch

Ids = NDArray[np.int32]

IN_MEMORY = 256 << 20
"""Bytes of ids that are kept in memory; more goes to disk."""
_TOGETHER = 4096
_COPIED = 1 << 24


class ScratchIds:
    """Token ids (S,) in an unnamed temporary file, read a slice at a time.

    >>> ids = ScratchIds()
    >>> ids.append(np.arange(5, dtype=np.int32).tobytes())
    >>> ids[1:4].tolist(), ids.shape
    ([1, 2, 3], (5,))
    """

    def __init__(self) -> None:
        self._scratch = Scratch()

    @property
    def shape(self) -> tuple[int]:
        return (len(self._scratch) // 4,)

    def append(self, data: bytes | bytearray) -> None:
        for start in range(0, len(data), _COPIED):
            self._scratch.append(bytes(data[start : start + _COPIED]))

    def __getitem__(self, places: slice) -> Ids:
        start, stop, _ = places.indices(self.shape[0])
        data = self._scratch.read(4 * start, 4 * max(0, stop - start))
        return np.frombuffer(
            bytearray(data), np.int32
        )  # which can be written to, as torch wants it


class TokenRows(FlatRows[np.int32]):
    """N rows of token ids, of any lengths.

    Attributes:
        values: (S,) int32, the ids of all rows one after the other; `ScratchIds` where they lie on disk.
        ends: (N + 1,) int64, where each row begins and ends; it starts with 0.

    >>> rows = TokenRows.of([[5, 6, 7], [], [8]])
    >>> len(rows), rows[0].tolist(), rows.lengths.tolist(), rows.take([2, 0])[0].tolist()
    (3, [5, 6, 7], [3, 0, 1], [8])
    >>> ids, lengths = rows.padded([2, 0])
    >>> ids.tolist(), lengths.tolist()
    ([[8, 0, 0], [5, 6, 7]], [1, 3])
    """

    padded_as = np.int64

    def __init__(self, values: ArrayLike | ScratchIds, ends: ArrayLike) -> None:
        on_disk = isinstance(values, ScratchIds)
        super().__init__(values if on_disk else np.asarray(values, dtype=np.int32), ends)

    @classmethod
    def of(cls, rows: Iterable[ArrayLike], *, in_memory: int = IN_MEMORY) -> Self:
        """Take rows as they come; what is more than ``in_memory`` bytes is on disk.

        Raises:
            InputError: the disk is full.
        """
        lengths: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        held, disk = bytearray(), None
        for ids, sizes in _pieces(rows):
            lengths.append(sizes)
            held += ids.tobytes()
            if disk is None and len(held) > in_memory:
                disk = ScratchIds()
            if disk is not None:
                disk.append(held)
                held = bytearray()
        ends = ends_of(np.concatenate(lengths))
        return cls(np.frombuffer(held, np.int32) if disk is None else disk, ends)

    def take(self, rows: ArrayLike) -> Self:
        """Return these rows, counted from 0, in their order; rows of the disk go to the disk, where they are many."""
        if not isinstance(self.values, ScratchIds):
            return super().take(rows)
        starts, lengths = self._places(rows)
        values = self.values
        places = zip(starts.tolist(), lengths.tolist(), strict=True)
        taken = (values[start : start + length] for start, length in places)
        return self.of(taken, in_memory=IN_MEMORY)


def _pieces(rows: Iterable[ArrayLike]) -> Iterator[tuple[Ids, NDArray[np.int64]]]:
    """Yield the ids of some rows one after the other, and the lengths of these rows."""
    arrays = (np.asarray(row, dtype=np.int32) for row in rows)
    while piece := list(islice(arrays, _TOGETHER)):
        yield np.concatenate(piece), np.fromiter(map(len, piece), np.int64, len(piece))
