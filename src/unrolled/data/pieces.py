"""Some rows to classify, as they come from a source, and how they are put together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from unrolled.data.label_codes import LabelBuilder, Labels
from unrolled.data.label_columns import LabelRoles, Request, find_label_columns
from unrolled.data.labelled_form import NUMBERS, SEQUENCE, TEXT, LabelledForm
from unrolled.data.number_rows import NumberRows, features_of, from_list_column
from unrolled.data.tables import Table
from unrolled.data.texts import TextBuilder
from unrolled.data.wide import from_wide
from unrolled.errors import InputError

IN_MEMORY = 32 << 20
"""Bytes of text that are kept in memory; more goes to disk."""

Where = Callable[[int], str]


@dataclass(frozen=True)
class Piece:
    """Rows that were read together.

    Attributes:
        inputs: N texts, or sequences.
        labels: (N,) text, null where there is none; None where there is no column of labels.
        form: what was found.
        where: gives the place of a row.
        notes: what was taken otherwise.
    """

    inputs: list[str] | NumberRows
    labels: pl.Series | None
    form: LabelledForm
    where: Where
    notes: tuple[str, ...] = ()


class TablePieces:
    """Makes pieces of tables that come one after the other: what the first told of the columns holds for all."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._roles: LabelRoles | None = None
        self._form: LabelledForm | None = None

    def __call__(self, table: Table) -> Piece:
        notes: tuple[str, ...] = ()
        if self._roles is None:
            self._roles = find_label_columns(table, self._request)
            notes = (*table.notes, *self._roles.notes, *unused_note(table, self._roles.unused))
        roles = self._roles
        for name in filter(table.faults.__contains__, _read(roles)):
            raise table.faults[name]
        like = self._request.like or self._form
        table = _with_all(table, roles, like)
        if self._form and not self._request.like:
            _require_same_kind(table, roles, self._form)
        inputs = _inputs(table, roles, self._request)
        light = replace(table, frame=pl.DataFrame())
        labels = _labels(table, roles, self._request)
        self._form = self._form or _form(roles, inputs)
        if isinstance(inputs, NumberRows):
            require_features(inputs, like or self._form, light.where)
            if len(inputs.values):
                self._form = _form(roles, inputs)
        return Piece(inputs, labels, self._form, light.where, notes)


def _read(roles: LabelRoles) -> tuple[str, ...]:
    return (*roles.inputs, *([roles.label] if roles.label else []))


def _with_all(table: Table, roles: LabelRoles, like: LabelledForm | None) -> Table:
    """Return the table with empty columns where some that the first rows had are missing, as in JSONL they may.

    A column in which nothing stands is one of lists where lists are read.
    """
    missing = [name for name in _read(roles) if name not in table.frame.columns]
    empty = [pl.lit(None).alias(name) for name in missing]
    frame = table.frame.with_columns(empty)
    if like and like.kind == NUMBERS and not roles.is_wide:
        column = roles.inputs[0]
        if frame.schema[column] == pl.Null:
            frame = frame.with_columns(pl.col(column).cast(pl.List(pl.Float64)))
    return replace(table, frame=frame)


def _require_same_kind(table: Table, roles: LabelRoles, form: LabelledForm) -> None:
    """Refuse text where the rows before held lists, and lists where they held text."""
    column = roles.inputs[0]
    cells = table.frame[column]
    if roles.is_wide or isinstance(cells.dtype, (pl.List, pl.Array)) == (form.kind == NUMBERS):
        return
    row = int(cells.is_not_null().arg_max() or 0)
    raise InputError(
        "this is text, not a list of numbers as in the rows before"
        if form.kind == NUMBERS
        else "this is a list, not text as in the rows before",
        where=table.where(row, column),
        expected="a list in every row, or in none",
        fix="correct it, or remove the row",
    )


def _inputs(table: Table, roles: LabelRoles, request: Request) -> list[str] | NumberRows:
    column = roles.inputs[0]
    where = table.where(column=", ".join(roles.inputs[:3]))
    holds_lists = isinstance(table.frame.schema[column], (pl.List, pl.Array))
    require_kind(NUMBERS if roles.is_wide or holds_lists else TEXT, request, where)
    if roles.is_wide:
        return from_wide(table, list(roles.inputs))
    return from_list_column(table, column) if holds_lists else column_texts(table, column)


def _labels(table: Table, roles: LabelRoles, request: Request) -> pl.Series | None:
    if roles.label is None:
        return None
    labels = label_texts(table.frame[roles.label], table.where(column=roles.label))
    if request.needs_labels:
        require_labels(labels, lambda row: table.where(row, roles.label))
    return labels


def _form(roles: LabelRoles, inputs: list[str] | NumberRows) -> LabelledForm:
    return LabelledForm(
        NUMBERS if isinstance(inputs, NumberRows) else TEXT,
        None if roles.is_wide else roles.inputs[0],
        roles.label,
        inputs.features if isinstance(inputs, NumberRows) else 1,
        len(roles.inputs) if roles.is_wide else None,
    )


def require_kind(kind: str, request: Request, where: str) -> None:
    """Refuse texts for a model of numbers, and numbers for a model of texts."""
    if request.kind is not None and request.kind != kind:
        reads, holds = ("texts", "numbers") if kind == NUMBERS else ("numbers", "text")
        raise InputError(
            f"the model reads {reads}, and this holds {holds}",
            where=where,
            expected=reads if kind == NUMBERS else f"numbers: {SEQUENCE}",
        )


def require_features(rows: NumberRows, like: LabelledForm | None, where: Where) -> None:
    """Refuse sequences with other features than the model's, or than the rows before."""
    if like is not None and len(rows.values) and rows.features != like.features:
        raise InputError(
            f"the steps of the sequences have {features_of(rows.features)}",
            where=f"{where(0)} and on",
            expected=f"{like.features}, as in the rows before and in the model's training",
            fix="give the same features in the same order",
        )


def label_texts(cells: pl.Series, where: str) -> pl.Series:
    """Return labels as text, null where one is missing: 1 and 1.0 as "1", True as "true", text without spaces around it."""
    kind = cells.dtype
    if kind.is_float():
        whole = cells.cast(pl.Int64, strict=False)
        number = (
            pl.when(cells.eq(whole)).then(whole.cast(pl.String)).otherwise(cells.cast(pl.String))
        )
        cells = cells.fill_nan(None)
        return pl.select(pl.when(cells.is_not_null()).then(number)).to_series()
    if isinstance(kind, (pl.List, pl.Array, pl.Struct, pl.Object)):
        raise InputError(
            f"a column of {kind} holds no labels",
            where=where,
            expected="one label in each row, as text or as a number",
        )
    text = cells.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def require_labels(labels: pl.Series, where: Where) -> None:
    """Refuse rows without a label."""
    missing = labels.null_count()
    if missing:
        first = f" (the first of {missing} missing labels)" if missing > 1 else ""
        raise InputError(
            f"the label is missing{first}",
            where=where(int(labels.is_null().arg_max() or 0)),
            expected="a label in every row",
            fix="write it, or remove the row",
        )


def column_texts(table: Table, column: str) -> list[str]:
    """Return the texts of a column, "" where one is missing; numbers as text."""
    cells = table.frame[column]
    if isinstance(cells.dtype, (pl.Struct, pl.Object, pl.Binary, pl.List, pl.Array)):
        raise InputError(
            f"a column of {cells.dtype} holds no texts",
            where=table.where(column=column),
            expected="text",
            fix="write each as one text",
        )
    return cells.cast(pl.String).fill_null("").to_list()


def unused_note(table: Table, unused: Sequence[str]) -> tuple[str, ...]:
    """Return the note that names the columns not used, if there are some."""
    shown = ", ".join(unused[:8]) + (", ..." if len(unused) > 8 else "")
    return (f"{table.name}: columns not used: {shown}",) if unused else ()


def joined_places(starts: Sequence[int], wheres: Sequence[Where]) -> Where:
    """Return the place of a row among the rows of all pieces, each of which begins at its start."""
    if len(starts) == 1:
        return wheres[0]

    def where(row: int) -> str:
        piece = bisect_right(starts, row) - 1
        return wheres[piece](row - starts[piece])

    return where


@dataclass
class Collected:
    """All rows of the pieces added, and how many of them hold nothing."""

    inputs: Sequence[str] | NumberRows
    labels: Labels | None
    form: LabelledForm
    where: Where
    notes: tuple[str, ...]
    empty: int


@dataclass
class Collector:
    """Puts pieces together, texts in memory while they are few and on disk when they are many.

    Attributes:
        in_memory: bytes of text that are kept in memory.
    """

    in_memory: int = IN_MEMORY
    _numbers: list[NumberRows] = field(default_factory=list)
    _labels: LabelBuilder = field(default_factory=LabelBuilder)
    _has_labels: bool = True
    _form: LabelledForm | None = None
    _starts: list[int] = field(default_factory=list)
    _wheres: list[Where] = field(default_factory=list)
    _notes: dict[str, None] = field(default_factory=dict)
    _rows: int = 0
    _steps: int = 0
    _empty: int = 0

    def __post_init__(self) -> None:
        self._texts = TextBuilder(self.in_memory)

    def add(self, pieces: Iterable[Piece]) -> Collector:
        for piece in pieces:
            self._starts.append(self._rows)
            self._wheres.append(piece.where)
            self._rows += len(piece.inputs)
            self._notes.update(dict.fromkeys(piece.notes))
            if self._form is None or (isinstance(piece.inputs, NumberRows) and not self._steps):
                # Rows without a step do not tell how many features the others have.
                self._form = piece.form
            if piece.labels is None:
                self._has_labels = False
            else:
                self._labels.extend(piece.labels)
            self._add_inputs(piece.inputs)
        return self

    def finish(self, name: str) -> Collected:
        if self._form is None or self._rows == 0:
            raise InputError("there are no rows", where=name, fix="give some")
        inputs: Sequence[str] | NumberRows
        if self._form.kind == NUMBERS:
            inputs = NumberRows.joined(self._numbers)
        else:
            inputs = self._texts.build()
        if self._empty:
            what = "text" if self._form.kind == TEXT else "sequence"
            have = "row has" if self._empty == 1 else "rows have"
            self._notes[f"{name}: {self._empty} {have} an empty {what}"] = None
        labels = self._labels.build() if self._has_labels else None
        return Collected(
            inputs,
            labels,
            self._form,
            joined_places(self._starts, self._wheres),
            tuple(self._notes),
            self._empty,
        )

    def _add_inputs(self, inputs: list[str] | NumberRows) -> None:
        if isinstance(inputs, NumberRows):
            self._steps += len(inputs.values)
            self._numbers.append(inputs)
            self._empty += int((inputs.ends[1:] == inputs.ends[:-1]).sum())
            return
        self._empty += sum(not text or text.isspace() for text in inputs)
        self._texts.extend(inputs)
