"""Pairs in three parts: to train on, to choose the weights by, and to score once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.data.pairs import Pairs
from unrolled.data.partition import grouped_parts, repeated, row_hashes
from unrolled.data.subset import Subset
from unrolled.errors import InputError
from unrolled.tasks.translate.settings import TranslateSettings

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class PairPart:
    """N sources with their targets; ``where`` gives the place of a row."""

    sources: Sequence[str]
    targets: Sequence[str]
    where: Callable[[int], str]

    @classmethod
    def of(cls, pairs: Pairs) -> PairPart:
        """Return pairs whose targets were read."""
        assert pairs.targets is not None
        return cls(pairs.sources, pairs.targets, pairs.where)

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Rows) -> PairPart:
        """Return these rows, in their order."""
        return PairPart(
            Subset(self.sources, rows),
            Subset(self.targets, rows),
            lambda row: self.where(int(rows[row])),
        )


@dataclass(frozen=True)
class PairParts:
    """The training, validation and test part of pairs."""

    train: PairPart
    validation: PairPart
    test: PairPart

    def notes(self) -> tuple[str, ...]:
        """Return a line where weights would be chosen by what they were trained on: validation pairs of one's own."""
        train, validation = (row_hashes(part.sources) for part in (self.train, self.validation))
        again = np.flatnonzero(repeated(validation, train))
        if not len(again):
            return ()
        place = self.validation.where(int(again[0]))
        return (
            f"{place}: {len(again):,} of {len(validation):,} validation sources stand in the training part, too",
        )


def part_pairs(
    pairs: Pairs,
    settings: TranslateSettings,
    seed: int,
    validation: Pairs | None = None,
    test: Pairs | None = None,
) -> PairParts:
    """Part pairs as the settings say, or take the parts that are given; pairs of one source stay together.

    Raises:
        InputError: nothing is left to train on.
    """
    whole = PairPart.of(pairs)
    if len(whole) < 2:
        raise InputError(
            "there is one pair only",
            where=whole.where(0),
            expected="pairs to learn from, hundreds at least",
        )
    parts = grouped_parts(
        row_hashes(whole.sources),
        validation=0 if validation is not None else settings.validation,
        test=0 if test is not None else settings.test,
        seed=seed,
    )
    return PairParts(
        whole.take(parts.train),
        whole.take(parts.validation) if validation is None else PairPart.of(validation),
        whole.take(parts.test) if test is None else PairPart.of(test),
    )
