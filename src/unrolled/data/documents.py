"""Documents for a language model: novels, poems, articles, from files, folders, tables or from memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from unrolled.data.arrays import is_rows
from unrolled.data.chunks import CHUNK
from unrolled.data.document_form import DOCUMENT_ROW, DocumentsForm, Split, check_split
from unrolled.data.document_pieces import (
    DocumentCollector,
    DocumentPiece,
    Documents,
    RowPieces,
    TableDocuments,
)
from unrolled.data.folders import NO_DATA, TABLE_SUFFIXES, shown_names, visible
from unrolled.data.json_rows import holds_json, json_rows
from unrolled.data.pieces import IN_MEMORY
from unrolled.data.plain_documents import empty_file, plain_pieces
from unrolled.data.sources import Source, require_readable
from unrolled.data.table_chunks import file_tables, memory_tables
from unrolled.data.text_keys import TextRequest, name_text_column
from unrolled.data.unpacking import STDIN, File, open_file, suffix_of
from unrolled.errors import InputError, OptionError

__all__ = ["Documents", "DocumentsForm", "read_documents"]

TEXTS = (".txt", ".text", ".md", "")
_GLOB = frozenset("*?[")
_LONGEST_PATH = 4096


def read_documents(
    source: Any,
    *,
    text_column: str | None = None,
    split: Split | None = None,
    like: DocumentsForm | None = None,
) -> Documents:
    r"""Read texts for a language model.

    Args:
        source: a path to plain text, JSON or JSONL (texts, lists of lines, objects that hold one of both), CSV, TSV or
            Parquet, plain or packed (gzip, xz, zip); a folder of such files; a pattern as "novels/*.txt"; a list of
            `Path`; "-" for standard input; a list of texts, of lists of lines or of dicts, a dict of columns, a
            dataframe.
        text_column: the column, or the key of JSON, that holds the documents; None finds it by its usual name.
        split: of plain text, what a document is: a whole "file" (if None), each of its "paragraphs", parted by empty
            lines, or of its "lines".
        like: the form of a model, to read documents as those it was trained on.

    Lines of a list stand one under the other. Documents without text are left out, with a note; so are files of a
    folder that are none. Plain text in GB18030 or Big5 is read as such where it can be nothing else.

    >>> poems = read_documents([{"t": "登鸛雀樓", "p": ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"]}])
    >>> poems.texts[0].split("，")[1], poems.where(0), poems.form.text
    ('黃河入海流。\n欲窮千里目', 'input, row 0', 'p')

    Raises:
        OptionError: a named column or a split does not exist.
        InputError: the documents cannot be read; file, row and column are named, with what to do about it.
    """
    check_split(split)
    request = DocumentsRequest(TextRequest(text_column, like), split, like)
    return read_in_pieces(source, request)


@dataclass(frozen=True)
class DocumentsRequest:
    """What the user named, and what a model knows: the column, and the split of plain text."""

    column: TextRequest
    split: Split | None = None
    like: DocumentsForm | None = None

    @property
    def form(self) -> DocumentsForm:
        """What is known before anything is read."""
        return DocumentsForm(split=self.split or (self.like.split if self.like else "file"))


def read_in_pieces(
    source: Any, request: DocumentsRequest, *, size: int = CHUNK, in_memory: int = IN_MEMORY
) -> Documents:
    """Read as `read_documents` does, ``size`` bytes at a time, and more than ``in_memory`` bytes of text to disk."""
    return DocumentCollector(source_name(source), in_memory)(_pieces(source, request, size))


def source_name(source: Any) -> str:
    """Return what a source is called in messages."""
    if isinstance(source, (str, Path)):
        return "stdin" if str(source) == STDIN else str(source)
    return shown_names([str(path) for path in source]) if _are_paths(source) else "input"


def _are_paths(source: Any) -> bool:
    is_list = isinstance(source, (list, tuple)) and len(source) > 0
    return is_list and all(isinstance(each, Path) for each in source)


def _pieces(source: Any, request: DocumentsRequest, size: int) -> Iterable[DocumentPiece]:
    if isinstance(source, (str, Path)):
        return _path_pieces(str(source), request, size)
    if _are_paths(source):
        return chain.from_iterable(_path_pieces(str(path), request, size) for path in source)
    return memory_pieces(source, request.column, request.form)


def memory_pieces(
    source: Any, request: TextRequest, form: DocumentsForm
) -> Iterable[DocumentPiece]:
    """Yield the documents of Python values."""
    if (isinstance(source, (list, tuple)) and source) or is_rows(source):
        return [RowPieces(request, form)(list(source), "input", lambda row: f"input, row {row}")]
    return map(TableDocuments(request, form), memory_tables(source, DOCUMENT_ROW))


def _path_pieces(path: str, request: DocumentsRequest, size: int) -> Iterable[DocumentPiece]:
    if path == STDIN:
        return file_pieces(open_file(path), request, size)
    if not path or "\n" in path or len(path) > _LONGEST_PATH:
        raise InputError(
            f"a text ({path[:30]!r}...) stands where a file is read",
            expected="a path, or texts in a list",
            fix="put it into a list: [text]",
        )
    place = Path(path).expanduser()
    if place.is_dir():
        files = _files_of(place)
        return _together(path, files, list(filter(_is_text, files)), request, size)
    if _GLOB.intersection(path) and not place.exists():
        files = _matching(path)
        named = [file for file in files if not NO_DATA.fullmatch(file.name)]
        return _together(path, files, named, request, size)
    return file_pieces(open_file(path, "text file"), request, size)


def _matching(pattern: str) -> list[Path]:
    place = Path(pattern).expanduser()
    start = Path(place.anchor) if place.is_absolute() else Path()
    found = sorted(start.glob(str(place.relative_to(place.anchor))))
    files = [path for path in found if path.is_file()]
    if not files:
        raise InputError("no file is called so", where=pattern, expected="a pattern of files")
    return files


def _files_of(folder: Path) -> list[Path]:
    """Return all files of a folder and of those in it, but for hidden ones."""
    return [
        file
        for entry in visible(folder)
        for file in (_files_of(entry) if entry.is_dir() else [entry])
    ]


def _together(
    name: str, files: list[Path], texts: list[Path], request: DocumentsRequest, size: int
) -> Iterator[DocumentPiece]:
    """Yield the documents of those files that are ``texts``, with a note on the others, and on those that are empty."""
    read = [file for file in texts if file.stat().st_size]
    if not read:
        raise InputError(
            "none of these files is a text" if files else "this folder is empty",
            where=name,
            expected="text files (.txt), JSONL, CSV or Parquet",
            fix="name the files that you mean",
        )
    notes = [f"{name}: read together: {shown_names([file.name for file in read])}"]
    for others, what in ((set(files) - set(texts), "no text"), (set(texts) - set(read), "empty")):
        if others:
            named = shown_names(sorted(file.name for file in others))
            notes.append(f"{name}: left out, as {what}: {named}")
    for file in read:
        for piece in file_pieces(open_file(file, "text file"), request, size):
            yield replace(piece, notes=(*notes, *piece.notes))
            notes = []


def _is_text(file: Path) -> bool:
    return suffix_of(file.name) in (*TEXTS, *TABLE_SUFFIXES) and not NO_DATA.fullmatch(file.name)


def file_pieces(file: File, request: DocumentsRequest, size: int) -> Iterable[DocumentPiece]:
    """Yield the documents of a file."""
    with file.open() as reader:
        head = reader.read(1 << 16)
    if not head:
        raise empty_file(file.name)
    if head.strip():
        require_readable(Source(file.name, file.suffix, head), "text file")
    column, form = request.column, request.form
    if holds_json(file.suffix, head):
        _require_no_split(request.split, file.name, "JSON")
        made = RowPieces(column, form)
        found = json_rows(file, head, size, DOCUMENT_ROW)
        return (made(rows.values, rows.name, rows.where) for rows in found)
    if holds_table(file.suffix, head, column):
        _require_no_split(request.split, file.name, "a table")
        named = partial(name_text_column, request=column)
        tables = file_tables(file, named, size=size, example=DOCUMENT_ROW)
        return map(TableDocuments(column, form), tables)
    require_no_column(column, file.name)
    return plain_pieces(file, form, size)


def holds_table(suffix: str, head: bytes, request: TextRequest) -> bool:
    """Tell whether a file is a table: by its name; standard input also where a column is named."""
    is_named = request.text is not None and suffix == ""
    return suffix in TABLE_SUFFIXES or head.startswith(b"PAR1") or is_named


def require_no_column(request: TextRequest, name: str) -> None:
    """Refuse that a column is named of plain text."""
    if request.text is not None:
        raise OptionError(
            f"text={request.text!r}, and this is plain text",
            where=name,
            expected="a table or JSON, to name a column of",
            fix="leave it out (--text)",
        )


def _require_no_split(split: str | None, name: str, what: str) -> None:
    if split not in (None, "file"):
        raise OptionError(
            f"split={split!r}, and this is {what}",
            where=name,
            expected="plain text, to be split",
            fix="leave it out (--split): each row is a document",
        )
