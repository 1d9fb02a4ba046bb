"""The options of a translator: each wrong one is refused when it is given, and what is chosen where none was given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.text_pairs import made, turned
from unrolled import GRU
from unrolled.errors import InputError, OptionError
from unrolled.tasks.translate import TranslateSettings, Translator
from unrolled.tasks.translate.settings import (
    EPOCHS,
    read_options,
    training_settings,
    with_usual,
)
from unrolled.train.settings import TrainSettings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hiden_size": 3}, "hidden_size"),
        ({"learning_rat": 3}, "learning_rate"),
        ({"cell": "gruu"}, "'gru'"),
        ({"cell": "Transformer"}, "'transformer'"),
        ({"cell": GRU(3, 3)}, "the class itself"),
        ({"cell": 3}, "cell=3"),
        ({"batch_size": 32}, r"batch_size=32; expected .*batch_tokens=N \(--batch-tokens N\)"),
        ({"units": "word"}, "'words'"),
        ({"units": None}, "units=None"),
        (
            {"attention": "luong"},
            "attention='luong' does not exist; expected one of general, .*none",
        ),
        ({"attention": None}, "attention=None"),
        ({"select": "blue"}, "'bleu'"),
        ({"tokenize": "moses"}, "tokenize='moses' does not exist; expected one of 13a"),
        ({"tokenize": 3}, "tokenize=3"),
        ({"source": 3}, "source=3"),
        ({"vocabulary": 0}, "vocabulary=0"),
        ({"vocabulary": "8k"}, "vocabulary='8k'"),
        (
            {"units": "bpe", "vocabulary": 247},
            "vocabulary=247 with units='bpe'; expected at least 248",
        ),
        (
            {"units": "words", "vocabulary": 4},
            "vocabulary=4 with units='words'; expected at least 5",
        ),
        ({"hidden_size": 1}, "hidden_size=1; expected a whole number of at least 2"),
        ({"hidden_size": 8.0}, r"hidden_size=8\.0"),
        ({"embedding": 0}, "embedding=0"),
        ({"layers": 0}, "layers=0"),
        ({"encoder_layers": True}, "encoder_layers=True"),
        ({"heads": 0}, "heads=0"),
        ({"heads": 3, "attention": "multi_head"}, "heads=3 with hidden_size=8"),
        (
            {"heads": 3, "attention": "multi_head", "hidden_size": None},
            "heads=3 with hidden_size=512",
        ),
        ({"cell": "transformer", "hidden_size": 12}, "heads=4 with hidden_size=12"),
        ({"hidden_size": 9, "attention": "dot"}, "hidden_size=9 with attention='dot'"),
        ({"hidden_size": 9, "attention": "scaled"}, "hidden_size=9 with attention='scaled'"),
        ({"input_feeding": 1}, "input_feeding=1"),
        ({"input_feeding": True, "attention": "none"}, "input_feeding=True with attention='none'"),
        ({"cell": "transformer", "input_feeding": True}, "input_feeding=True with cell="),
        ({"cell": "transformer", "attention": "additive"}, "attention='additive' with cell="),
        ({"shared": "yes"}, "shared='yes'"),
        ({"dropout": 1.0}, r"dropout=1\.0; expected a probability below 1"),
        ({"word_dropout": -0.1}, r"word_dropout=-0\.1"),
        ({"bpe_dropout": float("nan"), "units": "bpe"}, "bpe_dropout=nan"),
        ({"bpe_dropout": 0.1, "units": "words"}, r"bpe_dropout=0\.1 with units='words'"),
        ({"label_smoothing": "0.1"}, r"label_smoothing='0\.1'"),
        ({"batch_tokens": 0}, "batch_tokens=0"),
        ({"max_length": 0}, "max_length=0"),
        ({"beam": 0}, "beam=0"),
        ({"length_penalty": -1}, "length_penalty=-1"),
        ({"length_penalty": float("nan")}, "length_penalty=nan"),
        ({"length_penalty": float("inf")}, "length_penalty=inf"),
        ({"length_penalty": 10.5}, r"length_penalty=10\.5; expected a number from 0 to 10"),
        ({"validation": -0.1}, r"validation=-0\.1; expected a share of the rows below 1"),
        ({"test": "0.2"}, r"test='0\.2'"),
        ({"epochs": 0}, "epochs=0"),
        ({"average": 1.0}, r"average=1\.0"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**63}, f"seed={2**63}"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_when_the_translator_is_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        made(**options)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_with_the_pairs_shows_before_anything_is_trained() -> None:
    with pytest.raises(OptionError, match=r"select='bleu' without a validation part.*--validation"):
        made(select="bleu", validation=0).fit(turned())
    made(select="bleu", validation=0, max_steps=1).fit(turned(), validation=turned(5, seed=1))
    with pytest.raises(OptionError, match=r"test=1\.5; expected a share of the rows below 1"):
        made(test=1.5).fit(turned())
    with pytest.raises(OptionError, match="made a int; expected a Layer"):
        made(lambda features, units: 3).fit(turned())
    with pytest.raises(OptionError, match="'xx' "):
        made(source="xx").fit({"source": ["da"] * 9, "target": ["re"] * 9})


def test_numbers_of_numpy_and_paths_are_as_welcome(tmp_path: Path) -> None:
    made(seed=np.int64(3), max_steps=np.int32(2)).fit(turned(30)).save(tmp_path)


def test_the_greatest_seed_is_a_seed() -> None:
    assert made(seed=2**63 - 1, dropout=0.1, max_steps=2).fit(turned(30)).translate("da")


def test_options_are_parted_and_kept() -> None:
    own, training = read_options({"layers": 2, "epochs": 3, "beam": 4, "seed": 4})
    assert own == TranslateSettings(layers=2, beam=4)
    assert training == {"epochs": 3, "seed": 4}


@pytest.mark.parametrize("options", [{}, {"shared": True, "tokenize": "none", "dropout": 0.0}])
def test_settings_come_back_from_what_a_file_holds(options: dict[str, Any]) -> None:
    settings = TranslateSettings(**options)
    assert TranslateSettings(**json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.mark.parametrize("units", ["bpe", "unigram", "characters", "words"])
@pytest.mark.parametrize("pairs", [10, 9_999, 10_000, 1_000_000])
def test_nothing_is_left_open(units: str, pairs: int) -> None:
    settings = with_usual(TranslateSettings(units=units), pairs=pairs, one_script=True)
    left_open = {name for name, value in settings.as_dict().items() if value is None}
    assert left_open == {"source", "target", "tokenize"}
    assert settings.shared is True
    given = TranslateSettings(units=units, vocabulary=500, hidden_size=6, shared=False)
    kept = with_usual(given, pairs=pairs, one_script=True)
    assert (kept.vocabulary, kept.hidden_size, kept.shared) == (500, 6, False)


def chosen(batches: int, **given: Any) -> TrainSettings:
    return training_settings(given, batches=batches, tokens=4_000 * batches)


def test_epochs_are_bounded_by_what_there_is() -> None:
    least, most = EPOCHS
    assert chosen(1).epochs == most
    assert chosen(1_000_000).epochs == least
    assert least < (chosen(200).epochs or 0) < most
    assert chosen(100, epochs=3).epochs == 3
    steps = chosen(100, max_steps=700)
    assert (steps.max_steps, steps.epochs) == (700, None)
    both = chosen(100, max_steps=700, epochs=2)
    assert (both.max_steps, both.epochs) == (700, 2)


def test_what_is_given_is_taken() -> None:
    given = chosen(100, learning_rate=0.5, optimizer="sgd", patience=None, average=0.0)
    assert (given.learning_rate, given.optimizer) == (0.5, "sgd")
    assert (given.patience, given.average) == (None, 0.0)
    assert chosen(100, evaluate_every=9).evaluate_every == 9


def test_the_warmup_is_a_part_of_the_training() -> None:
    assert chosen(3).warmup_steps == 3 * (chosen(3).epochs or 0) // 4 == 30
    assert chosen(1_000, max_steps=100).warmup_steps == 25
    assert chosen(1_000).warmup_steps == 400
    assert chosen(3, warmup_steps=300).warmup_steps == 300
    assert chosen(3, epochs=None, max_minutes=1).warmup_steps == 400


@pytest.mark.parametrize("batches", [1, 7, 300, 5_000])
def test_validation_is_looked_at_some_twenty_times_or_every_fifty_steps(batches: int) -> None:
    settings = chosen(batches)
    total = batches * (settings.epochs or 0)
    assert settings.evaluate_every == min(max(total // 20, 50), total)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_share_is_an_option_of_the_model(part: str) -> None:
    with pytest.raises(InputError, match=f"say how many are held out.*{part}=0.1"):
        Translator().fit([], **{part: 0.1})
