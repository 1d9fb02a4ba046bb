"""Plain text as documents: whole files, paragraphs or lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from unrolled.data.chunks import text_chunks
from unrolled.data.document_form import DocumentsForm
from unrolled.data.document_pieces import DocumentPiece
from unrolled.data.encodings import Decoding
from unrolled.data.lines import split_lines
from unrolled.data.pieces import Where
from unrolled.data.sources import Source
from unrolled.data.unpacking import File
from unrolled.errors import InputError

_TOGETHER = 10_000

Numbered = Iterator[tuple[int, str]]
"""Texts, each with the line of the file in which it begins."""


def plain_pieces(file: File, form: DocumentsForm, size: int) -> Iterator[DocumentPiece]:
    """Yield the documents of a text file, split as ``form`` says; those without text are left out.

    Raises:
        InputError: it holds none, or cannot be decoded.
    """
    decoding = Decoding()
    if form.split == "file":
        text = decoding(Source(file.name, file.suffix, _all_bytes(file)))
        found = iter([(0, text)] if text.strip() else [])
    else:
        sources = text_chunks(file, size=size, every_line=True)
        lines = _numbered_lines(sources, decoding)
        found = _paragraphs(lines) if form.split == "paragraphs" else _filled(lines)
    count = 0
    while some := list(islice(found, _TOGETHER)):
        notes = tuple(f"{file.name}: {note}" for note in decoding.notes)
        count += len(some)
        numbers = [number for number, _ in some]
        yield DocumentPiece([text for _, text in some], form, _where(file.name, numbers), notes)
    if not count:
        raise empty_file(file.name)


def empty_file(name: str) -> InputError:
    """Return the error for a file that holds no text."""
    if name == "stdin":
        return InputError("stdin is empty", expected="text", fix="pipe text into it")
    return InputError("the file is empty", where=name, expected="text", fix="give one with text")


def _all_bytes(file: File) -> bytes:
    with file.open() as reader:
        return reader.read()


def _numbered_lines(sources: Iterable[Source], decoding: Decoding) -> Numbered:
    for source in sources:
        yield from enumerate(split_lines(decoding(source)), source.line)


def _filled(lines: Numbered) -> Numbered:
    return ((number, line) for number, line in lines if line and not line.isspace())


def _paragraphs(lines: Numbered) -> Numbered:
    first = 0
    held: list[str] = []
    for number, line in lines:
        if line and not line.isspace():
            first = first if held else number
            held.append(line)
        elif held:
            yield first, "\n".join(held)
            held = []
    if held:
        yield first, "\n".join(held)


def _where(name: str, numbers: list[int]) -> Where:
    """Return the place of a document; a whole file has no line."""
    return lambda row: f"{name}, line {numbers[row]}" if numbers[row] else name
