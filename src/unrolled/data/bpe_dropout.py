"""BPE that leaves out merges at random, so that a model sees many ways to cut a word."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

VARIANTS = 32
"""Ways to cut one word that are drawn at most; then one of them is taken again."""


class BpeDropout:
    """Cuts words with each merge left out with probability ``dropout`` (Provilkov et al. 2020, arXiv:1910.13267).

    A merge that is left out may come back as long as another is made. The same seed and epoch, and the same words in
    the same order, give the same pieces.

    >>> merges = [("l", "o"), ("lo", "w")]
    >>> BpeDropout(merges, 0.0).cut("lower")
    ['low', 'e', 'r']
    >>> BpeDropout(merges, 1.0).cut("lower")
    ['l', 'o', 'w', 'e', 'r']
    """

    def __init__(
        self, merges: Iterable[Sequence[str]], dropout: float, seed: int = 0, epoch: int = 0
    ) -> None:
        self._ranks = {(left, right): rank for rank, (left, right) in enumerate(merges)}
        self._dropout = dropout
        self._random = random.Random(f"{seed} {epoch}")
        self._variants: dict[str, list[list[str]]] = {}

    def cut(self, word: str) -> list[str]:
        """Return the pieces of a word, drawn anew or, once there are `VARIANTS` of them, one of those drawn before."""
        variants = self._variants.setdefault(word, [])
        if len(variants) == VARIANTS:
            return variants[int(self._random.random() * VARIANTS)]
        variants.append(_merged(list(word), self._ranks, self._dropout, self._random.random))
        return variants[-1]


def _merged(
    pieces: list[str],
    ranks: Mapping[tuple[str, str], int],
    dropout: float,
    draw: Callable[[], float],
) -> list[str]:
    after = list(range(1, len(pieces) + 1))
    before = list(range(-1, len(pieces) - 1))
    heap: list[tuple[int, int, str, str]] = []
    left_out: list[tuple[int, int, str, str]] = []

    def offer(left: int, right: int) -> None:
        pair = (pieces[left], pieces[right])
        if pair in ranks:
            heapq.heappush(heap, (ranks[pair], left, *pair))

    for left in range(len(pieces) - 1):
        offer(left, left + 1)
    while heap:
        merge = heapq.heappop(heap)
        _, left, one, other = merge
        right = after[left]
        if pieces[left] != one or right == len(pieces) or pieces[right] != other:
            continue  # one of its pieces went into another merge
        if draw() < dropout:
            left_out.append(merge)
            continue
        pieces[left], pieces[right] = one + other, ""
        after[left] = after[right]
        if after[left] < len(pieces):
            before[after[left]] = left
            offer(left, after[left])
        if before[left] >= 0:
            offer(before[left], left)
        for again in left_out:
            heapq.heappush(heap, again)
        left_out.clear()
    return [piece for piece in pieces if piece]
