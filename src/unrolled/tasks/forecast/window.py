"""One window of a series, as it is named: a look-back, whose values may be others, and what it is read as."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unrolled.data.pair_rows import short
from unrolled.data.series import Panel, Series
from unrolled.data.windows import WindowBatch, Windows
from unrolled.errors import InputError
from unrolled.tasks.forecast.fitted import Fitted
from unrolled.tasks.forecast.predicting import refuse_unobserved

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """A window of one series.

    Attributes:
        series: with the values of the look-back as they are read.
        origin: position of the forecast's first step.
        windows: this window alone, of a panel of this series alone.
        number: of the series, as the network knows it.
        times: of the steps of the look-back that the series has, and of the horizon.
    """

    series: Series
    origin: int
    windows: Windows
    number: int
    times: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def past(self) -> Array:
        """The values of the look-back (P,), NaN where nothing was observed; a series may begin within it."""
        return self.series.target[max(0, self.origin - self.windows.lookback) : self.origin]

    @property
    def batch(self) -> WindowBatch:
        """What the network reads."""
        batch = self.windows.take([0])
        return batch._replace(series=torch.full_like(batch.series, self.number))

    def read_as(self, values: Tensor) -> WindowBatch:
        """Return what the network would read of other values (R, P), in the units of the series; gradients flow to them.

        What was not observed stays so.
        """
        history, shape, batch = self.windows.history, self.windows.shape, self.batch
        rows, count = values.shape
        series = torch.zeros(rows, dtype=torch.int64)
        past = F.pad(values, (shape.lookback - count, 0))
        seen = batch.past_mask.bool().expand(rows, -1)
        center, scale = history.center_and_scale(series, past, seen)
        offsets = torch.from_numpy(shape.lag_offsets()).reshape(1, -1)
        before, _ = history.values(series[:1], self.origin + offsets)
        within = (offsets >= -count).expand(rows, -1)
        own = values.gather(1, (offsets + count).clamp(min=0).expand(rows, -1))
        lags = torch.where(within, own, before)

        def scaled(numbers: Tensor, mask: Tensor) -> Tensor:
            return torch.where(mask, (numbers - center) / scale, 0.0).float()

        others = {
            name: leaf.expand(rows, *leaf.shape[1:]) for name, leaf in batch._asdict().items()
        }
        seasonal = scaled(lags, batch.seasonal_mask.flatten(1).bool())
        return WindowBatch(**others)._replace(
            past=scaled(past, seen),
            seasonal=seasonal.view(rows, shape.horizon, -1),
            center=center,
            scale=scale,
        )


def window_of(
    fitted: Fitted,
    panel: Panel,
    asked: Sequence[int],
    series: str | None = None,
    origin: Any = None,
    values: Any = None,
) -> Window:
    """Return the window that is asked for.

    Args:
        fitted: the forecaster.
        panel: begins with the series of the forecaster.
        asked: the numbers of the series that may be meant.
        series: its name; None = the first.
        origin: time or number of the forecast's first step; None = the last from which the whole horizon is known, or the
            step after the last where there is none.
        values: in place of those of the look-back, None or NaN where nothing was observed.

    Raises:
        InputError: there is no such series or step, the values do not fit, nothing was observed in the look-back, or known
            covariates of the horizon are missing.
    """
    number = _number(panel, asked, series)
    chosen = panel.series[number]
    place = _default_origin(fitted, chosen) if origin is None else _place(panel, chosen, origin)
    if values is not None:
        chosen = _with_values(chosen, place, fitted.shape.lookback, values)
    alone = replace(panel, series=(chosen,))
    horizon = fitted.shape.horizon
    history = fitted.history(alone, horizon)
    if (ahead := place + horizon - len(chosen)) > 0:
        history.require_known_ahead([0], ahead)
    windows = Windows.at(history, fitted.shape, [[0, place]])
    refuse_unobserved(windows)
    return Window(
        chosen, place, windows, number, _times(alone, place, fitted.shape.lookback, horizon)
    )


def inputs_of(
    fitted: Fitted, panel: Panel, asked: Sequence[int], limit: int | None = None
) -> list[dict[str, Any]]:
    """Return series and origin of windows whose look-backs follow one another, as many as are wanted, evenly spread.

    Raises:
        InputError: no series is long enough for one.
    """
    lookback = fitted.shape.lookback
    every = []
    for number in asked:
        series = panel.series[number]
        last = len(series) if not panel.known_names else len(series) - fitted.shape.horizon
        every += [(series, place) for place in range(last, lookback - 1, -lookback)][::-1]
    if not every:
        raise InputError(
            f"no series has the {lookback} steps of a look-back", expected="a longer series"
        )
    count = len(every) if limit is None else min(limit, len(every))
    some = np.linspace(0, len(every) - 1, count).round().astype(int).tolist()
    return [
        {"series": each.id, "origin": _time(panel, each, place)}
        for each, place in map(every.__getitem__, some)
    ]


def _time(panel: Panel, series: Series, place: int) -> str:
    times = series.times if place < len(series) else panel.next_times(series, 1)
    return named_times(times[min(place, len(times) - 1)][None])[0]


def _number(panel: Panel, asked: Sequence[int], name: str | None) -> int:
    if name is None:
        return int(asked[0])
    known = {panel.series[number].id: int(number) for number in asked}
    if name not in known:
        if not isinstance(name, str):
            raise InputError(f"series={short(name)}", expected="the name of a series")
        near = difflib.get_close_matches(name, known, n=1)
        some = ", ".join([*known][:5]) + (", ..." if len(known) > 5 else "")
        raise InputError(
            f"there is no series {short(name)}",
            expected=f"one of {some}",
            fix=f"did you mean {near[0]!r}?" if near else None,
        )
    return known[name]


def _default_origin(fitted: Fitted, series: Series) -> int:
    known = len(series) - fitted.shape.horizon
    return known if known >= fitted.shape.lookback else len(series)


def _place(panel: Panel, series: Series, origin: Any) -> int:
    """Return the position of a time; of the step after the last one, too."""
    times = np.concatenate((series.times, panel.next_times(series, 1)))
    try:
        if isinstance(origin, bool) or (times.dtype.kind == "i" and float(origin) != int(origin)):
            raise ValueError
        wanted = np.array([origin]).astype(times.dtype)[0]
        places = np.flatnonzero(times == wanted)
    except (TypeError, ValueError, OverflowError):
        places = np.zeros(0, np.int64)
    if not len(places) or places[0] == 0:
        first, last = named_times(times)[1], named_times(times)[-1]
        raise InputError(
            f"origin={short(origin)} is no step of series {series.id} that may be forecast",
            expected=f"one from {first} to {last}",
        )
    return int(places[0])


def _with_values(series: Series, place: int, lookback: int, values: Any) -> Series:
    start = max(0, place - lookback)
    try:
        given = np.array([np.nan if value is None else value for value in values], np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"values={short(values)}", expected="a list of numbers") from error
    if given.shape != (place - start,):
        raise InputError(
            f"{len(given)} values", expected=f"{place - start}, one for each step of the look-back"
        )
    if np.isinf(given).any():
        raise InputError("a value is infinite", expected="numbers, or None where none was observed")
    target = series.target.copy()
    target[start:place] = given
    return replace(series, target=target)


def _times(
    panel: Panel, place: int, lookback: int, horizon: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    (series,) = panel.series
    ahead = max(0, place + horizon - len(series))
    times = (
        np.concatenate((series.times, panel.next_times(series, ahead))) if ahead else series.times
    )
    start = max(0, place - lookback)
    named = named_times(times[start : place + horizon])
    return tuple(named[: place - start]), tuple(named[place - start :])


def named_times(times: NDArray[Any]) -> list[str]:
    """Return times as text, no finer than they need to be; step numbers as they are.

    >>> named_times(np.array(["2024-01-01", "2024-01-02"], "datetime64[s]"))
    ['2024-01-01', '2024-01-02']
    >>> named_times(np.array(["2024-01-01T06:00"], "datetime64[s]"))
    ['2024-01-01 06:00']
    """
    if times.dtype.kind != "M":
        return [str(number) for number in times.tolist()]
    seconds = times.astype("datetime64[s]")
    unit = next(unit for unit in _UNITS if (seconds == seconds.astype(f"datetime64[{unit}]")).all())
    return [str(text).replace("T", " ") for text in np.datetime_as_string(seconds, unit=unit)]


_UNITS: tuple[Literal["D", "m", "s"], ...] = ("D", "m", "s")
