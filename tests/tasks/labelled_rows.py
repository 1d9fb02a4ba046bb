"""Small labelled rows, and small classifiers that are trained on them in a blink."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from unrolled.tasks.classify import Classifier

SMALL: dict[str, Any] = {
    "hidden_size": 8, "embedding": 8, "max_steps": 20, "batch_size": 16, "learning_rate": 0.02, "threads": 1,
}  # fmt: skip

Rows = tuple[list[str], list[str]]
POSITIVE, NEGATIVE = ("fine", "lovely", "warm"), ("dull", "awful", "weak")
OTHERS = ("the", "film", "story", "of", "a", "plot")


def made(**options: Any) -> Classifier:
    return Classifier(**{**SMALL, **options})


def themed(rows: int = 120, seed: int = 0) -> Rows:
    """Return texts whose class stands in one word, and their labels."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(rows):
        words = random.choice(OTHERS, size=random.integers(2, 6)).tolist()
        words.insert(random.integers(len(words)), random.choice(NEGATIVE if row % 2 else POSITIVE))
        texts.append(" ".join(words))
        labels.append("neg" if row % 2 else "pos")
    return texts, labels


def ordered(rows: int = 120, seed: int = 0) -> Rows:
    """Return texts of the same words whose class is which of two stands first; other words are between them."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(rows):
        words = [*random.permutation(["the", "film", "of"]).tolist()]
        first, second = ("dog", "cat") if row % 2 else ("cat", "dog")
        texts.append(" ".join([first, *words, second]))
        labels.append(f"{first} first")
    return texts, labels


def waves(rows: int = 120, seed: int = 0) -> tuple[list[np.ndarray], list[int]]:
    """Return sequences (T_i, 2) of several lengths whose class is whether they rise, and their labels."""
    random = np.random.default_rng(seed)
    labels = [row % 2 for row in range(rows)]
    made = []
    for label in labels:
        steps = np.arange(random.integers(4, 12))
        rising = (2 * label - 1) * (steps - steps.mean())
        made.append(np.stack([50 + 10 * rising, random.normal(size=len(steps))], 1))
    return made, labels


def accuracy(model: Classifier, data: Any = None) -> float:
    return float(model.evaluate(data, baselines=())["scores"]["model"]["accuracy"])


def weights(model: Classifier) -> dict[str, Tensor]:
    return dict(model.fitted.network.state_dict())


def same_weights(one: Classifier, other: Classifier) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
