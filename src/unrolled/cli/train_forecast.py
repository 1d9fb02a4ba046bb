"""`unrolled train forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import options as shared
from unrolled.cli.options import given, names, page_language, part
from unrolled.cli.training import finish, fit, refuse_to_overwrite


def train_forecast(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="CSV, TSV, JSONL, Parquet, or - for stdin.")
    ],
    output: shared.Folder,
    horizon: Annotated[int, typer.Option(help="Steps to forecast.")],
    cell: shared.CellName = "gru",
    season: Annotated[list[int] | None, typer.Option(help="Length of a season in steps.")] = None,
    freq: Annotated[str | None, typer.Option(help="h, 15min, D, B, W, MS, ...")] = None,
    lookback: Annotated[int | None, typer.Option(help="Steps that are looked back upon.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time.")] = None,
    id: Annotated[str | None, typer.Option(help="Column of the series' name.")] = None,  # noqa: A002
    target: Annotated[
        str | None, typer.Option(help="Column(s) to forecast: y or a,b; all.")
    ] = None,
    known: Annotated[str | None, typer.Option(help="Column(s) known over the horizon.")] = None,
    past: Annotated[str | None, typer.Option(help="Column(s) known up to the present.")] = None,
    static: Annotated[str | None, typer.Option(help="Column(s) constant in a series.")] = None,
    missing: Annotated[str, typer.Option(help="error, or mask: missing = not observed.")] = "error",
    hidden_size: shared.HiddenSize = None,
    layers: shared.Layers = None,
    decode: Annotated[str | None, typer.Option(help="direct or autoregressive.")] = None,
    head: Annotated[
        str | None, typer.Option("--distribution", help="quantile or student_t.")
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="End of every series kept for the score: share or steps.")
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="Part before it to stop training on: share or steps.")
    ] = None,
    max_minutes: shared.MaxMinutes = None,
    max_steps: shared.MaxSteps = None,
    learning_rate: shared.LearningRate = None,
    batch_size: shared.BatchSize = None,
    seed: shared.Seed = 0,
    threads: shared.Threads = None,
    resume: shared.Resume = False,
    start: Annotated[
        Path | None, typer.Option("--from", help="A saved model to train further.")
    ] = None,
    language: shared.Language = None,
    as_json: shared.Json = False,
) -> None:
    """Train a forecaster: a model folder with its scores beside the baselines and a report to open."""
    from unrolled.tasks.forecast import Forecaster

    options = given(
        horizon=horizon, season=tuple(season) if season else None, freq=freq, lookback=lookback,
        time=time, id=id, target=names(target), known=names(known), past=names(past),
        static=names(static), missing=missing, hidden_size=hidden_size, layers=layers,
        decode=decode, output=head, test=part(test), validation=part(validation),
        max_minutes=max_minutes, max_steps=max_steps, learning_rate=learning_rate,
        batch_size=batch_size, seed=seed, threads=threads,
    )  # fmt: skip
    spoken = page_language(language)
    refuse_to_overwrite(output, resume)
    if start is None:
        forecaster = Forecaster(cell, **options)
    else:
        # What the saved model was made with stays; only the bounds of the training may be given anew.
        forecaster = Forecaster.load(start)
        bounds = given(max_minutes=max_minutes, max_steps=max_steps)
        forecaster.train_options |= bounds
    told = fit(forecaster, data, output, cell=cell, resume=resume, as_json=as_json)
    fitted = forecaster.fitted
    finish(
        forecaster, output, task="forecast", has_test=len(fitted.rolling_windows(fitted.panel)) > 0,
        language=spoken, as_json=as_json, told=told,
    )  # fmt: skip
