"""The options of a classifier: each wrong one is refused when it is given, and what is chosen where none was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.labelled_rows import made, themed
from unrolled import GRU
from unrolled.errors import OptionError
from unrolled.tasks.classify import Classifier, ClassifySettings
from unrolled.tasks.classify.settings import read_options, training_settings
from unrolled.train.settings import TrainSettings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hiden_size": 3}, "hidden_size"),
        ({"learning_rat": 3}, "learning_rate"),
        ({"cell": "gruu"}, "'gru'"),
        ({"cell": GRU(3, 3)}, "the class itself"),
        ({"cell": 3}, "cell=3"),
        ({"units": "word"}, "'words'"),
        ({"pooling": "maxx"}, "'max'"),
        ({"pooling": "max+men"}, "'mean'"),
        ({"pooling": ["max", "most"]}, "one of last, mean, max, attention"),
        ({"pooling": []}, r"pooling=\[\]; expected one or several of last, mean"),
        ({"pooling": ""}, "one of last, mean, max, attention"),
        ({"hidden_size": 0}, "hidden_size=0; expected a whole number of at least 1"),
        ({"hidden_size": True}, "hidden_size=True"),
        ({"hidden_size": 8.0}, r"hidden_size=8\.0"),
        ({"layers": 0}, "layers=0"),
        ({"embedding": -1}, "embedding=-1"),
        ({"vocabulary": 0}, "vocabulary=0"),
        ({"max_length": 0}, "max_length=0"),
        ({"ngrams": 6}, "ngrams=6; expected a whole number from 0 to 5"),
        ({"ngrams": -1}, "ngrams=-1"),
        ({"ngrams": True}, "ngrams=True"),
        ({"dropout": 1.0}, r"dropout=1\.0; expected a probability below 1"),
        ({"word_dropout": -0.1}, r"word_dropout=-0\.1"),
        ({"dropout": float("nan")}, "dropout=nan"),
        ({"class_weights": "balance"}, "'balanced'"),
        ({"class_weights": {"pos": 0}}, r"class_weights\['pos'\]=0; expected a number above 0"),
        ({"class_weights": {"pos": "2"}}, r"class_weights\['pos'\]='2'"),
        ({"class_weights": {"pos": True}}, r"class_weights\['pos'\]=True"),
        ({"validation": -0.1}, r"validation=-0\.1; expected a share of the rows below 1"),
        ({"validation": float("nan")}, "validation=nan"),
        ({"test": True}, "test=True"),
        ({"test": "0.2"}, r"test='0\.2'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_a_wrong_option_is_refused_when_the_classifier_is_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        made(**options)
    assert "\n" not in str(caught.value)


OF_ANOTHER_KIND: list[dict[str, Any]] = [
    {"pooling": ()},
    {"pooling": 3},
    {"pooling": [1]},
    {"dropout": "0.5"},
    {"batch_size": "x"},
    {"class_weights": 5},
    {"class_weights": {"pos": float("nan")}},
    {"class_weights": {"pos": float("inf")}},
    {"bidirectional": "no"},
]


@pytest.mark.parametrize("options", OF_ANOTHER_KIND, ids=str)
def test_a_value_of_another_kind_is_refused_in_the_same_way(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        made(**options)


def test_numbers_of_numpy_are_as_welcome(tmp_path: Path) -> None:
    made(seed=np.int64(3), max_steps=np.int32(2)).fit(*themed(40)).save(tmp_path)


def test_what_is_wrong_of_the_parts_shows_with_the_rows() -> None:
    with pytest.raises(OptionError, match=r"test=1\.5; expected a share of the rows below 1"):
        made(test=1.5).fit(*themed(60))


def test_options_are_parted_and_kept() -> None:
    own, training = read_options({"layers": 2, "epochs": 3, "pooling": "last, max", "seed": 4})
    assert own == ClassifySettings(layers=2, pooling=("last", "max"))
    assert training == {"epochs": 3, "seed": 4}
    model = Classifier(layers=2, epochs=3)
    assert (model.settings.layers, model.train_options) == (2, {"seed": 0, "epochs": 3})


@pytest.mark.parametrize(
    "options",
    [{"class_weights": {1: 2, "b": 0.5}, "pooling": "last+max"}, {"ngrams": 0, "dropout": 0.0}, {}],
)
def test_settings_come_back_from_what_a_file_holds(options: dict[str, Any]) -> None:
    settings = ClassifySettings(**options)
    assert ClassifySettings(**settings.as_dict()) == settings
    assert isinstance(settings.as_dict()["pooling"], list)


def chosen(rows: int, steps: int, of_text: bool = True, **given: Any) -> TrainSettings:
    return training_settings(given, rows=rows, steps=steps, of_text=of_text)


@pytest.mark.parametrize(
    ("steps", "of_text", "epochs"),
    [
        (20_000, True, 8),  # 500 steps
        (0, True, 8),
        (1_500_000, True, 8),
        (100_000_000, True, 8),
        (20_000, False, 60),
        (400_000, False, 30),
        (100_000_000, False, 8),  # 500 steps
    ],
)
def test_epochs_are_bounded_by_what_is_read(steps: int, of_text: bool, epochs: int) -> None:
    assert chosen(2000, steps, of_text).epochs == epochs


@pytest.mark.parametrize(("steps", "epochs"), [(100_000, 6), (3_000_000, 5), (100_000_000, 4)])
def test_epochs_of_many_rows_are_bounded_by_what_is_read(steps: int, epochs: int) -> None:
    assert chosen(20_000, steps).epochs == epochs


@pytest.mark.parametrize(("rows", "epochs"), [(1, 500), (64, 250), (320, 50), (3200, 6)])
def test_few_rows_are_passed_over_until_enough_steps_are_made(rows: int, epochs: int) -> None:
    assert chosen(rows, 20 * rows).epochs == epochs


def test_what_is_given_is_taken() -> None:
    assert chosen(2000, 20_000, epochs=3).epochs == 3
    both = chosen(2000, 20_000, max_steps=7, epochs=3)
    assert (both.max_steps, both.epochs) == (7, 3)
    steps = chosen(2000, 20_000, max_steps=700)
    assert (steps.max_steps, steps.epochs, steps.evaluate_every) == (700, None, 46)
    given = chosen(2000, 20_000, learning_rate=0.5, optimizer="sgd", patience=None, warmup_steps=0)
    assert (given.learning_rate, given.optimizer) == (0.5, "sgd")
    assert (given.patience, given.warmup_steps) == (None, 0)
    assert chosen(2000, 20_000, evaluate_every=9).evaluate_every == 9


@pytest.mark.parametrize("rows", [64, 480, 8000, 320_000])
def test_validation_is_looked_at_fifteen_times(rows: int) -> None:
    settings = chosen(rows, 30_000)
    assert settings.epochs is not None
    steps = settings.epochs * -(-rows // 32)
    assert settings.evaluate_every == steps // 15


def test_validation_is_looked_at_fifteen_times_in_fewer_epochs() -> None:
    settings = chosen(30_000, 10_000_000)  # 938 steps an epoch
    assert settings.epochs == 4
    assert settings.evaluate_every == 4 * 938 // 15


@pytest.mark.parametrize("rows", [1, 31, 33, 100_000])
def test_warm_up_is_at_most_an_epoch_and_a_hundred_steps(rows: int) -> None:
    assert chosen(rows, 1000).warmup_steps == min(100, -(-rows // 32))


def test_a_few_steps_are_looked_at_once() -> None:
    assert chosen(2000, 20_000, max_steps=5).evaluate_every == 5
    assert chosen(1, 3, max_steps=100).evaluate_every == 20
