"""Texts on disk instead of in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.scratch import Scratch

_TOGETHER = 4096


class TextStore(Sequence[str]):
    """Texts that lie in an unnamed temporary file; memory holds 8 bytes of each, the place where it ends.

    It is gone with the object. Processes that are forked share it.

    >>> store = TextStore(["one", "二", ""])
    >>> store[1], store[-1], store[:2], list(store), store.take([2, 0])
    ('二', '', ['one', '二'], ['one', '二', ''], ['', 'one'])
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._scratch = Scratch()
        self._ends: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self.extend(texts)

    def extend(self, texts: Iterable[str]) -> None:
        """Append texts; what cannot be written in UTF-8 (half a surrogate pair) becomes a question mark."""
        encoded = [text.encode("utf-8", "replace") for text in texts]
        if encoded:
            sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
            self._ends.append(np.cumsum(sizes) + len(self._scratch))
            self._scratch.append(b"".join(encoded))

    def __len__(self) -> int:
        return len(self._bounds()) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            return self._between(start, stop) if step == 1 else self.take(range(start, stop, step))
        bounds, count = self._bounds(), len(self)
        if not -count <= row < count:
            raise IndexError(f"row {row} of {count}")
        row = row % count
        start = int(bounds[row])
        return self._scratch.read(start, int(bounds[row + 1]) - start).decode()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _TOGETHER):
            yield from self._between(start, min(start + _TOGETHER, len(self)))

    def take(self, rows: ArrayLike) -> list[str]:
        """Return the texts of these rows, in their order."""
        return [self[int(row)] for row in np.asarray(rows, dtype=np.int64)]

    def _between(self, start: int, stop: int) -> list[str]:
        if stop <= start:
            return []
        bounds = self._bounds()[start : stop + 1]
        data = self._scratch.read(int(bounds[0]), int(bounds[-1] - bounds[0]))
        places = (bounds - bounds[0]).tolist()
        return [data[begin:end].decode() for begin, end in pairwise(places)]

    def _bounds(self) -> NDArray[np.int64]:
        if len(self._ends) > 1:
            self._ends = [np.concatenate(self._ends)]
        return self._ends[0]


class TextBuilder:
    """Collects texts that come in pieces: in memory while they are few, on disk when they are many.

    Attributes:
        in_memory: bytes of text that are kept in memory.
    """

    def __init__(self, in_memory: int) -> None:
        self.in_memory = in_memory
        self._texts: list[str] = []
        self._store: TextStore | None = None
        self._size = 0

    def extend(self, texts: Sequence[str]) -> None:
        if self._store is not None:
            self._store.extend(texts)
            return
        self._texts.extend(texts)
        self._size += sum(map(len, texts))
        if self._size > self.in_memory:
            self._store, self._texts = TextStore(self._texts), []

    def build(self) -> Sequence[str]:
        return self._texts if self._store is None else self._store
