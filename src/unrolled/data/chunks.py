"""A text file too large for memory, in pieces that begin and end with a row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from unrolled.data.sources import UTF16_MARKS, Source
from unrolled.data.unpacking import File, Reader

CHUNK = 4 << 20
"""Bytes of a file that are in memory at a time, about."""
HEAD = 1 << 16
"""Bytes of the first piece at least, from which the columns are told."""

_QUOTE = 34


def text_chunks(
    file: File, *, size: int = CHUNK, quoted: bool = False, every_line: bool = False
) -> Iterator[Source]:
    """Yield the rows of a file in pieces of about ``size`` bytes, each with its line and its place in the file.

    Args:
        file: UTF-8 text; UTF-16, and text whose lines end as on an old Macintosh, comes as one piece.
        size: a longer row comes whole.
        quoted: a line end within quotes ends no row.
        every_line: an empty line at the end of the file is a row too, as those within it.

    Empty lines after the last row of a piece stand before the first of the next.
    """
    with file.open() as reader:
        yield from _cut(file, reader, size, quoted, every_line)


def arrived_chunks(file: File, reader: Reader) -> Iterator[Source]:
    """Yield the lines of a stream as they arrive, each of them as soon as its end is there."""
    line, offset, carry = 1, 0, b""
    while block := reader.read_arrived(HEAD):
        rows, newline, rest = (carry + block).rpartition(b"\n")
        if newline:
            yield Source(file.name, file.suffix, rows + newline, line, offset)
            line, offset = line + count_lines(rows + newline), offset + len(rows) + 1
        carry = rest
    if carry:
        yield Source(file.name, file.suffix, carry, line, offset)


def peeked(sources: Iterator[Source]) -> tuple[bytes, Iterator[Source]]:
    """Return the bytes of the first piece in which something stands, and all pieces with those taken for it."""
    begun: list[Source] = []
    for source in sources:
        begun.append(source)
        if source.data.strip():
            break
    return begun[-1].data if begun else b"", chain(begun, sources)


def count_lines(data: bytes) -> int:
    r"""Return the number of line ends: "\n", "\r\n" or "\r"."""
    ends = data.count(b"\n")
    return ends + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else ends


def _cut(file: File, reader: Reader, size: int, quoted: bool, every_line: bool) -> Iterator[Source]:
    line, offset, carry = 1, 0, b""
    while block := reader.read(size if offset else max(size, HEAD)):
        data = carry + block
        if offset == 0 and _has_no_rows(data):
            data += reader.read()
            yield Source(file.name, file.suffix, data)
            return
        rows = data[: _rows_end(data, quoted)]
        if rows:
            yield Source(file.name, file.suffix, rows, line, offset)
            line, offset = line + count_lines(rows), offset + len(rows)
        carry = data[len(rows) :]
    if carry.strip(b"\r\n") or offset == 0 or (carry and every_line):
        yield Source(file.name, file.suffix, carry, line, offset)


def _has_no_rows(data: bytes) -> bool:
    r"""Tell whether no "\n" can be trusted to end a row."""
    return data.startswith(UTF16_MARKS) or (b"\n" not in data and b"\r" in data[:-1])


def _rows_end(data: bytes, quoted: bool) -> int:
    """Return where the last whole row ends, empty lines after it left out; 0 where there is none."""
    end = data.rfind(b"\n") + 1
    if quoted and data.count(b'"', 0, end) % 2:
        signs = np.frombuffer(data, dtype=np.uint8)
        outside = np.cumsum(signs == _QUOTE, dtype=np.uint8) & 1 == 0
        ends = np.flatnonzero((signs == 10) & outside)
        end = int(ends[-1]) + 1 if len(ends) else 0
    filled = len(data[:end].rstrip(b"\r\n"))
    return data.find(b"\n", filled, end) + 1 if filled else 0
