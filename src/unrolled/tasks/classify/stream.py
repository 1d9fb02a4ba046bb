"""A classifier that is fed as the words come, and says after each what it makes of the text so far."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.stream import Stream
from unrolled.errors import InputError
from unrolled.tasks.classify.fitted import Fitted
from unrolled.tasks.classify.reading import steps_of


class ClassifyStream:
    """Running probabilities of one row; made by `Classifier.stream`.

    Attributes:
        classes: what the probabilities are of.
        tokens: what was read of the last chunk of text.

    Raises:
        NotCausalError: the classifier reads in both directions.
    """

    def __init__(self, fitted: Fitted) -> None:
        self._stream = Stream(fitted.network)
        self._reader, self._temperature = fitted.reader, fitted.temperature
        self._features = fitted.form.features
        self.classes = fitted.classes
        self.tokens: list[str] = []

    def push(self, chunk: Any) -> NDArray[np.float64]:
        """Read a text, or steps (T,) or (T, F), and return the probabilities (T, C) after each of its tokens.

        A chunk of text begins with a new word: push whole words; to a classifier that began with a language model, which
        reads white space too, each with the space before it.

        Raises:
            InputError: the chunk is not what the classifier reads.
        """
        tokenizer = self._reader.tokenizer
        if tokenizer is None:
            xs = torch.from_numpy(steps_of(chunk, self._features, "the chunk"))
        else:
            if not isinstance(chunk, str):
                raise InputError(f"a chunk of type {type(chunk).__name__}", expected="a text")
            ids = next(tokenizer.encode([chunk]))
            self.tokens = tokenizer.named(ids)
            xs = torch.from_numpy(ids.astype(np.int64))
        scores = self._stream.push(xs.unsqueeze(0))[0].double() / self._temperature
        return scores.softmax(-1).numpy()

    def fork(self) -> ClassifyStream:
        """Return a second stream that goes on from here on its own."""
        twin = copy.copy(self)
        twin._stream = self._stream.fork()
        return twin
