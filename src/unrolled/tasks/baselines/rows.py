"""Which windows a baseline is fitted on, and which its settings are chosen on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.data.windows import Windows

Rows = NDArray[np.int64]

HELD_OUT = 0.2
"""Share of every series' training windows that settings are chosen on when nothing else is given."""


def choose_rows(rows: Rows, limit: int, seed: int) -> Rows:
    """Return at most ``limit`` of ``rows``, drawn without replacement and kept in order."""
    if len(rows) <= limit:
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), max(limit, 1), replace=False)
    return np.asarray(rows[np.sort(drawn)])


def nothing_observed() -> InputError:
    """Return the error of a fit whose windows hold no observed target."""
    return InputError(
        "no training window has an observed target to fit the baselines on",
        fix="give series with observed values after the first look-back",
    )


@dataclass(frozen=True)
class Split:
    """Where to fit and where to choose.

    Attributes:
        fit: rows of the training windows to fit on.
        judge: the windows to choose settings on; the training windows when there are no others.
        judged: rows of ``judge``.
        later: rows of the training windows that may be fitted on once the settings are chosen.
    """

    fit: Rows
    judge: Windows
    judged: Rows
    later: Rows

    @classmethod
    def of(cls, train: Windows, validation: Windows | None) -> Split:
        """Choose on ``validation``, or hold out the last part of the training windows in time.

        Raises:
            InputError: there is no training window.
        """
        everything = np.arange(len(train), dtype=np.int64)
        if not len(everything):
            raise InputError(
                "there is no training window to fit the baselines on",
                fix="give longer series, or a shorter look-back or horizon",
            )
        if validation is not None and len(validation):
            rows = np.arange(len(validation), dtype=np.int64)
            return cls(everything, validation, rows, everything[:0])
        fit, judged = _hold_out(train)
        later = np.setdiff1d(everything, fit)
        return cls(fit, train, judged, later)

    def limited(self, fit: int, judged: int, seed: int) -> Split:
        """Return the same split with at most that many rows to fit and to judge on."""
        return Split(
            choose_rows(self.fit, fit, seed),
            self.judge,
            choose_rows(self.judged, judged, seed),
            choose_rows(self.later, fit, seed),
        )


def _hold_out(train: Windows) -> tuple[Rows, Rows]:
    """Return the rows to fit and to choose on, so that no fitted target reaches into the latter's.

    When the windows are too few for that the fitted ones end where the held-out ones begin; a
    single window is both.
    """
    series, origin = np.asarray(train.origins).T
    before, fit = np.zeros(len(train), dtype=bool), np.zeros(len(train), dtype=bool)
    for index in np.unique(series):
        of_series = series == index
        last = np.quantile(origin[of_series], 1.0 - HELD_OUT, method="lower")
        before |= of_series & (origin <= last)
        fit |= of_series & (origin <= last + 1 - train.horizon)
    if before.all():
        return np.flatnonzero(before), np.flatnonzero(before)
    return np.flatnonzero(fit if fit.any() else before), np.flatnonzero(~before)
