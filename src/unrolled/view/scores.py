"""The score table: the model beside the simplest methods that could have done it, and what that means in words.

The page and the terminal show the same :class:`ScoreTable`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from unrolled.view.figure import Verdict, paragraph, sentences, verdict_list
from unrolled.view.metrics import Metric, metric, written
from unrolled.view.numbers import column_decimals
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, known_phrase, listed, phrase, speaker

Scores = Mapping[str, Mapping[str, float | None]]


class Cell(NamedTuple):
    """One figure as it is written, and whether it is the best of its metric."""

    text: str
    best: bool


@dataclass(frozen=True)
class ScoreTable:
    """Scores by method and metric, in the order in which they are shown; ``model`` is the model's row.

    None, NaN and absent figures are shown as a dash and take no part in comparisons.
    """

    scores: Scores
    model: str = "model"
    title: Text = ""
    note: Text | Sequence[Text] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that any row has, in the order of first appearance."""
        keys = dict.fromkeys(key for figures in self.scores.values() for key in figures)
        return tuple(metric(key) for key in keys)

    @property
    def headings(self) -> list[tuple[Text, Text]]:
        """The name of every metric and, in words, which direction is better."""
        aims = {"": ""} | {aim: phrase(f"score.{aim}") for aim in ("lower", "higher", "nominal")}
        return [(column.label, aims[column.aim]) for column in self.metrics]

    def rows(self) -> list[tuple[str, list[Cell]]]:
        """Return every row's key in the scores and its cells, one for every metric."""
        columns = [self._column(column) for column in self.metrics]
        return [
            (name, [cells[number] for cells in columns]) for number, name in enumerate(self.scores)
        ]

    def row_name(self, name: str) -> Text:
        """Return the words for a row: known methods by their name in the language, others as they are."""
        return known_phrase(f"method.{name}", name)

    def verdict(self) -> list[Verdict]:
        """Return in words where the model leads, and every single figure on which a baseline beats it."""
        if self.model not in self.scores or len(self.scores) < 2:
            return []
        duels = [duel for column in self.metrics if column.aim for duel in self._duels(column)]
        missing: list[Text] = [
            column.label for column in self.metrics if self._value(self.model, column) is None
        ]
        said = self._led()
        said += self._lost(duels)
        if duels and not any(duel.lost for duel in duels):
            said.append(Verdict(phrase("score.no_loss"), "good"))
        if missing:
            said.append(Verdict(phrase("score.no_figure", metrics=listed(missing)), "bad"))
        return said

    def html(self, language: str = "en") -> str:
        """Return the table with its verdict below, in ``language``."""
        speak = speaker(language)
        head = [
            tag("th", escape(speak(label)), tag("small", escape(speak(aim))), scope="col")
            for label, aim in self.headings
        ]
        body = [
            tag(
                "tr",
                tag("th", escape(speak(self.row_name(name))), scope="row"),
                *(_cell(cell, speak) for cell in cells),
                class_="model" if name == self.model else None,
            )
            for name, cells in self.rows()
        ]
        heading = tag(
            "thead", tag("tr", tag("th", escape(speak(phrase("score.method"))), scope="col"), *head)
        )
        whole = tag("table", heading, tag("tbody", *body), class_="scores")
        title = tag("h3", escape(speak(self.title))) if self.title else ""
        note = paragraph(speak(said) for said in sentences(self.note))
        label = speak(self.title or phrase("score.title"))
        return tag(
            "div",
            title,
            note,
            tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=label),
            verdict_list(self.verdict(), speak),
            class_="block wide",
        )

    def _value(self, name: str, column: Metric) -> float | None:
        value = self.scores[name].get(column.key)
        return float(value) if value is not None and math.isfinite(value) else None

    def _column(self, column: Metric) -> list[Cell]:
        values = [self._value(name, column) for name in self.scores]
        known = [value for value in values if value is not None]
        best = min((column.badness(value) for value in known), default=math.nan)
        compared = bool(column.aim) and len(known) > 1
        decimals = column_decimals(known)
        return [
            Cell(
                written(column, value, decimals),
                compared and value is not None and column.badness(value) == best,
            )
            for value in values
        ]

    def _duels(self, column: Metric) -> list[_Duel]:
        model = self._value(self.model, column)
        others = [(name, self._value(name, column)) for name in self.scores if name != self.model]
        return [
            _Duel(name, column, model, value)
            for name, value in others
            if model is not None and value is not None
        ]

    def _led(self) -> list[Verdict]:
        """Say on which metrics the model is ahead of every baseline, and of which one by how little."""
        leads: list[Text] = []
        for column in self.metrics:
            duels = self._duels(column) if column.aim else []
            if duels and all(duel.won for duel in duels):
                nearest = min(duels, key=lambda duel: column.badness(duel.baseline))
                method, gap = self.row_name(nearest.name), nearest.gap
                leads.append(phrase("score.lead", metric=column.label, method=method, gap=gap))
        return [Verdict(phrase("score.leads", leads=listed(leads)), "good")] if leads else []

    def _lost(self, duels: list[_Duel]) -> list[Verdict]:
        """Say for every baseline that beats the model anywhere, where and by how much."""
        said: list[Verdict] = []
        for name in self.scores:
            losses: list[Text] = [
                phrase("score.loss", metric=duel.column.label, gap=duel.gap)
                for duel in duels
                if duel.name == name and duel.lost
            ]
            if losses:
                beaten = phrase("score.beats", method=self.row_name(name), losses=listed(losses))
                said.append(Verdict(beaten, "bad"))
        return said


class _Duel(NamedTuple):
    """The model against one baseline on one metric."""

    name: str
    column: Metric
    model: float
    baseline: float

    @property
    def lost(self) -> bool:
        return self.column.badness(self.model) > self.column.badness(self.baseline)

    @property
    def won(self) -> bool:
        return self.column.badness(self.model) < self.column.badness(self.baseline)

    @property
    def gap(self) -> Text:
        return self.column.gap(self.model, self.baseline)


def score_table(
    scores: Scores, *, title: Text = "", note: Text | Sequence[Text] = (), model: str = "model"
) -> ScoreTable:
    r"""Put the model's row first and keep the others in order.

    Args:
        scores: method -> metric -> figure, as ``evaluate`` gives them.
        title: above the table; none by default, as a section's title mostly says it.
        note: one or more sentences under the title, such as how many forecasts were scored.
        model: which row is the model's.

    >>> from unrolled.view.words import say
    >>> table = score_table({"ridge": {"mae": 2.0}, "model": {"mae": 2.026}})
    >>> [say(said.text) for said in table.verdict()]
    ['ridge beats the model on MAE by 1.3\xa0%.']
    """
    first = {model: scores[model]} if model in scores else {}
    rest = {name: figures for name, figures in scores.items() if name != model}
    return ScoreTable(first | rest, model, title, note)


def beside_baselines(key: str, value: float, scores: Scores) -> Text:
    """Name the best baseline's figure, and the baseline where it beats the model."""
    column = metric(key)
    known = {
        name: other
        for name, row in scores.items()
        if name != "model" and (other := row.get(key)) is not None
    }
    if not known:
        return ""
    best = min(known, key=lambda name: column.badness(known[name]))
    figure = written(column, known[best], 3)
    if column.badness(value) > column.badness(known[best]):
        method = known_phrase(f"method.{best}", best)
        return phrase("report.loses_to", method=method, figure=figure)
    return phrase("report.best_baseline", figure=figure)


def _cell(cell: Cell, speak: Say) -> str:
    if not cell.best:
        return tag("td", escape(cell.text))
    spoken = tag("span", f" ({escape(speak(phrase('score.best')))})", class_="unseen")
    return tag("td", tag("b", escape(cell.text)), spoken, class_="best")
