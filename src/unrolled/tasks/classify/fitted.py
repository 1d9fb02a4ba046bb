"""A fitted classifier's inside: the network, what it was taught to read, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.data.labelled_form import LabelledForm
from unrolled.models.classifier import ClassifierSizes, ClassifyNetwork
from unrolled.tasks.classify.reading import Reader
from unrolled.tasks.classify.settings import ClassifySettings
from unrolled.tasks.classify.training import class_scores_of
from unrolled.tasks.recurrent import CellChoice, recurrent_layer
from unrolled.tasks.start import Start

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes:
        settings: with nothing left open.
        form: how rows are read from files.
        classes: the labels, in the order of the network's scores.
        reader: how rows become what the network reads.
        network: in evaluation mode.
        temperature: by which its scores are divided.
        train_hashes: (N,) of the training rows, to find those that come again.
        start: the language model that it began with, if any.
    """

    settings: ClassifySettings
    form: LabelledForm
    classes: tuple[str, ...]
    reader: Reader
    network: ClassifyNetwork
    temperature: float
    train_hashes: NDArray[np.uint64]
    start: Start | None = None

    def probabilities(self, inputs: Iterable[Any]) -> tuple[Array, Rows]:
        """Return the probabilities (N, C) of rows, and how long each is (N,), before a long one is cut."""
        encoded, lengths = self.reader.read(inputs)
        scores = class_scores_of(self.network, encoded) / self.temperature
        return scores.softmax(-1).numpy(), lengths


def network_sizes(
    settings: ClassifySettings,
    classes: int,
    *,
    vocabulary: int,
    features: int,
    start: Start | None = None,
) -> ClassifierSizes:
    """Return the sizes of a network, without the buckets of its n-grams, which the texts decide."""
    assert settings.hidden_size is not None
    assert settings.embedding is not None
    width = (2 if settings.bidirectional else 1) * settings.hidden_size
    return ClassifierSizes(
        classes=classes,
        vocabulary=vocabulary,
        features=features,
        embedding=settings.embedding,
        width=width if start is None else start.sizes.width,
        ngrams=settings.ngrams or 0,
    )


def make_network(
    cell: CellChoice,
    settings: ClassifySettings,
    sizes: ClassifierSizes,
    seed: int,
    start: Start | None = None,
) -> ClassifyNetwork:
    """Return a new network; its weights depend on ``seed`` alone, and on the language model it begins with."""
    dropout, word_dropout = settings.dropout or 0.0, settings.word_dropout or 0.0
    assert settings.hidden_size is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if start is not None:
            read, layer = start.body(dropout)
            return ClassifyNetwork(layer, sizes, settings.pooling, dropout, word_dropout, read)
        layer = recurrent_layer(
            cell,
            sizes.embedding,
            settings.hidden_size,
            layers=settings.layers,
            dropout=dropout,
            bidirectional=settings.bidirectional,
        )
        return ClassifyNetwork(layer, sizes, settings.pooling, dropout, word_dropout)
