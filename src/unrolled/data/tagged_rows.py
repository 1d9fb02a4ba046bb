"""Sentences from rows of JSON, of Parquet and from memory: lists of words and of tags, or text with its spans."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from unrolled.data.lines import split_lines
from unrolled.data.pair_rows import checked_text, short
from unrolled.data.pieces import Where
from unrolled.data.script import text_form
from unrolled.data.sources import Source, decode
from unrolled.data.tagged_columns import TagColumns, TagRequest, find_named
from unrolled.data.tagged_form import TAGGED_ROW, TaggedForm
from unrolled.data.tagged_lines import parted, require_as_many
from unrolled.data.tagged_pieces import TaggedPiece
from unrolled.data.tagged_spans import spans_as_tags
from unrolled.data.words import MIXED, WORDS, word_places
from unrolled.errors import InputError

Sentence = tuple[list[str], list[str] | None]


def json_pieces(sources: Iterable[Source], request: TagRequest) -> Iterator[TaggedPiece]:
    """Yield the sentences of JSONL, one object in a line, or of one array of objects."""
    reader = RowReader(request)
    for source in sources:
        text, name = decode(source), source.name
        if text.lstrip().startswith("["):
            rows = _parsed(text, name, source.line)
            yield reader.read(rows, name, lambda row, name=name: f"{name}, row {row + 1}")  # type: ignore[misc]
            continue
        lines = [
            (number, line)
            for number, line in enumerate(split_lines(text), source.line)
            if line.strip()
        ]
        rows = [_parsed(line, name, number) for number, line in lines]
        yield reader.read(rows, name, _at_lines(name, [number for number, _ in lines]))


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
    """Reads rows that are mappings, some at a time: what the first told of their columns holds for all."""

    def __init__(self, request: TagRequest) -> None:
        self._request = request
        self._columns: TagColumns | None = None
        self._units = request.like.units if request.like else None

    def read(self, rows: Sequence[Any], name: str, where: Where) -> TaggedPiece:
        """Return the sentences of some rows; those of a word each must be all rows there are.

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
        notes: tuple[str, ...] = ()
        if self._columns is None and rows:
            self._columns = find_named(name, [str(column) for column in rows[0]], self._request)
            notes = self._columns.notes
        columns = self._columns or TagColumns("tokens", None)
        form = TaggedForm(columns.text, columns.tag, columns.sentence)
        if _is_long(rows, columns, self._request, where):
            return _long(rows, columns, form, where, notes)
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
        if tags is not None and not isinstance(tags, str) and _are_spans(held, tags):
            return self._marked(held, tags, place)
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
    """Tell whether what stands for tags are spans: none of them is a name, or words are text and there is none."""
    tags = list(tags)
    return any(isinstance(each, (list, tuple, Mapping)) for each in tags) or (
        isinstance(held, str) and not tags
    )


def words_of(held: Any, place: str) -> list[str]:
    """Return a sentence given as a list of words.

    Raises:
        InputError: it is none, or one of them is no text or holds nothing.
    """
    return _texts(held, "word", place)


def tags_of_row(held: Any, place: str) -> list[str]:
    """Return the tags of a sentence, as a list or as a text with spaces between them; whole numbers are names.

    Raises:
        InputError: it is none of them.
    """
    return held.split() if isinstance(held, str) else _texts(held, "tag", place)


def _texts(held: Any, what: str, place: str) -> list[str]:
    if isinstance(held, (Mapping, bytes)) or not hasattr(held, "__iter__"):
        raise InputError(f"{short(held)} is no list of {what}s", where=place, expected=f"{what}s")
    texts = []
    for number, value in enumerate(held, 1):
        at = f"{place}, {what} {number}"
        # Whole numbers, of NumPy too, but not True.
        is_number = hasattr(value, "__index__") and not isinstance(value, bool)
        text = str(value) if is_number else checked_text(value, at)
        if not text.strip(" "):
            raise InputError(
                f"the {what} is empty",
                where=at,
                expected="something in each",
                fix="leave it out, its tag too",
            )
        texts.append(text)
    return texts


def _is_long(rows: Sequence[Any], columns: TagColumns, request: TagRequest, where: Where) -> bool:
    """Tell whether a row holds a word of a sentence.

    Raises:
        InputError: it seems so, and nothing tells the sentences apart.
    """
    held = [values.get(columns.text) for values in rows[:1000]]
    are_words = len(held) > 1 and all(
        isinstance(each, str) and len(each.split()) == 1 for each in held
    )
    if are_words and columns.sentence is None and request.needs_tags:
        raise InputError(
            "each row holds one word, and no column tells the sentences apart",
            where=f"{where(0)} and on",
            expected=f"a column sentence_id, or a sentence in each row, as {TAGGED_ROW}",
            fix="add the number of the sentence to each row",
        )
    return are_words and columns.sentence is not None


def _long(
    rows: Sequence[Mapping[str, Any]],
    columns: TagColumns,
    form: TaggedForm,
    where: Where,
    notes: tuple[str, ...],
) -> TaggedPiece:
    """Return the sentences of rows that hold a word each; one that does not number its sentence belongs to that before."""
    number: Any = None
    numbers = []
    for values in rows:
        given = values.get(str(columns.sentence))
        # NaN is what pandas has for a cell without a value.
        number = number if given is None or given == "" or given != given else given
        numbers.append(number)
    sentences, tags, starts = [], [], []
    for _, group in groupby(range(len(rows)), key=numbers.__getitem__):
        members = list(group)
        starts.append(members[0])
        words = [[values.get(columns.text)] for values in map(rows.__getitem__, members)]
        sentences.append(
            [words_of(word, where(row))[0] for word, row in zip(words, members, strict=True)]
        )
        if columns.tag:
            held = [[rows[row].get(columns.tag)] for row in members]
            tags.append(
                [tags_of_row(tag, where(row))[0] for tag, row in zip(held, members, strict=True)]
            )
    return TaggedPiece(
        sentences, tags if columns.tag else None, form, lambda row: where(starts[row]), notes
    )
