"""The words and letters that the training part taught, as numbers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ModelFileError

Ids = NDArray[np.int32]

PADDING, UNKNOWN, FIRST = 0, 1, 2
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Vocabulary:
    """Terms by number: 0 is padding, 1 every term that is not known, the others follow in order.

    Attributes:
        terms: those that are known, the most frequent ones first.
        lowercase: whether terms are looked up without capitals.

    >>> vocabulary = Vocabulary.of(["The", "cat", "the", "27"], lowercase=True)
    >>> vocabulary.terms, vocabulary.encode(["THE", "dog", "31"]).tolist()
    (('the', '00', 'cat'), [2, 1, 3])
    """

    terms: tuple[str, ...]
    lowercase: bool = False

    @classmethod
    def of(cls, terms: Iterable[str], *, lowercase: bool = False, size: int | None = None) -> Self:
        """Return the vocabulary of all terms, of the ``size`` most frequent ones where there are more."""
        made = cls((), lowercase)
        counts = Counter(map(made.plain, terms))
        # Of equally frequent terms the first in their alphabet, so that the order of the rows does not matter.
        ordered = sorted(counts, key=lambda term: (-counts[term], term))
        return cls(tuple(ordered[:size]), lowercase)

    def __len__(self) -> int:
        return FIRST + len(self.terms)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(self.terms, start=FIRST)}

    def plain(self, term: str) -> str:
        """Return a term as it is looked up: every digit is 0."""
        return _DIGIT.sub("0", term.lower() if self.lowercase else term)

    def encode(self, terms: Iterable[str]) -> Ids:
        """Return the numbers of terms."""
        numbers, plain = self._numbers, self.plain
        return np.fromiter((numbers.get(plain(term), UNKNOWN) for term in terms), dtype=np.int32)

    def knows(self, terms: Iterable[str]) -> NDArray[np.bool_]:
        """Tell of each term whether the training part taught it."""
        return self.encode(terms) != UNKNOWN


def vocabularies_to_text(vocabularies: Sequence[Vocabulary | None]) -> str:
    """Return vocabularies as a file of JSON holds them."""
    whole = [
        None if some is None else {"lowercase": some.lowercase, "terms": some.terms}
        for some in vocabularies
    ]
    return json.dumps(whole, ensure_ascii=True)


def vocabularies_from_text(text: str, where: str) -> list[Vocabulary | None]:
    """Return the vocabularies that `vocabularies_to_text` wrote.

    Raises:
        ModelFileError: the text is damaged.
    """
    try:
        return [None if some is None else _restored(some) for some in json.loads(text)]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"cannot be read: {error}", where=where) from error


def _restored(saved: Any) -> Vocabulary:
    terms, lowercase = saved["terms"], saved["lowercase"]
    if not isinstance(lowercase, bool) or not all(isinstance(term, str) for term in terms):
        raise ValueError("a vocabulary is a list of strings and whether they are lower-cased")
    return Vocabulary(tuple(terms), lowercase)
