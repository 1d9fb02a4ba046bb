"""Forecaster: from a table of series to a trained, scored and saved model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl

from unrolled.data.series import Panel, read_panel
from unrolled.data.windows import Windows
from unrolled.errors import InputError
from unrolled.tasks.baselines import FORECAST_BASELINES, chosen_baselines
from unrolled.tasks.forecast.fitted import Fitted
from unrolled.tasks.forecast.fitting import MakeProgress, prepare
from unrolled.tasks.forecast.frames import forecast_frame
from unrolled.tasks.forecast.inside import facts_of, reach_of
from unrolled.tasks.forecast.joining import counted_on, join_panels
from unrolled.tasks.forecast.predicting import forecast_after
from unrolled.tasks.forecast.saving import load_fitted, save_fitted
from unrolled.tasks.forecast.scoring import as_result, score_beside_baselines
from unrolled.tasks.forecast.settings import read_options
from unrolled.tasks.forecast.trace import trace_of, watched
from unrolled.tasks.forecast.training import Forecasts, forecast_windows
from unrolled.tasks.forecast.window import inputs_of, window_of
from unrolled.tasks.model import ReadInside, TaskModel
from unrolled.tasks.recurrent import CellChoice, cell_maker
from unrolled.tasks.trace import Side, Trace
from unrolled.tasks.tracing import Reach
from unrolled.train.loop import TrainResult


class RollingForecasts(NamedTuple):
    """Forecasts from every origin after what the model has seen."""

    windows: Windows
    forecasts: Forecasts


class Forecaster(TaskModel):
    """Forecasts series with a recurrent network.

    Args:
        cell: "rnn", "lstm", "gru", ..., a cell's class, or a function ``(input_size, hidden_size) -> Layer``.
        horizon: steps to forecast.
        lookback: steps that are looked back upon; None = chosen from the frequency and the length of the data.
        season: length of the season in steps, or several; None = the usual ones of the frequency.
        freq: "h", "15min", "D", "MS", ...; None = found from the times, "step" counts rows.
        hidden_size: units of a layer.
        seed: of every random number.
        options: all others, see `ForecastSettings` and `TrainSettings`: columns (``target="sales"``,
            ``known=["price"]``), ``missing="mask"``, ``decode``, ``output``, ``layers``, ``max_steps``, ...

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.

    Attributes:
        notes: what was mended or left out when data was read, one line each.
        training: what came of the last `fit`; None before.

    >>> import numpy as np
    >>> table = {"y": np.sin(np.arange(200) * 2 * np.pi / 10)}
    >>> model = Forecaster("gru", horizon=5, season=10, lookback=20, hidden_size=8, max_steps=20)
    >>> model.fit(table).predict().columns
    ['unique_id', 'ds', 'y_hat', 'lo-80', 'hi-80', 'lo-95', 'hi-95']
    """

    def __init__(
        self,
        cell: CellChoice = "gru",
        *,
        horizon: int,
        lookback: int | None = None,
        season: int | Sequence[int] | None = None,
        freq: str | None = None,
        hidden_size: int = 64,
        seed: int = 0,
        **options: Any,
    ) -> None:
        cell_maker(cell)
        self.cell = cell
        self.settings, self.train_options = read_options(
            {
                "horizon": horizon,
                "lookback": lookback,
                "season": season,
                "freq": freq,
                "hidden_size": hidden_size,
                "seed": seed,
                **options,
            }
        )
        self.notes: tuple[str, ...] = ()
        self.training: TrainResult | None = None
        self._fitted: Fitted | None = None

    @property
    def fitted(self) -> Fitted:
        """The network, and what was learned and kept beside it.

        Raises:
            InputError: the model is not fitted yet.
        """
        fitted: Fitted = self._require_fitted()
        return fitted

    def fit(
        self,
        data: Any,
        *,
        validation: Any = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: MakeProgress | None = None,
    ) -> Self:
        """Train on ``data``; a model that is fitted already goes on from its weights, with the rows that are new.

        The end of every series is kept aside: the settings' ``test`` part is not looked at (`evaluate` scores it), the
        ``validation`` part before it tells when to stop and how wide the intervals are.

        Args:
            data: a file, a dataframe, a dict of columns or a list of dicts.
            validation: rows that follow those of ``data``, in place of a part of it; then there is no test part.
            folder: where the training's checkpoint and metrics go.
            resume: go on from the checkpoint in ``folder``.
            progress: makes what is told of every step from the settings of the training, for instance
                `unrolled.train.progress.TerminalProgress`.

        Raises:
            InputError: the data cannot be used; what, where and how to mend it is said.
            TrainingError: the loss or a gradient was not finite; the last good weights are kept.
        """
        before = self._fitted
        panel = self._read(data)
        training_ends = None
        if before is not None:
            panel = join_panels(before.panel, panel)
        if validation is not None:
            training_ends = np.array([len(series) for series in panel.series], dtype=np.int64)
            panel = join_panels(panel, self._read_like(validation, panel))
        task = prepare(self.cell, self.settings, self.train_options, panel, before, training_ends)
        self.notes += task.parts.notes
        self._fitted, self.training = task.run(folder, resume=resume, progress=progress)
        return self

    def update(self, data: Any) -> Self:
        """Take in new rows without training: the next forecast begins after them.

        Raises:
            InputError: rows between those known and the new ones are missing, or the data cannot be used.
        """
        kept = self.fitted.panel
        panel = join_panels(kept, counted_on(kept, self._read_like(data, kept)))
        self._fitted = replace(self.fitted, panel=panel)
        return self

    def predict(self, data: Any = None, horizon: int | None = None) -> pl.DataFrame:
        """Forecast what comes after the last row of every series.

        Args:
            data: the series to forecast, which need not have been trained on; rows before those given are known from
                training. Known covariates of the horizon are rows with an empty target. None = after all rows so far.
            horizon: steps, at most those trained for; any number with ``decode="autoregressive"``.

        Returns:
            unique_id, ds, y_hat (the median), lo-80, hi-80, lo-95, hi-95.

        Raises:
            InputError: the data cannot be used, or known covariates of the horizon are missing.
            OptionError: the horizon is longer than trained for.
        """
        panel, rows = self._joined(data)
        return forecast_after(self.fitted, self.settings, panel, rows, horizon)

    def rolling(self, data: Any = None, *, stride: int = 1) -> RollingForecasts:
        """Forecast from every origin after the end of what the model has seen, every ``stride`` steps.

        Raises:
            InputError: no window is left there.
        """
        fitted = self.fitted
        panel, rows = self._joined(data)
        windows = fitted.rolling_windows(panel, stride)
        chosen = np.flatnonzero(np.isin(windows.origins[:, 0], rows))
        windows = Windows.at(windows.history, windows.shape, windows.origins[chosen])
        if not len(windows):
            raise InputError(
                f"there is no window of {fitted.shape.horizon} steps after the end of what the model has seen",
                expected="rows after its training and validation part",
                fix="give newer rows, or train with a larger test part",
            )
        forecasts = forecast_windows(fitted.network, windows, fitted.calibration)
        return RollingForecasts(windows, forecasts)

    def evaluate(
        self, data: Any = None, *, stride: int = 1, baselines: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Score every rolling origin after the end of what the model has seen, beside the simple methods.

        Args:
            data: rows that go on from those of the training; None = the test part that `fit` kept aside.
            stride: steps from one origin to the next.
            baselines: which of them to score, all of them by default.

        Returns:
            {"task": "forecast", "scores": {"model": {"mae": ...}, "naive": {...}, ...}, "windows": ..., ...}

        Raises:
            InputError: no origin is left to score.
        """
        names = chosen_baselines(baselines, FORECAST_BASELINES)
        windows, forecasts = self.rolling(data, stride=stride)
        fitted_on = self.fitted.fitted_on(windows.history)
        seed = int(self.train_options["seed"])
        scores = score_beside_baselines(forecasts, windows, fitted_on, names, seed=seed)
        return as_result(scores, windows)

    def backtest(self, data: Any = None, *, stride: int | None = None) -> pl.DataFrame:
        """Return the forecasts of rolling origins with what came: also ``cutoff`` and ``y``.

        Args:
            data: as in `evaluate`.
            stride: steps from one origin to the next; None = the horizon, so that no step is forecast twice.
        """
        windows, forecasts = self.rolling(data, stride=stride or self.settings.horizon)
        return forecast_frame(windows, forecasts, backtest=True)

    def trace(
        self,
        data: Any = None,
        *,
        series: str | None = None,
        origin: Any = None,
        values: Iterable[float | None] | None = None,
    ) -> Trace:
        """Return what happens inside on one window, with the forecast beside what came and what simple methods say.

        A step of the layer reads a segment of the look-back. ``trace(data, **trace.input)`` gives the same again.

        Args:
            data: as of `predict`.
            series: the name of the series; None = the first.
            origin: time, or number, of the forecast's first step; None = the last from which the whole horizon is known,
                so that it stands beside the forecast, or the step after the last one.
            values: in place of those of the look-back; None where nothing was observed.

        Raises:
            InputError: there is no such series or step, the values do not fit, nothing was observed in the look-back, or
                known covariates of the horizon are missing.

        >>> import numpy as np
        >>> table = {"y": np.sin(np.arange(200) * 2 * np.pi / 10)}
        >>> model = Forecaster("gru", horizon=5, season=10, lookback=20, hidden_size=8, max_steps=20).fit(table)
        >>> trace = model.trace()
        >>> trace.input["origin"], trace.outputs[0].median.shape, trace.outputs[0].happened.shape
        ('195', (5,), (5,))
        """
        panel, rows = self._joined(data)
        window = window_of(self.fitted, panel, rows.tolist(), series, origin, values)
        return trace_of(self.fitted, window)

    def watched(self, inputs: Iterable[Mapping[str, Any]], data: Any = None) -> tuple[Side, ...]:
        """Return what each cell does on many windows at once, as `trace` does of one, without anything that comes out.

        Args:
            inputs: of each window its series, origin and values, as of `trace`.
            data: as of `trace`.

        Raises:
            InputError: there is no window, or one cannot be read.
        """
        panel, rows = self._joined(data)
        asked = rows.tolist()
        windows = [window_of(self.fitted, panel, asked, **given) for given in inputs]
        if not windows:
            raise InputError(
                "there is no window to read", expected="a series and an origin of each"
            )
        return watched(self.fitted, windows)

    def inputs_of(self, source: Any = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the windows of a file or a frame as `trace` takes them: look-backs one behind the other, at most ``limit``.

        Args:
            source: as ``data`` of `predict`; `trace` and `watched` must be given it, too.
            limit: where there are more, some of them, evenly spread.

        Raises:
            InputError: it cannot be read, or holds no window.
        """
        panel, rows = self._joined(source)
        return inputs_of(self.fitted, panel, rows.tolist(), limit)

    def facts(self) -> Mapping[str, object]:
        """Return what was configured and measured, by name."""
        seed = int(self.train_options["seed"])
        return facts_of(self.fitted, self.cell, seed, self.training)

    def reach(self) -> Reach:
        """Return |dL/dh| of the loss on some training windows by cell, by the distance in segments from the origin."""
        return reach_of(self.fitted)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into ``folder``: config.json and model.safetensors, which hold the rows given so far, too.

        The rows are what a forecast, new rows and a later `fit` go on from.
        """
        return save_fitted(folder, self.cell, self.settings, self.train_options, self.fitted)

    @classmethod
    def _read_saved(
        cls, folder: str | os.PathLike[str], cell: CellChoice | None
    ) -> tuple[CellChoice, dict[str, Any], ReadInside]:
        return load_fitted(folder, cell)

    def _take(self, inside: Fitted) -> None:
        self._fitted = inside

    def _read(self, data: Any) -> Panel:
        settings, before = self.settings, self._fitted
        if before is not None:
            return self._read_like(data, before.panel)
        least = (settings.lookback or 1) + settings.horizon
        panel = read_panel(
            data,
            settings.columns,
            freq=settings.freq,
            missing=settings.missing,
            minimum_length=least,
        )
        self.notes = panel.notes
        return panel

    def _read_like(self, data: Any, panel: Panel) -> Panel:
        read = read_panel(data, like=panel.form, missing=self.settings.missing)
        self.notes = read.notes
        return read

    def _joined(self, data: Any) -> tuple[Panel, np.ndarray]:
        """Return the panel that begins with the series of the model, and which of its series are asked for."""
        kept = self.fitted.panel
        if data is None:
            return kept, np.arange(len(kept.series))
        new = self._read_like(data, kept)
        panel = join_panels(kept, new)
        asked = {series.id for series in new.series}
        return panel, np.flatnonzero([series.id in asked for series in panel.series])
