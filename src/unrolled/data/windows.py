"""Every window of a panel, cut on demand: what a forecaster and its baselines are fed.

A window at the origin t of a series is its look-back y[t-L], ..., y[t-1] and its target y[t], ..., y[t+H-1]. Nothing of
a window's inputs lies at or after t, but for what is known in advance: the calendar and the known covariates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.data.history import History

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


class WindowBatch(NamedTuple):
    """B windows as float32 tensors; the target's values are centred and scaled, window by window.

    A value v in the units of the series is scaled * scale + center. What was not observed is 0, and 0 in its mask.
    """

    past: Tensor
    """(B, L) the look-back."""
    past_mask: Tensor
    """(B, L) 1 where the look-back was observed."""
    past_features: Tensor
    """(B, L, P) known and past covariates of the look-back; P may be 0. Its calendar would say nothing that the calendar
    of the horizon does not."""
    future_features: Tensor
    """(B, H, F) calendar and known covariates of the horizon; F may be 0."""
    seasonal: Tensor
    """(B, H, S) for every step of the horizon the latest values seen at the same phase of each season."""
    seasonal_mask: Tensor
    """(B, H, S) 1 where those were observed."""
    static: Tensor
    """(B, S) what does not change over time; S may be 0."""
    series: Tensor
    """(B,) int64, the series of each window."""
    target: Tensor
    """(B, H) what is to be forecast."""
    target_mask: Tensor
    """(B, H) 1 where it is known."""
    center: Tensor
    """(B, 1) in the units of the series."""
    scale: Tensor
    """(B, 1) in the units of the series, above 0."""
    weight: Tensor
    """(B, 1) the scale in units of its series' spread: what an error of 1 counts for."""


@dataclass(frozen=True)
class WindowShape:
    """What every window of a model looks like.

    Attributes:
        lookback: L, the steps that are looked back upon.
        horizon: H, the steps to forecast.
        seasons: lengths of the seasons whose lags are inputs, in steps. The first is the season that MASE and the
            seasonal naive forecast go by.
    """

    lookback: int
    horizon: int
    seasons: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for name in ("lookback", "horizon"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)!r}", expected="at least 1")
        if not self.seasons or min(self.seasons) < 1:
            raise InputError(f"seasons={self.seasons!r}", expected="lengths of at least 1")

    @property
    def season(self) -> int:
        """The season of MASE and of the seasonal naive forecast."""
        return self.seasons[0]

    def lag_offsets(self) -> Rows:
        """Return (H, S), below 0: how far from the origin lies the latest value at the same phase.

        >>> WindowShape(lookback=4, horizon=5, seasons=(3,)).lag_offsets().T.tolist()
        [[-3, -2, -1, -3, -2]]
        """
        step = np.arange(self.horizon)[:, None]
        season = np.asarray(self.seasons)[None, :]
        return step - season * (step // season + 1)


class Windows:
    """All windows of a panel whose targets lie in one part of every series.

    Args:
        history: the panel, laid out for cutting.
        shape: look-back, horizon and seasons.
        begin: (series,) position of the first step that may be a target.
        end: (series,) position after the last such step.
        stride: steps from one origin to the next.

    An origin needs ``lookback`` steps before it; `at` makes windows without this condition.
    """

    def __init__(
        self,
        history: History,
        shape: WindowShape,
        begin: ArrayLike,
        end: ArrayLike,
        *,
        stride: int = 1,
    ) -> None:
        first = np.maximum(np.asarray(begin, dtype=np.int64), shape.lookback)
        last = np.asarray(end, dtype=np.int64) - shape.horizon
        self._set(history, shape, _all_origins(first, last, stride))

    @classmethod
    def at(cls, history: History, shape: WindowShape, origins: ArrayLike) -> Windows:
        """Return the windows of given origins (N, 2): a series and the position of the forecast's first step.

        What lies before the start of a series is not observed, what lies after its end is not known.
        """
        windows = cls.__new__(cls)
        windows._set(history, shape, np.asarray(origins, dtype=np.int64).reshape(-1, 2))
        return windows

    def _set(self, history: History, shape: WindowShape, origins: Rows) -> None:
        self.history, self.shape, self.origins = history, shape, origins
        self.seasonal_scale = history.seasonal_error(shape.season)
        self._past = torch.arange(-shape.lookback, 0)
        self._future = torch.arange(shape.horizon)
        self._lags = torch.from_numpy(shape.lag_offsets()).reshape(-1)

    @property
    def lookback(self) -> int:
        """L, steps looked back upon."""
        return self.shape.lookback

    @property
    def horizon(self) -> int:
        """H, steps to forecast."""
        return self.shape.horizon

    @property
    def season(self) -> int:
        """The season of MASE and of the seasonal naive forecast."""
        return self.shape.season

    def __len__(self) -> int:
        return len(self.origins)

    def take(self, indices: ArrayLike | Sequence[int] | Tensor) -> WindowBatch:
        """Cut the windows ``indices``, in that order."""
        history = self.history
        series, origin = torch.from_numpy(self.origins[np.asarray(indices)]).unbind(-1)
        at_past = origin[:, None] + self._past
        at_future = origin[:, None] + self._future
        past, past_mask = history.values(series, at_past)
        center, scale = history.center_and_scale(series, past, past_mask)
        target, target_mask = history.values(series, at_future)
        seasonal, seasonal_mask = history.values(series, origin[:, None] + self._lags)
        size = (len(series), self.horizon, len(self.shape.seasons))

        def scaled(values: Tensor, mask: Tensor) -> Tensor:
            return torch.where(mask, (values - center) / scale, 0.0).float()

        return WindowBatch(
            scaled(past, past_mask),
            past_mask.float(),
            history.past_features(series, at_past),
            history.future_features(series, at_future),
            scaled(seasonal, seasonal_mask).reshape(size),
            seasonal_mask.float().reshape(size),
            history.static[series],
            series,
            scaled(target, target_mask),
            target_mask.float(),
            center.float(),
            scale.float(),
            history.weight(series, scale).float(),
        )

    def raw_target(self, indices: ArrayLike | Sequence[int]) -> Array:
        """Return (n, H) the targets in the units of the series, NaN where not known."""
        series, origin = torch.from_numpy(self.origins[np.asarray(indices)]).unbind(-1)
        values, mask = self.history.values(series, origin[:, None] + self._future)
        return torch.where(mask, values, torch.nan).numpy()


def _all_origins(first: Rows, last: Rows, stride: int) -> Rows:
    """Return (N, 2) series and origin for every origin from first to last, both included."""
    parts = [
        np.stack([np.full(len(origins), series), origins], axis=1)
        for series, origins in enumerate(
            np.arange(start, stop + 1, stride) for start, stop in zip(first, last, strict=True)
        )
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 2), dtype=np.int64)
