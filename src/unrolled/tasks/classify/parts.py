"""Labelled rows in three parts: to train on, to stop on, and to score once."""

from __future__ import annotations

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
    test = data.test if test is None else test
    parts = stratified_parts(
        labels,
        validation=0 if validation is not None else settings.validation,
        test=0 if test is not None else settings.test,
        seed=seed,
    )
    whole = Part.of(data, classes)
    held = whole.take(parts.validation) if validation is None else Part.of(validation, classes)
    # What the network cannot answer cannot tell it when to stop.
    held = held.take(np.flatnonzero(held.labels < len(classes)))
    scored = whole.take(parts.test) if test is None else Part.of(test, classes)
    return LabelledParts(classes, whole.take(parts.train), held, scored, parts.notes)


def labels_of(data: Labelled) -> Labels:
    """Return the labels of rows that have them."""
    assert data.labels is not None
    return Labels.of(data.labels)


def _by_size(name: str) -> tuple[bool, float, str]:
    """Sort numbers by their size, before words."""
    try:
        return (False, float(name), name)
    except ValueError:
        return (True, 0.0, name)
