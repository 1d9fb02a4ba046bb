"""The labels of many rows, as numbers and the names that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

MISSING = -1


class Labels(Sequence[str]):
    """Labels of N rows that look like a list of text and take 4 bytes each.

    Attributes:
        codes: (N,) int32, the place of each row's label in ``names``; -1 where the row has none, which reads as "".
        names: the distinct labels, in the order in which they first came.

    >>> labels = Labels.of(["good", "bad", "good"])
    >>> labels.names, labels.codes.tolist(), labels[-1], list(labels.take([1]))
    (('good', 'bad'), [0, 1, 0], 'good', ['bad'])
    """

    def __init__(self, codes: ArrayLike, names: Iterable[str]) -> None:
        self.codes: NDArray[np.int32] = np.asarray(codes, dtype=np.int32)
        self.names = tuple(names)

    @classmethod
    def of(cls, labels: Iterable[str]) -> Labels:
        """Return these labels; those that are `Labels` already as they are."""
        if isinstance(labels, Labels):
            return labels
        builder = LabelBuilder()
        builder.extend(pl.Series(list(labels), dtype=pl.String))
        return builder.build()

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Labels: ...
    def __getitem__(self, row: int | slice) -> str | Labels:
        if isinstance(row, slice):
            return Labels(self.codes[row], self.names)
        return self._name(int(self.codes[row]))

    def __iter__(self) -> Iterator[str]:
        return map(self._name, self.codes.tolist())

    def take(self, rows: ArrayLike) -> Labels:
        """Return the labels of these rows, with the same names."""
        return Labels(self.codes[np.asarray(rows, dtype=np.int64)], self.names)

    def coded(self, classes: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return the labels as numbers of ``classes``, and the classes with the labels that are none of them at the end.

        A row without a label keeps -1.

        >>> Labels.of(["b", "new", "a"]).coded(["a", "b"])
        (array([1, 2, 0]), ('a', 'b', 'new'))
        """
        numbers = {name: number for number, name in enumerate(classes)}
        table = [numbers.setdefault(name, len(numbers)) for name in self.names]
        # The last entry is what -1 finds.
        return np.array([*table, MISSING], dtype=np.int64)[self.codes], tuple(numbers)

    def _name(self, code: int) -> str:
        return "" if code == MISSING else self.names[code]


class LabelBuilder:
    """Collects labels that come in pieces."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes: list[NDArray[np.int32]] = []

    def extend(self, labels: pl.Series) -> None:
        """Append a column of text, null where a label is missing."""
        names = labels.unique(maintain_order=True).drop_nulls().to_list()
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in names]
        codes = labels.replace_strict(names, numbers, default=MISSING, return_dtype=pl.Int32)
        self._codes.append(codes.fill_null(MISSING).to_numpy().astype(np.int32, copy=False))

    def build(self) -> Labels:
        return Labels(np.concatenate([np.zeros(0, np.int32), *self._codes]), self._numbers)
