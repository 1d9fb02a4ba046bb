"""How sentences become what the network reads: word ids and letters, or pairs of characters, and batches of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.seq import Seq
from unrolled.data.token_rows import TokenRows
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.vocabulary import Vocabulary

Rows = NDArray[np.int64]

MOST_LETTERS = 40
"""Letters of a word that are read; of a longer one the beginning and the end, half each."""
EDGE = "\x02"
"""What stands before the first character of a sentence, and behind the last."""


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
        bigrams: pairs of characters at every token; None where none are read.
        tags: numbers of the tags; None where they are not known.
        sentence: (N,) the sentence that each piece belongs to.
    """

    words: TokenRows
    sentence: Rows
    forms: TokenRows | None = None
    letters: TokenRows | None = None
    bigrams: TokenRows | None = None
    tags: TokenRows | None = None

    def __len__(self) -> int:
        return len(self.words)

    @property
    def lengths(self) -> Rows:
        """The tokens of each piece, (N,)."""
        return self.words.lengths

    def sequences(self, rows: Rows) -> Seq:
        """Return some pieces as one padded batch of (word ids (B, T), and letters (B, T, L) or bigrams (B, T))."""
        words, lengths = self.words.padded(rows)
        read = [torch.from_numpy(words)]
        if self.forms is not None and self.letters is not None:
            read.append(torch.from_numpy(self._letters(self.forms.padded(rows)[0])))
        if self.bigrams is not None:
            read.append(torch.from_numpy(self.bigrams.padded(rows)[0]))
        data: Tensor | tuple[Tensor, ...] = read[0] if len(read) == 1 else tuple(read)
        return Seq(data, torch.from_numpy(lengths))

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

    def joined(self, pieces: Iterable[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        """Return what was found for every piece, one array for each sentence."""
        by_sentence: list[list[NDArray[np.generic]]] = [
            [] for _ in range(int(self.sentence.max(initial=-1)) + 1)
        ]
        for sentence, piece in zip(self.sentence.tolist(), pieces, strict=True):
            by_sentence[sentence].append(piece)
        return [np.concatenate(found) for found in by_sentence]


@dataclass(frozen=True)
class TagReader:
    """Turns sentences into what the network reads.

    Attributes:
        words: that have a vector of their own.
        letters: of words; None = they are not read.
        bigrams: pairs of characters; None = they are not read.
        max_length: tokens that are read at once; a longer sentence is read in pieces.
        causal: whether the pair at a character is that with the one before, not the one behind.
    """

    words: Vocabulary
    letters: Vocabulary | None
    bigrams: Vocabulary | None
    max_length: int
    causal: bool = False

    @classmethod
    def fitted(
        cls,
        sentences: Sequence[Sequence[str]],
        *,
        characters: bool,
        bigrams: bool,
        lowercase: bool,
        vocabulary: int,
        max_length: int,
        causal: bool,
    ) -> TagReader:
        """Learn the words, letters and pairs of the training part."""
        tokens = (token for sentence in sentences for token in sentence)
        words = Vocabulary.of(tokens, lowercase=lowercase, size=vocabulary)
        letters = pairs = None
        if characters:
            distinct = {token for sentence in sentences for token in sentence}
            letters = Vocabulary.of(letter for word in distinct for letter in word)
        if bigrams:
            every = (pair for sentence in sentences for pair in pairs_of(sentence, causal))
            pairs = Vocabulary.of(every, size=vocabulary)
        return cls(words, letters, pairs, max_length, causal)

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
        if self.bigrams is not None:
            pairs = (self.bigrams.encode(pairs_of(piece, self.causal)) for piece in pieces)
            encoded = replace(encoded, bigrams=TokenRows.of(pairs))
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

    def _spelled(self, word: str) -> NDArray[np.int32]:
        assert self.letters is not None
        half = MOST_LETTERS // 2
        return self.letters.encode(word if len(word) <= MOST_LETTERS else word[:half] + word[-half:])


def pairs_of(sentence: Sequence[str], causal: bool) -> list[str]:
    """Return the pair of every character with the one behind it, or before it.

    >>> pairs_of("春天来", causal=True)
    ['\\x02春', '春天', '天来']
    """
    framed = [EDGE, *sentence] if causal else [*sentence, EDGE]
    return [one + other for one, other in pairwise(framed)]


