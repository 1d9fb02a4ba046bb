"""How good a classification is: the figures that stand in every score table, each by its definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError

Array = NDArray[np.float64]
Classes = NDArray[np.int64]

SMALLEST_PROBABILITY = 1e-12
"""What counts as the probability of a true class that was given less: -log of it is 27.6, not infinite."""
BINS = 15
"""Bins of the confidence, as in Guo et al. (2017)."""
_SUM_TOLERANCE = 1e-3  # half precision sums to 1 no closer than this


class Reliability(NamedTuple):
    """What the rows of every bin of confidence were like; (bins,) each, NaN where a bin holds no row.

    Attributes:
        confidence: the mean probability of the predicted class.
        accuracy: the share of the rows whose predicted class is the true one.
        count: the number of rows.
    """

    confidence: Array
    accuracy: Array
    count: Classes  # type: ignore[assignment]  # a tuple has a method of that name, of no use here


def class_scores(
    truth: ArrayLike, probabilities: ArrayLike, *, classes: Sequence[str] | None = None
) -> dict[str, float]:
    """Score the classification of N rows into C classes.

    With y_i the true class of row i, p_i its probabilities, and the predicted class
    f_i = argmax p_i (the first of equal ones):

    - ``accuracy`` = mean [f_i = y_i], from 0 to 1.
    - ``macro_f1`` = mean over the classes that occur in the truth of
      F1 = 2 TP / (2 TP + FP + FN), from 0 to 1 (Manning, Raghavan & Schütze 2008, 13.6). A class
      that occurs and is never predicted rightly has F1 = 0. Classes that are only predicted are not
      averaged over, unlike scikit-learn's default: the classes of the mean must be the same for every
      method that is scored. Such predictions still count against the true class (FN).
    - ``cross_entropy`` = mean -ln p_i[y_i], in nats; probabilities below 1e-12 count as 1e-12.
    - ``ece``, see :func:`expected_calibration_error`.

    Args:
        truth: (N,) class numbers from 0 to C - 1.
        probabilities: (N, C), every row of them sums to 1.
        classes: the names of the C classes, for messages.

    Returns:
        The figures by name, in the order above.

    Raises:
        ShapeError: the arrays do not fit together, there is no row, a class number does not exist, or
            a row of probabilities is not one: a number below 0, above 1 or not finite, or a sum that
            is not 1.

    >>> scores = class_scores([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    >>> {name: round(score, 3) for name, score in scores.items()}
    {'accuracy': 0.667, 'macro_f1': 0.667, 'cross_entropy': 0.511, 'ece': 0.333}
    """
    from sklearn.metrics import f1_score

    y, p = _checked(truth, probabilities, classes)
    predicted = p.argmax(axis=1)
    likelihood = np.maximum(p[np.arange(len(y)), y], SMALLEST_PROBABILITY)
    return {
        "accuracy": float((predicted == y).mean()),
        "macro_f1": float(
            f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0.0)
        ),
        # Rounding can leave a probability at 1 and a bit, whose cross-entropy would be below 0.
        "cross_entropy": float(np.maximum(-np.log(likelihood), 0.0).mean()),
        "ece": _calibration_error(_binned(y, p, BINS)),
    }


def expected_calibration_error(
    truth: ArrayLike, probabilities: ArrayLike, bins: int = BINS
) -> float:
    """Return the ECE: by how much confidence and accuracy differ, on average over the rows.

    The rows are put into ``bins`` bins of equal width by their confidence max p_i:
    ECE = sum over bins b of n_b / N |accuracy_b - confidence_b|, from 0 to 1. It depends on the bins,
    and for few rows it is above 0 even where every probability is right.

    Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks; Naeini, Cooper &
    Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning.

    Raises:
        ShapeError: as :func:`class_scores`; bins below 1.

    >>> round(expected_calibration_error([0, 0, 1, 1], [[0.8, 0.2]] * 4), 3)
    0.3
    """
    return _calibration_error(reliability(truth, probabilities, bins))


def reliability(truth: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> Reliability:
    """Sort rows into bins of equal width by their confidence max p_i: bin b is ((b - 1)/bins, b/bins].

    DeGroot & Fienberg (1983), The comparison and evaluation of forecasters.

    Raises:
        ShapeError: as :func:`class_scores`; bins below 1.

    >>> bins = reliability([0, 0, 1, 1], [[0.8, 0.2]] * 4, bins=2)
    >>> bins.count.tolist(), bins.accuracy.tolist(), bins.confidence[1].round(3)
    ([0, 4], [nan, 0.5], np.float64(0.8))
    """
    return _binned(*_checked(truth, probabilities, None), bins)


def _binned(y: Classes, p: Array, bins: int) -> Reliability:
    if bins < 1:
        raise ShapeError(f"bins={bins}", expected="at least 1")
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    edges = np.linspace(0.0, 1.0, bins + 1)
    inside = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(inside, minlength=bins)

    def mean(values: NDArray[np.generic]) -> Array:
        total = np.bincount(inside, weights=values.astype(np.float64), minlength=bins)
        return np.divide(total, count, out=np.full(bins, np.nan), where=count > 0)

    return Reliability(mean(confidence), mean(right), count)


def _calibration_error(bins: Reliability) -> float:
    there = bins.count > 0
    gap = np.abs(bins.accuracy[there] - bins.confidence[there])
    return float(gap @ bins.count[there] / bins.count.sum())


def _checked(
    truth: ArrayLike, probabilities: ArrayLike, classes: Sequence[str] | None
) -> tuple[Classes, Array]:
    y, p = np.asarray(truth), np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] == 0:
        raise ShapeError(f"probabilities have shape {p.shape}", expected="(rows, classes)")
    if classes is not None and len(classes) != p.shape[1]:
        raise ShapeError(
            f"probabilities have shape {p.shape}",
            expected=f"(rows, {len(classes)}), a column for each of {', '.join(classes)}",
        )
    if y.shape != p.shape[:1]:
        raise ShapeError(f"truth has shape {y.shape}", expected=f"({len(p)},), one a row")
    if not len(y):
        raise ShapeError("there is nothing to score: no row", fix="give rows with labels")
    if not np.issubdtype(y.dtype, np.integer):
        raise ShapeError(f"truth is {y.dtype}", expected="class numbers, whole numbers from 0")
    _require_no("is no class", (y < 0) | (y >= p.shape[1]), y, f"0 to {p.shape[1] - 1}")
    valid = (p >= -1e-9) & (p <= 1 + _SUM_TOLERANCE)
    wrong = (~valid).any(axis=1)
    _require_no("are no probabilities", wrong, p, "numbers from 0 to 1")
    wrong = np.abs(p.sum(axis=1) - 1.0) > _SUM_TOLERANCE
    _require_no("do not sum to 1", wrong, p, "probabilities of all classes", "apply a softmax")
    return y.astype(np.int64), p


def _require_no(
    what: str, wrong: ArrayLike, values: NDArray, expected: str, fix: str | None = None
) -> None:
    if np.any(wrong):
        row = int(np.argmax(wrong))
        given = np.array2string(values[row], precision=4, threshold=6, separator=", ")
        raise ShapeError(f"{given} {what}", where=f"row {row}", expected=expected, fix=fix)
