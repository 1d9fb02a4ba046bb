"""From a panel to a fitted network: choose what was left open, cut the parts, train, calibrate."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import Panel
from unrolled.models.forecaster import ForecastNetwork
from unrolled.tasks.forecast.calibration import Calibration
from unrolled.tasks.forecast.defaults import choose_segment, choose_shape
from unrolled.tasks.forecast.fitted import (
    Fitted,
    last_times,
    make_network,
    network_sizes,
    with_more_series,
)
from unrolled.tasks.forecast.joining import positions_after
from unrolled.tasks.forecast.parts import Parts, PartWindows
from unrolled.tasks.forecast.settings import ForecastSettings, training_settings
from unrolled.tasks.forecast.training import (
    calibrate,
    forecast_loss,
    training_batches,
    validation_score,
)
from unrolled.tasks.recurrent import CellChoice
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Progress
from unrolled.train.settings import TrainSettings

MakeProgress = Callable[[TrainSettings], Progress]


@dataclass(frozen=True)
class FittingTask:
    """A network that is to be trained, and on what."""

    panel: Panel
    parts: Parts
    windows: PartWindows
    network: ForecastNetwork
    settings: TrainSettings

    def run(
        self,
        folder: str | os.PathLike[str] | None,
        *,
        resume: bool,
        progress: MakeProgress | None,
    ) -> tuple[Fitted, TrainResult]:
        """Train the network, and calibrate it where there is a validation part."""
        training, validation = self.windows.training, self.windows.validation
        result = fit(
            self.network,
            forecast_loss,
            training_batches(training, self.settings),
            self.settings,
            validate=validation_score(validation) if len(validation) else None,
            folder=None if folder is None else Path(folder),
            resume=resume,
            progress=progress(self.settings) if progress else None,
        )
        self.network.eval()
        fitted = Fitted(
            self.panel,
            training.shape,
            self.network,
            self.windows.history.scaling,
            calibrate(self.network, validation) if len(validation) else Calibration(),
            last_times(self.panel, self.parts.training_ends),
            last_times(self.panel, self.parts.validation_ends),
        )
        return fitted, result


def prepare(
    cell: CellChoice,
    settings: ForecastSettings,
    train_options: Mapping[str, Any],
    panel: Panel,
    before: Fitted | None,
    training_ends: NDArray[np.int64] | None,
) -> FittingTask:
    """Choose what the settings leave open and return what is to be trained.

    Args:
        cell: of the recurrent layer.
        settings: of the forecaster.
        train_options: those of the training that were given.
        panel: all rows.
        before: what an earlier fit left: its network goes on, with its shape and scaling.
        training_ends: (series,) where the training part ends and the validation part, the rest, begins; None = both
            and a test part are cut as the settings say.

    Raises:
        InputError: the series are too short.
    """
    shape = before.shape if before else choose_shape(settings, panel)
    if training_ends is not None:
        parts = Parts.given(panel, training_ends)
    else:
        begin = positions_after(panel, before.seen) if before else None
        parts = Parts.of(panel, shape, settings, begin)
    windows = parts.windows(panel, shape, before.scaling if before else None)
    training = training_settings(train_options, len(windows.training))
    if before is None:
        segment = choose_segment(settings, panel.freq, shape)
        sizes = network_sizes(settings, windows.training, segment, settings.embedding)
        network = make_network(cell, settings, sizes, training.seed)
    else:
        network = with_more_series(before.network, len(panel.series))
    return FittingTask(panel, parts, windows, network, training)
