"""How a tagger is trained: its loss, its batches, the score by which its weights are chosen; and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.tasks.sequences import blocks
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.measures import right_share, span_f1
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.reading import Encoded, TagBatch
from unrolled.train.batches import BatchList, token_batches
from unrolled.train.loop import Loss
from unrolled.train.threads import shared_by_rows, threads_for, torch_threads

Rows = NDArray[np.int64]

MOST_STEPS = 16_384
"""Tokens answered at a time, with their padding."""
MOST_VALIDATION_ROWS = 4_000
"""More are thinned out evenly: the score hardly changes, and it is taken some 25 times."""


def tag_loss(model: nn.Module, batch: TagBatch) -> Loss:
    """Return the loss: what the true tags cost, of all tokens together."""
    assert isinstance(model, TagModel)
    return Loss(model.loss(batch.xs, batch.tags), int(batch.tags.row_lengths.sum()))


def training_batches(
    encoded: Encoded, tokens: int, seed: int
) -> Callable[[int], BatchList[TagBatch]]:
    """Return the batches of an epoch: every sentence once, beside sentences of similar length.

    Args:
        encoded: sentences with their tags.
        tokens: of a batch, with their padding.
        seed: of the order.
    """

    def batches(epoch: int) -> BatchList[TagBatch]:
        rows = token_batches(encoded.lengths, tokens, seed=seed, epoch=epoch)
        return BatchList(rows, encoded.batch)

    return batches


def answers(
    model: TagModel, encoded: Encoded, rows: Rows | None = None, *, sure: bool = True
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float64]]]:
    """Return the tags (T_i,) of pieces, all where ``rows`` is None, and, where asked, how probable each of them is."""
    chosen = np.arange(len(encoded)) if rows is None else rows
    tags: list[NDArray[np.int64]] = [np.zeros(0, np.int64)] * len(chosen)
    probabilities: list[NDArray[np.float64]] = [np.zeros(0)] * len(chosen)
    training = model.training
    model.eval()
    threads = threads_for(
        max(MOST_STEPS // max(int(encoded.lengths.max(initial=1)), 1), 1),
        model.network.sizes.width,
        available=torch.get_num_threads(),
        by_rows=shared_by_rows(model),
    )
    try:
        with torch.no_grad(), torch_threads(threads):
            for some in blocks(encoded.lengths[chosen], MOST_STEPS):
                scores = model.scores(encoded.sequences(chosen[some]))
                found = model.best(scores)
                likely = model.probabilities(scores, found).to_list() if sure else None
                for place, (row, best) in enumerate(zip(some, found.to_list(), strict=True)):
                    tags[row] = best.numpy()
                    if likely is not None:
                        probabilities[row] = likely[place].double().numpy()
    finally:
        model.train(training)
    return tags, probabilities


def validation_loss(encoded: Encoded, tokens: int) -> Callable[[nn.Module], float]:
    """Return the score that weights are chosen by: what a token costs."""
    rows = thinned(len(encoded))
    lengths = encoded.lengths[rows]
    batches = [rows[some] for some in token_batches(lengths, tokens, seed=0, epoch=0)]

    def score(model: nn.Module) -> float:
        total, items = 0.0, 0
        with torch.no_grad():
            for some in batches:
                loss = tag_loss(model, encoded.batch(some))
                total, items = total + float(loss.total), items + int(loss.items)
        return total / max(items, 1)

    return score


def validation_score(
    encoded: Encoded, tags: Sequence[Sequence[str]], codes: TagCodes
) -> Callable[[nn.Module], float]:
    """Return 1 less the span F1 of the validation part or, where tags make no spans, less the accuracy.

    Args:
        encoded: pieces of the sentences.
        tags: of every piece, as the data writes them.
        codes: of the tags.
    """
    rows = thinned(len(encoded))
    truth = [tags[int(row)] for row in rows]

    def score(model: nn.Module) -> float:
        assert isinstance(model, TagModel)
        found = [codes.decode(best) for best in answers(model, encoded, rows, sure=False)[0]]
        return 1.0 - (span_f1 if codes.has_spans else right_share)(truth, found)

    return score


def thinned(rows: int) -> Rows:
    """Return the rows of a validation part that are looked at, evenly spread."""
    count = min(rows, MOST_VALIDATION_ROWS)
    return np.linspace(0, rows - 1, count).round().astype(np.int64)
