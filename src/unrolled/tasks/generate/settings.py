"""What a generator is told, checked when it is told, and what is chosen where it was not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from unrolled.data.text_tokenizer import TextUnits, least_size
from unrolled.errors import OptionError, unknown_option
from unrolled.tasks.options import (
    check_names,
    check_parts,
    check_probabilities,
    check_whole,
    is_number,
    part_options,
)
from unrolled.train.settings import BOUNDS, TrainSettings

TEXT, DOCUMENTS = "text", "documents"
KINDS = (TEXT, DOCUMENTS)
SPLITS = ("file", "lines", "paragraphs")

_WHOLE = {
    "vocabulary": 1,
    "embedding": 1,
    "hidden_size": 1,
    "layers": 1,
    "heads": 1,
    "steps": 1,
    "batch_tokens": 1,
    "max_length": 1,
}


@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """The options of a generator beside those of its training (`TrainSettings`). None = chosen from the data.

    Attributes:
        text: column of the texts; None = found by its usual name.
        split: what a document of a plain text file is: the whole "file", each of its "lines", or "paragraphs".
        kind: "text": few long texts, whose ends are held out and through which a state is carried; "documents": many
            short ones, held out at random, each with a state of its own, a begin and an end.
        units: "characters", "bpe", "unigram" or "words".
        vocabulary: the most units.
        embedding: features of a token; of the network's output too where it is ``tied``.
        hidden_size: units of a layer.
        layers: how many lie over each other.
        heads: of the Transformer.
        tied: the output's matrix is the embedding's (Press and Wolf 2017, arXiv:1608.05859).
        dropout: probability of dropping a feature between layers, the same at all steps of a row.
        embedding_dropout: probability of leaving a token's vector out of a whole batch.
        weight_dropout: probability of dropping a recurrent weight (Merity et al. 2018, arXiv:1708.02182).
        activation: weight of the penalty on large outputs (Merity et al. 2017, arXiv:1708.01009).
        temporal: weight of the penalty on outputs that change from step to step; the same paper.
        steps: tokens through which gradients go back in a long text, and which a Transformer looks back on.
        batch_tokens: tokens of a batch; in a long text batch_tokens / steps rows of ``steps``.
        max_length: tokens that are written at most.
        keep_text: keep the training text with the model, which shows what is copied from it; the n-gram model, which is
            saved too, holds its tokens in any case.
        validation: held out to choose the weights: of a long text the part before the test's; of documents any. A share
            below 1, or a number (of characters; of documents).
        test: held out for `evaluate`: of a long text the end. Equal documents are never parted.
    """

    text: str | None = None
    split: str | None = None
    kind: str | None = None
    units: str | None = None
    vocabulary: int | None = None
    embedding: int | None = None
    hidden_size: int | None = None
    layers: int | None = None
    heads: int = 4
    tied: bool = True
    dropout: float | None = None
    embedding_dropout: float | None = None
    weight_dropout: float | None = None
    activation: float | None = None
    temporal: float | None = None
    steps: int | None = None
    batch_tokens: int | None = None
    max_length: int = 512
    keep_text: bool = True
    validation: float = 0.05
    test: float = 0.05

    def __post_init__(self) -> None:
        check_whole(self, _WHOLE)
        check_names(self, ("text",))
        check_probabilities(self, ("dropout", "embedding_dropout", "weight_dropout"))
        check_parts(self)
        for name, known in {"split": SPLITS, "kind": KINDS, "units": get_args(TextUnits)}.items():
            if getattr(self, name) not in (None, *known):
                raise unknown_option(name, getattr(self, name), known)
        for name in ("activation", "temporal"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 <= value < float("inf")):
                raise OptionError(f"{name}={value!r}", expected="a number of at least 0")
        for name in ("tied", "keep_text"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name}={getattr(self, name)!r}", expected="True or False")
        if self.vocabulary is not None and self.units is not None:
            least = least_size(self.units)
            if self.vocabulary < least:
                raise OptionError(
                    f"vocabulary={self.vocabulary} with units={self.units!r}",
                    expected=f"at least {least}",
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings and None."""
        return asdict(self)


def read_options(options: Mapping[str, Any]) -> tuple[GenerateSettings, dict[str, Any]]:
    """Part options into a generator's own settings and those of its training, which are checked, too.

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.
    """
    if "batch_size" in options:
        raise OptionError(
            f"batch_size={options['batch_size']!r}",
            expected="batches measured in tokens",
            fix="batch_tokens=N (--batch-tokens N)",
        )
    own, training = part_options(options, GenerateSettings)
    training_settings(training, batches=1, tokens=1)
    return GenerateSettings(**own), training


SMALL = 3_000_000
"""Characters of training text up to which one by one they are the units, in a script that parts words."""
LITTLE = 500_000
"""Characters of training text below which it is read many times, and so must be learned by heart less easily."""
TOKENS_READ = 25_000_000
"""Tokens that a training reads in all, about: what bounds its epochs."""
EPOCHS = (3, 40)
"""The least and the most of them."""
MINUTES = 9.0
"""Where nothing bounds a training."""
EVALUATIONS = 20
HIDDEN = 512
"""Units of a layer where nothing was said."""
WARMUP, WARMING = 200, 10
"""Steps of the warm-up, and into how many parts it cuts a short training, of which it is the first."""
RATE, TRANSFORMER_RATE = 4e-3, 1e-3
"""Learning rates."""
DECAY, AVERAGE = 0.01, 0.998
"""Weight decay, and the decay of the weights' average."""


def with_usual(
    settings: GenerateSettings,
    *,
    characters: int,
    unspaced: bool,
    drops_weights: bool,
    transformer: bool = False,
) -> GenerateSettings:
    """Return the settings with nothing left open, for so many characters of training text.

    ``unspaced``: the text is in a script without spaces between words, as Chinese; ``drops_weights``: the cell has
    recurrent weights.
    """
    units = settings.units or ("characters" if unspaced or characters <= SMALL else "bpe")
    hidden = settings.hidden_size or HIDDEN
    usual: dict[str, Any] = {
        "units": units,
        "vocabulary": {"words": 20_000, "characters": 8_000}.get(units, 8_000),
        # A table of few tokens costs nothing, and an output of the layers' own size needs no matrix before it.
        "embedding": hidden if units == "characters" and not unspaced else min(256, hidden),
        "hidden_size": hidden,
        "layers": 2,
        "dropout": 0.3 if characters < LITTLE else 0.1,
        "embedding_dropout": 0.0,
        "weight_dropout": 0.2 if characters < LITTLE and drops_weights else 0.0,
        "activation": 0.0,
        "temporal": 0.0,
        "steps": 256 if transformer else 64,
        "batch_tokens": 4_096 if transformer else 2_048,
    }
    return replace(settings, **{k: v for k, v in usual.items() if getattr(settings, k) is None})


def training_settings(
    given: Mapping[str, Any], *, batches: int, tokens: int, rate: float = RATE
) -> TrainSettings:
    """Return the settings of a training: those given, and these where nothing was given.

    Args:
        given: options of `TrainSettings`.
        batches: of an epoch.
        tokens: of an epoch.
        rate: the learning rate where none was given.
    """
    least, most = EPOCHS
    chosen: dict[str, Any] = {
        "epochs": min(max(TOKENS_READ // max(tokens, 1), least), most),
        "optimizer": "adamw",
        "learning_rate": rate,
        "weight_decay": DECAY,
        "warmup_steps": WARMUP,
        "average": AVERAGE,
        "patience": 5,
    }
    if given.get("max_steps") is not None and "epochs" not in given:
        chosen["epochs"] = None
    if not any(given.get(bound) for bound in BOUNDS):
        chosen["max_minutes"] = MINUTES
    settings = TrainSettings(**{**chosen, **given})
    ends = (settings.max_steps, settings.epochs and batches * settings.epochs)
    known = [end for end in ends if end is not None]
    if known and "warmup_steps" not in given:
        # Else a short training would only ever see a rate that rises.
        settings = replace(settings, warmup_steps=min(WARMUP, min(known) // WARMING))
    if settings.evaluate_every is None:
        total = min(known, default=batches)
        settings = replace(settings, evaluate_every=min(max(total // EVALUATIONS, 50), total))
    return settings
