"""What a report says of a classifier beside its scores: its configuration, and how far its gradients reach."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.core.watch import gradient_reach
from unrolled.models.classifier import ClassifyNetwork
from unrolled.tasks.classify.fitted import Fitted
from unrolled.tasks.classify.parts import LabelledParts, Part
from unrolled.tasks.classify.reading import LabelledBatch
from unrolled.tasks.classify.training import classify_loss
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice, cell_names
from unrolled.tasks.sequences import sequences
from unrolled.tasks.tracing import Reach, as_arrays
from unrolled.train.loop import TrainResult

REACH_ROWS = 32


def reach_of(fitted: Fitted, train: Part) -> Mapping[str, NDArray[np.float64]]:
    """Return |dL/dh| of the loss on some training rows by cell, at each distance from where it stops reading."""
    count = min(len(train), REACH_ROWS)
    rows = np.linspace(0, len(train) - 1, count).round().astype(np.int64)
    encoded = fitted.reader.encode(train.inputs[int(row)] for row in rows)
    labels = torch.from_numpy(train.labels[rows])
    batch = LabelledBatch(sequences(encoded, np.arange(count)), labels)
    if batch.xs.longest == 0:
        return {}
    names = cells_of(fitted.network)
    return {
        name: norms
        for path, norms in reach_in(fitted.network, batch).items()
        if (name := names.get(path)) is not None
    }


def cells_of(network: ClassifyNetwork) -> dict[str, str]:
    """Return how each cell of the recurrent layer is called, by its path."""
    return cell_names(network, {"": network.layer})


def reach_in(network: ClassifyNetwork, batch: LabelledBatch) -> Reach:
    """Return |dL/dh| of the loss of some rows by the path of each cell."""
    loss = classify_loss(None)

    def total(model: nn.Module, batch: LabelledBatch) -> torch.Tensor:
        return loss(model, batch).total

    return as_arrays(gradient_reach(network, batch, total))


def facts_of(
    fitted: Fitted,
    cell: CellChoice,
    seed: int,
    training: TrainResult | None,
    parts: LabelledParts | None,
) -> dict[str, object]:
    """Return what was configured and measured, by name."""
    settings, sizes, tokenizer = fitted.settings, fitted.network.sizes, fitted.reader.tokenizer
    facts: dict[str, object] = {
        "cell": cell if isinstance(cell, str) else repr(cell),
        "layers": settings.layers,
        "bidirectional": settings.bidirectional,
        "hidden_size": settings.hidden_size,
        "embedding": sizes.embedding,
        "pooling": list(settings.pooling),
        "ngrams": sizes.ngrams,
        "parameters": sum(parameter.numel() for parameter in fitted.network.parameters()),
        "temperature": fitted.temperature,
        "seed": seed,
    }
    if tokenizer is not None:
        facts |= {"tokenizer": tokenizer.units, "vocabulary": len(tokenizer)}
    if fitted.start is not None:
        facts |= {"start": fitted.start.source, "start_digest": fitted.start.digest}
    return facts | facts_of_run(parts, training)
