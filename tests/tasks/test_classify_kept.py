"""What a classifier keeps, and what it is gone on with: no other rows, no other files, no half of an earlier fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tasks.labelled_rows import made, themed, waves
from unrolled import Classifier, load
from unrolled.errors import InputError, ModelFileError, OptionError
from unrolled.tasks.classify.training import validation_score


def test_a_run_goes_on_with_the_same_rows_and_options_alone(tmp_path: Path) -> None:
    texts, labels = themed(60)
    turned = ["pos" if label == "neg" else "neg" for label in labels]
    made(max_steps=4, evaluate_every=4).fit(texts, labels, folder=tmp_path)
    longer = {"max_steps": 8, "evaluate_every": 4}
    with pytest.raises(OptionError, match="other rows"):
        made(**longer).fit(texts, turned, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other options"):
        made(**longer, word_dropout=0.9).fit(texts, labels, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other cell"):
        made(cell="lstm", **longer).fit(texts, labels, folder=tmp_path, resume=True)
    assert made(**longer).fit(texts, labels, folder=tmp_path, resume=True).training.steps == 8


def test_a_fit_that_fails_leaves_the_parts_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = made().fit(*themed(60))
    before = model.evaluate()

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unrolled.tasks.classify.fitting.fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*themed(90, seed=3))
    assert model.evaluate() == before


def test_a_tokenizer_of_another_model_is_found_out(tmp_path: Path) -> None:
    one = made().fit(*themed(60)).save(tmp_path / "one")
    other = made().fit(["an odd word", "a rare one"] * 20, ["a", "b"] * 20).save(tmp_path / "other")
    (one / "tokenizer.json").write_bytes((other / "tokenizer.json").read_bytes())
    with pytest.raises(ModelFileError, match=r"tokenizer\.json: does not belong"):
        load(one)


@pytest.mark.parametrize("entry", ["options", "sizes", "classes", "form", "files"])
def test_what_a_config_lacks_is_an_error_of_the_model(tmp_path: Path, entry: str) -> None:
    folder = made().fit(*themed(60)).save(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    del config[entry]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match=f"incomplete .*{entry}"):
        load(folder)


def test_validation_weighs_classes_as_training_does() -> None:
    model = made(max_steps=5).fit(*themed(60))
    encoded = model.fitted.reader.encode(["fine film", "dull film"])
    labels, network = np.array([0, 1]), model.fitted.network
    first, second = (
        validation_score(encoded, labels, torch.tensor(weights))(network)
        for weights in ([2.0, 0.0], [0.0, 2.0])
    )
    assert (first + second) / 2 == pytest.approx(validation_score(encoded, labels)(network))
    assert first != pytest.approx(second)


def test_labels_of_weights_are_named_as_labels_are_read() -> None:
    weights = Classifier(class_weights={True: 2, " a ": 4}).settings.class_weights
    assert weights == {"true": 2.0, "a": 4.0}
    assert Classifier(class_weights={2.0: 3}).settings.class_weights == {"2": 3.0}


@pytest.mark.parametrize("chunk", [np.zeros(3), np.zeros((2, 3)), [[0.0, float("nan")]], 1.0])
def test_a_stream_of_numbers_refuses_other_steps(chunk: object) -> None:
    stream = made(bidirectional=False, max_steps=2).fit(*waves(40)).stream()
    with pytest.raises(InputError):
        stream.push(chunk)
    assert stream.push(np.zeros((2, 2))).shape == (2, 2)


def test_a_stream_of_text_refuses_numbers() -> None:
    stream = made(bidirectional=False, max_steps=2).fit(*themed(40)).stream()
    with pytest.raises(InputError, match="a chunk of type list"):
        stream.push([1, 2])


def test_columns_may_be_called_otherwise_than_in_training() -> None:
    texts, labels = themed(60)
    model = made().fit({"text": texts, "label": labels})
    other = {"body of it": texts, "verdict on it": labels, "more": texts}
    named = {"text": "body of it", "label": "verdict on it"}
    same = {"text": texts, "label": labels}
    assert model.evaluate(other, **named)["scores"] == model.evaluate(same)["scores"]
    assert model.predict(other, text="body of it").equals(model.predict(texts))
