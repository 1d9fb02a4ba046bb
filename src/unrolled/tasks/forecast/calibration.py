"""What is mended of the network's distributions on the validation part, after training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.models.heads import LEVELS, MEDIAN

LEAST_VALUES = 100
NARROWEST, WIDEST = 0.5, 3.0
STANDARD_ERRORS = 2.0
"""By how many the gain over the last value must exceed 0: with fewer, it is as likely as not to be chance."""


@dataclass(frozen=True)
class Calibration:
    """By how much the median is trusted, and each quantile's distance from it stretched.

    Where a series is a random walk nothing beats its last value, and what a network has found in the training part is
    chance. The median becomes last + trust * (median - last), with the trust from 0 to 1 that has the least absolute
    error on the validation part; and with a trust of 0 unless that error is smaller than the last value's by more than
    `STANDARD_ERRORS` of the difference between them.

    A network is surer of itself on what it was trained on than it may be: on values that it has not seen, the share
    below the quantile q_p should be p. The distances d_p = q_p - median are multiplied by

        s_p = the quantile of (y - median) / d_p over the validation values, at p above the median, at 1 - p below

    which makes that so on the validation part. As in conformalised quantile regression, Romano et al. 2019,
    arXiv:1905.03222, with factors in place of offsets.

    Attributes:
        trust: in the median, against the last value observed.
        stretch: one factor for each of `LEVELS`; that of the median is 1.

    >>> y = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0))
    >>> narrow = torch.tensor([-0.98, -0.64, -0.34, 0.0, 0.34, 0.64, 0.98]).expand(1000, 1, 7)
    >>> calibration = Calibration.fit(narrow, y, torch.ones(1000, 1))
    >>> [round(factor) for factor in calibration.stretch]
    [2, 2, 2, 1, 2, 2, 2]
    """

    trust: float = 1.0
    stretch: tuple[float, ...] = (1.0,) * len(LEVELS)

    @classmethod
    def fit(
        cls,
        quantiles: Tensor,
        target: Tensor,
        weight: Tensor,
        blocks: NDArray[np.int64] | None = None,
    ) -> Calibration:
        """Fit on forecasts (N, H, Q) and what came (N, H), in windows centred on their last value.

        Args:
            quantiles: of the network.
            target: in the same scale.
            weight: (N, H) what an absolute error counts for; 0 where the target is not known.
            blocks: (N,) a number for windows whose errors go together, as they overlap; None = each by itself.
        """
        seen = weight > 0
        if int(seen.sum()) < LEAST_VALUES:
            return cls()
        trust = _trust(target, quantiles[..., MEDIAN], weight, blocks)
        values, found = target[seen].double().numpy(), quantiles[seen].double().numpy()
        median = found[:, MEDIAN]
        error = values - trust * median
        distances = found - median[:, None]
        stretch = (_stretch(p, error, distances[:, i]) for i, p in enumerate(LEVELS))
        return cls(trust, tuple(stretch))

    def __call__(self, quantiles: Tensor) -> Tensor:
        """Return the quantiles (..., Q) of centred windows, mended and rising."""
        median = quantiles[..., MEDIAN : MEDIAN + 1]
        stretch = torch.tensor(self.stretch, dtype=quantiles.dtype)
        return (self.trust * median + (quantiles - median) * stretch).sort(-1).values


def _trust(
    target: Tensor, median: Tensor, weight: Tensor, blocks: NDArray[np.int64] | None
) -> float:
    # The error is convex in the trust, so that the grid's best is next to the best of all.
    grid = np.linspace(0, 1, 21)
    each = [((target - t * median).abs() * weight).mean(1).double().numpy() for t in grid]
    best = int(np.argmin([errors.mean() for errors in each]))
    gain = each[0] - each[best]
    numbers = np.arange(len(gain)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    gains = np.bincount(numbers, gain) / np.bincount(numbers)
    if len(gains) < 2:
        return float(grid[best])
    standard_error = float(gains.std(ddof=1)) / len(gains) ** 0.5
    return float(grid[best]) if gains.mean() > STANDARD_ERRORS * standard_error else 0.0


def _stretch(level: float, error: NDArray[np.float64], distance: NDArray[np.float64]) -> float:
    if level == LEVELS[MEDIAN]:
        return 1.0
    ratio = error / np.where(distance == 0, np.copysign(1e-12, level - 0.5), distance)
    factor = float(np.quantile(ratio, max(level, 1 - level)))
    return min(max(factor, NARROWEST), WIDEST)
