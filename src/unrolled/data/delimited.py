"""Tables as text, CSV and its like: every row is counted, so that a message can name the line of the file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.sources import Source, decode
from unrolled.errors import InputError

Rows = NDArray[np.int64]

_SEPARATORS = ",\t;|"
_NEWLINE, _QUOTE = 10, 34
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/]\d{1,2}([-/]\d.*)?")


@dataclass(frozen=True)
class Delimited:
    """A table of text cells (null where a field is empty), the line where each row starts, and notes."""

    frame: pl.DataFrame
    lines: Rows
    notes: tuple[str, ...]


def read_delimited(source: Source) -> Delimited:
    """Read CSV, TSV, or text with one number in a line; the separator is told by the first line.

    The first line names the columns, unless it holds numbers and dates only (different whole numbers are taken for
    names): then they are called column_1, column_2, and so on, and a single one "value".

    Raises:
        InputError: a row has more or fewer fields than the first, a quote is not closed, or two columns share a name.
    """
    text = decode(source)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.rstrip("\n").encode() + b"\n"
    separator = _separator(source, text)
    layout = _layout(source, data, separator)
    if layout.widths.max() > 1:
        data, layout = _without_blank_lines(data, layout)
    first = data[: layout.ends[0]].decode()
    names = [name.strip() for name in next(csv.reader(io.StringIO(first), delimiter=separator))]
    _require_width(source, layout, len(names))
    notes: tuple[str, ...] = ()
    if _is_data(names):
        names = [f"column_{k + 1}" for k in range(len(names))] if len(names) > 1 else ["value"]
        notes = (f"{source.name}: no line names the columns; called {', '.join(names)}",)
        rows = layout.lines
    else:
        data, rows = data[layout.ends[0] + 1 :], layout.lines[1:]
        names = _distinct(source, names, layout.lines[0])
    if len(rows) == 0:
        raise InputError(
            "there is no row below the names of the columns",
            where=f"{source.name}, row {layout.lines[0]}",
            fix="give a file with rows",
        )
    schema = dict.fromkeys(names, pl.String)
    frame = pl.read_csv(
        data, has_header=False, schema=schema, separator=separator, infer_schema=False
    )
    return Delimited(frame, rows, notes)


class _Layout(NamedTuple):
    """Per row: the line where it starts, the number of its fields, and the bytes where it starts and ends."""

    lines: Rows
    widths: Rows
    starts: Rows
    ends: Rows


def _separator(source: Source, text: str) -> str:
    if source.suffix in (".tsv", ".tab"):
        return "\t"
    first = re.sub(r'"[^"]*"', "", text.lstrip("\n").partition("\n")[0])
    return max(_SEPARATORS, key=first.count)


def _layout(source: Source, data: bytes, separator: str) -> _Layout:
    """Find rows and count fields; line ends and separators inside quotes do not count."""
    signs = np.frombuffer(data, dtype=np.uint8)
    newline, separates = signs == _NEWLINE, signs == ord(separator)
    line_ends = np.flatnonzero(newline)
    if b'"' in data:
        # Within quotes an odd number of quotes has gone before; a doubled quote changes nothing.
        outside = np.cumsum(signs == _QUOTE, dtype=np.uint8) & 1 == 0
        newline, separates = newline & outside, separates & outside
    ends = np.flatnonzero(newline)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lines = np.searchsorted(line_ends, starts) + 1
    if len(ends) == 0 or ends[-1] != len(data) - 1:
        unclosed = int(np.searchsorted(line_ends, ends[-1]) + 2) if len(ends) else 1
        raise InputError(
            "a quote is opened and never closed",
            where=f"{source.name}, line {unclosed}",
            fix='close it, or double a quote that is meant as a sign ("")',
        )
    before = np.searchsorted(np.flatnonzero(separates), ends)
    widths = np.diff(before, prepend=0) + 1
    return _Layout(lines, np.where(ends > starts, widths, 0), starts, ends)


def _without_blank_lines(data: bytes, layout: _Layout) -> tuple[bytes, _Layout]:
    filled = layout.widths > 0
    if filled.all():
        return data, layout
    rows = zip(layout.starts[filled], layout.ends[filled], strict=True)
    kept = b"".join(data[start : end + 1] for start, end in rows)
    sizes = (layout.ends - layout.starts)[filled] + 1
    ends = np.cumsum(sizes) - 1
    return kept, _Layout(layout.lines[filled], layout.widths[filled], ends - sizes + 1, ends)


def _require_width(source: Source, layout: _Layout, width: int) -> None:
    # A blank line is a missing value in a table of one column.
    wrong = np.flatnonzero((layout.widths != width) & (layout.widths > 0))
    if len(wrong):
        row = wrong[0]
        fields = layout.widths[row]
        raise InputError(
            f"this row has {fields} field{'s' if fields > 1 else ''}",
            where=f"{source.name}, row {layout.lines[row]}",
            expected=f"{width}, as in row {layout.lines[0]}",
            fix="give every row all fields (an empty one for a missing value), and quote text that holds a separator",
        )


def _is_data(fields: list[str]) -> bool:
    """Tell whether the fields of a first line are values rather than names of columns."""
    names = len(set(fields)) == len(fields) > 1 and all(_WHOLE.fullmatch(f) for f in fields)
    return not names and all(_NUMBER.fullmatch(f) or _DATE.fullmatch(f) for f in fields)


def _distinct(source: Source, names: list[str], line: int) -> list[str]:
    """Return the names, with one for columns that have none."""
    for name in names:
        if name and names.count(name) > 1:
            places = [str(k + 1) for k, other in enumerate(names) if other == name]
            raise InputError(
                f"the column {name!r} is there {len(places)} times (fields {', '.join(places)})",
                where=f"{source.name}, row {line}",
                expected="different names",
                fix="rename or remove one",
            )
    return [name or f"unnamed_{k + 1}" for k, name in enumerate(names)]
