"""A fitted tagger's inside: the network, what it was taught to read, and the tags it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.tag_schemes import Span, spans_of
from unrolled.data.tagged_form import TaggedForm
from unrolled.data.words import WORDS
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.outcome import text_of
from unrolled.tasks.tag.reading import TagReader
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.training import answers


class FoundSpan(NamedTuple):
    """A span of a sentence: tokens ``start`` to ``stop``, that one left out; ``probability`` is that of its least sure tag."""

    start: int
    stop: int
    kind: str
    text: str
    probability: float


@dataclass(frozen=True)
class TaggedSentence:
    """What a tagger makes of a sentence of T tokens: T tags, how probable each is, and the spans that they mark."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    probabilities: NDArray[np.float64]
    spans: tuple[FoundSpan, ...]


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes:
        settings: with nothing left open.
        form: how sentences are read from files.
        codes: the tags.
        reader: how sentences become what the network reads.
        model: in evaluation mode.
        train_hashes: (N,) of the training sentences, to find those that come again.
    """

    settings: TagSettings
    form: TaggedForm
    codes: TagCodes
    reader: TagReader
    model: TagModel
    train_hashes: NDArray[np.uint64]

    @property
    def joined(self) -> bool:
        """Whether tokens are written without a space between them."""
        return self.form.units != WORDS

    def tags(
        self, sentences: Sequence[Sequence[str]]
    ) -> tuple[list[list[str]], list[NDArray[np.float64]]]:
        """Return the tags of sentences, as the data writes them, and the probability (T_i,) of each."""
        encoded = self.reader.encode(sentences)
        numbers, probabilities = answers(self.model, encoded)
        found = [self.codes.decode(numbers) for numbers in encoded.joined(numbers)]
        return found, encoded.joined(probabilities)

    def tagged(self, sentences: Sequence[Sequence[str]]) -> list[TaggedSentence]:
        """Return what the tagger makes of sentences."""
        tags, probabilities = self.tags(sentences)
        return [
            TaggedSentence(tuple(tokens), tuple(found), sure, self._spans(tokens, found, sure))
            for tokens, found, sure in zip(sentences, tags, probabilities, strict=True)
        ]

    def _spans(
        self, tokens: Sequence[str], tags: Sequence[str], sure: NDArray[np.float64]
    ) -> tuple[FoundSpan, ...]:
        def named(span: Span) -> FoundSpan:
            text = text_of(tokens[span.start : span.stop], self.joined)
            return FoundSpan(*span, text, float(sure[span.start : span.stop].min()))

        return tuple(map(named, spans_of(tags) if self.codes.has_spans else ()))
