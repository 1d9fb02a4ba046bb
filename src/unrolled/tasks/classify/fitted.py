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

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes:
        form: how rows are read from files.
        classes: the labels, in the order of the network's scores.
        reader: how rows become what the network reads.
        network: in evaluation mode.
        temperature: by which its scores are divided.
        train_hashes: (N,) of the training rows, to find those that come again.
    """

    form: LabelledForm
    classes: tuple[str, ...]
    reader: Reader
    network: ClassifyNetwork
    temperature: float
    train_hashes: NDArray[np.uint64]

    def probabilities(self, inputs: Iterable[Any]) -> tuple[Array, Rows]:
        """Return the probabilities (N, C) of rows, and how long the network read each (N,)."""
        encoded = self.reader.encode(inputs)
        scores = class_scores_of(self.network, encoded) / self.temperature
        return scores.softmax(-1).numpy(), encoded.lengths


def network_sizes(
    settings: ClassifySettings, classes: int, *, vocabulary: int, features: int, embedding: int
) -> ClassifierSizes:
    """Return the sizes of a network, without those of its n-grams, which the texts decide."""
    directions = 2 if settings.bidirectional else 1
    return ClassifierSizes(
        classes=classes,
        vocabulary=vocabulary,
        features=features,
        embedding=embedding,
        width=directions * settings.hidden_size,
    )


def make_network(
    cell: CellChoice,
    settings: ClassifySettings,
    sizes: ClassifierSizes,
    units: str | None,
    seed: int,
) -> ClassifyNetwork:
    """Return a new network; its weights depend on ``seed`` alone."""
    dropout, word_dropout = chosen_dropout(settings, units)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = recurrent_layer(
            cell,
            sizes.embedding,
            settings.hidden_size,
            layers=settings.layers,
            dropout=dropout,
            bidirectional=settings.bidirectional,
        )
        return ClassifyNetwork(layer, sizes, settings.pooling, dropout, word_dropout)


USUAL_DROPOUT = {None: (0.1, 0.0), "words": (0.5, 0.3), "bpe": (0.5, 0.2), "characters": (0.3, 0.1)}
"""The probabilities of dropping a feature and of hiding a token, by what texts are read as; None = numbers."""


def chosen_dropout(settings: ClassifySettings, units: str | None) -> tuple[float, float]:
    """Return the probabilities of dropping a feature and of hiding a token."""
    dropout, word_dropout = USUAL_DROPOUT[units]
    return (
        dropout if settings.dropout is None else settings.dropout,
        word_dropout if settings.word_dropout is None else settings.word_dropout,
    )
