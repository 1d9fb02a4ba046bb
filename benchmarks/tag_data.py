"""The data sets of the tagging benchmarks, and the options that differ from the defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.variants import Recipe


class Parts(NamedTuple):
    """The files that are trained on, that choose the weights, and that are scored."""

    train: Path
    validation: Path
    test: Path


def parts(pattern: str) -> Callable[[Path], Parts]:
    """Return what gives the files of a data set: the pattern with train, dev and test in it."""

    def read(folder: Path) -> Parts:
        return Parts(*(folder / pattern.format(part) for part in ("train", "dev", "test")))

    return read


RECIPES: Mapping[str, Recipe] = {
    "resume_ner": Recipe(
        parts("resume_ner/{}.char.bmes"),
        "3,821 Chinese sentences of résumés, characters, entities of 8 types; parts as given",
        "biLSTM with pretrained vectors 94.4",
        metric="span_f1",
        seeds=3,
    ),
    "ud_english_lines": Recipe(
        parts("ud_english_lines/en_lines-ud-{}.conllu.xz"),
        "UD English LinES, universal parts of speech; parts as given",
        metric="accuracy",
        seeds=3,
    ),
}
"""By data set."""


def options_of(name: str, **variant: Any) -> dict[str, Any]:
    """Return the options of a data set and a variant of the network: those of the variant count most."""
    return {**RECIPES[name].options, **variant}
