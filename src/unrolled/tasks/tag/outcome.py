"""What a tagger made of sentences whose tags are known: the scores, the report and the tests read it from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unrolled.data.tag_schemes import PLAIN, Span


@dataclass(frozen=True)
class Outcome:
    """N sentences with their tags and what a tagger made of them.

    - ``sentences``, ``reference``, ``predicted`` (N): tokens, and a tag for each of them.
    - ``confidence`` (N) arrays (T_i,): the probability of each predicted tag.
    - ``known`` (N) arrays (T_i,): whether the training part holds the word.
    - ``reference_spans``, ``predicted_spans`` (N): sets of spans, empty where the tags make none.
    - ``scheme``: how the tags write spans; "plain" where they make none.
    - ``joined``: whether tokens are written without a space between them.
    - ``where``: the place of sentence i, such as "test.conll, line 7".

    >>> from unrolled.tasks.tag.outcome import Outcome
    >>> outcome = Outcome([["a", "cat"]], [["D", "N"]], [["D", "V"]], [np.ones(2)], [np.ones(2, bool)], [set()],
    ...                   [set()], "plain", False, lambda row: f"line {row + 1}")
    >>> outcome.correct[0].tolist(), outcome.lengths.tolist()
    ([True, False], [2])
    """

    sentences: Sequence[Sequence[str]]
    reference: Sequence[Sequence[str]]
    predicted: Sequence[Sequence[str]]
    confidence: Sequence[NDArray[np.float64]]
    known: Sequence[NDArray[np.bool_]]
    reference_spans: Sequence[set[Span]]
    predicted_spans: Sequence[set[Span]]
    scheme: str
    joined: bool
    where: Callable[[int], str]

    @cached_property
    def correct(self) -> list[NDArray[np.bool_]]:
        """Whether each predicted tag is the true one, an array (T_i,) a sentence."""
        return [
            np.array([a == b for a, b in zip(true, found, strict=True)], dtype=np.bool_)
            for true, found in zip(self.reference, self.predicted, strict=True)
        ]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The tokens of each sentence, (N,)."""
        return np.array([len(sentence) for sentence in self.sentences], dtype=np.int64)

    @property
    def has_spans(self) -> bool:
        """Whether the tags make spans."""
        return self.scheme != PLAIN

    def text(self, tokens: Sequence[str]) -> str:
        """Return tokens as they are written."""
        return text_of(tokens, self.joined)


def text_of(tokens: Sequence[str], joined: bool) -> str:
    """Return tokens with spaces between them or, where they are ``joined``, between words of other scripts alone.

    >>> text_of(["去", "New", "York", "玩"], joined=True), text_of(["a", "cat"], joined=False)
    ('去New York玩', 'a cat')
    """
    if not joined:
        return " ".join(tokens)
    # Single letters are no words: there a token is a character.
    words = [len(token) > 1 for token in tokens]
    gaps = [" " if one and other else "" for one, other in pairwise([*words, False])]
    return "".join(token + gap for token, gap in zip(tokens, gaps, strict=True))
