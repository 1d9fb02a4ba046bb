"""A fitted forecaster's inside: the network, what was learned beside it, and the rows it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.data.history import History, Scaling
from unrolled.data.series import Panel
from unrolled.data.windows import Windows, WindowShape
from unrolled.models.forecaster import ForecastNetwork, NetworkSizes
from unrolled.models.heads import HEADS
from unrolled.tasks.forecast.calibration import Calibration
from unrolled.tasks.forecast.joining import positions_after
from unrolled.tasks.forecast.settings import ForecastSettings
from unrolled.tasks.recurrent import CellChoice, recurrent_layer

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes:
        panel: the rows given so far: the next fit goes on from them, and a forecast without data begins after them.
        shape: of every window.
        network: in evaluation mode.
        scaling: of the covariates.
        calibration: of the intervals.
        trained: by series, the time of the last row of the training part, in seconds since 1970 or step numbers.
        seen: by series, that of the last row that had any part in fitting: the end of the validation part.
    """

    panel: Panel
    shape: WindowShape
    network: ForecastNetwork
    scaling: Scaling
    calibration: Calibration
    trained: dict[str, int]
    seen: dict[str, int]

    def history(self, panel: Panel, horizon: int) -> History:
        """Return a panel that begins with the series of the model, laid out for windows.

        A series that the model was not trained on is scaled by what is given of it.
        """
        ends = positions_after(panel, self.trained)
        given = np.array([0 if s.id in self.trained else len(s) for s in panel.series])
        seen = positions_after(panel, self.seen)
        return History(panel, ends + given, horizon, self.scaling, in_sample=seen + given)

    def rolling_windows(self, panel: Panel, stride: int = 1) -> Windows:
        """Return the windows after the end of what was seen, of the series that were trained on."""
        begin = positions_after(panel, self.seen)
        end = np.array([len(s) if s.id in self.seen else 0 for s in panel.series], dtype=np.int64)
        history = self.history(panel, self.shape.horizon)
        return Windows(history, self.shape, begin, end, stride=stride)

    def fitted_on(self, history: History) -> tuple[Windows, Windows]:
        """Return the windows of the training and of the validation part, as far as a history holds them."""
        seen = positions_after(history.panel, self.seen)
        trained = np.minimum(history.ends, seen)
        return (
            Windows(history, self.shape, 0 * trained, trained),
            Windows(history, self.shape, trained, seen),
        )


def last_times(panel: Panel, ends: Rows) -> dict[str, int]:
    """Return the time of the last row before ``ends`` of every series that has one."""
    return {
        series.id: int(series.times.astype(np.int64)[end - 1])
        for series, end in zip(panel.series, ends, strict=True)
        if end > 0
    }


def network_sizes(
    settings: ForecastSettings, windows: Windows, segment: int, embedding: int
) -> NetworkSizes:
    """Return the sizes that fit the windows."""
    batch = windows.take(np.arange(1))
    return NetworkSizes(
        lookback=windows.lookback,
        horizon=windows.horizon,
        segment=segment,
        hidden_size=settings.hidden_size,
        past_features=batch.past_features.shape[-1],
        future_features=batch.future_features.shape[-1],
        known=len(windows.history.panel.known_names),
        lags=batch.seasonal.shape[-1],
        static=batch.static.shape[-1],
        series=len(windows.history.panel.series),
        embedding=embedding,
    )


def make_network(
    cell: CellChoice, settings: ForecastSettings, sizes: NetworkSizes, seed: int
) -> ForecastNetwork:
    """Return a new network; its weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = recurrent_layer(
            cell,
            settings.hidden_size,
            settings.hidden_size,
            layers=settings.layers,
            dropout=settings.dropout,
        )
        head = HEADS[settings.output]()
        return ForecastNetwork(layer, head, sizes, settings.decode, settings.dropout)


def with_more_series(network: ForecastNetwork, series: int) -> ForecastNetwork:
    """Make room for series that are new; each begins as the unknown one did."""
    if network.series is None or series <= network.sizes.series:
        return network
    known = network.series.weight.data
    new = known[-1:].expand(series - network.sizes.series, -1)
    network.series = nn.Embedding.from_pretrained(
        torch.cat((known[:-1], new, known[-1:])), freeze=False
    )
    network.sizes = replace(network.sizes, series=series)
    return network
