"""Rows of JSON of any kind: one value a line, or one array."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unrolled.data.chunks import text_chunks
from unrolled.data.pieces import Where
from unrolled.data.sources import UTF8_MARK, UTF16_MARKS, Source, decode, read_whole
from unrolled.data.unpacking import File
from unrolled.errors import InputError

SUFFIXES = (".json", ".jsonl", ".ndjson")
_BEGINS = re.compile(rb'\[\s*(?:[\[{"]|$)|\{\s*"')


@dataclass(frozen=True)
class JsonRows:
    """Values that were read together, with the place of each."""

    values: list[Any]
    name: str
    where: Where


def holds_json(suffix: str, head: bytes) -> bool:
    """Tell whether a file holds JSON: by its name, or by its first line where the name says nothing.

    >>> holds_json("", b'{"text": "..."}'), holds_json("", b"[Enter HAMLET]"), holds_json(".txt", b'["a", "b"]')
    (True, False, True)
    """
    if suffix in SUFFIXES:
        return True
    first, newline, _ = _begun(head).partition(b"\n")
    if newline and first.strip() != b"[":
        return first[:1] in (b"{", b"[") and _is_whole(first)
    return bool(_BEGINS.match(first))


def json_rows(file: File, head: bytes, size: int, example: str) -> Iterator[JsonRows]:
    """Read the values of a file that begins with ``head``: of JSONL ``size`` bytes at a time, one array as a whole.

    Raises:
        InputError: it is not JSON; the line is named.
    """
    if _begun(head)[:1] == b"[" or head.startswith(UTF16_MARKS):
        source = read_whole(file, "text file")
        source = replace(source, data=decode(source).encode())
        first, newline, rest = _begun(source.data).partition(b"\n")
        # A list in each line, as of the lines of a poem, is JSONL too.
        if first[:1] != b"{" and not (newline and rest.strip() and _is_whole(first)):
            return iter([_whole(source, example)])
        return _by_line([source], example)
    first, newline, _ = _begun(head).partition(b"\n")
    if first[:1] == b"{" and newline and not _is_whole(first):
        return iter([_whole(read_whole(file, "text file"), example)])
    return _by_line(text_chunks(file, size=size), example)


def arriving_rows(sources: Iterable[Source], example: str) -> Iterator[JsonRows]:
    """Read JSONL that comes line by line."""
    return _by_line((source for source in sources if source.data.strip()), example)


def _begun(data: bytes) -> bytes:
    return data.removeprefix(UTF8_MARK).lstrip()


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _whole(source: Source, example: str) -> JsonRows:
    """Read one array, or one object."""
    value = _parsed(decode(source), source.name, source.line, example)
    values = value if isinstance(value, list) else [value]
    return JsonRows(values, source.name, _where(source.name, range(1, len(values) + 1)))


def _by_line(sources: Iterable[Source], example: str) -> Iterator[JsonRows]:
    """Read a value from each line, empty ones left out."""
    for source in sources:
        lines = enumerate(decode(source).split("\n"), source.line)
        filled = [(number, line) for number, line in lines if line.strip()]
        values = [_parsed(line, source.name, number, example) for number, line in filled]
        yield JsonRows(values, source.name, _where(source.name, [number for number, _ in filled]))


def _where(name: str, numbers: Sequence[int]) -> Where:
    return lambda row: f"{name}, row {numbers[row]}"


def _parsed(text: str, name: str, line: int, example: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is not JSON ({error.msg}, column {error.colno})",
            where=f"{name}, line {line + error.lineno - 1}",
            expected=f"one value in each line, as {example}, or one array of such",
        ) from error
