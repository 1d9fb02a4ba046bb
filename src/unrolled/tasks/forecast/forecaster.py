"""Forecaster: from a table of series to a trained, scored and saved model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl

from unrolled.data.series import Panel, read_panel
from unrolled.data.windows import Windows
from unrolled.errors import InputError, OptionError
from unrolled.tasks.forecast.calibration import Calibration
from unrolled.tasks.forecast.defaults import choose_segment, choose_shape
from unrolled.tasks.forecast.fitted import (
    Fitted,
    last_times,
    make_network,
    network_sizes,
    with_more_series,
)
from unrolled.tasks.forecast.frames import forecast_frame
from unrolled.tasks.forecast.joining import counted_on, join_panels, positions_after
from unrolled.tasks.forecast.parts import Parts
from unrolled.tasks.forecast.saving import load_fitted, save_fitted
from unrolled.tasks.forecast.scoring import as_result, chosen_baselines, score_beside_baselines
from unrolled.tasks.forecast.settings import read_options, training_settings
from unrolled.tasks.forecast.training import (
    Forecasts,
    calibrate,
    forecast_loss,
    forecast_windows,
    training_batches,
    validation_score,
)
from unrolled.tasks.recurrent import CellChoice, cell_maker
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Progress
from unrolled.train.settings import TrainSettings


class RollingForecasts(NamedTuple):
    """Forecasts from every origin after what the model has seen."""

    windows: Windows
    forecasts: Forecasts


class Forecaster:
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
        if self._fitted is None:
            raise InputError("this Forecaster is not fitted yet", fix="call fit(data) first")
        return self._fitted

    def fit(
        self,
        data: Any,
        *,
        validation: Any = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: Callable[[TrainSettings], Progress] | None = None,
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
        parts_end = None
        if before is not None:
            panel = join_panels(before.panel, panel)
        if validation is not None:
            parts_end = np.array([len(series) for series in panel.series], dtype=np.int64)
            panel = join_panels(panel, self._read_like(validation, panel))
        self._fit(panel, before, parts_end, folder, resume=resume, progress=progress)
        return self

    def _fit(
        self,
        panel: Panel,
        before: Fitted | None,
        training_ends: np.ndarray | None,
        folder: str | os.PathLike[str] | None,
        *,
        resume: bool,
        progress: Callable[[TrainSettings], Progress] | None,
    ) -> None:
        shape = before.shape if before else choose_shape(self.settings, panel)
        if training_ends is None:
            begin = positions_after(panel, before.seen) if before else None
            parts = Parts.of(panel, shape, self.settings, begin)
        else:
            parts = Parts.given(panel, training_ends)
        self.notes += parts.notes
        windows = parts.windows(panel, shape, before.scaling if before else None)
        settings = training_settings(self.train_options, len(windows.training))
        if before is None:
            segment = choose_segment(self.settings, panel.freq, shape)
            sizes = network_sizes(self.settings, windows.training, segment, self.settings.embedding)
            network = make_network(self.cell, self.settings, sizes, settings.seed)
        else:
            network = with_more_series(before.network, len(panel.series))
        self.training = fit(
            network,
            forecast_loss,
            training_batches(windows.training, settings),
            settings,
            validate=validation_score(windows.validation) if len(windows.validation) else None,
            folder=None if folder is None else Path(folder),
            resume=resume,
            progress=progress(settings) if progress else None,
        )
        network.eval()
        self._fitted = Fitted(
            panel,
            shape,
            network,
            windows.history.scaling,
            calibrate(network, windows.validation) if len(windows.validation) else Calibration(),
            last_times(panel, parts.training_ends),
            last_times(panel, parts.validation_ends),
        )

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
        fitted = self.fitted
        panel, rows = self._joined(data)
        steps = self._checked_horizon(horizon)
        # As in training; what is too much is cut off afterwards.
        segment, whole = fitted.network.sizes.segment, fitted.shape.horizon
        if steps > whole:
            whole = -(-steps // segment) * segment
        history = fitted.history(panel, whole)
        history.require_known_ahead(rows, steps)
        origins = np.stack([rows, history.lengths[rows]], axis=1)
        windows = Windows.at(history, replace(fitted.shape, horizon=whole), origins)
        self._refuse_unobserved(windows)
        forecasts = forecast_windows(fitted.network, windows, fitted.calibration)
        asked = Windows.at(history, replace(fitted.shape, horizon=steps), origins)
        return forecast_frame(asked, Forecasts(forecasts.quantiles[:, :steps]))

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
        names = chosen_baselines(baselines)
        windows, forecasts = self.rolling(data, stride=stride)
        trained = windows.history.ends
        seen = positions_after(windows.history.panel, self.fitted.seen)
        fitted_on = (
            Windows(windows.history, windows.shape, 0 * trained, np.minimum(trained, seen)),
            Windows(windows.history, windows.shape, trained, seen),
        )
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

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into ``folder``: config.json and model.safetensors, which hold the rows given so far, too.

        The rows are what a forecast, new rows and a later `fit` go on from.
        """
        return save_fitted(folder, self.cell, self.settings, self.train_options, self.fitted)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, cell: CellChoice | None = None) -> Self:
        """Return the model saved in ``folder``.

        Args:
            folder: of the model.
            cell: the cell it was made with, where that was the user's own: no code is read from a file.

        Raises:
            ModelFileError: there is no model, it is damaged, or its cell must be given.
        """
        cell, options, read = load_fitted(folder, cell)
        model = cls(cell, **options)
        model._fitted = read(model.settings)
        return model

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

    def _checked_horizon(self, horizon: int | None) -> int:
        if horizon is None:
            return self.settings.horizon
        if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
            raise OptionError(f"horizon={horizon!r}", expected="a whole number of at least 1")
        if horizon > self.settings.horizon and self.settings.decode == "direct":
            raise OptionError(
                f"horizon={horizon} is longer than the {self.settings.horizon} steps trained for",
                fix="train with a longer horizon, or with decode='autoregressive', which goes to any",
            )
        return horizon

    @staticmethod
    def _refuse_unobserved(windows: Windows) -> None:
        for row, mask in enumerate(windows.take(np.arange(len(windows))).past_mask):
            if not bool(mask.any()):
                series = windows.history.panel.series[windows.origins[row, 0]]
                raise InputError(
                    f"nothing was observed in the last {windows.lookback} steps",
                    where=f"series {series.id}",
                    fix="give a value there, or leave the series out",
                )
