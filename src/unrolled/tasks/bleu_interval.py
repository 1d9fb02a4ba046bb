"""How far BLEU would move with other test sentences of the same kind: a bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import OptionError
from unrolled.tasks.text_scores import ORDER, bleu_metric, require_pairs


def bleu_interval(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    against: Sequence[str] | None = None,
    tokenize: str | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of BLEU, or of how much more it is than that of other hypotheses.

    N rows are drawn with replacement from the N given ones, ``samples`` times; the interval holds the
    middle 95 % of the BLEU of the draws. With ``against`` both are scored on the same draws, and where 0
    lies outside of the interval one is better than the other by more than the choice of the test rows
    explains. It says nothing of what another seed of the training would change.

    Koehn (2004), Statistical significance tests for machine translation evaluation.

    Args:
        hypotheses: N texts.
        references: N texts.
        against: N other texts to compare with.
        tokenize: as in :func:`unrolled.tasks.text_scores.text_scores`.
        samples: draws.
        seed: of the draws.

    Raises:
        ShapeError: as :func:`unrolled.tasks.text_scores.text_scores`.
        OptionError: as there; or samples below 1.

    >>> low, high = bleu_interval(["a b c d e", "a b c f g"] * 20, ["a b c d e"] * 40)
    >>> round(low), round(high)
    (56, 77)
    """
    if samples < 1:
        raise OptionError(f"samples={samples}", expected="at least 1")
    systems = [hypotheses] if against is None else [hypotheses, against]
    for texts in systems:
        require_pairs(texts, references)
    counts = [_counts(texts, references, tokenize) for texts in systems]
    effective = bleu_metric(references, tokenize).effective_order
    random = np.random.default_rng(seed)
    drawn = np.empty(samples)
    for sample in range(samples):
        rows = random.integers(len(references), size=len(references))
        times = np.bincount(rows, minlength=len(references))
        scores = [_bleu(times @ of_rows, effective) for of_rows in counts]
        drawn[sample] = scores[0] - (scores[1] if against is not None else 0.0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _counts(
    hypotheses: Sequence[str], references: Sequence[str], tokenize: str | None
) -> NDArray[np.int64]:
    """Return (N, 2 + 2 x 4): tokens of hypothesis and reference, n-grams in common, n-grams."""
    metric = bleu_metric(references, tokenize)
    metric.effective_order = (
        True  # sacrebleu asks for it with single sentences; it changes no count
    )
    rows = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        row = metric.sentence_score(hypothesis, [reference])
        rows.append([row.sys_len, row.ref_len, *row.counts, *row.totals])
    return np.array(rows, dtype=np.int64)


def _bleu(counts: NDArray[np.int64], effective: bool) -> float:
    from sacrebleu import BLEU

    length, wanted, *grams = counts.tolist()
    found = BLEU.compute_bleu(
        grams[:ORDER], grams[ORDER:], length, wanted, "exp", effective_order=effective
    )
    return min(float(found.score), 100.0)
