"""Tables from files and from memory: one frame, and for every row the words that say where it stands."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from unrolled.data.delimited import Delimited, read_delimited
from unrolled.data.lists import mixed_values
from unrolled.data.records import Place, column_of, from_columns, from_dicts
from unrolled.data.sources import UTF8_MARK, Source, decode, read_source
from unrolled.errors import InputError

FORECAST_ROW = '{"ds": "2024-01-01", "y": 1.5}'
"""A row to forecast as JSON, which messages show."""

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Table:
    """A frame with the place of its rows.

    Attributes:
        frame: the columns; those of a text file are text, null where empty.
        name: of the file, or the kind of what was given.
        is_text: the cells come as text (CSV), so that a number as text is no mistake.
        lines: (rows,) the line of the file where each row starts; None when rows have no line.
        first: the number of the first row when there are no lines: 0 for dataframes, 1 for files.
        notes: one line for each thing that was taken otherwise than it stands.
        faults: by column, the error that it is to those who read it.
    """

    frame: pl.DataFrame
    name: str
    is_text: bool = False
    lines: np.ndarray | None = None
    first: int = 0
    notes: tuple[str, ...] = ()
    faults: Mapping[str, InputError] = field(default_factory=dict)

    def where(self, row: int | None = None, column: str | None = None) -> str:
        """Return "sales.csv, row 7, column y"."""
        parts = [self.name]
        if row is not None:
            parts.append(self.row(row))
        if column is not None:
            parts.append(f"column {column}")
        return ", ".join(parts)

    def row(self, row: int) -> str:
        """Return "row 7": the line of the file where there are lines, the header being 1."""
        return f"row {row + self.first if self.lines is None else self.lines[row]}"


def read_table(source: Any, *, what: str = "table") -> pl.DataFrame:
    """Read a table from a file or from memory.

    Args:
        source: a path to CSV, TSV, JSONL, Parquet or text with one number in a line, plain or packed (gzip, xz, zip);
            "-" for standard input; a dataframe of pandas, polars, pyarrow or any other that narwhals knows; a dict of
            columns; a list of dicts; a list or array of numbers.
        what: what it is, for messages.

    Returns:
        The columns. Those of a text file are text; null where nothing stands.

    >>> read_table([{"ds": "2024-01-01", "y": 1.5}, {"ds": "2024-01-02", "y": 2.0}]).shape
    (2, 2)

    Raises:
        InputError: it cannot be read; the file and, where there is one, the row is named.
    """
    return load_table(source, what=what).frame


def load_table(source: Any, *, what: str = "table", example: str = FORECAST_ROW) -> Table:
    """Read a table as `read_table` does, and keep where its rows stand; messages show ``example``, a row as JSON."""
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, Path)):
        table = from_file(read_source(source, what), example=example)
    else:
        table = _from_memory(source, what, example)
    if table.frame.width == 0 or table.frame.height == 0:
        raise InputError(f"the {what} has no rows", where=table.name, fix="give one with rows")
    # Categories are a way to store text.
    stored = [
        n for n, kind in table.frame.schema.items() if isinstance(kind, (pl.Categorical, pl.Enum))
    ]
    return replace(table, frame=table.frame.with_columns(pl.col(stored).cast(pl.String)))


def kind_of(suffix: str, start: bytes) -> str:
    """Return "parquet", "json" (one array), "jsonl" or "delimited" for the first bytes of a file."""
    if start.startswith(_PARQUET) or suffix in (".parquet", ".pq"):
        return "parquet"
    sign = start[:64].removeprefix(UTF8_MARK).lstrip()[:1]
    if sign == b"[" and suffix in (".json", ".jsonl", ".ndjson"):
        return "json"
    return "jsonl" if sign == b"{" else "delimited"


def from_file(
    source: Source,
    delimited: Callable[[Source], Delimited] = read_delimited,
    *,
    example: str = FORECAST_ROW,
) -> Table:
    """Return the table of a source, ``delimited`` being what reads CSV and its like."""
    kind = kind_of(source.suffix, source.data)
    if kind == "parquet":
        return _from_parquet(source)
    return from_delimited(delimited(source)) if kind == "delimited" else from_json(source, example)


def from_delimited(read: Delimited) -> Table:
    """Return rows of text as a table."""
    return Table(read.frame, read.name, is_text=True, lines=read.lines, notes=read.notes)


def _from_parquet(source: Source) -> Table:
    if not source.data.startswith(_PARQUET):
        raise InputError("this is no Parquet file", where=source.name, expected="PAR1 at its start")
    try:
        return Table(pl.read_parquet(io.BytesIO(source.data)), source.name, first=1)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged_parquet(source.name, error) from error


def damaged_parquet(name: str, error: Exception) -> InputError:
    """Return the error for a Parquet file that cannot be read."""
    return InputError(
        f"this Parquet file is damaged or cut off ({_first_line(error)})",
        where=name,
        fix="write it again",
    )


def from_json(source: Source, example: str = FORECAST_ROW) -> Table:
    """Read JSONL (one object in a line), or one JSON array of objects; messages show ``example``, such an object."""
    text = decode(source)
    table = Table(pl.DataFrame(), source.name, first=1)
    if text.lstrip().startswith("["):
        rows = _parse_json(text, source.name, source.line, example)
        return replace(table, frame=from_dicts(rows, source.name, table.where, example))
    lines_of_text = enumerate(text.split("\n"), source.line)
    filled = [(number, line) for number, line in lines_of_text if line.strip()]
    table = replace(table, lines=np.array([number for number, _ in filled]))
    try:
        frame = pl.read_ndjson(io.BytesIO(text.encode()), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        # Polars neither names the line of a mistake nor takes NaN and columns of mixed kinds.
        rows = [_parse_json(line, source.name, number, example) for number, line in filled]
        return replace(table, frame=from_dicts(rows, source.name, table.where, example))
    return replace(
        table, frame=frame, faults=_lists_as_text(frame, [line for _, line in filled], table)
    )


def _lists_as_text(frame: pl.DataFrame, lines: list[str], table: Table) -> dict[str, InputError]:
    """Return the errors of columns in which Polars made text of lists, since other rows hold text."""
    faults = {}
    for column in frame.select(pl.col(pl.String)).columns:
        likely = frame[column].str.starts_with("[").arg_true()
        if any(isinstance(json.loads(lines[row]).get(column), list) for row in likely):
            values = [json.loads(line).get(column) for line in lines]
            fault = mixed_values(values, lambda row, column=column: table.where(row, column))  # type: ignore[misc]
            if fault:
                faults[column] = fault
    return faults


def _parse_json(text: str, name: str, line: int, example: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is not JSON ({error.msg}, column {error.colno})",
            where=f"{name}, line {line + error.lineno - 1}",
            expected=f"one object in each line, as {example}",
        ) from error


def _from_memory(source: Any, what: str, example: str) -> Table:
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return Table(source, "dataframe")
    if isinstance(source, Mapping):
        return _in_memory("dict", lambda place: from_columns(source, "dict", place))
    if isinstance(source, np.ndarray):
        return Table(_from_array(source), "array")
    if type(source).__module__.partition(".")[0] == "pandas":
        return Table(_from_pandas(source), "dataframe")
    if isinstance(source, (list, tuple)):
        if source and isinstance(source[0], Mapping):
            name = "list of dicts"
            return _in_memory(name, lambda place: from_dicts(source, name, place, example))
        return _in_memory("list", lambda place: from_columns({"value": source}, "list", place))
    try:
        frame = nw.from_native(source, allow_series=True)
    except TypeError:
        raise InputError(
            f"a {what} cannot be read from an object of type {type(source).__name__}",
            expected="a path, a dataframe, a dict of columns, a list of dicts or a list of numbers",
        ) from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    polars = frame.to_polars()
    if isinstance(polars, pl.Series):
        polars = polars.alias(polars.name or "value").to_frame()
    return Table(polars, "dataframe")


def _in_memory(name: str, made: Callable[[Place], pl.DataFrame]) -> Table:
    table = Table(pl.DataFrame(), name)
    return replace(table, frame=made(table.where))


def _from_pandas(source: Any) -> pl.DataFrame:
    """Take a pandas frame or series, its dates from the index where they stand there."""
    frame = source.to_frame(source.name or "value") if source.ndim == 1 else source
    if type(frame.index).__name__ in ("DatetimeIndex", "PeriodIndex"):
        frame = frame.reset_index(names=frame.index.name or "time")
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"the column {twice!r} is there {names.count(twice)} times",
            where="dataframe",
            expected="different names",
            fix="rename or remove one",
        )
    columns = []
    for k, name in enumerate(names):
        column = frame.iloc[:, k]
        if str(column.dtype).startswith("period"):
            column = column.dt.to_timestamp()
        try:
            columns.append(nw.from_native(column, series_only=True).to_polars().alias(name))
        except (ImportError, TypeError, ValueError, pl.exceptions.PolarsError):
            # Values of mixed kinds, or pandas without pyarrow.
            columns.append(column_of(name, column.astype(object).where(column.notna(), None)))
    return pl.DataFrame(columns)


def _from_array(array: np.ndarray) -> pl.DataFrame:
    if array.ndim == 1:
        return pl.DataFrame({"value": array})
    if array.ndim != 2:
        raise InputError(
            f"an array of shape {array.shape}", expected="(steps,) or (steps, columns)"
        )
    return pl.DataFrame({f"column_{k + 1}": array[:, k] for k in range(array.shape[1])})


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
