"""What a translator is told, checked when it is told, and what is chosen where it was not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from unrolled.data.text_tokenizer import TextUnits, least_size
from unrolled.errors import OptionError, unknown_option
from unrolled.models.beam import MOST_ALPHA
from unrolled.tasks.options import (
    check_names,
    check_parts,
    check_probabilities,
    check_whole,
    is_number,
    part_options,
)
from unrolled.tasks.text_scores import BleuTokenizer
from unrolled.train.settings import TrainSettings

ATTENTIONS = ("general", "additive", "dot", "scaled", "multi_head", "none")
SELECTIONS = ("loss", "bleu")

_WHOLE = {
    "vocabulary": 1,
    "embedding": 1,
    "hidden_size": 2,
    "layers": 1,
    "encoder_layers": 1,
    "heads": 1,
    "max_length": 1,
    "beam": 1,
}


@dataclass(frozen=True, kw_only=True)
class TranslateSettings:
    """The options of a translator beside those of its training (`TrainSettings`). None = chosen from the data.

    Attributes:
        source: column of the sources, or its number from 1 in a file without a header; None = found by its usual name.
        target: column of the targets; the same.
        units: "bpe", "unigram", "characters" or "words".
        vocabulary: the most units, of each side where they do not share one.
        shared: one vocabulary for both sides; None = where both are written in one script.
        embedding: features of a token.
        hidden_size: units of every decoder layer, and of both directions of an encoder layer together.
        layers: of the decoder.
        encoder_layers: of the encoder.
        attention: how the decoder looks at the source: "general", "additive", "dot", "scaled", "multi_head", or "none".
        heads: of "multi_head", and of the Transformer.
        input_feeding: the decoder is told at each step what it found a step before (Luong et al. 2015); slower.
        dropout: probability of dropping a feature.
        word_dropout: probability of hiding a token in training.
        bpe_dropout: probability of leaving out a merge in training (Provilkov et al. 2020, arXiv:1910.13267).
        label_smoothing: share of each target's probability that is spread over the vocabulary in training
            (Szegedy et al. 2016, arXiv:1512.00567).
        batch_tokens: source and target tokens of a batch, with their padding, in place of a number of rows.
        max_length: tokens that are read of a source and written of a target; longer sources are cut.
        beam: hypotheses that a search keeps.
        length_penalty: alpha of the search: hypotheses are compared by score / length^alpha.
        select: the weights that are kept are best by the "loss" of the validation part, or by "bleu".
        tokenize: sacrebleu's tokeniser for scores, as "none" for texts that are tokenised already; None = by script.
        validation: pairs held out to choose the weights; a share below 1, or a number.
        test: pairs held out for `evaluate`. Pairs of one source are never parted.
    """

    source: str | None = None
    target: str | None = None
    units: str = "bpe"
    vocabulary: int | None = None
    shared: bool | None = None
    embedding: int | None = None
    hidden_size: int | None = None
    layers: int | None = None
    encoder_layers: int | None = None
    attention: str = "general"
    heads: int = 4
    input_feeding: bool = False
    dropout: float | None = None
    word_dropout: float = 0.1
    bpe_dropout: float = 0.0
    label_smoothing: float = 0.1
    batch_tokens: int | None = None
    max_length: int = 256
    beam: int = 5
    length_penalty: float = 1.0
    select: str = "loss"
    tokenize: str | None = None
    validation: float = 0.05
    test: float = 0.05

    def __post_init__(self) -> None:
        check_whole(self, {**_WHOLE, "batch_tokens": 1})
        check_names(self, ("source", "target", "tokenize"))
        check_probabilities(self, ("dropout", "word_dropout", "bpe_dropout", "label_smoothing"))
        check_parts(self)
        choices = {"units": get_args(TextUnits), "attention": ATTENTIONS, "select": SELECTIONS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise unknown_option(name, getattr(self, name), known)
        least = least_size(self.units)
        if self.vocabulary is not None and self.vocabulary < least:
            raise OptionError(
                f"vocabulary={self.vocabulary} with units={self.units!r}",
                expected=f"at least {least}",
            )
        if self.tokenize not in (None, *get_args(BleuTokenizer)):
            raise unknown_option("tokenize", self.tokenize, get_args(BleuTokenizer))
        if not (is_number(self.length_penalty) and 0 <= self.length_penalty <= MOST_ALPHA):
            raise OptionError(
                f"length_penalty={self.length_penalty!r}",
                expected=f"a number from 0 to {MOST_ALPHA}",
            )
        if self.shared not in (None, True, False):
            raise OptionError(f"shared={self.shared!r}", expected="True, False or None")
        if not isinstance(self.input_feeding, bool):
            raise OptionError(f"input_feeding={self.input_feeding!r}", expected="True or False")
        if self.bpe_dropout and self.units != "bpe":
            raise OptionError(
                f"bpe_dropout={self.bpe_dropout!r} with units={self.units!r}",
                expected="units='bpe'",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings and None."""
        return asdict(self)


def read_options(options: Mapping[str, Any]) -> tuple[TranslateSettings, dict[str, Any]]:
    """Part options into a translator's own settings and those of its training, which are checked, too.

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.
    """
    if "batch_size" in options:
        raise OptionError(
            f"batch_size={options['batch_size']!r}",
            expected="batches of similar length, measured in tokens",
            fix="batch_tokens=N (--batch-tokens N)",
        )
    own, training = part_options(options, TranslateSettings)
    training_settings(training, batches=1, tokens=1)
    return TranslateSettings(**own), training


FEW_PAIRS = 10_000
"""Training pairs below which the vocabulary is smaller, and batches too."""
TOKENS_READ = 14_000_000
"""Tokens of both sides that a training reads about in all: what bounds its epochs."""
EPOCHS = (5, 40)
"""The least and the most of them."""
EVALUATIONS = 20
HIDDEN = 512
"""Units of a layer where nothing was said."""
WARMUP, WARMING = 400, 4
"""Steps of the warm-up, and into how many parts it cuts a short training, of which it is the first."""


def with_usual(settings: TranslateSettings, *, pairs: int, one_script: bool) -> TranslateSettings:
    """Return the settings with nothing left open, for so many training pairs."""
    few = pairs < FEW_PAIRS
    usual: dict[str, Any] = {
        "vocabulary": {"words": 20_000, "characters": 6_000}.get(
            settings.units, 4_000 if few else 8_000
        ),
        "shared": one_script,
        "embedding": 256,
        "hidden_size": HIDDEN,
        "layers": 2,
        "encoder_layers": 1,
        "dropout": 0.3,
        "batch_tokens": 2_000 if few else 4_000,
    }
    return replace(settings, **{k: v for k, v in usual.items() if getattr(settings, k) is None})


def training_settings(given: Mapping[str, Any], *, batches: int, tokens: int) -> TrainSettings:
    """Return the settings of a training: those given, and these where nothing was given.

    Args:
        given: options of `TrainSettings`.
        batches: of an epoch.
        tokens: of an epoch, both sides counted.
    """
    least, most = EPOCHS
    chosen: dict[str, Any] = {
        "epochs": min(max(TOKENS_READ // max(tokens, 1), least), most),
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "warmup_steps": WARMUP,
        "average": 0.998,
        "patience": 6,
    }
    if given.get("max_steps") is not None and "epochs" not in given:
        chosen["epochs"] = None
    settings = TrainSettings(**{**chosen, **given})
    ends = (settings.max_steps, settings.epochs and batches * settings.epochs)
    known = [end for end in ends if end is not None]
    if known and "warmup_steps" not in given:
        # Else few pairs would be trained on at a rate that only rises, and never falls again.
        settings = replace(settings, warmup_steps=min(WARMUP, min(known) // WARMING))
    if settings.evaluate_every is None:
        total = min(known, default=batches)
        settings = replace(settings, evaluate_every=min(max(total // EVALUATIONS, 50), total))
    return settings
