"""The rows that n-grams are counted in: bounded in number, and joined with what stands before and after a document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.flat_rows import FlatRows
from unrolled.data.token_rows import Ids, TokenRows
from unrolled.errors import InputError
from unrolled.models.token_ids import END


def joined(rows: TokenRows, vocabulary: int, *, documents: bool) -> Ids:
    """Return rows one after the other; ``vocabulary`` stands for the begin of each document, or of the text.

    Raises:
        InputError: an id is not in the vocabulary.

    >>> rows = TokenRows.of([[5, 6], [4]])
    >>> joined(rows, 8, documents=True).tolist(), joined(rows, 8, documents=False).tolist()
    ([8, 5, 6, 3, 8, 4, 3], [8, 5, 6, 4])
    """
    values = np.asarray(rows.values[:])
    wrong = np.flatnonzero((values < 0) | (values >= vocabulary))
    if len(wrong):
        row = int(np.searchsorted(rows.ends, wrong[0], side="right")) - 1
        raise InputError(
            f"there is no token {values[wrong[0]]}",
            where=f"rows[{row}]",
            expected=f"ids from 0 to {vocabulary - 1}",
        )
    if not documents:
        return np.concatenate([np.array([vocabulary], np.int32), values])
    whole = np.empty(len(values) + 2 * len(rows), np.int32)
    begins = rows.ends[:-1] + 2 * np.arange(len(rows))
    ends = begins + rows.lengths + 1
    within = np.ones(len(whole), bool)
    within[begins] = within[ends] = False
    whole[begins], whole[ends], whole[within] = vocabulary, END, values
    return whole


def bounded(rows: Sequence[ArrayLike], most: int, *, documents: bool, seed: int) -> TokenRows:
    """Return at most ``most`` tokens, of documents drawn at random or of the end of a text; a row that is cut keeps its end.

    >>> bounded([[4, 5, 6], [7, 8]], 3, documents=False, seed=0)[0].tolist()
    [6]
    """
    lengths = lengths_of(rows)
    if lengths.sum() <= most:
        return TokenRows.of(rows)
    count = len(rows)
    order = np.random.default_rng(seed).permutation(count) if documents else np.arange(count)[::-1]
    before = np.cumsum(lengths[order]) - lengths[order]
    room = np.zeros(count, np.int64)
    room[order] = np.clip(most - before, 0, lengths[order])
    return TokenRows.of(
        np.asarray(rows[row])[-room[row] :] for row in np.flatnonzero(room).tolist()
    )


def lengths_of(rows: Sequence[ArrayLike]) -> NDArray[np.int64]:
    """Return the length of each row, (N,), without a look at rows that know theirs.

    >>> lengths_of([[4, 5], []]).tolist()
    [2, 0]
    """
    if isinstance(rows, FlatRows):
        return rows.lengths
    return np.fromiter((len(np.asarray(row)) for row in rows), np.int64, len(rows))
