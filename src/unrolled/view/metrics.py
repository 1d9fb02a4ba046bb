"""What a metric's figure means: which direction is better, and how it is written."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from unrolled.view.numbers import NOTHING, fixed, in_column, number, percent
from unrolled.view.words import Text, known_phrase, phrase

_LOWER = {"mae", "mse", "rmse", "mase", "smape", "crps", "loss", "perplexity", "wape"}
_LOWER |= {"nats_per_char", "bits_per_char", "cross_entropy", "brier", "ece"}
_RATES = {"accuracy", "f1", "macro_f1", "precision", "recall", "auc"}
_RATES |= {"span_precision", "span_recall", "span_f1"}
_SHARES = _RATES | {"ece"}
_OF_HUNDRED = {"bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"}  # from 0 to 100
_COSTS = {"parameters", "tokens_per_second", "peak_memory_mb"}
_HIGHER = _RATES | _OF_HUNDRED | {"r2"}
_TIMES = 10
"""From so many times the reference on, percent say nothing."""
_COVERAGE = re.compile(r"coverage_(\d+(?:\.\d+)?)")
_WRITTEN = {
    "smape": "sMAPE",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "f1": "F1",
    "span_f1": "span F1",
    "r2": "R²",
}


class Metric(NamedTuple):
    """A metric by its name in the scores; ``aim`` is "lower", "higher", "nominal" or "" where unknown.

    ``share`` says that its figures are shares of 1, written as percent and compared in points.
    """

    key: str
    aim: str
    nominal: float = math.nan
    share: bool = False

    @property
    def label(self) -> Text:
        """Return the name that readers know."""
        if self.aim == "nominal":
            return phrase("metric.coverage", level=f"{100 * self.nominal:g}")
        return known_phrase(f"metric.{self.key}", _WRITTEN.get(self.key) or _spelled(self.key))

    def badness(self, value: float) -> float:
        """Return ``value`` so that smaller is better; of a coverage, how far it is from nominal."""
        if self.aim == "nominal":
            return abs(value - self.nominal)
        return -value if self.aim == "higher" else value

    def gap(self, value: float, reference: float) -> Text:
        """Return how far ``value`` is from ``reference``, without a sign, in words.

        Shares differ in percentage points, coverages by how much nearer to nominal the one is, scores from 0 to 100
        in points; everything else by percent of the reference, or as a multiple of a reference that is far smaller.
        """
        apart = abs(self.badness(value) - self.badness(reference))
        if self.share:
            return phrase("score.points", points=_at_least_a_tenth(100 * apart))
        if self.key in _OF_HUNDRED:
            return phrase("score.of_hundred", points=_at_least_a_tenth(apart))
        if reference == 0 or not math.isfinite(apart / reference):
            return phrase("score.from_zero", difference=f"{apart:.3g}")
        if self.aim == "lower" and reference > 0 and value >= _TIMES * reference:
            return phrase("score.times", times=number(value / reference, 2))
        return phrase("score.percent", percent=_at_least_a_tenth(100 * apart / abs(reference)))


def metric(key: str) -> Metric:
    """Return what is known of the metric ``key``.

    >>> metric("coverage_80")
    Metric(key='coverage_80', aim='nominal', nominal=0.8, share=True)
    """
    if found := _COVERAGE.fullmatch(key):
        return Metric(key, "nominal", float(found[1]) / 100, share=True)
    aim = "lower" if key in _LOWER else "higher" if key in _HIGHER else ""
    return Metric(key, aim, share=key in _SHARES)


def written(metric: Metric, value: float | None, decimals: int | None) -> str:
    """Return a figure of ``metric`` as it stands in a table, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return in_column(value, decimals) if value is not None else NOTHING
    if metric.share:
        return percent(value)
    if metric.key in _OF_HUNDRED:
        return fixed(value, 1)
    if metric.key in _COSTS:
        return fixed(value, 0) if abs(value) >= 10 else number(value, 2)
    return in_column(value, decimals)


def _spelled(key: str) -> str:
    plain = key.replace("_", " ")
    return plain.upper() if len(key) <= 4 and key.isalpha() else plain


def _at_least_a_tenth(value: float) -> str:
    # A difference that rounds to nothing is still a difference.
    return f"< {fixed(0.1, 1)}" if value < 0.05 else fixed(value, 1)
