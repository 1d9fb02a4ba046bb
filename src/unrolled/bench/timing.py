"""Two contestants by turns in one run, and how many times as long one takes: the median over pairs and its interval.

Whatever else the machine does meets both sides of a pair. The order within a pair alternates (A B, B A, ...), so neither
always finds the caches that the other has left.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
PAIRS = 21
CLEAR = 1.3
"""A ratio whose interval lies above this, or below its inverse, may be left after `FEWEST` pairs when time is up."""

FEWEST = 5
LEAST_SECONDS = 2e-3
"""A sample repeats a call that is shorter than this."""


@dataclass(frozen=True)
class Ratio:
    """The median over pairs of theirs / ours, and the ends of its bootstrap 95 % interval."""

    value: float
    low: float
    high: float

    def inverse(self, scale: float = 1.0) -> Ratio:
        """Return ours / theirs, times ``scale``."""
        return Ratio(scale / self.value, scale / self.high, scale / self.low)

    def as_json(self) -> dict[str, float]:
        return {"ratio": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Duel:
    """What alternating pairs gave: the ratio theirs / ours, the median seconds of each side, and the number of pairs."""

    ratio: Ratio
    ours: float
    theirs: float
    pairs: int

    def as_json(self) -> dict[str, Any]:
        return {
            **self.ratio.as_json(),
            "ours_seconds": self.ours,
            "seconds": self.theirs,
            "pairs": self.pairs,
        }


def duel(
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    *,
    pairs: int = PAIRS,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> Duel:
    """Time two callables in alternating pairs.

    Args:
        ours: the first of the first pair; both have run once before, unmeasured.
        theirs: what it is compared with.
        pairs: how many.
        seconds: time after which fewer pairs are enough, if the ratio is clear by then: at least `FEWEST`, and an interval
            that does not reach `CLEAR`.
        clock: gives seconds.
    """
    repeats = [_repeats(side, clock) for side in (ours, theirs)]
    sides = (ours, theirs)
    taken: tuple[list[float], list[float]] = ([], [])
    began = clock()
    with _without_collection():
        for pair in range(pairs):
            for side in (0, 1) if pair % 2 == 0 else (1, 0):
                taken[side].append(_sample(sides[side], repeats[side], clock))
            enough = pair + 1 >= FEWEST and clock() - began > seconds
            if enough and _is_clear(ratio_of(*taken)):
                break
    return Duel(ratio_of(*taken), _median(taken[0]), _median(taken[1]), len(taken[0]))


def ratio_of(ours: ArrayLike, theirs: ArrayLike, *, seed: int = 0) -> Ratio:
    """Return the median of theirs / ours over pairs, with its bootstrap 95 % interval (percentiles).

    >>> ratio_of([1.0, 2.0, 1.0], [2.0, 4.0, 2.0])
    Ratio(value=2.0, low=2.0, high=2.0)
    """
    ratios = np.asarray(theirs, dtype=np.float64) / np.asarray(ours, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(len(ratios), size=(RESAMPLES, len(ratios)))
    low, high = np.quantile(np.median(ratios[drawn], axis=1), [0.025, 0.975])
    return Ratio(_median(ratios), float(low), float(high))


def _is_clear(ratio: Ratio) -> bool:
    return ratio.low > CLEAR or ratio.high < 1 / CLEAR


def _repeats(call: Callable[[], Any], clock: Callable[[], float]) -> int:
    """Warm up, and return how many calls make a sample long enough."""
    call()
    once = _sample(call, 1, clock)
    return max(1, math.ceil(LEAST_SECONDS / max(once, 1e-6)))


def _sample(call: Callable[[], Any], repeats: int, clock: Callable[[], float]) -> float:
    began = clock()
    for _ in range(repeats):
        call()
    return (clock() - began) / repeats


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python's garbage collector from running inside a sample."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _median(values: NDArray[np.float64] | list[float]) -> float:
    return float(np.median(values))
