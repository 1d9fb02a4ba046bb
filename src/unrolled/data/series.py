"""Series, checked and on a grid: what every model and baseline is given, read from a file or a dataframe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.columns import Columns, Roles, find_columns
from unrolled.data.dense import Dense, lay_dense
from unrolled.data.form import COUNT_ROWS, Form
from unrolled.data.frequency import Frequency, Numbering, Times, parse_frequency
from unrolled.data.grid import Grid, Request, make_grid
from unrolled.data.ordered import MASK
from unrolled.data.static import read_static
from unrolled.data.tables import Table, load_table
from unrolled.data.times import TimeColumn, read_times
from unrolled.errors import InputError, OptionError, unknown_option

__all__ = ["Columns", "Form", "Panel", "Series", "read_panel"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One series of T steps without gaps, and E steps of what is known after it.

    Attributes:
        id: its name; of a table with several targets "group/target".
        times: (T,) datetime64[s], or int64 step numbers.
        target: (T,) float64, NaN where not observed.
        known: (T, K) covariates that are known in advance.
        past: (T, P) covariates that are known up to now only.
        static: (S,) what stays the same; a category is 1 in its column and 0 in the others of its feature.
        future_known: (E, K) known covariates of the E steps after the last; E may be 0.
        group: what the id column holds; "" in a table without one.
        target_name: the column of the target.
    """

    id: str
    times: Times
    target: Array
    known: Array
    past: Array
    static: Array
    future_known: Array
    group: str
    target_name: str

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Panel:
    """The series of a table.

    Attributes:
        series: those that can be used, in the order of the table.
        freq: their frequency; None when their steps are numbered or counted.
        targets: columns that are forecast.
        known_names: (K) columns of `Series.known`.
        past_names: (P) columns of `Series.past`.
        static_names: (S) columns of `Series.static`; a category's is "region=north".
        form: what it takes to read other tables as this one.
        notes: one line for each thing that was mended, and for each series kept aside.
    """

    series: tuple[Series, ...]
    freq: Frequency | None
    targets: tuple[str, ...]
    known_names: tuple[str, ...]
    past_names: tuple[str, ...]
    static_names: tuple[str, ...]
    form: Form = field(default_factory=Form)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    def next_times(self, series: Series, count: int) -> Times:
        """Return the ``count`` times, or step numbers, after the end of a series."""
        ruler = self.freq or Numbering(self.form.number_step or 1)
        return ruler.next(series.times, count)


def read_panel(
    source: Any,
    columns: Columns | None = None,
    *,
    freq: str | Frequency | None = None,
    missing: str = "error",
    minimum_length: int = 0,
    like: Form | None = None,
) -> Panel:
    """Read series from a file, standard input, a dataframe, a dict of columns or a list of dicts.

    Args:
        source: as `read_table` takes it: a long table (one row for each series and time), a single series, or a wide
            one with several targets.
        columns: what the columns are; those not named are found by their usual names.
        freq: "h", "D", "MS", ...; "step" counts rows instead of time; None sees it in the times.
        missing: "error" refuses missing values and gaps; "mask" takes them as not observed (NaN).
        minimum_length: series with fewer steps are kept aside.
        like: the form of a model's panel: the same columns, frequency, zone and categories are read, and constant
            series stay.

    >>> panel = read_panel({"ds": ["2024-01-01", "2024-01-02", "2024-01-03"], "y": [1.0, 2.0, 4.0]})
    >>> panel.freq.name, panel.series[0].target
    ('daily', array([1., 2., 4.]))

    Raises:
        OptionError: an option has no such value, or a named column does not exist.
        InputError: the table cannot be read or used; file, row and column are named, with what to do about it.
    """
    if missing not in ("error", MASK):
        raise unknown_option("missing", missing, ("error", MASK))
    table = load_table(source)
    roles = find_columns(table, _merged(columns, like))
    request = replace(_request(freq, like), masks=missing == MASK, unused=roles.unused)
    times = _read_times(table, roles, request, like)
    grid = make_grid(table, roles.id, roles.time, times.values if times else None, request)
    dense = lay_dense(table, roles, grid, masks=request.masks)
    known = like.categories if like else None
    static, static_names, categories = read_static(table, roles.static, grid, known)
    made = list(_cut(dense, static, grid, roles))
    series, aside = _usable(table, made, minimum_length, keeps_constant=like is not None)
    zone = times.zone if times else None
    form = Form(
        roles.columns(), *_rulers(grid, counts=not times or request.counts_rows), zone, categories
    )
    notes = (*table.notes, *(times.notes if times else ()), *grid.notes, *dense.notes, *aside)
    return Panel(
        series,
        grid.ruler if isinstance(grid.ruler, Frequency) else None,
        roles.target,
        roles.known,
        roles.past,
        static_names,
        form,
        (*notes, *_unused(table, roles)),
    )


def _rulers(grid: Grid, *, counts: bool) -> tuple[str | None, int | None]:
    """Return the frequency and the number step of a form."""
    if isinstance(grid.ruler, Frequency):
        return str(grid.ruler), None
    return (COUNT_ROWS, None) if counts else (None, grid.ruler.step)


def _merged(columns: Columns | None, like: Form | None) -> Columns:
    """Return what the user names, and otherwise what the model knows."""
    given = columns or Columns()
    if like is None:
        return given
    named = {f.name: getattr(given, f.name) for f in fields(Columns)}
    return Columns(
        **{k: getattr(like.columns, k) if v is None or v == () else v for k, v in named.items()}
    )


def _request(freq: str | Frequency | None, like: Form | None) -> Request:
    if like is not None and freq is None:
        if like.number_step is not None:
            return Request(Numbering(like.number_step))
        freq = like.freq
    if freq is None:
        return Request()
    if freq == COUNT_ROWS:
        return Request(counts_rows=True)
    return Request(parse_frequency(freq))


def _read_times(
    table: Table, roles: Roles, request: Request, like: Form | None
) -> TimeColumn | None:
    """Return the times; None when there are none, which a frequency in time does not allow."""
    asked = request.ruler if isinstance(request.ruler, Frequency) else None
    if roles.time is None:
        if asked:
            raise InputError(
                f"there is no column of times, and rows without times are not {asked.name}",
                where=table.name,
                expected=f"times for freq={str(asked)!r}",
                fix='name the column: time="NAME" (--time NAME), or leave the frequency out and say the season',
            )
        return None
    times = read_times(table, roles.time, freq=asked, zone=like.zone if like else None)
    if like is not None and like.zone is None and times.zone is not None:
        raise InputError(
            "the times have an offset from UTC, those that the model was fitted on had none",
            where=table.where(column=roles.time),
            fix="write them as local times without the offset",
        )
    if (
        request.ruler
        and times.is_numbered != isinstance(request.ruler, Numbering)
        and not request.counts_rows
    ):
        given = "numbers" if times.is_numbered else "dates"
        raise OptionError(
            f"the column holds {given}, and {given} are not {request.ruler.name}",
            where=table.where(column=roles.time),
            expected="dates" if times.is_numbered else "step numbers",
            fix='leave the frequency out, or say freq="step" (--freq step) to count rows',
        )
    return times


def _cut(dense: Dense, static: Array, grid: Grid, roles: Roles) -> Iterator[Series]:
    bounds = zip(grid.names, dense.starts, dense.ends, dense.stops, static, strict=True)
    for name, start, end, stop, features in bounds:
        for target_name, target in zip(roles.target, dense.target, strict=True):
            both = f"{name}/{target_name}" if name else target_name
            yield Series(
                both if len(roles.target) > 1 or not name else name,
                dense.times[start:end],
                target[start:end],
                dense.known[start:end],
                dense.past[start:end],
                features,
                dense.known[end:stop],
                name,
                target_name,
            )


def _usable(
    table: Table, made: list[Series], minimum_length: int, *, keeps_constant: bool
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Return the series that can be used, and a note that names the others and why; refuse when none is left."""
    reasons = {s.id: _unusable(s, minimum_length, keeps_constant=keeps_constant) for s in made}
    kept = tuple(s for s in made if not reasons[s.id])
    aside = {name: reason for name, reason in reasons.items() if reason}
    if not kept:
        longest = max(made, key=len)
        if len(longest) < minimum_length:
            raise InputError(
                f"no series is long enough: the longest{f', {longest.id!r},' if len(made) > 1 else ''} has "
                f"{len(longest)} rows",
                where=table.name,
                expected=f"at least {minimum_length} (look-back + horizon)",
                fix="give more rows, or a shorter look-back or horizon",
            )
        if len(longest) == 0:
            raise InputError(
                "there is no row with a target, only what is known in advance",
                where=table.where(column=longest.target_name),
                expected="rows with a target before those without",
                fix="give the last rows that have one, too",
            )
        raise InputError(
            f"there is nothing to forecast: series {longest.id!r} is {reasons[longest.id]}",
            where=table.where(column=longest.target_name),
            expected="a target that changes",
        )
    named = [f"{name!r} ({reason})" for name, reason in aside.items()]
    listed = ", ".join(named[:20]) + (f" and {len(named) - 20} more" if len(named) > 20 else "")
    kind = "series" if len(aside) == 1 else f"{len(aside)} series"
    return kept, (f"{table.name}: kept aside: {kind} {listed}",) if aside else ()


def _unusable(series: Series, minimum_length: int, *, keeps_constant: bool) -> str:
    """Return why a series cannot be used, "" when it can."""
    if len(series) < minimum_length:
        return f"{len(series)} rows, fewer than {minimum_length}"
    seen = series.target[~np.isnan(series.target)]
    if len(seen) == 0:
        return "without any value"
    if not keeps_constant and seen.min() == seen.max():
        return f"constant at {seen[0]:g}"
    return ""


def _unused(table: Table, roles: Roles) -> tuple[str, ...]:
    shown = ", ".join(roles.unused[:8]) + (", ..." if len(roles.unused) > 8 else "")
    return (f"{table.name}: columns not used: {shown}",) if roles.unused else ()
