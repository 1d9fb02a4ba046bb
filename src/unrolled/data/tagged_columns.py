"""Which column holds the words of sentences, which their tags, and which tells one sentence from the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unrolled.data.tagged_form import TaggedForm
from unrolled.data.usual_names import Tiers, usual_columns
from unrolled.errors import InputError, OptionError, unknown_option

WORD_NAMES: Tiers = (
    ("tokens", "token", "words", "word", "form", "字", "词"),
    ("text", "sentence", "content", "文本", "句子"),
)
TAG_NAMES: Tiers = (
    ("tags", "tag", "labels", "label", "标签"),
    ("ner_tags", "ner_tag", "ner", "spans", "entities", "entity", "bio", "iob"),
    ("upos", "pos_tags", "pos_tag", "pos", "xpos", "chunk_tags", "chunk"),
)
SENTENCE_NAMES: Tiers = (
    ("sentence #", "sentence_id", "sent_id", "sentence_idx", "sentence_number", "sentence_no", "句子编号"),
    ("sentence", "sent"),
)  # fmt: skip
LAST = "-1"
"""The last column, by its number."""


@dataclass(frozen=True)
class TagRequest:
    """What the user named, and what a model knows.

    Attributes:
        text: the column of the words.
        tag: the column of the tags.
        like: the form of a model.
        needs_tags: sentences without tags are of no use.
    """

    text: str | None = None
    tag: str | None = None
    like: TaggedForm | None = None
    needs_tags: bool = True

    @property
    def is_named(self) -> bool:
        """Whether the user named a column."""
        return self.text is not None or self.tag is not None

    def names_columns(self, fields: Sequence[str], *, alone: bool = False) -> bool:
        """Tell whether the fields of a first line are names of columns: of words, and of tags or sentences.

        One of words ``alone`` is enough where no tags are needed and such a line is expected.
        """
        lowered = {field.strip().lower() for field in fields}
        if any(name and not _is_number(name) and name in fields for name in (self.text, self.tag)):
            return True
        like = self.like
        if like and like.text in fields and (like.tag in fields or len(fields) == 1):
            return True
        others = set().union(*TAG_NAMES, SENTENCE_NAMES[0])
        alone = alone and not self.needs_tags
        return bool(lowered & set().union(*WORD_NAMES)) and (alone or bool(lowered & others))


@dataclass(frozen=True)
class TagColumns:
    """The columns of one file by what they are; each as a form calls it.

    Attributes:
        text: of the words.
        tag: of the tags, or None.
        sentence: of what tells sentences apart, or None.
        notes: what was taken otherwise than it is usual.
    """

    text: str
    tag: str | None
    sentence: str | None = None
    notes: tuple[str, ...] = ()


def find_named(name: str, columns: Sequence[str], request: TagRequest) -> TagColumns:
    """Tell the columns of a file, or of rows, that have names.

    Both by the user's names or numbers, then by the model's, then by their usual names.

    Raises:
        OptionError: a named column does not exist.
        InputError: a column cannot be told.
    """
    like, notes = request.like, list[str]()
    text = _called(name, columns, "text", request.text)
    tag = _called(name, columns, "tag", request.tag) if _wants_tag(columns, request) else None
    if like and text is None and like.text in columns:
        text = like.text
    is_missing = request.tag is not None and tag is None
    if like and tag is None and like.tag in columns and not is_missing:
        tag = like.tag
    free = [column for column in columns if column not in (text, tag)]
    if tag is None and not is_missing:
        tag = next(iter(usual_columns(free, TAG_NAMES)), None)
        free = [column for column in free if column != tag]
    if text is None:
        text = next(iter(usual_columns(free, WORD_NAMES)), None)
        free = [column for column in free if column != text]
        if text is not None and like and like.text and not _is_number(like.text):
            notes.append(
                f"{name}: there is no column {like.text!r}, which the model was trained on; {text!r} is read"
            )
    if text is None or (tag is None and request.needs_tags):
        raise _not_told(name, columns, "text" if text is None else "tag")
    sentence = next(iter(usual_columns(free, SENTENCE_NAMES)), None)
    unused = [column for column in free if column != sentence]
    if unused and not like:
        shown = ", ".join(unused[:8]) + (", ..." if len(unused) > 8 else "")
        held = f"{text} holds the words" + (f" and {tag} the tags" if tag else "")
        notes.append(f"{name}: {held}; columns not used: {shown}")
    return TagColumns(text, tag, sentence, tuple(notes))


def find_numbered(name: str, width: int, first: int, request: TagRequest) -> TagColumns:
    """Tell the columns of a file without names: the first of words and the last, unless they are named.

    Args:
        name: of the file.
        width: its columns.
        first: the column of words where none is named, counted from 1.
        request: what was named.

    Raises:
        OptionError: a named column does not exist.
        InputError: there is one column, and tags are needed.
    """
    numbers = [str(number) for number in range(1, width + 1)]
    like = request.like
    text = _called(name, numbers, "text", request.text)
    if text is None:
        text = _words_of_model(like, width, first)
    tag = None
    if request.tag is not None and (request.needs_tags or _place(request.tag, width) is not None):
        _called(name, numbers, "tag", request.tag)
        tag = request.tag
    elif like and _is_number(like.tag) and _place(str(like.tag), width) is not None:
        tag = like.tag
    elif width > 1 and int(text) != width:
        tag = LAST
    if tag is not None and _place(tag, width) == int(text) - 1:
        tag = None
    if tag is None and request.needs_tags:
        raise InputError(
            "there is one column and no tags" if width == 1 else "the words are the last column",
            where=name,
            expected="a word and its tag in each line",
            fix="give a file with tags" if width == 1 else _option("tag", "NUMBER"),
        )
    if tag is None or width == 2 or request.is_named or like:
        return TagColumns(text, tag)
    held = f"{text} holds the words and {numbers[int(tag) - (int(tag) > 0)]} the tags"
    note = f"{name}: of {width} columns, {held}; name others: {_option('tag', 'NUMBER')}"
    return TagColumns(text, tag, None, (note,))


def _words_of_model(like: TaggedForm | None, width: int, first: int) -> str:
    """Return the column of words as the model's, unless it numbers the words here, or would leave none for tags."""
    place = _place(str(like.text), width) if like and _is_number(like.text) else None
    is_other = place is None or place + 1 < first or (place + 1 == width > 1)
    return str(first) if is_other or like is None else str(like.text)


def place_of(column: str | None, names: Sequence[str] | None, width: int) -> int | None:
    """Return where a column stands, counted from 0; None where there is none."""
    if column is None:
        return None
    return names.index(column) if names else _place(column, width)


def _place(number: str, width: int) -> int | None:
    place = int(number)
    place = place + width if place < 0 else place - 1
    return place if 0 <= place < width else None


def _is_number(name: str | None) -> bool:
    return bool(name) and str(name).removeprefix("-").isdecimal()


def _wants_tag(columns: Sequence[str], request: TagRequest) -> bool:
    """Where no tags are needed, a column of them that was named may be missing."""
    if request.tag is None or request.needs_tags or request.tag in columns:
        return True
    return _is_number(request.tag) and _place(request.tag, len(columns)) is not None


def _called(name: str, columns: Sequence[str], role: str, column: str | None) -> str | None:
    """Return the column that the user means by its name, in letters of any size, or by its number.

    Raises:
        OptionError: there is none.
    """
    if column is None or column in columns:
        return column
    for each in columns:
        if each.lower() == column.lower():
            return each
    if _is_number(column) and (place := _place(column, len(columns))) is not None:
        return columns[place]
    error = unknown_option(role, column, columns)
    raise OptionError(
        f"there is no column {column!r} ({role})",
        where=name,
        expected=error.expected,
        fix=error.fix,
    )


def _not_told(name: str, columns: Iterable[str], role: str) -> InputError:
    what = "words" if role == "text" else "tags"
    return InputError(
        f"which column holds the {what} cannot be told: {', '.join(list(columns)[:8])}",
        where=name,
        expected=f"one called {'tokens' if role == 'text' else 'tags'}",
        fix=f"name it: {_option(role, 'NAME')}",
    )


def _option(role: str, value: str) -> str:
    """Return how a column is named for a role, in Python and on the command line."""
    return f'{role}="{value}" (--{role} {value})'
