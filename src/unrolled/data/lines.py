"""Plain text, one text a line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.delimited import separator_of
from unrolled.data.label_columns import Request
from unrolled.data.labelled_form import NUMBERS, TEXT, LabelledForm
from unrolled.data.pieces import Piece, Where, require_kind
from unrolled.data.sources import UTF8_MARK, Source, decode

PLAIN = ("", ".txt", ".text")


def is_plain(suffix: str, head: bytes, request: Request) -> bool:
    """Tell whether a file holds one text a line rather than a table: where no labels are needed it may."""
    if request.needs_labels or request.text or request.label or request.kind == NUMBERS:
        return False
    column = request.like.text if request.like else None
    return holds_lines(suffix, head, request.known_names(), column)


def holds_lines(
    suffix: str,
    head: bytes,
    known: Collection[str],
    column: str | None,
    certain: Collection[str] | None = None,
) -> bool:
    """Tell whether a file may hold one text a line: by its name, or for having none, as standard input.

    It does not when it begins as JSON, or its first line holds a ``known`` name of a column; nor when it has a tab and
    the ``column`` that a model reads is one without a name.

    Given ``certain``, only they name a column where text is as likely: alone in the line ("Abstract"), or behind a space
    ("Well, answer").
    """
    if suffix not in PLAIN:
        return False
    first = head.removeprefix(UTF8_MARK).lstrip().partition(b"\n")[0].decode("utf-8", "replace")
    if first.startswith(("{", "PAR1")) or "\x00" in first:
        return False
    fields = [field.strip(' "\r').lower() for field in first.split(separator_of(suffix, first))]
    if len(fields) > 1 and (column or "").startswith("column_"):
        return "\t" not in first
    if certain is not None:
        behind_spaces = f"{separator_of(suffix, first)} " in first and not set(fields) <= set(known)
        known = certain if len(fields) == 1 or behind_spaces else known
    return not any(field in known for field in fields)


def line_pieces(
    sources: Iterable[Source], request: Request, *, label: str | None = None
) -> Iterator[Piece]:
    """Yield a text for every line, empty ones too; with a ``label`` for all of them, lines without text are left out."""
    for source in sources:
        require_kind(TEXT, request, source.name)
        texts = split_lines(decode(source))
        lines = range(source.line, source.line + len(texts))
        kept = [(n, text) for n, text in zip(lines, texts, strict=True) if text.strip()]
        if label is None:
            yield Piece(texts, None, LabelledForm(TEXT), _where(source.name, lines))
        elif kept:
            numbers = np.array([n for n, _ in kept], dtype=np.int64)
            labels = pl.repeat(label, len(kept), dtype=pl.String, eager=True)
            texts = [text for _, text in kept]
            yield Piece(texts, labels, LabelledForm(TEXT), _where(source.name, numbers))


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text; only "\n", "\r\n" and "\r" end one.

    >>> split_lines("one\r\n\ntwo\n")
    ['one', '', 'two']
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n")


def _where(name: str, lines: Sequence[int] | NDArray[np.int64]) -> Where:
    def where(row: int) -> str:
        return f"{name}, line {lines[row]}"

    return where
