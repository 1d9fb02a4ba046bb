"""A count of n-grams, smoothed: what a language model reaches without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.flat_rows import ends_of
from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError, OptionError
from unrolled.models.token_ids import END
from unrolled.tasks.baselines.kept import entry
from unrolled.tasks.baselines.kept_rows import packed_rows, unpacked_rows
from unrolled.tasks.baselines.majority import Arrays, Saved
from unrolled.tasks.baselines.ngram_counts import (
    Array,
    Ids,
    KneserNey,
    count,
    nats_by_order,
    probabilities,
    tables,
)
from unrolled.tasks.baselines.ngram_text import bounded, joined, lengths_of
from unrolled.tasks.options import is_whole

HIGHEST_ORDER = 7
USUAL_ORDER = 5
"""Without validation rows to choose it on."""
MOST_TOKENS = 8_000_000
"""Bound on the tokens fitted on, for the sake of memory."""
BLOCK = 1 << 20
"""Tokens scored at a time, for the sake of memory."""


class NgramModel:
    """Interpolated modified Kneser-Ney: the next token given the n - 1 before it, n up to 7.

    p(w | h) = max(a(hw) - D(a(hw)), 0) / a(h) + b(h) p(w | h'), where h' is h without its first token, down to
    p(w) = 1 / V. For the highest order a counts how often hw occurs; below it, after how many distinct tokens; b(h) is
    what the discounts D(1), D(2) and D(3) of the order took away, so that the sum over the V tokens is 1 after any h.
    A token that was never seen has its share of 1 / V.

    Rows are documents, or the pieces of one text, as ``documents`` says. A document stands after BEGIN, before which
    nothing counts, and its END is a target as any token. In a text the context runs on from row to row: only the first
    row stands after BEGIN, and there is no END. So each target is scored once, as by a network that reads the same.

    The order is the one with the fewest nats on validation rows, the smallest of equal ones; without such rows 5. What
    is fitted is the training part alone, as with the network. Beyond 8 million tokens, documents are drawn at random,
    and of a text the last part is taken. What is kept are the ids; they are counted when first asked for, so that the
    counts, many times as large, take no memory while a network is trained, and no room in a saved model.

    Chen & Goodman (1998), An empirical study of smoothing techniques for language modeling; Kneser & Ney (1995),
    Improved backing-off for m-gram language modeling. N-grams that begin with BEGIN are counted as they occur, as by
    Heafield et al. (2013), Scalable modified Kneser-Ney language model estimation.

    >>> rows = [np.array([4, 5, 4, 5, 6]), np.array([4, 5, 6])]
    >>> model = NgramModel().fit(rows, vocabulary=8, validation=[np.array([4, 5, 6])])
    >>> model.order
    3
    >>> [row.round(2).tolist() for row in model.log_p([np.array([4, 5]), np.array([7])])]
    [[-0.15, -0.02, -4.61], [-4.35, -1.97]]

    Attributes:
        name: in the score table.
        note: what was done otherwise than asked, in a sentence; "" where there is nothing to say.
        order: n.
        vocabulary: V.
        documents: whether rows are documents.
    """

    name: ClassVar[str] = "ngram"
    note: str = ""
    order: int
    vocabulary: int
    documents: bool
    _rows: TokenRows
    _tables: list[KneserNey] | None = None

    def fit(
        self,
        rows: Sequence[ArrayLike],
        vocabulary: int,
        order: int | None = None,
        validation: Sequence[ArrayLike] = (),
        *,
        documents: bool = True,
        seed: int = 0,
    ) -> Self:
        """Take the training part; choose the order, and nothing else, on validation rows.

        Args:
            rows: N rows of token ids, (T_i,) each, without BEGIN and END.
            vocabulary: V, the number of tokens; ids are below it.
            order: n; None = the best on validation.
            validation: M rows.
            documents: whether rows are documents, or the pieces of one text.
            seed: of every draw.

        Raises:
            InputError: there is no token to fit on, or an id that is not in the vocabulary.
            OptionError: order or vocabulary cannot be.
        """
        if order is not None and not (is_whole(order) and 1 <= order <= HIGHEST_ORDER):
            raise OptionError(
                f"order={order!r}", expected=f"a whole number from 1 to {HIGHEST_ORDER}"
            )
        least = END + 1 if documents else 1
        if not (is_whole(vocabulary) and vocabulary >= least):
            raise OptionError(
                f"vocabulary={vocabulary!r}", expected=f"a whole number from {least} on"
            )
        self.vocabulary, self.documents, self.note = vocabulary, documents, ""
        self._rows = bounded(rows, MOST_TOKENS, documents=documents, seed=seed)
        found, kept = int(lengths_of(rows).sum()), int(self._rows.ends[-1])
        if kept < found:
            drawn = "of documents drawn at random" if documents else "the last of the text"
            self.note = f"fitted on {kept:,} of {found:,} tokens, {drawn}"
        ids = self._joined(self._rows)
        if not self._targets(ids).any():
            raise InputError("there is no token to fit the n-gram model on", fix="give more text")
        judged = bounded(validation, MOST_TOKENS, documents=documents, seed=seed)
        self.order = int(order or self._chosen(ids, self._joined(judged)))
        self._tables = None
        return self

    def log_p(self, rows: Sequence[ArrayLike]) -> list[Array]:
        """Return ln p of each target of each row: (T_i + 1,) of a document, whose END is the last, (T_i,) of a text's piece.

        Raises:
            InputError: an id is not in the vocabulary.
        """
        taken = TokenRows.of(rows)
        ids = self._joined(taken)
        found = np.log(self._probabilities(ids)[self._targets(ids)])
        ends = ends_of(taken.lengths + self.documents)
        return [found[start:end] for start, end in pairwise(ends.tolist())]

    def nats(self, rows: Sequence[ArrayLike]) -> tuple[float, int]:
        """Return -ln p of all targets of the rows, and their number.

        Raises:
            InputError: an id is not in the vocabulary.
        """
        ids = self._joined(TokenRows.of(rows))
        found = self._probabilities(ids)[self._targets(ids)]
        return -float(np.log(found).sum()), len(found)

    def saved(self) -> Saved:
        """Return what was learned: settings that JSON can hold, and arrays by name."""
        config = {
            "note": self.note,
            "vocabulary": self.vocabulary,
            "order": self.order,
            "documents": self.documents,
        }
        return config, packed_rows(self._rows)

    @classmethod
    def restored(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """Return the model that :meth:`saved` was asked of: the same probabilities.

        Raises:
            KeyError: a setting or an array is missing.
            ValueError: one is of another kind, shape or value than was saved.
        """
        model = cls()
        model.note = entry(config, "note", str)
        model.vocabulary = entry(config, "vocabulary", int)
        model.order = entry(config, "order", int)
        model.documents = entry(config, "documents", bool)
        if not 1 <= model.order <= HIGHEST_ORDER:
            raise ValueError(f"order is {model.order}")
        if model.vocabulary < (END + 1 if model.documents else 1):
            raise ValueError(f"vocabulary is {model.vocabulary}")
        model._rows = unpacked_rows(arrays, model.vocabulary)
        return model

    @property
    def _width(self) -> int:
        """The number of tokens, and BEGIN, whose id in the counts is V."""
        return self.vocabulary + 1

    def _chosen(self, ids: Ids, judged: Ids) -> int:
        if not self._targets(judged).any():
            return USUAL_ORDER
        levels = count(ids, self._width, HIGHEST_ORDER)
        return 1 + int(np.argmin(nats_by_order(levels, judged, self._width)))

    def _probabilities(self, ids: Ids) -> Array:
        if self._tables is None:
            levels = count(self._joined(self._rows), self._width, self.order)
            self._tables = tables(levels, self._width)
        answer = np.empty(len(ids))
        for start in range(0, len(ids), BLOCK):
            first = max(0, start - self.order + 1)
            block = ids[first : start + BLOCK]
            found = probabilities(self._tables, block, self._width)
            answer[start : start + BLOCK] = found[start - first :]
        return answer

    def _targets(self, ids: Ids) -> NDArray[np.bool_]:
        return ids != self.vocabulary

    def _joined(self, rows: TokenRows) -> Ids:
        return joined(rows, self.vocabulary, documents=self.documents)
