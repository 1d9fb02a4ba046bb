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


@dataclass(frozen=True)
class Calibration:
    """By how much each quantile's distance from the median is stretched.

    A network is surer of itself on what it was trained on than it may be: on values that it has not seen, the share
    below the quantile q_p should be p. The distances d_p = q_p - median are multiplied by

        s_p = the quantile of (y - median) / d_p over the validation values, at p above the median, at 1 - p below

    which makes that so on the validation part. As in conformalised quantile regression, Romano et al. 2019,
    arXiv:1905.03222, with factors in place of offsets.

    Attributes:
        stretch: one factor for each of `LEVELS`; that of the median is 1.

    >>> y = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0))
    >>> narrow = torch.tensor([-0.98, -0.64, -0.34, 0.0, 0.34, 0.64, 0.98]).expand(1000, 1, 7)
    >>> calibration = Calibration.fit(narrow, y, torch.ones(1000, 1))
    >>> [round(factor) for factor in calibration.stretch]
    [2, 2, 2, 1, 2, 2, 2]
    """

    stretch: tuple[float, ...] = (1.0,) * len(LEVELS)

    @classmethod
    def fit(cls, quantiles: Tensor, target: Tensor, mask: Tensor) -> Calibration:
        """Fit on forecasts (N, H, Q), what came (N, H), and 1 where that is known (N, H)."""
        seen = mask > 0
        if int(seen.sum()) < LEAST_VALUES:
            return cls()
        values, found = target[seen].double().numpy(), quantiles[seen].double().numpy()
        median = found[:, MEDIAN]
        return cls(
            tuple(
                _stretch(level, values - median, found[:, i] - median)
                for i, level in enumerate(LEVELS)
            )
        )

    def __call__(self, quantiles: Tensor) -> Tensor:
        """Return the quantiles (..., Q), stretched and rising."""
        median = quantiles[..., MEDIAN : MEDIAN + 1]
        stretched = median + (quantiles - median) * torch.tensor(
            self.stretch, dtype=quantiles.dtype
        )
        return stretched.sort(-1).values


def _stretch(level: float, error: NDArray[np.float64], distance: NDArray[np.float64]) -> float:
    if level == LEVELS[MEDIAN]:
        return 1.0
    ratio = error / np.where(distance == 0, np.copysign(1e-12, level - 0.5), distance)
    factor = float(np.quantile(ratio, max(level, 1 - level)))
    return min(max(factor, NARROWEST), WIDEST)
