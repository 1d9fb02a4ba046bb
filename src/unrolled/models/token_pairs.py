"""Pairs of neighbouring tokens as features: in Chinese, two characters say much more of a word than one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.errors import ShapeError

NOTHING = -1
"""The key of no pair."""


class TokenPairs(nn.Module):
    """Features of a token and the one before it: a row of a table for each known pair, and one for all the others.

    Only what came before counts, so it may be read token by token; read backward, the next pair is known as well.

    Args:
        vocabulary: number of tokens; token 0 stands before the first.
        pairs: K, how many are known: to `know` is to be told which.
        embedding: features of a pair.

    >>> keys = frequent_pairs([[4, 5], [4, 5, 6]], vocabulary=10)
    >>> pairs = TokenPairs(10, len(keys), embedding=3)
    >>> pairs.know(keys)
    >>> pairs(torch.tensor([0, 4, 5]), torch.tensor([4, 5, 6])).shape
    torch.Size([3, 3])
    """

    def __init__(self, vocabulary: int, pairs: int, embedding: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.keys: Tensor
        self.register_buffer("keys", torch.full((pairs,), NOTHING))
        self.embedding = nn.Embedding(1 + pairs, embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def know(self, keys: Tensor) -> None:
        """Set which pairs are known, to the keys (K,) of `frequent_pairs`."""
        if keys.shape != self.keys.shape:
            raise ShapeError(f"{len(keys)} pairs", expected=f"{len(self.keys)}, as it was made for")
        self.keys.copy_(keys)

    def forward(self, before: Tensor, tokens: Tensor) -> Tensor:
        """Return features (..., embedding) of tokens (...) and of those before them (...)."""
        keys = before * self.vocabulary + tokens
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        known = self.keys[places] == keys
        return self.embedding(torch.where(known, places + 1, 0))


def frequent_pairs(
    rows: Iterable[NDArray[Any] | list[int]], vocabulary: int, least: int = 2, unknown: int = 1
) -> Tensor:
    """Return the keys (K,) of pairs of tokens that stand at least ``least`` times in the rows, none of them unknown.

    Rarer ones are left to the row of unknown pairs, which learns from them what to make of new ones.

    >>> frequent_pairs([[4, 5], [4, 5, 6]], vocabulary=10).tolist()
    [4, 45]
    """
    counts: Counter[int] = Counter()
    for row in rows:
        tokens = np.concatenate(([0], np.asarray(row, dtype=np.int64)))
        before, after = tokens[:-1], tokens[1:]
        known = (before != unknown) & (after != unknown)
        counts.update((before * vocabulary + after)[known].tolist())
    return torch.tensor(sorted(key for key, count in counts.items() if count >= least)).long()
