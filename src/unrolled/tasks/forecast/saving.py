"""A fitted forecaster as config.json and tensors, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.data.calendar import parse_frequency
from unrolled.data.history import Scaling
from unrolled.data.series import Form, Panel, Series
from unrolled.data.windows import WindowShape
from unrolled.models.forecaster import NetworkSizes
from unrolled.tasks.forecast.calibration import Calibration
from unrolled.tasks.forecast.fitted import Fitted, make_network
from unrolled.tasks.forecast.settings import ForecastSettings
from unrolled.tasks.recurrent import CellChoice, cell_name, chosen_cell
from unrolled.tasks.saving import below, complete, load_weights, read_model, write_model

_ROWS = ("times", "target", "known", "past", "static", "future_known")
_COLUMNS = ("targets", "known_names", "past_names", "static_names")


def save_fitted(
    folder: str | os.PathLike[str],
    cell: CellChoice,
    settings: ForecastSettings,
    training: Mapping[str, Any],
    fitted: Fitted,
) -> Path:
    """Write a fitted forecaster into ``folder``."""
    panel = fitted.panel
    config = {
        "task": "forecast",
        "cell": cell_name(cell),
        "options": {**settings.as_dict(), **training},
        "sizes": asdict(fitted.network.sizes),
        "shape": asdict(fitted.shape),
        "calibration": asdict(fitted.calibration),
        "calendar": fitted.scaling.calendar,
        "trained": fitted.trained,
        "seen": fitted.seen,
        "panel": {
            "freq": None if panel.freq is None else str(panel.freq),
            "form": panel.form.to_dict(),
            **{name: getattr(panel, name) for name in _COLUMNS},
            "series": [
                {
                    "id": series.id,
                    "group": series.group,
                    "target_name": series.target_name,
                    "rows": len(series),
                    "rows_ahead": len(series.future_known),
                }
                for series in panel.series
            ],
        },
    }
    tensors = {f"network.{n}": t for n, t in fitted.network.state_dict().items()}
    tensors |= {
        f"scaling.{name}": torch.from_numpy(getattr(fitted.scaling, name))
        for name in ("known", "past", "static")
    }
    return write_model(folder, config, tensors | _rows(panel))


def _rows(panel: Panel) -> dict[str, Tensor]:
    """Return the rows of all series end to end."""
    tensors = {}
    for name in _ROWS:
        parts = [np.asarray(getattr(series, name)) for series in panel.series]
        if name == "times":
            parts = [part.astype(np.int64) for part in parts]
        laid = np.stack(parts) if name == "static" else np.concatenate(parts)
        tensors[f"panel.{name}"] = torch.from_numpy(laid)
    return tensors


def load_fitted(
    folder: str | os.PathLike[str], cell: CellChoice | None
) -> tuple[CellChoice, dict[str, Any], Callable[[ForecastSettings], Fitted]]:
    """Return the cell, the options of the Forecaster, and what makes the rest once its settings are read.

    Raises:
        ModelFileError: there is no forecaster in ``folder``, it is damaged, or its cell must be given.
    """
    config, tensors = read_model(folder, task="forecast")
    chosen = chosen_cell(cell, config.get("cell"), folder)

    def read(settings: ForecastSettings) -> Fitted:
        with complete(folder):
            return _read_fitted(config, tensors, settings, chosen, str(folder))

    with complete(folder):
        return chosen, dict(config["options"]), read


def _read_fitted(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    settings: ForecastSettings,
    cell: CellChoice,
    where: str,
) -> Fitted:
    network = make_network(cell, settings, NetworkSizes(**config["sizes"]), seed=0)
    load_weights(network, below("network.", tensors), where)
    shape = config["shape"]
    return Fitted(
        _read_panel(config["panel"], tensors),
        WindowShape(shape["lookback"], shape["horizon"], tuple(shape["seasons"])),
        network.eval(),
        Scaling(
            known=tensors["scaling.known"].numpy(),
            past=tensors["scaling.past"].numpy(),
            static=tensors["scaling.static"].numpy(),
            calendar=tuple(config["calendar"]),
        ),
        Calibration(config["calibration"]["trust"], tuple(config["calibration"]["stretch"])),
        config["trained"],
        config["seen"],
    )


def _read_panel(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Panel:
    freq = config["freq"]
    rows = {name: tensors[f"panel.{name}"].numpy() for name in _ROWS}
    if freq is not None:
        rows["times"] = rows["times"].astype("datetime64[s]")
    series, start, ahead = [], 0, 0
    for index, one in enumerate(config["series"]):
        stop, ahead_stop = start + one["rows"], ahead + one["rows_ahead"]
        series.append(
            Series(
                id=one["id"],
                times=rows["times"][start:stop],
                target=rows["target"][start:stop],
                known=rows["known"][start:stop],
                past=rows["past"][start:stop],
                static=rows["static"][index],
                future_known=rows["future_known"][ahead:ahead_stop],
                group=one["group"],
                target_name=one["target_name"],
            )
        )
        start, ahead = stop, ahead_stop
    return Panel(
        tuple(series),
        None if freq is None else parse_frequency(freq),
        **{name: tuple(config[name]) for name in _COLUMNS},
        form=Form.from_dict(config["form"]),
    )
