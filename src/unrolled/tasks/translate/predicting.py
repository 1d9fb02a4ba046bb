"""The targets of many sources as a table, whole or as the sources come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.pairs import Pairs
from unrolled.tasks.translate.fitted import Fitted
from unrolled.tasks.translate.reading import Cut
from unrolled.tasks.translate.writing import Manner

COLUMNS = {"row": pl.Int64, "target": pl.String, "score": pl.Float64}


def table_of(
    fitted: Fitted, pairs: Pairs, manner: Manner, first: int = 0
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Return the targets of sources, before which ``first`` were written, and the sources' lengths."""
    encoded, lengths = fitted.reader.sources(pairs.sources)
    found = enumerate(fitted.writer.write(encoded, manner, first=first), start=first + 1)
    rows = [(row, fitted.text(h.tokens), h.score) for row, several in found for h in several]
    return pl.DataFrame(rows, COLUMNS, orient="row"), lengths


def tables_of(
    fitted: Fitted, parts: Iterable[Pairs], manner: Manner, say: Callable[[Iterable[str]], None]
) -> Iterator[pl.DataFrame]:
    """Yield the targets of sources part by part; ``say`` is told what was mended and, at the end, what was cut."""
    cut, first = Cut(fitted.settings.max_length), 0
    for part in parts:
        table, lengths = table_of(fitted, part, manner, first)
        say(part.notes)
        cut.add(lengths, part.where)
        yield table
        first += len(part.sources)
    say(cut.notes())
