"""The score table in a terminal: the same figures, marks and sentences as on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text as Styled

from unrolled.view.scores import Cell, ScoreTable
from unrolled.view.words import phrase, speaker

BEST = "*"
"""Stands behind the best figure of a metric, so that it is marked without colours too."""

ARROWS = {"lower": "↓", "higher": "↑", "nominal": "→", "": ""}
"""Which direction is better, as a terminal has no room to say it in every column."""

_COLOURS = {"good": "green", "bad": "yellow"}


def terminal_table(
    table: ScoreTable,
    language: str = "en",
    metrics: Sequence[int] | None = None,
    *,
    narrow: bool = False,
) -> Table:
    """Return ``table`` for rich's ``Console.print``; the best figure of every metric is bold, with a star.

    Args:
        table: the scores.
        language: "en" or "zh".
        metrics: which columns are shown, by number; all where None.
        narrow: wrap every heading between its words. Left to itself rich takes from columns that have nothing to give.

    Raises:
        OptionError: there is no such language.
    """
    speak = speaker(language)
    shown = range(len(table.metrics)) if metrics is None else metrics
    # Whatever a user named is put in as text, never as markup: a method may be called "[red]".
    title = Styled(speak(table.title), style="bold") if table.title else None
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False)
    first = [
        speak(phrase("score.method")),
        *(speak(table.row_name(name)) for name, _ in table.rows()),
    ]
    width = max(cell_len(name) for name in first)
    drawn.add_column(Styled(first[0]), vertical="bottom", min_width=width, no_wrap=True)
    columns = [[_figure(cells[number]) for _, cells in table.rows()] for number in shown]
    for number, figures in zip(shown, columns, strict=True):
        metric = table.metrics[number]
        heading = f"{speak(metric.label)} {ARROWS[metric.aim]}".rstrip()
        # A heading may be wrapped between words; a figure never parts from its star.
        parts = [*heading.split(), *(figure.plain for figure in figures)]
        width = max(cell_len(part) for part in parts)
        most = width if narrow else None
        drawn.add_column(
            Styled(heading), justify="right", vertical="bottom", min_width=width, max_width=most
        )
    for row, (name, _) in enumerate(table.rows()):
        plain = "bold" if name == table.model else ""
        drawn.add_row(Styled(first[row + 1]), *(figures[row] for figures in columns), style=plain)
    return drawn


@dataclass(frozen=True)
class TerminalScores:
    """The table, what its marks mean, and in words where the model leads and where it loses.

    A table that is wider than the terminal goes on below with the metrics that are left.
    """

    table: ScoreTable
    language: str = "en"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        speak = speaker(self.language)
        left = list(range(len(self.table.metrics)))
        while left:
            fitting = [
                count
                for count in range(2, len(left) + 1)
                if self._measured(left[:count], console, options).minimum <= options.max_width
            ]
            count = max(fitting, default=1)
            whole = self._measured(left[:count], console, options).maximum <= options.max_width
            yield terminal_table(self.table, self.language, left[:count], narrow=not whole)
            left = left[count:]
        aims = dict.fromkeys(column.aim for column in self.table.metrics if column.aim)
        marks = [f"{ARROWS[aim]} {speak(phrase(f'score.{aim}'))}" for aim in aims]
        yield Styled("   ".join([*marks, f"{BEST} {speak(phrase('score.best'))}"]), style="dim")
        for said in self.table.verdict():
            yield Styled(speak(said.text), style=_COLOURS.get(said.kind, ""))

    def _measured(
        self, metrics: list[int], console: Console, options: ConsoleOptions
    ) -> Measurement:
        """Return how wide the table is: at least, with headings wrapped but no figure and no name, and at most."""
        part = terminal_table(self.table, self.language, metrics)
        return Measurement.get(console, options.update(width=10_000), part)


def terminal_scores(table: ScoreTable, language: str = "en") -> TerminalScores:
    """Return ``table`` with its verdict, for rich's ``Console.print``.

    Raises:
        OptionError: there is no such language.
    """
    speaker(language)
    return TerminalScores(table, language)


def _figure(cell: Cell) -> Styled:
    return (
        Styled(f"{cell.text} {BEST}", style="bold green") if cell.best else Styled(f"{cell.text}  ")
    )
