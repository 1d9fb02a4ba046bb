"""What the fitted baselines see of a window: the inputs of the network, as columns.

All steps of the horizon share the scaled look-back, its covariates and the static features; every
step has its own lags of the season and its own calendar and known covariates. Masks are among them
only where anything is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from unrolled.tasks.baselines.rows import choose_rows

if TYPE_CHECKING:
    from torch import Tensor

    from unrolled.data.windows import WindowBatch, Windows

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

BLOCK = 2048
"""Windows cut at a time: small enough for memory, large enough for matrix products."""


def blocks(windows: Windows, rows: Rows) -> Iterator[WindowBatch]:
    """Cut the windows ``rows`` a block at a time, in the order given."""
    for start in range(0, len(rows), BLOCK):
        yield windows.take(rows[start : start + BLOCK])


def array(tensor: Tensor) -> Array:
    """Return the tensor as a float64 array."""
    return np.asarray(tensor.numpy(), dtype=np.float64)


def original_units(scaled: Array, batch: WindowBatch) -> Array:
    """Undo the window's scaling: (B, H) scaled * scale + center, in float64."""
    return np.asarray(scaled * array(batch.scale) + array(batch.center))


def series_units(batch: WindowBatch, windows: Windows) -> Array:
    """Return (B,): what a scaled error of 1 is in units of the series' seasonal error, as in MASE.

    It is the weight of a window in a squared loss. A weight of 1 would let the quiet windows of a
    series, whose targets are many of their small scales away, rule the fit; the square of this
    would let the loud ones. Measured for the powers 0, 1 and 2 with ridge: mean squared error on
    ETTh1 0.384, 0.383 and 0.381, sMAPE on M4 hourly 14.3, 15.2 and 17.3, its MASE 1.31, 1.08 and
    0.97. The power 1 is never far from the best.
    A series without a seasonal error (constant, or too short) counts as it is.
    """
    seasonal = np.asarray(windows.seasonal_scale, dtype=np.float64)[batch.series.numpy()]
    usable = np.isfinite(seasonal) & (seasonal > 0)
    scale = array(batch.scale[:, 0])
    return np.divide(scale, seasonal, out=np.ones_like(scale), where=usable)


@dataclass(frozen=True)
class Gaps:
    """Where anything is missing in some windows."""

    past: bool
    seasonal: bool
    target: bool

    @classmethod
    def of(cls, windows: Windows, rows: Rows) -> Gaps:
        """Look through the masks of the windows ``rows``."""
        found = np.zeros(3, dtype=bool)
        for batch in blocks(windows, rows):
            masks = (batch.past_mask, batch.seasonal_mask, batch.target_mask)
            found |= [bool((mask == 0).any()) for mask in masks]
        return cls(*map(bool, found))


@dataclass(frozen=True)
class Inputs:
    """Which columns a baseline reads from a batch.

    Attributes:
        gaps: where a mask is needed.
        seasons: how many lags of the season every step has.
        recent: how many of the latest steps of the look-back are read.
        covariates: (K, 2) the time and the feature of every covariate of the look-back that is
            read. The calendar of the past is a rotation of the calendar of the step to forecast,
            which is read already: what others span is left out.
    """

    gaps: Gaps
    seasons: int
    recent: int
    covariates: Rows

    @classmethod
    def fit(
        cls, windows: Windows, rows: Rows, gaps: Gaps, *, recent: int, covariates: int, seed: int
    ) -> Inputs:
        """Read at most ``recent`` steps of the look-back and ``covariates`` columns of its features."""
        sample = windows.take(choose_rows(rows, 1024, seed))
        recent = max(1, min(recent, windows.lookback))
        seasons = sample.seasonal.shape[2]
        return cls(gaps, seasons, recent, _unspanned_covariates(sample, recent, covariates))

    @property
    def masks(self) -> tuple[int, int]:
        """How many columns of `shared` and of `of_steps` are masks; they follow the target's values."""
        return self.recent * self.gaps.past, self.seasons * self.gaps.seasonal

    def shared(self, batch: WindowBatch, *, fill: float = 0.0) -> Array:
        """Return (B, D): look-back, mask, covariates, static features.

        ``fill`` stands where nothing was observed. NaN says so by itself: then there is no mask.
        """
        past, seen = array(batch.past)[:, -self.recent :], array(batch.past_mask)[:, -self.recent :]
        times, features = self.covariates.T
        parts = [np.where(seen > 0, past, fill)]
        if self.gaps.past and not np.isnan(fill):
            parts.append(seen)
        parts += [array(batch.past_features)[:, times, features], array(batch.static)]
        return np.concatenate(parts, axis=1)

    def of_steps(self, batch: WindowBatch, *, fill: float = 0.0) -> Array:
        """Return (B, H, d): the season's lags, their mask, calendar and known covariates."""
        seasonal, seen = array(batch.seasonal), array(batch.seasonal_mask)
        parts = [np.where(seen > 0, seasonal, fill)]
        if self.gaps.seasonal and not np.isnan(fill):
            parts.append(seen)
        return np.concatenate([*parts, array(batch.future_features)], axis=2)


UNSPANNED = 0.05
"""A covariate is read if this share of its standard deviation is not spanned by those before it."""


def _unspanned_covariates(sample: WindowBatch, recent: int, limit: int) -> Rows:
    """Return the covariates of the look-back that neither the others nor the calendar ahead span."""
    lookback, features = sample.past_features.shape[1:]
    # Every step near the origin, ever fewer far from it: as far back, a single step matters less.
    far = np.geomspace(1, recent, 64).round().astype(np.int64)
    distance = np.union1d(far, np.arange(1, min(recent, 32) + 1))
    times, columns = np.meshgrid(lookback - distance, np.arange(features), indexing="ij")
    places = np.stack([times.ravel(), columns.ravel()], axis=1)
    if not len(places):
        return places
    values = array(sample.past_features)[:, places[:, 0], places[:, 1]]
    values = values - values.mean(axis=0)
    spread = values.std(axis=0)
    values = values / np.where(spread > 1e-6, spread, np.inf)
    given = array(sample.future_features)[:, 0]
    given = given - given.mean(axis=0)
    rest = values - given @ np.linalg.lstsq(given, values, rcond=None)[0]
    triangle, order = scipy.linalg.qr(rest, mode="r", pivoting=True)
    size = np.abs(np.diagonal(triangle)) / np.sqrt(len(rest))
    kept = order[: len(size)][size > UNSPANNED][:limit]
    return np.asarray(places[np.sort(kept)])
