"""Texts in three parts: to train on, to choose the weights by, and to score once."""

from __future__ import annotations

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
        parts = _ends_apart(whole, held, scored)
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


def _ends_apart(whole: TextPart, validation: float, test: float) -> TextParts:
    """Cut the ends off every text: the last for the test, what stands before it for validation."""
    share = [
        _share(name, part, whole) for name, part in (("validation", validation), ("test", test))
    ]
    if sum(share) >= 1:
        raise OptionError(
            f"validation={validation} and test={test} hold out the whole text",
            expected="some of it to train on",
            fix="hold out less",
        )
    pieces: tuple[list[str], list[str], list[str]] = [], [], []
    for text in whole.texts:
        scored = round(share[1] * len(text))
        begin = len(text) - scored - round(share[0] * len(text))
        for part, piece in zip(
            pieces, (text[:begin], text[begin : len(text) - scored], text[len(text) - scored :]),
            strict=True,
        ):  # fmt: skip
            part.append(piece)
    names = ("training part", "validation part", "test part")
    return TextParts(
        *(_filled(part, whole, name) for part, name in zip(pieces, names, strict=True))
    )


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
