"""The report of a forecaster: scores beside the baselines, forecasts as pictures, and how the training went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.windows import Windows
from unrolled.tasks.baselines import FORECAST_BASELINES
from unrolled.tasks.forecast import Forecaster, RollingForecasts
from unrolled.view.facts import Headline, Headlines, key_facts
from unrolled.view.forecast import ForecastWindow, forecast_picture, worst_windows
from unrolled.view.gallery import Block
from unrolled.view.metrics import metric, written
from unrolled.view.reach import gradient_reach_chart
from unrolled.view.report import Report, Section
from unrolled.view.scores import ScoreTable, score_table
from unrolled.view.training import gradient_norms, learning_curves
from unrolled.view.words import Text, phrase

Array = NDArray[np.float64]

INTERVALS = {0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}
MOST_PICTURES = 6


def forecast_report(
    forecaster: Forecaster, result: Mapping[str, Any] | None, language: str = "en"
) -> Report:
    """Return the report of a fitted forecaster.

    Args:
        forecaster: fitted in this process, so that its training is known.
        result: what `Forecaster.evaluate` gave for the test part; None where there is none.
        language: "en" or "zh".
    """
    sections = []
    if result is not None:
        rolling = forecaster.rolling()
        sections.append(
            Section(phrase("report.scores"), (), [headlines(result), scores_of(result)])
        )
        sections.append(Section(phrase("report.forecasts"), (), pictures(rolling)))
    sections.append(Section(phrase("report.training"), (), training_blocks(forecaster)))
    names = ", ".join(forecaster.fitted.panel.targets)
    title = phrase("report.forecast_title", name=names)
    return Report(title, language, () if result else phrase("report.no_test"), sections)


def scores_of(result: Mapping[str, Any]) -> ScoreTable:
    """Return the table of what `evaluate` gave."""
    count, horizon = f"{result['windows']:,}", f"{result['horizon']:,}"
    note = phrase("report.scored", windows=count, horizon=horizon, season=str(result["season"]))
    return score_table(result["scores"], note=note)


def headlines(result: Mapping[str, Any]) -> Headlines:
    """Return the model's error and its intervals' coverage in large figures, beside the best baseline's."""
    scores = result["scores"]
    figures = []
    for key in ("mae", "mase", "coverage_80"):
        column, value = metric(key), scores["model"].get(key)
        if value is None:
            continue
        others = [row[key] for name, row in scores.items() if name != "model" and key in row]
        note: Text = phrase("report.nominal", level="80") if key == "coverage_80" else ""
        if others:
            note = phrase("report.best_baseline", figure=written(column, min(others), 3))
        figures.append(Headline(written(column, value, 3), column.label, note))
    return Headlines(figures)


def pictures(rolling: RollingForecasts) -> list[Block]:
    """Return the latest forecast of the first series, one of middling error of some others, and the worst."""
    windows = rolling.windows
    actual = windows.raw_target(np.arange(len(windows)))
    # A window's error in units of its series, so that the series with the largest numbers is not always the worst.
    error = np.abs(actual - rolling.forecasts.point)
    relative = _row_means(error) / windows.seasonal_scale[windows.origins[:, 0]]
    latest = int(np.flatnonzero(windows.origins[:, 0] == windows.origins[0, 0])[-1])
    worst = np.argsort(-np.nan_to_num(relative))
    spread = _apart(windows, worst)
    shown = [_window(rolling, row, float(relative[row])) for row in spread]
    return [
        forecast_picture(_window(rolling, latest, float(relative[latest]))),
        worst_windows(shown, count=MOST_PICTURES, metric="MASE", total=len(windows)),
    ]


def training_blocks(forecaster: Forecaster) -> list[Block]:
    """Return learning curves, gradient norms, how far gradients reach, and what was configured."""
    training = forecaster.training
    blocks: list[Block] = []
    settings = forecaster.train_options
    if training is not None:
        blocks.append(learning_curves(training.history, score=phrase("report.validation_score")))
        blocks.append(gradient_norms(training.history, clip_norm=settings.get("clip_norm", 1.0)))
    blocks.append(gradient_reach_chart(forecaster.reach()))
    blocks.append(key_facts(forecaster.facts()))
    return blocks


def _row_means(values: Array) -> Array:
    """Return (n,) the mean of what is known in each row; 0 where nothing is."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(1) / np.maximum(known.sum(1), 1)


def _apart(windows: Windows, order: NDArray[np.int64]) -> list[int]:
    """Return the first windows of ``order`` that share no target, so that one bad day is not shown six times."""
    chosen: list[int] = []
    for row in order[:2000]:
        series, origin = windows.origins[row]
        taken = (windows.origins[other] for other in chosen)
        if all(s != series or abs(o - origin) >= windows.horizon for s, o in taken):
            chosen.append(int(row))
        if len(chosen) == MOST_PICTURES:
            break
    return chosen


def _window(rolling: RollingForecasts, row: int, error: float) -> ForecastWindow:
    windows, quantiles = rolling.windows, rolling.forecasts.by_level()
    series_index, origin = (int(value) for value in windows.origins[row])
    series = windows.history.panel.series[series_index]
    begin = max(0, origin - windows.lookback)
    baseline = FORECAST_BASELINES["seasonal_naive"]()
    return ForecastWindow(
        times=series.times[begin : origin + windows.horizon],
        past=series.target[begin:origin],
        point=rolling.forecasts.point[row],
        actual=series.target[origin : origin + windows.horizon],
        bands={
            level: (quantiles[low][row], quantiles[high][row])
            for level, (low, high) in INTERVALS.items()
        },
        baselines={"seasonal_naive": baseline.predict(windows, [row])[0]},
        name=series.id,
        error=error,
    )
