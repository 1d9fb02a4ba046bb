"""Sentences from rows that hold a word each, and the number of its sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.data.pieces import Where
from unrolled.data.tagged_columns import TagColumns
from unrolled.data.tagged_form import TAGGED_ROW, TaggedForm
from unrolled.data.tagged_pieces import TaggedPiece
from unrolled.data.tagged_values import text_of
from unrolled.errors import InputError

_LOOKED_AT = 1000


def are_words(
    rows: Sequence[Mapping[str, Any]], columns: TagColumns, where: Where, *, needs_tags: bool
) -> bool:
    """Tell whether each row holds a word, of what was written as text: with one tag, where there are tags.

    Raises:
        InputError: it does, and nothing tells the sentences apart.
    """
    looked = rows[:_LOOKED_AT]
    words = _held(looked, columns.text)
    if len(looked) < 2 or not words or not all(isinstance(word, str) for word in words):
        return False
    found = all(map(_is_one, _held(looked, columns.tag) or words))
    if found and columns.sentence is None and needs_tags:
        raise InputError(
            "each row holds one word, and no column tells the sentences apart",
            where=f"{where(0)} and on",
            expected=f"a column sentence_id, or a sentence in each row, as {TAGGED_ROW}",
            fix="add the number of its sentence to each row",
        )
    return found and columns.sentence is not None


def _held(rows: Sequence[Mapping[str, Any]], column: str | None) -> list[Any]:
    values = [row.get(column) for row in rows] if column else []
    return [value for value in values if value is not None]


def _is_one(value: Any) -> bool:
    return len(value.split()) == 1 if isinstance(value, str) else not hasattr(value, "__iter__")


class WordRows:
    """Makes sentences of rows that come some at a time: one ends where the next begins, or with the rows.

    Attributes:
        form: the columns.
        needs_tags: a tag may not be missing.
    """

    def __init__(self, form: TaggedForm, *, needs_tags: bool) -> None:
        self.form, self.needs_tags = form, needs_tags
        self._open: list[tuple[Mapping[str, Any], str]] = []
        self._number: Any = None

    def read(self, rows: Sequence[Mapping[str, Any]], where: Where) -> TaggedPiece:
        """Return the sentences that have ended; a row without a number belongs to the one before.

        Raises:
            InputError: a word is missing, or a tag that is needed.
        """
        ended = []
        for place, row in enumerate(rows):
            number = row.get(str(self.form.sentence))
            # NaN, which is not itself, is what pandas has where nothing stands.
            is_blank = number is None or number == "" or number != number
            if not is_blank and number != self._number:
                self._number = number
                ended.append(self._open)
                self._open = []
            self._open.append((row, where(place)))
        return self._piece(ended)

    def rest(self) -> TaggedPiece:
        """Return the last sentence."""
        ended, self._open = [self._open], []
        return self._piece(ended)

    def _piece(self, ended: list[list[tuple[Mapping[str, Any], str]]]) -> TaggedPiece:
        ended = [members for members in ended if members]
        sentences, tags = [], []
        for members in ended:
            sentences.append([text_of(row.get(str(self.form.text)), at) for row, at in members])
            found = [(row.get(str(self.form.tag)), at) for row, at in members]
            if self.needs_tags or None not in [tag for tag, _ in found]:
                tags.append([text_of(tag, at) for tag, at in found])
        has_tags = self.form.tag is not None and len(tags) == len(sentences)
        starts = [members[0][1] for members in ended]
        return TaggedPiece(sentences, tags if has_tags else None, self.form, starts.__getitem__)
