"""What a tagger keeps, and what it is gone on with: no other sentences, no other files, no half of an earlier fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tasks.tagged_rows import made, news, parts_of_speech
from unrolled.errors import InputError, ModelFileError, OptionError, TrainingError
from unrolled.tasks.saving import load
from unrolled.tasks.tag import Tagger


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(max_steps=2).fit(*news(60)).save(tmp_path_factory.mktemp("tag") / "model")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | entries
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "vocabulary.json"])
def test_a_damaged_model_is_refused(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelFileError, match=file):
        Tagger.load(folder)
    path.unlink()
    with pytest.raises(ModelFileError, match=file):
        Tagger.load(folder)


@pytest.mark.parametrize("entry", ["options", "sizes", "form", "tags", "files", "baselines"])
def test_what_a_config_lacks_is_an_error_of_the_model(folder: Path, entry: str) -> None:
    changed(folder, **{entry: None})
    with pytest.raises(ModelFileError, match=f"incomplete .*{entry}"):
        load(folder)


@pytest.mark.parametrize(
    "entries",
    [
        {"sizes": {"words": 3}},
        {"form": {"scheme": "iob2", "marked": 3}},
        {"form": {"scheme": "iob9", "marked": []}},
        {"baselines": {"majority": {}}},
        {"options": {"hidden_size": 0}},
        {"tags": ["O", "O"]},
    ],
    ids=str,
)
def test_what_a_config_says_wrong_is_an_error_of_the_model(
    folder: Path, entries: dict[str, Any]
) -> None:
    changed(folder, **entries)
    with pytest.raises(ModelFileError):
        load(folder)


def test_a_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    rows, options = news(80), {"evaluate_every": 4, "schedule": "constant"}
    whole = made(max_steps=8, **options).fit(*rows)
    made(max_steps=4, **options).fit(*rows, folder=tmp_path)
    resumed = made(max_steps=8, **options).fit(*rows, folder=tmp_path, resume=True)
    one, other = (model.fitted.model.state_dict() for model in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_goes_on_with_the_same_sentences_and_options_alone(tmp_path: Path) -> None:
    sentences, tags = news(60)
    turned = [[tag.replace("PER", "ORG") for tag in row] for row in tags]
    made(max_steps=4, evaluate_every=4).fit(sentences, tags, folder=tmp_path)
    longer = {"max_steps": 8, "evaluate_every": 4}
    with pytest.raises(OptionError, match="other rows"):
        made(**longer).fit(sentences, turned, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other options"):
        made(**longer, crf=False).fit(sentences, tags, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other cell"):
        made(cell="lstm", **longer).fit(sentences, tags, folder=tmp_path, resume=True)


def test_a_fit_that_fails_leaves_the_parts_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = made(max_steps=4).fit(*news(60))
    before = model.evaluate()

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unrolled.tasks.tag.fitting.fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*parts_of_speech(60))
    assert model.evaluate() == before


def test_a_loss_that_is_not_finite_keeps_the_last_good_weights() -> None:
    with pytest.raises(TrainingError):
        made(learning_rate=1e30, clip_norm=None, max_steps=20).fit(*news(60))


def test_without_validation_the_last_weights_are_kept() -> None:
    model = made(max_steps=3, validation=0).fit(*news(60))
    assert model.training.best_score is None
    assert model.training.best_step == 3


def test_a_model_without_its_baseline_says_so(folder: Path) -> None:
    changed(folder, baselines={})
    model = load(folder)
    with pytest.raises(InputError, match="most_frequent_tag was not saved"):
        model.evaluate(news(5))
    assert list(model.evaluate(news(5), baselines=())["scores"]) == ["model"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"hiden_size": 3}, "hidden_size"),
        ({"batch_size": 32}, "batch_tokens"),
        ({"select": "f1"}, "score"),
        ({"crf": 3}, "crf=3"),
        ({"characters": "yes"}, "characters='yes'"),
        ({"bidirectional": 1}, "bidirectional=1"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"layers": 0}, "layers=0"),
        ({"max_length": 0}, "max_length=0"),
        ({"vocabulary": 2}, "vocabulary=2"),
        ({"validation": -1}, "validation=-1"),
        ({"text": 3.5}, "text=3.5"),
        ({"cell": "lstmm"}, "lstm"),
    ],
    ids=str,
)
def test_bad_options_are_refused_by_name(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(OptionError, match=expected):
        Tagger(**options)


def test_what_is_not_fitted_says_so() -> None:
    with pytest.raises(InputError, match="not fitted"):
        Tagger().tag("a b")
    with pytest.raises(InputError, match=r"fit\(test=0.2\)"):
        made().fit(*news(10), test=0.2)


@pytest.mark.parametrize("given", [5, [5], [["a", 3]], {"a": "b"}, [None]], ids=str)
def test_what_is_no_sentence_is_refused(saved: Path, given: Any) -> None:
    with pytest.raises(InputError, match="of type"):
        load(saved).tag(given)


@pytest.mark.parametrize(("data", "tags"), [("news.conll", [["O"]]), ([["a"]], "tags.txt")])
def test_a_file_and_a_list_do_not_go_together(data: Any, tags: Any) -> None:
    with pytest.raises(InputError, match=r"fit\(file\)"):
        made().fit(data, tags)


def test_empty_sentences_have_no_tags(saved: Path) -> None:
    model = load(saved)
    assert model.tag("") == []
    assert model.tag(["", [], "cat"])[:2] == [[], []]
    assert len(model.predict(["", "a cat"])) == 2
