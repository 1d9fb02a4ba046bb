"""Which column is what: as the user says, or told by the usual names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from unrolled.data.numbers import looks_numeric
from unrolled.data.tables import Table
from unrolled.data.times import looks_like_times
from unrolled.data.usual_names import ambiguous_column, take_column, usual_columns
from unrolled.errors import InputError, OptionError

ALL = "all"

# The columns of a format come before words that a column may have for other reasons.
_ID = (("unique_id", "item_id"), ("series_id", "series", "id", "序列", "编号"))
_TIME = (
    ("ds", "timestamp"),
    ("datetime", "date", "time", "日期", "时间", "日期时间"),
    ("month", "week", "quarter", "year", "day", "月份", "年份"),
)
_TARGET = (("y", "target"), ("value", "目标", "数值", "值"))

Names = str | Iterable[str] | None


@dataclass(frozen=True)
class Columns:
    """What the user named; None is found by its usual name. Several names are a sequence, or one text with commas.

    Attributes:
        id: tells the series of a long table apart (usually unique_id or item_id).
        time: dates, times or step numbers (usually ds or timestamp).
        target: what is forecast (usually y or target); several, or "all" for every column of numbers left over.
        known: covariates that are known in advance.
        past: covariates that are known up to now only.
        static: numbers or categories that stay the same throughout a series.

    >>> Columns(time="day", target="sales", known="price,holiday").known
    'price,holiday'
    """

    id: str | None = None
    time: str | None = None
    target: Names = None
    known: Names = None
    past: Names = None
    static: Names = None


@dataclass(frozen=True)
class Roles:
    """The columns of one table by what they are."""

    id: str | None
    time: str | None
    target: tuple[str, ...]
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    unused: tuple[str, ...] = ()

    def columns(self) -> Columns:
        """Return them as names that find the same columns in another table."""
        return Columns(self.id, self.time, self.target, self.known, self.past, self.static)


def find_columns(table: Table, columns: Columns) -> Roles:
    """Tell what each column of the table is.

    Raises:
        OptionError: a named column does not exist, or is named twice.
        InputError: a column cannot be told; the candidates are named.
    """
    names = table.frame.columns
    given = {
        role: _split(getattr(columns, role), names)
        for role in ("id", "time", "target", "known", "past", "static")
    }
    wants_all = given["target"] == (ALL,) and ALL not in names
    if wants_all:
        given["target"] = ()
    taken = _require_existing(table, given)
    free = [name for name in names if name not in taken]
    time = given["time"][0] if given["time"] else _find_time(table, free)
    free = [name for name in free if name != time]
    identity = given["id"][0] if given["id"] else _find_id(table, free)
    free = [name for name in free if name != identity]
    target = given["target"] or _find_target(table, free, wants_all=wants_all)
    free = [name for name in free if name not in target]
    return Roles(
        identity, time, target, given["known"], given["past"], given["static"], tuple(free)
    )


def _split(given: Names, names: list[str]) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        # A name may hold a comma itself.
        return (given,) if given in names else tuple(part.strip() for part in given.split(","))
    return tuple(given)


def _require_existing(table: Table, given: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the role of every named column."""
    taken: dict[str, str] = {}
    for role, names in given.items():
        if role in ("id", "time") and len(names) > 1:
            raise OptionError(f"{role}={','.join(names)!r}", expected="one column")
        for name in names:
            take_column(table, role, name, taken)
    return taken


def _usual(
    table: Table, free: list[str], tiers: tuple[tuple[str, ...], ...], role: str
) -> str | None:
    found = usual_columns(free, tiers)
    if len(found) > 1:
        raise _ambiguous(table, role, found)
    return found[0] if found else None


def _ambiguous(table: Table, role: str, candidates: list[str]) -> InputError:
    expected = f"one {role} column"
    if role != "target":
        return ambiguous_column(table, role, candidates, expected)
    example = candidates[0] if candidates else "NAME"
    several = (
        f'name it: target="{example}" (--target {example}), or all: target="all" (--target all)'
    )
    expected = "a column called y or target, or one of numbers"
    return ambiguous_column(table, role, candidates, expected, several)


def _find_time(table: Table, free: list[str]) -> str | None:
    usual = _usual(table, free, _TIME, "time")
    if usual is not None:
        return usual
    dated = [name for name in free if looks_like_times(table.frame[name])]
    if len(dated) > 1:
        raise _ambiguous(table, "time", dated)
    return dated[0] if dated else None


def _find_id(table: Table, free: list[str]) -> str | None:
    format_name = _usual(table, free, _ID[:1], "id")
    if format_name is not None:
        return format_name
    name = _usual(table, free, _ID[1:], "id")
    # An "id" that is different in every row numbers the rows.
    if name is not None and table.frame[name].n_unique() == table.frame.height > 1:
        return None
    return name


def _find_target(table: Table, free: list[str], *, wants_all: bool) -> tuple[str, ...]:
    if not wants_all:
        usual = _usual(table, free, _TARGET, "target")
        if usual is not None:
            return (usual,)
    numeric = [name for name in free if _may_be_target(table.frame[name])]
    if wants_all and numeric:
        return tuple(numeric)
    if len(numeric) > 1:
        raise _ambiguous(table, "target", numeric)
    if numeric:
        return (numeric[0],)
    if len(free) == 1:
        return (free[0],)  # its text is then refused with the row
    raise InputError(
        "there is no column of numbers to forecast",
        where=table.name,
        expected="a column called y or target, or one of numbers",
        fix='name it: target="NAME" (--target NAME)',
    )


def _may_be_target(cells: pl.Series) -> bool:
    """Tell whether a column holds numbers other than the row numbers that dataframes write without a name."""
    return looks_numeric(cells) and not cells.name.lower().startswith("unnamed")
