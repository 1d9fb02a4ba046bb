"""The strongest fair linear opponent: ridge regression on exactly the inputs of the network."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Self

import numpy as np

from unrolled.tasks.baselines.inputs import (
    BLOCK,
    Array,
    Gaps,
    Inputs,
    array,
    blocks,
    series_units,
)
from unrolled.tasks.baselines.moments import Coefficients, Moments, Penalty
from unrolled.tasks.baselines.rows import Rows, Split
from unrolled.tasks.baselines.simple import ForecastBaseline

if TYPE_CHECKING:
    from unrolled.data.windows import WindowBatch, Windows

STRENGTHS = tuple(10.0**exponent for exponent in range(-6, 2))
"""The strengths tried on the target's own past, as shares of the inputs' variance."""
COVARIATE_FACTORS = (1.0, 30.0, 1e3, 1e5)
"""How much stronger the covariates are held back than the past; the last leaves them out."""

MOST_WINDOWS = 60_000
MOST_JUDGED = 10_000
MOST_COVARIATES = 128
MOST_PRODUCTS = 5e10
"""Bound on windows x columns^2: a few seconds of one core."""
MOST_OWN_MOMENTS = 1.6e7
"""Bound on steps x columns^2 where each step has a matrix of its own: 130 MB, a few seconds."""


class Ridge(ForecastBaseline):
    """One ridge regression for every step of the horizon, all fitted at once.

    With z the inputs that all steps share (scaled look-back, its covariates, static features) and
    x_h those of step h (lags of the season, calendar, known covariates):

        y_h = b_h + u_h' z + v_h' x_h
        (b_h, u_h, v_h) = argmin mean_i w_i (y_ih - b_h - u_h' z_i - v_h' x_ih)^2
                                 + strength (|past part of u_h, v_h|^2 + factor |covariate part|^2)

    over inputs of variance 1, with w_i the scale of window i in units of its series' seasonal
    error. What is known of a step is read twice, as it is and divided by w_i: its effect may grow
    with the window's scale or be the same in the units of the series.

    Strength and factor are those with the smallest absolute error, in units of the seasonal error,
    on the validation windows; they are the same for all steps. The factor matters: a year of
    training shows every day of the year once, and on ETTh1 holding the calendar back takes the
    mean squared error from 0.387 to 0.383. Without validation windows the choice is made on the
    last fifth of the training windows, after which all of them are fitted on. A missing target is
    left out of its step alone.

    Hoerl & Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems. Direct
    forecasts of every step: Marcellino, Stock & Watson (2006). That a linear map of the look-back
    is a strong opponent of networks: Zeng, Chen, Zhang & Xu (2023).

    Attributes:
        strength: the strength that was chosen.
        covariate_factor: the factor that was chosen.
    """

    name = "ridge"
    strength: float
    covariate_factor: float
    _inputs: Inputs
    _coefficients: Coefficients

    def fit(
        self,
        train: Windows,
        validation: Windows | None = None,
        *,
        seed: int = 0,
        max_windows: int | None = None,
    ) -> Self:
        """Fit on training windows and choose the strengths on validation windows.

        At most 60,000 windows are used unless ``max_windows`` says else, fewer when the look-back
        is so long that the matrix products would take more than a few seconds.
        """
        split = Split.of(train, validation).limited(max_windows or MOST_WINDOWS, MOST_JUDGED, seed)
        self._inputs = _readable(train, split, seed)
        first = self._read(*_with_units(train, split.fit[:BLOCK]))
        split = split.limited(_affordable(first[0].shape[1]), MOST_JUDGED, seed)
        moments = Moments(*first)
        self._add(moments, train, split.fit)
        choices = list(product(STRENGTHS, COVARIATE_FACTORS))
        penalties = [self._penalty(moments, *choice) for choice in choices]
        found = moments.solve(penalties)
        best = int(np.argmin(self._errors(found, split.judge, split.judged)))
        self.strength, self.covariate_factor = choices[best]
        self._coefficients = found[best]
        if len(split.later):
            self._add(moments, train, split.later)
            self._coefficients = moments.solve([penalties[best]])[0]
        return self

    def predict_scaled(self, batch: WindowBatch, units: Array) -> Array:
        """Return (B, H): every step from its own regression."""
        return self._coefficients(*self._read(batch, units))

    def _read(self, batch: WindowBatch, units: Array) -> tuple[Array, Array]:
        """Return the shared inputs and those of every step; what is not the target's own, twice."""
        shared, own = self._inputs.shared(batch), self._inputs.of_steps(batch)
        covariates = own[:, :, self._inputs.seasons + self._inputs.masks[1] :]
        return (
            np.concatenate([shared, 1.0 / units[:, None]], axis=1),
            np.concatenate([own, covariates / units[:, None, None]], axis=2),
        )

    def _penalty(self, moments: Moments, strength: float, factor: float) -> Penalty:
        """Return ``strength`` for the target's own values and masks, times ``factor`` for the others.

        A mask is 0 or 1 as it stands: standardised, the mask of a step that is missing in one
        window of a thousand would be blown up thirty times, and fitted to that one window.
        """
        values = (self._inputs.recent, self._inputs.seasons)
        parts = []
        for count, masks, variance in zip(
            values, self._inputs.masks, moments.variances(), strict=True
        ):
            penalty = np.full(len(variance), strength * factor)
            penalty[:count] = strength
            penalty[count : count + masks] = strength / variance[count : count + masks]
            parts.append(penalty)
        return Penalty(*parts)

    def _add(self, moments: Moments, windows: Windows, rows: Rows) -> None:
        for batch in blocks(windows, rows):
            units = series_units(batch, windows)
            target, seen = array(batch.target), array(batch.target_mask)
            moments.add(*self._read(batch, units), target, seen, weight=units)

    def _errors(self, found: list[Coefficients], windows: Windows, rows: Rows) -> Array:
        """Return each one's absolute error in units of the series' seasonal errors, summed."""
        errors = np.zeros(len(found))
        for batch in blocks(windows, rows):
            units = series_units(batch, windows)
            shared, own = self._read(batch, units)
            target, weight = array(batch.target), array(batch.target_mask) * units[:, None]
            for index, coefficients in enumerate(found):
                errors[index] += float((np.abs(coefficients(shared, own) - target) * weight).sum())
        return errors


def _with_units(windows: Windows, rows: Rows) -> tuple[WindowBatch, Array]:
    batch = windows.take(rows)
    return batch, series_units(batch, windows)


def _readable(train: Windows, split: Split, seed: int) -> Inputs:
    """Return the inputs; a shorter look-back where each step would need a large matrix of its own."""
    gaps = Gaps.of(train, np.concatenate([split.fit, split.later]))
    inputs = Inputs.fit(
        train, split.fit, gaps, recent=train.lookback, covariates=MOST_COVARIATES, seed=seed
    )
    width = inputs.shared(train.take(split.fit[:1])).shape[1]
    excess = width - int(np.sqrt(MOST_OWN_MOMENTS / train.horizon))
    if not gaps.target or excess <= 0:
        return inputs
    return replace(inputs, recent=max(1, inputs.recent - excess // (1 + gaps.past) - 1))


def _affordable(width: int) -> int:
    """Return how many windows the matrix products may take, but enough to determine the columns."""
    return max(int(MOST_PRODUCTS / width**2), 4 * width)
