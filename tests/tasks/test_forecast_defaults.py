"""What is chosen where nothing was said: look-back, seasons, segment, parts and training by frequency and length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tasks.panels import panel_of
from unrolled.data.series import Panel
from unrolled.data.windows import WindowShape
from unrolled.errors import InputError
from unrolled.tasks.forecast.defaults import choose_segment, choose_shape
from unrolled.tasks.forecast.parts import Parts
from unrolled.tasks.forecast.settings import ForecastSettings, training_settings


def seasonal(rows: int, *seasons: float) -> np.ndarray:
    steps = np.arange(rows)
    noise = np.random.default_rng(0).normal(size=rows)
    return sum((5 * np.sin(2 * np.pi * steps / s) for s in seasons), 0.3 * noise)


def chosen(panel: Panel, **options: Any) -> tuple[WindowShape, int]:
    settings = ForecastSettings(**{"horizon": 12, **options})
    shape = choose_shape(settings, panel)
    return shape, choose_segment(settings, panel.freq, shape)


def test_hours_look_back_three_weeks_by_the_day() -> None:
    shape, segment = chosen(panel_of([seasonal(3000, 24, 168)], freq="h"))
    assert shape == WindowShape(504, 12, (24, 168))
    assert segment == 24


def test_shorter_hourly_series_look_back_whole_weeks() -> None:
    assert chosen(panel_of([seasonal(900, 24, 168)], freq="h"))[0].lookback == 168


def test_months_look_back_whole_years() -> None:
    shape, segment = chosen(panel_of([seasonal(144, 12)], freq="MS"))
    assert shape.lookback % 12 == 0 and 24 <= shape.lookback <= 36
    assert shape.seasons == (12,)
    assert segment == 12


def test_quarters_of_an_hour_are_read_in_parts_of_a_day() -> None:
    shape, segment = chosen(panel_of([seasonal(4000, 96)], freq="15min"))
    assert 96 % segment == 0 and 24 <= segment <= 48
    assert shape.lookback % 96 == 0


def test_counted_rows_go_by_the_season_that_is_given() -> None:
    panel = panel_of([seasonal(600, 24)])
    assert chosen(panel, season=24)[0].seasons == (24,)
    assert chosen(panel, season=24)[1] == 24
    shape, segment = chosen(panel)
    assert shape.seasons == (1,)
    assert 1 <= segment < shape.lookback


@pytest.mark.parametrize("rows", [20, 30, 50, 80, 144])
@pytest.mark.parametrize("freq", ["h", "D", "W", "MS", "QS", "YS", None])
def test_short_series_still_give_windows(rows: int, freq: str | None) -> None:
    settings = ForecastSettings(horizon=4)
    panel = panel_of([seasonal(rows, 12)], freq=freq)
    shape = choose_shape(settings, panel)
    assert 1 <= choose_segment(settings, panel.freq, shape) <= shape.lookback
    assert len(Parts.of(panel, shape, settings).windows(panel, shape).training) > 0


def test_parts_are_the_end_of_every_series() -> None:
    settings = ForecastSettings(horizon=4, validation=0.1, test=20)
    parts = Parts.of(panel_of([seasonal(200, 6), seasonal(100, 6)]), WindowShape(8, 4), settings)
    assert parts.validation_ends.tolist() == [180, 80]
    assert parts.training_ends.tolist() == [160, 70]


def test_parts_of_a_second_fit_are_cut_from_the_new_rows() -> None:
    settings = ForecastSettings(horizon=4, validation=0.1, test=0.2)
    parts = Parts.of(panel_of([seasonal(300, 6)]), WindowShape(8, 4), settings, np.array([200]))
    assert parts.training_ends.tolist() == [270]
    assert parts.validation_ends.tolist() == [280]


def test_no_window_at_all_is_refused() -> None:
    with pytest.raises(InputError, match=r"has 11 steps; expected at least 12"):
        Parts.of(panel_of([seasonal(11, 6)]), WindowShape(8, 4), ForecastSettings(horizon=4))


def test_training_lasts_about_three_passes_within_bounds() -> None:
    assert training_settings({}, windows=100).max_steps == 1000
    assert training_settings({}, windows=64 * 1000).max_steps == 3000
    assert training_settings({}, windows=10**7).max_steps == 8000
    assert training_settings({"epochs": 2}, windows=640).max_steps is None
    assert training_settings({"max_minutes": 1.0}, windows=640).max_steps == 1000
    assert training_settings({"max_steps": 50}, windows=640).evaluate_every == 10
