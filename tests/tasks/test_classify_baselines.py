"""What holds for every baseline of classification, and what those of texts and of numbers can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from unrolled.data.script import text_form
from unrolled.errors import InputError, ShapeError
from unrolled.tasks.baselines import CLASSIFY_BASELINES, Logistic, Majority, TfidfLogistic
from unrolled.tasks.baselines import logistic as logistic_module
from unrolled.tasks.baselines import tfidf as tfidf_module
from unrolled.tasks.baselines.logistic import tuned_regression
from unrolled.tasks.class_scores import class_scores
from unrolled.tasks.scores import BASELINE_ORDER

ALL = [(kind, name) for kind, of_kind in CLASSIFY_BASELINES.items() for name in of_kind]
FILLING = ("the", "a", "of", "film", "and", "this", "it", "that", "was")
TOLD_BY = (("good", "fine"), ("bad", "dull"), ("long", "short"))


def texts(rows: int, seed: int, classes: int = 2) -> tuple[list[str], np.ndarray]:
    """Return texts in which one word in nine tells the class, and is right in nine of ten."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    written = []
    for label in labels:
        said = label if random.random() < 0.9 else random.integers(classes)
        words = [*random.choice(FILLING, 8), random.choice(TOLD_BY[said])]
        written.append(" ".join(random.permutation(words)))
    return written, labels


def sequences(rows: int, seed: int, classes: int = 2) -> tuple[list[np.ndarray], np.ndarray]:
    """Return sequences (T_i, 2) whose class moves the first feature; T_i varies."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    steps = random.integers(3, 9, size=rows)
    moved = [
        random.normal(size=(t, 2)) + np.array([y, 0]) for t, y in zip(steps, labels, strict=True)
    ]
    return [values.astype(np.float32) for values in moved], labels


def rows_of(kind: str, rows: int, seed: int, classes: int = 2) -> tuple[Sequence[Any], np.ndarray]:
    return (texts if kind == "text" else sequences)(rows, seed, classes)


def accuracy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return class_scores(truth, probabilities)["accuracy"]


def test_names_are_those_of_the_score_table() -> None:
    assert {kind: list(names) for kind, names in CLASSIFY_BASELINES.items()} == {
        "text": ["majority", "tfidf_logistic"],
        "numbers": ["majority", "logistic"],
    }
    assert {name for _, name in ALL} <= set(BASELINE_ORDER)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("kind", "name"), ALL)
def test_probabilities_of_new_rows(kind: str, name: str, classes: int) -> None:
    train, validation = rows_of(kind, 300, 0, classes), rows_of(kind, 60, 1, classes)
    test, truth = rows_of(kind, 200, 2, classes)
    baseline = CLASSIFY_BASELINES[kind][name]().fit(*train, *validation, classes=classes)
    answer = baseline.predict(test)
    assert answer.shape == (200, classes)
    assert answer.dtype == np.float64
    np.testing.assert_allclose(answer.sum(axis=1), 1.0)
    np.testing.assert_allclose(baseline.predict(test[7:9]), answer[7:9])
    assert baseline.predict([]).shape == (0, classes)
    assert baseline.note == ""
    again = CLASSIFY_BASELINES[kind][name]().fit(*train, *validation, classes=classes)
    np.testing.assert_array_equal(again.predict(test), answer)
    least = {"majority": 0.25, "tfidf_logistic": 0.85, "logistic": 0.65}
    assert accuracy(truth, answer) > least[name]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_class_without_a_training_row_has_no_probability(kind: str, name: str) -> None:
    train, validation = rows_of(kind, 60, 0, 2), rows_of(kind, 40, 1, 3)
    labels = 2 * train[1]  # classes 0 and 2 of 4; the validation part knows of 1
    answer = CLASSIFY_BASELINES[kind][name]().fit(train[0], labels, *validation, classes=4)
    probabilities = answer.predict(train[0])
    assert (probabilities[:, [1, 3]] == 0).all()
    assert (probabilities[:, [0, 2]] > 0).all()


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_single_row_a_single_class_and_a_class_of_one_row(kind: str, name: str) -> None:
    inputs, _ = rows_of(kind, 12, 0)
    make = CLASSIFY_BASELINES[kind][name]
    assert make().fit(inputs[:1], [1], classes=2).predict(inputs[:2]).tolist() == [[0, 1]] * 2
    assert (
        make().fit(inputs, [1] * 12, inputs, [1] * 12, classes=2).predict(inputs) == [0, 1]
    ).all()
    one = make().fit(inputs, [0] * 11 + [1], classes=2).predict(inputs)
    assert (one > 0).all()


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_what_cannot_be_fitted_on_is_refused(kind: str, name: str) -> None:
    inputs, labels = rows_of(kind, 12, 0)
    make = CLASSIFY_BASELINES[kind][name]
    with pytest.raises(InputError, match="there is no row to fit the baselines on"):
        make().fit([], [], classes=2)
    with pytest.raises(ShapeError, match=r"labels have shape \(11,\); expected \(12,\)"):
        make().fit(inputs, labels[1:], classes=2)
    with pytest.raises(ShapeError, match=r"validation_labels have shape \(0,\)"):
        make().fit(inputs, labels, inputs, classes=2)
    with pytest.raises(ShapeError, match="labels from 0 to 1; expected class numbers from 0 to 0"):
        make().fit(inputs, labels, classes=1)


def test_majority_gives_the_shares() -> None:
    answer = Majority().fit(["a", "b", "c", "d"], [2, 0, 2, 2], classes=3).predict(["a", ""])
    assert answer.tolist() == [[0.25, 0.0, 0.75]] * 2


def test_rows_are_predicted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    train, labels = texts(100, 0)
    whole = TfidfLogistic().fit(train, labels, classes=2).predict(train)
    monkeypatch.setattr("unrolled.tasks.baselines.majority.BLOCK", 7)
    pieces = TfidfLogistic().fit(train, labels, classes=2).predict(train)
    np.testing.assert_allclose(pieces, whole)


@pytest.mark.parametrize(
    ("given", "form"),
    [
        (["the film is fine", "no"], "words"),
        (["房间很大，不错", "service is ok 服务很好，地点方便"], "characters"),
        (["部屋はとても広い", "よかった"], "characters"),
        (["ห้องกว้างมาก", "ดี"], "characters"),
        (["방이 아주 넓다", "좋은 호텔"], "words"),
        (["Rossi", "Nguyen", "", "Kim"], "names"),
        (["Rossi", "van der Berg", "Kim"], "words"),
        (["", " "], "words"),
        ([], "words"),
    ],
)
def test_form_of_texts(given: list[str], form: str) -> None:
    assert text_form(given) == form


def test_the_form_does_not_depend_on_the_first_texts() -> None:
    assert text_form(["ok"] * 3000 + ["房间很大服务很好地点方便"] * 30_000) == "characters"


@pytest.mark.parametrize("words", ["", "   ", "\n"])
def test_texts_without_a_word_leave_the_majority(words: str) -> None:
    baseline = TfidfLogistic().fit([words] * 10, [0] * 7 + [1] * 3, [words], [1], classes=2)
    np.testing.assert_allclose(baseline.predict(["", "new"]), [[0.7, 0.3]] * 2)


def test_where_every_word_is_rare_the_majority_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_module, "RARE", 4)
    baseline = TfidfLogistic().fit(["a b", "c d", "e f", "g h"], [0, 0, 0, 1], classes=2)
    np.testing.assert_allclose(baseline.predict(["a"]), [[0.75, 0.25]])


def test_empty_texts_among_others_and_new_words() -> None:
    train, labels = texts(200, 0)
    answer = TfidfLogistic().fit([*train, ""], [*labels, 0], ["", "good"], [0, 0], classes=2)
    probabilities = answer.predict(["", "zebra", "good fine", "bad dull"])
    np.testing.assert_allclose(probabilities[0], probabilities[1])
    assert probabilities[2, 0] > 0.9 and probabilities[3, 1] > 0.9


def test_signs_and_pairs_of_words_are_read() -> None:
    plain = ["is it good", "it is good"] * 20
    order = TfidfLogistic().fit(plain, [0, 1] * 20, classes=2).predict(plain[:2])
    assert order[0, 0] > 0.8 and order[1, 1] > 0.8
    signs = ["good ?", "good !"] * 20
    told = TfidfLogistic().fit(signs, [0, 1] * 20, classes=2).predict(["good ?", "good !"])
    assert told[0, 0] > 0.8 and told[1, 1] > 0.8


def test_chinese_is_told_apart_by_its_characters() -> None:
    train = ["房间很大", "房间不错", "服务很差", "太吵很差"] * 10
    answer = TfidfLogistic().fit(train, [0, 0, 1, 1] * 10, classes=2).predict(["不错的地方", "差"])
    assert answer[0, 0] > 0.5 and answer[1, 1] > 0.5


def test_many_rows_are_drawn_from_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    train, labels = texts(400, 0)
    test, truth = texts(200, 2)
    monkeypatch.setattr(tfidf_module, "MOST_ROWS", 150)
    by_rows = TfidfLogistic().fit(train, labels, *texts(50, 1), classes=2, seed=5)
    assert by_rows.note == "fitted on 150 of 400 rows, drawn at random"
    assert accuracy(truth, by_rows.predict(test)) > 0.8
    monkeypatch.setitem(tfidf_module.MOST_CHARACTERS, "words", sum(map(len, train[:100])))
    by_size = TfidfLogistic().fit(train, labels, classes=2)
    assert 80 < int(by_size.note.split()[2]) < 120
    other = TfidfLogistic().fit(train, labels, classes=2, seed=1)
    assert (by_size.predict(test) != other.predict(test)).any()


def test_the_penalty_is_chosen_on_validation_rows() -> None:
    """Where the labels are noise the strongest penalty is best; where a word tells them, a weak one."""
    train, labels = texts(300, 0)
    noise = np.random.default_rng(0).integers(2, size=(2, 300))
    lost = TfidfLogistic().fit(train, noise[0], train, noise[1], classes=2)
    sure = [
        f"{said} {text}" for said, text in zip(np.array(["x", "y"])[labels], train, strict=True)
    ]
    won = TfidfLogistic().fit(sure, labels, sure, labels, classes=2)
    assert min(TfidfLogistic._grid) == lost._model.C
    assert max(TfidfLogistic._grid) == won._model.C


def test_of_many_rows_some_choose_the_penalty_and_all_are_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, validation = rows_of("numbers", 300, 0), rows_of("numbers", 60, 1)
    monkeypatch.setattr(logistic_module, "MOST_TUNED", 150)
    some = Logistic().fit(*train, *validation, classes=2)
    monkeypatch.setattr(Logistic, "_grid", (some._model.C,))
    again = Logistic().fit(*train, classes=2)
    np.testing.assert_allclose(some.predict(validation[0]), again.predict(validation[0]))


@pytest.mark.parametrize("most", [logistic_module.MOST_WEIGHTS, 0])
def test_joint_and_one_against_the_rest(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_module, "MOST_WEIGHTS", most)
    random = np.random.default_rng(0)
    labels = random.integers(3, size=300)
    values = csr_matrix(np.eye(3)[labels] * 3 + random.normal(size=(300, 3)))
    model = tuned_regression(
        values[:200], labels[:200], values[200:], labels[200:], classes=5, grid=(0.1, 1.0)
    )
    assert model.form == ("softmax" if most else "one_vs_rest")
    answer = model.predict(values)
    np.testing.assert_allclose(answer.sum(axis=1), 1.0)
    assert accuracy(labels, answer) > 0.85


def test_values_count_where_lengths_are_equal_and_moments_where_not() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 6, 1)).astype(np.float32)
    labels = (rows[:, 2, 0] > 0).astype(int)  # only the third value tells
    equal = Logistic().fit(list(rows[:300]), labels[:300], classes=2)
    assert accuracy(labels[300:], equal.predict(list(rows[300:]))) > 0.9
    longer = [np.concatenate([row, row]) for row in rows[300:]]
    assert accuracy(labels[300:], equal.predict(longer)) > 0.5  # read up to the known length
    assert np.isfinite(equal.predict([rows[0, :3], rows[0, :0]])).all()

    lengths = random.integers(2, 9, size=300)
    ragged = [random.normal(size=(steps, 2)) for steps in lengths]
    by_length = Logistic().fit(ragged, (lengths > 4).astype(int), classes=2)
    assert accuracy((lengths > 4).astype(int), by_length.predict(ragged)) > 0.9


def test_sequences_that_are_empty_constant_or_not_finite() -> None:
    rows, labels = sequences(80, 0)
    odd = [np.zeros((0, 2)), np.full((4, 2), 7.0), np.full((3, 2), np.nan), np.full((1, 2), np.inf)]
    odd = [values.astype(np.float32) for values in odd]
    baseline = Logistic().fit([*rows, *odd], [*labels, 0, 1, 0, 1], odd, [0, 1, 0, 1], classes=2)
    assert np.isfinite(baseline.predict([*odd, *rows])).all()
    constant = Logistic().fit([odd[1]] * 4, [0, 0, 0, 1], classes=2).predict([odd[1]])
    np.testing.assert_allclose(constant, [[0.75, 0.25]], atol=0.01)


def test_units_do_not_matter() -> None:
    rows, labels = sequences(120, 0)
    moved = [1000.0 * row - 5000.0 for row in rows]
    plain = Logistic().fit(rows, labels, *sequences(40, 1), classes=2)
    other = Logistic().fit(
        moved,
        labels,
        [1000.0 * r - 5000.0 for r in sequences(40, 1)[0]],
        sequences(40, 1)[1],
        classes=2,
    )
    np.testing.assert_allclose(other.predict(moved), plain.predict(rows), atol=2e-3)


def test_a_large_table_is_drawn_from_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = sequences(100, 0)
    monkeypatch.setattr(logistic_module, "MOST_CELLS", 15 * 40)
    assert (
        Logistic().fit(rows, labels, classes=2).note == "fitted on 40 of 100 rows, drawn at random"
    )
