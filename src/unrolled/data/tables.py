"""Tables from files and from memory: one frame, and for every row the words that say where it stands."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from unrolled.data.delimited import Delimited, read_delimited
from unrolled.data.lists import list_column
from unrolled.data.sources import UTF8_MARK, Source, decode, read_source
from unrolled.errors import InputError

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
    """

    frame: pl.DataFrame
    name: str
    is_text: bool = False
    lines: np.ndarray | None = None
    first: int = 0
    notes: tuple[str, ...] = ()

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


def load_table(source: Any, *, what: str = "table") -> Table:
    """Read a table as `read_table` does, and keep where its rows stand."""
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, Path)):
        table = from_file(read_source(source, what))
    else:
        table = _from_memory(source, what)
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


def from_file(source: Source, delimited: Callable[[Source], Delimited] = read_delimited) -> Table:
    """Return the table of a source, ``delimited`` being what reads CSV and its like."""
    kind = kind_of(source.suffix, source.data)
    if kind == "parquet":
        return _from_parquet(source)
    return from_delimited(delimited(source)) if kind == "delimited" else from_json(source)


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


def from_json(source: Source) -> Table:
    """Read JSONL (one object in a line), or one JSON array of objects."""
    text = decode(source)
    if text.lstrip().startswith("["):
        rows = _parse_json(text, source.name, source.line)
        return Table(_from_dicts(rows, source.name, first=1), source.name, first=1)
    lines_of_text = enumerate(text.split("\n"), source.line)
    filled = [(number, line) for number, line in lines_of_text if line.strip()]
    lines = np.array([number for number, _ in filled])
    try:
        frame = pl.read_ndjson(io.BytesIO(text.encode()), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        # Polars neither names the line of a mistake nor takes NaN and columns of mixed kinds.
        rows = [_parse_json(line, source.name, number) for number, line in filled]
        frame = _from_dicts(rows, source.name, lines=lines)
    return Table(frame, source.name, lines=lines, first=1)


def _parse_json(text: str, name: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is not JSON ({error.msg} at sign {error.colno})",
            where=f"{name}, line {line + error.lineno - 1}",
            expected='one object in each line, as {"ds": "2024-01-01", "y": 1.5}',
        ) from error


def _from_memory(source: Any, what: str) -> Table:
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return Table(source, "dataframe")
    if isinstance(source, Mapping):
        return Table(_from_columns(source, "dict"), "dict")
    if isinstance(source, np.ndarray):
        return Table(_from_array(source), "array")
    if type(source).__module__.partition(".")[0] == "pandas":
        return Table(_from_pandas(source), "dataframe")
    if isinstance(source, (list, tuple)):
        if source and isinstance(source[0], Mapping):
            return Table(_from_dicts(source, "list of dicts"), "list of dicts")
        return Table(_from_columns({"value": source}, "list"), "list")
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


def _from_dicts(
    rows: Any, name: str, *, lines: np.ndarray | None = None, first: int = 0
) -> pl.DataFrame:
    if not isinstance(rows, Sequence):
        raise InputError("this is one JSON value", where=name, expected="an array of objects")
    names: dict[str, None] = {}
    for row, values in enumerate(rows):
        if not isinstance(values, Mapping):
            place = Table(pl.DataFrame(), name, lines=lines, first=first)
            raise InputError(
                f"this row is {_short(values)}",
                where=place.where(row),
                expected='an object, as {"ds": "2024-01-01", "y": 1.5}',
            )
        names.update(dict.fromkeys(values))
    return _from_columns({name: [row.get(name) for row in rows] for name in names}, name)


def _from_columns(columns: Mapping[Any, Any], name: str) -> pl.DataFrame:
    made = [column_of(str(column), values) for column, values in columns.items()]
    for column in made[1:]:
        if len(column) != len(made[0]):
            raise InputError(
                f"the column {column.name!r} has {len(column)} values, {made[0].name!r} has {len(made[0])}",
                where=name,
                expected="columns of one length",
            )
    return pl.DataFrame(made)


def column_of(name: str, values: Any) -> pl.Series:
    """Make a column; values of mixed kinds become numbers when all are numbers, otherwise text."""
    if isinstance(values, (np.ndarray, pl.Series)) and values.dtype != object:
        return pl.Series(name, values)
    values = list(values)
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in values):
        return list_column(name, values)
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):
        if all(value is None or isinstance(value, (int, float, np.number)) for value in values):
            return pl.Series(name, [None if v is None else float(v) for v in values])
        return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)


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


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
