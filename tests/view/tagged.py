"""Outcomes of taggers to draw: with spans and without, of words and of characters."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from unrolled.data.tag_schemes import spans_of
from unrolled.tasks.tag.outcome import Outcome

WORDS = ("Ann", "met", "Bob", "Li", "in", "New", "York", ".")
TRUE = ("B-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O")
FOUND = ("B-PER", "O", "B-PER", "O", "O", "B-ORG", "I-ORG", "O")
PLAIN = ("NOUN", "VERB", "NOUN", "NOUN", "ADP", "ADJ", "NOUN", "PUNCT")
MISTAGGED = ("NOUN", "NOUN", "NOUN", "NOUN", "ADP", "NOUN", "NOUN", "PUNCT")


def outcome(
    true: Sequence[Sequence[str]] = (TRUE,) * 3,
    found: Sequence[Sequence[str]] = (FOUND, TRUE, FOUND),
    words: Sequence[Sequence[str]] | None = None,
    scheme: str = "iob2",
    joined: bool = False,
) -> Outcome:
    rows = [[*WORDS] for _ in true] if words is None else words
    of_spans = scheme != "plain"
    sure = [np.full(len(row), 0.9 - 0.1 * number) for number, row in enumerate(rows)]
    return Outcome(
        rows,
        true,
        found,
        sure,
        [np.arange(len(row)) != 2 for row in rows],
        [set(spans_of(tags)) if of_spans else set() for tags in true],
        [set(spans_of(tags)) if of_spans else set() for tags in found],
        scheme,
        joined,
        lambda row: f"test.conll, line {row + 1}",
    )


def plain() -> Outcome:
    return outcome((PLAIN,) * 4, (MISTAGGED, PLAIN, PLAIN, MISTAGGED), scheme="plain")


def many(rows: int = 400, kinds: int = 3, seed: int = 0) -> Outcome:
    """Sentences of all lengths, with a span now and then, some of them taken for another type."""
    random = np.random.default_rng(seed)
    true, found = [], []
    for length in random.integers(3, 60, size=rows):
        tags = ["O"] * int(length)
        for at in range(0, int(length) - 2, 5):
            kind = f"KIND{random.integers(kinds)}"
            tags[at : at + 2] = [f"B-{kind}", f"I-{kind}"]
        true.append(tags)
        swapped = [tag.replace("KIND0", "KIND1") if random.random() < 0.2 else tag for tag in tags]
        found.append(swapped)
    words = [[f"word{n}" for n in range(len(tags))] for tags in true]
    return outcome(true, found, words)


def result(found: Outcome, **more: Any) -> dict[str, Any]:
    scores: dict[str, dict[str, float | None]] = {
        "model": {"accuracy": 0.91},
        "most_frequent_tag": {"accuracy": 0.85},
    }
    if found.has_spans:
        scores["model"] |= {"span_precision": 0.7, "span_recall": 0.8, "span_f1": 0.746}
        scores["most_frequent_tag"] |= {
            "span_precision": 0.6,
            "span_recall": 0.9,
            "span_f1": 0.72,
        }
        figures = {"precision": 0.7, "recall": 0.8, "f1": 0.746, "support": 12.0}
        own = {"PER": figures, "LOC": {**figures, "support": 30.0}}
        more["by_type"] = {"model": own, "most_frequent_tag": {"LOC": figures}}
    return {
        "task": "tag",
        "scores": scores,
        "rows": len(found.sentences),
        "tokens": int(found.lengths.sum()),
        "intervals": {"accuracy": (0.9, 0.92)},
        **more,
    }


def tagger(found: Outcome | None, title: str = "news", trained: bool = True) -> Any:
    record = {"step": 2, "score": 0.25, "losses": [0.9, 0.7], "gradient_norms": [1.0, 2.0]}
    return SimpleNamespace(
        title=title,
        training=SimpleNamespace(history=(record,)) if trained else None,
        train_options={"clip_norm": 1.0},
        selected_by="span_f1" if found is None or found.has_spans else "accuracy",
        outcome=found,
        facts=lambda: {"cell": title, "crf": True, "parameters": 1234},
        reach=lambda: {"h1 →": 0.9 ** np.arange(30)} if trained else {},
    )
