"""What holds for every forecast baseline, and what each of the simple ones forecasts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.tasks.panels import panel_of, split_windows
from unrolled.data.windows import Windows, WindowShape
from unrolled.errors import InputError, OptionError
from unrolled.tasks.baselines import FORECAST_BASELINES, DLinear, GradientBoosting, Naive
from unrolled.tasks.baselines import boosting as boosting_module
from unrolled.tasks.baselines import dlinear as dlinear_module
from unrolled.tasks.baselines.dlinear import DLinearNetwork, Examples, _descend, moving_average
from unrolled.tasks.scores import BASELINE_ORDER

SHAPE = WindowShape(lookback=12, horizon=4, seasons=(12,))
NAMES = tuple(FORECAST_BASELINES)
FITTED = NAMES[2:]


def daily(rows: int, seed: int, *, level: float = 10.0, noise: float = 0.6) -> np.ndarray:
    steps = np.arange(rows)
    wave = 3.0 * np.sin(2 * np.pi * steps / 12) + np.sin(2 * np.pi * steps / 6 + seed)
    return level + wave + noise * np.random.default_rng(seed).normal(size=rows)


def two_series(*, gaps: bool = False, factor: float = 1.0, shift: float = 0.0) -> list[Windows]:
    targets = [factor * daily(500, 1) + shift, factor * daily(400, 2, level=-40.0) + shift]
    if gaps:
        random = np.random.default_rng(5)
        for target in targets:
            target[random.random(len(target)) < 0.1] = np.nan
    random = np.random.default_rng(9)
    known = [random.normal(size=(len(target), 1)) for target in targets]
    past = [random.normal(size=(len(target), 2)) for target in targets]
    panel = panel_of(targets, known=known, past=past, static=[[0.0], [1.0]], freq="h")
    return split_windows(panel, SHAPE, (0.6, 0.8))


def mean_error(predicted: np.ndarray, windows: Windows) -> float:
    return float(np.nanmean(np.abs(predicted - windows.raw_target(np.arange(len(windows))))))


def test_names_are_those_of_the_score_table() -> None:
    assert NAMES == ("naive", "seasonal_naive", "ridge", "gradient_boosting", "dlinear")
    assert [name for name in BASELINE_ORDER if name in NAMES] == list(NAMES)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_forecasts_of_a_panel(name: str, gaps: bool) -> None:
    train, validation, test = two_series(gaps=gaps)
    baseline = FORECAST_BASELINES[name]().fit(train, validation, seed=3)
    everything = baseline.predict(test)
    assert everything.shape == (len(test), SHAPE.horizon)
    assert everything.dtype == np.float64
    assert np.isfinite(everything).all()
    chosen = [7, 2, 2, len(test) - 1]
    np.testing.assert_allclose(baseline.predict(test, chosen), everything[chosen], rtol=1e-5)
    assert baseline.predict(test, []).shape == (0, SHAPE.horizon)
    again = FORECAST_BASELINES[name]().fit(train, validation, seed=3).predict(test)
    np.testing.assert_array_equal(again, everything)


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_baseline_beats_the_naive_ones(name: str) -> None:
    train, validation, test = two_series()
    errors = {
        each: mean_error(FORECAST_BASELINES[each]().fit(train, validation).predict(test), test)
        for each in ("naive", "seasonal_naive", name)
    }
    # The noise has a mean absolute value of 0.48, which nothing can forecast.
    assert 0.4 < errors[name] < 0.97 * errors["seasonal_naive"] < errors["naive"]


@pytest.mark.parametrize("name", FITTED)
def test_without_validation_windows_a_part_of_the_training_windows_serves(name: str) -> None:
    train, _, test = two_series()
    baseline = FORECAST_BASELINES[name]().fit(train, None)
    assert mean_error(baseline.predict(test), test) < 0.65


@pytest.mark.parametrize("name", ["naive", "seasonal_naive", "ridge"])
def test_units_do_not_matter(name: str) -> None:
    """A forecast of a y + b is a times the forecast of y, plus b."""
    plain, moved = two_series(), two_series(factor=1000.0, shift=-50_000.0)
    first, second = (
        FORECAST_BASELINES[name]().fit(train, validation).predict(test)
        for train, validation, test in (plain, moved)
    )
    np.testing.assert_allclose((second + 50_000.0) / 1000.0, first, atol=2e-3)


@pytest.mark.parametrize("name", FITTED)
def test_the_test_part_is_never_seen(name: str) -> None:
    """What comes after validation can be anything: forecasts that do not look back on it stay."""
    forecasts = []
    for after in (0.0, 1e6):
        target = daily(400, 4)
        target[320:] += after
        train, validation, test = split_windows(panel_of([target]), SHAPE, (0.6, 0.8))
        baseline = FORECAST_BASELINES[name]().fit(train, validation)
        forecasts.append(baseline.predict(test, [0]))
    np.testing.assert_array_equal(*forecasts)


@pytest.mark.parametrize("name", FITTED)
def test_no_training_window_is_an_error(name: str) -> None:
    train, validation, _ = split_windows(panel_of([daily(60, 0)]), SHAPE, (0.2, 0.9))
    assert len(train) == 0
    with pytest.raises(InputError, match="there is no training window"):
        FORECAST_BASELINES[name]().fit(train, validation)


@pytest.mark.parametrize("name", ["gradient_boosting", "dlinear"])
def test_no_observed_target_is_an_error(name: str) -> None:
    target = daily(200, 0)
    target[12:] = np.nan
    train, _, _ = split_windows(panel_of([target]), SHAPE, (0.08, 0.9))
    assert len(train) == 1
    with pytest.raises(InputError, match="no training window has an observed target"):
        FORECAST_BASELINES[name]().fit(train)


@pytest.mark.parametrize("name", FITTED)
def test_a_single_window_is_enough(name: str) -> None:
    train, _, test = split_windows(panel_of([daily(200, 0)]), SHAPE, (0.08, 0.9))
    assert len(train) == 1
    assert np.isfinite(FORECAST_BASELINES[name]().fit(train).predict(test)).all()


@pytest.mark.parametrize("name", FITTED)
def test_the_number_of_windows_is_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train, validation, _ = two_series()
    taken: set[int] = set()
    cut = Windows.take

    def take(windows: Windows, indices: np.ndarray) -> object:
        if windows is train:
            taken.update(np.asarray(indices).tolist())
        return cut(windows, indices)

    monkeypatch.setattr(Windows, "take", take)
    FORECAST_BASELINES[name]().fit(train, validation, max_windows=40)
    assert 0 < len(taken) <= 40
    assert max(taken) > 200, "the windows are drawn from all of them"


def test_naive_by_hand() -> None:
    target = np.arange(20.0)
    target[[8, 9]] = np.nan
    shape = WindowShape(lookback=4, horizon=3, seasons=(2,))
    (windows,) = split_windows(panel_of([target]), shape, ())
    naive = Naive().fit(windows).predict(windows)
    # The first forecast starts at 4, so the last value seen is 3; from 8 to 10 it is 7.
    assert naive[0] == pytest.approx([3.0] * 3)
    assert naive[4:7, 0] == pytest.approx([7.0] * 3)


def test_naive_takes_the_last_value_seen_whatever_the_center() -> None:
    (windows,) = split_windows(panel_of([np.arange(20.0)]), SHAPE, ())
    batch = windows.take([0, 1, 2])
    past = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    seen = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    forecast = Naive().predict_scaled(batch._replace(past=past, past_mask=seen), np.ones(3))
    np.testing.assert_array_equal(forecast, [[3.0] * 4, [2.0] * 4, [0.0] * 4])


def test_seasonal_naive_by_hand() -> None:
    target = np.array([5.0, 1.0, 2.0, 6.0, np.nan, 3.0, 7.0, 8.0, 9.0, 0.0, 0.0])
    shape = WindowShape(lookback=4, horizon=5, seasons=(3,))
    (windows,) = split_windows(panel_of([target]), shape, ())
    forecasts = FORECAST_BASELINES["seasonal_naive"]().fit(windows).predict(windows)
    # Seen up to step 3: the season is 1, 2, 6.
    assert forecasts[0] == pytest.approx([1.0, 2.0, 6.0, 1.0, 2.0])
    # Seen up to step 5: the season is 6, a gap, 3; the last value seen, 3, stands in for the gap.
    assert forecasts[2] == pytest.approx([6.0, 3.0, 3.0, 6.0, 3.0])


def test_a_season_longer_than_what_is_seen_leaves_the_naive_forecast() -> None:
    shape = WindowShape(lookback=4, horizon=3, seasons=(10,))
    (windows,) = split_windows(panel_of([np.arange(20.0)]), shape, ())
    forecasts = FORECAST_BASELINES["seasonal_naive"]().fit(windows).predict(windows)
    assert forecasts[0] == pytest.approx([3.0] * 3)
    assert forecasts[-1] == pytest.approx([7.0, 8.0, 9.0])


def test_trees_find_what_no_linear_model_can() -> None:
    random = np.random.default_rng(0)
    known = random.normal(size=(900, 1))
    target = known[:, 0] ** 2 + 0.05 * random.normal(size=900)
    train, validation, test = split_windows(panel_of([target], known=[known]), SHAPE, (0.6, 0.8))
    trees, linear = (
        mean_error(FORECAST_BASELINES[name]().fit(train, validation).predict(test), test)
        for name in ("gradient_boosting", "ridge")
    )
    assert trees < 0.6 * linear


def test_the_table_of_the_trees_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    train, validation, _ = two_series()
    trees = GradientBoosting().fit(train, validation)
    cells, rows = 20_000, np.arange(len(train))
    table = trees._table(train, rows, cells, 0)
    assert 0.8 * cells < table.inputs.size <= cells
    steps = table.inputs[:, -1]
    assert set(steps) == set(range(SHAPE.horizon)), "every step of the horizon is drawn"
    everything = trees._table(train, rows, 1e9, 0)
    assert len(everything.target) == len(train) * SHAPE.horizon
    batch = train.take(rows)
    assert everything.target == pytest.approx(batch.target.numpy().ravel())
    monkeypatch.setattr(boosting_module, "PREDICTED", 10)
    few = trees.predict_scaled(batch, np.ones(len(rows)))
    monkeypatch.undo()
    np.testing.assert_array_equal(few, trees.predict_scaled(batch, np.ones(len(rows))))


def test_trees_ask_for_the_mean_or_the_median() -> None:
    target = np.random.default_rng(0).exponential(size=700)
    train, validation, test = split_windows(panel_of([target]), SHAPE, (0.6, 0.8))
    mean, median = (
        GradientBoosting(loss).fit(train, validation).predict(test).mean()
        for loss in ("squared_error", "absolute_error")
    )
    assert mean == pytest.approx(1.0, abs=0.15)
    assert median == pytest.approx(np.log(2), abs=0.15)
    with pytest.raises(OptionError, match="did you mean 'squared_error'"):
        GradientBoosting("squared_eror")


def test_dlinear_is_the_papers_formula() -> None:
    torch.manual_seed(0)
    network = DLinearNetwork(30, 4)
    past = torch.randn(3, 30)
    ends = np.concatenate([past[:, :1].repeat(1, 12), past, past[:, -1:].repeat(1, 12)], axis=1)
    trend = np.stack([ends[:, t : t + 25].mean(axis=1) for t in range(30)], axis=1)
    np.testing.assert_allclose(moving_average(past, 25).numpy(), trend, rtol=1e-5, atol=1e-6)
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    expected = trend @ weights["of_trend.weight"].T + weights["of_trend.bias"]
    expected += (past.numpy() - trend) @ weights["of_rest.weight"].T + weights["of_rest.bias"]
    with torch.no_grad():
        found = network(past, torch.ones_like(past)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_dlinear_keeps_the_weights_that_were_best_on_validation() -> None:
    """Validation that says the reverse of training: every step of training makes it worse."""
    past = torch.randn(200, 24, generator=torch.Generator().manual_seed(0))
    up = Examples(past, torch.ones(200, 24), torch.full((200, 3), 3.0), torch.ones(200, 3))
    down = up._replace(target=-up.target)
    for judged, kept in ((down, True), (up, False)):
        torch.manual_seed(0)
        network = DLinearNetwork(24, 3)
        before = network.of_rest.weight.detach().clone()
        _descend(network, up, judged)
        assert torch.equal(network.of_rest.weight, before) is kept
    assert network(past, up.mask).mean().item() == pytest.approx(3.0, abs=0.5)


def test_dlinear_takes_an_epoch_back_that_made_it_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try starts from the same weights at half the rate, so it ends ever nearer to them."""
    past = torch.randn(64, 24, generator=torch.Generator().manual_seed(0))
    up = Examples(past, torch.ones(64, 24), torch.full((64, 3), 3.0), torch.ones(64, 3))
    down = up._replace(target=-up.target)
    torch.manual_seed(0)
    network = DLinearNetwork(24, 3)
    before = network.of_rest.weight.detach().clone()
    moved = []
    error = dlinear_module._error

    def watched(network: DLinearNetwork, examples: Examples) -> torch.Tensor:
        if examples is down:
            moved.append(float((network.of_rest.weight - before).norm()))
        return error(network, examples)

    monkeypatch.setattr(dlinear_module, "_error", watched)
    _descend(network, up, down)
    assert moved[0] == 0.0
    assert len(moved) == 1 + 5, "the fifth epoch that makes it worse is the last"
    assert all(later < earlier for earlier, later in pairwise(moved[1:]))


def test_a_mask_is_an_input_only_where_anything_is_missing() -> None:
    for gaps in (False, True):
        train, validation, _ = two_series(gaps=gaps)
        network = DLinear().fit(train, validation).network
        assert (network.of_gaps is not None) is gaps
        if network.of_gaps is not None:
            assert network.of_gaps.weight.abs().max() > 0
