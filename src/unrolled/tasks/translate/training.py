"""How a translator is trained: its loss, its batches, and the score by which its weights are chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.models.seq2seq import Seq2Seq
from unrolled.tasks.translate.reading import EncodedPairs, PairBatch
from unrolled.train.batches import BatchList, token_batches
from unrolled.train.loop import Loss

Rows = NDArray[np.int64]

MOST_VALIDATION_PAIRS = 4_000
"""More are thinned out evenly: the score hardly changes, and it is taken some 20 times."""


def translate_loss(smoothing: float) -> Callable[[nn.Module, PairBatch], Loss]:
    """Return the loss: the label-smoothed cross-entropy of every target token, END among them."""

    def loss(model: nn.Module, batch: PairBatch) -> Loss:
        assert isinstance(model, Seq2Seq)
        return Loss(*model.loss(batch.source, batch.target, smoothing))

    return loss


def training_batches(
    encoded: Callable[[int], EncodedPairs], tokens: int, seed: int
) -> Callable[[int], BatchList[PairBatch]]:
    """Return the batches of an epoch: every pair once, beside pairs of similar length.

    Args:
        encoded: gives the pairs of an epoch, which may be cut into tokens otherwise in each.
        tokens: of a batch, with their padding.
        seed: of the order.
    """

    def batches(epoch: int) -> BatchList[PairBatch]:
        pairs = encoded(epoch)
        rows = token_batches(pairs.lengths, tokens, seed=seed, epoch=epoch)
        return BatchList(rows, pairs.batch)

    return batches


def validation_loss(pairs: EncodedPairs, tokens: int) -> Callable[[nn.Module], float]:
    """Return the score that weights are chosen by: the mean cross-entropy of a target token, nothing smoothed."""
    rows = thinned(len(pairs.sources))
    batches = [rows[some] for some in token_batches(pairs.lengths[rows], tokens, seed=0, epoch=0)]

    def score(model: nn.Module) -> float:
        assert isinstance(model, Seq2Seq)
        total, items = 0.0, 0
        with torch.no_grad():
            for some in batches:
                loss, count = model.loss(*pairs.batch(some))
                total, items = total + float(loss), items + count
        return total / items

    return score


def thinned(rows: int) -> Rows:
    """Return the rows of a validation part that are looked at, evenly spread."""
    count = min(rows, MOST_VALIDATION_PAIRS)
    return np.linspace(0, rows - 1, count).round().astype(np.int64)


def tokens_per_token(pairs: EncodedPairs) -> float:
    """Return how many target tokens are written for a source token, on average over all pairs.

    >>> from unrolled.data.token_rows import TokenRows
    >>> tokens_per_token(EncodedPairs(TokenRows.of([[9, 3], [8, 9, 3]]), TokenRows.of([[2, 5, 3], [2, 6, 3]])))
    0.8
    """
    written = int((pairs.targets.lengths - 1).sum())
    return written / max(int(pairs.sources.lengths.sum()), 1)
