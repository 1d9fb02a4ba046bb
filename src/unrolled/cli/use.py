"""The verbs that use a saved model, whatever its task, and the demo."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.options import (
    Json,
    Language,
    Model,
    given,
    page_language,
    require_folder_of,
)
from unrolled.cli.output import note, print_json, print_scores, status
from unrolled.errors import OptionError

if TYPE_CHECKING:
    import polars


Text = Annotated[
    str | None, typer.Option(help="Of a classifier: column of the texts, if called otherwise.")
]


def evaluate(
    model: Model,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, or - for stdin.")],
    text: Text = None,
    label: Annotated[
        str | None, typer.Option(help="Of a classifier: column of the labels, if called otherwise.")
    ] = None,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Score a saved model on a file, beside the baselines."""
    from unrolled.tasks.saving import load

    spoken = page_language(language)
    columns = given(text=text, label=label)
    _refuse_for_another_task(model, "classify", columns)
    loaded = load(model)
    with status("scoring, the baselines beside the model"):
        result = loaded.evaluate(data, **columns)
    for line in loaded.notes:
        note(line)
    if as_json:
        print_json(result)
    else:
        print_scores(result, spoken)


def predict(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="A file, or - for stdin; none: a forecast goes on after the training's, a classifier reads stdin.",
        ),
    ] = None,
    text: Text = None,
    horizon: Annotated[
        int | None, typer.Option(help="Steps of a forecast; by default as trained.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A CSV file; by default stdout.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast or classify with a saved model: CSV on stdout."""
    from unrolled.tasks.saving import load

    if output is not None:
        require_folder_of(output)
    _refuse_for_another_task(model, "classify", given(text=text))
    task = _refuse_for_another_task(model, "forecast", given(horizon=horizon))
    if task == "forecast":
        _forecast(load(model), data, horizon, output, as_json)
    else:
        _classify(load(model), data, text, output, as_json)


def _refuse_for_another_task(model: Path, task: str, options: Mapping[str, Any]) -> str:
    """Return the task of a saved model; raise where an option is given that is for models of another one."""
    from unrolled.tasks.saving import read_model

    own = str(read_model(model, tensors=False)[0]["task"])
    for name, value in options.items():
        if own != task:
            raise OptionError(
                f"--{name} {value} is for {task}",
                where=str(model),
                expected=f"a model of {task}; this one is of {own}",
                fix=f"leave --{name} out",
            )
    return own


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


def _forecast(
    model: Any, data: str | None, horizon: int | None, output: Path | None, as_json: bool
) -> None:
    from unrolled.data.files import write_atomically

    forecast = model.predict(data, horizon)
    for line in model.notes:
        note(line)
    if as_json:
        print_json({"task": "forecast", "forecast": json.loads(forecast.write_json())})
    elif output is not None:
        write_atomically(output, _csv(forecast).encode())
    else:
        sys.stdout.write(_csv(forecast))
        sys.stdout.flush()


def _csv(forecast: polars.DataFrame) -> str:
    """Return the table as CSV: days as 2024-01-31, and the time of day where there is one."""
    times = forecast["ds"]
    days = times.dtype.is_temporal() and bool((times == times.dt.truncate("1d")).all())
    return forecast.write_csv(datetime_format="%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")


def _classify(
    model: Any, data: str | None, text: str | None, output: Path | None, as_json: bool
) -> None:
    """Write a row for each row as they come, so that neither a pipe nor a large file is waited for."""
    from unrolled.data.files import atomic_file

    if data is None and sys.stdin.isatty():
        note("a text a line; Ctrl-D ends")
    tables = model.predict_chunks("-" if data is None else data, text=text)
    if as_json:
        rows = [row for table in tables for row in _objects(table)]
        print_json({"task": "classify", "predictions": rows})
    elif output is not None:
        with atomic_file(output) as file:
            for number, table in enumerate(tables):
                file.write(table.write_csv(include_header=number == 0).encode())
    else:
        for number, table in enumerate(tables):
            sys.stdout.write(table.write_csv(include_header=number == 0))
            sys.stdout.flush()
    for line in model.notes:
        note(line)


def _objects(table: polars.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield each row of a table of predictions with the probabilities of its classes together."""
    from unrolled.tasks.classify.classifier import PREFIX

    for row in table.iter_rows(named=True):
        yield {
            "label": row.pop("label"),
            "probability": row.pop("probability"),
            "probabilities": {name.removeprefix(PREFIX): value for name, value in row.items()},
        }
