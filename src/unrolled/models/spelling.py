"""Spelling: what a word looks like, read letter by letter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.core.layer import Layer
from unrolled.core.noise import NoiseState, SharedSeed
from unrolled.core.seq import Seq
from unrolled.core.tree import State
from unrolled.errors import OptionError, ShapeError
from unrolled.models.pooling import LastPool

_FACTOR = 0x2545F4914F6CDD1D


class Spelling(nn.Module):
    """Features of words from their letters: what a layer remembers after the last of them.

        s = [ahead_L, behind_1]   of   ahead, behind = layer(E[c_1], ..., E[c_L])

    for a bidirectional layer, h_L for one that is causal; 0 for a word without letters. Each distinct word of a call is
    read once. Ling et al. 2015, arXiv:1508.02096; Lample et al. 2016, arXiv:1603.01360.

    Args:
        layer: from ``embedding`` to ``width`` features, without noise of its own, since a word is read once for all its
            places.
        letters: size of the alphabet; letter 0 is none.
        embedding: features of a letter.
        width: features of a word.

    Raises:
        OptionError: the layer has noise.

    >>> from unrolled import LSTM, Bidirectional
    >>> spelling = Spelling(Bidirectional(LSTM(4, 3), LSTM(4, 3)), letters=20, embedding=4, width=6)
    >>> spelling(torch.tensor([[[5, 2, 9], [7, 0, 0]]])).shape
    torch.Size([1, 2, 6])
    """

    def __init__(self, layer: Layer, letters: int, embedding: int, width: int) -> None:
        super().__init__()
        if _has_noise(layer.initial_state(1)):
            raise OptionError(
                "a layer that reads letters drops some of its features",
                expected="one without noise",
                fix="make it without dropout; TagNetwork drops features of the words that come of it",
            )
        self.embedding = nn.Embedding(letters, embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.layer, self.width = layer, width
        self.pool = LastPool(width, both_ways=not layer.causal)

    def forward(self, letters: Tensor) -> Tensor:
        """Return features (..., width) of words (..., L), each of them letters and then zeros."""
        rows, places = distinct_rows(letters.flatten(0, -2))
        lengths = (rows != 0).sum(1).cpu()
        longest = int(lengths.max()) if len(rows) else 0
        words = Seq(rows[:, :longest], lengths)
        hidden, _ = self.layer(words.map(self.embedding))
        if hidden.sample.shape[-1] != self.width:
            raise ShapeError(
                f"the layer that reads letters gives {hidden.sample.shape[-1]} features",
                expected=f"{self.width}, the width it was announced with",
            )
        begun = self.pool.initial_state(len(rows), device=letters.device, dtype=hidden.sample.dtype)
        read = self.pool.value(self.pool.absorb(hidden, begun))
        return read.index_select(0, places).view(*letters.shape[:-1], self.width)


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows of whole numbers (N, L) in any order, and for each row which of them it is (N,).

    >>> distinct, places = distinct_rows(torch.tensor([[1, 2], [3, 4], [1, 2]]))
    >>> distinct[places].tolist(), len(distinct)
    ([[1, 2], [3, 4], [1, 2]], 2)
    """
    mixed = rows.new_zeros(len(rows))
    for column in rows.unbind(1):
        mixed = (mixed ^ (mixed >> 29)) * _FACTOR + column
    keys, places = torch.unique(mixed, return_inverse=True)
    one_of_each = torch.empty_like(keys).scatter_(
        0, places, torch.arange(len(rows), device=rows.device)
    )
    distinct = rows[one_of_each]
    if torch.equal(distinct[places], rows):
        return distinct, places
    found: tuple[Tensor, Tensor] = torch.unique(
        rows, dim=0, return_inverse=True
    )  # ten times slower
    return found


def _has_noise(state: State) -> bool:
    if isinstance(state, NoiseState | SharedSeed):
        return True
    return isinstance(state, tuple) and any(_has_noise(part) for part in state)
