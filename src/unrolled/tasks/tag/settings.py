"""What a tagger is told, checked when it is told, and what is chosen where it was not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from unrolled.errors import OptionError, unknown_option
from unrolled.tasks.options import (
    check_names,
    check_parts,
    check_probabilities,
    check_whole,
    part_options,
)
from unrolled.train.settings import TrainSettings

SELECTIONS = ("score", "loss")

_WHOLE = {
    "vocabulary": 3,
    "embedding": 1,
    "letter_size": 1,
    "hidden_size": 1,
    "layers": 1,
    "batch_tokens": 1,
    "max_length": 1,
}
"""The whole numbers and the least that each may be; a vocabulary has a word beside padding and the unknown one."""
_CHOICES = ("characters", "crf", "lowercase")


@dataclass(frozen=True, kw_only=True)
class TagSettings:
    """The options of a tagger beside those of its training (`TrainSettings`). None = chosen from the data.

    Attributes:
        text: column of the tokens, or its number from 1 in a file without names; None = found by its usual place.
        tag: column of the tags; the same.
        characters: read the letters of every word, too; None = where tokens are words. Where they are single
            characters, each is looked at together with the one before it.
        crf: score whole sequences of tags (a linear-chain CRF), not each tag by itself. None = where tags make spans.
        lowercase: look words up without their capitals, which their letters still show.
        vocabulary: the most words; the most frequent ones are kept.
        embedding: features of a word.
        letter_size: features of what a word's letters say, in each direction; or of a pair of characters.
        hidden_size: units of every layer, in each direction.
        layers: how many recurrent layers lie over each other.
        bidirectional: read in both directions; only a tagger that reads forward can stream.
        dropout: probability of dropping a feature before, between and after the layers.
        word_dropout: probability of hiding a word in training, which teaches what to make of new ones.
        batch_tokens: tokens of a batch, with their padding, in place of a number of rows.
        max_length: tokens that are read at once; a longer sentence is read in pieces.
        select: the weights that are kept are best by the "score" of the validation part (span F1, or accuracy where
            tags make no spans), or by its "loss", as also where no validation sentence has a span.
        validation: sentences held out to choose the weights; a share below 1, or a number.
        test: sentences held out for `evaluate`. Equal sentences are never parted.
    """

    text: str | None = None
    tag: str | None = None
    characters: bool | None = None
    crf: bool | None = None
    lowercase: bool | None = None
    vocabulary: int = 50_000
    embedding: int | None = None
    letter_size: int | None = None
    hidden_size: int | None = None
    layers: int = 1
    bidirectional: bool = True
    dropout: float | None = None
    word_dropout: float | None = None
    batch_tokens: int | None = None
    max_length: int = 512
    select: str = "score"
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        check_whole(self, _WHOLE)
        check_names(self, ("text", "tag"))
        check_probabilities(self, ("dropout", "word_dropout"))
        check_parts(self)
        if self.select not in SELECTIONS:
            raise unknown_option("select", self.select, SELECTIONS)
        for name in _CHOICES:
            if getattr(self, name) not in (None, True, False):
                raise OptionError(f"{name}={getattr(self, name)!r}", expected="True, False or None")
        if not isinstance(self.bidirectional, bool):
            raise OptionError(f"bidirectional={self.bidirectional!r}", expected="True or False")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings and None."""
        return asdict(self)


def read_options(options: Mapping[str, Any]) -> tuple[TagSettings, dict[str, Any]]:
    """Part options into a tagger's own settings and those of its training, which are checked, too.

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.
    """
    if "batch_size" in options:
        raise OptionError(
            f"batch_size={options['batch_size']!r}",
            expected="batches of similar length, measured in tokens",
            fix="batch_tokens=N (--batch-tokens N)",
        )
    own, training = part_options(options, TagSettings)
    training_settings(training, batches=1, tokens=1)
    return TagSettings(**own), training


TOKENS_READ = 4_000_000
"""Tokens that a training reads about in all: what bounds its epochs."""
EPOCHS = (5, 40)
"""The least and the most of them, where there are sentences enough."""
LEAST_STEPS = 600
"""Few sentences are passed over more often, until this many steps are made."""
EVALUATIONS = 25
WARMUP = 100
"""Steps of the warm-up, or those of an epoch where that has fewer. No bound that may be raised tells it."""


def with_usual(settings: TagSettings, *, of_words: bool, spans: bool) -> TagSettings:
    """Return the settings with nothing left open.

    Args:
        settings: as they were given.
        of_words: whether tokens are words, not single characters.
        spans: whether the tags make spans.

    >>> with_usual(TagSettings(), of_words=True, spans=False).crf
    False
    """
    usual: dict[str, Any] = {
        "characters": of_words,
        "crf": spans,
        "lowercase": of_words,
        "embedding": 100,
        "letter_size": 50,
        "hidden_size": 128,
        "dropout": 0.5,
        "word_dropout": 0.1,
        "batch_tokens": 1_000,
    }
    return replace(settings, **{k: v for k, v in usual.items() if getattr(settings, k) is None})


def training_settings(given: Mapping[str, Any], *, batches: int, tokens: int) -> TrainSettings:
    """Return the settings of a training: those given, and these where nothing was given.

    Args:
        given: options of `TrainSettings`.
        batches: of an epoch.
        tokens: of an epoch.
    """
    least, most = EPOCHS
    epochs = min(max(TOKENS_READ // max(tokens, 1), least), most)
    chosen: dict[str, Any] = {
        "epochs": max(epochs, -(-LEAST_STEPS // max(batches, 1))),
        "optimizer": "adamw",
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
        "warmup_steps": min(WARMUP, batches),
        "average": 0.99,
        "patience": 8,
    }
    if given.get("max_steps") is not None and "epochs" not in given:
        chosen["epochs"] = None
    settings = TrainSettings(**{**chosen, **given})
    ends = (settings.max_steps, settings.epochs and batches * settings.epochs)
    known = [end for end in ends if end is not None]
    total = min(known, default=batches)
    if settings.evaluate_every is None:
        settings = replace(settings, evaluate_every=min(max(total // EVALUATIONS, 20), total))
    return settings
