"""BeamSearch: the k most likely beginnings of each source are kept, until none can become better than what is finished."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.core.tree import State, select_constants, select_rows
from unrolled.errors import OptionError
from unrolled.models.search import Hypothesis, Rules, Search, Step, Written, most_likely

MOST_ALPHA = 10
"""The greatest power of the length: far more than the 0.6 to 1 that are usual, and no number overflows."""


class Continuations(NamedTuple):
    """The most likely continuations of each source, best first, each (S, k).

    Attributes:
        totals: log P of the whole.
        log_p: of the last token alone.
        tokens: the last token.
        parents: which of the source's beams it continues.
    """

    totals: Tensor
    log_p: Tensor
    tokens: Tensor
    parents: Tensor


class BeamSearch(Search[list[Hypothesis]]):
    """Keeps ``beams`` hypotheses of each source: those under way and those finished together.

        score(Y) = log P(Y) / |Y|^alpha,   |Y| the number of tokens, END counted

    At each step the most likely continuations of those under way are kept, as many as there are beams less those
    finished; those that end with END are finished. Of equally likely ones that of the better beam comes first, then
    the lower token. A source is done when all its beams are finished, when it has reached its greatest length L, or
    when no beam under way can become better than its n-th best finished hypothesis: log P never rises, so one with
    log P so far scores at most log P / L^alpha in the end, and the result is the same as without this exit.

    The result of a source is a list of n_best hypotheses, best first; of equal scores, the one finished earlier. Those
    that did not finish fill it up after all that did, if there are enough of either.

    What is certain on the way is what all beams under way and the best finished one begin with.

    Args:
        beams: k, at least 1; with one beam it is greedy.
        n_best: how many are returned, at most k.
        alpha: of the length penalty, from 0 to 10: 0 is none, 1 the mean over tokens.
        others: see `Search`.

    Raises:
        OptionError: beams, n_best or alpha out of range.

    Sutskever et al. 2014, arXiv:1409.3215, section 3.2 (beams end one by one); the penalty with a power of the length:
    Wu et al. 2016, arXiv:1609.08144, section 7, in its simplest form.
    """

    def __init__(
        self,
        step: Step,
        first: Tensor,
        state: State,
        longest: int | Sequence[int],
        rules: Rules | None = None,
        numbers: Tensor | None = None,
        *,
        beams: int = 5,
        n_best: int = 1,
        alpha: float = 1.0,
    ) -> None:
        if beams < 1 or not 1 <= n_best <= beams:
            raise OptionError(
                f"beams={beams}, n_best={n_best}",
                expected="at least 1, and no more best than beams",
            )
        if not 0 <= alpha <= MOST_ALPHA:
            raise OptionError(f"alpha={alpha}", expected=f"from 0 to {MOST_ALPHA}")
        super().__init__(step, first, state, longest, rules, numbers)
        self.beams, self.n_best, self.alpha = beams, n_best, alpha
        sources, room = len(self._slots), max(self.longest, default=0)
        # One beam each at first: k equal ones would crowd out all others.
        self._log_p = torch.zeros(sources, 1, dtype=torch.float64, device=first.device)
        self._tokens = first.new_zeros(sources, 1, room)
        self._each_log_p = self._log_p.new_zeros(sources, 1, room)
        self._finished: list[list[Hypothesis]] = [[] for _ in self.longest]
        self._told = [0] * len(self.longest)
        self._closed: list[int] = []
        """The sources that the last step has brought to their end."""

    def penalty(self, length: int) -> float:
        """Return |Y|^alpha."""
        return float(length**self.alpha)

    def _advance(self) -> None:
        found = self._continuations()
        room = [self.beams - len(self._finished[source]) for source in self._slots]
        places = torch.arange(found.totals.shape[1], device=found.totals.device)
        kept = places < torch.tensor(room, device=places.device)[:, None]
        kept &= found.totals > -math.inf
        ends = kept & (found.tokens == (-1 if self.rules.end is None else self.rules.end))
        going_on = kept & ~ends
        for slot, hypothesis in self._written(found, ends, finished=True):
            self._finished[self._slots[slot]].append(hypothesis)
        self._close_done(found, going_on)
        self.position += 1
        if self._left:
            self._go_on(found, going_on)

    def _continuations(self) -> Continuations:
        """Step all beams, and return the k most likely continuations of each source."""
        sources, width = self._log_p.shape
        numbers = self.numbers[self._slots].repeat_interleave(width)
        _, log_p = self._scores(self._tokens.flatten(0, 1)[:, : self.position], numbers)
        each, ids = most_likely(log_p, self.beams)
        totals = (self._log_p.reshape(-1, 1) + each).view(sources, -1)
        totals, order = totals.sort(dim=-1, descending=True, stable=True)
        totals, order = totals[:, : self.beams], order[:, : self.beams]
        best = totals[:, 0].tolist()
        for slot in self._under_way():
            source = self._slots[slot]
            if best[slot] == -math.inf and not self._finished[source]:
                raise self._nothing_left(self.numbers[source])
        return Continuations(
            totals,
            each.reshape(sources, -1).gather(1, order),
            ids.reshape(sources, -1).gather(1, order),
            order // ids.shape[1],
        )

    def _written(
        self, found: Continuations, which: Tensor, *, finished: bool
    ) -> Iterator[tuple[int, Hypothesis]]:
        """Yield the place in the batch and the hypothesis of each continuation in the mask ``which``."""
        slots, places = which.nonzero(as_tuple=True)
        parents, length = found.parents[slots, places], self.position
        rows = zip(
            slots.tolist(),
            self._tokens[slots, parents, :length].tolist(),
            self._each_log_p[slots, parents, :length].tolist(),
            *(of[slots, places].tolist() for of in (found.tokens, found.log_p, found.totals)),
            strict=True,
        )
        for slot, tokens, log_p, token, last, total in rows:
            written = (*tokens, *([] if finished else [token]))
            score = total / self.penalty(length + 1)
            yield slot, Hypothesis(written, score, finished, (*log_p, last))

    def _close_done(self, found: Continuations, going_on: Tensor) -> None:
        self._closed, length = [], self.position + 1
        cut: dict[int, list[Hypothesis]] = defaultdict(list)
        at_longest = [self.longest[source] == length for source in self._slots]
        if any(at_longest):
            last = going_on & torch.tensor(at_longest, device=going_on.device)[:, None]
            for slot, hypothesis in self._written(found, last, finished=False):
                cut[slot].append(hypothesis)
        best = found.totals.masked_fill(~going_on, -math.inf).amax(1).tolist()
        for slot in self._under_way():
            source = self._slots[slot]
            finished = sorted(self._finished[source], key=lambda one: -one.score)
            # What the best one under way can still reach; with its length the score of a negative sum only rises.
            reach = best[slot] / self.penalty(self.longest[source])
            enough = len(finished) >= self.n_best and reach <= finished[self.n_best - 1].score
            if enough or best[slot] == -math.inf or at_longest[slot]:
                self._close(source, [*finished, *cut[slot]][: self.n_best])
                self._closed.append(source)

    def _go_on(self, found: Continuations, going_on: Tensor) -> None:
        """Let the beams be those that go on, and leave out sources that are done."""
        under_way = self._under_way()
        leave_out = self._is_worth_leaving_out(len(under_way))
        slots = torch.tensor(
            under_way if leave_out else range(len(self._slots)), device=going_on.device
        )
        totals = found.totals.masked_fill(~going_on, -math.inf)[slots]
        totals, places = totals.sort(dim=-1, descending=True, stable=True)
        width = max(1, int((totals > -math.inf).sum(1).max()))
        totals, places = totals[:, :width], places[:, :width]
        # Where a source has fewer beams than others, its first one stands again, with log P = -inf.
        places = places.where(totals > -math.inf, places[:, :1])

        parents, tokens, log_p = (
            of[slots].gather(1, places) for of in (found.parents, found.tokens, found.log_p)
        )
        rows = (slots[:, None] * self._log_p.shape[1] + parents).flatten()
        self._state = select_rows(self._state, rows, constants=False)
        if leave_out:
            self._state = select_constants(self._state, slots)
            self._slots = [self._slots[slot] for slot in under_way]
        self._tokens = self._tokens.flatten(0, 1)[rows].view(len(slots), width, -1)
        self._each_log_p = self._each_log_p.flatten(0, 1)[rows].view(len(slots), width, -1)
        self._tokens[:, :, self.position - 1] = tokens
        self._each_log_p[:, :, self.position - 1] = log_p
        self._log_p, self._last = totals, tokens.flatten()

    def _certain(self) -> Iterator[Written[list[Hypothesis]]]:
        for source in self._closed:
            result = self.results[source] or []
            yield Written(source, result[0].tokens[self._told[source] :], result)
        for slot in self._under_way():
            source, told = self._slots[slot], self._told[self._slots[slot]]
            beams = zip(
                self._tokens[slot, :, : self.position].tolist(),
                self._log_p[slot].tolist(),
                strict=True,
            )
            possible = [tokens for tokens, log_p in beams if log_p > -math.inf]
            if self._finished[source]:
                possible.append(max(self._finished[source], key=lambda one: one.score).tokens)
            agreed = common_beginning(possible)
            if len(agreed) > told:
                self._told[source] = len(agreed)
                yield Written(source, agreed[told:], None)

    def _nothing(self) -> list[Hypothesis]:
        return [Hypothesis((), 0.0, False, ())]


def common_beginning(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return what all rows begin with.

    >>> common_beginning([[1, 2, 3], (1, 2), [1, 2, 4]])
    (1, 2)
    """
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False))
    return tuple(column[0] for column in alike)
