"""Trees on the same inputs: what a few seconds of histogram gradient boosting reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from unrolled.errors import unknown_option
from unrolled.tasks.baselines.inputs import Array, Gaps, Inputs, array, blocks, series_units
from unrolled.tasks.baselines.rows import Rows, Split, choose_rows, nothing_observed
from unrolled.tasks.baselines.simple import ForecastBaseline

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

    from unrolled.data.windows import WindowBatch, Windows

LOSSES = ("squared_error", "absolute_error")
MOST_WINDOWS = 60_000
MOST_COVARIATES = 16
MOST_CELLS = 6e6
"""Bound on rows x columns of the training table: 15 to 20 s of one core with all 150 trees."""
PREDICTED = 100_000
"""Rows predicted at a time, for the sake of memory."""


class Table(NamedTuple):
    """Rows of (window, step): inputs (R, D), scaled target (R,), weight (R,)."""

    inputs: Array
    target: Array
    weight: Array


class GradientBoosting(ForecastBaseline):
    """Histogram gradient boosting, one model for all steps with the step among its inputs.

    A row is one step of one window: scaled look-back, the covariates of it that carry most, static
    features, lags of the season, calendar and known covariates of the step, and the number of the
    step. What was not observed is NaN, for which the trees learn the better side. Steps are drawn
    at random so that rows x columns stay under a bound. Up to 150 trees of 31 leaves, learning rate
    0.1, stopped when 15 of them have not lowered the loss on the validation windows; a row weighs
    as much as its window does in ridge.

    The loss is the squared error, which asks for the mean, and not the absolute error that the
    network is trained on: it needs far fewer trees. ``loss="absolute_error"`` asks for the median.

    Friedman (2001), Greedy function approximation: a gradient boosting machine; binned as in Ke et
    al. (2017), LightGBM; scikit-learn's HistGradientBoostingRegressor.

    Args:
        loss: "squared_error" or "absolute_error".

    Raises:
        OptionError: another loss.
    """

    name = "gradient_boosting"
    _inputs: Inputs
    _model: HistGradientBoostingRegressor

    def __init__(self, loss: str = "squared_error") -> None:
        if loss not in LOSSES:
            raise unknown_option("loss", loss, LOSSES)
        self.loss = loss

    def fit(
        self,
        train: Windows,
        validation: Windows | None = None,
        *,
        seed: int = 0,
        max_windows: int | None = None,
    ) -> Self:
        """Fit on steps of training windows and stop early on steps of validation windows."""
        # Imported late: a second that nobody need wait for who asks for another baseline.
        from sklearn.ensemble import HistGradientBoostingRegressor

        most = max_windows or MOST_WINDOWS
        split = Split.of(train, validation).limited(most, most, seed)
        no_masks = Gaps(past=False, seasonal=False, target=False)
        self._inputs = Inputs.fit(
            train,
            split.fit,
            no_masks,
            recent=train.lookback,
            covariates=MOST_COVARIATES,
            seed=seed,
        )
        table = self._table(train, split.fit, MOST_CELLS, seed)
        judged = self._table(split.judge, split.judged, MOST_CELLS / 4, seed + 1)
        if not len(table.target):
            raise nothing_observed()
        self._model = HistGradientBoostingRegressor(
            loss=self.loss,
            learning_rate=0.1,
            max_iter=150,
            max_leaf_nodes=31,
            min_samples_leaf=min(40, 1 + len(table.target) // 31),
            early_stopping=bool(len(judged.target)),
            n_iter_no_change=15,
            random_state=seed,
        )
        against = {"X_val": judged.inputs, "y_val": judged.target}
        against["sample_weight_val"] = judged.weight
        self._model.fit(*table, **(against if len(judged.target) else {}))
        return self

    def predict_scaled(self, batch: WindowBatch, units: Array) -> Array:
        """Return (B, H), every step asked of the same trees."""
        windows, horizon = batch.target.shape
        size = max(1, PREDICTED // horizon)
        parts = []
        for start in range(0, windows, size):
            part = type(batch)(*(tensor[start : start + size] for tensor in batch))
            steps = np.tile(np.arange(horizon), (len(part.target), 1))
            parts.append(self._model.predict(self._rows(part, steps)).reshape(-1, horizon))
        return np.concatenate(parts)

    def _table(self, windows: Windows, rows: Rows, cells: float, seed: int) -> Table:
        """Draw steps of the windows ``rows``: as many different windows as fit under ``cells``."""
        columns = self._rows(windows.take(rows[:1]), np.zeros((1, 1), dtype=np.int64)).shape[1]
        most = max(1, int(cells / columns))
        each = int(np.clip(-(-most // len(rows)), 1, windows.horizon))
        rows = choose_rows(rows, most // each, seed)
        random = np.random.default_rng(seed)
        parts: list[Table] = []
        for batch in blocks(windows, rows):
            order = random.random(batch.target.shape).argsort(axis=1)
            steps = np.sort(order[:, :each], axis=1)
            seen = np.take_along_axis(array(batch.target_mask), steps, axis=1).ravel() > 0
            target = np.take_along_axis(array(batch.target), steps, axis=1).ravel()
            weight = np.repeat(series_units(batch, windows), each)
            parts.append(Table(self._rows(batch, steps)[seen], target[seen], weight[seen]))
        return Table(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _rows(self, batch: WindowBatch, steps: Rows) -> Array:
        """Return (B * k, D) the inputs of the steps (B, k) of each window."""
        shared = self._inputs.shared(batch, fill=np.nan)
        own = np.take_along_axis(
            self._inputs.of_steps(batch, fill=np.nan), steps[:, :, None], axis=1
        )
        parts = [np.repeat(shared, steps.shape[1], axis=0), own.reshape(-1, own.shape[2])]
        return np.concatenate([*parts, steps.reshape(-1, 1)], axis=1)
