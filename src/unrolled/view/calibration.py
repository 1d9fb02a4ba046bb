"""Whether a classifier's probabilities can be taken at their word: confidence against accuracy.

Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unrolled.view.bars import Histogram
from unrolled.view.charts import Axis, LineChart
from unrolled.view.figure import Verdict
from unrolled.view.intervals import USUAL, share_interval
from unrolled.view.numbers import fixed, percent
from unrolled.view.runs import Band, Line
from unrolled.view.scale import Array
from unrolled.view.words import Text, phrase

Bins = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Confidence, accuracy and count of every bin, each (bins,); NaN where a bin is empty."""

_WORTH_SAYING = 0.01  # a difference below a point is none, however many rows show it


class Judgement(NamedTuple):
    """Mean confidence beside accuracy: ``kind`` is "over", "under", "fits", or "unknown" without rows."""

    kind: str
    confidence: float
    accuracy: float
    by_chance: float
    """The ECE that so many rows in these bins would show on average, were every probability right."""


def judge_calibration(bins: Bins) -> Judgement:
    """Compare mean confidence with accuracy; it differs where chance (two standard errors) does not explain it.

    With n rows in bins of n_b rows, accuracy a_b and confidence c_b:

        standard error = sqrt(sum n_b a_b (1 - a_b)) / n
        ECE by chance = sum n_b / n * sqrt(2 / pi) * sqrt(c_b (1 - c_b) / n_b)

    >>> judge_calibration(([0.9], [0.7], [1000])).kind, judge_calibration(([0.9], [0.7], [10])).kind
    ('over', 'fits')
    """
    confidence, accuracy, count = _filled(bins)
    rows = count.sum()
    if rows == 0:
        return Judgement("unknown", math.nan, math.nan, math.nan)
    sure, right = float(confidence @ count / rows), float(accuracy @ count / rows)
    error = math.sqrt(count @ (accuracy * (1 - accuracy))) / rows
    spread = np.sqrt(2 / math.pi * np.maximum(confidence * (1 - confidence), 0) / count)
    gap, kind = sure - right, "fits"
    if abs(gap) > max(USUAL * error, _WORTH_SAYING):
        kind = "over" if gap > 0 else "under"
    return Judgement(kind, sure, right, float(count @ spread / rows))


def reliability_chart(bins: Bins, ece: float) -> LineChart:
    """Draw the accuracy of every bin against its confidence, with 95 % intervals and the diagonal; judge it in words.

    Args:
        bins: as `unrolled.tasks.class_scores.reliability` gives them.
        ece: the expected calibration error of the same rows, from 0 to 1.
    """
    confidence, accuracy, count = _filled(bins)
    low, high = share_interval(accuracy * count, count)
    judged = judge_calibration(bins)
    # Tenths, so that the axis begins at a label; two classes leave nothing below one half.
    start = math.floor(10 * float(confidence.min(initial=1.0)) + 1e-9) / 10
    note: list[Text] = [phrase("calibration.note", rows=f"{count.sum():,.0f}")]
    said = [] if judged.kind == "unknown" else [_ece_said(ece, judged), _verdict(judged)]
    return LineChart(
        phrase("calibration.title"),
        [
            Band(phrase("calibration.interval"), confidence, low, high, role="inner"),
            Line(phrase("calibration.perfect"), [start, 1.0], [start, 1.0], role="baseline"),
            Line(phrase("method.model"), confidence, accuracy, role="model"),
        ],
        x=Axis(phrase("calibration.confidence")),
        y=Axis(phrase("metric.accuracy")),
        note=note,
        verdict=said,
    )


def confidence_histogram(confidence: ArrayLike) -> Histogram:
    """Count the rows by the probability (rows,) of their predicted class."""
    values = np.asarray(confidence, dtype=np.float64)
    sure = float((values >= 0.9).mean()) if values.size else 0.0
    note = phrase("calibration.sure", share=percent(sure, 0)) if values.size else ""
    axis = Axis(phrase("calibration.confidence"))
    return Histogram(phrase("calibration.counts"), values, axis, bins=20, note=note)


def calibration_word(judged: Judgement) -> Text:
    """Return the judgement in a word or two."""
    return "" if judged.kind == "unknown" else phrase(f"calibration.{judged.kind}")


def _verdict(judged: Judgement) -> Verdict:
    points = fixed(100 * abs(judged.confidence - judged.accuracy), 1)
    figures = {
        "confidence": percent(judged.confidence),
        "accuracy": percent(judged.accuracy),
        "points": points,
    }
    kind = "good" if judged.kind == "fits" else "bad"
    return Verdict(phrase(f"calibration.say_{judged.kind}", **figures), kind)


def _ece_said(ece: float, judged: Judgement) -> Verdict:
    figures = {"ece": percent(ece), "chance": percent(judged.by_chance)}
    return Verdict(phrase("calibration.ece", **figures))


def _filled(bins: Bins) -> tuple[Array, Array, Array]:
    """Return the bins that hold rows, all as float64."""
    confidence, accuracy, count = (np.asarray(column, dtype=np.float64) for column in bins)
    there = count > 0
    return confidence[there], accuracy[there], count[there]
