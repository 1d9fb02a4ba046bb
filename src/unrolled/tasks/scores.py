"""How good a forecast is: the figures that stand in every score table, each by its definition.

All figures leave out the elements whose actual value is not known (NaN); none leaves out a forecast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError, UnrolledError

Array = NDArray[np.float64]

INTERVALS: Mapping[str, tuple[float, float]] = {
    "coverage_80": (0.1, 0.9),
    "coverage_95": (0.025, 0.975),
}
"""The quantile levels between which an interval of that coverage lies."""

BASELINE_ORDER: tuple[str, ...] = (
    "majority",
    "logistic",
    "tfidf_logistic",
    "most_frequent_tag",
    "naive",
    "seasonal_naive",
    "ridge",
    "gradient_boosting",
    "dlinear",
    "nearest_pair",
    "copy_source",
    "lead",
    "ngram",
)
"""The order of the baselines in every score table, from the simplest to the strongest of a task."""


def forecast_scores(
    actual: ArrayLike,
    point: ArrayLike,
    quantiles: Mapping[float, ArrayLike] | None = None,
    *,
    scale: ArrayLike,
) -> dict[str, float]:
    """Score N forecasts of H steps.

    Over the elements (i, h) whose actual value a is known, with the point forecast f, the
    quantile forecasts q_p and the scale s_i of the row's series:

    - ``mae`` = mean |a - f|, in the units of the series.
    - ``mse`` = mean (a - f)^2.
    - ``mase`` = mean |a - f| / s_i, where s_i is the mean absolute error of the seasonal naive
      forecast on the training part (Hyndman & Koehler 2006). Below 1 the forecast errs less than
      that. A constant series has s_i = 0 and no such figure: its rows are left out of ``mase``
      alone, which is NaN when no other row is there.
    - ``smape`` = mean 200 |a - f| / (|a| + |f|), in percent from 0 to 200, with 0 / 0 = 0
      (Makridakis, Spiliotis & Assimakopoulos 2020, the M4 competition).
    - ``crps`` = mean over elements and levels of 2 max(p (a - q_p), (p - 1) (a - q_p)): twice the
      pinball loss (Koenker & Bassett 1978), whose integral over all levels p is the continuous
      ranked probability score (Gneiting & Raftery 2007). In the units of the series. It can be
      compared between forecasts that give the same levels; of the median alone it is ``mae``.
    - ``coverage_80`` and ``coverage_95`` = the share of a in [q_0.1, q_0.9] and in
      [q_0.025, q_0.975], from 0 to 1, the ends included (Christoffersen 1998).

    Args:
        actual: (N, H) what happened; NaN where it is not known.
        point: (N, H) the forecast.
        quantiles: level -> (N, H). Without them there is no ``crps`` and no coverage; without
            the two levels of an interval its coverage is not there.
        scale: (N,) the scale of each row's series, for ``mase``.

    Returns:
        The figures by name, in the order above.

    Raises:
        ShapeError: the arrays do not fit together, no actual value is known, or a level is not
            between 0 and 1.
        UnrolledError: a forecast is not finite where the actual value is known.

    >>> forecast_scores([[1.0, 3.0]], [[2.0, 3.0]], scale=[2.0])["mase"]
    0.25
    """
    truth = _matrix("actual", actual, None)
    forecast = _matrix("point", point, truth.shape)
    scales = np.asarray(scale, dtype=np.float64)
    if scales.shape != truth.shape[:1]:
        raise ShapeError(f"scale has shape {scales.shape}", expected=f"({len(truth)},), one a row")
    known = ~np.isnan(truth)
    if not known.any():
        raise ShapeError(
            "there is nothing to score: no actual value is known",
            fix="give windows whose target is observed",
        )
    a, f = truth[known], _finite("point", forecast[known])
    error = np.abs(a - f)
    scores = {
        "mae": float(error.mean()),
        "mse": float(np.square(error).mean()),
        "mase": _scaled_error(error, np.broadcast_to(scales[:, None], truth.shape)[known]),
        "smape": _symmetric_percentage(error, a, f),
    }
    if quantiles:
        scores |= _quantile_scores(truth, known, quantiles)
    return scores


def score_rows(
    model: Mapping[str, float] | None, baselines: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float | None]]:
    """Put the model's scores first and the baselines' below, always in the same order.

    The baselines come in :data:`BASELINE_ORDER`; names that are not in it come last, as given.
    A figure that does not exist (NaN) becomes None, because JSON knows no NaN.

    >>> rows = score_rows({"mae": 1.0}, {"ridge": {"mae": 2.0}, "naive": {"mae": float("nan")}})
    >>> list(rows), rows["naive"]
    (['model', 'naive', 'ridge'], {'mae': None})
    """
    known = [name for name in BASELINE_ORDER if name in baselines]
    names = known + [name for name in baselines if name not in BASELINE_ORDER]
    rows: list[tuple[str, Mapping[str, float]]] = [] if model is None else [("model", model)]
    rows += [(name, baselines[name]) for name in names]
    return {
        name: {key: float(x) if math.isfinite(x) else None for key, x in figures.items()}
        for name, figures in rows
    }


def _scaled_error(error: Array, scale: Array) -> float:
    usable = np.isfinite(scale) & (scale > 0)
    return float((error[usable] / scale[usable]).mean()) if usable.any() else math.nan


def _symmetric_percentage(error: Array, actual: Array, point: Array) -> float:
    size = np.abs(actual) + np.abs(point)
    ratio = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
    return float(200.0 * ratio.mean())


def _quantile_scores(
    truth: Array, known: NDArray[np.bool_], quantiles: Mapping[float, ArrayLike]
) -> dict[str, float]:
    a = truth[known]
    # Rounded, so that a level that was computed (1 - 0.9) is found as the level it means.
    levels = {round(float(level), 9): values for level, values in quantiles.items()}
    _check_levels(levels)
    forecasts = {
        level: _finite(f"quantile {level}", _matrix(f"quantile {level}", q, truth.shape)[known])
        for level, q in levels.items()
    }
    losses = [2.0 * pinball(a, q, level).mean() for level, q in forecasts.items()]
    scores = {"crps": float(np.mean(losses))}
    for name, (low, high) in INTERVALS.items():
        if low in forecasts and high in forecasts:
            inside = (forecasts[low] <= a) & (a <= forecasts[high])
            scores[name] = float(inside.mean())
    return scores


def pinball(actual: Array, quantile: Array, level: float) -> Array:
    """Return max(p (a - q), (p - 1) (a - q)), the loss whose minimum is the p-quantile.

    Koenker & Bassett (1978), Regression quantiles. Shapes are kept; the units are those of a.

    >>> pinball(np.array([3.0]), np.array([1.0]), 0.75).tolist()
    [1.5]
    """
    error = actual - quantile
    return np.maximum(level * error, (level - 1.0) * error)


def _check_levels(levels: Mapping[float, ArrayLike]) -> None:
    for level in levels:
        if not 0.0 < level < 1.0:
            raise ShapeError(f"quantile level {level}", expected="a number between 0 and 1")


def _matrix(name: str, values: ArrayLike, shape: Sequence[int] | None) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if shape is None and array.ndim != 2:
        raise ShapeError(f"{name} has shape {array.shape}", expected="(windows, horizon)")
    if shape is not None and array.shape != tuple(shape):
        raise ShapeError(f"{name} has shape {array.shape}", expected=f"{tuple(shape)}, as actual")
    return array


def _finite(name: str, values: Array) -> Array:
    # Left out, such a forecast would be scored as if it had never been asked for.
    broken = int(np.count_nonzero(~np.isfinite(values)))
    if broken:
        raise UnrolledError(
            f"{name}: {broken} of {values.size} forecasts are not finite where the actual value "
            "is known; a score of the others would be too good"
        )
    return values
