"""What a report says of a generator beside its scores: its configuration, and how far gradients reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from unrolled.core.watch import gradient_reach
from unrolled.models.language import LanguageModel
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.network import TRANSFORMER
from unrolled.tasks.generate.parts import TextParts
from unrolled.tasks.generate.settings import DOCUMENTS
from unrolled.tasks.generate.training import TokenBatch, pieces_of, token_batch
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice, cell_names
from unrolled.tasks.tracing import Reach, as_arrays
from unrolled.train.loop import TrainResult

REACH_ROWS, REACH_STEPS = 16, 129
"""Rows and tokens of the training part that are looked at."""
REACH_CHARACTERS = 100_000


def reach_of(fitted: Fitted, parts: TextParts) -> Reach:
    """Return |dL/dh| of the loss of the last token on some training texts by cell, at each distance from it."""
    train = parts.train.texts
    some = np.unique(np.linspace(0, len(train) - 1, min(len(train), REACH_ROWS)).astype(int))
    rows = fitted.reader.rows(train[int(row)][:REACH_CHARACTERS] for row in some)
    pieces = pieces_of(rows, REACH_STEPS)
    if not len(pieces):
        return {}
    count = min(len(pieces), REACH_ROWS)
    chosen = np.linspace(0, len(pieces) - 1, count).round().astype(np.int64)
    names = cells_of(fitted.network)
    found = reach_in(fitted.network, token_batch(pieces, chosen))
    return {names[path]: norms for path, norms in found.items() if path in names}


def cells_of(network: LanguageModel) -> dict[str, str]:
    """Return how each cell is called, by its path."""
    return cell_names(network, {"": network.layer})


def reach_in(network: LanguageModel, batch: TokenBatch) -> Reach:
    """Return |dL/dh| of the loss of the last token of some texts by the path of each cell."""

    def last_token(model: nn.Module, batch: TokenBatch) -> Tensor:
        """The loss of the last token alone, or the distance to it would say nothing."""
        assert isinstance(model, LanguageModel)
        hidden, _ = model.hidden(batch.tokens, model.initial_state(batch.tokens.batch))
        return nn.functional.cross_entropy(model.score(hidden.last()), batch.targets.last())

    return as_arrays(gradient_reach(network, batch, last_token))


def facts_of(
    fitted: Fitted,
    cell: CellChoice,
    seed: int,
    training: TrainResult | None,
    parts: TextParts | None,
) -> dict[str, object]:
    """Return what was configured and measured, by name."""
    settings = fitted.settings
    facts: dict[str, object] = {
        "cell": cell if isinstance(cell, str) else repr(cell),
        "layers": settings.layers,
        "hidden_size": settings.hidden_size,
        "embedding": settings.embedding,
        "tokenizer": settings.units,
        "vocabulary": len(fitted.reader.tokenizer),
        "parameters": fitted.parameters,
        "dropout": settings.dropout,
        "weight_dropout": settings.weight_dropout,
        "tied": settings.tied,
        "batch_tokens": settings.batch_tokens,
        "seed": seed,
    }
    if cell == TRANSFORMER:
        facts["heads"] = settings.heads
    if parts is not None:
        for name in ("train", "validation", "test"):
            facts[f"{name}_characters"] = getattr(parts, name).characters
    if training is not None:
        speeds = sorted(record.items_per_second for record in training.history)
        facts["train_tokens_per_second"] = speeds[len(speeds) // 2] if speeds else 0.0
    of_documents: Any = parts if settings.kind == DOCUMENTS else None
    return facts | facts_of_run(of_documents, training)
