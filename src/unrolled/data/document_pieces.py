"""Some documents, as they come from a source, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.document_form import DocumentsForm
from unrolled.data.folders import shown_names
from unrolled.data.pair_rows import checked_text, is_missing, short
from unrolled.data.partition import row_hashes
from unrolled.data.pieces import Where, column_texts, joined_places, unused_note
from unrolled.data.tables import Table
from unrolled.data.text_keys import TextRequest, key_of_rows, key_of_table
from unrolled.data.texts import TextBuilder
from unrolled.errors import InputError

_HASHED = 1 << 20


@dataclass(frozen=True)
class Documents:
    """Texts for a language model.

    Attributes:
        texts: (N) documents; many lie on disk (`TextStore`).
        form: what it takes to read others as these.
        where: gives the place of a document: "poems.jsonl, row 7".
        groups: (N,) uint64, the same for documents that are the same but for capitals and white space, so that
            `grouped_parts` keeps them together.
        notes: one line for each thing that was left out or taken otherwise.
    """

    texts: Sequence[str]
    form: DocumentsForm
    where: Callable[[int], str]
    groups: NDArray[np.uint64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class DocumentPiece:
    """Documents that were read together.

    Attributes:
        texts: N documents, empty ones too.
        form: what was found.
        where: gives the place of a document.
        notes: what was taken otherwise.
    """

    texts: list[str]
    form: DocumentsForm
    where: Where
    notes: tuple[str, ...] = ()

    def part(self, start: int, rows: int) -> DocumentPiece:
        """Return some of the documents; the first part has the notes."""
        where = self.where
        return replace(
            self,
            texts=self.texts[start : start + rows],
            where=lambda row: where(start + row),
            notes=() if start else self.notes,
        )


class RowPieces:
    """Makes pieces of rows of JSON, or of a list in memory: texts, lists of lines, and objects that hold one.

    What the first objects told of their keys holds for all; one that lacks the key, or holds null there, is empty.
    """

    def __init__(self, request: TextRequest, form: DocumentsForm) -> None:
        self._request, self._form = request, form

    def __call__(self, rows: Sequence[Any], name: str, where: Where) -> DocumentPiece:
        notes: tuple[str, ...] = ()
        objects = [row for row in rows if isinstance(row, Mapping)]
        if objects and self._form.text is None:
            found, notes = key_of_rows(objects, self._request, name)
            self._form = replace(self._form, text=found)
            unused = dict.fromkeys(key for row in objects for key in row if key != found)
            if unused:
                notes = (*notes, f"{name}: keys not used: {shown_names(list(map(str, unused)))}")
        key = self._form.text
        texts = []
        for number, row in enumerate(rows):
            value = row.get(key) if isinstance(row, Mapping) else row
            under = f", key {key}" if isinstance(row, Mapping) else ""
            texts.append(text_of(value, f"{where(number)}{under}"))
        return DocumentPiece(texts, self._form, where, notes)


class TableDocuments:
    """Makes pieces of tables that come one after the other: what the first told of the columns holds for all."""

    def __init__(self, request: TextRequest, form: DocumentsForm) -> None:
        self._request, self._form = request, form

    def __call__(self, table: Table) -> DocumentPiece:
        notes: tuple[str, ...] = ()
        if self._form.text is None:
            column, notes = key_of_table(table.frame, self._request, table.name)
            self._form = replace(self._form, text=column)
            unused = [name for name in table.frame.columns if name != column]
            notes = (*table.notes, *notes, *unused_note(table, unused))
        column = self._form.text or ""
        cells = table.frame[column]
        light = replace(table, frame=pl.DataFrame())
        if isinstance(cells.dtype, (pl.List, pl.Array)) and cells.dtype.inner == pl.String:
            texts = cells.list.join("\n").fill_null("").to_list()
        elif cells.dtype == pl.Object:
            texts = [text_of(value, table.where(row, column)) for row, value in enumerate(cells)]
        else:
            texts = column_texts(table, column)
        return DocumentPiece(texts, self._form, light.where, notes)


def text_of(value: Any, where: str) -> str:
    r"""Return a text, or the lines of a list one under the other; "" for None and NaN.

    >>> text_of(["白日依山盡，", "黃河入海流。"], "row 1")
    '白日依山盡，\n黃河入海流。'

    Raises:
        InputError: it is neither.
    """
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return checked_text(value, where)
    if isinstance(value, (list, tuple)):
        lines = enumerate(value, 1)
        return "\n".join(checked_text(line, f"{where}, line {number}") for number, line in lines)
    if isinstance(value, Mapping):
        keys = ", ".join(map(str, value)) or "nothing"
        raise InputError(f"this is no text but an object with {keys}", where=where, expected=_TEXT)
    raise InputError(f"{short(value)} is no text", where=where, expected=_TEXT)


_TEXT = "a text, or a list of lines"


class DocumentCollector:
    """Puts pieces together; documents without a sign are left out.

    Attributes:
        name: of the source, for messages.
        in_memory: bytes of text that are kept in memory; more goes to disk.
    """

    def __init__(self, name: str, in_memory: int) -> None:
        self.name, self.in_memory = name, in_memory

    def __call__(self, pieces: Iterable[DocumentPiece]) -> Documents:
        """Return all documents.

        Raises:
            InputError: there is none.
        """
        texts, groups = TextBuilder(self.in_memory), [np.zeros(0, np.uint64)]
        starts, wheres, rows = [], [], 0
        notes: dict[str, None] = {}
        form, empty, first_empty = None, 0, ""
        for piece in pieces:
            form = form or piece.form
            notes.update(dict.fromkeys(piece.notes))
            kept = [row for row, text in enumerate(piece.texts) if text and not text.isspace()]
            if len(kept) < len(piece.texts):
                missing = next(row for row, each in enumerate([*kept, -1]) if row != each)
                first_empty = first_empty or piece.where(missing)
                empty += len(piece.texts) - len(kept)
                piece = _taken(piece, kept)
            starts.append(rows)
            wheres.append(piece.where)
            rows += len(piece.texts)
            groups.append(document_hashes(piece.texts))
            texts.extend(piece.texts)
        if form is None or rows == 0:
            raise InputError(
                f"every document ({empty:,}) is empty" if empty else "there are no documents",
                where=self.name,
                expected="texts to learn from",
            )
        where = joined_places(starts, wheres)
        hashes = np.concatenate(groups)
        return Documents(
            texts.build(),
            form,
            where,
            hashes,
            (*notes, *self._left_out(empty, first_empty), *self._again(hashes, where)),
        )

    def _left_out(self, empty: int, first: str) -> tuple[str, ...]:
        if not empty:
            return ()
        what = "1 document" if empty == 1 else f"{empty:,} documents"
        verb = "is left out: " if empty == 1 else "are left out, the first: "
        return (f"{self.name}: {what} without text {verb}{first}",)

    def _again(self, hashes: NDArray[np.uint64], where: Where) -> tuple[str, ...]:
        firsts = np.unique(hashes, return_index=True)[1]
        again = np.setdiff1d(np.arange(len(hashes)), firsts)
        if not len(again):
            return ()
        repeat = "document repeats" if len(again) == 1 else "documents repeat"
        first = "" if len(again) == 1 else "the first: "
        place = where(int(again[0]))
        return (f"{self.name}: {len(again):,} {repeat} an earlier one ({first}{place})",)


def document_hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return a hash of 64 bits of each text; of a very long one the beginning and the length tell."""
    cut = [(text[:_HASHED], len(text)) for text in texts]
    hashes = row_hashes(text for text, _ in cut)
    longer = np.array([size if size > _HASHED else 0 for _, size in cut], dtype=np.uint64)
    return hashes ^ longer


def _taken(piece: DocumentPiece, kept: list[int]) -> DocumentPiece:
    # The places are kept with all documents; the texts must not be kept with them.
    texts, where = [piece.texts[row] for row in kept], piece.where
    return replace(piece, texts=texts, where=lambda row: where(kept[row]))
