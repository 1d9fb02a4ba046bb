"""`unrolled train generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.options import given, page_language, part_or_file
from unrolled.cli.training import finish, fit, refuse_to_overwrite


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
    vocabulary: Annotated[
        int | None, typer.Option(help="The most units that are told apart.")
    ] = None,
    layers: shared.Layers = None,
    hidden_size: shared.HiddenSize = None,
    embedding: Annotated[int | None, typer.Option(help="Size of a unit's vector.")] = None,
    heads: Annotated[int | None, typer.Option(help="Of a transformer.")] = None,
    tied: Annotated[
        bool | None,
        typer.Option("--tied/--no-tied", help="One table for what is read and written."),
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Of what layers read and give.")] = None,
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
    test: Annotated[
        str | None, typer.Option(help="Kept for the score: share, number, or a FILE.")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="To choose the weights by: share, number, or a FILE.")
    ] = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: Annotated[int | None, typer.Option(help="Bound on the training.")] = None,
    learning_rate: shared.LearningRate = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Units of a batch.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Evaluations without a better one that end the training.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option()] = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a language model on texts, which writes more of the kind: a model folder with its scores beside the n-gram model and a report."""
    from unrolled.tasks.generate import Generator

    parts = given(test=part_or_file(test), validation=part_or_file(validation))
    files = {name: value for name, value in parts.items() if isinstance(value, str)}
    options = given(
        text=text, split=split, kind=kind, units=units, vocabulary=vocabulary, layers=layers,
        hidden_size=hidden_size, embedding=embedding, heads=heads, tied=tied, dropout=dropout,
        embedding_dropout=embedding_dropout, weight_dropout=weight_dropout, activation=activation,
        temporal=temporal, steps=steps, max_length=max_length, keep_text=keep_text,
        max_minutes=max_minutes, max_steps=max_steps, epochs=epochs, learning_rate=learning_rate,
        batch_tokens=batch_tokens, patience=patience, weight_decay=weight_decay, seed=seed,
        threads=threads,
        **{name: value for name, value in parts.items() if name not in files},
    )  # fmt: skip
    spoken = page_language(language)
    refuse_to_overwrite(output, resume)
    generator = Generator(cell, **options)
    told = fit(
        generator, files_of(data), output, cell=cell, resume=resume, as_json=as_json, **files
    )
    finish(
        generator, output, task="generate", has_test=generator.has_test_part,
        language=spoken, as_json=as_json, told=told,
    )  # fmt: skip


def files_of(data: list[str]) -> str | tuple[Path, ...]:
    """Return one file, or - for stdin, as it is; several together.

    >>> files_of(["-"]), len(files_of(["one.txt", "two.txt"]))
    ('-', 2)
    """
    return data[0] if len(data) == 1 else tuple(map(Path, data))
