"""How sentences become what the network reads: word ids and the letters of words, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.seq import Seq
from unrolled.data.token_rows import TokenRows
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.vocabulary import Vocabulary

Rows = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)

MOST_LETTERS = 40
"""Letters of a word that are read; of a longer one the beginning and the end, half each."""


class TagBatch(NamedTuple):
    """Sentences that are read together, and the numbers of their tags (B, T) int64."""

    xs: Seq
    tags: Seq


@dataclass(frozen=True)
class Encoded:
    """N pieces of sentences as numbers.

    Attributes:
        words: word ids of every piece.
        forms: which distinct word each token is; None where no letters are read.
        letters: letters of each distinct word.
        tags: numbers of the tags; None where they are not known.
        sentence: (N,) the sentence that each piece belongs to.
    """

    words: TokenRows
    sentence: Rows
    forms: TokenRows | None = None
    letters: TokenRows | None = None
    tags: TokenRows | None = None

    def __len__(self) -> int:
        return len(self.words)

    @property
    def lengths(self) -> Rows:
        """The tokens of each piece, (N,)."""
        return self.words.lengths

    def sequences(self, rows: Rows) -> Seq:
        """Return some pieces as one padded batch of word ids (B, T), or of (word ids, letters (B, T, L))."""
        words, lengths = self.words.padded(rows)
        ids, sizes = torch.from_numpy(words), torch.from_numpy(lengths)
        if self.forms is None:
            return Seq(ids, sizes)
        return Seq((ids, torch.from_numpy(self._letters(self.forms.padded(rows)[0]))), sizes)

    def _letters(self, forms: Rows) -> NDArray[np.int64]:
        """Return the letters (B, T, L) of words (B, T); form 0 is padding and has none."""
        assert self.letters is not None
        distinct, places = np.unique(forms, return_inverse=True)
        table, _ = self.letters.padded(distinct)
        return table[places.reshape(forms.shape)]

    def batch(self, rows: Rows) -> TagBatch:
        """Return some pieces with their tags."""
        assert self.tags is not None
        tags, lengths = self.tags.padded(rows)
        return TagBatch(
            self.sequences(rows), Seq(torch.from_numpy(tags), torch.from_numpy(lengths))
        )

    def joined(self, pieces: Iterable[NDArray[Number]]) -> list[NDArray[Number]]:
        """Return what was found for every piece, one array for each sentence."""
        count = int(self.sentence.max(initial=-1)) + 1
        by_sentence: list[list[NDArray[Number]]] = [[] for _ in range(count)]
        for sentence, piece in zip(self.sentence.tolist(), pieces, strict=True):
            by_sentence[sentence].append(piece)
        return [np.concatenate(found) for found in by_sentence]


@dataclass(frozen=True)
class TagReader:
    """Turns sentences into what the network reads.

    Attributes:
        words: that have a vector of their own.
        letters: of words; None = they are not read.
        max_length: tokens that are read at once; a longer sentence is read in pieces.
    """

    words: Vocabulary
    letters: Vocabulary | None
    max_length: int

    @classmethod
    def fitted(
        cls,
        sentences: Sequence[Sequence[str]],
        settings: TagSettings,
        words: Vocabulary | None = None,
    ) -> Self:
        """Learn the letters of the training part, and the words, where they are not given."""
        if words is None:
            tokens = chain.from_iterable(sentences)
            lowercase = bool(settings.lowercase)
            words = Vocabulary.of(tokens, lowercase=lowercase, size=settings.vocabulary)
        letters = None
        if settings.characters:
            letters = Vocabulary.of(chain.from_iterable(set(chain.from_iterable(sentences))))
        return cls(words, letters, settings.max_length)

    def encode(
        self,
        sentences: Iterable[Sequence[str]],
        tags: Iterable[Sequence[str]] | None = None,
        codes: TagCodes | None = None,
    ) -> Encoded:
        """Return sentences as numbers, those that are too long in pieces, with their tags where ``tags`` gives them."""
        pieces, sentence_of = self.pieces(sentences)
        encoded = Encoded(
            TokenRows.of(map(self.words.encode, pieces)), np.array(sentence_of, dtype=np.int64)
        )
        if self.letters is not None:
            numbers: dict[str, int] = {}
            forms = TokenRows.of(
                [numbers.setdefault(word, len(numbers) + 1) for word in piece] for piece in pieces
            )
            spelled = (self._spelled(word) for word in ("", *numbers))
            encoded = replace(encoded, forms=forms, letters=TokenRows.of(spelled))
        if tags is not None and codes is not None:
            cut, _ = self.pieces(tags)
            encoded = replace(encoded, tags=TokenRows.of(map(codes.encode, cut)))
        return encoded

    def pieces(self, rows: Iterable[Sequence[str]]) -> tuple[list[Sequence[str]], list[int]]:
        """Return rows cut into pieces, and the row of each piece; an empty row is an empty piece."""
        pieces: list[Sequence[str]] = []
        row_of: list[int] = []
        for number, row in enumerate(rows):
            for start in range(0, max(len(row), 1), self.max_length):
                pieces.append(row[start : start + self.max_length])
                row_of.append(number)
        return pieces, row_of

    def notes(
        self, sentences: Sequence[Sequence[str]], where: Callable[[int], str]
    ) -> tuple[str, ...]:
        """Return a line where sentences are too long to be read at once."""
        long = [row for row, sentence in enumerate(sentences) if len(sentence) > self.max_length]
        if not long:
            return ()
        said = "1 sentence" if len(long) == 1 else f"{len(long):,} sentences"
        most = f"{self.max_length:,}"
        return (
            f"{where(long[0])}: {said} of more than {most} tokens, read in pieces (--max-length)",
        )

    def _spelled(self, word: str) -> NDArray[np.int32]:
        assert self.letters is not None
        half = MOST_LETTERS // 2
        return self.letters.encode(
            word if len(word) <= MOST_LETTERS else word[:half] + word[-half:]
        )
