"""Which column of a table holds the texts that are read, and which those that are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from shlex import quote

from unrolled.data.label_columns import numbers_rows
from unrolled.data.pair_form import PairsForm
from unrolled.data.tables import Table
from unrolled.data.usual_names import Tiers, ambiguous_column, take_column, usual_columns
from unrolled.errors import InputError

SOURCE_NAMES: Tiers = (
    ("source", "src", "source_text", "原文", "源文"),
    ("text", "document", "article", "body", "dialogue", "content", "正文", "文章", "文本"),
    ("input", "sentence", "question", "内容"),
)
TARGET_NAMES: Tiers = (
    ("target", "tgt", "trg", "target_text", "translation", "译文", "目标"),
    ("summary", "headline", "title", "highlights", "abstract", "摘要", "标题"),
    ("output", "answer"),
)
PLACED = re.compile(r"(column_)?[1-9]\d*|value")
"""How columns without a name are named: by their number, or as tables call them."""


@dataclass(frozen=True)
class PairRequest:
    """What the user named, and what a model knows.

    Attributes:
        source: the column of the texts that are read.
        target: the column of the texts that are written.
        like: the form of a model.
        needs_targets: rows without a target are of no use.
    """

    source: str | None = None
    target: str | None = None
    like: PairsForm | None = None
    needs_targets: bool = True

    def known_names(self) -> set[str]:
        """Return the names, in small letters, by which a first line is told to name the columns."""
        return self.certain_names().union(*SOURCE_NAMES, *TARGET_NAMES)

    def certain_names(self) -> set[str]:
        """Return those of them that are hardly texts: the user's, the model's, and "source" and its like."""
        of_model = (self.like.source, self.like.target) if self.like else ()
        named = {name.lower() for name in (self.source, self.target, *of_model) if name}
        unplaced = {name for name in named if not PLACED.fullmatch(name)}
        return unplaced.union(SOURCE_NAMES[0])


@dataclass(frozen=True)
class PairRoles:
    """The columns of one table by what they are, and notes on what was taken otherwise than it is usual."""

    source: str
    target: str | None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_pair_columns(table: Table, request: PairRequest) -> PairRoles:
    """Tell the column of the source and that of the target.

    Both by the user's names (or the number of the column), then by the model's, then by their usual names; what is left
    over tells the rest: of two columns, and of those without names, the first is the source.

    Raises:
        OptionError: a named column does not exist, or is named twice.
        InputError: a column cannot be told; the candidates are named.
    """
    columns = table.frame.columns
    taken: dict[str, str] = {}
    source, target = (_placed(columns, name) for name in (request.source, request.target))
    if source is not None:
        take_column(table, "source", source, taken)
    if target is not None and (request.needs_targets or target in columns):
        take_column(table, "target", target, taken)
    target = target if target in columns else None
    source, target, notes = _as_the_model(table, request, source, target)
    free = [name for name in columns if name not in (source, target)]
    if source is None:
        source = _usual(table, free, SOURCE_NAMES, "source")
        free = [name for name in free if name != source]
    if target is None and not (request.target and not request.needs_targets):
        target = _usual(table, free, TARGET_NAMES, "target")
        free = [name for name in free if name != target]
    rest = [name for name in free if not numbers_rows(table, name)]
    source, target, by_place = _by_place(table, request, rest, source, target)
    unused = tuple(name for name in columns if name not in (source, target))
    return PairRoles(source, target, unused, (*notes, *by_place))


def _by_place(
    table: Table, request: PairRequest, rest: list[str], source: str | None, target: str | None
) -> tuple[str, str | None, tuple[str, ...]]:
    """Tell from the columns left over what names did not."""
    unnamed = table.frame.columns[0] in ("column_1", "value")
    notes: tuple[str, ...] = ()
    told = source is not None and target is not None
    if source is None:
        if not rest:
            raise _no_column(table, "source")
        if len(rest) > (2 if target is None else 1) and not unnamed:
            raise _ambiguous(table, "source", rest)
        source, *rest = rest
        if target is None and rest and not unnamed:
            target = rest[0]
    if target is None and rest and (request.needs_targets or unnamed):
        if len(rest) > 1 and not unnamed:
            raise _ambiguous(table, "target", rest)
        target = rest[0]
    if target is None and request.needs_targets:
        raise _no_column(table, "target")
    if target is not None and not told:
        notes = (f"{table.name}: the source is {source!r}, the target {target!r}",)
    return source, target, notes


def _placed(columns: list[str], name: str | None) -> str | None:
    """Return the column that a number stands for, counted from 1."""
    if name is None or name in columns or not name.isdecimal():
        return name
    return columns[int(name) - 1] if 0 < int(name) <= len(columns) else name


def _as_the_model(
    table: Table, request: PairRequest, source: str | None, target: str | None
) -> tuple[str | None, str | None, tuple[str, ...]]:
    like, columns = request.like, table.frame.columns
    if like is None:
        return source, target, ()
    if target is None and like.target in columns and like.target != source:
        target = like.target
    if source is None and like.source in columns and like.source != target:
        source = like.source
    elif source is None and like.source is not None and len(columns) > 1:
        note = f"{table.name}: there is no column {like.source!r}, which the model was trained on; another is read"
        return None, target, (note,)
    return source, target, ()


def _usual(table: Table, free: list[str], tiers: Tiers, role: str) -> str | None:
    found = usual_columns(free, tiers)
    if len(found) > 1:
        raise _ambiguous(table, role, found)
    return found[0] if found else None


def _ambiguous(table: Table, role: str, candidates: list[str]) -> InputError:
    fix = f"name it: {column_option(role, candidates[0])}"
    return ambiguous_column(table, role, candidates, f"a column called {role}", fix)


def _no_column(table: Table, role: str) -> InputError:
    columns = table.frame.columns
    only = (
        f"there is one column, {columns[0]!r}"
        if len(columns) == 1
        else f"there is no column of the {role}"
    )
    return InputError(
        only,
        where=table.name,
        expected="a column of sources and one of targets",
        fix=f"add the {role}s, or name two parallel text files"
        if len(columns) == 1
        else f"name it: {column_option(role, 'NAME')}",
    )


def column_option(role: str, name: str) -> str:
    """Return how a column is named for a role, in Python and on the command line."""
    return f'{role}="{name}" (--{role} {quote(name)})'
