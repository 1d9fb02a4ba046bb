"""How a forecast network is trained: its loss, its batches, its validation score; and how it forecasts windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.data.windows import WindowBatch, Windows
from unrolled.models.forecaster import ForecastNetwork
from unrolled.models.heads import LEVELS, MEDIAN, pinball
from unrolled.tasks.forecast.calibration import Calibration
from unrolled.train.batches import BatchList, shuffled_batches
from unrolled.train.loop import Loss
from unrolled.train.settings import TrainSettings

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

BLOCK = 1024
"""Windows forecast at a time."""
MOST_VALIDATION_WINDOWS = 4000
"""More are thinned out evenly: the score hardly changes, and it is taken 20 times."""


def forecast_loss(model: nn.Module, batch: WindowBatch) -> Loss:
    """Return the head's loss over the known targets.

    A window is scaled by its own spread, so a window in which little happens would count for as much as one in which
    much does. Each is weighted back by its scale in units of its series' spread: the errors are those of the series.
    """
    assert isinstance(model, ForecastNetwork)
    losses = model.head.loss(model(batch), batch.target)
    if not model.head.scale_free():
        losses = losses * batch.weight
    return Loss((losses * batch.target_mask).sum(), batch.target_mask.sum())


def training_batches(
    windows: Windows, settings: TrainSettings
) -> Callable[[int], BatchList[WindowBatch]]:
    """Return the batches of an epoch: every window once, in an order drawn from (seed, epoch)."""

    def batches(epoch: int) -> BatchList[WindowBatch]:
        rows = shuffled_batches(len(windows), settings.batch_size, seed=settings.seed, epoch=epoch)
        return BatchList(rows, windows.take)

    return batches


class Forecasts(NamedTuple):
    """Forecasts of n windows: quantiles (n, H, Q) at `LEVELS`, in the units of the series."""

    quantiles: Array

    @property
    def point(self) -> Array:
        """(n, H) the median."""
        return self.quantiles[..., MEDIAN]

    def by_level(self) -> dict[float, Array]:
        """Return the quantiles (n, H) by level."""
        return {level: self.quantiles[..., i] for i, level in enumerate(LEVELS)}


def scaled_forecasts(
    network: ForecastNetwork, windows: Windows, rows: Rows
) -> Iterator[tuple[WindowBatch, Tensor]]:
    """Yield blocks of windows and their quantiles (B, H, Q), in the windows' own scale."""
    training = network.training
    network.eval()
    try:
        for start in range(0, len(rows), BLOCK):
            batch = windows.take(rows[start : start + BLOCK])
            with torch.no_grad():
                quantiles = network.head.quantiles(network(batch))
            yield batch, quantiles
    finally:
        network.train(training)


def forecast_windows(
    network: ForecastNetwork,
    windows: Windows,
    calibration: Calibration,
    rows: Rows | None = None,
) -> Forecasts:
    """Return the forecasts of the windows ``rows``, all where it is None."""
    chosen = np.arange(len(windows)) if rows is None else rows
    parts = [
        calibration(quantiles.double()) * batch.scale.unsqueeze(-1) + batch.center.unsqueeze(-1)
        for batch, quantiles in scaled_forecasts(network, windows, chosen)
    ]
    if not parts:
        return Forecasts(np.zeros((0, windows.horizon, len(LEVELS))))
    return Forecasts(torch.cat(parts).numpy())


def validation_rows(windows: Windows) -> Rows:
    """Return the windows that validate, spread evenly where there are many."""
    count = min(len(windows), MOST_VALIDATION_WINDOWS)
    return np.linspace(0, len(windows) - 1, count).round().astype(np.int64)


def validation_score(windows: Windows) -> Callable[[nn.Module], float]:
    """Return the score that training is stopped on: the CRPS in units of each series' spread."""
    rows = validation_rows(windows)

    def score(model: nn.Module) -> float:
        assert isinstance(model, ForecastNetwork)
        total, items = 0.0, 0.0
        for batch, quantiles in scaled_forecasts(model, windows, rows):
            losses = pinball(quantiles, batch.target) * batch.weight * batch.target_mask
            total += float(losses.sum())
            items += float(batch.target_mask.sum())
        return total / max(items, 1.0)

    return score


def calibrate(network: ForecastNetwork, windows: Windows) -> Calibration:
    """Fit on the validation windows how far the median is trusted, and how wide the intervals are."""
    rows = validation_rows(windows)
    found = [
        (quantiles, batch.target, batch.target_mask * batch.weight)
        for batch, quantiles in scaled_forecasts(network, windows, rows)
    ]
    if not found:
        return Calibration()
    quantiles, target, weight = (torch.cat(part) for part in zip(*found, strict=True))
    return Calibration.fit(quantiles, target, weight, _overlapping(windows, rows))


def _overlapping(windows: Windows, rows: Rows) -> Rows:
    """Return a number for the windows of each stretch of one horizon: they overlap, and series move together.

    Where there is but one stretch, series by series.
    """
    series, origin = windows.origins[rows].T
    stretch = (windows.history.lengths[series] - origin) // windows.horizon
    return stretch if len(np.unique(stretch)) > 1 else series
