"""How much of an output is copied: its longest run that stands in the training text too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.token_rows import TokenRows
from unrolled.tasks.baselines.kept import array_of
from unrolled.tasks.baselines.kept_rows import packed_rows, unpacked_rows
from unrolled.tasks.baselines.majority import Arrays, Saved
from unrolled.tasks.common_runs import CommonRuns, longest_runs


class CopiedRun(NamedTuple):
    """A run of an output that stands in the training text.

    Attributes:
        length: in tokens, or in characters.
        start: where it begins in the output.
        document: the training document it stands in.
        offset: where it begins there.
    """

    length: int
    start: int
    document: int
    offset: int


class CopiedRuns:
    """Finds what outputs copy from the training text.

    A run lies within one document. Of equally long ones the first of the output is given, and where it first stands in
    the training text; an output that shares no token has a run of length 0 at 0 of document 0.

    Runs of 2 w tokens are two of w, so places are classed by doubling, and a place is left out as soon as its run is not
    in the text and in an output; a run of a length between is two that overlap, found by bisection. The answer is exact.
    The text is gone through once for each length that is tried, whatever the number of outputs: ask for many at once.

    Args:
        documents: N rows of token ids, or N texts, whose characters then count.

    >>> runs = CopiedRuns(["the cat sat on the mat", "a dog ran"])
    >>> runs.longest("my cat sat here")
    CopiedRun(length=9, start=2, document=0, offset=3)
    >>> [run.length for run in runs.longest_of_each(["a dog", "mat a", "", "XYZ"])]
    [5, 3, 0, 0]
    """

    def __init__(self, documents: Sequence[ArrayLike | str]) -> None:
        rows = _rows(documents)
        alphabet, codes = np.unique(np.asarray(rows.values[:]), return_inverse=True)
        self._set(alphabet, TokenRows(codes, rows.ends))

    def longest(self, output: ArrayLike | str) -> CopiedRun:
        """Return the longest run of an output, (T,) token ids or a text."""
        return self.longest_of_each([output])[0]

    def longest_of_each(self, outputs: Sequence[ArrayLike | str]) -> list[CopiedRun]:
        """Return the longest run of each output."""
        rows = _rows(outputs)
        codes = _separated(self._codes(np.asarray(rows.values[:])), rows.ends)
        common = CommonRuns.of(self._text, codes, len(self._alphabet))
        found = longest_runs(common, _starts(rows.ends))
        places = np.where(found.lengths > 0, found.text, 0)
        documents = np.searchsorted(self._starts, places, side="right") - 1
        offsets = places - self._starts[documents] if len(self._starts) else places
        starts = np.where(found.lengths > 0, found.output - _starts(rows.ends), 0)
        columns = (found.lengths, starts, np.maximum(documents, 0), offsets)
        return [CopiedRun(*run) for run in zip(*(c.tolist() for c in columns), strict=True)]

    def saved(self) -> Saved:
        """Return what is kept with a model: settings that JSON can hold, and arrays by name."""
        rows = TokenRows(self._text[self._text > 0] - 1, self._ends)
        return {}, {"alphabet": self._alphabet, **packed_rows(rows)}

    @classmethod
    def restored(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return what :meth:`saved` was asked of: the same answers.

        Raises:
            KeyError: an array is missing.
            ValueError: one is of another kind, shape or value than was saved.
        """
        del config
        alphabet = array_of(arrays, "alphabet", np.int32, [None])
        if (np.diff(alphabet) <= 0).any():
            raise ValueError("alphabet does not rise")
        runs = cls([])
        runs._set(alphabet, unpacked_rows(arrays, len(alphabet)))
        return runs

    def _set(self, alphabet: NDArray[np.int32], rows: TokenRows) -> None:
        self._alphabet, self._ends, self._starts = alphabet, rows.ends, _starts(rows.ends)
        kind = np.min_scalar_type(len(alphabet))
        self._text = _separated(rows.values[:] + 1, rows.ends).astype(kind)

    def _codes(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the place of each id in the alphabet, counted from 1; 0 where it is not there."""
        if not len(self._alphabet):
            return np.zeros(len(ids), np.int32)
        places = np.minimum(np.searchsorted(self._alphabet, ids), len(self._alphabet) - 1)
        return np.where(self._alphabet[places] == ids, places + 1, 0).astype(np.int32)


def _rows(documents: Iterable[ArrayLike | str]) -> TokenRows:
    """Return token ids as they are, and texts as the numbers of their characters in Unicode."""
    return TokenRows.of(
        np.frombuffer(row.encode("utf-32-le", "surrogatepass"), np.int32)
        if isinstance(row, str)
        else row
        for row in documents
    )


def _starts(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each row begins among rows with a separator after each."""
    return ends[:-1] + np.arange(len(ends) - 1)


def _separated(codes: NDArray[np.int32], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return codes from 1 on with a 0, which no run goes over, after each row."""
    joined = np.zeros(len(codes) + len(ends) - 1, np.int32)
    within = np.ones(len(joined), bool)
    within[ends[1:] + np.arange(len(ends) - 1)] = False
    joined[within] = codes
    return joined
