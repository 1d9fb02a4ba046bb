"""The model's scores beside those of the simple methods, on the same sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unrolled.data.tag_schemes import Span, spans_of
from unrolled.tasks.baselines import MostFrequentTag
from unrolled.tasks.span_scores import span_scores, type_scores
from unrolled.tasks.tag.fitted import Fitted
from unrolled.tasks.tag.measures import ratio_interval
from unrolled.tasks.tag.outcome import Outcome
from unrolled.tasks.tag.parts import TagPart

Tags = Sequence[Sequence[str]]
ByType = dict[str, dict[str, dict[str, float]]]
"""method -> type of spans -> figure -> value."""


def score_intervals(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """Return how far the model's main scores would move with other sentences, by metric; not F1 where there is no span."""
    right = [int(correct.sum()) for correct in outcome.correct]
    found = {"accuracy": ratio_interval(right, outcome.lengths)}
    if outcome.has_spans:
        pairs = zip(outcome.reference_spans, outcome.predicted_spans, strict=True)
        counts = np.array([(2 * len(a & b), len(a) + len(b)) for a, b in pairs])
        if counts[:, 1].any():
            found["span_f1"] = ratio_interval(counts[:, 0], counts[:, 1])
    return found


def make_outcome(fitted: Fitted, part: TagPart) -> Outcome:
    """Return what a tagger makes of sentences, some of whose tags may be new to it."""
    predicted, confidence = fitted.tags(part.sentences)
    has_spans = fitted.codes.has_spans

    def spans(rows: Tags) -> list[set[Span]]:
        return [set(spans_of(tags)) if has_spans else set() for tags in rows]

    return Outcome(
        part.sentences,
        part.tags,
        predicted,
        confidence,
        [fitted.reader.words.knows(sentence) for sentence in part.sentences],
        spans(part.tags),
        spans(predicted),
        fitted.codes.scheme,
        fitted.joined,
        part.where,
    )


def score_beside_baselines(
    outcome: Outcome, baselines: Mapping[str, MostFrequentTag]
) -> tuple[dict[str, dict[str, float]], ByType]:
    """Return the scores by method, the model first, and the figures of every type of span; all answer the same sentences."""
    answers = {"model": outcome.predicted}
    answers |= {name: baseline.predict(outcome.sentences) for name, baseline in baselines.items()}
    truth, scheme = outcome.reference, outcome.scheme
    scores = {name: span_scores(truth, found, scheme) for name, found in answers.items()}
    types = {name: type_scores(truth, found, scheme) for name, found in answers.items()}
    by_type = {
        name: {kind: figures._asdict() for kind, figures in of_types.items()}
        for name, of_types in types.items()
    }
    return scores, by_type
