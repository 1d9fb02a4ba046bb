"""The command: thin verbs. What is heavy is imported inside the verb that needs it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from unrolled.errors import InputError, UnrolledError

if TYPE_CHECKING:
    import polars

    from unrolled.tasks.forecast import Forecaster

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

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a saved model.")]
Language = Annotated[
    str | None,
    typer.Option(help="Of the report: en or zh; by default that of the environment (LANG)."),
]


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


@train.command("forecast")
def train_forecast(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="CSV, TSV, JSONL, Parquet, or - for stdin.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model's folder, to be made.")],
    horizon: Annotated[int, typer.Option(help="Steps to forecast.")],
    cell: Annotated[str, typer.Option(help="rnn, lstm, gru, peephole_lstm, ...")] = "gru",
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
    hidden_size: Annotated[int | None, typer.Option(help="Units of a layer.")] = None,
    layers: Annotated[int | None, typer.Option(help="Recurrent layers.")] = None,
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
    max_minutes: Annotated[float | None, typer.Option(help="Bound on the training.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Bound on the training.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    seed: Annotated[int, typer.Option()] = 0,
    threads: Annotated[int | None, typer.Option(help="Of torch; chosen by shape.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it was stopped.")] = False,
    start: Annotated[
        Path | None, typer.Option("--from", help="A saved model to train further.")
    ] = None,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Train a forecaster: a model folder with its scores beside the baselines and a report to open."""
    from unrolled.tasks.forecast import Forecaster
    from unrolled.train.progress import TerminalProgress

    options = _given(
        horizon=horizon, season=tuple(season) if season else None, freq=freq, lookback=lookback,
        time=time, id=id, target=_names(target), known=_names(known), past=_names(past),
        static=_names(static), missing=missing, hidden_size=hidden_size, layers=layers,
        decode=decode, output=head, test=_part(test), validation=_part(validation),
        max_minutes=max_minutes, max_steps=max_steps, learning_rate=learning_rate,
        batch_size=batch_size, seed=seed, threads=threads,
    )  # fmt: skip
    _refuse_to_overwrite(output, resume)
    if start is None:
        forecaster = Forecaster(cell, **options)
    else:
        # What the saved model was made with stays; only the bounds of the training may be given anew.
        forecaster = Forecaster.load(start)
        bounds = _given(max_minutes=max_minutes, max_steps=max_steps)
        forecaster.train_options |= bounds
    bar = partial(TerminalProgress, title=f"{cell} on {Path(data).name}", lines=not as_json)
    try:
        forecaster.fit(data, folder=output, resume=resume, progress=bar)
    except KeyboardInterrupt as stop:
        _note(str(stop) or "interrupted")
        raise typer.Exit(1) from None
    _finish(forecaster, output, page_language(language), as_json)


def _finish(forecaster: Forecaster, folder: Path, language: str, as_json: bool) -> None:
    """Save the model, score its test part once, write scores and report, and say where they are."""
    from unrolled.data.files import write_atomically
    from unrolled.view.forecast_report import forecast_report
    from unrolled.view.report import write_report

    for note in forecaster.notes:
        _note(note)
    forecaster.save(folder)
    result = _scored(forecaster)
    report = write_report(folder / "report.html", forecast_report(forecaster, result, language))
    if result is not None:
        write_atomically(folder / "scores.json", (json.dumps(result, indent=2) + "\n").encode())
    if as_json:
        _print_json(
            {"task": "forecast", **(result or {}), "model": str(folder), "report": str(report)}
        )
        return
    if result is not None:
        _print_scores(result, language)
    _note(f"model: {folder}    report: {report}")


def _scored(forecaster: Forecaster) -> dict[str, Any] | None:
    """Return the scores of the test part, or None where the series left no room for one."""
    if not len(forecaster.fitted.rolling_windows(forecaster.fitted.panel)):
        return None
    with _status("scoring the test part, the baselines beside it"):
        return forecaster.evaluate()


@app.command()
def evaluate(
    model: Model,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, or - for stdin.")],
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Score a saved model on a file, beside the baselines."""
    from unrolled.tasks.saving import load

    loaded = load(model)
    with _status("scoring, the baselines beside the model"):
        result = loaded.evaluate(data)
    for note in loaded.notes:
        _note(note)
    if as_json:
        _print_json(result)
    else:
        _print_scores(result, page_language(language))


@app.command()
def predict(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="A file, or - for stdin; none: after the training's."
        ),
    ] = None,
    horizon: Annotated[int | None, typer.Option(help="Steps; by default as trained.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A CSV file; by default stdout.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast from a saved model: CSV on stdout."""
    from unrolled.data.files import write_atomically
    from unrolled.tasks.saving import load

    loaded = load(model)
    forecast = loaded.predict(data, horizon)
    for note in loaded.notes:
        _note(note)
    if as_json:
        _print_json({"task": "forecast", "forecast": json.loads(forecast.write_json())})
    elif output is not None:
        write_atomically(output, _csv(forecast).encode())
    else:
        sys.stdout.write(_csv(forecast))
        sys.stdout.flush()


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the report and the model.")
    ] = Path("unrolled-demo"),
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Forecast a real series beside the baselines, and show what RNN, LSTM and GRU remember: one report page."""
    from unrolled.demo.run import run_demo

    run_demo(output, page_language(language), as_json=as_json)


def page_language(given: str | None) -> str:
    """Return the language of a page: as given, else Chinese where the environment is."""
    if given is not None:
        return given
    locale = next(
        (os.environ[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(k)), ""
    )
    return "zh" if locale.lower().startswith("zh") else "en"


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; the others keep the defaults of whoever takes them."""
    return {name: value for name, value in options.items() if value is not None}


def _names(given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(name.strip() for name in given.split(","))


def _part(given: float | None) -> float | int | None:
    """Return a share below 1, or a number of steps as a whole number."""
    return int(given) if given is not None and given >= 1 and given == int(given) else given


def _refuse_to_overwrite(folder: Path, resume: bool) -> None:
    if resume or not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    raise InputError(
        "is there already",
        where=str(folder),
        expected="a folder to be made, so that nothing saved is lost",
        fix="name another, or go on with it: --resume",
    )


def _status(text: str) -> AbstractContextManager[Any]:
    """Show a moving sign on stderr while something without a bar takes time; nothing where it is no terminal."""
    from rich.console import Console

    return Console(stderr=True).status(f"{text} ...")


def _csv(forecast: polars.DataFrame) -> str:
    """Return the table as CSV: days as 2024-01-31, and the time of day where there is one."""
    times = forecast["ds"]
    days = times.dtype.is_temporal() and bool((times == times.dt.truncate("1d")).all())
    return forecast.write_csv(datetime_format="%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")


def _print_scores(result: Mapping[str, Any], language: str = "en") -> None:
    from rich.console import Console

    from unrolled.view.forecast_report import scores_of
    from unrolled.view.terminal import terminal_scores

    Console().print(terminal_scores(scores_of(result), language))


def _print_json(result: Mapping[str, Any]) -> None:
    print(json.dumps(result, ensure_ascii=False, default=str))  # noqa: T201


def _note(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


def _fail(error: Exception, status: int) -> NoReturn:
    _note(f"unrolled: {error}")
    sys.exit(status)
