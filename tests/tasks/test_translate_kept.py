"""What a translator keeps, and what it is gone on with: no other pairs, no other files, no half of an earlier fit."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.text_pairs import SMALL, chinese, made, same_weights, scored, swapped, turned
from unrolled.errors import InputError, ModelFileError, OptionError
from unrolled.tasks.saving import load
from unrolled.tasks.translate import Translator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(max_steps=2, shared=False).fit(turned()).save(tmp_path / "model")


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name, value in entries.items():
        if value is None:
            del config[name]
        else:
            config[name] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    "file", ["config.json", "model.safetensors", "tokenizer.json", "source_tokenizer.json"]
)
def test_a_damaged_model_is_refused(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match=file):
        Translator.load(folder)
    path.unlink()
    with pytest.raises(ModelFileError, match=file):
        Translator.load(folder)


@pytest.mark.parametrize(
    "entry", ["options", "sizes", "form", "kind", "ratio", "files", "baselines"]
)
def test_what_a_config_lacks_is_an_error_of_the_model(folder: Path, entry: str) -> None:
    changed(folder, **{entry: None})
    with pytest.raises(ModelFileError, match=f"incomplete .*{entry}"):
        load(folder)


@pytest.mark.parametrize(
    "entries",
    [
        {"sizes": {"source_vocabulary": 3}},
        {"kind": "sing"},
        {"ratio": "much"},
        {"form": {"text": "x"}},
        {"baselines": {"nearest": {}}},
        {"baselines": ["nearest_pair"]},
        {"options": {"hidden_size": 0}},
    ],
    ids=str,
)
def test_what_a_config_says_wrong_is_an_error_of_the_model(
    folder: Path, entries: dict[str, Any]
) -> None:
    changed(folder, **entries)
    with pytest.raises(ModelFileError, match="incomplete"):
        load(folder)


def test_weights_of_other_sizes_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    changed(folder, options={**config["options"], "hidden_size": 10})
    with pytest.raises(ModelFileError, match="weights do not fit"):
        load(folder)


def test_files_of_another_model_are_found_out(folder: Path, tmp_path: Path) -> None:
    other = made(max_steps=1, shared=False).fit(swapped(turned())).save(tmp_path / "other")
    for file in ("tokenizer.json", "source_tokenizer.json", "model.safetensors"):
        before = (folder / file).read_bytes()
        (folder / file).write_bytes((other / file).read_bytes())
        with pytest.raises(ModelFileError, match=rf"{file}: does not belong"):
            load(folder)
        (folder / file).write_bytes(before)
    assert isinstance(load(folder), Translator)


def test_a_model_of_another_task_is_refused(folder: Path) -> None:
    from unrolled.tasks.classify import Classifier

    with pytest.raises(ModelFileError, match="task is translate"):
        Classifier.load(folder)


def test_a_baseline_that_was_not_saved_is_said(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["baselines"]["copy_source"]
    changed(folder, baselines=config["baselines"])
    loaded = load(folder)
    assert list(loaded.evaluate(turned(3), baselines=["nearest_pair"])["scores"]) == [
        "model", "nearest_pair",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"copy_source was not saved.*nearest_pair"):
        loaded.evaluate(turned(3))
    with pytest.raises(OptionError, match="'copy_source'"):
        loaded.evaluate(turned(3), baselines=["copy_sourc"])


def test_saving_again_writes_over_the_model_alone(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    model = made(max_steps=2, shared=True).fit(turned())
    model.save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert scored(load(folder), turned(3)) == scored(model, turned(3))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = made(max_steps=1).fit(turned())
    with pytest.raises(InputError, match=r"file/model.*cannot be written"):
        model.save(tmp_path / "file" / "model")


def test_a_run_goes_on_with_the_same_pairs_and_options_alone(tmp_path: Path) -> None:
    pairs = turned()
    made(max_steps=4, evaluate_every=4).fit(pairs, folder=tmp_path)
    longer = {"max_steps": 8, "evaluate_every": 4}
    others = [
        [*pairs[:-1], (pairs[-1][0], "other words")],
        [(source, target.upper()) for source, target in pairs],
        [(source.upper(), target) for source, target in pairs],
        pairs[::-1],
        pairs[:-5],
    ]
    for other in others:
        with pytest.raises(OptionError, match="other rows"):
            made(**longer).fit(other, folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="other rows"):
        made(**longer).fit(pairs, validation=turned(5, seed=1), folder=tmp_path, resume=True)
    for changed_option in ({"word_dropout": 0.9}, {"attention": "dot"}, {"label_smoothing": 0.3}):
        with pytest.raises(OptionError, match="other options"):
            made(**longer, **changed_option).fit(pairs, folder=tmp_path, resume=True)
    for cell in ("lstm", "transformer"):
        with pytest.raises(OptionError, match="other cell"):
            made(cell, **longer).fit(pairs, folder=tmp_path, resume=True)
    training = made(**longer).fit(pairs, folder=tmp_path, resume=True).training
    assert training is not None
    assert training.steps == 8


def test_a_short_run_goes_on_beyond_its_bound(tmp_path: Path) -> None:
    options = {name: value for name, value in SMALL.items() if name != "warmup_steps"}
    Translator(**{**options, "max_steps": 8}).fit(turned(), folder=tmp_path)
    longer = Translator(**{**options, "max_steps": 16})
    longer.fit(turned(), folder=tmp_path, resume=True)
    assert longer.training is not None
    assert longer.training.steps == 16


RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "noise": ("gru", {"dropout": 0.3, "word_dropout": 0.2, "average": 0.9}),
    "merges": ("lstm", {"units": "bpe", "vocabulary": 300, "bpe_dropout": 0.3, "select": "bleu"}),
    "transformer": ("transformer", {"heads": 2, "dropout": 0.2}),
}


@pytest.mark.usefixtures("pythons_own_handler")
@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_ends_as_one_that_was_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, more = RUNS[name]
    options = {**more, "max_steps": 14, "evaluate_every": 4, "validation": 0.2}
    whole = made(cell, **options).fit(turned())
    from unrolled.tasks.translate.training import translate_loss

    steps = []

    def stopping(smoothing: float) -> Any:
        loss = translate_loss(smoothing)

        def counted(model: Any, batch: Any) -> Any:
            steps.append(len(steps))
            if len(steps) in (5, 9):
                signal.raise_signal(signal.SIGINT)
            return loss(model, batch)

        return counted

    monkeypatch.setattr("unrolled.tasks.translate.fitting.translate_loss", stopping)
    for resume in (False, True):
        with pytest.raises(KeyboardInterrupt, match="resume"):
            made(cell, **options).fit(turned(), folder=tmp_path, resume=resume)
    resumed = made(cell, **options).fit(turned(), folder=tmp_path, resume=True)
    assert len(steps) == 14
    assert same_weights(whole, resumed)
    assert whole.training is not None
    assert resumed.training is not None
    assert resumed.training.best_score == whole.training.best_score
    assert resumed.translate(["da mu"]) == whole.translate(["da mu"])


@pytest.mark.usefixtures("pythons_own_handler")
def test_an_interrupted_fit_leaves_the_model_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = made().fit(turned())
    before = scored(model)

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unrolled.tasks.translate.fitting.fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        model.fit(chinese(), folder=tmp_path / "other")
    assert scored(model) == before
    assert not (tmp_path / "other").exists()
