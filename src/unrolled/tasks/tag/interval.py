"""How far a score would move with other test sentences of the same kind: a bootstrap over sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unrolled.errors import ShapeError


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
        raise ShapeError(f"counts of shape {counts.shape[:-1]}", expected="(N,), a sentence at least")
    random = np.random.default_rng(seed)
    drawn = np.empty(samples)
    for sample in range(samples):
        times = np.bincount(random.integers(len(counts), size=len(counts)), minlength=len(counts))
        top, bottom = times @ counts
        # Draws without a span have none that is wrong.
        drawn[sample] = top / bottom if bottom else 1.0
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
