"""What a report says of a tagger beside its scores: its configuration, and how far its gradients reach."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.watch import gradient_reach
from unrolled.tasks.parted import facts_of_run
from unrolled.tasks.recurrent import CellChoice, cell_names
from unrolled.tasks.tag.fitted import Fitted
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.parts import TagPart, TagParts
from unrolled.tasks.tag.reading import TagBatch
from unrolled.tasks.tracing import Reach, as_arrays
from unrolled.train.loop import TrainResult

REACH_ROWS = 32


def reach_of(fitted: Fitted, train: TagPart) -> Reach:
    """Return |dL/dh| by cell on some training sentences, as `reach_in` does."""
    count = min(len(train), REACH_ROWS)
    rows = np.unique(np.linspace(0, len(train) - 1, count).astype(int))
    some = train.take(rows)
    encoded = fitted.reader.encode(some.sentences, some.tags, fitted.codes)
    filled = np.flatnonzero(encoded.lengths)
    if not len(filled):
        return {}
    names = cell_names(fitted.model, {"": fitted.model.network.layer})
    found = reach_in(fitted.model, encoded.batch(filled))
    return {names[path]: norms for path, norms in found.items() if path in names}


def reach_in(network: TagModel, batch: TagBatch) -> Reach:
    """Return |dL/dh| by the path of each cell, at each distance from the token whose loss L is: the last that it reads.

    L is the loss of one token alone, or the distance to it would say nothing: of the last token for what reads forward,
    of the first one for what reads backward.
    """

    def last(model: nn.Module, batch: TagBatch) -> Tensor:
        assert isinstance(model, TagModel)
        return F.cross_entropy(model.scores(batch.xs).last(), batch.tags.last(), reduction="sum")

    def first(model: nn.Module, batch: TagBatch) -> Tensor:
        assert isinstance(model, TagModel)
        scores, tags = model.scores(batch.xs).data[:, 0], batch.tags.data[:, 0]
        return F.cross_entropy(scores, tags, reduction="sum")

    found = as_arrays(gradient_reach(network, batch, last))
    if any(map(_is_backward, found)):
        backward = as_arrays(gradient_reach(network, batch, first))
        found |= {path: norms for path, norms in backward.items() if _is_backward(path)}
    return found


def _is_backward(path: str) -> bool:
    return "backward_layer" in path.split(".")


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
