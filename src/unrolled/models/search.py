"""What every way of decoding shares: hypotheses, the rules of what may be written, and a search that goes step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor

from unrolled.core.tree import State, select_rows
from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.models.token_ids import BEGIN, END, PADDING, UNKNOWN

Step: TypeAlias = Callable[[Tensor, State], tuple[Tensor, State]]
"""``step(tokens (R,) int64, state) -> (scores (R, V), state)``: a decoder, whose scores are logits."""

Allow: TypeAlias = Callable[[Tensor, Tensor], Tensor | None]
"""``allow(tokens (R, t), numbers (R,)) -> mask (R, V)``: which tokens may follow those that row r, of source numbers[r],
has written so far; None = any."""

KEPT = 7 / 8
"""Sources that are done are left out once this part of the batch is under way, or less: each time copies state and memory."""

R = TypeVar("R")


@dataclass(frozen=True)
class Hypothesis:
    """One sequence of tokens that a decoder has written.

    Attributes:
        tokens: ids, without END.
        score: log P(tokens), END included; of a beam search divided by its length penalty.
        finished: whether it ended with END; otherwise it was cut at its greatest length.
        log_probabilities: of each token given those before it, END's last where it is finished: by the decoder's own
            softmax over the whole vocabulary, whatever was forbidden or made more or less likely.
    """

    tokens: tuple[int, ...]
    score: float
    finished: bool
    log_probabilities: tuple[float, ...]


class Written(NamedTuple, Generic[R]):
    """What has become certain of one source: the next tokens, and the result with the last of them."""

    source: int
    tokens: tuple[int, ...]
    result: R | None


@dataclass(frozen=True)
class Rules:
    """What may be written.

    Attributes:
        end: the token that ends a hypothesis; None = all are as long as they may be.
        forbidden: tokens that are never written.
        allow: which tokens may follow what is written, see `Allow`; called once for all rows of a step.
    """

    end: int | None = END
    forbidden: Sequence[int] = (PADDING, UNKNOWN, BEGIN)
    allow: Allow | None = None

    def __post_init__(self) -> None:
        if self.end in self.forbidden:
            raise OptionError(f"end={self.end} is forbidden", expected="an end that can be written")

    def allowed(self, tokens: Tensor, numbers: Tensor, scores: Tensor) -> Tensor | None:
        """Return which tokens may follow in rows of these scores (R, V), None for any; see `Allow`."""
        mask = None if self.allow is None else self.allow(tokens, numbers)
        if mask is not None and (mask.shape != scores.shape or mask.dtype != torch.bool):
            raise ShapeError(
                f"allow returned {tuple(mask.shape)} {mask.dtype}",
                expected=f"{tuple(scores.shape)} bool, or None",
            )
        return mask

    def check_size(self, vocabulary: int) -> None:
        """Raise when a token is none of a vocabulary of this size."""
        named = (*self.forbidden, *([] if self.end is None else [self.end]))
        if wrong := [token for token in named if not 0 <= token < vocabulary]:
            raise OptionError(
                f"token {wrong[0]} in the rules for a decoder of {vocabulary} tokens",
                expected=f"ids from 0 to {vocabulary - 1}",
            )
        if len(set(self.forbidden)) == vocabulary:
            raise OptionError(
                f"all of a decoder's {vocabulary} tokens are forbidden",
                expected="at least one that can be written",
            )


class Search(Generic[R]):
    """A search under way for S sources at once; a subclass writes `_advance` and `_certain`.

    `run` goes to the end. Iterating goes there too, and yields `Written` on the way; `results` then holds all. A source
    that is done is left out of the batch as soon as that saves more than it costs.

    Args:
        step: the decoder.
        first: the token that each source begins with, (S,) int64.
        state: the decoder's state before it, S rows.
        longest: the most tokens of each source, END counted; one number for all, or S of them.
        rules: what may be written.
        numbers: (S,) int64, what `Allow` and draws know the sources by; their place in the batch if not given.

    Raises:
        ShapeError: tokens, lengths or scores of wrong shapes.
        OptionError: a negative length, a token in the rules that the decoder does not have.
        InputError: scores that are not finite, or rules that leave nothing to write.
    """

    def __init__(
        self,
        step: Step,
        first: Tensor,
        state: State,
        longest: int | Sequence[int],
        rules: Rules | None = None,
        numbers: Tensor | None = None,
    ) -> None:
        if first.dim() != 1 or first.dtype != torch.int64:
            raise ShapeError(
                f"first tokens {tuple(first.shape)} {first.dtype}",
                expected="one int64 for each source",
            )
        sources = len(first)
        self.rules = rules or Rules()
        self.results: list[R | None] = [None] * sources
        self.position = 0
        """How many tokens every hypothesis under way has."""
        self.longest = (
            [longest] * sources if isinstance(longest, int) else [int(n) for n in longest]
        )
        if len(self.longest) != sources:
            raise ShapeError(
                f"{len(self.longest)} greatest lengths",
                expected=f"one for each of {sources} sources",
            )
        if min(self.longest, default=0) < 0:
            raise OptionError(f"longest={min(self.longest)}", expected="at least 0")
        self.numbers = torch.arange(sources, device=first.device) if numbers is None else numbers
        if self.numbers.shape != first.shape or self.numbers.dtype != torch.int64:
            raise ShapeError(
                f"numbers {tuple(self.numbers.shape)} {self.numbers.dtype}",
                expected=f"one int64 for each of {sources} sources",
            )
        self._step, self._last, self._state = step, first, state
        self._forbidden = torch.tensor(self.rules.forbidden, dtype=torch.int64, device=first.device)
        self._slots = list(range(sources))
        """The source of each place in the batch, those that are done but not yet left out among them."""
        self._left = sources
        for source, length in enumerate(self.longest):
            if length == 0:
                self._close(source, self._nothing())
        if self._left < sources:
            self._slots = self._under_way()
            rows = torch.tensor(self._slots, device=first.device, dtype=torch.int64)
            self._last, self._state = first[rows], select_rows(state, rows)

    def run(self) -> list[R]:
        """Go to the end, and return the result of each source."""
        with torch.inference_mode():
            while self._left:
                self._advance()
        return [result for result in self.results if result is not None]

    def __iter__(self) -> Iterator[Written[R]]:
        for source, result in enumerate(self.results):
            if result is not None:
                yield Written(source, (), result)
        while self._left:
            # Not around the yield: it would hold for whoever reads what is written, too.
            with torch.inference_mode():
                self._advance()
            yield from self._certain()

    def _advance(self) -> None:
        """Take one step."""
        raise NotImplementedError

    def _certain(self) -> Iterator[Written[R]]:
        """Yield what has become certain with the last step."""
        raise NotImplementedError

    def _nothing(self) -> R:
        """Return the result of a source that may have no token."""
        raise NotImplementedError

    def _close(self, source: int, result: R) -> None:
        self.results[source] = result
        self._left -= 1

    def _under_way(self) -> list[int]:
        """Return the places in the batch whose sources are not done."""
        return [slot for slot, source in enumerate(self._slots) if self.results[source] is None]

    def _is_worth_leaving_out(self, under_way: int) -> bool:
        """Tell whether to copy the state and memory of the sources under way, to step no others."""
        # Whoever says what is allowed is not asked about what comes after an end.
        most = KEPT if self.rules.allow is None else 1
        return 0 < under_way < len(self._slots) and under_way <= most * len(self._slots)

    def _scores(self, tokens: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Step all rows, which have written ``tokens`` (R, t).

        Returns:
            the decoder's scores (R, V), and their log-probabilities with -inf for what may not be written.
        """
        scores, self._state = self._step(self._last, self._state)
        if scores.dim() != 2 or len(scores) != len(self._last):
            raise ShapeError(
                f"the step returned scores of shape {tuple(scores.shape)}",
                expected=f"({len(self._last)}, vocabulary)",
            )
        if self.position == 0:
            self.rules.check_size(scores.shape[1])
        log_p = scores.log_softmax(-1)
        # One score that is NaN or infinite makes the whole row NaN.
        bad = log_p[:, 0].isnan()
        if bad.any():
            where = self._where(numbers[bad][0])
            raise InputError("the decoder's scores are not finite", where=where)
        log_p.index_fill_(1, self._forbidden, -math.inf)
        allowed = self.rules.allowed(tokens, numbers, scores)
        if allowed is not None:
            log_p.masked_fill_(~allowed, -math.inf)
        return scores, log_p

    def _where(self, number: Tensor) -> str:
        return f"source {int(number)}, token {self.position}"

    def _nothing_left(self, number: Tensor) -> InputError:
        return InputError(
            "the rules leave no token that could be written", where=self._where(number)
        )


def most_likely(log_p: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the ``count`` greatest of each row (R, V) and their ids, greatest first; of equals, the lower id first.

    >>> most_likely(torch.tensor([[-1.0, -3.0, -1.0, -2.0]]), 2)[1].tolist()
    [[0, 2]]
    """
    count = min(count, log_p.shape[-1])
    # One more than is asked for shows whether the last one has an equal that is left out.
    values, ids = log_p.topk(min(count + 1, log_p.shape[-1]), -1)
    equals = (values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -math.inf)
    if equals.any():
        rows = equals.any(-1).nonzero().squeeze(1)
        in_order = log_p[rows].sort(dim=-1, descending=True, stable=True).indices
        ids[rows] = in_order[:, : ids.shape[1]]
    return values[:, :count], ids[:, :count]
