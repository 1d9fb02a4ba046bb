"""The worst mistakes: what was wrong and most sure of itself, with the row itself to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unrolled.view.charts import Axis, LineChart
from unrolled.view.figure import figure, paragraph
from unrolled.view.gallery import Block, Gallery
from unrolled.view.numbers import percent
from unrolled.view.runs import Line
from unrolled.view.shorten import name_of, shortened
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.classify.outcome import (
        Outcome,
    )  # only its shape is needed, not torch behind it

MOST_TEXTS, MOST_SERIES = 10, 9
TEXT_WIDTH = 300
MOST_FEATURES = 4


@dataclass(frozen=True)
class Mistake:
    """A row whose predicted label is not the true one.

    ``probability`` was given to the predicted label, ``for_truth`` to the true one. ``content`` is the row: a text, or
    numbers (steps, features). ``place`` says where it stands.
    """

    truth: str
    predicted: str
    probability: float
    for_truth: float
    place: str
    content: str | NDArray[np.float32]


@dataclass(frozen=True)
class MistakenTexts:
    """Texts that were taken for something else, each with what it is and what it was taken for."""

    mistakes: Sequence[Mistake]
    note: Text = ""

    def html(self, language: str = "en") -> str:
        """Return the texts as a list in ``language``."""
        speak = speaker(language)
        items = [_item(mistake, speak) for mistake in self.mistakes]
        note = [speak(self.note)] if self.note else []
        whole = tag("ol", *items, class_="mistakes") if items else ""
        return figure(speak(phrase("mistakes.title")), note, whole, "", "wide")


def worst_mistakes(outcome: Outcome, *, most: int | None = None) -> list[Mistake]:
    """Return the wrong rows of highest confidence, the surest first; of equal texts only the first.

    Args:
        outcome: rows with their true and predicted classes.
        most: how many; 10 texts or 9 sequences where None.
    """
    predicted, confidence = outcome.predicted, outcome.confidence
    wrong = np.flatnonzero(predicted != outcome.truth)
    found: list[Mistake] = []
    seen: set[str] = set()
    for row in wrong[np.argsort(-confidence[wrong], kind="stable")].tolist():
        content = outcome.inputs[row]
        wanted = most or (MOST_TEXTS if isinstance(content, str) else MOST_SERIES)
        if len(found) == wanted:
            break
        if isinstance(content, str):
            if content in seen:
                continue
            seen.add(content)
        truth = int(outcome.truth[row])
        found.append(
            Mistake(
                truth=outcome.classes[truth],
                predicted=outcome.classes[int(predicted[row])],
                probability=float(confidence[row]),
                for_truth=float(outcome.probabilities[row, truth]),
                place=outcome.where(row),
                content=content,
            )
        )
    return found


def mistakes_block(mistakes: Sequence[Mistake], wrong: int, rows: int) -> Block:
    """Show ``mistakes``: texts as a list, sequences of numbers as small charts.

    Args:
        mistakes: as :func:`worst_mistakes` gives them.
        wrong: how many rows are wrong in all.
        rows: how many rows there are.
    """
    counts = {"shown": f"{len(mistakes):,}", "wrong": f"{wrong:,}", "rows": f"{rows:,}"}
    note = phrase("mistakes.note" if mistakes else "mistakes.none", **counts)
    if mistakes and not isinstance(mistakes[0].content, str):
        charts = [_series(mistake) for mistake in mistakes]
        several = len(charts[0].lines) > 1
        return Gallery(phrase("mistakes.title"), charts, note, charts[0] if several else None)
    return MistakenTexts(mistakes, note)


def _item(mistake: Mistake, speak: Say) -> str:
    text = shortened(str(mistake.content), TEXT_WIDTH)
    # A script that runs from right to left, or a mark that turns the direction, stays within its own paragraph.
    quote = tag("p", escape(text), class_="quote", dir="auto")
    if not text:
        quote = tag("p", escape(speak(phrase("mistakes.empty"))), class_="note")
    return tag("li", quote, _labels(mistake, speak), paragraph([_sureness(mistake, speak)]))


def _labels(mistake: Mistake, speak: Say) -> str:
    pairs = (("true", "right", mistake.truth), ("predicted", "wrong", mistake.predicted))
    return tag(
        "p",
        *(
            tag(
                "span",
                f"{escape(speak(phrase(f'confusion.{key}')))} ",
                tag("b", escape(name_of(name, 60)), class_=role, dir="auto"),
            )
            for key, role, name in pairs
        ),
        class_="labels",
    )


def _sureness(mistake: Mistake, speak: Say) -> str:
    return speak(
        phrase(
            "mistakes.sure",
            place=mistake.place,
            probability=percent(mistake.probability),
            truth=percent(mistake.for_truth),
        )
    )


def _series(mistake: Mistake) -> LineChart:
    values = np.asarray(mistake.content, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    features = values.shape[1]
    shown = [Line(str(at + 1), np.arange(len(values)), values[:, at]) for at in range(features)]
    notes: list[Text] = [
        phrase(
            "mistakes.sure",
            place=mistake.place,
            probability=percent(mistake.probability),
            truth=percent(mistake.for_truth),
        )
    ]
    if features > MOST_FEATURES:
        notes.append(phrase("mistakes.features", shown=str(MOST_FEATURES), total=f"{features:,}"))
    pair = {"true": name_of(mistake.truth), "predicted": name_of(mistake.predicted)}
    return LineChart(
        phrase("mistakes.pair", **pair),
        shown[:MOST_FEATURES],
        x=Axis(phrase("length.steps")),
        note=notes,
        size="small",
    )
