"""Tables as text, CSV and its like: every row is counted, so that a message can name the line of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.quotes import misplaced_quotes, quotes_are_signs
from unrolled.data.sources import Source, decode
from unrolled.errors import InputError

Rows = NDArray[np.int64]

_SEPARATORS = ",\t;|"
_NEWLINE, _QUOTE = 10, 34
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/]\d{1,2}([-/]\d.*)?")


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Attributes:
        separator: between the fields.
        width: fields of a row.
        line: of the first row, for messages.
    """

    separator: str
    width: int
    line: int


@dataclass(frozen=True)
class Delimited:
    """A table of text cells (null where a field is empty).

    Attributes:
        frame: the cells; columns without a name are called column_1, column_2, ..., or "value" if there is one only.
        lines: (rows,) the line of the file where each row starts.
        notes: what was taken otherwise than it stands.
        name: of the file.
        dialect: how it is written.
    """

    frame: pl.DataFrame
    lines: Rows
    notes: tuple[str, ...]
    name: str
    dialect: Dialect

    def first(self) -> list[str]:
        """Return the fields of the first row."""
        return [(field or "").strip() for field in self.frame.row(0)]

    def headed(self) -> Delimited:
        """Return the table with the first row as the names of its columns."""
        names = _distinct(self.name, self.first(), int(self.lines[0]))
        frame = self.frame.slice(1)
        frame.columns = names
        return replace(self, frame=frame, lines=self.lines[1:])

    def unnamed(self) -> Delimited:
        """Return the table with a note that it has no names."""
        columns = self.frame.columns
        many = len(columns) > 8
        names = f"{columns[0]} to {columns[-1]}" if many else ", ".join(columns)
        return replace(self, notes=(f"{self.name}: no line names the columns; called {names}",))


def read_delimited(source: Source) -> Delimited:
    """Read CSV, TSV, or text with one number in a line; the separator is told by the first line.

    The first line names the columns, unless it holds numbers and dates only (different whole numbers are taken for
    names): then they are called column_1, column_2, and so on, and a single one "value".

    Raises:
        InputError: a row has more or fewer fields than the first, a quote is not closed, or two columns share a name.
    """
    rows = read_rows(source)
    if is_data(rows.first()):
        return rows.unnamed()
    table = rows.headed()
    if table.frame.height == 0:
        raise no_rows(rows)
    return table


def no_rows(rows: Delimited) -> InputError:
    """Return the error for a table that ends with the names of its columns."""
    return InputError(
        "there is no row below the names of the columns",
        where=f"{rows.name}, row {rows.dialect.line}",
        fix="give a file with rows",
    )


def read_rows(
    source: Source, dialect: Dialect | None = None, *, quoted: bool | None = None
) -> Delimited:
    """Read every line as a row, a first one with names too.

    Args:
        source: a file, or the rows of a part of it.
        dialect: of the file, where it is known from another part.
        quoted: quotes enclose fields; None tells it from the source.

    Raises:
        InputError: a row has more or fewer fields than the first, or a quote is not closed.
    """
    text = decode(source)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.rstrip("\n").encode() + b"\n"
    separator = dialect.separator if dialect else separator_of(source.suffix, text)
    if quoted is None:
        quoted = has_quoted_fields([data], separator)
    layout = _layout(source, data, separator, quoted=quoted)
    if layout.widths.max() > 1:
        data, layout = _without_empty_lines(data, layout, layout.widths > 0)
    elif dialect is None:
        # In a table of one column an empty line is a missing value, but not above the first row.
        below = np.arange(len(layout.widths)) >= layout.widths.argmax()
        data, layout = _without_empty_lines(data, layout, below)
    dialect = dialect or Dialect(separator, max(int(layout.widths[0]), 1), int(layout.lines[0]))
    _require_width(source, layout, dialect)
    names = [f"column_{k + 1}" for k in range(dialect.width)] if dialect.width > 1 else ["value"]
    frame = _cells(source, data, names, separator, layout, quoted=quoted)
    return Delimited(frame, layout.lines, (), source.name, dialect)


def _cells(
    source: Source, data: bytes, names: list[str], separator: str, layout: _Layout, *, quoted: bool
) -> pl.DataFrame:
    try:
        return pl.read_csv(
            data,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=separator,
            quote_char='"' if quoted else None,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the rows from here on cannot be read ({str(error).partition(chr(10))[0]})",
            where=f"{source.name}, row {layout.lines[0]}",
            fix="look for a quote that stands inside of a field",
        ) from error


def has_quoted_fields(blocks: Iterable[bytes], separator: str) -> bool:
    """Tell whether quotes enclose fields in a file that comes in blocks."""
    return not quotes_are_signs(blocks, separator)


def separator_of(suffix: str, text: str) -> str:
    """Return what is between the fields: what is most frequent in the first line, a tab in a file called so."""
    if suffix in (".tsv", ".tab"):
        return "\t"
    first = re.sub(r'"[^"]*"', "", text.lstrip("\n").partition("\n")[0])
    return max(_SEPARATORS, key=first.count)


class _Layout(NamedTuple):
    """Per row: the line where it starts, the number of its fields, and the bytes where it starts and ends."""

    lines: Rows
    widths: Rows
    starts: Rows
    ends: Rows


def _layout(source: Source, data: bytes, separator: str, *, quoted: bool) -> _Layout:
    """Find rows and count fields; line ends and separators inside quotes do not count."""
    signs = np.frombuffer(data, dtype=np.uint8)
    newline, separates = signs == _NEWLINE, signs == ord(separator)
    line_ends = np.flatnonzero(newline)
    quoted = quoted and b'"' in data
    if quoted:
        # Within quotes an odd number of quotes has gone before; a doubled quote changes nothing.
        outside = np.cumsum(signs == _QUOTE, dtype=np.uint8) & 1 == 0
        newline, separates = newline & outside, separates & outside
    ends = np.flatnonzero(newline)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    first = source.line
    lines = np.searchsorted(line_ends, starts) + first
    if len(ends) == 0 or ends[-1] != len(data) - 1:
        unclosed = int(np.searchsorted(line_ends, ends[-1]) + 1 + first) if len(ends) else first
        raise InputError(
            "a quote is opened and never closed",
            where=f"{source.name}, line {unclosed}",
            fix='close it, or double a quote that is meant as a sign ("")',
        )
    if quoted:
        _require_quotes_in_place(source, signs, ord(separator), starts, lines)
    before = np.searchsorted(np.flatnonzero(separates), ends)
    widths = np.diff(before, prepend=0) + 1
    return _Layout(lines, np.where(ends > starts, widths, 0), starts, ends)


def _require_quotes_in_place(
    source: Source, signs: NDArray[np.uint8], between: int, starts: Rows, lines: Rows
) -> None:
    """Refuse a quote inside of a field where it would join rows, or cut a field in two."""
    padded = np.concatenate([np.full(2, _NEWLINE, np.uint8), signs])
    opening, closing, _ = misplaced_quotes(padded, between)
    quotes, line_ends = np.flatnonzero(signs == _QUOTE), np.flatnonzero(signs == _NEWLINE)
    # Every quote that opens is followed by one that closes: what is never closed was refused before.
    closed = quotes[np.searchsorted(quotes, opening - 2) + 1]
    joins = np.searchsorted(line_ends, closed) > np.searchsorted(line_ends, opening - 2)
    wrong = np.sort(np.concatenate([(opening - 2)[joins], closing - 2]))
    if len(wrong):
        row = int(np.searchsorted(starts, wrong[0], side="right")) - 1
        raise InputError(
            "a quote stands inside of a field",
            where=f"{source.name}, row {lines[row]}",
            expected="quotes around a whole field, those within it doubled",
            fix='write the field as "say ""hi"""',
        )


def _without_empty_lines(
    data: bytes, layout: _Layout, filled: NDArray[np.bool_]
) -> tuple[bytes, _Layout]:
    if filled.all():
        return data, layout
    rows = zip(layout.starts[filled], layout.ends[filled], strict=True)
    kept = b"".join(data[start : end + 1] for start, end in rows)
    sizes = (layout.ends - layout.starts)[filled] + 1
    ends = np.cumsum(sizes) - 1
    return kept, _Layout(layout.lines[filled], layout.widths[filled], ends - sizes + 1, ends)


def _require_width(source: Source, layout: _Layout, dialect: Dialect) -> None:
    # A blank line is a missing value in a table of one column.
    wrong = np.flatnonzero((layout.widths != dialect.width) & (layout.widths > 0))
    if len(wrong):
        row = wrong[0]
        fields = layout.widths[row]
        raise InputError(
            f"this row has {fields} field{'s' if fields > 1 else ''}",
            where=f"{source.name}, row {layout.lines[row]}",
            expected=f"{dialect.width}, as in row {dialect.line}",
            fix="give every row all fields (an empty one for a missing value), and quote text that holds a separator",
        )


def is_data(fields: list[str]) -> bool:
    """Tell whether the fields of a first line are values rather than names of columns."""
    names = len(set(fields)) == len(fields) > 1 and all(_WHOLE.fullmatch(f) for f in fields)
    return not names and all(_NUMBER.fullmatch(f) or _DATE.fullmatch(f) for f in fields)


def _distinct(file: str, names: list[str], line: int) -> list[str]:
    """Return the names, with one for columns that have none."""
    for name in names:
        if name and names.count(name) > 1:
            places = [str(k + 1) for k, other in enumerate(names) if other == name]
            raise InputError(
                f"the column {name!r} is there {len(places)} times (fields {', '.join(places)})",
                where=f"{file}, row {line}",
                expected="different names",
                fix="rename or remove one",
            )
    return [name or f"unnamed_{k + 1}" for k, name in enumerate(names)]
