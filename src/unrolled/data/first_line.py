"""Whether the first line of a text file names its columns, where rows of text may look like names."""

from __future__ import annotations

import re

import polars as pl

from unrolled.data.delimited import Delimited, is_data, no_rows
from unrolled.data.label_columns import TEXT_NAMES, Request
from unrolled.data.labelled_form import NUMBERS, SEQUENCE
from unrolled.data.numbers import looks_numeric
from unrolled.errors import InputError

_PLACED = re.compile(r"column_[1-9]\d*|value")
_LONGEST_NAME = 60
_MOST_WORDS = 8


def name_columns(rows: Delimited, request: Request) -> Delimited:
    """Take the first row as the names of the columns, or as a row like the others; no row is lost on a guess.

    It names the columns when one of its fields is a usual name or one that the user or the model knows, or is text above
    numbers. It is a row when it holds numbers beside text, a field too long for a name, or a label that comes again.
    A single column has no name unless it is that of a text.

    Raises:
        InputError: it may be either; or there is no row below the names.
    """
    if not _names_columns(rows, request):
        return rows.unnamed()
    table = rows.headed()
    if table.frame.height == 0:
        raise no_rows(rows)
    return table


def _names_columns(rows: Delimited, request: Request) -> bool:
    fields = rows.first()
    lowered = [field.lower() for field in fields]
    if len(fields) == 1:
        of_text = {n for n in (request.text, request.like and request.like.text) if n}
        return lowered[0] in {n.lower() for n in of_text}.union(*TEXT_NAMES)
    if any(field in request.known_names() for field in lowered):
        return True
    named = [name for name in (request.text, request.label) if name]
    if named:
        # By their place, or by a name that is not there: then the error says so.
        return not all(_PLACED.fullmatch(name) for name in named)
    if is_data(fields):
        return False
    below = rows.frame.slice(1)
    columns = list(zip(fields, below.get_columns(), strict=True))
    if _count_up(fields):
        return True
    if any(_is_row(field, cells) for field, cells in columns):
        return False
    if any(not is_data([field]) and looks_numeric(cells) for field, cells in columns):
        return True
    if any(is_data([field]) for field in fields):
        return False
    raise InputError(
        f"this line may be a row or the names of the columns: {', '.join(fields)[:60]!r}",
        where=f"{rows.name}, row {rows.dialect.line}",
        expected=f"numbers: {SEQUENCE}"
        if request.kind == NUMBERS
        else "names as text and label above the rows",
        fix='write them there, or name the columns: text="NAME", label="NAME" (--text NAME --label NAME), '
        "by their place as column_1, column_2 where the file has no names",
    )


def _is_row(field: str, cells: pl.Series) -> bool:
    """Tell whether a field of the first line cannot be a name: too long for one, or a label that comes again."""
    if len(field) > _LONGEST_NAME or len(field.split()) > _MOST_WORDS:
        return True
    return not is_data([field]) and bool((cells.str.strip_chars() == field).any()) and field != ""


def _count_up(fields: list[str]) -> bool:
    """Tell whether the numbers among the fields are 0, 1, 2, ... or 1, 2, 3, ..., as names of steps are."""
    numbers = [field for field in fields if is_data([field])]
    steps = range(len(numbers) + 1)
    return len(numbers) > 2 and numbers in ([*map(str, steps[:-1])], [*map(str, steps[1:])])
