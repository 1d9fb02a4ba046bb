"""Confusions and calibration: counts that add up, and verdicts that chance does not make."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

from tests.view.classified import LANGUAGES, NAN, cells, texts
from tests.view.markup import areas, check_drawing, classed, lines, outlines, words
from tests.view.test_style import STYLE, contrast, themes
from unrolled.errors import ShapeError
from unrolled.view import (
    class_table,
    confidence_histogram,
    confusion_counts,
    confusion_list,
    confusion_matrix,
    judge_calibration,
    reliability_chart,
)
from unrolled.view.confusion import ConfusionMatrix, class_figures
from unrolled.view.intervals import share_interval


def test_every_row_is_counted_once_true_class_down() -> None:
    counts = confusion_counts([0, 0, 0, 2], [0, 2, 2, 1], 3)
    assert counts.tolist() == [[1, 0, 2], [0, 0, 0], [0, 1, 0]]
    assert confusion_counts([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("truth", "predicted"), [([0, -1], [0, 0]), ([0], [2]), ([0, 1], [0])])
def test_a_class_that_there_is_not_is_refused(truth: list[int], predicted: list[int]) -> None:
    with pytest.raises(ShapeError, match="from 0 to 1"):
        confusion_counts(truth, predicted, 2)


def test_the_matrix_is_a_table_that_says_what_is_right() -> None:
    matrix = confusion_matrix(np.array([[3, 1], [0, 4]]), ["no", "yes"])
    root = check_drawing(matrix.html())
    assert cells(matrix) == [
        ["", "predicted"],
        ["true", "no", "yes"],
        ["no", "3", "1"],
        ["yes", "0", "4"],
    ]
    kinds = [cell.get("class") for row in root.findall(".//tbody/tr") for cell in row.iter("td")]
    assert kinds == ["right on7", "wrong on4", "none", "right on8"]
    scopes = {heading.get("scope") for heading in root.iter("th")}
    assert scopes == {"row", "col", "colgroup"}
    with pytest.raises(ShapeError, match="confusion matrix"):
        ConfusionMatrix([[1, 2]], ["a"]).html()


def test_of_many_classes_the_most_mistaken_are_shown() -> None:
    counts = np.diag(np.full(60, 100))
    counts[[50, 7, 20], [50, 7, 20]] = 10  # rare: they are shown for their mistakes alone
    counts[50, 3], counts[7, 59], counts[20, 21] = 30, 20, 10
    matrix = confusion_matrix(counts, [f"class {n}" for n in range(60)])
    assert len(matrix.classes) == 20
    assert [f"class {n}" for n in (3, 7, 20, 21, 50, 59)] == [
        name for name in matrix.classes if int(name[6:]) in (3, 7, 20, 21, 50, 59)
    ]
    text = texts(matrix)
    assert "The 20 of 60 classes" in text
    assert "100 % of all mistakes" in text
    assert len(classed(check_drawing(matrix.html()), "turned")) == 20
    table = cells(confusion_list(counts, [f"class {n}" for n in range(60)], most=2))
    assert table[1:] == [
        ["class 50 → class 3", "30", "75.0\u00a0%"],
        ["class 7 → class 59", "20", "66.7\u00a0%"],
    ]


def test_colours_are_shares_of_all_rows_of_a_class() -> None:
    counts = np.zeros((30, 30), dtype=np.int64)
    # 100 of the 380 rows of class 0 stand in columns that are not shown.
    counts[0], counts[:, 1], counts[0, 0] = 10, 10, 90
    matrix = confusion_matrix(counts, [f"class {n}" for n in range(30)])
    first = check_drawing(matrix.html()).find(".//tbody/tr/td")
    assert first is not None
    assert first.get("class") == "right on4"


def test_names_in_chinese_stand_on_their_feet() -> None:
    names = [f"很长的类别名称{n}" for n in range(12)]
    root = check_drawing(confusion_matrix(np.eye(12, dtype=np.int64), names).html("zh"))
    assert classed(root, "upright")
    assert not classed(root, "turned")
    digits = confusion_matrix(np.eye(10, dtype=np.int64), list("0123456789"))
    assert not classed(check_drawing(digits.html()), "upright")


def test_figures_of_a_class_agree_with_scikit_learn() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    rng = np.random.default_rng(1)
    truth, predicted = rng.integers(5, size=(2, 300))
    figures = class_figures(confusion_counts(truth, predicted, 5))
    expected = precision_recall_fscore_support(truth, predicted)
    for ours, theirs in zip(figures[:4], expected, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_a_class_that_is_never_predicted_is_said() -> None:
    table = class_table(np.array([[5, 0, 0], [2, 0, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert cells(table)[2:] == [
        ["b", "–", "0.0\u00a0%", "0.0\u00a0%", "2"],
        ["c", "–", "–", "–", "0"],
    ]
    assert "Never predicted: b." in texts(table)
    assert "Never predicted" not in texts(class_table(np.eye(2, dtype=np.int64), ["a", "b"]))
    many = class_table(np.zeros((300, 300), dtype=np.int64) + 1, [str(n) for n in range(300)])
    assert "The 100 most frequent of 300 classes." in texts(many)
    lost = np.zeros((40, 40), dtype=np.int64)
    lost[:, 0] = 1
    assert "29 more" in texts(class_table(lost, [str(n) for n in range(40)]))


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_counts_can_be_read_on_every_colour(theme: str) -> None:
    colours = themes()[theme]
    shares = [int(share) for share in re.findall(r"\.on\d .*?var\(--c\) (\d+)%", STYLE)]
    assert len(shares) == 8
    for share, role in itertools.product(shares, ("c1", "c2")):
        over, under = (
            [int(full(colours[name])[at : at + 2], 16) for at in (1, 3, 5)]
            for name in (role, "card")
        )
        mixed = [
            round(a * share / 100 + b * (1 - share / 100)) for a, b in zip(over, under, strict=True)
        ]
        background = "#" + "".join(f"{part:02x}" for part in mixed)
        assert contrast(colours["ink"], background) >= 4.5, (share, role)


def full(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = share_interval([50, 0, 10, 0], [100, 10, 10, 0])
    np.testing.assert_allclose(low[:3], [0.4038, 0.0, 0.7225], atol=1e-4)
    np.testing.assert_allclose(high[:3], [0.5962, 0.2775, 1.0], atol=1e-4)
    assert np.isnan(low[3])


@pytest.mark.parametrize(
    ("bins", "kind"),
    [
        (([0.9, NAN], [0.7, NAN], [1000, 0]), "over"),
        (([0.6, 0.9], [0.8, 0.97], [500, 500]), "under"),
        (([0.9], [0.8], [10]), "fits"),  # chance explains it
        (([0.9], [0.895], [10**7]), "fits"),  # half a point is none
        (([1.0], [1.0], [5]), "fits"),
        (([NAN], [NAN], [0]), "unknown"),
    ],
    ids=str,
)
def test_calibration_is_judged_beyond_chance(bins: Any, kind: str) -> None:
    assert judge_calibration(bins).kind == kind
    for language in LANGUAGES:
        assert "nan" not in texts(reliability_chart(bins, 0.1), language)


def test_the_error_by_chance_is_what_calibrated_rows_show() -> None:
    rng = np.random.default_rng(0)
    count, confidence = np.array([50, 200]), np.array([0.6, 0.9])
    draws = rng.binomial(count, confidence, size=(4000, 2)) / count
    shown = (np.abs(draws - confidence) * count).sum(1) / count.sum()
    judged = judge_calibration((confidence, confidence, count))
    assert judged.by_chance == pytest.approx(shown.mean(), rel=0.03)


def test_the_reliability_chart_shows_bins_diagonal_and_verdict() -> None:
    bins = ([0.25, 0.55, NAN, 0.95], [0.2, 0.5, NAN, 0.6], [10, 100, 0, 900])
    root = check_drawing(reliability_chart(bins, 0.317).html())
    paths = {path.get("data-name"): outlines(path) for path in lines(root)}
    assert [len(points) for points in paths["model"]] == [3]  # an empty bin does not break the line
    ((first, last),) = paths["perfect"]
    assert last[0] == pytest.approx(1.0)
    assert first[0] == pytest.approx(0.0)
    assert len(areas(root)) == 1
    (svg,) = (element for element in root.iter("svg") if element.get("data-x"))
    assert svg.get("data-x", "").startswith("linear 0.2 1.0")
    text = words(root).replace("\u00a0", " ")
    assert "1,010 rows" in text
    assert "(ECE) 31.7 %" in text
    assert "Over-confident: the mean confidence is 90.3 %, the accuracy 58.6 %, 31.7 points" in text
    assert [item.get("class") for item in classed(root, "verdict")[0]] == [None, "bad"]


def test_confidences_are_counted() -> None:
    assert "50 % of the rows" in texts(confidence_histogram([0.95, 0.5]))
    check_drawing(confidence_histogram([]).html("zh"))
