"""Tables of files that may be larger than memory, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl

from unrolled.data.chunks import CHUNK, HEAD, text_chunks
from unrolled.data.delimited import (
    Delimited,
    has_quoted_fields,
    read_rows,
    separator_of,
)
from unrolled.data.sources import UTF16_MARKS, Source, read_whole, require_readable
from unrolled.data.tables import (
    FORECAST_ROW,
    Table,
    damaged_parquet,
    from_delimited,
    from_file,
    from_json,
    kind_of,
    load_table,
)
from unrolled.data.unpacking import File
from unrolled.errors import InputError

Named = Callable[[Delimited], Delimited]
"""Gives the columns of rows of text their names, from their first row or otherwise."""

ROWS = 100_000
"""Rows of a frame that are looked at together."""


def file_tables(
    file: File, named: Named, *, size: int = CHUNK, example: str = FORECAST_ROW
) -> Iterator[Table]:
    """Yield the rows of a CSV, TSV, JSONL or Parquet file, ``size`` bytes at a time; smaller files as one table.

    One JSON array, and Parquet that is packed or comes from standard input, is read as a whole. Rows keep their
    numbers of the file. Messages show ``example``, a row as JSON.

    Raises:
        InputError: the file cannot be read, is empty, or has no rows.
    """
    size = max(size, HEAD)
    with file.open() as reader:
        head = reader.read(size + 1)
    require_readable(Source(file.name, file.suffix, head), "table")
    kind = kind_of(file.suffix, head)
    if kind == "parquet" and file.path is not None:
        tables = _parquet_tables(file, size)
    elif len(head) <= size or kind in ("parquet", "json") or head.startswith(UTF16_MARKS):
        source = read_whole(file) if len(head) > size else Source(file.name, file.suffix, head)
        tables = slices(from_file(source, lambda text: named(read_rows(text)), example=example))
    elif kind == "jsonl":
        tables = (from_json(source, example) for source in text_chunks(file, size=size))
    else:
        tables = _delimited_tables(file, head, named, size)
    seen = False
    for table in tables:
        seen = True
        yield table
    if not seen:
        raise InputError("the table has no rows", where=file.name, fix="give one with rows")


def memory_tables(source: Any, example: str = FORECAST_ROW) -> Iterator[Table]:
    """Yield the rows of what `read_table` takes from memory."""
    return slices(load_table(source, example=example))


def slices(table: Table) -> Iterator[Table]:
    """Yield the rows of a table, some of them at a time."""
    for start in range(0, table.frame.height, ROWS):
        yield replace(
            table,
            frame=table.frame.slice(start, ROWS),
            lines=None if table.lines is None else table.lines[start : start + ROWS],
            first=table.first + start,
            notes=() if start else table.notes,
        )


def _parquet_tables(file: File, size: int) -> Iterator[Table]:
    path = file.path
    assert path is not None
    try:
        frame = pl.scan_parquet(path, glob=False)
        height = int(frame.select(pl.len()).collect().item())
        # Row by row what the file packs to; text unpacks to several times that.
        rows = max(1, min(ROWS, height * size // (4 * path.stat().st_size)))
        for start in range(0, height, rows):
            piece = frame.slice(start, rows).collect()
            yield Table(piece, file.name, first=1 + start)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged_parquet(file.name, error) from error


def _delimited_tables(file: File, head: bytes, named: Named, size: int) -> Iterator[Table]:
    separator = separator_of(file.suffix, head.decode("utf-8", "replace"))
    quoted = has_quoted_fields(_blocks(file, size), separator)
    sources = text_chunks(file, size=size, quoted=quoted)
    source = next(sources)
    rows = read_rows(source, quoted=quoted)
    if rows.frame.height == 1 and (more := next(sources, None)):
        # The names of the columns and a row longer than a piece.
        rows = read_rows(replace(source, data=source.data + more.data), quoted=quoted)
    dialect = rows.dialect
    rows = named(rows)
    names = rows.frame.columns
    yield from_delimited(rows)
    for source in sources:
        rows = read_rows(source, dialect, quoted=quoted)
        rows.frame.columns = names
        yield from_delimited(rows)


def _blocks(file: File, size: int) -> Iterator[bytes]:
    with file.open() as reader:
        while block := reader.read(size):
            yield block
