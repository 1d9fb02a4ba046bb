"""Look-back, seasons and segment of a forecaster, from the frequency and the length of the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.data.calendar import Frequency, default_season, default_seasons
from unrolled.data.cycles import shows_season
from unrolled.data.series import Panel
from unrolled.data.windows import WindowShape
from unrolled.errors import OptionError
from unrolled.tasks.forecast.settings import ForecastSettings

LONGEST_LOOKBACK = 504
"""Three weeks of hours. Longer ones cost time and seldom say more."""
LONGEST_SEGMENT = 48
SHORTEST_LOOKBACK = 12

_SEASONS_BACK = {"day": 12, "business day": 12, "week": 2, "month": 3, "quarter": 4}
"""How many of its usual seasons the look-back of a frequency holds; as many as fit into the longest elsewhere."""


def choose_shape(settings: ForecastSettings, panel: Panel) -> WindowShape:
    """Return look-back, horizon and seasons for a panel.

    The look-back is some usual seasons of the frequency (three weeks of hours, twelve weeks of days, three years of
    months), at least twice the horizon, and never more than a third of the training part, so that windows remain.

    Args:
        settings: what was given.
        panel: of which only the training part is looked at.
    """
    freq = panel.freq
    ends = np.array([training_end(settings, len(series)) for series in panel.series])
    length = int(np.median(ends))
    seasons = choose_seasons(settings, panel, ends)
    if settings.lookback is not None:
        return WindowShape(settings.lookback, settings.horizon, seasons)
    usual = _usual_season(seasons, freq)
    if usual == 1:
        wanted = 16
    else:
        wanted = usual * _SEASONS_BACK.get(freq.unit if freq else "", LONGEST_LOOKBACK // usual)
    wanted = max(wanted, 2 * settings.horizon, SHORTEST_LOOKBACK)
    lookback = max(
        min(wanted, LONGEST_LOOKBACK, length // 3), min(length // 2, settings.horizon), 1
    )
    # Whole seasons, or whole segments: part of a segment would be filled up with steps that say nothing.
    segment = choose_segment(settings, freq, WindowShape(lookback, settings.horizon, seasons))
    whole = max((s for s in (segment, *seasons) if s <= lookback and s % segment == 0), default=1)
    return WindowShape(lookback - lookback % whole, settings.horizon, seasons)


def training_end(settings: ForecastSettings, length: int) -> int:
    """Return how many of a series' steps are its training part, at least half where it is very short."""
    held_out = settings.part("validation", length) + settings.part("test", length)
    return max(length - held_out, length // 2)


def choose_seasons(
    settings: ForecastSettings, panel: Panel, ends: NDArray[np.int64]
) -> tuple[int, ...]:
    """Return the given seasons, or the usual one, and then those of the calendar that the training part shows."""
    usual, *longer = default_seasons(panel.freq)
    given = settings.seasons or (usual,)
    more = [s for s in (usual, *longer) if s not in given and shows_season(panel, ends, s)]
    return (*given, *more)


def choose_segment(settings: ForecastSettings, freq: Frequency | None, shape: WindowShape) -> int:
    """Return the steps that are read at once: the usual season, or a part of it where that is long.

    Raises:
        OptionError: the given segment is longer than the look-back.
    """
    if settings.segment is not None:
        if settings.segment > shape.lookback:
            raise OptionError(
                f"segment={settings.segment} is longer than the look-back of {shape.lookback} steps"
            )
        return settings.segment
    usual = _usual_season(shape.seasons, freq)
    if usual == 1:
        return max(1, min(shape.lookback // 8, LONGEST_SEGMENT))
    if usual > LONGEST_SEGMENT:
        usual = max(part for part in range(1, LONGEST_SEGMENT + 1) if usual % part == 0)
    return min(usual, shape.lookback)


def _usual_season(seasons: tuple[int, ...], freq: Frequency | None) -> int:
    """Return the season that look-back and segment go by: the frequency's usual one, or the first of the given."""
    usual = default_season(freq)
    return usual if usual > 1 else seasons[0]
