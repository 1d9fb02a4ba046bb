"""A panel laid end to end in tensors, with what was fitted on its training part, so that windows can be cut fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from unrolled.data.calendar import calendar_features
from unrolled.data.cycles import shown_columns
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.data.calendar import Frequency
    from unrolled.data.series import Panel, Series

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

FLOOR = 0.1
"""The least scale of a window, as a share of its series' spread: a look-back that stands still must not divide by 0."""


@dataclass(frozen=True)
class Scaling:
    """What is known of the inputs from the training part.

    Attributes:
        known: (2, K) mean and spread of the known covariates.
        past: (2, P) of the past covariates.
        static: (2, S) of the static features.
        calendar: names of the calendar's columns that are inputs: those of the cycles that the training part shows.
    """

    known: Array
    past: Array
    static: Array
    calendar: tuple[str, ...] = ()

    @classmethod
    def fit(cls, panel: Panel, ends: Rows) -> Scaling:
        """Fit on the first ``ends`` steps of every series."""
        parts = list(zip(panel.series, ends, strict=True))
        return cls(
            _mean_and_spread([series.known[:end] for series, end in parts]),
            _mean_and_spread([series.past[:end] for series, end in parts]),
            _mean_and_spread([series.static[None] for series in panel.series]),
            shown_columns(panel, ends),
        )


class History:
    """A panel laid end to end.

    Args:
        panel: the series.
        ends: (series,) position after the last step of each series' training part, on which the floor of the scale
            and, unless given, the scaling of the covariates are fitted.
        horizon: steps after the end of every series for which the calendar is laid out.
        scaling: of the covariates, as fitted before.
        in_sample: (series,) position after the last step on which the error of the seasonal naive forecast is taken;
            None = ``ends``.
    """

    def __init__(
        self,
        panel: Panel,
        ends: ArrayLike,
        horizon: int,
        scaling: Scaling | None = None,
        in_sample: ArrayLike | None = None,
    ) -> None:
        self.panel, self.horizon = panel, horizon
        self.ends = np.asarray(ends, dtype=np.int64)
        self.in_sample = self.ends if in_sample is None else np.asarray(in_sample, dtype=np.int64)
        self.scaling = scaling or Scaling.fit(panel, self.ends)
        self._lengths = torch.tensor([len(series.target) for series in panel.series])
        self._rows = self._lengths + horizon
        self._offsets = self._rows.cumsum(0) - self._rows
        gap = np.full(horizon, np.nan)
        target = np.concatenate([part for s in panel.series for part in (s.target, gap)])
        self._observed = torch.from_numpy(np.isfinite(target))
        self._target = torch.from_numpy(np.nan_to_num(target))
        parts = [_mean_and_spread([s.target[:e, None]])[:, 0] for s, e in self._training_parts()]
        self._mean, self._spread = torch.from_numpy(np.stack(parts)).unbind(1)
        self._future = self._lay([self._known_in_advance(series) for series in panel.series])
        past = [self._known_in_the_past(series) for series in panel.series]
        known = self._future[:, self._future.shape[1] - len(panel.known_names) :]
        self._past = torch.cat([known, self._lay(past)], 1)
        static = np.stack([series.static for series in panel.series])
        self.static = torch.from_numpy(_standardised(static, self.scaling.static))
        self.seasonal_error = lru_cache(self._seasonal_error)

    @property
    def lengths(self) -> Rows:
        """(series,) steps of each."""
        return self._lengths.numpy()

    @property
    def means(self) -> Array:
        """(series,) mean of the target over each training part."""
        return self._mean.numpy()

    def values(self, series: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Return the target (B, N) float64 at positions (B, N) of series (B,), and where it was observed.

        Before the start and after the end of a series nothing was observed.
        """
        inside = (position >= 0) & (position < self._lengths[series, None])
        row = self._row(series, position)
        return self._target[row], self._observed[row] & inside

    def past_features(self, series: Tensor, position: Tensor) -> Tensor:
        """Return (B, N, P): known covariates, past covariates."""
        return self._past[self._row(series, position)]

    def future_features(self, series: Tensor, position: Tensor) -> Tensor:
        """Return (B, N, F): calendar, known covariates."""
        return self._future[self._row(series, position)]

    def center_and_scale(self, series: Tensor, past: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, 1) each: the last value observed in the look-back (B, L), and the standard deviation of all.

        So a window's level and size do not matter, and a forecast of 0 is that of a random walk. Where nothing was
        observed the centre is the mean of the series' training part.
        """
        steps = torch.arange(1, past.shape[1] + 1)
        last = (mask * steps).argmax(1, keepdim=True)
        center = torch.where(
            mask.any(1, keepdim=True), past.gather(1, last), self._mean[series, None]
        )
        count = mask.sum(1, keepdim=True).clamp(min=1)
        mean = past.where(mask, 0.0).sum(1, keepdim=True) / count
        variance = (past - mean).where(mask, 0.0).square().sum(1, keepdim=True) / count
        floor = FLOOR * self._spread[series, None]
        return center, (variance + floor.square()).sqrt()

    def weight(self, series: Tensor, scale: Tensor) -> Tensor:
        """Return (B, 1): the scale in units of the series' spread, so that no window counts for more than it errs."""
        return scale / self._spread[series, None]

    def _seasonal_error(self, season: int) -> Array:
        """Return (series,): mean absolute error of the seasonal naive forecast, in-sample.

        A part without two observed values one season apart falls back to the season 1, then to NaN.
        """
        parts = zip(self.panel.series, self.in_sample, strict=True)
        return np.array([_naive_error(s.target[:end], (season, 1)) for s, end in parts])

    def _training_parts(self) -> list[tuple[Series, int]]:
        return [(s, int(e)) for s, e in zip(self.panel.series, self.ends, strict=True)]

    def _row(self, series: Tensor, position: Tensor) -> Tensor:
        inside = position.clamp(min=0).minimum(self._rows[series, None] - 1)
        return self._offsets[series, None] + inside

    def _known_in_advance(self, series: Series) -> NDArray[np.float32]:
        steps = len(series.target) + self.horizon
        known = np.concatenate([series.known, series.future_known])[:steps]
        # A horizon longer than what is known ahead is refused by `require_known_ahead` when it matters.
        known = np.pad(known, ((0, steps - len(known)), (0, 0)), constant_values=np.nan)
        columns = [_standardised(known, self.scaling.known)]
        if self.panel.freq is not None:
            ahead = self.panel.freq.next(series.times, self.horizon)
            times = np.concatenate([series.times, ahead])
            columns.insert(0, self._calendar(times, self.panel.freq))
        return np.concatenate(columns, axis=1, dtype=np.float32)

    def _calendar(self, times: NDArray[np.datetime64], freq: Frequency) -> NDArray[np.float32]:
        table, names = calendar_features(times, freq)
        return table[:, [names.index(name) for name in self.scaling.calendar]]

    def _known_in_the_past(self, series: Series) -> NDArray[np.float32]:
        past = _standardised(series.past, self.scaling.past)
        return np.pad(past, ((0, self.horizon), (0, 0)))

    def require_known_ahead(self, series: Iterable[int], horizon: int) -> None:
        """Raise an InputError that names the first of ``series`` whose known covariates end before the horizon."""
        for one in (self.panel.series[index] for index in series):
            ahead = len(one.future_known)
            if self.panel.known_names and ahead < horizon:
                raise InputError(
                    f"the known covariates ({', '.join(self.panel.known_names)}) end {ahead} steps after the last target",
                    where=f"series {one.id}",
                    expected=f"{horizon} steps, one for every step of the horizon",
                    fix="add rows with the covariates and an empty target",
                )

    @staticmethod
    def _lay(parts: Sequence[NDArray[np.float32]]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts))


def _mean_and_spread(parts: Sequence[Array]) -> Array:
    """Return (2, K) of arrays (T, K); a column without spread, or never observed, is left as it is."""
    values = np.concatenate(parts).astype(np.float64)
    seen = np.isfinite(values)
    count = np.maximum(seen.sum(0), 1)
    mean = np.where(seen, values, 0.0).sum(0) / count
    variance = np.square(np.where(seen, values - mean, 0.0)).sum(0) / count
    return np.stack([mean, np.where(variance > 0, np.sqrt(variance), 1.0)])


def _standardised(values: Array, scaling: Array) -> NDArray[np.float32]:
    """Return (T, K); what was not observed becomes the mean, 0."""
    return np.nan_to_num((values - scaling[0]) / scaling[1]).astype(np.float32)


def _naive_error(target: Array, seasons: Sequence[int]) -> float:
    for season in seasons:
        change = np.abs(target[season:] - target[:-season])
        if np.isfinite(change).any():
            return float(np.nanmean(change))
    return float("nan")
