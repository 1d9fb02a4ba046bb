"""The linear network that beat the Transformers of its day: trend and remainder, a linear map each."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple, Self

import torch
from torch import Tensor, nn

from unrolled.tasks.baselines.inputs import Array, array, blocks, series_units
from unrolled.tasks.baselines.rows import Rows, Split, nothing_observed
from unrolled.tasks.baselines.simple import ForecastBaseline

if TYPE_CHECKING:
    from unrolled.data.windows import WindowBatch, Windows

TREND = 25
"""Steps of the moving average, as in the paper."""
LEARNING_RATE = 0.005
EPOCHS = 30
HALVINGS = 4
MOST_WINDOWS = 60_000
MOST_JUDGED = 10_000
MOST_VALUES = 2.4e7
"""Bound on windows x (look-back + horizon), for the sake of memory and time."""


class DLinearNetwork(nn.Module):
    """y = W_trend trend(x) + W_rest (x - trend(x)) + b, the same weights for every series.

    trend is the moving average over 25 steps, both ends repeated so that its length stays L. Where
    look-backs have gaps, what is missing is a third input with weights of its own, 0 at first.

    Args:
        lookback: L.
        horizon: H.
        gaps: whether the mask is an input.
    """

    def __init__(self, lookback: int, horizon: int, *, gaps: bool = False) -> None:
        super().__init__()
        self.of_trend = nn.Linear(lookback, horizon)
        self.of_rest = nn.Linear(lookback, horizon)
        self.of_gaps = nn.Linear(lookback, horizon, bias=False) if gaps else None
        if self.of_gaps is not None:
            nn.init.zeros_(self.of_gaps.weight)

    def forward(self, past: Tensor, mask: Tensor) -> Tensor:
        """Return (B, H) from the look-back (B, L) and its mask (B, L)."""
        trend = moving_average(past, TREND)
        forecast: Tensor = self.of_trend(trend) + self.of_rest(past - trend)
        return forecast if self.of_gaps is None else forecast + self.of_gaps(1.0 - mask)


def moving_average(values: Tensor, window: int) -> Tensor:
    """Return (B, L): the mean over ``window`` (odd) steps around each, both ends repeated.

    >>> moving_average(torch.tensor([[0.0, 3.0, 6.0]]), 3)
    tensor([[1., 3., 5.]])
    """
    half = window // 2
    padded = nn.functional.pad(values[:, None], (half, half), mode="replicate")
    return nn.functional.avg_pool1d(padded, window, stride=1)[:, 0]


class Examples(NamedTuple):
    """Look-back (N, L), its mask (N, L), target (N, H) and its weight (N, H), 0 where not known."""

    past: Tensor
    mask: Tensor
    target: Tensor
    weight: Tensor


class DLinear(ForecastBaseline):
    """DLinear on the scaled look-back alone: no calendar, no lags of the season, no covariates.

    Trained on the squared error, weighted as in ridge, by Adam at a learning rate of 0.005. An
    epoch that does not lower the error on the validation windows is taken back and the rate is
    halved; training ends with the fifth such epoch, or after 30. Unlike the paper's, its windows
    are scaled one by one as the network's are, which no level shift can hurt.

    Zeng, Chen, Zhang & Xu (2023), Are Transformers effective for time series forecasting?
    """

    name = "dlinear"
    network: DLinearNetwork

    def fit(
        self,
        train: Windows,
        validation: Windows | None = None,
        *,
        seed: int = 0,
        max_windows: int | None = None,
    ) -> Self:
        """Fit on training windows, at most 60,000; stop on validation windows."""
        most = min(MOST_WINDOWS, max(1, int(MOST_VALUES / (train.lookback + train.horizon))))
        split = Split.of(train, validation).limited(max_windows or most, MOST_JUDGED, seed)
        fitted, judged = _examples(train, split.fit), _examples(split.judge, split.judged)
        if not fitted.weight.any():
            raise nothing_observed()
        if not judged.weight.any():
            judged = fitted
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            gaps = bool((fitted.mask == 0).any())
            self.network = DLinearNetwork(train.lookback, train.horizon, gaps=gaps)
            _descend(self.network, fitted, judged)
        return self

    def predict_scaled(self, batch: WindowBatch, units: Array) -> Array:
        """Return (B, H)."""
        with torch.no_grad():
            return array(self.network(batch.past, batch.past_mask))


def _examples(windows: Windows, rows: Rows) -> Examples:
    parts = []
    for batch in blocks(windows, rows):
        weight = torch.from_numpy(series_units(batch, windows)).float()[:, None]
        parts.append((batch.past, batch.past_mask, batch.target, batch.target_mask * weight))
    return Examples(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _descend(network: DLinearNetwork, fitted: Examples, judged: Examples) -> None:
    """Train in place, and leave the weights with the smallest error on ``judged``."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    size = min(256, max(16, len(fitted.past) // 64))
    with torch.no_grad():
        best, halvings = float(_error(network, judged)), 0
    weights = deepcopy(network.state_dict())
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(fitted.past)).split(size):
            optimizer.zero_grad()
            _error(network, Examples(*(part[rows] for part in fitted))).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            error = float(_error(network, judged))
        if error < best:
            best, weights = error, deepcopy(network.state_dict())
            continue
        network.load_state_dict(weights)
        halvings += 1
        if halvings > HALVINGS:
            break
        for group in optimizer.param_groups:
            group["lr"] /= 2
    network.load_state_dict(weights)


def _error(network: DLinearNetwork, examples: Examples) -> Tensor:
    past, mask, target, weight = examples
    squared = (network(past, mask) - target).square() * weight
    # A batch whose every target is missing counts for nothing, rather than 0 / 0.
    return squared.sum() / weight.sum().clamp(min=1e-12)
