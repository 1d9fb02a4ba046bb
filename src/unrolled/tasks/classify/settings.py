"""What a classifier is told, checked when it is told, and what is chosen where it was not told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from typing import Any, get_args

import polars as pl

from unrolled.data.pieces import label_texts
from unrolled.data.tokenizer import Units
from unrolled.errors import OptionError, unknown_option
from unrolled.models.pooling import POOLS
from unrolled.tasks.options import (
    check_names,
    check_parts,
    check_probabilities,
    check_whole,
    is_number,
    is_whole,
    part_options,
)
from unrolled.train.settings import TrainSettings

BALANCED = "balanced"

_WHOLE = {"hidden_size": 1, "layers": 1, "embedding": 1, "vocabulary": 3, "max_length": 1}
"""The whole numbers and the least that each may be; a vocabulary has a token beside padding and the unknown one."""
_NAMES = ("text", "label", "units", "vectors")


@dataclass(frozen=True, kw_only=True)
class ClassifySettings:
    """The options of a classifier beside those of its training (`TrainSettings`). None = chosen from the data.

    Attributes:
        text: column of the texts, or of lists of numbers; None = found by its usual name.
        label: column of the labels; None = found by its usual name.
        units: of texts: "words", "characters" or "bpe"; None = told by the texts (`fit_tokenizer`).
        vocabulary: the most units.
        vectors: file of word vectors that the embedding begins with (GloVe, word2vec, fastText, as text).
        embedding: features of a token; that of the word vectors where there are some.
        hidden_size: units of every layer, in each direction.
        layers: how many recurrent layers lie over each other.
        bidirectional: read in both directions; only a network that reads forward can stream.
        pooling: what is made of all steps: one or several of "last", "mean", "max", "attention".
        ngrams: the longest n-gram of the linear part beside the network; 0 = none.
        max_length: tokens or steps of a row that are read; of longer ones the head and the tail, half each.
        dropout: probability of dropping a feature before, between and after the layers.
        word_dropout: probability of hiding a token in training.
        class_weights: what a row counts in training, by its label: None = all the same, "balanced" = every class as
            much as any other, or a dictionary.
        validation: rows held out to stop training on and to calibrate; a share below 1, or a number.
        test: rows held out for `evaluate`.
    """

    text: str | None = None
    label: str | None = None
    units: str | None = None
    vocabulary: int | None = None
    vectors: str | PathLike[str] | None = None
    embedding: int | None = None
    hidden_size: int | None = None
    layers: int = 1
    bidirectional: bool = True
    pooling: Sequence[str] = ("max", "mean")
    ngrams: int | None = None
    max_length: int = 400
    dropout: float | None = None
    word_dropout: float | None = None
    class_weights: str | Mapping[str, float] | None = None
    validation: float = 0.1
    test: float = 0.2

    def __post_init__(self) -> None:
        check_whole(self, _WHOLE)
        if self.ngrams is not None and not (is_whole(self.ngrams) and 0 <= self.ngrams <= 5):
            raise OptionError(f"ngrams={self.ngrams!r}", expected="a whole number from 0 to 5")
        check_names(self, _NAMES)
        if self.units is not None and self.units not in get_args(Units):
            raise unknown_option("units", self.units, get_args(Units))
        check_probabilities(self, ("dropout", "word_dropout"))
        check_parts(self)
        if not isinstance(self.bidirectional, bool):
            raise OptionError(f"bidirectional={self.bidirectional!r}", expected="True or False")
        object.__setattr__(self, "pooling", _checked_pooling(self.pooling))
        object.__setattr__(self, "class_weights", _checked_weights(self.class_weights))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings, lists and None."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def _checked_pooling(given: object) -> tuple[str, ...]:
    names = given.replace("+", ",").split(",") if isinstance(given, str) else given
    if not isinstance(names, Sequence) or not names:
        raise OptionError(f"pooling={given!r}", expected=f"one or several of {', '.join(POOLS)}")
    pooling = tuple(name.strip() if isinstance(name, str) else name for name in names)
    for name in pooling:
        if name not in POOLS:
            raise unknown_option("pooling", name, POOLS)
    return pooling


def _checked_weights(given: object) -> str | dict[str, float] | None:
    if given is None or given == BALANCED:
        return None if given is None else BALANCED
    if isinstance(given, str):
        raise unknown_option("class_weights", given, [BALANCED])
    if not isinstance(given, Mapping):
        raise OptionError(f"class_weights={given!r}", expected='"balanced", or {label: weight}')
    for label, weight in given.items():
        if not (is_number(weight) and 0 < weight < math.inf):
            raise OptionError(f"class_weights[{label!r}]={weight!r}", expected="a number above 0")
    # Labels are named as they are read: True is "true", 1.0 is "1".
    names = [label_texts(pl.Series([label]), "class_weights")[0] for label in given]
    return {str(n): float(weight) for n, weight in zip(names, given.values(), strict=True)}


def read_options(options: Mapping[str, Any]) -> tuple[ClassifySettings, dict[str, Any]]:
    """Part options into a classifier's own settings and those of its training, which are checked, too.

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.
    """
    own, training = part_options(options, ClassifySettings)
    training_settings(training, rows=1, steps=1, of_text=True)
    return ClassifySettings(**own), training


TOKENS_READ = {True: 15_000_000, False: 12_000_000}
"""Tokens of texts (True), or steps of numbers, that a training reads about in all: what bounds its epochs."""
EPOCHS = {True: (4, 6), False: (4, 60)}
"""The least and the most of them, where there are rows enough."""
LEAST_STEPS = 500
"""Few rows are passed over more often, until this many steps are made."""
EVALUATIONS = 15


def training_settings(
    given: Mapping[str, Any], *, rows: int, steps: int, of_text: bool
) -> TrainSettings:
    """Return the settings of a training on so many rows: those given, and these where nothing was given.

    As many epochs as read about 15 million tokens, from 4 to 6 of texts and to 60 of sequences of numbers, and more of
    few rows. The validation part is looked at 15 times, and training ends when it was no better 6 times in a row (10 of
    numbers).

    Args:
        given: options of `TrainSettings`.
        rows: of the training part.
        steps: tokens or steps of the training part, in all.
        of_text: whether rows are texts.
    """
    batch_size = TrainSettings(batch_size=given.get("batch_size", 32)).batch_size
    per_epoch = max(-(-rows // batch_size), 1)
    least, most = EPOCHS[of_text]
    epochs = min(max(TOKENS_READ[of_text] // max(steps, 1), least), most)
    chosen: dict[str, Any] = {
        "epochs": max(epochs, -(-LEAST_STEPS // per_epoch)),
        "batch_size": batch_size,
        "optimizer": "adamw",
        "learning_rate": 2e-3 if of_text else 4e-3,
        "weight_decay": 0.01,
        "warmup_steps": min(100, per_epoch),
        "patience": 6 if of_text else 10,
    }
    if given.get("max_steps") is not None and "epochs" not in given:
        chosen["epochs"] = None
    settings = TrainSettings(**{**chosen, **given})
    if settings.evaluate_every is None:
        ends = (settings.max_steps, settings.epochs and per_epoch * settings.epochs)
        total = min((end for end in ends if end is not None), default=per_epoch)
        settings = replace(settings, evaluate_every=min(max(total // EVALUATIONS, 20), total))
    return settings
