"""Linear-chain conditional random field: scores of tags, one by one, become the probability of a whole tagging."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.layer import Layer
from unrolled.core.seq import Seq
from unrolled.core.tree import State
from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.models import chain
from unrolled.models.chain import FORBIDDEN, Chain


class Allowed(NamedTuple):
    """What may stand where: ``transitions`` (C, C) bool from a tag to the next, ``first`` and ``last`` (C,) bool."""

    transitions: Tensor
    first: Tensor
    last: Tensor


class LinearChainCRF(Layer):
    """The probability of a tagging y of T steps, given the scores x_t of C tags at each of them.

        score(y) = start[y_1] + sum over t of x_t[y_t] + sum over t > 1 of transitions[y_(t-1), y_t] + end[y_T]
        log p(y) = score(y) - log Z,   Z = sum over all taggings y' of exp(score(y'))

    Lafferty, McCallum and Pereira 2001; over a recurrent network Huang et al. 2015, arXiv:1508.01991. As a layer it turns
    scores into the `marginals`. Rows may have any length; one without steps has one tagging, of score 0.

    Args:
        tags: C.
        allowed: which tags may follow which, begin and end. All others are never found, and have the probability 0.

    Raises:
        OptionError: ``allowed`` does not fit C, or tags are none.

    >>> crf, scores = LinearChainCRF(3), Seq(torch.randn(2, 5, 3), [5, 2])
    >>> total, rows = crf.nll(scores, Seq(torch.zeros(2, 5, dtype=torch.int64), [5, 2]))
    >>> tags, best = crf.viterbi(scores)
    >>> tags.data.shape, best.shape, crf.marginals(scores).data.shape
    (torch.Size([2, 5]), torch.Size([2]), torch.Size([2, 5, 3]))
    """

    def __init__(self, tags: int, allowed: Allowed | None = None) -> None:
        super().__init__()
        if tags < 1:
            raise OptionError(f"tags={tags!r}", expected="at least one tag")
        self.tags = tags
        self.start = nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.end = nn.Parameter(torch.zeros(tags))
        shapes = [tuple(part.shape) for part in allowed or ()]
        if allowed is not None and shapes != [(tags, tags), (tags,), (tags,)]:
            raise OptionError(
                f"allowed has the shapes {shapes}",
                expected=f"those of {tags} tags: {[(tags, tags), (tags,), (tags,)]}",
            )
        self.may_follow: Tensor | None
        self.may_begin: Tensor | None
        self.may_end: Tensor | None
        names = ("may_follow", "may_begin", "may_end")
        for name, part in zip(names, allowed or (None, None, None), strict=True):
            self.register_buffer(name, None if part is None else part.bool().clone())

    def extra_repr(self) -> str:
        return f"{self.tags}" + ("" if self.may_follow is None else ", allowed=...")

    @property
    def causal(self) -> bool:
        return False

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        return ()

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        return self.marginals(xs), state

    def chain(self) -> Chain:
        """Return the scores beside those of the steps, `FORBIDDEN` for what is not allowed."""
        parts = (self.start, self.transitions, self.end)
        if self.may_begin is None or self.may_follow is None or self.may_end is None:
            return Chain(*parts)
        masks = (self.may_begin, self.may_follow, self.may_end)
        return Chain(
            *(part.masked_fill(~mask, FORBIDDEN) for part, mask in zip(parts, masks, strict=True))
        )

    def log_partition(self, scores: Any) -> Tensor:
        """Return log Z (B,) of scores (B, T, C); -inf where no tagging of a row's length is allowed."""
        xs = self._checked(scores)
        return chain.log_partition(xs.data, self.chain(), xs.row_lengths)

    def score(self, scores: Any, tags: Any) -> Tensor:
        """Return (B,) the score of the tags (B, T) int64; -inf for a tagging that is not allowed."""
        xs, ys = self._checked(scores), unwrap(tags)[0]
        self._check_tags(xs, ys)
        start, transitions, end = self.chain()
        if xs.steps == 0:
            return xs.data.new_zeros(xs.batch)
        ids, mask = ys.data, xs.mask()
        steps = xs.data.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
        pairs = ids[:, :-1] * self.tags + ids[:, 1:]
        moves = transitions.flatten().gather(0, pairs.flatten()).view(pairs.shape)
        total = steps.sum(1) + moves.masked_fill(~mask[:, 1:], 0).sum(1)
        total = total + start[ids[:, 0]] + end[ys.last()]
        total = total.masked_fill(~mask[:, 0], 0)
        return total.masked_fill(total < FORBIDDEN / 2, -torch.inf)

    def nll(self, scores: Any, tags: Any) -> tuple[Tensor, int]:
        """Return -log p(y) summed over the rows, and the number of rows that have a step.

        Raises:
            InputError: a tag that is none, or a tagging that is not allowed.
        """
        found = self.score(scores, tags)
        if self.may_follow is not None and bool(found.isneginf().any()):
            self._refuse_forbidden(unwrap(tags)[0])
        lengths = unwrap(scores)[0].row_lengths
        return (self.log_partition(scores) - found).sum(), int((lengths > 0).sum())

    def viterbi(self, scores: Any) -> tuple[Seq, Tensor]:
        """Return the most probable tagging (B, T) int64 and its score (B,).

        Of equally probable ones that with the smaller tag, looking from the end. Where no tagging of a row's length is
        allowed the score is -inf, and the tags mean nothing.
        """
        xs = self._checked(scores)
        with torch.no_grad():
            path, best = chain.best_path(xs.data, self.chain(), xs.row_lengths)
        return xs.with_data(path), best

    def marginals(self, scores: Any) -> Seq:
        """Return the probability (B, T, C) of each tag at each step, in the light of the whole row."""
        xs = self._checked(scores)
        return xs.with_data(chain.marginals(xs.data, self.chain(), xs.row_lengths))

    def _checked(self, scores: Any) -> Seq:
        xs, _ = unwrap(scores)
        shape = tuple(xs.sample.shape)
        if xs.is_tree or len(shape) != 3 or shape[-1] != self.tags:
            raise ShapeError(
                f"a CRF of {self.tags} tags was given scores {shape}",
                expected=f"(batch, time, {self.tags})",
            )
        # What autocast made small is summed in the parameters' own precision.
        dtype = torch.promote_types(xs.sample.dtype, self.start.dtype)
        return xs if xs.sample.dtype is dtype else xs.map(lambda data: data.to(dtype))

    def _check_tags(self, xs: Seq, ys: Seq) -> None:
        if ys.is_tree or ys.sample.shape != (xs.batch, xs.steps) or ys.sample.dtype != torch.int64:
            raise ShapeError(
                f"tags {tuple(ys.sample.shape)} of {ys.sample.dtype}",
                expected=f"{(xs.batch, xs.steps)} of torch.int64, one for each step of the scores",
            )
        if not torch.equal(xs.row_lengths, ys.row_lengths):
            row = int((xs.row_lengths != ys.row_lengths).nonzero()[0])
            raise ShapeError(
                f"row {row} has {int(ys.row_lengths[row])} tags",
                expected=f"{int(xs.row_lengths[row])}, one for each step of the scores",
            )
        wrong = (ys.data < 0) | (ys.data >= self.tags)
        if wrong.any():
            row, step = wrong.nonzero()[0].tolist()
            raise InputError(
                f"the tag of row {row}, step {step} is {int(ys.data[row, step])}",
                expected=f"one from 0 to {self.tags - 1}",
            )

    def _refuse_forbidden(self, ys: Seq) -> None:
        """Raise an error that names the first place of a tagging that is not allowed."""
        assert (
            self.may_begin is not None and self.may_follow is not None and self.may_end is not None
        )
        for row, tags in enumerate(ys.to_list()):
            if len(tags) == 0:
                continue
            good = self.may_follow[tags[:-1], tags[1:]]
            problem = None
            if not self.may_begin[tags[0]]:
                problem = f"begins with tag {int(tags[0])}"
            elif not good.all():
                step = int((~good).nonzero()[0])
                problem = (
                    f"has tag {int(tags[step + 1])} after {int(tags[step])} at step {step + 1}"
                )
            elif not self.may_end[tags[-1]]:
                problem = f"ends with tag {int(tags[-1])}"
            if problem is not None:
                raise InputError(
                    f"row {row} {problem}", expected="what the CRF allows", fix="repair the tags"
                )
