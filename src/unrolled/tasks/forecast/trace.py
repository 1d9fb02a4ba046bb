"""What happened inside a forecaster on one window, the forecast beside what came, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.core.watch import watch
from unrolled.data.windows import WindowBatch
from unrolled.models.forecaster import ForecastNetwork
from unrolled.models.heads import LEVELS
from unrolled.tasks.asking import frozen
from unrolled.tasks.baselines import FORECAST_BASELINES
from unrolled.tasks.forecast.fitted import Fitted
from unrolled.tasks.forecast.inside import cells_of, reach_in
from unrolled.tasks.forecast.training import Forecasts
from unrolled.tasks.forecast.window import Window
from unrolled.tasks.trace import Forecasted, Question, Side, Trace
from unrolled.tasks.tracing import reach_within, side_of

MEAN = "mean of the forecast"
BASELINES = ("seasonal_naive", "naive")
"""Those that fit nothing."""


def trace_of(fitted: Fitted, window: Window) -> Trace:
    """Return what happens on one window."""
    network, batch = fitted.network, window.batch
    with torch.no_grad(), watch(network) as seen:
        parameters = network(batch)
    quantiles = fitted.calibration(network.head.quantiles(parameters).double())
    in_units = quantiles * batch.scale.unsqueeze(-1) + batch.center.unsqueeze(-1)
    side = side_of("", [_step_names(network, window)], seen, cells_of(network))
    values = [None if np.isnan(value) else value for value in window.past.tolist()]
    return Trace(
        "forecast",
        {"series": window.series.id, "origin": window.times[1][0], "values": values},
        (side,),
        (_forecasted(network, window, Forecasts(in_units.numpy())),),
        {MEAN: partial(_question, fitted, window)},
        (),
        reach_within([side], lambda: reach_in(network, batch, _mean)),
    )


def watched(fitted: Fitted, windows: Sequence[Window]) -> tuple[Side, ...]:
    """Return what each cell does on many windows at once."""
    parts = [window.batch for window in windows]
    together = WindowBatch(*map(torch.cat, zip(*parts, strict=True)))
    with torch.no_grad(), watch(fitted.network) as seen:
        fitted.network.encode(together)
    names = [_step_names(fitted.network, window) for window in windows]
    return (side_of("", names, seen, cells_of(fitted.network)),)


def _step_of(network: ForecastNetwork, window: Window) -> NDArray[np.int64]:
    """Return which step of the layer reads each value of the look-back, (P,)."""
    sizes = network.sizes
    # The first segment is filled up from before.
    places = sizes.past_segments * sizes.segment - np.arange(len(window.past), 0, -1)
    return places // sizes.segment


def _step_names(network: ForecastNetwork, window: Window) -> list[str]:
    """Return the first and the last time of each segment; "" for one that lies before the series."""
    times, steps = np.array(window.times[0], dtype=object), _step_of(network, window)
    names = []
    for step in range(network.sizes.past_segments):
        own = times[steps == step].tolist()
        names.append(own[0] if len(own) == 1 else f"{own[0]} – {own[-1]}" if own else "")
    return names


def _forecasted(network: ForecastNetwork, window: Window, forecasts: Forecasts) -> Forecasted:
    by_level = {level: values[0] for level, values in forecasts.by_level().items()}
    bands = [
        (round(1 - 2 * low, 6), by_level[low], by_level[high])
        for low, high in zip(LEVELS, reversed(LEVELS), strict=True)
        if low < high
    ]
    happened = window.windows.raw_target([0])[0]
    baselines = {
        name: FORECAST_BASELINES[name]().fit(window.windows).predict(window.windows)[0]
        for name in BASELINES
    }
    return Forecasted(
        window.times[0],
        window.past,
        window.times[1],
        forecasts.point[0],
        tuple(bands),
        None if np.isnan(happened).all() else happened,
        baselines,
        window.series.id,
        _step_of(network, window),
    )


def _mean(model: nn.Module, batch: WindowBatch) -> Tensor:
    """Return the mean of a forecast, in the window's own scale."""
    assert isinstance(model, ForecastNetwork)
    return model.head.point(model(batch)).mean()


def _question(fitted: Fitted, window: Window) -> Question:
    """Return the question what the mean of the forecast rests on, in the units of the series."""
    network, trust = fitted.network, fitted.calibration.trust
    mean = float(window.windows.history.means[0])
    steps = torch.from_numpy(np.where(np.isnan(window.past), mean, window.past)).float()[None]
    blank = torch.full_like(steps, mean)

    def score(values: Tensor) -> Tensor:
        batch = window.read_as(values.double())
        with frozen(network):
            median = trust * network.head.point(network(batch)).double()
        return (median * batch.scale + batch.center).mean(1).float()

    def without(place: int) -> tuple[Tensor]:
        blanked = steps.clone()
        blanked[0, place] = mean
        return (blanked,)

    return Question(
        MEAN,
        "",
        0,
        window.times[0],
        (steps,),
        (blank,),
        score,
        lambda found: found[0][0],
        without,
    )
