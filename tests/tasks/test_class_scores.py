"""Every figure of classification against one worked out by hand, its definition as a loop, or sklearn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from unrolled.errors import ShapeError
from unrolled.tasks.class_scores import (
    Reliability,
    class_scores,
    expected_calibration_error,
    reliability,
)
from unrolled.tasks.scores import BASELINE_ORDER, score_rows


def drawn(rows: int = 300, classes: int = 4, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.6), size=rows)
    return np.array([random.choice(classes, p=p) for p in probabilities]), probabilities


def test_by_hand() -> None:
    scores = class_scores(
        [0, 0, 1, 2], [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]]
    )
    assert list(scores) == ["accuracy", "macro_f1", "cross_entropy", "ece"]
    assert scores["accuracy"] == pytest.approx(0.5)
    # class 0: 1 right, 1 wrongly named, 1 missed; class 1: 1 right, 1 wrongly named; class 2: missed.
    assert scores["macro_f1"] == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)
    assert scores["cross_entropy"] == pytest.approx(-math.log(0.7 * 0.3 * 0.8 * 0.2) / 4)
    # Four confidences, each in a bin of its own but 0.5 and 0.6 too: every row its own gap.
    assert scores["ece"] == pytest.approx((0.3 + 0.6 + 0.2 + 0.5) / 4)


def test_against_sklearn_and_a_loop() -> None:
    y, p = drawn()
    scores, predicted = class_scores(y, p), p.argmax(axis=1)
    assert scores["accuracy"] == pytest.approx(accuracy_score(y, predicted))
    assert scores["macro_f1"] == pytest.approx(f1_score(y, predicted, average="macro"))
    assert scores["cross_entropy"] == pytest.approx(log_loss(y, p))
    error = 0.0
    for b in range(15):
        rows = [i for i in range(len(y)) if b / 15 < p[i].max() <= (b + 1) / 15]
        if rows:
            gap = np.mean([predicted[i] == y[i] for i in rows]) - np.mean(
                [p[i].max() for i in rows]
            )
            error += len(rows) / len(y) * abs(gap)
    assert scores["ece"] == pytest.approx(error)
    assert expected_calibration_error(y, p) == scores["ece"]


def test_macro_f1_averages_over_the_classes_of_the_truth() -> None:
    """A class that is only predicted is no member of the mean, yet the wrong answers count."""
    p = [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9]]
    assert class_scores([0, 1, 1], p)["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)
    missed = class_scores([0, 1, 2], [[1.0, 0.0, 0.0]] * 3)["macro_f1"]
    assert missed == pytest.approx((2 / 4) / 3)


def test_impossible_and_certain_answers_have_a_finite_cross_entropy() -> None:
    assert class_scores([1], [[1.0, 0.0]])["cross_entropy"] == pytest.approx(-math.log(1e-12))
    assert class_scores([0], [[1.0000001, 0.0]])["cross_entropy"] == 0.0


def test_reliability_bins() -> None:
    p = np.array([[0.5, 0.5], [0.55, 0.45], [0.4, 0.6], [1.0, 0.0], [0.0, 1.0]])
    confidence, accuracy, count = bins = reliability([0, 1, 1, 0, 0], p, bins=4)
    assert isinstance(bins, Reliability)
    assert count.tolist() == [0, 1, 2, 2]  # 0.5 belongs to the bin that it closes
    np.testing.assert_allclose(confidence, [np.nan, 0.5, 0.575, 1.0])
    np.testing.assert_allclose(accuracy, [np.nan, 1.0, 0.5, 0.5])
    assert expected_calibration_error([0, 1, 1, 0, 0], p, bins=4) == pytest.approx(
        (0.5 + 2 * 0.075 + 2 * 0.5) / 5
    )
    with pytest.raises(ShapeError, match=r"bins=0; expected at least 1"):
        reliability([0], [[1.0]], bins=0)


def test_truth_drawn_from_the_probabilities_is_calibrated() -> None:
    y, p = drawn(rows=20_000, classes=3)
    assert expected_calibration_error(y, p) < 0.02
    sharper = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert expected_calibration_error(y, sharper) > 0.1


@pytest.mark.parametrize(
    ("truth", "probabilities", "message"),
    [
        ([0], [0.5, 0.5], r"probabilities have shape \(2,\); expected \(rows, classes\)"),
        ([0, 1], [[0.5, 0.5]], r"truth has shape \(2,\); expected \(1,\), one a row"),
        (np.zeros(0, int), np.zeros((0, 2)), "there is nothing to score"),
        ([0.0], [[0.5, 0.5]], "truth is float64; expected class numbers"),
        ([0, 2], [[0.5, 0.5]] * 2, "row 1: 2 is no class; expected 0 to 1"),
        ([0, -1], [[0.5, 0.5]] * 2, "row 1: -1 is no class; expected 0 to 1"),
        ([0, 1], [[1.0, 0.0], [0.7, 0.7]], r"row 1: \[0.7, 0.7\] do not sum to 1"),
        ([0], [[1.5, -0.5]], r"row 0: \[ 1.5, -0.5\] are no probabilities"),
        ([0], [[np.nan, 1.0]], r"row 0: \[nan,  1.\] are no probabilities"),
    ],
)
def test_what_does_not_fit_is_refused(truth, probabilities, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        class_scores(truth, probabilities)


def test_names_of_classes_must_be_as_many_as_columns() -> None:
    with pytest.raises(ShapeError, match=r"expected \(rows, 3\), a column for each of a, b, c"):
        class_scores([0], [[0.5, 0.5]], classes=["a", "b", "c"])
    assert class_scores([0], [[0.5, 0.5]], classes=["a", "b"])["accuracy"] == 1.0


def test_the_rows_of_the_score_table() -> None:
    scores = class_scores([0, 1], [[0.9, 0.1]] * 2)
    rows = score_rows(scores, dict.fromkeys(("fasttext", "tfidf_logistic", "majority"), scores))
    assert list(rows) == ["model", "majority", "tfidf_logistic", "fasttext"]
    assert BASELINE_ORDER[:3] == ("majority", "logistic", "tfidf_logistic")
