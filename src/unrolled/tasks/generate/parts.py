"""Texts in three parts: to train on, to choose the weights by, and to score once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.data.documents import Documents
from unrolled.data.partition import grouped_parts, repeated, row_hashes
from unrolled.data.subset import Subset
from unrolled.errors import InputError, OptionError
from unrolled.tasks.generate.settings import DOCUMENTS, TEXT, GenerateSettings

Rows = NDArray[np.int64]

LONG = 5_000
"""Characters that texts have on average from which on they are one long text each, and no documents."""
_SPACE, _NEAR = re.compile(r"\s"), 200


@dataclass(frozen=True)
class TextPart:
    """N texts; ``where`` gives the place of one."""

    texts: Sequence[str]
    where: Callable[[int], str]

    @classmethod
    def of(cls, documents: Documents) -> TextPart:
        """Return documents that hold something."""
        whole = cls(documents.texts, documents.where)
        rows = np.array([row for row, text in enumerate(documents.texts) if text], np.int64)
        return whole if len(rows) == len(whole) else whole.take(rows)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Rows) -> TextPart:
        """Return these texts, in their order."""
        return TextPart(Subset(self.texts, rows), lambda row: self.where(int(rows[row])))

    @property
    def characters(self) -> int:
        """How many characters all texts have together."""
        return sum(map(len, self.texts))


@dataclass(frozen=True)
class TextParts:
    """The training, validation and test part of texts."""

    train: TextPart
    validation: TextPart
    test: TextPart

    def notes(self) -> tuple[str, ...]:
        """Return a line where weights would be chosen by what they were trained on: validation texts of one's own."""
        train, validation = (row_hashes(part.texts) for part in (self.train, self.validation))
        again = np.flatnonzero(repeated(validation, train))
        if not len(again):
            return ()
        place = self.validation.where(int(again[0]))
        return (
            f"{place}: {len(again):,} of {len(validation):,} validation texts stand in the training part, too",
        )


def kind_of(texts: Sequence[str]) -> str:
    """Tell whether texts are long ones to be gone through, or documents.

    >>> kind_of(["one text"]), kind_of(["a poem"] * 20), kind_of(["a novel " * 9000] * 2)
    ('text', 'documents', 'text')
    """
    return TEXT if sum(map(len, texts)) >= LONG * len(texts) or len(texts) == 1 else DOCUMENTS


def part_texts(
    data: Documents,
    settings: GenerateSettings,
    seed: int,
    validation: Documents | None = None,
    test: Documents | None = None,
) -> TextParts:
    """Part texts as the settings say, whose ``kind`` is known, or take the parts that are given.

    Raises:
        InputError: there is nothing to learn from.
        OptionError: nothing is left to train on.
    """
    whole = TextPart.of(data)
    if not len(whole):
        raise InputError(
            "there is no text", where=data.where(0) if len(data.texts) else None,
            expected="texts to learn from",
        )  # fmt: skip
    held = 0 if validation is not None else settings.validation
    scored = 0 if test is not None else settings.test
    if settings.kind == TEXT:
        within = settings.units in (None, "characters")
        parts = _ends_apart(whole, held, scored, within_words=within)
    else:
        parts = _drawn(whole, held, scored, seed)
    return TextParts(
        parts.train,
        parts.validation if validation is None else TextPart.of(validation),
        parts.test if test is None else TextPart.of(test),
    )


def _drawn(whole: TextPart, validation: float, test: float, seed: int) -> TextParts:
    if len(whole) < 2:
        raise InputError(
            "there is one document only",
            where=whole.where(0),
            expected="documents to learn from, hundreds at least",
            fix="kind='text' (--kind text) goes through it as one long text",
        )
    parts = grouped_parts(row_hashes(whole.texts), validation=validation, test=test, seed=seed)
    return TextParts(*(whole.take(rows) for rows in (parts.train, parts.validation, parts.test)))


def _ends_apart(
    whole: TextPart, validation: float, test: float, *, within_words: bool
) -> TextParts:
    """Cut the ends off every text: the last for the test, what stands before it for validation."""
    held, scored = _share("validation", validation, whole), _share("test", test, whole)
    if held + scored >= 1:
        raise OptionError(
            f"validation={validation} and test={test} hold out the whole text",
            expected="some of it to train on",
            fix="hold out less",
        )
    pieces: tuple[list[str], list[str], list[str]] = [], [], []
    for text in whole.texts:
        end = len(text) - round(scored * len(text))
        begin = end - round(held * len(text))
        if not within_words:
            begin, end = (_at_space(text, place) for place in (begin, end))
        parts = text[:begin], text[begin:end], text[end:]
        for several, piece in zip(pieces, parts, strict=True):
            several.append(piece)
    names = ("training part", "validation part", "test part")
    return TextParts(
        *(_filled(part, whole, name) for part, name in zip(pieces, names, strict=True))
    )


def _at_space(text: str, place: int) -> int:
    """Return the next place between two words; the same where none is near, as in Chinese."""
    found = _SPACE.search(text, place, place + _NEAR)
    return place if found is None else found.start()


def _filled(pieces: list[str], whole: TextPart, name: str) -> TextPart:
    rows = [row for row, piece in enumerate(pieces) if piece]
    return TextPart([pieces[row] for row in rows], lambda row: f"{whole.where(rows[row])}, {name}")


def _share(name: str, part: float, whole: TextPart) -> float:
    if part < 1:
        return part
    if not float(part).is_integer():
        raise OptionError(
            f"{name}={part}",
            expected="a share of the text below 1, or a whole number of characters",
        )
    return part / whole.characters
