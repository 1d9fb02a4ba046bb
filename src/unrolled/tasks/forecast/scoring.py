"""The model's scores beside those of the simple methods, on the same windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.windows import Windows
from unrolled.tasks.baselines import FORECAST_BASELINES
from unrolled.tasks.forecast.training import Forecasts
from unrolled.tasks.scores import forecast_scores, score_rows

Array = NDArray[np.float64]


def score_beside_baselines(
    forecasts: Forecasts,
    windows: Windows,
    fitted_on: tuple[Windows, Windows],
    names: Iterable[str],
    *,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Return the scores by method, the model first.

    Args:
        forecasts: of the model, for every one of ``windows``.
        windows: what is scored.
        fitted_on: the windows of the training and of the validation part, for the baselines to be fitted on.
        names: of the baselines.
        seed: of what the baselines draw.
    """
    training, validation = fitted_on
    actual = windows.raw_target(np.arange(len(windows)))
    scale = windows.seasonal_scale[windows.origins[:, 0]]
    scores = {"model": forecast_scores(actual, forecasts.point, forecasts.by_level(), scale=scale)}
    for name in names:
        baseline = FORECAST_BASELINES[name]().fit(training, validation, seed=seed)
        scores[name] = forecast_scores(actual, baseline.predict(windows), scale=scale)
    return scores


def as_result(scores: Mapping[str, Mapping[str, float]], windows: Windows) -> dict[str, Any]:
    """Return what `evaluate` gives."""
    return {
        "task": "forecast",
        "scores": score_rows(scores["model"], {k: v for k, v in scores.items() if k != "model"}),
        "windows": len(windows),
        "series": len(np.unique(windows.origins[:, 0])),
        "horizon": windows.horizon,
        "lookback": windows.lookback,
        "season": windows.season,
    }
