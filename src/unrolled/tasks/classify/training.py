"""How a classifier is trained: its loss, its batches, its validation score; and what it answers to rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.models.classifier import ClassifyNetwork
from unrolled.tasks.classify.reading import LabelledBatch
from unrolled.tasks.sequences import Encoded, blocks, sequences
from unrolled.train.batches import BatchList, length_buckets
from unrolled.train.loop import Loss
from unrolled.train.settings import TrainSettings
from unrolled.train.threads import shared_by_rows, threads_for, torch_threads

Rows = NDArray[np.int64]
Array = NDArray[np.float64]

MOST_STEPS = 32_768
"""Steps answered at a time, with their padding."""
MOST_VALIDATION_ROWS = 4_000
"""More are thinned out evenly: the score hardly changes, and it is taken 15 times."""


def classify_loss(class_weights: Tensor | None) -> Callable[[nn.Module, LabelledBatch], Loss]:
    """Return the loss: the cross-entropy, every row weighted by its class where there are weights."""

    def loss(model: nn.Module, batch: LabelledBatch) -> Loss:
        assert isinstance(model, ClassifyNetwork)
        scores = model.classify(batch.xs)
        weight = None if class_weights is None else class_weights.to(scores)
        total = F.cross_entropy(scores, batch.labels, weight=weight, reduction="sum")
        return Loss(total, len(batch.labels))

    return loss


def training_batches(
    encoded: Encoded, labels: Rows, settings: TrainSettings
) -> Callable[[int], BatchList[LabelledBatch]]:
    """Return the batches of an epoch: every row once, beside rows of similar length."""
    classes, lengths = torch.from_numpy(labels), encoded.lengths

    def make(rows: Rows) -> LabelledBatch:
        return LabelledBatch(sequences(encoded, rows), classes[torch.from_numpy(rows)])

    def batches(epoch: int) -> BatchList[LabelledBatch]:
        rows = length_buckets(lengths, settings.batch_size, seed=settings.seed, epoch=epoch)
        return BatchList(rows, make)

    return batches


def class_scores_of(network: ClassifyNetwork, encoded: Encoded, rows: Rows | None = None) -> Tensor:
    """Return the scores (N, C) of rows, all where it is None, in double precision."""
    chosen = np.arange(len(encoded)) if rows is None else rows
    scores = torch.zeros(len(chosen), network.sizes.classes, dtype=torch.float64)
    training = network.training
    network.eval()
    rows_at_once = max(MOST_STEPS // max(int(encoded.lengths.max(initial=1)), 1), 1)
    threads = threads_for(
        rows_at_once,
        network.sizes.width,
        available=torch.get_num_threads(),
        by_rows=shared_by_rows(network),
    )
    try:
        with torch.no_grad(), torch_threads(threads):
            for some in blocks(encoded.lengths[chosen], MOST_STEPS):
                xs = sequences(encoded, chosen[some])
                scores[torch.from_numpy(some)] = network.classify(xs).double()
    finally:
        network.train(training)
    return scores


def validation_score(
    encoded: Encoded, labels: Rows, class_weights: Tensor | None = None
) -> Callable[[nn.Module], float]:
    """Return the score that training is stopped on: the mean cross-entropy, weighted as in training."""
    count = min(len(encoded), MOST_VALIDATION_ROWS)
    rows = np.linspace(0, len(encoded) - 1, count).round().astype(np.int64)
    truth = torch.from_numpy(labels[rows])

    def score(model: nn.Module) -> float:
        assert isinstance(model, ClassifyNetwork)
        scores = class_scores_of(model, encoded, rows)
        weight = None if class_weights is None else class_weights.to(scores)
        total = F.cross_entropy(scores, truth, weight=weight, reduction="sum")
        return float(total) / len(truth)

    return score


def fit_temperature(scores: Tensor, truth: Tensor) -> float:
    """Return the temperature t by which scores are divided so that softmax(scores / t) is least surprised.

    A network is surer of itself than it may be. Fitted on the validation part by its cross-entropy; the order of the
    classes stays. Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599.

    >>> scores = torch.tensor([[4.0, 0.0]] * 4, dtype=torch.float64)
    >>> round(fit_temperature(scores, torch.tensor([0, 0, 0, 1])), 2)
    3.64
    """
    from scipy.optimize import minimize_scalar

    def surprise(log_temperature: float) -> float:
        return float(F.cross_entropy(scores / np.exp(log_temperature), truth))

    found: Any = minimize_scalar(surprise, bounds=(np.log(0.2), np.log(10)), method="bounded")
    return float(np.exp(found.x))
