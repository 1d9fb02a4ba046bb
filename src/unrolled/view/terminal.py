"""The score table in a terminal: the same figures, marks and sentences as on the page."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Styled

from unrolled.view.scores import ScoreTable
from unrolled.view.words import phrase, speaker

BEST = "*"
"""Stands behind the best figure of a metric, so that it is marked without colours too."""

ARROWS = {"lower": "↓", "higher": "↑", "nominal": "→", "": ""}
"""Which direction is better, as a terminal has no room to say it in every column."""

_COLOURS = {"good": "green", "bad": "yellow"}


def terminal_table(table: ScoreTable, language: str = "en") -> Table:
    """Return ``table`` for rich's ``Console.print``; the best figure of every metric is bold, with a star.

    Raises:
        OptionError: there is no such language.
    """
    speak = speaker(language)
    # Whatever a user named is put in as text, never as markup: a method may be called "[red]".
    title = Styled(speak(table.title), style="bold") if table.title else None
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False)
    drawn.add_column(Styled(speak(phrase("score.method"))), vertical="bottom")
    for column in table.metrics:
        heading = Styled(f"{speak(column.label)} {ARROWS[column.aim]}".rstrip() + "  ")
        drawn.add_column(heading, justify="right", vertical="bottom")
    for name, cells in table.rows():
        plain = "bold" if name == table.model else ""
        figures = [
            Styled(f"{cell.text} {BEST}", style="bold green", no_wrap=True)
            if cell.best
            else Styled(f"{cell.text}  ", style=plain, no_wrap=True)
            for cell in cells
        ]
        drawn.add_row(Styled(speak(table.row_name(name)), style=plain), *figures)
    return drawn


def terminal_scores(table: ScoreTable, language: str = "en") -> RenderableType:
    """Return the table, what its marks mean, and in words where the model leads and where it loses."""
    speak = speaker(language)
    aims = dict.fromkeys(column.aim for column in table.metrics if column.aim)
    marks = [f"{ARROWS[aim]} {speak(phrase(f'score.{aim}'))}" for aim in aims]
    marks.append(f"{BEST} {speak(phrase('score.best'))}")
    verdict = [
        Styled(speak(said.text), style=_COLOURS.get(said.kind, "")) for said in table.verdict()
    ]
    return Group(terminal_table(table, language), Styled("   ".join(marks), style="dim"), *verdict)
