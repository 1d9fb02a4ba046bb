"""Forecasting: `Forecaster` trains a recurrent network on series, scores it beside simple methods, and saves it."""

from unrolled.tasks.forecast.forecaster import Forecaster, RollingForecasts
from unrolled.tasks.forecast.settings import ForecastSettings

__all__ = ["ForecastSettings", "Forecaster", "RollingForecasts"]
