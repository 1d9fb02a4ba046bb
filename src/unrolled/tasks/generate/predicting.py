"""The completions of many prompts as a table, whole or as the prompts come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

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


def table_of(
    fitted: Fitted, prompts: Sequence[str], manner: Manner, first: int = 0
) -> pl.DataFrame:
    """Return the completions of prompts, before which ``first`` were completed."""
    found = enumerate(completions_of(fitted, prompts, manner, first=first), start=first + 1)
    rows = [(row, *_fields(each)) for row, several in found for each in several]
    return pl.DataFrame(rows, COLUMNS, orient="row")


def tables_of(
    fitted: Fitted, prompts: Sequence[str], manner: Manner, rows: int
) -> Iterator[pl.DataFrame]:
    """Yield the completions of some prompts after the other."""
    for first in range(0, len(prompts), rows):
        yield table_of(fitted, prompts[first : first + rows], manner, first)


def _fields(each: Completion) -> tuple[object, ...]:
    copied = each.copied
    run = (
        (None,) * 4
        if copied is None
        else (copied.characters, copied.share, copied.text, copied.source)
    )
    return (each.prompt, each.text, each.finished, each.score, *run)
