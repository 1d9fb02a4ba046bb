"""A classifier that begins with a language model: what it takes from it, what it refuses, and what it gains."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.labelled_rows import accuracy, same_weights, themed, waves
from unrolled import GRU, LSTM, load
from unrolled.core.compose import Stack
from unrolled.core.seq import Seq
from unrolled.errors import InputError, ModelFileError, OptionError
from unrolled.models.recurrent_stack import recurrent_stack
from unrolled.tasks.classify import Classifier
from unrolled.tasks.classify.fitted import make_network, network_sizes
from unrolled.tasks.generate import Generator
from unrolled.tasks.start import FALL, THAWED, Start, depths, thawing
from unrolled.train.loop import TrainResult, fit
from unrolled.train.progress import Silent
from unrolled.train.run import Run
from unrolled.train.settings import TrainSettings

WRITER: dict[str, Any] = {
    "units": "words", "kind": "documents", "embedding": 8, "hidden_size": 12, "layers": 2, "weight_dropout": 0.1,
    "max_steps": 8, "batch_tokens": 128, "validation": 0, "test": 0, "threads": 1,
}  # fmt: skip
CLASSES: dict[str, Any] = {"max_steps": 12, "batch_size": 16, "learning_rate": 0.02, "threads": 1}


def writer(cell: Any = "gru", **options: Any) -> Generator:
    return Generator(cell, **{**WRITER, **options}).fit(themed(200, seed=5)[0])


def begun(start: Any, **options: Any) -> Classifier:
    return Classifier(start=start, **{**CLASSES, **options})


@pytest.fixture(scope="module")
def language() -> Generator:
    """A language model that is begun with and never changed."""
    return writer()


@pytest.fixture(scope="module")
def fitted(language: Generator) -> Classifier:
    """A classifier that is used and never changed."""
    return begun(language).fit(*themed())


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("gru", {}),
        ("lstm", {"tied": False, "layers": 1, "embedding": 6}),
        ("transformer", {"weight_dropout": None, "hidden_size": 16, "steps": 8}),
    ],
)
def test_the_network_begins_as_the_language_model(cell: str, options: dict[str, Any]) -> None:
    model = writer(cell, max_steps=2, **options)
    classifier = begun(model)
    settings, start = classifier.settings, classifier.start
    assert start is not None
    vocabulary = len(model.fitted.reader.tokenizer)
    sizes = network_sizes(settings, 2, vocabulary=vocabulary, features=1, start=start)
    network = make_network(classifier.cell, settings, sizes, 0, start).eval()
    xs = Seq(torch.randint(4, vocabulary, (3, 7)), torch.tensor([7, 4, 1]))
    theirs, _ = model.fitted.network.hidden(xs, model.fitted.network.initial_state(3))
    ours, _ = network.body(xs, network.body.initial_state(3))
    assert torch.equal(ours.data, theirs.data)
    assert network.classify(xs).shape == (3, 2)


def test_the_language_model_stays_as_it_was(language: Generator) -> None:
    before = {name: t.clone() for name, t in language.fitted.network.state_dict().items()}
    model = begun(language).fit(*themed())
    after = language.fitted.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    table = model.fitted.network.state_dict()["body.layers.0.table.weight"]
    assert not torch.equal(table, before["read.table.weight"])


def test_parts_thaw_from_the_top_down() -> None:
    layer = recurrent_stack("gru", 4, 6, 2, width=4, dropout=0.1, weight_dropout=0.1)
    read = torch.nn.Embedding(9, 4)
    assert [len(found) for found in depths(layer)] == [4, 5]
    assert [len(found) for found in depths(Stack(LSTM(2, 3), GRU(3, 3)))] == [4, 4]
    top, low, table = thawing(read, layer)
    assert [*table.parameters] == [read.weight]
    assert {id(p) for p in top.parameters} == {
        id(p) for p in [*layer[2].parameters(), layer[3].weight]
    }
    assert 0 < top.begins < low.begins < table.begins
    deep = thawing(read, recurrent_stack("gru", 4, 4, 20))
    assert [part.begins for part in deep][-1] == pytest.approx(0.5)
    assert top.rate / low.rate == pytest.approx(low.rate / table.rate) == FALL


def test_layers_thaw_where_there_is_a_start(
    language: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def watched(*given: Any, parts: Any, **more: Any) -> TrainResult:
        told.append([(part.rate, part.begins) for part in parts])
        return fit(*given, parts=parts, **more)

    monkeypatch.setattr("unrolled.tasks.classify.fitting.fit", watched)
    begun(language, max_steps=1).fit(*themed(60))
    Classifier(hidden_size=4, **{**CLASSES, "max_steps": 1}).fit(*themed(60))
    assert told == [[(FALL**-depth, THAWED * depth) for depth in (1, 2, 3)], []]


def test_a_saved_classifier_stands_by_itself(language: Generator, tmp_path: Path) -> None:
    source = language.save(tmp_path / "language")
    texts, labels = themed()
    model = begun(source).fit(texts, labels)
    folder = model.save(tmp_path / "classes")
    shutil.rmtree(source)
    loaded = load(folder)
    np.testing.assert_array_equal(loaded.predict_proba(texts), model.predict_proba(texts))
    assert loaded.facts()["start"] == str(source)
    assert loaded.facts()["start_digest"] == model.facts()["start_digest"]
    assert loaded.evaluate((texts, labels)) == model.evaluate((texts, labels))
    np.testing.assert_array_equal(
        load(loaded.save(tmp_path / "again")).predict_proba(texts), model.predict_proba(texts)
    )
    with pytest.raises(InputError, match=r"began with the language model .*language.*start="):
        loaded.fit(texts, labels)


def test_a_stream_reads_what_predict_reads(fitted: Classifier) -> None:
    text = "the film of a lovely story"
    stream = fitted.stream()
    pieces = ["the film", " of a", " lovely", " story"]
    running = np.concatenate([stream.push(piece) for piece in pieces])
    for words in range(1, 7):
        said = " ".join(text.split(" ")[:words])
        np.testing.assert_allclose(running[words - 1], fitted.predict_proba([said])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True}, "bidirectional=True with the language model a Generator; expected False"),
        ({"hidden_size": 13}, "hidden_size=13 .*expected 12"),
        ({"embedding": 9}, "embedding=9 .*expected 8"),
        ({"layers": 1}, "layers=1 .*expected 2"),
        ({"units": "bpe"}, "units='bpe' .*expected 'words'"),
        ({"vocabulary": 99}, "vocabulary=99 "),
        ({"vectors": "glove.txt"}, "vectors='glove.txt' .*vectors of its own"),
        ({"cell": "lstm"}, "cell='lstm' .*expected 'GRU'"),
        ({"cell": LSTM}, "cell=.*expected 'GRU'"),
        ({"cell": "gruu"}, "cell='gruu' does not exist"),
        ({"start": 7}, "start=7; expected a Generator"),
    ],
)  # fmt: skip
def test_what_the_language_model_decides_is_not_decided_again(
    language: Generator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        Classifier(**{"start": language, **options})


def test_what_it_decides_may_be_said_again(language: Generator) -> None:
    model = Classifier(GRU, start=language, layers=2, hidden_size=12, bidirectional=False)
    assert model.settings.embedding == 8
    assert model.settings.pooling == ("last", "max", "mean")
    assert Classifier(start=language, pooling="mean").settings.pooling == ("mean",)


def test_no_start_without_a_trained_generator(fitted: Classifier, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this Generator is not fitted yet"):
        Classifier(start=Generator())
    with pytest.raises(ModelFileError, match="task is classify; expected generate"):
        Classifier(start=fitted.save(tmp_path / "classes"))
    with pytest.raises(ModelFileError, match="expected the folder of a saved model"):
        Classifier(start=tmp_path / "nothing")


def test_numbers_have_no_language(language: Generator) -> None:
    with pytest.raises(OptionError, match="start='a Generator' is an option for texts"):
        begun(language).fit(*waves())


class Stopping(Silent):
    """Stops a run as a machine that is turned off does."""

    def __init__(self, settings: TrainSettings) -> None:
        pass

    def step(self, run: Run) -> None:
        if run.step == 5:
            raise InterruptedError


def test_a_run_goes_on_with_the_same_language_model_alone(
    language: Generator, fitted: Classifier, tmp_path: Path
) -> None:
    rows, every = themed(), {"checkpoint_every": 1}
    with pytest.raises(InterruptedError):
        begun(language, **every).fit(*rows, folder=tmp_path, progress=Stopping)
    for other in (begun(writer(seed=1), **every), Classifier(hidden_size=12, **CLASSES, **every)):
        with pytest.raises(OptionError, match=r"other .*language model"):
            other.fit(*rows, folder=tmp_path, resume=True)
    resumed = begun(language, **every).fit(*rows, folder=tmp_path, resume=True)
    assert same_weights(resumed, fitted)


def test_equal_runs_give_equal_weights(language: Generator, fitted: Classifier) -> None:
    assert same_weights(begun(language).fit(*themed()), fitted)


def test_a_cell_of_the_users_own_is_given_again(tmp_path: Path) -> None:
    def narrow(features: int, units: int) -> GRU:
        return GRU(features, units)

    model = begun(writer(narrow, max_steps=2, weight_dropout=0.0), max_steps=2).fit(*themed(60))
    folder = model.save(tmp_path / "classes")
    texts = themed(5)[0]
    loaded = load(folder, cell=narrow)
    np.testing.assert_array_equal(loaded.predict_proba(texts), model.predict_proba(texts))
    with pytest.raises(ModelFileError, match="give it"):
        load(folder)


def test_what_texts_without_labels_teach_is_known_to_the_classifier() -> None:
    """Words stand beside words of their own kind; most of them are in no labelled text."""
    random = np.random.default_rng(0)
    kinds = [[f"{letter}{number}" for number in range(20)] for letter in "xy"]
    # The kind is not to be seen in how a word is written.
    names = {word: f"w{n}" for n, word in enumerate(random.permutation(np.concatenate(kinds)))}

    def texts(count: int, first: int, last: int) -> tuple[list[str], list[str]]:
        rows = [random.choice(kinds[row % 2][first:last], 6) for row in range(count)]
        return [" ".join(names[w] for w in row) for row in rows], [
            "xy"[r % 2] for r in range(count)
        ]

    labelled, unseen, unlabelled = texts(80, 0, 6), texts(80, 6, 20), texts(600, 0, 20)[0]
    options = {
        **WRITER, "layers": 1, "dropout": 0.0, "weight_dropout": 0.0, "max_steps": 120, "learning_rate": 0.02,
        "hidden_size": 16, "embedding": 16, "batch_tokens": 512,
    }  # fmt: skip
    language = Generator(**options).fit(unlabelled)
    small = {**CLASSES, "max_steps": 40, "ngrams": 0, "test": 0}
    scratch = Classifier(hidden_size=16, embedding=16, **small).fit(*labelled)
    begun_with = Classifier(start=language, **small).fit(*labelled)
    assert accuracy(begun_with, unseen) > 0.9 > 0.7 > accuracy(scratch, unseen)


def test_a_start_is_told_by_its_weights(language: Generator, tmp_path: Path) -> None:
    there, here = Start.of(language.save(tmp_path)), Start.of(language)
    other = Start.of(writer(seed=1))
    assert there is not None
    assert here is not None
    assert other is not None
    assert there.digest == here.digest != other.digest
