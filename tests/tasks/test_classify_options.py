"""What the options of a classifier do: weights of classes, word vectors, pooling, dropout, calibration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.labelled_rows import accuracy, made, ordered, same_weights, themed, waves, weights
from unrolled.data.labelled import read_labelled
from unrolled.errors import InputError, OptionError
from unrolled.tasks.classify import Classifier
from unrolled.tasks.classify.fitting import FittingTask, class_weights, prepare
from unrolled.tasks.classify.parts import part_rows
from unrolled.tasks.classify.settings import ClassifySettings
from unrolled.tasks.classify.training import fit_temperature


def prepared(data: Any, **options: Any) -> FittingTask:
    model = made(**options)
    rows = read_labelled(data)
    parts = part_rows(rows, model.settings, 0)
    return prepare(model.cell, model.settings, model.train_options, rows, parts)


# Weights of classes.


def rare(rows: int = 240, seed: int = 0) -> tuple[list[str], list[str]]:
    """Return texts of which one in eight is rare, and "sign", which is in most of these and in some others."""
    random = np.random.default_rng(seed)
    labels = ["rare" if row % 8 == 0 else "often" for row in range(rows)]
    signs = random.random(rows) < np.where(np.array(labels) == "rare", 0.8, 0.2)
    return [f"{random.choice(['the', 'a'])} {'sign' if s else 'film'}" for s in signs], labels


def recall(class_weights: Any) -> float:
    """Return the share of the rare rows that are found."""
    options: dict[str, Any] = {"class_weights": class_weights, "max_steps": 60, "dropout": 0.0}
    model = made(word_dropout=0.0, patience=None, evaluate_every=60, **options).fit(*rare())
    texts, labels = rare(seed=1)
    found = model.predict(texts)["label"].to_list()
    return np.mean([f == "rare" for f, y in zip(found, labels, strict=True) if y == "rare"])


def test_weights_of_classes_shift_what_is_found() -> None:
    assert recall(None) == 0
    assert 0.6 < recall("balanced") < 1
    assert 0.6 < recall({"rare": 6}) < 1
    assert recall({"rare": 1000}) == 1
    assert recall({"often": 1000.0}) == 0


def test_weights_of_classes_are_1_on_average_over_the_rows() -> None:
    labels, classes = np.array([0, 0, 0, 1]), ("a", "b", "never")
    assert class_weights(ClassifySettings(), classes, labels) is None
    balanced = class_weights(ClassifySettings(class_weights="balanced"), classes, labels)
    assert balanced.tolist() == pytest.approx([2 / 3, 2, 0])
    given = class_weights(ClassifySettings(class_weights={"b": 5}), classes, labels)
    assert given.tolist() == pytest.approx([0.5, 2.5, 0.5])


def test_labels_that_are_numbers_are_weighted_by_numbers() -> None:
    rows, labels = waves(60)
    one = made(class_weights={1: 3}).fit(rows, labels)
    assert same_weights(one, made(class_weights={"1": 3.0}).fit(rows, labels))
    assert not same_weights(one, made().fit(rows, labels))


def test_a_weight_of_a_label_that_does_not_occur_is_refused() -> None:
    with pytest.raises(OptionError, match=r"label 'good'; expected labels that occur: neg, pos"):
        made(class_weights={"good": 2}).fit(*themed(60))


# Word vectors.


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "words.vec"
    path.write_text("4 3\nfilm 0.5 -1 2\nfine 1 0.25 -3\ndull 0 0 1\nnever 9 9 9\n")
    return path


def test_word_vectors_begin_the_embedding(vectors: Path) -> None:
    task = prepared(themed(60), embedding=None, vectors=str(vectors))
    rows = task.network.read.weight.detach()
    number = {word: k for k, word in enumerate(task.reader.tokenizer.vocabulary())}
    assert rows.shape == (len(number), 3)
    assert rows[number["film"]].tolist() == [0.5, -1, 2]
    assert rows[number["fine"]].tolist() == [1, 0.25, -3]
    assert rows[number["dull"]].tolist() == [0, 0, 1]
    assert "never" not in number
    others = [k for word, k in number.items() if word not in ("film", "fine", "dull")]
    found = torch.tensor([[0.5, -1, 2], [1, 0.25, -3], [0, 0, 1]])
    assert 0.5 < float(rows[others].std() / found.std()) < 1.5
    without = prepared(themed(60), embedding=3)
    assert not rows.allclose(without.network.read.weight)


def test_word_vectors_are_trained_further_and_saved(vectors: Path, tmp_path: Path) -> None:
    model = made(embedding=None, vectors=str(vectors)).fit(*themed(60))
    rows = weights(model)["body.layers.0.weight"]
    assert rows.shape[1] == 3
    folder = model.save(tmp_path / "model")
    vectors.unlink()
    loaded = Classifier.load(folder)
    assert loaded.predict(["a fine film"]).equals(model.predict(["a fine film"]))


def test_vectors_of_another_dimension_or_language_are_refused(
    vectors: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"embedding=8; expected 3, as in .*words\.vec"):
        prepared(themed(60), vectors=str(vectors))
    assert prepared(themed(60), embedding=3, vectors=str(vectors)).network.sizes.embedding == 3
    with pytest.raises(InputError, match=r"nowhere\.vec"):
        prepared(themed(60), vectors=str(tmp_path / "nowhere.vec"))
    other = tmp_path / "other.vec"
    other.write_text("1 3\nnever 9 9 9\n")
    with pytest.raises(InputError, match="none of the"):
        prepared(themed(60), vectors=str(other))


# What the network is made of.


def test_words_are_read_by_the_units_that_are_asked_for() -> None:
    texts, labels = themed(60)
    for units in ("words", "characters", "bpe"):
        model = made(units=units, max_steps=2).fit(texts, labels)
        assert model.fitted.reader.tokenizer.units == units
        assert np.isfinite(model.predict_proba(["a fine film"])).all()
    assert len(made(vocabulary=5, max_steps=2).fit(texts, labels).fitted.reader.tokenizer) == 5


def test_rare_words_are_kept_of_few_rows() -> None:
    texts, labels = themed(60)
    task = prepared(([f"once{k} {text}" for k, text in enumerate(texts)], labels))
    assert "once0" in task.reader.tokenizer.vocabulary()
    many = prepared(([f"once{k} {t}" for k, t in enumerate(texts * 25)], labels * 25))
    words = many.reader.tokenizer.vocabulary()
    assert "fine" in words and not any(word.startswith("once") for word in words)


def test_pools_are_named_by_a_text_or_a_list() -> None:
    same = [
        made(pooling=p, max_steps=2).fit(*themed(60)) for p in ("last + mean", ["last", "mean"])
    ]
    assert same[0].settings.pooling == ("last", "mean")
    assert same_weights(*same)
    assert weights(same[0])["answer.weight"].shape == (2, 2 * 16)
    only = made(pooling="attention", max_steps=2, bidirectional=False).fit(*themed(60))
    assert weights(only)["answer.weight"].shape == (2, 8)


def test_ngrams_are_as_long_as_asked_for_and_never_of_numbers() -> None:
    for ngrams, parts in ((0, False), (1, True), (3, True)):
        network = prepared(themed(60), ngrams=ngrams).network
        assert (network.ngrams is not None) == parts
        assert network.sizes.ngrams == ngrams
    assert prepared(themed(60)).network.sizes.ngrams == 2
    assert prepared((["Kim", "Rossi", "Li"] * 20, ["k", "i", "c"] * 20)).network.sizes.ngrams == 3
    assert prepared(waves(60)).network.ngrams is None


@pytest.mark.parametrize(
    ("option", "value"),
    [("units", "words"), ("vectors", "a.vec"), ("vocabulary", 99), ("ngrams", 2)],
)
def test_options_of_texts_are_refused_for_numbers(option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option):
        prepared(waves(60), **{option: value})


def test_dropout_is_chosen_by_the_units_or_given() -> None:
    chosen = prepared(themed(60)).network
    assert (chosen.dropout.p, chosen.word_dropout.p) == (0.5, 0.3)
    given = prepared(themed(60), dropout=0.25, word_dropout=0.0).network
    assert (given.dropout.p, given.word_dropout.p) == (0.25, 0.0)
    numbers = prepared(waves(60)).network
    assert (numbers.dropout.p, numbers.word_dropout) == (0.1, None)


def test_layers_and_directions_are_as_many_as_asked_for() -> None:
    def parameters(**options: Any) -> int:
        network = prepared(themed(60), ngrams=0, **options).network
        return sum(p.numel() for p in network.layer.parameters())

    one, both = parameters(bidirectional=False), parameters()
    assert both == 2 * one
    gates = 3 * 8 * (8 + 8 + 2)
    assert one == gates
    assert parameters(bidirectional=False, layers=3) == 3 * gates


# Calibration.


def test_an_overfitted_network_is_made_less_sure_of_itself() -> None:
    texts, labels = ordered(240)
    random = np.random.default_rng(0)
    wrong = random.random(240) < 0.3
    other = {"cat first": "dog first", "dog first": "cat first"}
    labels = [other[y] if w else y for y, w in zip(labels, wrong, strict=True)]
    texts = [f"{text} w{random.integers(60)} v{random.integers(60)}" for text in texts]
    held = (texts[120:], labels[120:])
    options: dict[str, Any] = {
        "dropout": 0.0, "word_dropout": 0.0, "weight_decay": 0.0, "patience": None, "test": 0,
        "max_steps": 150, "evaluate_every": 150,
    }  # fmt: skip
    model = made(**options).fit(texts[:120], labels[:120], validation=held)
    fitted = model.fitted
    assert fitted.temperature > 1.5
    np.testing.assert_allclose(model.predict_proba(held[0]).sum(1), 1)
    surprise = model.evaluate(held, baselines=())["scores"]["model"]
    raw = made(**options)
    raw._fitted = dataclasses.replace(fitted, temperature=1.0)
    before = raw.evaluate(held, baselines=())["scores"]["model"]
    assert surprise["cross_entropy"] < 0.8 * before["cross_entropy"]
    assert surprise["ece"] < before["ece"]
    assert surprise["accuracy"] == before["accuracy"]


def test_few_validation_rows_calibrate_nothing() -> None:
    assert made(validation=49).fit(*themed(120)).fitted.temperature == 1
    assert made(validation=50).fit(*themed(120)).fitted.temperature != 1


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_how_sharp_scores_are(sharpness: float) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn(4000, 3, generator=generator, dtype=torch.float64)
    truth = torch.multinomial(scores.softmax(-1), 1, generator=generator).squeeze(1)
    assert fit_temperature(sharpness * scores, truth) == pytest.approx(sharpness, rel=0.07)


def test_the_temperature_has_bounds() -> None:
    sure = torch.tensor([[1.0, 0.0]] * 60, dtype=torch.float64)
    right, wrong = torch.zeros(60, dtype=torch.int64), torch.ones(60, dtype=torch.int64)
    assert fit_temperature(sure, right) == pytest.approx(0.2, rel=0.01)
    assert fit_temperature(sure, wrong) == pytest.approx(10, rel=0.01)


def test_accuracy_is_not_changed_by_the_temperature() -> None:
    model = made(validation=50, max_steps=60).fit(*themed(200))
    assert accuracy(model) > 0.9


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_share_is_an_option_of_the_model(part: str) -> None:
    with pytest.raises(InputError, match=f"say how many are held out.*{part}=0.1"):
        Classifier().fit([], **{part: 0.1})
