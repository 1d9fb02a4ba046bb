"""The tag that each word had most often: what a list of words reaches in tagging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from unrolled.errors import InputError, ShapeError
from unrolled.tasks.baselines.kept import array_of, entry, packed_terms, unpacked_terms
from unrolled.tasks.baselines.majority import Arrays, Saved


class MostFrequentTag:
    """The most frequent tag of a word in the training part, whatever stands around it.

    A word that did not occur has the most frequent tag of the words that occurred once, which are what new words are
    most like (where none did, of all words). Of equally frequent tags the first to occur is taken. Words are told apart
    by their capitals too.

    Jurafsky & Martin (2024), Speech and Language Processing, 17.2: the most frequent class baseline.

    Attributes:
        name: in the score table.
        note: what was done otherwise than asked, in a sentence; "" where there is nothing to say.

    >>> tagger = MostFrequentTag().fit([["the", "dog", "runs"], ["the", "run"]], [["D", "N", "V"], ["D", "N"]])
    >>> tagger.predict([["the", "cat", "runs"]])
    [['D', 'N', 'V']]
    """

    name = "most_frequent_tag"
    note: str = ""
    _by_word: dict[str, str]
    _unseen: str

    def fit(
        self,
        sentences: Sequence[Sequence[str]],
        tags: Sequence[Sequence[str]],
        *,
        seed: int = 0,
    ) -> Self:
        """Fit on the sentences of the training part.

        Args:
            sentences: (N) sequences of T_i words.
            tags: (N) sequences of T_i tags.
            seed: of every draw; there is none.

        Raises:
            InputError: there is no word to fit on.
            ShapeError: sentences and tags differ in number, or the words and tags of one.
        """
        del seed
        if len(sentences) != len(tags):
            raise ShapeError(f"tags of {len(tags)} sentences", expected=f"{len(sentences)}")
        counts: dict[str, Counter[str]] = {}
        overall, once = Counter[str](), Counter[str]()
        for row, (words, its_tags) in enumerate(zip(sentences, tags, strict=True)):
            if len(words) != len(its_tags):
                raise ShapeError(
                    f"{len(its_tags)} tags",
                    where=f"row {row}",
                    expected=f"{len(words)}, one a word",
                )
            overall.update(its_tags)
            for word, tag in zip(words, its_tags, strict=True):
                counts.setdefault(word, Counter())[tag] += 1
        if not counts:
            raise InputError("there is no word to fit the baselines on", fix="give sentences")
        for seen in counts.values():
            if seen.total() == 1:
                once.update(seen)
        self._by_word = {word: _most_frequent(seen) for word, seen in counts.items()}
        self._unseen = _most_frequent(once or overall)
        return self

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return a tag for each word of each sentence."""
        by_word, unseen = self._by_word, self._unseen
        return [[by_word.get(word, unseen) for word in sentence] for sentence in sentences]

    def saved(self) -> Saved:
        """Return what was learned: settings that JSON can hold, and arrays by name.

        >>> config, arrays = MostFrequentTag().fit([["a", "b"]], [["X", "Y"]]).saved()
        >>> config["unseen"], MostFrequentTag.restored(config, arrays).predict([["b", "new"]])
        ('X', [['Y', 'X']])
        """
        names = list(dict.fromkeys([*self._by_word.values(), self._unseen]))
        numbers = {name: number for number, name in enumerate(names)}
        codes = np.fromiter(map(numbers.__getitem__, self._by_word.values()), np.int32)
        arrays = packed_terms(list(self._by_word), "word") | packed_terms(names, "tag")
        return {"note": self.note, "unseen": self._unseen}, arrays | {"codes": codes}

    @classmethod
    def restored(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the baseline that :meth:`saved` was asked of, which predicts the same.

        Raises:
            KeyError: a setting or an array is missing.
            ValueError: one is of another kind, shape or value than was saved.
        """
        baseline = cls()
        baseline.note = entry(config, "note", str)
        baseline._unseen = entry(config, "unseen", str)
        words, names = unpacked_terms(arrays, "word"), unpacked_terms(arrays, "tag")
        codes = array_of(arrays, "codes", np.int32, [len(words)])
        if len(codes) and not 0 <= codes.min() <= codes.max() < len(names):
            raise ValueError(f"codes are not from 0 to {len(names) - 1}")
        if baseline._unseen not in names:
            raise ValueError(f"unseen is {baseline._unseen!r}, which is no tag")
        baseline._by_word = {
            word: names[code] for word, code in zip(words, codes.tolist(), strict=True)
        }
        return baseline


def _most_frequent(counts: Counter[str]) -> str:
    return max(counts, key=counts.__getitem__)
