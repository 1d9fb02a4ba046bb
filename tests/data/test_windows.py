"""Windows: what is cut is what stood there, and nothing of the future gets into the inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tasks.panels import panel_of
from unrolled.data.history import History
from unrolled.data.windows import WindowBatch, Windows, WindowShape
from unrolled.errors import InputError

SHAPE = WindowShape(lookback=6, horizon=4, seasons=(3, 5))


def wave(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows).cumsum() + 10


def windows_of(*targets: np.ndarray, **columns: object) -> Windows:
    panel = panel_of(targets, **columns)  # type: ignore[arg-type]
    ends = [len(target) for target in targets]
    return Windows(History(panel, ends, SHAPE.horizon), SHAPE, [0] * len(ends), ends)


def original(batch: WindowBatch, name: str) -> np.ndarray:
    return (getattr(batch, name) * batch.scale + batch.center).numpy()


def test_every_origin_with_a_whole_lookback_and_target_is_a_window() -> None:
    windows = windows_of(wave(20), wave(12))
    assert len(windows) == (20 - 6 - 4 + 1) + (12 - 6 - 4 + 1)
    assert windows.origins[0].tolist() == [0, 6]
    assert windows.origins[-1].tolist() == [1, 8]


def test_lookback_and_target_are_the_rows_around_the_origin() -> None:
    first, second = wave(20), wave(30, seed=1)
    windows = windows_of(first, second)
    row = int(np.flatnonzero((windows.origins == [1, 9]).all(1))[0])
    batch = windows.take([row])
    assert np.allclose(original(batch, "past")[0], second[3:9], atol=1e-4)
    assert np.allclose(original(batch, "target")[0], second[9:13], atol=1e-4)
    assert np.array_equal(windows.raw_target([row])[0], second[9:13])
    assert batch.series.tolist() == [1]


def test_lags_are_the_latest_value_at_the_same_phase_before_the_origin() -> None:
    y = wave(20)
    batch = windows_of(y).take([2])  # origin 8
    lags = (batch.seasonal * batch.scale[..., None] + batch.center[..., None])[0].numpy()
    assert np.allclose(lags[:, 0], y[[5, 6, 7, 5]], atol=1e-4)
    assert np.allclose(lags[:, 1], y[[3, 4, 5, 6]], atol=1e-4)


def test_inputs_do_not_change_with_anything_after_the_origin_but_known_covariates() -> None:
    random = np.random.default_rng(0)
    y, known, past = wave(20), random.normal(size=(20, 1)), random.normal(size=(20, 2))
    before = windows_of(y, known=[known], past=[past], freq="h")
    y_after, past_after = y.copy(), past.copy()
    y_after[12:], past_after[12:] = -99, 99
    panel = panel_of([y_after], known=[known], past=[past_after], freq="h")
    history = History(panel, [12], SHAPE.horizon, before.history.scaling)
    history_before = History(before.history.panel, [12], SHAPE.horizon, before.history.scaling)
    rows = [[0, 12]]
    one = Windows.at(history_before, SHAPE, rows).take([0])
    other = Windows.at(history, SHAPE, rows).take([0])
    for name in set(WindowBatch._fields) - {"target"}:
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    assert not torch.equal(one.target, other.target)


def test_a_window_does_not_know_its_level_and_size() -> None:
    y = wave(20)
    one, other = windows_of(y).take([3]), windows_of(1000 + 50 * y).take([3])
    for name in ("past", "seasonal", "target", "weight"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-4), name


def test_a_forecast_of_zero_is_the_last_value_observed() -> None:
    y = wave(20)
    y[11] = np.nan
    panel = panel_of([y])
    batch = Windows.at(History(panel, [20], 4), SHAPE, [[0, 12]]).take([0])
    assert batch.center.item() == pytest.approx(y[10])
    assert batch.past_mask[0].tolist() == [1, 1, 1, 1, 1, 0]
    assert batch.past[0, -1] == 0


def test_what_lies_outside_a_series_is_not_observed() -> None:
    windows = Windows.at(History(panel_of([wave(10)]), [10], 4), SHAPE, [[0, 10], [0, 2]])
    batch = windows.take([0, 1])
    assert batch.target_mask.sum(1).tolist() == [0, 4]
    assert batch.past_mask.sum(1).tolist() == [6, 2]
    assert np.isnan(windows.raw_target([0])).all()
    assert not torch.cat([t.flatten() for t in batch if t.is_floating_point()]).isnan().any()


def test_a_lookback_that_stands_still_is_not_blown_up() -> None:
    y = np.concatenate([wave(20), np.full(10, 3.0), [3.5] * 4])
    batch = Windows.at(History(panel_of([y]), [20], 4), SHAPE, [[0, 30]]).take([0])
    assert batch.scale.item() == pytest.approx(0.1 * y[:20].std(), rel=1e-5)


def test_scaling_of_covariates_is_fitted_on_the_training_part_only() -> None:
    known = np.concatenate([np.arange(10.0), np.full(10, 1e6)])[:, None]
    history = History(panel_of([wave(20)], known=[known]), [10], 4)
    assert history.scaling.known[:, 0] == pytest.approx([4.5, np.arange(10).std()])


def test_the_calendar_goes_on_after_the_end() -> None:
    hours = np.arange(24 * 30)
    y = np.sin(2 * np.pi * hours / 24) + 0.01 * wave(len(hours))
    history = History(panel_of([y], freq="h"), [len(y)], 24)
    assert history.scaling.calendar
    shape = replace(SHAPE, horizon=24)
    inside = Windows.at(history, shape, [[0, len(y) - 24 * 7]]).take([0]).future_features
    beyond = Windows.at(history, shape, [[0, len(y)]]).take([0]).future_features
    assert torch.allclose(inside, beyond, atol=1e-5)


def test_seasonal_error_is_that_of_the_seasonal_naive_forecast_in_the_training_part() -> None:
    y = wave(20)
    windows = windows_of(y)
    assert windows.seasonal_scale[0] == pytest.approx(np.abs(y[3:] - y[:-3]).mean())


def test_known_covariates_that_end_too_early_are_refused_by_name() -> None:
    history = History(panel_of([wave(10)], known=[np.ones((12, 1))]), [10], 4)
    with pytest.raises(InputError, match=r"s0.*known0.*2 steps after.*expected 4 steps"):
        history.require_known_ahead([0], 4)
    history.require_known_ahead([0], 2)


@pytest.mark.parametrize("wrong", [{"lookback": 0}, {"horizon": 0}, {"seasons": ()}])
def test_a_shape_without_steps_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        WindowShape(**{"lookback": 3, "horizon": 2, **wrong})  # type: ignore[arg-type]
