"""`unrolled train translate`."""

from __future__ import annotations

from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.training import train
from unrolled.errors import OptionError


def train_translate(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA [TARGETS]",
            help="Pairs in TSV, CSV, JSONL or Parquet, - for stdin; or two text files, line by line.",
        ),
    ],
    output: shared.Folder,
    source: Annotated[
        str | None,
        typer.Option(help="Column of the source, or its number in a file without names."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of the target; the same.")] = None,
    cell: Annotated[str, typer.Option(help="rnn, lstm, gru, ..., or transformer.")] = "gru",
    units: Annotated[
        str | None, typer.Option(help="bpe, unigram, characters or words; by default bpe.")
    ] = None,
    vocabulary: shared.Vocabulary = None,
    shared: Annotated[
        bool | None,
        typer.Option("--shared/--no-shared", help="One vocabulary; by default within one script."),
    ] = None,
    layers: Annotated[int | None, typer.Option(help="Of the decoder.")] = None,
    encoder_layers: Annotated[int | None, typer.Option(help="Of the encoder.")] = None,
    hidden_size: shared.HiddenSize = None,
    embedding: shared.Embedding = None,
    attention: Annotated[
        str | None, typer.Option(help="general, additive, dot, scaled, multi_head or none.")
    ] = None,
    heads: Annotated[int | None, typer.Option(help="Of multi_head, and of a transformer.")] = None,
    input_feeding: Annotated[
        bool | None,
        typer.Option(
            "--input-feeding/--no-input-feeding", help="Tell the decoder where it looked."
        ),
    ] = None,
    dropout: shared.Dropout = None,
    word_dropout: shared.WordDropout = None,
    bpe_dropout: Annotated[float | None, typer.Option(help="Of merges.")] = None,
    label_smoothing: Annotated[float | None, typer.Option()] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens of a text at most.")] = None,
    beam: Annotated[int | None, typer.Option(help="Hypotheses that the search keeps.")] = None,
    length_penalty: Annotated[float | None, typer.Option()] = None,
    select: Annotated[
        str | None, typer.Option(help="The best weights are those of the loss or of bleu.")
    ] = None,
    tokenize: Annotated[
        str | None,
        typer.Option(help="sacrebleu's tokeniser; none: texts are tokenised already."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Kept for the score: share, pairs, or a FILE (or FILE,FILE).")
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(help="To choose the weights by: share, pairs, or a FILE (or FILE,FILE)."),
    ] = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    epochs: shared.Epochs = None,
    learning_rate: shared.LearningRate = None,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a batch, of both sides.")
    ] = None,
    patience: shared.Patience = None,
    weight_decay: shared.WeightDecay = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a translator, or a summariser, on pairs of texts: a model folder with its scores beside the baselines and a report."""
    train("translate", locals(), read=pair_of, read_part=lambda given: pair_of(given.split(",")))


def pair_of(files: list[str]) -> str | tuple[str, str]:
    """Return one file of pairs, or two files that belong together line by line.

    Raises:
        OptionError: there are more, or a name is empty.

    >>> pair_of(["train.de", "train.en"])
    ('train.de', 'train.en')
    """
    if len(files) > 2:
        raise OptionError(
            f"{len(files)} files: {', '.join(files)}",
            expected="one file of pairs, or a file of sources and a file of their targets",
        )
    if "" in files:
        raise OptionError(f"{','.join(files)!r} names no file", expected="FILE, or SOURCES,TARGETS")
    return files[0] if len(files) == 1 else (files[0], files[1])
