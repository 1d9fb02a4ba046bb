"""How pairs become what the network reads: token ids, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from unrolled.core.seq import Seq
from unrolled.data.text_tokenizer import TextTokenizer
from unrolled.data.token_rows import TokenRows
from unrolled.models.token_ids import BEGIN, END
from unrolled.tasks.sequences import sequences

Ids = NDArray[np.int32]
Rows = NDArray[np.int64]


class PairBatch(NamedTuple):
    """Sources (B, S), each with END last, and targets (B, T) with BEGIN first and END last but where one was cut: token ids."""

    source: Seq
    target: Seq


class EncodedPairs(NamedTuple):
    """The token ids of N sources and their targets, as they stand in a `PairBatch`."""

    sources: TokenRows
    targets: TokenRows

    @property
    def lengths(self) -> Rows:
        """Tokens of both sides of each pair, (N, 2)."""
        return np.stack((self.sources.lengths, self.targets.lengths), 1)

    def batch(self, rows: Rows) -> PairBatch:
        """Return these rows together."""
        return PairBatch(sequences(self.sources, rows), sequences(self.targets, rows))


@dataclass(frozen=True)
class PairReader:
    """Turns texts into what the network reads.

    Attributes:
        source: of the sources.
        target: of the targets; the same one where they share a vocabulary.
        max_length: tokens that are read of a source.
        longest: tokens that are written of a target at most.
    """

    source: TextTokenizer
    target: TextTokenizer
    max_length: int
    longest: int

    def sources(
        self, texts: Iterable[str], dropout: float = 0.0, *, seed: int = 0, epoch: int = 0
    ) -> tuple[TokenRows, Rows]:
        """Return the ids of sources, of long ones the beginning, and their lengths before, without END."""
        lengths: list[int] = []

        def read() -> Iterator[Ids]:
            for ids in self.source.encode(texts, dropout, seed=seed, epoch=epoch):
                lengths.append(len(ids))
                yield framed(ids[: self.max_length], begin=False)

        rows = TokenRows.of(read())
        return rows, np.array(lengths, dtype=np.int64)

    def targets(self, texts: Iterable[str]) -> TokenRows:
        """Return the ids of whole targets."""
        return TokenRows.of(framed(ids) for ids in self.target.encode(texts))

    def pairs(
        self,
        sources: Iterable[str],
        targets: Iterable[str],
        dropout: float = 0.0,
        *,
        seed: int = 0,
        epoch: int = 0,
    ) -> EncodedPairs:
        """Return the ids of pairs, of what is too long on either side the beginning; a target that is cut has no END."""
        written = (
            # An END where it was cut would teach to stop anywhere.
            framed(ids[: self.longest], end=len(ids) <= self.longest)
            for ids in self.target.encode(targets, dropout, seed=seed, epoch=epoch)
        )
        read, _ = self.sources(sources, dropout, seed=seed, epoch=epoch)
        return EncodedPairs(read, TokenRows.of(written))


class Cut:
    """Counts the sources that are longer than what is read of them, ``most`` tokens.

    >>> cut = Cut(50).add(np.array([7, 90]), lambda row: f"stdin, line {row + 1}")
    >>> cut.add(np.array([80]), lambda row: "stdin, line 3").notes()
    ('stdin, line 2: 2 sources of more than 50 tokens, read up to there',)
    """

    def __init__(self, most: int) -> None:
        self.most, self.count, self.first = most, 0, ""

    def add(self, lengths: Rows, where: Callable[[int], str]) -> Self:
        """Count those among sources of so many tokens each."""
        longer = np.flatnonzero(lengths > self.most)
        if len(longer) and not self.count:
            self.first = where(int(longer[0]))
        self.count += len(longer)
        return self

    def notes(self, option: str = "") -> tuple[str, ...]:
        """Return a line that says how many there are, and which is the first; none where there is none."""
        if not self.count:
            return ()
        sources = "1 source" if self.count == 1 else f"{self.count:,} sources"
        return (
            f"{self.first}: {sources} of more than {self.most:,} tokens, read up to there{option}",
        )


FRAME = 2
"""Tokens around a target: BEGIN and END."""


def framed(ids: Ids, *, begin: bool = True, end: bool = True) -> Ids:
    """Return token ids with BEGIN before them, and END after them.

    >>> framed(np.array([7, 9], np.int32)).tolist()
    [2, 7, 9, 3]
    """
    return np.concatenate(([BEGIN] * begin, ids, [END] * end)).astype(np.int32)
