"""Rows to classify: texts or sequences of numbers with their labels, from a file, a folder, or from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.array_lines import array_pieces, holds_arrays
from unrolled.data.arrays import is_npz, is_pair, is_rows, read_npz, read_rows
from unrolled.data.chunks import CHUNK, arrived_chunks, peeked, text_chunks
from unrolled.data.first_line import name_columns
from unrolled.data.folders import folder_pieces
from unrolled.data.label_codes import Labels
from unrolled.data.label_columns import Request
from unrolled.data.labelled_form import LABELLED_ROW, TEXT, LabelledForm
from unrolled.data.lines import is_plain, line_pieces
from unrolled.data.pieces import IN_MEMORY, Collected, Collector, Piece, TablePieces
from unrolled.data.sources import UTF16_MARKS, Source, require_readable
from unrolled.data.table_chunks import file_tables, memory_tables
from unrolled.data.tables import from_json, kind_of
from unrolled.data.unpacking import STDIN, File, open_file, standard_input, taken_in
from unrolled.errors import InputError

__all__ = ["Labelled", "LabelledForm", "Labels", "iter_labelled", "read_labelled"]

Inputs = Sequence[str] | Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Labelled:
    """Rows to classify.

    Attributes:
        inputs: (N) texts, or sequences of numbers (T_i, F) each; many texts lie on disk (`TextStore`).
        labels: (N) as text; None where there is no column of labels. They are `Labels`, with ``codes`` and ``names``.
        form: what it takes to read other rows as these.
        where: gives the place of a row: "reviews.csv, row 7".
        notes: one line for each thing that was mended or taken otherwise.
        test: rows that a file brings for the test.
    """

    inputs: Inputs
    labels: Sequence[str] | None
    form: LabelledForm
    where: Callable[[int], str]
    notes: tuple[str, ...] = ()
    test: Labelled | None = None

    def __len__(self) -> int:
        return len(self.inputs)


def read_labelled(
    source: Any,
    *,
    text: str | None = None,
    label: str | None = None,
    like: LabelledForm | None = None,
    needs_labels: bool = True,
) -> Labelled:
    """Read rows to classify.

    Args:
        source: a path to CSV, TSV, JSONL, a JSON array of objects, Parquet or npz, plain or packed (gzip, xz, zip); a
            folder with a sub-folder for each class (a text a file) or with a text file for each class (a text a line);
            "-" for standard input; a dataframe, a dict of columns, a list of dicts; (inputs, labels); without labels
            also texts or arrays alone, and a file with a text, or a list of numbers as JSON, in each line.
        text: the column of the texts, or of lists of numbers; None finds it by its usual name.
        label: the column of the labels; None finds it.
        like: the form of a model, to read rows as those it was trained on.
        needs_labels: rows without a label are refused; otherwise they may be missing.

    Without labels, a file called .txt, one without a suffix and standard input hold a text in each line unless the
    first line is JSON or holds a usual name of a column (or one of ``like``), and no column is named. A table of one
    column has a header only when that is the name of a text column. For a ``like`` of numbers a line that begins with
    "[" is a sequence, as it is in JSONL.

    >>> rows = read_labelled({"review": ["good", "bad"], "label": [1, 0]})
    >>> rows.inputs, list(rows.labels), rows.where(1)
    (['good', 'bad'], ['1', '0'], 'dict, row 1')
    >>> read_labelled([[[0.5, 1.0], [1.5, 2.0]]], needs_labels=False).inputs[0].shape
    (2, 2)

    Raises:
        OptionError: a named column does not exist.
        InputError: the rows cannot be read; file, row and column are named, with what to do about it.
    """
    return read_in_pieces(source, Request(text, label, like, needs_labels))


def read_in_pieces(
    source: Any, request: Request, *, size: int = CHUNK, in_memory: int = IN_MEMORY
) -> Labelled:
    """Read as `read_labelled` does, ``size`` bytes of a file at a time, and more than ``in_memory`` bytes of text to disk."""
    if isinstance(source, (str, Path)) and source != STDIN and is_npz(Path(source)):
        train, test = read_npz(Path(source).expanduser(), request)
        rest = None if test is None else _together([test], str(source), in_memory)
        return _together([train], str(source), in_memory, rest)
    name = _name(source)
    made = Collector(in_memory).add(_pieces(source, request, size)).finish(name)
    if request.needs_labels and made.form.kind == TEXT and made.empty == len(made.inputs):
        raise InputError(
            "every text is empty",
            where=f"{name}, column {made.form.text}" if made.form.text else name,
            expected="texts to learn from",
            fix='write them, or name another column: text="NAME" (--text NAME)',
        )
    return _labelled(made)


def iter_labelled(
    source: Any,
    *,
    text: str | None = None,
    label: str | None = None,
    like: LabelledForm | None = None,
    needs_labels: bool = False,
    rows: int = 1024,
) -> Iterator[Labelled]:
    """Read as `read_labelled` does, at most ``rows`` rows at a time, so that no source is too large.

    Plain text and JSONL on standard input are yielded as they arrive, each line as soon as it has ended. Notes come
    with the rows that they were made of.

    >>> [list(part.inputs) for part in iter_labelled(["a", "b", "c"], rows=2)]
    [['a', 'b'], ['c']]

    Raises:
        OptionError: a named column does not exist.
        InputError: as `read_labelled`, when the rows concerned are reached.
    """
    request = Request(text, label, like, needs_labels)
    pieces = _arriving(request) if _is_path(source, STDIN) else _pieces(source, request, CHUNK)
    for piece in pieces:
        for start in range(0, len(piece.inputs), rows):
            yield _together([_part(piece, start, rows)], _name(source), IN_MEMORY)


def _is_path(source: Any, path: str) -> bool:
    return isinstance(source, (str, Path)) and str(source) == path


def _name(source: Any) -> str:
    if _is_path(source, STDIN):
        return "stdin"
    return str(source) if isinstance(source, (str, Path)) else "input"


def _together(pieces: Any, name: str, in_memory: int, test: Labelled | None = None) -> Labelled:
    return _labelled(Collector(in_memory).add(pieces).finish(name), test)


def _labelled(made: Collected, test: Labelled | None = None) -> Labelled:
    return Labelled(made.inputs, made.labels, made.form, made.where, made.notes, test)


def _part(piece: Piece, start: int, rows: int) -> Piece:
    return Piece(
        piece.inputs[start : start + rows],
        None if piece.labels is None else piece.labels.slice(start, rows),
        piece.form,
        lambda row: piece.where(start + row),
        () if start else piece.notes,
    )


def _pieces(source: Any, request: Request, size: int) -> Iterator[Piece]:
    if isinstance(source, (str, Path)):
        folder = Path(source).expanduser()
        if source != STDIN and folder.is_dir():
            return folder_pieces(folder, request, size=size)
        if is_npz(folder):
            return iter([read_npz(folder, request)[0]])
        return _file_pieces(open_file(source), request, size)
    if is_pair(source):
        return read_rows(source[0], source[1], request, "input")
    if is_rows(source):
        return read_rows(source, None, request, "input")
    return map(TablePieces(request), memory_tables(source, LABELLED_ROW))


def _file_pieces(file: File, request: Request, size: int) -> Iterator[Piece]:
    with file.open() as reader:
        head = reader.read(1 << 16)
    if head and holds_arrays(file.suffix, head, request):
        return array_pieces(text_chunks(file, size=size), request)
    if head and is_plain(file.suffix, head, request):
        require_readable(Source(file.name, file.suffix, head))
        return line_pieces(text_chunks(file, size=size, every_line=True), request)
    tables = file_tables(
        file, lambda rows: name_columns(rows, request), size=size, example=LABELLED_ROW
    )
    return map(TablePieces(request), tables)


def _arriving(request: Request) -> Iterator[Piece]:
    """Yield rows of standard input as they arrive; a table of text, whose fields may hold lines, is taken in first."""
    file = standard_input()
    with file.open() as reader:
        head, arriving = peeked(arrived_chunks(file, reader))
        require_readable(Source(file.name, file.suffix, head))
        if head.startswith(UTF16_MARKS):
            yield from _file_pieces(taken_in(source.data for source in arriving), request, CHUNK)
        elif holds_arrays(file.suffix, head, request):
            yield from array_pieces(arriving, request)
        elif is_plain(file.suffix, head, request):
            yield from line_pieces(arriving, request)
        elif kind_of(file.suffix, head) == "jsonl":
            filled = (source for source in arriving if source.data.strip())
            tables = (from_json(source, LABELLED_ROW) for source in filled)
            yield from map(TablePieces(request), tables)
        else:
            yield from _file_pieces(taken_in(source.data for source in arriving), request, CHUNK)
