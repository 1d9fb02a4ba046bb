"""What a cell's units have to say about themselves: their order by activity, likeness and the output, gates that are stuck."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SATURATED = 0.1
"""How near to an end of its range a gate must be to be called saturated there, as a share of the range."""
DEAD = 0.01
"""The share of what the layer's middle unit moves, below which a unit is dead."""


class Saturation(NamedTuple):
    """The share of a gate's values that lie at the lower and at the upper end of its range (Karpathy et al. 2016)."""

    low: float
    high: float


def bounds_of(values: Array) -> tuple[float, float] | None:
    """Return the range of a gate, told by its values: (0, 1), (-1, 1), or None for one that leaves both.

    >>> bounds_of(np.array([0.2, 0.9])), bounds_of(np.array([-0.5, 0.5])), bounds_of(np.array([3.0]))
    ((0.0, 1.0), (-1.0, 1.0), None)
    """
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    if not -1 <= low <= high <= 1:
        return None
    return (0.0, 1.0) if low >= 0 else (-1.0, 1.0)


def saturation(values: Array) -> Saturation | None:
    """Return how often a gate (T, U) is stuck at an end of its range; None for one without a range."""
    bounds = bounds_of(values)
    if bounds is None:
        return None
    low, high = bounds
    edge = SATURATED * (high - low)
    return Saturation(float((values < low + edge).mean()), float((values > high - edge).mean()))


def by_activity(values: Array) -> NDArray[np.int64]:
    """Return the units of (T, U), those that move most over time first."""
    return np.argsort(-values.std(axis=0), kind="stable")


def by_likeness(values: Array) -> NDArray[np.int64]:
    """Return the units of (T, U) in the order of a tree that joins what moves together: average linkage of 1 - correlation.

    >>> slow = np.linspace(0, 1, 20)
    >>> by_likeness(np.stack([slow, slow**2 - slow, 2 * slow], 1)).tolist()
    [1, 0, 2]
    """
    count = values.shape[1]
    if count < 3 or len(values) < 2:
        return np.arange(count)
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = 1 - _correlations(values, values)
    np.fill_diagonal(distances, 0)
    joined = linkage(squareform((distances + distances.T) / 2, checks=False), "average")
    return np.asarray(leaves_list(joined), dtype=np.int64)


def with_output(values: Array, output: Array) -> Array:
    """Return the correlation (U,) of every unit with one number a step (T,); 0 where either does not move.

    Steps at which the output is not known (NaN) are left out.
    """
    known = np.isfinite(output)
    if known.sum() < 2:
        return np.zeros(values.shape[1])
    return _correlations(values[known], output[known, None])[:, 0]


def dead_units(values: Array) -> list[int]:
    """Return the units of (T, U) that hardly move while the others do."""
    moves = np.ptp(values, axis=0) if len(values) else np.zeros(values.shape[1])
    middle = float(np.median(moves)) if moves.size else 0.0
    return [int(unit) for unit in np.flatnonzero(moves < DEAD * middle)] if middle else []


def change(before: Array, values: Array) -> Array:
    """Return how far the state moves at each step (T,): the norm of s_t - s_(t-1), over the root of U.

    ``before`` is the state (U,) that the first step of ``values`` (T, U) begins with.
    """
    moved = np.diff(np.concatenate((before[None], values)), axis=0)
    rooted: Array = np.sqrt((moved**2).mean(axis=1))
    return rooted


def _correlations(a: Array, b: Array) -> Array:
    """Return the correlations of the columns of (T, U) and (T, V); 0 of one that does not move."""

    def normal(values: Array) -> Array:
        away = values - values.mean(axis=0)
        norm = np.linalg.norm(away, axis=0)
        return np.divide(away, norm, out=np.zeros_like(away), where=norm > 1e-12)

    return np.clip(normal(a).T @ normal(b), -1.0, 1.0)
