"""Noise as a function of (seed, position, unit), so that the laws hold in training mode too.

A mask drawn inside forward depends on how rows are ordered and where a sequence is split. Here the state carries a
seed and a position for every row, and whether a unit is dropped is a hash of the three: one pass, repeated steps,
any split and any order of rows see the same mask. Seeds are drawn by `initial_state`; `renew` draws new ones.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.core.layer import Layer
from unrolled.core.seq import Seq
from unrolled.core.tree import (
    State,
    Tree,
    leaves,
    rebuild,
    register,
)
from unrolled.errors import OptionError


@register
class NoiseState(NamedTuple):
    """Where the noise of every row stands: ``seed`` (B,) int64 and ``position`` (B,) int64, the steps so far.

    What is drawn once for all steps does not count them.
    """

    seed: Tensor
    position: Tensor


@register
class SharedSeed(NamedTuple):
    """One draw for all rows of a batch: ``seed`` (B,) int64, the same number in every row."""

    seed: Tensor


FEW_ROWS = 32
"""Rows for which Python draws numbers sooner than so many small operations of torch."""

_GOLDEN, _MIX_1, _MIX_2 = -1640531527, 0x7FEB352D, -2073254261


def _mix(bits: Tensor) -> Tensor:
    """Scramble int32 in place, so that each bit in flips half of the bits out (Mueller's and Wellons' lowbias32)."""
    bits ^= (bits >> 16) & 0xFFFF
    bits *= _MIX_1
    bits ^= (bits >> 15) & 0x1FFFF
    bits *= _MIX_2
    bits ^= (bits >> 16) & 0xFFFF
    return bits


def keep_mask(seed: Tensor, position: Tensor, units: int, p: float) -> Tensor:
    """Return which units are kept, each with probability 1 - p.

    Args:
        seed: (B,) int64.
        position: int64, (B,) for one step or (B, T) for many.
        units: number of units U.
        p: probability to drop, at least 0 and below 1.

    Returns:
        bool (B, U) or (B, T, U), a function of (seed, position, unit) alone.
    """
    row = _mix((seed ^ (seed >> 32)).to(torch.int32))
    row = row.view(row.shape + (1,) * (position.dim() - 1))
    place = _mix(row + position.to(torch.int32) * _GOLDEN)
    unit = torch.arange(units, dtype=torch.int32, device=seed.device) * _MIX_1
    # Not beyond int32, where the comparison would wrap round and keep everything.
    threshold = min(round(p * 2**32) - 2**31, 2**31 - 1)
    return _mix(place.unsqueeze(-1) + unit) >= threshold


def uniform(seed: Tensor, *places: Tensor) -> Tensor:
    """Return numbers (B,) float64 between 0 and 1, neither of them: a function of seed and places (B,) int64 alone.

    >>> numbers = uniform(torch.zeros(1000, dtype=torch.int64), torch.arange(1000))
    >>> 0.47 < float(numbers.mean()) < 0.53
    True
    """
    if len(seed) <= FEW_ROWS:
        rows = zip(seed.tolist(), *(place.tolist() for place in places), strict=True)
        numbers = [uniform_number(*row) for row in rows]
        return torch.tensor(numbers, dtype=torch.float64, device=seed.device)
    bits = _mix((seed ^ (seed >> 32)).to(torch.int32) + _GOLDEN)  # _mix leaves 0 as it is
    for place in places:
        bits = _mix(bits + place.to(torch.int32) * _GOLDEN)
    return (bits.to(torch.float64) + (2**31 + 0.5)) / 2**32


def uniform_number(seed: int, *places: int) -> float:
    """Return what `uniform` gives for one row.

    >>> rows = torch.arange(100)
    >>> uniform_number(3, 7) == float(uniform(torch.full_like(rows, 3), rows)[7])
    True
    """
    bits = _mix_number((seed ^ (seed >> 32)) + _GOLDEN)
    for place in places:
        bits = _mix_number(bits + place * _GOLDEN)
    return ((bits ^ 2**31) + 0.5) / 2**32


def _mix_number(bits: int) -> int:
    """Do as `_mix`, with one number of 32 bits without a sign."""
    bits &= 0xFFFFFFFF
    bits = ((bits ^ (bits >> 16)) * _MIX_1) & 0xFFFFFFFF
    bits = ((bits ^ (bits >> 15)) * _MIX_2) & 0xFFFFFFFF
    return bits ^ (bits >> 16)


def draw_seeds(batch: int, device: Any = None) -> Tensor:
    """Return (B,) int64 seeds from torch's global generator."""
    return torch.randint(2**62, (batch,), device=device)


def renew(state: State) -> State:
    """Return the state with newly drawn seeds, for the next pass over the data; positions go on.

    >>> renew(NoiseState(torch.tensor([1]), torch.tensor([5]))).position
    tensor([5])
    """
    if isinstance(state, NoiseState):
        return state._replace(seed=draw_seeds(len(state.seed), state.seed.device))
    if isinstance(state, SharedSeed):
        return SharedSeed(draw_seeds(1, state.seed.device).expand(len(state.seed)).clone())
    if isinstance(state, Tensor):
        return state
    return rebuild(state, [renew(part) for part in state])


def checked_probability(p: float) -> float:
    """Return p, or raise when it is no probability below 1."""
    if not 0 <= p < 1:
        raise OptionError(f"p={p!r}", expected="a probability, at least 0 and below 1")
    return p


class RowNoise(Layer):
    """Noise on each step of a row, a function of the row's seed and the step's position; a subclass writes `disturb`."""

    state_type = NoiseState
    every_step = True
    """Whether it is drawn for every step anew, or once for all; then the position stays where it is."""

    def disturb(self, x: Tensor, seed: Tensor, place: Tensor) -> Tensor:
        """Return x (B, ...) or (B, T, ...) with the noise of the places (B,), (B, T) or (B, 1)."""
        raise NotImplementedError

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> NoiseState:
        seed = draw_seeds(batch, device)
        return NoiseState(seed, torch.zeros_like(seed))

    def unroll(self, xs: Seq, state: NoiseState) -> tuple[Seq, NoiseState]:
        steps = torch.arange(xs.steps if self.every_step else 1, device=state.position.device)
        features = next(leaves(xs.ahead))
        ys = xs.with_data(self.disturb(features, state.seed, state.position[:, None] + steps))
        if not self.every_step:
            return ys, state
        lengths = xs.row_lengths.to(state.position.device)
        return ys, NoiseState(state.seed, state.position + lengths)

    def step(self, x: Tree, state: NoiseState) -> tuple[Tensor, NoiseState]:
        y = self.disturb(next(leaves(x)), state.seed, state.position)
        if not self.every_step:
            return y, state
        return y, NoiseState(state.seed, state.position + 1)


class Dropout(RowNoise):
    """Zero each feature with probability p in training and scale the rest by 1 / (1 - p).

    Args:
        p: probability to drop.
        locked: one mask for all steps of a row (variational dropout; Gal and Ghahramani 2016, arXiv:1512.05287)
            instead of one for each step (Srivastava et al. 2014, JMLR 15).

    >>> layer, xs = Dropout(0.5, locked=True), torch.ones(1, 2, 8)
    >>> ys, state = layer(xs, layer.initial_state(1))
    >>> bool((ys[:, 0] == ys[:, 1]).all())
    True
    """

    def __init__(self, p: float, locked: bool = False) -> None:
        super().__init__()
        self.p, self.locked = checked_probability(p), locked
        self.every_step = not locked

    def extra_repr(self) -> str:
        return f"p={self.p}, locked={self.locked}"

    def disturb(self, x: Tensor, seed: Tensor, place: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        features = x.shape[place.dim() :]
        position = torch.zeros_like(place) if self.locked else place
        keep = keep_mask(seed, position, math.prod(features), self.p)
        return x * keep.view(*place.shape, *features).to(x.dtype).div_(1 - self.p)
