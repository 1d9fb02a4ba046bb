"""Sentences with their tags from Python sequences, dicts and dataframes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from unrolled.data.arrays import is_pair
from unrolled.data.pair_rows import checked_text, short
from unrolled.data.tables import load_table
from unrolled.data.tagged_columns import TagRequest
from unrolled.data.tagged_form import TAGGED_ROW, TaggedForm
from unrolled.data.tagged_lines import parted, require_as_many
from unrolled.data.tagged_pieces import TaggedPiece
from unrolled.data.tagged_rows import row_pieces
from unrolled.data.tagged_values import tags_of_row, words_of
from unrolled.errors import InputError

_MANY = (list, tuple)


def memory_pieces(source: Any, request: TagRequest) -> Iterator[TaggedPiece]:
    """Yield the sentences that an object holds.

    Raises:
        OptionError: a named column does not exist.
        InputError: it holds none, or tags are missing, or more or fewer than words; the row is named.
    """
    if is_pair(source):
        yield _from_sides(*source)
    elif (rows := _records(source)) is not None:
        yield from row_pieces([(rows, "input", _where)], request)
    else:
        yield _from_sentences(source, request)


def _from_sentences(source: Any, request: TagRequest) -> TaggedPiece:
    if not hasattr(source, "__iter__") or isinstance(source, (str, bytes)):
        raise InputError(
            f"sentences cannot be read from an object of type {type(source).__name__}",
            expected="a path, (sentences, tags), a list of sentences, a list of dicts or a dataframe",
        )
    sentences = list(source)
    tokens = [
        list(each) for each in sentences if not isinstance(each, str) and hasattr(each, "__iter__")
    ]
    if any(isinstance(words[0], _MANY) for words in tokens if words):
        return _from_couples(sentences)
    read = [
        parted(checked_text(each, _where(row)), request)
        if isinstance(each, str)
        else words_of(each, _where(row))
        for row, each in enumerate(sentences)
    ]
    return TaggedPiece(read, None, TaggedForm(), _where)


def _records(source: Any) -> list[Any] | None:
    """Return the rows of a table; None for what is none."""
    if isinstance(source, Mapping):
        columns = {str(name): list(values) for name, values in source.items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(
                f"the columns have {', '.join(f'{n} ({name})' for name, n in lengths.items())} rows",
                where="input",
                expected="columns of one length",
            )
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if isinstance(source, pl.DataFrame):
        return source.to_dicts()
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        return source.to_dict("records")
    if isinstance(source, _MANY):
        return list(source) if source and isinstance(source[0], Mapping) else None
    if hasattr(source, "__dataframe__"):
        return load_table(source, example=TAGGED_ROW).frame.to_dicts()
    return None


def _from_sides(sentences: Any, tags: Any) -> TaggedPiece:
    if len(sentences) != len(tags):
        raise InputError(
            f"there are {len(sentences)} sentences and tags for {len(tags)}",
            where="input",
            expected="as many of both",
        )
    read, found = [], []
    for row, (sentence, its_tags) in enumerate(zip(sentences, tags, strict=True)):
        words = sentence.split() if isinstance(sentence, str) else words_of(sentence, _where(row))
        read.append(words)
        found.append(tags_of_row(its_tags, _where(row)))
        require_as_many(words, found[-1], _where(row))
    return TaggedPiece(read, found, TaggedForm(), _where)


def _from_couples(sentences: Sequence[Any]) -> TaggedPiece:
    """Take sentences whose words stand with their tags."""
    words, tags = [], []
    for row, sentence in enumerate(sentences):
        for couple in sentence:
            if not isinstance(couple, _MANY) or len(couple) != 2:
                raise InputError(
                    f"{short(couple)} is no word with its tag",
                    where=_where(row),
                    expected="(word, tag)",
                )
        words.append(words_of([word for word, _ in sentence], _where(row)))
        tags.append(tags_of_row([tag for _, tag in sentence], _where(row)))
    return TaggedPiece(words, tags, TaggedForm(), _where)


def _where(row: int) -> str:
    return f"input, row {row}"
