"""Rows with known classes as a classifier leaves them, and reading back what is shown of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.view.markup import check_drawing, words
from unrolled.tasks.classify.outcome import Outcome

NAN = math.nan
EVIL = "<script>alert('x')</script> & \"quoted\" \x00\x1b\u202e"
LANGUAGES = ("en", "zh")


def outcome(
    classes: Sequence[str] = ("no", "yes"),
    rows: int = 200,
    inputs: Sequence[Any] | None = None,
    seed: int = 0,
    sharp: float = 2.0,
) -> Outcome:
    rng = np.random.default_rng(seed)
    truth = rng.integers(len(classes), size=rows)
    scores = rng.normal(size=(rows, len(classes)))
    scores[np.arange(rows), truth] += sharp
    odds = np.exp(scores)
    return Outcome(
        tuple(classes),
        truth,
        odds / odds.sum(1, keepdims=True),
        rng.integers(1, 400, size=rows),
        inputs if inputs is not None else [f"text {row}" for row in range(rows)],
        lambda row: f"reviews.csv, row {row + 2}",
    )


def result(found: Outcome, **more: Any) -> dict[str, Any]:
    scores = {
        "model": {"accuracy": 0.881, "macro_f1": 0.87, "cross_entropy": 0.3, "ece": 0.031},
        "majority": {"accuracy": 0.6, "macro_f1": 0.3, "cross_entropy": 0.7, "ece": 0.001},
        "tfidf_logistic": {"accuracy": 0.893, "macro_f1": None},
    }
    return {
        "task": "classify",
        "scores": scores,
        "rows": len(found.truth),
        "classes": list(found.classes),
        **more,
    }


def classifier(found: Outcome | None, title: str = "reviews", trained: bool = True) -> Any:
    record = {"step": 2, "score": 0.5, "losses": [0.9, 0.7], "gradient_norms": [1.0, 2.0]}
    return SimpleNamespace(
        title=title,
        training=SimpleNamespace(history=(record,)) if trained else None,
        train_options={"clip_norm": 1.0},
        outcome=found,
        facts=lambda: {"cell": title, "pooling": "mean", "parameters": 1234},
        reach=lambda: {"forward": 0.9 ** np.arange(30)} if trained else {},
    )


def texts(block: Any, language: str = "en") -> str:
    return words(check_drawing(block.html(language))).replace("\u00a0", " ")


def cells(block: Any) -> list[list[str]]:
    root = check_drawing(block.html())
    found = [[words(cell) for cell in row] for row in root.iter("tr")]
    return [row for row in found if row]
