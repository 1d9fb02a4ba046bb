"""Pictures of forecasts: what was known, what was forecast with its intervals, and what came."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from unrolled.errors import ShapeError
from unrolled.view.charts import Axis, LineChart, Rule
from unrolled.view.gallery import Gallery
from unrolled.view.numbers import column_decimals, in_column
from unrolled.view.runs import Band, Line
from unrolled.view.words import Text, known_phrase, phrase


@dataclass(frozen=True)
class ForecastWindow:
    """One forecast in the units of its series, after L known steps, for the H steps that follow.

    - ``times`` (L + H,): dates or step numbers. ``past`` (L,): what was known; NaN where not observed.
    - ``point`` (H,): the forecast. ``actual`` (H,): what came, NaN or None where not known.
    - ``bands``: coverage -> (low (H,), high (H,)), such as 0.8 and 0.95.
    - ``baselines``: name -> (H,). ``name`` of the series. ``error`` of this window, to find the worst.

    Raises:
        ShapeError: the arrays do not fit together.
    """

    times: ArrayLike
    past: ArrayLike
    point: ArrayLike
    actual: ArrayLike | None = None
    bands: Mapping[float, tuple[ArrayLike, ArrayLike]] = field(default_factory=dict)
    baselines: Mapping[str, ArrayLike] = field(default_factory=dict)
    name: str = ""
    error: float | None = None

    def __post_init__(self) -> None:
        known, horizon = np.size(self.past), np.size(self.point)
        expected = {"times": known + horizon, "past": known, "point": horizon}
        given = {"times": self.times, "past": self.past, "point": self.point}
        rows = {"actual": self.actual, **self.baselines}
        for level, (low, high) in self.bands.items():
            rows |= {f"low end of the {level} band": low, f"high end of the {level} band": high}
        given |= {name: values for name, values in rows.items() if values is not None}
        for name, values in given.items():
            wanted = (expected.get(name, horizon),)
            if np.shape(values) != wanted:
                raise ShapeError(
                    f"{name} of a forecast has shape {np.shape(values)}", expected=str(wanted)
                )


def forecast_picture(
    window: ForecastWindow,
    *,
    title: Text = "",
    unit: Text = "",
    history: int | None = None,
    size: str = "wide",
    note: Text = "",
) -> LineChart:
    """Draw one forecast: history and what came, the point forecast, its intervals and a baseline.

    Args:
        window: the forecast.
        title: the name of the series where none is given.
        unit: of the series.
        history: how many known steps are shown; three times the horizon and at least 30 where None.
        note: a sentence under the title.
        size: as of :class:`~unrolled.view.charts.LineChart`.
    """
    times, past = np.asarray(window.times), np.asarray(window.past, dtype=np.float64)
    horizon = np.size(window.point)
    shown = min(len(past), max(3 * horizon, 30) if history is None else history)
    ahead = times[len(past) :]
    came = np.full(horizon, np.nan) if window.actual is None else np.asarray(window.actual)
    seen = np.concatenate([past[len(past) - shown :], came])
    lines: list[Line | Band] = [
        *_bands(window, ahead),
        Line(phrase("forecast.actual"), times[len(past) - shown :], seen, role="actual"),
        *(
            Line(known_phrase(f"method.{name}", name), ahead, values, role="baseline")
            for name, values in window.baselines.items()
        ),
        Line(phrase("forecast.point"), ahead, window.point, role="model"),
    ]
    marks = (
        [Rule(ahead[0], phrase("forecast.origin"), axis="x")] if horizon and size != "small" else []
    )
    return LineChart(
        title=title or window.name,
        lines=lines,
        marks=marks,
        y=Axis(unit=unit),
        note=note,
        size=size,
    )


def worst_windows(
    windows: Sequence[ForecastWindow],
    *,
    count: int = 6,
    metric: Text = "MAE",
    unit: Text = "",
    total: int | None = None,
) -> Gallery:
    """Draw the ``count`` windows with the largest error, the worst first, each on its own axis.

    Args:
        windows: forecasts with their ``error``; those without one are left out.
        count: how many are drawn.
        metric: what ``error`` measures.
        unit: of the series.
        total: how many forecasts there were, where ``windows`` are not all of them.
    """
    judged = [(window.error, window) for window in windows if window.error is not None]
    worst = heapq.nlargest(count, judged, key=lambda pair: pair[0])
    decimals = column_decimals(error for error, _ in worst)
    charts = [
        forecast_picture(
            window,
            title=window.name,
            unit=unit,
            size="small",
            note=phrase(
                "forecast.window",
                begins=_begins(window),
                metric=metric,
                error=in_column(error, decimals),
            ),
        )
        for error, window in worst
    ]
    shown = {"count": f"{len(charts):,}", "total": f"{total or len(judged):,}", "metric": metric}
    note = phrase("forecast.worst_note", **shown)
    return Gallery(phrase("forecast.worst"), charts, note, charts[0] if charts else None)


def _bands(window: ForecastWindow, ahead: np.ndarray) -> list[Band]:
    # The widest first, so that the narrower ones lie on top of it.
    levels = sorted(window.bands, reverse=True)
    return [
        Band(
            phrase("forecast.interval", level=f"{100 * level:g}"),
            ahead,
            *window.bands[level],
            role="inner" if level == levels[-1] and len(levels) > 1 else "outer",
        )
        for level in levels
    ]


def _begins(window: ForecastWindow) -> str:
    times = np.asarray(window.times)
    first = times[np.size(window.past)]
    if times.dtype.kind != "M":
        return f"{first:,}"
    moment = str(first.astype("datetime64[m]")).replace("T", " ")
    return moment.removesuffix(" 00:00")
