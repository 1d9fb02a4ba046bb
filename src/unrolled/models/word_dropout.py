"""Word dropout: tokens that are hidden in training, so that no single one is relied upon."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrolled.core.layer import Layer
from unrolled.core.noise import NoiseState, checked_probability, draw_seeds, keep_mask
from unrolled.core.seq import Seq


class WordDropout(Layer):
    """Replace each token by the unknown one with probability p in training.

    Iyyer et al. 2015, Deep unordered composition rivals syntactic methods; as a function of (seed, position), so that
    the laws hold in training too.

    Args:
        p: probability to hide a token.
        unknown: its id, which also teaches the network what to make of words that it has never seen.

    >>> ids = torch.tensor([[5, 6, 7]])
    >>> WordDropout(0.5, unknown=1).eval()(ids)[0].tolist()
    [[5, 6, 7]]
    """

    state_type = NoiseState

    def __init__(self, p: float, unknown: int) -> None:
        super().__init__()
        self.p, self.unknown = checked_probability(p), unknown

    def extra_repr(self) -> str:
        return f"p={self.p}, unknown={self.unknown}"

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> NoiseState:
        seed = draw_seeds(batch, device)
        return NoiseState(seed, torch.zeros_like(seed))

    def unroll(self, xs: Seq, state: NoiseState) -> tuple[Seq, NoiseState]:
        places = state.position[:, None] + torch.arange(xs.steps, device=state.position.device)
        ys = xs.with_data(self._hide(xs.first, state.seed, places))
        lengths = xs.row_lengths.to(state.position.device)
        return ys, NoiseState(state.seed, state.position + lengths)

    def step(self, x: Tensor, state: NoiseState) -> tuple[Tensor, NoiseState]:
        y = self._hide(x, state.seed, state.position)
        return y, NoiseState(state.seed, state.position + 1)

    def _hide(self, ids: Tensor, seed: Tensor, place: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return ids
        keep = keep_mask(seed, place, 1, self.p).squeeze(-1)
        return ids.masked_fill(~keep, self.unknown)
