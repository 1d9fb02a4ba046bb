"""Token embedding: a row of a table for each token, of which training may hide whole tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unrolled.core.noise import NoiseState, RowNoise, checked_probability, keep_mask
from unrolled.core.seq import Seq
from unrolled.kernels.parts import Part, register_parts


class TokenEmbedding(RowNoise):
    """The features of a token, x_t = E[token_t], with dropout of the table's rows in training.

    A token that is dropped is 0 wherever it stands in a row of the batch, and those that are kept are scaled by
    1 / (1 - p): which ones is a function of the row's seed and the token alone. Gal and Ghahramani 2016,
    arXiv:1512.05287, section 4.2; used for language models by Merity et al. 2018, arXiv:1708.02182.

    Args:
        vocabulary: number of tokens V; ids (B, T) are from 0 to V - 1.
        size: features of a token.
        dropout: probability p of dropping a token.

    Raises:
        OptionError: p is no probability below 1.

    >>> layer, ids = TokenEmbedding(10, 4, dropout=0.5), torch.tensor([[7, 2, 7]])
    >>> xs, state = layer(ids)
    >>> xs.shape, torch.equal(xs[:, 0], xs[:, 2])
    (torch.Size([1, 3, 4]), True)
    """

    every_step = False

    def __init__(self, vocabulary: int, size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.p = checked_probability(dropout)
        self.table = nn.Embedding(vocabulary, size)
        nn.init.normal_(self.table.weight, std=0.1)

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> NoiseState:
        return super().initial_state(batch, device=self.table.weight.device)

    def unroll(self, xs: Seq, state: NoiseState) -> tuple[Seq, NoiseState]:
        # Not what padding held: it may be no token.
        return super().unroll(xs.with_data(xs.data), state)

    def disturb(self, x: Tensor, seed: Tensor, place: Tensor) -> Tensor:
        features: Tensor = self.table(x)
        if not self.training or self.p == 0:
            return features
        keep = keep_mask(seed, x, 1, self.p)
        return features * keep.to(features.dtype).div_(1 - self.p)


register_parts(TokenEmbedding, lambda layer: [Part("table", layer.table)])
