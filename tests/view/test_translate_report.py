"""The report of a translator: a whole page in both languages; texts stay text, differences are marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.view.classified import EVIL, LANGUAGES, texts
from tests.view.markup import check_drawing, classed, read, words
from tests.view.translated import alignment, outcome, result, translator
from unrolled.errors import ShapeError
from unrolled.tasks.translate.outcome import Alignment
from unrolled.view import render, say
from unrolled.view.attention import MOST_TOKENS, AttentionMap, attention_maps
from unrolled.view.compared import ComparedTexts, ExampleGroup, chosen_examples, script_of
from unrolled.view.text_lengths import means_by_length, text_length_blocks
from unrolled.view.translate_report import headlines, scores_of, translate_report

# -- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["translate", "summarise"])
def test_the_report_is_a_page(kind: str, language: str) -> None:
    found = outcome()
    report = translate_report(translator(found), result(found, kind, duplicates=7), language)
    page = render(report)
    root = check_drawing(page.split("<body>")[1].split("<script>")[0].join(["<body>", "</body>"]))
    assert len(list(root.iter("section"))) == 5
    text = words(root)
    assert {"en": "7 of these sources", "zh": "7 条原文"}[language] in text
    assert "nrefs:1|tok:13a" in text
    assert "nan" not in text
    assert ("ROUGE-L" in text) == (kind == "summarise")
    assert len(page) < 150_000


def test_without_a_test_part_only_the_training_is_shown() -> None:
    report = translate_report(translator(None), None)
    assert len(report.sections) == 1
    assert "there is no score" in render(report)


def test_a_decoder_without_attention_has_no_picture() -> None:
    found = outcome(aligned=())
    report = translate_report(translator(found), result(found))
    assert "report.attention" not in [section.title.key for section in report.sections]  # type: ignore[union-attr]
    assert len(report.sections) == 4


def test_one_pair_is_a_page() -> None:
    found = outcome(rows=1, aligned=(0,))
    report = translate_report(translator(found), result(found))
    assert len(report.sections) == 4  # one length: no section of lengths
    assert len(classed(check_drawing(report.sections[1].blocks[0].html()), "mistakes")) == 1


def test_given_texts_stay_text() -> None:
    found = outcome(rows=4)
    evil = replace(
        found,
        sources=[EVIL] * 4,
        references=[EVIL, "a", EVIL, "a"],
        hypotheses=["a", EVIL, f"{EVIL} b", "b"],
        alignments={0: Alignment((EVIL, "b"), (EVIL,), np.full((1, 2), 0.5, np.float32))},
        where=lambda row: EVIL,
    )
    page = render(translate_report(translator(evil, EVIL), result(evil, signatures={EVIL: EVIL})))
    parsed = read(page)
    assert parsed.names.count("script") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "\x00" not in page


def test_a_smoothed_loss_and_bleu_have_a_chart_of_their_own() -> None:
    def training(label_smoothing: float = 0.0, select: str = "loss") -> str:
        report = translate_report(
            translator(None, label_smoothing=label_smoothing, select=select), None
        )
        return texts(report.sections[-1].blocks[0])

    assert "cross-entropy on the validation part" in training(label_smoothing=0.1)
    assert "cross-entropy" not in training()
    assert "−BLEU on the validation part" in training(label_smoothing=0.1, select="bleu")


# -- scores -----------------------------------------------------------------------------------------------------------


def test_figures_stand_beside_the_best_baseline() -> None:
    found = outcome()
    figures = headlines(result(found)["scores"], "translate", found).figures
    assert [(item.figure, say(item.note)) for item in figures] == [
        ("36.0", "best baseline 12.3"),
        ("58.0", "loses to nearest pair, 61.5"),
        (figures[2].figure, "of the references' characters"),
        ("9,213", "5,412,880 parameters"),
    ]
    share = sum(map(len, found.hypotheses)) / sum(map(len, found.references))
    assert figures[2].figure == f"{100 * share:.1f}\u00a0%"
    summaries = headlines(result(found, "summarise")["scores"], "summarise").figures
    assert [say(item.note) for item in summaries[:2]] == [
        "loses to lead sentence, 38.0",
        "loses to lead sentence, 45.0",
    ]
    alone = headlines({"model": {"bleu": 3.0}}, "translate").figures
    assert [(item.figure, item.note) for item in alone] == [("3.0", "")]


def test_losses_are_said_in_points() -> None:
    found = outcome()
    text = texts(scores_of(result(found)))
    assert "nearest pair beats the model on chrF by 3.5 points." in text
    assert "ahead of every baseline on BLEU (next: nearest pair, by 23.7 points)." in text
    assert "最近句对胜过模型：chrF（优 3.5 分）。" in texts(scores_of(result(found)), "zh")
    assert "occur in training" not in text


# -- examples ---------------------------------------------------------------------------------------------------------


def test_examples_are_spread_worst_middle_and_best() -> None:
    found = outcome()
    spread, worst, middle, best = chosen_examples(found)
    assert [len(group.examples) for group in (spread, worst, middle, best)] == [4, 4, 2, 2]
    scores = np.sort(found.sentence_chrf)
    assert [each.score for each in worst.examples] == scores[:4].tolist()
    assert [each.score for each in best.examples] == scores[:-3:-1].tolist()
    assert [each.score for each in middle.examples] == [scores[99], scores[100]]
    assert [each.place for each in spread.examples] == [
        f"pairs.tsv, row {n}" for n in (27, 77, 127, 177)
    ]
    every = [each.source for group in (spread, worst, middle, best) for each in group.examples]
    assert len(set(every)) == 12


def test_of_equal_scores_the_longest_comes_first_and_equal_pairs_once() -> None:
    found = outcome(rows=6)
    equal = replace(found, sentence_chrf=np.full(6, 50.0))
    longest = max(map(len, found.references))
    assert len(chosen_examples(equal)[0].examples[0].reference) == longest
    twice = replace(found, sources=["same"] * 6, hypotheses=["same"] * 6)
    assert [len(group.examples) for group in chosen_examples(twice)] == [1]


def test_few_rows_leave_no_empty_group() -> None:
    groups = chosen_examples(outcome(rows=3))
    assert [say(group.title) for group in groups] == ["Worst by chrF"]
    assert len(groups[0].examples) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_differences_are_marked(language: str) -> None:
    found = replace(
        outcome(rows=1),
        sources=["The child looks for the old boat."],
        references=["孩子寻找旧船。"],
        hypotheses=["孩子看见旧船了。"],
    )
    root = check_drawing(ComparedTexts(chosen_examples(found)).html(language))
    (examples,) = classed(root, "mistakes")
    assert [words(mark) for mark in examples.iter("ins")] == ["寻找"]
    assert [words(mark) for mark in examples.iter("del")] == ["看见", "了"]
    lines = list(examples.iter("dd"))
    assert [words(line).replace(" ", "") for line in lines[1:]] == [
        "孩子寻找旧船。",
        "孩子看见旧船了。",
    ]
    assert [line.get("lang") for line in lines] == ["", "zh", "zh"]
    assert {line.get("dir") for line in lines} == {"auto"}


def test_an_empty_output_is_said_to_be_empty() -> None:
    found = replace(outcome(rows=1), hypotheses=[" "])
    root = check_drawing(ComparedTexts(chosen_examples(found)).html())
    assert "(empty text)" in words(root)
    (missing,) = classed(root, "mistakes")[0].iter("ins")
    assert words(missing) == found.references[0]


def test_a_long_text_is_cut() -> None:
    found = replace(outcome(rows=1), sources=["wort " * 20_000], references=["词" * 9000])
    assert len(ComparedTexts(chosen_examples(found)).html()) < 5000


def test_no_group_is_no_list() -> None:
    assert classed(check_drawing(ComparedTexts([ExampleGroup("none", [])]).html()), "note") == []
    assert script_of("고양이") == "ko"


# -- attention --------------------------------------------------------------------------------------------------------


def test_attention_is_a_table_of_its_weights() -> None:
    weights = np.array([[0.9, 0.096, 0.004], [0.0, 0.02, 0.98]], dtype=np.float32)
    shown = AttentionMap("title", Alignment(("Brot", "猫", " "), ("bread", "[EOS]"), weights))
    root = check_drawing(shown.html())
    rows = [[words(cell) for cell in row] for row in root.iter("tr")]
    assert rows[1:] == [
        ["output", "Brot", "猫", "␣"],
        ["bread", "90", "10", ""],
        ["[EOS]", "", "2", "98"],
    ]
    assert [word.get("class") for word in root.iter("span")][:3] == ["turned", None, "turned"]
    strength = [[cell.get("class") for cell in row.iter("td")] for row in root.iter("tr")][2:]
    assert strength == [["on8", "on3", "on1"], [None, "on2", "on8"]]
    (scroll,) = classed(root, "scroll")
    assert scroll.get("tabindex") == "0"


def test_weights_that_do_not_fit_are_refused() -> None:
    wrong = Alignment(("a", "b"), ("c",), np.ones((2, 1), dtype=np.float32))
    with pytest.raises(ShapeError, match=r"attention of shape \(2, 1\) with 1 target and 2 source"):
        AttentionMap("", wrong).html()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_sentence_is_cut_and_said_to_be(language: str) -> None:
    shown = AttentionMap("", alignment("wort " * 90, "word " * 60))
    root = check_drawing(shown.html(language))
    rows = list(root.iter("tr"))
    assert len(rows) == MOST_TOKENS + 2
    assert len(list(rows[2])) == MOST_TOKENS + 1
    (note,) = classed(root, "note")
    assert "91" in words(note) and "61" in words(note)


def test_pictures_as_wide_as_the_page_come_last() -> None:
    found = outcome(aligned=(1, 2, 3, 4, 5, 6))
    long = found.alignments | {1: alignment("wort " * 30, "word")}
    shown = attention_maps(replace(found, alignments=long))
    titles = [block.title for block in shown.charts if isinstance(block, AttentionMap)]
    assert titles == [found.hypotheses[row] for row in (2, 3, 4, 5)]
    last = attention_maps(replace(found, alignments=long), most=6).charts[-1]
    assert 'class="chart wide"' in last.html()


# -- lengths ----------------------------------------------------------------------------------------------------------


def test_scores_are_judged_beyond_chance() -> None:
    lengths = np.repeat(np.arange(1, 101), 8)
    noise = 10 * np.random.default_rng(0).standard_normal(800)
    said = {
        "Length makes no difference that is more than chance": 50 + noise,
        "Long sources suffer: 88–100 tokens (": np.where(lengths > 87, 20, 60) + noise,
        "by more than chance: 1–12 tokens (": np.where(lengths < 13, 20, 60) + noise,
        "No group of lengths is worse": np.where(lengths < 13, 60, 50) + noise,
    }
    for sentence, scores in said.items():
        assert sentence in texts(text_length_blocks(lengths, scores)[0]), sentence
    chinese = texts(text_length_blocks(lengths, np.where(lengths > 87, 20.0, 60.0))[0], "zh")
    assert "长的原文译得更差" in chinese


def test_means_lie_within_their_intervals() -> None:
    found = means_by_length([1] * 50 + [9] * 50, [100.0] * 50 + [0.0, 100.0] * 25)
    assert found is not None
    low, high = found.interval()
    assert found.mean.tolist() == [100.0, 50.0]
    assert (low[0], high[0]) == (100.0, 100.0)
    assert found.error[1] == pytest.approx(50 / 7)  # of n values the variance divides by n - 1
    assert 35 < low[1] < 37 and 63 < high[1] < 65
    assert means_by_length([3] * 60, [1.0] * 60) is None
    assert text_length_blocks([], []) == []
    with pytest.raises(ShapeError, match="scores"):
        means_by_length([1, 2], [1.0])
