"""`unrolled train tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.options import given, page_language, part_or_file
from unrolled.cli.training import finish, fit, refuse_to_overwrite


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
    embedding: Annotated[int | None, typer.Option(help="Size of a word's vector.")] = None,
    letter_size: Annotated[
        int | None, typer.Option(help="Size of what letters, or pairs of characters, say.")
    ] = None,
    hidden_size: shared.HiddenSize = None,
    layers: shared.Layers = None,
    bidirectional: Annotated[
        bool | None,
        typer.Option("--bidirectional/--forward", help="Only a forward one can stream."),
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Of what layers read and give.")] = None,
    word_dropout: Annotated[float | None, typer.Option(help="Of whole words.")] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read at once; a longer sentence in pieces.")
    ] = None,
    select: Annotated[
        str | None, typer.Option(help="The best weights are those of the score or of the loss.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Kept for the score: share, sentences, or a FILE.")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="To choose the weights by: share, sentences, or a FILE.")
    ] = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: Annotated[int | None, typer.Option(help="Bound on the training.")] = None,
    learning_rate: shared.LearningRate = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens of a batch.")] = None,
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
    """Train a tagger on sentences with a tag for every token: a model folder with its scores beside the baseline and a report."""
    from unrolled.tasks.tag import Tagger

    parts = given(test=part_or_file(test), validation=part_or_file(validation))
    files = {name: value for name, value in parts.items() if isinstance(value, str)}
    options = given(
        start=start, text=text, tag=tag, characters=characters, crf=crf, lowercase=lowercase,
        vocabulary=vocabulary, embedding=embedding, letter_size=letter_size,
        hidden_size=hidden_size, layers=layers, bidirectional=bidirectional, dropout=dropout,
        word_dropout=word_dropout, max_length=max_length, select=select, max_minutes=max_minutes,
        max_steps=max_steps, epochs=epochs, learning_rate=learning_rate, batch_tokens=batch_tokens,
        patience=patience, weight_decay=weight_decay, seed=seed, threads=threads,
        **{name: value for name, value in parts.items() if name not in files},
    )  # fmt: skip
    spoken = page_language(language)
    refuse_to_overwrite(output, resume)
    tagger = Tagger(cell, **options)
    told = fit(tagger, data, output, cell=cell, resume=resume, as_json=as_json, **files)
    finish(
        tagger, output, task="tag", has_test=tagger.has_test_part, language=spoken,
        as_json=as_json, told=told,
    )  # fmt: skip
