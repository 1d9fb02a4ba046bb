"""The table behind a line chart: its numbers in rows, sampled where they are too many to read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.view.dates import date_text
from unrolled.view.figure import behind, table
from unrolled.view.numbers import number
from unrolled.view.runs import Run
from unrolled.view.scale import Scale
from unrolled.view.words import Say, phrase

_ROWS = 40


def sampled_table(runs: Sequence[Run], x: Scale, speak: Say) -> str:
    """Return the table of all lines over x, folded away.

    Up to 40 rows are shown: of longer lines evenly spaced ones, always with the lowest and the highest.
    """
    known = sorted((run for run in runs if run.known.any()), key=lambda run: run.is_band)
    if not known:
        return ""
    apart = len({run.x.tobytes() for run in known})
    total = len(np.unique(np.concatenate([run.x for run in known])))
    chosen = np.unique(np.concatenate([run.x[_rows(run, _ROWS // apart)] for run in known]))
    if total <= _ROWS:
        chosen = np.unique(np.concatenate([run.x for run in known]))
    lookups = [_cells(run, chosen) for run in known]
    rows = [
        [_place(at, x, chosen), *(cells.get(at, "") for cells in lookups)] for at in chosen.tolist()
    ]
    shown = {"shown": f"{len(rows):,}", "total": f"{total:,}"}
    summary = phrase("chart.data") if len(rows) == total else phrase("chart.data_sample", **shown)
    return behind(speak(summary), table(["", *(run.name for run in known)], rows))


def _rows(run: Run, most: int) -> NDArray[np.int64]:
    places = np.flatnonzero(run.known)
    even = np.linspace(0, len(places) - 1, min(len(places), max(most, 5))).round().astype(np.int64)
    extremes = [np.nanargmin(run.low), np.nanargmax(run.high)]
    return np.concatenate([places[even], extremes])


def _cells(run: Run, places: NDArray[np.float64]) -> dict[float, str]:
    rows = np.flatnonzero(np.isin(run.x, places))
    ends = zip(run.x[rows].tolist(), run.low[rows].tolist(), run.high[rows].tolist(), strict=True)
    return {x: f"{number(a)} … {number(b)}" if run.is_band else number(a) for x, a, b in ends}


def _place(at: float, scale: Scale, places: NDArray[np.float64]) -> str:
    if scale.kind != "time":
        return f"{at:,.0f}" if at % 1 == 0 and abs(at) < 1e15 else number(at)
    gap = float(np.diff(places).min()) if len(places) > 1 else 1.0
    return date_text(at, gap)
