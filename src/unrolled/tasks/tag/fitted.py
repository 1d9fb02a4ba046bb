"""A fitted tagger's inside: the network, what it was taught to read, and the tags it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.data.tag_schemes import Span, spans_of
from unrolled.data.tagged_form import TaggedForm
from unrolled.data.words import WORDS, split_words
from unrolled.errors import InputError
from unrolled.models.tag_network import TagNetwork, TagSizes
from unrolled.tasks.recurrent import CellChoice, recurrent_layer
from unrolled.tasks.start import Start
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.context import context_of
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.outcome import text_of
from unrolled.tasks.tag.reading import TagReader
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.training import answers

LETTER = 25
"""Features of a letter."""


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
        start: the language model that it began with, if any.
    """

    settings: TagSettings
    form: TaggedForm
    codes: TagCodes
    reader: TagReader
    model: TagModel
    train_hashes: NDArray[np.uint64]
    start: Start | None = None

    @property
    def joined(self) -> bool:
        """Whether tokens are written without a space between them."""
        return self.form.units != WORDS

    def tokens(self, sentence: object) -> list[str]:
        """Return the tokens of a sentence: a text is parted as the data is.

        Raises:
            InputError: it is neither a text nor a list of texts.
        """
        if isinstance(sentence, str):
            return split_words(sentence, self.form.units, self.form.marked)
        if not isinstance(sentence, Sequence):
            raise InputError(
                f"a sentence of type {type(sentence).__name__}",
                expected="a text, or a list of tokens",
            )
        for token in sentence:
            if not isinstance(token, str):
                raise InputError(f"a token of type {type(token).__name__}", expected="a text")
        return list(sentence)

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


def network_sizes(
    settings: TagSettings,
    reader: TagReader,
    codes: TagCodes,
    pairs: int,
    start: Start | None = None,
) -> TagSizes:
    """Return the sizes of a network that knows so many pairs of tokens."""
    assert settings.hidden_size is not None
    assert settings.embedding is not None
    assert settings.letter_size is not None
    return TagSizes(
        tags=len(codes),
        vocabulary=len(reader.words),
        embedding=settings.embedding,
        width=(2 if settings.bidirectional else 1) * settings.hidden_size,
        letters=0 if reader.letters is None else len(reader.letters),
        letter_embedding=LETTER,
        spelling=2 * settings.letter_size,
        pairs=pairs,
        pair_embedding=settings.letter_size,
        context=0 if start is None else start.sizes.width,
    )


def make_model(
    cell: CellChoice,
    settings: TagSettings,
    sizes: TagSizes,
    codes: TagCodes,
    seed: int,
    start: Start | None = None,
) -> TagModel:
    """Return a new network; its weights depend on ``seed`` alone, and on the language model it begins with."""
    dropout = settings.dropout or 0.0
    assert settings.hidden_size is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = recurrent_layer(
            cell,
            sizes.features,
            settings.hidden_size,
            layers=settings.layers,
            dropout=dropout,
            bidirectional=settings.bidirectional,
        )
        letters = None
        if sizes.letters:
            # A word is known as a whole when it is read, whatever the tagger knows of the sentence.
            letters = recurrent_layer(
                cell, LETTER, sizes.spelling // 2, layers=1, dropout=0.0, bidirectional=True
            )
        word_dropout = settings.word_dropout or 0.0
        network = TagNetwork(
            layer,
            sizes,
            letters,
            dropout=dropout,
            word_dropout=word_dropout,
            context=context_of(start),
        )
        return TagModel(network, codes, chained=bool(settings.crf))
