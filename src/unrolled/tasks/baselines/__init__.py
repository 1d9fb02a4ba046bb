"""The simple methods that stand beside every model: fitted on the same windows, scored on the same.

>>> import numpy as np
>>> from unrolled.data.history import History
>>> from unrolled.data.series import read_panel
>>> from unrolled.data.windows import Windows, WindowShape
>>> days = np.datetime64("2024-01-01") + np.arange(200)
>>> panel = read_panel({"ds": days, "y": np.arange(200) + 5.0 * (np.arange(200) % 7)})
>>> shape = WindowShape(lookback=14, horizon=3, seasons=(7,))
>>> history = History(panel, [150], horizon=3)
>>> train, test = Windows(history, shape, [0], [150]), Windows(history, shape, [150], [200])
>>> for name in ("naive", "seasonal_naive", "ridge"):
...     forecast = FORECAST_BASELINES[name]().fit(train).predict(test, [0])
...     print(f"{name:<14}", forecast.round(1)[0], "actual", test.raw_target([0])[0])
naive          [159. 159. 159.] actual [165. 171. 177.]
seasonal_naive [158. 164. 170.] actual [165. 171. 177.]
ridge          [165. 171. 177.] actual [165. 171. 177.]
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
