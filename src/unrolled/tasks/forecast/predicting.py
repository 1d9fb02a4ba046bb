"""What comes after the last row of every series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.series import Panel
from unrolled.data.windows import Windows
from unrolled.errors import InputError, OptionError
from unrolled.tasks.forecast.fitted import Fitted
from unrolled.tasks.forecast.frames import forecast_frame
from unrolled.tasks.forecast.settings import ForecastSettings
from unrolled.tasks.forecast.training import Forecasts, forecast_windows

Rows = NDArray[np.int64]


def forecast_after(
    fitted: Fitted, settings: ForecastSettings, panel: Panel, rows: Rows, horizon: int | None
) -> pl.DataFrame:
    """Return the forecasts that begin after the end of the series ``rows`` of a panel.

    Raises:
        InputError: known covariates of the horizon are missing, or nothing was observed in a look-back.
        OptionError: the horizon is longer than trained for.
    """
    steps = checked_horizon(horizon, settings)
    # As in training; what is too much is cut off afterwards.
    segment, whole = fitted.network.sizes.segment, fitted.shape.horizon
    if steps > whole:
        whole = -(-steps // segment) * segment
    history = fitted.history(panel, whole)
    history.require_known_ahead(rows, steps)
    origins = np.stack([rows, history.lengths[rows]], axis=1)
    windows = Windows.at(history, replace(fitted.shape, horizon=whole), origins)
    refuse_unobserved(windows)
    forecasts = forecast_windows(fitted.network, windows, fitted.calibration)
    asked = Windows.at(history, replace(fitted.shape, horizon=steps), origins)
    return forecast_frame(asked, Forecasts(forecasts.quantiles[:, :steps]))


def checked_horizon(horizon: int | None, settings: ForecastSettings) -> int:
    """Return the steps to forecast, those trained for unless others are asked for."""
    if horizon is None:
        return settings.horizon
    if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
        raise OptionError(f"horizon={horizon!r}", expected="a whole number of at least 1")
    if horizon > settings.horizon and settings.decode == "direct":
        raise OptionError(
            f"horizon={horizon} is longer than the {settings.horizon} steps trained for",
            fix="train with a longer horizon, or with decode='autoregressive', which goes to any",
        )
    return horizon


def refuse_unobserved(windows: Windows) -> None:
    """Raise an InputError that names the first series of whose look-back nothing was observed."""
    for row, mask in enumerate(windows.take(np.arange(len(windows))).past_mask):
        if not bool(mask.any()):
            series = windows.history.panel.series[windows.origins[row, 0]]
            raise InputError(
                f"nothing was observed in the last {windows.lookback} steps",
                where=f"series {series.id}",
                fix="give a value there, or leave the series out",
            )
