"""The options that verbs share, and what becomes of their values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.errors import InputError, OptionError, unknown_option

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a saved model.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
]
Language = Annotated[
    str | None,
    typer.Option(help="Of the report: en or zh; by default that of the environment (LANG)."),
]

Folder = Annotated[Path, typer.Option("-o", "--output", help="The model's folder, to be made.")]
CellName = Annotated[str, typer.Option(help="rnn, lstm, gru, peephole_lstm, ...")]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="MODEL",
        help="Begin with a language model: the folder of `train generate`.",
    ),
]
HiddenSize = Annotated[int | None, typer.Option(help="Units of a layer.")]
Layers = Annotated[int | None, typer.Option(help="Recurrent layers.")]
MaxMinutes = Annotated[float | None, typer.Option(help="Bound on the training.")]
MaxSteps = Annotated[int | None, typer.Option(help="Bound on the training.")]
Epochs = Annotated[int | None, typer.Option(help="Bound on the training.")]
Patience = Annotated[
    int | None, typer.Option(help="Evaluations without a better one that end the training.")
]
LearningRate = Annotated[float | None, typer.Option()]
BatchSize = Annotated[int | None, typer.Option()]
WeightDecay = Annotated[float | None, typer.Option()]
Vocabulary = Annotated[int | None, typer.Option(help="The most units that are told apart.")]
Embedding = Annotated[int | None, typer.Option(help="Size of a unit's vector.")]
Dropout = Annotated[float | None, typer.Option(help="Of what layers read and give.")]
WordDropout = Annotated[float | None, typer.Option(help="Of whole units.")]
Bidirectional = Annotated[
    bool | None,
    typer.Option("--bidirectional/--no-bidirectional", help="Read in both directions."),
]
Test = Annotated[
    str | None, typer.Option(help="Kept for the score: share, number, or a FILE of its own.")
]
Validation = Annotated[
    str | None,
    typer.Option(help="To choose the weights by: share, number, or a FILE of its own."),
]
Seed = Annotated[int, typer.Option()]
Threads = Annotated[int | None, typer.Option(help="Of torch; chosen by shape.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where it was stopped.")]

LANGUAGES = ("en", "zh")


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; the others keep the defaults of whoever takes them."""
    return {name: value for name, value in options.items() if value is not None}


def names(text: str | None) -> tuple[str, ...] | None:
    """Return the names of a list with commas.

    >>> names("price, rain")
    ('price', 'rain')
    """
    return None if text is None else tuple(name.strip() for name in text.split(","))


def part(number: float | None) -> float | int | None:
    """Return a share below 1, or a number of rows as a whole number.

    >>> part(0.1), part(500.0)
    (0.1, 500)
    """
    return (
        int(number) if number is not None and number >= 1 and float(number).is_integer() else number
    )


def part_or_file(text: str | None) -> float | int | str | None:
    """Return a share or a number of rows, or else the name of a file.

    >>> part_or_file("0.2"), part_or_file("500"), part_or_file("test.csv")
    (0.2, 500, 'test.csv')
    """
    try:
        number = None if text is None else float(text)
    except ValueError:
        return text
    if text is not None and number is not None and number >= 1 and not text.strip().isdigit():
        raise OptionError(
            f"{text} is no part of the rows",
            expected="a share below 1, a whole number of rows, or the name of a file",
        )
    return part(number)


def page_language(language: str | None) -> str:
    """Return the language of a page: as given, else Chinese where the environment is.

    Raises:
        OptionError: there is no such language; said before anything is trained.
    """
    if language is not None:
        if language not in LANGUAGES:
            raise unknown_option("language", language, LANGUAGES)
        return language
    locale = next(
        (os.environ[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(k)), ""
    )
    return "zh" if locale.lower().startswith("zh") else "en"


def require_folder_of(file: Path) -> None:
    """Raise where ``file`` cannot be written, before its content is computed.

    Raises:
        InputError: its folder does not exist, or it is a folder itself.
    """
    if file.is_dir():
        raise InputError("is a folder", where=str(file), expected="a file to be written")
    if not os.access(file.parent, os.W_OK):
        raise InputError(
            "there is no such folder, or it cannot be written to",
            where=str(file.parent),
            expected=f"the folder that {file.name} is to be written into",
        )
