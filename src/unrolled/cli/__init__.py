"""The command: thin verbs. What is heavy is imported inside the verb that needs it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from unrolled.cli.bench import bench
from unrolled.cli.look import look
from unrolled.cli.options import page_language
from unrolled.cli.output import note
from unrolled.cli.train_classify import train_classify
from unrolled.cli.train_forecast import train_forecast
from unrolled.cli.train_generate import train_generate
from unrolled.cli.train_tag import train_tag
from unrolled.cli.train_translate import train_translate
from unrolled.cli.use import demo, evaluate, predict
from unrolled.errors import InputError, UnrolledError

__all__ = ["app", "main", "page_language"]

app = typer.Typer(
    name="unrolled",
    help="Recurrent sequence models: from a file to a trained, scored and saved model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help needs 0.1 s, rich help 0.3 s
)
train = typer.Typer(
    no_args_is_help=True, help="Train a model on your own file.", rich_markup_mode=None
)
app.add_typer(train, name="train")

train.command("forecast", short_help="Train a forecaster of series.")(train_forecast)
train.command("classify", short_help="Train a classifier of texts or of sequences of numbers.")(
    train_classify
)
train.command("tag", short_help="Train a tagger of words: parts of speech, names, places.")(
    train_tag
)
train.command("translate", short_help="Train a translator, or a summariser, on pairs of texts.")(
    train_translate
)
train.command(
    "generate", short_help="Train a language model that writes: novels, poems, any texts."
)(train_generate)
app.command()(evaluate)
app.command(short_help="Forecast, classify, tag, translate or write with a saved model.")(predict)
app.command(short_help="Look inside a model while it reads, in the browser or as one page.")(look)
app.command(short_help="Forecast a real series, and show what networks remember.")(demo)
app.command(short_help="Time the kernels beside torch.nn on this machine.")(bench)


def main() -> None:
    """Run the command: exit 0, 1 when it failed, 2 on bad usage or bad input, with one line that says why."""
    try:
        app()
    except InputError as error:
        _fail(error, 2)
    except UnrolledError as error:
        _fail(error, 1)
    except BrokenPipeError:
        # The reader of the pipe has seen enough. Python would complain when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(error: Exception, status: int) -> NoReturn:
    note(f"unrolled: {error}")
    sys.exit(status)
