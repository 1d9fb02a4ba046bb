"""The report of a classifier: a whole page for one class or sixty, with a test part or without."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.view.classified import LANGUAGES, classifier, outcome, result, texts
from tests.view.markup import check_drawing, words
from unrolled.tasks.classify.outcome import Outcome
from unrolled.view import (
    render,
    say,
    score_table,
)
from unrolled.view.classify_report import classify_report, headlines, scores_of


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 2, 6, 18, 60])
def test_the_report_is_a_page(count: int, language: str) -> None:
    found = outcome(classes=[f"class {n}" for n in range(count)], rows=300)
    page = render(classify_report(classifier(found), result(found, duplicates=7), language))
    root = check_drawing(page.split("<body>")[1].split("<script>")[0].join(["<body>", "</body>"]))
    assert len(list(root.iter("section"))) == 6
    text = words(root)
    assert {"en": "7 of these rows", "zh": "7 行的内容"}[language] in text
    assert "nan" not in text
    assert len(page) < 300_000


def test_without_a_test_part_only_the_training_is_shown() -> None:
    report = classify_report(classifier(None), None)
    assert len(report.sections) == 1
    assert "there is no score" in render(report)
    loaded = classify_report(classifier(outcome(), trained=False), None)
    assert len(loaded.sections) == 5


def test_figures_stand_beside_the_best_baseline() -> None:
    found = outcome()
    figures = headlines(result(found)["scores"], found).figures
    assert [(item.figure, say(item.note)) for item in figures[:2]] == [
        ("88.1\u00a0%", "best baseline 89.3\u00a0%"),
        ("87.0\u00a0%", "best baseline 30.0\u00a0%"),
    ]
    assert figures[2].figure == "3.1\u00a0%"
    assert say(figures[2].note) in ("over-confident", "under-confident", "confidence fits accuracy")


def test_scores_say_how_surely_they_are_known() -> None:
    found = outcome(rows=400)
    text = texts(scores_of(result(found)))
    (low, high) = re.findall(r"between ([\d.]+) and ([\d.]+) %", text)[0]
    accuracy = 100 * result(found)["scores"]["model"]["accuracy"]
    assert float(low) < accuracy < float(high)
    assert 6.0 < float(high) - float(low) < 7.0
    assert "also occur in training" not in text
    assert "TF-IDF + logistic regression beats the model on accuracy by 1.2 points." in text
    chinese = texts(score_table(result(found)["scores"]), "zh")
    for word in ("准确率", "宏平均 F1", "交叉熵", "期望校准误差"):
        assert word in chinese


def test_no_mistake_among_few_rows_is_no_certainty() -> None:
    found = result(outcome(rows=40))
    found["scores"]["model"]["accuracy"] = 1.0
    assert "between 91.2 and 100.0 %" in texts(scores_of(found))


def test_an_outcome_knows_what_was_predicted() -> None:
    probabilities: NDArray[np.float64] = np.array([[0.5, 0.5], [0.1, 0.9], [0.8, 0.2]])
    found = Outcome(
        ("a", "b"), np.array([0, 1, 1]), probabilities, np.ones(3, np.int64), [""] * 3, str
    )
    assert found.predicted.tolist() == [0, 1, 0]
    assert found.confidence.tolist() == [0.5, 0.9, 0.8]
    assert found.correct.tolist() == [True, True, False]
