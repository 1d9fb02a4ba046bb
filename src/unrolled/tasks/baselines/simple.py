"""What a forecast baseline is, and the two that fit nothing: naive and seasonal naive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from unrolled.tasks.baselines.inputs import Array, Rows, array, blocks, original_units, series_units

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from unrolled.data.windows import WindowBatch, Windows


class ForecastBaseline(ABC):
    """A simple method that could have done the job, fitted and asked on windows like the network.

    A subclass writes ``fit`` and ``predict_scaled``.
    """

    name: ClassVar[str]

    @abstractmethod
    def fit(
        self,
        train: Windows,
        validation: Windows | None = None,
        *,
        seed: int = 0,
        max_windows: int | None = None,
    ) -> Self:
        """Fit on training windows; choose settings on validation windows.

        Args:
            train: the windows to fit on.
            validation: the windows to choose on; None holds out the last part of ``train``.
            seed: of every draw.
            max_windows: the most training windows to use; None is the baseline's own bound.

        Raises:
            InputError: there is no training window, or none with an observed target.
        """

    @abstractmethod
    def predict_scaled(self, batch: WindowBatch, units: Array) -> Array:
        """Return (B, H) forecasts, scaled as the batch's look-back is.

        Args:
            batch: B windows.
            units: (B,) what a scaled error of 1 is in units of the series' seasonal error.
        """

    def predict(self, windows: Windows, indices: ArrayLike | None = None) -> Array:
        """Return (n, H) float64 forecasts in original units of the windows ``indices`` (None: all)."""
        chosen = np.arange(len(windows)) if indices is None else indices
        rows: Rows = np.asarray(chosen, dtype=np.int64).reshape(-1)
        parts = []
        for batch in blocks(windows, rows):
            scaled = self.predict_scaled(batch, series_units(batch, windows))
            parts.append(original_units(scaled, batch))
        return np.concatenate(parts) if parts else np.zeros((0, windows.horizon))


class Naive(ForecastBaseline):
    """The last observed value, for every step: y_{t+h} = y_t, the forecast of a random walk.

    A look-back without any observation gives the window's center.
    Hyndman & Athanasopoulos (2021), Forecasting: principles and practice, 5.2.
    """

    name = "naive"

    def fit(
        self,
        train: Windows,
        validation: Windows | None = None,
        *,
        seed: int = 0,
        max_windows: int | None = None,
    ) -> Self:
        """Fit nothing."""
        return self

    def predict_scaled(self, batch: WindowBatch, units: Array) -> Array:
        """Return the last observed value of every window, repeated."""
        past, seen = array(batch.past), array(batch.past_mask) > 0
        last = past.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
        value = np.where(seen.any(axis=1), past[np.arange(len(past)), last], 0.0)
        return np.repeat(value[:, None], batch.target.shape[1], axis=1)


class SeasonalNaive(Naive):
    """The latest value a whole number of seasons before the step that is seen at the origin.

    y_{t+h} = y_{t+h-km}, m the first season of the windows and k the smallest number with h <= km.
    Where that value was not observed, or lies before the start of the series, it is the naive
    forecast. Hyndman & Athanasopoulos (2021), Forecasting: principles and practice, 5.2.
    """

    name = "seasonal_naive"

    def predict_scaled(self, batch: WindowBatch, units: Array) -> Array:
        """Return the lag of the first season."""
        last = super().predict_scaled(batch, units)
        if not batch.seasonal.shape[2]:
            return last
        return np.where(
            array(batch.seasonal_mask[:, :, 0]) > 0, array(batch.seasonal[:, :, 0]), last
        )
