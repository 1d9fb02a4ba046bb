"""Sizes and dropout of a classifier, by what its rows are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unrolled.data.tokenizer import Tokenizer
from unrolled.tasks.classify.settings import ClassifySettings

ALPHABET = 300
"""Characters up to which they are letters, of which each says little; a script of more has signs that say more."""


@dataclass(frozen=True)
class Usual:
    """What is usual for one kind of rows; chosen on validation parts, see benchmarks/classify.py."""

    hidden_size: int
    embedding: int
    dropout: float
    word_dropout: float
    ngrams: int


USUAL: Mapping[str, Usual] = {
    "words": Usual(64, 100, dropout=0.5, word_dropout=0.3, ngrams=2),
    "bpe": Usual(64, 100, dropout=0.5, word_dropout=0.2, ngrams=2),
    "unigram": Usual(64, 100, dropout=0.5, word_dropout=0.2, ngrams=2),
    "signs": Usual(64, 100, dropout=0.3, word_dropout=0.1, ngrams=2),
    "letters": Usual(128, 100, dropout=0.3, word_dropout=0.1, ngrams=3),
    "numbers": Usual(64, 32, dropout=0.1, word_dropout=0.0, ngrams=0),
}


STARTED: Mapping[str, Any] = {
    "pooling": ("last", "max", "mean"),
    "dropout": 0.3,
    "word_dropout": 0.1,
    "learning_rate": 3e-3,
}
"""What is usual where a language model is begun with; see benchmarks/transfer.py."""


def with_usual(settings: ClassifySettings, tokenizer: Tokenizer | None) -> ClassifySettings:
    """Return the settings with nothing left open that is chosen by the kind of rows.

    >>> with_usual(ClassifySettings(dropout=0.0), None).embedding
    32
    """
    usual = USUAL[kind_of(tokenizer)]
    chosen = {name: value for name, value in vars(usual).items() if getattr(settings, name) is None}
    return replace(settings, **chosen)


def kind_of(tokenizer: Tokenizer | None) -> str:
    """Return of what rows are made, as in `USUAL`."""
    if tokenizer is None:
        return "numbers"
    if tokenizer.units != "characters":
        return tokenizer.units
    return "letters" if len(tokenizer) <= ALPHABET else "signs"
