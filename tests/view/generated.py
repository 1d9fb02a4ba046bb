"""What a generator leaves for its report, in texts made for the tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from unrolled.tasks.generate.copies import Copied
from unrolled.tasks.generate.outcome import Completion, Outcome, Passage, Samples

POEM = "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。"


def completion(text: str = POEM, start: int = 0, length: int = 3, prompt: str = "") -> Completion:
    run = text[start : start + length]
    copied = Copied(len(run), len(run) / max(len(text), 1), run, f"…{run}…")
    return Completion(prompt, text, True, -12.5, copied)


def outcome(*, kept: bool = True, verses: bool = True) -> Outcome:
    """Return 40 samples at temperature 1, whose runs are of 2 to 5 characters, and some at 0.5."""
    found = [completion(start=n % 4, length=2 + n % 4) for n in range(40)]
    if not kept:
        found = [Completion("", each.text, False, each.score, None) for each in found]
    tokens = tuple(POEM)
    passage = Passage(
        tokens, np.linspace(0, 8, len(tokens)).astype(np.float32), "poems.jsonl, row 3"
    )
    return Outcome(
        [POEM] * 5, lambda row: f"poems.jsonl, row {row}", 300.0, 130, 130, [passage] * 2,
        [Samples(0.5, found[:3]), Samples(1.0, found)], [4, 5, 6] if kept else [],
        (0.925, 0.99) if verses else None,
    )  # fmt: skip


def result(found: Outcome, **more: Any) -> dict[str, Any]:
    samples: dict[str, Any] = {"count": 40, "temperature": 1.0}
    if found.held_out:
        samples |= {"copied_median": 3.5, "copied_longest": 5, "held_out_median": 5, "held_out_longest": 6}  # fmt: skip
    if found.form_share is not None:
        samples |= {"form_kept": found.form_share[0], "form_kept_in_test": found.form_share[1]}
    costs = {"parameters": 5_412_880, "tokens_per_second": 9213.4, "peak_memory_mb": 612.3}
    return {
        "task": "generate",
        "kind": "documents",
        "scores": {
            "model": {"nats_per_char": 2.3, "bits_per_char": 3.318, "perplexity": 9.97, **costs},
            "ngram": {"nats_per_char": 2.4, "bits_per_char": 3.462, "perplexity": 9.5},
        },
        "rows": 5,
        "tokens": 130,
        "characters": 130,
        "samples": samples,
        "duplicates": 0,
        **more,
    }


def generator(found: Outcome | None, title: str = "poems", **settings: float) -> Any:
    record = {"step": 2, "score": 0.5, "losses": [0.9, 0.7], "gradient_norms": [1.0, 2.0]}
    return SimpleNamespace(
        title=title,
        training=SimpleNamespace(history=(record,)),
        train_options={"clip_norm": 1.0},
        settings=SimpleNamespace(**{"activation": 0.0, "temporal": 0.0, **settings}),
        outcome=found,
        facts=lambda: {"cell": title, "train_characters": 1234},
        reach=lambda: {"h1": 0.9 ** np.arange(30)},
    )
