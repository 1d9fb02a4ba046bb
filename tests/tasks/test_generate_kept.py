"""What a generator keeps, and what it is gone on with: no other texts, no other files, no half of an earlier fit."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.written_texts import SMALL, made, novel, poems, same_weights, scored
from unrolled.errors import InputError, ModelFileError, OptionError
from unrolled.tasks.generate import Generator
from unrolled.tasks.saving import load


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(max_steps=2).fit(poems()).save(tmp_path_factory.mktemp("generate") / "model")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    for file in whole.iterdir():
        (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "model"


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name, value in entries.items():
        if value is None:
            del config[name]
        else:
            config[name] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_model_is_refused(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match=file):
        Generator.load(folder)
    path.unlink()
    with pytest.raises(ModelFileError, match=file):
        Generator.load(folder)


@pytest.mark.parametrize(
    "entry", ["options", "sizes", "form", "line_ends", "verses", "files", "baselines"]
)
def test_what_a_config_lacks_is_an_error_of_the_model(folder: Path, entry: str) -> None:
    changed(folder, **{entry: None})
    with pytest.raises(ModelFileError, match=f"incomplete .*{entry}"):
        load(folder)


@pytest.mark.parametrize(
    "entries",
    [
        {"sizes": {"vocabulary": 3}},
        {"form": {"source": "x"}},
        {"verses": [4]},
        {"line_ends": {}},
        {"baselines": {"unigram": {}}},
        {"options": {"hidden_size": 0}},
        {"options": {"seed": 0, "kind": None, "units": "bpe"}},
    ],
    ids=str,
)
def test_what_a_config_says_wrong_is_an_error_of_the_model(
    folder: Path, entries: dict[str, Any]
) -> None:
    changed(folder, **entries)
    with pytest.raises(ModelFileError, match="incomplete"):
        load(folder)


def test_a_model_of_another_task_is_refused(folder: Path) -> None:
    from unrolled.tasks.translate import Translator

    with pytest.raises(ModelFileError, match="task is generate"):
        Translator.load(folder)


def test_a_baseline_that_was_not_saved_is_said(folder: Path) -> None:
    changed(folder, baselines={})
    loaded = load(folder)
    assert list(loaded.evaluate(poems(3), baselines=[])["scores"]) == ["model"]
    with pytest.raises(InputError, match="ngram was not saved"):
        loaded.evaluate(poems(3))
    with pytest.raises(OptionError, match="'ngram'"):
        loaded.evaluate(poems(3), baselines=["ngrams"])


def test_texts_of_the_training_part_are_counted(folder: Path) -> None:
    loaded = load(folder)
    known = poems()
    assert 48 <= loaded.evaluate(known)["duplicates"] <= 60
    assert loaded.evaluate(poems(5, seed=9))["duplicates"] == 0


def test_a_run_goes_on_with_the_same_texts_and_options_alone(tmp_path: Path) -> None:
    texts = poems()
    made(max_steps=4, evaluate_every=4).fit(texts, folder=tmp_path)
    longer = {"max_steps": 8, "evaluate_every": 4}
    for other in (texts[::-1], texts[:-5], [*texts[:-1], "山"]):
        with pytest.raises(OptionError, match="other texts"):
            made(**longer).fit(other, folder=tmp_path, resume=True)
    for option in ({"dropout": 0.4}, {"kind": "text"}, {"max_length": 9}):
        with pytest.raises(OptionError, match="other options"):
            made(**longer, **option).fit(texts, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other cell"):
        made("lstm", **longer).fit(texts, folder=tmp_path, resume=True)
    training = made(**longer).fit(texts, folder=tmp_path, resume=True).training
    assert training is not None
    assert training.steps == 8


def test_a_short_run_goes_on_beyond_its_bound(tmp_path: Path) -> None:
    options = {name: value for name, value in SMALL.items() if name != "warmup_steps"}
    texts = poems()
    Generator(**{**options, "max_steps": 20}).fit(texts, folder=tmp_path)
    longer = Generator(**{**options, "max_steps": 40}).fit(texts, folder=tmp_path, resume=True)
    assert longer.training is not None
    assert longer.training.steps == 40


RUNS: dict[str, tuple[str, dict[str, Any], Any, str]] = {
    "a carried state": (
        "lstm",
        {"dropout": 0.3, "weight_dropout": 0.2, "embedding_dropout": 0.2, "temporal": 1.0, "average": 0.9},
        [novel(100)],
        "stream_loss",
    ),
    "documents": ("gru", {"dropout": 0.3, "units": "bpe", "vocabulary": 300}, poems(), "document_loss"),
}  # fmt: skip


@pytest.mark.usefixtures("pythons_own_handler")
@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_ends_as_one_that_was_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, more, data, loss_name = RUNS[name]
    options = {**more, "max_steps": 14, "evaluate_every": 4, "validation": 0.2}
    whole = made(cell, **options).fit(data)
    from unrolled.tasks.generate import fitting

    steps, made_loss = list[int](), getattr(fitting, loss_name)

    def stopping(settings: Any) -> Any:
        loss = made_loss(settings)

        def counted(*given: Any) -> Any:
            steps.append(len(steps))
            if len(steps) in (5, 9):
                signal.raise_signal(signal.SIGINT)
            return loss(*given)

        return counted

    monkeypatch.setattr(fitting, loss_name, stopping)
    for resume in (False, True):
        with pytest.raises(KeyboardInterrupt, match="resume"):
            made(cell, **options).fit(data, folder=tmp_path, resume=resume)
    resumed = made(cell, **options).fit(data, folder=tmp_path, resume=True)
    assert len(steps) == 14
    assert same_weights(whole, resumed)
    assert whole.training is not None
    assert resumed.training is not None
    assert resumed.training.best_score == whole.training.best_score


@pytest.mark.usefixtures("pythons_own_handler")
def test_an_interrupted_fit_leaves_the_model_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = made(max_steps=1).fit(poems())
    before = scored(model)

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unrolled.tasks.generate.fitting.fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        model.fit([novel()], folder=tmp_path / "other")
    assert scored(model) == before


def test_a_run_does_not_go_on_with_pieces_that_were_learned_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unrolled.tasks.generate import fitting

    options: dict[str, Any] = {"units": "unigram", "vocabulary": 300, "evaluate_every": 4}
    made(**options, max_steps=4).fit([novel()], folder=tmp_path)
    made(**options, max_steps=6).fit([novel()], folder=tmp_path, resume=True)
    learn = fitting.fit_text_tokenizer
    monkeypatch.setattr(
        fitting,
        "fit_text_tokenizer",
        lambda texts, *units, **more: learn(["another text"] * 3, *units, **more),
    )
    with pytest.raises(OptionError, match="other tokenizer"):
        made(**options, max_steps=8).fit([novel()], folder=tmp_path, resume=True)
