"""The n-grams of a text, counted by sorting, and the interpolated Kneser-Ney probabilities that follow from the counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ids = NDArray[np.int32]
Places = NDArray[np.int32]
"""Rows of a table; -1 where there is none."""


@dataclass
class Grams:
    """The G distinct n-grams of one order n; g numbers them.

    An n-gram is the (n-1)-gram before its last token, its context, and that token. None crosses the begin of a
    document, but may begin with it.

    Attributes:
        keys: (G,) int64, context x width + last token; rising.
        counts: (G,) int32, how often each occurs; 0 for the begin of a document by itself, which nothing predicts.
        begins: (G,) whether its first token is the begin of a document.
        continuations: (G,) int32, after how many distinct tokens each stands; how often it occurs where nothing can
            stand before it. Those of the highest order are its counts.
        contexts: the number of (n-1)-grams.
    """

    keys: NDArray[np.int64]
    counts: NDArray[np.int32]
    begins: NDArray[np.bool_]
    continuations: NDArray[np.int32]
    contexts: int


def count(ids: Ids, width: int, order: int) -> list[Grams]:
    """Return the n-grams of a text, of order 1 to ``order``.

    Args:
        ids: (T,), each below ``width``; ``width`` - 1 stands for the begin of a document.
        width: the number of tokens, the begin among them.
        order: the highest n.
    """
    levels: list[Grams] = []
    contexts, nodes = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int32)
    for n in range(1, order + 1):
        alive = np.flatnonzero(contexts >= 0)
        keys, counts, first, within = _distinct(_keys(contexts[alive], ids[alive], width))
        if n == 1:
            begins = keys == width - 1
            counts[begins] = 0
        else:
            lower = levels[-1]
            begins = lower.begins[keys // width]
            before = np.bincount(nodes[alive[first]], minlength=len(lower.keys))
            lower.continuations = np.where(lower.begins, lower.counts, before).astype(np.int32)
        levels.append(Grams(keys, counts, begins, counts, len(levels[-1].keys) if levels else 1))
        nodes = np.full(len(ids), -1, np.int32)
        nodes[alive] = within
        contexts = following(nodes, ids, width)
    return levels


def following(nodes: Places, ids: Ids, width: int) -> Places:
    """Return the context of each token, (T,): the n-gram that ends before it, -1 where a document begins."""
    contexts = np.full(len(nodes), -1, np.int32)
    contexts[1:] = nodes[:-1]
    contexts[ids == width - 1] = -1
    return contexts


def find(known: NDArray[np.int64], contexts: Places, ids: Ids, width: int) -> Places:
    """Return the n-gram of each context and token, (T,), among those with these keys."""
    found = np.full(len(ids), -1, np.int32)
    alive = np.flatnonzero(contexts >= 0)
    asked, _, _, within = _distinct(_keys(contexts[alive], ids[alive], width))
    if len(asked) and len(known):
        # Rising keys are found several times faster than in the order of the text.
        places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        places[known[places] != asked] = -1
        found[alive] = places[within]
    return found


class KneserNey:
    """Interpolated modified Kneser-Ney of one order, given the probabilities of the order below.

    p(w | h) = max(a(hw) - D(a(hw)), 0) / a(h) + b(h) p(w | h'), with a(h) the sum of a(hw) over w,
    b(h) = sum over w of D(a(hw)) / a(h), and h' = h without its first token; p(w | h) = p(w | h') where a(h) = 0.

    Args:
        grams: of that order.
        counts: (G,), a: the counts of the highest order, the continuations of any below.
        width: as `count` was given.
    """

    def __init__(self, grams: Grams, counts: NDArray[np.int32], width: int) -> None:
        self.keys, self.counts = grams.keys, counts
        self.discounts = discounts(counts)
        contexts = grams.keys // width
        taken = self.discounts[np.minimum(counts, 3)]
        self.totals = np.bincount(contexts, counts, grams.contexts).astype(np.int32)
        freed = np.bincount(contexts, taken, grams.contexts)
        self.backoff: Array = freed / np.maximum(self.totals, 1)

    def probability(self, contexts: Places, places: Places, lower: Array) -> Array:
        """Return p(w | h), (T,).

        Args:
            contexts: (T,), each h.
            places: (T,), each hw, among the n-grams.
            lower: (T,), p(w | h').
        """
        answer = lower.copy()
        known = np.flatnonzero(contexts >= 0)
        known = known[self.totals[contexts[known]] > 0]
        of = contexts[known]
        answer[known] *= self.backoff[of]
        there = places[known] >= 0
        counts = self.counts[places[known[there]]]
        kept = counts - self.discounts[np.minimum(counts, 3)]
        answer[known[there]] += kept / self.totals[of[there]]
        return answer


def discounts(counts: NDArray[np.int32]) -> Array:
    """Return D(0) = 0, D(1), D(2) and D(3), which is that of any higher count too, (4,).

    D(k) = k - (k + 1) Y n_(k+1) / n_k with Y = n_1 / (n_1 + 2 n_2), n_k the number of n-grams with count k. Where one of
    these numbers is 0, or the result is not above 0, the single discount Y of Kneser & Ney takes its place; 1/2 where
    n_1 = 0.

    >>> discounts(np.repeat([1, 2, 3, 4, 9], [6, 3, 2, 1, 1])).round(3).tolist()
    [0.0, 0.5, 1.0, 2.0]
    """
    of = np.bincount(np.minimum(counts, 5), minlength=6)[:5].astype(np.float64)
    single = of[1] / (of[1] + 2 * of[2]) if of[1] else 0.5
    found = np.zeros(4)
    for k in (1, 2, 3):
        estimate = k - (k + 1) * single * of[k + 1] / max(of[k], 1)
        found[k] = estimate if of[1] and of[k] and of[k + 1] and estimate > 0 else single
    return found


def tables(levels: Sequence[Grams], width: int) -> list[KneserNey]:
    """Return the probabilities of a model whose highest order is that of the last of ``levels``."""
    lower = [KneserNey(grams, grams.continuations, width) for grams in levels[:-1]]
    return [*lower, KneserNey(levels[-1], levels[-1].counts, width)]


def probabilities(smoothed: Sequence[KneserNey], ids: Ids, width: int) -> Array:
    """Return the probability of each token given those before it, (T,); of no use where a document begins."""
    contexts = np.zeros(len(ids), np.int32)
    answer = np.full(len(ids), 1.0 / (width - 1))
    for table in smoothed:
        places = find(table.keys, contexts, ids, width)
        answer = table.probability(contexts, places, answer)
        contexts = following(places, ids, width)
    return answer


def nats_by_order(levels: Sequence[Grams], ids: Ids, width: int) -> list[float]:
    """Return -log p of a text under the model of each highest order from 1 on."""
    targets = ids != width - 1
    contexts = np.zeros(len(ids), np.int32)
    lower, nats = np.full(len(ids), 1.0 / (width - 1)), []
    for grams in levels:
        places = find(grams.keys, contexts, ids, width)
        highest = KneserNey(grams, grams.counts, width).probability(contexts, places, lower)
        nats.append(-float(np.log(highest[targets]).sum()))
        if grams is not levels[-1]:
            table = KneserNey(grams, grams.continuations, width)
            lower = table.probability(contexts, places, lower)
        contexts = following(places, ids, width)
    return nats


def _keys(contexts: Places, ids: Ids, width: int) -> NDArray[np.int64]:
    return contexts.astype(np.int64) * width + ids


def _distinct(
    keys: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Return the distinct keys, rising; how often and where each occurs; and which of them each key is."""
    order = np.argsort(keys)
    rising = keys[order]
    new = np.ones(len(keys), bool)
    np.not_equal(rising[1:], rising[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    within = np.empty(len(keys), np.int32)
    within[order] = np.cumsum(new, dtype=np.int32) - 1
    counts = np.diff(starts, append=len(keys)).astype(np.int32)
    return rising[starts], counts, order[starts], within
