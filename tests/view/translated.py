"""Pairs with known targets as a translator leaves them, in sentences made for the tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from unrolled.tasks.translate.outcome import Alignment, Outcome

SUBJECTS = (("die Katze", "the cat"), ("der Bäcker", "the baker"), ("das Kind", "the child"))
VERBS = (("sieht", "sees"), ("sucht", "looks for"), ("findet", "finds"), ("malt", "paints"))
OBJECTS = (("einen Stein", "a stone"), ("das alte Boot", "the old boat"), ("Brot", "bread"))


def outcome(rows: int = 200, aligned: tuple[int, ...] = (3, 8)) -> Outcome:
    """Return pairs, no two of one score, of which every third one loses its last word and every fifth one has another verb."""
    sources, references, hypotheses = [], [], []
    for row in range(rows):
        parts = (
            SUBJECTS[row % 3],
            VERBS[row // 3 % 4],
            OBJECTS[row // 12 % 3],
        )
        source, reference = (" ".join(part[side] for part in parts) for side in (0, 1))
        given = reference.split()
        given = given[:-1] if row % 3 == 0 else given
        given[2] = "loses" if row % 5 == 0 else given[2]
        sources.append(f"{source} {row}")
        references.append(f"{reference} {row}")
        hypotheses.append(" ".join(given) + f" {row}")
    right = [a == b for a, b in zip(references, hypotheses, strict=True)]
    scores = np.where(right, 100.0, 40.0) - np.arange(rows) / 10
    return Outcome(
        sources,
        references,
        hypotheses,
        np.array([len(source.split()) for source in sources], dtype=np.int64),
        scores,
        {row: alignment(sources[row], hypotheses[row]) for row in aligned if row < rows},
        lambda row: f"pairs.tsv, row {row + 2}",
    )


def alignment(source: str, target: str) -> Alignment:
    words, written = (*source.split(), "[EOS]"), (*target.split(), "[EOS]")
    weights = np.random.default_rng(0).dirichlet(np.full(len(words), 0.3), size=len(written))
    return Alignment(words, written, weights.astype(np.float32))


def result(found: Outcome, kind: str = "translate", **more: Any) -> dict[str, Any]:
    scores: dict[str, dict[str, float | None]] = {
        "model": {"bleu": 36.04, "chrf": 58.0},
        "nearest_pair": {"bleu": 12.31, "chrf": 61.52},
        "copy_source": {"bleu": 0.8, "chrf": 17.0},
    }
    if kind == "summarise":
        for at, row in enumerate(scores.values()):
            row |= {"rouge_1": 40.0 - at, "rouge_2": 20.0 - at, "rouge_l": 38.0 - at}
        scores["lead"] = {"rouge_1": 45.0, "rouge_2": 1.0, "rouge_l": 38.04}
    costs = {"parameters": 5_412_880, "tokens_per_second": 9213.4, "peak_memory_mb": 612.3}
    scores["model"] |= costs
    return {
        "task": "translate",
        "kind": kind,
        "scores": scores,
        "rows": len(found.sources),
        "signatures": {"bleu": "nrefs:1|tok:13a", "chrf": "nrefs:1|nc:6"},
        **more,
    }


def translator(
    found: Outcome | None, title: str = "pairs", label_smoothing: float = 0.0, select: str = "loss"
) -> Any:
    record = {"step": 2, "score": 0.5, "losses": [0.9, 0.7], "gradient_norms": [1.0, 2.0]}
    return SimpleNamespace(
        title=title,
        training=SimpleNamespace(history=(record,)),
        train_options={"clip_norm": 1.0},
        settings=SimpleNamespace(label_smoothing=label_smoothing, select=select),
        outcome=found,
        facts=lambda: {"cell": title, "attention": "additive", "beam": 5},
        reach=lambda: {"encoder": 0.9 ** np.arange(30)},
    )
