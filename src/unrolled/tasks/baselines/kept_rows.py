"""Rows of token ids as they are kept with a model: one after the other, in the smallest numbers that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.flat_rows import ends_of
from unrolled.data.token_rows import TokenRows
from unrolled.tasks.baselines.kept import array_of

_KINDS = (np.uint8, np.uint16, np.int32)


def packed_rows(rows: Iterable[ArrayLike]) -> dict[str, NDArray[Any]]:
    """Return rows of ids from 0 on as two arrays: all ids, in 1, 2 or 4 bytes each, and the length of each row.

    >>> packed = packed_rows([[5, 6], [], [255]])
    >>> packed["ids"], packed["lengths"]
    (array([  5,   6, 255], dtype=uint8), array([2, 0, 1], dtype=int32))
    """
    flat = TokenRows.of(rows)
    ids = np.asarray(flat.values[:])
    most = int(ids.max(initial=0))
    kind = next(kind for kind in _KINDS if most <= np.iinfo(kind).max)
    return {"ids": ids.astype(kind), "lengths": flat.lengths.astype(np.int32)}


def unpacked_rows(arrays: Mapping[str, NDArray[Any]], most: int) -> TokenRows:
    """Return the rows that were packed, whose ids are below ``most``.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays are not of that kind, or do not fit together.

    >>> unpacked_rows(packed_rows([[5, 6], [], [255]]), 256)[2].tolist()
    [255]
    """
    kind = arrays["ids"].dtype
    if kind not in _KINDS:
        raise ValueError(f"ids are {kind}")
    ids = array_of(arrays, "ids", kind, [None])
    lengths = array_of(arrays, "lengths", np.int32, [None])
    ends = ends_of(lengths)
    if (lengths < 0).any() or ends[-1] != len(ids):
        raise ValueError(f"lengths sum to {ends[-1]}, not {len(ids)}")
    if len(ids) and not 0 <= ids.min() <= ids.max() < most:
        raise ValueError(f"ids are not from 0 to {most - 1}")
    return TokenRows(ids, ends)
