"""Classifier.trace: probabilities as it is read are those of predict, and attributions add up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.laws.user_cells import CountingRNN
from tests.tasks.labelled_rows import made, themed, waves
from tests.tasks.traced import (
    check_occlusion,
    check_question,
    check_side,
    check_trace,
    check_untouched,
)
from unrolled.errors import InputError, ShapeError
from unrolled.tasks.classify import Classifier
from unrolled.tasks.generate import Generator

TEXT = "the lovely story of a zebra plot film"


@pytest.fixture(scope="module")
def both_ways() -> Classifier:
    return made(cell="lstm", layers=2, ngrams=2, test=0).fit(*themed())


@pytest.fixture(scope="module")
def causal() -> Classifier:
    return made(cell=CountingRNN, bidirectional=False, ngrams=0, test=0).fit(*themed())


@pytest.fixture(scope="module")
def of_numbers() -> Classifier:
    return made(test=0).fit(*waves())


@pytest.mark.parametrize("name", ["both_ways", "causal"])
def test_probabilities_are_those_of_the_text_so_far(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(TEXT)
    (found,) = trace.outputs
    words = TEXT.split()
    so_far = [" ".join(words[: place + 1]) for place in found.at]
    assert len(found.at) == len(words)
    np.testing.assert_allclose(found.values, model.predict_proba(so_far), atol=1e-6)
    assert found.names == model.classes
    assert model.classes[found.answer] == model.predict([TEXT])["label"][0]
    assert next(iter(trace.questions)) == model.classes[found.answer]
    assert set(trace.questions) == set(model.classes)
    check_trace(model, trace)
    check_untouched(model.fitted.network)


def test_a_side_has_every_cell_of_the_layers_and_nothing_else(both_ways, causal) -> None:
    (side,) = both_ways.trace(TEXT).sides
    check_side(side)
    assert side.steps[0][1:3] == ("lovely", "story")
    assert list(side.names.values()) == ["h1 →", "h1 ←", "h2 →", "h2 ←"]
    modules = dict(both_ways.fitted.network.named_modules())
    assert all(modules[path] is run.cell for path, run in side.runs.items())
    (side,) = causal.trace(TEXT).sides
    check_side(side)
    assert list(side.names.values()) == ["h1"]


def test_many_rows_are_watched_at_once(both_ways) -> None:
    texts = [TEXT, "dull"]
    (side,) = both_ways.watched(texts)
    check_side(side)
    assert [len(row) for row in side.steps] == [8, 1]
    (alone,) = both_ways.watched(["dull"])
    for path, run in side.runs.items():
        torch.testing.assert_close(run.states.h[1, :1], alone.runs[path].states.h[0])
        assert not run.states.h[1, 1:].any()


@pytest.mark.parametrize("name", ["both_ways", "causal"])
def test_attributions_add_up_to_the_log_odds(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(TEXT)
    for number, (of, ask) in enumerate(trace.questions.items()):
        question = ask()
        assert (question.of, question.unit, question.labels) == (
            of,
            "log-odds",
            trace.sides[0].steps[0],
        )
        p = trace.outputs[0].values[-1, model.classes.index(of)]
        assert check_question(question) == pytest.approx(np.log(p / (1 - p)), abs=1e-4)
        if number == 0:
            check_occlusion(question)
    check_untouched(model.fitted.network)


def test_of_a_classifier_that_began_with_a_language_model_too() -> None:
    language = Generator(
        "gru", hidden_size=8, embedding=8, layers=2, max_steps=2, validation=0, test=0, threads=1
    )
    language.fit(themed()[0])
    model = Classifier(start=language, ngrams=0, max_steps=2, test=0, threads=1).fit(*themed())
    trace = model.trace("the lovely film")
    assert list(trace.sides[0].names.values()) == ["h1", "h2"]
    check_question(next(iter(trace.questions.values()))())


def test_an_n_gram_is_shared_among_its_tokens_and_goes_with_any_of_them(both_ways) -> None:
    question = both_ways.trace("the lovely story").questions["pos"]()
    words, grams = question.inputs
    assert grams.shape[1:3] == (3, 2)
    pair = torch.zeros_like(grams)
    pair[0, 2, 1, 0] = 1.0  # "lovely story"
    places = question.by_place((torch.zeros_like(words), pair))
    assert places.tolist() == [0.0, 0.5, 0.5]
    left = question.without(1)[1][0]
    assert not left[1].any() and not left[2, 1].any()
    assert torch.equal(left[0], grams[0, 0]) and torch.equal(left[2, 0], grams[0, 2, 0])


def test_of_numbers_the_inputs_are_the_numbers_and_the_blank_is_their_mean(of_numbers) -> None:
    values = waves()[0][3]
    trace = of_numbers.trace(values)
    assert trace.input == {"values": values.astype(np.float32).tolist()}
    assert trace.sides[0].steps[0] == tuple(str(step + 1) for step in range(len(values)))
    so_far = [values[: place + 1] for place in range(len(values))]
    np.testing.assert_allclose(trace.outputs[0].values, of_numbers.predict_proba(so_far), atol=1e-6)
    question = next(iter(trace.questions.values()))()
    assert question.inputs[0][0].numpy() == pytest.approx(values.astype(np.float32))
    assert question.blanks[0][0, 0].numpy() == pytest.approx([50.0, 0.0], abs=1)
    check_question(question)
    check_occlusion(question)
    check_trace(of_numbers, trace)


def test_of_a_long_row_head_and_tail_are_read_and_some_beginnings_answered(monkeypatch) -> None:
    monkeypatch.setattr("unrolled.tasks.classify.trace.MOST_STEPS", 40)
    model = made(max_length=12, test=0, max_steps=2).fit(*themed())
    trace = model.trace(" ".join(["fine"] * 10 + ["dull"] * 10))
    assert trace.notes == ("of 20 steps the first 6 and the last 6 are read",)
    assert trace.sides[0].steps[0] == ("fine",) * 6 + ("dull",) * 6
    assert len(trace.outputs[0].at) == 6
    assert trace.outputs[0].at[-1] == 11
    assert model.trace("a zebra").notes == ("1 of 2 tokens are not known from training",)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_one_clear_error(both_ways, text: str) -> None:
    with pytest.raises(InputError, match="the text is empty"):
        both_ways.trace(text)


def test_what_is_no_row_is_one_clear_error(both_ways, of_numbers) -> None:
    with pytest.raises(InputError, match="3 is no text"):
        both_ways.trace(3)
    with pytest.raises(InputError, match="nothing is given"):
        both_ways.trace()
    with pytest.raises(InputError, match="text, values are given"):
        both_ways.trace("a", values=[1.0])
    with pytest.raises(InputError, match="no step"):
        of_numbers.trace(np.zeros((0, 2)))
    with pytest.raises(InputError, match="no array of numbers"):
        of_numbers.trace("a text")
    with pytest.raises(ShapeError, match="3 features"):
        of_numbers.trace(np.zeros((4, 3)))
    with pytest.raises(InputError, match="no row"):
        both_ways.watched([])


def test_rows_of_a_file_are_read_as_trace_takes_them(both_ways, of_numbers, tmp_path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text, "label": "pos"}) + "\n" for text in "abc"))
    assert both_ways.inputs_of(path, limit=2) == ["a", "b"]
    assert len(both_ways.inputs_of(path)) == 3
    rows = of_numbers.inputs_of(waves()[0], limit=1)
    assert of_numbers.trace(rows[0]).sides
    with pytest.raises(InputError, match="missing"):
        both_ways.inputs_of(tmp_path / "missing.csv")


@pytest.mark.parametrize("name", ["both_ways", "of_numbers"])
def test_a_question_is_asked_at_the_temperature_of_the_answer(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    warm = Classifier("gru")
    warm._take((replace(model.fitted, temperature=2.5), {}))
    trace = warm.trace(TEXT if name == "both_ways" else waves()[0][0])
    (found,) = trace.outputs
    p = float(found.values[-1, found.answer])
    asked = next(iter(trace.questions.values()))()
    assert float(asked.score(*asked.inputs)) == pytest.approx(np.log(p / (1 - p)), abs=1e-4)
