"""From parted sentences to a fitted network: learn to read them, and train."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from torch import nn

from unrolled.core.compose import Stack
from unrolled.data.tag_schemes import spans_of
from unrolled.data.tagged import Tagged
from unrolled.data.words import WORDS
from unrolled.models.token_pairs import frequent_pairs
from unrolled.tasks.recurrent import CellChoice, cell_name
from unrolled.tasks.start import Start, thawing
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.context import characters_of, refuse_words
from unrolled.tasks.tag.fitted import Fitted, make_model, network_sizes
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.parts import TagPart, TagParts
from unrolled.tasks.tag.reading import Encoded, TagReader
from unrolled.tasks.tag.settings import TagSettings, training_settings, with_usual
from unrolled.tasks.tag.training import (
    tag_loss,
    training_batches,
    validation_loss,
    validation_score,
)
from unrolled.train.batches import token_batches
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Progress
from unrolled.train.settings import TrainSettings
from unrolled.train.thaw import Part

MakeProgress = Callable[[TrainSettings], Progress]


@dataclass(frozen=True)
class FittingTask:
    """A network that is to be trained, and on what.

    Attributes:
        parts: the sentences.
        train: the training part as numbers.
        validation: the validation part as numbers.
    """

    parts: TagParts
    cell: CellChoice
    chosen: TagSettings
    data: Tagged
    codes: TagCodes
    reader: TagReader
    train: Encoded
    validation: Encoded
    model: TagModel
    settings: TrainSettings
    start: Start | None = None
    notes: tuple[str, ...] = ()

    def run(
        self,
        folder: str | os.PathLike[str] | None,
        *,
        resume: bool,
        progress: MakeProgress | None,
    ) -> tuple[Fitted, TrainResult]:
        """Train the network."""
        result = fit(
            self.model,
            tag_loss,
            training_batches(self.train, self.chosen.batch_tokens or 1, self.settings.seed),
            self.settings,
            validate=self._validation(),
            parts=self._thawing(),
            folder=None if folder is None else Path(folder),
            resume=resume,
            progress=progress(self.settings) if progress else None,
            about=self.about(),
        )
        fitted = Fitted(
            self.chosen,
            self.data.form,
            self.codes,
            self.reader,
            self.model.eval(),
            self.parts.train.hashes(),
            self.start,
        )
        return fitted, result

    def _thawing(self) -> list[Part]:
        context = self.model.network.read.context
        return thawing(*context) if isinstance(context, Stack) else []

    def _validation(self) -> Callable[[nn.Module], float] | None:
        held = self.parts.validation
        if not len(held):
            return None
        if self.chosen.select == "loss":
            return validation_loss(self.validation, self.chosen.batch_tokens or 1)
        pieces = self.reader.pieces(held.tags)[0]
        return validation_score(self.validation, pieces, self.codes)

    def about(self) -> dict[str, str]:
        """Return what a run must be resumed with: the options, the cell, the start, and the sentences with their tags."""
        rows = hashlib.blake2b(digest_size=16)
        for part in (self.parts.train, self.parts.validation):
            for row in chain(part.sentences, part.tags):
                rows.update("\0".join(row).encode("utf-8", "surrogatepass") + b"\n")
        options = json.dumps(self.chosen.as_dict(), sort_keys=True)
        cell = cell_name(self.cell) or "your own"
        begun = {} if self.start is None else {"language model": self.start.digest}
        return {"options": options, "cell": cell, "rows": rows.hexdigest(), **begun}


def prepare(
    cell: CellChoice,
    settings: TagSettings,
    train_options: Mapping[str, Any],
    data: Tagged,
    parts: TagParts,
    start: Start | None = None,
) -> FittingTask:
    """Learn to read the training part, and return the network that is to be trained on it.

    Raises:
        InputError: tags stand for words, and the language model that is begun with reads characters.
    """
    refuse_words(start, data.form)
    codes = TagCodes.of(parts.train.tags, data.form.scheme)
    parts = parts.known_to(codes)
    of_words = data.form.units == WORDS
    settings = with_usual(settings, of_words=of_words, spans=codes.has_spans)
    settings, said = _selected(settings, codes, parts.validation)
    words = None if start is None else characters_of(start)
    reader = TagReader.fitted(parts.train.sentences, settings, words)
    train, held = (
        reader.encode(part.sentences, part.tags, codes) for part in (parts.train, parts.validation)
    )
    batches = token_batches(train.lengths, settings.batch_tokens or 1, seed=0, epoch=0)
    training = training_settings(
        train_options, batches=len(batches), tokens=int(train.lengths.sum())
    )
    pairs = None if of_words else frequent_pairs(train.words, len(reader.words))
    sizes = network_sizes(settings, reader, codes, 0 if pairs is None else len(pairs), start)
    model = make_model(cell, settings, sizes, codes, training.seed, start)
    if pairs is not None and model.network.read.pairs is not None:
        model.network.read.pairs.keys.copy_(pairs)
    notes = (*parts.notes, *said, *reader.notes(parts.train.sentences, parts.train.where))
    return FittingTask(
        parts, cell, settings, data, codes, reader, train, held, model, training, start, notes
    )


def _selected(
    settings: TagSettings, codes: TagCodes, held: TagPart
) -> tuple[TagSettings, tuple[str, ...]]:
    """Return the settings, with the loss to choose weights by where no validation sentence has a span.

    A network that finds none has the best F1 there before it has learned anything.
    """
    has_none = len(held) > 0 and not any(map(spans_of, held.tags))
    if settings.select == "loss" or not codes.has_spans or not has_none:
        return settings, ()
    note = f"{held.where(0)}: no validation sentence has a span; weights are chosen by the loss"
    return replace(settings, select="loss"), (note,)
