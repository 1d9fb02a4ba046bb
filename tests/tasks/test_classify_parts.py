"""What a classifier is fitted on, stopped on and scored on: no part knows of what another holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.tasks.labelled_rows import accuracy, made, same_weights, themed, waves
from unrolled.data.labelled import read_labelled
from unrolled.data.partition import stratified_parts
from unrolled.errors import InputError, OptionError
from unrolled.tasks.classify.parts import part_rows
from unrolled.tasks.classify.settings import ClassifySettings


def with_word(word: str, texts: list[str], rows: np.ndarray) -> list[str]:
    marked = set(rows.tolist())
    return [f"{word} {text}" if row in marked else text for row, text in enumerate(texts)]


def test_the_test_part_is_not_looked_at() -> None:
    texts, labels = themed()
    held = stratified_parts(labels, validation=0.1, test=0.2, seed=0).test
    assert len(held) == 24
    one = made().fit(texts, labels)
    other = made().fit(with_word("zebra", texts, held), labels)
    assert same_weights(one, other)
    assert one.fitted.temperature == other.fitted.temperature
    assert one.evaluate()["rows"] == other.evaluate()["rows"] == 24
    one.evaluate()
    assert all(text.startswith("zebra") for text in other.outcome.inputs)


def test_nor_is_a_test_part_of_ones_own() -> None:
    data = themed()
    one = made().fit(*data, test=themed(30, seed=1))
    other = made().fit(*data, test=(["zebra"] * 9, ["pos", "neg", "new"] * 3))
    assert same_weights(one, other)
    assert (one.evaluate()["rows"], other.evaluate()["rows"]) == (30, 9)
    assert other.evaluate()["unseen"] == 3
    # Nothing else is held out for the test then.
    assert len(one.fitted.train_hashes) == 120 - 12


def test_words_and_ngrams_are_those_of_the_training_part() -> None:
    texts, labels = themed()
    parts = stratified_parts(labels, validation=0.1, test=0.2, seed=0)
    one = made(max_steps=1).fit(texts, labels)
    marked = with_word("zebra", texts, np.concatenate([parts.validation, parts.test]))
    other = made(max_steps=1).fit(marked, labels)
    assert "zebra" not in other.fitted.reader.tokenizer.vocabulary()
    assert same_weights(one, other)  # the importance of every n-gram is among them
    third = made(max_steps=1).fit(with_word("zebra", texts, parts.train), labels)
    assert "zebra" in third.fitted.reader.tokenizer.vocabulary()


def test_the_scale_of_numbers_is_that_of_the_training_part() -> None:
    rows, labels = waves()
    parts = stratified_parts([str(y) for y in labels], validation=0.1, test=0.2, seed=0)
    held = set(np.concatenate([parts.validation, parts.test]).tolist())
    scaled = [row * 1000 if k in held else row for k, row in enumerate(rows)]
    read = made(max_steps=1).fit(scaled, labels).fitted.network.read
    values = np.concatenate([rows[row] for row in parts.train])
    np.testing.assert_allclose(read.mean, values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(read.spread, values.std(0), rtol=1e-5)


def test_a_number_that_never_changes_does_not_matter() -> None:
    rows, labels = waves(60)
    model = made().fit([np.stack([row[:, 0], np.full(len(row), 7.0)], 1) for row in rows], labels)
    assert float(model.fitted.network.read.spread[1]) == 1
    assert np.isfinite(model.predict_proba([np.array([[50.0, 7.0]])])).all()


def test_every_part_has_its_share_of_every_class() -> None:
    texts, _ = themed(200)
    labels = ["rare" if row % 10 == 0 else "often" for row in range(200)]
    rows = read_labelled((texts, labels))
    parts = part_rows(rows, ClassifySettings(validation=0.2, test=0.3), seed=0)
    counts = [np.bincount(p.labels).tolist() for p in (parts.train, parts.validation, parts.test)]
    assert parts.classes == ("often", "rare")
    assert counts == [[90, 10], [36, 4], [54, 6]]
    three = (parts.train, parts.validation, parts.test)
    places = [part.where(row) for part in three for row in range(len(part))]
    assert len(set(places)) == 200
    row = int(parts.test.where(7).rsplit(" ", 1)[1])
    assert (parts.test.inputs[7], parts.classes[parts.test.labels[7]]) == (texts[row], labels[row])
    other = part_rows(rows, ClassifySettings(validation=0.2, test=0.3), seed=1)
    assert list(other.test.inputs) != list(parts.test.inputs)


def test_validation_rows_of_ones_own_stop_the_training() -> None:
    data = themed()
    model = made(test=0).fit(*data, validation=themed(30, seed=1))
    assert len(model.fitted.train_hashes) == 120
    assert model.training.best_score is not None
    wrong = themed(30, seed=1)
    wrong = (wrong[0], ["pos" if y == "neg" else "neg" for y in wrong[1]])
    options = {"max_steps": 200, "evaluate_every": 5, "patience": 2, "test": 0}
    stopped = made(**options).fit(*data, validation=wrong)
    assert stopped.training.steps < 100
    # A label that the network cannot answer says nothing of when to stop.
    mixed = ([*wrong[0], "what"], [*wrong[1], "mixed"])
    assert same_weights(made(**options).fit(*data, validation=mixed), stopped)


def test_without_validation_all_steps_are_taken() -> None:
    for data in (themed(60), waves(60)):
        model = made(validation=0, test=0).fit(*data)
        assert model.training.steps == 20
        assert model.training.best_score is None
        assert model.fitted.temperature == 1
        assert len(model.fitted.train_hashes) == 60


def test_rows_of_the_training_part_that_come_again_are_counted() -> None:
    texts, labels = themed()
    again = [texts[0].upper(), f"  {texts[1]} ", texts[2]]
    test = ([*again, "new film", ""], ["pos", "neg", "pos", "neg", "pos"])
    model = made(validation=0).fit([*texts, ""], [*labels, "pos"], test=test)
    assert model.evaluate()["duplicates"] == 3
    rows, numbers = waves(60)
    model = made(validation=0).fit(rows, numbers, test=([*rows[:2], rows[2] + 1], numbers[:3]))
    assert model.evaluate()["duplicates"] == 2


def test_labels_that_are_new_count_as_wrong_and_are_named() -> None:
    model = made(max_steps=60).fit(*themed())
    texts = themed(18, seed=1)[0]
    labels = model.predict(texts)["label"].to_list()
    assert accuracy(model, (texts, labels)) == 1
    result = model.evaluate(([*texts, "a", "b"], [*labels, "mixed", "strange"]))
    assert result["scores"]["model"]["accuracy"] == pytest.approx(18 / 20)
    assert result["unseen"] == 2
    assert result["classes"] == ["neg", "pos", "mixed", "strange"]
    assert result["scores"]["majority"]["accuracy"] <= 18 / 20
    assert len(model.notes) == 1
    assert "row 18: 2 rows" in model.notes[0]
    assert "(mixed, strange)" in model.notes[0]
    assert model.outcome.probabilities.shape == (20, 4)
    assert model.evaluate((texts, labels))["unseen"] == 0
    assert model.notes == ()


def test_rows_whose_labels_are_all_new_are_refused() -> None:
    model = made(max_steps=1).fit(*themed(60))
    with pytest.raises(
        InputError, match=r"row 0: none of the labels was trained on: yes.*neg, pos"
    ):
        model.evaluate((["a", "b"], ["yes", "yes"]))


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match=r"all 60 rows have the label 'x'.*two classes"):
        made().fit(themed(60)[0], ["x"] * 60)


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(OptionError, match="hold out 60 of 60 rows"):
        made(validation=0.5, test=0.5).fit(*themed(60))


def test_a_class_with_one_row_is_trained_on() -> None:
    texts, labels = themed(60)
    for seed in range(3):
        model = made(max_steps=2, seed=seed).fit([*texts, "odd"], [*labels, "single"])
        assert model.classes == ("neg", "pos", "single")
        assert any("one row only" in note and "single" in note for note in model.notes)
        assert np.bincount(model._parts.train.labels, minlength=3)[2] == 1


def test_the_test_part_of_an_npz_file_is_used(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 6))
    file = tmp_path / "rows.npz"
    y = (x[:, 0] > 0).astype(int)
    np.savez(file, x=x[:60], y=y[:60], x_test=x[60:], y_test=y[60:])
    model = made().fit(file)
    assert len(model.fitted.train_hashes) == 54
    assert model.evaluate()["rows"] == 30
    np.testing.assert_allclose(
        np.squeeze(np.array(model.outcome.inputs)), x[60:].astype(np.float32)
    )
    np.testing.assert_array_equal(model.outcome.truth, y[60:])
    # Rows of one's own come before it.
    assert made(max_steps=1).fit(file, test=(x[:7], y[:7])).evaluate()["rows"] == 7


def test_empty_texts_are_rows_like_others() -> None:
    texts, labels = themed(60)
    model = made().fit([*texts, *[""] * 40], [*labels, *["pos"] * 40])
    alone = model.predict_proba([""])
    assert np.isfinite(alone).all()
    for rows in (["", " \n"], [texts[0], ""], ["", texts[1], texts[0] * 30]):
        np.testing.assert_allclose(model.predict_proba(rows)[rows.index("")], alone[0], atol=1e-6)
    assert model.evaluate((["", "fine film"], ["pos", "pos"]))["rows"] == 2
    streaming = made(bidirectional=False, max_steps=1).fit(*themed(60)).stream()
    assert streaming.push("").shape == (0, 2)


def test_empty_rows_of_numbers_are_rows_like_others() -> None:
    rows, labels = waves(60)
    model = made().fit([*rows, *[np.zeros((0, 2))] * 40], [*labels, *[0] * 40])
    alone = model.predict_proba([np.zeros((0, 2))])
    mixed = model.predict_proba([rows[0], np.zeros((0, 2))])
    np.testing.assert_allclose(mixed[1], alone[0], atol=1e-6)


def test_one_token_and_five_thousand_stand_together() -> None:
    texts, labels = themed(60)
    long = "film " * 4999 + "dull"
    model = made(max_length=50).fit([*texts, long, "fine"], [*labels, "neg", "pos"])
    rows = ["fine", long, "a dull film", ""]
    alone = np.concatenate([model.predict_proba([row]) for row in rows])
    np.testing.assert_allclose(model.predict_proba(rows), alone, atol=1e-6)
    model.evaluate((rows, ["pos", "neg", "neg", "neg"]))
    assert model.outcome.lengths.tolist() == [1, 5000, 3, 0]  # before it is cut


def test_of_a_long_row_the_head_and_the_tail_are_read() -> None:
    model = made(max_length=5).fit(*themed(60))
    long = "the film of " + "fine " * 100 + "dull plot"
    np.testing.assert_array_equal(
        model.predict_proba([long]), model.predict_proba(["the film of dull plot"])
    )
    assert (model.predict_proba([long]) != model.predict_proba(["the film fine dull plot"])).any()
    whole = made(max_length=200).fit(*themed(60))
    assert (whole.predict_proba([long]) != whole.predict_proba(["the film of dull plot"])).any()
    numbers = made(max_length=4).fit(*waves(60))
    row = np.arange(20.0).reshape(10, 2)
    ends = row[[0, 1, 8, 9]]
    np.testing.assert_array_equal(numbers.predict_proba([row]), numbers.predict_proba([ends]))


def test_no_row_has_no_probability() -> None:
    model = made(max_steps=1).fit(*themed(60))
    none = pl.DataFrame({"text": []}, schema={"text": pl.String})
    with pytest.raises(InputError, match="no rows"):
        model.predict_proba(none)


def test_labels_that_all_differ_are_no_classes() -> None:
    texts, _ = themed(60)
    numbers = [str(row / 7) for row in range(60)]
    with pytest.raises(InputError, match="60 of 60 labels occur once") as caught:
        made().fit(texts, numbers)
    assert "--label" in str(caught.value)


def test_a_file_that_brings_rows_for_the_test_is_scored_by_them(tmp_path: Path) -> None:
    (inputs, labels), (held, truth) = waves(60), waves(20, seed=1)
    place = tmp_path / "waves.npz"
    cut = [np.stack([row[:4] for row in part]) for part in (inputs, held)]
    np.savez(place, x=cut[0], y=labels, x_test=cut[1], y_test=truth)
    model = made(max_steps=2).fit(place)
    assert any("20 rows that the file brings" in note for note in model.notes)
    assert model.evaluate()["rows"] == model.evaluate(place)["rows"] == 20
