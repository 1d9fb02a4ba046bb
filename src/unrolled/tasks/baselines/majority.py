"""What a baseline of classification is, and the one that does not look at its input: the majority."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import InputError, ShapeError
from unrolled.tasks.baselines.kept import array_of, entry

Array = NDArray[np.float64]
Classes = NDArray[np.int64]
Arrays = Mapping[str, NDArray[Any]]
Saved = tuple[dict[str, Any], dict[str, NDArray[Any]]]

BLOCK = 8192
"""Rows predicted at a time, for the sake of memory."""


class ClassifyBaseline(ABC):
    """A simple method that could have done the job, fitted and asked on the same rows as the network.

    A subclass writes ``_fit`` and ``_predict``; ``_saved`` and ``_restore`` too where it is kept with a model.

    Attributes:
        name: in the score table.
        calibrated_by_construction: its confidence is the accuracy of the training part whatever was
            learned, so that a calibration error near 0 is no achievement to be shown.
        note: what was done otherwise than asked, in a sentence; "" where there is nothing to say.
    """

    name: ClassVar[str]
    calibrated_by_construction: ClassVar[bool] = False
    note: str = ""
    classes: int

    def fit(
        self,
        inputs: Sequence[Any],
        labels: ArrayLike,
        validation_inputs: Sequence[Any] = (),
        validation_labels: ArrayLike = (),
        *,
        classes: int,
        seed: int = 0,
    ) -> Self:
        """Fit on rows of the training part; choose settings, and nothing else, on those of validation.

        Args:
            inputs: N texts, or N sequences of numbers (T_i, F).
            labels: (N,) class numbers from 0 to ``classes`` - 1; classes may be without a row.
            validation_inputs: M rows to choose settings on; without them a usual setting is taken.
            validation_labels: (M,).
            classes: the number of classes.
            seed: of every draw.

        Raises:
            InputError: there is no row to fit on.
            ShapeError: inputs and labels differ in number, or a class number does not exist.
        """
        y = _class_numbers("labels", labels, len(inputs), classes)
        chosen_on = _class_numbers(
            "validation_labels", validation_labels, len(validation_inputs), classes
        )
        if not len(y):
            raise InputError("there is no row to fit the baselines on", fix="give rows with labels")
        self.classes, self.note = classes, ""
        self._fit(inputs, y, validation_inputs, chosen_on, seed)
        return self

    def predict(self, inputs: Sequence[Any]) -> Array:
        """Return (N, C) probabilities; a class that had no training row has probability 0."""
        parts = [
            self._predict(inputs[start : start + BLOCK]) for start in range(0, len(inputs), BLOCK)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.classes))

    def saved(self) -> Saved:
        """Return what was learned: settings that JSON can hold, and arrays by name.

        Raises:
            NotImplementedError: a subclass that has no ``_saved``.

        >>> config, arrays = Majority().fit(["a", "b"], [0, 1], classes=2).saved()
        >>> config, arrays
        ({'classes': 2, 'note': ''}, {'shares': array([0.5, 0.5])})
        >>> Majority.restored(config, arrays).predict(["new"]).tolist()
        [[0.5, 0.5]]
        """
        config, arrays = self._saved()
        return {"classes": self.classes, "note": self.note, **config}, arrays

    @classmethod
    def restored(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the baseline that :meth:`saved` was asked of: the same predictions, without its training rows.

        Raises:
            KeyError: a setting or an array is missing.
            ValueError: one is of another kind, shape or value than was saved.
        """
        baseline = cls()
        baseline.classes = entry(config, "classes", int)
        baseline.note = entry(config, "note", str)
        baseline._restore(config, arrays)
        return baseline

    @abstractmethod
    def _fit(
        self,
        inputs: Sequence[Any],
        labels: Classes,
        validation_inputs: Sequence[Any],
        validation_labels: Classes,
        seed: int,
    ) -> None: ...

    @abstractmethod
    def _predict(self, inputs: Sequence[Any]) -> Array: ...

    def _saved(self) -> Saved:
        raise NotImplementedError(f"{self.name} cannot be saved")

    def _restore(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        raise NotImplementedError(f"{self.name} cannot be restored")


class Majority(ClassifyBaseline):
    """The shares of the classes in the training part, whatever the input.

    So the predicted class is the most frequent one (the first of equal ones), and the cross-entropy is
    that of the best answer that does not look at its input.
    """

    name = "majority"
    calibrated_by_construction = True
    _shares: Array

    def _fit(
        self,
        inputs: Sequence[Any],
        labels: Classes,
        validation_inputs: Sequence[Any],
        validation_labels: Classes,
        seed: int,
    ) -> None:
        self._shares = class_shares(labels, self.classes)

    def _predict(self, inputs: Sequence[Any]) -> Array:
        return np.tile(self._shares, (len(inputs), 1))

    def _saved(self) -> Saved:
        return {}, {"shares": self._shares}

    def _restore(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        self._shares = shares_of(arrays, self.classes)


def class_shares(labels: Classes, classes: int) -> Array:
    """Return (C,): the share of every class among the labels (N,).

    >>> class_shares(np.array([0, 2, 2, 2]), 3).tolist()
    [0.25, 0.0, 0.75]
    """
    return np.bincount(labels, minlength=classes) / len(labels)


def shares_of(arrays: Arrays, classes: int) -> Array:
    """Return the array "shares" of what was saved: (C,), from 0, summing to 1.

    Raises:
        KeyError: there is none.
        ValueError: it is something else.
    """
    shares = array_of(arrays, "shares", np.float64, [classes])
    if (shares < 0).any() or not np.isclose(shares.sum(), 1.0):
        raise ValueError("shares are not from 0, or do not sum to 1")
    return shares


def _class_numbers(name: str, labels: ArrayLike, rows: int, classes: int) -> Classes:
    y = np.asarray(labels, dtype=np.int64)
    if y.shape != (rows,):
        raise ShapeError(f"{name} have shape {y.shape}", expected=f"({rows},), one a row")
    if len(y) and not 0 <= y.min() <= y.max() < classes:
        raise ShapeError(
            f"{name} from {y.min()} to {y.max()}", expected=f"class numbers from 0 to {classes - 1}"
        )
    return y
