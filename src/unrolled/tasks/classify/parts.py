"""Labelled rows in three parts: to train on, to stop on, and to score once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.label_codes import Labels
from unrolled.data.labelled import Labelled
from unrolled.data.partition import stratified_parts
from unrolled.data.subset import Subset
from unrolled.errors import InputError
from unrolled.tasks.classify.settings import ClassifySettings

Rows = NDArray[np.int64]

FEW_ROWS = 10
"""Up to which every class may have one row."""


@dataclass(frozen=True)
class Part:
    """Labelled rows.

    Attributes:
        inputs: (N) texts or sequences of numbers.
        labels: (N,) numbers of ``classes``.
        classes: those of the model first, then labels that it was not trained on.
        where: gives the place of a row.
    """

    inputs: Sequence[Any]
    labels: Rows
    classes: tuple[str, ...]
    where: Callable[[int], str]

    @classmethod
    def of(cls, rows: Labelled, classes: Sequence[str]) -> Part:
        """Return labelled rows with their labels as numbers of ``classes``."""
        codes, names = labels_of(rows).coded(classes)
        return cls(rows.inputs, codes, names, rows.where)

    def __len__(self) -> int:
        return len(self.inputs)

    def new_rows(self, classes: Sequence[str]) -> Rows:
        """Return the rows whose label is none of ``classes``, with which its own begin."""
        return np.flatnonzero(self.labels >= len(classes))

    def take(self, rows: Rows) -> Part:
        """Return these rows, in their order."""
        return Part(
            Subset(self.inputs, rows),
            self.labels[rows],
            self.classes,
            lambda row: self.where(int(rows[row])),
        )


@dataclass(frozen=True)
class LabelledParts:
    """The training, validation and test part of labelled rows, and the classes of the first."""

    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    notes: tuple[str, ...] = ()


def part_rows(
    data: Labelled,
    settings: ClassifySettings,
    seed: int,
    validation: Labelled | None = None,
    test: Labelled | None = None,
) -> LabelledParts:
    """Part labelled rows as the settings say, or take the parts that are given or come with the data.

    Raises:
        InputError: there is one class only.
    """
    labels = labels_of(data)
    classes = tuple(sorted(labels.names, key=_by_size))
    if len(classes) < 2:
        raise InputError(
            f"all {len(labels):,} rows have the label {classes[0]!r}",
            where=data.where(0),
            expected="at least two classes",
            fix="give rows of other classes, or name the column of the labels (--label)",
        )
    _refuse_own_labels(labels, data)
    brought = data.test if test is None else None
    test = test if brought is None else brought
    parts = stratified_parts(
        labels,
        validation=0 if validation is not None else settings.validation,
        test=0 if test is not None else settings.test,
        seed=seed,
    )
    whole = Part.of(data, classes)
    held = whole.take(parts.validation) if validation is None else Part.of(validation, classes)
    scored = whole.take(parts.test) if test is None else Part.of(test, classes)
    for part in (held, scored):
        refuse_all_new(part, classes)
    notes = parts.notes
    if brought is not None:
        notes += (f"test: the {len(brought):,} rows that the file brings for it",)
    if len(new := held.new_rows(classes)):
        # What the network cannot answer cannot tell it when to stop.
        held = held.take(np.flatnonzero(held.labels < len(classes)))
        notes += (
            f"validation: {len(new):,} rows left out, whose labels the training part has not",
        )
    return LabelledParts(classes, whole.take(parts.train), held, scored, notes)


def _refuse_own_labels(labels: Labels, data: Labelled) -> None:
    """Raise an InputError when most labels occur once: they are numbers to predict, or names of rows, not classes."""
    once = int((np.bincount(labels.codes) == 1).sum())
    if 2 * once > len(labels) > FEW_ROWS:
        raise InputError(
            f"{once:,} of {len(labels):,} labels occur once, as {labels[0][:40]!r}",
            where=data.where(0),
            expected="classes, each the label of several rows",
            fix="name the column of the labels (--label)",
        )


def refuse_all_new(part: Part, classes: Sequence[str]) -> None:
    """Raise an InputError when rows are given, and no label of theirs was trained on."""
    if len(part) and len(part.new_rows(classes)) == len(part):
        raise InputError(
            f"none of the labels was trained on: {', '.join(part.classes[len(classes) :][:5])}",
            where=part.where(0),
            expected=f"labels such as {', '.join(classes[:5])}",
            fix="name the column of the labels (--label), or give another file",
        )


def labels_of(data: Labelled) -> Labels:
    """Return the labels of rows that have them."""
    assert data.labels is not None
    return Labels.of(data.labels)


def _by_size(name: str) -> tuple[bool, float, str]:
    """Sort numbers by their size, before words."""
    try:
        number = float(name)
    except ValueError:
        number = math.nan
    return (False, number, name) if math.isfinite(number) else (True, 0.0, name)
