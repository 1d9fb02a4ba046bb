"""The target of the training pair whose source is most alike: what looking up reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from unrolled.data.script import TextForm, text_form
from unrolled.tasks.baselines.copied import TranslateBaseline
from unrolled.tasks.baselines.kept import array_of, entry, packed_terms, unpacked_terms
from unrolled.tasks.baselines.majority import Arrays, Saved
from unrolled.tasks.baselines.tfidf import ENTRIES, bounded_rows, vectorizer

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

MOST_PAIRS = 50_000
MOST_ENTRIES = 8_000_000
"""Bounds on what is kept with a model: 64 MB of TF-IDF, about, and the targets."""
COSINES = 4_000_000
"""Cosines computed at a time, for the sake of memory: 50 MB."""


class NearestPair(TranslateBaseline):
    """The target of the training pair whose source has the greatest cosine with the asked one.

    Sources are vectors of TF-IDF (:func:`unrolled.tasks.baselines.tfidf.vectorizer`) over words, or over
    characters where the script has no spaces; every n-gram of the training sources counts, as one that is in
    a single source tells most. Of equal pairs the first is taken, so the first of all for a source that
    shares no n-gram with any. Beyond 50,000 pairs, or 27 million characters of sources (4 million where
    characters are counted), pairs are drawn at random.

    >>> nearest = NearestPair().fit(["ein rotes Haus", "ein Hund"], ["a red house", "a dog"])
    >>> nearest.predict(["das rote Haus", "zwei Hunde und ein Hund"])
    ['a red house', 'a dog']
    """

    name = "nearest_pair"
    form: TextForm
    _targets: list[str]
    _vectorizer: TfidfVectorizer | None
    _by_term: csr_matrix | None
    """(V, N): the sources, a row a term."""

    def _fit(self, sources: Sequence[str], targets: Sequence[str], seed: int) -> None:
        self.form = text_form(sources)
        rows = bounded_rows(sources, MOST_PAIRS, MOST_ENTRIES / ENTRIES[self.form], seed)
        if len(rows) < len(sources):
            self.note = f"fitted on {len(rows):,} of {len(sources):,} pairs, drawn at random"
        self._targets = [targets[int(row)] for row in rows]
        self._vectorizer, self._by_term = vectorizer(self.form), None
        try:
            table = self._vectorizer.fit_transform([sources[int(row)] for row in rows])
        except ValueError:  # scikit-learn's word for sources without a single n-gram
            self._vectorizer = None
        else:
            self._by_term = table.astype(np.float32).T.tocsr()

    def predict(self, sources: Sequence[str]) -> list[str]:
        block = max(1, COSINES // len(self._targets))
        nearest: list[int] = []
        for start in range(0, len(sources), block):
            nearest += self._nearest(sources[start : start + block]).tolist()
        return [self._targets[pair] for pair in nearest]

    def _nearest(self, sources: Sequence[str]) -> NDArray[np.int64]:
        if self._vectorizer is None:
            return np.zeros(len(sources), np.int64)
        asked = self._vectorizer.transform(sources).astype(np.float32)
        cosines: NDArray[np.float32] = (asked @ self._by_term).toarray()
        return cosines.argmax(axis=1)

    def _saved(self) -> Saved:
        arrays = packed_terms(self._targets, "target")
        if self._vectorizer is not None and self._by_term is not None:
            arrays |= packed_terms(self._vectorizer.get_feature_names_out().tolist())
            arrays["idf"] = self._vectorizer.idf_
            arrays["weights"] = self._by_term.data
            arrays["pairs"] = self._by_term.indices.astype(np.int32)
            arrays["ends"] = self._by_term.indptr[1:].astype(np.int32)
        return {"text_form": self.form}, arrays

    def _restore(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        self.form = entry(config, "text_form", str)
        if self.form not in get_args(TextForm):
            raise ValueError(f"text_form is {self.form!r}")
        self._targets = unpacked_terms(arrays, "target")
        if not self._targets:
            raise ValueError("there is no target")
        self._vectorizer, self._by_term = None, None
        if "idf" in arrays:
            terms = unpacked_terms(arrays)
            self._vectorizer = vectorizer(self.form, vocabulary=terms)
            self._vectorizer.idf_ = array_of(arrays, "idf", np.float64, [len(terms)])
            self._by_term = _table(arrays, len(terms), len(self._targets))


def _table(arrays: Arrays, terms: int, pairs: int) -> csr_matrix:
    """Return the (V, N) table that was saved.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays do not make such a table.
    """
    from scipy.sparse import csr_matrix

    weights = array_of(arrays, "weights", np.float32, [None])
    columns = array_of(arrays, "pairs", np.int32, [len(weights)])
    ends = array_of(arrays, "ends", np.int32, [terms])
    starts = np.concatenate([np.zeros(1, np.int32), ends])
    if (np.diff(starts) < 0).any() or starts[-1] != len(weights):
        raise ValueError(f"ends are not those of {len(weights)} weights")
    if len(columns) and not 0 <= columns.min() <= columns.max() < pairs:
        raise ValueError(f"pairs are not from 0 to {pairs - 1}")
    return csr_matrix((weights, columns, starts), shape=(terms, pairs))
