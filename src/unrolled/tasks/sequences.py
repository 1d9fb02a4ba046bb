"""Rows of tokens or numbers as batches that a network reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.seq import Seq
from unrolled.data.number_rows import NumberRows
from unrolled.data.token_rows import TokenRows

Encoded = TokenRows | NumberRows
Rows = NDArray[np.int64]


def sequences(encoded: Encoded, rows: Rows) -> Seq:
    """Return some rows as one padded batch."""
    values, lengths = encoded.padded(rows)
    return Seq(torch.from_numpy(values), torch.from_numpy(lengths))


def blocks(lengths: Rows, most_steps: int) -> Iterator[Rows]:
    """Yield rows of similar length, as many at a time as make ``most_steps`` with their padding.

    >>> [rows.tolist() for rows in blocks(np.array([5, 1, 2, 1]), 4)]
    [[1, 3], [2], [0]]
    """
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * max(lengths[order[stop]], 1) <= most_steps:
            stop += 1
        yield order[start:stop]
        start = stop
