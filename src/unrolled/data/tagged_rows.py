"""Sentences from rows of JSON, of Parquet and from memory: lists of words and of tags, or text with its spans."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from unrolled.data.lines import split_lines
from unrolled.data.pair_rows import short
from unrolled.data.pieces import Where
from unrolled.data.script import text_form
from unrolled.data.sources import Source, decode
from unrolled.data.tagged_columns import TagColumns, TagRequest, find_named
from unrolled.data.tagged_form import TAGGED_ROW, TaggedForm
from unrolled.data.tagged_lines import parted, require_as_many
from unrolled.data.tagged_pieces import TaggedPiece
from unrolled.data.tagged_spans import spans_as_tags
from unrolled.data.tagged_values import tags_of_row, words_of
from unrolled.data.tagged_word_rows import WordRows, are_words
from unrolled.data.words import MIXED, WORDS, word_places
from unrolled.errors import InputError

Sentence = tuple[list[str], list[str] | None]
Rows = tuple[Sequence[Any], str, Where]
"""Rows, the name of what they come from, and what gives the place of each."""


def json_rows(sources: Iterable[Source]) -> Iterator[Rows]:
    """Yield the rows of JSONL, one object in a line, or of one array of objects."""
    for source in sources:
        text, name = decode(source), source.name
        if text.lstrip().startswith("["):
            yield _parsed(text, name, source.line), name, places_of(name, "row", 1)
            continue
        lines = [
            (number, line)
            for number, line in enumerate(split_lines(text), source.line)
            if line.strip()
        ]
        rows = [_parsed(line, name, number) for number, line in lines]
        yield rows, name, _at_lines(name, [number for number, _ in lines])


def row_pieces(parts: Iterable[Rows], request: TagRequest) -> Iterator[TaggedPiece]:
    """Yield the sentences of rows that come some at a time."""
    reader = RowReader(request)
    for part in parts:
        yield reader.read(*part)
    if reader.words:
        yield reader.words.rest()


def places_of(name: str, what: str, first: int) -> Where:
    """Return what gives the places of rows that are counted."""
    return lambda row: f"{name}, {what} {first + row}"


def _parsed(text: str, name: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"this is not JSON ({error.msg}, column {error.colno})",
            where=f"{name}, line {line + error.lineno - 1}",
            expected=f"one object in each line, as {TAGGED_ROW}",
        ) from error


def _at_lines(name: str, lines: Sequence[int]) -> Where:
    return lambda row: f"{name}, line {lines[row]}"


class RowReader:
    """Reads rows that are mappings, some at a time: what the first told of their columns holds for all.

    Attributes:
        words: what reads them where each holds a word.
    """

    words: WordRows | None = None

    def __init__(self, request: TagRequest) -> None:
        self._request = request
        self._columns: TagColumns | None = None
        self._units = request.like.units if request.like else None

    def read(self, rows: Sequence[Any], name: str, where: Where) -> TaggedPiece:
        """Return the sentences of some rows.

        Raises:
            OptionError: a named column does not exist.
            InputError: a row holds no sentence, or has more or fewer tags than words.
        """
        for row, values in enumerate(rows):
            if not isinstance(values, Mapping):
                raise InputError(
                    f"this row is {short(values)}",
                    where=where(row),
                    expected=f"an object, as {TAGGED_ROW}",
                )
        is_first = self._columns is None
        if self._columns is None and rows:
            self._columns = find_named(name, [str(column) for column in rows[0]], self._request)
        columns = self._columns or TagColumns("tokens", None)
        notes = columns.notes if is_first else ()
        form = TaggedForm(columns.text, columns.tag, columns.sentence)
        needs_tags = self._request.needs_tags
        if is_first and are_words(rows, columns, where, needs_tags=needs_tags):
            self.words = WordRows(form, needs_tags=needs_tags)
        if self.words:
            return replace(self.words.read(rows, where), notes=notes)
        if self._units is None:
            texts = [text for values in rows if isinstance(text := values.get(columns.text), str)]
            self._units = MIXED if texts and text_form(texts) == "characters" else WORDS
        read = [self._sentence(values, columns, where(row)) for row, values in enumerate(rows)]
        sentences, tags = [words for words, _ in read], [found for _, found in read]
        known = [found for found in tags if found is not None]
        return TaggedPiece(
            sentences, known if len(known) == len(tags) else None, form, where, notes
        )

    def _sentence(self, values: Mapping[str, Any], columns: TagColumns, place: str) -> Sentence:
        held = values.get(columns.text)
        tags = values.get(columns.tag) if columns.tag else None
        if held is None or (tags is None and self._request.needs_tags):
            raise InputError(
                f"there is no {columns.text if held is None else columns.tag!r}",
                where=place,
                expected=f"words{' and tags' if self._request.needs_tags else ''} in each row, as {TAGGED_ROW}",
                fix="add it, or remove the row",
            )
        if _are_spans(held, tags):
            return self._marked(held, tags, place)
        if isinstance(held, str) and not self._request.needs_tags and not _are_as_many(held, tags):
            tags = None  # a label of the whole text, say
        if isinstance(held, str):
            words = parted(held, self._request) if tags is None else held.split()
        else:
            words = words_of(held, place)
        found = None if tags is None else tags_of_row(tags, place)
        if found is not None:
            require_as_many(words, found, place)
        return words, found

    def _marked(self, held: Any, spans: Any, place: str) -> Sentence:
        if not isinstance(held, str):
            raise InputError(
                "spans stand beside a list of words",
                where=place,
                expected="spans of a text, in characters, or a tag for each word",
                fix='name the column of the text: text="NAME" (--text NAME)',
            )
        like = self._request.like or TaggedForm()
        return spans_as_tags(
            held, word_places(held, self._units or WORDS, like.marked), spans, place
        )


def _are_spans(held: Any, tags: Any) -> bool:
    """Tell whether what stands for tags are spans: one at least, or none beside words that are text."""
    if isinstance(tags, str) or not hasattr(tags, "__iter__"):
        return False
    found = list(tags)
    are_none = not found and isinstance(held, str)
    return are_none or any(isinstance(each, (list, tuple, Mapping)) for each in found)


def _are_as_many(held: str, tags: Any) -> bool:
    found = tags.split() if isinstance(tags, str) else tags
    return hasattr(found, "__len__") and len(found) == len(held.split())
