"""Which classes are taken for which: the confusion matrix, figures for every class, and the commonest confusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.view.figure import Verdict, figure, sentences
from unrolled.view.frame import text_width
from unrolled.view.numbers import NOTHING, percent
from unrolled.view.shorten import is_wide, name_of
from unrolled.view.svg import escape, tag
from unrolled.view.tables import PlainTable
from unrolled.view.words import Say, Text, listed, phrase, speaker

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

FEW_CLASSES = 7
"""Classes up to which the matrix takes half a page, and is all there is to say of confusions."""

MOST_CLASSES = 20
"""Classes up to which the matrix shows all of them, and how many it shows where there are more."""

_LEVELS = 8  # of each colour, as in heat tables
_LISTED = 100  # classes up to which each has its row of figures


def confusion_counts(truth: ArrayLike, predicted: ArrayLike, classes: int) -> Counts:
    """Return (classes, classes) how many rows of each true class (down) got each predicted class (across).

    Raises:
        ShapeError: the two differ in length, or hold a class number that there is not.

    >>> confusion_counts([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    down, across = np.asarray(truth, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    both = np.concatenate([down.ravel(), across.ravel()])
    if down.shape != across.shape or down.ndim != 1 or ((both < 0) | (both >= classes)).any():
        raise ShapeError(
            f"true classes of shape {down.shape} and predicted ones of shape {across.shape}"
            f" with numbers from {both.min(initial=0)} to {both.max(initial=0)}",
            expected=f"(rows,) for both, with numbers from 0 to {classes - 1}",
        )
    flat = np.bincount(down * classes + across, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


@dataclass(frozen=True)
class ConfusionMatrix:
    """A table of counts (true class down, predicted class across), coloured by the share of the row.

    What lies on the diagonal is right and has one colour, every mistake the other one. It is a table of text, not a
    drawing, so that it is read out cell by cell and scrolls where a page is narrow.

    Raises (when it is written):
        ShapeError: the names do not fit the counts.
    """

    counts: ArrayLike
    classes: Sequence[str]
    note: Text | Sequence[Text] = ()
    totals: ArrayLike | None = None
    """(classes,) rows of each true class, where the counts are not those of all classes."""

    def html(self, language: str = "en") -> str:
        """Return the matrix as one figure in ``language``."""
        speak = speaker(language)
        counts = np.asarray(self.counts, dtype=np.int64)
        if counts.shape != (len(self.classes), len(self.classes)):
            raise ShapeError(
                f"confusion matrix of shape {counts.shape} with {len(self.classes)} class names",
                expected="(classes, classes), true class down",
            )
        totals = counts.sum(1) if self.totals is None else np.asarray(self.totals, np.int64)
        title = speak(phrase("confusion.title"))
        names = [name_of(name, 22) for name in self.classes]
        body = [
            _row(name, line, place, int(total), speak)
            for place, (name, line, total) in enumerate(zip(names, counts, totals, strict=True))
        ]
        whole = tag(
            "table",
            tag("caption", escape(title), class_="unseen"),
            _head(names, speak),
            tag("tbody", *body),
            class_="matrix upright" if _crowded(names) else "matrix",
        )
        scroll = tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=title)
        notes = [*sentences(self.note), phrase("confusion.colours")]
        size = "wide" if len(names) > FEW_CLASSES else "normal"
        return figure(title, [speak(note) for note in notes], scroll, "", size)


def confusion_matrix(counts: Counts, classes: Sequence[str]) -> ConfusionMatrix:
    """Show all classes, or of more than 20 those that take part in most mistakes, in their own order.

    Args:
        counts: (classes, classes), as :func:`confusion_counts` gives them.
        classes: the names, in the same order.
    """
    if len(classes) <= MOST_CLASSES:
        return ConfusionMatrix(counts, classes)
    mistakes = _mistakes(counts)
    # Of classes with as many mistakes the more frequent one.
    part = mistakes.sum(0) + mistakes.sum(1)
    chosen = np.sort(np.lexsort((-counts.sum(1), -part))[:MOST_CLASSES])
    inside = counts[np.ix_(chosen, chosen)]
    held = _mistakes(inside).sum() / max(mistakes.sum(), 1)
    note = phrase(
        "confusion.some",
        shown=f"{len(chosen):,}",
        total=f"{len(classes):,}",
        share=percent(held, 0),
    )
    return ConfusionMatrix(
        inside, [classes[at] for at in chosen.tolist()], note, counts.sum(1)[chosen]
    )


class ClassFigures(NamedTuple):
    """Of every class, (classes,): NaN where a figure does not exist. ``support`` is how many rows are of the class."""

    precision: Array
    recall: Array
    f1: Array
    support: Counts
    predicted: Counts


def class_figures(counts: Counts) -> ClassFigures:
    """Return precision, recall and F1 of every class.

    Precision does not exist for a class that was never predicted, recall not for one without rows, F1 where both fail.

    >>> figures = class_figures(np.array([[3, 1], [0, 4]]))
    >>> figures.precision.tolist(), figures.recall.tolist()
    ([1.0, 0.8], [0.75, 1.0])
    """
    right, support, predicted = np.diag(counts).astype(np.float64), counts.sum(1), counts.sum(0)

    def share(of: NDArray[np.int64]) -> Array:
        return right / np.where(of > 0, of, np.nan)

    # Equal to the harmonic mean of the two, and defined where only one of them is.
    f1 = 2 * share(support + predicted)
    return ClassFigures(share(predicted), share(support), f1, support, predicted)


def class_table(counts: Counts, classes: Sequence[str]) -> PlainTable:
    """Return precision, recall, F1 and rows of every class: of many classes the frequent ones first."""
    figures = class_figures(counts)
    order = np.arange(len(classes))
    if len(classes) > MOST_CLASSES:
        order = np.argsort(-figures.support, kind="stable")[:_LISTED]
    rows = [
        [
            name_of(classes[at], 40),
            *(_share(float(column[at])) for column in figures[:3]),
            f"{figures.support[at]:,}",
        ]
        for at in order.tolist()
    ]
    notes: list[Text] = []
    if len(order) < len(classes):
        shown, total = f"{len(order):,}", f"{len(classes):,}"
        notes.append(phrase("confusion.frequent_classes", shown=shown, total=total))
    idle = np.flatnonzero((figures.predicted == 0) & (figures.support > 0))
    verdict = [Verdict(phrase("confusion.never", classes=_named(idle, classes)), "bad")]
    headings = [phrase(f"confusion.{name}") for name in ("class", "precision", "recall")]
    return PlainTable(
        phrase("confusion.classes"),
        [*headings, "F1", phrase("confusion.rows")],
        rows,
        notes,
        verdict if len(idle) else (),
    )


def confusion_list(counts: Counts, classes: Sequence[str], *, most: int = 10) -> PlainTable:
    """Return the ``most`` frequent confusions: true and predicted class, how often, and as a share of the true class."""
    mistakes, support = _mistakes(counts), counts.sum(1)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    pairs = [divmod(int(at), len(classes)) for at in order if mistakes.flat[at] > 0]
    rows = [
        [
            f"{name_of(classes[true])} → {name_of(classes[predicted])}",
            f"{mistakes[true, predicted]:,}",
            percent(mistakes[true, predicted] / support[true]),
        ]
        for true, predicted in pairs
    ]
    headings = ("pair", "count", "share")
    held = mistakes.flat[order].sum() / max(mistakes.sum(), 1)
    shown = {"shown": f"{len(rows):,}", "total": f"{int((mistakes > 0).sum()):,}"}
    return PlainTable(
        phrase("confusion.pairs"),
        [phrase(f"confusion.{heading}") for heading in headings],
        rows,
        phrase("confusion.pairs_note", share=percent(held, 0), **shown) if rows else (),
    )


def levels(shares: Array) -> NDArray[np.int64]:
    """Return the colour of every share, 0 (none) to 8: by its root, so that a few percent can be seen.

    >>> levels(np.array([0.0, 0.001, 0.05, 0.25, 1.0])).tolist()
    [0, 1, 2, 4, 8]
    """
    return np.ceil(np.sqrt(np.nan_to_num(shares)) * _LEVELS - 1e-9).astype(np.int64)


def _crowded(names: Sequence[str]) -> bool:
    """Return whether names do not fit side by side above their columns: in half a page of few, in a page of many."""
    room = 900 if len(names) > FEW_CLASSES else 360
    return sum(max(text_width(name), 30) + 18 for name in names) > room


def _head(names: Sequence[str], speak: Say) -> str:
    above = tag(
        "tr",
        tag("td", ""),
        tag(
            "th",
            escape(speak(phrase("confusion.predicted"))),
            scope="colgroup",
            colspan=len(names),
            class_="side",
        ),
    )
    corner = tag("th", escape(speak(phrase("confusion.true"))), scope="col", class_="side corner")
    columns = (
        # Chinese stands on its feet in an upright line; Latin letters lie on their side and are turned to read upward.
        tag(
            "th", tag("span", escape(name), class_=None if is_wide(name) else "turned"), scope="col"
        )
        for name in names
    )
    return tag("thead", above, tag("tr", corner, *columns))


def _row(name: str, counts: Counts, diagonal: int, total: int, speak: Say) -> str:
    cells = []
    for place, level in enumerate(levels(counts / max(total, 1))):
        kind = "right" if place == diagonal else "wrong"
        empty = not counts[place]
        cells.append(
            tag("td", f"{counts[place]:,}", class_="none" if empty else f"{kind} on{level}")
        )
    return tag("tr", tag("th", escape(name), scope="row"), *cells)


def _mistakes(counts: Counts) -> Counts:
    return counts * (1 - np.eye(len(counts), dtype=np.int64))


def _share(value: float) -> str:
    return percent(value) if np.isfinite(value) else NOTHING


def _named(places: NDArray[np.int64], classes: Sequence[str]) -> Text:
    names: list[Text] = [name_of(classes[at]) for at in places[:10].tolist()]
    if more := len(places) - 10:
        names += [phrase("confusion.more", count=f"{more:,}")] if more > 0 else []
    return listed(names) if names else ""
