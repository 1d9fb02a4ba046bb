"""The verbs that use a saved model, whatever its task, and the demo."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from unrolled.cli.train_generate import files_of
from unrolled.cli.train_translate import pair_of
from unrolled.errors import OptionError

if TYPE_CHECKING:
    import polars


OPTIONS_OF = {
    "classify": ("text", "label"),
    "forecast": ("horizon",),
    "generate": (
        "text", "temperature", "top_k", "top_p", "penalty", "seed", "max_length", "n", "lines", "characters", "acrostic",
    ),
    "tag": ("text", "tag"),
    "translate": (
        "source", "target", "beam", "n_best", "temperature", "top_k", "top_p", "seed",
    ),
}  # fmt: skip
"""By task, the options that are for its models, and not for those of every task."""

Text = Annotated[
    str | None,
    typer.Option(
        help="Of a classifier, tagger or generator: column of the texts, if called otherwise."
    ),
]
SourceColumn = Annotated[
    str | None, typer.Option(help="Of a translator: column of the sources, if called otherwise.")
]
Beam = Annotated[
    int | None, typer.Option(help="Of a translator: hypotheses that the search keeps; 1: greedy.")
]


def evaluate(
    model: Model,
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="A file, or - for stdin; of a translator also two text files, of a generator several.",
        ),
    ],
    text: Text = None,
    label: Annotated[
        str | None, typer.Option(help="Of a classifier: column of the labels, if called otherwise.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="Of a tagger: column of the tags, if called otherwise.")
    ] = None,
    source: SourceColumn = None,
    target: Annotated[
        str | None,
        typer.Option(help="Of a translator: column of the targets, if called otherwise."),
    ] = None,
    beam: Beam = None,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Score a saved model on a file, beside the baselines."""
    from unrolled.tasks.saving import load

    spoken = page_language(language)
    options = given(text=text, label=label, tag=tag, source=source, target=target, beam=beam)
    task = _refuse_for_another_task(model, options)
    rows = _rows(data, task, model)
    loaded = load(model)
    with status("scoring, the baselines beside the model"):
        result = loaded.evaluate(rows, **options)
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
            metavar="DATA",
            help="A file, or - for stdin; of a generator also the beginning of a text. None: a forecast goes on after the "
            "training's, a text is written from nothing, others read stdin.",
        ),
    ] = None,
    text: Text = None,
    horizon: Annotated[
        int | None, typer.Option(help="Steps of a forecast; by default as trained.")
    ] = None,
    source: SourceColumn = None,
    beam: Beam = None,
    n_best: Annotated[
        int | None, typer.Option(help="Of a translator: targets for each source, as CSV.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Of a translator or generator: tokens are drawn, by probabilities ^ (1 / temperature)."
        ),
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Drawn from the k most likely tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Drawn from the most likely tokens of this probability.")
    ] = None,
    penalty: Annotated[
        float | None,
        typer.Option(help="Of a generator: makes what is written already less likely."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draws.")] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Of a generator: units that are written at most.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", help="Of a generator: texts for each beginning.")
    ] = None,
    lines: Annotated[int | None, typer.Option(help="Of a generator: lines of a poem.")] = None,
    characters: Annotated[int | None, typer.Option(help="Of each line of a poem.")] = None,
    acrostic: Annotated[
        str | None, typer.Option(help="What the lines of a poem begin with.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="A CSV file, of tags a file of columns; by default stdout."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast, classify, tag, translate or write with a saved model, to stdout: CSV, tokens with their tags, a target in each line, or a text."""
    from unrolled.tasks.saving import load

    if output is not None:
        if as_json:
            raise OptionError(
                f"--json with -o {output}",
                expected="one of them: -o writes CSV to a file, --json prints to stdout",
                fix=f"leave -o out: --json > {output}",
            )
        require_folder_of(output)
    draws = given(temperature=temperature, top_k=top_k, top_p=top_p, penalty=penalty, seed=seed)
    form = given(lines=lines, characters=characters, acrostic=acrostic)
    options = given(
        text=text,
        horizon=horizon,
        source=source,
        beam=beam,
        n_best=n_best,
        max_length=max_length,
        n=n,
    )
    task = _refuse_for_another_task(model, {**options, **draws, **form})
    if task == "translate" and draws:
        from unrolled.models.sampling import Sampling

        options["sampling"] = Sampling(**draws)
        if draws.keys() == {"seed"}:
            raise OptionError(
                f"--seed {seed} and nothing that is drawn",
                expected="--temperature, --top-k or --top-p beside it",
                fix="leave --seed out: the search draws nothing",
            )
    if task == "forecast":
        _forecast(load(model), data, horizon, output, as_json)
        return
    if task == "generate":
        from unrolled.cli.writing import manner, write_texts

        write_texts(load(model), data, {**options, **manner(draws, form)}, output, as_json)
        return
    if task == "tag":
        _tag(load(model), data, output, as_json, **options)
        return
    tables, objects = {
        "classify": (table_lines, _classified_objects),
        "translate": (table_lines if (n_best or 1) > 1 else _lines, _translated_objects),
    }[task]
    if data is None and sys.stdin.isatty():
        note("a text a line; Ctrl-D ends")
    loaded = load(model)
    rows = loaded.predict_chunks("-" if data is None else data, **options)
    write_rows(task, rows, output, as_json, tables, objects)
    for line in loaded.notes:
        note(line)


def _refuse_for_another_task(model: Path, options: Mapping[str, Any]) -> str:
    """Return the task of a saved model; raise where an option is given that is for models of another one."""
    from unrolled.tasks.saving import read_model

    own = str(read_model(model, tensors=False)[0]["task"])
    for name, value in options.items():
        if name not in OPTIONS_OF[own]:
            tasks = [task for task, names in OPTIONS_OF.items() if name in names]
            option = name.replace("_", "-")
            raise OptionError(
                f"--{option} {value} is for {' and '.join(tasks)}",
                where=str(model),
                expected=f"a model of {' or '.join(tasks)}; this one is of {own}",
                fix=f"leave --{option} out",
            )
    return own


def _rows(data: list[str], task: str, model: Path) -> str | tuple[str | Path, ...]:
    """Return the file of the rows, the two files of a translator's pairs, or those of a generator's texts."""
    if task == "generate":
        return files_of(data)
    if len(data) > 1 and task != "translate":
        raise OptionError(
            f"{len(data)} files: {', '.join(data)}", where=str(model), expected="one file"
        )
    return pair_of(data)


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


def _tag(model: Any, data: str | None, output: Path | None, as_json: bool, **options: Any) -> None:
    from unrolled.cli.predict_tag import predict_tags

    if data is None and sys.stdin.isatty():
        note("a sentence a line; Ctrl-D ends")
    predict_tags(model, "-" if data is None else data, output, as_json, **options)
    for line in model.notes:
        note(line)


def _csv(forecast: polars.DataFrame) -> str:
    """Return the table as CSV: days as 2024-01-31, and the time of day where there is one."""
    times = forecast["ds"]
    days = times.dtype.is_temporal() and bool((times == times.dt.truncate("1d")).all())
    return forecast.write_csv(datetime_format="%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")


def write_rows(
    task: str,
    tables: Iterable[polars.DataFrame],
    output: Path | None,
    as_json: bool,
    lines: Callable[[polars.DataFrame, bool], str],
    objects: Callable[[polars.DataFrame], Iterator[dict[str, Any]]],
) -> None:
    """Write rows as they come, so that neither a pipe nor a large file is waited for."""
    from unrolled.data.files import atomic_file

    if as_json:
        print_json({"task": task, "predictions": [row for some in tables for row in objects(some)]})
    elif output is not None:
        with atomic_file(output) as file:
            for number, table in enumerate(tables):
                file.write(table.write_csv(include_header=number == 0).encode())
    else:
        for number, table in enumerate(tables):
            sys.stdout.write(lines(table, number == 0))
            sys.stdout.flush()


def table_lines(table: polars.DataFrame, is_first: bool) -> str:
    """Return a table as CSV."""
    return table.write_csv(include_header=is_first)


def _lines(table: polars.DataFrame, is_first: bool) -> str:
    """Return a target in each line."""
    del is_first
    return "".join(f"{' '.join(target.split())}\n" for target in table["target"])


def _classified_objects(table: polars.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield each row of a table of predictions with the probabilities of its classes together."""
    from unrolled.tasks.classify.classifier import PREFIX

    for row in table.iter_rows(named=True):
        yield {
            "label": row.pop("label"),
            "probability": row.pop("probability"),
            "probabilities": {name.removeprefix(PREFIX): value for name, value in row.items()},
        }


def _translated_objects(table: polars.DataFrame) -> Iterator[dict[str, Any]]:
    yield from table.iter_rows(named=True)
