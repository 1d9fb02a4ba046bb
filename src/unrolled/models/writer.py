"""Writer: one text of one stream, token after token, with little between two steps of the network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.noise import uniform_number
from unrolled.core.stream import Stream
from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis, Rules, Written

Scores = NDArray[np.float32]
Numbers = NDArray[np.float64]


class Writer:
    """Writes what a `Rollout` of one row writes, greedily or by draws, several times as fast.

    A `Stream` steps a small network in less time than the torch operations around a step would take. Here the scores
    are read as a NumPy array, and whole layers are one compiled call.

    Args:
        stream: of a layer from tokens (1, T) to scores (1, T, V), as a `LanguageModel`, which has read what stands
            before ``first``. Nobody else may push to it until the text is written.
        first: the token to go on from: the last of a prompt.
        longest: the most tokens, the end counted.
        rules: the end, and what may be written.
        number: by which `Rules.allow` and the draws know the text.
        sampling: how a token is drawn; None = the most likely one, of equals the lower id.

    Raises:
        OptionError: a negative length, or a token in the rules that the network does not have.
        ShapeError: what the stream returns is no row of scores.
        InputError: scores that are not finite, or rules that leave nothing to write.

    >>> from unrolled import GRU
    >>> from unrolled.models.language import LanguageModel, LanguageSizes
    >>> stream = Stream(LanguageModel(GRU(8, 8), LanguageSizes(vocabulary=20, embedding=8, width=8)))
    >>> ys = stream.push(torch.tensor([[7, 4]]))
    >>> len(Writer(stream, 9, longest=5, rules=Rules(end=None), sampling=Sampling(seed=1)).run().tokens)
    5
    """

    def __init__(
        self,
        stream: Stream,
        first: int,
        longest: int,
        rules: Rules | None = None,
        number: int = 0,
        sampling: Sampling | None = None,
    ) -> None:
        if longest < 0:
            raise OptionError(f"longest={longest}", expected="at least 0")
        self.rules, self.sampling = rules or Rules(), sampling
        self.longest, self.number = longest, number
        self.result: Hypothesis | None = None
        self._stream = stream
        self._last = torch.tensor([[first]])
        self._place = self._last.numpy()  # where the next token is put
        self._tokens: list[int] = []
        self._distinct: dict[int, None] = {}
        self._log_p: list[float] = []
        self._forbidden = np.array(self.rules.forbidden, np.int64)
        # What a rule is shown grows in a tensor of its own.
        self._shown = torch.zeros(1, longest if self.rules.allow else 0, dtype=torch.int64)

    def run(self) -> Hypothesis:
        """Go to the end, and return the whole."""
        for _ in self:
            pass
        assert self.result is not None
        return self.result

    def __iter__(self) -> Iterator[Written[Hypothesis]]:
        """Yield each token as soon as it is chosen, and the result with the last of them."""
        while self.result is None:
            yield self._write()

    def _write(self) -> Written[Hypothesis]:
        if self.longest == 0:
            return self._end(finished=False)
        scores, allowed = self._scores()
        likely = Likelihood(scores)
        if not likely.total < math.inf:
            raise InputError("the decoder's scores are not finite", where=self._where())
        token = self._chosen(likely, allowed)
        self._log_p.append(likely.log_p(token))
        if token == self.rules.end:
            return self._end(finished=True)
        if self.rules.allow is not None:
            self._shown[0, len(self._tokens)] = token
        self._tokens.append(token)
        self._distinct[token] = None
        self._place[0, 0] = token
        if len(self._tokens) == self.longest:
            return self._end(finished=False)
        return Written(0, (token,), None)

    def _end(self, *, finished: bool) -> Written[Hypothesis]:
        log_p = tuple(self._log_p)
        self.result = Hypothesis(tuple(self._tokens), sum(log_p), finished, log_p)
        return Written(0, () if finished else self.result.tokens[-1:], self.result)

    def _scores(self) -> tuple[Scores, Tensor | None]:
        """Step the network, and return the scores (V,) and what may be written, (V,) or None for all."""
        ys = self._stream.push(self._last)
        if ys.dim() != 3 or ys.shape[:2] != (1, 1):
            raise ShapeError(
                f"the stream returned {tuple(ys.shape)}", expected="scores (1, 1, vocabulary)"
            )
        written = len(self._tokens)
        if not written:
            self.rules.check_size(ys.shape[2])
        allowed = None
        if self.rules.allow is not None:
            numbers = torch.tensor([self.number])
            allowed = self.rules.allowed(self._shown[:, :written], numbers, ys[0])
        scores: Scores = ys.numpy()[0, 0]
        return scores, None if allowed is None else allowed[0]

    def _chosen(self, likely: Likelihood, allowed: Tensor | None) -> int:
        sampling, simple = self.sampling, allowed is None
        if sampling is not None and simple and sampling.as_they_are:
            p = likely.p.copy()
            p[self._forbidden] = 0
            token = drawn_one(p, self._draw(sampling))
            if token is not None:
                return token
        scores = likely.scores.copy()
        if sampling is not None and sampling.penalty != 1:
            again = list(self._distinct)
            kept = scores[again]
            scores[again] = np.where(kept > 0, kept / sampling.penalty, kept * sampling.penalty)
        scores[self._forbidden] = -np.inf
        if allowed is not None:
            scores[~allowed.numpy()] = -np.inf
        best = int(scores.argmax())
        if scores[best] == -np.inf:
            raise InputError("the rules leave no token that could be written", where=self._where())
        if sampling is None:
            return best
        p, ids = cut(Likelihood(scores / np.float32(sampling.temperature)).p, sampling)
        token = drawn_one(p, self._draw(sampling))
        assert token is not None  # the best has a probability
        return int(ids[token])

    def _draw(self, sampling: Sampling) -> float:
        return uniform_number(sampling.seed, self.number, len(self._tokens))

    def _where(self) -> str:
        return f"source {self.number}, token {len(self._tokens)}"


class Likelihood:
    """What the softmax of scores (V,) gives, in double precision: p / total."""

    def __init__(self, scores: Scores) -> None:
        self.scores = scores
        self._most = float(scores.max())
        self.p: Numbers = np.exp(scores - np.float64(self._most))
        self.total = float(self.p.sum())

    def log_p(self, token: int) -> float:
        """Return log p of a token."""
        return float(self.scores[token]) - self._most - math.log(self.total)


def drawn_one(p: Numbers, u: float) -> int | None:
    """Return the index at which u of the sum of p (n,) is passed; None where that sum is 0."""
    below = p.cumsum()
    whole = float(below[-1])
    return int(below.searchsorted(u * whole, "right")) if whole > 0 else None


def cut(p: Numbers, sampling: Sampling) -> tuple[Numbers, NDArray[np.intp]]:
    """Return the probabilities that `Sampling` leaves of p (V,), greatest first, and their tokens."""
    if sampling.top_k is None and sampling.top_p == 1:
        return p, np.arange(len(p))
    ids = np.argsort(-p, kind="stable")[: sampling.top_k]
    values = p[ids]
    before = values.cumsum() - values
    return values * (before < sampling.top_p * values.sum()), ids
