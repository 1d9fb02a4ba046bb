"""The report of a generator: a whole page in both languages; texts stay text, copies and surprise are marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.view.classified import EVIL, LANGUAGES, texts
from tests.view.generated import POEM, completion, generator, outcome, result
from tests.view.markup import check_drawing, classed, read, words
from unrolled.tasks.generate.outcome import Passage, Samples
from unrolled.view import Histogram, render, say
from unrolled.view.generate_report import (
    copied_histogram,
    generate_report,
    headlines,
    outcome_sections,
    scores_of,
)
from unrolled.view.generate_words import GENERATE_CHINESE, GENERATE_ENGLISH
from unrolled.view.surprise import SurprisingTexts
from unrolled.view.written_texts import MOST, WrittenTexts


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_is_a_page(language: str) -> None:
    found = outcome()
    page = render(generate_report(generator(found), result(found, duplicates=7), language))
    root = check_drawing(page.split("<body>")[1].split("<script>")[0].join(["<body>", "</body>"]))
    assert len(list(root.iter("section"))) == 5
    text = words(root)
    assert {"en": "7 of these texts also occur in training", "zh": "其中 7 篇"}[language] in text
    assert {"en": "130 tokens of 5 texts scored", "zh": "5 篇文本中的 130 个词元"}[language] in text
    assert "nan" not in text
    assert len(page) < 150_000


def test_both_languages_have_the_same_words() -> None:
    assert GENERATE_ENGLISH.keys() == GENERATE_CHINESE.keys()


def test_without_a_test_part_only_the_training_is_shown() -> None:
    report = generate_report(generator(None), None)
    assert len(report.sections) == 1
    assert "there is no score" in render(report)


def test_a_text_that_was_not_kept_is_said() -> None:
    found = outcome(kept=False)
    report = generate_report(generator(found), result(found))
    assert len(report.sections) == 4
    text = words(check_drawing(report.sections[1].blocks[0].html()))
    assert "what is copied cannot be told" in text
    assert "cut at its greatest length" in text
    assert copied_histogram(found, {}) is None


def test_given_texts_stay_text() -> None:
    found = outcome()
    evil = replace(
        found,
        passages=[Passage((EVIL, "b"), np.array([1.0, 2.0], np.float32), EVIL)],
        samples=[Samples(1.0, [completion(f"{EVIL} and {EVIL}", 2, 9, prompt=EVIL)])],
    )
    page = render(generate_report(generator(evil, EVIL), result(evil)))
    parsed = read(page)
    assert parsed.names.count("script") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "\x00" not in page


def test_a_penalised_loss_has_a_chart_of_its_own() -> None:
    def training(**settings: float) -> str:
        report = generate_report(generator(None, **settings), None)
        return texts(report.sections[-1].blocks[0])

    assert "cross-entropy on the validation part" in training(temporal=1.0)
    assert "cross-entropy" not in training()


def test_figures_stand_beside_those_of_the_baseline_and_of_unseen_texts() -> None:
    figures = headlines(result(outcome())).figures
    assert [(item.figure, say(item.note)) for item in figures] == [
        ("3.318", "best baseline 3.462"),
        ("9.970", "loses to n-gram, 9.500"),
        ("3.5", "median of 40; unseen texts 5"),
        ("92.5\u00a0%", "unseen texts 99.0\u00a0%"),
        ("9,213", "5,412,880 parameters"),
    ]
    assert len(headlines(result(outcome(kept=False, verses=False))).figures) == 3
    unknown = result(outcome())
    for scores in unknown["scores"].values():
        scores["bits_per_char"] = None
    assert say(headlines(unknown).figures[0].label) == "perplexity"


def test_who_wins_is_said() -> None:
    text = texts(scores_of(result(outcome())))
    assert "ahead of every baseline on nats/character (next: n-gram, by 4.2 %)" in text
    assert "n-gram beats the model on perplexity by 4.9 %." in text
    assert "n 元模型胜过模型：困惑度（优 4.9 %）。" in texts(scores_of(result(outcome())), "zh")
    assert "of one text scored" in texts(scores_of(result(outcome(), rows=1)))
    assert "共评估 1 篇文本中的" in texts(scores_of(result(outcome(), rows=1)), "zh")


def test_copied_runs_are_marked_where_they_stand() -> None:
    samples = [Samples(0.5, [completion(start=6, length=4, prompt="題")])]
    root = check_drawing(WrittenTexts(samples).html())
    assert [mark.text for mark in root.iter("mark")] == [POEM[6:10]]
    quote = classed(root, "quote")[0]
    assert "".join(quote.itertext()) == f"題{POEM}"
    assert quote.get("lang") == "zh"
    long = check_drawing(WrittenTexts([Samples(1.0, [completion("x" * 5 * MOST)])]).html())
    assert len("".join(classed(long, "quote")[0].itertext())) == MOST + 1
    empty = check_drawing(WrittenTexts([Samples(1.0, [completion("")])]).html())
    assert "(empty text)" in words(empty)


def test_surprise_is_coloured_from_none_to_the_strongest() -> None:
    passage = Passage(tuple("\n\nabcd"), np.array([9, 9, 0, 0, 4, 8], np.float32), "novel.txt")
    root = check_drawing(SurprisingTexts([passage]).html())
    quote = classed(root, "quote")[0]
    # What is not seen at the beginning is left out; tokens of one colour are one element.
    assert "".join(quote.itertext()) == "abcd"
    assert quote.text == "ab"
    assert [(span.text, span.get("class")) for span in quote] == [("c", "on4"), ("d", "on7")]
    certain = Passage(("a",), np.zeros(1, np.float32), "novel.txt")
    assert "a" in words(check_drawing(SurprisingTexts([certain]).html()))


def test_each_length_of_a_run_has_its_bar() -> None:
    found = outcome()
    chart = copied_histogram(found, result(found)["samples"])
    assert chart is not None
    root = check_drawing(chart.html())
    assert len(classed(root, "column")) == 4
    assert "share runs of 5 (median) and 6" in words(root)
    wide = check_drawing(Histogram("", [0, 1_000_000], whole=True).html())
    assert len(classed(wide, "column")) == 2
    assert check_drawing(Histogram("", [], whole=True).html()) is not None
    one = check_drawing(Histogram("", [3, 3], whole=True).html())
    assert len(classed(one, "column")) == 1


def test_no_passage_is_no_section() -> None:
    found = replace(outcome(), passages=[])
    assert len(outcome_sections(found, result(found))) == 2
