"""Tagged sentences in three parts: to train on, to choose the weights by, and to score once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unrolled.data.partition import grouped_parts, repeated, row_hashes
from unrolled.data.subset import Subset
from unrolled.data.tagged import Tagged
from unrolled.errors import InputError
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.settings import TagSettings

Rows = NDArray[np.int64]
Sentence = Sequence[str]


@dataclass(frozen=True)
class TagPart:
    """N sentences with their tags; ``where`` gives the place of a row."""

    sentences: Sequence[Sentence]
    tags: Sequence[Sentence]
    where: Callable[[int], str]

    @classmethod
    def of(cls, data: Tagged) -> TagPart:
        """Return sentences whose tags were read."""
        assert data.tags is not None
        return cls(data.sentences, data.tags, data.where)

    def __len__(self) -> int:
        return len(self.sentences)

    def take(self, rows: Rows) -> TagPart:
        """Return these rows, in their order."""
        return TagPart(
            Subset(self.sentences, rows),
            Subset(self.tags, rows),
            lambda row: self.where(int(rows[row])),
        )

    def hashes(self) -> NDArray[np.uint64]:
        """Return a hash of each sentence, to find those that stand in another part too."""
        return sentence_hashes(self.sentences)


@dataclass(frozen=True)
class TagParts:
    """The training, validation and test part of sentences."""

    train: TagPart
    validation: TagPart
    test: TagPart
    notes: tuple[str, ...] = ()

    def known_to(self, codes: TagCodes) -> TagParts:
        """Return the parts with the validation sentences alone whose tags were trained on."""
        held = self.validation
        known = np.array([not codes.unknown(tags) for tags in held.tags], dtype=np.bool_)
        if known.all():
            return self
        place = held.where(int(np.argmin(known)))
        count = int((~known).sum())
        left = "1 validation sentence is" if count == 1 else f"{count:,} validation sentences are"
        note = f"{place}: {left} left out, whose tags the training part has not"
        kept = held.take(np.flatnonzero(known))
        return replace(self, validation=kept, notes=(*self.notes, note))


def sentence_hashes(sentences: Sequence[Sentence]) -> NDArray[np.uint64]:
    """Return a hash of 64 bits of each sentence."""
    return row_hashes(" ".join(sentence) for sentence in sentences)


def part_sentences(
    data: Tagged,
    settings: TagSettings,
    seed: int,
    validation: Tagged | None = None,
    test: Tagged | None = None,
) -> TagParts:
    """Part sentences as the settings say, or take the parts that are given; equal sentences stay together.

    Raises:
        InputError: there is one sentence only, or all tokens have the same tag.
    """
    whole = TagPart.of(data)
    if len(whole) < 2:
        raise InputError(
            "there is one sentence only",
            where=whole.where(0),
            expected="sentences to learn from, hundreds at least",
            fix="part sentences by an empty line",
        )
    if len(distinct := {tag for row in whole.tags for tag in row}) < 2:
        raise InputError(
            f"all tokens have the tag {min(distinct, default='')!r}",
            where=whole.where(0),
            expected="at least two tags",
            fix="name the column of the tags (--tag)",
        )
    parts = grouped_parts(
        whole.hashes(),
        validation=0 if validation is not None else settings.validation,
        test=0 if test is not None else settings.test,
        seed=seed,
    )
    train = whole.take(parts.train)
    held = whole.take(parts.validation) if validation is None else TagPart.of(validation)
    scored = whole.take(parts.test) if test is None else TagPart.of(test)
    return TagParts(train, held, scored, _again(train, held))


def _again(train: TagPart, held: TagPart) -> tuple[str, ...]:
    """Return a line where weights would be chosen by what they were trained on: validation sentences of one's own."""
    again = np.flatnonzero(repeated(held.hashes(), train.hashes()))
    if not len(again):
        return ()
    place = held.where(int(again[0]))
    return (
        f"{place}: {len(again):,} of {len(held):,} validation sentences stand in the training part, too",
    )
