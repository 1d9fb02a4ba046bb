"""Tagged sentences that can be learned: names behind a greeting, in any scheme, and Chinese of the same kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.data.tag_schemes import Span, tags_of
from unrolled.tasks.tag import Tagger

Rows = tuple[list[list[str]], list[list[str]]]

NAMES = ("Ann", "Bob", "Li", "Zoe", "Max")
TOWNS = ("Rome", "Paris", "Bern", "New York City")
OTHERS = ("cat", "dog", "sun", "rain", "tree")


def news(count: int = 120, scheme: str = "iob2", seed: int = 0) -> Rows:
    """Sentences such as "today Ann Li met a dog in New York"; one word tells the type of the next."""
    random = np.random.default_rng(seed)
    sentences, tags = [], []
    for _ in range(count):
        words, spans = ["today"], []
        name = [str(some) for some in random.choice(NAMES, size=random.integers(1, 3))]
        spans.append(Span(1, 1 + len(name), "PER"))
        words += [*name, "met", "a", str(random.choice(OTHERS))]
        if random.random() < 0.7:
            town = str(random.choice(TOWNS)).split()
            spans.append(Span(len(words) + 1, len(words) + 1 + len(town), "LOC"))
            words += ["in", *town]
        sentences.append([*words, "."])
        tags.append(tags_of(spans, len(words) + 1, scheme))
    return sentences, tags


def parts_of_speech(count: int = 120, seed: int = 0) -> Rows:
    """The same sentences with plain tags."""
    sentences, _ = news(count, seed=seed)
    kinds = {"met": "VERB", "a": "DET", "in": "ADP", ".": "PUNCT", "today": "ADV"}
    return sentences, [
        [kinds.get(word, "PROPN" if word[0].isupper() else "NOUN") for word in sentence]
        for sentence in sentences
    ]


def chinese(count: int = 120, seed: int = 0) -> Rows:
    """Characters with BMES tags: 王 or 李 and one or two further signs are a name."""
    random = np.random.default_rng(seed)
    sentences, tags = [], []
    for _ in range(count):
        given = "".join(random.choice([*"明华伟芳"], size=random.integers(1, 3)))
        name = str(random.choice([*"王李"])) + given
        rest = str(random.choice(["住在北京", "去了上海", "很高兴"]))
        sentences.append([*("今天" + name + rest)])
        tags.append(tags_of([Span(2, 2 + len(name), "NAME")], 2 + len(name) + len(rest), "bmes"))
    return sentences, tags


def made(cell: Any = "gru", **options: Any) -> Tagger:
    small: dict[str, Any] = {
        "hidden_size": 16,
        "embedding": 16,
        "letter_size": 6,
        "max_steps": 30,
        "learning_rate": 0.02,
        "average": 0.0,
        "warmup_steps": 0,
        "dropout": 0.1,
        "batch_tokens": 200,
        "threads": 1,
    }
    return Tagger(cell, **{**small, **options})


def columns(rows: Rows) -> str:
    """Return sentences as a file of columns holds them."""
    return "\n".join(
        "".join(f"{word}\t{tag}\n" for word, tag in zip(*row, strict=True))
        for row in zip(*rows, strict=True)
    )
