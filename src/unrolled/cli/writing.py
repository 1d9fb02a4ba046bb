"""What `unrolled predict` does with a generator: a text is written as it comes, many become a table."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.output import note
from unrolled.errors import InputError, OptionError

if TYPE_CHECKING:
    import polars

    from unrolled.tasks.generate import Generator

_NAME = re.compile(
    r"\S+\.(txt|text|csv|tsv|tab|json|jsonl|ndjson|parquet|gz|xz|zip)", re.IGNORECASE
)
_PATH = re.compile(rf"\S*{re.escape(os.sep)}\S*")
_RUN = ("characters", "share", "text", "source")


def manner(draws: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """Return how tokens are drawn and which form is kept, where anything was said of it."""
    from dataclasses import replace

    from unrolled.models.poem_form import PoemForm
    from unrolled.tasks.generate.writing import USUAL

    how: dict[str, Any] = {"sampling": replace(USUAL, **draws)} if draws else {}
    return {**how, "form": PoemForm(**form)} if form else how


def write_texts(
    model: Generator,
    data: str | None,
    options: Mapping[str, Any],
    output: Path | None,
    as_json: bool,
) -> None:
    """Complete the prompts in a file or on stdin, one that is given itself, or none."""
    from unrolled.cli.use import table_lines, write_rows

    how = dict(options)
    text = how.pop("text", None)
    is_file = data is not None and _is_file(data)
    if text is not None and not is_file:
        raise OptionError(
            f"--text {text} and no file",
            expected="a table or JSON, to name a column of",
            fix="leave --text out",
        )
    if is_file or as_json or output is not None:
        prompts: Any = data if is_file else [_prompt(data)]
        more = {"text": text} if text is not None else {}
        tables = model.predict_chunks(prompts, **more, **how)
        write_rows("generate", tables, output, as_json, table_lines, _objects)
    elif how.get("n", 1) == 1:
        _stream(model, _prompt(data), how)
    else:
        _several(model, _prompt(data), how)
    for line in model.notes:
        note(line)


def _is_file(data: str) -> bool:
    """Tell whether a file is called so, or - for stdin; no file has an empty name, or one as long as a prompt may be."""
    try:
        return data == "-" or (data != "" and Path(data).exists())
    except OSError:
        return False


def _prompt(data: str | None) -> str:
    """Return what was given in place of a file.

    Raises:
        InputError: it is the name of a file that is not there.
    """
    if data is not None and (_NAME.fullmatch(data) or _PATH.fullmatch(data)):
        raise InputError(
            "there is no such file",
            where=data,
            expected="a file of prompts, one a line, or the beginning of a text",
        )
    return data or ""


def _stream(model: Generator, prompt: str, how: Mapping[str, Any]) -> None:
    options = {name: value for name, value in how.items() if name != "n"}
    pieces = model.stream(prompt, **options)
    sys.stdout.write(prompt)
    written = []
    for piece in pieces:
        written.append(piece)
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    sys.stdout.flush()
    _tell(model, ["".join(written)])


def _several(model: Generator, prompt: str, how: Mapping[str, Any]) -> None:
    texts = model.generate(prompt, **how)
    sys.stdout.write("\n".join(f"{prompt}{text}\n" for text in texts))
    sys.stdout.flush()
    _tell(model, texts)


def _tell(model: Generator, texts: list[str]) -> None:
    """Say which part of a text stands in the training text too."""
    for number, text in enumerate(texts, start=1):
        if (copied := model.copied(text)) is None:
            return
        which = f"text {number}: " if len(texts) > 1 else ""
        run = f": {copied.text!r}" if copied.characters else ""
        note(
            f"{which}longest run in common with the training text: {copied.characters} of {len(text)} characters{run}"
        )


def _objects(table: polars.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield each completion with what is told of its run together; none where the training text was not kept."""
    for row in table.iter_rows(named=True):
        run = {"characters": row.pop("copied")}
        run |= {name: row.pop(f"copied_{name}") for name in _RUN[1:]}
        yield {**row, "copied": None if run["characters"] is None else run}
