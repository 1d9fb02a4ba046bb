"""From parted rows to a fitted network: learn to read them, train, calibrate."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.data.labelled import Labelled
from unrolled.data.labelled_form import TEXT
from unrolled.data.partition import row_hashes
from unrolled.data.tokenizer import FIRST_TOKEN, Tokenizer, fit_tokenizer
from unrolled.data.vectors import Vectors, read_vectors
from unrolled.errors import OptionError
from unrolled.models.classifier import ClassifierSizes, ClassifyNetwork, ReadNumbers
from unrolled.models.ngrams import distinct_ngrams
from unrolled.tasks.classify.defaults import with_usual
from unrolled.tasks.classify.fitted import Fitted, make_network, network_sizes
from unrolled.tasks.classify.parts import LabelledParts
from unrolled.tasks.classify.reading import Reader
from unrolled.tasks.classify.settings import BALANCED, ClassifySettings, training_settings
from unrolled.tasks.classify.training import (
    MOST_STEPS,
    class_scores_of,
    classify_loss,
    fit_temperature,
    training_batches,
    validation_score,
)
from unrolled.tasks.generate.network import saved_name
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.sequences import Encoded, blocks, sequences
from unrolled.tasks.start import Start, thawing
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Progress
from unrolled.train.settings import TrainSettings

MakeProgress = Callable[[TrainSettings], Progress]
Rows = NDArray[np.int64]

FEW_ROWS = 1000
"""Training rows below which a word that occurs once is kept."""
LEAST_CALIBRATED = 50
"""Validation rows below which the temperature is left at 1."""


@dataclass(frozen=True)
class FittingTask:
    """A network that is to be trained, and on what."""

    parts: LabelledParts
    cell: CellChoice
    chosen: ClassifySettings
    data: Labelled
    reader: Reader
    train: Encoded
    validation: Encoded
    network: ClassifyNetwork
    settings: TrainSettings
    class_weights: Tensor | None
    start: Start | None = None
    notes: tuple[str, ...] = ()

    def run(
        self,
        folder: str | os.PathLike[str] | None,
        *,
        resume: bool,
        progress: MakeProgress | None,
    ) -> tuple[Fitted, TrainResult]:
        """Train the network, and calibrate it where there is a validation part."""
        held = self.parts.validation
        result = fit(
            self.network,
            classify_loss(self.class_weights),
            training_batches(self.train, self.parts.train.labels, self.settings),
            self.settings,
            validate=validation_score(self.validation, held.labels, self.class_weights)
            if len(held)
            else None,
            parts=thawing(self.network.read, self.network.layer) if self.start else (),
            folder=None if folder is None else Path(folder),
            resume=resume,
            progress=progress(self.settings) if progress else None,
            about=self.about(),
        )
        self.network.eval()
        temperature = 1.0
        if len(held) >= LEAST_CALIBRATED:
            scores = class_scores_of(self.network, self.validation)
            temperature = fit_temperature(scores, torch.from_numpy(held.labels))
        fitted = Fitted(
            self.chosen,
            self.data.form,
            self.parts.classes,
            self.reader,
            self.network,
            temperature,
            row_hashes(self.parts.train.inputs),
            self.start,
        )
        return fitted, result

    def about(self) -> dict[str, str]:
        """Return what a run must be resumed with: the options, the cell, the start, and the rows with their labels."""
        rows = hashlib.blake2b(digest_size=16)
        for part in (self.parts.train, self.parts.validation):
            rows.update(row_hashes(part.inputs).tobytes() + part.labels.tobytes())
        options = json.dumps(self.chosen.as_dict(), sort_keys=True)
        cell = saved_name(self.cell) or "one of the user's own"
        begun = {} if self.start is None else {"language model": self.start.digest}
        return {"options": options, "cell": cell, "rows": rows.hexdigest(), **begun}


def prepare(
    cell: CellChoice,
    settings: ClassifySettings,
    train_options: Mapping[str, Any],
    data: Labelled,
    parts: LabelledParts,
    start: Start | None = None,
) -> FittingTask:
    """Learn to read the training part, and return the network that is to be trained on it.

    Raises:
        InputError: the texts hold no word, or the word vectors cannot be read.
        OptionError: an option is for texts, and the rows are sequences of numbers.
    """
    of_text = data.form.kind == TEXT
    if not of_text:
        _refuse_text_options(settings, start)
    tokenizer = _tokenizer(settings, parts.train.inputs, start) if of_text else None
    reader = Reader(tokenizer, settings.max_length, data.form.features)
    train, held = reader.encode(parts.train.inputs), reader.encode(parts.validation.inputs)
    training = training_settings(
        train_options, rows=len(train), steps=int(train.lengths.sum()), of_text=of_text
    )
    vectors = _vectors(settings, reader)
    if vectors is not None:
        settings = replace(settings, embedding=vectors.dimension)
    settings = with_usual(settings, tokenizer)
    sizes = network_sizes(
        settings,
        len(parts.classes),
        vocabulary=len(tokenizer) if tokenizer else 0,
        features=data.form.features,
        start=start,
    )
    network = make_network(cell, settings, _with_buckets(sizes, train), training.seed, start)
    _begin(network, train, vectors, reader)
    weights = class_weights(settings, parts.classes, parts.train.labels)
    notes = () if vectors is None else (_covered(vectors, tokenizer),)
    return FittingTask(
        parts, cell, settings, data, reader, train, held, network, training, weights, start, notes
    )


def _tokenizer(settings: ClassifySettings, texts: Sequence[str], start: Start | None) -> Tokenizer:
    """Return the tokenizer of the language model that is begun with, or a new one of the training texts."""
    if start is not None:
        return start.tokenizer
    few = len(texts) < FEW_ROWS or settings.vectors is not None
    return fit_tokenizer(texts, settings.units, size=settings.vocabulary, minimum=1 if few else 2)


def _covered(vectors: Vectors, tokenizer: Tokenizer | None) -> str:
    wanted = 0 if tokenizer is None else len(tokenizer) - FIRST_TOKEN
    return f"vectors: {len(vectors.words):,} of {wanted:,} tokens found"


def _refuse_text_options(settings: ClassifySettings, start: Start | None) -> None:
    names = ("units", "vectors", "vocabulary", "ngrams", "word_dropout")
    given = {"start": start and start.source} | {name: getattr(settings, name) for name in names}
    for name, value in given.items():
        if value:
            raise OptionError(
                f"{name}={value!r} is an option for texts",
                expected="sequences of numbers without it, as these rows are",
                fix="leave it out, or name the column of the texts (--text)",
            )


def _vectors(settings: ClassifySettings, reader: Reader) -> Vectors | None:
    if settings.vectors is None or reader.tokenizer is None:
        return None
    vectors = read_vectors(str(settings.vectors), reader.tokenizer.vocabulary()[FIRST_TOKEN:])
    if settings.embedding not in (None, vectors.dimension):
        raise OptionError(
            f"embedding={settings.embedding}",
            expected=f"{vectors.dimension}, as in {settings.vectors}",
            fix="leave it out",
        )
    return vectors


MOST_NGRAM_WEIGHTS = 2**21
"""Of all classes together: the optimizer goes through them in every step."""


def _with_buckets(sizes: ClassifierSizes, train: Encoded) -> ClassifierSizes:
    """Return the sizes with as many buckets as there are n-grams, up to a bound: a power of 2."""
    if sizes.ngrams < 2:
        return replace(sizes, buckets=1)
    most = max(MOST_NGRAM_WEIGHTS // sizes.classes, 2**10)
    distinct = distinct_ngrams(train, sizes.ngrams, most)
    return replace(sizes, buckets=2 ** min(distinct.bit_length(), most.bit_length() - 1))


@torch.no_grad()
def _begin(
    network: ClassifyNetwork, train: Encoded, vectors: Vectors | None, reader: Reader
) -> None:
    """Give the network what is counted, not trained: n-grams' importance, word vectors, mean and spread of numbers."""
    if network.ngrams is not None:
        network.ngrams.weigh(sequences(train, rows) for rows in blocks(train.lengths, MOST_STEPS))
    if isinstance(network.read, ReadNumbers):
        values = torch.from_numpy(train.values).double()
        if len(values):
            network.read.mean.copy_(values.mean(0))
            spread = values.std(0, correction=0)
            network.read.spread.copy_(torch.where(spread > 0, spread, 1.0))
    if vectors is not None and reader.tokenizer is not None:
        numbers = {word: k for k, word in enumerate(reader.tokenizer.vocabulary())}
        places = torch.tensor([numbers[word] for word in vectors.words])
        rows = torch.from_numpy(vectors.rows)
        weight = network.read.weight
        assert isinstance(weight, Tensor)
        # Words without a vector begin as long as those with one.
        spread = rows.std(correction=0)
        if spread > 0:
            weight.mul_(spread / weight.std())
        weight[places] = rows


def class_weights(
    settings: ClassifySettings, classes: Sequence[str], labels: Rows
) -> Tensor | None:
    """Return (C,) what a row counts by its class, 1 on average over the training rows; None = all the same.

    Raises:
        OptionError: a weight is given for a label that does not occur.
    """
    given = settings.class_weights
    if given is None:
        return None
    counts = np.bincount(labels, minlength=len(classes)).astype(np.float64)
    if given == BALANCED:
        weights = np.divide(1.0, counts, out=np.zeros_like(counts), where=counts > 0)
    else:
        assert isinstance(given, Mapping)
        for label in given:
            if label not in classes:
                raise OptionError(
                    f"class_weights names the label {label!r}",
                    expected=f"labels that occur: {', '.join(classes[:10])}",
                )
        weights = np.array([given.get(name, 1.0) for name in classes])
    return torch.from_numpy(weights * counts.sum() / (weights * counts).sum()).float()
