"""How rows become what the network reads: token ids, or steps of numbers, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.seq import Seq
from unrolled.data.flat_rows import ends_of
from unrolled.data.number_rows import NumberRows, from_arrays
from unrolled.data.token_rows import TokenRows
from unrolled.data.tokenizer import Tokenizer
from unrolled.errors import ShapeError
from unrolled.tasks.sequences import Encoded

Rows = NDArray[np.int64]


class LabelledBatch(NamedTuple):
    """Rows that are read together, and their classes (B,) int64."""

    xs: Seq
    labels: Tensor


@dataclass(frozen=True)
class Reader:
    """Turns texts or sequences of numbers into what the network reads.

    Attributes:
        tokenizer: of texts; None for sequences of numbers.
        max_length: steps of a row that are read; of a longer one the head and the tail, half each.
        features: of a step of numbers.
    """

    tokenizer: Tokenizer | None
    max_length: int
    features: int = 1

    def read(self, inputs: Iterable[Any]) -> tuple[Encoded, Rows]:
        """Return rows, cut to the longest that is read, and their lengths (N,) before."""
        lengths: list[int] = []

        def measured(row: NDArray[Any]) -> NDArray[Any]:
            lengths.append(len(row))
            return row

        encoded = self.encode(inputs, measured)
        return encoded, np.array(lengths, dtype=np.int64)

    def encode(
        self, inputs: Iterable[Any], seen: Callable[[NDArray[Any]], NDArray[Any]] = lambda row: row
    ) -> Encoded:
        """Return rows, cut to the longest that is read; each passes through ``seen`` before."""
        if self.tokenizer is None:
            arrays = [self.cut(seen(np.asarray(row, dtype=np.float32))) for row in inputs]
            # Rows without a step do not know how many features they have.
            filled = [row for row in arrays if len(row)] or [np.zeros((0, self.features))]
            return NumberRows(np.concatenate(filled), ends_of([len(row) for row in arrays]))
        return TokenRows.of(self.cut(seen(row)) for row in self.tokenizer.encode(inputs))

    def cut(self, row: NDArray[Any]) -> NDArray[Any]:
        """Return a row, or the head and the tail of a long one.

        >>> Reader(None, 4).cut(np.arange(9)).tolist()
        [0, 1, 7, 8]
        """
        if len(row) <= self.max_length:
            return row
        tail = self.max_length // 2
        return np.concatenate((row[: self.max_length - tail], row[len(row) - tail :]))


def steps_of(numbers: Any, features: int, name: str) -> NDArray[np.float32]:
    """Return one sequence of numbers (T,) or (T, F) as (T, F).

    Raises:
        InputError: these are no finite numbers.
        ShapeError: a step has not as many as it must have.
    """
    steps = from_arrays([numbers], lambda row: name)[0]
    if len(steps) and steps.shape[1] != features:
        raise ShapeError(f"{name} has {steps.shape[1]} features", expected=f"(T, {features})")
    return steps.reshape(-1, features)
