"""Tags as numbers: inside, spans are written as BIOES, which says most; outside, as the data writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from unrolled.data.tag_schemes import (
    OUTSIDE,
    PLAIN,
    Span,
    converted,
    letters_of,
    may_follow,
    spans_of,
    tags_of,
)

Ids = NDArray[np.int64]

INNER = "bioes"
"""How spans are written inside: Ratinov & Roth (2009), Design challenges and misconceptions in named entity recognition."""


@dataclass(frozen=True)
class TagCodes:
    """The tags of a tagger.

    Attributes:
        names: those that it tells apart, in the order of its scores: BIOES where the data's tags make spans.
        scheme: how the data writes spans; "plain" where its tags make none.

    >>> codes = TagCodes.of([["B-PER", "I-PER", "O"]], "iob2")
    >>> codes.names, codes.decode(codes.encode(["B-PER", "O"]))
    (('B-PER', 'E-PER', 'I-PER', 'O', 'S-PER'), ['B-PER', 'O'])
    """

    names: tuple[str, ...]
    scheme: str

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]], scheme: str) -> Self:
        """Return the codes of all tags that occur, and of every form that a type which occurs may take."""
        if scheme == PLAIN:
            return cls(tuple(sorted({tag for row in rows for tag in row})), scheme)
        kinds = {span.kind for row in rows for span in spans_of(row)}
        every = (tags_of([Span(0, 3, kind), Span(3, 4, kind)], 5, INNER) for kind in kinds)
        return cls(tuple(sorted({"O"}.union(*every))), scheme)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def has_spans(self) -> bool:
        """Whether the tags make spans."""
        return self.scheme != PLAIN

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The types of spans, or the tags where there are no spans."""
        if not self.has_spans:
            return frozenset(self.names)
        return frozenset(span.kind for name in self.names for span in spans_of([name]))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def unknown(self, tags: Sequence[str]) -> set[str]:
        """Return which tags of a sentence, or types of its spans, were not trained on."""
        named = {span.kind for span in spans_of(tags)} if self.has_spans else set(tags)
        return named - self.kinds

    def encode(self, tags: Sequence[str]) -> Ids:
        """Return the numbers of a sentence's tags, all of which are known."""
        inner = converted(tags, INNER) if self.has_spans else tags
        return np.fromiter((self._numbers[tag] for tag in inner), dtype=np.int64, count=len(tags))

    def decode(self, numbers: Ids) -> list[str]:
        """Return the tags of numbers, as the data writes them."""
        return converted([self.names[number] for number in numbers.tolist()], self.scheme)

    @cached_property
    def written(self) -> dict[str, list[int]]:
        """The tags as the data writes them, and the numbers of those that each stands for.

        In IOB1 a B is written as the I that it is but right behind a span of its own type.

        >>> TagCodes(("B-PER", "E-PER", "I-PER", "O", "S-PER"), "iob2").written
        {'B-PER': [0, 4], 'I-PER': [1, 2], 'O': [3]}
        """
        letters = letters_of(self.scheme)
        theirs = dict(zip("BIES", letters or (), strict=bool(letters)))
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            is_span = letters is not None and name != OUTSIDE
            said = theirs[name[0]] + name[1:] if is_span else name
            found.setdefault(said, []).append(number)
        return found

    def allowed(self) -> NDArray[np.bool_]:
        """Return (C + 1, C + 1) which tag (across) may stand behind which (down); the last of each is the edge."""
        names = [*self.names, None]
        scheme = INNER if self.has_spans else PLAIN
        return np.array([[may_follow(a, b, scheme) for b in names] for a in names])
