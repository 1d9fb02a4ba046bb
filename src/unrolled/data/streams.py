"""Streams: one long text cut into rows that are read side by side, window after window, for truncated BPTT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.data.token_rows import Ids, ScratchIds, TokenRows
from unrolled.errors import InputError, OptionError


class StreamWindow(NamedTuple):
    """Some steps of all streams: tokens (B, T) int64, and the token after each of them (B, T) int64."""

    tokens: Tensor
    targets: Tensor


class TokenStreams:
    """A text as ``rows`` streams of equal length, for `fit` with ``carry``: what row b reads goes on in the next window.

    Every epoch begins at another place of the text, drawn from (seed, epoch), and reads it like a ring: so windows are
    cut elsewhere, and each token stands in other surroundings. The remainder that makes rows unequal is left out, another
    one in each epoch.

    Args:
        ids: token ids (N,), or `TokenRows`, whose rows are read one after the other.
        rows: streams B.
        steps: of a window, T; the last one of an epoch may have fewer.
        seed: of the places.

    Raises:
        InputError: fewer tokens than rows need, one and a target each.
        OptionError: rows or steps below 1.

    >>> streams = TokenStreams(np.arange(10), rows=2, steps=3)
    >>> windows = streams(0)
    >>> len(windows), [tuple(window.tokens.shape) for window in windows]
    (2, [(2, 3), (2, 1)])
    >>> first, second = windows
    >>> bool((first.targets[:, -1] == second.tokens[:, 0]).all())
    True
    """

    def __init__(
        self, ids: NDArray[np.integer] | TokenRows, rows: int, steps: int, *, seed: int = 0
    ) -> None:
        for name, value in (("rows", rows), ("steps", steps)):
            if value < 1:
                raise OptionError(f"{name}={value!r}", expected="a whole number of at least 1")
        self.ids: NDArray[np.integer] | ScratchIds = (
            ids.values if isinstance(ids, TokenRows) else ids
        )
        self.rows, self.steps, self.seed = rows, steps, seed
        self.tokens = int(self.ids.shape[0])
        self.row_steps = (self.tokens - 1) // rows
        """Steps of each row in an epoch."""
        if self.row_steps < 1:
            raise InputError(
                f"{self.tokens} tokens for {rows} streams",
                expected=f"at least {rows + 1} tokens",
                fix="give fewer rows, or more text",
            )

    def __call__(self, epoch: int) -> EpochWindows:
        """Return the windows of an epoch, in the order in which they must be read."""
        begin = int(np.random.default_rng((self.seed, epoch)).integers(self.tokens))
        return EpochWindows(self, begin)

    def ring(self, start: int, count: int) -> Ids:
        """Return ``count`` ids from ``start`` on; after the last comes the first."""
        start %= self.tokens
        ids = np.asarray(self.ids[start : start + count])
        return ids if len(ids) == count else np.concatenate((ids, self.ring(0, count - len(ids))))


class EpochWindows(Sequence[StreamWindow]):
    """The windows of one epoch, each made when it is asked for."""

    def __init__(self, streams: TokenStreams, begin: int) -> None:
        self.streams, self.begin = streams, begin

    def __len__(self) -> int:
        return math.ceil(self.streams.row_steps / self.streams.steps)

    @overload
    def __getitem__(self, index: int) -> StreamWindow: ...
    @overload
    def __getitem__(self, index: slice) -> list[StreamWindow]: ...
    def __getitem__(self, index: int | slice) -> StreamWindow | list[StreamWindow]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        of = self.streams
        start = range(len(self))[index] * of.steps
        steps = min(of.steps, of.row_steps - start)
        rows = (
            of.ring(self.begin + row * of.row_steps + start, steps + 1) for row in range(of.rows)
        )
        block = torch.from_numpy(np.stack(list(rows)).astype(np.int64))
        return StreamWindow(block[:, :-1], block[:, 1:])
