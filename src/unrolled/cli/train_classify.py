"""`unrolled train classify`."""

from __future__ import annotations

from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.training import train


def train_classify(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="CSV, TSV, JSONL, Parquet, npz; a folder with one file or one folder a class; - for stdin.",
        ),
    ],
    output: shared.Folder,
    text: Annotated[
        str | None, typer.Option(help="Column of the text, or of the numbers' sequence.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column of the class.")] = None,
    start: shared.From = None,
    cell: Annotated[
        str | None, typer.Option(help="gru if not said; rnn, lstm, peephole_lstm, ...")
    ] = None,
    units: Annotated[
        str | None, typer.Option(help="words, characters or bpe; by default told by the texts.")
    ] = None,
    vocabulary: shared.Vocabulary = None,
    vectors: Annotated[
        str | None, typer.Option(metavar="FILE", help="Word vectors (GloVe, word2vec, fastText).")
    ] = None,
    layers: shared.Layers = None,
    bidirectional: shared.Bidirectional = None,
    hidden_size: shared.HiddenSize = None,
    embedding: shared.Embedding = None,
    pooling: Annotated[
        str | None, typer.Option(help="last, mean, max, attention; several: max,mean.")
    ] = None,
    ngrams: Annotated[
        int | None, typer.Option(help="Order of the linear part beside the layers; 0: none.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read of a row; longer: head and tail.")
    ] = None,
    dropout: shared.Dropout = None,
    word_dropout: shared.WordDropout = None,
    class_weights: Annotated[
        str | None, typer.Option(help="balanced: every class counts the same in the loss.")
    ] = None,
    test: shared.Test = None,
    validation: shared.Validation = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: shared.Epochs = None,
    learning_rate: shared.LearningRate = None,
    batch_size: shared.BatchSize = None,
    weight_decay: shared.WeightDecay = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a classifier of texts or number sequences: a model folder with its scores beside the baselines and a report to open."""
    train("classify", locals())
