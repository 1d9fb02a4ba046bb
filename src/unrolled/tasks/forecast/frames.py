"""Forecasts as a dataframe: one row for every series and time."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.windows import Windows
from unrolled.models.heads import LEVELS
from unrolled.tasks.forecast.training import Forecasts

INTERVALS = {80: (0.1, 0.9), 95: (0.025, 0.975)}
"""The levels of the ends of each interval, by its percent."""


def forecast_frame(
    windows: Windows, forecasts: Forecasts, *, backtest: bool = False
) -> pl.DataFrame:
    """Return unique_id, ds, y_hat, lo-80, hi-80, lo-95, hi-95; of a backtest also cutoff and y.

    ``cutoff`` is the last time before the forecast, ``y`` what came, null where that was not observed.
    """
    panel, horizon = windows.history.panel, windows.horizon
    series, origins = windows.origins.T
    columns: dict[str, pl.Series | NDArray[np.float64] | list[str]] = {
        "unique_id": [panel.series[i].id for i in series for _ in range(horizon)]
    }
    times = [_times(windows, int(i), int(t)) for i, t in windows.origins]
    if backtest:
        before = [panel.series[i].times[t - 1] for i, t in zip(series, origins, strict=True)]
        columns["cutoff"] = _time_column(np.repeat(np.array(before), horizon))
    columns["ds"] = _time_column(np.concatenate(times) if times else np.zeros(0, np.int64))
    if backtest:
        actual = windows.raw_target(np.arange(len(windows))).reshape(-1)
        columns["y"] = pl.Series(actual).fill_nan(None)
    columns["y_hat"] = forecasts.point.reshape(-1)
    for percent, ends in INTERVALS.items():
        for side, level in zip(("lo", "hi"), ends, strict=True):
            values = forecasts.quantiles[..., LEVELS.index(level)]
            columns[f"{side}-{percent}"] = values.reshape(-1)
    return pl.DataFrame(columns)


def _times(windows: Windows, series: int, origin: int) -> NDArray[np.generic]:
    """Return (H,) the times of the forecast, those after the end of the series included."""
    panel = windows.history.panel
    one = panel.series[series]
    inside = one.times[origin : origin + windows.horizon]
    beyond = windows.horizon - len(inside)
    return np.concatenate([inside, panel.next_times(one, beyond)]) if beyond else inside


def _time_column(times: NDArray[np.generic]) -> pl.Series:
    """Return times as polars has them by default, in microseconds; step numbers stay."""
    return pl.Series(times.astype("datetime64[us]") if times.dtype.kind == "M" else times)
