"""The worst mistakes and accuracy by length: rows stay text whatever they hold, and chance is no finding."""

from __future__ import annotations

import numpy as np
import pytest

from tests.view.classified import EVIL, LANGUAGES, classifier, outcome, result, texts
from tests.view.markup import check_drawing, classed, lines, outlines, read
from unrolled.errors import ShapeError
from unrolled.view import (
    Gallery,
    length_blocks,
    length_groups,
    mistakes_block,
    render,
    worst_mistakes,
)
from unrolled.view.classify_report import classify_report
from unrolled.view.lengths import length_chart
from unrolled.view.shorten import GAP, name_of, shortened


def test_the_surest_mistakes_come_first() -> None:
    found = outcome(rows=300)
    worst = worst_mistakes(found)
    assert len(worst) == 10
    assert all(mistake.truth != mistake.predicted for mistake in worst)
    sure = [mistake.probability for mistake in worst]
    assert sure == sorted(found.confidence[~found.correct].tolist(), reverse=True)[:10]
    assert worst[0].probability + worst[0].for_truth == pytest.approx(1.0)
    row = int(str(worst[0].content).removeprefix("text "))
    assert worst[0].place == f"reviews.csv, row {row + 2}"
    text = texts(mistakes_block(worst, 40, 300))
    assert worst[0].place in text
    assert "The 10 of 40 wrong rows" in text


def test_equal_texts_are_shown_once() -> None:
    worst = worst_mistakes(outcome(rows=100, inputs=["same"] * 100))
    assert [mistake.content for mistake in worst] == ["same"]


def test_nothing_wrong_is_said() -> None:
    for language in LANGUAGES:
        assert "300" in texts(mistakes_block([], 0, 300), language)


def test_rows_stay_text() -> None:
    found = outcome(classes=(EVIL, "yes"), inputs=[EVIL * 40 + str(row) for row in range(200)])
    page = render(classify_report(classifier(found, EVIL), result(found)))
    parsed = read(page)
    assert parsed.names.count("script") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "\x00" not in page
    quotes = classed(check_drawing(mistakes_block(worst_mistakes(found), 1, 1).html()), "quote")
    assert {quote.get("dir") for quote in quotes} == {"auto"}


def test_an_empty_text_is_said_to_be_empty() -> None:
    found = outcome(rows=50, inputs=[""] * 50)
    assert "(empty text)" in texts(mistakes_block(worst_mistakes(found), 1, 50))


@pytest.mark.parametrize("features", [1, 3, 9])
def test_sequences_of_numbers_are_drawn(features: int) -> None:
    rng = np.random.default_rng(0)
    series = [
        rng.normal(size=(rng.integers(0, 40), features)).astype(np.float32) for _ in range(80)
    ]
    found = outcome(rows=80, inputs=series, sharp=0.5)
    block = mistakes_block(worst_mistakes(found), 30, 80)
    assert isinstance(block, Gallery)
    assert len(block.charts) == 9
    text = texts(block)
    assert ("4 of 9 features." in text) == (features == 9)
    assert "taken for" in text


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("word " * 500, 100),
        ("x" * 5000, 300),
        ("房间很干净" * 300, 300),
        ("e\u0301" * 900, 300),
        ("👩\u200d👩\u200d👧" * 300, 300),
        ("\u0301" * 1000, 30),
        (" \n\t" * 1000, 10),
        ("混合 mixed 文本 text " * 90, 101),
    ],
)
def test_texts_are_shortened_whole_characters_at_a_time(text: str, most: int) -> None:
    short = shortened(text, most)
    wide = sum(2 if "\u2e80" <= c <= "\u9fff" or c > "\U0001f000" else 1 for c in short)
    assert wide <= most + 16
    if text.strip():
        assert GAP in short
        head, tail = short.split(GAP)
        line = " ".join(text.split())
        assert line.startswith(head)
        assert line.endswith(tail)
        assert not tail.startswith("\u200d") and not head.endswith("\u200d")
        if not text.startswith("\u0301"):  # all accents: nothing is whole
            assert not tail.startswith("\u0301")


def test_short_texts_stay_as_they_are() -> None:
    assert shortened("a" * 300) == "a" * 300
    assert shortened("文" * 150) == "文" * 150
    assert shortened("文" * 151) != "文" * 151
    assert name_of("文" * 20, 11) == "文文文文文…"
    assert name_of("") == ""


def test_groups_hold_every_row_once_and_equal_lengths_together() -> None:
    lengths = np.array([0] * 90 + [5] * 10 + list(range(10, 110)))
    found = length_groups(lengths, lengths < 60)
    assert found.rows.sum() == 200
    assert found.right.sum() == (lengths < 60).sum()
    assert (found.low[1:] > found.high[:-1]).all()
    assert (found.low[0], found.high[0]) == (0, 5)
    assert len(length_groups([], []).rows) == 0
    assert len(length_groups([3] * 500, [True] * 500).rows) == 1
    assert len(length_groups(np.arange(60), [True] * 60).rows) == 2
    with pytest.raises(ShapeError, match="lengths"):
        length_groups([1, 2], [True])


def test_one_length_has_no_section() -> None:
    assert length_blocks([40] * 100, [True] * 100, "steps") == []


def test_lengths_are_judged_beyond_chance() -> None:
    lengths = np.repeat(np.arange(1, 1001), 4)
    even = (
        np.arange(4000) * 0.618034 % 1
    )  # as even as can be in every stretch, so no group is odd by luck
    said = {
        "Length makes no difference that is more than chance": even < 0.8,
        "Long rows suffer: 876–1,000 tokens (50": even < np.where(lengths > 875, 0.5, 0.8),
        "by more than chance: 1–125 tokens (50": even < np.where(lengths <= 125, 0.5, 0.8),
        "than chance: 1–125 tokens (50.4 %), 876–1,000": even
        < np.where(abs(lengths - 500) > 375, 0.5, 0.8),
        "No group of lengths is worse": even < np.where(lengths <= 125, 0.96, 0.9),
    }
    for sentence, right in said.items():
        assert sentence in texts(length_chart(length_groups(lengths, right)))


def test_empty_rows_are_drawn_on_a_log_axis() -> None:
    lengths = np.array([0] * 100 + [50] * 100 + [5000] * 100)
    chart = length_chart(length_groups(lengths, lengths > 10))
    assert chart.x.log
    (path,) = lines(check_drawing(chart.html()))
    assert [len(points) for points in outlines(path)] == [3]
