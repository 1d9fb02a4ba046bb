"""Folders with one sub-folder, or one text file, for each class."""

from __future__ import annotations

from collections.abc import Iterator
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
_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".npz")
_TOGETHER = 1000


def folder_pieces(folder: Path, request: Request, *, size: int = CHUNK) -> Iterator[Piece]:
    """Yield the texts of a folder with their class; hidden files are left out.

    Raises:
        InputError: the folder is empty, holds both layouts or tables, or a file in it cannot be read.
    """
    require_kind(TEXT, request, str(folder))
    entries = _visible(folder)
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
    tables = [file for file in files if suffix_of(file.name) in _TABLES]
    if tables:
        raise InputError(
            f"this folder holds tables: {_listed(tables)}",
            where=str(folder),
            expected=LAYOUTS,
            fix=f"name the table that you mean: {tables[0]}",
        )
    if folders:
        for of_class in folders:
            yield from _files_of(of_class)
        return
    for file in files:
        opened = open_file(file, "text file")
        yield from line_pieces(text_chunks(opened, size=size), request, label=class_of(file))


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


def _files_of(folder: Path) -> Iterator[Piece]:
    entries = _visible(folder)
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


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _listed(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths[:4]) + (", ..." if len(paths) > 4 else "")
