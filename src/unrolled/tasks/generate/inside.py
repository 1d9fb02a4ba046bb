"""What a report says of a generator beside its scores: its configuration, and how far gradients reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.core.layer import Cell
from unrolled.core.watch import gradient_reach
from unrolled.models.language import LanguageModel
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.network import TRANSFORMER
from unrolled.tasks.generate.parts import TextParts
from unrolled.tasks.generate.settings import DOCUMENTS
from unrolled.tasks.generate.training import TokenBatch, pieces_of, token_batch
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice
from unrolled.train.loop import TrainResult

REACH_ROWS, REACH_STEPS = 16, 129
"""Rows and tokens of the training part that are looked at."""
REACH_CHARACTERS = 100_000


def reach_of(fitted: Fitted, parts: TextParts) -> Mapping[str, NDArray[np.float64]]:
    """Return |dL/dh| of the loss of the last token on some training texts by cell, at each distance from it."""
    train = parts.train.texts
    some = np.unique(np.linspace(0, len(train) - 1, min(len(train), REACH_ROWS)).astype(int))
    rows = fitted.reader.rows(train[int(row)][:REACH_CHARACTERS] for row in some)
    pieces = pieces_of(rows, REACH_STEPS)
    if not len(pieces):
        return {}
    count = min(len(pieces), REACH_ROWS)
    chosen = np.linspace(0, len(pieces) - 1, count).round().astype(np.int64)

    def last_token(model: nn.Module, batch: TokenBatch) -> Tensor:
        """The loss of the last token alone, or the distance to it would say nothing."""
        assert isinstance(model, LanguageModel)
        hidden, _ = model.hidden(batch.tokens, model.initial_state(batch.tokens.batch))
        return nn.functional.cross_entropy(model.score(hidden.last()), batch.targets.last())

    found = gradient_reach(fitted.network, token_batch(pieces, chosen), last_token)
    cells = [path for path, part in fitted.network.named_modules() if isinstance(part, Cell)]
    return {
        f"h{cells.index(path) + 1}": norms.double().numpy()
        for path, norms in found.items()
        if path in cells and norms.isfinite().any()
    }


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
