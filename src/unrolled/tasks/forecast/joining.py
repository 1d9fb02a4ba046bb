"""New rows behind those that a model already has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import COUNT_ROWS, Panel, Series
from unrolled.errors import InputError

_ROWS = ("times", "target", "known", "past")


def join_panels(kept: Panel, new: Panel) -> Panel:
    """Return the series of ``kept`` in their order, each gone on with by ``new``, then the series only ``new`` has.

    Where both have a time, ``new`` counts: what it holds from its first time on replaces what was kept from there on.

    Raises:
        InputError: the columns or the frequency differ, or a series of ``new`` begins after the step that is next.
    """
    _refuse_other_columns(kept, new)
    later = {series.id: series for series in new.series}
    joined = [
        _joined(kept, series, later[series.id]) if series.id in later else series
        for series in kept.series
    ]
    known = {series.id for series in kept.series}
    joined += [series for series in new.series if series.id not in known]
    return replace(new, series=tuple(joined))


def _joined(panel: Panel, kept: Series, new: Series) -> Series:
    """Return the rows of ``kept`` before the first of ``new``, then those of ``new``."""
    before = int(np.searchsorted(kept.times, new.times[0]))
    if before == 0:
        return new
    if before == len(kept.times):
        due = panel.next_times(kept, 1)[0]
        if new.times[0] != due:
            raise InputError(
                f"the new rows begin at {new.times[0]}, the rows before them end at {kept.times[-1]}",
                where=f"series {new.id}",
                expected=f"rows from {due} on",
                fix="give the rows between, too; with missing='mask' their target may be empty",
            )
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(kept, name)[:before], getattr(new, name)]) for name in _ROWS
    }
    return replace(new, **rows)


def counted_on(kept: Panel, new: Panel) -> Panel:
    """Return ``new`` with rows counted on from those of ``kept``; nothing changes where a column holds the times."""
    if new.form.freq != COUNT_ROWS:
        return new
    ends = {series.id: int(series.times[-1]) + 1 for series in kept.series}
    series = tuple(replace(s, times=s.times + ends.get(s.id, 0)) for s in new.series)
    return replace(new, series=series)


def positions_after(panel: Panel, times: Mapping[str, int]) -> NDArray[np.int64]:
    """Return (series,) the position of the first row after ``times``, by id; 0 for a series that has none.

    Times are in seconds since 1970, or step numbers.
    """
    return np.array(
        [
            np.searchsorted(s.times.astype(np.int64), times[s.id], side="right")
            if s.id in times
            else 0
            for s in panel.series
        ],
        dtype=np.int64,
    )


def _refuse_other_columns(kept: Panel, new: Panel) -> None:
    for name in ("targets", "known_names", "past_names", "static_names"):
        before, now = getattr(kept, name), getattr(new, name)
        if before != now:
            raise InputError(
                f"the data has {name.replace('_', ' ')} {', '.join(now) or 'none'}",
                expected=f"those of the model: {', '.join(before) or 'none'}",
                fix="name the columns as they were named in training",
            )
