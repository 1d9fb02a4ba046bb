"""What a baseline of translation is, and the two that copy: the whole source, or its first sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from unrolled.data.script import main_script, text_form
from unrolled.data.sentences import first_sentence
from unrolled.errors import InputError, ShapeError
from unrolled.tasks.baselines.kept import entry
from unrolled.tasks.baselines.majority import Arrays, Saved

SHORTER = 3.0
"""How many times shorter than its source the target of a summary is at least."""
_LOOKED_AT = 1000


class TranslateBaseline(ABC):
    """A simple method that could have done the job, fitted and asked on the same pairs as the network.

    A subclass writes ``_fit`` and ``predict``; ``_saved`` and ``_restore`` too where it learns something.

    Attributes:
        name: in the score table.
        note: what was done otherwise than asked, in a sentence; "" where there is nothing to say.
    """

    name: ClassVar[str]
    note: str = ""

    def fit(self, sources: Sequence[str], targets: Sequence[str], *, seed: int = 0) -> Self:
        """Fit on the pairs of the training part.

        Args:
            sources: N texts.
            targets: N texts.
            seed: of every draw.

        Raises:
            InputError: there is no pair to fit on.
            ShapeError: sources and targets differ in number.
        """
        if len(sources) != len(targets):
            raise ShapeError(f"{len(targets)} targets", expected=f"{len(sources)}, one a source")
        if not len(sources):
            raise InputError("there is no pair to fit the baselines on", fix="give pairs")
        self.note = ""
        self._fit(sources, targets, seed)
        return self

    @abstractmethod
    def predict(self, sources: Sequence[str]) -> list[str]:
        """Return a target for each source."""

    def saved(self) -> Saved:
        """Return what was learned: settings that JSON can hold, and arrays by name.

        >>> CopySource().fit(["ein Haus"], ["a house"]).saved()
        ({'note': ''}, {})
        """
        config, arrays = self._saved()
        return {"note": self.note, **config}, arrays

    @classmethod
    def restored(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the baseline that :meth:`saved` was asked of, which predicts the same.

        Raises:
            KeyError: a setting or an array is missing.
            ValueError: one is of another kind, shape or value than was saved.
        """
        baseline = cls()
        baseline.note = entry(config, "note", str)
        baseline._restore(config, arrays)
        return baseline

    @abstractmethod
    def _fit(self, sources: Sequence[str], targets: Sequence[str], seed: int) -> None: ...

    def _saved(self) -> Saved:
        return {}, {}

    def _restore(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        del config, arrays


class CopySource(TranslateBaseline):
    """The source as it stands: what names, numbers and related languages give away.

    >>> CopySource().fit(["ein Haus"], ["a house"]).predict(["Berlin"])
    ['Berlin']
    """

    name = "copy_source"

    def _fit(self, sources: Sequence[str], targets: Sequence[str], seed: int) -> None:
        del sources, targets, seed

    def predict(self, sources: Sequence[str]) -> list[str]:
        return list(sources)


class Lead(TranslateBaseline):
    """The first sentence of the source, which in news says most of the rest.

    Where no sentence ends (:func:`unrolled.data.sentences.first_sentence`), the beginning, as long as the training
    targets are on average: in words, or in characters where the targets' script has no spaces.

    >>> pairs = ["Rain fell. It was cold."], ["rain and cold"]
    >>> Lead().fit(*pairs).predict(["Snow fell! It was cold.", "no sentence at all here"])
    ['Snow fell!', 'no sentence at']
    """

    name = "lead"
    _length: int
    _of_words: bool

    def _fit(self, sources: Sequence[str], targets: Sequence[str], seed: int) -> None:
        del sources, seed
        self._of_words = text_form(targets) != "characters"
        lengths = [len(target.split() if self._of_words else target.strip()) for target in targets]
        self._length = max(1, round(float(np.mean(lengths))))

    def predict(self, sources: Sequence[str]) -> list[str]:
        return [first_sentence(source) or self._beginning(source) for source in sources]

    def _beginning(self, source: str) -> str:
        if self._of_words:
            return " ".join(source.split()[: self._length])
        return source.strip()[: self._length]

    def _saved(self) -> Saved:
        return {"length": self._length, "of_words": self._of_words}, {}

    def _restore(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        self._length = entry(config, "length", int)
        self._of_words = entry(config, "of_words", bool)
        if self._length < 1:
            raise ValueError(f"length is {self._length}")


def is_summary(sources: Sequence[str], targets: Sequence[str]) -> bool:
    """Tell whether targets sum their sources up rather than translate them.

    They do where both are written in the same script and the median of source characters to target
    characters is at least 3, over at most 1000 pairs, evenly spread, that are not empty.

    >>> is_summary(["A long report. " * 20], ["A report"]), is_summary(["Ein Haus."], ["A house."])
    (True, False)
    """
    rows = range(0, len(sources), max(1, -(-len(sources) // _LOOKED_AT)))
    pairs = [(sources[row].strip(), targets[row].strip()) for row in rows]
    times = [len(source) / len(target) for source, target in pairs if source and target]
    if not times or float(np.median(times)) < SHORTER:
        return False
    return main_script(sources) == main_script(targets)
