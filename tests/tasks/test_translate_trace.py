"""Translator.trace: its own target is forced, it is shown where it looked, and attributions add up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.laws.user_cells import CountingRNN
from tests.tasks.text_pairs import made, turned
from tests.tasks.traced import (
    check_occlusion,
    check_question,
    check_side,
    check_trace,
    check_untouched,
)
from unrolled.errors import InputError
from unrolled.tasks.translate import Translator
from unrolled.tasks.translate.inside import alignment_of

SOURCE = "ba du ko ba lu"


@pytest.fixture(scope="module")
def stacked() -> Translator:
    return made("lstm", layers=2, encoder_layers=2, shared=True).fit(turned())


@pytest.fixture(scope="module")
def fed() -> Translator:
    return made(CountingRNN, input_feeding=True, beam=1).fit(turned())


@pytest.fixture(scope="module")
def without() -> Translator:
    return made("gru", attention="none").fit(turned())


@pytest.fixture(scope="module")
def transformer() -> Translator:
    return made("transformer", heads=2, hidden_size=16).fit(turned())


ALL = ("stacked", "fed", "without", "transformer")


@pytest.mark.parametrize("name", ALL)
def test_its_own_target_is_forced_and_expected(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(SOURCE)
    found, written = trace.outputs[:2]
    (best,) = model.hypotheses([SOURCE])[0]
    assert written.text == model.translate(SOURCE)
    steps = trace.sides[1].steps[0]
    tokens = model.fitted.reader.target.named(np.array(best.tokens, dtype=np.int32))
    assert steps == (*tokens, *(["[EOS]"] if best.finished else []))
    bits = -np.array(best.log_probabilities) / math.log(2)
    np.testing.assert_allclose(found.surprise, bits, atol=1e-4)
    for likely, surprise, token in zip(found.likely, found.surprise, steps, strict=True):
        if token in dict(likely):
            assert -math.log2(dict(likely)[token]) == pytest.approx(surprise, abs=1e-4)
    assert [side.name for side in trace.sides] == ["encoder", "decoder"]
    if name != "transformer":  # no block of whose encoder is a cell
        check_side(trace.sides[0])
    check_side(trace.sides[1])
    # At the first step a Transformer has one key to look at, whatever that is.
    check_trace(model, trace, reaches=name != "transformer")
    check_untouched(model.fitted.network)


def test_cells_are_named_and_what_only_looks_is_no_layer(stacked, fed, transformer) -> None:
    encoder, decoder = stacked.trace(SOURCE).sides
    assert list(encoder.names.values()) == ["h1 →", "h1 ←", "h2 →", "h2 ←"]
    assert list(decoder.names.values()) == ["h1", "h2", "look"]
    assert next(iter(fed.trace(SOURCE).sides[1].names.values())) == "h1"
    assert all(name.startswith("h1") for name in fed.trace(SOURCE).sides[1].names.values())
    assert not transformer.trace(SOURCE).sides[0].runs


@pytest.mark.parametrize("name", ALL)
def test_where_each_step_looked(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(SOURCE, "re pe py")
    looked = trace.outputs[1:]
    at_source = [each for each in looked if each.columns == 0]
    at_target = [each for each in looked if each.columns == 1]
    layers = model.fitted.settings.layers if name == "transformer" else 0
    assert len(at_source) == {"without": 0, "transformer": layers}.get(name, 1)
    assert len(at_target) == layers
    for each in looked:
        assert each.rows == 1
        assert each.weights.shape == (4, len(trace.sides[each.columns].steps[0]))
        np.testing.assert_allclose(each.weights.sum(1), 1, atol=1e-5)
    for each in at_target:
        assert not np.triu(each.weights, 1).any()
    if at_source:
        reader = model.fitted.reader
        source = reader.sources([SOURCE])[0][0]
        target = next(reader.target.encode(["re pe py"]))
        aligned = alignment_of(model.fitted, source, target.tolist())
        together = np.mean([each.weights for each in at_source], 0)
        np.testing.assert_allclose(together, aligned.weights, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_attributions_to_the_source_add_up(name: str, request: Any) -> None:
    model = request.getfixturevalue(name)
    trace = model.trace(SOURCE, "re pe py")
    assert trace.input == {"source": SOURCE, "target": "re pe py"}
    steps = trace.sides[1].steps[0]
    assert list(trace.questions) == [f"step {t}: {token}" for t, token in enumerate(steps, 1)]
    for place in (0, 3):
        of = f"step {place + 1}: {steps[place]}"
        question = trace.questions[of]()
        assert (question.of, question.side, question.labels) == (of, 0, trace.sides[0].steps[0])
        nats = -trace.outputs[0].surprise[place] * math.log(2)
        points = 800 if name == "transformer" else 60
        assert check_question(question, points) == pytest.approx(nats, abs=1e-4)
    check_occlusion(question)
    check_untouched(model.fitted.network)
    check_trace(model, trace)


def test_of_a_long_source_the_beginning_is_read() -> None:
    model = made(max_length=4, max_steps=2).fit(turned())
    trace = model.trace("ba du ko ba lu bo")
    assert len(trace.sides[0].steps[0]) == 5
    assert trace.sides[0].steps[0][-1] == "[EOS]"
    assert trace.notes[0] == "of 6 tokens of the source the first 4 are read"


def test_many_sources_are_watched_at_once(stacked, tmp_path) -> None:
    sides = stacked.watched([SOURCE, "ba du"])
    for side in sides:
        check_side(side)
    alone = stacked.watched(["ba du"])
    for path, run in sides[0].runs.items():
        torch.testing.assert_close(run.states.h[1, :3], alone[0].runs[path].states.h[0])
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in turned(4)))
    assert stacked.inputs_of(path, limit=2) == [source for source, _ in turned(2)]


def test_what_is_no_text_is_one_clear_error(stacked) -> None:
    with pytest.raises(InputError, match="the source is empty"):
        stacked.trace(" ")
    with pytest.raises(InputError, match="the target is empty"):
        stacked.trace("ba", "")
    with pytest.raises(InputError, match="3 is no text"):
        stacked.trace(3)
    with pytest.raises(InputError, match="there is no source"):
        stacked.watched([])
