"""Settings are checked when they are made, and each error names the option, the value and what was expected."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from unrolled.errors import OptionError
from unrolled.train import settings as module
from unrolled.train.settings import TrainSettings, refuse_other_settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs=0; expected a whole number of at least 1 or None"),
        ({"epochs": 2.5}, "epochs=2.5; expected a whole number"),
        ({"batch_size": None}, "batch_size=None; expected a whole number of at least 1"),
        ({"patience": True}, "patience=True; expected a whole number"),
        ({"seed": -1}, "seed=-1; expected a whole number of at least 0"),
        ({"seed": 2**63}, "at least 0 and at most 9223372036854775807"),
        ({"threads": 5_000_000}, "at least 1 and at most 1024 or None"),
        ({"learning_rate": 0}, "learning_rate=0; expected a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan; expected a number above 0"),
        ({"learning_rate": float("inf")}, "learning_rate=inf; expected a number above 0"),
        ({"learning_rate": "0.1"}, "learning_rate='0.1'; expected a number above 0"),
        ({"clip_norm": -1.0}, "clip_norm=-1.0; expected a number above 0 or None"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1; expected a number of at least 0"),
        ({"momentum": 1.0}, "momentum=1.0; expected a number of at least 0 and below 1"),
        ({"plateau_factor": 1.0}, "plateau_factor=1.0; expected a number above 0 and below 1"),
        ({"optimizer": "adm"}, "optimizer='adm' does not exist; expected one of adam, adamw, sgd"),
        ({"schedule": "cosin"}, "did you mean 'cosine'?"),
        ({"epochs": None}, "training would never end"),
        ({"average": 1.0}, "average=1.0; expected a number of at least 0 and below 1"),
        ({"warm_up_steps": 10}, "'warm_up_steps' does not exist; did you mean 'warmup_steps'?"),
        ({"xyz": 10}, "training option 'xyz' does not exist; expected one of epochs, max_steps"),
    ],
)
def test_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        TrainSettings.from_options(**options)


def test_every_number_is_checked() -> None:
    texts = {"optimizer", "schedule"}
    names = {field.name for field in dataclasses.fields(TrainSettings)}
    assert names == set(module._WHOLE) | set(module._NUMBERS) | texts
    for name in sorted(names):
        with pytest.raises(OptionError, match=name):
            TrainSettings.from_options(**{name: "?"})


def test_numbers_of_numpy_are_pythons_afterwards() -> None:
    settings = TrainSettings(epochs=np.int64(3), learning_rate=np.float32(0.5), clip_norm=2)  # type: ignore[arg-type]
    assert (type(settings.epochs), type(settings.learning_rate)) == (int, float)
    assert type(settings.clip_norm) is float


def test_settings_cannot_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings().epochs = 3  # type: ignore[misc]


def test_only_bounds_may_be_raised() -> None:
    saved = dataclasses.asdict(TrainSettings(epochs=3, max_steps=10, max_minutes=1.0))
    refuse_other_settings(saved, TrainSettings(epochs=4, max_steps=None, max_minutes=2), "here")
    for name, value in (("epochs", 2), ("max_steps", 9), ("max_minutes", 0.5), ("seed", 1)):
        settings = TrainSettings(**{"epochs": 3, "max_steps": 10, "max_minutes": 1, name: value})
        with pytest.raises(OptionError, match=f"here: .* other settings: {name} was"):
            refuse_other_settings(saved, settings, "here")
    with pytest.raises(OptionError, match="new_option was 1 and is now None"):
        refuse_other_settings(saved | {"new_option": 1}, TrainSettings(**saved), "here")


def test_bounds_left_out_are_named_with_their_options() -> None:
    saved = dataclasses.asdict(TrainSettings(epochs=None, max_steps=30))
    with pytest.raises(OptionError, match=r"give max_steps=30 \(--max-steps\) or higher"):
        refuse_other_settings(saved, TrainSettings(epochs=200), "here")


def test_a_raised_bound_may_change_how_often_a_run_is_evaluated_and_its_warmup() -> None:
    saved = dataclasses.asdict(TrainSettings(epochs=3, evaluate_every=10, warmup_steps=5))
    more = {"evaluate_every": 20, "warmup_steps": 9}
    refuse_other_settings(saved, TrainSettings(epochs=6, **more), "here")
    with pytest.raises(OptionError, match="evaluate_every was 10 and is now 20, warmup_steps was"):
        refuse_other_settings(saved, TrainSettings(epochs=3, **more), "here")
