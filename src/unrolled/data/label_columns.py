"""Which column of a table holds what is classified, and which its labels."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from unrolled.data.labelled_form import NUMBERS, TEXT, LabelledForm
from unrolled.data.numbers import is_blank, looks_numeric
from unrolled.data.tables import Table
from unrolled.data.usual_names import Tiers, ambiguous_column, take_column, usual_columns
from unrolled.errors import InputError

CLASSIFIED_NAMES = (
    "review", "sentence", "content", "comment", "tweet", "question", "document", "utterance", "headline",
    "review_text", "评论", "内容", "句子", "正文", "评价", "问题",
)  # fmt: skip
"""Columns of texts that are classified: a language model reads the same files."""
TEXT_NAMES: Tiers = (
    ("text", "文本"),
    CLASSIFIED_NAMES,
    ("title", "body", "message", "description", "query", "标题"),
)
LABEL_NAMES: Tiers = (
    ("label", "labels", "标签"),
    (
        "class", "target", "category", "sentiment", "polarity", "intent", "topic", "类别", "情感", "分类", "类",
    ),
    ("y",),
)  # fmt: skip
SEQUENCE_NAMES: Tiers = (("sequence", "序列"), ("values", "series", "signal", "x"))

_FEW = 20
"""Different labels in a table of a few rows."""
_ROW_NUMBERS = re.compile(r"unnamed.*|index|id|序号|编号|", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """What the user named, and what a model knows.

    Attributes:
        text: the column of what is classified.
        label: the column of the labels.
        like: the form of a model.
        needs_labels: rows without labels are of no use.
    """

    text: str | None = None
    label: str | None = None
    like: LabelledForm | None = None
    needs_labels: bool = True

    @property
    def kind(self) -> str | None:
        return self.like.kind if self.like else None

    def known_names(self) -> set[str]:
        """Return the names, in small letters, by which a first line is told to name the columns."""
        tiers = (*TEXT_NAMES, *LABEL_NAMES, *SEQUENCE_NAMES)
        of_model = (self.like.text, self.like.label) if self.like else ()
        named = {name.lower() for name in (self.text, self.label, *of_model) if name}
        return named.union(*tiers)


@dataclass(frozen=True)
class LabelRoles:
    """The columns of one table by what they are.

    Attributes:
        inputs: one column of texts or of lists; several columns are the steps of sequences.
        label: None where there is none.
        is_wide: each column of ``inputs`` is a step.
        unused: the others.
        notes: what was taken otherwise than a model knows it.
    """

    inputs: tuple[str, ...]
    label: str | None
    is_wide: bool
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_label_columns(table: Table, request: Request) -> LabelRoles:
    """Tell the column of what is classified, and that of the labels.

    Both by the user's names, then by the model's, then by their usual names; what is left over tells the rest: of two
    columns, the labels are in the one of numbers or with fewer different values.

    Raises:
        OptionError: a named column does not exist, or is named twice.
        InputError: a column cannot be told; the candidates are named.
    """
    taken: dict[str, str] = {}
    for role, name in (("text", request.text), ("label", request.label)):
        if name is not None and (role == "text" or request.needs_labels or name in table.frame):
            take_column(table, role, name, taken)
    text, label, notes = _as_the_model(table, request)
    free = [name for name in table.frame.columns if name not in (text, label)]
    if label is None and not (request.label or _has_lost_its_labels(table, request)):
        label = _usual(table, free, LABEL_NAMES, "label")
        free = [name for name in free if name != label]
    if text is None and request.kind != NUMBERS:
        text = _usual(table, [n for n in free if not _holds_lists(table, n)], TEXT_NAMES, "text")
    if text is None and request.kind != TEXT:
        lists = [name for name in free if _holds_lists(table, name)]
        text = _usual(table, lists, SEQUENCE_NAMES, "text")
    rest = [n for n in free if n != text and not numbers_rows(table, n)]
    if label is None and (request.needs_labels or text is None) and len(rest) == (1 if text else 2):
        label = _by_elimination(table, rest, text)
        rest = [name for name in rest if name != label]
    if label is None and request.needs_labels and text is None and request.kind != TEXT:
        label = _last_beside_numbers(table, rest)
        rest = [name for name in rest if name != label]
        if label:
            notes = (
                *notes,
                f"{table.name}: the label is {label!r}, the only column without numbers",
            )
    if label is None and request.needs_labels:
        raise _no_label(table, rest, text)
    inputs, is_wide = ((text,), False) if text else _inputs(table, rest, request)
    unused = tuple(n for n in table.frame.columns if n not in inputs and n != label)
    return LabelRoles(inputs, label, is_wide, unused, notes)


def _as_the_model(table: Table, request: Request) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the columns of text and label as they are named, by the user or by the model."""
    text, label, like = request.text, request.label, request.like
    columns = table.frame.columns
    notes: tuple[str, ...] = ()
    if label not in columns:
        label = None
    if like is None:
        return text, label, notes
    if text is None and like.text is not None:
        text = like.text if like.text in columns else None
    if label is None and like.label in columns and not _has_lost_its_labels(table, request):
        label = like.label
    if text is None and like.text is not None:
        notes = (
            f"{table.name}: there is no column {like.text!r}, which the model was trained on; another is read",
        )
    return text, label, notes


def _has_lost_its_labels(table: Table, request: Request) -> bool:
    """Tell whether a table without names has just the columns of the model's steps."""
    like = request.like
    return (
        like is not None
        and like.steps == table.frame.width
        and not request.needs_labels
        and table.frame.columns[0] == "column_1"
    )


def _usual(table: Table, free: list[str], tiers: Tiers, role: str) -> str | None:
    found = usual_columns(free, tiers)
    if len(found) > 1:
        raise ambiguous_column(table, role, found, f"one {role} column")
    return found[0] if found else None


def _holds_lists(table: Table, name: str) -> bool:
    return isinstance(table.frame.schema[name], (pl.List, pl.Array))


def numbers_rows(table: Table, name: str) -> bool:
    """Tell whether a column numbers the rows, as the first of a dataframe without a name does."""
    if not _ROW_NUMBERS.fullmatch(name.strip()):
        return False
    return name.lower().startswith("unnamed") or table.frame[name].n_unique() == table.frame.height


def _by_elimination(table: Table, rest: list[str], text: str | None) -> str | None:
    if text:
        return rest[0]
    first, second = (table.frame[name] for name in rest)
    lists = [_holds_lists(table, name) for name in rest]
    if any(lists):
        return rest[lists.index(False)] if not all(lists) else None
    numeric = [looks_numeric(cells) for cells in (first, second)]
    if numeric[0] != numeric[1]:
        return rest[numeric.index(True)]
    if all(numeric):
        return None
    counts = first.n_unique(), second.n_unique()
    if 2 * min(counts) > max(counts):
        return None
    return rest[counts.index(min(counts))]


def _last_beside_numbers(table: Table, rest: list[str]) -> str | None:
    """Return the last column where all others hold numbers and it does not; texts, nearly all different, are no labels."""
    others = _not_numeric(table, rest)
    if len(rest) < 3 or others != rest[-1:] or _holds_lists(table, rest[-1]):
        return None
    different = table.frame[rest[-1]].n_unique()
    return rest[-1] if different <= max(_FEW, table.frame.height // 2) else None


def _not_numeric(table: Table, names: list[str]) -> list[str]:
    frame = table.frame
    return [n for n in names if not (looks_numeric(frame[n]) or is_blank(frame[n]))]


def _inputs(table: Table, rest: list[str], request: Request) -> tuple[tuple[str, ...], bool]:
    others = _not_numeric(table, rest)
    lists = [name for name in rest if _holds_lists(table, name)]
    if rest and not others and request.kind != TEXT:
        return tuple(rest), True
    if len(rest) == 1:
        return (rest[0],), False
    if len(lists) == 1 or len(others) == 1:
        return tuple(lists if len(lists) == 1 else others), False
    if not rest:
        raise InputError(
            "there is no column of texts or numbers to classify",
            where=table.name,
            expected="a column called text, or the numbers of a sequence",
            fix='name it: text="NAME" (--text NAME)',
        )
    raise ambiguous_column(
        table,
        "text",
        others or rest,
        "a column called text, or numbers in every column but the label",
    )


def _no_label(table: Table, rest: list[str], text: str | None) -> InputError:
    if len(rest) > 1:
        others = _not_numeric(table, rest)
        candidates = others + [name for name in rest if name not in others]
        # Of numbers only, the first is as likely a step as any.
        fix = "" if others or text else 'name it: label="NAME" (--label NAME)'
        return ambiguous_column(table, "label", candidates, "a column called label", fix)
    return InputError(
        "there is no column of labels",
        where=table.name,
        expected="a column called label beside the one to classify",
        fix='add it, or name it: label="NAME" (--label NAME)',
    )
