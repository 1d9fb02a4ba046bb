"""How a generator is trained: its loss, its batches, and the score by which its weights are chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from unrolled.core.noise import renew
from unrolled.core.seq import Seq
from unrolled.core.tree import State
from unrolled.data.streams import StreamWindow, TokenStreams
from unrolled.data.token_rows import Ids, TokenRows
from unrolled.models.language import LanguageModel
from unrolled.models.text_loss import text_loss
from unrolled.tasks.generate.settings import GenerateSettings
from unrolled.tasks.sequences import blocks, sequences
from unrolled.train.batches import BatchList, token_batches
from unrolled.train.loop import Loss

Rows = NDArray[np.int64]

MOST_VALIDATION_TOKENS = 200_000
"""More are left out: the score hardly changes, and it is taken some 20 times."""
MOST_TEXTS = 1_000
"""Texts with a carried state; where there are more, some are left out."""
PART, LEAD = 2_048, 256
"""Tokens of each part of a long validation text, which are read side by side, and those that each reads before it."""


class TokenBatch(NamedTuple):
    """Token ids (B, T), and those that follow each of them, (B, T)."""

    tokens: Seq
    targets: Seq


def document_loss(settings: GenerateSettings) -> Callable[[nn.Module, TokenBatch], Loss]:
    """Return the loss of documents: the cross-entropy of every token, the ends among them, and the penalties."""
    activation, temporal = settings.activation or 0.0, settings.temporal or 0.0

    def loss(model: nn.Module, batch: TokenBatch) -> Loss:
        assert isinstance(model, LanguageModel)
        total, count, _ = model.loss(
            batch.tokens, batch.targets, activation=activation, temporal=temporal
        )
        return Loss(total, count)

    return loss


def stream_loss(
    settings: GenerateSettings,
) -> Callable[[nn.Module, StreamWindow, State], tuple[Loss, State]]:
    """Return the loss of a window of long texts, given the state after what stands before, and the state after it."""
    activation, temporal = settings.activation or 0.0, settings.temporal or 0.0

    def loss(model: nn.Module, batch: StreamWindow, state: State) -> tuple[Loss, State]:
        assert isinstance(model, LanguageModel)
        total, count, state = model.loss(
            batch.tokens, batch.targets, renew(state), activation=activation, temporal=temporal
        )
        return Loss(total, count), state

    return loss


def first_state(model: nn.Module, batch: StreamWindow) -> State:
    """Return the state that an epoch of long texts begins with."""
    assert isinstance(model, LanguageModel)
    return model.initial_state(len(batch.tokens))


def text_batches(rows: TokenRows, steps: int, tokens: int, seed: int) -> TokenStreams:
    """Return the windows of an epoch: the texts one after the other, cut into as many streams as fill a batch."""
    fitting = max(1, (int(rows.ends[-1]) - 1) // steps)
    return TokenStreams(rows, max(1, min(tokens // steps, fitting)), steps, seed=seed)


def document_batches(
    rows: TokenRows, tokens: int, seed: int
) -> Callable[[int], BatchList[TokenBatch]]:
    """Return the batches of an epoch: every document once, beside documents of similar length.

    One of more tokens than a batch is read in pieces: gradients through all of it would need memory without bound.
    """
    if int(rows.lengths.max(initial=0)) > tokens + 1:
        rows = pieces_of(rows, tokens + 1)

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


def document_validation(rows: TokenRows, tokens: int) -> Callable[[nn.Module], float]:
    """Return the score that weights are chosen by: the mean cross-entropy of a token of documents."""
    some = thinned(rows)
    is_long = some.lengths > tokens + 1
    short, long = np.flatnonzero(~is_long), np.flatnonzero(is_long).tolist()
    batches = [short[chosen] for chosen in blocks(some.lengths[short], tokens)]

    def score(model: nn.Module) -> float:
        assert isinstance(model, LanguageModel)
        found = [_in_windows(model, some[row], MOST_VALIDATION_TOKENS) for row in long]
        for chosen in batches:
            loss, count, _ = model.loss(*token_batch(some, chosen))
            found.append((float(loss), count))
        return sum(nats for nats, _ in found) / sum(count for _, count in found)

    return score


def text_validation(rows: TokenRows) -> Callable[[nn.Module], float]:
    """Return the same of long texts, the state being carried; of very long ones the beginnings are read, of many some."""
    some = _spread(rows, MOST_TEXTS)
    most = MOST_VALIDATION_TOKENS // len(some)

    def score(model: nn.Module) -> float:
        assert isinstance(model, LanguageModel)
        found = [_in_windows(model, row, most) for row in some]
        return sum(nats for nats, _ in found) / sum(count for _, count in found)

    return score


def _in_windows(model: LanguageModel, row: Ids, most: int) -> tuple[float, int]:
    """Return the loss of the beginning of a text, and of how many tokens: its parts side by side, a window at a time."""
    return text_loss(model, row[:most], rows=-(-len(row[:most]) // PART), lead=LEAD)


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
    return _spread(rows, max(1, round(len(rows) * MOST_VALIDATION_TOKENS / tokens)))


def _spread(rows: TokenRows, most: int) -> TokenRows:
    """Return at most so many rows, evenly spread."""
    if len(rows) <= most:
        return rows
    return rows.take(np.unique(np.linspace(0, len(rows) - 1, most).round().astype(np.int64)))
