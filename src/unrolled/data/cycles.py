"""Which of the calendar's cycles a training part shows: what it does not show would only be learned by heart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.calendar import calendar_features

if TYPE_CHECKING:
    from unrolled.data.series import Panel, Series

Array = NDArray[np.float64]

SECONDS = {"hour": 3600, "day": 86_400, "week": 604_800, "month": 2_629_800, "year": 31_557_600}
"""Of the calendar's cycles, by the first word of their columns' names."""

LEAST_SHARE = 0.02
"""The least share of the variance that a cycle must explain in turns that it was not fitted on, when there are many."""

MOST_SERIES = 64


def shown_columns(panel: Panel, ends: ArrayLike) -> tuple[str, ...]:
    """Return the calendar's columns of the cycles that the first ``ends`` steps of the series show.

    What a cycle explains is the share of the variance, about the mean of one turn around each step, that its columns
    predict in every other turn when they are fitted on the rest. A random walk over ten years has a mean July; it does
    not tell what the next July is.
    """
    if panel.freq is None:
        return ()
    _, names = calendar_features(panel.series[0].times[:1], panel.freq)
    cycles: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        cycles.setdefault(name.partition("_")[0], []).append(column)
    left, whole = dict.fromkeys(cycles, 0.0), dict.fromkeys(cycles, 0.0)
    turns = dict.fromkeys(cycles, 0.0)
    for series, end in _some(panel, ends):
        table, _ = calendar_features(series.times[:end], panel.freq)
        for cycle, columns in cycles.items():
            steps = _steps(series, end, SECONDS[cycle])
            unexplained, total = _unexplained(series.target[:end], table[:, columns], steps)
            left[cycle] += unexplained
            whole[cycle] += total
            turns[cycle] = max(turns[cycle], end / max(steps, 1))
    shown = {c for c in cycles if whole[c] - left[c] > _least_share(turns[c]) * whole[c]}
    return tuple(name for name in names if name.partition("_")[0] in shown)


def shows_season(panel: Panel, ends: ArrayLike, season: int) -> bool:
    """Tell whether values about the mean of one season around them are like those a season before."""
    correlations, turns = [], 0.0
    for series, end in _some(panel, ends):
        apart = _about_turn(series.target[:end], season)
        now, before = apart[season:], apart[:-season]
        seen = np.isfinite(now) & np.isfinite(before)
        scale = np.square(now[seen]).mean() if seen.any() else 0.0
        if scale > 0:
            correlations.append(float((now[seen] * before[seen]).mean() / scale))
            turns = max(turns, end / season)
    # A correlation of r explains r squared of the variance.
    return bool(correlations) and float(np.mean(correlations)) > _least_share(turns) ** 0.5


def _least_share(turns: float) -> float:
    # In a few turns, waves that are chance agree with each other well enough.
    return max(LEAST_SHARE, 1 / turns) if turns else 1.0


def _some(panel: Panel, ends: ArrayLike) -> Iterator[tuple[Series, int]]:
    """Yield some of the series, spread evenly, and the end of each one's training part."""
    positions = np.asarray(ends, dtype=np.int64)
    count = min(len(panel.series), MOST_SERIES)
    for index in np.unique(np.linspace(0, len(panel.series) - 1, count).round().astype(np.int64)):
        if positions[index] > 1:
            yield panel.series[index], int(positions[index])


def _steps(series: Series, end: int, seconds: int) -> int:
    """Return how many steps of the series a cycle takes, to the nearest."""
    span = float(
        (series.times[end - 1] - series.times[0]).astype("timedelta64[s]").astype(np.int64)
    )
    return round(seconds * (end - 1) / span) if span > 0 else 0


def _about_turn(target: Array, steps: int) -> Array:
    """Return the values less the mean of what was observed in one turn around each; NaN near the ends."""
    half = steps // 2
    apart = np.full(len(target), np.nan)
    if steps < 2 or len(target) < 2 * steps:
        return apart
    seen = np.isfinite(target)
    sums = np.concatenate([[0.0], np.where(seen, target, 0.0).cumsum()])
    counts = np.concatenate([[0], seen.cumsum()])
    inside = np.arange(half, len(target) - steps + half + 1)
    first = inside - half
    mean = (sums[first + steps] - sums[first]) / np.maximum(
        counts[first + steps] - counts[first], 1
    )
    apart[inside] = target[inside] - mean
    return apart


def _unexplained(target: Array, features: NDArray[np.float32], steps: int) -> tuple[float, float]:
    """Return what is left of the variance in turns not fitted on, and the variance, in units of the latter."""
    apart = _about_turn(target, steps)
    seen = np.isfinite(apart)
    if not seen.any() or not (scale := float(np.square(apart[seen]).mean())) > 0:
        return 0.0, 0.0
    turn = np.arange(len(target)) // steps % 2
    inputs = np.column_stack([np.ones(len(target)), features])
    left = 0.0
    for side in (0, 1):
        fitted, asked = seen & (turn == side), seen & (turn != side)
        weights, *_ = np.linalg.lstsq(inputs[fitted], apart[fitted], rcond=None)
        left += float(np.square(apart[asked] - inputs[asked] @ weights).sum())
    return left / scale / int(seen.sum()), 1.0
