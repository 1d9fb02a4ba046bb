"""The figures of a run as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.table import Table

from unrolled.bench.words import WORDS
from unrolled.view.numbers import NOTHING, number


def opponents(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return everyone that ours was timed against: torch's ways first, then the peers."""
    names = dict.fromkeys(name for row in rows for name in row["against"])
    return sorted(names, key=lambda name: not name.startswith("torch"))


def headings(rows: Sequence[Mapping[str, Any]], language: str) -> list[str]:
    """Return the names of the columns."""
    words = WORDS[language]
    first = [words["cell"], "H", "B", words["rows"], "ms", words["peak"]]
    return [*first, *opponents(rows), words["cost"], words["of_lstm"]]


def cells(rows: Sequence[Mapping[str, Any]], language: str) -> list[list[str]]:
    """Return the figures of every case as text, one list a case; two lines in a cell where there is more to say."""
    words, names = WORDS[language], opponents(rows)
    return [
        [
            f"{row['cell'].upper()}\n{row['kernel']}",
            str(row["hidden"]),
            str(row["batch"]),
            f"{words[row['kind']]}\n{words[row['mode']]}",
            number(1000 * row["seconds"], 3),
            NOTHING if row["share_of_peak"] is None else f"{100 * row['share_of_peak']:.0f}",
            *(interval(row["against"].get(name)) for name in names),
            interval(row.get("cost_of_lengths")),
            interval(row.get("of_lstm")),
        ]
        for row in rows
    ]


def interval(figures: Mapping[str, float] | None) -> str:
    r"""Return a ratio, and on a second line the ends of its interval.

    >>> interval({"ratio": 1.618, "low": 1.6, "high": 1.7}), interval(None)
    ('1.62\n1.60–1.70', '–')
    """
    if figures is None:
        return NOTHING
    return f"{figures['ratio']:.2f}\n{figures['low']:.2f}–{figures['high']:.2f}"


def terminal_table(rows: Sequence[Mapping[str, Any]], language: str = "en") -> Table:
    """Return the figures for rich's ``Console.print``; headings may be wrapped, figures are never cut."""
    table = Table(box=None, pad_edge=False)
    filled = cells(rows, language)
    for column, heading in enumerate(headings(rows, language)):
        lines = [line for row in filled for line in row[column].splitlines()]
        table.add_column(
            heading,
            justify="left" if column in (0, 3) else "right",
            vertical="top",
            min_width=max(map(cell_len, [*lines, *heading.split()])),
        )
    for row in filled:
        table.add_row(*row)
    return table


def on_one_line(cell: str) -> str:
    r"""Return what stands in two lines of a terminal in one: a figure and its interval.

    >>> on_one_line("1.15\n1.10–1.20")
    '1.15 (1.10–1.20)'
    """
    figure, _, interval = cell.partition("\n")
    return f"{figure} ({interval})" if interval else figure
