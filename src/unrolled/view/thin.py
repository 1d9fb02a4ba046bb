"""Thinning long lines: fewer points, the same picture.

The line is cut into stretches and from each the lowest and the highest point stay, so that a spike
one step wide is still there. Where a stretch holds a gap, one of its points stays as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LIMIT = 2000
"""Points beyond which a line is thinned: about two for every pixel column of a wide screen."""


def kept_points(low: Array, high: Array | None = None, limit: int = LIMIT) -> NDArray[np.int64]:
    """Return the indices that stay, in order, of a line (``low``) or of the band up to ``high``.

    The first and the last point, the lowest and the highest of every stretch, and its first gap stay.
    Up to ``limit`` points all do.
    """
    high = low if high is None else high
    if len(low) <= limit:
        return np.arange(len(low))
    stretches = limit // 2
    edges = np.linspace(0, len(low), stretches + 1).astype(np.int64)[:-1]
    owner = np.repeat(np.arange(stretches), np.diff(np.append(edges, len(low))))
    broken = ~(np.isfinite(low) & np.isfinite(high))
    lowest = _first_where(low == _extreme(np.minimum, low, edges, np.inf)[owner], owner)
    highest = _first_where(high == _extreme(np.maximum, high, edges, -np.inf)[owner], owner)
    gaps = _first_where(broken, owner)
    return np.unique(np.concatenate([[0], lowest, highest, gaps, [len(low) - 1]]))


def _extreme(choose: np.ufunc, values: Array, edges: NDArray[np.int64], missing: float) -> Array:
    filled = np.where(np.isfinite(values), values, missing)
    found: Array = choose.reduceat(filled, edges)
    return found


def _first_where(wanted: NDArray[np.bool_], owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first index of every stretch where ``wanted`` holds; stretches without one give none."""
    places = np.flatnonzero(wanted)
    _, first = np.unique(owner[places], return_index=True)
    return places[first]
