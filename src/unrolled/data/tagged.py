"""Sentences with a tag for each word: from files of columns, JSONL and tables, or from memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from unrolled.data.chunks import CHUNK, arrived_chunks, text_chunks
from unrolled.data.sources import UTF16_MARKS, Source, decode, read_whole, require_readable
from unrolled.data.table_chunks import file_tables
from unrolled.data.tables import kind_of
from unrolled.data.tagged_columns import TagRequest
from unrolled.data.tagged_form import TAGGED_ROW, TaggedForm
from unrolled.data.tagged_layout import holds_columns
from unrolled.data.tagged_lines import column_pieces, text_pieces
from unrolled.data.tagged_memory import memory_pieces
from unrolled.data.tagged_pieces import Tagged, TaggedCollector, TaggedPiece
from unrolled.data.tagged_rows import Rows, json_rows, places_of, row_pieces
from unrolled.data.unpacking import STDIN, File, open_file, standard_input, taken_in
from unrolled.errors import InputError, OptionError

__all__ = ["Tagged", "TaggedForm", "iter_tagged", "read_tagged"]

_OBJECT = re.compile(rb'\{\s*"')


def read_tagged(
    source: Any,
    *,
    text_column: str | int | None = None,
    tag_column: str | int | None = None,
    like: TaggedForm | None = None,
    needs_tags: bool = True,
) -> Tagged:
    """Read sentences, and a tag for each of their words.

    Args:
        source: a path to a file of columns, with a word in each line and an empty line after each sentence (CoNLL-2003,
            CoNLL-U, CSV, TSV); a table of words with a column that numbers the sentences; a table, JSONL, a JSON array
            of objects or Parquet with a sentence in each row; plain or packed (gzip, xz, zip); "-" for standard input;
            (sentences, tags); a list of sentences of (word, tag); a list of dicts, a dict of columns, a dataframe;
            without tags also lists of words, texts, and a file with a text in each line.
        text_column: the column of the words, by its name or its number from 1; None finds it.
        tag_column: the column of the tags, a number below 0 counting from the last; None takes UPOS of CoNLL-U, the
            column with a usual name, or the last one.
        like: the form of a model, to read sentences as those it was trained on.
        needs_tags: sentences without words are left out, with a note; otherwise all stay, and tags may be missing.

    Lines of "#" before a sentence and those of -DOCSTART- are left out, as are numbers as 1-2 and 1.1 of CoNLL-U. In a
    row, spans in characters of the text (``[0, 4, "PER"]``) may stand for tags. Spans that are broken, as I behind O,
    are mended, and tags are written in the scheme of ``like``; notes say so.

    >>> tagged = read_tagged([[("Ada", "B-PER"), ("left", "O")], [("Bo", "I-PER")]])
    >>> tagged.sentences, tagged.tags, tagged.form.scheme, tagged.where(1)
    ([['Ada', 'left'], ['Bo']], [['B-PER', 'O'], ['B-PER']], 'iob2', 'input, row 1')
    >>> read_tagged(["Ada left."], needs_tags=False).sentences
    [['Ada', 'left', '.']]

    Raises:
        OptionError: a named column does not exist.
        InputError: the sentences cannot be read; file and line are named, with what to do about it.
    """
    return read_in_pieces(source, _request(text_column, tag_column, like, needs_tags))


def read_in_pieces(source: Any, request: TagRequest, *, size: int = CHUNK) -> Tagged:
    """Read as `read_tagged` does, ``size`` bytes of a file at a time."""
    tagged = TaggedCollector(_name(source), request)(_pieces(source, request, size))
    if not len(tagged):
        raise InputError("there are no sentences", where=_name(source), fix="give some")
    return tagged


def iter_tagged(
    source: Any,
    *,
    text_column: str | int | None = None,
    tag_column: str | int | None = None,
    like: TaggedForm | None = None,
    needs_tags: bool = False,
    rows: int = 1024,
) -> Iterator[Tagged]:
    """Read as `read_tagged` does, at most ``rows`` sentences at a time, so that no source is too large.

    Text, columns and JSONL on standard input are yielded as they arrive, each sentence as soon as it has ended; lines of a
    single word are text there unless ``text_column`` is named. Without ``like`` the first sentences tell the form of all.

    >>> [part.sentences for part in iter_tagged([["a"], ["b", "c"], ["d"]], rows=2)]
    [[['a'], ['b', 'c']], [['d']]]

    Raises:
        OptionError: a named column does not exist, or there are less than one sentence at a time.
        InputError: as `read_tagged`, when the sentences concerned are reached.
    """
    if rows < 1:
        raise OptionError(f"rows={rows}", expected="a whole number of at least 1")
    request = _request(text_column, tag_column, like, needs_tags)
    is_stdin = isinstance(source, (str, Path)) and str(source) == STDIN
    pieces = _arriving(request) if is_stdin else _pieces(source, request, CHUNK)
    for piece in pieces:
        for start in range(0, len(piece.sentences), rows):
            part = TaggedCollector(_name(source), request)([piece.part(start, rows)])
            request = replace(request, like=request.like or part.form)
            yield part


def _request(
    text: str | int | None, tag: str | int | None, like: TaggedForm | None, needs_tags: bool
) -> TagRequest:
    text, tag = (None if column is None else str(column) for column in (text, tag))
    return TagRequest(text, tag, like, needs_tags)


def _name(source: Any) -> str:
    if isinstance(source, (str, Path)):
        return "stdin" if str(source) == STDIN else str(source)
    return "input"


def _pieces(source: Any, request: TagRequest, size: int) -> Iterable[TaggedPiece]:
    if isinstance(source, (str, Path)):
        return _file_pieces(open_file(source, "file"), request, size)
    return memory_pieces(source, request)


def _file_pieces(file: File, request: TagRequest, size: int) -> Iterator[TaggedPiece]:
    with file.open() as reader:
        head = reader.read(1 << 16)
    _require_filled(file, head)
    kind = _kind(file.suffix, head)
    if kind == "parquet":
        yield from row_pieces(_parquet_rows(file), request)
    elif kind == "json":
        yield from row_pieces(json_rows([read_whole(file, "file")]), request)
    elif kind == "jsonl":
        yield from row_pieces(json_rows(text_chunks(file, size=size)), request)
    else:
        chunks = text_chunks(file, size=size, every_line=True)
        is_columns = holds_columns(file.suffix, _text_of(file, head), request)
        yield from (column_pieces if is_columns else text_pieces)(chunks, request)


def _require_filled(file: File, head: bytes) -> None:
    if not head.strip():
        raise InputError(
            "stdin is empty" if file.name == "stdin" else "the file is empty",
            where=None if file.name == "stdin" else file.name,
            expected="sentences",
            fix="pipe some into it" if file.name == "stdin" else "give a file with some",
        )
    require_readable(Source(file.name, file.suffix, head), "file")


def _kind(suffix: str, head: bytes) -> str:
    """Return "parquet", "json", "jsonl" or "lines"; "{" may be a word."""
    kind = kind_of(suffix, head)
    is_object = _OBJECT.match(head[:64].lstrip(b"\xef\xbb\xbf \t\r\n"))
    return "lines" if kind == "delimited" or (kind == "jsonl" and not is_object) else kind


def _text_of(file: File, head: bytes) -> str:
    """Return what can be read of the beginning, a character that is cut at its end left out."""
    if head.startswith(UTF16_MARKS):
        return decode(read_whole(file, "file"))
    return head.decode("utf-8-sig", "ignore")


def _parquet_rows(file: File) -> Iterator[Rows]:
    for table in file_tables(file, lambda named: named, example=TAGGED_ROW):
        yield table.frame.to_dicts(), file.name, places_of(file.name, "row", table.first)


def _begun(sources: Iterator[Source]) -> tuple[bytes, Iterator[Source]]:
    """Return what has come when there is a line that is no remark, and all of it with what follows."""
    begun: list[Source] = []
    for source in sources:
        begun.append(source)
        lines = source.data.split(b"\n")
        if not all(not line.strip() or line.startswith((b"# ", b"#\t")) for line in lines):
            break
    return b"".join(source.data for source in begun), chain(begun, sources)


def _arriving(request: TagRequest) -> Iterator[TaggedPiece]:
    """Yield sentences of standard input as they arrive."""
    file = standard_input()
    with file.open() as reader:
        head, arriving = _begun(arrived_chunks(file, reader))
        _require_filled(file, head)
        kind = _kind(file.suffix, head)
        if head.startswith(UTF16_MARKS) or kind in ("parquet", "json"):
            yield from _file_pieces(taken_in(source.data for source in arriving), request, CHUNK)
        elif kind == "jsonl":
            filled = (source for source in arriving if source.data.strip())
            yield from row_pieces(json_rows(filled), request)
        else:
            is_columns = holds_columns(file.suffix, head.decode("utf-8-sig", "ignore"), request)
            yield from (column_pieces if is_columns else text_pieces)(arriving, request)
