"""Prompts for a language model, which goes on from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from unrolled.data.chunks import CHUNK, arrived_chunks, peeked, text_chunks
from unrolled.data.document_form import DocumentsForm
from unrolled.data.document_pieces import DocumentPiece, RowPieces, TableDocuments
from unrolled.data.documents import holds_table, memory_pieces, require_no_column
from unrolled.data.encodings import Decoding
from unrolled.data.json_rows import JsonRows, arriving_rows, holds_json, json_rows
from unrolled.data.lines import split_lines
from unrolled.data.pieces import Where
from unrolled.data.plain_documents import empty_file
from unrolled.data.sources import UTF16_MARKS, Source, require_readable
from unrolled.data.table_chunks import file_tables
from unrolled.data.text_keys import PROMPT_NAMES, TextRequest, name_text_column
from unrolled.data.unpacking import STDIN, File, open_file, standard_input, taken_in
from unrolled.errors import OptionError

PROMPT_ROW = '{"prompt": "..."}'
"""A prompt as JSON, which messages show."""


@dataclass(frozen=True)
class Prompts:
    """Beginnings of texts.

    Attributes:
        texts: (N) prompts, "" for those that begin with nothing.
        where: gives the place of a prompt: "prompts.txt, line 7".
        notes: one line for each thing that was taken otherwise.
    """

    texts: list[str]
    where: Where
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


def iter_prompts(
    source: Any,
    *,
    text_column: str | None = None,
    like: DocumentsForm | None = None,
    rows: int = 1024,
) -> Iterator[Prompts]:
    """Yield prompts, at most ``rows`` at a time, so that no source is too large.

    Args:
        source: a path to plain text with a prompt in each line, to JSON, JSONL, CSV, TSV or Parquet, plain or packed;
            "-" for standard input, of which each line is yielded as soon as it has ended; a list of texts, of lists of
            lines or of dicts, a dict of columns, a dataframe.
        text_column: the column, or the key of JSON, that holds the prompts; None finds it: prompt, text and their like.
        like: the form of a model, whose column of texts is looked for, too.
        rows: of a part.

    Every row is a prompt, an empty one is "". Prompts of several lines come from JSON or a table.

    >>> [part.texts for part in iter_prompts(["To be", "", {"prompt": "床前"}], rows=2)]
    [['To be', ''], ['床前']]

    Raises:
        OptionError: a named column does not exist, or there are less than one row at a time.
        InputError: the prompts cannot be read; file, row and column are named, with what to do about it.
    """
    if rows < 1:
        raise OptionError(f"rows={rows}", expected="a whole number of at least 1")
    request = TextRequest(text_column, like, PROMPT_NAMES)
    for piece in _pieces(source, request):
        for start in range(0, len(piece.texts), rows):
            part = piece.part(start, rows)
            yield Prompts(part.texts, part.where, part.notes)


def _pieces(source: Any, request: TextRequest) -> Iterable[DocumentPiece]:
    if not isinstance(source, (str, Path)):
        return memory_pieces(source, request, DocumentsForm())
    if str(source) == STDIN:
        return _arriving(request)
    return _file_pieces(open_file(source, "file of prompts"), request)


def _file_pieces(file: File, request: TextRequest) -> Iterable[DocumentPiece]:
    with file.open() as reader:
        head = reader.read(1 << 16)
    _require_prompts(file, head)
    if holds_json(file.suffix, head):
        return _made(json_rows(file, head, CHUNK, PROMPT_ROW), request)
    if holds_table(file.suffix, head, request):
        named = partial(name_text_column, request=request)
        tables = file_tables(file, named, example=PROMPT_ROW)
        return map(TableDocuments(request, DocumentsForm()), tables)
    require_no_column(request, file.name)
    return _line_pieces(text_chunks(file, every_line=True))


def _arriving(request: TextRequest) -> Iterator[DocumentPiece]:
    """Yield prompts of standard input as they arrive; what is no line by itself is taken in first."""
    file = standard_input()
    with file.open() as reader:
        head, arriving = peeked(arrived_chunks(file, reader))
        _require_prompts(file, head)
        in_lines = not head.startswith((*UTF16_MARKS, b"["))
        if in_lines and holds_json(file.suffix, head):
            yield from _made(arriving_rows(arriving, PROMPT_ROW), request)
        elif in_lines and not holds_table(file.suffix, head, request):
            yield from _line_pieces(arriving)
        else:
            yield from _file_pieces(taken_in(source.data for source in arriving), request)


def _require_prompts(file: File, head: bytes) -> None:
    if not head:
        raise empty_file(file.name)
    if head.strip():
        require_readable(Source(file.name, file.suffix, head), "file of prompts")


def _made(found: Iterable[JsonRows], request: TextRequest) -> Iterator[DocumentPiece]:
    made = RowPieces(request, DocumentsForm())
    return (made(rows.values, rows.name, rows.where) for rows in found)


def _line_pieces(sources: Iterable[Source]) -> Iterator[DocumentPiece]:
    decoding, told = Decoding(), False
    for source in sources:
        lines = split_lines(decoding(source))
        notes = () if told else tuple(f"{source.name}: {note}" for note in decoding.notes)
        told = told or bool(notes)
        yield DocumentPiece(lines, DocumentsForm(), _where(source.name, source.line), notes)


def _where(name: str, first: int) -> Where:
    return lambda row: f"{name}, line {first + row}"
