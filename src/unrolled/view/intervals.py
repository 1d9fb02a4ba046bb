"""How surely a share is known from so many rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

USUAL = 1.96
"""Standard errors of a 95 % interval."""


def share_interval(
    successes: ArrayLike, counts: ArrayLike, z: float = USUAL
) -> tuple[Array, Array]:
    """Return the low and high ends of the interval of a share; NaN where there are no rows.

    Wilson (1927), Probable inference, the law of succession, and statistical inference: with p = k / n

        centre = (p + z^2 / 2n) / (1 + z^2 / n)    half width = z sqrt(p (1 - p) / n + z^2 / 4n^2) / (1 + z^2 / n)

    It stays within 0 and 1 and has a width where all rows or none succeed, unlike p +- z sqrt(p (1 - p) / n).

    >>> low, high = share_interval([8, 0], [10, 10])
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.49, 0.0], [0.94, 0.28])
    """
    given = np.asarray(counts, dtype=np.float64)
    n = np.where(given > 0, given, np.nan)
    p = np.asarray(successes, dtype=np.float64) / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
