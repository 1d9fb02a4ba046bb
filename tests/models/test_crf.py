"""The conditional random field: equal to a sum over all taggings, written out."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from unrolled import Seq
from unrolled.models.crf import Allowed, LinearChainCRF

LENGTHS = [4, 0, 1, 2, 4]


def drawn(tags: int, allowed: Allowed | None = None, seed: int = 0) -> LinearChainCRF:
    torch.manual_seed(seed)
    crf = LinearChainCRF(tags, allowed).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def scores_of(tags: int, lengths: list[int], seed: int = 1, scale: float = 1.0) -> Seq:
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths, default=0), tags)
    return Seq(scale * torch.randn(shape, generator=generator, dtype=torch.float64), lengths)


def bioes() -> Allowed:
    """O, B, I, E, S of one type, in this order."""
    follow = torch.zeros(5, 5, dtype=torch.bool)
    for before, after in [(0, 0), (0, 1), (0, 4), (1, 2), (1, 3), (2, 2), (2, 3), (3, 0), (3, 1),
                          (3, 4), (4, 0), (4, 1), (4, 4)]:  # fmt: skip
        follow[before, after] = True
    return Allowed(
        follow,
        first=torch.tensor([True, True, False, False, True]),
        last=torch.tensor([True, False, False, True, True]),
    )


MASKS = pytest.mark.parametrize("allowed", [None, bioes()], ids=["all", "bioes"])


def taggings(crf: LinearChainCRF, row: Tensor) -> dict[tuple[int, ...], Tensor]:
    """Return the score of every allowed tagging of a row (T, C), by the definition."""
    found = {}
    for tags in itertools.product(range(crf.tags), repeat=len(row)):
        if tags and crf.may_follow is not None:
            inside = all(crf.may_follow[a, b] for a, b in itertools.pairwise(tags))
            if not (inside and crf.may_begin[tags[0]] and crf.may_end[tags[-1]]):
                continue
        total = sum((row[t, tag] for t, tag in enumerate(tags)), row.new_zeros(()))
        for a, b in itertools.pairwise(tags):
            total = total + crf.transitions[a, b]
        if tags:
            total = total + crf.start[tags[0]] + crf.end[tags[-1]]
        found[tags] = total
    return found


def by_hand(crf: LinearChainCRF, row: Tensor) -> tuple[Tensor, Tensor]:
    """Return log Z and the marginals (T, C) of a row, summed over its taggings."""
    found = taggings(crf, row)
    log_z = torch.stack(list(found.values())).logsumexp(0)
    chances = torch.zeros_like(row)
    for tags, score in found.items():
        one_hot = F.one_hot(torch.tensor(tags, dtype=torch.int64), crf.tags).double()
        chances = chances + (score - log_z).exp() * one_hot.reshape(row.shape)
    return log_z, chances


@MASKS
@settings(max_examples=15)
@given(
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    scale=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_everything_equals_the_sum_over_all_taggings(
    allowed: Allowed | None, lengths: list[int], seed: int, scale: float
) -> None:
    crf, xs = drawn(5, allowed, seed), scores_of(5, lengths, seed, scale)
    log_z, chances = crf.log_partition(xs), crf.marginals(xs)
    path, best = crf.viterbi(xs)
    for index, row in enumerate(xs.to_list()):
        expected, expected_chances = by_hand(crf, row)
        torch.testing.assert_close(log_z[index], expected, rtol=1e-12, atol=1e-10)
        found = chances.data[index, : len(row)]
        torch.testing.assert_close(found, expected_chances, rtol=0, atol=1e-10)
        scores = taggings(crf, row)
        tags = tuple(path.data[index, : len(row)].tolist())
        torch.testing.assert_close(best[index], max(scores.values()), rtol=1e-12, atol=1e-10)
        torch.testing.assert_close(scores[tags], best[index], rtol=1e-12, atol=1e-10)


@MASKS
def test_gradients(allowed: Allowed | None) -> None:
    crf, xs = drawn(5, allowed), scores_of(5, LENGTHS)
    right = Seq(
        torch.tensor([[1, 2, 2, 3], [0] * 4, [4, 0, 0, 0], [1, 3, 0, 0], [0, 4, 1, 3]]), LENGTHS
    )
    given = [xs.data.clone().requires_grad_(), *crf.parameters()]

    def with_these(run, data, *parameters):
        found = dict(zip(("start", "transitions", "end"), parameters, strict=True))
        return torch.func.functional_call(
            Calls(crf, run), {f"crf.{k}": v for k, v in found.items()}, (data,)
        )

    for run in (
        lambda crf, data: crf.nll(Seq(data, LENGTHS), right)[0],
        lambda crf, data: crf.log_partition(Seq(data, LENGTHS)),
        lambda crf, data: crf.marginals(Seq(data, LENGTHS)).data,
    ):
        assert torch.autograd.gradcheck(lambda *leaves, run=run: with_these(run, *leaves), given)


class Calls(torch.nn.Module):
    """A method of a CRF as the forward of a module, so that its parameters can be replaced."""

    def __init__(self, crf: LinearChainCRF, run) -> None:
        super().__init__()
        self.crf, self.run = crf, run

    def forward(self, data: Tensor) -> Tensor:
        return self.run(self.crf, data)
