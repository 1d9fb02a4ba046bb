"""What training is for every task: no model is overwritten, a stopped run says so, and scores and a report come with the model."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unrolled.cli.options import given, page_language, part_or_file
from unrolled.cli.output import note, print_json, print_scores, status, view_of
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.train.progress import TerminalProgress
    from unrolled.train.settings import TrainSettings


def refuse_to_overwrite(folder: Path, resume: bool) -> None:
    """Raise where something stands in ``folder`` already, unless it is to be gone on with, or where none can be made.

    Raises:
        InputError: the folder is not empty, it or one above it is a file, or it cannot be written to.
    """
    whole = folder.absolute()
    there = next(place for place in (whole, *whole.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InputError(
            "cannot be written to" if there.is_dir() else "is a file",
            where=str(there),
            expected=f"a folder that {folder} can be made in" if there != whole else "a folder",
            fix="name another (-o)",
        )
    if resume or not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    raise InputError(
        "is there already",
        where=str(folder),
        expected="a folder to be made, so that nothing saved is lost",
        fix="name another, or go on with it: --resume",
    )


def train(
    task: str,
    asked: Mapping[str, Any],
    *,
    read: Callable[[Any], Any] = lambda data: data,
    read_part: Callable[[str], Any] = lambda file: file,
) -> None:
    """Train a model as a verb was asked to: its parameters are the options of the model, by their names.

    Args:
        task: whose model it is.
        asked: the parameters of the verb; None = not given.
        read: makes what the model is fitted on of the verb's DATA.
        read_part: the same of a file for validation or test.
    """
    options = given(**asked)
    data, output, resume, as_json = (
        options.pop(name) for name in ("data", "output", "resume", "as_json")
    )
    spoken = page_language(options.pop("language", None))
    parts = {n: part_or_file(options.pop(n)) for n in ("test", "validation") if n in options}
    files = {name: read_part(part) for name, part in parts.items() if isinstance(part, str)}
    options |= {name: part for name, part in parts.items() if name not in files}
    refuse_to_overwrite(output, resume)
    from unrolled.tasks.saving import TASKS

    module, name = TASKS[task]
    model = getattr(importlib.import_module(module), name)(**options)
    told = fit(
        model, read(data), output, cell=str(model.cell), resume=resume, as_json=as_json, **files
    )
    finish(
        model, output, task=task, has_test=model.has_test_part, language=spoken,
        as_json=as_json, told=told,
    )  # fmt: skip


def fit(
    model: Any,
    data: str | tuple[str | Path, ...],
    folder: Path,
    *,
    cell: str,
    resume: bool,
    as_json: bool,
    **parts: Any,
) -> tuple[str, ...]:
    """Fit ``model`` on ``data`` with a bar, and return the notes that were told before it began.

    ``parts`` are rows of their own for validation or test.
    """
    from unrolled.train.progress import TerminalProgress

    files = (data,) if isinstance(data, str) else data
    title = f"{cell} on {' + '.join(Path(file).name for file in files)}"
    reading = status(f"reading {' and '.join(map(str, files))}")
    told: tuple[str, ...] = ()

    def bar(settings: TrainSettings) -> TerminalProgress:
        nonlocal told
        reading.stop()
        told = tuple(model.notes)
        for line in told:
            note(line)
        return TerminalProgress(settings, title=title, lines=not as_json)

    try:
        with reading:
            model.fit(data, folder=folder, resume=resume, progress=bar, **parts)
    except KeyboardInterrupt as stop:
        note(str(stop) or "interrupted")
        raise typer.Exit(1) from None
    return told


def finish(
    model: Any,
    folder: Path,
    *,
    task: str,
    has_test: bool,
    language: str,
    as_json: bool,
    told: tuple[str, ...] = (),
) -> None:
    """Save the model, score its test part once, write scores and report, and say where they are."""
    from unrolled.data.files import write_atomically
    from unrolled.view.report import write_report

    with status("saving, and scoring the test part beside the baselines"):
        model.save(folder)
        result: dict[str, Any] | None = model.evaluate() if has_test else None
    for line in model.notes:
        if line not in told:
            note(line)
    report = write_report(folder / "report.html", view_of(task).report(model, result, language))
    if result is not None:
        write_atomically(folder / "scores.json", (json.dumps(result, indent=2) + "\n").encode())
    if as_json:
        print_json({"task": task, **(result or {}), "model": str(folder), "report": str(report)})
        return
    if result is not None:
        print_scores(result, language)
    else:
        note("no rows are left to score: there is no test part")
    note(f"model: {folder}    report: {report}")
