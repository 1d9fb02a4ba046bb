"""Generator.trace: the surprise is what the model scores a text by, and attributions add up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.laws.user_cells import CountingRNN
from tests.tasks.traced import (
    check_occlusion,
    check_question,
    check_side,
    check_trace,
    check_untouched,
)
from tests.tasks.written_texts import made, novel, poems
from unrolled.errors import InputError, OptionError
from unrolled.tasks.generate import Generator
from unrolled.tasks.generate.scoring import token_nats

TEXT = "the moon and § friends.\n"


@pytest.fixture(scope="module")
def of_text() -> Generator:
    return made("lstm", layers=2, weight_dropout=0.2).fit([novel()])


@pytest.fixture(scope="module")
def of_poems() -> Generator:
    return made(CountingRNN).fit(poems())


@pytest.fixture(scope="module")
def transformer() -> Generator:
    return made("transformer", heads=2, layers=2, steps=8).fit([novel()])


def text_of(name: str) -> str:
    return poems(1, seed=4)[0] if name == "of_poems" else TEXT


@pytest.mark.parametrize("name", ["of_text", "of_poems", "transformer"])
def test_the_surprise_is_what_the_model_scores_the_text_by(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(text_of(name))
    found, steps = trace.outputs[0], trace.sides[0].steps[0]
    (nats,) = token_nats(model.fitted.network, model.fitted.reader.rows([text_of(name)]))
    assert math.isnan(found.surprise[0])
    np.testing.assert_allclose(found.surprise[1:], nats / math.log(2), atol=1e-4)
    assert found.likely[0] == ()
    assert len(found.likely) == len(found.surprise) == len(steps)
    for likely, bits, token in zip(found.likely[1:], found.surprise[1:], steps[1:], strict=True):
        assert len(likely) == 8
        assert sorted((p for _, p in likely), reverse=True) == [p for _, p in likely]
        if token in dict(likely):
            assert -math.log2(dict(likely)[token]) == pytest.approx(bits, abs=1e-4)
    check_side(trace.sides[0])
    check_trace(model, trace)
    check_untouched(model.fitted.network)


def test_steps_are_readable_and_ends_are_read(of_text, of_poems) -> None:
    assert of_text.trace("the moon").sides[0].steps[0] == ("\n", *"the moon")
    assert of_poems.trace("山水").sides[0].steps[0] == ("[BOS]", "山", "水", "[EOS]")
    assert list(of_text.trace("the moon").sides[0].names.values()) == ["h1", "h2"]
    assert of_text.trace(TEXT).notes == ("the text: new to the model: '§'",)


@pytest.mark.parametrize("name", ["of_text", "of_poems", "transformer"])
def test_attributions_add_up_to_the_log_probability_of_a_token(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(text_of(name))
    steps = trace.sides[0].steps[0]
    named = [f"step {place + 1}: {token}" for place, token in enumerate(steps)]
    assert list(trace.questions) == [named[-1], *named[1:-1]]
    for place in (1, 4, len(steps) - 1):
        question = trace.questions[named[place]]()
        assert (question.of, question.unit) == (named[place], "log-probability")
        assert question.labels == steps
        bits = trace.outputs[0].surprise[place]
        # A LayerNorm turns quickly near the blank, the mean of vectors that are hardly trained.
        points = 500 if name == "transformer" else 60
        assert check_question(question, points) == pytest.approx(-bits * math.log(2), abs=1e-4)
    check_occlusion(question)


def test_a_token_rests_on_those_before_it_alone(of_text) -> None:
    question = of_text.trace(TEXT).questions["step 5:  "]()
    (vectors,) = question.inputs
    vectors = vectors.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(question.score(vectors).sum(), vectors)
    assert gradient[0, :4].abs().sum(1).min() > 0
    assert not gradient[0, 4:].any()


def test_where_a_transformer_looked_back(transformer) -> None:
    trace = transformer.trace(TEXT)
    looked = trace.outputs[1:]
    assert [(each.rows, each.columns, each.name) for each in looked] == [(0, 0, "h1"), (0, 0, "h2")]
    steps = len(trace.sides[0].steps[0])
    for each in looked:
        np.testing.assert_allclose(each.weights.sum(1), 1, atol=1e-5)
        assert not np.triu(each.weights, 1).any()
        assert not np.tril(each.weights, -8).any()  # it looks at 8 steps at most
        assert each.weights.shape == (steps, steps)
    run = trace.sides[0].runs["layer.layers.0"]
    own = run.gates.weights[0].mean(1)
    assert looked[0].weights[5, 3] == pytest.approx(float(own[5, -3]))


def test_what_is_written_behind_a_beginning_is_read_too(of_text, of_poems) -> None:
    trace = of_text.trace("the ", write=6)
    written = trace.outputs[1]
    assert written.text == of_text.generate("the ", max_length=6)
    assert len(trace.sides[0].steps[0]) == 11
    assert trace.input == {"text": "the ", "write": 6}
    check_trace(of_text, trace)
    assert of_poems.trace("", write=3).sides[0].steps[0][0] == "[BOS]"


def test_a_long_text_is_read_up_to_a_limit(of_text, monkeypatch) -> None:
    monkeypatch.setattr("unrolled.tasks.generate.trace.LONGEST", 10)
    trace = of_text.trace("the moon and river")
    assert len(trace.sides[0].steps[0]) == 11
    assert trace.notes == ("of 18 tokens the first 10 are read",)


def test_many_texts_are_watched_at_once(of_poems, of_text, tmp_path) -> None:
    (side,) = of_poems.watched(["山水山水", "火"])
    check_side(side)
    (alone,) = of_poems.watched(["火"])
    for path, run in side.runs.items():
        torch.testing.assert_close(run.states.h[1, :3], alone.runs[path].states.h[0])
    path = tmp_path / "novel.txt"
    path.write_text(novel(300))
    passages = of_text.inputs_of(path)
    assert "".join(passages) == novel(300)
    assert len(passages) > 2
    assert of_text.inputs_of(path, limit=1) == passages[:1]


def test_what_is_no_text_is_one_clear_error(of_text) -> None:
    with pytest.raises(InputError, match="the text is empty"):
        of_text.trace("")
    with pytest.raises(InputError, match="3 is no text"):
        of_text.trace(3)
    with pytest.raises(InputError, match="there is no text"):
        of_text.watched([])
    for write in (-1, 2.5, True, 10_000):
        with pytest.raises(OptionError, match="write"):
            of_text.trace("a", write=write)
