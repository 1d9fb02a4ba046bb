"""Every figure of tagging against one worked out by hand, and against conlleval's rules and nervaluate's evaluation."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from tests.data.test_tag_schemes import LETTERS, conlleval
from unrolled.data.tag_schemes import spans_of
from unrolled.errors import OptionError, ShapeError
from unrolled.tasks.span_scores import TypeScores, span_scores, type_scores

SENTENCE = st.lists(st.tuples(st.sampled_from(LETTERS), st.sampled_from(LETTERS)), max_size=7)


def test_by_hand() -> None:
    reference = [["B-PER", "I-PER", "O", "B-LOC", "B-LOC", "O"], ["B-ORG", "O"]]
    predicted = [["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "B-PER"], ["B-PER", "O"]]
    # Right: PER in words 0 and 1. Found besides: LOC of 3 and 4, PER of 5, PER for ORG. Missed: two LOC and ORG.
    assert span_scores(reference, predicted, "iob2") == {
        "accuracy": 5 / 8,
        "span_precision": 1 / 4,
        "span_recall": 1 / 4,
        "span_f1": 1 / 4,
    }
    assert type_scores(reference, predicted, "iob2") == {
        "LOC": TypeScores(0.0, 0.0, 0.0, 2, 1),
        "ORG": TypeScores(0.0, 0.0, 0.0, 1, 0),
        "PER": TypeScores(1 / 3, 1.0, 0.5, 1, 3),
    }


@given(st.lists(SENTENCE, min_size=1, max_size=3).filter(any))
def test_as_conlleval_over_broken_sequences_too(drawn: list[list[tuple[str, str]]]) -> None:
    reference, predicted = ([[pair[k] for pair in row] for row in drawn] for k in (0, 1))
    found = [{(row, *s) for row, tags in enumerate(side) for s in conlleval(tags)} for side in (reference, predicted)]  # fmt: skip
    right = len(found[0] & found[1])
    precision, recall = (right / len(found[k]) if found[k] else 0.0 for k in (1, 0))
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    scores = span_scores(reference, predicted, "bioes")
    assert [scores[f"span_{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(
        [precision, recall, f1]
    )
    pairs = [pair for row in drawn for pair in row]
    assert scores["accuracy"] == sum(one == other for one, other in pairs) / len(pairs)
    kinds = type_scores(reference, predicted, "bioes")
    assert sum(each.support for each in kinds.values()) == len(found[0])
    assert sum(each.predicted for each in kinds.values()) == len(found[1])


def test_as_nervaluate_over_whole_sentences() -> None:
    draw = random.Random(0)
    sides = [[[draw.choice(["B-X", "I-X", "B-Y", "I-Y", "O"]) for _ in range(30)] for _ in range(20)] for _ in "ab"]  # fmt: skip
    entities = [
        [
            [{"label": s.kind, "start": s.start, "end": s.stop - 1} for s in spans_of(t)]
            for t in side
        ]
        for side in sides
    ]
    theirs = Evaluator(*entities, tags=["X", "Y"], loader="dict").evaluate()
    scores, strict = span_scores(*sides, "iob2"), theirs["overall"]["strict"]
    assert strict.correct > 20
    assert scores["span_precision"] == strict.precision
    assert scores["span_recall"] == strict.recall
    assert scores["span_f1"] == strict.f1
    for kind, ours in type_scores(*sides, "iob2").items():
        its = theirs["entities"][kind]["strict"]
        assert (ours.precision, ours.recall, ours.f1) == (its.precision, its.recall, its.f1)


def test_the_scheme_in_which_tags_are_written_does_not_matter() -> None:
    one = [["B-X", "E-X", "O", "S-Y"]], [["B-X", "E-X", "S-Y", "O"]]
    other = [["B-X", "I-X", "O", "B-Y"]], [["B-X", "I-X", "B-Y", "O"]]
    assert span_scores(*one, "bioes") == span_scores(*other, "iob2")


def test_plain_tags_have_accuracy_alone() -> None:
    assert span_scores([["NN", "VB"]], [["NN", "NN"]], "plain") == {"accuracy": 0.5}
    assert type_scores([["NN", "VB"]], [["NN", "NN"]], "plain") == {}


def test_where_there_is_nothing_to_find_all_is_0() -> None:
    scores = span_scores([["O"], []], [["O"], []], "iob2")
    assert scores == {"accuracy": 1.0, "span_precision": 0.0, "span_recall": 0.0, "span_f1": 0.0}


def test_a_text_that_is_one_sentence() -> None:
    tags = ["B-X", "I-X", "O"] * 20_000  # each span with each other would take minutes
    assert span_scores([tags], [tags], "iob2")["span_f1"] == 1.0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="tags of 1 sentences were predicted; expected 2"):
        span_scores([["O"], ["O"]], [["O"]], "iob2")
    with pytest.raises(ShapeError, match="row 1: 1 tags were predicted; expected 2"):
        span_scores([["O"], ["O", "O"]], [["O"], ["O"]], "iob2")
    with pytest.raises(ShapeError, match="there is nothing to score: no word"):
        span_scores([[]], [[]], "iob2")
    with pytest.raises(OptionError, match="scheme='bios' does not exist"):
        type_scores([["O"]], [["O"]], "bios")
