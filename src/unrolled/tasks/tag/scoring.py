"""The model's scores beside those of the simple methods, on the same sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unrolled.data.tag_schemes import spans_of
from unrolled.tasks.tag.interval import ratio_interval
from unrolled.tasks.tag.outcome import Outcome

Tags = Sequence[Sequence[str]]


def span_f1(reference: Tags, predicted: Tags) -> float:
    """Return twice the spans that both have over the spans of both; 1 where neither has any.

    >>> span_f1([["B-PER", "O"]], [["B-PER", "B-LOC"]])
    0.6666666666666666
    """
    right = wanted = 0
    for true, found in zip(reference, predicted, strict=True):
        own, other = set(spans_of(true)), set(spans_of(found))
        right, wanted = right + len(own & other), wanted + len(own) + len(other)
    return 2 * right / wanted if wanted else 1.0


def right_share(reference: Tags, predicted: Tags) -> float:
    """Return the share of the tags that are right; 1 where there are none.

    >>> right_share([["D", "N"]], [["D", "V"]])
    0.5
    """
    pairs = [
        a == b
        for true, found in zip(reference, predicted, strict=True)
        for a, b in zip(true, found, strict=True)
    ]
    return sum(pairs) / len(pairs) if pairs else 1.0


def score_intervals(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """Return how far the model's main scores would move with other sentences, by metric."""
    right = [int(correct.sum()) for correct in outcome.correct]
    found = {"accuracy": ratio_interval(right, outcome.lengths)}
    if outcome.has_spans:
        pairs = zip(outcome.reference_spans, outcome.predicted_spans, strict=True)
        counts = np.array([(2 * len(a & b), len(a) + len(b)) for a, b in pairs])
        found["span_f1"] = ratio_interval(counts[:, 0], counts[:, 1])
    return found
