"""Word dropout: tokens that are hidden in training, so that no single one is relied upon."""

from __future__ import annotations

from torch import Tensor

from unrolled.core.noise import RowNoise, checked_probability, keep_mask


class WordDropout(RowNoise):
    """Replace each token by the unknown one with probability p in training; id 0 is padding and stays.

    Iyyer et al. 2015, Deep unordered composition rivals syntactic methods; as a function of (seed, position), so that
    the laws hold in training too.

    Args:
        p: probability to hide a token.
        unknown: its id, which also teaches the network what to make of words that it has never seen.

    >>> import torch
    >>> ids = torch.tensor([[5, 6, 7]])
    >>> WordDropout(0.5, unknown=1).eval()(ids)[0].tolist()
    [[5, 6, 7]]
    """

    def __init__(self, p: float, unknown: int) -> None:
        super().__init__()
        self.p, self.unknown = checked_probability(p), unknown

    def extra_repr(self) -> str:
        return f"p={self.p}, unknown={self.unknown}"

    def disturb(self, x: Tensor, seed: Tensor, place: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        keep = keep_mask(seed, place, 1, self.p).squeeze(-1)
        return x.masked_fill(~keep & (x != 0), self.unknown)
