"""Pairs of made-up languages, and small translators that are trained on them in a blink."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from unrolled.tasks.translate import Translator

SMALL: dict[str, Any] = {
    "hidden_size": 8, "embedding": 8, "layers": 1, "units": "words", "dropout": 0.0, "max_steps": 12,
    "batch_tokens": 300, "learning_rate": 0.02, "warmup_steps": 0, "threads": 1,
}  # fmt: skip

LEARNING: dict[str, Any] = {
    "hidden_size": 48, "embedding": 32, "word_dropout": 0.0, "label_smoothing": 0.0, "max_steps": 300,
    "batch_tokens": 400, "learning_rate": 0.01, "warmup_steps": 20, "beam": 1, "validation": 0, "test": 0.1,
}  # fmt: skip
"""What learns `turned` pairs."""

Pairs = list[tuple[str, str]]

WORDS = [first + second for first in "bdgklmn" for second in ("a", "o", "u")]
ANSWERS = [first + second for first in "prstvwz" for second in ("e", "i", "y")]
OF_WORD = dict(zip(WORDS, ANSWERS, strict=True))

SIGNS = "山水火木土日月田人口手心石雨风云"
OF_SIGN = dict(zip(SIGNS, WORDS, strict=False))


def made(cell: Any = "gru", **options: Any) -> Translator:
    return Translator(cell, **{**SMALL, **options})


def turned(rows: int = 60, seed: int = 0) -> Pairs:
    """Return sentences of 2 to 6 words, and the same backwards in other words."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(rows):
        words = random.choice(WORDS, size=random.integers(2, 7)).tolist()
        pairs.append((" ".join(words), " ".join(OF_WORD[word] for word in reversed(words))))
    return pairs


def chinese(rows: int = 60, seed: int = 0) -> Pairs:
    """Return sentences of Chinese signs without spaces, and a word for each sign."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(rows):
        signs = random.choice(list(SIGNS), size=random.integers(2, 9)).tolist()
        pairs.append(("".join(signs) + "。", " ".join(OF_SIGN[sign] for sign in signs) + " ."))
    return pairs


def swapped(pairs: Pairs) -> Pairs:
    return [(target, source) for source, target in pairs]


def reports(rows: int = 60, seed: int = 0) -> Pairs:
    """Return texts of several sentences, and a headline: the first word of each."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(rows):
        sentences = [random.choice(WORDS, size=5).tolist() for _ in range(4)]
        text = " ".join(" ".join(words).capitalize() + "." for words in sentences)
        pairs.append((text, " ".join(words[0] for words in sentences)))
    return pairs


def sides(pairs: Pairs) -> tuple[list[str], list[str]]:
    return [source for source, _ in pairs], [target for _, target in pairs]


def weights(model: Translator) -> dict[str, Tensor]:
    return dict(model.fitted.network.state_dict())


def same_weights(one: Translator, other: Translator) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


MEASURED = ("tokens_per_second", "peak_memory_mb")


def scored(model: Translator, data: Any = None, **options: Any) -> dict[str, Any]:
    """Return what `evaluate` gives without what the machine's speed and memory decide."""
    result = model.evaluate(data, **options)
    for name in MEASURED:
        assert result["scores"]["model"].pop(name) > 0
    return result
