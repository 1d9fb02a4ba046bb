"""From parted texts to a fitted network: learn to read them, and train."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from unrolled.data.documents import Documents
from unrolled.data.partition import row_hashes
from unrolled.data.script import text_form
from unrolled.data.text_pieces import text_pieces
from unrolled.data.text_tokenizer import fit_text_tokenizer
from unrolled.data.token_rows import TokenRows
from unrolled.models.language import LanguageModel
from unrolled.models.verse import LineEnds
from unrolled.tasks.generate.copies import TrainText
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.network import (
    TRANSFORMER,
    drops_weights,
    make_network,
    network_sizes,
    saved_name,
)
from unrolled.tasks.generate.parts import TextParts
from unrolled.tasks.generate.reading import TextReader
from unrolled.tasks.generate.samples import LOOKED_AT, usual_verses
from unrolled.tasks.generate.settings import (
    RATE,
    TEXT,
    TRANSFORMER_RATE,
    GenerateSettings,
    training_settings,
    with_usual,
)
from unrolled.tasks.generate.training import (
    document_batches,
    document_loss,
    document_validation,
    first_state,
    stream_loss,
    text_batches,
    text_validation,
)
from unrolled.tasks.recurrent import CellChoice
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Progress
from unrolled.train.settings import TrainSettings

MakeProgress = Callable[[TrainSettings], Progress]

_BEGINNING = 100_000


@dataclass(frozen=True)
class FittingTask:
    """A network that is to be trained, and on what.

    Attributes:
        parts: the texts.
        batches: of an epoch.
        validation: token ids of the validation part.
    """

    parts: TextParts
    cell: CellChoice
    chosen: GenerateSettings
    data: Documents
    reader: TextReader
    batches: Callable[[int], Sequence[Any]]
    validation: TokenRows
    network: LanguageModel
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
        goes_on = self.chosen.kind == TEXT
        result = fit(
            self.network,
            stream_loss(self.chosen) if goes_on else document_loss(self.chosen),
            self.batches,
            self.settings,
            carry=first_state if goes_on else None,
            validate=self._validation(),
            folder=None if folder is None else Path(folder),
            resume=resume,
            progress=progress(self.settings) if progress else None,
            about=self.about(),
        )
        train = self.parts.train
        some = verse_like(train.texts, self.chosen.kind)
        fitted = Fitted(
            self.chosen,
            self.data.form,
            self.reader,
            self.network.eval(),
            LineEnds.of(some),
            # A sample of a long text is no poem by itself: no form of it could be told.
            () if goes_on else usual_verses(some),
            TrainText.kept_of(train.texts) if self.chosen.keep_text else None,
            row_hashes(train.texts),
        )
        return fitted, result

    def _validation(self) -> Callable[[Any], float] | None:
        if not len(self.validation):
            return None
        if self.chosen.kind == TEXT:
            return text_validation(self.validation)
        return document_validation(self.validation, self.chosen.batch_tokens or 1)

    def about(self) -> dict[str, str]:
        """Return what a run must be resumed with: the options, the cell, and the texts."""
        rows = hashlib.blake2b(digest_size=16)
        for part in (self.parts.train, self.parts.validation):
            for text in part.texts:
                rows.update(text.encode("utf-8", "surrogatepass") + b"\0")
        options = json.dumps(self.chosen.as_dict(), sort_keys=True)
        cell = saved_name(self.cell) or "your own"
        about = {"options": options, "cell": cell, "texts": rows.hexdigest()}
        if self.chosen.units == "unigram":
            # These may be others when they are learned again, though hardly ever.
            learned = self.reader.tokenizer.to_text().encode()
            about["tokenizer"] = hashlib.blake2b(learned, digest_size=16).hexdigest()
        return about


def prepare(
    cell: CellChoice,
    settings: GenerateSettings,
    train_options: Mapping[str, Any],
    data: Documents,
    parts: TextParts,
) -> FittingTask:
    """Learn to read the training part, and return the network that is to be trained on it.

    Raises:
        InputError: the texts hold nothing.
    """
    train = parts.train
    settings = with_usual(
        settings,
        characters=train.characters,
        unspaced=text_form(list(beginnings(train.texts))) == "characters",
        drops_weights=drops_weights(cell),
        transformer=cell == TRANSFORMER,
    )
    assert settings.units is not None
    assert settings.kind is not None
    tokenizer = fit_text_tokenizer(
        list(chain.from_iterable(map(text_pieces, train.texts))),
        settings.units,
        size=settings.vocabulary,
        keep_space=True,
    )
    reader = TextReader(tokenizer, settings.kind)
    rows = reader.rows(train.texts)
    seed, tokens = int(train_options["seed"]), settings.batch_tokens or 1
    batches: Callable[[int], Sequence[Any]]
    if settings.kind == TEXT:
        batches = text_batches(rows, settings.steps or 1, tokens, seed)
    else:
        batches = document_batches(rows, tokens, seed)
    scored = int(rows.lengths.sum()) - len(rows)
    training = training_settings(
        train_options,
        batches=len(batches(0)),
        tokens=scored,
        rate=TRANSFORMER_RATE if cell == TRANSFORMER else RATE,
    )
    sizes = network_sizes(settings, len(tokenizer))
    return FittingTask(
        parts,
        cell,
        settings,
        data,
        reader,
        batches,
        reader.rows(parts.validation.texts),
        make_network(cell, settings, sizes, training.seed),
        training,
        parts.notes(),
    )


def beginnings(texts: Sequence[str]) -> Iterator[str]:
    """Yield the beginnings of texts, by which script and form are told."""
    return (text[:_BEGINNING] for text in texts)


def verse_like(texts: Sequence[str], kind: str | None) -> Sequence[str]:
    """Return what might be poems: documents, or the paragraphs of long texts, evenly spread."""
    if kind != TEXT:
        return texts
    paragraphs = [each for text in texts for each in text.split("\n\n") if each.strip()]
    return paragraphs[:: 1 + len(paragraphs) // LOOKED_AT]
