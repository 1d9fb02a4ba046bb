"""`unrolled train generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.training import train


def train_generate(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="Text files, a folder, CSV, TSV, JSON, JSONL or Parquet, - for stdin; novels, poems or any texts.",
        ),
    ],
    output: shared.Folder,
    text: Annotated[
        str | None, typer.Option(help="Column of the texts, if called otherwise.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="A text of a plain file is the whole file, or one of its lines or paragraphs."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="text: long ones, gone through; documents: many short ones. By default as they are."
        ),
    ] = None,
    cell: Annotated[str, typer.Option(help="rnn, lstm, gru, ..., or transformer.")] = "gru",
    units: Annotated[
        str | None,
        typer.Option(
            help="characters, bpe, unigram or words; by default bpe where much text has spaces."
        ),
    ] = None,
    vocabulary: shared.Vocabulary = None,
    layers: shared.Layers = None,
    hidden_size: shared.HiddenSize = None,
    embedding: shared.Embedding = None,
    heads: Annotated[int | None, typer.Option(help="Of a transformer.")] = None,
    tied: Annotated[
        bool | None,
        typer.Option("--tied/--no-tied", help="One table for what is read and written."),
    ] = None,
    dropout: shared.Dropout = None,
    embedding_dropout: Annotated[float | None, typer.Option(help="Of units' vectors.")] = None,
    weight_dropout: Annotated[float | None, typer.Option(help="Of recurrent weights.")] = None,
    activation: Annotated[float | None, typer.Option(help="Penalty on large outputs.")] = None,
    temporal: Annotated[float | None, typer.Option(help="Penalty on outputs that change.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Units through which gradients go back in a long text.")
    ] = None,
    max_length: Annotated[int | None, typer.Option(help="Units that are written at most.")] = None,
    keep_text: Annotated[
        bool | None,
        typer.Option(
            "--keep-text/--no-keep-text",
            help="Keep the training text with the model, to tell what is copied; the n-gram model holds its tokens in any case.",
        ),
    ] = None,
    test: shared.Test = None,
    validation: shared.Validation = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: shared.Epochs = None,
    learning_rate: shared.LearningRate = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Units of a batch.")] = None,
    patience: shared.Patience = None,
    weight_decay: shared.WeightDecay = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a language model on texts, which writes more of the kind: a model folder with its scores beside the n-gram model and a report."""
    train("generate", locals(), read=files_of)


def files_of(data: list[str]) -> str | tuple[Path, ...]:
    """Return one file, or - for stdin, as it is; several together.

    >>> files_of(["-"]), len(files_of(["one.txt", "two.txt"]))
    ('-', 2)
    """
    return data[0] if len(data) == 1 else tuple(map(Path, data))
