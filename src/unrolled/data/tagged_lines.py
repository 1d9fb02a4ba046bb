"""Sentences from lines: a word and its tag in each, as CoNLL has it; a sentence in each; or text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from unrolled.data.lines import split_lines
from unrolled.data.pieces import Where
from unrolled.data.sources import Source, decode
from unrolled.data.tagged_columns import TagRequest
from unrolled.data.tagged_form import TaggedForm
from unrolled.data.tagged_layout import PAGE, Layout, find_layout, wrong_width
from unrolled.data.tagged_pieces import TaggedPiece
from unrolled.data.words import split_words
from unrolled.errors import InputError

LONG = 1000
"""Words of a sentence that is likely more than one."""

_NODE = re.compile(r"\d+[-.]\d+")
_REMARK = re.compile(r"#.*\s=\s")


def text_pieces(sources: Iterable[Source], request: TagRequest) -> Iterator[TaggedPiece]:
    """Yield a sentence for every line of text, one without words for an empty line."""
    for source in sources:
        lines = split_lines(decode(source))
        sentences = [parted(line, request) for line in lines]
        numbers = range(source.line, source.line + len(lines))
        yield TaggedPiece(sentences, None, TaggedForm(), _where(source.name, numbers))


def parted(text: str, request: TagRequest) -> list[str]:
    """Return the words of a text, as the model's form parts it."""
    like = request.like or TaggedForm()
    return split_words(text, like.units, like.marked)


def column_pieces(sources: Iterable[Source], request: TagRequest) -> Iterator[TaggedPiece]:
    """Yield the sentences of a file of columns, those that end in a source as soon as it is there."""
    reader = ColumnReader(request)
    for source in sources:
        yield reader.read(source)
    yield reader.rest()


class ColumnReader:
    """Reads the lines of a file, some at a time."""

    def __init__(self, request: TagRequest) -> None:
        self._request = request
        self._layout: Layout | None = None
        self._name = ""
        self._notes: tuple[str, ...] = ()
        self._words: list[str] = []
        self._tags: list[str] = []
        self._line = 0
        self._sentence = ""
        self._remarks: list[str] = []
        self._ends = 0
        self._has_tags = True
        self._is_long = False
        self._done: tuple[list[list[str]], list[list[str]], list[int]] = [], [], []

    def read(self, source: Source) -> TaggedPiece:
        """Return the sentences that have ended.

        Raises:
            InputError: a line has more or fewer columns than the first, or a word or a tag is missing.
        """
        self._name = source.name
        lines = split_lines(decode(source))
        if self._layout is None:
            self._layout = find_layout(source, lines, self._request, self._remarks)
            self._notes = self._layout.columns.notes if self._layout else ()
            self._remarks += lines
        if self._layout:
            for number, line in enumerate(lines, source.line):
                self._add(number, line, self._layout)
        return self._ended()

    def rest(self) -> TaggedPiece:
        """Return the last sentence, which no empty line has ended.

        Raises:
            InputError: it is the only one of a file to learn from, and a long one.
        """
        is_all = not self._ends and len(self._words) > LONG and self._request.needs_tags
        if is_all:
            raise InputError(
                f"no empty line ends a sentence in {len(self._words):,} lines of words",
                where=f"{self._name}, line {self._line} and on",
                expected="an empty line after each sentence",
                fix="put one there, or after each paragraph",
            )
        self._end()
        return self._ended()

    def _add(self, number: int, line: str, layout: Layout) -> None:
        if not line or line.isspace() or line.startswith(PAGE):
            self._end()
            return
        fields = layout.fields(line)
        if line[0] == "#" and self._is_remark(line, fields, layout):
            return
        if layout.headed and number == layout.line:
            return
        place = f"{self._name}, line {number}"
        if len(fields) != layout.width:
            raise wrong_width(place, len(fields), layout)
        if layout.numbers and not fields[0].isdecimal():
            if _NODE.fullmatch(fields[0]):
                return  # what is written as one word, or not at all, beside its words
            raise InputError(
                f"{fields[0]!r} is no number of a word",
                where=f"{place}, column {layout.name(0)}",
                expected="1, 2, 3, ... in each sentence",
            )
        if not self._words:
            self._line = number
        if layout.whole:
            self._take_sentence(fields, layout, place)
        else:
            self._take_word(number, fields, layout, place)

    def _is_remark(self, line: str, fields: Sequence[str], layout: Layout) -> bool:
        if layout.numbers:
            return True
        return not self._words and (len(fields) != layout.width or _REMARK.match(line) is not None)

    def _take_word(self, number: int, fields: list[str], layout: Layout, place: str) -> None:
        if layout.sentence is not None:
            sentence = fields[layout.sentence].strip()
            if sentence not in ("", self._sentence):
                self._end()
                self._sentence, self._line = sentence, number
        word, tag = fields[layout.text], "" if layout.tag is None else fields[layout.tag].strip()
        if not word.strip(" ") or (not tag and self._request.needs_tags):
            at = layout.tag if word.strip(" ") else layout.text
            raise InputError(
                f"the {'tag' if word.strip(' ') else 'word'} is missing",
                where=f"{place}, column {layout.name(at or 0)}",
                expected="a word and its tag in each line",
                fix="write it, or remove the line",
            )
        self._words.append(word)
        self._tags.append(tag)
        self._has_tags = self._has_tags and bool(tag)

    def _take_sentence(self, fields: list[str], layout: Layout, place: str) -> None:
        text = fields[layout.text]
        if layout.tag is None:
            self._words = parted(text, self._request)
        else:
            self._words, self._tags = text.split(), fields[layout.tag].split()
            require_as_many(self._words, self._tags, place)
        self._end()

    def _end(self) -> None:
        if self._words:
            if len(self._words) > LONG and not self._is_long:
                self._is_long = True
                said = f"this sentence has {len(self._words):,} words"
                self._notes += (
                    f"{self._name}, line {self._line}: {said}; an empty line may be missing in it",
                )
            self._ends += 1
            sentences, tags, lines = self._done
            sentences.append(self._words)
            tags.append(self._tags)
            lines.append(self._line)
            self._words, self._tags = [], []

    def _ended(self) -> TaggedPiece:
        (sentences, tags, lines), self._done = self._done, ([], [], [])
        notes, self._notes = self._notes, ()
        if self._layout is None:
            return TaggedPiece(sentences, None, TaggedForm(), _where(self._name, lines))
        columns = self._layout.columns
        form = TaggedForm(columns.text, columns.tag, columns.sentence)
        has_tags = columns.tag is not None and self._has_tags
        where = _where(self._name, lines)
        return TaggedPiece(sentences, tags if has_tags else None, form, where, notes)


def require_as_many(words: Sequence[str], tags: Sequence[str], place: str) -> None:
    """Refuse a sentence whose words and tags differ in number."""
    if len(words) != len(tags):
        raise InputError(
            f"there are {len(words)} words and {len(tags)} tags",
            where=place,
            expected="a tag for each word",
        )


def _where(name: str, lines: Sequence[int]) -> Where:
    return lambda row: f"{name}, line {lines[row]}"
