"""Sampling: tokens drawn from what a decoder thinks likely."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unrolled.core.noise import uniform
from unrolled.errors import OptionError
from unrolled.models.rollout import Moment
from unrolled.models.search import most_likely

FEW = 64
"""How many of the most likely tokens are looked at first: all 8,000 of a vocabulary are seldom needed, and slow to sort."""


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn: from p_i = softmax(scores_i / temperature), cut to the most likely ones.

    The draw is a function of (seed, number of the source, position): the batch that a source is in does not matter.

    Attributes:
        temperature: above 0; below 1 makes what is likely more so.
        top_k: only the k most likely tokens (Fan et al. 2018, arXiv:1805.04833). None = all; of equals, the lower ids.
        top_p: of these only the most likely ones that are needed to reach this part of their probability (Holtzman et
            al. 2020, arXiv:1904.09751).
        penalty: at least 1; the score of a token that the row has written already is divided by it where it is
            positive and multiplied where it is negative (Keskar et al. 2019, arXiv:1909.05858, section 4.1, which
            divides only).
        seed: of the draws.

    Raises:
        OptionError: a value of another kind, or out of range.

    >>> scores = torch.tensor([[0.0, 2.0, 1.9, 1.8]])  # (R, V)
    >>> moment = Moment(scores, scores.log_softmax(-1), torch.zeros(1, 0, dtype=torch.int64), torch.arange(1))
    >>> Sampling(temperature=0.5, top_k=1)(moment)
    tensor([1])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (
            ("temperature", float),
            ("top_p", float),
            ("penalty", float),
            ("seed", int),
        ):
            _check_kind(name, getattr(self, name), kind)
        if self.top_k is not None:
            _check_kind("top_k", self.top_k, int)
        if not 0 < self.temperature < math.inf:
            raise OptionError(
                f"temperature={self.temperature}",
                expected="a number above 0",
                fix="what a temperature of 0 stands for is the most likely token: top_k=1 (--top-k 1), or of a translator --beam 1",
            )
        if self.top_k is not None and self.top_k < 1:
            raise OptionError(f"top_k={self.top_k}", expected="at least 1, or None")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p={self.top_p}", expected="above 0 and at most 1")
        if not 1 <= self.penalty < math.inf:
            raise OptionError(f"penalty={self.penalty}", expected="at least 1")
        if not 0 <= self.seed < 2**63:
            raise OptionError(f"seed={self.seed}", expected="at least 0 and below 2**63")

    @property
    def as_they_are(self) -> bool:
        """Whether tokens are drawn from the decoder's own softmax."""
        return (self.temperature, self.top_k, self.top_p, self.penalty) == (1, None, 1, 1)

    def __call__(self, moment: Moment) -> Tensor:
        """Return the next token of each row, (R,)."""
        scores = moment.scores
        if self.penalty != 1 and moment.tokens.shape[1]:
            again = scores.gather(1, moment.tokens)
            again = torch.where(again > 0, again / self.penalty, again * self.penalty)
            scores = scores.scatter(1, moment.tokens, again)
        scores = scores.masked_fill(moment.log_p == -math.inf, -math.inf)
        p = (scores / self.temperature).softmax(-1, dtype=torch.float64)
        seed = torch.full_like(moment.numbers, self.seed)
        u = uniform(seed, moment.numbers, torch.full_like(seed, moment.tokens.shape[1]))
        if self.top_k is None and self.top_p == 1:
            return drawn(p, u)
        p, ids = self._cut(p)
        return ids.gather(1, drawn(p, u)[:, None]).squeeze(1)

    def _cut(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities (R, n) that are left, greatest first, and their ids; 0 of what is cut off."""
        most = min(self.top_k or p.shape[1], p.shape[1])
        count = most if self.top_k is not None else min(FEW, most)
        while True:
            values, ids = most_likely(p, count)
            # top_k first: then top_p is a part of what that leaves.
            whole = values.sum(-1) if count == most else p.sum(-1)
            before = values.cumsum(-1) - values
            needed = before < self.top_p * whole[:, None]
            if count == most or not needed[:, -1].any():
                return values * needed, ids
            count = min(8 * count, most)


def _check_kind(name: str, value: object, kind: type[int] | type[float]) -> None:
    if isinstance(value, bool) or not isinstance(value, kind | int):
        expected = "a number" if kind is float else "a whole number"
        raise OptionError(f"{name}={value!r}", expected=expected)


def drawn(p: Tensor, u: Tensor) -> Tensor:
    """Return for each row of p (R, n) the index at which u (R,) of its sum is passed."""
    below = p.cumsum(-1)
    return torch.searchsorted(below, (u * below[:, -1])[:, None], right=True).squeeze(1)
