"""How a trained network writes targets: many sources in blocks of similar length, or one as its tokens come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.seq import Seq
from unrolled.data.token_rows import TokenRows
from unrolled.errors import OptionError
from unrolled.models.beam import BeamSearch
from unrolled.models.rollout import Rollout
from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis, Search
from unrolled.models.seq2seq import Seq2Seq
from unrolled.models.token_ids import BEGIN
from unrolled.tasks.options import check_whole
from unrolled.tasks.sequences import blocks, sequences

Rows = NDArray[np.int64]

MOST_STEPS = 2_048
"""Source tokens read at a time, with their padding; each is looked at by every hypothesis at every step."""
USUAL_LENGTHS, SPARE = 3, 20
"""A target may have so many times the tokens that targets of such a source usually have, and some more."""


@dataclass(frozen=True)
class Manner:
    """How targets are written.

    Attributes:
        beam: hypotheses that a search keeps; 1 = the most likely token each time.
        n_best: hypotheses that are returned.
        length_penalty: alpha of the search, see `BeamSearch`.
        sampling: draws tokens in place of a search.
    """

    beam: int = 5
    n_best: int = 1
    length_penalty: float = 1.0
    sampling: Sampling | None = field(default=None)

    def __post_init__(self) -> None:
        check_whole(self, {"beam": 1, "n_best": 1})
        if not isinstance(self.sampling, Sampling | None):
            raise OptionError(
                f"sampling={self.sampling!r}", expected="Sampling(temperature=..., seed=...)"
            )
        if self.sampling is not None and self.n_best > 1:
            raise OptionError(
                f"n_best={self.n_best} with sampling",
                expected="n_best=1: a draw has no second best",
                fix="draw again with other seeds",
            )


@dataclass(frozen=True)
class Writer:
    """Writes targets with a network.

    Attributes:
        network: in evaluation mode.
        ratio: target tokens that are written for a source token on average.
        longest: tokens of a target at most.
    """

    network: Seq2Seq
    ratio: float
    longest: int

    def write(
        self,
        sources: TokenRows,
        manner: Manner,
        done: Callable[[int], None] = lambda count: None,
        first: int = 0,
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of each source, best first; those of an empty one are empty.

        ``done`` is told how many sources are written, as they are. ``first`` is the number of the first source, on
        which draws depend: what is drawn for a source is the same in whatever portions sources come.
        """
        found: list[list[Hypothesis]] = [[] for _ in range(len(sources))]
        for rows in blocks(sources.lengths, MOST_STEPS):
            search = self._search(sequences(sources, rows), rows + first, manner)
            results: Sequence[Hypothesis | list[Hypothesis]] = search.run()
            for row, result in zip(rows.tolist(), results, strict=True):
                found[row] = [result] if isinstance(result, Hypothesis) else result
            done(len(rows))
        return found

    def stream(self, source: Seq, manner: Manner) -> Iterator[tuple[int, ...]]:
        """Yield the tokens of one source's target as they become certain."""
        for written in self._search(source, np.zeros(1, np.int64), manner):
            if written.tokens:
                yield written.tokens

    def _search(
        self, xs: Seq, rows: Rows, manner: Manner
    ) -> Search[Hypothesis] | Search[list[Hypothesis]]:
        with torch.inference_mode():
            state = self.network.start(xs)
        first = torch.full((xs.batch,), BEGIN)
        longest = [self._longest(length) for length in xs.row_lengths.tolist()]
        numbers = torch.from_numpy(rows)
        if manner.sampling is not None:
            return Rollout(
                self.network.step, first, state, longest, numbers=numbers, choose=manner.sampling
            )
        if manner.beam == 1:
            return Rollout(self.network.step, first, state, longest, numbers=numbers)
        return BeamSearch(
            self.network.step,
            first,
            state,
            longest,
            numbers=numbers,
            beams=manner.beam,
            n_best=manner.n_best,
            alpha=manner.length_penalty,
        )

    def _longest(self, length: int) -> int:
        if length <= 1:  # END alone
            return 0
        return min(self.longest, SPARE + round(USUAL_LENGTHS * self.ratio * length))
