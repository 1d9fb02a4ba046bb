"""What a report says of a tagger beside its scores: its configuration, and how far its gradients reach."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.watch import gradient_reach
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice, named_cells
from unrolled.tasks.tag.fitted import Fitted
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.parts import TagPart, TagParts
from unrolled.tasks.tag.reading import TagBatch
from unrolled.train.loop import TrainResult

REACH_ROWS = 32


def reach_of(fitted: Fitted, train: TagPart) -> Mapping[str, NDArray[np.float64]]:
    """Return |dL/dh| by cell, at each distance from the token whose loss L is: the last one that the cell reads.

    L is the loss of one token alone, or the distance to it would say nothing: of the last token for what reads forward,
    of the first one for what reads backward.
    """
    count = min(len(train), REACH_ROWS)
    rows = np.unique(np.linspace(0, len(train) - 1, count).astype(int))
    some = train.take(rows)
    encoded = fitted.reader.encode(some.sentences, some.tags, fitted.codes)
    filled = np.flatnonzero(encoded.lengths)
    if not len(filled):
        return {}
    batch = encoded.batch(filled)

    def loss_of(place: str) -> Mapping[str, Tensor]:
        def loss(model: nn.Module, batch: TagBatch) -> Tensor:
            assert isinstance(model, TagModel)
            scores, tags = model.scores(batch.xs), batch.tags
            if place == "last":
                return F.cross_entropy(scores.last(), tags.last(), reduction="sum")
            return F.cross_entropy(scores.data[:, 0], tags.data[:, 0], reduction="sum")

        return gradient_reach(fitted.model, batch, loss)

    names = named_cells(fitted.model.network.layer)
    called = {path: names.get(id(part)) for path, part in fitted.model.named_modules()}
    found = dict(loss_of("last"))
    if not fitted.settings.bidirectional:
        return _called(found, called)
    backward = {path: norms for path, norms in loss_of("first").items() if _is_backward(path)}
    return _called(found | backward, called)


def _is_backward(path: str) -> bool:
    return "backward_layer" in path.split(".")


def _called(
    found: Mapping[str, Tensor], names: Mapping[str, str | None]
) -> dict[str, NDArray[np.float64]]:
    return {
        name: norms.double().numpy()
        for path, norms in found.items()
        if (name := names.get(path)) is not None
    }


def facts_of(
    fitted: Fitted,
    cell: CellChoice,
    seed: int,
    training: TrainResult | None,
    parts: TagParts | None,
) -> dict[str, object]:
    """Return what was configured and measured, by name."""
    settings, sizes, codes = fitted.settings, fitted.model.network.sizes, fitted.codes
    facts: dict[str, object] = {
        "cell": cell if isinstance(cell, str) else repr(cell),
        "layers": settings.layers,
        "bidirectional": settings.bidirectional,
        "hidden_size": settings.hidden_size,
        "embedding": sizes.embedding,
        "vocabulary": sizes.vocabulary,
    }
    if sizes.letters:
        facts |= {"letters": sizes.letters, "letter_size": sizes.spelling}
    if sizes.pairs:
        facts |= {"pairs": sizes.pairs, "letter_size": sizes.pair_embedding}
    facts |= {"crf": settings.crf, "tags": len(codes)}
    if codes.has_spans:
        facts |= {"scheme": codes.scheme, "types": len(codes.kinds)}
    if fitted.start is not None:
        facts |= {"start": fitted.start.source, "start_digest": fitted.start.digest}
    facts |= {
        "parameters": sum(p.numel() for p in fitted.model.parameters() if p.requires_grad),
        "seed": seed,
    }
    return facts | facts_of_run(parts, training)
