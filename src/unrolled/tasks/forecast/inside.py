"""What a report says of a forecaster beside its scores: its configuration, and how far its gradients reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from unrolled.core.watch import gradient_reach
from unrolled.data.windows import WindowBatch, Windows
from unrolled.models.forecaster import ForecastNetwork
from unrolled.tasks.forecast.fitted import Fitted
from unrolled.tasks.forecast.training import forecast_loss
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice, cell_names
from unrolled.tasks.tracing import Reach, as_arrays
from unrolled.train.loop import TrainResult

REACH_WINDOWS = 64


def cells_of(network: ForecastNetwork) -> dict[str, str]:
    """Return how each cell of the recurrent layer is called, by its path."""
    return cell_names(network, {"": network.layer})


def reach_of(fitted: Fitted) -> Reach:
    """Return |dL/dh| of the loss on some training windows by cell, by the distance in segments from the origin."""
    history = fitted.history(fitted.panel, fitted.shape.horizon)
    windows = Windows(history, fitted.shape, 0 * history.ends, history.ends)
    count = min(len(windows), REACH_WINDOWS)
    rows = np.linspace(0, len(windows) - 1, count).astype(np.int64)
    names = cells_of(fitted.network)
    found = reach_in(
        fitted.network, windows.take(rows), lambda model, batch: forecast_loss(model, batch).total
    )
    return {names[path]: norms for path, norms in found.items() if path in names}


def reach_in(
    network: ForecastNetwork, batch: WindowBatch, loss: Callable[[nn.Module, WindowBatch], Tensor]
) -> Reach:
    """Return |dL/dh| of a loss by the path of each cell, by the distance in segments from the origin."""
    return as_arrays(gradient_reach(network, batch, loss))


def facts_of(
    fitted: Fitted, cell: CellChoice, seed: int, training: TrainResult | None
) -> dict[str, object]:
    """Return what was configured and measured, by name."""
    sizes = fitted.network.sizes
    facts: dict[str, object] = {
        "cell": cell if isinstance(cell, str) else repr(cell),
        "parameters": sum(parameter.numel() for parameter in fitted.network.parameters()),
        "hidden_size": sizes.hidden_size,
        "lookback": sizes.lookback,
        "segment": sizes.segment,
        "horizon": sizes.horizon,
        "seasons": list(fitted.shape.seasons),
        "series": len(fitted.panel.series),
        "trust": fitted.calibration.trust,
        "seed": seed,
    }
    return facts | facts_of_run(None, training)
