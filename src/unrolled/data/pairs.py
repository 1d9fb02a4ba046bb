"""Pairs of texts, what is read and what is written for it: from a file, two parallel files, or from memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.data.arrays import is_pair, is_rows
from unrolled.data.chunks import CHUNK, arrived_chunks, peeked, text_chunks
from unrolled.data.folders import NO_DATA, TABLE_SUFFIXES, shown_names, visible
from unrolled.data.lines import holds_lines, split_lines
from unrolled.data.pair_columns import PairRequest
from unrolled.data.pair_form import PAIR_ROW, PairsForm
from unrolled.data.pair_header import name_pair_columns
from unrolled.data.pair_pieces import PairCollector, PairPiece, Pairs, TablePairs, filled
from unrolled.data.pair_rows import from_pairs, from_sides
from unrolled.data.parallel import parallel_pieces
from unrolled.data.pieces import IN_MEMORY, Where
from unrolled.data.sources import UTF16_MARKS, Source, decode, require_readable
from unrolled.data.table_chunks import file_tables, memory_tables
from unrolled.data.tables import from_json, kind_of
from unrolled.data.unpacking import STDIN, File, open_file, standard_input, suffix_of, taken_in
from unrolled.errors import InputError, OptionError

__all__ = ["Pairs", "PairsForm", "iter_pairs", "read_pairs"]


def read_pairs(
    source: Any,
    *,
    source_column: str | None = None,
    target_column: str | None = None,
    like: PairsForm | None = None,
    needs_targets: bool = True,
) -> Pairs:
    """Read pairs of texts.

    Args:
        source: a path to TSV, CSV, JSONL, a JSON array of objects or Parquet, plain or packed (gzip, xz, zip); a folder
            of such files; a tuple of two paths of parallel text files, of which line n of one belongs to line n of the
            other; "-" for standard input; a dataframe, a dict of columns, a list of dicts, a list of (source, target),
            a tuple (sources, targets); without targets also texts alone, and a file with a text a line.
        source_column: the column of what is read, by its name or its number from 1; None finds it by its usual name.
        target_column: the column of what is written; None finds it.
        like: the form of a model, to read rows as those it was trained on.
        needs_targets: pairs with an empty side are left out, with a note; otherwise every row stays, and targets may
            be missing.

    The columns of a file without a line of names are the source and the target in this order; others are not used.
    Without targets, a file called .txt, one without a suffix and standard input hold a text in each line unless the
    first line is JSON or holds a usual name of a column, or a column is named.

    >>> pairs = read_pairs([("Hallo.", "Hello."), ("Danke.", "Thanks.")])
    >>> pairs.sources, pairs.targets, pairs.where(1)
    (['Hallo.', 'Danke.'], ['Hello.', 'Thanks.'], 'input, row 1')
    >>> read_pairs({"headline": ["Rain"], "body": ["It rained."]}).sources
    ['It rained.']

    Raises:
        OptionError: a named column does not exist.
        InputError: the pairs cannot be read; file, row and column are named, with what to do about it.
    """
    return read_in_pieces(source, PairRequest(source_column, target_column, like, needs_targets))


def read_in_pieces(
    source: Any, request: PairRequest, *, size: int = CHUNK, in_memory: int = IN_MEMORY
) -> Pairs:
    """Read as `read_pairs` does, ``size`` bytes of a file at a time, and more than ``in_memory`` bytes of a side to disk."""
    return PairCollector(_name(source), in_memory)(_pieces(source, request, size))


def iter_pairs(
    source: Any,
    *,
    source_column: str | None = None,
    target_column: str | None = None,
    like: PairsForm | None = None,
    needs_targets: bool = False,
    rows: int = 1024,
) -> Iterator[Pairs]:
    """Read as `read_pairs` does, at most ``rows`` pairs at a time, so that no source is too large.

    Plain text and JSONL on standard input are yielded as they arrive, each line as soon as it has ended.

    >>> [part.sources for part in iter_pairs(["a", "b", "c"], rows=2)]
    [['a', 'b'], ['c']]

    Raises:
        OptionError: a named column does not exist, or there are less than one row at a time.
        InputError: as `read_pairs`, when the rows concerned are reached.
    """
    if rows < 1:
        raise OptionError(f"rows={rows}", expected="a whole number of at least 1")
    request = PairRequest(source_column, target_column, like, needs_targets)
    is_stdin = isinstance(source, (str, Path)) and str(source) == STDIN
    pieces = _checked(_arriving(request), request) if is_stdin else _pieces(source, request, CHUNK)
    together = PairCollector(_name(source), IN_MEMORY)
    for piece in pieces:
        for start in range(0, len(piece.sources), rows):
            yield together([piece.part(start, rows)])


def _name(source: Any) -> str:
    if isinstance(source, (str, Path)):
        return "stdin" if str(source) == STDIN else str(source)
    return " and ".join(map(str, source)) if _are_paths(source) else "input"


def _are_paths(source: Any) -> bool:
    return (
        isinstance(source, tuple)
        and len(source) == 2
        and all(isinstance(part, (str, Path)) for part in source)
    )


def _checked(pieces: Iterable[PairPiece], request: PairRequest) -> Iterator[PairPiece]:
    for piece in pieces:
        if request.needs_targets and piece.targets is None:
            raise InputError(
                "there are no targets",
                where=piece.where(0),
                expected="a target for each source",
                fix="give (sources, targets), or a table with both",
            )
        yield filled(piece) if request.needs_targets else piece


def _pieces(source: Any, request: PairRequest, size: int) -> Iterator[PairPiece]:
    return _checked(_unchecked(source, request, size), request)


def _unchecked(source: Any, request: PairRequest, size: int) -> Iterable[PairPiece]:
    if isinstance(source, (str, Path)):
        folder = Path(source).expanduser()
        if source != STDIN and folder.is_dir():
            return _folder_pieces(folder, request, size)
        return _file_pieces(open_file(source), request, size)
    if _are_paths(source):
        return parallel_pieces(*source, size=size)
    if is_pair(source):
        return [from_sides(*source)]
    if is_rows(source):
        are_texts = isinstance(source[0], str) or source[0] is None
        return [from_sides(source) if are_texts else from_pairs(source)]
    return map(TablePairs(request), memory_tables(source, PAIR_ROW))


def _folder_pieces(folder: Path, request: PairRequest, size: int) -> Iterator[PairPiece]:
    """Yield the pairs of all tables of a folder, which have the columns of the first."""
    files = [entry for entry in visible(folder) if not NO_DATA.fullmatch(entry.name)]
    tables = [file for file in files if file.is_file() and suffix_of(file.name) in TABLE_SUFFIXES]
    if not tables:
        raise InputError(
            "this folder holds no table",
            where=str(folder),
            expected="TSV, CSV, JSONL or Parquet files of pairs",
            fix="name the file, or the two parallel files, that you mean",
        )
    others = [file.name for file in files if file not in tables]
    notes = [f"{folder}: read together: {shown_names([file.name for file in tables])}"]
    if others:
        notes.append(f"{folder}: left out, as no table: {shown_names(others)}")
    for file in tables:
        for piece in _file_pieces(open_file(file), request, size):
            if piece.form != request.like:
                notes.extend(piece.notes)
            request = replace(request, like=request.like or piece.form)
            yield replace(piece, notes=tuple(notes))
            notes = []


def _file_pieces(file: File, request: PairRequest, size: int) -> Iterable[PairPiece]:
    with file.open() as reader:
        head = reader.read(1 << 16)
    if head and _is_plain(file.suffix, head, request):
        require_readable(Source(file.name, file.suffix, head))
        if request.needs_targets:
            raise InputError(
                "this file holds one text a line and no targets",
                where=file.name,
                expected="a source and a target in each line, with a tab between them",
                fix="give the file of the targets too, which is read beside it line by line",
            )
        return _line_pieces(text_chunks(file, size=size, every_line=True))
    if file.suffix != ".csv" and b"\t" in head.lstrip(b"\r\n").partition(b"\n")[0]:
        # Sentences have commas; what parts them here is the tab.
        file = replace(file, suffix=".tsv")
    tables = file_tables(
        file, lambda rows: name_pair_columns(rows, request), size=size, example=PAIR_ROW
    )
    return map(TablePairs(request), tables)


def _is_plain(suffix: str, head: bytes, request: PairRequest) -> bool:
    """Tell whether a file holds one text a line: not when its name ends as that of a table, or a column is named."""
    if suffix in TABLE_SUFFIXES or request.source or request.target:
        return False
    if request.needs_targets and b"\t" in head.lstrip(b"\r\n").partition(b"\n")[0]:
        return False
    column = request.like.source if request.like else None
    # Parallel files end in a language: train.de.
    return holds_lines("", head, request.known_names(), column, request.certain_names())


def _line_pieces(sources: Iterable[Source]) -> Iterator[PairPiece]:
    for source in sources:
        lines = split_lines(decode(source))
        yield PairPiece(lines, None, PairsForm(), _where(source.name, source.line))


def _where(name: str, first: int) -> Where:
    return lambda row: f"{name}, line {first + row}"


def _arriving(request: PairRequest) -> Iterator[PairPiece]:
    """Yield rows of standard input as they arrive; a table of text, whose fields may hold lines, is taken in first."""
    file = standard_input()
    with file.open() as reader:
        head, arriving = peeked(arrived_chunks(file, reader))
        require_readable(Source(file.name, file.suffix, head))
        if not head.startswith(UTF16_MARKS):
            if _is_plain(file.suffix, head, request):
                yield from _line_pieces(arriving)
                return
            if kind_of(file.suffix, head) == "jsonl":
                filled_lines = (source for source in arriving if source.data.strip())
                tables = (from_json(source, PAIR_ROW) for source in filled_lines)
                yield from map(TablePairs(request), tables)
                return
        yield from _file_pieces(taken_in(source.data for source in arriving), request, CHUNK)
