"""What the verbs of training hand on: every parameter is an option of the model by that name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from unrolled.cli.train_classify import train_classify
from unrolled.cli.train_generate import train_generate
from unrolled.cli.train_tag import train_tag
from unrolled.cli.train_translate import train_translate
from unrolled.tasks.classify.settings import ClassifySettings
from unrolled.tasks.generate.settings import GenerateSettings
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.translate.settings import TranslateSettings
from unrolled.train.settings import TrainSettings

OF_THE_COMMAND = {"data", "output", "resume", "language", "as_json"}


@pytest.mark.parametrize(
    ("verb", "settings"),
    [
        (train_classify, ClassifySettings),
        (train_tag, TagSettings),
        (train_translate, TranslateSettings),
        (train_generate, GenerateSettings),
    ],
)
def test_every_parameter_is_an_option_of_the_model(
    verb: Callable[..., None], settings: type[Any]
) -> None:
    known = {field.name for kind in (settings, TrainSettings) for field in fields(kind)}
    known |= {"cell", "start"} | OF_THE_COMMAND
    assert set(inspect.signature(verb).parameters) <= known
