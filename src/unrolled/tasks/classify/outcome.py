"""What a classifier made of rows whose labels are known: the scores, the report and the tests read it from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outcome:
    """N rows with their true classes and the probabilities that a classifier gave to each of C classes.

    - ``classes``: C labels. ``truth`` (N,): class numbers, 0 to C - 1.
    - ``probabilities`` (N, C): every row sums to 1.
    - ``lengths`` (N,): tokens or steps of each row, before a long one is cut.
    - ``inputs``: the N rows themselves, texts or sequences of numbers (T_i, F).
    - ``where``: the place of row i, such as "reviews.csv, row 7".

    >>> outcome = Outcome(("no", "yes"), np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.8]]),
    ...                   np.array([1, 1]), ["bad", "good"], lambda row: f"row {row + 1}")
    >>> outcome.predicted.tolist(), outcome.confidence.tolist(), outcome.correct.tolist()
    ([0, 1], [0.9, 0.8], [True, False])
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    lengths: NDArray[np.int64]
    inputs: Sequence[str] | Sequence[NDArray[np.float32]]
    where: Callable[[int], str]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable class of every row, (N,); the first of equal ones."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of the predicted class, (N,)."""
        return self.probabilities.max(axis=1)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one, (N,)."""
        return self.predicted == self.truth
