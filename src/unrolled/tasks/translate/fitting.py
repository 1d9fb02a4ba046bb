"""From parted pairs to a fitted network: learn to read them, and train."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from unrolled.data.pairs import Pairs
from unrolled.data.partition import row_hashes
from unrolled.data.script import main_script
from unrolled.data.text_tokenizer import TextTokenizer, fit_text_tokenizer
from unrolled.errors import InputError, OptionError
from unrolled.models.seq2seq import Seq2Seq
from unrolled.tasks.baselines import is_summary
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.text_scores import bleu_metric, text_scores
from unrolled.tasks.translate.fitted import SUMMARISE, TRANSLATE, Fitted
from unrolled.tasks.translate.network import make_network, network_sizes, saved_name
from unrolled.tasks.translate.parts import PairPart, PairParts
from unrolled.tasks.translate.reading import FRAME, Cut, EncodedPairs, PairReader
from unrolled.tasks.translate.settings import TranslateSettings, training_settings, with_usual
from unrolled.tasks.translate.training import (
    thinned,
    tokens_per_token,
    training_batches,
    translate_loss,
    validation_loss,
)
from unrolled.tasks.translate.writing import SPARE, Manner, Writer
from unrolled.train.batches import token_batches
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Progress
from unrolled.train.settings import TrainSettings

MakeProgress = Callable[[TrainSettings], Progress]


@dataclass(frozen=True)
class FittingTask:
    """A network that is to be trained, and on what.

    Attributes:
        parts: the pairs; those of the training part can be written in full.
        encoded: gives the token ids of the training part in an epoch.
        validation: token ids of the validation part.
    """

    parts: PairParts
    cell: CellChoice
    chosen: TranslateSettings
    data: Pairs
    reader: PairReader
    encoded: Callable[[int], EncodedPairs]
    validation: EncodedPairs
    network: Seq2Seq
    settings: TrainSettings
    notes: tuple[str, ...] = ()

    def run(
        self,
        folder: str | os.PathLike[str] | None,
        *,
        resume: bool,
        progress: MakeProgress | None,
    ) -> tuple[Fitted, TrainResult]:
        """Train the network."""
        tokens = self.chosen.batch_tokens or 1
        ratio = tokens_per_token(self.encoded(0))
        result = fit(
            self.network,
            translate_loss(self.chosen.label_smoothing),
            training_batches(self.encoded, tokens, self.settings.seed),
            self.settings,
            validate=self._validation(tokens, ratio),
            folder=None if folder is None else Path(folder),
            resume=resume,
            progress=progress(self.settings) if progress else None,
            about=self.about(),
        )
        train = self.parts.train
        fitted = Fitted(
            self.chosen,
            self.data.form,
            SUMMARISE if is_summary(train.sources, train.targets) else TRANSLATE,
            self.reader,
            self.network.eval(),
            ratio,
            row_hashes(train.sources),
        )
        return fitted, result

    def _validation(self, tokens: int, ratio: float) -> Callable[[nn.Module], float] | None:
        if not len(self.parts.validation):
            return None
        if self.chosen.select == "loss":
            return validation_loss(self.validation, tokens)
        return self._validation_bleu(ratio)

    def _validation_bleu(self, ratio: float) -> Callable[[nn.Module], float]:
        """Return minus the BLEU of the validation part, written greedily."""
        rows = thinned(len(self.parts.validation))
        sources = self.validation.sources.take(rows)
        references = [self.parts.validation.targets[int(row)] for row in rows]
        tokenize, text = self.chosen.tokenize, self.reader.target.decode

        def score(model: nn.Module) -> float:
            assert isinstance(model, Seq2Seq)
            writer = Writer(model, ratio, self.reader.longest)
            found = writer.write(sources, Manner(beam=1))
            texts = [text(list(best.tokens)) for best, *_ in found]
            return -text_scores(texts, references, tokenize=tokenize)["bleu"]

        return score

    def about(self) -> dict[str, str]:
        """Return what a run must be resumed with: the options, the cell, and the pairs."""
        rows = hashlib.blake2b(digest_size=16)
        for part in (self.parts.train, self.parts.validation):
            # Not `row_hashes`, to which capitals are all one: they are not to what writes them.
            for text in chain(part.sources, part.targets):
                rows.update(text.encode("utf-8", "surrogatepass") + b"\0")
        options = json.dumps(self.chosen.as_dict(), sort_keys=True)
        cell = saved_name(self.cell) or "your own"
        about = {"options": options, "cell": cell, "rows": rows.hexdigest()}
        if self.chosen.units == "unigram":
            # These may be others when they are learned again, though hardly ever.
            learned = "".join(side.to_text() for side in (self.reader.source, self.reader.target))
            about["tokenizer"] = hashlib.blake2b(learned.encode(), digest_size=16).hexdigest()
        return about


def prepare(
    cell: CellChoice,
    settings: TranslateSettings,
    train_options: Mapping[str, Any],
    data: Pairs,
    parts: PairParts,
) -> FittingTask:
    """Learn to read the training part, and return the network that is to be trained on it.

    Raises:
        InputError: the texts hold nothing, or every target is too long.
        OptionError: the weights are to be chosen by the BLEU of no pairs, or BLEU's tokeniser is not installed.
    """
    if settings.select == "bleu" and not len(parts.validation):
        raise OptionError(
            "select='bleu' without a validation part",
            expected="pairs to choose the weights by",
            fix="hold some out: validation=0.05 (--validation 0.05)",
        )
    if settings.tokenize is not None:
        bleu_metric((), settings.tokenize)
    one_script = main_script(parts.train.sources) == main_script(parts.train.targets)
    settings = with_usual(settings, pairs=len(parts.train), one_script=one_script)
    reader = fit_reader(settings, parts.train)
    train, pairs, notes = _encoded_train(reader, parts.train)
    longest = int(pairs.targets.lengths.max()) - FRAME
    reader = replace(reader, longest=min(settings.max_length, SPARE + 3 * longest // 2))
    tokens = settings.batch_tokens or 1
    batches = token_batches(pairs.lengths, tokens, seed=0, epoch=0)
    training = training_settings(
        train_options, batches=len(batches), tokens=int(pairs.lengths.sum())
    )
    sizes = network_sizes(cell, settings, len(reader.source), len(reader.target))
    return FittingTask(
        replace(parts, train=train),
        cell,
        settings,
        data,
        reader,
        _by_epoch(reader, train, pairs, settings.bpe_dropout, training.seed),
        reader.pairs(parts.validation.sources, parts.validation.targets),
        make_network(cell, settings, sizes, reader.longest, training.seed),
        training,
        (*parts.notes(), *notes),
    )


def fit_reader(settings: TranslateSettings, train: PairPart) -> PairReader:
    """Learn the vocabularies from the training part alone."""

    def learned(*sides: Sequence[str]) -> TextTokenizer:
        return fit_text_tokenizer(list(chain(*sides)), settings.units, size=settings.vocabulary)

    if settings.shared:
        both = learned(train.sources, train.targets)
        return PairReader(both, both, settings.max_length, settings.max_length)
    source, target = learned(train.sources), learned(train.targets)
    return PairReader(source, target, settings.max_length, settings.max_length)


def _encoded_train(
    reader: PairReader, train: PairPart
) -> tuple[PairPart, EncodedPairs, tuple[str, ...]]:
    """Return the pairs that can be trained on, and their ids: a target that is too long would teach to stop early."""
    sources, lengths = reader.sources(train.sources)
    targets = reader.targets(train.targets)
    most, notes = reader.max_length, []
    too_long = targets.lengths - FRAME > most
    if too_long.any():
        place = train.where(int(too_long.argmax()))
        count = int(too_long.sum())
        targets_said = "1 target" if count == 1 else f"{count:,} targets"
        message = f"{targets_said} of more than {most:,} tokens"
        if too_long.all():
            raise InputError(
                f"all {message}",
                where=place,
                expected="targets that can be written in full",
                fix="raise max_length (--max-length)",
            )
        notes.append(f"{place}: {message}, left out of the training (--max-length)")
        kept = np.flatnonzero(~too_long)
        train, lengths = train.take(kept), lengths[kept]
        sources, targets = sources.take(kept), targets.take(kept)
    notes += Cut(most).add(lengths, train.where).notes(" (--max-length)")
    return train, EncodedPairs(sources, targets), tuple(notes)


def _by_epoch(
    reader: PairReader, train: PairPart, pairs: EncodedPairs, dropout: float, seed: int
) -> Callable[[int], EncodedPairs]:
    """Return what gives the token ids of an epoch: other ones in each where merges are dropped."""

    @lru_cache(maxsize=1)
    def encoded(epoch: int) -> EncodedPairs:
        if not dropout:
            return pairs
        return reader.pairs(train.sources, train.targets, dropout, seed=seed, epoch=epoch)

    return encoded
