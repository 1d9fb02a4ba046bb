"""A baseline kept with a model answers as it did, without its training rows; damaged files are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from safetensors.torch import save
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from tests.tasks.test_classify_baselines import ALL, rows_of, sequences, texts
from unrolled.tasks.baselines import CLASSIFY_BASELINES, Logistic, Majority, TfidfLogistic
from unrolled.tasks.baselines import logistic as logistic_module
from unrolled.tasks.baselines.logistic import tuned_regression
from unrolled.tasks.baselines.majority import ClassifyBaseline


def kept(baseline: ClassifyBaseline) -> Any:
    """Return the baseline after its way through the two files of a saved model."""
    config, arrays = baseline.saved()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return type(baseline).restored(json.loads(json.dumps(config)), load(save(tensors)))


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
@pytest.mark.parametrize(("kind", "name"), ALL)
def test_kept_baselines_answer_as_before(kind: str, name: str, classes: int) -> None:
    inputs, labels = rows_of(kind, 120, 0, min(classes, 3))
    # One class more than there are rows of.
    fitted = CLASSIFY_BASELINES[kind][name]().fit(inputs, labels, classes=classes + 1)
    again, test = kept(fitted), rows_of(kind, 40, 2)[0]
    np.testing.assert_array_equal(again.predict(test), fitted.predict(test))
    assert again.predict([]).shape == (0, classes + 1)
    assert again.saved()[0] == fitted.saved()[0]


def test_every_class_against_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_module, "MOST_WEIGHTS", 0)
    fitted = TfidfLogistic().fit(*texts(200, 0, 3), *texts(50, 1, 3), classes=3)
    assert fitted.saved()[0]["model"]["form"] == "one_vs_rest"
    test = texts(40, 2, 3)[0]
    np.testing.assert_array_equal(kept(fitted).predict(test), fitted.predict(test))


@pytest.mark.parametrize(
    "train",
    [
        ["房间很大", "房间不错", "服务很差", "太吵\n很差"],
        ["Müller", "Nguyễn", "O'Brien", "Łódź"],
        ["half a \ud800 pair", "\ud800\udc00 and both", "\x00 nothing", "ǅ İ ß"],
        ["", " ", "", ""],
        ["only one", "only one", "only one", "only one"],
    ],
)
def test_terms_of_all_scripts_and_none(train: list[str]) -> None:
    fitted = TfidfLogistic().fit(train * 5, [0, 0, 1, 1] * 5, classes=2)
    asked = [*train, "new", ""]
    np.testing.assert_array_equal(kept(fitted).predict(asked), fitted.predict(asked))


def test_what_was_noted_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_module, "MOST_CELLS", 15 * 40)
    note = kept(Logistic().fit(*sequences(100, 0), classes=2)).note
    assert note == "fitted on 40 of 100 rows, drawn at random"


def test_sequences_of_one_length_and_of_others() -> None:
    rows = list(np.random.default_rng(0).normal(size=(50, 4, 2)).astype(np.float32))
    fitted = Logistic().fit(rows, [0, 1] * 25, classes=2)
    asked = [rows[0], rows[1][:2], np.zeros((0, 2), np.float32), np.tile(rows[2], (2, 1))]
    np.testing.assert_array_equal(kept(fitted).predict(asked), fitted.predict(asked))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("form", ["dense", "joint", "one by one"])
def test_probabilities_are_those_of_scikit_learn(
    form: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logistic_module, "MOST_WEIGHTS", 0 if form == "one by one" else 10**6)
    random = np.random.default_rng(0)
    labels = random.integers(classes, size=200)
    columns: Any = 3.0 * random.normal(size=(200, 6)) + labels[:, None] * np.arange(6)
    columns = columns if form == "dense" else csr_matrix(columns)
    ours = tuned_regression(columns, labels, columns[:0], labels[:0], classes=classes, grid=(1.0,))
    solver = "lbfgs" if form == "dense" or (form == "joint" and classes > 2) else "liblinear"
    model: Any = LogisticRegression(C=1.0, solver=solver, max_iter=300, random_state=0)
    if solver == "liblinear" and classes > 2:
        model = OneVsRestClassifier(model)
    expected = model.fit(columns, labels).predict_proba(columns)
    np.testing.assert_allclose(ours.predict(columns), expected, atol=1e-5)


def test_a_row_that_every_class_rejects_has_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_module, "MOST_WEIGHTS", 0)
    columns, labels = csr_matrix(np.eye(3).repeat(5, axis=0)), np.arange(3).repeat(5)
    model = tuned_regression(columns, labels, columns[:0], labels[:0], classes=3, grid=(10.0,))
    answer = model.predict(csr_matrix([[-1e4, -2e4, -3e4]]))
    np.testing.assert_allclose(answer.sum(axis=1), 1.0)


def test_many_entries_choose_the_penalty_on_some_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, labels = csr_matrix(np.eye(4)[np.arange(80) % 4]), np.arange(80) % 4
    assert len(logistic_module._tuned_rows(columns, labels, 0)) == 80
    monkeypatch.setattr(logistic_module, "MOST_TUNED_ENTRIES", 80)  # of 80 entries x 4 scores
    assert len(logistic_module._tuned_rows(columns, labels, 0)) == 20
    monkeypatch.setattr(logistic_module, "MOST_TUNED_ENTRIES", 0)
    assert (
        len(logistic_module._tuned_rows(columns, labels, 0)) == 80
    )  # one class alone tells nothing


def test_only_the_majority_is_calibrated_whatever_it_learned() -> None:
    named = {kind.name for of in CLASSIFY_BASELINES.values() for kind in of.values()
             if kind.calibrated_by_construction}  # fmt: skip
    assert named == {Majority.name}


def without(name: str) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    return lambda config, arrays: (config.pop(name, None), arrays.pop(name, None))


def with_array(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any], object]:
    return lambda config, arrays: arrays.update({name: change(arrays[name])})


def with_entry(name: str, value: Any) -> Callable[[Any, Any], object]:
    return lambda config, arrays: config.update({name: value})


OF_ALL = {
    "no classes": without("classes"),
    "classes as text": with_entry("classes", "2"),
    "more classes": with_entry("classes", 3),
    "no note": with_entry("note", None),
    "no shares": without("shares"),
    "shares that do not sum to 1": with_array("shares", lambda shares: shares * 2),
    "shares below 0": with_array("shares", lambda shares: np.array([-1.0, 2.0])),
}
OF_MODELS = {
    "no model": without("model"),
    "another form": with_entry("model", {"form": "tree", "C": 1.0}),
    "a form of more scores": with_entry("model", {"form": "softmax", "C": 1.0}),
    "no C": with_entry("model", {"form": "binary"}),
    "coefficients in float64": with_array("coefficients", lambda old: old.astype(np.float64)),
    "coefficients not finite": with_array("coefficients", lambda old: old * np.float32(np.nan)),
    "fewer coefficients": with_array("coefficients", lambda old: old[1:]),
    "no intercept": with_array("intercepts", lambda old: old[:0]),
}
OF_TEXTS = {
    "another form of text": with_entry("text_form", "verses"),
    "no terms": without("terms"),
    "fewer letters": with_array("terms", lambda old: old[1:]),
    "no UTF-8": with_array("terms", lambda old: old | 128),
    "the same letters": with_array("terms", lambda old: old * 0 + 97),
    "lengths below 0": with_array("term_lengths", lambda old: old * -1),
    "fewer idf": with_array("idf", lambda old: old[1:]),
}
OF_NUMBERS = {
    "other steps": with_entry("steps", 3),
    "steps as text": with_entry("steps", "3"),
    "no mean": without("mean"),
    "spread of 0": with_array("spread", lambda old: old * 0),
    "spread of another shape": with_array("spread", lambda old: old[:, None]),
}
DAMAGES = {
    ("text", "majority"): OF_ALL,
    ("text", "tfidf_logistic"): {**OF_ALL, **OF_MODELS, **OF_TEXTS},
    ("numbers", "logistic"): {**OF_ALL, **OF_MODELS, **OF_NUMBERS},
}


@pytest.mark.parametrize(
    ("kind", "name", "damage"), [(*of, damage) for of, some in DAMAGES.items() for damage in some]
)
def test_what_is_damaged_is_refused(kind: str, name: str, damage: str) -> None:
    fitted = CLASSIFY_BASELINES[kind][name]().fit(*rows_of(kind, 60, 0), classes=2)
    config, arrays = fitted.saved()
    type(fitted).restored(config, arrays)
    DAMAGES[kind, name][damage](config, arrays)
    with pytest.raises((KeyError, ValueError)):
        type(fitted).restored(config, arrays)
