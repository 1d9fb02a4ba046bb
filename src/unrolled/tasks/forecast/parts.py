"""The end of every series kept aside: a validation part to stop on, and a test part that is scored once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.data.history import History, Scaling
from unrolled.data.series import Panel
from unrolled.data.windows import Windows, WindowShape
from unrolled.errors import InputError
from unrolled.tasks.forecast.settings import ForecastSettings

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """Where each series is cut, in steps from its start: training [0, a), validation [a, b), test [b, end).

    A look-back may reach into the part before its own: what was known then may be known now.

    Attributes:
        training_ends: (series,) a.
        validation_ends: (series,) b; nothing from there on has any part in the fitted model.
        notes: what had to be left out, one line each.
    """

    training_ends: Rows
    validation_ends: Rows
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        panel: Panel,
        shape: WindowShape,
        settings: ForecastSettings,
        begin: Rows | None = None,
    ) -> Parts:
        """Cut a panel as the settings say; without a test, then without a validation part, where it is too short.

        Args:
            panel: the series.
            shape: of the windows.
            settings: with the sizes of the parts.
            begin: (series,) the end of what an earlier fit has seen; the parts are cut from what lies after it.

        Raises:
            InputError: no series holds a single window.
        """
        lengths = np.array([len(series) for series in panel.series], dtype=np.int64)
        seen = np.zeros_like(lengths) if begin is None else begin
        test = np.array([settings.part("test", n) for n in lengths - seen], dtype=np.int64)
        validation = np.array([settings.part("validation", n) for n in lengths - seen])
        needed = shape.lookback + shape.horizon
        tries = (
            (test, validation, ()),
            (0 * test, validation, ("the series are too short for a test part",)),
            (
                0 * test,
                0 * validation,
                ("the series are too short for a test and a validation part",),
            ),
        )
        for of_test, of_validation, notes in tries:
            ends = np.maximum(lengths - of_test, seen)
            training = np.maximum(ends - of_validation, seen)
            # An origin in the new rows: the older ones alone were learned before.
            if bool(((training >= needed) & (training > seen)).any()):
                return cls(training, ends, notes)
        longest = panel.series[int(lengths.argmax())]
        raise InputError(
            f"the longest series, {longest.id}, has {lengths.max()} steps",
            expected=f"at least {needed}: a look-back of {shape.lookback} and a horizon of {shape.horizon}",
            fix="give longer series, or a shorter look-back or horizon",
        )

    @classmethod
    def given(cls, panel: Panel, training_ends: Rows) -> Parts:
        """Take all that follows ``training_ends`` as the validation part."""
        lengths = np.array([len(series) for series in panel.series], dtype=np.int64)
        ends = np.zeros_like(lengths)
        ends[: len(training_ends)] = training_ends
        return cls(ends, lengths)

    def windows(
        self, panel: Panel, shape: WindowShape, scaling: Scaling | None = None
    ) -> PartWindows:
        """Return the windows of the three parts, cut from one history."""
        history = History(panel, self.training_ends, shape.horizon, scaling)
        zeros, a, b = np.zeros_like(self.training_ends), self.training_ends, self.validation_ends
        return PartWindows(
            history,
            Windows(history, shape, zeros, a),
            Windows(history, shape, a, b),
            Windows(history, shape, b, history.lengths),
        )


@dataclass(frozen=True)
class PartWindows:
    """A history and the windows whose targets lie in its training, validation and test part."""

    history: History
    training: Windows
    validation: Windows
    test: Windows
