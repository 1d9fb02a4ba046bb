"""How the lines of a file of words and tags are made, told from its beginning."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from unrolled.data.lines import split_lines
from unrolled.data.sources import Source
from unrolled.data.tag_schemes import PLAIN
from unrolled.data.tagged_columns import (
    TagColumns,
    TagRequest,
    find_named,
    find_numbered,
    place_of,
)
from unrolled.data.words import WORDS
from unrolled.errors import InputError

CONLLU = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
PAGE = "-DOCSTART-"
"""What a line of CoNLL-2003 begins with that stands between documents."""

_CONLLU_SUFFIXES = (".conllu", ".conllup")
_COLUMN_SUFFIXES = (*_CONLLU_SUFFIXES, ".conll", ".bio", ".iob", ".iob2", ".bioes", ".bmes", ".csv", ".tsv", ".tab")  # fmt: skip
_GLOBAL = re.compile(r"#\s*global\.columns\s*=\s*(.+)")
_SPACES = re.compile(r"[ \t]+")
_SPAN_TAG = re.compile(r"[BIEMSLUWO]|[BIEMSLUW][-_]\S+")
_TAG = re.compile(r"[A-Z$]+|[^\w\s]+")
_LOOKED_AT = 200


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are made.

    Attributes:
        separator: between columns; None for white space.
        width: columns of a line.
        line: that told it, for messages.
        names: of the columns, where they have some.
        columns: what they hold.
        numbers: the first column numbers the words of a sentence, so that "#" begins none.
        headed: the line that told it names the columns.
        whole: a line holds a sentence.
    """

    separator: str | None
    width: int
    line: int
    names: tuple[str, ...] | None
    columns: TagColumns
    numbers: bool = False
    headed: bool = False
    whole: bool = False

    @cached_property
    def text(self) -> int:
        """The place of the words, counted from 0."""
        place = place_of(self.columns.text, self.names, self.width)
        assert place is not None
        return place

    @cached_property
    def tag(self) -> int | None:
        """The place of the tags."""
        return place_of(self.columns.tag, self.names, self.width)

    @cached_property
    def sentence(self) -> int | None:
        """The place of what tells sentences apart."""
        return place_of(self.columns.sentence, self.names, self.width)

    def fields(self, line: str) -> list[str]:
        """Return the cells of a line."""
        found = fields_of(line, self.separator)
        if self.separator == "," and len(found) != self.width:
            return line.split(",")  # a quote that is a word
        return found

    def name(self, place: int) -> str:
        """Return how a message calls a column."""
        return self.names[place] if self.names else str(place + 1)


def fields_of(line: str, separator: str | None) -> list[str]:
    """Return the cells of a line; only spaces and tabs are white space between them, as others may be words."""
    if separator is None:
        return _SPACES.split(line.strip(" \t"))
    if separator == "," and '"' in line:
        return next(csv.reader([line]))
    return line.split(separator)


def holds_columns(suffix: str, head: str, request: TagRequest) -> bool:
    """Tell whether lines hold columns of words and tags rather than text; where tags are needed, they do.

    They do where the name of the file says so, a column is named, or the lines of the beginning have as many parts
    between tabs, or between spaces when the last of each looks like a tag; or a single word, and empty lines between. One
    line alone with a letter at its end is text: "World War I".
    """
    if request.needs_tags or request.is_named or suffix in _COLUMN_SUFFIXES:
        return True
    lines = split_lines(head)[:_LOOKED_AT]
    lines = lines[:-1] if len(lines) > 1 and not head.endswith(("\n", "\r")) else lines
    data = [line for line in lines if line.strip() and not line.startswith(("# ", PAGE))]
    tabs = {line.count("\t") for line in data}
    if not data or max(tabs) > 0:
        return len(tabs) == 1
    parts = [fields_of(line, None) for line in data]
    widths = set(map(len, parts))
    between = [place for place, line in enumerate(lines) if not line.strip()]
    is_parted = any(0 < place < len(lines) - 1 for place in between)
    if widths == {1}:
        by_character = request.like is not None and request.like.units != WORDS
        return is_parted and not (by_character and any(len(line.strip()) > 1 for line in data))
    tag = _TAG if is_parted and request.like and request.like.scheme == PLAIN else _SPAN_TAG
    lasts = [each[-1] for each in parts]
    tells = len(lasts) > 1 or len(lasts[0]) > 1
    return len(widths) == 1 and tells and all(map(tag.fullmatch, lasts))


def find_layout(
    source: Source, lines: Sequence[str], request: TagRequest, remarks: Sequence[str] = ()
) -> Layout | None:
    """Tell from the first lines of a file how all are made; None where nothing but remarks stands in them.

    Args:
        source: of the lines.
        lines: to look at.
        request: what was asked for.
        remarks: the lines before, which did not tell.

    Raises:
        OptionError: a named column does not exist.
        InputError: which columns hold words and tags cannot be told.
    """
    filled = [
        (number, line)
        for number, line in enumerate(lines, source.line)
        if line.strip() and not line.startswith(PAGE)
    ]
    # "#" may begin a word too; other lines tell more.
    number, first = next((each for each in filled if each[1][0] != "#"), (0, ""))
    if not first:
        return None
    separator = "\t" if "\t" in first else "," if source.suffix == ".csv" else None
    fields = fields_of(first, separator)
    width, name = len(fields), source.name
    names = _declared(source, [*remarks, *lines], fields)
    if names:
        columns = find_named(name, names, request)
        layout = Layout(separator, len(names), number, names, columns, names[0] == "ID")
        if width != layout.width:
            raise wrong_width(f"{name}, line {number}", width, layout)
        return layout
    below = [line for at, line in filled if at > number]
    if request.names_columns(fields, alone=separator == ","):
        names = tuple(field.strip() for field in fields)
        columns = find_named(name, names, request)
        layout = Layout(separator, width, number, names, columns, headed=True)
        return _whole(layout, below[0], request) if below else layout
    tags = [fields_of(line, separator)[-1] for line in below]
    if separator == "," and not (_SPAN_TAG.fullmatch(fields[-1]) or fields[-1] in tags):
        raise _may_be_names(f"{name}, line {number}", first)
    numbers = width > 2 and _count_up(lines[number - source.line :], separator)
    columns = find_numbered(name, width, 2 if numbers else 1, request)
    return _whole(Layout(separator, width, number, None, columns, numbers), first, request)


def wrong_width(place: str, width: int, layout: Layout) -> InputError:
    """Return the error for a line that has not the columns of the others."""
    return InputError(
        f"this line has {width} column{'' if width == 1 else 's'}",
        where=place,
        expected=f"{layout.width}, as {', '.join(layout.names)}"
        if layout.names and layout.width <= len(CONLLU)
        else f"{layout.width}, as in line {layout.line}",
        fix="give each word its tag in a line of its own, and put an empty line after each sentence",
    )


def _may_be_names(place: str, line: str) -> InputError:
    return InputError(
        f"this line may be a word with its tag, or the names of the columns: {line[:60]!r}",
        where=place,
        expected="names as token and tag above the words",
        fix='write them there, or name the columns: text="NAME", tag="NAME" (--text NAME --tag NAME)',
    )


def _declared(
    source: Source, lines: Sequence[str], fields: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the names of columns that CoNLL-U has, or that its first line declares."""
    for line in lines[:_LOOKED_AT]:
        if found := _GLOBAL.match(line):
            return tuple(found[1].split())
    counts = len(fields) == len(CONLLU) and re.fullmatch(r"1(-\d+)?", fields[0])
    return CONLLU if counts or source.suffix in _CONLLU_SUFFIXES else None


def _count_up(lines: Sequence[str], separator: str | None) -> bool:
    """Tell whether the first column of the first sentence is 1, 2, 3, ...; a whole one of a single word does not tell."""
    sentence = list(takewhile(str.strip, lines[:_LOOKED_AT]))
    numbers = [fields_of(line, separator)[0] for line in sentence]
    is_counted = numbers == [str(number + 1) for number in range(len(numbers))]
    return is_counted and (len(numbers) > 1 or len(lines) == 1)


def _whole(layout: Layout, line: str, request: TagRequest) -> Layout:
    """Return the layout of lines that hold a sentence each, where this one does."""
    fields = layout.fields(line)
    if layout.separator is None or len(fields) != layout.width or layout.sentence is not None:
        return layout
    words = len(fields[layout.text].split())
    if words < 2:
        return layout
    if layout.tag is not None and len(fields[layout.tag].split()) == words:
        return replace(layout, whole=True)
    if request.needs_tags:
        return layout
    return replace(layout, whole=True, columns=replace(layout.columns, tag=None))
