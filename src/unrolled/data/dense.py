"""The numbers of a table laid on its grid, with NaN where nothing was observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.data.columns import Roles
from unrolled.data.frequency import Times
from unrolled.data.grid import Grid
from unrolled.data.numbers import read_numbers
from unrolled.data.ordered import MASK_FIX
from unrolled.data.tables import Table
from unrolled.errors import InputError

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Dense:
    """All series end to end, N steps.

    Attributes:
        starts: (series,) where each begins.
        ends: (series,) after the last step that is not a future row.
        stops: (series,) after the last step.
        times: (N,) datetime64[s] or step numbers.
        target: (targets, N).
        known: (N, K).
        past: (N, P).
        notes: one line for each thing mended.
    """

    starts: Rows
    ends: Rows
    stops: Rows
    times: Times
    target: Array
    known: Array
    past: Array
    notes: tuple[str, ...]


def lay_dense(table: Table, roles: Roles, grid: Grid, *, masks: bool) -> Dense:
    """Read the columns of numbers, and lay them on the grid.

    The rows at the end of a series that have known covariates but no target are its future.

    Raises:
        InputError: a number is missing and ``masks`` is False, is infinite or is text; row and column are named.
    """
    columns = {
        n: read_numbers(table, n)[grid.order] for n in roles.target + roles.known + roles.past
    }
    is_future = _future_rows(np.stack([columns[n] for n in roles.target]), grid, roles)
    notes = []
    if is_future.any():
        notes.append(
            f"{table.name}: {is_future.sum()} rows without a target, at the end of series, are their known future"
        )
    missing = _missing(table, columns, is_future, grid, roles, masks=masks)
    if missing or grid.missing_steps:
        notes.append(
            f"{table.name}: {missing} missing values and {grid.missing_steps} missing rows are taken as not observed"
        )
    starts = grid.starts
    last = np.append(starts[1:], len(grid.group)) - 1
    steps = grid.position[last] + 1
    stops = np.cumsum(steps)
    begin = stops - steps
    place = begin[grid.group] + grid.position

    def lay(names: tuple[str, ...]) -> Array:
        laid = np.full((len(names), int(stops[-1])), np.nan)
        for row, name in enumerate(names):
            laid[row, place] = columns[name]
        return laid

    observed = np.where(is_future, -1, place)
    ends = np.maximum(np.maximum.reduceat(observed, starts) + 1, begin)
    known, past = lay(roles.known).T, lay(roles.past).T
    target = lay(roles.target)
    return Dense(begin, ends, stops, _times(grid, begin, stops), target, known, past, tuple(notes))


def _future_rows(targets: Array, grid: Grid, roles: Roles) -> NDArray[np.bool_]:
    """Return (N,) whether a row lies after the last target of its series; without known covariates none does."""
    if not roles.known:
        return np.zeros(len(grid.group), dtype=bool)
    index = np.arange(len(grid.group))
    last = np.maximum.reduceat(np.where(np.isnan(targets).all(0), -1, index), grid.starts)
    return index > last[grid.group]


def _missing(
    table: Table,
    columns: dict[str, Array],
    is_future: NDArray[np.bool_],
    grid: Grid,
    roles: Roles,
    *,
    masks: bool,
) -> int:
    """Return how many numbers are missing; refuse the first one unless they are to be masked."""
    gone = {}
    for name, values in columns.items():
        empty = np.isnan(values)
        gone[name] = empty if name in roles.known else empty & ~is_future
    total = sum(int(empty.sum()) for empty in gone.values())
    if total and not masks:
        row, name = min((int(grid.order[e].min()), n) for n, e in gone.items() if e.any())
        first_of = f" (the first of {total} missing values)" if total > 1 else ""
        raise InputError(
            f"the value is missing{first_of}",
            where=table.where(row, name),
            expected="a number",
            fix=f"{MASK_FIX} to take what is missing as not observed, or remove the row",
        )
    return total


def _times(grid: Grid, begin: Rows, stops: Rows) -> Times:
    if not grid.missing_steps:
        return grid.times
    first = grid.starts
    bounds = np.append(first, len(grid.group))
    return np.concatenate(
        [
            grid.ruler.at(
                grid.times[bounds[g] : bounds[g + 1]],
                np.arange(stops[g] - begin[g]),
                grid.times[first[g]],
            )
            for g in range(len(first))
        ]
    )
