"""Which rows make a batch: shuffled, or bucketed by length or by tokens, as a function of (seed, epoch) alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Generic, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import InputError, OptionError

Batch = TypeVar("Batch")
Rows = NDArray[np.int64]

POOL = 50
"""Batches' worth of rows that are sorted by length together: enough for little padding, few enough to stay shuffled."""


def shuffled_batches(rows: int, batch_size: int, *, seed: int, epoch: int) -> list[Rows]:
    """Return the row numbers 0 ... rows-1 in random order, cut into batches; the last may be smaller.

    >>> [len(batch) for batch in shuffled_batches(10, 4, seed=0, epoch=0)]
    [4, 4, 2]
    """
    _check_batch_size(batch_size)
    order = np.random.default_rng((seed, epoch)).permutation(rows)
    return _cut(order, batch_size)


def length_buckets(
    lengths: ArrayLike, batch_size: int, *, seed: int, epoch: int, pool: int = POOL
) -> list[Rows]:
    """Return batches of rows of similar length, so that little is computed on padding.

    Rows are shuffled, sorted by length within pools of ``pool`` batches, cut into batches, and the batches shuffled.
    Every row is in exactly one batch. A step's loss is the mean over the valid items of its batch, so bucketing
    changes which rows meet in a batch and never how much an item of a batch counts.

    Args:
        lengths: (N,) steps of each row, 0 or more.
        batch_size: rows of a batch.
        seed: of the run.
        epoch: counted from 0.
        pool: batches' worth of rows that are sorted together.

    Raises:
        InputError: the lengths are not one whole number of at least 0 for every row.

    >>> lengths = [9, 1, 8, 2, 9, 1]
    >>> sorted(sorted(batch.tolist()) for batch in length_buckets(lengths, 2, seed=0, epoch=0))
    [[0, 4], [1, 5], [2, 3]]
    """
    _check_batch_size(batch_size)
    steps = _checked(lengths, (1,), "one whole number of at least 0 for every row")
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(steps))
    batches: list[Rows] = []
    for rows in _cut(order, batch_size * pool):
        batches += _cut(rows[np.argsort(steps[rows], kind="stable")], batch_size)
    return [batches[i] for i in random.permutation(len(batches))]


def token_batches(
    lengths: ArrayLike, tokens: int, *, seed: int, epoch: int, pool: int = POOL
) -> list[Rows]:
    """Return batches of rows of similar length that hold at most ``tokens`` tokens each, padding counted.

    Rows are shuffled, sorted by their longest sequence within pools of about ``pool`` batches, cut where one more row
    would pass the bound, and the batches shuffled. Every row is in exactly one batch; a row longer than the bound is
    alone in its batch.

    Args:
        lengths: (N,) tokens of each row; or (N, K) where a row is K sequences, as a source and its target: then
            B rows take B times the sum of the K longest.
        tokens: the most of a batch.
        seed: of the run.
        epoch: counted from 0.
        pool: batches' worth of rows that are sorted together.

    Raises:
        InputError: the lengths are not whole numbers of at least 0.

    >>> pairs = [[9, 8], [1, 2], [8, 9], [2, 1], [30, 30]]
    >>> sorted(sorted(batch.tolist()) for batch in token_batches(pairs, 40, seed=0, epoch=0))
    [[0, 2], [1, 3], [4]]
    """
    if tokens < 1:
        raise OptionError(f"tokens={tokens!r}", expected="a whole number of at least 1")
    expected = "whole numbers of at least 0, (N,) or (N, K)"
    sizes = _checked(lengths, (1, 2), expected)
    if not len(sizes):
        return []
    # An empty row takes room too, so that they do not all meet in one batch.
    sizes = np.maximum(sizes.reshape(len(sizes), -1), 1)
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(sizes))
    pools = np.cumsum(sizes[order].sum(1)) // (pool * tokens)
    batches: list[Rows] = []
    for rows in np.split(order, np.flatnonzero(np.diff(pools)) + 1):
        keys = sizes[rows]
        batches += _filled(rows[np.lexsort((*keys.T, keys.max(1)))], sizes, tokens)
    return [batches[i] for i in random.permutation(len(batches))]


def _filled(rows: Rows, sizes: NDArray[np.int64], tokens: int) -> list[Rows]:
    """Cut the rows, in their order, where one more would need more than ``tokens``."""
    starts: list[int] = []
    longest: list[int] = [0] * sizes.shape[1]
    for place, row in enumerate(sizes[rows].tolist()):
        longest = [*map(max, longest, row)]
        if not starts or (place + 1 - starts[-1]) * sum(longest) > tokens:
            starts.append(place)
            longest = row
    return np.split(rows, starts)[1:]


def _checked(lengths: ArrayLike, dimensions: tuple[int, ...], expected: str) -> NDArray[np.int64]:
    steps = np.asarray(lengths)
    wrong = steps.size and (steps.dtype.kind not in "iu" or (steps < 0).any())
    if steps.ndim not in dimensions or wrong:
        raise InputError(
            f"lengths of shape {steps.shape} and type {steps.dtype}", expected=expected
        )
    return steps


def _cut(rows: Rows, size: int) -> list[Rows]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise OptionError(f"batch_size={batch_size!r}", expected="a whole number of at least 1")


class BatchList(Sequence[Batch], Generic[Batch]):
    """The batches of one epoch, each made when it is asked for, so that a resumed run makes only those left to do.

    >>> batches = BatchList(shuffled_batches(4, 2, seed=0, epoch=0), lambda rows: rows * 10)
    >>> len(batches), sorted(int(row) for batch in batches for row in batch)
    (2, [0, 10, 20, 30])
    """

    def __init__(self, rows: Sequence[Rows], make: Callable[[Rows], Batch]) -> None:
        self.rows, self.make = rows, make

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Batch: ...

    @overload
    def __getitem__(self, index: slice) -> BatchList[Batch]: ...

    def __getitem__(self, index: int | slice) -> Batch | BatchList[Batch]:
        if isinstance(index, slice):
            return BatchList(self.rows[index], self.make)
        return self.make(self.rows[index])


def remaining(batches: Iterable[Batch], done: int) -> Iterator[Batch]:
    """Yield the batches after the first ``done``; those of a sequence are not even made.

    >>> list(remaining(iter("abc"), 1))
    ['b', 'c']
    """
    if isinstance(batches, Sequence):
        return (batches[index] for index in range(done, len(batches)))
    rest = iter(batches)
    next(itertools.islice(rest, done, done), None)
    return rest


def count(batches: Iterable[object]) -> int | None:
    """Return how many batches there are if that is known beforehand."""
    return len(batches) if isinstance(batches, Sized) else None
