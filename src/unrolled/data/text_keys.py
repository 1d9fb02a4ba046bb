"""Under which name documents stand in rows of JSON or in a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any, Literal

import polars as pl

from unrolled.data.delimited import Delimited, is_data, no_rows
from unrolled.data.document_form import DocumentsForm
from unrolled.data.label_columns import CLASSIFIED_NAMES
from unrolled.data.numbers import looks_numeric
from unrolled.data.usual_names import Tiers, usual_columns
from unrolled.errors import InputError, OptionError, unknown_option

DOCUMENT_NAMES: Tiers = (
    ("text", "文本"),
    ("paragraphs", "lines", "content", "poem", "verses", "document", "article", "story", "诗", "詩", "正文", "内容"),
    ("body", "sentence", "p", "文章"),
    CLASSIFIED_NAMES,
)  # fmt: skip
PROMPT_NAMES: Tiers = (("prompt", "提示"), *DOCUMENT_NAMES)
Kind = Literal["", "text", "lines"]
"""What stands under a name: neither, texts, or lists of lines."""
TEXT: Kind = "text"
LINES: Kind = "lines"
_PLACED = re.compile(r"column_[1-9]\d*|value")
_LONGEST_NAME, _MOST_WORDS, _SHOWN = 60, 8, 8


@dataclass(frozen=True)
class TextRequest:
    """What the user named, and what a model knows.

    Attributes:
        text: the column, or the key of JSON, that holds the documents.
        like: the form of a model.
        names: usual names of such columns.
    """

    text: str | None = None
    like: DocumentsForm | None = None
    names: Tiers = DOCUMENT_NAMES

    def known_names(self) -> set[str]:
        """Return the names, in small letters, by which a first line is told to name the columns."""
        named = (self.text, self.like and self.like.text)
        return {name.lower() for name in named if name}.union(*self.names)


def choose_key(
    keys: Mapping[str, Kind], request: TextRequest, where: str
) -> tuple[str, tuple[str, ...]]:
    """Return under which of ``keys`` the documents stand, and notes: the user's, the model's, a usual one, the only one.

    Args:
        keys: the names that there are, and what stands there.
        request: see there.
        where: for messages.

    Raises:
        OptionError: the user's does not exist.
        InputError: none holds text, or several do.
    """
    names = list(keys)
    if request.text is not None:
        if request.text not in names:
            error = unknown_option("text", request.text, names)
            problem = f"there is no {request.text!r} (text)"
            raise OptionError(problem, where=where, expected=error.expected, fix=error.fix)
        return request.text, ()
    notes: tuple[str, ...] = ()
    if request.like and request.like.text:
        if request.like.text in names:
            return request.like.text, ()
        notes = (
            f"{where}: there is no {request.like.text!r}, which the model was trained on; another is read",
        )
    readable = [name for name, kind in keys.items() if kind]
    of_lines = [name for name, kind in keys.items() if kind == LINES]
    found = usual_columns(readable, request.names)
    if not found:
        # Single texts beside lists of lines are titles and names.
        found = of_lines if len(of_lines) == 1 else readable
    # Where nothing is readable, the row that is none of a text is named when it is read.
    found = found or usual_columns(names, request.names)
    if len(found) == 1:
        return found[0], notes
    listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    example = found[0] if found else "NAME"
    raise InputError(
        f"which of {listed} is the text cannot be told"
        if found
        else f"there is no text; there is {listed}",
        where=where,
        expected="texts, or lists of lines, under the name text",
        fix=f'name it: text="{example}" (--text {quote(example)})',
    )


def key_of_table(
    frame: pl.DataFrame, request: TextRequest, where: str
) -> tuple[str, tuple[str, ...]]:
    """Return the column of the documents, and notes; see `choose_key`."""
    return choose_key({cells.name: _kind_of_cells(cells) for cells in frame}, request, where)


def key_of_rows(
    rows: Sequence[Mapping[str, Any]], request: TextRequest, where: str
) -> tuple[str, tuple[str, ...]]:
    """Return the key of the documents in rows of JSON, and notes; see `choose_key`."""
    keys: dict[str, Kind] = {}
    for row in rows:
        for key, value in row.items():
            keys[key] = keys.get(key) or _kind_of_value(value)
    return choose_key(keys, request, where)


def name_text_column(rows: Delimited, request: TextRequest) -> Delimited:
    """Take the first row as the names of the columns, or as a row like the others; no row is lost on a guess.

    Raises:
        InputError: it may be either; or there is no row below the names.
    """
    if not _names_columns(rows, request):
        return rows.unnamed()
    table = rows.headed()
    if table.frame.height == 0:
        raise no_rows(rows)
    return table


def _names_columns(rows: Delimited, request: TextRequest) -> bool:
    fields, below = rows.first(), rows.frame.slice(1)
    if any(field.lower() in request.known_names() for field in fields):
        return True
    if request.text:
        # By its place, or by a name that is not there: then the error says so.
        return not _PLACED.fullmatch(request.text)
    is_long = any(len(each) > _LONGEST_NAME or len(each.split()) > _MOST_WORDS for each in fields)
    if len(fields) == 1 or is_long or is_data(fields):
        return False
    columns = zip(fields, below.get_columns(), strict=True)
    if any(not is_data([field]) and looks_numeric(cells) for field, cells in columns):
        return True
    if any(is_data([field]) for field in fields):
        return False
    raise InputError(
        f"this line may be a row or the names of the columns: {', '.join(fields)[:60]!r}",
        where=f"{rows.name}, row {rows.dialect.line}",
        expected="names above the rows, text for that of the documents",
        fix='write them there, or name the column: text="NAME" (--text NAME), by its place as column_1 where there are no names',
    )


def _kind_of_cells(cells: pl.Series) -> Kind:
    if isinstance(cells.dtype, (pl.List, pl.Array)):
        return LINES if cells.dtype.inner == pl.String else ""
    return TEXT if cells.dtype == pl.String and not looks_numeric(cells) else ""


def _kind_of_value(value: Any) -> Kind:
    if isinstance(value, (list, tuple)):
        return LINES if value and isinstance(value[0], str) else ""
    return TEXT if isinstance(value, str) else ""
