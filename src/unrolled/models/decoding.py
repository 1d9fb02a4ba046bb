"""Decoding: from a decoder's step to the tokens that it writes, greedily, by draws or with beams.

All of it takes any ``step(tokens (R,), state) -> (scores (R, V), state)``, whose scores are logits and whose state has
R rows (`Seq2Seq.step`, a language model's): what a source is given does not depend on what else is in the batch.

>>> import torch
>>> from unrolled import GRU, DotAttention, Seq
>>> from unrolled.models.attending_stack import AttendingStack
>>> from unrolled.models.seq2seq import Seq2Seq, Seq2SeqSizes
>>> from unrolled.models.token_ids import BEGIN
>>> sizes = Seq2SeqSizes(source_vocabulary=30, target_vocabulary=20, embedding=8, memory=6)
>>> attention = DotAttention(8, 6, "general")
>>> model = Seq2Seq(GRU(8, 6), AttendingStack(GRU, 8, 8, attention), sizes).eval()
>>> first, source = torch.full((2,), BEGIN), Seq(torch.randint(4, 30, (2, 5)), [5, 3])
>>> best = beam_search(model.step, first, model.start(source), longest=[8, 5], beams=3, n_best=2)
>>> [len(hypotheses) for hypotheses in best]
[2, 2]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from unrolled.core.tree import State
from unrolled.models.beam import BeamSearch
from unrolled.models.rollout import Rollout
from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis, Rules, Step

R = TypeVar("R")


def greedy(
    step: Step,
    first: Tensor,
    state: State,
    longest: int | Sequence[int],
    rules: Rules | None = None,
) -> list[Hypothesis]:
    """Write the most likely token at each step; of equally likely ones, the lower id.

    Args:
        step: the decoder.
        first: the token that each source begins with, (S,) int64: BEGIN, or the last of a prompt that is read already.
        state: the decoder's state before it, S rows.
        longest: the most tokens of each source, END counted; one number for all, or S of them.
        rules: the end, and what may be written.

    Returns:
        one hypothesis for each source.

    To read tokens as they come, iterate over a `Rollout` with the same arguments.
    """
    return Rollout(step, first, state, longest, rules).run()


def sample(
    step: Step,
    first: Tensor,
    state: State,
    longest: int | Sequence[int],
    rules: Rules | None = None,
    numbers: Tensor | None = None,
    *,
    sampling: Sampling | None = None,
) -> list[Hypothesis]:
    """Draw a token at each step, as `Sampling` says; otherwise as `greedy`.

    A source's draws depend on its number in ``numbers`` (S,) int64, its place in the batch if they are not given. To
    read tokens as they come, iterate over a `Rollout` with ``choose=sampling``.
    """
    return Rollout(step, first, state, longest, rules, numbers, sampling or Sampling()).run()


def beam_search(
    step: Step,
    first: Tensor,
    state: State,
    longest: int | Sequence[int],
    rules: Rules | None = None,
    *,
    beams: int = 5,
    n_best: int = 1,
    alpha: float = 1.0,
) -> list[list[Hypothesis]]:
    """Keep the ``beams`` most likely beginnings of each source, and return its n_best hypotheses, best first.

    What is kept, how hypotheses are scored and when a source is done stands at `BeamSearch`; iterate over one to read
    tokens as soon as they are certain. Other arguments as of `greedy`.
    """
    search = BeamSearch(step, first, state, longest, rules, beams=beams, n_best=n_best, alpha=alpha)
    return search.run()
