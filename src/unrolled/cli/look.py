"""The verb that opens the inside of a model on an input."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.options import Json, Language, Model, given, page_language, require_folder_of
from unrolled.cli.output import note, print_json, status
from unrolled.errors import InputError, OptionError

if TYPE_CHECKING:
    from unrolled.inside.look import Look
    from unrolled.inside.nearest import Corpus
    from unrolled.inside.pane import Pane


def look(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="INPUT",
            help="What the model reads: a file if there is one, - for stdin, else a text. A forecast needs none.",
        ),
    ] = None,
    second: Annotated[
        str | None, typer.Option("--with", metavar="INPUT", help="A second input, side by side.")
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="A second model on the same input.")
    ] = None,
    row: Annotated[int, typer.Option(min=1, help="Which row of a file.")] = 1,
    target: Annotated[
        str | None, typer.Option(help="Of a translator: what it is made to write.")
    ] = None,
    series: Annotated[str | None, typer.Option(help="Of a forecaster: which series.")] = None,
    origin: Annotated[
        str | None, typer.Option(help="Of a forecaster: the last date that it sees.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Where states like a chosen one are looked for."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page that opens offline."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the server; 0: any free one.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Look inside a model while it reads: gates, states, gradients, attention, over the unrolled timeline."""
    from unrolled.inside.look import Look

    spoken = page_language(language)
    if page is not None:
        require_folder_of(page)
    if second is not None and beside is not None:
        raise OptionError(
            f"--with {second} and --beside {beside}", expected="a second input or a second model"
        )
    read = [data, corpus]
    read += [second, corpus] if second is not None else []
    read += [data, corpus] if beside is not None else []
    if read.count("-") > 1:
        raise OptionError(
            "- for more than one reading", expected="stdin, which is read once, then files"
        )
    options = given(target=target, series=series, origin=origin)
    shown_of = [(model, data)]
    shown_of += [(model, second)] if second is not None else []
    shown_of += [(beside, data)] if beside is not None else []
    with status("reading"):
        load = cache(_loaded)  # two panes of one model share it
        panes = [_pane(*load(folder, corpus), given_, row, options) for folder, given_ in shown_of]
        shown = Look(panes)
    if as_json:
        print_json({"task": panes[0].trace.task, "panes": [pane.whole() for pane in panes]})
    if page is not None:
        with status("looking"):
            shown.save(page, spoken)
        note(f"written to {page}")
    elif not as_json:
        _serve(shown, port, spoken, browser)


OPTIONS_OF = {"translate": {"target"}, "forecast": {"series", "origin"}}
"""By task, the options of its trace."""


def _loaded(folder: Path, corpus: str | None) -> tuple[Path, Any, Corpus | None]:
    from unrolled.inside.look import corpus_of
    from unrolled.tasks.saving import load

    model = load(folder)
    return folder, model, corpus_of(model, corpus)


def _pane(
    folder: Path,
    model: Any,
    corpus: Corpus | None,
    data: str | None,
    row: int,
    options: Mapping[str, Any],
) -> Pane:
    from unrolled.inside.pane import Pane
    from unrolled.tasks.saving import read_model

    task = str(read_model(folder, tensors=False)[0]["task"])
    for name, value in options.items():
        if name not in OPTIONS_OF.get(task, ()):
            owner = next(owner for owner, names in OPTIONS_OF.items() if name in names)
            raise OptionError(
                f"--{name} {value} is for {owner}", where=str(folder), fix=f"leave --{name} out"
            )
    return Pane(
        model,
        *_inputs(model, task, data, row),
        title=folder.resolve().name,
        corpus=corpus,
        options=options,
    )


def _inputs(model: Any, task: str, data: str | None, row: int) -> tuple[Any, ...]:
    """Return what the model is to read: the row of a file, a text; nothing where a forecaster goes on after its training."""
    if data is None:
        if task == "forecast":
            return ()
        raise InputError(
            "there is nothing to look at", fix='give a text or a file: look MODEL "a text"'
        )
    is_file = data == "-" or _is_file(data)
    if task == "forecast":
        if not is_file:
            raise InputError(
                "there is no such file", where=data, expected="a file of series, as for predict"
            )
        return (data,)
    if not is_file:
        if Path(data).suffix and "/" in data and " " not in data:
            raise InputError("there is no such file", where=data)
        return (data,)
    rows = list(model.inputs_of(data, limit=row))
    if len(rows) < row:
        raise InputError(
            f"--row {row}",
            where=data,
            expected=f"a row from 1 to {len(rows)}" if rows else "a file with rows",
        )
    return (rows[row - 1],)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than a name can be, or with a null character
        return False


def _serve(shown: Look, port: int, language: str, browser: bool) -> None:
    server = shown.serve(port, language)
    note(f"looking at {server.url} ; Ctrl-C ends")
    if browser:
        webbrowser.open(server.url)
    try:
        server.wait()
    except KeyboardInterrupt:
        server.close()
