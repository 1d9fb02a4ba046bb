"""How a generator is trained: its loss, its batches, and the score by which its weights are chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.core.noise import renew
from unrolled.core.seq import Seq
from unrolled.core.tree import State
from unrolled.data.token_rows import TokenRows
from unrolled.models.language import LanguageModel
from unrolled.tasks.generate.settings import GenerateSettings
from unrolled.tasks.sequences import blocks, sequences
from unrolled.train.batches import BatchList, token_batches
from unrolled.train.loop import Loss

Rows = NDArray[np.int64]

MOST_VALIDATION_TOKENS = 200_000
"""More are thinned out evenly: the score hardly changes, and it is taken some 20 times."""


class TokenBatch(NamedTuple):
    """Token ids (B, T), and those that follow each of them, (B, T)."""

    tokens: Seq
    targets: Seq


def document_loss(settings: GenerateSettings) -> Callable[[nn.Module, TokenBatch], Loss]:
    """Return the loss of documents: the cross-entropy of every token, the ends among them, and the penalties."""
    penalties = _penalties(settings)

    def loss(model: nn.Module, batch: TokenBatch) -> Loss:
        assert isinstance(model, LanguageModel)
        total, count, _ = model.loss(batch.tokens, batch.targets, **penalties)
        return Loss(total, count)

    return loss


def text_loss(
    settings: GenerateSettings,
) -> Callable[[nn.Module, TokenBatch, State], tuple[Loss, State]]:
    """Return the loss of a long text, given the state after what stands before, and the state after it."""
    penalties = _penalties(settings)

    def loss(model: nn.Module, batch: TokenBatch, state: State) -> tuple[Loss, State]:
        assert isinstance(model, LanguageModel)
        total, count, state = model.loss(batch.tokens, batch.targets, renew(state), **penalties)
        return Loss(total, count), state

    return loss


def first_state(model: nn.Module, batch: TokenBatch) -> State:
    """Return the state that an epoch of a long text begins with."""
    assert isinstance(model, LanguageModel)
    return model.initial_state(batch.tokens.batch)


def _penalties(settings: GenerateSettings) -> dict[str, float]:
    return {"activation": settings.activation or 0.0, "temporal": settings.temporal or 0.0}


def document_batches(
    rows: TokenRows, tokens: int, seed: int
) -> Callable[[int], BatchList[TokenBatch]]:
    """Return the batches of an epoch: every document once, beside documents of similar length."""

    def batches(epoch: int) -> BatchList[TokenBatch]:
        chosen = token_batches(rows.lengths - 1, tokens, seed=seed, epoch=epoch)
        return BatchList(chosen, lambda some: token_batch(rows, some))

    return batches


def token_batch(rows: TokenRows, some: Rows) -> TokenBatch:
    """Return these rows together, each token but the last beside the one that follows it."""
    whole = sequences(rows, some)
    lengths = (whole.row_lengths - 1).clamp(min=0)
    ids = whole.data
    return TokenBatch(Seq(ids[:, :-1], lengths), Seq(ids[:, 1:], lengths))


def validation_loss(
    rows: TokenRows, tokens: int, longest: int
) -> Callable[[nn.Module], float]:
    """Return the score that weights are chosen by: the mean cross-entropy of a token.

    Rows of more than ``longest`` tokens are cut, as each of the pieces can then be read beside others.
    """
    cut = thinned(pieces_of(rows, longest))
    batches = list(blocks(cut.lengths, tokens))

    def score(model: nn.Module) -> float:
        assert isinstance(model, LanguageModel)
        total, items = 0.0, 0
        with torch.no_grad():
            for some in batches:
                loss, count, _ = model.loss(*token_batch(cut, some))
                total, items = total + float(loss), items + count
        return total / items

    return score


def pieces_of(rows: TokenRows, longest: int) -> TokenRows:
    """Return rows cut into pieces of at most ``longest`` tokens; the last of each is the first of the next.

    >>> [row.tolist() for row in pieces_of(TokenRows.of([[1, 2, 3, 4], [5]]), 3)]
    [[1, 2, 3], [3, 4]]
    """
    return TokenRows.of(
        row[start : start + longest]
        for row in rows
        for start in range(0, len(row) - 1, longest - 1)
    )


def thinned(rows: TokenRows) -> TokenRows:
    """Return as many rows, evenly spread, as hold about the most validation tokens."""
    tokens = int(rows.lengths.sum())
    if tokens <= MOST_VALIDATION_TOKENS:
        return rows
    count = max(1, round(len(rows) * MOST_VALIDATION_TOKENS / tokens))
    return rows.take(np.unique(np.linspace(0, len(rows) - 1, count).round().astype(np.int64)))


def text_batches(
    rows: TokenRows, steps: int, tokens: int, seed: int
) -> Callable[[int], BatchList[TokenBatch]]:
    """Return the batches of an epoch of long texts (stand-in)."""
    ids = np.asarray(rows.values[:]).astype(np.int64)
    count = max(1, min(tokens // steps, (len(ids) - 1) // 2))
    length = (len(ids) - 1) // count
    x = torch.from_numpy(ids[: count * length].reshape(count, length))
    y = torch.from_numpy(ids[1 : count * length + 1].reshape(count, length))

    def batches(epoch: int) -> BatchList[TokenBatch]:
        starts = [np.array([s]) for s in range(0, length, steps)]
        return BatchList(
            starts,
            lambda s: TokenBatch(Seq(x[:, s[0] : s[0] + steps]), Seq(y[:, s[0] : s[0] + steps])),
        )

    return batches
