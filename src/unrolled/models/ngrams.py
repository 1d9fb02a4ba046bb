"""A linear classifier of n-grams that reads token by token: the part of an answer that needs no order beyond n."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.layer import Layer
from unrolled.core.seq import Seq
from unrolled.core.tree import register

BEFORE = -1
"""What stands before the first token."""
SCALE = 10.0
"""Of the answer, so that weights of usual size can decide: a text's importances have length 1."""
_FACTOR, _SHIFT = 0x2545F4914F6CDD1D, 29
RARE_FROM = 1000
"""Training rows from which on an n-gram that is in one of them alone counts for nothing."""


@register
class NgramState(NamedTuple):
    """The sum of the weights so far (B, classes), of the squared importances (B, 1), and the tokens before (B, n - 1)."""

    total: Tensor
    squares: Tensor
    previous: Tensor


class NgramLinear(Layer):
    """Class scores from the n-grams read so far, each with a weight for every class and an importance.

        y_t = 10 sum_g i_g W_g / sqrt(sum_g i_g^2),   i_g = 1 + ln((1 + N) / (1 + N_g))

    over all n-grams g of 1 to ``order`` tokens that end at or before step t; N_g of the N training rows hold g
    (`weigh`). It is TF-IDF and logistic regression as a layer, but that an n-gram which comes again counts again in the
    root, so that what is kept has a fixed size. Tokens
    have a row of W each, longer n-grams share ``buckets`` rows by a hash (Weinberger et al. 2009, arXiv:0902.2206). An
    n-gram with an unknown token, or of which training rows hold none, counts for nothing.

    Args:
        vocabulary: number of tokens.
        classes: C.
        order: the longest n-gram, at least 1.
        buckets: rows for n-grams of two tokens and more.
        unknown: id of the unknown token.

    >>> layer = NgramLinear(vocabulary=10, classes=3, order=2, buckets=64)
    >>> layer.weigh([Seq(torch.tensor([[2, 3], [3, 4]]))])
    >>> layer(torch.tensor([[2, 3, 4]]))[0].shape
    torch.Size([1, 3, 3])
    """

    state_type = NgramState

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        order: int = 2,
        buckets: int = 2**16,
        unknown: int = 1,
    ) -> None:
        super().__init__()
        self.vocabulary, self.order, self.buckets, self.unknown = (
            vocabulary,
            order,
            buckets,
            unknown,
        )
        rows = vocabulary + (buckets if order > 1 else 0)
        self.weight = nn.Parameter(torch.zeros(rows, classes))
        self.importance: Tensor
        self.register_buffer("importance", torch.zeros(rows))

    def extra_repr(self) -> str:
        return f"vocabulary={self.vocabulary}, order={self.order}, buckets={self.buckets}"

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> NgramState:
        total = self.weight.new_zeros(batch, self.weight.shape[1])
        previous = torch.full((batch, self.order - 1), BEFORE, device=total.device)
        return NgramState(total, torch.zeros_like(total[:, :1]), previous)

    @torch.no_grad()
    def weigh(self, batches: Iterable[Seq]) -> None:
        """Count in how many training rows each n-gram stands, and set its importance by it."""
        held, total = np.zeros(len(self.weight), dtype=np.int64), 0
        for xs in batches:
            grams, known = self._grams(self.initial_state(xs.batch).previous, xs.first)
            known = known & xs.mask().unsqueeze(-1)
            # Each n-gram once a row.
            rows = torch.arange(xs.batch)[:, None, None] * len(self.weight)
            places = torch.unique((grams + rows)[known]) % len(self.weight)
            held += torch.bincount(places, minlength=len(held)).numpy()
            total += xs.batch
        least = 2 if total >= RARE_FROM else 1
        importance = np.where(held >= least, 1 + np.log((1 + total) / (1 + held)), 0.0)
        self.importance.copy_(torch.from_numpy(importance))

    def unroll(self, xs: Seq, state: NgramState) -> tuple[Seq, NgramState]:
        grams, importance = self._read(xs, state)
        added = (F.embedding(grams, self.weight) * importance.unsqueeze(-1)).sum(2)
        totals = state.total.unsqueeze(1) + added.cumsum(1)
        squares = state.squares.unsqueeze(1) + importance.square().sum(2, keepdim=True).cumsum(1)
        ys = xs.with_data(_scaled(totals, squares))
        return ys, self._after(xs, state, added.sum(1), importance)

    def absorb(self, xs: Seq, state: NgramState) -> NgramState:
        """Return the state after all steps, without what it was in between."""
        if xs.steps == 0:
            return state
        grams, importance = self._read(xs, state)
        flat = importance.flatten(1)
        added = F.embedding_bag(grams.flatten(1), self.weight, per_sample_weights=flat, mode="sum")
        return self._after(xs, state, added, importance)

    def value(self, state: NgramState) -> Tensor:
        """Return (B, classes) the scores of what has been read."""
        return _scaled(state.total, state.squares)

    def parts(self, xs: Seq) -> Tensor:
        """Return (B, T, order, classes): what the n-grams of 1, 2, ... tokens that end at each step add to y_T."""
        grams, importance = self._read(xs, self.initial_state(xs.batch))
        squares = importance.square().sum((1, 2))
        weighted = F.embedding(grams, self.weight) * importance.unsqueeze(-1)
        return _scaled(weighted, squares[:, None, None, None])

    def step(self, x: Tensor, state: NgramState) -> tuple[Tensor, NgramState]:
        state = self.absorb(Seq.padded(x.unsqueeze(1), None), state)
        return self.value(state), state

    def _read(self, xs: Seq, state: NgramState) -> tuple[Tensor, Tensor]:
        """Return rows of the weight (B, T, order) and their importance, 0 for padding."""
        grams, known = self._grams(state.previous, xs.first)
        known = known & xs.mask().unsqueeze(-1)
        return grams, self.importance[grams].masked_fill(~known, 0)

    def _grams(self, previous: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return for each step the n-grams that end there, by row of the weight, and which of them there are."""
        steps, back = ids.shape[1], self.order - 1
        tokens = torch.cat((previous, ids), 1)
        grams, known = [ids], [ids != self.unknown]
        mixed = ids
        for lag in range(1, self.order):
            before = tokens[:, back - lag : back - lag + steps]
            mixed = mixed * _FACTOR + before + 2
            grams.append(self.vocabulary + (mixed ^ (mixed >> _SHIFT)) % self.buckets)
            # Only one place before the first token: further back there is nothing to tell.
            after = tokens[:, back - lag + 1 : back - lag + 1 + steps]
            known.append(known[-1] & (before != self.unknown) & (after != BEFORE))
        return torch.stack(grams, -1), torch.stack(known, -1)

    def _after(self, xs: Seq, state: NgramState, added: Tensor, importance: Tensor) -> NgramState:
        squares = state.squares + importance.square().sum((1, 2)).unsqueeze(1)
        tokens = torch.cat((state.previous, xs.first), 1)
        places = xs.row_lengths.to(tokens.device)[:, None] + torch.arange(
            self.order - 1, device=tokens.device
        )
        return NgramState(state.total + added, squares, tokens.gather(1, places))


def _scaled(total: Tensor, squares: Tensor) -> Tensor:
    return SCALE * total / torch.where(squares == 0, 1.0, squares).sqrt()


def distinct_ngrams(rows: Iterable[NDArray[Any]], order: int, most: int) -> int:
    """Return about how many distinct n-grams of 2 to ``order`` tokens the rows hold, at most ``most``."""
    seen: set[int] = set()
    for row in rows:
        ids = np.asarray(row, dtype=np.int64)
        mixed = ids
        with np.errstate(over="ignore"):
            for lag in range(1, min(order, len(ids))):
                mixed = mixed[1:] * np.int64(_FACTOR) + ids[: len(ids) - lag]
                seen.update(mixed.tolist())
        if len(seen) >= most:
            return most
    return len(seen)
