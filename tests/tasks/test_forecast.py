"""Forecaster: every input is used, every way in is checked, and what is saved comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unrolled import GRU, RNN, Layer
from unrolled.errors import InputError, ModelFileError, OptionError
from unrolled.models.heads import HEADS
from unrolled.tasks.forecast import Forecaster
from unrolled.tasks.saving import load

COLUMNS = ["unique_id", "ds", "y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
SMALL: dict[str, Any] = {
    "horizon": 4, "lookback": 12, "season": 6, "hidden_size": 12, "max_steps": 60, "batch_size": 32,
    "learning_rate": 0.01, "threads": 1,
}  # fmt: skip


def wave(rows: int = 160, *, noise: float = 0.1, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(int(shift))
    return 5 * np.sin(2 * np.pi * np.arange(rows) / 6 + shift) + noise * random.normal(size=rows)


def panel(rows: int = 160, series: int = 2) -> pl.DataFrame:
    hours = pl.datetime_range(
        pl.datetime(2024, 1, 1), pl.datetime(2024, 12, 31), "1h", eager=True
    ).head(rows)
    return pl.concat(
        pl.DataFrame(
            {"unique_id": [f"s{n}"] * rows, "ds": hours, "y": 10 * n + wave(rows, shift=float(n))}
        )
        for n in range(series)
    )


def made(**options: Any) -> Forecaster:
    return Forecaster(**{**SMALL, **options})


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return made().fit(panel())


def error(model: Forecaster, data: Any = None, baselines: tuple[str, ...] = ()) -> float:
    return float(model.evaluate(data, baselines=baselines)["scores"]["model"]["mae"])


def test_a_forecast_has_a_row_for_every_series_and_step(fitted: Forecaster) -> None:
    forecast = fitted.predict()
    assert forecast.columns == COLUMNS
    assert forecast["unique_id"].to_list() == ["s0"] * 4 + ["s1"] * 4
    after = panel(164).filter(pl.col("unique_id") == "s0")["ds"].tail(4)
    assert forecast["ds"].head(4).to_list() == after.to_list()
    rising = forecast.select("lo-95", "lo-80", "y_hat", "hi-80", "hi-95").to_numpy()
    assert (np.diff(rising, axis=1) >= 0).all()


def test_the_forecast_is_close_to_what_comes(fitted: Forecaster) -> None:
    truth = panel(164).group_by("unique_id", maintain_order=True).tail(4)["y"]
    assert (fitted.predict()["y_hat"] - truth).abs().max() < 1.5


def test_scores_stand_beside_every_baseline_model_first(fitted: Forecaster) -> None:
    result = fitted.evaluate()
    assert result["task"] == "forecast"
    assert list(result["scores"]) == [
        "model", "naive", "seasonal_naive", "ridge", "gradient_boosting", "dlinear",
    ]  # fmt: skip
    scores = result["scores"]
    assert scores["model"]["mae"] < 0.5 * scores["naive"]["mae"]
    assert set(scores["model"]) >= {"mae", "mse", "mase", "smape", "crps", "coverage_80"}
    assert result["windows"] == 2 * (32 - 4 + 1)
    json.dumps(result)


def test_only_the_baselines_asked_for_are_fitted(fitted: Forecaster) -> None:
    assert list(fitted.evaluate(baselines=["naive"])["scores"]) == ["model", "naive"]
    with pytest.raises(OptionError, match="seasonal_naive"):
        fitted.evaluate(baselines=["seasonal"])


@pytest.mark.parametrize("decode", ["direct", "autoregressive"])
@pytest.mark.parametrize("output", HEADS)
def test_every_decoding_and_output_learns(decode: str, output: str) -> None:
    model = made(decode=decode, output=output, segment=2, max_steps=120).fit({"y": wave()})
    scores = model.evaluate(baselines=["naive"])["scores"]
    assert scores["model"]["mae"] < 0.4 * scores["naive"]["mae"]
    assert 0.5 < scores["model"]["coverage_80"] <= 1


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole_lstm", "layer_norm_gru", RNN])
def test_any_cell_by_name_or_class(cell: Any) -> None:
    assert error(made(cell=cell, layers=2, max_steps=30).fit({"y": wave()})) < 3


def test_the_same_seed_gives_the_same_forecast_and_another_one_does_not() -> None:
    table = {"y": wave()}
    one, same, other = (made(seed=s, max_steps=10).fit(table).predict() for s in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


@pytest.mark.parametrize("role", ["known", "past"])
def test_covariates_are_used(role: str) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    lag = 4 if role == "past" else 0  # what comes in 4 steps is seen in the covariate now
    table = {"ds": np.arange(400), "y": np.roll(x, lag) + 0.05 * random.normal(size=400), "x": x}
    options: dict[str, Any] = {"time": "ds", "target": "y", "max_steps": 300, "season": 4}
    without = made(**options).fit(table)
    using = made(**options, **{role: "x"}).fit(table)
    assert error(using) < 0.5 * error(without)


def test_known_covariates_of_the_horizon_come_as_rows_without_a_target() -> None:
    x = np.tile([0.0, 1.0, 3.0], 60)
    y = [*(2 * x[:176] + 1), *[None] * 4]
    table = pl.DataFrame({"ds": np.arange(180), "y": y, "x": x})
    model = made(known="x", max_steps=100, season=3).fit(table)
    forecast = model.predict()
    assert forecast["ds"].to_list() == [176, 177, 178, 179]
    assert (forecast["y_hat"] - (2 * x[176:] + 1)).abs().max() < 1.0
    with pytest.raises(InputError, match=r"known covariates \(x\) end 0 steps after"):
        model.predict(table.head(170))


def answers_to_a_pulse(rows: int) -> pl.DataFrame:
    """Return series in which every tenth step is a pulse; after it some go up and some go down, as ``way`` tells."""
    parts = []
    for n in range(8):
        way, phase = (1 if n % 2 else -1), np.arange(rows) % 10
        y = np.select([phase == 0, phase <= 4], [3.0, 2.0 * way], 0.0) + wave(rows) / 100
        columns = {
            "unique_id": f"s{n}",
            "ds": np.arange(rows),
            "y": y,
            "way": "up" if n % 2 else "down",
        }
        parts.append(pl.DataFrame(columns))
    return pl.concat(parts)


def test_static_features_are_used() -> None:
    model = made(lookback=5, max_steps=400, static="way").fit(answers_to_a_pulse(200))
    new = answers_to_a_pulse(201).with_columns(pl.col("unique_id") + " new")  # ends with a pulse
    forecast = model.predict(new)
    up = pl.col("unique_id").is_in([f"s{n} new" for n in (1, 3, 5, 7)])
    assert len(forecast) == 32
    after = forecast.group_by("unique_id").agg(pl.col("y_hat").mean())
    assert after.filter(up)["y_hat"].min() > 1 > 0 > after.filter(~up)["y_hat"].max()


def test_missing_values_are_masked_when_asked_and_refused_otherwise() -> None:
    y = wave(200)
    y[np.random.default_rng(0).random(200) < 0.2] = np.nan
    with pytest.raises(InputError, match="missing"):
        made().fit({"y": y})
    model = made(missing="mask", max_steps=150).fit({"y": y})
    forecast = model.predict()
    assert not forecast["y_hat"].is_nan().any()
    assert error(model) < 1.5


def test_a_lookback_without_any_value_is_refused() -> None:
    model = made(missing="mask", max_steps=5).fit({"y": wave()})
    gone = np.concatenate([wave(40), np.full(12, np.nan)])
    with pytest.raises(InputError, match="nothing was observed in the last 12 steps"):
        model.predict({"y": gone})


def test_several_targets_are_several_series() -> None:
    table = pl.DataFrame({"ds": np.arange(160), "a": wave(), "b": 100 + wave(shift=2)})
    forecast = made(target="all").fit(table).predict()
    assert forecast["unique_id"].unique(maintain_order=True).to_list() == ["a", "b"]
    assert forecast.filter(pl.col("unique_id") == "b")["y_hat"].is_between(90, 110).all()


def test_a_level_shift_does_not_matter() -> None:
    model = made(max_steps=100).fit({"y": wave()})
    usual, shifted = model.predict({"y": wave(50)}), model.predict({"y": 1000 + wave(50)})
    assert (shifted["y_hat"] - usual["y_hat"] - 1000).abs().max() < 0.05


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_shorter_horizon_is_the_beginning_of_the_whole(fitted: Forecaster, horizon: int) -> None:
    whole = fitted.predict().group_by("unique_id", maintain_order=True).head(horizon)
    assert fitted.predict(horizon=horizon).equals(whole)


def test_a_longer_horizon_needs_autoregressive_decoding(fitted: Forecaster) -> None:
    with pytest.raises(OptionError, match=r"horizon=5.*4 steps.*autoregressive"):
        fitted.predict(horizon=5)
    model = made(decode="autoregressive", segment=4, max_steps=120).fit({"y": wave()})
    forecast = model.predict(horizon=30)
    assert len(forecast) == 30
    assert (forecast["y_hat"] - wave(190, noise=0)[160:]).abs().mean() < 1.5


def test_new_rows_move_the_forecast_without_training(fitted: Forecaster, tmp_path: Path) -> None:
    model = Forecaster.load(fitted.save(tmp_path))
    weights = {n: w.clone() for n, w in model.fitted.network.state_dict().items()}
    later = panel(170).filter(pl.col("ds") > panel()["ds"].max())
    updated = model.update(later).predict()
    assert updated.equals(fitted.predict(panel(170)))
    assert updated["ds"].min() > later["ds"].max()
    assert all(torch.equal(w, weights[n]) for n, w in model.fitted.network.state_dict().items())


def test_new_rows_after_a_gap_are_refused(fitted: Forecaster) -> None:
    last = panel()["ds"].max()
    gap = panel(170).filter(pl.col("ds") > last).group_by("unique_id", maintain_order=True).tail(5)
    with pytest.raises(InputError, match=r"series s0.*expected rows from"):
        fitted.predict(gap)


def test_counted_rows_go_on_from_those_before() -> None:
    model = made(max_steps=5).fit({"y": wave()})
    assert model.update({"y": wave(10)}).predict()["ds"].to_list() == [170, 171, 172, 173]


def test_fitting_again_goes_on_with_new_rows_and_new_series(tmp_path: Path) -> None:
    first = made(max_steps=40).fit(panel())
    first.save(tmp_path)
    again = Forecaster.load(tmp_path)
    seen = again.fitted.seen["s0"]
    again.fit(panel(260, series=3))
    assert again.fitted.network.sizes.series == 3
    assert again.fitted.seen["s0"] > seen
    assert again.predict()["unique_id"].n_unique() == 3
    assert error(again) < 1.5
    # What was kept aside before and not seen since is still not seen: the parts are cut from the new rows.
    assert again.evaluate(baselines=())["windows"] < 3 * 100


def test_scores_are_of_rows_that_fitting_has_not_seen(fitted: Forecaster) -> None:
    windows, _ = fitted.rolling()
    assert windows.origins[:, 1].min() == 160 - 32
    assert fitted.evaluate(panel(), baselines=())["windows"] == len(windows)
    with pytest.raises(InputError, match="no window of 4 steps after the end"):
        fitted.evaluate(panel(120))


def test_a_leak_would_show_in_the_scores_of_noise() -> None:
    y = np.random.default_rng(0).normal(size=400).cumsum()
    scores = made(max_steps=100).fit({"y": y}).evaluate(baselines=["naive"])["scores"]
    assert scores["model"]["mae"] > 0.95 * scores["naive"]["mae"]


def test_a_backtest_has_what_came_beside_every_forecast(fitted: Forecaster) -> None:
    backtest = fitted.backtest()
    assert backtest.columns == ["unique_id", "cutoff", "ds", "y", *COLUMNS[2:]]
    joined = backtest.join(panel(), on=["unique_id", "ds"], how="left")
    assert (joined["y"] - joined["y_right"]).abs().max() == 0
    assert (backtest["ds"] > backtest["cutoff"]).all()
    assert backtest.select("unique_id", "ds").is_unique().all()


def test_own_validation_rows_replace_the_parts() -> None:
    first = panel(120)
    later = panel().filter(pl.col("ds") > first["ds"].max())
    model = made(max_steps=20).fit(first, validation=later)
    assert model.training is not None and model.training.best_score is not None
    with pytest.raises(InputError, match="no window"):
        model.evaluate()
    assert model.evaluate(panel(180), baselines=())["windows"] == 2 * (20 - 4 + 1)


def test_short_series_lose_the_test_part_before_the_validation_part() -> None:
    model = made(max_steps=5).fit({"y": wave(22)})
    assert any("too short for a test part" in note for note in model.notes)
    with pytest.raises(InputError, match="no window"):
        model.evaluate()
    with pytest.raises(InputError, match="at least 16"):
        made().fit({"y": wave(15)})


def test_a_saved_model_forecasts_the_same(fitted: Forecaster, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "model")
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    for loaded in (Forecaster.load(folder), load(folder)):
        assert loaded.predict().equals(fitted.predict())
        assert loaded.evaluate(baselines=()) == fitted.evaluate(baselines=())
    assert Forecaster.load(folder).save(tmp_path / "again").joinpath("model.safetensors").exists()


def test_a_model_with_a_cell_of_ones_own_asks_for_it(tmp_path: Path) -> None:
    def small(input_size: int, hidden_size: int) -> Layer:
        return GRU(input_size, hidden_size, reset="before")

    model = made(cell=small, max_steps=5).fit({"y": wave()})
    model.save(tmp_path)
    with pytest.raises(ModelFileError, match="cell=YourCell"):
        Forecaster.load(tmp_path)
    assert Forecaster.load(tmp_path, cell=small).predict().equals(model.predict())
    with pytest.raises(ModelFileError, match="weights do not fit"):
        Forecaster.load(tmp_path, cell="lstm")


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_damaged_model_is_refused(fitted: Forecaster, tmp_path: Path, file: str) -> None:
    path = fitted.save(tmp_path) / file
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match=file):
        Forecaster.load(tmp_path)
    path.unlink()
    with pytest.raises(ModelFileError, match=file):
        Forecaster.load(tmp_path)


def test_files_of_two_savings_are_not_mixed(fitted: Forecaster, tmp_path: Path) -> None:
    one, other = fitted.save(tmp_path / "one"), fitted.save(tmp_path / "other")
    (one / "config.json").replace(other / "config.json")
    with pytest.raises(ModelFileError, match="does not belong"):
        Forecaster.load(other)


def test_an_interrupted_training_resumes_to_the_same_forecast(tmp_path: Path) -> None:
    table = {"y": wave()}
    whole = made(max_steps=40, checkpoint_every=10, evaluate_every=10).fit(table)

    class StopError(Exception):
        pass

    class StopsAt25:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...
        def evaluated(self, record: object) -> None: ...
        def step(self, run: Any) -> None:
            if run.step == 25:
                raise StopError

    cut = made(max_steps=40, checkpoint_every=10, evaluate_every=10)
    with pytest.raises(StopError):
        cut.fit(table, folder=tmp_path, progress=lambda settings: StopsAt25())
    resumed = made(max_steps=40, checkpoint_every=10, evaluate_every=10)
    assert resumed.fit(table, folder=tmp_path, resume=True).predict().equals(whole.predict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hiden_size": 3}, "hidden_size"),
        ({"learning_rat": 3}, "learning_rate"),
        ({"cell": "gruu"}, "'gru'"),
        ({"cell": GRU(3, 3)}, "the class itself"),
        ({"decode": "direkt"}, "'direct'"),
        ({"output": "quantiles"}, "'quantile'"),
        ({"missing": "masks"}, "'mask'"),
        ({"horizon": 0}, "horizon=0"),
        ({"horizon": 1.5}, "horizon=1.5"),
        ({"lookback": -1}, "lookback=-1"),
        ({"season": [24, 0]}, "season"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"test": 1.5}, "test=1.5"),
        ({"validation": True}, "validation=True"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_a_wrong_option_is_refused_when_the_forecaster_is_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        made(**options)


def test_a_segment_longer_than_the_lookback_is_refused() -> None:
    with pytest.raises(OptionError, match="segment=13"):
        made(segment=13).fit({"y": wave()})


def test_what_is_not_fitted_cannot_forecast() -> None:
    with pytest.raises(InputError, match="not fitted yet"):
        made().predict()


def test_another_frequency_or_column_is_refused(fitted: Forecaster) -> None:
    daily = panel(30).with_columns(
        ds=pl.datetime_range(
            pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 30), "1d", eager=True
        ).append(
            pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 30), "1d", eager=True)
        )
    )
    with pytest.raises(InputError):
        fitted.predict(daily)
