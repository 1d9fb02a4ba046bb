"""The simple methods that stand beside every model: fitted on the same windows, scored on the same.

>>> list(FORECAST_BASELINES)
['naive', 'seasonal_naive', 'ridge', 'gradient_boosting', 'dlinear']
"""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.tasks.baselines.boosting import GradientBoosting
from unrolled.tasks.baselines.dlinear import DLinear, DLinearNetwork
from unrolled.tasks.baselines.ridge import Ridge
from unrolled.tasks.baselines.simple import ForecastBaseline, Naive, SeasonalNaive

__all__ = [
    "FORECAST_BASELINES",
    "DLinear",
    "DLinearNetwork",
    "ForecastBaseline",
    "GradientBoosting",
    "Naive",
    "Ridge",
    "SeasonalNaive",
]

FORECAST_BASELINES: Mapping[str, type[ForecastBaseline]] = {
    baseline.name: baseline for baseline in (Naive, SeasonalNaive, Ridge, GradientBoosting, DLinear)
}
"""The forecast baselines by name, in the order of the score table."""
