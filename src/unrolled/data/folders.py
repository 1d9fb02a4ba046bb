"""Folders with one sub-folder, or one text file, for each class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from unrolled.data.chunks import CHUNK, text_chunks
from unrolled.data.label_columns import Request
from unrolled.data.labelled_form import TEXT, LabelledForm
from unrolled.data.lines import line_pieces
from unrolled.data.pieces import Piece, require_kind
from unrolled.data.sources import decode, read_whole, require_readable
from unrolled.data.unpacking import PACKING_SUFFIXES, open_file, suffix_of
from unrolled.errors import InputError

LAYOUTS = "one sub-folder for each class with a file for each text, or one text file for each class with a text a line"
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".npz")
NO_DATA = re.compile(r"(?i:readme.*|licen[cs]e([.-].*)?)|SOURCES?\.txt")
"""Names of files that tell of the others."""
_NO_TEXT = (".md", ".rst", ".py", ".html", ".xml", ".log")
_SHOWN = 8
_TOGETHER = 1000


def folder_pieces(folder: Path, request: Request, *, size: int = CHUNK) -> Iterator[Piece]:
    """Yield the texts of a folder with their class; hidden files are left out.

    Of files beside each other, those that tell of the others (README, LICENSE), and those with another suffix than most,
    are no classes; notes with the last piece name them, files without a text, and the classes.

    Raises:
        InputError: the folder is empty, holds both layouts or tables, or a file in it cannot be read.
    """
    require_kind(TEXT, request, str(folder))
    entries = visible(folder)
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if not entries:
        raise InputError("this folder is empty", where=str(folder), expected=LAYOUTS)
    if folders and files:
        raise InputError(
            f"this folder holds folders ({_listed(folders)}) and files ({_listed(files)})",
            where=str(folder),
            expected=LAYOUTS,
            fix="move the others out, or name the folder or the file that you mean",
        )
    tables = [file for file in files if suffix_of(file.name) in TABLE_SUFFIXES]
    of_classes = _files_of_classes(files)
    if tables and 2 * len(tables) >= len(tables) + len(of_classes):
        raise InputError(
            f"this folder holds tables: {_listed(tables)}",
            where=str(folder),
            expected=LAYOUTS,
            fix=f"name the table that you mean: {tables[0]}",
        )
    if folders:
        yield from _counted(folder, [(each, each.name, _files_of(each)) for each in folders], [])
        return
    if not of_classes:
        raise InputError(
            f"this folder holds no file of a class: {_listed(files)}",
            where=str(folder),
            expected=LAYOUTS,
        )
    classes = [(file, class_of(file), _lines_of(file, request, size)) for file in of_classes]
    yield from _counted(folder, classes, [file for file in files if file not in of_classes])


def class_of(file: Path) -> str:
    """Return the class that a text file is called after: its name without .txt and without what says it is packed.

    >>> class_of(Path("names/Arabic.txt.gz")), class_of(Path("subj.objective"))
    ('Arabic', 'subj.objective')
    """
    name = file.name
    for suffix in (*PACKING_SUFFIXES, ".txt", ".text"):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name


def _files_of_classes(files: list[Path]) -> list[Path]:
    """Leave out what is no text of a class by its name or, where most have the same suffix, by another."""
    named = [file for file in files if not NO_DATA.fullmatch(file.name)]
    suffixes = Counter(_kind(file) for file in named)
    for suffix, count in suffixes.most_common(1):
        if 2 * count > len(named) and suffix not in TABLE_SUFFIXES:
            return [file for file in named if _kind(file) == suffix]
    return [file for file in named if _kind(file) not in TABLE_SUFFIXES + _NO_TEXT]


def _kind(file: Path) -> str:
    suffix = suffix_of(file.name)
    return ".txt" if suffix == ".text" else suffix


def _counted(
    folder: Path, classes: list[tuple[Path, str, Iterator[Piece]]], left_out: list[Path]
) -> Iterator[Piece]:
    """Yield the pieces of all classes, the last with the notes."""
    counts: Counter[str] = Counter()
    empty, last = [], None
    for path, name, pieces in classes:
        rows = 0
        for piece in pieces:
            if last:
                yield last
            last = piece
            rows += len(piece.inputs)
        counts[name] += rows
        if not rows:
            empty.append(path)
    if last is None:
        return
    found = [f"{name} ({count})" for name, count in counts.items() if count]
    notes = [f"{folder}: {len(found)} class{'' if len(found) == 1 else 'es'}: {shown_names(found)}"]
    if left_out:
        notes.append(f"{folder}: left out, as no text of a class: {shown_names(_names(left_out))}")
    if empty:
        notes.append(f"{folder}: left out, as empty: {shown_names(_names(empty))}")
    yield replace(last, notes=(*last.notes, *notes))


def _lines_of(file: Path, request: Request, size: int) -> Iterator[Piece]:
    opened = open_file(file, "text file")
    yield from line_pieces(text_chunks(opened, size=size), request, label=class_of(file))


def _files_of(folder: Path) -> Iterator[Piece]:
    entries = visible(folder)
    inner = [entry for entry in entries if entry.is_dir()]
    if inner or not entries:
        raise InputError(
            f"the folder of this class holds folders ({_listed(inner)})"
            if inner
            else "the folder of this class is empty",
            where=str(folder),
            expected=LAYOUTS,
            fix=f"name the folder that holds the classes, as {folder}" if inner else "remove it",
        )
    for start in range(0, len(entries), _TOGETHER):
        files = entries[start : start + _TOGETHER]
        labels = pl.repeat(folder.name, len(files), dtype=pl.String, eager=True)
        texts = [_text(file) for file in files]
        yield Piece(texts, labels, LabelledForm(TEXT), [str(file) for file in files].__getitem__)


def _text(path: Path) -> str:
    file = open_file(path, "text file")
    with file.open() as reader:
        if not reader.read(1):
            return ""
    source = read_whole(file)
    require_readable(source)
    return decode(source).strip("\r\n")


def visible(folder: Path) -> list[Path]:
    """Return what a folder holds but for hidden files, by name."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _listed(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths[:4]) + (", ..." if len(paths) > 4 else "")


def _names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def shown_names(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
