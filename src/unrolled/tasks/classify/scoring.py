"""The model's scores beside those of the simple methods, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unrolled.tasks.baselines import ClassifyBaseline
from unrolled.tasks.class_scores import class_scores
from unrolled.tasks.classify.outcome import Outcome
from unrolled.tasks.classify.parts import Part
from unrolled.tasks.scores import score_rows

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


def score_beside_baselines(
    outcome: Outcome, baselines: Mapping[str, ClassifyBaseline]
) -> dict[str, dict[str, float | None]]:
    """Return the scores by method, the model first; all answer the same rows."""
    scores = {}
    for name, baseline in baselines.items():
        probabilities = with_unseen(baseline.predict(outcome.inputs), len(outcome.classes))
        scores[name] = class_scores(outcome.truth, probabilities)
        if baseline.calibrated_by_construction:
            # That the shares of the classes are right is no achievement.
            del scores[name]["ece"]
    return score_rows(class_scores(outcome.truth, outcome.probabilities), scores)


def with_unseen(probabilities: Array, classes: int) -> Array:
    """Return (N, classes): a class that was not trained on has the probability 0, so that its rows count as wrong."""
    return np.pad(probabilities, ((0, 0), (0, classes - probabilities.shape[1])))


def make_outcome(part: Part, probabilities: Array, lengths: Rows) -> Outcome:
    """Return what came of rows, some of whose labels may be new to the model."""
    wide = with_unseen(probabilities, len(part.classes))
    return Outcome(part.classes, part.labels, wide, lengths, part.inputs, part.where)
