"""A tagger that is fed as the tokens come, and says at once what it makes of each."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.stream import Stream
from unrolled.models.chain import Chain
from unrolled.tasks.tag.fitted import Fitted


class TagStream:
    """The tags of one sentence, token by token; made by `Tagger.stream`.

    Each answer rests on what has been read alone, and is not taken back. Of a tagger with a CRF it is the filtered one,

        p(y_t | x_1 ... x_t) ~ exp(score_t[y_t]) sum over y_(t-1) of p(y_(t-1) | x_1 ... x_(t-1)) exp(transitions[y_(t-1), y_t])

    whereas `Tagger.tag` looks for the best tags of the whole sentence, so that the two may differ.

    Attributes:
        tags: what the probabilities are of. Where tags make spans these are the forms that are told apart inside, with a
            prefix for the beginning (B), the middle (I), the end (E) of a span, and for one of a single token (S).

    Raises:
        NotCausalError: the tagger reads in both directions.
    """

    def __init__(self, fitted: Fitted) -> None:
        self._stream = Stream(fitted.model.network)
        self._fitted = fitted
        crf = fitted.model.crf if fitted.model.chained else None
        self._chain = (
            None if crf is None else Chain(*(part.detach().double() for part in crf.chain()))
        )
        self._before: torch.Tensor | None = None
        self.tags = fitted.codes.names

    def push(self, tokens: str | Sequence[str]) -> NDArray[np.float64]:
        """Read tokens, or a text that is parted into tokens, and return the probabilities (T, C) of each one's tag.

        Raises:
            InputError: they are no texts.
        """
        words = self._fitted.tokens(tokens)
        if not words:
            return np.zeros((0, len(self.tags)))
        encoded = self._fitted.reader.encode([words])
        pieces = (encoded.sequences(np.array([piece])) for piece in range(len(encoded)))
        scores = torch.cat([self._stream.push(piece.data)[0] for piece in pieces])
        return self._filtered(scores.double()).numpy()

    def _filtered(self, scores: torch.Tensor) -> torch.Tensor:
        if self._chain is None:
            return scores.softmax(-1)
        found = []
        for score in scores:
            before = self._before
            prior = (
                self._chain.start
                if before is None
                else (before[:, None] + self._chain.transitions).logsumexp(0)
            )
            self._before = (prior + score).log_softmax(-1)
            found.append(self._before)
        return torch.stack(found).exp()

    def fork(self) -> TagStream:
        """Return a second stream that goes on from here on its own."""
        twin = copy.copy(self)
        twin._stream = self._stream.fork()
        return twin
