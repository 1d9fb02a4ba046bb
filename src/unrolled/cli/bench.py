"""`unrolled bench`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.options import Json, Language, names, page_language
from unrolled.cli.output import note, print_json
from unrolled.errors import OptionError

USUAL = {"cells": "rnn,lstm,gru", "sizes": "64,256", "batch": "32"}
QUICK = {"cells": "lstm,gru", "sizes": "64", "batch": "8"}


def bench(
    cells: Annotated[
        str | None, typer.Option(help=f"Cells, with commas. [default: {USUAL['cells']}]")
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(help=f"Hidden units; inputs are as wide. [default: {USUAL['sizes']}]"),
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help=f"Rows of a batch. [default: {USUAL['batch']}]")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of the longest row.")] = 100,
    kinds: Annotated[
        str, typer.Option(help="full: all rows of that length; lengths: ragged rows.")
    ] = "full,lengths",
    modes: Annotated[str, typer.Option(help="What is computed.")] = "inference,train",
    pairs: Annotated[int, typer.Option(help="Measurements of both sides, taken in turn.")] = 21,
    seconds: Annotated[
        float, typer.Option(help="A comparison that is clear stops after so many seconds.")
    ] = 1.0,
    threads: Annotated[
        int | None, typer.Option(help="At most the processor's cores. [default: torch's number]")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="LSTM and GRU, 64 units, 8 rows, where nothing else is said."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of bench.json and bench.html.")
    ] = None,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Time the kernels beside torch.nn (and flax, ONNX Runtime where installed), each checked against torch first.

    For one core: taskset -c 0 unrolled bench --threads 1. A peer with threads of its own keeps to that core, too.
    """
    spoken = page_language(language)
    _require_positive(threads=threads, pairs=pairs, seconds=seconds)
    _require_cores(threads)
    usual = QUICK if quick else USUAL
    cells, sizes, batch = (
        usual[name] if given is None else given
        for name, given in (("cells", cells), ("sizes", sizes), ("batch", batch))
    )

    from unrolled.bench.cases import grid
    from unrolled.bench.measure import Settings
    from unrolled.bench.peers import installed
    from unrolled.bench.run import run_cases

    shape = (_numbers("sizes", sizes), _numbers("batch", batch))
    cases = grid(names(cells) or (), *shape, names(kinds) or (), names(modes) or (), steps)
    if output is not None:
        _make_folder(output)
    settings = Settings(pairs=pairs, seconds=seconds, peers=tuple(installed()))
    result = run_cases(cases, settings=settings, threads=threads)
    _show(result, spoken, as_json=as_json)
    if output is not None and result["cases"]:
        _write(result, output, spoken)
    if not result["finished"]:
        note(_words(spoken)["interrupted"].format(done=len(result["cases"]), total=len(cases)))
        raise typer.Exit(1)


def _numbers(option: str, text: str) -> list[int]:
    try:
        return [int(name) for name in names(text) or ()]
    except ValueError:
        raise OptionError(
            f"--{option} {text}", expected="whole numbers with commas", fix=f"--{option} 64,256"
        ) from None


def _require_positive(**options: float | None) -> None:
    for name, value in options.items():
        least = 0 if name == "seconds" else 1
        if value is not None and not (value > 0 and value >= least):
            expected = "at least 1" if least else "more than 0"
            raise OptionError(f"--{name} {value:g}", expected=expected)


def _require_cores(threads: int | None) -> None:
    cores = os.cpu_count() or 1
    if threads is not None and threads > cores:
        raise OptionError(
            f"--threads {threads}", expected=f"at most the {cores} cores of this machine"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"--output {folder} cannot be made: {error.strerror}", expected="a folder"
        ) from error


def _words(language: str) -> Mapping[str, str]:
    from unrolled.bench.words import WORDS

    return WORDS[language]


def _show(result: dict[str, Any], language: str, *, as_json: bool) -> None:
    from unrolled.kernels.extension import extension, extension_status

    if extension is None:
        note(_words(language)["without"].format(status=extension_status()))
    for row in result["cases"]:
        for peer, reason in row.get("failed", {}).items():
            note(f"{row['cell']} H={row['hidden']} {row['mode']}: {peer}: {reason}")
    if as_json:
        print_json(result)
    else:
        _print(result, language)


def _print(result: dict[str, Any], language: str) -> None:
    from rich.console import Console
    from rich.measure import Measurement

    from unrolled.bench.report import terminal_table
    from unrolled.view.numbers import number

    console, machine = Console(), result["machine"]
    peak = machine["peak_gflops"]
    reached = f"; {_words(language)['reached'].format(peak=number(peak, 3))}" if peak else ""
    console.print(
        f"{machine['kernels']}; torch {machine['torch']}, {machine['threads']} thread(s){reached}",
        soft_wrap=True,
    )
    if result["cases"]:
        table = terminal_table(result["cases"], language)
        needed = Measurement.get(console, console.options.update(width=10_000), table).minimum
        console.print(table, width=max(console.width, needed), crop=False, no_wrap=False)
        console.print(_words(language)["finer"], style="dim", highlight=False)


def _write(result: dict[str, Any], folder: Path, language: str) -> None:
    from unrolled.bench.picture import page
    from unrolled.data.files import write_atomically
    from unrolled.view.report import write_report

    file = folder / "bench.json"
    write_atomically(file, (json.dumps(result, indent=2) + "\n").encode())
    written = write_report(folder / "bench.html", page(result, language))
    note(_words(language)["written"].format(json=file, page=written))
