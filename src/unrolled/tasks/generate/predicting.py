"""The completions of many prompts as tables, as the prompts come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl

from unrolled.data.prompts import Prompts
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.outcome import Completion
from unrolled.tasks.generate.samples import completions_of
from unrolled.tasks.generate.writing import Manner

COLUMNS = {
    "row": pl.Int64,
    "prompt": pl.String,
    "text": pl.String,
    "finished": pl.Boolean,
    "score": pl.Float64,
    "copied": pl.Int64,
    "copied_share": pl.Float64,
    "copied_text": pl.String,
    "copied_source": pl.String,
}


def tables_of(
    fitted: Fitted,
    parts: Iterable[Prompts],
    manner: Manner,
    say: Callable[[Iterable[str]], None],
) -> Iterator[pl.DataFrame]:
    """Yield the completions of prompts part by part; ``say`` is told what was taken otherwise."""
    first = 0
    for part in parts:
        found = completions_of(fitted, part.texts, manner, first=first)
        rows = [
            (row, *_fields(each))
            for row, several in enumerate(found, start=first + 1)
            for each in several
        ]
        say(part.notes)
        say(fitted.reader.unseen_notes(part.texts, part.where))
        yield pl.DataFrame(rows, COLUMNS, orient="row")
        first += len(part)


def _fields(each: Completion) -> tuple[object, ...]:
    copied = each.copied
    run = (
        (None,) * 4
        if copied is None
        else (copied.characters, copied.share, copied.text, copied.source)
    )
    return (each.prompt, each.text, each.finished, each.score, *run)
