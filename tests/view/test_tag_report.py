"""The report of a tagger: a whole page for spans and for plain tags, and marks where something is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tests.view.classified import EVIL, LANGUAGES
from tests.view.markup import check_drawing, classed, read, words
from tests.view.tagged import FOUND, TRUE, many, outcome, plain, result, tagger
from unrolled.data.tag_schemes import Span
from unrolled.tasks.tag.outcome import Outcome
from unrolled.view import render, say
from unrolled.view.tag_report import headlines, scores_of, tag_report
from unrolled.view.tag_tables import fate_table, fates, seen_table, type_confusions, type_table
from unrolled.view.tagged import tagged_mistakes
from unrolled.view.text_lengths import OF_TAGS, text_length_blocks


def text_of(block: object, language: str = "en") -> str:
    return words(check_drawing(block.html(language))).replace("\u00a0", " ")  # type: ignore[attr-defined]


def rows_of(block: object) -> list[list[str]]:
    root = check_drawing(block.html())  # type: ignore[attr-defined]
    return [[words(cell) for cell in row] for row in root.iter("tr")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["spans", "plain", "many"])
def test_the_report_is_a_page(kind: str, language: str) -> None:
    found = {"spans": outcome, "plain": plain, "many": many}[kind]()
    given = result(found, duplicates=7, unseen=["ORG"])
    page = render(tag_report(tagger(found), given, language))
    root = check_drawing(page.split("<body>")[1].split("<script>")[0].join(["<body>", "</body>"]))
    text = words(root)
    assert {"en": "7 of these sentences", "zh": "7 句也出现"}[language] in text
    assert {"en": "counted as wrong: ORG", "zh": "算错的标签：ORG"}[language] in text
    assert len(list(root.iter("section"))) == {"spans": 6, "plain": 5, "many": 7}[kind]
    assert "nan" not in text
    assert len(page) < 300_000


def test_without_a_test_part_only_the_training_is_shown() -> None:
    report = tag_report(tagger(None), None)
    assert len(report.sections) == 1
    page = render(report)
    assert "there is no score" in page
    assert "1 − span F1" in page


def test_figures_stand_beside_the_baseline() -> None:
    found = outcome()
    figures = headlines(result(found)["scores"], found).figures
    assert [(item.figure, say(item.note)) for item in figures] == [
        ("74.6\u00a0%", "best baseline 72.0\u00a0%"),
        ("91.0\u00a0%", "best baseline 85.0\u00a0%"),
        ("100.0\u00a0%", "12.5\u00a0% of the tokens"),
    ]
    behind = {"model": {"accuracy": 0.8}, "most_frequent_tag": {"accuracy": 0.9}}
    (figure,) = headlines(behind).figures
    assert say(figure.note) == "loses to most frequent tag, 90.0\u00a0%"


def test_scores_say_how_surely_they_are_known() -> None:
    text = text_of(scores_of(result(outcome())))
    assert "3 sentences of 24 tokens scored." in text
    assert "the model's accuracy would lie between 90.0 and 92.0 % (95 %, bootstrap)" in text
    assert "most frequent tag beats the model on span recall by 10.0 points." in text
    assert "片段 F1" in text_of(scores_of(result(outcome())), "zh")
    all_right = text_of(scores_of(result(outcome(), intervals={"accuracy": (1.0, 1.0)})))
    assert "bootstrap" not in all_right


def test_every_span_of_the_reference_has_one_fate() -> None:
    true = {Span(0, 2, "A"), Span(3, 5, "B"), Span(6, 8, "C"), Span(9, 10, "D"), Span(12, 14, "E")}
    found = {
        Span(0, 2, "A"),
        Span(3, 5, "X"),
        Span(6, 7, "C"),
        Span(12, 13, "X"),
        Span(20, 21, "A"),
    }
    assert sorted(fates(true, found)) == [
        "missed",
        "nowhere",
        "right",
        "wrong_both",
        "wrong_bounds",
        "wrong_type",
    ]
    rows = rows_of(fate_table(outcome()))
    assert [row[1] for row in rows[1:]] == ["5", "2", "2", "0", "0", "0"]
    assert rows[1][2].replace("\u00a0", " ") == "55.6 %"


def test_types_stand_beside_the_baselines_and_the_commonest_comes_first() -> None:
    rows = rows_of(type_table(result(outcome())["by_type"]))
    assert rows[0][-2:] == ["F1, most frequent tag", "spans"]
    assert [row[0] for row in rows[1:]] == ["LOC", "PER"]
    assert rows[2][4] == "–"
    figures = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1.0}
    crowd = {"model": {f"kind {n}": figures for n in range(80)}}
    assert "The 60 most frequent of 80 types." in text_of(type_table(crowd))


def test_confusions_are_those_of_types_where_there_are_spans() -> None:
    counts, names = type_confusions(outcome())
    assert names == ["LOC", "ORG", "PER", "O"]
    assert counts[0, 1] == 4  # New York, twice
    assert counts.sum() == 24
    counts, names = type_confusions(plain())
    assert names == ["ADJ", "ADP", "NOUN", "PUNCT", "VERB"]
    assert counts[4, 2] == 2


def test_new_words_are_told_from_those_of_the_training() -> None:
    rows = rows_of(seen_table(outcome()))
    assert [row[0] for row in rows[1:]] == [
        "words of the training part",
        "new words",
        "spans of such words alone",
        "spans with a new word",
    ]
    assert [row[1] for row in rows[1:]] == ["21", "3", "6", "3"]
    whole = rows_of(seen_table(plain()))
    assert len(whole) == 3
    found = outcome()
    none_new = [np.ones_like(known) for known in found.known]
    known = Outcome(**{**vars(found), "known": none_new})
    assert rows_of(seen_table(known))[2] == ["new words", "0", "–", "–"]


def test_mistakes_are_marked_in_their_text() -> None:
    root = check_drawing(tagged_mistakes(outcome()).html())
    (item,) = [e for e in root.iter("li") if next(e.iter("dl"), None) is not None]
    reference, model = item.iter("dd")
    assert [words(e) for e in reference.iter("ins")] == ["Bob Li", "New York"]
    assert [words(e) for e in reference.iter("mark")] == ["Ann"]
    assert [words(e) for e in model.iter("del")] == ["Bob", "New York"]
    assert [words(e) for e in model.iter("small")] == ["PER", "PER", "ORG"]
    assert words(reference) == "Ann PER met Bob Li PER in New York LOC ."
    assert "test.conll, line 1 · 90.0" in words(item)
    assert "1 of 2 sentences" in words(root)


def test_wrong_tags_stand_behind_their_words() -> None:
    root = check_drawing(tagged_mistakes(plain()).html())
    assert [words(e) for e in root.iter("small")] == ["VERB → NOUN", "ADJ → NOUN"]
    assert [words(e) for e in root.iter("del")] == ["met", "New"]
    assert not list(root.iter("ins"))


def test_the_surest_mistake_comes_first_and_right_sentences_never() -> None:
    found = [[*FOUND], [*TRUE], [*FOUND]]
    told = outcome(found=found, words=[[f"{n}{k}" for k in range(8)] for n in range(3)])
    told.confidence[2][:] = 0.95
    texts = tagged_mistakes(told).texts
    assert [text.place for text in texts] == ["test.conll, line 3", "test.conll, line 1"]
    nothing = tagged_mistakes(outcome(found=(TRUE,) * 3))
    assert nothing.texts == []
    for language in LANGUAGES:
        assert "3" in text_of(nothing, language)


def test_of_a_long_sentence_the_surroundings_are_shown() -> None:
    true = ["O"] * 300
    found = [*true]
    found[150] = "B-PER"
    rows = [[f"w{n}" for n in range(300)]]
    (text,) = tagged_mistakes(outcome([true], [found], rows)).texts
    shown = " ".join(part.text for part in text.lines[1].parts)
    assert shown.startswith("… w")
    assert shown.endswith("…")
    assert "w150" in shown
    assert len(shown) < 300
    joined = outcome([true], [found], [[*("长" * 300)]], joined=True)
    (text,) = tagged_mistakes(joined).texts
    assert "长长长" in text.lines[0].parts[1].text


def test_accuracy_by_length_is_of_sentences() -> None:
    found = many()
    shares = [100 * float(right.mean()) for right in found.correct]
    chart, table = text_length_blocks(found.lengths, shares, OF_TAGS)
    assert text_of(table).startswith("Accuracy of every group of lengths")
    assert "Accuracy against length" in text_of(chart)
    assert "chrF" not in text_of(chart)
    assert text_length_blocks([5, 5], [80.0, 90.0], OF_TAGS) == []


def test_what_users_wrote_stays_text() -> None:
    rows = [[EVIL] * 8] * 2
    kinds = [[f"B-{EVIL}"] + ["O"] * 7] * 2
    found = outcome(kinds, [["O"] * 8] * 2, rows)
    page = render(tag_report(tagger(found, EVIL), result(found, unseen=[EVIL])))
    parsed = read(page)
    assert parsed.names.count("script") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "\x00" not in page
    root = check_drawing(tagged_mistakes(found).html())
    assert {dd.get("dir") for dd in root.iter("dd")} == {"auto"}
    assert classed(root, "tagged")
