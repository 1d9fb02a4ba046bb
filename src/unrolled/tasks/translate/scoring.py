"""The model's scores beside those of the simple methods, on the same pairs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.tasks.baselines import TranslateBaseline
from unrolled.tasks.memory import peak_memory
from unrolled.tasks.scores import score_rows
from unrolled.tasks.text_scores import text_scores
from unrolled.tasks.translate.fitted import SUMMARISE, Fitted
from unrolled.tasks.translate.inside import alignment_of
from unrolled.tasks.translate.outcome import Outcome
from unrolled.tasks.translate.parts import PairPart
from unrolled.tasks.translate.writing import Manner

ALIGNED = 12
"""Rows whose attention an outcome holds, evenly spread."""


def write_outcome(fitted: Fitted, part: PairPart, manner: Manner) -> tuple[Outcome, float]:
    """Return what a translator makes of pairs, and the target tokens that it wrote in a second."""
    sources, lengths = fitted.reader.sources(part.sources)
    began = time.perf_counter()
    found = [best for best, *_ in fitted.writer.write(sources, manner)]
    seconds = time.perf_counter() - began
    written = sum(len(hypothesis.log_probabilities) for hypothesis in found)
    hypotheses = [fitted.text(hypothesis.tokens) for hypothesis in found]
    rows = np.unique(np.linspace(0, len(part) - 1, min(ALIGNED, len(part))).round().astype(int))
    looked = {row: alignment_of(fitted, sources[row], found[row].tokens) for row in rows.tolist()}
    outcome = Outcome(
        part.sources,
        part.targets,
        hypotheses,
        lengths,
        sentence_chrf(hypotheses, part.targets),
        {row: alignment for row, alignment in looked.items() if alignment is not None},
        part.where,
    )
    return outcome, written / max(seconds, 1e-9)


def score_beside_baselines(
    outcome: Outcome,
    fitted: Fitted,
    speed: float,
    baselines: Mapping[str, TranslateBaseline],
) -> dict[str, dict[str, float | None]]:
    """Return the scores by method, the model first with its size, speed and memory; all answer the same sources."""

    def scored(texts: Sequence[str]) -> dict[str, float]:
        rouge = fitted.kind == SUMMARISE
        tokenize = fitted.settings.tokenize
        return text_scores(texts, outcome.references, tokenize=tokenize, rouge=rouge)

    model: dict[str, Any] = scored(outcome.hypotheses)
    model |= {
        "parameters": fitted.parameters,
        "tokens_per_second": round(speed, 1),
        "peak_memory_mb": peak_memory(),
    }
    beside = {name: scored(each.predict(outcome.sources)) for name, each in baselines.items()}
    return score_rows(model, beside)


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Return chrF of each text by itself, 0 to 100.

    >>> sentence_chrf(["a red house"], ["a red house"]).tolist()
    [100.0]
    """
    from sacrebleu import CHRF

    metric = CHRF()
    pairs = zip(hypotheses, references, strict=True)
    return np.array([min(metric.sentence_score(h, [r]).score, 100.0) for h, r in pairs])
