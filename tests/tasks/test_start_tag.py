"""A tagger of characters that begins with a language model: what it takes from it, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.tagged_rows import chinese, made, news
from unrolled import GRU, load
from unrolled.core.seq import Seq
from unrolled.errors import InputError, OptionError
from unrolled.tasks.generate import Generator
from unrolled.tasks.start import FALL, THAWED
from unrolled.tasks.tag import Tagger
from unrolled.train.loop import TrainResult, fit


def writer(cell: Any = "gru", **options: Any) -> Generator:
    texts = ["".join(sentence) for sentence in chinese(200, seed=5)[0]]
    small: dict[str, Any] = {
        "units": "characters", "kind": "documents", "embedding": 8, "hidden_size": 12, "layers": 1, "weight_dropout": 0.1,
        "max_steps": 8, "batch_tokens": 200, "validation": 0, "test": 0, "threads": 1,
    }  # fmt: skip
    return Generator(cell, **{**small, **options}).fit(texts)


@pytest.fixture(scope="module")
def language() -> Generator:
    """A language model that is begun with and never changed."""
    return writer()


def weights(model: Tagger) -> dict[str, torch.Tensor]:
    return model.fitted.model.state_dict()


def test_the_context_begins_as_the_language_model(
    language: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def watched(model: Any, *given: Any, parts: Any, **more: Any) -> TrainResult:
        xs = Seq(torch.tensor([[250, 251, 252, 250], [251, 0, 0, 0]]), torch.tensor([4, 1]))
        context = model.network.read.context.eval()
        theirs = language.fitted.network
        told.append(context(xs)[0].data.equal(theirs.hidden(xs, theirs.initial_state(2))[0].data))
        told.append([(part.rate, part.begins) for part in parts])
        return fit(model, *given, parts=parts, **more)

    monkeypatch.setattr("unrolled.tasks.tag.fitting.fit", watched)
    made(start=language, max_steps=1).fit(*chinese(40))
    assert told == [True, [(FALL**-depth, THAWED * depth) for depth in (1, 2)]]


def test_a_saved_tagger_stands_by_itself(language: Generator, tmp_path: Path) -> None:
    source = language.save(tmp_path / "language")
    rows = chinese()
    before = {name: t.clone() for name, t in language.fitted.network.state_dict().items()}
    model = made(start=source).fit(*rows)
    folder = model.save(tmp_path / "tags")
    shutil.rmtree(source)
    loaded = load(folder)
    assert loaded.predict(rows[0]).equals(model.predict(rows[0]))
    assert loaded.facts()["start"] == str(source)
    assert load(loaded.save(tmp_path / "again")).tag("今天王明华很高兴") == model.tag(
        "今天王明华很高兴"
    )
    with pytest.raises(InputError, match="began with the language model"):
        loaded.fit(*rows)
    again = made(start=language).fit(*rows)
    assert all(weights(again)[name].equal(t) for name, t in weights(model).items())
    after = language.fitted.network.state_dict()
    assert all(after[name].equal(t) for name, t in before.items())


def test_a_forward_tagger_streams(language: Generator) -> None:
    model = made(start=language, bidirectional=False, crf=False, max_steps=5).fit(*chinese(60))
    text = "今天王明华很高兴"
    stream = model.stream()
    pieces = np.concatenate([stream.push(text[:3]), stream.push(text[3:])])
    np.testing.assert_allclose(pieces, model.stream().push(text), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"characters": True}, "characters=True with the language model a Generator"),
        ({"lowercase": True}, "lowercase=True with"),
        ({"vocabulary": 99}, "vocabulary=99 with"),
        ({"start": 7}, "start=7; expected a Generator"),
    ],
)
def test_what_a_start_cannot_be_given(
    language: Generator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        Tagger(**{"start": language, **options})


def test_language_models_that_a_tagger_cannot_begin_with(language: Generator) -> None:
    def narrow(features: int, units: int) -> GRU:
        return GRU(features, units)

    with pytest.raises(OptionError, match=r"whose units are words; expected .* characters"):
        Tagger(start=writer(units="words", max_steps=1))
    with pytest.raises(OptionError, match="whose cell is your own"):
        Tagger(start=writer(narrow, weight_dropout=0.0, max_steps=1))
    with pytest.raises(InputError, match="tags stand for words, and the language model"):
        made(start=language).fit(*news(40))


def test_a_run_goes_on_with_the_same_language_model_alone(
    language: Generator, tmp_path: Path
) -> None:
    rows = chinese(60)
    made(start=language, max_steps=3).fit(*rows, folder=tmp_path)
    with pytest.raises(OptionError, match="other language model"):
        made(start=writer(seed=1), max_steps=5).fit(*rows, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other language model"):
        made(max_steps=5).fit(*rows, folder=tmp_path, resume=True)
