"""Sums over all taggings of a chain, by forward-backward: in the exponent domain, or in logarithms where that underflows."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

FORBIDDEN = -1e30
"""The score of what is not allowed: its exponential is 0, and it is finite, so that no gradient is NaN."""
LEAST = 1e-140
"""A product of two such numbers, and its reciprocal, float64 holds with all their digits."""


class Chain(NamedTuple):
    """What a tagging scores beside its steps: (C,) to begin, (C, C) from a tag to the next one, (C,) to end."""

    start: Tensor
    transitions: Tensor
    end: Tensor


def log_partition(scores: Tensor, chain: Chain, lengths: Tensor) -> Tensor:
    """Return (B,) log of the sum over all taggings of exp(score): 0 for a row without steps, -inf if none is allowed.

    Args:
        scores: (B, T, C), 0 in padding.
        chain: of C tags.
        lengths: (B,) int64 on the CPU.
    """
    if scores.shape[1] == 0:
        return scores.new_zeros(len(scores))
    sums = Scaled(scores, chain, lengths)
    if sums.underflow:
        return in_logarithms(scores, chain, lengths)[0]
    found: Tensor = LogPartition.apply(sums, scores, *chain)
    return found


def marginals(scores: Tensor, chain: Chain, lengths: Tensor) -> Tensor:
    """Return (B, T, C) the probability of each tag at each step; what stands in padding means nothing."""
    if scores.shape[1] == 0:
        return scores
    if torch.is_grad_enabled() and any(leaf.requires_grad for leaf in (scores, *chain)):
        return in_logarithms(scores, chain, lengths)[1]
    sums = Scaled(scores, chain, lengths)
    if sums.underflow:
        return in_logarithms(scores, chain, lengths)[1]
    return sums.behind().mul_(sums.ahead).transpose(0, 1).to(scores.dtype)


class Scaled:
    """Forward-backward in float64, scaled anew at every step (Rabiner 1989, section V.A).

        a_1 = exp(start) * e_1,    a_t = (a_(t-1) exp(transitions)) * e_t,   e_t = exp(scores_t)
        b_T = exp(end),        b_(t-1) = exp(transitions) (b_t * e_t),         Z = a_T . b_T

    with every factor divided by its largest entry, a_t by its sum and b_T by Z. So a step is a product with one matrix,
    and the loops hold neither exponentials nor logarithms. Everything has its steps first, and in the padding of a row
    a_t and b_t are those of its last step.

    Attributes:
        log_partition: (B,).
        ahead: (T, B, C) a_t.
        underflow: whether a number has become so small that it lost digits. What was found is then worth nothing.
    """

    @torch.no_grad()
    def __init__(self, scores: Tensor, chain: Chain, lengths: Tensor) -> None:
        emitted = torch.empty_like(
            scores.transpose(0, 1), dtype=torch.float64, memory_format=torch.contiguous_format
        )
        emitted.copy_(scores.transpose(0, 1))
        peaks = emitted.amax(-1, keepdim=True)
        tops = [part.double().max() for part in chain]
        begin, self.matrix, self.end = (
            (part.double() - top).exp() for part, top in zip(chain, tops, strict=True)
        )
        self.alive = _alive(scores, lengths)
        self.full = int(lengths.min()) if len(lengths) else 0
        reachable = _reachable(chain, len(emitted))
        # A tag that no tagging can have would be scored from behind without a bound.
        emitted.sub_(peaks).exp_().masked_fill_(~reachable, 0.0)
        self.ahead, sums = torch.empty_like(emitted), torch.empty_like(peaks)
        self._run_ahead(begin, emitted, sums)
        sums.masked_fill_(~self.alive, 1.0)
        self.last = (
            (self.ahead[-1] * self.end).sum(1, keepdim=True).masked_fill_(~self.alive[0], 1.0)
        )
        held = (self.ahead >= LEAST) | ~(self.alive & reachable)
        self.underflow = not bool(
            held.all() and (sums >= LEAST).all() and (self.last >= LEAST).all()
        )
        counts = (lengths - 1).to(peaks).unsqueeze(1)
        whole = (sums.log() + peaks).sum(0) + self.last.log()
        whole = whole + tops[0] + counts * tops[1] + tops[2]
        self.log_partition = whole.masked_fill_(~self.alive[0], 0.0).squeeze(1).to(scores.dtype)
        self.shares = emitted.div_(sums)

    def _run_ahead(self, begin: Tensor, emitted: Tensor, sums: Tensor) -> None:
        ahead = self.ahead.unbind(0)
        for t, (state, step, total) in enumerate(zip(ahead, emitted, sums, strict=True)):
            if t:
                torch.mm(ahead[t - 1], self.matrix, out=state).mul_(step)
            else:
                torch.mul(step, begin, out=state)
            torch.sum(state, 1, keepdim=True, out=total)
            state.div_(total)
            if t and t >= self.full:
                torch.where(self.alive[t], state, ahead[t - 1], out=state)

    def behind(self) -> Tensor:
        """Return b_t (T, B, C)."""
        found = torch.empty_like(self.ahead)
        behind, back = found.unbind(0), self.matrix.T.contiguous()
        torch.div(self.end, self.last, out=behind[-1])
        for t in range(len(behind) - 1, 0, -1):
            torch.mm(self.shares[t] * behind[t], back, out=behind[t - 1])
            if t >= self.full:
                torch.where(self.alive[t], behind[t - 1], behind[t], out=behind[t - 1])
        return found


class LogPartition(torch.autograd.Function):
    """The sum that `Scaled` has found, with its gradient: the probabilities of tags, and of pairs of them."""

    @staticmethod
    def forward(ctx: Any, sums: Scaled, scores: Tensor, *chain: Tensor) -> Tensor:
        ctx.sums = sums
        ctx.dtypes = [scores.dtype, *(part.dtype for part in chain)]
        return sums.log_partition.clone()  # itself it would be held by what it holds

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sums: Scaled = ctx.sums
        behind = sums.behind()
        # Every row counts as its gradient says, and not at all where it has ended.
        weight = torch.where(sums.alive, grad.double().unsqueeze(1), 0.0)
        before = sums.ahead[:-1].flatten(0, 1)
        after = (sums.shares * behind).mul_(weight)[1:].flatten(0, 1)
        tags = behind.mul_(sums.ahead).mul_(weight)
        found = (
            tags.transpose(0, 1),
            tags[0].sum(0),
            sums.matrix * (before.T @ after),
            (sums.ahead[-1] * sums.end / sums.last * weight[0]).sum(0),
        )
        return None, *(part.to(dtype) for part, dtype in zip(found, ctx.dtypes, strict=True))


def in_logarithms(scores: Tensor, chain: Chain, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `log_partition` and `marginals` do, by sums of exponentials at every step: in any range, and slower.

    `Scaled` is held to it.
    """
    begin, transitions, end = (part.double() for part in chain)
    steps = scores.double().clamp(min=FORBIDDEN).unbind(1)
    alive = _alive(scores, lengths)
    ahead, behind = [begin + steps[0]], [end.expand_as(steps[0])]
    for t in range(1, len(steps)):
        new = torch.logsumexp(ahead[-1].unsqueeze(2) + transitions, 1) + steps[t]
        ahead.append(torch.where(alive[t], new, ahead[-1]))
    for t in range(len(steps) - 1, 0, -1):
        new = torch.logsumexp(transitions + (steps[t] + behind[-1]).unsqueeze(1), 2)
        behind.append(torch.where(alive[t], new, behind[-1]))
    total = torch.logsumexp(ahead[-1] + end, 1)
    total = torch.where(alive[0].squeeze(1), total, 0.0)
    tags = torch.stack(ahead, 1) + torch.stack(behind[::-1], 1) - total[:, None, None]
    impossible = total < FORBIDDEN / 2
    return total.masked_fill(impossible, -torch.inf).to(scores.dtype), tags.exp().to(scores.dtype)


def best_path(scores: Tensor, chain: Chain, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tagging (B, T) of the largest score, and that score (B,): Viterbi 1967.

    Of equal scores the one whose last tag has the smallest number, then the last but one, and so on.
    """
    begin, transitions, end = chain
    batch, steps, tags = scores.shape
    if steps == 0:
        return lengths.new_zeros(batch, 0, device=scores.device), scores.new_zeros(batch)
    alive = _alive(scores, lengths)
    unmoved = torch.arange(tags, device=scores.device)
    into = transitions.T.contiguous()
    state = begin + scores[:, 0]
    came_from = []
    for t, step in enumerate(scores.unbind(1)[1:], 1):
        # The first of equal maxima is the one that torch promises.
        best, origin = (state.unsqueeze(1) + into).max(2)
        state = torch.where(alive[t], best + step, state)
        came_from.append(torch.where(alive[t], origin, unmoved))
    score, tag = (state + end).max(1)
    path = [tag]
    for origin in reversed(came_from):
        path.append(origin.gather(1, path[-1].unsqueeze(1)).squeeze(1))
    score = score.masked_fill(score < FORBIDDEN / 2, -torch.inf)
    return torch.stack(path[::-1], 1), torch.where(alive[0].squeeze(1), score, 0.0)


def _alive(scores: Tensor, lengths: Tensor) -> Tensor:
    """Return (T, B, 1) for each step which rows have it."""
    places = torch.arange(scores.shape[1])[:, None, None]
    return (places < lengths[:, None]).to(scores.device)


def _reachable(chain: Chain, steps: int) -> Tensor:
    """Return (T, 1, C): which tags a tagging that is allowed can have at each step, whatever comes after."""
    begin, transitions, _ = (part > FORBIDDEN / 2 for part in chain)
    if begin.all() and transitions.all():
        return begin.expand(steps, 1, -1)
    found = [begin]
    for _ in range(1, steps):
        found.append((found[-1][:, None] & transitions).any(0))
    return torch.stack(found)[:, None]
