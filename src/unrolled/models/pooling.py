"""Pooling: one vector of a sequence of any length, at every step that of what has been read so far.

A pool is a cell: what it keeps is all that it needs of the steps before. So a classifier that pools can be fed token by
token, and its answer after the last one is that of one pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.layer import Cell, first_weight
from unrolled.core.seq import Seq
from unrolled.core.tree import State, keep_rows, register

BOTTOM = -math.inf


class Pool(Cell):
    """Pools sequences of ``size`` features; a subclass writes how steps are absorbed and what the value is.

    The value of a row without steps is 0.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.hidden_size = size

    def absorb(self, xs: Seq, state: State) -> State:
        """Return the state after all steps of xs (B, T, size), without what it was in between."""
        raise NotImplementedError

    def value(self, state: State) -> Tensor:
        """Return (B, size) the pooled vector."""
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        state = self.absorb(Seq.padded(x.unsqueeze(1), None), state)
        return self.value(state), state

    def _full(self, batch: int, width: int, value: float, device: Any, dtype: Any) -> Tensor:
        weight = first_weight(self)
        if weight is not None:
            device, dtype = weight.device, dtype or weight.dtype
        return torch.full((batch, width), value, device=device, dtype=dtype)


@register
class LastState(NamedTuple):
    """The last step so far (B, size)."""

    last: Tensor


class LastPool(Pool):
    """The last step, h_T.

    Args:
        size: features.
        both_ways: the second half of the features was read backward, and ends at the first step.

    >>> xs = torch.tensor([[[1.0], [5.0], [3.0]]])
    >>> LastPool(1)(xs)[0].flatten().tolist()
    [1.0, 5.0, 3.0]
    """

    state_type = LastState

    def __init__(self, size: int, both_ways: bool = False) -> None:
        super().__init__(size)
        self.both_ways = both_ways

    @property
    def causal(self) -> bool:
        return not self.both_ways

    def unroll(self, xs: Seq, state: LastState) -> tuple[Seq, LastState]:
        if not self.both_ways or xs.steps == 0:
            return super().unroll(xs, state)
        half = self.hidden_size // 2
        ended = xs.first[:, :1, half:].expand(-1, xs.steps, -1)
        ys = xs.with_data(torch.cat((xs.first[..., :half], ended), -1))
        return ys, self.absorb(xs, state)

    def absorb(self, xs: Seq, state: LastState) -> LastState:
        if xs.steps == 0:
            return state
        last: Tensor = xs.last()
        if self.both_ways:
            half = self.hidden_size // 2
            last = torch.cat((last[:, :half], xs.first[:, 0, half:]), -1)
        if xs.shortest == 0:
            last = keep_rows((xs.row_lengths > 0).to(last.device), last, state.last)
        return LastState(last)

    def value(self, state: LastState) -> Tensor:
        return state.last


@register
class MeanState(NamedTuple):
    """The sum of the steps so far (B, size) and how many they are (B, 1)."""

    total: Tensor
    steps: Tensor


class MeanPool(Pool):
    """The mean of the steps, 1 / T sum_t h_t.

    >>> xs = torch.tensor([[[1.0], [5.0], [3.0]]])
    >>> MeanPool(1)(xs)[0].flatten().tolist()
    [1.0, 3.0, 3.0]
    """

    state_type = MeanState

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> MeanState:
        total = self._full(batch, self.hidden_size, 0.0, device, dtype)
        return MeanState(total, torch.zeros_like(total[:, :1]))

    def absorb(self, xs: Seq, state: MeanState) -> MeanState:
        # The padding of a Seq is 0.
        lengths = xs.row_lengths.to(state.steps).unsqueeze(1)
        return MeanState(state.total + xs.first.sum(1), state.steps + lengths)

    def value(self, state: MeanState) -> Tensor:
        return state.total / state.steps.clamp(min=1)


@register
class MaxState(NamedTuple):
    """The largest value so far of every feature (B, size); -inf before the first step."""

    largest: Tensor


class MaxPool(Pool):
    """The largest value of every feature, max_t h_t (Collobert et al. 2011, JMLR 12).

    >>> xs = torch.tensor([[[1.0], [5.0], [3.0]]])
    >>> MaxPool(1)(xs)[0].flatten().tolist()
    [1.0, 5.0, 5.0]
    """

    state_type = MaxState

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> MaxState:
        return MaxState(self._full(batch, self.hidden_size, BOTTOM, device, dtype))

    def absorb(self, xs: Seq, state: MaxState) -> MaxState:
        if xs.steps == 0:
            return state
        steps = xs.first
        if xs.shortest < xs.steps:
            steps = steps.masked_fill(~xs.mask().unsqueeze(-1), BOTTOM)
        return MaxState(torch.maximum(state.largest, steps.amax(1)))

    def value(self, state: MaxState) -> Tensor:
        return torch.where(state.largest == BOTTOM, 0.0, state.largest)


@register
class AttentionState(NamedTuple):
    """The largest score so far (B, 1), and relative to it the sum of the weights (B, 1) and of the steps (B, size)."""

    peak: Tensor
    weight: Tensor
    total: Tensor


class AttentionPool(Pool):
    """A mean weighted by what the steps say: a_t = softmax_t(v tanh(W h_t + b)), sum_t a_t h_t.

    Yang et al. 2016, Hierarchical attention networks for document classification. Step by step the softmax is kept
    relative to the largest score so far.

    >>> AttentionPool(4)(torch.randn(2, 3, 4))[0].shape
    torch.Size([2, 3, 4])
    """

    state_type = AttentionState

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.project = nn.Linear(size, size)
        self.score = nn.Linear(size, 1, bias=False)

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> AttentionState:
        total = self._full(batch, self.hidden_size, 0.0, device, dtype)
        weight = torch.zeros_like(total[:, :1])
        return AttentionState(torch.full_like(weight, BOTTOM), weight, total)

    def absorb(self, xs: Seq, state: AttentionState) -> AttentionState:
        if xs.steps == 0:
            return state
        padding = ~xs.mask()
        scores = self.score(self.project(xs.first).tanh()).squeeze(-1).masked_fill(padding, BOTTOM)
        peak = torch.maximum(state.peak, scores.amax(1, keepdim=True))
        # A row without steps yet has no peak: -inf - -inf would be NaN.
        level = torch.where(peak == BOTTOM, 0.0, peak)
        before, weights = (state.peak - level).exp(), (scores - level).exp()
        return AttentionState(
            peak,
            state.weight * before + weights.sum(1, keepdim=True),
            state.total * before + torch.einsum("bt,btd->bd", weights, xs.first),
        )

    def value(self, state: AttentionState) -> Tensor:
        return state.total / torch.where(state.weight == 0, 1.0, state.weight)


POOLS: Mapping[str, type[Pool]] = {
    "last": LastPool,
    "mean": MeanPool,
    "max": MaxPool,
    "attention": AttentionPool,
}
"""The pools by name."""
