"""`unrolled train classify`."""

from __future__ import annotations

from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.options import given, page_language, part_or_file
from unrolled.cli.training import finish, fit, refuse_to_overwrite


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
    vocabulary: Annotated[
        int | None, typer.Option(help="The most units that are told apart.")
    ] = None,
    vectors: Annotated[
        str | None, typer.Option(metavar="FILE", help="Word vectors (GloVe, word2vec, fastText).")
    ] = None,
    layers: shared.Layers = None,
    bidirectional: Annotated[
        bool | None,
        typer.Option("--bidirectional/--no-bidirectional", help="Read in both directions."),
    ] = None,
    hidden_size: shared.HiddenSize = None,
    embedding: Annotated[int | None, typer.Option(help="Size of a unit's vector.")] = None,
    pooling: Annotated[
        str | None, typer.Option(help="last, mean, max, attention; several: max,mean.")
    ] = None,
    ngrams: Annotated[
        int | None, typer.Option(help="Order of the linear part beside the layers; 0: none.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read of a row; longer: head and tail.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Of what layers read and give.")] = None,
    word_dropout: Annotated[float | None, typer.Option(help="Of whole tokens.")] = None,
    class_weights: Annotated[
        str | None, typer.Option(help="balanced: every class counts the same in the loss.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Kept for the score: share, rows, or a FILE of its own.")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="To stop training on: share, rows, or a FILE of its own.")
    ] = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: Annotated[int | None, typer.Option(help="Bound on the training.")] = None,
    learning_rate: shared.LearningRate = None,
    batch_size: shared.BatchSize = None,
    weight_decay: Annotated[float | None, typer.Option()] = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a classifier of texts or number sequences: a model folder with its scores beside the baselines and a report to open."""
    from unrolled.tasks.classify import Classifier

    parts = given(test=part_or_file(test), validation=part_or_file(validation))
    files = {name: value for name, value in parts.items() if isinstance(value, str)}
    options = given(
        start=start, units=units, vocabulary=vocabulary, text=text, label=label, vectors=vectors, layers=layers,
        bidirectional=bidirectional, hidden_size=hidden_size, embedding=embedding,
        pooling=pooling, ngrams=ngrams, max_length=max_length, dropout=dropout,
        word_dropout=word_dropout, class_weights=class_weights, max_minutes=max_minutes,
        max_steps=max_steps, epochs=epochs, learning_rate=learning_rate, batch_size=batch_size,
        weight_decay=weight_decay, seed=seed, threads=threads,
        **{name: value for name, value in parts.items() if name not in files},
    )  # fmt: skip
    spoken = page_language(language)
    refuse_to_overwrite(output, resume)
    classifier = Classifier(cell, **options)
    told = fit(
        classifier, data, output, cell=str(classifier.cell), resume=resume, as_json=as_json, **files
    )
    finish(
        classifier, output, task="classify", has_test=classifier.has_test_part,
        language=spoken, as_json=as_json, told=told,
    )  # fmt: skip
