"""What a text has in common with the training text: nobody should take memory for writing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from numpy.typing import NDArray

from unrolled.tasks.baselines.kept import packed_terms, unpacked_terms
from unrolled.tasks.copied_runs import CopiedRun, CopiedRuns

MOST_KEPT = 50_000_000
"""Characters of training text that are kept with a model at most."""
AROUND = 20
"""Characters of the training text that are shown before a run and after it."""


@dataclass(frozen=True)
class Copied:
    """The longest run of characters that a text has in common with one training text.

    Attributes:
        characters: how long it is.
        share: of the text.
        text: the run.
        source: the place it stands at in the training text, with some characters before and after it.
    """

    characters: int
    share: float
    text: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "characters": self.characters,
            "share": round(self.share, 4),
            "text": self.text,
            "source": self.source,
        }


class TrainText:
    """The training texts, searched by characters.

    >>> text = TrainText(["the moon is bright", "old home"])
    >>> text.copied(["a moon is pale"])
    [Copied(characters=9, share=0.6428571428571429, text=' moon is ', source='the moon is bright')]
    """

    def __init__(self, texts: Iterable[str]) -> None:
        # As what is written: else an accent that stands apart would hide a copy.
        self.texts = [unicodedata.normalize("NFC", text) for text in texts]

    @classmethod
    def kept_of(cls, texts: Sequence[str]) -> Self | None:
        """Return the texts; None where they are too many."""
        return cls(texts) if sum(map(len, texts)) <= MOST_KEPT else None

    @cached_property
    def _runs(self) -> CopiedRuns:
        return CopiedRuns(self.texts)

    def copied(self, texts: Sequence[str]) -> list[Copied]:
        """Return the longest run that each text has in common with a training text; many at once cost little more."""
        runs = self._runs.longest_of_each(texts)
        return [self._told(run, text) for run, text in zip(runs, texts, strict=True)]

    def _told(self, run: CopiedRun, text: str) -> Copied:
        source, begin, end = self.texts[run.document], run.offset, run.offset + run.length
        if not run.length:
            return Copied(0, 0.0, "", "")
        around = source[max(0, begin - AROUND) : end + AROUND]
        return Copied(run.length, run.length / len(text), source[begin:end], around)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the texts as arrays."""
        return packed_terms(self.texts, "text")

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the texts of which `arrays` gave these.

        Raises:
            KeyError: an array is missing.
            ValueError: one is of another kind.
        """
        return cls(unpacked_terms(arrays, "text"))
