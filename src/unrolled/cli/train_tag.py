"""`unrolled train tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.training import train


def train_tag(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Tagged sentences in CoNLL columns, CoNLL-U, JSONL, CSV or Parquet; - for stdin.",
        ),
    ],
    output: shared.Folder,
    text: Annotated[
        str | None, typer.Option(help="Column of the tokens, or its number from 1.")
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(help="Column of the tags: its name (UPOS, XPOS, ...) or its number from 1."),
    ] = None,
    start: shared.From = None,
    cell: shared.CellName = "gru",
    characters: Annotated[
        bool | None,
        typer.Option(
            "--characters/--no-characters", help="Read the letters of words, by default so."
        ),
    ] = None,
    crf: Annotated[
        bool | None,
        typer.Option("--crf/--no-crf", help="Score whole sequences of tags; by default of spans."),
    ] = None,
    lowercase: Annotated[
        bool | None,
        typer.Option("--lowercase/--cased", help="Look words up without capitals."),
    ] = None,
    vocabulary: Annotated[int | None, typer.Option(help="The most words.")] = None,
    embedding: shared.Embedding = None,
    letter_size: Annotated[
        int | None, typer.Option(help="Size of what letters, or pairs of characters, say.")
    ] = None,
    hidden_size: shared.HiddenSize = None,
    layers: shared.Layers = None,
    bidirectional: shared.Bidirectional = None,
    dropout: shared.Dropout = None,
    word_dropout: Annotated[float | None, typer.Option(help="Of whole words.")] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read at once; a longer sentence in pieces.")
    ] = None,
    select: Annotated[
        str | None, typer.Option(help="The best weights are those of the score or of the loss.")
    ] = None,
    test: shared.Test = None,
    validation: shared.Validation = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: shared.Epochs = None,
    learning_rate: shared.LearningRate = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens of a batch.")] = None,
    patience: shared.Patience = None,
    weight_decay: shared.WeightDecay = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a tagger on sentences with a tag for every token: a model folder with its scores beside the baseline and a report."""
    train("tag", locals())
