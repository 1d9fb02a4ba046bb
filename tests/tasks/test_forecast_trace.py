"""Forecaster.trace: the forecast is predict's, edits are followed, and attributions add up."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.tasks.test_forecast import made, panel, wave
from tests.tasks.traced import (
    check_occlusion,
    check_question,
    check_side,
    check_trace,
    check_untouched,
)
from unrolled.errors import InputError
from unrolled.tasks.forecast import Forecaster


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return made(max_steps=20).fit(panel())


@pytest.fixture(scope="module")
def by_days() -> Forecaster:
    """Of one series with gaps and covariates, one segment after the other."""
    return made(
        max_steps=10, decode="autoregressive", output="student_t", missing="mask", known=("price",), past=("rain",),
    ).fit(daily())  # fmt: skip


def daily(rows: int = 120, ahead: int = 0) -> pl.DataFrame:
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2025, 1, 1), eager=True).head(rows + ahead)
    values = [*wave(rows), *[None] * ahead]
    values[50] = values[rows - 7] = None
    random = np.random.default_rng(0)
    price, rain = random.normal(size=(2, rows + ahead))
    return pl.DataFrame({"ds": days, "y": values, "price": price, "rain": rain})


def test_by_default_what_happened_stands_beside_the_forecast(fitted: Forecaster) -> None:
    trace = fitted.trace(series="s1")
    (found,) = trace.outputs
    truth = panel().filter(pl.col("unique_id") == "s1")
    assert found.series == "s1"
    np.testing.assert_allclose(found.happened, truth["y"].tail(4))
    np.testing.assert_allclose(found.past_values, truth["y"][-16:-4])
    assert found.past[-1] == str(truth["ds"][-5])[:16]
    assert found.future == tuple(str(time)[:16] for time in truth["ds"].tail(4))
    np.testing.assert_allclose(found.baselines["naive"], [truth["y"][-5]] * 4, rtol=1e-6)
    np.testing.assert_allclose(found.baselines["seasonal_naive"], truth["y"][-10:-6], rtol=1e-5)
    rolled = fitted.backtest(stride=1).filter(pl.col("unique_id") == "s1").tail(4)
    np.testing.assert_allclose(found.median, rolled["y_hat"], atol=1e-5)
    check_trace(fitted, trace)
    check_untouched(fitted.fitted.network)


def test_after_the_last_row_it_is_the_forecast_of_predict(fitted: Forecaster) -> None:
    frame = fitted.predict().filter(pl.col("unique_id") == "s1")
    (found,) = fitted.trace(series="s1", origin=frame["ds"][0]).outputs
    assert found.happened is None
    np.testing.assert_allclose(found.median, frame["y_hat"], atol=1e-5)
    assert [round(level, 3) for level, _, _ in found.bands] == [0.95, 0.8, 0.5]
    for (_, low, high), percent in zip(found.bands, (95, 80), strict=False):
        np.testing.assert_allclose(low, frame[f"lo-{percent}"], atol=1e-5)
        np.testing.assert_allclose(high, frame[f"hi-{percent}"], atol=1e-5)


def test_a_dragged_point_gives_the_forecast_of_the_series_so_changed(fitted: Forecaster) -> None:
    table = panel()
    changed = table.with_columns(
        y=pl.when((pl.col("unique_id") == "s1") & (pl.int_range(pl.len()) == 2 * 160 - 3))
        .then(pl.lit(99.0))
        .otherwise(pl.col("y"))
    )
    after = fitted.predict()["ds"][0]
    plain = fitted.trace(series="s1", origin=after)
    values = plain.input["values"]
    values[-3] = 99.0
    (dragged,) = fitted.trace(series="s1", origin=after, values=values).outputs
    expected = fitted.predict(changed).filter(pl.col("unique_id") == "s1")["y_hat"]
    np.testing.assert_allclose(dragged.median, expected, atol=1e-4)
    assert np.abs(dragged.median - plain.outputs[0].median).max() > 0.1
    assert dragged.past_values[-3] == 99.0
    assert fitted.trace(series="s1", origin=after).input["values"][-3] != 99.0


def test_a_step_reads_a_segment_and_runs_of_the_horizon_are_left_out(fitted, by_days) -> None:
    for model in (fitted, by_days):
        trace = model.trace()
        (side,) = trace.sides
        check_side(side)
        sizes = model.fitted.network.sizes
        assert len(side.steps[0]) == sizes.past_segments
        (found,) = trace.outputs
        assert len(found.step_of) == sizes.lookback
        assert found.step_of[-1] == sizes.past_segments - 1
        own = [date for date, step in zip(found.past, found.step_of, strict=True) if step == 0]
        assert side.steps[0][0] == (own[0] if len(own) == 1 else f"{own[0]} – {own[-1]}")
    assert list(side.names.values()) == ["h1"]


def test_values_that_are_missing_stay_so(by_days: Forecaster) -> None:
    trace = by_days.trace()
    (found,) = trace.outputs
    assert found.past[0] == "2024-04-14"
    assert np.isnan(found.happened).sum() == 0
    assert np.isnan(found.past_values).sum() == 1
    assert trace.input["values"].count(None) == 1
    json.dumps(trace.input, allow_nan=False)
    check_trace(by_days, trace)
    question = next(iter(trace.questions.values()))()
    missing = int(np.flatnonzero(np.isnan(found.past_values))[0])
    values = question.inputs[0].clone()
    values[0, missing] += 100
    torch.testing.assert_close(question.score(values), question.score(*question.inputs))


@pytest.mark.parametrize("name", ["fitted", "by_days"])
def test_attributions_add_up_to_the_mean_of_the_forecast(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace()
    question = trace.questions["mean of the forecast"]()
    (found,) = trace.outputs
    assert (question.of, question.unit, question.labels) == ("mean of the forecast", "", found.past)
    assert check_question(question, 400) == pytest.approx(found.median.mean(), abs=1e-4)
    if name == "fitted":
        check_occlusion(question)
        train = panel().filter(pl.col("unique_id") == "s0")["y"].head(112)
        assert float(question.blanks[0][0, 0]) == pytest.approx(train.mean(), abs=0.2)
    check_untouched(model.fitted.network)


def test_a_look_back_may_reach_before_the_beginning(fitted: Forecaster) -> None:
    start = panel()["ds"][5]
    trace = fitted.trace(series="s0", origin=start)
    (found,) = trace.outputs
    assert len(found.past) == len(found.past_values) == len(found.step_of) == 5
    check_trace(fitted, trace)
    check_question(next(iter(trace.questions.values()))(), 400)


def test_many_windows_are_watched_at_once_also_of_other_rows(fitted: Forecaster) -> None:
    windows = fitted.inputs_of(limit=5)
    assert len(windows) == 5
    json.dumps(windows)
    (side,) = fitted.watched(windows)
    check_side(side)
    alone = fitted.trace(**windows[3]).sides[0]
    assert side.steps[3] == alone.steps[0]
    for path, run in side.runs.items():
        torch.testing.assert_close(run.states.h[3], alone.runs[path].states.h[0])
    other = panel(40, series=3).filter(pl.col("unique_id") == "s2")
    rows = fitted.inputs_of(other)
    assert {row["series"] for row in rows} == {"s2"}
    assert fitted.watched(rows, other)[0].runs
    trace = fitted.trace(other)
    assert fitted.trace(other, **trace.input).input == trace.input
    expected = fitted.predict(other.head(36))["y_hat"]
    np.testing.assert_allclose(trace.outputs[0].median, expected, atol=1e-4)


def test_covariates_of_the_horizon_are_needed(by_days: Forecaster) -> None:
    with pytest.raises(InputError, match="known covariates"):
        by_days.trace(origin="2024-04-30")
    assert by_days.trace(daily(ahead=4), origin="2024-04-30").outputs[0].happened is None


def test_what_is_no_window_is_one_clear_error(fitted: Forecaster) -> None:
    for given, match in (
        ({"series": "s7"}, "there is no series 's7'"),
        ({"series": 3}, "series=3"),
        ({"origin": "1999-01-01"}, "no step of series s0 that may be forecast"),
        ({"origin": "soon"}, "origin='soon'"),
        ({"origin": "2024-01-01"}, "expected one from 2024-01-01 01:00 to 2024-01-07 16:00"),
        ({"values": [1.0]}, "1 values; expected 12"),
        ({"values": "abc"}, "values='abc'"),
        ({"values": 3}, "values=3"),
        ({"values": [np.inf] * 12}, "infinite"),
        ({"values": [None] * 12}, "nothing was observed"),
    ):
        with pytest.raises(InputError, match=match):
            fitted.trace(**given)
    with pytest.raises(InputError, match="no window"):
        fitted.watched([])
    short = pl.DataFrame({"unique_id": ["n"] * 3, "ds": panel()["ds"][:3], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match="no series has the 12 steps"):
        fitted.inputs_of(short)
