"""Some rows of a sequence, without a copy of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

Row = TypeVar("Row")


class Subset(Sequence[Row]):
    """The rows ``numbers`` of ``rows``, in that order.

    >>> part = Subset(["a", "b", "c", "d"], [3, 0, 2])
    >>> len(part), part[0], list(part[1:])
    (3, 'd', ['a', 'c'])
    """

    def __init__(self, rows: Sequence[Row], numbers: ArrayLike) -> None:
        self.rows, self.numbers = rows, np.asarray(numbers, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, row: int) -> Row: ...
    @overload
    def __getitem__(self, row: slice) -> Subset[Row]: ...
    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return Subset(self.rows, self.numbers[row])
        return self.rows[int(self.numbers[row])]

    def __iter__(self) -> Iterator[Row]:
        return (self.rows[number] for number in self.numbers.tolist())
