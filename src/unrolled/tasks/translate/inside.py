"""What a report says of a translator beside its scores: where it looked, its configuration, and how far gradients reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.core.seq import Seq
from unrolled.core.watch import gradient_reach, watch
from unrolled.models.seq2seq import Seq2Seq
from unrolled.models.token_ids import BEGIN, END
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.tracing import Reach, as_arrays, memory_looks
from unrolled.tasks.translate.fitted import Fitted
from unrolled.tasks.translate.network import TRANSFORMER
from unrolled.tasks.translate.outcome import Alignment
from unrolled.tasks.translate.parts import PairParts
from unrolled.tasks.translate.reading import PairBatch
from unrolled.train.loop import TrainResult

REACH_PAIRS = 16


def alignment_of(
    fitted: Fitted, source: NDArray[np.int32], written: Sequence[int]
) -> Alignment | None:
    """Return where the decoder looked while it wrote these tokens; None for one that does not look.

    Args:
        fitted: the translator.
        source: token ids of the source, END last.
        written: token ids of the target, without END.
    """
    network, tokens = fitted.network, fitted.reader
    xs = Seq(torch.from_numpy(source.astype(np.int64))[None])
    with torch.no_grad(), watch(network.decoder) as seen:
        network.hidden(Seq(torch.tensor([[BEGIN, *written]])), network.start(xs))
    found = [memory_looks(run, len(source)) for run in seen.values()]
    looks = [weights[0] for weights in found if weights is not None]
    if not looks:
        return None
    return Alignment(
        tuple(tokens.source.named(source)),
        tuple(tokens.target.named(np.array([*written, END], dtype=np.int32))),
        torch.stack(looks).mean(0).numpy(),
    )


def reach_of(fitted: Fitted, parts: PairParts) -> Reach:
    """Return what `reach_in` finds on some training pairs."""
    train = parts.train
    rows = np.unique(np.linspace(0, len(train) - 1, min(len(train), REACH_PAIRS)).astype(int))
    pairs = fitted.reader.pairs(
        [train.sources[int(row)] for row in rows], [train.targets[int(row)] for row in rows]
    )
    return reach_in(fitted.network, pairs.batch(np.arange(len(rows))))


def reach_in(network: Seq2Seq, batch: PairBatch) -> Reach:
    """Return |dL/dh| of the last token's loss by the path of each cell, at each distance from the last step of its side."""

    def last_token(model: nn.Module, batch: PairBatch) -> Tensor:
        """The loss of the last token alone, or the distance to it would say nothing."""
        assert isinstance(model, Seq2Seq)
        target = batch.target
        lengths = target.row_lengths - 1
        read = Seq(target.data[:, :-1], lengths)
        hidden, _ = model.hidden(read, model.start(batch.source))
        return torch.nn.functional.cross_entropy(model.score(hidden.last()), target.last())

    return as_arrays(gradient_reach(network, batch, last_token))


def facts_of(
    fitted: Fitted,
    cell: CellChoice,
    seed: int,
    training: TrainResult | None,
    parts: PairParts | None,
) -> dict[str, object]:
    """Return what was configured and measured, by name."""
    settings = fitted.settings
    facts: dict[str, object] = {
        "cell": cell if isinstance(cell, str) else repr(cell),
        "attention": "multi_head" if cell == TRANSFORMER else settings.attention,
        "layers": settings.layers,
        "encoder_layers": settings.encoder_layers,
        "hidden_size": settings.hidden_size,
        "embedding": settings.embedding,
        "tokenizer": settings.units,
        "source_vocabulary": len(fitted.reader.source),
        "target_vocabulary": len(fitted.reader.target),
        "parameters": fitted.parameters,
        "beam": settings.beam,
        "seed": seed,
    }
    if training is not None:
        facts["train_tokens_per_second"] = _speed(training)
    return facts | facts_of_run(parts, training)


def _speed(training: TrainResult) -> float:
    """Return the target tokens that were trained on in a second, in the middle of the records."""
    speeds = sorted(record.items_per_second for record in training.history)
    return speeds[len(speeds) // 2] if speeds else 0.0
