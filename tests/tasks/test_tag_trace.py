"""Tagger.trace: the tags and probabilities are the tagger's own, and attributions add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.tagged_rows import chinese, made, news, parts_of_speech
from tests.tasks.test_start_tag import writer
from tests.tasks.traced import (
    check_occlusion,
    check_question,
    check_side,
    check_trace,
    check_untouched,
)
from unrolled.errors import InputError
from unrolled.tasks.tag import Tagger

TEXT = "today Ann Li met a zebra in New York City ."


@pytest.fixture(scope="module")
def chained() -> Tagger:
    return made("lstm").fit(*news(80))


@pytest.fixture(scope="module")
def plain() -> Tagger:
    return made(bidirectional=False, layers=2).fit(*parts_of_speech(80))


@pytest.fixture(scope="module")
def in_context() -> Tagger:
    return made(start=writer(), max_steps=4).fit(*chinese(60))


def sentence_of(model: Tagger) -> Any:
    return "今天王明华很高兴" if model.fitted.joined else TEXT


@pytest.mark.parametrize("name", ["chained", "plain", "in_context"])
def test_tags_and_their_probabilities_are_those_of_predict(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(sentence_of(model))
    (found,) = trace.outputs
    frame = model.predict([sentence_of(model)])
    assert list(found.tags) == frame["tag"].to_list()
    assert trace.sides[0].steps[0] == tuple(frame["token"])
    np.testing.assert_allclose(found.values.sum(1), 1, atol=1e-5)
    own = [row[found.names.index(tag)] for row, tag in zip(found.values, found.tags, strict=True)]
    # A tag that is written so may have been meant in two ways, of which `predict` counts one.
    assert all(
        mine >= theirs - 1e-6 for mine, theirs in zip(own, frame["probability"], strict=True)
    )
    asked = [f"step {t}: {tag}" for t, tag in enumerate(found.tags, 1)]
    assert list(trace.questions) == sorted(asked, key=lambda of: of.endswith(": O"))
    check_side(trace.sides[0])
    check_trace(model, trace)
    check_untouched(model.fitted.model)


@pytest.mark.parametrize("name", ["chained", "plain", "in_context"])
def test_attributions_add_up_to_the_log_odds_of_a_tag(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(sentence_of(model))
    (found,) = trace.outputs
    for place in (1, 3):
        of = f"step {place + 1}: {found.tags[place]}"
        question = trace.questions[of]()
        assert (question.of, question.labels) == (of, trace.sides[0].steps[0])
        p = found.values[place, found.names.index(found.tags[place])]
        assert check_question(question) == pytest.approx(np.log(p / (1 - p)), abs=2e-3)
    check_occlusion(question)
    check_untouched(model.fitted.model)


def test_letters_and_pairs_are_ways_in_which_a_token_is_read(chained, in_context) -> None:
    inputs = chained.trace(TEXT).questions["step 1: O"]().inputs
    assert len(inputs) == 2  # words, and their letters
    question = in_context.trace("王明很高兴").questions
    word, pair, context = next(iter(question.values()))().inputs
    assert [each.shape[1] for each in (word, pair, context)] == [5, 5, 5]
    without = next(iter(question.values()))().without(2)
    changed = [
        (one != other)[0].any(1) for one, other in zip(without, (word, pair, context), strict=True)
    ]
    assert [torch.nonzero(each).flatten().tolist() for each in changed] == [[2], [2, 3], [2]]


def test_the_layer_over_letters_is_no_part_of_the_side(chained, in_context) -> None:
    # Three times one word of three letters: as many steps, and one row.
    (side,) = chained.trace("Ann Ann Ann").sides
    assert list(side.names.values()) == ["h1 →", "h1 ←"]
    (side,) = in_context.trace("王明很高兴").sides
    assert list(side.names.values()) == ["h1 →", "h1 ←", "context h1"]


@pytest.mark.parametrize("scheme", ["iob1", "bmes"])
def test_names_are_written_as_the_data_writes_them(scheme: str) -> None:
    model = made(max_steps=2).fit(*news(40, scheme))
    letters = {name[0] for name in model.trace(TEXT).outputs[0].names}
    assert letters == ({"I", "O"} if scheme == "iob1" else {"B", "M", "E", "S", "O"})


def test_true_tags_stand_beside(plain) -> None:
    trace = plain.trace(["we", "met"], tags=["PRON", "VERB"])
    assert trace.outputs[0].truth == ("PRON", "VERB")
    assert trace.input == {"text": ["we", "met"], "tags": ["PRON", "VERB"]}
    assert trace.notes == ("1 of 2 tokens are not known from training",)
    with pytest.raises(InputError, match="1 tags for 2 tokens"):
        plain.trace("we met", tags=["VERB"])
    with pytest.raises(InputError, match="tags='VERB'"):
        plain.trace("we met", tags="VERB")


def test_of_a_long_sentence_the_first_piece_is_read() -> None:
    model = made(max_length=4, max_steps=2).fit(*news(40))
    trace = model.trace(TEXT)
    assert trace.sides[0].steps[0] == ("today", "Ann", "Li", "met")
    assert trace.notes[0] == "of 11 tokens the first 4 are shown: it is read in pieces"
    check_question(trace.questions[f"step 4: {trace.outputs[0].tags[3]}"]())


def test_many_sentences_are_watched_at_once(chained, tmp_path) -> None:
    (side,) = chained.watched([TEXT, ["Bob", "ran"]])
    check_side(side)
    (alone,) = chained.watched(["Bob ran"])
    for path, run in side.runs.items():
        torch.testing.assert_close(run.states.h[1, :2], alone.runs[path].states.h[0])
    assert chained.inputs_of(["Bob ran", "we met Ann"], limit=1) == [["Bob", "ran"]]


@pytest.mark.parametrize("text", ["", " ", []])
def test_an_empty_sentence_is_one_clear_error(chained, text: Any) -> None:
    with pytest.raises(InputError, match="the sentence is empty"):
        chained.trace(text)


def test_what_is_no_sentence_is_one_clear_error(chained) -> None:
    with pytest.raises(InputError, match="sentence of type int"):
        chained.trace(3)
    with pytest.raises(InputError, match="there is no sentence"):
        chained.watched([])
