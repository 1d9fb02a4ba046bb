"""Sequences of numbers without labels, one JSON array a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from unrolled.data.label_columns import Request
from unrolled.data.labelled_form import NUMBERS, SEQUENCE, LabelledForm
from unrolled.data.lines import PLAIN, split_lines
from unrolled.data.number_rows import from_arrays
from unrolled.data.pieces import Piece, Where, require_features, require_kind
from unrolled.data.sources import UTF8_MARK, Source, decode
from unrolled.errors import InputError

_ARRAY = re.compile(rb"[ \t]*\[[ \t]*[^\s{]")  # of numbers or arrays, not of objects
_ARRAY_LINE = re.compile(b"^" + _ARRAY.pattern, re.MULTILINE)


def holds_arrays(suffix: str, head: bytes, request: Request) -> bool:
    """Tell whether a file holds one array a line: JSONL by its first line, plain text for a model of numbers by any."""
    if request.needs_labels or request.text or request.label:
        return False
    start = head.removeprefix(UTF8_MARK).lstrip()
    if suffix in (".jsonl", ".ndjson"):
        return bool(_ARRAY.match(start))
    if request.kind != NUMBERS or suffix not in PLAIN or start.startswith(b"{"):
        return False
    return bool(_ARRAY_LINE.search(start))


def array_pieces(sources: Iterable[Source], request: Request) -> Iterator[Piece]:
    """Yield a sequence for every line in which something stands.

    Raises:
        InputError: a line is no list of numbers, or has other features than those before or the model's.
    """
    form = None
    for source in sources:
        require_kind(NUMBERS, request, source.name)
        lines = enumerate(split_lines(decode(source)), source.line)
        filled = [(number, line) for number, line in lines if line.strip()]
        if not filled:
            continue
        where = _where(source.name, [number for number, _ in filled])
        rows = from_arrays(
            [_array(line, row, where) for row, (_, line) in enumerate(filled)], where
        )
        require_features(rows, request.like or form, where)
        found = LabelledForm(NUMBERS, features=rows.features)
        if len(rows.values):
            form = found
        yield Piece(rows, None, form or found, where)


def _array(line: str, row: int, where: Where) -> list[Any]:
    try:
        array = json.loads(line)
    except (ValueError, RecursionError):
        array = None
    if not isinstance(array, list):
        shown = line.strip()
        raise InputError(
            f"{shown if len(shown) <= 40 else shown[:37] + '...'!r} is no list of numbers",
            where=where(row),
            expected=SEQUENCE,
            fix="correct the line, or remove it",
        )
    return array


def _where(name: str, lines: list[int]) -> Where:
    return lambda row: f"{name}, line {lines[row]}"
