"""Rollout: one hypothesis for each source, token after token."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from unrolled.core.tree import State, select_rows
from unrolled.models.search import Hypothesis, Rules, Search, Step, Written


class Moment(NamedTuple):
    """What a token is chosen by.

    Attributes:
        scores: the decoder's (R, V).
        log_p: their log-probabilities, -inf for what may not be written.
        tokens: what each row has written so far, (R, t).
        numbers: of the rows' sources, (R,).
    """

    scores: Tensor
    log_p: Tensor
    tokens: Tensor
    numbers: Tensor


Choose: TypeAlias = Callable[[Moment], Tensor]
"""Return the next token of each row, (R,) int64."""


def most_likely_token(moment: Moment) -> Tensor:
    """Choose greedily; of equals, the lower id."""
    return moment.log_p.argmax(-1)


class Rollout(Search[Hypothesis]):
    """Writes one token after the other as ``choose`` says; see `Search` for what it is given otherwise."""

    def __init__(
        self,
        step: Step,
        first: Tensor,
        state: State,
        longest: int | Sequence[int],
        rules: Rules | None = None,
        numbers: Tensor | None = None,
        choose: Choose = most_likely_token,
    ) -> None:
        super().__init__(step, first, state, longest, rules, numbers)
        self._choose = choose
        room = len(self._slots), max(self.longest, default=0)
        self._tokens = first.new_zeros(room)
        self._log_p = torch.zeros(room, dtype=torch.float64, device=first.device)
        self._row_numbers = self.numbers[self._slots]
        self._news: list[Written[Hypothesis]] = []
        """What the last step has written."""

    def _advance(self) -> None:
        self._news, numbers, t = [], self._row_numbers, self.position
        tokens = self._tokens[:, :t]
        scores, log_p = self._scores(tokens, numbers)
        if self.rules.allow is not None:
            stuck = log_p.amax(1) == -math.inf
            if stuck.any():
                raise self._nothing_left(numbers[stuck][0])
        chosen = self._choose(Moment(scores, log_p, tokens, numbers))
        likelihood = log_p.gather(1, chosen[:, None]).squeeze(1)
        self._last = self._tokens[:, t] = chosen
        self._log_p[:, t] = likelihood
        self.position += 1
        ids = chosen.tolist()
        for row in self._under_way():
            source = self._slots[row]
            finished = ids[row] == self.rules.end
            if finished or self.position == self.longest[source]:
                self._end(row, finished)
            else:
                self._news.append(Written(source, (ids[row],), None))
        self._leave_out()

    def _end(self, row: int, finished: bool) -> None:
        source, length = self._slots[row], self.position
        tokens = self._tokens[row, :length].tolist()
        log_p = self._log_p[row, :length].tolist()
        written = tuple(tokens[:-1] if finished else tokens)
        result = Hypothesis(written, sum(log_p), finished, tuple(log_p))
        self._close(source, result)
        self._news.append(Written(source, () if finished else written[-1:], result))

    def _leave_out(self) -> None:
        under_way = self._under_way()
        if not self._is_worth_leaving_out(len(under_way)):
            return
        self._slots = [self._slots[row] for row in under_way]
        rows = torch.tensor(under_way, device=self._last.device)
        self._state = select_rows(self._state, rows)
        self._last, self._row_numbers = self._last[rows], self._row_numbers[rows]
        self._tokens, self._log_p = self._tokens[rows], self._log_p[rows]

    def _certain(self) -> Iterator[Written[Hypothesis]]:
        yield from self._news

    def _nothing(self) -> Hypothesis:
        return Hypothesis((), 0.0, False, ())
