"""How many tags, or spans, are right, and how far that share would move with other sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from unrolled.data.tag_schemes import spans_of
from unrolled.errors import ShapeError

Tags = Sequence[Sequence[str]]


def span_f1(reference: Tags, predicted: Tags) -> float:
    """Return twice the spans that both have over the spans of both; 1 where neither has any.

    >>> span_f1([["B-PER", "O"]], [["B-PER", "B-LOC"]])
    0.6666666666666666
    """
    right = wanted = 0
    for true, found in zip(reference, predicted, strict=True):
        own, other = set(spans_of(true)), set(spans_of(found))
        right, wanted = right + len(own & other), wanted + len(own) + len(other)
    return 2 * right / wanted if wanted else 1.0


def right_share(reference: Tags, predicted: Tags) -> float:
    """Return the share of the tags that are right; 1 where there are none.

    >>> right_share([["D", "N"]], [["D", "V"]])
    0.5
    """
    pairs = [
        a == b
        for true, found in zip(reference, predicted, strict=True)
        for a, b in zip(true, found, strict=True)
    ]
    return sum(pairs) / len(pairs) if pairs else 1.0


def ratio_interval(
    above: ArrayLike, below: ArrayLike, *, samples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of sum(above) / sum(below).

    N sentences are drawn with replacement from the N given ones, ``samples`` times; the interval holds the middle 95 %
    of the ratios of the draws. Tokens of one sentence are not drawn apart, for they are right or wrong together. Accuracy
    is right tokens over tokens; F1 is twice the right spans over the spans of both sides. Efron & Tibshirani (1993), An
    introduction to the bootstrap.

    Args:
        above: (N,) of each sentence.
        below: (N,) of each sentence.
        samples: draws.
        seed: of the draws.

    Raises:
        ShapeError: the two differ in length, or are empty.

    >>> low, high = ratio_interval([9, 10, 8] * 30, [10] * 90)
    >>> round(low, 2), round(high, 2)
    (0.88, 0.92)
    """
    counts = np.stack([np.asarray(above, np.float64), np.asarray(below, np.float64)], -1)
    if counts.ndim != 2 or not len(counts):
        raise ShapeError(
            f"counts of shape {counts.shape[:-1]}", expected="(N,), a sentence at least"
        )
    random = np.random.default_rng(seed)
    drawn = np.empty(samples)
    for sample in range(samples):
        times = np.bincount(random.integers(len(counts), size=len(counts)), minlength=len(counts))
        top, bottom = times @ counts
        # Draws without a span have none that is wrong.
        drawn[sample] = top / bottom if bottom else 1.0
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
