"""Texts and poems by simple rules, and small generators that are trained on them in a blink."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.tasks.generate import Generator

SMALL: dict[str, Any] = {
    "hidden_size": 16, "embedding": 16, "layers": 1, "dropout": 0.0, "weight_dropout": 0.0, "steps": 16,
    "batch_tokens": 256, "max_steps": 8, "learning_rate": 0.02, "warmup_steps": 0, "average": 0.0, "threads": 1,
    "max_length": 24,
}  # fmt: skip

SIGNS = "山水火木土日月田人口手心石雨风云"
WORDS = ("the", "moon", "and", "river", "are", "old", "friends", "of", "mine")


def made(cell: Any = "gru", **options: Any) -> Generator:
    return Generator(cell, **{**SMALL, **options})


def novel(lines: int = 60, seed: int = 0) -> str:
    """Return lines of some words each."""
    random = np.random.default_rng(seed)
    chosen = (random.choice(WORDS, size=random.integers(2, 6)).tolist() for _ in range(lines))
    return "".join(" ".join(words) + ".\n" for words in chosen)


def poems(rows: int = 60, seed: int = 0) -> list[str]:
    """Return quatrains of 5 characters a line."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        lines = ["".join(random.choice(list(SIGNS), size=5)) for _ in range(4)]
        found.append(f"{lines[0]}，{lines[1]}。\n{lines[2]}，{lines[3]}。")
    return found


MEASURED = ("tokens_per_second", "peak_memory_mb")


def scored(model: Generator, data: Any = None, **options: Any) -> dict[str, Any]:
    """Return what `evaluate` gives without what the machine's speed and memory decide."""
    result = model.evaluate(data, **options)
    for name in MEASURED:
        assert result["scores"]["model"].pop(name) > 0
    return result


def same_weights(one: Generator, other: Generator) -> bool:
    first, second = (dict(model.fitted.network.state_dict()) for model in (one, other))
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
